//! The streams of one simulated daemon. A frame that went down a stream is read before time goes on, so that a
//! campaign plays alike each time; a stream that died is opened anew when the daemon listens next.
//!
//! It does not hold up what a dead stream holds up in life: the 75 s of silence are the simulation's, not the machine's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration as Real;

use chrono::{DateTime, Duration, Utc};

use super::daemon::{Daemon, Ended};
use crate::core::ids::AccountName;
use crate::fedi::{Advice, MentionStream, Streamed};
use crate::jobs::answer;
use crate::jobs::context::{LinkState, Linked};
use crate::sandbox::{Sandbox, StreamEnd};

/// Silence after which a stream is dead (DESIGN §6).
const SILENCE: Duration = Duration::seconds(75);

/// How long the server may take to begin a stream it has agreed to, in real time.
const BEGINS: Real = Real::from_secs(10);

/// The streams that are open.
#[derive(Debug, Default)]
pub(super) struct Ears {
    open: BTreeMap<AccountName, Ear>,
    /// The server does not stream, as far as this life of the daemon knows.
    deaf: bool,
}

#[derive(Debug)]
struct Ear {
    stream: MentionStream,
    /// Events of the account this stream has seen, or was too young for.
    read: u64,
    end: Option<(StreamEnd, DateTime<Utc>)>,
}

impl Ears {
    /// The server ends the streams, or lets them go silent.
    pub(super) fn end(&mut self, how: StreamEnd, now: DateTime<Utc>) {
        for ear in self.open.values_mut() {
            ear.end.get_or_insert((how, now));
        }
    }

    /// Reads what came, opens what is not open.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn hear(
        &mut self,
        daemon: &Daemon,
        sandbox: &Sandbox,
        now: DateTime<Utc>,
    ) -> anyhow::Result<Ended> {
        let work = async {
            for account in daemon.ctx.accounts.values() {
                let Some(link) = account.link() else {
                    self.open.remove(&account.name);
                    continue;
                };
                self.read(daemon, account, &link, sandbox, now).await?;
                if !self.deaf && !self.open.contains_key(&account.name) {
                    self.open(account, &link, sandbox).await;
                }
            }
            Ok(())
        };
        daemon.caught_or(Box::pin(work)).await
    }

    async fn read(
        &mut self,
        daemon: &Daemon,
        account: &Linked,
        link: &LinkState,
        sandbox: &Sandbox,
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let Some(mut ear) = self.open.remove(&account.name) else { return Ok(()) };
        loop {
            match ear.end {
                Some((StreamEnd::Silence, since)) if now - since >= SILENCE => return Ok(()),
                Some((StreamEnd::Silence, _)) => break,
                // What came before the end is read; then the end is.
                Some((StreamEnd::Close | StreamEnd::Cut, _)) => {}
                None if ear.read >= sandbox.look(|state| state.pushed(account.name.as_str())) => break,
                None => {}
            }
            match ear.stream.next().await {
                Ok(Streamed::Mention(mention)) => {
                    ear.read += 1;
                    answer::tick(&daemon.ctx, account, link, Arc::from(mention)).await?;
                }
                Ok(Streamed::Other | Streamed::Undecodable) => ear.read += 1,
                Err(_over) => return Ok(()),
            }
        }
        self.open.insert(account.name.clone(), ear);
        Ok(())
    }

    async fn open(&mut self, account: &Linked, link: &LinkState, sandbox: &Sandbox) {
        let name = account.name.as_str();
        let before = sandbox.look(|state| state.streams_ever(name));
        match link.fedi.open_stream(&link.me, &link.capabilities).await {
            Ok(stream) => {
                let begun = sandbox.wait_until(|state| state.streams_ever(name) > before, BEGINS).await;
                if begun.is_ok() {
                    let read = sandbox.look(|state| state.pushed(name));
                    self.open.insert(account.name.clone(), Ear { stream, read, end: None });
                }
            }
            Err(error) => self.deaf = !matches!(error.advice(), Advice::Retry(_)),
        }
    }
}
