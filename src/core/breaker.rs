//! When a server is left alone: after three failures in a row nothing is armed for it, and after a pause a harmless GET
//! asks whether it is back. One breaker per server, shared by the accounts on it.

use chrono::{DateTime, Duration, Utc};

/// Failures in a row that open it.
const OPENS_AFTER: u32 = 3;

/// The first pause; each failure after that doubles it, up to [`LONGEST`].
const PAUSE: Duration = Duration::seconds(15);
const LONGEST: Duration = Duration::minutes(5);

/// What has been seen of one server lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    failures: u32,
    open_until: Option<DateTime<Utc>>,
}

/// What may be done with a server now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It works, as far as is known.
    Send,
    /// It failed, and the pause is over: ask it first.
    Ask,
    /// Leave it alone until then.
    Wait(DateTime<Utc>),
}

impl Breaker {
    /// What may be done at `now`.
    #[must_use]
    pub fn gate(&self, now: DateTime<Utc>) -> Gate {
        match self.open_until {
            None => Gate::Send,
            Some(until) if until > now => Gate::Wait(until),
            Some(_) => Gate::Ask,
        }
    }

    /// It answered as a server does, whatever it said.
    pub fn worked(&mut self) {
        *self = Self::default();
    }

    /// It could not be reached, or broke down over a request.
    pub fn failed(&mut self, now: DateTime<Utc>) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= OPENS_AFTER {
            let doublings = (self.failures - OPENS_AFTER).min(5);
            self.open_until = Some(now + (PAUSE * (1 << doublings)).min(LONGEST));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_open_it_a_pause_later_it_asks_and_one_answer_closes_it() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let mut breaker = Breaker::default();
        breaker.failed(now);
        breaker.failed(now);
        assert_eq!(breaker.gate(now), Gate::Send);
        breaker.failed(now);
        assert_eq!(breaker.gate(now), Gate::Wait(now + Duration::seconds(15)));
        assert_eq!(breaker.gate(now + Duration::seconds(15)), Gate::Ask);
        breaker.failed(now);
        assert_eq!(breaker.gate(now), Gate::Wait(now + Duration::seconds(30)));
        for _ in 0..100 {
            breaker.failed(now);
        }
        assert_eq!(breaker.gate(now), Gate::Wait(now + Duration::minutes(5)));
        breaker.worked();
        assert_eq!(breaker.gate(now), Gate::Send);
    }
}
