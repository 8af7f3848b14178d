//! Mentions by page: newest first, paged back by the server's own cursor.
//!
//! Invariants (SERVERS.md §3, rule 4): `limit` is always passed; only `mention` is asked for and types are filtered here
//! all the same; `min_id` and `since_id` are never used, because servers lie about them. A cursor leads to our own host
//! and to the same path only. Where a walk ends is not known here.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use reqwest::Url;
use serde_json::Value;

use crate::core::ids::StatusId;
use crate::core::mention::Mention;
use crate::fedi::errors::FediError;
use crate::fedi::headers::NextLink;
use crate::fedi::mentions::{self, Read};
use crate::fedi::paging::{self, with};
use crate::fedi::{Fedi, Me, headers, html, json};

const PATH: &str = "/api/v1/notifications";
/// The most Mastodon gives at once; others cut it down themselves. Then fewer, where a page is too long to be read.
const LIMITS: [usize; 3] = [80, 8, 1];

/// Where to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageFrom {
    /// The newest page.
    Newest,
    /// The page after the one that gave this cursor: the server's own link, or the id of its last item.
    Older(String),
}

/// One page of notifications.
#[derive(Clone, Debug, PartialEq)]
pub struct MentionsPage {
    /// Every item with an id, in the server's order.
    pub items: Vec<PageItem>,
    /// Items that could not be read as what they say they are; those with an id stand in `items` too.
    pub undecodable: usize,
    /// The next, older page; `None` at the end.
    pub next: Option<PageFrom>,
    /// Whether some of them were filtered by the account's policy, and are shown all the same.
    pub filtered: bool,
    /// The server's clock.
    pub server_time: Option<DateTime<Utc>>,
}

/// What a second look at a mention found.
#[derive(Clone, Debug, PartialEq)]
pub enum SeenAgain {
    /// It is gone, hidden from us, or was edited and names us no more.
    Gone,
    /// One of our accounts answered it, in these words.
    AnsweredByUs(Vec<String>),
    /// It stands, as it is now.
    Stands(Box<Mention>),
}

/// One notification.
#[derive(Clone, Debug, PartialEq)]
pub struct PageItem {
    /// Its id: opaque, good only for telling whether a page repeats.
    pub notification_id: String,
    /// When the server notified us, where it says so.
    pub notified_at: Option<DateTime<Utc>>,
    /// The mention; `None` for other types, for ourselves and for what could not be read.
    pub mention: Option<Box<Mention>>,
}

impl Fedi {
    /// Reads one page of mentions. Private mentions of strangers, which the server's default policy filters, are asked for
    /// too. `heard` is the time of a mention that has none that can be read, where the answer has none either.
    ///
    /// # Errors
    /// Whatever kept us from reading the page; a malformed item never does.
    pub async fn mentions_page(
        &self,
        me: &Me,
        from: PageFrom,
        heard: DateTime<Utc>,
    ) -> Result<MentionsPage, FediError> {
        let url = |limit| match &from {
            PageFrom::Newest => paging::first(self, PATH, limit),
            PageFrom::Older(cursor) => paging::page(self, PATH, cursor, limit),
        };
        let mut limits = LIMITS.into_iter();
        let answer = loop {
            let limit = limits.next();
            match (self.get(with_parameters(url(limit.unwrap_or(1)))).await, limit) {
                // Some statuses are a megabyte long: fewer at once. One alone that is too long is an error.
                (Err(FediError::TooLong { .. }), Some(limit)) if limit > 1 => {}
                (answer, _) => break answer?,
            }
        };
        let raw = json::items(&answer.body).ok_or_else(|| self.unreadable("no list of notifications"))?;
        let server_time = headers::date(&answer.headers);
        let mut page = MentionsPage {
            items: Vec::with_capacity(raw.len()),
            undecodable: 0,
            next: None,
            filtered: false,
            server_time,
        };
        let mut last = None;
        for item in &raw {
            let item = json::item(item).unwrap_or(Value::Null);
            let id = json::id(&item, "id");
            page.filtered |= json::is_true(&item, "filtered");
            let mention = match mentions::notification(me, &item, server_time.or(Some(heard))) {
                Read::Mention(mention) => Some(mention),
                Read::Other => None,
                Read::Undecodable => {
                    page.undecodable += 1;
                    None
                }
            };
            // A mention is never dropped for want of a notification id; its own id stands in.
            let id = id.or_else(|| mention.as_ref().map(|mention| format!("status:{}", mention.status)));
            if let Some(notification_id) = id {
                if json::id(&item, "id").is_some() {
                    last = Some(notification_id.clone());
                }
                let notified_at = json::text(&item, "created_at").as_deref().and_then(headers::iso);
                page.items.push(PageItem { notification_id, notified_at, mention });
            }
        }
        let link = headers::next_link(&answer.headers);
        // A server that filters what it has cut may show an empty page before others; only its own link leads past it.
        if !raw.is_empty() || matches!(link, NextLink::Next(_)) {
            let next = paging::older(self, PATH, &link, last).map(PageFrom::Older);
            page.next = next.filter(|next| *next != from);
        }
        Ok(page)
    }

    /// Reads one mention again by its id: texts of direct mentions are not stored (DESIGN §6). `None` when it is gone.
    ///
    /// # Errors
    /// Whatever kept us from looking.
    pub async fn mention(&self, me: &Me, id: &StatusId) -> Result<Option<Mention>, FediError> {
        let Some(status) = self.status_value(id).await? else { return Ok(None) };
        match mentions::status(me, &status, &Value::Null, None) {
            Some(mention) => Ok(Some(mention)),
            None => Err(self.unreadable("no status with an author")),
        }
    }

    /// Looks at a mention again before it is answered: is it still there, does it still name us, did one of `ours`
    /// (profile URLs of the campaign's accounts) answer it meanwhile? Costs two requests.
    ///
    /// # Errors
    /// Whatever kept us from looking.
    pub async fn look_again(&self, me: &Me, id: &StatusId, ours: &HashSet<String>) -> Result<SeenAgain, FediError> {
        let Some(status) = self.status_value(id).await? else { return Ok(SeenAgain::Gone) };
        let Some(mut mention) = mentions::status(me, &status, &Value::Null, None) else {
            return Err(self.unreadable("no status with an author"));
        };
        // Some servers never say whom a status names; one that was edited and names us no more says so in its text.
        let edited = json::text(&status, "edited_at").is_some();
        if edited && !mentions::names_us(me, &status) {
            return Ok(SeenAgain::Gone);
        }
        let context = match self.get(self.at_segments(&["api", "v1", "statuses", id.as_str(), "context"])).await {
            Ok(answer) => json::parse(&answer.body).unwrap_or(Value::Null),
            Err(FediError::Missing { .. }) => Value::Null,
            Err(error) => return Err(error),
        };
        let below = json::list(&context, "descendants");
        let answers = below.iter().filter(|status| mentions::answers_as_one_of_us(me, ours, status, id.as_str()));
        let answers: Vec<String> = answers.map(|status| html::plain(&mentions::content(status))).collect();
        if !answers.is_empty() {
            return Ok(SeenAgain::AnsweredByUs(answers));
        }
        // Most servers show the first status first; all show which one answers nothing.
        let (mut above, rest): (Vec<&Value>, Vec<&Value>) =
            json::list(&context, "ancestors").iter().partition(|status| json::id(status, "in_reply_to_id").is_none());
        above.extend(rest);
        mention.above = Some(above.into_iter().filter_map(|status| mentions::known_by(me, ours, status)).collect());
        Ok(SeenAgain::Stands(Box::new(mention)))
    }

    /// Whether a mention that looks carried along ([`Mention::carried_along`]) really inherited our name: whether the
    /// status it answers already named us. From the text alone that cannot be told from somebody adding us to a reply
    /// ("@bob @us is this true?"), so this costs one look, for those mentions only. A parent that is gone or hidden
    /// leaves the text's word standing: inherited.
    ///
    /// # Errors
    /// Whatever kept us from looking.
    pub async fn inherited_our_name(&self, me: &Me, mention: &Mention) -> Result<bool, FediError> {
        let (true, Some(parent)) = (mention.carried_along, &mention.in_reply_to) else {
            return Ok(mention.carried_along);
        };
        Ok(match self.status_value(parent).await? {
            Some(parent) => mentions::names_us(me, &parent),
            None => true,
        })
    }
}

fn with_parameters(url: Url) -> Url {
    with(with(url, "types[]", "mention"), "include_filtered", "true")
}
