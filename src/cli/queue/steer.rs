//! `watchpost queue hold`, `release`, `cancel` and `again`.

use anyhow::bail;
use chrono::{DateTime, Utc};

use super::unknown;
use crate::campaign::{self, Campaign};
use crate::cli::table::many;
use crate::cli::{output, workplace};
use crate::core::approval::Standing;
use crate::core::delivery::State;
use crate::core::ids::{DeliveryId, PostId};
use crate::core::lateness::PASSED_IN_A_PAUSE;
use crate::core::plan::repeated::ALREADY_SAID;
use crate::core::post::When;
use crate::jobs;
use crate::store::Store;
use crate::store::deliveries::{Granted, Of, Wish};

/// Which post or delivery, and why.
#[derive(Debug, clap::Args)]
pub struct Steer {
    /// A post's id or a delivery's number.
    #[arg(value_parser = super::post_id)]
    pub id: String,
    /// Why, for whoever looks later.
    #[arg(long, value_name = "WORDS")]
    pub reason: Option<String>,
}

/// Sends a post once more.
///
/// # Errors
/// When there is no such post, it has not gone out yet, or nobody approved it.
pub(super) async fn again(campaign: &Campaign, id: &str, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let store = workplace::store(campaign).await?;
    let staged = workplace::staged(campaign, Some(&store)).await?;
    let Some(post) = staged.post(id) else { return Err(unknown(campaign, id, &staged)) };
    if let Some(Standing::Waits(why)) = staged.standings.get(&post.id) {
        bail!("{id} waits for approval: {}. `watchpost queue approve {id} --by NAME` agrees to it", why.words());
    }
    let known = store.deliveries_of_post(&post.id).await?;
    let open = known.iter().find(|row| {
        matches!(
            row.state,
            State::Planned | State::Claimed | State::Armed | State::Unknown | State::Held | State::Refused
        )
    });
    if let Some(row) = open {
        store.close().await;
        bail!(
            "{id} has not gone out yet: delivery {} on {} is {}. `watchpost queue release {id}` lets a held one go; \
            `watchpost queue again` is for what was said and should be said once more",
            row.id,
            row.account,
            row.state.as_str()
        );
    }
    let times = known.iter().filter_map(|row| match &row.of {
        Of::Post { occurrence, .. } => occurrence.times(),
        Of::Reply { .. } => None,
    });
    let next = times.max().unwrap_or(1) + 1;
    let accounts = campaign::plan_accounts(campaign);
    let added = store.add_wanted(jobs::plan::once_more(post, &accounts, campaign.zone, next, now), now).await;
    let runs = Store::daemon_runs(&workplace::place(campaign), now).await;
    store.close().await;
    let added = i64::try_from(added?).unwrap_or(i64::MAX);
    let goes = if added == 1 { "goes" } else { "go" };
    let once_more = if known.iter().any(|row| row.sent_at.is_some()) { ", once more" } else { "" };
    let when = if runs? { "out now" } else { "out when `watchpost run` runs" };
    output::text(&format!("{id}: {} {goes} {when}{once_more}\n", many(added, "status")))?;
    Ok(0)
}

/// Holds, releases or cancels.
///
/// # Errors
/// When there is no such post or delivery, or the database cannot be written.
pub(super) async fn wish(campaign: &Campaign, steer: &Steer, wish: Wish, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let store = workplace::store(campaign).await?;
    let word = match wish {
        Wish::Hold => "held",
        Wish::Release => "released",
        Wish::Cancel => "cancelled",
    };
    let reason = steer.reason.clone().unwrap_or_else(|| format!("{word} by staff"));
    let outcome = steered(campaign, &store, steer, wish, &reason, now).await;
    store.close().await;
    let (granted, repeats) = outcome?;
    let changed = i64::try_from(granted.changed).unwrap_or(i64::MAX);
    let mut page = match changed {
        0 if granted.left.is_empty() && repeats => {
            format!("{}: {word}; it applies from its next occurrence on\n", steer.id)
        }
        0 if granted.left.is_empty() => match wish {
            Wish::Hold => format!("{}: held; it waits until `watchpost queue release {}`\n", steer.id, steer.id),
            Wish::Release => format!("{}: released\n", steer.id),
            Wish::Cancel => format!("{}: cancelled; it does not go out\n", steer.id),
        },
        0 => String::new(),
        n => format!("{}: {} {word}\n", steer.id, many(n, "delivery")),
    };
    for line in &granted.left {
        page.push_str(&format!("{line}\n"));
    }
    output::text(&page)?;
    Ok(u8::from(granted.changed == 0 && !granted.left.is_empty()))
}

async fn steered(
    campaign: &Campaign,
    store: &Store,
    steer: &Steer,
    wish: Wish,
    reason: &str,
    now: DateTime<Utc>,
) -> anyhow::Result<(Granted, bool)> {
    let post = PostId::from(steer.id.as_str());
    let rows = store.deliveries_of_post(&post).await?;
    let staged = workplace::staged(campaign, Some(store)).await?;
    let repeats = staged.post(&steer.id).is_none_or(|post| match post.when {
        When::Every(_) | When::Evergreen => true,
        When::At(_) | When::NextSlot => false,
    });
    let known = !rows.is_empty() || staged.post(&steer.id).is_some();
    let number = steer.id.parse::<i64>().ok().map(DeliveryId);
    let (granted, touched) = match (known, number) {
        (true, _) => (store.steer_post(&post, wish, reason, now).await?, rows),
        (false, Some(number)) => match store.delivery(number).await? {
            Some(row) => (store.steer_delivery(number, wish, reason, now).await?, vec![row]),
            None => bail!("there is no delivery {number}; `watchpost queue list` shows them all"),
        },
        (false, None) => return Err(unknown(campaign, &steer.id, &staged)),
    };
    // Whatever waited for a person has been looked at by one.
    for row in touched {
        store.settle_notice(&format!("delivery:{}", row.id)).await?;
    }
    // What is told of many is settled with the last of them.
    let held = store.deliveries_in(&[State::Held], 1_000).await?;
    for (notice, words) in [("missed-in-pause", PASSED_IN_A_PAUSE), ("already-said", ALREADY_SAID)] {
        if !held.iter().any(|row| row.reason.starts_with(words)) {
            store.settle_notice(notice).await?;
        }
    }
    Ok((granted, repeats))
}
