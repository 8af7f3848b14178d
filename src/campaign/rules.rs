//! The rules of `[campaign]` and `[[accounts]]` that keep accounts silent: start, end, days off, blackouts, quiet hours,
//! caps, spacing, jitter, stagger. Without a key its rule is off.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;

use super::finding::Report;
use super::tree::{Node, Section, Value, Written};
use super::words;
use crate::core::post::Moment;
use crate::core::rules::{LONGEST, Rules};
use crate::core::schedule::{parse_duration, parse_moment, parse_time};

/// Reads the keys of `[campaign]` that are about silence.
pub(crate) fn of_campaign(section: &mut Section<'_>, zone: Option<Tz>, report: &mut Report) -> Rules {
    let mut rules = Rules::default();
    if let Some(written) = dated(section, "starts", report) {
        rules.starts = edge(&written, Edge::First, report);
    }
    if let Some(written) = dated(section, "ends", report) {
        rules.ends = edge(&written, Edge::Last, report);
    }
    if let (Some(starts), Some(ends), Some(zone)) = (rules.starts, rules.ends, zone)
        && ends.resolve(zone).instant <= starts.resolve(zone).instant
    {
        report.error(section.line_of("ends"), "the campaign ends before it starts", "set `ends` after `starts`");
    }
    rules.days_off = list(section, "days_off", report).iter().filter_map(|written| days(written, report)).collect();
    rules.blackouts =
        list(section, "blackouts", report).iter().filter_map(|written| blackout(written, zone, report)).collect();
    rules.quiet = list(section, "quiet", report).iter().filter_map(|written| quiet(written, report)).collect();
    rules.same_text_cap = cap(section, "same_text_cap", report).flatten();
    pace(section, &mut rules, report);
    rules
}

/// Reads the keys of `[[accounts]]` that stand in place of the campaign's.
pub(crate) fn of_account(section: &mut Section<'_>, campaign: &Rules, report: &mut Report) -> Rules {
    let mut rules = campaign.clone();
    pace(section, &mut rules, report);
    rules
}

/// Says when nothing will be said any more.
pub(crate) fn tell_ended(rules: &Rules, line: usize, zone: Tz, now: DateTime<Utc>, report: &mut Report) {
    if rules.ends.is_some_and(|ends| ends.resolve(zone).instant <= now) {
        report.warn(line, "the campaign has ended: no slot is used any more", "set a later `ends`, or remove it");
    }
}

/// What campaign and accounts both may say.
fn pace(section: &mut Section<'_>, rules: &mut Rules, report: &mut Report) {
    if let Some(cap) = cap(section, "daily_cap", report) {
        rules.daily_cap = cap;
    }
    for (key, place) in
        [("min_spacing", &mut rules.min_spacing), ("jitter", &mut rules.jitter), ("stagger", &mut rules.stagger)]
    {
        let Some(written) = section.text(key, report) else { continue };
        match parse_duration(&written.text) {
            Ok(length) if length <= LONGEST => *place = length,
            Ok(_) => report.error(written.line, format!("`{key}` is longer than a day"), "write 24h or less"),
            Err(why) => report.error(written.line, why, ""),
        }
    }
}

/// `Some(None)` is "unlimited", `None` is not written or wrong.
fn cap(section: &mut Section<'_>, key: &'static str, report: &mut Report) -> Option<Option<u32>> {
    const HINT: &str = "write a whole number from 1, or \"unlimited\"";
    let node = section.take(key, report)?;
    match &node.value {
        Value::Text(word) if word.trim().eq_ignore_ascii_case("unlimited") => return Some(None),
        Value::Number(number) => {
            if let Some(count) = number.parse::<u32>().ok().filter(|count| *count > 0) {
                return Some(Some(count));
            }
            report.error(node.line, format!("`{key}` cannot be {number}"), HINT);
        }
        Value::Nothing | Value::Flag(_) | Value::Text(_) | Value::Date(_) | Value::List(_) | Value::Table(_) => {
            report.error(node.line, format!("`{key}` must be a number, not {}", node.value.kind()), HINT);
        }
    }
    None
}

/// A text or a TOML date, as written.
fn dated_text(node: &Node, key: &str, report: &mut Report) -> Option<Written> {
    match &node.value {
        Value::Date(text) => Some(Written { text: text.clone(), line: node.line }),
        Value::Nothing | Value::Flag(_) | Value::Number(_) | Value::Text(_) | Value::List(_) | Value::Table(_) => {
            super::tree::text(node, key, report)
        }
    }
}

fn dated(section: &mut Section<'_>, key: &'static str, report: &mut Report) -> Option<Written> {
    let node = section.take(key, report)?;
    dated_text(node, key, report)
}

/// A list of texts or dates; one alone counts as a list of one.
fn list(section: &mut Section<'_>, key: &'static str, report: &mut Report) -> Vec<Written> {
    match section.take(key, report) {
        None => Vec::new(),
        Some(node) => match &node.value {
            Value::List(items) => items.iter().filter_map(|item| dated_text(item, key, report)).collect(),
            Value::Nothing | Value::Flag(_) | Value::Number(_) | Value::Text(_) | Value::Date(_) | Value::Table(_) => {
                dated_text(node, key, report).into_iter().collect()
            }
        },
    }
}

#[derive(Clone, Copy)]
enum Edge {
    First,
    Last,
}

/// The campaign's first or last moment; a day alone is meant from its beginning, or to its end.
fn edge(written: &Written, edge: Edge, report: &mut Report) -> Option<Moment> {
    if let Ok(day) = words::day(&written.text) {
        let day = match edge {
            Edge::First => day,
            Edge::Last => day.succ_opt().unwrap_or(day),
        };
        return Some(Moment::Local(day.and_time(NaiveTime::MIN)));
    }
    told(parse_moment(&written.text), written, report)
}

fn told<T>(read: Result<T, String>, written: &Written, report: &mut Report) -> Option<T> {
    match read {
        Ok(value) => Some(value),
        Err(why) => {
            report.error(written.line, why, "");
            None
        }
    }
}

/// `2026-12-25`, or `2026-12-24/2026-12-26`.
fn days(written: &Written, report: &mut Report) -> Option<(NaiveDate, NaiveDate)> {
    let (first, last) = written.text.split_once('/').unwrap_or((&written.text, &written.text));
    let mut read = |text: &str| match words::day(text) {
        Ok(day) => Some(day),
        Err(why) => {
            let hint = "write a day: \"2026-12-25\", or its first and last: \"2026-12-24/2026-12-26\"";
            report.error(written.line, why.message, hint);
            None
        }
    };
    let first = read(first)?;
    let last = read(last)?;
    if last < first {
        report.error(written.line, format!("`{}` ends before it begins", written.text), "write the first day first");
        return None;
    }
    Some((first, last))
}

/// `2026-12-31 18:00/2027-01-01 12:00`.
fn blackout(written: &Written, zone: Option<Tz>, report: &mut Report) -> Option<(Moment, Moment)> {
    let Some((from, until)) = written.text.split_once('/') else {
        report.error(
            written.line,
            format!("`{}` has no end", written.text),
            "write \"2026-12-31 18:00/2027-01-01 12:00\"; for whole days use `days_off`",
        );
        return None;
    };
    let from = told(parse_moment(from), written, report);
    let until = told(parse_moment(until), written, report);
    let (from, until) = (from?, until?);
    if zone.is_some_and(|zone| until.resolve(zone).instant <= from.resolve(zone).instant) {
        report.error(written.line, format!("`{}` ends before it begins", written.text), "write the earlier time first");
        return None;
    }
    Some((from, until))
}

/// `22:00-07:00`.
fn quiet(written: &Written, report: &mut Report) -> Option<(NaiveTime, NaiveTime)> {
    let text = written.text.replace(['–', '—'], "-");
    let Some((from, until)) = text.split_once('-') else {
        report.error(written.line, format!("`{}` has no end", written.text), "write \"22:00-07:00\"");
        return None;
    };
    let from = told(parse_time(from.trim()), written, report);
    let until = told(parse_time(until.trim()), written, report);
    let (from, until) = (from?, until?);
    if from == until {
        let hint = "write two times, such as \"22:00-07:00\"; to stop sending use `watchpost pause`";
        report.error(written.line, format!("`{}` begins and ends at one time", written.text), hint);
        return None;
    }
    Some((from, until))
}
