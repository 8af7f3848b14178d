//! What staff wrote once: a post as a checked value. Parsing lives in `campaign`, placing in time in `plan`.
//!
//! A `Post` holds only what could be sent: at least one part, no blank part, every attachment with its alt text.

use std::path::PathBuf;

use chrono::{DateTime, Duration, FixedOffset, NaiveDateTime};
use serde::{Deserialize, Serialize};

use crate::core::ids::{AccountName, FactId, Lang, PostId, TopicId};
use crate::core::schedule::Slot;

/// One post, checked and complete. As JSON it is how the database keeps the posts it owns; a key that is missing there
/// has its default, so that an older row is read by a newer program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Post {
    /// Its identity in the ledger.
    pub id: PostId,
    /// When it goes out.
    pub when: When,
    /// Which times of a repeated post count.
    #[serde(default)]
    pub repeat: Repeat,
    /// Its place among the posts that wait for a slot.
    #[serde(default)]
    pub order: Order,
    /// The accounts that say it; empty means all.
    #[serde(default)]
    pub accounts: Vec<AccountName>,
    /// The topic a follower's question below it inherits.
    #[serde(default)]
    pub topic: Option<TopicId>,
    /// The facts it rests on: what "source?" below it answers with.
    #[serde(default)]
    pub facts: Vec<FactId>,
    /// Its language.
    pub lang: Lang,
    /// The content warning.
    #[serde(default)]
    pub cw: Option<String>,
    /// Who may see it.
    #[serde(default)]
    pub visibility: Visibility,
    /// No part 1 leaves at or after this time; `None`: 6 h after its time.
    #[serde(default)]
    pub expires: Option<Moment>,
    /// Whether staff are done with it.
    #[serde(default)]
    pub readiness: Readiness,
    /// Who wrote it, in the name staff gave.
    #[serde(default)]
    pub author: Option<String>,
    /// What to do when its time has passed by more than 15 min.
    #[serde(default)]
    pub late: Late,
    /// Attachments of part 1.
    #[serde(default)]
    pub media: Vec<Media>,
    /// A poll on part 1.
    #[serde(default)]
    pub poll: Option<Poll>,
    /// The texts, one per status; a thread has several.
    pub parts: Vec<String>,
    /// Other words for some accounts or languages; the first that fits stands in for `parts`.
    #[serde(default)]
    pub variants: Vec<Variant>,
}

impl Post {
    /// A ready post with nothing but its place, its language and its words.
    #[must_use]
    pub fn new(id: PostId, when: When, lang: Lang, parts: Vec<String>) -> Self {
        Self {
            id,
            when,
            repeat: Repeat::default(),
            order: Order::default(),
            accounts: Vec::new(),
            topic: None,
            facts: Vec::new(),
            lang,
            cw: None,
            visibility: Visibility::default(),
            expires: None,
            readiness: Readiness::default(),
            author: None,
            late: Late::default(),
            media: Vec::new(),
            poll: None,
            parts,
            variants: Vec::new(),
        }
    }
}

impl Post {
    /// Which of its variants an account says; `None`: the post's own words. A variant that names accounts is for those;
    /// one that names only a language is for accounts of that language. The first that fits counts.
    #[must_use]
    pub fn variant_for(&self, account: &AccountName, speaks: Option<&Lang>) -> Option<usize> {
        self.variants.iter().position(|variant| {
            if !variant.accounts.is_empty() {
                return variant.accounts.contains(account);
            }
            match (&variant.lang, speaks) {
                (Some(lang), Some(speaks)) => lang.primary() == speaks.primary(),
                (Some(_) | None, _) => false,
            }
        })
    }

    /// What an account says, and in which language.
    #[must_use]
    pub fn words_for(&self, account: &AccountName, speaks: Option<&Lang>) -> (&[String], &Lang) {
        match self.variant_for(account, speaks).and_then(|place| self.variants.get(place)) {
            Some(variant) => (&variant.parts, variant.lang.as_ref().unwrap_or(&self.lang)),
            None => (&self.parts, &self.lang),
        }
    }
}

/// When a post goes out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

/// Which times of an `every` or evergreen post count. Everything absent: all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Repeat {
    /// None before this time.
    pub from: Option<Moment>,
    /// None at or after this time.
    pub until: Option<Moment>,
    /// At most so many on each account, those skipped or missed not counted; at least 1.
    pub times: Option<u32>,
    /// Nominal local times of an `every` post that are left out.
    pub skip: Vec<NaiveDateTime>,
    /// Days an evergreen post rests on an account; `None`: 21.
    pub cooldown_days: Option<u32>,
}

/// A post's place among those that wait for a slot: higher priority first; then those with a position, by position;
/// then the others by file name and time added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Order {
    /// 0 where nothing is said; may be negative.
    pub priority: i32,
    /// Where staff moved it in the queue; smaller is earlier. `None`: nobody moved it.
    pub position: Option<i64>,
    /// The slot (its nominal local time) that is kept for this post.
    pub slot: Option<NaiveDateTime>,
}

/// Other words for the same post. It names accounts, a language, or both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// The accounts that say it so; empty: those of its language.
    #[serde(default)]
    pub accounts: Vec<AccountName>,
    /// Its language; `None`: the post's.
    #[serde(default)]
    pub lang: Option<Lang>,
    /// The texts, as many as the post has.
    pub parts: Vec<String>,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Readiness {
    /// It goes out.
    #[default]
    Ready,
    /// Written, and waits for somebody's approval; the plan names it as waiting.
    Review,
    /// It waits; the plan names it as waiting.
    Draft,
}

/// What to do with a post whose time has passed by more than 15 min (DESIGN §7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Late {
    /// Send it while it has not expired.
    #[default]
    Send,
    /// Hold it for a person.
    Hold,
    /// Let it expire.
    Skip,
}

/// Who may see a status; Mastodon's four levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Everybody, and in public timelines.
    #[default]
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
    /// SHA-256 (hex) of the bytes that were approved: only those may go up. Empty where nobody was asked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub print: String,
}

impl Media {
    /// A file nobody has approved.
    #[must_use]
    pub fn new(file: PathBuf, alt: String) -> Self {
        Self { file, alt, print: String::new() }
    }
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
