//! A machine that was set back as a whole (a snapshot of it, a backup of the campaign's folder): database and side file
//! agree with each other, so [`super::epoch`] notices nothing. Only the servers remember. This file knows the moment up
//! to which the database can be believed, and what the ledger could have said since; whether an account shows more than
//! that is looked at before it sends anything (`jobs/set_back.rs`), and then everything unsent is doubted.

use chrono::{DateTime, Utc};
use sqlx::{AnyConnection, Row};

use super::doubt::{self, Doubt, Why};
use super::errors::StoreError;
use super::{Store, epoch, millis};
use crate::core::delivery::Payload;
use crate::core::ids::AccountName;

const LAST_WORD: &str = "last_word";

/// The most rows an unknown status is compared with: those due nearest to the last word.
const COMPARED: i64 = 5_000;

/// A row of the ledger that an unknown status of its account may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Saying {
    /// What it says.
    pub payload: Payload,
    /// Whether the ledger knows that it may stand there.
    pub known: Known,
}

/// Whether the ledger expects a row's words on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It was attempted and is unclear, or is looked for: a status with its words is no surprise.
    MayStand,
    /// Not sent, as far as the ledger knows.
    Unsent,
}

impl Store {
    /// Up to when the database knows what the daemons before this start did; `None` before it was ever
    /// [recognised](Store::recognise). Of several daemons that share a database all have the word the first one found.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn last_word(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let mut connection = self.inner.reads.acquire().await?;
        last_word(&mut connection).await
    }

    /// The account's rows that a status of it, made after `since` and no row's own, may be.
    ///
    /// # Errors
    /// When the database cannot be read, or holds a row this version cannot read.
    pub async fn sayings(&self, account: &AccountName, since: DateTime<Utc>) -> Result<Vec<Saying>, StoreError> {
        // What has its own status explains no other one, unless an attempt of it was unclear: that may be its twin.
        const LIST: &str = "SELECT payload, CASE WHEN unclear > 0 OR doubted_at IS NOT NULL \
            OR state IN ('claimed', 'armed', 'unknown', 'sent', 'verified') THEN 1 ELSE 0 END AS may_stand \
            FROM deliveries WHERE account = $1 AND (unclear > 0 OR state IN ('planned', 'claimed', 'armed', 'unknown') \
            OR (state IN ('held', 'refused', 'expired', 'cancelled') AND status_id IS NULL)) \
            AND (state IN ('planned', 'held', 'refused', 'claimed', 'armed', 'unknown') OR updated_at >= $2) \
            ORDER BY may_stand DESC, ABS(due_at - $2), id LIMIT $3";
        let query = sqlx::query(LIST).bind(account.as_str().to_owned()).bind(since.timestamp_millis()).bind(COMPARED);
        let mut sayings = Vec::new();
        for row in query.fetch_all(&self.inner.reads).await? {
            let payload: String = row.try_get("payload")?;
            let may_stand = row.try_get::<i64, _>("may_stand")? != 0;
            sayings.push(Saying {
                payload: serde_json::from_str(&payload)
                    .map_err(|_shape| StoreError::Garbled { what: "a delivery's payload" })?,
                known: if may_stand { Known::MayStand } else { Known::Unsent },
            });
        }
        Ok(sayings)
    }

    /// An account shows what the ledger does not know: what it believes to be unsent is doubted since the last word.
    /// `None` when it is doubted since then already.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn set_back(&self, since: DateTime<Utc>, now: DateTime<Utc>) -> Result<Option<Doubt>, StoreError> {
        // What planning found to be over before anybody doubted: it may have been sent in its time.
        const OVER: &str = "UPDATE deliveries SET state = 'planned', reason = '', fence = fence + 1, updated_at = $1 \
            WHERE kind = 'post' AND state = 'expired' AND attempt = 0 AND updated_at >= $2";
        self.inner
            .writer
            .decide(move |connection| {
                Box::pin(async move {
                    if doubt::last(connection).await?.is_some_and(|doubt| doubt.since == since.min(now)) {
                        return Ok(None);
                    }
                    let over = sqlx::query(OVER).bind(now.timestamp_millis()).bind(since.timestamp_millis());
                    over.execute(&mut *connection).await?;
                    doubt::begin(connection, Why::SetBack, since, None, now).await.map(Some)
                })
            })
            .await
    }
}

async fn last_word(connection: &mut AnyConnection) -> Result<Option<DateTime<Utc>>, StoreError> {
    match epoch::get(connection, LAST_WORD).await? {
        Some(at) => Ok(Some(millis(at.parse().map_err(|_shape| StoreError::Garbled { what: "its last word" })?))),
        None => Ok(None),
    }
}

/// A daemon starts that no other one lives beside: until `at` the database knows what was done.
pub(super) async fn note_last_word(connection: &mut AnyConnection, at: DateTime<Utc>) -> Result<(), StoreError> {
    epoch::set(connection, LAST_WORD, &at.timestamp_millis().to_string()).await
}
