//! `[[accounts]]` of `config/watchpost.toml`: where the campaign speaks, with which token, at which weekly times.
//!
//! A token is looked for, to warn when it is missing, and never shown: not even what stands in its place by mistake.

use std::path::{Path, PathBuf};

use super::finding::{Report, did_you_mean};
use super::tree::{Node, Section, Value, text};
use super::{Account, TokenSource, address, rules, secrets, words};
use crate::core::ids::AccountName;
use crate::core::rules::Rules;
use crate::core::schedule::Slot;

/// Reads one account; `None` when it has no name.
pub(crate) fn read(section: &mut Section<'_>, root: &Path, campaign: &Rules, report: &mut Report) -> Option<Account> {
    let name = section.required("name", report);
    if let Some(name) = &name
        && !name.text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    {
        report.error(
            name.line,
            format!("`{}` cannot be the name of an account", name.text),
            "use letters, digits, - and _ only: it is what staff call it, not its address",
        );
    }
    let label = name.as_ref().map_or("an account", |name| name.text.as_str()).to_owned();
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
            Err(why) => why.tell(written.line, report),
        }
    }
    let mut streaming = None;
    if let Some(written) = section.text("streaming", report) {
        match address::streaming(&written.text) {
            Ok(origin) => streaming = Some(origin),
            Err(why) => why.tell(written.line, report),
        }
    }
    let token = token(section, &label, root, report);
    let slots = section.take("slots", report).map(|node| slots(node, report)).unwrap_or_default();
    let rules = rules::of_account(section, campaign, report);
    let speaks = section.text("lang", report).and_then(|written| match words::language(&written.text) {
        Ok(lang) => Some(lang),
        Err(why) => {
            why.tell(written.line, report);
            None
        }
    });
    let name = AccountName::new(name?.text);
    Some(Account { name, server, streaming, token, slots, speaks, rules })
}

fn token(section: &mut Section<'_>, label: &str, root: &Path, report: &mut Report) -> TokenSource {
    const HINT: &str = "write { file = \"secrets/NAME.token\" }, { env = \"NAME\" } or { credential = \"NAME\" }";
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
                report.error(entry.line, format!("`{other}` is not a place for a token"), hint);
                continue;
            }
        };
        if source.is_some() {
            report.error(entry.line, format!("{label} names two places for its token"), "keep one");
        }
        source = Some(found);
    }
    let Some(source) = source else {
        if entries.is_empty() {
            report.error(node.line, format!("{label} names no place for its token"), HINT);
        }
        return TokenSource::Stored;
    };
    if entries.len() == 1
        && let Err(error) = secrets::token(&source, root)
    {
        report.warn(node.line, format!("{label} has no token: {error}"), "");
    }
    source
}

/// Slots as a list of `"Mon-Fri 09:00"` and `{ cron = "…" }`.
fn slots(node: &Node, report: &mut Report) -> Vec<Slot> {
    match &node.value {
        Value::List(items) => items.iter().filter_map(|item| slot(item, "slots", report)).collect(),
        Value::Nothing | Value::Flag(_) | Value::Number(_) | Value::Text(_) | Value::Date(_) | Value::Table(_) => {
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
pub(crate) fn tell_twins(accounts: &[(Account, usize)], report: &mut Report) {
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
