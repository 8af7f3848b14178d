//! Makes statuses, in the order Mastodon checks things: parent, key, media, text, window.
//!
//! Invariants: a refused status leaves nothing behind, no key and no count; a key is remembered from success only.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde_json::json;

use super::html;
use super::ids::{AccountKey, MediaKey, StatusKey};
use super::length::counted;
use super::limits::{Family, Owner};
use super::profile::Idempotency;
use super::refused::Refused;
use super::scan::{Piece, scan};
use super::state::{KeyRow, Made, PollRow, Progress, ScheduledRow, State, StatusRow};
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

    /// In this language.
    #[must_use]
    pub fn language(self, language: impl Into<String>) -> Self {
        Self { language: Some(language.into()), ..self }
    }
}

/// Who writes: a client of the API, or the test's hand, for which limits do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    Api,
    Hand,
}

/// Scheduled statuses an account may hold.
const SCHEDULED_MAX: usize = 300;
/// How far ahead `scheduled_at` must be.
const SCHEDULED_AHEAD: chrono::Duration = chrono::Duration::minutes(5);
/// Mastodon's shortest and longest poll, in seconds.
pub(crate) const POLL_SECONDS: (i64, i64) = (300, 2_629_746);
/// Mastodon's longest poll answer and largest number of them.
pub(crate) const POLL_OPTION_CHARS: usize = 50;
pub(crate) const POLL_OPTIONS: usize = 4;

impl State {
    /// Makes a status, or finds the one its key made before.
    pub(crate) fn create(
        &mut self,
        author: AccountKey,
        draft: Draft,
        now: DateTime<Utc>,
        via: Via,
    ) -> Result<Made, Refused> {
        let parent = match draft.in_reply_to.as_deref().filter(|id| !id.is_empty()) {
            None => None,
            Some(id) => {
                let found = StatusKey::parse(id).and_then(|key| self.visible(key, Some(author)));
                Some(found.ok_or(Refused::ParentNotFound)?.key)
            }
        };
        let key = draft.key.clone().filter(|key| !key.is_empty());
        if let Some(made) = key.as_ref().and_then(|key| self.made_by(author, key, now)) {
            return match made {
                Made::Status(status) if self.standing(status).is_none() => Err(Refused::NotFound),
                Made::Status(_) | Made::Scheduled(_) => Ok(made),
            };
        }
        let media = self.fit_media(author, &draft)?;
        let warning = draft.warning.trim().to_owned();
        let mut text = draft.text.clone();
        if text.trim().is_empty() && !warning.is_empty() {
            text = warning.clone();
        }
        if draft.scheduled_at.is_some_and(|at| at > now) {
            return self.schedule(author, &draft, text, warning, parent, media, now);
        }
        let poll = self.fit_text(&draft, &text, &warning, &media, via, now)?;
        let mentions = self.mentions_in(&text);
        self.only_allowed(&draft, author, &mentions)?;
        if via == Via::Api {
            self.count_create(author, now)?;
        }
        let limited = self.accounts.get(&author).is_some_and(|row| row.limited);
        let asked = draft.visibility.unwrap_or(Visibility::Public);
        let visibility = if limited && asked == Visibility::Public { Visibility::Unlisted } else { asked };
        let status = StatusKey(self.ids.next(now));
        let row = StatusRow {
            key: status,
            author,
            html: self.html_of(&text),
            sensitive: draft.sensitive.unwrap_or(false) || !warning.is_empty(),
            tags: tags_in(&text),
            text,
            warning,
            language: draft.language.or_else(|| Some("en".to_owned())),
            visibility,
            in_reply_to: parent,
            reblog_of: None,
            created_at: now,
            edited_at: None,
            deleted_at: None,
            mentions,
            media,
            poll,
            replies: Vec::new(),
            favourites: HashSet::new(),
            boosts: HashMap::new(),
            idempotency_key: key.clone(),
        };
        self.insert(row, now);
        self.remember(author, key, Made::Status(status), now);
        Ok(Made::Status(status))
    }

    /// Puts a finished row into every index and tells those concerned.
    pub(crate) fn insert(&mut self, row: StatusRow, now: DateTime<Utc>) {
        let (key, author, parent, mentions) = (row.key, row.author, row.in_reply_to, row.mentions.clone());
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

    fn made_by(&self, author: AccountKey, key: &str, now: DateTime<Utc>) -> Option<Made> {
        match self.profile.idempotency {
            Idempotency::Ignored => None,
            Idempotency::Kept { .. } => {
                self.keys.get(&(author, key.to_owned())).filter(|row| row.until > now).map(|row| row.made)
            }
        }
    }

    fn remember(&mut self, author: AccountKey, key: Option<String>, made: Made, now: DateTime<Utc>) {
        if let (Some(key), Idempotency::Kept { seconds }) = (key, self.profile.idempotency) {
            let until = now + chrono::Duration::seconds(i64::from(seconds));
            self.keys.insert((author, key), KeyRow { made, until });
        }
    }

    fn fit_media(&self, author: AccountKey, draft: &Draft) -> Result<Vec<MediaKey>, Refused> {
        let max = self.profile.max_media;
        if draft.media.len() > max || (!draft.media.is_empty() && draft.poll.is_some()) {
            return Err(Refused::Unprocessable(format!("Cannot attach more than {max} files")));
        }
        let mut missing = Vec::new();
        let mut found = Vec::new();
        for id in &draft.media {
            let row = MediaKey::parse(id).and_then(|key| self.media.get(&key));
            match row.filter(|row| row.owner == author && row.attached.is_none()) {
                Some(row) => found.push(row),
                None => missing.push(id.as_str()),
            }
        }
        if !missing.is_empty() {
            let ids = missing.join(", ");
            return Err(Refused::Unprocessable(format!("Media {ids} not found or already attached to another post")));
        }
        let moving = |row: &&super::state::MediaRow| !row.mime.starts_with("image/");
        if found.len() > 1 && found.iter().any(moving) {
            let text = "Cannot attach a video to a post that already contains images";
            return Err(Refused::Unprocessable(text.to_owned()));
        }
        if found.iter().any(|row| row.progress != Progress::Ready) {
            let text = "Cannot attach files that have not finished processing. Try again in a moment!";
            return Err(Refused::Unprocessable(text.to_owned()));
        }
        Ok(found.into_iter().map(|row| row.key).collect())
    }

    fn fit_text(
        &self,
        draft: &Draft,
        text: &str,
        warning: &str,
        media: &[MediaKey],
        via: Via,
        now: DateTime<Utc>,
    ) -> Result<Option<PollRow>, Refused> {
        let mut wrong = Vec::new();
        if text.trim().is_empty() && media.is_empty() {
            wrong.push("Text can't be blank".to_owned());
        }
        let max = self.profile.max_characters;
        if via == Via::Api && counted(text, warning, self.profile.length_rule) > max {
            wrong.push(format!("Text character limit of {max} exceeded"));
        }
        let poll = draft.poll.as_ref().map(|poll| fit_poll(poll, now, &mut wrong));
        if wrong.is_empty() { Ok(poll) } else { Err(Refused::Invalid(wrong.join(", "))) }
    }

    fn only_allowed(&self, draft: &Draft, author: AccountKey, mentions: &[AccountKey]) -> Result<(), Refused> {
        let Some(allowed) = &draft.allowed_mentions else { return Ok(()) };
        let beyond: Vec<_> = mentions
            .iter()
            .filter(|key| **key != author && !allowed.contains(&key.to_string()))
            .filter_map(|key| self.accounts.get(key))
            .map(|row| json!({ "id": row.key, "acct": self.acct(row) }))
            .collect();
        if beyond.is_empty() { Ok(()) } else { Err(Refused::UnexpectedMentions(beyond)) }
    }

    /// Counts a create or edit in its window.
    pub(crate) fn count_create(&mut self, author: AccountKey, now: DateTime<Utc>) -> Result<(), Refused> {
        let Some(limits) = &self.profile.limits else { return Ok(()) };
        let left = self.counters.count(Family::Create, Owner::Account(author), limits.create, now);
        if left.over { Err(Refused::TooMany) } else { Ok(()) }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a draft that were checked one by one")]
    fn schedule(
        &mut self,
        author: AccountKey,
        draft: &Draft,
        text: String,
        warning: String,
        parent: Option<StatusKey>,
        media: Vec<MediaKey>,
        now: DateTime<Utc>,
    ) -> Result<Made, Refused> {
        let at = draft.scheduled_at.unwrap_or(now);
        if at <= now + SCHEDULED_AHEAD {
            return Err(Refused::Invalid("Scheduled at The scheduled date must be in the future".to_owned()));
        }
        if self.scheduled.iter().filter(|row| row.owner == author).count() >= SCHEDULED_MAX {
            let text = format!("Base You have exceeded the limit of {SCHEDULED_MAX} scheduled posts");
            return Err(Refused::Invalid(text));
        }
        let id = self.ids.next(now);
        let visibility = draft.visibility.unwrap_or(Visibility::Public);
        let row = ScheduledRow { id, owner: author, at, text, warning, visibility, in_reply_to: parent, media };
        self.scheduled.push(row);
        Ok(Made::Scheduled(id))
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

fn fit_poll(poll: &PollDraft, now: DateTime<Utc>, wrong: &mut Vec<String>) -> PollRow {
    let options: Vec<String> = poll.options.iter().filter(|option| !option.trim().is_empty()).cloned().collect();
    if options.len() < 2 {
        wrong.push("Poll options must have more than one item".to_owned());
    }
    if options.len() > POLL_OPTIONS {
        wrong.push(format!("Poll options can't contain more than {POLL_OPTIONS} items"));
    }
    if options.iter().any(|option| option.chars().count() > POLL_OPTION_CHARS) {
        wrong.push(format!("Poll options cannot be longer than {POLL_OPTION_CHARS} characters each"));
    }
    if options.iter().collect::<HashSet<_>>().len() < options.len() {
        wrong.push("Poll options contain duplicate items".to_owned());
    }
    if poll.expires_in < POLL_SECONDS.0 {
        wrong.push("Poll expires at is too soon".to_owned());
    }
    if poll.expires_in > POLL_SECONDS.1 {
        wrong.push("Poll expires at is too far into the future".to_owned());
    }
    let lasts = chrono::Duration::seconds(poll.expires_in.clamp(0, POLL_SECONDS.1));
    PollRow { options, expires_at: now + lasts, multiple: poll.multiple }
}
