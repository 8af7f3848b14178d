//! A Mastodon-compatible server in memory, over real HTTP: `watchpost demo`, `watchpost sandbox`, every end-to-end test.
//!
//! It models the server, not the bot: it shares no rule of counting, matching or composing with the code it tests, and
//! a client nobody here wrote (megalodon) checks it in `tests/sandbox_fidelity/`.
//!
//! Where things are: what the server knows [`state`], how it behaves [`profile`], what goes wrong on command
//! [`faults`], what every request passes [`gate`], the endpoints [`api`], the hand of a test [`handle`] and the same
//! over HTTP [`control`], the page people see [`page`].
//!
//! Invariants: all time comes from the [`Clock`] it is given (only hangs and stream pings wait in real time); the state
//! is behind one std `Mutex` that is never held over an `await`; every change wakes those who wait for a state; a
//! stopped sandbox has ended every task and stream it started.

mod answer;
mod api;
mod attempt;
mod control;
mod create;
mod endpoint;
mod entity;
mod faults;
mod fit;
mod gate;
mod handle;
mod html;
mod ids;
mod key_store;
mod late;
mod length;
mod limits;
mod mangle;
mod notify;
mod page;
mod paging;
mod params;
mod people;
pub mod profile;
mod refused;
mod revise;
mod scan;
mod seen;
mod state;
mod traffic;
mod wire;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::{Clock, Dice};

pub use create::{Draft, PollDraft, ReplyPolicy};
pub use endpoint::Endpoint;
pub use faults::{Fault, Moment, Trouble};
pub use handle::{StreamEnd, TimedOut};
pub use ids::{AccountKey, MediaKey, NotificationKey, StatusKey};
pub use people::{Answers, Credentials, NewAccount};
pub use profile::{
    Existence, Heed, Idempotency, LengthRule, Limits, LocalAcct, PolicyForm, Profile, Requests, Sorting, Unlisted,
    Window,
};
pub use refused::Refused;
pub use seen::{Ever, MediaSeen, RequestSeen, StatusSeen};
pub use state::{Part, Policy, Rule, State};

/// How long [`Running::stop`] waits for requests under way.
const LAST_CALL: Duration = Duration::from_secs(5);

/// How a sandbox is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// All its times come from here.
    pub clock: Clock,
    /// Accounts to begin with.
    pub accounts: Vec<NewAccount>,
    /// How the server behaves.
    pub profile: Profile,
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Seed of its chance: tokens, faults with a share.
    pub seed: u64,
    /// How many requests the log keeps, newest last.
    pub requests_kept: usize,
    /// How often open streams are pinged; real time.
    pub ping_every: Duration,
}

impl Options {
    /// Mastodon on a free port of loopback, nobody there yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            accounts: Vec::new(),
            profile: Profile::mastodon(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            seed: 0,
            requests_kept: 100_000,
            ping_every: Duration::from_secs(30),
        }
    }

    /// With one more account.
    #[must_use]
    pub fn account(mut self, account: NewAccount) -> Self {
        self.accounts.push(account);
        self
    }

    /// Without windows, for measuring.
    #[must_use]
    pub fn unlimited(mut self) -> Self {
        self.profile.limits = None;
        self
    }
}

/// Why a sandbox could not start or do what its hand was told.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The address cannot be listened on.
    #[error("The sandbox cannot listen on {address}; choose another address or port.")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The name is taken.
    #[error("The sandbox already has an account named {0}; choose another name.")]
    NameTaken(String),
    /// Letters, digits and underscores only.
    #[error("`{0}` is no account name; use letters, digits and underscores, with @host for other servers.")]
    BadName(String),
    /// Nobody of that name.
    #[error("The sandbox has no account named {0}; create it first.")]
    NoAccount(String),
    /// The server's own rules say no.
    #[error("The sandbox refused it: {0}")]
    Refused(#[from] Refused),
}

/// The hand inside the server: cheap to clone, usable from any thread.
#[derive(Clone, Debug)]
pub struct Sandbox(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Counts changes.
    changed: watch::Sender<u64>,
    /// Counts releases of hanging requests.
    released: watch::Sender<u64>,
    clock: Clock,
    stop: CancellationToken,
    tasks: TaskTracker,
    traffic: traffic::Traffic,
    ping_every: Duration,
}

/// A sandbox that is serving.
#[derive(Debug)]
pub struct Running {
    sandbox: Sandbox,
    address: SocketAddr,
    server: JoinHandle<std::io::Result<()>>,
}

impl Sandbox {
    /// Starts serving.
    ///
    /// # Errors
    /// When the address is taken, or two accounts bear one name.
    pub async fn start(options: Options) -> Result<Running, SandboxError> {
        let refused = |source| SandboxError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let domain = address.to_string();
        let dice = Dice::seeded(options.seed);
        let state = State::new(options.profile, format!("http://{domain}"), domain, dice, options.requests_kept.max(1));
        let sandbox = Sandbox(Arc::new(Shared {
            state: Mutex::new(state),
            traffic: traffic::Traffic::default(),
            changed: watch::Sender::new(0),
            released: watch::Sender::new(0),
            clock: options.clock,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            ping_every: options.ping_every,
        }));
        for account in options.accounts {
            sandbox.add_account(account)?;
        }
        let service = api::router(sandbox.clone()).into_make_service_with_connect_info::<wire::Cutter>();
        let stop = sandbox.0.stop.clone();
        let doors = wire::Doors(listener, sandbox.0.traffic.clone());
        let server =
            tokio::spawn(
                async move { axum::serve(doors, service).with_graceful_shutdown(stop.cancelled_owned()).await },
            );
        Ok(Running { sandbox, address, server })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while holding the lock is a bug of its own and must not hide behind poison.
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.late.is_empty() {
            state.ripen(self.0.clock.now());
        }
        state
    }

    /// Changes the state and wakes those who wait for one.
    pub(crate) fn change<T>(&self, with: impl FnOnce(&mut State) -> T) -> T {
        let result = with(&mut self.lock());
        self.0.changed.send_modify(|count| *count += 1);
        result
    }

    /// Reads the state, e.g. `sandbox.look(|state| state.own("eyes"))`.
    pub fn look<T>(&self, with: impl FnOnce(&State) -> T) -> T {
        with(&self.lock())
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }
}

impl Running {
    /// `http://127.0.0.1:PORT`
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The hand inside.
    #[must_use]
    pub fn handle(&self) -> Sandbox {
        self.sandbox.clone()
    }

    /// Ends every stream and hanging request, then the server; returns when all of it is over.
    pub async fn stop(self) {
        let shared = &self.sandbox.0;
        shared.stop.cancel();
        shared.tasks.close();
        // A client that never finishes its request is not waited for; an error is a socket that is closed already.
        let mut server = self.server;
        if tokio::time::timeout(LAST_CALL, &mut server).await.is_err() {
            server.abort();
        }
        shared.tasks.wait().await;
    }
}
