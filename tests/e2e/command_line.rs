//! The real binary, as staff use it: commands beside a daemon, exit codes, signals, and nothing secret in any output.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use watchpost::core::delivery::State;
use watchpost::sandbox::{Endpoint, Fault, Moment, Trouble};

use crate::harness::{SOON, Scene, Story, eventually, run, tell, token_of};
use crate::terminal::{command, json, stdout, watchpost};

const AT_NINE: &str = "---\nat: 2026-11-27 09:00\n---\nRing works with the police.\n";

#[test]
fn check_says_everything_that_is_wrong_and_its_exit_code_too() {
    tell(Scene::new().post("ring", AT_NINE), async |story| {
        let fine = watchpost(story, &["check"]);
        assert_eq!(fine.status.code(), Some(0), "{}", stdout(&fine));
        story.folder.write_post("bad", "---\nacounts: [eyes]\nat: soon\n---\nBad.\n");
        let findings = watchpost(story, &["check"]);
        assert_eq!(findings.status.code(), Some(1));
        let text = stdout(&findings);
        assert!(text.contains("bad.md") && text.contains("accounts"), "{text}");
        let nowhere = Command::new(env!("CARGO_BIN_EXE_watchpost"))
            .args(["--campaign", "/nowhere/at/all", "check"])
            .output()
            .unwrap();
        assert_eq!(nowhere.status.code(), Some(2));
    });
}

#[test]
fn check_asks_no_network_not_even_for_the_ledger() {
    run(async {
        let mut story = Scene::new().post("ring", AT_NINE).set().await;
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        server.set_nonblocking(true).unwrap();
        let file = story.folder.path().join("config/watchpost.toml");
        let settings: String = std::fs::read_to_string(&file).unwrap();
        let kept = settings.split("[store]").next().unwrap();
        let url = format!("postgres://watchpost@{}/watchpost", server.local_addr().unwrap());
        std::fs::write(&file, format!("{kept}\n[store]\nurl = \"{url}\"\n")).unwrap();
        let fine = watchpost(&story, &["check"]);
        assert_eq!(fine.status.code(), Some(0), "{}", stdout(&fine));
        assert_eq!(server.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "somebody knocked");
        story.finish().await;
    });
}

#[test]
fn plan_shows_the_same_time_the_daemon_keeps() {
    tell(Scene::new().post("ring", AT_NINE), async |story| {
        let plan = json(story, &["plan", "--from", "2026-11-27 00:00", "--json"]);
        assert!(plan.to_string().contains("2026-11-27T09:00"), "{plan}");
        story.until("2026-11-27 09:00").await;
        story.expect_sent("ring").await;
    });
}

#[test]
fn a_post_added_to_the_queue_beside_a_running_daemon_is_seen_and_sent() {
    // The commands read the system's clock, so this daemon does too.
    run(async {
        let mut story = Scene::new().real_time().set().await;
        story.start().await;
        let added = watchpost(&story, &["queue", "add", "We are at the library until six.", "--now"]);
        assert_eq!(added.status.code(), Some(0), "{}", String::from_utf8_lossy(&added.stderr));
        let clock = watchpost::clock::Clock::system();
        story.expect_sent("queue-1").await;
        assert!(clock.boot() < Duration::from_secs(5), "seen within a second, on a busy machine within some");
        assert_eq!(story.texts("eyes"), ["We are at the library until six."]);

        let later = watchpost(&story, &["queue", "add", "In an hour.", "--at", &in_an_hour()]);
        assert_eq!(later.status.code(), Some(0), "{}", String::from_utf8_lossy(&later.stderr));
        story.expect_state("queue-2", State::Planned).await;
        let list = json(&story, &["queue", "list", "--json"]);
        assert!(list.to_string().contains("In an hour."), "{list}");
        assert_eq!(watchpost(&story, &["queue", "hold", "queue-2"]).status.code(), Some(0));
        story.expect_state("queue-2", State::Held).await;
        assert_eq!(watchpost(&story, &["queue", "release", "queue-2"]).status.code(), Some(0));
        story.expect_state("queue-2", State::Planned).await;
        assert_eq!(watchpost(&story, &["queue", "cancel", "queue-2"]).status.code(), Some(0));
        story.expect_state("queue-2", State::Cancelled).await;

        let status = json(&story, &["status", "--json"]);
        assert_eq!(status["running"], true, "{status}");
        assert_eq!(status["deliveries"]["cancelled"], 1, "{status}");
        story.finish().await;
    });
}

#[test]
fn a_near_copy_is_warned_about_and_goes_out_all_the_same() {
    const TEXT: &str =
        "Amazon sells cameras to towns, and police ask for the pictures without a court. Ask your council.";
    run(async {
        let mut story = Scene::new().real_time().set().await;
        story.start().await;
        let first = watchpost(&story, &["queue", "add", TEXT, "--now"]);
        assert_eq!(first.status.code(), Some(0), "{}", String::from_utf8_lossy(&first.stderr));
        assert!(!String::from_utf8_lossy(&first.stdout).contains("alike"));
        story.expect_sent("queue-1").await;
        let near = TEXT.replace("towns", "cities");
        let second = watchpost(&story, &["queue", "add", &near, "--now"]);
        let said = String::from_utf8_lossy(&second.stdout).into_owned();
        assert!(said.contains("nearly the same as queue-1") && said.contains("% alike"), "{said}");
        story.expect_sent("queue-2").await;
        assert_eq!(story.texts("eyes"), [TEXT, near.as_str()]);
        // `check` knows what was said, and what waits in the queue.
        let other =
            "Ring let the police ask for pictures of whole streets, and nobody had to tell those who live there.";
        assert_eq!(watchpost(&story, &["queue", "add", other, "--at", &in_an_hour()]).status.code(), Some(0));
        story
            .folder
            .write_post("said", &format!("---\nat: 2031-01-01 09:00\n---\n{}\n", TEXT.replace("towns", "villages")));
        story.folder.write_post("waits", &format!("---\nat: 2031-01-02 09:00\n---\n{other} Ask.\n"));
        let found = json(&story, &["check", "--json"])["findings"].to_string();
        assert!(found.contains(", which eyes said within 60 days"), "{found}");
        assert!(found.contains("queue-3 in the queue"), "{found}");
        // Posts of the queue are compared with each other; what was cancelled is nobody's copy.
        let near = format!("{other} Then decide.");
        assert_eq!(watchpost(&story, &["queue", "add", &near, "--at", &in_an_hour()]).status.code(), Some(0));
        let found = json(&story, &["check", "--json"])["findings"].clone();
        let mine = |found: &serde_json::Value| found.as_array().unwrap().iter().any(|one| one["file"] == "queue-4");
        assert!(mine(&found), "{found}");
        assert_eq!(watchpost(&story, &["queue", "cancel", "queue-3"]).status.code(), Some(0));
        let found = json(&story, &["check", "--json"])["findings"].clone();
        assert!(!mine(&found), "{found}");
        story.folder.write_post("turned", "---\nat: 2031-01-03 09:00\n---\nRead \u{202e}this.\n");
        let found = json(&story, &["check", "--json"])["findings"].to_string();
        assert!(found.contains("the text holds U+202E"), "{found}");
        let turned = watchpost(&story, &["queue", "add", "Read \u{202e}this."]);
        assert_eq!(turned.status.code(), Some(2));
        story.finish().await;
    });
}

fn in_an_hour() -> String {
    (watchpost::clock::Clock::system().now() + chrono::Duration::hours(1)).to_rfc3339()
}

/// A daemon of the real binary. Killed with the story, whatever happens.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Process {
    fn start(story: &Story) -> Self {
        let child = command(story, &["--log", "debug", "run"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        Self(child.unwrap())
    }

    fn terminate(&self) {
        let killed = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().unwrap();
        assert!(killed.success());
    }

    /// Waits for its end; gives the exit code and what it logged.
    async fn end(&mut self) -> (Option<i32>, String) {
        let mut code = None;
        eventually("the process ends", async || {
            code = self.0.try_wait().unwrap();
            code.is_some()
        })
        .await;
        let mut log = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (code.unwrap().code(), log)
    }
}

#[test]
fn a_process_asked_to_stop_finishes_the_post_on_its_way_and_exits_with_0() {
    run(async {
        let mut story = Scene::new().real_time().set().await;
        story.fault(Fault::on(Endpoint::Create, Trouble::Hang { when: Moment::Before, ms: None }));
        let added = watchpost(&story, &["queue", "add", "On its way.", "--now"]);
        assert_eq!(added.status.code(), Some(0), "{}", String::from_utf8_lossy(&added.stderr));
        let mut process = Process::start(&story);
        story.server().wait_until(|state| state.hanging() == 1, SOON).await.unwrap();
        let second = watchpost(&story, &["run"]);
        assert_eq!(second.status.code(), Some(2), "a second daemon is refused");
        process.terminate();
        story.server().release();
        let (code, log) = process.end().await;
        assert_eq!(code, Some(0), "{log}");
        assert!(story.states("queue-1").await == ["sent"] || story.states("queue-1").await == ["verified"], "{log}");
        assert!(!log.contains(&token_of("eyes")), "the token is in the log");
        story.finish().await;
    });
}

#[test]
fn a_process_killed_in_the_middle_leaves_nothing_that_is_said_twice_and_no_token_in_its_log() {
    run(async {
        let mut story = Scene::new().real_time().set().await;
        story.fault(Fault::on(Endpoint::Create, Trouble::Hang { when: Moment::After, ms: None }));
        watchpost(&story, &["queue", "add", "Said once.", "--now"]);
        let mut process = Process::start(&story);
        story.server().wait_until(|state| state.hanging() == 1, SOON).await.unwrap();
        let secret = "zyzzyva-quagmire-4411";
        story.says("ada", &format!("@eyes hello {secret}"));
        eventually("the mention is decided", async || story.store.heard(9).await.unwrap().len() == 1).await;
        process.0.kill().unwrap();
        let (_, log) = process.end().await;
        assert!(!log.contains(&token_of("eyes")), "the token is in the log");
        assert!(!log.contains(secret), "a follower's words are in the log");
        story.server().release();
        let mut process = Process::start(&story);
        // The first look comes five seconds after the attempt.
        story.expect_sent("queue-1").await;
        process.terminate();
        let (code, log) = process.end().await;
        assert_eq!(code, Some(0), "{log}");
        assert_eq!(story.requests(Endpoint::Create).len(), 1, "it was found, not sent again");
        story.finish().await;
    });
}

#[test]
fn what_everybody_can_read_is_told_with_the_words_to_type_and_a_new_database_is_its_owners() {
    use std::os::unix::fs::PermissionsExt;
    run(async {
        let mut story = Scene::new().set().await;
        for name in ["watchpost.db", "watchpost.db-wal", "watchpost.db-shm", "install.key"] {
            let mode = std::fs::metadata(story.folder.path().join("data").join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        for (name, words) in [
            ("secrets/eyes.token", "chmod 600 secrets/eyes.token"),
            ("data/watchpost.db", "chmod 600 data/watchpost.db"),
        ] {
            let file = story.folder.path().join(name);
            for command in ["check", "doctor"] {
                let out = watchpost(&story, &[command]);
                assert!(!String::from_utf8_lossy(&out.stdout).contains(words), "{command}: {out:?}");
                std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
                let out = watchpost(&story, &[command]);
                assert!(String::from_utf8_lossy(&out.stdout).contains(words), "{command}: {out:?}");
                std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
            }
        }
        story.finish().await;
    });
}
