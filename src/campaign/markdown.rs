//! A post as the file staff could have written: what [`super::posts`] reads back to the same post.
//!
//! Only keys that say something other than their default are written. Every word of staff stands in double quotes with
//! escapes, so that no text can end the front matter or be taken for another kind of value.

use std::path::{Component, Path, PathBuf};

use chrono::SecondsFormat;

use crate::core::ids::PostId;
use crate::core::intake::{Keeper, free_id, is_queue_id};
use crate::core::post::{Late, Moment, Post, Readiness, Visibility, When};
use crate::core::schedule::Slot;

/// The folder for posts that the database owns: it sorts behind the others, as those posts stand behind them.
const ADDED: &str = "zz-added";

/// One post as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostFile {
    /// Relative to `posts/`.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// The id it will have; ids like `queue-3` are the database's own and become `from-queue-3`.
    pub id: PostId,
}

/// Posts as files under `posts/` of the campaign in `root`, in the order in which they take slots. Their pictures are
/// named as seen from there.
#[must_use]
pub fn post_files(root: &Path, posts: &[(&Post, Keeper)]) -> Vec<PostFile> {
    let place = |(at, (post, keeper)): (usize, &(&Post, Keeper))| match keeper {
        Keeper::File => own_path(&post.id),
        Keeper::Queue | Keeper::Row(_) => Path::new(ADDED).join(numbered(at, &post.id)),
    };
    let mut paths: Vec<PathBuf> = posts.iter().enumerate().map(place).collect();
    if !paths.is_sorted_by(|before, after| before < after) {
        // Slots are given in the order of paths: numbers keep it.
        paths = posts.iter().enumerate().map(|(at, (post, _))| numbered(at, &post.id)).collect();
    }
    paths.into_iter().zip(posts).map(|(path, (post, _))| file(root, path, post)).collect()
}

/// One post as the text of a file directly under `posts/` of the campaign in `root`, without an `id`: for an editor.
#[must_use]
pub fn post_text(root: &Path, post: &Post) -> String {
    let nameless = Post { id: PostId::new("post"), ..post.clone() };
    file(root, PathBuf::from("post.md"), &nameless).text
}

fn own_path(id: &PostId) -> PathBuf {
    let pieces: Vec<&str> = id.as_str().split('/').collect();
    let plain = |piece: &&str| {
        !piece.is_empty()
            && !piece.starts_with('.')
            && *piece != "media"
            && piece.len() <= 200
            && piece.chars().all(|c| c.is_alphanumeric() || ['-', '_', '.'].contains(&c))
    };
    if pieces.len() <= 8 && pieces.iter().all(plain) && !is_queue_id(id.as_str()) {
        PathBuf::from(format!("{id}.md"))
    } else {
        PathBuf::from(format!("{}.md", slug(id)))
    }
}

fn numbered(at: usize, id: &PostId) -> PathBuf {
    PathBuf::from(format!("{:06}-{}.md", at + 1, slug(id)))
}

fn slug(id: &PostId) -> String {
    let letters = id.as_str().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
    letters.take(60).collect()
}

fn file(root: &Path, path: PathBuf, post: &Post) -> PostFile {
    let id = free_id(&post.id);
    let folder = root.join("posts").join(path.parent().unwrap_or(Path::new("")));
    let own = path.with_extension("").to_string_lossy().into_owned();
    let mut text = String::from("---\n");
    let mut line = |key: &str, value: String| text.push_str(&format!("{key}: {value}\n"));
    if own != id.as_str() {
        line("id", quoted(id.as_str()));
    }
    match &post.when {
        When::At(moment) => line("at", moment_words(moment)),
        When::Every(slot) => line("every", every(slot)),
        When::Evergreen => line("evergreen", "true".to_owned()),
        When::NextSlot => {}
    }
    if !post.accounts.is_empty() {
        line("accounts", list(post.accounts.iter().map(|account| account.as_str())));
    }
    if let Some(topic) = &post.topic {
        line("topic", quoted(topic.as_str()));
    }
    if !post.facts.is_empty() {
        line("facts", list(post.facts.iter().map(|fact| fact.as_str())));
    }
    line("lang", quoted(post.lang.as_str()));
    if let Some(cw) = &post.cw {
        line("cw", quoted(cw));
    }
    if post.visibility != Visibility::Public {
        line("visibility", post.visibility.as_str().to_owned());
    }
    if let Some(expires) = &post.expires {
        line("expires", moment_words(expires));
    }
    if let Some(word) = readiness_word(post.readiness) {
        line("status", word.to_owned());
    }
    if let Some(word) = late_word(post.late) {
        line("late", word.to_owned());
    }
    order(post, &mut line);
    if !post.media.is_empty() {
        let items = post.media.iter().map(|media| {
            let shown = quoted(&seen_from(&folder, root, &media.file).to_string_lossy());
            format!("\n  - {{ file: {shown}, alt: {} }}", quoted(&media.alt))
        });
        line("media", items.collect());
    }
    if let Some(poll) = &post.poll {
        let options = list(poll.options.iter().map(String::as_str));
        line("poll", format!("{{ options: {options}, lasts: {} }}", duration(poll.lasts_seconds)));
    }
    text.push_str("---\n");
    text.push_str(&post.parts.join("\n---\n"));
    text.push('\n');
    PostFile { path, text, id }
}

/// The keys of repeats, of the place among waiting posts, and of other words.
fn order(post: &Post, line: &mut impl FnMut(&str, String)) {
    let repeat = &post.repeat;
    for (key, moment) in [("from", &repeat.from), ("until", &repeat.until)] {
        if let Some(moment) = moment {
            line(key, moment_words(moment));
        }
    }
    if let Some(times) = repeat.times {
        line("times", times.to_string());
    }
    if !repeat.skip.is_empty() {
        let skipped: Vec<String> = repeat.skip.iter().map(|time| super::spreadsheet::written(*time)).collect();
        line("skip", format!("[{}]", skipped.join(", ")));
    }
    if let Some(days) = repeat.cooldown_days {
        line("cooldown", format!("{days}d"));
    }
    if post.order.priority != 0 {
        line("priority", post.order.priority.to_string());
    }
    if let Some(slot) = post.order.slot {
        line("slot", super::spreadsheet::written(slot));
    }
    if let Some(author) = &post.author {
        line("author", quoted(author));
    }
    if !post.variants.is_empty() {
        let items = post.variants.iter().map(|variant| {
            let mut keys = Vec::new();
            if !variant.accounts.is_empty() {
                keys.push(format!("accounts: {}", list(variant.accounts.iter().map(|account| account.as_str()))));
            }
            if let Some(lang) = &variant.lang {
                keys.push(format!("lang: {}", quoted(lang.as_str())));
            }
            keys.push(match variant.parts.as_slice() {
                [only] => format!("text: {}", quoted(only)),
                several => format!("texts: {}", list(several.iter().map(String::as_str))),
            });
            format!("\n  - {{ {} }}", keys.join(", "))
        });
        line("variants", items.collect());
    }
}

/// A time as staff write it.
pub(super) fn moment_words(moment: &Moment) -> String {
    match moment {
        Moment::Local(local) => super::spreadsheet::written(*local),
        Moment::Instant(instant) => instant.to_rfc3339_opts(SecondsFormat::Secs, false),
    }
}

/// `None` for the default.
pub(super) fn readiness_word(readiness: Readiness) -> Option<&'static str> {
    match readiness {
        Readiness::Ready => None,
        Readiness::Review => Some("review"),
        Readiness::Draft => Some("draft"),
    }
}

/// `None` for the default.
pub(super) fn late_word(late: Late) -> Option<&'static str> {
    match late {
        Late::Send => None,
        Late::Hold => Some("hold"),
        Late::Skip => Some("skip"),
    }
}

fn every(slot: &Slot) -> String {
    if slot.is_cron() { format!("{{ cron: {} }}", quoted(slot.written())) } else { quoted(slot.written()) }
}

/// A length of time as staff write it.
pub(super) fn duration(seconds: i64) -> String {
    let mut rest = seconds.max(0);
    let mut words = String::new();
    for (unit, length) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] {
        if rest >= length {
            words.push_str(&format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    if words.is_empty() { "0s".to_owned() } else { words }
}

/// `path` as it is named from `folder`, when both lie in the campaign; else as it is.
pub(super) fn seen_from(folder: &Path, root: &Path, path: &Path) -> PathBuf {
    let (from, to) = (lexical(folder), lexical(path));
    if let Ok(below) = to.strip_prefix(&from) {
        return below.to_path_buf();
    }
    if !from.starts_with(lexical(root)) || !to.starts_with(lexical(root)) {
        return path.to_path_buf();
    }
    let shared = from.components().zip(to.components()).take_while(|(one, other)| one == other).count();
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(to.components().skip(shared)).collect()
}

/// Without `.` and `..`, as far as names alone can tell.
fn lexical(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for piece in path.components() {
        match piece {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            Component::Normal(_) | Component::RootDir | Component::Prefix(_) => plain.push(piece),
        }
    }
    plain
}

fn list<'a>(items: impl Iterator<Item = &'a str>) -> String {
    format!("[{}]", items.map(quoted).collect::<Vec<_>>().join(", "))
}

/// A YAML text in double quotes: signs that end a line or are not shown are escaped.
pub(super) fn quoted(text: &str) -> String {
    let mut shown = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => shown.push_str("\\\""),
            '\\' => shown.push_str("\\\\"),
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                shown.push_str(&format!("\\u{:04X}", u32::from(letter)));
            }
            hidden if hidden.is_control() => shown.push_str(&format!("\\u{:04X}", u32::from(hidden))),
            plain => shown.push(plain),
        }
    }
    shown.push('"');
    shown
}
