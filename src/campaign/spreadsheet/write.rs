//! Posts as a table that spreadsheet programs open and [`super::read`] reads back to the same posts.
//!
//! The file is UTF-8 with a byte order mark and CRLF, because the most used program needs both. A cell that would be
//! taken for a formula has a `'` before it, which reading takes off again.

use std::collections::BTreeMap;
use std::path::Path;

use super::column::Column;
use super::dates::written;
use super::row::guarded;
use crate::campaign::markdown::{duration, late_word, moment_words, readiness_word, seen_from};
use crate::core::post::{Post, Visibility, When};

/// Columns that every file has, so that staff see where to write.
const ALWAYS: [Column; 5] = [Column::Id, Column::Status, Column::At, Column::Accounts, Column::Text];

/// A column of the file: of its kind the first, the second …
type Key = (Column, usize);

/// The posts as one table, in order. `folder` is where the file will stand: pictures in the campaign are named as seen
/// from there, or in full without it.
///
/// # Errors
/// When the table cannot be made, which only a lack of memory can cause.
pub fn write(posts: &[&Post], root: &Path, folder: Option<&Path>) -> Result<Vec<u8>, csv::Error> {
    let rows: Vec<BTreeMap<Key, String>> = posts.iter().map(|post| cells(post, root, folder)).collect();
    let mut keys: Vec<Key> = ALWAYS.iter().map(|column| (*column, 1)).collect();
    keys.extend(rows.iter().flat_map(|row| row.keys().copied()));
    keys.sort_unstable();
    keys.dedup();
    let mut table = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    table.write_record(keys.iter().map(|(column, number)| {
        let name = column.key().replace('_', " ");
        if *number == 1 { name } else { format!("{name} {number}") }
    }))?;
    for row in &rows {
        table.write_record(keys.iter().map(|key| row.get(key).map(String::as_str).unwrap_or_default()))?;
    }
    let mut bytes = "\u{feff}".as_bytes().to_vec();
    bytes.extend(table.into_inner().map_err(|error| csv::Error::from(error.into_error()))?);
    Ok(bytes)
}

fn cells(post: &Post, root: &Path, folder: Option<&Path>) -> BTreeMap<Key, String> {
    let mut cells: BTreeMap<Key, String> = BTreeMap::new();
    let named = |file: &Path| {
        let seen = folder.map_or_else(|| file.to_path_buf(), |folder| seen_from(folder, root, file));
        seen.to_string_lossy().into_owned()
    };
    let mut put = |column: Column, number: usize, text: String| {
        let text = if column.is_prose() { guarded(&text) } else { text };
        cells.insert((column, number), text);
    };
    put(Column::Id, 1, post.id.to_string());
    match &post.when {
        When::At(moment) => put(Column::At, 1, moment_words(moment)),
        When::Every(slot) if slot.is_cron() => put(Column::Every, 1, format!("cron {}", slot.written())),
        When::Every(slot) => put(Column::Every, 1, slot.written().to_owned()),
        When::Evergreen => put(Column::Evergreen, 1, "yes".to_owned()),
        When::NextSlot => {}
    }
    put(Column::Status, 1, readiness_word(post.readiness).unwrap_or("ready").to_owned());
    put(Column::Accounts, 1, joined(post.accounts.iter().map(|account| account.as_str())));
    put(Column::Lang, 1, post.lang.to_string());
    for (at, part) in post.parts.iter().enumerate() {
        put(Column::Text, at + 1, part.clone());
    }
    if let Some(topic) = &post.topic {
        put(Column::Topic, 1, topic.to_string());
    }
    if !post.facts.is_empty() {
        put(Column::Facts, 1, joined(post.facts.iter().map(|fact| fact.as_str())));
    }
    if let Some(cw) = &post.cw {
        put(Column::Cw, 1, cw.clone());
    }
    if post.visibility != Visibility::Public {
        put(Column::Visibility, 1, post.visibility.as_str().to_owned());
    }
    if let Some(expires) = &post.expires {
        put(Column::Expires, 1, moment_words(expires));
    }
    if let Some(word) = late_word(post.late) {
        put(Column::Late, 1, word.to_owned());
    }
    let (repeat, order) = (&post.repeat, &post.order);
    if let Some(from) = &repeat.from {
        put(Column::From, 1, moment_words(from));
    }
    if let Some(until) = &repeat.until {
        put(Column::Until, 1, moment_words(until));
    }
    if let Some(times) = repeat.times {
        put(Column::Times, 1, times.to_string());
    }
    if !repeat.skip.is_empty() {
        let skipped: Vec<String> = repeat.skip.iter().map(|time| written(*time)).collect();
        put(Column::Skip, 1, skipped.join("; "));
    }
    if let Some(days) = repeat.cooldown_days {
        put(Column::Cooldown, 1, days.to_string());
    }
    if order.priority != 0 {
        put(Column::Priority, 1, order.priority.to_string());
    }
    if let Some(slot) = order.slot {
        put(Column::Slot, 1, written(slot));
    }
    if let Some(author) = &post.author {
        put(Column::Author, 1, author.clone());
    }
    for (at, variant) in post.variants.iter().enumerate() {
        put(Column::Variant, at + 1, variant.parts.join("\n---\n"));
        if !variant.accounts.is_empty() {
            put(Column::VariantAccounts, at + 1, joined(variant.accounts.iter().map(|account| account.as_str())));
        }
        if let Some(lang) = &variant.lang {
            put(Column::VariantLang, at + 1, lang.to_string());
        }
    }
    for (at, media) in post.media.iter().enumerate() {
        put(Column::Media, at + 1, named(&media.file));
        put(Column::Alt, at + 1, media.alt.clone());
    }
    if let Some(poll) = &post.poll {
        for (at, option) in poll.options.iter().enumerate() {
            put(Column::Poll, at + 1, option.clone());
        }
        put(Column::PollLasts, 1, duration(poll.lasts_seconds));
    }
    cells
}

fn joined<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
