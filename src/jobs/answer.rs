//! A mention becomes a decision, and where it is answered, an armed reply: one transaction (DESIGN §5, law 2). The
//! reply then leaves at once, beside at most seven others of its account; when all places are taken it waits in the
//! ledger and the publish job sends it. A mention over a minute old is looked at again before it is answered.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use crate::core::decision::{Parent, Past, decide};
use crate::core::mention::Mention;
use crate::store::StoreError;
use crate::store::mentions::{Decide, Recorded, Sending};

use super::context::{Ctx, LinkState, Linked, Reserved};
use super::points::Point;
use super::{publish, second_look, timekeeping};

/// How long a mention waits for one of the places for replies in flight before its reply takes its turn in the ledger.
const PLACE_WITHIN: Duration = Duration::from_millis(250);

/// What became of one reported mention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It had its decision already.
    Known,
    /// The program stops: it is heard again at the next start.
    Left,
    /// Decided, nothing to say.
    Silent,
    /// Decided; the reply was sent, or waits in the ledger.
    Replied,
}

/// How far a mention is after it was met once.
pub(super) enum Met {
    /// It has its decision, and its reply the outcome of its attempt.
    Ended(Answered),
    /// It was old enough to be looked at again, and would be answered: [`record`] decides.
    Looked(Arc<Mention>, Parent),
}

/// Decides about a mention once, and sends the reply if one was armed. Returns when the attempt has its outcome.
///
/// # Errors
/// When the database cannot be written: the mention is not recorded and will be reported again.
pub async fn tick(
    ctx: &Ctx,
    account: &Linked,
    link: &LinkState,
    mention: Arc<Mention>,
) -> Result<Answered, StoreError> {
    match meet(ctx, account, link, mention).await? {
        Met::Ended(answered) => Ok(answered),
        Met::Looked(mention, parent) => {
            let decided = record(ctx, account, link, mention, parent).await?;
            send(ctx, account, link, decided).await
        }
    }
}

/// Decides about a mention, unless it must be looked at again first: then it looks, and decides nothing.
///
/// # Errors
/// As [`tick`].
pub(super) async fn meet(
    ctx: &Ctx,
    account: &Linked,
    link: &LinkState,
    mention: Arc<Mention>,
) -> Result<Met, StoreError> {
    let stop = ctx.stop();
    let mention = tokio::select! {
        biased;
        () = stop.cancelled() => return Ok(Met::Ended(Answered::Left)),
        mention = inherited(link, mention) => mention,
    };
    ctx.points.pass(Point::Heard).await;
    // The next walk hears it again, once its age can be told.
    if stop.is_cancelled() || !timekeeping::is_or_becomes_believed(ctx).await? {
        return Ok(Met::Ended(Answered::Left));
    }
    let decided = record(ctx, account, link, mention.clone(), Parent::NotLooked).await?;
    if !matches!(decided.recorded, Recorded::LookFirst) {
        return Ok(Met::Ended(send(ctx, account, link, decided).await?));
    }
    // The place is free for others while we look.
    drop(decided);
    let (parent, mention) = tokio::select! {
        biased;
        () = stop.cancelled() => return Ok(Met::Ended(Answered::Left)),
        seen = second_look::look(ctx, link, mention) => seen,
    };
    Ok(Met::Looked(mention, parent))
}

/// Sends what was armed with a decision, and says what became of the mention.
///
/// # Errors
/// When the outcome cannot be written: the row stays armed, and is read back.
pub(super) async fn send(
    ctx: &Ctx,
    account: &Linked,
    link: &LinkState,
    decided: Decided,
) -> Result<Answered, StoreError> {
    let (verdict, armed) = match decided.recorded {
        Recorded::Known | Recorded::LookFirst => return Ok(Answered::Known),
        Recorded::Decided { verdict, armed } => (verdict, armed),
    };
    tracing::info!(
        account.name = %account.name,
        decision = verdict.word(),
        topic = verdict.topic.as_ref().map(tracing::field::display),
        reason = %verdict.reason,
        "mention decided"
    );
    match (armed, decided.place, verdict.reply.is_some()) {
        (Some(armed), Some(place), _) => {
            publish::send_reply(ctx, account, link, *armed, place).await?;
            Ok(Answered::Replied)
        }
        (Some(armed), None, _) => {
            // `record` arms for a place only. Were it otherwise, the next start would look for it.
            tracing::error!(delivery.id = %armed.id, "a reply was armed without a place");
            Ok(Answered::Replied)
        }
        (None, _, true) => {
            ctx.send_wanted.notify_one();
            Ok(Answered::Replied)
        }
        (None, _, false) => Ok(Answered::Silent),
    }
}

/// A place among the replies in flight, and one of the statuses the server still allows.
type Place = (OwnedSemaphorePermit, Reserved);

/// What the ledger now says of a mention, and the place its reply was armed for.
pub(super) struct Decided {
    recorded: Recorded,
    place: Option<Place>,
}

/// Decides in one transaction; a reply is armed at once where a place is free and nothing more is to be looked at.
/// [`send`] is then owed. Whoever calls it for many in the order they were written spends a limit on the oldest.
///
/// # Errors
/// As [`tick`].
pub(super) async fn record(
    ctx: &Ctx,
    account: &Linked,
    link: &LinkState,
    mention: Arc<Mention>,
    parent: Parent,
) -> Result<Decided, StoreError> {
    let place = if parent == Parent::Unseen { None } else { free_place(ctx, account).await };
    let now = ctx.clock.now();
    let boot = ctx.clock.boot();
    let (mind, venue, today) = (ctx.desk().mind.clone(), ctx.venue(link), ctx.today(now));
    let count_to = mind.limits.counted_to(venue.allowance);
    let decide = Decide::new(count_to, move |mention, past| {
        let past = Past { parent, ..past.clone() };
        decide(&mind, &venue, mention, &past, now, today)
    });
    let sending = if place.is_some() { Sending::AtOnce } else { Sending::InTurn };
    let recorded = ctx.store.record_mention(&account.name, mention, decide, sending, now, boot).await?;
    Ok(Decided { recorded, place })
}

/// In a crowd a place is free again within milliseconds, and waiting for it is cheaper than the ledger's queue; behind a
/// server that hangs it is not, and whoever says stop must not wait for it.
async fn free_place(ctx: &Ctx, account: &Linked) -> Option<Place> {
    let reserved = ctx.may_arm_at_once(account, ctx.clock.now())?;
    let place = account.places.clone().acquire_owned();
    let place = tokio::time::timeout(PLACE_WITHIN, place).await.ok()?.ok()?;
    Some((place, reserved))
}

/// A mention that looks carried along costs one look at its parent, which tells an inherited name from one that was
/// added. When the look fails the text's word stands: silence is better than pestering.
async fn inherited(link: &LinkState, mention: Arc<Mention>) -> Arc<Mention> {
    if !mention.carried_along {
        return mention;
    }
    match link.fedi.inherited_our_name(&link.me, &mention).await {
        Ok(false) => Arc::new(Mention { carried_along: false, ..(*mention).clone() }),
        Ok(true) | Err(_) => mention,
    }
}
