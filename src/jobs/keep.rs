//! Housekeeping: what must not be kept is purged on time (DESIGN §6).

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use tokio_util::sync::CancellationToken;

use super::context::Ctx;
use crate::store::StoreError;

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

/// A round at the start and each hour, until `stop`.
///
/// # Errors
/// When the database cannot be written.
pub async fn run(ctx: Arc<Ctx>, stop: CancellationToken) -> Result<(), StoreError> {
    let mut next = ctx.clock.now();
    while !stop.is_cancelled() {
        if ctx.clock.now() >= next {
            tick(&ctx, ctx.clock.now()).await?;
            next = ctx.clock.now() + ROUND;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = ctx.clock.slice(Some(next)) => {}
        }
    }
    Ok(())
}
