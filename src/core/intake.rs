//! Whether a post that comes in from a table is new, known or a change of a known one.
//!
//! A post is known by its id; one without an id by its words, warning, time and accounts. The same table read twice
//! therefore changes nothing the second time, also where `queue edit` gave a post other words in between: a row is
//! compared with what came in last as well as with what the queue shows.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use chrono::{DateTime, Timelike};

use crate::core::ids::PostId;
use crate::core::post::{Moment, Post, When};

/// Who keeps a known post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// A file under `posts/`.
    File,
    /// The database.
    Queue,
    /// An earlier row of the same table, by its place from 0.
    Row(usize),
}

/// What a post that comes in is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intake {
    /// Nobody knows it.
    New,
    /// It is there already, the same in everything.
    Known(PostId, Keeper),
    /// The row is as it came in last; `queue edit` has given the post other words since.
    EditedHere(PostId),
    /// The row has come to say what `queue edit` made of the post.
    CaughtUp(PostId),
    /// The database keeps another wording of it.
    Changed(PostId),
    /// The row has changed, and `queue edit` has given the post other words than the row's.
    EditedTwice(PostId),
    /// A file keeps another wording of it, or an earlier row does.
    Owned(PostId, Keeper),
}

/// A post as it came in, where that is not how the queue shows it.
#[derive(Clone, Debug)]
pub struct Came {
    /// As it came in, under the id that the queue shows.
    pub post: Post,
    /// Whether `queue edit` changed it since; else staff only moved or held it.
    pub edited: bool,
}

/// The posts that are there.
#[derive(Debug, Default)]
pub struct Register<'a> {
    by_id: HashMap<&'a PostId, (Keeper, &'a Post)>,
    by_words: HashMap<String, (Keeper, &'a Post)>,
    came: HashMap<&'a PostId, &'a Came>,
}

impl<'a> Register<'a> {
    /// Of the posts in files and those of the database, and of how they came in.
    #[must_use]
    pub fn new<P: Borrow<Post>>(files: &'a [P], queued: &'a [Post], came: &'a [Came]) -> Self {
        let mut register = Self { came: came.iter().map(|came| (&came.post.id, came)).collect(), ..Self::default() };
        for post in queued {
            // Under the words that came in, a row without an id finds it too.
            if let Some(came) = register.came.get(&post.id) {
                register.by_words.insert(words(&came.post), (Keeper::Queue, post));
            }
        }
        for post in queued {
            register.note(post, Keeper::Queue);
        }
        for post in files {
            register.note(post.borrow(), Keeper::File);
        }
        register
    }

    fn note(&mut self, post: &'a Post, keeper: Keeper) {
        if !post.id.as_str().is_empty() {
            self.by_id.insert(&post.id, (keeper, post));
        }
        self.by_words.insert(words(post), (keeper, post));
    }

    /// What `post`, the row at `place`, is; from then on it is known itself.
    pub fn take(&mut self, post: &'a Post, place: usize) -> Intake {
        let known = if post.id.as_str().is_empty() {
            self.by_words.get(&words(post))
        } else {
            self.by_id.get(&post.id).or_else(|| self.by_id.get(&free_id(&post.id)))
        };
        let Some((keeper, before)) = known.copied() else {
            self.note(post, Keeper::Row(place));
            return Intake::New;
        };
        let id = before.id.clone();
        let came = self.came.get(&id).filter(|_| !matches!(keeper, Keeper::Row(_)));
        let edited = came.is_some_and(|came| came.edited);
        let as_it_came = came.is_some_and(|came| same(&came.post, post));
        match keeper {
            Keeper::Queue if edited && same(before, post) => Intake::CaughtUp(id),
            Keeper::Queue if edited && as_it_came => Intake::EditedHere(id),
            _ if as_it_came || same(before, post) => Intake::Known(id, keeper),
            Keeper::File | Keeper::Row(_) => Intake::Owned(id, keeper),
            Keeper::Queue => {
                // A later row of the same id is a second meaning of it.
                self.note(post, Keeper::Row(place));
                if edited { Intake::EditedTwice(id) } else { Intake::Changed(id) }
            }
        }
    }
}

/// Whether the database gives such ids itself.
#[must_use]
pub fn is_queue_id(id: &str) -> bool {
    id.strip_prefix("queue-").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// An id that a file, or a row from another database, may have: `queue-3` becomes `from-queue-3`.
#[must_use]
pub fn free_id(id: &PostId) -> PostId {
    if is_queue_id(id.as_str()) { PostId::new(format!("from-{id}")) } else { id.clone() }
}

/// What tells posts without an id apart.
fn words(post: &Post) -> String {
    let post = plain(post);
    format!("{:?} {:?} {:?} {:?}", post.parts, post.cw, post.when, post.accounts)
}

/// Whether two posts are the same in everything but the id.
fn same(one: &Post, other: &Post) -> bool {
    let one = Post { id: other.id.clone(), ..plain(one) };
    one == plain(other)
}

/// Times to the second, accounts in order, paths without `..`: what makes no difference to what goes out.
#[must_use]
pub fn plain(post: &Post) -> Post {
    let mut post = post.clone();
    post.accounts.sort();
    // Where staff moved it is not the table's to say.
    post.order.position = None;
    if let When::At(moment) = &mut post.when {
        *moment = whole(*moment);
    }
    post.expires = post.expires.map(whole);
    for media in &mut post.media {
        media.file = lexical(&media.file);
    }
    post
}

fn whole(moment: Moment) -> Moment {
    match moment {
        Moment::Local(local) => Moment::Local(local.with_nanosecond(0).unwrap_or(local)),
        Moment::Instant(instant) => {
            let whole = DateTime::from_timestamp(instant.timestamp(), 0);
            Moment::Instant(whole.map_or(instant, |whole| whole.with_timezone(instant.offset())))
        }
    }
}

fn lexical(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for piece in path.components() {
        match piece {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            Component::Normal(_) | Component::RootDir | Component::Prefix(_) => plain.push(piece),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ids::{Lang, TopicId};
    use crate::core::schedule::parse_moment;

    fn post(id: &str, at: &str, text: &str) -> Post {
        let when = if at.is_empty() { When::NextSlot } else { When::At(parse_moment(at).unwrap()) };
        Post::new(PostId::from(id), when, Lang::from("en"), vec![text.to_owned()])
    }

    #[track_caller]
    fn check(row: &Post, expected: Intake) {
        let files = [post("file", "", "From a file")];
        let queued = [post("queue-1", "2027-01-01 09:00", "From the queue"), post("own", "", "Own")];
        assert_eq!(Register::new(&files, &queued, &[]).take(row, 0), expected);
    }

    #[test]
    fn a_post_is_known_by_its_id_or_by_its_words_and_time() {
        check(&post("", "", "Other"), Intake::New);
        check(&post("new", "", "Own"), Intake::New);
        check(&post("own", "", "Own"), Intake::Known("own".into(), Keeper::Queue));
        check(&post("own", "", "Own!"), Intake::Changed("own".into()));
        check(&post("", "", "From a file"), Intake::Known("file".into(), Keeper::File));
        check(&post("file", "2027-01-01 09:00", "From a file"), Intake::Owned("file".into(), Keeper::File));
        check(&post("", "2027-01-01 09:00", "From the queue"), Intake::Known("queue-1".into(), Keeper::Queue));
        check(&post("", "2027-01-02 09:00", "From the queue"), Intake::New);
        let topic = Post { topic: Some(TopicId::from("ring")), ..post("", "2027-01-01 09:00", "From the queue") };
        check(&topic, Intake::Changed("queue-1".into()));
    }

    #[test]
    fn a_row_that_stands_twice_is_taken_once() {
        let rows = [post("", "", "A"), post("", "", "A"), post("x", "", "B"), post("x", "", "C"), post("x", "", "B")];
        let mut register = Register::default();
        let taken: Vec<Intake> = rows.iter().enumerate().map(|(at, row)| register.take(row, at)).collect();
        assert_eq!(
            taken,
            [
                Intake::New,
                Intake::Known("".into(), Keeper::Row(0)),
                Intake::New,
                Intake::Owned("x".into(), Keeper::Row(2)),
                Intake::Known("x".into(), Keeper::Row(2)),
            ]
        );
    }
}
