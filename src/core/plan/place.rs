//! The walk over the window: posts with times of their own first, then slot by slot in time order, per account.
//!
//! Cost: a post is looked at once, plus once per account that reaches it and per time it comes round. A slot looks at
//! the head of its account's queue, never at the whole of it.

use std::collections::HashMap;
use std::rc::Rc;

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;

use super::evergreen::{Candidate, Evergreens};
use super::prepare::{Prepared, Queues};
use super::{AccountCalendar, History, Kind, Plan, Planned, Window, waiting};
use crate::core::ids::{Occurrence, TopicId};
use crate::core::post::{DEFAULT_EXPIRY, Moment, Post, When};
use crate::core::schedule::{Firing, Resolved, Slot};

/// Everything one call of `plan` knows.
pub(super) struct Placing<'a> {
    accounts: &'a [AccountCalendar],
    zone: Tz,
    window: Window,
    history: &'a History,
    posts: Vec<Prepared<'a>>,
    /// What is placed on each account so far.
    placed: Vec<Vec<Placed>>,
    /// What each account says at times of its own from `slots_from` on, rows there already included: it decides which
    /// topic was last.
    spoken: Vec<Vec<Spoken>>,
    /// Which accounts gave each post a slot in this window.
    slotted: Vec<Vec<usize>>,
}

/// When, by the rank of its kind, and the post.
type Spoken = (DateTime<Utc>, u8, usize);

/// One occurrence on one account.
struct Placed {
    at: DateTime<Utc>,
    local: NaiveDateTime,
    kind: Kind,
    /// Its place in the file order.
    post: usize,
    occurrence: Occurrence,
}

impl Placed {
    /// The order on one account: by time; own times before slots; file order.
    fn order(&self) -> Spoken {
        (self.at, rank(self.kind), self.post)
    }
}

fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::At => 0,
        Kind::Every => 1,
        Kind::Slot => 2,
        Kind::Evergreen => 3,
    }
}

impl<'a> Placing<'a> {
    pub(super) fn new(
        posts: &'a [Post],
        accounts: &'a [AccountCalendar],
        zone: Tz,
        history: &'a History,
        window: Window,
    ) -> Self {
        Self {
            accounts,
            zone,
            window,
            history,
            posts: Prepared::all(posts, accounts, zone, history),
            placed: accounts.iter().map(|_| Vec::new()).collect(),
            spoken: vec![Vec::new(); accounts.len()],
            slotted: vec![Vec::new(); posts.len()],
        }
    }

    pub(super) fn run(mut self) -> Plan {
        let ready = |wanted: &When| {
            let fits = |prepared: &Prepared<'_>| prepared.may_be_placed() && prepared.post.when == *wanted;
            Queues::new(&self.posts, self.accounts.len(), fits)
        };
        let (queue, evergreen) = (ready(&When::NextSlot), ready(&When::Evergreen));
        self.place_own_times();
        for account in 0..self.accounts.len() {
            self.fill_slots(account, &queue, &evergreen);
        }
        let waiting = waiting::list(&self.posts, self.accounts, &self.slotted, self.zone, self.window);
        Plan { planned: self.in_order(), waiting }
    }

    /// Places `at` and `every` posts.
    fn place_own_times(&mut self) {
        // Many posts share a slot text; each is worked out once.
        let mut firings: HashMap<&'a str, Rc<[Firing]>> = HashMap::new();
        for number in 0..self.posts.len() {
            let Some(prepared) = self.posts.get(number) else { continue };
            let post = prepared.post;
            if !prepared.may_be_placed() {
                continue;
            }
            match &post.when {
                When::At(moment) => {
                    let Resolved { instant: at, shift } = moment.resolve(self.zone);
                    let local = match moment {
                        Moment::Local(local) => *local,
                        Moment::Instant(_) => at.with_timezone(&self.zone).naive_local(),
                    };
                    if self.window.at_from <= at && at < self.window.until {
                        self.place(number, Kind::At, Occurrence::once(), Firing { local, instant: at, shift });
                    }
                }
                When::Every(slot) => {
                    let times = firings.entry(slot.written()).or_insert_with(|| self.every(slot));
                    for firing in Rc::clone(times).iter() {
                        self.place(number, Kind::Every, Occurrence::local(firing.local), *firing);
                    }
                }
                When::NextSlot | When::Evergreen => {}
            }
        }
        for spoken in &mut self.spoken {
            spoken.sort_unstable();
        }
    }

    fn every(&self, slot: &Slot) -> Rc<[Firing]> {
        slot.firings(self.zone, self.window.every_from, self.window.until).collect()
    }

    /// Places one occurrence on every account the post is for that has not had it, unless it has expired by then.
    fn place(&mut self, number: usize, kind: Kind, occurrence: Occurrence, firing: Firing) {
        let Some(prepared) = self.posts.get(number) else { return };
        if prepared.expired_at(firing.instant) {
            return;
        }
        for account in prepared.audience(self.accounts.len()) {
            // What stood before the slots begin is in the history's last topic already.
            if self.window.slots_from <= firing.instant
                && let Some(spoken) = self.spoken.get_mut(account)
            {
                spoken.push((firing.instant, rank(kind), number));
            }
            if !prepared.is_taken(account, &occurrence)
                && let Some(placed) = self.placed.get_mut(account)
            {
                placed.push(Placed {
                    at: firing.instant,
                    local: firing.local,
                    kind,
                    post: number,
                    occurrence: occurrence.clone(),
                });
            }
        }
    }

    /// Gives each free slot of one account to its queue, else to an evergreen post.
    fn fill_slots(&mut self, account: usize, queue: &Queues, evergreen: &Queues) {
        let Some(calendar) = self.accounts.get(account) else { return };
        let mut last_topic: Option<&TopicId> = self.history.last_topic.get(&calendar.name);
        let mut evergreens: Option<Evergreens<'a>> = None;
        let mut taken: Vec<Placed> = Vec::new();
        {
            let spoken = self.spoken.get(account).map(Vec::as_slice).unwrap_or_default();
            let mut spoken = spoken.iter().peekable();
            let mut queue = queue.of(account).peekable();
            for firing in self.free_slots(calendar) {
                let slot = firing.instant;
                while let Some((_, _, number)) = spoken.next_if(|(at, _, _)| *at <= slot) {
                    last_topic = self.topic(*number);
                }
                let once = Occurrence::once();
                // Slots only get later: a post that expires before this one has missed them all.
                let passes = |number: &usize| {
                    self.posts.get(*number).is_none_or(|post| post.expired_at(slot) || post.is_taken(account, &once))
                };
                while queue.next_if(passes).is_some() {}
                let (number, kind, occurrence) = if let Some(number) = queue.next() {
                    (number, Kind::Slot, once)
                } else {
                    let evergreens = evergreens.get_or_insert_with(|| self.evergreens(account, calendar, evergreen));
                    let occurrence = Occurrence::local(firing.local);
                    let free =
                        |number: usize| self.posts.get(number).is_some_and(|post| !post.is_taken(account, &occurrence));
                    match evergreens.take_for(slot, last_topic, free) {
                        Some(number) => (number, Kind::Evergreen, occurrence),
                        None => continue,
                    }
                };
                last_topic = self.topic(number);
                taken.push(Placed { at: slot, local: firing.local, kind, post: number, occurrence });
            }
        }
        for placed in taken.iter().filter(|placed| placed.kind == Kind::Slot) {
            if let Some(accounts) = self.slotted.get_mut(placed.post) {
                accounts.push(account);
            }
        }
        if let Some(placed) = self.placed.get_mut(account) {
            placed.append(&mut taken);
        }
    }

    fn evergreens(&self, account: usize, calendar: &AccountCalendar, evergreen: &Queues) -> Evergreens<'a> {
        Evergreens::new(evergreen.of(account).filter_map(|number| {
            let prepared = self.posts.get(number)?;
            Some(Candidate {
                number,
                topic: prepared.post.topic.as_ref(),
                last_used: self.history.last_used.get(&(calendar.name.clone(), prepared.post.id.clone())).copied(),
                expires: prepared.expires,
            })
        }))
    }

    /// The account's slots in the window that nothing has used, in order, each instant once.
    fn free_slots(&self, calendar: &AccountCalendar) -> Vec<Firing> {
        let mut slots: Vec<Firing> = calendar
            .slots
            .iter()
            .flat_map(|slot| slot.firings(self.zone, self.window.slots_from, self.window.until))
            .collect();
        slots.sort_unstable_by_key(|firing| (firing.instant, firing.local));
        slots.dedup_by_key(|firing| firing.instant);
        slots.retain(|firing| !self.history.slots_used.contains(&(calendar.name.clone(), firing.instant)));
        slots
    }

    fn topic(&self, number: usize) -> Option<&'a TopicId> {
        self.posts.get(number).and_then(|prepared| prepared.post.topic.as_ref())
    }

    fn in_order(self) -> Vec<Planned> {
        let mut all: Vec<(usize, Placed)> = self
            .placed
            .into_iter()
            .enumerate()
            .flat_map(|(account, placed)| placed.into_iter().map(move |placed| (account, placed)))
            .collect();
        all.sort_unstable_by_key(|(account, placed)| {
            let (at, rank, post) = placed.order();
            (at, *account, rank, post)
        });
        let mut planned = Vec::with_capacity(all.len());
        for (account, placed) in all {
            let (Some(calendar), Some(prepared)) = (self.accounts.get(account), self.posts.get(placed.post)) else {
                continue;
            };
            planned.push(Planned {
                at: placed.at,
                local: placed.local,
                account: calendar.name.clone(),
                post: prepared.post.id.clone(),
                occurrence: placed.occurrence,
                parts: prepared.post.parts.len(),
                kind: placed.kind,
                expires_at: prepared.expires.unwrap_or(placed.at + DEFAULT_EXPIRY),
            });
        }
        planned
    }
}
