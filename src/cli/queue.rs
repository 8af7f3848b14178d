//! `watchpost queue`: what is queued, and what staff may do with it. Every wish is one short transaction beside a
//! running daemon, which sees it within a second.

use std::collections::HashSet;
use std::path::Path;

use anyhow::bail;
use chrono::{DateTime, Duration, Utc};
use serde::Serialize;

use super::queue_add::{self, AddArgs};
use super::queue_export::{self, ExportArgs};
use super::queue_import::{self, ImportArgs};
use super::status::local;
use super::table::{first_words, table};
use super::{output, workplace};
use crate::campaign::{self, Campaign};
use crate::core::delivery::State;
use crate::core::ids::{DeliveryId, PostId};
use crate::core::plan::{History, Plan, Window, plan};
use crate::core::post::Post;
use crate::jobs;
use crate::store::Store;
use crate::store::deliveries::{Delivery, Granted, Of, Wish};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  watchpost queue list\n  watchpost queue show 010-ring-partnerships\n  watchpost queue add \"We are at the library until six.\" --now\n  watchpost queue hold 010-ring-partnerships --reason \"waiting for the lawyer\""
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// The actions.
#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// What went out lately and what comes.
    List {
        /// How many days ahead.
        #[arg(long, default_value_t = 30, value_name = "N")]
        days: u32,
        /// Only deliveries in this state: planned, held, refused, unknown, sent, expired, cancelled ….
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// One JSON document instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// One post, or one delivery by its number: its texts, where it goes, what became of it.
    Show {
        /// A post's id or a delivery's number.
        id: String,
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Adds a post.
    Add(AddArgs),
    /// Takes in the posts of a spreadsheet, saved as CSV; shows first what would come.
    Import(ImportArgs),
    /// Writes the queue as a spreadsheet (CSV), a calendar (ICS) or post files (Markdown).
    Export(ExportArgs),
    /// Keeps a post or delivery back until it is released.
    Hold(Steer),
    /// Lets a held or refused post or delivery go.
    Release(Steer),
    /// Drops a post or delivery that has not left.
    Cancel(Steer),
    /// Sends a post once more, now, as it stands; the only way to say something twice.
    Again {
        /// A post's id.
        id: String,
    },
}

/// Which post or delivery, and why.
#[derive(Debug, clap::Args)]
pub struct Steer {
    /// A post's id or a delivery's number.
    pub id: String,
    /// Why, for whoever looks later.
    #[arg(long, value_name = "WORDS")]
    pub reason: Option<String>,
}

/// Runs the action.
///
/// # Errors
/// When the campaign has mistakes in its settings, the database cannot be used, or the id is unknown.
pub async fn run(root: &Path, args: &Args, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let (campaign, _) = workplace::campaign(root, now)?;
    match &args.action {
        Action::List { days, state, json } => list(&campaign, *days, state.as_deref(), *json, now).await,
        Action::Show { id, json } => show(&campaign, id, *json, now).await,
        Action::Add(args) => queue_add::run(&campaign, args, now).await,
        Action::Import(args) => queue_import::run(&campaign, args, now).await,
        Action::Export(args) => queue_export::run(&campaign, args, now).await,
        Action::Hold(steer) => wish(&campaign, steer, Wish::Hold, now).await,
        Action::Release(steer) => wish(&campaign, steer, Wish::Release, now).await,
        Action::Cancel(steer) => wish(&campaign, steer, Wish::Cancel, now).await,
        Action::Again { id } => again(&campaign, id, now).await,
    }
}

#[derive(Serialize)]
struct Row {
    /// The ledger's number; absent while the post stands in the files only.
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<i64>,
    at: String,
    #[serde(skip)]
    instant: DateTime<Utc>,
    account: String,
    post: String,
    part: i64,
    parts: i64,
    kind: String,
    state: String,
    text: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

/// What the ledger holds, and what the files will bring.
struct Queue {
    posts: Vec<Post>,
    rows: Vec<Delivery>,
    coming: Plan,
}

/// Sent and ended rows are shown for two days.
const LATELY: Duration = Duration::days(2);
const ROWS_AT_MOST: i64 = 10_000;

async fn look(campaign: &Campaign, days: u32, now: DateTime<Utc>) -> anyhow::Result<Queue> {
    let mut posts = campaign.posts.clone();
    let (mut rows, mut history, mut marks) = (Vec::new(), History::default(), Default::default());
    let until = now + Duration::days(i64::from(days));
    if let Some(store) = workplace::store_if_any(campaign).await? {
        posts.extend(store.queued_posts().await?);
        rows = store.deliveries_between(now - LATELY, until, ROWS_AT_MOST).await?;
        rows.extend(store.deliveries_in(&[State::Held, State::Refused, State::Unknown], ROWS_AT_MOST).await?);
        let mut seen = HashSet::new();
        rows.retain(|row| matches!(row.of, Of::Post { .. }) && seen.insert(row.id));
        history = store.history(now).await?;
        marks = store.post_marks().await?;
        store.close().await;
    }
    let plannable: Vec<Post> = posts.iter().filter(|post| !marks.contains_key(&post.id)).cloned().collect();
    let window = Window { at_from: now, every_from: now, slots_from: now, until };
    let coming = plan(&plannable, &campaign::plan_accounts(campaign), campaign.zone, &history, window);
    Ok(Queue { posts, rows, coming })
}

fn rows(queue: &Queue, campaign: &Campaign) -> Vec<Row> {
    let mut in_ledger = HashSet::new();
    let mut rows = Vec::new();
    for row in &queue.rows {
        let Of::Post { post, occurrence, part, parts, kind } = &row.of else { continue };
        in_ledger.insert((row.account.clone(), post.clone(), occurrence.clone()));
        let instant = row.sent_at.unwrap_or(row.due_at);
        rows.push(Row {
            delivery: Some(row.id.0),
            at: local(instant, campaign.zone),
            instant,
            account: row.account.to_string(),
            post: post.to_string(),
            part: *part,
            parts: *parts,
            kind: kind.clone(),
            state: row.state.as_str().to_owned(),
            text: row.payload.text.clone(),
            reason: row.reason.clone(),
            url: row.url.clone(),
        });
    }
    for place in &queue.coming.planned {
        if in_ledger.contains(&(place.account.clone(), place.post.clone(), place.occurrence.clone())) {
            continue;
        }
        let Some(post) = queue.posts.iter().find(|post| post.id == place.post) else { continue };
        rows.push(Row {
            delivery: None,
            at: local(place.at, campaign.zone),
            instant: place.at,
            account: place.account.to_string(),
            post: place.post.to_string(),
            part: 1,
            parts: i64::try_from(place.parts).unwrap_or(i64::MAX),
            kind: serde_json::to_value(place.kind)
                .ok()
                .and_then(|word| word.as_str().map(str::to_owned))
                .unwrap_or_default(),
            state: State::Planned.as_str().to_owned(),
            text: post.parts.first().cloned().unwrap_or_default(),
            reason: String::new(),
            url: None,
        });
    }
    rows.sort_by(|a, b| (a.instant, &a.account, &a.post, a.part).cmp(&(b.instant, &b.account, &b.post, b.part)));
    rows
}

async fn list(
    campaign: &Campaign,
    days: u32,
    state: Option<&str>,
    json: bool,
    now: DateTime<Utc>,
) -> anyhow::Result<u8> {
    if let Some(word) = state
        && State::parse(word).is_none()
    {
        let words: Vec<&str> = State::ALL.iter().map(|state| state.as_str()).collect();
        bail!("--state {word:?} is no state; it is one of {}", words.join(", "));
    }
    let queue = look(campaign, days, now).await?;
    let mut rows = rows(&queue, campaign);
    rows.retain(|row| state.is_none_or(|state| row.state == state));
    if json {
        output::json(&rows)?;
        return Ok(0);
    }
    let shown = rows.iter().map(|row| {
        let part = if row.parts > 1 { format!("{}/{}", row.part, row.parts) } else { String::new() };
        let number = row.delivery.map(|number| number.to_string()).unwrap_or_default();
        let state = if row.reason.is_empty() { row.state.clone() } else { format!("{}: {}", row.state, row.reason) };
        vec![number, row.at.clone(), row.account.clone(), row.post.clone(), part, state, first_words(&row.text, 36)]
    });
    let mut page = table(&["no", "when", "account", "post", "part", "state", "text"], shown.collect());
    if page.is_empty() {
        page = format!("Nothing is queued for the next {days} days.\n");
    }
    if state.is_none() {
        page.push_str(&waiting_words(&queue.coming));
    }
    output::text(&page)?;
    Ok(0)
}

/// Posts without a time, by the reason why.
fn waiting_words(coming: &Plan) -> String {
    let mut by_reason: Vec<(&str, Vec<&str>)> = Vec::new();
    for waiting in &coming.waiting {
        match by_reason.iter_mut().find(|(why, _)| *why == waiting.why) {
            Some((_, posts)) => posts.push(waiting.post.as_str()),
            None => by_reason.push((&waiting.why, vec![waiting.post.as_str()])),
        }
    }
    if by_reason.is_empty() {
        return String::new();
    }
    let lines: String = by_reason.iter().map(|(why, posts)| format!("  {why}:\n    {}\n", posts.join(", "))).collect();
    format!("\nWaiting for a time:\n{lines}")
}

async fn show(campaign: &Campaign, id: &str, json: bool, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let queue = look(campaign, 365, now).await?;
    let mut all = rows(&queue, campaign);
    let number = id.parse::<i64>().ok();
    if let Some(store) = workplace::store_if_any(campaign).await? {
        let mut found = store.deliveries_of_post(&PostId::from(id)).await?;
        if let Some(number) = number {
            found.extend(store.delivery(DeliveryId(number)).await?);
        }
        store.close().await;
        let queue = Queue { posts: Vec::new(), rows: found, coming: Plan::default() };
        let found = rows(&queue, campaign);
        all.retain(|row| row.delivery.is_none_or(|id| found.iter().all(|known| known.delivery != Some(id))));
        all.extend(found);
    }
    all.retain(|row| row.post == id || (number.is_some() && row.delivery == number));
    let post = queue.posts.iter().find(|post| post.id.as_str() == id);
    if all.is_empty() && post.is_none() {
        let mut names: Vec<&str> = queue.posts.iter().map(|post| post.id.as_str()).collect();
        names.sort_by(|a, b| strsim::jaro_winkler(b, id).total_cmp(&strsim::jaro_winkler(a, id)));
        let hint = names.first().map(|name| format!("; did you mean {name}?")).unwrap_or_default();
        bail!("there is no post or delivery {id:?}{hint} `watchpost queue list` shows them all");
    }
    if json {
        output::json(&all)?;
        return Ok(0);
    }
    output::text(&page_of(id, post, &all, &queue))?;
    Ok(0)
}

fn page_of(id: &str, post: Option<&Post>, rows: &[Row], queue: &Queue) -> String {
    let mut page = format!("{id}\n");
    for row in rows {
        let number = row.delivery.map(|number| format!("#{number} ")).unwrap_or_default();
        page.push_str(&format!("  {number}{}  {}  {}", row.at, row.account, row.state));
        if row.parts > 1 {
            page.push_str(&format!("  part {} of {}", row.part, row.parts));
        }
        for extra in [Some(&row.reason), row.url.as_ref()].into_iter().flatten().filter(|extra| !extra.is_empty()) {
            page.push_str(&format!("  {extra}"));
        }
        page.push('\n');
    }
    for waiting in queue.coming.waiting.iter().filter(|waiting| waiting.post.as_str() == id) {
        page.push_str(&format!("  waits: {}\n", waiting.why));
    }
    let texts: Vec<&String> = match post {
        Some(post) => {
            if let Some(cw) = &post.cw {
                page.push_str(&format!("\nwarning: {cw}\n"));
            }
            for media in &post.media {
                page.push_str(&format!("\npicture: {}\n  alt: {}\n", media.file.display(), media.alt));
            }
            post.parts.iter().collect()
        }
        None => rows.iter().map(|row| &row.text).collect(),
    };
    for text in texts {
        page.push_str(&format!("\n{text}\n"));
    }
    page
}

async fn again(campaign: &Campaign, id: &str, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let store = workplace::store(campaign).await?;
    let mut posts = campaign.posts.clone();
    posts.extend(store.queued_posts().await?);
    let Some(post) = posts.iter().find(|post| post.id.as_str() == id) else {
        bail!("there is no post {id:?}; `watchpost queue list` shows them all");
    };
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
    store.close().await;
    output::text(&format!("{id}: {} statuses go out now, once more\n", added?))?;
    Ok(0)
}

async fn wish(campaign: &Campaign, steer: &Steer, wish: Wish, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let store = workplace::store(campaign).await?;
    let word = match wish {
        Wish::Hold => "held",
        Wish::Release => "released",
        Wish::Cancel => "cancelled",
    };
    let reason = steer.reason.clone().unwrap_or_else(|| format!("{word} by staff"));
    let outcome = steered(campaign, &store, steer, wish, &reason, now).await;
    store.close().await;
    let granted = outcome?;
    let mut page = match granted.changed {
        0 if granted.left.is_empty() => format!("{}: {word}; it applies from its next appearance on\n", steer.id),
        0 => String::new(),
        n => format!("{}: {n} deliveries {word}\n", steer.id),
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
) -> anyhow::Result<Granted> {
    let post = PostId::from(steer.id.as_str());
    let rows = store.deliveries_of_post(&post).await?;
    let known = !rows.is_empty()
        || campaign.posts.iter().any(|known| known.id == post)
        || store.queued_posts().await?.iter().any(|known| known.id == post);
    let number = steer.id.parse::<i64>().ok().map(DeliveryId);
    let (granted, touched) = match (known, number) {
        (true, _) => (store.steer_post(&post, wish, reason, now).await?, rows),
        (false, Some(number)) => match store.delivery(number).await? {
            Some(row) => (store.steer_delivery(number, wish, reason, now).await?, vec![row]),
            None => bail!("there is no delivery {number}; `watchpost queue list` shows them all"),
        },
        (false, None) => bail!("there is no post {:?}; `watchpost queue list` shows them all", steer.id),
    };
    // Whatever waited for a person has been looked at by one.
    for row in touched {
        store.settle_notice(&format!("delivery:{}", row.id)).await?;
    }
    Ok(granted)
}
