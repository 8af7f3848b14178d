//! Which occurrences of an `every` post are the one said last, moved by an edit of its pattern: those nearer to it than
//! half the smallest step of the pattern. What the pattern itself still brings was not moved by anybody.

use std::collections::{HashMap, HashSet};

use chrono::{Duration, NaiveDateTime};
use chrono_tz::Tz;

use super::History;
use crate::core::ids::{AccountName, Occurrence};
use crate::core::post::{Post, When};
use crate::core::schedule::{Slot, resolve};

/// The step of a pattern that comes round more seldom, as far as this goes: half of it is looked back, see
/// [`super::History::said`].
const WEEK: Duration = Duration::days(7);

/// What was said last, by account and post.
pub(super) struct Moved<'a> {
    last: HashMap<(&'a str, &'a str), Last>,
    zone: Tz,
}

struct Last {
    /// Its nominal local time.
    local: NaiveDateTime,
    /// How near an occurrence must be to be that one, once that was asked for; none is where the pattern still brings it.
    reach: Option<Duration>,
}

impl<'a> Moved<'a> {
    pub(super) fn new(history: &'a History, zone: Tz) -> Self {
        // What is overdue has not been said, and may never be.
        let overdue: HashSet<_> =
            history.overdue.iter().map(|late| (&late.account, &late.post, &late.occurrence)).collect();
        let mut last: HashMap<(&str, &str), Last> = HashMap::new();
        for said in &history.said {
            if overdue.contains(&(&said.account, &said.post, &said.occurrence)) || said.occurrence.times().is_some() {
                continue;
            }
            let nominal: Option<NaiveDateTime> = said.occurrence.as_str().parse().ok();
            let local = nominal.unwrap_or_else(|| said.at.with_timezone(&zone).naive_local());
            let known = last.entry((said.account.as_str(), said.post.as_str())).or_insert(Last { local, reach: None });
            known.local = local.max(known.local);
        }
        Self { last, zone }
    }

    /// Whether the occurrence of `post` at `local` is the one that this account said last.
    pub(super) fn is_said(&mut self, account: &'a AccountName, post: &'a Post, local: NaiveDateTime) -> bool {
        let When::Every(slot) = &post.when else { return false };
        let Some(last) = self.last.get_mut(&(account.as_str(), post.id.as_str())) else { return false };
        let apart = (local - last.local).abs();
        let zone = self.zone;
        apart < WEEK / 2 && apart < *last.reach.get_or_insert_with(|| reach(slot, last.local, zone))
    }
}

/// Half the smallest step of a pattern around `last`, if it does not come round at `last` itself.
fn reach(slot: &Slot, last: NaiveDateTime, zone: Tz) -> Duration {
    let at = resolve(last, zone).instant;
    let (Some(from), Some(until)) = (at.checked_sub_signed(WEEK), at.checked_add_signed(WEEK)) else {
        return Duration::zero();
    };
    let times: Vec<NaiveDateTime> = slot.firings(zone, from, until).map(|firing| firing.local).collect();
    let is_its_own = times.iter().any(|time| Occurrence::local(*time) == Occurrence::local(last));
    let steps = times.windows(2).filter_map(|pair| Some(*pair.last()? - *pair.first()?));
    if is_its_own { Duration::zero() } else { steps.min().unwrap_or(WEEK).min(WEEK) / 2 }
}
