//! The row that names the columns: which column is which, what its cells prove about it, and what no column may hide.

use std::collections::BTreeMap;
use std::path::Path;

use super::column::Column;
use super::dates::{self, DateOrder};
use super::open::{ABOVE_HEADINGS, SheetError, Table};
use super::row::{Heading, line_of, unguarded};
use super::words::{Words, fold};
use super::{Place, Sheet, tell};
use crate::campaign::finding::{Report, nearest};
use crate::campaign::front_matter::Frame;

/// The row that names the columns.
pub(super) struct Top {
    pub(super) row: usize,
    pub(super) headings: Vec<Heading>,
    /// Places of columns that are not read.
    unread: Vec<usize>,
    /// Those of them that bear a name nobody knows.
    strange: Vec<(usize, String)>,
    /// Columns without a name, with none.
    nameless: Vec<(usize, String)>,
}

pub(super) fn headings(file: &Path, table: &mut Table, words: &Words, sheet: &mut Sheet) -> Result<Top, SheetError> {
    let mut first = None;
    let mut rows = table.rows()?;
    let mut tried = 0;
    while let Some((row, line, record)) = rows.advance()? {
        let text = record.iter().any(|cell| words.column(cell).is_some_and(|(column, _)| column == Column::Text));
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
        let line = line_of(at);
        let shown = name.split_whitespace().collect::<Vec<_>>().join(" ");
        let Some((column, number)) = words.column(name) else {
            top.unread.push(at);
            if !words.is_ignored(name) {
                let near = nearest(name, words.column_names())
                    .filter(|near| strsim::normalized_damerau_levenshtein(&fold(name), near) >= 0.75);
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
pub(super) fn strangers(
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
            report.error(line_of(*place), message, format!("call it {column}; or notes, if it is not for the queue"));
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
pub(super) fn survey(
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
                line_of(heading.place),
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
