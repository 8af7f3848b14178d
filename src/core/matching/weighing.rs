//! What the facts of the named topics are worth, and in what order they come. Which topics are named is said by
//! [`super::naming`].

use std::collections::{BTreeMap, BTreeSet};

use super::FactMatch;
use super::ideas::Asked;
use super::patterns::{Hit, Pattern, Strength};
use super::scene::Scene;
use crate::core::ids::{FactId, TopicId};

/// So many ideas together name a topic beside others that are named.
const TELLING: usize = 3;

/// What a letter of an idea's word is worth, times the ideas that stand together; a keyword's is worth up to 100.
const IDEA_WORTH: usize = 15;

/// The facts of a text, best first.
#[derive(Default)]
pub(super) struct Weighed {
    pub(super) matches: Vec<FactMatch>,
    /// Weak words that lacked company.
    pub(super) lonely: Vec<String>,
    /// How often the used keywords speak for each language.
    pub(super) langs: Vec<usize>,
}

impl Scene<'_> {
    /// Weighs every hit.
    pub(super) fn weigh(&self) -> Weighed {
        let mut weighed = Weighed::default();
        let about_us = self.is_about_us();
        let mut named = if about_us { self.named_topics() } else { BTreeMap::new() };
        if named.is_empty()
            && about_us
            && let Some(topic) = self.asked_of_the_target().or_else(|| self.circled())
        {
            named.insert(topic, Vec::new());
        }
        let asked = if about_us { self.asked_by_ideas() } else { Vec::new() };
        let best = asked.iter().max_by_key(|asked| (asked.ideas, asked.letters));
        if let Some((best, topic)) = best.and_then(|best| Some((best, self.topic(best.fact)?))) {
            let needed = match self.called() {
                // Who calls another topic by its name means that one.
                Some((hit, called)) if called != topic && !best.at.contains(&hit.first) => TELLING + 1,
                Some(_) | None => TELLING,
            };
            if named.is_empty() || best.ideas >= needed {
                named.entry(topic).or_default();
            }
        }
        let by_name = if about_us { self.asked_by_name(named.keys().copied()) } else { None };
        if let Some(topic) = by_name.filter(|_| !named.is_empty()) {
            named.entry(topic).or_default();
        }
        let mut spoken: Vec<(&Hit<'_>, Option<usize>)> = Vec::new();
        let mut counted: BTreeMap<usize, Vec<(&Hit<'_>, u32, &str)>> = BTreeMap::new();
        let mut counted_names: BTreeSet<usize> = BTreeSet::new();
        for hit in self.hits {
            for used in &hit.uses {
                let Some(topic) = self.topic(used.fact) else {
                    continue;
                };
                let is_named = named.contains_key(topic) || (about_us && self.is_the_question(hit, used));
                if !is_named {
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
        let asked: Vec<&Asked> = asked
            .into_iter()
            .filter(|asked| self.topic(asked.fact).is_some_and(|topic| named.contains_key(topic)))
            .collect();
        for asked in best_of_each(&asked) {
            self.add(asked, &mut weighed.matches);
        }
        for found in &mut weighed.matches {
            let beside = named.get(&found.topic).into_iter().flatten();
            found.company = beside.map(|pattern| pattern.shown.clone()).collect();
        }
        // A topic that is called by its name comes first. Facts come in file order; a stable sort keeps it among equals.
        let mut called: BTreeSet<&TopicId> = counted_names.iter().filter_map(|fact| self.topic(*fact)).collect();
        called.extend(by_name);
        // Within a longer name it is not that topic's own: `that Ring app where people report each other`.
        let within = |asked: &&&Asked| {
            asked.ideas >= TELLING && self.called().is_some_and(|(hit, _)| asked.at.contains(&hit.first))
        };
        called.extend(asked.iter().filter(within).filter_map(|asked| self.topic(asked.fact)));
        let mut spoken_of = self.topics_spoken_of(&named);
        for asked in best_of_each(&asked) {
            if let Some(spoken) = self.topic(asked.fact).map(|topic| spoken_of.entry(topic.clone()).or_default()) {
                *spoken = (*spoken).max(asked.letters * asked.ideas * IDEA_WORTH);
            }
        }
        let of = |topic: &TopicId| spoken_of.get(topic).copied().unwrap_or_default();
        weighed
            .matches
            .sort_by_key(|found| std::cmp::Reverse((called.contains(&found.topic), of(&found.topic), found.score)));
        weighed.lonely.retain(|word| !weighed.matches.iter().any(|found| found.words.contains(word)));
        weighed
    }

    /// A fact that ideas ask for, beside what keywords say for it.
    fn add(&self, asked: &Asked, matches: &mut Vec<FactMatch>) {
        let score = u32::try_from(asked.letters * asked.ideas * IDEA_WORTH).unwrap_or(u32::MAX);
        let Some(fact) = self.patterns.facts.get(asked.fact) else { return };
        match matches.iter_mut().find(|found| found.fact == fact.id) {
            Some(found) => {
                found.score = found.score.saturating_add(score);
                found.words.extend(asked.words.iter().cloned());
            }
            None => {
                // In file order, as the others are.
                let order = |id: &FactId| self.patterns.facts.iter().position(|fact| fact.id == *id);
                let at = matches.partition_point(|found| order(&found.fact) < Some(asked.fact));
                let words = asked.words.clone();
                matches.insert(at, FactMatch { score, words, ..FactMatch::of(fact) });
            }
        }
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

/// The line of each fact that says most.
fn best_of_each<'a>(asked: &[&'a Asked]) -> Vec<&'a Asked> {
    let mut best: BTreeMap<usize, &'a Asked> = BTreeMap::new();
    for asked in asked {
        let known = best.entry(asked.fact).or_insert(asked);
        if (asked.ideas, asked.letters) > (known.ideas, known.letters) {
            *known = asked;
        }
    }
    best.into_values().collect()
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
