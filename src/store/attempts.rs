//! What each attempt did, for people who ask why.

use chrono::{DateTime, Utc};
use sqlx::Row;

use super::errors::StoreError;
use super::{Store, millis};
use crate::core::ids::DeliveryId;

/// One attempt, or one claim, that did not end in `sent`.
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
        const LIST: &str = "SELECT attempt, armed_at, ended_at, outcome, detail FROM attempts WHERE delivery = $1 \
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
