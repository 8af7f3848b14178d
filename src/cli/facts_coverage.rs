//! `watchpost facts coverage`: what people ask, what we have no answer to, which facts nobody hears, which are stale.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Days, Duration, Utc};
use serde::Serialize;

use super::table::{first_words, table};
use super::{output, workplace};
use crate::campaign::Campaign;
use crate::core::coverage::group;
use crate::core::decision::{NO_KEYWORD, ONLY_EVERYDAY};
use crate::core::delivery::State;
use crate::store::asked::{Asked, Wanted};

/// More mentions than anybody reads about; a bound for memory.
const MOST: i64 = 50_000;

/// Days before its `review_by` a fact is shown.
const SOON: Days = Days::new(30);

#[derive(Serialize)]
struct Coverage {
    days: u32,
    mentions: usize,
    topics: Vec<Topic>,
    unanswered: Vec<Unanswered>,
    never_used: Vec<String>,
    stale: Vec<Stale>,
}

#[derive(Serialize)]
struct Topic {
    topic: String,
    asked: usize,
    answered: usize,
}

#[derive(Serialize)]
struct Unanswered {
    count: usize,
    last: String,
    example: String,
    words: Vec<String>,
}

#[derive(Serialize)]
struct Stale {
    fact: String,
    review_by: String,
    said: bool,
}

/// Shows the coverage of the last days.
///
/// # Errors
/// When the campaign has mistakes in its settings or facts, or the database cannot be read.
pub async fn run(root: &Path, days: u32, json: bool, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let (campaign, _) = workplace::campaign(root, now)?;
    let (mut asked, mut said) = (Vec::new(), BTreeMap::new());
    if let Some(store) = workplace::store_if_any(&campaign).await? {
        let since = Some(now - Duration::days(i64::from(days)));
        asked = store.asked(&Wanted { since, ..Wanted::default() }, MOST).await?;
        said = store.facts_said().await?;
        store.close().await;
    }
    let coverage = coverage(&campaign, &asked, &said, days, now);
    if json {
        output::json(&coverage)?
    } else {
        output::text(&page(&coverage))?
    }
    Ok(0)
}

fn coverage(
    campaign: &Campaign,
    asked: &[Asked],
    said: &BTreeMap<String, i64>,
    days: u32,
    now: DateTime<Utc>,
) -> Coverage {
    let book = &campaign.facts;
    let mut topics: BTreeMap<&str, Topic> = BTreeMap::new();
    for mention in asked.iter().filter(|mention| !mention.topic.is_empty()) {
        let topic = topics.entry(&mention.topic).or_insert_with(|| Topic {
            topic: mention.topic.clone(),
            asked: 0,
            answered: 0,
        });
        topic.asked += 1;
        topic.answered += usize::from(mention.decision != "silent" && !came_to_nothing(mention));
    }
    let mut topics: Vec<Topic> = topics.into_values().collect();
    topics.sort_by_key(|topic| std::cmp::Reverse(topic.asked));
    let open = |mention: &&Asked| {
        let unknown = mention.reason.starts_with(NO_KEYWORD) || mention.reason.starts_with(ONLY_EVERYDAY);
        mention.decision == "silent" && unknown
    };
    let questions: Vec<(String, DateTime<Utc>)> = asked
        .iter()
        .filter(open)
        .filter_map(|mention| Some((mention.text.clone()?, mention.seen_at)))
        .filter(|(text, _)| !text.trim().is_empty())
        .collect();
    let unanswered = group(&questions).into_iter().map(|group| Unanswered {
        count: group.count,
        last: group.last.to_rfc3339(),
        example: group.example,
        words: group.shared,
    });
    let today = now.with_timezone(&campaign.zone).date_naive();
    let current = || book.facts.iter().filter(|fact| !book.is_superseded(&fact.id));
    let never = current().filter(|fact| !said.contains_key(fact.id.as_str()));
    let stale = current().filter_map(|fact| {
        let day = fact.review_by.filter(|day| *day <= today.checked_add_days(SOON).unwrap_or(today))?;
        Some(Stale { fact: fact.id.to_string(), review_by: day.to_string(), said: book.may_say(fact, today) })
    });
    Coverage {
        days,
        mentions: asked.len(),
        topics,
        unanswered: unanswered.collect(),
        never_used: never.map(|fact| fact.id.to_string()).collect(),
        stale: stale.collect(),
    }
}

/// What was to be said and was not, in the end.
fn came_to_nothing(mention: &Asked) -> bool {
    mention
        .reply
        .as_ref()
        .is_some_and(|reply| matches!(reply.state, State::Cancelled | State::Expired | State::Refused))
}

fn page(coverage: &Coverage) -> String {
    let mut page = format!("{} mentions in {} days\n", coverage.mentions, coverage.days);
    if !coverage.topics.is_empty() {
        let row = |topic: &Topic| vec![topic.topic.clone(), topic.asked.to_string(), topic.answered.to_string()];
        page.push('\n');
        page.push_str(&table(&["topic", "asked", "answered"], coverage.topics.iter().map(row).collect()));
    }
    page.push_str("\nAsked, and no fact fits (texts are kept seven days):\n");
    if coverage.unanswered.is_empty() {
        page.push_str("  nothing\n");
    }
    for group in coverage.unanswered.iter().take(30) {
        let words = if group.words.is_empty() {
            String::new()
        } else {
            format!("  [{}]", first_words(&group.words.join(", "), 80))
        };
        page.push_str(&format!("  {:>4} ×  “{}”{words}\n", group.count, first_words(&group.example, 80)));
    }
    page.push_str("\nFacts nobody heard yet: ");
    page.push_str(&if coverage.never_used.is_empty() { "none".to_owned() } else { coverage.never_used.join(", ") });
    page.push_str("\n\nFacts to look at again:\n");
    if coverage.stale.is_empty() {
        page.push_str("  none within 30 days\n");
    }
    for stale in &coverage.stale {
        let what = if stale.said { "is said until then" } else { "is not said any more" };
        page.push_str(&format!("  {}  {}  {what}\n", stale.fact, stale.review_by));
    }
    page
}
