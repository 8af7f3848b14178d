//! A notification read as a [`Mention`]: who asks, what they say, whom they really address.
//!
//! Invariants: reading never fails beyond "undecodable"; we know ourselves by id and URL, never by `acct` alone
//! (SERVERS.md §3, rule 5); our own statuses are no mentions; an asker's `acct` holds nothing that could address
//! anybody else, because a reply repeats it. Deciding what to do is not known here.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::core::ids::{Lang, RemoteId, StatusId, StatusUri};
use crate::core::mention::{Asker, MayReply, Mention, names_of_profile};
use crate::core::text::fold;
use crate::fedi::names::{Name, Seen};
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
        Some(found) if me.is(found.get("account").or_else(|| item.get("account")).unwrap_or(&nothing)) => Read::Other,
        Some(found) => {
            status(me, found, item, now).map_or(Read::Undecodable, |mention| Read::Mention(Box::new(mention)))
        }
        None => Read::Undecodable,
    }
}

/// Reads a status as a mention of us; `item` is the notification around it, or null.
pub(super) fn status(me: &Me, status: &Value, item: &Value, now: Option<DateTime<Utc>>) -> Option<Mention> {
    let id = json::id(status, "id")?;
    let account = status.get("account").filter(|account| account.is_object()).or_else(|| item.get("account"))?;
    let mut asker = asker(me, account)?;
    // Servers that show an author twice may mark only one of them.
    if let Some(beside) = item.get("account").filter(|beside| json::id(beside, "id") == json::id(account, "id")) {
        asker.bot |= json::is_true(beside, "bot");
        asker.group |= json::is_true(beside, "group");
    }
    let time = |value: &Value| json::text(value, "created_at").as_deref().and_then(headers::iso);
    let created_at = time(status).or_else(|| time(item)).or(now)?;
    let uri = json::text(status, "uri").or_else(|| json::text(status, "url")).unwrap_or_else(|| id.clone());
    let content = content(status);
    let mut read = html::read(&content);
    // Mastodon's own quotes (4.5): what somebody quotes with their question is its context.
    if let Some(quoted) = status.get("quote").and_then(|quote| quote.get("quoted_status").or(Some(quote)))
        && let Some(content) = json::any_text(quoted, "content")
    {
        read.text.quoted.push('\n');
        read.text.quoted.push_str(&html::read(&content).text.own);
    }
    let in_reply_to = json::id(status, "in_reply_to_id").map(StatusId::new);
    let in_reply_to_author = json::id(status, "in_reply_to_account_id").map(RemoteId::new);
    let in_reply_to_author_is_us = in_reply_to_author.as_ref() == Some(&me.id);
    let seen = Seen { me, asker: &asker, status, read: &read };
    let (others_named, carried_along) =
        (seen.others(), in_reply_to.is_some() && seen.carried_along(in_reply_to_author.as_ref()));
    Some(Mention {
        status: StatusId::new(id),
        uri: StatusUri::new(uri),
        created_at,
        edited_at: json::text(status, "edited_at").as_deref().and_then(headers::iso),
        lang: json::text(status, "language").map(|code| Lang::new(code.trim())),
        visibility: visibility(status),
        cw: json::text(status, "spoiler_text"),
        in_reply_to,
        in_reply_to_author,
        others_named,
        carried_along,
        addressed: is_addressed(me, status, &content, in_reply_to_author_is_us),
        replies: may_reply(me, status),
        above: None,
        text: read.text,
        asker,
    })
}

/// Whether a status speaks to us: it is said to name us, our name stands in it anywhere, or it answers us. Servers that
/// never say whom a status names, or show names their own way, are believed.
fn is_addressed(me: &Me, status: &Value, content: &str, answers_us: bool) -> bool {
    let told = json::list(status, "mentions");
    let name = me.acct.split('@').next().unwrap_or_default().to_lowercase();
    let in_words = |text: &str| text.to_lowercase().contains(&name);
    answers_us
        || told.is_empty()
        || told.iter().any(|named| me.is(named))
        || in_words(content)
        || json::text(status, "spoiler_text").is_some_and(|warning| in_words(&warning))
}

/// What the author's interaction policy lets us do (GoToSocial: `interaction_policy.can_reply`, two lists that older
/// versions call `always` and `with_approval`). The server itself puts `me` where we stand; whoever is named may reply
/// as `mentioned`. A policy that names neither us nor everybody leaves no reply that would be welcome.
fn may_reply(me: &Me, status: &Value) -> MayReply {
    let Some(policy) = status.get("interaction_policy").and_then(|policy| policy.get("can_reply")) else {
        return MayReply::Yes;
    };
    if !policy.is_object() {
        return MayReply::Yes;
    }
    let holds_us = |keys: [&str; 2]| {
        let mut values = keys.into_iter().flat_map(|key| json::list(policy, key)).filter_map(Value::as_str);
        values.any(|value| matches!(value, "public" | "mentioned" | "me") || is_us(me, value))
    };
    // `me` in the second list is the server's word about us alone, and outweighs what is said of groups.
    let approved_first = ["with_approval", "manual_approval"];
    let told_to_wait = approved_first.into_iter().flat_map(|key| json::list(policy, key)).any(|value| value == "me");
    match (holds_us(["always", "automatic_approval"]), told_to_wait || holds_us(approved_first)) {
        (true, _) if !told_to_wait => MayReply::Yes,
        (_, true) => MayReply::AfterApproval,
        (_, false) => MayReply::No,
    }
}

/// Whether an account's address in a policy is ours: the profile's, or the account's own on the same server.
fn is_us(me: &Me, address: &str) -> bool {
    let name = me.acct.split('@').next().unwrap_or_default();
    let names = names_of_profile(address);
    let host = host(&me.url).unwrap_or_default();
    names.contains(&format!("{name}@{host}").to_lowercase())
        || names_of_profile(&me.url).iter().any(|own| names.contains(own))
}

/// Whether a status that answers `parent` is by one of `ours` (profile URLs) or by ourselves.
pub(super) fn answers_as_one_of_us(
    me: &Me,
    ours: &std::collections::HashSet<String>,
    status: &Value,
    parent: &str,
) -> bool {
    let Some(account) = status.get("account") else { return false };
    is_one_of_us(me, ours, account) && json::id(status, "in_reply_to_id").is_some_and(|id| id == parent)
}

/// Whether an account is ours, or one of `ours` as another server shows it.
fn is_one_of_us(me: &Me, ours: &std::collections::HashSet<String>, account: &Value) -> bool {
    let shown = ["url", "uri"].into_iter().filter_map(|key| json::text(account, key));
    let names: Vec<String> = shown.flat_map(|url| names_of_profile(&url)).collect();
    me.is(account) || ours.iter().any(|own| names_of_profile(own).iter().any(|own| names.contains(own)))
}

/// By what a status of a conversation is known on every server: its address; what one of `ours` (profile URLs) said, by
/// its page.
pub(super) fn known_by(me: &Me, ours: &std::collections::HashSet<String>, status: &Value) -> Option<StatusUri> {
    let by_us = status.get("account").is_some_and(|account| is_one_of_us(me, ours, account));
    let keys = if by_us { ["url", "uri"] } else { ["uri", "url"] };
    keys.into_iter().find_map(|key| json::text(status, key)).map(StatusUri::new)
}

/// Whether a status names us, by `mentions` or in its visible text, or is ours.
pub(super) fn names_us(me: &Me, status: &Value) -> bool {
    let ours = Name::of_account(&me.acct, &me.url);
    status.get("account").is_some_and(|account| me.is(account))
        || json::list(status, "mentions").iter().any(|named| me.is(named))
        || html::read(&content(status)).mentions_in_text.iter().any(|name| ours.is(&Name::visible(name)))
}

pub(super) fn content(status: &Value) -> String {
    json::any_text(status, "content").unwrap_or_default()
}

fn asker(me: &Me, account: &Value) -> Option<Asker> {
    let uri = json::text(account, "uri");
    let url = json::text(account, "url").or_else(|| uri.clone());
    let acct = json::text(account, "acct").or_else(|| json::text(account, "username"))?;
    let mut acct = acct.trim().trim_start_matches('@').to_owned();
    // Without its host the name of somebody elsewhere is the name of somebody here.
    let home = uri.as_deref().or(url.as_deref()).and_then(host);
    if let (false, Some(theirs), Some(ours)) = (acct.contains('@'), home, host(&me.url))
        && theirs != ours
    {
        acct = format!("{acct}@{theirs}");
    }
    if !is_acct(&acct) {
        return None;
    }
    let id = json::id(account, "id").or_else(|| url.clone()).unwrap_or_else(|| acct.clone());
    Some(Asker {
        id: RemoteId::new(id),
        url: url.unwrap_or_else(|| match (acct.contains('@'), host(&me.url)) {
            (false, Some(host)) => format!("acct:{acct}@{host}"),
            _ => format!("acct:{acct}"),
        }),
        uri,
        bot: json::is_true(account, "bot"),
        nobot: asks_bots_to_stay_away(account),
        limited: json::is_true(account, "limited") || json::is_true(account, "suspended"),
        group: json::is_true(account, "group"),
        acct,
    })
}

/// The host of an address, with its port where it names one.
fn host(url: &str) -> Option<String> {
    let url = reqwest::Url::parse(url).ok()?;
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// `name`, `name@host` or `name@host:port`: what a reply repeats must address nobody else and break no line.
fn is_acct(acct: &str) -> bool {
    let part = |text: &str, extra: &[char]| {
        !text.is_empty()
            && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-') || extra.contains(&c))
    };
    match acct.split_once('@') {
        Some((name, host)) => part(name, &[]) && part(host, &[':']),
        None => part(acct, &[]),
    }
}

/// `#nobot` or `#nobots` in the profile or the display name, wherever markup breaks it (`#<span>nobot</span>`,
/// `#<b>no</b>bot`) and however its sign is written (`＃`).
fn asks_bots_to_stay_away(account: &Value) -> bool {
    let tagged = |text: &str| {
        // Reading HTML costs more than looking for the word first.
        text.to_ascii_lowercase().contains("bot") && has_tag(&fold(&html::plain(text)))
    };
    let says = |key: &str| json::text(account, key).is_some_and(|text| tagged(&text));
    says("note")
        || says("display_name")
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::core::post::Visibility;

    fn me() -> Me {
        Me {
            id: RemoteId::new("1"),
            url: "https://social.example/@eyes".to_owned(),
            acct: "eyes".to_owned(),
            bot: true,
        }
    }

    fn read(item: &Value) -> Read {
        notification(&me(), item, headers::iso("2026-11-22T10:00:00Z"))
    }

    fn mention(item: &Value) -> Mention {
        match read(item) {
            Read::Mention(mention) => *mention,
            other @ (Read::Other | Read::Undecodable) => panic!("{other:?}: {item}"),
        }
    }

    #[test]
    fn a_mastodon_mention_is_read() {
        let found = mention(&json!({
            "id": "34975861", "type": "mention", "created_at": "2026-11-22T09:59:59.000Z", "account": { "id": "42" },
            "status": {
                "id": "113", "uri": "https://far.example/users/ann/statuses/113", "created_at": "2026-11-22T09:59:58.123Z",
                "account": { "id": "42", "acct": "ann@far.example", "url": "https://far.example/@ann", "bot": false, "note": "<p>hi</p>" },
                "content": "<p><span class=\"h-card\"><a href=\"https://social.example/@eyes\" class=\"u-url mention\">@<span>eyes</span></a></span> what is Ring?</p>",
                "language": "en", "visibility": "unlisted", "spoiler_text": "police", "in_reply_to_id": null, "in_reply_to_account_id": null,
                "mentions": [{ "id": "1", "acct": "eyes", "url": "https://social.example/@eyes" }]
            }
        }));
        assert_eq!((found.status.as_str(), found.uri.as_str()), ("113", "https://far.example/users/ann/statuses/113"));
        assert_eq!(found.text.own.trim(), "what is Ring?");
        assert_eq!(
            (found.asker.acct.as_str(), found.asker.url.as_str()),
            ("ann@far.example", "https://far.example/@ann")
        );
        assert_eq!(
            (found.lang, found.visibility, found.cw.as_deref()),
            (Some(Lang::new("en")), Some(Visibility::Unlisted), Some("police"))
        );
        assert_eq!((found.others_named, found.carried_along, found.in_reply_to), (0, false, None));
        assert_eq!(found.created_at.to_rfc3339(), "2026-11-22T09:59:58.123+00:00");
        assert!(!found.asker.bot && !found.asker.nobot && !found.asker.limited);
    }

    #[test]
    fn the_quirks_of_other_servers_are_read() {
        // GoToSocial: ULIDs, no language.
        let ulid = mention(
            &json!({ "id": "01JD", "type": "mention", "status": { "id": "01JDX", "uri": "https://g.example/s/01JDX",
            "created_at": "2026-11-22T10:00:00.000Z", "language": null, "visibility": "direct", "content": "<p>@eyes hi</p>",
            "account": { "id": "01A", "acct": "bob", "url": "https://g.example/@bob" } } }),
        );
        assert_eq!((ulid.status.as_str(), ulid.lang, ulid.visibility), ("01JDX", None, Some(Visibility::Direct)));
        // Takahē, Mitra: ids as numbers; the host in the acct of a local account.
        let numbers = mention(&json!({ "id": 7, "type": "mention", "status": { "id": 12_345_678_901_234_567_890_u64,
            "account": { "id": 42, "acct": "alice@t.example", "url": "https://t.example/@alice/" }, "content": "<p>hi</p>",
            "created_at": "2026-11-22T10:00:00Z", "mentions": [{ "id": 1, "acct": "eyes@social.example" }, { "id": 9 }] } }));
        assert_eq!(
            (numbers.status.as_str(), numbers.asker.id.as_str(), numbers.others_named),
            ("12345678901234567890", "42", 1)
        );
        // snac: a port in the acct, no mentions, the profile as uri, no fractions in the time.
        let snac = mention(
            &json!({ "id": "1732269600.1", "type": "mention", "status": { "id": "1732269600.2", "created_at": "2026-11-22T10:00:00Z",
            "content": "@eyes@social.example hi", "mentions": [], "visibility": "public",
            "account": { "id": "abc", "acct": "alice@localhost:8001", "url": null, "uri": "http://localhost:8001/alice" } } }),
        );
        assert_eq!(
            (snac.asker.acct.as_str(), snac.asker.url.as_str()),
            ("alice@localhost:8001", "http://localhost:8001/alice")
        );
        assert_eq!((snac.uri.as_str(), snac.others_named), ("1732269600.2", 0));
        // Hollo: a notification id that is a path; the account only beside the status.
        let hollo = mention(
            &json!({ "id": "2026-11-22T10:00:00.000Z/mention/01-02", "type": "mention", "created_at": "2026-11-22T10:00:00.000Z",
            "account": { "id": "0190", "acct": "@cy@h.example", "url": "https://h.example/@cy" },
            "status": { "id": "0191", "content": "hi", "visibility": "limited", "url": "https://h.example/@cy/0191" } }),
        );
        assert_eq!(
            (hollo.asker.acct.as_str(), hollo.uri.as_str(), hollo.visibility),
            ("cy@h.example", "https://h.example/@cy/0191", None)
        );
    }

    #[test]
    fn a_name_without_a_host_of_somebody_elsewhere_gets_the_host() {
        let check = |account: Value, expected: &str| {
            let item = json!({ "type": "mention", "status": { "id": "5", "account": account } });
            assert_eq!(mention(&item).asker.acct, expected, "{item}");
        };
        check(json!({ "acct": "", "username": "p1", "url": "https://m.test/@p1" }), "p1@m.test");
        check(json!({ "acct": "p1", "uri": "https://m.test/users/p1" }), "p1@m.test");
        check(json!({ "acct": "p1", "url": "https://social.example/@p1" }), "p1");
        check(json!({ "acct": "p1", "url": "https://page.test/", "uri": "https://social.example/users/p1" }), "p1");
        check(json!({ "acct": "p1" }), "p1");
    }

    #[test]
    fn who_is_named_is_told_apart_from_who_only_got_it() {
        let check = |status: Value, expected: bool| {
            let mut status = status;
            status["id"] = json!("5");
            status["account"] = json!({ "id": "2", "acct": "ann@far.example" });
            let found = mention(&json!({ "type": "mention", "status": status }));
            assert_eq!(found.addressed, expected, "{status}");
        };
        let bob = json!([{ "id": "9", "acct": "bob" }]);
        check(json!({ "content": "<p>@bob what is Ring?</p>", "mentions": bob }), false);
        check(json!({ "content": "<p>@bob @eyes what is Ring?</p>", "mentions": bob }), true);
        check(
            json!({ "content": "<p>what is Ring?</p>", "mentions": bob, "in_reply_to_id": "7", "in_reply_to_account_id": "1" }),
            true,
        );
        check(json!({ "content": "<p>what is Ring?</p>", "mentions": [{ "id": "1", "acct": "eyes" }] }), true);
        check(json!({ "content": "<p>what is Ring?</p>", "mentions": [] }), true);
        check(json!({ "content": "<p>what is Ring?</p>", "spoiler_text": "for @eyes", "mentions": bob }), true);
    }

    #[test]
    fn a_group_and_a_bot_that_is_marked_only_beside_are_known() {
        let found = mention(&json!({ "type": "mention", "account": { "id": "2", "acct": "ann", "bot": true },
            "status": { "id": "5", "account": { "id": "2", "acct": "ann", "group": true } } }));
        assert!(found.asker.bot && found.asker.group);
        let other = mention(&json!({ "type": "mention", "account": { "id": "3", "acct": "relay", "bot": true },
            "status": { "id": "5", "account": { "id": "2", "acct": "ann" } } }));
        assert!(!other.asker.bot);
    }

    #[test]
    fn nothing_but_a_status_id_and_an_author_is_needed() {
        let bare = mention(&json!({ "type": "mention", "status": { "id": "5", "account": { "username": "ann" } } }));
        assert_eq!(
            (bare.uri.as_str(), bare.asker.id.as_str(), bare.asker.url.as_str()),
            ("5", "ann", "acct:ann@social.example")
        );
        assert_eq!(bare.created_at.to_rfc3339(), "2026-11-22T10:00:00+00:00");
        let timeless = json!({ "type": "mention", "status": { "id": "5", "account": { "acct": "ann" }, "created_at": "yesterday" } });
        assert_eq!(notification(&me(), &timeless, None), Read::Undecodable);
    }

    #[test]
    fn what_is_no_mention_of_us_is_told_apart() {
        let check = |item: Value, expected: &Read| assert_eq!(read(&item), *expected, "{item}");
        for kind in ["favourite", "admin.report", "severed_relationships", "of_the_future"] {
            check(json!({ "id": "1", "type": kind }), &Read::Other);
        }
        check(json!({ "type": "mention", "status": null }), &Read::Other);
        // GoToSocial notifies a bot of its own mention of itself.
        check(
            json!({ "type": "mention", "status": { "id": "5", "account": { "id": 1, "acct": "eyes" } } }),
            &Read::Other,
        );
        check(
            json!({ "type": "mention", "status": { "id": "5", "account": { "id": "x", "acct": "y", "url": "https://social.example/@eyes" } } }),
            &Read::Other,
        );
        for odd in [
            json!(null),
            json!([]),
            json!("x"),
            json!({}),
            json!({ "type": 7 }),
            json!({ "type": "mention" }),
            json!({ "type": "mention", "status": "x" }),
            json!({ "type": "mention", "status": {} }),
            json!({ "type": "mention", "status": { "id": "5" } }),
            json!({ "type": "mention", "status": { "account": { "acct": "a" } } }),
        ] {
            check(odd, &Read::Undecodable);
        }
    }

    #[test]
    fn an_acct_that_could_address_others_is_not_repeated() {
        for good in ["ann", "Ann_1.x-y", "ann@far.example", "ann@far.example:8080", "jörg@bücher.example"] {
            assert!(is_acct(good), "{good}");
        }
        for bad in [
            "",
            "@",
            "ann@",
            "@far",
            "ann @bob",
            "ann\n@bob",
            "ann@far@bob",
            "ann@far/x",
            "<b>",
            "ann@far.example #x",
            "a\u{202e}b",
        ] {
            assert!(!is_acct(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_profile_that_wants_no_bots_is_recognised() {
        let check =
            |account: Value, expected: bool| assert_eq!(asks_bots_to_stay_away(&account), expected, "{account}");
        check(json!({ "note": "<p>cats <a href=\"https://a.example/tags/nobot\">#<span>nobot</span></a></p>" }), true);
        check(json!({ "note": "#NoBots please" }), true);
        check(json!({ "note": "#nobot." }), true);
        check(json!({ "note": "<p>#<b>no</b>bot</p>" }), true);
        check(json!({ "note": "＃nobot" }), true);
        check(json!({ "display_name": "ada #NoBot" }), true);
        check(json!({ "display_name": "I am no bot" }), false);
        check(json!({ "fields": [{ "name": "please", "value": "<p>#nobot</p>" }] }), true);
        check(json!({ "fields": [{ "name": "#nobots" }] }), true);
        check(json!({ "note": "#nobother" }), false);
        check(json!({ "note": "nobot is a word" }), false);
        check(json!({ "note": "x#nobot" }), false);
        check(json!({ "note": null, "fields": null }), false);
    }

    #[test]
    fn the_authors_policy_says_whether_we_may_reply() {
        let check = |policy: Value, expected: MayReply| {
            let status = json!({ "interaction_policy": policy });
            assert_eq!(may_reply(&me(), &status), expected, "{status}");
        };
        assert_eq!(may_reply(&me(), &json!({})), MayReply::Yes);
        check(Value::Null, MayReply::Yes);
        check(json!({ "can_reblog": { "always": [] } }), MayReply::Yes);
        check(json!({ "can_reply": { "always": ["public", "me"], "with_approval": [] } }), MayReply::Yes);
        check(json!({ "can_reply": { "always": ["author", "mentioned"], "with_approval": [] } }), MayReply::Yes);
        check(
            json!({ "can_reply": { "automatic_approval": ["https://social.example/@eyes"], "manual_approval": [] } }),
            MayReply::Yes,
        );
        check(
            json!({ "can_reply": { "automatic_approval": ["author", "followers"], "manual_approval": ["public", "me"] } }),
            MayReply::AfterApproval,
        );
        check(json!({ "can_reply": { "always": ["mentioned"], "with_approval": ["me"] } }), MayReply::AfterApproval);
        check(json!({ "can_reply": { "always": ["author"], "with_approval": [] } }), MayReply::No);
        check(json!({ "can_reply": { "always": ["followers"], "with_approval": null } }), MayReply::No);
        check(json!({ "can_reply": { "always": 7 } }), MayReply::No);
    }

    #[test]
    fn a_limited_or_suspended_author_is_marked() {
        for key in ["limited", "suspended"] {
            let mut account = json!({ "id": "2", "acct": "ann", "bot": true });
            account[key] = json!(true);
            let found = mention(&json!({ "type": "mention", "status": { "id": "5", "account": account } }));
            assert!(found.asker.limited && found.asker.bot);
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
            "@[a-z]{1,5}(@[a-z.]{1,9})?".prop_map(Value::from),
            "<(p|a|span|blockquote)[^>]{0,9}>".prop_map(Value::from),
            Just(json!("1")),
            Just(json!("2026-11-22T10:00:00Z")),
        ];
        let keys = prop_oneof![
            "[a-z]{1,4}",
            Just("id".to_owned()),
            Just("url".to_owned()),
            Just("acct".to_owned()),
            Just("note".to_owned())
        ];
        leaf.prop_recursive(3, 24, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(keys.clone(), inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_json_makes_reading_panic(
            account in any_json(), content in any_json(), names in any_json(), parent in any_json(), time in any_json(), extra in any_json()
        ) {
            let status = json!({ "id": "5", "account": account, "content": content, "mentions": [names.clone(), { "id": names, "acct": extra }],
                "in_reply_to_id": parent, "in_reply_to_account_id": parent, "created_at": time, "spoiler_text": extra, "language": extra });
            for item in [&extra, &status, &json!({ "type": "mention", "status": status, "account": extra })] {
                let told = read(item);
                let shown = format!("{told:?}");
                prop_assert!(!shown.contains("\\0"));
                let _named = names_us(&me(), item);
            }
        }
    }
}
