//! Whether a draft may become a status on this server, and what the server makes of it: parent, files, words,
//! visibility, warning.
//!
//! Invariant: nothing is changed here; the same draft at the same moment fits or does not.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::create::{Draft, PollDraft, Via};
use super::ids::{AccountKey, MediaKey, StatusKey};
use super::length::counted;
use super::people::Answers;
use super::profile::{DeadParent, Existence, LeftOut, MediaAgain, MediaOrder, TooLong, Unlisted, Warnings};
use super::refused::Refused;
use super::state::{MediaRow, PollRow, Progress, State};
use crate::core::post::Visibility;

/// Mastodon's shortest and longest poll, in seconds.
pub(crate) const POLL_SECONDS: (i64, i64) = (300, 2_629_746);
/// Mastodon's longest poll answer and largest number of them.
pub(crate) const POLL_OPTION_CHARS: usize = 50;
pub(crate) const POLL_OPTIONS: usize = 4;

/// A draft that fits, in the form the server gives it.
#[derive(Debug)]
pub(crate) struct Fitted {
    pub(crate) parent: Option<StatusKey>,
    pub(crate) text: String,
    pub(crate) warning: String,
    pub(crate) media: Vec<MediaKey>,
    pub(crate) poll: Option<PollRow>,
    pub(crate) mentions: Vec<AccountKey>,
    pub(crate) visibility: Visibility,
    /// Waits for the yes of the account it answers.
    pub(crate) pending: bool,
}

impl State {
    /// Checks everything but keys and windows.
    pub(crate) fn fit(
        &self,
        author: AccountKey,
        draft: &Draft,
        now: DateTime<Utc>,
        via: Via,
    ) -> Result<Fitted, Refused> {
        let parent = self.parent_of(author, draft, via)?;
        let pending = self.may_answer(author, parent, via)?;
        let media = self.fit_media(author, draft)?;
        let mut warning = draft.warning.trim().to_owned();
        let mut text = draft.text.clone();
        if text.trim().is_empty() && !warning.is_empty() {
            text.clone_from(&warning);
        }
        let poll = self.fit_text(draft, &text, &warning, &media, via, now)?;
        if via != Via::Hand && self.profile.text_only != Existence::Present && media.is_empty() && parent.is_none() {
            return Err(Refused::Invalid("The media ids field is required.".to_owned()));
        }
        let mentions = self.mentions_in(&text);
        self.only_allowed(draft, author, &mentions)?;
        let visibility = self.fit_visibility(author, draft, parent, via)?;
        if via != Via::Hand && self.profile.warnings == Warnings::Dropped {
            warning.clear();
        }
        Ok(Fitted { parent, text, warning, media, poll, mentions, visibility, pending })
    }

    /// The status a draft answers, as far as this server cares.
    pub(crate) fn parent_of(&self, author: AccountKey, draft: &Draft, via: Via) -> Result<Option<StatusKey>, Refused> {
        let Some(id) = draft.in_reply_to.as_deref().filter(|id| !id.is_empty()) else { return Ok(None) };
        let known = self.key::<StatusKey>(id).and_then(|key| self.statuses.get(&key));
        if let Some(row) = known.filter(|row| row.deleted_at.is_none() && self.may_see(row, Some(author))) {
            return Ok(Some(row.key));
        }
        match self.profile.dead_parent {
            _ if via == Via::Hand => Err(Refused::ParentNotFound),
            DeadParent::Refused { status: 404 } => Err(Refused::ParentNotFound),
            DeadParent::Refused { status } => Err(Refused::Plain { status, words: "in-reply-to post not found" }),
            DeadParent::Kept => known.map(|row| Some(row.key)).ok_or(Refused::ParentNotFound),
            DeadParent::Forgotten => Ok(None),
        }
    }

    /// Whether an answer must wait for a yes; refused where the account answered wants none.
    fn may_answer(&self, author: AccountKey, parent: Option<StatusKey>, via: Via) -> Result<bool, Refused> {
        let asked = parent.and_then(|key| self.statuses.get(&key)).filter(|row| row.author != author);
        let answers = asked.and_then(|row| self.accounts.get(&row.author)).map_or(Answers::Anybody, |row| row.answers);
        if via == Via::Hand || self.profile.interaction_policy != Existence::Present {
            return Ok(false);
        }
        match answers {
            Answers::Anybody => Ok(false),
            Answers::WithApproval => Ok(true),
            Answers::Nobody => {
                let words = "Forbidden: you do not have permission to reply to this status";
                Err(Refused::Plain { status: 403, words })
            }
        }
    }

    fn fit_visibility(
        &self,
        author: AccountKey,
        draft: &Draft,
        parent: Option<StatusKey>,
        via: Via,
    ) -> Result<Visibility, Refused> {
        let limited = self.accounts.get(&author).is_some_and(|row| row.limited);
        let seen = |asked: Visibility| {
            if limited && asked == Visibility::Public { Visibility::Unlisted } else { asked }
        };
        if via == Via::Hand {
            return Ok(seen(draft.visibility.unwrap_or(Visibility::Public)));
        }
        let asked = draft.visibility.unwrap_or_else(|| match self.profile.left_out {
            LeftOut::Public => Visibility::Public,
            LeftOut::Unlisted => Visibility::Unlisted,
            LeftOut::AsParent => {
                parent.and_then(|key| self.statuses.get(&key)).map_or(Visibility::Public, |row| row.visibility)
            }
        });
        match asked {
            Visibility::Direct if self.profile.directs == Existence::Claimed => Ok(Visibility::Public),
            Visibility::Direct if self.profile.directs != Existence::Present => {
                Err(Refused::Invalid("The selected visibility is invalid.".to_owned()))
            }
            Visibility::Unlisted if self.profile.unlisted == Unlisted::Public => Ok(Visibility::Public),
            Visibility::Public | Visibility::Unlisted | Visibility::Private | Visibility::Direct => Ok(seen(asked)),
        }
    }

    fn fit_media(&self, author: AccountKey, draft: &Draft) -> Result<Vec<MediaKey>, Refused> {
        let max = self.profile.max_media;
        if draft.media.len() > max || (!draft.media.is_empty() && draft.poll.is_some()) {
            return Err(Refused::Unprocessable(format!("Cannot attach more than {max} files")));
        }
        let shared = self.profile.media_again == MediaAgain::Shared;
        let mut missing = Vec::new();
        let mut found: Vec<&MediaRow> = Vec::new();
        for id in &draft.media {
            let row = self.key::<MediaKey>(id).and_then(|key| self.media.get(&key)).filter(|row| row.owner == author);
            match (row, self.profile.media_again) {
                (Some(row), _) if row.attached.is_none() || shared => found.push(row),
                (Some(_), MediaAgain::Refused { status }) if status != 422 => {
                    return Err(Refused::Plain { status, words: "media already attached to status" });
                }
                (Some(_) | None, _) => missing.push(id.as_str()),
            }
        }
        if !missing.is_empty() {
            let ids = missing.join(", ");
            return Err(Refused::Unprocessable(format!("Media {ids} not found or already attached to another post")));
        }
        let moving = |row: &&MediaRow| !row.mime.starts_with("image/");
        if found.len() > 1 && found.iter().any(moving) {
            let text = "Cannot attach a video to a post that already contains images";
            return Err(Refused::Unprocessable(text.to_owned()));
        }
        if found.iter().any(|row| row.progress != Progress::Ready) {
            let text = "Cannot attach files that have not finished processing. Try again in a moment!";
            return Err(Refused::Unprocessable(text.to_owned()));
        }
        let mut keys: Vec<MediaKey> = found.into_iter().map(|row| row.key).collect();
        match self.profile.media_order {
            MediaOrder::AsAsked => {}
            MediaOrder::ByUpload => keys.sort_unstable(),
            MediaOrder::Reversed => keys.reverse(),
        }
        Ok(keys)
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
        let blank_is_well = via != Via::Hand && self.profile.bodies.blank == Existence::Present;
        if text.trim().is_empty() && media.is_empty() && !blank_is_well {
            wrong.push("Text can't be blank".to_owned());
        }
        if via == Via::Api && self.is_too_long(text, warning) {
            wrong.push(format!("Text character limit of {} exceeded", self.profile.max_characters));
        }
        let poll = draft.poll.as_ref().map(|poll| fit_poll(poll, now, &mut wrong));
        if wrong.is_empty() { Ok(poll) } else { Err(Refused::Invalid(wrong.join(", "))) }
    }

    /// Whether this server refuses a text for its length.
    pub(crate) fn is_too_long(&self, text: &str, warning: &str) -> bool {
        self.profile.too_long == TooLong::Refused
            && counted(text, warning, self.profile.length_rule) > self.profile.max_characters
    }

    fn only_allowed(&self, draft: &Draft, author: AccountKey, mentions: &[AccountKey]) -> Result<(), Refused> {
        let Some(allowed) = &draft.allowed_mentions else { return Ok(()) };
        let beyond: Vec<_> = mentions
            .iter()
            .filter(|key| **key != author && !allowed.contains(&self.id(**key)))
            .filter_map(|key| self.accounts.get(key))
            .map(|row| json!({ "id": self.id(row.key), "acct": self.acct(row) }))
            .collect();
        if beyond.is_empty() { Ok(()) } else { Err(Refused::UnexpectedMentions(beyond)) }
    }
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
