//! What `plan` said is what happened: months on several calendars of the world, over their clock changes, to the
//! millisecond; and a whole year.

use std::process::Command;

use chrono::Duration;
use watchpost::core::plan::Kind;

use crate::rig::{Rig, Scene, at, run};

fn file(keys: &str, text: &str) -> String {
    if keys.is_empty() { format!("{text}\n") } else { format!("---\n{keys}\n---\n{text}\n") }
}

/// Posts of every kind: a queue longer than its slots, exact times, repeats, evergreens, pins, drafts, threads.
fn posts(queue: usize, begins: &str, exact: &[&str], every: &[&str], pins: &[&str]) -> Vec<(String, String)> {
    let mut posts: Vec<(String, String)> = Vec::new();
    for number in 0..queue {
        let keys = match number % 9 {
            1 => "accounts: [one]".to_owned(),
            3 => "topic: ring".to_owned(),
            4 => format!("priority: {}", number % 3),
            5 if number % 11 != 6 => {
                "variants:\n  - { lang: es, text: \"Otras palabras NUMBER.\" }".replace("NUMBER", &number.to_string())
            }
            7 => "status: draft".to_owned(),
            _ => String::new(),
        };
        let text = if number % 11 == 6 {
            format!("Queued {number}, a thread.\n---\nIts second part.")
        } else {
            format!("Queued {number}.")
        };
        posts.push((format!("100-queue-{number:03}"), file(&keys, &text)));
    }
    for (number, time) in exact.iter().enumerate() {
        posts
            .push((format!("200-at-{number}"), file(&format!("at: {time}\ntopic: ring"), &format!("Exact {number}."))));
    }
    for (number, keys) in every.iter().enumerate() {
        posts.push((format!("300-every-{number}"), file(keys, &format!("Repeated {number}."))));
    }
    for (number, slot) in pins.iter().enumerate() {
        posts.push((
            format!("400-pinned-{number}"),
            file(&format!("slot: {slot}\naccounts: [one]"), &format!("Pinned {number}.")),
        ));
    }
    for number in 0..7 {
        let keys = match number {
            0 => "evergreen: true\ncooldown: 5d\ntopic: ring".to_owned(),
            1 => "evergreen: true\ntimes: 2\ncooldown: 9d".to_owned(),
            2 => format!("evergreen: true\ncooldown: 4d\nfrom: {begins}"),
            3 => "evergreen: true\naccounts: [two]\ncooldown: 3d\ntopic: ring".to_owned(),
            _ => "evergreen: true\ncooldown: 12d".to_owned(),
        };
        posts.push((format!("500-green-{number}"), file(&keys, &format!("Evergreen {number}."))));
    }
    posts
}

/// Lives through `days` and compares what the first plan said, and each plan on the way, with what the servers show.
async fn check(mut rig: Rig, days: i64) {
    let begin = rig.now();
    let end = begin + Duration::days(days);
    let promised = rig.promised(end).await;
    let lines = rig.lines(&promised);
    assert!(promised.planned.len() > 100, "only {} occurrences", promised.planned.len());
    for kind in [Kind::At, Kind::Every, Kind::Slot, Kind::Evergreen] {
        assert!(promised.planned.iter().any(|planned| planned.kind == kind), "no {kind:?}");
    }
    // Odd lengths: the plan is looked at at all times of day.
    let mut promises = vec![(begin, lines)];
    while rig.now() + Duration::hours(263) < end {
        let until = rig.now() + Duration::hours(263) + Duration::seconds(17);
        rig.live_until(until).await;
        promises.push((until, rig.lines(&rig.promised(end).await)));
    }
    rig.live_until(end - Duration::milliseconds(1)).await;
    rig.live_until(end + Duration::minutes(5)).await;
    for (when, promise) in promises {
        let said: Vec<String> = rig.said_since(when).into_iter().filter(|line| *line < stamp(end)).collect();
        let missing: Vec<_> = promise.iter().filter(|line| !said.contains(line)).collect();
        let extra: Vec<_> = said.iter().filter(|line| !promise.contains(line)).collect();
        assert_eq!(promise, said, "from {when}: promised and not said {missing:#?}, said and not promised {extra:#?}");
    }
    rig.finish().await;
}

fn stamp(time: chrono::DateTime<chrono::Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

const RULES: &str = "quiet = \"22:00-07:00\"\ndays_off = [\"2026-11-11\"]\ndaily_cap = 3\nmin_spacing = \"50m\"\n\
    jitter = \"9m\"\nstagger = \"20m\"\nsame_text_cap = 2";

#[test]
fn what_plan_said_is_what_happened_in_new_york_with_every_rule() {
    run(async {
        let rig = Rig::new(Scene {
            zone: "America/New_York",
            rules: RULES,
            accounts: &[
                ("one", 0, "slots = [\"Mon-Fri 09:00\", \"Sat,Sun 01:30,23:00\"]"),
                ("two", 0, "lang = \"es\"\nslots = [\"daily 09:00\", \"Tue 17:30\"]\ndaily_cap = \"unlimited\""),
            ],
            posts: posts(
                40,
                "2026-11-05 00:00",
                &["2026-10-26 09:10", "2026-11-01 01:30", "2026-11-11 12:00", "2026-11-20 23:30"],
                &[
                    "every: Tue,Fri 12:00\nfrom: 2026-10-27 00:00\ntimes: 9\nskip: [2026-11-03]",
                    "every: daily 01:15\naccounts: [two]\nuntil: 2026-11-10 00:00",
                ],
                &["2026-11-02 09:00", "2026-10-31 23:00"],
            ),
            begins: "2026-10-19T12:00:00-04:00",
        })
        .await;
        check(rig, 62).await;
    });
}

#[test]
fn what_plan_said_is_what_happened_on_lord_howe_where_clocks_change_by_half_an_hour() {
    run(async {
        let rig = Rig::new(Scene {
            zone: "Australia/Lord_Howe",
            rules: "min_spacing = \"10m\"",
            accounts: &[
                ("one", 0, "slots = [\"daily 02:15,14:00\"]"),
                ("two", 1, "slots = [\"Sun 01:45,02:05,02:30\", { cron = \"0 */20 1-2 * * Sun\" }]"),
            ],
            posts: posts(45, "2026-10-01 00:00", &["2026-10-04 02:10"], &["every: daily 02:20"], &["2026-10-04 02:15"]),
            begins: "2026-09-14T03:00:00Z",
        })
        .await;
        check(rig, 45).await;
    });
}

#[test]
fn what_plan_said_is_what_happened_in_santiago_where_a_day_begins_at_one() {
    run(async {
        let rig = Rig::new(Scene {
            zone: "America/Santiago",
            rules: "jitter = \"3m\"\nstagger = \"5m\"",
            accounts: &[("one", 0, "slots = [\"daily 00:00,00:30\"]"), ("two", 0, "slots = [\"daily 00:15\"]")],
            posts: posts(
                50,
                "2026-09-01 00:00",
                &["2026-09-06 00:30"],
                &["every: Sun 00:10\ntimes: 4"],
                &["2026-09-06 00:30"],
            ),
            begins: "2026-08-20T03:00:00Z",
        })
        .await;
        check(rig, 40).await;
    });
}

#[test]
fn a_year_in_madrid_is_what_plan_said() {
    run(async {
        let rig = Rig::new(Scene {
            zone: "Europe/Madrid",
            rules: "starts = 2026-02-01\nends = 2027-01-15\ndays_off = [\"2026-08-01/2026-08-15\", \"2026-12-25\"]\ndaily_cap = 2",
            accounts: &[("one", 0, "slots = [\"Tue,Sun 02:30\"]"), ("two", 1, "slots = [\"Thu 19:00\"]")],
            posts: posts(
                70,
                "2026-06-01 00:00",
                &["2026-03-29 02:30", "2026-10-25 02:30", "2026-08-05 12:00", "2027-01-20 09:00"],
                &["every: Mon 12:00\ntimes: 40\nfrom: 2026-03-01 00:00", "every: { cron: \"0 0 9 1 * *\" }"],
                &["2026-05-05 02:30"],
            ),
            begins: "2026-01-10T00:00:00Z",
        })
        .await;
        check(rig, 375).await;
    });
}

#[test]
fn the_command_says_what_the_daemon_does() {
    run(async {
        let mut rig = Rig::new(Scene {
            zone: "Europe/London",
            rules: "jitter = \"20m\"\nquiet = \"23:00-06:00\"",
            accounts: &[("one", 0, "slots = [\"daily 09:00,12:00\"]")],
            posts: (0..20).map(|number| (format!("post-{number:02}"), format!("Number {number}.\n"))).collect(),
            begins: "2026-10-20T12:30:00Z",
        })
        .await;
        let shown = Command::new(env!("CARGO_BIN_EXE_watchpost"))
            .args(["plan", "--days", "8", "--from", "2026-10-20T12:30:00Z", "--json", "--campaign"])
            .arg(rig.folder())
            .output()
            .unwrap();
        assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
        let rows: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
        let rows = rows.as_array().or_else(|| rows["planned"].as_array()).expect("the planned posts").clone();
        let told: Vec<(String, String)> = rows
            .iter()
            .map(|row| (stamp(at(row["at"].as_str().unwrap())), row["post"].as_str().unwrap().to_owned()))
            .collect();
        rig.live_until(at("2026-10-28T12:29:59Z")).await;
        let said: Vec<(String, String)> = rig
            .said_since(at("2026-10-20T12:30:00Z"))
            .iter()
            .map(|line| {
                let mut words = line.splitn(3, ' ');
                let (time, text) = (words.next().unwrap(), words.nth(1).unwrap());
                let number: usize = text.trim_start_matches("Number ").trim_end_matches('.').parse().unwrap();
                (time.to_owned(), format!("post-{number:02}"))
            })
            .collect();
        assert_eq!(told, said);
        assert_eq!(said.len(), 16);
        rig.finish().await;
    });
}
