//! Posts go out at their time, once, as staff wrote them.

use std::time::Duration;

use watchpost::core::delivery::State;
use watchpost::core::ids::PostId;
use watchpost::core::post::Visibility;
use watchpost::sandbox::{Endpoint, Fault, Trouble};
use watchpost::store::deliveries::Wish;

use crate::harness::{Leftover, Scene, tell};

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

#[test]
fn a_slot_post_takes_the_slot_and_the_next_one_the_next() {
    let scene = Scene::new()
        .slots("eyes", r#"["Mon-Fri 09:00", "Sat 11:00"]"#)
        .post("010-first", "First in the queue.\n")
        .post("020-second", "Second in the queue.\n");
    tell(scene, async |story| {
        story.until("2026-11-27 08:59:59").await;
        assert_eq!(story.said("eyes").len(), 0);
        story.until("2026-11-27 09:00").await;
        story.expect_sent("010-first").await;
        assert_eq!(story.texts("eyes"), ["First in the queue."]);
        story.until("2026-11-28 10:59:59").await;
        assert_eq!(story.said("eyes").len(), 1);
        story.until("2026-11-28 11:00").await;
        story.expect_sent("020-second").await;
        assert_eq!(story.said("eyes").len(), 2);
    });
}

#[test]
fn a_slot_post_that_missed_its_slot_by_a_night_takes_the_next_one() {
    let scene = Scene::new().slots("eyes", r#"["Mon-Fri 09:00", "Sat 11:00"]"#).post("first", "First.\n");
    tell(scene, async |story| {
        story.stop().await.unwrap();
        story.clock.advance(Duration::from_secs(12 * 3_600));
        story.start().await;
        story.settle().await;
        assert_eq!(story.said("eyes").len(), 0);
        story.until("2026-11-28 11:00").await;
        story.expect_sent("first").await;
        assert_eq!(story.said("eyes").len(), 1);
    });
}

#[test]
fn an_every_post_goes_out_each_time_with_the_same_words() {
    let scene = Scene::new().post("pledge", "---\nevery: \"Fri,Sat 12:00\"\n---\nSign the pledge.\n");
    tell(scene, async |story| {
        story.until("2026-11-27 12:00").await;
        assert_eq!(story.said("eyes").len(), 1);
        story.until("2026-11-28 12:00").await;
        assert_eq!(story.said("eyes").len(), 2);
        story.restart().await;
        story.advance(5 * MINUTE).await;
        assert_eq!(story.texts("eyes"), ["Sign the pledge.", "Sign the pledge."]);
        story.may_leave(Leftover::Duplicates);
    });
}

#[test]
fn pictures_arrive_with_their_alt_texts_in_order() {
    let post = "---\nat: 2026-11-27 09:00\nmedia:\n  - { file: media/a.png, alt: \"The first\" }\n  \
                - { file: media/b.png, alt: \"The second\" }\n---\nLook.\n";
    tell(Scene::new(), async |story| {
        story.folder.picture("media/a.png");
        story.folder.picture("media/b.png");
        story.write_post("look", post).await;
        story.fault(Fault::on(Endpoint::Media, Trouble::Processing { looks: 2 }));
        story.until("2026-11-27 09:00").await;
        story.expect_sent("look").await;
        let said = story.said("eyes").remove(0);
        let alts: Vec<_> = said.media.iter().map(|media| media.description.as_deref()).collect();
        assert_eq!(alts, [Some("The first"), Some("The second")]);
        assert!(said.media.iter().all(|media| media.mime == "image/png"));
    });
}

#[test]
fn warning_language_visibility_and_poll_arrive() {
    let quiet = "---\nat: 2026-11-27 09:00\ncw: \"policing\"\nlang: es\nvisibility: unlisted\n---\nSobre la policía.\n";
    let poll = "---\nat: 2026-11-27 09:01\npoll: { options: [\"Yes\", \"No\"], lasts: 1d }\n---\nShould Amazon stop?\n";
    tell(Scene::new().post("quiet", quiet).post("poll", poll), async |story| {
        story.until("2026-11-27 09:01").await;
        story.expect_sent("quiet").await;
        story.expect_sent("poll").await;
        let said = story.said("eyes");
        assert_eq!((said[0].cw.as_str(), said[0].language.as_deref()), ("policing", Some("es")));
        assert_eq!(said[0].visibility, Visibility::Unlisted);
        assert_eq!(said[1].poll, ["Yes", "No"]);
        assert_eq!(said[1].visibility, Visibility::Public);
    });
}

#[test]
fn a_broken_file_stops_nothing_else_and_raises_a_notice_until_it_is_mended() {
    let scene = Scene::new().post("good", "---\nat: 2026-11-27 09:00\n---\nGood words.\n");
    tell(scene, async |story| {
        story.write_post("bad", "---\nat: tomorrow-ish\nacounts: [eyes]\n---\nBad.\n").await;
        story.notice("bad.md").await;
        story.until("2026-11-27 09:00").await;
        story.expect_sent("good").await;
        story.write_post("bad", "---\nat: 2026-11-27 09:30\n---\nMended.\n").await;
        story.notice_gone("bad.md").await;
        story.until("2026-11-27 09:30").await;
        story.expect_sent("bad").await;
    });
}

/// Editors that save by renaming take a file away for a moment; answers do not end with it.
#[test]
fn facts_that_vanish_while_it_runs_are_remembered_and_missed_aloud() {
    tell(Scene::new(), async |story| {
        let file = story.folder.path().join("config/facts.toml");
        let text = std::fs::read(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        story.notice("the file is gone").await;
        let asked = story.says("ada", "@eyes what is Rekognition?");
        story.answer_to(&asked).await;
        std::fs::write(&file, text).unwrap();
        story.notice_gone("the file is gone").await;
    });
}

#[test]
fn an_example_that_is_written_while_it_runs_is_obeyed_and_stays_obeyed_when_its_file_vanishes() {
    tell(Scene::new(), async |story| {
        let folder = story.folder.path().join("config/examples");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("asked.txt");
        // The second line is a mistake: its notice says that the first was read.
        std::fs::write(&file, "ring en | the moon is big tonight\nrign | who\n").unwrap();
        story.notice("no fact has the topic “rign”").await;
        let asked = story.says("ada", "@eyes The moon is big tonight!");
        assert!(story.answer_to(&asked).await.text.contains("Ring"));
        std::fs::remove_file(&file).unwrap();
        story.notice("its examples are gone").await;
        let asked = story.says("bob", "@eyes the moon is big tonight");
        story.answer_to(&asked).await;
    });
}

#[test]
fn settings_that_break_while_it_runs_change_nothing_until_they_are_mended() {
    let scene = Scene::new().post("good", "---\nat: 2026-11-27 09:00\n---\nGood words.\n");
    tell(scene, async |story| {
        let settings = story.folder.path().join("config/watchpost.toml");
        let whole = std::fs::read_to_string(&settings).unwrap();
        std::fs::write(&settings, "[campaign\n").unwrap();
        story.notice("watchpost.toml").await;
        story.until("2026-11-27 09:00").await;
        story.expect_sent("good").await;
        std::fs::write(&settings, whole).unwrap();
        story.notice_gone("watchpost.toml").await;
    });
}

#[test]
fn an_expired_post_gets_a_row_that_says_so_on_every_part() {
    let scene = Scene::new()
        .post("seen-late", "---\nat: 2026-11-26 09:00\n---\nOld one.\n---\nOld two.\n")
        .post("slept-through", "---\nat: 2026-11-27 09:00\nexpires: 2026-11-27 10:00\n---\nShort-lived.\n---\nMore.\n");
    tell(scene, async |story| {
        assert_eq!(story.states("seen-late").await, ["expired", "expired"]);
        story.stop().await.unwrap();
        story.clock.advance(3 * 60 * MINUTE);
        story.start().await;
        story.settle().await;
        let rows = story.expect_state("slept-through", State::Expired).await;
        assert!(rows.iter().all(|row| !row.reason.is_empty()), "{rows:?}");
        assert_eq!(story.said("eyes").len(), 0);
    });
}

#[test]
fn after_an_outage_three_late_posts_leave_five_minutes_apart_and_the_rest_is_held() {
    let mut scene = Scene::new();
    for number in 1..=5 {
        let text = format!("---\nat: 2026-11-27 09:0{number}\n---\nLate number {number}.\n");
        scene = scene.post(&format!("late-{number}"), &text);
    }
    tell(scene, async |story| {
        story.stop().await.unwrap();
        story.clock.advance(2 * 60 * MINUTE);
        story.start().await;
        story.settle().await;
        assert_eq!(story.texts("eyes"), ["Late number 1."]);
        for count in [2, 3, 3, 3] {
            story.advance(5 * MINUTE - Duration::from_secs(1)).await;
            assert!(story.said("eyes").len() < count || count == 3, "sooner than five minutes");
            story.advance(Duration::from_secs(1)).await;
            assert_eq!(story.said("eyes").len(), count);
        }
        assert_eq!(story.states("late-4").await, ["held"]);
        assert_eq!(story.states("late-5").await, ["held"]);
        story.notice("three late posts").await;
        let now = story.clock.now();
        story.store.steer_post(&PostId::new("late-5"), Wish::Release, "yes", now).await.unwrap();
        story.expect_sent("late-5").await;
    });
}

#[test]
fn a_late_post_within_a_quarter_of_an_hour_is_sent_at_once() {
    let mut scene = Scene::new();
    for number in 1..=4 {
        let text = format!("---\nat: 2026-11-27 09:0{number}\n---\nNumber {number}.\n");
        scene = scene.post(&format!("post-{number}"), &text);
    }
    tell(scene, async |story| {
        story.stop().await.unwrap();
        story.clock.advance(70 * MINUTE);
        story.start().await;
        story.settle().await;
        assert_eq!(story.said("eyes").len(), 4);
    });
}

#[test]
fn a_post_moved_to_a_later_time_while_its_server_is_down_waits_for_that_time() {
    let scene = Scene::new().post("ring", "---\nat: 2026-11-27 09:00\n---\nRing.\n");
    tell(scene, async |story| {
        story.stop().await.unwrap();
        story.close_server(0).await;
        story.start().await;
        story.clock.advance(65 * MINUTE);
        story.write_post("ring", "---\nat: 2026-11-27 11:00\n---\nRing.\n").await;
        story.open_server(0).await;
        let ctx = story.ctx();
        story.flow_until("the account is linked", async || ctx.accounts["eyes"].link().is_some()).await;
        story.settle().await;
        assert_eq!(story.said("eyes").len(), 0, "it was moved to eleven");
        story.until("2026-11-27 11:00").await;
        story.expect_sent("ring").await;
    });
}

#[test]
fn a_part_removed_from_a_thread_under_way_is_not_said() {
    let scene = Scene::new().post("thread", "---\nat: 2026-11-27 09:00\n---\nOne.\n---\nTwo, by mistake.\n");
    tell(scene, async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::accepted_but(500)));
        story.until("2026-11-27 09:00").await;
        assert_eq!(story.states("thread").await, ["unknown", "planned"]);
        story.write_post("thread", "---\nat: 2026-11-27 09:00\n---\nOne.\n").await;
        story.advance(10 * MINUTE).await;
        story.advance(MINUTE).await;
        assert_eq!(story.texts("eyes"), ["One."]);
    });
}
