//! The calendar as people see it, drawn plainly.

use super::*;
use crate::core::ids::Lang;
use crate::core::plan::{AccountCalendar, History, Window, plan};
use crate::core::schedule::{Slot, parse_moment};

const ZONE: Tz = chrono_tz::America::New_York;

fn post(id: &str, when: When, text: &str) -> Post {
    Post::new(PostId::from(id), when, Lang::from("en"), vec![text.to_owned()])
}

fn at(text: &str) -> When {
    When::At(parse_moment(text).unwrap())
}

fn drawn(posts: &[Post], accounts: &[AccountCalendar], from: &str, days: i64, width: usize, ink: Ink) -> String {
    let from = parse_moment(from).unwrap().resolve(ZONE).instant;
    let until = from + Duration::days(days);
    let window = Window { at_from: from, every_from: from, slots_from: from, until };
    let plan = plan(posts, accounts, ZONE, &History::default(), window);
    let today = from.with_timezone(&ZONE).date_naive();
    let held = [post("held", at("2026-03-07 10:00"), "Kept back by staff")];
    let held = if posts.is_empty() { &[][..] } else { &held[..] };
    let (name, zone) = ("Eyes on Amazon", ZONE);
    let posts: &Vec<Arc<Post>> = &posts.iter().cloned().map(Arc::new).collect();
    draw(&Week { name, posts, held, accounts, zone, from, until, today, width, ink }, &plan)
}

fn accounts() -> [AccountCalendar; 2] {
    let slots = |words: &[&str]| words.iter().map(|words| Slot::parse(words).unwrap()).collect();
    [
        AccountCalendar::new(AccountName::from("eyes"), slots(&["Mon-Fri 09:00"])),
        AccountCalendar::new(AccountName::from("vigila"), slots(&["Sun 08:00,09:00,10:00,11:00"])),
    ]
}

fn posts() -> Vec<Post> {
    let thread = Post {
        parts: vec![
            "A thread about doorbells and who looks at what they see, in several parts".to_owned(),
            "b".to_owned(),
        ],
        ..post("thread", When::NextSlot, "")
    };
    vec![
        Post { accounts: vec![AccountName::from("eyes")], ..thread },
        post("both", at("2026-03-05 17:30"), "Both accounts say this"),
        Post { readiness: Readiness::Review, ..post("waits", at("2026-03-06 12:00"), "Not approved yet") },
        Post { readiness: Readiness::Draft, ..post("draft", at("2026-03-06 13:00:30"), "A draft") },
        post("night", When::Every(Slot::parse("Sun 02:30").unwrap()), "Good night 老虎 \u{202e}!"),
    ]
}

#[test]
fn eighty_columns_show_days_with_their_times_gaps_and_what_is_open() {
    let expected = "\
Eyes on Amazon · 4 Mar – 11 Mar 2026 · times of America/New York

Week 10 · 4–8 March 2026 ───────────────────────────────────────────────────────
 Wed 4 today  09:00     eyes    A thread about doorbells and who…      slot ×2
 Thu 5        09:00     eyes    · free
              17:30     all     Both accounts say this                 at
 Fri 6        09:00     eyes    · free
              12:00     all     Not approved yet                       approval?
              13:00:30  all     A draft                                draft
 Sat 7        10:00     all     Kept back by staff                     held
 Sun 8        clocks go forward 1 h
              03:00     all     Good night 老虎 !                      every
                        ! 02:30 does not exist that day: the clocks go forward
              08:00     vigila  · free: 4 slots until 11:00

Week 11 · 9–11 March 2026 ──────────────────────────────────────────────────────
 Mon 9        09:00     eyes    · free
 Tue 10       09:00     eyes    · free
 Wed 11       nothing

5 go out · 8 free slots · 3 do not, as they stand · 1 to look at (!)
The posts' ids: watchpost plan --list
";
    let shown = drawn(&posts(), &accounts(), "2026-03-04 00:00", 7, 80, Ink::Plain);
    assert_eq!(shown, expected);
}

#[test]
fn no_line_is_wider_than_the_terminal_and_colours_change_no_letter() {
    for width in [50, 60, 80, 100, 119, 120, 140, 180] {
        let plain = drawn(&posts(), &accounts(), "2026-03-04 00:00", 9, width, Ink::Plain);
        for line in plain.lines() {
            assert!(ink::width(line) <= width, "{width}: {line}");
        }
        let colours = drawn(&posts(), &accounts(), "2026-03-04 00:00", 9, width, Ink::Colours);
        assert!(colours.contains("\u{1b}["));
        let mut bare = String::new();
        let mut inside = false;
        for letter in colours.chars() {
            match letter {
                '\u{1b}' => inside = true,
                'm' if inside => inside = false,
                _ if inside => {}
                letter => bare.push(letter),
            }
        }
        let trimmed = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
        assert_eq!(trimmed(&bare), trimmed(&plain), "{width}");
    }
}

#[test]
fn wide_terminals_show_seven_columns() {
    let shown = drawn(&posts(), &accounts(), "2026-03-04 00:00", 7, 140, Ink::Plain);
    let header = shown.lines().find(|line| line.contains("Mon 2")).unwrap();
    for day in ["Mon 2", "Tue 3", "Wed 4 today", "Thu 5", "Fri 6", "Sat 7", "Sun 8"] {
        assert!(header.contains(day), "{shown}");
    }
    assert!(shown.contains("17:30 all") && shown.contains("approval?"), "{shown}");
}

#[test]
fn an_empty_week_says_so() {
    let shown = drawn(&[], &accounts()[..0], "2026-03-04 00:00", 7, 80, Ink::Plain);
    assert!(shown.contains(" Wed 4 today  nothing\n Thu 5 – Sat 7 nothing\n"), "{shown}");
    assert!(shown.contains("\nNothing goes out\n"), "{shown}");
}
