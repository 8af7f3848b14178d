//! Makes statuses, in the order Mastodon checks things: parent, media, text, window.
//!
//! Invariant: a refused status leaves nothing behind, no key and no count. What is checked is in [`super::fit`], what
//! a key does in [`super::attempt`].

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::fit::Fitted;
use super::html;
use super::ids::{AccountKey, StatusKey};
use super::key_store::Held;
use super::limits::{Family, Owner};
use super::profile::{KeptFrom, Scheduling, Warnings};
use super::refused::Refused;
use super::scan::{Piece, scan};
use super::state::{Made, ScheduledRow, State, StatusRow};
use crate::core::post::Visibility;

/// A status somebody wants to publish.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The text as written.
    pub text: String,
    /// Content warning; empty means none.
    pub warning: String,
    /// Public when absent.
    pub visibility: Option<Visibility>,
    /// Language code.
    pub language: Option<String>,
    /// Whether pictures are covered; follows the warning when absent.
    pub sensitive: Option<bool>,
    /// Id of the status it answers.
    pub in_reply_to: Option<String>,
    /// Ids of uploads, in order.
    pub media: Vec<String>,
    /// A poll instead of pictures.
    pub poll: Option<PollDraft>,
    /// Publish later; at least five minutes ahead.
    pub scheduled_at: Option<DateTime<Utc>>,
    /// Ids of the only accounts the text may name.
    pub allowed_mentions: Option<Vec<String>>,
    /// The `Idempotency-Key` header.
    pub key: Option<String>,
    /// Who may reply to it (GoToSocial's `interaction_policy`); nothing is said when absent.
    pub reply_policy: Option<ReplyPolicy>,
    /// Where it lives, when this server has only a copy of it: its fediverse-wide address, and its page.
    pub elsewhere: Option<(String, String)>,
}

/// Who may reply to a status, in GoToSocial's words: `public`, `followers`, `mentioned`, `author`, `me`, or profile URLs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplyPolicy {
    /// At once.
    pub automatic: Vec<String>,
    /// After the author approved.
    pub manual: Vec<String>,
}

/// A poll somebody wants to publish.
#[derive(Clone, Debug, Default)]
pub struct PollDraft {
    /// Two to four answers.
    pub options: Vec<String>,
    /// Seconds it lasts.
    pub expires_in: i64,
    /// Whether several answers may be chosen.
    pub multiple: bool,
}

impl Draft {
    /// A public status.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Seen by these people.
    #[must_use]
    pub fn visibility(self, visibility: Visibility) -> Self {
        Self { visibility: Some(visibility), ..self }
    }

    /// Below this status.
    #[must_use]
    pub fn in_reply_to(self, status: impl AsRef<str>) -> Self {
        Self { in_reply_to: Some(status.as_ref().to_owned()), ..self }
    }

    /// Behind this warning.
    #[must_use]
    pub fn warning(self, warning: impl Into<String>) -> Self {
        Self { warning: warning.into(), ..self }
    }

    /// These may reply: at once, and after approval.
    #[must_use]
    pub fn replies_from(self, automatic: &[&str], manual: &[&str]) -> Self {
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
        Self { reply_policy: Some(ReplyPolicy { automatic: words(automatic), manual: words(manual) }), ..self }
    }

    /// A copy of what another server has, known everywhere by this address, with this page.
    #[must_use]
    pub fn copy_of(self, uri: impl Into<String>, url: impl Into<String>) -> Self {
        Self { elsewhere: Some((uri.into(), url.into())), ..self }
    }

    /// In this language.
    #[must_use]
    pub fn language(self, language: impl Into<String>) -> Self {
        Self { language: Some(language.into()), ..self }
    }
}

/// Who writes: a client of the API; the same, long after it was answered, counted and measured; or the test's hand,
/// for which limits do not count and the profile's odd ways do not exist, because other servers' people have their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    Api,
    Late,
    Hand,
}

/// Scheduled statuses an account may hold.
const SCHEDULED_MAX: usize = 300;
/// How far ahead `scheduled_at` must be.
const SCHEDULED_AHEAD: chrono::Duration = chrono::Duration::minutes(5);
impl State {
    /// Makes a status; whether its key was here before has been asked already.
    pub(crate) fn create(
        &mut self,
        author: AccountKey,
        draft: Draft,
        now: DateTime<Utc>,
        via: Via,
    ) -> Result<Made, Refused> {
        let Fitted { parent, text, warning, media, poll, mentions, visibility, pending } =
            self.fit(author, &draft, now, via)?;
        if let (Some(_), Scheduling::Refused { status }) = (draft.scheduled_at, self.profile.scheduling) {
            return Err(Refused::Plain { status, words: "Scheduled notes are not supported" });
        }
        let later = draft.scheduled_at.filter(|at| *at > now && self.profile.scheduling != Scheduling::Ignored);
        if let Some(at) = later {
            let id = self.schedule(author, at, now)?;
            let row = ScheduledRow { id, owner: author, at, text, warning, visibility, in_reply_to: parent, media };
            self.scheduled.push(row);
            self.keep_made(author, &draft, Made::Scheduled(id), now);
            return Ok(Made::Scheduled(id));
        }
        if via == Via::Api {
            self.count_create(author, now)?;
        }
        let past = draft.scheduled_at.filter(|_| self.profile.scheduling == Scheduling::Backdates);
        let titled = via != Via::Hand && parent.is_none() && self.profile.warnings == Warnings::Titles;
        let title = Some(warning.as_str()).filter(|title| titled && !title.is_empty());
        let title = title.map(|title| format!("<h2>{}</h2>", html::escape(title))).unwrap_or_default();
        let status = StatusKey(self.ids.next(now));
        let row = StatusRow {
            key: status,
            author,
            html: title + &self.html_of(&text),
            sensitive: draft.sensitive.unwrap_or(false) || !warning.is_empty(),
            tags: tags_in(&text),
            text,
            warning: if titled { String::new() } else { warning },
            language: draft.language.clone().or_else(|| Some("en".to_owned())),
            visibility,
            in_reply_to: parent,
            pending,
            reblog_of: None,
            created_at: past.unwrap_or(now),
            edited_at: None,
            deleted_at: None,
            mentions,
            media,
            poll,
            replies: Vec::new(),
            favourites: HashSet::new(),
            boosts: HashMap::new(),
            reply_policy: draft.reply_policy.clone(),
            elsewhere: draft.elsewhere.clone(),
            idempotency_key: draft.key.clone().filter(|key| !key.is_empty()),
        };
        self.insert(row, now);
        self.keep_made(author, &draft, Made::Status(status), now);
        Ok(Made::Status(status))
    }

    /// Remembers what a key made, where keys are kept from success on.
    fn keep_made(&mut self, author: AccountKey, draft: &Draft, made: Made, now: DateTime<Utc>) {
        if self.keeps_from(KeptFrom::Success) || self.claim().is_some() {
            self.keep(author, draft.key.as_deref(), Held::Made(made), now);
        }
    }

    /// Puts a finished row into every index and tells those concerned.
    pub(crate) fn insert(&mut self, row: StatusRow, now: DateTime<Utc>) {
        let (key, author, parent) = (row.key, row.author, row.in_reply_to);
        // Nobody hears of an answer that waits for a yes.
        let mentions = if row.pending { Vec::new() } else { row.mentions.clone() };
        for media in &row.media {
            if let Some(media) = self.media.get_mut(media) {
                media.attached = Some(key);
            }
        }
        if let Some(parent) = parent.and_then(|parent| self.statuses.get_mut(&parent)) {
            parent.replies.push(key);
        }
        if let Some(account) = self.accounts.get_mut(&author) {
            account.statuses.push(key);
            account.standing += 1;
        }
        self.order.push(key);
        self.statuses.insert(key, row);
        for named in mentions {
            if let Some(account) = self.accounts.get_mut(&named) {
                account.named_in.push(key);
            }
            self.notify(named, "mention", author, Some(key), now);
        }
        self.push_home(key, "update");
    }

    /// Counts a create or edit in its window.
    pub(crate) fn count_create(&mut self, author: AccountKey, now: DateTime<Utc>) -> Result<(), Refused> {
        let Some(limits) = &self.profile.limits else { return Ok(()) };
        let Some(window) = limits.create else { return Ok(()) };
        let left = self.counters.count(Family::Create, Owner::Account(author), window, now);
        if left.over { Err(Refused::TooMany) } else { Ok(()) }
    }

    /// Room for a status for later.
    fn schedule(&mut self, author: AccountKey, at: DateTime<Utc>, now: DateTime<Utc>) -> Result<u64, Refused> {
        if at <= now + SCHEDULED_AHEAD {
            return Err(Refused::Invalid("Scheduled at The scheduled date must be in the future".to_owned()));
        }
        if self.scheduled.iter().filter(|row| row.owner == author).count() >= SCHEDULED_MAX {
            let text = format!("Base You have exceeded the limit of {SCHEDULED_MAX} scheduled posts");
            return Err(Refused::Invalid(text));
        }
        Ok(self.ids.next(now))
    }

    /// Accounts the text names, in order, each once.
    pub(crate) fn mentions_in(&self, text: &str) -> Vec<AccountKey> {
        let mut named = Vec::new();
        for piece in scan(text) {
            if let Piece::Mention { user, host, .. } = piece
                && let Some(row) = self.resolve(user, host)
                && !named.contains(&row.key)
            {
                named.push(row.key);
            }
        }
        named
    }

    pub(crate) fn html_of(&self, text: &str) -> String {
        html::content(text, &self.base, |user, host| self.link_of(user, host))
    }
}

/// Hashtags of the text in lower case, each once.
pub(crate) fn tags_in(text: &str) -> Vec<String> {
    let mut tags = Vec::new();
    for piece in scan(text) {
        if let Piece::Hashtag(word) = piece {
            let word = word.to_lowercase();
            if !tags.contains(&word) {
                tags.push(word);
            }
        }
    }
    tags
}
