//! The slot grammar: `Mon-Fri 09:00`, `Tue,Thu 17:30`, `daily 09:00,17:00`, `Fri-Mon 10:00`.
//!
//! ```text
//! slot = ["every"] days times
//! days = "daily" | "day" | day-or-range {"," day-or-range}
//! times = HH:MM[:SS] {"," HH:MM[:SS]}
//! ```
//! English day names, short or long, any case. Knows nothing of zones.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Weekday};

/// Days of the week and times of the day; every time on every day.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Weekly {
    days: Days,
    /// In order, no two alike, never empty.
    times: Vec<NaiveTime>,
}

/// A set of weekdays; Monday is bit 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Days(u8);

impl Days {
    const ALL: Days = Days(0b111_1111);
    const WEEK: [Weekday; 7] =
        [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];

    fn with(self, day: Weekday) -> Days {
        Days(self.0 | 1 << day.num_days_from_monday())
    }

    fn has(self, day: Weekday) -> bool {
        self.0 & 1 << day.num_days_from_monday() != 0
    }

    /// The days in it, Monday first.
    pub(super) fn iter(self) -> impl Iterator<Item = Weekday> {
        Days::WEEK.into_iter().filter(move |day| self.has(*day))
    }

    /// Reads `Mon`, `Mon-Fri`, `Fri-Mon` (round the end of the week) and lists of them.
    pub(super) fn parse_list(list: &str) -> Result<Days, String> {
        let mut days = Days::default();
        for item in list.split(',').map(str::trim) {
            if item.is_empty() {
                return Err(format!("`{list}` has a comma with no day beside it; write `Mon,Wed`"));
            }
            match item.split_once('-') {
                None => days = days.with(day(item)?),
                Some((first, last)) => {
                    let (mut at, last) = (day(first.trim())?, day(last.trim())?);
                    days = days.with(at);
                    while at != last {
                        at = at.succ();
                        days = days.with(at);
                    }
                }
            }
        }
        Ok(days)
    }
}

fn day(name: &str) -> Result<Weekday, String> {
    let lower = name.to_lowercase();
    match lower.strip_suffix('s').filter(|rest| rest.ends_with("day")).unwrap_or(&lower) {
        "mon" | "monday" => Ok(Weekday::Mon),
        "tue" | "tues" | "tuesday" => Ok(Weekday::Tue),
        "wed" | "weds" | "wednesday" => Ok(Weekday::Wed),
        "thu" | "thur" | "thurs" | "thursday" => Ok(Weekday::Thu),
        "fri" | "friday" => Ok(Weekday::Fri),
        "sat" | "saturday" => Ok(Weekday::Sat),
        "sun" | "sunday" => Ok(Weekday::Sun),
        "" => Err("a day is missing; write days as `Mon`, `Mon-Fri` or `Tue,Thu`".to_owned()),
        _ => Err(format!("`{name}` is not a day; write Mon, Tue, Wed, Thu, Fri, Sat, Sun or daily")),
    }
}

/// Reads `HH:MM` or `HH:MM:SS`.
///
/// # Errors
/// What is wrong and what to write instead.
pub fn time_of_day(written: &str) -> Result<NaiveTime, String> {
    let problem = |what: &str| Err(format!("`{written}` {what}"));
    let fields: Vec<&str> = written.split(':').collect();
    let shaped = (2..=3).contains(&fields.len())
        && fields.iter().enumerate().all(|(place, field)| {
            let wide_enough = field.len() == 2 || (place == 0 && field.len() == 1);
            wide_enough && field.bytes().all(|byte| byte.is_ascii_digit())
        });
    if !shaped {
        return problem("is not a time; write it on the 24-hour clock, such as `09:00` or `17:30`");
    }
    let numbers: Vec<u32> = fields.iter().filter_map(|field| field.parse().ok()).collect();
    let (hour, minute, second) = match numbers.as_slice() {
        [hour, minute] => (*hour, *minute, 0),
        [hour, minute, second] => (*hour, *minute, *second),
        _ => return problem("is not a time; write it as `09:00`"),
    };
    if hour == 24 && minute == 0 && second == 0 {
        return problem("is the end of the day; write `00:00` on the next day");
    }
    NaiveTime::from_hms_opt(hour, minute, second)
        .map_or_else(|| problem("is not a time of day; times run from `00:00` to `23:59:59`"), Ok)
}

impl Weekly {
    /// Reads the grammar above.
    pub(super) fn parse(written: &str) -> Result<Weekly, String> {
        let trimmed = written.trim();
        if trimmed.is_empty() {
            return Err("a slot is empty; write days and a time, such as `Mon-Fri 09:00`".to_owned());
        }
        if looks_like_cron(trimmed) {
            return Err(format!("`{trimmed}` looks like a cron expression; write it as {{ cron = \"{trimmed}\" }}"));
        }
        // Spaces around commas and dashes carry no meaning, and the long dash is what phones make of `-`.
        let words: Vec<String> = trimmed
            .replace(['–', '—'], "-")
            .replace(',', " , ")
            .replace('-', " - ")
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        let is_time = |word: &String| word.starts_with(|first: char| first.is_ascii_digit());
        let middle = words.iter().position(is_time).unwrap_or(words.len());
        let (days, times) = words.split_at(middle);
        let days = days_of(days, trimmed)?;
        if times.is_empty() {
            return Err(format!("`{trimmed}` names no time; add one, such as `{trimmed} 09:00`"));
        }
        let mut read = Vec::new();
        for (place, word) in times.iter().enumerate() {
            let comma = word == ",";
            if comma != (place % 2 == 1) {
                return Err(format!(
                    "`{trimmed}` cannot be read after its first time; write the days first, then the times with commas, such as `Mon-Fri 09:00,17:00`"
                ));
            }
            if !comma {
                read.push(time_of_day(word)?);
            }
        }
        if times.len() % 2 == 0 {
            return Err(format!("`{trimmed}` ends in a comma; leave it out or add another time"));
        }
        read.sort_unstable();
        read.dedup();
        Ok(Weekly { days, times: read })
    }

    /// Its nominal times with `from ≤ time < until`, in order.
    pub(super) fn times(&self, from: NaiveDateTime, until: NaiveDateTime) -> impl Iterator<Item = NaiveDateTime> + '_ {
        from.date()
            .iter_days()
            .take_while(move |date: &NaiveDate| *date <= until.date())
            .filter(|date| self.days.has(date.weekday()))
            .flat_map(|date| self.times.iter().map(move |time| date.and_time(*time)))
            .skip_while(move |time| *time < from)
            .take_while(move |time| *time < until)
    }
}

fn days_of(words: &[String], written: &str) -> Result<Days, String> {
    let said: Vec<&str> = words.iter().map(String::as_str).collect();
    let lower: Vec<String> = said.iter().map(|word| word.to_lowercase()).collect();
    let rest = match lower.first().map(String::as_str) {
        Some("every") => 1,
        _ => 0,
    };
    let named = said.get(rest..).unwrap_or_default();
    match lower.get(rest..).unwrap_or_default() {
        [] => Err(format!("`{written}` names no day; write `daily {written}` or `Mon-Fri {written}`")),
        [word] if ["daily", "day", "days", "everyday"].contains(&word.as_str()) => Ok(Days::ALL),
        several => {
            let glued = |word: &str| word == "," || word == "-";
            let loose = several.windows(2).any(|pair| pair.iter().all(|word| !glued(word)));
            if loose {
                return Err(format!(
                    "`{}` needs commas or a dash between its days; write `Mon,Wed` or `Mon-Fri`",
                    named.join(" ")
                ));
            }
            Days::parse_list(&named.concat())
        }
    }
}

/// Five fields or more, or a star, is nobody's way of writing a weekly time.
fn looks_like_cron(written: &str) -> bool {
    written.contains(['*', '?']) || written.starts_with('@')
}
