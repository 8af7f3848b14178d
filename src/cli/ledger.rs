//! `watchpost ledger`: the table that decides what is sent, as it stands. Looking changes nothing.

use std::path::Path;

use anyhow::bail;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::doctor::key_words;
use super::status::{local, rfc3339};
use super::table::{first_words, table};
use super::{output, workplace};
use crate::core::delivery::State;
use crate::core::ids::DeliveryId;
use crate::fedi::Capabilities;
use crate::store::Store;
use crate::store::attempts::Attempt;
use crate::store::deliveries::{Delivery, Of};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  watchpost ledger list\n  watchpost ledger list --state unknown\n  watchpost ledger show 42"
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// The actions.
#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// The deliveries that changed last.
    List {
        /// Only those in this state.
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// How many.
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: i64,
        /// One JSON document instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// One delivery with each attempt and look.
    Show {
        /// Its number.
        number: i64,
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Serialize)]
struct Row {
    delivery: i64,
    account: String,
    what: String,
    state: &'static str,
    due: String,
    #[serde(skip)]
    due_words: String,
    attempts: i64,
    unclear: i64,
    generation: i64,
    status: Option<String>,
    url: Option<String>,
    sent: Option<String>,
    #[serde(skip)]
    sent_words: Option<String>,
    expires: Option<String>,
    #[serde(skip)]
    expires_words: Option<String>,
    reason: String,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    closer: Option<Closer>,
}

/// What only one delivery's own page tells.
#[derive(Serialize)]
struct Closer {
    /// What the server does with the key of an attempt, as it was found at the last link.
    key: String,
    looks: i64,
    next_look: Option<String>,
    #[serde(skip)]
    next_look_words: Option<String>,
    history: Vec<Happened>,
}

#[derive(Serialize)]
struct Happened {
    attempt: i64,
    armed: Option<String>,
    ended: String,
    #[serde(skip)]
    ended_words: String,
    outcome: String,
    detail: String,
}

/// Shows the ledger.
///
/// # Errors
/// When the campaign has mistakes in its settings, the database cannot be read, or the delivery does not exist.
pub async fn run(root: &Path, args: &Args, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let campaign = workplace::settings(root, now)?;
    let Some(store) = workplace::store_if_any(&campaign).await? else {
        bail!("there is no database yet: `watchpost run` makes it");
    };
    let zone = campaign.zone;
    match &args.action {
        Action::List { state, limit, json } => {
            let rows = match state.as_deref() {
                None => store.newest_deliveries(*limit).await?,
                Some(word) => match State::parse(word) {
                    Some(state) => store.deliveries_in(&[state], *limit).await?,
                    None => {
                        let words: Vec<&str> = State::ALL.iter().map(|state| state.as_str()).collect();
                        bail!("--state {word:?} is no state; it is one of {}", words.join(", "))
                    }
                },
            };
            let rows: Vec<Row> = rows.iter().map(|delivery| row(delivery, None, zone)).collect();
            if *json { output::json(&rows)? } else { output::text(&list(&rows))? }
        }
        Action::Show { number, json } => {
            let id = DeliveryId(*number);
            let Some(delivery) = store.delivery(id).await? else {
                bail!("there is no delivery {number}; `watchpost ledger list` shows the newest");
            };
            let closer = closer(&store, &delivery, zone).await?;
            let row = row(&delivery, Some(closer), zone);
            if *json { output::json(&row)? } else { output::text(&page(&row, &delivery))? }
        }
    }
    store.close().await;
    Ok(0)
}

async fn closer(store: &Store, delivery: &Delivery, zone: Tz) -> anyhow::Result<Closer> {
    let happened = |attempt: Attempt| Happened {
        attempt: attempt.number,
        armed: attempt.armed_at.map(|at| rfc3339(at, zone)),
        ended: rfc3339(attempt.ended_at, zone),
        ended_words: local(attempt.ended_at, zone),
        outcome: attempt.outcome,
        detail: attempt.detail,
    };
    let (looks, next_look) = store.looks(delivery.id).await?;
    let account = store.accounts().await?.remove(&delivery.account).unwrap_or_default();
    let capabilities: Option<Capabilities> =
        account.capabilities.as_deref().and_then(|text| serde_json::from_str(text).ok());
    Ok(Closer {
        key: capabilities.map_or_else(|| "not asked yet".to_owned(), |found| key_words(found.key)),
        looks,
        next_look: next_look.map(|at| rfc3339(at, zone)),
        next_look_words: next_look.map(|at| local(at, zone)),
        history: store.attempts(delivery.id).await?.into_iter().map(happened).collect(),
    })
}

fn row(delivery: &Delivery, closer: Option<Closer>, zone: Tz) -> Row {
    let what = match &delivery.of {
        Of::Post { post, occurrence, part, parts, .. } => format!("{post} ({occurrence}, part {part} of {parts})"),
        Of::Reply { mention } => format!("reply to mention {}", first_words(mention, 8)),
    };
    Row {
        delivery: delivery.id.0,
        account: delivery.account.to_string(),
        what,
        state: delivery.state.as_str(),
        due: rfc3339(delivery.due_at, zone),
        due_words: local(delivery.due_at, zone),
        attempts: delivery.attempt,
        unclear: delivery.unclear,
        generation: delivery.generation,
        status: delivery.status.as_ref().map(ToString::to_string),
        url: delivery.url.clone(),
        sent: delivery.sent_at.map(|at| rfc3339(at, zone)),
        sent_words: delivery.sent_at.map(|at| local(at, zone)),
        expires: delivery.expires_at.map(|at| rfc3339(at, zone)),
        expires_words: delivery.expires_at.map(|at| local(at, zone)),
        reason: delivery.reason.clone(),
        closer,
    }
}

fn list(rows: &[Row]) -> String {
    let lines = rows.iter().map(|row| {
        let number = row.delivery.to_string();
        let when = row.sent_words.clone().unwrap_or_else(|| row.due_words.clone());
        vec![number, when, row.account.clone(), first_words(&row.what, 48), row.state.to_owned(), row.reason.clone()]
    });
    let page = table(&["no", "when", "account", "what", "state", "why"], lines.collect());
    if page.is_empty() { "No such deliveries.\n".to_owned() } else { page }
}

fn page(row: &Row, delivery: &Delivery) -> String {
    let mut page = format!("delivery {}: {} on {}\n", row.delivery, row.what, row.account);
    page.push_str(&format!("  state       {}\n  due         {}\n", row.state, row.due_words));
    for (name, value) in
        [("expires", &row.expires_words), ("sent", &row.sent_words), ("status", &row.status), ("address", &row.url)]
    {
        if let Some(value) = value {
            page.push_str(&format!("  {name:<11} {value}\n"));
        }
    }
    page.push_str(&format!(
        "  attempts    {} ({} of them unclear), generation {}\n",
        row.attempts, row.unclear, row.generation
    ));
    if !row.reason.is_empty() {
        page.push_str(&format!("  why         {}\n", row.reason));
    }
    if let Some(closer) = &row.closer {
        for happened in &closer.history {
            page.push_str(&format!(
                "  attempt {}   {} → {}: {}\n",
                happened.attempt, happened.ended_words, happened.outcome, happened.detail
            ));
        }
        page.push_str(&format!("  key         {}\n", closer.key));
        let times = if closer.looks == 1 { "once".to_owned() } else { format!("{} times", closer.looks) };
        let next = closer.next_look_words.as_ref().map_or_else(String::new, |at| format!(", next {at}"));
        page.push_str(&format!("  looked for  {times} since the last attempt{next}\n"));
    }
    // What a reply says names a person; posts are for everybody.
    if matches!(delivery.of, Of::Post { .. }) {
        page.push_str(&format!("\n{}\n", delivery.payload.text));
    }
    page
}
