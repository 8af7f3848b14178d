//! `config/examples/*.txt`: mentions with what is right for each, from which the program learns how people ask.
//!
//! A line is a label, ` | `, and the text without our name; an empty line, or one that begins with `#`, says nothing.
//! Labels are `ring,neighbors es fact=ring-consent` (it asks for a fact about one of these topics, best for one of these
//! facts, separated by commas; language and facts may be left out), `-` (silence), `!stop` (this command) and `!` (no command). A line with a mistake is reported and left out; the others are
//! read. `\n` in a text is a line break.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::finding::{Finding, Report, did_you_mean};
use super::{source, words};
use crate::core::command::Command;
use crate::core::fact::FactBook;
use crate::core::ids::{FactId, Lang, TopicId};
use crate::core::learning::{Example, Label};

/// Where examples stand, relative to the campaign folder.
pub(crate) const FOLDER: &str = "config/examples";

const FORM: &str = "write `ring en | the text`, `- | the text` for silence, or `!stop | the text` for a command";

/// Reads every file of the folder, in the order of their names; a folder that is not there holds none. `facts` are `None` when
/// they could not be read: then no topic is judged.
pub(crate) fn read(
    root: &Path,
    languages: &[Lang],
    facts: Option<&FactBook>,
    findings: &mut Vec<Finding>,
) -> Vec<Example> {
    let mut examples = Vec::new();
    let mut reader = Reader { languages, facts, known: HashMap::new(), missed: HashSet::new() };
    for file in files(root, findings) {
        let mut report = Report::new(&file);
        if let Some(text) = source::read(root, &file, &mut report) {
            for (at, line) in text.lines().enumerate() {
                examples.extend(reader.line(line, &file, at + 1, &mut report));
            }
        }
        findings.extend(report.into_findings());
    }
    examples
}

/// Whether there are any.
pub(crate) fn are_there(root: &Path) -> bool {
    !files(root, &mut Vec::new()).is_empty()
}

fn files(root: &Path, findings: &mut Vec<Finding>) -> Vec<PathBuf> {
    let listing = match std::fs::read_dir(root.join(FOLDER)) {
        Ok(listing) => listing,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            let mut report = Report::new(FOLDER);
            report.error(None, format!("the folder cannot be read: {error}"), "");
            findings.extend(report.into_findings());
            return Vec::new();
        }
    };
    let names = listing.flatten().map(|entry| entry.file_name());
    let is_ours = |name: &Path| {
        name.extension().is_some_and(|end| end.eq_ignore_ascii_case("txt")) && !name.to_string_lossy().starts_with('.')
    };
    let mut files: Vec<PathBuf> =
        names.map(PathBuf::from).filter(|name| is_ours(name)).map(|name| Path::new(FOLDER).join(name)).collect();
    files.sort();
    files
}

struct Reader<'a> {
    languages: &'a [Lang],
    facts: Option<&'a FactBook>,
    /// Each text with its label and where it stands.
    known: HashMap<String, (Label, PathBuf, usize)>,
    /// Topics and facts that are not there; one that was renamed stands in hundreds of lines, and is told once.
    missed: HashSet<String>,
}

impl Reader<'_> {
    fn line(&mut self, line: &str, file: &Path, at: usize, report: &mut Report) -> Option<Example> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let Some((label, text)) = line.split_once('|') else {
            report.error(at, "there is no `|` between what is right and the text", FORM);
            return None;
        };
        let text = text.trim().replace("\\n", "\n");
        let label = self.label(label.trim(), at, report)?;
        if !text.contains(char::is_alphanumeric) {
            report.error(at, "there are no words behind the `|`", FORM);
            return None;
        }
        match self.known.get(&text) {
            Some((known, _, _)) if *known == label => return None,
            Some((_, other, line)) => {
                let place = if other == file { format!("line {line}") } else { format!("{}:{line}", other.display()) };
                let message = format!("the same text stands in {place} with another label, which counts");
                report.error(at, message, "take out the one that is wrong");
                return None;
            }
            None => {}
        }
        self.known.insert(text.clone(), (label.clone(), file.to_path_buf(), at));
        Some(Example { text, label })
    }

    fn label(&mut self, label: &str, at: usize, report: &mut Report) -> Option<Label> {
        if label == "-" {
            return Some(Label::Silence);
        }
        if let Some(name) = label.strip_prefix('!') {
            return match Command::ALL.into_iter().find(|command| command.as_str() == name) {
                Some(command) => Some(Label::Command(command)),
                None if name.is_empty() => Some(Label::NoCommand),
                None => {
                    let hint = did_you_mean(name, Command::ALL.iter().map(|command| command.as_str()));
                    report.error(at, format!("there is no command “{name}”"), hint);
                    None
                }
            };
        }
        let mut parts = label.split_whitespace();
        let Some(about) = parts.next() else {
            report.error(at, "what is right for the text is not told", FORM);
            return None;
        };
        let topics = self.topics(about, at, report)?;
        let (mut lang, mut facts) = (None, Vec::new());
        for part in parts {
            match part.strip_prefix("fact=") {
                Some(ids) => facts = self.facts_named(ids, at, report)?,
                None => lang = Some(self.lang(part, at, report)?),
            }
        }
        Some(Label::Question { topics, lang, facts })
    }

    fn topics(&mut self, about: &str, at: usize, report: &mut Report) -> Option<Vec<TopicId>> {
        let known = self.facts.map(FactBook::topics);
        let mut topics = Vec::new();
        for name in about.split(',') {
            let topic = TopicId::new(name);
            if let Some(known) = known.as_ref().filter(|known| !known.contains(&topic)) {
                if self.missed.insert(format!("topic {name}")) {
                    let hint = did_you_mean(name, known.iter().map(TopicId::as_str));
                    report.error(at, format!("no fact has the topic “{name}”; lines that name it are left out"), hint);
                }
                return None;
            }
            // The facts' own, so that its letters are kept once.
            let own = known.as_ref().and_then(|known| known.iter().find(|own| **own == topic).cloned());
            let topic = own.unwrap_or(topic);
            if !topics.contains(&topic) {
                topics.push(topic);
            }
        }
        Some(topics)
    }

    fn lang(&self, written: &str, at: usize, report: &mut Report) -> Option<Lang> {
        match words::language(written) {
            Ok(lang) if self.languages.is_empty() || self.languages.contains(&lang) => Some(lang),
            Ok(lang) => {
                let hint = "write one of [campaign] languages, or leave it out";
                report.error(at, format!("“{lang}” is no language of this campaign"), hint);
                None
            }
            Err(misread) => {
                misread.tell(at, report);
                None
            }
        }
    }

    fn facts_named(&mut self, ids: &str, at: usize, report: &mut Report) -> Option<Vec<FactId>> {
        let mut facts = Vec::new();
        for name in ids.split(',') {
            let fact = FactId::new(name);
            if let Some(book) = self.facts.filter(|book| book.fact(&fact).is_none()) {
                if self.missed.insert(format!("fact {name}")) {
                    let hint = did_you_mean(name, book.facts.iter().map(|fact| fact.id.as_str()));
                    report.error(at, format!("there is no fact “{name}”; lines that name it are left out"), hint);
                }
                return None;
            }
            facts.push(fact);
        }
        Some(facts)
    }
}
