//! `watchpost mentions`: who asked what, what was said to it or why nothing, and answers for those left to a human.
//!
//! Nothing private is shown: a person is a keyed hash, texts of direct mentions are not there, and what was purged is
//! gone. With `--look` the mention is read on its server again, and not kept.

use std::path::Path;

use anyhow::{Context, bail};
use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::status::local;
use super::table::{first_words, table};
use super::{output, workplace};
use crate::app;
use crate::campaign::Campaign;
use crate::core::decision::is_their_wish;
use crate::core::delivery::State;
use crate::core::ids::{AccountName, FactId, StatusId};
use crate::core::schedule::parse_duration;
use crate::fedi::Http;
use crate::store::Store;
use crate::store::asked::{Asked, Replied, Wanted, Which, Wished};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  watchpost mentions list\n  watchpost mentions list --silent --since 2d\n  watchpost mentions show 3fa94c21b0\n  watchpost mentions answer 3fa94c21b0 --fact ring-partnerships"
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// The actions.
#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// The newest mentions and what was decided.
    List {
        /// Only those that got an answer, or whose command was obeyed.
        #[arg(long, conflicts_with = "silent")]
        answered: bool,
        /// Only those that got silence.
        #[arg(long)]
        silent: bool,
        /// Only those of this account.
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        /// Only those heard since then: 2d, 3h, or a date such as 2026-11-27.
        #[arg(long, value_name = "WHEN")]
        since: Option<String>,
        /// How many.
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: i64,
        /// One JSON document instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// One mention: what it said, which words matched, what we said or why not.
    Show {
        /// Its number, or the beginning of it, as `mentions list` shows it; or its status id on the server.
        id: String,
        /// Read it on its server again, to see who asked; nothing of it is kept. Not for direct ones.
        #[arg(long)]
        look: bool,
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Answers a mention that was left to a human, with a fact; once, and not if its author said stop.
    Answer {
        /// Its number.
        id: String,
        /// The fact.
        #[arg(long, value_name = "ID")]
        fact: String,
        /// Where several of our accounts were named: the one that answers.
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
    },
}

/// Runs the action.
///
/// # Errors
/// When the campaign has mistakes in its settings, the database cannot be used, or there is no such mention.
pub async fn run(root: &Path, args: &Args, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let campaign = match args.action {
        Action::List { .. } | Action::Show { .. } => workplace::settings(root, now)?,
        Action::Answer { .. } => workplace::campaign(root, now)?.0,
    };
    let Some(store) = workplace::store_if_any(&campaign).await? else {
        bail!("there is no database yet: `watchpost run` makes it and hears mentions");
    };
    let done = act(&campaign, &store, args, now).await;
    store.close().await;
    done
}

async fn act(campaign: &Campaign, store: &Store, args: &Args, now: DateTime<Utc>) -> anyhow::Result<u8> {
    match &args.action {
        Action::List { answered, silent, account, since, limit, json } => {
            let which = match (answered, silent) {
                (true, _) => Some(Which::Answered),
                (false, true) => Some(Which::Silent),
                (false, false) => None,
            };
            let since = since.as_deref().map(|text| since_when(text, campaign.zone, now)).transpose()?;
            let account = account.as_deref().map(|name| known_account(campaign, name)).transpose()?;
            let found = store.asked(&Wanted { account, since, which }, *limit).await?;
            list(&found, *json, campaign.zone)?;
        }
        Action::Show { id, look, json } => {
            let found = find(store, id, None).await?;
            let mut shown: Vec<Shown> = found.iter().map(|asked| shown(asked, campaign.zone)).collect();
            if *look {
                for (shown, asked) in shown.iter_mut().zip(&found) {
                    shown.now = Some(look_again(campaign, asked).await?);
                }
            }
            if *json {
                output::json(&shown)?;
            } else {
                output::text(&shown.iter().map(page).collect::<Vec<_>>().join("\n"))?;
            }
        }
        Action::Answer { id, fact, account } => answer(campaign, store, id, fact, account.as_deref(), now).await?,
    }
    Ok(0)
}

/// `2d`, `3h`, or a date in the campaign's zone.
fn since_when(text: &str, zone: Tz, now: DateTime<Utc>) -> anyhow::Result<DateTime<Utc>> {
    if let Ok(ago) = parse_duration(text) {
        return Ok(now - ago);
    }
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Ok(instant.with_timezone(&Utc));
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|day| day.and_hms_opt(0, 0, 0));
    match day.and_then(|midnight| zone.from_local_datetime(&midnight).earliest()) {
        Some(instant) => Ok(instant.with_timezone(&Utc)),
        None => bail!("--since {text:?} is neither a span such as 2d or 3h nor a date such as 2026-11-27"),
    }
}

fn known_account(campaign: &Campaign, name: &str) -> anyhow::Result<AccountName> {
    if campaign.accounts.iter().any(|account| account.name.as_str() == name) {
        return Ok(AccountName::new(name));
    }
    let names: Vec<&str> = campaign.accounts.iter().map(|account| account.name.as_str()).collect();
    bail!("there is no account {name:?}; the accounts are {}", names.join(", "))
}

/// As much of a hash as nobody confuses.
fn number(asked: &Asked) -> String {
    asked.uri.chars().take(10).collect()
}

async fn find(store: &Store, id: &str, account: Option<&AccountName>) -> anyhow::Result<Vec<Asked>> {
    let mut found = store.asked_as(id.trim()).await?;
    found.retain(|asked| account.is_none_or(|name| &asked.account == name));
    if found.is_empty() {
        bail!("there is no mention {id:?}; `watchpost mentions list` shows their numbers");
    }
    if found.iter().any(|asked| asked.uri != found.first().map(|first| first.uri.clone()).unwrap_or_default()) {
        bail!("several mentions begin with {id:?}; write more of the number");
    }
    Ok(found)
}

#[derive(Serialize)]
struct Shown {
    id: String,
    account: String,
    status: String,
    person: String,
    visibility: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    written: String,
    decided: String,
    decision: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    command: String,
    topic: String,
    fact: String,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<ReplyShown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<Now>,
    #[serde(skip)]
    when: String,
}

#[derive(Serialize)]
struct ReplyShown {
    delivery: i64,
    state: &'static str,
    text: String,
    /// Why it was not said, where that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_said: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

#[derive(Serialize)]
struct Now {
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    note: &'static str,
}

fn shown(asked: &Asked, zone: Tz) -> Shown {
    Shown {
        id: number(asked),
        account: asked.account.to_string(),
        status: asked.status.clone(),
        person: asked.person.chars().take(10).collect(),
        visibility: asked.visibility.clone(),
        text: asked.text.clone(),
        written: asked.written_at.to_rfc3339(),
        decided: asked.seen_at.to_rfc3339(),
        decision: asked.decision.clone(),
        command: asked.command.clone(),
        topic: asked.topic.clone(),
        fact: asked.fact.clone(),
        reason: asked.reason.clone(),
        reply: asked.reply.as_ref().map(|reply| ReplyShown {
            delivery: reply.delivery.0,
            state: reply.state.as_str(),
            text: reply.text.clone(),
            not_said: not_said(reply),
            url: reply.url.clone(),
        }),
        now: None,
        when: local(asked.seen_at, zone),
    }
}

/// Why a reply that was decided was not said in the end.
fn not_said(reply: &Replied) -> Option<String> {
    match reply.state {
        State::Cancelled | State::Expired | State::Refused | State::Held => {
            Some(if reply.reason.is_empty() { reply.state.as_str().to_owned() } else { reply.reason.clone() })
        }
        State::Planned | State::Claimed | State::Armed | State::Unknown | State::Sent | State::Verified => None,
    }
}

fn list(found: &[Asked], json: bool, zone: Tz) -> anyhow::Result<()> {
    let rows: Vec<Shown> = found.iter().map(|asked| shown(asked, zone)).collect();
    if json {
        return output::json(&rows);
    }
    if rows.is_empty() {
        return output::text("No mentions.\n");
    }
    let row = |shown: &Shown| {
        let said = match (&shown.text, shown.visibility.as_str()) {
            (Some(text), _) => format!("“{}”", first_words(text, 40)),
            (None, "public" | "unlisted") => "(purged)".to_owned(),
            (None, _) => format!("({})", shown.visibility),
        };
        let (decision, why) = match shown.reply.as_ref().and_then(|reply| reply.not_said.as_deref()) {
            Some(why) => (format!("{}, not sent", shown.decision), why),
            None => (shown.decision.clone(), shown.reason.as_str()),
        };
        vec![shown.id.clone(), shown.when.clone(), shown.account.clone(), decision, said, first_words(why, 60)]
    };
    output::text(&table(
        &["mention", "decided", "account", "decision", "it said", "because"],
        rows.iter().map(row).collect(),
    ))
}

fn page(shown: &Shown) -> String {
    let mut page = format!("{}  to {}, {}\n", shown.id, shown.account, shown.when);
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            page.push_str(&format!("  {name:<10} {value}\n"));
        }
    };
    line("person", &shown.person);
    line("seen by", &shown.visibility);
    line("status", &shown.status);
    let said = match (&shown.text, shown.visibility.as_str()) {
        (Some(text), _) => format!("“{text}”"),
        (None, "public" | "unlisted") => "purged after seven days".to_owned(),
        (None, _) => "never stored: it was not public".to_owned(),
    };
    line("it said", &said);
    line("decision", &shown.decision);
    line("because", &shown.reason);
    line("command", &shown.command);
    line("topic", &shown.topic);
    line("fact", &shown.fact);
    if let Some(reply) = &shown.reply {
        let said = if reply.text.is_empty() { "(purged)".to_owned() } else { format!("“{}”", reply.text) };
        let label = match (&reply.not_said, reply.state) {
            (Some(_), _) => "not sent",
            (None, "sent" | "verified") => "we said",
            (None, _) => "to be said",
        };
        line(label, &format!("{said} (delivery {}, {})", reply.delivery, reply.state));
        line("because", reply.not_said.as_deref().unwrap_or_default());
        line("", reply.url.as_deref().unwrap_or_default());
    } else if shown.decision == "silent" {
        line("to answer", &format!("watchpost mentions answer {} --fact FACT", shown.id));
    }
    if let Some(now) = &shown.now {
        line("asked by", now.by.as_deref().unwrap_or_default());
        line("says now", now.text.as_deref().unwrap_or_default());
        line("", now.note);
    }
    page
}

/// Reads a mention on its server, for the eye only.
async fn look_again(campaign: &Campaign, asked: &Asked) -> anyhow::Result<Now> {
    let nothing = |note| Now { by: None, text: None, note };
    if !matches!(asked.visibility.as_str(), "public" | "unlisted") {
        return Ok(nothing("it was not public: it is not shown"));
    }
    if asked.status.is_empty() {
        return Ok(nothing("its address was purged after seven days"));
    }
    let account = campaign.accounts.iter().find(|account| account.name == asked.account);
    let account = account.with_context(|| format!("the account {} is not in the settings any more", asked.account))?;
    let fedi = app::open_link(account, &campaign.root, &Http::new()?).map_err(anyhow::Error::msg)?;
    let me = fedi.whoami().await?;
    match fedi.mention(&me, &StatusId::new(asked.status.as_str())).await? {
        Some(mention) => Ok(Now {
            by: Some(format!("@{}", mention.asker.acct)),
            text: Some(mention.text.own.trim().to_owned()),
            note: "read on the server just now, and not kept",
        }),
        None => Ok(nothing("it is gone from the server")),
    }
}

async fn answer(
    campaign: &Campaign,
    store: &Store,
    id: &str,
    fact: &str,
    account: Option<&str>,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let fact = sayable(campaign, fact, now)?;
    let account = account.map(|name| known_account(campaign, name)).transpose()?;
    let found = find(store, id, account.as_ref()).await?;
    let asked = match found.as_slice() {
        [one] => one,
        _ => {
            let names: Vec<String> = found.iter().map(|asked| asked.account.to_string()).collect();
            bail!("this mention named {}: say which one answers with --account NAME", names.join(" and "))
        }
    };
    if now - asked.written_at > campaign.replies.max_age {
        bail!(
            "this mention was written {}: it is older than max_age in [replies], and an answer would come out of the blue",
            local(asked.written_at, campaign.zone)
        );
    }
    if is_their_wish(&asked.reason) {
        bail!("{}: nothing is written to them by this program, also not by your wish", asked.reason);
    }
    match store.wish_answer(&asked.account, &asked.uri, &fact, now).await? {
        Wished::Noted => output::text(&format!(
            "{} will be answered by {} with {fact}, as soon as the program runs; `watchpost mentions show {}` says what became of it\n",
            number(asked),
            asked.account,
            number(asked)
        )),
        Wished::Answered(delivery) => {
            bail!("this mention has its answer: `watchpost ledger show {delivery}` shows it")
        }
        Wished::OptedOut => bail!("its author said stop: nothing is written to them until they say start"),
        Wished::Gone => bail!("this mention is too old: its address was purged"),
    }
}

/// A fact that may be said today.
fn sayable(campaign: &Campaign, id: &str, now: DateTime<Utc>) -> anyhow::Result<FactId> {
    let book = &campaign.facts;
    let Some(fact) = book.facts.iter().find(|fact| fact.id.as_str() == id) else {
        bail!("there is no fact {id:?}; `watchpost facts list` shows them all");
    };
    if book.is_superseded(&fact.id) {
        bail!("the fact {id} is replaced by a newer one and is not said any more");
    }
    if !book.may_say(fact, now.with_timezone(&campaign.zone).date_naive()) {
        bail!("the fact {id} is past its review_by: look whether it still holds, then move the date");
    }
    Ok(fact.id.clone())
}
