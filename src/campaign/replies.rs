//! `[replies]` of `config/watchpost.toml`: how we answer and how much. Every key has a default.

use chrono::Duration;

use super::Replies;
use super::finding::Report;
use super::tree::{Node, Section, Value};
use crate::core::budget::ReplyLimits;
use crate::core::compose::check_template;
use crate::core::schedule::parse_duration;

/// The template when staff write none.
pub(crate) const DEFAULT_TEMPLATE: &str = "{fact} ({source}, {as_of}) {link} {hashtags}";

impl Default for Replies {
    fn default() -> Self {
        Self {
            enabled: true,
            template: DEFAULT_TEMPLATE.to_owned(),
            max_age: Duration::hours(24),
            limits: ReplyLimits::default(),
        }
    }
}

/// Reads `[replies]`.
pub(crate) fn read(node: &Node, report: &mut Report) -> Replies {
    let mut replies = Replies::default();
    let Some(mut section) = Section::open(node, "[replies]", report) else {
        return replies;
    };
    if let Some(enabled) = section.flag("enabled", report) {
        replies.enabled = enabled;
    }
    if let Some(template) = section.text("template", report) {
        if let Err(why) = check_template(&template.text) {
            report.error(template.line, why, "");
        }
        replies.template = template.text;
    }
    if let Some(age) = section.text("max_age", report) {
        match parse_duration(&age.text) {
            Ok(age) => replies.max_age = age,
            Err(why) => report.error(age.line, why, ""),
        }
    }
    if let Some(node) = section.take("limits", report) {
        limits(node, &mut replies.limits, report);
    }
    section.finish(report);
    replies
}

fn limits(node: &Node, limits: &mut ReplyLimits, report: &mut Report) {
    let Some(mut section) = Section::open(node, "[replies.limits]", report) else {
        return;
    };
    if let Some(every) = limit(&mut section, "per_person_every", "a duration such as \"10m\"", read_duration, report) {
        limits.per_person_every = every;
    }
    for (key, place) in [
        ("per_person_per_day", &mut limits.per_person_per_day),
        ("per_thread_per_person", &mut limits.per_thread_per_person),
        ("per_thread", &mut limits.per_thread),
        ("per_account_per_hour", &mut limits.per_account_per_hour),
    ] {
        if let Some(count) = limit(&mut section, key, "a whole number such as 3", read_count, report) {
            *place = count;
        }
    }
    if let Some(share) =
        limit(&mut section, "share_of_allowance", "a number from 0 to 1 such as 0.33", read_share, report)
    {
        limits.share_of_allowance = share;
    }
    section.finish(report);
}

/// One limit: `Some(None)` is "unlimited", `None` is not written or wrong.
fn limit<T>(
    section: &mut Section<'_>,
    key: &'static str,
    kind: &str,
    read: fn(&Value) -> Option<T>,
    report: &mut Report,
) -> Option<Option<T>> {
    let node = section.take(key, report)?;
    if matches!(&node.value, Value::Text(word) if word.trim().eq_ignore_ascii_case("unlimited")) {
        return Some(None);
    }
    let value = read(&node.value);
    if value.is_none() {
        report.error(node.line, format!("`{key}` must be {kind}"), format!("write {kind}, or \"unlimited\""));
    }
    value.map(Some)
}

fn read_duration(value: &Value) -> Option<Duration> {
    match value {
        Value::Text(text) => parse_duration(text).ok(),
        Value::Nothing | Value::Flag(_) | Value::Number(_) | Value::Date(_) | Value::List(_) | Value::Table(_) => None,
    }
}

fn read_count(value: &Value) -> Option<u32> {
    match value {
        Value::Number(number) => number.parse().ok(),
        Value::Nothing | Value::Flag(_) | Value::Text(_) | Value::Date(_) | Value::List(_) | Value::Table(_) => None,
    }
}

fn read_share(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.parse().ok().filter(|share: &f64| (0.0..=1.0).contains(share)),
        Value::Nothing | Value::Flag(_) | Value::Text(_) | Value::Date(_) | Value::List(_) | Value::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::toml_tree;
    use super::*;

    fn check(text: &str) -> (Replies, Vec<String>) {
        let mut report = Report::new("f");
        let node = toml_tree::parse(text, &mut report).unwrap();
        let replies = read(&node, &mut report);
        (replies, report.into_findings().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn every_key_has_a_default_and_unlimited_means_it() {
        let (replies, found) = check("");
        assert_eq!(found, Vec::<String>::new());
        assert_eq!(replies.limits, ReplyLimits::default());
        let (replies, found) = check(
            "max_age = \"2d\"\n[limits]\nper_person_every = \"unlimited\"\nper_thread = \"unlimited\"\nper_account_per_hour = 7\nshare_of_allowance = 1\n",
        );
        assert_eq!(found, Vec::<String>::new());
        assert_eq!(replies.max_age, Duration::days(2));
        assert_eq!(replies.limits.per_person_every, None);
        assert_eq!(replies.limits.per_thread, None);
        assert_eq!(replies.limits.per_account_per_hour, Some(7));
        assert_eq!(replies.limits.share_of_allowance, Some(1.0));
    }

    #[test]
    fn wrong_limits_are_all_told() {
        let (_, found) = check(
            "[limits]\nper_person_every = 10\nper_person_per_day = \"3\"\nper_thread = -1\nper_account_per_hour = 1.5\nshare_of_allowance = 33\nper_day = 1\n",
        );
        assert_eq!(found.len(), 6, "{found:?}");
        assert_eq!(
            found[0],
            "f:2: error: `per_person_every` must be a duration such as \"10m\" — write a duration such as \"10m\", or \"unlimited\""
        );
        assert!(found[5].starts_with("f:7: error: `per_day` is not a key of [replies.limits]"), "{found:?}");
    }

    #[test]
    fn a_template_that_hides_the_source_is_refused() {
        let (_, found) = check("enabled = true\ntemplate = \"{fact} {link}\"\n");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("f:2: error: the template lacks `{source}` and `{as_of}`"), "{found:?}");
    }
}
