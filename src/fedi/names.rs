//! Whom a status addresses: whether one of its names is ours, how many others it names, whether our name was only inherited.
//!
//! Invariants: a name in a text is not an identity: without a host it may be anybody's. `mentions` and the visible text
//! are both looked at, because servers leave either empty (snac, Hollo). HTML is read elsewhere; deciding is elsewhere.

use std::collections::BTreeSet;

use reqwest::Url;
use serde_json::Value;

use crate::core::ids::RemoteId;
use crate::core::mention::Asker;
use crate::fedi::html::HtmlText;
use crate::fedi::{Me, json};

/// A name as it stands in a text, or the names an account goes by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    user: String,
    /// Empty when the text gives none. An account may go by two: its `acct`'s and its URL's.
    hosts: Vec<String>,
}

impl Name {
    pub(super) fn visible(text: &str) -> Name {
        let text = text.trim().trim_start_matches('@').to_lowercase();
        match text.split_once('@') {
            Some((user, host)) => Name { user: user.to_owned(), hosts: vec![host.to_owned()] },
            None => Name { user: text, hosts: Vec::new() },
        }
    }

    pub(super) fn of_account(acct: &str, url: &str) -> Name {
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
    pub(super) fn is(&self, visible: &Name) -> bool {
        self.user == visible.user
            && (visible.hosts.is_empty() || visible.hosts.iter().any(|host| self.hosts.contains(host)))
    }
}

/// What a status shows of whom it addresses.
pub(super) struct Seen<'a> {
    pub(super) me: &'a Me,
    pub(super) asker: &'a Asker,
    pub(super) status: &'a Value,
    pub(super) read: &'a HtmlText,
}

impl Seen<'_> {
    fn ours(&self) -> Name {
        Name::of_account(&self.me.acct, &self.me.url)
    }

    /// Accounts named besides us and the author: by `mentions` or in the visible text, whichever is more.
    pub(super) fn others(&self) -> usize {
        let tagged: BTreeSet<String> = json::list(self.status, "mentions")
            .iter()
            .filter(|named| !self.me.is(named))
            .filter(|named| json::id(named, "id").is_none_or(|id| id != self.asker.id.as_str()))
            .filter_map(|named| {
                json::id(named, "id").or_else(|| json::text(named, "url")).or_else(|| json::text(named, "acct"))
            })
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
    pub(super) fn carried_along(&self, answered: Option<&RemoteId>) -> bool {
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
        let Some(author) = json::list(self.status, "mentions")
            .iter()
            .find(|named| json::id(named, "id").as_deref() == Some(answered.as_str()))
        else {
            // The run cannot be compared with an author nobody names.
            return false;
        };
        let author = Name::of_account(
            &json::text(author, "acct").unwrap_or_default(),
            &json::text(author, "url").unwrap_or_default(),
        );
        let place = |wanted: &Name| self.read.leading_names.iter().position(|name| wanted.is(&Name::visible(name)));
        match (place(&author), place(&ours)) {
            (Some(author), Some(ours)) => author < ours,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The status is by ann (2), our id is 1 and our name eyes.
    fn seen<T>(status: &Value, ask: impl Fn(&Seen<'_>) -> T) -> T {
        let me = Me {
            id: RemoteId::new("1"),
            url: "https://social.example/@eyes".to_owned(),
            acct: "eyes".to_owned(),
            bot: true,
        };
        let asker = Asker {
            id: RemoteId::new("2"),
            url: "https://far.example/@ann".to_owned(),
            uri: None,
            acct: "ann@far.example".to_owned(),
            bot: false,
            nobot: false,
            limited: false,
            group: false,
        };
        let read = crate::fedi::html::read(&json::any_text(status, "content").unwrap_or_default());
        ask(&Seen { me: &me, asker: &asker, status, read: &read })
    }

    #[test]
    fn others_are_counted_by_mentions_or_by_sight_whichever_is_more() {
        let check = |content: &str, mentions: Value, expected: usize| {
            let status = json!({ "content": content, "mentions": mentions });
            assert_eq!(seen(&status, |seen| seen.others()), expected, "{status}");
        };
        check("@eyes hi", json!([{ "id": "1" }]), 0);
        check("@eyes @ann@far.example hi", json!([{ "id": 1 }, { "id": "2" }]), 0);
        check("@eyes hi", json!([{ "id": "1" }, { "id": "3" }, { "id": "4" }, { "id": "4" }]), 2);
        check("@eyes @bob @bob @cyd@x.example hi", json!([]), 2);
        check("@eyes@social.example @eyes@elsewhere.example", json!([]), 1);
        check("@EYES hi", json!(null), 0);
        check("@eyes hi", json!([{}, null, 7, { "acct": "bob" }]), 1);
    }

    #[test]
    fn a_name_typed_is_told_from_a_name_inherited() {
        let mentions =
            json!([{ "id": "1", "acct": "eyes" }, { "id": "3", "acct": "bob", "url": "https://social.example/@bob" }]);
        let check = |content: &str, answered: Option<&str>, expected: bool| {
            let status = json!({ "content": content, "mentions": mentions });
            let found = seen(&status, |seen| seen.carried_along(answered.map(RemoteId::new).as_ref()));
            assert_eq!(found, expected, "{content} answering {answered:?}");
        };
        // 3 is bob, 2 the asker, 1 we.
        check("@bob @eyes I think so too", Some("3"), true);
        check("@bob @eyes", Some("3"), true);
        check("I think so too", Some("3"), true);
        check("@bob I think so too", Some("3"), true);
        check("@eyes @bob what is Ring?", Some("3"), false);
        check("@eyes what is Ring?", Some("3"), false);
        check("@bob ask @eyes about Ring", Some("3"), false);
        check("@bob @eyes hey @eyes what is Ring?", Some("3"), false);
        check("@bob @eyes what is Ring?", Some("1"), false);
        check("@bob @eyes what is Ring?", Some("2"), false);
        check("@bob @eyes what is Ring?", None, false);
        // Nobody named is the answered author: the run cannot be read.
        check("@bob @eyes what is Ring?", Some("9"), false);
    }
}
