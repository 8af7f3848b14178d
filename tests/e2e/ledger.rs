//! What `watchpost ledger` tells people of a delivery.

use std::time::Duration;

use watchpost::sandbox::{Endpoint, Fault, Trouble};

use crate::harness::{Scene, eventually, tell};
use crate::terminal;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn the_ledger_tells_each_attempt_the_looks_and_what_the_server_does_with_keys() {
    let scene = Scene::new().post("ring", "---\nat: 2026-11-27 09:00\n---\nRing works with the police.\n");
    tell(scene, async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::answer(503, "")));
        story.advance(60 * MINUTE).await;
        eventually("it is unclear", async || story.states("ring").await == ["unknown"]).await;
        for seconds in [6, 25, 90, 200, 60] {
            story.advance(seconds * SECOND).await;
        }
        story.expect_sent("ring").await;
        let shown = terminal::json(story, &["ledger", "show", "1", "--json"]);
        let outcomes: Vec<&str> =
            shown["history"].as_array().unwrap().iter().map(|one| one["outcome"].as_str().unwrap()).collect();
        assert_eq!(outcomes.first().zip(outcomes.last()), Some((&"unknown", &"sent")), "{shown}");
        assert!(shown["key"].as_str().unwrap().contains("known for 1 h"), "{shown}");
        terminal::said(story, &["ledger", "show", "1"], 0, "looked for");
    });
}
