//! What planning asks the ledger: what happened already, which occurrences stand, which post files were renamed, what
//! staff marked. The plan itself is written in [`super::planning`].

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use chrono_tz::Tz;
use sqlx::Row;

use super::errors::StoreError;
use super::{Store, millis};
use crate::core::delivery::State;
use crate::core::ids::{AccountName, Occurrence, PostId, TopicId};
use crate::core::lateness::{MISSED_ITS_SLOT, WhenLate};
pub use crate::core::plan::agenda::Wanted;
use crate::core::plan::late::{LATE_COUNTS_FOR, Overdue};
use crate::core::plan::{History, Kind, Said};
use crate::core::post::DEFAULT_EXPIRY;
use crate::core::schedule::resolve;

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

/// Why a row is cancelled whose post's file says that it is a draft.
pub const DRAFT_AGAIN: &str = "its post is a draft again";

/// Why a row of a thread is cancelled that its post no longer has.
pub const FEWER_PARTS: &str = "its post has fewer parts now";

/// How the reason begins where the file is there and cannot be read; the finding follows.
pub const UNREADABLE: &str = "its post cannot be read: ";

/// How all reasons begin with which a row comes back when its post does, as a pattern.
pub(super) const NOT_THERE: &str = "its post %";

/// Why a row expired whose post nobody had approved when its time came; with a new time and an approval it comes back.
pub const NOT_APPROVED: &str = "nobody had approved it when its time came";

/// Later than any late post leaves: staff had it said again by hand.
const SAID_AGAIN: Duration = Duration::days(1);

/// How long ago a post that was none may have been said to rest as an evergreen one: longer than any usual cooldown.
const RESTS_FROM_ANY: Duration = Duration::days(366);

/// For how long what was said counts for planning: its rules look back a day and a spacing, and an edit of `every` may
/// have moved what was said half a week ago.
const SAID_LATELY: Duration = Duration::days(4);

impl Written {
    pub(super) fn add(&mut self, more: Written) {
        self.added += more.added;
        self.changed += more.changed;
        self.withdrawn += more.withdrawn;
        self.already_said += more.already_said;
    }
}

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
        const FORGET_MOVES: &str = "DELETE FROM post_moves WHERE post_id = $1";
        const MOVE_MOVES: &str = "UPDATE post_moves SET post_id = $2 WHERE post_id = $1";
        const MOVE_BESIDE: &str = "UPDATE post_moves SET beside = $2 WHERE beside = $1";
        const MOVE_APPROVALS: &str = "UPDATE approvals SET post_id = $2 WHERE post_id = $1";
        const LIST: &str = "SELECT post_id, content_hash FROM post_files";
        const MOVE_ROWS: &str = "UPDATE deliveries SET post_id = $2 WHERE kind = 'post' AND post_id = $1";
        const MOVE_MARK: &str = "UPDATE post_marks SET post_id = $2 WHERE post_id = $1";
        const FORGET: &str = "DELETE FROM post_files WHERE post_id = $1";
        const NOTE: &str = "INSERT INTO post_files (post_id, content_hash) VALUES ($1, $2) \
            ON CONFLICT (post_id) DO UPDATE SET content_hash = excluded.content_hash";
        let present = Arc::new(present);
        self.inner
            .writer
            .decide(move |connection| {
                let present = Arc::clone(&present);
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
                            for text in [FORGET_MARK, FORGET_PLACE, FORGET_MOVES] {
                                sqlx::query(text).bind(id.as_str().to_owned()).execute(&mut *connection).await?;
                            }
                            for text in [MOVE_ROWS, MOVE_MARK, MOVE_PLACE, MOVE_MOVES, MOVE_BESIDE, MOVE_APPROVALS] {
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
        const TAKEN: &str = "SELECT account, post_id, occurrence, plan_kind, state, due_at, topic, attempt, unclear, local_time, \
            zone, parts, not_before, expires_at, late, CASE WHEN was_late = 1 THEN COALESCE(sent_at, due_at) ELSE due_at END AS said_at, \
            CASE WHEN state = 'planned' AND late <> 'released' AND EXISTS (SELECT 1 FROM pauses \
            WHERE pauses.kind = 'post' AND pauses.account IN ('', deliveries.account) \
            AND pauses.since <= deliveries.due_at AND (pauses.until IS NULL OR pauses.until > deliveries.due_at)) \
            THEN 1 WHEN state = 'planned' AND reason LIKE $5 THEN 1 ELSE 0 END AS paused FROM deliveries \
            WHERE kind = 'post' AND part = 1 AND (state <> 'planned' OR due_at <= $1) \
            AND NOT (state = 'cancelled' AND reason LIKE $2) AND NOT (state = 'expired' AND reason = $4) \
            AND (occurrence = 'once' OR due_at > $3) ORDER BY due_at";
        // What expired or was cancelled was not used, and of `every` it is made up for later.
        const USES: &str = "SELECT account, post_id, plan_kind, MAX(local_time) AS last, MAX(sent_at) AS sent, \
            MAX(due_at) AS due, COUNT(*) AS uses, \
            COUNT(CASE WHEN state IN ('cancelled', 'expired') THEN 1 END) AS missed \
            FROM deliveries WHERE kind = 'post' AND part = 1 AND (state <> 'planned' OR due_at <= $1) \
            AND ((plan_kind = 'evergreen' AND state NOT IN ('cancelled', 'expired')) \
            OR (plan_kind = 'every' AND NOT (state = 'cancelled' AND reason LIKE $2)) \
            OR (plan_kind IN ('at', 'slot') AND state IN ('armed', 'unknown', 'sent', 'verified'))) \
            GROUP BY account, post_id, plan_kind";
        let (late_sent, pauses) = (self.late_sent(now - LATE_COUNTS_FOR).await?, self.post_pauses().await?);
        let mut history = History { late_sent, pauses, ..History::default() };
        let now_ms = now.timestamp_millis();
        let long_ago = (now - Duration::days(60)).timestamp_millis();
        let missed = now - DEFAULT_EXPIRY;
        // What leaves while this is read must be missing among the uses rather than among what is taken: else its slot
        // would look free, and its post used.
        for row in sqlx::query(USES).bind(now_ms).bind(NOT_THERE).fetch_all(&self.inner.reads).await? {
            let account = AccountName::new(row.try_get::<String, _>("account")?);
            let post = PostId::new(row.try_get::<String, _>("post_id")?);
            let counted =
                |column| Ok::<_, StoreError>(u32::try_from(row.try_get::<i64, _>(column)?).unwrap_or(u32::MAX));
            let (uses, missed) = (counted("uses")?, counted("missed")?);
            let kind: String = row.try_get("plan_kind")?;
            if kind == "evergreen" || kind == "every" {
                let key = (account.clone(), post.clone());
                *history.uses.entry(key.clone()).or_default() += uses.saturating_sub(missed);
                if missed > 0 {
                    *history.missed.entry(key).or_default() += missed;
                }
            }
            // A post rests after it was said, whatever it was then.
            let mut last = local_of(&row.try_get::<String, _>("last")?)?;
            let (sent, due) = (row.try_get::<Option<i64>, _>("sent")?, row.try_get::<i64, _>("due")?);
            if let Some(again) = sent.map(|sent| millis(sent) - millis(due)).filter(|after| *after > SAID_AGAIN) {
                last += again;
            }
            let used = history.last_used.entry((account, post)).or_insert(last);
            *used = last.max(*used);
        }
        let query = sqlx::query(TAKEN).bind(now_ms).bind(NOT_THERE).bind(long_ago).bind(NOT_APPROVED);
        let query = query.bind(format!("{MISSED_ITS_SLOT}%"));
        for row in query.fetch_all(&self.inner.reads).await? {
            let account = AccountName::new(row.try_get::<String, _>("account")?);
            let post = PostId::new(row.try_get::<String, _>("post_id")?);
            let kind: String = row.try_get("plan_kind")?;
            let word: String = row.try_get("state")?;
            let state = State::parse(&word).ok_or(StoreError::Garbled { what: "a delivery's state" })?;
            let due = millis(row.try_get("due_at")?);
            let (attempt, unclear): (i64, i64) = (row.try_get("attempt")?, row.try_get("unclear")?);
            // What may be on the server keeps its place until that is settled.
            let has_missed = (due <= missed && unclear == 0) || (row.try_get::<i64, _>("paused")? != 0 && attempt == 0);
            let waits = kind == "slot" && state == State::Planned;
            if waits && has_missed {
                // It missed its slot by more than a late post may, or in a pause: the next free slot takes it.
                continue;
            }
            if (kind == "slot" || kind == "evergreen") && state != State::Cancelled {
                // Known by its nominal instant: shifts and zone data may change between two plans.
                let nominal = nominal(&row)?.unwrap_or(due);
                history.slots_used.insert((account.clone(), nominal));
            }
            let occurrence = Occurrence::from_ledger(row.try_get("occurrence")?);
            if due > now && !counts_as_said(state) {
                history.kept_back.insert((account.clone(), post.clone(), occurrence.clone()));
            }
            if due <= now && state == State::Planned {
                let late: String = row.try_get("late")?;
                history.overdue.push(Overdue {
                    account: account.clone(),
                    post: post.clone(),
                    occurrence: occurrence.clone(),
                    kind: Kind::parse(&kind).ok_or(StoreError::Garbled { what: "a delivery's plan_kind" })?,
                    due_at: due,
                    local: local_of(&row.try_get::<String, _>("local_time")?)?,
                    parts: usize::try_from(row.try_get::<i64, _>("parts")?).unwrap_or(1),
                    not_before: millis(row.try_get("not_before")?),
                    expires_at: row.try_get::<Option<i64>, _>("expires_at")?.map(millis),
                    late: WhenLate::parse(&late).ok_or(StoreError::Garbled { what: "a delivery's late" })?,
                    was_tried: attempt > 0,
                    may_exist: unclear > 0,
                });
            }
            // What left in the second in which this is asked was said, though its time is still to come by our reading.
            let leaves = state == State::Claimed || (attempt > 0 && counts_as_said(state) && state != State::Planned);
            if due <= now || leaves {
                let topic: String = row.try_get("topic")?;
                // Rows come in time order: the last one speaks, also when it has no topic.
                if topic.is_empty() {
                    history.last_topic.remove(&account);
                } else {
                    history.last_topic.insert(account.clone(), TopicId::new(topic));
                }
                if counts_as_said(state) {
                    let at = millis(row.try_get("said_at")?);
                    if now - due <= RESTS_FROM_ANY && kind != "evergreen" {
                        // What becomes evergreen rests first, whatever it was when it was said.
                        let local = local_of(&row.try_get::<String, _>("local_time")?)?;
                        let last = history.last_used.entry((account.clone(), post.clone())).or_insert(local);
                        *last = local.max(*last);
                    }
                    history.last_post.insert(account.clone(), (due, post.clone()));
                    if now - at <= SAID_LATELY {
                        let (account, post, occurrence) = (account.clone(), post.clone(), occurrence.clone());
                        history.said.push(Said { account, post, occurrence, at });
                    }
                }
            }
            history.taken.insert((account, post, occurrence));
        }
        Ok(history)
    }

    /// When each account's late posts left, since an instant.
    async fn late_sent(&self, since: DateTime<Utc>) -> Result<HashMap<AccountName, Vec<DateTime<Utc>>>, StoreError> {
        const LATE: &str = "SELECT account, sent_at FROM deliveries WHERE was_late = 1 AND kind = 'post' AND part = 1 \
            AND sent_at > $1 ORDER BY sent_at";
        let mut late: HashMap<AccountName, Vec<DateTime<Utc>>> = HashMap::new();
        for row in sqlx::query(LATE).bind(since.timestamp_millis()).fetch_all(&self.inner.reads).await? {
            let account = AccountName::new(row.try_get::<String, _>("account")?);
            late.entry(account).or_default().push(millis(row.try_get("sent_at")?));
        }
        Ok(late)
    }

    /// What this account said last, since an instant: its first parts.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn said_last(
        &self,
        account: &AccountName,
        since: DateTime<Utc>,
    ) -> Result<Option<(DateTime<Utc>, PostId)>, StoreError> {
        const LAST: &str = "SELECT post_id, sent_at FROM deliveries WHERE sent_at > $2 AND account = $1 \
            AND kind = 'post' AND part = 1 ORDER BY sent_at DESC LIMIT 1";
        let query = sqlx::query(LAST).bind(account.as_str().to_owned()).bind(since.timestamp_millis());
        let Some(row) = query.fetch_optional(&self.inner.reads).await? else { return Ok(None) };
        Ok(Some((millis(row.try_get("sent_at")?), PostId::new(row.try_get::<String, _>("post_id")?))))
    }

    /// Occurrences that are placed for good (overdue, half sent, or waiting for a person) and still have a row that an
    /// edit of their post may change, or that comes back with it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn open_occurrences(&self, now: DateTime<Utc>) -> Result<Vec<Placed>, StoreError> {
        const LIST: &str = "SELECT account, post_id, occurrence, plan_kind, MIN(due_at) AS due_at, \
            MIN(expires_at) AS expires_at, MIN(local_time) AS local_time, MIN(zone) AS zone FROM deliveries \
            WHERE kind = 'post' AND (state IN ('held', 'refused') OR (state = 'planned' AND due_at <= $1) \
            OR (state = 'cancelled' AND reason LIKE 'its post %' AND part > 1 AND due_at <= $1 \
            AND EXISTS (SELECT 1 FROM deliveries AS first WHERE first.kind = 'post' AND first.part = 1 \
            AND first.account = deliveries.account AND first.post_id = deliveries.post_id \
            AND first.occurrence = deliveries.occurrence AND first.state IN ('sent', 'verified')))) \
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
                kind: Kind::parse(&kind).ok_or(StoreError::Garbled { what: "a delivery's plan_kind" })?,
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
pub(super) fn local_word(local: NaiveDateTime) -> String {
    local.format("%Y-%m-%dT%H:%M:%S").to_string()
}
