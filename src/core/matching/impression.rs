//! Where examples have the last word: a mention that no keyword understood, a command that no phrase knows, a topic that
//! the words around a keyword speak against.
//!
//! Keywords are asked first, because staff can see what they do; what staff wrote down word for word goes before all.
//! The thresholds were chosen on the batches in `tests/data/mentions/`, from which nothing was learned: higher ones miss
//! questions, lower ones answer jokes.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock};

use super::{FactMatch, Matcher, Reading};
use crate::core::command::Command;
use crate::core::fact::{Fact, FactBook};
use crate::core::ids::{FactId, TopicId};
use crate::core::learning::{Example, Impression, Label, Learned};
use crate::core::text::Words;

/// How much a text without keywords must look like a question, and how far its topic must be ahead of the next.
const SURE: f32 = 2.0;
const CLEAR: f32 = 0.7;

/// In place of [`SURE`] where not even a weak word of a topic stands in the text.
const SURER: f32 = 3.0;

/// How far another topic must be ahead to take the place of the one that keywords found.
const CLEARER: f32 = 1.5;

/// How far another fact of the topic must be ahead to take the place of the one that keywords chose.
const PLAIN: f32 = 1.0;

/// How much a text without a phrase must look like a command.
const SURE_COMMAND: f32 = 1.5;

/// What a campaign's examples teach. Learning takes some tenths of a second with ten thousand of them, so it is done
/// when it is first asked for, once.
pub(super) struct Taught {
    /// Of what it learns: the same facts and examples teach the same.
    of: u64,
    lesson: LazyLock<Lesson, Box<dyn FnOnce() -> Lesson + Send>>,
}

impl fmt::Debug for Taught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Taught").field("of", &self.of).finish_non_exhaustive()
    }
}

impl Taught {
    /// What these examples teach; `before`, where it learned from the same.
    pub(super) fn by(facts: &FactBook, examples: &Arc<[Example]>, before: Option<&Arc<Taught>>) -> Arc<Taught> {
        let mut hasher = DefaultHasher::new();
        examples.hash(&mut hasher);
        for (fact, text) in facts.facts.iter().flat_map(|fact| words_of(fact).map(move |text| (fact, text))) {
            (&fact.id, text).hash(&mut hasher);
        }
        let of = hasher.finish();
        if let Some(before) = before.filter(|before| before.of == of) {
            return before.clone();
        }
        let (facts, examples) = (facts.clone(), examples.clone());
        Arc::new(Taught { of, lesson: LazyLock::new(Box::new(move || Lesson::of(&facts, &examples))) })
    }

    pub(super) fn lesson(&self) -> &Lesson {
        &self.lesson
    }
}

/// What was learned.
pub(super) struct Lesson {
    learned: Learned,
    /// Which fact of a topic a text asks for.
    choice: Learned,
}

/// Everything staff wrote about a fact, in every language.
fn words_of(fact: &Fact) -> impl Iterator<Item = &String> {
    let texts = fact.text.values().chain(fact.short.values()).chain(fact.variants.values().flatten());
    texts.chain(&fact.keywords).chain(&fact.weak)
}

impl Lesson {
    fn of(facts: &FactBook, examples: &[Example]) -> Lesson {
        let learned = Learned::from(examples);
        // What a fact says, and the keywords staff gave it, are examples of what asks for it.
        let own = facts.facts.iter().flat_map(|fact| {
            let label = Label::Question { topics: vec![fact.topic.clone()], lang: None, facts: vec![fact.id.clone()] };
            words_of(fact).map(move |text| Example { text: text.clone(), label: label.clone() })
        });
        let choice = Learned::of_facts(&examples.iter().cloned().chain(own).collect::<Vec<_>>());
        Lesson { learned, choice }
    }
}

impl Matcher {
    /// What a reading becomes when examples are asked, too.
    pub(super) fn after_examples(&self, reading: Reading, lesson: &Lesson, text: &str, words: &Words) -> Reading {
        if let Some(label) = lesson.learned.known(text) {
            return self.as_told(label, reading);
        }
        // What the rules know well: a command in its own phrases, a topic that is denied, what stands in a quote.
        if reading.command.is_some() || reading.from_quote || words.list().is_empty() {
            return reading;
        }
        let seen = lesson.learned.read(words);
        if let Some(command) = self.command_of(&reading, &seen, words) {
            let lang = seen.lang.unwrap_or(reading.lang);
            return Reading { by_example: true, ..Reading::of_command(command, lang) };
        }
        if !reading.negated.is_empty() {
            return reading;
        }
        let Some((topic, ahead)) = &seen.topic else { return reading };
        let known = reading.matches.first().map(|found| &found.topic);
        let enough = match known {
            None => seen.question >= if reading.weak_only.is_empty() { SURER } else { SURE } && *ahead >= CLEAR,
            Some(known) => known != topic && *ahead >= CLEARER,
        };
        let (mut matches, mut lang, mut by_example) = (reading.matches, reading.lang, false);
        if enough {
            let (mut first, rest): (Vec<FactMatch>, Vec<FactMatch>) =
                matches.into_iter().partition(|found| found.topic == *topic);
            by_example = first.is_empty();
            if by_example {
                first = self.facts_about(topic, &seen.words);
                lang = seen.lang.clone().filter(|_| rest.is_empty()).unwrap_or(lang);
            }
            first.extend(rest);
            matches = first;
        }
        self.choose(&mut matches, lesson, words, by_example);
        Reading { by_example, lang, matches, ..reading }
    }

    /// What staff wrote down for just these words. What keywords found stays where it does not contradict.
    fn as_told(&self, label: &Label, reading: Reading) -> Reading {
        let bare = |reading: Reading| Reading { command: None, matches: Vec::new(), ..reading };
        match label {
            Label::Silence => bare(reading),
            Label::NoCommand => Reading { command: None, ..reading },
            Label::Command(command) if reading.command == Some(*command) => reading,
            Label::Command(command) => Reading { by_example: true, ..Reading::of_command(*command, reading.lang) },
            Label::Question { topics, lang, facts } => {
                let lang = lang.clone().unwrap_or_else(|| reading.lang.clone());
                let fits = reading.matches.first().is_some_and(|found| {
                    topics.contains(&found.topic) && (facts.is_empty() || facts.contains(&found.fact))
                });
                if fits && reading.command.is_none() {
                    return Reading { lang, ..reading };
                }
                let mut matches: Vec<FactMatch> =
                    topics.iter().flat_map(|topic| self.facts_about(topic, &[])).collect();
                matches.sort_by_key(|found| !facts.contains(&found.fact));
                Reading { lang, matches, by_example: true, ..bare(reading) }
            }
        }
    }

    /// Puts the fact of the first topic in front that the text looks like most; where keywords chose, only what is plain.
    fn choose(&self, matches: &mut Vec<FactMatch>, lesson: &Lesson, words: &Words, by_example: bool) {
        let Some(first) = matches.first().cloned() else { return };
        let scores = lesson.choice.facts(words);
        let score = |fact: &FactId| scores.get(fact).copied().unwrap_or(f32::MIN);
        let of_topic = self.patterns.facts.iter().filter(|fact| fact.topic == first.topic);
        let Some(best) = of_topic.max_by(|one, other| score(&one.id).total_cmp(&score(&other.id))) else { return };
        if best.id == first.fact || (!by_example && score(&best.id) - score(&first.fact) < PLAIN) {
            return;
        }
        let found = match matches.iter().position(|found| found.fact == best.id) {
            Some(at) => matches.remove(at),
            None => FactMatch { fact: best.id.clone(), ..first },
        };
        matches.insert(0, found);
    }

    /// A command that looks like its examples. Words in quotation marks are somebody else's.
    fn command_of(&self, reading: &Reading, seen: &Impression, words: &Words) -> Option<Command> {
        let (command, surely) = seen.command?;
        if words.list().iter().any(|word| word.quoted) {
            return None;
        }
        // Stop and start are obeyed beside a topic, too (DESIGN §6).
        let free = command.always_wins() || reading.matches.is_empty();
        (free && surely >= SURE_COMMAND).then_some(command)
    }

    /// Every fact of a topic, with the words that spoke for it.
    fn facts_about(&self, topic: &TopicId, spoke: &[String]) -> Vec<FactMatch> {
        let of_topic = self.patterns.facts.iter().filter(|fact| fact.topic == *topic);
        of_topic.map(|fact| FactMatch { words: spoke.to_vec(), ..FactMatch::of(fact) }).collect()
    }
}
