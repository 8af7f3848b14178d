//! Servers that are late, behind, forgetful or liars: as profiles, and as troubles on command.

use serde_json::json;
use watchpost::sandbox::{Endpoint, Fault, Moment, Trouble};

use crate::rig::{Rig, SOON, send};

#[tokio::test]
async fn a_late_status_stands_when_its_time_has_come_and_not_before() {
    let rig = Rig::named("mastodon-late").await;
    let answer = rig.post_with("k", json!({ "status": "Late" })).await;
    assert_eq!((answer.status, answer.json().is_null()), (504, true), "{answer:?}");
    rig.pass(19_999);
    assert_eq!((rig.standing("Late"), rig.own_list().await.len()), (0, 0));
    rig.pass(1);
    assert_eq!((rig.standing("Late"), rig.own_list().await.len()), (1, 1));
    let again = rig.post_with("k", json!({ "status": "Late" })).await;
    assert_eq!((again.status, rig.standing("Late")), (200, 1), "the key came with the status: {again:?}");
    let bad = rig.post(json!({ "status": "" })).await;
    assert_eq!(bad.status, 422, "what is not valid is refused at once");
    rig.stop().await;
}

#[tokio::test]
async fn whoever_waits_for_a_late_status_is_woken() {
    let rig = Rig::named("mastodon").await;
    rig.hand.fault(Fault::on(Endpoint::Create, Trouble::Late { seconds: 5 }));
    rig.post(json!({ "status": "Late" })).await;
    let (hand, clock) = (rig.hand.clone(), rig.clock.clone());
    let waiting = tokio::spawn(async move { hand.wait_until(|state| state.own_count("eyes") == 1, SOON).await });
    clock.advance(std::time::Duration::from_secs(5));
    waiting.await.unwrap().unwrap();
    rig.stop().await;
}

#[tokio::test]
async fn a_second_try_before_a_late_status_posts_twice_where_keys_come_last() {
    for (name, standing) in
        [("mastodon", 2), ("pleroma", 2), ("hollo", 2), ("gotosocial", 2), ("mastodon-4.6", 1), ("mitra", 1)]
    {
        let rig = Rig::named(name).await;
        rig.hand.fault(Fault::on(Endpoint::Create, Trouble::Late { seconds: 30 }));
        rig.hand.fault(Fault::on(Endpoint::Create, Trouble::Cut { when: Moment::After }));
        let cut = rig.posting(&rig.eyes, Some("k"), &json!({ "status": "Twice?" })).send().await;
        assert!(cut.is_err(), "{name}: {cut:?}");
        let second = rig.post_with("k", json!({ "status": "Twice?" })).await;
        assert_eq!(second.status, if name == "mastodon-4.6" { 503 } else { 200 }, "{name}: {second:?}");
        rig.pass(30_000);
        assert_eq!(rig.standing("Twice?"), standing, "{name}");
        rig.stop().await;
    }
}

#[tokio::test]
async fn a_late_answer_to_a_parent_that_went_meanwhile_vanishes() {
    let rig = Rig::named("mastodon").await;
    let parent = rig.hand.mention("ann", "@eyes hello").unwrap();
    rig.hand.fault(Fault::on(Endpoint::Create, Trouble::Late { seconds: 30 }));
    rig.post(json!({ "status": "@ann hello", "in_reply_to_id": parent })).await;
    rig.hand.delete(&parent).unwrap();
    rig.pass(30_000);
    assert_eq!(rig.standing("@ann hello"), 0);
    rig.stop().await;
}

#[tokio::test]
async fn pretended_success_leaves_nothing() {
    let rig = Rig::named("mastodon-pretending").await;
    let answer = rig.post_with("k", json!({ "status": "Where?" })).await;
    assert_eq!((answer.status, &answer.json()["content"]), (200, &json!("<p>Where?</p>")));
    assert_eq!(rig.get(&format!("/api/v1/statuses/{}", answer.id())).await.status, 404);
    assert!(rig.own_list().await.is_empty());
    rig.stop().await;
}

#[tokio::test]
async fn a_lagging_list_shows_a_status_late_and_the_status_itself_at_once() {
    let rig = Rig::named("mastodon-lagging").await;
    let id = rig.post(json!({ "status": "Here" })).await.id();
    assert_eq!(rig.get(&format!("/api/v1/statuses/{id}")).await.status, 200);
    rig.pass(44_999);
    assert!(rig.own_list().await.is_empty());
    rig.pass(1);
    assert_eq!(rig.own_list().await.len(), 1);
    rig.stop().await;
}

#[tokio::test]
async fn a_young_parent_cannot_be_answered_yet() {
    let rig = Rig::named("mastodon-young-parents").await;
    let parent = rig.hand.mention("ann", "@eyes hello").unwrap();
    let reply = || rig.posting(&rig.eyes, Some("k"), &json!({ "status": "@ann hello", "in_reply_to_id": parent }));
    assert_eq!(rig.get(&format!("/api/v1/statuses/{parent}")).await.status, 200);
    assert_eq!(send(reply()).await.status, 404);
    rig.pass(2_999);
    assert_eq!(send(reply()).await.status, 404);
    rig.pass(1);
    assert_eq!(send(reply()).await.status, 200);
    rig.stop().await;
}

#[tokio::test]
async fn on_pleroma_a_parent_missed_once_is_missed_for_six_hours() {
    let rig = Rig::named("pleroma").await;
    let parent = rig.hand.mention("ann", "@eyes hello").unwrap();
    let body = json!({ "status": "@ann hello", "in_reply_to_id": parent });
    rig.hand.fault(Fault::on(Endpoint::Create, Trouble::YoungParent { seconds: 60 }));
    assert_eq!(rig.post_with("k", body.clone()).await.status, 404);
    rig.pass(120_000);
    assert_eq!(rig.post_with("k", body.clone()).await.status, 404, "the answer is repeated");
    assert_eq!(rig.post_with("another", body).await.status, 200);
    rig.stop().await;
}
