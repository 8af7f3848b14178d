//! Statuses: made, shown, answered, changed, taken back.

use megalodon::entities::{Status, StatusVisibility, UploadMedia};
use megalodon::megalodon::{
    EditStatusInputOptions, GetAccountStatusesInputOptions, PostStatusInputOptions, UploadMediaInputOptions,
};
use serde_json::{Value, json};
use std::time::Duration;
use watchpost::sandbox::{Endpoint, Fault, Trouble};

use crate::rig::{Rig, header, json_of, status};

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
