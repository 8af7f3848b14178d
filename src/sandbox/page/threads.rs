//! Threads as HTML: newest first, answers below what they answer.

use chrono::{DateTime, Utc};

use crate::core::post::Visibility;
use crate::sandbox::html::escape;
use crate::sandbox::ids::StatusKey;
use crate::sandbox::state::{AccountRow, MediaRow, Part, State, StatusRow};

/// Threads on the page, and statuses looked at to find them.
const THREADS: usize = 60;
const LOOKED_AT: usize = 2_000;
/// Answers deeper than this are not indented further.
const DEEPEST: usize = 4;
/// Statuses offered to be answered.
const CHOICES: usize = 40;

/// All threads, the one with the newest status first.
pub(super) fn all(state: &State, now: DateTime<Utc>) -> String {
    let mut roots: Vec<StatusKey> = Vec::new();
    for key in state.order.iter().rev().take(LOOKED_AT) {
        let Some(row) = state.statuses.get(key) else { continue };
        // A boost shows as a mark on what it boosts.
        if row.reblog_of.is_some() || (row.deleted_at.is_some() && row.replies.is_empty()) {
            continue;
        }
        let root = root_of(state, row);
        if !roots.contains(&root) {
            roots.push(root);
            if roots.len() == THREADS {
                break;
            }
        }
    }
    if roots.is_empty() {
        return "<p class=\"empty\">Nothing here yet. Write something with the form, and see what answers.</p>"
            .to_owned();
    }
    let mut out = String::new();
    for root in roots {
        out.push_str("<li class=\"thread\"><ol>");
        // Depth first, oldest answer first.
        let mut open = vec![(root, 0)];
        while let Some((key, depth)) = open.pop() {
            let Some(row) = state.statuses.get(&key) else { continue };
            status(&mut out, state, row, depth, now);
            open.extend(row.replies.iter().rev().map(|reply| (*reply, depth + 1)));
        }
        out.push_str("</ol></li>");
    }
    format!("<ol class=\"threads\">{out}</ol>")
}

fn root_of(state: &State, row: &StatusRow) -> StatusKey {
    let mut root = row;
    while let Some(parent) = root.in_reply_to.and_then(|key| state.statuses.get(&key)) {
        root = parent;
    }
    root.key
}

fn status(out: &mut String, state: &State, row: &StatusRow, depth: usize, now: DateTime<Utc>) {
    let Some(author) = state.accounts.get(&row.author) else { return };
    let part = match author.part {
        Part::Campaign => "bot",
        Part::Follower => "person",
    };
    let depth = depth.min(DEEPEST);
    out.push_str(&format!(
        "<li class=\"d{depth}\"><article id=\"s-{0}\" class=\"{part}\" data-id=\"{0}\">",
        state.id(row.key)
    ));
    if row.deleted_at.is_some() {
        out.push_str("<p class=\"gone\">This status was deleted.</p></article></li>");
        return;
    }
    head(out, state, author, row, now);
    if row.warning.is_empty() {
        body(out, state, row);
    } else {
        out.push_str(&format!("<details><summary>Content warning: {}</summary>", escape(&row.warning)));
        body(out, state, row);
        out.push_str("</details>");
    }
    foot(out, state, author, row);
    out.push_str("</article></li>");
}

fn head(out: &mut String, state: &State, author: &AccountRow, row: &StatusRow, now: DateTime<Utc>) {
    let acct = escape(&state.acct(author));
    let initial = author.display_name.chars().next().unwrap_or('?').to_uppercase().to_string();
    let colour = acct.bytes().fold(0_usize, |sum, byte| (sum * 31 + usize::from(byte)) % 6);
    let badge = match author.part {
        Part::Campaign => "<span class=\"badge\">bot</span>",
        Part::Follower => "",
    };
    let answers =
        row.in_reply_to.and_then(|key| state.statuses.get(&key)).and_then(|parent| state.accounts.get(&parent.author));
    let answers = answers.map(|parent| format!(" <span class=\"to\">answers @{}</span>", escape(&state.acct(parent))));
    let seen_by = match row.visibility {
        Visibility::Public => "public",
        Visibility::Unlisted => "quiet public",
        Visibility::Private => "followers only",
        Visibility::Direct => "direct",
    };
    let format = if row.created_at.date_naive() == now.date_naive() { "%H:%M:%S" } else { "%a %-d %b %Y %H:%M" };
    let edited = if row.edited_at.is_some() { " · edited" } else { "" };
    out.push_str(&format!(
        "<header><span class=\"face c{colour}\" aria-hidden=\"true\">{}</span><div><strong>{}</strong> \
         <span class=\"acct\">@{acct}</span> {badge}{}<br><small><a href=\"#s-{}\"><time datetime=\"{}\">{} UTC</time></a> · {seen_by}{}{edited}</small></div></header>",
        escape(&initial),
        escape(&author.display_name),
        answers.unwrap_or_default(),
        state.id(row.key),
        row.created_at.to_rfc3339(),
        row.created_at.format(format),
        row.language.as_deref().map(|language| format!(" · {}", escape(language))).unwrap_or_default(),
    ));
}

fn body(out: &mut String, state: &State, row: &StatusRow) {
    let language =
        row.language.as_deref().map(|language| format!(" lang=\"{}\"", escape(language))).unwrap_or_default();
    // Made by `html::content`, which escapes all that was written.
    out.push_str(&format!("<div class=\"text\"{language}>{}</div>", row.html));
    for media in row.media.iter().filter_map(|key| state.media.get(key)) {
        picture(out, state, media);
    }
    if let Some(poll) = &row.poll {
        let options: String = poll.options.iter().map(|option| format!("<li>{}</li>", escape(option))).collect();
        out.push_str(&format!("<ul class=\"poll\" aria-label=\"Poll\">{options}</ul>"));
    }
}

fn picture(out: &mut String, state: &State, media: &MediaRow) {
    let (alt, caption) = match &media.description {
        Some(words) => (escape(words), format!("Alt text: {}", escape(words))),
        None => (String::new(), "No alt text.".to_owned()),
    };
    let shown = if media.mime.starts_with("image/") {
        format!("<img src=\"/media/{}\" alt=\"{alt}\" loading=\"lazy\">", state.id(media.key))
    } else {
        format!("<a href=\"/media/{}\">{}</a>", state.id(media.key), escape(&media.mime))
    };
    out.push_str(&format!("<figure>{shown}<figcaption>{caption}</figcaption></figure>"));
}

fn foot(out: &mut String, state: &State, author: &AccountRow, row: &StatusRow) {
    let mut marks = String::new();
    if !row.favourites.is_empty() {
        marks.push_str(&format!(" <span aria-label=\"favourites\">★ {}</span>", row.favourites.len()));
    }
    if !row.boosts.is_empty() {
        marks.push_str(&format!(" <span aria-label=\"boosts\">⟳ {}</span>", row.boosts.len()));
    }
    let acct = escape(&state.acct(author));
    out.push_str(&format!(
        "<footer><a class=\"answer\" href=\"/?reply={}#write\" data-acct=\"{acct}\">Answer<span class=\"quiet\"> @{acct}</span></a>{marks}</footer>",
        state.id(row.key)
    ));
}

/// Statuses to answer, as options of a list.
pub(super) fn choices(state: &State, chosen: Option<&str>) -> String {
    let newest = state.order.iter().rev().filter_map(|key| state.standing(*key)).filter(|row| row.reblog_of.is_none());
    let mut out = String::from("<option value=\"\">nobody, start a new thread</option>");
    for row in newest.take(CHOICES) {
        let acct = state.accounts.get(&row.author).map(|author| state.acct(author)).unwrap_or_default();
        let start: String = row.text.chars().take(48).collect();
        let key = state.id(row.key);
        let selected = if chosen == Some(key.as_str()) { " selected" } else { "" };
        out.push_str(&format!("<option value=\"{key}\"{selected}>@{}: {}</option>", escape(&acct), escape(&start)));
    }
    out
}
