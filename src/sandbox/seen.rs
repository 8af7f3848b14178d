//! What a test or a person sees when looking into the server: plain values, cut loose from its memory.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::endpoint::Endpoint;
use super::ids::{AccountKey, StatusKey};
use super::state::{Part, State, StatusRow};
use crate::core::post::Visibility;

/// A status as it stands, or stood.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatusSeen {
    /// Its id.
    pub id: String,
    /// `acct` of its author.
    pub account: String,
    /// Whether its author belongs to the campaign.
    pub part: Part,
    /// The text as written.
    pub text: String,
    /// The text as HTML.
    pub html: String,
    /// Content warning; empty means none.
    pub cw: String,
    /// Who may see it.
    pub visibility: Visibility,
    /// Language code.
    pub language: Option<String>,
    /// Id of the status it answers, also when that one is deleted.
    pub in_reply_to: Option<String>,
    /// Id of the status it boosts.
    pub boost_of: Option<String>,
    /// `acct` of everybody it names.
    pub mentions: Vec<String>,
    /// When, by the sandbox's clock.
    pub created_at: DateTime<Utc>,
    /// Last edit.
    pub edited_at: Option<DateTime<Utc>>,
    /// Deletion; such a status is invisible to the API.
    pub deleted_at: Option<DateTime<Utc>>,
    /// The `Idempotency-Key` it came with.
    pub idempotency_key: Option<String>,
    /// Attachments, in order.
    pub media: Vec<MediaSeen>,
    /// Answers of its poll; empty means none.
    pub poll: Vec<String>,
    /// How many favoured it.
    pub favourites: usize,
    /// How many boosted it.
    pub boosts: usize,
}

/// An attachment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MediaSeen {
    /// Its id.
    pub id: String,
    /// MIME type.
    pub mime: String,
    /// Words for those who cannot see it.
    pub description: Option<String>,
    /// Where its bytes are served.
    pub url: String,
    /// Size in bytes.
    pub bytes: usize,
}

/// A request the server received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestSeen {
    /// When, by the sandbox's clock.
    pub at: DateTime<Utc>,
    /// HTTP method.
    pub method: String,
    /// Path with query, tokens taken out.
    pub path: String,
    /// What it was for.
    pub endpoint: Endpoint,
    /// Name of the account whose token it carried.
    pub account: Option<String>,
    /// `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// Status code of the answer; absent while it is under way and when the connection was cut.
    pub status: Option<u16>,
}

impl State {
    pub(crate) fn seen(&self, row: &StatusRow) -> StatusSeen {
        let acct = |key: &AccountKey| self.accounts.get(key).map(|row| self.acct(row)).unwrap_or_default();
        let media = row.media.iter().filter_map(|key| self.media.get(key)).map(|media| MediaSeen {
            id: self.id(media.key),
            mime: media.mime.clone(),
            description: media.description.clone(),
            url: self.media_url(media.key),
            bytes: media.bytes.len(),
        });
        StatusSeen {
            id: self.id(row.key),
            account: acct(&row.author),
            part: self.accounts.get(&row.author).map_or(Part::Follower, |author| author.part),
            text: row.text.clone(),
            html: row.html.clone(),
            cw: row.warning.clone(),
            visibility: row.visibility,
            language: row.language.clone(),
            in_reply_to: row.in_reply_to.map(|key| self.id(key)),
            boost_of: row.reblog_of.map(|key| self.id(key)),
            mentions: row.mentions.iter().map(acct).collect(),
            created_at: row.created_at,
            edited_at: row.edited_at,
            deleted_at: row.deleted_at,
            idempotency_key: row.idempotency_key.clone(),
            media: media.collect(),
            poll: row.poll.as_ref().map(|poll| poll.options.clone()).unwrap_or_default(),
            favourites: row.favourites.len(),
            boosts: row.boosts.len(),
        }
    }

    /// Everything ever said, oldest first, deleted statuses included.
    pub fn everything(&self) -> impl Iterator<Item = StatusSeen> + '_ {
        self.order.iter().filter_map(|key| self.statuses.get(key)).map(|row| self.seen(row))
    }

    /// The statuses that stand, oldest first.
    #[must_use]
    pub fn statuses(&self) -> Vec<StatusSeen> {
        self.everything().filter(|status| status.deleted_at.is_none()).collect()
    }

    /// How many statuses stand; quick.
    #[must_use]
    pub fn count(&self) -> usize {
        self.accounts.values().map(|row| row.standing).sum()
    }

    /// The statuses of one account that stand, oldest first.
    #[must_use]
    pub fn own(&self, account: &str) -> Vec<StatusSeen> {
        let keys = self.named(account).map(|row| row.statuses.as_slice()).unwrap_or_default();
        keys.iter().filter_map(|key| self.standing(*key)).map(|row| self.seen(row)).collect()
    }

    /// How many statuses of one account stand; quick.
    #[must_use]
    pub fn own_count(&self, account: &str) -> usize {
        self.named(account).map_or(0, |row| row.standing)
    }

    /// One status, also when it is deleted.
    #[must_use]
    pub fn status(&self, id: &str) -> Option<StatusSeen> {
        self.statuses.get(&self.key(id)?).map(|row| self.seen(row))
    }

    /// The direct answers to a status that stand, oldest first.
    #[must_use]
    pub fn replies_to(&self, id: &str) -> Vec<StatusSeen> {
        let replies = self.key(id).and_then(|key| self.statuses.get(&key)).map(|row| row.replies.as_slice());
        replies.unwrap_or_default().iter().filter_map(|key| self.standing(*key)).map(|row| self.seen(row)).collect()
    }

    /// How many statuses repeat another one: same account, same text, same parent. Deleted ones count too when asked
    /// for `ever`, because people saw them.
    #[must_use]
    pub fn duplicates(&self, ever: Ever) -> usize {
        let mut counts: HashMap<(AccountKey, &str, Option<StatusKey>), usize> = HashMap::new();
        for row in self.order.iter().filter_map(|key| self.statuses.get(key)) {
            if row.reblog_of.is_none() && (ever == Ever::Yes || row.deleted_at.is_none()) {
                *counts.entry((row.author, &row.text, row.in_reply_to)).or_default() += 1;
            }
        }
        counts.values().map(|count| count - 1).sum()
    }

    /// The requests received, oldest first; only the newest are kept (see `Options::requests_kept`).
    pub fn requests(&self) -> impl DoubleEndedIterator<Item = &RequestSeen> {
        self.requests.iter()
    }

    /// How many streams an account holds open.
    #[must_use]
    pub fn streams(&self, account: &str) -> usize {
        self.named(account).and_then(|row| self.lines.get(&row.key)).map_or(0, Vec::len)
    }

    /// How many streams an account ever opened.
    #[must_use]
    pub fn streams_ever(&self, account: &str) -> u64 {
        self.named(account).and_then(|row| self.lines_opened.get(&row.key)).copied().unwrap_or_default()
    }

    /// How many events went down an account's streams.
    #[must_use]
    pub fn pushed(&self, account: &str) -> u64 {
        self.named(account).and_then(|row| self.pushed.get(&row.key)).copied().unwrap_or_default()
    }

    /// How many requests hang on a fault right now.
    #[must_use]
    pub fn hanging(&self) -> usize {
        self.hanging
    }

    /// How many requests that hang, or hung, are not over yet: at zero, what they make is made.
    #[must_use]
    pub fn at_work(&self) -> usize {
        self.at_work
    }

    /// How many faults wait for their request.
    #[must_use]
    pub fn faults_waiting(&self) -> usize {
        self.faults.waiting().len()
    }

    /// How many notifications an account has, filtered ones included, deleted statuses included.
    #[must_use]
    pub fn notifications(&self, account: &str) -> usize {
        self.named(account).map_or(0, |row| row.notifications.len())
    }

    /// How many statuses wait for their `scheduled_at`; the sandbox never publishes them.
    #[must_use]
    pub fn scheduled(&self) -> usize {
        self.scheduled.len()
    }
}

/// Whether deleted statuses are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ever {
    /// What was ever said.
    Yes,
    /// What stands.
    No,
}
