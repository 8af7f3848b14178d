//! When an account stays silent of its own accord: start and end of the campaign, days off, blackouts, quiet hours, caps,
//! spacing; and how far its slots are shifted. All of it is off by default.
//!
//! Invariants: a shift only delays, and depends on nothing but server and nominal local time, so that `plan` shows what
//! will happen and accounts of one server keep their distance. Slots and evergreen posts obey these rules; posts with a
//! time of their own are only warned about. That is `plan`'s; nothing here knows a post's text.

use std::fmt;

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::core::ids::{AccountName, PostId};
use crate::core::post::Moment;

/// The longest spacing, jitter or stagger: what stands further apart than a day does not meet in planning.
pub const LONGEST: Duration = Duration::days(1);

/// For how long the same words on one server count against [`Rules::same_text_cap`].
pub const SAME_TEXT_FOR: Duration = Duration::days(1);

/// What one account keeps to; the campaign's settings, with the account's own in their place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// Nothing before this time.
    pub starts: Option<Moment>,
    /// Nothing at or after this time.
    pub ends: Option<Moment>,
    /// Whole days without a word, first and last included.
    pub days_off: Vec<(NaiveDate, NaiveDate)>,
    /// Stretches without a word: from the first time on, until before the second.
    pub blackouts: Vec<(Moment, Moment)>,
    /// Local times of day without a word, from the first until before the second; may run over midnight.
    pub quiet: Vec<(NaiveTime, NaiveTime)>,
    /// At most so many posts on one local day; threads and occurrences count once, replies do not.
    pub daily_cap: Option<u32>,
    /// Least time between two posts of the account, zero to [`LONGEST`].
    pub min_spacing: Duration,
    /// Slots are delayed by zero to this (exclusive), in whole seconds; zero to [`LONGEST`].
    pub jitter: Duration,
    /// Least time between two accounts of one server saying the same words, and how much later than the account before
    /// it each account of a server uses its slots; zero to [`LONGEST`].
    pub stagger: Duration,
    /// At most so many accounts of one server say the same words within [`SAME_TEXT_FOR`].
    pub same_text_cap: Option<u32>,
}

/// The rule that stands against a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "rule")]
pub enum Against {
    /// Before the campaign starts.
    NotStarted,
    /// The campaign has ended.
    Ended,
    /// A day off.
    DayOff,
    /// In a blackout.
    Blackout,
    /// In quiet hours.
    Quiet,
    /// Staff paused the account's posts.
    Paused {
        /// Why, in their words; may be empty.
        reason: String,
    },
    /// The day is full.
    DailyCap {
        /// How many posts a day may have.
        cap: u32,
    },
    /// Another post of the account is closer than the spacing.
    TooClose {
        /// That post.
        post: PostId,
        /// Seconds between the two.
        seconds: i64,
    },
    /// Another account of the server says the same words closer than the stagger, or too many of them did.
    SameText {
        /// That account, or the last of them.
        account: AccountName,
    },
}

impl fmt::Display for Against {
    /// The end of a sentence that begins with a time.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Against::NotStarted => f.write_str("before the campaign starts"),
            Against::Ended => f.write_str("after the campaign's end"),
            Against::DayOff => f.write_str("a day off"),
            Against::Blackout => f.write_str("in a blackout"),
            Against::Quiet => f.write_str("in quiet hours"),
            Against::Paused { reason } if reason.is_empty() => f.write_str("paused"),
            Against::Paused { reason } => write!(f, "paused: {reason}"),
            Against::DailyCap { cap } => write!(f, "over the daily cap of {cap}"),
            Against::TooClose { post, seconds: 0 } => write!(f, "at the same time as {post}"),
            Against::TooClose { post, seconds } => write!(f, "only {} from {post}", apart(*seconds)),
            Against::SameText { account } => write!(f, "too soon after {account} said the same on this server"),
        }
    }
}

/// `45 s`, `12 min`, `1 h 30 min`.
fn apart(seconds: i64) -> String {
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, _) => format!("{minutes} min"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

impl Rules {
    /// Whether it asks for nothing.
    #[must_use]
    pub fn is_off(&self) -> bool {
        *self == Rules::default()
    }

    /// What stands against a slot that is used late, at this instant: hours of silence, and what the account said last.
    #[must_use]
    pub fn late(&self, said: Option<&(DateTime<Utc>, PostId)>, at: DateTime<Utc>, zone: Tz) -> Option<Against> {
        let too_close = || {
            let (before, post) = said.filter(|(before, _)| at - *before < self.min_spacing)?;
            Some(Against::TooClose { post: post.clone(), seconds: (at - *before).num_seconds() })
        };
        self.closed(at, zone).or_else(too_close)
    }

    /// Whether the campaign is over at this instant.
    #[must_use]
    pub fn has_ended(&self, at: DateTime<Utc>, zone: Tz) -> bool {
        self.ends.is_some_and(|ends| ends.resolve(zone).instant <= at)
    }

    /// What stands against speaking at this instant, caps, spacing and words aside.
    #[must_use]
    pub fn closed(&self, at: DateTime<Utc>, zone: Tz) -> Option<Against> {
        if self.starts.is_some_and(|starts| at < starts.resolve(zone).instant) {
            return Some(Against::NotStarted);
        }
        if self.has_ended(at, zone) {
            return Some(Against::Ended);
        }
        if !self.days_off.is_empty() || !self.quiet.is_empty() {
            let local = at.with_timezone(&zone).naive_local();
            let (day, time) = (local.date(), local.time());
            if self.days_off.iter().any(|(first, last)| *first <= day && day <= *last) {
                return Some(Against::DayOff);
            }
            let is_quiet = |(from, until): &(NaiveTime, NaiveTime)| {
                if from <= until { *from <= time && time < *until } else { *from <= time || time < *until }
            };
            if self.quiet.iter().any(is_quiet) {
                return Some(Against::Quiet);
            }
        }
        let inside =
            |(from, until): &(Moment, Moment)| from.resolve(zone).instant <= at && at < until.resolve(zone).instant;
        self.blackouts.iter().any(inside).then_some(Against::Blackout)
    }

    /// How much later than its slot at this nominal local time an account of this server speaks. `ahead` accounts of
    /// the server come before it.
    #[must_use]
    pub fn shift(&self, server: &str, ahead: u32, local: NaiveDateTime) -> Duration {
        let range = u64::try_from(self.jitter.num_seconds()).unwrap_or_default();
        let jitter = if range == 0 { 0 } else { mixed(server, local) % range };
        let staggered = i32::try_from(ahead).ok().and_then(|ahead| self.stagger.checked_mul(ahead));
        Duration::seconds(i64::try_from(jitter).unwrap_or_default()) + staggered.unwrap_or_default()
    }
}

/// A number that looks thrown and never changes: FNV-1a over server and time, its bits then spread as `SplitMix64` does.
fn mixed(server: &str, local: NaiveDateTime) -> u64 {
    let time = local.and_utc().timestamp().to_le_bytes();
    let hash = server
        .bytes()
        .chain([0])
        .chain(time)
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::schedule::parse_moment;
    use chrono_tz::America::New_York;

    fn moment(written: &str) -> Moment {
        parse_moment(written).unwrap()
    }

    fn time(written: &str) -> NaiveTime {
        NaiveTime::parse_from_str(written, "%H:%M").unwrap()
    }

    #[track_caller]
    fn check(rules: &Rules, written: &str, expected: Option<Against>) {
        assert_eq!(rules.closed(moment(written).resolve(New_York).instant, New_York), expected, "{written}");
    }

    #[test]
    fn without_rules_every_time_is_open_and_no_slot_is_shifted() {
        let rules = Rules::default();
        check(&rules, "2026-12-25 03:00", None);
        assert_eq!(
            rules.shift("s", 7, moment("2026-12-25 03:00").resolve(New_York).instant.naive_utc()),
            Duration::zero()
        );
    }

    #[test]
    fn quiet_hours_run_over_midnight_and_end_with_their_last_minute() {
        let rules =
            Rules { quiet: vec![(time("22:00"), time("07:00")), (time("12:00"), time("13:00"))], ..Rules::default() };
        for (written, quiet) in [
            ("2026-11-03 21:59", false),
            ("2026-11-03 22:00", true),
            ("2026-11-04 06:59", true),
            ("2026-11-04 07:00", false),
            ("2026-11-04 12:30", true),
            ("2026-11-04 13:00", false),
        ] {
            check(&rules, written, quiet.then_some(Against::Quiet));
        }
    }

    #[test]
    fn start_end_days_off_and_blackouts_hold_to_the_minute() {
        let day = |written: &str| written.parse::<NaiveDate>().unwrap();
        let rules = Rules {
            starts: Some(moment("2026-11-01 09:00")),
            ends: Some(moment("2027-01-31 18:00")),
            days_off: vec![(day("2026-12-24"), day("2026-12-26"))],
            blackouts: vec![(moment("2026-12-31 18:00"), moment("2027-01-01 12:00"))],
            ..Rules::default()
        };
        for (written, expected) in [
            ("2026-11-01 08:59", Some(Against::NotStarted)),
            ("2026-11-01 09:00", None),
            ("2026-12-23 23:59", None),
            ("2026-12-24 00:00", Some(Against::DayOff)),
            ("2026-12-26 23:59", Some(Against::DayOff)),
            ("2026-12-27 00:00", None),
            ("2026-12-31 18:00", Some(Against::Blackout)),
            ("2027-01-01 12:00", None),
            ("2027-01-31 17:59", None),
            ("2027-01-31 18:00", Some(Against::Ended)),
        ] {
            check(&rules, written, expected);
        }
    }

    #[test]
    fn a_shift_is_always_the_same_within_its_range_and_keeps_accounts_of_a_server_apart() {
        let rules = Rules { jitter: Duration::minutes(10), stagger: Duration::minutes(7), ..Rules::default() };
        let monday = moment("2026-11-02 09:00").resolve(New_York).instant.naive_utc();
        let mut seen = std::collections::HashSet::new();
        for number in 0..2_000 {
            let local = monday + Duration::hours(number);
            let first = rules.shift("https://social.example", 0, local);
            assert!(Duration::zero() <= first && first < Duration::minutes(10), "{first}");
            assert_eq!(rules.shift("https://social.example", 0, local), first);
            assert_eq!(rules.shift("https://social.example", 2, local), first + Duration::minutes(14));
            seen.insert(first.num_seconds());
        }
        assert!(seen.len() > 500, "only {} different shifts", seen.len());
    }
}
