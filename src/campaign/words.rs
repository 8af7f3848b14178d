//! The small words staff write as values: dates of sources, days, language codes. Times and durations are read by
//! [`crate::core::schedule`].
//!
//! Each reader answers with the value or with what is wrong and what to write instead.

use chrono::NaiveDate;

use super::finding::Report;
use crate::core::fact::AsOf;
use crate::core::ids::Lang;

/// Why a word could not be read: the sentence, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Misread {
    pub(crate) message: String,
    pub(crate) hint: &'static str,
}

impl Misread {
    fn new(message: impl Into<String>, hint: &'static str) -> Self {
        Self { message: message.into(), hint }
    }

    /// Says it as an error of this line.
    pub(crate) fn tell(self, line: usize, report: &mut Report) {
        report.error(line, self.message, self.hint);
    }
}

enum NotADay {
    Shape,
    NoSuchDay,
}

/// `2026-11-27`, with exactly four digits of year, so that `26-11-27` does not mean the year 26.
fn calendar_day(text: &str) -> Result<NaiveDate, NotADay> {
    let mut parts = text.split('-');
    let (Some(year), Some(month), Some(day), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(NotADay::Shape);
    };
    let digits = |part: &str, count: usize| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
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
    let digits = |part: &str, count: usize| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    if digits(text, 4) {
        return text.parse().ok().map(AsOf::Year).ok_or_else(wrong);
    }
    if let Some((year, month)) = text.split_once('-')
        && digits(year, 4)
        && digits(month, 2)
    {
        return match (year.parse(), month.parse()) {
            (Ok(year), Ok(month @ 1..=12)) => Ok(AsOf::Month(year, month)),
            _ => Err(Misread::new(format!("there is no month {text}"), AS_OF_HINT)),
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
        && parts.all(|part| (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
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
    fn a_source_date_is_as_precise_as_it_is_written() {
        assert_eq!(as_of("2021"), Ok(AsOf::Year(2021)));
        assert_eq!(as_of("2022-07"), Ok(AsOf::Month(2022, 7)));
        assert_eq!(as_of("2022-07-18"), Ok(AsOf::Day(NaiveDate::from_ymd_opt(2022, 7, 18).unwrap())));
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
