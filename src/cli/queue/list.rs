//! `watchpost queue list`: the queue in time order, page by page. The ledger is filtered and cut in the database; only
//! the lines that are shown leave it.

use std::collections::HashSet;

use anyhow::{Context, bail};
use chrono::{DateTime, Duration, Utc};

use super::rows::{self, DRAFT, Outlook, REVIEW, Row};
use crate::campaign::Campaign;
use crate::cli::status::local;
use crate::cli::table::{first_words, many, table};
use crate::cli::{moments, output, plan_notes, workplace};
use crate::core::delivery::State;
use crate::core::ids::{AccountName, TopicId};
use crate::core::plan::Plan;
use crate::core::schedule::days_later;
use crate::core::text::fold;
use crate::store::deliveries::Delivery;
use crate::store::sought::Sought;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  watchpost queue list --account eyes --days 7\n  watchpost queue list --state review\n  watchpost queue list --topic ring --from \"2026-12-01 00:00\" --until \"2027-01-01 00:00\"\n  watchpost queue list --search doorbell --page 2\n\nWithout --from it begins two days ago and shows whatever waits for a person, however old. With --json and without --limit it is not cut into pages."
)]
pub struct ListArgs {
    /// How many days ahead.
    #[arg(long, default_value_t = 30, value_name = "N")]
    pub days: u32,
    /// Only lines in this state: planned, review, draft, held, refused, unknown, sent, expired, cancelled ….
    #[arg(long, value_name = "STATE")]
    pub state: Option<String>,
    /// Only what this account says.
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Only posts about this topic.
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<String>,
    /// Only from this time on: "2026-12-01 09:00" in the campaign's zone, a day alone, or RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Only before this time.
    #[arg(long, value_name = "TIME", conflicts_with = "days")]
    pub until: Option<String>,
    /// Only posts whose text or id holds these words.
    #[arg(long, value_name = "WORDS")]
    pub search: Option<String>,
    /// How many lines a page has [default: 50].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: Option<u32>,
    /// Which page.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub page: u32,
    /// One JSON document instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// Sent and ended rows are shown for two days.
const LATELY: Duration = Duration::days(2);
const PAGE: u32 = 50;
const ROWS_AT_MOST: u32 = 10_000;

/// Which lines are wanted.
struct Wanted<'a> {
    args: &'a ListArgs,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

/// Lists the queue.
///
/// # Errors
/// When a filter names nothing that exists, or the database cannot be read.
pub(super) async fn run(campaign: &Campaign, args: &ListArgs, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let wanted = Wanted::new(campaign, args, now)?;
    let limit = args.limit.unwrap_or(if args.json { ROWS_AT_MOST } else { PAGE });
    let end = i64::from(limit) * i64::from(args.page);
    let store = workplace::store_if_any(campaign).await?;
    let (mut rows, mut total): (Vec<(Delivery, Row)>, i64) = (Vec::new(), 0);
    let mut known = HashSet::new();
    if let Some(store) = &store {
        if let Some(sought) = wanted.sought() {
            let found = store.queue_rows(&sought, end).await?;
            let row = |found: Delivery| rows::of_ledger(&found, campaign.zone).map(|row| (found, row));
            rows.extend(found.into_iter().filter_map(row));
            total = store.queue_count(&sought).await?;
        }
        if wanted.beyond_ledger() {
            known = store.standing_occurrences(wanted.from, wanted.until).await?;
        }
    }
    let (mut waiting, mut pauses, mut more) = (Plan::default(), String::new(), Vec::new());
    if wanted.beyond_ledger() {
        let staged = workplace::staged(campaign, store.as_ref()).await?;
        let (history, window) = workplace::outlook(store.as_ref(), now, wanted.until.max(now)).await?;
        let said = workplace::said(store.as_ref(), now).await?;
        let coming = rows::coming(campaign, &staged, &Outlook { history: &history, window, said: &said }, &known);
        rows::as_planned(&mut rows, &coming.plan, &window, campaign.zone);
        more = coming.rows.into_iter().filter(|row| wanted.takes(row)).collect();
        total += i64::try_from(more.len()).unwrap_or(i64::MAX);
        waiting = coming.plan;
        for pause in plan_notes::pauses(&history, &window) {
            pauses.push_str(&format!("{}\n", plan_notes::pause_words(pause, campaign.zone)));
        }
    }
    let mut rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).chain(more).collect();
    if let Some(store) = store {
        store.close().await;
    }
    rows.sort_by(|a, b| a.order().cmp(&b.order()));
    let first = usize::try_from(end - i64::from(limit)).unwrap_or(usize::MAX);
    let shown: Vec<Row> = rows.into_iter().skip(first).take(usize::try_from(limit).unwrap_or(usize::MAX)).collect();
    if args.json {
        output::json(&shown)?;
        return Ok(0);
    }
    let mut page = drawn(&shown, campaign);
    if page.is_empty() {
        page = wanted.nothing(total);
    }
    page.insert_str(0, &pauses);
    let pages = (total + i64::from(limit) - 1) / i64::from(limit);
    if pages > 1 {
        let next =
            if i64::from(args.page) < pages { format!("; --page {} goes on", args.page + 1) } else { String::new() };
        page.push_str(&format!("\nPage {} of {pages}, {} in all{next}.\n", args.page, many(total, "line")));
    }
    if wanted.is_everything() && args.page == 1 {
        page.push_str(&waiting_words(&waiting));
    }
    output::text(&page)?;
    Ok(0)
}

impl<'a> Wanted<'a> {
    fn new(campaign: &Campaign, args: &'a ListArgs, now: DateTime<Utc>) -> anyhow::Result<Self> {
        if let Some(word) = args.state.as_deref()
            && State::parse(word).is_none()
            && ![REVIEW, DRAFT].contains(&word)
        {
            let mut words: Vec<&str> = State::ALL.iter().map(|state| state.as_str()).collect();
            words.extend([REVIEW, DRAFT]);
            bail!("--state {word:?} is no state; it is one of {}", words.join(", "));
        }
        if let Some(name) = &args.account
            && !campaign.accounts.iter().any(|account| account.name.as_str() == name)
        {
            let known: Vec<&str> = campaign.accounts.iter().map(|account| account.name.as_str()).collect();
            bail!("--account {name} is not one of {}", known.join(", "));
        }
        let time = |name: &str, written: &Option<String>| match written {
            None => Ok(None),
            Some(written) => moments::instant(name, written, campaign.zone).map(Some),
        };
        let from = time("from", &args.from)?.unwrap_or(now - LATELY);
        let until = match time("until", &args.until)? {
            Some(until) => until,
            None => days_later(now, args.days, campaign.zone)
                .with_context(|| format!("{} days from now is beyond the calendar; ask for fewer days", args.days))?,
        };
        if until <= from {
            bail!("nothing lies between --from and --until: the end must come after the beginning");
        }
        Ok(Self { args, from, until })
    }

    /// What to ask the ledger for; nothing where only posts without a row are wanted.
    fn sought(&self) -> Option<Sought> {
        let state = match self.args.state.as_deref() {
            Some(REVIEW | DRAFT) => return None,
            word => word.and_then(State::parse),
        };
        Some(Sought {
            from: self.from,
            until: self.until,
            state,
            account: self.args.account.as_deref().map(AccountName::from),
            topic: self.args.topic.as_deref().map(TopicId::from),
            words: self.args.search.clone(),
            waiting_for_a_person: self.args.from.is_none(),
        })
    }

    /// Whether posts without a row may be among what is wanted.
    fn beyond_ledger(&self) -> bool {
        match self.args.state.as_deref() {
            None | Some(REVIEW | DRAFT) => true,
            Some(word) => [State::Planned, State::Held].iter().any(|state| state.as_str() == word),
        }
    }

    /// Whether a line that is not the ledger's is wanted.
    fn takes(&self, row: &Row) -> bool {
        let args = self.args;
        args.state.as_deref().is_none_or(|state| row.state == state)
            // Drafts and what waits for approval have a list of their own; among all they stand when they have a time.
            && (args.state.is_some() || row.instant.is_some() || row.state == State::Held.as_str())
            && args.account.as_deref().is_none_or(|name| row.account.as_deref().is_none_or(|own| own == name))
            && args.topic.as_deref().is_none_or(|topic| row.topic.as_deref() == Some(topic))
            && row.instant.is_none_or(|at| self.from <= at && at < self.until)
            && args.search.as_deref().is_none_or(|words| {
                fold(&row.text).contains(&fold(words)) || row.post.to_lowercase().contains(&words.to_lowercase())
            })
    }

    fn is_everything(&self) -> bool {
        let args = self.args;
        args.state.is_none() && args.account.is_none() && args.topic.is_none() && args.search.is_none()
    }

    fn nothing(&self, total: i64) -> String {
        if total > 0 {
            return format!("There is no page {}: {} in all.\n", self.args.page, many(total, "line"));
        }
        if !self.is_everything() || self.args.from.is_some() || self.args.until.is_some() {
            let further = match (&self.args.until, self.args.state.as_deref()) {
                (None, None | Some("planned")) => {
                    format!(" in the next {}; --days N looks further", many(self.args.days, "day"))
                }
                (Some(_), _) | (None, Some(_)) => String::new(),
            };
            return format!("Nothing in the queue is like that{further}.\n");
        }
        format!("Nothing is queued for the next {}.\n", many(self.args.days, "day"))
    }
}

fn drawn(rows: &[Row], campaign: &Campaign) -> String {
    let lines = rows.iter().map(|row| {
        let part = if row.parts > 1 { format!("{}/{}", row.part, row.parts) } else { String::new() };
        let number = row.delivery.map(|number| number.to_string()).unwrap_or_default();
        let when = row.instant.map_or_else(|| "—".to_owned(), |at| local(at, campaign.zone));
        let account = row.account.clone().unwrap_or_else(|| "all".to_owned());
        let state = if row.reason.is_empty() { row.state.clone() } else { format!("{}: {}", row.state, row.reason) };
        vec![number, when, account, row.post.clone(), part, state, first_words(&row.text, 36)]
    });
    table(&["no", "when", "account", "post", "part", "state", "text"], lines.collect())
}

/// Posts without a time, by the reason why.
fn waiting_words(coming: &Plan) -> String {
    const NAMED: usize = 12;
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
    let line = |(why, posts): &(&str, Vec<&str>)| {
        let named = posts.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        let more = posts.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("  {why}:\n    {named}{more}\n")
    };
    format!("\nWaiting for a time:\n{}", by_reason.iter().map(line).collect::<String>())
}
