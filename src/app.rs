//! The composition root: the only file that knows every adapter. It opens the store, turns campaign files into what
//! the jobs need, starts them, and stops them so that nothing armed is left without its outcome.

use std::collections::BTreeSet;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, Utc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::campaign::finding::{Finding, Level};
use crate::campaign::{self, Account, Campaign, secrets, watch};
use crate::clock::{Clock, Dice};
use crate::core::decision::Mind;
use crate::core::matching::Matcher;
use crate::fedi::{Fedi, Http, Link, Me};
use crate::jobs::{Ctx, Desk, Linked, Voice, context, keep, lease, listen, plan, publish, set_back, settle};
use crate::store::{Lock, Place, Role, Store, StoreError};

/// How long armed sends may take to finish after a stop: a whole request and some (DESIGN §8).
const LAST_SENDS: Duration = Duration::from_secs(75);

/// How long giving back what a daemon holds may take.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// Between two looks whether a database is back.
const KNOCK: Duration = Duration::from_secs(1);

/// A database that was away for longer is worth a notice.
const SHORT_OUTAGE: chrono::Duration = chrono::Duration::seconds(60);

/// Between two looks for what commands wrote into the database beside us.
const LOOK_FOR_INTENTS: chrono::Duration = chrono::Duration::seconds(1);

/// Between two plans when nothing changed: the horizon moves on.
const PLAN_ANEW: chrono::Duration = chrono::Duration::minutes(10);

/// How the program is to run.
#[derive(Debug)]
pub struct Setup {
    /// Time.
    pub clock: Clock,
    /// Chance.
    pub dice: Dice,
    /// Live or a rehearsal.
    pub voice: Voice,
}

/// The running program.
#[derive(Debug)]
pub struct App {
    ctx: Arc<Ctx>,
    tasks: JoinSet<anyhow::Result<()>>,
    stop: CancellationToken,
    lock: Option<Lock>,
    root: PathBuf,
    /// A rehearsal's copy of the database, gone when the rehearsal is.
    scratch: Option<Scratch>,
}

impl App {
    /// Opens everything and starts the jobs. Needs no server to be in reach.
    ///
    /// # Errors
    /// When the database cannot be opened, another daemon runs on it, or the watch on the files cannot be set.
    pub async fn start(campaign: Campaign, findings: &[Finding], setup: Setup) -> anyhow::Result<App> {
        let Setup { clock, mut dice, voice } = setup;
        let scratch = match &voice {
            Voice::Live => None,
            Voice::Rehearsal(_) => Some(Scratch::of(&campaign, &mut dice).await?),
        };
        let place = scratch.as_ref().map_or_else(|| place(&campaign), Scratch::place);
        let (store, lock) = Store::open(&place, Role::Daemon, &mut dice).await?;
        let now = clock.now();
        let doubt = match &voice {
            Voice::Live => store.recognise(now).await?,
            Voice::Rehearsal(_) => None,
        };
        let unclear = store.take_over(now).await?;
        store.end_parts_left_behind(now).await?;
        if unclear > 0 {
            // Read-back finds out within minutes; whoever must act then gets a notice of that delivery.
            tracing::warn!(
                deliveries = unclear,
                "watchpost stopped while sending; looking on the servers for what became of it"
            );
        }
        let http = Http::new().context("cannot prepare requests")?;
        let accounts = campaign.accounts.iter().map(|account| linked(account, &campaign.root, &http)).collect();
        for account in &campaign.accounts {
            store.know_account(&account.name, &account.server).await?;
        }
        let desk = desk(&campaign, None);
        let root = campaign.root.clone();
        if let Some(doubt) = doubt {
            set_back::tell(&store, doubt, campaign.zone, now).await?;
        }
        let ctx = Arc::new(Ctx::new(store, clock, dice, voice, desk, accounts));
        remember_profiles(&ctx).await?;
        report(&ctx, findings).await?;
        let plans = lease::tick(&ctx, now).await?.plans;
        let stop = CancellationToken::new();
        ctx.set_stop(stop.clone());
        let mut app = App { ctx, tasks: JoinSet::new(), stop, lock, root, scratch };
        // Who asks is heard while a long queue is planned; nothing of the queue is sent before it is.
        app.spawn_listeners();
        // Nothing waits for it but a mention that comes meanwhile.
        let mind = app.ctx.desk().mind.clone();
        drop(tokio::task::spawn_blocking(move || mind.matcher.learn()));
        if plans {
            plan::tick(&app.ctx, now).await?;
        }
        app.spawn_jobs()?;
        Ok(app)
    }

    fn spawn_listeners(&mut self) {
        for account in self.ctx.accounts.values() {
            self.tasks.spawn(job("listen", listen::run(self.ctx.clone(), account.clone(), self.stop.clone())));
        }
    }

    fn spawn_jobs(&mut self) -> anyhow::Result<()> {
        let watcher = watch::watch(&self.root)?;
        let (ctx, stop) = (&self.ctx, &self.stop);
        self.tasks.spawn(job("publish", publish::run(ctx.clone(), stop.clone())));
        self.tasks.spawn(job("settle", settle::run(ctx.clone(), stop.clone())));
        self.tasks.spawn(job("lease", lease::run(ctx.clone(), stop.clone())));
        self.tasks.spawn(job("keep", keep::run(ctx.clone(), stop.clone())));
        self.tasks.spawn(job("plan", planning(ctx.clone(), stop.clone())));
        self.tasks.spawn(files(ctx.clone(), self.root.clone(), watcher, stop.clone()));
        Ok(())
    }

    /// What the jobs work with: for the demo and for tests, which watch the same program staff run.
    #[must_use]
    pub fn ctx(&self) -> &Arc<Ctx> {
        &self.ctx
    }

    /// Runs until `stop` is ready or a job fails; then stops claiming, lets armed sends finish, closes the database. A
    /// database that is out of reach is waited for: nothing is sent or answered meanwhile, and what was on its way is
    /// looked for afterwards.
    ///
    /// # Errors
    /// The failure of the job that ended the run.
    pub async fn run_until(mut self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        tokio::pin!(stop);
        let outcome = loop {
            let mut asked = false;
            let mut outcome = Ok(());
            tokio::select! {
                () = &mut stop => {
                    asked = true;
                    tracing::info!("stopping; what is on its way may finish");
                }
                Some(done) = self.tasks.join_next() => outcome = ended(done),
            }
            let outcome = self.join_jobs(outcome).await;
            match outcome {
                Err(error) if !asked && may_pass(&error) => {
                    tracing::error!("{error:#}; nothing is sent or answered until the database is back");
                    tokio::select! {
                        () = &mut stop => break Ok(()),
                        back = self.come_back() => if let Err(error) = back { break Err(error) },
                    }
                }
                // Whoever stops it while the database is away has asked for nothing else.
                Err(error) if asked && may_pass(&error) => {
                    tracing::error!("{error:#}; the next start looks for what was on its way");
                    break Ok(());
                }
                outcome => break outcome,
            }
        };
        if matches!(self.ctx.voice, Voice::Live)
            && let Err(error) = self.ctx.store.step_epoch(self.ctx.clock.now()).await
        {
            tracing::warn!(%error, "a backup from before this stop would not be recognised as older");
        }
        if tokio::time::timeout(LAST_WORDS, self.ctx.store.close()).await.is_err() {
            tracing::warn!("the database does not answer; the leases of this daemon run out by themselves");
        }
        // Only now may another daemon take the database.
        drop(self.lock);
        drop(self.scratch);
        outcome
    }
}

impl App {
    /// Asks every job to end and waits until they have; `outcome` is how the first one ended.
    async fn join_jobs(&mut self, mut outcome: anyhow::Result<()>) -> anyhow::Result<()> {
        self.stop.cancel();
        let rest = async {
            while let Some(done) = self.tasks.join_next().await {
                if outcome.is_ok() {
                    outcome = ended(done);
                }
            }
        };
        if tokio::time::timeout(LAST_SENDS, rest).await.is_err() {
            tracing::warn!("some requests did not finish in time; they count as unclear");
        }
        self.tasks.shutdown().await;
        outcome
    }

    /// Waits until the database can be used again, writes down what was on its way as unclear, and starts the jobs anew.
    async fn come_back(&mut self) -> anyhow::Result<()> {
        let (ctx, clock) = (self.ctx.clone(), self.ctx.clock.clone());
        let away_since = clock.now();
        let unclear = loop {
            match ctx.store.come_back(clock.now()).await {
                Ok(unclear) => break unclear,
                Err(error) if error.may_pass() => {
                    tracing::debug!(%error, "the database is still away");
                    // By real time: a database is no server of the campaign, and its outage no matter of its clock.
                    tokio::time::sleep(KNOCK).await;
                }
                Err(error) => return Err(error).context("the database came back and cannot be used"),
            }
        };
        tracing::warn!(deliveries = unclear, "the database is back; looking on the servers for what was on its way");
        while let Err(error) = self.go_on(away_since).await {
            if !may_pass(&error) {
                return Err(error);
            }
            tokio::time::sleep(KNOCK).await;
        }
        Ok(())
    }

    async fn go_on(&mut self, away_since: DateTime<Utc>) -> anyhow::Result<()> {
        let ctx = self.ctx.clone();
        let now = ctx.clock.now();
        if now - away_since > SHORT_OUTAGE {
            let away = (now - away_since).num_minutes();
            let text =
                format!("the database was out of reach for {away} minutes: nothing was sent or answered meanwhile");
            let step = "see that the database server stays up; what is still in time goes out by itself";
            ctx.store.raise("database-away", "", &text, step, now).await?;
        }
        // A server that broke may be back with a backup of yesterday, and so may the machine.
        if matches!(ctx.voice, Voice::Live)
            && let Some(doubt) = ctx.store.recognise(now).await?
        {
            set_back::tell(&ctx.store, doubt, ctx.desk().zone, now).await?;
        }
        for account in ctx.accounts.values() {
            account.forget_link();
        }
        self.stop = CancellationToken::new();
        ctx.set_stop(self.stop.clone());
        lease::tick(&ctx, now).await?;
        // Files may have changed while nobody watched them.
        read_anew(&ctx, &self.root).await?;
        self.spawn_listeners();
        self.spawn_jobs()
    }
}

/// Whether waiting may help.
fn may_pass(error: &anyhow::Error) -> bool {
    error.downcast_ref::<StoreError>().is_some_and(StoreError::may_pass)
}

/// What earlier links found: accounts are ours also while their server is down or their token fails.
async fn remember_profiles(ctx: &Ctx) -> anyhow::Result<()> {
    for (name, row) in ctx.store.accounts().await? {
        let me = row.me.and_then(|json| serde_json::from_str::<Me>(&json).ok());
        if let (Some(account), Some(me)) = (ctx.accounts.get(&name), me) {
            account.set_profile(me.url);
        }
    }
    Ok(())
}

/// A task that panicked or failed ends the program, visibly.
fn ended(done: Result<anyhow::Result<()>, tokio::task::JoinError>) -> anyhow::Result<()> {
    match done {
        Ok(outcome) => outcome,
        Err(panic) => Err(anyhow::Error::new(panic).context("a job stopped unexpectedly")),
    }
}

async fn job(name: &'static str, work: impl Future<Output = Result<(), StoreError>>) -> anyhow::Result<()> {
    work.await.with_context(|| format!("the {name} job stopped; nothing was sent without a record"))
}

/// A rehearsal runs on a copy, so that the real database does not learn of statuses that never were. The copy holds what
/// the original holds, so it is removed with the rehearsal.
#[derive(Debug)]
struct Scratch(PathBuf);

impl Scratch {
    async fn of(campaign: &Campaign, dice: &mut Dice) -> anyhow::Result<Scratch> {
        let folder = std::env::temp_dir().join(format!("watchpost-rehearsal-{}", hex::encode(dice.bytes())));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let scratch = Scratch(folder);
        if Store::exists(&place(campaign)).await? {
            let (real, _) = Store::open(&place(campaign), Role::Visitor, dice).await?;
            real.copy_to(&scratch.file()).await?;
            real.close().await;
        }
        Ok(scratch)
    }

    fn file(&self) -> PathBuf {
        self.0.join("watchpost.db")
    }

    fn place(&self) -> Place {
        Place::file(&self.file())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "cannot remove the rehearsal's copy in {}", self.0.display());
        }
    }
}

fn place(campaign: &Campaign) -> Place {
    Place::new(&campaign.store_url, &campaign.root)
}

fn linked(account: &Account, root: &Path, http: &Http) -> Linked {
    let (name, server) = (account.name.clone(), account.server.clone());
    let (account, root, http) = (account.clone(), root.to_path_buf(), http.clone());
    let open: context::OpenLink = Box::new(move || open_link(&account, &root, &http));
    Linked::new(name, server, open)
}

/// Opens an account's link with its token as it stands now.
///
/// # Errors
/// A sentence for staff: the token is missing or unreadable, the address is wrong.
pub fn open_link(account: &Account, root: &Path, http: &Http) -> Result<Fedi, String> {
    let token = secrets::token(&account.token, root).map_err(|error| format!("{}: {error}", account.name))?;
    let link = Link {
        account: account.name.clone(),
        server: account.server.clone(),
        streaming: account.streaming.clone(),
        token,
    };
    Fedi::new(http, link).map_err(|error| error.to_string())
}

/// Where the database is, without what may be secret in its address.
#[must_use]
pub fn store_words(campaign: &Campaign) -> String {
    place(campaign).to_string()
}

/// What staff wrote, as the jobs need it; what `before` learned from the same examples is taken over.
#[must_use]
pub fn desk(campaign: &Campaign, before: Option<&Mind>) -> Desk {
    Desk {
        posts: campaign.posts.clone(),
        unreadable: campaign.unreadable.clone(),
        calendars: campaign::plan_accounts(campaign),
        zone: campaign.zone,
        approval: campaign.approval,
        mind: Arc::new(mind(campaign, before)),
    }
}

/// How the campaign's mentions are understood and answered; what `before` learned from the same examples is taken over.
#[must_use]
pub fn mind(campaign: &Campaign, before: Option<&Mind>) -> Mind {
    let keywords = Matcher::new(&campaign.facts, &campaign.commands, &campaign.languages);
    let before = before.map(|mind| &mind.matcher);
    Mind {
        matcher: keywords.taught(&campaign.facts, &campaign.examples, before),
        facts: campaign.facts.clone(),
        commands: campaign.commands.clone(),
        enabled: campaign.replies.enabled,
        template: campaign.replies.template.clone(),
        hashtags: campaign.hashtags.clone(),
        languages: campaign.languages.clone(),
        max_age: campaign.replies.max_age,
        limits: campaign.replies.limits.clone(),
    }
}

/// Plans when wanted, when commands wrote into the database, and now and then. Where another daemon plans, it is told.
async fn planning(ctx: Arc<Ctx>, stop: CancellationToken) -> Result<(), StoreError> {
    let mut version = ctx.store.data_version().await?;
    let mut next = ctx.clock.now() + PLAN_ANEW;
    while !stop.is_cancelled() {
        let mut wanted = false;
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = ctx.plan_wanted.notified() => wanted = true,
            () = ctx.clock.slice(Some(ctx.clock.now() + LOOK_FOR_INTENTS)) => {}
        }
        let seen = ctx.store.data_version().await?;
        let now = ctx.clock.now();
        if !ctx.plans.load(Ordering::SeqCst) {
            if wanted {
                ctx.store.tell_change().await?;
            }
            (version, next) = (seen, now + PLAN_ANEW);
        } else if wanted || seen != version || now >= next {
            version = seen;
            next = now + PLAN_ANEW;
            plan::tick(&ctx, now).await?;
            ctx.send_wanted.notify_one();
        }
    }
    Ok(())
}

/// Reads the campaign anew when its files change. A broken file stops nothing else: what was good stays, a notice
/// says what is wrong.
async fn files(
    ctx: Arc<Ctx>,
    root: PathBuf,
    mut watcher: watch::Watcher,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => break,
            () = watcher.changed() => {}
        }
        read_anew(&ctx, &root).await?;
    }
    Ok(())
}

async fn read_anew(ctx: &Ctx, root: &Path) -> Result<(), StoreError> {
    let mut loaded = match campaign::load_quickly(root, ctx.clock.now()) {
        Ok(loaded) => loaded,
        Err(error) => {
            tracing::error!(%error, "the campaign folder cannot be read; going on with what was read before");
            return Ok(());
        }
    };
    // Editors and copying programs take a file away for a moment; what answers are made of is not forgotten for that.
    let mind = ctx.desk().mind.clone();
    let vanished = campaign::vanished(
        root,
        !mind.facts.facts.is_empty(),
        !mind.commands.phrases.is_empty(),
        mind.matcher.is_taught(),
    );
    if !vanished.is_empty() {
        loaded.findings.extend(vanished);
        loaded.campaign = None;
    }
    match loaded.campaign {
        Some(campaign) => {
            let desk = desk(&campaign, Some(&mind));
            learn(&desk.mind).await;
            ctx.set_desk(desk);
        }
        None => tracing::error!("the campaign has errors; going on with what was read before"),
    }
    // Behind it, so that who reads of a mistake knows that the rest counts.
    report(ctx, &loaded.findings).await
}

/// Learns from examples beside everything else. A mention that comes meanwhile waits for it.
async fn learn(mind: &Arc<Mind>) {
    let mind = mind.clone();
    if let Err(error) = tokio::task::spawn_blocking(move || mind.matcher.learn()).await {
        tracing::error!(%error, "learning from examples broke off");
    }
}

/// One notice a file with errors; settled when the file is mended.
async fn report(ctx: &Ctx, findings: &[Finding]) -> Result<(), StoreError> {
    const PREFIX: &str = "file:";
    let now = ctx.clock.now();
    let mut broken = BTreeSet::new();
    for finding in findings.iter().filter(|finding| finding.level == Level::Error) {
        let key = format!("{PREFIX}{}", finding.file.display());
        if broken.insert(key.clone()) {
            tracing::error!("{finding}");
            let step = "mend the file; `watchpost check` lists everything that is wrong";
            ctx.store.raise(&key, "", &finding.to_string(), step, now).await?;
        }
    }
    for notice in ctx.store.notices().await? {
        if notice.key.starts_with(PREFIX) && !broken.contains(&notice.key) {
            ctx.store.settle_notice(&notice.key).await?;
        }
    }
    Ok(())
}
