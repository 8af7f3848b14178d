//! The page, the list and the JSON of a plan, as people and programs read them.

use chrono::Duration;

use super::*;
use crate::core::ids::{Lang, TopicId};
use crate::core::plan::AccountCalendar;
use crate::core::post::When;
use crate::core::schedule::{Slot, days_later, parse_moment};

const ZONE: Tz = chrono_tz::America::New_York;

fn post(id: &str, when: When, parts: &[&str]) -> Post {
    Post {
        topic: Some(TopicId::from("ring")),
        ..Post::new(PostId::from(id), when, Lang::from("en"), parts.iter().map(|part| (*part).to_owned()).collect())
    }
}

fn shared(posts: &[Post]) -> Vec<Arc<Post>> {
    posts.iter().cloned().map(Arc::new).collect()
}

fn shown(posts: &[Post], from: &str, days: u32, json: bool) -> String {
    let slots = vec![Slot::parse("Sat 09:00").unwrap()];
    let accounts = [AccountCalendar::new(AccountName::from("eyes"), slots)];
    let from = parse_moment(from).unwrap().resolve(ZONE).instant;
    let until = days_later(from, days, ZONE).unwrap();
    let window = Window { at_from: from, every_from: from, slots_from: from, until };
    let history = &History::default();
    let calendar = plan(posts, &accounts, ZONE, &History::default(), window);
    let mut out = Vec::new();
    if json {
        plan_json::write(&mut out, &calendar, ZONE).unwrap();
    } else {
        let posts = &shared(posts);
        Page { name: "Eyes", posts, accounts: &accounts, history, zone: ZONE, days, window }
            .write(&mut out, &calendar)
            .unwrap();
    }
    String::from_utf8(out).unwrap()
}

fn posts() -> Vec<Post> {
    let night = When::Every(Slot::parse("Sun 02:30").unwrap());
    let mut posts = vec![
        post("launch", When::At(parse_moment("2026-03-07 17:30").unwrap()), &["One line.\n\nTwo.", "More."]),
        post(
            "queue/first",
            When::NextSlot,
            &["A text that is a good deal longer than a line of the calendar has room for"],
        ),
        post("night", night, &["Good night"]),
    ];
    posts.extend((1..=7).map(|number| post(&format!("later-{number}"), When::NextSlot, &["x"])));
    posts
}

#[test]
fn the_calendar_reads_by_day_with_local_times_and_says_what_waits() {
    let expected = "\
Eyes: Sat 7 Mar 2026 00:00 to Mon 9 Mar 2026 00:00 (America/New_York)

Saturday 7 March 2026
  09:00 EST  eyes  queue/first  slot   1 part   A text that is a good deal longer than a line of…
  17:30 EST  eyes  launch       at     2 parts  One line. Two.

Sunday 8 March 2026
  03:00 EDT  eyes  night        every  1 part   Good night [02:30 is skipped by the clock change]

Waiting
  later-1, later-2, later-3, later-4, later-5 and 2 more: no free slot before 2026-03-09 00:00
";
    assert_eq!(shown(&posts(), "2026-03-07 00:00", 2, false), expected);
}

#[test]
fn the_calendar_says_which_rules_are_broken_and_which_slots_they_empty() {
    let slots = vec![Slot::parse("Sat 09:00,10:00,12:00").unwrap()];
    let mut account = AccountCalendar::new(AccountName::from("eyes"), slots);
    account.rules.min_spacing = Duration::minutes(45);
    let posts = [
        post("one", When::At(parse_moment("2026-03-07 09:30").unwrap()), &["One"]),
        post("two", When::At(parse_moment("2026-03-07 10:00").unwrap()), &["Two"]),
    ];
    let from = parse_moment("2026-03-07 00:00").unwrap().resolve(ZONE).instant;
    let until = days_later(from, 1, ZONE).unwrap();
    let window = Window { at_from: from, every_from: from, slots_from: from, until };
    let history = &History::default();
    let calendar = plan(&posts, std::slice::from_ref(&account), ZONE, &History::default(), window);
    let mut out = Vec::new();
    Page { name: "Eyes", posts: &shared(&posts), accounts: &[account], history, zone: ZONE, days: 1, window }
        .write(&mut out, &calendar)
        .unwrap();
    let expected = "
Against a rule (goes out all the same)
  Sat 7 Mar 10:00 eyes two: only 30 min from one

Slots that stay empty
  Sat 7 Mar 09:00 eyes: only 30 min from one
  Sat 7 Mar 10:00 eyes: at the same time as two
";
    let shown = String::from_utf8(out).unwrap();
    assert!(shown.ends_with(expected), "{shown}");
}

#[test]
fn an_empty_calendar_says_so() {
    assert!(shown(&[], "2026-03-07 00:00", 1, false).ends_with("\nNothing goes out in this day.\n"));
    assert!(shown(&[], "2026-03-07 00:00", 9, false).ends_with("\nNothing goes out in these 9 days.\n"));
}

#[test]
fn the_json_is_one_document_in_time_order_with_the_campaigns_offset() {
    let text = shown(&posts(), "2026-03-07 00:00", 2, true);
    let rows: serde_json::Value = serde_json::from_str(&text).unwrap();
    let expected = serde_json::json!([
        { "at": "2026-03-07T09:00:00-05:00", "account": "eyes", "post": "queue/first", "parts": 1, "kind": "slot" },
        { "at": "2026-03-07T17:30:00-05:00", "account": "eyes", "post": "launch", "parts": 2, "kind": "at" },
        { "at": "2026-03-08T03:00:00-04:00", "account": "eyes", "post": "night", "parts": 1, "kind": "every" },
    ]);
    assert_eq!(rows, expected);
    assert_eq!(shown(&[], "2026-03-07 00:00", 2, true), "[]\n");
}

#[test]
fn more_days_than_the_calendar_has_are_refused() {
    assert!(days_later(DateTime::UNIX_EPOCH, u32::MAX, ZONE).is_none());
}

#[test]
fn lists_read_as_sentences() {
    assert_eq!(listed(&["a"]), "a");
    assert_eq!(listed(&["a", "b"]), "a and b");
    assert_eq!(listed(&["a", "b", "c", "d", "e"]), "a, b, c, d and e");
    assert_eq!(listed(&["a", "b", "c", "d", "e", "f"]), "a, b, c, d, e and 1 more");
}
