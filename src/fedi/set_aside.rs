//! Mentions that a server's policy set aside and that it shows in no page of notifications: some servers that filter do
//! not know `include_filtered` (Mastodon 4.3 as it was being made, and others), and list only who wrote, one entry a
//! person, with their last status.
//!
//! Invariants: nothing here accepts or dismisses a request: that changes what staff see, and is theirs to do. An entry
//! that cannot be read hides no other. When to look is not known here.

use chrono::{DateTime, Utc};
use reqwest::Url;
use serde_json::Value;

use crate::core::ids::RemoteId;
use crate::core::mention::Mention;
use crate::fedi::errors::FediError;
use crate::fedi::mentions::{self, Read};
use crate::fedi::paging::{self, with};
use crate::fedi::{Fedi, Me, headers, json};

const REQUESTS: &str = "/api/v1/notifications/requests";
const NOTIFICATIONS: &str = "/api/v1/notifications";

/// The most Mastodon gives at once.
const LIMIT: usize = 80;

/// What was set aside of one person.
#[derive(Clone, Debug, PartialEq)]
pub struct SetAside {
    /// Who wrote, by their id on our server.
    pub from: RemoteId,
    /// Another word each time something more is set aside: opaque.
    pub state: String,
    /// How many notifications; 0 where the server does not say.
    pub count: u64,
    /// The last thing they wrote to us, where the server shows it.
    pub last: Option<Mention>,
}

/// One page of people.
#[derive(Clone, Debug, PartialEq)]
pub struct SetAsidePage {
    /// They, in the server's order.
    pub people: Vec<SetAside>,
    /// The cursor of the next page; `None` at the end.
    pub next: Option<String>,
}

impl Fedi {
    /// Reads one page of people whose mentions were set aside. `heard` is the time of a mention that has none that can be
    /// read.
    ///
    /// # Errors
    /// Whatever kept us from reading the page; [`FediError::Missing`] where the server has no such list.
    pub async fn set_aside(
        &self,
        me: &Me,
        cursor: Option<&str>,
        heard: DateTime<Utc>,
    ) -> Result<SetAsidePage, FediError> {
        let url = match cursor {
            None => paging::first(self, REQUESTS, LIMIT),
            Some(cursor) => paging::page(self, REQUESTS, cursor, LIMIT),
        };
        let answer = self.get(url).await?;
        let raw = json::items(&answer.body).ok_or_else(|| self.unreadable("no list of notification requests"))?;
        let now = headers::date(&answer.headers).or(Some(heard));
        let mut people = Vec::with_capacity(raw.len());
        let mut last_id = None;
        for item in raw.iter().filter_map(|item| json::item(item)) {
            last_id = json::id(&item, "id").or(last_id);
            let Some(from) = item.get("account").and_then(|account| json::id(account, "id")) else { continue };
            let status = item.get("last_status").filter(|status| mentions::names_us(me, status));
            let last = status.and_then(|status| mentions::status(me, status, &item, now));
            let count = json::count(&item, "notifications_count").unwrap_or_default();
            let shown = last.as_ref().map(|mention| mention.status.to_string()).unwrap_or_default();
            let state = format!("{} {count} {shown}", json::text(&item, "updated_at").unwrap_or_default());
            people.push(SetAside { from: RemoteId::new(from), state, count, last });
        }
        let next = if raw.is_empty() {
            None
        } else {
            paging::older(self, REQUESTS, &headers::next_link(&answer.headers), last_id)
        };
        Ok(SetAsidePage { people, next: next.filter(|next| Some(next.as_str()) != cursor) })
    }

    /// Everything one person wrote to us lately, filtered or not: on Mastodon a page of one account filters nothing. Only
    /// their own mentions, whatever a server that ignores `account_id` shows.
    ///
    /// # Errors
    /// Whatever kept us from reading the page.
    pub async fn mentions_of(&self, me: &Me, from: &RemoteId, heard: DateTime<Utc>) -> Result<Vec<Mention>, FediError> {
        let url: Url = with(paging::first(self, NOTIFICATIONS, LIMIT), "types[]", "mention");
        let url = with(with(url, "include_filtered", "true"), "account_id", from.as_str());
        let answer = self.get(url).await?;
        let raw = json::items(&answer.body).ok_or_else(|| self.unreadable("no list of notifications"))?;
        let now = headers::date(&answer.headers).or(Some(heard));
        let read = raw.iter().map(|item| mentions::notification(me, &json::item(item).unwrap_or(Value::Null), now));
        let mentions = read.filter_map(|read| match read {
            Read::Mention(mention) => Some(*mention),
            Read::Other | Read::Undecodable => None,
        });
        Ok(mentions.filter(|mention| mention.asker.id == *from).collect())
    }
}
