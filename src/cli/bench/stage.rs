//! A stage: the sandbox in this process, a campaign folder, and the real program in a process of its own.
//!
//! What is read from /proc is what the program holds and has used; on other systems those lines are missing.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};

use super::super::demo::write_config;
use crate::clock::Clock;
use crate::sandbox::{NewAccount, Options, Running, Sandbox, State};

/// How long a state may take before measuring it makes no sense.
pub(super) const LONG: Duration = Duration::from_secs(900);

/// The server, and the folder of the campaign that speaks there.
pub(super) struct Stage {
    running: Running,
    pub(super) hand: Sandbox,
    pub(super) root: PathBuf,
    pub(super) accounts: Vec<String>,
}

impl Stage {
    /// A server without limits with these accounts, and a campaign without posts.
    pub(super) async fn set(root: &Path, clock: &Clock, accounts: u32) -> anyhow::Result<Stage> {
        let names: Vec<String> = (1..=accounts).map(|number| format!("bot{number}")).collect();
        let mut options = Options { requests_kept: 1_000_000, ..Options::new(clock.clone()) }.unlimited();
        for name in &names {
            options = options.account(NewAccount::campaign(name).token(format!("token-{name}")));
        }
        let running = Sandbox::start(options).await?;
        for folder in ["posts", "secrets"] {
            std::fs::create_dir_all(root.join(folder))?;
        }
        write_config(root)?;
        let mut settings = String::from(
            "[campaign]\nname = \"Bench\"\ntimezone = \"UTC\"\nlanguages = [\"en\", \"es\"]\nhashtags = [\"#EyesOnAmazon\"]\n",
        );
        for name in &names {
            std::fs::write(root.join(format!("secrets/{name}.token")), format!("token-{name}\n"))?;
            write!(
                settings,
                "\n[[accounts]]\nname = \"{name}\"\nserver = \"{}\"\ntoken = {{ file = \"secrets/{name}.token\" }}\n",
                running.base_url()
            )?;
        }
        settings.push_str(
            "\n[replies.limits]\nper_person_every = \"unlimited\"\nper_person_per_day = \"unlimited\"\n\
             per_thread_per_person = \"unlimited\"\nper_thread = \"unlimited\"\nper_account_per_hour = \"unlimited\"\n\
             share_of_allowance = \"unlimited\"\n\n[store]\nurl = \"sqlite://data/watchpost.db\"\n",
        );
        std::fs::write(root.join("config/watchpost.toml"), settings)?;
        Ok(Stage { hand: running.handle(), running, root: root.to_path_buf(), accounts: names })
    }

    /// Writes a post.
    pub(super) fn post(&self, name: &str, text: &str) -> anyhow::Result<()> {
        std::fs::write(self.root.join("posts").join(format!("{name}.md")), text)?;
        Ok(())
    }

    /// Starts the program as staff do.
    pub(super) fn daemon(&self) -> anyhow::Result<Daemon> {
        let log = std::fs::File::create(self.root.join("log"))?;
        let child = program(&self.root)?.args(["--log", "warn", "run"]).stdout(Stdio::null()).stderr(log).spawn();
        Ok(Daemon(child.context("cannot run this program")?))
    }

    /// Waits until the server's side is in this state; fails when the program has ended.
    pub(super) async fn until(
        &self,
        daemon: &mut Daemon,
        what: &str,
        wished: impl FnMut(&State) -> bool,
    ) -> anyhow::Result<()> {
        let reached = self.hand.wait_until(wished, LONG);
        tokio::pin!(reached);
        loop {
            tokio::select! {
                done = &mut reached => return done.with_context(|| format!("waiting until {what}")),
                () = tokio::time::sleep(Duration::from_secs(1)) => {
                    let ended = daemon.0.try_wait()?;
                    ensure!(ended.is_none(), "the program ended: {ended:?}: {}", self.last_words());
                }
            }
        }
    }

    /// Starts the program and waits until every account streams.
    pub(super) async fn listening(&self) -> anyhow::Result<Daemon> {
        let mut daemon = self.daemon()?;
        let names = self.accounts.clone();
        let mut open = 0;
        self.until(&mut daemon, "every account streams", move |state| {
            while names.get(open).is_some_and(|name| state.streams(name) > 0) {
                open += 1;
            }
            open == names.len()
        })
        .await?;
        Ok(daemon)
    }

    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.root.join("log")).unwrap_or_default();
        log.lines().last().unwrap_or_default().to_owned()
    }

    pub(super) async fn strike(self) -> anyhow::Result<()> {
        self.running.stop().await;
        // The next measurement needs the room.
        std::fs::remove_dir_all(&self.root).with_context(|| format!("cannot remove {}", self.root.display()))
    }
}

/// This program, for a campaign.
pub(super) fn program(root: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("cannot find this program")?);
    command.arg("--campaign").arg(root);
    Ok(command)
}

/// The program at work; killed when dropped.
pub(super) struct Daemon(Child);

impl Daemon {
    /// Megabytes it holds in memory, and the most it ever held.
    pub(super) fn memory(&self) -> anyhow::Result<Memory> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).context("needs /proc")?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kilobytes: Option<f64> = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            kilobytes.map(|kilobytes| kilobytes / 1024.0).with_context(|| format!("no {name} in /proc"))
        };
        Ok(Memory { now: field("VmRSS:")?, peak: field("VmHWM:")? })
    }

    /// Processor time it has used, over all its threads.
    pub(super) fn processor(&self) -> anyhow::Result<Duration> {
        let mut nanoseconds = 0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.0.id())).context("needs /proc")? {
            let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
            nanoseconds += text.split_whitespace().next().and_then(|first| first.parse::<u64>().ok()).unwrap_or(0);
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// SIGKILL, and waits until it is gone.
    pub(super) fn end(&mut self) -> anyhow::Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have been ended before.
        drop(self.end());
    }
}

/// Megabytes.
pub(super) struct Memory {
    pub(super) now: f64,
    pub(super) peak: f64,
}
