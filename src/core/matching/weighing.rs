//! What the hits in a text are worth: which weak words have company, which facts are asked for, and in what order.
//!
//! The rule for weak words (see [`Scene::has_company`]): other words of the topic or the company list weigh 4 in the same clause
//! and 3 elsewhere; signs that a name or a question is meant weigh 2 each; 6 are needed, and signs alone never suffice. So
//! `is Ring in with the police?` asks, while `ring the police`, `a ring for my wedding, thanks amazon` and `ice cream
//! at the border` stay without an answer.

use std::collections::{BTreeMap, BTreeSet};

use super::FactMatch;
use super::patterns::{Hit, Patterns, Strength};
use crate::core::ids::TopicId;
use crate::core::text::Words;

/// A clause of the text as far as asking goes.
#[derive(Clone, Debug)]
pub(super) struct Clause {
    /// First word, and the one behind the last.
    pub(super) from: usize,
    pub(super) until: usize,
    /// The words that are left when courtesy and the opening of a question are gone.
    pub(super) core: (usize, usize),
    /// A question mark in its sentence, or it opens as questions do.
    pub(super) asks: bool,
}

/// A text with its hits.
pub(super) struct Scene<'a> {
    pub(super) patterns: &'a Patterns,
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
        let named: BTreeSet<&TopicId> = self.uses(Strength::Keyword).filter_map(|(_, fact)| self.topic(fact)).collect();
        let mut counted: BTreeMap<usize, Vec<(&Hit<'_>, u32, &str)>> = BTreeMap::new();
        for hit in self.hits {
            for used in &hit.uses {
                let Some(topic) = self.topic(used.fact) else {
                    continue;
                };
                let weak = used.strength == Strength::Weak;
                if weak
                    && !named.contains(topic)
                    && !self.has_company(hit, topic)
                    && !self.is_asked_by_name(hit, used.fact)
                {
                    if !weighed.lonely.contains(&used.shown) {
                        weighed.lonely.push(used.shown.clone());
                    }
                    continue;
                }
                counted.entry(used.fact).or_default().push((hit, weight(hit, weak), &used.shown));
                if let Some(lang) = used.lang {
                    weighed.langs.resize(weighed.langs.len().max(lang + 1), 0);
                    if let Some(votes) = weighed.langs.get_mut(lang) {
                        *votes += 1;
                    }
                }
            }
        }
        weighed.matches = counted.into_iter().filter_map(|(fact, uses)| self.matched(fact, uses)).collect();
        // Facts come in file order; a stable sort keeps it among equals.
        weighed.matches.sort_by_key(|found| std::cmp::Reverse(found.score));
        weighed.lonely.retain(|word| !weighed.matches.iter().any(|found| found.words.contains(word)));
        weighed
    }

    fn uses(&self, strength: Strength) -> impl Iterator<Item = (&Hit<'_>, usize)> {
        self.hits.iter().flat_map(move |hit| {
            hit.uses.iter().filter(move |used| used.strength == strength).map(move |used| (hit, used.fact))
        })
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
            taken.push(other);
        }
        points += self.quoted_company.min(1) * ELSEWHERE;
        if points == 0 {
            return false;
        }
        let named = self.words.list().get(weak.first).is_some_and(|word| word.named);
        let signs = [named, clause.is_some_and(|clause| clause.asks), weak.pattern.words > 1];
        points + signs.iter().filter(|sign| **sign).count() * SIGN >= NEEDED
    }

    fn is_company(&self, hit: &Hit<'_>, topic: &TopicId) -> bool {
        hit.pattern.company || hit.uses.iter().any(|used| self.topic(used.fact) == Some(topic))
    }

    /// `what about ring?`: a question that is nothing but the topic's own name.
    fn is_asked_by_name(&self, hit: &Hit<'_>, fact: usize) -> bool {
        let Some(clause) = self.clause(hit) else {
            return false;
        };
        let named = || {
            let word = self.words.list().get(hit.first).map(|word| self.words.base(word));
            self.patterns.facts.get(fact).is_some_and(|sayable| Some(sayable.topic_word.as_str()) == word)
        };
        clause.asks && clause.core == (hit.first, hit.last + 1) && named()
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

/// Long phrases that few facts share say most; a weak word says half as much.
fn weight(hit: &Hit<'_>, weak: bool) -> u32 {
    let facts: BTreeSet<usize> = hit.pattern.uses.iter().map(|used| used.fact).collect();
    let whole = hit.pattern.letters.saturating_mul(100) / (facts.len() + 1);
    u32::try_from(if weak { whole / 2 } else { whole }).unwrap_or(u32::MAX)
}
