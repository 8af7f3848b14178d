//! One post at a time, for an editor: where its file stands, and a text read as the post it would be.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::finding::{Finding, Report, any_error};
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
