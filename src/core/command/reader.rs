//! Finding a command in a text: forgiving in form, strict in meaning (DESIGN §6).
//!
//! A command is everything that somebody says in one clause, one sentence or the whole text, once hashtags and courtesy
//! are gone. A stop is never missed where a start stands too. Topics and keywords are not known here; whether a shout is
//! for somebody else ([`Address`]) is judged by who knows them.

use super::grammar::{Address, Grammar, Meaning, WordId};
use super::phrases::{PhraseList, full_words};
use super::template::{Groups, parse};
use super::{Command, CommandBook, rank};
use crate::core::fact::ByLang;
use crate::core::fast_map::FastSet;
use crate::core::ids::Lang;
use crate::core::matching::nearness::{Nearness, squeezed};
use crate::core::text::{Words, without_digits};

/// The phrases of a [`CommandBook`], ready for reading.
#[derive(Clone, Debug)]
pub struct CommandReader {
    grammar: Grammar,
    courtesy: PhraseList,
    turning: PhraseList,
    unmeant: PhraseList,
    polite: FastSet<String>,
    near: Nearness,
}

/// A command in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which one.
    pub command: Command,
    /// How surely it is meant for us.
    pub address: Address,
    /// The language of the phrase, when only one language has it.
    pub lang: Option<Lang>,
    /// The words it was said with, as indexes into [`Words::list`].
    pub words: Vec<usize>,
}

/// Courtesy is looked for within a clause of at most so many words.
const SHORT: usize = 24;

/// So many words beside a quote make it somebody else's.
const MUCH: usize = 4;

impl CommandReader {
    /// Prepares all phrases and patterns; a line that cannot be read means nothing (`watchpost check` tells of it).
    #[must_use]
    pub fn new(book: &CommandBook) -> Self {
        let mut reader = Self {
            grammar: Grammar::default(),
            courtesy: PhraseList::new(&book.courtesy),
            turning: PhraseList::new(&book.turning),
            unmeant: PhraseList::new(&book.unmeant),
            polite: book.courtesy.values().flatten().flat_map(|text| full_words(text)).collect(),
            near: Nearness::default(),
        };
        for (command, by_lang) in book.phrases.iter().chain(&book.patterns) {
            reader.take(by_lang, *command, Address::Us, book);
        }
        reader.take(&book.calls, Command::Stop, Address::Call, book);
        reader.take(&book.outcries, Command::Stop, Address::Outcry, book);
        reader.take(&book.told, Command::Stop, Address::Told, book);
        reader.grammar.finish();
        // In a fixed order: of two words that are as near, the first counts.
        let mut words: Vec<&str> =
            reader.grammar.vocabulary().chain(reader.polite.iter().map(String::as_str)).collect();
        words.sort_unstable();
        words.dedup();
        words.into_iter().for_each(|word| reader.near.learn(word, word));
        reader
    }

    fn take(&mut self, lines: &ByLang<Vec<String>>, command: Command, address: Address, book: &CommandBook) {
        let none = Groups::new();
        for (lang, lines) in lines {
            let groups = book.groups.get(lang).unwrap_or(&none);
            for line in lines.iter().filter_map(|line| parse(line, groups).ok()) {
                self.grammar.take(&line, command, address, lang);
            }
        }
    }

    /// The command of a text: stop before start before whatever comes first.
    #[must_use]
    pub fn read(&self, words: &Words) -> Option<Found> {
        let heard = |text| {
            let text = self.heard(text);
            (text, self.grammar.word(text))
        };
        let heard: Vec<(&str, WordId)> = words.list().iter().map(|word| heard(words.text(word))).collect();
        let mut first: Option<Found> = None;
        let clauses = units(words);
        // `thanks for the info but please stop`: what stands behind such a word is a clause of its own, for stop and start.
        let turned = clauses.iter().flat_map(|unit| self.behind_turns(&heard, unit));
        let turned =
            turned.filter_map(|unit| self.read_unit(&heard, &unit)).filter(|found| found.command.always_wins());
        let found = clauses.iter().filter_map(|unit| self.read_unit(&heard, unit));
        for found in found.chain(turned).filter(|found| !self.is_unmeant(found, words)) {
            let goes_first = |found: &Found| {
                let rank = if found.address == Address::Told { rank(Command::Start) } else { rank(found.command) };
                (rank, found.address)
            };
            match &mut first {
                Some(kept) if goes_first(&found) >= goes_first(kept) => {
                    // `what are you, a bot?` says the same twice: neither part stands beside the other.
                    if kept.command == found.command && !kept.command.always_wins() {
                        kept.words.extend(found.words);
                    }
                }
                Some(_) | None => first = Some(found),
            }
        }
        first
    }

    /// Whether the rest of a stop's sentence shows that somebody else said it, or that none was meant.
    fn is_unmeant(&self, found: &Found, words: &Words) -> bool {
        if found.command != Command::Stop {
            return false;
        }
        let list = words.list();
        let Some(first) = found.words.first().and_then(|at| list.get(*at)) else { return false };
        // Also where the whole sentence reads as a stop: `don't write to me, said my boss`.
        let beside = list.iter().enumerate().filter(|(at, word)| {
            word.sentence == first.sentence && (word.clause != first.clause || !found.words.contains(at))
        });
        let beside: Vec<&str> = beside.map(|(_, word)| words.text(word)).collect();
        (0..beside.len()).any(|at| beside.get(at..).and_then(|rest| self.unmeant.at_start(rest)).is_some())
    }

    /// Every word of every phrase, folded.
    pub(crate) fn vocabulary(&self) -> impl Iterator<Item = &str> {
        self.grammar.vocabulary().chain(self.polite.iter().map(String::as_str))
    }

    /// Whether this word stands in some phrase of courtesy.
    #[must_use]
    pub fn is_polite(&self, word: &str) -> bool {
        self.polite.contains(word)
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

    /// The word as the phrase lists would write it: `stoooop` and `st0p` are `stop`, `unsubcribe` is `unsubscribe`.
    fn heard<'a>(&'a self, word: &'a str) -> &'a str {
        if self.known(word).is_some() {
            return word;
        }
        let letters = || without_digits(word).and_then(|form| self.known(&form));
        let guessed = squeezed(word).iter().find_map(|form| self.known(form)).or_else(letters);
        guessed.or_else(|| self.near.nearest(word)).unwrap_or(word)
    }

    fn known(&self, word: &str) -> Option<&str> {
        self.grammar.known(word).or_else(|| self.polite.get(word).map(String::as_str))
    }

    /// What stands behind each turning word within a clause.
    fn behind_turns(&self, heard: &[(&str, WordId)], unit: &[usize]) -> Vec<Vec<usize>> {
        let texts: Vec<&str> = unit.iter().filter_map(|index| heard.get(*index)).map(|(text, _)| *text).collect();
        let behind = |at: usize| {
            let count = texts.get(at..).and_then(|rest| self.turning.at_start(rest))?;
            unit.get(at + count..).filter(|rest| !rest.is_empty()).map(<[usize]>::to_vec)
        };
        (0..texts.len()).filter_map(behind).collect()
    }

    fn read_unit(&self, heard: &[(&str, WordId)], unit: &[usize]) -> Option<Found> {
        let mut said: Vec<(&str, WordId)> = unit.iter().filter_map(|index| heard.get(*index).copied()).collect();
        said.dedup();
        let (texts, ids): (Vec<&str>, Vec<WordId>) = said.into_iter().unzip();
        let meaning = self.trimmed(&texts, &ids).or_else(|| self.bare(&texts, &ids))?;
        let lang = if let [lang] = meaning.langs.as_slice() { Some(lang.clone()) } else { None };
        Some(Found { command: meaning.command, address: meaning.address, lang, words: unit.to_vec() })
    }

    /// The meaning of a clause with ever more courtesy taken off its ends.
    fn trimmed(&self, said: &[&str], ids: &[WordId]) -> Option<Meaning> {
        let tails = self.tails(said);
        let mut from = 0;
        loop {
            for until in &tails {
                if let Some(meaning) = self.grammar.read(ids.get(from..*until)?) {
                    return Some(meaning);
                }
            }
            let until = tails.last().copied().unwrap_or_default();
            from += said.get(from..until).and_then(|rest| self.courtesy.at_start(rest))?;
        }
    }

    /// The meaning of a short clause without any courtesy, also within it: `stop bot stop`, `deja ya de escribirme`.
    fn bare(&self, said: &[&str], ids: &[WordId]) -> Option<Meaning> {
        if said.len() > SHORT {
            return None;
        }
        let mut rest: Vec<WordId> = Vec::with_capacity(said.len());
        let mut at = 0;
        while let Some(id) = ids.get(at) {
            match said.get(at..).and_then(|tail| self.courtesy.at_start(tail)) {
                Some(count) => at += count,
                None => {
                    rest.push(*id);
                    at += 1;
                }
            }
        }
        rest.dedup();
        if rest.len() == said.len() { None } else { self.grammar.read(&rest) }
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
}

/// Clauses, then sentences, then the whole text; hashtags are dropped where other words stand.
fn units(words: &Words) -> Vec<Vec<usize>> {
    let list = words.list();
    let mut units: Vec<Vec<usize>> = Vec::new();
    // Where much is said beside it, what stands between quotation marks was said by somebody else.
    let plain = list.iter().filter(|word| !word.quoted && !word.is_tag()).count();
    let mut group = |key: &dyn Fn(usize) -> usize| {
        let mut last = None;
        let from = units.len();
        for (index, word) in list.iter().enumerate() {
            if word.is_tag() || (word.quoted && plain >= MUCH) {
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
    // What somebody else is said to have said is no command (`an agent shouted "stop!"`); a text that is all quoted may be one.
    let quoted = |index: usize| list.get(index).is_some_and(|word| word.quoted);
    if (0..list.len()).any(|index| !quoted(index) && list.get(index).is_some_and(|word| !word.is_tag())) {
        units.retain(|unit| !unit.iter().all(|index| quoted(*index)));
    }
    units
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
        book.told = en(&["i told you to stop *"]);
        book.unmeant = en(&["said my", "wait", "he told"]);
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
    fn what_somebody_else_is_said_to_have_said_is_no_command() {
        check("an agent shouted “stop!” at me", None);
        check("my boss said \"leave me alone\"", None);
        check("\"stop\"", Some(Command::Stop));
        check("please \"stop\"", Some(Command::Stop));
        check("a 5\" pipe. stop", Some(Command::Stop));
    }

    #[test]
    fn a_stop_that_was_told_of_gives_way_to_a_start_and_to_nothing_else() {
        check("i told you to stop in spring", Some(Command::Stop));
        check("i told you to stop in spring. start", Some(Command::Start));
        check("stop. start", Some(Command::Stop));
    }

    #[test]
    fn a_stop_is_none_where_the_rest_of_its_sentence_shows_it() {
        for text in ["no more, said my boss", "stop, wait, how many?", "\"stop sending me\" he told his ex"] {
            check(text, None);
        }
        check("stop. wait for nobody", Some(Command::Stop));
    }

    #[test]
    fn the_language_of_a_phrase_is_known_when_one_language_has_it() {
        let lang = |text: &str| reader().read(&Words::read(text)).and_then(|found| found.lang);
        assert_eq!(lang("basta ya"), Some(Lang::from("es")));
        assert_eq!(lang("no more"), Some(Lang::from("en")));
        assert_eq!(lang("stop"), None);
    }
}
