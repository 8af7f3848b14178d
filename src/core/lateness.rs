//! Whether a due delivery may leave now (DESIGN §7): on time, late at once, late at a pace, held, or expired. Judged at
//! the first attempt of part 1; what follows part 1 is not late.

use chrono::{DateTime, Duration, Utc};

use crate::core::plan::Kind;
use crate::core::post::Late;

/// Up to this it is on time.
pub const ON_TIME: Duration = Duration::seconds(60);

/// How the reason begins of a row that lets its slot go.
pub const MISSED_ITS_SLOT: &str = "it missed its slot";

/// Why a late post is held that asks for it.
const ASKS_TO_BE_HELD: &str = "it is more than 15 min late, and says `late: hold`";
/// Why a late post is held after an outage.
const AFTER_AN_OUTAGE: &str = "three late posts went out after the outage; release it if it should still go";
/// How the reason begins of a post that is held because its time passed in a pause.
pub const PASSED_IN_A_PAUSE: &str = "its time passed while posts were paused";

/// Whether a row is held for nothing but its time: with a new time to come it goes.
#[must_use]
pub fn is_held_for_its_time(reason: &str) -> bool {
    [ASKS_TO_BE_HELD, AFTER_AN_OUTAGE, PASSED_IN_A_PAUSE].iter().any(|why| reason.starts_with(why))
}

/// Whether what stands in a slot, of this kind, is too late to be sent whatever the hour: nobody was promised this
/// minute, so the rules of its account are asked again. What a person released goes.
#[must_use]
pub fn asks_again(kind: Kind, late: WhenLate, due_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    let takes_slots = match kind {
        Kind::Slot | Kind::Evergreen => true,
        Kind::At | Kind::Every => false,
    };
    takes_slots && late != WhenLate::Released && now - due_at > ON_TIME
}

/// Up to this it is as good as on time, as far as staff are concerned.
pub const SENT_AT_ONCE: Duration = Duration::minutes(15);

/// Least time between two late posts of one account.
pub const LATE_PACE: Duration = Duration::minutes(5);

/// Late posts after one outage; the rest is held.
pub const LATE_AT_MOST: i64 = 3;

/// What a delivery does when it is late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenLate {
    /// It is sent, at a pace, while it has not expired.
    Send,
    /// It waits for a person.
    Hold,
    /// It expires.
    Skip,
    /// A person said go, whatever the hour.
    Released,
}

impl WhenLate {
    /// Every way.
    pub const ALL: [WhenLate; 4] = [WhenLate::Send, WhenLate::Hold, WhenLate::Skip, WhenLate::Released];

    /// The word the ledger uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            WhenLate::Send => "send",
            WhenLate::Hold => "hold",
            WhenLate::Skip => "skip",
            WhenLate::Released => "released",
        }
    }

    /// The way with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<WhenLate> {
        WhenLate::ALL.into_iter().find(|way| way.as_str() == word)
    }
}

impl From<Late> for WhenLate {
    fn from(wish: Late) -> Self {
        match wish {
            Late::Send => WhenLate::Send,
            Late::Hold => WhenLate::Hold,
            Late::Skip => WhenLate::Skip,
        }
    }
}

/// What is known of a due delivery and its account.
#[derive(Clone, Copy, Debug)]
pub struct Due {
    /// When it was to go out.
    pub due_at: DateTime<Utc>,
    /// From when on it is not sent.
    pub expires_at: Option<DateTime<Utc>>,
    /// What it does when it is late.
    pub late: WhenLate,
    /// Late posts of the account in the last six hours.
    pub late_sent: i64,
    /// When the last of them left.
    pub last_late: Option<DateTime<Utc>>,
}

/// What to do with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Send it; it counts as in time.
    Go,
    /// Send it; it counts as late.
    GoLate,
    /// Another late post left less than five minutes ago.
    Wait(DateTime<Utc>),
    /// A person must say.
    Hold(&'static str),
    /// Its time is over.
    Expire(&'static str),
}

/// Judges a due delivery at `now`.
#[must_use]
pub fn judge(due: &Due, now: DateTime<Utc>) -> Judgement {
    if due.expires_at.is_some_and(|expires| expires <= now) {
        return Judgement::Expire("its time had passed");
    }
    if due.late == WhenLate::Released || now - due.due_at <= SENT_AT_ONCE {
        return Judgement::Go;
    }
    match due.late {
        WhenLate::Hold => return Judgement::Hold(ASKS_TO_BE_HELD),
        WhenLate::Skip => return Judgement::Expire("it was more than 15 min late, and says `late: skip`"),
        WhenLate::Send | WhenLate::Released => {}
    }
    if due.late_sent >= LATE_AT_MOST {
        return Judgement::Hold(AFTER_AN_OUTAGE);
    }
    match due.last_late.map(|last| last + LATE_PACE) {
        Some(free) if free > now => Judgement::Wait(free),
        _ => Judgement::GoLate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(late_by: Duration, late: WhenLate, late_sent: i64, last_late: Option<Duration>) -> Judgement {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let due_at = now - late_by;
        let due = Due {
            due_at,
            expires_at: Some(due_at + Duration::hours(6)),
            late,
            late_sent,
            last_late: last_late.map(|ago| now - ago),
        };
        judge(&due, now)
    }

    #[test]
    fn the_bands_of_lateness_are_those_of_the_design() {
        assert_eq!(check(Duration::zero(), WhenLate::Send, 0, None), Judgement::Go);
        assert_eq!(check(Duration::minutes(15), WhenLate::Send, 3, None), Judgement::Go);
        assert_eq!(check(Duration::minutes(16), WhenLate::Send, 0, None), Judgement::GoLate);
        assert!(matches!(check(Duration::hours(6), WhenLate::Send, 0, None), Judgement::Expire(_)));
    }

    #[test]
    fn after_an_outage_three_go_five_minutes_apart_and_the_rest_is_held() {
        let hour = Duration::hours(1);
        assert!(matches!(check(hour, WhenLate::Send, 1, Some(Duration::minutes(4))), Judgement::Wait(_)));
        assert_eq!(check(hour, WhenLate::Send, 2, Some(Duration::minutes(5))), Judgement::GoLate);
        assert!(matches!(check(hour, WhenLate::Send, 3, Some(Duration::minutes(30))), Judgement::Hold(_)));
        assert_eq!(check(hour, WhenLate::Released, 3, Some(Duration::minutes(1))), Judgement::Go);
    }

    #[test]
    fn a_post_may_ask_to_be_held_or_skipped_when_late() {
        assert!(matches!(check(Duration::hours(1), WhenLate::Hold, 0, None), Judgement::Hold(_)));
        assert!(matches!(check(Duration::hours(1), WhenLate::Skip, 0, None), Judgement::Expire(_)));
        assert_eq!(check(Duration::minutes(10), WhenLate::Skip, 0, None), Judgement::Go);
    }
}
