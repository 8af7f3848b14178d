//! `watchpost plan`: the coming days as a week calendar, a list, JSON or a calendar file. It needs no token, database or
//! network.

use std::collections::HashMap;
use std::fmt::Display;
use std::io::{self, Write};
use std::sync::Arc;

use anyhow::Context;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use unicode_segmentation::UnicodeSegmentation;

use super::plan_json::{self, Unready, why_empty};
use super::queue_export::entries_of;
use super::table::many;
use super::week::ink::Ink;
use super::week::{self, Week};
use super::{calendar_file, plan_notes, workplace};
use crate::campaign::{Campaign, plan_accounts};
use crate::core::ids::{AccountName, PostId};
use crate::core::plan::repeated::SaidTexts;
use crate::core::plan::{AccountCalendar, History, Idle, Plan, Planned, Waiting, Window, plan};
use crate::core::post::Post;

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

/// What is known beside the posts.
#[derive(Debug)]
pub struct Known {
    /// What has happened, and when posts are paused.
    pub history: History,
    /// Which times are planned.
    pub window: Window,
    /// Posts that staff hold, which are not planned.
    pub held: Vec<Post>,
    /// What waits for a person, and why.
    pub kept_back: Vec<Waiting>,
    /// What accounts said lately.
    pub said: SaidTexts,
    /// How many days the window has.
    pub days: u32,
}

/// Prints what goes out in a window, as if now were its `slots_from`.
///
/// # Errors
/// When the output cannot be written. A reader that stops reading is fine.
pub fn run(campaign: &Campaign, known: &Known, form: Form, now: DateTime<Utc>) -> anyhow::Result<()> {
    let (window, held) = (known.window, known.held.as_slice());
    let accounts = plan_accounts(campaign);
    let mut calendar = plan(&campaign.posts, &accounts, campaign.zone, &known.history, window);
    workplace::foresee(&mut calendar, &campaign.posts, &accounts, &known.said, window.slots_from);
    // Late ones go out too, a little later.
    let leaving: Vec<Planned> = plan_notes::leaving(&calendar).collect();
    if !leaving.is_empty() {
        calendar.planned.extend(leaving);
        calendar.planned.sort_by(|one, other| (one.at, &one.account).cmp(&(other.at, &other.account)));
    }
    calendar.waiting.splice(0..0, known.kept_back.iter().cloned());
    let mut out = io::BufWriter::new(io::stdout().lock());
    let (days, history) = (known.days, &known.history);
    let page = Page {
        name: &campaign.name,
        posts: &campaign.posts,
        accounts: &accounts,
        history,
        zone: campaign.zone,
        days,
        window,
    };
    let written = match form {
        Form::Json => plan_json::write(&mut out, &calendar, campaign.zone),
        Form::Gaps => {
            let open = Unready { posts: &campaign.posts, held, history };
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

/// The calendar as people read it.
struct Page<'a> {
    name: &'a str,
    posts: &'a [Arc<Post>],
    accounts: &'a [AccountCalendar],
    history: &'a History,
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
        let (from, until) = (self.window.slots_from, self.window.until);
        for pause in plan_notes::pauses(self.history, &self.window) {
            let words = plan_notes::pause_words(pause, self.zone);
            writeln!(out, "{}", ink.warning(&super::week::ink::cut(&words, width)))?;
        }
        let today = from.with_timezone(&self.zone).date_naive();
        let (name, posts, zone, accounts) = (self.name, self.posts, self.zone, self.accounts);
        let week = Week { name, posts, held, accounts, zone, from, until, today, width, ink };
        out.write_all(week::draw(&week, calendar).as_bytes())?;
        self.late(out, calendar)?;
        self.waiting(out, &calendar.waiting, width)
    }

    fn write(&self, out: &mut impl Write, calendar: &Plan) -> io::Result<()> {
        let from = self.window.slots_from.with_timezone(&self.zone);
        let until = self.window.until.with_timezone(&self.zone);
        let format = "%a %-d %b %Y %H:%M";
        writeln!(out, "{}: {} to {} ({})", self.name, from.format(format), until.format(format), self.zone)?;
        for pause in plan_notes::pauses(self.history, &self.window) {
            writeln!(out, "{}", plan_notes::pause_words(pause, self.zone))?;
        }
        if calendar.planned.is_empty() {
            let span = if self.days == 1 { "this day".to_owned() } else { format!("these {} days", self.days) };
            writeln!(out, "\nNothing goes out in {span}.")?;
        }
        self.days(out, calendar)?;
        let paused = calendar.paused.iter().map(|paused| plan_notes::silenced_line(paused, self.zone));
        listing(out, "In a pause", paused)?;
        let repeated = calendar.repeated.iter().map(|held| plan_notes::silenced_line(held, self.zone));
        listing(out, "Said already", repeated)?;
        self.late(out, calendar)?;
        self.rules(out, calendar)?;
        self.waiting(out, &calendar.waiting, usize::MAX)
    }

    /// What has had its time and was not sent, and what becomes of it.
    fn late(&self, out: &mut impl Write, calendar: &Plan) -> io::Result<()> {
        let now = self.window.slots_from;
        let late = calendar.late.iter().filter(|late| plan_notes::is_news(late, now));
        let mut lines: Vec<String> = late.map(|late| plan_notes::late_line(late, now, self.zone)).collect();
        let old = plan_notes::old(calendar, now);
        if !old.is_empty() {
            lines.push(format!("{}: over before anything could be sent", listed(&old)));
        }
        listing(out, "Late", lines.into_iter())
    }

    /// What goes out against a rule, and which slots rules keep empty: the first few, and how many more.
    fn rules(&self, out: &mut impl Write, calendar: &Plan) -> io::Result<()> {
        let time = |at: DateTime<Utc>| self.short(at);
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

    fn short(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.zone).format("%a %-d %b %H:%M").to_string()
    }

    fn days(&self, out: &mut impl Write, calendar: &Plan) -> io::Result<()> {
        let texts: HashMap<&PostId, &Post> = self.posts.iter().map(|post| (&post.id, post.as_ref())).collect();
        let lines: Vec<(NaiveDate, [String; 6])> = calendar
            .planned
            .iter()
            .map(|planned| {
                let local = planned.at.with_timezone(&self.zone);
                let clock = if planned.at.timestamp() % 60 == 0 { "%H:%M %Z" } else { "%H:%M:%S %Z" };
                let speaks = self.accounts.iter().find(|account| account.name == planned.account);
                let speaks = speaks.and_then(|account| account.speaks.as_ref());
                let said = texts.get(&planned.post).map(|post| post.words_for(&planned.account, speaks).0);
                let words = said.and_then(<[String]>::first).map(|text| first_words(text)).unwrap_or_default();
                let moved = if plan_notes::is_late(planned, calendar) {
                    format!(" [late: it was due {}]", self.short(planned.nominal))
                } else if planned.at != planned.nominal || local.naive_local() == planned.local {
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
mod tests;
