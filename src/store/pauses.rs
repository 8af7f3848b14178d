//! Times in which nothing is said: posts, replies or both, of one account or all. Senders ask before every claim and
//! every arm, in the same transaction, so a pause acts at once and survives restarts.
//!
//! What was due in a pause was missed, also when it has ended since: nothing piles up. A post of its own time is held
//! for a person, a repeated one has had its turn, and a slot post takes the next free slot.

use chrono::{DateTime, Utc};
use sqlx::{AnyConnection, Row};

use super::deliveries::WAITS_FOR_PART;
use super::errors::StoreError;
use super::sending::Turn;
use super::{Store, millis, storable};
use crate::core::ids::AccountName;
use crate::core::lateness::PASSED_IN_A_PAUSE;
use crate::core::plan::pauses::Pause as PostPause;

/// One pause that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Whose; `None`: every account's.
    pub account: Option<AccountName>,
    /// What is not said.
    pub turn: Turn,
    /// From when on.
    pub since: DateTime<Utc>,
    /// It ends by itself then; `None`: when somebody resumes.
    pub until: Option<DateTime<Utc>>,
    /// Why, in staff's words; may be empty.
    pub reason: String,
}

impl Pause {
    /// Whether it is about this account.
    #[must_use]
    pub fn is_of(&self, account: &AccountName) -> bool {
        self.account.as_ref().is_none_or(|own| own == account)
    }
}

/// What became of posts whose time passed in a pause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missed {
    /// Held for a person.
    pub held: u64,
    /// Had their turn: repeated and evergreen posts, and those that say `late: skip`.
    pub expired: u64,
    /// Take the next free slot.
    pub moved: u64,
}

/// Ended pauses are kept for so long: what was due in them and is seen only now was missed all the same.
const KEPT: chrono::Duration = chrono::Duration::days(60);

/// Why a slot post has no time at the moment; it stays in its row until it has gone out.
pub(super) const MISSED_SLOT: &str = "missed its slot while posts were paused";

/// Whether a pause of this kind ($2) holds for this account ($1) at this instant ($3).
const HOLDS: &str = "SELECT 1 AS one FROM pauses WHERE account IN ('', $1) AND kind = $2 AND since <= $3 \
    AND (until IS NULL OR until > $3) LIMIT 1";

pub(super) async fn is_paused(
    connection: &mut AnyConnection,
    account: &str,
    turn: Turn,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let query = sqlx::query(HOLDS).bind(account.to_owned()).bind(turn.kind()).bind(now.timestamp_millis());
    Ok(query.fetch_optional(connection).await?.is_some())
}

impl Store {
    /// Says nothing any more from now on: `turn` of `account` (`None`: of all). Of a pause
    /// of the same that holds already the later end stands, with its reason: nobody ends a pause by making another.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn pause(
        &self,
        account: Option<&AccountName>,
        turn: Turn,
        until: Option<DateTime<Utc>>,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const FORGET: &str = "DELETE FROM pauses WHERE until <= $1";
        const AGAIN: &str = "UPDATE pauses SET \
            until = CASE WHEN until > $4 THEN until WHEN until IS NULL THEN NULL ELSE $4 END, \
            reason = CASE WHEN $5 = '' THEN reason WHEN reason <> '' AND (until IS NULL OR until > $4) THEN reason \
            ELSE $5 END WHERE account = $1 AND kind = $2 \
            AND since <= $3 AND (until IS NULL OR until > $3)";
        const PAUSE: &str = "INSERT INTO pauses (account, kind, since, until, reason) VALUES ($1, $2, $3, $4, $5)";
        let account = account.map(|account| account.as_str().to_owned()).unwrap_or_default();
        let reason = storable(reason);
        let (now_ms, until) = (now.timestamp_millis(), until.map(|until| until.timestamp_millis()));
        let long_ago = (now - KEPT).timestamp_millis();
        self.inner
            .writer
            .decide(move |connection| {
                let (account, reason) = (account.clone(), reason.clone());
                Box::pin(async move {
                    sqlx::query(FORGET).bind(long_ago).execute(&mut *connection).await?;
                    for text in [AGAIN, PAUSE] {
                        let query = sqlx::query(text).bind(account.clone()).bind(turn.kind()).bind(now_ms);
                        let done = query.bind(until).bind(reason.clone()).execute(&mut *connection).await?;
                        if done.rows_affected() > 0 {
                            break;
                        }
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Ends the pauses of `account` (`None`: all of them, also those of single accounts). Returns how many ended.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn resume(
        &self,
        account: Option<&AccountName>,
        turn: Turn,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        const ALL: &str = "UPDATE pauses SET until = $3 WHERE kind = $2 AND (account = $1 OR $1 = '') \
            AND since <= $3 AND (until IS NULL OR until > $3)";
        let account = account.map(|account| account.as_str().to_owned()).unwrap_or_default();
        let now = now.timestamp_millis();
        self.inner
            .writer
            .write(move |connection| {
                let account = account.clone();
                Box::pin(async move {
                    let query = sqlx::query(ALL).bind(account).bind(turn.kind()).bind(now);
                    Ok(query.execute(connection).await?.rows_affected())
                })
            })
            .await
    }

    /// The pauses that hold at `now`, those of all accounts first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn pauses(&self, now: DateTime<Utc>) -> Result<Vec<Pause>, StoreError> {
        const LIST: &str = "SELECT account, kind, since, until, reason FROM pauses \
            WHERE since <= $1 AND (until IS NULL OR until > $1) ORDER BY account, kind, id";
        let rows = sqlx::query(LIST).bind(now.timestamp_millis()).fetch_all(&self.inner.reads).await?;
        let read = |row: &sqlx::any::AnyRow| {
            let (account, kind): (String, String) = (row.try_get("account")?, row.try_get("kind")?);
            Ok(Pause {
                account: (!account.is_empty()).then(|| AccountName::new(account)),
                turn: if kind == Turn::Replies.kind() { Turn::Replies } else { Turn::Posts },
                since: millis(row.try_get("since")?),
                until: row.try_get::<Option<i64>, _>("until")?.map(millis),
                reason: row.try_get("reason")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Every pause of posts that is known, ended ones included.
    pub(super) async fn post_pauses(&self) -> Result<Vec<PostPause>, StoreError> {
        const LIST: &str = "SELECT account, since, until, reason FROM pauses WHERE kind = 'post' ORDER BY id";
        let read = |row: &sqlx::any::AnyRow| {
            let account: String = row.try_get("account")?;
            Ok(PostPause {
                account: (!account.is_empty()).then(|| AccountName::new(account)),
                since: millis(row.try_get("since")?),
                until: row.try_get::<Option<i64>, _>("until")?.map(millis),
                reason: row.try_get("reason")?,
            })
        };
        sqlx::query(LIST).fetch_all(&self.inner.reads).await?.iter().map(read).collect()
    }

    /// Settles posts whose time passed in a pause and that nobody has tried yet; those that a person released go.
    ///
    /// # Errors
    /// When the database cannot be written; then nothing changed.
    pub async fn miss_paused(&self, now: DateTime<Utc>) -> Result<Missed, StoreError> {
        const ANY: &str = "SELECT 1 AS one FROM pauses WHERE since <= $1 LIMIT 1";
        const END: &str = "UPDATE deliveries SET state = $2, fence = fence + 1, updated_at = $1, reason = $3 || \
            COALESCE((SELECT CASE WHEN pauses.reason = '' THEN '' ELSE ': ' || pauses.reason END FROM pauses \
            WHERE pauses.kind = 'post' AND pauses.account IN ('', deliveries.account) \
            AND pauses.since <= deliveries.due_at AND (pauses.until IS NULL OR pauses.until > deliveries.due_at) \
            ORDER BY pauses.id DESC LIMIT 1), '') \
            WHERE kind = 'post' AND state = 'planned' AND part = 1 AND attempt = 0 AND late <> 'released' \
            AND not_before <= $1 AND due_at <= $1 AND plan_kind <> 'slot' \
            AND CASE WHEN plan_kind <> 'at' OR late = 'skip' THEN 'expired' ELSE 'held' END = $2 \
            AND EXISTS (SELECT 1 FROM pauses WHERE pauses.kind = 'post' AND pauses.account IN ('', deliveries.account) \
            AND pauses.since <= deliveries.due_at AND (pauses.until IS NULL OR pauses.until > deliveries.due_at))";
        // Until planning gives it the next free slot it is not tried.
        const MOVE: &str = "UPDATE deliveries SET not_before = $1 + 60000, updated_at = $1, reason = $2 || \
            COALESCE((SELECT CASE WHEN pauses.reason = '' THEN '' ELSE ': ' || pauses.reason END FROM pauses \
            WHERE pauses.kind = 'post' AND pauses.account IN ('', deliveries.account) \
            AND pauses.since <= deliveries.due_at AND (pauses.until IS NULL OR pauses.until > deliveries.due_at) \
            ORDER BY pauses.id DESC LIMIT 1), '') \
            WHERE kind = 'post' AND state = 'planned' AND part = 1 AND attempt = 0 AND late <> 'released' \
            AND not_before <= $1 AND due_at <= $1 AND plan_kind = 'slot' \
            AND EXISTS (SELECT 1 FROM pauses WHERE pauses.kind = 'post' AND pauses.account IN ('', deliveries.account) \
            AND pauses.since <= deliveries.due_at AND (pauses.until IS NULL OR pauses.until > deliveries.due_at))";
        const REST: &str = "UPDATE deliveries SET state = 'expired', fence = fence + 1, updated_at = $1, \
            reason = 'its first part had expired' WHERE kind = 'post' AND state = 'planned' AND not_before = $2 \
            AND EXISTS (SELECT 1 FROM deliveries AS first WHERE first.account = deliveries.account \
            AND first.post_id = deliveries.post_id AND first.occurrence = deliveries.occurrence AND first.part = 1 \
            AND first.state = 'expired' AND first.updated_at = $1)";
        let now = now.timestamp_millis();
        // Campaigns that were never paused pay for one small look.
        if sqlx::query(ANY).bind(now).fetch_optional(&self.inner.reads).await?.is_none() {
            return Ok(Missed::default());
        }
        self.inner
            .writer
            .decide(move |connection| {
                Box::pin(async move {
                    let held = sqlx::query(END).bind(now).bind("held").bind(PASSED_IN_A_PAUSE);
                    let held = held.execute(&mut *connection).await?.rows_affected();
                    let expired = sqlx::query(END).bind(now).bind("expired").bind("missed while posts were paused");
                    let expired = expired.execute(&mut *connection).await?.rows_affected();
                    if expired > 0 {
                        let rest = sqlx::query(REST).bind(now).bind(WAITS_FOR_PART);
                        rest.execute(&mut *connection).await?;
                    }
                    let moved = sqlx::query(MOVE).bind(now).bind(MISSED_SLOT);
                    let moved = moved.execute(connection).await?.rows_affected();
                    Ok(Missed { held, expired, moved })
                })
            })
            .await
    }
}
