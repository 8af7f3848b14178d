//! What `watchpost queue import` shows: the table of what comes, what is wrong by row and cell, and the next step; as a page
//! and as a JSON document. It decides nothing.

use chrono::SecondsFormat;
use serde::Serialize;

use super::queue_import::{Action, Line};
use super::table::{first_words, many, table};
use crate::campaign::Campaign;
use crate::campaign::spreadsheet::{CellFinding, Sheet};

/// How many rows the preview shows.
const SHOWN: usize = 60;

/// How it ended.
pub(super) struct Ending {
    pub(super) written: bool,
    pub(super) wanted: bool,
    pub(super) bad: usize,
    pub(super) usable: bool,
    pub(super) dry_run: bool,
}

/// The preview, everything that is wrong, and the next step.
pub(super) fn page(sheet: &Sheet, lines: &[Line], ending: &Ending) -> String {
    let mut page = String::new();
    // What changes nothing gives way to what does.
    let stays = |line: &&Line| line.action == Action::There;
    let rows = lines.iter().filter(|line| !stays(line)).chain(lines.iter().filter(stays));
    let mut rows: Vec<&Line> = rows.take(SHOWN).collect();
    rows.sort_by_key(|line| line.row);
    let shown = rows.into_iter().map(|line| {
        let what = match line.action {
            Action::New => "new",
            Action::Changed => "changed",
            Action::There => "there already",
            Action::Bad => "mistakes",
        };
        let accounts: Vec<&str> =
            line.post.iter().flat_map(|post| &post.accounts).map(|account| account.as_str()).collect();
        let accounts = if accounts.is_empty() && line.post.is_some() { "all".to_owned() } else { accounts.join(", ") };
        let parts = line.post.as_ref().map_or(1, |post| post.parts.len());
        let thread = if parts > 1 { format!(" ({parts} parts)") } else { String::new() };
        let note = if line.note.is_empty() { what.to_owned() } else { format!("{what}: {}", line.note) };
        let words = format!("{}{thread}", first_words(&line.words, 34));
        vec![line.row.to_string(), line.when.clone(), accounts, words, note]
    });
    page.push_str(&table(&["row", "when", "account", "text", ""], shown.collect()));
    if lines.len() > SHOWN {
        page.push_str(&format!("… and {}\n", many(lines.len() - SHOWN, "more row")));
    }
    if !sheet.findings.is_empty() {
        page.push('\n');
    }
    for finding in &sheet.findings {
        page.push_str(&format!("{finding}\n"));
    }
    if sheet.untold > 0 {
        page.push_str(&format!("… and {}\n", many(sheet.untold, "more finding")));
    }
    page.push('\n');
    for note in &sheet.notes {
        page.push_str(&format!("Note: {note}.\n"));
    }
    let count = |action: Action| lines.iter().filter(|line| line.action == action).count();
    let (new, changed) = (count(Action::New), count(Action::Changed));
    page.push_str(&format!(
        "{}: {new} new, {changed} changed, {} there already, {} with mistakes.\n",
        many(lines.len(), "row"),
        count(Action::There),
        count(Action::Bad)
    ));
    page.push_str(&ending.words(new + changed));
    page.push('\n');
    page
}

impl Ending {
    fn words(&self, coming: usize) -> String {
        let coming = many(coming, "post");
        match self {
            Ending { usable: false, .. } => {
                "Nothing was imported: correct the names of the columns or the dates, as said above.".to_owned()
            }
            Ending { written: true, .. } => {
                format!("Imported: {coming}. `watchpost plan` and `watchpost queue list` show them.")
            }
            Ending { dry_run: true, .. } => {
                format!("Nothing was imported: this was a look only. Without --dry-run {coming} would come.")
            }
            Ending { wanted: false, bad, .. } if *bad > 0 => {
                "Nothing was imported: correct the rows above, or say --skip-bad to leave them out.".to_owned()
            }
            Ending { .. } => "Nothing was imported: there is nothing new.".to_owned(),
        }
    }
}

/// One row of the JSON document.
#[derive(Serialize)]
struct JsonRow<'a> {
    row: usize,
    line: usize,
    action: Action,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    accounts: Vec<&'a str>,
    parts: usize,
    text: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    note: &'a str,
}

#[derive(Serialize)]
pub(super) struct Document<'a> {
    imported: bool,
    new: usize,
    changed: usize,
    there: usize,
    bad: usize,
    encoding: &'a str,
    separator: &'a str,
    notes: &'a [String],
    rows: Vec<JsonRow<'a>>,
    findings: &'a [CellFinding],
    more_findings: usize,
}

/// The same for programs.
pub(super) fn document<'a>(campaign: &Campaign, sheet: &'a Sheet, lines: &'a [Line], ending: &Ending) -> Document<'a> {
    let count = |action: Action| lines.iter().filter(|line| line.action == action).count();
    let row = |line: &'a Line| JsonRow {
        row: line.row,
        line: line.line,
        action: line.action,
        id: Some(line.id.as_str()).filter(|id| !id.is_empty()),
        at: line.at.map(|at| at.with_timezone(&campaign.zone).to_rfc3339_opts(SecondsFormat::Secs, false)),
        accounts: line.post.iter().flat_map(|post| &post.accounts).map(|account| account.as_str()).collect(),
        parts: line.post.as_ref().map_or(0, |post| post.parts.len()),
        text: first_words(&line.words, 80),
        note: &line.note,
    };
    Document {
        imported: ending.written,
        new: count(Action::New),
        changed: count(Action::Changed),
        there: count(Action::There),
        bad: count(Action::Bad),
        encoding: sheet.encoding,
        separator: sheet.separator,
        notes: &sheet.notes,
        rows: lines.iter().map(row).collect(),
        findings: &sheet.findings,
        more_findings: sheet.untold,
    }
}
