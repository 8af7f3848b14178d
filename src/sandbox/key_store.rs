//! Keeps `Idempotency-Key`s the way the profile says (SERVERS.md §2): for how long, whose they are, what a repeated one
//! does, what a restart forgets.
//!
//! Invariant: rows that have run out are swept away as the store grows, so that a sandbox that runs for days keeps the
//! keys of one window only. What a status is, is not known here.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::answer::Said;
use super::ids::AccountKey;
use super::profile::{AfterDeletion, KeptFrom, KeyOwner, Keys, Memory, Overlap, Repeat};
use super::refused::Refused;
use super::state::{Made, State};

/// Below this many rows nothing is swept.
const FEW: usize = 1_024;

/// A key and whose it is; nobody's where all accounts share them.
pub(crate) type Scope = (Option<AccountKey>, String);

/// What a key stands for.
#[derive(Clone, Debug)]
pub(crate) enum Held {
    /// What it made.
    Made(Made),
    /// The answer it was given, whatever that was.
    Said(Said),
    /// Only that it came.
    Arrived,
}

#[derive(Clone, Debug)]
struct KeyRow {
    held: Held,
    by: AccountKey,
    until: DateTime<Utc>,
}

/// The keys a server remembers, and those whose request is under way.
#[derive(Debug, Default)]
pub(crate) struct KeyStore {
    rows: HashMap<Scope, KeyRow>,
    under_way: HashSet<Scope>,
    sweep_at: usize,
}

/// What a look at the store finds.
#[derive(Debug)]
pub(crate) enum Look {
    /// Nothing that matters.
    New,
    /// It was here before.
    Repeat(Held),
    /// It is being worked on; whoever asks must wait.
    UnderWay,
}

impl State {
    /// Where a key is kept; `None` where keys are not looked at.
    pub(crate) fn scope(&self, author: AccountKey, key: Option<&str>) -> Option<Scope> {
        let keys = self.profile.idempotency.keys()?;
        let key = key.filter(|key| !key.is_empty())?.to_owned();
        Some(match keys.owner {
            KeyOwner::Account => (Some(author), key),
            KeyOwner::FirstAccount { .. } | KeyOwner::Server => (None, key),
        })
    }

    /// Whether keys are kept from this moment on.
    pub(crate) fn keeps_from(&self, from: KeptFrom) -> bool {
        self.profile.idempotency.keys().is_some_and(|keys| keys.from == from)
    }

    /// What a claimed key is answered whose first request came to nothing, where keys are claimed.
    pub(crate) fn claim(&self) -> Option<u16> {
        match self.profile.idempotency.keys()?.from {
            KeptFrom::Claim { status } => Some(status),
            KeptFrom::Success | KeptFrom::AnyAnswer | KeptFrom::Arrival => None,
        }
    }

    /// Looks for a key that was here before.
    pub(crate) fn look_up(&self, author: AccountKey, key: Option<&str>, now: DateTime<Utc>) -> Result<Look, Refused> {
        let (Some(keys), Some(scope)) = (self.profile.idempotency.keys(), self.scope(author, key)) else {
            return Ok(Look::New);
        };
        match self.keys.rows.get(&scope).filter(|row| row.until > now) {
            Some(row)
                if matches!(row.held, Held::Arrived)
                    && keys.overlap == Overlap::Waits
                    && self.keys.under_way.contains(&scope) =>
            {
                Ok(Look::UnderWay)
            }
            Some(row) => self.repeated(&keys, row, author),
            None if !self.keys.under_way.contains(&scope) => Ok(Look::New),
            None => match keys.overlap {
                Overlap::BothPost => Ok(Look::New),
                Overlap::Waits => Ok(Look::UnderWay),
                Overlap::Refused { status } => {
                    Err(Refused::Plain { status, words: "There was a temporary problem serving your request" })
                }
            },
        }
    }

    fn repeated(&self, keys: &Keys, row: &KeyRow, author: AccountKey) -> Result<Look, Refused> {
        if let KeyOwner::FirstAccount { status } = keys.owner
            && row.by != author
        {
            return Err(Refused::Plain { status, words: "permission denied" });
        }
        if let Held::Made(Made::Status(status)) = row.held
            && self.standing(status).is_none()
        {
            return match keys.deleted {
                AfterDeletion::NotFound => Err(Refused::NotFound),
                AfterDeletion::New => Ok(Look::New),
            };
        }
        match keys.repeat {
            Repeat::SameAnswer => Ok(Look::Repeat(row.held.clone())),
            Repeat::Fails { status } => Err(Refused::Plain { status, words: "This request was received before" }),
        }
    }

    /// Remembers what a key stands for.
    pub(crate) fn keep(&mut self, author: AccountKey, key: Option<&str>, held: Held, now: DateTime<Utc>) {
        let (Some(keys), Some(scope)) = (self.profile.idempotency.keys(), self.scope(author, key)) else { return };
        let store = &mut self.keys;
        if store.rows.len() >= store.sweep_at.max(FEW) {
            store.rows.retain(|_, row| row.until > now);
            store.sweep_at = store.rows.len() * 2;
        }
        let until = now + chrono::Duration::seconds(i64::from(keys.seconds));
        store.rows.insert(scope, KeyRow { held, by: author, until });
    }

    /// Forgets a key at once.
    pub(crate) fn forget(&mut self, author: AccountKey, key: Option<&str>) {
        if let Some(scope) = self.scope(author, key) {
            self.keys.rows.remove(&scope);
        }
    }

    /// A request with this key is being worked on, or no longer.
    pub(crate) fn set_under_way(&mut self, scope: Option<Scope>, is: bool) {
        if let Some(scope) = scope {
            if is {
                self.keys.under_way.insert(scope);
            } else {
                self.keys.under_way.remove(&scope);
            }
        }
    }

    pub(crate) fn is_under_way(&self, scope: &Scope) -> bool {
        self.keys.under_way.contains(scope)
    }

    /// What a restart of the server's process does to its keys.
    pub(crate) fn restart_keys(&mut self) {
        if self.profile.idempotency.keys().is_some_and(|keys| keys.memory == Memory::Process) {
            self.keys.rows.clear();
        }
    }

    /// How many keys are in memory, those that ran out included.
    #[must_use]
    pub fn keys_kept(&self) -> usize {
        self.keys.rows.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Dice;
    use crate::sandbox::profile::Profile;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn keys_that_ran_out_are_swept_away() {
        let mut state = State::new(Profile::mastodon(), String::new(), "h".into(), Dice::seeded(1), 1);
        for second in 0..20_000 {
            state.keep(AccountKey(1), Some(&format!("key {second}")), Held::Arrived, at(second));
        }
        assert!(state.keys_kept() <= 2 * 3_600 + 1, "{}", state.keys_kept());
        assert!(matches!(state.look_up(AccountKey(1), Some("key 19999"), at(20_000)), Ok(Look::Repeat(_))));
        assert!(matches!(state.look_up(AccountKey(1), Some("key 16000"), at(20_000)), Ok(Look::New)));
    }
}
