//! From a nominal local time to the instant it means in a zone (DESIGN §7).
//!
//! Invariant: for one zone, a later local time never gives an earlier instant.

use chrono::{DateTime, Duration, LocalResult, NaiveDateTime, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

use crate::core::post::Moment;

/// Whether a clock change stood in the way of a local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shift {
    /// The zone's clock shows it once.
    None,
    /// The clock jumps over it; the first valid minute afterwards stands in.
    Gap,
    /// The clock shows it twice; the first pass counts.
    Overlap,
}

/// An instant, and what happened on the way to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The instant.
    pub instant: DateTime<Utc>,
    /// What the zone's clock does at that local time.
    pub shift: Shift,
}

/// Maps a local time to the zone: single → it; overlap → the earlier; gap → the first valid minute after it.
#[must_use]
pub fn resolve(local: NaiveDateTime, zone: Tz) -> Resolved {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(time) => Resolved { instant: time.to_utc(), shift: Shift::None },
        LocalResult::Ambiguous(first, _) => Resolved { instant: first.to_utc(), shift: Shift::Overlap },
        LocalResult::None => Resolved { instant: after_gap(local, zone), shift: Shift::Gap },
    }
}

/// Walks minute by minute to the end of the gap: at most a day's worth, and only on nights of a clock change.
fn after_gap(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    let minute = local.with_second(0).and_then(|time| time.with_nanosecond(0)).unwrap_or(local);
    (1..=25 * 60)
        .filter_map(|minutes| minute.checked_add_signed(Duration::minutes(minutes)))
        .find_map(|time| zone.from_local_datetime(&time).earliest())
        .map_or_else(|| local.and_utc(), |time| time.to_utc())
}

impl Moment {
    /// The instant this means; a local time is read in `zone`.
    #[must_use]
    pub fn resolve(self, zone: Tz) -> Resolved {
        match self {
            Moment::Local(local) => resolve(local, zone),
            Moment::Instant(instant) => Resolved { instant: instant.to_utc(), shift: Shift::None },
        }
    }
}
