//! One simulated campaign: a server, one or two machines with clocks of their own, daemons that live and die on them,
//! and a script. Time moves from one moment at which something happens to the next, and only when no request is on its
//! way.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration as Real;

use anyhow::{Context, bail};
use chrono::{DateTime, Duration, Utc};
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use secrecy::SecretString;

use super::audit::{self, Report};
use super::daemon::{Ended, Machine, Voices};
use super::host::{Host, Round};
use super::script::{Event, Script, seconds_of};
use crate::clock::{Clock, Dice};
use crate::core::decision::Mind;
use crate::core::delivery::State;
use crate::core::ids::AccountName;
use crate::core::plan::AccountCalendar;
use crate::core::schedule::Slot;
use crate::fedi::Http;
use crate::sandbox::{Draft, NewAccount, Options, Profile, Running, Sandbox};
use crate::store::Place;
use crate::store::schema::SchemaName;

/// The accounts of every simulated campaign.
const ACCOUNTS: [&str; 2] = ["eyes", "ears"];

/// After the last day: time for what is unclear to become clear.
const EPILOGUE: Duration = Duration::hours(14);

/// What is on its way to a server in memory has arrived after this, in real time, or never will.
const ARRIVES: Real = Real::from_secs(30);

/// A server in memory that is not told to hang answers within this, in real time.
const ANSWERS: Real = Real::from_secs(60);

/// A living daemon among others renews its leases this often.
const RENEWS: Duration = Duration::seconds(40);

/// Where the database of a seed is made.
#[derive(Clone, Debug)]
pub enum Base {
    /// A file in the folder of the run.
    File,
    /// A schema of its own on this PostgreSQL server, gone afterwards; its name begins with these words.
    Schema(Place, String),
}

/// What all seeds share.
#[derive(Debug)]
pub struct Stage {
    /// A connection for each request.
    pub http: Http,
    /// How mentions are answered.
    pub mind: Arc<Mind>,
    /// How the server behaves.
    pub profile: Profile,
    /// How long a campaign lasts.
    pub days: u32,
    /// Daemons that share the database.
    pub daemons: usize,
    /// Where the databases are.
    pub base: Base,
}

impl Stage {
    /// A stage for campaigns of `days` days on a server that behaves like `profile`, with one daemon on a SQLite file.
    ///
    /// # Errors
    /// When connections cannot be set up.
    pub fn new(mind: Arc<Mind>, profile: Profile, days: u32) -> anyhow::Result<Stage> {
        Ok(Stage { http: Http::without_pool(ANSWERS)?, mind, profile, days, daemons: 1, base: Base::File })
    }

    /// The same with so many daemons on one PostgreSQL database each seed.
    #[must_use]
    pub fn shared(self, daemons: usize, server: Place, schemas: String) -> Stage {
        Stage { daemons, base: Base::Schema(server, schemas), ..self }
    }

    /// Plays one seed with its files in `folder`, and audits it.
    ///
    /// # Errors
    /// When the simulation itself cannot run.
    pub async fn play(&self, seed: u64, folder: &Path) -> anyhow::Result<Report> {
        let (server, words) = match &self.base {
            Base::File => return self.play_at(seed, Place::file(&folder.join(format!("seed-{seed}.db")))).await,
            Base::Schema(server, words) => (server, words),
        };
        let name = SchemaName::new(&format!("{words}_{seed}"));
        let place = server.new_schema(&name, &folder.join(format!("seed-{seed}"))).await?;
        let report = self.play_at(seed, place).await;
        server.drop_schema(&name).await?;
        report
    }

    async fn play_at(&self, seed: u64, place: Place) -> anyhow::Result<Report> {
        let mut dice = Dice::seeded(seed);
        // Weeks with a change of clocks and without: some day of a year.
        let from = DateTime::from_timestamp(1_790_000_000, 0).context("a time out of range")?
            + Duration::hours(i64::try_from(dice.below(24 * 365))?);
        let theirs = Clock::by_hand(from);
        let mut options = Options::new(theirs.clone());
        options.profile = self.profile.clone();
        options.seed = seed;
        options.requests_kept = 1_000_000;
        let names: Vec<AccountName> = ACCOUNTS.into_iter().map(AccountName::new).collect();
        for name in &names {
            options = options.account(NewAccount::campaign(name.as_str()).token(format!("token-{name}")));
        }
        let running = Sandbox::start(options).await?;
        let script = Script::throw(&mut dice, from, self.days, &names, &self.mind.facts, self.daemons);
        let slots: Vec<Slot> =
            ["Mon-Sun 09:00", "Mon-Sun 17:30"].into_iter().filter_map(|slot| Slot::parse(slot).ok()).collect();
        let machine = |number: usize| Machine {
            place: place.clone(),
            clock: Clock::by_hand(from),
            http: self.http.clone(),
            accounts: names
                .iter()
                .map(|name| Voices {
                    name: name.clone(),
                    server: running.base_url(),
                    token: SecretString::from(format!("token-{name}")),
                })
                .collect(),
            posts: script.posts.clone(),
            calendars: names.iter().map(|name| AccountCalendar::new(name.clone(), slots.clone())).collect(),
            mind: self.mind.clone(),
            seed: seed.wrapping_mul(1_000).wrapping_add(u64::try_from(number).unwrap_or_default()),
        };
        let world = World {
            sandbox: running.handle(),
            theirs,
            hosts: (0..self.daemons.max(1)).map(|number| Host::new(machine(number))).collect(),
            release_at: None,
            dice,
            deaths: 0,
            clock_steps: 0,
        };
        let report = world.live(script, seed).await;
        stop(running).await;
        report
    }
}

async fn stop(running: Running) {
    running.handle().release();
    running.stop().await;
}

struct World {
    sandbox: Sandbox,
    /// The server's clock, which is right.
    theirs: Clock,
    hosts: Vec<Host>,
    /// When the server goes on with the requests that hang.
    release_at: Option<DateTime<Utc>>,
    dice: Dice,
    deaths: usize,
    clock_steps: usize,
}

impl World {
    async fn live(mut self, mut script: Script, seed: u64) -> anyhow::Result<Report> {
        let mut events = std::mem::take(&mut script.events).into_iter().peekable();
        let mut stuck = 0_u32;
        let until = script.window.1;
        let end = until + EPILOGUE;
        let mut settled = false;
        loop {
            let now = self.theirs.now();
            // Notifications are read in the epilogue too: some servers show a mention only after seconds.
            let mut round = if now >= until { Round::Listen } else { Round::Quiet };
            while let Some((_, event)) = events.next_if(|(at, _)| *at <= now) {
                if matches!(event, Event::Mention { .. } | Event::Poll) {
                    round = Round::Listen;
                }
                self.happen(event)?;
            }
            if now >= until && !settled {
                // The last day is over: everything works, and what is open is settled.
                settled = true;
                self.sandbox.clear_faults();
                self.sandbox.release();
                for host in &mut self.hosts {
                    host.clock_off(Duration::zero(), now);
                    host.spare();
                }
            }
            self.work(round).await?;
            self.hang_for_a_while().await?;
            let event = events.peek().map(|(at, _)| *at);
            if event.is_none() && now >= end && self.is_quiet().await? {
                break;
            }
            if now >= end + Duration::days(2) {
                break;
            }
            let mut next = [event, self.release_at].into_iter().flatten().fold(now + Duration::minutes(30), Ord::min);
            for host in &self.hosts {
                next = next.min(host.next().await?.unwrap_or(next));
            }
            // Something due that does not get done is waited for, not spun on.
            stuck = if next <= now { stuck + 1 } else { 0 };
            let least = if stuck > 3 { Duration::seconds(30) } else { Duration::milliseconds(1) };
            self.pass_until(next.max(now + least)).await?;
        }
        let Some(daemon) = self.hosts.iter().find_map(Host::daemon) else { bail!("no daemon is left to ask") };
        let report = audit::look(&daemon.ctx.store, &self.sandbox, &script, self.theirs.now()).await;
        for host in &mut self.hosts {
            host.crash(end).await?;
        }
        Ok(Report { seed, deaths: self.deaths, clock_steps: self.clock_steps, ..report? })
    }

    async fn is_quiet(&self) -> anyhow::Result<bool> {
        let open = [State::Claimed, State::Armed, State::Unknown, State::Sent];
        for host in &self.hosts {
            let Some(daemon) = host.daemon() else { return Ok(false) };
            let store = &daemon.ctx.store;
            if !store.next_looks().await?.is_empty() || !store.deliveries_in(&open, 1).await?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A round of every machine at once, beginning with any; those that came to where they die, do.
    async fn work(&mut self, round: Round) -> anyhow::Result<()> {
        let now = self.theirs.now();
        let first = usize::try_from(self.dice.below(u64::try_from(self.hosts.len())?))?;
        self.hosts.rotate_left(first);
        for host in &mut self.hosts {
            host.start_if_due(now).await?;
        }
        let sandbox = &self.sandbox;
        let ended = join_all(self.hosts.iter_mut().map(|host| host.work(round, sandbox, now))).await;
        for (host, ended) in self.hosts.iter_mut().zip(ended) {
            if ended? == Ended::Caught {
                host.crash(now).await?;
                self.deaths += 1;
                // What the dead one sent arrives in its own hour, not in the one in which it is back.
                self.sandbox.wait_for_silence(ARRIVES).await?;
            }
        }
        Ok(())
    }

    fn happen(&mut self, event: Event) -> anyhow::Result<()> {
        let now = self.theirs.now();
        match event {
            Event::Mention { who, text, visibility } => {
                self.sandbox.write(&who, Draft::new(text).visibility(visibility))?;
            }
            Event::Trouble(faults) => {
                for fault in faults {
                    self.sandbox.fault(fault);
                }
            }
            Event::Well => self.sandbox.clear_faults(),
            Event::Streams(how) => {
                self.sandbox.end_streams(None, how);
                for host in &mut self.hosts {
                    host.streams_end(how, now);
                }
            }
            Event::ClockOff { host, off } => {
                self.clock_steps += 1;
                if let Some(host) = self.hosts.get_mut(host) {
                    host.clock_off(off, now);
                }
            }
            Event::Death { host, steps, back_after } => {
                if let Some(host) = self.hosts.get_mut(host) {
                    host.doom(steps, back_after)?;
                }
            }
            Event::Poll => {}
        }
        Ok(())
    }

    /// A server that hangs goes on after at most 20 minutes, well within the hour for which keys are kept.
    async fn hang_for_a_while(&mut self) -> anyhow::Result<()> {
        let now = self.theirs.now();
        match self.release_at {
            Some(at) if at <= now => {
                self.release_at = None;
                // A request may have met more than one fault that hangs.
                for _ in 0..600 {
                    self.sandbox.release();
                    if self.sandbox.wait_until(|state| state.at_work() == 0, Real::from_millis(100)).await.is_ok() {
                        return Ok(());
                    }
                }
                bail!("a request hangs for ever");
            }
            None if self.sandbox.look(|state| state.hanging()) > 0 => {
                self.release_at = Some(now + seconds_of(&mut self.dice, 60, 1_200));
            }
            Some(_) | None => {}
        }
        Ok(())
    }

    /// Time passes on all clocks. Machines that share a database renew their leases meanwhile, or, as dice will have it,
    /// sleep and find out later.
    async fn pass_until(&mut self, next: DateTime<Utc>) -> anyhow::Result<()> {
        let awake = self.hosts.len() > 1 && self.dice.below(4) == 0;
        loop {
            let now = self.theirs.now();
            let step = if awake { next.min(now + RENEWS) } else { next };
            let by = (step - now).to_std().unwrap_or_default();
            self.theirs.advance(by);
            for host in &self.hosts {
                host.pass(by);
            }
            if step >= next {
                return Ok(());
            }
            for daemon in self.hosts.iter().filter_map(Host::daemon) {
                daemon.lease().await?;
            }
        }
    }
}

/// Plays seeds side by side; each report is handed on as it comes.
///
/// # Errors
/// When the simulation itself cannot run.
pub async fn play_all(
    stage: &Stage,
    seeds: impl Iterator<Item = u64>,
    folder: &Path,
    side_by_side: usize,
    tell: impl Fn(&Report) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<Report>> {
    let reports: Mutex<Vec<Report>> = Mutex::default();
    let mut under_way = stream::iter(seeds)
        .map(|seed| async move { stage.play(seed, folder).await.with_context(|| format!("seed {seed}")) })
        .buffer_unordered(side_by_side.max(1));
    while let Some(report) = under_way.next().await {
        let report = report?;
        tell(&report)?;
        reports.lock().unwrap_or_else(PoisonError::into_inner).push(report);
    }
    drop(under_way);
    let mut reports = reports.into_inner().unwrap_or_else(PoisonError::into_inner);
    if reports.is_empty() {
        bail!("no seeds: --seeds takes a number above zero");
    }
    reports.sort_by_key(|report| report.seed);
    Ok(reports)
}
