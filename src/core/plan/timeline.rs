//! What stands on one account around a slot: how close its neighbours are, and how full its day is.

use std::collections::HashMap;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use chrono_tz::Tz;

use crate::core::ids::PostId;
use crate::core::rules::{Against, Rules};

/// One account's occurrences, as far as its rules ask for them; without such rules it stays empty.
pub(super) struct Timeline<'a> {
    rules: &'a Rules,
    zone: Tz,
    /// What does not give way to slots: said already, or at a time of its own. In order.
    fixed: Vec<(DateTime<Utc>, &'a PostId)>,
    /// The last slot that was given away.
    last_slot: Option<(DateTime<Utc>, &'a PostId)>,
    /// Occurrences by local day.
    days: HashMap<NaiveDate, u32>,
}

impl<'a> Timeline<'a> {
    pub(super) fn new(rules: &'a Rules, zone: Tz, fixed: impl Iterator<Item = (DateTime<Utc>, &'a PostId)>) -> Self {
        let mut timeline = Self { rules, zone, fixed: Vec::new(), last_slot: None, days: HashMap::new() };
        if timeline.is_used() {
            timeline.fixed = fixed.collect();
            timeline.fixed.sort_unstable();
            for place in 0..timeline.fixed.len() {
                if let Some((at, _)) = timeline.fixed.get(place) {
                    timeline.count(*at);
                }
            }
        }
        timeline
    }

    fn is_used(&self) -> bool {
        self.rules.min_spacing > Duration::zero() || self.rules.daily_cap.is_some()
    }

    fn day(&self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.zone).date_naive()
    }

    fn count(&mut self, at: DateTime<Utc>) {
        if self.rules.daily_cap.is_some() {
            *self.days.entry(self.day(at)).or_default() += 1;
        }
    }

    /// Notes that a slot was given to a post.
    pub(super) fn give(&mut self, at: DateTime<Utc>, post: &'a PostId) {
        if self.is_used() {
            self.last_slot = Some((at, post));
            self.count(at);
        }
    }

    /// What stands against one more occurrence at this instant.
    pub(super) fn against_slot(&self, at: DateTime<Utc>) -> Option<Against> {
        if !self.is_used() {
            return None;
        }
        let after = self.fixed.partition_point(|(fixed, _)| *fixed < at);
        let before = after.checked_sub(1).and_then(|place| self.fixed.get(place));
        let neighbours = before.into_iter().chain(self.fixed.get(after)).chain(&self.last_slot);
        let nearest = neighbours.map(|(other, post)| ((at - *other).abs(), *post)).min();
        let too_close = nearest.filter(|(apart, _)| *apart < self.rules.min_spacing);
        if let Some((apart, post)) = too_close {
            return Some(Against::TooClose { post: post.clone(), seconds: apart.num_seconds() });
        }
        let cap = self.rules.daily_cap?;
        let full = self.days.get(&self.day(at)).is_some_and(|count| *count >= cap);
        full.then_some(Against::DailyCap { cap })
    }

    /// What stands against the post that is fixed at this instant, among those fixed before it.
    pub(super) fn against_fixed(&self, at: DateTime<Utc>, post: &PostId) -> Option<Against> {
        if !self.is_used() {
            return None;
        }
        let here = self.fixed.partition_point(|(fixed, other)| (*fixed, *other) < (at, post));
        let before = here.checked_sub(1).and_then(|place| self.fixed.get(place));
        if let Some((other, neighbour)) = before.filter(|(other, _)| at - *other < self.rules.min_spacing) {
            return Some(Against::TooClose { post: (*neighbour).clone(), seconds: (at - *other).num_seconds() });
        }
        let cap = self.rules.daily_cap?;
        let day = self.day(at);
        let cap_places = usize::try_from(cap).unwrap_or(usize::MAX);
        // The day is full when the post that many places before it stands on the same day.
        let filling = here.checked_sub(cap_places).and_then(|place| self.fixed.get(place));
        filling.filter(|(other, _)| self.day(*other) == day).map(|_| Against::DailyCap { cap })
    }
}
