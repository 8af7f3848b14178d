//! What each attempt did, for people who ask why.

use chrono::{DateTime, Utc};
use sqlx::Row;

use super::errors::StoreError;
use super::{Store, millis};
use crate::core::ids::DeliveryId;

/// One attempt, or one claim that ended before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// 1 for the first.
    pub number: i64,
    /// When it was armed.
    pub armed_at: Option<DateTime<Utc>>,
    /// When its outcome was known.
    pub ended_at: DateTime<Utc>,
    /// The state it led to.
    pub outcome: String,
    /// What was seen, in words.
    pub detail: String,
}

impl Store {
    /// What happened to a delivery before it stood where it stands, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn attempts(&self, id: DeliveryId) -> Result<Vec<Attempt>, StoreError> {
        // The attempt that was answered with a status stands in the row itself.
        const LIST: &str = "SELECT attempt, armed_at, ended_at, outcome, detail FROM attempts WHERE delivery = $1 \
            UNION ALL SELECT attempt, armed_at, sent_at, 'sent', COALESCE(status_id, '') FROM deliveries \
            WHERE id = $1 AND sent_at IS NOT NULL AND from_post = 1 AND attempt > COALESCE( \
            (SELECT MAX(attempts.attempt) FROM attempts WHERE attempts.delivery = deliveries.id), 0) \
            ORDER BY ended_at, attempt";
        let rows = sqlx::query(LIST).bind(id.0).fetch_all(&self.inner.reads).await?;
        let read = |row: &sqlx::any::AnyRow| {
            Ok(Attempt {
                number: row.try_get("attempt")?,
                armed_at: row.try_get::<Option<i64>, _>("armed_at")?.map(millis),
                ended_at: millis(row.try_get("ended_at")?),
                outcome: row.try_get("outcome")?,
                detail: row.try_get("detail")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// How often the server's own list was looked through for a delivery since its last attempt, and when that is done
    /// next.
    ///
    /// # Errors
    /// When the database cannot be read, or the delivery is not there.
    pub async fn looks(&self, id: DeliveryId) -> Result<(i64, Option<DateTime<Utc>>), StoreError> {
        const LOOKS: &str = "SELECT looks, look_at FROM deliveries WHERE id = $1";
        let row = sqlx::query(LOOKS).bind(id.0).fetch_one(&self.inner.reads).await?;
        Ok((row.try_get("looks")?, row.try_get::<Option<i64>, _>("look_at")?.map(millis)))
    }

    /// The newest deliveries, at most `limit`, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn newest_deliveries(&self, limit: i64) -> Result<Vec<super::deliveries::Delivery>, StoreError> {
        const LIST: &str = concat_columns!(" FROM deliveries ORDER BY updated_at DESC, id DESC LIMIT $1");
        let rows = sqlx::query(LIST).bind(limit).fetch_all(&self.inner.reads).await?;
        rows.iter().map(super::deliveries::read).collect()
    }
}
