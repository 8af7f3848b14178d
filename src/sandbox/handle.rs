//! The hand of a test or of the demo: acts as people, breaks things, waits for states.
//!
//! What it does by hand passes no window, no fault and no length limit, because other servers' people know none of ours.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::create::{Draft, Via};
use super::faults::Fault;
use super::ids::{AccountKey, StatusKey};
use super::people::{Credentials, NewAccount};
use super::seen::{Ever, RequestSeen, StatusSeen};
use super::state::{Made, Policy, Push, State};
use super::{Refused, Sandbox, SandboxError};
use crate::core::ids::StatusId;
use crate::core::post::Visibility;

/// The state waited for did not come.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sandbox did not reach the expected state within {0:?}")]
pub struct TimedOut(pub Duration);

/// How open streams are ended, or made to look alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamEnd {
    /// With a close frame.
    Close,
    /// The connection is reset.
    Cut,
    /// It stays open; nothing is sent or answered any more, pings included.
    Silence,
}

impl Sandbox {
    /// Makes an account.
    ///
    /// # Errors
    /// When the name is taken or no name.
    pub fn add_account(&self, account: NewAccount) -> Result<Credentials, SandboxError> {
        let now = self.now();
        self.change(|state| state.add_account(account, now))
    }

    /// Makes an invented person who follows every campaign account.
    ///
    /// # Errors
    /// When the name is taken or no name.
    pub fn follower(&self, name: &str) -> Result<Credentials, SandboxError> {
        self.add_account(NewAccount::follower(name))
    }

    /// Lets an account publish; people unknown so far are invented.
    ///
    /// # Errors
    /// When the draft is blank, its parent is not there, or the name is no name.
    pub fn write(&self, from: &str, draft: Draft) -> Result<StatusId, SandboxError> {
        let now = self.now();
        self.change(|state| {
            let author = match state.named(from) {
                Some(row) => row.key,
                None => {
                    state.add_account(NewAccount::follower(from), now)?;
                    state.named(from).ok_or_else(|| SandboxError::NoAccount(from.to_owned()))?.key
                }
            };
            match state.create(author, draft, now, Via::Hand)? {
                Made::Status(key) => Ok(StatusId::new(state.id(key))),
                Made::Scheduled(_) => Err(Refused::NotFound.into()),
            }
        })
    }

    /// Lets somebody write publicly; `text` names whom it is for.
    ///
    /// # Errors
    /// As [`Sandbox::write`].
    pub fn mention(&self, from: &str, text: &str) -> Result<StatusId, SandboxError> {
        self.write(from, Draft::new(text))
    }

    /// Lets somebody answer a status publicly; `text` names whom it is for.
    ///
    /// # Errors
    /// As [`Sandbox::write`].
    pub fn reply(&self, from: &str, to: impl AsRef<str>, text: &str) -> Result<StatusId, SandboxError> {
        self.write(from, Draft::new(text).in_reply_to(to))
    }

    /// Lets the author change a status.
    ///
    /// # Errors
    /// When it does not stand, or the draft is blank.
    pub fn edit(&self, status: impl AsRef<str>, draft: &Draft) -> Result<(), SandboxError> {
        let now = self.now();
        self.with_status(status.as_ref(), |state, key, author| state.edit(author, key, draft, now, Via::Hand))
    }

    /// Lets the author delete a status.
    ///
    /// # Errors
    /// When it does not stand.
    pub fn delete(&self, status: impl AsRef<str>) -> Result<(), SandboxError> {
        let now = self.now();
        self.with_status(status.as_ref(), |state, key, author| state.delete(author, key, now))
    }

    fn with_status<T>(
        &self,
        id: &str,
        with: impl FnOnce(&mut State, StatusKey, AccountKey) -> Result<T, Refused>,
    ) -> Result<T, SandboxError> {
        self.change(|state| {
            let row = state.key(id).and_then(|key| state.standing(key)).ok_or(Refused::NotFound)?;
            let (key, author) = (row.key, row.author);
            Ok(with(state, key, author)?)
        })
    }

    /// Lets somebody favour a status.
    ///
    /// # Errors
    /// When nobody has that name, or they cannot see the status.
    pub fn favourite(&self, who: &str, status: impl AsRef<str>) -> Result<(), SandboxError> {
        let (who, now) = (self.key_of(who)?, self.now());
        self.with_status(status.as_ref(), |state, key, _| state.favourite(who, key, now))
    }

    /// Lets somebody boost a status.
    ///
    /// # Errors
    /// When nobody has that name, or they cannot see or boost the status.
    pub fn boost(&self, who: &str, status: impl AsRef<str>) -> Result<StatusId, SandboxError> {
        let (who, now) = (self.key_of(who)?, self.now());
        let boost = self.with_status(status.as_ref(), |state, key, _| state.boost(who, key, now))?;
        Ok(StatusId::new(self.look(|state| state.id(boost))))
    }

    /// Lets somebody block somebody.
    ///
    /// # Errors
    /// When nobody has one of the names.
    pub fn block(&self, who: &str, whom: &str) -> Result<(), SandboxError> {
        let (who, whom) = (self.key_of(who)?, self.key_of(whom)?);
        self.change(|state| state.block(who, whom));
        Ok(())
    }

    /// Lets somebody follow somebody, who is notified.
    ///
    /// # Errors
    /// When nobody has one of the names.
    pub fn follow(&self, who: &str, whom: &str) -> Result<(), SandboxError> {
        let (who, whom, now) = (self.key_of(who)?, self.key_of(whom)?, self.now());
        self.change(|state| {
            state.follow(who, whom);
            state.notify(whom, "follow", who, None, now);
        });
        Ok(())
    }

    /// Lets fewer people see a status, as servers do when an author or a moderator takes it out of sight.
    ///
    /// # Errors
    /// When it does not stand.
    pub fn narrow(&self, status: impl AsRef<str>, to: Visibility) -> Result<(), SandboxError> {
        self.with_status(status.as_ref(), |state, key, _| {
            if let Some(row) = state.statuses.get_mut(&key) {
                row.visibility = to;
            }
            Ok(())
        })
    }

    /// Gives a status another date, and what was notified of it.
    ///
    /// # Errors
    /// When it does not stand.
    pub fn date(&self, status: impl AsRef<str>, at: DateTime<Utc>) -> Result<(), SandboxError> {
        self.with_status(status.as_ref(), |state, key, _| {
            if let Some(row) = state.statuses.get_mut(&key) {
                row.created_at = at;
            }
            let rows = state.accounts.values_mut().flat_map(|account| account.notifications.iter_mut());
            for row in rows.filter(|row| row.status == Some(key)) {
                row.created_at = at;
            }
            Ok(())
        })
    }

    /// Changes an account's notification policy, as its owner would in a browser.
    ///
    /// # Errors
    /// When nobody has that name.
    pub fn set_policy(&self, account: &str, policy: Policy) -> Result<(), SandboxError> {
        let key = self.key_of(account)?;
        self.change(|state| {
            if let Some(row) = state.accounts.get_mut(&key) {
                row.policy = policy;
            }
        });
        Ok(())
    }

    fn key_of(&self, name: &str) -> Result<AccountKey, SandboxError> {
        self.look(|state| state.named(name).map(|row| row.key)).ok_or_else(|| SandboxError::NoAccount(name.to_owned()))
    }

    /// Puts a fault in the queue.
    pub fn fault(&self, fault: Fault) {
        self.change(|state| state.faults.push(fault));
    }

    /// Takes all faults out of the queue.
    pub fn clear_faults(&self) {
        self.change(|state| state.faults.clear());
    }

    /// Lets every hanging request go on.
    pub fn release(&self) {
        self.0.released.send_modify(|count| *count += 1);
    }

    /// From now on the tokens of this account are answered with this status code, and its streams are closed.
    ///
    /// # Errors
    /// When nobody has that name.
    pub fn revoke(&self, account: &str, status: u16) -> Result<(), SandboxError> {
        let key = self.key_of(account)?;
        self.change(|state| {
            for token in state.tokens.values_mut().filter(|token| token.account == Some(key)) {
                token.revoked = Some(status);
            }
        });
        self.end_streams(Some(account), StreamEnd::Close);
        Ok(())
    }

    /// The tokens of this account are good again.
    ///
    /// # Errors
    /// When nobody has that name.
    pub fn restore(&self, account: &str) -> Result<(), SandboxError> {
        let key = self.key_of(account)?;
        self.change(|state| {
            for token in state.tokens.values_mut().filter(|token| token.account == Some(key)) {
                token.revoked = None;
            }
        });
        Ok(())
    }

    /// The server's process is restarted: streams are cut, and what it kept in memory alone is gone.
    pub fn restart(&self) {
        self.change(State::restart_keys);
        self.end_streams(None, StreamEnd::Cut);
    }

    /// Ends the open streams of one account or of all, or silences them.
    pub fn end_streams(&self, account: Option<&str>, how: StreamEnd) {
        let push = match how {
            StreamEnd::Close => Push::Close(1001),
            StreamEnd::Cut => Push::Cut,
            StreamEnd::Silence => Push::Silence,
        };
        self.change(|state| {
            let whose = account.map(|name| state.named(name).map(|row| row.key));
            // Nothing is pushed down a stream that was told to end, also before its task heard of it.
            state.lines.retain(|key, lines| {
                let ends = whose.is_none_or(|whose| whose == Some(*key));
                for line in lines.iter().filter(|_| ends) {
                    // A stream that has just ended needs no end.
                    drop(line.to.send(push.clone()));
                }
                !ends
            });
        });
    }

    /// The code a person would copy from the authorization page after agreeing as this account.
    ///
    /// # Errors
    /// When nobody has that name, or the app is unknown.
    pub fn authorize(&self, client_id: &str, account: &str, challenge: Option<&str>) -> Result<String, SandboxError> {
        let key = self.key_of(account)?;
        self.change(|state| Ok(state.authorize(client_id, key, challenge.map(str::to_owned))?))
    }

    /// The statuses that stand, oldest first.
    #[must_use]
    pub fn statuses(&self) -> Vec<StatusSeen> {
        self.look(State::statuses)
    }

    /// The statuses of one account that stand, oldest first.
    #[must_use]
    pub fn own(&self, account: &str) -> Vec<StatusSeen> {
        self.look(|state| state.own(account))
    }

    /// The direct answers to a status that stand, oldest first.
    #[must_use]
    pub fn replies_to(&self, status: impl AsRef<str>) -> Vec<StatusSeen> {
        self.look(|state| state.replies_to(status.as_ref()))
    }

    /// The requests received so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestSeen> {
        self.look(|state| state.requests().cloned().collect())
    }

    /// How many statuses that were ever there repeat another: same account, text and parent.
    #[must_use]
    pub fn duplicates(&self) -> usize {
        self.look(|state| state.duplicates(Ever::Yes))
    }

    /// Waits until every request that was sent so far is over or hangs on a fault, those whose clients left included.
    /// Sees through clients only that make each request on a connection of its own.
    ///
    /// # Errors
    /// When `within` (real time) has passed.
    pub async fn wait_for_silence(&self, within: Duration) -> Result<(), TimedOut> {
        let address = self.look(|state| state.domain.clone());
        let until_heard = async {
            // Connections are taken in their order: once this one is answered, all before it are known.
            let mut last = tokio::net::TcpStream::connect(address).await?;
            last.write_all(b"GET / HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\n\r\n").await?;
            let mut answer = Vec::new();
            last.read_to_end(&mut answer).await
        };
        let heard = tokio::time::timeout(within, until_heard).await;
        heard.ok().and_then(Result::ok).ok_or(TimedOut(within))?;
        let (mut changed, mut over) = (self.0.changed.subscribe(), self.0.traffic.watch());
        let until_over = async {
            loop {
                changed.mark_unchanged();
                over.mark_unchanged();
                if self.0.traffic.is_over() && self.look(|state| state.at_work() == state.hanging()) {
                    return Some(());
                }
                tokio::select! {
                    changed = changed.changed() => changed.ok()?,
                    over = over.changed() => over.ok()?,
                }
            }
        };
        tokio::time::timeout(within, until_over).await.ok().flatten().ok_or(TimedOut(within))
    }

    /// Waits until the state is as wished; looks again at every change, never by sleeping.
    ///
    /// # Errors
    /// When `within` (real time) has passed.
    pub async fn wait_until(&self, mut wished: impl FnMut(&State) -> bool, within: Duration) -> Result<(), TimedOut> {
        self.wait_for(|state| wished(state).then_some(()), within).await
    }

    /// Waits until the state gives a value.
    ///
    /// # Errors
    /// When `within` (real time) has passed.
    pub async fn wait_for<T>(
        &self,
        mut find: impl FnMut(&State) -> Option<T>,
        within: Duration,
    ) -> Result<T, TimedOut> {
        let mut changed = self.0.changed.subscribe();
        let search = async {
            loop {
                changed.mark_unchanged();
                if let Some(found) = self.look(&mut find) {
                    return Some(found);
                }
                changed.changed().await.ok()?;
            }
        };
        tokio::time::timeout(within, search).await.ok().flatten().ok_or(TimedOut(within))
    }

    /// Holds a request, and says so; true when the sandbox stops meanwhile.
    pub(crate) async fn hang(&self, at_most: Option<Duration>, held: impl FnOnce()) -> bool {
        let mut released = self.0.released.subscribe();
        self.change(|state| state.hanging += 1);
        held();
        let over = async {
            match at_most {
                Some(time) => tokio::time::sleep(time).await,
                None => std::future::pending().await,
            }
        };
        let stopped = tokio::select! {
            () = self.0.stop.cancelled() => true,
            _ = released.changed() => false,
            () = over => false,
        };
        self.change(|state| state.hanging = state.hanging.saturating_sub(1));
        stopped
    }
}
