//! Posts without a time, and why, in words staff can act on.

use chrono_tz::Tz;

use super::prepare::Prepared;
use super::{AccountCalendar, Waiting, Window};
use crate::core::ids::Occurrence;
use crate::core::post::{Readiness, When};

/// Why a post has no time on an account.
#[derive(Clone, Copy, PartialEq)]
enum Reason {
    NoSlots,
    NoFreeSlot,
    ExpiresFirst,
}

/// Everything that waits, in file order. `slotted` names the accounts that gave each post a slot in this window.
pub(super) fn list(
    posts: &[Prepared<'_>],
    accounts: &[AccountCalendar],
    slotted: &[Vec<usize>],
    zone: Tz,
    window: Window,
) -> Vec<Waiting> {
    let mut waiting = Vec::new();
    let until = window.until.with_timezone(&zone).format("%Y-%m-%d %H:%M");
    let no_free_slot = format!("no free slot before {until}");
    let words = |reason: Reason| match reason {
        Reason::NoSlots => "no slots: give the account `slots`, or the post an `at`".to_owned(),
        Reason::NoFreeSlot => no_free_slot.clone(),
        Reason::ExpiresFirst => "it expires before a slot is free: move `expires`, or give it an `at`".to_owned(),
    };
    let without_slots: Vec<usize> =
        accounts.iter().enumerate().filter(|(_, account)| account.slots.is_empty()).map(|(place, _)| place).collect();
    let once = Occurrence::once();
    for (prepared, slotted) in posts.iter().zip(slotted) {
        let post = &prepared.post.id;
        let mut say = |account: Option<usize>, why: String| {
            let account = account.and_then(|place| accounts.get(place)).map(|account| account.name.clone());
            waiting.push(Waiting { post: post.clone(), account, why });
        };
        let had = |account: usize| slotted.contains(&account) || prepared.is_taken(account, &once);
        if prepared.post.readiness == Readiness::Draft {
            let done = prepared.has_rows() && prepared.audience(accounts.len()).all(had);
            if !done {
                say(None, "a draft: set `status: ready` when it is done".to_owned());
            }
            continue;
        }
        if accounts.is_empty() {
            say(None, "the campaign has no accounts".to_owned());
            continue;
        }
        match &prepared.post.when {
            When::At(moment) => {
                let at = moment.resolve(zone).instant;
                let inside = window.at_from <= at && at < window.until;
                if inside && prepared.expired_at(at) && !prepared.audience(accounts.len()).all(had) {
                    say(None, "its `expires` is not after its `at`: move one of them".to_owned());
                }
            }
            When::Every(_) => {}
            When::NextSlot => {
                let open = if prepared.expired_at(window.until) { Reason::ExpiresFirst } else { Reason::NoFreeSlot };
                if slotted.is_empty() && !prepared.has_rows() {
                    // Nobody had it: one line for all, and one for each account that could never take it.
                    let slotless = |account: &usize| without_slots.binary_search(account).is_ok();
                    let count = prepared.audience(accounts.len()).count();
                    let never: Vec<usize> = if without_slots.is_empty() {
                        Vec::new()
                    } else {
                        prepared.audience(accounts.len()).filter(slotless).collect()
                    };
                    if count > 0 && never.len() == count {
                        say(None, words(Reason::NoSlots));
                    } else {
                        for account in &never {
                            say(Some(*account), words(Reason::NoSlots));
                        }
                        if count > never.len() {
                            say(None, words(open));
                        }
                    }
                } else {
                    for account in prepared.audience(accounts.len()).filter(|account| !had(*account)) {
                        let slotless = without_slots.binary_search(&account).is_ok();
                        say(Some(account), words(if slotless { Reason::NoSlots } else { open }));
                    }
                }
            }
            When::Evergreen => {
                let never: Vec<usize> = prepared
                    .audience(accounts.len())
                    .filter(|account| without_slots.binary_search(account).is_ok())
                    .collect();
                if !never.is_empty() && never.len() == prepared.audience(accounts.len()).count() {
                    say(None, words(Reason::NoSlots));
                } else {
                    for account in never {
                        say(Some(account), words(Reason::NoSlots));
                    }
                }
            }
        }
        for name in &prepared.strangers {
            waiting.push(Waiting {
                post: post.clone(),
                account: Some((*name).clone()),
                why: "no account has this name: write it as in `config/watchpost.toml`".to_owned(),
            });
        }
    }
    waiting
}
