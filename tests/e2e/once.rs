//! Nothing is said twice: renames, copies, unclear answers, kills and restarts.

use std::time::Duration;

use watchpost::core::delivery::State;
use watchpost::core::ids::PostId;
use watchpost::core::post::Visibility;
use watchpost::sandbox::{Draft, Endpoint, Existence, Fault, Idempotency, Moment, Trouble};
use watchpost::store::deliveries::Wish;

use crate::harness::{Leftover, SOON, Scene, Story, eventually, is_out, tell, token_of};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const AT_NINE: &str = "---\nat: 2026-11-27 09:00\n---\nRing works with the police.\n";

fn one_post() -> Scene {
    Scene::new().post("ring", AT_NINE)
}

/// A post whose first POST meets `trouble`: its row is `unknown`. What exists is found at the first
/// look and never sent again; what does not is sent once more after the last look, with the same key.
fn unclear(trouble: Trouble, exists: bool) {
    tell(one_post(), async move |story| {
        story.fault(Fault::on(Endpoint::Create, trouble));
        story.until("2026-11-27 09:00").await;
        story.expect_state("ring", State::Unknown).await;
        story.restart().await;
        assert_eq!(story.states("ring").await, ["unknown"], "a restart changes nothing");
        check_settled(story, exists).await;
    });
}

/// Lets the looks at +5, +30 and +120 s come.
async fn check_settled(story: &mut Story, exists: bool) {
    if exists {
        story.advance(6 * SECOND).await;
        story.expect_sent("ring").await;
    } else {
        for seconds in [6, 25, 88] {
            story.advance(seconds * SECOND).await;
            assert_eq!(story.states("ring").await, ["unknown"]);
            assert_eq!(posts(story), 1);
        }
        story.advance(2 * SECOND).await;
        story.expect_sent("ring").await;
    }
    check_never_again(story, if exists { 1 } else { 2 }).await;
}

async fn check_never_again(story: &mut Story, requests: usize) {
    story.advance(5 * MINUTE).await;
    story.restart().await;
    story.advance(60 * MINUTE).await;
    story.restart().await;
    story.advance(24 * 60 * MINUTE).await;
    assert_eq!(story.states("ring").await, ["verified"]);
    assert_eq!(story.said("eyes").len(), 1);
    assert_eq!(posts(story), requests);
    let mut keys: Vec<_> =
        story.requests(Endpoint::Create).into_iter().map(|seen| seen.idempotency_key.expect("a key")).collect();
    keys.dedup();
    assert_eq!(keys.len(), 1, "one key over all attempts");
}

fn posts(story: &Story) -> usize {
    story.requests(Endpoint::Create).len()
}

#[test]
fn a_500_after_accepting_is_unknown_and_never_sent_again() {
    unclear(Trouble::accepted_but(500), true);
}

#[test]
fn a_500_before_accepting_is_unknown_too_because_it_may_exist() {
    unclear(Trouble::answer(500, "<html><h1>500</h1></html>"), false);
}

#[test]
fn a_502_and_its_html_page_are_unknown() {
    unclear(Trouble::accepted_but(502), true);
}

#[test]
fn an_answer_lost_with_its_connection_is_unknown() {
    unclear(Trouble::Cut { when: Moment::After }, true);
}

#[test]
fn a_connection_cut_before_anything_was_answered_is_unknown() {
    unclear(Trouble::Cut { when: Moment::Before }, false);
}

#[test]
fn half_an_answer_is_unknown() {
    unclear(Trouble::HalfBody, true);
}

#[test]
fn a_200_that_is_no_json_is_unknown() {
    unclear(Trouble::accepted_and(200, "<html>OK</html>"), true);
}

#[test]
fn a_200_without_an_id_is_unknown() {
    unclear(Trouble::WithoutId, true);
}

#[test]
fn a_redirect_is_not_followed_and_unknown() {
    unclear(Trouble::redirect(307, "/api/v1/statuses"), false);
}

#[test]
fn a_409_is_unknown() {
    unclear(Trouble::answer(409, r#"{"error":"conflict"}"#), false);
}

#[test]
fn a_kill_while_a_post_is_on_its_way_makes_it_unknown_and_it_is_not_sent_again() {
    tell(one_post(), async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::Hang { when: Moment::After, ms: None }));
        story.clock.advance(60 * MINUTE);
        story.server().wait_until(|state| state.hanging() == 1, SOON).await.unwrap();
        assert_eq!(story.states("ring").await, ["armed"]);
        story.kill().await;
        assert_eq!(story.states("ring").await, ["armed"]);
        story.start().await;
        assert_eq!(story.states("ring").await, ["unknown"]);
        check_settled(story, true).await;
    });
}

#[test]
fn a_kill_before_the_server_read_the_post_sends_it_once_more_after_the_last_look() {
    tell(one_post(), async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::Cut { when: Moment::Before }));
        story.fault(Fault::on(Endpoint::Create, Trouble::Hang { when: Moment::Before, ms: None }));
        story.clock.advance(60 * MINUTE);
        story.expect_state("ring", State::Unknown).await;
        story.clock.advance(6 * SECOND);
        story.clock.advance(120 * SECOND);
        story.server().wait_until(|state| state.hanging() == 1, SOON).await.unwrap();
        story.kill().await;
        story.server().release();
        story.start().await;
        story.advance(130 * SECOND).await;
        story.expect_sent("ring").await;
        story.advance(24 * 60 * MINUTE).await;
        assert_eq!(story.said("eyes").len(), 1);
    });
}

#[test]
fn an_unclear_post_found_after_a_night_is_not_sent_again() {
    tell(one_post(), async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::accepted_but(504)));
        story.until("2026-11-27 09:00").await;
        story.expect_state("ring", State::Unknown).await;
        story.stop().await.unwrap();
        story.clock.advance(9 * 60 * MINUTE);
        story.start().await;
        story.settle().await;
        story.expect_sent("ring").await;
        assert_eq!(posts(story), 1);
    });
}

#[test]
fn an_unclear_post_that_is_not_there_is_not_sent_after_its_time() {
    tell(one_post(), async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::answer(504, "")));
        story.until("2026-11-27 09:00").await;
        story.expect_state("ring", State::Unknown).await;
        story.stop().await.unwrap();
        story.clock.advance(9 * 60 * MINUTE);
        story.start().await;
        story.settle().await;
        story.expect_state("ring", State::Expired).await;
        assert_eq!(posts(story), 1);
    });
}

#[test]
fn an_unclear_post_whose_file_was_removed_is_not_sent_again() {
    tell(one_post(), async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::answer(504, "")));
        story.until("2026-11-27 09:00").await;
        story.expect_state("ring", State::Unknown).await;
        story.folder.remove_post("ring");
        story.files_seen().await;
        story.advance(5 * MINUTE).await;
        story.advance(60 * MINUTE).await;
        assert_eq!(posts(story), 1, "nobody wants it any more");
        assert_eq!(story.states("ring").await, ["cancelled"]);
        assert_eq!(story.said("eyes").len(), 0);
    });
}

#[test]
fn a_look_that_fails_is_no_look() {
    tell(one_post(), async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::accepted_but(500)));
        story.until("2026-11-27 09:00").await;
        story.expect_state("ring", State::Unknown).await;
        let sick = Fault::on(Endpoint::OwnStatuses, Trouble::answer(500, "")).always();
        story.fault(sick);
        story.clock.advance(10 * MINUTE);
        eventually("looks failed", async || {
            // They come ever later.
            story.clock.advance(Duration::from_secs(1));
            story.requests(Endpoint::OwnStatuses).iter().filter(|seen| seen.status == Some(500)).count() > 1
        })
        .await;
        assert_eq!(story.states("ring").await, ["unknown"]);
        assert_eq!(posts(story), 1);
        story.server().clear_faults();
        story.clock.advance(MINUTE);
        story.expect_sent("ring").await;
        assert_eq!(posts(story), 1);
    });
}

#[test]
fn a_server_without_keys_whose_list_lags_ends_with_one_status() {
    let scene = one_post().server(|profile| profile.idempotency = Idempotency::Ignored);
    tell(scene, async |story| {
        story.may_leave(Leftover::Duplicates);
        story.fault(Fault::on(Endpoint::Create, Trouble::accepted_but(500)));
        story.fault(Fault::on(Endpoint::OwnStatuses, Trouble::Lag { seconds: 900 }).always());
        story.until("2026-11-27 09:00").await;
        for _ in 0..12 {
            story.advance(30 * SECOND).await;
        }
        story.server().clear_faults();
        for _ in 0..14 {
            story.advance(5 * MINUTE).await;
        }
        assert_eq!(story.said("eyes").len(), 1, "of two the newer was taken back, or it was never made");
        assert_eq!(story.states("ring").await, ["verified"]);
    });
}

#[test]
fn a_part_whose_answer_was_lost_is_followed_by_the_next_once_it_was_seen() {
    let scene = Scene::new().post("thread", "---\nat: 2026-11-27 09:00\n---\nOne.\n---\nTwo.\n---\nThree.\n");
    tell(scene, async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::accepted_but(500)));
        story.until("2026-11-27 09:00").await;
        assert_eq!(story.states("thread").await, ["unknown", "planned", "planned"]);
        for _ in 0..6 {
            story.advance(6 * SECOND).await;
        }
        story.expect_sent("thread").await;
        assert_eq!(story.texts("eyes"), ["One.", "Two.", "Three."]);
    });
}

#[test]
fn a_kill_between_the_parts_of_a_thread_goes_on_where_it_stood() {
    let scene = Scene::new().post("thread", "---\nat: 2026-11-27 09:00\n---\nOne.\n---\nTwo.\n---\nThree.\n");
    tell(scene, async |story| {
        let hang = Trouble::Hang { when: Moment::After, ms: None };
        story.clock.advance(59 * MINUTE);
        story.fault(Fault::on(Endpoint::Create, Trouble::Date { seconds: 0 }));
        story.fault(Fault::on(Endpoint::Create, hang));
        story.clock.advance(60 * SECOND);
        // The first fault strikes the first part together with the second: the hang.
        story.server().wait_until(|state| state.hanging() == 1, SOON).await.unwrap();
        story.kill().await;
        story.start().await;
        for _ in 0..8 {
            story.advance(6 * SECOND).await;
        }
        story.expect_sent("thread").await;
        assert_eq!(story.texts("eyes"), ["One.", "Two.", "Three."]);
    });
}

#[test]
fn an_unclear_reply_is_found_below_its_mention() {
    for seen_by in [Visibility::Public, Visibility::Direct] {
        tell(Scene::new().server(|profile| profile.own_directs = Existence::Absent), async |story| {
            story.fault(Fault::on(Endpoint::Create, Trouble::accepted_but(500)));
            let asked = story.writes("ada", Draft::new("@eyes what is Rekognition?").visibility(seen_by));
            // A stranger's direct is filtered, so that only walks see it.
            story.flow_until("the mention is decided", async || story.decisions(&asked).await == 1).await;
            eventually("the reply is unclear", async || {
                story.reply_rows().await.iter().all(|row| row.state == State::Unknown)
            })
            .await;
            for seconds in [6, 25, 90, 200] {
                story.advance(seconds * SECOND).await;
            }
            assert!(is_out(story.reply_rows().await[0].state));
            story.answer_to(&asked).await;
            assert_eq!(posts(story), 1);
        });
    }
}

#[test]
fn an_unclear_reply_is_not_sent_again_to_somebody_who_said_stop_since() {
    tell(Scene::new(), async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::answer(500, "")));
        let asked = story.says("ada", "@eyes what is Rekognition?");
        story.decision(&asked).await;
        eventually("the reply is unclear", async || {
            story.reply_rows().await.iter().all(|row| row.state == State::Unknown)
        })
        .await;
        let stop = story.says("ada", "@eyes stop");
        story.answer_to(&stop).await;
        for seconds in [6, 25, 90, 200] {
            story.advance(seconds * SECOND).await;
        }
        assert_eq!(story.server().replies_to(&asked).len(), 0);
        assert_eq!(posts(story), 2, "the unclear reply and the confirmation");
    });
}

#[test]
fn a_yes_the_server_does_not_show_is_held_and_not_sent_again() {
    tell(one_post(), async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::Pretend));
        story.until("2026-11-27 09:00").await;
        for seconds in [6, 60, 600] {
            story.advance(seconds * SECOND).await;
        }
        story.expect_state("ring", State::Held).await;
        story.notice("does not show it").await;
        story.restart().await;
        story.advance(60 * MINUTE).await;
        assert_eq!(posts(story), 1);
    });
}

#[test]
fn a_kill_while_a_reply_is_on_its_way_makes_it_unknown_and_the_mention_is_not_answered_again() {
    tell(Scene::new(), async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::Hang { when: Moment::After, ms: None }));
        let asked = story.says("ada", "@eyes what is Rekognition?");
        story.server().wait_until(|state| state.hanging() == 1, SOON).await.unwrap();
        story.kill().await;
        story.start().await;
        let rows = story.reply_rows().await;
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].state, State::Unknown);
        story.advance(5 * MINUTE).await;
        assert!(is_out(story.reply_rows().await[0].state));
        story.restart().await;
        assert_eq!(story.decisions(&asked).await, 1);
        assert_eq!(story.server().replies_to(&asked).len(), 1);
        assert_eq!(story.requests(Endpoint::Create).len(), 1);
    });
}

#[test]
fn a_kill_while_a_picture_is_uploaded_returns_the_post_to_the_queue_and_it_goes_out_once() {
    let post = "---\nat: 2026-11-27 09:00\nmedia:\n  - { file: pixel.png, alt: \"One point\" }\n---\nLook.\n";
    tell(Scene::new(), async |story| {
        story.folder.picture("pixel.png");
        story.write_post("look", post).await;
        story.fault(Fault::on(Endpoint::Media, Trouble::Hang { when: Moment::Before, ms: None }));
        story.clock.advance(60 * MINUTE);
        story.server().wait_until(|state| state.hanging() == 1, SOON).await.unwrap();
        assert_eq!(story.states("look").await, ["claimed"]);
        story.kill().await;
        story.start().await;
        story.expect_sent("look").await;
        assert_eq!(story.texts("eyes"), ["Look."]);
        story.server().release();
    });
}

#[test]
fn a_file_renamed_while_queued_goes_out_once() {
    tell(one_post(), async |story| {
        story.folder.rename_post("ring", "moved/ring-renamed");
        story.files_seen().await;
        assert_eq!(story.rows("ring").await.len(), 0);
        story.until("2026-11-27 09:00").await;
        story.expect_sent("moved/ring-renamed").await;
        story.advance(60 * MINUTE).await;
        assert_eq!(story.texts("eyes").len(), 1);
    });
}

#[test]
fn a_sent_file_renamed_is_not_sent_again() {
    tell(one_post(), async |story| {
        story.until("2026-11-27 09:00").await;
        story.expect_sent("ring").await;
        story.folder.rename_post("ring", "ring-renamed");
        story.files_seen().await;
        story.advance(5 * MINUTE).await;
        story.expect_sent("ring-renamed").await;
        assert_eq!(story.texts("eyes").len(), 1);
    });
}

#[test]
fn a_sent_file_renamed_while_the_daemon_was_down_is_not_sent_again() {
    tell(one_post(), async |story| {
        story.until("2026-11-27 09:00").await;
        story.expect_sent("ring").await;
        story.stop().await.unwrap();
        story.folder.rename_post("ring", "ring-renamed");
        story.start().await;
        story.advance(5 * MINUTE).await;
        story.expect_sent("ring-renamed").await;
        assert_eq!(story.texts("eyes").len(), 1);
    });
}

#[test]
fn an_edit_after_sending_changes_nothing_and_posts_nothing() {
    tell(one_post(), async |story| {
        story.until("2026-11-27 09:00").await;
        story.expect_sent("ring").await;
        story.write_post("ring", "---\nat: 2026-11-27 10:00\n---\nOther words at another time.\n").await;
        story.until("2026-11-27 10:30").await;
        story.expect_sent("ring").await;
        assert_eq!(story.texts("eyes"), ["Ring works with the police."]);
    });
}

#[test]
fn a_sent_file_removed_and_put_back_is_not_sent_again() {
    tell(one_post(), async |story| {
        story.until("2026-11-27 09:00").await;
        story.expect_sent("ring").await;
        story.folder.remove_post("ring");
        story.files_seen().await;
        story.write_post("ring", AT_NINE).await;
        story.advance(5 * MINUTE).await;
        story.expect_sent("ring").await;
        assert_eq!(story.texts("eyes").len(), 1);
    });
}

#[test]
fn a_copy_of_a_sent_post_is_held_as_already_said() {
    tell(one_post(), async |story| {
        story.until("2026-11-27 09:00").await;
        story.expect_sent("ring").await;
        story.folder.copy_post("ring", "ring-copy");
        story.files_seen().await;
        let row = story.expect_state("ring-copy", State::Held).await.remove(0);
        assert!(row.reason.contains("already said"), "{}", row.reason);
        story.advance(60 * MINUTE).await;
        assert_eq!(story.texts("eyes").len(), 1);
    });
}

#[test]
fn a_copy_made_while_both_are_queued_is_held_once_the_first_went_out() {
    let scene = one_post().post("copy", "---\nat: 2026-11-27 10:00\n---\nRing works with the police.\n");
    tell(scene, async |story| {
        story.until("2026-11-27 09:00").await;
        story.expect_sent("ring").await;
        story.until("2026-11-27 10:00").await;
        let row = story.expect_state("copy", State::Held).await.remove(0);
        assert!(row.reason.contains("already said"), "{}", row.reason);
        assert_eq!(story.texts("eyes").len(), 1);
    });
}

#[test]
fn a_post_edited_into_what_was_said_already_is_held() {
    let scene = one_post().post("other", "---\nat: 2026-11-27 10:00\n---\nSomething else.\n");
    tell(scene, async |story| {
        story.until("2026-11-27 09:00").await;
        story.expect_sent("ring").await;
        story.write_post("other", "---\nat: 2026-11-27 10:00\n---\nRing works with the police.\n").await;
        story.until("2026-11-27 10:00").await;
        story.expect_state("other", State::Held).await;
        assert_eq!(story.texts("eyes").len(), 1);
    });
}

#[test]
fn a_held_copy_that_is_removed_and_put_back_stays_held() {
    tell(one_post(), async |story| {
        story.until("2026-11-27 09:00").await;
        story.expect_sent("ring").await;
        story.folder.copy_post("ring", "ring-copy");
        story.files_seen().await;
        story.expect_state("ring-copy", State::Held).await;
        story.folder.remove_post("ring-copy");
        story.files_seen().await;
        story.folder.copy_post("ring", "ring-copy");
        story.files_seen().await;
        story.advance(5 * MINUTE).await;
        assert_eq!(story.states("ring-copy").await, ["held"]);
        assert_eq!(story.texts("eyes").len(), 1);
    });
}

#[test]
fn a_held_copy_that_gets_words_of_its_own_goes_out() {
    tell(one_post(), async |story| {
        story.until("2026-11-27 09:00").await;
        story.expect_sent("ring").await;
        story.folder.copy_post("ring", "ring-copy");
        story.files_seen().await;
        story.expect_state("ring-copy", State::Held).await;
        story.write_post("ring-copy", "---\nat: 2026-11-27 09:00\n---\nWords of its own.\n").await;
        story.expect_sent("ring-copy").await;
        assert_eq!(story.texts("eyes"), ["Ring works with the police.", "Words of its own."]);
    });
}

#[test]
fn a_post_the_server_hid_is_looked_for_when_its_file_was_away_and_came_back() {
    tell(one_post(), async |story| {
        // The server has it, and shows it to nobody for a long time.
        story.fault(Fault::on(Endpoint::OwnStatuses, Trouble::Lag { seconds: 3_600 }).always());
        story.fault(Fault::on(Endpoint::Status, Trouble::answer(404, r#"{"error":"Record not found"}"#)).always());
        story.until("2026-11-27 09:00").await;
        for seconds in [6, 60, 600] {
            story.advance(seconds * SECOND).await;
        }
        story.expect_state("ring", State::Held).await;
        story.folder.remove_post("ring");
        story.files_seen().await;
        story.expect_state("ring", State::Cancelled).await;
        story.server().clear_faults();
        story.write_post("ring", AT_NINE).await;
        story.settle().await;
        story.expect_sent("ring").await;
        assert_eq!(posts(story), 1, "it was there all the time");
    });
}

#[test]
fn an_unclear_post_that_staff_cancelled_meanwhile_is_not_sent_again() {
    tell(one_post(), async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::answer(504, "")));
        story.until("2026-11-27 09:00").await;
        story.expect_state("ring", State::Unknown).await;
        let now = story.clock.now();
        let cancelled = story.store.steer_post(&PostId::new("ring"), Wish::Cancel, "no", now).await.unwrap();
        assert_eq!(cancelled.changed, 0, "it may be on the server");
        for seconds in [6, 25, 90] {
            story.advance(seconds * SECOND).await;
        }
        story.expect_state("ring", State::Cancelled).await;
        assert_eq!(posts(story), 1);
    });
}

#[test]
fn an_empty_database_does_not_repeat_what_the_account_already_shows() {
    let text = "Ring works with the police: https://pledge.eyesonamazon.example/ring?a=1&b=2 #EyesOnAmazon & “more”";
    let scene = Scene::new().post("ring", &format!("---\nat: 2026-11-27 09:00\n---\n{text}\n\nA second line.\n"));
    tell(scene, async |story| {
        story.until("2026-11-27 09:00").await;
        story.expect_sent("ring").await;
        // The database is lost; the same campaign starts on an empty one an hour later.
        story.lose_database().await;
        story.start().await;
        story.advance(5 * MINUTE).await;
        let row = story.expect_state("ring", State::Held).await.remove(0);
        assert!(row.reason.contains("already said"), "{}", row.reason);
        assert_eq!(story.said("eyes").len(), 1);
    });
}

#[test]
fn a_file_renamed_to_the_name_of_an_old_sent_post_stops_nothing() {
    tell(one_post(), async |story| {
        story.until("2026-11-27 09:00").await;
        story.expect_sent("ring").await;
        story.folder.remove_post("ring");
        story.files_seen().await;
        story.write_post("news", "---\nat: 2026-11-27 10:00\n---\nNews of today.\n").await;
        story.folder.rename_post("news", "ring");
        story.files_seen().await;
        story.notice("the name of an older post").await;
        story.write_post("next", "---\nat: 2026-11-27 10:30\n---\nThe daemon lives on.\n").await;
        story.until("2026-11-27 10:30").await;
        story.expect_sent("next").await;
        assert_eq!(story.texts("eyes").iter().filter(|text| text.starts_with("Ring works")).count(), 1);
    });
}

#[test]
fn a_second_daemon_on_the_same_database_is_refused() {
    tell(one_post(), async |story| {
        let refused = story.another_daemon().await.err().expect("a refusal");
        let words = format!("{refused:#}");
        assert!(words.contains("already") || words.contains("another") || words.contains("running"), "{words}");
        assert!(!words.contains(&token_of("eyes")));
        story.until("2026-11-27 09:00").await;
        story.expect_sent("ring").await;
    });
}

#[test]
fn a_stop_while_a_post_is_on_its_way_lets_it_finish_and_claims_nothing_more() {
    let scene = one_post().post("next", "---\nat: 2026-11-27 09:00:01\n---\nNot before the next start.\n");
    tell(scene, async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::Hang { when: Moment::Before, ms: None }));
        story.clock.advance(60 * MINUTE + Duration::from_secs(5));
        story.server().wait_until(|state| state.hanging() == 1, SOON).await.unwrap();
        let ending = story.ask_to_stop();
        story.server().release();
        ending.await.unwrap().unwrap();
        story.expect_sent("ring").await;
        assert_eq!(story.states("next").await, ["planned"]);
        story.start().await;
        story.expect_sent("next").await;
        eventually("both are said", async || story.said("eyes").len() == 2).await;
    });
}
