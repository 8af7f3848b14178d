//! One cell of the grid: a delivery meets an outcome, the daemon dies at a point, comes back after a while, and works
//! until nothing is left to do.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use watchpost::cli::sim::daemon::{Daemon, Ended, Machine, Voices};
use watchpost::clock::Clock;
use watchpost::core::decision::Mind;
use watchpost::core::ids::{AccountName, Lang, PostId};
use watchpost::core::plan::AccountCalendar;
use watchpost::core::post::{Media, Moment, Post, Visibility, When};
use watchpost::fedi::{Fedi, Http, Link};
use watchpost::jobs::context::LinkState;
use watchpost::jobs::points::{Gate, Passage, Point};
use watchpost::sandbox::{
    Draft, Endpoint, Fault, Moment as FaultMoment, NewAccount, Options, Profile, Running, Sandbox, Trouble,
};

use watchpost::store::Place;

use crate::audit::{self, Found};
use crate::outcome::{Outcome, Patience, Release};

/// What is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Post,
    /// Expires 20 minutes after its time.
    ShortLived,
    /// Three parts; the trouble meets this one.
    Thread(usize),
    Reply,
    DirectReply,
    /// All places for replies are taken when it is decided: it waits in the ledger.
    ReplyInTurn,
}

/// Where the daemon dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    Nowhere,
    At(Point),
    /// The request is on its way.
    InFlight,
}

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Mastodon,
    /// Ignores keys, shows own directs.
    Keyless,
    /// Ignores keys, hides own directs in the own list.
    KeylessShy,
    /// A family with habits of its own.
    Other(&'static str),
}

impl Server {
    pub(crate) fn profile(self) -> Profile {
        match self {
            Server::Mastodon => Profile::mastodon(),
            Server::Keyless => Profile::gotosocial(),
            Server::KeylessShy => Profile::takahe(),
            Server::Other(name) => Profile::named(name).unwrap(),
        }
    }

    /// Whether the same key over all attempts makes one status, whatever happens.
    pub(crate) fn has_keys(self) -> bool {
        match self {
            Server::Mastodon => true,
            Server::Keyless | Server::KeylessShy => false,
            // A key it refused twice is given up after the last look (pixelfed).
            // Of two requests with one key that overlap both post before Mastodon 4.6; where every status comes late
            // they may overlap for long.
            Server::Other("mastodon-late") => false,
            Server::Other(name) => name.starts_with("mastodon-") || name == "hollo",
        }
    }

    /// Whether a post needs a picture.
    fn wants_pictures(self) -> bool {
        self == Server::Other("pixelfed")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) server: Server,
    pub(crate) kind: Kind,
    pub(crate) outcome: Outcome,
    pub(crate) crash: Crash,
    /// Minutes until the daemon is back.
    pub(crate) back_after: i64,
}

/// What all cells share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) http: Http,
    /// Gives up after two seconds; a connection for each request.
    pub(crate) hasty: Http,
    pub(crate) mind: Arc<Mind>,
    /// Holds a migrated, empty database and its key.
    pub(crate) template: tempfile::TempDir,
}

/// The moments of one cell, counted over both lives of the daemon.
#[derive(Debug)]
struct Watch {
    cell: Cell,
    sandbox: Sandbox,
    clock: Clock,
    /// Which pass of a point is the one of the part that meets the trouble.
    nth: usize,
    armed: AtomicUsize,
    passed: AtomicUsize,
    crashed: AtomicBool,
    /// Milliseconds; 0: not yet.
    attempted_at: AtomicI64,
}

impl Watch {
    fn pass(&self, point: Point) -> Passage {
        if point == Point::Armed && self.armed.fetch_add(1, Ordering::SeqCst) + 1 == self.nth {
            self.attempted_at.store(self.clock.now().timestamp_millis(), Ordering::SeqCst);
            if self.cell.crash == Crash::InFlight && self.cell.outcome.hangs().is_none() {
                self.sandbox.fault(Fault::on(Endpoint::Create, Trouble::Hang { when: FaultMoment::Before, ms: None }));
            }
            let waits = if self.cell.crash == Crash::InFlight { Patience::Endless } else { Patience::None };
            for fault in self.cell.outcome.faults(waits) {
                self.sandbox.fault(fault);
            }
        }
        if self.cell.crash == Crash::At(point)
            && !self.crashed.load(Ordering::SeqCst)
            // Only the part in trouble has a twin.
            && (self.passed.fetch_add(1, Ordering::SeqCst) + 1 == self.nth || point == Point::TakenBack)
        {
            self.crashed.store(true, Ordering::SeqCst);
            return Passage::Shut;
        }
        Passage::Open
    }

    fn attempted(&self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_millis(self.attempted_at.load(Ordering::SeqCst)).filter(|at| at.timestamp() > 0)
    }

    fn reached(&self) -> bool {
        self.crashed.load(Ordering::SeqCst)
    }
}

/// Nobody listens there: the discard port of loopback.
const NOBODY: &str = "http://127.0.0.1:9";

/// Eight bytes by which a picture is known; nobody looks at it.
const PICTURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// Rounds without a server, where the attempt does not find that out: an old mention is looked at again before, in vain.
const ALONE: usize = 3;

/// Rounds until a cell must be quiet.
const ROUNDS: usize = 400;

impl Cell {
    /// Plays the cell; the words say what is wrong.
    pub(crate) async fn play(self, shared: &Shared) -> Result<Found, String> {
        let folder = tempfile::tempdir_in(memory()).unwrap();
        let began = DateTime::parse_from_rfc3339("2026-11-23T09:00:00Z").unwrap().with_timezone(&Utc);
        let clock = Clock::by_hand(began);
        let mut options = Options::new(clock.clone()).account(NewAccount::campaign("eyes").token("eyes-token"));
        options.profile = self.server.profile();
        let running = Sandbox::start(options).await.map_err(|error| error.to_string())?;
        for name in ["watchpost.db", "install.key"] {
            copy(shared.template.path(), folder.path(), name);
        }
        let due = began + chrono::Duration::minutes(1);
        let picture = folder.path().join("picture.png");
        std::fs::write(&picture, PICTURE).unwrap();
        let machine = Machine {
            place: Place::file(&folder.path().join("watchpost.db")),
            clock: clock.clone(),
            http: if self.outcome.times_out() { shared.hasty.clone() } else { shared.http.clone() },
            accounts: vec![Voices {
                name: AccountName::new("eyes"),
                server: running.base_url(),
                token: SecretString::from("eyes-token"),
            }],
            posts: self.posts(due, &picture),
            calendars: vec![AccountCalendar::new(AccountName::new("eyes"), Vec::new())],
            mind: shared.mind.clone(),
            seed: 7,
        };
        let played = self.live(&machine, &running).await.map_err(|error| format!("{error:#}"));
        let found = match played {
            Ok(daemon) => audit::cell(self, &daemon, &running.handle(), due).await,
            Err(words) => Err(words),
        };
        running.stop().await;
        found
    }

    fn posts(self, due: DateTime<Utc>, picture: &Path) -> Vec<Post> {
        let parts = match self.kind {
            Kind::Post | Kind::ShortLived => vec!["In July 2022 Ring had shared videos with police eleven times."],
            Kind::Thread(_) => vec![
                "One. Amazon sells cloud services to immigration police.",
                "Two. Palantir runs on that very cloud, year after year.",
                "Three. Sign the pledge and tell a neighbour about it.",
            ],
            Kind::Reply | Kind::DirectReply | Kind::ReplyInTurn => return Vec::new(),
        };
        let at = |time: DateTime<Utc>| Moment::Instant(time.fixed_offset());
        vec![Post {
            expires: (self.kind == Kind::ShortLived).then(|| at(due + chrono::Duration::minutes(20))),
            media: if self.server.wants_pictures() {
                vec![Media::new(picture.to_path_buf(), "A grey square".to_owned())]
            } else {
                Vec::new()
            },
            ..Post::new(
                PostId::new("the-post"),
                When::At(at(due)),
                Lang::new("en"),
                parts.into_iter().map(str::to_owned).collect(),
            )
        }]
    }

    /// Both lives of the daemon, until it is quiet.
    async fn live(self, machine: &Machine, running: &Running) -> anyhow::Result<Daemon> {
        let sandbox = running.handle();
        let nth = if let Kind::Thread(part) = self.kind { part } else { 1 };
        let watch = Arc::new(Watch {
            cell: self,
            sandbox: sandbox.clone(),
            clock: machine.clock.clone(),
            nth,
            armed: AtomicUsize::new(0),
            passed: AtomicUsize::new(0),
            crashed: AtomicBool::new(false),
            attempted_at: AtomicI64::new(0),
        });
        let gate = |watch: &Arc<Watch>| -> Option<Gate> {
            let watch = watch.clone();
            Some(Arc::new(move |point| watch.pass(point)))
        };
        let mut daemon = machine.start(gate(&watch)).await?;
        daemon.link().await?;
        if self.is_asked() {
            daemon.listen().await?;
        } else {
            daemon.plan().await?;
        }
        let links: Vec<_> = daemon.ctx.accounts.values().map(|account| account.link()).collect();
        machine.clock.advance(Duration::from_secs(60));
        self.ask(&sandbox)?;
        let mut work = Driver {
            cell: self,
            machine,
            sandbox: &sandbox,
            watch: &watch,
            links: &links,
            heard: false,
            alone_for: 0,
            released: false,
        };
        if work.until_quiet(&daemon).await? == Ended::Caught {
            watch.crashed.store(true, Ordering::SeqCst);
            daemon.crash().await?;
            if self.crash == Crash::InFlight && self.outcome.hangs().is_none() {
                // The client is gone; the server goes on.
                sandbox.release();
                sandbox.wait_until(|state| state.at_work() == 0, Duration::from_secs(60)).await?;
            }
            machine.clock.advance(Duration::from_secs(u64::try_from(self.back_after * 60)?));
            work.release_when_due().await?;
            daemon = machine.start(gate(&watch)).await?;
            relink(&daemon, &links);
            if !self.is_asked() {
                daemon.plan().await?;
            }
            anyhow::ensure!(work.until_quiet(&daemon).await? == Ended::Done, "it was caught twice");
        }
        anyhow::ensure!(
            self.crash == Crash::Nowhere || watch.reached() || self.unreachable(),
            "the crash point was never reached"
        );
        Ok(daemon)
    }

    /// Whether it can be played: where nobody is there, a picture finds nobody before the attempt does.
    pub(crate) fn is_possible(self) -> bool {
        !(self.outcome.nobody_there() && self.server.wants_pictures() && !self.is_asked())
    }

    /// Points some outcomes never come to.
    fn unreachable(self) -> bool {
        match self.crash {
            // A row that ends without a status is never looked for; one that does not know yet waits for its look.
            Crash::At(Point::Looked | Point::Settled) => {
                matches!(self.outcome, Outcome::Refused | Outcome::TokenDoubted)
            }
            // Not where our own directs cannot be ordered, and not once the next part stands below.
            Crash::At(Point::TakenBack) => self.server != Server::Keyless || matches!(self.kind, Kind::Thread(_)),
            Crash::InFlight => self.outcome.nobody_there(),
            Crash::At(_) | Crash::Nowhere => false,
        }
    }

    pub(crate) fn is_asked(self) -> bool {
        matches!(self.kind, Kind::Reply | Kind::DirectReply | Kind::ReplyInTurn)
    }

    fn ask(self, sandbox: &Sandbox) -> anyhow::Result<()> {
        let question = "@eyes is it true that the police can get my doorbell camera footage?";
        let draft = match self.kind {
            Kind::Reply | Kind::ReplyInTurn => Draft::new(question),
            Kind::DirectReply => Draft::new(question).visibility(Visibility::Direct),
            Kind::Post | Kind::ShortLived | Kind::Thread(_) => return Ok(()),
        };
        sandbox.write("luz", draft)?;
        Ok(())
    }
}

struct Driver<'a> {
    cell: Cell,
    machine: &'a Machine,
    sandbox: &'a Sandbox,
    watch: &'a Watch,
    /// How to reach the server, as the first life learnt it.
    links: &'a [Option<Arc<LinkState>>],
    /// Whoever asked was heard.
    heard: bool,
    /// Rounds in which the server was not there.
    alone_for: usize,
    released: bool,
}

impl Driver<'_> {
    /// Works until nothing is due any more, moving the clock from one due moment to the next.
    async fn until_quiet(&mut self, daemon: &Daemon) -> anyhow::Result<Ended> {
        let in_flight = self.cell.crash == Crash::InFlight && !self.watch.crashed.load(Ordering::SeqCst);
        let mut idle = 0_u32;
        for _ in 0..ROUNDS {
            // Some servers show a mention only after seconds.
            let unheard = self.is_unheard(daemon).await?;
            let alone = self.cell.outcome.nobody_there() && self.watch.attempted().is_none() && self.alone_for < ALONE;
            let in_turn = self.cell.kind == Kind::ReplyInTurn || alone;
            let places = if in_turn && unheard { hold_places(daemon) } else { Vec::new() };
            let quiet = async {
                if unheard && daemon.listen().await? == Ended::Caught {
                    return Ok(Ended::Caught);
                }
                drop(places);
                let heard = !self.cell.is_asked() || !daemon.ctx.store.heard(1).await?.is_empty();
                if alone && heard {
                    // The server confirms our clock, as it must before anything is sent.
                    daemon.listen().await?;
                    // Reading works, and then, for the first attempt, nobody is there.
                    unplug(daemon, &self.machine.http)?;
                }
                daemon.send_and_look().await
            };
            let ended: anyhow::Result<Ended> = tokio::select! {
                biased;
                hanging = self.sandbox.wait_until(|state| state.hanging() > 0, Duration::from_secs(60)), if in_flight => {
                    hanging?;
                    Ok(Ended::Caught)
                }
                ended = quiet => ended,
            };
            if ended? == Ended::Caught {
                return Ok(Ended::Caught);
            }
            if self.cell.outcome.times_out() {
                // On a slow machine any request may time out: then it is handled before the clock moves.
                self.sandbox.wait_for_silence(Duration::from_secs(60)).await?;
            }
            if alone && !self.is_unheard(daemon).await? {
                self.alone_for += 1;
            }
            if self.cell.outcome.nobody_there() && (self.watch.attempted().is_some() || self.alone_for >= ALONE) {
                // The network is back.
                relink(daemon, self.links);
            }
            let now = self.machine.clock.now();
            let release = self.release_at();
            let unheard = self.is_unheard(daemon).await?;
            let walk = unheard.then(|| now + chrono::Duration::seconds(15));
            let due = daemon.next().await?.into_iter().chain(release).chain(walk).min();
            let Some(next) = due else { return Ok(Ended::Done) };
            // Something due that does not get done (on a slow machine any look may time out) is waited for, not spun on.
            idle = if next <= now { idle + 1 } else { 0 };
            let least = if idle > 3 { Duration::from_secs(5) } else { Duration::from_millis(1) };
            let step = (next - now).to_std().unwrap_or_default().max(least);
            self.machine.clock.advance(step);
            self.release_when_due().await?;
        }
        anyhow::bail!("it is not quiet after {ROUNDS} rounds: {:?}", daemon.next().await?)
    }

    /// Somebody asked, and the ledger does not know yet.
    async fn is_unheard(&mut self, daemon: &Daemon) -> anyhow::Result<bool> {
        self.heard = self.heard || !self.cell.is_asked() || !daemon.ctx.store.heard(1).await?.is_empty();
        Ok(!self.heard)
    }

    /// When the server goes on with what hangs.
    fn release_at(&self) -> Option<DateTime<Utc>> {
        match self.cell.outcome.hangs()? {
            Release::After(ms) if !self.released => Some(self.watch.attempted()? + chrono::Duration::milliseconds(ms)),
            Release::After(_) | Release::Never => None,
        }
    }

    async fn release_when_due(&mut self) -> anyhow::Result<()> {
        if self.release_at().is_some_and(|at| at <= self.machine.clock.now()) {
            self.released = true;
            self.sandbox.release();
            self.sandbox.wait_until(|state| state.at_work() == 0, Duration::from_secs(60)).await?;
        }
        Ok(())
    }
}

/// The second life knows what the first one learnt of the server; learning it is another test's matter.
fn relink(daemon: &Daemon, links: &[Option<Arc<LinkState>>]) {
    for (account, link) in daemon.ctx.accounts.values().zip(links) {
        account.set_link(link.clone());
    }
}

fn hold_places(daemon: &Daemon) -> Vec<tokio::sync::OwnedSemaphorePermit> {
    let accounts = daemon.ctx.accounts.values();
    accounts.flat_map(|account| std::iter::from_fn(|| account.places.clone().try_acquire_owned().ok())).collect()
}

/// The account's server is gone: connections are refused.
fn unplug(daemon: &Daemon, http: &Http) -> anyhow::Result<()> {
    for account in daemon.ctx.accounts.values() {
        let Some(link) = account.link() else { continue };
        let to_nobody = Link {
            account: account.name.clone(),
            server: NOBODY.to_owned(),
            streaming: None,
            token: SecretString::from("eyes-token"),
        };
        let (me, capabilities) = (link.me.clone(), link.capabilities.clone());
        account.set_link(Some(Arc::new(LinkState {
            widens: std::sync::atomic::AtomicBool::default(),
            apart: Default::default(),
            fedi: Fedi::new(http, to_nobody)?,
            me,
            capabilities,
            since: link.since,
            seen_lately: Default::default(),
            aside: Default::default(),
            all_read: Default::default(),
        })));
    }
    Ok(())
}

/// Databases live in memory where there is such a file system: the grid tests the law, not the disk.
pub(crate) fn memory() -> &'static Path {
    let shared = Path::new("/dev/shm");
    if shared.is_dir() { shared } else { Path::new("/tmp") }
}

fn copy(from: &Path, to: &Path, name: &str) {
    if from.join(name).exists() {
        std::fs::copy(from.join(name), to.join(name)).unwrap();
    }
}
