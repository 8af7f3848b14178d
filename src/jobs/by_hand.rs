//! What staff want answered by hand (`watchpost mentions answer`): the mention is read again, for its author's name is
//! not kept, and the wish becomes a planned reply. A wish that cannot be granted ends in a notice.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::context::{Ctx, LinkState};
use crate::core::decision::decide_by_hand;
use crate::core::ids::StatusId;
use crate::core::mention::Mention;
use crate::fedi::SeenAgain;
use crate::store::StoreError;
use crate::store::asked::AnswerWish;
use crate::store::mentions::Decide;

/// Whether every wish has an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// None is left.
    Done,
    /// A server was out of reach: look again in a while.
    Later,
}

/// Grants what can be granted now.
///
/// # Errors
/// When the database cannot be read or written.
pub async fn tick(ctx: &Ctx, now: DateTime<Utc>) -> Result<Outcome, StoreError> {
    let mut outcome = Outcome::Done;
    for wish in ctx.store.answer_wishes().await? {
        let Some(account) = ctx.accounts.get(&wish.account) else {
            refuse(ctx, &wish, "its account is not in config/watchpost.toml any more", now).await?;
            continue;
        };
        // Another daemon's account is another daemon's to speak for.
        let Some(link) = account.link() else {
            outcome = Outcome::Later;
            continue;
        };
        match link.fedi.look_again(&link.me, &StatusId::new(wish.status.as_str()), &ctx.ours()).await {
            Ok(SeenAgain::Stands(mut mention)) => {
                mention.created_at = link.apart.by_our_clock(mention.created_at);
                grant(ctx, &link, &wish, Arc::from(mention), now).await?;
            }
            Ok(SeenAgain::Gone) => refuse(ctx, &wish, "it is gone, or names us no more", now).await?,
            Ok(SeenAgain::AnsweredByUs(_)) => {
                refuse(ctx, &wish, "an account of this campaign answered it meanwhile", now).await?;
            }
            Err(error) => {
                tracing::debug!(account.name = %account.name, error = %error, "a mention could not be read again yet");
                outcome = Outcome::Later;
            }
        }
    }
    Ok(outcome)
}

async fn grant(
    ctx: &Ctx,
    link: &LinkState,
    wish: &AnswerWish,
    mention: Arc<Mention>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (mind, venue, today) = (ctx.desk().mind.clone(), ctx.venue(link), ctx.today(now));
    let fact = wish.fact.clone();
    let count_to = mind.limits.counted_to(venue.allowance);
    let decide =
        Decide::new(count_to, move |mention, past| decide_by_hand(&mind, &venue, mention, past, &fact, now, today));
    match ctx.store.grant_wish(wish, mention, decide, now).await? {
        Some(verdict) if verdict.reply.is_none() => refuse(ctx, wish, &verdict.reason, now).await?,
        Some(verdict) => {
            tracing::info!(account.name = %wish.account, reason = %verdict.reason, "mention answered by staff");
            ctx.send_wanted.notify_one();
        }
        // Somebody was faster.
        None => {}
    }
    Ok(())
}

async fn refuse(ctx: &Ctx, wish: &AnswerWish, why: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
    ctx.store.drop_wish(wish).await?;
    let number: String = wish.uri.chars().take(10).collect();
    let words = format!("the mention {number} was not answered with {}: {why}", wish.fact);
    let step = "nothing to do; `watchpost status` names the number to put behind --done";
    ctx.store.raise(&format!("wish:{}", wish.uri), wish.account.as_str(), &words, step, now).await
}
