//! All keywords, weak words and company words as one automaton, and their hits in a text.
//!
//! A text becomes a stream of stems with a blank on either side of each, so that only whole words are found; a line end
//! stands between clauses, so that no phrase reaches over a comma. What a hit is worth is not decided here.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::language::{Speech, singular};
use super::lexicon::{Lexicon, Likeness};
use crate::core::command::CommandBook;
use crate::core::fact::FactBook;
use crate::core::ids::{FactId, TopicId};
use crate::core::text::{Words, phrase};

/// Whether a keyword answers alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    Keyword,
    /// Needs the campaign's target beside it, or company like a weak word.
    Topical,
    /// An everyday word, which needs company.
    Weak,
    /// Names no topic, but is company for its own.
    Beside,
}

impl Strength {
    /// Whether it may be inflected, misspelt or a part of a hashtag.
    fn is_strong(self) -> bool {
        match self {
            Strength::Keyword | Strength::Topical => true,
            Strength::Weak | Strength::Beside => false,
        }
    }
}

/// One fact's use of a pattern.
#[derive(Clone, Debug)]
pub(super) struct Use {
    /// Index into [`Patterns::facts`].
    pub(super) fact: usize,
    pub(super) strength: Strength,
    /// As staff wrote it.
    pub(super) shown: String,
    /// The language its words speak for, as an index of [`Speech`].
    pub(super) lang: Option<usize>,
    /// For a weak word: it tells which fact of a topic is meant, not which topic (see [`Patterns::tell_refining`]).
    pub(super) refines: bool,
    /// Folded, without possessive.
    form: String,
}

/// One run of stems that some keyword stands for.
#[derive(Clone, Debug, Default)]
pub(super) struct Pattern {
    pub(super) words: usize,
    pub(super) letters: usize,
    pub(super) company: bool,
    /// It names whom the campaign is about; then it is company, too.
    pub(super) target: bool,
    /// It is longer than the name of the target, and holds it.
    pub(super) holds_target: bool,
    /// It has several words, and the name of a topic or of the target is one of them.
    pub(super) holds_name: bool,
    /// It is longer than a company word that is not the target's name, and holds it.
    pub(super) holds_company: bool,
    /// Nothing but words of everyday (`what are you asking for`).
    pub(super) everyday: bool,
    /// Nothing but names of the target and company words, and short words between them.
    pub(super) general: bool,
    /// It shows that something else is meant.
    pub(super) elsewhere: bool,
    /// It shows that somebody jokes.
    pub(super) joking: bool,
    /// It shows that somebody wants no fact.
    pub(super) talk: bool,
    /// It shows fear or blame.
    pub(super) concern: bool,
    /// It names another who does what the target does.
    pub(super) other: bool,
    /// Folded, the ways of writing in which it shows that.
    opposing: Vec<String>,
    /// As staff first wrote it.
    pub(super) shown: String,
    pub(super) uses: Vec<Use>,
}

/// A fact that may be said: its id and topic.
#[derive(Clone, Debug)]
pub(super) struct Sayable {
    pub(super) id: FactId,
    pub(super) topic: TopicId,
    /// The topic's id as a word, so that it can be asked for by name.
    pub(super) topic_word: String,
}

/// Everything the automaton knows.
#[derive(Clone, Debug)]
pub(super) struct Patterns {
    pub(super) facts: Vec<Sayable>,
    list: Vec<Pattern>,
    lexicon: Lexicon,
    automaton: Option<AhoCorasick>,
}

/// A pattern in a text, from its first to its last word (indexes into [`Words::list`]).
#[derive(Clone, Debug)]
pub(super) struct Hit<'a> {
    pub(super) pattern: &'a Pattern,
    pub(super) first: usize,
    pub(super) last: usize,
    /// The uses that this way of writing allows.
    pub(super) uses: Vec<&'a Use>,
    /// Whether, written this way, it speaks against every topic.
    pub(super) opposes: bool,
}

impl Hit<'_> {
    pub(super) fn overlaps(&self, other: &Hit<'_>) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// More hits than any honest text has are not weighed, so that time stays bounded.
const MOST_HITS: usize = 400;

/// One stem run in the stream.
struct Piece<'t> {
    at: usize,
    word: usize,
    text: &'t str,
    likeness: Likeness,
    /// Only a part of what was written as one word.
    part: bool,
}

impl Patterns {
    /// Builds the automaton. A replaced fact's keywords lead to the fact that replaces it.
    pub(super) fn new(book: &FactBook, commands: &CommandBook, speech: &Speech) -> Self {
        let facts: Vec<Sayable> = book
            .facts
            .iter()
            .filter(|fact| !book.is_superseded(&fact.id))
            .map(|fact| Sayable {
                id: fact.id.clone(),
                topic: fact.topic.clone(),
                topic_word: phrase(fact.topic.as_str()),
            })
            .collect();
        let mut patterns = Self { facts, list: Vec::new(), lexicon: Lexicon::default(), automaton: None };
        let mut by_stems: HashMap<String, usize> = HashMap::new();
        for fact in &book.facts {
            let Some(heir) = heir(book, &fact.id) else {
                continue;
            };
            let Some(index) = patterns.facts.iter().position(|sayable| sayable.id == heir) else {
                continue;
            };
            let lists = [
                (&fact.keywords, Strength::Keyword),
                (&fact.topical, Strength::Topical),
                (&fact.weak, Strength::Weak),
                (&fact.beside, Strength::Beside),
            ];
            for (written, strength) in
                lists.iter().flat_map(|(list, strength)| list.iter().map(|text| (text, *strength)))
            {
                let forgiving = matches!(strength, Strength::Keyword | Strength::Topical);
                let Some(pattern) = patterns.entry(&mut by_stems, written, forgiving) else {
                    continue;
                };
                let form = phrase(written);
                if pattern
                    .uses
                    .iter()
                    .any(|known| known.fact == index && known.form == form && known.strength == strength)
                {
                    continue;
                }
                let lang = speech.winner(&speech.votes(form.split(' ')));
                let refines = strength == Strength::Beside;
                pattern.uses.push(Use { fact: index, strength, shown: written.clone(), lang, refines, form });
            }
        }
        for written in &book.company {
            if let Some(pattern) = patterns.entry(&mut by_stems, written, false) {
                pattern.company = true;
            }
        }
        for written in &book.target {
            if let Some(pattern) = patterns.entry(&mut by_stems, written, false) {
                pattern.company = true;
                pattern.target = true;
            }
        }
        for written in &book.elsewhere {
            if let Some(pattern) = patterns.entry(&mut by_stems, written, false) {
                pattern.elsewhere = true;
                pattern.opposing.push(phrase(written));
            }
        }
        for written in &book.others {
            if let Some(pattern) = patterns.entry(&mut by_stems, written, false) {
                pattern.other = true;
                pattern.opposing.push(phrase(written));
            }
        }
        for written in commands.joking.values().flatten() {
            if let Some(pattern) = patterns.entry(&mut by_stems, written, false) {
                pattern.joking = true;
                pattern.opposing.push(phrase(written));
            }
        }
        for written in commands.concern.values().flatten() {
            if let Some(pattern) = patterns.entry(&mut by_stems, written, false) {
                pattern.concern = true;
            }
        }
        for written in commands.talk.values().flatten() {
            if let Some(pattern) = patterns.entry(&mut by_stems, written, false) {
                pattern.talk = true;
                pattern.opposing.push(phrase(written));
            }
        }
        let targets: Vec<String> = book.target.iter().map(|written| phrase(written)).collect();
        for pattern in patterns.list.iter_mut().filter(|pattern| pattern.words > 1 && !pattern.target) {
            let shown = phrase(&pattern.shown);
            pattern.holds_target = shown.split(' ').any(|word| targets.iter().any(|target| target == word));
        }
        let company: Vec<String> = book.company.iter().map(|written| phrase(written)).collect();
        for pattern in patterns.list.iter_mut().filter(|pattern| pattern.words > 1) {
            let shown = phrase(&pattern.shown);
            let theirs =
                |word: &str| company.iter().any(|name| name == word) && !targets.iter().any(|name| name == word);
            let topic = |word: &str| patterns.facts.iter().any(|fact| fact.topic_word == word);
            pattern.holds_name = shown.split(' ').any(|word| topic(word) || targets.iter().any(|name| name == word));
            pattern.holds_company = shown.split(' ').any(theirs);
        }
        for pattern in patterns.list.iter_mut().filter(|pattern| pattern.holds_target) {
            let known =
                |word: &str| word.chars().count() <= 3 || targets.iter().chain(&company).any(|name| name == word);
            pattern.general = phrase(&pattern.shown).split(' ').all(known);
        }
        for pattern in patterns.list.iter_mut().filter(|pattern| speech.has_ordinary() && !pattern.holds_name) {
            pattern.everyday = phrase(&pattern.shown).split(' ').all(|word| speech.is_everyday(word));
        }
        patterns.tell_refining();
        for fact in &book.facts {
            patterns.lexicon.keep_as_written(&fact.weak);
        }
        let mut needles: Vec<(String, usize)> = by_stems.into_iter().collect();
        needles.sort_by_key(|(_, index)| *index);
        patterns.automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(needles.iter().map(|(stems, _)| format!(" {stems} ")))
            .ok();
        patterns
    }

    /// Every word of every list, folded.
    pub(super) fn vocabulary(&self) -> impl Iterator<Item = &str> {
        self.lexicon.vocabulary()
    }

    /// Where staff gave the facts of a topic some weak words in common (`ring`), those name the topic; the weak words that
    /// only one of its facts has (`warrant`) tell that fact from its sisters and mean nothing without the topic.
    fn tell_refining(&mut self) {
        let topic_of = |used: &Use| self.facts.get(used.fact).map(|fact| &fact.topic);
        let shared = |pattern: &Pattern, topic: &TopicId| {
            let weak = pattern.uses.iter().filter(|used| used.strength == Strength::Weak);
            let mut facts: Vec<usize> =
                weak.filter(|used| topic_of(used) == Some(topic)).map(|used| used.fact).collect();
            facts.dedup();
            facts.len() > 1
        };
        let mut with_shared: Vec<TopicId> = self.facts.iter().map(|fact| fact.topic.clone()).collect();
        with_shared.dedup();
        with_shared.retain(|topic| self.list.iter().any(|pattern| shared(pattern, topic)));
        let refining: Vec<Vec<bool>> = self
            .list
            .iter()
            .map(|pattern| {
                let refines = |used: &Use| match used.strength {
                    Strength::Keyword | Strength::Topical => false,
                    Strength::Weak => {
                        topic_of(used).is_some_and(|topic| with_shared.contains(topic) && !shared(pattern, topic))
                    }
                    Strength::Beside => true,
                };
                pattern.uses.iter().map(refines).collect()
            })
            .collect();
        for (pattern, refines) in self.list.iter_mut().zip(refining) {
            for (used, refines) in pattern.uses.iter_mut().zip(refines) {
                used.refines = refines;
            }
        }
    }

    fn entry(&mut self, by_stems: &mut HashMap<String, usize>, written: &str, forgiving: bool) -> Option<&mut Pattern> {
        let stems = self.lexicon.take(written, forgiving);
        if stems.is_empty() {
            return None;
        }
        let words = stems.split(' ').count();
        let letters = stems.chars().filter(|letter| *letter != ' ').count();
        let index = *by_stems.entry(stems).or_insert_with(|| {
            self.list.push(Pattern { words, letters, shown: written.to_owned(), ..Pattern::default() });
            self.list.len() - 1
        });
        self.list.get_mut(index)
    }

    /// Every pattern of the text whose way of writing some use allows, or that is company.
    pub(super) fn find<'a>(&'a self, words: &Words, speech: &Speech) -> Vec<Hit<'a>> {
        let Some(automaton) = &self.automaton else {
            return Vec::new();
        };
        let (stream, pieces) = self.stream(words, speech);
        let mut hits = Vec::new();
        for found in automaton.find_overlapping_iter(&stream) {
            let Some(pattern) = self.list.get(found.pattern().as_usize()) else {
                continue;
            };
            let piece_at = |at: usize| pieces.get(pieces.partition_point(|piece| piece.at <= at).saturating_sub(1));
            let (Some(first), Some(last)) = (piece_at(found.start() + 1), piece_at(found.end().saturating_sub(2)))
            else {
                continue;
            };
            let from = pieces.partition_point(|piece| piece.at < first.at);
            let run = pieces.iter().skip(from).take_while(|piece| piece.at < found.end());
            let uses: Vec<&Use> = if pattern.words == 1 {
                self.allowed(pattern, first, speech)
            } else {
                let fits = |used: &&Use| Self::is_form_of(&used.form, run.clone());
                pattern.uses.iter().filter(fits).collect()
            };
            let opposes = pattern.opposing.iter().any(|form| Self::is_written(form, run.clone()));
            if !uses.is_empty() || pattern.company || pattern.concern || opposes {
                hits.push(Hit { pattern, first: first.word, last: last.word, uses, opposes });
            }
            if hits.len() >= MOST_HITS {
                break;
            }
        }
        hits
    }

    /// Within a phrase a word that staff wrote somewhere stands for itself and its plural: `cómo ayuda` is not `cómo ayudo`.
    fn is_form_of<'t>(form: &str, run: impl Iterator<Item = &'t Piece<'t>>) -> bool {
        form.split(' ').zip(run).all(|(wanted, piece)| {
            piece.part
                || piece.likeness != Likeness::Exact
                || wanted == piece.text
                || singular(wanted) == singular(piece.text)
        })
    }

    /// What speaks against a topic must stand as staff wrote it, or in the plural: `share` is not `shares` of a company.
    fn is_written<'t>(form: &str, run: impl Iterator<Item = &'t Piece<'t>>) -> bool {
        let same =
            |wanted: &str, said: &str| said.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest == "s");
        form.split(' ').zip(run).all(|(wanted, piece)| piece.part || same(wanted, piece.text))
    }

    /// A weak word must stand exactly as staff wrote it, and alone (`rings` is no `ring`, and `#IceCream` no `ice`). A keyword
    /// may be inflected or misspelt, unless staff listed that very form for something else.
    fn allowed<'a>(&self, pattern: &'a Pattern, piece: &Piece<'_>, speech: &Speech) -> Vec<&'a Use> {
        let exact = |used: &&Use| used.form == piece.text && (used.strength.is_strong() || !piece.part);
        let exactly: Vec<&Use> = pattern.uses.iter().filter(exact).collect();
        if !exactly.is_empty() || piece.likeness == Likeness::Exact || self.lexicon.has(piece.text) {
            return exactly;
        }
        // `place` is no form of `placas`.
        let foreign = |used: &Use| {
            let said = speech.language_of(piece.text);
            said.is_some() && used.lang.is_some() && said != used.lang
        };
        let inflected = |used: &&Use| used.strength.is_strong() && used.form.len() > 3 && !foreign(used);
        pattern.uses.iter().filter(inflected).collect()
    }

    fn stream<'t>(&self, words: &'t Words, speech: &Speech) -> (String, Vec<Piece<'t>>) {
        let mut stream = String::with_capacity(words.list().len() * 8);
        let mut pieces: Vec<Piece<'t>> = Vec::with_capacity(words.list().len() + 8);
        let mut clause = None;
        stream.push(' ');
        for (index, word) in words.list().iter().enumerate() {
            if clause.replace(word.clause).is_some_and(|last| last != word.clause) {
                stream.push_str("\n ");
            }
            let mut put = |text: &'t str, stems: &str, likeness: Likeness, part: bool| {
                pieces.push(Piece { at: stream.len(), word: index, text, likeness, part });
                stream.push_str(stems);
                stream.push(' ');
            };
            let text = words.base(word);
            let (stems, likeness) = self.lexicon.read(text, |word| speech.knows(word));
            if likeness == Likeness::Unknown && words.parts(word).nth(1).is_some() {
                for part in words.parts(word) {
                    let (stems, likeness) = self.lexicon.read(part, |word| speech.knows(word));
                    put(part, stems, likeness, true);
                }
            } else {
                put(text, stems, likeness, stems.contains(' '));
            }
        }
        (stream, pieces)
    }
}

/// The fact that stands at the end of a chain of replacements; `None` if the chain bites its tail.
fn heir(book: &FactBook, id: &FactId) -> Option<FactId> {
    let mut heir = id;
    for _ in 0..=book.facts.len() {
        match book.facts.iter().find(|fact| fact.supersedes.as_ref() == Some(heir)) {
            Some(next) => heir = &next.id,
            None => return Some(heir.clone()),
        }
    }
    None
}
