//! One simulated campaign: a server, a machine with a clock of its own, a daemon that lives and dies on it, and a
//! script. Time moves from one moment at which something happens to the next.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration as Real;

use anyhow::{Context, bail};
use chrono::{DateTime, Duration, Utc};
use secrecy::SecretString;

use super::audit::{self, Report};
use super::daemon::{Daemon, Ended, Machine, Voices};
use super::script::{Event, Script, seconds_of};
use crate::clock::{Clock, Dice};
use crate::core::decision::Mind;
use crate::core::delivery::State;
use crate::core::ids::AccountName;
use crate::core::plan::AccountCalendar;
use crate::core::schedule::Slot;
use crate::fedi::Http;
use crate::jobs::points::{Gate, Passage};
use crate::sandbox::{Draft, NewAccount, Options, Profile, Running, Sandbox};

/// The accounts of every simulated campaign.
const ACCOUNTS: [&str; 2] = ["eyes", "ears"];

/// After the last day: time for what is unclear to become clear.
const EPILOGUE: Duration = Duration::hours(14);

/// A request that hangs is given up after this, in real time.
const PATIENCE: Real = Real::from_millis(1_500);

/// What all seeds share.
#[derive(Debug)]
pub struct Stage {
    /// Gives up soon.
    pub http: Http,
    /// How mentions are answered.
    pub mind: Arc<Mind>,
    /// How the server behaves.
    pub profile: Profile,
    /// How long a campaign lasts.
    pub days: u32,
}

impl Stage {
    /// A stage for campaigns of `days` days on a server that behaves like `profile`.
    ///
    /// # Errors
    /// When connections cannot be set up.
    pub fn new(mind: Arc<Mind>, profile: Profile, days: u32) -> anyhow::Result<Stage> {
        Ok(Stage { http: Http::with_time_outs(Real::from_secs(10), PATIENCE)?, mind, profile, days })
    }

    /// Plays one seed with its database in `folder`, and audits it.
    ///
    /// # Errors
    /// When the simulation itself cannot run.
    pub async fn play(&self, seed: u64, folder: &Path) -> anyhow::Result<Report> {
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
        let script = Script::throw(&mut dice, from, self.days, &names, &self.mind.facts);
        let slots: Vec<Slot> =
            ["Mon-Sun 09:00", "Mon-Sun 17:30"].into_iter().filter_map(|slot| Slot::parse(slot).ok()).collect();
        let machine = Machine {
            database: folder.join(format!("seed-{seed}.db")),
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
            seed,
        };
        let until = script.window.1;
        let world = World {
            sandbox: running.handle(),
            theirs,
            machine,
            off: Duration::zero(),
            steps_left: Arc::new(AtomicI64::new(i64::MAX)),
            back_after: Duration::zero(),
            release_at: None,
            dice,
            crashes: 0,
            clock_steps: 0,
        };
        let report = world.live(script, until, seed).await;
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
    machine: Machine,
    /// By how much the machine's clock is wrong.
    off: Duration,
    /// Points the daemon passes until it dies.
    steps_left: Arc<AtomicI64>,
    back_after: Duration,
    /// When the server goes on with the requests that hang.
    release_at: Option<DateTime<Utc>>,
    dice: Dice,
    crashes: usize,
    clock_steps: usize,
}

impl World {
    async fn live(mut self, script: Script, until: DateTime<Utc>, seed: u64) -> anyhow::Result<Report> {
        let mut daemon = self.start().await?;
        let mut events = script.events.into_iter().peekable();
        let mut stuck = 0_u32;
        let end = until + EPILOGUE;
        let mut settled = false;
        loop {
            let now = self.theirs.now();
            // Notifications are read in the epilogue too: some servers show a mention only after seconds.
            let mut heard_something = now >= until;
            while let Some((_, event)) = events.next_if(|(at, _)| *at <= now) {
                heard_something |= matches!(event, Event::Mention { .. } | Event::Poll);
                self.happen(event)?;
            }
            if now >= until && !settled {
                // The last day is over: everything works, and what is open is settled.
                settled = true;
                self.happen(Event::Well)?;
                self.sandbox.release();
                self.happen(Event::ClockOff(Duration::zero()))?;
                self.steps_left.store(i64::MAX, Ordering::SeqCst);
            }
            let ended = self.work(&daemon, heard_something).await?;
            self.hang_for_a_while().await?;
            if ended == Ended::Caught {
                daemon.crash().await?;
                self.crashes += 1;
                let back = self.theirs.now() + self.back_after;
                if let Some(at) = self.release_at.filter(|at| *at < back) {
                    self.pass_until(at);
                    self.hang_for_a_while().await?;
                }
                self.pass_until(back);
                daemon = self.start().await?;
                continue;
            }
            let due = daemon.next().await?.map(|due| due - self.off);
            let event = events.peek().map(|(at, _)| *at);
            if event.is_none() && now >= end && Self::is_quiet(&daemon).await? {
                break;
            }
            if now >= end + Duration::days(2) {
                break;
            }
            let Some(next) =
                [due, event, self.release_at, Some(now + Duration::minutes(30))].into_iter().flatten().min()
            else {
                break;
            };
            // Something due that does not get done is waited for, not spun on.
            stuck = if next <= now { stuck + 1 } else { 0 };
            let least = if stuck > 3 { Duration::seconds(30) } else { Duration::milliseconds(1) };
            self.pass_until(next.max(now + least));
        }
        let report = audit::look(&daemon.ctx.store, &self.sandbox, seed, self.crashes, self.clock_steps).await;
        daemon.crash().await?;
        report
    }

    async fn is_quiet(daemon: &Daemon) -> anyhow::Result<bool> {
        let open = [State::Claimed, State::Armed, State::Unknown, State::Sent];
        let waits = daemon.ctx.store.next_look().await?.is_some();
        Ok(!waits && daemon.ctx.store.deliveries_in(&open, 1).await?.is_empty())
    }

    /// Opens the daemon; where it was told to die is forgotten.
    async fn start(&self) -> anyhow::Result<Daemon> {
        self.steps_left.store(i64::MAX, Ordering::SeqCst);
        let steps = self.steps_left.clone();
        let gate: Gate = Arc::new(move |_| {
            let left = steps.fetch_sub(1, Ordering::SeqCst);
            if left <= 0 { Passage::Shut } else { Passage::Open }
        });
        let daemon = self.machine.start(Some(gate)).await?;
        daemon.link().await?;
        daemon.plan().await?;
        daemon.listen().await.map(drop)?;
        Ok(daemon)
    }

    async fn work(&self, daemon: &Daemon, listen: bool) -> anyhow::Result<Ended> {
        daemon.link().await?;
        if listen {
            daemon.plan().await?;
            if daemon.listen().await? == Ended::Caught {
                return Ok(Ended::Caught);
            }
        }
        daemon.send_and_look().await
    }

    fn happen(&mut self, event: Event) -> anyhow::Result<()> {
        match event {
            Event::Mention { who, text, visibility } => {
                self.sandbox.write(&who, Draft::new(text).visibility(visibility))?;
            }
            Event::Trouble(fault) => self.sandbox.fault(fault),
            Event::Well => self.sandbox.clear_faults(),
            Event::ClockOff(off) => {
                self.off = off;
                self.clock_steps += 1;
                self.machine.clock.step_to(self.theirs.now() + off);
            }
            Event::Crash { steps, back_after } => {
                self.steps_left.store(i64::try_from(steps)?, Ordering::SeqCst);
                self.back_after = back_after;
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
                for _ in 0..100 {
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

    /// Time passes on both clocks.
    fn pass_until(&self, next: DateTime<Utc>) {
        let by = (next - self.theirs.now()).to_std().unwrap_or_default();
        self.theirs.advance(by);
        self.machine.clock.advance(by);
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
    use futures_util::{StreamExt, stream};
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
