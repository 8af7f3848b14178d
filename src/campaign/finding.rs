//! One thing to say about what staff wrote: where, what is wrong, what to write instead; and the list a file's readers
//! put their findings on.
//!
//! A finding never holds a token or the content of a token file.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It could not be sent or read as written.
    Error,
    /// It works, and a person should look at it.
    Warning,
}

/// One finding of `watchpost check`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Relative to the campaign folder.
    pub file: PathBuf,
    /// 1 for the first line; `None` when the whole file is meant.
    pub line: Option<usize>,
    /// Error or warning.
    pub level: Level,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        let word = match self.level {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        write!(f, ": {word}: {}", self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, " — {hint}")?;
        }
        Ok(())
    }
}

/// Whether any of these is an error.
#[must_use]
pub fn any_error(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.level == Level::Error)
}

/// What staff write in, which decides how they are told what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Medium {
    File,
    Table,
}

/// The findings about one file, in the making.
#[derive(Debug)]
pub(crate) struct Report {
    file: PathBuf,
    medium: Medium,
    found: Vec<Finding>,
}

impl Report {
    /// For `file`, relative to the campaign folder.
    pub(crate) fn new(file: impl AsRef<Path>) -> Self {
        Self { file: file.as_ref().to_path_buf(), medium: Medium::File, found: Vec::new() }
    }

    /// For a row of the table `file`.
    pub(crate) fn of_row(file: &Path) -> Self {
        Self { medium: Medium::Table, ..Self::new(file) }
    }

    /// What to do, in the words of a post file or in those of a table.
    pub(crate) fn either(&self, in_file: &'static str, in_table: &'static str) -> &'static str {
        match self.medium {
            Medium::File => in_file,
            Medium::Table => in_table,
        }
    }

    /// Something that could not be sent or read. An empty `hint` is none.
    pub(crate) fn error(
        &mut self,
        line: impl Into<Option<usize>>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.add(Level::Error, line.into(), message.into(), hint.into());
    }

    /// Something a person should look at. An empty `hint` is none.
    pub(crate) fn warn(&mut self, line: impl Into<Option<usize>>, message: impl Into<String>, hint: impl Into<String>) {
        self.add(Level::Warning, line.into(), message.into(), hint.into());
    }

    fn add(&mut self, level: Level, line: Option<usize>, message: String, hint: String) {
        let hint = (!hint.is_empty()).then_some(hint);
        self.found.push(Finding { file: self.file.clone(), line, level, message, hint });
    }

    /// Whether an error is among them.
    pub(crate) fn has_errors(&self) -> bool {
        any_error(&self.found)
    }

    /// The findings, by line.
    pub(crate) fn into_findings(mut self) -> Vec<Finding> {
        self.found.sort_by_key(|finding| finding.line);
        self.found
    }
}

/// The known word a mistyped one most likely means.
pub(crate) fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = written.to_lowercase();
    known
        .into_iter()
        .map(|word| (strsim::normalized_damerau_levenshtein(&folded, &word.to_lowercase()), word))
        .filter(|(likeness, _)| *likeness >= 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}

/// A hint for a word that is none of the known ones: the nearest, or all of them.
pub(crate) fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(word) = nearest(written, known.clone()) {
        return format!("did you mean `{word}`?");
    }
    let all: Vec<String> = known.into_iter().map(|word| format!("`{word}`")).collect();
    match all.len() {
        0 => String::new(),
        1..=24 => format!("known here: {}", all.join(", ")),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_as_one_line_with_its_place_and_its_remedy() {
        let mut report = Report::new("posts/a.md");
        report.error(3, "`acounts` is not a key of a post", "did you mean `accounts`?");
        report.warn(None, "it is long", "");
        let shown: Vec<String> = report.into_findings().iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "posts/a.md: warning: it is long",
                "posts/a.md:3: error: `acounts` is not a key of a post — did you mean `accounts`?"
            ]
        );
    }

    #[test]
    fn the_nearest_word_is_named_and_far_ones_are_listed() {
        assert_eq!(did_you_mean("acounts", ["accounts", "topic"]), "did you mean `accounts`?");
        assert_eq!(did_you_mean("xyzzy", ["accounts", "topic"]), "known here: `accounts`, `topic`");
        assert_eq!(nearest("America/New_Yrok", ["America/New_York", "America/Nome"]), Some("America/New_York"));
        assert_eq!(nearest("", ["a"]), None);
    }
}
