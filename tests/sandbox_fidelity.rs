//! The sandbox, checked by a client nobody here wrote: megalodon. Where megalodon cannot ask (keys, headers, raw
//! answers) reqwest does.
//!
//! Every claim is about what a Mastodon server would answer. Nothing sleeps: tests wait for states, with a deadline.

#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, also in its helpers")]

use std::time::Duration;

use chrono::{DateTime, Utc};
use megalodon::entities::notification::NotificationType;
use megalodon::entities::{Status, StatusVisibility, UploadMedia};
use megalodon::megalodon::{
    EditStatusInputOptions, GetAccountStatusesInputOptions, GetNotificationsInputOptions, PostStatusInputOptions,
    PostStatusOutput, UploadMediaInputOptions,
};
use megalodon::streaming::Message;
use megalodon::{Megalodon, SNS};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use watchpost::clock::Clock;
use watchpost::core::post::Visibility;
use watchpost::sandbox::{
    Credentials, Draft, Endpoint, Existence, Fault, Idempotency, LengthRule, LocalAcct, Moment, NewAccount, Options,
    Profile, Running, Sandbox, StreamEnd, Trouble,
};

/// How long a state may take on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// A sandbox with the account `eyes`, at nine in the morning by a clock that stands still.
struct Rig {
    running: Running,
    hand: Sandbox,
    eyes: Credentials,
    clock: Clock,
    http: reqwest::Client,
}

impl Rig {
    async fn start() -> Self {
        let nine = DateTime::parse_from_rfc3339("2026-11-27T09:00:00Z").unwrap().with_timezone(&Utc);
        let clock = Clock::by_hand(nine);
        let running = Sandbox::start(Options::new(clock.clone())).await.unwrap();
        let hand = running.handle();
        let eyes = hand.add_account(NewAccount::campaign("eyes").display_name("Eyes")).unwrap();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { running, hand, eyes, clock, http }
    }

    /// megalodon, signed in as this account.
    fn client(&self, who: &Credentials) -> Box<dyn Megalodon + Send + Sync> {
        megalodon::generator(SNS::Mastodon, self.running.base_url(), Some(who.token.clone()), Some("test".into()))
            .unwrap()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running.base_url())
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        self.http.get(self.url(path)).bearer_auth(&self.eyes.token).send().await.unwrap()
    }

    async fn create(&self, key: Option<&str>, body: Value) -> reqwest::Result<reqwest::Response> {
        let mut request = self.http.post(self.url("/api/v1/statuses")).bearer_auth(&self.eyes.token).json(&body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        request.send().await
    }

    async fn stop(self) {
        self.running.stop().await;
    }
}

fn status(output: PostStatusOutput) -> Status {
    match output {
        PostStatusOutput::Status(status) => status,
        PostStatusOutput::ScheduledStatus(_) => panic!("a status was expected, not a scheduled one"),
    }
}

async fn json_of(response: reqwest::Response) -> (u16, Value) {
    (response.status().as_u16(), response.json().await.unwrap())
}

fn header<'a>(response: &'a reqwest::Response, name: &str) -> &'a str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

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
async fn a_status_comes_back_as_mastodon_writes_it() {
    let rig = Rig::start().await;
    rig.hand.follower("ada").unwrap();
    let options = PostStatusInputOptions {
        spoiler_text: Some("policing".into()),
        visibility: Some(StatusVisibility::Unlisted),
        language: Some("en".into()),
        ..Default::default()
    };
    let text = "@ada see https://example.org/a?b=1&c=2\n\n#EyesOnAmazon <b>";
    let posted = status(rig.client(&rig.eyes).post_status(text.into(), Some(&options)).await.unwrap().json);
    assert_eq!(posted.visibility, StatusVisibility::Unlisted);
    assert_eq!((posted.spoiler_text.as_str(), posted.sensitive), ("policing", true));
    assert!(posted.content.contains("class=\"u-url mention\">@<span>ada</span>"), "{}", posted.content);
    assert!(posted.content.contains("href=\"https://example.org/a?b=1&amp;c=2\""), "{}", posted.content);
    assert!(posted.content.ends_with("#<span>EyesOnAmazon</span></a> &lt;b&gt;</p>"), "{}", posted.content);
    assert_eq!(posted.mentions.iter().map(|named| named.acct.as_str()).collect::<Vec<_>>(), ["ada"]);
    assert_eq!(posted.tags[0].name, "eyesonamazon");
    assert_eq!(posted.created_at.to_rfc3339(), "2026-11-27T09:00:00+00:00");
    let source = rig.client(&rig.eyes).get_status_source(posted.id).await.unwrap().json;
    assert_eq!((source.text.as_str(), source.spoiler_text.as_str()), (text, "policing"));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_stand_in_the_thread_and_not_in_the_list_without_answers() {
    let rig = Rig::start().await;
    let ada = rig.hand.follower("ada").unwrap();
    let client = rig.client(&rig.eyes);
    let post = status(client.post_status("first".into(), None).await.unwrap().json);
    let asked = rig.hand.reply("ada", &post.id, "@eyes source?").unwrap();
    let options = PostStatusInputOptions { in_reply_to_id: Some(asked.to_string()), ..Default::default() };
    let reply = status(client.post_status("@ada here".into(), Some(&options)).await.unwrap().json);
    assert_eq!(reply.in_reply_to_id.as_deref(), Some(asked.as_str()));
    assert_eq!(reply.in_reply_to_account_id.as_deref(), Some(ada.id.as_str()));
    let thread = client.get_status_context(asked.to_string(), None).await.unwrap().json;
    let ids = |list: &[Status]| list.iter().map(|status| status.id.clone()).collect::<Vec<_>>();
    assert_eq!((ids(&thread.ancestors), ids(&thread.descendants)), (vec![post.id.clone()], vec![reply.id.clone()]));
    let own = client.get_account_statuses(rig.eyes.id.clone(), None).await.unwrap().json;
    assert_eq!(ids(&own), [reply.id.clone(), post.id.clone()]);
    let options = GetAccountStatusesInputOptions { exclude_replies: Some(true), ..Default::default() };
    let own = client.get_account_statuses(rig.eyes.id.clone(), Some(&options)).await.unwrap().json;
    assert_eq!(ids(&own), [post.id]);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_gives_the_same_status_for_an_hour_and_errors_are_not_kept() {
    let rig = Rig::start().await;
    let (code, body) = json_of(rig.create(Some("k1"), json!({ "status": " " })).await.unwrap()).await;
    assert_eq!((code, body), (422, json!({ "error": "Validation failed: Text can't be blank" })));
    let id = |body: &Value| body["id"].as_str().unwrap().to_owned();
    let (_, first) = json_of(rig.create(Some("k1"), json!({ "status": "one" })).await.unwrap()).await;
    let (_, again) = json_of(rig.create(Some("k1"), json!({ "status": "another text" })).await.unwrap()).await;
    assert_eq!((id(&first), &again["content"]), (id(&again), &json!("<p>one</p>")));
    let other = rig.hand.add_account(NewAccount::campaign("other")).unwrap();
    let request = rig.http.post(rig.url("/api/v1/statuses")).bearer_auth(&other.token);
    let (_, theirs) =
        json_of(request.header("Idempotency-Key", "k1").form(&[("status", "one")]).send().await.unwrap()).await;
    assert_ne!(id(&theirs), id(&first));
    rig.clock.advance(Duration::from_secs(3_600));
    let (_, late) = json_of(rig.create(Some("k1"), json!({ "status": "one" })).await.unwrap()).await;
    assert_ne!(id(&late), id(&first));
    assert_eq!(rig.hand.duplicates(), 1);
    assert_eq!(rig.hand.own("eyes")[0].idempotency_key.as_deref(), Some("k1"));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_length_is_counted_in_clusters_with_short_links_and_names() {
    let rig = Rig::start().await;
    let client = rig.client(&rig.eyes);
    let link = format!("https://example.org/{}", "x".repeat(300));
    let fits = format!("{} {link}", "é".repeat(476));
    client.post_status(fits.clone(), None).await.unwrap();
    let refused = client.post_status(format!("{fits}!"), None).await.unwrap_err();
    assert!(refused.to_string().contains("Validation failed: Text character limit of 500 exceeded"), "{refused}");
    let options = PostStatusInputOptions { spoiler_text: Some("!".into()), ..Default::default() };
    assert!(client.post_status(fits, Some(&options)).await.is_err());
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_uploaded_described_and_attached_once() {
    let rig = Rig::start().await;
    let client = rig.client(&rig.eyes);
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x08".to_vec();
    let options = UploadMediaInputOptions { description: Some("A map".into()), ..Default::default() };
    let reader = Box::new(std::io::Cursor::new(png.clone()));
    let UploadMedia::Attachment(media) =
        client.upload_media_reader(reader, Some(&options), Some("map.png".into())).await.unwrap().json
    else {
        panic!("the upload was expected to be ready");
    };
    assert_eq!(media.description.as_deref(), Some("A map"));
    assert_eq!(media.meta.unwrap().original.unwrap().width, Some(16));
    let served = rig.http.get(&media.url).send().await.unwrap();
    assert_eq!(header(&served, "content-type"), "image/png");
    assert_eq!(served.bytes().await.unwrap().to_vec(), png);
    let attach = PostStatusInputOptions { media_ids: Some(vec![media.id.clone()]), ..Default::default() };
    let posted = status(client.post_status("map".into(), Some(&attach)).await.unwrap().json);
    assert_eq!(posted.media_attachments[0].id, media.id);
    let refused = client.post_status("again".into(), Some(&attach)).await.unwrap_err();
    assert!(refused.to_string().contains("not found or already attached"), "{refused}");
    assert!(client.get_media(media.id).await.is_err());

    rig.hand.fault(Fault::on(Endpoint::Media, Trouble::Processing { looks: 1 }));
    let form = reqwest::multipart::Form::new().part("file", reqwest::multipart::Part::bytes(png).file_name("a"));
    let upload = rig.http.post(rig.url("/api/v2/media")).bearer_auth(&rig.eyes.token).multipart(form);
    let (code, slow) = json_of(upload.send().await.unwrap()).await;
    assert_eq!((code, &slow["url"]), (202, &Value::Null));
    let path = format!("/api/v1/media/{}", slow["id"].as_str().unwrap());
    let (code, body) =
        json_of(rig.create(None, json!({ "status": "x", "media_ids": [slow["id"]] })).await.unwrap()).await;
    assert_eq!(code, 422, "{body}");
    assert_eq!(rig.get(&path).await.status(), 206);
    assert_eq!(rig.get(&path).await.status(), 200);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn notifications_are_paged_as_their_cursors_say() {
    let rig = Rig::start().await;
    let client = rig.client(&rig.eyes);
    for number in 1..=5 {
        rig.hand.mention("ada", &format!("@eyes question {number}")).unwrap();
    }
    let post = status(client.post_status("first".into(), None).await.unwrap().json);
    rig.hand.favourite("ada", &post.id).unwrap();
    let page = async |options: GetNotificationsInputOptions| {
        client.get_notifications(Some(&options)).await.unwrap().json.into_iter().map(|n| n.id).collect::<Vec<_>>()
    };
    let all = page(GetNotificationsInputOptions::default()).await;
    assert_eq!(all.len(), 6);
    assert!(all.is_sorted_by(|newer, older| newer > older));
    let two = || GetNotificationsInputOptions { limit: Some(2), ..Default::default() };
    assert_eq!(page(two()).await, all[..2]);
    assert_eq!(page(GetNotificationsInputOptions { max_id: Some(all[1].clone()), ..two() }).await, all[2..4]);
    assert_eq!(page(GetNotificationsInputOptions { since_id: Some(all[4].clone()), ..two() }).await, all[..2]);
    assert_eq!(page(GetNotificationsInputOptions { min_id: Some(all[4].clone()), ..two() }).await, all[2..4]);
    let one = client.get_notification(all[5].clone()).await.unwrap().json;
    assert!(matches!(one.r#type, NotificationType::Mention));
    assert!(one.status.unwrap().content.ends_with("question 1</p>"));

    let mentions = rig.get("/api/v1/notifications?types[]=mention&limit=3").await;
    let link = header(&mentions, "link").to_owned();
    let (_, mentions) = json_of(mentions).await;
    assert_eq!(mentions.as_array().unwrap().len(), 3);
    let next = link.split(';').next().unwrap().trim_matches(['<', '>']).to_owned();
    assert!(next.contains("notifications?types%5B%5D=mention&limit=3&max_id="), "{link}");
    assert!(link.contains("rel=\"prev\""), "{link}");
    let rest = rig.http.get(next).bearer_auth(&rig.eyes.token).send().await.unwrap();
    assert_eq!(json_of(rest).await.1.as_array().unwrap().len(), 2);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn private_mentions_of_strangers_are_filtered_until_asked_for() {
    let rig = Rig::start().await;
    let client = rig.client(&rig.eyes);
    rig.hand.write("ada", Draft::new("@eyes psst").visibility(Visibility::Direct)).unwrap();
    assert!(client.get_notifications(None).await.unwrap().json.is_empty());
    let (_, all) = json_of(rig.get("/api/v1/notifications?include_filtered=true").await).await;
    assert_eq!(all[0]["status"]["visibility"], "direct");
    let (_, policy) = json_of(rig.get("/api/v2/notifications/policy").await).await;
    assert_eq!(policy["for_private_mentions"], "filter");
    // An answer to something of ours is no stranger's.
    let post = status(client.post_status("first".into(), None).await.unwrap().json);
    let answer = Draft::new("@eyes why?").visibility(Visibility::Direct).in_reply_to(&post.id);
    rig.hand.write("ada", answer).unwrap();
    assert_eq!(client.get_notifications(None).await.unwrap().json.len(), 1);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn direct_statuses_are_seen_by_those_they_name() {
    let rig = Rig::start().await;
    let (ada, bob) = (rig.hand.follower("ada").unwrap(), rig.hand.follower("bob").unwrap());
    let options = PostStatusInputOptions { visibility: Some(StatusVisibility::Direct), ..Default::default() };
    let posted = status(rig.client(&rig.eyes).post_status("@ada psst".into(), Some(&options)).await.unwrap().json);
    assert!(rig.client(&ada).get_status(posted.id.clone()).await.is_ok());
    let hidden = rig.client(&bob).get_status(posted.id.clone()).await.unwrap_err();
    assert!(hidden.to_string().contains("Record not found"), "{hidden}");
    let own = rig.client(&rig.eyes).get_account_statuses(rig.eyes.id.clone(), None).await.unwrap().json;
    assert_eq!(own[0].id, posted.id);
    let seen_by_bob = rig.client(&bob).get_account_statuses(rig.eyes.id.clone(), None).await.unwrap().json;
    assert!(seen_by_bob.is_empty());

    let question = rig.hand.mention("ada", "@eyes hello").unwrap();
    rig.hand.block("ada", "eyes").unwrap();
    let reply = PostStatusInputOptions { in_reply_to_id: Some(question.to_string()), ..Default::default() };
    let refused = rig.client(&rig.eyes).post_status("@ada hi".into(), Some(&reply)).await.unwrap_err();
    assert!(refused.to_string().contains("does not appear to exist"), "{refused}");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_names_nobody_beyond_those_allowed() {
    let rig = Rig::start().await;
    let (ada, bob) = (rig.hand.follower("ada").unwrap(), rig.hand.follower("bob").unwrap());
    let body = json!({ "status": "@ada @bob hi", "allowed_mentions": [ada.id] });
    let (code, refused) = json_of(rig.create(None, body).await.unwrap()).await;
    assert_eq!((code, &refused["unexpected_accounts"][0]["id"]), (422, &json!(bob.id)));
    let body = json!({ "status": "@ada hi", "allowed_mentions": [ada.id] });
    assert_eq!(rig.create(None, body).await.unwrap().status(), 200);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mention_comes_down_the_stream() {
    let rig = Rig::start().await;
    let (to, mut heard) = mpsc::unbounded_channel();
    let stream = rig.client(&rig.eyes).user_streaming().await;
    let listening = tokio::spawn(async move {
        stream
            .listen(Box::new(move |message| {
                let to = to.clone();
                Box::pin(async move { drop(to.send(message)) })
            }))
            .await;
    });
    rig.hand.wait_until(|state| state.streams("eyes") == 1, SOON).await.unwrap();
    let id = rig.hand.mention("ada", "@eyes hello").unwrap();
    rig.hand.delete(&id).unwrap();
    let mut next = async || tokio::time::timeout(SOON, heard.recv()).await.unwrap().unwrap();
    let Message::Notification(mention) = next().await else { panic!("a notification was expected") };
    assert_eq!(mention.status.unwrap().id, id.as_str());
    let Message::Delete(gone) = next().await else { panic!("a deletion was expected") };
    assert_eq!(gone, id.as_str());
    listening.abort();
    rig.hand.wait_until(|state| state.streams("eyes") == 0, SOON).await.unwrap();
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_and_edited_statuses_are_gone_and_changed() {
    let rig = Rig::start().await;
    let client = rig.client(&rig.eyes);
    let post = status(client.post_status("first".into(), None).await.unwrap().json);
    let edit = EditStatusInputOptions { status: Some("second".into()), ..Default::default() };
    let edited = client.edit_status(post.id.clone(), &edit).await.unwrap().json;
    assert_eq!(edited.content, "<p>second</p>");
    assert!(edited.edited_at.is_some());
    client.delete_status(post.id.clone()).await.unwrap();
    let gone = client.get_status(post.id.clone()).await.unwrap_err();
    assert!(gone.to_string().contains("Record not found"), "{gone}");
    let reply = PostStatusInputOptions { in_reply_to_id: Some(post.id), ..Default::default() };
    assert!(client.post_status("reply".into(), Some(&reply)).await.is_err());
    assert_eq!(rig.hand.own("eyes").len(), 0);
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
async fn three_hundred_statuses_fit_into_three_hours() {
    let rig = Rig::start().await;
    for number in 0..300_u64 {
        // Other windows are shorter; time passes as it would.
        rig.clock.advance(Duration::from_secs(2));
        let answer = rig.create(None, json!({ "status": number.to_string() })).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(header(&answer, "x-ratelimit-limit"), "300");
        assert_eq!(header(&answer, "x-ratelimit-remaining"), (299 - number).to_string());
    }
    let answer = rig.create(None, json!({ "status": "one more" })).await.unwrap();
    assert_eq!(header(&answer, "x-ratelimit-reset"), "2026-11-27T12:00:00.000000Z");
    assert_eq!(header(&answer, "date"), "Fri, 27 Nov 2026 09:10:00 GMT");
    assert_eq!(json_of(answer).await, (429, json!({ "error": "Too many requests" })));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_for_later_is_kept_and_not_published() {
    let rig = Rig::start().await;
    let soon = json!({ "status": "later", "scheduled_at": "2026-11-27T09:04:00Z" });
    assert_eq!(rig.create(None, soon).await.unwrap().status(), 422);
    let past = json!({ "status": "at once", "scheduled_at": "2026-11-27T08:00:00Z" });
    assert_eq!(rig.create(None, past).await.unwrap().status(), 200);
    let later = json!({ "status": "later", "scheduled_at": "2026-11-27T10:00:00Z" });
    let (_, kept) = json_of(rig.create(None, later).await.unwrap()).await;
    assert_eq!((&kept["params"]["text"], &kept["scheduled_at"]), (&json!("later"), &json!("2026-11-27T10:00:00.000Z")));
    assert_eq!(rig.hand.own("eyes").len(), 1);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn troubles_before_and_after_accepting_differ_in_what_is_there() {
    let rig = Rig::start().await;
    let create = |what| Fault::on(Endpoint::Create, what);
    for (trouble, code, there) in [
        (Trouble::answer(503, "<h1>Busy</h1>"), Some(503), false),
        (Trouble::accepted_but(500), Some(500), true),
        (Trouble::accepted_and(200, "not json"), Some(200), true),
        (Trouble::accepted_and(200, ""), Some(200), true),
        (Trouble::WithoutId, Some(200), true),
        (Trouble::TooMany { reset_in: None }, Some(429), false),
        (Trouble::redirect(307, "http://127.0.0.1:9/"), Some(307), false),
        (Trouble::parent_missing(), Some(404), false),
        (Trouble::Pretend, Some(200), false),
        (Trouble::Cut { when: Moment::Before }, None, false),
        (Trouble::Cut { when: Moment::After }, None, true),
    ] {
        let before = rig.hand.own("eyes").len();
        rig.hand.fault(create(trouble.clone()));
        let answer = rig.create(None, json!({ "status": "x" })).await;
        assert_eq!(answer.as_ref().ok().map(|answer| answer.status().as_u16()), code, "{trouble:?}");
        if trouble == Trouble::WithoutId {
            assert_eq!(json_of(answer.unwrap()).await.1.get("id"), None);
        }
        assert_eq!(rig.hand.own("eyes").len() - before, usize::from(there), "{trouble:?}");
    }
    rig.hand.fault(create(Trouble::HalfBody));
    let half = rig.create(None, json!({ "status": "x" })).await.unwrap();
    assert_eq!(half.status(), 200);
    assert!(half.text().await.is_err());
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_too_slow_to_keep_the_key_posts_twice() {
    let rig = Rig::start().await;
    rig.hand.fault(Fault::on(Endpoint::Create, Trouble::KeyLost));
    rig.hand.fault(Fault::on(Endpoint::Create, Trouble::accepted_but(504)));
    let body = json!({ "status": "once" });
    assert_eq!(rig.create(Some("k"), body.clone()).await.unwrap().status(), 504);
    assert_eq!(rig.create(Some("k"), body).await.unwrap().status(), 200);
    assert_eq!((rig.hand.own("eyes").len(), rig.hand.duplicates()), (2, 1));
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
async fn the_page_shows_what_was_said_and_runs_none_of_it() {
    let rig = Rig::start().await;
    let form = [("from", "ada"), ("text", "@eyes <script>x</script>"), ("visibility", "public")];
    let said = rig.http.post(rig.url("/sandbox/say")).form(&form).send().await.unwrap();
    assert_eq!((said.status().as_u16(), header(&said, "location").starts_with("/#s-")), (303, true));
    let page = rig.http.get(rig.url("/")).send().await.unwrap();
    assert!(header(&page, "content-security-policy").starts_with("default-src 'none'"));
    let page = page.text().await.unwrap();
    assert!(page.contains("&lt;script&gt;x&lt;/script&gt;") && !page.contains("<script>x"));
    assert!(!page.contains("{threads}") && !page.contains("{choices}"));
    let said = rig.http.post(rig.url("/sandbox/say")).form(&[("from", "eyes"), ("text", "x")]).send().await.unwrap();
    assert!(header(&said, "location").starts_with("/?said=eyes"));
    // A reader who waits is told of the next change.
    let version = json_of(rig.http.get(rig.url("/sandbox/threads")).send().await.unwrap()).await.1["version"].clone();
    let waiting = tokio::spawn(rig.http.get(rig.url(&format!("/sandbox/threads?after={version}"))).send());
    rig.hand.mention("bob", "@eyes and me").unwrap();
    let (_, update) = json_of(waiting.await.unwrap().unwrap()).await;
    assert!(update["threads"].as_str().unwrap().contains("and me"));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_request_is_accepted_although_its_client_left() {
    let rig = Rig::start().await;
    rig.hand.fault(Fault::on(Endpoint::Create, Trouble::Hang { when: Moment::Before, ms: None }));
    let request =
        rig.http.post(rig.url("/api/v1/statuses")).bearer_auth(&rig.eyes.token).json(&json!({ "status": "x" }));
    let waiting = tokio::spawn(request.send());
    rig.hand.wait_until(|state| state.hanging() == 1, SOON).await.unwrap();
    waiting.abort();
    assert!(waiting.await.is_err());
    assert!(rig.hand.own("eyes").is_empty());
    rig.hand.release();
    rig.hand.wait_until(|state| state.own_count("eyes") == 1, SOON).await.unwrap();
    // A request that hangs when the sandbox stops ends with it.
    rig.hand.fault(Fault::on(Endpoint::Verify, Trouble::Hang { when: Moment::After, ms: None }));
    let request = rig.http.get(rig.url("/api/v1/accounts/verify_credentials")).bearer_auth(&rig.eyes.token);
    let waiting = tokio::spawn(request.send());
    rig.hand.wait_until(|state| state.hanging() == 1, SOON).await.unwrap();
    rig.stop().await;
    assert!(waiting.await.unwrap().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn strange_notifications_lie_on_top_of_the_right_ones() {
    let rig = Rig::start().await;
    rig.hand.mention("ada", "@eyes hello").unwrap();
    rig.hand.fault(Fault::on(Endpoint::Notifications, Trouble::UnknownNotification));
    rig.hand.fault(Fault::on(Endpoint::Notifications, Trouble::MalformedNotification));
    rig.hand.fault(Fault::on(Endpoint::Notifications, Trouble::UnknownWords).times(2));
    // megalodon reads a page as a whole, so one stranger spoils it.
    assert!(rig.client(&rig.eyes).get_notifications(None).await.is_err());
    let (_, page) = json_of(rig.get("/api/v1/notifications").await).await;
    assert_eq!(page[0]["status"]["visibility"], "neighbours");
    assert_eq!(rig.client(&rig.eyes).get_notifications(None).await.unwrap().json.len(), 1);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_break_in_every_way_and_some_events_are_only_listed() {
    let rig = Rig::start().await;
    let url = format!("ws://{}/api/v1/streaming?stream=user:notification", rig.running.address());
    let connect = async || {
        use tokio_tungstenite::tungstenite::client::IntoClientRequest;
        let mut request = url.as_str().into_client_request().unwrap();
        let token = format!("Bearer {}", rig.eyes.token);
        request.headers_mut().insert("authorization", token.parse().unwrap());
        tokio_tungstenite::connect_async(request).await
    };
    let read = async |stream: &mut tokio_tungstenite::WebSocketStream<_>| {
        use futures_util::StreamExt;
        tokio::time::timeout(SOON, stream.next()).await.unwrap()
    };
    rig.hand.fault(Fault::on(Endpoint::Stream, Trouble::answer(404, "")));
    assert!(connect().await.is_err());

    let (mut stream, _) = connect().await.unwrap();
    rig.hand.wait_until(|state| state.streams("eyes") == 1, SOON).await.unwrap();
    rig.hand.fault(Fault::on(Endpoint::Push, Trouble::NotPushed));
    rig.hand.mention("ada", "@eyes swallowed").unwrap();
    rig.hand.mention("ada", "@eyes heard").unwrap();
    let frame = read(&mut stream).await.unwrap().unwrap().into_text().unwrap();
    let frame: Value = serde_json::from_str(&frame).unwrap();
    assert_eq!((&frame["stream"], &frame["event"]), (&json!(["user:notification"]), &json!("notification")));
    let payload: Value = serde_json::from_str(frame["payload"].as_str().unwrap()).unwrap();
    assert!(payload["status"]["content"].as_str().unwrap().contains("heard"));
    assert_eq!(rig.client(&rig.eyes).get_notifications(None).await.unwrap().json.len(), 2);

    rig.hand.end_streams(Some("eyes"), StreamEnd::Close);
    assert!(read(&mut stream).await.unwrap().unwrap().is_close());
    let (mut stream, _) = connect().await.unwrap();
    rig.hand.wait_until(|state| state.streams("eyes") == 1, SOON).await.unwrap();
    rig.hand.end_streams(None, StreamEnd::Cut);
    assert!(read(&mut stream).await.is_none_or(|message| message.is_err()));
    rig.hand.fault(Fault::on(Endpoint::Stream, Trouble::SilentStream));
    let (stream, _) = connect().await.unwrap();
    assert_eq!(rig.hand.look(|state| state.streams("eyes")), 0);
    rig.stop().await;
    drop(stream);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lagging_list_shows_younger_statuses_later() {
    let rig = Rig::start().await;
    rig.create(None, json!({ "status": "young" })).await.unwrap();
    let path = format!("/api/v1/accounts/{}/statuses", rig.eyes.id);
    rig.hand.fault(Fault::on(Endpoint::OwnStatuses, Trouble::Lag { seconds: 10 }).always());
    assert_eq!(json_of(rig.get(&path).await).await.1, json!([]));
    rig.clock.advance(Duration::from_secs(10));
    assert_eq!(json_of(rig.get(&path).await).await.1.as_array().unwrap().len(), 1);
    rig.hand.fault(Fault::on(Endpoint::Verify, Trouble::Date { seconds: -3_600 }));
    let verified = rig.get("/api/v1/accounts/verify_credentials").await;
    assert_eq!(header(&verified, "date"), "Fri, 27 Nov 2026 08:00:10 GMT");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hand_reaches_everything_over_http() {
    let rig = Rig::start().await;
    let post =
        async |path: &str, body: Value| json_of(rig.http.post(rig.url(path)).json(&body).send().await.unwrap()).await;
    let (code, made) = post("/sandbox/statuses", json!({ "from": "ada", "text": "@eyes hi", "cw": "shy" })).await;
    assert_eq!(code, 200);
    let fault = json!([{ "on": "create", "times": 2, "what": { "kind": "answer", "when": "after", "status": 504 } }]);
    assert_eq!(post("/sandbox/faults", fault).await.0, 200);
    let reply = json!({ "status": "@ada hello", "in_reply_to_id": made["id"] });
    for _ in 0..2 {
        assert_eq!(rig.create(Some("k"), reply.clone()).await.unwrap().status(), 504);
    }
    assert_eq!(rig.create(None, reply).await.unwrap().status(), 200);
    assert_eq!(post("/sandbox/act", json!({ "who": "ada", "do": "block", "whom": "eyes" })).await.0, 200);
    let (_, state) = json_of(rig.http.get(rig.url("/sandbox/state")).send().await.unwrap()).await;
    assert_eq!((&state["statuses"][0]["cw"], &state["duplicates"]), (&json!("shy"), &json!(1)));
    let (_, requests) = json_of(rig.http.get(rig.url("/sandbox/requests")).send().await.unwrap()).await;
    let codes: Vec<&Value> = requests.as_array().unwrap().iter().map(|seen| &seen["status"]).collect();
    assert_eq!(codes, [&json!(504), &json!(504), &json!(200)]);
    assert_eq!((&requests[0]["account"], &requests[0]["idempotency_key"]), (&json!("eyes"), &json!("k")));
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

#[tokio::test(flavor = "multi_thread")]
async fn events_come_as_server_sent_events_too() {
    let rig = Rig::start().await;
    let mut stream = rig.get("/api/v1/streaming/user/notification").await;
    assert_eq!((stream.status().as_u16(), header(&stream, "content-type")), (200, "text/event-stream"));
    rig.hand.mention("ada", "@eyes hello").unwrap();
    let mut heard = String::new();
    while !heard.contains("\n\n") {
        let chunk = tokio::time::timeout(SOON, stream.chunk()).await.unwrap().unwrap().unwrap();
        heard.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    let (event, data) = heard.trim_start_matches(":thump\n").trim_end().split_once("\ndata: ").unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!(
        (event, &data["type"], &data["account"]["acct"]),
        ("event: notification", &json!("mention"), &json!("ada"))
    );
    drop(stream);
    // The next ping, or the next event, finds the reader gone.
    rig.hand.mention("ada", "@eyes still there?").unwrap();
    rig.hand.wait_until(|state| state.streams("eyes") == 0, SOON).await.unwrap();
    rig.stop().await;
}
