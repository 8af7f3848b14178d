//! `config/watchpost.toml`: the campaign and its store. `[[accounts]]` are read by [`super::accounts`], `[replies]` by
//! [`super::replies`].
//!
//! Reading never stops: what is wrong becomes a finding and the rest is read, so that posts can be checked against
//! whatever is known.

use std::path::Path;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use secrecy::SecretString;

use super::finding::{Finding, Level, Report, did_you_mean, nearest};
use super::tree::{Node, Section, tables, texts};
use super::{Account, Replies, accounts, address, replies, rules};
use super::{toml_tree, words};
use crate::core::approval::ApprovalRule;
use crate::core::ids::Lang;
use crate::core::rules::Rules;

/// Where the settings stand, relative to the campaign folder.
pub(crate) const FILE: &str = "config/watchpost.toml";

/// How every mistake about the store begins.
const STORE: &str = "the store's address";

const DEFAULT_STORE: &str = "data/watchpost.db";

/// What the settings say, as far as they could be read.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) name: String,
    /// `None` while it is not known: then no local time is judged.
    pub(crate) zone: Option<Tz>,
    pub(crate) approval: ApprovalRule,
    /// Empty while they are not known: then no language is judged.
    pub(crate) languages: Vec<Lang>,
    pub(crate) hashtags: Vec<String>,
    /// What every account keeps to that says nothing else.
    pub(crate) rules: Rules,
    /// With the line of each.
    pub(crate) accounts: Vec<(Account, usize)>,
    pub(crate) replies: Replies,
    pub(crate) store_url: SecretString,
}

/// Reads the settings.
pub(crate) fn read(node: &Node, root: &Path, now: DateTime<Utc>, report: &mut Report) -> Settings {
    let mut settings = Settings { store_url: sqlite(root, Path::new(DEFAULT_STORE)), ..Settings::default() };
    let Some(mut top) = Section::open(node, FILE, report) else {
        return settings;
    };
    if let Some(node) = top.take("campaign", report) {
        campaign(node, &mut settings, now, report);
    } else if !top.has("campaign") {
        report.error(None, "there is no [campaign]", "add [campaign] with name, timezone and languages");
    }
    if let Some(node) = top.take("accounts", report) {
        for mut section in tables(node, "[[accounts]]", report) {
            let line = section.line;
            if let Some(account) = accounts::read(&mut section, root, &settings.rules, report) {
                settings.accounts.push((account, line));
            }
            section.finish(report);
        }
        accounts::tell_twins(&settings.accounts, report);
    } else if !top.has("accounts") {
        report.warn(None, "there are no [[accounts]]: nothing can be sent", "add one with name, server and token");
    }
    if let Some(node) = top.take("replies", report) {
        settings.replies = replies::read(node, report);
    }
    if let Some(node) = top.take("store", report) {
        store(node, root, &mut settings, report);
    }
    if let Some(node) = top.take("web", report) {
        web(node, report);
    }
    top.finish(report);
    settings
}

fn campaign(node: &Node, settings: &mut Settings, now: DateTime<Utc>, report: &mut Report) {
    let Some(mut section) = Section::open(node, "[campaign]", report) else {
        return;
    };
    settings.name = section.required("name", report).map(|name| name.text).unwrap_or_default();
    if let Some(zone) = section.required("timezone", report) {
        match zone.text.parse::<Tz>() {
            Ok(known) => settings.zone = Some(known),
            Err(_) => {
                let names = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
                let hint = nearest(&zone.text, names).map_or_else(
                    || "write an IANA name: \"America/New_York\", \"Europe/Madrid\"".to_owned(),
                    |name| format!("did you mean `{name}`?"),
                );
                report.error(zone.line, format!("`{}` is not a time zone", zone.text), hint);
            }
        }
    }
    if let Some(approval) = section.text("approval", report) {
        match approval.text.as_str() {
            "none" => settings.approval = ApprovalRule::None,
            "two-person" => settings.approval = ApprovalRule::TwoPerson,
            other => report.error(
                approval.line,
                format!("`approval` cannot be `{other}`"),
                "write \"two-person\": somebody who did not write it must approve every post; or \"none\"",
            ),
        }
    }
    let languages = section.texts("languages", report);
    if languages.as_ref().is_none_or(Vec::is_empty) {
        report.error(
            section.line_of("languages"),
            "[campaign] names no languages",
            "write languages = [\"en\"]; the first is the default",
        );
    }
    for written in languages.unwrap_or_default() {
        match words::language(&written.text) {
            Ok(lang) if settings.languages.iter().any(|known| known.primary() == lang.primary()) => {
                report.error(written.line, format!("the language `{lang}` stands twice"), "name each once");
            }
            Ok(lang) => settings.languages.push(lang),
            Err(why) => why.tell(written.line, report),
        }
    }
    for tag in section.texts("hashtags", report).unwrap_or_default() {
        if let Some(why) = super::hashtags::fault(&tag.text) {
            report.error(tag.line, why, "write it as \"#EyesOnAmazon\"");
        } else {
            if let Some(hint) = super::hashtags::hard_to_read(&tag.text, &[]) {
                report.warn(tag.line, format!("screen readers cannot tell the words of {}", tag.text), hint);
            }
            settings.hashtags.push(tag.text);
        }
    }
    settings.rules = rules::of_campaign(&mut section, settings.zone, report);
    if let Some(zone) = settings.zone {
        rules::tell_ended(&settings.rules, section.line_of("ends"), zone, now, report);
    }
    section.finish(report);
}

fn store(node: &Node, root: &Path, settings: &mut Settings, report: &mut Report) {
    const HINT: &str = "write url = \"sqlite://data/watchpost.db\", or \"postgres://USER@HOST/DATABASE\"";
    let Some(mut section) = Section::open(node, "[store]", report) else {
        return;
    };
    if let Some(url) = section.text("url", report) {
        // The address may hold a password, so no finding shows it.
        match url.text.split_once("://") {
            Some(("sqlite", "" | ":memory:")) => no_file(url.line, report),
            Some(("sqlite", path)) if path.contains('?') || path.ends_with('/') => no_file(url.line, report),
            Some(("sqlite", path)) => settings.store_url = sqlite(root, Path::new(path)),
            Some(("postgres" | "postgresql", _)) => match address::names_a_database(&url.text) {
                Some(true) => settings.store_url = SecretString::from(url.text),
                Some(false) => report.error(url.line, "the store's address names no database", HINT),
                None => report.error(
                    url.line,
                    "the store's address cannot be read",
                    "write postgres://USER:PASSWORD@HOST:PORT/DATABASE; signs like @ / : # in a password as %40 %2F %3A %23",
                ),
            },
            _ => report.error(url.line, "the store's address must begin with sqlite:// or postgres://", HINT),
        }
    }
    section.finish(report);
}

/// Which database is the campaign's, also where the settings as a whole cannot be read: then by their line `url` alone.
/// `None` where that line is what is wrong: what is said to another database stops nobody.
pub(crate) fn store_in_spite(root: &Path, now: DateTime<Utc>, findings: &[Finding]) -> Option<SecretString> {
    if findings.iter().any(|finding| finding.level == Level::Error && finding.message.starts_with(STORE)) {
        return None;
    }
    let text = std::fs::read_to_string(root.join(FILE)).ok()?;
    let mut report = Report::new(FILE);
    if let Some(node) = toml_tree::parse(&text, &mut report) {
        return Some(read(&node, root, now, &mut report).store_url);
    }
    let mut urls = text.lines().filter(|line| line.trim_start().starts_with("url"));
    let (line, other) = (urls.next(), urls.next());
    let alone = match (line, other) {
        (Some(line), None) => toml_tree::parse(&format!("[store]\n{line}"), &mut report)?,
        (None, _) => toml_tree::parse("[store]", &mut report)?,
        (Some(_), Some(_)) => return None,
    };
    let mut report = Report::new(FILE);
    let url = read(&alone, root, now, &mut report).store_url;
    report.into_findings().iter().all(|finding| !finding.message.starts_with(STORE)).then_some(url)
}

fn no_file(line: usize, report: &mut Report) {
    report.error(line, "the store's address names no database file", "write url = \"sqlite://data/watchpost.db\"");
}

fn sqlite(root: &Path, path: &Path) -> SecretString {
    SecretString::from(format!("sqlite://{}", root.join(path).display()))
}

fn web(node: &Node, report: &mut Report) {
    let Some(mut section) = Section::open(node, "[web]", report) else {
        return;
    };
    if let Some(listen) = section.text("listen", report) {
        if listen.text.parse::<std::net::SocketAddr>().is_err() {
            report.error(
                listen.line,
                format!("`{}` is not an address to listen on", listen.text),
                "write listen = \"127.0.0.1:8710\"",
            );
        } else {
            report.warn(listen.line, "the staff page is not built yet: `listen` is read and nothing listens", "");
        }
    }
    section.finish(report);
}

/// Names as a list of texts, each known. `known` empty: not judged.
pub(crate) fn names(node: &Node, key: &str, what: &str, known: Option<&[String]>, report: &mut Report) -> Vec<String> {
    let mut named: Vec<String> = Vec::new();
    for written in texts(node, key, report) {
        if let Some(known) = known
            && !known.contains(&written.text)
        {
            let hint = did_you_mean(&written.text, known.iter().map(String::as_str));
            report.error(written.line, format!("there is no {what} `{}`", written.text), hint);
        } else if named.contains(&written.text) {
            report.warn(written.line, format!("`{}` stands twice under `{key}`", written.text), "");
        } else {
            named.push(written.text);
        }
    }
    named
}
