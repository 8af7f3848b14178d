//! Posts with a time of their own: which of their occurrences the window holds, and which stand around it. No rule moves
//! them; [`conflicts`] says which rules they break. An occurrence that an edit of `every` only moved is not said again.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use chrono_tz::Tz;

use super::moved::Moved;
use super::pauses::Pauses;
use super::place::{index, occurrence};
use super::prepare::Prepared;
use super::servers::Servers;
use super::timeline::Timeline;
use super::{AccountCalendar, Conflict, History, Kind, Window};
use crate::core::ids::{AccountName, Occurrence, PostId};
use crate::core::post::{Moment, When};
use crate::core::rules::LONGEST;
use crate::core::schedule::{Firing, Resolved, Slot};

/// How far around the window rules look: a day for caps, as much for spacing.
const AROUND: Duration = Duration::days(2);

/// One occurrence at a time of its own. Small, because a window may hold a million of them.
#[derive(Clone, Copy)]
pub(super) struct Own {
    pub(super) at: DateTime<Utc>,
    pub(super) local: NaiveDateTime,
    pub(super) kind: Kind,
    /// Its post's number.
    pub(super) post: u32,
    /// Whether the window places it; else it only stands there.
    pub(super) placed: bool,
    /// It passes in a pause: it stands in nobody's way.
    pub(super) silent: bool,
}

/// Finds them.
pub(super) struct OwnTimes<'a, 'b> {
    pub(super) posts: &'b [Prepared<'a>],
    pub(super) accounts: &'a [AccountCalendar],
    pub(super) zone: Tz,
    pub(super) history: &'a History,
    pub(super) window: Window,
    pauses: &'b Pauses<'a>,
    found: Vec<Vec<Own>>,
    /// What the history says was said, or is not going to be.
    told: HashSet<(&'a str, &'a str, &'a str)>,
    moved: Moved<'a>,
}

impl<'a, 'b> OwnTimes<'a, 'b> {
    pub(super) fn new(
        posts: &'b [Prepared<'a>],
        accounts: &'a [AccountCalendar],
        zone: Tz,
        history: &'a History,
        window: Window,
        pauses: &'b Pauses<'a>,
    ) -> Self {
        let said = |said: &'a super::Said| (said.account.as_str(), said.post.as_str(), said.occurrence.as_str());
        let kept_back =
            history.kept_back.iter().map(|(account, post, at)| (account.as_str(), post.as_str(), at.as_str()));
        Self {
            posts,
            accounts,
            zone,
            history,
            window,
            pauses,
            told: history.said.iter().map(said).chain(kept_back).collect(),
            found: accounts.iter().map(|_| Vec::new()).collect(),
            moved: Moved::new(history, zone),
        }
    }

    /// By account, in time order: all that the window places, and what else stands within [`AROUND`] of its slots.
    pub(super) fn find(mut self) -> Vec<Vec<Own>> {
        // Many posts share a slot text; each is worked out once.
        let mut firings: HashMap<&'a str, Rc<[Firing]>> = HashMap::new();
        let posts = self.posts;
        for (number, prepared) in posts.iter().enumerate().filter(|(_, prepared)| prepared.may_be_placed()) {
            match &prepared.post.when {
                When::At(moment) => {
                    let Resolved { instant: at, shift } = moment.resolve(self.zone);
                    let local = match moment {
                        Moment::Local(local) => *local,
                        Moment::Instant(_) => at.with_timezone(&self.zone).naive_local(),
                    };
                    let firing = Firing { local, instant: at, shift };
                    self.place(number, Kind::At, &Occurrence::once(), firing, self.window.at_from);
                }
                When::Every(slot) => {
                    let times = match (prepared.post.repeat.times, prepared.from) {
                        (Some(times), Some(from)) => {
                            let missed =
                                prepared.audience(self.accounts.len()).map(|account| self.missed(account, prepared));
                            self.counted(prepared, slot, from, times.saturating_add(missed.max().unwrap_or_default()))
                        }
                        _ => Rc::clone(firings.entry(slot.written()).or_insert_with(|| self.every(slot))),
                    };
                    self.every_time(number, prepared, &times);
                }
                When::NextSlot | When::Evergreen => {}
            }
        }
        for own in &mut self.found {
            own.sort_unstable_by_key(|own| (own.at, super::place::rank(own.kind), own.post));
        }
        self.found
    }

    fn begin(&self) -> DateTime<Utc> {
        let around = self.window.slots_from.checked_sub_signed(AROUND).unwrap_or(DateTime::<Utc>::MIN_UTC);
        self.window.every_from.min(around)
    }

    fn end(&self) -> DateTime<Utc> {
        self.window.until.checked_add_signed(AROUND).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    fn every(&self, slot: &Slot) -> Rc<[Firing]> {
        slot.firings(self.zone, self.begin(), self.end()).collect()
    }

    /// How many occurrences this account never said, and never will: others stand in for them.
    fn missed(&self, account: usize, prepared: &Prepared<'_>) -> u32 {
        let Some(calendar) = self.accounts.get(account) else { return 0 };
        let key = (calendar.name.clone(), prepared.post.id.clone());
        self.history.missed.get(&key).copied().unwrap_or_default()
    }

    /// The first `times` from `from` on: they are the same whatever was sent of them.
    fn counted(&self, prepared: &Prepared<'_>, slot: &Slot, from: DateTime<Utc>, times: u32) -> Rc<[Firing]> {
        let wanted = |firing: &Firing| !prepared.post.repeat.skip.contains(&firing.local);
        let times = usize::try_from(times).unwrap_or(usize::MAX);
        slot.firings(self.zone, from, self.end()).filter(wanted).take(times).collect()
    }

    fn every_time(&mut self, number: usize, prepared: &Prepared<'a>, times: &[Firing]) {
        let post = prepared.post;
        let wanted = |firing: &&Firing| {
            prepared.from.is_none_or(|from| from <= firing.instant)
                && !prepared.expired_at(firing.instant)
                && !post.repeat.skip.contains(&firing.local)
        };
        let most = match (post.repeat.times, prepared.from) {
            (Some(most), None) => most,
            (Some(most), Some(_)) => {
                for account in prepared.audience(self.accounts.len()) {
                    let own =
                        usize::try_from(most.saturating_add(self.missed(account, prepared))).unwrap_or(usize::MAX);
                    for firing in times.iter().take(own).filter(wanted) {
                        let occurrence = Occurrence::local(firing.local);
                        self.place_on(account, number, Kind::Every, &occurrence, *firing, self.window.every_from);
                    }
                }
                return;
            }
            (None, _) => {
                for firing in times.iter().filter(wanted) {
                    self.place(number, Kind::Every, &Occurrence::local(firing.local), *firing, self.window.every_from);
                }
                return;
            }
        };
        // Without a beginning the ledger counts.
        for account in prepared.audience(self.accounts.len()) {
            let Some(calendar) = self.accounts.get(account) else { continue };
            let used = self.history.uses.get(&(calendar.name.clone(), post.id.clone())).copied().unwrap_or_default();
            let mut left = most.saturating_sub(used);
            for firing in times.iter().filter(wanted) {
                let occurrence = Occurrence::local(firing.local);
                let taken = prepared.is_taken(account, &occurrence);
                let is_said = !taken && self.moved.is_said(&calendar.name, post, firing.local);
                if !taken && (left == 0 || is_said || firing.instant < self.window.every_from) {
                    continue;
                }
                left -= u32::from(!taken);
                self.place_on(account, number, Kind::Every, &occurrence, *firing, self.window.every_from);
            }
        }
    }

    /// Places one occurrence on every account the post is for.
    fn place(&mut self, number: usize, kind: Kind, occurrence: &Occurrence, firing: Firing, from: DateTime<Utc>) {
        let Some(prepared) = self.posts.get(number) else { return };
        for account in prepared.audience(self.accounts.len()) {
            self.place_on(account, number, kind, occurrence, firing, from);
        }
    }

    /// Notes one occurrence if it can matter: the window places it, unless it has a row or has expired by then; or it
    /// stands near the window's slots.
    fn place_on(
        &mut self,
        account: usize,
        number: usize,
        kind: Kind,
        occurrence: &Occurrence,
        firing: Firing,
        from: DateTime<Utc>,
    ) {
        let (Some(prepared), Some(calendar)) = (self.posts.get(number), self.accounts.get(account)) else { return };
        let Firing { local, instant: at, shift: _ } = firing;
        if prepared.expired_at(at) {
            return;
        }
        let taken = prepared.is_taken(account, occurrence);
        if !taken && kind == Kind::Every && self.moved.is_said(&calendar.name, prepared.post, local) {
            return;
        }
        let placed = !taken && from <= at && at < self.window.until;
        let near = self.begin() <= at && at < self.end();
        // What has a row and stands before the slots was said, and the history tells; or it was not.
        let told = taken
            && (at < self.window.slots_from
                || self.told.contains(&(calendar.name.as_str(), prepared.post.id.as_str(), occurrence.as_str())));
        if placed || (near && !told) {
            let Ok(post) = u32::try_from(number) else { return };
            let silent = self.pauses.of(account, at).is_some();
            if let Some(found) = self.found.get_mut(account) {
                found.push(Own { at, local, kind, post, placed, silent });
            }
        }
    }
}

/// The rules that placed occurrences stand against, in time order, then by account: one rule each.
pub(super) fn conflicts<'a>(
    own: &[Vec<Own>],
    posts: &[Prepared<'a>],
    accounts: &'a [AccountCalendar],
    timelines: &[Timeline<'_>],
    zone: Tz,
) -> Vec<Conflict> {
    let mut all: Vec<(usize, &Own)> = own
        .iter()
        .enumerate()
        .filter(|(account, _)| accounts.get(*account).is_some_and(|account| !account.rules.is_off()))
        .flat_map(|(account, own)| own.iter().map(move |own| (account, own)))
        .filter(|(_, own)| !own.silent)
        .collect();
    all.sort_by_key(|(account, own)| (own.at, *account));
    let mut servers = Servers::new(accounts);
    let mut conflicts = Vec::new();
    for (account, own) in all {
        let number = index(own.post);
        let (Some(calendar), Some(prepared)) = (accounts.get(account), posts.get(number)) else { continue };
        let same = servers.against(own.at, account, number, prepared);
        servers.note_words(own.at, account, number, prepared);
        if !own.placed {
            continue;
        }
        let near = || timelines.get(account).and_then(|timeline| timeline.against_fixed(own.at, &prepared.post.id));
        let against = calendar.rules.closed(own.at, zone).or_else(near).or(same);
        let (account, post): (AccountName, PostId) = (calendar.name.clone(), prepared.post.id.clone());
        let occurrence = occurrence(own.kind, own.local);
        conflicts.extend(against.map(|against| Conflict { account, post, occurrence, at: own.at, against }));
    }
    conflicts
}

// The rules never look further than the occurrences that are gathered.
const _: () = assert!(LONGEST.num_seconds() <= AROUND.num_seconds());
