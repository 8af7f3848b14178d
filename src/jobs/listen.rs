//! Hearing every mention: the stream is fast, polling is the truth (DESIGN §6).
//!
//! One account's listening: it links, opens a stream where the server has one, and walks beside it ([`walk`]). A streamed
//! mention is decided at once and never counts as a mark. Both go through [`answer`], which is idempotent.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;

use super::answer;
use super::context::{Ctx, LinkState, Linked, Matter};
use super::link;
use super::trouble::Trouble;
use super::walk::{self, Walked};
use crate::fedi::{Advice, StreamError, Streamed};
use crate::store::StoreError;

/// Between two walks while a stream is alive, and while there is none (DESIGN §6).
const WALK_WITH_STREAM: chrono::Duration = chrono::Duration::seconds(60);
const WALK_WITHOUT_STREAM: chrono::Duration = chrono::Duration::seconds(15);

/// Between two looks at a server that did not answer, at first and at most.
const LOOK_AGAIN: chrono::Duration = chrono::Duration::seconds(5);
const LOOK_AGAIN_AT_MOST: chrono::Duration = chrono::Duration::seconds(60);

/// A stream that cannot be opened, or that ends at once, again and again is asked for no less often than this.
const STREAM_AGAIN_AT_MOST: chrono::Duration = chrono::Duration::minutes(5);

/// A stream that lived as long works: when it ends, the next is opened at once.
const STREAM_LIVES: chrono::Duration = chrono::Duration::seconds(60);

/// A person is told after so many failures in a row.
const TOLD_AFTER: u32 = 3;

/// What a server can do is read again after this.
const RELINK_AFTER: chrono::Duration = chrono::Duration::days(1);

/// Between two looks whether an account that another daemon holds became ours.
const WAIT_FOR_LEASE: chrono::Duration = chrono::Duration::seconds(1);

/// A server that says it does not stream is asked again after this.
const NO_STREAM_FOR: chrono::Duration = chrono::Duration::days(1);

/// Mentions of one account that are decided and answered side by side.
const SIDE_BY_SIDE: usize = 64;

/// Listens on one account until `stop`: links it, walks, streams where the server can.
///
/// # Errors
/// When the database fails; trouble with the server is waited out here.
pub async fn run(ctx: Arc<Ctx>, account: Arc<Linked>, stop: CancellationToken) -> Result<(), StoreError> {
    let mut failures: u32 = 0;
    let mut streaming = Streaming { from: ctx.clock.now(), failures: 0 };
    while !stop.is_cancelled() {
        if !account.is_held() {
            rest(&ctx, WAIT_FOR_LEASE, &stop).await;
            continue;
        }
        let fresh = |link: &Arc<LinkState>| ctx.clock.now() - link.since < RELINK_AFTER;
        let Some(link) = account.link().filter(fresh) else {
            let outcome = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                outcome = link::tick(&ctx, &account, ctx.clock.now()) => outcome?,
            };
            failures = match outcome {
                link::Outcome::Linked => 0,
                link::Outcome::Later => failures.saturating_add(1),
                link::Outcome::Paused => u32::MAX,
            };
            if outcome != link::Outcome::Linked {
                rest(&ctx, pause_after(&ctx, failures), &stop).await;
            }
            continue;
        };
        match session(&ctx, &account, &link, &mut streaming, &stop).await {
            Ok(()) => {
                if failures >= TOLD_AFTER {
                    ctx.store.settle_notice(&link::reach_key(&account)).await?;
                }
                failures = 0;
                if account.is_over(Matter::Notifications) {
                    tracing::info!(account.name = %account.name, "notifications can be read again");
                    streaming = Streaming { from: ctx.clock.now(), failures: 0 };
                }
            }
            Err(Trouble::Store(error)) => return Err(error),
            Err(Trouble::Fedi(error)) if error.advice() == Advice::AskPerson => {
                // Linking again finds out whether the token really fails, and says so.
                account.set_link(None);
                failures = 0;
            }
            Err(Trouble::Fedi(error)) => {
                failures = failures.saturating_add(1);
                if failures == TOLD_AFTER {
                    let words = format!("notifications of {} cannot be read: {error}", account.name);
                    let step = format!(
                        "look at {} in a browser: a maintenance page or a guard against robots may answer in its place; \
                         watchpost keeps trying",
                        account.server
                    );
                    let now = ctx.clock.now();
                    ctx.store.raise(&link::reach_key(&account), account.name.as_str(), &words, &step, now).await?;
                }
                if account.is_news(Matter::Notifications, 0) {
                    tracing::warn!(account.name = %account.name, error = %error, "cannot read notifications; trying again");
                } else {
                    tracing::debug!(account.name = %account.name, error = %error, failures, "still cannot read notifications");
                }
                rest(&ctx, pause_after(&ctx, failures), &stop).await;
            }
        }
    }
    Ok(())
}

/// One stretch of listening: with a stream while it lives, else until the next walk is due.
async fn session(
    ctx: &Ctx,
    account: &Linked,
    link: &LinkState,
    streaming: &mut Streaming,
    stop: &CancellationToken,
) -> Result<(), Trouble> {
    let known = ctx.store.accounts().await?.remove(&account.name).unwrap_or_default();
    if known.listening_since.is_none() {
        walk::tick(ctx, account, link).await?;
    }
    let stream = if ctx.clock.now() < streaming.from {
        None
    } else {
        let opened = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            opened = link.fedi.open_stream(&link.me, &link.capabilities) => opened,
        };
        match opened {
            Ok(stream) => Some(stream),
            Err(error) => {
                tracing::debug!(account.name = %account.name, error = %error, "no stream; polling");
                streaming.failures = streaming.failures.saturating_add(1);
                streaming.from = ctx.clock.now() + stream_again(ctx, &error, streaming.failures);
                None
            }
        }
    };
    let Some(mut stream) = stream else {
        walk::tick(ctx, account, link).await?;
        // Many accounts of one server do not come at the same moment.
        let jitter = chrono::Duration::milliseconds(i64::try_from(ctx.roll(1_500)).unwrap_or_default());
        rest(ctx, WALK_WITHOUT_STREAM - jitter, stop).await;
        return Ok(());
    };
    tracing::info!(account.name = %account.name, "stream open");
    account.is_over(Matter::StreamedUndecodable);
    link.aside.ask_again(ctx.clock.now());
    let opened = ctx.clock.now();
    let mut under_way = FuturesUnordered::new();
    // What came between the last walk and the stream's start is read at once.
    let mut walk_at = ctx.clock.now();
    let mut walked_at = walk_at;
    // A walk goes on beside the stream: one that hangs keeps no streamed mention waiting, and one that fails takes no
    // reply under way with it, whose row would stay armed.
    let mut walk = FuturesUnordered::new();
    let mut ended: Result<(), Trouble> = Ok(());
    while !stop.is_cancelled() {
        let next_walk = Some(walk_at).filter(|_| walk.is_empty());
        tokio::select! {
            () = stop.cancelled() => break,
            event = stream.next(), if under_way.len() < SIDE_BY_SIDE => match event {
                Ok(Streamed::Mention(mut mention)) => {
                    mention.created_at = link.apart.by_our_clock(mention.created_at);
                    under_way.push(answer::tick(ctx, account, link, Arc::from(mention)));
                }
                Ok(Streamed::Other) => {}
                Ok(Streamed::Undecodable) => {
                    if account.is_news(Matter::StreamedUndecodable, 0) {
                        tracing::warn!(account.name = %account.name, "a streamed notification nobody can read was skipped");
                    }
                    // Perhaps only its time: an answer to a request has one of its own. Not for each of many.
                    walk_at = walk_at.min(walked_at + WALK_WITHOUT_STREAM);
                }
                Err(error) => {
                    tracing::info!(account.name = %account.name, error = %error, "stream ended");
                    break;
                }
            },
            Some(answered) = under_way.next(), if !under_way.is_empty() => {
                answered?;
            }
            Some(walked) = walk.next(), if !walk.is_empty() => {
                ended = Result::map(walked, |_: Walked| ());
                if ended.is_err() {
                    break;
                }
                walked_at = ctx.clock.now();
                walk_at = walked_at + WALK_WITH_STREAM;
            }
            () = ctx.clock.slice(next_walk) => {
                if account.link().is_none() || ctx.clock.now() - link.since >= RELINK_AFTER {
                    break;
                }
                if walk.is_empty() && ctx.clock.now() >= walk_at {
                    walk.push(walk::tick(ctx, account, link));
                }
            }
        }
    }
    // What is under way gets its outcome; a walk may have replies under way as well, so both go on side by side.
    let answers = async {
        while let Some(answered) = under_way.next().await {
            answered?;
        }
        Ok::<(), Trouble>(())
    };
    let walks = async {
        while let Some(walked) = walk.next().await {
            walked?;
        }
        Ok::<(), Trouble>(())
    };
    let (answers, walks) = tokio::join!(answers, walks);
    answers?;
    ended.and(walks)?;
    if !stop.is_cancelled() {
        if ctx.clock.now() - opened >= STREAM_LIVES {
            streaming.failures = 0;
        } else {
            // The first may be chance; a server that closes every stream at once is polled meanwhile.
            streaming.failures = streaming.failures.saturating_add(1);
            if streaming.failures > 1 {
                streaming.from = ctx.clock.now() + growing(ctx, streaming.failures - 1, STREAM_AGAIN_AT_MOST);
            }
        }
        let breath = chrono::Duration::milliseconds(i64::try_from(500 + ctx.roll(1000)).unwrap_or(1000));
        rest(ctx, breath, stop).await;
    }
    Ok(())
}

/// When the next stream may be opened, and how many in a row could not be or ended at once.
struct Streaming {
    from: DateTime<Utc>,
    failures: u32,
}

/// How long polling goes on alone after a stream could not be opened.
fn stream_again(ctx: &Ctx, error: &StreamError, failures: u32) -> chrono::Duration {
    match (error, error.advice()) {
        (StreamError::NotServed { .. }, _) => NO_STREAM_FOR,
        (_, Advice::Retry(Some(wait))) => chrono::Duration::from_std(wait).unwrap_or(LOOK_AGAIN_AT_MOST),
        // A token that may not stream still polls; the next link finds out whether it works at all.
        (_, Advice::AskPerson | Advice::GiveUp) => NO_STREAM_FOR,
        (_, Advice::Retry(None)) => growing(ctx, failures, STREAM_AGAIN_AT_MOST),
    }
}

/// Waits on the campaign's clock, in slices, or until `stop`.
async fn rest(ctx: &Ctx, wait: chrono::Duration, stop: &CancellationToken) {
    let until: DateTime<Utc> = ctx.clock.now() + wait;
    while ctx.clock.now() < until && !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => {}
            () = ctx.clock.slice(Some(until)) => {}
        }
    }
}

/// How long a server that did not answer is left alone.
fn pause_after(ctx: &Ctx, failures: u32) -> chrono::Duration {
    growing(ctx, failures, LOOK_AGAIN_AT_MOST)
}

/// 5, 10, 20, 40 s and so on, and up to a quarter more by the dice, so that not all come back at the same moment.
fn growing(ctx: &Ctx, failures: u32, at_most: chrono::Duration) -> chrono::Duration {
    let doubled = LOOK_AGAIN * (1_i32 << failures.clamp(1, 8).saturating_sub(1));
    let wait = doubled.min(at_most);
    let quarter = u64::try_from(wait.num_milliseconds() / 4).unwrap_or(0);
    let jitter = Duration::from_millis(ctx.roll(quarter));
    wait + chrono::Duration::from_std(jitter).unwrap_or_default()
}
