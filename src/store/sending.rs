//! The ledger as senders use it: claim → arm → record (DESIGN §5). Every write names id, state and fence, so a sender
//! that lost its row changes nothing.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{AnyConnection, Row};

use super::deliveries::{Delivery, Of, WAITS_FOR_PART, read};
use super::errors::StoreError;
use super::notices::{Told, settle_delivery, tell_of_delivery};
use super::pauses::is_paused;
use super::planning::is_said;
use super::{InstallSecret, Store, doubt, storable, threads};
use crate::core::delivery::{Armed, Payload, Receipt, State};
use crate::core::ids::{AccountName, DeliveryId, MediaId, Occurrence, StatusId};
use crate::core::lateness::WhenLate;
use crate::core::looking;

/// What kind of row to claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Posts and parts of threads.
    Posts,
    /// Replies.
    Replies,
}

impl Turn {
    pub(super) fn kind(self) -> &'static str {
        match self {
            Turn::Posts => "post",
            Turn::Replies => "reply",
        }
    }
}

/// A claimed row: one sender prepares it.
#[derive(Debug)]
pub struct Claimed {
    /// The row.
    pub delivery: Delivery,
    /// How many late posts the account sent in the six hours before, and when the last of them left.
    pub late_sent: i64,
    /// When the last late post of this account left.
    pub last_late: Option<DateTime<Utc>>,
    /// The account showed this text within 60 days, and no person released it: it is not to be sent (DESIGN §5, law 1).
    pub already_said: bool,
}

/// Why a row is planned again whose server shows the status it answers and yet says that it does not exist. Counted.
pub const NO_PARENT_YET: &str = "the server does not know the status it answers yet";

/// Why a row is unknown whose server answered with a status that another row owns.
pub const ANOTHER_STATUS: &str = "the server answered with another status of this account";

/// How the reason of a row begins that was refused after an attempt that may have succeeded.
pub const REFUSED_AFTER: &str = "after an unclear attempt the server said:";

/// How an attempt, or the decision not to make one, ended: what becomes of a row that a sender holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// The server gave us its id.
    Sent(Receipt),
    /// Provably not sent: try again at this time.
    Again {
        /// When.
        at: DateTime<Utc>,
        /// Why, in words.
        reason: String,
    },
    /// Refused for now by a server that repeats its answers under a key: nothing was made, and only another key gets
    /// another answer (DESIGN §5, law 6).
    Anew {
        /// When.
        at: DateTime<Utc>,
        /// Why, in words.
        reason: String,
    },
    /// It may exist.
    Unknown {
        /// What was seen.
        reason: String,
    },
    /// A person must decide, or an end was reached; never for a row whose attempt may have succeeded.
    Settled {
        /// `refused`, `held`, `expired` or `cancelled`.
        state: State,
        /// Why, in words.
        reason: String,
    },
}

impl Store {
    /// On SQLite, with the lock in hand: what a dead daemon left. `claimed` returns to `planned`; `armed` may have been
    /// sent, so it becomes `unknown`, never "again". Returns how many became unknown.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn take_over(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        // The second list is the index's own condition: without it SQLite reads the whole ledger at every start.
        const UNCLAIM: &str = "UPDATE deliveries SET state = 'planned', fence = fence + 1, updated_at = $1 \
            WHERE state = 'claimed' AND state IN ('claimed', 'armed', 'unknown', 'refused', 'held')";
        const UNCLEAR: &str = "UPDATE deliveries SET state = 'unknown', fence = fence + 1, updated_at = $1, \
            unclear = unclear + 1, looks = 0, look_at = armed_at + 5000, \
            reason = 'watchpost stopped while it was being sent' \
            WHERE state = 'armed' AND state IN ('claimed', 'armed', 'unknown', 'refused', 'held')";
        if self.inner.holder.is_among_others() {
            // Whoever holds an account may be alive: what it left is moved when its lease is taken.
            return Ok(0);
        }
        let now = now.timestamp_millis();
        self.inner
            .writer
            .write(move |connection| {
                Box::pin(async move {
                    sqlx::query(UNCLAIM).bind(now).execute(&mut *connection).await?;
                    Ok(sqlx::query(UNCLEAR).bind(now).execute(connection).await?.rows_affected())
                })
            })
            .await
    }

    /// The newest instant of something that happened: a status a server accepted, a mention that was heard.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn newest_happening(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        const NEWEST: &str = "SELECT MAX(newest) AS newest FROM (SELECT MAX(seen_at) AS newest FROM mentions \
            UNION ALL SELECT MAX(sent_at) AS newest FROM deliveries WHERE sent_at IS NOT NULL) AS happenings";
        let row = sqlx::query(NEWEST).fetch_one(&self.inner.reads).await?;
        Ok(row.try_get::<Option<i64>, _>("newest")?.map(super::millis))
    }

    /// When the next planned delivery of any account may be tried.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn next_due(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        const NEXT: &str = "SELECT MIN(not_before) AS next FROM deliveries WHERE state = 'planned'";
        let row = sqlx::query(NEXT).fetch_one(&self.inner.reads).await?;
        let next: Option<i64> = row.try_get("next")?;
        Ok(next.filter(|next| *next != WAITS_FOR_PART).map(super::millis))
    }

    /// The accounts that have something due at `now` and are not paused.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn due_accounts(&self, now: DateTime<Utc>) -> Result<Vec<AccountName>, StoreError> {
        // From account to account along the index, and one look into each: whatever waits for later is not read.
        const DUE: &str = "WITH RECURSIVE speakers (account) AS (\
            SELECT MIN(account) FROM deliveries WHERE state = 'planned' \
            UNION ALL SELECT (SELECT MIN(later.account) FROM deliveries AS later WHERE later.state = 'planned' \
            AND later.account > speakers.account) FROM speakers WHERE speakers.account IS NOT NULL) \
            SELECT account FROM speakers WHERE account IS NOT NULL AND EXISTS (SELECT 1 FROM deliveries \
            WHERE deliveries.account = speakers.account AND state = 'planned' AND not_before <= $1 \
            AND NOT EXISTS (SELECT 1 FROM pauses WHERE pauses.account IN ('', deliveries.account) \
            AND pauses.kind = deliveries.kind AND pauses.since <= $1 AND (pauses.until IS NULL OR pauses.until > $1)))";
        let rows = sqlx::query(DUE).bind(now.timestamp_millis()).fetch_all(&self.inner.reads).await?;
        rows.iter().map(|row| Ok(AccountName::new(row.try_get::<String, _>("account")?))).collect()
    }

    /// Ends what stands in the way of the first due row, then claims the account's next due delivery of this kind. `None` also when another daemon
    /// holds the account.
    ///
    /// # Errors
    /// When the database cannot be written; then nothing is claimed.
    pub async fn claim_due(
        &self,
        account: &AccountName,
        turn: Turn,
        now: DateTime<Utc>,
    ) -> Result<Option<Claimed>, StoreError> {
        // A stop counts for every answer that has not left, however it came to wait; its own confirmation leaves.
        const STOPPED: &str = "UPDATE deliveries SET state = 'cancelled', fence = fence + 1, updated_at = $2, \
            reason = 'they said stop' WHERE account = $1 AND state = 'planned' AND not_before <= $2 \
            AND kind = 'reply' AND EXISTS (SELECT 1 FROM opt_outs WHERE opt_outs.person = deliveries.person) \
            AND NOT EXISTS (SELECT 1 FROM mentions WHERE mentions.account = deliveries.account \
            AND mentions.uri = deliveries.mention_uri AND mentions.command IN ('stop', 'start'))";
        // Whether something must become of rows like this one before any is claimed. Asked of the first row alone: a
        // claim must not take longer the more there is to do.
        macro_rules! find {
            ($lock:literal) => {
                concat!(
                    "SELECT id, CAST(CASE WHEN expires_at <= $2 THEN 1 ELSE 0 END \
                    + CASE WHEN doubted_at IS NOT NULL AND (due_at <= doubted_at OR part > 1) THEN 1 ELSE 0 END \
                    + CASE WHEN kind = 'reply' AND EXISTS (SELECT 1 FROM opt_outs \
                    WHERE opt_outs.person = deliveries.person) AND NOT EXISTS (SELECT 1 FROM mentions \
                    WHERE mentions.account = deliveries.account AND mentions.uri = deliveries.mention_uri \
                    AND mentions.command IN ('stop', 'start')) THEN 1 ELSE 0 END AS BIGINT) AS obstacles FROM deliveries \
                    WHERE account = $1 AND state = 'planned' AND not_before <= $2 AND kind = $3 \
                    ORDER BY not_before, id LIMIT 1",
                    $lock
                )
            };
        }
        const FIND: &str = find!("");
        // Two who claim at the same moment take two rows (PostgreSQL; on SQLite one writes at a time).
        const FIND_AMONG_OTHERS: &str = find!(" FOR UPDATE SKIP LOCKED");
        const CLAIM: &str = "UPDATE deliveries SET state = 'claimed', fence = fence + 1, updated_at = $2 \
            WHERE id = $1 AND state = 'planned'";
        const ONE: &str = concat_columns!(" FROM deliveries WHERE id = $1");
        const PARENT: &str = "SELECT status_id FROM deliveries WHERE account = $1 AND post_id = $2 AND occurrence = $3 \
            AND part = $4";
        const LATE: &str = "SELECT COUNT(*) AS n, MAX(sent_at) AS last FROM deliveries WHERE account = $1 \
            AND was_late = 1 AND kind = 'post' AND part = 1 AND sent_at > $2";
        let account = account.as_str().to_owned();
        let now_ms = now.timestamp_millis();
        let holder = self.inner.holder.clone();
        self.inner
            .writer
            .write(move |connection| {
                let (account, holder) = (account.clone(), holder.clone());
                Box::pin(async move {
                    if !holder.holds(connection, &account, now).await? {
                        return Ok(None);
                    }
                    if is_paused(connection, &account, turn, now).await? {
                        return Ok(None);
                    }
                    let text = if holder.is_among_others() { FIND_AMONG_OTHERS } else { FIND };
                    let find = || sqlx::query(text).bind(account.clone()).bind(now_ms).bind(turn.kind());
                    let Some(mut row) = find().fetch_optional(&mut *connection).await? else { return Ok(None) };
                    if row.try_get::<i64, _>("obstacles")? > 0 {
                        doubt::look_first(connection, &account, now).await?;
                        let stopped = sqlx::query(STOPPED).bind(account.clone()).bind(now_ms);
                        stopped.execute(&mut *connection).await?;
                        threads::expire(connection, &account, now).await?;
                        let Some(next) = find().fetch_optional(&mut *connection).await? else { return Ok(None) };
                        row = next;
                        if row.try_get::<i64, _>("obstacles")? > 0 {
                            return Ok(None);
                        }
                    }
                    let id: i64 = row.try_get("id")?;
                    sqlx::query(CLAIM).bind(id).bind(now_ms).execute(&mut *connection).await?;
                    let mut delivery = read(&sqlx::query(ONE).bind(id).fetch_one(&mut *connection).await?)?;
                    if let Of::Post { post, occurrence, part, .. } = &delivery.of
                        && *part > 1
                    {
                        let parent = sqlx::query(PARENT).bind(account.clone()).bind(post.as_str().to_owned());
                        let parent = parent.bind(occurrence.as_str().to_owned()).bind(part - 1);
                        let row = parent.fetch_one(&mut *connection).await?;
                        delivery.payload.in_reply_to =
                            row.try_get::<Option<String>, _>("status_id")?.map(StatusId::new);
                    }
                    let already_said = match &delivery.of {
                        Of::Post { post, occurrence, part: 1, .. }
                            if *occurrence == Occurrence::once() && delivery.late != WhenLate::Released =>
                        {
                            is_said(connection, &delivery.account, post, &delivery.payload.text, now).await?
                        }
                        Of::Post { .. } | Of::Reply { .. } => false,
                    };
                    let six_hours_ago = now_ms - 6 * 3_600_000;
                    let late = sqlx::query(LATE).bind(account).bind(six_hours_ago).fetch_one(connection).await?;
                    Ok(Some(Claimed {
                        delivery,
                        late_sent: late.try_get("n")?,
                        last_late: late.try_get::<Option<i64>, _>("last")?.map(super::millis),
                        already_said,
                    }))
                })
            })
            .await
    }

    /// Commits the attempt before its first byte: freezes text, media and key. `None` when the row is no longer ours
    /// (cancelled, held or paused meanwhile, or its account has another holder): then nothing may be sent. `boot` is the boot clock read before the call.
    ///
    /// # Errors
    /// When the database cannot be written; then nothing may be sent.
    pub async fn arm(
        &self,
        claimed: Delivery,
        media: Vec<MediaId>,
        lateness: Lateness,
        now: DateTime<Utc>,
        boot: Duration,
    ) -> Result<Option<Armed>, StoreError> {
        // After an unclear attempt the first baseline stays: what that attempt made may stand before a later one.
        // What is withheld from the ledger stays out of it.
        const ARM: &str = "UPDATE deliveries SET state = 'armed', attempt = attempt + 1, armed_at = $1, media = $2, \
            payload = CASE WHEN withheld = 1 THEN payload ELSE $3 END, was_late = $4, updated_at = $1, \
            baseline = CASE WHEN unclear > 0 THEN baseline \
            ELSE (SELECT newest_own FROM accounts WHERE name = deliveries.account) END \
            WHERE id = $5 AND state = 'claimed' AND fence = $6";
        const UNCLAIM: &str = "UPDATE deliveries SET state = 'planned', fence = fence + 1, updated_at = $1 \
            WHERE id = $2 AND state = 'claimed' AND fence = $3";
        let turn = match claimed.of {
            Of::Post { .. } => Turn::Posts,
            Of::Reply { .. } => Turn::Replies,
        };
        let payload = payload_json(&claimed.payload)?;
        let ids = media.iter().map(MediaId::as_str).collect::<Vec<_>>().join(" ");
        let (id, fence, now_ms) = (claimed.id, claimed.fence, now.timestamp_millis());
        let was_late = i64::from(lateness == Lateness::Late);
        let (holder, account) = (self.inner.holder.clone(), claimed.account.as_str().to_owned());
        let armed = self
            .inner
            .writer
            .write(move |connection| {
                let (payload, ids) = (payload.clone(), ids.clone());
                let (holder, account) = (holder.clone(), account.clone());
                Box::pin(async move {
                    if !holder.holds(connection, &account, now).await? {
                        return Ok(false);
                    }
                    // Staff paused while its pictures were on their way.
                    if is_paused(connection, &account, turn, now).await? {
                        let query = sqlx::query(UNCLAIM).bind(now_ms).bind(id.0).bind(fence);
                        query.execute(connection).await?;
                        return Ok(false);
                    }
                    let query =
                        sqlx::query(ARM).bind(now_ms).bind(ids).bind(payload).bind(was_late).bind(id.0).bind(fence);
                    Ok(query.execute(connection).await?.rows_affected() == 1)
                })
            })
            .await?;
        let key = key_of(self.secret(), &claimed);
        Ok(armed.then(|| Armed {
            id,
            may_exist: claimed.unclear > 0,
            account: claimed.account,
            fence,
            attempt: claimed.attempt + 1,
            key,
            payload: claimed.payload,
            media,
            armed_at_boot: boot,
        }))
    }

    /// Records how the sender's hold on a row ended, with what a person must know of it, in one commit. `false` when
    /// the row was no longer in its hands: then nobody is told.
    ///
    /// # Errors
    /// When the database cannot be written; the row then stays as it is, and a restart makes it `unknown`.
    pub async fn record(
        &self,
        id: DeliveryId,
        fence: i64,
        ending: Ending,
        told: Option<Told>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.inner
            .writer
            .write(move |connection| {
                let (ending, told) = (ending.clone(), told.clone());
                Box::pin(async move {
                    let ours = record_one(connection, id, fence, &ending, now).await?;
                    if let (true, Some(told)) = (ours, &told) {
                        tell_of_delivery(connection, id.0, told, now).await?;
                    }
                    Ok(ours)
                })
            })
            .await
    }
}

/// Whether a post left so late that the pace after an outage applies (DESIGN §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lateness {
    /// Within 15 min of its time, or released by a person.
    InTime,
    /// Later.
    Late,
}

/// The Idempotency-Key: identity and generation under the install secret, so the same after a restart and elsewhere.
fn key_of(secret: &InstallSecret, delivery: &Delivery) -> String {
    // Where a server replays errors, a negative last look takes a new key (DESIGN §5, law 6).
    let generation = match delivery.rekeys {
        0 => delivery.generation.to_string(),
        rekeys => format!("{}.{rekeys}", delivery.generation),
    };
    let account = delivery.account.as_str();
    match &delivery.of {
        Of::Post { post, occurrence, part, .. } => {
            secret.keyed("post", &[account, post.as_str(), occurrence.as_str(), &part.to_string(), &generation])
        }
        Of::Reply { mention } => reply_key(secret, account, mention, &generation),
    }
}

pub(super) fn reply_key(secret: &InstallSecret, account: &str, mention: &str, generation: &str) -> String {
    secret.keyed("reply", &[account, mention, generation])
}

pub(super) fn payload_json(payload: &Payload) -> Result<String, StoreError> {
    serde_json::to_string(payload).map_err(|_shape| StoreError::Garbled { what: "a payload" })
}

async fn record_one(
    connection: &mut AnyConnection,
    id: DeliveryId,
    fence: i64,
    ending: &Ending,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    // A part that another waits for is looked at once; the rest some seconds later, many in one request.
    const SENT: &str = "UPDATE deliveries SET state = 'sent', status_id = $1, status_url = $2, sent_at = $3, \
        reason = $4, updated_at = $3, thread = CASE WHEN thread = '' THEN $1 ELSE thread END, from_post = 1, \
        look_at = CASE WHEN kind = 'post' AND part < parts THEN $3 ELSE $7 END, \
        watch_until = CASE WHEN unclear > 0 THEN $8 ELSE watch_until END \
        WHERE id = $5 AND state = 'armed' AND fence = $6 AND NOT EXISTS (SELECT 1 FROM deliveries AS other \
        WHERE other.status_id = $1 AND other.account = deliveries.account AND other.id <> deliveries.id) \
        RETURNING account, CASE WHEN kind = 'reply' AND fence = 1 THEN 1 ELSE 0 END AS at_once";
    // The newest own status becomes the next baseline.
    const BASELINE: &str = "UPDATE accounts SET newest_own = $1 WHERE name = $2";
    const MOVE: &str = "UPDATE deliveries SET state = $1, reason = $2, not_before = CASE WHEN $3 = 0 THEN not_before \
        ELSE $3 END, updated_at = $4, unclear = unclear + $7, \
        looks = CASE WHEN $7 = 1 THEN 0 ELSE looks END, \
        look_at = CASE WHEN $7 = 1 THEN armed_at + 5000 ELSE look_at END, rekeys = rekeys + $8, \
        parent_missed = parent_missed + $9 WHERE id = $5 AND state IN ('claimed', 'armed') AND fence = $6";
    let now_ms = now.timestamp_millis();
    let another = ANOTHER_STATUS.to_owned();
    let (state, reason, not_before) = match ending {
        Ending::Sent(receipt) => {
            let query = sqlx::query(SENT).bind(storable(receipt.status.as_str()));
            let query = query.bind(receipt.url.as_deref().map(storable));
            let query = query.bind(now_ms).bind(storable(&receipt.changed.join("; "))).bind(id.0).bind(fence);
            let first_look = looking::first_for_sent(now).timestamp_millis();
            let query = query.bind(first_look).bind(looking::twin_until(now).timestamp_millis());
            if let Some(row) = query.fetch_optional(&mut *connection).await? {
                let newest = sqlx::query(BASELINE).bind(storable(receipt.status.as_str()));
                newest.bind(row.try_get::<String, _>("account")?).execute(&mut *connection).await?;
                // A reply that was armed with its decision never waited for a person.
                if row.try_get::<i64, _>("at_once")? == 0 {
                    settle_delivery(connection, id.0).await?;
                }
                return Ok(true);
            }
            // Another row has that status, or this one is no longer in these hands: then the next write finds nothing.
            (State::Unknown, &another, 0)
        }
        Ending::Again { at, reason } | Ending::Anew { at, reason } => (State::Planned, reason, at.timestamp_millis()),
        Ending::Unknown { reason } => (State::Unknown, reason, 0),
        Ending::Settled { state, reason } => (*state, reason, 0),
    };
    const LOG: &str = "INSERT INTO attempts (delivery, attempt, armed_at, ended_at, outcome, detail) \
        SELECT id, attempt, armed_at, $2, $3, $4 FROM deliveries WHERE id = $1";
    let reason = storable(reason);
    let query = sqlx::query(MOVE).bind(state.as_str()).bind(reason.clone()).bind(not_before).bind(now_ms);
    let query = query.bind(id.0).bind(fence).bind(i64::from(state == State::Unknown));
    let query = query.bind(i64::from(matches!(ending, Ending::Anew { .. }))).bind(i64::from(reason == NO_PARENT_YET));
    let ours = query.execute(&mut *connection).await?.rows_affected() == 1;
    if ours {
        let log = sqlx::query(LOG).bind(id.0).bind(now_ms).bind(state.as_str()).bind(reason.clone());
        log.execute(&mut *connection).await?;
        threads::ended(connection, id, state, now).await?;
    }
    Ok(ours)
}
