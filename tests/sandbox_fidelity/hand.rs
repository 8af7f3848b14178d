//! What a person's hand reaches: the timeline page and the control addresses.

use serde_json::{Value, json};

use crate::rig::{Rig, header, json_of};

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
