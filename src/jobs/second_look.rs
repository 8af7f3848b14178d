//! Looking at a mention again before it is answered: people delete, narrow and edit what they wrote, and staff answer
//! by hand (DESIGN §6). Done when a mention is over a minute old at its decision, and for every reply that waited as long
//! in the ledger, unless somebody looked within the last minute. What a look finds can only make us quieter: a reply
//! never grows wider than what was asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

use super::context::{Ctx, LinkState};
use crate::core::command::Command;
use crate::core::compose::{self, WarningPlace};
use crate::core::decision::{LOOK_AGAIN_AFTER, Parent, Past, decide};
use crate::core::delivery::Payload;
use crate::core::ids::StatusId;
use crate::core::mention::{Asker, MayReply, Mention};
use crate::core::post::Visibility;
use crate::core::resemblance::{Likeness, likeness};
use crate::fedi::SeenAgain;
use crate::store::deliveries::Delivery;

/// Mentions that stood when they were looked at within the last minute: a reply that waited for its turn behind others
/// asks no second time. Forgotten with the link, and then asked again.
#[derive(Debug, Default)]
pub struct SeenLately(Mutex<HashMap<StatusId, DateTime<Utc>>>);

/// A server's clock and ours, and the moments between hearing and deciding.
const EDITED_BEFORE: chrono::Duration = chrono::Duration::seconds(30);

/// From so many on, old ones are swept out.
const MANY: usize = 1_024;

impl SeenLately {
    fn note(&self, mention: &StatusId, now: DateTime<Utc>) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MANY {
            seen.retain(|_, at| is_recent(*at, now));
        }
        seen.insert(mention.clone(), now);
    }

    fn knows(&self, mention: &StatusId, now: DateTime<Utc>) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(mention).is_some_and(|at| is_recent(*at, now))
    }
}

/// Within the last minute; a clock that went back makes nothing recent.
fn is_recent(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    (chrono::Duration::zero()..=LOOK_AGAIN_AFTER).contains(&(now - at))
}

/// Looks at a mention again; what it says now, seen by no more people than when it was heard.
pub(super) async fn look(ctx: &Ctx, link: &LinkState, mention: Arc<Mention>) -> (Parent, Arc<Mention>) {
    match link.fedi.look_again(&link.me, &mention.status, &ctx.ours()).await {
        Ok(SeenAgain::Gone) => (Parent::Gone, mention),
        Ok(SeenAgain::AnsweredByUs(_)) => (Parent::AnsweredByUs, mention),
        Ok(SeenAgain::Stands(now)) => {
            link.seen_lately.note(&mention.status, ctx.clock.now());
            // Who asked, when and below what stays as it was heard: an edit changes none of it. What they say of
            // themselves counts as it is now.
            let asker = Asker {
                bot: now.asker.bot,
                nobot: now.asker.nobot,
                limited: now.asker.limited,
                group: now.asker.group,
                ..mention.asker.clone()
            };
            let seen = Mention {
                asker,
                text: now.text,
                lang: now.lang,
                cw: now.cw,
                edited_at: now.edited_at,
                replies: now.replies,
                others_named: now.others_named,
                visibility: narrower(mention.visibility, now.visibility),
                above: now.above,
                ..(*mention).clone()
            };
            (Parent::Stands, Arc::new(seen))
        }
        Err(error) => {
            tracing::debug!(error = %error, "a mention could not be looked at again yet");
            // Not asked for a second time.
            let seen = Mention { above: Some(Vec::new()), ..(*mention).clone() };
            (Parent::Unseen, Arc::new(seen))
        }
    }
}

/// What becomes of a reply that waited.
#[derive(Debug)]
pub(super) enum Waited {
    /// It may go, as it is here.
    Go(Box<Delivery>),
    /// The look failed: later.
    Later(String),
    /// It was answered meanwhile, perhaps by our own unclear attempt.
    MayBeOurs,
    /// Nobody wants it any more.
    Unwanted(&'static str),
}

/// Whether a reply that waited is still wanted.
pub(super) async fn still_wanted(ctx: &Ctx, link: &LinkState, reply: Delivery, now: DateTime<Utc>) -> Waited {
    let desk = ctx.desk();
    let (book, today) = (&desk.mind.facts, ctx.today(now));
    if !reply.facts.iter().all(|id| book.fact(id).is_some_and(|fact| book.may_say(fact, today))) {
        return Waited::Unwanted("the fact was withdrawn, replaced or is due for review");
    }
    // It may be answered for `max_age` after it was written.
    let written = reply.expires_at.map_or(reply.due_at, |until| until - desk.mind.max_age);
    let waited = now - written > LOOK_AGAIN_AFTER;
    let Some(parent) = reply.payload.in_reply_to.clone() else { return Waited::Go(Box::new(reply)) };
    // A warning that the ledger does not hold is only in the mention.
    if !reply.withheld && (!waited || link.seen_lately.knows(&parent, now)) {
        return Waited::Go(Box::new(reply));
    }
    let mention = match link.fedi.look_again(&link.me, &parent, &ctx.ours()).await {
        Ok(SeenAgain::Stands(mention)) => mention,
        // What answered it may be our own unclear attempt, made after all: where its key is still kept, the server
        // answers with that one.
        Ok(SeenAgain::AnsweredByUs(words)) if reply.unclear > 0 && key_is_kept(link, &reply, now) => {
            let is_it = |words: &String| likeness(&reply.payload.text, words) != Likeness::Other;
            if words.iter().any(is_it) {
                return Waited::Go(Box::new(reply));
            }
            return Waited::Unwanted("an account of this campaign answered it meanwhile");
        }
        // Where a second attempt would make a second status, read-back says whose it is.
        Ok(SeenAgain::AnsweredByUs(_)) if reply.unclear > 0 => return Waited::MayBeOurs,
        Ok(SeenAgain::AnsweredByUs(_)) => return Waited::Unwanted("an account of this campaign answered it meanwhile"),
        Ok(SeenAgain::Gone) => return Waited::Unwanted("the mention is gone, or names us no more"),
        Err(error) => return Waited::Later(format!("the mention could not be looked at again: {error}")),
    };
    match mention.replies {
        MayReply::Yes => {}
        MayReply::AfterApproval | MayReply::No => return Waited::Unwanted("its author does not let us reply to it"),
    }
    if let Some(why) = changed_meanwhile(ctx, link, &reply, &mention, now) {
        if why == SAID_STOP
            && let Err(error) = ctx.store.opt_out_by_hand(&ctx.store.secret().people(&mention.asker), now).await
        {
            return Waited::Later(format!("the database could not be written: {error}"));
        }
        return Waited::Unwanted(why);
    }
    let mut reply = reply;
    if let (Some(words), None, Some(_)) = (&mention.cw, &reply.payload.cw, mention.edited_at)
        && !reply.withheld
        && !reply.payload.text.contains(words.as_str())
    {
        warn_again(&mut reply.payload, &mention, link);
    }
    if !matches!(mention.visibility, Some(Visibility::Public | Visibility::Unlisted)) {
        reply.payload.visibility = Visibility::Direct;
        if let Err(error) = ctx.store.forget_text(&reply.account, &parent).await {
            return Waited::Later(format!("the database could not be written: {error}"));
        }
    }
    if reply.withheld {
        warn_again(&mut reply.payload, &mention, link);
    }
    Waited::Go(Box::new(reply))
}

const SAID_STOP: &str = "they changed what they asked into a stop";

/// What became of asker and question while the reply waited that makes it unwanted. What a confirmation of a stop or a
/// start confirms stands, whatever its author wrote there later.
fn changed_meanwhile(
    ctx: &Ctx,
    link: &LinkState,
    reply: &Delivery,
    mention: &Mention,
    now: DateTime<Utc>,
) -> Option<&'static str> {
    if !says_their_name(&reply.payload.text, &mention.asker.acct) {
        return Some("its author goes by another name now");
    }
    let desk = ctx.desk();
    if reply.facts.is_empty() {
        return None;
    }
    if mention.asker.bot || mention.asker.group || mention.asker.nobot || mention.asker.limited {
        return Some("its author is a bot by now, is limited, or asks bots to stay away");
    }
    // What was changed before it was decided is what was decided about.
    mention.edited_at.filter(|at| link.apart.by_our_clock(*at) >= reply.due_at - EDITED_BEFORE)?;
    let past = Past { parent: Parent::Stands, ..Past::default() };
    let verdict = decide(&desk.mind, &ctx.venue(link), mention, &past, now, ctx.today(now));
    match verdict.command {
        Some(Command::Stop) => return Some(SAID_STOP),
        // More and sources hang on what was said before.
        Some(Command::More | Command::Sources) => return None,
        Some(Command::Start | Command::Topics | Command::Help) | None => {}
    }
    let same =
        verdict.reply.is_some() && verdict.topic == reply.topic && Some(&verdict.lang) == reply.payload.lang.as_ref();
    (!same).then_some("its author changed it, and it asks for something else now")
}

/// Whether a reply addresses this account. Servers show a name of their own with or without its host.
fn says_their_name(text: &str, acct: &str) -> bool {
    let name = acct.split('@').next().unwrap_or_default().to_lowercase();
    let begins = |word: &str| word.strip_prefix('@').is_some_and(|word| word.split('@').next() == Some(name.as_str()));
    text.to_lowercase().split_whitespace().any(begins)
}

/// Whether a resend cannot make a second status: it goes under the key of every attempt before it, and none is older than
/// the decision.
fn key_is_kept(link: &LinkState, reply: &Delivery, now: DateTime<Utc>) -> bool {
    if reply.rekeys > 0 || reply.generation > 1 {
        return false;
    }
    let since = (now - reply.due_at).to_std().ok();
    link.capabilities.key.safe_for().zip(since).is_some_and(|(safe, since)| since < safe)
}

/// Puts the warning back that the ledger does not hold.
fn warn_again(payload: &mut Payload, mention: &Mention, link: &LinkState) {
    let caps = &link.capabilities;
    let place = if caps.keeps_cw { WarningPlace::Field } else { WarningPlace::FirstLine };
    let Some(words) = &mention.cw else { return };
    if let Some(again) = compose::with_warning(&payload.text, words, place, &caps.rules) {
        payload.text = again.text;
        payload.cw = again.cw;
    }
}

/// The one fewer people see; what nobody knows counts as narrowest.
fn narrower(one: Option<Visibility>, other: Option<Visibility>) -> Option<Visibility> {
    let (one, other) = (one?, other?);
    let width = |visibility: Visibility| match visibility {
        Visibility::Public => 3,
        Visibility::Unlisted => 2,
        Visibility::Private => 1,
        Visibility::Direct => 0,
    };
    Some(if width(one) <= width(other) { one } else { other })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrower_visibility_wins_and_the_unknown_is_narrowest() {
        let check = |one, other, expected| {
            assert_eq!(narrower(one, other), expected);
            assert_eq!(narrower(other, one), expected);
        };
        check(Some(Visibility::Public), Some(Visibility::Direct), Some(Visibility::Direct));
        check(Some(Visibility::Private), Some(Visibility::Unlisted), Some(Visibility::Private));
        check(Some(Visibility::Public), None, None);
    }
}
