//! The one POST of an armed record, what its answer means, and its outcome in the ledger (DESIGN §5). The only place that
//! calls `fedi.publish`, for posts and replies alike; it does not know what is due, nor when.

use std::sync::atomic::Ordering;

use chrono::{DateTime, Duration, Utc};

use super::context::{Ctx, LinkState, Linked, Reserved, Said, Seen, Voice};
use super::link;
use super::points::Point;
use crate::core::delivery::{Armed, Outcome, Payload, Receipt, State};
use crate::core::ids::{DeliveryId, StatusId};
use crate::core::post::Visibility;
use crate::core::resemblance::{Likeness, likeness};
use crate::fedi::{Advice, KeyClass, LOST_THREAD, OTHER_PARENT, SHOWN_TO_OTHERS};
use crate::store::StoreError;
use crate::store::deliveries::{Delivery, Of};
use crate::store::notices::Told;
use crate::store::sending::{ANOTHER_STATUS, Ending, NO_PARENT_YET, REFUSED_AFTER};

/// Among what a server changed: everybody sees what was to be unlisted.
const WIDENED: &str = "visibility is public, not unlisted";

/// How an attempt ended, for the turn it belongs to.
pub(super) enum Step {
    /// The server accepted it.
    Sent,
    /// It ended otherwise; the next may go.
    Other,
    /// The server or the account cannot be used now: leave the rest of the turn.
    Leave,
}

/// The one POST of an armed record, and its outcome in the ledger.
pub(super) async fn send(
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
    let outcome = discreet(&armed.payload, outcome);
    let now = ctx.clock.now();
    learn(ctx, account, &outcome, reserved, now);
    let answered = !matches!(outcome, Outcome::NotSent { .. });
    let (ending, leave) = match outcome {
        Outcome::Sent(receipt) if is_anothers(ctx, account, link, &armed, &receipt).await? => {
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
            (kept_in_thread(ctx, account, link, &armed, delivery, receipt).await?, false)
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
    if sent && delivery.is_some_and(another_part_waits) {
        // Looked for at once; other looks come seconds later, when the settle job wakes by itself.
        ctx.look_wanted.notify_one();
    }
    Ok(match (sent, leave) {
        (true, _) => Step::Sent,
        (false, true) => Step::Leave,
        (false, false) => Step::Other,
    })
}

/// Servers repeat in an error what was said, and to whom. Of a reply no names are kept, of a private one no words.
fn discreet(payload: &Payload, outcome: Outcome) -> Outcome {
    if payload.allowed_mention.is_none() {
        return outcome;
    }
    let public = matches!(payload.visibility, Visibility::Public | Visibility::Unlisted);
    let told = |words: String| match public {
        true => words.split(' ').map(|word| if word.contains('@') { "@…" } else { word }).collect::<Vec<_>>().join(" "),
        false => "(what the server said is not kept, because the mention was private)".to_owned(),
    };
    match outcome {
        Outcome::Refused { message } => Outcome::Refused { message: told(message) },
        Outcome::Doubtful { message } => Outcome::Doubtful { message: told(message) },
        Outcome::Unknown { reason } => Outcome::Unknown { reason: told(reason) },
        Outcome::Sent(_) | Outcome::NotSent { .. } | Outcome::Throttled { .. } | Outcome::ParentMissing => outcome,
    }
}

fn another_part_waits(delivery: &Delivery) -> bool {
    match delivery.of {
        Of::Post { part, parts, .. } => part < parts,
        Of::Reply { .. } => false,
    }
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

/// Whether the answer to a POST is another status: a cache, a proxy or a key that several share may give it. By its author,
/// by what it answers, by its words; the store asks besides whether another row has its id.
async fn is_anothers(
    ctx: &Ctx,
    account: &Linked,
    link: &LinkState,
    armed: &Armed,
    receipt: &Receipt,
) -> Result<bool, StoreError> {
    // A server that was set up anew may know us by another id; the profile stays ours.
    let other_id = receipt.author.as_ref().is_some_and(|author| *author != link.me.id);
    if other_id && receipt.author_url.as_ref().is_none_or(|url| *url != link.me.url) {
        return Ok(true);
    }
    let Some(words) = &receipt.other_words else { return Ok(false) };
    if receipt.changed.iter().any(|change| change == LOST_THREAD || change == OTHER_PARENT) {
        return Ok(true);
    }
    let rivals = ctx.store.rivals(&account.name, armed.id).await?;
    let is_theirs = |rival: &Payload| likeness(&rival.text, words) == Likeness::Same;
    let owned = ctx.store.owned(&account.name, std::slice::from_ref(&receipt.status)).await?;
    Ok(!owned.is_empty() || rivals.iter().any(is_theirs))
}

/// Some servers make a post of its own of a reply (snac and Takahē where the mention vanished meanwhile, others always):
/// nobody asked for that post, so it is taken back, once a second look confirms it.
async fn kept_in_thread(
    ctx: &Ctx,
    account: &Linked,
    link: &LinkState,
    armed: &Armed,
    delivery: Option<&Delivery>,
    receipt: Receipt,
) -> Result<Ending, StoreError> {
    let is_reply = delivery.is_none_or(|delivery| matches!(delivery.of, Of::Reply { .. }));
    let became = |what: &str| receipt.changed.iter().any(|change| change == what);
    if is_reply && became(SHOWN_TO_OTHERS) && !armed.may_exist {
        return out_of_sight(ctx, account, link, receipt).await;
    }
    if !is_reply || !became(LOST_THREAD) || armed.may_exist {
        return Ok(Ending::Sent(receipt));
    }
    match link.fedi.status(&receipt.status).await {
        // Nothing is taken back that does not say what was sent.
        Ok(Some(seen))
            if seen.in_reply_to.is_none() && likeness(&armed.payload.text, &seen.text) != Likeness::Other => {}
        Ok(_) | Err(_) => return Ok(Ending::Sent(receipt)),
    }
    let gone = parent_is_gone(link, armed).await;
    if link.fedi.delete(&receipt.status).await.is_err() {
        return Ok(Ending::Sent(receipt));
    }
    if gone {
        let reason = "the mention is gone, and the server made a post of its own of the reply: taken back".to_owned();
        return Ok(Ending::Settled { state: State::Cancelled, reason });
    }
    let text =
        format!("{} makes posts of their own of what {} answers; they are taken back", account.server, account.name);
    let step =
        "nobody gets an answer there: look at one by hand, and leave the account out of [replies] if it stays so";
    ctx.store.raise(&format!("threads:{}", account.name), account.name.as_str(), &text, step, ctx.clock.now()).await?;
    let reason = "the server made a post of its own of the reply: taken back".to_owned();
    Ok(Ending::Settled { state: State::Cancelled, reason })
}

/// A server that shows to others what was for one person tells them who asked us what: that is taken back. Its id came
/// from our own POST a moment ago.
async fn out_of_sight(ctx: &Ctx, account: &Linked, link: &LinkState, receipt: Receipt) -> Result<Ending, StoreError> {
    if link.fedi.delete(&receipt.status).await.is_err() {
        return Ok(Ending::Sent(receipt));
    }
    let text = format!(
        "{} shows to others what {} writes to one person; such answers are taken back",
        account.server, account.name
    );
    let step = "who asks privately there gets no answer: ask the server's administrators why";
    ctx.store.raise(&format!("shown:{}", account.name), account.name.as_str(), &text, step, ctx.clock.now()).await?;
    let reason = "the server showed to others what was for one person: taken back".to_owned();
    Ok(Ending::Settled { state: State::Cancelled, reason })
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
        Ending::Sent(receipt) => receipt.changed.clone(),
        Ending::Again { .. } | Ending::Anew { .. } | Ending::Unknown { .. } | Ending::Settled { .. } => Vec::new(),
    };
    if let Some(told) = &told {
        tracing::warn!(account.name = %account.name, delivery.id = %armed.id, reason = %told.text, "delivery needs a person");
    }
    let ours = ctx.store.record(armed.id, armed.fence, ending, told, now).await?;
    ctx.points.pass(Point::Recorded).await;
    if !ours {
        tracing::error!(delivery.id = %armed.id, "the outcome of a delivery could not be recorded: its row had moved on");
    }
    tell_changed(ctx, account, armed.id, &changed, now).await
}

/// What a server made of a status against our wish: staff are told, once an account, because what it does to one status it
/// does to the next one too. Where it shows to everybody what was to be unlisted, answers are direct from then on.
pub(super) async fn tell_changed(
    ctx: &Ctx,
    account: &Linked,
    delivery: DeliveryId,
    changed: &[String],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if changed.is_empty() {
        return Ok(());
    }
    if let Some(link) = account.link().filter(|_| changed.iter().any(|change| change == WIDENED)) {
        link.widens.store(true, Ordering::Relaxed);
    }
    let changed = changed.join("; ");
    let text = format!("{} changed what {} said (delivery {delivery}): {changed}", account.server, account.name);
    let step = "look at it there; on this server write posts that need no such thing, or leave the account out";
    ctx.store.raise(&format!("changed:{}", account.name), account.name.as_str(), &text, step, now).await?;
    tracing::warn!(account.name = %account.name, delivery.id = %delivery, changed, "the server changed the status");
    Ok(())
}

/// Ends a claim without an attempt.
pub(super) async fn end(ctx: &Ctx, account: &Linked, delivery: &Delivery, ending: Ending) -> Result<(), StoreError> {
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
pub(super) fn backoff(ctx: &Ctx, attempt: i64) -> Duration {
    let doublings = u32::try_from(attempt.clamp(1, 7) - 1).unwrap_or(0);
    let seconds = (5_i64 << doublings).min(300);
    let jitter = ctx.roll(u64::try_from(seconds * 250).unwrap_or(0));
    Duration::seconds(seconds) + Duration::milliseconds(i64::try_from(jitter).unwrap_or(0))
}

fn rehearsed(armed: &Armed) -> Outcome {
    let status = StatusId::new(format!("rehearsal-{}", armed.id));
    let (changed, other_words) = (Vec::new(), None);
    Outcome::Sent(Receipt {
        status,
        author: None,
        author_url: None,
        url: None,
        other_words,
        changed,
        creates_left: None,
        server_time: None,
    })
}
