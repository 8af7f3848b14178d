//! What staff wrote once: a post as a checked value. Parsing lives in `campaign`, placing in time in `plan`.
//!
//! A `Post` holds only what could be sent: at least one part, no blank part, every attachment with its alt text.

use std::path::PathBuf;

use chrono::{DateTime, Duration, FixedOffset, NaiveDateTime};
use serde::{Deserialize, Serialize};

use crate::core::ids::{AccountName, FactId, Lang, PostId, TopicId};
use crate::core::schedule::Slot;

/// One post, checked and complete.
#[derive(Clone, Debug, PartialEq)]
pub struct Post {
    /// Its identity in the ledger.
    pub id: PostId,
    /// When it goes out.
    pub when: When,
    /// The accounts that say it; empty means all.
    pub accounts: Vec<AccountName>,
    /// The topic a follower's question below it inherits.
    pub topic: Option<TopicId>,
    /// The facts it rests on: what "source?" below it answers with.
    pub facts: Vec<FactId>,
    /// Its language.
    pub lang: Lang,
    /// The content warning.
    pub cw: Option<String>,
    /// Who may see it.
    pub visibility: Visibility,
    /// No part 1 leaves at or after this time; `None`: 6 h after its time.
    pub expires: Option<Moment>,
    /// Whether staff are done with it.
    pub readiness: Readiness,
    /// What to do when its time has passed by more than 15 min.
    pub late: Late,
    /// Attachments of part 1.
    pub media: Vec<Media>,
    /// A poll on part 1.
    pub poll: Option<Poll>,
    /// The texts, one per status; a thread has several.
    pub parts: Vec<String>,
}

/// When a post goes out.
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// At this time, once.
    At(Moment),
    /// Again and again at these weekly local times.
    Every(Slot),
    /// Whenever a slot is left over, least recently used first.
    Evergreen,
    /// In the next free slot of each account, once.
    NextSlot,
}

/// A time as staff wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Moment {
    /// Local to the campaign's zone.
    Local(NaiveDateTime),
    /// RFC 3339, with its own offset.
    Instant(DateTime<FixedOffset>),
}

/// Whether staff are done with a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It goes out.
    Ready,
    /// It waits; the plan names it as waiting.
    Draft,
}

/// What to do with a post whose time has passed by more than 15 min (DESIGN §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Late {
    /// Send it while it has not expired.
    Send,
    /// Hold it for a person.
    Hold,
    /// Let it expire.
    Skip,
}

/// Who may see a status; Mastodon's four levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Everybody, and in public timelines.
    Public,
    /// Everybody, out of public timelines.
    Unlisted,
    /// Followers.
    Private,
    /// Those it names.
    Direct,
}

impl Visibility {
    /// The word the API uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Visibility::Public => "public",
            Visibility::Unlisted => "unlisted",
            Visibility::Private => "private",
            Visibility::Direct => "direct",
        }
    }
}

/// A file to attach, with the words for those who cannot see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// Absolute, or relative to the working directory; resolved against the post's file by whoever read it.
    pub file: PathBuf,
    /// The description; never blank.
    pub alt: String,
}

/// A poll.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// Two or more answers.
    pub options: Vec<String>,
    /// Seconds it stays open.
    pub lasts_seconds: i64,
}

/// How long after its time a post may still leave when it says nothing itself.
pub const DEFAULT_EXPIRY: Duration = Duration::hours(6);

/// A post made by `queue add`, as the database keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Queued {
    /// Its own time; `None`: the next free slot.
    pub at: Option<Moment>,
    /// The accounts that say it; empty means all.
    pub accounts: Vec<AccountName>,
    /// Its language.
    pub lang: Lang,
    /// The content warning.
    pub cw: Option<String>,
    /// Attachments.
    pub media: Vec<Media>,
    /// The texts, one per status.
    pub parts: Vec<String>,
}

impl Queued {
    /// The post this is, under the id the database gave it.
    #[must_use]
    pub fn into_post(self, id: PostId) -> Post {
        Post {
            id,
            when: self.at.map_or(When::NextSlot, When::At),
            accounts: self.accounts,
            topic: None,
            facts: Vec::new(),
            lang: self.lang,
            cw: self.cw,
            visibility: Visibility::Public,
            expires: None,
            readiness: Readiness::Ready,
            late: Late::Send,
            media: self.media,
            poll: None,
            parts: self.parts,
        }
    }
}
