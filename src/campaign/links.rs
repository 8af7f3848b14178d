//! `config/links.toml`: where people can act.

use std::collections::BTreeMap;

use super::finding::Report;
use super::tree::{Node, Section, Value, tables};
use super::{address, by_lang};
use crate::core::fact::{ByLang, Link};
use crate::core::ids::{Lang, LinkId};

/// Where the links stand, relative to the campaign folder.
pub(crate) const FILE: &str = "config/links.toml";

/// Reads the links.
pub(crate) fn read(node: &Node, languages: &[Lang], report: &mut Report) -> BTreeMap<LinkId, Link> {
    let mut links = BTreeMap::new();
    let mut lines: BTreeMap<LinkId, usize> = BTreeMap::new();
    let Some(mut top) = Section::open(node, FILE, report) else {
        return links;
    };
    let list = top.take("links", report).map(|node| tables(node, "[[links]]", report)).unwrap_or_default();
    for mut section in list {
        let line = section.line;
        let id = id(&mut section, &mut lines, "link", report);
        let url = match section.take("url", report) {
            Some(node) => urls(node, languages, report),
            None => {
                if !section.has("url") {
                    report.error(line, "[[links]] has no `url`", "add a line `url = \"https://…\"`");
                }
                ByLang::new()
            }
        };
        let label = match section.take("label", report) {
            Some(node) => {
                let label = by_lang::sentence_or_each(node, "label", languages, report);
                by_lang::tell_missing(&label, "the label of this link", node, languages, report);
                label
            }
            None => {
                if !section.has("label") {
                    report.error(line, "a link has no `label`", "write label = { en = \"Sign the pledge\" }");
                }
                BTreeMap::new()
            }
        };
        section.finish(report);
        if let Some(id) = id {
            links.insert(id, Link { url, label });
        }
    }
    top.finish(report);
    links
}

/// One address for every language, or one for each.
fn urls(node: &Node, languages: &[Lang], report: &mut Report) -> ByLang<String> {
    let urls = by_lang::sentence_or_each(node, "url", languages, report);
    by_lang::tell_missing(&urls, "the url of this link", node, languages, report);
    let mut judged: Vec<&str> = Vec::new();
    for (lang, url) in &urls {
        if judged.contains(&url.as_str()) {
            continue;
        }
        judged.push(url);
        let line = match &node.value {
            Value::Table(entries) => {
                let own = entries.iter().find(|entry| entry.key.eq_ignore_ascii_case(lang.as_str()));
                own.map_or(node.line, |entry| entry.line)
            }
            Value::Nothing | Value::Flag(_) | Value::Number(_) | Value::Text(_) | Value::Date(_) | Value::List(_) => {
                node.line
            }
        };
        match address::link(url) {
            Ok(()) => tell_placeholder(url, line, report),
            Err(why) => why.tell(line, report),
        }
    }
    urls
}

/// The `id` of an entry, one word and new in its file.
pub(crate) fn id<T: for<'a> From<&'a str> + Ord>(
    section: &mut Section<'_>,
    lines: &mut BTreeMap<T, usize>,
    what: &str,
    report: &mut Report,
) -> Option<T> {
    let written = section.required("id", report)?;
    if written.text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        report.error(written.line, format!("the id `{}` is more than one word", written.text), "join the words with -");
        return None;
    }
    let id = T::from(written.text.as_str());
    if let Some(first) = lines.get(&id) {
        report.error(
            written.line,
            format!("the {what} `{}` stands twice, first on line {first}", written.text),
            "give each its own id",
        );
        return None;
    }
    lines.insert(id, written.line);
    Some(T::from(written.text.as_str()))
}

/// Ends the finding of a placeholder.
pub(crate) const PLACEHOLDER: &str = "is a placeholder";

/// Warns of a link to a host that does not exist.
pub(crate) fn tell_placeholder(text: &str, line: usize, report: &mut Report) {
    if let Some(link) = address::placeholder_link(text) {
        report.warn(
            line,
            format!("{link} {PLACEHOLDER}"),
            "put the real address there: a text with a placeholder is never sent to a real server",
        );
    }
}
