//! `watchpost facts add` and `facts edit`: a fact changed in the file staff wrote, checked with the whole campaign
//! before anything is saved, and saved whole or not at all.

use std::path::Path;

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};

use super::{output, workplace};
use crate::campaign::facts_edit::{self, Change};
use crate::campaign::finding::{Finding, Level};
use crate::campaign::{self, saving};

/// What may be written of a fact.
#[derive(Debug, clap::Args)]
pub struct Written {
    /// Its id: one word, such as ring-partnerships.
    pub id: String,
    /// Its topic.
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<String>,
    /// A word or phrase that answers alone; may be given several times.
    #[arg(long, value_name = "WORDS")]
    pub keyword: Vec<String>,
    /// An everyday word that answers in company only; may be given several times.
    #[arg(long, value_name = "WORDS")]
    pub weak: Vec<String>,
    /// What it says in a language, such as en="In 2022 …"; once for each language.
    #[arg(long, value_name = "LANG=TEXT")]
    pub text: Vec<String>,
    /// A shorter form for small servers.
    #[arg(long, value_name = "LANG=TEXT")]
    pub short: Vec<String>,
    /// One more wording, used in turn.
    #[arg(long, value_name = "LANG=TEXT")]
    pub variant: Vec<String>,
    /// The id of its source in config/facts.toml.
    #[arg(long, value_name = "ID")]
    pub source: Option<String>,
    /// How old the claim is, as exactly as it is known: 2021, 2022-07 or 2022-07-18.
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<String>,
    /// From this day on it is not said before somebody looked at it again.
    #[arg(long, value_name = "DATE")]
    pub review_by: Option<String>,
    /// The fact it replaces, which is not said any more.
    #[arg(long, value_name = "ID")]
    pub supersedes: Option<String>,
    /// The id of its link in config/links.toml.
    #[arg(long, value_name = "ID")]
    pub link: Option<String>,
}

/// What `facts edit` can do besides.
#[derive(Debug, clap::Args)]
pub struct Edited {
    /// What is to be written.
    #[command(flatten)]
    pub written: Written,
    /// A keyword that is not to answer any more.
    #[arg(long, value_name = "WORDS")]
    pub drop_keyword: Vec<String>,
}

/// Adds a fact.
///
/// # Errors
/// When something is missing or wrong; then nothing is saved.
pub fn add(root: &Path, written: &Written, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let change = change(written, &[])?;
    save(root, &written.id, now, |text| facts_edit::add(text, &written.id, &change))
}

/// Changes a fact.
///
/// # Errors
/// When the fact is not there or something is wrong; then nothing is saved.
pub fn edit(root: &Path, edited: &Edited, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let change = change(&edited.written, &edited.drop_keyword)?;
    if change == Change::default() {
        bail!(
            "say what to change, such as --as-of 2026-11 or --text en=\"…\"; `watchpost facts edit --help` lists it all"
        );
    }
    save(root, &edited.written.id, now, |text| facts_edit::edit(text, &edited.written.id, &change))
}

fn change(written: &Written, dropped: &[String]) -> anyhow::Result<Change> {
    Ok(Change {
        topic: written.topic.clone(),
        keywords: written.keyword.clone(),
        weak: written.weak.clone(),
        dropped: dropped.to_vec(),
        text: by_lang("--text", &written.text)?,
        short: by_lang("--short", &written.short)?,
        variants: by_lang("--variant", &written.variant)?,
        source: written.source.clone(),
        as_of: written.as_of.clone(),
        review_by: written.review_by.clone(),
        supersedes: written.supersedes.clone(),
        link: written.link.clone(),
    })
}

fn by_lang(option: &str, given: &[String]) -> anyhow::Result<Vec<(String, String)>> {
    let pair = |text: &String| match text.split_once('=') {
        Some((lang, words)) if !lang.trim().is_empty() && lang.trim().len() <= 12 => {
            Ok((lang.trim().to_owned(), words.trim().to_owned()))
        }
        Some(_) | None => bail!("{option} needs its language first: {option} en=\"{text}\""),
    };
    given.iter().map(pair).collect()
}

/// Reads the file, changes its text, looks at the campaign as it would be, and saves only what is in order.
fn save(
    root: &Path,
    id: &str,
    now: DateTime<Utc>,
    with: impl FnOnce(&str) -> Result<String, facts_edit::EditError>,
) -> anyhow::Result<u8> {
    workplace::campaign(root, now)?;
    let path = root.join(facts_edit::FILE);
    let before = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
    };
    let text = with(&before)?;
    if text == before {
        output::text("That is how it stands already; nothing was saved.\n")?;
        return Ok(0);
    }
    let known: Vec<String> = campaign::load(root, now)?.findings.iter().map(words).collect();
    let loaded = campaign::load_as_if(root, now, facts_edit::FILE, &text)?;
    let errors: Vec<String> = loaded
        .findings
        .iter()
        .filter(|finding| finding.level == Level::Error)
        .map(|finding| format!("  {}", words(finding)))
        .filter(|line| !known.contains(&line.trim().to_owned()))
        .collect();
    if loaded.campaign.is_none() || !errors.is_empty() {
        bail!("nothing was saved, because the fact would not be in order:\n{}", errors.join("\n"));
    }
    saving::replace(&path, &before, &text)?;
    let mut page = format!("{} is saved in {}; a program that runs knows it in a second\n", id, facts_edit::FILE);
    let new = loaded.findings.iter().map(words).filter(|line| line.contains(id) && !known.contains(line));
    for line in new {
        page.push_str(&format!("  {line}\n"));
    }
    output::text(&page)?;
    Ok(0)
}

/// A finding without its line, which a change moves.
fn words(finding: &Finding) -> String {
    let hint = finding.hint.as_ref().map(|hint| format!(" — {hint}")).unwrap_or_default();
    format!("{}{hint}", finding.message)
}
