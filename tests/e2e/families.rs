//! The same story on every family of servers: a post, a thread and an unclear attempt, a question, a stop. Ids, pages,
//! keys, streams, errors and lengths differ; what followers see does not.

use std::time::Duration;

use watchpost::core::delivery::State;
use watchpost::sandbox::{Endpoint, Fault, Profile, Trouble};

use crate::harness::{Scene, is_out, tell};

const SECOND: Duration = Duration::from_secs(1);

fn on(family: &str) {
    let profile = Profile::named(family).expect("a family of servers");
    let scene = Scene::new()
        .server(|server| *server = profile)
        .post("ring", "---\nat: 2026-11-27 09:00\n---\nRing works with the police.\n")
        .post("thread", "---\nat: 2026-11-27 09:30\n---\nOne.\n---\nTwo.\n")
        .post("unclear", "---\nat: 2026-11-27 10:00\n---\nSaid once, whatever the answer.\n");
    tell(scene, async |story| {
        story.until("2026-11-27 09:00").await;
        story.flow_until_sent("ring").await;
        story.until("2026-11-27 09:30").await;
        story.flow_until_sent("thread").await;
        story.fault(Fault::on(Endpoint::Create, Trouble::accepted_but(500)));
        story.until("2026-11-27 10:00").await;
        story.expect_state("unclear", State::Unknown).await;
        story.flow_until_sent("unclear").await;
        for text in ["@eyes what is Rekognition?", "@eyes stop"] {
            let asked = story.says("ada", text);
            story.flow_until("the mention is decided", async || story.decisions(&asked).await == 1).await;
            story
                .flow_until("it is answered", async || story.reply_rows().await.iter().all(|row| is_out(row.state)))
                .await;
            story.answer_to(&asked).await;
        }
        let asked = story.says("ada", "@eyes what is Rekognition?");
        story.flow_until("the mention is decided", async || story.decisions(&asked).await == 1).await;
        story.expect_silence(&asked, "said stop").await;
        for _ in 0..5 {
            story.advance(120 * SECOND).await;
        }
        assert_eq!(story.said("eyes").len(), 6);
    });
}

#[test]
fn the_same_story_on_gotosocial() {
    on("gotosocial");
}

#[test]
fn the_same_story_on_pleroma() {
    on("pleroma");
}

#[test]
fn the_same_story_on_an_old_pleroma() {
    on("pleroma-old");
}

#[test]
fn the_same_story_on_mitra() {
    on("mitra");
}

#[test]
fn the_same_story_on_takahe() {
    on("takahe");
}

#[test]
fn the_same_story_on_snac() {
    on("snac");
}

#[test]
fn the_same_story_on_hollo() {
    on("hollo");
}

#[test]
fn the_same_story_on_friendica() {
    on("friendica");
}

#[test]
fn the_same_story_on_iceshrimp() {
    on("iceshrimp");
}

#[test]
fn the_same_story_on_sharkey() {
    on("sharkey");
}

#[test]
fn the_same_story_on_firefish() {
    on("firefish");
}

#[test]
fn the_same_story_on_mastodon_4_6() {
    on("mastodon-4.6");
}

#[test]
fn the_same_story_on_a_mastodon_whose_parents_appear_late() {
    on("mastodon-young-parents");
}

#[test]
fn the_same_story_on_a_mastodon_whose_lists_lag() {
    on("mastodon-lagging");
}
