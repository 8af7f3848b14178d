//! Due deliveries go out: claim → prepare → arm, and then [`super::attempt`]: publish → record (DESIGN §5).
//!
//! One account sends its posts one at a time; its replies side by side. Accounts do not wait for each other.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::attempt::{Step, backoff, end, send};
use super::context::{Ctx, LinkState, Linked, Reserved, Seen, Voice};
use super::link;
use super::points::Point;
use super::second_look::{self, Waited};
use super::timekeeping;
use super::turns::{self, Work};
use crate::core::breaker::Gate;
use crate::core::delivery::{Armed, State};
use crate::core::ids::{AccountName, MediaId};
use crate::core::lateness::{Due, Judgement, MISSED_ITS_SLOT, WhenLate, asks_again, judge};
use crate::core::plan::Kind;
use crate::core::plan::repeated::ALREADY_SAID;
use crate::core::post::DEFAULT_EXPIRY;
use crate::core::rules::Against;
use crate::fedi::{Advice, FediError, UploadError};
use crate::store::StoreError;
use crate::store::deliveries::{Delivery, Of};
use crate::store::pauses::Missed;
use crate::store::sending::{Claimed, Ending, Lateness, Turn};

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
    if due.iter().any(|name| linked(name).is_none()) {
        // Whose token fails cannot speak; its rows tell all the same that their time has passed.
        for overdue in ctx.store.overdue_accounts(now).await?.iter().filter(|name| linked(name).is_none()) {
            ctx.store.expire_due(overdue, now).await?;
        }
    }
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

/// Which rule of its account stands against a slot that is used late, now.
async fn stands_against(ctx: &Ctx, account: &AccountName, now: DateTime<Utc>) -> Result<Option<Against>, StoreError> {
    let desk = ctx.desk();
    let Some(calendar) = desk.calendars.iter().find(|calendar| calendar.name == *account) else { return Ok(None) };
    if calendar.rules.is_off() {
        return Ok(None);
    }
    let said = ctx.store.said_last(account, now - calendar.rules.min_spacing).await?;
    Ok(calendar.rules.late(said.as_ref(), now, desk.zone))
}

/// What stands in a slot, is late and provably never left asks the rules of its account again, also after attempts that
/// met no server: nobody was promised this minute.
async fn lets_its_slot_go(ctx: &Ctx, delivery: &Delivery, now: DateTime<Utc>) -> Result<Option<Ending>, StoreError> {
    let (Of::Post { part: 1, kind, .. }, 0) = (&delivery.of, delivery.unclear) else { return Ok(None) };
    let next_slot = |reason| Ending::Again { at: now + Duration::minutes(1), reason };
    if *kind == Kind::Slot && delivery.late != WhenLate::Released && now - delivery.due_at > DEFAULT_EXPIRY {
        // Planning gives it the next free slot; until then it is not ours to send.
        return Ok(Some(next_slot(format!("{MISSED_ITS_SLOT}; it takes the next free one"))));
    }
    if !asks_again(*kind, delivery.late, delivery.due_at, now) {
        return Ok(None);
    }
    let Some(against) = stands_against(ctx, &delivery.account, now).await? else { return Ok(None) };
    let reason = format!("{MISSED_ITS_SLOT}, and now is {against}");
    Ok(Some(match kind {
        Kind::Slot => next_slot(reason),
        Kind::At | Kind::Every | Kind::Evergreen => Ending::Settled { state: State::Expired, reason },
    }))
}

/// A picture is no longer the one that was approved. What was never tried goes back to planning, which reads the picture
/// again and lets the post wait, or takes an approval that came meanwhile; the words of the rest are frozen.
fn asks_for_approval_again(delivery: &Delivery, now: DateTime<Utc>) -> Ending {
    let is_first = matches!(delivery.of, Of::Post { part: 1, .. });
    let reason = "a picture was changed after it was approved".to_owned();
    if is_first && delivery.attempt == 0 {
        Ending::Again { at: now + Duration::seconds(1), reason }
    } else {
        Ending::Settled { state: State::Held, reason }
    }
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
    let mut lateness = Lateness::InTime;
    if already_said {
        let ending = Ending::Settled { state: State::Held, reason: ALREADY_SAID.to_owned() };
        end(ctx, account, &delivery, ending).await?;
        return Ok(Step::Other);
    }
    if let Some(ending) = lets_its_slot_go(ctx, &delivery, now).await? {
        end(ctx, account, &delivery, ending).await?;
        ctx.plan_wanted.notify_one();
        return Ok(Step::Other);
    }
    // Judged at the first attempt only: what was tried before is not late, it is being settled.
    if let (Of::Post { part: 1, .. }, 0) = (&delivery.of, delivery.attempt) {
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
        Err(UploadError::Changed { file }) => {
            ctx.prints.forget(&file);
            end(ctx, account, &delivery, asks_for_approval_again(&delivery, now)).await?;
            ctx.plan_wanted.notify_one();
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
