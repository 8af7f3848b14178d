//! When to look at the server after an attempt, and what a look means (DESIGN §5, laws 7 and 8). Pure: times in, the
//! next step out.

use chrono::{DateTime, Duration, Utc};

/// What the server does with our Idempotency-Key, as far as looking is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyed {
    /// The same key within its window cannot make a second status.
    Shared,
    /// Every POST may make a status.
    Keyless,
}

/// After an unclear attempt, in seconds; a keyless server gets a later look too.
const UNCLEAR: [i64; 3] = [5, 30, 120];
const UNCLEAR_KEYLESS: [i64; 4] = [5, 30, 120, 300];

/// After a clear yes that is not seen yet, in seconds.
const NOT_SEEN: [i64; 3] = [5, 60, 600];

/// After a resend on a keyless server, in seconds: is there a twin?
const TWIN: [i64; 4] = [30, 300, 1_800, 3_600];

/// The next look that is still to come, `None` when the last one is due or past: looks that were slept through
/// collapse into one.
fn next(schedule: &[i64], since: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    schedule.iter().map(|seconds| since + Duration::seconds(*seconds)).find(|at| *at > now)
}

/// The look after the one at `now` for an attempt made at `armed_at`; `None`: that one was the last.
#[must_use]
pub fn next_for_unclear(keyed: Keyed, armed_at: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match keyed {
        Keyed::Shared => next(&UNCLEAR, armed_at, now),
        Keyed::Keyless => next(&UNCLEAR_KEYLESS, armed_at, now),
    }
}

/// The next look at a status the server said yes to and does not show.
#[must_use]
pub fn next_for_sent(sent_at: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    next(&NOT_SEEN, sent_at, now)
}

/// The next look for a twin of a resent status.
#[must_use]
pub fn next_for_twin(resent_at: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    next(&TWIN, resent_at, now)
}

/// The first look after an unclear attempt.
#[must_use]
pub fn first_for_unclear(armed_at: DateTime<Utc>) -> DateTime<Utc> {
    armed_at + Duration::seconds(5)
}

/// The first look after a clear yes: late enough that one request sees many, early enough to be of use.
#[must_use]
pub fn first_for_sent(sent_at: DateTime<Utc>) -> DateTime<Utc> {
    sent_at + Duration::seconds(5)
}

/// For how long a twin may still appear.
#[must_use]
pub fn twin_until(resent_at: DateTime<Utc>) -> DateTime<Utc> {
    resent_at + Duration::hours(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_come_at_5_30_120_and_300_seconds_and_slept_through_ones_collapse() {
        let armed = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let after = |keyed, seconds| {
            let next = next_for_unclear(keyed, armed, armed + Duration::seconds(seconds));
            next.map(|at| (at - armed).num_seconds())
        };
        assert_eq!(after(Keyed::Shared, 5), Some(30));
        assert_eq!(after(Keyed::Shared, 31), Some(120));
        assert_eq!(after(Keyed::Shared, 120), None);
        assert_eq!(after(Keyed::Keyless, 120), Some(300));
        assert_eq!(after(Keyed::Keyless, 86_400), None);
    }
}
