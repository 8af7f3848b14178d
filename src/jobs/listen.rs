//! Hearing every mention: the stream is fast, polling is the truth (DESIGN §6).
//!
//! A walk reads notifications newest first and pages back until it meets the last completed walk, the age limit or a
//! page that repeats, and one page past that; then decides oldest first; then commits its mark. A streamed mention is
//! decided at once and never counts as a mark. Both go through [`answer::tick`], which is idempotent.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;

use super::answer::{self, Answered};
use super::context::{Ctx, LinkState, Linked, Matter};
use super::link;
use super::timekeeping;
use super::trouble::Trouble;
use crate::core::mention::Mention;
use crate::fedi::{Advice, PageFrom, StreamError, Streamed};
use crate::store::StoreError;

/// Between two walks while a stream is alive, and while there is none (DESIGN §6).
const WALK_WITH_STREAM: chrono::Duration = chrono::Duration::seconds(60);
const WALK_WITHOUT_STREAM: chrono::Duration = chrono::Duration::seconds(15);

/// Between two looks at a server that did not answer, at first and at most.
const LOOK_AGAIN: chrono::Duration = chrono::Duration::seconds(5);
const LOOK_AGAIN_AT_MOST: chrono::Duration = chrono::Duration::seconds(60);

/// What a server can do is read again after this.
const RELINK_AFTER: chrono::Duration = chrono::Duration::days(1);

/// Between two looks whether an account that another daemon holds became ours.
const WAIT_FOR_LEASE: chrono::Duration = chrono::Duration::seconds(1);

/// A server that says it does not stream is asked again after this.
const NO_STREAM_FOR: chrono::Duration = chrono::Duration::days(1);

/// Mentions older than this are not looked for: none of them could still be answered.
const LOOK_BACK: chrono::Duration = chrono::Duration::days(7);

/// Mentions of one account that are decided and answered side by side.
const SIDE_BY_SIDE: usize = 64;

/// Pages of one walk, so that a server that never ends cannot hold it for ever: 80 × 500 mentions.
const PAGES_AT_MOST: usize = 500;

/// Bytes of texts a walk holds in full, and the letters it keeps of each further one.
const TEXTS_HELD: usize = 8 << 20;
const BEGINNING: usize = 300;

/// What a walk found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// Pages read.
    pub pages: usize,
    /// Mentions that were new.
    pub new: usize,
    /// Mentions that were answered.
    pub replied: usize,
}

/// Reads notifications until nothing is unseen, decides oldest first, commits the mark.
///
/// # Errors
/// When the server or the database fails: the mark stays, and the next walk begins at the same place.
pub async fn tick(ctx: &Ctx, account: &Linked, link: &LinkState) -> Result<Walked, Trouble> {
    let known = ctx.store.accounts().await?.remove(&account.name).unwrap_or_default();
    let mark: HashSet<&String> = known.walk_mark.iter().collect();
    let mut walked = Walked::default();
    let mut new_mark: Vec<String> = Vec::new();
    let mut seen: HashSet<String> = HashSet::new();
    let mut found: Vec<Arc<Mention>> = Vec::new();
    let mut since = known.listening_since;
    let mut from = PageFrom::Newest;
    let mut past_the_mark = false;
    let mut cut_short = None;
    let stop = ctx.stop();
    let mut undecodable = 0;
    let mut held = 0;
    loop {
        let page = tokio::select! {
            biased;
            // Nothing of it is decided yet, and the mark stays: the next start reads it again.
            () = stop.cancelled() => return Ok(walked),
            page = link.fedi.mentions_page(&link.me, from) => page,
        };
        let page = match page {
            Ok(page) => page,
            // What earlier pages brought is decided all the same; the mark stays where it was.
            Err(error) if walked.pages > 0 => {
                cut_short = Some(error);
                break;
            }
            Err(error) => return Err(error.into()),
        };
        walked.pages += 1;
        undecodable += page.undecodable;
        if let Some(time) = page.server_time {
            timekeeping::overhear(ctx, time).await?;
        }
        if since.is_none() {
            // Once per account ever, by the server's clock, before the first stream opens.
            let start = page.server_time.unwrap_or_else(|| ctx.clock.now());
            ctx.store.listen_since(&account.name, start).await?;
            since = Some(start);
        }
        let fresh = page.items.iter().filter(|item| seen.insert(item.notification_id.clone())).count();
        if walked.pages == 1 {
            new_mark = page.items.iter().map(|item| item.notification_id.clone()).collect();
        }
        let met = page.items.iter().any(|item| mark.contains(&item.notification_id));
        let oldest_wanted = ctx.clock.now() - LOOK_BACK;
        // Statuses carry their own time, and one that travelled late is old on a new page: only a page with nothing
        // but old mentions ends the walk.
        let mut mentions_on_page = 0_usize;
        let mut old_on_page = 0_usize;
        for mention in page.items.into_iter().filter_map(|item| item.mention) {
            mentions_on_page += 1;
            let old = mention.created_at < oldest_wanted.max(since.unwrap_or(oldest_wanted));
            old_on_page += usize::from(old);
            if !ctx.store.knows_mention(&account.name, mention.uri.as_str()).await? {
                found.push(Arc::from(bounded(mention, &mut held)));
            }
        }
        let too_old = mentions_on_page > 0 && old_on_page == mentions_on_page;
        let done = fresh == 0 || too_old || past_the_mark || walked.pages >= PAGES_AT_MOST;
        match page.next {
            Some(next) if !done => from = next,
            Some(_) | None => break,
        }
        past_the_mark = met;
    }
    tell_undecodable(account, undecodable);
    found.reverse();
    let mut under_way = FuturesUnordered::new();
    for mention in found {
        if stop.is_cancelled() {
            break;
        }
        walked.new += 1;
        under_way.push(answer::tick(ctx, account, link, mention));
        if under_way.len() >= SIDE_BY_SIDE
            && let Some(answered) = under_way.next().await
        {
            walked.replied += usize::from(answered? == Answered::Replied);
        }
    }
    while let Some(answered) = under_way.next().await {
        walked.replied += usize::from(answered? == Answered::Replied);
    }
    if let Some(error) = cut_short {
        return Err(error.into());
    }
    if stop.is_cancelled() {
        // Some may have been left: without the mark the next start meets them again.
        return Ok(walked);
    }
    ctx.store.walked(&account.name, &new_mark, ctx.clock.now()).await?;
    Ok(walked)
}

/// The same ones stand on the newest page from walk to walk: told once.
fn tell_undecodable(account: &Linked, count: usize) {
    if count == 0 {
        account.is_over(Matter::Undecodable);
    } else if account.is_news(Matter::Undecodable, count as u64) {
        tracing::warn!(account.name = %account.name, count, "notifications nobody can read were skipped");
    }
}

/// A walk holds what it found until it can decide oldest first. Beyond what honest people write in a week, each mention
/// keeps only its beginning, so that no flood of long ones fills the memory.
fn bounded(mut mention: Box<Mention>, held: &mut usize) -> Box<Mention> {
    let text = &mut mention.text;
    if *held > TEXTS_HELD {
        for part in [&mut text.own, &mut text.quoted] {
            let end = part.char_indices().nth(BEGINNING).map_or(part.len(), |(at, _)| at);
            part.truncate(end);
            part.shrink_to_fit();
        }
    }
    *held += text.own.capacity() + text.quoted.capacity();
    mention
}

/// Listens on one account until `stop`: links it, walks, streams where the server can.
///
/// # Errors
/// When the database fails; trouble with the server is waited out here.
pub async fn run(ctx: Arc<Ctx>, account: Arc<Linked>, stop: CancellationToken) -> Result<(), StoreError> {
    let mut failures: u32 = 0;
    let mut stream_from = ctx.clock.now();
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
        match session(&ctx, &account, &link, &mut stream_from, &stop).await {
            Ok(()) => {
                failures = 0;
                if account.is_over(Matter::Notifications) {
                    tracing::info!(account.name = %account.name, "notifications can be read again");
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
    stream_from: &mut DateTime<Utc>,
    stop: &CancellationToken,
) -> Result<(), Trouble> {
    let known = ctx.store.accounts().await?.remove(&account.name).unwrap_or_default();
    if known.listening_since.is_none() {
        tick(ctx, account, link).await?;
    }
    let stream = if ctx.clock.now() < *stream_from {
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
                *stream_from = ctx.clock.now() + stream_again(&error);
                None
            }
        }
    };
    let Some(mut stream) = stream else {
        tick(ctx, account, link).await?;
        // Many accounts of one server do not come at the same moment.
        let jitter = chrono::Duration::milliseconds(i64::try_from(ctx.roll(1_500)).unwrap_or_default());
        rest(ctx, WALK_WITHOUT_STREAM - jitter, stop).await;
        return Ok(());
    };
    tracing::info!(account.name = %account.name, "stream open");
    account.is_over(Matter::StreamedUndecodable);
    let mut under_way = FuturesUnordered::new();
    // What came between the last walk and the stream's start is read at once.
    let mut walk_at = ctx.clock.now();
    // A walk goes on beside the stream: one that hangs keeps no streamed mention waiting, and one that fails takes no
    // reply under way with it, whose row would stay armed.
    let mut walk = FuturesUnordered::new();
    let mut ended: Result<(), Trouble> = Ok(());
    while !stop.is_cancelled() {
        let next_walk = Some(walk_at).filter(|_| walk.is_empty());
        tokio::select! {
            () = stop.cancelled() => break,
            event = stream.next(), if under_way.len() < SIDE_BY_SIDE => match event {
                Ok(Streamed::Mention(mention)) => {
                    under_way.push(answer::tick(ctx, account, link, Arc::from(mention)));
                }
                Ok(Streamed::Other) => {}
                Ok(Streamed::Undecodable) => {
                    if account.is_news(Matter::StreamedUndecodable, 0) {
                        tracing::warn!(account.name = %account.name, "a streamed notification nobody can read was skipped");
                    }
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
                walk_at = ctx.clock.now() + WALK_WITH_STREAM;
            }
            () = ctx.clock.slice(next_walk) => {
                if account.link().is_none() || ctx.clock.now() - link.since >= RELINK_AFTER {
                    break;
                }
                if walk.is_empty() && ctx.clock.now() >= walk_at {
                    walk.push(tick(ctx, account, link));
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
        // A server that closes every stream at once is not asked again without a breath.
        let breath = chrono::Duration::milliseconds(i64::try_from(500 + ctx.roll(1000)).unwrap_or(1000));
        rest(ctx, breath, stop).await;
    }
    Ok(())
}

/// How long polling goes on alone after a stream could not be opened.
fn stream_again(error: &StreamError) -> chrono::Duration {
    match (error, error.advice()) {
        (StreamError::NotServed { .. }, _) => NO_STREAM_FOR,
        (_, Advice::Retry(Some(wait))) => chrono::Duration::from_std(wait).unwrap_or(LOOK_AGAIN_AT_MOST),
        // A token that may not stream still polls; the next link finds out whether it works at all.
        (_, Advice::AskPerson | Advice::GiveUp) => NO_STREAM_FOR,
        (_, Advice::Retry(None)) => chrono::Duration::zero(),
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

/// 5, 10, 20, 40, 60 s and up to a quarter more by the dice.
fn pause_after(ctx: &Ctx, failures: u32) -> chrono::Duration {
    let doubled = LOOK_AGAIN * (1_i32 << failures.clamp(1, 5).saturating_sub(1));
    let wait = doubled.min(LOOK_AGAIN_AT_MOST);
    let quarter = u64::try_from(wait.num_milliseconds() / 4).unwrap_or(0);
    let jitter = Duration::from_millis(ctx.roll(quarter));
    wait + chrono::Duration::from_std(jitter).unwrap_or_default()
}
