//! Single times and lengths of time, as staff write them in posts and configuration.

use chrono::{DateTime, Duration, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};

use super::weekly::time_of_day;
use crate::core::post::Moment;

/// Reads `2026-11-27 09:00`, `2026-11-27T09:00`, either with seconds, or RFC 3339 with an offset or `Z`.
///
/// # Errors
/// What is wrong and what to write instead; a date that does not exist is explained.
pub fn parse_moment(written: &str) -> Result<Moment, String> {
    let trimmed = written.trim();
    let (date_text, rest) = trimmed.split_once(['T', 't', ' ']).unwrap_or((trimmed, ""));
    let date = date(date_text, trimmed)?;
    let rest = rest.trim();
    if rest.is_empty() {
        return Err(format!("`{trimmed}` names a day without a time; write `{date_text} 09:00`"));
    }
    let (clock, offset) = match rest.find(['Z', 'z', '+', '-']) {
        Some(place) => rest.split_at(place),
        None => (rest, ""),
    };
    // RFC 3339 allows fractions of a second; a post has no use for them.
    let whole = match clock.split_once('.') {
        Some((whole, fraction))
            if whole.len() == 8 && !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            whole
        }
        Some(_) | None => clock,
    };
    let time = time_of_day(whole.trim())?;
    let local = date.and_time(time);
    if offset.is_empty() {
        return Ok(Moment::Local(local));
    }
    let offset = offset_of(offset, trimmed)?;
    with_offset(local, offset)
        .map(Moment::Instant)
        .ok_or_else(|| format!("`{trimmed}` lies outside the calendar; write a time such as `2026-11-27 09:00`"))
}

fn with_offset(local: NaiveDateTime, offset: FixedOffset) -> Option<DateTime<FixedOffset>> {
    local.and_local_timezone(offset).single()
}

fn date(text: &str, whole: &str) -> Result<NaiveDate, String> {
    let fields: Vec<&str> = text.split('-').collect();
    let (year, month, day) = match fields.as_slice() {
        [year, month, day] if [(year, 4), (month, 2), (day, 2)].iter().all(|(field, width)| digits(field, *width)) => {
            (number(year), number(month), number(day))
        }
        _ => {
            return Err(format!(
                "`{whole}` is not a date and time; write year-month-day and a time, such as `2026-11-27 09:00`"
            ));
        }
    };
    let year_number = i32::try_from(year).unwrap_or(i32::MAX);
    if let Some(date) = NaiveDate::from_ymd_opt(year_number, month, day) {
        return Ok(date);
    }
    let Some(first) = NaiveDate::from_ymd_opt(year_number, month, 1) else {
        return Err(format!("`{text}` has month {month}; months run from 01 to 12, and stand between year and day"));
    };
    if day == 0 {
        return Err(format!("`{text}` has day 00; days begin with 01"));
    }
    let last = first.checked_add_months(chrono::Months::new(1)).and_then(|next| next.pred_opt()).unwrap_or(first);
    Err(format!(
        "`{text}` does not exist: {} ends on {}; write a day of that month",
        first.format("%B %Y"),
        last.format("%Y-%m-%d")
    ))
}

fn digits(field: &str, width: usize) -> bool {
    field.len() == width && field.bytes().all(|byte| byte.is_ascii_digit())
}

/// A run of at most four ASCII digits as a number.
fn number(digits: &str) -> u32 {
    digits.parse().unwrap_or_default()
}

fn offset_of(text: &str, whole: &str) -> Result<FixedOffset, String> {
    if text.eq_ignore_ascii_case("z") {
        return FixedOffset::east_opt(0).ok_or_else(|| format!("`{whole}` cannot be read"));
    }
    let wrong =
        || format!("`{text}` in `{whole}` is not an offset from UTC; write `Z`, or hours and minutes such as `-05:00`");
    let (sign, fields) = match text.split_at_checked(1) {
        Some(("+", fields)) => (1, fields),
        Some(("-", fields)) => (-1, fields),
        Some(_) | None => return Err(wrong()),
    };
    let clock: NaiveTime = match fields.split_once(':') {
        Some((hours, minutes)) if digits(hours, 2) && digits(minutes, 2) => {
            NaiveTime::from_hms_opt(number(hours), number(minutes), 0).ok_or_else(wrong)?
        }
        Some(_) | None => return Err(wrong()),
    };
    let seconds = i32::try_from(clock.signed_duration_since(NaiveTime::MIN).num_seconds()).unwrap_or_default();
    FixedOffset::east_opt(sign * seconds).ok_or_else(wrong)
}

/// Reads `90s`, `10m`, `24h`, `1d`, `2w` and sums such as `1h30m`.
///
/// # Errors
/// What is wrong and what to write instead; a length above ten years is taken for a slip.
pub fn parse_duration(written: &str) -> Result<Duration, String> {
    let trimmed = written.trim();
    let wrong = |what: &str| {
        format!("`{trimmed}` {what}; write a number and a unit, such as `90s`, `10m`, `24h`, `1d` or `1h30m`")
    };
    if trimmed.is_empty() {
        return Err("a length of time is empty; write a number and a unit, such as `10m`".to_owned());
    }
    let mut seconds: i64 = 0;
    let mut digits = String::new();
    let mut seen = String::new();
    for letter in trimmed.chars().filter(|letter| !letter.is_whitespace()) {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        let unit = match letter {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            _ => return Err(wrong("is not a length of time")),
        };
        if digits.is_empty() {
            return Err(wrong("has a unit without a number"));
        }
        if seen.contains(letter) {
            return Err(wrong("names a unit twice"));
        }
        seen.push(letter);
        let part = digits.parse::<i64>().ok().and_then(|count| count.checked_mul(unit));
        seconds = part
            .and_then(|part| seconds.checked_add(part))
            .filter(|sum| *sum <= 3_660 * 86_400)
            .ok_or_else(|| wrong("is more than ten years"))?;
        digits.clear();
    }
    if !digits.is_empty() {
        return Err(wrong("ends in a number without a unit"));
    }
    Ok(Duration::seconds(seconds))
}
