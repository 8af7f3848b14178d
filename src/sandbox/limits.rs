//! Counts requests in fixed windows and says what is left, as Mastodon does.
//!
//! Windows start at multiples of their length since 1970. What the answer tells is the window closest to its end;
//! creates and edits always tell their own window.

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat, Utc};

use super::endpoint::Endpoint;
use super::ids::AccountKey;
use super::profile::{By, Limits, Reset, Window};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Family {
    Api,
    Paging,
    Create,
    Media,
    Delete,
    Apps,
}

/// Who a window belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    Token(u64),
    Account(AccountKey),
    Anybody,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    counts: HashMap<(Family, Owner), (i64, u32)>,
}

/// What a window still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    pub(crate) reset: DateTime<Utc>,
    /// Seconds until then.
    pub(crate) wait: i64,
    pub(crate) over: bool,
}

impl Left {
    /// `X-RateLimit-Reset`, where it is told.
    pub(crate) fn reset_text(&self, told: Reset) -> Option<String> {
        match told {
            Reset::Time => Some(self.reset.to_rfc3339_opts(SecondsFormat::Micros, true)),
            Reset::Epoch => Some(self.reset.timestamp().to_string()),
            Reset::Untold | Reset::Silent | Reset::RetryAfter => None,
        }
    }
}

impl Counters {
    /// Counts one request and says what is left.
    pub(crate) fn count(&mut self, family: Family, owner: Owner, window: Window, now: DateTime<Utc>) -> Left {
        let started = start(window, now);
        let slot = self.counts.entry((family, owner)).or_insert((started, 0));
        if slot.0 != started {
            *slot = (started, 0);
        }
        slot.1 = slot.1.saturating_add(1);
        left(window, slot.1, now)
    }

    /// Says what is left without counting.
    pub(crate) fn peek(&self, family: Family, owner: Owner, window: Window, now: DateTime<Utc>) -> Left {
        let used =
            self.counts.get(&(family, owner)).filter(|slot| slot.0 == start(window, now)).map_or(0, |slot| slot.1);
        left(window, used, now)
    }

    /// Counts a request in every window it falls into; the one closest to its end is told.
    pub(crate) fn request(
        &mut self,
        limits: &Limits,
        endpoint: Endpoint,
        paged: bool,
        token: Option<u64>,
        account: Option<AccountKey>,
        now: DateTime<Utc>,
    ) -> Left {
        let by_account = account.map_or(Owner::Anybody, Owner::Account);
        let whose = token.filter(|_| limits.by == By::Token).map_or(Owner::Anybody, Owner::Token);
        let mut told = self.count(Family::Api, whose, limits.api, now);
        let also = if endpoint == Endpoint::Media {
            limits.media.map(|window| (Family::Media, by_account, window))
        } else if endpoint == Endpoint::Delete {
            limits.delete.map(|window| (Family::Delete, by_account, window))
        } else if endpoint == Endpoint::Apps {
            limits.apps.map(|window| (Family::Apps, Owner::Anybody, window))
        } else {
            limits.paging.filter(|_| paged).map(|window| (Family::Paging, by_account, window))
        };
        if let Some((family, owner, window)) = also {
            let other = self.count(family, owner, window, now);
            if (other.over && !told.over) || (other.over == told.over && other.remaining < told.remaining) {
                told = other;
            }
        }
        told
    }
}

fn start(window: Window, now: DateTime<Utc>) -> i64 {
    now.timestamp().div_euclid(i64::from(window.seconds.max(1)))
}

fn left(window: Window, used: u32, now: DateTime<Utc>) -> Left {
    let seconds = i64::from(window.seconds.max(1));
    let wait = seconds - now.timestamp().rem_euclid(seconds);
    let reset = now + chrono::Duration::seconds(wait);
    Left { limit: window.count, remaining: window.count.saturating_sub(used), reset, wait, over: used > window.count }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_fills_says_so_and_starts_again() {
        let mut counters = Counters::default();
        let window = Window { count: 2, seconds: 300 };
        let now = DateTime::from_timestamp_millis(1_800_000_060_250).unwrap();
        let mut count = |now| counters.count(Family::Api, Owner::Token(1), window, now);
        assert_eq!(count(now).remaining, 1);
        assert!(!count(now).over);
        let third = count(now);
        assert!(third.over);
        assert_eq!(third.reset_text(Reset::Time).as_deref(), Some("2027-01-15T08:05:00.250000Z"));
        assert_eq!(third.reset_text(Reset::Epoch).as_deref(), Some("1800000300"));
        assert_eq!(third.reset_text(Reset::Untold), None);
        assert_eq!(count(now + chrono::Duration::seconds(240)).remaining, 1);
    }
}
