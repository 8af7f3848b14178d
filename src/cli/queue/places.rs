//! `watchpost queue move`, `priority`, `pin` and `unpin`: the order of the posts that wait for a slot.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::bail;
use chrono::{DateTime, Duration, NaiveDateTime, Utc};

use super::unknown;
use crate::campaign::{self, Account, Campaign};
use crate::cli::queue_export::is_done;
use crate::cli::status::local;
use crate::cli::{output, workplace};
use crate::core::delivery::State;
use crate::core::ids::{AccountName, PostId};
use crate::core::plan::plan;
use crate::core::post::{Moment, Post, Readiness, When};
use crate::core::schedule::parse_moment;
use crate::jobs::staging::Staged;
use crate::store::Store;
use crate::store::order::Move;

/// Which post goes where.
#[derive(Debug, clap::Args)]
#[command(
    group(clap::ArgGroup::new("place").required(true).args(["before", "after", "first", "last"])),
    after_help = "Examples:\n  watchpost queue move 010-ring-partnerships --before 020-ice\n  watchpost queue move 010-ring-partnerships --first"
)]
pub struct MoveArgs {
    /// A post's id.
    #[arg(value_parser = super::post_id)]
    pub id: String,
    /// Just before this post.
    #[arg(long, value_name = "ID")]
    pub before: Option<String>,
    /// Just after this post.
    #[arg(long, value_name = "ID")]
    pub after: Option<String>,
    /// Before all others.
    #[arg(long)]
    pub first: bool,
    /// After all others.
    #[arg(long)]
    pub last: bool,
}

/// Which post is how urgent.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  watchpost queue priority 010-ring-partnerships 5\n  watchpost queue priority 010-ring-partnerships -1"
)]
pub struct PriorityArgs {
    /// A post's id.
    #[arg(value_parser = super::post_id)]
    pub id: String,
    /// The priority; may be negative.
    #[arg(allow_negative_numbers = true, value_name = "N")]
    pub priority: i32,
}

/// Which slot is kept for which post.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchpost queue pin 010-ring-partnerships \"2026-12-01 09:00\"")]
pub struct PinArgs {
    /// A post's id.
    #[arg(value_parser = super::post_id)]
    pub id: String,
    /// The time of one of the account's slots.
    #[arg(value_name = "SLOT-TIME")]
    pub slot: String,
}

/// What the verbs of this file know: every post, and which of them have had their time.
struct Desk<'a> {
    campaign: &'a Campaign,
    staged: Staged,
    states: HashMap<PostId, Vec<(AccountName, State)>>,
    now: DateTime<Utc>,
}

/// Opens the database, finds the post, and refuses one that has no place in the queue.
async fn begin<'a>(campaign: &'a Campaign, id: &str, now: DateTime<Utc>) -> anyhow::Result<(Store, Desk<'a>)> {
    let store = workplace::store(campaign).await?;
    let staged = workplace::staged(campaign, Some(&store)).await?;
    let desk = Desk { campaign, staged, states: store.states_by_post().await?, now };
    desk.waits(id)?;
    Ok((store, desk))
}

impl Desk<'_> {
    /// The post of this id, if it waits for a slot.
    fn waits(&self, id: &str) -> anyhow::Result<&Post> {
        let post = queues(self.campaign, &self.staged, id)?;
        if self.staged.mark(&post.id) == Some(State::Cancelled) {
            bail!("{id} was cancelled: it has no place in the queue any more");
        }
        if self.is_over(post) {
            bail!("{id} has gone out already, or has had its time: only posts that wait for a slot have an order");
        }
        Ok(post)
    }

    fn is_over(&self, post: &Post) -> bool {
        let rows = self.states.get(&post.id).map(Vec::as_slice).unwrap_or_default();
        is_done(post, rows, self.campaign, self.now)
    }
}

fn queues<'a>(campaign: &Campaign, staged: &'a Staged, id: &str) -> anyhow::Result<&'a Post> {
    let post = staged.post(id).ok_or_else(|| unknown(campaign, id, staged))?;
    let why = match &post.when {
        When::NextSlot => return Ok(post),
        When::At(_) => "has a time of its own: change its `at`",
        When::Every(_) => "has times of its own: change its `every`",
        When::Evergreen => "fills the slots that are left over",
    };
    bail!("{id} {why}; only posts that wait for a slot have an order")
}

/// Moves a post.
///
/// # Errors
/// When a post does not exist or does not wait for a slot.
pub(super) async fn move_to(campaign: &Campaign, args: &MoveArgs, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let (store, desk) = begin(campaign, &args.id, now).await?;
    let post = desk.waits(&args.id)?;
    let beside = match args.before.as_deref().or(args.after.as_deref()) {
        Some(other) if other == args.id => bail!("{other} cannot stand beside itself: name another post"),
        Some(other) => Some(desk.waits(other)?),
        None => None,
    };
    // What has gone out is in nobody's way.
    let others = desk.staged.posts.iter().filter(|other| other.when == When::NextSlot && other.id != post.id);
    let waiting = others.filter(|other| desk.staged.mark(&other.id) != Some(State::Cancelled) && !desk.is_over(other));
    let priorities = waiting.map(|other| other.order.priority);
    // It stands there only if it is as urgent as what stands there.
    let (to, priority, words) = match beside {
        Some(other) if args.before.is_some() => {
            (Move::Before(other.id.clone()), Some(other.order.priority), format!("before {}", other.id))
        }
        Some(other) => (Move::After(other.id.clone()), Some(other.order.priority), format!("after {}", other.id)),
        None if args.first => (Move::First, priorities.max(), "first".to_owned()),
        None => (Move::Last, priorities.min(), "last".to_owned()),
    };
    let priority = priority.filter(|priority| *priority != post.order.priority);
    store.move_post(&post.id, &to, priority).await?;
    let mut page = format!("{} stands {words} now", args.id);
    if let Some(priority) = priority {
        page.push_str(&format!(", with priority {priority}"));
    }
    finish(campaign, store, &args.id, page, now).await
}

/// Gives a post a priority.
///
/// # Errors
/// When the post does not exist or does not wait for a slot.
pub(super) async fn priority(campaign: &Campaign, args: &PriorityArgs, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let (store, desk) = begin(campaign, &args.id, now).await?;
    let post = desk.waits(&args.id)?;
    store.set_priority(&post.id, args.priority).await?;
    finish(campaign, store, &args.id, format!("{} has priority {} now", args.id, args.priority), now).await
}

/// Keeps a slot for a post.
///
/// # Errors
/// When the post does not exist or does not wait for a slot, or none of its accounts has a slot at that time.
pub(super) async fn pin(campaign: &Campaign, args: &PinArgs, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let (store, desk) = begin(campaign, &args.id, now).await?;
    let post = desk.waits(&args.id)?;
    let moment = parse_moment(&args.slot).map_err(|words| anyhow::anyhow!("{words}"))?;
    let at = moment.resolve(campaign.zone).instant;
    let slot = match moment {
        Moment::Local(local) => local,
        Moment::Instant(_) => at.with_timezone(&campaign.zone).naive_local(),
    };
    if at <= now {
        bail!("{} has passed: name a slot to come", local(at, campaign.zone));
    }
    let speaks = |account: &&Account| post.accounts.is_empty() || post.accounts.contains(&account.name);
    let near = near_slots(campaign, speaks, at, now);
    if !near.iter().any(|(_, local)| *local == slot) {
        let named: Vec<String> = near.iter().map(|(at, _)| local(*at, campaign.zone)).collect();
        match named.is_empty() {
            true => bail!("none of its accounts has slots around {}", local(at, campaign.zone)),
            false => bail!("{} is no slot; near it are: {}", local(at, campaign.zone), named.join("; ")),
        }
    }
    let taken = |other: &&Arc<Post>| {
        let shares = other.accounts.is_empty()
            || post.accounts.is_empty()
            || other.accounts.iter().any(|account| post.accounts.contains(account));
        other.id != post.id && other.order.slot == Some(slot) && shares
    };
    if let Some(other) = desk.staged.posts.iter().find(taken) {
        bail!("that slot is kept for {0}; `watchpost queue unpin {0}` gives it back", other.id);
    }
    store.pin_post(&post.id, Some(slot)).await?;
    let page = format!("the slot {} is kept for {}", local(at, campaign.zone), args.id);
    finish(campaign, store, &args.id, page, now).await
}

/// The slots of these accounts nearest to a time, within a week on each side and still to come.
fn near_slots(
    campaign: &Campaign,
    speaks: impl Fn(&&Account) -> bool,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Vec<(DateTime<Utc>, NaiveDateTime)> {
    let week = Duration::days(8);
    let slots = campaign.accounts.iter().filter(speaks).flat_map(|account| &account.slots);
    let mut near: Vec<(DateTime<Utc>, NaiveDateTime)> = slots
        .flat_map(|slot| slot.firings(campaign.zone, now.max(at - week), at + week))
        .map(|firing| (firing.instant, firing.local))
        .collect();
    near.sort_by_key(|(instant, _)| ((*instant - at).abs(), *instant));
    near.dedup();
    near.truncate(4);
    near
}

/// Gives a kept slot back.
///
/// # Errors
/// When the post does not exist, or no slot is kept for it from the terminal.
pub(super) async fn unpin(campaign: &Campaign, id: &str, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let (store, desk) = begin(campaign, id, now).await?;
    let post = desk.waits(id)?;
    let places = store.post_places().await?;
    let pinned_here = places.iter().any(|place| place.post == post.id && place.slot.is_some());
    match (pinned_here, post.order.slot) {
        (true, _) => {}
        (false, Some(_)) => bail!("the slot is kept by its file: take it out there"),
        (false, None) => bail!("no slot is kept for {id}"),
    }
    store.pin_post(&post.id, None).await?;
    finish(campaign, store, id, format!("no slot is kept for {id} any more"), now).await
}

/// Says where the post goes now.
async fn finish(campaign: &Campaign, store: Store, id: &str, said: String, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let staged = workplace::staged(campaign, Some(&store)).await?;
    let until = now + Duration::days(60);
    let (history, window) = workplace::outlook(Some(&store), now, until).await?;
    store.close().await;
    let calendars = campaign::plan_accounts(campaign);
    let coming = plan(&staged.plannable(), &calendars, campaign.zone, &history, window);
    let times = coming.planned.iter().filter(|planned| planned.post.as_str() == id);
    let goes: Vec<String> =
        times.map(|planned| format!("{} on {}", local(planned.at, campaign.zone), planned.account)).collect();
    let mut page = format!("{said}\n");
    let ready = staged.post(id).is_some_and(|post| post.readiness == Readiness::Ready);
    if goes.is_empty() {
        let kept = staged.post(id).and_then(|post| post.order.slot);
        let kept = kept.map(|slot| crate::core::schedule::resolve(slot, campaign.zone).instant);
        let mark = staged.mark(&PostId::from(id));
        let why = match (ready, kept) {
            _ if mark == Some(State::Held) => {
                format!("it is held: {}; `watchpost queue release {id}` lets it go", staged.reason(&PostId::from(id)))
            }
            (false, _) => "it waits for approval, or is a draft".to_owned(),
            (true, Some(at)) if at >= until => {
                format!("goes out {}, in the slot that is kept for it", local(at, campaign.zone))
            }
            (true, _) => coming
                .waiting
                .iter()
                .find(|waiting| waiting.post.as_str() == id)
                .map_or_else(|| "no slot is free for it in the next 60 days".to_owned(), |waiting| waiting.why.clone()),
        };
        page.push_str(&format!("  {why}\n"));
    }
    for time in goes {
        page.push_str(&format!("  goes out {time}\n"));
    }
    output::text(&page)?;
    Ok(0)
}
