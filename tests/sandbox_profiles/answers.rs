//! The rows of SERVERS.md §3 as questions, and the answers as a table; `families` fills it in.

use reqwest::Method;
use serde_json::{Value, json};
use watchpost::core::post::Visibility;
use watchpost::sandbox::Draft;

use crate::rig::{Answer, Rig, send};

/// What an error's body is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Body {
    Sentence,
    Object,
    Html,
    Text,
    Nothing,
}

impl Body {
    pub(crate) fn of(answer: &Answer) -> Body {
        match &answer.json()["error"] {
            Value::String(_) => Body::Sentence,
            Value::Object(_) => Body::Object,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => match answer.text.chars().next() {
                None => Body::Nothing,
                Some('<') => Body::Html,
                Some(_) => Body::Text,
            },
        }
    }
}

/// A reply to a deleted status.
#[derive(Debug, PartialEq)]
pub(crate) enum Dead {
    Refused(u16),
    KeepsTheId,
    IsNoReply,
}

/// What SERVERS.md says of one family. Each field is a row; the default is Mastodon.
pub(crate) struct Expected {
    pub(crate) own_direct: bool,
    pub(crate) below_a_direct: &'static str,
    pub(crate) unlisted: &'static str,
    pub(crate) warning: &'static str,
    pub(crate) form: &'static str,
    pub(crate) null: u16,
    pub(crate) dead_parent: Dead,
    pub(crate) empty: u16,
    pub(crate) malformed: u16,
    pub(crate) characters: usize,
    pub(crate) one_over: u16,
    pub(crate) url_at_full_length: Option<bool>,
    pub(crate) warning_counts: Option<bool>,
    pub(crate) instance_v2: u16,
    pub(crate) notification_id: fn(&Value) -> bool,
    pub(crate) without_limit: usize,
    pub(crate) since_heeded: bool,
    /// Ordinals of five mentions that `min_id` of the first gives with a limit of two.
    pub(crate) min_id: [usize; 2],
    pub(crate) max_heeded: bool,
    pub(crate) link: &'static str,
    pub(crate) types: bool,
    pub(crate) by_id: u16,
    pub(crate) visible: [u64; 2],
    pub(crate) self_mention: bool,
    pub(crate) names_us: bool,
    pub(crate) acct: &'static str,
    pub(crate) stream: (Option<&'static str>, u16),
    pub(crate) no_user_agent: u16,
    pub(crate) bad_token: (u16, Body),
    pub(crate) missing: Body,
    pub(crate) rate: &'static str,
    pub(crate) media_again: u16,
    pub(crate) order_kept: bool,
    pub(crate) bot_as_json: bool,
    pub(crate) bot_as_form: bool,
}

pub(crate) const DIGITS: fn(&Value) -> bool = |id| id.as_str().is_some_and(|id| id.chars().all(|c| c.is_ascii_digit()));
pub(crate) const ULID: fn(&Value) -> bool = |id| id.as_str().is_some_and(|id| id.len() == 26);
pub(crate) const TIMED: fn(&Value) -> bool =
    |id| id.as_str().is_some_and(|id| id.starts_with("2026-11-23T09:00:") && id.contains("Z/mention/"));

impl Expected {
    pub(crate) fn mastodon() -> Self {
        Self {
            own_direct: true,
            below_a_direct: "public",
            unlisted: "unlisted",
            warning: "policing",
            form: "A form",
            null: 200,
            dead_parent: Dead::Refused(404),
            empty: 422,
            malformed: 400,
            characters: 500,
            one_over: 422,
            url_at_full_length: Some(false),
            warning_counts: Some(true),
            instance_v2: 200,
            notification_id: DIGITS,
            without_limit: 40,
            since_heeded: true,
            min_id: [2, 1],
            max_heeded: true,
            link: "next prev",
            types: true,
            by_id: 200,
            visible: [0, 0],
            self_mention: false,
            names_us: true,
            acct: "ann",
            stream: (Some("ws"), 401),
            no_user_agent: 200,
            bad_token: (401, Body::Sentence),
            missing: Body::Sentence,
            rate: "time",
            media_again: 422,
            order_kept: true,
            bot_as_json: true,
            bot_as_form: true,
        }
    }

    /// What none of the others shares with Mastodon.
    pub(crate) fn other() -> Self {
        Self { url_at_full_length: Some(true), stream: (None, 404), rate: "", ..Self::mastodon() }
    }
}

pub(crate) async fn check(name: &str, expected: Expected) {
    // Each part begins with an empty server.
    let rig = Rig::named(name).await;
    writing(&rig, &expected).await;
    rig.stop().await;
    let rig = Rig::named(name).await;
    lengths(&rig, &expected).await;
    files(&rig, &expected).await;
    rig.stop().await;
    let rig = Rig::named(name).await;
    reading(&rig, &expected).await;
    rig.stop().await;
    let rig = Rig::named(name).await;
    manners(&rig, &expected).await;
    rig.stop().await;
}

async fn writing(rig: &Rig, expected: &Expected) {
    let asked = rig.hand.write("ann", Draft::new("@eyes psst").visibility(Visibility::Direct)).unwrap();
    let reply = rig.post(json!({ "status": "@ann what?", "in_reply_to_id": asked })).await.json();
    assert_eq!(reply["visibility"], expected.below_a_direct, "visibility left out below a direct");

    let direct = rig.post(json!({ "status": "@ann psst", "visibility": "direct", "in_reply_to_id": asked })).await.id();
    let inside = |list: &[Value]| list.iter().any(|status| status["id"] == direct);
    assert_eq!(inside(&rig.own_list().await), expected.own_direct, "own direct in own list");
    assert!(inside(&rig.list("/api/v1/timelines/home").await), "own direct in home");
    let context = rig.get(&format!("/api/v1/statuses/{asked}/context")).await.json();
    assert!(inside(context["descendants"].as_array().unwrap()), "own direct in its parent's context");

    let body = json!({ "status": "Quiet", "visibility": "unlisted", "spoiler_text": "policing" });
    let quiet = rig.post(body).await;
    assert_eq!(
        (&quiet.json()["visibility"], &quiet.json()["spoiler_text"]),
        (&json!(expected.unlisted), &json!(expected.warning))
    );
    assert!(rig.own_list().await.iter().any(|status| status["id"] == quiet.id()), "own post in own list at once");

    let form = rig.request(&rig.eyes, Method::POST, "/api/v1/statuses").form(&[("status", "A form")]);
    let form = send(form).await;
    assert_eq!(rig.hand.look(|state| state.status(&form.id())).unwrap().text, expected.form, "form body");
    let null = rig.post(json!({ "status": "Null", "spoiler_text": null })).await;
    assert_eq!(null.status, expected.null, "JSON null: {null:?}");

    let gone = rig.post(json!({ "status": "Gone" })).await.id();
    rig.delete(&gone).await;
    let orphan = rig.post(json!({ "status": "Orphan", "in_reply_to_id": gone })).await;
    let fate = match orphan.status {
        200 if orphan.json()["in_reply_to_id"] == gone => Dead::KeepsTheId,
        200 => Dead::IsNoReply,
        status => Dead::Refused(status),
    };
    assert_eq!(fate, expected.dead_parent, "reply to a deleted parent: {orphan:?}");

    for (body, status) in [("", expected.empty), ("{\"status\":", expected.malformed)] {
        let request = rig.request(&rig.eyes, Method::POST, "/api/v1/statuses");
        let answer = send(request.header("content-type", "application/json").body(body)).await;
        assert_eq!(answer.status, status, "body {body:?}: {answer:?}");
    }
}

async fn lengths(rig: &Rig, expected: &Expected) {
    let max = expected.characters;
    let fits = async |body: Value| rig.post(body).await.status == 200;
    assert!(fits(json!({ "status": "x".repeat(max) })).await, "{max} characters");
    let over = rig.post(json!({ "status": "x".repeat(max + 1) })).await;
    assert_eq!(over.status, expected.one_over, "one over: {}", over.status);
    if expected.one_over == 200 {
        return;
    }
    if let Some(full) = expected.url_at_full_length {
        let url = format!("https://example.org/{}", "p".repeat(60));
        let text = format!("{} {url}", "x".repeat(max - 1 - url.len() + 1));
        assert_eq!(fits(json!({ "status": text })).await, !full, "a URL costs its full length");
    }
    if let Some(counts) = expected.warning_counts {
        let body = json!({ "status": "x".repeat(max), "spoiler_text": "cw" });
        assert_eq!(fits(body).await, !counts, "a warning counts");
    }
}

async fn files(rig: &Rig, expected: &Expected) {
    let (first, second) = (rig.upload().await, rig.upload().await);
    let posted = rig.post(json!({ "status": "Two", "media_ids": [first, second] })).await.json();
    let order: Vec<&str> =
        posted["media_attachments"].as_array().unwrap().iter().map(|media| media["id"].as_str().unwrap()).collect();
    assert_eq!(order.len(), 2);
    assert_eq!(order == [&first, &second], expected.order_kept, "attachment order");
    let again = rig.post(json!({ "status": "Again", "media_ids": [first] })).await;
    assert_eq!(again.status, expected.media_again, "media reused: {again:?}");
}

/// How many mentions are read back.
const MENTIONS: usize = 45;

/// A notification's number in the order they were written; its text says it.
pub(crate) fn number(notification: &Value) -> usize {
    let words = notification["status"]["content"].as_str().unwrap_or_default();
    words.rsplit(' ').next().and_then(|last| last.trim_end_matches("</p>").parse().ok()).unwrap_or(usize::MAX)
}

pub(crate) async fn page(rig: &Rig, query: &[(&str, &str)]) -> (Answer, Vec<Value>) {
    let answer = send(rig.request(&rig.eyes, Method::GET, "/api/v1/notifications").query(query)).await;
    let list = answer.json().as_array().unwrap_or_else(|| panic!("no list: {answer:?}")).clone();
    (answer, list)
}

async fn reading(rig: &Rig, expected: &Expected) {
    rig.hand.mention("ann", "@eyes first of all 1000").unwrap();
    let [soonest, latest] = expected.visible;
    if soonest > 0 {
        rig.pass(soonest - 1);
        assert!(page(rig, &[("limit", "80")]).await.1.is_empty(), "a mention before {soonest} ms");
        rig.pass(latest - soonest + 1);
    }
    assert_eq!(page(rig, &[("limit", "80")]).await.1.len(), 1, "a mention after {latest} ms");

    rig.hand.follow("ann", "eyes").unwrap();
    for number in 0..MENTIONS {
        rig.pass(1);
        rig.hand.mention("ann", &format!("@eyes question {number}")).unwrap();
    }
    rig.pass(latest);
    let (_, all) = page(rig, &[("limit", "80")]).await;
    let asked: Vec<&Value> = all.iter().filter(|item| number(item) < MENTIONS).collect();
    assert_eq!(asked.len(), MENTIONS);
    let id = |ordinal: usize| {
        let item = asked.iter().find(|item| number(item) == ordinal).unwrap();
        item["id"].as_str().map_or_else(|| item["id"].to_string(), str::to_owned)
    };
    for item in &asked {
        assert!((expected.notification_id)(&item["id"]), "notification id {}", item["id"]);
    }
    let numbers = |list: &[Value]| list.iter().map(number).collect::<Vec<_>>();
    assert_eq!(page(rig, &[]).await.1.len(), expected.without_limit, "page without limit");
    let since = page(rig, &[("since_id", &id(MENTIONS - 2)), ("limit", "80")]).await.1;
    assert_eq!(numbers(&since) == [MENTIONS - 1], expected.since_heeded, "since_id");
    let min = page(rig, &[("min_id", &id(0)), ("limit", "2")]).await.1;
    assert_eq!(numbers(&min), expected.min_id, "min_id");
    let max = page(rig, &[("max_id", &id(2)), ("limit", "2")]).await.1;
    assert_eq!(numbers(&max) == [1, 0], expected.max_heeded, "max_id");
    let (first, _) = page(rig, &[("limit", "2")]).await;
    let link = first.header("link");
    let offered: Vec<&str> =
        ["next", "prev"].into_iter().filter(|rel| link.contains(&format!("rel=\"{rel}\""))).collect();
    assert_eq!(offered.join(" "), expected.link, "Link: {link}");
    assert_eq!(link.contains("older_than="), !expected.max_heeded, "Link: {link}");
    let (_, only) = page(rig, &[("types[]", "mention"), ("limit", "80")]).await;
    assert_eq!(only.iter().all(|item| item["type"] == "mention"), expected.types, "types[]");
    let by_id = id(3).replace('/', "%2F").replace(':', "%3A");
    assert_eq!(rig.get(&format!("/api/v1/notifications/{by_id}")).await.status, expected.by_id, "by id");

    let status = &asked[0]["status"];
    assert_eq!(!status["mentions"].as_array().unwrap().is_empty(), expected.names_us, "status.mentions");
    let address = rig.running.address();
    let acct = expected.acct.replace("HOST:PORT", &address.to_string()).replace("HOST", &address.ip().to_string());
    assert_eq!(status["account"]["acct"], acct, "acct of a local account");

    rig.post(json!({ "status": "@eyes note to self 2000" })).await;
    rig.pass(latest);
    let noted = page(rig, &[("limit", "80")]).await.1.iter().any(|item| number(item) == 2000);
    assert_eq!(noted, expected.self_mention, "notified of its own mention of itself");
}

async fn manners(rig: &Rig, expected: &Expected) {
    assert_eq!(rig.get("/api/v2/instance").await.status, expected.instance_v2, "/api/v2/instance");
    let v1 = rig.get("/api/v1/instance").await.json();
    let told = v1["urls"]["streaming_api"].as_str().unwrap_or_default().split("://").next().unwrap_or_default();
    assert_eq!(told, expected.stream.0.unwrap_or_default(), "streaming address");
    let nameless = reqwest::Client::new();
    let named = nameless.get(rig.url("/api/v1/streaming?stream=user")).header("user-agent", "x");
    assert_eq!(send(named).await.status, expected.stream.1, "streaming");
    for path in ["/api/v1/instance", "/api/v1/streaming"] {
        let answer = send(nameless.get(rig.url(path))).await;
        let status = if path == "/api/v1/streaming" && expected.no_user_agent == 200 {
            expected.stream.1
        } else {
            expected.no_user_agent
        };
        assert_eq!(answer.status, status, "no User-Agent at {path}");
    }
    let mut stranger = rig.eyes.clone();
    stranger.token = "nonsense".to_owned();
    let denied = send(rig.request(&stranger, Method::GET, "/api/v1/accounts/verify_credentials")).await;
    assert_eq!((denied.status, Body::of(&denied)), expected.bad_token, "bad token: {denied:?}");
    let missing = rig.get("/api/v1/statuses/1").await;
    assert_eq!((missing.status, Body::of(&missing)), (404, expected.missing.clone()), "{missing:?}");
    let reset = missing.header("x-ratelimit-reset").to_owned();
    let told = if reset.contains('T') {
        "time"
    } else if reset.is_empty() {
        ""
    } else {
        "epoch"
    };
    assert_eq!(told, expected.rate, "rate headers: {reset}");

    let set = async |request: reqwest::RequestBuilder| {
        send(request).await;
        rig.get("/api/v1/accounts/verify_credentials").await.json()["bot"] == true
    };
    let profile = || rig.request(&rig.eyes, Method::PATCH, "/api/v1/accounts/update_credentials");
    assert_eq!(set(profile().json(&json!({ "bot": true }))).await, expected.bot_as_json, "bot as JSON");
    set(profile().json(&json!({ "bot": false }))).await;
    assert_eq!(set(profile().form(&[("bot", "true")])).await, expected.bot_as_form, "bot as a form");
}
