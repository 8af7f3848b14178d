//! `watchpost plan`: the coming days as a week calendar, a list, JSON or a calendar file. It needs no token, database or
//! network.

use std::collections::HashMap;
use std::fmt::Display;
use std::io::{self, Write};
use std::sync::Arc;

use anyhow::Context;
use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use unicode_segmentation::UnicodeSegmentation;

use super::calendar_file;
use super::plan_json::{self, Unready, why_empty};
use super::queue_export::entries_of;
use super::table::many;
use super::week::ink::Ink;
use super::week::{self, Week};
use crate::campaign::{Campaign, plan_accounts};
use crate::core::ids::{AccountName, PostId};
use crate::core::plan::{AccountCalendar, History, Idle, Plan, Planned, Waiting, Window, plan};
use crate::core::post::Post;
use crate::core::schedule::resolve;

/// How many characters of a post's text a line shows.
const FIRST_WORDS: usize = 48;
/// How many slots and posts against rules a page shows before it only counts.
const SHOWN_RULES: usize = 12;
/// How many posts a line of waiting posts names before it only counts.
const NAMED_WAITING: usize = 5;

/// In which form the plan is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A week calendar.
    Week,
    /// One line for each occurrence, with the post's id.
    List,
    /// One JSON document: what goes out.
    Json,
    /// One JSON document: what goes out, and what does not.
    Gaps,
    /// A file for calendar programs.
    Ics,
}

/// What the database knows beside the posts.
#[derive(Debug, Default)]
pub struct Known {
    /// What has happened.
    pub history: History,
    /// Posts that staff hold, which are not planned.
    pub held: Vec<Post>,
}

/// Prints what goes out from `from` on, for `days` times 24 hours, as if now were `from`.
///
/// # Errors
/// When the time lies outside the calendar, or the output cannot be written. A reader that stops reading is fine.
pub fn run(
    campaign: &Campaign,
    days: u32,
    from: DateTime<Utc>,
    known: &Known,
    form: Form,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let mut window = window(days, from)?;
    if form == Form::Week {
        window.until = end_of_day(window.until, campaign.zone);
    }
    let (history, held) = (&known.history, known.held.as_slice());
    let accounts = plan_accounts(campaign);
    let calendar = plan(&campaign.posts, &accounts, campaign.zone, history, window);
    let mut out = io::BufWriter::new(io::stdout().lock());
    let page =
        Page { name: &campaign.name, posts: &campaign.posts, accounts: &accounts, zone: campaign.zone, days, window };
    let written = match form {
        Form::Json => plan_json::write(&mut out, &calendar, campaign.zone),
        Form::Gaps => {
            let open = Unready { posts: &campaign.posts, held };
            plan_json::write_gaps(&mut out, &calendar, &open, window, campaign.zone)
        }
        Form::List => page.write(&mut out, &calendar),
        Form::Week => page.week(&mut out, &calendar, held),
        Form::Ics => {
            let entries = entries_of(&calendar, campaign.posts.iter().map(Arc::as_ref));
            out.write_all(calendar_file::calendar(&campaign.name, campaign.zone, &entries, now).as_bytes())
        }
    };
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write the calendar"),
    }
}

/// People look at whole days: the last one is shown to its midnight.
fn end_of_day(until: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
    let last = (until - Duration::seconds(1)).with_timezone(&zone).date_naive();
    let midnight = last.succ_opt().map(|next| resolve(next.and_time(NaiveTime::MIN), zone).instant);
    midnight.unwrap_or(until).max(until)
}

fn window(days: u32, from: DateTime<Utc>) -> anyhow::Result<Window> {
    let until = Duration::try_days(i64::from(days))
        .and_then(|length| from.checked_add_signed(length))
        .with_context(|| format!("{days} days from {from} is beyond the calendar; ask for fewer days"))?;
    Ok(Window { at_from: from, every_from: from, slots_from: from, until })
}

/// The calendar as people read it.
struct Page<'a> {
    name: &'a str,
    posts: &'a [Arc<Post>],
    accounts: &'a [AccountCalendar],
    zone: Tz,
    days: u32,
    window: Window,
}

/// Wider lines are hard to follow with the eyes.
const WIDEST: usize = 180;
/// As wide as terminals were for a long time; files and pipes get it.
const USUAL: usize = 80;

impl Page<'_> {
    /// The week calendar, as wide as the terminal and in colours if it wants them, then what waits for a time.
    fn week(&self, out: &mut impl Write, calendar: &Plan, held: &[Post]) -> io::Result<()> {
        let size = terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
        let ink = match anstream::AutoStream::choice(&io::stdout()) {
            anstream::ColorChoice::Never => Ink::Plain,
            anstream::ColorChoice::Always | anstream::ColorChoice::AlwaysAnsi | anstream::ColorChoice::Auto => {
                Ink::Colours
            }
        };
        let width = size.filter(|width| *width > 0).unwrap_or(USUAL).clamp(50, WIDEST);
        let (from, until) = (self.window.every_from, self.window.until);
        let today = from.with_timezone(&self.zone).date_naive();
        let (name, posts, zone, accounts) = (self.name, self.posts, self.zone, self.accounts);
        let week = Week { name, posts, held, accounts, zone, from, until, today, width, ink };
        out.write_all(week::draw(&week, calendar).as_bytes())?;
        self.waiting(out, &calendar.waiting, width)
    }

    fn write(&self, out: &mut impl Write, calendar: &Plan) -> io::Result<()> {
        let from = self.window.every_from.with_timezone(&self.zone);
        let until = self.window.until.with_timezone(&self.zone);
        let format = "%a %-d %b %Y %H:%M";
        writeln!(out, "{}: {} to {} ({})", self.name, from.format(format), until.format(format), self.zone)?;
        if calendar.planned.is_empty() {
            let span = if self.days == 1 { "this day".to_owned() } else { format!("these {} days", self.days) };
            writeln!(out, "\nNothing goes out in {span}.")?;
        }
        self.days(out, &calendar.planned)?;
        self.rules(out, calendar)?;
        self.waiting(out, &calendar.waiting, usize::MAX)
    }

    /// What goes out against a rule, and which slots rules keep empty: the first few, and how many more.
    fn rules(&self, out: &mut impl Write, calendar: &Plan) -> io::Result<()> {
        let time = |at: DateTime<Utc>| at.with_timezone(&self.zone).format("%a %-d %b %H:%M").to_string();
        let conflicts = calendar.conflicts.iter().map(|conflict| {
            format!("{} {} {}: {}", time(conflict.at), conflict.account, conflict.post, conflict.against)
        });
        let skipped = calendar.idle.iter().filter_map(|slot| {
            let told = slot.why != Idle::NothingWaits;
            told.then(|| format!("{} {}: {}", time(slot.at), slot.account, why_empty(&slot.why)))
        });
        listing(out, "Against a rule (goes out all the same)", conflicts)?;
        listing(out, "Slots that stay empty", skipped)
    }

    fn days(&self, out: &mut impl Write, planned: &[Planned]) -> io::Result<()> {
        let texts: HashMap<&PostId, &Post> = self.posts.iter().map(|post| (&post.id, post.as_ref())).collect();
        let lines: Vec<(NaiveDate, [String; 6])> = planned
            .iter()
            .map(|planned| {
                let local = planned.at.with_timezone(&self.zone);
                let clock = if planned.at.timestamp() % 60 == 0 { "%H:%M %Z" } else { "%H:%M:%S %Z" };
                let speaks = self.accounts.iter().find(|account| account.name == planned.account);
                let speaks = speaks.and_then(|account| account.speaks.as_ref());
                let said = texts.get(&planned.post).map(|post| post.words_for(&planned.account, speaks).0);
                let words = said.and_then(<[String]>::first).map(|text| first_words(text)).unwrap_or_default();
                let moved = if local.naive_local() == planned.local {
                    String::new()
                } else {
                    format!(" [{} is skipped by the clock change]", planned.local.format("%H:%M"))
                };
                let parts = many(planned.parts, "part");
                let columns = [
                    local.format(clock).to_string(),
                    planned.account.to_string(),
                    planned.post.to_string(),
                    planned.kind.as_str().to_owned(),
                    parts,
                    format!("{words}{moved}"),
                ];
                (local.date_naive(), columns)
            })
            .collect();
        let mut widths = [0_usize; 6];
        for (_, columns) in &lines {
            for (width, column) in widths.iter_mut().zip(columns) {
                *width = (*width).max(column.graphemes(true).count());
            }
        }
        let mut day = None;
        for (date, columns) in &lines {
            if day.replace(*date) != Some(*date) {
                writeln!(out, "\n{}", date.format("%A %-d %B %Y"))?;
            }
            let mut line = String::new();
            for (column, width) in columns.iter().zip(widths) {
                let fill = width.saturating_sub(column.graphemes(true).count());
                line.push_str("  ");
                line.push_str(column);
                line.extend(std::iter::repeat_n(' ', fill));
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }

    /// Posts that wait for the same reason share a line.
    fn waiting(&self, out: &mut impl Write, waiting: &[Waiting], width: usize) -> io::Result<()> {
        if waiting.is_empty() {
            return Ok(());
        }
        writeln!(out, "\nWaiting")?;
        let mut groups: Vec<(&Waiting, Vec<&PostId>)> = Vec::new();
        let mut places: HashMap<(Option<&AccountName>, &str), usize> = HashMap::new();
        for entry in waiting {
            let place = *places.entry((entry.account.as_ref(), entry.why.as_str())).or_insert(groups.len());
            match groups.get_mut(place) {
                Some((_, posts)) => posts.push(&entry.post),
                None => groups.push((entry, vec![&entry.post])),
            }
        }
        for (entry, posts) in groups {
            let account = entry.account.as_ref().map(|account| format!(" (on {account})")).unwrap_or_default();
            let line = format!("{}{account}: {}", listed(&posts), entry.why);
            out.write_all(week::hanging(&line, width).as_bytes())?;
        }
        Ok(())
    }
}

/// A heading and its lines, if there are any.
fn listing(out: &mut impl Write, heading: &str, lines: impl Iterator<Item = String>) -> io::Result<()> {
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{heading}")?;
    for line in lines.iter().take(SHOWN_RULES) {
        writeln!(out, "  {line}")?;
    }
    match lines.len().saturating_sub(SHOWN_RULES) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more"),
    }
}

/// `a, b and c`, or the first few and how many more.
fn listed<T: Display>(things: &[T]) -> String {
    let named: Vec<String> = things.iter().take(NAMED_WAITING).map(ToString::to_string).collect();
    match (things.len() - named.len(), named.split_last()) {
        (0, Some((last, []))) => last.clone(),
        (0, Some((last, before))) => format!("{} and {last}", before.join(", ")),
        (more, _) => format!("{} and {more} more", named.join(", ")),
    }
}

/// The beginning of a post on one line, cut between words.
fn first_words(text: &str) -> String {
    let mut line = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let next = word.graphemes(true).count() + usize::from(length > 0);
        if length + next > FIRST_WORDS {
            if line.is_empty() {
                line.extend(word.graphemes(true).take(FIRST_WORDS));
            }
            line.push('…');
            break;
        }
        if length > 0 {
            line.push(' ');
        }
        line.push_str(word);
        length += next;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ids::{Lang, TopicId};
    use crate::core::plan::AccountCalendar;
    use crate::core::post::When;
    use crate::core::schedule::{Slot, parse_moment};

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
        let window = window(days, parse_moment(from).unwrap().resolve(ZONE).instant).unwrap();
        let calendar = plan(posts, &accounts, ZONE, &History::default(), window);
        let mut out = Vec::new();
        if json {
            plan_json::write(&mut out, &calendar, ZONE).unwrap();
        } else {
            let posts = &shared(posts);
            Page { name: "Eyes", posts, accounts: &accounts, zone: ZONE, days, window }
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
Eyes: Sat 7 Mar 2026 00:00 to Mon 9 Mar 2026 01:00 (America/New_York)

Saturday 7 March 2026
  09:00 EST  eyes  queue/first  slot   1 part   A text that is a good deal longer than a line of…
  17:30 EST  eyes  launch       at     2 parts  One line. Two.

Sunday 8 March 2026
  03:00 EDT  eyes  night        every  1 part   Good night [02:30 is skipped by the clock change]

Waiting
  later-1, later-2, later-3, later-4, later-5 and 2 more: no free slot before 2026-03-09 01:00
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
        let window = window(1, parse_moment("2026-03-07 00:00").unwrap().resolve(ZONE).instant).unwrap();
        let calendar = plan(&posts, std::slice::from_ref(&account), ZONE, &History::default(), window);
        let mut out = Vec::new();
        Page { name: "Eyes", posts: &shared(&posts), accounts: &[account], zone: ZONE, days: 1, window }
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
        assert!(window(u32::MAX, DateTime::UNIX_EPOCH).is_err());
    }

    #[test]
    fn lists_read_as_sentences() {
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b"]), "a and b");
        assert_eq!(listed(&["a", "b", "c", "d", "e"]), "a, b, c, d and e");
        assert_eq!(listed(&["a", "b", "c", "d", "e", "f"]), "a, b, c, d, e and 1 more");
    }
}
