//! `config/commands.toml`: what followers can tell the bot, and what the bot itself says.
//!
//! The shipped file is the default; a campaign's own file replaces it command by command and language by language.

use std::collections::BTreeMap;

use super::by_lang::{self, language_of, lists, missing, sentences};
use super::finding::{Report, did_you_mean};
use super::toml_tree;
use super::tree::{Node, Section, Written, texts};
use crate::core::command::{Command, CommandBook, Groups, Unclear, check};
use crate::core::fact::ByLang;
use crate::core::ids::{Lang, TopicId};

/// Where the commands stand, relative to the campaign folder.
pub(crate) const FILE: &str = "config/commands.toml";

const SHIPPED: &str = include_str!("../../config/commands.toml");

/// The shipped commands. They are part of the program, so their own findings are for its tests.
pub(crate) fn shipped(report: &mut Report) -> CommandBook {
    toml_tree::parse(SHIPPED, report).map(|node| parse(&node, &[], None, report)).unwrap_or_default()
}

/// The campaign's commands over the shipped ones. `node` is `None` when the campaign has no file of its own;
/// `topics` are those of its facts, `None` when those could not be read: then no topic is judged.
pub(crate) fn read(
    node: Option<&Node>,
    languages: &[Lang],
    topics: Option<&[TopicId]>,
    report: &mut Report,
) -> CommandBook {
    let mut book = shipped(&mut Report::new(FILE));
    book.topic_names.retain(|topic, _| topics.is_some_and(|topics| topics.contains(topic)));
    if let Some(node) = node {
        let own = parse(node, languages, Some(&book), report);
        if let Some(topics) = topics {
            tell_names(&own, topics, report);
        }
        for (lang, groups) in own.groups {
            book.groups.entry(lang).or_default().extend(groups);
        }
        book.calls.extend(own.calls);
        book.outcries.extend(own.outcries);
        book.told.extend(own.told);
        book.unmeant.extend(own.unmeant);
        book.joking.extend(own.joking);
        overlay(&mut book.phrases, own.phrases);
        overlay(&mut book.patterns, own.patterns);
        book.courtesy.extend(own.courtesy);
        book.asking.extend(own.asking);
        book.negation.extend(own.negation);
        book.turning.extend(own.turning);
        book.talk.extend(own.talk);
        book.ordinary.extend(own.ordinary);
        book.concern.extend(own.concern);
        overlay(&mut book.texts, own.texts);
        overlay(&mut book.topic_names, own.topic_names);
    }
    tell_gaps(&book, languages, topics.unwrap_or_default(), report);
    book
}

fn overlay<K: Ord, T>(under: &mut BTreeMap<K, ByLang<T>>, over: BTreeMap<K, ByLang<T>>) {
    for (key, by_lang) in over {
        under.entry(key).or_default().extend(by_lang);
    }
}

/// `shipped` names the sentences there are; without it any is taken.
fn parse(node: &Node, languages: &[Lang], shipped: Option<&CommandBook>, report: &mut Report) -> CommandBook {
    let mut book = CommandBook::default();
    let Some(mut top) = Section::open(node, FILE, report) else {
        return book;
    };
    if let Some(node) = top.take("groups", report) {
        book.groups = groups(node, languages, report);
    }
    let known = |lang: &Lang| {
        let shipped = shipped.and_then(|shipped| shipped.groups.get(lang)).into_iter().flatten();
        let own = book.groups.get(lang).into_iter().flatten();
        shipped.chain(own).map(|(name, list)| (name.clone(), list.clone())).collect::<Groups>()
    };
    let known: ByLang<Groups> = shipped
        .iter()
        .flat_map(|book| book.groups.keys())
        .chain(book.groups.keys())
        .map(|lang| (lang.clone(), known(lang)))
        .collect();
    let lines = |node: &Node, key: &str, report: &mut Report| {
        for entry in Section::open(node, format!("`{key}`"), report).iter().flat_map(|section| section.entries()) {
            for written in texts(&entry.node, key, &mut Report::new(FILE)) {
                tell_unclear(&written, known.get(&Lang::new(entry.key.as_str())), report);
            }
        }
        lists(node, key, languages, report)
    };
    // Whole phrases and where they stand, because one phrase cannot be two commands.
    let mut said: BTreeMap<(Lang, String), (Command, usize)> = BTreeMap::new();
    for command in Command::ALL {
        let Some(node) = top.take(command.as_str(), report) else {
            continue;
        };
        let Some(section) = Section::open(node, format!("[{}]", command.as_str()), report) else {
            continue;
        };
        for entry in section.entries() {
            if entry.key == "patterns" {
                let patterns = lines(&entry.node, "patterns", report);
                if !matches!(command, Command::Stop | Command::Start) {
                    report.error(
                        entry.line,
                        format!("[{}] takes no patterns", command.as_str()),
                        "only stop and start do; write whole phrases",
                    );
                }
                book.patterns.insert(command, patterns);
                continue;
            }
            if command == Command::Stop && entry.key == "calls" {
                book.calls = lines(&entry.node, "calls", report);
                continue;
            }
            if command == Command::Stop && entry.key == "outcries" {
                book.outcries = lines(&entry.node, "outcries", report);
                continue;
            }
            if command == Command::Stop && entry.key == "told" {
                book.told = lines(&entry.node, "told", report);
                continue;
            }
            if command == Command::Stop && entry.key == "unmeant" {
                book.unmeant = lists(&entry.node, "unmeant", languages, report);
                continue;
            }
            let Some(lang) = language_of(entry, languages, report) else {
                continue;
            };
            let mut phrases = Vec::new();
            for written in texts(&entry.node, &entry.key, report) {
                let key = (lang.clone(), written.text.to_lowercase());
                if let Some((other, line)) = said.get(&key).filter(|(other, _)| *other != command) {
                    report.error(
                        written.line,
                        format!(
                            "“{}” is {} on line {line} and {} here",
                            written.text,
                            other.as_str(),
                            command.as_str()
                        ),
                        "each phrase can be one command only",
                    );
                }
                tell_unclear(&written, known.get(&lang), report);
                said.insert(key, (command, written.line));
                phrases.push(written.text);
            }
            book.phrases.entry(command).or_default().insert(lang, phrases);
        }
    }
    if let Some(node) = top.take("courtesy", report) {
        book.courtesy = lists(node, "courtesy", languages, report);
    }
    if let Some(node) = top.take("asking", report) {
        book.asking = lists(node, "asking", languages, report);
    }
    if let Some(node) = top.take("joking", report) {
        book.joking = lists(node, "joking", languages, report);
    }
    if let Some(node) = top.take("turning", report) {
        book.turning = lists(node, "turning", languages, report);
    }
    if let Some(node) = top.take("talk", report) {
        book.talk = lists(node, "talk", languages, report);
    }
    if let Some(node) = top.take("concern", report) {
        book.concern = lists(node, "concern", languages, report);
    }
    if let Some(node) = top.take("ordinary", report) {
        book.ordinary = lists(node, "ordinary", languages, report);
    }
    if let Some(node) = top.take("negation", report) {
        book.negation = lists(node, "negation", languages, report);
    }
    if let Some(node) = top.take("texts", report)
        && let Some(section) = Section::open(node, "[texts]", report)
    {
        for entry in section.entries() {
            if let Some(shipped) = shipped
                && !shipped.texts.contains_key(&entry.key)
            {
                let known = shipped.texts.keys().map(String::as_str);
                report.error(
                    entry.line,
                    format!("the bot never says `{}`", entry.key),
                    did_you_mean(&entry.key, known),
                );
                continue;
            }
            book.texts.insert(entry.key.clone(), sentences(&entry.node, &entry.key, languages, report));
        }
    }
    if let Some(node) = top.take("topic_names", report)
        && let Some(section) = Section::open(node, "[topic_names]", report)
    {
        for entry in section.entries() {
            let names = by_lang::sentence_or_each(&entry.node, &entry.key, languages, report);
            book.topic_names.insert(TopicId::new(entry.key.as_str()), names);
        }
    }
    top.finish(report);
    book
}

fn groups(node: &Node, languages: &[Lang], report: &mut Report) -> ByLang<Groups> {
    let mut by_lang = ByLang::new();
    for entry in Section::open(node, "[groups]", report).iter().flat_map(|section| section.entries()) {
        let Some(lang) = language_of(entry, languages, report) else {
            continue;
        };
        let mut named = Groups::new();
        for group in Section::open(&entry.node, format!("[groups.{lang}]"), report).iter().flat_map(|own| own.entries())
        {
            let list = texts(&group.node, &group.key, report);
            named.insert(group.key.clone(), list.into_iter().map(|written| written.text).collect());
        }
        by_lang.insert(lang, named);
    }
    by_lang
}

/// A line whose brackets cannot be read.
fn tell_unclear(written: &Written, groups: Option<&Groups>, report: &mut Report) {
    let none = Groups::new();
    let groups = groups.unwrap_or(&none);
    let Err(why) = check(&written.text, groups) else {
        return;
    };
    let (message, hint) = match why {
        Unclear::NoGroup(name) => {
            let hint = did_you_mean(&name, groups.keys().map(String::as_str));
            let hint = if hint.is_empty() { "add it under [groups.en], or write {one|two}".to_owned() } else { hint };
            (format!("“{}” names the group `{name}`, and there is none", written.text), hint)
        }
        Unclear::Bracket(bracket) => {
            (format!("in “{}” the `{bracket}` has no partner", written.text), "close it, or take it out".to_owned())
        }
        Unclear::Circle => {
            (format!("“{}” names a group that names itself", written.text), "take the name out of the group".to_owned())
        }
        Unclear::Empty => (
            format!("“{}” has no word that must be said", written.text),
            "write at least one word outside of ( )".to_owned(),
        ),
    };
    report.error(written.line, message, hint);
}

/// Names of topics that no fact has.
fn tell_names(own: &CommandBook, topics: &[TopicId], report: &mut Report) {
    for topic in own.topic_names.keys().filter(|topic| !topics.contains(topic)) {
        let hint = did_you_mean(topic.as_str(), topics.iter().map(TopicId::as_str));
        report.warn(None, format!("[topic_names] names `{topic}`, and no fact has that topic"), hint);
    }
}

/// What is missing once the campaign's words lie over the shipped ones.
fn tell_gaps(book: &CommandBook, languages: &[Lang], topics: &[TopicId], report: &mut Report) {
    for command in Command::ALL {
        let empty = ByLang::new();
        for lang in missing(book.phrases.get(&command).unwrap_or(&empty), languages) {
            report.warn(
                None,
                format!("there are no phrases for {} in `{lang}`", command.as_str()),
                format!("add them under [{}]", command.as_str()),
            );
        }
    }
    for (key, by_lang) in &book.texts {
        for lang in missing(by_lang, languages) {
            report.warn(None, format!("what the bot says as `{key}` has no text in `{lang}`"), "add it under [texts]");
        }
    }
    for topic in topics {
        let empty = ByLang::new();
        for lang in missing(book.topic_names.get(topic).unwrap_or(&empty), languages) {
            report.warn(None, format!("the topic `{topic}` has no name in `{lang}`"), "add it under [topic_names]");
        }
    }
}
