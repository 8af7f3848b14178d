//! Looking at statuses: our own list, one status, the thread around one; and taking one back.
//!
//! Invariants: looking never changes anything; order is the server's; a status without an id is no status, every other
//! field may be missing. What a look means for a delivery is decided elsewhere.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::core::ids::{RemoteId, StatusId};
use crate::core::post::Visibility;
use crate::fedi::errors::FediError;
use crate::fedi::{Fedi, Me, headers, html, http, json, paging};

/// The most statuses one request may ask for (Mastodon's own limit).
const PAGE: usize = 40;

/// No server gives fewer while there are more.
const SHORT_PAGE: usize = 20;

/// A status as its server shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusView {
    /// Its id on our server.
    pub id: StatusId,
    /// Where people read it.
    pub url: Option<String>,
    /// Its author.
    pub author: Option<RemoteId>,
    /// When the server says it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// Its content as HTML, for comparing by links and names.
    pub content: String,
    /// Its content as visible text.
    pub text: String,
    /// Its content warning; never blank.
    pub cw: Option<String>,
    /// Who may see it; `None` for a word we do not know.
    pub visibility: Option<Visibility>,
    /// The status it answers.
    pub in_reply_to: Option<StatusId>,
    /// That status' author.
    pub in_reply_to_author: Option<RemoteId>,
    /// Accounts it names, by `mentions`.
    pub names: Vec<RemoteId>,
    /// Attachments it shows.
    pub media: usize,
    /// Answers, boosts and likes together: whether anybody reacted to it.
    pub reactions: u64,
}

/// How far back a walk of our own list went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// To where it was to go, or to the end of the list.
    All,
    /// Not so far: what was not seen may be there.
    CutShort,
}

/// Where a walk of our own list may end.
#[derive(Clone, Copy, Debug)]
pub struct Until<'a> {
    /// At this status.
    pub status: Option<&'a StatusId>,
    /// At a status the server made before this.
    pub before: Option<DateTime<Utc>>,
    /// After so many, cut short.
    pub at_most: usize,
}

/// What stands around a status.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thread {
    /// What it answers, oldest first.
    pub ancestors: Vec<StatusView>,
    /// What answers it.
    pub descendants: Vec<StatusView>,
}

impl Fedi {
    /// Our own statuses, newest first, at most `limit`; boosts left out.
    ///
    /// # Errors
    /// Whatever kept us from looking: a look that fails is no look, so nothing is returned of a walk cut short.
    pub async fn own_statuses(
        &self,
        me: &Me,
        until: Option<&StatusId>,
        limit: usize,
    ) -> Result<Vec<StatusView>, FediError> {
        Ok(self.own_statuses_until(me, Until { status: until, before: None, at_most: limit }).await?.0)
    }

    /// The same, and whether the walk came as far as it was to go.
    ///
    /// # Errors
    /// Whatever kept us from looking: a look that fails is no look, so nothing is returned of a walk that failed.
    pub async fn own_statuses_until(&self, me: &Me, until: Until<'_>) -> Result<(Vec<StatusView>, Reach), FediError> {
        let limit = until.at_most;
        let first = self.at_segments(&["api", "v1", "accounts", me.id.as_str(), "statuses"]);
        let path = first.path().to_owned();
        let mut url = first;
        url.query_pairs_mut()
            .append_pair("limit", &PAGE.min(limit.max(1)).to_string())
            .append_pair("exclude_reblogs", "true");
        let mut found: Vec<StatusView> = Vec::new();
        let mut pages = 0_usize;
        let reach = loop {
            let answer = self.get(url).await?;
            let items = json::items(&answer.body).ok_or_else(|| self.unreadable("no list of statuses"))?;
            let read: Vec<Value> = items.iter().filter_map(|raw| json::item(raw)).collect();
            let known = found.len();
            for view in
                read.iter().filter(|status| !status.get("reblog").is_some_and(Value::is_object)).filter_map(view)
            {
                if !found.iter().any(|seen| seen.id == view.id) {
                    found.push(view);
                }
            }
            let all_boosts =
                !read.is_empty() && read.iter().all(|status| status.get("reblog").is_some_and(Value::is_object));
            // A page that brings nothing new is a server that ignores cursors.
            let met = until.status.is_some_and(|until| found.iter().any(|seen| &seen.id == until));
            // The last of the page, by the server's order: one that was dated back stands elsewhere.
            let oldest = found.get(known..).and_then(|new| new.iter().rev().find_map(|status| status.created_at));
            let passed = until.before.is_some_and(|before| oldest.is_some_and(|oldest| oldest < before));
            let repeats = found.len() == known && !all_boosts;
            if met || passed || read.is_empty() || (repeats && read.len() < SHORT_PAGE) {
                break Reach::All;
            }
            pages += 1;
            if found.len() >= limit || repeats || pages > limit {
                break Reach::CutShort;
            }
            let last = read.iter().rev().find_map(|status| json::id(status, "id"));
            match paging::older(self, &path, &headers::next_link(&answer.headers), last) {
                Some(cursor) => url = paging::page(self, &path, &cursor, PAGE),
                None => break Reach::All,
            }
        };
        found.truncate(limit);
        Ok((found, reach))
    }

    /// One page of our own statuses that stand behind `status`, newest first, at most `limit`; boosts left out. A server
    /// that does not know the cursor shows its newest page.
    ///
    /// # Errors
    /// Whatever kept us from looking.
    pub async fn own_statuses_behind(
        &self,
        me: &Me,
        status: &StatusId,
        limit: usize,
    ) -> Result<Vec<StatusView>, FediError> {
        let mut url = self.at_segments(&["api", "v1", "accounts", me.id.as_str(), "statuses"]);
        url.query_pairs_mut()
            .append_pair("limit", &PAGE.min(limit.max(1)).to_string())
            .append_pair("exclude_reblogs", "true")
            .append_pair("max_id", status.as_str());
        let answer = self.get(url).await?;
        let items = json::items(&answer.body).ok_or_else(|| self.unreadable("no list of statuses"))?;
        let read = items.iter().filter_map(|raw| json::item(raw));
        Ok(read
            .filter(|status| !status.get("reblog").is_some_and(Value::is_object))
            .filter_map(|it| view(&it))
            .collect())
    }

    /// Our own statuses on the newest page of our home timeline: where servers that leave directs out of the own list
    /// still show them (SERVERS.md §3, rule 3).
    ///
    /// # Errors
    /// Whatever kept us from looking.
    pub async fn own_at_home(&self, me: &Me) -> Result<Vec<StatusView>, FediError> {
        let mut url = self.at("/api/v1/timelines/home");
        url.query_pairs_mut().append_pair("limit", &PAGE.to_string());
        let answer = self.get(url).await?;
        let items = json::items(&answer.body).ok_or_else(|| self.unreadable("no list of statuses"))?;
        let read = items.iter().filter_map(|raw| json::item(raw));
        Ok(read.filter_map(|status| view(&status)).filter(|status| status.author.as_ref() == Some(&me.id)).collect())
    }

    /// One status; `None` when the server does not have it or does not show it to us.
    ///
    /// # Errors
    /// Whatever kept us from looking.
    pub async fn status(&self, id: &StatusId) -> Result<Option<StatusView>, FediError> {
        Ok(self.status_value(id).await?.as_ref().and_then(view))
    }

    /// The JSON of one status.
    pub(super) async fn status_value(&self, id: &StatusId) -> Result<Option<Value>, FediError> {
        match self.get(self.at_segments(&["api", "v1", "statuses", id.as_str()])).await {
            Ok(answer) => {
                let value = json::parse(&answer.body).filter(|value| json::id(value, "id").is_some());
                value.map(Some).ok_or_else(|| self.unreadable("no status with an id"))
            }
            Err(FediError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The text of one of our statuses exactly as it was sent; `None` where the server keeps none or has no such look-up.
    ///
    /// # Errors
    /// Whatever kept us from looking.
    pub async fn source(&self, id: &StatusId) -> Result<Option<String>, FediError> {
        match self.get(self.at_segments(&["api", "v1", "statuses", id.as_str(), "source"])).await {
            Ok(answer) => Ok(json::parse(&answer.body).and_then(|value| json::text(&value, "text"))),
            Err(FediError::Missing { .. } | FediError::Refused { .. } | FediError::Trouble { status: 501, .. }) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The thread around a status; `None` when the server does not have the status.
    ///
    /// # Errors
    /// Whatever kept us from looking.
    pub async fn thread(&self, id: &StatusId) -> Result<Option<Thread>, FediError> {
        let answer = match self.get(self.at_segments(&["api", "v1", "statuses", id.as_str(), "context"])).await {
            Ok(answer) => answer,
            Err(FediError::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let context = json::parse(&answer.body).filter(Value::is_object).ok_or_else(|| self.unreadable("no thread"))?;
        let views = |key: &str| json::list(&context, key).iter().filter_map(view).collect();
        Ok(Some(Thread { ancestors: views("ancestors"), descendants: views("descendants") }))
    }

    /// Takes one of our statuses back; one that is gone already is taken back.
    ///
    /// # Errors
    /// Whatever kept us from it. Not repeated: asking again is safe.
    pub async fn delete(&self, id: &StatusId) -> Result<(), FediError> {
        // An id that is no path segment of its own would address the whole list.
        if matches!(id.as_str().trim(), "" | "." | "..") {
            return Err(FediError::Missing { server: http::host(&self.base), status: 404 });
        }
        let url = self.at_segments(&["api", "v1", "statuses", id.as_str()]);
        let request = self.http.client().delete(url).header(reqwest::header::AUTHORIZATION, self.authorization.clone());
        let answer = http::send(request).await.map_err(|failure| failure.into_error(&self.base))?;
        match self.accept(answer) {
            Ok(_) | Err(FediError::Missing { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Reads a status; `None` without an id.
fn view(status: &Value) -> Option<StatusView> {
    let content = json::any_text(status, "content").unwrap_or_default();
    let reactions = ["replies_count", "reblogs_count", "favourites_count"]
        .into_iter()
        .filter_map(|key| json::count(status, key))
        .fold(0, u64::saturating_add);
    Some(StatusView {
        id: StatusId::new(json::id(status, "id")?),
        url: json::text(status, "url").or_else(|| json::text(status, "uri")),
        author: status.get("account").and_then(|account| json::id(account, "id")).map(RemoteId::new),
        created_at: json::text(status, "created_at").as_deref().and_then(headers::iso),
        text: html::plain(&content),
        content,
        cw: json::text(status, "spoiler_text"),
        visibility: visibility(status),
        in_reply_to: json::id(status, "in_reply_to_id").map(StatusId::new),
        in_reply_to_author: json::id(status, "in_reply_to_account_id").map(RemoteId::new),
        names: json::list(status, "mentions")
            .iter()
            .filter_map(|named| json::id(named, "id"))
            .map(RemoteId::new)
            .collect(),
        media: json::list(status, "media_attachments").len(),
        reactions,
    })
}

/// `None` for a word we do not know (`local`, `list`, `mutuals_only`): then the narrowest answer is right.
pub(super) fn visibility(status: &Value) -> Option<Visibility> {
    match json::text(status, "visibility")?.as_str() {
        "public" => Some(Visibility::Public),
        "unlisted" => Some(Visibility::Unlisted),
        "private" => Some(Visibility::Private),
        "direct" => Some(Visibility::Direct),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_needs_nothing_but_an_id() {
        assert!(view(&json!({})).is_none());
        assert!(view(&json!("x")).is_none());
        let bare = view(&json!({ "id": 7 })).unwrap();
        assert_eq!((bare.id.as_str(), bare.visibility, bare.reactions), ("7", None, 0));
    }

    #[test]
    fn a_full_status_is_read() {
        let full = view(&json!({
            "id": "01ABC", "uri": "https://a.example/s/1", "url": null, "account": { "id": "42" }, "created_at": "2026-11-22T10:00:00.000Z",
            "content": "<p>Ring</p>", "spoiler_text": "policing", "visibility": "unlisted", "in_reply_to_id": "6",
            "in_reply_to_account_id": 9, "mentions": [{ "id": 3 }, {}], "media_attachments": [{}], "replies_count": 1, "reblogs_count": "2",
            "favourites_count": null
        }))
        .unwrap();
        assert_eq!(full.url.as_deref(), Some("https://a.example/s/1"));
        assert_eq!((full.author, full.names), (Some(RemoteId::new("42")), vec![RemoteId::new("3")]));
        assert_eq!((full.text.trim(), full.media, full.reactions), ("Ring", 1, 3));
        assert_eq!((full.visibility, full.in_reply_to_author), (Some(Visibility::Unlisted), Some(RemoteId::new("9"))));
    }
}
