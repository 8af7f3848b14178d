//! The plan written into the ledger: new occurrences become rows, rows that have not been attempted follow their
//! post's edits, rows whose post is gone are cancelled. Nothing that may have left is ever touched here.
//!
//! Rows are read and written page by page, so that a million of them need the memory of a page and nobody waits long
//! for the writer. A plan of one page is one transaction; a larger one is several, first what stands, then what is new.
//! One that breaks off in between is part of the plan, and the next plan goes on from there.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use sqlx::{AnyConnection, Row};

use super::calendar::{DRAFT_AGAIN, FEWER_PARTS, FILE_GONE, NOT_APPROVED, NOT_THERE, UNREADABLE, Written, local_word};
use super::deliveries::WAITS_FOR_PART;
use super::errors::StoreError;
use super::notices::settle_delivery;
use super::pauses::MISSED_SLOT;
use super::secret::text_hash;
use super::sending::payload_json;
use super::{Store, doubt, threads};
use crate::core::delivery::{Payload, State};
use crate::core::ids::{AccountName, DeliveryId, FactId, Occurrence, PostId};
use crate::core::lateness::is_held_for_its_time;
use crate::core::plan::Kind;
use crate::core::plan::agenda::{Agenda, RowKey, Wanted};
use crate::core::plan::repeated::{ALREADY_SAID, SAID_FOR};
use crate::core::post::Post;

/// Rows of one transaction.
const PAGE: usize = 4_000;

const THROUGH: &str = "UPDATE accounts SET planned_through = $1";

/// Which posts there are.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// Posts that planning may place, now or some day.
    pub present: HashSet<PostId>,
    /// Posts whose file has mistakes, each with the first of them.
    pub unreadable: HashMap<PostId, String>,
    /// Posts whose file says that they are drafts.
    pub drafts: HashSet<PostId>,
}

impl From<HashSet<PostId>> for Files {
    fn from(present: HashSet<PostId>) -> Self {
        Self { present, ..Self::default() }
    }
}

impl Store {
    /// Writes the plan for everything before `through`. `files` says which posts still exist.
    ///
    /// # Errors
    /// When the database cannot be written: then nothing changed, or of a plan of more than one page the first pages.
    pub async fn write_plan<P: Borrow<Post> + Send + Sync + 'static>(
        &self,
        agenda: Agenda<P>,
        files: impl Into<Files>,
        through: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Written, StoreError> {
        let (agenda, files) = (Arc::new(agenda), Arc::new(files.into()));
        let mut missing = vec![true; agenda.len()];
        let mut written = Written::default();
        let mut after = Some(0);
        while let Some(last) = after {
            let (of_agenda, of_files) = (Arc::clone(&agenda), Arc::clone(&files));
            let page = self.inner.writer.decide(move |connection| {
                let (agenda, files) = (Arc::clone(&of_agenda), Arc::clone(&of_files));
                Box::pin(async move { page(connection, &agenda, &files, last, through, now).await })
            });
            let page = page.await?;
            written.add(page.written);
            if page.is_all {
                return Ok(written);
            }
            for number in page.found {
                if let Some(missing) = missing.get_mut(number) {
                    *missing = false;
                }
            }
            after = page.goes_on;
        }
        let missing: Vec<usize> =
            (0..).zip(missing).filter_map(|(number, missing)| missing.then_some(number)).collect();
        let begins = |number: usize| agenda.row(number).is_none_or(|row| row.part == 1);
        for numbers in pages(&missing, PAGE, begins) {
            let (agenda, numbers) = (Arc::clone(&agenda), Arc::<[usize]>::from(numbers));
            let fresh = self.inner.writer.decide(move |connection| {
                let (agenda, numbers) = (Arc::clone(&agenda), Arc::clone(&numbers));
                Box::pin(async move {
                    let mut written = Written::default();
                    fresh(connection, &agenda, numbers.iter().copied(), now, &mut written).await?;
                    Ok(written)
                })
            });
            written.add(fresh.await?);
        }
        let through = through.timestamp_millis();
        let planned = self.inner.writer.write(move |connection| {
            Box::pin(async move { Ok(sqlx::query(THROUGH).bind(through).execute(connection).await?.rows_affected()) })
        });
        planned.await?;
        Ok(written)
    }

    /// Adds rows that a person wants, beside whatever is planned. Returns how many.
    ///
    /// # Errors
    /// When the database cannot be written; then none was added.
    pub async fn add_wanted(&self, wanted: Vec<Wanted>, now: DateTime<Utc>) -> Result<u64, StoreError> {
        self.inner
            .writer
            .decide(move |connection| {
                let wanted = wanted.clone();
                Box::pin(async move {
                    let mut written = Written::default();
                    let mut words = Words::default();
                    for row in &wanted {
                        // A person wants it once more: nothing of that was ever sent.
                        insert(connection, row, words.of(row)?, None, now, &mut written).await?;
                    }
                    Ok(written.added)
                })
            })
            .await
    }
}

/// What one page of standing rows came to.
struct Page {
    written: Written,
    /// Numbers of the rows that stand.
    found: Vec<usize>,
    /// The last row's id, if there may be more.
    goes_on: Option<i64>,
    /// The whole plan had room in this page and is written.
    is_all: bool,
}

/// Lets the standing rows after this id follow the plan; writes all of it where it has room in one page.
async fn page<P: Borrow<Post>>(
    connection: &mut AnyConnection,
    agenda: &Agenda<P>,
    files: &Files,
    after: i64,
    through: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Page, StoreError> {
    let standing = standing(connection, after).await?;
    let goes_on = standing.last().filter(|_| standing.len() >= PAGE).map(|(_, last)| last.id);
    let mut page = Page { written: Written::default(), found: Vec::new(), goes_on, is_all: false };
    let mut words = Words::default();
    let mut tried = Vec::new();
    for (key, found) in &standing {
        let Some((number, row)) = agenda.number(key).and_then(|number| Some((number, agenda.row(number)?))) else {
            let (account, post, occurrence, part) = key;
            // A thread that got shorter: its last parts are gone as a removed post is.
            let cut = agenda.parts(account, post, occurrence).is_some_and(|parts| *part > parts);
            let stays = files.present.contains(post) && !cut;
            let gone = files.unreadable.get(post).map(|mistake| format!("{UNREADABLE}{mistake}"));
            let otherwise = if cut {
                FEWER_PARTS
            } else if files.drafts.contains(post) {
                DRAFT_AGAIN
            } else {
                FILE_GONE
            };
            let why = gone.unwrap_or_else(|| otherwise.to_owned());
            withdraw(connection, found, (!stays).then_some(why), now, &mut page.written).await?;
            continue;
        };
        page.found.push(number);
        if found.due_at != row.due_at.timestamp_millis() && is_used(connection, &row, found.id, now).await? {
            continue;
        }
        update(connection, &row, words.of(&row)?, found, now, &mut page.written).await?;
        if found.state == State::Refused {
            tried.push(DeliveryId(found.id));
        }
    }
    for id in tried {
        threads::go_again(connection, id, now).await?;
    }
    if after == 0 && goes_on.is_none() && agenda.len() <= PAGE {
        let found: HashSet<usize> = page.found.iter().copied().collect();
        let missing = (0..agenda.len()).filter(|number| !found.contains(number));
        fresh(connection, agenda, missing, now, &mut page.written).await?;
        sqlx::query(THROUGH).bind(through.timestamp_millis()).execute(connection).await?;
        page.is_all = true;
    }
    Ok(page)
}

/// Adds the rows of these numbers.
async fn fresh<P: Borrow<Post>>(
    connection: &mut AnyConnection,
    agenda: &Agenda<P>,
    numbers: impl Iterator<Item = usize>,
    now: DateTime<Utc>,
    written: &mut Written,
) -> Result<(), StoreError> {
    let doubt = doubt::last(connection).await?;
    let mut words = Words::default();
    for row in numbers.filter_map(|number| agenda.row(number)) {
        insert(connection, &row, words.of(&row)?, doubt, now, written).await?;
    }
    Ok(())
}

/// Words as the ledger keeps them.
struct Kept {
    payload: Payload,
    json: String,
    hash: String,
    text_hash: String,
}

/// The words of each part that came last: accounts that say the same stand beside each other, and share the work.
#[derive(Default)]
struct Words(HashMap<i64, Kept>);

impl Words {
    fn of(&mut self, row: &Wanted) -> Result<&Kept, StoreError> {
        let fits = self.0.get(&row.part).is_some_and(|kept| kept.payload == row.payload);
        if !fits {
            let json = payload_json(&row.payload)?;
            let (hash, text_hash) = (text_hash(&json), text_hash(&row.payload.text));
            self.0.insert(row.part, Kept { payload: row.payload.clone(), json, hash, text_hash });
        }
        self.0.get(&row.part).ok_or(StoreError::Garbled { what: "a delivery's payload" })
    }
}

struct Standing {
    id: i64,
    state: State,
    due_at: i64,
    expires_at: Option<i64>,
    payload_hash: String,
    parts: i64,
    attempt: i64,
    reason: String,
    /// An attempt was unclear, or the server said yes and does not show it.
    may_exist: bool,
}

/// Rows after this id that planning may still change: never attempted, or waiting for a person; at most a page.
async fn standing(connection: &mut AnyConnection, after: i64) -> Result<Vec<(RowKey, Standing)>, StoreError> {
    const LIST: &str = "SELECT id, account, post_id, occurrence, part, parts, state, due_at, expires_at, payload_hash, \
        attempt, reason, CASE WHEN unclear > 0 OR status_id IS NOT NULL OR doubted_at IS NOT NULL THEN 1 ELSE 0 END \
        AS may_exist \
        FROM deliveries WHERE id > $3 AND kind = 'post' AND (state IN ('planned', 'held', 'refused') \
        OR (state = 'cancelled' AND reason LIKE $1) OR (state = 'expired' AND reason = $2)) ORDER BY id LIMIT $4";
    let mut rows = Vec::new();
    let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
    for row in
        sqlx::query(LIST).bind(NOT_THERE).bind(NOT_APPROVED).bind(after).bind(limit).fetch_all(connection).await?
    {
        let part: i64 = row.try_get("part")?;
        let key = (
            AccountName::new(row.try_get::<String, _>("account")?),
            PostId::new(row.try_get::<String, _>("post_id")?),
            Occurrence::from_ledger(row.try_get("occurrence")?),
            part,
        );
        let word: String = row.try_get("state")?;
        let state = State::parse(&word).ok_or(StoreError::Garbled { what: "a delivery's state" })?;
        let found = Standing {
            id: row.try_get("id")?,
            state,
            due_at: row.try_get("due_at")?,
            expires_at: row.try_get("expires_at")?,
            payload_hash: row.try_get("payload_hash")?,
            parts: row.try_get("parts")?,
            attempt: row.try_get("attempt")?,
            reason: row.try_get("reason")?,
            may_exist: row.try_get::<i64, _>("may_exist")? != 0,
        };
        rows.push((key, found));
    }
    Ok(rows)
}

/// Whether the account showed this text within 60 days: as another post, as the same one when that was repeated or
/// evergreen, or before it was first linked. Asked when a
/// row is made, so that people see it early, and again when it is claimed: between the two, a twin may have gone out,
/// an edit may have changed the words, or the account's own statuses may have been read for the first time.
pub(super) async fn is_said(
    connection: &mut AnyConnection,
    account: &AccountName,
    post: &PostId,
    text: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    hash_is_said(connection, account, post, &text_hash(text), now).await
}

async fn hash_is_said(
    connection: &mut AnyConnection,
    account: &AccountName,
    post: &PostId,
    hash: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const SAID: &str = "SELECT 1 AS one FROM deliveries WHERE account = $1 AND text_hash = $2 AND kind = 'post' \
        AND part = 1 AND NOT (post_id = $4 AND occurrence = 'once') AND state IN ('sent', 'verified', 'armed', 'unknown') AND due_at > $3 \
        UNION ALL SELECT 1 AS one FROM said WHERE account = $1 AND text_hash = $2 AND said_at > $3 LIMIT 1";
    let since = (now - SAID_FOR).timestamp_millis();
    let said = sqlx::query(SAID).bind(account.as_str().to_owned()).bind(hash.to_owned()).bind(since);
    Ok(said.bind(post.as_str().to_owned()).fetch_optional(connection).await?.is_some())
}

async fn insert(
    connection: &mut AnyConnection,
    row: &Wanted,
    words: &Kept,
    doubt: Option<doubt::Open>,
    now: DateTime<Utc>,
    written: &mut Written,
) -> Result<(), StoreError> {
    // The plan was made before the slot was used: the next one knows.
    if is_used(connection, row, 0, now).await? {
        return Ok(());
    }
    let mut state = State::Planned;
    let mut reason = "";
    let doubt = doubt.filter(|doubt| doubt.covers_post(row.due_at, row.kind == Kind::Slot, now));
    if doubt.is_some() {
        if row.part == 1 {
            state = State::Unknown;
            reason = doubt::LOOKED_FOR;
        }
    } else if row.part == 1 && slot_is_used(connection, row, now).await? {
        // The next plan knows, and gives it another.
        return Ok(());
    } else if row.part == 1
        && row.occurrence == Occurrence::once()
        && hash_is_said(connection, &row.account, &row.post, &words.text_hash, now).await?
    {
        state = State::Held;
        reason = ALREADY_SAID;
        written.already_said += 1;
    }
    if row.expires_at.is_some_and(|expires| expires <= now) && row.part == 1 && state == State::Planned {
        state = State::Expired;
        reason = "its time had passed when it was first seen";
    }
    if row.part > 1 && first_part_expired(connection, row).await? {
        state = State::Expired;
        reason = "its first part had expired";
    }
    written.added += insert_kept(connection, row, words, (state, reason), doubt, now).await?;
    Ok(())
}

/// Whether another post has just taken this slot: it is due about now, and a sender may have been faster than the plan.
async fn is_used(
    connection: &mut AnyConnection,
    row: &Wanted,
    own: i64,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const USED: &str = "SELECT 1 AS one FROM deliveries WHERE account = $1 AND kind = 'post' AND part = 1 \
        AND plan_kind IN ('slot', 'evergreen') AND local_time = $2 AND zone = $3 AND due_at >= $4 AND due_at <= $5 \
        AND id <> $6 AND post_id <> $7 AND state IN ('claimed', 'armed', 'sent', 'verified', 'unknown') LIMIT 1";
    let near = Duration::minutes(1);
    let takes_a_slot = matches!(row.kind, Kind::Slot | Kind::Evergreen);
    if !takes_a_slot || (row.due_at - now).abs() > near {
        return Ok(false);
    }
    let (from, until) = ((row.due_at - near).timestamp_millis(), (row.due_at + near).timestamp_millis());
    let query = sqlx::query(USED).bind(row.account.as_str().to_owned()).bind(local_word(row.local));
    let query = query.bind(row.zone.clone()).bind(from).bind(until).bind(own).bind(row.post.as_str().to_owned());
    Ok(query.fetch_optional(connection).await?.is_some())
}

/// A row in this state, unless it exists. Returns how many were made.
pub(super) async fn insert_as(
    connection: &mut AnyConnection,
    row: &Wanted,
    state: State,
    reason: &'static str,
    doubt: Option<doubt::Open>,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    insert_kept(connection, row, Words::default().of(row)?, (state, reason), doubt, now).await
}

async fn insert_kept(
    connection: &mut AnyConnection,
    row: &Wanted,
    words: &Kept,
    (state, reason): (State, &'static str),
    doubt: Option<doubt::Open>,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    const INSERT: &str = "INSERT INTO deliveries (account, kind, post_id, occurrence, part, parts, plan_kind, state, \
        due_at, not_before, expires_at, local_time, zone, late, payload, payload_hash, text_hash, topic, facts, reason, \
        created_at, updated_at, doubted_at, armed_at, look_at, baseline) VALUES ($1, 'post', $2, $3, $4, $5, $6, $7, \
        $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $20, $21, $22, $23, \
        (SELECT newest_own FROM accounts WHERE name = $1 AND $21 IS NOT NULL)) \
        ON CONFLICT (account, post_id, occurrence, part, mention_uri) DO NOTHING";
    let not_before = if row.part == 1 { row.due_at.timestamp_millis() } else { WAITS_FOR_PART };
    let query = sqlx::query(INSERT)
        .bind(row.account.as_str().to_owned())
        .bind(row.post.as_str().to_owned())
        .bind(row.occurrence.as_str().to_owned())
        .bind(row.part)
        .bind(row.parts)
        .bind(row.kind.as_str())
        .bind(state.as_str())
        .bind(row.due_at.timestamp_millis())
        .bind(not_before)
        .bind(row.expires_at.map(|at| at.timestamp_millis()))
        .bind(local_word(row.local))
        .bind(row.zone.clone())
        .bind(row.late.as_str())
        .bind(words.json.clone())
        .bind(words.hash.clone())
        .bind(words.text_hash.clone())
        .bind(row.topic.as_ref().map(|topic| topic.as_str().to_owned()).unwrap_or_default())
        .bind(row.facts.iter().map(FactId::as_str).collect::<Vec<_>>().join(" "))
        .bind(reason)
        .bind(now.timestamp_millis())
        .bind(doubt.map(|doubt| doubt.at.timestamp_millis()))
        .bind(doubt.map(|doubt| doubt.since.timestamp_millis()))
        .bind((state == State::Unknown).then(|| doubt::first_look(now).timestamp_millis()));
    Ok(query.execute(connection).await?.rows_affected())
}

/// Whether another post took the row's slot since the plan was made: a plan that is made in the second in which a slot
/// is used does not know it.
async fn slot_is_used(connection: &mut AnyConnection, row: &Wanted, now: DateTime<Utc>) -> Result<bool, StoreError> {
    const USED: &str = "SELECT 1 AS one FROM deliveries WHERE kind = 'post' AND due_at = $1 AND account = $2 \
        AND local_time = $3 AND part = 1 AND plan_kind IN ('slot', 'evergreen') AND post_id <> $4 \
        AND state NOT IN ('planned', 'cancelled', 'expired') LIMIT 1";
    if !matches!(row.kind, Kind::Slot | Kind::Evergreen) || row.due_at > now + Duration::minutes(1) {
        return Ok(false);
    }
    let query = sqlx::query(USED).bind(row.due_at.timestamp_millis()).bind(row.account.as_str().to_owned());
    let query = query.bind(local_word(row.local)).bind(row.post.as_str().to_owned());
    Ok(query.fetch_optional(connection).await?.is_some())
}

async fn first_part_expired(connection: &mut AnyConnection, row: &Wanted) -> Result<bool, StoreError> {
    const FIRST: &str = "SELECT 1 AS one FROM deliveries WHERE account = $1 AND post_id = $2 AND occurrence = $3 \
        AND part = 1 AND mention_uri = '' AND state = 'expired'";
    let query = sqlx::query(FIRST).bind(row.account.as_str().to_owned()).bind(row.post.as_str().to_owned());
    Ok(query.bind(row.occurrence.as_str().to_owned()).fetch_optional(connection).await?.is_some())
}

async fn update(
    connection: &mut AnyConnection,
    row: &Wanted,
    words: &Kept,
    found: &Standing,
    now: DateTime<Utc>,
    written: &mut Written,
) -> Result<(), StoreError> {
    const UPDATE: &str = "UPDATE deliveries SET state = $1, parts = $2, plan_kind = $3, due_at = $4, \
        not_before = CASE WHEN part > 1 OR due_at = $4 THEN not_before ELSE $5 END, \
        expires_at = CASE WHEN part > 1 AND not_before <> $20 THEN expires_at ELSE $6 END, local_time = $7, zone = $8, late = $9, payload = $10, payload_hash = $11, text_hash = $12, \
        topic = $13, facts = $14, reason = $15, generation = generation + $16, updated_at = $17, \
        look_at = CASE WHEN $1 = 'unknown' THEN $17 WHEN $1 = 'planned' THEN NULL ELSE look_at END, \
        status_id = CASE WHEN $1 = 'unknown' THEN NULL ELSE status_id END \
        WHERE id = $18 AND state = $19";
    let due_at = row.due_at.timestamp_millis();
    let edited = words.hash != found.payload_hash;
    let same = !edited
        && found.due_at == due_at
        && found.expires_at == row.expires_at.map(|at| at.timestamp_millis())
        && found.parts == row.parts;
    let (state, reason, new_generation) = match found.state {
        State::Expired if row.expires_at.is_some_and(|expires| expires <= now) => return Ok(()),
        State::Held if same => return Ok(()),
        // It was held because its time had passed; now it has another.
        State::Held if found.due_at != due_at && row.due_at > now && is_held_for_its_time(&found.reason) => {
            (State::Planned, "it has a new time", 0)
        }
        // New words were not said already; the claim asks once more.
        State::Held if edited && found.reason == ALREADY_SAID => (State::Planned, "edited: no longer said already", 0),
        // Staff hold it, or an outage does: an edit changes the words, not the hold.
        State::Held if found.reason == threads::BEHIND_REFUSED => (State::Held, threads::BEHIND_REFUSED, 0),
        // Only its times moved: why it is held stays said.
        State::Held if !edited => (State::Held, found.reason.as_str(), 0),
        State::Held => (State::Held, "held; edited since", 0),
        State::Refused if !edited => return Ok(()),
        State::Refused if found.may_exist => (State::Unknown, "edited after it was refused; looked for first", 1),
        State::Refused => (State::Planned, "edited after it was refused", 1),
        State::Planned if same => return Ok(()),
        // What may be on the server is looked for first (DESIGN §5: a row that may exist is read back).
        State::Cancelled if found.may_exist => (State::Unknown, "its post came back; it may be on the server", 0),
        State::Cancelled => (State::Planned, "its post came back", i64::from(found.attempt > 0)),
        // Its new slot does not make the missed one unsaid.
        State::Planned if found.reason.starts_with(MISSED_SLOT) => (State::Planned, found.reason.as_str(), 0),
        State::Planned
        | State::Claimed
        | State::Armed
        | State::Sent
        | State::Verified
        | State::Unknown
        | State::Expired => (State::Planned, "", 0),
    };
    let query = sqlx::query(UPDATE)
        .bind(state.as_str())
        .bind(row.parts)
        .bind(row.kind.as_str())
        .bind(due_at)
        .bind(due_at)
        .bind(row.expires_at.map(|at| at.timestamp_millis()))
        .bind(local_word(row.local))
        .bind(row.zone.clone())
        .bind(row.late.as_str())
        .bind(words.json.clone())
        .bind(words.hash.clone())
        .bind(words.text_hash.clone())
        .bind(row.topic.as_ref().map(|topic| topic.as_str().to_owned()).unwrap_or_default())
        .bind(row.facts.iter().map(FactId::as_str).collect::<Vec<_>>().join(" "))
        .bind(reason)
        .bind(new_generation)
        .bind(now.timestamp_millis())
        .bind(found.id)
        .bind(found.state.as_str())
        .bind(WAITS_FOR_PART);
    written.changed += query.execute(&mut *connection).await?.rows_affected();
    if found.state == State::Cancelled && row.part > 1 {
        threads::follows_at_once(connection, DeliveryId(found.id), now).await?;
    }
    if state != found.state {
        settle_delivery(connection, found.id).await?;
    }
    Ok(())
}

/// A row planning no longer wants; `gone` says why, where its post is not there. Overdue rows of posts that still exist stay: they are due, not forgotten.
async fn withdraw(
    connection: &mut AnyConnection,
    found: &Standing,
    gone: Option<String>,
    now: DateTime<Utc>,
    written: &mut Written,
) -> Result<(), StoreError> {
    const CANCEL: &str = "UPDATE deliveries SET state = 'cancelled', reason = $1, fence = fence + 1, updated_at = $2 \
        WHERE id = $3 AND state = $4";
    // Never attempted, and its time is still to come: its post moved elsewhere or is a draft again.
    const DELETE: &str = "DELETE FROM deliveries WHERE id = $1 AND state = 'planned' AND attempt = 0";
    let changed = match (found.state, gone) {
        (State::Planned | State::Held | State::Refused, Some(why)) => {
            let query = sqlx::query(CANCEL).bind(why).bind(now.timestamp_millis());
            let cancelled = query.bind(found.id).bind(found.state.as_str()).execute(&mut *connection).await?;
            settle_delivery(connection, found.id).await?;
            cancelled.rows_affected()
        }
        (State::Planned, None) if found.due_at > now.timestamp_millis() && found.attempt == 0 => {
            sqlx::query(DELETE).bind(found.id).execute(connection).await?.rows_affected()
        }
        _ => 0,
    };
    written.withdrawn += changed;
    Ok(())
}

/// About so many rows each; a page ends only where the next row begins an occurrence, so that no thread is ever written
/// in half.
fn pages(numbers: &[usize], about: usize, begins: impl Fn(usize) -> bool) -> Vec<&[usize]> {
    let mut pages = Vec::new();
    let mut rest = numbers;
    while !rest.is_empty() {
        let mut end = about.min(rest.len());
        while rest.get(end).is_some_and(|number| !begins(*number)) {
            end += 1;
        }
        let (page, after) = rest.split_at(end);
        pages.push(page);
        rest = after;
    }
    pages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_the_plan_ends_between_occurrences() {
        // Threads of three parts, and one of thirty.
        let begins = |number: usize| number.is_multiple_of(3) && !(31..60).contains(&number);
        let numbers: Vec<usize> = (0..90).collect();
        let pages = pages(&numbers, 10, begins);
        assert_eq!(pages.concat(), numbers);
        assert!(pages.iter().all(|page| begins(page[0])), "{pages:?}");
        assert_eq!(pages.iter().map(|page| page.len()).max(), Some(30 + 6), "{pages:?}");
        assert!(super::pages(&[], 10, begins).is_empty());
    }
}
