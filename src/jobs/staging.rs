//! Every post with what staff decided about it: held or cancelled, put elsewhere in the queue, approved or not. The one
//! place that answers "may this be planned, and in which order?", for the daemon and for every command that shows.
//!
//! It knows posts and the store; where a post goes in time is [`crate::core::plan`]'s.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono_tz::Tz;
use sha2::{Digest, Sha256};

use super::copied::{Copied, Counts, copied};
use crate::core::approval::{Approval, ApprovalRule, Standing, standing};
use crate::core::delivery::State;
use crate::core::ids::{Lang, PostId};
use crate::core::moves;
use crate::core::post::{Order, Post, Readiness, When};
use crate::store::calendar::Mark;
use crate::store::order::{Move, Place};
use crate::store::{Store, StoreError};

/// Posts with what was decided about them.
#[derive(Clone, Debug, Default)]
pub struct Staged {
    /// Every post, in the order in which slots take them; [`Readiness`] as approvals leave it.
    pub posts: Vec<Arc<Post>>,
    /// Posts that staff hold or cancelled.
    pub marks: HashMap<PostId, Mark>,
    /// Where each post stands that must be approved.
    pub standings: HashMap<PostId, Standing>,
    /// Files that are copies of posts of the database, and which of the two is among [`Staged::posts`].
    pub copied: Vec<Copied>,
}

impl Staged {
    /// The posts that planning may place, or name as waiting.
    #[must_use]
    pub fn plannable(&self) -> Vec<Arc<Post>> {
        self.posts.iter().filter(|post| !self.marks.contains_key(&post.id)).cloned().collect()
    }

    /// The posts that wait for somebody's approval, as if they were ready: when they would have gone out.
    #[must_use]
    pub fn unapproved(&self) -> Vec<Post> {
        let waits = |post: &&Arc<Post>| matches!(self.standings.get(&post.id), Some(Standing::Waits(_)));
        let posts = self.posts.iter().filter(waits).filter(|post| !self.marks.contains_key(&post.id));
        posts.map(|post| Post { readiness: Readiness::Ready, ..Post::clone(post) }).collect()
    }

    /// The posts staff hold, as if they were not: when they would go out.
    #[must_use]
    pub fn held(&self) -> Vec<Post> {
        let held = self.posts.iter().filter(|post| self.mark(&post.id) == Some(State::Held));
        held.map(|post| Post::clone(post)).collect()
    }

    /// What staff said of this post.
    #[must_use]
    pub fn mark(&self, id: &PostId) -> Option<State> {
        self.marks.get(id).map(|mark| mark.state)
    }

    /// Why staff hold or cancelled this post.
    #[must_use]
    pub fn reason(&self, id: &PostId) -> String {
        self.marks.get(id).map(|mark| mark.reason.clone()).unwrap_or_default()
    }

    /// This post alone, with what was decided about it.
    #[must_use]
    pub fn only(&self, id: &PostId) -> Staged {
        let posts = self.posts.iter().filter(|post| post.id == *id).cloned().collect();
        Staged { posts, ..self.clone() }
    }

    /// The post of this id.
    #[must_use]
    pub fn post(&self, id: &str) -> Option<&Post> {
        self.posts.iter().find(|post| post.id.as_str() == id).map(Arc::as_ref)
    }
}

/// Puts together the posts of the files, those of the database, and what staff decided about both.
///
/// # Errors
/// When the database cannot be read.
pub async fn stage(
    store: &Store,
    files: &[Arc<Post>],
    rule: ApprovalRule,
    zone: Tz,
    prints: &Prints,
) -> Result<Staged, StoreError> {
    let queued = store.queued_posts().await?;
    let copied = copied(files, &queued, prints);
    let stays_out: HashSet<&PostId> = copied
        .iter()
        .filter_map(|copy| match copy.counts {
            Counts::Queued => Some(&copy.file),
            Counts::File { .. } | Counts::Both => None,
        })
        .collect();
    let replaced: HashSet<&PostId> = copied
        .iter()
        .filter_map(|copy| match copy.counts {
            Counts::File { .. } => Some(&copy.queued),
            Counts::Queued | Counts::Both => None,
        })
        .collect();
    let mut posts: Vec<Arc<Post>> = files.iter().filter(|post| !stays_out.contains(&post.id)).cloned().collect();
    posts.extend(queued.into_iter().filter(|post| !replaced.contains(&post.id)).map(Arc::new));
    let approvals = store.last_approvals().await?;
    let (places, moves) = (store.post_places().await?, store.post_moves().await?);
    let standings = judge(&mut posts, rule, zone, &approvals, prints);
    Ok(Staged { posts: in_order(posts, &places, &moves), marks: store.post_marks().await?, standings, copied })
}

/// The same where there is no database: nobody decided anything.
#[must_use]
pub fn stage_files(files: &[Arc<Post>], rule: ApprovalRule, zone: Tz) -> Staged {
    let mut posts = files.to_vec();
    let standings = judge(&mut posts, rule, zone, &HashMap::new(), &Prints::default());
    Staged { posts, standings, ..Staged::default() }
}

fn judge(
    posts: &mut [Arc<Post>],
    rule: ApprovalRule,
    zone: Tz,
    approvals: &HashMap<PostId, Approval>,
    prints: &Prints,
) -> HashMap<PostId, Standing> {
    let mut standings = HashMap::new();
    for post in posts {
        let last = approvals.get(&post.id);
        // Nobody said anything: then what it says is of no matter yet. Each picture is read once: what is compared with
        // the approval is what only may be sent.
        let shown = last.map(|_| prints.of_post(post)).unwrap_or_default();
        let content = last.map(|_| content_showing(post, &shown)).unwrap_or_default();
        let due = match post.when {
            When::At(moment) => Some(moment.resolve(zone).instant),
            When::Every(_) | When::Evergreen | When::NextSlot => None,
        };
        let stands = standing(post, rule, last, &content, due);
        match stands {
            Standing::NotAsked => continue,
            Standing::Approved { .. } => {
                let post = Arc::make_mut(post);
                post.readiness = Readiness::Ready;
                for (media, print) in post.media.iter_mut().zip(shown) {
                    media.print = print;
                }
            }
            Standing::Waits(_) => Arc::make_mut(post).readiness = Readiness::Review,
        }
        standings.insert(post.id.clone(), stands);
    }
    standings
}

/// Gives each post its place: priorities and slots as staff said, then move by move.
fn in_order(mut posts: Vec<Arc<Post>>, places: &[Place], moves: &[(PostId, Move)]) -> Vec<Arc<Post>> {
    if !places.is_empty() {
        let by_post: HashMap<&PostId, &Place> = places.iter().map(|place| (&place.post, place)).collect();
        for post in &mut posts {
            if let Some(place) = by_post.get(&post.id) {
                let own = &post.order;
                let order = Order {
                    priority: place.priority.unwrap_or(own.priority),
                    slot: place.slot.or(own.slot),
                    position: own.position,
                };
                Arc::make_mut(post).order = order;
            }
        }
    }
    if moves.is_empty() {
        return posts;
    }
    posts.sort_by_key(|post| (post.order.position.is_none(), post.order.position));
    let order = moves::ordered(posts.iter().map(|post| &post.id), moves);
    let mut posts: Vec<Arc<Post>> = order.into_iter().filter_map(|place| posts.get(place).cloned()).collect();
    for (position, post) in (0..).zip(&mut posts) {
        if post.order.position != Some(position) {
            Arc::make_mut(post).order.position = Some(position);
        }
    }
    posts
}

/// All that somebody approves of: the words, what is shown, who says it and when, as one hash. Not its place in the
/// queue, and nothing that is as it is by default, so that a newer program does not ask again.
#[must_use]
pub fn content_of(post: &Post, prints: &Prints) -> String {
    content_showing(post, &prints.of_post(post))
}

/// The same with the prints of its pictures, in their order.
fn content_showing(post: &Post, shown: &[String]) -> String {
    let mut plain = post.clone();
    plain.id = PostId::new("");
    plain.order = Order::default();
    plain.readiness = Readiness::default();
    let blank = Post::new(PostId::new(""), When::NextSlot, Lang::new(""), Vec::new());
    let mut hash = Sha256::new();
    let mut take = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    let pair = (serde_json::to_value(&plain), serde_json::to_value(&blank));
    if let (Ok(serde_json::Value::Object(said)), Ok(serde_json::Value::Object(blank))) = pair {
        for (key, value) in said.iter().filter(|(key, value)| *key != "media" && blank.get(*key) != Some(*value)) {
            take(key.as_bytes());
            take(value.to_string().as_bytes());
        }
    }
    // A picture counts by what it shows: another one under the same name asks again, the same one elsewhere does not.
    for (media, print) in post.media.iter().zip(shown) {
        take(print.as_bytes());
        take(media.alt.as_bytes());
    }
    hex::encode(hash.finalize())
}

/// Hashes of files, each read once for as long as nobody wrote it. That may go unseen on a share: what goes up is compared once more by its bytes ([`Media::print`](crate::core::post::Media::print)).
#[derive(Debug, Default)]
pub struct Prints(Mutex<HashMap<PathBuf, Print>>);

#[derive(Debug)]
struct Print {
    seen: Seen,
    hash: String,
}

/// What tells that a file was written since: its size, its date, and where the system keeps one, the time of its last
/// change, which no copy brings along.
type Seen = (u64, Option<std::time::SystemTime>, Option<(i64, i64)>);

fn seen(found: &std::fs::Metadata) -> Seen {
    #[cfg(unix)]
    let touched = {
        use std::os::unix::fs::MetadataExt as _;
        Some((found.ctime(), found.ctime_nsec()))
    };
    #[cfg(not(unix))]
    let touched = None;
    (found.len(), found.modified().ok(), touched)
}

impl Prints {
    /// Reads this file again when it is next asked for: what was sent of it was something else.
    pub fn forget(&self, file: &Path) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(file);
    }

    fn of_post(&self, post: &Post) -> Vec<String> {
        post.media.iter().map(|media| self.of(&media.file)).collect()
    }

    fn of(&self, file: &Path) -> String {
        let Ok(found) = std::fs::metadata(file) else { return "missing".to_owned() };
        let seen = seen(&found);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(print) = known.get(file).filter(|print| print.seen == seen) {
            return print.hash.clone();
        }
        let Ok(bytes) = std::fs::read(file) else { return "missing".to_owned() };
        let hash = hex::encode(Sha256::digest(&bytes));
        known.insert(file.to_path_buf(), Print { seen, hash: hash.clone() });
        hash
    }
}

/// The ids of these posts.
pub(super) fn ids(posts: &[Post]) -> HashSet<PostId> {
    posts.iter().map(|post| post.id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::post::Media;

    fn post(id: &str) -> Post {
        Post::new(PostId::from(id), When::NextSlot, Lang::from("en"), vec![format!("Words of {id}")])
    }

    #[test]
    fn what_is_approved_is_all_that_is_seen_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let picture = folder.path().join("a.png");
        std::fs::write(&picture, "one").unwrap();
        let prints = Prints::default();
        let mut original = post("a");
        original.media = vec![Media::new(picture.clone(), "A".to_owned())];
        let content = content_of(&original, &prints);
        let change = |change: &dyn Fn(&mut Post)| {
            let mut changed = original.clone();
            change(&mut changed);
            content_of(&changed, &prints) != content
        };
        assert!(!change(&|post| post.id = "renamed".into()));
        assert!(!change(&|post| post.order.priority = 4));
        assert!(!change(&|post| post.readiness = Readiness::Review));
        assert!(change(&|post| post.parts = vec!["Other words".to_owned()]));
        assert!(change(&|post| post.cw = Some("policing".to_owned())));
        assert!(change(&|post| post.author = Some("Ada".to_owned())));
        assert!(change(&|post| post.when = When::Evergreen));
        assert!(change(&|post| post.media[0].alt = "B".to_owned()));
        std::fs::write(&picture, "another picture").unwrap();
        assert_ne!(content_of(&original, &prints), content);
    }
}
