//! One status to be created, and the states it goes through (DESIGN §5). Who moves a delivery on, and when:
//!
//! | state | means | moved on by |
//! |---|---|---|
//! | `planned` | waits for its time | the publish job claims it when due; plan changes or cancels it |
//! | `claimed` | one sender prepares it (uploads media); holds a lease and a fence | the same sender arms it; a lost lease returns it to `planned` |
//! | `armed` | committed before the first byte; frozen | the same sender records the outcome; a lost lease makes it `unknown` |
//! | `sent` | the server gave us its id | the settle job sees it on the server: `verified`; not seen in 10 min: `held` |
//! | `verified` | seen on the server; the end | nobody; for an hour after a resend the settle job watches for a twin |
//! | `unknown` | the attempt was unclear: it may exist | the settle job at +5, +30, +120 s (keyless also +300 s): found → `verified`; absent at the last look → `planned`, if still wanted |
//! | `refused` | the server said no, with a reason | a person: a release or an edited file |
//! | `held` | waits for a person | a person: `queue release` or `queue cancel` |
//! | `expired` | its time passed unsent; the end | nobody |
//! | `cancelled` | no longer wanted, never sent; the end | nobody |

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::core::ids::{AccountName, DeliveryId, Lang, MediaId, RemoteId, StatusId};
use crate::core::post::{Media, Poll, Visibility};

/// Where a delivery stands; the table above says what each word means and who moves it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Waits for its time.
    Planned,
    /// Being prepared by one sender.
    Claimed,
    /// May be on its way: committed before the first byte.
    Armed,
    /// Accepted by the server, with an id.
    Sent,
    /// Seen on the server.
    Verified,
    /// An unclear attempt: may or may not exist.
    Unknown,
    /// The server refused it for a reason that stands.
    Refused,
    /// Waits for a person.
    Held,
    /// Its time passed.
    Expired,
    /// No longer wanted.
    Cancelled,
}

impl State {
    /// Every state, in the order of a delivery's life.
    pub const ALL: [State; 10] = [
        State::Planned,
        State::Claimed,
        State::Armed,
        State::Sent,
        State::Verified,
        State::Unknown,
        State::Refused,
        State::Held,
        State::Expired,
        State::Cancelled,
    ];

    /// The word the ledger and people use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            State::Planned => "planned",
            State::Claimed => "claimed",
            State::Armed => "armed",
            State::Sent => "sent",
            State::Verified => "verified",
            State::Unknown => "unknown",
            State::Refused => "refused",
            State::Held => "held",
            State::Expired => "expired",
            State::Cancelled => "cancelled",
        }
    }

    /// The state with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// What is to be said, as planned: everything a sender needs without looking at campaign files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// The text exactly as it will appear; never blank.
    pub text: String,
    /// The content warning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cw: Option<String>,
    /// Always sent explicitly (SERVERS.md §3, rule 1).
    pub visibility: Visibility,
    /// The language of the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lang: Option<Lang>,
    /// Files to upload and attach.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<Media>,
    /// A poll to attach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll: Option<Poll>,
    /// The status it answers: the mention, or the part before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<StatusId>,
    /// For replies, the asker's id: servers that know `allowed_mentions` then refuse to notify anybody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_mention: Option<RemoteId>,
}

/// The proof that an attempt was committed to the ledger before it is made. Only the store makes one, after its
/// commit returned (`tests/house.rs` holds that); `fedi` cannot publish without it and refuses one older than
/// [`Armed::FRESH`].
#[derive(Debug)]
pub struct Armed {
    /// The row.
    pub id: DeliveryId,
    /// The account that speaks.
    pub account: AccountName,
    /// The fence of the claim this attempt belongs to; every later write names it.
    pub fence: i64,
    /// 1 for the first attempt.
    pub attempt: i64,
    /// An earlier attempt may have succeeded: then a refusal of this one proves nothing.
    pub may_exist: bool,
    /// The Idempotency-Key: the same over attempts, restarts and machines.
    pub key: String,
    /// What is said, frozen.
    pub payload: Payload,
    /// Attachments, uploaded before arming, frozen.
    pub media: Vec<MediaId>,
    /// Boot-clock reading at the commit.
    pub armed_at_boot: Duration,
}

impl Armed {
    /// How old an armed record may be when its first byte leaves.
    pub const FRESH: Duration = Duration::from_secs(10);

    /// Whether an attempt may still be made with this record at boot-clock reading `boot`.
    #[must_use]
    pub fn is_fresh(&self, boot: Duration) -> bool {
        boot.saturating_sub(self.armed_at_boot) <= Self::FRESH
    }
}

/// What one POST did, as far as it can be known (DESIGN §5, "Outcome of one POST").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Provably nothing reached the server (DNS, connect, TLS, or the record was stale): back to `planned`.
    NotSent {
        /// In words for staff; no secrets.
        reason: String,
    },
    /// The server asked us to wait (429, or 503 with Retry-After): back to `planned` until then.
    Throttled {
        /// How long to wait, from the answer's own headers; a default where they say nothing.
        wait: Duration,
    },
    /// A 4xx with a validation message: this row waits for a person.
    Refused {
        /// The server's own words, cut to a line.
        message: String,
    },
    /// 400, 401, 403 or 422 without a validation message: whoever sent asks `whoami` to learn whether the account
    /// or only this row is refused.
    Doubtful {
        /// Status code and the server's words.
        message: String,
    },
    /// 404 for a reply: the parent is gone, or not there yet.
    ParentMissing,
    /// Anything else: it may exist.
    Unknown {
        /// What was seen, in words.
        reason: String,
    },
    /// Accepted, with an id.
    Sent(Receipt),
}

/// What a server still lets an account create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreatesLeft {
    /// Statuses.
    pub left: u64,
    /// For how long, by the answer's own headers.
    pub window: Duration,
}

/// What the server said of a status it accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The new status's id.
    pub status: StatusId,
    /// Who wrote it, as the server says.
    pub author: Option<RemoteId>,
    /// Its author's profile.
    pub author_url: Option<String>,
    /// Where people read it.
    pub url: Option<String>,
    /// The visible words of the answer, when they are not those that were sent: an answer may be another status.
    pub other_words: Option<String>,
    /// What the server changed against our wish (visibility, warning, lost thread), in words for staff; empty is well.
    pub changed: Vec<String>,
    /// The server's creates left in its current window, when its headers said so.
    pub creates_left: Option<CreatesLeft>,
    /// The answer's `Date`, when it had one: the server's clock.
    pub server_time: Option<DateTime<Utc>>,
}
