//! The daemon of a story: started as `watchpost run` starts it, stopped as a signal stops it, or killed.

use std::path::Path;
use std::sync::{Arc, Weak};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use watchpost::app::{App, Setup};
use watchpost::campaign;
use watchpost::clock::Dice;
use watchpost::jobs::{Ctx, Voice};
use watchpost::sandbox::Existence;

use super::{Story, eventually};

/// A running daemon.
pub(crate) struct Daemon {
    stop: oneshot::Sender<()>,
    task: JoinHandle<anyhow::Result<()>>,
    ctx: Weak<Ctx>,
}

impl Daemon {
    /// What its jobs work with.
    pub(crate) fn ctx(&self) -> Arc<Ctx> {
        self.ctx.upgrade().expect("the daemon has ended")
    }

    /// Stops it as SIGTERM does and returns how it ended.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        // A daemon that has ended already needs no telling.
        self.stop.send(()).ok();
        self.task.await.expect("the daemon panicked")
    }

    /// Whether its tasks have ended.
    pub(crate) fn is_dead(&self) -> bool {
        self.task.is_finished()
    }
}

impl Story {
    /// Starts the daemon and waits until every account that can be linked is.
    pub(crate) async fn start(&mut self) {
        self.start_without_waiting().await.unwrap();
        let open: Vec<String> = self
            .servers
            .iter()
            .filter(|server| server.running.is_some())
            .flat_map(|server| server.accounts.clone())
            .collect();
        let ctx = self.ctx();
        eventually("every account is linked and has walked", async || {
            let known = self.store.accounts().await.unwrap();
            open.iter().all(|name| {
                let linked = ctx.accounts.get(name.as_str()).is_some_and(|account| account.link().is_some());
                let paused = known.get(name.as_str()).is_some_and(|row| row.paused_reason.is_some());
                let walked = known.get(name.as_str()).is_some_and(|row| row.walked_at.is_some());
                paused || (linked && walked)
            })
        })
        .await;
        self.streams_open().await;
    }

    /// Waits until every linked account on a Mastodon streams: what is said from then on is heard without a walk. Other
    /// servers advertise streams they do not serve.
    async fn streams_open(&self) {
        let known = self.store.accounts().await.unwrap();
        for (server, profile) in self.servers.iter().zip(&self.scene.profiles) {
            if server.running.is_none() || profile.streaming == Existence::Absent || profile.software != "mastodon" {
                continue;
            }
            for name in &server.accounts {
                if known.get(name.as_str()).is_some_and(|row| row.paused_reason.is_none()) {
                    self.streaming(name).await;
                }
            }
        }
    }

    /// Starts the daemon, whatever its servers do.
    pub(crate) async fn start_without_waiting(&mut self) -> anyhow::Result<()> {
        assert!(self.daemon.is_none(), "a daemon is running already");
        self.daemon = Some(self.another_daemon().await?);
        Ok(())
    }

    /// A daemon on this story's folder, also beside one that runs.
    pub(crate) async fn another_daemon(&self) -> anyhow::Result<Daemon> {
        self.daemon_in(self.folder.path()).await
    }

    /// A daemon on any folder, with this story's clock.
    pub(crate) async fn daemon_in(&self, folder: &Path) -> anyhow::Result<Daemon> {
        let loaded = campaign::load(folder, self.clock.now()).unwrap();
        let campaign =
            loaded.campaign.unwrap_or_else(|| panic!("the story's campaign has errors: {:?}", loaded.findings));
        let setup = Setup { clock: self.clock.clone(), dice: Dice::seeded(11), voice: Voice::Live };
        let app = App::start(campaign, &loaded.findings, setup).await?;
        let ctx = Arc::downgrade(app.ctx());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(app.run_until(async {
            // A story that dropped the sender wants it stopped as well.
            drop(stopped.await);
        }));
        Ok(Daemon { stop, task, ctx })
    }

    /// What the daemon's jobs work with.
    pub(crate) fn ctx(&self) -> Arc<Ctx> {
        self.daemon.as_ref().expect("no daemon is running").ctx()
    }

    /// Stops the daemon as SIGTERM does and returns how it ended.
    pub(crate) async fn stop(&mut self) -> anyhow::Result<()> {
        let daemon = self.daemon.take().expect("no daemon is running");
        // A daemon that has ended already needs no telling.
        daemon.stop.send(()).ok();
        daemon.task.await.expect("the daemon panicked")
    }

    /// Asks the daemon to stop, without waiting for it.
    pub(crate) fn ask_to_stop(&mut self) -> JoinHandle<anyhow::Result<()>> {
        let daemon = self.daemon.take().expect("no daemon is running");
        // A daemon that has ended already needs no telling.
        daemon.stop.send(()).ok();
        daemon.task
    }

    /// Ends the daemon as `kill -9` does: every task vanishes where it stands.
    pub(crate) async fn kill(&mut self) {
        let daemon = self.daemon.take().expect("no daemon is running");
        daemon.task.abort();
        // An aborted task says so; nothing else is of interest.
        drop(daemon.task.await);
        eventually("every task of the killed daemon is gone", async || daemon.ctx.strong_count() == 0).await;
    }

    /// Stops the daemon and starts it anew.
    pub(crate) async fn restart(&mut self) {
        self.stop().await.unwrap();
        self.start().await;
    }

    /// Opens the database as a visitor again, after it was closed to look at its file.
    pub(crate) async fn visit_again(&mut self) {
        self.store = super::scene::visit(&self.folder).await;
    }

    /// Stops the daemon and takes its database away, key and all.
    pub(crate) async fn lose_database(&mut self) {
        self.stop().await.unwrap();
        self.store.close().await;
        std::fs::remove_dir_all(self.folder.path().join("data")).unwrap();
        self.store = super::scene::visit(&self.folder).await;
    }

    /// Puts these bytes in the place of the database, which no daemon uses.
    pub(crate) async fn replace_database(&mut self, bytes: &[u8]) {
        assert!(self.daemon.is_none(), "a daemon is running");
        self.store.close().await;
        let file = self.folder.database();
        for old in [file.clone(), file.with_extension("db-wal"), file.with_extension("db-shm")] {
            if old.exists() {
                std::fs::remove_file(old).unwrap();
            }
        }
        std::fs::write(file, bytes).unwrap();
        self.store = super::scene::visit(&self.folder).await;
    }
}
