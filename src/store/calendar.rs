//! The plan written into the ledger: new occurrences become rows, rows that have not been attempted follow their
//! post's edits, rows whose post is gone are cancelled. Nothing that may have left is ever touched here.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use chrono_tz::Tz;
use sqlx::{AnyConnection, Row};

use super::deliveries::WAITS_FOR_PART;
use super::errors::StoreError;
use super::notices::settle_delivery;
use super::pauses::MISSED_SLOT;
use super::secret::text_hash;
use super::sending::payload_json;
use super::{Store, doubt, millis, threads};
use crate::core::delivery::{Payload, State};
use crate::core::ids::{AccountName, DeliveryId, FactId, Occurrence, PostId, TopicId};
use crate::core::plan::{History, Kind, Said};
use crate::core::post::DEFAULT_EXPIRY;
use crate::core::schedule::resolve;

/// One status that planning wants in the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Who says it.
    pub account: AccountName,
    /// What.
    pub post: PostId,
    /// Which occurrence.
    pub occurrence: Occurrence,
    /// 1 for the first.
    pub part: i64,
    /// How many parts.
    pub parts: i64,
    /// Why at that time.
    pub kind: Kind,
    /// When.
    pub due_at: DateTime<Utc>,
    /// The nominal local time.
    pub local: NaiveDateTime,
    /// The zone it is local to.
    pub zone: String,
    /// Not sent from then on; `None` for slot posts without `expires`, which take the next slot instead.
    pub expires_at: Option<DateTime<Utc>>,
    /// `send`, `hold` or `skip`.
    pub late: &'static str,
    /// What is said.
    pub payload: Payload,
    /// What it is about.
    pub topic: Option<TopicId>,
    /// What it rests on.
    pub facts: Vec<FactId>,
}

/// An occurrence that planning does not move any more.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// Who says it.
    pub account: AccountName,
    /// What.
    pub post: PostId,
    /// Which occurrence.
    pub occurrence: Occurrence,
    /// Why at its time.
    pub kind: Kind,
    /// When it was to go out.
    pub due_at: DateTime<Utc>,
    /// The nominal local time.
    pub local: NaiveDateTime,
    /// The zone it is local to.
    pub zone: String,
    /// From when on it is not sent.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A post file that got another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    /// Its name before.
    pub from: PostId,
    /// Its name now.
    pub to: PostId,
    /// An older post of that name has rows: the renamed post's own did not follow, and it counts as that older post.
    pub taken: bool,
}

/// What staff said of a post from the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// `held` or `cancelled`.
    pub state: State,
    /// Why, in their words.
    pub reason: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// What writing the plan changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// New rows.
    pub added: u64,
    /// Rows that follow an edit or a new time.
    pub changed: u64,
    /// Rows that are no longer wanted.
    pub withdrawn: u64,
    /// New rows held because the account said the same within 60 days.
    pub already_said: u64,
}

/// Why a row is cancelled when its post's file is gone; with this reason it comes back when the file does.
pub const FILE_GONE: &str = "its post was removed";

/// Why a row expired whose post nobody had approved when its time came; with a new time and an approval it comes back.
pub const NOT_APPROVED: &str = "nobody had approved it when its time came";

/// For how long the same text of a `once` post counts as already said (DESIGN §5, law 1).
const SAID_FOR: Duration = Duration::days(60);

/// For how long what was said counts for the rules of planning, which look back a day and a spacing.
const SAID_LATELY: Duration = Duration::days(3);

/// Why a row is held by law 1.
pub const ALREADY_SAID: &str = "already said: this account showed the same text within 60 days";

impl Store {
    /// Notes which posts exist, with the hash of their content: one that vanished while another with equal content
    /// appeared was renamed, and its rows follow. They cannot follow to a name that an older post's rows bear: then
    /// those stand, because a row is never lost and never has two posts. Returns the renames.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn note_posts(&self, present: BTreeMap<PostId, String>) -> Result<Vec<Rename>, StoreError> {
        const TAKEN: &str = "SELECT 1 AS one FROM deliveries WHERE kind = 'post' AND post_id = $1 LIMIT 1";
        const FORGET_MARK: &str = "DELETE FROM post_marks WHERE post_id = $1";
        const FORGET_PLACE: &str = "DELETE FROM post_order WHERE post_id = $1";
        const MOVE_PLACE: &str = "UPDATE post_order SET post_id = $2 WHERE post_id = $1";
        const MOVE_BESIDE: &str = "UPDATE post_order SET beside = $2 WHERE beside = $1";
        const MOVE_APPROVALS: &str = "UPDATE approvals SET post_id = $2 WHERE post_id = $1";
        const LIST: &str = "SELECT post_id, content_hash FROM post_files";
        const MOVE_ROWS: &str = "UPDATE deliveries SET post_id = $2 WHERE kind = 'post' AND post_id = $1";
        const MOVE_MARK: &str = "UPDATE post_marks SET post_id = $2 WHERE post_id = $1";
        const FORGET: &str = "DELETE FROM post_files WHERE post_id = $1";
        const NOTE: &str = "INSERT INTO post_files (post_id, content_hash) VALUES ($1, $2) \
            ON CONFLICT (post_id) DO UPDATE SET content_hash = excluded.content_hash";
        self.inner
            .writer
            .decide(move |connection| {
                let present = present.clone();
                Box::pin(async move {
                    let mut known: BTreeMap<PostId, String> = BTreeMap::new();
                    for row in sqlx::query(LIST).fetch_all(&mut *connection).await? {
                        known.insert(PostId::new(row.try_get::<String, _>("post_id")?), row.try_get("content_hash")?);
                    }
                    let mut vanished: HashMap<&String, &PostId> = known
                        .iter()
                        .filter(|(id, _)| !present.contains_key(*id))
                        .map(|(id, hash)| (hash, id))
                        .collect();
                    let mut renames = Vec::new();
                    for (id, hash) in present.iter().filter(|(id, _)| !known.contains_key(*id)) {
                        if let Some(old) = vanished.remove(hash) {
                            let taken = sqlx::query(TAKEN).bind(id.as_str().to_owned());
                            let taken = taken.fetch_optional(&mut *connection).await?.is_some();
                            renames.push(Rename { from: old.clone(), to: id.clone(), taken });
                            if taken {
                                continue;
                            }
                            // What staff decided about a post that once had this name is not about this one.
                            for text in [FORGET_MARK, FORGET_PLACE] {
                                sqlx::query(text).bind(id.as_str().to_owned()).execute(&mut *connection).await?;
                            }
                            for text in [MOVE_ROWS, MOVE_MARK, MOVE_PLACE, MOVE_BESIDE, MOVE_APPROVALS] {
                                let query =
                                    sqlx::query(text).bind(old.as_str().to_owned()).bind(id.as_str().to_owned());
                                query.execute(&mut *connection).await?;
                            }
                        }
                    }
                    for id in known.keys().filter(|id| !present.contains_key(*id)) {
                        sqlx::query(FORGET).bind(id.as_str().to_owned()).execute(&mut *connection).await?;
                    }
                    for (id, hash) in present.iter().filter(|(id, hash)| known.get(*id) != Some(hash)) {
                        let query = sqlx::query(NOTE).bind(id.as_str().to_owned()).bind(hash.clone());
                        query.execute(&mut *connection).await?;
                    }
                    Ok(renames)
                })
            })
            .await
    }

    /// What has happened already, as planning must know it at `now`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn history(&self, now: DateTime<Utc>) -> Result<History, StoreError> {
        const TAKEN: &str = "SELECT account, post_id, occurrence, plan_kind, state, due_at, topic, attempt, local_time, \
            zone, CASE WHEN was_late = 1 THEN COALESCE(sent_at, due_at) ELSE due_at END AS said_at, \
            CASE WHEN state = 'planned' AND late <> 'released' AND EXISTS (SELECT 1 FROM pauses \
            WHERE pauses.kind = 'post' AND pauses.account IN ('', deliveries.account) \
            AND pauses.since <= deliveries.due_at AND (pauses.until IS NULL OR pauses.until > deliveries.due_at)) \
            THEN 1 ELSE 0 END AS paused FROM deliveries \
            WHERE kind = 'post' AND part = 1 AND (state <> 'planned' OR due_at <= $1) \
            AND NOT (state = 'cancelled' AND reason = $2) AND NOT (state = 'expired' AND reason = $4) \
            AND (occurrence = 'once' OR due_at > $3) ORDER BY due_at";
        // What expired or was cancelled was not used; it came round all the same.
        const USES: &str = "SELECT account, post_id, plan_kind, MAX(local_time) AS last, COUNT(*) AS uses \
            FROM deliveries WHERE kind = 'post' AND part = 1 AND (state <> 'planned' OR due_at <= $1) \
            AND ((plan_kind = 'evergreen' AND state NOT IN ('cancelled', 'expired')) \
            OR (plan_kind = 'every' AND NOT (state = 'cancelled' AND reason = $2))) \
            GROUP BY account, post_id, plan_kind";
        let mut history = History::default();
        let now_ms = now.timestamp_millis();
        let long_ago = (now - Duration::days(60)).timestamp_millis();
        let missed = now - DEFAULT_EXPIRY;
        let query = sqlx::query(TAKEN).bind(now_ms).bind(FILE_GONE).bind(long_ago).bind(NOT_APPROVED);
        for row in query.fetch_all(&self.inner.reads).await? {
            let account = AccountName::new(row.try_get::<String, _>("account")?);
            let post = PostId::new(row.try_get::<String, _>("post_id")?);
            let kind: String = row.try_get("plan_kind")?;
            let word: String = row.try_get("state")?;
            let state = State::parse(&word).ok_or(StoreError::Garbled { what: "a delivery's state" })?;
            let due = millis(row.try_get("due_at")?);
            let has_missed = due <= missed || row.try_get::<i64, _>("paused")? != 0;
            let waits = kind == "slot" && state == State::Planned;
            if waits && has_missed && row.try_get::<i64, _>("attempt")? == 0 {
                // It missed its slot by more than a late post may, or in a pause: the next free slot takes it.
                continue;
            }
            if (kind == "slot" || kind == "evergreen") && state != State::Cancelled {
                // Known by its nominal instant: shifts and zone data may change between two plans.
                let nominal = nominal(&row)?.unwrap_or(due);
                history.slots_used.insert((account.clone(), nominal));
            }
            let occurrence = Occurrence::from_ledger(row.try_get("occurrence")?);
            if due <= now {
                let topic: String = row.try_get("topic")?;
                // Rows come in time order: the last one speaks, also when it has no topic.
                if topic.is_empty() {
                    history.last_topic.remove(&account);
                } else {
                    history.last_topic.insert(account.clone(), TopicId::new(topic));
                }
                if counts_as_said(state) {
                    let at = millis(row.try_get("said_at")?);
                    history.last_post.insert(account.clone(), (due, post.clone()));
                    if now - at <= SAID_LATELY {
                        let (account, post, occurrence) = (account.clone(), post.clone(), occurrence.clone());
                        history.said.push(Said { account, post, occurrence, at });
                    }
                }
            }
            history.taken.insert((account, post, occurrence));
        }
        for row in sqlx::query(USES).bind(now_ms).bind(FILE_GONE).fetch_all(&self.inner.reads).await? {
            let account = AccountName::new(row.try_get::<String, _>("account")?);
            let post = PostId::new(row.try_get::<String, _>("post_id")?);
            let uses = u32::try_from(row.try_get::<i64, _>("uses")?).unwrap_or(u32::MAX);
            *history.uses.entry((account.clone(), post.clone())).or_default() += uses;
            if row.try_get::<String, _>("plan_kind")? == "evergreen" {
                history.last_used.insert((account, post), local_of(&row.try_get::<String, _>("last")?)?);
            }
        }
        Ok(history)
    }

    /// Occurrences that are placed for good (overdue, half sent, or waiting for a person) and still have a row that an
    /// edit of their post may change.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn open_occurrences(&self, now: DateTime<Utc>) -> Result<Vec<Placed>, StoreError> {
        const LIST: &str = "SELECT account, post_id, occurrence, plan_kind, MIN(due_at) AS due_at, \
            MIN(expires_at) AS expires_at, MIN(local_time) AS local_time, MIN(zone) AS zone FROM deliveries \
            WHERE kind = 'post' AND (state IN ('held', 'refused') OR (state = 'planned' AND due_at <= $1)) \
            GROUP BY account, post_id, occurrence, plan_kind";
        self.placed(LIST, now).await
    }

    /// Occurrences of repeated posts that are planned for a time to come.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn coming_repeats(&self, now: DateTime<Utc>) -> Result<Vec<Placed>, StoreError> {
        const LIST: &str = "SELECT account, post_id, occurrence, plan_kind, due_at, expires_at, local_time, zone \
            FROM deliveries WHERE kind = 'post' AND part = 1 AND plan_kind = 'every' AND state = 'planned' \
            AND due_at > $1";
        self.placed(LIST, now).await
    }

    async fn placed(&self, list: &'static str, now: DateTime<Utc>) -> Result<Vec<Placed>, StoreError> {
        let rows = sqlx::query(list).bind(now.timestamp_millis()).fetch_all(&self.inner.reads).await?;
        let read = |row: &sqlx::any::AnyRow| {
            let kind: String = row.try_get("plan_kind")?;
            Ok(Placed {
                account: AccountName::new(row.try_get::<String, _>("account")?),
                post: PostId::new(row.try_get::<String, _>("post_id")?),
                occurrence: Occurrence::from_ledger(row.try_get("occurrence")?),
                kind: kind_of(&kind).ok_or(StoreError::Garbled { what: "a delivery's plan_kind" })?,
                due_at: millis(row.try_get("due_at")?),
                local: local_of(&row.try_get::<String, _>("local_time")?)?,
                zone: row.try_get("zone")?,
                expires_at: row.try_get::<Option<i64>, _>("expires_at")?.map(millis),
            })
        };
        rows.iter().map(read).collect()
    }

    /// Posts that staff held or cancelled from the terminal.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn post_marks(&self) -> Result<HashMap<PostId, Mark>, StoreError> {
        const MARKS: &str = "SELECT post_id, mark, reason, at FROM post_marks";
        let mut marks = HashMap::new();
        for row in sqlx::query(MARKS).fetch_all(&self.inner.reads).await? {
            let word: String = row.try_get("mark")?;
            let state = State::parse(&word).ok_or(StoreError::Garbled { what: "a post's mark" })?;
            let mark = Mark { state, reason: row.try_get("reason")?, at: millis(row.try_get("at")?) };
            marks.insert(PostId::new(row.try_get::<String, _>("post_id")?), mark);
        }
        Ok(marks)
    }

    /// Writes the plan for everything before `through` in one transaction. `present` says which posts still exist.
    ///
    /// # Errors
    /// When the database cannot be written; then nothing changed.
    pub async fn write_plan(
        &self,
        wanted: Vec<Wanted>,
        present: Vec<PostId>,
        through: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Written, StoreError> {
        const THROUGH: &str = "UPDATE accounts SET planned_through = $1";
        let wanted = std::sync::Arc::new(wanted);
        let present: std::sync::Arc<std::collections::HashSet<PostId>> =
            std::sync::Arc::new(present.into_iter().collect());
        self.inner
            .writer
            .decide(move |connection| {
                let (wanted, present) = (wanted.clone(), present.clone());
                Box::pin(async move {
                    let mut standing = standing(connection).await?;
                    let doubt = doubt::last(connection).await?;
                    let mut tried = Vec::new();
                    let mut written = Written::default();
                    for row in wanted.iter() {
                        let key = (row.account.clone(), row.post.clone(), row.occurrence.clone(), row.part);
                        match standing.remove(&key) {
                            Some(found) => {
                                update(connection, row, &found, now, &mut written).await?;
                                if found.state == State::Refused {
                                    tried.push(DeliveryId(found.id));
                                }
                            }
                            None => insert(connection, row, doubt, now, &mut written).await?,
                        }
                    }
                    for id in tried {
                        threads::go_again(connection, id, now).await?;
                    }
                    let longest = wanted.iter().map(|row| ((&row.account, &row.post, &row.occurrence), row.parts));
                    let longest: HashMap<_, i64> = longest.collect();
                    for ((account, post, occurrence, part), found) in standing {
                        // A thread that got shorter: its last parts are gone as a removed post is.
                        let cut = longest.get(&(&account, &post, &occurrence)).is_some_and(|parts| part > *parts);
                        withdraw(connection, &found, present.contains(&post) && !cut, now, &mut written).await?;
                    }
                    sqlx::query(THROUGH).bind(through.timestamp_millis()).execute(connection).await?;
                    Ok(written)
                })
            })
            .await
    }
}

impl Store {
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
                    for row in &wanted {
                        // A person wants it once more: nothing of that was ever sent.
                        insert(connection, row, None, now, &mut written).await?;
                    }
                    Ok(written.added)
                })
            })
            .await
    }
}

type Key = (AccountName, PostId, Occurrence, i64);

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

/// Rows that planning may still change: never attempted, or waiting for a person.
async fn standing(connection: &mut AnyConnection) -> Result<HashMap<Key, Standing>, StoreError> {
    const LIST: &str = "SELECT id, account, post_id, occurrence, part, parts, state, due_at, expires_at, payload_hash, \
        attempt, reason, CASE WHEN unclear > 0 OR status_id IS NOT NULL OR doubted_at IS NOT NULL THEN 1 ELSE 0 END \
        AS may_exist \
        FROM deliveries WHERE kind = 'post' AND (state IN ('planned', 'held', 'refused') \
        OR (state = 'cancelled' AND reason = $1) OR (state = 'expired' AND reason = $2))";
    let mut rows = HashMap::new();
    for row in sqlx::query(LIST).bind(FILE_GONE).bind(NOT_APPROVED).fetch_all(connection).await? {
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
        rows.insert(key, found);
    }
    Ok(rows)
}

/// Whether the account showed this text within 60 days, as another post or before it was first linked. Asked when a
/// row is made, so that people see it early, and again when it is claimed: between the two, a twin may have gone out,
/// an edit may have changed the words, or the account's own statuses may have been read for the first time.
pub(super) async fn is_said(
    connection: &mut AnyConnection,
    account: &AccountName,
    post: &PostId,
    text: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const SAID: &str = "SELECT 1 AS one FROM deliveries WHERE account = $1 AND text_hash = $2 AND kind = 'post' \
        AND part = 1 AND post_id <> $4 AND state IN ('sent', 'verified', 'armed', 'unknown') AND due_at > $3 \
        UNION ALL SELECT 1 AS one FROM said WHERE account = $1 AND text_hash = $2 AND said_at > $3 LIMIT 1";
    let since = (now - SAID_FOR).timestamp_millis();
    let said = sqlx::query(SAID).bind(account.as_str().to_owned()).bind(text_hash(text)).bind(since);
    Ok(said.bind(post.as_str().to_owned()).fetch_optional(connection).await?.is_some())
}

async fn insert(
    connection: &mut AnyConnection,
    row: &Wanted,
    doubt: Option<doubt::Open>,
    now: DateTime<Utc>,
    written: &mut Written,
) -> Result<(), StoreError> {
    let mut state = State::Planned;
    let mut reason = "";
    let doubt = doubt.filter(|doubt| doubt.covers_post(row.due_at, row.kind == Kind::Slot, now));
    if doubt.is_some() {
        if row.part == 1 {
            state = State::Unknown;
            reason = doubt::LOOKED_FOR;
        }
    } else if row.part == 1
        && row.occurrence == Occurrence::once()
        && is_said(connection, &row.account, &row.post, &row.payload.text, now).await?
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
    written.added += insert_as(connection, row, state, reason, doubt, now).await?;
    Ok(())
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
    const INSERT: &str = "INSERT INTO deliveries (account, kind, post_id, occurrence, part, parts, plan_kind, state, \
        due_at, not_before, expires_at, local_time, zone, late, payload, payload_hash, text_hash, topic, facts, reason, \
        created_at, updated_at, doubted_at, armed_at, look_at, baseline) VALUES ($1, 'post', $2, $3, $4, $5, $6, $7, \
        $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $20, $21, $22, $23, \
        (SELECT newest_own FROM accounts WHERE name = $1 AND $21 IS NOT NULL)) \
        ON CONFLICT (account, post_id, occurrence, part, mention_uri) DO NOTHING";
    let hash = text_hash(&row.payload.text);
    let payload = payload_json(&row.payload)?;
    let not_before = if row.part == 1 { row.due_at.timestamp_millis() } else { WAITS_FOR_PART };
    let query = sqlx::query(INSERT)
        .bind(row.account.as_str().to_owned())
        .bind(row.post.as_str().to_owned())
        .bind(row.occurrence.as_str().to_owned())
        .bind(row.part)
        .bind(row.parts)
        .bind(kind_word(row.kind))
        .bind(state.as_str())
        .bind(row.due_at.timestamp_millis())
        .bind(not_before)
        .bind(row.expires_at.map(|at| at.timestamp_millis()))
        .bind(local_word(row.local))
        .bind(row.zone.clone())
        .bind(row.late)
        .bind(payload.clone())
        .bind(text_hash(&payload))
        .bind(hash)
        .bind(row.topic.as_ref().map(|topic| topic.as_str().to_owned()).unwrap_or_default())
        .bind(row.facts.iter().map(FactId::as_str).collect::<Vec<_>>().join(" "))
        .bind(reason)
        .bind(now.timestamp_millis())
        .bind(doubt.map(|doubt| doubt.at.timestamp_millis()))
        .bind(doubt.map(|doubt| doubt.since.timestamp_millis()))
        .bind((state == State::Unknown).then(|| doubt::first_look(now).timestamp_millis()));
    Ok(query.execute(connection).await?.rows_affected())
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
    let payload = payload_json(&row.payload)?;
    let payload_hash = text_hash(&payload);
    let due_at = row.due_at.timestamp_millis();
    let edited = payload_hash != found.payload_hash;
    let same = !edited
        && found.due_at == due_at
        && found.expires_at == row.expires_at.map(|at| at.timestamp_millis())
        && found.parts == row.parts;
    let (state, reason, new_generation) = match found.state {
        State::Expired if row.expires_at.is_some_and(|expires| expires <= now) => return Ok(()),
        State::Held if same => return Ok(()),
        // New words were not said already; the claim asks once more.
        State::Held if edited && found.reason == ALREADY_SAID => (State::Planned, "edited: no longer said already", 0),
        // Staff hold it, or an outage does: an edit changes the words, not the hold.
        State::Held if found.reason == threads::BEHIND_REFUSED => (State::Held, threads::BEHIND_REFUSED, 0),
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
        .bind(kind_word(row.kind))
        .bind(due_at)
        .bind(due_at)
        .bind(row.expires_at.map(|at| at.timestamp_millis()))
        .bind(local_word(row.local))
        .bind(row.zone.clone())
        .bind(row.late)
        .bind(payload)
        .bind(payload_hash)
        .bind(text_hash(&row.payload.text))
        .bind(row.topic.as_ref().map(|topic| topic.as_str().to_owned()).unwrap_or_default())
        .bind(row.facts.iter().map(FactId::as_str).collect::<Vec<_>>().join(" "))
        .bind(reason)
        .bind(new_generation)
        .bind(now.timestamp_millis())
        .bind(found.id)
        .bind(found.state.as_str())
        .bind(WAITS_FOR_PART);
    written.changed += query.execute(&mut *connection).await?.rows_affected();
    if state != found.state {
        settle_delivery(connection, found.id).await?;
    }
    Ok(())
}

/// A row planning no longer wants. Overdue rows of posts that still exist stay: they are due, not forgotten.
async fn withdraw(
    connection: &mut AnyConnection,
    found: &Standing,
    post_exists: bool,
    now: DateTime<Utc>,
    written: &mut Written,
) -> Result<(), StoreError> {
    const CANCEL: &str = "UPDATE deliveries SET state = 'cancelled', reason = $1, fence = fence + 1, updated_at = $2 \
        WHERE id = $3 AND state = $4";
    // Never attempted, and its time is still to come: its post moved elsewhere or is a draft again.
    const DELETE: &str = "DELETE FROM deliveries WHERE id = $1 AND state = 'planned' AND attempt = 0";
    let changed = match (found.state, post_exists) {
        (State::Planned | State::Held | State::Refused, false) => {
            let query = sqlx::query(CANCEL).bind(FILE_GONE).bind(now.timestamp_millis());
            let cancelled = query.bind(found.id).bind(found.state.as_str()).execute(&mut *connection).await?;
            settle_delivery(connection, found.id).await?;
            cancelled.rows_affected()
        }
        (State::Planned, true) if found.due_at > now.timestamp_millis() && found.attempt == 0 => {
            sqlx::query(DELETE).bind(found.id).execute(connection).await?.rows_affected()
        }
        _ => 0,
    };
    written.withdrawn += changed;
    Ok(())
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::At => "at",
        Kind::Slot => "slot",
        Kind::Every => "every",
        Kind::Evergreen => "evergreen",
    }
}

fn kind_of(word: &str) -> Option<Kind> {
    [Kind::At, Kind::Slot, Kind::Every, Kind::Evergreen].into_iter().find(|kind| kind_word(*kind) == word)
}

/// Whether a row in this state counts for caps, spacing and what a server has heard: it was said, or may have been, or
/// is about to be.
fn counts_as_said(state: State) -> bool {
    match state {
        State::Planned | State::Claimed | State::Armed | State::Sent | State::Verified | State::Unknown => true,
        State::Refused | State::Held | State::Expired | State::Cancelled => false,
    }
}

/// What a row's nominal local time means; `None` where no zone stands beside it.
fn nominal(row: &sqlx::any::AnyRow) -> Result<Option<DateTime<Utc>>, StoreError> {
    let zone: String = row.try_get("zone")?;
    let Ok(zone) = zone.parse::<Tz>() else { return Ok(None) };
    Ok(Some(resolve(local_of(&row.try_get::<String, _>("local_time")?)?, zone).instant))
}

fn local_of(written: &str) -> Result<NaiveDateTime, StoreError> {
    written.parse().map_err(|_shape| StoreError::Garbled { what: "a delivery's local time" })
}

/// As `NaiveDateTime` parses it back.
fn local_word(local: NaiveDateTime) -> String {
    local.format("%Y-%m-%dT%H:%M:%S").to_string()
}
