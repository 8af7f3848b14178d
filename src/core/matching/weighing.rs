//! What the hits in a text are worth: which words have company, which facts are asked for, and in what order.
//!
//! A topic is named when one of its words weighs 6 (see [`Scene::vouched`]). A keyword weighs 6 by itself; a topical word
//! 3 and a weak word nothing, and both need another word beside them. Other words of the topic or the company list add 4
//! each in the same clause and 3 elsewhere; signs
//! that a name, a question or one phrase is meant add 2 each, but never suffice alone. A word from `elsewhere` takes 4, a
//! sign of joking 2. So `is Ring in with the police?` asks, while `ring the police`, `a ring for my wedding, thanks amazon`,
//! `ice cream at the border`, `palantir stock` and `my cat failed facial recognition lol` stay without an answer. A weak word
//! that only tells the facts of a topic apart (see [`super::patterns`]) counts once the topic is named otherwise.

use std::collections::{BTreeMap, BTreeSet};

use super::FactMatch;
use super::language::Speech;
use super::patterns::{Hit, Pattern, Patterns, Strength, Use};
use crate::core::command::PhraseList;
use crate::core::ids::TopicId;
use crate::core::text::{Word, Words};

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
    /// Its sentence.
    pub(super) sentence: usize,
    /// A question mark in its sentence, or it opens as questions do.
    pub(super) asks: bool,
}

/// A text with its hits.
pub(super) struct Scene<'a> {
    pub(super) patterns: &'a Patterns,
    pub(super) speech: &'a Speech,
    pub(super) words: &'a Words,
    pub(super) clauses: &'a [Clause],
    /// How questions begin.
    pub(super) asking: &'a PhraseList,
    pub(super) hits: &'a [Hit<'a>],
    /// Company words in what was quoted.
    pub(super) quoted_company: usize,
    /// What the person's words have against every topic.
    pub(super) against: Against,
}

/// What speaks against a topic.
#[derive(Clone, Debug, Default)]
pub(super) struct Against {
    /// The words and signs.
    pub(super) shown: Vec<String>,
    weight: usize,
}

impl Against {
    /// Weighs the words of `elsewhere` and `joking`; one within a longer keyword is a part of it (`prime day boycott`).
    pub(super) fn weigh(hits: &[Hit<'_>], sign: Option<&str>) -> Self {
        let mut against = Self::default();
        let (mut others, mut jokes) = (0, usize::from(sign.is_some()));
        against.shown.extend(sign.map(str::to_owned));
        for hit in hits.iter().filter(|hit| hit.opposes) {
            let inner = |other: &Hit<'_>| {
                (!other.uses.is_empty() || other.pattern.company)
                    && other.overlaps(hit)
                    && other.pattern.letters > hit.pattern.letters
            };
            if against.shown.contains(&hit.pattern.shown) || hits.iter().any(inner) {
                continue;
            }
            against.shown.push(hit.pattern.shown.clone());
            others += usize::from(hit.pattern.elsewhere);
            jokes += usize::from(hit.pattern.joking);
        }
        against.weight = others.min(ELSEWHERES_AT_MOST) * ELSEWHERE_TAKES + jokes.min(1) * JOKING_TAKES;
        against
    }
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

const NEEDED: usize = 6;
const TOPICAL: usize = 3;
const IN_CLAUSE: usize = 4;
const OUT_OF_CLAUSE: usize = 3;
const SIGN: usize = 2;
const ELSEWHERE_TAKES: usize = 4;
const ELSEWHERES_AT_MOST: usize = 3;
const JOKING_TAKES: usize = 2;

impl Scene<'_> {
    /// Weighs every hit.
    pub(super) fn weigh(&self) -> Weighed {
        let mut weighed = Weighed::default();
        let mut named = self.named_topics();
        if named.is_empty()
            && let Some(topic) = self.asked_of_the_target()
        {
            named.insert(topic, Vec::new());
        }
        let mut spoken: Vec<(&Hit<'_>, Option<usize>)> = Vec::new();
        let mut counted: BTreeMap<usize, Vec<(&Hit<'_>, u32, &str)>> = BTreeMap::new();
        let mut counted_names: BTreeSet<usize> = BTreeSet::new();
        for hit in self.hits {
            for used in &hit.uses {
                let Some(topic) = self.topic(used.fact) else {
                    continue;
                };
                if !named.contains_key(topic) && !self.is_the_question(hit, used) {
                    if used.strength != Strength::Beside && !weighed.lonely.contains(&used.shown) {
                        weighed.lonely.push(used.shown.clone());
                    }
                    continue;
                }
                if !hit.pattern.target && self.is_own_name(hit, used.fact) {
                    counted_names.insert(used.fact);
                }
                counted.entry(used.fact).or_default().push((hit, weight(hit, used.strength), &used.shown));
                spoken.push((hit, used.lang));
            }
        }
        weighed.langs = votes(&spoken);
        weighed.matches = counted.into_iter().filter_map(|(fact, uses)| self.matched(fact, uses)).collect();
        for found in &mut weighed.matches {
            let beside = named.get(&found.topic).into_iter().flatten();
            found.company = beside.map(|pattern| pattern.shown.clone()).collect();
        }
        // A topic that is called by its name comes first. Facts come in file order; a stable sort keeps it among equals.
        let called: BTreeSet<&TopicId> = counted_names.iter().filter_map(|fact| self.topic(*fact)).collect();
        let spoken_of = self.topics_spoken_of(&named);
        let of = |topic: &TopicId| spoken_of.get(topic).copied().unwrap_or_default();
        weighed
            .matches
            .sort_by_key(|found| std::cmp::Reverse((called.contains(&found.topic), of(&found.topic), found.score)));
        weighed.lonely.retain(|word| !weighed.matches.iter().any(|found| found.words.contains(word)));
        weighed
    }

    /// The topics that are named, each with the company that one of its words needed.
    fn named_topics(&self) -> BTreeMap<&TopicId, Vec<&Pattern>> {
        let mut named: BTreeMap<&TopicId, Vec<&Pattern>> = BTreeMap::new();
        for strength in [Strength::Keyword, Strength::Topical, Strength::Weak] {
            let mut refused: BTreeSet<(usize, usize, &TopicId)> = BTreeSet::new();
            let uses = self.hits.iter().flat_map(|hit| hit.uses.iter().map(move |used| (hit, used)));
            for (hit, used) in uses.filter(|(_, used)| used.strength == strength && !used.refines) {
                let Some(topic) = self.topic(used.fact).filter(|topic| !named.contains_key(topic)) else {
                    continue;
                };
                // A word that several facts share is judged once, and the parts of a keyword do not speak for each other.
                if refused.contains(&(hit.first, hit.last, topic)) || self.is_part_of_a_keyword(hit, topic) {
                    continue;
                }
                if strength == Strength::Keyword && self.against.weight == 0 {
                    named.insert(topic, Vec::new());
                } else if let Some(company) = self.vouched(hit, topic, used) {
                    named.insert(topic, company);
                } else {
                    refused.insert((hit.first, hit.last, topic));
                }
            }
        }
        named
    }

    /// `is Amazon working with immigration authorities?` names no topic, but the target and the campaign's company in one
    /// question: then the topic whose words stand there is meant.
    fn asked_of_the_target(&self) -> Option<&TopicId> {
        let within = |clause: &Clause, hit: &&Hit<'_>| (clause.from..clause.until).contains(&hit.first);
        let asked = |clause: &&Clause| {
            let mut company = self.hits.iter().filter(|hit| within(clause, hit) && hit.pattern.company);
            let (targets, others): (Vec<&Hit<'_>>, Vec<&Hit<'_>>) =
                company.by_ref().partition(|hit| hit.pattern.target);
            clause.asks && !targets.is_empty() && !others.is_empty()
        };
        let clause = self.clauses.iter().find(asked).filter(|_| self.against.weight == 0)?;
        let mut worth: BTreeMap<&TopicId, (bool, usize)> = BTreeMap::new();
        for hit in self.hits.iter().filter(|hit| within(clause, hit) && !hit.pattern.target) {
            let topics: BTreeSet<&TopicId> = hit.uses.iter().filter_map(|used| self.topic(used.fact)).collect();
            for topic in topics {
                let (company, letters) = worth.entry(topic).or_default();
                *company |= hit.pattern.company;
                *letters += hit.pattern.letters;
            }
        }
        let best = worth.into_iter().filter(|(_, (company, _))| *company).max_by_key(|(_, (_, letters))| *letters);
        best.map(|(topic, _)| topic)
    }

    /// How much of the text speaks of each topic: its longest words, each stretch of text once, shared among the topics that
    /// have them. The name of the target says nothing about the topic.
    fn topics_spoken_of(&self, named: &BTreeMap<&TopicId, Vec<&Pattern>>) -> BTreeMap<TopicId, usize> {
        let mut hits: Vec<&Hit<'_>> = self.hits.iter().filter(|hit| !hit.pattern.target).collect();
        hits.sort_by_key(|hit| (std::cmp::Reverse(hit.pattern.letters), hit.first));
        let mut taken: Vec<(&TopicId, &Hit<'_>)> = Vec::new();
        let mut spoken_of: BTreeMap<TopicId, usize> = BTreeMap::new();
        for hit in hits {
            let mut topics: BTreeMap<&TopicId, Strength> = BTreeMap::new();
            for used in &hit.uses {
                let Some(topic) = self.topic(used.fact) else { continue };
                let strength = topics.entry(topic).or_insert(used.strength);
                *strength = used.strength.min(*strength);
            }
            let count = topics.len() + 1;
            for (topic, strength) in topics {
                let again = |(known, other): &(&TopicId, &Hit<'_>)| {
                    *known == topic && (other.overlaps(hit) || std::ptr::eq(other.pattern, hit.pattern))
                };
                if named.contains_key(topic) && !taken.iter().any(again) {
                    let worth = share_of(worth_of(hit.pattern) / count, strength);
                    *spoken_of.entry(topic.clone()).or_default() += worth;
                    taken.push((topic, hit));
                }
            }
        }
        spoken_of
    }

    fn topic(&self, fact: usize) -> Option<&TopicId> {
        self.patterns.facts.get(fact).map(|sayable| &sayable.topic)
    }

    fn clause(&self, hit: &Hit<'_>) -> Option<&Clause> {
        self.clauses.iter().find(|clause| (clause.from..clause.until).contains(&hit.first))
    }

    /// The company that lets a word name its topic, if all that speaks for and against it weighs enough. Every word
    /// counts once.
    fn vouched<'h>(&'h self, hit: &'h Hit<'_>, topic: &TopicId, used: &Use) -> Option<Vec<&'h Pattern>> {
        let clause = self.clause(hit);
        let mut taken: Vec<&Hit<'_>> = Vec::new();
        let (mut around, mut beside) = (0, false);
        let mut others: Vec<&Hit<'_>> =
            self.hits.iter().filter(|other| self.is_company(other, topic) && !other.overlaps(hit)).collect();
        others.sort_by_key(|other| (std::cmp::Reverse(other.pattern.letters), other.first));
        for other in others {
            let again = |known: &&Hit<'_>| known.overlaps(other) || std::ptr::eq(known.pattern, other.pattern);
            if std::ptr::eq(other.pattern, hit.pattern) || taken.iter().any(again) {
                continue;
            }
            let near = clause.is_some_and(|clause| (clause.from..clause.until).contains(&other.first));
            around += if near { IN_CLAUSE } else { OUT_OF_CLAUSE };
            beside |= near && (other.last + 1 == hit.first || hit.last + 1 == other.first);
            taken.push(other);
        }
        around += self.quoted_company.min(1) * OUT_OF_CLAUSE;
        let asks = clause.is_some_and(|clause| clause.asks || self.asks_beside(clause));
        let name = self.is_name(hit);
        // `how much does HART cost`: the topic's own name, written like one, in a question.
        let asks_elsewhere = self.clauses.iter().any(|clause| clause.asks);
        // Of the target's own product many speak who mean nothing of this (`looking for AWS tutors`).
        let known = !hit.pattern.target
            || clause.is_some_and(|clause| self.strangers(hit, clause.polite.0, clause.polite.1) == 0);
        let own = name && asks_elsewhere && known && self.is_own_name(hit, used.fact);
        let asks = asks || own;
        let signs = [name, asks, hit.pattern.words > 1, beside, own].iter().filter(|sign| **sign).count();
        let (base, signs) = match used.strength {
            Strength::Keyword => (NEEDED, usize::from(asks_elsewhere)),
            Strength::Topical if taken.iter().any(|other| other.pattern.company) => (TOPICAL, signs),
            Strength::Topical if around > 0 || own => (0, signs),
            Strength::Weak if around > 0 || own => (0, signs),
            Strength::Topical | Strength::Weak | Strength::Beside => (0, 0),
        };
        let enough = base + around + signs * SIGN >= NEEDED + self.against.weight;
        enough.then(|| taken.iter().map(|other| other.pattern).collect())
    }

    /// Whether it is a part of a longer keyword of the topic, whose weight has been judged as a whole.
    fn is_part_of_a_keyword(&self, hit: &Hit<'_>, topic: &TopicId) -> bool {
        let keyword = |used: &Use| used.strength == Strength::Keyword && self.topic(used.fact) == Some(topic);
        self.hits.iter().any(|other| {
            other.overlaps(hit)
                && other.pattern.letters > hit.pattern.letters
                && other.uses.iter().any(|used| keyword(used))
        })
    }

    /// Whether another clause of its sentence asks: `Ring and the cops, tell me`.
    fn asks_beside(&self, clause: &Clause) -> bool {
        self.clauses.iter().any(|other| other.asks && other.sentence == clause.sentence)
    }

    fn is_company(&self, hit: &Hit<'_>, topic: &TopicId) -> bool {
        hit.pattern.company || hit.uses.iter().any(|used| self.topic(used.fact) == Some(topic))
    }

    /// Whether it is written like a name, and not like a part of somebody else's (`Kevin Hart`, `Lord of the Ring`): a
    /// neighbour with a capital letter must be a word that the campaign itself uses.
    fn is_name(&self, hit: &Hit<'_>) -> bool {
        let list = self.words.list();
        let alone = |word: &Word| {
            let said = list.iter().filter(|other| other.sentence == word.sentence).count();
            word.capital && (said == 1 || self.is_subject(hit))
        };
        let Some(word) = list.get(hit.first).filter(|word| word.named || alone(word)) else {
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

    /// `Ring is a police network`, and not `Ring the police`: a word that opens questions stands behind it.
    fn is_subject(&self, hit: &Hit<'_>) -> bool {
        let Some(next) = self.words.list().get(hit.last + 1) else { return false };
        let clause =
            self.clause(hit).is_some_and(|clause| clause.from == hit.first && next.clause == self.clause_of(hit));
        clause && self.asking.at_start(&[self.words.text(next)]) == Some(1)
    }

    fn clause_of(&self, hit: &Hit<'_>) -> usize {
        self.words.list().get(hit.first).map_or(usize::MAX, |word| word.clause)
    }

    /// `what about ring?`, `what can i do?`: a question that is nothing but the topic's own name, or nothing but a whole
    /// weak phrase.
    fn is_the_question(&self, hit: &Hit<'_>, used: &Use) -> bool {
        if used.strength == Strength::Beside {
            return false;
        }
        // `AWS`, and nothing else: somebody names one of the topics we listed.
        let list = self.words.list();
        if list.len() == 1 && list.first().is_some_and(|word| word.capital) && self.is_own_name(hit, used.fact) {
            return true;
        }
        let Some(clause) = self.clause(hit).filter(|_| self.against.weight == 0) else {
            return false;
        };
        // `Nimbus: what is Amazon's part?`
        if clause.until == clause.from + 1 && self.is_own_name(hit, used.fact) && self.asks_beside(clause) {
            return true;
        }
        // `I signed! What next?`, `quiero ayudar`: a whole clause of several words, asked or not.
        let (from, until) = clause.polite;
        if hit.pattern.words > 1 && hit.first <= from && hit.last + 1 >= until {
            return true;
        }
        if !clause.asks {
            return false;
        }
        if hit.pattern.words == 1 && !self.is_own_name(hit, used.fact) && used.strength != Strength::Topical {
            return false;
        }
        let whole = hit.last + 1 == until && (hit.first == from || hit.first == from + clause.opening);
        // `is there any petition?`: nothing in it that the campaign has no word for.
        // `nimbus qué es`
        let turned = hit.first == from && self.is_asking_to_the_end(hit.last + 1, until);
        whole || turned || (!self.is_own_name(hit, used.fact) && self.strangers(hit, from, until) == 0)
    }

    fn is_asking_to_the_end(&self, from: usize, until: usize) -> bool {
        let rest = self.words.list().get(from..until).unwrap_or_default();
        let texts: Vec<&str> = rest.iter().map(|word| self.words.text(word)).collect();
        self.asking.at_start(&texts) == Some(texts.len())
    }

    /// How many words around the hit are neither short nor known from the campaign's own texts.
    fn strangers(&self, hit: &Hit<'_>, from: usize, until: usize) -> usize {
        let covered = |at: usize| self.hits.iter().any(|other| (other.first..=other.last).contains(&at));
        let outside = (from..until).filter(|at| !covered(*at) && (*at < hit.first || *at > hit.last));
        let words = outside.filter_map(|at| self.words.list().get(at)).map(|word| self.words.base(word));
        words.filter(|word| word.chars().count() > 3 && !self.speech.knows(word)).count()
    }

    fn is_own_name(&self, hit: &Hit<'_>, fact: usize) -> bool {
        let word = self.words.list().get(hit.first).map(|word| self.words.base(word));
        let topic = self.patterns.facts.get(fact).map(|sayable| sayable.topic_word.as_str());
        let is_name = |word: &str| topic == Some(word) || (word.len() > 5 && topic == word.strip_suffix('s'));
        hit.pattern.words == 1 && word.is_some_and(is_name)
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

/// Long phrases that few facts share say most; a word that needs company says half as much.
fn weight(hit: &Hit<'_>, strength: Strength) -> u32 {
    let facts: BTreeSet<usize> = hit.pattern.uses.iter().map(|used| used.fact).collect();
    let whole = worth_of(hit.pattern) / (facts.len() + 1);
    u32::try_from(share_of(whole, strength)).unwrap_or(u32::MAX)
}

/// The longer, the more specific; half as much where the target's name makes up the length (`what does amazon do`), and
/// less where nothing but names of everybody in this campaign stand in it (`amazon and the police`).
fn worth_of(pattern: &Pattern) -> usize {
    let worth = if pattern.general {
        20
    } else if pattern.holds_target {
        50
    } else {
        100
    };
    pattern.letters.saturating_mul(worth)
}

fn share_of(whole: usize, strength: Strength) -> usize {
    match strength {
        Strength::Keyword => whole,
        Strength::Topical | Strength::Weak => whole / 2,
        Strength::Beside => whole / 4,
    }
}
