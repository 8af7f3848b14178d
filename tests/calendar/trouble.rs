//! What `plan` said is what happened, also where staff and machines interfere: pauses with and without an end, holds,
//! moves, edits, a post said once more, downtime. After each of them the plan is asked anew, and it holds until the next.

use chrono::{DateTime, Duration, Utc};
use watchpost::core::ids::{AccountName, PostId};
use watchpost::store::deliveries::Wish;
use watchpost::store::order::Move;
use watchpost::store::sending::Turn;

use crate::rig::{Rig, Scene, run};

fn posts() -> Vec<(String, String)> {
    let mut posts: Vec<(String, String)> = Vec::new();
    for number in 0..60 {
        let keys = match number % 7 {
            2 => "---\naccounts: [one]\n---\n",
            5 => "---\ntopic: ring\n---\n",
            _ => "",
        };
        posts.push((format!("100-queue-{number:02}"), format!("{keys}Queued {number}.\n")));
    }
    // An exact time every 31 hours: some pass in pauses, some in downtime.
    let first = chrono::NaiveDate::from_ymd_opt(2026, 10, 12).unwrap().and_hms_opt(7, 13, 0).unwrap();
    for number in 0..40 {
        let at = first + Duration::hours(31 * number);
        let late = ["", "late: hold\n", "late: skip\n"][usize::try_from(number % 3).unwrap()];
        let text = format!("---\nat: {}\n{late}---\nExact {number}.\n", at.format("%Y-%m-%d %H:%M"));
        posts.push((format!("200-at-{number:02}"), text));
    }
    posts.push(("300-every".to_owned(), "---\nevery: daily 12:40\n---\nRepeated.\n".to_owned()));
    posts.push(("301-counted".to_owned(), "---\nevery: Mon,Thu 18:00\ntimes: 9\n---\nCounted.\n".to_owned()));
    for number in 0..4 {
        posts.push((
            format!("500-green-{number}"),
            format!("---\nevergreen: true\ncooldown: 3d\n---\nGreen {number}.\n"),
        ));
    }
    posts
}

/// What somebody does.
#[derive(Clone, Copy, Debug)]
enum Event {
    PauseFor(Option<&'static str>, i64),
    Pause(Option<&'static str>),
    Resume,
    Hold(&'static str),
    Release(&'static str),
    MoveFirst(&'static str),
    Down(i64),
    Edit(&'static str, &'static str),
    Nothing,
}

async fn happens(rig: &mut Rig, event: Event) -> Vec<(DateTime<Utc>, Vec<String>)> {
    let now = rig.now();
    let store = rig.daemon().ctx.store.clone();
    match event {
        Event::PauseFor(account, hours) => {
            let until = Some(now + Duration::hours(hours));
            store.pause(account.map(AccountName::from).as_ref(), Turn::Posts, until, "grief", now).await.unwrap();
        }
        Event::Pause(account) => {
            store.pause(account.map(AccountName::from).as_ref(), Turn::Posts, None, "", now).await.unwrap();
        }
        Event::Resume => {
            store.resume(None, Turn::Posts, now).await.unwrap();
        }
        Event::Hold(id) => {
            store.steer_post(&PostId::from(id), Wish::Hold, "lawyer", now).await.unwrap();
        }
        Event::Release(id) => {
            store.steer_post(&PostId::from(id), Wish::Release, "", now).await.unwrap();
        }
        Event::MoveFirst(id) => store.move_post(&PostId::from(id), &Move::First, None).await.unwrap(),
        Event::Edit(id, text) => {
            drop(store);
            rig.write(&format!("posts/{id}.md"), text).await;
            return Vec::new();
        }
        Event::Down(hours) => {
            drop(store);
            rig.stop().await;
            rig.pass(Duration::hours(hours));
            // Whoever looks while it is down is told what its start will do.
            let far = rig.now() + Duration::days(9);
            let plan = rig.promised(far).await;
            assert!(!plan.late.is_empty(), "nothing is late after {hours} h");
            let promise = rig.lines(&plan);
            let when = rig.now();
            rig.start().await;
            return vec![(when, promise)];
        }
        Event::Nothing => {}
    }
    rig.plan().await;
    Vec::new()
}

const EVENTS: &[(i64, Event)] = &[
    (20, Event::PauseFor(None, 50)),
    (90, Event::Hold("100-queue-07")),
    (13, Event::PauseFor(Some("one"), 30)),
    (41, Event::Down(5)),
    (29, Event::MoveFirst("100-queue-40")),
    (17, Event::Pause(Some("two"))),
    (47, Event::Resume),
    (23, Event::Down(30)),
    (31, Event::Release("100-queue-07")),
    (3, Event::Edit("200-at-20", "---\nat: 2026-11-07 20:20\n---\nMoved by hand.\n")),
    (44, Event::Pause(None)),
    (19, Event::Down(9)),
    (8, Event::Resume),
    (70, Event::Edit("100-queue-30", "---\naccounts: [two]\n---\nOther words.\n")),
    (26, Event::PauseFor(Some("two"), 3)),
    (2, Event::Hold("200-at-31")),
    (90, Event::Nothing),
];

#[test]
fn what_plan_said_is_what_happened_whatever_staff_and_machines_do() {
    run(async {
        let mut rig = Rig::new(Scene {
            zone: "America/New_York",
            rules: "min_spacing = \"25m\"\ndaily_cap = 5\njitter = \"4m\"",
            accounts: &[
                ("one", 0, "slots = [\"daily 09:00,17:30\"]"),
                ("two", 1, "slots = [\"daily 08:10\", \"Sat 22:00\"]"),
            ],
            posts: posts(),
            begins: "2026-10-12T08:00:00-04:00",
        })
        .await;
        let mut checked = 0;
        for (hours, event) in EVENTS {
            let begin = rig.now();
            let end = begin + Duration::hours(*hours) + Duration::minutes(7);
            let promise = rig.lines(&rig.promised(end + Duration::days(9)).await);
            rig.live_until(end - Duration::milliseconds(1)).await;
            rig.pass(Duration::milliseconds(1));
            checked += compare(&rig, begin, &promise, &format!("before {event:?}"));
            for (when, promise) in happens(&mut rig, *event).await {
                // The start itself sends; what it was to do is compared a little later.
                let end = rig.now() + Duration::hours(2);
                rig.live_until(end - Duration::milliseconds(1)).await;
                rig.pass(Duration::milliseconds(1));
                checked += compare(&rig, when, &promise, &format!("after {event:?}"));
            }
        }
        assert!(checked > 80, "only {checked} statuses");
        rig.finish().await;
    });
}

/// Everything said since `begin`, up to now, is what was promised, and the other way round.
fn compare(rig: &Rig, begin: DateTime<Utc>, promise: &[String], what: &str) -> usize {
    let now = rig.now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let promised: Vec<&String> = promise.iter().filter(|line| **line < now).collect();
    let all = rig.said_since(begin);
    let said: Vec<&String> = all.iter().filter(|line| **line < now).collect();
    assert_eq!(promised, said, "{what}");
    said.len()
}
