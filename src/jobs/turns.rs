//! Accounts take turns: a job wakes, finds the accounts with work, and gives each a turn of its own, so that a server
//! that hangs holds up nobody else. One account has at most one turn of a job at a time.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::context::{Ctx, Linked};
use crate::core::ids::AccountName;
use crate::store::StoreError;

/// What there is to do now, and when to look again at the latest.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Accounts with something to do that can be done.
    pub accounts: Vec<Arc<Linked>>,
    /// When the next thing is due.
    pub next: Option<DateTime<Utc>>,
}

/// Gives turns until `stop`; then lets those under way finish. A turn that fails ends the job: its row is armed and a
/// restart settles it.
pub(super) async fn run<F, T>(
    ctx: Arc<Ctx>,
    stop: CancellationToken,
    wake: &Notify,
    work: impl AsyncFn(&Ctx) -> Result<Work, StoreError>,
    turn: F,
) -> Result<(), StoreError>
where
    F: Fn(Arc<Ctx>, Arc<Linked>) -> T,
    T: Future<Output = Result<(), StoreError>> + Send + 'static,
{
    let mut busy: HashSet<AccountName> = HashSet::new();
    let mut turns: JoinSet<(AccountName, Result<(), StoreError>)> = JoinSet::new();
    while !stop.is_cancelled() {
        let found = work(&ctx).await?;
        for account in found.accounts {
            if busy.insert(account.name.clone()) {
                let name = account.name.clone();
                let turn = turn(ctx.clone(), account);
                turns.spawn(async move { (name, turn.await) });
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = wake.notified() => {}
            () = ctx.clock.slice(found.next.filter(|next| *next > ctx.clock.now())) => {}
            Some(done) = turns.join_next() => free(&mut busy, done)?,
        }
    }
    while let Some(done) = turns.join_next().await {
        free(&mut busy, done)?;
    }
    Ok(())
}

fn free(
    busy: &mut HashSet<AccountName>,
    done: Result<(AccountName, Result<(), StoreError>), JoinError>,
) -> Result<(), StoreError> {
    let Ok((account, outcome)) = done else { return Err(StoreError::Closed) };
    busy.remove(&account);
    outcome
}
