//! What read-back found, in the ledger (DESIGN §5, laws 7 and 8): unknown → sent or sent again, sent → verified or
//! held, and the watch for twins. Every write names id, state and fence.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::deliveries::{Delivery, WAITS_FOR_PART, read};
use super::errors::StoreError;
use super::notices::{Told, tell_of_delivery};
use super::{Store, millis, storable, threads};
use crate::core::delivery::{Payload, State};
use crate::core::ids::{AccountName, DeliveryId, StatusId};
use crate::core::looking;

/// Once part 1 is out, the rest of its thread follows for this long (DESIGN §7).
pub(super) const THREAD_FOLLOWS: chrono::Duration = chrono::Duration::hours(24);

/// A row somebody must look at the server for.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    /// The row.
    pub delivery: Delivery,
    /// When its last attempt was armed.
    pub armed_at: DateTime<Utc>,
    /// Our newest status when its first unclear attempt was armed: looks end there.
    pub baseline: Option<StatusId>,
    /// Its first attempt, by our clock and as far as the ledger knows.
    pub first_attempt: DateTime<Utc>,
    /// Attempts that may have succeeded.
    pub unclear: i64,
    /// Until then a twin may appear.
    pub watch_until: Option<DateTime<Utc>>,
    /// The id came from our own POST.
    pub from_post: bool,
    /// The asker opted out since.
    pub opted_out: bool,
    /// When looks for it began, if the database may not know that it was sent.
    pub doubted_at: Option<DateTime<Utc>>,
    /// A part waits until this one is seen.
    pub next_part_waits: bool,
    /// Whether its post is still to be said.
    pub wish: Wish,
}

/// Whether a row that turns out not to be on the server is still wanted there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// As far as staff are concerned, yes.
    Wanted,
    /// Staff hold its post.
    Held,
    /// Staff cancelled its post.
    Cancelled,
    /// Its post's file was removed.
    Gone,
}

/// What a look decided.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// It is there.
    There {
        /// Its id.
        status: StatusId,
        /// Where people read it.
        url: Option<String>,
        /// What staff should know; empty is well.
        note: String,
    },
    /// Not there; look again at this time.
    NotYet(DateTime<Utc>),
    /// Not there at the last look: send it again, with the same key or, where a server replays errors, a new one.
    SendAgain {
        /// A new key.
        new_key: bool,
    },
    /// It ends here, with the reason.
    Ended {
        /// `held` or `expired`.
        state: State,
        /// Why.
        reason: String,
    },
}

impl Store {
    /// When the next look of each account is due that has one, soonest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn next_looks(&self) -> Result<Vec<(AccountName, DateTime<Utc>)>, StoreError> {
        // From account to account along the index, and one look into each: whatever waits for later is not read.
        const NEXT: &str = "WITH RECURSIVE lookers (account) AS (\
            SELECT MIN(account) FROM deliveries WHERE look_at IS NOT NULL \
            UNION ALL SELECT (SELECT MIN(later.account) FROM deliveries AS later WHERE later.look_at IS NOT NULL \
            AND later.account > lookers.account) FROM lookers WHERE lookers.account IS NOT NULL) \
            SELECT account, (SELECT MIN(look_at) FROM deliveries WHERE deliveries.account = lookers.account \
            AND look_at IS NOT NULL) AS next FROM lookers WHERE account IS NOT NULL ORDER BY next, account";
        let rows = sqlx::query(NEXT).fetch_all(&self.inner.reads).await?;
        rows.iter()
            .map(|row| Ok((AccountName::new(row.try_get::<String, _>("account")?), millis(row.try_get("next")?))))
            .collect()
    }

    /// The account's rows whose look is due, at most `limit`: those that wait longest, oldest attempt first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn open_looks(
        &self,
        account: &AccountName,
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<Open>, StoreError> {
        const LIST: &str = concat_columns!(
            ", armed_at, baseline, unclear, watch_until, from_post, \
            CASE WHEN kind = 'reply' AND EXISTS (SELECT 1 FROM opt_outs WHERE opt_outs.person = deliveries.person) \
            AND NOT EXISTS (SELECT 1 FROM mentions WHERE mentions.delivery = deliveries.id \
            AND mentions.command IN ('stop', 'start')) THEN 1 ELSE 0 END AS opted_out, \
            (SELECT MIN(attempts.armed_at) FROM attempts WHERE attempts.delivery = deliveries.id) AS first_attempt, \
            CASE WHEN kind <> 'post' THEN '' ELSE COALESCE( \
            (SELECT mark FROM post_marks WHERE post_marks.post_id = deliveries.post_id), \
            (SELECT '' FROM post_files WHERE post_files.post_id = deliveries.post_id), \
            (SELECT '' FROM queued_posts WHERE 'queue-' || queued_posts.seq = deliveries.post_id), 'gone') END AS wish, \
            CASE WHEN kind = 'post' AND part < parts THEN 1 ELSE 0 END AS next_part_waits \
            FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE account = $1 AND look_at IS NOT NULL \
            AND look_at <= $2 ORDER BY look_at, id LIMIT $3) ORDER BY armed_at, id"
        );
        let query = sqlx::query(LIST).bind(account.as_str().to_owned()).bind(now.timestamp_millis()).bind(limit);
        query.fetch_all(&self.inner.reads).await?.iter().map(open).collect()
    }

    /// Which of these statuses belong to a row already: they are never taken for another row's.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn owned(&self, account: &AccountName, statuses: &[StatusId]) -> Result<HashSet<StatusId>, StoreError> {
        const OWNED: &str = "SELECT 1 AS one FROM deliveries WHERE account = $1 AND status_id = $2";
        let mut owned = HashSet::new();
        for status in statuses {
            let query = sqlx::query(OWNED).bind(account.as_str().to_owned()).bind(status.as_str().to_owned());
            if query.fetch_optional(&self.inner.reads).await?.is_some() {
                owned.insert(status.clone());
            }
        }
        Ok(owned)
    }

    /// What other rows of the account say that may stand on the server without being known by its id: a status with
    /// exactly their words is not this row's. At most 5,000, those first that most likely stand there: a doubted queue of
    /// a million rows is not read for one status.
    ///
    /// # Errors
    /// When the database cannot be read, or holds a row this version cannot read.
    pub async fn rivals(&self, account: &AccountName, id: DeliveryId) -> Result<Vec<Payload>, StoreError> {
        const LIST: &str = "SELECT payload FROM deliveries WHERE account = $1 AND id <> $2 AND status_id IS NULL \
            AND (state IN ('claimed', 'armed', 'unknown') OR unclear > 0 OR doubted_at IS NOT NULL) \
            ORDER BY CASE WHEN state IN ('claimed', 'armed', 'unknown') THEN 0 ELSE 1 END, due_at, id LIMIT 5000";
        let query = sqlx::query(LIST).bind(account.as_str().to_owned()).bind(id.0);
        let read = |row: &AnyRow| {
            let payload: String = row.try_get("payload")?;
            serde_json::from_str(&payload).map_err(|_shape| StoreError::Garbled { what: "a delivery's payload" })
        };
        query.fetch_all(&self.inner.reads).await?.iter().map(read).collect()
    }

    /// Records what a look at an `unknown` row found. `false` when the row had moved on.
    ///
    /// # Errors
    /// When the database cannot be written; then the look counts as none.
    pub async fn looked(&self, open: &Open, found: Found, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let (id, fence) = (open.delivery.id, open.delivery.fence);
        // What is given up now may still be made: a server may be slow to commit.
        let next = looking::next_for_twin(open.armed_at, now).filter(|_| open.unclear > 0);
        let watch = next.map(|next| (next, looking::twin_until(open.armed_at)));
        self.inner
            .writer
            .write(move |connection| {
                let found = found.clone();
                Box::pin(async move { settle(connection, id, fence, &found, watch, now).await })
            })
            .await
    }

    /// A look at a row that was given up while an attempt of it was unclear: a server may make a status late. `appeared`:
    /// there it is, so the row is `verified`, and a person is told; else it is looked for again at `next`.
    ///
    /// # Errors
    /// When the database cannot be written; then the look counts as none.
    pub async fn given_up(
        &self,
        open: &Open,
        next: Option<DateTime<Utc>>,
        appeared: Option<(StatusId, Option<String>, Told)>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        const AGAIN: &str = "UPDATE deliveries SET look_at = $1 WHERE id = $2 AND state = $3 AND fence = $4";
        const THERE: &str = "UPDATE deliveries SET state = 'verified', status_id = $1, status_url = $2, sent_at = $3, \
            reason = 'it was given up, and the server made it all the same', from_post = 0, look_at = NULL, \
            updated_at = $3, fence = fence + 1 WHERE id = $4 AND state = $5 AND fence = $6";
        let (id, fence, state) = (open.delivery.id, open.delivery.fence, open.delivery.state.as_str());
        self.inner
            .writer
            .write(move |connection| {
                let appeared = appeared.clone();
                Box::pin(async move {
                    let Some((status, url, told)) = appeared else {
                        let next = next.map(|next| next.timestamp_millis());
                        let query = sqlx::query(AGAIN).bind(next).bind(id.0).bind(state).bind(fence);
                        return Ok(query.execute(connection).await?.rows_affected() == 1);
                    };
                    let query = sqlx::query(THERE).bind(storable(status.as_str())).bind(url.as_deref().map(storable));
                    let query = query.bind(now.timestamp_millis()).bind(id.0).bind(state).bind(fence);
                    let ours = query.execute(&mut *connection).await?.rows_affected() == 1;
                    if ours {
                        tell_of_delivery(connection, id.0, &told, now).await?;
                        // A part behind a held one still waits; parts behind an end ended with it.
                        release_next_part(connection, id, now).await?;
                    }
                    Ok(ours)
                })
            })
            .await
    }

    /// `sent` rows were seen on the server, all in one commit. The next part of a thread may go. A row that has moved on
    /// meanwhile stays as it is. Returns how many were changed.
    ///
    /// # Errors
    /// When the database cannot be written; then none is changed.
    pub async fn verified(&self, seen: &[&Open], now: DateTime<Utc>) -> Result<u64, StoreError> {
        const VERIFY: &str = "UPDATE deliveries SET state = 'verified', \
            look_at = CASE WHEN watch_until > $1 THEN $1 ELSE NULL END, updated_at = $1 \
            WHERE state = 'sent' AND (id, fence) IN (VALUES ($2, $3), ($4, $5), ($6, $7), ($8, $9), ($10, $11), \
            ($12, $13), ($14, $15), ($16, $17)) RETURNING id";
        const AT_ONCE: usize = 8;
        let now_ms = now.timestamp_millis();
        let rows: Vec<(i64, i64)> = seen.iter().map(|open| (open.delivery.id.0, open.delivery.fence)).collect();
        let waited_for = seen.iter().filter(|open| open.next_part_waits).map(|open| open.delivery.id);
        let waited_for: HashSet<DeliveryId> = waited_for.collect();
        self.inner
            .writer
            .write(move |connection| {
                let (rows, waited_for) = (rows.clone(), waited_for.clone());
                Box::pin(async move {
                    let mut changed = 0;
                    for some in rows.chunks(AT_ONCE) {
                        // The last one stands in the places that are left.
                        let places = some.iter().chain(some.last().into_iter().cycle()).take(AT_ONCE);
                        let query = sqlx::query(VERIFY).bind(now_ms);
                        let query = places.fold(query, |query, (id, fence)| query.bind(*id).bind(*fence));
                        for row in query.fetch_all(&mut *connection).await? {
                            let id = DeliveryId(row.try_get("id")?);
                            changed += 1;
                            if waited_for.contains(&id) {
                                release_next_part(connection, id, now).await?;
                            }
                        }
                    }
                    Ok(changed)
                })
            })
            .await
    }

    /// A `sent` row was not seen: look again at `next`, or hold it and tell a person. Never sent again by itself.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn not_seen(
        &self,
        open: &Open,
        next: Option<DateTime<Utc>>,
        told: Told,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        const AGAIN: &str = "UPDATE deliveries SET look_at = $1, updated_at = $2 WHERE id = $3 AND state = 'sent' \
            AND fence = $4";
        const HOLD: &str = "UPDATE deliveries SET state = 'held', look_at = $1, updated_at = $2, \
            reason = 'the server said yes but does not show it' WHERE id = $3 AND state = 'sent' AND fence = $4";
        let (id, fence) = (open.delivery.id, open.delivery.fence);
        let at = next.map(|at| at.timestamp_millis());
        self.inner
            .writer
            .write(move |connection| {
                let told = told.clone();
                Box::pin(async move {
                    let query = sqlx::query(if at.is_some() { AGAIN } else { HOLD });
                    let query = query.bind(at).bind(now.timestamp_millis()).bind(id.0).bind(fence);
                    let ours = query.execute(&mut *connection).await?.rows_affected() == 1;
                    if ours && at.is_none() {
                        tell_of_delivery(connection, id.0, &told, now).await?;
                    }
                    Ok(ours)
                })
            })
            .await
    }

    /// The watch for a twin of a `verified` row: look again at `next`, or the watch is over. `now_is` names the status
    /// that stays when the row's own was taken back.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn watched(
        &self,
        open: &Open,
        next: Option<DateTime<Utc>>,
        now_is: Option<(StatusId, Option<String>)>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        const WATCH: &str = "UPDATE deliveries SET look_at = $1, updated_at = $2, \
            status_id = CASE WHEN $3 = '' THEN status_id ELSE $3 END, \
            status_url = CASE WHEN $3 = '' THEN status_url ELSE $6 END, \
            from_post = CASE WHEN $3 = '' THEN from_post ELSE 0 END \
            WHERE id = $4 AND state = 'verified' AND fence = $5";
        let (id, fence) = (open.delivery.id, open.delivery.fence);
        let at = next.map(|at| at.timestamp_millis());
        let (status, url) = now_is.map(|(status, url)| (status.as_str().to_owned(), url)).unwrap_or_default();
        self.inner
            .writer
            .write(move |connection| {
                let (status, url) = (status.clone(), url.clone());
                Box::pin(async move {
                    let query = sqlx::query(WATCH).bind(at).bind(now.timestamp_millis()).bind(status);
                    let query = query.bind(id.0).bind(fence).bind(url);
                    Ok(query.execute(connection).await?.rows_affected() == 1)
                })
            })
            .await
    }
}

fn open(row: &AnyRow) -> Result<Open, StoreError> {
    let delivery = read(row)?;
    let flag = |column: &str| -> Result<bool, StoreError> { Ok(row.try_get::<i64, _>(column)? != 0) };
    let armed_at = row.try_get::<Option<i64>, _>("armed_at")?.map_or(delivery.due_at, millis);
    let first_attempt = row.try_get::<Option<i64>, _>("first_attempt")?.map_or(armed_at, millis);
    Ok(Open {
        armed_at,
        first_attempt: first_attempt.min(armed_at),
        baseline: row.try_get::<Option<String>, _>("baseline")?.map(StatusId::new),
        unclear: row.try_get("unclear")?,
        watch_until: row.try_get::<Option<i64>, _>("watch_until")?.map(millis),
        from_post: flag("from_post")?,
        opted_out: flag("opted_out")?,
        doubted_at: delivery.doubted_at,
        next_part_waits: flag("next_part_waits")?,
        wish: match row.try_get::<String, _>("wish")?.as_str() {
            "held" => Wish::Held,
            "cancelled" => Wish::Cancelled,
            "gone" => Wish::Gone,
            _ => Wish::Wanted,
        },
        delivery,
    })
}

async fn settle(
    connection: &mut AnyConnection,
    id: DeliveryId,
    fence: i64,
    found: &Found,
    watch: Option<(DateTime<Utc>, DateTime<Utc>)>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    // What a restored database had planned for a slot to come was sent at another time: the slot is free again.
    // Seen on the server: verified at once. After more than one unclear attempt the other may still appear.
    const THERE: &str = "UPDATE deliveries SET state = 'verified', status_id = $1, status_url = $2, sent_at = $3, \
        reason = $4, updated_at = $3, from_post = 0, doubted_at = NULL, \
        due_at = CASE WHEN doubted_at IS NOT NULL AND due_at > $3 THEN $3 ELSE due_at END, \
        zone = CASE WHEN doubted_at IS NOT NULL AND due_at > $3 THEN '' ELSE zone END, \
        look_at = CASE WHEN unclear > 1 THEN $3 ELSE NULL END, \
        watch_until = CASE WHEN unclear > 1 THEN $7 ELSE watch_until END, \
        thread = CASE WHEN thread = '' THEN $1 ELSE thread END \
        WHERE id = $5 AND state = 'unknown' AND fence = $6";
    const BASELINE: &str =
        "UPDATE accounts SET newest_own = $1 WHERE name = (SELECT account FROM deliveries WHERE id = $2)";
    const NOT_YET: &str = "UPDATE deliveries SET looks = looks + 1, look_at = $1, updated_at = $2 \
        WHERE id = $3 AND state = 'unknown' AND fence = $4";
    const AGAIN: &str = "UPDATE deliveries SET state = 'planned', look_at = NULL, looks = looks + 1, \
        not_before = CASE WHEN due_at > $1 AND attempt = 0 THEN due_at ELSE $1 END, doubted_at = NULL, \
        rekeys = rekeys + $2, reason = CASE WHEN attempt = 0 THEN 'not on the server' \
        ELSE 'not on the server at the last look: sent again' END, updated_at = $1, \
        fence = fence + 1 WHERE id = $3 AND state = 'unknown' AND fence = $4 \
        AND NOT EXISTS (SELECT 1 FROM post_marks WHERE post_marks.post_id = deliveries.post_id)";
    const END: &str = "UPDATE deliveries SET state = $1, look_at = $6, watch_until = $7, looks = looks + 1, reason = $2, \
        doubted_at = NULL, updated_at = $3 WHERE id = $4 AND state = 'unknown' AND fence = $5";
    let now_ms = now.timestamp_millis();
    let query = match found {
        Found::There { status, url, note } => sqlx::query(THERE)
            .bind(storable(status.as_str()))
            .bind(url.as_deref().map(storable))
            .bind(now_ms)
            .bind(storable(note))
            .bind(id.0)
            .bind(fence)
            .bind(looking::twin_until(now).timestamp_millis()),
        Found::NotYet(next) => sqlx::query(NOT_YET).bind(next.timestamp_millis()).bind(now_ms).bind(id.0).bind(fence),
        Found::SendAgain { new_key } => {
            sqlx::query(AGAIN).bind(now_ms).bind(i64::from(*new_key)).bind(id.0).bind(fence)
        }
        Found::Ended { state, reason } => {
            let query =
                sqlx::query(END).bind(state.as_str()).bind(storable(reason)).bind(now_ms).bind(id.0).bind(fence);
            let (next, until) = watch.map(|(next, until)| (next.timestamp_millis(), until.timestamp_millis())).unzip();
            query.bind(next).bind(until)
        }
    };
    let ours = query.execute(&mut *connection).await?.rows_affected() == 1;
    if let (true, Found::Ended { state, .. }) = (ours, found) {
        threads::ended(connection, id, *state, now).await?;
    }
    if let (true, Found::There { status, .. }) = (ours, found) {
        sqlx::query(BASELINE).bind(status.as_str().to_owned()).bind(id.0).execute(&mut *connection).await?;
        release_next_part(connection, id, now).await?;
    }
    Ok(ours)
}

/// Part n + 1 leaves only after part n was seen on the server.
async fn release_next_part(
    connection: &mut AnyConnection,
    id: DeliveryId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const NEXT_PART: &str = "UPDATE deliveries SET not_before = $1, expires_at = $2, updated_at = $1 \
        WHERE kind = 'post' AND state = 'planned' AND not_before = $3 \
        AND post_id = (SELECT post_id FROM deliveries WHERE id = $4) \
        AND account = (SELECT account FROM deliveries WHERE id = $4) \
        AND occurrence = (SELECT occurrence FROM deliveries WHERE id = $4) \
        AND part = (SELECT part + 1 FROM deliveries WHERE id = $4 AND kind = 'post' AND part < parts)";
    let follows_until = (now + THREAD_FOLLOWS).timestamp_millis();
    let query = sqlx::query(NEXT_PART).bind(now.timestamp_millis()).bind(follows_until).bind(WAITS_FOR_PART);
    query.bind(id.0).execute(connection).await?;
    Ok(())
}
