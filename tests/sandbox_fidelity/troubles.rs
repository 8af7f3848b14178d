//! Faults on command: what is there after each.

use serde_json::json;
use watchpost::sandbox::{Endpoint, Fault, Moment, Trouble};

use crate::rig::{Rig, SOON, json_of};

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
