//! Posts of a table come into the queue: all of them in one transaction, each once however often the table is read.
//! What is new, known or changed is [`crate::core::intake`]'s.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::{AnyConnection, Row};

use super::Store;
use super::calendar::Mark;
use super::errors::StoreError;
use super::order::Place;
use super::queue::id_of;
use crate::core::delivery::State;
use crate::core::ids::PostId;
use crate::core::intake::{Came, Intake, Keeper, Register, free_id};
use crate::core::post::{Order, Post, Readiness, When};

/// Whether the posts are written, or only looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    /// Nothing is written.
    LookOnly,
    /// They are written.
    ForGood,
}

/// What became of one post of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakenIn {
    /// It is new; the id is empty while nothing was written and it brings none.
    Added(PostId),
    /// The database kept another wording, which it replaced.
    Changed(PostId),
    /// It was there already, the same in everything.
    Known(PostId, Keeper),
    /// It is there already, and `queue edit` has given it other words since, which stay.
    EditedHere(PostId),
    /// It has come to say what `queue edit` made of the post.
    CaughtUp(PostId),
    /// It has changed, and `queue edit` has given the post other words than it: neither may be lost.
    EditedTwice(PostId),
    /// Somebody else keeps another wording: a file, or an earlier row.
    Owned(PostId, Keeper),
    /// The database keeps another wording, which has gone out or may have.
    Gone(PostId),
}

impl Store {
    /// Takes the posts of a table in, in their order; `files` are those that stand in files. Answers for each what
    /// became of it.
    ///
    /// # Errors
    /// When the database cannot be read or written; then nothing was taken in.
    pub async fn take_in(
        &self,
        posts: Vec<Post>,
        files: Vec<Arc<Post>>,
        trial: Trial,
        now: DateTime<Utc>,
    ) -> Result<Vec<TakenIn>, StoreError> {
        // A table shows posts where staff put them, so that is what its rows are compared with.
        let places: HashMap<PostId, Place> =
            self.post_places().await?.into_iter().map(|place| (place.post.clone(), place)).collect();
        // And what staff hold as a draft, which is how an export writes it.
        let held: HashSet<PostId> =
            self.post_marks().await?.into_iter().filter(is_hold).map(|(post, _)| post).collect();
        let held = Arc::new(held);
        let (mut files, mut came) = (files, Vec::new());
        for post in &mut files {
            if places.contains_key(&post.id) || held.contains(&post.id) {
                came.push(Came { post: Post::clone(post), edited: false });
                steered(Arc::make_mut(post), &places, &held);
            }
        }
        let (posts, places) = (Arc::new(posts), Arc::new(places));
        let files = Arc::new((files, came));
        self.inner
            .writer
            .decide(move |connection| {
                let (posts, files, places) = (Arc::clone(&posts), Arc::clone(&files), Arc::clone(&places));
                let held = Arc::clone(&held);
                Box::pin(async move { take_in(connection, &posts, &files, (&places, &held), trial, now).await })
            })
            .await
    }
}

fn is_hold((_, mark): &(PostId, Mark)) -> bool {
    mark.state == State::Held
}

const GARBLED: StoreError = StoreError::Garbled { what: "a queued post" };

/// Gives a post the priority, the slot and the hold that staff gave it in the queue.
fn steered(post: &mut Post, places: &HashMap<PostId, Place>, held: &HashSet<PostId>) {
    if held.contains(&post.id) {
        post.readiness = Readiness::Draft;
    }
    if let Some(place) = places.get(&post.id) {
        post.order.priority = place.priority.unwrap_or(post.order.priority);
        post.order.slot = place.slot.or(post.order.slot);
    }
}

async fn take_in(
    connection: &mut AnyConnection,
    posts: &[Post],
    (files, came): &(Vec<Arc<Post>>, Vec<Came>),
    (moved, held): (&HashMap<PostId, Place>, &HashSet<PostId>),
    trial: Trial,
    now: DateTime<Utc>,
) -> Result<Vec<TakenIn>, StoreError> {
    const LIST: &str = "SELECT seq, body, came_as FROM queued_posts ORDER BY seq";
    const ADD: &str = "INSERT INTO queued_posts (body, created_at) VALUES ($1, $2) RETURNING seq";
    const CHANGE: &str = "UPDATE queued_posts SET body = $1, came_as = NULL WHERE seq = $2";
    const CATCH_UP: &str = "UPDATE queued_posts SET came_as = NULL WHERE seq = $1";
    let (mut queued, mut places, mut came) = (Vec::new(), HashMap::new(), came.clone());
    for row in sqlx::query(LIST).fetch_all(&mut *connection).await? {
        let (seq, body): (i64, String) = (row.try_get("seq")?, row.try_get("body")?);
        let came_as: Option<String> = row.try_get("came_as")?;
        let post: Post = serde_json::from_str(&body).map_err(|_shape| GARBLED)?;
        let id = id_of(post.id, seq);
        places.insert(id.clone(), (seq, post.order.position));
        let mut post = Post { id, ..post };
        if let Some(before) = &came_as {
            let before: Post = serde_json::from_str(before).map_err(|_shape| GARBLED)?;
            came.push(Came { post: Post { id: post.id.clone(), ..before }, edited: true });
        } else if moved.contains_key(&post.id) || held.contains(&post.id) {
            came.push(Came { post: post.clone(), edited: false });
        }
        steered(&mut post, moved, held);
        queued.push(post);
    }
    let mut register = Register::new(files, &queued, &came);
    let mut taken = Vec::with_capacity(posts.len());
    for (at, post) in posts.iter().enumerate() {
        taken.push(match register.take(post, at) {
            Intake::New => {
                let mut id = free_id(&post.id);
                if trial == Trial::ForGood {
                    let body =
                        serde_json::to_string(&Post { id: id.clone(), ..post.clone() }).map_err(|_shape| GARBLED)?;
                    let query = sqlx::query(ADD).bind(body).bind(now.timestamp_millis());
                    let seq: i64 = query.fetch_one(&mut *connection).await?.try_get("seq")?;
                    id = id_of(id, seq);
                }
                TakenIn::Added(id)
            }
            Intake::Known(id, keeper) => TakenIn::Known(id, keeper),
            Intake::Owned(id, keeper) => TakenIn::Owned(id, keeper),
            Intake::EditedHere(id) => TakenIn::EditedHere(id),
            Intake::CaughtUp(id) => {
                if let Some((seq, _)) = places.get(&id).filter(|_| trial == Trial::ForGood) {
                    sqlx::query(CATCH_UP).bind(*seq).execute(&mut *connection).await?;
                }
                TakenIn::CaughtUp(id)
            }
            Intake::Changed(id) | Intake::EditedTwice(id) if may_have_gone(connection, post, &id).await? => {
                TakenIn::Gone(id)
            }
            Intake::EditedTwice(id) => TakenIn::EditedTwice(id),
            Intake::Changed(id) => {
                let seq = places.get(&id).copied().filter(|_| trial == Trial::ForGood);
                if let Some((seq, position)) = seq {
                    // An id that only its number gives is not written down.
                    let order = Order { position, ..post.order.clone() };
                    let own = if id == id_of(PostId::new(""), seq) { PostId::new("") } else { id.clone() };
                    let body =
                        serde_json::to_string(&Post { id: own, order, ..post.clone() }).map_err(|_shape| GARBLED)?;
                    sqlx::query(CHANGE).bind(body).bind(seq).execute(&mut *connection).await?;
                }
                TakenIn::Changed(id)
            }
        });
    }
    Ok(taken)
}

/// Whether the one occurrence of a post has left somewhere, or may have. What is said again and again may change.
async fn may_have_gone(connection: &mut AnyConnection, post: &Post, id: &PostId) -> Result<bool, StoreError> {
    const GONE: &str = "SELECT 1 AS one FROM deliveries WHERE kind = 'post' AND post_id = $1 \
        AND state IN ('claimed', 'armed', 'sent', 'verified', 'unknown') LIMIT 1";
    if matches!(post.when, When::Every(_) | When::Evergreen) {
        return Ok(false);
    }
    let query = sqlx::query(GONE).bind(id.as_str().to_owned());
    Ok(query.fetch_optional(connection).await?.is_some())
}
