//! The daemon's jobs on a real database file, driven by hand: started, ticked, crashed and started again. The
//! simulation and the crash grid of `tests/law` run the jobs the production program runs; only the tasks that wake
//! them are replaced by a loop that moves a clock from one due moment to the next.
//!
//! A crash here is: the jobs are dropped where they stand, the store and its connections with them, and the same file
//! is opened again as [`crate::app`] opens it. It does not know what is being tested.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use tokio::sync::Notify;

use crate::clock::{Clock, Dice};
use crate::core::breaker::Gate as Breaker;
use crate::core::decision::Mind;
use crate::core::ids::AccountName;
use crate::core::plan::AccountCalendar;
use crate::core::post::Post;
use crate::fedi::{Fedi, Http, Link};
use crate::jobs::points::{Gate, Passage, Point};
use crate::jobs::{Ctx, Desk, Linked, Voice, lease, link, plan, publish, settle, walk};
use crate::store::{Lock, Place, Role, Store};

/// How long tasks of a crashed daemon may take to be gone, in real time.
const GONE: Duration = Duration::from_secs(10);

/// An account of the campaign on its server.
#[derive(Clone, Debug)]
pub struct Voices {
    /// What staff call it, and its name on the server.
    pub name: AccountName,
    /// `http://127.0.0.1:PORT`
    pub server: String,
    /// Its token.
    pub token: SecretString,
}

/// Everything that stays over a crash: the disk, the clock, what staff wrote.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The database.
    pub place: Place,
    /// The machine's clock.
    pub clock: Clock,
    /// Connections; shared, because a TLS set-up is dear.
    pub http: Http,
    /// The accounts.
    pub accounts: Vec<Voices>,
    /// The posts.
    pub posts: Vec<Post>,
    /// The weekly times.
    pub calendars: Vec<AccountCalendar>,
    /// How mentions are answered.
    pub mind: Arc<Mind>,
    /// Seed of the daemon's chance.
    pub seed: u64,
}

/// A running daemon whose jobs are driven by hand.
#[derive(Debug)]
pub struct Daemon {
    /// What its jobs work with.
    pub ctx: Arc<Ctx>,
    lock: Option<Lock>,
    crashed: Arc<Notify>,
}

/// How a round of work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Everything due was done.
    Done,
    /// The gate shut: the daemon must be crashed now.
    Caught,
}

impl Machine {
    /// Opens the database as a daemon does and takes over what a dead one left. `gate` says where to crash.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub async fn start(&self, gate: Option<Gate>) -> anyhow::Result<Daemon> {
        let mut dice = Dice::seeded(self.seed);
        let (store, lock) = Store::open(&self.place, Role::Daemon, &mut dice).await?;
        store.recognise(self.clock.now()).await?;
        store.take_over(self.clock.now()).await?;
        for account in &self.accounts {
            store.know_account(&account.name, &account.server).await?;
        }
        let desk = Desk {
            approval: crate::core::approval::ApprovalRule::None,
            posts: self.posts.iter().cloned().map(Arc::new).collect(),
            unreadable: std::collections::HashMap::new(),
            calendars: self.calendars.clone(),
            zone: chrono_tz::UTC,
            mind: self.mind.clone(),
        };
        let accounts = self.accounts.iter().map(|account| self.linked(account)).collect();
        let ctx = Arc::new(Ctx::new(store, self.clock.clone(), dice, Voice::Live, desk, accounts));
        let crashed = Arc::new(Notify::new());
        if let Some(gate) = gate {
            let caught = crashed.clone();
            ctx.points.install(Arc::new(move |point: Point| {
                let passage = gate(point);
                if passage == Passage::Shut {
                    caught.notify_one();
                }
                passage
            }));
        }
        Ok(Daemon { ctx, lock, crashed })
    }

    fn linked(&self, account: &Voices) -> Linked {
        let (http, account) = (self.http.clone(), account.clone());
        let (name, server) = (account.name.clone(), account.server.clone());
        Linked::new(
            name,
            server,
            Box::new(move || {
                let (name, server, token) = (account.name.clone(), account.server.clone(), account.token.clone());
                Fedi::new(&http, Link { account: name, server, streaming: None, token })
                    .map_err(|error| error.to_string())
            }),
        )
    }

    /// Makes a fresh database at `path` once, to be copied for many machines: migrating is the dearest part.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn template(path: &Path) -> anyhow::Result<()> {
        let (store, lock) = Store::open(&Place::file(path), Role::Daemon, &mut Dice::seeded(1)).await?;
        store.close().await;
        drop(lock);
        Ok(())
    }
}

impl Daemon {
    /// Links every account that is not linked and not another daemon's; one that cannot be now is left for later.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn link(&self) -> anyhow::Result<()> {
        for account in self.ctx.accounts.values().filter(|account| account.is_held() && account.link().is_none()) {
            link::tick(&self.ctx, account, self.ctx.clock.now()).await?;
        }
        Ok(())
    }

    /// Renews what this daemon holds where several share a database, and takes what nobody holds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lease(&self) -> anyhow::Result<()> {
        lease::tick(&self.ctx, self.ctx.clock.now()).await?;
        Ok(())
    }

    /// Plans, unless another daemon does.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn plan(&self) -> anyhow::Result<()> {
        if self.ctx.plans.load(Ordering::SeqCst) {
            plan::tick(&self.ctx, self.ctx.clock.now()).await?;
        }
        Ok(())
    }

    /// Reads every account's notifications; a server that cannot be read now is read next time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn listen(&self) -> anyhow::Result<Ended> {
        let work = async {
            for account in self.ctx.accounts.values() {
                let Some(link) = account.link() else { continue };
                match walk::tick(&self.ctx, account, &link).await {
                    Ok(_) | Err(crate::jobs::Trouble::Fedi(_)) => {}
                    Err(crate::jobs::Trouble::Store(error)) => return Err(error.into()),
                }
            }
            Ok(())
        };
        self.caught_or(work).await
    }

    /// Sends what is due, then looks for what is to be looked for.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn send_and_look(&self) -> anyhow::Result<Ended> {
        let work = async {
            publish::tick(&self.ctx).await?;
            settle::tick(&self.ctx).await?;
            Ok(())
        };
        self.caught_or(work).await
    }

    /// Drives `work` until it ends or the gate shuts; then it is dropped where it stands.
    ///
    /// # Errors
    /// What `work` fails of.
    pub async fn caught_or(&self, work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<Ended> {
        tokio::select! {
            biased;
            () = self.crashed.notified() => Ok(Ended::Caught),
            done = work => done.map(|()| Ended::Done),
        }
    }

    /// The next moment at which there is something to do, as far as ledger and servers' waits say.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next(&self) -> anyhow::Result<Option<DateTime<Utc>>> {
        let (store, now) = (&self.ctx.store, self.ctx.clock.now());
        let waits = store.accounts().await?;
        let wait = waits.values().filter_map(|account| account.wait_until).filter(|until| *until > now).min();
        let left_alone = self.ctx.accounts.values().filter_map(|account| match self.ctx.gate(account, now) {
            Breaker::Wait(until) => Some(until),
            Breaker::Send | Breaker::Ask => None,
        });
        let wait = wait.into_iter().chain(left_alone).min();
        let due = store.next_due().await?.map(|due| if due <= now { wait.unwrap_or(due) } else { due });
        Ok([due, store.next_looks().await?.first().map(|(_, next)| *next)].into_iter().flatten().min())
    }

    /// Ends the daemon where it stands, as a power cut would. The jobs must have been dropped before.
    ///
    /// # Errors
    /// When a task of it does not end.
    pub async fn crash(self) -> anyhow::Result<()> {
        let Daemon { ctx, lock, crashed: _ } = self;
        // Tasks that were dropped end at their next turn; until then they hold the context.
        let gone = async {
            while Arc::strong_count(&ctx) > 1 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        if tokio::time::timeout(GONE, gone).await.is_err() {
            bail!("a task of the crashed daemon did not end");
        }
        let ctx = Arc::into_inner(ctx).context("a task of the crashed daemon did not end")?;
        ctx.store.cut().await;
        drop(lock);
        Ok(())
    }
}
