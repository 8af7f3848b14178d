//! Dates and times as spreadsheet programs write them.
//!
//! Numbers alone cannot say whether 03/04 is in March or in April. So a column is surveyed first: one 27/11 in it
//! decides for all; where nothing decides, staff are asked. With dots the day comes first everywhere. Nothing here
//! knows zones, and nothing is guessed.

use chrono::{Datelike, Duration, Locale, NaiveDate, NaiveDateTime, NaiveTime};

use super::day_names::with_month_name;
use super::words::Words;
use crate::campaign::words::Misread;
use crate::core::post::Moment;
use crate::core::schedule::parse_moment;
use crate::core::text::is_invisible;

/// What stands first in a date of three numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateOrder {
    /// 27/11/2026.
    DayFirst,
    /// 11/27/2026.
    MonthFirst,
}

/// A cell, read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    /// A time as post files write it, with or without an offset.
    Moment(String),
    /// A day, a time of day, or both.
    Parts(Option<NaiveDate>, Option<NaiveTime>),
}

/// Whether a cell stands in a column of times, where `9.00` is a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Dates,
    Times,
}

pub(super) const DATE_HINT: &str = "write the year first, then month and day: 2026-11-27";
const TIME_HINT: &str = "write the time on the 24-hour clock: 09:00";

/// Day 0 of the serial numbers in spreadsheets; the program that began them counted a 29 February 1900.
const EPOCH: Option<NaiveDate> = NaiveDate::from_ymd_opt(1899, 12, 30);
/// The last year in which such a program's day 0 lies.
const LAST_EPOCH: i32 = 1904;
/// From this year on a date is not meant so: Thai years are 543 ahead, and Excel writes them.
const FAR: i32 = 2400;
/// Serial numbers of the years 2000 to 2099: a number outside is not meant as a date.
const SERIALS: std::ops::Range<f64> = 36_526.0..73_051.0;

/// Reads a cell of a column of dates or times.
pub(super) fn read(cell: &str, of: Of, order: Option<DateOrder>, words: &Words) -> Result<Said, Misread> {
    let plain = tidy(cell);
    match parse_moment(&plain) {
        // A time of day alone, as programs that know only days with times write it.
        Ok(Moment::Local(moment)) if of == Of::Times && moment.year() <= LAST_EPOCH => {
            return Ok(Said::Parts(None, Some(moment.time())));
        }
        Ok(Moment::Local(moment)) if moment.year() >= FAR => return Err(other_calendar(moment.year())),
        Ok(Moment::Local(_) | Moment::Instant(_)) => return Ok(Said::Moment(plain)),
        Err(_) => {}
    }
    if let Some(said) = serial(&plain, of) {
        return Ok(said);
    }
    let (day, clock) = apart(&plain, of, words);
    let date = match day.trim().trim_end_matches(',') {
        "" => None,
        day => match date(day, order, words) {
            Ok(date) if date.year() >= FAR => return Err(other_calendar(date.year())),
            Ok(date) => Some(date),
            Err(_) if of == Of::Times => return Err(no_time(cell)),
            Err(why) => return Err(as_written(why, day, &plain)),
        },
    };
    let time = match clock {
        None => None,
        Some(clock) => Some(time(&clock)?),
    };
    match (of, date, time) {
        (Of::Times, Some(_), _) | (_, None, None) => Err(no_time(cell)),
        (Of::Dates, None, Some(_)) | (Of::Dates, Some(_), _) | (Of::Times, None, Some(_)) => {
            Ok(Said::Parts(date, time))
        }
    }
}

/// Which order this cell proves, if it is a date of three numbers that proves one.
pub(super) fn evidence(cell: &str, words: &Words) -> Option<DateOrder> {
    let plain = tidy(cell);
    if parse_moment(&plain).is_ok() {
        return None;
    }
    let (day, _) = apart(&plain, Of::Dates, words);
    let Some(Numbers { first, second, dotted: false, .. }) = numbers(day.trim().trim_end_matches(',')) else {
        return None;
    };
    match (first, second) {
        (13..=31, 1..=12) => Some(DateOrder::DayFirst),
        (1..=12, 13..=31) => Some(DateOrder::MonthFirst),
        _ => None,
    }
}

/// Whether a cell is a day written out, with or without a time of day. Numbers alone may be anything.
pub(super) fn is_day(cell: &str, words: &Words) -> bool {
    let is_number = cell.trim().replace(',', ".").parse::<f64>().is_ok();
    !is_number
        && [DateOrder::DayFirst, DateOrder::MonthFirst].into_iter().any(|order| {
            matches!(read(cell, Of::Dates, Some(order), words), Ok(Said::Moment(_) | Said::Parts(Some(_), _)))
        })
}

/// Whether a cell is a time of day written out.
pub(super) fn is_time_of_day(cell: &str, words: &Words) -> bool {
    let has_sign = cell.contains(':') || cell.contains(char::is_alphabetic);
    has_sign && matches!(read(cell, Of::Times, None, words), Ok(Said::Parts(None, Some(_))))
}

/// Single spaces, also where a program put another kind; no signs that nobody sees.
fn tidy(cell: &str) -> String {
    let seen: String = cell.chars().filter(|letter| !is_invisible(*letter)).collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Names the day as the cell writes it, not in the small letters it was read in.
fn as_written(why: Misread, day: &str, plain: &str) -> Misread {
    let written: String = plain.chars().take(day.chars().count()).collect();
    let same = written.to_lowercase() == day;
    Misread { message: if same { why.message.replace(day, &written) } else { why.message }, ..why }
}

fn other_calendar(year: i32) -> Misread {
    Misread {
        message: format!("the year {year} is of another calendar, or a slip"),
        hint: "write the year as Europe counts it: 2027",
    }
}

fn no_time(cell: &str) -> Misread {
    Misread { message: format!("`{}` is not a time", cell.trim()), hint: TIME_HINT }
}

/// `46353`, `46353.375`, `46353,375`; among times also `0.375`.
fn serial(cell: &str, of: Of) -> Option<Said> {
    let (whole, rest) = cell.split_once(['.', ',']).unwrap_or((cell, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole)
        || !digits(rest)
        || !(whole.len() == 5 || (of == Of::Times && whole == "0" && !rest.is_empty() && rest.len() != 2))
    {
        return None;
    }
    let number: f64 = format!("{whole}.{rest}0").parse().ok()?;
    let seconds = (number.fract() * 86_400.0).round();
    if whole == "0" {
        return Some(Said::Parts(None, Some(clock_of(seconds)?)));
    }
    if !SERIALS.contains(&number) {
        return None;
    }
    let days: i64 = whole.parse().ok()?;
    let moment = EPOCH?.and_time(NaiveTime::MIN) + Duration::days(days) + Duration::try_seconds(whole_of(seconds))?;
    let time = (!rest.is_empty()).then(|| moment.time());
    Some(Said::Parts(Some(moment.date()), time))
}

fn clock_of(seconds: f64) -> Option<NaiveTime> {
    NaiveTime::from_num_seconds_from_midnight_opt(u32::try_from(whole_of(seconds)).ok()?, 0)
}

/// A whole number below 100,000, as it comes from a share of a day.
fn whole_of(seconds: f64) -> i64 {
    format!("{seconds:.0}").parse().unwrap_or_default()
}

/// A time of day in its pieces.
struct Clock {
    written: String,
    fields: Vec<String>,
    /// Hours to add for the afternoon; `None` on the 24-hour clock.
    half: Option<u32>,
}

/// Takes the time off the end of a cell.
fn apart(cell: &str, of: Of, words: &Words) -> (String, Option<Clock>) {
    let lower = cell.to_lowercase();
    let mut rest = lower.as_str();
    let mut half = None;
    for (list, hours) in [(&words.am, 0), (&words.pm, 12)] {
        for word in list {
            if half.is_none()
                && let Some(before) = rest.strip_suffix(word.as_str())
                && before.trim_end().ends_with(|c: char| c.is_ascii_digit())
            {
                half = Some(hours);
                rest = before.trim_end();
            }
        }
    }
    for word in &words.after_time {
        if let Some(before) = rest.strip_suffix(word.as_str())
            && before.trim_end().ends_with(|c: char| c.is_ascii_digit())
        {
            rest = before.trim_end();
            break;
        }
    }
    let marked = half.is_some() || rest.len() < lower.len();
    let (day, last) = rest.rsplit_once(' ').unwrap_or(("", rest));
    let fields: Vec<String> = last.split([':', '.', 'h']).map(str::to_owned).collect();
    let digits = fields.iter().all(|field| (1..=2).contains(&field.len()) && field.bytes().all(|b| b.is_ascii_digit()));
    let colon = last.contains(':');
    let dotted = last.contains(['.', 'h']) && fields.len() == 2 && fields.get(1).is_some_and(|field| field.len() == 2);
    let alone = of == Of::Times && day.is_empty();
    let is_time = colon || (digits && ((marked && fields.len() <= 3) || (dotted && (alone || !day.is_empty()))));
    if !is_time {
        let whole_cell = Clock { written: cell.to_owned(), fields: Vec::new(), half };
        return if alone { (String::new(), Some(whole_cell)) } else { (lower, None) };
    }
    (day.to_owned(), Some(Clock { written: cell.to_owned(), fields, half }))
}

fn time(clock: &Clock) -> Result<NaiveTime, Misread> {
    let wrong = || no_time(&clock.written);
    let mut numbers = Vec::new();
    for field in &clock.fields {
        let digits = (1..=2).contains(&field.len()) && field.bytes().all(|byte| byte.is_ascii_digit());
        numbers.push(field.parse::<u32>().ok().filter(|_| digits).ok_or_else(wrong)?);
    }
    let (hour, minute, second) = match numbers.as_slice() {
        [hour] => (*hour, 0, 0),
        [hour, minute] => (*hour, *minute, 0),
        [hour, minute, second] => (*hour, *minute, *second),
        _ => return Err(wrong()),
    };
    let hour = match clock.half {
        None => hour,
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return Err(wrong()),
    };
    if (hour, minute, second) == (24, 0, 0) {
        return Err(Misread {
            message: "24:00 is the end of the day".to_owned(),
            hint: "write 00:00 with the next day's date",
        });
    }
    NaiveTime::from_hms_opt(hour, minute, second).ok_or_else(wrong)
}

/// Three numbers with signs between them, the year last.
struct Numbers {
    first: u32,
    second: u32,
    year: i32,
    /// With dots the day comes first wherever dates are written so.
    dotted: bool,
}

fn numbers(day: &str) -> Option<Numbers> {
    let close = day.replace(". ", ".").replace(" .", ".");
    let close = close.trim_end_matches('.');
    let sign = close.chars().find(|c| ['/', '.', '-'].contains(c))?;
    let fields: Vec<&str> = close.split(sign).map(str::trim).collect();
    let [first, second, year] = fields.as_slice() else { return None };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if ![first, second, year].iter().all(|field| digits(field)) || first.len() > 2 || second.len() > 2 {
        return None;
    }
    // 26-11-27 could begin with the year.
    let year = match (year.len(), sign) {
        (4, _) => year.parse().ok()?,
        (2, '/' | '.') => 2000 + year.parse::<i32>().ok()?,
        _ => return None,
    };
    Some(Numbers { first: first.parse().ok()?, second: second.parse().ok()?, year, dotted: sign == '.' })
}

fn date(day: &str, order: Option<DateOrder>, words: &Words) -> Result<NaiveDate, Misread> {
    let no_such = || Misread { message: format!("there is no day {day}"), hint: DATE_HINT };
    if let Some(found) = year_first(day) {
        return found.ok_or_else(no_such);
    }
    let Some(Numbers { first, second, year, dotted }) = numbers(day) else {
        return with_month_name(day, words)
            .unwrap_or_else(|| Err(Misread { message: format!("`{day}` is not a date"), hint: DATE_HINT }));
    };
    let day_first = NaiveDate::from_ymd_opt(year, second, first);
    let month_first = NaiveDate::from_ymd_opt(year, first, second);
    let order = if dotted { Some(DateOrder::DayFirst) } else { order };
    match (order, day_first, month_first) {
        (Some(DateOrder::DayFirst), Some(date), _) | (Some(DateOrder::MonthFirst), _, Some(date)) => Ok(date),
        (Some(DateOrder::DayFirst), None, Some(_)) => {
            Err(Misread { message: format!("{day} has no month {second}: here the day comes first"), hint: DATE_HINT })
        }
        (Some(DateOrder::MonthFirst), Some(_), None) => {
            Err(Misread { message: format!("{day} has no month {first}: here the month comes first"), hint: DATE_HINT })
        }
        (None, Some(one), Some(other)) if one != other => Err(Misread {
            message: format!(
                "{day} can be {} or {}",
                one.format_localized("%-d %B %Y", Locale::en_US),
                other.format_localized("%-d %B %Y", Locale::en_US)
            ),
            hint: "write the year first (2026-11-27), or say --dates day-first or --dates month-first",
        }),
        (None, Some(date), _) | (None, None, Some(date)) => Ok(date),
        (_, None, None) => Err(no_such()),
    }
}

/// `2026-11-27`, `2026/11/27`, `2026.11.27`: `Some(None)` when there is no such day.
fn year_first(day: &str) -> Option<Option<NaiveDate>> {
    let fields: Vec<&str> = day.trim_end_matches('.').split(['-', '/', '.']).map(str::trim).collect();
    let [year, month, date] = fields.as_slice() else { return None };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if year.len() != 4 || ![year, month, date].iter().all(|field| digits(field)) {
        return None;
    }
    let found = match (year.parse(), month.parse(), date.parse()) {
        (Ok(year), Ok(month), Ok(date)) => NaiveDate::from_ymd_opt(year, month, date),
        _ => None,
    };
    Some(found)
}

/// As a post file writes it.
pub(crate) fn written(moment: NaiveDateTime) -> String {
    let whole = moment.format("%S").to_string() == "00";
    moment.format(if whole { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d %H:%M:%S" }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::finding::Report;
    use crate::campaign::spreadsheet::words::shipped;

    fn shown(cell: &str, of: Of, order: Option<DateOrder>) -> String {
        let words = shipped(&mut Report::new("columns.toml"));
        match read(cell, of, order, &words) {
            Ok(Said::Moment(text)) => format!("= {text}"),
            Ok(Said::Parts(date, time)) => {
                let date = date.map(|date| date.to_string());
                let time = time.map(|time| time.to_string());
                [date, time].into_iter().flatten().collect::<Vec<_>>().join(" ")
            }
            Err(why) => format!("! {}", why.message),
        }
    }

    #[track_caller]
    fn check(cell: &str, expected: &str) {
        assert_eq!(shown(cell, Of::Dates, None), expected, "{cell:?}");
    }

    #[test]
    fn dates_are_read_as_spreadsheet_programs_write_them() {
        for (cell, expected) in [
            ("2026-11-27 09:00", "= 2026-11-27 09:00"),
            ("2026-11-27T09:00:00-05:00", "= 2026-11-27T09:00:00-05:00"),
            ("2026-11-27", "2026-11-27"),
            ("2026/11/27", "2026-11-27"),
            ("2026-11-27 9:00", "= 2026-11-27 9:00"),
            ("27.11.2026", "2026-11-27"),
            ("7.4.2026", "2026-04-07"),
            ("27. 11. 2026", "2026-11-27"),
            ("2027. 03. 14. 9:00", "2027-03-14 09:00:00"),
            ("\u{200e}27/11/2026", "2026-11-27"),
            ("27.11.26", "2026-11-27"),
            ("27.11.2026 9:00", "2026-11-27 09:00:00"),
            ("27.11.2026 09.00", "2026-11-27 09:00:00"),
            ("27/11/2026", "2026-11-27"),
            ("11/27/2026", "2026-11-27"),
            ("11/27/26", "2026-11-27"),
            ("4/4/2027", "2027-04-04"),
            ("11/27/2026 9:00:00 PM", "2026-11-27 21:00:00"),
            ("27/11/2026 9:00:00 a.\u{a0}m.", "2026-11-27 09:00:00"),
            ("27/11/2026, 9:00", "2026-11-27 09:00:00"),
            ("27-Nov-26", "2026-11-27"),
            ("27 Nov 2026", "2026-11-27"),
            ("Nov 27, 2026", "2026-11-27"),
            ("Friday, November 27, 2026", "2026-11-27"),
            ("27th of November 2026 9am", "2026-11-27 09:00:00"),
            ("viernes, 27 de noviembre de 2026", "2026-11-27"),
            ("27 de noviembre de 2026 18:30", "2026-11-27 18:30:00"),
            ("27-nov-2026", "2026-11-27"),
            ("27. März 2027", "2027-03-27"),
            ("15 sept 2027", "2027-09-15"),
            ("46353", "2026-11-27"),
            ("46353.375", "2026-11-27 09:00:00"),
            ("46353,708333333", "2026-11-27 17:00:00"),
            ("09:00", "09:00:00"),
        ] {
            check(cell, expected);
        }
    }

    #[test]
    fn what_could_mean_two_days_is_asked_about_and_an_order_decides() {
        let asked = "! 03/04/2027 can be 3 April 2027 or 4 March 2027";
        assert_eq!(shown("03/04/2027", Of::Dates, None), asked);
        assert_eq!(shown("03/04/2027 9:00", Of::Dates, None), asked);
        assert_eq!(shown("03/04/2027", Of::Dates, Some(DateOrder::DayFirst)), "2027-04-03");
        assert_eq!(shown("03/04/2027", Of::Dates, Some(DateOrder::MonthFirst)), "2027-03-04");
        assert_eq!(shown("3-4-2027", Of::Dates, Some(DateOrder::MonthFirst)), "2027-03-04");
        // Dots decide by themselves.
        assert_eq!(shown("03.04.2027", Of::Dates, Some(DateOrder::MonthFirst)), "2027-04-03");
        let wrong = "! 11/27/2026 has no month 27: here the day comes first";
        assert_eq!(shown("11/27/2026", Of::Dates, Some(DateOrder::DayFirst)), wrong);
    }

    #[test]
    fn what_is_no_date_is_said_so() {
        for (cell, expected) in [
            ("30/02/2027", "! there is no day 30/02/2027"),
            ("2027-02-30", "! there is no day 2027-02-30"),
            ("2027-13-01", "! there is no day 2027-13-01"),
            ("32.1.2027", "! there is no day 32.1.2027"),
            ("26-11-27", "! `26-11-27` is not a date"),
            ("soon", "! `soon` is not a date"),
            ("27/11", "! `27/11` is not a date"),
            ("27 Nov", "! `27 Nov` is not a date"),
            ("2027-03-14 XYZ", "! `2027-03-14 XYZ` is not a date"),
            ("99999", "! `99999` is not a date"),
            ("14/3/2570 9:00", "! the year 2570 is of another calendar, or a slip"),
            ("2570-03-14 09:00", "! the year 2570 is of another calendar, or a slip"),
            ("27/11/2026 25:00", "! `27/11/2026 25:00` is not a time"),
            ("27/11/2026 13:00 PM", "! `27/11/2026 13:00 PM` is not a time"),
            ("27/11/2026 24:00", "! 24:00 is the end of the day"),
            ("", "! `` is not a time"),
        ] {
            check(cell, expected);
        }
    }

    #[test]
    fn times_are_read_as_spreadsheet_programs_write_them() {
        for (cell, expected) in [
            ("9:00", "09:00:00"),
            ("1899-12-30 09:00:00", "09:00:00"),
            ("1904-01-01T18:30", "18:30:00"),
            ("09:00:00", "09:00:00"),
            ("9:00 AM", "09:00:00"),
            ("9:00\u{202f}PM", "21:00:00"),
            ("12:30 AM", "00:30:00"),
            ("12:30 PM", "12:30:00"),
            ("9 am", "09:00:00"),
            ("9pm", "21:00:00"),
            ("9:00 p. m.", "21:00:00"),
            ("09.00", "09:00:00"),
            ("9h30", "09:30:00"),
            ("18 h", "18:00:00"),
            ("09:00 Uhr", "09:00:00"),
            ("0.375", "09:00:00"),
            ("0.5", "12:00:00"),
            ("0,75", "! `0,75` is not a time"),
            ("0,750", "18:00:00"),
            ("9", "! `9` is not a time"),
            ("noon", "! `noon` is not a time"),
            ("9:00 XM", "! `9:00 XM` is not a time"),
            ("25:00", "! `25:00` is not a time"),
            ("27/11/2026", "! `27/11/2026` is not a time"),
        ] {
            assert_eq!(shown(cell, Of::Times, None), expected, "{cell:?}");
        }
    }

    #[test]
    fn a_day_above_twelve_proves_the_order() {
        let words = shipped(&mut Report::new("columns.toml"));
        for (cell, expected) in [
            ("27/11/2026 9:00", Some(DateOrder::DayFirst)),
            ("11/27/2026", Some(DateOrder::MonthFirst)),
            ("03/04/2027", None),
            ("27.11.2026", None),
            ("2026-11-27", None),
            ("45/45/2026", None),
            ("x", None),
        ] {
            assert_eq!(evidence(cell, &words), expected, "{cell}");
        }
    }
}
