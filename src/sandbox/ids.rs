//! Ids as Mastodon hands them out, and times as it writes them.
//!
//! Invariant: ids of one sandbox only grow, also when the clock is set back. Outside they are opaque strings.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::profile::{Ids, NotificationIds};
use super::state::{NotificationRow, State};

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Outside it is a text that only [`State`] can write and read, because every server writes ids its own way.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(crate) u64);

        impl From<$name> for u64 {
            fn from(key: $name) -> u64 {
                key.0
            }
        }

        impl From<u64> for $name {
            fn from(number: u64) -> Self {
                Self(number)
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

/// The 62 letters and digits of a flake id.
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The 32 letters and digits of a ULID.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The 36 letters and digits of an aidx.
const SMALL: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// The first of January 2000, in milliseconds since 1970.
const MILLENNIUM: u128 = 946_684_800_000;

impl Ids {
    /// The id as this family writes it. Milliseconds come first in all of them; what follows grows only in a snowflake.
    pub(crate) fn write(self, key: u64) -> String {
        let (ms, sequence) = (u128::from(key >> 16), u128::from(key & 0xffff));
        // Looks like chance and is the same every time.
        let filler = key.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23).wrapping_mul(0xd6e8_feb8_6659_fd93);
        let wide = u128::from(filler);
        match self {
            Ids::Snowflake => key.to_string(),
            Ids::Ulid => digits(ms << 80 | wide << 16 | sequence, CROCKFORD, 26),
            Ids::Flake => digits(ms << 64 | (wide >> 16) << 16 | sequence, LETTERS, 1),
            Ids::Uuid => {
                let tail = (wide & 0x3fff_ffff_ffff) << 16 | sequence;
                let all = ms << 80 | 7 << 76 | (wide >> 52) << 64 | 2 << 62 | tail;
                let hex = format!("{all:032x}");
                let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
                format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
            }
            Ids::Aidx => {
                let since = digits(ms.saturating_sub(MILLENNIUM), SMALL, 8);
                format!("{since}0sbx{}", digits(sequence, SMALL, 4))
            }
            Ids::TimedHash => format!("{:010}{filler:016x}{key:016x}", ms / 1_000),
        }
    }

    /// The key an id stands for, if it can be one of this family's.
    pub(crate) fn read(self, text: &str) -> Option<u64> {
        let from_wide = |wide: u128, ms: u32| u64::try_from(wide >> ms << 16 | (wide & 0xffff)).ok();
        let key = match self {
            Ids::Snowflake => text.parse().ok(),
            Ids::Ulid => number(text, CROCKFORD).and_then(|wide| from_wide(wide, 80)),
            Ids::Flake => number(text, LETTERS).and_then(|wide| from_wide(wide, 64)),
            Ids::Uuid => u128::from_str_radix(&text.replace('-', ""), 16).ok().and_then(|wide| from_wide(wide, 80)),
            Ids::Aidx => {
                let part = |from: usize| text.get(from..from + if from == 0 { 8 } else { 4 });
                let since = part(0).and_then(|text| number(text, SMALL));
                let sequence = part(12).and_then(|text| number(text, SMALL));
                since.zip(sequence).and_then(|(since, sequence)| {
                    let ms = u64::try_from(since + MILLENNIUM).ok()?;
                    Some(ms << 16 | u64::try_from(sequence).ok()?)
                })
            }
            Ids::TimedHash => text.get(26..).and_then(|hex| u64::from_str_radix(hex, 16).ok()),
        };
        key.filter(|key| self.write(*key) == text)
    }
}

fn digits(mut number: u128, alphabet: &[u8], least: usize) -> String {
    let base = u128::try_from(alphabet.len()).unwrap_or(10);
    let mut text = Vec::new();
    while number > 0 || text.len() < least {
        let digit = usize::try_from(number % base).ok().and_then(|at| alphabet.get(at));
        text.push(digit.map_or('0', |letter| char::from(*letter)));
        number /= base;
    }
    text.into_iter().rev().collect()
}

fn number(text: &str, alphabet: &[u8]) -> Option<u128> {
    let base = u128::try_from(alphabet.len()).ok()?;
    text.bytes().try_fold(0_u128, |sum, letter| {
        let digit = alphabet.iter().position(|known| *known == letter)?;
        sum.checked_mul(base)?.checked_add(u128::try_from(digit).ok()?)
    })
}

impl State {
    /// The id of an account, a status or an attachment, as this server writes it.
    pub(crate) fn id(&self, key: impl Into<u64>) -> String {
        self.profile.ids.write(key.into())
    }

    /// The key behind an id; anything else is an id nobody has.
    pub(crate) fn key<K: From<u64>>(&self, id: &str) -> Option<K> {
        self.profile.ids.read(id).map(K::from)
    }

    /// The id of a notification, as this server writes it.
    pub(crate) fn notification_id(&self, row: &NotificationRow) -> Value {
        match self.profile.notification_ids {
            NotificationIds::Digits => json!(row.key.0.to_string()),
            NotificationIds::Number => json!(row.key.0),
            NotificationIds::LikeStatuses => json!(self.id(row.key)),
            NotificationIds::TimeTypeUuid => {
                json!(format!("{}/{}/{}", time(row.created_at), row.kind, Ids::Uuid.write(row.key.0)))
            }
        }
    }

    /// The key behind the id of a notification.
    pub(crate) fn notification_key(&self, id: &str) -> Option<u64> {
        match self.profile.notification_ids {
            NotificationIds::Digits | NotificationIds::Number => id.parse().ok(),
            NotificationIds::LikeStatuses => self.profile.ids.read(id),
            NotificationIds::TimeTypeUuid => id.rsplit('/').next().and_then(|uuid| Ids::Uuid.read(uuid)),
        }
    }

    /// A key for the next notification: a sequence of its own, or ids of their time.
    pub(crate) fn next_notification(&mut self, now: DateTime<Utc>) -> NotificationKey {
        match self.profile.notification_ids {
            NotificationIds::Digits | NotificationIds::Number => {
                self.last_notification += 1;
                NotificationKey(self.last_notification)
            }
            NotificationIds::LikeStatuses | NotificationIds::TimeTypeUuid => NotificationKey(self.ids.next(now)),
        }
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

    #[test]
    fn every_family_reads_its_own_ids_and_no_others() {
        let key = (1_800_000_000_123_u64 << 16) | 0x2a;
        let all = [Ids::Snowflake, Ids::Ulid, Ids::Flake, Ids::Uuid, Ids::Aidx, Ids::TimedHash];
        let written: Vec<String> = all.into_iter().map(|ids| ids.write(key)).collect();
        assert_eq!(written.iter().map(String::len).collect::<Vec<_>>(), [18, 26, 18, 36, 16, 42], "{written:?}");
        for (ids, own) in all.into_iter().zip(&written) {
            assert_eq!(ids.read(own), Some(key), "{own}");
            for other in written.iter().filter(|other| *other != own) {
                assert_eq!(ids.read(other), None, "{ids:?} {other}");
            }
            for odd in ["", "x", "-1", "é", "0000000000000000000000000000000000000000000000000000"] {
                assert_eq!(ids.read(odd), None, "{ids:?} {odd}");
            }
        }
    }

    #[test]
    fn the_order_of_opaque_ids_is_not_that_of_their_statuses() {
        let at = |sequence: u64| Ids::Ulid.write((1_800_000_000_123_u64 << 16) + sequence);
        assert!((0..20).any(|sequence| at(sequence) > at(sequence + 1)));
    }
}
