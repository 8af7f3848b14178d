//! Who approved or rejected which post, when, and what exactly they saw. Words are only ever added.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::calendar::{NOT_APPROVED, Wanted};
use super::errors::StoreError;
use super::planning::insert_as;
use super::{Store, millis};
use crate::core::approval::{Approval, Verdict};
use crate::core::delivery::State;
use crate::core::ids::PostId;

impl Store {
    /// Keeps what somebody said of a post.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn keep_approval(&self, post: &PostId, said: &Approval) -> Result<(), StoreError> {
        const KEEP: &str = "INSERT INTO approvals (post_id, verdict, name, note, content_hash, at) \
            VALUES ($1, $2, $3, $4, $5, $6)";
        let values = vec![
            post.as_str().into(),
            said.verdict.as_str().into(),
            said.by.as_str().into(),
            said.note.as_str().into(),
            said.content.as_str().into(),
            said.at.into(),
        ];
        self.change(KEEP, values).await
    }

    /// The last word on each post that has one.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn last_approvals(&self) -> Result<HashMap<PostId, Approval>, StoreError> {
        const LAST: &str = "SELECT post_id, verdict, name, note, content_hash, at FROM approvals \
            WHERE id IN (SELECT MAX(id) FROM approvals GROUP BY post_id)";
        let rows = sqlx::query(LAST).fetch_all(&self.inner.reads).await?;
        rows.iter().map(|row| Ok((PostId::new(row.try_get::<String, _>("post_id")?), read(row)?))).collect()
    }

    /// Every word on one post, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn approvals_of(&self, post: &PostId) -> Result<Vec<Approval>, StoreError> {
        const ALL: &str = "SELECT verdict, name, note, content_hash, at FROM approvals WHERE post_id = $1 ORDER BY id";
        let rows = sqlx::query(ALL).bind(post.as_str().to_owned()).fetch_all(&self.inner.reads).await?;
        rows.iter().map(read).collect()
    }

    /// The time of these posts came and nobody had approved them: `due` are the statuses they would have been, `posts`
    /// all that wait for approval. Each of them gets a row that says so, and one that stands as planned and was never
    /// tried ends; a slot post just gives its slot up. Returns the posts that are newly expired.
    ///
    /// # Errors
    /// When the database cannot be written; then nothing changed.
    pub async fn expire_unapproved(
        &self,
        due: Vec<Wanted>,
        posts: HashSet<PostId>,
        now: DateTime<Utc>,
    ) -> Result<BTreeSet<PostId>, StoreError> {
        const OVERDUE: &str = "SELECT id, account, post_id, occurrence, plan_kind FROM deliveries WHERE kind = 'post' \
            AND state = 'planned' AND part = 1 AND attempt = 0 AND due_at <= $1";
        const EXPIRE: &str = "UPDATE deliveries SET state = 'expired', reason = $4, fence = fence + 1, updated_at = $5 \
            WHERE kind = 'post' AND account = $1 AND post_id = $2 AND occurrence = $3 AND state = 'planned'";
        const GIVE_UP: &str = "DELETE FROM deliveries WHERE kind = 'post' AND account = $1 AND post_id = $2 \
            AND occurrence = $3 AND state = 'planned' AND attempt = 0";
        if posts.is_empty() {
            return Ok(BTreeSet::new());
        }
        let (due, posts) = (std::sync::Arc::new(due), std::sync::Arc::new(posts));
        self.inner
            .writer
            .decide(move |connection| {
                let (due, posts) = (due.clone(), posts.clone());
                Box::pin(async move {
                    let mut expired = BTreeSet::new();
                    let overdue = sqlx::query(OVERDUE).bind(now.timestamp_millis());
                    for row in overdue.fetch_all(&mut *connection).await? {
                        let post = PostId::new(row.try_get::<String, _>("post_id")?);
                        if !posts.contains(&post) {
                            continue;
                        }
                        let identity = |text: &'static str| {
                            let query = sqlx::query(text).bind(row.try_get::<String, _>("account")?);
                            let query = query.bind(post.as_str().to_owned());
                            Ok::<_, StoreError>(query.bind(row.try_get::<String, _>("occurrence")?))
                        };
                        if row.try_get::<String, _>("plan_kind")? == "slot" {
                            identity(GIVE_UP)?.execute(&mut *connection).await?;
                        } else {
                            let query = identity(EXPIRE)?.bind(NOT_APPROVED).bind(now.timestamp_millis());
                            query.execute(&mut *connection).await?;
                            expired.insert(post);
                        }
                    }
                    for row in due.iter() {
                        if insert_as(connection, row, State::Expired, NOT_APPROVED, None, now).await? > 0 {
                            expired.insert(row.post.clone());
                        }
                    }
                    Ok(expired)
                })
            })
            .await
    }
}

fn read(row: &AnyRow) -> Result<Approval, StoreError> {
    let verdict: String = row.try_get("verdict")?;
    let at: DateTime<Utc> = millis(row.try_get("at")?);
    Ok(Approval {
        verdict: Verdict::parse(&verdict).ok_or(StoreError::Garbled { what: "an approval" })?,
        by: row.try_get("name")?,
        note: row.try_get("note")?,
        content: row.try_get("content_hash")?,
        at,
    })
}
