//! `watchpost facts`: what the campaign knows, and what a mention would be answered. Needs no token or network; only
//! `coverage` looks into the database.

use std::path::Path;

use anyhow::bail;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::table::{first_words, table};
use super::{facts_coverage, facts_edit, output, workplace};
use crate::app;
use crate::campaign::Campaign;
use crate::core::count::TextRules;
use crate::core::date_words;
use crate::core::decision::{Past, Venue, Verdict, decide};
use crate::core::fact::Fact;
use crate::core::ids::{Lang, RemoteId, StatusId, StatusUri};
use crate::core::mention::{Asker, MayReply, Mention};
use crate::core::post::Visibility;
use crate::fedi;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  watchpost facts list\n  watchpost facts show ring-partnerships\n  watchpost facts try \"is it true that police can see my doorbell camera?\"\n  watchpost facts try \"¿qué es Rekognition?\" --lang es --json\n  watchpost facts coverage --days 7\n  watchpost facts edit ring-partnerships --review-by 2027-06-01\n  watchpost facts add ring-new --topic ring --keyword \"ring new\" --text en=\"…\" --text es=\"…\" --source mediajustice --as-of 2026-11 --link pledge"
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// The actions.
#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// Every fact, by topic.
    List {
        /// One JSON document instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// One fact with all its texts.
    Show {
        /// Its id.
        id: String,
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// What people ask, what no fact answers, which facts nobody hears, which are to be looked at again.
    Coverage {
        /// How many days back.
        #[arg(long, default_value_t = 30, value_name = "N")]
        days: u32,
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Adds a fact to config/facts.toml, checked before it is saved.
    Add(facts_edit::Written),
    /// Changes a fact in config/facts.toml; comments and order stay.
    Edit(facts_edit::Edited),
    /// What the bot would decide about a mention with this text.
    Try {
        /// The mention's text.
        text: String,
        /// The language its author's client would claim.
        #[arg(long, value_name = "L")]
        lang: Option<String>,
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the action.
///
/// # Errors
/// When the campaign has mistakes in its settings or facts, or the fact does not exist.
pub async fn run(root: &Path, args: &Args, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let campaign = || Ok::<_, anyhow::Error>(workplace::campaign(root, now)?.0);
    match &args.action {
        Action::Coverage { days, json } => return facts_coverage::run(root, *days, *json, now).await,
        Action::Add(written) => return facts_edit::add(root, written, now),
        Action::Edit(edited) => return facts_edit::edit(root, edited, now),
        Action::List { json } => list(&campaign()?, *json),
        Action::Show { id, json } => show(&campaign()?, id, *json),
        Action::Try { text, lang, json } => attempt(&campaign()?, text, lang.as_deref(), *json, now),
    }?;
    Ok(0)
}

#[derive(Serialize)]
struct FactShown<'a> {
    id: &'a str,
    topic: &'a str,
    source: String,
    as_of: String,
    superseded: bool,
    keywords: &'a [String],
    topical: &'a [String],
    weak: &'a [String],
    beside: &'a [String],
    text: std::collections::BTreeMap<&'a str, &'a str>,
}

fn shown<'a>(campaign: &'a Campaign, fact: &'a Fact) -> FactShown<'a> {
    let lang = default_lang(campaign);
    let title = campaign.facts.sources.get(&fact.source).and_then(|source| {
        let by_lang = source.title.get(&lang).or_else(|| source.title.values().next())?;
        Some(by_lang.clone())
    });
    FactShown {
        id: fact.id.as_str(),
        topic: fact.topic.as_str(),
        source: title.unwrap_or_else(|| fact.source.to_string()),
        as_of: date_words::as_of(fact.as_of, &lang),
        superseded: campaign.facts.is_superseded(&fact.id),
        keywords: &fact.keywords,
        topical: &fact.topical,
        weak: &fact.weak,
        beside: &fact.beside,
        text: fact.text.iter().map(|(lang, text)| (lang.as_str(), text.as_str())).collect(),
    }
}

fn default_lang(campaign: &Campaign) -> Lang {
    campaign.languages.first().cloned().unwrap_or_else(|| Lang::new("en"))
}

fn list(campaign: &Campaign, json: bool) -> anyhow::Result<()> {
    let facts: Vec<FactShown<'_>> = campaign.facts.facts.iter().map(|fact| shown(campaign, fact)).collect();
    if json {
        return output::json(&facts);
    }
    let lang = default_lang(campaign);
    let row = |fact: &FactShown<'_>| {
        let text = fact.text.get(lang.as_str()).copied().unwrap_or_default();
        let note = if fact.superseded { " (superseded: never said)" } else { "" };
        vec![fact.topic.to_owned(), format!("{}{note}", fact.id), fact.as_of.clone(), first_words(text, 60)]
    };
    output::text(&table(&["topic", "fact", "as of", "text"], facts.iter().map(row).collect()))
}

fn show(campaign: &Campaign, id: &str, json: bool) -> anyhow::Result<()> {
    let Some(fact) = campaign.facts.facts.iter().find(|fact| fact.id.as_str() == id) else {
        let nearest =
            campaign.facts.facts.iter().max_by(|a, b| {
                strsim::jaro_winkler(a.id.as_str(), id).total_cmp(&strsim::jaro_winkler(b.id.as_str(), id))
            });
        let hint = nearest.map(|fact| format!("; did you mean {}?", fact.id)).unwrap_or_default();
        bail!("there is no fact {id:?}{hint} `watchpost facts list` shows them all");
    };
    let shown = shown(campaign, fact);
    if json {
        return output::json(&shown);
    }
    let mut page = format!("{}  (topic {}; {}, {})\n", shown.id, shown.topic, shown.source, shown.as_of);
    if shown.superseded {
        page.push_str("superseded: never said\n");
    }
    for (lang, text) in &shown.text {
        page.push_str(&format!("\n[{lang}] {text}\n"));
    }
    page.push_str(&format!("\nanswers to: {}\n", shown.keywords.join(", ")));
    if !shown.weak.is_empty() {
        page.push_str(&format!("in company: {}\n", shown.weak.join(", ")));
    }
    output::text(&page)
}

#[derive(Serialize)]
struct Tried<'a> {
    decision: &'static str,
    command: Option<&'static str>,
    topic: Option<&'a str>,
    fact: Option<&'a str>,
    lang: &'a str,
    text: Option<String>,
    reason: &'a str,
}

/// A stranger's first mention, on Mastodon, now.
fn attempt(campaign: &Campaign, text: &str, lang: Option<&str>, json: bool, now: DateTime<Utc>) -> anyhow::Result<()> {
    let ours = || campaign.languages.iter().map(Lang::as_str).collect::<Vec<_>>().join(" or ");
    if let Some(lang) = lang
        && (!(2..=3).contains(&lang.split(['-', '_']).next().unwrap_or_default().len())
            || !lang.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_')))
    {
        bail!("`--lang {lang}` is not a language code: write {}, as the author's client would", ours());
    }
    let foreign =
        lang.filter(|lang| !campaign.languages.iter().any(|known| known.primary() == Lang::new(*lang).primary()));
    let mention = Mention {
        status: StatusId::new("try"),
        uri: StatusUri::new("try"),
        created_at: now,
        edited_at: None,
        asker: Asker {
            id: RemoteId::new("try"),
            url: "try".to_owned(),
            uri: None,
            acct: ASKER.to_owned(),
            bot: false,
            nobot: false,
            limited: false,
            group: false,
        },
        text: fedi::text_as_typed(text),
        lang: lang.map(Lang::new),
        visibility: Some(Visibility::Public),
        cw: None,
        in_reply_to: None,
        in_reply_to_author: None,
        others_named: 0,
        carried_along: false,
        addressed: true,
        replies: MayReply::Yes,
        above: None,
    };
    let venue = Venue {
        rules: TextRules::mastodon(),
        keeps_cw: true,
        keeps_unlisted: true,
        allowance: 300,
        ours: std::sync::Arc::default(),
    };
    let today = now.with_timezone(&campaign.zone).date_naive();
    let mut mind = app::mind(campaign, None);
    mind.enabled = true;
    let verdict = decide(&mind, &venue, &mention, &Past::default(), now, today);
    let tried = tried(&verdict);
    if json {
        return output::json(&tried);
    }
    let mut page = match (tried.command, tried.decision) {
        (Some(command), _) => format!("command: {command}\n"),
        (None, decision) => format!("{decision}\n"),
    };
    for (name, value) in [("topic", tried.topic), ("fact", tried.fact)] {
        if let Some(value) = value {
            page.push_str(&format!("{name}: {value}\n"));
        }
    }
    page.push_str(&format!("language: {}\nreason: {}\n", tried.lang, tried.reason));
    if let Some(lang) = foreign {
        page.push_str(&format!(
            "note: `{lang}` is not a language of this campaign, so the words decided; it answers in {}\n",
            ours()
        ));
    }
    if let Some(text) = &tried.text {
        page.push_str(&format!("\n{text}\n"));
    }
    output::text(&page)
}

const ASKER: &str = "follower";

fn tried(verdict: &Verdict) -> Tried<'_> {
    let said = verdict.reply.as_ref().map(|reply| {
        let name = format!("@{ASKER} ");
        reply.text.strip_prefix(&name).unwrap_or(&reply.text).to_owned()
    });
    Tried {
        decision: verdict.word(),
        command: verdict.command.map(crate::core::command::Command::as_str),
        topic: verdict.topic.as_ref().map(|topic| topic.as_str()),
        fact: verdict.facts.first().map(|fact| fact.as_str()),
        lang: verdict.lang.as_str(),
        text: said,
        reason: &verdict.reason,
    }
}
