//! The poll of a post.

use chrono::Duration;

use super::finding::Report;
use super::tree::{Node, Section, text};
use crate::core::post::Poll;
use crate::core::schedule::parse_duration;

/// Reads `poll`; it stays open for a day unless it says `lasts`.
pub(crate) fn read(node: &Node, report: &mut Report) -> Option<Poll> {
    let mut section = Section::open(node, "a poll", report)?;
    let written = section.texts("options", report).unwrap_or_default();
    let mut options: Vec<String> = Vec::new();
    for option in written {
        // Mastodon: at most 50 characters each, no two alike.
        if option.text.chars().count() > 50 {
            report.warn(option.line, "a poll option has more than 50 characters; many servers refuse it", "");
        }
        if options.contains(&option.text) {
            report.error(option.line, format!("the poll option `{}` stands twice", option.text), "");
        } else {
            options.push(option.text);
        }
    }
    if options.len() < 2 {
        let hint = report.either(
            "write options: [\"Yes\", \"No\"]",
            "write the others into columns poll 2, poll 3, or all of them here, each on a line of its own",
        );
        report.error(section.line_of("options"), "a poll needs at least two options", hint);
    } else if options.len() > 4 {
        report.warn(section.line_of("options"), "a poll with more than four options is refused by many servers", "");
    }
    let mut lasts = Duration::days(1);
    if let Some(node) = section.take("lasts", report)
        && let Some(written) = text(node, "lasts", report)
    {
        match parse_duration(&written.text) {
            Ok(duration) => lasts = duration,
            Err(why) => report.error(written.line, why, ""),
        }
        // Mastodon: from five minutes to a month.
        if lasts < Duration::minutes(5) || lasts > Duration::days(30) {
            report.warn(written.line, "many servers take polls from five minutes to 30 days only", "");
        }
    }
    section.finish(report);
    Some(Poll { options, lasts_seconds: lasts.num_seconds() })
}
