//! Where staff put a post among those that wait for a slot. What they did not say is as the post's file says.

use chrono::NaiveDateTime;
use sqlx::{AnyConnection, Row};

use super::Store;
use super::errors::StoreError;
use crate::core::ids::PostId;
pub use crate::core::moves::Move;

/// What staff said of one post's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The post.
    pub post: PostId,
    /// Its priority, in place of its own.
    pub priority: Option<i32>,
    /// The slot that is kept for it, in place of its own.
    pub slot: Option<NaiveDateTime>,
}

impl Store {
    /// What staff said of posts' priorities and slots.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn post_places(&self) -> Result<Vec<Place>, StoreError> {
        const LIST: &str = "SELECT post_id, priority, slot FROM post_order ORDER BY post_id";
        let rows = sqlx::query(LIST).fetch_all(&self.inner.reads).await?;
        let garbled = || StoreError::Garbled { what: "a post's place" };
        let read = |row: &sqlx::any::AnyRow| {
            let slot: Option<String> = row.try_get("slot")?;
            let priority: Option<i64> = row.try_get("priority")?;
            Ok(Place {
                post: PostId::new(row.try_get::<String, _>("post_id")?),
                priority: priority.map(i32::try_from).transpose().map_err(|_range| garbled())?,
                slot: slot.map(|slot| slot.parse()).transpose().map_err(|_shape| garbled())?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Every move that still has a say, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn post_moves(&self) -> Result<Vec<(PostId, Move)>, StoreError> {
        const LIST: &str = "SELECT post_id, side, beside FROM post_moves ORDER BY seq";
        let read = |row: &sqlx::any::AnyRow| {
            let (side, beside): (String, String) = (row.try_get("side")?, row.try_get("beside")?);
            let to = match side.as_str() {
                "before" => Move::Before(PostId::new(beside)),
                "after" => Move::After(PostId::new(beside)),
                "first" => Move::First,
                "last" => Move::Last,
                _ => return Err(StoreError::Garbled { what: "a post's move" }),
            };
            Ok((PostId::new(row.try_get::<String, _>("post_id")?), to))
        };
        sqlx::query(LIST).fetch_all(&self.inner.reads).await?.iter().map(read).collect()
    }

    /// Puts a post somewhere else, with the priority it needs to stand there.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn move_post(&self, post: &PostId, to: &Move, priority: Option<i32>) -> Result<(), StoreError> {
        const PRIORITY: &str = "UPDATE post_order SET priority = $2 WHERE post_id = $1";
        // Where it stood between matters only to what was put beside it meanwhile.
        const FORGET: &str = "DELETE FROM post_moves WHERE post_id = $1 \
            AND seq > COALESCE((SELECT MAX(beside.seq) FROM post_moves AS beside WHERE beside.beside = $1), 0)";
        const MOVE: &str = "INSERT INTO post_moves (post_id, side, beside) VALUES ($1, $2, $3)";
        let (side, beside) = match to {
            Move::Before(post) => ("before", post.as_str().to_owned()),
            Move::After(post) => ("after", post.as_str().to_owned()),
            Move::First => ("first", String::new()),
            Move::Last => ("last", String::new()),
        };
        let post = post.as_str().to_owned();
        self.inner
            .writer
            .decide(move |connection| {
                let (post, beside) = (post.clone(), beside.clone());
                Box::pin(async move {
                    if let Some(priority) = priority {
                        make(connection, &post).await?;
                        let query = sqlx::query(PRIORITY).bind(post.clone()).bind(i64::from(priority));
                        query.execute(&mut *connection).await?;
                    }
                    // What it is put beside may be gone one day: then it stands where it stood before.
                    if beside.is_empty() {
                        sqlx::query(FORGET).bind(post.clone()).execute(&mut *connection).await?;
                    }
                    sqlx::query(MOVE).bind(post).bind(side).bind(beside).execute(connection).await?;
                    Ok(())
                })
            })
            .await
    }

    /// Gives a post a priority, in place of its own.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn set_priority(&self, post: &PostId, priority: i32) -> Result<(), StoreError> {
        const PRIORITY: &str = "UPDATE post_order SET priority = $2 WHERE post_id = $1";
        let post = post.as_str().to_owned();
        self.inner
            .writer
            .write(move |connection| {
                let post = post.clone();
                Box::pin(async move {
                    make(connection, &post).await?;
                    sqlx::query(PRIORITY).bind(post).bind(i64::from(priority)).execute(connection).await?;
                    Ok(())
                })
            })
            .await
    }

    /// Keeps a slot (its nominal local time) for a post, or none any more.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn pin_post(&self, post: &PostId, slot: Option<NaiveDateTime>) -> Result<(), StoreError> {
        const PIN: &str = "UPDATE post_order SET slot = $2 WHERE post_id = $1";
        let (post, slot) = (post.as_str().to_owned(), slot.map(|slot| slot.format("%Y-%m-%dT%H:%M:%S").to_string()));
        self.inner
            .writer
            .write(move |connection| {
                let (post, slot) = (post.clone(), slot.clone());
                Box::pin(async move {
                    make(connection, &post).await?;
                    sqlx::query(PIN).bind(post).bind(slot).execute(connection).await?;
                    Ok(())
                })
            })
            .await
    }
}

async fn make(connection: &mut AnyConnection, post: &str) -> Result<(), StoreError> {
    const MAKE: &str = "INSERT INTO post_order (post_id) VALUES ($1) ON CONFLICT (post_id) DO NOTHING";
    sqlx::query(MAKE).bind(post.to_owned()).execute(connection).await?;
    Ok(())
}
