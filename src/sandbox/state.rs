//! Everything the server knows: accounts, tokens, statuses, notifications, media, keys.
//!
//! Invariants: indexes by name, token and id hold for every row; a deleted status stays as a row marked deleted (so
//! that tests can count what was ever said) and is invisible to the API; lists of keys are in growing order, so that
//! cursors are found by binary search and no request walks all statuses.
//!
//! Not known here: HTTP. The lock around it is a std `Mutex` held for single operations, never over an `await`.

use std::collections::{HashMap, HashSet, VecDeque};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::create::ReplyPolicy;
use super::faults::Faults;
use super::html::Named;
use super::ids::{AccountKey, MediaKey, NotificationKey, Snowflakes, StatusKey};
use super::key_store::KeyStore;
use super::late::LateRow;
use super::limits::Counters;
use super::people::Answers;
use super::profile::{LocalAcct, Profile};
use super::seen::RequestSeen;
use crate::clock::Dice;
use crate::core::post::Visibility;

/// The server's memory. Tests read it through [`super::Sandbox::look`] and [`super::Sandbox::wait_until`].
#[derive(Debug)]
pub struct State {
    pub(crate) profile: Profile,
    pub(crate) base: String,
    pub(crate) domain: String,
    pub(crate) accounts: HashMap<AccountKey, AccountRow>,
    /// Lower-case `user` or `user@host` to account.
    pub(crate) names: HashMap<String, AccountKey>,
    pub(crate) tokens: HashMap<String, TokenRow>,
    pub(crate) apps: HashMap<String, AppRow>,
    /// Authorization codes not yet traded.
    pub(crate) codes: HashMap<String, CodeRow>,
    pub(crate) statuses: HashMap<StatusKey, StatusRow>,
    /// All statuses ever, oldest first.
    pub(crate) order: Vec<StatusKey>,
    pub(crate) media: HashMap<MediaKey, MediaRow>,
    pub(crate) keys: KeyStore,
    /// Statuses accepted and not there yet.
    pub(crate) late: Vec<LateRow>,
    pub(crate) scheduled: Vec<ScheduledRow>,
    pub(crate) ids: Snowflakes,
    pub(crate) last_notification: u64,
    pub(crate) lines: HashMap<AccountKey, Vec<Line>>,
    pub(crate) last_line: u64,
    /// Streams ever opened, by account.
    pub(crate) lines_opened: HashMap<AccountKey, u64>,
    /// Events that went down some stream, by account.
    pub(crate) pushed: HashMap<AccountKey, u64>,
    pub(crate) counters: Counters,
    pub(crate) faults: Faults,
    pub(crate) dice: Dice,
    pub(crate) requests: VecDeque<RequestSeen>,
    pub(crate) requests_dropped: usize,
    pub(crate) requests_kept: usize,
    pub(crate) hanging: usize,
    /// Requests that go on when their client leaves, from their first byte read to their last word.
    pub(crate) at_work: usize,
}

/// Whether an account belongs to the campaign or is an invented person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// An account a bot speaks through.
    Campaign,
    /// Somebody who reads, asks and answers.
    Follower,
}

/// What the notification policy says about one kind of sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Listed and streamed.
    Accept,
    /// Kept, neither streamed nor listed without `include_filtered`.
    Filter,
    /// Nothing is kept.
    Drop,
}

/// The notification policy of an account; Mastodon's defaults filter private mentions and limited accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Direct mentions from people the account does not follow, unless they answer it.
    pub private_mentions: Rule,
    /// Mentions from limited accounts.
    pub limited_accounts: Rule,
}

impl Default for Policy {
    fn default() -> Self {
        Self { private_mentions: Rule::Filter, limited_accounts: Rule::Filter }
    }
}

#[derive(Debug)]
pub(crate) struct AccountRow {
    pub(crate) key: AccountKey,
    pub(crate) username: String,
    /// Set for accounts of other servers.
    pub(crate) host: Option<String>,
    pub(crate) part: Part,
    pub(crate) display_name: String,
    pub(crate) note: String,
    pub(crate) bot: bool,
    /// Limited ("silenced") by the moderators.
    pub(crate) limited: bool,
    pub(crate) policy: Policy,
    pub(crate) answers: Answers,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) statuses: Vec<StatusKey>,
    pub(crate) standing: usize,
    pub(crate) notifications: Vec<NotificationRow>,
    /// Statuses that name this account, oldest first.
    pub(crate) named_in: Vec<StatusKey>,
    pub(crate) follows: HashSet<AccountKey>,
    pub(crate) followers: HashSet<AccountKey>,
    pub(crate) blocks: HashSet<AccountKey>,
}

#[derive(Clone, Debug)]
pub(crate) struct TokenRow {
    /// `None` for a token of an app alone.
    pub(crate) account: Option<AccountKey>,
    pub(crate) serial: u64,
    pub(crate) scopes: String,
    /// Set once the token is revoked: the status code it is answered with.
    pub(crate) revoked: Option<u16>,
}

#[derive(Clone, Debug)]
pub(crate) struct AppRow {
    pub(crate) name: String,
    pub(crate) website: Option<String>,
    pub(crate) secret: String,
    pub(crate) redirect_uri: String,
    pub(crate) scopes: String,
}

#[derive(Clone, Debug)]
pub(crate) struct CodeRow {
    pub(crate) client_id: String,
    pub(crate) account: AccountKey,
    pub(crate) redirect_uri: String,
    pub(crate) scopes: String,
    /// PKCE: base64url of the SHA-256 of the verifier.
    pub(crate) challenge: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct StatusRow {
    pub(crate) key: StatusKey,
    pub(crate) author: AccountKey,
    pub(crate) text: String,
    pub(crate) html: String,
    pub(crate) warning: String,
    pub(crate) sensitive: bool,
    pub(crate) language: Option<String>,
    pub(crate) visibility: Visibility,
    pub(crate) in_reply_to: Option<StatusKey>,
    /// Waits for the yes of the account it answers.
    pub(crate) pending: bool,
    pub(crate) reblog_of: Option<StatusKey>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) edited_at: Option<DateTime<Utc>>,
    pub(crate) deleted_at: Option<DateTime<Utc>>,
    pub(crate) mentions: Vec<AccountKey>,
    pub(crate) tags: Vec<String>,
    pub(crate) media: Vec<MediaKey>,
    pub(crate) poll: Option<PollRow>,
    pub(crate) replies: Vec<StatusKey>,
    pub(crate) favourites: HashSet<AccountKey>,
    pub(crate) boosts: HashMap<AccountKey, StatusKey>,
    pub(crate) reply_policy: Option<ReplyPolicy>,
    /// Address and page of what this is a copy of.
    pub(crate) elsewhere: Option<(String, String)>,
    pub(crate) idempotency_key: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct PollRow {
    pub(crate) options: Vec<String>,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) multiple: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct MediaRow {
    pub(crate) key: MediaKey,
    pub(crate) owner: AccountKey,
    pub(crate) bytes: axum::body::Bytes,
    pub(crate) mime: String,
    pub(crate) description: Option<String>,
    pub(crate) focus: (f64, f64),
    pub(crate) progress: Progress,
    pub(crate) attached: Option<StatusKey>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Ready,
    /// Ready after so many more looks.
    Looks(u32),
    Failed,
}

/// What a creation made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    Status(StatusKey),
    Scheduled(u64),
}

#[derive(Clone, Debug)]
pub(crate) struct ScheduledRow {
    pub(crate) id: u64,
    pub(crate) owner: AccountKey,
    pub(crate) at: DateTime<Utc>,
    pub(crate) text: String,
    pub(crate) warning: String,
    pub(crate) visibility: Visibility,
    pub(crate) in_reply_to: Option<StatusKey>,
    pub(crate) media: Vec<MediaKey>,
}

#[derive(Clone, Debug)]
pub(crate) struct NotificationRow {
    pub(crate) key: NotificationKey,
    pub(crate) kind: &'static str,
    pub(crate) from: AccountKey,
    pub(crate) status: Option<StatusKey>,
    pub(crate) created_at: DateTime<Utc>,
    /// When it can be read.
    pub(crate) listed_at: DateTime<Utc>,
    pub(crate) filtered: bool,
}

/// One open stream.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) id: u64,
    pub(crate) topics: Vec<String>,
    pub(crate) to: mpsc::UnboundedSender<Push>,
}

/// What is sent down an open stream.
#[derive(Clone, Debug)]
pub(crate) enum Push {
    Frame(String),
    Close(u16),
    Cut,
    Silence,
}

impl State {
    pub(crate) fn new(profile: Profile, base: String, domain: String, dice: Dice, requests_kept: usize) -> Self {
        Self {
            profile,
            base,
            domain,
            accounts: HashMap::new(),
            names: HashMap::new(),
            tokens: HashMap::new(),
            apps: HashMap::new(),
            codes: HashMap::new(),
            statuses: HashMap::new(),
            order: Vec::new(),
            media: HashMap::new(),
            keys: KeyStore::default(),
            late: Vec::new(),
            scheduled: Vec::new(),
            ids: Snowflakes::default(),
            last_notification: 1_000,
            lines: HashMap::new(),
            last_line: 0,
            pushed: HashMap::new(),
            lines_opened: HashMap::new(),
            counters: Counters::default(),
            faults: Faults::default(),
            dice,
            requests: VecDeque::new(),
            requests_dropped: 0,
            requests_kept,
            hanging: 0,
            at_work: 0,
        }
    }

    /// The account of this name: `eyes`, `@eyes`, `eyes@this.host` or `somebody@far.example`.
    pub(crate) fn named(&self, name: &str) -> Option<&AccountRow> {
        let name = name.trim_start_matches('@').to_lowercase();
        let (user, host) = name.split_once('@').map_or((name.as_str(), None), |(user, host)| (user, Some(host)));
        self.resolve(user, host)
    }

    /// Who `@user` or `@user@host` in a text means.
    pub(crate) fn resolve(&self, user: &str, host: Option<&str>) -> Option<&AccountRow> {
        let name = match host {
            Some(host) if !self.is_here(host) => format!("{user}@{host}").to_lowercase(),
            _ => user.to_lowercase(),
        };
        self.names.get(&name).and_then(|key| self.accounts.get(key))
    }

    /// Whether a name's host is this server, with or without its port.
    pub(crate) fn is_here(&self, host: &str) -> bool {
        host.eq_ignore_ascii_case(&self.domain) || host.eq_ignore_ascii_case(self.host())
    }

    /// This server's host without its port.
    fn host(&self) -> &str {
        self.domain.rsplit_once(':').map_or(self.domain.as_str(), |(host, _port)| host)
    }

    /// As [`super::html`] wants it.
    pub(crate) fn link_of(&self, user: &str, host: Option<&str>) -> Option<Named> {
        let row = self.resolve(user, host)?;
        Some(Named { url: self.profile_url(row), username: row.username.clone() })
    }

    /// Profile page of an account.
    pub(crate) fn profile_url(&self, row: &AccountRow) -> String {
        match &row.host {
            None => format!("{}/@{}", self.base, row.username),
            Some(host) => format!("https://{host}/@{}", row.username),
        }
    }

    /// `acct` of an account.
    pub(crate) fn acct(&self, row: &AccountRow) -> String {
        match (&row.host, self.profile.local_acct) {
            (Some(host), _) => format!("{}@{host}", row.username),
            (None, LocalAcct::Short) => row.username.clone(),
            (None, LocalAcct::WithHost) => format!("{}@{}", row.username, self.host()),
            (None, LocalAcct::WithPort) => format!("{}@{}", row.username, self.domain),
        }
    }

    /// A status that stands.
    pub(crate) fn standing(&self, key: StatusKey) -> Option<&StatusRow> {
        self.statuses.get(&key).filter(|row| row.deleted_at.is_none())
    }

    /// A status that stands and that this viewer may see.
    pub(crate) fn visible(&self, key: StatusKey, viewer: Option<AccountKey>) -> Option<&StatusRow> {
        self.standing(key).filter(|row| self.may_see(row, viewer))
    }

    pub(crate) fn may_see(&self, row: &StatusRow, viewer: Option<AccountKey>) -> bool {
        if viewer == Some(row.author) {
            return true;
        }
        if row.pending {
            let answered = row.in_reply_to.and_then(|parent| self.statuses.get(&parent));
            return viewer.is_some() && answered.map(|parent| parent.author) == viewer;
        }
        let Some(author) = self.accounts.get(&row.author) else { return false };
        if viewer.is_some_and(|viewer| author.blocks.contains(&viewer)) {
            return false;
        }
        let is_named = viewer.is_some_and(|viewer| row.mentions.contains(&viewer));
        match row.visibility {
            Visibility::Public | Visibility::Unlisted => true,
            Visibility::Private => is_named || viewer.is_some_and(|viewer| author.followers.contains(&viewer)),
            Visibility::Direct => is_named,
        }
    }

    /// A fresh unforeseeable token; the same seed gives the same tokens.
    pub(crate) fn secret(&mut self) -> String {
        hex::encode(self.dice.bytes()).chars().take(43).collect()
    }
}
