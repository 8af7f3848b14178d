//! One row of a spreadsheet becomes the tree that a post file's front matter would be, and the texts below it. What
//! the keys mean, and what is wrong with them, is [`crate::campaign::front_matter`]'s: here stand only the ways in
//! which cells differ from files.
//!
//! In a row's report a line is a cell: its place among the columns times [`CELL`].

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat};
use chrono_tz::Tz;

use super::column::Column;
use super::dates::{self, DateOrder, Of, Said};
use super::words::Words;
use crate::campaign::finding::{Report, nearest};
use crate::campaign::front_matter::Frame;
use crate::campaign::post_file;
use crate::campaign::tree::{Entry, Node, Value};
use crate::core::schedule::{Resolved, Shift, resolve};

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

struct RowReader<'r> {
    reading: &'r Reading<'r>,
    cells: Vec<(&'r Heading, String)>,
    /// Cells that hold something and cannot be read: that is said already.
    broken: Vec<&'r Heading>,
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

    fn one(&self, column: Column) -> Option<(usize, String)> {
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

    fn put(&mut self, key: &str, line: usize, value: Value) {
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

    /// The time: in one cell, or a day and a time of day; with a zone of its own it becomes an instant.
    fn at(&mut self, report: &mut Report) {
        let (at, date, time) = (self.one(Column::At), self.one(Column::Date), self.one(Column::Time));
        if let (Some((line, _)), Some(_)) = (&at, date.as_ref().or(time.as_ref())) {
            report.error(*line, "the row says its time twice", "write it in one column, or day and time in two");
            return;
        }
        let Some((line, day)) = at.or(date) else {
            let is_day = |broken: &&Heading| matches!(broken.column, Column::At | Column::Date);
            if let (Some((line, _)), None) = (time, self.broken.iter().copied().find(is_day)) {
                report.error(line, "the row has a time and no day", "write the day too: 2026-11-27");
            }
            return;
        };
        let Some(said) = self.said(line, &day, Of::Dates, report) else { return };
        let clock = match time {
            None => None,
            Some((line, text)) => match self.said(line, &text, Of::Times, report) {
                Some(Said::Parts(None, Some(clock))) => Some((line, clock)),
                Some(Said::Parts(_, _) | Said::Moment(_)) => {
                    report.error(line, format!("`{text}` is not a time"), "write the time on the 24-hour clock: 09:00");
                    return;
                }
                None => return,
            },
        };
        let said = match (said, clock) {
            (said, None) => said,
            // Programs add midnight to a day when they show it as a time.
            (Said::Parts(Some(date), None | Some(NaiveTime::MIN)), Some((_, clock))) => {
                Said::Parts(Some(date), Some(clock))
            }
            (Said::Moment(text), Some((_, clock))) if midnight(&text).is_some() => {
                Said::Parts(midnight(&text), Some(clock))
            }
            (Said::Parts(_, _) | Said::Moment(_), Some((line, _))) => {
                report.error(line, "the row says its time of day twice", "write it in one of the two columns");
                return;
            }
        };
        if let Some(text) = self.whole(line, said, report) {
            self.put("at", line, Value::Text(text));
        }
    }

    fn moment(&mut self, column: Column, report: &mut Report) {
        let Some((line, text)) = self.one(column) else { return };
        let Some(said) = self.said(line, &text, Of::Dates, report) else { return };
        // A slot is a time on the campaign's own clock.
        let here = column == Column::Slot;
        let written = if here { whole_here(line, said, report) } else { self.whole(line, said, report) };
        if let Some(text) = written {
            self.put(column.key(), line, Value::Text(text));
        }
    }

    fn skip(&mut self, report: &mut Report) {
        let Some((line, text)) = self.one(Column::Skip) else { return };
        let commas = !text.contains(char::is_alphabetic);
        let times = text.split(|c| ['\n', ';', '|'].contains(&c) || (commas && c == ','));
        let mut list = Vec::new();
        for time in times.map(str::trim).filter(|time| !time.is_empty()) {
            let said = self.said(line, time, Of::Dates, report);
            let written = said.and_then(|said| match said {
                // A day alone means all of its times.
                Said::Parts(Some(day), None) => Some(day.to_string()),
                Said::Parts(_, _) | Said::Moment(_) => whole_here(line, said, report),
            });
            list.extend(written.map(|time| text_at(line, time)));
        }
        if !list.is_empty() {
            self.put("skip", line, Value::List(list));
        }
    }

    fn said(&self, line: usize, text: &str, of: Of, report: &mut Report) -> Option<Said> {
        let order = self.reading.orders.get(&place_of(line)?).copied().flatten();
        match dates::read(text, of, order, self.reading.words) {
            Ok(said) => Some(said),
            Err(why) => {
                report.error(line, why.message, why.hint);
                None
            }
        }
    }

    /// Day and time as a post file writes them, in the row's own zone if it names one.
    fn whole(&self, line: usize, said: Said, report: &mut Report) -> Option<String> {
        let local = whole_here(line, said, report)?;
        let Some((zone_line, zone)) = self.one(Column::Zone) else { return Some(local) };
        let Ok(naive) = NaiveDateTime::parse_from_str(&local, "%Y-%m-%d %H:%M")
            .or_else(|_| NaiveDateTime::parse_from_str(&local, "%Y-%m-%d %H:%M:%S"))
        else {
            // It says its offset itself.
            return Some(local);
        };
        if let Ok(known) = zone.parse::<Tz>() {
            let Resolved { instant, shift } = resolve(naive, known);
            let meant = instant.with_timezone(&known);
            match shift {
                Shift::None => {}
                Shift::Gap => report.warn(
                    line,
                    format!("{local} does not exist in {known}: the clocks go forward"),
                    format!("it is taken for {}", meant.format("%Y-%m-%d %H:%M")),
                ),
                Shift::Overlap => {
                    report.warn(line, format!("{local} comes twice in {known}: the first is meant"), "");
                }
            }
            return Some(meant.to_rfc3339_opts(SecondsFormat::Secs, false));
        }
        let offset = zone.trim_start_matches("UTC").trim_start_matches("GMT").trim();
        if offset.starts_with(['+', '-']) {
            return Some(format!("{local}{offset}"));
        }
        let names = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
        let hint = nearest(&zone, names).map_or_else(
            || "write an IANA name: America/New_York, Europe/Madrid".to_owned(),
            |name| format!("did you mean `{name}`?"),
        );
        report.error(zone_line, format!("`{zone}` is not a time zone"), hint);
        None
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

fn whole_here(line: usize, said: Said, report: &mut Report) -> Option<String> {
    match said {
        Said::Moment(text) => Some(text),
        Said::Parts(Some(date), Some(time)) => Some(dates::written(date.and_time(time))),
        Said::Parts(Some(date), None) => {
            report.error(
                line,
                format!("{date} has no time of day"),
                format!("write {date} 09:00, or add a column time"),
            );
            None
        }
        Said::Parts(None, _) => {
            report.error(line, "this is a time without a day", "write the day too: 2026-11-27 09:00");
            None
        }
    }
}

/// The day of a local time that is its midnight.
fn midnight(text: &str) -> Option<NaiveDate> {
    let (day, clock) = text.split_once([' ', 'T'])?;
    ["0:00", "00:00", "00:00:00"].contains(&clock).then(|| day.parse().ok())?
}

fn split(text: &str) -> Vec<&str> {
    text.split([',', ';', '\n', '|']).map(str::trim).filter(|piece| !piece.is_empty()).collect()
}

fn text_at(line: usize, text: impl Into<String>) -> Node {
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

/// A cell that no spreadsheet program takes for a formula; [`unguarded`] undoes it.
pub(super) fn guarded(cell: &str) -> String {
    let mut letters = cell.chars();
    let first = letters.next();
    let unsafe_start = match first {
        Some('\'') => letters.next().is_some_and(|second| second == '\'' || FORMULA.contains(&second)),
        Some(first) => FORMULA.contains(&first),
        None => false,
    };
    if unsafe_start { format!("'{cell}") } else { cell.to_owned() }
}

/// A cell without the `'` that keeps it from being a formula.
pub(super) fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(|c| c == '\'' || FORMULA.contains(&c)) => rest,
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
            ("plain = text", "plain = text"),
            ("", ""),
        ] {
            assert_eq!(guarded(text), cell, "{text:?}");
            assert_eq!(unguarded(cell), text, "{cell:?}");
        }
    }
}
