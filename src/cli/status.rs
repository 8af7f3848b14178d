//! `watchpost status`: is it running, what is next, what was last, and what waits for a person with what to do.
//! Exit 1 if anything waits.

use std::path::Path;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::pause::{self, PauseShown};
use super::table::first_words;
use super::{output, workplace};
use crate::campaign::Campaign;
use crate::core::approval::Standing;
use crate::core::delivery::State;
use crate::core::post::When;
use crate::jobs::staging::Staged;
use crate::store::Store;
use crate::store::deliveries::{Delivery, Of};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  watchpost status\n  watchpost status --json\n  watchpost status --done 3     notice 3 is dealt with"
)]
pub struct Args {
    /// One JSON document instead of text.
    #[arg(long)]
    pub json: bool,
    /// Notice N is dealt with: do not show it again.
    #[arg(long, value_name = "N")]
    pub done: Option<i64>,
}

/// How many posts that wait for approval are named.
const REVIEWS_SHOWN: usize = 10;

#[derive(Serialize)]
struct Status {
    running: bool,
    campaign: String,
    next: Option<Brief>,
    last_sent: Option<Brief>,
    deliveries: std::collections::BTreeMap<&'static str, i64>,
    accounts: Vec<AccountStatus>,
    /// What staff paused.
    pauses: Vec<PauseShown>,
    /// Posts that wait for somebody's approval.
    review: Vec<Review>,
    notices: Vec<NoticeShown>,
}

#[derive(Serialize)]
struct Review {
    post: String,
    /// Its own time, where it has one: then it must be approved before.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    why: String,
    #[serde(skip)]
    when: String,
}

#[derive(Serialize)]
struct Brief {
    at: String,
    #[serde(skip)]
    when: String,
    account: String,
    what: String,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

#[derive(Serialize)]
struct AccountStatus {
    name: String,
    server: String,
    linked: bool,
    paused: Option<String>,
    /// The server asked us to wait until then.
    waits_until: Option<String>,
    #[serde(skip)]
    waits_words: String,
    listened: Option<String>,
    #[serde(skip)]
    listened_words: String,
}

#[derive(Serialize)]
struct NoticeShown {
    id: i64,
    account: String,
    what: String,
    do_this: String,
    since: String,
}

/// Shows the status.
///
/// # Errors
/// When the campaign has mistakes in its settings or the database cannot be read.
pub async fn run(root: &Path, args: &Args, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let (campaign, has_mistakes) = workplace::campaign_to_stop(root, now).await?;
    let zone = campaign.zone;
    let mut status = Status {
        running: Store::daemon_runs(&workplace::place(&campaign), now).await?,
        campaign: campaign.name.clone(),
        next: None,
        last_sent: None,
        deliveries: std::collections::BTreeMap::new(),
        accounts: Vec::new(),
        pauses: Vec::new(),
        review: Vec::new(),
        notices: Vec::new(),
    };
    let store = workplace::store_if_any(&campaign).await?;
    status.review = review(&campaign, &workplace::staged(&campaign, store.as_ref()).await?, now);
    if let Some(store) = store {
        if let Some(number) = args.done {
            let known = store.notices().await?;
            match known.iter().find(|notice| notice.id == number) {
                Some(notice) => store.settle_notice(&notice.key).await?,
                None => anyhow::bail!("there is no notice {number}; `watchpost status` lists them"),
            }
        }
        status.pauses = pause::shown(&store.pauses(now).await?, zone);
        fill(&mut status, &store, &campaign, now).await?;
        store.close().await;
    }
    if args.json {
        output::json(&status)?;
    } else {
        output::text(&page(&status))?;
    }
    Ok(u8::from(has_mistakes || !status.notices.is_empty() || status.held() > 0 || !status.review.is_empty()))
}

impl Status {
    /// Deliveries that wait for a person, whether a notice names them or not.
    fn held(&self) -> i64 {
        let of = |state: State| self.deliveries.get(state.as_str()).copied().unwrap_or_default();
        of(State::Held) + of(State::Refused)
    }
}

/// What waits for approval and may still be approved, the most urgent first.
fn review(campaign: &Campaign, staged: &Staged, now: DateTime<Utc>) -> Vec<Review> {
    let mut waiting: Vec<(Option<DateTime<Utc>>, Review)> = Vec::new();
    for post in staged.unapproved() {
        let Some(Standing::Waits(why)) = staged.standings.get(&post.id) else { continue };
        let at = match post.when {
            When::At(moment) => Some(moment.resolve(campaign.zone).instant),
            When::Every(_) | When::Evergreen | When::NextSlot => None,
        };
        if at.is_some_and(|at| at <= now) {
            continue;
        }
        let review = Review {
            post: post.id.to_string(),
            at: at.map(|at| rfc3339(at, campaign.zone)),
            author: post.author.clone(),
            why: why.words(),
            when: at.map(|at| local(at, campaign.zone)).unwrap_or_default(),
        };
        waiting.push((at, review));
    }
    waiting.sort_by_key(|(at, _)| (at.is_none(), *at));
    waiting.into_iter().map(|(_, review)| review).collect()
}

async fn fill(status: &mut Status, store: &Store, campaign: &Campaign, now: DateTime<Utc>) -> anyhow::Result<()> {
    let zone = campaign.zone;
    status.next = store.next_planned().await?.filter(|next| next.not_before.is_some()).map(|next| {
        let at = next.not_before.unwrap_or(next.due_at);
        brief(&next, at, zone)
    });
    status.last_sent = store.last_sent().await?.and_then(|last| Some(brief(&last, last.sent_at?, zone)));
    status.deliveries = store.state_counts().await?.into_iter().map(|(state, n)| (state.as_str(), n)).collect();
    for (name, row) in store.accounts().await? {
        // One that was taken out of the settings is nobody's any more.
        if campaign.accounts.iter().all(|account| account.name != name) {
            continue;
        }
        status.accounts.push(AccountStatus {
            name: name.to_string(),
            server: row.server,
            linked: row.me.is_some(),
            paused: row.paused_reason,
            waits_until: row.wait_until.filter(|until| *until > now).map(|until| rfc3339(until, zone)),
            waits_words: row.wait_until.map(|until| local(until, zone)).unwrap_or_default(),
            listened: row.walked_at.map(|at| rfc3339(at, zone)),
            listened_words: row.walked_at.map(|at| local(at, zone)).unwrap_or_default(),
        });
    }
    for notice in store.notices().await? {
        status.notices.push(NoticeShown {
            id: notice.id,
            account: notice.account,
            what: notice.text,
            do_this: notice.next_step,
            since: rfc3339(notice.raised_at, zone),
        });
    }
    Ok(())
}

fn brief(delivery: &Delivery, at: DateTime<Utc>, zone: Tz) -> Brief {
    let what = match &delivery.of {
        Of::Post { post, part, parts, .. } if *parts > 1 => format!("{post}, part {part} of {parts}"),
        Of::Post { post, .. } => post.to_string(),
        Of::Reply { .. } => "a reply".to_owned(),
    };
    // Replies name people; the status page does not.
    let text = match &delivery.of {
        Of::Post { .. } => first_words(&delivery.payload.text, 60),
        Of::Reply { .. } => String::new(),
    };
    Brief {
        at: rfc3339(at, zone),
        when: local(at, zone),
        account: delivery.account.to_string(),
        what,
        text,
        url: delivery.url.clone(),
    }
}

pub(super) fn local(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%a %-d %b %Y %H:%M %Z").to_string()
}

/// A time as programs read it, in the campaign's zone.
pub(super) fn rfc3339(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).to_rfc3339_opts(chrono::SecondsFormat::Secs, false)
}

fn page(status: &Status) -> String {
    let mut page = format!("{}: {}\n", status.campaign, if status.running { "running" } else { "not running" });
    if !status.running {
        page.push_str("  start it with `watchpost run`\n");
    }
    for (name, brief) in [("next", &status.next), ("last sent", &status.last_sent)] {
        if let Some(brief) = brief {
            page.push_str(&format!("{name:<10} {}  {}  {}", brief.when, brief.account, brief.what));
            if !brief.text.is_empty() {
                page.push_str(&format!("  “{}”", brief.text));
            }
            page.push('\n');
        }
    }
    let shown = [State::Planned, State::Held, State::Refused, State::Unknown];
    let counts: Vec<String> = shown
        .iter()
        .filter_map(|state| status.deliveries.get(state.as_str()).map(|n| format!("{n} {}", state.as_str())))
        .collect();
    if !counts.is_empty() {
        page.push_str(&format!("{:<10} {}\n", "ledger", counts.join(", ")));
    }
    for account in &status.accounts {
        let state = match (&account.paused, account.linked) {
            (Some(_), _) => "paused".to_owned(),
            (None, false) => "not linked yet".to_owned(),
            (None, true) => match &account.listened {
                Some(_) => format!("linked, listened until {}", account.listened_words),
                None => "linked".to_owned(),
            },
        };
        page.push_str(&format!("{:<10} {} on {}: {state}\n", "account", account.name, account.server));
        if account.waits_until.is_some() {
            let until = &account.waits_words;
            page.push_str(&format!("{:<10} its server allows no more posts for now: it goes on at {until}\n", ""));
        }
    }
    for pause in &status.pauses {
        page.push_str(&format!("{:<10} {}\n", "paused", pause.words));
    }
    if !status.review.is_empty() {
        page.push_str("\nWaiting for approval:\n");
        for review in status.review.iter().take(REVIEWS_SHOWN) {
            let when = if review.when.is_empty() { String::new() } else { format!(", due {}", review.when) };
            page.push_str(&format!("  {}{when}: {}\n", review.post, review.why));
        }
        let more = status.review.len().saturating_sub(REVIEWS_SHOWN);
        if more > 0 {
            page.push_str(&format!("  … and {more} more: `watchpost queue list --state review`\n"));
        }
        page.push_str("     → `watchpost queue show ID`, then `watchpost queue approve ID --by NAME`\n");
    }
    if status.held() > 0 {
        page.push_str(&format!(
            "\n{} held or refused: `watchpost queue list --state held` (or refused) shows them, `queue release` and \
            `queue cancel` settle them.\n",
            status.held()
        ));
    }
    if status.notices.is_empty() && status.held() == 0 && status.review.is_empty() {
        page.push_str("\nNothing waits for a person.\n");
    } else if !status.notices.is_empty() {
        page.push_str("\nWaiting for a person:\n");
        for notice in &status.notices {
            page.push_str(&format!("  {}. {}\n     → {}\n", notice.id, notice.what, notice.do_this));
        }
    }
    page
}
