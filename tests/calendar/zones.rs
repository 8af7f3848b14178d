//! Zone data changes under a queue: what is to come keeps its local time, nothing is lost or said twice.

use chrono::Duration;
use sqlx::Connection;
use watchpost::core::delivery::State;

use crate::rig::{Rig, Scene, at, run};

fn scene<'a>() -> Scene<'a> {
    let post = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    Scene {
        zone: "Africa/Cairo",
        rules: "",
        accounts: &[("one", 0, "slots = [\"daily 10:00\"]")],
        posts: vec![
            post("at", "---\nat: 2026-12-01 09:00\n---\nExact.\n"),
            post("every", "---\nevery: daily 09:30\nuntil: 2026-12-03 00:00\n---\nRepeated.\n"),
            post("slot", "Queued.\n"),
        ],
        begins: "2026-12-01T05:00:00Z",
    }
}

/// Moves every planned row, as rows stand that were written when the zone's offset was another.
async fn shift(rig: &Rig, by: Duration) {
    let url = format!("sqlite://{}", rig.folder().join("data/watchpost.db").display());
    let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    for column in ["due_at", "not_before", "expires_at"] {
        let text =
            format!("UPDATE deliveries SET {column} = {column} + {} WHERE state = 'planned'", by.num_milliseconds());
        sqlx::query(sqlx::AssertSqlSafe(text)).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

const SAID: [&str; 4] = [
    "2026-12-01T07:00:00.000Z one Exact.",
    "2026-12-01T07:30:00.000Z one Repeated.",
    "2026-12-01T08:00:00.000Z one Queued.",
    "2026-12-02T07:30:00.000Z one Repeated.",
];

#[test]
fn rows_planned_with_older_zone_data_are_computed_anew() {
    run(async {
        for hours in [-1, 1, 3] {
            let mut rig = Rig::new(scene()).await;
            shift(&rig, Duration::hours(hours)).await;
            rig.stop().await;
            rig.start().await;
            rig.live_until(at("2026-12-03T00:00:00Z")).await;
            assert_eq!(rig.said_since(at("2026-12-01T00:00:00Z")), SAID, "{hours} h");
            rig.finish().await;
        }
    });
}

#[test]
fn rows_that_look_overdue_by_older_zone_data_wait_for_their_local_time() {
    run(async {
        let mut rig = Rig::new(scene()).await;
        // Three hours too early, and the daemon comes up when they seem overdue and are not.
        shift(&rig, Duration::hours(-3)).await;
        rig.stop().await;
        rig.pass(Duration::minutes(90));
        rig.start().await;
        rig.live_until(at("2026-12-03T00:00:00Z")).await;
        assert_eq!(rig.said_since(at("2026-12-01T00:00:00Z")), SAID);
        rig.finish().await;
    });
}

#[test]
fn a_time_that_newer_zone_data_puts_into_the_past_is_late_and_not_lost() {
    run(async {
        let mut rig = Rig::new(scene()).await;
        shift(&rig, Duration::hours(5)).await;
        rig.stop().await;
        // 10:10 in Cairo; by the old data none of it was due.
        rig.pass(Duration::minutes(190));
        rig.start().await;
        rig.live_until(at("2026-12-03T00:00:00Z")).await;
        assert_eq!(
            rig.said_since(at("2026-12-01T00:00:00Z")),
            [
                "2026-12-01T08:10:00.000Z one Exact.",
                // Late posts leave five minutes apart.
                "2026-12-01T08:15:00.000Z one Repeated.",
                "2026-12-02T07:30:00.000Z one Repeated.",
                "2026-12-02T08:00:00.000Z one Queued.",
            ]
        );
        rig.finish().await;
    });
}

#[test]
fn another_zone_in_the_settings_moves_what_is_to_come_and_repeats_nothing() {
    run(async {
        let mut rig = Rig::new(scene()).await;
        rig.live_until(at("2026-12-01T07:45:00Z")).await;
        let settings = std::fs::read_to_string(rig.folder().join("config/watchpost.toml")).unwrap();
        rig.write("config/watchpost.toml", &settings.replace("Africa/Cairo", "Asia/Kathmandu")).await;
        rig.live_until(at("2026-12-04T00:00:00Z")).await;
        let said = rig.said_since(at("2026-12-01T00:00:00Z"));
        assert_eq!(
            said,
            [
                "2026-12-01T07:00:00.000Z one Exact.",
                "2026-12-01T07:30:00.000Z one Repeated.",
                "2026-12-02T03:45:00.000Z one Repeated.",
                "2026-12-02T04:15:00.000Z one Queued.",
            ]
        );
        assert!(rig.outcome("every").await.iter().all(|(state, _)| matches!(state, State::Sent | State::Verified)));
        rig.finish().await;
    });
}
