//! A week as seven columns, for wide terminals.

use chrono::{Datelike, Days, NaiveDate};

use super::ink::{cut, width, wrap};
use super::{Day, Item, Mark, Week, title};

/// Between two columns.
const GAP: usize = 3;
/// How many lines of its words a post has.
const LINES: usize = 2;

/// One week. Days outside the window are shown without lines.
pub(super) fn draw(week: &Week<'_>, days: &[Day]) -> String {
    let column = (week.width.saturating_sub(1) + GAP) / 7 - GAP;
    let head = title(days);
    let rule = "─".repeat(week.width.saturating_sub(width(&head) + 1));
    let mut page = format!("{} {}\n", week.ink.strong(&head), week.ink.faint(&rule));
    let Some(monday) = days.first().and_then(|day| monday(day.date)) else { return page };
    let mut columns: Vec<Vec<(String, usize)>> = Vec::new();
    for place in 0..7 {
        let Some(date) = monday.checked_add_days(Days::new(place)) else { continue };
        let day = days.iter().find(|day| day.date == date);
        columns.push(cells(week, date, day, column));
    }
    let height = columns.iter().map(Vec::len).max().unwrap_or(0);
    for row in 0..height {
        let cells = columns.iter().map(|lines| match lines.get(row) {
            Some((shown, taken)) => format!("{shown}{}", " ".repeat(column.saturating_sub(*taken))),
            None => " ".repeat(column),
        });
        let line = cells.collect::<Vec<_>>().join(&week.ink.faint(" │ "));
        page.push_str(&format!(" {}\n", line.trim_end()));
    }
    page
}

fn monday(date: NaiveDate) -> Option<NaiveDate> {
    date.checked_sub_days(Days::new(date.weekday().num_days_from_monday().into()))
}

/// The lines of a column, each as shown and with its width.
fn cells(week: &Week<'_>, date: NaiveDate, day: Option<&Day>, column: usize) -> Vec<(String, usize)> {
    let ink = week.ink;
    let name = date.format("%a %-d").to_string();
    let mut lines = Vec::new();
    lines.push(match (day, date == week.today) {
        (Some(_), true) => {
            let text = cut(&format!("{name} today"), column);
            (ink.today(&text), width(&text))
        }
        (Some(_), false) => (ink.strong(&name), width(&name)),
        (None, _) => (ink.faint(&name), width(&name)),
    });
    let Some(day) = day else { return lines };
    for note in day.note.iter().flat_map(|note| wrap(note, column, 2)) {
        lines.push((ink.faint(&note), width(&note)));
    }
    for item in &day.items {
        lines.push((String::new(), 0));
        lines.extend(entry(week, item, column));
    }
    lines
}

fn entry(week: &Week<'_>, item: &Item, column: usize) -> Vec<(String, usize)> {
    let ink = week.ink;
    let account = cut(&item.account, column.saturating_sub(width(&item.time) + 1));
    let head_width = width(&item.time) + 1 + width(&account);
    let mut lines = Vec::new();
    lines.push(match item.mark {
        Mark::Goes => (format!("{} {}", ink.strong(&item.time), ink.account(&account)), head_width),
        Mark::Open | Mark::Free => (ink.faint(&format!("{} {account}", item.time)), head_width),
    });
    let words = match item.mark {
        Mark::Free => format!("· {}", item.words),
        Mark::Goes | Mark::Open => item.words.clone(),
    };
    for line in wrap(&words, column, LINES) {
        let shown = match item.mark {
            Mark::Goes => line.clone(),
            Mark::Open | Mark::Free => ink.faint(&line),
        };
        lines.push((shown, width(&line)));
    }
    if !item.tag.is_empty() {
        let tag = cut(&item.tag, column);
        let shown = match item.mark {
            Mark::Open => ink.warning(&tag),
            Mark::Goes | Mark::Free => ink.faint(&tag),
        };
        lines.push((shown, width(&tag)));
    }
    for line in item.warning.iter().flat_map(|warning| wrap(&format!("! {warning}"), column, 3)) {
        lines.push((ink.warning(&line), width(&line)));
    }
    lines
}
