//! Cron expressions for times the weekly grammar cannot say, through the `cron` crate with its traps closed
//! (SERVERS.md §4): it is asked in local naive time labelled UTC, so that it never meets a gap or an overlap; weekdays
//! are read here, because its 1 is Sunday and it refuses ranges over the end of the week.

use std::str::FromStr;

use chrono::{DateTime, Duration, NaiveDateTime, Weekday};
use cron::Schedule;

use super::weekly::Days;

/// The fields of a full expression: name, and what to write there.
const FIELDS: [(&str, &str); 7] = [
    ("second", "0 to 59"),
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31 or `*`"),
    ("month", "1 to 12, `Jan` to `Dec`, or `*`"),
    ("weekday", "`Mon,Thu`, `Mon-Fri` or `*`"),
    ("year", "1970 to 2100 or `*`"),
];

/// An expression in which every field fits, for trying one field at a time.
const ANYTHING: [&str; 7] = ["0", "*", "*", "*", "*", "*", "*"];

/// Reads five, six or seven fields.
pub(super) fn parse(written: &str) -> Result<Schedule, String> {
    let written = written.trim();
    let given: Vec<&str> = written.split_whitespace().collect();
    let mut fields: Vec<String> = Vec::with_capacity(7);
    match given.len() {
        5 => fields.push("0".to_owned()),
        6 | 7 => {}
        count => {
            return Err(format!(
                "`{written}` has {count} {}; write five, `minute hour day month weekday`, such as `30 17 * * Tue,Thu`, or six with the seconds first",
                if count == 1 { "field" } else { "fields" },
            ));
        }
    }
    fields.extend(given.iter().map(|field| (*field).to_owned()));
    if fields.first().is_some_and(|seconds| seconds == "*") {
        return Err(format!("`{written}` would come round every second; write `0` as its first field"));
    }
    if let Some(weekdays) = fields.get_mut(5) {
        *weekdays = weekdays_by_name(weekdays, written)?;
    }
    for (place, (field, (name, range))) in fields.iter().zip(FIELDS).enumerate() {
        let mut probe = ANYTHING;
        if let Some(slot) = probe.get_mut(place) {
            *slot = field;
        }
        if Schedule::from_str(&probe.join(" ")).is_err() {
            return Err(format!("`{field}` in `{written}` is not a {name}; write {range}"));
        }
    }
    let schedule = Schedule::from_str(&fields.join(" "))
        .ok()
        .ok_or_else(|| format!("`{written}` is not a cron expression; write one such as `30 17 * * Tue,Thu`"))?;
    let beginning = DateTime::UNIX_EPOCH - Duration::seconds(1);
    if schedule.after(&beginning).next().is_none() {
        return Err(format!(
            "`{written}` never comes round; look at its day of the month, month and year, such as 31 in a month of 30 days"
        ));
    }
    Ok(schedule)
}

/// Rewrites the weekday field as the list of names the `cron` crate reads the same way as we do.
fn weekdays_by_name(field: &str, written: &str) -> Result<String, String> {
    if field == "*" || field == "?" {
        return Ok("*".to_owned());
    }
    if field.len() == 4 && field.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("`{written}` has a year but no seconds; write `0 {written}`"));
    }
    if field.contains(|letter: char| letter.is_ascii_digit()) {
        return Err(format!(
            "`{field}` in `{written}` gives weekdays by number, which cron programs count differently (1 is Sunday here, Monday elsewhere); write names, such as `Mon,Thu` or `Mon-Fri`"
        ));
    }
    let days = Days::parse_list(field).map_err(|problem| format!("the weekday field of `{written}`: {problem}"))?;
    let names: Vec<&str> = days
        .iter()
        .map(|day| match day {
            Weekday::Mon => "Mon",
            Weekday::Tue => "Tue",
            Weekday::Wed => "Wed",
            Weekday::Thu => "Thu",
            Weekday::Fri => "Fri",
            Weekday::Sat => "Sat",
            Weekday::Sun => "Sun",
        })
        .collect();
    Ok(names.join(","))
}

/// Its nominal times with `from ≤ time < until`, in order.
pub(super) fn times(
    schedule: &Schedule,
    from: NaiveDateTime,
    until: NaiveDateTime,
) -> impl Iterator<Item = NaiveDateTime> + '_ {
    // The crate answers with times strictly after the one it is given, in whole seconds.
    let before = from.checked_sub_signed(Duration::seconds(1)).unwrap_or(from).and_utc();
    schedule
        .after(&before)
        .map(|time| time.naive_utc())
        .skip_while(move |time| *time < from)
        .take_while(move |time| *time < until)
}
