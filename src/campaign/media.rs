//! The attachments of a post: the file must be there, of a kind servers take, and described in words.

use std::io::Read;
use std::path::Path;

use super::finding::Report;
use super::tree::{Node, Section, Value, text};
use crate::core::post::Media;

/// What Mastodon takes in one status.
const MOST: usize = 4;

/// Mastodon's limit for pictures in bytes; other servers take less or more.
const LARGE: u64 = 16 * 1024 * 1024;

/// Mastodon's limit for descriptions, in characters.
const LONG_ALT: usize = 1_500;

/// The endings of Mastodon's media types.
const KINDS: [&str; 26] = [
    "jpg", "jpeg", "png", "gif", "webp", "avif", "heic", "heif", "mp4", "m4v", "mov", "webm", "mp3", "ogg", "oga",
    "wav", "flac", "opus", "aac", "m4a", "3gp", "wma", "mpeg", "mpg", "jfif", "m4b",
];

/// Reads `media`; a relative file is relative to `folder`, where the post's file stands.
pub(crate) fn read(node: &Node, folder: &Path, report: &mut Report) -> Vec<Media> {
    const HINT: &str = "write - { file: media/ring.png, alt: \"What it shows\" }";
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        Value::Table(_) => std::slice::from_ref(node),
        Value::Nothing | Value::Flag(_) | Value::Number(_) | Value::Text(_) | Value::Date(_) => {
            report.error(node.line, format!("`media` must be a list, not {}", node.value.kind()), HINT);
            return Vec::new();
        }
    };
    if items.len() > MOST {
        report.error(
            node.line,
            format!("{} attachments are more than the {MOST} a post can have", items.len()),
            "spread them over the parts of several posts",
        );
    }
    let mut media = Vec::new();
    for item in items {
        if let Value::Text(file) = &item.value {
            report.error(item.line, format!("`{file}` has no alt text"), HINT);
            continue;
        }
        let Some(mut section) = Section::open(item, "an attachment", report) else {
            continue;
        };
        let file = section.text("file", report);
        if file.is_none() && !section.has("file") {
            report.error(item.line, "an attachment names no `file`", HINT);
        }
        let alt = if section.has("alt") {
            match section.take("alt", report) {
                Some(Node { value: Value::Text(words), line, .. }) if words.trim().is_empty() => {
                    report.error(
                        *line,
                        "`alt` is empty",
                        "describe what it shows for those who cannot see it: alt: \"…\"",
                    );
                    None
                }
                node => node.and_then(|node| text(node, "alt", report)),
            }
        } else {
            let shown = file.as_ref().map_or("an attachment", |file| file.text.as_str());
            report.error(
                item.line,
                format!("`{shown}` has no alt text"),
                "describe it for those who cannot see it: alt: \"…\"",
            );
            None
        };
        if let Some(alt) = &alt
            && alt.text.chars().count() > LONG_ALT
        {
            report.warn(
                alt.line,
                format!("the alt text has more than {LONG_ALT} characters; many servers cut or refuse it"),
                "",
            );
        }
        section.finish(report);
        if let Some(file) = &file {
            check_file(&file.text, folder, file.line, report);
        }
        if let (Some(file), Some(alt)) = (file, alt) {
            media.push(Media::new(folder.join(file.text), alt.text));
        }
    }
    media
}

/// Whether a file that is named like a picture does not begin like one.
fn is_disguised(file: &Path, ending: &str) -> bool {
    const BEGINNINGS: [&[u8]; 4] = [b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF"];
    let mut first = Vec::new();
    let read = std::fs::File::open(file).and_then(|file| file.take(16).read_to_end(&mut first));
    let named = ["png", "jpg", "jpeg", "jfif", "gif", "webp"].contains(&ending);
    named && read.is_ok() && !BEGINNINGS.iter().any(|beginning| first.starts_with(beginning))
}

fn check_file(written: &str, folder: &Path, line: usize, report: &mut Report) {
    let file = folder.join(written);
    let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    if !KINDS.contains(&ending.as_str()) {
        report.error(
            line,
            format!("servers do not take files like `{written}`"),
            "use a picture (png, jpg, gif, webp), a video (mp4, webm) or a sound (mp3, ogg)",
        );
    }
    match std::fs::metadata(&file) {
        Ok(about) if !about.is_file() => report.error(line, format!("`{written}` is not a file"), ""),
        Ok(about) if about.len() == 0 => report.error(line, format!("`{written}` is empty"), "save the picture again"),
        Ok(about) if about.len() > LARGE => report.warn(
            line,
            format!("`{written}` has {} MB; many servers take 16 MB at most", about.len() / (1024 * 1024)),
            "save it smaller",
        ),
        Ok(_) if is_disguised(&file, &ending) => report.warn(
            line,
            format!("`{written}` is named like a picture and holds none: servers will refuse it"),
            "save it again as png, jpg, gif or webp",
        ),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let hint = report.either(
                "the path is relative to the post's own file",
                "the path is relative to the folder in which the table lies",
            );
            report.error(line, format!("there is no file `{written}`"), hint);
        }
        Err(error) => report.error(line, format!("`{written}` cannot be read: {error}"), ""),
    }
}
