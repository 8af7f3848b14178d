//! How many statuses a server still lets one account create in its current window, learned from its headers (DESIGN §5,
//! law 4): with fewer left than are in flight, nothing more is armed.

use chrono::{DateTime, Duration, Utc};

/// The least wait after the server asked for one `n` times in a row: 2 s, 4 s, 8 s … up to 5 min.
const LONGEST: Duration = Duration::minutes(5);

/// What one account may still create. Whoever wants to arm reserves first, so that two who look at the same moment do
/// not both take the last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    left: Option<(u64, DateTime<Utc>)>,
    in_flight: u64,
    throttled: u32,
    asked_to_wait: Option<DateTime<Utc>>,
}

impl Allowance {
    /// Until when nothing more may be armed; `None`: something may.
    #[must_use]
    pub fn exhausted_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let spent = self.left.filter(|(left, until)| *until > now && *left <= self.in_flight).map(|(_, until)| until);
        spent.max(self.asked_to_wait.filter(|until| *until > now))
    }

    /// Takes one of what is left; it is in flight until [`Allowance::ended`] or [`Allowance::unused`].
    ///
    /// # Errors
    /// Until when there is none.
    pub fn reserve(&mut self, now: DateTime<Utc>) -> Result<(), DateTime<Utc>> {
        match self.exhausted_until(now) {
            Some(until) => Err(until),
            None => {
                self.in_flight += 1;
                Ok(())
            }
        }
    }

    /// What was reserved was not sent after all.
    pub fn unused(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// One has its outcome at `now`; `left` is what the server said: how many it still allows, and until when. Answers
    /// may come in another order than they were made: within one window the smallest number counts.
    pub fn ended(&mut self, left: Option<(u64, DateTime<Utc>)>, now: DateTime<Utc>) {
        self.unused();
        let Some((left, until)) = left else { return };
        self.throttled = 0;
        self.left = match self.left {
            Some((known, known_until)) if known_until > now => Some((known.min(left), known_until)),
            Some(_) | None => Some((left, until)),
        };
    }

    /// The server accepted something: it does not throttle us any more.
    pub fn accepted(&mut self) {
        self.throttled = 0;
        self.asked_to_wait = None;
    }

    /// The server asked us to wait at `now` for `wait`. Says until when: at least a little longer each time in a row,
    /// because a server whose window "ended long ago" would have us come back at once, for ever. `jitter` is a share
    /// from 0 to 1, so that many accounts do not come back together.
    pub fn throttled(&mut self, wait: Duration, jitter: f64, now: DateTime<Utc>) -> DateTime<Utc> {
        // Nothing is armed while it waits: what comes now was on its way already, and is no further failure.
        if self.asked_to_wait.is_none_or(|until| until <= now) {
            self.throttled = self.throttled.saturating_add(1);
        }
        let floor = (Duration::seconds(1) * (1 << self.throttled.min(9))).min(LONGEST);
        let wait = if wait >= floor { wait } else { floor + share(floor / 4, jitter) };
        let until = now + wait;
        self.asked_to_wait = self.asked_to_wait.max(Some(until));
        until
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a share of at most minutes, in milliseconds")]
#[expect(clippy::cast_precision_loss, reason = "a share of at most minutes, in milliseconds")]
fn share(of: Duration, share: f64) -> Duration {
    Duration::milliseconds((of.num_milliseconds() as f64 * share.clamp(0.0, 1.0)) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    #[test]
    fn nothing_more_is_armed_than_the_server_allows_and_a_new_window_allows_again() {
        let until = now() + Duration::hours(1);
        let mut allowance = Allowance::default();
        assert_eq!(allowance.reserve(now()), Ok(()));
        allowance.ended(Some((2, until)), now());
        assert_eq!(allowance.reserve(now()), Ok(()));
        assert_eq!(allowance.reserve(now()), Ok(()));
        assert_eq!(allowance.reserve(now()), Err(until));
        allowance.unused();
        assert_eq!(allowance.reserve(now()), Ok(()), "what was not sent is free again");
        assert_eq!(allowance.exhausted_until(until), None);
        allowance.ended(Some((0, until)), now());
        assert_eq!(allowance.reserve(now()), Err(until));
        assert_eq!(allowance.reserve(until), Ok(()));
    }

    #[test]
    fn answers_that_come_out_of_order_do_not_raise_what_is_left() {
        let until = now() + Duration::hours(1);
        let mut allowance = Allowance::default();
        for _ in 0..3 {
            allowance.reserve(now()).unwrap();
        }
        allowance.ended(Some((0, until)), now());
        allowance.ended(Some((2, until)), now());
        assert_eq!(allowance.exhausted_until(now()), Some(until));
        allowance.ended(Some((299, until + Duration::hours(3))), until);
        assert_eq!(allowance.exhausted_until(until), None);
    }

    #[test]
    fn a_wait_that_is_over_already_grows_and_a_true_one_is_kept() {
        let mut allowance = Allowance::default();
        let second = Duration::seconds(1);
        let mut at = now();
        let waits = |allowance: &mut Allowance, at: &mut DateTime<Utc>, wait| {
            let until = allowance.throttled(wait, 0.0, *at);
            (until - std::mem::replace(at, until)).num_seconds()
        };
        let grown: Vec<i64> = (0..10).map(|_| waits(&mut allowance, &mut at, second)).collect();
        assert_eq!(grown, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(waits(&mut allowance, &mut at, Duration::hours(1)), 3_600);
        assert_eq!(allowance.reserve(at - second), Err(at));
        allowance.accepted();
        assert_eq!(waits(&mut allowance, &mut at, second), 2);
        let mut jittered = Allowance::default();
        assert_eq!((jittered.throttled(second, 1.0, now()) - now()).num_milliseconds(), 2_500);
    }

    #[test]
    fn eight_that_were_on_their_way_together_are_one_failure() {
        let mut allowance = Allowance::default();
        for _ in 0..8 {
            let until = allowance.throttled(Duration::seconds(20), 0.0, now());
            assert_eq!(until - now(), Duration::seconds(20));
        }
        let next = now() + Duration::seconds(20);
        assert_eq!(
            allowance.throttled(Duration::seconds(1), 0.0, next) - next,
            Duration::seconds(4),
            "the second in a row"
        );
    }
}
