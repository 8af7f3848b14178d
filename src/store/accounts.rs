//! What is known of each account on its server: who we are there, what the server can do, how far we have listened,
//! and whether the account is paused.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::errors::StoreError;
use super::{Store, millis, storable};
use crate::core::ids::{AccountName, StatusId};

/// One account's row. The JSON texts belong to the adapter that wrote them; the store does not read them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountRow {
    /// The server it was last used with.
    pub server: String,
    /// Who we are there, as JSON.
    pub me: Option<String>,
    /// What the server can do, as JSON.
    pub capabilities: Option<String>,
    /// When that was learned.
    pub capabilities_at: Option<DateTime<Utc>>,
    /// From when on mentions are ours to answer.
    pub listening_since: Option<DateTime<Utc>>,
    /// Notification ids of the newest page of the last completed walk.
    pub walk_mark: Vec<String>,
    /// When that walk was completed.
    pub walked_at: Option<DateTime<Utc>>,
    /// `every` occurrences before this have been placed.
    pub planned_through: Option<DateTime<Utc>>,
    /// Why nothing is sent or heard, when a person must act first.
    pub paused_reason: Option<String>,
    /// The server asked us to wait until then.
    pub wait_until: Option<DateTime<Utc>>,
    /// Our newest status there, as far as the ledger knows.
    pub newest_own: Option<StatusId>,
}

const COLUMNS: &str = "SELECT name, server, me, capabilities, capabilities_at, listening_since, walk_mark, walked_at, \
    planned_through, paused_reason, wait_until, newest_own FROM accounts";

fn read(row: &AnyRow) -> Result<(AccountName, AccountRow), StoreError> {
    let time = |column: &str| -> Result<Option<DateTime<Utc>>, StoreError> {
        Ok(row.try_get::<Option<i64>, _>(column)?.map(millis))
    };
    let mark: Option<String> = row.try_get("walk_mark")?;
    let walk_mark = match mark {
        Some(json) => serde_json::from_str(&json).map_err(|_shape| StoreError::Garbled { what: "a listening mark" })?,
        None => Vec::new(),
    };
    let account = AccountRow {
        server: row.try_get("server")?,
        me: row.try_get("me")?,
        capabilities: row.try_get("capabilities")?,
        capabilities_at: time("capabilities_at")?,
        listening_since: time("listening_since")?,
        walk_mark,
        walked_at: time("walked_at")?,
        planned_through: time("planned_through")?,
        paused_reason: row.try_get("paused_reason")?,
        wait_until: time("wait_until")?,
        newest_own: row.try_get::<Option<String>, _>("newest_own")?.map(StatusId::new),
    };
    Ok((AccountName::new(row.try_get::<String, _>("name")?), account))
}

impl Store {
    /// Every account that was ever used, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn accounts(&self) -> Result<BTreeMap<AccountName, AccountRow>, StoreError> {
        sqlx::query(COLUMNS).fetch_all(&self.inner.reads).await?.iter().map(read).collect()
    }

    /// Makes the account's row if it has none, and notes its server.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn know_account(&self, account: &AccountName, server: &str) -> Result<(), StoreError> {
        // What was known on another server is not true on this one.
        const MOVED: &str = "UPDATE accounts SET me = NULL, capabilities = NULL, listening_since = NULL, \
            walk_mark = NULL, newest_own = NULL, wait_until = NULL WHERE name = $1 AND server <> $2";
        const KNOW: &str = "INSERT INTO accounts (name, server) VALUES ($1, $2) \
            ON CONFLICT (name) DO UPDATE SET server = excluded.server";
        self.change(MOVED, vec![Value::Text(account.as_str().into()), Value::Text(server.into())]).await?;
        self.change(KNOW, vec![Value::Text(account.as_str().into()), Value::Text(server.into())]).await
    }

    /// Notes who we are on the server and what it can do.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn note_link(
        &self,
        account: &AccountName,
        me: &str,
        capabilities: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const LINK: &str = "UPDATE accounts SET me = $2, capabilities = $3, capabilities_at = $4 WHERE name = $1";
        let values = vec![account.as_str().into(), me.into(), capabilities.into(), now.into()];
        self.change(LINK, values).await
    }

    /// Whether anything was ever sent or answered as this account.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn has_spoken(&self, account: &AccountName) -> Result<bool, StoreError> {
        const SPOKEN: &str =
            "SELECT 1 AS one FROM deliveries WHERE account = $1 AND (attempt > 0 OR kind = 'reply') LIMIT 1";
        let query = sqlx::query(SPOKEN).bind(account.as_str().to_owned());
        Ok(query.fetch_optional(&self.inner.reads).await?.is_some())
    }

    /// Commits, once ever, from when on mentions are ours to answer.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn listen_since(&self, account: &AccountName, since: DateTime<Utc>) -> Result<(), StoreError> {
        const SINCE: &str = "UPDATE accounts SET listening_since = $2 WHERE name = $1 AND listening_since IS NULL";
        self.change(SINCE, vec![account.as_str().into(), since.into()]).await
    }

    /// Commits a completed walk.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn walked(&self, account: &AccountName, mark: &[String], now: DateTime<Utc>) -> Result<(), StoreError> {
        const WALKED: &str = "UPDATE accounts SET walk_mark = $2, walked_at = $3 WHERE name = $1";
        let json = serde_json::to_string(mark).map_err(|_shape| StoreError::Garbled { what: "a listening mark" })?;
        self.change(WALKED, vec![account.as_str().into(), json.into(), now.into()]).await
    }

    /// Pauses the account until a person acts, or lets it go on (`None`).
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn pause_account(&self, account: &AccountName, reason: Option<&str>) -> Result<(), StoreError> {
        const PAUSE: &str = "UPDATE accounts SET paused_reason = $2 WHERE name = $1";
        self.change(PAUSE, vec![account.as_str().into(), Value::Maybe(reason.map(str::to_owned))]).await
    }

    /// Nothing is sent from this account before `until`.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn wait_until(&self, account: &AccountName, until: DateTime<Utc>) -> Result<(), StoreError> {
        const WAIT: &str = "UPDATE accounts SET wait_until = $2 WHERE name = $1";
        self.change(WAIT, vec![account.as_str().into(), until.into()]).await
    }

    /// Notes what an account already shows, at its first link: those texts are not repeated by themselves.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn note_said(
        &self,
        account: &AccountName,
        texts: &[String],
        newest: Option<&StatusId>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const SAID: &str = "INSERT INTO said (account, text_hash, said_at) VALUES ($1, $2, $3) \
            ON CONFLICT (account, text_hash) DO NOTHING";
        const NEWEST: &str = "UPDATE accounts SET newest_own = $2 WHERE name = $1 AND newest_own IS NULL";
        for text in texts {
            let hash = super::secret::text_hash(text);
            self.change(SAID, vec![account.as_str().into(), hash.into(), now.into()]).await?;
        }
        match newest {
            Some(id) => self.change(NEWEST, vec![account.as_str().into(), id.as_str().into()]).await,
            None => Ok(()),
        }
    }

    /// One statement, one commit.
    pub(super) async fn change(&self, text: &'static str, values: Vec<Value>) -> Result<(), StoreError> {
        self.inner
            .writer
            .write(move |connection| {
                let values = values.clone();
                Box::pin(async move {
                    let mut query = sqlx::query(text);
                    for value in values {
                        query = match value {
                            Value::Text(text) => query.bind(storable(&text)),
                            Value::Maybe(text) => query.bind(text.as_deref().map(storable)),
                            Value::Whole(number) => query.bind(number),
                        };
                    }
                    query.execute(connection).await?;
                    Ok(())
                })
            })
            .await
    }
}

/// A value to bind.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Maybe(Option<String>),
    Whole(i64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl From<DateTime<Utc>> for Value {
    fn from(time: DateTime<Utc>) -> Self {
        Value::Whole(time.timestamp_millis())
    }
}
