//! The small words staff write as values: durations, times, dates of sources, language codes.
//!
//! Each reader answers with the value or with what is wrong and what to write instead.

use chrono::{DateTime, Datelike, Duration, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};

use crate::core::fact::AsOf;
use crate::core::ids::Lang;
use crate::core::post::Moment;

/// Why a word could not be read: the sentence, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Misread {
    pub(crate) message: String,
    pub(crate) hint: &'static str,
}

impl Misread {
    fn new(message: impl Into<String>, hint: &'static str) -> Self {
        Self {
            message: message.into(),
            hint,
        }
    }
}

const DURATION_HINT: &str =
    "write a number and a unit: \"90s\", \"10m\", \"24h\", \"7d\" or \"2w\"";

/// `10m`, `24h`, `7d`, `1h30m`; more than nothing and at most ten years.
pub(crate) fn duration(written: &str) -> Result<Duration, Misread> {
    let wrong = || Misread::new(format!("`{written}` is not a duration"), DURATION_HINT);
    let mut seconds: i64 = 0;
    let mut digits = String::new();
    for letter in written.trim().chars() {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        let unit: i64 = match letter {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return Err(wrong()),
        };
        let Ok(count) = digits.parse::<i64>() else {
            return Err(wrong());
        };
        digits.clear();
        seconds = count
            .checked_mul(unit)
            .and_then(|part| seconds.checked_add(part))
            .filter(|sum| *sum <= 10 * 366 * 86_400)
            .ok_or_else(wrong)?;
    }
    if !digits.is_empty() || seconds == 0 {
        return Err(wrong());
    }
    Ok(Duration::seconds(seconds))
}

const MOMENT_HINT: &str =
    "write it as 2026-11-27 09:00, or with an offset as 2026-11-27T09:00:00-05:00";

/// `2026-11-27 09:00`, `2026-11-27 09:00:30`, or RFC 3339 with its own offset.
pub(crate) fn moment(written: &str) -> Result<Moment, Misread> {
    let text = written.trim();
    let (day, rest) = text
        .split_once([' ', 'T', 't'])
        .map_or((text, ""), |(day, rest)| (day, rest.trim()));
    let day = calendar_day(day).map_err(|why| match why {
        NotADay::Shape => Misread::new(format!("`{written}` is not a time"), MOMENT_HINT),
        NotADay::NoSuchDay => Misread::new(
            format!("there is no day {day}"),
            "look at a calendar: the month may be shorter",
        ),
    })?;
    if !(2000..=2200).contains(&day.year()) {
        return Err(Misread::new(
            format!("`{written}` lies outside the years 2000 to 2200"),
            MOMENT_HINT,
        ));
    }
    if rest.is_empty() {
        return Err(Misread::new(
            format!("`{written}` has no time of day"),
            "add one: 2026-11-27 09:00",
        ));
    }
    if let Some(time) = time_of_day(rest) {
        return Ok(Moment::Local(NaiveDateTime::new(day, time)));
    }
    if let Some(instant) = with_offset(day, rest) {
        return Ok(Moment::Instant(instant));
    }
    let message = format!("`{rest}` is not a time of day");
    let lower = rest.to_ascii_lowercase();
    if lower.contains("am") || lower.contains("pm") {
        return Err(Misread::new(message, "write it in 24 hours: 9 pm is 21:00"));
    }
    if lower.starts_with("24:") {
        return Err(Misread::new(message, "midnight is 00:00 of the next day"));
    }
    if rest.contains(char::is_alphabetic) {
        return Err(Misread::new(
            message,
            "times are in the campaign's zone; for another write an offset: 2026-11-27T09:00:00-05:00",
        ));
    }
    Err(Misread::new(message, MOMENT_HINT))
}

fn time_of_day(text: &str) -> Option<NaiveTime> {
    NaiveTime::parse_from_str(text, "%H:%M")
        .or_else(|_| NaiveTime::parse_from_str(text, "%H:%M:%S"))
        .ok()
}

fn with_offset(day: NaiveDate, rest: &str) -> Option<DateTime<FixedOffset>> {
    let rest = rest.replace(['z', 'Z'], "+00:00");
    let text = format!("{}T{rest}", day.format("%Y-%m-%d"));
    DateTime::parse_from_rfc3339(&text)
        .or_else(|_| DateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M%:z"))
        .ok()
}

enum NotADay {
    Shape,
    NoSuchDay,
}

/// `2026-11-27`, with exactly four digits of year, so that `26-11-27` does not mean the year 26.
fn calendar_day(text: &str) -> Result<NaiveDate, NotADay> {
    let mut parts = text.split('-');
    let (Some(year), Some(month), Some(day), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(NotADay::Shape);
    };
    let digits = |part: &str, count: usize| {
        part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !digits(year, 4) || !digits(month, 2) || !digits(day, 2) {
        return Err(NotADay::Shape);
    }
    let (Ok(year), Ok(month), Ok(day)) = (year.parse(), month.parse(), day.parse()) else {
        return Err(NotADay::Shape);
    };
    NaiveDate::from_ymd_opt(year, month, day).ok_or(NotADay::NoSuchDay)
}

const AS_OF_HINT: &str = "write \"2021\", \"2022-07\" or \"2022-07-18\", as exactly as it is known";

/// `2021`, `2022-07` or `2022-07-18`.
pub(crate) fn as_of(written: &str) -> Result<AsOf, Misread> {
    let text = written.trim();
    let wrong = || Misread::new(format!("`{written}` is not a date"), AS_OF_HINT);
    let digits = |part: &str, count: usize| {
        part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if digits(text, 4) {
        return text.parse().ok().map(AsOf::Year).ok_or_else(wrong);
    }
    if let Some((year, month)) = text.split_once('-')
        && digits(year, 4)
        && digits(month, 2)
    {
        return match (year.parse(), month.parse()) {
            (Ok(year), Ok(month @ 1..=12)) => Ok(AsOf::Month(year, month)),
            _ => Err(Misread::new(
                format!("there is no month {text}"),
                AS_OF_HINT,
            )),
        };
    }
    match calendar_day(text) {
        Ok(day) => Ok(AsOf::Day(day)),
        Err(NotADay::Shape) => Err(wrong()),
        Err(NotADay::NoSuchDay) => Err(Misread::new(format!("there is no day {text}"), AS_OF_HINT)),
    }
}

/// A day: `2027-06-30`.
pub(crate) fn day(written: &str) -> Result<NaiveDate, Misread> {
    let hint = "write a day: 2027-06-30";
    calendar_day(written.trim()).map_err(|why| match why {
        NotADay::Shape => Misread::new(format!("`{written}` is not a day"), hint),
        NotADay::NoSuchDay => Misread::new(format!("there is no day {written}"), hint),
    })
}

/// A language code: `en`, `es`, `pt-BR`.
pub(crate) fn language(written: &str) -> Result<Lang, Misread> {
    let mut parts = written.split('-');
    let first = parts.next().unwrap_or_default();
    let good = (2..=3).contains(&first.len())
        && first.bytes().all(|byte| byte.is_ascii_lowercase())
        && parts.all(|part| {
            (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
    if good {
        Ok(Lang::new(written))
    } else {
        Err(Misread::new(
            format!("`{written}` is not a language code"),
            "write a code of two or three small letters: \"en\", \"es\"",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_number_and_a_unit() {
        for (written, seconds) in [
            ("10m", 600),
            ("24h", 86_400),
            ("7d", 604_800),
            ("90s", 90),
            ("1h30m", 5_400),
            ("2w", 1_209_600),
        ] {
            assert_eq!(
                duration(written),
                Ok(Duration::seconds(seconds)),
                "{written}"
            );
        }
        for written in [
            "",
            "10",
            "m",
            "10 minutes",
            "-1h",
            "0m",
            "1.5h",
            "99999999999999999999d",
            "9999w",
        ] {
            assert_eq!(
                duration(written).unwrap_err().hint,
                DURATION_HINT,
                "{written}"
            );
        }
    }

    #[test]
    fn times_are_local_unless_they_carry_an_offset() {
        let local = |text: &str| {
            Moment::Local(NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap())
        };
        let instant = |text: &str| Moment::Instant(DateTime::parse_from_rfc3339(text).unwrap());
        for (written, expected) in [
            ("2026-11-27 09:00", local("2026-11-27 09:00:00")),
            ("2026-11-27T09:00", local("2026-11-27 09:00:00")),
            ("2026-11-27  9:05", local("2026-11-27 09:05:00")),
            ("2026-11-27 09:00:30", local("2026-11-27 09:00:30")),
            (
                "2026-11-27T09:00:00-05:00",
                instant("2026-11-27T09:00:00-05:00"),
            ),
            ("2026-11-27 09:00:00Z", instant("2026-11-27T09:00:00Z")),
            (
                "2026-11-27T09:00+01:00",
                instant("2026-11-27T09:00:00+01:00"),
            ),
        ] {
            assert_eq!(moment(written), Ok(expected), "{written}");
        }
    }

    #[test]
    fn a_wrong_time_says_what_is_wrong_with_it() {
        for (written, message) in [
            ("2026-11-27", "`2026-11-27` has no time of day"),
            ("2026-02-30 09:00", "there is no day 2026-02-30"),
            ("2026-13-01 09:00", "there is no day 2026-13-01"),
            ("27.11.2026 09:00", "`27.11.2026 09:00` is not a time"),
            ("26-11-27 09:00", "`26-11-27 09:00` is not a time"),
            ("2026-11-27 9 pm", "`9 pm` is not a time of day"),
            ("2026-11-27 25:00", "`25:00` is not a time of day"),
            ("2026-11-27 24:00", "`24:00` is not a time of day"),
            ("2026-11-27 09:00 EST", "`09:00 EST` is not a time of day"),
            (
                "1026-11-27 09:00",
                "`1026-11-27 09:00` lies outside the years 2000 to 2200",
            ),
            ("tomorrow", "`tomorrow` is not a time"),
        ] {
            assert_eq!(moment(written).unwrap_err().message, message);
        }
    }

    #[test]
    fn a_source_date_is_as_precise_as_it_is_written() {
        assert_eq!(as_of("2021"), Ok(AsOf::Year(2021)));
        assert_eq!(as_of("2022-07"), Ok(AsOf::Month(2022, 7)));
        assert_eq!(
            as_of("2022-07-18"),
            Ok(AsOf::Day(NaiveDate::from_ymd_opt(2022, 7, 18).unwrap()))
        );
        for written in ["July 2022", "22", "2022-7", "2022-13", "2022-02-30", ""] {
            assert_eq!(as_of(written).unwrap_err().hint, AS_OF_HINT, "{written}");
        }
    }

    #[test]
    fn language_codes_are_small_letters_with_an_optional_region() {
        for good in ["en", "es", "pt-BR", "zh-Hant", "nah"] {
            assert_eq!(language(good), Ok(Lang::new(good)));
        }
        for bad in ["EN", "english", "e", "", "en_US", "en-"] {
            assert!(language(bad).is_err(), "{bad}");
        }
    }
}
