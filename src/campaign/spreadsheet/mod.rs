//! A table of posts, as spreadsheet programs save it: each row becomes a post, checked by the rules of post files, or
//! is reported by row and cell; all mistakes at once.
//!
//! The file is read in pieces, three times: for its encoding, for what its dates prove, for its rows. Nothing here
//! knows which posts there are already.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::finding::{Finding, Level, Report, nearest};
use super::front_matter::{self, Frame};
use super::posts::{check_parts, check_variants};
use super::{Campaign, frame_of, source, toml_tree};
use crate::core::post::Post;

mod column;
mod dates;
mod open;
mod row;
#[cfg(test)]
mod tests;
mod words;
mod write;

pub use dates::DateOrder;
pub use open::SheetError;
pub use write::write;

pub(super) use dates::written;

use column::letters;
use open::{ABOVE_HEADINGS, Table};
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
        let read = one(&reading, record, &folder, &frame, place, &mut sheet);
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

/// The row that names the columns.
struct Top {
    row: usize,
    headings: Vec<Heading>,
    /// Places of columns that are not read.
    unread: Vec<usize>,
    /// Those of them that bear a name nobody knows.
    strange: Vec<(usize, String)>,
    /// Columns without a name, with none.
    nameless: Vec<(usize, String)>,
}

fn headings(file: &Path, table: &mut Table, words: &Words, sheet: &mut Sheet) -> Result<Top, SheetError> {
    let mut first = None;
    let mut rows = table.rows()?;
    let mut tried = 0;
    while let Some((row, line, record)) = rows.advance()? {
        let text =
            record.iter().any(|cell| words.column(cell).is_some_and(|(column, _)| column == column::Column::Text));
        if text {
            let record = record.clone();
            return Ok(named(Place { file, row, line }, &record, words, sheet));
        }
        first.get_or_insert_with(|| record.iter().map(str::trim).take(8).collect::<Vec<_>>().join(", "));
        tried += 1;
        if tried >= ABOVE_HEADINGS {
            break;
        }
    }
    let found: String = first.unwrap_or_default().chars().take(200).collect();
    Err(SheetError::NoHeadings { file: file.to_path_buf(), found })
}

fn named(place: Place<'_>, record: &csv::StringRecord, words: &Words, sheet: &mut Sheet) -> Top {
    let nameless = record.iter().enumerate().filter(|(_, name)| name.trim().is_empty());
    let nameless = nameless.map(|(at, _)| (at, String::new())).collect();
    let mut top = Top { row: place.row, headings: Vec::new(), unread: Vec::new(), strange: Vec::new(), nameless };
    let mut report = Report::new(place.file);
    for (at, name) in record.iter().enumerate().filter(|(_, name)| !name.trim().is_empty()) {
        let line = row::line_of(at);
        let shown = name.split_whitespace().collect::<Vec<_>>().join(" ");
        let Some((column, number)) = words.column(name) else {
            top.unread.push(at);
            if !words.is_ignored(name) {
                let near = nearest(name, words.column_names())
                    .filter(|near| strsim::normalized_damerau_levenshtein(&words::fold(name), near) >= 0.75);
                match near {
                    Some(near) => report.error(
                        line,
                        format!("no column is called `{shown}`"),
                        format!("did you mean `{near}`? A column of your own may be called notes"),
                    ),
                    None => top.strange.push((at, shown)),
                }
            }
            continue;
        };
        let number = number.filter(|_| column.may_be_several()).unwrap_or(1);
        if let Some(before) = top.headings.iter().find(|known| known.column == column && known.number == number) {
            let hint = if column.may_be_several() {
                format!("number them: {} 1, {} 2", before.name, shown)
            } else {
                "keep one of the two".to_owned()
            };
            report.error(line, format!("`{shown}` is the same column as `{}`", before.name), hint);
            top.unread.push(at);
            continue;
        }
        top.headings.push(Heading { place: at, column, number, name: shown });
    }
    if !top.strange.is_empty() {
        let names: Vec<String> = top.strange.iter().take(12).map(|(_, name)| format!("“{name}”")).collect();
        sheet.notes.push(format!("not read, because no column is called so: {}", names.join(", ")));
    }
    sheet.usable &= !report.has_errors();
    for finding in report.into_findings() {
        tell(sheet, place, &top.headings, finding);
    }
    top
}

/// Columns whose names nobody knows and whose cells are plainly meant for the queue: to leave out a day, a time of day or
/// an account would post at another time, or elsewhere.
fn strangers(
    file: &Path,
    table: &mut Table,
    top: &Top,
    words: &Words,
    frame: &Frame,
    sheet: &mut Sheet,
) -> Result<(), SheetError> {
    let watched: Vec<&(usize, String)> = top.strange.iter().chain(&top.nameless).collect();
    if watched.is_empty() {
        return Ok(());
    }
    let is_account = |cell: &str| {
        let bare = cell.trim().trim_start_matches('@');
        frame.accounts.iter().flatten().any(|known| known.eq_ignore_ascii_case(bare))
    };
    // Cells that hold anything, and how many of them are days, times of day, accounts.
    let mut counts: Vec<(usize, [usize; 3])> = vec![(0, [0; 3]); watched.len()];
    let mut rows = table.rows()?;
    while let Some((row, _, record)) = rows.advance()? {
        if row <= top.row {
            continue;
        }
        for ((place, _), (filled, kinds)) in watched.iter().zip(&mut counts) {
            let cell = unguarded(record.get(*place).unwrap_or_default());
            if cell.trim().is_empty() {
                continue;
            }
            *filled += 1;
            let found = [dates::is_day(cell, words), dates::is_time_of_day(cell, words), is_account(cell)];
            for (count, found) in kinds.iter_mut().zip(found) {
                *count += usize::from(found);
            }
        }
    }
    drop(rows);
    let mut report = Report::new(file);
    for ((place, name), (filled, kinds)) in watched.iter().zip(counts) {
        let meant = [("days", "date"), ("times of day", "time"), ("accounts", "account")];
        let meant = meant.iter().zip(kinds).find(|(_, count)| *count > 0 && count * 2 >= filled);
        if let Some(((what, column), _)) = meant {
            let message = if name.is_empty() {
                format!("this column has no name, and its cells hold {what}")
            } else {
                format!("no column is called `{name}`, and its cells hold {what}")
            };
            report.error(
                row::line_of(*place),
                message,
                format!("call it {column}; or notes, if it is not for the queue"),
            );
        }
    }
    sheet.usable &= !report.has_errors();
    let place = Place { file, row: top.row, line: top.row };
    for finding in report.into_findings() {
        tell(sheet, place, &top.headings, finding);
    }
    Ok(())
}

/// What the dates of each column prove about their order.
fn survey(
    file: &Path,
    table: &mut Table,
    top: &Top,
    given: Option<DateOrder>,
    words: &Words,
    sheet: &mut Sheet,
) -> Result<BTreeMap<usize, Option<DateOrder>>, SheetError> {
    let dated: Vec<&Heading> = top.headings.iter().filter(|heading| heading.column.is_date()).collect();
    // Columns that are not read are known too, so that their cells are not taken for lost ones.
    let mut orders: BTreeMap<usize, Option<DateOrder>> = top.unread.iter().map(|place| (*place, None)).collect();
    orders.extend(top.headings.iter().map(|heading| (heading.place, given)));
    if given.is_some() || dated.is_empty() {
        return Ok(orders);
    }
    let mut proofs: BTreeMap<usize, (Option<usize>, Option<usize>)> = BTreeMap::new();
    let mut mixed = Report::new(file);
    let mut rows = table.rows()?;
    while let Some((row, _, record)) = rows.advance()? {
        if row <= top.row {
            continue;
        }
        for heading in &dated {
            let proof = record.get(heading.place).and_then(|cell| dates::evidence(unguarded(cell), words));
            let (day, month) = proofs.entry(heading.place).or_default();
            match proof {
                Some(DateOrder::DayFirst) => drop(day.get_or_insert(row)),
                Some(DateOrder::MonthFirst) => drop(month.get_or_insert(row)),
                None => {}
            }
        }
    }
    drop(rows);
    let mut proven = Vec::new();
    for heading in &dated {
        match proofs.get(&heading.place).copied().unwrap_or_default() {
            (Some(day), Some(month)) => mixed.error(
                row::line_of(heading.place),
                format!("row {day} writes the day first and row {month} the month first: a program mixed them up"),
                "write the year first (2026-11-27), or say --dates day-first or --dates month-first",
            ),
            (Some(_), None) => proven.push((heading, DateOrder::DayFirst)),
            (None, Some(_)) => proven.push((heading, DateOrder::MonthFirst)),
            (None, None) => {}
        }
    }
    // What one column proves holds for those that prove nothing: the same program wrote them.
    let common = proven.first().map(|(_, order)| *order).filter(|order| proven.iter().all(|(_, other)| other == order));
    for heading in &dated {
        let own = proven.iter().find(|(known, _)| known.place == heading.place).map(|(_, order)| *order);
        orders.insert(heading.place, own.or(common));
    }
    if let Some(order) = common {
        let words = match order {
            DateOrder::DayFirst => "the day stands first in dates such as 03/04: other rows prove it",
            DateOrder::MonthFirst => "the month stands first in dates such as 03/04: other rows prove it",
        };
        sheet.notes.push(words.to_owned());
    }
    let place = Place { file, row: top.row, line: top.row };
    sheet.usable &= !mixed.has_errors();
    for finding in mixed.into_findings() {
        tell(sheet, place, &top.headings, finding);
    }
    Ok(orders)
}
