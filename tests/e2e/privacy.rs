//! Canaries on every way by which people's words come in: none is found where it must not be.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use watchpost::core::delivery::State;
use watchpost::core::post::Visibility;
use watchpost::sandbox::{Draft, Endpoint, Fault, NewAccount, Trouble};

use crate::harness::{Scene, Story, eventually, tell};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Words of public mentions and names of people: kept for seven days.
const FOR_A_WEEK: [&str; 3] = ["canary-public-31", "canaryhandle32", "canary-silent-33"];
/// Words nobody may keep at all.
const NEVER: [&str; 10] = [
    "canary-direct-41",
    "canary-direct-cw-42",
    "canary-private-43",
    "canary-private-cw-44",
    "canary-display-45",
    "canary-profile-46",
    "canary-quoted-47",
    "canary-link-48",
    "canary-stop-49",
    "canary-alt-50",
];

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn holds(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}

fn printed(story: &Story, arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchpost"));
    command.arg("--campaign").arg(story.folder.path()).args(["--log", "debug"]).args(arguments).stdin(Stdio::null());
    let output = command.output().unwrap();
    [output.stdout, output.stderr].concat()
}

/// Somebody uploads a picture and describes it.
async fn picture_with_alt(story: &Story, token: &str, alt: &str) -> String {
    const GIF: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\
        \x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";
    let file = reqwest::multipart::Part::bytes(GIF).file_name("a.gif").mime_str("image/gif").unwrap();
    let form = reqwest::multipart::Form::new().part("file", file).text("description", alt.to_owned());
    let url = format!("http://{}/api/v2/media", story.servers[0].address);
    let answer = reqwest::Client::new().post(url).bearer_auth(token).multipart(form).send().await.unwrap();
    let answer: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    answer["id"].as_str().unwrap().to_owned()
}

#[test]
fn nothing_private_is_kept_logged_or_shown_and_nothing_public_longer_than_a_week() {
    let log = Log::default();
    let writer = log.clone();
    let lines = tracing_subscriber::fmt().with_env_filter("warn,watchpost=debug").with_ansi(false);
    // Another test of the same process may have been faster; nextest gives each its own.
    drop(lines.with_writer(move || writer.clone()).try_init());
    tell(Scene::new(), async |story| {
        let server = story.server().clone();
        let profiled =
            NewAccount::follower("canaryhandle32").display_name("canary-display-45").note("canary-profile-46");
        let profiled = server.add_account(profiled).unwrap();
        let mut words = Draft::new(
            "@eyes what is Rekognition? canary-public-31 https://far.example/canary-link-48\n> canary-quoted-47",
        );
        words.media.push(picture_with_alt(story, &profiled.token, "canary-alt-50").await);
        let public = story.writes("canaryhandle32", words);
        let shown = story.server().look(|state| state.status(public.as_str()).unwrap().media[0].description.clone());
        assert_eq!(shown.as_deref(), Some("canary-alt-50"), "the canary is where it should be seen");
        story.answer_to(&public).await;
        let silent = story.says("bob", "@eyes canary-silent-33");
        story.expect_silence(&silent, "no keyword").await;
        for (who, visibility, text, cw) in [
            ("eve", Visibility::Direct, "@eyes what is Rekognition? canary-direct-41", "canary-direct-cw-42"),
            ("zoe", Visibility::Private, "@eyes what is Rekognition? canary-private-43", "canary-private-cw-44"),
            ("joe", Visibility::Direct, "@eyes stop. canary-stop-49", ""),
        ] {
            let asked = story.writes(who, Draft::new(text).visibility(visibility).warning(cw));
            story.flow_until("it is decided", async || story.decisions(&asked).await == 1).await;
        }
        story.settle().await;
        let number = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let list = number(printed(story, &["mentions", "list", "--json"]));
        for words in [
            vec!["status", "--json"],
            vec!["ledger", "list", "--json"],
            vec!["doctor", "--json"],
            vec!["mentions", "list"],
            vec!["facts", "coverage", "--json"],
            vec!["optouts", "list", "--json"],
        ] {
            let shown = printed(story, &words);
            for canary in NEVER {
                assert!(!holds(&shown, canary), "{words:?} shows {canary}");
            }
        }
        assert!(NEVER.iter().all(|canary| !list.contains(canary)), "{list}");
        // While it runs: the file, the WAL and whatever else stands beside them.
        for canary in NEVER {
            assert!(!holds(&story.folder.database_bytes(), canary), "{canary} is in the database");
        }
        story.advance(8 * DAY).await;
        eventually("texts are purged", async || {
            story.store.heard(100).await.unwrap().iter().all(|heard| heard.text.is_none())
        })
        .await;
        story.advance(Duration::from_secs(2 * 60 * 60)).await;
        story.stop().await.unwrap();
        story.store.close().await;
        for canary in FOR_A_WEEK.into_iter().chain(NEVER) {
            assert!(!holds(&story.folder.database_bytes(), canary), "{canary} is in the database after a week");
        }
        let told = log.0.lock().unwrap().clone();
        assert!(holds(&told, "mention decided"), "the log was caught");
        for canary in FOR_A_WEEK.into_iter().chain(NEVER) {
            assert!(!holds(&told, canary), "{canary} is in the log");
        }
        story.visit_again().await;
        story.start().await;
    });
}

/// Servers repeat in an error what was said and to whom.
#[test]
fn what_a_server_repeats_of_a_refused_reply_is_kept_without_names_and_of_a_private_one_not_at_all() {
    tell(Scene::new(), async |story| {
        story.streaming("eyes").await;
        for (who, visibility, echo) in
            [("ada", Visibility::Public, "canary-echo-51"), ("eve", Visibility::Direct, "canary-echo-52")]
        {
            let body = format!(r#"{{"error":"Validation failed: Text @{who}@far.example {echo} is bad"}}"#);
            story.fault(Fault::on(Endpoint::Create, Trouble::answer(422, body)));
            let asked = story.writes(who, Draft::new("@eyes what is Rekognition?").visibility(visibility));
            story
                .flow_until("it is refused", async || {
                    let rows = story.reply_rows().await;
                    story.decisions(&asked).await == 1 && rows.iter().all(|row| row.state == State::Refused)
                })
                .await;
        }
        let shown = printed(story, &["ledger", "list", "--json"]);
        assert!(holds(&shown, "canary-echo-51"), "what staff may know for a week");
        let stored = story.folder.database_bytes();
        for word in ["ada@far.example", "eve@far.example", "canary-echo-52"] {
            assert!(!holds(&stored, word), "{word} is in the database");
        }
        story.advance(8 * DAY).await;
        let purged = async || story.reply_rows().await.iter().all(|row| row.payload.text.is_empty());
        eventually("it is purged", purged).await;
        // What was overwritten stands in the write-ahead log until the daemon closes it.
        story.stop().await.unwrap();
        story.store.close().await;
        assert!(!holds(&story.folder.database_bytes(), "canary-echo-51"), "it is in the database after a week");
        story.visit_again().await;
        story.start().await;
        assert!(story.store.notices().await.unwrap().is_empty());
    });
}
