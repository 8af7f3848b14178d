//! A text with its hits, its clauses and what they look like: what asks, what is written like a name, what stands alone.
//!
//! Nothing is weighed here; [`super::naming`] and [`super::weighing`] do that.

use super::ideas::Asked;
use super::language::Speech;
use super::patterns::{Hit, Patterns, Strength, Use};
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
    /// What ideas together ask for.
    pub(super) asked: &'a [Asked],
    /// It was quoted; whoever quoted it asks.
    pub(super) from_quote: bool,
}

/// What speaks against a topic.
#[derive(Clone, Debug, Default)]
pub(super) struct Against {
    /// The words and signs.
    pub(super) shown: Vec<String>,
    pub(super) weight: usize,
    /// Somebody jokes, or wants no fact: where nobody asks, no topic is meant.
    talk: bool,
    /// Others are named, and not the target: what is asked is about them.
    others: bool,
}

impl Against {
    /// Weighs the words of `elsewhere` and `joking`; one within a longer keyword is a part of it (`prime day boycott`).
    pub(super) fn weigh(hits: &[Hit<'_>], sign: Option<&str>) -> Self {
        let mut against = Self::default();
        let (mut others, mut jokes) = (0, usize::from(sign.is_some()));
        let target = hits.iter().any(|hit| hit.pattern.target);
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
            others += usize::from(hit.pattern.elsewhere || (hit.pattern.other && hit.uses.is_empty() && !target));
            jokes += usize::from(hit.pattern.joking);
            against.talk |= hit.pattern.talk;
            against.others |= hit.pattern.other;
        }
        against.talk |= jokes > 0;
        against.others &= !target;
        against.weight = others.min(ELSEWHERES_AT_MOST) * ELSEWHERE_TAKES + jokes.min(1) * JOKING_TAKES;
        against
    }
}

const ELSEWHERE_TAKES: usize = 4;
const ELSEWHERES_AT_MOST: usize = 3;
const JOKING_TAKES: usize = 2;

/// So many ideas ask for a fact where nothing speaks against it; each more outweighs one word from elsewhere.
const IDEAS: usize = 2;
/// So many ideas ask for a fact where nobody asks in so many words.
const TOLD: usize = 4;

/// So many odd words make a question somebody else's.
const ODD: usize = 2;
/// More questions than any honest text has are not looked at, so that time stays bounded.
const MOST_QUESTIONS: usize = 12;
/// So many words of a topic name it without its name.
const CIRCLED: usize = 3;
/// So many words beside a topic's name count.
const MOST_BESIDE: usize = 2;

impl Scene<'_> {
    pub(super) fn topic(&self, fact: usize) -> Option<&TopicId> {
        self.patterns.facts.get(fact).map(|sayable| &sayable.topic)
    }

    pub(super) fn clause(&self, hit: &Hit<'_>) -> Option<&Clause> {
        self.clauses.iter().find(|clause| (clause.from..clause.until).contains(&hit.first))
    }

    /// Whether another clause of its sentence asks: `Ring and the cops, tell me`.
    pub(super) fn asks_beside(&self, clause: &Clause) -> bool {
        self.clauses.iter().any(|other| other.asks && other.sentence == clause.sentence)
    }

    pub(super) fn is_company(&self, hit: &Hit<'_>, topic: &TopicId) -> bool {
        hit.pattern.company || hit.uses.iter().any(|used| self.topic(used.fact) == Some(topic))
    }

    /// Whether it is written like a name, and not like a part of somebody else's (`Kevin Hart`, `Lord of the Ring`): a
    /// neighbour with a capital letter must be a word that the campaign itself uses.
    pub(super) fn is_name(&self, hit: &Hit<'_>) -> bool {
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
    pub(super) fn is_subject(&self, hit: &Hit<'_>) -> bool {
        let Some(next) = self.words.list().get(hit.last + 1) else { return false };
        let clause =
            self.clause(hit).is_some_and(|clause| clause.from == hit.first && next.clause == self.clause_of(hit));
        clause && self.asking.at_start(&[self.words.text(next)]) == Some(1)
    }

    pub(super) fn clause_of(&self, hit: &Hit<'_>) -> usize {
        self.words.list().get(hit.first).map_or(usize::MAX, |word| word.clause)
    }

    /// `what about ring?`, `what can i do?`: a question that is nothing but the topic's own name, or nothing but a whole
    /// weak phrase.
    pub(super) fn is_the_question(&self, hit: &Hit<'_>, used: &Use) -> bool {
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
        // A slogan asks nothing.
        let slogan = used.strength == Strength::Topical && !clause.asks;
        if hit.pattern.words > 1 && !slogan && hit.first <= from && hit.last + 1 >= until {
            return self.odd_words(|_, _| true) < ODD;
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

    /// Whether a question somewhere is about the target: `they were picked up by ICE. Does Amazon help with that?`
    pub(super) fn target_is_asked(&self) -> bool {
        let within = |clause: &Clause, hit: &Hit<'_>| (clause.from..clause.until).contains(&hit.first);
        let asked = |clause: &&Clause| {
            clause.asks
                && self.hits.iter().any(|hit| hit.pattern.target && hit.pattern.words == 1 && within(clause, hit))
        };
        self.clauses.iter().any(|clause| asked(&clause))
    }

    /// Whether a topic is spoken of in no more than words that everybody in this campaign uses: company, and everyday words
    /// that several topics share (`ICE`).
    pub(super) fn is_bland(&self, topic: &TopicId) -> bool {
        let shared = |hit: &Hit<'_>| hit.uses.iter().any(|used| self.topic(used.fact) != Some(topic));
        let company = |hit: &Hit<'_>| {
            let theirs = |other: &Hit<'_>| other.pattern.company && !other.pattern.target && other.overlaps(hit);
            hit.pattern.holds_company || self.hits.iter().any(theirs)
        };
        let own = |hit: &&Hit<'_>| self.is_use_of(hit, topic, |strength| strength != Strength::Beside);
        self.hits.iter().filter(own).all(|hit| company(hit) || shared(hit))
    }

    /// The topic that the target's own product is (`AWS`), where a question names it and nothing more telling.
    pub(super) fn asked_by_name<'s>(&'s self, mut named: impl Iterator<Item = &'s TopicId>) -> Option<&'s TopicId> {
        let asked = |hit: &&Hit<'_>| {
            hit.pattern.target && self.clause(hit).is_some_and(|clause| clause.asks || self.asks_beside(clause))
        };
        let mut own = self.hits.iter().filter(asked).flat_map(|hit| hit.uses.iter().map(move |used| (hit, used)));
        let topic =
            own.find(|(hit, used)| self.is_own_name(hit, used.fact)).and_then(|(_, used)| self.topic(used.fact))?;
        let spoken = self.against.weight == 0 && named.all(|other| other == topic || self.is_bland(other));
        spoken.then_some(topic)
    }

    pub(super) fn is_asking_to_the_end(&self, from: usize, until: usize) -> bool {
        let rest = self.words.list().get(from..until).unwrap_or_default();
        let texts: Vec<&str> = rest.iter().map(|word| self.words.text(word)).collect();
        self.asking.at_start(&texts) == Some(texts.len())
    }

    /// Whether the words may name a topic at all: not where nobody asks and somebody only jokes, thanks or tells, and not
    /// where others are asked about (`does Google sell face recognition to the police?`), unless a topic is called by its name.
    pub(super) fn is_about_us(&self) -> bool {
        let asks = self.clauses.iter().any(|clause| clause.asks);
        let called = || {
            self.hits
                .iter()
                .any(|hit| hit.uses.iter().any(|used| self.is_own_name(hit, used.fact)) && !hit.pattern.target)
        };
        (asks || !self.against.talk) && (!self.against.others || called())
    }

    /// The first word that calls a topic by its own name.
    pub(super) fn called(&self) -> Option<(&Hit<'_>, &TopicId)> {
        let mut own = self.hits.iter().filter(|hit| !hit.pattern.target);
        own.find_map(|hit| {
            let used = hit.uses.iter().find(|used| self.is_own_name(hit, used.fact))?;
            Some((hit, self.topic(used.fact)?))
        })
    }

    /// What ideas ask for, if somebody asks: the more of them stand together, the more may speak against it.
    pub(super) fn asked_by_ideas(&self) -> Vec<&Asked> {
        let asks = self.clauses.iter().any(|clause| clause.asks);
        let outweighs = |asked: &&Asked| self.against.weight <= asked.ideas.saturating_sub(IDEAS) * ELSEWHERE_TAKES;
        self.asked.iter().filter(|asked| asks || asked.ideas >= TOLD).filter(outweighs).collect()
    }

    /// Whether a topic's word stands where it belongs: in its own sentence, or in one that asks about this. Without company
    /// words or other words of its topic there, a statement must hold nothing that is strange to the campaign (`my Palantir
    /// onboarding starts Monday`), and a question or a complaint hardly anything (`can you give kubectl access to Nimbus?`).
    pub(super) fn is_at_home(&self, hit: &Hit<'_>, topic: &TopicId) -> bool {
        if self.from_quote || !self.speech.has_ordinary() {
            return true;
        }
        let own = self.sentence(hit.first);
        let asking: Vec<usize> = self.asking_sentences(own);
        let in_scope = |at: usize| {
            let sentence = self.sentence(at);
            sentence == own || asking.contains(&sentence)
        };
        let asks = !asking.is_empty();
        let around = || self.hits.iter().filter(|other| !other.overlaps(hit) && in_scope(other.first));
        // Where nobody asks or complains, neither another product's name nor the rest of a product's own (`the Ring video
        // doorbell`) is company.
        let asks = asks || self.is_blamed(hit);
        let strong = |other: &Hit<'_>| {
            let product = other.uses.iter().any(|used| used.strength == Strength::Keyword);
            let akin = self.is_use_of(other, topic, |strength| strength != Strength::Beside);
            if asks { other.pattern.company || akin } else { other.pattern.company && !product }
        };
        if hit.pattern.holds_company || self.quoted_company > 0 || around().any(strong) {
            return true;
        }
        let beside = around().filter(|other| self.is_use_of(other, topic, |_| true)).count().min(MOST_BESIDE);
        let keyword = self.is_use_of(hit, topic, |strength| strength == Strength::Keyword);
        let specific = usize::from((hit.pattern.holds_name && keyword) || self.is_asked_directly(hit));
        let outside = |at: usize, word: &Word| in_scope(at) && !word.is_tag() && !(hit.first..=hit.last).contains(&at);
        if asks {
            // A phrase that anybody may use about anything (`qué piden`) stands for nothing beside a word that is odd here.
            let odd = if hit.pattern.everyday { ODD - 1 } else { ODD };
            self.odd_words(outside) < odd + beside + 2 * specific
        } else {
            self.strangers(hit, 0, self.words.list().len()) <= beside
        }
    }

    /// Whether a question in any sentence is about it: `my mother bought a Ring camera. Is that safe?`
    pub(super) fn is_asked_about(&self, hit: &Hit<'_>) -> bool {
        !self.asking_sentences(self.sentence(hit.first)).is_empty()
    }

    /// The topic that a question circles without naming it: several of its words stand there, and hardly an odd one
    /// (`is it true that they flagged calls for the word covid?`).
    pub(super) fn circled(&self) -> Option<&TopicId> {
        if self.against.weight > 0 || !self.speech.has_ordinary() {
            return None;
        }
        self.clauses.iter().filter(|clause| clause.asks).take(MOST_QUESTIONS).find_map(|clause| {
            let inside = |at: usize| self.sentence(at) == clause.sentence;
            if self.odd_words(|at, _| inside(at)) >= ODD {
                return None;
            }
            let within: Vec<&Hit<'_>> = self
                .hits
                .iter()
                .filter(|hit| inside(hit.first) && hit.pattern.letters > 3 && !hit.pattern.company)
                .collect();
            let count = |topic: &TopicId| {
                let mut taken: Vec<&Hit<'_>> = Vec::new();
                for hit in within.iter().filter(|hit| self.is_use_of(hit, topic, |_| true)) {
                    if !taken.iter().any(|known| known.overlaps(hit) || std::ptr::eq(known.pattern, hit.pattern)) {
                        taken.push(hit);
                    }
                }
                taken.len()
            };
            let topics = within.iter().flat_map(|hit| hit.uses.iter().filter_map(|used| self.topic(used.fact)));
            let best = topics.map(|topic| (count(topic), topic)).max_by_key(|(count, _)| *count)?;
            (best.0 >= CIRCLED).then_some(best.1)
        })
    }

    /// Whether its sentence holds words of fear or blame.
    pub(super) fn is_blamed(&self, hit: &Hit<'_>) -> bool {
        let own = self.sentence(hit.first);
        self.hits.iter().any(|other| other.pattern.concern && self.sentence(other.first) == own)
    }

    fn sentence(&self, at: usize) -> usize {
        self.words.list().get(at).map_or(usize::MAX, |word| word.sentence)
    }

    /// The sentences that ask about what this sentence says: itself, those that hold a word of the campaign, and those that
    /// hold next to nothing (`is that legit?`).
    fn asking_sentences(&self, own: usize) -> Vec<usize> {
        let asked = self.clauses.iter().filter(|clause| clause.asks).take(MOST_QUESTIONS);
        let mut asking: Vec<usize> = asked.map(|clause| clause.sentence).collect();
        asking.dedup();
        let ours = |hit: &Hit<'_>| !hit.uses.is_empty() || hit.pattern.company;
        asking.retain(|sentence| {
            *sentence == own
                || self.hits.iter().any(|hit| ours(hit) && self.sentence(hit.first) == *sentence)
                || self.odd_words(|_, word| word.sentence == *sentence) == 0
        });
        asking
    }

    /// `isn't Nimbus the one that …`: its name stands right behind what opens the question.
    fn is_asked_directly(&self, hit: &Hit<'_>) -> bool {
        let behind = |clause: &Clause| clause.opening > 0 && hit.first == clause.polite.0 + clause.opening;
        self.clause(hit).is_some_and(behind) && hit.uses.iter().any(|used| self.is_own_name(hit, used.fact))
    }

    fn is_use_of(&self, hit: &Hit<'_>, topic: &TopicId, strength: impl Fn(Strength) -> bool) -> bool {
        hit.uses.iter().any(|used| strength(used.strength) && self.topic(used.fact) == Some(topic))
    }

    /// How many of these words neither the campaign uses nor people of every walk.
    fn odd_words(&self, counted: impl Fn(usize, &Word) -> bool) -> usize {
        let covered =
            |at: usize| self.hits.iter().any(|other| !other.opposes && (other.first..=other.last).contains(&at));
        let list = self.words.list().iter().enumerate().filter(|(at, word)| counted(*at, word) && !covered(*at));
        let words = list.map(|(_, word)| self.words.base(word));
        words.filter(|word| word.chars().count() > 3 && !self.speech.is_ordinary(word)).count()
    }

    /// How many words around the hit are neither short nor known from the campaign's own texts.
    pub(super) fn strangers(&self, hit: &Hit<'_>, from: usize, until: usize) -> usize {
        let covered = |at: usize| self.hits.iter().any(|other| (other.first..=other.last).contains(&at));
        let outside = (from..until).filter(|at| !covered(*at) && (*at < hit.first || *at > hit.last));
        let words = outside.filter_map(|at| self.words.list().get(at)).map(|word| self.words.base(word));
        words.filter(|word| word.chars().count() > 3 && !self.speech.knows(word)).count()
    }

    pub(super) fn is_own_name(&self, hit: &Hit<'_>, fact: usize) -> bool {
        let word = self.words.list().get(hit.first).map(|word| self.words.base(word));
        let topic = self.patterns.facts.get(fact).map(|sayable| sayable.topic_word.as_str());
        let is_name = |word: &str| topic == Some(word) || (word.len() > 5 && topic == word.strip_suffix('s'));
        hit.pattern.words == 1 && word.is_some_and(is_name)
    }
}
