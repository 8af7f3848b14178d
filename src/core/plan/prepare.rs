//! Posts made ready for placing: names become positions, times become instants, history is sorted by post.

use std::borrow::Borrow;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;

use super::{AccountCalendar, History};
use crate::core::ids::{AccountName, Occurrence};
use crate::core::post::{DEFAULT_EXPIRY, Moment, Post, Readiness, When};

/// One post as planning sees it. Accounts are positions in the list of accounts.
pub(super) struct Prepared<'a> {
    pub(super) post: &'a Post,
    /// It does not begin at or after this instant: its `expires` or, where it is repeated, its `until`.
    pub(super) expires: Option<DateTime<Utc>>,
    /// A repeated post does not begin before this instant.
    pub(super) from: Option<DateTime<Utc>>,
    /// The accounts it names, in their order; `None`: all.
    named: Option<Vec<usize>>,
    /// An earlier post has the same id: the ledger could not tell them apart, so this one is left alone.
    pub(super) doubled: bool,
    /// Accounts it names that do not exist.
    pub(super) strangers: Vec<&'a AccountName>,
    /// Its occurrences that have a row already, sorted.
    taken: Vec<(usize, &'a str)>,
}

impl<'a> Prepared<'a> {
    /// Every post, in file order. What is `freed` (account and post) lets its slot go, whatever row it has.
    pub(super) fn all<P: Borrow<Post>>(
        posts: &'a [P],
        accounts: &'a [AccountCalendar],
        zone: Tz,
        history: &'a History,
        freed: &HashSet<(&str, &str)>,
    ) -> Vec<Self> {
        let places: HashMap<&str, usize> =
            accounts.iter().enumerate().map(|(place, account)| (account.name.as_str(), place)).collect();
        let mut taken: HashMap<&str, Vec<(usize, &str)>> = HashMap::new();
        for (account, post, occurrence) in &history.taken {
            let is_free = *occurrence == Occurrence::once() && freed.contains(&(account.as_str(), post.as_str()));
            if let Some(place) = places.get(account.as_str()).filter(|_| !is_free) {
                taken.entry(post.as_str()).or_default().push((*place, occurrence.as_str()));
            }
        }
        let mut ids: HashSet<&str> = HashSet::with_capacity(posts.len());
        let mut prepare = |post: &'a Post| {
            let mut named = Vec::new();
            let mut strangers = Vec::new();
            for name in &post.accounts {
                match places.get(name.as_str()) {
                    Some(place) => named.push(*place),
                    None => strangers.push(name),
                }
            }
            named.sort_unstable();
            named.dedup();
            let mut taken = taken.remove(post.id.as_str()).unwrap_or_default();
            taken.sort_unstable();
            Self {
                post,
                expires: expiry(post, zone),
                from: post.repeat.from.map(|moment| moment.resolve(zone).instant),
                doubled: !ids.insert(post.id.as_str()),
                named: (!post.accounts.is_empty()).then_some(named),
                strangers,
                taken,
            }
        };
        posts.iter().map(|post| prepare(post.borrow())).collect()
    }

    /// Whether it is ready and the only one of its id.
    pub(super) fn may_be_placed(&self) -> bool {
        self.post.readiness == Readiness::Ready && !self.doubled
    }

    /// Whether it is queued for a slot of its own choice: pinned.
    pub(super) fn pin(&self) -> Option<NaiveDateTime> {
        self.post.order.slot.filter(|_| self.post.when == When::NextSlot)
    }

    /// When an occurrence at this instant is over.
    pub(super) fn ends(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        over(self.post, self.expires, at)
    }

    /// The accounts it is for, of `count` in all.
    pub(super) fn audience(&self, count: usize) -> impl Iterator<Item = usize> + '_ {
        let everybody = if self.named.is_none() { 0..count } else { 0..0 };
        everybody.chain(self.named.iter().flatten().copied())
    }

    /// Whether this occurrence has a row on this account.
    pub(super) fn is_taken(&self, account: usize, occurrence: &Occurrence) -> bool {
        self.taken.binary_search(&(account, occurrence.as_str())).is_ok()
    }

    /// Whether any occurrence has a row.
    pub(super) fn has_rows(&self) -> bool {
        !self.taken.is_empty()
    }

    /// Whether it may no longer begin at this instant.
    pub(super) fn expired_at(&self, instant: DateTime<Utc>) -> bool {
        self.expires.is_some_and(|expires| expires <= instant)
    }
}

/// When a post no longer begins: its `expires` or, where it is repeated, its `until`.
fn expiry(post: &Post, zone: Tz) -> Option<DateTime<Utc>> {
    let instant = |moment: Moment| moment.resolve(zone).instant;
    post.expires.map(instant).into_iter().chain(post.repeat.until.map(instant)).min()
}

/// When the occurrence of a post at this instant is over.
pub(super) fn ends(post: &Post, zone: Tz, at: DateTime<Utc>) -> DateTime<Utc> {
    over(post, expiry(post, zone), at)
}

fn over(post: &Post, expires: Option<DateTime<Utc>>, at: DateTime<Utc>) -> DateTime<Utc> {
    let usual = at + DEFAULT_EXPIRY;
    match post.when {
        // Each occurrence has its own six hours; the post's end only shortens the last.
        When::Every(_) | When::Evergreen => expires.map_or(usual, |expires| expires.min(usual)),
        When::At(_) | When::NextSlot => expires.unwrap_or(usual),
    }
}

/// Posts of one kind, for each account, without a copy per account of those that are for all. A post is known by its
/// number in the list of posts; its rank is its place in the order of the queue.
pub(super) struct Queues {
    /// Number by rank.
    order: Vec<usize>,
    /// Ranks.
    shared: Vec<usize>,
    own: Vec<Vec<usize>>,
}

impl Queues {
    /// Higher priority first, then by the position staff gave, then in file order.
    pub(super) fn new(posts: &[Prepared<'_>], accounts: usize, fits: impl Fn(&Prepared<'_>) -> bool) -> Self {
        let mut ordered: Vec<(usize, &Prepared<'_>)> =
            posts.iter().enumerate().filter(|(_, prepared)| fits(prepared)).collect();
        // Stable: what is alike stays in file order.
        ordered.sort_by_key(|(_, prepared)| {
            let order = &prepared.post.order;
            (Reverse(order.priority), order.position.is_none(), order.position)
        });
        let mut queues = Self { order: Vec::new(), shared: Vec::new(), own: vec![Vec::new(); accounts] };
        for (rank, (number, prepared)) in ordered.into_iter().enumerate() {
            queues.order.push(number);
            match &prepared.named {
                None => queues.shared.push(rank),
                Some(named) => {
                    for account in named {
                        if let Some(own) = queues.own.get_mut(*account) {
                            own.push(rank);
                        }
                    }
                }
            }
        }
        queues
    }

    /// The numbers of one account's posts, in the order of the queue.
    pub(super) fn of(&self, account: usize) -> impl Iterator<Item = usize> + '_ {
        let mut shared = self.shared.iter().copied().peekable();
        let mut own = self.own.get(account).map(Vec::as_slice).unwrap_or_default().iter().copied().peekable();
        std::iter::from_fn(move || match (shared.peek(), own.peek()) {
            (Some(first), Some(second)) if second < first => own.next(),
            (Some(_), _) => shared.next(),
            (None, _) => own.next(),
        })
        .filter_map(|rank| self.order.get(rank).copied())
    }
}
