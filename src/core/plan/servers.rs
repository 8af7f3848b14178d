//! What each server has heard: the last post on it, so that no evergreen post comes twice in a row, and which words
//! which of its accounts said, so that one text on several accounts is staggered and capped.

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, Duration, Utc};

use super::AccountCalendar;
use super::prepare::Prepared;
use crate::core::ids::PostId;
use crate::core::rules::{Against, Rules, SAME_TEXT_FOR};

/// When, on which account, by the rank of its kind: of two at one instant the greater counts as later.
pub(super) type Moment = (DateTime<Utc>, usize, u8);

/// Words of a post: its number, and the variant the account says.
type Words = (usize, Option<usize>);

/// Who said the same words when, oldest first.
type Sayings = VecDeque<(DateTime<Utc>, usize)>;

/// All servers of the campaign. What was said is noted in time order, as far as the rules look back.
pub(super) struct Servers<'a> {
    accounts: &'a [AccountCalendar],
    /// Which server each account is on.
    server: Vec<usize>,
    /// By server: the last post.
    last: Vec<Option<(Moment, &'a PostId)>>,
    /// By server and words. Empty while no account has a rule about it.
    heard: HashMap<(usize, Words), Sayings>,
    listens: bool,
}

impl<'a> Servers<'a> {
    pub(super) fn new(accounts: &'a [AccountCalendar]) -> Self {
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut number = |account: &'a AccountCalendar| {
            let next = numbers.len();
            *numbers.entry(account.server.as_str()).or_insert(next)
        };
        let server: Vec<usize> = accounts.iter().map(&mut number).collect();
        Self {
            accounts,
            server,
            last: vec![None; numbers.len()],
            heard: HashMap::new(),
            listens: accounts.iter().any(|account| listens(&account.rules)),
        }
    }

    /// Whether any account has a rule about the same words.
    pub(super) fn listens(&self) -> bool {
        self.listens
    }

    /// Notes what stands last on the account's server.
    pub(super) fn note_last(&mut self, moment: Moment, post: &'a PostId) {
        let last = self.server.get(moment.1).and_then(|server| self.last.get_mut(*server));
        if let Some(last) = last.filter(|last| last.is_none_or(|(before, _)| before <= moment)) {
            *last = Some((moment, post));
        }
    }

    /// Notes that an account says the words of a post.
    pub(super) fn note_words(&mut self, at: DateTime<Utc>, account: usize, number: usize, prepared: &Prepared<'_>) {
        if let Some(key) = self.listens.then(|| self.key(account, number, prepared)).flatten() {
            self.heard.entry(key).or_default().push_back((at, account));
        }
    }

    /// Whether this post was the last on the account's server.
    pub(super) fn was_last(&self, account: usize, post: &PostId) -> bool {
        let last = self.server.get(account).and_then(|server| self.last.get(*server));
        last.and_then(Option::as_ref).is_some_and(|(_, last)| *last == post)
    }

    /// What stands against the account saying these words then: others of its server said them too lately, or too many
    /// of them did.
    pub(super) fn against(
        &mut self,
        at: DateTime<Utc>,
        account: usize,
        number: usize,
        prepared: &Prepared<'_>,
    ) -> Option<Against> {
        if !self.listens {
            return None;
        }
        let key = self.key(account, number, prepared)?;
        let rules = &self.accounts.get(account)?.rules;
        let heard = self.heard.get_mut(&key)?;
        while heard.front().is_some_and(|(before, _)| at - *before >= SAME_TEXT_FOR.max(rules.stagger)) {
            heard.pop_front();
        }
        let others = || heard.iter().rev().filter(|(_, other)| *other != account);
        let (last, other) = others().next()?;
        let too_soon = at - *last < rules.stagger;
        let too_many = rules.same_text_cap.is_some_and(|cap| {
            let cap = usize::try_from(cap).unwrap_or(usize::MAX);
            // Latest first: no more are counted than make it too many.
            others().take(cap).filter(|(before, _)| at - *before < SAME_TEXT_FOR).count() >= cap
        });
        let name = &self.accounts.get(*other)?.name;
        (too_soon || too_many).then(|| Against::SameText { account: name.clone() })
    }

    fn key(&self, account: usize, number: usize, prepared: &Prepared<'_>) -> Option<(usize, Words)> {
        let calendar = self.accounts.get(account)?;
        let variant = prepared.post.variant_for(&calendar.name, calendar.speaks.as_ref());
        Some((*self.server.get(account)?, (number, variant)))
    }
}

fn listens(rules: &Rules) -> bool {
    rules.stagger > Duration::zero() || rules.same_text_cap.is_some()
}
