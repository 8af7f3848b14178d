//! The words profiles are written in: one small enum per question of SERVERS.md §3, each interpreted in one place.

use serde::Serialize;

use crate::sandbox::refused::Refused;

/// Whether a server has something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Existence {
    /// It is there.
    Present,
    /// It is not.
    Absent,
    /// It is said to be there, and is not.
    Claimed,
    /// It is there and answers 500.
    Broken,
}

impl Existence {
    /// Lets a request to such an address pass, or not.
    pub(crate) fn open(self) -> Result<(), Refused> {
        match self {
            Existence::Present => Ok(()),
            Existence::Absent | Existence::Claimed => Err(Refused::NoRoute),
            Existence::Broken => Err(Refused::Plain { status: 500, words: "Internal Server Error" }),
        }
    }

    /// Whether the server says that it is there.
    pub(crate) fn is_told(self) -> bool {
        self != Existence::Absent
    }
}

/// How a notification policy is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyForm {
    /// `/api/v2/…`: a word for each group.
    Groups,
    /// `/api/v1/…` alone: yes or no for each group.
    Flags,
}

/// What the list of notification requests tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requests {
    /// The last status of each person.
    WithStatus,
    /// Who wrote, and not what.
    WithoutStatus,
    /// There is no such list.
    Absent,
}

/// How a server counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthRule {
    /// Grapheme clusters of warning and text; a URL counts `per_url`, `@user@domain` counts as `@user`.
    Mastodon {
        /// `characters_reserved_per_url`.
        per_url: usize,
    },
    /// Grapheme clusters of warning and text as they are written.
    AsWritten,
    /// Grapheme clusters of the text as it is written; the warning is free.
    TextAsWritten,
}

/// Where the instance documents say how long a text may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthTold {
    /// `configuration.statuses.max_characters`
    Configuration,
    /// `max_toot_chars` of the first document.
    TootChars,
}

/// What happens to a text above the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooLong {
    /// It is refused.
    Refused,
    /// It is published all the same.
    Published,
}

/// A file that already belongs to a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaAgain {
    /// Another status may have it too.
    Shared,
    /// Refused with this status code.
    Refused {
        /// 422 on Mastodon.
        status: u16,
    },
}

/// The order of attachments in a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaOrder {
    /// As it was asked for.
    AsAsked,
    /// Oldest upload first.
    ByUpload,
    /// Not kept; here always the other way round, so that a test can rely on it.
    Reversed,
}

/// When an accepted status comes to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// Before the answer.
    AtOnce,
    /// So many seconds after the request, by the sandbox's clock; whoever asked is told 504 long before.
    Late {
        /// Seconds.
        seconds: u32,
    },
    /// Never: 200 with an invented id (Mastodon's anti-spam).
    Never,
}

/// How the streaming address is written in the instance documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamUrl {
    /// As it is; `null` where there is none.
    Right,
    /// `wss://` on a plain host.
    Encrypted,
    /// An empty text.
    Empty,
}

/// How the server ends a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamClose {
    /// With a close frame.
    Frame,
    /// The connection just ends.
    Silent,
}

/// Which scopes a token needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scopes {
    /// `write:statuses` or `write`.
    Fine,
    /// `write`; finer ones are not known (Pixelfed).
    Plain,
}

/// A request that does not say what program it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserAgent {
    /// Is served.
    Optional,
    /// Is answered 418, streams too.
    Needed,
}

/// What an error's body looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorShape {
    /// JSON, `error` is a sentence.
    Sentence,
    /// JSON, `error` is an object.
    Object,
    /// Plain text for 4xx, an HTML page for 404 and 5xx.
    TextOrHtml,
    /// An HTML page for 404, nothing otherwise.
    HtmlOrNothing,
}

/// How bodies are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bodies {
    /// A form instead of JSON.
    pub form: Forms,
    /// `null` in JSON.
    pub null: Nulls,
    /// No body at all.
    pub empty: BadBody,
    /// JSON that cannot be parsed.
    pub malformed: BadBody,
    /// A status without words and files: absent, it is refused; present, it is published.
    pub blank: Existence,
}

/// A form where JSON is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forms {
    /// Read like JSON.
    Read,
    /// Only plain fields are read; lists such as `media_ids[]` are lost.
    PlainFields,
    /// Not read: as if nothing had been sent.
    Lost,
}

/// `null` in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nulls {
    /// As if the field were absent.
    Absent,
    /// 400.
    Refused,
}

/// A body that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadBody {
    /// Refused with this status code.
    Refused {
        /// 400 on Mastodon.
        status: u16,
    },
    /// Taken as a status without words.
    Blank,
}

/// What `scheduled_at` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduling {
    /// More than five minutes ahead: kept. In the past: posted at once.
    Kept,
    /// As [`Scheduling::Kept`], but a past time becomes the status's time.
    Backdates,
    /// Posted at once, whatever it says.
    Ignored,
    /// Refused with this status code, whatever it says.
    Refused {
        /// 422 on Iceshrimp.NET.
        status: u16,
    },
}

/// How a local account is written in `acct`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalAcct {
    /// `alice`
    Short,
    /// `alice@host`, without port
    WithHost,
    /// `alice@host:port`
    WithPort,
}

/// How ids of accounts, statuses and attachments are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// Digits: milliseconds and a sequence.
    Snowflake,
    /// 26 letters and digits; the order of two of one millisecond means nothing.
    Ulid,
    /// Some 18 letters and digits, capitals counting.
    Flake,
    /// A UUID of version 7.
    Uuid,
    /// Sixteen small letters and digits: eight of milliseconds since 2000, four of the server, four of a counter
    /// (Misskey's `aidx`).
    Aidx,
    /// Ten digits of seconds and 32 of a hash.
    TimedHash,
}

/// How ids of notifications are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotificationIds {
    /// Digits of a sequence, as a text.
    Digits,
    /// A number, as a number.
    Number,
    /// As accounts and statuses.
    LikeStatuses,
    /// ISO time, type and UUID, joined by slashes.
    TimeTypeUuid,
}

/// Visibility of a status that does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// Public, whatever it answers.
    Public,
    /// Unlisted, whatever it answers.
    Unlisted,
    /// That of the status it answers.
    AsParent,
}

/// What becomes of `unlisted`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlisted {
    /// It stays.
    Kept,
    /// It becomes public.
    Public,
}

/// What becomes of a content warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warnings {
    /// It stays.
    Kept,
    /// It is gone.
    Dropped,
    /// At the top level it becomes a title above the text; on replies it stays.
    Titles,
}

/// A reply to a deleted status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadParent {
    /// Refused with this status code.
    Refused {
        /// 404 on Mastodon.
        status: u16,
    },
    /// Published below the dead id.
    Kept,
    /// Published as a status of its own.
    Forgotten,
}

/// A reply that is an emoji and nothing else, names apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmojiReplies {
    /// It is published.
    Published,
    /// It becomes a reaction to its parent; the answer is the parent, and nothing is published (Misskey's children).
    Reactions,
}

/// When a mention is listed: after a time between both, thrown by dice, on the sandbox's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay {
    /// Shortest, in milliseconds.
    pub from_ms: u32,
    /// Longest, in milliseconds.
    pub to_ms: u32,
    /// Whether a later one can be listed first.
    pub order: Order,
}

impl Delay {
    /// Listed at once.
    pub const NONE: Delay = Delay { from_ms: 0, to_ms: 0, order: Order::Kept };
}

/// Whether a later mention can be listed before an earlier one, which then appears below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// It cannot.
    Kept,
    /// It can.
    Mixed,
}

/// How a list of notifications is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sorting {
    /// Newest first.
    NewestFirst,
    /// Oldest first; cursors go on from where they stand.
    OldestFirst,
    /// Not at all, the same at each look; cursors go on from where they stand.
    Shuffled,
}

/// Whether a parameter does anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heed {
    /// It does.
    Heeded,
    /// It does not.
    Ignored,
}

/// What `min_id` gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MinId {
    /// The page right after the cursor.
    PageAfter,
    /// The newest page above it.
    NewestPage,
    /// The newest page.
    Ignored,
}

/// What a `Link` header offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// `next` by `max_id`, `prev` by `min_id`.
    Both,
    /// `next` by `max_id`.
    Next,
    /// `next` by `older_than` and a time; the only cursor there is.
    OlderThan,
    /// There is none.
    Absent,
}

/// Setting `bot` on the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BotFlag {
    /// Works.
    Set,
    /// Does nothing.
    Ignored,
    /// Works as JSON only.
    JsonOnly,
    /// Works as a form only.
    FormOnly,
}
