//! Where staff put a post among those that wait for a slot. What they did not say is as the post's file says.

use chrono::NaiveDateTime;
use sqlx::{AnyConnection, Row};

use super::Store;
use super::errors::StoreError;
use crate::core::ids::PostId;

/// Where a post was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// Just before that post.
    Before(PostId),
    /// Just after that post.
    After(PostId),
    /// Before all.
    First,
    /// After all.
    Last,
}

/// What staff said of one post's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The post.
    pub post: PostId,
    /// Its priority, in place of its own.
    pub priority: Option<i32>,
    /// The slot that is kept for it, in place of its own.
    pub slot: Option<NaiveDateTime>,
    /// Where it was put.
    pub moved: Option<Move>,
}

impl Store {
    /// What staff said of posts' places, in the order in which moves are made.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn post_places(&self) -> Result<Vec<Place>, StoreError> {
        const LIST: &str = "SELECT post_id, priority, slot, side, beside FROM post_order ORDER BY seq, post_id";
        let rows = sqlx::query(LIST).fetch_all(&self.inner.reads).await?;
        let garbled = || StoreError::Garbled { what: "a post's place" };
        let read = |row: &sqlx::any::AnyRow| {
            let slot: Option<String> = row.try_get("slot")?;
            let (side, beside): (String, String) = (row.try_get("side")?, row.try_get("beside")?);
            let moved = match side.as_str() {
                "" => None,
                "before" => Some(Move::Before(PostId::new(beside))),
                "after" => Some(Move::After(PostId::new(beside))),
                "first" => Some(Move::First),
                "last" => Some(Move::Last),
                _ => return Err(garbled()),
            };
            let priority: Option<i64> = row.try_get("priority")?;
            Ok(Place {
                post: PostId::new(row.try_get::<String, _>("post_id")?),
                priority: priority.map(i32::try_from).transpose().map_err(|_range| garbled())?,
                slot: slot.map(|slot| slot.parse()).transpose().map_err(|_shape| garbled())?,
                moved,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Puts a post somewhere else, with the priority it needs to stand there.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn move_post(&self, post: &PostId, to: &Move, priority: Option<i32>) -> Result<(), StoreError> {
        const MOVE: &str = "UPDATE post_order SET side = $2, beside = $3, priority = COALESCE($4, priority), \
            seq = (SELECT MAX(seq) + 1 FROM post_order) WHERE post_id = $1";
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
                    make(connection, &post).await?;
                    let query = sqlx::query(MOVE).bind(post).bind(side).bind(beside).bind(priority.map(i64::from));
                    query.execute(connection).await?;
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
