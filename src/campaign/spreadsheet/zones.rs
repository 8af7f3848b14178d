//! Zones as people and programs write them in tables: an IANA name, an offset, or letters such as EST.
//!
//! Letters such as EST and EDT say what the clock of a zone shows now; they mean that zone only where its clock shows
//! them at the time in question, because people write EST in July too and mean the clock on their wall. Which zone such
//! letters belong to is the campaign's own first, then what `config/columns.toml` says. Nothing is guessed.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, TimeZone};
use chrono_tz::{OffsetName, Tz};

use super::words::Words;
use crate::campaign::finding::nearest;

/// What a zone says of a local time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Zone {
    /// Its clock, whatever it shows.
    Clock(Tz),
    /// The pass of the clock that shows these letters.
    Pass(DateTime<FixedOffset>),
    /// Always so far from UTC.
    Offset(FixedOffset),
}

/// What is wrong with a zone, and what to write.
#[derive(Debug)]
pub(super) struct Unclear {
    pub(super) message: String,
    pub(super) hint: String,
}

/// Zones without a place in their names, which are the same all the year.
const UNIVERSAL: [&str; 5] = ["UTC", "GMT", "UCT", "Z", "Universal"];

/// Reads `cell`, which stands beside `local`.
pub(super) fn read(cell: &str, local: NaiveDateTime, home: Option<Tz>, words: &Words) -> Result<Zone, Unclear> {
    if UNIVERSAL.iter().any(|name| name.eq_ignore_ascii_case(cell)) {
        return Ok(Zone::Clock(Tz::UTC));
    }
    if let Some(zone) = named(cell).filter(|_| cell.contains('/')) {
        return Ok(Zone::Clock(zone));
    }
    if let Some(offset) = offset(cell) {
        return Ok(Zone::Offset(offset));
    }
    let known: Option<Tz> = words.value("zone", cell).parse().ok().filter(|zone: &Tz| zone.name() != cell);
    for zone in [home, known].into_iter().flatten() {
        match letters_of(zone, local, cell) {
            Letters::Shown(pass) => return Ok(Zone::Pass(pass)),
            Letters::AnotherTime(shown) => {
                let day = local.format("%-d %B");
                return Err(Unclear {
                    message: format!("on {day} the clocks of {zone} show {shown}, not {cell}"),
                    hint: format!("write {zone}, whose clock is meant all the year, or the hours from UTC: -05:00"),
                });
            }
            Letters::Never => {}
        }
    }
    // Such as ET and Eastern Time, or CET in the database of zones.
    if let Some(zone) = known.or_else(|| named(cell)) {
        return Ok(Zone::Clock(zone));
    }
    let names = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).filter(|name| name.contains('/'));
    let hint = nearest(cell, names).map_or_else(
        || "write an IANA name: America/New_York, Europe/Madrid".to_owned(),
        |name| format!("did you mean `{name}`?"),
    );
    Err(Unclear { message: format!("`{cell}` is not a time zone"), hint })
}

/// The zone of this name, whatever its case.
fn named(cell: &str) -> Option<Tz> {
    chrono_tz::TZ_VARIANTS.into_iter().find(|zone| zone.name().eq_ignore_ascii_case(cell))
}

/// A zone at the end of a cell with a time, and what stands before it: `09:00 EST`, `09:00 Europe/Berlin`.
pub(super) fn apart<'c>(cell: &'c str, home: Option<Tz>, words: &Words) -> Option<(&'c str, &'c str)> {
    let (before, last) = cell.trim().rsplit_once(char::is_whitespace)?;
    let letters = (2..=5).contains(&last.len()) && last.bytes().all(|byte| byte.is_ascii_uppercase());
    let any_day = NaiveDate::from_ymd_opt(2026, 1, 1)?.and_time(chrono::NaiveTime::MIN);
    let known = || {
        words.value("zone", last) != last
            || home.is_some_and(|home| !matches!(letters_of(home, any_day, last), Letters::Never))
    };
    let is_zone = UNIVERSAL.contains(&last)
        || (last.contains('/') && named(last).is_some())
        || offset(last).is_some()
        || (letters && known());
    let has_digit = before.chars().any(|letter| letter.is_ascii_digit());
    (is_zone && has_digit).then_some((before.trim_end(), last))
}

enum Letters {
    /// The clock shows them at this time.
    Shown(DateTime<FixedOffset>),
    /// The clock shows them in another season, and now these.
    AnotherTime(String),
    /// The clock never shows them that year.
    Never,
}

fn letters_of(zone: Tz, local: NaiveDateTime, letters: &str) -> Letters {
    let shown = |at: &DateTime<Tz>| at.offset().abbreviation().unwrap_or_default().to_owned();
    let found = zone.from_local_datetime(&local);
    let passes: Vec<DateTime<Tz>> = [found.earliest(), found.latest()].into_iter().flatten().collect();
    if let Some(pass) = passes.iter().find(|pass| shown(pass).eq_ignore_ascii_case(letters)) {
        return Letters::Shown(pass.fixed_offset());
    }
    let seasons = (1..=12).filter_map(|month| {
        let day = NaiveDate::from_ymd_opt(local.year(), month, 15)?;
        zone.from_local_datetime(&day.and_time(local.time())).earliest()
    });
    if seasons.map(|at| shown(&at)).any(|other| other.eq_ignore_ascii_case(letters)) {
        return Letters::AnotherTime(passes.first().map(shown).unwrap_or_else(|| "no such hour".to_owned()));
    }
    Letters::Never
}

/// `+01:00`, `-0500`, `UTC+1`, `GMT-05:30`.
fn offset(cell: &str) -> Option<FixedOffset> {
    let bare = ["UTC", "GMT"].iter().find_map(|name| cell.strip_prefix(name)).unwrap_or(cell).trim();
    let named = bare.len() < cell.len();
    let (sign, digits) = match bare.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-" | "\u{2212}", digits) => (-1, digits),
        _ => return None,
    };
    let fields: Vec<&str> = match (digits.split_once(':'), digits.len()) {
        (Some((hours, minutes)), _) if minutes.len() == 2 => vec![hours, minutes],
        (None, 4) => vec![digits.get(..2)?, digits.get(2..)?],
        (None, 1 | 2) if named => vec![digits, "00"],
        (Some(_) | None, _) => return None,
    };
    let number = |text: &&str| {
        text.parse::<i32>().ok().filter(|_| text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let (hours, minutes) = (number(fields.first()?)?, number(fields.get(1)?).filter(|minutes| *minutes < 60)?);
    FixedOffset::east_opt(sign * (hours * 3600 + minutes * 60)).filter(|_| hours <= 14)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::finding::Report;
    use crate::campaign::spreadsheet::words::shipped;

    #[track_caller]
    fn check(home: Tz, local: &str, cell: &str, expected: &str) {
        let words = shipped(&mut Report::new("columns.toml"));
        let local = NaiveDateTime::parse_from_str(local, "%Y-%m-%d %H:%M").unwrap();
        let shown = match read(cell, local, Some(home), &words) {
            Ok(Zone::Clock(zone)) => zone.name().to_owned(),
            Ok(Zone::Pass(at)) => at.to_rfc3339(),
            Ok(Zone::Offset(offset)) => offset.to_string(),
            Err(why) => format!("! {} — {}", why.message, why.hint),
        };
        assert_eq!(shown, expected, "{cell} {local}");
    }

    #[test]
    fn letters_mean_a_zone_only_while_its_clock_shows_them() {
        let york = Tz::America__New_York;
        let (winter, summer) = ("2027-01-05 09:00", "2027-07-05 09:00");
        check(york, winter, "EST", "2027-01-05T09:00:00-05:00");
        check(york, summer, "EDT", "2027-07-05T09:00:00-04:00");
        let wrong = "! on 5 July the clocks of America/New_York show EDT, not EST — write America/New_York, whose clock \
                     is meant all the year, or the hours from UTC: -05:00";
        check(york, summer, "EST", wrong);
        check(Tz::Europe__Berlin, summer, "EST", wrong);
        check(york, summer, "ET", "America/New_York");
        check(york, summer, "Eastern Time", "America/New_York");
        check(
            york,
            summer,
            "CST",
            "! on 5 July the clocks of America/Chicago show CDT, not CST — write America/Chicago, whose clock is meant all the year, or the hours from UTC: -05:00",
        );
        check(Tz::Asia__Shanghai, summer, "CST", "2027-07-05T09:00:00+08:00");
        check(york, summer, "BST", "2027-07-05T09:00:00+01:00");
        check(york, summer, "CEST", "2027-07-05T09:00:00+02:00");
        // Both passes of an hour can be said.
        check(york, "2026-11-01 01:30", "EST", "2026-11-01T01:30:00-05:00");
        check(york, "2026-11-01 01:30", "EDT", "2026-11-01T01:30:00-04:00");
        check(york, summer, "Europe/Berlin", "Europe/Berlin");
        check(york, summer, "europe/berlin", "Europe/Berlin");
        check(york, summer, "UTC", "UTC");
        check(york, summer, "UTC+1", "+01:00");
        check(york, summer, "-0500", "-05:00");
        check(york, summer, "Europe/Berlim", "! `Europe/Berlim` is not a time zone — did you mean `Europe/Berlin`?");
        check(york, summer, "XYZ", "! `XYZ` is not a time zone — write an IANA name: America/New_York, Europe/Madrid");
    }

    #[test]
    fn a_zone_at_the_end_of_a_time_is_told_from_what_belongs_to_the_time() {
        let words = shipped(&mut Report::new("columns.toml"));
        let home = Some(Tz::America__New_York);
        for (cell, expected) in [
            ("2027-07-05 09:00 EST", Some(("2027-07-05 09:00", "EST"))),
            ("Mon 27 Nov 2090 09:00 EST", Some(("Mon 27 Nov 2090 09:00", "EST"))),
            ("2027-07-05 09:00 +0100", Some(("2027-07-05 09:00", "+0100"))),
            ("2027-07-05 09:00 Europe/Berlin", Some(("2027-07-05 09:00", "Europe/Berlin"))),
            ("2027-07-05 09:00 UTC", Some(("2027-07-05 09:00", "UTC"))),
            ("2027-07-05 9:00 PM", None),
            ("27.11.2026 09:00 Uhr", None),
            ("2027-07-05 09:00", None),
            ("27 NOV 2026", None),
            ("EST", None),
        ] {
            assert_eq!(apart(cell, home, &words), expected, "{cell}");
        }
    }
}
