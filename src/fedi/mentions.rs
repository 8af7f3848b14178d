//! A notification read as a [`Mention`]: who asks, what they say, whom they really address.
//!
//! Invariants: reading never fails beyond "undecodable"; we know ourselves by id and URL, never by `acct` alone
//! (SERVERS.md §3, rule 5); our own statuses are no mentions; an asker's `acct` holds nothing that could address
//! anybody else, because a reply repeats it. Deciding what to do is not known here.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use reqwest::Url;
use serde_json::Value;

use crate::core::ids::{Lang, RemoteId, StatusId, StatusUri};
use crate::core::mention::{Asker, Mention};
use crate::fedi::html::HtmlText;
use crate::fedi::statuses::visibility;
use crate::fedi::{Me, headers, html, json};

/// What a notification turned out to be.
#[derive(Debug, PartialEq)]
pub(super) enum Read {
    /// Somebody addressed us.
    Mention(Box<Mention>),
    /// Another type, a status that is gone, or ourselves.
    Other,
    /// It says it is a mention and cannot be read as one, or does not say what it is.
    Undecodable,
}

/// Reads a notification. `now` is the server's clock, for a mention without a time.
pub(super) fn notification(me: &Me, item: &Value, now: Option<DateTime<Utc>>) -> Read {
    match json::text(item, "type").as_deref() {
        Some("mention") => {}
        Some(_) => return Read::Other,
        None => return Read::Undecodable,
    }
    let nothing = Value::Null;
    match item.get("status") {
        Some(Value::Null) => Read::Other,
        Some(found) if is_us(me, found.get("account").or_else(|| item.get("account")).unwrap_or(&nothing)) => Read::Other,
        Some(found) => status(me, found, item, now).map_or(Read::Undecodable, |mention| Read::Mention(Box::new(mention))),
        None => Read::Undecodable,
    }
}

/// Reads a status as a mention of us; `item` is the notification around it, or null.
pub(super) fn status(me: &Me, status: &Value, item: &Value, now: Option<DateTime<Utc>>) -> Option<Mention> {
    let id = json::id(status, "id")?;
    let account = status.get("account").filter(|account| account.is_object()).or_else(|| item.get("account"))?;
    let asker = asker(account)?;
    let time = |value: &Value| json::text(value, "created_at").as_deref().and_then(headers::iso);
    let created_at = time(status).or_else(|| time(item)).or(now)?;
    let uri = json::text(status, "uri").or_else(|| json::text(status, "url")).unwrap_or_else(|| id.clone());
    let content = content(status);
    let read = html::read(&content);
    let in_reply_to = json::id(status, "in_reply_to_id").map(StatusId::new);
    let in_reply_to_author = json::id(status, "in_reply_to_account_id").map(RemoteId::new);
    let seen = Seen { me, asker: &asker, status, read: &read };
    let (others_named, carried_along) =
        (seen.others(), in_reply_to.is_some() && seen.carried_along(in_reply_to_author.as_ref()));
    Some(Mention {
        status: StatusId::new(id),
        uri: StatusUri::new(uri),
        created_at,
        lang: json::text(status, "language").map(|code| Lang::new(code.trim())),
        visibility: visibility(status),
        cw: json::text(status, "spoiler_text"),
        in_reply_to,
        in_reply_to_author,
        others_named,
        carried_along,
        text: read.text,
        asker,
    })
}

/// Whether a status names us, by `mentions` or in its visible text, or is ours.
pub(super) fn names_us(me: &Me, status: &Value) -> bool {
    let ours = Name::of_account(&me.acct, &me.url);
    status.get("account").is_some_and(|account| is_us(me, account))
        || json::list(status, "mentions").iter().any(|named| is_us(me, named))
        || html::read(&content(status)).mentions_in_text.iter().any(|name| ours.is(&Name::visible(name)))
}

fn is_us(me: &Me, account: &Value) -> bool {
    json::id(account, "id").is_some_and(|id| id == me.id.as_str()) || json::text(account, "url").is_some_and(|url| url == me.url)
}

fn content(status: &Value) -> String {
    json::any_text(status, "content").unwrap_or_default()
}

fn asker(account: &Value) -> Option<Asker> {
    let url = json::text(account, "url").or_else(|| json::text(account, "uri"));
    let acct = json::text(account, "acct").or_else(|| json::text(account, "username"))?;
    let acct = acct.trim().trim_start_matches('@').to_owned();
    if !is_acct(&acct) {
        return None;
    }
    let id = json::id(account, "id").or_else(|| url.clone()).unwrap_or_else(|| acct.clone());
    Some(Asker {
        id: RemoteId::new(id),
        url: url.unwrap_or_else(|| format!("acct:{acct}")),
        bot: json::is_true(account, "bot"),
        nobot: asks_bots_to_stay_away(account),
        limited: json::is_true(account, "limited") || json::is_true(account, "suspended"),
        acct,
    })
}

/// `name`, `name@host` or `name@host:port`: what a reply repeats must address nobody else and break no line.
fn is_acct(acct: &str) -> bool {
    let part = |text: &str, extra: &[char]| {
        !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-') || extra.contains(&c))
    };
    match acct.split_once('@') {
        Some((name, host)) => part(name, &[]) && part(host, &[':']),
        None => part(acct, &[]),
    }
}

/// `#nobot` or `#nobots` in the profile, wherever markup breaks it (`#<span>nobot</span>`).
fn asks_bots_to_stay_away(account: &Value) -> bool {
    let tagged = |text: &str| {
        // Reading HTML costs more than looking for the word first.
        text.to_ascii_lowercase().contains("nobot") && has_tag(&html::plain(text).to_lowercase())
    };
    json::text(account, "note").is_some_and(|note| tagged(&note))
        || json::list(account, "fields")
            .iter()
            .flat_map(|field| [json::text(field, "name"), json::text(field, "value")])
            .flatten()
            .any(|text| tagged(&text))
}

fn has_tag(text: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices("#nobot").any(|(at, found)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + found.len()..).unwrap_or_default();
        let after = after.strip_prefix('s').unwrap_or(after);
        !before.is_some_and(is_word) && !after.chars().next().is_some_and(is_word)
    })
}

/// A name as it stands in a text, or the names an account goes by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    user: String,
    /// Empty when the text gives none. An account may go by two: its `acct`'s and its URL's.
    hosts: Vec<String>,
}

impl Name {
    fn visible(text: &str) -> Name {
        let text = text.trim().trim_start_matches('@').to_lowercase();
        match text.split_once('@') {
            Some((user, host)) => Name { user: user.to_owned(), hosts: vec![host.to_owned()] },
            None => Name { user: text, hosts: Vec::new() },
        }
    }

    fn of_account(acct: &str, url: &str) -> Name {
        let mut name = Name::visible(acct);
        if let Ok(url) = Url::parse(url)
            && let Some(host) = url.host_str()
        {
            let with_port = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
            name.hosts.extend([host.to_lowercase(), with_port.to_lowercase()]);
        }
        name
    }

    /// Whether this account is meant by that visible name; a name without a host may be anybody's of that name.
    fn is(&self, visible: &Name) -> bool {
        self.user == visible.user && (visible.hosts.is_empty() || visible.hosts.iter().any(|host| self.hosts.contains(host)))
    }
}

/// What a status shows of whom it addresses.
struct Seen<'a> {
    me: &'a Me,
    asker: &'a Asker,
    status: &'a Value,
    read: &'a HtmlText,
}

impl Seen<'_> {
    fn ours(&self) -> Name {
        Name::of_account(&self.me.acct, &self.me.url)
    }

    /// Accounts named besides us and the author: by `mentions` or in the visible text, whichever is more.
    fn others(&self) -> usize {
        let tagged: BTreeSet<String> = json::list(self.status, "mentions")
            .iter()
            .filter(|named| !is_us(self.me, named))
            .filter(|named| json::id(named, "id").is_none_or(|id| id != self.asker.id.as_str()))
            .filter_map(|named| json::id(named, "id").or_else(|| json::text(named, "url")).or_else(|| json::text(named, "acct")))
            .collect();
        let (ours, theirs) = (self.ours(), Name::of_account(&self.asker.acct, &self.asker.url));
        let visible: BTreeSet<Name> = self
            .read
            .mentions_in_text
            .iter()
            .map(|name| Name::visible(name))
            .filter(|name| !name.user.is_empty() && !ours.is(name) && !theirs.is(name))
            .collect();
        tagged.len().max(visible.len())
    }

    /// Whether a reply to somebody else only inherited our name (DESIGN §6), as far as its text tells.
    ///
    /// Clients open a reply with the name of the author it answers, then the names that status held. So: our name
    /// stands in that run after the answered author's, and nowhere else; or nowhere in the text at all, though we
    /// were notified. Our name first in the run, or again later, was typed on purpose. Whether the answered status
    /// really named us is [`crate::fedi::Fedi::inherited_our_name`]'s question.
    fn carried_along(&self, answered: Option<&RemoteId>) -> bool {
        let Some(answered) = answered else { return false };
        if *answered == self.me.id || *answered == self.asker.id {
            return false;
        }
        let ours = self.ours();
        let times = |names: &[String]| names.iter().filter(|name| ours.is(&Name::visible(name))).count();
        let (anywhere, in_run) = (times(&self.read.mentions_in_text), times(&self.read.leading_names));
        if anywhere == 0 && in_run == 0 {
            return !self.read.text.own.to_lowercase().contains(&ours.user);
        }
        if anywhere > in_run {
            return false;
        }
        let Some(author) = json::list(self.status, "mentions").iter().find(|named| json::id(named, "id").as_deref() == Some(answered.as_str()))
        else {
            // The run cannot be compared with an author nobody names.
            return false;
        };
        let author = Name::of_account(&json::text(author, "acct").unwrap_or_default(), &json::text(author, "url").unwrap_or_default());
        let place = |wanted: &Name| self.read.leading_names.iter().position(|name| wanted.is(&Name::visible(name)));
        match (place(&author), place(&ours)) {
            (Some(author), Some(ours)) => author < ours,
            _ => false,
        }
    }
}
