//! Servers, accounts, apps and tokens.

use megalodon::SNS;
use serde_json::json;
use watchpost::sandbox::{
    Credentials, Existence, Idempotency, LengthRule, LocalAcct, NewAccount, Options, Profile, Sandbox,
};

use crate::rig::{Rig, header, json_of};

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_known_as_mastodon_and_tells_its_limits() {
    let rig = Rig::start().await;
    assert_eq!(megalodon::detector(&rig.running.base_url()).await.unwrap(), SNS::Mastodon);
    let instance = rig.client(&rig.eyes).get_instance().await.unwrap().json;
    let statuses = instance.configuration.statuses;
    assert_eq!((statuses.max_characters, statuses.max_media_attachments), (500, Some(4)));
    assert_eq!(statuses.characters_reserved_per_url, Some(23));
    let (code, v2) = json_of(rig.get("/api/v2/instance").await).await;
    assert_eq!(code, 200);
    assert!(v2["configuration"]["urls"]["streaming"].as_str().unwrap().starts_with("ws://"));
    assert_eq!(v2["configuration"]["media_attachments"]["description_limit"], 1500);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_knows_itself_and_says_whether_it_is_a_bot() {
    let rig = Rig::start().await;
    let me = rig.client(&rig.eyes).verify_account_credentials().await.unwrap().json;
    assert_eq!((me.id.as_str(), me.username.as_str(), me.acct.as_str()), (rig.eyes.id.as_str(), "eyes", "eyes"));
    assert!(me.bot && me.source.is_some());
    let change = rig.http.patch(rig.url("/api/v1/accounts/update_credentials")).bearer_auth(&rig.eyes.token);
    let (code, me) = json_of(change.json(&json!({ "bot": false })).send().await.unwrap()).await;
    assert_eq!((code, &me["bot"]), (200, &json!(false)));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_tokens_and_scopes_are_refused_in_mastodons_words() {
    let rig = Rig::start().await;
    let stranger = Credentials { token: "nonsense".into(), ..rig.eyes.clone() };
    let refused = rig.client(&stranger).verify_account_credentials().await.unwrap_err();
    assert!(refused.to_string().contains("The access token is invalid"), "{refused}");
    let reader = rig.hand.add_account(NewAccount::campaign("reader").scopes("read")).unwrap();
    let refused = rig.client(&reader).post_status("hi".into(), None).await.unwrap_err();
    assert!(refused.to_string().contains("This action is outside the authorized scopes"), "{refused}");
    rig.hand.revoke("eyes", 401).unwrap();
    let (code, body) = json_of(rig.get("/api/v1/accounts/verify_credentials").await).await;
    assert_eq!((code, body), (401, json!({ "error": "The access token was revoked" })));
    rig.hand.restore("eyes").unwrap();
    assert_eq!(rig.get("/api/v1/accounts/verify_credentials").await.status(), 200);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_registered_and_a_code_becomes_a_token() {
    let rig = Rig::start().await;
    let nobody = Credentials { token: String::new(), ..rig.eyes.clone() };
    let client = rig.client(&nobody);
    let app = client.register_app("Watchpost".into(), &Default::default()).await.unwrap();
    assert!(app.url.unwrap().contains("/oauth/authorize"));
    let page = rig.http.get(rig.url(&format!("/oauth/authorize?client_id={}", app.client_id))).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("Agree as eyes"));
    let code = rig.hand.authorize(&app.client_id, "eyes", None).unwrap();
    let redirect = "urn:ietf:wg:oauth:2.0:oob".to_owned();
    let (id, secret) = (app.client_id, app.client_secret);
    let token = client.fetch_access_token(id.clone(), secret.clone(), code.clone(), redirect.clone()).await.unwrap();
    let me = Credentials { token: token.access_token, ..rig.eyes.clone() };
    assert_eq!(rig.client(&me).verify_account_credentials().await.unwrap().json.username, "eyes");
    let used = client.fetch_access_token(id, secret, code, redirect).await.unwrap_err();
    assert!(used.to_string().contains("invalid_grant"), "{used}");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_profile_is_another_server() {
    let profile = Profile {
        software: "gotosocial",
        instance_v2: Existence::Absent,
        max_characters: 30,
        length_rule: LengthRule::AsWritten,
        idempotency: Idempotency::Ignored,
        streaming: Existence::Absent,
        limits: None,
        bad_token: 422,
        local_acct: LocalAcct::WithPort,
        own_directs: Existence::Absent,
        ..Profile::mastodon()
    };
    let mut rig = Rig::start().await;
    rig.running.stop().await;
    rig.running = Sandbox::start(Options { profile, ..Options::new(rig.clock.clone()) }).await.unwrap();
    rig.hand = rig.running.handle();
    rig.eyes = rig.hand.add_account(NewAccount::campaign("eyes")).unwrap();
    assert_eq!(megalodon::detector(&rig.running.base_url()).await.unwrap(), SNS::Gotosocial);
    assert_eq!(rig.get("/api/v2/instance").await.status(), 404);
    assert_eq!(rig.get("/api/v1/streaming?stream=user").await.status(), 404);
    let posted = rig.create(Some("k"), json!({ "status": "x" })).await.unwrap();
    assert_eq!(header(&posted, "x-ratelimit-limit"), "");
    let (_, posted) = json_of(posted).await;
    assert_eq!(posted["account"]["acct"], format!("eyes@{}", rig.running.address()));
    assert_ne!(json_of(rig.create(Some("k"), json!({ "status": "x" })).await.unwrap()).await.1["id"], posted["id"]);
    let link = json!({ "status": "https://example.org/a/path/of/length" });
    assert_eq!(rig.create(None, link).await.unwrap().status(), 422);
    rig.create(None, json!({ "status": "psst", "visibility": "direct" })).await.unwrap();
    let (_, own) = json_of(rig.get(&format!("/api/v1/accounts/{}/statuses", rig.eyes.id)).await).await;
    assert_eq!(own.as_array().unwrap().len(), 2);
    rig.eyes.token = "nonsense".into();
    assert_eq!(rig.get("/api/v1/accounts/verify_credentials").await.status(), 422);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_may_end_in_a_slash() {
    let rig = Rig::start().await;
    assert_eq!(rig.get("/api/v1/instance/").await.status(), 200);
    assert_eq!(rig.get("/api/v1/notifications/?limit=1").await.status(), 200);
    assert_eq!(rig.get("/").await.status(), 200);
    assert_eq!(rig.get("/api/v1/nothing/").await.status(), 404);
    rig.stop().await;
}
