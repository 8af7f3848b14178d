//! What becomes of posts whose time has been and that nobody has tried yet: they leave at once or at a pace, are held, or
//! have had their turn. The same judgement as the sender's ([`judge`]), made for all of them before the first is due.
//!
//! Invariant: nothing here changes what is sent. It says beforehand what the sender and the pauses will do, from the
//! instant planning plays as now, if nobody does anything meanwhile.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use chrono_tz::Tz;

use super::pauses::{Pauses, Silence};
use super::{AccountCalendar, History, Kind, Planned, Said};
use crate::core::ids::{AccountName, Occurrence, PostId};
use crate::core::lateness::{Due, Judgement, MISSED_ITS_SLOT, WhenLate, asks_again, judge};
use crate::core::rules::Against;

/// So long a late post counts against those that follow it.
pub const LATE_COUNTS_FOR: Duration = Duration::hours(6);

/// A first part whose time has been and that was not sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Overdue {
    /// Who says it.
    pub account: AccountName,
    /// What.
    pub post: PostId,
    /// Which occurrence.
    pub occurrence: Occurrence,
    /// Why at its time.
    pub kind: Kind,
    /// When it was to go out.
    pub due_at: DateTime<Utc>,
    /// The nominal local time.
    pub local: NaiveDateTime,
    /// How many statuses.
    pub parts: usize,
    /// It is not tried before then.
    pub not_before: DateTime<Utc>,
    /// From when on it is not sent.
    pub expires_at: Option<DateTime<Utc>>,
    /// What it does when it is late.
    pub late: WhenLate,
    /// It was tried before: then it is not judged again.
    pub was_tried: bool,
    /// An attempt was unclear: it keeps its place.
    pub may_exist: bool,
}

impl Overdue {
    /// It as if it were planned for this instant.
    #[must_use]
    pub fn leaving(&self, at: DateTime<Utc>) -> Planned {
        Planned {
            at,
            local: self.local,
            nominal: self.due_at,
            account: self.account.clone(),
            post: self.post.clone(),
            occurrence: self.occurrence.clone(),
            parts: self.parts,
            kind: self.kind,
            expires_at: self.expires_at.unwrap_or(DateTime::<Utc>::MAX_UTC),
        }
    }
}

/// What becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It leaves then.
    Leaves(DateTime<Utc>),
    /// It waits for a person.
    Held(String),
    /// It has had its turn.
    Expired(String),
    /// It lets its slot go and takes the next free one.
    TakesNextSlot(String),
    /// Its account is paused, and nobody said until when.
    WaitsForResume(String),
}

/// A late post and what becomes of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Late {
    /// The post.
    pub what: Overdue,
    /// What becomes of it.
    pub fate: Fate,
}

/// When it leaves its account, by account, post and occurrence; `None`: it does not.
pub(super) type Leaving<'a> = HashMap<(&'a str, &'a str, &'a str), Option<DateTime<Utc>>>;

/// What becomes of all of them, as if `now` were the instant they are first looked at. In the order of their times.
pub(super) fn forecast(
    overdue: Vec<Overdue>,
    history: &History,
    pauses: &Pauses<'_>,
    accounts: &[AccountCalendar],
    zone: Tz,
    now: DateTime<Utc>,
) -> Vec<Late> {
    let mut by_account: BTreeMap<AccountName, Vec<Overdue>> = BTreeMap::new();
    for one in overdue {
        by_account.entry(one.account.clone()).or_default().push(one);
    }
    let mut all = Vec::new();
    for (account, mut own) in by_account {
        own.sort_by_key(|one| one.due_at.max(one.not_before));
        let Some(calendar) = accounts.iter().find(|calendar| calendar.name == account) else { continue };
        let is_overdue = |said: &Said| own.iter().any(|one| one.post == said.post && one.occurrence == said.occurrence);
        let said = history.said.iter().filter(|said| said.account == account && said.at <= now && !is_overdue(said));
        let lately = Lately {
            late: history.late_sent.get(&account).cloned().unwrap_or_default(),
            said: said.map(|said| (said.at, said.post.clone())).max(),
        };
        all.extend(of_account(own, lately, (calendar, zone), pauses, now));
    }
    all.sort_by(|one, other| (one.what.due_at, &one.what.account).cmp(&(other.what.due_at, &other.what.account)));
    all
}

/// What an account said before.
struct Lately {
    /// When its late posts left.
    late: Vec<DateTime<Utc>>,
    /// What it said last.
    said: Option<(DateTime<Utc>, PostId)>,
}

fn of_account(
    own: Vec<Overdue>,
    mut lately: Lately,
    (calendar, zone): (&AccountCalendar, Tz),
    pauses: &Pauses<'_>,
    now: DateTime<Utc>,
) -> Vec<Late> {
    let account = &calendar.name;
    let mut fates: Vec<Option<Fate>> = vec![None; own.len()];
    // By when they are tried, then in the order in which they came.
    let mut queue: BTreeSet<(DateTime<Utc>, usize)> = BTreeSet::new();
    for (number, one) in own.iter().enumerate() {
        match pauses.missed(one).filter(|_| one.late != WhenLate::Released && !one.was_tried) {
            Some(silence) => set(&mut fates, number, silence.fate(one.kind, one.late)),
            None => {
                queue.insert((one.not_before.max(now), number));
            }
        }
    }
    while let Some((at, number)) = queue.pop_first() {
        let Some(one) = own.get(number) else { continue };
        if let Some(silence) = pauses.of_name(account, at) {
            match silence.until {
                Some(until) => {
                    queue.insert((until, number));
                }
                None => set(&mut fates, number, Fate::WaitsForResume(silence.words())),
            }
            continue;
        }
        let asks = !one.may_exist && asks_again(one.kind, one.late, one.due_at, at);
        if let Some(against) = asks.then(|| calendar.rules.late(lately.said.as_ref(), at, zone)).flatten() {
            set(&mut fates, number, lets_go(one.kind, &against));
            continue;
        }
        lately.late.retain(|sent| at - *sent < LATE_COUNTS_FOR);
        let due = Due {
            due_at: one.due_at,
            expires_at: one.expires_at,
            late: if one.was_tried { WhenLate::Released } else { one.late },
            late_sent: i64::try_from(lately.late.len()).unwrap_or(i64::MAX),
            last_late: lately.late.iter().max().copied(),
        };
        let fate = match judge(&due, at) {
            Judgement::Go => Fate::Leaves(at),
            Judgement::GoLate => {
                lately.late.push(at);
                Fate::Leaves(at)
            }
            Judgement::Wait(until) => {
                queue.insert((until, number));
                continue;
            }
            Judgement::Hold(why) => Fate::Held(why.to_owned()),
            Judgement::Expire(why) => Fate::Expired(why.to_owned()),
        };
        if let Fate::Leaves(at) = fate {
            lately.said = Some((at, one.post.clone()));
        }
        set(&mut fates, number, fate);
    }
    let late = |(what, fate): (Overdue, Option<Fate>)| Some(Late { what, fate: fate? });
    own.into_iter().zip(fates).filter_map(late).collect()
}

/// What becomes of what stands in a slot, where a rule stands against its leaving late.
fn lets_go(kind: Kind, against: &Against) -> Fate {
    let why = format!("{MISSED_ITS_SLOT}, and now is {against}");
    match kind {
        Kind::Slot => Fate::TakesNextSlot(why),
        Kind::At | Kind::Every | Kind::Evergreen => Fate::Expired(why),
    }
}

fn set(fates: &mut [Option<Fate>], number: usize, fate: Fate) {
    if let Some(place) = fates.get_mut(number) {
        *place = Some(fate);
    }
}

/// When each of them leaves.
pub(super) fn leaving(late: &[Late]) -> Leaving<'_> {
    let one = |late: &Late| match late.fate {
        Fate::Leaves(at) => Some(at),
        Fate::Held(_) | Fate::Expired(_) | Fate::TakesNextSlot(_) | Fate::WaitsForResume(_) => None,
    };
    late.iter().map(|late| (key(late), one(late))).collect()
}

fn key(Late { what, fate: _ }: &Late) -> (&str, &str, &str) {
    (what.account.as_str(), what.post.as_str(), what.occurrence.as_str())
}

impl Silence<'_> {
    /// What becomes of a post with a time of its own that passes in it.
    pub(super) fn fate(&self, kind: Kind, late: WhenLate) -> Fate {
        match (kind, late) {
            (Kind::At, WhenLate::Send | WhenLate::Hold | WhenLate::Released) => {
                Fate::Held(format!("its time passes while posts are {}", self.words()))
            }
            (Kind::At, WhenLate::Skip) | (Kind::Every | Kind::Evergreen | Kind::Slot, _) => {
                Fate::Expired(format!("missed while posts are {}", self.words()))
            }
        }
    }
}
