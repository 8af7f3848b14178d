//! The real program on a real database and real sockets, killed with SIGKILL at random instants while posts fall due and
//! people ask: alone on a SQLite file, and two of it on one PostgreSQL database, of which one or both are killed.
//!
//! What it proves: whatever instant a kill hits, everything is said once, nothing is said that no row wanted, no mention
//! is missed or decided twice, and every row comes to its end. That last takes the real time of the last look: two
//! minutes after an attempt, five on a server without keys, and up to one more until a dead daemon's lease runs out.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::future::join_all;
use secrecy::SecretString;
use watchpost::clock::{Clock, Dice};
use watchpost::core::delivery::State;
use watchpost::core::ids::{AccountName, Lang, PostId};
use watchpost::core::post::{Moment, Post, When};
use watchpost::sandbox::{Endpoint, Ever, NewAccount, Options, Part, Profile, Sandbox, StatusSeen};
use watchpost::sandbox::{Fault, Moment as FaultMoment, Trouble};
use watchpost::store::deliveries::{Delivery, Of};
use watchpost::store::schema::SchemaName;
use watchpost::store::{Place, Role, Store};

/// Posts and mentions between two kills.
const LOAD: u64 = 3;

/// How long the rows may take to end after the last kill, by the real clock: the last look of a second attempt on a
/// server without keys, and a lease.
const ENDS: Duration = Duration::from_secs(900);

/// Nobody does more to these, but a person.
const ENDED: [State; 5] = [State::Verified, State::Expired, State::Cancelled, State::Held, State::Refused];

/// How long a daemon may take to say something: more than a lease.
const SPEAKS: Duration = Duration::from_secs(120);

/// One loop.
#[derive(Clone, Copy, Debug)]
struct Plan {
    profile: &'static str,
    /// How often something is killed in the test command; `WATCHPOST_KILLS` says otherwise.
    kills: u64,
    seed: u64,
    daemons: usize,
    accounts: &'static [&'static str],
}

fn asked_for(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a person who wants more kills says so")]
    std::env::var(name).ok()?.parse().ok()
}

/// The running program; killed when dropped.
struct Life(Child);

impl Life {
    fn begin(root: &Path) -> Life {
        let child = Command::new(env!("CARGO_BIN_EXE_watchpost"))
            .arg("--campaign")
            .arg(root)
            .args(["--log", "error", "run"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Life(child.unwrap())
    }

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

/// Where the ledger is.
struct Base {
    url: String,
    place: Place,
    /// The server and the schema to remove.
    schema: Option<(Place, SchemaName)>,
}

impl Base {
    async fn of(plan: Plan, root: &Path) -> Base {
        if plan.daemons == 1 {
            let file: PathBuf = root.join("data/watchpost.db");
            let url = "sqlite://data/watchpost.db".to_owned();
            return Base { url, place: Place::file(&file), schema: None };
        }
        let url = crate::postgres();
        let server = Place::new(&SecretString::from(url.as_str()), root);
        let words = format!("kills_{}_{}", plan.profile, std::process::id());
        let name = SchemaName::new(&words);
        let place = server.new_schema(&name, root).await.unwrap();
        let sign = if url.contains('?') { '&' } else { '?' };
        Base { url: format!("{url}{sign}options[search_path]={words}"), place, schema: Some((server, name)) }
    }
}

fn campaign_folder(root: &Path, server: &str, accounts: &[&str], store: &str) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    for folder in ["config", "posts", "data"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    for name in ["facts.toml", "links.toml", "commands.toml"] {
        std::fs::copy(shipped.join(name), root.join("config").join(name)).unwrap();
    }
    let mut settings = "[campaign]\nname = \"Kill loop\"\ntimezone = \"UTC\"\nlanguages = [\"en\", \"es\"]\n\
         hashtags = [\"#EyesOnAmazon\"]\n\n"
        .to_owned();
    for account in accounts {
        std::fs::write(root.join(format!("{account}.token")), format!("{account}-token")).unwrap();
        settings.push_str(&format!(
            "[[accounts]]\nname = \"{account}\"\nserver = \"{server}\"\ntoken = {{ file = \"{account}.token\" }}\n\n"
        ));
    }
    settings.push_str(&format!("[store]\nurl = \"{store}\"\n"));
    std::fs::write(root.join("config/watchpost.toml"), settings).unwrap();
}

/// Looks again and again until it holds; false when `within` has passed.
async fn until(within: Duration, holds: impl AsyncFn() -> bool) -> bool {
    let wait = async {
        let mut looks = tokio::time::interval(Duration::from_millis(200));
        while !holds().await {
            looks.tick().await;
        }
    };
    tokio::time::timeout(within, wait).await.is_ok()
}

/// What was asked for so far.
#[derive(Default)]
struct Asked {
    posts: Vec<String>,
    mentions: Vec<String>,
}

struct Scene {
    plan: Plan,
    sandbox: Sandbox,
    store: Store,
    clock: Clock,
    dice: Dice,
    asked: Asked,
}

impl Scene {
    /// Posts that fall due within a second, and people who ask.
    async fn load(&mut self, kill: u64) {
        for number in 0..LOAD {
            let now = self.clock.now();
            let at = now + chrono::Duration::milliseconds(i64::try_from(self.dice.below(700)).unwrap());
            let words: Vec<String> = (0..6).map(|_| format!("word{}", self.dice.below(100_000))).collect();
            let text = format!("post {kill}-{number}: {}", words.join(" "));
            let parts = if self.dice.below(4) == 0 {
                vec![format!("{text}, one"), format!("{} two", words.join("x"))]
            } else {
                vec![text]
            };
            self.asked.posts.extend(parts.clone());
            let when = When::At(Moment::Instant(at.fixed_offset()));
            let queued = Post::new(PostId::new(""), when, Lang::new("en"), parts);
            self.store.queue_add(&queued, now).await.unwrap();
            let chance = usize::try_from(self.dice.below(self.plan.accounts.len() as u64)).unwrap();
            let to = self.plan.accounts.get(chance).unwrap();
            let words = format!("@{to} does Ring give footage to the police?");
            let asked = self.sandbox.mention(&format!("person{kill}x{number}"), &words).unwrap();
            self.asked.mentions.push(asked.as_str().to_owned());
        }
    }

    async fn rows(&self) -> Vec<Delivery> {
        self.store.deliveries_in(&State::ALL, 100_000).await.unwrap()
    }

    async fn everything_ended(&self) -> bool {
        let posts = self.asked.posts.len() * self.plan.accounts.len();
        let rows = self.rows().await;
        let of_posts = rows.iter().filter(|row| matches!(row.of, Of::Post { .. })).count();
        let heard = self.store.heard(100_000).await.unwrap().len();
        heard >= self.asked.mentions.len() && of_posts >= posts && rows.iter().all(|row| ENDED.contains(&row.state))
    }

    /// The ledger against the server's own list; the sentences say what is wrong.
    async fn audit(&self, kills: u64) -> Vec<String> {
        let all: Vec<StatusSeen> = self.sandbox.look(|state| state.everything().collect());
        let own: Vec<&StatusSeen> = all.iter().filter(|seen| seen.part == Part::Campaign).collect();
        let rows = self.rows().await;
        let heard = self.store.heard(100_000).await.unwrap();
        let mut wrong = Vec::new();
        let mut require = |holds: bool, words: String| {
            if !holds {
                wrong.push(words);
            }
        };
        let twice = self.sandbox.look(|state| state.duplicates(Ever::Yes));
        require(twice == 0, format!("{twice} statuses were said twice"));
        for row in rows.iter().filter(|row| row.state != State::Verified) {
            let (state, wait) = (row.state.as_str(), row.not_before);
            let words = format!("row {} of {} ended {state}", row.id, row.account);
            require(false, format!("{words} ({}), not before {wait:?}, {} attempts", row.reason, row.attempt));
        }
        for seen in &own {
            let owners = rows.iter().filter(|row| row.status.as_ref().is_some_and(|id| id.as_str() == seen.id)).count();
            require(owners == 1, format!("{owners} rows own {:?}", seen.text));
        }
        for text in &self.asked.posts {
            for account in self.plan.accounts {
                let of = |row: &&Delivery| &row.payload.text == text && row.account == AccountName::new(*account);
                require(rows.iter().filter(of).count() == 1, format!("rows of {text:?} on {account}"));
                let said = own.iter().filter(|seen| &seen.text == text && seen.account.starts_with(account)).count();
                require(said == 1, format!("{text:?} was said {said} times on {account}"));
            }
        }
        let decided: HashSet<&str> = heard.iter().map(|mention| mention.status.as_str()).collect();
        require(decided.len() == heard.len(), "a mention was decided twice".to_owned());
        for mention in &self.asked.mentions {
            require(decided.contains(mention.as_str()), format!("mention {mention} has no decision"));
            let answers = own.iter().filter(|seen| seen.in_reply_to.as_ref() == Some(mention)).count();
            require(answers <= 1, format!("mention {mention} was answered {answers} times"));
        }
        let answered = own.iter().filter(|seen| !seen.mentions.is_empty()).count();
        let (statuses, mentions) = (own.len(), heard.len());
        let (Plan { daemons, profile, .. }, rows) = (self.plan, rows.len());
        println!(
            "{daemons} daemons on {profile}: {kills} kills, {statuses} statuses, {answered} of them replies, {rows} rows, {mentions} mentions"
        );
        wrong
    }
}

/// Plays one loop; the sentences say what is wrong at its end.
async fn check(plan: Plan) -> Vec<String> {
    let kills = asked_for("WATCHPOST_KILLS").unwrap_or(plan.kills);
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let clock = Clock::system();
    let mut options = Options::new(clock.clone()).unlimited();
    options.profile = Profile { limits: None, ..Profile::named(plan.profile).unwrap() };
    for account in plan.accounts {
        options = options.account(NewAccount::campaign(*account).token(format!("{account}-token")));
    }
    let running = Sandbox::start(options).await.unwrap();
    let sandbox = running.handle();
    let base = Base::of(plan, root).await;
    campaign_folder(root, &running.base_url(), plan.accounts, &base.url);
    let mut dice = Dice::seeded(asked_for("WATCHPOST_SEED").unwrap_or(plan.seed));
    let (store, _) = Store::open(&base.place, Role::Visitor, &mut Dice::from_system()).await.unwrap();
    let mut lives: Vec<Life> = (0..plan.daemons).map(|_| Life::begin(root)).collect();
    // What was written before the first look at notifications is not ours to answer.
    let listening = until(SPEAKS, async || {
        let known = store.accounts().await.unwrap();
        known.len() == plan.accounts.len() && known.values().all(|account| account.listening_since.is_some())
    });
    assert!(listening.await, "{plan:?}: the program does not listen");
    // Answers take their time, so that kills meet requests on their way; some are lost after the deed, some before.
    let create = |what, share| Fault::on(Endpoint::Create, what).always().chance(share);
    sandbox.fault(create(Trouble::Hang { when: FaultMoment::After, ms: Some(30) }, 0.5));
    sandbox.fault(create(Trouble::accepted_but(502), 0.1));
    sandbox.fault(create(Trouble::Cut { when: FaultMoment::Before }, 0.03));
    let doomed = |dice: &mut Dice| usize::try_from(dice.below(3)).unwrap();
    let mut scene = Scene {
        plan,
        sandbox: sandbox.clone(),
        store,
        clock,
        dice: Dice::seeded(dice.below(u64::MAX)),
        asked: Asked::default(),
    };
    for kill in 0..kills {
        let said = sandbox.look(|state| state.everything().filter(|seen| seen.part == Part::Campaign).count());
        scene.load(kill).await;
        if dice.below(2) == 0 {
            // Every other life comes to something; what it comes to, chance decides.
            let more = |state: &watchpost::sandbox::State| {
                state.everything().filter(|seen| seen.part == Part::Campaign).count() > said
            };
            sandbox.wait_until(more, SPEAKS).await.unwrap();
        }
        // The instant of the kill: any, from before the first request of this life to well after the last.
        tokio::time::sleep(Duration::from_millis(dice.below(1_500))).await;
        let which = doomed(&mut dice);
        for (number, life) in lives.iter_mut().enumerate() {
            // Of two, the one, the other, or both.
            if plan.daemons == 1 || which == 2 || which == number {
                life.end();
                *life = Life::begin(root);
            }
        }
    }
    sandbox.clear_faults();
    until(ENDS, async || scene.everything_ended().await).await;
    let wrong = scene.audit(kills).await;
    for life in &mut lives {
        life.end();
    }
    scene.store.close().await;
    if let Some((server, name)) = &base.schema {
        server.drop_schema(name).await.unwrap();
    }
    running.stop().await;
    wrong.into_iter().map(|words| format!("{} daemons on {}: {words}", plan.daemons, plan.profile)).collect()
}

/// All loops at once: they mostly wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_instant_the_program_says_everything_once() {
    let alone = Plan { profile: "mastodon", kills: 10, seed: 1, daemons: 1, accounts: &["eyes"] };
    let keyless = Plan { profile: "gotosocial", seed: 2, ..alone };
    let two = Plan { kills: 5, seed: 3, daemons: 2, accounts: &["eyes", "ears", "mouth"], ..alone };
    let two_keyless = Plan { profile: "gotosocial", seed: 4, ..two };
    let broken: Vec<String> = join_all([alone, keyless, two, two_keyless].map(check)).await.concat();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
