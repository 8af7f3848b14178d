//! A mention that is over a minute old is looked at again before it is answered, and so is every reply that waited:
//! what is gone, narrowed, edited or answered by hand is left in peace.

use std::time::Duration;

use watchpost::core::delivery::State;
use watchpost::core::ids::StatusId;
use watchpost::core::post::Visibility;
use watchpost::sandbox::{Draft, Endpoint, Fault, Idempotency, Moment, Trouble};

use crate::harness::{Leftover, Scene, Story, eventually, tell};
use crate::terminal::{json, stdout, watchpost};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const QUESTION: &str = "@eyes what is Rekognition?";

/// Somebody asks while the daemon is down; two minutes later it starts.
async fn asked_while_down(story: &mut Story, draft: Draft) -> StatusId {
    story.stop().await.unwrap();
    let asked = story.writes("ada", draft);
    story.clock.advance(2 * MINUTE);
    asked
}

#[test]
fn a_mention_that_still_stands_is_answered_after_one_more_look() {
    tell(Scene::new(), async |story| {
        let asked = asked_while_down(story, Draft::new(QUESTION)).await;
        story.start().await;
        story.answer_to(&asked).await;
        let looks = story.requests(Endpoint::Status).iter().filter(|seen| seen.path.contains(asked.as_str())).count();
        assert_eq!(looks, 1);
        let fresh = story.says("bob", QUESTION);
        story.answer_to(&fresh).await;
        let looks = story.requests(Endpoint::Status).iter().filter(|seen| seen.path.contains(fresh.as_str())).count();
        assert_eq!(looks, 0, "a fresh mention costs no look");
    });
}

#[test]
fn what_our_people_answered_by_hand_is_not_answered_again() {
    tell(Scene::new().with_vigila(), async |story| {
        let by_hand = asked_while_down(story, Draft::new(QUESTION)).await;
        story.server().reply("eyes", &by_hand, "@ada it is a face scanner.").unwrap();
        let by_other = story.writes("bob", Draft::new(QUESTION));
        story.server().reply("vigila", &by_other, "@bob it is a face scanner.").unwrap();
        let by_stranger = story.writes("eve", Draft::new(QUESTION));
        story.server().reply("zoe", &by_stranger, "@eve I wonder too").unwrap();
        story.clock.advance(2 * MINUTE);
        story.start().await;
        for mention in [&by_hand, &by_other] {
            let decided = story.decision_by(Some("eyes"), mention).await;
            assert_eq!(decided.decision, "silent", "{}", decided.reason);
            assert!(decided.reason.contains("by hand"), "{}", decided.reason);
        }
        let decided = story.decision_by(Some("eyes"), &by_stranger).await;
        assert_eq!(decided.decision, "answer", "{}", decided.reason);
        story.settle().await;
        assert_eq!(story.server().replies_to(&by_stranger).len(), 2);
    });
}

#[test]
fn a_reply_that_waited_for_the_server_is_not_sent_to_what_is_gone_by_then() {
    tell(Scene::new(), async |story| {
        story.streaming("eyes").await;
        story.fault(Fault::on(Endpoint::Create, Trouble::TooMany { reset_in: Some(300) }));
        let gone = story.says("ada", QUESTION);
        eventually("the reply waits", async || {
            let rows = story.reply_rows().await;
            rows.len() == 1 && rows[0].state == State::Planned
        })
        .await;
        let narrowed = story.says("bob", QUESTION);
        let edited = story.says("eve", QUESTION);
        let stands = story.says("zoe", QUESTION);
        for mention in [&narrowed, &edited, &stands] {
            assert_eq!(story.decision(mention).await.decision, "answer");
        }
        story.server().delete(&gone).unwrap();
        story.server().edit(&edited, &Draft::new("never mind")).unwrap();
        story.server().edit(&stands, &Draft::new("@eyes what is Rekognition, please?")).unwrap();
        story.clock.advance(6 * MINUTE);
        eventually("all have an end", async || {
            story
                .reply_rows()
                .await
                .iter()
                .all(|row| !matches!(row.state, State::Planned | State::Claimed | State::Armed))
        })
        .await;
        story.settle().await;
        assert_eq!(story.server().replies_to(&gone), []);
        assert_eq!(story.server().replies_to(&edited), []);
        assert_eq!(story.server().replies_to(&stands).len(), 1);
        let rows = story.reply_rows().await;
        let cancelled: Vec<&str> =
            rows.iter().filter(|row| row.state == State::Cancelled).map(|row| row.reason.as_str()).collect();
        assert_eq!(cancelled.len(), 2, "{cancelled:?}");
        assert!(cancelled.iter().all(|reason| reason.contains("gone")), "{cancelled:?}");
        let said = story.said("eyes");
        assert!(said.iter().all(|status| status.in_reply_to.is_some()), "nothing stands alone");
        // Staff are not told that we said it.
        let page = stdout(&watchpost(story, &["mentions", "show", gone.as_str()]));
        assert!(page.contains("not sent") && page.contains("gone") && !page.contains("we said"), "{page}");
        assert!(stdout(&watchpost(story, &["mentions", "list"])).contains("answer, not sent"));
        let coverage = json(story, &["facts", "coverage", "--json"]);
        assert_eq!((&coverage["topics"][0]["asked"], &coverage["topics"][0]["answered"]), (&4.into(), &2.into()));
    });
}

/// What the question says when its answer leaves is what counts, not what it said when it was decided.
#[test]
fn a_question_that_was_changed_while_its_answer_waited_is_read_anew() {
    tell(Scene::new(), async |story| {
        story.streaming("eyes").await;
        story.fault(Fault::on(Endpoint::Create, Trouble::TooMany { reset_in: Some(300) }));
        let first = story.says("ada", QUESTION);
        eventually("the reply waits", async || {
            let rows = story.reply_rows().await;
            rows.len() == 1 && rows[0].state == State::Planned
        })
        .await;
        let stops = story.says("bob", QUESTION);
        let other = story.says("eve", QUESTION);
        let warned = story.says("zoe", QUESTION);
        for mention in [&stops, &other, &warned] {
            assert_eq!(story.decision(mention).await.decision, "answer");
        }
        story.clock.advance(MINUTE);
        story.server().edit(&stops, &Draft::new("@eyes stop")).unwrap();
        story.server().edit(&other, &Draft::new("@eyes what is Project Nimbus?")).unwrap();
        story.server().edit(&warned, &Draft::new(QUESTION).warning("policing")).unwrap();
        story.clock.advance(5 * MINUTE);
        eventually("all have an end", async || {
            let rows = story.reply_rows().await;
            rows.iter().all(|row| !matches!(row.state, State::Planned | State::Claimed | State::Armed))
        })
        .await;
        story.settle().await;
        assert_eq!(story.server().replies_to(&first).len(), 1);
        assert_eq!((story.server().replies_to(&stops), story.server().replies_to(&other)), (vec![], vec![]));
        assert_eq!(story.answer_to(&warned).await.cw, "policing");
        assert_eq!(story.store.opt_outs().await.unwrap().len(), 1);
        let rows = story.reply_rows().await;
        let why = |words: &str| rows.iter().filter(|row| row.reason.contains(words)).count();
        assert_eq!((why("stop"), why("something else")), (1, 1), "{rows:?}");
    });
}

#[test]
fn a_mention_that_was_changed_into_a_stop_is_obeyed_once() {
    tell(Scene::new(), async |story| {
        let asked = story.says("ada", QUESTION);
        story.answer_to(&asked).await;
        story.advance(MINUTE).await;
        story.server().edit(&asked, &Draft::new("@eyes stop")).unwrap();
        story.flow_until("the stop is obeyed", async || story.store.opt_outs().await.unwrap().len() == 1).await;
        assert_eq!(story.server().replies_to(&asked).len(), 1, "and not answered a second time");
        let start = story.says("ada", "@eyes start");
        story.answer_to(&start).await;
        assert!(story.store.opt_outs().await.unwrap().is_empty());
        // The page of notifications still shows the old one.
        story.advance(3 * MINUTE).await;
        assert!(story.store.opt_outs().await.unwrap().is_empty());
        let again = story.says("ada", "@eyes what is Project Nimbus?");
        story.answer_to(&again).await;
    });
}

#[test]
fn an_edit_is_no_new_mention() {
    tell(Scene::new(), async |story| {
        let asked = story.says("ada", QUESTION);
        story.answer_to(&asked).await;
        let silent = story.says("bob", "@eyes lovely weather");
        story.expect_silence(&silent, "no keyword").await;
        story.server().edit(&asked, &Draft::new("@eyes what is Rekognition, really?")).unwrap();
        story.server().edit(&silent, &Draft::new(QUESTION)).unwrap();
        story.advance(2 * MINUTE).await;
        story.restart().await;
        story.advance(2 * MINUTE).await;
        assert_eq!(story.decisions(&asked).await, 1);
        assert_eq!(story.server().replies_to(&asked).len(), 1);
        assert_eq!(story.server().replies_to(&silent), []);
    });
}

#[test]
fn a_policy_that_forbids_replies_or_wants_to_approve_them_is_respected() {
    tell(Scene::new(), async |story| {
        let nobody = story.writes("ada", Draft::new(QUESTION).replies_from(&["author"], &[]));
        story.expect_silence(&nobody, "does not let us reply").await;
        let asks = story.writes("bob", Draft::new(QUESTION).replies_from(&["author"], &["public", "me"]));
        story.expect_silence(&asks, "approve").await;
        let everybody = story.writes("eve", Draft::new(QUESTION).replies_from(&["public", "me"], &[]));
        story.answer_to(&everybody).await;
        let stop = story.writes("ada", Draft::new("@eyes stop").replies_from(&["author"], &[]));
        let decided = story.decision(&stop).await;
        assert_eq!((decided.decision.as_str(), decided.delivery), ("command", None), "{}", decided.reason);
        assert_eq!(story.store.opt_outs().await.unwrap().len(), 1);
    });
}

#[test]
fn a_look_that_fails_leaves_the_reply_waiting_and_loses_nothing() {
    tell(Scene::new(), async |story| {
        let asked = asked_while_down(story, Draft::new(QUESTION)).await;
        story.fault(Fault::on(Endpoint::Status, Trouble::answer(500, "")).times(2));
        story.start().await;
        story.flow_until("the mention is answered", async || !story.server().replies_to(&asked).is_empty()).await;
        story.answer_to(&asked).await;
    });
}

#[test]
fn a_private_warning_is_kept_in_the_answer_and_stored_nowhere() {
    let secret = "xylophone-canary-8841";
    for keeps in [true, false] {
        let scene = Scene::new().server(|profile| {
            if !keeps {
                *profile = watchpost::sandbox::Profile::mitra();
            }
        });
        tell(scene, async |story| {
            // The first reply waits in the ledger, the second leaves at once.
            story.fault(Fault::on(Endpoint::Create, Trouble::TooMany { reset_in: Some(30) }));
            for who in ["ada", "bob"] {
                let draft = Draft::new(QUESTION).visibility(Visibility::Direct).warning(secret);
                let asked = story.writes(who, draft);
                story
                    .flow_until("the mention is answered", async || !story.server().replies_to(&asked).is_empty())
                    .await;
                let answer = story.answer_to(&asked).await;
                assert!(format!("{} {}", answer.cw, answer.text).contains(secret), "{answer:?}");
            }
            story.stop().await.unwrap();
            let bytes = story.folder.database_bytes();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "stored");
            story.start().await;
            story.may_leave(Leftover::StandingFaults);
        });
    }
}

#[test]
fn a_reply_that_goes_again_sees_that_staff_answered_meanwhile() {
    for forgets_keys in [false, true] {
        let scene = Scene::new().with_vigila().server(move |profile| {
            if forgets_keys {
                profile.idempotency = Idempotency::Ignored;
            }
        });
        tell(scene, async |story| {
            story.fault(Fault::on(Endpoint::Create, Trouble::Cut { when: Moment::Before }));
            let asked = story.says("ada", QUESTION);
            story
                .flow_until("it is unclear", async || {
                    story.reply_rows().await.iter().any(|row| row.state == State::Unknown)
                })
                .await;
            // From another account of the campaign: in its own list eyes does not see it.
            story.server().reply("vigila", &asked, "@ada it is a face scanner, see our page.").unwrap();
            for seconds in [6, 25, 90, 200, 60] {
                story.advance(seconds * SECOND).await;
            }
            assert_eq!(story.server().replies_to(&asked).len(), 1, "only what staff said");
            let rows = story.reply_rows().await;
            assert_eq!(rows[0].state, State::Held, "{}", rows[0].reason);
            assert!(rows[0].reason.contains("meanwhile"), "{}", rows[0].reason);
        });
    }
}

/// Between the moment a mention is read and the moment its answer leaves, its author takes it out of sight.
#[test]
fn an_answer_that_did_not_wait_is_as_narrow_as_its_question_is_by_then() {
    for narrowed in [Visibility::Direct, Visibility::Private] {
        tell(Scene::new(), async |story| {
            let asked = asked_while_down(story, Draft::new(QUESTION)).await;
            story.fault(Fault::on(Endpoint::Status, Trouble::Hang { when: Moment::Before, ms: None }));
            story.start_without_waiting().await.unwrap();
            story.server().wait_until(|state| state.hanging() == 1, crate::harness::SOON).await.unwrap();
            story.server().narrow(&asked, narrowed).unwrap();
            story.server().release();
            assert_eq!(story.answer_to(&asked).await.visibility, Visibility::Direct);
            assert_eq!(story.decision(&asked).await.text, None, "its words are kept no more than those of a direct");
        });
    }
}

#[test]
fn an_answer_that_waited_is_as_narrow_as_its_question_is_by_then() {
    tell(Scene::new(), async |story| {
        story.streaming("eyes").await;
        story.fault(Fault::on(Endpoint::Create, Trouble::TooMany { reset_in: Some(300) }));
        let asked = story.says("ada", QUESTION);
        assert_eq!(story.decision(&asked).await.decision, "answer");
        story.server().narrow(&asked, Visibility::Direct).unwrap();
        story.clock.advance(6 * MINUTE);
        assert_eq!(story.answer_to(&asked).await.visibility, Visibility::Direct);
        assert_eq!(story.decision(&asked).await.text, None);
    });
}
