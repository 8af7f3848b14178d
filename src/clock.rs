//! Time and chance, the only place that reads either.
//!
//! Everything below the edge takes `now` and dice as parameters; jobs, cli and sandbox read a [`Clock`]. Two clocks
//! exist because one cannot be trusted alone: the wall clock says when a post is due and may be stepped; the boot
//! clock only counts up and says how old an armed record is.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A source of time: the system's, or one a test or the demo sets.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System { started: std::time::Instant },
    Hand(Arc<Hand>),
    /// Wall time runs `factor` times as fast as the system's, from `epoch`; waiting shrinks alike.
    Compressed { started: std::time::Instant, epoch: DateTime<Utc>, factor: u32 },
}

#[derive(Debug)]
struct Hand {
    wall_ms: AtomicI64,
    boot_ms: AtomicI64,
}

impl Clock {
    /// The machine's own clocks.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the boot clock")]
    pub fn system() -> Self {
        Self(Kind::System { started: std::time::Instant::now() })
    }

    /// A clock that moves only when told to.
    #[must_use]
    pub fn by_hand(now: DateTime<Utc>) -> Self {
        Self(Kind::Hand(Arc::new(Hand { wall_ms: AtomicI64::new(now.timestamp_millis()), boot_ms: AtomicI64::new(0) })))
    }

    /// A clock for the demo: starts at `epoch` and runs `factor` times as fast as the system's.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the boot clock")]
    pub fn compressed(epoch: DateTime<Utc>, factor: u32) -> Self {
        Self(Kind::Compressed { started: std::time::Instant::now(), epoch, factor: factor.max(1) })
    }

    /// The wall clock, to the millisecond.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
    pub fn now(&self) -> DateTime<Utc> {
        let exact = match &self.0 {
            Kind::System { .. } => Utc::now(),
            Kind::Hand(hand) => return millis(hand.wall_ms.load(Ordering::SeqCst)),
            Kind::Compressed { started, epoch, factor } => {
                let passed = started.elapsed().saturating_mul(*factor);
                *epoch + chrono::Duration::from_std(passed).unwrap_or_default()
            }
        };
        millis(exact.timestamp_millis())
    }

    /// Time since this clock was made, by the boot clock: never steps, never runs backwards.
    ///
    /// A compressed clock counts real time here, so that "armed less than 10 s ago" keeps its meaning.
    #[must_use]
    pub fn boot(&self) -> Duration {
        match &self.0 {
            Kind::System { started } | Kind::Compressed { started, .. } => started.elapsed(),
            Kind::Hand(hand) => Duration::from_millis(hand.boot_ms.load(Ordering::SeqCst).unsigned_abs()),
        }
    }

    /// Moves a hand-set clock forward; other clocks move by themselves and ignore it.
    pub fn advance(&self, by: Duration) {
        if let Kind::Hand(hand) = &self.0 {
            let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            hand.wall_ms.fetch_add(ms, Ordering::SeqCst);
            hand.boot_ms.fetch_add(ms, Ordering::SeqCst);
        }
    }

    /// Steps the wall clock of a hand-set clock, as an administrator or NTP would; the boot clock stays.
    pub fn step_to(&self, now: DateTime<Utc>) {
        if let Kind::Hand(hand) = &self.0 {
            hand.wall_ms.store(now.timestamp_millis(), Ordering::SeqCst);
        }
    }

    /// How long to sleep for `wall` to pass on this clock. Never more than 1 s, so that suspend and clock steps are
    /// noticed within a second (DESIGN §7).
    #[must_use]
    pub fn slice(&self, wall: Duration) -> Duration {
        let real = match &self.0 {
            Kind::Compressed { factor, .. } => wall / *factor,
            Kind::System { .. } => wall,
            // A hand-set clock does not pass by waiting; look again soon.
            Kind::Hand(_) => Duration::from_millis(5),
        };
        real.clamp(Duration::from_millis(1), Duration::from_secs(1))
    }
}

fn millis(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or(DateTime::UNIX_EPOCH)
}

/// Seeded chance: the same seed gives the same run.
#[derive(Debug)]
pub struct Dice(StdRng);

impl Dice {
    /// Dice that fall the same way for the same seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// Dice nobody can foresee.
    #[must_use]
    pub fn from_system() -> Self {
        Self(StdRng::from_os_rng())
    }

    /// A whole number below `end`; 0 when `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.0.random_range(0..end) }
    }

    /// 32 unforeseeable bytes, for secrets and keys.
    pub fn bytes(&mut self) -> [u8; 32] {
        self.0.random()
    }
}
