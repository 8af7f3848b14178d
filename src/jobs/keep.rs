//! Housekeeping: what must not be kept is purged on time (DESIGN §6), what staff must know of facts is told, and the
//! database's epoch moves on, so that a backup of it is known as one.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use tokio_util::sync::CancellationToken;

use super::by_hand;
use super::context::{Ctx, Desk};
use crate::store::StoreError;
use crate::store::epoch::STEP;

/// Between two rounds.
const ROUND: Duration = Duration::hours(1);

/// A wish that meets a server out of reach is looked at again after this.
const WISHES_AGAIN: Duration = Duration::seconds(5);

/// What the notices of facts due for review begin with.
const STALE: &str = "stale:";

/// What the notices of accounts that were taken out begin with.
const LEFT_OUT: &str = "left-out:";

/// Purges what is older than it may be; returns how many rows were emptied.
///
/// # Errors
/// When the database cannot be written.
pub async fn tick(ctx: &Ctx, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let texts = ctx.store.purge_texts(now).await?;
    if texts > 0 {
        tracing::info!(rows = texts, "texts older than seven days purged");
    }
    let people = ctx.store.purge_people(now).await?;
    if people > 0 {
        tracing::info!(rows = people, "hashes of people older than ninety days purged");
    }
    if texts + people > 0 {
        ctx.store.overwrite_purged().await?;
    }
    ctx.store.settle_spent(now).await?;
    tell_stale(ctx, now).await?;
    tell_left_out(ctx, now).await?;
    Ok(texts + people)
}

/// What accounts that were taken out of `[[accounts]]` left behind is never sent: a person is told, once an account.
async fn tell_left_out(ctx: &Ctx, now: DateTime<Utc>) -> Result<(), StoreError> {
    let left = ctx.store.left_out(ctx.accounts.keys().cloned().collect(), now).await?;
    let mut told = Vec::new();
    for (account, over) in left {
        let mut words = format!(
            "{account} is not in [[accounts]] any more, and {} of its posts and answers are open: none is sent",
            over.open + over.unclear
        );
        if over.unclear > 0 {
            words.push_str(&format!("; {} may stand on its server, where nobody can look now", over.unclear));
        }
        let step = format!(
            "put it back as name = \"{account}\" in config/watchpost.toml, or leave it: what is planned ends when its \
             time has passed"
        );
        let key = format!("{LEFT_OUT}{account}");
        ctx.store.raise(&key, account.as_str(), &words, &step, now).await?;
        told.push(key);
    }
    for notice in ctx.store.notices().await? {
        if notice.key.starts_with(LEFT_OUT) && !told.contains(&notice.key) {
            ctx.store.settle_notice(&notice.key).await?;
        }
    }
    Ok(())
}

/// A fact past its `review_by` is not said: staff are told, once, until they looked at it again.
async fn tell_stale(ctx: &Ctx, now: DateTime<Utc>) -> Result<(), StoreError> {
    let desk = ctx.desk();
    let (book, today) = (&desk.mind.facts, ctx.today(now));
    let mut stale = Vec::new();
    for fact in book.facts.iter().filter(|fact| !book.is_superseded(&fact.id) && !book.may_say(fact, today)) {
        let day = fact.review_by.map(|day| day.to_string()).unwrap_or_default();
        let words = format!("the fact {} was to be looked at again by {day}: it is not said any more", fact.id);
        let step = format!(
            "see whether it still holds; then `watchpost facts edit {} --review-by DATE`, or replace it by a newer fact",
            fact.id
        );
        let key = format!("{STALE}{}", fact.id);
        ctx.store.raise(&key, "", &words, &step, now).await?;
        stale.push(key);
    }
    for notice in ctx.store.notices().await? {
        if notice.key.starts_with(STALE) && !stale.contains(&notice.key) {
            ctx.store.settle_notice(&notice.key).await?;
        }
    }
    Ok(())
}

/// A round at the start and each hour, a step of the epoch each minute, until `stop`; facts are looked at again as soon
/// as they change.
///
/// # Errors
/// When the database cannot be written.
pub async fn run(ctx: Arc<Ctx>, stop: CancellationToken) -> Result<(), StoreError> {
    let mut next_round = ctx.clock.now();
    let mut next_step = ctx.clock.now() + STEP;
    let mut next_wishes = ctx.clock.now();
    let mut desk: Arc<Desk> = ctx.desk();
    while !stop.is_cancelled() {
        let now = ctx.clock.now();
        if now >= next_round {
            tick(&ctx, now).await?;
            next_round = now + ROUND;
        }
        if now >= next_wishes || now + WISHES_AGAIN < next_wishes {
            next_wishes = match by_hand::tick(&ctx, now).await? {
                by_hand::Outcome::Done => now,
                by_hand::Outcome::Later => now + WISHES_AGAIN,
            };
        }
        let latest = ctx.desk();
        if !Arc::ptr_eq(&desk, &latest) {
            desk = latest;
            tell_stale(&ctx, now).await?;
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
