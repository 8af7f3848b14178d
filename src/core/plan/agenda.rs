//! What the ledger should hold: a row for each status of each occurrence in a window.
//!
//! A window may hold a million rows, so an agenda keeps places (some bytes each) and makes a row when it is asked for;
//! all accounts of a post share its words. Rows are numbered in time order, then by account. The same occurrence is
//! never there twice: what is added beside the plan gives way to it. What became of a row nobody here knows.

use std::borrow::Borrow;
use std::collections::HashMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;

use super::place::{Placed, Placing, index, occurrence};
use super::prepare::ends;
use super::{AccountCalendar, History, Kind, Planned, Window};
use crate::core::delivery::Payload;
use crate::core::ids::{AccountName, FactId, Lang, Occurrence, PostId, TopicId};
use crate::core::lateness::WhenLate;
use crate::core::post::Post;

/// One status that planning wants in the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Who says it.
    pub account: AccountName,
    /// What.
    pub post: PostId,
    /// Which occurrence.
    pub occurrence: Occurrence,
    /// 1 for the first.
    pub part: i64,
    /// How many parts.
    pub parts: i64,
    /// Why at that time.
    pub kind: Kind,
    /// When.
    pub due_at: DateTime<Utc>,
    /// The nominal local time.
    pub local: NaiveDateTime,
    /// The zone it is local to.
    pub zone: String,
    /// Not sent from then on; `None` for slot posts without `expires`, which take the next slot instead.
    pub expires_at: Option<DateTime<Utc>>,
    /// What it does when it is late.
    pub late: WhenLate,
    /// What is said.
    pub payload: Payload,
    /// What it is about.
    pub topic: Option<TopicId>,
    /// What it rests on.
    pub facts: Vec<FactId>,
}

/// Which row: account, post, occurrence, part.
pub type RowKey = (AccountName, PostId, Occurrence, i64);

/// The rows of a window.
#[derive(Debug)]
pub struct Agenda<P = Post> {
    posts: Vec<P>,
    accounts: Vec<AccountCalendar>,
    zone: Tz,
    /// In time order.
    places: Vec<Placed>,
    /// The number of the first row of each place.
    first: Vec<u32>,
    /// Places by post, then account.
    by_post: Vec<u32>,
    /// Where in `by_post` each post begins.
    begins: Vec<u32>,
    numbers: HashMap<PostId, u32>,
    account_numbers: HashMap<AccountName, u32>,
    loose: Vec<Wanted>,
    loose_numbers: HashMap<RowKey, usize>,
}

impl<P: Borrow<Post>> Agenda<P> {
    /// Plans the window as [`super::plan`] does.
    #[must_use]
    pub fn of_plan(posts: Vec<P>, accounts: Vec<AccountCalendar>, zone: Tz, history: &History, window: Window) -> Self {
        let places = Placing::new(&posts, &accounts, zone, history, window).places();
        let numbered = |count: usize| (0..).take(count);
        let mut agenda = Self {
            numbers: HashMap::with_capacity(posts.len()),
            account_numbers: accounts.iter().zip(numbered(accounts.len())).map(|(a, n)| (a.name.clone(), n)).collect(),
            posts,
            accounts,
            zone,
            first: Vec::with_capacity(places.len()),
            by_post: numbered(places.len()).collect(),
            begins: Vec::new(),
            places,
            loose: Vec::new(),
            loose_numbers: HashMap::new(),
        };
        // Of two posts with one id the first counts, as in planning.
        for (post, number) in agenda.posts.iter().zip(0..) {
            agenda.numbers.entry(post.borrow().id.clone()).or_insert(number);
        }
        let mut next = 0_u32;
        for placed in &agenda.places {
            agenda.first.push(next);
            next = next.saturating_add(agenda.parts_at(placed));
        }
        let places = &agenda.places;
        let key = |place: &u32| places.get(index(*place)).map(|placed| (placed.post, placed.account, placed.at));
        agenda.by_post.sort_unstable_by_key(key);
        let mut sorted = agenda.by_post.iter().zip(0_u32..).peekable();
        for post in numbered(agenda.posts.len()) {
            while sorted.next_if(|(place, _)| key(place).is_some_and(|(of, ..)| of < post)).is_some() {}
            agenda.begins.push(sorted.peek().map_or(u32::try_from(places.len()).unwrap_or(u32::MAX), |(_, at)| *at));
        }
        agenda
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.planned_rows() + self.loose.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds an occurrence that stands where it stands, as its post's words are now.
    pub fn add(&mut self, post: &Post, place: &Planned) {
        let account = self.account_numbers.get(&place.account).and_then(|number| self.accounts.get(index(*number)));
        self.loose_rows(rows(post, place, account, self.zone));
    }

    fn loose_rows(&mut self, rows: impl IntoIterator<Item = Wanted>) {
        for row in rows {
            let key = (row.account.clone(), row.post.clone(), row.occurrence.clone(), row.part);
            let in_plan = self.place_of(&row.account, &row.post, &row.occurrence).is_some();
            if !in_plan && !self.loose_numbers.contains_key(&key) {
                self.loose_numbers.insert(key, self.loose.len());
                self.loose.push(row);
            }
        }
    }

    /// The row of this number, from 0.
    #[must_use]
    pub fn row(&self, number: usize) -> Option<Wanted> {
        if let Some(loose) = number.checked_sub(self.planned_rows()) {
            return self.loose.get(loose).cloned();
        }
        let number = u32::try_from(number).ok()?;
        let place = self.first.partition_point(|first| *first <= number).checked_sub(1)?;
        let placed = self.places.get(place)?;
        let part = number - self.first.get(place)?;
        let post = self.posts.get(index(placed.post))?.borrow();
        let account = self.accounts.get(index(placed.account))?;
        let place = Planned {
            at: placed.at,
            local: placed.local,
            nominal: placed.at,
            account: account.name.clone(),
            post: post.id.clone(),
            occurrence: occurrence(placed.kind, placed.local),
            parts: post.parts.len(),
            kind: placed.kind,
            expires_at: ends(post, self.zone, placed.at),
        };
        row(post, &place, Some(account), self.zone, index(part))
    }

    /// The number of this row, if it is wanted.
    #[must_use]
    pub fn number(&self, (account, post, occurrence, part): &RowKey) -> Option<usize> {
        if let Some(place) = self.place_of(account, post, occurrence) {
            let placed = self.places.get(place)?;
            let before = u32::try_from(part.checked_sub(1)?).ok()?;
            let first = self.first.get(place)?;
            return (before < self.parts_at(placed)).then(|| index(first.saturating_add(before)));
        }
        let key = (account.clone(), post.clone(), occurrence.clone(), *part);
        self.loose_numbers.get(&key).map(|number| self.planned_rows() + number)
    }

    /// How many parts this occurrence has, if it is wanted.
    #[must_use]
    pub fn parts(&self, account: &AccountName, post: &PostId, occurrence: &Occurrence) -> Option<i64> {
        if let Some(place) = self.place_of(account, post, occurrence) {
            return Some(i64::from(self.parts_at(self.places.get(place)?)));
        }
        let first = (account.clone(), post.clone(), occurrence.clone(), 1);
        self.loose_numbers.get(&first).and_then(|number| self.loose.get(*number)).map(|row| row.parts)
    }

    fn planned_rows(&self) -> usize {
        let last = self.first.last().zip(self.places.last());
        last.map_or(0, |(first, placed)| index(first.saturating_add(self.parts_at(placed))))
    }

    fn parts_at(&self, placed: &Placed) -> u32 {
        let (Some(post), Some(account)) =
            (self.posts.get(index(placed.post)), self.accounts.get(index(placed.account)))
        else {
            return 0;
        };
        let (parts, _) = post.borrow().words_for(&account.name, account.speaks.as_ref());
        u32::try_from(parts.len()).unwrap_or(u32::MAX)
    }

    fn place_of(&self, account: &AccountName, post: &PostId, wanted: &Occurrence) -> Option<usize> {
        let (post, account) = (*self.numbers.get(post)?, *self.account_numbers.get(account)?);
        let begin = index(*self.begins.get(index(post))?);
        let end = self.begins.get(index(post) + 1).map_or(self.by_post.len(), |end| index(*end));
        let theirs = self.by_post.get(begin..end)?;
        let placed = |place: &u32| self.places.get(index(*place));
        let from = theirs.partition_point(|place| placed(place).is_some_and(|placed| placed.account < account));
        let mut own = theirs.get(from..)?.iter();
        let own = own.by_ref().take_while(|place| placed(place).is_some_and(|placed| placed.account == account));
        let mut own =
            own.filter(|place| placed(place).is_some_and(|placed| occurrence(placed.kind, placed.local) == *wanted));
        own.next().map(|place| index(*place))
    }
}

impl Agenda {
    /// These rows and no others.
    #[must_use]
    pub fn of_rows(rows: Vec<Wanted>) -> Self {
        let window = Window {
            at_from: DateTime::<Utc>::MIN_UTC,
            every_from: DateTime::<Utc>::MIN_UTC,
            slots_from: DateTime::<Utc>::MIN_UTC,
            until: DateTime::<Utc>::MIN_UTC,
        };
        let mut agenda = Self::of_plan(Vec::new(), Vec::new(), Tz::UTC, &History::default(), window);
        agenda.loose_rows(rows);
        agenda
    }
}

/// The statuses of one occurrence, in order, in the words of its account.
#[must_use]
pub fn rows(post: &Post, place: &Planned, account: Option<&AccountCalendar>, zone: Tz) -> Vec<Wanted> {
    (0..).map_while(|part| row(post, place, account, zone, part)).collect()
}

fn row(post: &Post, place: &Planned, account: Option<&AccountCalendar>, zone: Tz, part: usize) -> Option<Wanted> {
    // A slot post that missed its slot takes the next one, unless it says when it expires or which slot is its own.
    let waits_for_slots = place.kind == Kind::Slot && post.expires.is_none() && post.order.slot.is_none();
    let expires_at = (!waits_for_slots && place.expires_at < DateTime::<Utc>::MAX_UTC).then_some(place.expires_at);
    let speaks = account.and_then(|account| account.speaks.as_ref());
    let (parts, lang) = post.words_for(&place.account, speaks);
    let text = parts.get(part)?;
    Some(Wanted {
        account: place.account.clone(),
        post: post.id.clone(),
        occurrence: place.occurrence.clone(),
        part: i64::try_from(part + 1).unwrap_or(i64::MAX),
        parts: i64::try_from(parts.len()).unwrap_or(i64::MAX),
        kind: place.kind,
        due_at: place.at,
        local: place.local,
        zone: zone.name().to_owned(),
        expires_at,
        late: WhenLate::from(post.late),
        payload: payload(post, part, text, lang),
        topic: post.topic.clone(),
        facts: post.facts.clone(),
    })
}

fn payload(post: &Post, part: usize, text: &str, lang: &Lang) -> Payload {
    let first = part == 0;
    Payload {
        text: text.to_owned(),
        cw: post.cw.clone(),
        visibility: post.visibility,
        lang: Some(lang.clone()),
        media: if first { post.media.clone() } else { Vec::new() },
        poll: if first { post.poll.clone() } else { None },
        in_reply_to: None,
        allowed_mention: None,
    }
}
