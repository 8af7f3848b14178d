//! What the accounts said lately, in words: so that staff are told when they write nearly the same again.

use chrono::{DateTime, Utc};
use sqlx::Row;

use super::Store;
use super::errors::StoreError;
use crate::core::delivery::Payload;
use crate::core::ids::{AccountName, PostId};

/// The first part of a post that an account showed, or may have shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaidText {
    /// Who said it.
    pub account: AccountName,
    /// What.
    pub post: PostId,
    /// Its words.
    pub text: String,
}

impl Store {
    /// What was said since then, each text of a post once per account, the latest first.
    ///
    /// # Errors
    /// When the database cannot be read, or holds a row this version cannot read.
    pub async fn said_since(&self, since: DateTime<Utc>) -> Result<Vec<SaidText>, StoreError> {
        const LIST: &str = "SELECT account, post_id, payload, MAX(due_at) AS due FROM deliveries \
            WHERE kind = 'post' AND part = 1 AND state IN ('sent', 'verified', 'armed', 'unknown') AND due_at > $1 \
            GROUP BY account, post_id, payload ORDER BY due DESC, account, post_id";
        let rows = sqlx::query(LIST).bind(since.timestamp_millis()).fetch_all(&self.inner.reads).await?;
        let read = |row: &sqlx::any::AnyRow| {
            let payload: String = row.try_get("payload")?;
            let payload: Payload = serde_json::from_str(&payload)
                .map_err(|_shape| StoreError::Garbled { what: "a delivery's payload" })?;
            Ok(SaidText {
                account: AccountName::new(row.try_get::<String, _>("account")?),
                post: PostId::new(row.try_get::<String, _>("post_id")?),
                text: payload.text,
            })
        };
        rows.iter().map(read).collect()
    }
}
