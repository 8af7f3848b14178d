//! Servers in trouble: limits, refusals, tokens, ports closed. Posts wait or say why not; nobody else is affected.

use std::time::Duration;

use watchpost::core::delivery::State;
use watchpost::sandbox::{Draft, Endpoint, Fault, Moment, Trouble};

use crate::harness::{Leftover, SOON, Scene, eventually, tell};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const AT_NINE: &str = "---\nat: 2026-11-27 09:00\n---\nRing works with the police.\n";

fn one_post() -> Scene {
    Scene::new().post("ring", AT_NINE)
}

#[test]
fn a_429_waits_exactly_as_told_then_sends_once() {
    tell(one_post(), async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::TooMany { reset_in: Some(90) }));
        story.until("2026-11-27 09:00").await;
        story.expect_state("ring", State::Planned).await;
        story.advance(89 * SECOND).await;
        assert_eq!(story.requests(Endpoint::Create).len(), 1, "asked again too early");
        story.advance(2 * SECOND).await;
        story.expect_sent("ring").await;
        assert_eq!(story.requests(Endpoint::Create).len(), 2);
    });
}

#[test]
fn a_mention_during_a_429_is_answered_after_the_wait() {
    tell(one_post(), async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::TooMany { reset_in: Some(90) }));
        story.until("2026-11-27 09:00").await;
        story.expect_state("ring", State::Planned).await;
        let asked = story.says("ada", "@eyes what is Rekognition?");
        assert_ne!(story.decision(&asked).await.decision, "silent");
        story.settle().await;
        assert_eq!(story.requests(Endpoint::Create).len(), 1, "a reply left while the server asked us to wait");
        story.advance(91 * SECOND).await;
        story.answer_to(&asked).await;
        story.expect_sent("ring").await;
    });
}

#[test]
fn a_reply_that_met_a_429_is_sent_after_the_wait() {
    tell(Scene::new(), async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::TooMany { reset_in: Some(30) }));
        let asked = story.says("ada", "@eyes what is Rekognition?");
        story.decision(&asked).await;
        story.settle().await;
        assert_eq!(story.server().replies_to(&asked).len(), 0);
        story.advance(31 * SECOND).await;
        story.answer_to(&asked).await;
    });
}

#[test]
fn a_503_with_retry_after_waits_as_told() {
    tell(one_post(), async |story| {
        let busy = Trouble::Answer {
            when: Moment::Before,
            status: 503,
            body: String::new(),
            content_type: None,
            headers: vec![("retry-after".to_owned(), "120".to_owned())],
        };
        story.fault(Fault::on(Endpoint::Create, busy));
        story.until("2026-11-27 09:00").await;
        story.advance(118 * SECOND).await;
        assert_eq!(story.requests(Endpoint::Create).len(), 1);
        story.advance(3 * SECOND).await;
        story.expect_sent("ring").await;
    });
}

#[test]
fn a_422_is_refused_with_a_notice_and_editing_the_file_releases_it() {
    tell(one_post(), async |story| {
        let no = r#"{"error":"Validation failed: Text character limit of 500 exceeded"}"#;
        story.fault(Fault::on(Endpoint::Create, Trouble::answer(422, no)));
        story.until("2026-11-27 09:00").await;
        story.expect_state("ring", State::Refused).await;
        story.notice("character limit").await;
        story.advance(5 * MINUTE).await;
        story.restart().await;
        assert_eq!(story.requests(Endpoint::Create).len(), 1);
        story.write_post("ring", "---\nat: 2026-11-27 09:00\n---\nShorter.\n").await;
        story.expect_sent("ring").await;
        assert_eq!(story.texts("eyes"), ["Shorter."]);
        let keys: Vec<_> = story.requests(Endpoint::Create).into_iter().map(|seen| seen.idempotency_key).collect();
        assert_ne!(keys[0], keys[1], "a new generation has a new key");
        story.notice_gone("character limit").await;
    });
}

#[test]
fn a_401_pauses_the_account_keeps_its_queue_and_a_new_token_in_the_file_mends_it() {
    let vigila = "---\nat: 2026-11-27 09:00\naccounts: [vigila]\nlang: es\n---\nRing y la policía.\n";
    let eyes = "---\nat: 2026-11-27 09:00\naccounts: [eyes]\n---\nRing works with the police.\n";
    let scene = Scene::new().with_vigila().post("ring", eyes).post("es", vigila);
    tell(scene, async |story| {
        story.server().revoke("eyes", 401).unwrap();
        story.folder.write_token("eyes", "canary-token-eyes-mistyped");
        story.flow_until_notice("does not accept the token of eyes").await;
        story.until("2026-11-27 09:00").await;
        story.expect_sent("es").await;
        assert_eq!(story.states("ring").await, ["planned"]);
        let paused = story.store.accounts().await.unwrap();
        assert!(paused["eyes"].paused_reason.is_some());
        assert!(paused["vigila"].paused_reason.is_none());
        story.server().restore("eyes").unwrap();
        story.advance(5 * MINUTE).await;
        assert_eq!(story.states("ring").await, ["planned"], "the file still holds the wrong token");
        story.folder.write_token("eyes", &crate::harness::token_of("eyes"));
        story.flow_until_sent("ring").await;
        story.notice_gone("does not accept the token").await;
        assert_eq!(story.texts("eyes").len(), 1);
    });
}

#[test]
fn a_401_for_the_post_itself_pauses_the_account_and_the_post_goes_out_once_after() {
    tell(one_post(), async |story| {
        let no = r#"{"error":"The access token was revoked"}"#;
        story.fault(Fault::on(Endpoint::Create, Trouble::answer(401, no)));
        story.fault(Fault::on(Endpoint::Verify, Trouble::answer(401, no)));
        story.until("2026-11-27 09:00").await;
        story.notice("does not accept the token of eyes").await;
        story.flow_until_sent("ring").await;
        assert_eq!(story.texts("eyes").len(), 1);
    });
}

#[test]
fn a_403_for_one_reply_does_not_pause_the_account() {
    tell(one_post(), async |story| {
        let policy = r#"{"error":"Forbidden: interaction policy"}"#;
        story.fault(Fault::on(Endpoint::Create, Trouble::answer(403, policy)));
        let asked = story.says("ada", "@eyes what is Rekognition?");
        story.decision(&asked).await;
        eventually("the reply is refused", async || {
            story.reply_rows().await.iter().all(|row| row.state == State::Refused)
        })
        .await;
        assert!(story.store.accounts().await.unwrap()["eyes"].paused_reason.is_none());
        story.until("2026-11-27 09:00").await;
        story.expect_sent("ring").await;
    });
}

#[test]
fn a_mention_deleted_before_it_was_answered_cancels_the_reply() {
    tell(Scene::new(), async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::TooMany { reset_in: Some(30) }));
        let asked = story.says("ada", "@eyes what is Rekognition?");
        story.decision(&asked).await;
        story.settle().await;
        story.server().delete(&asked).unwrap();
        story.advance(31 * SECOND).await;
        let rows = story.reply_rows().await;
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].state, State::Cancelled);
        assert_eq!(story.said("eyes").len(), 0);
    });
}

#[test]
fn a_parent_replicas_do_not_know_yet_is_tried_again_and_answered_once() {
    tell(Scene::new(), async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::parent_missing()).times(2));
        let asked = story.says("ada", "@eyes what is Rekognition?");
        story.decision(&asked).await;
        story.settle().await;
        story.advance(3 * SECOND).await;
        story.advance(6 * SECOND).await;
        story.answer_to(&asked).await;
        assert_eq!(story.requests(Endpoint::Create).len(), 3);
    });
}

#[test]
fn a_server_down_at_start_gets_its_posts_when_it_is_back_in_time() {
    let scene = Scene::new().with_vigila_elsewhere().post("ring", AT_NINE);
    tell(scene, async |story| {
        story.stop().await.unwrap();
        story.close_server(0).await;
        story.start().await;
        story.notice("out of reach").await;
        story.until("2026-11-27 09:00").await;
        eventually("the other account is unaffected", async || story.said("vigila").len() == 1).await;
        assert_eq!(story.said("eyes").len(), 0);
        story.clock.advance(10 * MINUTE);
        story.open_server(0).await;
        story.flow_until_sent("ring").await;
        assert_eq!(story.said("eyes").len(), 1);
        story.notice_gone("out of reach").await;
    });
}

#[test]
fn a_server_that_goes_down_later_gets_its_posts_when_it_is_back() {
    let scene = Scene::new().with_vigila_elsewhere().post("ring", AT_NINE);
    tell(scene, async |story| {
        story.close_server(0).await;
        story.clock.advance(60 * MINUTE);
        eventually("the other account is unaffected", async || story.said("vigila").len() == 1).await;
        eventually("an attempt failed before anything was sent", async || {
            let rows = story.rows("ring").await;
            rows.iter().any(|row| row.account.as_str() == "eyes" && row.state == State::Planned && row.attempt > 0)
        })
        .await;
        story.open_server(0).await;
        story.flow_until_sent("ring").await;
        assert_eq!(story.said("eyes").len(), 1);
    });
}

#[test]
fn two_accounts_on_two_servers_one_always_failing_do_not_touch_each_other() {
    let mut scene = Scene::new().with_vigila_elsewhere();
    for minute in 1..=5 {
        let text = format!("---\nat: 2026-11-27 09:0{minute}\n---\nPost number {minute}.\n");
        scene = scene.post(&format!("post-{minute}"), &text);
    }
    tell(scene, async |story| {
        story.may_leave(Leftover::StandingFaults);
        story.fault(Fault::on(Endpoint::Create, Trouble::answer(500, "")).always());
        for minute in 1..=5 {
            story.until(&format!("2026-11-27 09:0{minute}")).await;
        }
        let asked = story.server_of("vigila").mention("ada", "@vigila what is Rekognition?").unwrap();
        story.answer_to(&asked).await;
        assert_eq!(story.said("vigila").len(), 6);
        assert_eq!(story.said("eyes").len(), 0);
        let open = story.in_states(&[State::Unknown, State::Planned]).await;
        assert_eq!(open.iter().filter(|row| row.account.as_str() == "eyes").count(), 5, "all wait, none is lost");
        assert!(story.requests(Endpoint::Create).len() < 12, "a failing server is left alone");
    });
}

#[test]
fn a_slow_server_of_one_account_does_not_delay_the_other() {
    let scene = Scene::new().with_vigila_elsewhere().post("ring", AT_NINE);
    tell(scene, async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::Hang { when: Moment::Before, ms: None }));
        story.clock.advance(60 * MINUTE);
        story.server().wait_until(|state| state.hanging() == 1, SOON).await.unwrap();
        let other = story.server_of("vigila").wait_until(|state| state.own_count("vigila") == 1, SOON).await;
        other.expect("vigila spoke while eyes hung");
        story.server().release();
        story.expect_sent("ring").await;
    });
}

#[test]
fn a_hanging_reply_does_not_hold_back_a_post_that_is_due() {
    tell(one_post(), async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::Hang { when: Moment::Before, ms: None }));
        let asked = story.says("ada", "@eyes what is Rekognition?");
        story.server().wait_until(|state| state.hanging() == 1, SOON).await.unwrap();
        story.clock.advance(60 * MINUTE);
        story.expect_sent("ring").await;
        story.server().release();
        story.answer_to(&asked).await;
    });
}

#[test]
fn an_upload_that_fails_in_processing_refuses_the_post_and_says_so() {
    let post = "---\nat: 2026-11-27 09:00\nmedia:\n  - { file: pixel.png, alt: \"One point\" }\n---\nLook.\n";
    tell(Scene::new(), async |story| {
        story.folder.picture("pixel.png");
        story.write_post("look", post).await;
        story.fault(Fault::on(Endpoint::Media, Trouble::ProcessingFails));
        story.until("2026-11-27 09:00").await;
        story.expect_state("look", State::Refused).await;
        story.notice("picture not accepted").await;
        assert_eq!(story.requests(Endpoint::Create).len(), 0);
    });
}

#[test]
fn the_token_stands_in_no_database_no_error_and_no_notice() {
    tell(one_post(), async |story| {
        let token = crate::harness::token_of("eyes");
        let echo = format!(r#"{{"error":"bad token {token} for you"}}"#);
        story.fault(Fault::on(Endpoint::Create, Trouble::answer(422, &echo)));
        story.fault(Fault::on(Endpoint::Notifications, Trouble::answer(500, &echo)));
        story.writes("ada", Draft::new("@eyes what is Rekognition?"));
        story.until("2026-11-27 09:00").await;
        story.advance(5 * MINUTE).await;
        story.stop().await.unwrap();
        let bytes = story.folder.database_bytes();
        assert!(!contains(&bytes, token.as_bytes()), "the token is in the database");
        for notice in story.store.notices().await.unwrap() {
            assert!(!format!("{notice:?}").contains(&token));
        }
        for row in story.in_states(&State::ALL).await {
            assert!(!format!("{row:?}").contains(&token));
        }
    });
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}
