//! What one POST did: the table of DESIGN §5 "Outcome of one POST" as one pure function.
//!
//! | what happened | outcome |
//! |---|---|
//! | name look-up, connection or TLS failed, also by time-out | not sent |
//! | 429; 503 with Retry-After | throttled |
//! | a 4xx whose JSON `error` says what is wrong with the status (400, 422, 413 …) | refused |
//! | 401, 403; 400 or 422 whose words are about tokens or rights, say nothing, or are no JSON | doubtful |
//! | 404 for a reply or a later part | parent missing |
//! | 2xx with an id that is not the parent's | sent |
//! | everything else: time-out, reset, EOF, a body cut short, 3xx, 404 without a parent, 408, 409, 410, any other 5xx, a 2xx without an id of its own | unknown |
//!
//! Invariants: what is not listed is *unknown*, because a status may exist. 401 and 403 are never refused outright: their
//! words are about us as often as about the status, and asking `whoami` tells. Nothing here does IO.

use secrecy::SecretString;
use serde_json::Value;

use crate::core::delivery::{CreatesLeft, Outcome, Payload, Receipt};
use crate::core::ids::{RemoteId, StatusId};
use crate::core::post::Visibility;
use crate::core::resemblance::{Likeness, likeness};
use crate::fedi::http::{Answer, Failure};
use crate::fedi::words::ServerWords;
use crate::fedi::{headers, html, json};

/// What was asked, as far as the outcome depends on it.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    /// What was to be said.
    pub(super) payload: &'a Payload,
    /// How many attachments went with it.
    pub(super) media: usize,
    /// What must not stand in any message.
    pub(super) secret: &'a SecretString,
}

/// Names the outcome of one POST.
pub(super) fn classify(asked: &Asked<'_>, met: &Result<Answer, Failure>) -> Outcome {
    let answer = match met {
        Ok(answer) => answer,
        Err(Failure::Unsent { reason }) => return Outcome::NotSent { reason: reason.clone() },
        Err(Failure::TimedOut) => return unknown("the server did not answer in time"),
        Err(Failure::Broken { reason }) => return unknown(&format!("the connection broke: {reason}")),
        Err(Failure::CutShort { status, reason }) => {
            return unknown(&format!("status {status}, but the answer could not be read: {reason}"));
        }
    };
    match answer.status {
        200..=299 => accepted(asked, answer),
        429 => Outcome::Throttled { wait: headers::wait(&answer.headers) },
        503 if headers::asks_to_wait(&answer.headers) => Outcome::Throttled { wait: headers::wait(&answer.headers) },
        // 408 and 409 say that somebody else was faster or we too slow, not that nothing was made.
        408 | 409 => with_words("status", asked, answer),
        404 if asked.payload.in_reply_to.is_some() => Outcome::ParentMissing,
        // "No such record" is no word about our text: whatever is not there, a proxy or the server's own next step may
        // have missed it after the status was made.
        404 | 410 => with_words("status", asked, answer),
        400..=499 => rejected(asked, answer),
        _ => with_words("status", asked, answer),
    }
}

fn unknown(reason: &str) -> Outcome {
    Outcome::Unknown { reason: reason.to_owned() }
}

fn with_words(lead: &str, asked: &Asked<'_>, answer: &Answer) -> Outcome {
    let words = ServerWords::read(&answer.body, asked.secret).into_text();
    let status = answer.status;
    unknown(&if words.is_empty() { format!("{lead} {status}") } else { format!("{lead} {status}: {words}") })
}

fn rejected(asked: &Asked<'_>, answer: &Answer) -> Outcome {
    let status = answer.status;
    let words = ServerWords::read(&answer.body, asked.secret);
    match (status, words) {
        (401 | 403, words) | (400 | 422, words @ (ServerWords::Other(_) | ServerWords::Nothing(_))) => {
            let words = words.into_text();
            Outcome::Doubtful {
                message: if words.is_empty() {
                    format!("status {status}")
                } else {
                    format!("status {status}: {words}")
                },
            }
        }
        (_, ServerWords::Validation(message)) => Outcome::Refused { message },
        (_, ServerWords::Other(_) | ServerWords::Nothing(_)) => with_words("status", asked, answer),
    }
}

fn accepted(asked: &Asked<'_>, answer: &Answer) -> Outcome {
    let Some(status) = json::parse(&answer.body).filter(Value::is_object) else {
        return unknown(&format!("status {}, but the answer is no status", answer.status));
    };
    let Some(id) = json::id(&status, "id") else {
        return unknown(&format!("status {}, but the answer has no id", answer.status));
    };
    if asked.payload.in_reply_to.as_ref().is_some_and(|parent| parent.as_str() == id) {
        // Misskey's children answer so when they made a reaction of it, some of them a status besides.
        return unknown(&format!("status {}, but the answer is the status it replies to", answer.status));
    }
    let shown = json::any_text(&status, "content").map(|content| html::plain(&content));
    let other_words = shown.filter(|words| likeness(&asked.payload.text, words) == Likeness::Other);
    let mut changed = changed(asked, &status);
    // A warning may stand among the words; a text that is gone is told as that.
    if asked.payload.cw.is_none() && other_words.as_ref().is_some_and(|words| !words.trim().is_empty()) {
        changed.push(OTHER_WORDS.to_owned());
    }
    Outcome::Sent(Receipt {
        status: StatusId::new(id),
        author: status.get("account").and_then(|account| json::id(account, "id")).map(RemoteId::new),
        author_url: status.get("account").and_then(|account| json::text(account, "url")),
        other_words,
        url: json::text(&status, "url").or_else(|| json::text(&status, "uri")),
        changed,
        creates_left: headers::remaining(&answer.headers)
            .map(|left| CreatesLeft { left, window: headers::wait(&answer.headers) }),
        server_time: headers::date(&answer.headers),
    })
}

/// Among the changes of a receipt: a reply became a post of its own.
pub const LOST_THREAD: &str = "it is not a reply: the thread is lost";

/// Among the changes of a receipt: it says something else.
pub const OTHER_WORDS: &str = "its words are not ours";

/// Among the changes of a receipt: it answers something else.
pub const OTHER_PARENT: &str = "it replies to another status";

/// Among the changes of a receipt: what was for one person is shown to others.
pub const SHOWN_TO_OTHERS: &str = "what was for one person is shown to others";

/// What the server made of it, compared with what was asked. A field the answer does not have says nothing.
fn changed(asked: &Asked<'_>, status: &Value) -> Vec<String> {
    let payload = asked.payload;
    let mut changed = Vec::new();
    if let Some(made) = json::text(status, "visibility")
        && made != payload.visibility.as_str()
    {
        changed.push(format!("visibility is {}, not {}", word(&made), payload.visibility.as_str()));
        if payload.visibility == Visibility::Direct && matches!(made.as_str(), "public" | "unlisted" | "private") {
            changed.push(SHOWN_TO_OTHERS.to_owned());
        }
    }
    if payload.cw.is_some() && present(status, "spoiler_text") && json::text(status, "spoiler_text").is_none() {
        changed.push("the content warning is gone".to_owned());
    }
    if let Some(parent) = &payload.in_reply_to
        && present(status, "in_reply_to_id")
    {
        match json::id(status, "in_reply_to_id") {
            None => changed.push(LOST_THREAD.to_owned()),
            Some(made) if made != parent.as_str() => changed.push(OTHER_PARENT.to_owned()),
            Some(_) => {}
        }
    }
    if let Some(shown) = status.get("media_attachments").and_then(Value::as_array)
        && shown.len() < asked.media
    {
        changed.push(format!("it has {} of {} attachments", shown.len(), asked.media));
    }
    if payload.poll.is_some() && status.get("poll").is_some_and(Value::is_null) {
        changed.push("the poll is gone".to_owned());
    }
    if json::any_text(status, "content").is_some_and(|content| content.trim().is_empty()) {
        changed.push("the server shows no text".to_owned());
    }
    changed
}

fn present(status: &Value, key: &str) -> bool {
    status.get(key).is_some()
}

/// A server's word, short enough and plain enough to show.
fn word(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric() || matches!(c, '_' | '-')).take(24).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
    use serde_json::json;

    use super::*;
    use crate::core::post::Poll;

    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Kind {
        NotSent,
        Throttled(u64),
        Refused,
        Doubtful,
        ParentMissing,
        Unknown,
        Sent,
    }
    use Kind::{Doubtful, NotSent, ParentMissing, Refused, Sent, Throttled, Unknown};

    fn kind(outcome: &Outcome) -> Kind {
        match outcome {
            Outcome::NotSent { .. } => NotSent,
            Outcome::Throttled { wait } => Throttled(wait.as_secs()),
            Outcome::Refused { .. } => Refused,
            Outcome::Doubtful { .. } => Doubtful,
            Outcome::ParentMissing => ParentMissing,
            Outcome::Unknown { .. } => Unknown,
            Outcome::Sent(_) => Sent,
        }
    }

    fn payload(reply: bool) -> Payload {
        Payload {
            text: "Ring".to_owned(),
            cw: None,
            visibility: Visibility::Unlisted,
            lang: None,
            media: Vec::new(),
            poll: None,
            in_reply_to: reply.then(|| StatusId::new("7")),
            allowed_mention: None,
        }
    }

    fn answer(status: u16, pairs: &[(&str, &str)], body: &str) -> Result<Answer, Failure> {
        let headers: HeaderMap = pairs
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect();
        Ok(Answer { status, headers, body: body.as_bytes().to_vec() })
    }

    fn outcome(payload: &Payload, met: &Result<Answer, Failure>) -> Outcome {
        classify(&Asked { payload, media: 0, secret: &SecretString::from("t0ken") }, met)
    }

    fn check(met: &Result<Answer, Failure>, post: Kind, reply: Kind) {
        assert_eq!(kind(&outcome(&payload(false), met)), post, "as a post: {met:?}");
        assert_eq!(kind(&outcome(&payload(true), met)), reply, "as a reply: {met:?}");
    }

    #[test]
    fn every_end_of_a_request_has_its_outcome() {
        let reason = || "x".to_owned();
        check(&Err(Failure::Unsent { reason: reason() }), NotSent, NotSent);
        check(&Err(Failure::TimedOut), Unknown, Unknown);
        check(&Err(Failure::Broken { reason: reason() }), Unknown, Unknown);
        for status in [200, 201, 401, 422, 429, 500, 503] {
            check(&Err(Failure::CutShort { status, reason: reason() }), Unknown, Unknown);
        }
    }

    #[test]
    fn only_a_success_with_an_id_is_sent() {
        check(&answer(200, &[], r#"{"id":"9"}"#), Sent, Sent);
        check(&answer(201, &[], r#"{"id":9}"#), Sent, Sent);
        for status in [200, 201, 202, 204, 206] {
            for body in [
                "",
                "{}",
                "[]",
                "null",
                "<html>",
                r#"{"id":null}"#,
                r#"{"id":""}"#,
                r#"{"id":true}"#,
                r#"{"id":"9""#,
                "\"9\"",
                "9",
            ] {
                check(&answer(status, &[], body), Unknown, Unknown);
            }
        }
    }

    #[test]
    fn an_answer_that_is_the_parent_is_no_receipt() {
        check(&answer(200, &[], r#"{"id":"7"}"#), Sent, Unknown);
        check(&answer(200, &[], r#"{"id":7}"#), Sent, Unknown);
    }

    #[test]
    fn a_server_that_asks_us_to_wait_is_obeyed() {
        let now = ("date", "Sun, 22 Nov 2026 10:00:00 GMT");
        check(&answer(429, &[], ""), Throttled(300), Throttled(300));
        check(&answer(429, &[], r#"{"error":"Too many requests"}"#), Throttled(300), Throttled(300));
        check(
            &answer(429, &[("x-ratelimit-reset", "2026-11-22T10:01:00.000Z"), now], ""),
            Throttled(60),
            Throttled(60),
        );
        check(&answer(429, &[("retry-after", "999999")], ""), Throttled(10_800), Throttled(10_800));
        check(&answer(503, &[("retry-after", "120")], "<html>"), Throttled(120), Throttled(120));
        check(&answer(503, &[], "<html>"), Unknown, Unknown);
        check(&answer(503, &[("x-ratelimit-reset", "30")], ""), Unknown, Unknown);
    }

    #[test]
    fn a_refusal_needs_the_servers_reason() {
        let too_long = r#"{"error":"Validation failed: Text character limit of 500 exceeded"}"#;
        for status in [400, 422, 413, 415, 402, 418, 451] {
            check(&answer(status, &[], too_long), Refused, Refused);
        }
        check(&answer(404, &[], r#"{"error":"Record not found"}"#), Unknown, ParentMissing);
        check(&answer(404, &[], too_long), Unknown, ParentMissing);
        check(&answer(410, &[], r#"{"error":"Gone"}"#), Unknown, Unknown);
        check(&answer(410, &[], too_long), Unknown, Unknown);
        for status in [402, 404, 405, 410, 413, 414, 415, 418, 421, 425, 431, 451, 499] {
            let reply = if status == 404 { ParentMissing } else { Unknown };
            check(&answer(status, &[], ""), Unknown, reply);
            check(&answer(status, &[], "<html>too large</html>"), Unknown, reply);
        }
    }

    #[test]
    fn an_answer_about_rights_is_doubtful() {
        for status in [401, 403] {
            for body in [
                "",
                "no",
                "<html>",
                r#"{"error":"The access token is invalid"}"#,
                r#"{"error":"you may not reply to this"}"#,
            ] {
                check(&answer(status, &[], body), Doubtful, Doubtful);
            }
        }
        for status in [400, 422] {
            for body in [
                "",
                "invalid token",
                "<html>",
                "{}",
                "[]",
                r#"{"error":"invalid_token"}"#,
                r#"{"error":"Bad Request"}"#,
                r#"{"error":{}}"#.replace("{}", "null").as_str(),
            ] {
                check(&answer(status, &[], body), Doubtful, Doubtful);
            }
        }
    }

    #[test]
    fn whatever_is_not_listed_may_exist() {
        for status in
            [301, 302, 303, 304, 307, 308, 408, 409, 500, 501, 502, 503, 504, 507, 520, 522, 524, 530, 599, 600, 999]
        {
            for body in ["", "<html>", r#"{"error":"Validation failed"}"#, r#"{"id":"9"}"#] {
                check(&answer(status, &[("location", "/elsewhere")], body), Unknown, Unknown);
            }
        }
    }

    #[test]
    fn every_status_has_an_outcome_and_no_token_leaks() {
        for status in 100..1000 {
            for body in ["", "t0ken", r#"{"error":"t0ken"}"#, r#"{"error":{"message":"got t0ken"}}"#] {
                let told = format!("{:?}", outcome(&payload(true), &answer(status, &[], body)));
                assert!(!told.contains("t0ken"), "{told}");
            }
        }
    }

    #[test]
    fn the_receipt_says_what_the_server_changed() {
        let asked = Payload {
            cw: Some("policing".to_owned()),
            poll: Some(Poll { options: vec!["a".to_owned(), "b".to_owned()], lasts_seconds: 60 }),
            ..payload(true)
        };
        let receipt = |body: &Value| {
            let met = answer(
                200,
                &[("x-ratelimit-remaining", "17"), ("date", "Sun, 22 Nov 2026 10:00:00 GMT")],
                &body.to_string(),
            );
            let outcome = classify(&Asked { payload: &asked, media: 2, secret: &SecretString::from("t") }, &met);
            let Outcome::Sent(receipt) = outcome else { panic!("{outcome:?}") };
            receipt
        };
        let kept = receipt(
            &json!({ "id": 5, "url": "https://a.example/5", "visibility": "unlisted", "spoiler_text": "policing",
            "in_reply_to_id": 7, "content": "<p>Ring</p>", "media_attachments": [{}, {}], "poll": {} }),
        );
        assert_eq!(kept.changed, Vec::<String>::new());
        assert_eq!(
            (kept.status.as_str(), kept.url.as_deref(), kept.creates_left.map(|creates| creates.left)),
            ("5", Some("https://a.example/5"), Some(17))
        );
        assert!(kept.server_time.is_some());
        assert_eq!(receipt(&json!({ "id": "5" })).changed, Vec::<String>::new());
        let all = receipt(
            &json!({ "id": "5", "visibility": "public", "spoiler_text": "", "in_reply_to_id": null, "content": "",
            "media_attachments": [], "poll": null }),
        );
        assert_eq!(
            all.changed,
            [
                "visibility is public, not unlisted",
                "the content warning is gone",
                "it is not a reply: the thread is lost",
                "it has 0 of 2 attachments",
                "the poll is gone",
                "the server shows no text"
            ]
        );
        assert_eq!(receipt(&json!({ "id": "5", "in_reply_to_id": "8" })).changed, ["it replies to another status"]);
    }

    #[test]
    fn a_wait_is_never_longer_than_three_hours() {
        let met = answer(429, &[("retry-after", "4000000000")], "");
        assert_eq!(outcome(&payload(false), &met), Outcome::Throttled { wait: Duration::from_secs(10_800) });
    }
}
