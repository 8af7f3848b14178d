//! The folder `posts/`: every `.md` file in it and its subfolders becomes a post, in the order of their paths.
//!
//! Hidden files and folders are not posts, nor is what lies in a folder named `media`. A file with an error is reported
//! and left out; the others are read.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::finding::{Finding, Level, Report};
use super::front_matter::{self, Frame, KEYS};
use super::{hashtags, links, post_file, source, yaml_tree};
use crate::core::count::{TextRules, count};
use crate::core::ids::PostId;
use crate::core::intake::is_queue_id;
use crate::core::post::Post;
use crate::core::text::{is_invisible, turns_words};

/// Where posts stand, relative to the campaign folder.
pub(crate) const FOLDER: &str = "posts";

/// What most servers take in one status: Mastodon's default.
const LONG: usize = 500;

/// What a link counts for there.
const LINK: usize = 23;

/// Folders deeper than this are a loop of links.
const DEEPEST: usize = 16;

/// How many threads read files at most.
const MOST_HANDS: usize = 8;

/// Fewer files are read sooner than threads begin.
const WORTH_HANDS: usize = 256;

/// A post and where it stands.
#[derive(Debug)]
pub(crate) struct ReadPost {
    pub(crate) post: Arc<Post>,
    /// Relative to the campaign folder.
    pub(crate) file: PathBuf,
    /// The line its text begins on.
    pub(crate) line: usize,
    /// The line of its time; `None`: it takes the next free slot.
    pub(crate) when: Option<usize>,
}

/// Reads all posts; those with errors are left out, each with its first.
pub(crate) fn read(frame: &Frame, findings: &mut Vec<Finding>) -> (Vec<ReadPost>, HashMap<PostId, String>) {
    let folder = frame.root.join(FOLDER);
    if !folder.is_dir() {
        let mut report = Report::new(FOLDER);
        report.warn(
            None,
            "there is no folder `posts`: nothing will be posted",
            "make it and put a file NAME.md into it",
        );
        findings.extend(report.into_findings());
        return (Vec::new(), HashMap::new());
    }
    let mut unreadable = HashMap::new();
    let mut files = Vec::new();
    walk(&folder, Path::new(FOLDER), 0, &mut files, findings);
    files.sort();
    let mut posts = Vec::new();
    let read = each(&files, frame);
    let ids: Vec<Option<PostId>> =
        read.iter().map(|(read, _)| read.as_ref().map(|read| read.post.id.clone())).collect();
    let rivals = rivals(&files, &ids);
    for (file, (read, mut report)) in files.iter().zip(read) {
        if let (Some(read), Some(other)) = (&read, rivals.get(file.as_path())) {
            report.error(
                1,
                format!("the id `{}` is also that of {}", read.post.id, other.display()),
                "give one of the two another id or file name",
            );
        }
        let (left_out, found) = (report.has_errors(), report.into_findings());
        if let Some(mistake) = found.iter().find(|finding| finding.level == Level::Error) {
            let id = read.as_ref().map_or_else(|| PostId::new(id_of(file)), |read| read.post.id.clone());
            unreadable.entry(id).or_insert_with(|| mistake.to_string());
        }
        findings.extend(found);
        posts.extend(read.filter(|_| !left_out));
    }
    (posts, unreadable)
}

/// The files that must not have their id, each with another that has it. Of several the one whose name the id is keeps
/// it: a copy beside a post is no reason to say other words in its place. Where none bears the name nobody can tell which
/// is meant, and all are left out.
fn rivals<'a>(files: &'a [PathBuf], ids: &[Option<PostId>]) -> HashMap<&'a Path, &'a Path> {
    let mut of_id: HashMap<&PostId, Vec<&'a Path>> = HashMap::with_capacity(files.len());
    for (file, id) in files.iter().zip(ids) {
        if let Some(id) = id {
            of_id.entry(id).or_default().push(file);
        }
    }
    let mut rivals = HashMap::new();
    for (id, files) in of_id.into_iter().filter(|(_, files)| files.len() > 1) {
        let owner = files.iter().find(|file| id_of(file) == id.as_str());
        for file in files.iter().filter(|file| Some(*file) != owner) {
            if let Some(other) = owner.or_else(|| files.iter().find(|other| *other != file)) {
                rivals.insert(*file, *other);
            }
        }
    }
    rivals
}

/// Every file by itself, in their order: many are read side by side.
fn each(files: &[PathBuf], frame: &Frame) -> Vec<(Option<ReadPost>, Report)> {
    let one = |file: &PathBuf| {
        let mut report = Report::new(file);
        let read = one(file, frame, &mut report);
        (read, report)
    };
    let hands = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_HANDS);
    if hands < 2 || files.len() < WORTH_HANDS {
        return files.iter().map(one).collect();
    }
    std::thread::scope(|scope| {
        let pieces = files.chunks(files.len().div_ceil(hands));
        let pieces: Vec<_> =
            pieces.map(|files| scope.spawn(move || files.iter().map(one).collect::<Vec<_>>())).collect();
        // A thread that panicked takes the program with it, as it would have without threads.
        pieces
            .into_iter()
            .flat_map(|piece| piece.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

fn walk(folder: &Path, shown: &Path, depth: usize, files: &mut Vec<PathBuf>, findings: &mut Vec<Finding>) {
    let mut report = Report::new(shown);
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) if depth <= DEEPEST => entries,
        Ok(_) => {
            report.error(None, "the folders under posts go too deep", "look for a link that leads back up");
            return findings.extend(report.into_findings());
        }
        Err(error) => {
            report.error(None, format!("the folder cannot be read: {error}"), "");
            return findings.extend(report.into_findings());
        }
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            report.error(None, format!("the name of {} is not text", entry.path().display()), "rename the file");
            continue;
        };
        let path = shown.join(name);
        if name.starts_with('.') {
            continue;
        }
        // Only a link must be followed to know what it is.
        let kind = entry.file_type();
        if kind.is_ok_and(|kind| if kind.is_symlink() { entry.path().is_dir() } else { kind.is_dir() }) {
            if leads_up(&entry.path()) {
                let mut report = Report::new(&path);
                report.error(None, "this link leads to a folder that it lies in", "remove the link");
                findings.extend(report.into_findings());
            } else if name != "media" {
                walk(&entry.path(), &path, depth + 1, files, findings);
            }
        } else if name.ends_with(".md") {
            files.push(path);
        } else if ["txt", "MD", "markdown"].iter().any(|ending| name.ends_with(&format!(".{ending}"))) {
            let mut report = Report::new(&path);
            report.warn(None, "this file is not read: a post's name ends in .md", "rename it if it is a post");
            findings.extend(report.into_findings());
        }
    }
    findings.extend(report.into_findings());
}

/// Whether this is a link to a folder above it: all below would be read again and again.
fn leads_up(folder: &Path) -> bool {
    let Some(above) = folder.parent().filter(|_| folder.is_symlink()) else { return false };
    match (std::fs::canonicalize(folder), std::fs::canonicalize(above)) {
        (Ok(meant), Ok(above)) => above.starts_with(meant),
        (Ok(_) | Err(_), Ok(_) | Err(_)) => false,
    }
}

/// One file as a post; what is wrong is in `report`.
fn one(file: &Path, frame: &Frame, report: &mut Report) -> Option<ReadPost> {
    let text = source::read(&frame.root, file, report)?;
    let read = written(&text, file, frame, report)?;
    if is_queue_id(read.post.id.as_str()) {
        report.error(
            1,
            format!("the id `{}` is kept for `watchpost queue add`", read.post.id),
            "give the post another id or file name",
        );
    }
    Some(read)
}

/// A text as the post it would be in `file`, relative to the campaign folder.
pub(crate) fn written(text: &str, file: &Path, frame: &Frame, report: &mut Report) -> Option<ReadPost> {
    let pieces = post_file::split(text, &KEYS, report)?;
    let node = match &pieces.front {
        // What follows broken front matter may be text that was never meant to go out as it stands.
        Some((front, first)) => Some(yaml_tree::parse(front, *first, report)?),
        None => None,
    };
    let folder = frame.root.join(file.parent().unwrap_or(Path::new(FOLDER)));
    let (mut post, lines) = front_matter::read(node.as_ref(), &id_of(file), &folder, frame, report);
    let line = pieces.parts.first().map_or(1, |(_, line)| *line);
    check_parts(&pieces.parts, post.cw.as_deref(), frame, report);
    post.parts = pieces.parts.into_iter().map(|(text, _)| text).collect();
    check_variants(&post, &lines.variants, frame, report);
    Some(ReadPost { post: Arc::new(post), file: file.to_path_buf(), line, when: lines.when })
}

/// The path under `posts/` without `.md`, with `/` on every system.
fn id_of(file: &Path) -> String {
    let under = file.strip_prefix(FOLDER).unwrap_or(file).with_extension("");
    let parts: Vec<&str> = under.iter().filter_map(|part| part.to_str()).collect();
    parts.join("/")
}

/// What is wrong with the other words of a post, beside its own; `lines` says where each stands.
pub(crate) fn check_variants(post: &Post, lines: &[usize], frame: &Frame, report: &mut Report) {
    for (variant, line) in post.variants.iter().zip(lines) {
        let (own, its) = (post.parts.len(), variant.parts.len());
        if its > 0 && its != own {
            report.error(
                *line,
                format!("the post has {own} parts, this variant has {its}"),
                "give it a text for each part, under `texts`",
            );
        }
        let parts: Vec<(String, usize)> = variant.parts.iter().map(|text| (text.clone(), *line)).collect();
        check_parts(&parts, post.cw.as_deref(), frame, report);
    }
}

/// A line that was meant to begin a new part: dashes of any kind, but not three plain ones at its beginning.
fn is_nearly_a_rule(line: &str) -> bool {
    let dashes = line.trim().chars().filter(|letter| !letter.is_whitespace());
    let count = dashes.clone().count();
    dashes.clone().all(|letter| matches!(letter, '-' | '–' | '—')) && (count >= 3 || dashes.eq("——".chars()))
}

/// Whether a text could count for more than [`LONG`], which is worth counting: it has no more characters than bytes, and
/// only a link counts for more than it has.
fn may_be_long(text: &str, cw: Option<&str>) -> bool {
    let links = text.matches("://").count().saturating_mul(LINK);
    text.len().saturating_add(cw.map_or(0, str::len)).saturating_add(links) > LONG
}

/// What is wrong with the texts of a post, each with its first line.
pub(crate) fn check_parts(parts: &[(String, usize)], cw: Option<&str>, frame: &Frame, report: &mut Report) {
    for (at, (text, line)) in parts.iter().enumerate() {
        if text.chars().all(|letter| letter.is_whitespace() || is_invisible(letter)) {
            if !text.trim().is_empty() {
                report.error(*line, "nobody would see this text: all of its characters are invisible", "write words");
            } else if parts.len() == 1 {
                let hint = report.either("write it below the keys", "write it into this cell, or take the row out");
                report.error(*line, "the post has no text", hint);
            } else {
                report.error(*line, format!("part {} of the thread is empty", at + 1), "remove the --- around it");
            }
            continue;
        }
        // Programs have several signs for the end of a line.
        let line_ends = ['\r', '\t', '\u{b}', '\u{c}', '\u{85}'];
        let strange = |letter: &char| letter.is_control() && !line_ends.contains(letter);
        for (below, written) in text.lines().enumerate() {
            if let Some(letter) = written.chars().find(strange) {
                report.error(
                    line + below,
                    format!("the text holds U+{:04X}, a control character that nobody sees", u32::from(letter)),
                    "delete it, or write the line again",
                );
            }
            if let Some(letter) = written.chars().find(|letter| turns_words(*letter)) {
                report.warn(
                    line + below,
                    format!(
                        "the text holds U+{:04X}, a sign that nobody sees and that may turn the words behind it around",
                        u32::from(letter)
                    ),
                    "delete it, unless a language written from right to left needs it",
                );
            }
        }
        let count = if may_be_long(text, cw) { count(text, cw, &TextRules::mastodon()) } else { 0 };
        if count > LONG {
            let part = if parts.len() == 1 { "the text".to_owned() } else { format!("part {}", at + 1) };
            report.warn(
                *line,
                format!("{part} has {count} characters; many servers take {LONG} at most"),
                "shorten it, or begin a new part with a line of ---",
            );
        }
        for (below, written) in text.lines().enumerate() {
            links::tell_placeholder(written, line + below, report);
            if is_nearly_a_rule(written) {
                report.warn(
                    line + below,
                    format!("`{}` would be sent as text", written.trim()),
                    "a new part begins with a line of exactly three dashes: ---",
                );
            }
            for tag in hashtags::in_line(written) {
                if let Some(hint) = hashtags::hard_to_read(tag, &frame.hashtags) {
                    report.warn(line + below, format!("screen readers cannot tell the words of {tag}"), hint);
                }
            }
        }
    }
}
