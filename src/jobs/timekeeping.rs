//! Before anything is claimed: can the wall clock be believed? A clock in doubt is checked against the servers of the
//! linked accounts; until one of them agrees nothing is sent, and a notice says so.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Duration, Utc};

use super::context::Ctx;
use crate::core::timekeeping::agree;
use crate::store::StoreError;

const NOTICE: &str = "clock";

/// Between two questions to the servers while the clock is in doubt.
const ASK_AGAIN: Duration = Duration::seconds(30);

/// The same before the first of them answered.
const ASK_FIRST: Duration = Duration::seconds(5);

/// A server's answer said its time in passing.
///
/// # Errors
/// When the database cannot be written.
pub(super) async fn overhear(ctx: &Ctx, theirs: DateTime<Utc>) -> Result<(), StoreError> {
    let (wall, boot) = (ctx.clock.now(), ctx.clock.boot());
    if ctx.timekeeper(|keeper| keeper.overhear(wall, boot, theirs)) {
        // Left from the run before, when the clock was wrong.
        ctx.store.settle_notice(NOTICE).await?;
    }
    Ok(())
}

/// Whether our clock is believed, or is once a server was asked: how old a mention is cannot be told by any other.
///
/// # Errors
/// When the database cannot be read or written.
pub(super) async fn is_or_becomes_believed(ctx: &Ctx) -> Result<bool, StoreError> {
    Ok(ctx.timekeeper(|keeper| keeper.is_believed()) || clock_is_believed(ctx).await?)
}

/// By how much a server's clock stands apart from ours. Times of a server that is wrong by more than clocks are
/// everywhere are read by our own, once that is believed: a mention of this moment is not thirty hours old.
#[derive(Debug, Default)]
pub struct Apart(AtomicI64);

impl Apart {
    /// The server said its time.
    pub(super) fn hear(&self, ours: DateTime<Utc>, theirs: DateTime<Utc>) {
        let apart = if agree(ours, theirs) { 0 } else { (ours - theirs).num_milliseconds() };
        self.0.store(apart, Ordering::Relaxed);
    }

    /// A time the server wrote, as our clock has it.
    pub(super) fn by_our_clock(&self, theirs: DateTime<Utc>) -> DateTime<Utc> {
        let apart = Duration::milliseconds(self.0.load(Ordering::Relaxed));
        theirs.checked_add_signed(apart).unwrap_or(theirs)
    }
}

/// Whether sending may go on at this moment.
///
/// # Errors
/// When the database cannot be read or written.
pub(super) async fn clock_is_believed(ctx: &Ctx) -> Result<bool, StoreError> {
    let (wall, boot) = (ctx.clock.now(), ctx.clock.boot());
    let happened = ctx.store.newest_happening().await?;
    if !ctx.timekeeper(|keeper| keeper.doubts(wall, boot, happened)) {
        return Ok(true);
    }
    // Before the first word of a server there is no suspicion yet, only nothing known.
    let suspected = ctx.timekeeper(|keeper| keeper.is_in_doubt());
    if !ctx.may_ask_the_time(wall, if suspected { ASK_AGAIN } else { ASK_FIRST }) {
        return Ok(false);
    }
    let mut theirs: Option<DateTime<Utc>> = None;
    let mut answered = false;
    for link in ctx.accounts.values().filter_map(|account| account.link()) {
        let Ok(time) = link.fedi.server_time().await else { continue };
        answered = true;
        let Some(time) = time else { continue };
        theirs = Some(time);
        let wall = ctx.clock.now();
        if ctx.timekeeper(|keeper| keeper.hear(wall, time)) {
            if suspected {
                tracing::warn!("the clock jumped; a server confirms it");
            }
            ctx.store.settle_notice(NOTICE).await?;
            return Ok(true);
        }
    }
    if !suspected && theirs.is_none() {
        // No server answers: nothing could be sent anyway, and no clock is to blame.
        return Ok(answered && ctx.timekeeper(|keeper| keeper.nobody_tells()));
    }
    let words = match theirs {
        Some(theirs) => format!("this machine's clock says {wall}, its servers say {theirs}: nothing is sent"),
        None => "this machine's clock jumped, and no server could be asked for the time: nothing is sent".to_owned(),
    };
    tracing::error!("{words}");
    let step = "set the clock right (timedatectl); sending goes on by itself when it agrees with a server";
    ctx.store.raise(NOTICE, "", &words, step, wall).await?;
    Ok(false)
}
