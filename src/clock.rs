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
use tokio::sync::Notify;

/// A source of time: the system's, one that tests set by hand, or the demo's, which flows and can be wound forward.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System { started: std::time::Instant },
    Hand(Arc<Hand>),
    Winding { started: std::time::Instant, ahead: Arc<Hand> },
}

#[derive(Debug, Default)]
struct Hand {
    wall_ms: AtomicI64,
    boot_ms: AtomicI64,
    moved: Notify,
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
        let hand = Hand { wall_ms: AtomicI64::new(now.timestamp_millis()), ..Hand::default() };
        Self(Kind::Hand(Arc::new(hand)))
    }

    /// The system's clock, which [`Clock::advance`] can wind forward: days of a campaign pass in a demo's minute.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the boot clock")]
    pub fn winding() -> Self {
        Self(Kind::Winding { started: std::time::Instant::now(), ahead: Arc::default() })
    }

    /// The wall clock, to the millisecond.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            Kind::System { .. } => millis(Utc::now().timestamp_millis()),
            Kind::Hand(hand) => millis(hand.wall_ms.load(Ordering::SeqCst)),
            Kind::Winding { ahead, .. } => millis(Utc::now().timestamp_millis() + ahead.wall_ms.load(Ordering::SeqCst)),
        }
    }

    /// Time since this clock was made, by the boot clock: never steps, never runs backwards.
    #[must_use]
    pub fn boot(&self) -> Duration {
        match &self.0 {
            Kind::System { started } => started.elapsed(),
            Kind::Hand(hand) => hand.boot(),
            Kind::Winding { started, ahead } => started.elapsed() + ahead.boot(),
        }
    }

    /// Lets time pass on a clock set by hand or a winding one; the system's own passes by itself and ignores it.
    pub fn advance(&self, by: Duration) {
        match &self.0 {
            Kind::System { .. } => {}
            Kind::Hand(hand) | Kind::Winding { ahead: hand, .. } => {
                let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
                hand.wall_ms.fetch_add(ms, Ordering::SeqCst);
                hand.boot_ms.fetch_add(ms, Ordering::SeqCst);
                hand.moved.notify_waiters();
            }
        }
    }

    /// Steps the wall clock of a clock set by hand, as an administrator or NTP would; its boot clock stays.
    pub fn step_to(&self, now: DateTime<Utc>) {
        if let Kind::Hand(hand) = &self.0 {
            hand.wall_ms.store(now.timestamp_millis(), Ordering::SeqCst);
            hand.moved.notify_waiters();
        }
    }

    /// Waits until `until`, or 1 s, whichever comes first: slices notice suspend and clock steps (DESIGN §7). Callers
    /// look at the clock again in a loop. On a clock set by hand it waits for the hand.
    pub async fn slice(&self, until: Option<DateTime<Utc>>) {
        let second = Duration::from_secs(1);
        let wait = until.map_or(second, |until| (until - self.now()).to_std().unwrap_or_default().min(second));
        match &self.0 {
            Kind::System { .. } => tokio::time::sleep(wait).await,
            Kind::Winding { ahead, .. } => {
                // Whichever comes first; both mean "look again".
                tokio::select! {
                    () = ahead.moved.notified() => {}
                    () = tokio::time::sleep(wait) => {}
                }
            }
            Kind::Hand(hand) => {
                let moved = hand.moved.notified();
                if until.is_none_or(|until| self.now() < until) {
                    // The second's cap holds here too: a hand that moved between two looks is noticed all the same.
                    tokio::select! {
                        () = moved => {}
                        () = tokio::time::sleep(second) => {}
                    }
                }
            }
        }
    }
}

impl Hand {
    fn boot(&self) -> Duration {
        Duration::from_millis(self.boot_ms.load(Ordering::SeqCst).unsigned_abs())
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
