//! One POST that creates one status, and nothing around it: no retry, no waiting, no second try.
//!
//! Invariants: no byte leaves without a fresh armed record of this very account; the visibility is always sent; absent
//! fields are left out (Hollo answers 400 to a JSON null); a blank status and a placeholder address never leave
//! (SERVERS.md §3, rule 1; DESIGN §4). It does not know why a status is sent.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use crate::core::delivery::{Armed, Outcome, Payload};
use crate::core::ids::MediaId;
use crate::fedi::capabilities::Capabilities;
use crate::fedi::classify::{Asked, classify};
use crate::fedi::{Fedi, http};

impl Fedi {
    /// Sends an armed delivery, once, and says what that did. `boot` is the boot clock now.
    ///
    /// Never retried here and never by the connection pool: whoever calls settles an unclear outcome by reading back.
    pub async fn publish(&self, caps: &Capabilities, armed: &Armed, boot: Duration) -> Outcome {
        if let Some(outcome) = self.objection(caps, armed, boot) {
            return outcome;
        }
        let body = body(caps, &armed.payload, &armed.media).to_string();
        let request = self
            .http
            .client()
            .post(self.at("/api/v1/statuses"))
            .header(AUTHORIZATION, self.authorization.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("Idempotency-Key", &armed.key)
            .body(body);
        let met = http::send(request).await;
        classify(&Asked { payload: &armed.payload, media: armed.media.len(), secret: &self.link.token }, &met)
    }

    /// Why this record must not be sent at all.
    fn objection(&self, caps: &Capabilities, armed: &Armed, boot: Duration) -> Option<Outcome> {
        if !armed.is_fresh(boot) {
            return Some(Outcome::NotSent { reason: "the armed record was older than 10 s".to_owned() });
        }
        let refused = |message: String| Some(Outcome::Refused { message });
        if armed.account != self.link.account {
            return refused(format!("the row belongs to {}, not to {}", armed.account, self.link.account));
        }
        if is_blank(&armed.payload.text) {
            return refused("the text is blank; write one".to_owned());
        }
        if caps.reacts_to_emoji && armed.payload.in_reply_to.is_some() && is_emoji(&armed.payload.text) {
            return refused(
                "an emoji alone becomes a reaction on this server, not a post; add a word to it".to_owned(),
            );
        }
        if !self.is_loopback()
            && let Some(host) = placeholder(&armed.payload.text)
                .or_else(|| placeholder(armed.payload.cw.as_deref().unwrap_or_default()))
        {
            return refused(format!("the text links to {host}, which is a placeholder; put the real address there"));
        }
        // A token in a text is a mishap of somebody who pasted; it must not be published.
        if armed.payload.text.contains(self.link.token.expose_secret()) {
            return refused("the text contains the account's access token; remove it".to_owned());
        }
        None
    }
}

/// The JSON body: only what is there.
fn body(caps: &Capabilities, payload: &Payload, media: &[MediaId]) -> Value {
    let mut body = Map::new();
    body.insert("status".to_owned(), json!(payload.text));
    body.insert("visibility".to_owned(), json!(payload.visibility.as_str()));
    if let Some(cw) = payload.cw.as_deref().filter(|cw| !cw.trim().is_empty()) {
        body.insert("spoiler_text".to_owned(), json!(cw));
        body.insert("sensitive".to_owned(), json!(true));
    }
    if let Some(lang) = &payload.lang {
        body.insert("language".to_owned(), json!(lang.as_str()));
    }
    if !media.is_empty() {
        body.insert("media_ids".to_owned(), json!(media));
    }
    if let Some(poll) = &payload.poll {
        body.insert("poll".to_owned(), json!({ "options": poll.options, "expires_in": poll.lasts_seconds }));
    }
    if let Some(parent) = &payload.in_reply_to {
        body.insert("in_reply_to_id".to_owned(), json!(parent));
    }
    if let Some(only) = &payload.allowed_mention
        && caps.knows_allowed_mentions
    {
        body.insert("allowed_mentions".to_owned(), json!([only]));
    }
    Value::Object(body)
}

/// Nothing a reader would see.
fn is_blank(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}')
    })
}

/// Nothing but emoji once names are gone, as Misskey's children read it: a picture, or one `:name:` of the server.
fn is_emoji(text: &str) -> bool {
    let words: String = text.split_whitespace().filter(|word| !word.starts_with('@')).collect();
    let own = words.strip_prefix(':').and_then(|rest| rest.strip_suffix(':'));
    let is_name = |name: &str| !name.is_empty() && !name.contains(':') && name.is_ascii();
    // Whatever is neither letter nor ordinary punctuation: too much is refused here rather than too little, since the
    // server's list of emoji grows. Keycaps begin with a digit.
    let pictured = |c: char| !c.is_alphabetic() && !c.is_ascii() || c.is_ascii_digit() || matches!(c, '#' | '*');
    own.is_some_and(is_name) || (words.chars().all(pictured) && !words.is_ascii())
}

/// The first host in `text` under a top-level domain reserved for examples and tests (RFC 2606).
///
/// Looked for where a scheme, `www.` or a path shows that an address is meant, so that "for.example" in a sentence is none.
fn placeholder(text: &str) -> Option<String> {
    text.split(|c: char| {
        c.is_whitespace() || matches!(c, '<' | '>' | '"' | '(' | ')' | '[' | ']' | '“' | '”' | '«' | '»')
    })
    .find_map(|word| {
        let lower = word.to_lowercase();
        let (address, named) = match lower.split_once("://") {
            Some((_, rest)) => (rest, true),
            None => (lower.as_str(), lower.starts_with("www.") || lower.contains('/')),
        };
        let authority = address.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default().split(':').next().unwrap_or_default();
        let host = host.trim_end_matches(|c: char| !c.is_alphanumeric());
        let reserved = host.rsplit('.').next().is_some_and(|top| matches!(top, "example" | "test" | "invalid"));
        (named && reserved && (host.contains('.') || lower.contains("://"))).then(|| host.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ids::{Lang, RemoteId, StatusId};
    use crate::core::post::{Poll, Visibility};

    fn payload() -> Payload {
        Payload {
            text: "Ring".to_owned(),
            cw: None,
            visibility: Visibility::Public,
            lang: None,
            media: Vec::new(),
            poll: None,
            in_reply_to: None,
            allowed_mention: None,
        }
    }

    #[test]
    fn absent_fields_are_left_out() {
        assert_eq!(
            body(&Capabilities::defaults(), &payload(), &[]),
            json!({ "status": "Ring", "visibility": "public" })
        );
    }

    #[test]
    fn everything_asked_for_is_sent() {
        let full = Payload {
            cw: Some("policing".to_owned()),
            visibility: Visibility::Direct,
            lang: Some(Lang::new("es")),
            poll: Some(Poll { options: vec!["Yes".to_owned(), "No".to_owned()], lasts_seconds: 86_400 }),
            in_reply_to: Some(StatusId::new("7")),
            allowed_mention: Some(RemoteId::new("42")),
            ..payload()
        };
        let caps = Capabilities { knows_allowed_mentions: true, ..Capabilities::defaults() };
        let expected = json!({
            "status": "Ring", "visibility": "direct", "spoiler_text": "policing", "sensitive": true, "language": "es",
            "media_ids": ["3"], "poll": { "options": ["Yes", "No"], "expires_in": 86_400 }, "in_reply_to_id": "7", "allowed_mentions": ["42"]
        });
        assert_eq!(body(&caps, &full, &[MediaId::new("3")]), expected);
        assert!(body(&Capabilities::defaults(), &full, &[]).get("allowed_mentions").is_none());
    }

    #[test]
    fn a_placeholder_address_is_recognised() {
        let check = |text: &str, expected: Option<&str>| assert_eq!(placeholder(text).as_deref(), expected, "{text}");
        check("Sign: https://pledge.example/sign", Some("pledge.example"));
        check("Sign: https://pledge.example.", Some("pledge.example"));
        check("(https://pledge.EXAMPLE)", Some("pledge.example"));
        check("https://user@pledge.invalid:8080?x", Some("pledge.invalid"));
        check("http://example", Some("example"));
        check("www.pledge.test", Some("www.pledge.test"));
        check("pledge.example/sign,", Some("pledge.example"));
        check("Schreib:https://pledge.test#x", Some("pledge.test"));
        check("https://pledge.org/?next=a.example", None);
        check("https://example.com/sign", None);
        check("for.example in a sentence", None);
        check("a test/example of this", None);
        check("https://contest.org", None);
        check("", None);
    }

    #[test]
    fn an_emoji_alone_is_recognised() {
        let check = |text: &str, expected: bool| assert_eq!(is_emoji(text), expected, "{text:?}");
        for text in ["👇", "@ann 👍", "@ann@far.example 👩🏽‍🚒 🧵", ":blobcat:", "1️⃣", "🇳🇱"] {
            check(text, true);
        }
        for text in ["", "@ann", "2/3", "Ring 👇", "1.", "#1", "ñ", "@ann :a: :b:"] {
            check(text, false);
        }
    }

    #[test]
    fn invisible_text_is_blank() {
        for text in ["", " \n\t", "\u{200b}\u{feff}", "\u{0}"] {
            assert!(is_blank(text), "{text:?}");
        }
        assert!(!is_blank("."));
    }
}
