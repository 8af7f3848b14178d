//! Read-back: what did an unclear attempt do, is a status the server said yes to really there, did a resend make a twin
//! (DESIGN §5, laws 7 and 8). Looks at our own statuses; sends nothing: what must go again returns to `planned`.

mod afterwards;
mod candidates;
mod changed;
mod look;
mod unclear;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use self::look::Look;
pub(super) use self::look::shown;
use super::context::{Ctx, LinkState, Linked, Matter, Voice};
use super::points::Point;
use super::turns::{self, Work};
use crate::core::delivery::State;
use crate::core::ids::{AccountName, StatusId};
use crate::fedi::{Advice, FediError};
use crate::store::StoreError;
use crate::store::settling::Open;

/// Rows one turn settles: a page of the own list.
const AT_ONCE: i64 = 40;

/// The longest a server that asks us to wait keeps us from looking.
const LONGEST_WAIT: std::time::Duration = std::time::Duration::from_secs(300);

/// What one tick did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Rows seen on their server.
    pub found: u64,
    /// Rows that go again.
    pub again: u64,
    /// Rows that wait for another look, or for a person.
    pub open: u64,
    /// Accounts whose own list could not be read.
    pub blind: u64,
    /// For how long a server asked us not to look.
    pub wait: std::time::Duration,
}

/// Looks for everything that is due at this moment.
///
/// # Errors
/// When the database cannot be read or written.
pub async fn tick(ctx: &Arc<Ctx>) -> Result<Settled, StoreError> {
    let mut total = Settled::default();
    for account in work(ctx).await?.accounts {
        let settled = turn(ctx, &account).await?;
        total.found += settled.found;
        total.again += settled.again;
        total.open += settled.open;
        total.blind += settled.blind;
        total.wait = total.wait.max(settled.wait);
    }
    Ok(total)
}

/// Keeps looking until `stop`.
///
/// # Errors
/// When the database cannot be read or written.
pub async fn run(ctx: Arc<Ctx>, stop: CancellationToken) -> Result<(), StoreError> {
    let shared = ctx.clone();
    let stopping = stop.clone();
    turns::run(ctx, stop, &shared.look_wanted, work, move |ctx, account| {
        let stopping = stopping.clone();
        async move {
            let settled = turn(&ctx, &account).await?;
            let pause = account.pause_after_look(settled.blind > 0);
            if settled.blind > 0 {
                // The rows stay due: the next look comes when the server allows it, and ever later while it fails.
                let wait = chrono::Duration::from_std(settled.wait).unwrap_or_default().max(pause);
                let until = ctx.clock.now() + wait;
                loop {
                    tokio::select! {
                        () = stopping.cancelled() => break,
                        () = ctx.clock.slice(Some(until).filter(|until| *until > ctx.clock.now())) => {}
                    }
                    if ctx.clock.now() >= until {
                        break;
                    }
                }
            }
            Ok(())
        }
    })
    .await
}

async fn work(ctx: &Ctx) -> Result<Work, StoreError> {
    let now = ctx.clock.now();
    let looks = ctx.store.next_looks().await?;
    let due: Vec<AccountName> = looks.iter().filter(|(_, next)| *next <= now).map(|(name, _)| name.clone()).collect();
    if due.is_empty() {
        return Ok(Work { accounts: Vec::new(), next: looks.first().map(|(_, next)| *next) });
    }
    let linked = |name: &AccountName| ctx.accounts.get(name).filter(|account| account.link().is_some()).cloned();
    Ok(Work { accounts: due.iter().filter_map(linked).collect(), next: None })
}

async fn turn(ctx: &Ctx, account: &Linked) -> Result<Settled, StoreError> {
    let mut settled = Settled::default();
    let Some(link) = account.link() else { return Ok(settled) };
    let now = ctx.clock.now();
    let open = ctx.store.open_looks(&account.name, now, AT_ONCE).await?;
    if open.is_empty() {
        return Ok(settled);
    }
    // Read before the list: what is said meanwhile is no sign that the list lags.
    let newest_own = match open.iter().any(|row| row.delivery.state == State::Unknown) {
        true => ctx.store.accounts().await?.remove(&account.name).and_then(|row| row.newest_own),
        false => None,
    };
    let look = match Look::take(&link, &open).await {
        Ok(look) => {
            account.is_over(Matter::OwnStatuses);
            look
        }
        Err(error) => {
            // A look that fails is no look: the rows stay due.
            if account.is_news(Matter::OwnStatuses, 0) {
                tracing::warn!(account.name = %account.name, %error, "cannot read our own statuses; looking again");
            }
            settled.blind = 1;
            settled.wait = wait_of(&error);
            return Ok(settled);
        }
    };
    let rehearsed = matches!(ctx.voice, Voice::Rehearsal(_));
    let (seen, open): (Vec<&Open>, Vec<&Open>) =
        open.iter().partition(|row| row.delivery.state == State::Sent && (rehearsed || look.shows_own(row)));
    confirm(ctx, &seen, now, &mut settled).await?;
    for row in open {
        if ctx.stop().is_cancelled() {
            break;
        }
        ctx.points.pass(Point::Looked).await;
        let case = Case { ctx, account, link: &link, look: &look, newest_own: newest_own.as_ref(), row, now };
        match row.delivery.state {
            State::Unknown => case.unclear(&mut settled).await?,
            State::Sent => case.accepted(&mut settled).await?,
            State::Verified => case.twin(&mut settled).await?,
            State::Refused | State::Held | State::Expired | State::Cancelled => case.given_up(&mut settled).await?,
            State::Planned | State::Claimed | State::Armed => {}
        }
        ctx.points.pass(Point::Settled).await;
    }
    Ok(settled)
}

/// What the server said yes to, and shows: all of a look at once, because after a crowd there are many. A rehearsal's
/// statuses stand nowhere, and are taken for seen.
async fn confirm(ctx: &Ctx, seen: &[&Open], now: DateTime<Utc>, settled: &mut Settled) -> Result<(), StoreError> {
    if seen.is_empty() {
        return Ok(());
    }
    ctx.points.pass(Point::Looked).await;
    ctx.store.verified(seen, now).await?;
    settled.found += seen.len() as u64;
    if seen.iter().any(|row| row.next_part_waits) {
        ctx.send_wanted.notify_one();
    }
    ctx.points.pass(Point::Settled).await;
    Ok(())
}

/// One row before what the look showed.
struct Case<'a> {
    ctx: &'a Ctx,
    account: &'a Linked,
    link: &'a LinkState,
    look: &'a Look,
    /// The account's newest status before the look.
    newest_own: Option<&'a StatusId>,
    row: &'a Open,
    now: DateTime<Utc>,
}

impl Case<'_> {
    /// A look that fails is no look: the row stays due, and the turn waits before it looks again.
    pub(super) fn blind(&self, settled: &mut Settled, error: &FediError) {
        tracing::warn!(account.name = %self.account.name, %error, "a look failed; looking again");
        settled.blind += 1;
        settled.wait = settled.wait.max(wait_of(error));
    }
}

/// How long the server asked us to wait, at most [`LONGEST_WAIT`]: looks must not be put off for hours.
fn wait_of(error: &FediError) -> std::time::Duration {
    match error.advice() {
        Advice::Retry(wait) => wait.unwrap_or_default().min(LONGEST_WAIT),
        Advice::GiveUp | Advice::AskPerson => std::time::Duration::ZERO,
    }
}
