//! Finding a command in a text: forgiving in form, strict in meaning (DESIGN §6).
//!
//! A command is everything that somebody says in one clause, one sentence or the whole text, once hashtags and courtesy
//! are gone. A stop is never missed where a start stands too. Topics and keywords are not known here.

use std::collections::BTreeMap;

use super::phrases::{PhraseList, full_words};
use super::{Command, CommandBook};
use crate::core::fact::ByLang;
use crate::core::ids::Lang;
use crate::core::matching::fast_map::{FastMap, FastSet};
use crate::core::matching::nearness::{Nearness, squeezed};
use crate::core::text::Words;

/// The phrases of a [`CommandBook`], ready for reading.
#[derive(Clone, Debug)]
pub struct CommandReader {
    phrases: FastMap<String, Meaning>,
    /// Words in the longest phrase.
    longest: usize,
    /// By their first word; a pattern that opens with a star stands under `*`.
    patterns: FastMap<String, Vec<(Vec<String>, Meaning)>>,
    courtesy: PhraseList,
    vocabulary: FastSet<String>,
    near: Nearness,
}

#[derive(Clone, Debug)]
struct Meaning {
    command: Command,
    /// The languages whose lists hold the phrase.
    langs: Vec<Lang>,
}

/// A command in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which one.
    pub command: Command,
    /// The language of the phrase, when only one language has it.
    pub lang: Option<Lang>,
    /// The words it was said with, as indexes into [`Words::list`].
    pub words: Vec<usize>,
}

impl CommandReader {
    /// Prepares all phrases and patterns.
    #[must_use]
    pub fn new(book: &CommandBook) -> Self {
        let mut reader = Self {
            phrases: FastMap::default(),
            longest: 0,
            patterns: FastMap::default(),
            courtesy: PhraseList::new(&book.courtesy),
            vocabulary: FastSet::default(),
            near: Nearness::default(),
        };
        for (command, lang, written) in texts(&book.phrases) {
            let words = full_words(written);
            reader.vocabulary.extend(words.iter().cloned());
            reader.longest = reader.longest.max(words.len());
            let meaning =
                reader.phrases.entry(words.join(" ")).or_insert_with(|| Meaning { command, langs: Vec::new() });
            if !meaning.langs.contains(lang) {
                meaning.langs.push(lang.clone());
            }
        }
        for (command, lang, written) in texts(&book.patterns) {
            let parts = pattern_words(written);
            let Some(first) = parts.first().cloned() else {
                continue;
            };
            reader.vocabulary.extend(parts.iter().filter(|part| *part != "*").cloned());
            let meaning = Meaning { command, langs: vec![lang.clone()] };
            reader.patterns.entry(first).or_default().push((parts, meaning));
        }
        let courtesy = book.courtesy.values().flatten();
        reader.vocabulary.extend(courtesy.flat_map(|text| full_words(text)));
        reader.phrases.remove("");
        for word in &reader.vocabulary {
            reader.near.learn(word, word);
        }
        reader
    }

    /// The command of a text: stop before start before whatever comes first.
    #[must_use]
    pub fn read(&self, words: &Words) -> Option<Found> {
        let heard: Vec<&str> = words.list().iter().map(|word| self.heard(words.text(word))).collect();
        let mut first: Option<Found> = None;
        for unit in units(words) {
            let Some(found) = self.read_unit(&heard, &unit) else {
                continue;
            };
            if first.as_ref().is_none_or(|kept| rank(found.command) < rank(kept.command)) {
                first = Some(found);
            }
        }
        first
    }

    /// How many words of courtesy open this run of words.
    #[must_use]
    pub fn courtesy_at_start(&self, words: &[&str]) -> usize {
        let mut skipped = 0;
        while let Some(count) = words.get(skipped..).and_then(|rest| self.courtesy.at_start(rest)) {
            skipped += count;
        }
        skipped
    }

    /// How many words of courtesy close it.
    #[must_use]
    pub fn courtesy_at_end(&self, words: &[&str]) -> usize {
        self.tails(words).last().map_or(0, |until| words.len() - until)
    }

    /// The word as the phrase lists would write it: `stoooop` is `stop`, `unsubcribe` is `unsubscribe`.
    fn heard<'a>(&'a self, word: &'a str) -> &'a str {
        if self.vocabulary.contains(word) {
            return word;
        }
        let known = |form: String| self.vocabulary.get(&form).map(String::as_str);
        squeezed(word).into_iter().find_map(known).or_else(|| self.near.nearest(word)).unwrap_or(word)
    }

    fn read_unit(&self, heard: &[&str], unit: &[usize]) -> Option<Found> {
        let mut said: Vec<&str> = unit.iter().filter_map(|index| heard.get(*index).copied()).collect();
        let spelt = self.spelt(&said);
        said.dedup();
        let meaning = spelt.or_else(|| self.trimmed(&said)).or_else(|| self.bare(&said))?;
        let lang = if let [lang] = meaning.langs.as_slice() { Some(lang.clone()) } else { None };
        Some(Found { command: meaning.command, lang, words: unit.to_vec() })
    }

    /// The meaning of a clause with ever more courtesy taken off its ends.
    fn trimmed(&self, said: &[&str]) -> Option<&Meaning> {
        let tails = self.tails(said);
        let mut from = 0;
        loop {
            for until in &tails {
                let clause = said.get(from..*until)?;
                if let Some(meaning) = self.phrase(clause).or_else(|| self.pattern(clause)) {
                    return Some(meaning);
                }
            }
            let until = tails.last().copied().unwrap_or_default();
            from += said.get(from..until).and_then(|rest| self.courtesy.at_start(rest))?;
        }
    }

    /// The meaning of a short clause without any courtesy, also within it: `stop bot stop`.
    fn bare(&self, said: &[&str]) -> Option<&Meaning> {
        if said.len() > 2 * self.longest {
            return None;
        }
        let mut rest: Vec<&str> = Vec::with_capacity(said.len());
        let mut at = 0;
        while let Some(word) = said.get(at) {
            match said.get(at..).and_then(|tail| self.courtesy.at_start(tail)) {
                Some(count) => at += count,
                None => {
                    rest.push(word);
                    at += 1;
                }
            }
        }
        rest.dedup();
        if rest.len() == said.len() { None } else { self.phrase(&rest) }
    }

    /// The meaning of `s t o p`.
    fn spelt(&self, said: &[&str]) -> Option<&Meaning> {
        let is_single = |word: &&str| word.chars().nth(1).is_none();
        if said.len() < 3 || said.len() > 24 || !said.iter().all(is_single) {
            return None;
        }
        self.phrases.get(said.concat().as_str())
    }

    /// The places where a clause may end: the whole, then with ever more courtesy taken off its end.
    fn tails(&self, said: &[&str]) -> Vec<usize> {
        let mut until = said.len();
        let mut tails = vec![until];
        while let Some(count) = said.get(..until).and_then(|rest| self.courtesy.at_end(rest)) {
            until -= count;
            if until == 0 {
                break;
            }
            tails.push(until);
        }
        tails
    }

    fn pattern(&self, clause: &[&str]) -> Option<&Meaning> {
        let starred = self.patterns.get("*");
        let mut patterns = self.patterns.get(*clause.first()?).into_iter().chain(starred).flatten();
        patterns.find(|(pattern, _)| fits(pattern, clause)).map(|(_, meaning)| meaning)
    }

    fn phrase(&self, clause: &[&str]) -> Option<&Meaning> {
        if clause.len() > self.longest {
            return None;
        }
        self.phrases.get(clause.join(" ").as_str())
    }
}

/// Every phrase or pattern with its command and language.
fn texts(book: &BTreeMap<Command, ByLang<Vec<String>>>) -> impl Iterator<Item = (Command, &Lang, &String)> {
    book.iter().flat_map(|(command, by_lang)| {
        by_lang.iter().flat_map(move |(lang, list)| list.iter().map(move |text| (*command, lang, text)))
    })
}

/// Stop before start before the rest, which keep the order of the text.
fn rank(command: Command) -> u8 {
    match command {
        Command::Stop => 0,
        Command::Start => 1,
        Command::More | Command::Sources | Command::Topics | Command::Help => 2,
    }
}

/// Clauses, then sentences, then the whole text; hashtags are dropped where other words stand.
fn units(words: &Words) -> Vec<Vec<usize>> {
    let list = words.list();
    let mut units: Vec<Vec<usize>> = Vec::new();
    let mut group = |key: &dyn Fn(usize) -> usize| {
        let mut last = None;
        let from = units.len();
        for (index, word) in list.iter().enumerate() {
            if word.is_tag() {
                continue;
            }
            let of = key(index);
            match units.last_mut() {
                Some(unit) if last == Some(of) => unit.push(index),
                _ => units.push(vec![index]),
            }
            last = Some(of);
        }
        units.len() - from
    };
    let clause = |index: usize| list.get(index).map_or(0, |word| word.clause);
    let sentence = |index: usize| list.get(index).map_or(0, |word| word.sentence);
    let clauses = group(&clause);
    if clauses == 0 {
        // Nothing but hashtags: `#stop` is meant.
        return list.iter().enumerate().map(|(index, _)| vec![index]).collect();
    }
    if clauses > 1 && group(&sentence) > 1 {
        group(&|_| 0);
    }
    units
}

fn pattern_words(written: &str) -> Vec<String> {
    written
        .split_whitespace()
        .flat_map(|part| if part == "*" { vec!["*".to_owned()] } else { full_words(part) })
        .collect()
}

/// Whether a pattern covers all words; `*` stands for any number of words, also none.
fn fits(pattern: &[String], words: &[&str]) -> bool {
    let (mut at, mut word) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(at), words.get(word)) {
            (None, None) => return true,
            (Some(part), _) if part == "*" => {
                star = Some((at, word));
                at += 1;
            }
            (Some(part), Some(said)) if part == said => {
                at += 1;
                word += 1;
            }
            _ => match star {
                Some((back, from)) if from < words.len() => {
                    star = Some((back, from + 1));
                    at = back + 1;
                    word = from + 1;
                }
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn reader() -> CommandReader {
        let en = |words: &[&str]| ByLang::from([(Lang::from("en"), list(words))]);
        let mut book = CommandBook { courtesy: en(&["please", "hi", "bot", "thanks"]), ..CommandBook::default() };
        book.phrases.insert(
            Command::Stop,
            ByLang::from([
                (Lang::from("en"), list(&["stop", "no more", "that's enough", "unsubscribe", "leave me alone"])),
                (Lang::from("es"), list(&["basta", "basta ya", "stop"])),
            ]),
        );
        book.phrases.insert(Command::More, en(&["more", "another one"]));
        book.phrases.insert(Command::Start, en(&["start"]));
        book.patterns.insert(Command::Stop, en(&["stop sending me *", "* out of my mentions"]));
        CommandReader::new(&book)
    }

    fn check(text: &str, command: Option<Command>) {
        let found = reader().read(&Words::read(text));
        assert_eq!(found.map(|found| found.command), command, "{text:?}");
    }

    #[test]
    fn a_command_is_forgiving_in_form() {
        let commands = [
            "stop",
            "STOP!!",
            "please stop",
            "hi bot, stop please",
            "hi! please stop. thanks",
            "Stop stop STOP",
            "stoooop",
            "that’s enough",
            "thats enough",
            "unsubcribe",
            "Leave me alone.",
            "ｓｔｏｐ",
            "s\u{200b}top",
            "stop 🛑",
            "#Stop",
            "stop #EyesOnAmazon",
            "stop sending me stuff about ring",
            "stop sending me",
            "please get out of my mentions",
            "more. stop. start",
        ];
        for text in commands {
            check(text, Some(Command::Stop));
        }
        check("another one please", Some(Command::More));
        check("start", Some(Command::Start));
    }

    #[test]
    fn a_command_is_strict_in_meaning() {
        for text in [
            "how do we stop ring",
            "stop the deportations",
            "non-stop",
            "they won't stop",
            "please",
            "",
            "no",
            "more police",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn the_language_of_a_phrase_is_known_when_one_language_has_it() {
        let lang = |text: &str| reader().read(&Words::read(text)).and_then(|found| found.lang);
        assert_eq!(lang("basta ya"), Some(Lang::from("es")));
        assert_eq!(lang("no more"), Some(Lang::from("en")));
        assert_eq!(lang("stop"), None);
    }
}
