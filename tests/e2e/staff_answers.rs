//! Staff look at mentions, answer those left to them, and keep the list of people who said stop: the real binary beside
//! a daemon.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use watchpost::core::ids::StatusId;
use watchpost::core::post::Visibility;
use watchpost::sandbox::Draft;

use crate::harness::{Scene, Story, eventually, tell};

const MINUTE: Duration = Duration::from_secs(60);
const FACT: &str = "ring-partnerships";

fn watchpost(story: &Story, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchpost"));
    command.arg("--campaign").arg(story.folder.path()).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn fine(story: &Story, arguments: &[&str]) -> String {
    let output = watchpost(story, arguments);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn refused(story: &Story, arguments: &[&str], because: &str) {
    let output = watchpost(story, arguments);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
    assert!(errors.contains(because), "{because:?} is not in {errors}");
}

fn json(story: &Story, arguments: &[&str]) -> Value {
    serde_json::from_str(&fine(story, arguments)).unwrap()
}

/// The number under which staff know a mention.
fn number(story: &Story, mention: &StatusId) -> String {
    let shown = json(story, &["mentions", "show", mention.as_str(), "--json"]);
    shown[0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn staff_see_who_asked_what_and_why_nothing_was_said() {
    let secret = "quokka-canary-1290";
    tell(Scene::new().with_vigila(), async |story| {
        let asked = story.says("ada", "@eyes what is Rekognition?");
        story.answer_to(&asked).await;
        let silent = story.says("bob", "@vigila how is the weather there?");
        story.expect_silence(&silent, "no keyword").await;
        let private = story.writes("eve", Draft::new(format!("@eyes {secret}")).visibility(Visibility::Direct));
        story.flow_until("the direct is decided", async || story.decisions(&private).await == 1).await;
        let all = json(story, &["mentions", "list", "--json"]);
        assert_eq!(all.as_array().unwrap().len(), 3);
        let answered = json(story, &["mentions", "list", "--answered", "--json"]);
        assert_eq!(answered[0]["topic"], "rekognition");
        assert!(answered[0]["reason"].as_str().unwrap().contains("matched"), "{answered}");
        assert!(answered[0]["reply"]["text"].as_str().unwrap().contains("pledge page"), "{answered}");
        let silent_ones = json(story, &["mentions", "list", "--silent", "--account", "vigila", "--json"]);
        assert_eq!(silent_ones.as_array().unwrap().len(), 1);
        assert_eq!(silent_ones[0]["text"], "how is the weather there?");
        refused(story, &["mentions", "list", "--account", "nobody"], "eyes, vigila");
        refused(story, &["mentions", "list", "--since", "yesterday"], "2026-11-27");
        refused(story, &["mentions", "show", "abcdef0123"], "mentions list");
        let page = fine(story, &["mentions", "show", &number(story, &silent)]);
        assert!(page.contains("no keyword matched") && page.contains("mentions answer"), "{page}");
        let looked = fine(story, &["mentions", "show", &number(story, &silent), "--look"]);
        assert!(looked.contains("@bob"), "{looked}");
        for words in [
            vec!["mentions", "list"],
            vec!["mentions", "list", "--json"],
            vec!["mentions", "show", private.as_str(), "--look"],
            vec!["status", "--json"],
            vec!["ledger", "list", "--json"],
        ] {
            let output = watchpost(story, &words);
            let shown = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(!shown.contains(secret) && !shown.contains("@eve"), "{words:?}: {shown}");
        }
    });
}

#[test]
fn a_mention_left_to_a_human_is_answered_once_however_often_it_is_wished() {
    tell(Scene::new(), async |story| {
        let silent = story.says("bob", "@eyes how is the weather there?");
        story.expect_silence(&silent, "no keyword").await;
        let id = number(story, &silent);
        refused(story, &["mentions", "answer", &id, "--fact", "no-such-fact"], "facts list");
        for _ in 0..2 {
            watchpost(story, &["mentions", "answer", &id, "--fact", FACT]);
        }
        story.flow_until("it is answered", async || !story.server().replies_to(&silent).is_empty()).await;
        story.advance(2 * MINUTE).await;
        let answers = story.server().replies_to(&silent);
        assert_eq!(answers.len(), 1);
        assert!(answers[0].text.starts_with("@bob ") && answers[0].text.contains("https://"), "{}", answers[0].text);
        refused(story, &["mentions", "answer", &id, "--fact", FACT], "has its answer");
        let decided = story.decision(&silent).await;
        assert_eq!((decided.decision.as_str(), decided.fact.as_str()), ("answer", FACT));
        assert!(decided.reason.contains("staff"), "{}", decided.reason);
        story.restart().await;
        story.advance(2 * MINUTE).await;
        assert_eq!(story.server().replies_to(&silent).len(), 1);
    });
}

#[test]
fn a_wish_of_staff_never_overrules_a_stop_and_a_mention_that_is_gone_is_told() {
    tell(Scene::new(), async |story| {
        let stopped = story.says("ada", "@eyes how is the weather there?");
        story.expect_silence(&stopped, "no keyword").await;
        let stop = story.says("ada", "@eyes stop");
        story.answer_to(&stop).await;
        refused(story, &["mentions", "answer", &number(story, &stopped), "--fact", FACT], "said stop");
        let gone = story.says("bob", "@eyes lovely weather");
        story.expect_silence(&gone, "no keyword").await;
        let id = number(story, &gone);
        story.server().delete(&gone).unwrap();
        fine(story, &["mentions", "answer", &id, "--fact", FACT]);
        story.flow_until_notice("was not answered").await;
        assert_eq!(story.server().replies_to(&gone), []);
        assert!(story.store.answer_wishes().await.unwrap().is_empty());
        // A wish from before the start is granted after it; one whose author stopped meanwhile is not.
        let waits = story.says("eve", "@eyes lovely weather");
        story.expect_silence(&waits, "no keyword").await;
        let stops = story.says("zoe", "@eyes lovely weather");
        story.expect_silence(&stops, "no keyword").await;
        story.stop().await.unwrap();
        for mention in [&waits, &stops] {
            fine(story, &["mentions", "answer", &number(story, mention), "--fact", FACT]);
        }
        fine(story, &["optouts", "add", "--mention", &number(story, &stops)]);
        story.start().await;
        story.flow_until("it is answered", async || !story.server().replies_to(&waits).is_empty()).await;
        eventually("both wishes have an end", async || story.store.answer_wishes().await.unwrap().is_empty()).await;
        assert_eq!(story.server().replies_to(&stops), []);
        let notices = story.store.notices().await.unwrap();
        assert!(notices.iter().any(|notice| notice.text.contains("said stop")), "{notices:?}");
    });
}

#[test]
fn a_wish_to_answer_who_wants_no_bot_is_refused_at_once() {
    tell(Scene::new(), async |story| {
        let shy = watchpost::sandbox::NewAccount::follower("shy").note("gardens, #nobot");
        story.server().add_account(shy).unwrap();
        let asked = story.says("shy", "@eyes what is Rekognition?");
        story.expect_silence(&asked, "#nobot").await;
        let fact = ["mentions", "answer", &number(story, &asked), "--fact", "rekognition-tracked"].map(str::to_owned);
        refused(story, &fact.each_ref().map(String::as_str), "their profile says #nobot");
        assert!(!fine(story, &["mentions", "show", asked.as_str()]).contains("will be answered"));
    });
}

#[test]
fn a_stop_that_reached_staff_otherwise_is_noted_and_taken_back() {
    tell(Scene::new(), async |story| {
        let asked = story.says("ada", "@eyes how is the weather?");
        story.expect_silence(&asked, "no keyword").await;
        assert_eq!(fine(story, &["optouts", "list"]), "Nobody said stop.\n");
        fine(story, &["optouts", "add", "--mention", asked.as_str()]);
        let question = story.says("ada", "@eyes what is Rekognition?");
        story.expect_silence(&question, "said stop").await;
        let all = json(story, &["optouts", "list", "--json"]);
        let person = all[0]["person"].as_str().unwrap().to_owned();
        assert!(!fine(story, &["optouts", "list"]).contains("ada"));
        fine(story, &["optouts", "remove", person.get(..8).unwrap()]);
        refused(story, &["optouts", "remove", &person], "nobody");
        let again = story.says("ada", "@eyes what about Palantir?");
        story.answer_to(&again).await;
        // By the address of the profile.
        let address = format!("http://{}/@bob", story.servers[0].address);
        fine(story, &["optouts", "add", &address]);
        let bob = story.says("bob", "@eyes what is Rekognition?");
        story.expect_silence(&bob, "said stop").await;
        refused(story, &["optouts", "add", "@bob"], "profile address");
        refused(story, &["optouts", "add", "https://m.test/@ada/123"], "is a post");
        let said_stop = json(story, &["optouts", "list", "--json"]).as_array().unwrap().len();
        assert_eq!(said_stop, 1, "nobody was noted for it");
        fine(story, &["optouts", "add", "@eve@far.example"]);
        let eve = story.says("eve@far.example", "@eyes what is Rekognition?");
        story.expect_silence(&eve, "said stop").await;
    });
}

#[test]
fn staff_see_what_is_asked_and_not_answered_and_which_facts_nobody_hears() {
    tell(Scene::new(), async |story| {
        let asked = story.says("ada", "@eyes what is Rekognition?");
        story.answer_to(&asked).await;
        for (who, text) in [("bob", "@eyes do drones deliver in Boston?"), ("eve", "@eyes drones over BOSTON again")] {
            let silent = story.says(who, text);
            story.expect_silence(&silent, "").await;
        }
        let coverage = json(story, &["facts", "coverage", "--json"]);
        assert_eq!(coverage["topics"][0]["topic"], "rekognition");
        assert_eq!(coverage["unanswered"][0]["count"], 2, "{coverage}");
        let heard = story.decision(&asked).await.fact;
        let never = coverage["never_used"].as_array().unwrap();
        assert!(!never.iter().any(|fact| *fact == heard) && never.len() > 10, "{coverage}");
        assert!(fine(story, &["facts", "coverage"]).contains("drones"));
    });
}

#[test]
fn a_fact_is_added_and_changed_in_the_file_and_nothing_half_done_is_saved() {
    tell(Scene::new(), async |story| {
        let file = story.folder.path().join("config/facts.toml");
        let before = std::fs::read_to_string(&file).unwrap();
        let add = |source: &'static str| {
            vec![
                "facts",
                "add",
                "drones-new",
                "--topic",
                "drones",
                "--keyword",
                "delivery drones",
                "--text",
                "en=Drones fly with cameras.",
                "--text",
                "es=Los drones vuelan con cámaras.",
                "--source",
                source,
                "--as-of",
                "2026-11",
                "--link",
                "pledge",
            ]
        };
        refused(story, &add("no-such-source"), "no-such-source");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), before, "nothing was saved");
        fine(story, &add("mediajustice"));
        let after = std::fs::read_to_string(&file).unwrap();
        assert!(after.starts_with(before.trim_end()), "what stood there stands as it was");
        refused(story, &add("mediajustice"), "facts edit");
        // The program that runs knows it at once.
        story.files_seen().await;
        let asked = story.says("ada", "@eyes are there delivery drones?");
        let answer = story.answer_to(&asked).await;
        assert!(answer.text.contains("Drones fly with cameras.") && answer.text.contains("MediaJustice"), "{answer:?}");
        // A date in the past: the fact is not said any more, and staff are told once.
        fine(story, &["facts", "edit", "drones-new", "--review-by", "2026-11-23"]);
        story.files_seen().await;
        story.flow_until_notice("drones-new").await;
        let again = story.says("bob", "@eyes are there delivery drones?");
        story.expect_silence(&again, "review_by").await;
        fine(story, &["facts", "edit", "drones-new", "--review-by", ""]);
        story.files_seen().await;
        story.notice_gone("drones-new").await;
        assert_eq!(std::fs::read_to_string(&file).unwrap(), after);
        refused(story, &["facts", "edit", "drones-new", "--text", "no language"], "--text en=");
        refused(story, &["facts", "edit", "drones-new"], "say what to change");
    });
}

#[test]
fn what_strangers_wrote_cannot_steer_the_terminal() {
    tell(Scene::new(), async |story| {
        let asked = story.says("ada", "@eyes \u{1b}[2Jlovely\u{9b}31m \u{202e}weather\u{2066}");
        story.expect_silence(&asked, "no keyword").await;
        for arguments in [vec!["mentions", "list"], vec!["mentions", "show", asked.as_str()]] {
            let shown = fine(story, &arguments);
            assert!(shown.contains("lovely"), "{shown:?}");
            assert!(!shown.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\u{2066}']), "{shown:?}");
        }
        let document = fine(story, &["mentions", "list", "--json"]);
        assert!(!document.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\u{2066}']), "{document:?}");
        let text = json(story, &["mentions", "list", "--json"])[0]["text"].as_str().unwrap().to_owned();
        assert!(text.contains("lovely") && text.contains('\u{202e}'), "{text:?}");
    });
}

#[test]
fn a_slip_in_the_facts_keeps_staff_from_nothing_that_needs_no_facts() {
    tell(Scene::new(), async |story| {
        let asked = story.says("ada", "@eyes what is Rekognition?");
        story.answer_to(&asked).await;
        let file = story.folder.path().join("config/facts.toml");
        let facts = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{facts}\n[[facts]\nbroken")).unwrap();
        for arguments in [
            &["pause", "--reason", "storm"] as &[&str],
            &["resume"],
            &["optouts", "add", "@zoe@far.test"],
            &["optouts", "list"],
            &["mentions", "list"],
            &["mentions", "show", asked.as_str()],
            &["ledger", "list"],
        ] {
            let output = watchpost(story, arguments);
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
            assert!(errors.contains("facts.toml") && errors.contains("what it read before"), "{errors}");
        }
        let status = watchpost(story, &["status"]);
        assert!(String::from_utf8_lossy(&status.stdout).contains("eyes"), "{status:?}");
        refused(story, &["mentions", "answer", asked.as_str(), "--fact", FACT], "facts.toml");
    });
}
