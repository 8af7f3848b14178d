//! A campaign folder, its servers and a daemon whose jobs are driven by hand: the clock goes from one due moment to the
//! next, so that months pass in seconds. Files, store, jobs and servers are the real ones; only the loop that wakes the
//! jobs is replaced.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use secrecy::SecretString;
use watchpost::app;
use watchpost::campaign::{self, Campaign};
use watchpost::cli::sim::daemon::{Daemon, Machine, Voices};
use watchpost::clock::{Clock, Dice};
use watchpost::core::delivery::State;
use watchpost::core::ids::{AccountName, PostId};
use watchpost::core::plan::late::Fate;
use watchpost::core::plan::{Plan, plan};
use watchpost::fedi::Http;
use watchpost::jobs::staging::{Prints, stage};
use watchpost::sandbox::{NewAccount, Options, Running, Sandbox};
use watchpost::store::deliveries::Delivery;
use watchpost::store::{Place, Role, Store};

/// Between two plans of a daemon to which nothing else happens. The program plans more often; every plan in between
/// would write the same.
const PLAN_ANEW: chrono::Duration = chrono::Duration::hours(17);

/// The topic posts are about.
const FACTS: &str = "[[sources]]\nid = \"s\"\ntitle = { en = \"t\", es = \"t\" }\ndate = \"2022\"\n\n[[facts]]\nid = \"f\"\n\
    topic = \"ring\"\nkeywords = [\"doorbell\"]\ntext = { en = \"A fact.\", es = \"Un hecho.\" }\nsource = \"s\"\nas_of = \"2022\"\nlink = \"l\"\n";
const LINKS: &str = "[[links]]\nid = \"l\"\nurl = \"https://pledge.org/\"\nlabel = { en = \"Sign\", es = \"Firma\" }\n";

/// What a campaign begins with.
pub(crate) struct Scene<'a> {
    pub(crate) zone: &'a str,
    /// More lines of `[campaign]`.
    pub(crate) rules: &'a str,
    /// Name, server (from 0), more lines of `[[accounts]]`.
    pub(crate) accounts: &'a [(&'a str, usize, &'a str)],
    /// Name and content.
    pub(crate) posts: Vec<(String, String)>,
    /// RFC 3339.
    pub(crate) begins: &'a str,
}

pub(crate) struct Rig {
    folder: tempfile::TempDir,
    servers: Vec<Running>,
    machine: Machine,
    daemon: Option<Daemon>,
    pub(crate) campaign: Campaign,
    planned_at: Option<DateTime<Utc>>,
}

pub(crate) fn at(written: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(written).unwrap().with_timezone(&Utc)
}

/// Runs a story to its end.
pub(crate) fn run(story: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(story);
}

impl Rig {
    /// Sets the scene and starts the daemon.
    pub(crate) async fn new(scene: Scene<'_>) -> Rig {
        let clock = Clock::by_hand(at(scene.begins));
        let folder = tempfile::tempdir().unwrap();
        for name in ["config", "posts", "secrets", "data"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let count = scene.accounts.iter().map(|(_, server, _)| server + 1).max().unwrap();
        let mut servers = Vec::new();
        for number in 0..count {
            let mut options = Options::new(clock.clone());
            for (name, ..) in scene.accounts.iter().filter(|(_, server, _)| *server == number) {
                options = options.account(NewAccount::campaign(*name).token(format!("token-{name}")));
            }
            servers.push(Sandbox::start(options).await.unwrap());
        }
        let mut settings = format!(
            "[campaign]\nname = \"Months\"\ntimezone = \"{}\"\nlanguages = [\"en\", \"es\"]\n{}\n",
            scene.zone, scene.rules
        );
        for (name, server, more) in scene.accounts {
            let url = servers[*server].base_url();
            std::fs::write(folder.path().join(format!("secrets/{name}")), format!("token-{name}")).unwrap();
            settings.push_str(&format!(
                "[[accounts]]\nname = \"{name}\"\nserver = \"{url}\"\ntoken = {{ file = \"secrets/{name}\" }}\n{more}\n"
            ));
        }
        settings.push_str("[store]\nurl = \"sqlite://data/watchpost.db\"\n");
        std::fs::write(folder.path().join("config/watchpost.toml"), settings).unwrap();
        std::fs::write(folder.path().join("config/facts.toml"), FACTS).unwrap();
        std::fs::write(folder.path().join("config/links.toml"), LINKS).unwrap();
        for (name, text) in &scene.posts {
            std::fs::write(folder.path().join(format!("posts/{name}.md")), text).unwrap();
        }
        let campaign = read(folder.path(), clock.now());
        let voices = scene.accounts.iter().map(|(name, server, _)| Voices {
            name: AccountName::new(*name),
            server: servers[*server].base_url(),
            token: SecretString::from(format!("token-{name}")),
        });
        let machine = Machine {
            place: Place::file(&folder.path().join("data/watchpost.db")),
            clock,
            http: Http::new().unwrap(),
            accounts: voices.collect(),
            posts: Vec::new(),
            calendars: Vec::new(),
            mind: std::sync::Arc::new(app::mind(&campaign, None)),
            seed: 7,
        };
        let mut rig = Rig { folder, servers, machine, daemon: None, campaign, planned_at: None };
        rig.start().await;
        rig
    }

    /// Starts the daemon on what the folder holds.
    pub(crate) async fn start(&mut self) {
        let daemon = self.machine.start(None).await.unwrap();
        daemon.ctx.set_desk(app::desk(&self.campaign, None));
        daemon.link().await.unwrap();
        self.daemon = Some(daemon);
        self.plan().await;
    }

    /// Ends the daemon.
    pub(crate) async fn stop(&mut self) {
        self.daemon.take().unwrap().crash().await.unwrap();
    }

    pub(crate) fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().unwrap()
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.machine.clock.now()
    }

    /// Lets time pass and nothing happen.
    pub(crate) fn pass(&self, by: chrono::Duration) {
        self.machine.clock.advance(by.to_std().unwrap());
    }

    /// Plans, as the daemon does now and then.
    pub(crate) async fn plan(&mut self) {
        self.daemon().plan().await.unwrap();
        self.planned_at = Some(self.now());
    }

    /// Writes files and lets the daemon read them.
    pub(crate) async fn write(&mut self, path: &str, text: &str) {
        std::fs::write(self.folder.path().join(path), text).unwrap();
        self.campaign = read(self.folder.path(), self.now());
        self.daemon().ctx.set_desk(app::desk(&self.campaign, None));
        self.plan().await;
    }

    /// Works until `end`, moving the clock from one due moment to the next.
    pub(crate) async fn live_until(&mut self, end: DateTime<Utc>) {
        loop {
            let now = self.now();
            let anew = self.planned_at.map_or(now, |planned| planned + PLAN_ANEW);
            let due = self.daemon().next().await.unwrap();
            let next = due.map_or(anew, |due| due.min(anew)).max(now);
            if end < next {
                self.machine.clock.advance((end - now).to_std().unwrap());
                return;
            }
            self.machine.clock.advance((next - now).to_std().unwrap());
            if anew <= next {
                self.plan().await;
            }
            self.daemon().send_and_look().await.unwrap();
            if next == now && due.is_some_and(|due| due <= now) && self.daemon().next().await.unwrap() == due {
                // Somebody waits for something else to happen; time goes on.
                self.machine.clock.advance(Duration::from_secs(1));
            }
        }
    }

    /// What files and database make of the time from now to `until`, by the function and the knowledge that
    /// `watchpost plan` and the daemon use; beside a daemon, or while none runs.
    pub(crate) async fn promised(&self, until: DateTime<Utc>) -> Plan {
        let now = self.now();
        let (store, _) = Store::open(&self.machine.place, Role::Visitor, &mut Dice::seeded(3)).await.unwrap();
        let (campaign, prints) = (&self.campaign, Prints::default());
        let staged = stage(&store, &campaign.posts, campaign.approval, campaign.zone, &prints).await.unwrap();
        let window = watchpost::jobs::plan::window(&store, now, until).await.unwrap();
        let history = store.history(now).await.unwrap();
        store.close().await;
        plan(&staged.plannable(), &campaign::plan_accounts(campaign), campaign.zone, &history, window)
    }

    /// The promise as `time account text` of each first part.
    pub(crate) fn lines(&self, plan: &Plan) -> Vec<String> {
        let calendars = campaign::plan_accounts(&self.campaign);
        let line = |at: DateTime<Utc>, account: &AccountName, id: &PostId| {
            let post = self.campaign.posts.iter().find(|post| post.id == *id).unwrap();
            let speaks = calendars.iter().find(|calendar| calendar.name == *account).unwrap().speaks.as_ref();
            said_line(at, account.as_str(), post.words_for(account, speaks).0[0].trim())
        };
        let on_time = plan.planned.iter().map(|planned| line(planned.at, &planned.account, &planned.post));
        let late = plan.late.iter().filter_map(|late| match late.fate {
            Fate::Leaves(at) => Some(line(at, &late.what.account, &late.what.post)),
            Fate::Held(_) | Fate::Expired(_) | Fate::TakesNextSlot(_) | Fate::WaitsForResume(_) => None,
        });
        let mut lines: Vec<String> = on_time.chain(late).collect();
        lines.sort();
        lines
    }

    /// What the servers show from `since` on, likewise; later parts of threads left out.
    pub(crate) fn said_since(&self, since: DateTime<Utc>) -> Vec<String> {
        let all = self.servers.iter().flat_map(|server| server.handle().statuses());
        let first = all.filter(|status| status.in_reply_to.is_none() && since <= status.created_at);
        let mut lines: Vec<String> =
            first.map(|status| said_line(status.created_at, &status.account, status.text.trim())).collect();
        lines.sort();
        lines
    }

    /// The texts of an account, oldest first.
    pub(crate) fn texts(&self, account: &str) -> Vec<String> {
        let mut own: Vec<_> = self.servers.iter().flat_map(|server| server.handle().own(account)).collect();
        own.sort_by_key(|status| status.created_at);
        own.into_iter().map(|status| status.text).collect()
    }

    pub(crate) fn server(&self, number: usize) -> Sandbox {
        self.servers[number].handle()
    }

    pub(crate) async fn rows(&self, post: &str) -> Vec<Delivery> {
        self.daemon().ctx.store.deliveries_of_post(&PostId::new(post)).await.unwrap()
    }

    /// State and reason of a post's rows.
    pub(crate) async fn outcome(&self, post: &str) -> Vec<(State, String)> {
        self.rows(post).await.into_iter().map(|row| (row.state, row.reason)).collect()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends the story: every row has come to an end or waits for a person, and says why.
    pub(crate) async fn finish(mut self) {
        let rows = self.daemon().ctx.store.deliveries_in(&State::ALL, 100_000).await.unwrap();
        for row in rows {
            let silent = row.reason.is_empty();
            let ended = matches!(row.state, State::Expired | State::Held | State::Refused | State::Cancelled);
            assert!(!(ended && silent), "a row ended without a word: {row:?}");
            assert!(!matches!(row.state, State::Claimed | State::Armed | State::Unknown), "left open: {row:?}");
        }
        self.stop().await;
        for server in self.servers {
            server.stop().await;
        }
    }
}

fn said_line(at: DateTime<Utc>, account: &str, text: &str) -> String {
    format!("{} {account} {text}", at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// Reads the folder; a mistake in it is the test's.
fn read(folder: &Path, now: DateTime<Utc>) -> Campaign {
    let loaded = campaign::load(folder, now).unwrap();
    let errors: Vec<String> = loaded
        .findings
        .iter()
        .filter(|finding| finding.level == campaign::finding::Level::Error)
        .map(ToString::to_string)
        .collect();
    assert_eq!(errors, Vec::<String>::new());
    loaded.campaign.unwrap()
}
