//! Setting the scene: which accounts on which servers, which settings, which files stand there before the start.

use chrono::{DateTime, Utc};
use watchpost::clock::{Clock, Dice};
use watchpost::sandbox::{NewAccount, Options, Profile, Running, Sandbox};
use watchpost::store::{Place, Role, Store};

use super::{Folder, Server, Story};

/// What a story begins with: by default the account `eyes` on one Mastodon, Friday 27 November 2026, 08:00 in New York.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) accounts: Vec<(String, usize)>,
    pub(crate) slots: Vec<(String, String)>,
    pub(crate) replies: String,
    pub(crate) campaign: String,
    pub(crate) profiles: Vec<Profile>,
    pub(crate) posts: Vec<(String, String)>,
    pub(crate) clock: Option<Clock>,
}

impl Scene {
    /// One account, one server.
    pub(crate) fn new() -> Self {
        Self {
            accounts: vec![("eyes".to_owned(), 0)],
            slots: Vec::new(),
            replies: String::new(),
            campaign: String::new(),
            profiles: vec![Profile::mastodon()],
            posts: Vec::new(),
            clock: None,
        }
    }

    /// A second account, `vigila`, on the same server.
    pub(crate) fn with_vigila(mut self) -> Self {
        self.accounts.push(("vigila".to_owned(), 0));
        self
    }

    /// A second account, `vigila`, on a server of its own.
    pub(crate) fn with_vigila_elsewhere(mut self) -> Self {
        self.accounts.push(("vigila".to_owned(), 1));
        self.profiles.push(Profile::mastodon());
        self
    }

    /// The weekly times of an account, as TOML.
    pub(crate) fn slots(mut self, account: &str, slots: &str) -> Self {
        self.slots.push((account.to_owned(), slots.to_owned()));
        self
    }

    /// Lines for the settings below the accounts.
    pub(crate) fn settings(mut self, toml: &str) -> Self {
        self.replies.push_str(toml);
        self.replies.push('\n');
        self
    }

    /// Changes how the first server behaves.
    pub(crate) fn server(mut self, change: impl FnOnce(&mut Profile)) -> Self {
        change(&mut self.profiles[0]);
        self
    }

    /// Further lines of `[campaign]`.
    pub(crate) fn campaign(mut self, lines: &str) -> Self {
        self.campaign.push_str(lines);
        self
    }

    /// A post that is there before the daemon starts.
    pub(crate) fn post(mut self, name: &str, text: &str) -> Self {
        self.posts.push((name.to_owned(), text.to_owned()));
        self
    }

    /// Time by the system's clock: for stories about the real binary.
    pub(crate) fn real_time(mut self) -> Self {
        self.clock = Some(Clock::system());
        self
    }

    /// Starts the servers and writes the folder; the daemon is not started.
    pub(crate) async fn set(self) -> Story {
        let clock = self.clock.clone().unwrap_or_else(|| Clock::by_hand(eight_in_new_york()));
        let mut servers = Vec::new();
        for (index, profile) in self.profiles.iter().enumerate() {
            let accounts: Vec<String> =
                self.accounts.iter().filter(|(_, server)| *server == index).map(|(name, _)| name.clone()).collect();
            let running = open(&accounts, profile, &clock, std::net::SocketAddr::from(([127, 0, 0, 1], 0))).await;
            let (hand, address) = (running.handle(), running.address());
            servers.push(Server { accounts, hand, address, running: Some(running) });
        }
        let folder = Folder::write(&self, &servers);
        let store = visit(&folder).await;
        Story { folder, clock, servers, daemon: None, store, leftovers: Vec::new(), scene: self }
    }
}

/// Opens the database of a folder as a command beside the daemon does; makes it when it is not there.
pub(crate) async fn visit(folder: &Folder) -> Store {
    // A database made anew gets a key of its own, as it would in life.
    static INSTALL: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(7);
    let mut dice = Dice::seeded(INSTALL.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
    let (store, _) = Store::open(&Place::file(&folder.database()), Role::Visitor, &mut dice).await.unwrap();
    store
}

/// Starts a server with these accounts.
pub(crate) async fn open(
    accounts: &[String],
    profile: &Profile,
    clock: &Clock,
    listen: std::net::SocketAddr,
) -> Running {
    let mut options = Options { profile: profile.clone(), listen, ..Options::new(clock.clone()) };
    for name in accounts {
        options = options.account(NewAccount::campaign(name).token(token_of(name)));
    }
    Sandbox::start(options).await.unwrap()
}

/// The token of an account: a word that must never be seen anywhere else.
pub(crate) fn token_of(account: &str) -> String {
    format!("canary-token-{account}-7f3a9c")
}

fn eight_in_new_york() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-11-27T08:00:00-05:00").unwrap().with_timezone(&Utc)
}
