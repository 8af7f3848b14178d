//! Posts made by `queue add`: the database owns them, as files own the others.

use chrono::{DateTime, Utc};
use sqlx::Row;

use super::Store;
use super::errors::StoreError;
use crate::core::ids::PostId;
use crate::core::post::Post;

impl Store {
    /// Adds a post to the queue and says its id: its own, or `queue-N` when that is empty.
    ///
    /// # Errors
    /// When the database cannot be written; then nothing was added.
    pub async fn queue_add(&self, post: &Post, now: DateTime<Utc>) -> Result<PostId, StoreError> {
        const ADD: &str = "INSERT INTO queued_posts (body, created_at) VALUES ($1, $2) RETURNING seq";
        let body = serde_json::to_string(post).map_err(|_shape| StoreError::Garbled { what: "a queued post" })?;
        let now = now.timestamp_millis();
        let id = post.id.clone();
        self.inner
            .writer
            .write(move |connection| {
                let (body, id) = (body.clone(), id.clone());
                Box::pin(async move {
                    let row = sqlx::query(ADD).bind(body).bind(now).fetch_one(connection).await?;
                    Ok(id_of(id, row.try_get("seq")?))
                })
            })
            .await
    }

    /// Replaces a post of `queue add` by its edited self, if it still is what the editor began with. Says whether it
    /// did.
    ///
    /// # Errors
    /// When the database cannot be written; then nothing changed.
    pub async fn replace_queued(&self, before: &Post, after: &Post) -> Result<bool, StoreError> {
        const LIST: &str = "SELECT seq, body FROM queued_posts";
        // The table it came from may be read again: what it said there is kept, see `core::intake`.
        const REPLACE: &str = "UPDATE queued_posts SET came_as = COALESCE(came_as, body), body = $2 WHERE seq = $1";
        let (before, after) = (before.clone(), after.clone());
        self.inner
            .writer
            .decide(move |connection| {
                let (before, after) = (before.clone(), after.clone());
                Box::pin(async move {
                    for row in sqlx::query(LIST).fetch_all(&mut *connection).await? {
                        let (seq, body): (i64, String) = (row.try_get("seq")?, row.try_get("body")?);
                        let kept: Post = serde_json::from_str(&body)
                            .map_err(|_shape| StoreError::Garbled { what: "a queued post" })?;
                        if id_of(kept.id.clone(), seq) != before.id {
                            continue;
                        }
                        let own = kept.id.clone();
                        if (Post { id: before.id.clone(), ..kept }) != before {
                            return Ok(false);
                        }
                        let body = serde_json::to_string(&Post { id: own, ..after.clone() })
                            .map_err(|_shape| StoreError::Garbled { what: "a queued post" })?;
                        let done = sqlx::query(REPLACE).bind(seq).bind(body).execute(&mut *connection).await?;
                        return Ok(done.rows_affected() == 1);
                    }
                    Ok(false)
                })
            })
            .await
    }

    /// Every post of `queue add`, in the order they were added.
    ///
    /// # Errors
    /// When the database cannot be read, or holds a post this version cannot read.
    pub async fn queued_posts(&self) -> Result<Vec<Post>, StoreError> {
        const LIST: &str = "SELECT seq, body FROM queued_posts ORDER BY seq";
        let mut posts = Vec::new();
        for row in sqlx::query(LIST).fetch_all(&self.inner.reads).await? {
            let body: String = row.try_get("body")?;
            let post: Post =
                serde_json::from_str(&body).map_err(|_shape| StoreError::Garbled { what: "a queued post" })?;
            posts.push(Post { id: id_of(post.id, row.try_get("seq")?), ..post });
        }
        Ok(posts)
    }
}

/// A post's own id, or the one its number gives.
pub(super) fn id_of(own: PostId, seq: i64) -> PostId {
    if own.as_str().is_empty() { PostId::new(format!("queue-{seq}")) } else { own }
}
