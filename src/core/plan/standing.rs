//! What stands before slots are given away: exact times, what was said, what is late. The walk goes around it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::late::{self, Late, Overdue};
use super::own_times::Own;
use super::place::{Placed, Placing, index, occurrence, rank};
use super::servers::Servers;
use super::timeline::Timeline;
use super::{AccountCalendar, Said};
use crate::core::ids::{Occurrence, PostId};
use crate::core::lateness::WhenLate;

impl<'a> Placing<'a> {
    /// What has had its time: rows of the ledger, and what has no row yet.
    pub(super) fn late(&self, own: &[Vec<Own>]) -> Vec<Late> {
        let mut overdue = self.history.overdue.clone();
        for (account, own) in (0..).zip(own) {
            for own in own.iter().filter(|own| own.placed && own.at < self.window.slots_from) {
                let placed = Placed { at: own.at, local: own.local, account, post: own.post, kind: own.kind };
                let Some(planned) = self.planned(&placed) else { continue };
                let expires = planned.expires_at;
                overdue.push(Overdue {
                    account: planned.account,
                    post: planned.post,
                    occurrence: planned.occurrence,
                    kind: own.kind,
                    due_at: own.at,
                    local: own.local,
                    parts: planned.parts,
                    not_before: own.at,
                    expires_at: Some(expires),
                    late: self.posts.get(index(own.post)).map_or(WhenLate::Send, |post| post.post.late.into()),
                    was_tried: false,
                    may_exist: false,
                });
            }
        }
        if overdue.is_empty() {
            return Vec::new();
        }
        late::forecast(overdue, self.history, &self.pauses, self.accounts, self.zone, self.window.slots_from)
    }

    /// What is fixed on each account, for its rules.
    pub(super) fn timelines(&self, own: &[Vec<Own>], late: &[Late]) -> Vec<Timeline<'a>> {
        let leaving = late::leaving(late);
        let when = |account: &AccountCalendar, post: &PostId, occurrence: &Occurrence, at: DateTime<Utc>| {
            let key = (account.name.as_str(), post.as_str(), occurrence.as_str());
            leaving.get(&key).copied().unwrap_or(Some(at))
        };
        let mut said: HashMap<&str, Vec<(DateTime<Utc>, &'a PostId)>> = HashMap::new();
        for Said { account, post, occurrence, at } in &self.history.said {
            let key = (account.as_str(), post.as_str(), occurrence.as_str());
            // What is overdue counts when it leaves, if it does.
            if let Some(at) = leaving.get(&key).copied().unwrap_or(Some(*at)) {
                said.entry(account.as_str()).or_default().push((at, post));
            }
        }
        let timeline = |(calendar, own): (&'a AccountCalendar, &Vec<Own>)| {
            let own = own.iter().filter(|own| !own.silent).filter_map(|own| {
                let post = &self.posts.get(index(own.post))?.post.id;
                let is_late = own.placed && own.at < self.window.slots_from;
                let at = if is_late { when(calendar, post, &occurrence(own.kind, own.local), own.at)? } else { own.at };
                Some((at, post))
            });
            let said = said.get(calendar.name.as_str()).into_iter().flatten().copied();
            Timeline::new(&calendar.rules, self.zone, own.chain(said))
        };
        self.accounts.iter().zip(own).map(timeline).collect()
    }

    /// What the servers have heard before the walk.
    pub(super) fn servers(&self) -> Servers<'a> {
        let mut servers = Servers::new(self.accounts);
        let places: HashMap<&str, usize> =
            self.accounts.iter().enumerate().map(|(place, account)| (account.name.as_str(), place)).collect();
        for (account, (at, post)) in &self.history.last_post {
            if let Some(place) = places.get(account.as_str()) {
                servers.note_last((*at, *place, u8::MAX), post);
            }
        }
        if servers.listens() && !self.history.said.is_empty() {
            let numbers: HashMap<&str, usize> =
                self.posts.iter().enumerate().map(|(number, post)| (post.post.id.as_str(), number)).collect();
            let mut said: Vec<_> = self.history.said.iter().collect();
            said.sort_by_key(|said| said.at);
            for said in said {
                let place = places.get(said.account.as_str());
                let post = numbers.get(said.post.as_str()).and_then(|number| Some((*number, self.posts.get(*number)?)));
                if let (Some(place), Some((number, prepared))) = (place, post) {
                    servers.note_words(said.at, *place, number, prepared);
                }
            }
        }
        servers
    }

    /// What all accounts say at times of their own from `slots_from` on, rows there already included. What stood before
    /// is in the history.
    pub(super) fn spoken(&self, own: &[Vec<Own>]) -> Vec<(DateTime<Utc>, u32, u8, u32)> {
        let mut spoken: Vec<_> = (0..)
            .zip(own)
            .flat_map(|(account, own)| {
                let heard = own.iter().filter(|own| !own.silent);
                heard.map(move |own| (own.at, account, rank(own.kind), own.post))
            })
            .filter(|(at, ..)| self.window.slots_from <= *at && *at < self.window.until)
            .collect();
        spoken.sort_unstable();
        spoken
    }
}
