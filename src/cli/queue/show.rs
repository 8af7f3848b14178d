//! `watchpost queue show`: one post, as each account's followers will see it, and everything that happened to it.

use std::collections::HashSet;

use anyhow::bail;
use chrono::{DateTime, Duration, Utc};
use serde::Serialize;

use super::preview::{self, View};
use super::rows::{self, Key, Outlook, Row};
use super::unknown;
use crate::campaign::Campaign;
use crate::cli::status::{local, rfc3339};
use crate::cli::{output, week, workplace};
use crate::core::approval::{Approval, Standing};
use crate::core::ids::{DeliveryId, PostId};
use crate::core::plan::Waiting;
use crate::core::post::{Post, Readiness};
use crate::jobs::staging::Staged;
use crate::store::Store;
use crate::store::attempts::Attempt;
use crate::store::deliveries::{Delivery, Of};

/// Everything about one post.
#[derive(Serialize)]
struct Shown {
    id: String,
    /// Its place in the queue and what keeps it back, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    deliveries: Vec<Line>,
    views: Vec<View>,
    approvals: Vec<Said>,
}

#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    row: Row,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    history: Vec<Happened>,
}

#[derive(Serialize)]
struct Happened {
    attempt: i64,
    at: String,
    outcome: String,
    detail: String,
    #[serde(skip)]
    instant: DateTime<Utc>,
}

#[derive(Serialize)]
struct Said {
    verdict: &'static str,
    by: String,
    at: String,
    note: String,
    #[serde(skip)]
    instant: DateTime<Utc>,
}

/// How far ahead a post's coming times are looked for.
const AHEAD: Duration = Duration::days(60);
/// How far ahead a slot is looked for where none is free within that time.
const FAR_AHEAD: Duration = Duration::days(2 * 366);
/// How many of its coming times are shown.
const TIMES: usize = 12;

/// Shows one post or delivery.
///
/// # Errors
/// When there is none of that name or number, or the database cannot be read.
pub(super) async fn run(campaign: &Campaign, id: &str, json: bool, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let store = workplace::store_if_any(campaign).await?;
    let staged = workplace::staged(campaign, store.as_ref()).await?;
    let shown = shown(campaign, store.as_ref(), &staged, id, now).await;
    if let Some(store) = store {
        store.close().await;
    }
    let shown = shown?;
    if json {
        output::json(&shown)?;
    } else {
        output::text(&page(&shown, campaign))?;
    }
    Ok(0)
}

async fn shown(
    campaign: &Campaign,
    store: Option<&Store>,
    staged: &Staged,
    id: &str,
    now: DateTime<Utc>,
) -> anyhow::Result<Shown> {
    let mut found: Vec<Delivery> = Vec::new();
    let mut post = staged.post(id);
    if let Some(store) = store {
        found = store.deliveries_of_post(&PostId::from(id)).await?;
        if let (true, None, Ok(number)) = (found.is_empty(), post, id.parse::<i64>()) {
            found.extend(store.delivery(DeliveryId(number)).await?);
            match found.first().map(|row| &row.of) {
                Some(Of::Post { post: of, .. }) => post = staged.post(of.as_str()),
                Some(Of::Reply { .. }) => bail!("delivery {id} is a reply; `watchpost ledger show {id}` shows it"),
                None => {}
            }
        }
    }
    if found.is_empty() && post.is_none() {
        return Err(unknown(campaign, id, staged));
    }
    let mut deliveries = Vec::new();
    for delivery in &found {
        let history = match store {
            Some(store) => store.attempts(delivery.id).await?,
            None => Vec::new(),
        };
        let Some(row) = rows::of_ledger(delivery, campaign.zone) else { continue };
        deliveries.push(Line { row, history: history.iter().map(|one| happened(one, campaign)).collect() });
    }
    let mut shown =
        Shown { id: id.to_owned(), notes: Vec::new(), deliveries, views: Vec::new(), approvals: Vec::new() };
    let Some(post) = post else { return Ok(shown) };
    let known = found.iter().filter_map(|row| match &row.of {
        Of::Post { post, occurrence, .. } => Some((row.account.clone(), post.clone(), occurrence.clone())),
        Of::Reply { .. } => None,
    });
    let known: HashSet<Key> = known.collect();
    let (history, window) = workplace::outlook(store, now, now + AHEAD).await?;
    let said = workplace::said(store, now).await?;
    let mut outlook = Outlook { history: &history, window, said: &said };
    let mut coming = rows::coming(campaign, staged, &outlook, &known);
    let mut own = own_rows(coming.rows, post);
    let mut standing: Vec<(Delivery, Row)> =
        found.into_iter().zip(shown.deliveries.iter().map(|line| line.row.clone())).collect();
    rows::as_planned(&mut standing, &coming.plan, &window, campaign.zone);
    for (line, (_, row)) in shown.deliveries.iter_mut().zip(standing) {
        line.row = row;
    }
    if own.iter().all(|row| row.instant.is_none()) && shown.deliveries.is_empty() {
        // Further ahead: a time of its own stands wherever it is, slots are looked for longer.
        let at = week::own_time(post, campaign.zone).filter(|at| window.until <= *at);
        outlook.window.until = at.map_or(now + FAR_AHEAD, |at| at + Duration::days(1));
        if let Some(at) = at {
            outlook.window.slots_from = at - Duration::days(1);
            let alone = staged.only(&post.id);
            coming = rows::coming(campaign, &alone, &outlook, &known);
        } else {
            coming = rows::coming(campaign, staged, &outlook, &known);
        }
        own = own_rows(coming.rows, post);
    }
    shown.deliveries.extend(own.into_iter().take(TIMES).map(|row| Line { row, history: Vec::new() }));
    shown.notes = notes(post, staged, &coming.plan.waiting);
    shown.views = preview::views(campaign, store, post).await?;
    if let Some(store) = store {
        let said = store.approvals_of(&post.id).await?;
        shown.approvals = said.into_iter().map(|word| one_said(word, campaign)).collect();
    }
    Ok(shown)
}

fn own_rows(rows: Vec<Row>, post: &Post) -> Vec<Row> {
    rows.into_iter().filter(|row| row.post == post.id.as_str()).collect()
}

fn happened(attempt: &Attempt, campaign: &Campaign) -> Happened {
    Happened {
        attempt: attempt.number,
        at: rfc3339(attempt.ended_at, campaign.zone),
        outcome: attempt.outcome.clone(),
        detail: attempt.detail.clone(),
        instant: attempt.ended_at,
    }
}

fn one_said(word: Approval, campaign: &Campaign) -> Said {
    Said {
        verdict: word.verdict.as_str(),
        by: word.by,
        at: rfc3339(word.at, campaign.zone),
        note: word.note,
        instant: word.at,
    }
}

fn notes(post: &Post, staged: &Staged, waiting: &[Waiting]) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(author) = &post.author {
        notes.push(format!("written by {author}"));
    }
    match staged.standings.get(&post.id) {
        Some(Standing::Waits(why)) => notes.push(format!("waits for approval: {}", why.words())),
        Some(Standing::Approved { by, .. }) => notes.push(format!("approved by {by}, as it is now")),
        Some(Standing::NotAsked) | None => {}
    }
    if let Some(mark) = staged.marks.get(&post.id) {
        notes.push(format!("{}: {}", mark.state.as_str(), mark.reason));
    }
    if post.order.priority != 0 {
        notes.push(format!("priority {}", post.order.priority));
    }
    if let Some(slot) = post.order.slot {
        notes.push(format!("the slot {} is kept for it", slot.format("%a %-d %b %Y %H:%M")));
    }
    if post.readiness != Readiness::Review {
        for why in waiting.iter().filter(|waiting| waiting.post == post.id) {
            let account = why.account.as_ref().map(|account| format!(" on {account}")).unwrap_or_default();
            notes.push(format!("waits{account}: {}", why.why));
        }
    }
    notes
}

fn page(shown: &Shown, campaign: &Campaign) -> String {
    let mut page = format!("{}\n", shown.id);
    for note in &shown.notes {
        page.push_str(&format!("  {note}\n"));
    }
    for line in &shown.deliveries {
        let row = &line.row;
        let number = row.delivery.map(|number| format!("#{number} ")).unwrap_or_default();
        let when = row.instant.map_or_else(|| "no time yet".to_owned(), |at| local(at, campaign.zone));
        let account = row.account.as_deref().unwrap_or("every account");
        page.push_str(&format!("  {number}{when}  {account}  {}", row.state));
        if row.parts > 1 && row.delivery.is_some() {
            page.push_str(&format!("  part {} of {}", row.part, row.parts));
        }
        for extra in [Some(&row.reason), row.url.as_ref()].into_iter().flatten().filter(|extra| !extra.is_empty()) {
            page.push_str(&format!("  {extra}"));
        }
        page.push('\n');
        for one in &line.history {
            let when = local(one.instant, campaign.zone);
            page.push_str(&format!("      attempt {}, {when}: {}: {}\n", one.attempt, one.outcome, one.detail));
        }
    }
    for said in &shown.approvals {
        let note = if said.note.is_empty() { String::new() } else { format!(": {}", said.note) };
        page.push_str(&format!("  {} by {}, {}{note}\n", said.verdict, said.by, local(said.instant, campaign.zone)));
    }
    if shown.views.is_empty() {
        // Its file is gone; what was said is in the ledger.
        for line in &shown.deliveries {
            page.push_str(&format!("\n{}\n", line.row.text));
        }
    }
    for view in &shown.views {
        page.push_str(&preview::drawn(view));
    }
    page
}
