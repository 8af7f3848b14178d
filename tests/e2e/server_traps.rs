//! What SERVERS.md warns of, one story per trap, on the family that has it: a client that trusts the answer posts twice,
//! not at all, or where nobody looks.

use std::time::Duration;

use watchpost::core::delivery::State;
use watchpost::core::ids::StatusId;
use watchpost::core::post::Visibility;
use watchpost::sandbox::{Answers, Draft, Endpoint, Existence, Fault, NewAccount, Profile, Trouble, Unlisted};

use crate::harness::{Scene, Story, is_out, tell};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const AT_NINE: &str = "---\nat: 2026-11-27 09:00\n---\nRing works with the police.\n";
const WITH_PICTURE: &str = "---\nat: 2026-11-27 09:00\nmedia:\n  - { file: pixel.png, alt: \"One point\" }\n---\nRing works with the police.\n";

fn on(family: &str, change: impl FnOnce(&mut Profile)) -> Scene {
    let profile = Profile::named(family).expect("a family of servers");
    Scene::new().server(|server| {
        *server = profile;
        change(server);
    })
}

/// The post `ring` is accepted at nine and the answer lost; the own list shows nothing for some minutes. Within the
/// hour it is found, and was said once.
fn said_once_though_the_list_is_behind(family: &str, lag: u32, post: &'static str, meanwhile: fn(&Story)) {
    tell(on(family, |server| server.own_list_lag = lag), async move |story| {
        story.folder.picture("pixel.png");
        story.write_post("ring", post).await;
        story.fault(Fault::on(Endpoint::Create, Trouble::accepted_but(500)));
        story.until("2026-11-27 09:00").await;
        story.expect_state("ring", State::Unknown).await;
        meanwhile(story);
        for _ in 0..60 {
            story.advance(MINUTE).await;
        }
        story.expect_sent("ring").await;
        assert_eq!(story.texts("eyes"), ["Ring works with the police."]);
    });
}

#[test]
fn mastodon_4_6_says_500_to_a_repeated_key_and_the_status_is_there() {
    said_once_though_the_list_is_behind("mastodon-4.6", 200, AT_NINE, |_| {});
}

#[test]
fn pixelfed_says_400_to_a_repeated_key_and_the_status_is_there() {
    said_once_though_the_list_is_behind("pixelfed", 400, WITH_PICTURE, |_| {});
}

#[test]
fn mitra_forgets_its_keys_when_it_restarts() {
    said_once_though_the_list_is_behind("mitra", 250, AT_NINE, |story| story.server().restart());
}

#[test]
fn takahe_has_no_keys_and_shows_a_post_only_after_minutes() {
    said_once_though_the_list_is_behind("takahe", 250, AT_NINE, |_| {});
}

/// The parent is unknown for some seconds; a server that keeps the refusal with the key would keep it for hours.
fn answered_though_the_refusal_was_kept(family: &str) {
    tell(on(family, |_| ()), async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::YoungParent { seconds: 15 }));
        let asked = story.says("ada", "@eyes what is Rekognition?");
        story.flow_until("the mention is decided", async || story.decisions(&asked).await == 1).await;
        for _ in 0..30 {
            story.advance(SECOND).await;
        }
        story.answer_to(&asked).await;
        let keys: Vec<_> = story.requests(Endpoint::Create).into_iter().map(|seen| seen.idempotency_key).collect();
        assert!(keys.len() > 1 && keys.first() != keys.last(), "another key: {keys:?}");
    });
}

#[test]
fn pleroma_repeats_a_404_under_the_same_key_for_six_hours() {
    answered_though_the_refusal_was_kept("pleroma");
}

#[test]
fn iceshrimp_never_lets_go_of_a_key_whose_request_failed() {
    answered_though_the_refusal_was_kept("iceshrimp");
}

#[test]
fn pleroma_repeats_a_429_under_the_same_key() {
    tell(on("pleroma", |_| ()).post("ring", AT_NINE), async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::TooMany { reset_in: Some(30) }));
        story.until("2026-11-27 09:00").await;
        story.expect_state("ring", State::Planned).await;
        story.advance(31 * SECOND).await;
        story.expect_sent("ring").await;
        assert_eq!(story.said("eyes").len(), 1);
    });
}

#[test]
fn gotosocial_forbids_one_persons_answers_and_nobody_elses() {
    tell(on("gotosocial", |_| ()), async |story| {
        story.server().add_account(NewAccount::follower("ada").answers(Answers::Nobody)).unwrap();
        story.server().add_account(NewAccount::follower("bo").answers(Answers::WithApproval)).unwrap();
        let refused = story.says("ada", "@eyes what is Rekognition?");
        story.decision(&refused).await;
        story.settle().await;
        let rows = story.reply_rows().await;
        assert_eq!(rows[0].state, State::Refused, "{}", rows[0].reason);
        assert!(rows[0].reason.contains("permission to reply"), "{}", rows[0].reason);
        assert_eq!(story.store.accounts().await.unwrap().values().filter(|row| row.paused_reason.is_some()).count(), 0);

        let waiting = story.says("bo", "@eyes what is Rekognition?");
        story.answer_to(&waiting).await;
        let public = story.says("cleo", "@eyes what is Rekognition?");
        story.answer_to(&public).await;
        for _ in 0..12 {
            story.advance(MINUTE).await;
        }
        let rows = story.reply_rows().await;
        let verified = rows.iter().filter(|row| row.state == State::Verified).count();
        assert_eq!((rows.len(), verified), (3, 2), "an answer that waits for a yes stands for its author");
        assert_eq!(story.server().replies_to(&refused), []);
    });
}

/// A direct answer whose own answer was lost, and whose question goes before anybody looks: the thread is gone, the own
/// list has no directs, and the answer stands at home.
fn a_direct_answer_is_found_at_home(family: &str) {
    tell(on(family, |_| ()), async |story| {
        let asked = story.writes("ada", Draft::new("@eyes what is Rekognition?").visibility(Visibility::Direct));
        story.fault(Fault::on(Endpoint::Create, Trouble::accepted_but(500)));
        story
            .flow_until("the answer is unclear", async || {
                story.reply_rows().await.iter().any(|row| row.state == State::Unknown)
            })
            .await;
        story.server().delete(&asked).unwrap();
        for _ in 0..20 {
            story.advance(MINUTE).await;
        }
        assert_eq!(story.said("eyes").len(), 1, "said once");
        let rows = story.reply_rows().await;
        assert!(rows.iter().all(|row| is_out(row.state)), "{rows:?}");
    });
}

#[test]
fn takahe_shows_a_direct_answer_to_a_deleted_question_at_home_only() {
    a_direct_answer_is_found_at_home("takahe");
}

#[test]
fn snac_shows_a_direct_answer_to_a_deleted_question_at_home_only() {
    a_direct_answer_is_found_at_home("snac");
}

#[test]
fn a_direct_post_stands_at_home_only() {
    for family in ["takahe", "snac"] {
        let post = "---\nat: 2026-11-27 09:00\nvisibility: direct\n---\n@ada the march begins at noon.\n";
        tell(on(family, |_| ()).post("march", post), async |story| {
            story.server().follower("ada").unwrap();
            story.fault(Fault::on(Endpoint::Create, Trouble::accepted_but(500)));
            story.until("2026-11-27 09:00").await;
            story.expect_state("march", State::Unknown).await;
            for _ in 0..20 {
                story.advance(MINUTE).await;
            }
            story.expect_sent("march").await;
            assert_eq!(story.said("eyes").len(), 1);
        });
    }
}

#[test]
fn friendica_makes_a_warning_a_title_and_the_post_is_still_found() {
    let post = "---\nat: 2026-11-27 09:00\ncw: \"policing, surveillance\"\n---\nRing works with the police.\n";
    tell(on("friendica", |_| ()).post("ring", post), async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::accepted_but(500)));
        story.until("2026-11-27 09:00").await;
        story.expect_state("ring", State::Unknown).await;
        for _ in 0..20 {
            story.advance(MINUTE).await;
        }
        story.expect_sent("ring").await;
        assert_eq!(story.said("eyes").len(), 1);
    });
}

#[test]
fn a_server_that_drops_a_warning_is_told_of() {
    let post = "---\nat: 2026-11-27 09:00\ncw: policing\n---\nRing works with the police.\n";
    tell(on("mitra", |_| ()).post("ring", post), async |story| {
        story.until("2026-11-27 09:00").await;
        story.flow_until_sent("ring").await;
        let notice = story.notice("content warning is gone").await;
        assert!(notice.text.contains("eyes"), "{}", notice.text);
    });
}

/// A question deleted before its answer leaves: whatever the server says then, nobody waits for an answer any more, and
/// it is not tried for a day.
fn a_deleted_question_ends_its_answer(family: &str) {
    tell(on(family, |_| ()), async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::TooMany { reset_in: Some(30) }));
        let asked = story.says("ada", "@eyes what is Rekognition?");
        story.flow_until("the mention is decided", async || story.decisions(&asked).await == 1).await;
        story
            .flow_until("the answer has to wait", async || {
                // Where the clock ran by leaps, an attempt may have been too old to reach the server.
                let asked_to_wait = !story.requests(Endpoint::Create).is_empty();
                asked_to_wait && story.reply_rows().await.iter().any(|row| row.state == State::Planned)
            })
            .await;
        story.server().delete(&asked).unwrap();
        for _ in 0..20 {
            story.advance(MINUTE).await;
        }
        let rows = story.reply_rows().await;
        assert_eq!(rows[0].state, State::Cancelled, "{}: {}", rows[0].state.as_str(), rows[0].reason);
        assert!(rows[0].reason.contains("the mention is gone"), "{}", rows[0].reason);
        assert!(story.requests(Endpoint::Create).len() <= 3, "{}", story.requests(Endpoint::Create).len());
        assert!(story.store.notices().await.unwrap().iter().all(|notice| !notice.text.contains("delivery")));
    });
}

#[test]
fn mitra_says_400_to_an_answer_whose_question_is_gone() {
    a_deleted_question_ends_its_answer("mitra");
}

#[test]
fn hollo_says_500_to_an_answer_whose_question_is_gone() {
    a_deleted_question_ends_its_answer("hollo");
}

#[test]
fn firefish_says_401_to_an_answer_whose_question_is_gone() {
    a_deleted_question_ends_its_answer("firefish");
}

#[test]
fn iceshrimp_says_400_to_an_answer_whose_question_is_gone() {
    a_deleted_question_ends_its_answer("iceshrimp");
}

#[test]
fn sharkey_would_make_a_reaction_of_an_emoji() {
    let thread = "---\nat: 2026-11-27 09:00\n---\nOne.\n---\n👇🏽\n---\nThree.\n";
    for family in ["sharkey", "firefish"] {
        tell(on(family, |_| ()).post("thread", thread), async |story| {
            story.until("2026-11-27 09:00").await;
            story
                .flow_until("the emoji is refused", async || {
                    story.rows("thread").await.iter().any(|row| row.state == State::Refused)
                })
                .await;
            story.notice("becomes a reaction").await;
            assert_eq!(story.texts("eyes"), ["One."]);
            assert_eq!(story.said("eyes")[0].favourites, 0);
        });
    }
}

#[test]
fn a_token_that_fails_pauses_on_every_server_and_loses_nothing() {
    // One for each way of saying no, and one that takes pictures only.
    for family in ["gotosocial", "takahe", "snac", "hollo", "firefish", "pixelfed"] {
        let make = || Profile::named(family).expect("a family of servers");
        let wanted = if make().text_only == watchpost::sandbox::Existence::Present { AT_NINE } else { WITH_PICTURE };
        tell(on(family, |_| ()), async move |story| {
            story.folder.picture("pixel.png");
            story.write_post("ring", wanted).await;
            story.server().revoke("eyes", make().bad_token).unwrap();
            story.until("2026-11-27 09:00").await;
            story
                .flow_until("the account is paused", async || {
                    story.store.accounts().await.unwrap().values().any(|row| row.paused_reason.is_some())
                })
                .await;
            story.expect_state("ring", State::Planned).await;
            story.notice("does not accept the token").await;
            story.server().restore("eyes").unwrap();
            story
                .flow_until("the account works again", async || {
                    story.store.accounts().await.unwrap().values().all(|row| row.paused_reason.is_none())
                })
                .await;
            story.flow_until_sent("ring").await;
            assert_eq!(story.said("eyes").len(), 1, "{family}");
        });
    }
}

/// Never a post of its own in place of a reply, also where the mention stands.
#[test]
fn a_server_that_loses_threads_keeps_no_reply_on_the_profile() {
    tell(Scene::new(), async |story| {
        story.streaming("eyes").await;
        story.fault(Fault::on(Endpoint::Create, Trouble::Unthreaded));
        let asked = story.says("ada", "@eyes what is Rekognition?");
        assert_eq!(story.decision(&asked).await.decision, "answer");
        // The notice comes before the row's end.
        story.notice("makes posts of their own").await;
        story.settle().await;
        assert_eq!(story.texts("eyes"), Vec::<String>::new());
        let rows = story.reply_rows().await;
        assert_eq!((rows.len(), rows[0].state), (1, State::Cancelled));
        // Once was an accident; the next one stands where it belongs.
        let again = story.says("bob", "@eyes what is Rekognition?");
        assert_eq!(story.answer_to(&again).await.in_reply_to.as_deref(), Some(again.as_str()));
    });
}

/// A 200 is no proof: what somebody else wrote is not what we sent, and nothing of it is taken back.
#[test]
fn an_answer_with_a_strangers_status_is_read_back_and_the_reply_sent() {
    tell(Scene::new(), async |story| {
        story.streaming("eyes").await;
        let strangers = story.server().write("eve", Draft::new("good morning")).unwrap();
        let body = format!(
            r#"{{"id":"{}","content":"<p>good morning</p>","in_reply_to_id":null,"account":{{"id":"987654","acct":"eve"}}}}"#,
            strangers.as_str()
        );
        story.fault(Fault::on(Endpoint::Create, Trouble::answer(200, body)));
        let asked = story.says("ada", "@eyes what is Rekognition?");
        story.flow_until("it is answered", async || story.server().replies_to(&asked).len() == 1).await;
        story.settle().await;
        let rows = story.reply_rows().await;
        assert!(rows.len() == 1 && rows[0].unclear == 1 && rows[0].status.is_some(), "{rows:?}");
        assert_ne!(rows[0].status.as_ref().map(StatusId::as_str), Some(strangers.as_str()));
        let still_there = story.server().statuses().iter().any(|status| status.id == strangers.as_str());
        assert!(still_there, "nothing of somebody else is taken back");
    });
}

/// What was for one person names them and tells what they asked.
#[test]
fn an_answer_to_a_private_question_that_the_server_shows_to_everybody_is_taken_back() {
    tell(Scene::new().server(|profile| profile.directs = Existence::Claimed), async |story| {
        let asked = story.writes("ada", Draft::new("@eyes what is Rekognition?").visibility(Visibility::Direct));
        story.flow_until_notice("shows to others what eyes writes to one person").await;
        story.settle().await;
        assert_eq!(story.server().replies_to(&asked), []);
        let rows = story.reply_rows().await;
        assert_eq!((rows.len(), rows[0].state), (1, State::Cancelled), "{rows:?}");
        let open = story.says("bob", "@eyes what is Rekognition?");
        story.answer_to(&open).await;
    });
}

#[test]
fn a_server_that_shows_to_everybody_what_was_unlisted_gets_direct_answers_from_then_on() {
    tell(on("mastodon", |server| server.unlisted = Unlisted::Public), async |story| {
        for (who, seen_by) in [("ada", Visibility::Public), ("bo", Visibility::Direct), ("cleo", Visibility::Direct)] {
            let asked = story.says(who, "@eyes what is Rekognition?");
            story.answer_to(&asked).await;
            assert_eq!(story.server().replies_to(&asked)[0].visibility, seen_by, "{who}");
        }
        story.flow_until_notice("visibility is public, not unlisted").await;
    });
}

#[test]
fn what_a_server_made_of_an_unclear_reply_is_told_when_it_is_found() {
    tell(Scene::new(), async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::accepted_but(500)));
        let asked = story.says("ada", "@eyes what is Rekognition?");
        story.flow_until("the mention is decided", async || story.decisions(&asked).await == 1).await;
        story
            .flow_until("the reply is unclear", async || {
                story.reply_rows().await.iter().all(|row| row.state == State::Unknown)
            })
            .await;
        let made = story.server().replies_to(&asked).remove(0);
        story.server().edit(&made.id, &Draft::new("BUY CRYPTO")).unwrap();
        for _ in 0..3 {
            story.advance(6 * SECOND).await;
        }
        story.flow_until_notice("its words are not ours").await;
        assert!(is_out(story.reply_rows().await[0].state));
    });
}
