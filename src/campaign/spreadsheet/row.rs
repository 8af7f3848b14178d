//! One row of a spreadsheet becomes the tree that a post file's front matter would be, and the texts below it. What
//! the keys mean, and what is wrong with them, is [`crate::campaign::front_matter`]'s: here stand only the ways in
//! which cells differ from files.
//!
//! In a row's report a line is a cell: its place among the columns times [`CELL`].

use std::collections::BTreeMap;

use super::column::Column;
use super::dates::DateOrder;
use super::words::Words;
use crate::campaign::finding::Report;
use crate::campaign::front_matter::Frame;
use crate::campaign::post_file;
use crate::campaign::tree::{Entry, Node, Value};

/// Lines of a report that belong to one cell; a text's own lines count up inside it.
pub(super) const CELL: usize = 1_000_000;

/// Longer cells are a quotation mark that never ends: spreadsheet programs hold 32,767 letters.
const LONGEST: usize = 40_000;

/// A column of this file.
#[derive(Clone, Debug)]
pub(super) struct Heading {
    /// From 0.
    pub(super) place: usize,
    pub(super) column: Column,
    /// Which of its kind, from 1.
    pub(super) number: u32,
    /// As the file writes it.
    pub(super) name: String,
}

/// What a row is read with.
pub(super) struct Reading<'a> {
    pub(super) headings: &'a [Heading],
    pub(super) words: &'a Words,
    pub(super) frame: &'a Frame,
    /// Per column of dates, what its dates prove.
    pub(super) orders: BTreeMap<usize, Option<DateOrder>>,
}

/// What the row says: keys, and the texts with the line each is reported at.
pub(super) struct Content {
    pub(super) node: Node,
    pub(super) parts: Vec<(String, usize)>,
}

impl Reading<'_> {
    /// Reads one row.
    pub(super) fn content(&self, record: &csv::StringRecord, report: &mut Report) -> Content {
        let mut row = RowReader { reading: self, cells: Vec::new(), broken: Vec::new(), entries: Vec::new() };
        for heading in self.headings {
            let cell = record.get(heading.place).unwrap_or_default();
            // An answer of a poll may well be “None”.
            let is_free = heading.column.is_prose() && heading.column != Column::Poll;
            if is_free && is_nothing(cell) {
                continue;
            }
            match self.cell(cell, heading, report) {
                Some(text) => row.cells.push((heading, text)),
                None if !cell.trim().is_empty() => row.broken.push(heading),
                None => {}
            }
        }
        let beyond = self.headings.iter().map(|heading| heading.place).max().unwrap_or_default();
        if let Some((place, cell)) =
            record.iter().enumerate().skip(beyond + 1).find(|(_, cell)| !cell.trim().is_empty())
            && !self.has_unread(place)
        {
            report.error(
                line_of(place),
                format!("`{}` stands beyond the last column that has a name", short(cell)),
                "put texts that hold the separator in \"quotes\", or name the column",
            );
        }
        row.read(report);
        let mut parts = row.parts();
        let is_text = |heading: &&Heading| heading.column == Column::Text;
        let cells = self.headings.iter().filter(is_text).filter_map(|heading| record.get(heading.place));
        let mut cells = cells;
        if cells.any(|cell| !cell.trim().is_empty()) && !row.cells.iter().any(|(heading, _)| is_text(heading)) {
            // What is wrong with the text is said already.
            parts = vec![("…".to_owned(), 0)];
        }
        let entries = row.entries;
        Content { node: Node { line: 0, value: Value::Table(entries) }, parts }
    }

    /// Whether the file has a column there that is known not to be read.
    fn has_unread(&self, place: usize) -> bool {
        self.orders.contains_key(&place) && self.headings.iter().all(|heading| heading.place != place)
    }

    /// A cell's text, or nothing when it is blank.
    fn cell(&self, cell: &str, heading: &Heading, report: &mut Report) -> Option<String> {
        if cell.trim().is_empty() {
            return None;
        }
        let line = line_of(heading.place);
        if cell.len() > LONGEST {
            report.error(
                line,
                format!("the cell has {} characters", cell.chars().count()),
                "look for a \" that begins here and never ends; in quoted texts write \"\" for each \"",
            );
            return None;
        }
        if cell.contains('\0') {
            report.error(line, "the cell holds a sign that is no letter", "write it again");
            return None;
        }
        if self.words.is_broken(cell) {
            let hint = if heading.column.is_prose() {
                "write the text again with ' before its first sign"
            } else {
                "write what belongs here instead of the formula"
            };
            report.error(line, format!("`{}` is what a spreadsheet shows when a formula fails", cell.trim()), hint);
            return None;
        }
        if cell.contains('\u{fffd}') {
            report.warn(line, "the cell holds \u{fffd}: a letter was lost when the file was saved", "save it as UTF-8");
        }
        let text = unguarded(cell).replace("\r\n", "\n");
        Some(if heading.column.is_prose() { text } else { text.trim().to_owned() })
    }
}

pub(super) struct RowReader<'r> {
    pub(super) reading: &'r Reading<'r>,
    cells: Vec<(&'r Heading, String)>,
    /// Cells that hold something and cannot be read: that is said already.
    pub(super) broken: Vec<&'r Heading>,
    entries: Vec<Entry>,
}

impl RowReader<'_> {
    fn read(&mut self, report: &mut Report) {
        for column in Column::ALL {
            match column {
                Column::Id | Column::Author | Column::Cw | Column::Times | Column::Priority => self.plain(column),
                Column::Cooldown => self.cooldown(),
                Column::Topic => self.named(column, &self.reading.frame.topics, false),
                Column::Facts => self.named(column, &self.reading.frame.facts, true),
                Column::Accounts => self.accounts(),
                Column::Lang => self.lang(),
                Column::Visibility | Column::Status | Column::Late => self.word(column),
                Column::Evergreen => self.evergreen(),
                Column::Every => self.every(),
                Column::At => self.at(report),
                Column::Expires | Column::From | Column::Until | Column::Slot => self.moment(column, report),
                Column::Skip => self.skip(report),
                Column::Media => self.media(report),
                Column::Poll => self.poll(),
                Column::Variant => self.variants(),
                Column::Date
                | Column::Time
                | Column::Zone
                | Column::Alt
                | Column::PollLasts
                | Column::Text
                | Column::VariantAccounts
                | Column::VariantLang => {}
            }
        }
    }

    pub(super) fn one(&self, column: Column) -> Option<(usize, String)> {
        let (heading, text) = self.cells.iter().find(|(heading, _)| heading.column == column)?;
        Some((line_of(heading.place), text.clone()))
    }

    fn numbered(&self, column: Column, number: u32) -> Option<(usize, String)> {
        let of = |heading: &Heading| heading.column == column && heading.number == number;
        let (heading, text) = self.cells.iter().find(|(heading, _)| of(heading))?;
        Some((line_of(heading.place), text.clone()))
    }

    /// All cells of a kind, in the order of their numbers.
    fn several(&self, column: Column) -> Vec<(u32, usize, String)> {
        let of_kind = self.cells.iter().filter(|(heading, _)| heading.column == column);
        let mut all: Vec<(u32, usize, String)> =
            of_kind.map(|(heading, text)| (heading.number, line_of(heading.place), text.clone())).collect();
        all.sort_by_key(|(number, line, _)| (*number, *line));
        all
    }

    pub(super) fn put(&mut self, key: &str, line: usize, value: Value) {
        self.entries.push(Entry { key: key.to_owned(), line, node: Node { line, value } });
    }

    fn plain(&mut self, column: Column) {
        if let Some((line, text)) = self.one(column) {
            self.put(column.key(), line, Value::Text(text));
        }
    }

    /// A number alone is one of days.
    fn cooldown(&mut self) {
        if let Some((line, text)) = self.one(Column::Cooldown) {
            let days = text.bytes().all(|byte| byte.is_ascii_digit());
            self.put("cooldown", line, Value::Text(if days { format!("{text}d") } else { text }));
        }
    }

    fn word(&mut self, column: Column) {
        if let Some((line, text)) = self.one(column) {
            self.put(column.key(), line, Value::Text(self.reading.words.value(column.key(), &text)));
        }
    }

    fn lang(&mut self) {
        if let Some((line, text)) = self.one(Column::Lang) {
            let known = self.reading.words.value("lang", &text);
            let lower = if known.len() == 2 { known.to_ascii_lowercase() } else { known };
            self.put("lang", line, Value::Text(lower));
        }
    }

    /// Spreadsheet programs begin cells with a capital letter by themselves.
    fn named(&mut self, column: Column, known: &Option<Vec<String>>, list: bool) {
        let Some((line, text)) = self.one(column) else { return };
        let as_known = |name: &str| {
            let mut same = known.iter().flatten().filter(|known| known.eq_ignore_ascii_case(name));
            same.next().cloned().unwrap_or_else(|| name.to_owned())
        };
        let value = if list {
            let names = split(&text).into_iter().map(|name| text_at(line, as_known(name)));
            Value::List(names.collect())
        } else {
            Value::Text(as_known(&text))
        };
        self.put(column.key(), line, value);
    }

    fn accounts(&mut self) {
        let Some((line, text)) = self.one(Column::Accounts) else { return };
        if self.reading.words.value("accounts", &text) != "all" {
            let names = self.account_names(line, &text);
            self.put("accounts", line, names);
        }
    }

    fn account_names(&self, line: usize, text: &str) -> Value {
        let known = self.reading.frame.accounts.iter().flatten();
        let as_known = |name: &str| {
            let bare = name.strip_prefix('@').unwrap_or(name);
            let same = known.clone().find(|known| known.eq_ignore_ascii_case(bare));
            same.cloned().unwrap_or_else(|| bare.to_owned())
        };
        Value::List(split(text).into_iter().map(|name| text_at(line, as_known(name))).collect())
    }

    fn evergreen(&mut self) {
        let Some((line, text)) = self.one(Column::Evergreen) else { return };
        let word = self.reading.words.value("evergreen", &text);
        if word != "false" {
            self.put("evergreen", line, Value::Text(word));
        }
    }

    fn every(&mut self) {
        let Some((line, text)) = self.one(Column::Every) else { return };
        let value = match text.strip_prefix("cron ") {
            Some(cron) => Value::Table(vec![entry("cron", line, Value::Text(cron.trim().to_owned()))]),
            None => Value::Text(text),
        };
        self.put("every", line, value);
    }

    fn media(&mut self, report: &mut Report) {
        let files = self.several(Column::Media);
        let mut list = Vec::new();
        for (number, line, text) in &files {
            let alt = self.numbered(Column::Alt, *number);
            let names: Vec<&str> = text.lines().map(str::trim).filter(|name| !name.is_empty()).collect();
            let Some((alt_line, alt)) = alt else {
                let shown = names.join(", ");
                report.error(
                    *line,
                    format!("`{shown}` has no alt text"),
                    "describe it in the column alt, for those who cannot see it",
                );
                continue;
            };
            if let [_, _, ..] = names.as_slice() {
                let alts: Vec<&str> = alt.lines().map(str::trim).filter(|alt| !alt.is_empty()).collect();
                if alts.len() != names.len() {
                    report.error(
                        alt_line,
                        format!("{} pictures have {} lines of alt text", names.len(), alts.len()),
                        "write one line for each picture, in the same order, or use columns media 2 and alt 2",
                    );
                    continue;
                }
                list.extend(names.iter().zip(alts).map(|(name, alt)| attachment(*line, name, alt_line, alt)));
            } else {
                list.push(attachment(*line, text, alt_line, &alt));
            }
        }
        for (number, line, _) in self.several(Column::Alt) {
            if files.iter().all(|(of, _, _)| *of != number) {
                report.error(line, "this describes no picture", "name its file in the column media");
            }
        }
        if let (Some((_, line, _)), false) = (files.first(), list.is_empty()) {
            self.put("media", *line, Value::List(list));
        }
    }

    fn poll(&mut self) {
        let cells = self.several(Column::Poll);
        let Some((_, line, first)) = cells.first() else { return };
        let line = *line;
        let options: Vec<Node> = match cells.as_slice() {
            [_] => {
                let sign = ['\n', '|', ';'].into_iter().find(|sign| first.contains(*sign)).unwrap_or('\n');
                let options = first.split(sign).map(str::trim).filter(|option| !option.is_empty());
                options.map(|option| text_at(line, option)).collect()
            }
            several => several.iter().map(|(_, line, option)| text_at(*line, option.clone())).collect(),
        };
        let mut entries = vec![entry("options", line, Value::List(options))];
        if let Some((line, lasts)) = self.one(Column::PollLasts) {
            entries.push(entry("lasts", line, Value::Text(lasts)));
        }
        self.put("poll", line, Value::Table(entries));
    }

    fn variants(&mut self) {
        let cells = self.several(Column::Variant);
        let mut list = Vec::new();
        for (number, line, text) in &cells {
            let mut entries = Vec::new();
            if let Some((line, names)) = self.numbered(Column::VariantAccounts, *number) {
                entries.push(entry("accounts", line, self.account_names(line, &names)));
            }
            if let Some((line, lang)) = self.numbered(Column::VariantLang, *number) {
                entries.push(entry("lang", line, Value::Text(self.reading.words.value("lang", &lang))));
            }
            let texts = post_file::parts(text);
            entries.push(match texts.as_slice() {
                [_, _, ..] => {
                    let texts = texts.into_iter().map(|text| text_at(*line, text));
                    entry("texts", *line, Value::List(texts.collect()))
                }
                _ => entry("text", *line, Value::Text(text.clone())),
            });
            list.push(Node { line: *line, value: Value::Table(entries) });
        }
        if let Some((_, line, _)) = cells.first() {
            self.put("variants", *line, Value::List(list));
        }
    }

    /// The texts, one per status: each column of texts is a part, and a line of `---` begins one as in a post file.
    fn parts(&self) -> Vec<(String, usize)> {
        let mut parts = Vec::new();
        for (_, line, text) in self.several(Column::Text) {
            parts.extend(post_file::parts(&text).into_iter().map(|part| (part, line)));
        }
        if parts.is_empty() {
            let first = self.reading.headings.iter().find(|heading| heading.column == Column::Text);
            parts.push((String::new(), first.map_or(0, |heading| line_of(heading.place))));
        }
        parts
    }
}

fn split(text: &str) -> Vec<&str> {
    text.split([',', ';', '\n', '|']).map(str::trim).filter(|piece| !piece.is_empty()).collect()
}

pub(super) fn text_at(line: usize, text: impl Into<String>) -> Node {
    Node { line, value: Value::Text(text.into()) }
}

fn entry(key: &str, line: usize, value: Value) -> Entry {
    Entry { key: key.to_owned(), line, node: Node { line, value } }
}

fn attachment(line: usize, file: &str, alt_line: usize, alt: &str) -> Node {
    let file = entry("file", line, Value::Text(file.to_owned()));
    let alt = entry("alt", alt_line, Value::Text(alt.to_owned()));
    Node { line, value: Value::Table(vec![file, alt]) }
}

pub(super) fn line_of(place: usize) -> usize {
    place.saturating_add(1).saturating_mul(CELL)
}

/// The place among the columns that a line of the report belongs to; `None`: the whole row.
pub(super) fn place_of(line: usize) -> Option<usize> {
    (line / CELL).checked_sub(1)
}

fn short(cell: &str) -> String {
    let line = cell.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= 24 { line } else { format!("{}…", line.chars().take(24).collect::<String>()) }
}

/// Signs with which a cell would be taken for a formula, so an exported cell has a `'` before them.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// What programs for tables of numbers write where there is nothing (pandas, R, databases).
const NOTHING: [&str; 9] = ["nan", "nat", "none", "null", "na", "n/a", "<na>", "(null)", "(blank)"];

/// Whether a cell of words says that there are none.
fn is_nothing(cell: &str) -> bool {
    NOTHING.iter().any(|nothing| cell.trim().eq_ignore_ascii_case(nothing))
}

/// A cell that no program takes for a formula or for nothing; [`unguarded`] undoes it.
pub(super) fn guarded(cell: &str) -> String {
    if cell.starts_with(FORMULA) || is_nothing(cell) || unguarded(cell) != cell {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

/// A cell without the `'` that keeps it from being a formula.
pub(super) fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with('\'') || rest.starts_with(FORMULA) || is_nothing(rest) => rest,
        Some(_) | None => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_looks_like_a_formula_is_guarded_and_comes_back_as_it_was() {
        for (text, cell) in [
            ("=1+1", "'=1+1"),
            ("+1 for this", "'+1 for this"),
            ("-- no", "'-- no"),
            ("@eyes hello", "'@eyes hello"),
            ("\tx", "'\tx"),
            ("＝1", "'＝1"),
            ("'=x", "''=x"),
            ("''", "'''"),
            ("'twas", "'twas"),
            ("'", "'"),
            ("null", "'null"),
            ("'null", "''null"),
            ("None of it", "None of it"),
            ("plain = text", "plain = text"),
            ("", ""),
        ] {
            assert_eq!(guarded(text), cell, "{text:?}");
            assert_eq!(unguarded(cell), text, "{cell:?}");
        }
    }
}
