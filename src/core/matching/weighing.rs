//! What the hits in a text are worth: which weak words have company, which facts are asked for, and in what order.
//!
//! A weak word that only tells the facts of a topic apart (see [`super::patterns`]) counts once the topic is named otherwise.
//! The rule for the others (see [`Scene::has_company`]): other words of the topic or the company list weigh 4 in the same clause
//! and 3 elsewhere; signs that a name, a question or one phrase is meant weigh 2 each; 6 are needed, and signs alone never suffice. So
//! `is Ring in with the police?` asks, while `ring the police`, `a ring for my wedding, thanks amazon` and `ice cream
//! at the border` stay without an answer.

use std::collections::{BTreeMap, BTreeSet};

use super::FactMatch;
use super::language::Speech;
use super::patterns::{Hit, Patterns, Strength};
use crate::core::ids::TopicId;
use crate::core::text::Words;

/// A clause of the text as far as asking goes.
#[derive(Clone, Debug)]
pub(super) struct Clause {
    /// First word, and the one behind the last.
    pub(super) from: usize,
    pub(super) until: usize,
    /// The words that are left when courtesy is gone.
    pub(super) polite: (usize, usize),
    /// How many of those open a question.
    pub(super) opening: usize,
    /// A question mark in its sentence, or it opens as questions do.
    pub(super) asks: bool,
}

/// A text with its hits.
pub(super) struct Scene<'a> {
    pub(super) patterns: &'a Patterns,
    pub(super) speech: &'a Speech,
    pub(super) words: &'a Words,
    pub(super) clauses: &'a [Clause],
    pub(super) hits: &'a [Hit<'a>],
    /// Company words in what was quoted.
    pub(super) quoted_company: usize,
}

/// The facts of a text, best first.
#[derive(Default)]
pub(super) struct Weighed {
    pub(super) matches: Vec<FactMatch>,
    /// Weak words that lacked company.
    pub(super) lonely: Vec<String>,
    /// How often the used keywords speak for each language.
    pub(super) langs: Vec<usize>,
}

const IN_CLAUSE: usize = 4;
const ELSEWHERE: usize = 3;
const SIGN: usize = 2;
const NEEDED: usize = 6;

impl Scene<'_> {
    /// Weighs every hit.
    pub(super) fn weigh(&self) -> Weighed {
        let mut weighed = Weighed::default();
        let named = self.named_topics();
        let mut spoken: Vec<(&Hit<'_>, Option<usize>)> = Vec::new();
        let mut counted: BTreeMap<usize, Vec<(&Hit<'_>, u32, &str)>> = BTreeMap::new();
        for hit in self.hits {
            for used in &hit.uses {
                let Some(topic) = self.topic(used.fact) else {
                    continue;
                };
                let weak = used.strength == Strength::Weak;
                if weak && !named.contains(topic) && !self.is_the_question(hit, used.fact) {
                    if !weighed.lonely.contains(&used.shown) {
                        weighed.lonely.push(used.shown.clone());
                    }
                    continue;
                }
                counted.entry(used.fact).or_default().push((hit, weight(hit, weak), &used.shown));
                spoken.push((hit, used.lang));
            }
        }
        weighed.langs = votes(&spoken);
        weighed.matches = counted.into_iter().filter_map(|(fact, uses)| self.matched(fact, uses)).collect();
        // Facts come in file order; a stable sort keeps it among equals.
        weighed.matches.sort_by_key(|found| std::cmp::Reverse(found.score));
        weighed.lonely.retain(|word| !weighed.matches.iter().any(|found| found.words.contains(word)));
        weighed
    }

    /// The topics that a keyword names, or a weak word in company.
    fn named_topics(&self) -> BTreeSet<&TopicId> {
        let mut named: BTreeSet<&TopicId> = BTreeSet::new();
        let mut refused: BTreeSet<(usize, usize, &TopicId)> = BTreeSet::new();
        let uses = |strength: Strength| {
            let hits = self.hits.iter();
            hits.flat_map(|hit| hit.uses.iter().map(move |used| (hit, used)))
                .filter(move |(_, used)| used.strength == strength)
        };
        named.extend(uses(Strength::Keyword).filter_map(|(_, used)| self.topic(used.fact)));
        for (hit, used) in uses(Strength::Weak).filter(|(_, used)| !used.refines) {
            let Some(topic) = self.topic(used.fact).filter(|topic| !named.contains(topic)) else {
                continue;
            };
            // A word that several facts share is judged once.
            if refused.contains(&(hit.first, hit.last, topic)) {
                continue;
            }
            if self.has_company(hit, topic) {
                named.insert(topic);
            } else {
                refused.insert((hit.first, hit.last, topic));
            }
        }
        named
    }

    fn topic(&self, fact: usize) -> Option<&TopicId> {
        self.patterns.facts.get(fact).map(|sayable| &sayable.topic)
    }

    fn clause(&self, hit: &Hit<'_>) -> Option<&Clause> {
        self.clauses.iter().find(|clause| (clause.from..clause.until).contains(&hit.first))
    }

    /// The sum of what stands around a weak word; every word counts once.
    fn has_company(&self, weak: &Hit<'_>, topic: &TopicId) -> bool {
        let clause = self.clause(weak);
        let mut taken: Vec<&Hit<'_>> = Vec::new();
        let mut points = 0;
        let mut beside = false;
        let mut others: Vec<&Hit<'_>> =
            self.hits.iter().filter(|other| self.is_company(other, topic) && !other.overlaps(weak)).collect();
        others.sort_by_key(|other| (std::cmp::Reverse(other.pattern.letters), other.first));
        for other in others {
            let again = |known: &&Hit<'_>| known.overlaps(other) || std::ptr::eq(known.pattern, other.pattern);
            if std::ptr::eq(other.pattern, weak.pattern) || taken.iter().any(again) {
                continue;
            }
            let near = clause.is_some_and(|clause| (clause.from..clause.until).contains(&other.first));
            points += if near { IN_CLAUSE } else { ELSEWHERE };
            beside |= near && (other.last + 1 == weak.first || weak.last + 1 == other.first);
            taken.push(other);
        }
        points += self.quoted_company.min(1) * ELSEWHERE;
        if points == 0 {
            return false;
        }
        let signs = [
            self.is_name(weak),
            clause.is_some_and(|clause| clause.asks),
            weak.pattern.words > 1,
            // `doorbell surveillance`
            beside,
        ];
        points + signs.iter().filter(|sign| **sign).count() * SIGN >= NEEDED
    }

    fn is_company(&self, hit: &Hit<'_>, topic: &TopicId) -> bool {
        hit.pattern.company || hit.uses.iter().any(|used| self.topic(used.fact) == Some(topic))
    }

    /// Whether it is written like a name, and not like a part of somebody else's (`Kevin Hart`, `Lord of the Ring`): a
    /// neighbour with a capital letter must be a word that the campaign itself uses.
    fn is_name(&self, hit: &Hit<'_>) -> bool {
        let list = self.words.list();
        let Some(word) = list.get(hit.first).filter(|word| word.named) else {
            return false;
        };
        let is_stranger = |at: usize| {
            let covered = self.hits.iter().any(|other| (other.first..=other.last).contains(&at));
            let next = list.get(at).filter(|next| next.capital && next.clause == word.clause);
            !covered && next.is_some_and(|next| !self.speech.knows(self.words.base(next)))
        };
        let before = hit.first.checked_sub(1);
        !before.is_some_and(is_stranger) && !is_stranger(hit.last + 1)
    }

    /// `what about ring?`, `what can i do?`: a question that is nothing but the topic's own name, or nothing but a whole
    /// weak phrase.
    fn is_the_question(&self, hit: &Hit<'_>, fact: usize) -> bool {
        let Some(clause) = self.clause(hit).filter(|clause| clause.asks) else {
            return false;
        };
        let (from, until) = clause.polite;
        if hit.last + 1 != until || (hit.first != from && hit.first != from + clause.opening) {
            return false;
        }
        let word = self.words.list().get(hit.first).map(|word| self.words.base(word));
        let topic = self.patterns.facts.get(fact).map(|sayable| sayable.topic_word.as_str());
        hit.pattern.words > 1 || (word.is_some() && word == topic)
    }

    /// The longest hits of a fact count, each stretch of text once.
    fn matched(&self, fact: usize, mut uses: Vec<(&Hit<'_>, u32, &str)>) -> Option<FactMatch> {
        uses.sort_by_key(|(hit, weight, _)| {
            (std::cmp::Reverse(hit.pattern.letters), std::cmp::Reverse(*weight), hit.first)
        });
        let mut kept: Vec<&Hit<'_>> = Vec::new();
        let mut found = FactMatch { score: 0, words: Vec::new(), ..FactMatch::of(self.patterns.facts.get(fact)?) };
        for (hit, weight, shown) in uses {
            if kept.iter().any(|known| known.overlaps(hit) || std::ptr::eq(known.pattern, hit.pattern)) {
                continue;
            }
            found.score = found.score.saturating_add(weight);
            found.words.push(shown.to_owned());
            kept.push(hit);
        }
        Some(found)
    }
}

/// How often the keywords speak for each language: each once, and none that is a part of a longer one.
fn votes(spoken: &[(&Hit<'_>, Option<usize>)]) -> Vec<usize> {
    let mut votes = Vec::new();
    for (at, (hit, lang)) in spoken.iter().enumerate() {
        let inner =
            |(other, _): &(&Hit<'_>, Option<usize>)| other.overlaps(hit) && other.pattern.letters > hit.pattern.letters;
        let again =
            |(other, known): &(&Hit<'_>, Option<usize>)| std::ptr::eq(other.pattern, hit.pattern) && known == lang;
        let earlier = spoken.get(..at).unwrap_or_default();
        let Some(lang) = lang.filter(|_| !spoken.iter().any(inner) && !earlier.iter().any(again)) else {
            continue;
        };
        votes.resize(votes.len().max(lang + 1), 0);
        if let Some(count) = votes.get_mut(lang) {
            *count += 1;
        }
    }
    votes
}

/// Long phrases that few facts share say most; a weak word says half as much.
fn weight(hit: &Hit<'_>, weak: bool) -> u32 {
    let facts: BTreeSet<usize> = hit.pattern.uses.iter().map(|used| used.fact).collect();
    let whole = hit.pattern.letters.saturating_mul(100) / (facts.len() + 1);
    u32::try_from(if weak { whole / 2 } else { whole }).unwrap_or(u32::MAX)
}
