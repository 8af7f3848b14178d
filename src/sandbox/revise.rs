//! Changes to statuses that exist: edits, deletions, favourites, boosts.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::create::{Draft, Via, tags_in};
use super::ids::{AccountKey, StatusKey};
use super::refused::Refused;
use super::state::{State, StatusRow};
use crate::core::post::Visibility;

impl State {
    /// Replaces text, warning and language of one's own status; people newly named are told.
    pub(crate) fn edit(
        &mut self,
        author: AccountKey,
        key: StatusKey,
        draft: &Draft,
        now: DateTime<Utc>,
        via: Via,
    ) -> Result<(), Refused> {
        let before = self.standing(key).filter(|row| row.author == author).ok_or(Refused::NotFound)?.clone();
        if draft.text.trim().is_empty() && before.media.is_empty() {
            return Err(Refused::Invalid("Text can't be blank".to_owned()));
        }
        if via == Via::Api {
            if self.is_too_long(&draft.text, &draft.warning) {
                let max = self.profile.max_characters;
                return Err(Refused::Invalid(format!("Text character limit of {max} exceeded")));
            }
            self.count_create(author, now)?;
        }
        let (html, mentions) = (self.html_of(&draft.text), self.mentions_in(&draft.text));
        if let Some(row) = self.statuses.get_mut(&key) {
            row.html = html;
            row.tags = tags_in(&draft.text);
            row.text.clone_from(&draft.text);
            row.warning.clone_from(&draft.warning);
            row.sensitive = draft.sensitive.unwrap_or(!draft.warning.is_empty());
            row.language = draft.language.clone().or(row.language.take());
            row.edited_at = Some(now);
            row.mentions.clone_from(&mentions);
        }
        for named in mentions.into_iter().filter(|named| !before.mentions.contains(named)) {
            if let Some(account) = self.accounts.get_mut(&named) {
                account.named_in.push(key);
            }
            self.notify(named, "mention", author, Some(key), now);
        }
        for fan in before.boosts.into_keys() {
            self.notify(fan, "update", author, Some(key), now);
        }
        self.push_home(key, "status.update");
        Ok(())
    }

    /// Deletes one's own status; its boosts go with it, answers to it stay without a parent.
    pub(crate) fn delete(&mut self, author: AccountKey, key: StatusKey, now: DateTime<Utc>) -> Result<(), Refused> {
        let row = self.standing(key).filter(|row| row.author == author).ok_or(Refused::NotFound)?;
        let (mentions, boosts) = (row.mentions.clone(), row.boosts.clone());
        self.mark_deleted(key, now);
        for (booster, boost) in boosts {
            self.mark_deleted(boost, now);
            self.push_gone(booster, &[], boost);
        }
        self.push_gone(author, &mentions, key);
        Ok(())
    }

    fn mark_deleted(&mut self, key: StatusKey, now: DateTime<Utc>) {
        if let Some(row) = self.statuses.get_mut(&key).filter(|row| row.deleted_at.is_none()) {
            row.deleted_at = Some(now);
            if let Some(account) = self.accounts.get_mut(&row.author) {
                account.standing = account.standing.saturating_sub(1);
            }
        }
    }

    /// Favours a status.
    pub(crate) fn favourite(&mut self, who: AccountKey, key: StatusKey, now: DateTime<Utc>) -> Result<(), Refused> {
        let author = self.visible(key, Some(who)).ok_or(Refused::NotFound)?.author;
        let new = self.statuses.get_mut(&key).is_some_and(|row| row.favourites.insert(who));
        if new {
            self.notify(author, "favourite", who, Some(key), now);
        }
        Ok(())
    }

    /// Takes a favourite back.
    pub(crate) fn unfavourite(&mut self, who: AccountKey, key: StatusKey) -> Result<(), Refused> {
        self.visible(key, Some(who)).ok_or(Refused::NotFound)?;
        if let Some(row) = self.statuses.get_mut(&key) {
            row.favourites.remove(&who);
        }
        Ok(())
    }

    /// Boosts a status; a second time gives the first boost.
    pub(crate) fn boost(&mut self, who: AccountKey, key: StatusKey, now: DateTime<Utc>) -> Result<StatusKey, Refused> {
        let row = self.visible(key, Some(who)).ok_or(Refused::NotFound)?.clone();
        match row.visibility {
            Visibility::Public | Visibility::Unlisted => {}
            Visibility::Private | Visibility::Direct => return Err(Refused::NotFound),
        }
        if let Some(boost) = row.boosts.get(&who) {
            return Ok(*boost);
        }
        let author = row.author;
        let boost = StatusKey(self.ids.next(now));
        let copy = StatusRow {
            key: boost,
            author: who,
            text: String::new(),
            html: row.html,
            warning: row.warning,
            sensitive: row.sensitive,
            language: row.language,
            visibility: row.visibility,
            in_reply_to: None,
            pending: false,
            reblog_of: Some(key),
            created_at: now,
            edited_at: None,
            deleted_at: None,
            mentions: Vec::new(),
            tags: Vec::new(),
            media: Vec::new(),
            poll: None,
            replies: Vec::new(),
            favourites: HashSet::new(),
            boosts: HashMap::new(),
            elsewhere: None,
            reply_policy: None,
            idempotency_key: None,
        };
        self.insert(copy, now);
        if let Some(row) = self.statuses.get_mut(&key) {
            row.boosts.insert(who, boost);
        }
        self.notify(author, "reblog", who, Some(key), now);
        Ok(boost)
    }

    /// Takes a boost back.
    pub(crate) fn unboost(&mut self, who: AccountKey, key: StatusKey, now: DateTime<Utc>) -> Result<(), Refused> {
        self.visible(key, Some(who)).ok_or(Refused::NotFound)?;
        if let Some(boost) = self.statuses.get_mut(&key).and_then(|row| row.boosts.remove(&who)) {
            self.mark_deleted(boost, now);
            self.push_gone(who, &[], boost);
        }
        Ok(())
    }
}
