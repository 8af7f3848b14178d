//! `config/watchpost.toml`: the campaign, its accounts, the store. `[replies]` is read by [`super::replies`].
//!
//! Reading never stops: what is wrong becomes a finding and the rest is read, so that posts can be checked against
//! whatever is known.

use std::path::{Path, PathBuf};

use chrono_tz::Tz;

use super::finding::{Report, did_you_mean, nearest};
use super::tree::{Node, Section, Value, tables, text, texts};
use super::words::{self, Misread};
use super::{Account, Replies, TokenSource, address, replies, secrets};
use crate::core::ids::{AccountName, Lang};
use crate::core::schedule::Slot;

/// Where the settings stand, relative to the campaign folder.
pub(crate) const FILE: &str = "config/watchpost.toml";

const DEFAULT_STORE: &str = "data/watchpost.db";

/// What the settings say, as far as they could be read.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) name: String,
    /// `None` while it is not known: then no local time is judged.
    pub(crate) zone: Option<Tz>,
    /// Empty while they are not known: then no language is judged.
    pub(crate) languages: Vec<Lang>,
    pub(crate) hashtags: Vec<String>,
    /// With the line of each.
    pub(crate) accounts: Vec<(Account, usize)>,
    pub(crate) replies: Replies,
    pub(crate) store_url: String,
}

/// Reads the settings.
pub(crate) fn read(node: &Node, root: &Path, report: &mut Report) -> Settings {
    let mut settings = Settings {
        store_url: sqlite(root, Path::new(DEFAULT_STORE)),
        ..Settings::default()
    };
    let Some(mut top) = Section::open(node, FILE, report) else {
        return settings;
    };
    if let Some(node) = top.take("campaign", report) {
        campaign(node, &mut settings, report);
    } else if !top.has("campaign") {
        report.error(
            None,
            "there is no [campaign]",
            "add [campaign] with name, timezone and languages",
        );
    }
    if let Some(node) = top.take("accounts", report) {
        for mut section in tables(node, "[[accounts]]", report) {
            let line = section.line;
            if let Some(account) = account(&mut section, root, report) {
                settings.accounts.push((account, line));
            }
            section.finish(report);
        }
        tell_twins(&settings.accounts, report);
    } else if !top.has("accounts") {
        report.warn(
            None,
            "there are no [[accounts]]: nothing can be sent",
            "add one with name, server and token",
        );
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

fn campaign(node: &Node, settings: &mut Settings, report: &mut Report) {
    let Some(mut section) = Section::open(node, "[campaign]", report) else {
        return;
    };
    settings.name = section
        .required("name", report)
        .map(|name| name.text)
        .unwrap_or_default();
    if let Some(zone) = section.required("timezone", report) {
        match zone.text.parse::<Tz>() {
            Ok(known) => settings.zone = Some(known),
            Err(_) => {
                let names = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
                let hint = nearest(&zone.text, names).map_or_else(
                    || "write an IANA name: \"America/New_York\", \"Europe/Madrid\"".to_owned(),
                    |name| format!("did you mean `{name}`?"),
                );
                report.error(
                    zone.line,
                    format!("`{}` is not a time zone", zone.text),
                    hint,
                );
            }
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
            Ok(lang)
                if settings
                    .languages
                    .iter()
                    .any(|known| known.primary() == lang.primary()) =>
            {
                report.error(
                    written.line,
                    format!("the language `{lang}` stands twice"),
                    "name each once",
                );
            }
            Ok(lang) => settings.languages.push(lang),
            Err(why) => told(why, written.line, report),
        }
    }
    for tag in section.texts("hashtags", report).unwrap_or_default() {
        if let Some(why) = super::hashtags::fault(&tag.text) {
            report.error(tag.line, why, "write it as \"#EyesOnAmazon\"");
        } else {
            if let Some(hint) = super::hashtags::hard_to_read(&tag.text, &[]) {
                report.warn(
                    tag.line,
                    format!("screen readers cannot tell the words of {}", tag.text),
                    hint,
                );
            }
            settings.hashtags.push(tag.text);
        }
    }
    section.finish(report);
}

fn account(section: &mut Section<'_>, root: &Path, report: &mut Report) -> Option<Account> {
    let name = section.required("name", report);
    if let Some(name) = &name
        && !name
            .text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    {
        report.error(
            name.line,
            format!("`{}` cannot be the name of an account", name.text),
            "use letters, digits, - and _ only: it is what staff call it, not its address",
        );
    }
    let label = name
        .as_ref()
        .map_or("an account", |name| name.text.as_str())
        .to_owned();
    let mut server = String::new();
    if let Some(written) = section.required("server", report) {
        match address::server(&written.text) {
            Ok(origin) => {
                if address::is_placeholder_server(&origin) {
                    report.warn(
                        written.line,
                        format!("the server of {label} is a placeholder: {origin}"),
                        "put the real address there before the campaign starts",
                    );
                }
                server = origin;
            }
            Err(why) => told(why, written.line, report),
        }
    }
    let mut streaming = None;
    if let Some(written) = section.text("streaming", report) {
        match address::streaming(&written.text) {
            Ok(origin) => streaming = Some(origin),
            Err(why) => told(why, written.line, report),
        }
    }
    let token = token(section, &label, root, report);
    let slots = section
        .take("slots", report)
        .map(|node| slots(node, report))
        .unwrap_or_default();
    let name = AccountName::new(name?.text);
    Some(Account {
        name,
        server,
        streaming,
        token,
        slots,
    })
}

fn token(section: &mut Section<'_>, label: &str, root: &Path, report: &mut Report) -> TokenSource {
    const HINT: &str =
        "write { file = \"secrets/NAME.token\" }, { env = \"NAME\" } or { credential = \"NAME\" }";
    let line = section.line_of("token");
    if !section.has("token") {
        report.warn(
            line,
            format!("{label} names no token, and storing one with `watchpost account login` is not built yet"),
            "add a line token = { file = \"secrets/NAME.token\" }",
        );
    }
    let Some(node) = section.take("token", report) else {
        return TokenSource::Stored;
    };
    // Not through the walker's own messages: they show what is written, and here that may be the token itself.
    let Value::Table(entries) = &node.value else {
        report.error(node.line, "a token never stands in this file", HINT);
        return TokenSource::Stored;
    };
    let mut source = None;
    for entry in entries {
        let value = text(&entry.node, &entry.key, report).map(|written| written.text);
        let found = match (entry.key.as_str(), value) {
            ("file", Some(value)) => TokenSource::File(PathBuf::from(value)),
            ("env", Some(value)) => TokenSource::Env(value),
            ("credential", Some(value)) if !value.contains('/') => TokenSource::Credential(value),
            ("credential", Some(_)) => {
                report.error(entry.line, "a credential is a name, not a path", HINT);
                continue;
            }
            ("file" | "env" | "credential", None) => continue,
            (other, _) => {
                let hint = did_you_mean(other, ["file", "env", "credential"]);
                report.error(
                    entry.line,
                    format!("`{other}` is not a place for a token"),
                    hint,
                );
                continue;
            }
        };
        if source.is_some() {
            report.error(
                entry.line,
                format!("{label} names two places for its token"),
                "keep one",
            );
        }
        source = Some(found);
    }
    let Some(source) = source else {
        if entries.is_empty() {
            report.error(
                node.line,
                format!("{label} names no place for its token"),
                HINT,
            );
        }
        return TokenSource::Stored;
    };
    if let Err(error) = secrets::token(&source, root) {
        report.warn(node.line, format!("{label} has no token: {error}"), "");
    }
    source
}

/// Slots as a list of `"Mon-Fri 09:00"` and `{ cron = "…" }`.
fn slots(node: &Node, report: &mut Report) -> Vec<Slot> {
    match &node.value {
        Value::List(items) => items
            .iter()
            .filter_map(|item| slot(item, "slots", report))
            .collect(),
        Value::Nothing
        | Value::Flag(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Date(_)
        | Value::Table(_) => {
            report.error(
                node.line,
                format!("`slots` must be a list, not {}", node.value.kind()),
                "write slots = [\"Mon-Fri 09:00\", \"Sat 11:00\"]",
            );
            Vec::new()
        }
    }
}

/// One weekly time: a text in slot grammar, or a table with `cron`.
pub(crate) fn slot(node: &Node, key: &str, report: &mut Report) -> Option<Slot> {
    let read = if matches!(node.value, Value::Table(_)) {
        let mut section = Section::open(node, format!("`{key}`"), report)?;
        let cron = section.required("cron", report);
        section.finish(report);
        Slot::cron(&cron?.text)
    } else {
        Slot::parse(&text(node, key, report)?.text)
    };
    match read {
        Ok(slot) => Some(slot),
        Err(why) => {
            report.error(node.line, why, "");
            None
        }
    }
}

/// Two accounts of one name, or with one token: the same voice twice.
fn tell_twins(accounts: &[(Account, usize)], report: &mut Report) {
    for (at, (account, line)) in accounts.iter().enumerate() {
        for (other, first) in accounts.iter().take(at) {
            let name = &account.name;
            if account.name == other.name {
                report.error(
                    *line,
                    format!("the account `{name}` stands twice, first on line {first}"),
                    "name each account once",
                );
            } else if account.token == other.token
                && account.server == other.server
                && account.token != TokenSource::Stored
            {
                let other = &other.name;
                report.error(
                    *line,
                    format!("`{name}` and `{other}` have the same server and token: they are one account, which would say everything twice"),
                    "give each its own token, or remove one",
                );
            }
        }
    }
}

fn store(node: &Node, root: &Path, settings: &mut Settings, report: &mut Report) {
    const HINT: &str = "write url = \"sqlite://data/watchpost.db\"";
    let Some(mut section) = Section::open(node, "[store]", report) else {
        return;
    };
    if let Some(url) = section.text("url", report) {
        if let Some(path) = url.text.strip_prefix("sqlite://") {
            if path.is_empty() || path.contains('?') || path.ends_with('/') || path == ":memory:" {
                report.error(url.line, "the store's address names no database file", HINT);
            } else {
                settings.store_url = sqlite(root, Path::new(path));
            }
        } else if url.text.starts_with("postgres://") || url.text.starts_with("postgresql://") {
            // The address holds a password and is not shown.
            report.error(
                url.line,
                "PostgreSQL is not built yet: only SQLite works now",
                HINT,
            );
        } else {
            report.error(
                url.line,
                "the store's address must begin with sqlite://",
                HINT,
            );
        }
    }
    section.finish(report);
}

fn sqlite(root: &Path, path: &Path) -> String {
    format!("sqlite://{}", root.join(path).display())
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
            report.warn(
                listen.line,
                "the staff page is not built yet: `listen` is read and nothing listens",
                "",
            );
        }
    }
    section.finish(report);
}

/// A misread word as an error.
pub(crate) fn told(why: Misread, line: usize, report: &mut Report) {
    report.error(line, why.message, why.hint);
}

/// Names as a list of texts, each known. `known` empty: not judged.
pub(crate) fn names(
    node: &Node,
    key: &str,
    what: &str,
    known: Option<&[String]>,
    report: &mut Report,
) -> Vec<String> {
    let mut named: Vec<String> = Vec::new();
    for written in texts(node, key, report) {
        if let Some(known) = known
            && !known.contains(&written.text)
        {
            let hint = did_you_mean(&written.text, known.iter().map(String::as_str));
            report.error(
                written.line,
                format!("there is no {what} `{}`", written.text),
                hint,
            );
        } else if named.contains(&written.text) {
            report.warn(
                written.line,
                format!("`{}` stands twice under `{key}`", written.text),
                "",
            );
        } else {
            named.push(written.text);
        }
    }
    named
}
