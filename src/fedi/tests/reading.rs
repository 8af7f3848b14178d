//! Asking who we are, what the server can do, who addressed us, what we said.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::*;
use crate::core::count::UrlCost;
use crate::core::ids::StatusId;
use crate::fedi::{Advice, Capabilities, FediError, KeyClass, MentionsPage, PageFrom};

/// For mentions without a time.
const HEARD: DateTime<Utc> = DateTime::<Utc>::UNIX_EPOCH;

#[tokio::test]
async fn we_learn_who_we_are() {
    let server = Server::start(|_| {
        says(200, json!({ "id": 7, "acct": "eyes", "url": "https://social.example/@eyes", "bot": true }))
    })
    .await;
    let fedi = fedi(&server.url);
    let found = fedi.whoami().await.unwrap();
    assert_eq!(found, Me { id: RemoteId::new("7"), ..me() });
    assert!(fedi.is_loopback());
    assert_eq!(server.saw()[0].header("authorization"), format!("Bearer {TOKEN}"));
}

#[tokio::test]
async fn a_token_that_does_not_work_is_denied_however_the_server_says_so() {
    for (status, body) in
        [(401, r#"{"error":"The access token is invalid"}"#), (403, ""), (400, "invalid token"), (422, "")]
    {
        let server = Server::start(move |_| says(status, body)).await;
        let error = fedi(&server.url).whoami().await.unwrap_err();
        assert!(matches!(error, FediError::Denied { .. }), "{status}: {error:?}");
        assert_eq!(error.advice(), Advice::AskPerson);
    }
    for (status, body) in [(500, "<html>"), (200, "<html>"), (200, "{}"), (502, "")] {
        let server = Server::start(move |_| says(status, body)).await;
        let error = fedi(&server.url).whoami().await.unwrap_err();
        assert_eq!(error.advice(), Advice::Retry(None), "{status}: {error:?}");
    }
    let server = Server::start(|_| (429, vec![("retry-after", "30".to_owned())], String::new())).await;
    assert_eq!(fedi(&server.url).whoami().await.unwrap_err().advice(), Advice::Retry(Some(Duration::from_secs(30))));
}

#[tokio::test]
async fn capabilities_come_from_v2_then_v1_then_defaults() {
    let nodeinfo = |saw: &Saw, name: &str| match saw.line.as_str() {
        "GET /.well-known/nodeinfo" => Some(says(
            200,
            json!({ "links": [
            { "rel": "http://nodeinfo.diaspora.software/ns/schema/2.0", "href": format!("http://{}/nodeinfo/2.0", saw.header("host")) },
            { "rel": "https://elsewhere.example/other", "href": "https://elsewhere.example/" }
        ] }),
        )),
        "GET /nodeinfo/2.0" => Some(says(200, json!({ "software": { "name": name, "version": "4.5.0" } }))),
        _ => None,
    };
    let v2 = Server::start(move |saw| {
        nodeinfo(saw, "mastodon").unwrap_or_else(|| {
            says(200, json!({ "configuration": { "urls": { "streaming": "wss://elsewhere.example" }, "statuses": { "max_characters": 700 } } }))
        })
    })
    .await;
    let found = fedi(&v2.url).capabilities().await.unwrap();
    assert_eq!(
        (found.software.as_str(), found.rules.max_characters, found.rules.url),
        ("mastodon", 700, UrlCost::Fixed(23))
    );
    assert_eq!((found.key, found.streaming), (KeyClass::Shared { window: 3_600 }, None));
    assert!(found.streaming_refused.unwrap().contains("elsewhere.example"));
    // Nodeinfo is public: it is asked without the token.
    for saw in v2.saw().iter().filter(|saw| saw.line.contains("nodeinfo")) {
        assert_eq!(saw.header("authorization"), "");
    }

    // Takahē answers 500 to v2 until it has an admin; snac 404.
    for status in [500, 404] {
        let v1 = Server::start(move |saw| match saw.line.as_str() {
            "GET /api/v2/instance" => says(status, "<html>"),
            "GET /api/v1/instance" => {
                says(200, json!({ "max_toot_chars": 5000, "version": "4.0 (compatible; snac 2.94)", "urls": { "streaming_api": format!("wss://{}", saw.header("host")) } }))
            }
            _ => says(404, ""),
        })
        .await;
        let found = fedi(&v1.url).capabilities().await.unwrap();
        assert_eq!((found.software.as_str(), found.rules.max_characters), ("snac", 5000));
        assert_eq!(found.streaming.unwrap(), format!("{}/api/v1/streaming", v1.url.replace("http:", "ws:")));
    }

    let nothing = Server::start(|_| says(404, "")).await;
    assert_eq!(fedi(&nothing.url).capabilities().await.unwrap(), Capabilities::defaults());
    assert!(matches!(fedi("http://127.0.0.1:9").capabilities().await, Err(FediError::Unreachable { .. })));
}

fn notification(id: u64) -> Value {
    json!({ "id": id.to_string(), "type": "mention", "created_at": "2026-11-22T10:00:00Z",
        "status": { "id": format!("s{id}"), "content": "<p>@eyes hi</p>", "account": { "id": "2", "acct": "ann", "url": "https://social.example/@ann" } } })
}

fn ids(page: &MentionsPage) -> Vec<&str> {
    page.items.iter().map(|item| item.notification_id.as_str()).collect()
}

#[tokio::test]
async fn one_malformed_notification_blocks_no_other() {
    let server = Server::start(|_| {
        let odd = r#"{"id":"3","type":"mention","status":{"id":"x"}}, {"id":"4","type":"from_the_future"}, 7, {"id":"\ud800"}"#;
        says(200, format!("[{}, {odd}, {}]", notification(5), notification(2)))
    })
    .await;
    let page = fedi(&server.url).mentions_page(&me(), PageFrom::Newest, HEARD).await.unwrap();
    assert_eq!(ids(&page), ["5", "3", "4", "\u{fffd}", "2"]);
    assert_eq!(page.items.iter().filter(|item| item.mention.is_some()).count(), 2);
    assert_eq!(page.undecodable, 3);
    assert_eq!(page.next, Some(PageFrom::Older("2".to_owned())));
    assert!(page.server_time.is_some());
    assert_eq!(server.lines(), ["GET /api/v1/notifications?limit=80&types%5B%5D=mention&include_filtered=true"]);
}

#[tokio::test]
async fn pages_follow_the_servers_own_link_on_its_own_host_only() {
    let check = async |link: Option<String>, expected: Option<&str>| {
        let server = Server::start(move |saw| {
            let host = saw.header("host").to_owned();
            let headers = link.iter().map(|link| ("link", link.replace("HOST", &host))).collect();
            (200, headers, format!("[{}]", notification(5)))
        })
        .await;
        let fedi = fedi(&server.url);
        let page = fedi.mentions_page(&me(), PageFrom::Newest, HEARD).await.unwrap();
        if let Some(next) = page.next {
            let _second = fedi.mentions_page(&me(), next, HEARD).await.unwrap();
        }
        let lines = server.lines();
        assert_eq!(lines.get(1).map(String::as_str), expected);
    };
    let common = "limit=80&types%5B%5D=mention&include_filtered=true";
    let by_id = format!("GET /api/v1/notifications?max_id=5&{common}");
    check(None, Some(&by_id)).await;
    // Hollo pages by a word of its own; behind a proxy a server may say https or another port.
    let older = format!("GET /api/v1/notifications?older_than=x&{common}");
    check(Some("<http://HOST/api/v1/notifications?older_than=x>; rel=\"next\"".to_owned()), Some(&older)).await;
    check(Some("<https://127.0.0.1/api/v1/notifications?older_than=x>; rel=\"next\"".to_owned()), Some(&older)).await;
    check(
        Some("</api/v1/notifications?limit=5&older_than=x>; rel=next".to_owned()),
        Some("GET /api/v1/notifications?older_than=x&limit=80&types%5B%5D=mention&include_filtered=true"),
    )
    .await;
    check(Some("<https://elsewhere.example/api/v1/notifications?max_id=5>; rel=\"next\"".to_owned()), Some(&by_id))
        .await;
    check(Some("<http://HOST/api/v1/accounts/9/statuses?max_id=5>; rel=\"next\"".to_owned()), Some(&by_id)).await;
    check(Some("<http://HOST/api/v1/notifications?min_id=5>; rel=\"prev\"".to_owned()), None).await;
}

/// A server that filters what it has cut may show an empty page before others; without a link there are none.
#[tokio::test]
async fn an_empty_page_is_passed_by_the_servers_own_link_only() {
    let server = Server::start(|_| {
        (200, vec![("link", "</api/v1/notifications?max_id=1>; rel=next".to_owned())], "[]".to_owned())
    })
    .await;
    let fedi_there = fedi(&server.url);
    let page = fedi_there.mentions_page(&me(), PageFrom::Newest, HEARD).await.unwrap();
    let behind = PageFrom::Older("/api/v1/notifications?max_id=1".to_owned());
    assert_eq!((page.items.len(), page.next.as_ref()), (0, Some(&behind)));
    // The link that led here leads nowhere else.
    let page = fedi_there.mentions_page(&me(), behind, HEARD).await.unwrap();
    assert_eq!((page.items.len(), page.next), (0, None));
    let server = Server::start(|_| says(200, "[]")).await;
    let page = fedi(&server.url).mentions_page(&me(), PageFrom::Newest, HEARD).await.unwrap();
    assert_eq!((page.items.len(), page.next), (0, None));
    let server = Server::start(|_| says(200, "<html>")).await;
    assert!(matches!(
        fedi(&server.url).mentions_page(&me(), PageFrom::Newest, HEARD).await,
        Err(FediError::Unreadable { .. })
    ));
}

#[tokio::test]
async fn our_own_list_is_read_as_far_as_asked() {
    // Three pages of two, the second only boosts; then a server that ignores cursors.
    let server = Server::start(|saw| {
        let status = |id: u32| json!({ "id": id, "content": "<p>x</p>" });
        let boost = |id: u32| json!({ "id": id, "reblog": { "id": "0" } });
        let page = match saw.line.split("max_id=").nth(1).and_then(|rest| rest.split('&').next()) {
            None => json!([status(9), status(8)]),
            Some("8") => json!([boost(7), boost(6)]),
            Some("6") => json!([status(5), status(4)]),
            Some(_) => json!([]),
        };
        says(200, page)
    })
    .await;
    let fedi = fedi(&server.url);
    let found = |limit| {
        let fedi = fedi.clone();
        async move {
            fedi.own_statuses(&me(), None, limit)
                .await
                .unwrap()
                .iter()
                .map(|status| status.id.to_string())
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(found(1).await, ["9"]);
    assert_eq!(found(40).await, ["9", "8", "5", "4"]);
    assert!(server.lines()[0].starts_with("GET /api/v1/accounts/1/statuses?limit=1&exclude_reblogs=true"));

    let stubborn = Server::start(|_| says(200, json!([{ "id": "9" }, { "id": "8" }]))).await;
    assert_eq!(super::fedi(&stubborn.url).own_statuses(&me(), None, 100).await.unwrap().len(), 2);
    assert_eq!(stubborn.lines().len(), 2);
}

#[tokio::test]
async fn a_status_is_looked_at_by_its_opaque_id() {
    let server = Server::start(|saw| match saw.line.as_str() {
        "GET /api/v1/statuses/a%2Fb%3Fc" => says(200, json!({ "id": "a/b?c", "content": "<p>hi</p>" })),
        "GET /api/v1/statuses/5/source" => says(200, json!({ "id": "5", "text": "as *written*" })),
        "GET /api/v1/statuses/5/context" => {
            says(200, json!({ "ancestors": [{ "id": "4" }], "descendants": [{ "id": "6" }, {}] }))
        }
        "GET /api/v1/statuses/gone" => says(410, ""),
        "GET /api/v1/statuses/odd" => says(200, "[]"),
        _ => says(404, ""),
    })
    .await;
    let fedi = fedi(&server.url);
    assert_eq!(fedi.status(&StatusId::new("a/b?c")).await.unwrap().unwrap().id, StatusId::new("a/b?c"));
    for missing in ["gone", "never"] {
        assert_eq!(fedi.status(&StatusId::new(missing)).await.unwrap(), None);
        assert_eq!(fedi.source(&StatusId::new(missing)).await.unwrap(), None);
        assert_eq!(fedi.thread(&StatusId::new(missing)).await.unwrap(), None);
    }
    assert!(matches!(fedi.status(&StatusId::new("odd")).await, Err(FediError::Unreadable { .. })));
    assert_eq!(fedi.source(&StatusId::new("5")).await.unwrap().as_deref(), Some("as *written*"));
    let thread = fedi.thread(&StatusId::new("5")).await.unwrap().unwrap();
    assert_eq!((thread.ancestors.len(), thread.descendants.len()), (1, 1));
}

#[tokio::test]
async fn whether_our_name_was_inherited_is_asked_of_the_parent() {
    let server = Server::start(|saw| match saw.line.as_str() {
        "GET /api/v1/statuses/named" => {
            says(200, json!({ "id": "named", "content": "@eyes and all", "account": { "id": "3" } }))
        }
        "GET /api/v1/statuses/ours" => says(200, json!({ "id": "ours", "account": { "id": "1" } })),
        "GET /api/v1/statuses/innocent" => {
            says(200, json!({ "id": "innocent", "content": "Ring is great", "account": { "id": "3" } }))
        }
        _ => says(404, ""),
    })
    .await;
    let fedi = fedi(&server.url);
    let check = async |parent: &str, expected: bool| {
        let status = json!({ "id": "5", "content": "<p>@bob @eyes is this true?</p>", "account": { "id": "2", "acct": "ann" }, "created_at": "2026-11-22T10:00:00Z",
            "in_reply_to_id": parent, "in_reply_to_account_id": "3", "mentions": [{ "id": "3", "acct": "bob" }, { "id": "1", "acct": "eyes" }] });
        let mention = crate::fedi::mentions::status(&me(), &status, &Value::Null, None).unwrap();
        assert!(mention.carried_along);
        assert_eq!(fedi.inherited_our_name(&me(), &mention).await.unwrap(), expected, "{parent}");
    };
    check("named", true).await;
    check("ours", true).await;
    check("gone", true).await;
    check("innocent", false).await;
}

#[tokio::test]
async fn a_mention_is_read_again_by_its_id() {
    let server = Server::start(|saw| match saw.line.as_str() {
        "GET /api/v1/statuses/s5" => {
            let mut status = notification(5)["status"].clone();
            status["created_at"] = json!("2026-11-22T10:00:00Z");
            says(200, status)
        }
        _ => says(404, ""),
    })
    .await;
    let fedi = fedi(&server.url);
    assert_eq!(fedi.mention(&me(), &StatusId::new("s5")).await.unwrap().unwrap().text.own.trim(), "hi");
    assert_eq!(fedi.mention(&me(), &StatusId::new("s6")).await.unwrap(), None);
}

#[tokio::test]
async fn the_bot_flag_is_set_in_either_form_and_read_back() {
    for (takes, expected) in
        [("application/json", true), ("application/x-www-form-urlencoded", true), ("neither", false)]
    {
        let bot = Arc::new(Mutex::new(false));
        let server = Server::start(move |saw| {
            let mut bot = bot.lock().unwrap();
            if saw.line == "PATCH /api/v1/accounts/update_credentials" {
                *bot |= saw.header("content-type") == takes;
                return says(if *bot { 200 } else { 422 }, "{}");
            }
            says(200, json!({ "id": "1", "acct": "eyes", "bot": *bot }))
        })
        .await;
        assert_eq!(fedi(&server.url).become_bot().await.unwrap().bot, expected, "{takes}");
    }
}

#[tokio::test]
async fn a_policy_that_drops_mentions_is_seen() {
    let server = Server::start(|_| {
        says(200, json!({ "for_not_following": "accept", "for_new_accounts": "drop", "for_private_mentions": "filter", "summary": { "pending": 1 } }))
    })
    .await;
    let policy = fedi(&server.url).notification_policy().await.unwrap();
    assert_eq!(
        (policy.dropped, policy.filtered),
        (vec!["for_new_accounts".to_owned()], vec!["for_private_mentions".to_owned()])
    );
    let first_form = Server::start(|seen| match seen.line.contains("/api/v1/notifications/policy") {
        true => says(
            200,
            json!({ "filter_not_following": false, "filter_private_mentions": true,
            "summary": { "pending_requests_count": 1, "pending_notifications_count": "3" } }),
        ),
        false => says(404, ""),
    })
    .await;
    let policy = fedi(&first_form.url).notification_policy().await.unwrap();
    assert_eq!(
        (policy.dropped, policy.filtered, policy.pending),
        (vec![], vec!["filter_private_mentions".to_owned()], 3)
    );
    let none = Server::start(|_| says(404, "")).await;
    assert_eq!(fedi(&none.url).notification_policy().await.unwrap(), crate::fedi::Policy::default());
    assert!(fedi(&none.url).server_time().await.unwrap().is_some());
}
