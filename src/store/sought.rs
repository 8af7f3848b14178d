//! The queue as staff look at it: filtered and cut by the database, so that a page costs what a page holds.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sqlx::Row;

use super::Store;
use super::deliveries::{Delivery, read};
use super::errors::StoreError;
use crate::core::delivery::State;
use crate::core::ids::{AccountName, Occurrence, PostId, TopicId};

/// Which rows of posts are wanted. All conditions hold together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought {
    /// Due at or after this.
    pub from: DateTime<Utc>,
    /// Due before this.
    pub until: DateTime<Utc>,
    /// In this state.
    pub state: Option<State>,
    /// Of this account.
    pub account: Option<AccountName>,
    /// About this topic.
    pub topic: Option<TopicId>,
    /// Whose text or id holds these words, whatever their case.
    pub words: Option<String>,
    /// Rows that are held, refused or unclear too, whenever they were due.
    pub waiting_for_a_person: bool,
}

macro_rules! from_sought {
    () => {
        " FROM deliveries WHERE kind = 'post' AND ((due_at >= $1 AND due_at < $2) OR ($7 = 1 AND \
            state IN ('held', 'refused', 'unknown'))) AND ($3 = '' OR state = $3) AND ($4 = '' OR account = $4) \
            AND ($5 = '' OR topic = $5) \
            AND ($6 = '' OR LOWER(payload) LIKE $6 ESCAPE '!' OR LOWER(post_id) LIKE $6 ESCAPE '!')"
    };
}

impl Store {
    /// The rows that are sought, in time order, at most `limit`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn queue_rows(&self, sought: &Sought, limit: i64) -> Result<Vec<Delivery>, StoreError> {
        const LIST: &str = concat_columns!(from_sought!(), " ORDER BY due_at, id LIMIT $8");
        let rows = sought.bind(LIST).bind(limit).fetch_all(&self.inner.reads).await?;
        rows.iter().map(read).collect()
    }

    /// The states of all rows of posts that come round once, by post.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn states_by_post(&self) -> Result<HashMap<PostId, Vec<(AccountName, State)>>, StoreError> {
        const LIST: &str = "SELECT DISTINCT post_id, account, state FROM deliveries WHERE kind = 'post' \
            AND occurrence NOT LIKE '____-__-__T%'";
        let mut states: HashMap<PostId, Vec<(AccountName, State)>> = HashMap::new();
        for row in sqlx::query(LIST).fetch_all(&self.inner.reads).await? {
            let word: String = row.try_get("state")?;
            let state = State::parse(&word).ok_or(StoreError::Garbled { what: "a delivery's state" })?;
            let account = AccountName::new(row.try_get::<String, _>("account")?);
            states.entry(PostId::new(row.try_get::<String, _>("post_id")?)).or_default().push((account, state));
        }
        Ok(states)
    }

    /// How many rows are sought.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn queue_count(&self, sought: &Sought) -> Result<i64, StoreError> {
        const COUNT: &str = concat!("SELECT COUNT(*) AS n", from_sought!());
        Ok(sought.bind(COUNT).fetch_one(&self.inner.reads).await?.try_get("n")?)
    }

    /// The occurrences that have a row due in `from..until`: planning shows them no second time.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn standing_occurrences(
        &self,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<HashSet<(AccountName, PostId, Occurrence)>, StoreError> {
        const LIST: &str = "SELECT account, post_id, occurrence FROM deliveries WHERE kind = 'post' AND part = 1 \
            AND ((due_at >= $1 AND due_at < $2) OR state IN ('held', 'refused', 'unknown'))";
        let query = sqlx::query(LIST).bind(from.timestamp_millis()).bind(until.timestamp_millis());
        let read = |row: &sqlx::any::AnyRow| {
            Ok((
                AccountName::new(row.try_get::<String, _>("account")?),
                PostId::new(row.try_get::<String, _>("post_id")?),
                Occurrence::from_ledger(row.try_get("occurrence")?),
            ))
        };
        query.fetch_all(&self.inner.reads).await?.iter().map(read).collect()
    }
}

impl Sought {
    fn bind(&self, text: &'static str) -> sqlx::query::Query<'static, sqlx::Any, sqlx::any::AnyArguments> {
        let own = |value: Option<&str>| value.unwrap_or_default().to_owned();
        sqlx::query(text)
            .bind(self.from.timestamp_millis())
            .bind(self.until.timestamp_millis())
            .bind(own(self.state.map(State::as_str)))
            .bind(own(self.account.as_ref().map(AccountName::as_str)))
            .bind(own(self.topic.as_ref().map(TopicId::as_str)))
            .bind(self.words.as_deref().map(pattern).unwrap_or_default())
            .bind(i64::from(self.waiting_for_a_person))
    }
}

/// The words as a pattern. The two databases fold the case of `Ñ` differently: letters beyond ASCII stand for any one.
/// The payload is JSON, so quotes stand there with a backslash before them.
fn pattern(words: &str) -> String {
    let mut pattern = String::from("%");
    for letter in words.trim().to_lowercase().chars() {
        match letter {
            '%' | '_' | '!' => pattern.extend(['!', letter]),
            '"' | '\\' => pattern.extend(['\\', letter]),
            ' ' | '\n' | '\t' => pattern.push('%'),
            _ if letter.is_ascii() => pattern.push(letter),
            _ => pattern.push('_'),
        }
    }
    pattern.push('%');
    pattern
}
