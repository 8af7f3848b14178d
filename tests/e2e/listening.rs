//! Every mention is heard once: by the stream, by walks, over restarts and strange pages.

use std::time::Duration;

use watchpost::core::post::Visibility;
use watchpost::sandbox::{Draft, Endpoint, Existence, Fault, Moment, Sorting, StreamEnd, Trouble};

use crate::harness::{SOON, Scene, Story, eventually, is_out, tell};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const QUESTION: &str = "@eyes what is Rekognition?";

fn without_streaming() -> Scene {
    Scene::new().server(|profile| profile.streaming = Existence::Absent)
}

#[test]
fn a_mention_by_stream_is_answered_once_with_fact_source_date_and_link_to_the_asker_only() {
    tell(Scene::new(), async |story| {
        story.streaming("eyes").await;
        let asked = story.says("ada", "@eyes what is Rekognition? @bob should see this");
        let answer = story.answer_to(&asked).await;
        assert!(answer.text.starts_with("@ada "), "{}", answer.text);
        assert_eq!(answer.mentions, ["ada"]);
        assert_eq!(answer.visibility, Visibility::Unlisted);
        assert_eq!(answer.in_reply_to.as_deref(), Some(asked.as_str()));
        for needed in ["Rekognition", "pledge page", "2021", "Sign the pledge: https://"] {
            assert!(answer.text.contains(needed), "{needed:?} is missing in {}", answer.text);
        }
        story.advance(2 * MINUTE).await;
        story.restart().await;
        story.answer_to(&asked).await;
        assert_eq!(story.decisions(&asked).await, 1);
    });
}

#[test]
fn a_mention_only_polling_shows_is_answered() {
    tell(Scene::new(), async |story| {
        story.streaming("eyes").await;
        story.fault(Fault::on(Endpoint::Push, Trouble::NotPushed));
        let asked = story.says("ada", QUESTION);
        story.flow_until("the mention is decided", async || story.decisions(&asked).await == 1).await;
        story.answer_to(&asked).await;
    });
}

/// How old a mention is cannot be told by a clock that nobody confirms: it waits, and people are told.
#[test]
fn a_mention_waits_for_a_clock_that_is_believed() {
    tell(Scene::new(), async |story| {
        story.stop().await.unwrap();
        story.fault(Fault::on(Endpoint::Any, Trouble::Date { seconds: -30 * 3_600 }).always());
        let asked = story.says("ada", QUESTION);
        let stop = story.says("bob", "@eyes stop");
        story.start_without_waiting().await.unwrap();
        story.flow_until_notice("this machine's clock says").await;
        assert_eq!(story.decisions(&asked).await + story.decisions(&stop).await, 0);
        story.server().clear_faults();
        story.flow_until("the mention is decided", async || story.decisions(&asked).await == 1).await;
        story.answer_to(&asked).await;
        story.answer_to(&stop).await;
        story.notice_gone("this machine's clock says").await;
    });
}

#[test]
fn a_server_without_streaming_works_fully() {
    tell(without_streaming(), async |story| {
        let asked = story.says("ada", QUESTION);
        story.flow_until("the mention is decided", async || story.decisions(&asked).await == 1).await;
        story.answer_to(&asked).await;
        let stop = story.says("ada", "@eyes stop");
        story.flow_until("the stop is decided", async || story.decisions(&stop).await == 1).await;
        story.answer_to(&stop).await;
    });
}

#[test]
fn mentions_while_the_daemon_was_down_are_answered_after_the_restart() {
    tell(Scene::new(), async |story| {
        story.stop().await.unwrap();
        let first = story.says("ada", QUESTION);
        story.clock.advance(MINUTE);
        let second = story.says("bob", "@eyes what does Palantir have to do with Amazon?");
        story.clock.advance(MINUTE);
        story.start().await;
        story.answer_to(&first).await;
        story.answer_to(&second).await;
    });
}

#[test]
fn mentions_on_many_pages_are_all_decided_after_a_night() {
    tell(Scene::new().settings("[replies]\nmax_age = \"30m\""), async |story| {
        story.stop().await.unwrap();
        for number in 0..250 {
            story.says(&format!("asker{number}"), QUESTION);
        }
        story.clock.advance(60 * MINUTE);
        story.start().await;
        eventually("every mention has its decision", async || story.store.heard(1_000).await.unwrap().len() == 250)
            .await;
        assert!(story.store.heard(1_000).await.unwrap().iter().all(|heard| heard.reason.contains("max_age")));
        assert_eq!(story.said("eyes").len(), 0);
    });
}

#[test]
fn a_mention_older_than_max_age_is_decided_and_not_answered() {
    tell(Scene::new(), async |story| {
        story.stop().await.unwrap();
        let asked = story.says("ada", QUESTION);
        story.clock.advance(25 * 60 * MINUTE);
        story.start().await;
        story.expect_silence(&asked, "max_age").await;
    });
}

#[test]
fn what_was_written_before_we_listened_is_not_answered() {
    tell(Scene::new(), async |story| {
        let text = "@eyes is Rekognition still sold?";
        story.lose_database().await;
        let asked = story.says("ada", text);
        story.clock.advance(MINUTE);
        story.start().await;
        story.advance(2 * MINUTE).await;
        let heard = story.store.heard(10).await.unwrap();
        assert!(heard.iter().all(|heard| heard.reason.contains("before we listened")), "{heard:?}");
        assert_eq!(story.server().replies_to(&asked).len(), 0);
    });
}

#[test]
fn a_page_with_a_malformed_and_an_unknown_notification_hides_nothing() {
    tell(without_streaming(), async |story| {
        story.fault(Fault::on(Endpoint::Notifications, Trouble::MalformedNotification));
        story.fault(Fault::on(Endpoint::Notifications, Trouble::UnknownNotification));
        story.fault(Fault::on(Endpoint::Notifications, Trouble::UnknownWords));
        let first = story.says("ada", QUESTION);
        story.flow_until("the mention is decided", async || story.decisions(&first).await == 1).await;
        story.answer_to(&first).await;
    });
}

#[test]
fn a_stream_that_dies_silently_is_made_good_by_the_next_walk() {
    tell(Scene::new(), async |story| {
        story.streaming("eyes").await;
        story.server().end_streams(Some("eyes"), StreamEnd::Silence);
        let asked = story.says("ada", QUESTION);
        story.flow_until("the mention is decided", async || story.decisions(&asked).await == 1).await;
        story.answer_to(&asked).await;
    });
}

#[test]
fn a_stream_that_is_cut_is_opened_again_and_what_came_between_is_answered() {
    tell(Scene::new(), async |story| {
        story.streaming("eyes").await;
        story.server().end_streams(Some("eyes"), StreamEnd::Cut);
        let asked = story.says("ada", QUESTION);
        story.flow_until("the mention is decided", async || story.decisions(&asked).await == 1).await;
        story.answer_to(&asked).await;
        story
            .flow_until("the stream is open again", async || story.server().look(|state| state.streams("eyes") == 1))
            .await;
        let again = story.says("bob", QUESTION);
        story.answer_to(&again).await;
    });
}

#[test]
fn a_mention_that_comes_by_stream_and_by_walk_at_once_is_answered_once() {
    tell(Scene::new(), async |story| {
        story.streaming("eyes").await;
        let mut asked = Vec::new();
        for number in 0..8 {
            asked.push(story.says(&format!("asker{number}"), QUESTION));
            // A walk is due at the same moment.
            story.clock.advance(61 * SECOND);
        }
        // A hand that moves a minute between arming and sending makes the record stale: such a reply goes a bit later.
        story
            .flow_until("all are answered", async || {
                let rows = story.reply_rows().await;
                rows.len() == asked.len() && rows.iter().all(|row| is_out(row.state))
            })
            .await;
        for mention in &asked {
            story.answer_to(mention).await;
            assert_eq!(story.decisions(mention).await, 1);
        }
    });
}

#[test]
fn a_walk_that_fails_while_a_reply_is_on_its_way_does_not_lose_its_outcome() {
    tell(Scene::new(), async |story| {
        let asked = reply_under_way(story).await;
        story.fault(Fault::on(Endpoint::Notifications, Trouble::answer(500, "")).times(1));
        eventually("a walk failed", async || {
            story.clock.advance(SECOND);
            story.requests(Endpoint::Notifications).iter().any(|seen| seen.status == Some(500))
        })
        .await;
        story.server().release();
        eventually("the reply's outcome is recorded", async || is_out(story.reply_rows().await[0].state)).await;
        story.answer_to(&asked).await;
    });
}

#[test]
fn a_walk_that_hangs_does_not_keep_streamed_mentions_waiting() {
    tell(Scene::new(), async |story| {
        story.streaming("eyes").await;
        story.fault(Fault::on(Endpoint::Notifications, Trouble::Hang { when: Moment::Before, ms: None }));
        eventually("a walk hangs", async || {
            story.clock.advance(SECOND);
            story.server().look(|state| state.hanging() == 1)
        })
        .await;
        let asked = story.says("ada", QUESTION);
        story.answer_to(&asked).await;
        story.server().release();
    });
}

async fn reply_under_way(story: &Story) -> watchpost::core::ids::StatusId {
    story.streaming("eyes").await;
    story.fault(Fault::on(Endpoint::Create, Trouble::Hang { when: Moment::Before, ms: None }));
    let asked = story.says("ada", QUESTION);
    story.server().wait_until(|state| state.hanging() == 1, SOON).await.unwrap();
    asked
}

#[test]
fn a_filtered_direct_mention_is_heard_and_answered_direct() {
    tell(Scene::new(), async |story| {
        let asked = story.writes("stranger@far.example", Draft::new(QUESTION).visibility(Visibility::Direct));
        story.flow_until("the mention is decided", async || story.decisions(&asked).await == 1).await;
        let answer = story.answer_to(&asked).await;
        assert_eq!(answer.visibility, Visibility::Direct);
        assert!(answer.text.starts_with("@stranger@far.example "), "{}", answer.text);
    });
}

#[test]
fn a_stop_during_a_walk_ends_it_at_once_and_nobody_is_forgotten() {
    tell(Scene::new(), async |story| {
        story.stop().await.unwrap();
        let asked: Vec<_> = (0..100).map(|n| story.says(&format!("asker{n}"), QUESTION)).collect();
        let hang = Trouble::Hang { when: Moment::Before, ms: None };
        story.fault(Fault::on(Endpoint::Notifications, Trouble::UnknownWords));
        story.fault(Fault::on(Endpoint::Notifications, hang));
        story.start_without_waiting().await.unwrap();
        story.server().wait_until(|state| state.hanging() == 1, SOON).await.unwrap();
        // The second page hangs, and is not waited for.
        let ended = story.ask_to_stop();
        tokio::time::timeout(SOON, ended).await.expect("it stops at once").unwrap().unwrap();
        assert_eq!(story.store.heard(1_000).await.unwrap(), [], "nothing was decided after the word to stop");
        story.server().release();
        story.start().await;
        for mention in &asked {
            story.decision(mention).await;
        }
    });
}

#[test]
fn who_asks_and_says_stop_before_we_look_gets_no_answer() {
    tell(without_streaming(), async |story| {
        // Nobody looks until all is said.
        story.stop().await.unwrap();
        let mut asked = Vec::new();
        let mut stopped = Vec::new();
        for number in 0..5 {
            let who = format!("asker{number}");
            asked.push(story.says(&who, QUESTION));
            stopped.push(story.says(&who, "@eyes stop"));
        }
        let changed_mind = story.says("luz", "@eyes stop");
        story.says("luz", "@eyes start");
        let again = story.says("luz", QUESTION);
        story.start().await;
        story.flow_until("all are decided", async || story.store.heard(100).await.unwrap().len() == 13).await;
        for mention in &asked {
            story.expect_silence(mention, "said stop").await;
        }
        for mention in stopped.iter().chain([&changed_mind, &again]) {
            story.answer_to(mention).await;
        }
    });
}

#[test]
fn a_stream_that_cannot_be_opened_is_asked_for_less_and_less_often_and_polling_hears_all() {
    tell(Scene::new(), async |story| {
        story.streaming("eyes").await;
        story.fault(Fault::on(Endpoint::Stream, Trouble::answer(500, "")).always());
        story.server().end_streams(Some("eyes"), StreamEnd::Cut);
        let (streams, polls) =
            (|| story.requests(Endpoint::Stream).len(), || story.requests(Endpoint::Notifications).len());
        let (streams_before, polls_before) = (streams(), polls());
        let until = story.clock.now() + chrono::Duration::minutes(15);
        while story.clock.now() < until {
            let seen = polls();
            story.clock.advance(12 * SECOND);
            story.flow_until("a poll", async || polls() > seen).await;
        }
        assert!(polls() - polls_before >= 30, "{} polls", polls() - polls_before);
        // In a quarter of an hour at about 0, 5, 15, 35, 75, 155, 315 and 615 s, each when the next poll is due.
        let tried = streams() - streams_before;
        assert!((3..=12).contains(&tried), "{tried} attempts to open a stream");
        let asked = story.says("ada", QUESTION);
        story.flow_until("the mention is decided", async || story.decisions(&asked).await == 1).await;
        story.answer_to(&asked).await;
        story.server().clear_faults();
        story
            .flow_until("the stream is open again", async || story.server().look(|state| state.streams("eyes") == 1))
            .await;
    });
}

/// A server that does not sort its pages, and shows few at once.
fn unsorted(sorting: Sorting, page: usize) -> Scene {
    without_streaming().server(|profile| {
        profile.sorting = sorting;
        profile.notifications_page_max = page;
    })
}

async fn every_one_is_decided(story: &Story, count: usize) {
    story
        .flow_until("every mention has its decision", async || story.store.heard(1_000).await.unwrap().len() == count)
        .await;
}

#[test]
fn new_mentions_behind_pages_of_old_ones_are_read() {
    tell(unsorted(Sorting::OldestFirst, 10), async |story| {
        for number in 0..50 {
            story.says(&format!("asker{number}"), "@eyes good morning");
            story.clock.advance(SECOND * 5);
        }
        every_one_is_decided(story, 50).await;
        story.advance(10 * MINUTE).await;
        let late: Vec<_> = (0..8).map(|number| story.says(&format!("late{number}"), QUESTION)).collect();
        every_one_is_decided(story, 58).await;
        story.answer_to(&late[7]).await;
        // All pages are not read at each look.
        let before = story.requests(Endpoint::Notifications).len();
        for _ in 0..20 {
            story.advance(15 * SECOND).await;
        }
        let looks = story.requests(Endpoint::Notifications).len() - before;
        assert!(looks <= 60, "{looks} requests within five minutes");
    });
}

#[test]
fn new_mentions_strewn_over_pages_of_old_ones_are_read() {
    tell(unsorted(Sorting::Shuffled, 20), async |story| {
        for number in 0..60 {
            story.says(&format!("asker{number}"), "@eyes good morning");
        }
        every_one_is_decided(story, 60).await;
        for number in 0..20 {
            story.says(&format!("late{number}"), "@eyes good evening");
        }
        every_one_is_decided(story, 80).await;
    });
}

/// One mention with a wrong date on top is no end.
#[test]
fn one_old_date_on_the_newest_page_hides_nothing_behind_it() {
    tell(without_streaming().server(|profile| profile.notifications_page_max = 1), async |story| {
        let before = story.clock.now();
        story.advance(MINUTE).await;
        let asked: Vec<_> = (0..5).map(|number| story.says(&format!("asker{number}"), QUESTION)).collect();
        let dated = story.says("liar", QUESTION);
        story.server().date(&dated, before - chrono::Duration::days(40)).unwrap();
        for mention in &asked {
            story.flow_until("the mention is decided", async || story.decisions(mention).await == 1).await;
        }
    });
}

#[test]
fn a_server_whose_pages_are_too_long_to_be_read_is_a_notice() {
    tell(without_streaming(), async |story| {
        let endless = format!("[\"{}\"]", "x".repeat(9 << 20));
        story.fault(Fault::on(Endpoint::Notifications, Trouble::answer(200, endless)).always());
        story.flow_until_notice("notifications of eyes cannot be read").await;
        assert!(story.notice("cannot be read").await.text.contains("longer than 8 MB"));
        story.server().clear_faults();
        story.flow_until("the notice goes", async || story.store.notices().await.unwrap().is_empty()).await;
    });
}
