//! Before an account sends anything after a start: does it show statuses that no row of the ledger owns, and that look
//! like what the ledger has yet to say, or like an answer of this campaign? Then the machine was set back as a whole, a
//! snapshot of it or a backup of its folder with the side file in it, and what the ledger believes to be unsent is looked
//! for on the servers first ([`crate::store::doubt`]).
//!
//! Staff post by hand, too: a status that resembles nothing stops nothing. The words of all of them are noted, so that the
//! queue does not say them once more by itself (DESIGN §5, law 1).
//!
//! What it cannot see: what was sent in the last moments before, where the server's own list lags.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::context::{Ctx, Linked, Voice};
use super::settle::shown;
use super::trouble::Trouble;
use crate::core::ids::StatusId;
use crate::core::resemblance::{Likeness, resemblance};
use crate::fedi::{Capabilities, Fedi, Me, StatusView, Until};
use crate::store::doubt::{Doubt, Why};
use crate::store::set_back::Known;
use crate::store::{Store, StoreError};

/// More than our clock and a server's may be apart while we send.
const CLOCKS_APART: chrono::Duration = chrono::Duration::minutes(10);

/// Own statuses read back at most: whatever was sent since a backup, its newest statuses are ours as well.
const LOOK_BACK: usize = 400;

/// Looks, once after each start and each time the account becomes ours, and doubts what must be doubted.
pub(super) async fn look(
    ctx: &Ctx,
    account: &Linked,
    (fedi, me, capabilities): (&Fedi, &Me, &Capabilities),
    newest_own: Option<&StatusId>,
    now: DateTime<Utc>,
) -> Result<(), Trouble> {
    let live = matches!(ctx.voice, Voice::Live);
    let Some(since) = ctx.store.last_word().await?.filter(|_| live && !account.is_looked_over()) else { return Ok(()) };
    let strangers = strangers(ctx, account, (fedi, me, capabilities), newest_own, since).await?;
    if !strangers.is_empty() {
        let sayings = ctx.store.sayings(&account.name, since).await?;
        let (mut ours, mut said) = (0_u32, Vec::new());
        for status in &strangers {
            // Thousands of comparisons each: others want the processor too.
            tokio::task::yield_now().await;
            let alike = sayings.iter().map(|saying| (resemblance(&saying.payload, shown(status)), saying.known));
            // The most alike; of several, one that may stand there.
            let best = alike
                .filter(|(likeness, _)| *likeness != Likeness::Other)
                .min_by_key(|(likeness, known)| (std::cmp::Reverse(*likeness), *known == Known::Unsent));
            match best.map(|(_, known)| known) {
                Some(Known::MayStand) => continue,
                Some(Known::Unsent) => ours += 1,
                None if status.in_reply_to.is_some() && ctx.desk().mind.is_made_of_our_words(&status.text) => ours += 1,
                None => {}
            }
            said.push(status.text.clone());
        }
        ctx.store.note_said(&account.name, &said, None, now).await?;
        if ours > 0 {
            doubt(ctx, account, ours, since, now).await?;
        }
    }
    account.set_looked_over(true);
    Ok(())
}

/// Own statuses since the last word that no row owns.
async fn strangers(
    ctx: &Ctx,
    account: &Linked,
    (fedi, me, capabilities): (&Fedi, &Me, &Capabilities),
    newest_own: Option<&StatusId>,
    since: DateTime<Utc>,
) -> Result<Vec<StatusView>, Trouble> {
    let oldest = since - CLOCKS_APART;
    let until = Until { status: newest_own, before: Some(oldest), at_most: LOOK_BACK };
    let (mut own, _) = fedi.own_statuses_until(me, until).await?;
    if !capabilities.lists_directs {
        for status in fedi.own_at_home(me).await? {
            if !own.iter().any(|known| known.id == status.id) {
                own.push(status);
            }
        }
    }
    own.retain(|status| status.created_at.is_none_or(|made| made >= oldest));
    let ids: Vec<StatusId> = own.iter().map(|status| status.id.clone()).collect();
    let owned = ctx.store.owned(&account.name, &ids).await?;
    own.retain(|status| !owned.contains(&status.id));
    Ok(own)
}

async fn doubt(
    ctx: &Ctx,
    account: &Linked,
    ours: u32,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let Some(doubt) = ctx.store.set_back(since, now).await? else { return Ok(()) };
    tracing::warn!(account.name = %account.name, statuses = ours, "statuses that look like ours and are in no row");
    tell(&ctx.store, doubt, ctx.desk().zone, now).await?;
    ctx.look_wanted.notify_one();
    ctx.plan_wanted.notify_one();
    Ok(())
}

/// A database that may not know what was sent: what is done about it, and what nobody can do about it.
///
/// # Errors
/// When the database cannot be written.
pub async fn tell(store: &Store, doubt: Doubt, zone: Tz, now: DateTime<Utc>) -> Result<(), StoreError> {
    let local = |at: DateTime<Utc>| at.with_timezone(&zone).format("%a %-d %b %Y %H:%M %Z").to_string();
    let since = local(doubt.since);
    let why = match doubt.why {
        Why::Older => "the database was restored from a backup",
        Why::Forgotten => "the file watchpost.epoch is missing, so the database may be a restored backup",
        Why::Replaced => "the database is another file than before, so it may be a restored backup",
        Why::Moved => "the database was moved here",
        Why::SetBack => {
            "an account shows statuses like ours that the database does not know, so this machine or its folder was set \
             back to an earlier day, or somebody posted them by hand"
        }
    };
    let text = format!(
        "{why}: it may not know what happened after {since}. Posts whose time has passed, and answers to mentions from \
         before this start, are looked for on the servers before anything is sent"
    );
    let step = "queue add, hold, release and cancel since then are forgotten: read `watchpost queue list`; then \
        `watchpost status --done` with this number";
    tracing::warn!(deliveries = doubt.rows, "{text}");
    store.raise("restored", "", &text, step, now).await
}
