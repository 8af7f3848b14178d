//! Times in which staff let accounts say nothing: slots that fall into one are skipped, posts with a time of their own
//! that fall into one do not go out.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::late::Overdue;
use super::{AccountCalendar, Kind};
use crate::core::ids::AccountName;
use crate::core::rules::Against;

/// A time in which posts of an account, or of all, are not said; from its beginning until before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Whose; `None`: every account's.
    pub account: Option<AccountName>,
    /// From when on.
    pub since: DateTime<Utc>,
    /// It ends by itself then; `None`: when somebody resumes.
    pub until: Option<DateTime<Utc>>,
    /// Why, in staff's words; may be empty.
    pub reason: String,
}

impl Pause {
    fn holds(&self, at: DateTime<Utc>) -> bool {
        self.since <= at && self.until.is_none_or(|until| at < until)
    }
}

/// The pause that holds at an instant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Silence<'a> {
    pub(super) reason: &'a str,
    pub(super) until: Option<DateTime<Utc>>,
}

impl Silence<'_> {
    /// `paused`, and why.
    pub(super) fn words(&self) -> String {
        self.against().to_string()
    }

    pub(super) fn against(&self) -> Against {
        Against::Paused { reason: self.reason.to_owned() }
    }
}

/// All pauses, by account.
pub(super) struct Pauses<'a> {
    by_place: Vec<Vec<&'a Pause>>,
    places: HashMap<&'a str, usize>,
}

impl<'a> Pauses<'a> {
    pub(super) fn new(pauses: &'a [Pause], accounts: &'a [AccountCalendar]) -> Self {
        let of = |account: &AccountCalendar| {
            let concerns = |pause: &&Pause| pause.account.as_ref().is_none_or(|own| *own == account.name);
            pauses.iter().filter(concerns).collect()
        };
        if pauses.is_empty() {
            return Self { by_place: Vec::new(), places: HashMap::new() };
        }
        let places = accounts.iter().enumerate().map(|(place, account)| (account.name.as_str(), place)).collect();
        Self { by_place: accounts.iter().map(of).collect(), places }
    }

    /// The pause that holds for the account of this place. Of several the longest counts.
    pub(super) fn of(&self, place: usize, at: DateTime<Utc>) -> Option<Silence<'a>> {
        let holding = self.by_place.get(place)?.iter().filter(|pause| pause.holds(at));
        let longest = holding.max_by_key(|pause| (pause.until.is_none(), pause.until))?;
        Some(Silence { reason: &longest.reason, until: longest.until })
    }

    pub(super) fn of_name(&self, account: &AccountName, at: DateTime<Utc>) -> Option<Silence<'a>> {
        self.of(*self.places.get(account.as_str())?, at)
    }

    /// The pause in which the time of an overdue post passed. Slot posts take the next slot instead.
    pub(super) fn missed(&self, overdue: &Overdue) -> Option<Silence<'a>> {
        self.of_name(&overdue.account, overdue.due_at).filter(|_| overdue.kind != Kind::Slot)
    }

    /// The pause of this account, if it holds at both instants: nothing is said in between.
    pub(super) fn throughout(&self, place: usize, from: DateTime<Utc>, until: DateTime<Utc>) -> Option<Silence<'a>> {
        let mut pauses = self.by_place.get(place)?.iter();
        let longest = pauses.find(|pause| pause.holds(from) && pause.until.is_none_or(|end| until <= end))?;
        Some(Silence { reason: &longest.reason, until: longest.until })
    }
}
