//! The keys of a post: when, where, what goes with it. Every key is optional (DESIGN §4).

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::accounts::slot;
use super::config::names;
use super::finding::{Report, did_you_mean};
use super::tree::{Node, Section, Value, Written};
use super::{media, poll, repeats, words};
use crate::core::approval::ApprovalRule;
use crate::core::ids::{AccountName, FactId, Lang, PostId, TopicId};
use crate::core::post::{DEFAULT_EXPIRY, Late, Moment, Post, Readiness, Visibility, When};
use crate::core::schedule::{Resolved, Shift, parse_moment};

/// The keys a post may have.
pub(crate) const KEYS: [&str; 24] = [
    "id",
    "author",
    "at",
    "every",
    "evergreen",
    "accounts",
    "topic",
    "facts",
    "lang",
    "cw",
    "visibility",
    "expires",
    "status",
    "late",
    "media",
    "poll",
    "from",
    "until",
    "skip",
    "times",
    "cooldown",
    "priority",
    "slot",
    "variants",
];

/// What posts are checked against. `None` or empty: not known, so not judged.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) root: PathBuf,
    pub(crate) now: DateTime<Utc>,
    pub(crate) zone: Option<Tz>,
    pub(crate) approval: ApprovalRule,
    pub(crate) languages: Vec<Lang>,
    pub(crate) hashtags: Vec<String>,
    pub(crate) accounts: Option<Vec<String>>,
    pub(crate) topics: Option<Vec<String>>,
    pub(crate) facts: Option<Vec<String>>,
}

/// A post with nothing but its place: ready, in the next free slot of every account.
fn blank(id: &str, frame: &Frame) -> Post {
    Post::new(
        PostId::new(id),
        When::NextSlot,
        frame.languages.first().cloned().unwrap_or_else(|| Lang::new("en")),
        Vec::new(),
    )
}

/// Reads the keys of a post; `node` is `None` without front matter. `own_id` is its path under `posts/` without
/// `.md`; `folder` is where its file stands, for relative media.
pub(crate) fn read(
    node: Option<&Node>,
    own_id: &str,
    folder: &Path,
    frame: &Frame,
    report: &mut Report,
) -> (Post, Lines) {
    let mut post = blank(own_id, frame);
    let mut lines = Lines::default();
    if let Some(mut section) = node.and_then(|node| Section::open(node, "a post", report)) {
        fill(&mut post, &mut section, folder, frame, report);
        let (variants, places) = repeats::variants(&post, &mut section, frame, report).into_iter().unzip();
        post.variants = variants;
        let own = ["at", "every", "evergreen", "slot"].into_iter().find(|key| section.has(key));
        lines = Lines { when: own.map(|key| section.line_of(key)), variants: places };
        section.finish(report);
    }
    if frame.approval == ApprovalRule::TwoPerson && post.author.is_none() && post.readiness != Readiness::Draft {
        report.warn(
            1,
            "it does not say who wrote it: with approval = \"two-person\" nobody can approve it",
            "add `author: NAME` above its text",
        );
    }
    (post, lines)
}

/// Where some of a post's keys stand, for findings about the whole campaign.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// Its time; `None`: it takes the next free slot.
    pub(crate) when: Option<usize>,
    /// Each of its variants.
    pub(crate) variants: Vec<usize>,
}

fn fill(post: &mut Post, section: &mut Section<'_>, folder: &Path, frame: &Frame, report: &mut Report) {
    if let Some(id) = section.text("id", report) {
        if id.text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            report.error(id.line, format!("the id `{}` is more than one word", id.text), "join the words with -");
        }
        post.id = PostId::new(id.text);
    }
    post.author = section.text("author", report).map(|author| author.text);
    post.when = when(section, report);
    post.repeat = repeats::repeat(&post.when, section, frame.zone, report);
    post.order = repeats::order(&post.when, section, frame.zone, report);
    if let Some(node) = section.take("accounts", report) {
        let named = names(node, "accounts", "account", frame.accounts.as_deref(), report);
        if matches!(&node.value, Value::List(items) if items.is_empty()) {
            report.error(node.line, "`accounts` names nobody", "name at least one, or leave the line out to mean all");
        }
        post.accounts = named.into_iter().map(AccountName::new).collect();
    }
    if let Some(topic) = section.text("topic", report) {
        if let Some(known) = &frame.topics
            && !known.contains(&topic.text)
        {
            let hint = did_you_mean(&topic.text, known.iter().map(String::as_str));
            report.error(topic.line, format!("no fact has the topic `{}`", topic.text), hint);
        }
        post.topic = Some(TopicId::new(topic.text));
    }
    if let Some(node) = section.take("facts", report) {
        let named = names(node, "facts", "fact", frame.facts.as_deref(), report);
        post.facts = named.into_iter().map(FactId::new).collect();
    }
    if let Some(lang) = section.text("lang", report) {
        match words::language(&lang.text) {
            Ok(known) => {
                tell_foreign(&known, lang.line, frame, report);
                post.lang = known;
            }
            Err(why) => why.tell(lang.line, report),
        }
    }
    post.cw = section.text("cw", report).map(|cw| cw.text);
    post.visibility = word(section, "visibility", &VISIBILITIES, report).unwrap_or(Visibility::Public);
    if post.visibility == Visibility::Direct {
        report.warn(section.line_of("visibility"), "a direct post is seen only by those it names", "");
    }
    post.expires = section.text("expires", report).and_then(|written| moment(&written, report));
    post.readiness = readiness(section, report);
    post.late = word(section, "late", &LATES, report).unwrap_or(Late::Send);
    post.media = section.take("media", report).map(|node| media::read(node, folder, report)).unwrap_or_default();
    post.poll = section.take("poll", report).and_then(|node| poll::read(node, report));
    if post.poll.is_some() && !post.media.is_empty() {
        report.error(
            section.line_of("poll"),
            "a post cannot have media and a poll",
            "put one of them into another post",
        );
    }
    tell_times(post, section, frame, report);
}

fn when(section: &mut Section<'_>, report: &mut Report) -> When {
    let at = section.text("at", report).and_then(|written| moment(&written, report));
    let every = section.take("every", report).and_then(|node| slot(node, "every", report));
    let evergreen = section.flag("evergreen", report) == Some(true);
    let meanings: Vec<&str> = [("at", section.has("at")), ("every", section.has("every")), ("evergreen", evergreen)]
        .into_iter()
        .filter_map(|(key, said)| said.then_some(key))
        .collect();
    if let [first, second, ..] = meanings.as_slice() {
        report.error(
            section.line_of(second),
            format!("`{first}` and `{second}` are two meanings of time"),
            "keep one; without any the post takes the next free slot",
        );
    }
    match (at, every, evergreen) {
        (Some(at), _, _) => When::At(at),
        (None, Some(every), _) => When::Every(every),
        (None, None, true) => When::Evergreen,
        (None, None, false) => When::NextSlot,
    }
}

/// A time, as its key holds it.
pub(crate) fn moment(written: &Written, report: &mut Report) -> Option<Moment> {
    match parse_moment(&written.text) {
        Ok(moment) => Some(moment),
        Err(why) => {
            report.error(written.line, why, "");
            None
        }
    }
}

const VISIBILITIES: [(&str, Visibility); 4] = [
    ("public", Visibility::Public),
    ("unlisted", Visibility::Unlisted),
    ("private", Visibility::Private),
    ("direct", Visibility::Direct),
];

const LATES: [(&str, Late); 3] = [("send", Late::Send), ("hold", Late::Hold), ("skip", Late::Skip)];

/// One of a few words.
fn word<T: Copy>(
    section: &mut Section<'_>,
    key: &'static str,
    known: &[(&'static str, T)],
    report: &mut Report,
) -> Option<T> {
    let written = section.text(key, report)?;
    let found = known.iter().find(|(word, _)| *word == written.text).map(|(_, value)| *value);
    if found.is_none() {
        let hint = did_you_mean(&written.text, known.iter().map(|(word, _)| *word));
        report.error(written.line, format!("`{key}` cannot be `{}`", written.text), hint);
    }
    found
}

fn readiness(section: &mut Section<'_>, report: &mut Report) -> Readiness {
    let known = [("ready", Readiness::Ready), ("draft", Readiness::Draft), ("review", Readiness::Review)];
    word(section, "status", &known, report).unwrap_or_default()
}

fn tell_foreign(lang: &Lang, line: usize, frame: &Frame, report: &mut Report) {
    let known = &frame.languages;
    if !known.is_empty() && !known.iter().any(|known| known.primary() == lang.primary()) {
        let all: Vec<&str> = known.iter().map(Lang::as_str).collect();
        report.warn(
            line,
            format!("`{lang}` is not a language of this campaign"),
            format!("its languages: {}", all.join(", ")),
        );
    }
}

/// What the times say: gaps, the past, the order of `at` and `expires`.
fn tell_times(post: &Post, section: &Section<'_>, frame: &Frame, report: &mut Report) {
    let Some(zone) = frame.zone else { return };
    let mut instant_of = |moment: Option<&Moment>, key: &str| {
        let moment = moment?;
        let Resolved { instant, shift } = moment.resolve(zone);
        if let Moment::Local(local) = moment {
            let written = local.format("%Y-%m-%d %H:%M");
            let line = section.line_of(key);
            match shift {
                Shift::None => {}
                Shift::Gap => report.warn(
                    line,
                    format!("{written} does not exist in {zone}: the clocks go forward"),
                    format!("it is taken for {}", instant.with_timezone(&zone).format("%Y-%m-%d %H:%M")),
                ),
                Shift::Overlap => report.warn(
                    line,
                    format!("{written} comes twice in {zone}: the clocks go back"),
                    format!(
                        "the first is meant; for the second write its offset: {}",
                        (instant + chrono::Duration::hours(1)).with_timezone(&zone).to_rfc3339()
                    ),
                ),
            }
        }
        Some(instant)
    };
    let pinned = post.order.slot.map(Moment::Local);
    let at = match &post.when {
        When::At(moment) => instant_of(Some(moment), "at"),
        When::NextSlot => instant_of(pinned.as_ref(), "slot"),
        When::Every(_) | When::Evergreen => None,
    };
    instant_of(post.repeat.from.as_ref(), "from");
    let until = instant_of(post.repeat.until.as_ref(), "until");
    let expires = instant_of(post.expires.as_ref(), "expires");
    if let (Some(at), Some(expires)) = (at, expires)
        && expires <= at
    {
        let hint = if pinned.is_some() { "set `expires` after `slot`" } else { "set `expires` after `at`" };
        report.error(section.line_of("expires"), "the post expires before its time comes", hint);
        return;
    }
    if until.is_some_and(|until| until <= frame.now) {
        let hint = "set a later `until`, or leave it as a record";
        report.warn(section.line_of("until"), "the post has ended: it will not go out any more", hint);
    }
    let ends = expires.or_else(|| at.map(|at| at + DEFAULT_EXPIRY));
    let line = section.line_of(if at.is_none() {
        "expires"
    } else if pinned.is_some() {
        "slot"
    } else {
        "at"
    });
    if ends.is_some_and(|ends| ends <= frame.now) {
        report.warn(
            line,
            "the post has expired: it will not go out any more",
            "set a new time, or leave it as a record",
        );
    } else if at.is_some_and(|at| at < frame.now) {
        report.warn(line, "the post's time has passed: unless it was sent, it goes out late", "");
    }
}
