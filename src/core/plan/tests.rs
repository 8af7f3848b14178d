//! Where posts land, what waits and why; and the words in which the other tests of planning are written.

use chrono_tz::America::New_York;

use super::*;
use crate::core::ids::Lang;
use crate::core::post::{Moment, Readiness, When};
use crate::core::schedule::parse_moment;

/// A ready slot post for all accounts.
pub(super) fn post(id: &str) -> Post {
    Post::new(PostId::from(id), When::NextSlot, Lang::from("en"), vec!["Text".to_owned()])
}

/// `at 2026-11-03 09:00`, `every Tue 12:00`, `evergreen` or `slot`.
pub(super) fn when(id: &str, when: &str) -> Post {
    let when = match when.split_once(' ') {
        Some(("at", time)) => When::At(parse_moment(time).unwrap()),
        Some(("every", slot)) => When::Every(Slot::parse(slot).unwrap()),
        _ if when == "evergreen" => When::Evergreen,
        _ => When::NextSlot,
    };
    Post { when, ..post(id) }
}

pub(super) fn about(topic: &str, post: Post) -> Post {
    Post { topic: Some(TopicId::from(topic)), ..post }
}

pub(super) fn on(accounts: &[&str], post: Post) -> Post {
    Post { accounts: accounts.iter().map(|name| AccountName::from(*name)).collect(), ..post }
}

pub(super) fn expiring(time: &str, post: Post) -> Post {
    Post { expires: Some(parse_moment(time).unwrap()), ..post }
}

pub(super) fn account(name: &str, slots: &[&str]) -> AccountCalendar {
    let slots = slots.iter().map(|slot| Slot::parse(slot).unwrap()).collect();
    AccountCalendar::new(AccountName::from(name), slots)
}

pub(super) fn local(text: &str) -> DateTime<Utc> {
    parse_moment(text).unwrap().resolve(New_York).instant
}

pub(super) fn nominal(text: &str) -> NaiveDateTime {
    match parse_moment(text).unwrap() {
        Moment::Local(local) => local,
        Moment::Instant(instant) => instant.naive_utc(),
    }
}

/// From Monday, 2 November 2026, midnight in New York.
pub(super) fn days(days: i64) -> Window {
    let from = local("2026-11-02 00:00");
    Window { at_from: from, every_from: from, slots_from: from, until: from + Duration::days(days) }
}

pub(super) fn lines(plan: &Plan) -> Vec<String> {
    let line = |planned: &Planned| {
        let time = planned.at.with_timezone(&New_York).format("%a %H:%M");
        let kind = match planned.kind {
            Kind::At => "at",
            Kind::Slot => "slot",
            Kind::Every => "every",
            Kind::Evergreen => "evergreen",
        };
        format!("{time} {} {} {kind}", planned.account, planned.post)
    };
    let waiting = |waiting: &Waiting| {
        let account = waiting.account.as_ref().map_or("all", |account| account.as_str());
        let why: Vec<&str> = waiting.why.split(' ').take(3).collect();
        format!("{} on {account}: {}", waiting.post, why.join(" "))
    };
    plan.planned.iter().map(line).chain(plan.waiting.iter().map(waiting)).collect()
}

#[track_caller]
pub(super) fn check_with(
    posts: &[Post],
    accounts: &[AccountCalendar],
    history: &History,
    window: Window,
    expected: &[&str],
) {
    assert_eq!(lines(&plan(posts, accounts, New_York, history, window)), expected);
}

#[track_caller]
pub(super) fn check(posts: &[Post], accounts: &[AccountCalendar], window: Window, expected: &[&str]) {
    check_with(posts, accounts, &History::default(), window, expected);
}

#[test]
fn each_kind_of_post_stands_at_its_time() {
    let posts = [
        post("first"),
        when("launch", "at 2026-11-02 10:30"),
        when("weekly", "every Tue 12:00"),
        post("second"),
        when("always", "evergreen"),
    ];
    check(
        &posts,
        &[account("eyes", &["Mon-Fri 09:00"])],
        days(3),
        &[
            "Mon 09:00 eyes first slot",
            "Mon 10:30 eyes launch at",
            "Tue 09:00 eyes second slot",
            "Tue 12:00 eyes weekly every",
            "Wed 09:00 eyes always evergreen",
        ],
    );
}

#[test]
fn a_post_carries_its_occurrence_its_parts_and_its_expiry() {
    let mut thread = expiring("2026-11-02 15:00", when("thread", "at 2026-11-02 10:30"));
    thread.parts.push("More".to_owned());
    let posts = [thread, when("weekly", "every Tue 12:00"), post("queued")];
    let calendar = plan(&posts, &[account("eyes", &["Mon 09:00"])], New_York, &History::default(), days(7));
    let facts: Vec<_> = calendar
        .planned
        .iter()
        .map(|planned| (planned.post.as_str(), planned.occurrence.as_str(), planned.parts, planned.expires_at))
        .collect();
    assert_eq!(
        facts,
        [
            ("queued", "once", 1, local("2026-11-02 15:00")),
            ("thread", "once", 2, local("2026-11-02 15:00")),
            ("weekly", "2026-11-03T12:00:00", 1, local("2026-11-03 18:00")),
        ]
    );
}

#[test]
fn every_account_works_through_the_queue_at_its_own_pace() {
    let posts = [post("one"), on(&["two"], post("only-two")), post("three"), on(&["one"], post("only-one"))];
    let accounts = [account("one", &["Mon-Sun 09:00"]), account("two", &["Mon,Wed 09:00"])];
    check(
        &posts,
        &accounts,
        days(4),
        &[
            "Mon 09:00 one one slot",
            "Mon 09:00 two one slot",
            "Tue 09:00 one three slot",
            "Wed 09:00 one only-one slot",
            "Wed 09:00 two only-two slot",
            "three on two: no free slot",
        ],
    );
}

#[test]
fn a_post_that_waits_on_several_accounts_is_one_line() {
    let accounts = [account("one", &["Mon 09:00"]), account("two", &["Fri 09:00"]), account("three", &["Fri 09:00"])];
    check(
        &[post("first"), post("second")],
        &accounts,
        days(1),
        &["Mon 09:00 one first slot", "first on all: no free slot", "second on all: no free slot"],
    );
}

#[test]
fn a_slot_and_an_at_post_at_the_same_instant_both_stay() {
    let posts = [post("queued"), when("dated", "at 2026-11-02 09:00")];
    let accounts = [account("eyes", &["Mon 09:00", "Mon-Tue 09:00"])];
    check(&posts, &accounts, days(1), &["Mon 09:00 eyes dated at", "Mon 09:00 eyes queued slot"]);
}

#[test]
fn the_window_takes_its_first_instant_and_leaves_its_last() {
    let posts = [
        when("first", "at 2026-11-02 00:00"),
        when("last", "at 2026-11-03 00:00"),
        when("before", "at 2026-11-01 23:59"),
        when("each", "every daily 00:00"),
    ];
    check(&posts, &[account("eyes", &[])], days(1), &["Mon 00:00 eyes first at", "Mon 00:00 eyes each every"]);
    let window = Window { at_from: local("2026-11-01 00:00"), slots_from: local("2026-11-02 12:00"), ..days(1) };
    let posts = [when("late", "at 2026-11-01 23:59"), post("queued")];
    // What the window holds from before now is late, and no part of what is to come.
    check(&posts, &[account("eyes", &["daily 09:00,15:00"])], window, &["Mon 15:00 eyes queued slot"]);
}

#[test]
fn what_waits_says_why() {
    let draft = Post { readiness: Readiness::Draft, ..when("draft", "at 2026-11-02 09:00") };
    let posts = [
        draft,
        post("one"),
        post("two"),
        expiring("2026-11-03 08:00", post("brief")),
        expiring("2026-11-02 08:00", when("stale", "at 2026-11-02 09:00")),
        on(&["nobody"], post("lost")),
        on(&["mute"], post("unheard")),
        on(&["mute"], when("green", "evergreen")),
        expiring("2026-12-24 18:00", post("later")),
    ];
    check(
        &posts,
        &[account("eyes", &["Mon 09:00"]), account("mute", &[])],
        days(2),
        &[
            "Mon 09:00 eyes one slot",
            "draft on all: a draft: set",
            "one on mute: no slots: give",
            "two on mute: no slots: give",
            "two on all: no free slot",
            "brief on mute: no slots: give",
            "brief on all: it expires before",
            "stale on all: its `expires` is",
            "lost on nobody: no account has",
            "unheard on all: no slots: give",
            "green on all: no slots: give",
            "later on mute: no slots: give",
            "later on all: no free slot",
        ],
    );
    check(&[post("one")], &[], days(2), &["one on all: the campaign has"]);
}

#[test]
fn a_post_that_expires_before_its_slot_gives_the_slot_to_the_next() {
    let posts = [expiring("2026-11-02 09:00", post("brief")), post("next"), expiring("2026-11-03 09:01", post("just"))];
    check(
        &posts,
        &[account("eyes", &["daily 09:00"])],
        days(2),
        &["Mon 09:00 eyes next slot", "Tue 09:00 eyes just slot", "brief on all: it expires before"],
    );
}

#[test]
fn what_has_a_row_is_neither_moved_nor_repeated() {
    let mut history = History::default();
    let taken = |post: &str, occurrence: Occurrence| (AccountName::from("eyes"), PostId::from(post), occurrence);
    let noon = parse_moment("2026-11-03 12:00").unwrap().resolve(New_York).instant;
    history.taken.insert(taken("said", Occurrence::once()));
    history.taken.insert(taken("dated", Occurrence::once()));
    history.taken.insert(taken("done", Occurrence::once()));
    history.taken.insert(taken("weekly", Occurrence::local(noon.with_timezone(&New_York).naive_local())));
    history.slots_used.insert((AccountName::from("eyes"), local("2026-11-02 09:00")));
    let posts = [
        post("said"),
        when("dated", "at 2026-11-02 10:00"),
        when("weekly", "every Tue,Wed 12:00"),
        post("next"),
        Post { readiness: Readiness::Draft, ..post("done") },
        post("next"),
    ];
    check_with(
        &posts,
        &[account("eyes", &["daily 09:00"])],
        &history,
        days(3),
        &["Tue 09:00 eyes next slot", "Wed 12:00 eyes weekly every", "next on all: an earlier post"],
    );
}

#[test]
fn a_time_in_the_spring_gap_keeps_its_nominal_time() {
    let posts = [when("night", "every daily 02:30")];
    let from = local("2026-03-08 00:00");
    let window = Window { at_from: from, every_from: from, slots_from: from, until: from + Duration::hours(20) };
    let calendar = plan(&posts, &[account("eyes", &[])], New_York, &History::default(), window);
    let only = calendar.planned.first().unwrap();
    assert_eq!(only.at, local("2026-03-08 03:00"));
    assert_eq!(only.occurrence.as_str(), "2026-03-08T02:30:00");
}

#[test]
fn a_large_queue_is_placed_without_looking_at_all_of_it_again_and_again() {
    let posts: Vec<Post> = (0..20_000).map(|number| post(&format!("p{number}"))).collect();
    let names: Vec<String> = (0..50).map(|number| format!("a{number}")).collect();
    let accounts: Vec<AccountCalendar> = names.iter().map(|name| account(name, &["daily 09:00,17:00"])).collect();
    let calendar = plan(&posts, &accounts, New_York, &History::default(), days(30));
    assert_eq!(calendar.planned.len(), 60 * 50);
    assert_eq!(calendar.waiting.len(), 20_000 - 60);
}
