//! A table of posts, as spreadsheet programs save it: each row becomes a post, checked by the rules of post files, or
//! is reported by row and cell; all mistakes at once.
//!
//! The file is read in pieces, three times: for its encoding, for what its dates prove, for its rows. Nothing here
//! knows which posts there are already.

use std::fmt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::finding::{Finding, Level, Report};
use super::front_matter::{self, Frame};
use super::posts::{check_parts, check_variants};
use super::{Campaign, frame_of, source, toml_tree};
use crate::core::post::Post;

mod column;
mod dates;
mod day_names;
mod headings;
mod open;
mod quotes;
mod row;
mod row_times;
#[cfg(test)]
mod tests;
mod words;
mod write;
mod zones;

pub use dates::DateOrder;
pub use open::SheetError;
pub use write::write;

pub(super) use dates::written;

use column::letters;
use headings::{headings, strangers, survey};
use open::Table;
use row::{Heading, Reading, place_of, unguarded};
use words::Words;

/// More rows than the queue is built for.
pub const MOST_ROWS: usize = 100_000;
/// Findings beyond are counted only.
const MOST_FINDINGS: usize = 2_000;

/// A table, read.
#[derive(Debug)]
pub struct Sheet {
    /// Its rows that hold anything, in file order.
    pub rows: Vec<Row>,
    /// What is wrong or remarkable, by row.
    pub findings: Vec<CellFinding>,
    /// Whether the names of the columns and the order of dates hold no error: else no row can be trusted.
    pub usable: bool,
    /// How many findings more there are.
    pub untold: usize,
    /// What was understood about the file as a whole, in sentences.
    pub notes: Vec<String>,
    /// The encoding it was read in.
    pub encoding: &'static str,
    /// What stands between its cells: comma, semicolon, tab or bar.
    pub separator: &'static str,
}

/// One row.
#[derive(Debug)]
pub struct Row {
    /// The number the spreadsheet program shows, from 1.
    pub row: usize,
    /// The line of the file it begins on, from 1.
    pub line: usize,
    /// The post; its id is empty when the row names none. `None`: the row has errors.
    pub post: Option<Post>,
    /// The beginning of its text.
    pub words: String,
}

/// One thing to say about a cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CellFinding {
    /// The file as it was named.
    pub file: PathBuf,
    /// The number the spreadsheet program shows.
    pub row: usize,
    /// The line of the file.
    pub line: usize,
    /// The cell's name, such as `C5`; `None` when the whole row is meant.
    pub cell: Option<String>,
    /// The name of its column.
    pub column: Option<String>,
    /// Error or warning.
    pub level: Level,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl fmt::Display for CellFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file.display(), self.line)?;
        match (&self.cell, &self.column) {
            (Some(cell), Some(column)) => write!(f, "{cell} ({column}): ")?,
            (Some(cell), None) => write!(f, "{cell}: ")?,
            (None, _) => write!(f, "row {}: ", self.row)?,
        }
        match self.level {
            Level::Error => write!(f, "{}", self.message)?,
            Level::Warning => write!(f, "warning: {}", self.message)?,
        }
        match &self.hint {
            Some(hint) => write!(f, " — {hint}"),
            None => Ok(()),
        }
    }
}

/// Reads a table of posts. `dates` says what stands first in dates of three numbers where the file itself does not.
///
/// # Errors
/// [`SheetError`] when the file is no table of posts. What is wrong with its rows is in the [`Sheet`].
pub fn read(
    campaign: &Campaign,
    file: &Path,
    dates: Option<DateOrder>,
    now: DateTime<Utc>,
) -> Result<Sheet, SheetError> {
    let words = words_of(campaign)?;
    let frame = frame_of(campaign, now);
    let mut table = Table::open(file, &words)?;
    let mut sheet = Sheet {
        rows: Vec::new(),
        findings: Vec::new(),
        usable: true,
        untold: 0,
        notes: table.notes(),
        encoding: table.encoding(),
        separator: table.separator(),
    };
    let top = headings(file, &mut table, &words, &mut sheet)?;
    let orders = survey(file, &mut table, &top, dates, &words, &mut sheet)?;
    strangers(file, &mut table, &top, &words, &frame, &mut sheet)?;
    let reading = Reading { headings: &top.headings, words: &words, frame: &frame, orders };
    // Relative pictures are looked for beside the file.
    let folder = std::path::absolute(file).unwrap_or_else(|_| file.to_path_buf());
    let folder = folder.parent().unwrap_or(Path::new("")).to_path_buf();
    let mut guarded = 0_usize;
    let mut rows = table.rows()?;
    while let Some((number, line, record)) = rows.advance()? {
        if number <= top.row {
            continue;
        }
        if sheet.rows.len() >= MOST_ROWS {
            return Err(SheetError::TooManyRows { file: file.to_path_buf(), most: MOST_ROWS });
        }
        guarded += record.iter().filter(|cell| unguarded(cell) != *cell).count();
        let place = Place { file, row: number, line };
        let mut read = one(&reading, record, &folder, &frame, place, &mut sheet);
        let mut report = Report::of_row(file);
        for cell in rows.early_ends() {
            report.error(
                row::line_of(cell),
                "the text ends at a quotation mark, and more stands behind it",
                "inside a text in quotation marks write \"\" for each \"",
            );
            read.post = None;
        }
        for finding in report.into_findings() {
            tell(&mut sheet, place, &top.headings, finding);
        }
        sheet.rows.push(read);
    }
    let open = rows.open_quote();
    drop(rows);
    if let (Some(cell), Some(last)) = (open, sheet.rows.last_mut()) {
        last.post = None;
        let place = Place { file, row: last.row, line: last.line };
        let mut report = Report::of_row(file);
        report.error(
            row::line_of(cell),
            "the quotation mark before this text never ends, so all rows below were taken for a part of it",
            "put a \" at its end; inside a text in quotation marks write \"\" for each \"",
        );
        for finding in report.into_findings() {
            tell(&mut sheet, place, &top.headings, finding);
        }
    }
    if guarded > 0 {
        let cells = if guarded == 1 { "1 cell".to_owned() } else { format!("{guarded} cells") };
        sheet.notes.push(format!("the ' that keeps {cells} from being a formula was taken off"));
    }
    Ok(sheet)
}

/// Where a row stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a Path,
    row: usize,
    line: usize,
}

fn one(
    reading: &Reading<'_>,
    record: &csv::StringRecord,
    folder: &Path,
    frame: &Frame,
    place: Place<'_>,
    sheet: &mut Sheet,
) -> Row {
    let mut report = Report::of_row(place.file);
    let content = reading.content(record, &mut report);
    let (mut post, lines) = front_matter::read(Some(&content.node), "", folder, frame, &mut report);
    check_parts(&content.parts, post.cw.as_deref(), frame, &mut report);
    let words = content.parts.first().map(|(text, _)| text.clone()).unwrap_or_default();
    post.parts = content.parts.into_iter().map(|(text, _)| text).collect();
    check_variants(&post, &lines.variants, frame, &mut report);
    let wrong = report.has_errors();
    for finding in report.into_findings() {
        tell(sheet, place, reading.headings, finding);
    }
    Row { row: place.row, line: place.line, post: (!wrong).then_some(post), words }
}

/// Turns a finding about a row's report into one about a cell.
fn tell(sheet: &mut Sheet, place: Place<'_>, headings: &[Heading], finding: Finding) {
    if sheet.findings.len() >= MOST_FINDINGS {
        sheet.untold += 1;
        return;
    }
    let at = finding.line.and_then(place_of);
    let column = at.and_then(|at| headings.iter().find(|heading| heading.place == at));
    sheet.findings.push(CellFinding {
        file: place.file.to_path_buf(),
        row: place.row,
        line: place.line,
        cell: at.map(|at| format!("{}{}", letters(at), place.row)),
        column: column.map(|heading| heading.name.clone()),
        level: finding.level,
        message: finding.message,
        hint: finding.hint,
    });
}

fn words_of(campaign: &Campaign) -> Result<Words, SheetError> {
    let mut words = words::shipped(&mut Report::new(words::FILE));
    let mut report = Report::new(words::FILE);
    if let Some(text) = source::read_if_there(&campaign.root, words::FILE, &mut report)
        && let Some(node) = toml_tree::parse(&text, &mut report)
    {
        words.add(&node, &mut report);
    }
    if report.has_errors() {
        let lines: Vec<String> = report.into_findings().iter().map(ToString::to_string).collect();
        return Err(SheetError::Words(lines.join("\n")));
    }
    Ok(words)
}
