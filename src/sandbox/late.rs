//! Statuses that are accepted now and stand later, by the sandbox's clock: a server too slow for its proxy.
//!
//! Invariant: whoever looks at the state after its time finds the status there; whoever waits for it is woken. One that
//! is refused when its time has come vanishes, as its answer has long been lost.

use chrono::{DateTime, Utc};

use super::Sandbox;
use super::create::{Draft, Via};
use super::ids::AccountKey;
use super::key_store::Scope;
use super::refused::Refused;
use super::state::State;

/// A status accepted and not there yet.
#[derive(Debug)]
pub(crate) struct LateRow {
    author: AccountKey,
    draft: Draft,
    due: DateTime<Utc>,
    scope: Option<Scope>,
}

impl State {
    /// Accepts a draft that will be published at `due`; refuses now what would be refused at once.
    pub(crate) fn accept(
        &mut self,
        author: AccountKey,
        draft: Draft,
        due: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), Refused> {
        self.fit(author, &draft, now, Via::Api)?;
        self.count_create(author, now)?;
        let scope = self.scope(author, draft.key.as_deref());
        self.set_under_way(scope.clone(), true);
        self.late.push(LateRow { author, draft, due, scope });
        Ok(())
    }

    /// Publishes what is due.
    pub(crate) fn ripen(&mut self, now: DateTime<Utc>) {
        while let Some(at) = (0..self.late.len())
            .filter(|at| self.late.get(*at).is_some_and(|row| row.due <= now))
            .min_by_key(|at| self.late.get(*at).map(|row| row.due))
        {
            self.publish_late(at, now);
        }
    }

    /// Publishes a late status now, because somebody waits for its key.
    pub(crate) fn hasten(&mut self, scope: &Scope, now: DateTime<Utc>) {
        if let Some(at) = self.late.iter().position(|row| row.scope.as_ref() == Some(scope)) {
            self.publish_late(at, now);
        }
    }

    fn publish_late(&mut self, at: usize, now: DateTime<Utc>) {
        let row = self.late.remove(at);
        self.set_under_way(row.scope, false);
        // Refused by now, for example because its parent is gone: there is nobody left to tell.
        drop(self.create(row.author, row.draft, row.due.min(now), Via::Late));
    }
}

impl Sandbox {
    /// Wakes those who wait for a state once `due` is reached.
    pub(crate) fn wake_at(&self, due: DateTime<Utc>) {
        let sandbox = self.clone();
        self.0.tasks.spawn(async move {
            while sandbox.now() < due {
                tokio::select! {
                    () = sandbox.0.stop.cancelled() => return,
                    () = sandbox.0.clock.slice(Some(due)) => {}
                }
            }
            // Looking at the state publishes what is due.
            sandbox.change(|_| ());
        });
    }
}
