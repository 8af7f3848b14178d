//! People who said stop. A person is a keyed hash of their profile URL and nothing else.

use chrono::{DateTime, Utc};
use sqlx::Row;

use super::errors::StoreError;
use super::mentions::opt_out;
use super::{Store, millis};

impl Store {
    /// Everybody who said stop, by hash, with since when.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn opt_outs(&self) -> Result<Vec<(String, DateTime<Utc>)>, StoreError> {
        const LIST: &str = "SELECT person, since FROM opt_outs ORDER BY since, person";
        let rows = sqlx::query(LIST).fetch_all(&self.inner.reads).await?;
        rows.iter().map(|row| Ok((row.try_get("person")?, millis(row.try_get("since")?)))).collect()
    }

    /// Whether this person said stop: asked again before every reply that waited.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn has_opted_out(&self, person: &str) -> Result<bool, StoreError> {
        const ONE: &str = "SELECT 1 AS one FROM opt_outs WHERE person = $1";
        Ok(sqlx::query(ONE).bind(person.to_owned()).fetch_optional(&self.inner.reads).await?.is_some())
    }

    /// Notes a stop that staff were told otherwise than by a mention, and cancels what is not armed.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn opt_out_by_hand(&self, person: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let person = person.to_owned();
        self.inner
            .writer
            .write(move |connection| {
                let person = person.clone();
                Box::pin(async move { opt_out(connection, &person, now).await })
            })
            .await
    }

    /// Takes a stop back; whether there was one.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn opt_in_by_hand(&self, person: &str) -> Result<bool, StoreError> {
        let was = self.has_opted_out(person).await?;
        const IN: &str = "DELETE FROM opt_outs WHERE person = $1";
        self.change(IN, vec![person.into()]).await?;
        Ok(was)
    }
}
