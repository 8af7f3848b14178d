//! The plan as a file that calendar programs subscribe to (iCalendar, RFC 5545).
//!
//! Times are instants in UTC, which every program shows in its reader's own zone. The identity of an event is that of
//! the occurrence: a post that moves stays one event. Made of what it is given; the clock and the disk are its callers'.

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use icalendar::{Calendar, Component, Event, EventLike, EventStatus, Property};
use sha2::{Digest, Sha256};

use super::table::first_words;
use crate::core::ids::{AccountName, Occurrence, PostId, TopicId};

/// How a file of ours is known again.
pub(super) const MADE_BY: &str = "-//Watchpost//Campaign calendar//EN";

/// Posts have no length; programs show events without one badly.
const SHOWN_FOR: Duration = Duration::minutes(15);

/// One occurrence of a post on one account.
pub(super) struct Entry<'a> {
    pub(super) at: DateTime<Utc>,
    pub(super) account: &'a AccountName,
    pub(super) post: &'a PostId,
    pub(super) occurrence: &'a Occurrence,
    pub(super) parts: Vec<&'a str>,
    pub(super) cw: Option<&'a str>,
    pub(super) topic: Option<&'a TopicId>,
    /// Why it stands there, or what became of it: at, slot, every, evergreen, sent …
    pub(super) kind: &'a str,
    /// Whether it is still open that it goes out: held, a draft, waiting for approval.
    pub(super) tentative: bool,
    /// Where people read it, once sent.
    pub(super) url: Option<&'a str>,
}

/// The file.
pub(super) fn calendar(name: &str, zone: Tz, entries: &[Entry<'_>], now: DateTime<Utc>) -> String {
    let mut calendar = Calendar::empty();
    for (key, value) in [("VERSION", "2.0"), ("PRODID", MADE_BY), ("CALSCALE", "GREGORIAN"), ("METHOD", "PUBLISH")] {
        calendar.append_property(Property::new(key, value));
    }
    calendar.name(&one_line(name)).timezone(zone.name()).ttl(&Duration::hours(1));
    for entry in entries {
        calendar.push(event(entry, now));
    }
    calendar.done().to_string()
}

fn event(entry: &Entry<'_>, now: DateTime<Utc>) -> Event {
    let first = entry.parts.first().copied().unwrap_or_default();
    let thread = if entry.parts.len() > 1 { format!(" ({} parts)", entry.parts.len()) } else { String::new() };
    let mut words = String::new();
    if let Some(cw) = entry.cw {
        words.push_str(&format!("CW: {cw}\n\n"));
    }
    words.push_str(&entry.parts.join("\n---\n"));
    words.push_str(&format!("\n\n{} · {}", entry.post, entry.kind));
    let mut event = Event::new();
    event
        .uid(&uid(entry))
        .timestamp(now)
        .starts(entry.at)
        .ends(entry.at + SHOWN_FOR)
        .summary(&one_line(&format!("{}: {}{thread}", entry.account, first_words(first, 60))))
        .description(&plain(&words))
        .status(if entry.tentative { EventStatus::Tentative } else { EventStatus::Confirmed });
    // Nobody is busy while a post goes out.
    event.add_property("TRANSP", "TRANSPARENT");
    if let Some(topic) = entry.topic {
        event.add_multi_property("CATEGORIES", &one_line(topic.as_str()));
    }
    if let Some(url) = entry.url {
        event.url(url);
    }
    event.done()
}

/// The same for an occurrence wherever it moves, on every machine.
fn uid(entry: &Entry<'_>) -> String {
    let mut hash = Sha256::new();
    for piece in [entry.account.as_str(), entry.post.as_str(), entry.occurrence.as_str()] {
        hash.update((piece.len() as u64).to_be_bytes());
        hash.update(piece.as_bytes());
    }
    let hex: String = hex::encode(hash.finalize()).chars().take(32).collect();
    format!("{hex}@watchpost")
}

/// Without the control signs that the format forbids.
fn plain(text: &str) -> String {
    text.chars().filter(|letter| *letter == '\n' || *letter == '\t' || !letter.is_control()).collect()
}

fn one_line(text: &str) -> String {
    plain(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use calcard::icalendar::{ICalendar, ICalendarComponentType, ICalendarValue};

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn entry<'a>(post: &'a PostId, account: &'a AccountName, once: &'a Occurrence, parts: Vec<&'a str>) -> Entry<'a> {
        let (at, cw, topic) = (at("2026-11-27T14:00:00Z"), None, None);
        Entry { at, account, post, occurrence: once, parts, cw, topic, kind: "at", tentative: false, url: None }
    }

    /// What another program reads: the properties of each event, as texts.
    fn read_back(file: &str) -> Vec<Vec<(String, String)>> {
        let parsed = ICalendar::parse(file).unwrap_or_else(|error| panic!("{error:?}: {file}"));
        let events = parsed.components.iter().filter(|one| one.component_type == ICalendarComponentType::VEvent);
        let text = |value: &ICalendarValue| {
            if let ICalendarValue::Text(text) = value { text.clone() } else { format!("{value:?}") }
        };
        let read = |entry: &calcard::icalendar::ICalendarEntry| {
            let name = entry.name.as_str().to_owned();
            (name, entry.values.iter().map(text).collect::<Vec<_>>().join(","))
        };
        events.map(|event| event.entries.iter().map(read).collect()).collect()
    }

    fn property<'p>(event: &'p [(String, String)], name: &str) -> &'p str {
        &event.iter().find(|(key, _)| key == name).unwrap_or_else(|| panic!("no {name} in {event:?}")).1
    }

    #[test]
    fn another_program_reads_every_text_back_as_it_was() {
        let long = "Überlange Zeile mit 老虎 und 👩‍👩‍👧‍👦 ".repeat(30);
        let hard = [
            "Commas, semicolons; back\\slashes, \"quotes\" and: colons",
            "Two\nlines\n\nand BEGIN:VEVENT\nEND:VCALENDAR",
            "emoji 👩‍👩‍👧‍👦 \u{202e}bidi\u{202c} ñ",
            long.as_str(),
            "\\n is not a line; \\, neither",
        ];
        let (post, account, once) = (PostId::from("a/b"), AccountName::from("eyes"), Occurrence::once());
        let entries: Vec<Entry<'_>> = hard.iter().map(|text| entry(&post, &account, &once, vec![text])).collect();
        let file = calendar("Eyes, on; Amazon", chrono_tz::America::New_York, &entries, at("2026-11-20T00:00:00Z"));
        assert!(file.split("\r\n").all(|line| line.len() <= 75 && !line.contains('\n')), "{file}");
        let events = read_back(&file);
        assert_eq!(events.len(), hard.len());
        for (event, text) in events.iter().zip(hard) {
            assert_eq!(property(event, "DESCRIPTION"), format!("{text}\n\na/b · at"));
            assert!(property(event, "SUMMARY").starts_with("eyes: "));
        }
        assert!(
            file.contains("DTSTART:20261127T140000Z\r\n") && file.contains("DTSTAMP:20261120T000000Z\r\n"),
            "{file}"
        );
    }

    #[test]
    fn an_event_stays_the_same_when_its_post_moves_and_differs_from_every_other() {
        let (post, other, account, once) =
            (PostId::from("a"), PostId::from("b"), AccountName::from("eyes"), Occurrence::once());
        let moved = Entry { at: at("2026-12-01T09:00:00Z"), ..entry(&post, &account, &once, vec!["New words"]) };
        assert_eq!(uid(&entry(&post, &account, &once, vec!["x"])), uid(&moved));
        let again = Occurrence::again(2);
        let elsewhere = AccountName::from("vigila");
        for stranger in [
            entry(&other, &account, &once, vec!["x"]),
            entry(&post, &elsewhere, &once, vec!["x"]),
            entry(&post, &account, &again, vec!["x"]),
        ] {
            assert_ne!(uid(&stranger), uid(&moved));
        }
    }
}
