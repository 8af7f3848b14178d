//! Whether our wall clock can be believed (DESIGN §7): it must not stand before something that happened, and must not
//! jump in a way the boot clock does not confirm. A clock in doubt is checked against the servers' own; so is any clock
//! before the first send of a run, because a machine may have come up with a wrong one.

use std::time::Duration as Span;

use chrono::{DateTime, Duration, Utc};

/// Steps smaller than this are everyday corrections (NTP), not doubts.
const STEP: Duration = Duration::seconds(90);

/// A server's clock confirms ours when they agree this well.
const AGREES: Duration = Duration::minutes(5);

/// What is remembered between two looks at the clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timekeeper {
    last: Option<(DateTime<Utc>, Span)>,
    doubted: bool,
    /// A server confirmed our clock since the program started.
    confirmed: bool,
}

/// Whether two clocks agree as well as clocks do that are both right.
#[must_use]
pub fn agree(one: DateTime<Utc>, other: DateTime<Utc>) -> bool {
    (one - other).abs() <= AGREES
}

impl Timekeeper {
    /// Looks at both clocks. `happened` is the newest instant of something that happened, by the ledger. `true`: the
    /// wall clock is in doubt, and nothing may be sent until a server confirms it.
    pub fn doubts(&mut self, wall: DateTime<Utc>, boot: Span, happened: Option<DateTime<Utc>>) -> bool {
        if let Some((last_wall, last_boot)) = self.last {
            let passed = Duration::from_std(boot.saturating_sub(last_boot)).unwrap_or(Duration::MAX);
            let jump = (wall - last_wall) - passed;
            // Suspend: the boot clock of this platform may stand still meanwhile; a server decides.
            self.doubted |= jump.abs() > STEP;
        }
        self.doubted |= happened.is_some_and(|happened| happened - wall > STEP);
        self.last = Some((wall, boot));
        self.doubted || !self.confirmed
    }

    /// Whether the last look left the wall clock in doubt.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        self.doubted
    }

    /// Whether a server agreed since the program started, and nothing spoke against the clock since.
    #[must_use]
    pub fn is_believed(&self) -> bool {
        self.confirmed && !self.doubted
    }

    /// A server said its time in passing: whether that is the first word that confirms ours. It settles no doubt. From
    /// then on a jump is seen, also when nothing is due for hours.
    pub fn overhear(&mut self, wall: DateTime<Utc>, boot: Span, server: DateTime<Utc>) -> bool {
        let first = !self.confirmed && !self.doubted && agree(wall, server);
        if first {
            self.confirmed = true;
            self.last = Some((wall, boot));
        }
        first
    }

    /// The servers tell no time: what nobody can check is believed, as long as nothing speaks against it.
    pub fn nobody_tells(&mut self) -> bool {
        self.confirmed |= !self.doubted;
        !self.doubted
    }

    /// A server said its time: whether it confirms ours. Once one did, another that disagrees proves nothing.
    pub fn hear(&mut self, wall: DateTime<Utc>, server: DateTime<Utc>) -> bool {
        if agree(wall, server) {
            self.doubted = false;
            self.confirmed = true;
        } else if !self.confirmed {
            self.doubted = true;
        }
        !self.doubted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn span(seconds: u64) -> Span {
        Span::from_secs(seconds)
    }

    #[test]
    fn a_clock_that_runs_is_believed_and_one_that_jumps_is_not_until_a_server_agrees() {
        let mut keeper = Timekeeper::default();
        assert!(keeper.hear(at(0), at(0)));
        assert!(!keeper.doubts(at(0), span(0), None));
        assert!(!keeper.doubts(at(3600), span(3600), None));
        assert!(keeper.doubts(at(10_000), span(3601), None), "ahead by a jump");
        assert!(!keeper.hear(at(10_000), at(3601)), "the server says otherwise");
        assert!(keeper.doubts(at(10_001), span(3602), None), "still in doubt");
        assert!(keeper.hear(at(10_001), at(9_900)));
        assert!(!keeper.doubts(at(10_002), span(3603), None));
        assert!(keeper.doubts(at(5_000), span(3604), None), "stepped back");
    }

    #[test]
    fn a_clock_behind_something_that_happened_is_in_doubt_from_the_start() {
        let mut keeper = Timekeeper::default();
        assert!(keeper.doubts(at(0), span(0), Some(at(86_400))));
        assert!(keeper.hear(at(0), at(30)));
        assert!(!keeper.doubts(at(0), span(0), Some(at(30))));
    }

    #[test]
    fn a_clock_nobody_confirmed_since_the_start_is_not_believed() {
        let mut keeper = Timekeeper::default();
        assert!(keeper.doubts(at(7_200), span(0), Some(at(0))), "nobody was asked");
        assert!(!keeper.is_in_doubt(), "and nobody said otherwise");
        assert!(!keeper.hear(at(7_200), at(0)), "the first server disagrees");
        assert!(keeper.is_in_doubt());
        assert!(keeper.hear(at(7_200), at(7_200)));
        assert!(keeper.hear(at(7_201), at(0)), "one server that is wrong is outvoted by one that agreed");
        assert!(!Timekeeper::default().overhear(at(0), span(0), at(400)));
        let mut keeper = Timekeeper::default();
        assert!(!keeper.is_believed(), "nobody said anything yet");
        assert!(keeper.overhear(at(0), span(0), at(200)));
        assert!(keeper.is_believed());
        assert!(keeper.doubts(at(14_400), span(60), None), "a jump before anything was due");
        assert!(Timekeeper::default().nobody_tells());
    }
}
