//! Housekeeping: what must not be kept is purged on time (DESIGN §6), and the database's epoch moves on, so that a
//! backup of it is known as one.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use tokio_util::sync::CancellationToken;

use super::context::Ctx;
use crate::store::StoreError;
use crate::store::epoch::STEP;

/// Between two rounds.
const ROUND: Duration = Duration::hours(1);

/// Purges what is older than seven days; returns how many rows were emptied.
///
/// # Errors
/// When the database cannot be written.
pub async fn tick(ctx: &Ctx, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let purged = ctx.store.purge_texts(now).await?;
    if purged > 0 {
        tracing::info!(rows = purged, "texts older than seven days purged");
    }
    Ok(purged)
}

/// A round at the start and each hour, a step of the epoch each minute, until `stop`.
///
/// # Errors
/// When the database cannot be written.
pub async fn run(ctx: Arc<Ctx>, stop: CancellationToken) -> Result<(), StoreError> {
    let mut next_round = ctx.clock.now();
    let mut next_step = ctx.clock.now() + STEP;
    while !stop.is_cancelled() {
        let now = ctx.clock.now();
        if now >= next_round {
            tick(&ctx, now).await?;
            next_round = now + ROUND;
        }
        // A clock that was set back must not stop the steps.
        if now >= next_step || now + STEP < next_step {
            step(&ctx, now).await?;
            next_step = now + STEP;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = ctx.clock.slice(Some(next_round.min(next_step))) => {}
        }
    }
    Ok(())
}

/// The side file may be out of reach for a while; the database may not.
async fn step(ctx: &Ctx, now: DateTime<Utc>) -> Result<(), StoreError> {
    match ctx.store.step_epoch(now).await {
        Err(error @ StoreError::SideFile { .. }) => {
            tracing::warn!(%error, "a backup from before now would not be recognised as older");
            Ok(())
        }
        done => done,
    }
}
