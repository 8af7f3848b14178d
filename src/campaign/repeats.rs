//! The keys of a post that bound its repeats and set its place in the queue: `from`, `until`, `skip`, `times`,
//! `cooldown`; `priority`, `slot`; and `variants`, its other words.

use chrono::{NaiveDateTime, NaiveTime};
use chrono_tz::Tz;

use super::config::names;
use super::finding::Report;
use super::front_matter::{Frame, moment};
use super::tree::{Node, Section, Value, Written, text};
use super::words;
use crate::core::ids::AccountName;
use crate::core::post::{Moment, Order, Post, Repeat, Variant, When};
use crate::core::schedule::{Slot, parse_duration, parse_moment};

/// Reads which times of a repeated post count.
pub(crate) fn repeat(when: &When, section: &mut Section<'_>, zone: Option<Tz>, report: &mut Report) -> Repeat {
    let repeat = Repeat {
        from: section.text("from", report).and_then(|written| moment(&written, report)),
        until: section.text("until", report).and_then(|written| moment(&written, report)),
        times: section.text("times", report).and_then(|written| times(&written, report)),
        skip: section.take("skip", report).map(|node| skip(node, when, report)).unwrap_or_default(),
        cooldown_days: section.text("cooldown", report).and_then(|written| cooldown(&written, report)),
    };
    let (fits, hint) = match when {
        When::Every(_) => (&["from", "until", "skip", "times"][..], "a post with `every` has no rest"),
        When::Evergreen => (&["from", "until", "times", "cooldown"][..], "an evergreen post has no times of its own"),
        When::At(_) => (&[][..], "it is for posts with `every` or `evergreen`; this one goes out once, at its `at`"),
        When::NextSlot => (
            &[][..],
            "it is for posts with `every` or `evergreen`; to choose a slot write `slot:`, to end it `expires:`",
        ),
    };
    for key in ["from", "until", "skip", "times", "cooldown"] {
        if section.has(key) && !fits.contains(&key) {
            report.error(section.line_of(key), format!("`{key}` means nothing here"), hint);
        }
    }
    if let (Some(from), Some(until), Some(zone)) = (repeat.from, repeat.until, zone)
        && until.resolve(zone).instant <= from.resolve(zone).instant
    {
        report.error(section.line_of("until"), "the post ends before it begins", "set `until` after `from`");
    }
    repeat
}

fn times(written: &Written, report: &mut Report) -> Option<u32> {
    let read = written.text.trim().parse::<u32>().ok().filter(|times| *times > 0);
    if read.is_none() {
        report.error(written.line, format!("`times` cannot be `{}`", written.text), "write a whole number from 1");
    }
    read
}

fn cooldown(written: &Written, report: &mut Report) -> Option<u32> {
    const HINT: &str = "write whole days: 21d, 6w";
    match parse_duration(&written.text) {
        Ok(length) if length.num_seconds() % 86_400 == 0 => u32::try_from(length.num_days()).ok(),
        Ok(_) => {
            report.error(written.line, format!("`cooldown` is counted in days, not `{}`", written.text), HINT);
            None
        }
        Err(why) => {
            report.error(written.line, why, HINT);
            None
        }
    }
}

/// The times that are left out; a day alone means all of that day's.
fn skip(node: &Node, when: &When, report: &mut Report) -> Vec<NaiveDateTime> {
    let written = super::tree::texts(node, "skip", report);
    let When::Every(slot) = when else { return Vec::new() };
    let mut skipped = Vec::new();
    for written in written {
        let (from, until) = if let Ok(day) = words::day(&written.text) {
            (day.and_time(NaiveTime::MIN), day.succ_opt().unwrap_or(day).and_time(NaiveTime::MIN))
        } else {
            match parse_moment(&written.text) {
                Ok(Moment::Local(local)) => (local, local + chrono::Duration::seconds(1)),
                Ok(Moment::Instant(_)) => {
                    report.error(
                        written.line,
                        format!("`{}` has an offset", written.text),
                        "write the local time that `every` names: 2026-12-24 09:00, or the day alone",
                    );
                    continue;
                }
                Err(why) => {
                    report.error(written.line, why, "");
                    continue;
                }
            }
        };
        let here: Vec<NaiveDateTime> = slot.local_times(from, until).collect();
        if here.is_empty() {
            let hint = next_hint(slot, from);
            report.error(written.line, format!("`every` does not come round at {}", written.text.trim()), hint);
        }
        skipped.extend(here);
    }
    skipped
}

fn next_hint(slot: &Slot, after: NaiveDateTime) -> String {
    let within = after.checked_add_days(chrono::Days::new(400)).unwrap_or(after);
    slot.local_times(after, within)
        .next()
        .map(|next| format!("the next time is {}", next.format("%Y-%m-%d %H:%M")))
        .unwrap_or_default()
}

/// Reads its place among the posts that wait for a slot.
pub(crate) fn order(when: &When, section: &mut Section<'_>, zone: Option<Tz>, report: &mut Report) -> Order {
    let mut order = Order::default();
    if let Some(written) = section.text("priority", report) {
        match written.text.trim().parse() {
            Ok(priority) => order.priority = priority,
            Err(_) => {
                let hint = "write a whole number: 10 comes before 0, and 0 before -10";
                report.error(written.line, format!("`priority` cannot be `{}`", written.text), hint);
            }
        }
        match when {
            When::NextSlot | When::Evergreen => {}
            When::At(_) | When::Every(_) => report.error(
                written.line,
                "`priority` means nothing here",
                "it orders posts that wait for a slot; this one has a time of its own",
            ),
        }
    }
    let Some(written) = section.text("slot", report) else { return order };
    if *when != When::NextSlot {
        let hint = "keep `slot` for a post that goes out once, in that slot; else remove it";
        report.error(written.line, "`slot` does not go with another meaning of time", hint);
    }
    match parse_moment(&written.text) {
        Ok(Moment::Local(local)) => order.slot = Some(local),
        Ok(Moment::Instant(instant)) => {
            order.slot = zone.map(|zone| instant.with_timezone(&zone).naive_local());
        }
        Err(why) => report.error(written.line, why, ""),
    }
    order
}

/// Reads its other words, each with its line.
pub(crate) fn variants(
    post: &Post,
    section: &mut Section<'_>,
    frame: &Frame,
    report: &mut Report,
) -> Vec<(Variant, usize)> {
    const HINT: &str = "write them as a list:  - { accounts: [NAME], text: \"…\" }  or  - { lang: es, text: \"…\" }";
    let Some(node) = section.take("variants", report) else { return Vec::new() };
    let Value::List(items) = &node.value else {
        report.error(node.line, format!("`variants` must be a list, not {}", node.value.kind()), HINT);
        return Vec::new();
    };
    items.iter().filter_map(|item| Some((variant(post, item, frame, report)?, item.line))).collect()
}

fn variant(post: &Post, node: &Node, frame: &Frame, report: &mut Report) -> Option<Variant> {
    let mut section = Section::open(node, "a variant", report)?;
    let accounts: Vec<AccountName> = section
        .take("accounts", report)
        .map(|node| names(node, "accounts", "account", frame.accounts.as_deref(), report))
        .unwrap_or_default()
        .into_iter()
        .map(AccountName::new)
        .collect();
    let lang = section.text("lang", report).and_then(|written| {
        let read = words::language(&written.text);
        read.map_err(|why| why.tell(written.line, report)).ok()
    });
    let one = section.take("text", report).and_then(|node| text(node, "text", report));
    let several = section.texts("texts", report);
    let has = (section.has("text"), section.has("texts"));
    let names_somebody = section.has("accounts") || section.has("lang");
    section.finish(report);
    match has {
        (true, true) => report.error(node.line, "a variant has `text` and `texts`", "keep one: `texts` is for threads"),
        (false, false) => report.error(node.line, "a variant has no words", "add `text:`, or `texts:` for a thread"),
        (true, false) | (false, true) => {}
    }
    if !names_somebody {
        report.error(node.line, "a variant names no accounts and no language", "add `accounts: [NAME]` or `lang: es`");
    }
    for account in accounts.iter().filter(|account| !post.accounts.is_empty() && !post.accounts.contains(account)) {
        report.error(
            node.line,
            format!("a variant is for {account}, and the post is not"),
            "name the account under the post's `accounts` too, or leave the variant out",
        );
    }
    let parts = several.unwrap_or_else(|| one.into_iter().collect()).into_iter();
    Some(Variant { accounts, lang, parts: parts.map(|written| written.text.trim().to_owned()).collect() })
}
