//! `config/columns.toml`: what columns may be called and what cells may say. The shipped words are the default; a
//! campaign's own file adds to them.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::column::Column;
use crate::campaign::finding::Report;
use crate::campaign::toml_tree;
use crate::campaign::tree::{Node, Section, texts};

/// Where the words stand, relative to the campaign folder.
pub(crate) const FILE: &str = "config/columns.toml";

const SHIPPED: &str = include_str!("../../../config/columns.toml");

/// The words, folded, and what they mean.
#[derive(Debug, Default)]
pub(crate) struct Words {
    columns: BTreeMap<String, Column>,
    ignored: BTreeSet<String>,
    /// Per key of a post: what a cell says, and the word of a post file.
    values: BTreeMap<String, BTreeMap<String, String>>,
    /// Longest first, in small letters.
    pub(super) am: Vec<String>,
    pub(super) pm: Vec<String>,
    pub(super) after_time: Vec<String>,
    pub(super) beside: BTreeSet<String>,
    broken: BTreeSet<String>,
}

/// The shipped words. They are part of the program, so their own findings are for its tests.
pub(crate) fn shipped(report: &mut Report) -> Words {
    let mut words = Words::default();
    if let Some(node) = toml_tree::parse(SHIPPED, report) {
        words.add(&node, report);
    }
    words
}

impl Words {
    /// Adds a campaign's own words; a word that stood for something else means what is said here.
    pub(crate) fn add(&mut self, node: &Node, report: &mut Report) {
        let Some(mut top) = Section::open(node, FILE, report) else { return };
        if let Some(mut section) = open(&mut top, "columns", report) {
            for column in Column::ALL {
                for name in section.texts(column.key(), report).unwrap_or_default() {
                    self.columns.insert(fold(&name.text), column);
                }
            }
            section.finish(report);
        }
        if let Some(mut section) = open(&mut top, "ignored", report) {
            self.ignored.extend(folded(&mut section, "columns", report));
            section.finish(report);
        }
        if let Some(section) = open(&mut top, "values", report) {
            for entry in section.entries() {
                let Some(inner) = Section::open(&entry.node, format!("[values.{}]", entry.key), report) else {
                    continue;
                };
                let said = self.values.entry(entry.key.clone()).or_default();
                for value in inner.entries() {
                    for word in texts(&value.node, &value.key, report) {
                        said.insert(fold_value(&word.text), value.key.clone());
                    }
                }
            }
        }
        if let Some(mut section) = open(&mut top, "dates", report) {
            for (key, list) in [("am", &mut self.am), ("pm", &mut self.pm), ("after_time", &mut self.after_time)] {
                let more = section.texts(key, report).unwrap_or_default();
                list.extend(more.into_iter().map(|word| word.text.to_lowercase()));
                list.sort_by_key(|word| std::cmp::Reverse(word.len()));
            }
            self.beside.extend(folded(&mut section, "beside", report));
            section.finish(report);
        }
        if let Some(mut section) = open(&mut top, "broken", report) {
            let more = section.texts("cells", report).unwrap_or_default();
            self.broken.extend(more.into_iter().map(|word| word.text.to_lowercase()));
            section.finish(report);
        }
        top.finish(report);
    }

    /// The column a heading names, and its number: `media 2` is the second of its kind.
    pub(super) fn column(&self, heading: &str) -> Option<(Column, Option<u32>)> {
        let folded = fold(heading);
        if let Some(column) = self.columns.get(&folded) {
            return Some((*column, None));
        }
        let (bare, number) = without_number(&folded)?;
        self.columns.get(&bare).map(|column| (*column, Some(number)))
    }

    /// Whether staff keep such a column for themselves.
    pub(super) fn is_ignored(&self, heading: &str) -> bool {
        self.ignored.contains(&fold(heading))
    }

    /// Every name a column may have, for suggestions.
    pub(super) fn column_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.columns.keys().map(String::as_str)
    }

    /// The word of a post file for what a cell says under `key`; the cell's own where none is known.
    pub(super) fn value(&self, key: &str, cell: &str) -> String {
        let known = self.values.get(key).and_then(|said| said.get(&fold_value(cell)));
        known.cloned().unwrap_or_else(|| cell.to_owned())
    }

    /// Whether a cell shows that a formula failed.
    pub(super) fn is_broken(&self, cell: &str) -> bool {
        self.broken.contains(&cell.trim().to_lowercase())
    }
}

fn open<'t>(top: &mut Section<'t>, key: &'static str, report: &mut Report) -> Option<Section<'t>> {
    let node = top.take(key, report)?;
    Section::open(node, format!("[{key}]"), report)
}

fn folded(section: &mut Section<'_>, key: &'static str, report: &mut Report) -> Vec<String> {
    section.texts(key, report).unwrap_or_default().into_iter().map(|word| fold(&word.text)).collect()
}

/// Case, marks and punctuation aside; words one space apart.
pub(super) fn fold(text: &str) -> String {
    let bare = text.nfkd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_lowercase);
    let spaced: String = bare.map(|letter| if letter.is_alphanumeric() { letter } else { ' ' }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// As [`fold`]; a cell that is one sign (✓) stays that sign.
fn fold_value(text: &str) -> String {
    let folded = fold(text);
    if folded.is_empty() { text.trim().to_owned() } else { folded }
}

/// `media 2` and `variant 1 lang` without their only number.
fn without_number(folded: &str) -> Option<(String, u32)> {
    let mut number = None;
    let mut rest = Vec::new();
    for word in folded.split(' ') {
        let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = word.strip_prefix(letters).unwrap_or_default();
        if !digits.is_empty() && number.replace(digits.parse::<u32>().ok()?).is_some() {
            return None;
        }
        if !letters.is_empty() {
            rest.push(letters);
        }
    }
    Some((rest.join(" "), number?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_words_have_no_mistakes_and_name_every_column() {
        let mut report = Report::new(FILE);
        let words = shipped(&mut report);
        let findings: Vec<String> = report.into_findings().iter().map(ToString::to_string).collect();
        assert_eq!(findings, Vec::<String>::new());
        for column in Column::ALL {
            assert_eq!(words.column(&column.key().replace('_', " ")), Some((column, None)), "{column:?}");
        }
    }

    #[test]
    fn headings_are_known_whatever_their_case_accents_and_numbers() {
        let words = shipped(&mut Report::new(FILE));
        for (heading, expected) in [
            ("Texto", Some((Column::Text, None))),
            ("  FECHA ", Some((Column::Date, None))),
            ("Fecha y hora:", Some((Column::At, None))),
            ("Descripción", Some((Column::Alt, None))),
            ("descripcion", Some((Column::Alt, None))),
            ("Media 2", Some((Column::Media, Some(2)))),
            ("media2", Some((Column::Media, Some(2)))),
            ("Parte_3", Some((Column::Text, Some(3)))),
            ("variant 1 accounts", Some((Column::VariantAccounts, Some(1)))),
            ("poll_lasts", Some((Column::PollLasts, None))),
            ("1 2", None),
            ("Presupuesto", None),
            ("", None),
        ] {
            assert_eq!(words.column(heading), expected, "{heading:?}");
        }
        assert!(words.is_ignored("Notas:"));
        assert_eq!(words.value("status", "En revisión"), "review");
        assert_eq!(words.value("evergreen", "✓"), "true");
        assert_eq!(words.value("status", "perhaps"), "perhaps");
    }
}
