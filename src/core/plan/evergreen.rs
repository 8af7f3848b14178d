//! Which evergreen post takes a slot nobody else wants: least recently used first, rested, not the topic just spoken.
//!
//! Posts stand in one row per topic, each row in order of last use, so that a slot looks at the heads of two rows.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::EVERGREEN_COOLDOWN;
use crate::core::ids::TopicId;

/// Never used comes before used, used long ago before lately, then file order.
type Turn = (Option<DateTime<Utc>>, usize);

/// One evergreen post as one account sees it.
pub(super) struct Candidate<'a> {
    /// Its place in the file order.
    pub(super) number: usize,
    /// What it is about.
    pub(super) topic: Option<&'a TopicId>,
    /// When this account last said it.
    pub(super) last_used: Option<DateTime<Utc>>,
    /// It takes no slot at or after this instant.
    pub(super) expires: Option<DateTime<Utc>>,
}

/// The evergreen posts of one account. Slots must be asked for in time order.
pub(super) struct Evergreens<'a> {
    rows: BTreeMap<Option<&'a TopicId>, BTreeSet<Turn>>,
    /// The head of every row that has one.
    heads: BTreeSet<(Turn, Option<&'a TopicId>)>,
    /// In order of expiry; those past are taken out of their rows.
    expiring: BTreeSet<(DateTime<Utc>, Turn, Option<&'a TopicId>)>,
    expires: BTreeMap<usize, DateTime<Utc>>,
}

impl<'a> Evergreens<'a> {
    pub(super) fn new(candidates: impl Iterator<Item = Candidate<'a>>) -> Self {
        let mut all =
            Self { rows: BTreeMap::new(), heads: BTreeSet::new(), expiring: BTreeSet::new(), expires: BTreeMap::new() };
        for Candidate { number, topic, last_used, expires } in candidates {
            if let Some(expires) = expires {
                all.expires.insert(number, expires);
            }
            all.insert((last_used, number), topic);
        }
        all
    }

    /// Chooses for the slot at this instant and notes the use; `None` when nobody fits. `free` says whether a post
    /// may still appear there.
    pub(super) fn take_for(
        &mut self,
        slot: DateTime<Utc>,
        last_topic: Option<&TopicId>,
        free: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        self.drop_expired(slot);
        let rested = |turn: &Turn| {
            turn.0.is_none_or(|used| used.checked_add_signed(EVERGREEN_COOLDOWN).is_some_and(|again| again <= slot))
        };
        let (turn, topic) = self
            .heads
            .iter()
            .take_while(|(turn, _)| rested(turn))
            .filter(|(_, topic)| topic.is_none() || topic.as_deref() != last_topic)
            // Nearly always the head is free; else the best of its row that is.
            .filter_map(|(_, topic)| {
                let row = self.rows.get(topic)?;
                row.iter().take_while(|turn| rested(turn)).find(|turn| free(turn.1)).map(|turn| (*turn, *topic))
            })
            .min_by_key(|(turn, _)| *turn)?;
        self.remove(turn, topic);
        self.insert((Some(slot), turn.1), topic);
        Some(turn.1)
    }

    fn drop_expired(&mut self, slot: DateTime<Utc>) {
        while let Some(&(expires, turn, topic)) = self.expiring.first() {
            if slot < expires {
                break;
            }
            self.remove(turn, topic);
        }
    }

    fn insert(&mut self, turn: Turn, topic: Option<&'a TopicId>) {
        self.change(topic, |row| {
            row.insert(turn);
        });
        if let Some(expires) = self.expires.get(&turn.1) {
            self.expiring.insert((*expires, turn, topic));
        }
    }

    fn remove(&mut self, turn: Turn, topic: Option<&'a TopicId>) {
        self.change(topic, |row| {
            row.remove(&turn);
        });
        if let Some(expires) = self.expires.get(&turn.1) {
            self.expiring.remove(&(*expires, turn, topic));
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
