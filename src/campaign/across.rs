//! What only the whole campaign shows: slot posts that wait for slots nobody has, and exact times that stand against a
//! rule. What is said twice is [`super::sameness`]'s.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;

use super::config::Settings;
use super::finding::{Finding, Report};
use super::links::PLACEHOLDER;
use super::posts::ReadPost;
use super::{Account, config, sameness};
use crate::core::ids::{AccountName, PostId};
use crate::core::plan::{AccountCalendar, Conflict, History, Window, conflicts};
use crate::core::plural::many;
use crate::core::post::{Post, Readiness, When};
use crate::core::rules::Rules;

/// Looks at all posts on all accounts (each with its line in the settings).
pub(crate) fn check(settings: &Settings, posts: &[ReadPost], now: DateTime<Utc>, findings: &mut Vec<Finding>) {
    let accounts = settings.accounts.as_slice();
    let ready: Vec<&ReadPost> = posts.iter().filter(|read| read.post.readiness == Readiness::Ready).collect();
    tell_no_slots(accounts, &ready, findings);
    let calendars = super::calendars(accounts.iter().map(|(account, _)| account), &settings.languages);
    tell_pins(&calendars, posts, findings);
    tell_shut_out(&calendars, accounts, settings.zone, now, findings);
    tell_never(&ready, settings.zone, now, findings);
    if let Some(zone) = settings.zone {
        tell_conflicts(&calendars, &ready, zone, now, findings);
    }
    sameness::tell_same_text(&calendars, &ready, findings);
    sameness::tell_alike(&calendars, &ready, findings);
}

/// How far ahead `check` looks for posts that stand against a rule.
const LOOK_AHEAD: Duration = Duration::days(366);

pub(crate) fn goes_to(read: &ReadPost, account: &AccountName) -> bool {
    read.post.accounts.is_empty() || read.post.accounts.contains(account)
}

fn tell_no_slots(accounts: &[(Account, usize)], ready: &[&ReadPost], findings: &mut Vec<Finding>) {
    let mut report = Report::new(config::FILE);
    for (account, line) in accounts.iter().filter(|(account, _)| account.slots.is_empty()) {
        let waiting = ready
            .iter()
            .filter(|read| matches!(read.post.when, When::NextSlot | When::Evergreen) && goes_to(read, &account.name))
            .count();
        if waiting > 0 {
            report.warn(
                *line,
                format!(
                    "{} has no slots, and {waiting} {} for one",
                    account.name,
                    if waiting == 1 { "post waits" } else { "posts wait" }
                ),
                "add slots = [\"Mon-Fri 09:00\"], or give the posts a time with `at:`",
            );
        }
    }
    findings.extend(report.into_findings());
}

/// Slots that lie in quiet hours each time they come round.
fn tell_shut_out(
    calendars: &[AccountCalendar],
    accounts: &[(Account, usize)],
    zone: Option<Tz>,
    now: DateTime<Utc>,
    findings: &mut Vec<Finding>,
) {
    let Some(zone) = zone else { return };
    let mut report = Report::new(config::FILE);
    for (calendar, (_, line)) in calendars.iter().zip(accounts).filter(|(calendar, _)| !calendar.rules.quiet.is_empty())
    {
        let quiet = Rules { quiet: calendar.rules.quiet.clone(), ..Rules::default() };
        for slot in &calendar.slots {
            let mut times = slot.firings(zone, now, now + LOOK_AHEAD).take(ROUNDS).peekable();
            if times.peek().is_some() && times.all(|time| quiet.closed(time.instant, zone).is_some()) {
                report.warn(
                    *line,
                    format!(
                        "the slot {:?} of {} always lies in quiet hours: nothing goes out in it",
                        slot.written(),
                        calendar.name
                    ),
                    "move it, or change `quiet`",
                );
            }
        }
    }
    findings.extend(report.into_findings());
}

/// So many times of a slot tell what it is like all the year.
const ROUNDS: usize = 60;

/// Repeated posts that no time is left for between their beginning and their end.
fn tell_never(ready: &[&ReadPost], zone: Option<Tz>, now: DateTime<Utc>, findings: &mut Vec<Finding>) {
    let Some(zone) = zone else { return };
    for read in ready {
        let (When::Every(slot), repeat) = (&read.post.when, &read.post.repeat) else { continue };
        let Some(until) = repeat.until.map(|until| until.resolve(zone).instant) else { continue };
        let from = repeat.from.map_or(now, |from| from.resolve(zone).instant);
        if until <= now {
            // It is over; it may have gone out often.
            continue;
        }
        if slot.firings(zone, from, until).all(|time| repeat.skip.contains(&time.local)) {
            let mut report = Report::new(&read.file);
            report.warn(
                read.when.unwrap_or(read.line),
                format!("no time of {:?} is left before its `until`: it never goes out", slot.written()),
                "move `from` or `until`, or take a day out of `skip`",
            );
            findings.extend(report.into_findings());
        }
    }
}

/// Slots that posts are pinned to and no account of theirs has.
fn tell_pins(accounts: &[AccountCalendar], posts: &[ReadPost], findings: &mut Vec<Finding>) {
    for read in posts {
        let Some(local) = read.post.order.slot else { continue };
        let mut theirs = accounts.iter().filter(|account| goes_to(read, &account.name));
        if !theirs.any(|account| account.has_slot_at(local)) {
            let mut report = Report::new(&read.file);
            report.warn(
                read.when.unwrap_or(read.line),
                format!("no account of this post has a slot at {}", local.format("%A %Y-%m-%d %H:%M")),
                "pin it to a time that stands in `slots`, or write `at` instead of `slot`",
            );
            findings.extend(report.into_findings());
        }
    }
}

/// Posts with a time of their own that stand against a rule within a year: each is told once.
fn tell_conflicts(
    accounts: &[AccountCalendar],
    posts: &[&ReadPost],
    zone: Tz,
    now: DateTime<Utc>,
    findings: &mut Vec<Finding>,
) {
    if accounts.iter().all(|account| account.rules.is_off()) {
        return;
    }
    let window = Window { at_from: now, every_from: now, slots_from: now, until: now + LOOK_AHEAD };
    let timed = posts.iter().filter(|read| matches!(read.post.when, When::At(_) | When::Every(_)));
    let timed: Vec<Arc<Post>> = timed.map(|read| Arc::clone(&read.post)).collect();
    let mut first: HashMap<PostId, (Conflict, usize)> = HashMap::new();
    for conflict in conflicts(&timed, accounts, zone, &History::default(), window) {
        first.entry(conflict.post.clone()).or_insert((conflict, 0)).1 += 1;
    }
    for read in posts {
        let Some((Conflict { account, at, against, .. }, count)) = first.get(&read.post.id) else { continue };
        let mut report = Report::new(&read.file);
        let time = at.with_timezone(&zone).format("%Y-%m-%d %H:%M");
        let more = if *count > 1 { format!(", and {}", many(count - 1, "more time")) } else { String::new() };
        report.warn(
            read.when.unwrap_or(read.line),
            format!("{account} says this at {time}, {against}{more}"),
            "a post with a time of its own goes out all the same: move it if it should not",
        );
        findings.extend(report.into_findings());
    }
}

/// Findings of several files in the order people read them: by file, then by line.
pub(crate) fn in_reading_order(mut findings: Vec<Finding>) -> Vec<Finding> {
    let rank = |file: &PathBuf| usize::from(!file.starts_with("config"));
    findings.sort_by(|a, b| (rank(&a.file), &a.file, a.line).cmp(&(rank(&b.file), &b.file, b.line)));
    tell_placeholders_once(&mut findings);
    findings
}

/// A campaign that is not set up yet holds the same placeholder in most of its posts: it is told where it stands first,
/// and how often it stands elsewhere.
fn tell_placeholders_once(findings: &mut Vec<Finding>) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let is_placeholder = |finding: &Finding| finding.message.ends_with(PLACEHOLDER);
    findings.retain(|finding| {
        let times = seen.entry(finding.message.clone()).or_default();
        *times += 1;
        *times == 1 || !is_placeholder(finding)
    });
    for finding in findings.iter_mut().filter(|finding| is_placeholder(finding)) {
        match seen.get(&finding.message).copied().unwrap_or_default() {
            0 | 1 => {}
            2 => finding.message.push_str("; it stands in one more place"),
            more => finding.message.push_str(&format!("; it stands in {} more places", more - 1)),
        }
    }
}
