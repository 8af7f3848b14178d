//! People who said stop. A person is keyed hashes of the names they go by ([`crate::core::mention::Asker::names`]), and
//! nothing else.

use chrono::{DateTime, Utc};
use sqlx::{AnyConnection, Row};

use super::errors::StoreError;
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
        said_stop(&mut connection, people).await
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

/// As many hashes as a person may go by: the handle, name and address of two profiles, and one address as it was shown.
pub(super) const NAMES: usize = 6;

/// The same of those names that nobody else can give themselves.
pub(super) const OWN_NAMES: usize = 4;

/// Hashes for a list of so many places in a statement; the last stands in the places that are left.
pub(super) fn in_the_list(people: &[String], places: usize) -> impl Iterator<Item = String> {
    let last = people.last().cloned().unwrap_or_default();
    people.iter().cloned().chain(std::iter::repeat(last)).take(places)
}

/// Whether a person who goes by these hashes said stop.
async fn said_stop(connection: &mut AnyConnection, people: &[String]) -> Result<bool, StoreError> {
    const ANY: &str = "SELECT 1 AS one FROM opt_outs WHERE person IN ($1, $2, $3, $4, $5, $6) LIMIT 1";
    let query = in_the_list(people, NAMES).fold(sqlx::query(ANY), |query, name| query.bind(name));
    Ok(query.fetch_optional(connection).await?.is_some())
}

/// Notes the stop of a person under every hash they go by, and cancels what is not armed.
pub(super) async fn opt_out(
    connection: &mut AnyConnection,
    people: &[String],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const OUT: &str =
        "INSERT INTO opt_outs (person, since, alias_of) VALUES ($1, $2, $3) ON CONFLICT (person) DO NOTHING";
    const CANCEL: &str = "UPDATE deliveries SET state = 'cancelled', fence = fence + 1, updated_at = $2, \
        reason = 'they said stop' WHERE person = $1 AND kind = 'reply' AND state IN ('planned', 'claimed', 'held', 'refused')";
    let now = now.timestamp_millis();
    let first = first_known(connection, people).await?;
    for person in people {
        let alias_of = if *person == first { String::new() } else { first.clone() };
        sqlx::query(OUT).bind(person.clone()).bind(now).bind(alias_of).execute(&mut *connection).await?;
        sqlx::query(CANCEL).bind(person.clone()).bind(now).execute(&mut *connection).await?;
    }
    Ok(())
}

/// The hash under which a stop of this person stands in the list of all; the first of theirs when there is none yet.
async fn first_known(connection: &mut AnyConnection, people: &[String]) -> Result<String, StoreError> {
    const FIRST: &str = "SELECT alias_of FROM opt_outs WHERE person = $1";
    for person in people {
        if let Some(row) = sqlx::query(FIRST).bind(person.clone()).fetch_optional(&mut *connection).await? {
            let alias_of: String = row.try_get("alias_of")?;
            return Ok(if alias_of.is_empty() { person.clone() } else { alias_of });
        }
    }
    Ok(people.first().cloned().unwrap_or_default())
}

/// Takes the stop of a person back, under every hash; whether there was one.
pub(super) async fn opt_in(connection: &mut AnyConnection, people: &[String]) -> Result<bool, StoreError> {
    const IN: &str = "DELETE FROM opt_outs WHERE person = $1 OR person = $2 OR alias_of = $2";
    let mut was = false;
    for person in people {
        let first = first_known(connection, std::slice::from_ref(person)).await?;
        was |= sqlx::query(IN).bind(person.clone()).bind(first).execute(&mut *connection).await?.rows_affected() > 0;
    }
    Ok(was)
}
