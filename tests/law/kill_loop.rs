//! The real program on a real database file and real sockets, killed with SIGKILL at random instants while posts fall
//! due and people ask.
//!
//! What it proves: whatever instant a kill hits, nothing is said twice, nothing is said that no row wanted, no mention
//! is missed or decided twice. What it does not: that what is unclear becomes clear (looks come 5 to 300 s after an
//! attempt by the machine's own clock; the grid and the simulation move a clock by hand for that). Rows that are still
//! unclear at the end are counted and shown.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use watchpost::cli::sim::daemon::Machine;
use watchpost::clock::{Clock, Dice};
use watchpost::core::delivery::State;
use watchpost::core::ids::{Lang, PostId};
use watchpost::core::post::{Moment, Post, When};
use watchpost::sandbox::{Endpoint, Ever, Fault, NewAccount, Options, Part, Profile, Sandbox, StatusSeen, Trouble};
use watchpost::store::{Place, Role, Store};

/// How often the program is killed in the test command; `WATCHPOST_KILLS` says otherwise.
const KILLS: u64 = 10;

/// Posts and mentions between two kills.
const LOAD: u64 = 3;

fn asked_for(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a person who wants more kills says so")]
    std::env::var(name).ok()?.parse().ok()
}

fn campaign_folder(root: &Path, server: &str) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    std::fs::create_dir_all(root.join("config")).unwrap();
    std::fs::create_dir_all(root.join("posts")).unwrap();
    for name in ["facts.toml", "links.toml", "commands.toml"] {
        std::fs::copy(shipped.join(name), root.join("config").join(name)).unwrap();
    }
    std::fs::write(root.join("eyes.token"), "eyes-token").unwrap();
    let settings = format!(
        "[campaign]\nname = \"Kill loop\"\ntimezone = \"UTC\"\nlanguages = [\"en\", \"es\"]\nhashtags = [\"#EyesOnAmazon\"]\n\n\
         [[accounts]]\nname = \"eyes\"\nserver = \"{server}\"\ntoken = {{ file = \"eyes.token\" }}\n\n\
         [store]\nurl = \"sqlite://data/watchpost.db\"\n"
    );
    std::fs::write(root.join("config/watchpost.toml"), settings).unwrap();
}

/// The running program; killed when dropped.
struct Life(Child);

impl Life {
    /// SIGKILL, and waits until it is gone.
    fn end(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        // Killed already, unless a test failed before.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn run(root: &Path) -> Life {
    let child = Command::new(env!("CARGO_BIN_EXE_watchpost"))
        .arg("--campaign")
        .arg(root)
        .args(["--log", "error", "run"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Life(child.unwrap())
}

async fn check(profile: &str, seed: u64) {
    let kills = asked_for("WATCHPOST_KILLS").unwrap_or(KILLS);
    let mut dice = Dice::seeded(asked_for("WATCHPOST_SEED").unwrap_or(seed));
    let clock = Clock::system();
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::new(clock.clone()).account(NewAccount::campaign("eyes").token("eyes-token"));
    options.profile = Profile::named(profile).unwrap();
    let running = Sandbox::start(options).await.unwrap();
    let sandbox = running.handle();
    campaign_folder(folder.path(), &running.base_url());
    let database = folder.path().join("data/watchpost.db");
    std::fs::create_dir_all(folder.path().join("data")).unwrap();
    Machine::template(&database).await.unwrap();
    let (store, _) = Store::open(&Place::file(&database), Role::Visitor, &mut Dice::from_system()).await.unwrap();
    // Answers take their time, so that kills meet requests on their way; some are lost after the deed.
    sandbox.fault(
        Fault::on(Endpoint::Create, Trouble::Hang { when: watchpost::sandbox::Moment::After, ms: Some(30) })
            .always()
            .chance(0.5),
    );
    sandbox.fault(Fault::on(Endpoint::Create, Trouble::accepted_but(502)).always().chance(0.1));
    let mut daemon = run(folder.path());
    let listening =
        |state: &watchpost::sandbox::State| state.requests().any(|seen| seen.endpoint == Endpoint::Notifications);
    sandbox.wait_until(listening, Duration::from_secs(30)).await.unwrap();
    // What was written before the first look at notifications is not ours to answer.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let mut posts = Vec::new();
    for kill in 0..kills {
        for number in 0..LOAD {
            let now = clock.now();
            let at = now + chrono::Duration::milliseconds(i64::try_from(dice.below(700)).unwrap());
            let words: Vec<String> = (0..6).map(|_| format!("word{}", dice.below(100_000))).collect();
            let text = format!("post {kill}-{number}: {}", words.join(" "));
            let parts = if dice.below(4) == 0 {
                vec![format!("{text}, one"), format!("{} two", words.join("x"))]
            } else {
                vec![text]
            };
            posts.extend(parts.clone());
            let when = When::At(Moment::Instant(at.fixed_offset()));
            let queued = Post::new(PostId::new(""), when, Lang::new("en"), parts);
            store.queue_add(&queued, now).await.unwrap();
            sandbox.mention(&format!("person{kill}x{number}"), "@eyes does Ring give footage to the police?").unwrap();
        }
        // The instant of the kill: any, from before the first request of this life to well after the last.
        tokio::time::sleep(Duration::from_millis(dice.below(1_500))).await;
        daemon.end();
        daemon = run(folder.path());
    }
    // The last life does what is left; what is unclear waits for its look.
    sandbox.clear_faults();
    let mentions = usize::try_from(kills * LOAD).unwrap();
    let deadline = clock.now() + chrono::Duration::seconds(25);
    let is_done = async {
        loop {
            let heard = store.heard(10_000).await.unwrap();
            let open = store.deliveries_in(&[State::Planned, State::Claimed, State::Armed], 10_000).await.unwrap();
            let due = open.iter().filter(|row| row.not_before.is_some_and(|at| at <= clock.now())).count();
            if (heard.len() >= mentions && due == 0) || clock.now() > deadline {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    is_done.await;
    daemon.end();
    let own: Vec<StatusSeen> =
        sandbox.look(|state| state.everything().filter(|seen| seen.part == Part::Campaign).collect());
    let rows = store.deliveries_in(&State::ALL, 100_000).await.unwrap();
    let heard = store.heard(100_000).await.unwrap();
    assert_eq!(sandbox.look(|state| state.duplicates(Ever::Yes)), 0, "something was said twice");
    assert_eq!(heard.len(), mentions, "mentions missed or decided twice");
    for seen in &own {
        let wanted = rows.iter().any(|row| row.payload.text == seen.text);
        assert!(wanted, "nobody wanted {:?}", seen.text);
    }
    for text in &posts {
        assert_eq!(rows.iter().filter(|row| &row.payload.text == text).count(), 1, "rows of {text:?}");
    }
    let count = |state| rows.iter().filter(|row| row.state == state).count();
    for row in rows.iter().filter(|row| matches!(row.state, State::Sent | State::Verified)) {
        let stands = own.iter().any(|seen| row.status.as_ref().is_some_and(|id| id.as_str() == seen.id));
        assert!(stands, "row {} says it was sent, and it is not there", row.id);
    }
    let ended_otherwise = count(State::Held) + count(State::Refused) + count(State::Expired) + count(State::Cancelled);
    println!(
        "{profile}: {kills} kills, {} statuses, {} rows: {} verified, {} sent, {} unknown, {} planned, {ended_otherwise} ended otherwise",
        own.len(),
        rows.len(),
        count(State::Verified),
        count(State::Sent),
        count(State::Unknown),
        count(State::Planned),
    );
    assert_eq!(ended_otherwise, 0, "no fault of this test ends a row");
    assert!(own.len() > usize::try_from(kills).unwrap(), "hardly anything was said");
    store.close().await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_instant_the_program_says_nothing_twice_on_a_server_with_keys() {
    check("mastodon", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_instant_the_program_says_nothing_twice_on_a_server_without_keys() {
    check("gotosocial", 2).await;
}
