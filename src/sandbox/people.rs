//! Accounts: made, followed, blocked, limited, their tokens given and taken.

use std::collections::HashSet;
use std::fmt;

use chrono::{DateTime, Utc};

use super::SandboxError;
use super::ids::AccountKey;
use super::state::{AccountRow, Part, Policy, State, TokenRow};

/// Scopes of the tokens the sandbox gives away by hand.
pub(crate) const ALL_SCOPES: &str = "read write follow push";

/// An account to be made.
#[derive(Clone)]
pub struct NewAccount {
    name: String,
    display_name: Option<String>,
    note: String,
    token: Option<String>,
    scopes: String,
    bot: bool,
    limited: bool,
    part: Part,
    policy: Policy,
    answers: Answers,
}

/// Who may answer an account's statuses, on servers where people can say so (GoToSocial's interaction policy).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answers {
    /// Anybody.
    #[default]
    Anybody,
    /// Anybody; until the account says yes, nobody but it and the author sees the answer.
    WithApproval,
    /// Nobody: 403.
    Nobody,
}

impl fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token stays out.
        f.debug_struct("NewAccount").field("name", &self.name).field("part", &self.part).finish_non_exhaustive()
    }
}

impl NewAccount {
    /// An account a bot speaks through, marked as a bot.
    pub fn campaign(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            display_name: None,
            note: String::new(),
            token: None,
            scopes: ALL_SCOPES.to_owned(),
            bot: true,
            limited: false,
            part: Part::Campaign,
            policy: Policy::default(),
            answers: Answers::Anybody,
        }
    }

    /// An invented person; `somebody@far.example` lives on another server. Follows every campaign account.
    pub fn follower(name: impl Into<String>) -> Self {
        Self { bot: false, part: Part::Follower, ..Self::campaign(name) }
    }

    /// The name shown above statuses.
    #[must_use]
    pub fn display_name(self, display_name: impl Into<String>) -> Self {
        Self { display_name: Some(display_name.into()), ..self }
    }

    /// What the profile says, such as `#nobot`.
    #[must_use]
    pub fn note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }

    /// This token instead of one thrown by dice.
    #[must_use]
    pub fn token(self, token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..self }
    }

    /// Only these scopes, separated by spaces.
    #[must_use]
    pub fn scopes(self, scopes: impl Into<String>) -> Self {
        Self { scopes: scopes.into(), ..self }
    }

    /// Marked as a bot, or not.
    #[must_use]
    pub fn bot(self, bot: bool) -> Self {
        Self { bot, ..self }
    }

    /// Limited by the moderators: public becomes unlisted, mentions are filtered.
    #[must_use]
    pub fn limited(self) -> Self {
        Self { limited: true, ..self }
    }

    /// Only these may answer.
    #[must_use]
    pub fn answers(self, answers: Answers) -> Self {
        Self { answers, ..self }
    }

    /// Another notification policy.
    #[must_use]
    pub fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }
}

/// What a client needs to act as an account.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The account's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its access token.
    pub token: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

impl State {
    pub(crate) fn add_account(&mut self, new: NewAccount, now: DateTime<Utc>) -> Result<Credentials, SandboxError> {
        let name = new.name.trim_start_matches('@');
        let (user, host) = name.split_once('@').map_or((name, None), |(user, host)| (user, Some(host)));
        let host = host.filter(|host| !self.is_here(host));
        let plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let is_host = |host: &str| host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:".contains(c));
        if !plain(user) || host.is_some_and(|host| host.is_empty() || !is_host(host)) {
            return Err(SandboxError::BadName(new.name));
        }
        let index = host.map_or_else(|| user.to_owned(), |host| format!("{user}@{host}")).to_lowercase();
        if self.names.contains_key(&index) {
            return Err(SandboxError::NameTaken(index));
        }
        let key = AccountKey(self.ids.next(now));
        let others: Vec<AccountKey> =
            self.accounts.values().filter(|row| row.part != new.part).map(|row| row.key).collect();
        let row = AccountRow {
            key,
            username: user.to_owned(),
            host: host.map(str::to_owned),
            part: new.part,
            display_name: new.display_name.unwrap_or_else(|| user.to_owned()),
            note: new.note,
            bot: new.bot,
            limited: new.limited,
            policy: new.policy,
            answers: new.answers,
            created_at: now,
            statuses: Vec::new(),
            standing: 0,
            notifications: Vec::new(),
            named_in: Vec::new(),
            follows: HashSet::new(),
            followers: HashSet::new(),
            blocks: HashSet::new(),
        };
        self.accounts.insert(key, row);
        self.names.insert(index.clone(), key);
        for other in others {
            match new.part {
                Part::Follower => self.follow(key, other),
                Part::Campaign => self.follow(other, key),
            }
        }
        let token = match new.token {
            Some(token) => token,
            None => self.secret(),
        };
        self.give_token(token.clone(), Some(key), new.scopes);
        Ok(Credentials { id: self.id(key), name: index, token })
    }

    pub(crate) fn give_token(&mut self, token: String, account: Option<AccountKey>, scopes: String) {
        let serial = u64::try_from(self.tokens.len()).unwrap_or(u64::MAX);
        self.tokens.insert(token, TokenRow { account, serial, scopes, revoked: None });
    }

    /// `who` follows `whom` from now on.
    pub(crate) fn follow(&mut self, who: AccountKey, whom: AccountKey) {
        if who == whom {
            return;
        }
        if let Some(row) = self.accounts.get_mut(&who) {
            row.follows.insert(whom);
        }
        if let Some(row) = self.accounts.get_mut(&whom) {
            row.followers.insert(who);
        }
    }

    /// `who` no longer follows `whom`.
    pub(crate) fn unfollow(&mut self, who: AccountKey, whom: AccountKey) {
        if let Some(row) = self.accounts.get_mut(&who) {
            row.follows.remove(&whom);
        }
        if let Some(row) = self.accounts.get_mut(&whom) {
            row.followers.remove(&who);
        }
    }

    /// `who` blocks `whom`; both stop following each other.
    pub(crate) fn block(&mut self, who: AccountKey, whom: AccountKey) {
        self.unfollow(who, whom);
        self.unfollow(whom, who);
        if let Some(row) = self.accounts.get_mut(&who) {
            row.blocks.insert(whom);
        }
    }
}
