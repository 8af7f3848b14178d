//! What may have been sent without this database knowing: it was restored from a backup, or is not the one that was
//! used here last ([`super::epoch`]). What it believes to be unsent is looked for on the server first and then goes the
//! way of an unclear attempt (DESIGN §5, law 7).
//!
//! Marked with the time of the doubt are all rows that could still be sent. At once `unknown` are those whose time has
//! passed, answers, and posts that wait for a slot, because another post's slot may have been theirs. The others become
//! `unknown` only if they come to be due before the doubt began after all, or are parts of a thread. New rows for posts
//! without one, and answers to mentions from before the doubt, begin as `unknown`. A look that sees nothing clears the
//! mark.

use chrono::{DateTime, Duration, Utc};
use sqlx::AnyConnection;

use super::deliveries::WAITS_FOR_PART;
use super::errors::StoreError;
use super::{Store, epoch, millis};

/// Why a database is doubted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The file beside it knows a later state.
    Older,
    /// The file beside it is missing.
    Forgotten,
    /// Another file stood in its place.
    Replaced,
    /// A person said that it was moved here.
    Moved,
    /// An account shows what the ledger does not know ([`super::set_back`]).
    SetBack,
}

/// A database that may not know what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// Why.
    pub why: Why,
    /// What was sent after this may be unknown.
    pub since: DateTime<Utc>,
    /// When a newer state was last used here, if that is known.
    pub newer: Option<DateTime<Utc>>,
    /// Rows that are looked for now.
    pub rows: u64,
}

const AT: &str = "doubted_at";
const SINCE: &str = "doubted_since";

/// For how long after it began new rows for posts are doubted: long enough for planning to come to rest.
const PLANNING_RESTS: Duration = Duration::days(1);

/// A clock that is off by less than this does not make an old mention look new (DESIGN §7).
const CLOCKS_APART: Duration = Duration::minutes(5);

/// Nothing older can still be answered, so it is not heard again.
const HEARD_AGAIN: Duration = Duration::days(8);

/// Why a row that planning or answering makes is looked for.
pub(super) const LOOKED_FOR: &str = "the database may not know that it was sent: looked for first";

/// When a row that is made now is looked for.
pub(super) fn first_look(now: DateTime<Utc>) -> DateTime<Utc> {
    now + Duration::seconds(5)
}

/// A stretch of time that the database may know nothing of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unheard {
    /// Its beginning.
    pub from: DateTime<Utc>,
    /// Its end.
    pub until: DateTime<Utc>,
}

/// A doubt as planning and answering see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) at: DateTime<Utc>,
    pub(super) since: DateTime<Utc>,
}

impl Open {
    /// Whether a post's new row, due at `due` and waiting for a slot or not, may have been sent.
    pub(super) fn covers_post(&self, due: DateTime<Utc>, waits_for_slot: bool, now: DateTime<Utc>) -> bool {
        now - self.at < PLANNING_RESTS && (waits_for_slot || due <= self.at)
    }

    /// Whether a mention of this time may have been answered.
    pub(super) fn covers_mention(&self, written: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        now - self.at < HEARD_AGAIN && written <= self.at + CLOCKS_APART
    }
}

/// The last doubt, if there ever was one.
pub(super) async fn last(connection: &mut AnyConnection) -> Result<Option<Open>, StoreError> {
    let at = epoch::get(connection, AT).await?;
    read(at, epoch::get(connection, SINCE).await?)
}

/// The same from what stands in the facts of the install under `doubted_at` and `doubted_since`.
pub(super) fn read(at: Option<String>, since: Option<String>) -> Result<Option<Open>, StoreError> {
    let time = |value: String| value.parse().map(millis).map_err(|_shape| StoreError::Garbled { what: "a time" });
    let (Some(at), Some(since)) = (at, since) else { return Ok(None) };
    Ok(Some(Open { at: time(at)?, since: time(since)? }))
}

impl Store {
    /// From when until when the database may not know what was said, for as long as mentions of that time are heard
    /// again.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn unheard(&self, now: DateTime<Utc>) -> Result<Option<Unheard>, StoreError> {
        let mut connection = self.inner.reads.acquire().await?;
        let doubt = last(&mut connection).await?.filter(|doubt| now - doubt.at < HEARD_AGAIN);
        Ok(doubt.map(|doubt| Unheard { from: doubt.since - CLOCKS_APART, until: doubt.at + CLOCKS_APART }))
    }
}

/// What no daemon that lives has in hand, in a database that was set back: as a daemon's restart moves it; on a server
/// several may have left something.
pub(super) async fn left_behind(connection: &mut AnyConnection, now: DateTime<Utc>) -> Result<(), StoreError> {
    const UNCLAIM: &str = "UPDATE deliveries SET state = 'planned', fence = fence + 1, updated_at = $1 \
        WHERE state = 'claimed' AND state IN ('claimed', 'armed', 'unknown', 'refused', 'held')";
    const UNCLEAR: &str = "UPDATE deliveries SET state = 'unknown', fence = fence + 1, updated_at = $1, \
        unclear = unclear + 1, looks = 0, look_at = $1 + 5000, \
        reason = 'watchpost stopped while it was being sent' \
        WHERE state = 'armed' AND state IN ('claimed', 'armed', 'unknown', 'refused', 'held')";
    for text in [UNCLAIM, UNCLEAR] {
        sqlx::query(text).bind(now.timestamp_millis()).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Marks what may have been sent. `known_at`: up to when the database knows; `newer`: the side file.
pub(super) async fn begin(
    connection: &mut AnyConnection,
    why: Why,
    known_at: DateTime<Utc>,
    newer: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<Doubt, StoreError> {
    const MARK: &str = "UPDATE deliveries SET doubted_at = $1, \
        armed_at = CASE WHEN armed_at IS NULL OR armed_at > $2 THEN $2 ELSE armed_at END, \
        baseline = CASE WHEN unclear > 0 THEN baseline \
        ELSE (SELECT newest_own FROM accounts WHERE name = deliveries.account) END \
        WHERE state IN ('planned', 'held', 'refused') OR (state = 'cancelled' AND status_id IS NULL)";
    const LOOK: &str = "UPDATE deliveries SET state = 'unknown', fence = fence + 1, looks = 0, look_at = $1 + 5000, \
        updated_at = $1, reason = 'the database may not know that it was sent: looked for first' \
        WHERE state = 'planned' AND not_before <> $2 AND (kind = 'reply' OR due_at <= $1 OR not_before <= $1 \
        OR plan_kind = 'slot')";
    let since = known_at.min(now);
    epoch::set(connection, AT, &now.timestamp_millis().to_string()).await?;
    epoch::set(connection, SINCE, &since.timestamp_millis().to_string()).await?;
    let (now_ms, since_ms) = (now.timestamp_millis(), since.timestamp_millis());
    sqlx::query(MARK).bind(now_ms).bind(since_ms).execute(&mut *connection).await?;
    let looked_for = sqlx::query(LOOK).bind(now_ms).bind(WAITS_FOR_PART).execute(connection).await?;
    Ok(Doubt { why, since, newer, rows: looked_for.rows_affected() })
}

/// Rows of an account that came to be due although they may have been sent: looked for first.
pub(super) async fn look_first(
    connection: &mut AnyConnection,
    account: &str,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    const LOOK: &str = "UPDATE deliveries SET state = 'unknown', fence = fence + 1, looks = 0, look_at = $2, \
        updated_at = $2, reason = 'the database may not know that it was sent: looked for first' \
        WHERE account = $1 AND state = 'planned' AND not_before <= $2 AND doubted_at IS NOT NULL \
        AND (due_at <= doubted_at OR part > 1)";
    let query = sqlx::query(LOOK).bind(account.to_owned()).bind(now.timestamp_millis());
    Ok(query.execute(connection).await?.rows_affected())
}
