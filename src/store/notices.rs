//! Notices: something a person must know or do, once, with the next step.

use chrono::{DateTime, Utc};
use sqlx::{AnyConnection, Row};

use super::errors::StoreError;
use super::{Store, millis, storable};

/// One open notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its number.
    pub id: i64,
    /// The matter: the same matter has one open notice.
    pub key: String,
    /// The account it is about; empty: the whole campaign.
    pub account: String,
    /// What is the matter.
    pub text: String,
    /// What to do.
    pub next_step: String,
    /// Since when.
    pub raised_at: DateTime<Utc>,
}

/// What a person must know of a row, raised in the transaction that makes it so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What is the matter.
    pub text: String,
    /// What to do.
    pub next_step: String,
}

const RAISE: &str = "INSERT INTO notices (key, account, text, next_step, raised_at) \
    VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (key) DO UPDATE SET text = excluded.text, next_step = excluded.next_step";

impl Store {
    /// Raises a notice; the same key again changes its words only.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn raise(
        &self,
        key: &str,
        account: &str,
        text: &str,
        next_step: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.change(RAISE, vec![key.into(), account.into(), text.into(), next_step.into(), now.into()]).await
    }

    /// The matter is settled.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn settle_notice(&self, key: &str) -> Result<(), StoreError> {
        const SETTLE: &str = "DELETE FROM notices WHERE key = $1";
        self.change(SETTLE, vec![key.into()]).await
    }

    /// What waits for a person, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn notices(&self) -> Result<Vec<Notice>, StoreError> {
        const LIST: &str = "SELECT id, key, account, text, next_step, raised_at FROM notices ORDER BY raised_at, id";
        let rows = sqlx::query(LIST).fetch_all(&self.inner.reads).await?;
        let read = |row: &sqlx::any::AnyRow| {
            Ok(Notice {
                id: row.try_get("id")?,
                key: row.try_get("key")?,
                account: row.try_get("account")?,
                text: row.try_get("text")?,
                next_step: row.try_get("next_step")?,
                raised_at: millis(row.try_get("raised_at")?),
            })
        };
        rows.iter().map(read).collect()
    }
}

/// Raises a notice in a transaction that does something else too.
pub(super) async fn raise(
    connection: &mut AnyConnection,
    key: &str,
    account: &str,
    text: &str,
    next_step: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let query = sqlx::query(RAISE).bind(key.to_owned()).bind(account.to_owned()).bind(storable(text));
    query.bind(storable(next_step)).bind(now.timestamp_millis()).execute(connection).await?;
    Ok(())
}

/// A person must know this of a row: the notice and the state it is about are one commit.
pub(super) async fn tell_of_delivery(
    connection: &mut AnyConnection,
    id: i64,
    told: &Told,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const ACCOUNT: &str = "SELECT account FROM deliveries WHERE id = $1";
    let row = sqlx::query(ACCOUNT).bind(id).fetch_one(&mut *connection).await?;
    let query = sqlx::query(RAISE).bind(format!("delivery:{id}")).bind(row.try_get::<String, _>("account")?);
    let query = query.bind(storable(&told.text)).bind(storable(&told.next_step)).bind(now.timestamp_millis());
    query.execute(connection).await?;
    Ok(())
}

/// What waited for a person about this row waits no more: it moved on.
pub(super) async fn settle_delivery(connection: &mut AnyConnection, id: i64) -> Result<(), StoreError> {
    const SETTLE: &str = "DELETE FROM notices WHERE key = $1";
    sqlx::query(SETTLE).bind(format!("delivery:{id}")).execute(connection).await?;
    Ok(())
}
