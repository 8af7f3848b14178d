//! Which topics a text names.
//!
//! A topic is named when one of its words weighs 6 (see [`Scene::vouched`]). A keyword weighs 6 by itself; a topical word
//! 3 and a weak word nothing, and both need another word beside them. Other words of the topic or the company list add 4
//! each in the same clause and 3 elsewhere; signs
//! that a name, a question or one phrase is meant add 2 each, but never suffice alone. A word from `elsewhere` takes 4, a
//! sign of joking 2. So `is Ring in with the police?` asks, while `ring the police`, `a ring for my wedding, thanks amazon`,
//! `ice cream at the border`, `palantir stock` and `my cat failed facial recognition lol` stay without an answer. A weak word
//! that only tells the facts of a topic apart (see [`super::patterns`]) counts once the topic is named otherwise.

use std::collections::{BTreeMap, BTreeSet};

use super::patterns::{Hit, Pattern, Strength, Use};
use super::scene::{Clause, Scene};
use crate::core::ids::TopicId;

const NEEDED: usize = 6;
const TOPICAL: usize = 3;
const IN_CLAUSE: usize = 4;
const OUT_OF_CLAUSE: usize = 3;
const SIGN: usize = 2;

impl Scene<'_> {
    /// The topics that are named, each with the company that one of its words needed.
    pub(super) fn named_topics(&self) -> BTreeMap<&TopicId, Vec<&Pattern>> {
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
                if !self.is_at_home(hit, topic) {
                    refused.insert((hit.first, hit.last, topic));
                } else if strength == Strength::Keyword && self.against.weight == 0 {
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
    pub(super) fn asked_of_the_target(&self) -> Option<&TopicId> {
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

    /// The company that lets a word name its topic, if all that speaks for and against it weighs enough. Every word
    /// counts once.
    pub(super) fn vouched<'h>(&'h self, hit: &'h Hit<'_>, topic: &TopicId, used: &Use) -> Option<Vec<&'h Pattern>> {
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
        let asks = clause.is_some_and(|clause| clause.asks || self.asks_beside(clause)) || self.is_blamed(hit);
        let name = self.is_name(hit);
        // `how much does HART cost`: the topic's own name, written like one, in a question.
        let asks_elsewhere = self.clauses.iter().any(|clause| clause.asks);
        // Of the target's own product many speak who mean nothing of this (`looking for AWS tutors`).
        let known = !hit.pattern.target
            || clause.is_some_and(|clause| self.strangers(hit, clause.polite.0, clause.polite.1) == 0);
        let own = name && asks_elsewhere && known && self.is_own_name(hit, used.fact);
        let asks = asks || own;
        let asked_of = !asks && taken.iter().any(|other| other.pattern.target) && self.target_is_asked();
        let signs = [name, asks, hit.pattern.words > 1, beside, own, asked_of].iter().filter(|sign| **sign).count();
        let (base, signs) = match used.strength {
            Strength::Keyword => (NEEDED, usize::from(asks_elsewhere)),
            Strength::Topical if taken.iter().any(|other| other.pattern.company) => (TOPICAL, signs),
            // `should I take down my Ring doorbell?`
            Strength::Topical if hit.pattern.holds_name && (asks || self.is_asked_about(hit)) => {
                (0, signs + 1 + usize::from(!asks))
            }
            Strength::Topical if around > 0 || own => (0, signs),
            Strength::Weak if around > 0 || own => (0, signs),
            Strength::Topical | Strength::Weak | Strength::Beside => (0, 0),
        };
        let enough = base + around + signs * SIGN >= NEEDED + self.against.weight;
        enough.then(|| taken.iter().map(|other| other.pattern).collect())
    }

    /// Whether it is a part of a longer keyword of the topic, whose weight has been judged as a whole.
    pub(super) fn is_part_of_a_keyword(&self, hit: &Hit<'_>, topic: &TopicId) -> bool {
        let keyword = |used: &Use| {
            matches!(used.strength, Strength::Keyword | Strength::Topical) && self.topic(used.fact) == Some(topic)
        };
        self.hits.iter().any(|other| {
            other.overlaps(hit)
                && other.pattern.letters > hit.pattern.letters
                && other.uses.iter().any(|used| keyword(used))
        })
    }
}
