//! Who is answered, with what, and who is left in peace.

use std::time::Duration;

use watchpost::core::post::Visibility;
use watchpost::sandbox::{Draft, NewAccount};

use crate::harness::{Scene, eventually, tell};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const QUESTION: &str = "@eyes what is Rekognition?";

#[test]
fn stop_is_obeyed_and_confirmed_once_across_both_accounts_and_start_undoes_it() {
    tell(Scene::new().with_vigila(), async |story| {
        let asked = story.says("ada", QUESTION);
        story.answer_to(&asked).await;
        let stop = story.says("ada", "@eyes Stop, please!");
        let confirmed = story.answer_to(&stop).await;
        assert!(confirmed.text.contains("start"), "it says how to undo: {}", confirmed.text);
        story.advance(60 * MINUTE).await;
        for account in ["eyes", "vigila"] {
            let again = story.says("ada", &format!("@{account} what about Palantir?"));
            story.expect_silence(&again, "said stop").await;
        }
        let start = story.says("ada", "@vigila start");
        story.answer_to(&start).await;
        // The confirmation was a reply too: `per_person_every` counts from it.
        story.advance(11 * MINUTE).await;
        let again = story.says("ada", "@eyes what about Palantir?");
        story.answer_to(&again).await;
    });
}

#[test]
fn a_stop_to_both_accounts_at_once_is_confirmed_once() {
    tell(Scene::new().with_vigila(), async |story| {
        let stop = story.says("ada", "@eyes @vigila stop");
        eventually("both accounts decided", async || story.decisions(&stop).await == 2).await;
        story.answer_to_some(&stop).await;
        assert_eq!(story.server().replies_to(&stop).len(), 1);
    });
}

#[test]
fn more_gives_another_fact_and_sources_names_the_source() {
    tell(Scene::new(), async |story| {
        let asked = story.says("ada", QUESTION);
        let first = story.answer_to(&asked).await;
        story.advance(MINUTE).await;
        let more = story.server().reply("ada", &first.id, "@eyes more").unwrap();
        let second = story.answer_to(&more).await;
        assert_ne!(first.text, second.text);
        assert!(second.text.contains("https://"), "{}", second.text);
        story.advance(MINUTE).await;
        let elsewhere = story.says("bob", QUESTION);
        let first = story.answer_to(&elsewhere).await;
        let source = story.server().reply("bob", &first.id, "@eyes source?").unwrap();
        let answer = story.answer_to(&source).await;
        assert!(answer.text.contains("pledge page"), "{}", answer.text);
    });
}

#[test]
fn a_question_below_our_own_post_gets_that_posts_facts() {
    let post = "---\nat: 2026-11-27 09:00\ntopic: rekognition\n---\nFaces are not for sale.\n";
    tell(Scene::new().post("faces", post), async |story| {
        story.until("2026-11-27 09:00").await;
        story.expect_sent("faces").await;
        let ours = story.said("eyes").remove(0);
        let asked = story.server().reply("ada", &ours.id, "@eyes really?").unwrap();
        let answer = story.answer_to(&asked).await;
        assert!(answer.text.contains("https://"), "{}", answer.text);
        let thanks = story.server().reply("bob", &ours.id, "@eyes thank you.").unwrap();
        story.expect_silence(&thanks, "").await;
    });
}

#[test]
fn a_direct_is_answered_direct_and_its_text_is_stored_nowhere() {
    let secret = "zyzzyva-quagmire-7261";
    tell(Scene::new(), async |story| {
        let text = format!("@eyes what is Rekognition? My own secret is {secret}.");
        let asked = story.writes("ada", Draft::new(text).visibility(Visibility::Direct));
        story.flow_until("the mention is decided", async || story.decisions(&asked).await == 1).await;
        let answer = story.answer_to(&asked).await;
        assert_eq!(answer.visibility, Visibility::Direct);
        assert!(!answer.text.contains(secret));
        let silent = story.writes("bob", Draft::new(format!("@eyes hello {secret}")).visibility(Visibility::Direct));
        story.flow_until("the mention is decided", async || story.decisions(&silent).await == 1).await;
        story.expect_silence(&silent, "").await;
        let private = story.writes("eve", Draft::new(format!("@eyes hi {secret}")).visibility(Visibility::Private));
        story.expect_silence(&private, "").await;
        story.stop().await.unwrap();
        let bytes = story.folder.database_bytes();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "stored");
        story.start().await;
    });
}

#[test]
fn who_does_not_want_or_need_an_answer_gets_silence_with_a_reason() {
    tell(Scene::new(), async |story| {
        let server = story.server().clone();
        server.add_account(NewAccount::follower("robot").bot(true)).unwrap();
        server.add_account(NewAccount::follower("shy").note("I like tea. #NoBot please")).unwrap();
        server.add_account(NewAccount::follower("quiet@far.example").limited()).unwrap();
        for name in ["a", "b", "c", "d", "e"] {
            server.follower(name).unwrap();
        }
        let bot = story.says("robot", QUESTION);
        story.expect_silence(&bot, "bot").await;
        let shy = story.says("shy", QUESTION);
        story.expect_silence(&shy, "#nobot").await;
        let limited = story.says("quiet@far.example", QUESTION);
        story.flow_until("the mention is decided", async || story.decisions(&limited).await == 1).await;
        story.expect_silence(&limited, "limited").await;
        let crowd = story.says("ada", "@eyes @a @b @c @d @e what is Rekognition?");
        story.expect_silence(&crowd, "crowd").await;
        let four = story.says("ada", "@eyes @a @b @c @d what is Rekognition?");
        story.answer_to(&four).await;
        let nothing = story.says("bob", "@eyes nice weather today");
        story.expect_silence(&nothing, "no keyword").await;
    });
}

#[test]
fn a_name_that_was_only_carried_along_is_not_answered() {
    tell(Scene::new(), async |story| {
        let talk = story.says("bob", "@eyes look at this, friends");
        story.expect_silence(&talk, "").await;
        let carried = story.server().reply("ada", &talk, "@bob @eyes Rekognition is everywhere").unwrap();
        story.expect_silence(&carried, "carried").await;
        let meant = story.server().reply("eve", &talk, "@bob so what? @eyes what is Rekognition?").unwrap();
        story.answer_to(&meant).await;
    });
}

#[test]
fn our_own_accounts_never_answer_each_other() {
    let post = "---\nat: 2026-11-27 09:00\naccounts: [eyes]\n---\n@vigila what is Rekognition?\n";
    tell(Scene::new().with_vigila().post("greeting", post), async |story| {
        story.until("2026-11-27 09:00").await;
        story.expect_sent("greeting").await;
        let ours = story.said("eyes").remove(0);
        let asked = watchpost::core::ids::StatusId::new(ours.id.clone());
        story.expect_silence(&asked, "account of this campaign").await;
        let echoed = story.says("ada", "@eyes @vigila what is Rekognition?");
        eventually("both accounts decided", async || story.decisions(&echoed).await == 2).await;
        story.answer_to_some(&echoed).await;
        story.advance(2 * MINUTE).await;
        assert_eq!(story.server().replies_to(&echoed).len(), 1, "one of ours answers, not both");
        assert_eq!(story.server().statuses().len(), 3);
    });
}

#[test]
fn an_own_account_whose_server_is_down_is_still_known_as_ours() {
    tell(Scene::new().with_vigila_elsewhere(), async |story| {
        story.stop().await.unwrap();
        story.close_server(0).await;
        story.start().await;
        // The other account's words reach vigila's server by federation.
        let profile = story.store.accounts().await.unwrap()["eyes"].me.clone().unwrap();
        assert!(profile.contains("@eyes"), "{profile}");
        let known = story.ctx().ours();
        assert!(known.iter().any(|url| url.contains("@eyes")), "{known:?}");
        story.open_server(0).await;
    });
}

#[test]
fn limits_hold_under_a_burst_of_fifty_mentions() {
    let limits = "[replies.limits]\nper_account_per_hour = 20\nper_person_every = \"10m\"";
    tell(Scene::new().settings(limits), async |story| {
        let mut asked = Vec::new();
        for number in 0..50 {
            // Every fifth is the same person.
            let who = if number % 5 == 0 { "eager".to_owned() } else { format!("asker{number}") };
            asked.push((who.clone(), story.says(&who, QUESTION)));
        }
        eventually("every mention has its decision", async || story.store.heard(1_000).await.unwrap().len() == 50)
            .await;
        story.settle().await;
        let said = story.said("eyes");
        assert_eq!(said.len(), 20);
        let to_eager = said.iter().filter(|status| status.text.starts_with("@eager ")).count();
        assert!(to_eager <= 1, "{to_eager} answers to one person within ten minutes");
        let heard = story.store.heard(1_000).await.unwrap();
        let spent = heard.iter().filter(|heard| heard.reason.contains("limit spent")).count();
        assert_eq!(spent, 30);
    });
}

#[test]
fn one_person_in_one_thread_is_not_answered_for_ever() {
    let limits = "[replies.limits]\nper_person_every = \"unlimited\"";
    tell(Scene::new().settings(limits), async |story| {
        let mut parent = story.says("ada", QUESTION);
        let mut answered = 0;
        for _ in 0..4 {
            let decided = story.decision(&parent).await;
            if decided.decision == "silent" {
                assert!(decided.reason.contains("limit spent"), "{}", decided.reason);
                break;
            }
            let answer = story.answer_to(&parent).await;
            answered += 1;
            story.advance(SECOND).await;
            parent = story.server().reply("ada", &answer.id, QUESTION).unwrap();
        }
        assert_eq!(answered, 2);
    });
}

#[test]
fn a_content_warning_is_kept_and_spanish_is_answered_in_spanish() {
    tell(Scene::new(), async |story| {
        let warned = story.writes("ada", Draft::new(QUESTION).warning("policing"));
        let answer = story.answer_to(&warned).await;
        assert!(answer.cw.contains("policing"), "{:?}", answer.cw);
        let spanish = story.writes("eva", Draft::new("@eyes ¿qué es el reconocimiento facial?").language("es"));
        let answer = story.answer_to(&spanish).await;
        assert_eq!(answer.language.as_deref(), Some("es"));
        assert!(answer.text.contains("Firma el compromiso"), "{}", answer.text);
    });
}

#[test]
fn replies_switched_off_are_silent_and_stop_is_still_obeyed() {
    tell(Scene::new().settings("[replies]\nenabled = false"), async |story| {
        let asked = story.says("ada", QUESTION);
        story.expect_silence(&asked, "switched off").await;
        let stop = story.says("ada", "@eyes stop");
        story.answer_to(&stop).await;
    });
}

#[test]
fn texts_of_mentions_are_gone_after_seven_days() {
    let words = "quokkas-and-aardvarks";
    tell(Scene::new(), async |story| {
        let asked = story.says("ada", &format!("@eyes what is Rekognition? {words}"));
        story.answer_to(&asked).await;
        assert!(story.decision(&asked).await.text.is_some());
        story.advance(8 * 24 * 60 * MINUTE).await;
        eventually("text and ids are purged, the decision stays", async || {
            let heard = story.store.heard(10).await.unwrap();
            heard.len() == 1 && heard[0].text.is_none() && heard[0].status.is_empty() && heard[0].decision == "answer"
        })
        .await;
        let rows = story.reply_rows().await;
        eventually("the reply's text is purged", async || story.reply_rows().await[0].payload.text.is_empty()).await;
        assert_eq!(rows.len(), 1);
    });
}

#[test]
fn a_mention_of_several_topics_gets_the_best_and_more_gives_the_next_then_goes_on_within() {
    let generous = "[replies.limits]\nper_person_per_day = 20\nper_thread_per_person = 20\nper_thread = 20";
    tell(Scene::new().settings(generous), async |story| {
        let asked = story.says("ada", "@eyes what does Palantir do, and what is Project Nimbus?");
        let mut told = story.answer_to(&asked).await;
        let mut topics = Vec::new();
        for more in ["more", "more please"] {
            topics.push(if told.text.contains("Nimbus") { "nimbus" } else { "palantir" });
            story.advance(MINUTE).await;
            let more = story.server().reply("ada", &told.id, &format!("@eyes {more}")).unwrap();
            told = story.answer_to(&more).await;
        }
        topics.push(if told.text.contains("Nimbus") { "nimbus" } else { "palantir" });
        assert_ne!(topics[0], topics[1], "the next topic first: {topics:?}");
        assert_eq!(topics[1], topics[2], "then within it: {topics:?}");
    });
}

#[test]
fn a_stop_counts_for_every_way_a_persons_profile_is_written() {
    tell(Scene::new().with_vigila_elsewhere(), async |story| {
        // So that the two servers' statuses have ids of their own.
        let other = story.says("zoe", "@eyes good morning");
        story.expect_silence(&other, "").await;
        let here = story.says("ada@far.example", "@eyes stop");
        story.answer_to(&here).await;
        // The same person, as another server shows them.
        let there = story.server_of("vigila").mention("ada@far.example", "@vigila what is Rekognition?").unwrap();
        story
            .flow_until("the mention is decided", async || {
                let heard = story.store.heard(10).await.unwrap();
                heard.iter().any(|heard| heard.account.as_str() == "vigila" && heard.status == there.as_str())
            })
            .await;
        let heard = story.store.heard(10).await.unwrap();
        let decided = heard.iter().find(|heard| heard.account.as_str() == "vigila").unwrap();
        assert!(decided.reason.contains("said stop"), "{decided:?}");
    });
}

#[test]
fn a_content_warning_gives_the_topic_and_a_stop_within_it_is_heard() {
    tell(Scene::new(), async |story| {
        let asked = story.writes("ada", Draft::new("@eyes is it true?").warning("ring doorbells & police"));
        let answer = story.answer_to(&asked).await;
        assert!(answer.text.contains("Ring"), "{}", answer.text);
        let stop = story.writes("bob", Draft::new("@eyes").warning("stop"));
        story.answer_to(&stop).await;
        assert_eq!(story.store.opt_outs().await.unwrap().len(), 1);
        let statement = story.writes("eve", Draft::new("@eyes what a day").warning("ring doorbells & police"));
        story.expect_silence(&statement, "").await;
    });
}

#[test]
fn stop_and_start_in_turn_are_obeyed_and_confirmed_twice_a_day_each() {
    tell(Scene::new(), async |story| {
        for turn in 0..4 {
            for word in ["stop", "start"] {
                let said = story.says("ada", &format!("@eyes {word}"));
                if turn < 2 {
                    story.answer_to(&said).await;
                } else {
                    let decided = story.decision(&said).await;
                    assert!(decided.reason.contains("confirmed before today"), "{}", decided.reason);
                    assert_eq!(decided.delivery, None);
                }
            }
        }
        let stop = story.says("ada", "@eyes stop");
        assert_eq!(story.decision(&stop).await.delivery, None);
        assert_eq!(story.store.opt_outs().await.unwrap().len(), 1);
        story.advance(25 * 60 * MINUTE).await;
        let start = story.says("ada", "@eyes start");
        story.flow_until("the start is decided", async || story.decisions(&start).await == 1).await;
        story.answer_to(&start).await;
    });
}

#[test]
fn a_list_of_topics_comes_also_where_texts_are_short() {
    tell(Scene::new().server(|profile| profile.max_characters = 300), async |story| {
        for (who, words) in [("ada", "@eyes topics"), ("bob_with_a_rather_long_name@far.example", "@eyes temas")] {
            let asked = story.says(who, words);
            let told = story.answer_to(&asked).await;
            assert!(told.text.contains("Ring"), "{}", told.text);
        }
    });
}
