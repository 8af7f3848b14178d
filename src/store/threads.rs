//! The parts of a thread behind one that ended: they end with it and say why, so that nothing waits for ever. Behind a
//! refused part they are held, and follow when that one is released or its post edited.

use chrono::{DateTime, Utc};
use sqlx::{AnyConnection, Row};

use super::Store;
use super::deliveries::WAITS_FOR_PART;
use super::errors::StoreError;
use super::notices::{Told, raise, tell_of_delivery};
use super::settling::THREAD_FOLLOWS;
use crate::core::delivery::State;
use crate::core::ids::{AccountName, DeliveryId};

/// Why a part is held behind a refused one.
pub(super) const BEHIND_REFUSED: &str = "the part before it was refused: it follows when that one is released";

/// More than so many posts that expired at once are told in one notice.
const TOLD_ONE_BY_ONE: usize = 3;

/// `id` came to `state`: what becomes of the parts behind it.
pub(super) async fn ended(
    connection: &mut AnyConnection,
    id: DeliveryId,
    state: State,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const BEHIND: &str = "UPDATE deliveries SET state = $1, reason = $2, fence = fence + 1, updated_at = $3 \
        WHERE kind = 'post' AND state = 'planned' AND account = (SELECT account FROM deliveries WHERE id = $4) \
        AND post_id = (SELECT post_id FROM deliveries WHERE id = $4 AND kind = 'post') \
        AND occurrence = (SELECT occurrence FROM deliveries WHERE id = $4) \
        AND part > (SELECT part FROM deliveries WHERE id = $4)";
    let (state, reason) = match state {
        State::Expired => (State::Expired, "the part before it had expired"),
        State::Cancelled => (State::Cancelled, "the part before it was cancelled"),
        State::Refused => (State::Held, BEHIND_REFUSED),
        State::Planned
        | State::Claimed
        | State::Armed
        | State::Sent
        | State::Verified
        | State::Unknown
        | State::Held => return Ok(()),
    };
    let query = sqlx::query(BEHIND).bind(state.as_str()).bind(reason).bind(now.timestamp_millis()).bind(id.0);
    query.execute(connection).await?;
    Ok(())
}

/// If a part that was refused goes again after an edit, those behind it wait for it as before.
pub(super) async fn go_again(
    connection: &mut AnyConnection,
    id: DeliveryId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const REFUSED: &str = "SELECT 1 AS one FROM deliveries WHERE id = $1 AND state = 'refused'";
    match sqlx::query(REFUSED).bind(id.0).fetch_optional(&mut *connection).await? {
        Some(_) => Ok(()),
        None => goes_again(connection, id, now).await,
    }
}

/// A refused part goes again: those behind it wait for it as before.
pub(super) async fn goes_again(
    connection: &mut AnyConnection,
    id: DeliveryId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const FOLLOW: &str = "UPDATE deliveries SET state = 'planned', reason = '', fence = fence + 1, updated_at = $1 \
        WHERE kind = 'post' AND state = 'held' AND reason = $2 \
        AND account = (SELECT account FROM deliveries WHERE id = $3) \
        AND post_id = (SELECT post_id FROM deliveries WHERE id = $3 AND kind = 'post') \
        AND occurrence = (SELECT occurrence FROM deliveries WHERE id = $3) \
        AND part > (SELECT part FROM deliveries WHERE id = $3)";
    let query = sqlx::query(FOLLOW).bind(now.timestamp_millis()).bind(BEHIND_REFUSED).bind(id.0);
    query.execute(connection).await?;
    Ok(())
}

/// A part that came back goes on at once where the part before it was seen meanwhile: nobody would wake it any more.
pub(super) async fn follows_at_once(
    connection: &mut AnyConnection,
    id: DeliveryId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const FOLLOW: &str = "UPDATE deliveries SET not_before = $1, expires_at = $2, updated_at = $1 \
        WHERE id = $3 AND state = 'planned' AND not_before = $4 AND EXISTS (SELECT 1 FROM deliveries AS earlier \
        WHERE earlier.kind = 'post' AND earlier.account = deliveries.account AND earlier.post_id = deliveries.post_id \
        AND earlier.occurrence = deliveries.occurrence AND earlier.part = deliveries.part - 1 \
        AND earlier.state = 'verified')";
    let until = (now + THREAD_FOLLOWS).timestamp_millis();
    let query = sqlx::query(FOLLOW).bind(now.timestamp_millis()).bind(until).bind(id.0).bind(WAITS_FOR_PART);
    query.execute(connection).await?;
    Ok(())
}

/// Ends what is due on an account and has expired, with the parts behind it, and tells people.
pub(super) async fn expire(
    connection: &mut AnyConnection,
    account: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const EXPIRE: &str = "UPDATE deliveries SET state = 'expired', fence = fence + 1, updated_at = $2, \
        reason = 'its time had passed' WHERE account = $1 AND state = 'planned' AND not_before <= $2 \
        AND expires_at <= $2 RETURNING id, kind, post_id";
    let query = sqlx::query(EXPIRE).bind(account.to_owned()).bind(now.timestamp_millis());
    let mut posts = Vec::new();
    let mut answers = 0_u64;
    for row in query.fetch_all(&mut *connection).await? {
        if row.try_get::<String, _>("kind")? == "post" {
            posts.push((row.try_get::<i64, _>("id")?, row.try_get::<String, _>("post_id")?));
        } else {
            answers += 1;
        }
    }
    for (id, _) in &posts {
        ended(connection, DeliveryId(*id), State::Expired, now).await?;
    }
    if posts.len() > TOLD_ONE_BY_ONE {
        let text = format!("{} posts of {account} were not sent, because their time had passed", posts.len());
        let step = "`watchpost queue list --state expired` shows them; `watchpost queue again` sends one all the same";
        raise(connection, &format!("expired:{account}"), account, &text, step, now).await?;
    } else {
        for (id, post) in posts {
            let told = Told {
                text: format!("delivery {id} on {account} ({post}) was not sent, because its time had passed"),
                next_step: format!("`watchpost queue again {post}` sends it all the same"),
            };
            tell_of_delivery(connection, id, &told, now).await?;
        }
    }
    if answers > 0 {
        let text = format!("{answers} answers of {account} were not sent, because the questions had become too old");
        let step = "nothing to do; `watchpost mentions` shows who asked";
        raise(connection, &format!("expired-answers:{account}"), account, &text, step, now).await?;
    }
    Ok(())
}

impl Store {
    /// Accounts with something planned that is due and has expired.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn overdue_accounts(&self, now: DateTime<Utc>) -> Result<Vec<AccountName>, StoreError> {
        const OVERDUE: &str = "SELECT DISTINCT account FROM deliveries WHERE state = 'planned' AND not_before <= $1 \
            AND expires_at <= $1";
        let rows = sqlx::query(OVERDUE).bind(now.timestamp_millis()).fetch_all(&self.inner.reads).await?;
        rows.iter().map(|row| Ok(AccountName::new(row.try_get::<String, _>("account")?))).collect()
    }

    /// Ends what is due on an account and has expired, unless another daemon holds the account.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn expire_due(&self, account: &AccountName, now: DateTime<Utc>) -> Result<(), StoreError> {
        let (holder, account) = (self.inner.holder.clone(), account.as_str().to_owned());
        self.inner
            .writer
            .write(move |connection| {
                let (holder, account) = (holder.clone(), account.clone());
                Box::pin(async move {
                    if holder.holds(connection, &account, now).await? {
                        expire(connection, &account, now).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Parts that an earlier version left behind a part that had ended, or an edit added there. Returns how many ended.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn end_parts_left_behind(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        const SWEEP: &str = "UPDATE deliveries SET state = $1, fence = fence + 1, updated_at = $2, reason = $3 \
            WHERE state = 'planned' AND not_before = $4 AND kind = 'post' AND EXISTS (SELECT 1 FROM deliveries AS earlier \
            WHERE earlier.account = deliveries.account AND earlier.post_id = deliveries.post_id \
            AND earlier.occurrence = deliveries.occurrence AND earlier.kind = 'post' \
            AND earlier.part < deliveries.part AND earlier.state = $1)";
        let now = now.timestamp_millis();
        self.inner
            .writer
            .write(move |connection| {
                Box::pin(async move {
                    let mut swept = 0;
                    for (state, reason) in [
                        (State::Expired, "the part before it had expired"),
                        (State::Cancelled, "the part before it was cancelled"),
                    ] {
                        let query = sqlx::query(SWEEP).bind(state.as_str()).bind(now).bind(reason).bind(WAITS_FOR_PART);
                        swept += query.execute(&mut *connection).await?.rows_affected();
                    }
                    Ok(swept)
                })
            })
            .await
    }
}
