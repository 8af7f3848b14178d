//! One post at a time, for an editor: where its file stands, a text read as the post it would be, and whose words it
//! holds.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::finding::{Finding, Report, any_error};
use super::markdown::quoted;
use super::posts::{self, FOLDER};
use super::{Campaign, frame_of};
use crate::core::ids::PostId;
use crate::core::post::Post;

/// The file of a post, relative to the campaign folder; also of one that cannot be read as a post, by its name.
#[must_use]
pub fn file_of(campaign: &Campaign, id: &PostId, now: DateTime<Utc>) -> Option<PathBuf> {
    let (read, _) = posts::read(&frame_of(campaign, now), &mut Vec::new());
    if let Some(found) = read.into_iter().find(|read| &read.post.id == id) {
        return Some(found.file);
    }
    let named = Path::new(FOLDER).join(format!("{id}.md"));
    let inside = !id.as_str().split('/').any(|piece| piece.is_empty() || piece.starts_with('.'));
    (inside && campaign.root.join(&named).is_file()).then_some(named)
}

/// Reads `text` as the post it would be in `file` (relative to the campaign folder), with everything that is wrong with
/// it. No post where anything is an error.
#[must_use]
pub fn read_text(campaign: &Campaign, text: &str, file: &Path, now: DateTime<Utc>) -> (Option<Post>, Vec<Finding>) {
    let mut report = Report::new(file);
    let read = posts::written(text, file, &frame_of(campaign, now), &mut report);
    let findings = report.into_findings();
    let post = read.map(|read| Arc::unwrap_or_clone(read.post)).filter(|_| !any_error(&findings));
    (post, findings)
}

/// The text of a post's file with `author: NAME` above its words, in the place of another name. A text whose first line
/// begins front matter that never ends is left as it is.
#[must_use]
pub fn signed(text: &str, name: &str) -> String {
    let ends = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let line = format!("author: {}{ends}", quoted(name));
    let is_rule = |line: &&str| line.trim_end() == "---";
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    if !lines.first().is_some_and(is_rule) {
        return format!("---{ends}{line}---{ends}{text}");
    }
    let Some(end) = lines.iter().skip(1).position(is_rule).map(|place| place + 1) else { return text.to_owned() };
    let old = lines.iter().take(end).position(|line| line.starts_with("author:"));
    let mut signed = String::with_capacity(text.len() + line.len());
    for (place, written) in lines.iter().enumerate() {
        if Some(place) == old || (old.is_none() && place == end) {
            signed.push_str(&line);
        }
        if Some(place) != old {
            signed.push_str(written);
        }
    }
    signed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_bears_the_name_of_who_made_it() {
        for (text, expected) in [
            ("Words.\n", "---\nauthor: \"Bo\"\n---\nWords.\n"),
            ("---\ntopic: ring\n---\nWords.", "---\ntopic: ring\nauthor: \"Bo\"\n---\nWords."),
            ("---\nauthor: Ada\ntopic: ring\n---\nauthor: x\n", "---\nauthor: \"Bo\"\ntopic: ring\n---\nauthor: x\n"),
            ("---\r\ntopic: ring\r\n---\r\nWords.", "---\r\ntopic: ring\r\nauthor: \"Bo\"\r\n---\r\nWords."),
            ("---\ntopic: ring\nWords.", "---\ntopic: ring\nWords."),
        ] {
            assert_eq!(signed(text, "Bo"), expected, "{text:?}");
        }
    }
}
