//! Which facts a mention asks for, which command it gives and in which language to answer (DESIGN §6).
//!
//! Built once per campaign from its [`FactBook`] and [`CommandBook`]; reading is pure, linear in the text and never fails.
//! Silence is better than a wrong answer; a stop is never missed. It does not know who asks, what they have heard before, or
//! which facts are due for review.

mod ideas;
mod impression;
mod language;
mod lexicon;
mod naming;
pub(crate) mod nearness;
mod patterns;
mod scene;
mod spelling;
mod weighing;

use std::ops::Range;
use std::sync::Arc;

use crate::core::command::{Address, Command, CommandBook, CommandReader, Found, PhraseList, full_words};
use crate::core::fact::FactBook;
use crate::core::ids::{FactId, Lang, TopicId};
use crate::core::learning::Example;
use crate::core::mention::MentionText;
use crate::core::text::Words;

pub use ideas::{NoIdea, check as check_asked};

use ideas::Ideas;
use impression::Taught;
use language::Speech;
use patterns::{Hit, Patterns, Sayable};
use scene::{Against, Clause, Scene};
use spelling::Spelling;
use weighing::Weighed;

/// How many words behind a negation it reaches (`not about the Ring doorbell`).
const NEGATION_REACHES: usize = 3;

/// How many words behind it are not looked at for ideas: they name nothing so short.
const DENIAL_REACHES: usize = 5;

/// So many words beside a command make it a part of something else (`source: trust me bro, says Amazon`).
const MUCH_ELSE: usize = 4;

/// A campaign's keywords and phrases, ready for reading mentions.
#[derive(Clone, Debug)]
pub struct Matcher {
    speech: Speech,
    patterns: Patterns,
    ideas: Ideas,
    commands: CommandReader,
    asking: PhraseList,
    negation: PhraseList,
    /// Signs of joking that have no letters.
    signs: Vec<String>,
    /// Only where there is a list of everybody's words: without one no word is a misspelling.
    spelling: Option<Spelling>,
    /// What examples teach; `None` where the campaign has none.
    taught: Option<Arc<Taught>>,
}

/// What a mention says. At most one of `command` and a non-empty `matches` is there: stop and start win over everything, the
/// other commands give way to any match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The command to obey.
    pub command: Option<Command>,
    /// The campaign language to answer in.
    pub lang: Lang,
    /// The facts asked for, best first, each once; never one that another replaces.
    pub matches: Vec<FactMatch>,
    /// Words of a topic that lacked company or had too much against them, as staff wrote them: the reason for a silence.
    pub weak_only: Vec<String>,
    /// What speaks for a joke or for something else (`battery`, `lol`), as staff wrote it.
    pub against: Vec<String>,
    /// Keywords the mention says it is not about, as staff wrote them: the reason for a silence.
    pub negated: Vec<String>,
    /// The matches stand in what was quoted; the person's own words only ask.
    pub from_quote: bool,
    /// No keyword found it: it reads like the examples of its topic, or of its command.
    pub by_example: bool,
    /// With a command: how many words stand beside it that are no courtesy.
    pub other_words: usize,
}

/// A fact that fits a mention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactMatch {
    /// Which fact.
    pub fact: FactId,
    /// Its topic.
    pub topic: TopicId,
    /// What matched, as staff wrote the keyword.
    pub words: Vec<String>,
    /// The words beside it that let it name its topic, where it needed some.
    pub company: Vec<String>,
    /// How specific the match is; comparable only within one mention.
    pub score: u32,
}

impl FactMatch {
    fn of(sayable: &Sayable) -> Self {
        Self {
            fact: sayable.id.clone(),
            topic: sayable.topic.clone(),
            words: Vec::new(),
            company: Vec::new(),
            score: 0,
        }
    }
}

impl Matcher {
    /// Prepares a campaign; `languages` in the campaign's order, the first is the default.
    #[must_use]
    pub fn new(facts: &FactBook, commands: &CommandBook, languages: &[Lang]) -> Matcher {
        let speech = Speech::learn(facts, commands, languages);
        let patterns = Patterns::new(facts, commands, &speech);
        let reader = CommandReader::new(commands);
        let (asking, negation) = (PhraseList::new(&commands.asking), PhraseList::new(&commands.negation));
        let owned = |words: &mut dyn Iterator<Item = &str>| words.map(str::to_owned).collect::<Vec<_>>();
        let spelling = speech.has_ordinary().then(|| {
            let ideas = facts.ideas.values().flatten().flat_map(|written| full_words(written));
            let mut telling: Vec<String> = ideas.collect();
            telling.extend(owned(&mut patterns.vocabulary().chain(reader.vocabulary()).chain(asking.vocabulary())));
            Spelling::new(telling, owned(&mut speech.vocabulary().chain(negation.vocabulary())))
        });
        Matcher {
            ideas: Ideas::new(facts, &patterns.facts),
            spelling,
            patterns,
            signs: commands.joking.values().flatten().filter(|sign| is_sign(sign)).cloned().collect(),
            commands: reader,
            asking,
            negation,
            speech,
            taught: None,
        }
    }

    /// The same, with examples of mentions about `facts` to learn from, when it is first asked about a mention. What
    /// `before` learned from the same facts and examples is taken over.
    #[must_use]
    pub fn taught(self, facts: &FactBook, examples: &Arc<[Example]>, before: Option<&Matcher>) -> Matcher {
        if examples.is_empty() {
            return self;
        }
        let before = before.and_then(|matcher| matcher.taught.as_ref());
        Matcher { taught: Some(Taught::by(facts, examples, before)), ..self }
    }

    /// Whether it has examples.
    #[must_use]
    pub fn is_taught(&self) -> bool {
        self.taught.is_some()
    }

    /// Learns now, so that no mention waits for it.
    pub fn learn(&self) {
        if let Some(taught) = &self.taught {
            taught.lesson();
        }
    }

    /// Reads a mention; `status_lang` is the language its author's client claimed.
    #[must_use]
    pub fn read(&self, text: &MentionText, status_lang: Option<&Lang>) -> Reading {
        let said = Words::read(&text.own);
        let reading = match &self.spelling {
            Some(spelling) => {
                let mut words = said.clone();
                words.respell(|word| spelling.meant(word));
                self.by_rules(text, &words, status_lang)
            }
            None => self.by_rules(text, &said, status_lang),
        };
        match self.taught.as_ref().map(|taught| taught.lesson()) {
            Some(lesson) => self.after_examples(reading, lesson, &text.own, &said),
            None => reading,
        }
    }

    fn by_rules(&self, text: &MentionText, words: &Words, status_lang: Option<&Lang>) -> Reading {
        let mut command = self.commands.read(words);
        let decide = |votes: &Vec<usize>| self.speech.decide(votes, status_lang, &text.own, words);
        let mut hits: Option<Vec<Hit<'_>>> = None;
        if let Some(found) = command.as_ref().filter(|found| found.command.always_wins()) {
            let alone = found.words.len() == words.list().len();
            let all = if alone { Vec::new() } else { self.patterns.find(words, &self.speech) };
            if !self.is_for_others(found, words, &all) {
                return Reading::of_command(found.command, decide(&self.speech.vote_for(found.lang.as_ref())));
            }
            command = None;
            hits = Some(all);
        }
        let mut hits = hits.unwrap_or_else(|| self.patterns.find(words, &self.speech));
        let mut clauses = self.clauses(words);
        if let Some(found) = &command {
            hits.retain(|hit| !found.words.contains(&hit.first));
        }
        let (negated, denied) = self.take_negated(words, &clauses, &mut hits);
        let (asked, asking) = if self.ideas.is_empty() { Default::default() } else { self.ideas.read(words, &denied) };
        for clause in &mut clauses {
            clause.asks |= asking.iter().any(|at| (clause.from..clause.until).contains(&at.start));
        }
        let clauses = clauses;
        let quoted = if text.quoted.is_empty() { Words::default() } else { Words::read(&text.quoted) };
        let quoted_hits = self.patterns.find(&quoted, &self.speech);
        let quoted_company = quoted_hits.iter().filter(|hit| hit.pattern.company).count();
        let sign = self.signs.iter().find(|sign| text.own.contains(sign.as_str()));
        let scene = Scene {
            patterns: &self.patterns,
            speech: &self.speech,
            words,
            clauses: &clauses,
            asking: &self.asking,
            hits: &hits,
            quoted_company,
            against: Against::weigh(&hits, sign.map(String::as_str)),
            asked: &asked,
            from_quote: false,
        };
        let mut weighed = scene.weigh();
        let mut from_quote = false;
        let points_at_quote = match command.as_ref().map(|found| found.command) {
            // "Is that true?" and "more?" about something quoted ask about that.
            Some(Command::Sources | Command::More) => true,
            Some(Command::Topics | Command::Help | Command::Stop | Command::Start) => false,
            None => negated.is_empty() && clauses.iter().any(|clause| clause.asks),
        };
        if weighed.matches.is_empty() && points_at_quote {
            let context = Scene {
                words: &quoted,
                clauses: &self.clauses(&quoted),
                hits: &quoted_hits,
                quoted_company: 0,
                against: Against::default(),
                asked: &[],
                from_quote: true,
                ..scene
            };
            let lonely = std::mem::take(&mut weighed.lonely);
            // The quote's language is not the asker's.
            weighed = Weighed { lonely, langs: Vec::new(), ..context.weigh() };
            from_quote = !weighed.matches.is_empty();
        }
        if let Some(found) = &command
            && weighed.matches.is_empty()
        {
            let list = words.list().iter().enumerate();
            let others = list.filter(|(at, word)| {
                !found.words.contains(at) && !word.is_tag() && !self.commands.is_polite(words.text(word))
            });
            let other_words = others.count();
            // `help! my Ring camera broke`: who names a topic does not ask what we are, and who says much else gives no command.
            let helps = found.command != Command::Help || hits.iter().all(|hit| hit.uses.is_empty());
            if helps && other_words < MUCH_ELSE {
                let reading = Reading::of_command(found.command, decide(&self.speech.vote_for(found.lang.as_ref())));
                return Reading { other_words, ..reading };
            }
        }
        let lang = decide(&weighed.langs);
        let against = scene.against.shown;
        let Weighed { matches, lonely: weak_only, .. } = weighed;
        Reading {
            command: None,
            lang,
            matches,
            weak_only,
            against,
            negated,
            from_quote,
            by_example: false,
            other_words: 0,
        }
    }

    /// Whether a shout is for somebody else: called by name in the same sentence, or what the mention goes on about.
    fn is_for_others(&self, found: &Found, words: &Words, hits: &[Hit<'_>]) -> bool {
        let list = words.list();
        let said = |at: &usize| found.words.contains(at);
        let named = |at: usize| {
            let names = |hit: &Hit<'_>| !hit.uses.is_empty() || hit.pattern.company;
            hits.iter().any(|hit| names(hit) && (hit.first..=hit.last).contains(&at))
        };
        let sentences: Vec<usize> =
            found.words.iter().filter_map(|at| list.get(*at)).map(|word| word.sentence).collect();
        let others = || {
            let words =
                list.iter().enumerate().filter(|(at, word)| !said(at) && !self.commands.is_polite(words.text(word)));
            words.map(|(at, word)| (at, sentences.contains(&word.sentence)))
        };
        let called = || {
            let mut beside = others().filter(|(_, beside)| *beside).peekable();
            beside.peek().is_some() && beside.all(|(at, _)| named(at))
        };
        // `Stop. Amazon. Now.`
        let slogan = || {
            let target = |at: usize| hits.iter().any(|hit| hit.pattern.target && (hit.first..=hit.last).contains(&at));
            others().next().is_some() && others().all(|(at, _)| target(at))
        };
        match found.address {
            Address::Us | Address::Told => slogan(),
            Address::Call => called() || slogan(),
            Address::Outcry => called() || others().any(|(at, _)| named(at)),
        }
    }

    fn clauses(&self, words: &Words) -> Vec<Clause> {
        let list = words.list();
        let texts: Vec<&str> = list.iter().map(|word| words.text(word)).collect();
        let mut clauses: Vec<Clause> = Vec::new();
        let mut from = 0;
        for run in list.chunk_by(|one, other| one.clause == other.clause) {
            let until = from + run.len();
            let said = texts.get(from..until).unwrap_or_default();
            let polite = self.commands.courtesy_at_start(said);
            let opened = said.get(polite..).and_then(|rest| self.asking.at_start(rest));
            let end = said.len() - self.commands.courtesy_at_end(said);
            let tags = run.iter().take_while(|word| word.is_tag()).count();
            // `#EyesOnAmazon how do I sign`
            let behind_tags = tags > 0 && said.get(tags..).and_then(|rest| self.asking.at_start(rest)).is_some();
            let mark = run.first().is_some_and(|word| words.has_question_mark(word.sentence));
            clauses.push(Clause {
                from,
                until,
                polite: (from + polite.min(end), from + end),
                opening: opened.unwrap_or_default(),
                sentence: run.first().map_or(0, |word| word.sentence),
                asks: mark
                    || opened.is_some()
                    || behind_tags
                    || self.asking.at_end(said.get(polite..end).unwrap_or_default()).is_some_and(|count| count > 1),
            });
            from = until;
        }
        clauses
    }

    /// Removes the hits that stand right behind a negation; their keywords, and where the words stand that are denied, are
    /// the answer.
    fn take_negated(
        &self,
        words: &Words,
        clauses: &[Clause],
        hits: &mut Vec<Hit<'_>>,
    ) -> (Vec<String>, Vec<Range<usize>>) {
        let mut negated: Vec<String> = Vec::new();
        let mut all: Vec<Range<usize>> = Vec::new();
        let texts: Vec<&str> = words.list().iter().map(|word| words.text(word)).collect();
        for clause in clauses {
            for at in clause.from..clause.until {
                let Some(count) = texts.get(at..clause.until).and_then(|rest| self.negation.at_start(rest)) else {
                    continue;
                };
                let behind = at + count;
                // A lone `not` denies the next word only.
                let reach = if count == 1 { 1 } else { NEGATION_REACHES };
                let until = (behind + reach).min(clause.until);
                all.extend((count > 1).then_some(behind..(behind + DENIAL_REACHES).min(clause.until)));
                // A keyword may begin within the negation: `about ring` in `not about ring`.
                let denied = |hit: &Hit<'_>| hit.first > at && hit.last >= behind && hit.first < until;
                let reached = || hits.iter().filter(|hit| denied(hit));
                let inner = |hit: &Hit<'_>| {
                    reached().any(|other| other.overlaps(hit) && other.pattern.letters > hit.pattern.letters)
                };
                let named = reached().filter(|hit| !inner(hit)).filter_map(|hit| hit.uses.first());
                negated.extend(named.map(|used| used.shown.clone()));
                hits.retain(|hit| !denied(hit));
            }
        }
        negated.dedup();
        (negated, all)
    }
}

fn is_sign(text: &str) -> bool {
    !text.contains(char::is_alphanumeric) && !text.trim().is_empty()
}

impl Reading {
    fn of_command(command: Command, lang: Lang) -> Self {
        let command = Some(command);
        let (matches, weak_only, against, negated) = Default::default();
        Self {
            command,
            lang,
            matches,
            weak_only,
            against,
            negated,
            from_quote: false,
            by_example: false,
            other_words: 0,
        }
    }
}

#[cfg(test)]
mod tests;
