//! Due deliveries go out: claim → prepare → arm → publish → record (DESIGN §5). The only place that calls
//! `fedi.publish`, for posts and replies alike.
//!
//! One account sends its posts one at a time; its replies side by side. Accounts do not wait for each other.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::context::{Ctx, LinkState, Linked, Reserved, Said, Seen, Voice};
use super::link;
use super::points::Point;
use super::second_look::{self, Waited};
use super::timekeeping;
use super::turns::{self, Work};
use crate::core::breaker::Gate;
use crate::core::delivery::{Armed, Outcome, Payload, Receipt, State};
use crate::core::ids::{AccountName, DeliveryId, MediaId, StatusId};
use crate::core::lateness::{Due, Judgement, WhenLate, judge};
use crate::core::plan::Kind;
use crate::core::post::DEFAULT_EXPIRY;
use crate::core::resemblance::{Likeness, likeness};
use crate::fedi::{Advice, FediError, KeyClass, LOST_THREAD, UploadError};
use crate::store::StoreError;
use crate::store::calendar::ALREADY_SAID;
use crate::store::deliveries::{Delivery, Of};
use crate::store::notices::Told;
use crate::store::pauses::Missed;
use crate::store::sending::{ANOTHER_STATUS, Claimed, Ending, Lateness, NO_PARENT_YET, REFUSED_AFTER, Turn};

/// What one tick did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Deliveries the server accepted.
    pub sent: u64,
    /// Attempts that ended otherwise, and rows that were held or expired.
    pub other: u64,
}

/// Sends everything that is due at this moment, and returns when all of it has an outcome.
///
/// # Errors
/// When the database cannot be read or written.
pub async fn tick(ctx: &Arc<Ctx>) -> Result<Published, StoreError> {
    let mut under_way = JoinSet::new();
    for account in work(ctx).await?.accounts {
        under_way.spawn(turn(ctx.clone(), account, CancellationToken::new()));
    }
    let mut total = Published::default();
    while let Some(done) = under_way.join_next().await {
        let Ok(done) = done else { return Err(StoreError::Closed) };
        let done = done?;
        total.sent += done.sent;
        total.other += done.other;
    }
    Ok(total)
}

/// Keeps sending until `stop`; then lets what is on its way finish.
///
/// # Errors
/// When the database cannot be read or written: sending stops safely.
pub async fn run(ctx: Arc<Ctx>, stop: CancellationToken) -> Result<(), StoreError> {
    let shared = ctx.clone();
    let stopping = stop.clone();
    let one = move |ctx, account| {
        let stop = stopping.clone();
        async move { turn(ctx, account, stop).await.map(drop) }
    };
    turns::run(ctx, stop, &shared.send_wanted, work, one).await
}

/// Accounts with something due that are linked and not asked to wait.
async fn work(ctx: &Ctx) -> Result<Work, StoreError> {
    let now = ctx.clock.now();
    let next = ctx.store.next_due().await?;
    if next.is_none_or(|next| next > now) {
        return Ok(Work { accounts: Vec::new(), next });
    }
    if !timekeeping::clock_is_believed(ctx).await? {
        return Ok(Work::default());
    }
    miss_paused(ctx, now).await?;
    let due = ctx.store.due_accounts(now).await?;
    let known = ctx.store.accounts().await?;
    let waits =
        |account: &AccountName| known.get(account).and_then(|row| row.wait_until).is_some_and(|until| until > now);
    let linked = |name: &AccountName| ctx.accounts.get(name).filter(|account| account.link().is_some()).cloned();
    let ready = due.iter().filter(|account| !waits(account)).filter_map(linked);
    let accounts = ready.filter(|account| !matches!(ctx.gate(account, now), Gate::Wait(_))).collect();
    Ok(Work { accounts, next: None })
}

/// What was due in a pause is not sent late; a person hears of what is held.
async fn miss_paused(ctx: &Ctx, now: DateTime<Utc>) -> Result<(), StoreError> {
    let Missed { held, expired, moved } = ctx.store.miss_paused(now).await?;
    if moved > 0 {
        ctx.plan_wanted.notify_one();
    }
    if held > 0 {
        let words = "posts with a time of their own are held: it passed while posts were paused";
        let step = "`watchpost queue list --state held` shows them; `watchpost queue release ID` sends one after all, \
            `watchpost queue cancel ID` drops it";
        ctx.store.raise("missed-in-pause", "", words, step, now).await?;
    }
    if held + expired + moved > 0 {
        tracing::info!(held, expired, moved, "missed while posts were paused");
    }
    Ok(())
}

/// One account's turn: its due posts, one at a time, then its waiting replies. After `stop` nothing more is claimed.
async fn turn(ctx: Arc<Ctx>, account: Arc<Linked>, stop: CancellationToken) -> Result<Published, StoreError> {
    let mut done = Published::default();
    while let Some(link) = account.link() {
        if stop.is_cancelled() {
            return Ok(done);
        }
        let Some(reserved) = may_send(&ctx, &account, &link).await? else { return Ok(done) };
        let now = ctx.clock.now();
        let Some(claimed) = ctx.store.claim_due(&account.name, Turn::Posts, now).await? else { break };
        match post(&ctx, &account, &link, claimed, reserved).await? {
            Step::Sent => done.sent += 1,
            Step::Other => done.other += 1,
            Step::Leave => {
                done.other += 1;
                return Ok(done);
            }
        }
    }
    let mut replies = JoinSet::new();
    while let Some(link) = account.link() {
        let Ok(place) = account.places.clone().acquire_owned().await else { break };
        if stop.is_cancelled() {
            break;
        }
        let Some(reserved) = may_send(&ctx, &account, &link).await? else { break };
        let Some(claimed) = ctx.store.claim_due(&account.name, Turn::Replies, ctx.clock.now()).await? else { break };
        let (ctx, account) = (ctx.clone(), account.clone());
        replies.spawn(async move { reply_in_turn(&ctx, &account, &link, claimed, (place, reserved)).await });
    }
    while let Some(step) = replies.join_next().await {
        let Ok(step) = step else { return Err(StoreError::Closed) };
        match step? {
            Step::Sent => done.sent += 1,
            Step::Other | Step::Leave => done.other += 1,
        }
    }
    Ok(done)
}

/// What something may be armed with for this account now. A server that failed is asked with a harmless GET first; an
/// allowance that is spent is waited for.
async fn may_send(ctx: &Ctx, account: &Linked, link: &LinkState) -> Result<Option<Reserved>, StoreError> {
    let now = ctx.clock.now();
    let reserved = match account.reserve(now) {
        Ok(reserved) => reserved,
        Err(until) => {
            tracing::info!(account.name = %account.name, %until, "the server's posting allowance is spent; waiting");
            ctx.store.wait_until(&account.name, until).await?;
            return Ok(None);
        }
    };
    match ctx.gate(account, now) {
        Gate::Send => Ok(Some(reserved)),
        Gate::Wait(_) => Ok(None),
        Gate::Ask => {
            let answered = link.fedi.server_time().await.is_ok();
            ctx.saw(account, if answered { Seen::Worked } else { Seen::Failed }, ctx.clock.now());
            Ok(answered.then_some(reserved))
        }
    }
}

enum Step {
    Sent,
    Other,
    /// The server or the account cannot be used now: leave the rest of the turn.
    Leave,
}

async fn post(
    ctx: &Ctx,
    account: &Linked,
    link: &LinkState,
    claimed: Claimed,
    reserved: Reserved,
) -> Result<Step, StoreError> {
    ctx.points.pass(Point::Claimed).await;
    let now = ctx.clock.now();
    let Claimed { delivery, late_sent, last_late, already_said } = claimed;
    let (id, fence) = (delivery.id, delivery.fence);
    let mut lateness = Lateness::InTime;
    if already_said {
        let ending = Ending::Settled { state: State::Held, reason: ALREADY_SAID.to_owned() };
        end(ctx, account, &delivery, ending).await?;
        return Ok(Step::Other);
    }
    // Judged at the first attempt only: what was tried before is not late, it is being settled.
    if let (Of::Post { part: 1, kind, .. }, 0) = (&delivery.of, delivery.attempt) {
        if *kind == Kind::Slot && delivery.late != WhenLate::Released && now - delivery.due_at > DEFAULT_EXPIRY {
            // Planning gives it the next free slot; until then it is not ours to send.
            let reason = "it missed its slot; it takes the next free one".to_owned();
            let at = now + Duration::minutes(1);
            ctx.store.record(id, fence, Ending::Again { at, reason }, None, now).await?;
            ctx.plan_wanted.notify_one();
            return Ok(Step::Other);
        }
        let due =
            Due { due_at: delivery.due_at, expires_at: delivery.expires_at, late: delivery.late, late_sent, last_late };
        let ending = match judge(&due, now) {
            Judgement::Go => None,
            Judgement::GoLate => {
                lateness = Lateness::Late;
                None
            }
            Judgement::Wait(at) => Some(Ending::Again { at, reason: "late posts leave five minutes apart".to_owned() }),
            Judgement::Hold(why) => Some(Ending::Settled { state: State::Held, reason: why.to_owned() }),
            Judgement::Expire(why) => Some(Ending::Settled { state: State::Expired, reason: why.to_owned() }),
        };
        if let Some(ending) = ending {
            end(ctx, account, &delivery, ending).await?;
            return Ok(Step::Other);
        }
    }
    let stop = ctx.stop();
    let uploaded = tokio::select! {
        biased;
        () = stop.cancelled() => {
            let reason = "watchpost was stopped before it was sent".to_owned();
            end(ctx, account, &delivery, Ending::Again { at: now, reason }).await?;
            return Ok(Step::Leave);
        }
        uploaded = upload(ctx, link, &delivery) => uploaded,
    };
    let media = match uploaded {
        Ok(media) => media,
        Err(UploadError::Request(error @ FediError::Denied { .. })) => {
            let words = format!("{} does not accept the token of {}: {error}", account.server, account.name);
            let step = "make a new token on the server and put it where config/watchpost.toml says; the queue is kept";
            link::pause(ctx, account, &words, step, now).await?;
            let ending = Ending::Again { at: now + Duration::seconds(5), reason: words };
            end(ctx, account, &delivery, ending).await?;
            return Ok(Step::Leave);
        }
        Err(error) => {
            let reason = format!("picture not accepted: {error}");
            let ending = match error.advice() {
                Advice::Retry(wait) => {
                    let wait = wait.and_then(|wait| Duration::from_std(wait).ok());
                    Ending::Again { at: now + wait.unwrap_or(Duration::minutes(1)), reason }
                }
                Advice::GiveUp | Advice::AskPerson => Ending::Settled { state: State::Refused, reason },
            };
            let leave = matches!(ending, Ending::Again { .. });
            end(ctx, account, &delivery, ending).await?;
            return Ok(if leave { Step::Leave } else { Step::Other });
        }
    };
    let boot = ctx.clock.boot();
    let Some(armed) = ctx.store.arm(delivery.clone(), media, lateness, ctx.clock.now(), boot).await? else {
        return Ok(Step::Other);
    };
    send(ctx, account, link, armed, Some(&delivery), reserved).await
}

async fn reply_in_turn(
    ctx: &Ctx,
    account: &Linked,
    link: &LinkState,
    claimed: Claimed,
    (place, reserved): (OwnedSemaphorePermit, Reserved),
) -> Result<Step, StoreError> {
    ctx.points.pass(Point::Claimed).await;
    let now = ctx.clock.now();
    let delivery = claimed.delivery;
    if ctx.stop().is_cancelled() {
        let reason = "watchpost was stopped before it was sent".to_owned();
        end(ctx, account, &delivery, Ending::Again { at: ctx.clock.now(), reason }).await?;
        return Ok(Step::Leave);
    }
    let ending = match second_look::still_wanted(ctx, link, delivery.clone(), now).await {
        Waited::Go(delivery) => Ok(*delivery),
        Waited::Later(reason) => Err(Ending::Again { at: now + backoff(ctx, delivery.attempt + 1), reason }),
        Waited::MayBeOurs => {
            Err(Ending::Unknown { reason: "the mention has an answer by now, which may be this one".to_owned() })
        }
        // What may stand on the server is not forgotten (DESIGN §5, law 7).
        Waited::Unwanted(reason) if delivery.unclear > 0 => Err(Ending::Settled {
            state: State::Held,
            reason: format!("{reason}; an earlier attempt may have answered it"),
        }),
        Waited::Unwanted(reason) => Err(Ending::Settled { state: State::Cancelled, reason: reason.to_owned() }),
    };
    let delivery = match ending {
        Ok(delivery) => delivery,
        Err(ending) => {
            end(ctx, account, &delivery, ending).await?;
            return Ok(Step::Other);
        }
    };
    let boot = ctx.clock.boot();
    let armed = ctx.store.arm(delivery.clone(), Vec::new(), Lateness::InTime, ctx.clock.now(), boot).await?;
    let step = match armed {
        Some(armed) => send(ctx, account, link, armed, Some(&delivery), reserved).await,
        None => Ok(Step::Other),
    };
    drop(place);
    step
}

/// Sends a reply that was armed together with its decision.
///
/// # Errors
/// When the outcome cannot be recorded: the row stays armed, and a restart makes it unknown.
pub async fn send_reply(
    ctx: &Ctx,
    account: &Linked,
    link: &LinkState,
    armed: Armed,
    (place, reserved): (OwnedSemaphorePermit, Reserved),
) -> Result<(), StoreError> {
    let step = send(ctx, account, link, armed, None, reserved).await;
    drop(place);
    step.map(drop)
}

async fn upload(ctx: &Ctx, link: &LinkState, delivery: &Delivery) -> Result<Vec<MediaId>, UploadError> {
    let mut ids = Vec::new();
    match ctx.voice {
        Voice::Live => {
            for media in &delivery.payload.media {
                ids.push(link.fedi.upload(media).await?);
            }
        }
        Voice::Rehearsal(_) => {}
    }
    Ok(ids)
}

/// The one POST of an armed record, and its outcome in the ledger.
async fn send(
    ctx: &Ctx,
    account: &Linked,
    link: &LinkState,
    armed: Armed,
    delivery: Option<&Delivery>,
    reserved: Reserved,
) -> Result<Step, StoreError> {
    ctx.points.pass(Point::Armed).await;
    let outcome = match &ctx.voice {
        Voice::Live => link.fedi.publish(&link.capabilities, &armed, ctx.clock.boot()).await,
        Voice::Rehearsal(listener) => {
            // Whoever rehearses may have left: then nobody wants to know.
            drop(listener.send(Said { account: account.name.clone(), payload: armed.payload.clone() }));
            rehearsed(&armed)
        }
    };
    ctx.points.pass(Point::Answered).await;
    let now = ctx.clock.now();
    learn(ctx, account, &outcome, reserved, now);
    let answered = !matches!(outcome, Outcome::NotSent { .. });
    let (ending, leave) = match outcome {
        Outcome::Sent(receipt) if is_anothers(ctx, account, &armed, &receipt).await? => {
            (Ending::Unknown { reason: ANOTHER_STATUS.to_owned() }, false)
        }
        Outcome::Sent(receipt) => {
            tracing::info!(
                account.name = %account.name,
                delivery.id = %armed.id,
                status.id = %receipt.status,
                reply = armed.payload.in_reply_to.is_some(),
                "sent"
            );
            (kept_in_thread(link, &armed, delivery, receipt).await, false)
        }
        Outcome::NotSent { reason } => (Ending::Again { at: now + backoff(ctx, armed.attempt), reason }, true),
        Outcome::Throttled { wait } => {
            let wait = Duration::from_std(wait).unwrap_or(Duration::minutes(5));
            let jitter = f64::from(u32::try_from(ctx.roll(1_000)).unwrap_or(0)) / 1_000.0;
            let until = account.throttled(wait, jitter, now);
            tracing::warn!(account.name = %account.name, %until, "the server asked us to wait");
            ctx.store.wait_until(&account.name, until).await?;
            // The account waits; the row keeps its turn, so that nothing later goes before it.
            let at = delivery.and_then(|delivery| delivery.not_before).unwrap_or(now);
            (Ending::Again { at, reason: "the server asked us to wait".to_owned() }, true)
        }
        // An earlier attempt may have succeeded; this refusal says nothing about that one (DESIGN §5).
        Outcome::Refused { message } | Outcome::Doubtful { message } if armed.may_exist => {
            (Ending::Unknown { reason: format!("{REFUSED_AFTER} {message}") }, false)
        }
        // Off Mastodon a reply whose parent is gone is refused with any code and any words.
        Outcome::Refused { .. } | Outcome::Doubtful { .. } if parent_is_gone(link, &armed).await => {
            parent_missing(link, &armed, delivery, now).await
        }
        Outcome::Refused { message } => {
            (Ending::Settled { state: State::Refused, reason: format!("the server refused it: {message}") }, false)
        }
        Outcome::Doubtful { message } => doubtful(ctx, account, link, &armed, message, now).await?,
        Outcome::ParentMissing => parent_missing(link, &armed, delivery, now).await,
        Outcome::Unknown { reason } => (Ending::Unknown { reason }, false),
    };
    let ending = if answered { under_another_key(link, &armed, ending) } else { ending };
    let sent = matches!(ending, Ending::Sent(_));
    record(ctx, account, &armed, ending).await?;
    Ok(match (sent, leave) {
        (true, _) => Step::Sent,
        (false, true) => Step::Leave,
        (false, false) => Step::Other,
    })
}

/// A server that keeps its answers with the key would give the same one again: what goes again after an answer takes
/// another key there. Nothing was made under the old one, or the answer would not have been clear.
fn under_another_key(link: &LinkState, armed: &Armed, ending: Ending) -> Ending {
    let spent = match link.capabilities.key {
        KeyClass::ReplaysAnswers { .. } => true,
        // The old key still keeps an earlier attempt that was unclear from being made twice.
        KeyClass::Refusing => !armed.may_exist,
        KeyClass::Shared { .. } | KeyClass::Memory { .. } | KeyClass::Ignored => false,
    };
    match ending {
        Ending::Again { at, reason } if spent => Ending::Anew { at, reason },
        Ending::Again { .. }
        | Ending::Anew { .. }
        | Ending::Sent(_)
        | Ending::Unknown { .. }
        | Ending::Settled { .. } => ending,
    }
}

/// What an outcome says of the server and of its allowance.
fn learn(ctx: &Ctx, account: &Linked, outcome: &Outcome, reserved: Reserved, now: DateTime<Utc>) {
    let left = match outcome {
        Outcome::Sent(receipt) => receipt.creates_left,
        Outcome::NotSent { .. }
        | Outcome::Throttled { .. }
        | Outcome::Refused { .. }
        | Outcome::Doubtful { .. }
        | Outcome::ParentMissing
        | Outcome::Unknown { .. } => None,
    };
    let left = left.map(|creates| (creates.left, now + Duration::from_std(creates.window).unwrap_or_default()));
    reserved.ended(left, now);
    if matches!(outcome, Outcome::Sent(_)) {
        account.accepted();
    }
    let seen = match outcome {
        Outcome::NotSent { .. } | Outcome::Unknown { .. } => Seen::Failed,
        Outcome::Sent(_)
        | Outcome::Throttled { .. }
        | Outcome::Refused { .. }
        | Outcome::Doubtful { .. }
        | Outcome::ParentMissing => Seen::Worked,
    };
    ctx.saw(account, seen, now);
}

/// 400, 401, 403 or 422 without a reason: is it the account, or only this row? (DESIGN §5)
async fn doubtful(
    ctx: &Ctx,
    account: &Linked,
    link: &LinkState,
    armed: &Armed,
    message: String,
    now: DateTime<Utc>,
) -> Result<(Ending, bool), StoreError> {
    match link.fedi.whoami().await {
        Ok(_) => {
            let reason = format!("the server refused it: {message}");
            Ok((Ending::Settled { state: State::Refused, reason }, false))
        }
        Err(error) if error.advice() == Advice::AskPerson => {
            let words = format!("{} does not accept the token of {}: {message}", account.server, account.name);
            let step = "make a new token on the server and put it where config/watchpost.toml says; the queue is kept";
            link::pause(ctx, account, &words, step, now).await?;
            Ok((Ending::Again { at: now + Duration::seconds(5), reason: words }, true))
        }
        // A clear refusal, and then no clear word about the account: nothing was created, so it may be tried again.
        Err(error) => Ok((Ending::Again { at: now + backoff(ctx, armed.attempt), reason: error.to_string() }, true)),
    }
}

/// Whether this is a reply to something the server says it does not have; a look that fails says nothing.
async fn parent_is_gone(link: &LinkState, armed: &Armed) -> bool {
    match &armed.payload.in_reply_to {
        Some(parent) => matches!(link.fedi.status(parent).await, Ok(None)),
        None => false,
    }
}

/// Whether the answer to a POST is another status of ours: a cache, a proxy or a key that several share may give it. By
/// its words only; the store asks besides whether another row has its id.
async fn is_anothers(ctx: &Ctx, account: &Linked, armed: &Armed, receipt: &Receipt) -> Result<bool, StoreError> {
    let Some(words) = &receipt.other_words else { return Ok(false) };
    let rivals = ctx.store.rivals(&account.name, armed.id).await?;
    let is_theirs = |rival: &Payload| likeness(&rival.text, words) == Likeness::Same;
    let owned = ctx.store.owned(&account.name, std::slice::from_ref(&receipt.status)).await?;
    Ok(!owned.is_empty() || rivals.iter().any(is_theirs))
}

/// Some servers make a post of its own of a reply whose mention vanished meanwhile (snac, Takahē): nobody asked for
/// that post, so it is taken back, once a second look confirms it.
async fn kept_in_thread(link: &LinkState, armed: &Armed, delivery: Option<&Delivery>, receipt: Receipt) -> Ending {
    let is_reply = delivery.is_none_or(|delivery| matches!(delivery.of, Of::Reply { .. }));
    let lost = receipt.changed.iter().any(|change| change == LOST_THREAD);
    if !is_reply || !lost || armed.may_exist {
        return Ending::Sent(receipt);
    }
    match link.fedi.status(&receipt.status).await {
        // Nothing is taken back that does not say what was sent.
        Ok(Some(seen))
            if seen.in_reply_to.is_none() && likeness(&armed.payload.text, &seen.text) != Likeness::Other => {}
        Ok(_) | Err(_) => return Ending::Sent(receipt),
    }
    // Where the mention stands, the server keeps no threads, and people are told.
    if !parent_is_gone(link, armed).await {
        return Ending::Sent(receipt);
    }
    match link.fedi.delete(&receipt.status).await {
        Ok(()) => Ending::Settled {
            state: State::Cancelled,
            reason: "the mention is gone, and the server made a post of its own of the reply: taken back".to_owned(),
        },
        Err(_) => Ending::Sent(receipt),
    }
}

/// 404 under a parent: gone, or not there yet (mastodon#21932): again at 2, 5 and 15 s while GET shows the parent.
async fn parent_missing(
    link: &LinkState,
    armed: &Armed,
    delivery: Option<&Delivery>,
    now: DateTime<Utc>,
) -> (Ending, bool) {
    let is_thread = delivery.is_some_and(|delivery| matches!(delivery.of, Of::Post { .. }));
    let parent = match &armed.payload.in_reply_to {
        Some(parent) => link.fedi.status(parent).await,
        None => Ok(None),
    };
    // Attempts that were throttled or failed otherwise say nothing of the parent.
    let missed = delivery.map_or(0, |delivery| delivery.parent_missed);
    let wait = match missed {
        0 => 2,
        1 => 5,
        _ => 15,
    };
    let ending = match parent {
        Ok(None) if is_thread => {
            Ending::Settled { state: State::Held, reason: "the part before it is gone from the server".to_owned() }
        }
        Ok(None) if armed.may_exist => Ending::Settled {
            state: State::Held,
            reason: "the mention is gone, and an earlier attempt may have answered it".to_owned(),
        },
        Ok(None) => Ending::Settled { state: State::Cancelled, reason: "the mention is gone".to_owned() },
        Ok(Some(_)) if missed >= 3 => Ending::Settled {
            state: State::Held,
            reason: "the server shows the status it answers, and yet says it does not exist".to_owned(),
        },
        Ok(Some(_)) | Err(_) => Ending::Again { at: now + Duration::seconds(wait), reason: NO_PARENT_YET.to_owned() },
    };
    (ending, false)
}

async fn record(ctx: &Ctx, account: &Linked, armed: &Armed, ending: Ending) -> Result<(), StoreError> {
    let now = ctx.clock.now();
    let told = told(armed.id, account, &ending);
    let changed = match &ending {
        Ending::Sent(receipt) if !receipt.changed.is_empty() => Some(receipt.changed.join("; ")),
        Ending::Sent(_)
        | Ending::Again { .. }
        | Ending::Anew { .. }
        | Ending::Unknown { .. }
        | Ending::Settled { .. } => None,
    };
    if let Some(told) = &told {
        tracing::warn!(account.name = %account.name, delivery.id = %armed.id, reason = %told.text, "delivery needs a person");
    }
    let ours = ctx.store.record(armed.id, armed.fence, ending, told, now).await?;
    ctx.points.pass(Point::Recorded).await;
    if !ours {
        tracing::error!(delivery.id = %armed.id, "the outcome of a delivery could not be recorded: its row had moved on");
    }
    if let Some(changed) = changed {
        // One notice an account: what a server does to a status it does to the next one too.
        let text = format!("{} changed what {} said (delivery {}): {changed}", account.server, account.name, armed.id);
        let step = "look at it there; on this server write posts that need no such thing, or leave the account out";
        let key = format!("changed:{}", account.name);
        ctx.store.raise(&key, account.name.as_str(), &text, step, now).await?;
        tracing::warn!(account.name = %account.name, delivery.id = %armed.id, changed, "the server changed the status");
    }
    ctx.look_wanted.notify_one();
    Ok(())
}

/// Ends a claim without an attempt.
async fn end(ctx: &Ctx, account: &Linked, delivery: &Delivery, ending: Ending) -> Result<(), StoreError> {
    let told = told(delivery.id, account, &ending);
    ctx.store.record(delivery.id, delivery.fence, ending, told, ctx.clock.now()).await?;
    Ok(())
}

/// What a person must know of an ending, with the next step.
fn told(id: DeliveryId, account: &Linked, ending: &Ending) -> Option<Told> {
    let (what, step) = match ending {
        Ending::Settled { state: State::Refused, reason } => {
            (reason, format!("edit the post, or `watchpost queue release {id}` to try again"))
        }
        Ending::Settled { state: State::Held, reason } => {
            (reason, format!("`watchpost queue release {id}` to send it, `watchpost queue cancel {id}` to drop it"))
        }
        Ending::Settled { state: State::Expired, reason } => {
            (reason, "nothing to do; `watchpost queue again POST` if it should still be said".to_owned())
        }
        // Unknown is read back, which settles it or says what a person must do.
        Ending::Sent(_)
        | Ending::Again { .. }
        | Ending::Anew { .. }
        | Ending::Unknown { .. }
        | Ending::Settled { .. } => return None,
    };
    Some(Told { text: format!("delivery {id} on {}: {what}", account.name), next_step: step })
}

/// 5 s, 10 s, 20 s … up to 5 min, and up to a quarter more by the dice, so that many accounts do not come back at once.
fn backoff(ctx: &Ctx, attempt: i64) -> Duration {
    let doublings = u32::try_from(attempt.clamp(1, 7) - 1).unwrap_or(0);
    let seconds = (5_i64 << doublings).min(300);
    let jitter = ctx.roll(u64::try_from(seconds * 250).unwrap_or(0));
    Duration::seconds(seconds) + Duration::milliseconds(i64::try_from(jitter).unwrap_or(0))
}

fn rehearsed(armed: &Armed) -> Outcome {
    let status = StatusId::new(format!("rehearsal-{}", armed.id));
    let (changed, other_words) = (Vec::new(), None);
    Outcome::Sent(Receipt { status, url: None, other_words, changed, creates_left: None, server_time: None })
}
