//! Linking an account: who are we there, what can the server do, what does the account already show. Nothing is sent
//! or heard before. A failing token pauses the account with a notice; the next look mends it by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};

use super::context::{Ctx, LinkState, Linked, Matter};
use super::identity::{self, Mistaken};
use super::second_look::SeenLately;
use super::set_aside::{self, Aside};
use super::set_back;
use super::timekeeping::Apart;
use super::trouble::Trouble;
use super::walk::AllRead;
use crate::fedi::{Advice, FediError};
use crate::store::StoreError;

/// How many of an account's own statuses are read at its first link.
const OWN_STATUSES: usize = 40;

/// How one look ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The account works.
    Linked,
    /// The server is out of reach or busy: look again later.
    Later,
    /// A person must act; a notice says how.
    Paused,
}

/// Tries to link the account.
///
/// # Errors
/// When the database cannot be written.
pub async fn tick(ctx: &Ctx, account: &Linked, now: DateTime<Utc>) -> Result<Outcome, StoreError> {
    ctx.store.know_account(&account.name, &account.server).await?;
    let fedi = match account.open() {
        Ok(fedi) => fedi,
        Err(words) => {
            let step = "mend it in config/watchpost.toml or in the token's file; watchpost looks again each minute";
            return pause(ctx, account, &words, step, now).await;
        }
    };
    let looked = async { Ok::<_, FediError>((fedi.whoami().await?, fedi.capabilities().await?)) }.await;
    let (me, capabilities) = match looked {
        Ok(seen) => seen,
        Err(error) if error.advice() == Advice::AskPerson => {
            let words = format!("{} does not accept the token of {}: {error}", account.server, account.name);
            let step = "make a new token on the server and put it where config/watchpost.toml says";
            return pause(ctx, account, &words, step, now).await;
        }
        Err(error) => {
            if account.is_news(Matter::Reach, 0) {
                tracing::warn!(account.name = %account.name, error = %error, "server out of reach; trying again");
            } else {
                tracing::debug!(account.name = %account.name, error = %error, "server still out of reach");
            }
            let words = format!("{} is out of reach: {error}", account.server);
            let step =
                "check the address in config/watchpost.toml; watchpost keeps trying and sends what is still in time";
            ctx.store.raise(&reach_key(account), account.name.as_str(), &words, step, now).await?;
            return Ok(Outcome::Later);
        }
    };
    let mut known = ctx.store.accounts().await?;
    if let Some(Mistaken { words, step }) = identity::mistaken(ctx, account, &me, &known).await? {
        return pause(ctx, account, &words, &step, now).await;
    }
    let known = known.remove(&account.name).unwrap_or_default();
    if known.me.is_none() {
        match fedi.own_statuses(&me, None, OWN_STATUSES).await {
            Ok(own) => {
                let texts: Vec<String> = own.iter().map(|status| status.text.clone()).collect();
                let newest = own.first().map(|status| &status.id);
                ctx.store.note_said(&account.name, &texts, newest, now).await?;
                account.set_looked_over(true);
            }
            Err(error) => {
                // Without that look an empty database could repeat a campaign.
                return Ok(cannot_read(account, &error));
            }
        }
    } else {
        let there = (&fedi, &me, &capabilities);
        match set_back::look(ctx, account, there, known.newest_own.as_ref(), now).await {
            Ok(()) => {}
            Err(Trouble::Store(error)) => return Err(error),
            // Without that look a machine that was set back would say everything since then once more.
            Err(Trouble::Fedi(error)) => return Ok(cannot_read(account, &error)),
        }
    }
    let json = (serde_json::to_string(&me), serde_json::to_string(&capabilities));
    if let (Ok(me), Ok(capabilities)) = json {
        ctx.store.note_link(&account.name, &me, &capabilities, now).await?;
    }
    if me.bot {
        ctx.store.settle_notice(&bot_key(account)).await?;
    } else {
        let words = format!("{} is not marked as a bot on {}", account.name, account.server);
        let step = "set the bot flag in the account's profile: people and servers expect it";
        ctx.store.raise(&bot_key(account), account.name.as_str(), &words, step, now).await?;
    }
    ctx.store.pause_account(&account.name, None).await?;
    ctx.store.settle_notice(&pause_key(account)).await?;
    ctx.store.settle_notice(&reach_key(account)).await?;
    account.is_over(Matter::Reach);
    tracing::info!(
        account.name = %account.name,
        server.software = %capabilities.software,
        server.version = %capabilities.version,
        "account linked"
    );
    let link = LinkState {
        apart: Apart::default(),
        fedi,
        me,
        capabilities,
        since: now,
        seen_lately: SeenLately::default(),
        aside: Aside::default(),
        all_read: AllRead::default(),
        widens: AtomicBool::new(account.link().is_some_and(|before| before.widens.load(Ordering::Relaxed))),
    };
    set_aside::ask_policy(ctx, account, &link).await?;
    account.set_link(Some(Arc::new(link)));
    ctx.send_wanted.notify_one();
    Ok(Outcome::Linked)
}

fn cannot_read(account: &Linked, error: &FediError) -> Outcome {
    if account.is_news(Matter::Reach, 1) {
        tracing::warn!(account.name = %account.name, error = %error, "cannot read the account's own statuses");
    }
    Outcome::Later
}

/// Stops an account whose token fails; its queue stays.
///
/// # Errors
/// When the database cannot be written.
pub async fn pause(
    ctx: &Ctx,
    account: &Linked,
    words: &str,
    step: &str,
    now: DateTime<Utc>,
) -> Result<Outcome, StoreError> {
    tracing::warn!(account.name = %account.name, reason = words, "account paused");
    account.set_link(None);
    ctx.store.pause_account(&account.name, Some(words)).await?;
    ctx.store.raise(&pause_key(account), account.name.as_str(), words, step, now).await?;
    Ok(Outcome::Paused)
}

fn pause_key(account: &Linked) -> String {
    format!("paused:{}", account.name)
}

pub(super) fn reach_key(account: &Linked) -> String {
    format!("reach:{}", account.name)
}

fn bot_key(account: &Linked) -> String {
    format!("bot:{}", account.name)
}
