//! Post files that are copies of posts of the database: an export copied back into the campaign it came from. The one
//! place that says which of the two counts, so that one post does not go out twice.
//!
//! A file of the same id counts in the post's place, because files own the text. A file `from-queue-3`, as exports name
//! what `queue add` made, stays out while it says the same as `queue-3`, also when that is held, cancelled or said; with
//! other words it is a post of its own. It knows nothing of what was sent.

use std::collections::HashMap;
use std::sync::Arc;

use super::staging::{Prints, content_of};
use crate::core::ids::PostId;
use crate::core::intake::{free_id, is_queue_id, plain};
use crate::core::post::Post;

/// A file that names a post of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The file's post.
    pub file: PostId,
    /// The post of the database.
    pub queued: PostId,
    /// What becomes of the two.
    pub counts: Counts,
}

/// Which of two posts counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// The file says the same as the database's post, and stays out.
    Queued,
    /// Both have one id: the file stands in the place of the database's post. `same` when they say the same.
    File {
        /// Whether they say the same.
        same: bool,
    },
    /// The file says something else, and is a post of its own.
    Both,
}

/// The files among `files` that name a post of `queued`.
#[must_use]
pub fn copied(files: &[Arc<Post>], queued: &[Post], prints: &Prints) -> Vec<Copied> {
    if queued.is_empty() {
        return Vec::new();
    }
    let by_id: HashMap<&PostId, &Post> = queued.iter().map(|post| (&post.id, post)).collect();
    // What an export calls the posts that the database numbered.
    let numbered = queued.iter().filter(|post| is_queue_id(post.id.as_str()));
    let exported: HashMap<PostId, &Post> = numbered.map(|post| (free_id(&post.id), post)).collect();
    let says = |post: &Post| content_of(&plain(post), prints);
    let copy = |file: &Arc<Post>| {
        let (queued, one_id) = match by_id.get(&file.id) {
            Some(queued) => (*queued, true),
            None => (*exported.get(&file.id)?, false),
        };
        let counts = match (one_id, says(file) == says(queued)) {
            (true, same) => Counts::File { same },
            (false, true) => Counts::Queued,
            (false, false) => Counts::Both,
        };
        Some(Copied { file: file.id.clone(), queued: queued.id.clone(), counts })
    };
    files.iter().filter_map(copy).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ids::Lang;
    use crate::core::post::{Order, Readiness, When};

    fn post(id: &str, text: &str) -> Post {
        Post::new(PostId::from(id), When::NextSlot, Lang::from("en"), vec![text.to_owned()])
    }

    #[track_caller]
    fn check(file: Post, expected: Option<(&str, Counts)>) {
        let queued = [post("queue-3", "Ours"), post("own", "Ours")];
        let found = copied(&[Arc::new(file.clone())], &queued, &Prints::default());
        let expected = expected.map(|(queued, counts)| Copied { file: file.id, queued: queued.into(), counts });
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn an_export_copied_back_is_no_second_post() {
        check(post("from-queue-3", "Ours"), Some(("queue-3", Counts::Queued)));
        check(Post { readiness: Readiness::Draft, ..post("from-queue-3", "Ours") }, Some(("queue-3", Counts::Queued)));
        let moved = Order { position: Some(3), priority: 2, slot: None };
        check(Post { order: moved, ..post("from-queue-3", "Ours") }, Some(("queue-3", Counts::Queued)));
        check(post("from-queue-3", "Other"), Some(("queue-3", Counts::Both)));
        check(Post { when: When::Evergreen, ..post("from-queue-3", "Ours") }, Some(("queue-3", Counts::Both)));
        check(post("from-queue-4", "Ours"), None);
        check(post("own", "Ours"), Some(("own", Counts::File { same: true })));
        check(post("own", "Other"), Some(("own", Counts::File { same: false })));
        check(post("from-own", "Ours"), None);
    }
}
