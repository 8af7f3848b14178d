//! The walk over the window: posts with times of their own first, then slot by slot in time order over all accounts.
//!
//! Cost: a post is looked at once, plus once per account that reaches it and per time it comes round. A slot looks at
//! the head of its account's queue, and at what a rule put off lately, never at the whole of it.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;

use super::evergreen::{Candidate, Evergreens};
use super::late::{self, Fate, Late, Overdue};
use super::own_times::{self, Own, OwnTimes};
use super::pauses::Pauses;
use super::prepare::{Prepared, Queues};
use super::servers::Servers;
use super::timeline::Timeline;
use super::{AccountCalendar, Conflict, History, Idle, IdleSlot, Kind, Plan, Planned, Silenced, Window, waiting};
use crate::core::ids::{Occurrence, PostId, TopicId};
use crate::core::lateness::ON_TIME;
use crate::core::lateness::WhenLate;
use crate::core::post::{Post, When};
use crate::core::rules::Against;
use crate::core::schedule::resolve;

/// Everything one call of `plan` knows.
pub(super) struct Placing<'a> {
    pub(super) accounts: &'a [AccountCalendar],
    pub(super) zone: Tz,
    pub(super) window: Window,
    pub(super) history: &'a History,
    pub(super) pauses: Pauses<'a>,
    pub(super) posts: Vec<Prepared<'a>>,
}

/// One slot of one account in the window.
#[derive(Clone, Copy)]
struct Free {
    /// When it is used.
    at: DateTime<Utc>,
    account: usize,
    local: NaiveDateTime,
    nominal: DateTime<Utc>,
}

/// One occurrence on one account. Small, because a window may hold a million of them; [`Placing::planned`] says the rest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) at: DateTime<Utc>,
    pub(super) local: NaiveDateTime,
    pub(super) account: u32,
    /// Its post's number.
    pub(super) post: u32,
    pub(super) kind: Kind,
}

/// A number that is small because it counts posts or accounts, as a place in their list.
pub(super) fn index(small: u32) -> usize {
    usize::try_from(small).unwrap_or(usize::MAX)
}

/// Which occurrence one of this kind at this nominal local time is.
pub(super) fn occurrence(kind: Kind, local: NaiveDateTime) -> Occurrence {
    match kind {
        Kind::At | Kind::Slot => Occurrence::once(),
        Kind::Every | Kind::Evergreen => Occurrence::local(local),
    }
}

/// The order of kinds at one instant: own times before slots.
pub(super) fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::At => 0,
        Kind::Every => 1,
        Kind::Slot => 2,
        Kind::Evergreen => 3,
    }
}

/// What the walk over the slots found out.
#[derive(Default)]
pub(super) struct Walked {
    placed: Vec<Placed>,
    idle: Vec<IdleSlot>,
    /// Which accounts gave each post a slot in this window, in order.
    pub(super) slotted: Vec<Vec<usize>>,
    /// Why a post pinned to a slot does not stand there, by its number and account.
    pub(super) unpinned: HashMap<(usize, usize), String>,
}

/// One account during the walk.
struct Speaker<'a, 'q> {
    last_topic: Option<&'a TopicId>,
    queue: std::iter::Peekable<Box<dyn Iterator<Item = usize> + 'q>>,
    /// Posts of the queue that had to let a slot pass, in the order of the queue.
    put_off: Vec<usize>,
    /// Posts by the slot they are pinned to, in the order of the queue.
    pins: BTreeMap<NaiveDateTime, Vec<usize>>,
    evergreens: Option<Evergreens<'a>>,
    timeline: Timeline<'a>,
}

/// Who takes a slot.
enum Taker {
    Post(usize, Kind),
    Nobody(Idle),
}

impl<'a> Placing<'a> {
    pub(super) fn new<P: Borrow<Post>>(
        posts: &'a [P],
        accounts: &'a [AccountCalendar],
        zone: Tz,
        history: &'a History,
        window: Window,
    ) -> Self {
        let pauses = Pauses::new(&history.pauses, accounts);
        let in_slot = |one: &Overdue| one.kind == Kind::Slot && window.slots_from - one.due_at > ON_TIME;
        // What lets its slot go is free for the next.
        let mut freed: HashSet<(&str, &str)> = HashSet::new();
        if history.overdue.iter().any(in_slot) {
            for Late { what, fate } in
                late::forecast(history.overdue.clone(), history, &pauses, accounts, zone, window.slots_from)
            {
                if let Fate::TakesNextSlot(_) = fate {
                    let own = history.overdue.iter().find(|one| one.account == what.account && one.post == what.post);
                    freed.extend(own.map(|own| (own.account.as_str(), own.post.as_str())));
                }
            }
        }
        Self { accounts, zone, window, history, pauses, posts: Prepared::all(posts, accounts, zone, history, &freed) }
    }

    pub(super) fn run(self) -> Plan {
        let own = self.own_times();
        let late = self.late(&own);
        let timelines = self.timelines(&own, &late);
        let conflicts = own_times::conflicts(&own, &self.posts, self.accounts, &timelines, self.zone);
        let mut walked = self.walk(&own, timelines);
        let waiting = waiting::list(&self.posts, self.accounts, &walked, &self.pauses, self.zone, self.window);
        let is_to_come = |placed: &&Placed| self.window.slots_from <= placed.at;
        let placed = self.together(own, std::mem::take(&mut walked.placed));
        let (mut planned, mut paused) = (Vec::with_capacity(placed.len()), Vec::new());
        for placed in placed.iter().filter(is_to_come) {
            let Some(place) = self.planned(placed) else { continue };
            match self.pauses.of(index(placed.account), placed.at) {
                None => planned.push(place),
                Some(silence) => {
                    let late = self.posts.get(index(placed.post)).map_or(WhenLate::Send, |post| post.post.late.into());
                    paused.push(Silenced { planned: place, fate: silence.fate(placed.kind, late) });
                }
            }
        }
        Plan { planned, paused, repeated: Vec::new(), late, waiting, idle: walked.idle, conflicts }
    }

    /// What the window places, in time order, then by account; nothing beside it.
    pub(super) fn places(&self) -> Vec<Placed> {
        let own = self.own_times();
        let late = self.late(&own);
        let walked = self.walk(&own, self.timelines(&own, &late));
        self.together(own, walked.placed)
    }

    fn own_times(&self) -> Vec<Vec<Own>> {
        OwnTimes::new(&self.posts, self.accounts, self.zone, self.history, self.window, &self.pauses).find()
    }

    fn together(&self, own: Vec<Vec<Own>>, mut placed: Vec<Placed>) -> Vec<Placed> {
        placed.reserve_exact(own.iter().flatten().filter(|own| own.placed).count());
        for (account, own) in (0..).zip(own) {
            placed.extend(own.into_iter().filter(|own| own.placed).map(|own| {
                let Own { at, local, kind, post, placed: _, silent: _ } = own;
                Placed { at, local, account, post, kind }
            }));
        }
        placed.sort_unstable_by_key(|placed| (placed.at, placed.account, rank(placed.kind), placed.post));
        placed
    }

    /// All there is to say about one occurrence.
    pub(super) fn planned(&self, placed: &Placed) -> Option<Planned> {
        let calendar = self.accounts.get(index(placed.account))?;
        let prepared = self.posts.get(index(placed.post))?;
        let nominal = match placed.kind {
            Kind::At | Kind::Every => placed.at,
            Kind::Slot | Kind::Evergreen => resolve(placed.local, self.zone).instant,
        };
        Some(Planned {
            at: placed.at,
            local: placed.local,
            nominal,
            account: calendar.name.clone(),
            post: prepared.post.id.clone(),
            occurrence: occurrence(placed.kind, placed.local),
            parts: prepared.post.parts.len(),
            kind: placed.kind,
            expires_at: prepared.ends(placed.at),
        })
    }

    pub(super) fn conflicts(&self) -> Vec<Conflict> {
        let own = self.own_times();
        own_times::conflicts(&own, &self.posts, self.accounts, &self.timelines(&own, &[]), self.zone)
    }

    /// Gives each free slot to its pinned post, else to its account's queue, else to an evergreen post.
    fn walk(&self, own: &[Vec<Own>], timelines: Vec<Timeline<'a>>) -> Walked {
        let ready = |wanted: &When| {
            let fits = |prepared: &Prepared<'_>| {
                prepared.may_be_placed() && prepared.post.when == *wanted && prepared.pin().is_none()
            };
            Queues::new(&self.posts, self.accounts.len(), fits)
        };
        let (queue, evergreen) = (ready(&When::NextSlot), ready(&When::Evergreen));
        let pinned =
            Queues::new(&self.posts, self.accounts.len(), |prepared| prepared.pin().is_some() && !prepared.doubled);
        let mut speakers: Vec<Speaker<'a, '_>> = Vec::with_capacity(self.accounts.len());
        for ((account, calendar), timeline) in self.accounts.iter().enumerate().zip(timelines) {
            let boxed: Box<dyn Iterator<Item = usize> + '_> = Box::new(queue.of(account));
            let mut pins: BTreeMap<NaiveDateTime, Vec<usize>> = BTreeMap::new();
            for number in pinned.of(account) {
                if let Some(local) = self.posts.get(number).and_then(Prepared::pin) {
                    pins.entry(local).or_default().push(number);
                }
            }
            speakers.push(Speaker {
                last_topic: self.history.last_topic.get(&calendar.name),
                queue: boxed.peekable(),
                put_off: Vec::new(),
                pins,
                evergreens: None,
                timeline,
            });
        }
        let mut servers = self.servers();
        let mut walked = Walked { slotted: vec![Vec::new(); self.posts.len()], ..Walked::default() };
        let free = self.free_slots();
        // Nothing is chosen where no slot is free: then nobody asks what was spoken.
        let spoken = if free.is_empty() { Vec::new() } else { self.spoken(own) };
        let mut spoken = spoken.into_iter().peekable();
        for slot in free {
            while let Some((at, account, kind, post)) = spoken.next_if(|(at, ..)| *at <= slot.at) {
                let (account, number) = (index(account), index(post));
                let Some(prepared) = self.posts.get(number) else { continue };
                if let Some(speaker) = speakers.get_mut(account) {
                    speaker.last_topic = prepared.post.topic.as_ref();
                }
                servers.note_last((at, account, kind), &prepared.post.id);
                servers.note_words(at, account, number, prepared);
            }
            let Some(speaker) = speakers.get_mut(slot.account) else { continue };
            match self.taker(slot, speaker, &mut servers, &evergreen, &mut walked) {
                Taker::Post(number, kind) => {
                    let Some(prepared) = self.posts.get(number) else { continue };
                    speaker.last_topic = prepared.post.topic.as_ref();
                    speaker.timeline.give(slot.at, &prepared.post.id);
                    servers.note_last((slot.at, slot.account, rank(kind)), &prepared.post.id);
                    servers.note_words(slot.at, slot.account, number, prepared);
                    if kind == Kind::Slot
                        && let Some(accounts) = walked.slotted.get_mut(number)
                    {
                        accounts.push(slot.account);
                    }
                    if let (Ok(account), Ok(post)) = (u32::try_from(slot.account), u32::try_from(number)) {
                        walked.placed.push(Placed { at: slot.at, local: slot.local, account, post, kind });
                    }
                }
                Taker::Nobody(why) => {
                    if let Some(calendar) = self.accounts.get(slot.account) {
                        let account = calendar.name.clone();
                        walked.idle.push(IdleSlot { account, at: slot.at, local: slot.local, why });
                    }
                }
            }
        }
        for accounts in &mut walked.slotted {
            accounts.sort_unstable();
        }
        walked
    }

    fn taker(
        &self,
        slot: Free,
        speaker: &mut Speaker<'a, '_>,
        servers: &mut Servers<'a>,
        evergreen: &Queues,
        walked: &mut Walked,
    ) -> Taker {
        let Some(calendar) = self.accounts.get(slot.account) else { return Taker::Nobody(Idle::NothingWaits) };
        let pinned = speaker.pins.remove(&slot.local).unwrap_or_default();
        let silence = self.pauses.of(slot.account, slot.at).map(|silence| silence.against());
        let against = silence
            .or_else(|| calendar.rules.closed(slot.at, self.zone))
            .or_else(|| speaker.timeline.against_slot(slot.at));
        if let Some(against) = against {
            for number in pinned {
                walked
                    .unpinned
                    .insert((number, slot.account), format!("its slot is skipped: {against}; pin it to another"));
            }
            return Taker::Nobody(Idle::Skipped { against });
        }
        if let Some(taker) = self.pinned(slot, &pinned, servers, walked) {
            return taker;
        }
        let mut refused: Option<Against> = None;
        if let Some(number) = self.next_of_queue(slot, speaker, servers, &mut refused) {
            return Taker::Post(number, Kind::Slot);
        }
        let occurrence = Occurrence::local(slot.local);
        let mut twice: Option<usize> = None;
        let evergreens = speaker.evergreens.get_or_insert_with(|| self.evergreens(slot.account, calendar, evergreen));
        let taken = evergreens.take_for(slot.at, slot.local, speaker.last_topic, |number| {
            let Some(prepared) = self.posts.get(number) else { return false };
            if prepared.is_taken(slot.account, &occurrence) {
                return false;
            }
            if servers.was_last(slot.account, &prepared.post.id) {
                twice.get_or_insert(number);
                return false;
            }
            let against = servers.against(slot.at, slot.account, number, prepared);
            let is_free = against.is_none();
            refused = refused.take().or(against);
            is_free
        });
        match (taken, refused) {
            (Some(number), _) => Taker::Post(number, Kind::Evergreen),
            (None, Some(against)) => Taker::Nobody(Idle::Skipped { against }),
            (None, None) => {
                let twice = twice.or_else(|| evergreens.first_of(speaker.last_topic));
                let post = twice.and_then(|number| self.posts.get(number)).map(|twice| twice.post.id.clone());
                Taker::Nobody(post.map_or(Idle::NothingWaits, |post| Idle::Twice { post }))
            }
        }
    }

    /// The first of the posts pinned to this slot that may have it; the slot stays empty for one that is not ready.
    fn pinned(&self, slot: Free, pinned: &[usize], servers: &mut Servers<'a>, walked: &mut Walked) -> Option<Taker> {
        let mut taker: Option<Taker> = None;
        let mut holder: Option<&PostId> = None;
        for number in pinned {
            let Some(prepared) = self.posts.get(*number) else { continue };
            let once = Occurrence::once();
            if prepared.expired_at(slot.at) || prepared.is_taken(slot.account, &once) {
                continue;
            }
            if let Some(holder) = holder {
                let why = format!("{holder} is pinned to the same slot: pin it to another");
                walked.unpinned.insert((*number, slot.account), why);
                continue;
            }
            holder = Some(&prepared.post.id);
            taker = Some(if !prepared.may_be_placed() {
                Taker::Nobody(Idle::KeptFor { post: prepared.post.id.clone() })
            } else if let Some(against) = servers.against(slot.at, slot.account, *number, prepared) {
                let why = format!("its slot is skipped: {against}; pin it to another");
                walked.unpinned.insert((*number, slot.account), why);
                Taker::Nobody(Idle::Skipped { against })
            } else {
                Taker::Post(*number, Kind::Slot)
            });
        }
        taker
    }

    /// The first post of the account's queue that may stand here: one that had to let a slot pass comes before others.
    fn next_of_queue(
        &self,
        slot: Free,
        speaker: &mut Speaker<'a, '_>,
        servers: &mut Servers<'a>,
        refused: &mut Option<Against>,
    ) -> Option<usize> {
        let once = Occurrence::once();
        // Slots only get later: a post that expires before this one has missed them all.
        let passes = |number: usize| {
            self.posts.get(number).is_none_or(|post| post.expired_at(slot.at) || post.is_taken(slot.account, &once))
        };
        let mut against = |number: usize| {
            let against = self.posts.get(number).and_then(|post| servers.against(slot.at, slot.account, number, post));
            let refuses = against.is_some();
            *refused = refused.take().or(against);
            refuses
        };
        speaker.put_off.retain(|number| !passes(*number));
        if let Some(place) = speaker.put_off.iter().position(|number| !against(*number)) {
            return Some(speaker.put_off.remove(place));
        }
        loop {
            let number = speaker.queue.next()?;
            if passes(number) {
                continue;
            }
            if !against(number) {
                return Some(number);
            }
            speaker.put_off.push(number);
        }
    }

    fn evergreens(&self, account: usize, calendar: &AccountCalendar, evergreen: &Queues) -> Evergreens<'a> {
        Evergreens::new(evergreen.of(account).filter_map(|number| {
            let prepared = self.posts.get(number)?;
            let (post, key) = (prepared.post, (calendar.name.clone(), prepared.post.id.clone()));
            let uses = self.history.uses.get(&key).copied().unwrap_or_default();
            Some(Candidate {
                number,
                topic: post.topic.as_ref(),
                last_used: self.history.last_used.get(&key).copied(),
                cooldown_days: post.repeat.cooldown_days,
                from: prepared.from,
                expires: prepared.expires,
                left: post.repeat.times.map(|times| times.saturating_sub(uses)),
            })
        }))
    }

    /// All slots in the window that nothing has used, in the order of their use; each nominal instant of an account
    /// once.
    fn free_slots(&self) -> Vec<Free> {
        let mut free = Vec::new();
        for (account, calendar) in self.accounts.iter().enumerate() {
            // A slot before the window may be used within it, by as much as it can be delayed.
            let latest = calendar.longest_shift();
            let begin = self.window.slots_from.checked_sub_signed(latest).unwrap_or(self.window.slots_from);
            let mut slots: Vec<_> =
                calendar.slots.iter().flat_map(|slot| slot.firings(self.zone, begin, self.window.until)).collect();
            slots.sort_unstable_by_key(|firing| (firing.instant, firing.local));
            slots.dedup_by_key(|firing| firing.instant);
            let mut key = (calendar.name.clone(), DateTime::<Utc>::MIN_UTC);
            for firing in slots {
                let shift = calendar.rules.shift(&calendar.server, calendar.ahead, firing.local);
                let (at, local, nominal) = (firing.instant + shift, firing.local, firing.instant);
                key.1 = nominal;
                if self.window.slots_from <= at && at < self.window.until && !self.history.slots_used.contains(&key) {
                    free.push(Free { at, account, local, nominal });
                }
            }
        }
        free.sort_unstable_by_key(|slot| (slot.at, slot.account, slot.nominal));
        free
    }
}
