//! The shipped campaign against labelled mentions (`tests/data/mentions.toml`): precision, recall, commands, language.
//!
//! An answer counts as right when its best fact belongs to an expected topic and it is in the expected language. Precision
//! is over all answers given, recall over all mentions that deserve one. Every command must be exact: no stop is missed
//! and none invented.

use std::path::Path;

use chrono::DateTime;
use serde::Deserialize;
use watchpost::core::ids::Lang;
use watchpost::core::matching::{Matcher, Reading};
use watchpost::fedi::html;

const PRECISION: f64 = 0.97;
const RECALL: f64 = 0.9;

#[derive(Deserialize)]
struct Labelled {
    answer: Vec<Group>,
    silent: Vec<Group>,
    command: Vec<Group>,
    near_miss: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    #[serde(default)]
    topics: Vec<String>,
    #[serde(default)]
    facts: Vec<String>,
    lang: Option<String>,
    status: Option<String>,
    command: Option<String>,
    texts: Vec<String>,
}

struct Campaign {
    matcher: Matcher,
}

#[expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the rig of a test: what is wrong with the shipped files must end it"
)]
impl Campaign {
    fn shipped() -> Self {
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let loaded = watchpost::campaign::load(Path::new(env!("CARGO_MANIFEST_DIR")), now).unwrap();
        let campaign =
            loaded.campaign.unwrap_or_else(|| panic!("the shipped campaign has mistakes: {:?}", loaded.findings));
        let matcher = Matcher::new(&campaign.facts, &campaign.commands, &campaign.languages);
        Self { matcher }
    }

    fn read(&self, text: &str, group: &Group) -> Reading {
        // The way every mention goes: names and links are gone before the matcher sees it.
        let text = html::read(text).text;
        self.matcher.read(&text, group.status.as_deref().map(Lang::from).as_ref())
    }
}

#[expect(clippy::unwrap_used, reason = "a mistake in the labelled set must end the test")]
fn labelled() -> Labelled {
    toml::from_str(include_str!("data/mentions.toml")).unwrap()
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

fn is_right(reading: &Reading, group: &Group) -> bool {
    let lang = group.lang.as_deref().is_none_or(|lang| lang == reading.lang.as_str());
    lang && reading.matches.first().is_some_and(|best| {
        group.topics.iter().any(|topic| topic == best.topic.as_str())
            && (group.facts.is_empty() || group.facts.iter().any(|fact| fact == best.fact.as_str()))
    })
}

#[test]
fn answers_are_precise_and_few_questions_go_without_one() {
    let (campaign, labelled) = (Campaign::shipped(), labelled());
    let (mut given, mut right, mut wanted) = (0_u32, 0_u32, 0_u32);
    for group in &labelled.answer {
        for text in &group.texts {
            let reading = campaign.read(text, group);
            wanted += 1;
            given += u32::from(!reading.matches.is_empty());
            if is_right(&reading, group) {
                right += 1;
            } else {
                println!("{text:?}: wanted {:?} {:?}, got {}", group.topics, group.lang, shown(&reading));
            }
        }
    }
    for group in &labelled.silent {
        for text in &group.texts {
            let reading = campaign.read(text, group);
            if !reading.matches.is_empty() || reading.command.is_some() {
                given += 1;
                println!("{text:?}: wanted silence, got {}", shown(&reading));
            }
        }
    }
    let precision = f64::from(right) / f64::from(given);
    let recall = f64::from(right) / f64::from(wanted);
    println!("precision {precision:.3}, recall {recall:.3} ({right} right of {given} given and {wanted} wanted)");
    assert!(precision >= PRECISION, "precision {precision:.3}");
    assert!(recall >= RECALL, "recall {recall:.3}");
}

#[test]
fn no_command_is_missed_and_none_is_invented() {
    let (campaign, labelled) = (Campaign::shipped(), labelled());
    let mut wrong = Vec::new();
    for group in &labelled.command {
        for text in &group.texts {
            let reading = campaign.read(text, group);
            if reading.command.map(|command| command.as_str()) != group.command.as_deref() {
                wrong.push(format!("{text:?}: wanted {:?}, got {}", group.command, shown(&reading)));
            }
        }
    }
    for group in &labelled.near_miss {
        for text in &group.texts {
            let reading = campaign.read(text, group);
            if reading.command.is_some() {
                wrong.push(format!("{text:?}: wanted no command, got {}", shown(&reading)));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
