//! Posts without a time, and why, in words staff can act on.
//!
//! A post that waits everywhere for the same reason is one line, however many accounts there are. Posts with a time of
//! their own outside the window do not wait, nor do evergreen posts for which no slot was left.

use chrono_tz::Tz;

use super::pauses::Pauses;
use super::place::Walked;
use super::prepare::Prepared;
use super::{AccountCalendar, Waiting, Window};
use crate::core::ids::{AccountName, Occurrence};
use crate::core::post::{Readiness, When};

/// Everything that waits, in file order.
pub(super) fn list(
    posts: &[Prepared<'_>],
    accounts: &[AccountCalendar],
    walked: &Walked,
    pauses: &Pauses<'_>,
    zone: Tz,
    window: Window,
) -> Vec<Waiting> {
    let without_slots: Vec<usize> =
        accounts.iter().enumerate().filter(|(_, account)| account.slots.is_empty()).map(|(place, _)| place).collect();
    let until = window.until.with_timezone(&zone).format("%Y-%m-%d %H:%M");
    // All that is left of the window lies behind the end.
    let has_ended = |account: &AccountCalendar| account.rules.has_ended(window.until, zone);
    let no_room = if accounts.iter().all(has_ended) {
        "the campaign ends before a slot is free for it: move `ends`, or give it an `at`".to_owned()
    } else {
        format!("no free slot before {until}")
    };
    let once = Occurrence::once();
    // Accounts that say nothing as long as the window lasts.
    let silent: Vec<Option<String>> = (0..accounts.len())
        .map(|account| {
            let silence = pauses.throughout(account, window.slots_from, window.until)?;
            let goes_on = if silence.until.is_none() { "; `watchpost resume` lets it go on" } else { "" };
            Some(format!("its accounts are {}{goes_on}", silence.words()))
        })
        .collect();
    let is_open_to_somebody = silent.iter().all(Option::is_none);
    let mut list = List { accounts, without_slots, waiting: Vec::new() };
    for ((number, prepared), slotted) in posts.iter().enumerate().zip(&walked.slotted) {
        let had = |account: usize| slotted.binary_search(&account).is_ok() || prepared.is_taken(account, &once);
        let untouched = slotted.is_empty() && !prepared.has_rows();
        let done = || !untouched && prepared.audience(accounts.len()).all(had);
        if prepared.doubled {
            list.everywhere(prepared, "an earlier post has the same id: give this one an `id` of its own");
            continue;
        }
        let unready = match prepared.post.readiness {
            Readiness::Ready => None,
            Readiness::Review => Some("waits for approval: `watchpost queue approve ID --by NAME`"),
            Readiness::Draft => Some("a draft: set `status: ready` when it is done"),
        };
        if let Some(why) = unready {
            if !done() {
                list.everywhere(prepared, why);
            }
            continue;
        }
        if accounts.is_empty() {
            list.everywhere(prepared, "the campaign has no accounts");
            continue;
        }
        match &prepared.post.when {
            When::At(moment) => {
                let at = moment.resolve(zone).instant;
                let inside = window.at_from <= at && at < window.until;
                if inside && prepared.expired_at(at) && !done() {
                    list.everywhere(prepared, "its `expires` is not after its `at`: move one of them");
                }
            }
            When::Every(_) => {}
            When::Evergreen => {
                list.without_slots(prepared, |_| false);
            }
            When::NextSlot if prepared.pin().is_some() => list.pinned(number, prepared, had, walked, zone, window),
            When::NextSlot => {
                let why = if prepared.expired_at(window.until) {
                    "it expires before a slot is free: move `expires`, or give it an `at`"
                } else if is_open_to_somebody {
                    &no_room
                } else {
                    let mut open = prepared.audience(accounts.len()).filter(|account| !had(*account));
                    let first = open.next().and_then(|account| silent.get(account)?.as_deref());
                    let others = open.all(|account| silent.get(account).is_some_and(Option::is_some));
                    first.filter(|_| others).unwrap_or(&no_room)
                };
                let some_left = list.without_slots(prepared, had);
                if untouched && some_left {
                    list.everywhere(prepared, why);
                } else if !untouched {
                    list.where_open(prepared, had, why);
                }
            }
        }
        for stranger in &prepared.strangers {
            list.on(prepared, stranger, "no account has this name: write it as in `config/watchpost.toml`");
        }
    }
    list.waiting
}

struct List<'a> {
    accounts: &'a [AccountCalendar],
    /// Accounts that have none, in order.
    without_slots: Vec<usize>,
    waiting: Vec<Waiting>,
}

impl List<'_> {
    fn everywhere(&mut self, prepared: &Prepared<'_>, why: &str) {
        self.waiting.push(Waiting { post: prepared.post.id.clone(), account: None, why: why.to_owned() });
    }

    fn on(&mut self, prepared: &Prepared<'_>, account: &AccountName, why: &str) {
        let (post, account) = (prepared.post.id.clone(), Some(account.clone()));
        self.waiting.push(Waiting { post, account, why: why.to_owned() });
    }

    /// Names the accounts that have no slots at all; whether the post is for any other.
    fn without_slots(&mut self, prepared: &Prepared<'_>, had: impl Fn(usize) -> bool) -> bool {
        let accounts = self.accounts;
        let why = "no slots: give the account `slots`, or the post an `at`";
        let never: Vec<usize> = if self.without_slots.is_empty() {
            Vec::new()
        } else {
            prepared.audience(accounts.len()).filter(|account| self.is_slotless(*account)).collect()
        };
        let some_left = never.len() < prepared.audience(accounts.len()).count();
        let open: Vec<usize> = never.into_iter().filter(|account| !had(*account)).collect();
        if !some_left && open.len() == prepared.audience(accounts.len()).count() && !open.is_empty() {
            self.everywhere(prepared, why);
            return false;
        }
        for name in open.iter().filter_map(|account| accounts.get(*account)).map(|account| &account.name) {
            self.on(prepared, name, why);
        }
        some_left
    }

    /// Says where a post waits that some accounts have had: one account is named, several are one line.
    fn where_open(&mut self, prepared: &Prepared<'_>, had: impl Fn(usize) -> bool, why: &str) {
        let accounts = self.accounts;
        let mut open = prepared
            .audience(accounts.len())
            .filter(|account| !had(*account) && !self.is_slotless(*account))
            .filter_map(|account| accounts.get(account));
        match (open.next(), open.next()) {
            (None, _) => {}
            (Some(only), None) => {
                drop(open);
                self.on(prepared, &only.name, why);
            }
            (Some(_), Some(_)) => {
                drop(open);
                self.everywhere(prepared, why);
            }
        }
    }

    /// Says on which accounts a post missed the slot it is pinned to. One whose slot is still to come does not wait.
    fn pinned(
        &mut self,
        number: usize,
        prepared: &Prepared<'_>,
        had: impl Fn(usize) -> bool,
        walked: &Walked,
        zone: Tz,
        window: Window,
    ) {
        let Some(local) = prepared.pin() else { return };
        let accounts = self.accounts;
        for account in prepared.audience(accounts.len()).filter(|account| !had(*account)) {
            let Some(calendar) = accounts.get(account) else { continue };
            let at = calendar.used_at(local, zone);
            if window.until <= at {
                continue;
            }
            let written = local.format("%Y-%m-%d %H:%M");
            let why = if at < window.slots_from {
                format!("its slot of {written} has passed: pin it to another, or remove `slot`")
            } else if let Some(why) = walked.unpinned.get(&(number, account)) {
                why.clone()
            } else if prepared.expired_at(at) {
                "it expires before the slot it is pinned to: move `expires` or `slot`".to_owned()
            } else if calendar.has_slot_at(local) {
                format!("its slot of {written} is taken: pin it to another")
            } else {
                format!("no slot at {written}: pin it to a time that stands in the account's `slots`")
            };
            self.on(prepared, &calendar.name, &why);
        }
    }

    fn is_slotless(&self, account: usize) -> bool {
        self.without_slots.binary_search(&account).is_ok()
    }
}
