//! A machine of the simulation: a clock that may be wrong, and a daemon that lives and dies on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration as Real;

use chrono::{DateTime, Duration, Utc};

use super::daemon::{Daemon, Ended, Machine};
use super::ears::Ears;
use crate::jobs::points::{Gate, Passage};
use crate::sandbox::{Sandbox, StreamEnd};

/// Whether somebody may have written to us since the last round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    /// Send and look only.
    Quiet,
    /// Plan and listen too.
    Listen,
}

/// One of the machines.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) machine: Machine,
    /// By how much its clock is wrong.
    off: Duration,
    daemon: Option<Daemon>,
    ears: Ears,
    /// Points the daemon passes until it dies.
    steps_left: Arc<AtomicI64>,
    back_after: Duration,
    /// When a dead daemon is started again.
    back_at: Option<DateTime<Utc>>,
}

impl Host {
    pub(super) fn new(machine: Machine) -> Host {
        Host {
            machine,
            off: Duration::zero(),
            daemon: None,
            ears: Ears::default(),
            steps_left: Arc::new(AtomicI64::new(i64::MAX)),
            back_after: Duration::zero(),
            back_at: None,
        }
    }

    pub(super) fn daemon(&self) -> Option<&Daemon> {
        self.daemon.as_ref()
    }

    /// Opens the daemon if it is to be up; where it was told to die is forgotten.
    pub(super) async fn start_if_due(&mut self, now: DateTime<Utc>) -> anyhow::Result<()> {
        if self.daemon.is_some() || self.back_at.is_some_and(|at| at > now) {
            return Ok(());
        }
        self.back_at = None;
        self.spare();
        let steps = self.steps_left.clone();
        let gate: Gate = Arc::new(move |_| {
            let left = steps.fetch_sub(1, Ordering::SeqCst);
            if left <= 0 { Passage::Shut } else { Passage::Open }
        });
        let daemon = self.machine.start(Some(gate)).await?;
        daemon.lease().await?;
        daemon.plan().await?;
        daemon.link().await?;
        daemon.listen().await.map(drop)?;
        self.daemon = Some(daemon);
        Ok(())
    }

    /// One round of everything; a machine that is down does nothing.
    pub(super) async fn work(&mut self, round: Round, sandbox: &Sandbox, now: DateTime<Utc>) -> anyhow::Result<Ended> {
        let Some(daemon) = &self.daemon else { return Ok(Ended::Done) };
        daemon.lease().await?;
        daemon.link().await?;
        if round == Round::Listen {
            daemon.plan().await?;
            if self.ears.hear(daemon, sandbox, now).await? == Ended::Caught || daemon.listen().await? == Ended::Caught {
                return Ok(Ended::Caught);
            }
        }
        daemon.send_and_look().await
    }

    /// The daemon dies where it stands.
    pub(super) async fn crash(&mut self, now: DateTime<Utc>) -> anyhow::Result<()> {
        self.ears = Ears::default();
        self.back_at = Some(now + self.back_after);
        match self.daemon.take() {
            Some(daemon) => daemon.crash().await,
            None => Ok(()),
        }
    }

    /// It is to die after so many more points, and to be back after that time.
    pub(super) fn doom(&mut self, steps: u64, back_after: Duration) -> anyhow::Result<()> {
        self.steps_left.store(i64::try_from(steps)?, Ordering::SeqCst);
        self.back_after = back_after;
        Ok(())
    }

    /// It is not to die any more.
    pub(super) fn spare(&self) {
        self.steps_left.store(i64::MAX, Ordering::SeqCst);
    }

    /// Its clock is wrong by so much from now on.
    pub(super) fn clock_off(&mut self, off: Duration, now: DateTime<Utc>) {
        self.off = off;
        self.machine.clock.step_to(now + off);
    }

    /// The server ended its streams.
    pub(super) fn streams_end(&mut self, how: StreamEnd, now: DateTime<Utc>) {
        self.ears.end(how, now);
    }

    /// Time passes on its clock.
    pub(super) fn pass(&self, by: Real) {
        self.machine.clock.advance(by);
    }

    /// The next moment at which there is something to do here, by the right clock.
    pub(super) async fn next(&self) -> anyhow::Result<Option<DateTime<Utc>>> {
        match &self.daemon {
            Some(daemon) => Ok(daemon.next().await?.map(|due| due - self.off)),
            None => Ok(self.back_at),
        }
    }
}
