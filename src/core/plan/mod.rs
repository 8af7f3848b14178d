//! Placing posts in time: the one function the daemon and `watchpost plan` share.
//!
//! Invariants: the same input gives the same calendar; planning a long window at once gives what planning it in
//! steps gives, when after each step the history takes in what the step placed ([`History::take`]). So a decision at one instant looks
//! only at what stands at or before it. Nothing here knows what became of an occurrence; that is the ledger's.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use self::late::{Late, Overdue};
use self::pauses::Pause;

use crate::core::ids::{AccountName, Lang, Occurrence, PostId, TopicId};
use crate::core::post::Post;
use crate::core::rules::{Against, Rules};
use crate::core::schedule::{Slot, resolve};

pub mod agenda;
mod evergreen;
pub mod late;
mod moved;
mod own_times;
pub mod pauses;
mod place;
mod prepare;
pub mod repeated;
mod servers;
mod standing;
mod timeline;
mod waiting;

/// Days an evergreen post rests on an account before that account says it again, unless it says otherwise.
pub const EVERGREEN_COOLDOWN_DAYS: u32 = 21;

/// One account as planning sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountCalendar {
    /// The account.
    pub name: AccountName,
    /// Its server; accounts of one server do not repeat each other.
    pub server: String,
    /// The language whose variants it says; `None`: no variant is chosen by language.
    pub speaks: Option<Lang>,
    /// Its slots; may be empty.
    pub slots: Vec<Slot>,
    /// How many accounts of its server stand before it: each delays its slots by one stagger.
    pub ahead: u32,
    /// When it stays silent.
    pub rules: Rules,
}

impl AccountCalendar {
    /// An account on a server of its own, without rules.
    #[must_use]
    pub fn new(name: AccountName, slots: Vec<Slot>) -> Self {
        let server = name.to_string();
        Self { name, server, speaks: None, slots, ahead: 0, rules: Rules::default() }
    }

    /// When the slot at this nominal local time is used: shifted by jitter and stagger, never early.
    #[must_use]
    pub fn used_at(&self, local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
        resolve(local, zone).instant + self.rules.shift(&self.server, self.ahead, local)
    }

    /// Whether a slot comes round at this nominal local time.
    #[must_use]
    pub fn has_slot_at(&self, local: NaiveDateTime) -> bool {
        let after = local.checked_add_signed(Duration::seconds(1)).unwrap_or(local);
        self.slots.iter().any(|slot| slot.local_times(local, after).next().is_some())
    }

    /// No slot is delayed by more.
    fn longest_shift(&self) -> Duration {
        let staggered = i32::try_from(self.ahead).ok().and_then(|ahead| self.rules.stagger.checked_mul(ahead));
        self.rules.jitter + staggered.unwrap_or_default()
    }
}

/// Why a post stands at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Its own time.
    At,
    /// It took the next free slot.
    Slot,
    /// A repeated post.
    Every,
    /// An evergreen post in a slot nothing else took.
    Evergreen,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 4] = [Kind::At, Kind::Slot, Kind::Every, Kind::Evergreen];

    /// The word the ledger and people use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::At => "at",
            Kind::Slot => "slot",
            Kind::Every => "every",
            Kind::Evergreen => "evergreen",
        }
    }

    /// The kind with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// One occurrence, placed.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The instant.
    pub at: DateTime<Utc>,
    /// The nominal local time in the campaign's zone, before gaps, overlaps and shifts.
    pub local: NaiveDateTime,
    /// The instant that time means, before shifts: what tells a slot from the others.
    pub nominal: DateTime<Utc>,
    /// Who says it.
    pub account: AccountName,
    /// What.
    pub post: PostId,
    /// Which occurrence.
    pub occurrence: Occurrence,
    /// How many statuses.
    pub parts: usize,
    /// Why here.
    pub kind: Kind,
    /// Part 1 does not leave at or after this instant.
    pub expires_at: DateTime<Utc>,
}

/// A post with a time of its own that passes in a pause.
#[derive(Clone, Debug, PartialEq)]
pub struct Silenced {
    /// Its place.
    pub planned: Planned,
    /// What becomes of it, in words: the end of a sentence.
    pub fate: late::Fate,
}

/// A post that has no time yet, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// The post.
    pub post: PostId,
    /// The account it waits on; `None`: all of its accounts that have not had it and that no other entry names.
    pub account: Option<AccountName>,
    /// In words: a draft, no slots, no room before the window ends.
    pub why: String,
}

/// A slot that stays empty.
#[derive(Clone, Debug, PartialEq)]
pub struct IdleSlot {
    /// Whose.
    pub account: AccountName,
    /// When it would be used.
    pub at: DateTime<Utc>,
    /// Its nominal local time.
    pub local: NaiveDateTime,
    /// Why nothing stands there.
    pub why: Idle,
}

/// Why a slot stays empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "because")]
pub enum Idle {
    /// Nothing waits that may stand there: a gap to fill.
    NothingWaits,
    /// Only evergreen posts are left that were said last, or are of the topic that was said last: a gap to fill.
    Twice {
        /// The first of them.
        post: PostId,
    },
    /// It is kept for a post that is not ready.
    KeptFor {
        /// The post pinned to it.
        post: PostId,
    },
    /// A rule skips it.
    Skipped {
        /// The rule.
        against: Against,
    },
}

impl Idle {
    /// Whether any post that is written for it would go out there.
    #[must_use]
    pub fn is_gap(&self) -> bool {
        match self {
            Idle::NothingWaits | Idle::Twice { .. } => true,
            Idle::KeptFor { .. } | Idle::Skipped { .. } => false,
        }
    }
}

/// A post with a time of its own that stands against a rule: it goes out all the same, and a person should look.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// Who says it.
    pub account: AccountName,
    /// What.
    pub post: PostId,
    /// Which occurrence.
    pub occurrence: Occurrence,
    /// When.
    pub at: DateTime<Utc>,
    /// The rule.
    pub against: Against,
}

/// An occurrence that counts for caps, spacing and what a server has heard.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// Who said it.
    pub account: AccountName,
    /// What.
    pub post: PostId,
    /// Which occurrence.
    pub occurrence: Occurrence,
    /// When.
    pub at: DateTime<Utc>,
}

/// What has happened already.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Occurrences that have a row which planning must not move or repeat.
    pub taken: HashSet<(AccountName, PostId, Occurrence)>,
    /// Those of them whose time is to come and that nobody says as they stand: held, cancelled.
    pub kept_back: HashSet<(AccountName, PostId, Occurrence)>,
    /// Slots (their nominal instants) of an account that something has taken.
    pub slots_used: HashSet<(AccountName, DateTime<Utc>)>,
    /// The nominal local time of each evergreen post's last use on an account.
    pub last_used: HashMap<(AccountName, PostId), NaiveDateTime>,
    /// How often an `every` or evergreen post has come round on an account.
    pub uses: HashMap<(AccountName, PostId), u32>,
    /// How many times of an `every` post passed on an account and were not said, nor ever will be.
    pub missed: HashMap<(AccountName, PostId), u32>,
    /// The topic an account spoke of last; no entry when its last post had none.
    pub last_topic: HashMap<AccountName, TopicId>,
    /// What each account said last, and when.
    pub last_post: HashMap<AccountName, (DateTime<Utc>, PostId)>,
    /// What was said within the last four days, or is overdue; older ones make no difference.
    pub said: Vec<Said>,
    /// Rows whose time has been and that nobody has tried yet; they are among those that are taken.
    pub overdue: Vec<Overdue>,
    /// When each account's late posts left, of the last six hours.
    pub late_sent: HashMap<AccountName, Vec<DateTime<Utc>>>,
    /// When posts are paused, and were lately.
    pub pauses: Vec<Pause>,
}

/// From when on each kind is placed, and until when. All of them hold `from ≤ at < until`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// `at` posts from here.
    pub at_from: DateTime<Utc>,
    /// `every` posts from here.
    pub every_from: DateTime<Utc>,
    /// Slots, for queue and evergreen, from here.
    pub slots_from: DateTime<Utc>,
    /// Everything before here.
    pub until: DateTime<Utc>,
}

/// The calendar of a window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// What goes out, in time order, then by account.
    pub planned: Vec<Planned>,
    /// Posts with a time of their own that passes in a pause: they do not go out. In time order, then by account.
    pub paused: Vec<Silenced>,
    /// Posts that will be held because their account said the same within 60 days: empty until [`Plan::foresee`].
    pub repeated: Vec<Silenced>,
    /// What has had its time and was not sent, and what becomes of it. In time order, then by account.
    pub late: Vec<Late>,
    /// What has no time, in file order.
    pub waiting: Vec<Waiting>,
    /// Slots of the window that stay empty, in time order, then by account.
    pub idle: Vec<IdleSlot>,
    /// Placed posts with a time of their own that stand against a rule, in time order, then by account.
    pub conflicts: Vec<Conflict>,
}

impl History {
    /// Takes in one placed occurrence, so that the next step of planning continues from it. `topic` is its post's.
    ///
    /// Call it in the order of [`Plan::planned`]: the last call on an account decides its last topic.
    pub fn take(&mut self, planned: &Planned, topic: Option<&TopicId>) {
        let account = &planned.account;
        self.taken.insert((account.clone(), planned.post.clone(), planned.occurrence.clone()));
        match planned.kind {
            Kind::At => {}
            Kind::Every => *self.uses.entry((account.clone(), planned.post.clone())).or_default() += 1,
            Kind::Slot => {
                self.slots_used.insert((account.clone(), planned.nominal));
            }
            Kind::Evergreen => {
                self.slots_used.insert((account.clone(), planned.nominal));
                self.last_used.insert((account.clone(), planned.post.clone()), planned.local);
                *self.uses.entry((account.clone(), planned.post.clone())).or_default() += 1;
            }
        }
        self.last_post.insert(account.clone(), (planned.at, planned.post.clone()));
        self.said.push(Said {
            account: account.clone(),
            post: planned.post.clone(),
            occurrence: planned.occurrence.clone(),
            at: planned.at,
        });
        match topic {
            Some(topic) => self.last_topic.insert(account.clone(), topic.clone()),
            None => self.last_topic.remove(account),
        };
    }
}

/// Places `posts` (in file order) on the accounts' calendars.
///
/// An `at` post stands at its time, an `every` post at each of its times; neither needs or takes a slot, and no rule
/// moves them. Each slot of an account that no rule closes takes the post pinned to it, else the next ready slot post
/// that account has not had; a slot left over takes an evergreen post.
/// An `at` post before the window is neither planned nor waiting: its time has been. What the window holds from before
/// `slots_from`, which is now as far as planning goes, is late, as are the rows of [`History::overdue`].
#[must_use]
pub fn plan<P: Borrow<Post>>(
    posts: &[P],
    accounts: &[AccountCalendar],
    zone: Tz,
    history: &History,
    window: Window,
) -> Plan {
    place::Placing::new(posts, accounts, zone, history, window).run()
}

/// Which posts with a time of their own stand against a rule, in time order: what [`plan`] says of them, without slots.
#[must_use]
pub fn conflicts<P: Borrow<Post>>(
    posts: &[P],
    accounts: &[AccountCalendar],
    zone: Tz,
    history: &History,
    window: Window,
) -> Vec<Conflict> {
    place::Placing::new(posts, accounts, zone, history, window).conflicts()
}

#[cfg(test)]
mod evergreen_tests;
#[cfg(test)]
mod pause_tests;
#[cfg(test)]
mod rule_tests;
#[cfg(test)]
mod step_tests;
#[cfg(test)]
mod tests;
