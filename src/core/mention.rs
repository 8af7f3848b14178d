//! Somebody addressed one of our accounts: what deciding may know of it, already read from the server's JSON and HTML.
//!
//! `fedi` makes these values; nothing here knows a server's field names or markup.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::core::ids::{Lang, RemoteId, StatusId, StatusUri};
use crate::core::post::Visibility;

/// One mention as its server showed it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mention {
    /// Its id on our server; what a reply threads under.
    pub status: StatusId,
    /// Its fediverse-wide identity; servers without one get `status` here.
    pub uri: StatusUri,
    /// When it was written, as the server says.
    pub created_at: DateTime<Utc>,
    /// When its author last changed it, if ever.
    #[serde(default)]
    pub edited_at: Option<DateTime<Utc>>,
    /// Who wrote it.
    pub asker: Asker,
    /// What it says.
    pub text: MentionText,
    /// The language its author's client claimed.
    pub lang: Option<Lang>,
    /// Who may see it; `None` when the server said a word we do not know.
    pub visibility: Option<Visibility>,
    /// Its content warning; never empty.
    pub cw: Option<String>,
    /// The status it answers.
    pub in_reply_to: Option<StatusId>,
    /// The author of that status.
    pub in_reply_to_author: Option<RemoteId>,
    /// Accounts it names besides ours, by `mentions` or in the visible text, whichever is more.
    pub others_named: usize,
    /// Our name stands only in the leading run of names of a reply to somebody else (DESIGN §6 "carried along").
    pub carried_along: bool,
    /// It names us, or answers us; a server that sent it to us for another reason is wrong.
    #[serde(default = "addressed")]
    pub addressed: bool,
    /// Whether its author lets us reply.
    #[serde(default)]
    pub replies: MayReply,
    /// What stands above it, the first status of the conversation first, once somebody looked: fediverse-wide addresses, or
    /// the pages of what our own accounts said, because that is what the ledger has of them.
    #[serde(default)]
    pub above: Option<Vec<StatusUri>>,
}

/// What was written down before this was asked for addressed us.
fn addressed() -> bool {
    true
}

/// Whether a status may be replied to by us, where its server has interaction policies (GoToSocial).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MayReply {
    /// It may; so it is wherever a server says nothing.
    #[default]
    Yes,
    /// Only after its author approved the reply.
    AfterApproval,
    /// It may not.
    No,
}

/// The author of a mention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asker {
    /// Id on our server.
    pub id: RemoteId,
    /// Profile URL; `acct:name@host` where the server gives none.
    pub url: String,
    /// Fediverse-wide identity, where the server gives one. Other servers may show it as the profile URL.
    #[serde(default)]
    pub uri: Option<String>,
    /// `name` or `name@host` as the server shows it: what a reply must contain to reach them.
    pub acct: String,
    /// The server marks it as a bot.
    pub bot: bool,
    /// Its profile asks bots to leave it alone (`#nobot`, `#nobots`).
    pub nobot: bool,
    /// The server limited (silenced, suspended) it.
    pub limited: bool,
    /// It is a group or a community, which passes on what others say.
    #[serde(default)]
    pub group: bool,
}

impl Asker {
    /// Every name that stands for this person, the best first: servers show one person's profile under several
    /// addresses, and a stop counts for all of them. Compared as they are here: without scheme, in small letters.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let host = || self.names_of_addresses().find_map(|url| host_of(&url).map(str::to_owned));
        let acct = self.acct.to_lowercase();
        let handle = match acct.contains('@') {
            true => Some(acct),
            false => host().map(|host| format!("{acct}@{host}")),
        };
        let mut names: Vec<String> = handle.into_iter().collect();
        for name in [Some(&self.url), self.uri.as_ref()].into_iter().flatten().flat_map(|url| names_of_profile(url)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Those of [`Asker::names`] that nobody else can give themselves: the handle, by which our own server knows them, and
    /// the account's own address. A profile's URL is written by whoever has the profile.
    #[must_use]
    pub fn own_names(&self) -> Vec<String> {
        let named = Self { url: String::new(), ..self.clone() };
        let mut names = named.names();
        names.extend(self.names().into_iter().find(|name| name.contains('@') && !name.contains('/')));
        names.retain(|name| !name.is_empty());
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names
    }

    /// Whether handle and own address name the same server. Where they do not, one of them may be somebody else's: servers
    /// check neither for us, and honest ones let a handle stand under another domain.
    #[must_use]
    pub fn is_of_one_server(&self) -> bool {
        let Some(own) = self.uri.as_ref().map(|uri| bare(uri)) else { return true };
        match self.acct.to_lowercase().rsplit_once('@') {
            Some((_, host)) => host_of(&own) == Some(host),
            None => true,
        }
    }

    fn names_of_addresses(&self) -> impl Iterator<Item = String> {
        [Some(&self.url), self.uri.as_ref()].into_iter().flatten().map(|url| bare(url))
    }
}

/// The names that a profile's address alone tells: `name@host`, where it holds the name as servers write it, and itself.
#[must_use]
pub fn names_of_profile(url: &str) -> Vec<String> {
    let bare = bare(url);
    let mut parts = bare.split('/');
    let host = parts.next().unwrap_or_default().to_owned();
    let path: Vec<&str> = parts.collect();
    let name = match path.as_slice() {
        [name] => name.strip_prefix('@'),
        ["users" | "u" | "profile" | "accounts" | "@", name] => Some(*name),
        _ => None,
    };
    let handle = name.filter(|name| !name.is_empty() && !name.contains('@')).map(|name| format!("{name}@{host}"));
    handle.into_iter().chain([bare]).collect()
}

/// An address without scheme, last slash and capital letters: `https://M.test/@Ada/` and `http://m.test/@ada` are one.
fn bare(url: &str) -> String {
    let url = url.trim();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.trim_start_matches("acct:").trim_end_matches('/').to_lowercase()
}

/// The host of an address that is [`bare`].
fn host_of(bare: &str) -> Option<&str> {
    let place = bare.rsplit_once('@').filter(|(name, _)| !name.contains('/')).map_or(bare, |(_, host)| host);
    place.split('/').next().filter(|host| host.contains('.') || host.contains(':') || *host == "localhost")
}

/// One status's address as all servers' forms of it: without scheme, standard port, last slash and capital letters in the
/// host, and Mastodon's page `/@name/ID` as the object it shows. What is no web address stays as it is.
#[must_use]
pub fn same_status_address(uri: &str) -> String {
    let uri = uri.trim();
    let scheme = |scheme: &str| uri.get(..scheme.len()).filter(|start| start.eq_ignore_ascii_case(scheme));
    let Some(found) = scheme("https://").or_else(|| scheme("http://")) else { return uri.to_owned() };
    let rest = uri.get(found.len()..).unwrap_or_default().trim_end_matches('/');
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.to_lowercase();
    let host = host.strip_suffix(":443").or_else(|| host.strip_suffix(":80")).unwrap_or(&host);
    let page = path.strip_prefix('@').and_then(|page| page.split_once('/'));
    match page.filter(|(name, id)| !name.contains('@') && !id.contains('/')) {
        Some((name, id)) => format!("{host}/users/{name}/statuses/{id}"),
        None => format!("{host}/{path}"),
    }
}

/// The visible words of a status, taken apart by a real HTML parser.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MentionText {
    /// The person's own words: no names of accounts, no links, no quoted text. Hashtags stand as `#Tag`.
    /// Paragraphs and line breaks are `\n`.
    pub own: String,
    /// What they quoted (block quotes, lines that open with `>`), as context only.
    pub quoted: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(acct: &str, url: &str, uri: Option<&str>) -> Asker {
        Asker {
            id: RemoteId::new("9"),
            url: url.to_owned(),
            uri: uri.map(str::to_owned),
            acct: acct.to_owned(),
            bot: false,
            nobot: false,
            limited: false,
            group: false,
        }
    }

    #[test]
    fn one_person_has_the_same_first_name_wherever_and_however_they_are_shown() {
        for (acct, url, uri) in [
            ("ada@m.test", "https://m.test/@ada", Some("https://m.test/users/ada")),
            ("Ada@M.test", "https://M.TEST/@Ada/", None),
            ("ada@m.test", "http://m.test/users/ada", Some("https://m.test/users/ada")),
            ("ada@m.test", "acct:ada@m.test", None),
            ("ada", "https://m.test/@ada", Some("https://m.test/ap/users/115")),
            ("ada", "acct:ada@m.test", None),
        ] {
            assert_eq!(asker(acct, url, uri).names().first().map(String::as_str), Some("ada@m.test"), "{acct} {url}");
        }
        let names = asker("ada", "https://m.test/@ada", Some("https://m.test/users/ada")).names();
        assert_eq!(names, ["ada@m.test", "m.test/@ada", "m.test/users/ada"]);
    }

    #[test]
    fn different_people_share_no_name() {
        let one = asker("ada@m.test", "https://m.test/@ada", Some("https://m.test/users/1")).names();
        for other in [
            asker("ada@n.test", "https://n.test/@ada", Some("https://n.test/users/1")),
            asker("bob@m.test", "https://m.test/@bob", Some("https://m.test/users/2")),
            asker("adam@m.test", "https://m.test/@adam", None),
            asker("ada", "https://other.test/@ada", None),
        ] {
            assert!(other.names().iter().all(|name| !one.contains(name)), "{:?}", other.names());
        }
    }

    #[test]
    fn a_handle_and_an_address_of_two_servers_are_told_apart() {
        let check = |acct: &str, uri: Option<&str>, expected| {
            assert_eq!(asker(acct, "https://m.test/@ada", uri).is_of_one_server(), expected, "{acct} {uri:?}");
        };
        check("Ada@m.test", Some("https://M.test/users/ada"), true);
        check("ada@localhost:8001", Some("http://localhost:8001/ada"), true);
        check("ada", Some("https://m.test/users/ada"), true);
        check("ada@m.test", None, true);
        check("ada@m.test", Some("https://e.test/users/ada"), false);
        check("ada@m.test", Some("https://social.m.test/users/ada"), false);
    }

    #[test]
    fn a_status_is_the_same_under_every_form_of_its_address() {
        for form in [
            "https://p.test/users/ada/statuses/7",
            "http://p.test/users/ada/statuses/7",
            "HTTPS://P.test:443/users/ada/statuses/7/",
            "https://p.test/@ada/7",
            " https://p.test/@ada/7/ ",
        ] {
            assert_eq!(same_status_address(form), "p.test/users/ada/statuses/7", "{form}");
        }
        for (one, other) in [
            ("https://p.test/users/ada/statuses/7", "https://p.test/users/ada/statuses/8"),
            ("https://p.test/users/ada/statuses/7", "https://q.test/users/ada/statuses/7"),
            ("https://p.test/notice/AbC", "https://p.test/notice/abc"),
            ("https://p.test/@ada@far.test/7", "https://p.test/@ada/7"),
            ("7", "https://7"),
        ] {
            assert_ne!(same_status_address(one), same_status_address(other), "{one} {other}");
        }
    }

    #[test]
    fn an_address_alone_tells_the_name_where_servers_write_it_so() {
        assert_eq!(names_of_profile("https://M.test/@ada/"), ["ada@m.test", "m.test/@ada"]);
        assert_eq!(names_of_profile("https://m.test/users/ada"), ["ada@m.test", "m.test/users/ada"]);
        assert_eq!(names_of_profile("https://m.test/p/7"), ["m.test/p/7"]);
        assert_eq!(names_of_profile("https://m.test/@ada@far.test"), ["m.test/@ada@far.test"]);
    }
}
