//! Ids as Mastodon hands them out, and times as it writes them.
//!
//! Invariant: ids of one sandbox only grow, also when the clock is set back. Outside they are opaque strings.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(crate) u64);

        impl $name {
            /// Reads an id from a path or a parameter; anything but digits is an id nobody has.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                text.parse().ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }
    };
}

key! {
    /// An account of the sandbox.
    AccountKey
}
key! {
    /// A status of the sandbox.
    StatusKey
}
key! {
    /// An uploaded attachment.
    MediaKey
}
key! {
    /// A notification; counted from a sequence of its own, as Mastodon does.
    NotificationKey
}

/// Hands out ids: milliseconds since 1970 in the upper bits, a sequence in the lower sixteen.
#[derive(Debug, Default)]
pub(crate) struct Snowflakes {
    last: u64,
}

impl Snowflakes {
    pub(crate) fn next(&mut self, now: DateTime<Utc>) -> u64 {
        let by_time = u64::try_from(now.timestamp_millis()).unwrap_or(0) << 16;
        self.last = by_time.max(self.last + 1);
        self.last
    }
}

/// `2026-11-22T09:00:00.000Z`, as every time in an entity.
pub(crate) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_even_when_the_clock_goes_back() {
        let mut ids = Snowflakes::default();
        let noon = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let first = ids.next(noon);
        let second = ids.next(noon);
        let third = ids.next(noon - chrono::Duration::hours(1));
        assert!(first < second && second < third);
    }
}
