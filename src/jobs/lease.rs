//! Which accounts are this daemon's, where several share a database: renewed often, taken when another daemon died, left
//! alone when another has them. Nothing is listened to or sent for an account that is not held; the store refuses it
//! besides, in the transaction that would arm it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::context::Ctx;
use crate::core::ids::AccountName;
use crate::fedi::Me;
use crate::store::StoreError;
use crate::store::leases::{Held, RENEW};

/// Renews, takes and gives back; says what is held now.
///
/// # Errors
/// When the database cannot be written: then the leases run out by themselves, and nothing can be armed either.
pub async fn tick(ctx: &Ctx, now: DateTime<Utc>) -> Result<Held, StoreError> {
    let all: BTreeSet<AccountName> = ctx.accounts.keys().cloned().collect();
    let held = ctx.store.hold(all, now).await?;
    for (name, account) in &ctx.accounts {
        let ours = held.accounts.contains(name);
        if ours != account.is_held() {
            let word = if ours { "account taken" } else { "account left to another daemon" };
            tracing::info!(account.name = %name, "{word}");
            account.set_held(ours);
        }
    }
    if held.plans && !ctx.plans.swap(held.plans, Ordering::SeqCst) {
        ctx.plan_wanted.notify_one();
    }
    ctx.plans.store(held.plans, Ordering::SeqCst);
    if held.unclear > 0 {
        // Read-back finds out within minutes; whoever must act then gets a notice of that delivery.
        tracing::warn!(
            deliveries = held.unclear,
            "another watchpost stopped while sending; looking on the servers for what became of it"
        );
        ctx.look_wanted.notify_one();
    }
    if held.accounts.len() < ctx.accounts.len() {
        know_the_others(ctx).await?;
    }
    Ok(held)
}

/// Accounts that another daemon linked are ours all the same: they are never answered.
async fn know_the_others(ctx: &Ctx) -> Result<(), StoreError> {
    for (name, row) in ctx.store.accounts().await? {
        let me = row.me.and_then(|json| serde_json::from_str::<Me>(&json).ok());
        if let (Some(account), Some(me)) = (ctx.accounts.get(&name), me) {
            account.set_profile(me.url);
        }
    }
    Ok(())
}

/// Renews until `stop`.
///
/// # Errors
/// When the database cannot be written.
pub async fn run(ctx: Arc<Ctx>, stop: CancellationToken) -> Result<(), StoreError> {
    // At once: some time has passed since the start took them.
    let mut next = ctx.clock.now();
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => {}
            () = ctx.clock.slice(Some(next)) => {}
        }
        // A clock that was set back must not stop the renewing.
        let now = ctx.clock.now();
        if now >= next || now + RENEW < next {
            tick(&ctx, now).await?;
            next = now + RENEW;
        }
    }
    Ok(())
}
