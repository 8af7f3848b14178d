//! `config/facts.toml`: the campaign's knowledge.
//!
//! What is read here is consistent or reported: every id a fact names exists, and no fact replaces itself.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};

use super::config::Settings;
use super::finding::{Report, did_you_mean};
use super::tree::{Entry, Node, Section, Value, Written, tables, text, texts};
use super::{address, by_lang, fits, links, words};
use crate::core::compose;
use crate::core::fact::{AsOf, Fact, FactBook, Link, Source};
use crate::core::ids::{FactId, Lang, LinkId, SourceId, TopicId};
use crate::core::matching::{NoIdea, check_asked};
use crate::core::text::turns_words;

/// Where the facts stand, relative to the campaign folder.
pub(crate) const FILE: &str = "config/facts.toml";

/// Reads the facts. `links` is `None` when the links could not be read: then no link is judged. `today` is the
/// campaign's local date; `settings` say how replies are made.
pub(crate) fn read(
    node: &Node,
    settings: &Settings,
    links: Option<&BTreeMap<LinkId, Link>>,
    today: NaiveDate,
    report: &mut Report,
) -> FactBook {
    let languages = settings.languages.as_slice();
    let mut book = FactBook { links: links.cloned().unwrap_or_default(), ..FactBook::default() };
    let Some(mut top) = Section::open(node, FILE, report) else {
        return book;
    };
    book.company = plain(top.texts("company", report));
    book.target = plain(top.texts("target", report));
    book.elsewhere = plain(top.texts("elsewhere", report));
    book.others = plain(top.texts("others", report));
    if let Some(ideas) = top.take("ideas", report).and_then(|node| Section::open(node, "[ideas]", report)) {
        let words = |entry: &Entry, report: &mut Report| plain(Some(texts(&entry.node, &entry.key, report)));
        book.ideas = ideas.entries().iter().map(|entry| (entry.key.clone(), words(entry, report))).collect();
    }
    let mut lines = BTreeMap::new();
    for mut section in top.take("sources", report).map(|node| tables(node, "[[sources]]", report)).unwrap_or_default() {
        if let Some((id, source)) = source(&mut section, &mut lines, languages, today, report) {
            book.sources.insert(id, source);
        }
        section.finish(report);
    }
    let reader = Reader { languages, links, sources: &book.sources, ideas: &book.ideas, today };
    let mut lines: BTreeMap<FactId, usize> = BTreeMap::new();
    let mut facts: Vec<(Fact, Option<Written>)> = Vec::new();
    for mut section in top.take("facts", report).map(|node| tables(node, "[[facts]]", report)).unwrap_or_default() {
        facts.extend(reader.fact(&mut section, &mut lines, report));
        section.finish(report);
    }
    top.finish(report);
    tell_supersedes(&facts, report);
    book.facts = facts.into_iter().map(|(fact, _)| fact).collect();
    if !report.has_errors() {
        fits::check(&book, &lines, &settings.replies, languages, &settings.hashtags, report);
    }
    book
}

fn source(
    section: &mut Section<'_>,
    lines: &mut BTreeMap<SourceId, usize>,
    languages: &[Lang],
    today: NaiveDate,
    report: &mut Report,
) -> Option<(SourceId, Source)> {
    let line = section.line;
    let id = links::id(section, lines, "source", report);
    let title = match section.take("title", report) {
        Some(node) => {
            let title = by_lang::sentence_or_each(node, "title", languages, report);
            by_lang::tell_missing(&title, "the title of this source", node, languages, report);
            title
        }
        None => {
            if !section.has("title") {
                report.error(line, "a source has no `title`", "write title = { en = \"…\" }: what a reply calls it");
            }
            BTreeMap::new()
        }
    };
    let publisher = section.text("publisher", report).map(|written| written.text);
    let date = dated(section, "date", today, report);
    let url = section.text("url", report);
    if let Some(url) = &url {
        match address::link(&url.text) {
            Ok(()) => links::tell_placeholder(&url.text, url.line, report),
            Err(why) => why.tell(url.line, report),
        }
    }
    Some((
        id?,
        Source { title, publisher, date: date.unwrap_or(AsOf::Year(today.year())), url: url.map(|url| url.text) },
    ))
}

/// The first `@name` that a server would take for somebody.
fn named_in(text: &str) -> Option<String> {
    text.split_whitespace().find_map(|word| {
        let (before, behind) = word.split_once('@')?;
        let name: String = behind.chars().take_while(|c| c.is_alphanumeric() || "_-.@".contains(*c)).collect();
        let own = before.chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '/');
        (own && name.starts_with(char::is_alphanumeric)).then(|| format!("@{}", name.trim_end_matches('.')))
    })
}

/// What must not stand in an answer: signs nobody sees, which may turn the words around, and places for words that only
/// the template has.
fn not_to_be_said(text: &str) -> Option<(String, &'static str)> {
    if let Some(hidden) = text.chars().find(|c| (c.is_control() && *c != '\n') || turns_words(*c)) {
        let what = format!("holds U+{:04X}, a sign that nobody sees", u32::from(hidden));
        return Some((what, "delete it, or write the words again"));
    }
    let place = compose::KNOWN.iter().find(|place| text.contains(&format!("{{{place}}}")))?;
    Some((
        format!("holds {{{place}}}, which is filled in the template only"),
        "take it out: source, date and link are added anyway",
    ))
}

struct Reader<'a> {
    languages: &'a [Lang],
    links: Option<&'a BTreeMap<LinkId, Link>>,
    sources: &'a BTreeMap<SourceId, Source>,
    ideas: &'a BTreeMap<String, Vec<String>>,
    today: NaiveDate,
}

impl Reader<'_> {
    fn fact(
        &self,
        section: &mut Section<'_>,
        lines: &mut BTreeMap<FactId, usize>,
        report: &mut Report,
    ) -> Option<(Fact, Option<Written>)> {
        let line = section.line;
        let id = links::id(section, lines, "fact", report);
        let label = id.as_ref().map_or("this fact".to_owned(), |id: &FactId| format!("the fact `{id}`"));
        let topic = section.required("topic", report);
        let keywords = plain(section.texts("keywords", report));
        let topical = plain(section.texts("topical", report));
        let weak = plain(section.texts("weak", report));
        let beside = plain(section.texts("beside", report));
        let asked = section.texts("asked", report).unwrap_or_default();
        for line in &asked {
            self.tell_no_idea(line, report);
        }
        let asked: Vec<String> = plain(Some(asked));
        if keywords.is_empty() && topical.is_empty() && weak.is_empty() && asked.is_empty() {
            report.warn(line, format!("{label} has no keywords: nobody can ask for it"), "add keywords = [\"…\"]");
        }
        let text = match section.take("text", report) {
            Some(node) => {
                let by = by_lang::sentences(node, "text", self.languages, report);
                by_lang::tell_missing(&by, &label, node, self.languages, report);
                links::tell_placeholder(&by.values().cloned().collect::<Vec<_>>().join("\n"), node.line, report);
                by
            }
            None => {
                if !section.has("text") {
                    report.error(line, format!("{label} has no `text`"), "write text = { en = \"…\" }");
                }
                BTreeMap::new()
            }
        };
        let short = section.take("short", report).map(|node| by_lang::sentences(node, "short", self.languages, report));
        let variants =
            section.take("variants", report).map(|node| by_lang::lists(node, "variants", self.languages, report));
        let said = text.values().chain(short.iter().flat_map(BTreeMap::values));
        for said in said.chain(variants.iter().flat_map(BTreeMap::values).flatten()) {
            if let Some(name) = named_in(said) {
                report.error(
                    section.line_of("text"),
                    format!("{label} names {name}: every answer with it would write to them"),
                    "a reply names nobody but whoever asked; write the name without the @",
                );
            }
            if let Some((what, hint)) = not_to_be_said(said) {
                report.error(section.line_of("text"), format!("{label} {what}"), hint);
            }
        }
        let source = section.required("source", report);
        if let Some(source) = &source {
            let known = self.sources.keys().map(SourceId::as_str);
            tell_unknown(source, "source", known, report);
        }
        let link = section.required("link", report);
        if let (Some(link), Some(links)) = (&link, self.links) {
            tell_unknown(link, "link", links.keys().map(LinkId::as_str), report);
        }
        let as_of = dated(section, "as_of", self.today, report);
        let review_by = self.review_by(section, &label, report);
        let supersedes = section.text("supersedes", report);
        let fact = Fact {
            id: id?,
            topic: TopicId::new(topic?.text),
            keywords,
            topical,
            weak,
            beside,
            asked,
            text,
            short: short.unwrap_or_default(),
            variants: variants.unwrap_or_default(),
            source: SourceId::new(source.map(|source| source.text).unwrap_or_default()),
            as_of: as_of.unwrap_or(AsOf::Year(self.today.year())),
            review_by,
            supersedes: supersedes.as_ref().map(|other| FactId::new(other.text.as_str())),
            link: LinkId::new(link.map(|link| link.text).unwrap_or_default()),
        };
        Some((fact, supersedes))
    }

    fn tell_no_idea(&self, line: &Written, report: &mut Report) {
        let Err(NoIdea(name)) = check_asked(&line.text, self.ideas) else { return };
        if name.is_empty() {
            let what = "`asked` has a line that wants no idea";
            report.error(line.line, what, "name those that ask for this fact together: \"doorcam officers\"");
        } else {
            let known = self.ideas.keys().map(String::as_str);
            report.error(line.line, format!("there is no idea `{name}`"), did_you_mean(&name, known));
        }
    }

    fn review_by(&self, section: &mut Section<'_>, label: &str, report: &mut Report) -> Option<NaiveDate> {
        let node = section.take("review_by", report)?;
        let written = date_text(node, "review_by", report)?;
        match words::day(&written) {
            Ok(day) => {
                if day <= self.today {
                    report.warn(
                        node.line,
                        format!("{label} is stale: it was to be reviewed by {day}, and is not said any more"),
                        "look whether it still holds, then move the date",
                    );
                }
                Some(day)
            }
            Err(why) => {
                why.tell(node.line, report);
                None
            }
        }
    }
}

fn plain(written: Option<Vec<Written>>) -> Vec<String> {
    written.unwrap_or_default().into_iter().map(|written| written.text).collect()
}

fn tell_unknown<'a>(written: &Written, what: &str, known: impl Iterator<Item = &'a str> + Clone, report: &mut Report) {
    if !known.clone().any(|id| id == written.text) {
        report.error(
            written.line,
            format!("there is no {what} `{}`", written.text),
            did_you_mean(&written.text, known),
        );
    }
}

/// A required date, as precise as it is written; a mistake when it lies in the future.
fn dated(section: &mut Section<'_>, key: &'static str, today: NaiveDate, report: &mut Report) -> Option<AsOf> {
    if !section.has(key) {
        report.error(
            section.line,
            format!("there is no `{key}`"),
            format!("add {key} = \"2022-07-18\", as exactly as it is known"),
        );
    }
    let node = section.take(key, report)?;
    let written = date_text(node, key, report)?;
    match words::as_of(&written) {
        Ok(date) => {
            let begins = match date {
                AsOf::Year(year) => NaiveDate::from_ymd_opt(year, 1, 1),
                AsOf::Month(year, month) => NaiveDate::from_ymd_opt(year, month, 1),
                AsOf::Day(day) => Some(day),
            };
            if begins.is_some_and(|day| day > today) {
                report.error(node.line, format!("`{key}` lies in the future: {written}"), "write when it was so");
            }
            Some(date)
        }
        Err(why) => {
            why.tell(node.line, report);
            None
        }
    }
}

/// A TOML date, or a text. A bare year is a number in TOML; what is meant is plain.
fn date_text(node: &Node, key: &str, report: &mut Report) -> Option<String> {
    match &node.value {
        Value::Date(date) | Value::Number(date) => Some(date.clone()),
        Value::Nothing | Value::Flag(_) | Value::Text(_) | Value::List(_) | Value::Table(_) => {
            text(node, key, report).map(|written| written.text)
        }
    }
}

/// A fact may replace another one that exists, and no chain of them comes back to itself.
fn tell_supersedes(facts: &[(Fact, Option<Written>)], report: &mut Report) {
    let next: BTreeMap<&FactId, &FactId> =
        facts.iter().filter_map(|(fact, _)| fact.supersedes.as_ref().map(|other| (&fact.id, other))).collect();
    for (fact, written) in facts {
        let Some(written) = written else { continue };
        tell_unknown(written, "fact", facts.iter().map(|(fact, _)| fact.id.as_str()), report);
        let mut seen = vec![&fact.id];
        let mut at = next.get(&fact.id);
        while let Some(other) = at {
            if *other == &fact.id {
                report.error(
                    written.line,
                    format!("the fact `{}` replaces itself", fact.id),
                    "remove one `supersedes`: none of them would ever be said",
                );
            }
            if seen.contains(other) {
                break;
            }
            seen.push(other);
            at = next.get(other);
        }
    }
}
