//! Posts go out at their time, once, as staff wrote them.

use std::time::Duration;

use watchpost::core::delivery::State;

use crate::harness::{Scene, tell};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_queued_post_goes_out_at_its_time_and_not_before() {
    let scene = Scene::new().post("ring", "---\nat: 2026-11-27 09:00\n---\nRing works with the police.\n");
    tell(scene, async |story| {
        assert_eq!(story.states("ring").await, ["planned"]);
        story.until("2026-11-27 08:59:59").await;
        assert_eq!(story.texts("eyes"), Vec::<String>::new());
        story.advance(Duration::from_secs(1)).await;
        let row = story.expect_sent("ring").await.remove(0);
        let said = story.said("eyes");
        assert_eq!(said.len(), 1);
        assert_eq!(said[0].text, "Ring works with the police.");
        assert_eq!(row.status.unwrap().as_str(), said[0].id);
        story.advance(60 * MINUTE).await;
        assert_eq!(story.said("eyes").len(), 1);
    });
}

#[test]
fn a_thread_goes_out_in_order_each_part_answering_the_one_before() {
    let scene = Scene::new().post("thread", "---\nat: 2026-11-27 09:00\n---\nOne.\n---\nTwo.\n---\nThree.\n");
    tell(scene, async |story| {
        story.until("2026-11-27 09:00").await;
        story.expect_sent("thread").await;
        let said = story.said("eyes");
        assert_eq!(story.texts("eyes"), ["One.", "Two.", "Three."]);
        assert_eq!(said[0].in_reply_to, None);
        assert_eq!(said[1].in_reply_to.as_deref(), Some(said[0].id.as_str()));
        assert_eq!(said[2].in_reply_to.as_deref(), Some(said[1].id.as_str()));
    });
}

#[test]
fn a_new_file_dropped_in_is_queued() {
    tell(Scene::new(), async |story| {
        story.write_post("late-idea", "---\nat: 2026-11-27 08:30\n---\nA late idea.\n").await;
        assert_eq!(story.states("late-idea").await, ["planned"]);
        story.until("2026-11-27 08:30").await;
        story.expect_sent("late-idea").await;
        assert_eq!(story.texts("eyes"), ["A late idea."]);
    });
}

#[test]
fn an_edit_before_the_time_changes_what_goes_out() {
    let scene = Scene::new().post("ring", "---\nat: 2026-11-27 09:00\n---\nFirst words.\n");
    tell(scene, async |story| {
        story.write_post("ring", "---\nat: 2026-11-27 09:30\n---\nSecond words.\n").await;
        story.until("2026-11-27 09:00").await;
        assert_eq!(story.texts("eyes"), Vec::<String>::new());
        story.until("2026-11-27 09:30").await;
        story.expect_sent("ring").await;
        assert_eq!(story.texts("eyes"), ["Second words."]);
    });
}

#[test]
fn a_removed_file_cancels() {
    let scene = Scene::new().post("ring", "---\nat: 2026-11-27 09:00\n---\nNever said.\n");
    tell(scene, async |story| {
        story.folder.remove_post("ring");
        story.files_seen().await;
        let row = story.expect_state("ring", State::Cancelled).await.remove(0);
        assert!(row.reason.contains("removed"), "{}", row.reason);
        story.until("2026-11-27 09:30").await;
        assert_eq!(story.texts("eyes"), Vec::<String>::new());
    });
}
