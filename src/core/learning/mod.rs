//! What examples teach: how people ask, about what, in which language, and how they say stop.
//!
//! Keywords know names; people call things otherwise (`the phone listening in jail`). Staff collect mentions with what
//! is right for each, and a new text is compared with them. Two opinions are added, because they err differently: counts
//! ([`counting`]) and what correcting mistakes makes of them ([`correcting`]). Neither knows a keyword or a rule;
//! [`super::matching`] asks them where those leave a mention without an answer. No text is kept.

mod correcting;
mod counting;
mod features;

use std::collections::{BTreeMap, HashMap};

use crate::core::command::Command;
use crate::core::fast_map::FastMap;
use crate::core::ids::{FactId, Lang, TopicId};
use crate::core::text::Words;

/// Steps of a stored weight in one unit of the natural logarithm; weights end at ±127 steps.
const STEPS: f32 = 15.0;

/// With fewer examples of each of both sorts nothing is concluded: a handful of texts says more about who wrote them.
const ENOUGH: usize = 100;

/// Fewer examples of a command, or of a language, say nothing about it.
const FEW: usize = 20;

/// What is right for a text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Label {
    /// It asks for a fact about one of these topics (at least one), in this language where that is told.
    Question {
        /// Each of them is right.
        topics: Vec<TopicId>,
        /// One of the campaign's.
        lang: Option<Lang>,
        /// The facts that fit best, where that is told: their choice within a topic learns from it.
        facts: Vec<FactId>,
    },
    /// It wants no answer.
    Silence,
    /// It gives this command.
    Command(Command),
    /// It gives no command; an answer does no harm.
    NoCommand,
}

/// A text and what is right for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Example {
    /// As somebody wrote it, without our name.
    pub text: String,
    /// What is right for it.
    pub label: Label,
}

/// What a text looks like. Weights are comparable with each other and with the thresholds of [`super::matching`]: 0 means
/// neither way, and the longer the surer.
#[derive(Clone, Debug, PartialEq)]
pub struct Impression {
    /// How far it looks like what is answered, against what is not.
    pub question: f32,
    /// The topic it looks most like, and how far it is ahead of the next one.
    pub topic: Option<(TopicId, f32)>,
    /// The language it looks like.
    pub lang: Option<Lang>,
    /// The command it looks most like, and how much.
    pub command: Option<(Command, f32)>,
    /// The words that spoke most for the topic, the strongest first, three at the most.
    pub words: Vec<String>,
}

/// What one column of the table is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Column {
    Fact(FactId),
    Question,
    Topic(TopicId),
    Lang(Lang),
    Command(Command),
}

/// The counts, as weights: one row for each thing counted, one column for each thing concluded.
#[derive(Clone, Debug, Default)]
pub struct Learned {
    rows: FastMap<u64, u32>,
    columns: Vec<Column>,
    weights: Vec<i8>,
    /// By column: what is added for every text.
    always: Vec<f32>,
    /// What is right for the examples themselves: each as its place among the labels.
    known: FastMap<u64, usize>,
    /// Each label that some example has, once.
    labels: Vec<Label>,
}

impl Learned {
    /// Learns from examples. From fewer than a hundred that ask and a hundred that do not, nothing is concluded but what
    /// is right for the examples themselves.
    #[must_use]
    pub fn from(examples: &[Example]) -> Learned {
        let mut learned = Learned::about(columns(examples), examples);
        let mut places: HashMap<&Label, usize> = HashMap::new();
        for example in examples {
            let place = *places.entry(&example.label).or_insert_with(|| {
                learned.labels.push(example.label.clone());
                learned.labels.len() - 1
            });
            if let Some(text) = features::whole(&example.text) {
                learned.known.insert(text, place);
            }
        }
        learned
    }

    /// What is right for a text that is word for word an example.
    #[must_use]
    pub fn known(&self, text: &str) -> Option<&Label> {
        self.labels.get(*self.known.get(&features::whole(text)?)?)
    }

    /// Learns which fact a question asks for, from those that name one.
    #[must_use]
    pub fn of_facts(examples: &[Example]) -> Learned {
        let (mut asking, mut columns) = (Vec::new(), BTreeMap::new());
        for example in examples {
            if let Label::Question { facts, .. } = &example.label
                && !facts.is_empty()
            {
                columns.extend(facts.iter().map(|fact| (fact, Column::Fact(fact.clone()))));
                asking.push(example.clone());
            }
        }
        Learned::about(columns.into_values().collect(), &asking)
    }

    fn about(columns: Vec<Column>, examples: &[Example]) -> Learned {
        let lessons = Lessons::of(examples);
        let said = |column: &Column| examples.iter().map(|example| says(&example.label, column)).collect::<Vec<_>>();
        let mut always = Vec::new();
        let mut weights = vec![0_i8; lessons.rows.len() * columns.len()];
        for (at, column) in columns.iter().enumerate() {
            let said = said(column);
            let opinion = match column {
                // Where a false answer or an invented stop is at stake.
                Column::Question | Column::Command(_) => {
                    counting::opinion(&lessons, &said).and(&correcting::opinion(&lessons, &said))
                }
                Column::Topic(_) | Column::Lang(_) | Column::Fact(_) => counting::opinion(&lessons, &said),
            };
            for (weight, spoken) in weights.iter_mut().skip(at).step_by(columns.len()).zip(opinion.weights) {
                *weight = steps(spoken);
            }
            always.push(opinion.always);
        }
        Learned { rows: lessons.rows, columns, weights, always, ..Learned::default() }
    }

    /// What a text looks like.
    #[must_use]
    pub fn read(&self, words: &Words) -> Impression {
        let mut impression = Impression { question: 0.0, topic: None, lang: None, command: None, words: Vec::new() };
        let mut topics: Vec<(f32, usize, &TopicId)> = Vec::new();
        let mut langs: Vec<(f32, &Lang)> = Vec::new();
        for (at, (column, score)) in self.columns.iter().zip(self.scores(words)).enumerate() {
            match column {
                Column::Question => impression.question = score,
                Column::Topic(topic) => topics.push((score, at, topic)),
                Column::Lang(lang) => langs.push((score, lang)),
                Column::Command(command) => {
                    if impression.command.is_none_or(|(_, best)| score > best) {
                        impression.command = Some((*command, score));
                    }
                }
                Column::Fact(_) => {}
            }
        }
        topics.sort_by(|one, other| other.0.total_cmp(&one.0));
        if let Some((score, at, topic)) = topics.first() {
            let next = topics.get(1).map_or(0.0, |next| next.0);
            impression.topic = Some(((*topic).clone(), score - next));
            impression.words = self.loudest(words, *at);
        }
        impression.lang =
            langs.into_iter().max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, lang)| lang.clone());
        impression
    }

    /// How much a text looks like the questions for each fact, for those that have some.
    #[must_use]
    pub fn facts(&self, words: &Words) -> BTreeMap<&FactId, f32> {
        let scored = self.columns.iter().zip(self.scores(words));
        scored
            .filter_map(|(column, score)| if let Column::Fact(fact) = column { Some((fact, score)) } else { None })
            .collect()
    }

    /// By column, what a text looks like.
    fn scores(&self, words: &Words) -> Vec<f32> {
        let features = features::features(words);
        let width = self.columns.len();
        let mut sums = vec![0_i32; width];
        for feature in &features {
            let Some(row) = self.row(*feature) else { continue };
            for (sum, weight) in sums.iter_mut().zip(row) {
                *sum += i32::from(*weight);
            }
        }
        // What was never seen makes a text less like anything.
        let scale = share(features.len()) / STEPS;
        sums.iter().zip(&self.always).map(|(sum, always)| as_f32(*sum) * scale + always).collect()
    }

    fn row(&self, feature: u64) -> Option<&[i8]> {
        let width = self.columns.len();
        let from = usize::try_from(*self.rows.get(&feature)?).ok()? * width;
        self.weights.get(from..from + width)
    }

    /// The whole words that speak most for a column.
    fn loudest(&self, words: &Words, column: usize) -> Vec<String> {
        let mut loud: Vec<(i8, &str)> = Vec::new();
        for word in features::said(words) {
            let weight = self.row(features::of_word(word)).and_then(|row| row.get(column)).copied().unwrap_or_default();
            if weight > 0 && !loud.iter().any(|(_, known)| *known == word) {
                loud.push((weight, word));
            }
        }
        loud.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        loud.into_iter().take(3).map(|(_, word)| word.to_owned()).collect()
    }
}

/// What there are enough examples of.
fn columns(examples: &[Example]) -> Vec<Column> {
    let mut columns = Vec::new();
    let mut topics: BTreeMap<&TopicId, usize> = BTreeMap::new();
    let mut langs: BTreeMap<&Lang, usize> = BTreeMap::new();
    let mut commands: BTreeMap<Command, usize> = BTreeMap::new();
    let (mut questions, mut silences) = (0, 0);
    for example in examples {
        match &example.label {
            Label::Question { topics: about, lang, .. } => {
                questions += 1;
                for topic in about {
                    *topics.entry(topic).or_default() += 1;
                }
                if let Some(lang) = lang {
                    *langs.entry(lang).or_default() += 1;
                }
            }
            Label::Silence => silences += 1,
            Label::Command(command) => *commands.entry(*command).or_default() += 1,
            Label::NoCommand => {}
        }
    }
    if questions >= ENOUGH && silences >= ENOUGH {
        columns.push(Column::Question);
        columns.extend(topics.into_keys().cloned().map(Column::Topic));
        columns
            .extend(langs.into_iter().filter(|(_, count)| *count >= FEW).map(|(lang, _)| Column::Lang(lang.clone())));
    }
    if examples.len() >= ENOUGH {
        let told = commands.into_iter().filter(|(_, count)| *count >= FEW);
        columns.extend(told.map(|(command, _)| Column::Command(command)));
    }
    columns
}

/// How much a label speaks for a column, or `None` where it says nothing about it.
fn says(label: &Label, column: &Column) -> Option<f32> {
    let whole = |yes: bool| if yes { 1.0 } else { 0.0 };
    match (column, label) {
        (Column::Question, Label::Question { .. }) => Some(1.0),
        (Column::Question, Label::Silence) => Some(0.0),
        (Column::Question, Label::Command(_) | Label::NoCommand) => None,
        (Column::Topic(topic), Label::Question { topics, .. }) => match topics.contains(topic) {
            true => Some(1.0 / as_f32(i32::try_from(topics.len()).unwrap_or(1))),
            false => Some(0.0),
        },
        (Column::Lang(lang), Label::Question { lang: told, .. }) => told.as_ref().map(|told| whole(told == lang)),
        (Column::Fact(fact), Label::Question { facts, .. }) => match facts.contains(fact) {
            true => Some(1.0 / as_f32(i32::try_from(facts.len()).unwrap_or(1))),
            false => Some(0.0),
        },
        (
            Column::Topic(_) | Column::Lang(_) | Column::Fact(_),
            Label::Silence | Label::Command(_) | Label::NoCommand,
        ) => None,
        (Column::Command(command), label) => Some(whole(*label == Label::Command(*command))),
    }
}

/// Examples as the numbers of what stands in them. In two long rows, because ten thousands of short ones would stay in
/// the program's memory after they are gone.
struct Lessons {
    /// The place of each thing that stands in more than one example: what stands in one says nothing of others.
    rows: FastMap<u64, u32>,
    /// The places of what stands in the examples, one after another.
    places: Vec<u32>,
    /// Where each example ends in them.
    ends: Vec<usize>,
}

impl Lessons {
    fn of(examples: &[Example]) -> Lessons {
        let mut seen: FastMap<u64, bool> = FastMap::default();
        for example in examples {
            for feature in features::features(&Words::read(&example.text)) {
                seen.entry(feature).and_modify(|again| *again = true).or_insert(false);
            }
        }
        let mut lessons = Lessons { rows: FastMap::default(), places: Vec::new(), ends: Vec::new() };
        for example in examples {
            for feature in features::features(&Words::read(&example.text)) {
                if seen.get(&feature) == Some(&true) {
                    let next = u32::try_from(lessons.rows.len()).unwrap_or(u32::MAX);
                    lessons.places.push(*lessons.rows.entry(feature).or_insert(next));
                }
            }
            lessons.ends.push(lessons.places.len());
        }
        lessons.rows.shrink_to_fit();
        lessons
    }

    /// Each example's places.
    fn texts(&self) -> impl Iterator<Item = &[u32]> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts.zip(&self.ends).map(|(start, end)| self.places.get(*start..*end).unwrap_or_default())
    }
}

/// Long texts must not count more than short ones: each thing in a text counts for so much.
fn share(count: usize) -> f32 {
    1.0 / as_f32(i32::try_from(count).unwrap_or(i32::MAX)).max(1.0).sqrt()
}

/// What each thing in a text says about one question, as natural logarithms; a text's things are added up, each counted
/// as [`share`] tells.
struct Opinion {
    weights: Vec<f32>,
    /// Added for every text.
    always: f32,
}

impl Opinion {
    /// Two opinions in one, each as loud as the other; as loud in the end as this one was.
    fn and(mut self, other: &Opinion) -> Opinion {
        let loudness = deviation(&self.weights);
        let scale = loudness / deviation(&other.weights).max(f32::EPSILON);
        for (one, other) in self.weights.iter_mut().zip(&other.weights) {
            *one += scale * other;
        }
        self.always += scale * other.always;
        let louder = loudness / deviation(&self.weights).max(f32::EPSILON);
        for one in &mut self.weights {
            *one *= louder;
        }
        self.always *= louder;
        self
    }
}

fn deviation(weights: &[f32]) -> f32 {
    let count = as_f32(i32::try_from(weights.len()).unwrap_or(i32::MAX)).max(1.0);
    let mean = weights.iter().sum::<f32>() / count;
    (weights.iter().map(|weight| (weight - mean) * (weight - mean)).sum::<f32>() / count).sqrt()
}

fn steps(weight: f32) -> i8 {
    let steps = (weight * STEPS).round().clamp(-127.0, 127.0);
    // In range by the line above.
    #[expect(clippy::cast_possible_truncation, reason = "clamped")]
    let steps = steps as i8;
    steps
}

/// Sums of some hundreds of weights, and numbers of words: far below where a float loses units.
#[expect(clippy::cast_precision_loss, reason = "far below 2^24")]
fn as_f32(number: i32) -> f32 {
    number as f32
}

#[cfg(test)]
mod tests;
