//! What the accounts said lately: in words, so that staff are told when they write nearly the same again, and as prints,
//! so that `plan` foresees what is held for having been said.

use chrono::{DateTime, Utc};
use sqlx::Row;

use super::Store;
use super::errors::StoreError;
use super::millis;
use super::secret::text_hash;
use crate::core::delivery::Payload;
use crate::core::ids::{AccountName, Occurrence, PostId};
use crate::core::plan::repeated::{SAID_FOR, SaidTexts};

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

/// The print of a text, as [`Store::said_texts`] has them.
#[must_use]
pub fn print_of(text: &str) -> String {
    text_hash(text)
}

impl Store {
    /// The prints of what was said, or may have been, within the time in which it is not said again: what a row is
    /// compared with when it is made and when it is claimed.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn said_texts(&self, now: DateTime<Utc>) -> Result<SaidTexts, StoreError> {
        const SAID: &str = "SELECT account, text_hash, post_id, occurrence, due_at FROM deliveries \
            WHERE kind = 'post' AND part = 1 AND state IN ('sent', 'verified', 'armed', 'unknown') AND due_at > $1";
        const BEFORE: &str = "SELECT account, text_hash, said_at FROM said WHERE said_at > $1";
        const RELEASED: &str = "SELECT account, post_id FROM deliveries WHERE kind = 'post' AND part = 1 \
            AND occurrence = 'once' AND state = 'planned' AND late = 'released'";
        let since = (now - SAID_FOR).timestamp_millis();
        let mut texts = SaidTexts::default();
        let account =
            |row: &sqlx::any::AnyRow| Ok::<_, StoreError>(AccountName::new(row.try_get::<String, _>("account")?));
        for row in sqlx::query(SAID).bind(since).fetch_all(&self.inner.reads).await? {
            let post = PostId::new(row.try_get::<String, _>("post_id")?);
            let occurrence = Occurrence::from_ledger(row.try_get("occurrence")?);
            let at = millis(row.try_get("due_at")?);
            texts.note(&account(&row)?, row.try_get("text_hash")?, Some((&post, &occurrence)), at);
        }
        for row in sqlx::query(BEFORE).bind(since).fetch_all(&self.inner.reads).await? {
            texts.note(&account(&row)?, row.try_get("text_hash")?, None, millis(row.try_get("said_at")?));
        }
        for row in sqlx::query(RELEASED).fetch_all(&self.inner.reads).await? {
            texts.release(account(&row)?, PostId::new(row.try_get::<String, _>("post_id")?));
        }
        Ok(texts)
    }

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
