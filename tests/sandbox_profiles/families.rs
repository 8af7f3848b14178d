//! The answers of every family: of the five SERVERS.md §3 was driven on, and of the rest where §2 says more.

use reqwest::Method;
use serde_json::{Value, json};
use watchpost::sandbox::{Answers, NewAccount};

use crate::answers::{Body, Dead, Expected, TIMED, ULID, check, number, page};
use crate::rig::{Rig, send};

#[tokio::test]
async fn mastodon_answers_as_its_documentation_says() {
    check("mastodon", Expected::mastodon()).await;
}

#[tokio::test]
async fn gotosocial_answers_as_it_was_seen_to() {
    let expected = Expected {
        below_a_direct: "unlisted",
        empty: 400,
        characters: 5_000,
        one_over: 400,
        notification_id: ULID,
        without_limit: 20,
        self_mention: true,
        stream: (Some("wss"), 401),
        no_user_agent: 418,
        rate: "epoch",
        media_again: 400,
        ..Expected::other()
    };
    check("gotosocial", expected).await;
}

#[tokio::test]
async fn takahe_answers_as_it_was_seen_to() {
    let expected = Expected {
        own_direct: false,
        dead_parent: Dead::KeepsTheId,
        empty: 500,
        malformed: 500,
        one_over: 400,
        warning_counts: Some(false),
        instance_v2: 500,
        notification_id: Value::is_number,
        without_limit: 20,
        visible: [1_000, 3_000],
        acct: "ann@HOST",
        bad_token: (400, Body::Text),
        missing: Body::Html,
        media_again: 200,
        order_kept: false,
        bot_as_json: false,
        bot_as_form: false,
        ..Expected::other()
    };
    check("takahe", expected).await;
}

#[tokio::test]
async fn mitra_answers_as_it_was_seen_to() {
    let expected = Expected {
        below_a_direct: "direct",
        unlisted: "public",
        warning: "",
        dead_parent: Dead::Refused(400),
        empty: 400,
        characters: 5_000,
        one_over: 200,
        notification_id: Value::is_number,
        without_limit: 20,
        since_heeded: false,
        link: "next",
        types: false,
        by_id: 404,
        media_again: 200,
        bot_as_form: false,
        ..Expected::other()
    };
    check("mitra", expected).await;
}

#[tokio::test]
async fn snac_answers_as_it_was_seen_to() {
    let expected = Expected {
        own_direct: false,
        dead_parent: Dead::IsNoReply,
        empty: 200,
        malformed: 200,
        characters: 100_000,
        one_over: 200,
        instance_v2: 404,
        without_limit: 1,
        since_heeded: false,
        min_id: [44, 43],
        link: "",
        by_id: 404,
        visible: [4_000, 12_000],
        names_us: false,
        acct: "ann@HOST:PORT",
        stream: (Some("ws"), 404),
        bad_token: (422, Body::Nothing),
        missing: Body::Html,
        media_again: 200,
        bot_as_json: false,
        ..Expected::other()
    };
    check("snac", expected).await;
}

#[tokio::test]
async fn hollo_answers_as_it_was_seen_to() {
    let expected = Expected {
        form: "",
        null: 400,
        dead_parent: Dead::Refused(500),
        empty: 500,
        malformed: 500,
        characters: 10_000,
        one_over: 200,
        notification_id: TIMED,
        since_heeded: false,
        min_id: [44, 43],
        max_heeded: false,
        link: "next",
        by_id: 404,
        names_us: false,
        bad_token: (401, Body::Object),
        missing: Body::Object,
        media_again: 500,
        ..Expected::other()
    };
    check("hollo", expected).await;
}

#[tokio::test]
async fn pleroma_answers_as_its_source_says() {
    let expected = Expected {
        characters: 5_000,
        instance_v2: 404,
        without_limit: 20,
        stream: (Some("ws"), 401),
        ..Expected::other()
    };
    check("pleroma", expected).await;
    let rig = Rig::named("pleroma").await;
    assert_eq!(rig.get("/api/v1/instance").await.json()["max_toot_chars"], 5_000);
    let mut answer = rig.get("/api/v1/instance").await;
    for _ in 0..300 {
        answer = rig.get("/api/v1/instance").await;
    }
    assert_eq!((answer.status, Body::of(&answer)), (429, Body::Text), "{answer:?}");
    rig.stop().await;
}

#[tokio::test]
async fn friendica_answers_as_its_source_says() {
    check("friendica", Expected { warning: "", characters: 200_000, ..Expected::other() }).await;
    let rig = Rig::named("friendica").await;
    let top = rig.post(json!({ "status": "Text", "spoiler_text": "A < title" })).await.json();
    assert_eq!(top["content"], "<h2>A &lt; title</h2><p>Text</p>");
    let below = rig.post(json!({ "status": "Text", "spoiler_text": "cw", "in_reply_to_id": top["id"] })).await.json();
    assert_eq!((&below["content"], &below["spoiler_text"]), (&json!("<p>Text</p>"), &json!("cw")));
    assert_eq!(rig.get("/api/v2/instance").await.json()["configuration"]["urls"]["streaming"], "");
    rig.stop().await;
}

const AIDX: fn(&Value) -> bool = |id| {
    id.as_str().is_some_and(|id| id.len() == 16 && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()))
};

#[tokio::test]
async fn iceshrimp_answers_as_its_source_says() {
    let expected = Expected {
        dead_parent: Dead::Refused(400),
        empty: 400,
        characters: 8_192,
        one_over: 400,
        stream: (Some("ws"), 401),
        media_again: 200,
        ..Expected::other()
    };
    check("iceshrimp", expected).await;
    let rig = Rig::named("iceshrimp").await;
    let later = rig.post(json!({ "status": "Later", "scheduled_at": "2027-01-01T00:00:00Z" })).await;
    assert_eq!((later.status, Body::of(&later)), (422, Body::Sentence), "{later:?}");
    let mut answer = rig.get("/api/v1/instance").await;
    for _ in 0..300 {
        answer = rig.get("/api/v1/instance").await;
    }
    assert_eq!((answer.status, answer.header("x-ratelimit-reset"), answer.header("retry-after")), (429, "", ""));
    rig.stop().await;
}

#[tokio::test]
async fn sharkey_answers_as_its_source_says() {
    let expected = Expected {
        dead_parent: Dead::Refused(400),
        empty: 400,
        characters: 3_000,
        one_over: 400,
        notification_id: AIDX,
        stream: (Some("ws"), 404),
        media_again: 200,
        ..Expected::other()
    };
    check("sharkey", expected).await;
    let rig = Rig::named("sharkey").await;
    let mut answer = rig.get("/api/v1/instance").await;
    for _ in 0..300 {
        answer = rig.get("/api/v1/instance").await;
    }
    assert_eq!((answer.status, answer.header("x-ratelimit-reset"), answer.header("retry-after")), (429, "", "300"));
    rig.stop().await;
}

#[tokio::test]
async fn firefish_answers_as_its_source_says() {
    let expected = Expected {
        dead_parent: Dead::Refused(401),
        empty: 401,
        characters: 3_000,
        one_over: 401,
        instance_v2: 404,
        notification_id: AIDX,
        bad_token: (401, Body::Object),
        missing: Body::Object,
        media_again: 200,
        ..Expected::other()
    };
    check("firefish", expected).await;
}

#[tokio::test]
async fn a_lone_emoji_below_something_is_a_reaction_on_the_children_of_misskey() {
    for (name, reacts) in [("sharkey", true), ("firefish", true), ("mastodon", false), ("iceshrimp", false)] {
        let rig = Rig::named(name).await;
        let parent = rig.post(json!({ "status": "Ring" })).await.id();
        for (text, lone) in [("👍", true), ("@ann 👇🏽", true), (":blobcat:", true), ("Well 👍", false), ("2", false)]
        {
            let before = rig.own_list().await.len();
            let answer = rig.post(json!({ "status": text, "in_reply_to_id": parent })).await;
            assert_eq!((answer.status, answer.id() == parent), (200, reacts && lone), "{name} {text}: {answer:?}");
            assert_eq!(rig.own_list().await.len() - before, usize::from(!(reacts && lone)), "{name} {text}");
        }
        assert_ne!(rig.post(json!({ "status": "👍" })).await.id(), parent, "{name}: a post of its own");
        rig.stop().await;
    }
}

#[tokio::test]
async fn people_on_gotosocial_say_who_answers_them() {
    for (name, heeded) in [("gotosocial", true), ("mastodon", false)] {
        let rig = Rig::named(name).await;
        for (who, answers) in [("ann", Answers::Nobody), ("bob", Answers::WithApproval)] {
            rig.hand.add_account(NewAccount::follower(who).answers(answers)).unwrap();
        }
        let nobody = rig.hand.mention("ann", "@eyes hello").unwrap();
        let refused = rig.post(json!({ "status": "@ann hello", "in_reply_to_id": nobody })).await;
        assert_eq!(refused.status, if heeded { 403 } else { 200 }, "{name}: {refused:?}");
        let waits = rig.hand.mention("bob", "@eyes hello").unwrap();
        let pending = rig.post(json!({ "status": "@bob hello", "in_reply_to_id": waits })).await.id();
        let seen_by =
            async |who| send(rig.request(who, Method::GET, &format!("/api/v1/statuses/{pending}"))).await.status;
        assert_eq!(seen_by(&rig.eyes).await, 200, "{name}: its author sees it");
        assert_eq!(seen_by(&rig.other).await, if heeded { 404 } else { 200 }, "{name}: somebody else");
        assert!(rig.own_list().await.iter().any(|status| status["id"] == pending), "{name}");
        let thread = rig.get(&format!("/api/v1/statuses/{waits}/context")).await.json();
        assert_eq!(thread["descendants"][0]["id"], pending, "{name}");
        rig.stop().await;
    }
}

#[tokio::test]
async fn pixelfed_takes_pictures_and_broad_scopes_only() {
    let rig = Rig::named("pixelfed").await;
    let words = rig.post(json!({ "status": "Words alone" })).await;
    assert_eq!((words.status, Body::of(&words)), (422, Body::Sentence), "{words:?}");
    let picture = rig.post(json!({ "status": "A picture", "media_ids": [rig.upload().await] })).await;
    assert_eq!(picture.status, 200, "{picture:?}");
    let reply = rig.post(json!({ "status": "A reply", "in_reply_to_id": picture.id() })).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let direct = json!({ "status": "psst", "visibility": "direct", "media_ids": [rig.upload().await] });
    assert_eq!(rig.post(direct).await.status, 422);
    let far = json!({ "status": "Later", "scheduled_at": "2027-01-01T00:00:00Z", "in_reply_to_id": picture.id() });
    assert!(rig.post(far).await.json()["content"].is_string(), "scheduled_at is ignored");
    for (scopes, status) in [("read write", 200), ("read write:statuses", 403)] {
        let account = watchpost::sandbox::NewAccount::campaign(scopes.replace([' ', ':'], "_")).scopes(scopes);
        let account = rig.hand.add_account(account).unwrap();
        let body = json!({ "status": "A reply", "in_reply_to_id": picture.id() });
        assert_eq!(send(rig.posting(&account, None, &body)).await.status, status, "{scopes}");
    }
    let v2 = rig.get("/api/v2/instance").await.json();
    assert_eq!(v2["configuration"]["urls"]["streaming"], Value::Null);
    rig.stop().await;
}

#[tokio::test]
async fn gotosocial_counts_by_address_and_tells_no_wait() {
    let rig = Rig::named("gotosocial").await;
    for _ in 0..299 {
        assert_eq!(rig.get("/api/v1/instance").await.status, 200);
    }
    let other = send(rig.request(&rig.other, Method::GET, "/api/v1/instance")).await;
    assert_eq!((other.status, other.header("x-ratelimit-remaining")), (200, "0"), "another token, the same address");
    let over = rig.get("/api/v1/instance").await;
    assert_eq!((over.status, over.header("retry-after")), (429, ""));
    rig.pass(300_000);
    assert_eq!(rig.get("/api/v1/instance").await.status, 200);
    rig.stop().await;
}

#[tokio::test]
async fn snac_lists_a_later_mention_first() {
    let rig = Rig::named("snac").await;
    for number in 0..20 {
        rig.hand.mention("ann", &format!("@eyes question {number}")).unwrap();
    }
    let mut mixed = false;
    for _ in 0..13 {
        rig.pass(1_000);
        let seen: Vec<usize> = page(&rig, &[("limit", "80")]).await.1.iter().map(number).collect();
        // Newest first and without a gap below the newest, if they came in order.
        mixed |= seen.first().is_some_and(|newest| seen.len() <= *newest);
    }
    assert!(mixed, "no mention overtook another");
    assert_eq!(page(&rig, &[("limit", "80")]).await.1.len(), 20);
    rig.stop().await;
}

#[tokio::test]
async fn what_is_scheduled_differs_everywhere() {
    let check = async |name: &str, at: &str, made: &str| {
        let rig = Rig::named(name).await;
        let answer = rig.post(json!({ "status": "Later", "scheduled_at": at })).await;
        let said = answer.json();
        let found = match (&said["created_at"], &said["scheduled_at"]) {
            (Value::String(created), _) => format!("posted {created}"),
            (_, Value::String(at)) => format!("kept for {at}"),
            _ => answer.status.to_string(),
        };
        assert_eq!(found, made, "{name} {at}");
        rig.stop().await;
    };
    let (past, soon, far) = ("2026-11-20T09:00:00.000Z", "2026-11-23T09:04:00.000Z", "2026-11-24T09:00:00.000Z");
    let now = "posted 2026-11-23T09:00:00.000Z";
    for (name, backdates) in [("mastodon", false), ("gotosocial", true), ("pleroma", false), ("snac", false)] {
        let posted = format!("posted {past}");
        check(name, past, if backdates { &posted } else { now }).await;
        check(name, soon, if backdates { "400" } else { "422" }).await;
        check(name, far, &format!("kept for {far}")).await;
    }
    for name in ["takahe", "mitra", "hollo"] {
        check(name, past, now).await;
        check(name, far, now).await;
    }
}
