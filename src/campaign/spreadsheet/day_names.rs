//! Days written with the name of their month, and perhaps of the day of the week, which must then be theirs.

use chrono::{Datelike, Locale, NaiveDate, Weekday};

use super::dates::DATE_HINT;
use super::words::{Words, fold};
use crate::campaign::words::Misread;

/// Languages whose names of months are understood.
const NAMES: [Locale; 7] =
    [Locale::en_US, Locale::es_ES, Locale::de_DE, Locale::fr_FR, Locale::pt_PT, Locale::it_IT, Locale::nl_NL];

/// `27 Nov 2026`, `November 27, 2026`, `viernes, 27 de noviembre de 2026`. `None` when no month is named.
pub(super) fn with_month_name(day: &str, words: &Words) -> Option<Result<NaiveDate, Misread>> {
    let folded = fold(day);
    let (mut month, mut year, mut date, mut strange) = (None, None, None, false);
    let mut weekdays = None;
    for word in folded.split(' ') {
        let letters = word.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = word.strip_suffix(letters).unwrap_or_default();
        if !digits.is_empty() {
            match digits.len() {
                4 if year.is_none() => year = digits.parse::<i32>().ok(),
                1 | 2 if date.is_none() => date = digits.parse::<u32>().ok(),
                2 if year.is_none() => year = digits.parse::<i32>().ok().map(|short| 2000 + short),
                _ => strange = true,
            }
        } else if let Some(known) = month_named(word) {
            strange |= month.replace(known).is_some();
        } else if !words.beside.contains(word) {
            // Short names may mean several: `mar` is Tuesday in Spanish and Italian.
            let called = weekdays_named(word);
            strange |= called.is_empty();
            weekdays = weekdays.or(Some(called)).filter(|called: &Vec<Weekday>| !called.is_empty());
        }
    }
    let month = month?;
    let found = match (year, date, strange) {
        (Some(year), Some(date), false) => NaiveDate::from_ymd_opt(year, month, date),
        _ => None,
    };
    Some(match (found, weekdays) {
        (None, _) => Err(Misread { message: format!("`{day}` is not a date"), hint: DATE_HINT }),
        (Some(date), Some(named)) if !named.contains(&date.weekday()) => Err(Misread {
            message: format!("`{day}` is a {}", date.format_localized("%A", Locale::en_US)),
            hint: "correct the day of the week or the date",
        }),
        (Some(date), _) => Ok(date),
    })
}

fn month_named(word: &str) -> Option<u32> {
    let first_days = (1..=12).filter_map(|month| NaiveDate::from_ymd_opt(2026, month, 1).map(|day| (month, day)));
    let mut named = first_days.flat_map(|(month, day)| NAMES.iter().map(move |locale| (month, day, *locale)));
    named.find(|(_, day, locale)| is_called(word, *day, *locale, ["%B", "%b"])).map(|(month, _, _)| month)
}

/// The days of the week a word may name.
fn weekdays_named(word: &str) -> Vec<Weekday> {
    let week = (1..=7).filter_map(|day| NaiveDate::from_ymd_opt(2026, 3, day));
    let is_named = |day: &NaiveDate| NAMES.iter().any(|locale| is_called(word, *day, *locale, ["%A", "%a"]));
    week.filter(is_named).map(|day| day.weekday()).collect()
}

/// Whole names, their short forms, and the first three letters, which most programs write.
fn is_called(word: &str, day: NaiveDate, locale: Locale, formats: [&str; 2]) -> bool {
    formats.iter().any(|format| {
        let name = fold(&day.format_localized(format, locale).to_string());
        name == word || (word.chars().count() == 3 && name.starts_with(word)) || (word == "sept" && name == "september")
    })
}
