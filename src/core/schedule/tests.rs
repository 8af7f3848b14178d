//! What staff write, what it means, and what clock changes do to it.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate, TimeZone, Timelike};
use chrono_tz::{America, Asia, Australia, Europe, Pacific, TZ_VARIANTS};

use super::*;
use crate::core::post::Moment;

fn local(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
}

fn utc(text: &str) -> DateTime<Utc> {
    local(text).and_utc()
}

/// The nominal times of the week that begins on Monday, 2 November 2026, as `Mon 09:00`.
fn week(slot: &Slot) -> String {
    let monday = local("2026-11-02 00:00");
    slot.local_times(monday, monday + Duration::days(7))
        .map(|time| time.format(if time.second() == 0 { "%a %H:%M" } else { "%a %H:%M:%S" }).to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

#[track_caller]
fn check(written: &str, expected: &str) {
    match Slot::parse(written) {
        Ok(slot) => assert_eq!(week(&slot), expected, "{written}"),
        Err(problem) => panic!("{written}: {problem}"),
    }
}

#[track_caller]
fn check_cron(written: &str, expected: &str) {
    match Slot::cron(written) {
        Ok(slot) => assert_eq!(week(&slot), expected, "{written}"),
        Err(problem) => panic!("{written}: {problem}"),
    }
}

/// The message names what was written and says what to write instead.
#[track_caller]
fn check_refused(result: Result<Slot, String>, about: &str, instead: &str) {
    let problem = result.expect_err(about);
    assert!(problem.contains(about), "{problem} should be about {about}");
    assert!(problem.contains(instead), "{problem} should offer {instead}");
    assert!(!problem.contains('\n'), "{problem} should be one line");
}

#[test]
fn a_weekly_time_reads_as_people_write_it() {
    let weekdays = "Mon 09:00, Tue 09:00, Wed 09:00, Thu 09:00, Fri 09:00";
    let daily = "Mon 09:00, Tue 09:00, Wed 09:00, Thu 09:00, Fri 09:00, Sat 09:00, Sun 09:00";
    check("Mon-Fri 09:00", weekdays);
    check("monday-FRIDAY 9:00", weekdays);
    check("  Mon – Fri   09:00 ", weekdays);
    check("Sat 11:00", "Sat 11:00");
    check("Tue,Thu 17:30", "Tue 17:30, Thu 17:30");
    check("Tuesdays, Thurs 17:30", "Tue 17:30, Thu 17:30");
    check("every Tue 12:00", "Tue 12:00");
    check("daily 09:00", daily);
    check("Every Day 09:00", daily);
    check("Sun-Sat 09:00", daily);
    check("Mon 17:00,09:00,17:00", "Mon 09:00, Mon 17:00");
    check("Sat, Mon-Tue 09:00, 17:00", "Mon 09:00, Mon 17:00, Tue 09:00, Tue 17:00, Sat 09:00, Sat 17:00");
    check("Fri-Mon 10:00", "Mon 10:00, Fri 10:00, Sat 10:00, Sun 10:00");
    check("Mon-Mon 10:00", "Mon 10:00");
    check("Wed 09:00:30", "Wed 09:00:30");
    check("Sun 00:00,23:59", "Sun 00:00, Sun 23:59");
}

#[test]
fn a_weekly_time_that_cannot_be_read_says_what_to_write_instead() {
    for (written, about, instead) in [
        ("", "empty", "Mon-Fri 09:00"),
        ("09:00", "names no day", "daily 09:00"),
        ("Mon-Fri", "names no time", "Mon-Fri 09:00"),
        ("Mon-Fri 9am", "9am", "09:00"),
        ("Mon 9", "`9`", "09:00"),
        ("Mon 09.00", "09.00", "09:00"),
        ("Mon 25:00", "25:00", "23:59"),
        ("Mon 24:00", "24:00", "00:00"),
        ("Mon 09:60", "09:60", "23:59"),
        ("Mon 009:00", "009:00", "09:00"),
        ("Moonday 09:00", "Moonday", "Mon"),
        ("lunes 09:00", "lunes", "Mon"),
        ("Mon Wed 09:00", "Mon Wed", "Mon,Wed"),
        ("Mon,,Wed 09:00", "comma", "Mon,Wed"),
        ("Mon- 09:00", "missing", "Mon-Fri"),
        ("Mon 09:00 17:00", "Mon 09:00 17:00", "09:00,17:00"),
        ("Mon 09:00,", "comma", "another time"),
        ("Mon 09:00 Tue 10:00", "Mon 09:00 Tue 10:00", "days first"),
        ("0 9 * * Mon", "cron", "{ cron ="),
    ] {
        check_refused(Slot::parse(written), about, instead);
    }
}

#[test]
fn a_cron_expression_means_what_its_names_say() {
    check_cron("0 30 17 * * Tue,Thu", "Tue 17:30, Thu 17:30");
    check_cron("30 17 * * Tue,Thu", "Tue 17:30, Thu 17:30");
    check_cron("0 9 * * FRI-MON", "Mon 09:00, Fri 09:00, Sat 09:00, Sun 09:00");
    check_cron("0 9 * * sunday", "Sun 09:00");
    check_cron("15 0 9 ? * Mon 2026", "Mon 09:00:15");
    check_cron("0 9,17 1-7 11 Wed", "Wed 09:00, Wed 17:00");
    check_cron("0 9 8 nov *", "Sun 09:00");
    check_cron("*/30 12 * * Mon", "Mon 12:00, Mon 12:30");
    check_cron("0 0 9 * * Mon 2027", "");
}

#[test]
fn a_cron_expression_that_cannot_be_kept_says_what_to_write_instead() {
    for (written, about, instead) in [
        ("0 9 * * 1", "by number", "names"),
        ("0 9 * * 0", "by number", "names"),
        ("0 9 * * Mon#1", "by number", "names"),
        ("0 9 * * Lun", "Lun", "Mon"),
        ("0 9 * * Mon 2027", "year", "`0 0 9 * * Mon 2027`"),
        ("0 9 * *", "4 fields", "five"),
        ("@daily", "1 field;", "five"),
        ("", "0 fields", "five"),
        ("0 25 * * Mon", "hour", "0 to 23"),
        ("61 9 * * Mon", "minute", "0 to 59"),
        ("0 9 32 * *", "day of the month", "1 to 31"),
        ("0 9 L * *", "day of the month", "1 to 31"),
        ("0 9 * Foo *", "month", "Jan"),
        ("0 0 9 * * Mon 1900", "year", "1970"),
        ("* 30 17 * * Tue", "every second", "`0`"),
        ("0 9 31 2 *", "never", "month"),
        ("0 9 31 Apr,Jun,Sep,Nov *", "never", "month"),
    ] {
        check_refused(Slot::cron(written), about, instead);
    }
}

#[test]
fn nominal_times_keep_to_their_bounds_to_the_second() {
    for slot in [Slot::parse("daily 09:00").unwrap(), Slot::cron("0 9 * * *").unwrap()] {
        let day = local("2026-11-02 09:00");
        let times = |from, until| slot.local_times(from, until).collect::<Vec<_>>();
        let second = Duration::seconds(1);
        assert_eq!(times(day, day), []);
        assert_eq!(times(day, day + second), [day]);
        assert_eq!(times(day + second, day + Duration::days(1)), []);
        assert_eq!(times(day - Duration::nanoseconds(1), day + Duration::days(1)), [day]);
        assert_eq!(times(day + Duration::nanoseconds(1), day + Duration::days(1)), []);
    }
}

#[test]
fn a_clock_change_moves_a_time_as_the_law_says() {
    let new_york = America::New_York;
    for (zone, written, instant, shift) in [
        (new_york, "2026-11-27 09:00", "2026-11-27 14:00", Shift::None),
        (new_york, "2026-03-08 02:30", "2026-03-08 07:00", Shift::Gap),
        (new_york, "2026-03-08 02:00", "2026-03-08 07:00", Shift::Gap),
        (new_york, "2026-03-08 03:00", "2026-03-08 07:00", Shift::None),
        (new_york, "2026-11-01 01:30", "2026-11-01 05:30", Shift::Overlap),
        (Europe::Berlin, "2026-10-25 02:30", "2026-10-25 00:30", Shift::Overlap),
        (Australia::Lord_Howe, "2026-10-04 02:15", "2026-10-03 15:30", Shift::Gap),
        // Samoa had no 30 December 2011.
        (Pacific::Apia, "2011-12-30 12:00", "2011-12-30 10:00", Shift::Gap),
        (Asia::Kathmandu, "2026-01-01 00:00", "2025-12-31 18:15", Shift::None),
    ] {
        assert_eq!(resolve(local(written), zone), Resolved { instant: utc(instant), shift }, "{written} in {zone}");
    }
}

#[test]
fn two_times_in_one_gap_fire_once_and_the_overlap_fires_in_its_first_pass() {
    let slot = Slot::parse("daily 01:30,02:15,02:45,03:00").unwrap();
    let instants = |from: &str, until: &str| {
        slot.firings(America::New_York, utc(from), utc(until))
            .map(|firing| format!("{} = {}", firing.local.format("%H:%M"), firing.instant.format("%H:%M")))
            .collect::<Vec<_>>()
    };
    assert_eq!(instants("2026-03-08 05:00", "2026-03-09 04:00"), ["01:30 = 06:30", "02:15 = 07:00"]);
    assert_eq!(
        instants("2026-11-01 04:00", "2026-11-02 05:00"),
        ["01:30 = 05:30", "02:15 = 07:15", "02:45 = 07:45", "03:00 = 08:00"]
    );
    // Asked from inside the second pass, the first pass is over.
    assert_eq!(instants("2026-11-01 06:10", "2026-11-01 06:50"), Vec::<String>::new());
}

/// A clock change: the first instant with the new offset.
fn transitions(zone: Tz, from: DateTime<Utc>, days: i64) -> Vec<DateTime<Utc>> {
    let offset = |time: DateTime<Utc>| {
        let local = time.with_timezone(&zone).naive_local();
        (local - time.naive_utc()).num_seconds()
    };
    let mut found = Vec::new();
    let mut low = from;
    while low < from + Duration::days(days) {
        let high = low + Duration::days(9);
        if offset(low) != offset(high) {
            let (mut before, mut after) = (low.timestamp(), high.timestamp());
            while after - before > 1 {
                let middle = i64::midpoint(before, after);
                let time = Utc.timestamp_opt(middle, 0).unwrap();
                if offset(time) == offset(low) { before = middle } else { after = middle }
            }
            found.push(Utc.timestamp_opt(after, 0).unwrap());
        }
        low = high;
    }
    found
}

#[test]
fn every_zone_keeps_the_law_at_every_clock_change_of_ten_years() {
    let slots = [
        Slot::parse("daily 00:00,00:30,01:15,01:45,02:00,02:30,03:00,23:45").unwrap(),
        Slot::cron("*/20 0-3 * * *").unwrap(),
    ];
    let mut seen = BTreeSet::new();
    for zone in TZ_VARIANTS {
        for change in transitions(zone, utc("2020-01-01 00:00"), 3_650) {
            let on_clock = |time: DateTime<Utc>| time.with_timezone(&zone).naive_local();
            let shape = (change, on_clock(change), on_clock(change - Duration::seconds(1)));
            // Zones that change alike are tried once.
            if !seen.insert(shape) {
                continue;
            }
            let mut previous = None;
            let mut nominal = on_clock(change).with_second(0).unwrap() - Duration::hours(3);
            for _ in 0..36 {
                nominal += Duration::minutes(10);
                let Resolved { instant, shift } = resolve(nominal, zone);
                assert!(previous <= Some(instant), "{zone} {nominal}: time runs backwards");
                previous = Some(instant);
                match shift {
                    Shift::None => assert_eq!(on_clock(instant), nominal, "{zone}"),
                    Shift::Overlap => {
                        assert_eq!(on_clock(instant), nominal, "{zone}");
                        assert!(instant < change, "{zone} {nominal}: not the first pass");
                    }
                    Shift::Gap => {
                        assert!(on_clock(instant) > nominal, "{zone} {nominal}: not after the gap");
                        let before = instant - Duration::minutes(1);
                        assert!(on_clock(before) < nominal, "{zone} {nominal}: not the first minute after the gap");
                    }
                }
            }
            for slot in &slots {
                let (from, until) = (change - Duration::hours(5), change + Duration::hours(5));
                let at_once: Vec<Firing> = slot.firings(zone, from, until).collect();
                assert!(at_once.is_sorted_by(|one, two| one.instant < two.instant), "{zone} {change}");
                // Every nominal time of the stretch fires, at the instant it means.
                let due: BTreeSet<DateTime<Utc>> = slot
                    .local_times(on_clock(from) - Duration::days(1), on_clock(until) + Duration::days(1))
                    .map(|nominal| resolve(nominal, zone).instant)
                    .filter(|instant| from <= *instant && *instant < until)
                    .collect();
                assert_eq!(
                    at_once.iter().map(|firing| firing.instant).collect::<BTreeSet<_>>(),
                    due,
                    "{zone} {change}"
                );
            }
            let weekly = &slots[0];
            let (from, until) = (change - Duration::hours(2), change + Duration::hours(2));
            let at_once: Vec<Firing> = weekly.firings(zone, from, until).collect();
            let steps: Vec<Firing> = (0..8)
                .flat_map(|step| {
                    let begin = from + Duration::minutes(30 * step);
                    weekly.firings(zone, begin, begin + Duration::minutes(30))
                })
                .collect();
            assert_eq!(at_once, steps, "{zone} {change}");
        }
    }
    assert!(seen.len() > 300, "only {} clock changes tried", seen.len());
}

#[test]
fn a_single_time_reads_with_and_without_an_offset() {
    let nine = NaiveDate::from_ymd_opt(2026, 11, 27).unwrap().and_hms_opt(9, 0, 0).unwrap();
    for written in ["2026-11-27 09:00", "2026-11-27T09:00", "2026-11-27 09:00:00", " 2026-11-27  9:00 "] {
        assert_eq!(parse_moment(written), Ok(Moment::Local(nine)), "{written}");
    }
    for written in [
        "2026-11-27T14:00:00Z",
        "2026-11-27T09:00:00-05:00",
        "2026-11-27t14:00:00.000z",
        "2026-11-27 09:00-05:00",
        "2026-11-27T19:30+05:30",
    ] {
        match parse_moment(written) {
            Ok(Moment::Instant(instant)) => assert_eq!(instant.to_utc(), utc("2026-11-27 14:00"), "{written}"),
            other => panic!("{written}: {other:?}"),
        }
    }
    let leap_day = parse_moment("2028-02-29 12:00:05").unwrap();
    assert_eq!(leap_day.resolve(Europe::Madrid).instant.second(), 5);
    assert_eq!(leap_day.resolve(Europe::Madrid).instant.hour(), 11);
}

#[test]
fn an_impossible_time_is_explained() {
    for (written, about) in [
        ("2026-02-30 09:00", "February 2026 ends on 2026-02-28"),
        ("2026-11-31 09:00", "November 2026 ends on 2026-11-30"),
        ("2027-02-29 09:00", "February 2027 ends on 2027-02-28"),
        ("2026-13-01 09:00", "month 13"),
        ("2026-11-00 09:00", "day 00"),
        ("2026-11-27", "without a time"),
        ("27.11.2026 09:00", "year-month-day"),
        ("27-11-2026 09:00", "year-month-day"),
        ("2026-1-7 09:00", "year-month-day"),
        ("tomorrow", "year-month-day"),
        ("", "year-month-day"),
        ("2026-11-27 24:00", "next day"),
        ("2026-11-27 23:59:60", "23:59:59"),
        ("2026-11-27 9am", "24-hour"),
        ("2026-11-27 09:00 EST", "24-hour"),
        ("2026-11-27T09:00+5", "offset"),
        ("2026-11-27T09:00+25:00", "offset"),
        ("2026-11-27T09:00Zulu", "offset"),
        ("2026-11-27 09:00.5", "24-hour"),
    ] {
        let problem = parse_moment(written).expect_err(written);
        assert!(problem.contains(about), "{written}: {problem}");
    }
}

#[test]
fn lengths_of_time_read_with_their_units() {
    for (written, seconds) in [
        ("90s", 90),
        ("10m", 600),
        ("24h", 86_400),
        ("1d", 86_400),
        ("2w", 14 * 86_400),
        ("1h30m", 5_400),
        (" 1h 30m ", 5_400),
        ("0s", 0),
    ] {
        assert_eq!(parse_duration(written), Ok(Duration::seconds(seconds)), "{written}");
    }
    for written in
        ["", "10", "m", "10 minutes", "-5m", "1.5h", "1h1h", "1h30", "99999999999999999999h", "400000000d", "ten m"]
    {
        let problem = parse_duration(written).expect_err(written);
        assert!(problem.contains("10m"), "{written}: {problem}");
    }
}

#[test]
fn a_slot_of_last_year_still_knows_its_days() {
    // Asking about the past is what `plan --from` does.
    let slot = Slot::parse("Mon 09:00").unwrap();
    let first = slot.firings(America::New_York, utc("1999-12-31 00:00"), utc("2000-02-01 00:00")).next().unwrap();
    assert_eq!(first.local.date().day(), 3);
}

#[test]
fn in_every_zone_each_local_time_of_ten_years_fires_once_and_in_order() {
    let slot = Slot::parse("daily 00:00,02:30").unwrap();
    let (from, until) = (local("2020-01-01 12:00"), local("2030-01-01 12:00"));
    let nominal: Vec<NaiveDateTime> = slot.local_times(from, until).collect();
    // A zone without clock changes has nothing to lose.
    let changing =
        TZ_VARIANTS.into_iter().filter(|zone| !transitions(*zone, utc("2020-01-01 00:00"), 3_650).is_empty());
    for zone in changing {
        let (begin, end) = (resolve(from, zone).instant, resolve(until, zone).instant);
        let firings: Vec<Firing> = slot.firings(zone, begin, end).collect();
        assert!(firings.is_sorted_by(|one, two| one.instant < two.instant), "{zone}");
        // Two times that one gap swallows are one firing; none is lost otherwise.
        let instants: BTreeSet<DateTime<Utc>> = nominal.iter().map(|local| resolve(*local, zone).instant).collect();
        assert!(firings.iter().all(|firing| nominal.binary_search(&firing.local).is_ok()), "{zone}");
        assert_eq!(firings.len(), instants.len(), "{zone}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 400, failure_persistence: None, ..Default::default() })]

    /// Any zone, any weekly times, ten years, cut anywhere: what is asked for in pieces is what is asked for at once.
    #[test]
    fn no_firing_is_lost_or_doubled_wherever_the_years_are_cut(
        zone in 0..TZ_VARIANTS.len(),
        days in proptest::sample::select(vec!["daily", "Sun", "Sat-Sun", "Mon,Thu"]),
        minutes in proptest::collection::btree_set(0_u32..24 * 60, 1..4),
        begin in 0_i64..3_650 * 24 * 60,
        cuts in proptest::collection::btree_set(0_i64..40 * 24 * 3_600, 0..6),
    ) {
        let zone = TZ_VARIANTS[zone];
        let times: Vec<String> = minutes.iter().map(|minute| format!("{:02}:{:02}", minute / 60, minute % 60)).collect();
        let slot = Slot::parse(&format!("{days} {}", times.join(","))).unwrap();
        // Half of the stretches begin near a clock change, where there is one.
        let begin = utc("2020-01-01 00:00") + Duration::minutes(begin);
        let change = transitions(zone, begin, 200).first().copied();
        let from = change.map_or(begin, |change| change - Duration::days(20));
        let until = from + Duration::days(40);
        let at_once: Vec<Firing> = slot.firings(zone, from, until).collect();
        let mut pieces = Vec::new();
        let mut edge = from;
        for cut in cuts.iter().map(|seconds| from + Duration::seconds(*seconds)).chain([until]) {
            pieces.extend(slot.firings(zone, edge, cut));
            edge = cut;
        }
        proptest::prop_assert_eq!(&at_once, &pieces);
        for firing in &at_once {
            let shown = firing.instant.with_timezone(&zone).naive_local();
            match firing.shift {
                Shift::None | Shift::Overlap => proptest::prop_assert_eq!(shown, firing.local),
                Shift::Gap => proptest::prop_assert!(shown > firing.local && shown.second() == 0),
            }
        }
        let nominal: BTreeSet<NaiveDateTime> = at_once.iter().map(|firing| firing.local).collect();
        proptest::prop_assert_eq!(nominal.len(), at_once.len());
    }
}
