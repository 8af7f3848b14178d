//! Evergreen posts: who takes a slot that is left over, who rests, and which topic is not said twice.

use chrono_tz::America::New_York;

use super::tests::*;
use super::*;
use crate::core::post::Repeat;

#[test]
fn evergreen_takes_the_least_recently_used_and_rests_it() {
    let posts = [when("a", "evergreen"), when("b", "evergreen"), when("c", "evergreen")];
    let mut history = History::default();
    let mut used = |post: &str, time: &str| {
        history.last_used.insert((AccountName::from("eyes"), PostId::from(post)), nominal(time));
    };
    used("a", "2026-10-13 09:00");
    used("b", "2026-10-12 09:00");
    check_with(
        &posts,
        &[account("eyes", &["daily 09:00"])],
        &history,
        days(24),
        &[
            "Mon 09:00 eyes c evergreen",
            "Tue 09:00 eyes b evergreen",
            "Wed 09:00 eyes a evergreen",
            "Mon 09:00 eyes c evergreen",
            "Tue 09:00 eyes b evergreen",
            "Wed 09:00 eyes a evergreen",
        ],
    );
}

#[test]
fn evergreen_does_not_say_the_topic_just_spoken() {
    let posts = [
        about("ring", when("ring-1", "evergreen")),
        about("ring", when("ring-2", "evergreen")),
        about("aws", when("aws-1", "evergreen")),
        about("aws", when("dated", "at 2026-11-04 08:00")),
        when("plain-1", "evergreen"),
    ];
    // Monday ring; Tuesday aws, because ring was just spoken; Wednesday ring; Thursday the one without a topic,
    // after which nothing is left that has rested.
    check(
        &posts,
        &[account("eyes", &["daily 09:00"])],
        days(5),
        &[
            "Mon 09:00 eyes ring-1 evergreen",
            "Tue 09:00 eyes aws-1 evergreen",
            "Wed 08:00 eyes dated at",
            "Wed 09:00 eyes ring-2 evergreen",
            "Thu 09:00 eyes plain-1 evergreen",
        ],
    );
    let history = History {
        last_topic: HashMap::from([(AccountName::from("eyes"), TopicId::from("ring"))]),
        ..History::default()
    };
    let ring = [about("ring", when("ring-1", "evergreen")), when("dated", "at 2026-11-03 08:00")];
    check_with(
        &ring,
        &[account("eyes", &["daily 09:00"])],
        &history,
        days(2),
        &["Tue 08:00 eyes dated at", "Tue 09:00 eyes ring-1 evergreen"],
    );
}

#[test]
fn the_last_topic_is_the_historys_until_something_newer_is_said_even_by_a_row_that_stands() {
    let eyes = AccountName::from("eyes");
    let history = History {
        taken: ["yesterday", "today"].map(|post| (eyes.clone(), PostId::from(post), Occurrence::once())).into(),
        last_topic: HashMap::from([(eyes, TopicId::from("aws"))]),
        ..History::default()
    };
    let posts = [
        about("ring", when("yesterday", "at 2026-11-01 10:00")),
        about("ring", when("today", "at 2026-11-02 10:00")),
        about("aws", when("aws-1", "evergreen")),
        about("ring", when("ring-1", "evergreen")),
        about("ring", when("ring-2", "evergreen")),
    ];
    let window = Window { at_from: DateTime::<Utc>::MIN_UTC, ..days(1) };
    check_with(
        &posts,
        &[account("eyes", &["daily 09:00,11:00"])],
        &history,
        window,
        &["Mon 09:00 eyes ring-1 evergreen", "Mon 11:00 eyes aws-1 evergreen"],
    );
}

#[test]
fn an_expired_evergreen_post_is_not_said() {
    let posts = [expiring("2026-11-03 09:00", when("old", "evergreen")), when("green", "evergreen")];
    let history = History {
        last_used: HashMap::from([((AccountName::from("eyes"), PostId::from("green")), nominal("2026-10-01 09:00"))]),
        ..History::default()
    };
    check_with(&posts, &[account("eyes", &["Mon 09:00"])], &history, days(1), &["Mon 09:00 eyes old evergreen"]);
    check_with(&posts, &[account("eyes", &["Tue 09:00"])], &history, days(2), &["Tue 09:00 eyes green evergreen"]);
}

#[test]
fn a_slot_that_stays_empty_so_that_nothing_comes_twice_says_so() {
    let why = |posts: &[Post]| {
        let calendar = plan(posts, &[account("eyes", &["daily 09:00"])], New_York, &History::default(), days(2));
        calendar.idle.into_iter().map(|slot| slot.why).collect::<Vec<_>>()
    };
    let rested = |post: Post| Post { repeat: Repeat { cooldown_days: Some(0), ..Repeat::default() }, ..post };
    let twice = |post: &str| vec![Idle::Twice { post: post.into() }];
    assert_eq!(why(&[rested(when("only", "evergreen"))]), twice("only"));
    let ring = |id| rested(about("ring", when(id, "evergreen")));
    assert_eq!(why(&[ring("one"), ring("two")]), twice("two"));
    assert_eq!(why(&[when("rests", "evergreen")]), vec![Idle::NothingWaits]);
}
