//! People who said stop. A person is keyed hashes of the names they go by ([`crate::core::mention::Asker::names`]), and
//! nothing else.

use chrono::{DateTime, Utc};
use sqlx::Row;

use super::errors::StoreError;
use super::mentions::{has_opted_out, opt_in, opt_out};
use super::{Store, millis};

impl Store {
    /// Everybody who said stop, by hash, with since when.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn opt_outs(&self) -> Result<Vec<(String, DateTime<Utc>)>, StoreError> {
        const LIST: &str = "SELECT person, since FROM opt_outs WHERE alias_of = '' ORDER BY since, person";
        let rows = sqlx::query(LIST).fetch_all(&self.inner.reads).await?;
        rows.iter().map(|row| Ok((row.try_get("person")?, millis(row.try_get("since")?)))).collect()
    }

    /// Whether a person who goes by these hashes said stop: asked again before every reply that waited.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn has_opted_out(&self, people: &[String]) -> Result<bool, StoreError> {
        let mut connection = self.inner.reads.acquire().await?;
        has_opted_out(&mut connection, people).await
    }

    /// Notes a stop that staff were told otherwise than by a mention, and cancels what is not armed.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn opt_out_by_hand(&self, people: &[String], now: DateTime<Utc>) -> Result<(), StoreError> {
        let people = people.to_vec();
        self.inner
            .writer
            .decide(move |connection| {
                let people = people.clone();
                Box::pin(async move { opt_out(connection, &people, now).await })
            })
            .await
    }

    /// Takes a stop back; whether there was one.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn opt_in_by_hand(&self, people: &[String]) -> Result<bool, StoreError> {
        let people = people.to_vec();
        self.inner
            .writer
            .decide(move |connection| {
                let people = people.clone();
                Box::pin(async move { opt_in(connection, &people).await })
            })
            .await
    }
}
