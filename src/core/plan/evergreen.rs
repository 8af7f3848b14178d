//! Which evergreen post takes a slot nobody else wants: least recently used first, rested, not the topic just spoken.
//!
//! Posts that may be said stand in one row per topic, each row in order of last use, so that a slot looks at the heads
//! of few rows. Those that rest, or whose time has not come, stand aside in order of their waking.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDateTime, Utc};

use super::EVERGREEN_COOLDOWN_DAYS;
use crate::core::ids::TopicId;

/// Never used comes before used, used long ago before lately, then the order of the queue.
type Turn = (Option<NaiveDateTime>, usize);

/// One evergreen post as one account sees it.
pub(super) struct Candidate<'a> {
    /// Its number among the posts.
    pub(super) number: usize,
    /// What it is about.
    pub(super) topic: Option<&'a TopicId>,
    /// The nominal local time at which this account last said it.
    pub(super) last_used: Option<NaiveDateTime>,
    /// Days it rests then; `None`: the usual.
    pub(super) cooldown_days: Option<u32>,
    /// It takes no slot before this instant.
    pub(super) from: Option<DateTime<Utc>>,
    /// It takes no slot at or after this instant.
    pub(super) expires: Option<DateTime<Utc>>,
    /// How often it may still come round; `None`: for ever.
    pub(super) left: Option<u32>,
}

impl Candidate<'_> {
    /// From which nominal local time on it may be said again. Counted in days on the wall, so that a clock change does
    /// not make a rest an hour too long.
    fn wakes(&self) -> Option<NaiveDateTime> {
        let days = Days::new(u64::from(self.cooldown_days.unwrap_or(EVERGREEN_COOLDOWN_DAYS)));
        Some(self.last_used?.checked_add_days(days).unwrap_or(NaiveDateTime::MAX))
    }
}

/// The evergreen posts of one account. Slots must be asked for in time order.
pub(super) struct Evergreens<'a> {
    /// By their place in the order of the queue.
    all: Vec<Candidate<'a>>,
    rows: BTreeMap<Option<&'a TopicId>, BTreeSet<Turn>>,
    /// The head of every row that has one.
    heads: BTreeSet<(Turn, Option<&'a TopicId>)>,
    /// Those that rest, by when they wake.
    resting: BTreeSet<(NaiveDateTime, usize)>,
    /// Those whose time has not come, by when it does.
    asleep: BTreeSet<(DateTime<Utc>, usize)>,
    /// Those in a row that expire, in that order.
    expiring: BTreeSet<(DateTime<Utc>, usize)>,
}

impl<'a> Evergreens<'a> {
    /// `candidates` in the order of the queue.
    pub(super) fn new(candidates: impl Iterator<Item = Candidate<'a>>) -> Self {
        let all: Vec<Candidate<'a>> = candidates.filter(|candidate| candidate.left != Some(0)).collect();
        let mut evergreens = Self {
            all,
            rows: BTreeMap::new(),
            heads: BTreeSet::new(),
            resting: BTreeSet::new(),
            asleep: BTreeSet::new(),
            expiring: BTreeSet::new(),
        };
        for place in 0..evergreens.all.len() {
            match evergreens.all.get(place).and_then(|candidate| candidate.from) {
                Some(from) => {
                    evergreens.asleep.insert((from, place));
                }
                None => evergreens.rest(place),
            }
        }
        evergreens
    }

    /// Chooses for the slot used at this instant, at this nominal local time, and notes the use; `None` when nobody
    /// fits. `free` says whether the post of a number may appear there.
    pub(super) fn take_for(
        &mut self,
        at: DateTime<Utc>,
        local: NaiveDateTime,
        last_topic: Option<&TopicId>,
        mut free: impl FnMut(usize) -> bool,
    ) -> Option<usize> {
        self.wake(at, local);
        let mut best: Option<(Turn, Option<&'a TopicId>)> = None;
        for (head, topic) in &self.heads {
            // No row holds anything before its head.
            if best.is_some_and(|(turn, _)| turn <= *head) {
                break;
            }
            if topic.is_some() && topic.as_deref() == last_topic {
                continue;
            }
            let fits = |turn: &&Turn| {
                self.all.get(turn.1).is_some_and(|candidate| {
                    // Shifted slots may come a little out of the order of their local times.
                    candidate.wakes().is_none_or(|wakes| wakes <= local) && free(candidate.number)
                })
            };
            let found = self.rows.get(topic).and_then(|row| row.iter().find(fits));
            if let Some(turn) = found.filter(|turn| best.is_none_or(|(before, _)| **turn < before)) {
                best = Some((*turn, *topic));
            }
        }
        let (turn, _) = best?;
        self.leave(turn.1);
        let candidate = self.all.get_mut(turn.1)?;
        candidate.last_used = Some(local);
        candidate.left = candidate.left.map(|left| left.saturating_sub(1));
        let number = candidate.number;
        if candidate.left != Some(0) {
            self.rest(turn.1);
        }
        Some(number)
    }

    /// The first that would fit but for its topic, when that is this one.
    pub(super) fn first_of(&self, topic: Option<&TopicId>) -> Option<usize> {
        let (turn, _) = self.heads.iter().find(|(_, own)| own.is_some() && own.as_deref() == topic)?;
        self.all.get(turn.1).map(|candidate| candidate.number)
    }

    /// Lets those in whose time has come or whose rest is over, and those out that have expired.
    fn wake(&mut self, at: DateTime<Utc>, local: NaiveDateTime) {
        while let Some(&(from, place)) = self.asleep.first().filter(|(from, _)| *from <= at) {
            self.asleep.remove(&(from, place));
            self.rest(place);
        }
        while let Some(&(wakes, place)) = self.resting.first().filter(|(wakes, _)| *wakes <= local) {
            self.resting.remove(&(wakes, place));
            self.enter(place);
        }
        while let Some(&(_, place)) = self.expiring.first().filter(|(expires, _)| *expires <= at) {
            self.leave(place);
        }
    }

    /// Stands aside until its rest is over; one that was never used goes to its row at once.
    fn rest(&mut self, place: usize) {
        match self.all.get(place).and_then(Candidate::wakes) {
            Some(wakes) => {
                self.resting.insert((wakes, place));
            }
            None => self.enter(place),
        }
    }

    fn enter(&mut self, place: usize) {
        let Some(candidate) = self.all.get(place) else { return };
        let (turn, topic, expires) = ((candidate.last_used, place), candidate.topic, candidate.expires);
        self.change(topic, |row| {
            row.insert(turn);
        });
        self.expiring.extend(expires.map(|expires| (expires, place)));
    }

    fn leave(&mut self, place: usize) {
        let Some(candidate) = self.all.get(place) else { return };
        let (turn, topic, expires) = ((candidate.last_used, place), candidate.topic, candidate.expires);
        self.change(topic, |row| {
            row.remove(&turn);
        });
        if let Some(expires) = expires {
            self.expiring.remove(&(expires, place));
        }
    }

    /// Changes a row and keeps its head in step.
    fn change(&mut self, topic: Option<&'a TopicId>, change: impl FnOnce(&mut BTreeSet<Turn>)) {
        let row = self.rows.entry(topic).or_default();
        let before = row.first().copied();
        change(row);
        let after = row.first().copied();
        if before != after {
            if let Some(turn) = before {
                self.heads.remove(&(turn, topic));
            }
            if let Some(turn) = after {
                self.heads.insert((turn, topic));
            }
        }
    }
}
