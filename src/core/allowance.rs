//! How many statuses a server still lets one account create in its current window, learned from its headers (DESIGN §5,
//! law 4): with fewer left than are in flight, nothing more is armed.

use chrono::{DateTime, Utc};

/// What one account may still create.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    left: Option<(u64, DateTime<Utc>)>,
    in_flight: u64,
}

impl Allowance {
    /// Until when nothing more may be armed; `None`: something may.
    #[must_use]
    pub fn exhausted_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.left.filter(|(left, until)| *until > now && *left <= self.in_flight).map(|(_, until)| until)
    }

    /// One more is on its way.
    pub fn armed(&mut self) {
        self.in_flight += 1;
    }

    /// One has its outcome; `left` is what the server said: how many it still allows, and until when.
    pub fn ended(&mut self, left: Option<(u64, DateTime<Utc>)>) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if left.is_some() {
            self.left = left;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_more_is_armed_than_the_server_allows_and_a_new_window_allows_again() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let until = now + chrono::Duration::hours(1);
        let mut allowance = Allowance::default();
        assert_eq!(allowance.exhausted_until(now), None);
        allowance.armed();
        allowance.ended(Some((2, until)));
        allowance.armed();
        assert_eq!(allowance.exhausted_until(now), None);
        allowance.armed();
        assert_eq!(allowance.exhausted_until(now), Some(until));
        assert_eq!(allowance.exhausted_until(until), None);
        allowance.ended(Some((0, until)));
        assert_eq!(allowance.exhausted_until(now), Some(until));
    }
}
