//! Times as people give them on the command line: as in post files, and also a day alone, or as this program writes them.

use anyhow::anyhow;
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;

use crate::core::schedule::{parse_moment, resolve};

/// How this program shows a time, without its zone.
const SHOWN: &str = "%a %d %b %Y %H:%M";

/// The instant of a time that was given for `option`. A day alone begins at midnight.
pub(super) fn instant(option: &str, written: &str, zone: Tz) -> anyhow::Result<DateTime<Utc>> {
    let trimmed = written.trim();
    if let Ok(day) = NaiveDate::parse_from_str(trimmed, "%Y-%m-%d") {
        return Ok(resolve(day.and_time(chrono::NaiveTime::MIN), zone).instant);
    }
    if let Some(shown) = as_shown(trimmed, zone) {
        return Ok(shown);
    }
    let moment = parse_moment(trimmed).map_err(|words| anyhow!("--{option}: {words}"))?;
    Ok(moment.resolve(zone).instant)
}

/// `Mon 27 Nov 2090 09:00 EST`: the letters behind it say which of the two passes of an hour is meant.
fn as_shown(written: &str, zone: Tz) -> Option<DateTime<Utc>> {
    let (time, letters) = written.rsplit_once(' ').unwrap_or((written, ""));
    let (time, letters) = if letters.contains(':') { (written, "") } else { (time, letters) };
    let local = NaiveDateTime::parse_from_str(time, SHOWN).ok()?;
    let passes = |at: &DateTime<Tz>| letters.is_empty() || at.format("%Z").to_string() == letters;
    let found = local.and_local_timezone(zone);
    [found.earliest(), found.latest()].into_iter().flatten().find(passes).map(|at| at.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_alone_and_times_as_they_are_shown_are_read() {
        let zone = chrono_tz::America::New_York;
        for (written, expected) in [
            ("2027-01-01", "2027-01-01T05:00:00Z"),
            ("2027-01-01 09:00", "2027-01-01T14:00:00Z"),
            ("2027-01-01T09:00:00+01:00", "2027-01-01T08:00:00Z"),
            ("Mon 27 Nov 2090 09:00 EST", "2090-11-27T14:00:00Z"),
            ("Mon 5 Apr 2027 09:00", "2027-04-05T13:00:00Z"),
            ("Sun 1 Nov 2026 01:30 EST", "2026-11-01T06:30:00Z"),
            ("Sun 1 Nov 2026 01:30 EDT", "2026-11-01T05:30:00Z"),
        ] {
            let expected: DateTime<Utc> = expected.parse().unwrap();
            assert_eq!(instant("from", written, zone).unwrap(), expected, "{written}");
        }
        for written in ["tomorrow", "2027-02-30", "Tue 5 Apr 2027 09:00", "Mon 5 Apr 2027 09:00 CET"] {
            let error = instant("from", written, zone).unwrap_err().to_string();
            assert!(error.starts_with("--from: "), "{error}");
        }
    }
}
