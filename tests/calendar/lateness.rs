//! Late posts: sent at once, at a pace, held, expired, as each says; no flood after downtime, and every row that was not
//! sent says why and, where a person can do something, what.

use chrono::Duration;
use watchpost::core::delivery::State;

use crate::rig::{Rig, Scene, at, run};

fn scene(posts: &[(&str, &str)]) -> Scene<'static> {
    Scene {
        zone: "America/New_York",
        rules: "",
        accounts: &[("one", 0, "slots = [\"daily 09:00\"]")],
        posts: posts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect(),
        begins: "2026-12-01T08:00:00-05:00",
    }
}

/// Down from 08:00 for so long; then an hour of work.
async fn back_after(posts: &[(&str, &str)], down: Duration) -> Rig {
    let mut rig = Rig::new(scene(posts)).await;
    rig.stop().await;
    rig.pass(down);
    rig.start().await;
    let end = rig.now() + Duration::hours(1);
    rig.live_until(end).await;
    rig
}

fn said_at(rig: &Rig) -> Vec<String> {
    rig.said_since(at("2026-12-01T00:00:00Z"))
}

#[test]
fn what_a_post_says_about_being_late_is_obeyed() {
    let late = |word: &str| format!("---\nat: 2026-12-01 09:00\nlate: {word}\n---\nPost {word}.\n");
    let (send, hold, skip) = (late("send"), late("hold"), late("skip"));
    let posts = [("send", send.as_str()), ("hold", hold.as_str()), ("skip", skip.as_str())];
    run(async {
        // Fifteen minutes late is not late yet.
        let rig = back_after(&posts, Duration::minutes(75)).await;
        assert_eq!(said_at(&rig).len(), 3);
        rig.finish().await;
        let rig = back_after(&posts, Duration::minutes(76)).await;
        assert_eq!(said_at(&rig), ["2026-12-01T14:16:00.000Z one Post send."]);
        let (state, reason) = rig.outcome("hold").await.remove(0);
        assert_eq!(state, State::Held);
        assert!(reason.contains("15 min late") && reason.contains("late: hold"), "{reason}");
        let (state, reason) = rig.outcome("skip").await.remove(0);
        assert_eq!(state, State::Expired);
        assert!(reason.contains("15 min late") && reason.contains("late: skip"), "{reason}");
        let notices = rig.daemon().ctx.store.notices().await.unwrap();
        let about_hold = notices.iter().find(|notice| notice.text.contains("hold")).expect("a notice");
        assert!(!about_hold.next_step.is_empty(), "{about_hold:?}");
        rig.finish().await;
    });
}

#[test]
fn after_a_weekend_down_nothing_floods_and_nothing_is_lost_without_a_word() {
    let mut posts: Vec<(String, String)> = Vec::new();
    for hour in 0..48 {
        let time = Duration::hours(hour) + Duration::minutes(7);
        let local = chrono::NaiveDate::from_ymd_opt(2026, 12, 1).unwrap().and_hms_opt(8, 0, 0).unwrap() + time;
        posts.push((
            format!("at-{hour:02}"),
            format!("---\nat: {}\n---\nHour {hour}.\n", local.format("%Y-%m-%d %H:%M")),
        ));
    }
    posts.push(("every".to_owned(), "---\nevery: daily 12:00\n---\nNoon.\n".to_owned()));
    for number in 0..3 {
        posts.push((format!("slot-{number}"), format!("Queued {number}.\n")));
    }
    let posts: Vec<(&str, &str)> = posts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    run(async {
        let mut rig = back_after(&posts, Duration::hours(48)).await;
        let said = said_at(&rig);
        // Two within the quarter of an hour before: none; three late ones, oldest of the last six hours first.
        let texts: Vec<String> = said.iter().map(|line| line.splitn(3, ' ').nth(2).unwrap().to_owned()).collect();
        assert_eq!(texts.len(), 4, "{said:#?}");
        assert_eq!(texts[..3], ["Hour 42.", "Hour 43.", "Hour 44."], "{said:#?}");
        let mut counts = std::collections::BTreeMap::new();
        for hour in 0..48 {
            let (state, reason) = rig.outcome(&format!("at-{hour:02}")).await.remove(0);
            *counts.entry(state.as_str()).or_insert(0) += 1;
            assert!(!matches!(state, State::Expired | State::Held) || !reason.is_empty(), "{hour}: {state:?}");
        }
        assert_eq!(counts.get("expired"), Some(&42), "{counts:?}");
        assert_eq!(counts.get("held"), Some(&3), "{counts:?}");
        for (state, reason) in rig.outcome("every").await {
            assert!(state != State::Expired || !reason.is_empty());
        }
        // The queue lost its slots and nothing else: one a day from then on.
        rig.live_until(at("2026-12-06T09:30:00-05:00")).await;
        let queued: Vec<String> = said_at(&rig).into_iter().filter(|line| line.contains("Queued")).collect();
        assert_eq!(
            queued,
            [
                "2026-12-03T14:00:00.000Z one Queued 0.",
                "2026-12-04T14:00:00.000Z one Queued 1.",
                "2026-12-05T14:00:00.000Z one Queued 2.",
            ]
        );
        rig.finish().await;
    });
}

#[test]
fn a_pinned_post_that_missed_its_slot_expires_with_a_word() {
    run(async {
        let posts = [("pinned", "---\nslot: 2026-12-01 09:00\n---\nPinned.\n"), ("next", "Next.\n")];
        let mut rig = back_after(&posts, Duration::hours(8)).await;
        let (state, reason) = rig.outcome("pinned").await.remove(0);
        assert_eq!((state, reason.is_empty()), (State::Expired, false));
        rig.live_until(at("2026-12-02T09:30:00-05:00")).await;
        assert_eq!(said_at(&rig), ["2026-12-02T14:00:00.000Z one Next."]);
        rig.finish().await;
    });
}

#[test]
fn a_repeated_post_missed_for_days_is_said_once_late_and_each_missed_time_has_its_row() {
    run(async {
        let posts = [("every", "---\nevery: daily 09:00\n---\nGood morning.\n")];
        let rig = back_after(&posts, Duration::hours(24 * 3 + 3)).await;
        assert_eq!(said_at(&rig), ["2026-12-04T16:00:00.000Z one Good morning."]);
        let mut states: Vec<State> = rig.outcome("every").await.into_iter().map(|(state, _)| state).collect();
        states.retain(|state| *state != State::Planned);
        states.sort_by_key(|state| state.as_str());
        assert_eq!(states[..3], [State::Expired; 3]);
        rig.finish().await;
    });
}

#[test]
fn what_stood_in_a_slot_is_not_said_late_in_quiet_hours_or_too_close() {
    run(async {
        let posts = [
            ("010-first", "First.\n"),
            ("020-pinned", "---\nslot: 2026-12-01 21:00\n---\nPinned.\n"),
            ("030-green", "---\nevergreen: true\n---\nGreen.\n"),
            ("040-second", "Second.\n"),
        ];
        let posts = posts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        let mut rig = Rig::new(Scene {
            zone: "America/New_York",
            rules: "quiet = \"22:00-07:00\"\nmin_spacing = \"20m\"",
            accounts: &[("one", 0, "slots = [\"daily 09:00,09:30,21:00,21:55\"]")],
            posts,
            begins: "2026-12-01T10:00:00-05:00",
        })
        .await;
        // Down from ten in the morning until the quiet hours have begun.
        rig.stop().await;
        rig.pass(Duration::hours(12) + Duration::minutes(3));
        let promise = rig.lines(&rig.promised(at("2026-12-02T12:00:00-05:00")).await);
        rig.start().await;
        rig.live_until(at("2026-12-02T12:00:00-05:00")).await;
        let morning = ["2026-12-02T14:00:00.000Z one First.", "2026-12-02T14:30:00.000Z one Second."];
        assert_eq!(said_at(&rig), morning);
        assert_eq!(promise, morning);
        let (state, reason) = rig.outcome("020-pinned").await.remove(0);
        assert!(state != State::Sent && !reason.is_empty(), "{state:?} {reason}");
        rig.finish().await;
    });
}

#[test]
fn so_often_in_all_means_said_so_often() {
    let posts = [
        ("plain", "---\nevery: \"daily 13:00\"\ntimes: 4\n---\nPlain.\n"),
        ("begun", "---\nevery: \"daily 14:00\"\nfrom: 2026-12-01 00:00\ntimes: 4\n---\nBegun.\n"),
    ];
    run(async {
        let mut rig = Rig::new(scene(&posts)).await;
        rig.live_until(at("2026-12-01T20:00:00-05:00")).await;
        rig.stop().await;
        rig.pass(Duration::hours(26));
        rig.start().await;
        // Once what was missed has its row, the plan makes up for it.
        rig.live_until(at("2026-12-02T23:00:00-05:00")).await;
        let promised = rig.promised(at("2026-12-10T00:00:00-05:00")).await;
        let promised = rig.lines(&promised);
        rig.live_until(at("2026-12-10T00:00:00-05:00")).await;
        for name in ["plain", "begun"] {
            let states: Vec<State> = rig.outcome(name).await.into_iter().map(|(state, _)| state).collect();
            let said = states.iter().filter(|state| matches!(state, State::Sent | State::Verified)).count();
            let missed = states.iter().filter(|state| **state == State::Expired).count();
            assert_eq!((said, missed), (4, 1), "{name}: {states:?}");
        }
        assert_eq!(promised.len(), 6, "plan promises the three of each that are left: {promised:?}");
        rig.finish().await;
    });
}
