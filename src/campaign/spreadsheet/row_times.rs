//! The times of a row: in one cell or in two, with a zone of its own or the campaign's.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat};
use chrono_tz::Tz;

use super::column::Column;
use super::dates::{self, Of, Said};
use super::row::{Heading, RowReader, place_of, text_at};
use super::zones::{self, Unclear, Zone};
use crate::campaign::finding::Report;
use crate::campaign::tree::Value;
use crate::core::schedule::{Resolved, Shift, resolve};

impl RowReader<'_> {
    /// The time: in one cell, or a day and a time of day; with a zone of its own it becomes an instant.
    pub(super) fn at(&mut self, report: &mut Report) {
        let (at, date, time) = (self.one(Column::At), self.one(Column::Date), self.one(Column::Time));
        if let (Some((line, _)), Some(_)) = (&at, date.as_ref().or(time.as_ref())) {
            report.error(*line, "the row says its time twice", "write it in one column, or day and time in two");
            return;
        }
        let Some((line, day)) = at.or(date) else {
            let is_day = |broken: &&Heading| matches!(broken.column, Column::At | Column::Date);
            if let (Some((line, _)), None) = (time, self.broken.iter().copied().find(is_day)) {
                report.error(line, "the row has a time and no day", "write the day too: 2026-11-27");
            }
            return;
        };
        let (day, mut zone) = self.zone_apart(&day);
        let Some(said) = self.said(line, day, Of::Dates, report) else { return };
        let time = time.as_ref().map(|(line, text)| (*line, self.zone_apart(text)));
        let clock = match time {
            None => None,
            Some((line, (text, own))) => match self.said(line, text, Of::Times, report) {
                Some(Said::Parts(None, Some(clock))) => {
                    zone = zone.or(own);
                    Some((line, clock))
                }
                Some(Said::Parts(_, _) | Said::Moment(_)) => {
                    report.error(line, format!("`{text}` is not a time"), "write the time on the 24-hour clock: 09:00");
                    return;
                }
                None => return,
            },
        };
        let said = match (said, clock) {
            (said, None) => said,
            // Programs add midnight to a day when they show it as a time.
            (Said::Parts(Some(date), None | Some(NaiveTime::MIN)), Some((_, clock))) => {
                Said::Parts(Some(date), Some(clock))
            }
            (Said::Moment(text), Some((_, clock))) if midnight(&text).is_some() => {
                Said::Parts(midnight(&text), Some(clock))
            }
            (Said::Parts(_, _) | Said::Moment(_), Some((line, _))) => {
                report.error(line, "the row says its time of day twice", "write it in one of the two columns");
                return;
            }
        };
        if let Some(text) = self.whole(line, said, zone, report) {
            self.put("at", line, Value::Text(text));
        }
    }

    pub(super) fn moment(&mut self, column: Column, report: &mut Report) {
        let Some((line, text)) = self.one(column) else { return };
        let (time, zone) = if column == Column::Slot { (text.as_str(), None) } else { self.zone_apart(&text) };
        let Some(said) = self.said(line, time, Of::Dates, report) else { return };
        // A slot is a time on the campaign's own clock.
        let here = column == Column::Slot;
        let written = if here { whole_here(line, said, report) } else { self.whole(line, said, zone, report) };
        if let Some(text) = written {
            self.put(column.key(), line, Value::Text(text));
        }
    }

    pub(super) fn skip(&mut self, report: &mut Report) {
        let Some((line, text)) = self.one(Column::Skip) else { return };
        let commas = !text.contains(char::is_alphabetic);
        let times = text.split(|c| ['\n', ';', '|'].contains(&c) || (commas && c == ','));
        let mut list = Vec::new();
        for time in times.map(str::trim).filter(|time| !time.is_empty()) {
            let said = self.said(line, time, Of::Dates, report);
            let written = said.and_then(|said| match said {
                // A day alone means all of its times.
                Said::Parts(Some(day), None) => Some(day.to_string()),
                Said::Parts(_, _) | Said::Moment(_) => whole_here(line, said, report),
            });
            list.extend(written.map(|time| text_at(line, time)));
        }
        if !list.is_empty() {
            self.put("skip", line, Value::List(list));
        }
    }

    fn said(&self, line: usize, text: &str, of: Of, report: &mut Report) -> Option<Said> {
        let order = self.reading.orders.get(&place_of(line)?).copied().flatten();
        match dates::read(text, of, order, self.reading.words) {
            Ok(said) => Some(said),
            Err(why) => {
                report.error(line, why.message, why.hint);
                None
            }
        }
    }

    /// Day and time as a post file writes them, in the zone that stands in the same cell or in the row's column, if
    /// one does.
    fn whole(&self, line: usize, said: Said, own: Option<&str>, report: &mut Report) -> Option<String> {
        let local = whole_here(line, said, report)?;
        let column = self.one(Column::Zone);
        let (zone_line, zone) = match (own, column) {
            (Some(_), Some((zone_line, _))) => {
                report.error(zone_line, "the row says its zone twice", "write it in one of the two cells");
                return None;
            }
            (Some(own), None) => (line, own.to_owned()),
            (None, Some(column)) => column,
            (None, None) => return Some(local),
        };
        let Ok(naive) = NaiveDateTime::parse_from_str(&local, "%Y-%m-%d %H:%M")
            .or_else(|_| NaiveDateTime::parse_from_str(&local, "%Y-%m-%d %H:%M:%S"))
        else {
            // It says its offset itself.
            return Some(local);
        };
        let instant = match zones::read(&zone, naive, self.reading.frame.zone, self.reading.words) {
            Ok(Zone::Clock(zone)) => on_the_clock(line, &local, naive, zone, report),
            Ok(Zone::Pass(pass)) => Some(pass),
            Ok(Zone::Offset(offset)) => naive.and_local_timezone(offset).single(),
            Err(Unclear { message, hint }) => {
                report.error(zone_line, message, hint);
                return None;
            }
        };
        instant.map(|instant| instant.to_rfc3339_opts(SecondsFormat::Secs, false))
    }

    /// The zone at the end of a cell, if one stands there, and what stands before it.
    fn zone_apart<'c>(&self, text: &'c str) -> (&'c str, Option<&'c str>) {
        match zones::apart(text, self.reading.frame.zone, self.reading.words) {
            Some((time, zone)) => (time, Some(zone)),
            None => (text, None),
        }
    }
}

/// The instant that a zone's clock shows as `naive`.
fn on_the_clock(
    line: usize,
    local: &str,
    naive: NaiveDateTime,
    zone: Tz,
    report: &mut Report,
) -> Option<DateTime<FixedOffset>> {
    let Resolved { instant, shift } = resolve(naive, zone);
    let meant = instant.with_timezone(&zone);
    match shift {
        Shift::None => {}
        Shift::Gap => report.warn(
            line,
            format!("{local} does not exist in {zone}: the clocks go forward"),
            format!("it is taken for {}", meant.format("%Y-%m-%d %H:%M")),
        ),
        Shift::Overlap => {
            report.warn(line, format!("{local} comes twice in {zone}: the first is meant"), "");
        }
    }
    Some(meant.fixed_offset())
}

fn whole_here(line: usize, said: Said, report: &mut Report) -> Option<String> {
    match said {
        Said::Moment(text) => Some(text),
        Said::Parts(Some(date), Some(time)) => Some(dates::written(date.and_time(time))),
        Said::Parts(Some(date), None) => {
            report.error(
                line,
                format!("{date} has no time of day"),
                format!("write {date} 09:00, or add a column time"),
            );
            None
        }
        Said::Parts(None, _) => {
            report.error(line, "this is a time without a day", "write the day too: 2026-11-27 09:00");
            None
        }
    }
}

/// The day of a local time that is its midnight.
fn midnight(text: &str) -> Option<NaiveDate> {
    let (day, clock) = text.split_once([' ', 'T'])?;
    ["0:00", "00:00", "00:00:00"].contains(&clock).then(|| day.parse().ok())?
}
