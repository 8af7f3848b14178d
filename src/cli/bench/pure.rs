//! Pure functions and the binary itself: matching, planning, size.

use std::collections::BTreeMap;

use anyhow::Context;
use chrono::{DateTime, Duration, NaiveDate, Utc};

use super::{Bench, Row, percentile};
use crate::core::command::CommandBook;
use crate::core::fact::{AsOf, Fact, FactBook};
use crate::core::ids::{AccountName, FactId, Lang, LinkId, PostId, SourceId, TopicId};
use crate::core::matching::Matcher;
use crate::core::mention::MentionText;
use crate::core::plan::{self, AccountCalendar, History, Window};
use crate::core::post::{Moment, Post, When};
use crate::core::schedule::Slot;

/// One file of so many megabytes.
pub(super) fn binary() -> anyhow::Result<Vec<Row>> {
    let file = std::env::current_exe().context("cannot find this program")?;
    #[expect(clippy::cast_precision_loss, reason = "a file's size")]
    let megabytes = std::fs::metadata(&file)?.len() as f64 / 1_000_000.0;
    let note = if cfg!(debug_assertions) { "a debug build" } else { "" };
    Ok(vec![Row::at_most("binary, one file", 20.0, megabytes, "MB").note(note.to_owned())])
}

/// A mention of 500 characters against 10,000 keywords.
pub(super) fn matching(bench: &Bench) -> Vec<Row> {
    let keywords = bench.load(10_000);
    let facts = (0..keywords.div_ceil(10)).map(|number| fact(number, (number * 10..number * 10 + 10).map(word)));
    let book = FactBook { facts: facts.collect(), ..FactBook::default() };
    let matcher = Matcher::new(&book, &CommandBook::default(), &[Lang::new("en"), Lang::new("es")]);
    let mut own = format!("I heard that {} has something to do with this", word(keywords / 2));
    while own.len() < 500 {
        own.push_str(" and nobody here could tell me what the police want with it");
    }
    own.truncate(500);
    let text = MentionText { own, quoted: String::new() };
    let mut times = Vec::new();
    let mut found = 0;
    for _ in 0..2_000 {
        let began = bench.clock.boot();
        found += matcher.read(&text, None).matches.len();
        times.push(bench.clock.boot().saturating_sub(began).as_secs_f64() * 1_000_000.0);
    }
    times.sort_by(f64::total_cmp);
    let note = format!("median; p99 {:.1} µs; {} found each", percentile(&times, 0.99), found / 2_000);
    let what = format!("matching 500 characters, {keywords} keywords");
    vec![Row::at_most(&what, 20.0, percentile(&times, 0.5), "µs").note(note)]
}

/// A word nobody says by chance, spelt from a number.
fn word(number: u32) -> String {
    const SYLLABLES: [&str; 10] = ["ba", "re", "ki", "lo", "mu", "ta", "ne", "so", "vi", "du"];
    let digits = format!("{number:05}");
    let spelt = digits.bytes().filter_map(|digit| SYLLABLES.get(usize::from(digit - b'0')));
    spelt.copied().collect()
}

fn fact(number: u32, keywords: impl Iterator<Item = String>) -> Fact {
    let words = |text: &str| BTreeMap::from([(Lang::new("en"), text.to_owned())]);
    Fact {
        id: FactId::new(format!("fact{number}")),
        topic: TopicId::new(format!("topic{}", number % 12)),
        keywords: keywords.collect(),
        topical: Vec::new(),
        weak: Vec::new(),
        beside: Vec::new(),
        asked: Vec::new(),
        text: words("A fact."),
        short: BTreeMap::new(),
        variants: BTreeMap::new(),
        source: SourceId::new("source"),
        as_of: AsOf::Day(NaiveDate::default()),
        review_by: None,
        supersedes: None,
        link: LinkId::new("link"),
    }
}

/// Placing the posts of 30 days, from 1,000 to 1,000,000 of them: half with a time, half waiting for slots.
pub(super) fn plan(bench: &Bench) -> Vec<Row> {
    let from = bench.clock.now();
    let slots = ["Mon-Sun 08:00", "Mon-Sun 12:00", "Mon-Sun 16:00", "Mon-Sun 20:00"];
    let slots = slots.iter().filter_map(|slot| Slot::parse(slot).ok()).collect();
    let calendar = AccountCalendar::new(AccountName::new("bot1"), slots);
    let mut rows = Vec::new();
    for count in [1_000, bench.load(10_000), bench.load(100_000), bench.load(1_000_000)] {
        let posts: Vec<Post> = (0..count).map(|number| post(number, count, from)).collect();
        let window = Window { at_from: from, every_from: from, slots_from: from, until: from + Duration::days(30) };
        let began = bench.clock.boot();
        let placed = plan::plan(&posts, std::slice::from_ref(&calendar), chrono_tz::UTC, &History::default(), window);
        let took = bench.clock.boot().saturating_sub(began).as_secs_f64() * 1_000.0;
        // The issue asks for a second with 100,000 posts; ten times as many may take ten times as long.
        let budget = f64::from(count.max(100_000)) / 100.0;
        let note = format!("{} placed", placed.planned.len());
        rows.push(Row::at_most(&format!("placing {count} posts in 30 days"), budget, took, "ms").note(note));
    }
    rows
}

fn post(number: u32, of: u32, from: DateTime<Utc>) -> Post {
    let at = from + Duration::seconds(i64::from(number) * 30 * 86_400 / i64::from(of));
    let when = if number.is_multiple_of(2) { When::At(Moment::Instant(at.fixed_offset())) } else { When::NextSlot };
    let words = format!("Post number {number}: more than 2,000 police partnerships with Ring. #EyesOnAmazon");
    Post::new(PostId::new(format!("post{number:07}")), when, Lang::new("en"), vec![words])
}
