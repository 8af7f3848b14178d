//! Tables for the terminal, plain and narrow.

use comfy_table::{ContentArrangement, Table, presets};
use unicode_segmentation::UnicodeSegmentation;

pub(super) use crate::core::plural::many;

/// A table with these headings and rows, or nothing when there are no rows.
pub(super) fn table(headings: &[&str], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(headings.iter().map(|heading| (*heading).to_owned()));
    for row in rows {
        table.add_row(row);
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}

/// The first words of a text, on one line.
pub(super) fn first_words(text: &str, letters: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = line.graphemes(true).take(letters).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short
}
