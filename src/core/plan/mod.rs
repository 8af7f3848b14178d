//! Placing posts in time: the one function the daemon and `watchpost plan` share.
//!
//! Invariants: the same input gives the same calendar; planning a long window at once gives what planning it in
//! steps gives, when after each step the history takes in what the step placed ([`History::take`]). So a decision at one instant looks
//! only at what stands at or before it. Nothing here knows what became of an occurrence; that is the ledger's.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::core::ids::{AccountName, Occurrence, PostId, TopicId};
use crate::core::post::Post;
use crate::core::schedule::Slot;

mod evergreen;
mod place;
mod prepare;
mod waiting;

/// How long an evergreen post rests on an account before that account says it again.
pub const EVERGREEN_COOLDOWN: Duration = Duration::days(21);

/// One account's weekly times.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountCalendar {
    /// The account.
    pub name: AccountName,
    /// Its slots; may be empty.
    pub slots: Vec<Slot>,
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

/// One occurrence, placed.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The instant.
    pub at: DateTime<Utc>,
    /// The nominal local time in the campaign's zone, before gaps and overlaps.
    pub local: NaiveDateTime,
    /// Who says it.
    pub account: AccountName,
    /// What.
    pub post: PostId,
    /// Which appearance.
    pub occurrence: Occurrence,
    /// How many statuses.
    pub parts: usize,
    /// Why here.
    pub kind: Kind,
    /// Part 1 does not leave at or after this instant.
    pub expires_at: DateTime<Utc>,
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

/// What has happened already.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Occurrences that have a row which planning must not move or repeat.
    pub taken: HashSet<(AccountName, PostId, Occurrence)>,
    /// Slots (instants) of an account that something has taken.
    pub slots_used: HashSet<(AccountName, DateTime<Utc>)>,
    /// When each evergreen post was last used on an account.
    pub last_used: HashMap<(AccountName, PostId), DateTime<Utc>>,
    /// The topic an account spoke of last; no entry when its last post had none.
    pub last_topic: HashMap<AccountName, TopicId>,
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
    /// In time order, then by account.
    pub planned: Vec<Planned>,
    /// What has no time, in file order.
    pub waiting: Vec<Waiting>,
}

impl History {
    /// Takes in one placed occurrence, so that the next step of planning continues from it. `topic` is its post's.
    ///
    /// Call it in the order of [`Plan::planned`]: the last call on an account decides its last topic.
    pub fn take(&mut self, planned: &Planned, topic: Option<&TopicId>) {
        let account = &planned.account;
        self.taken.insert((account.clone(), planned.post.clone(), planned.occurrence.clone()));
        match planned.kind {
            Kind::At | Kind::Every => {}
            Kind::Slot => {
                self.slots_used.insert((account.clone(), planned.at));
            }
            Kind::Evergreen => {
                self.slots_used.insert((account.clone(), planned.at));
                self.last_used.insert((account.clone(), planned.post.clone()), planned.at);
            }
        }
        match topic {
            Some(topic) => self.last_topic.insert(account.clone(), topic.clone()),
            None => self.last_topic.remove(account),
        };
    }
}

/// Places `posts` (in file order) on the accounts' calendars.
///
/// An `at` post stands at its time, an `every` post at each of its times; neither needs or takes a slot. Each slot of
/// an account takes the next ready slot post that account has not had; a slot left over takes an evergreen post.
/// An `at` post before the window is neither planned nor waiting: its time has been.
#[must_use]
pub fn plan(posts: &[Post], accounts: &[AccountCalendar], zone: Tz, history: &History, window: Window) -> Plan {
    place::Placing::new(posts, accounts, zone, history, window).run()
}

#[cfg(test)]
mod tests;
