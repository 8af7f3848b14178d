//! The shipped campaign against labelled mentions: precision, recall, commands, language.
//!
//! `tests/data/mentions/` holds mentions that the program has not learned from; each file's head tells what was measured
//! before anybody had read it. What it learns from is `config/examples/`:
//! its older part, on which the keywords were tuned, must be understood by keywords alone; of its newer part one half is
//! measured with what the other half and the older part teach.
//!
//! A file is a batch, a line one mention: a label, ` | `, the text. Labels are
//! `ring,neighbors es fact=a,b status=en` (any fact of one of these topics is right; language, facts and what the author's
//! client claimed may be left out), `-` (silence: no answer, no command), `!stop` (exactly this command) and `!` (no
//! command; an answer does no harm). `\n`, `\\` and `\u{200b}` stand for what cannot be seen.
//!
//! An answer counts as right when its best fact belongs to an expected topic and it is in the expected language. Precision
//! is over all answers given, recall over all mentions that deserve one. Of the commands
//! that phrases and examples know each must be exact, no stop missed and none invented; of others nearly all.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::DateTime;
use watchpost::campaign::Campaign;
use watchpost::campaign::finding::any_error;
use watchpost::core::command::Command;
use watchpost::core::ids::Lang;
use watchpost::core::learning::Example;
use watchpost::core::matching::{Matcher, Reading};
use watchpost::fedi::{self, html};

const PRECISION: f64 = 0.97;
const RECALL: f64 = 0.9;

/// Texts so short are the same whoever writes them.
const FEW_WORDS: usize = 4;

/// How much the set must hold at least.
const MENTIONS: usize = 600;
const PHRASES: usize = 200;

/// Examples up to these were there when keywords and phrases were tuned; nobody tuned on later ones.
const TUNED_MENTIONS: &str = "19.txt";
const TUNED_COMMANDS: &str = "commands-4.txt";

/// On halves of the newer examples with what the other half teaches: many of them are near twins.
const HALF_PRECISION: f64 = 0.87;
const HALF_RECALL: f64 = 0.8;

/// Of phrases that nothing knows, one in so many may be misunderstood.
const MISUNDERSTOOD: usize = 15;

enum Wanted {
    Answer { topics: Vec<String>, facts: Vec<String> },
    Silence,
    Command(String),
    NoCommand,
}

struct Labelled {
    wanted: Wanted,
    lang: Option<String>,
    status: Option<String>,
    text: String,
    at: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[expect(clippy::unwrap_used, clippy::panic, reason = "what is wrong with the shipped files must end the test")]
fn campaign() -> Campaign {
    let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let loaded = watchpost::campaign::load(root(), now).unwrap();
    assert!(!any_error(&loaded.findings), "the shipped campaign has mistakes: {:?}", loaded.findings);
    loaded.campaign.unwrap_or_else(|| panic!("the shipped campaign has mistakes: {:?}", loaded.findings))
}

/// What keywords and phrases understand by themselves.
fn keywords_alone(campaign: &Campaign) -> Matcher {
    Matcher::new(&campaign.facts, &campaign.commands, &campaign.languages)
}

fn matcher() -> Matcher {
    let campaign = campaign();
    keywords_alone(&campaign).taught(&campaign.facts, &campaign.examples, None)
}

/// The way every mention goes: names and links are gone before the matcher sees it.
fn read(matcher: &Matcher, mention: &Labelled) -> Reading {
    let text =
        if mention.text.starts_with('<') { html::read(&mention.text).text } else { fedi::text_as_typed(&mention.text) };
    matcher.read(&text, mention.status.as_deref().map(Lang::from).as_ref())
}

const MEASURED: &str = "tests/data/mentions";
const EXAMPLES: &str = "config/examples";

fn is_tuned(name: &str) -> bool {
    let last = if name.starts_with("commands") { TUNED_COMMANDS } else { TUNED_MENTIONS };
    name <= last
}

#[expect(clippy::unwrap_used, reason = "a mistake in the labelled set must end the test")]
fn batches(folder: &str) -> Vec<(String, Vec<Labelled>)> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let batch = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let written = fs::read_to_string(path).unwrap();
        let lines = written.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        let labelled = lines.map(|(at, line)| labelled(line, format!("{name}:{}", at + 1))).collect();
        (name, labelled)
    };
    files.iter().map(batch).collect()
}

#[expect(clippy::panic, reason = "a mistake in the labelled set must end the test")]
fn labelled(line: &str, at: String) -> Labelled {
    let (label, text) = line.split_once(" | ").unwrap_or_else(|| panic!("{at}: no ` | `"));
    let mut words = label.split_whitespace();
    let list = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
    let mut wanted = match words.next().unwrap_or_default() {
        "-" => Wanted::Silence,
        "!" => Wanted::NoCommand,
        command if command.starts_with('!') => Wanted::Command(command.trim_start_matches('!').to_owned()),
        topics => Wanted::Answer { topics: list(topics), facts: Vec::new() },
    };
    let (mut lang, mut status) = (None, None);
    for word in words {
        match word.split_once('=') {
            None => lang = Some(word.to_owned()),
            Some(("status", claimed)) => status = Some(claimed.to_owned()),
            Some(("fact", ids)) => {
                if let Wanted::Answer { facts, .. } = &mut wanted {
                    *facts = list(ids);
                }
            }
            Some(_) => panic!("{at}: {word:?} is no label"),
        }
    }
    Labelled { wanted, lang, status, text: unescaped(text), at }
}

#[expect(clippy::unwrap_used, reason = "a mistake in the labelled set must end the test")]
fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        if let Some(hex) = after.strip_prefix("u{") {
            let (code, after) = hex.split_once('}').unwrap();
            plain.push(char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap());
            rest = after;
        } else {
            plain.push(if after.starts_with('n') { '\n' } else { '\\' });
            rest = after.get(1..).unwrap_or_default();
        }
    }
    plain + rest
}

fn shown(reading: &Reading) -> String {
    let best = reading.matches.first();
    let best = best.map(|found| format!("{} by {:?} ({})", found.fact, found.words, found.score));
    format!(
        "{} {} weak {:?} negated {:?}",
        reading
            .command
            .map_or_else(|| best.unwrap_or_else(|| "silent".to_owned()), |command| command.as_str().to_owned()),
        reading.lang,
        reading.weak_only,
        reading.negated
    )
}

fn is_lang(reading: &Reading, mention: &Labelled) -> bool {
    mention.lang.as_deref().is_none_or(|lang| lang == reading.lang.as_str())
}

fn is_answer(reading: &Reading, topics: &[String], facts: &[String]) -> bool {
    reading.matches.first().is_some_and(|best| {
        topics.iter().any(|topic| topic == best.topic.as_str())
            && (facts.is_empty() || facts.iter().any(|fact| fact == best.fact.as_str()))
    })
}

/// What became of the mentions that are no commands.
#[derive(Clone, Copy, Default)]
struct Tally {
    mentions: u32,
    silent: u32,
    given: u32,
    right: u32,
    wanted: u32,
}

impl Tally {
    fn precision(self) -> f64 {
        f64::from(self.right) / f64::from(self.given.max(1))
    }

    fn recall(self) -> f64 {
        f64::from(self.right) / f64::from(self.wanted.max(1))
    }

    fn line(self, name: &str) -> String {
        let Self { mentions, silent, given, right, wanted } = self;
        format!(
            "{name}: precision {:.3}, recall {:.3} ({mentions} mentions, {silent} to stay silent; {right} right of {given} given and {wanted} wanted)",
            self.precision(),
            self.recall()
        )
    }
}

/// What all the answers to a folder's mentions come to, whole and by language; wrong ones are printed.
struct Measured {
    all: Tally,
    en: Tally,
    es: Tally,
}

/// Whether the very fact counts where a label names one, or its topic is enough.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Judge {
    Facts,
    Topics,
}

#[expect(clippy::print_stdout, reason = "the test run shows what was measured")]
fn measure<'a>(
    matcher: &Matcher,
    batches: impl Iterator<Item = &'a (String, Vec<Labelled>)>,
    judge: Judge,
) -> Measured {
    let mut measured = Measured { all: Tally::default(), en: Tally::default(), es: Tally::default() };
    for (name, batch) in batches {
        let mut own = Tally::default();
        for mention in batch {
            let reading = read(matcher, mention);
            let Some(said) = told(&reading, mention, judge) else { continue };
            let by_lang = match mention.lang.as_deref().unwrap_or(reading.lang.as_str()) {
                "es" => &mut measured.es,
                _ => &mut measured.en,
            };
            for tally in [&mut own, by_lang, &mut measured.all] {
                tally.mentions += said.mentions;
                tally.silent += said.silent;
                tally.given += said.given;
                tally.right += said.right;
                tally.wanted += said.wanted;
            }
        }
        if own.mentions > 0 {
            println!("{}", own.line(name));
        }
    }
    println!("{}", measured.en.line("en"));
    println!("{}", measured.es.line("es"));
    println!("{}", measured.all.line("all"));
    measured
}

/// What became of one mention; `None` for commands.
#[expect(clippy::print_stdout, reason = "the test run shows what went wrong")]
fn told(reading: &Reading, mention: &Labelled, judge: Judge) -> Option<Tally> {
    let answered = !reading.matches.is_empty();
    match &mention.wanted {
        Wanted::Answer { topics, facts } => {
            let facts = if judge == Judge::Facts { facts.as_slice() } else { &[] };
            let right = is_lang(reading, mention) && is_answer(reading, topics, facts);
            if !right {
                println!(
                    "{} {:?}: wanted {topics:?} {facts:?} {:?}, got {}",
                    mention.at,
                    mention.text,
                    mention.lang,
                    shown(reading)
                );
            }
            Some(Tally { mentions: 1, silent: 0, given: u32::from(answered), right: u32::from(right), wanted: 1 })
        }
        Wanted::Silence => {
            let spoken = answered || reading.command.is_some();
            if spoken {
                println!("{} {:?}: wanted silence, got {}", mention.at, mention.text, shown(reading));
            }
            Some(Tally { mentions: 1, silent: 1, given: u32::from(spoken), right: 0, wanted: 0 })
        }
        Wanted::Command(_) | Wanted::NoCommand => None,
    }
}

#[test]
fn answers_are_precise_and_few_questions_go_without_one() {
    let Measured { all, en, es } = measure(&matcher(), batches(MEASURED).iter(), Judge::Topics);
    assert!(all.mentions as usize >= MENTIONS, "{} mentions", all.mentions);
    assert!(all.silent * 3 >= all.mentions, "{} of {} to stay silent", all.silent, all.mentions);
    for tally in [en, es, all] {
        assert!(tally.precision() >= PRECISION, "precision {:.3}", tally.precision());
        assert!(tally.recall() >= RECALL, "recall {:.3}", tally.recall());
    }
}

#[test]
fn keywords_alone_understand_what_they_were_made_for() {
    let examples = batches(EXAMPLES);
    let Measured { all, .. } =
        measure(&keywords_alone(&campaign()), examples.iter().filter(|(name, _)| is_tuned(name)), Judge::Facts);
    assert!(all.precision() >= PRECISION, "precision {:.3}", all.precision());
    assert!(all.recall() >= RECALL, "recall {:.3}", all.recall());
}

/// Every other line that nobody tuned on, with what the rest teaches, and the other way round.
#[test]
fn what_was_not_learned_from_is_understood_too() {
    let campaign = campaign();
    for half in [0, 1] {
        let mut lessons: HashSet<String> = HashSet::new();
        let mut left_out: Vec<(String, Vec<Labelled>)> = Vec::new();
        for (name, batch) in batches(EXAMPLES) {
            let (out, taught): (Vec<_>, Vec<_>) =
                batch.into_iter().enumerate().partition(|(at, _)| !is_tuned(&name) && at % 2 == half);
            lessons.extend(taught.into_iter().map(|(_, mention)| mention.text));
            left_out.push((name, out.into_iter().map(|(_, mention)| mention).collect()));
        }
        let taught: Arc<[Example]> =
            campaign.examples.iter().filter(|example| lessons.contains(&example.text)).cloned().collect();
        assert!(taught.len() < campaign.examples.len(), "something is left out");
        let matcher = keywords_alone(&campaign).taught(&campaign.facts, &taught, None);
        let Measured { all, .. } = measure(&matcher, left_out.iter(), Judge::Topics);
        assert!(all.precision() >= HALF_PRECISION, "precision {:.3}", all.precision());
        assert!(all.recall() >= HALF_RECALL, "recall {:.3}", all.recall());
    }
}

#[test]
fn nothing_is_measured_that_was_learned_from() {
    let examples = batches(EXAMPLES);
    let known: HashSet<&str> = examples.iter().flat_map(|(_, batch)| batch).map(|one| one.text.as_str()).collect();
    let both: Vec<String> = batches(MEASURED)
        .into_iter()
        .flat_map(|(_, batch)| batch)
        .filter(|one| one.text.split_whitespace().count() > FEW_WORDS && known.contains(one.text.as_str()))
        .map(|one| one.at)
        .collect();
    assert_eq!(both, Vec::<String>::new());
}

/// The commands of some batches that are not obeyed exactly, and how many there are.
fn wrong_commands<'a>(
    matcher: &Matcher,
    batches: impl Iterator<Item = &'a (String, Vec<Labelled>)>,
) -> (Vec<String>, usize) {
    let (mut wrong, mut phrases) = (Vec::new(), 0);
    for mention in batches.flat_map(|(_, batch)| batch) {
        let wanted = match &mention.wanted {
            Wanted::Command(command) => Some(command.as_str()),
            Wanted::NoCommand => None,
            Wanted::Answer { .. } | Wanted::Silence => continue,
        };
        phrases += 1;
        let reading = read(matcher, mention);
        if reading.command.map(Command::as_str) != wanted || !is_lang(&reading, mention) {
            wrong.push(format!("{} {:?}: wanted {wanted:?}, got {}", mention.at, mention.text, shown(&reading)));
        }
    }
    (wrong, phrases)
}

#[test]
fn no_command_is_missed_and_none_is_invented() {
    let (known, new) = (batches(EXAMPLES), batches(MEASURED));
    let matcher = matcher();
    let (wrong, phrases) = wrong_commands(&matcher, known.iter().filter(|(name, _)| is_tuned(name)));
    println!("{phrases} command phrases and near-misses that the phrases know, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    let (wrong, phrases) = wrong_commands(&matcher, new.iter());
    println!(
        "{phrases} command phrases and near-misses that nothing knows, {} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(phrases >= PHRASES, "{phrases} command phrases");
    assert!(wrong.len() * MISUNDERSTOOD <= phrases, "{} of {phrases} wrong", wrong.len());
}

/// Every topic is reached by natural questions in both languages, and by the name readers are shown for it.
#[test]
fn every_topic_is_reached_in_both_languages() {
    let asked = [
        ("rekognition", "en", "what is Rekognition?"),
        ("rekognition", "es", "¿qué es Rekognition?"),
        ("ring", "en", "does Ring give the police my video?"),
        ("ring", "es", "¿Ring le da mis videos a la policía?"),
        ("neighbors", "en", "is the Neighbors app racist?"),
        ("neighbors", "es", "¿la app Neighbors es racista?"),
        ("aws", "en", "how does AWS help the police?"),
        ("aws", "es", "¿cómo ayuda AWS a la policía?"),
        ("palantir", "en", "what does Palantir do for ICE?"),
        ("palantir", "es", "¿qué hace Palantir para ICE?"),
        ("hart", "en", "what is the HART database?"),
        ("hart", "es", "¿qué es la base de datos HART?"),
        ("prisons", "en", "does Amazon listen to prison calls?"),
        ("prisons", "es", "¿Amazon escucha las llamadas de la cárcel?"),
        ("nimbus", "en", "what is Project Nimbus?"),
        ("nimbus", "es", "¿qué es el Proyecto Nimbus?"),
        ("summit", "en", "what happened at the AWS Summit?"),
        ("summit", "es", "¿qué pasó en la cumbre de AWS?"),
        ("solidarity", "en", "what about Amazon's solidarity statement?"),
        ("solidarity", "es", "¿y la declaración de solidaridad de Amazon?"),
        ("demands", "en", "what are your demands?"),
        ("demands", "es", "¿cuáles son sus demandas?"),
        ("pledge", "en", "where can I sign the pledge?"),
        ("pledge", "es", "¿dónde firmo el compromiso?"),
    ];
    let matcher = matcher();
    let wrong = asked.iter().filter(|(topic, lang, text)| {
        let mention = labelled(&format!("{topic} {lang} | {text}"), String::new());
        let reading = read(&matcher, &mention);
        !(is_lang(&reading, &mention) && is_answer(&reading, &[(*topic).to_owned()], &[]))
    });
    assert_eq!(wrong.collect::<Vec<_>>(), Vec::<&(&str, &str, &str)>::new());
}
