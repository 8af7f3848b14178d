//! Idempotency-Keys and the allowance for statuses.

use serde_json::{Value, json};
use std::time::Duration;
use watchpost::sandbox::{Endpoint, Fault, NewAccount, Trouble};

use crate::rig::{Rig, header, json_of};

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
