//! The plan as a week calendar for the terminal: day blocks, or seven columns where there is room.
//!
//! Here the plan becomes days with lines in them; [`blocks`] and [`grid`] draw them, [`ink`] knows widths and colours.
//! Everything is local time in the campaign's zone. It reads no clock and no terminal: width, colour and today are
//! given.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Datelike, Duration, NaiveDate, Offset, Utc};
use chrono_tz::Tz;

use self::ink::{Ink, plain};
use super::plan_notes;
use crate::core::ids::{AccountName, Occurrence, PostId};
use crate::core::plan::{AccountCalendar, Idle, IdleSlot, Plan, Planned, Silenced};
use crate::core::post::{Post, Readiness, When};

mod blocks;
mod grid;
pub(super) mod ink;
#[cfg(test)]
mod tests;

/// From this width on seven columns are shown beside each other.
const WIDE: usize = 120;
/// Weeks with fewer busy days are shown day under day: columns would be empty.
const BUSY: usize = 3;
/// More free slots of one account on one day are one line.
const SINGLE_GAPS: usize = 2;
/// Where words are told to be cut by their reader, not here.
const ALL_WORDS: usize = 400;

/// What is drawn, and how.
pub(super) struct Week<'a> {
    /// The campaign's name.
    pub(super) name: &'a str,
    pub(super) posts: &'a [Arc<Post>],
    /// Posts that staff hold: shown at their time, as not going out.
    pub(super) held: &'a [Post],
    /// The campaign's accounts.
    pub(super) accounts: &'a [AccountCalendar],
    pub(super) zone: Tz,
    /// The window, `from ≤ at < until`.
    pub(super) from: DateTime<Utc>,
    pub(super) until: DateTime<Utc>,
    /// The day that is marked.
    pub(super) today: NaiveDate,
    /// Columns of the terminal.
    pub(super) width: usize,
    pub(super) ink: Ink,
}

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// It goes out.
    Goes,
    /// It has a time and is not ready: a draft, or it waits for approval.
    Open,
    /// A slot that nothing takes.
    Free,
}

/// One line of a day.
struct Item {
    at: DateTime<Utc>,
    time: String,
    account: String,
    words: String,
    /// Kind and number of parts, in short.
    tag: String,
    mark: Mark,
    /// What a person should look at.
    warning: Option<String>,
}

struct Day {
    date: NaiveDate,
    items: Vec<Item>,
    /// A change of the clocks.
    note: Option<String>,
}

/// Draws the calendar, without what waits for a time.
pub(super) fn draw(week: &Week<'_>, plan: &Plan) -> String {
    let days = days(week, plan);
    let mut page = heading(week);
    let columns = blocks::Columns::of(&days);
    for days in days.chunk_by(|one, other| one.date.iso_week() == other.date.iso_week()) {
        page.push('\n');
        let busy = days.iter().filter(|day| !day.items.is_empty()).count();
        let beside = week.width >= WIDE && busy >= BUSY;
        page.push_str(&if beside { grid::draw(week, days) } else { blocks::draw(week, days, &columns) });
    }
    page.push('\n');
    page.push_str(&summary(week, plan, &days));
    page
}

fn heading(week: &Week<'_>) -> String {
    let local = |at: DateTime<Utc>| at.with_timezone(&week.zone);
    let (from, last) = (local(week.from), local(week.until - Duration::seconds(1)));
    let same_year = from.year() == last.year();
    let begin = from.format(if same_year { "%-d %b" } else { "%-d %b %Y" });
    let zone = week.zone.name().replace('_', " ");
    let text = format!("{} · {begin} – {} · times of {zone}", plain(week.name), last.format("%-d %b %Y"));
    format!("{}\n", week.ink.strong(&ink::cut(&text, week.width)))
}

/// Every day of the window, with its lines in time order.
fn days(week: &Week<'_>, plan: &Plan) -> Vec<Day> {
    let posts: HashMap<&PostId, &Post> = week.posts.iter().map(|post| (&post.id, post.as_ref())).collect();
    let mut warnings: HashMap<(&AccountName, &PostId, &Occurrence), Vec<String>> = HashMap::new();
    for conflict in &plan.conflicts {
        let key = (&conflict.account, &conflict.post, &conflict.occurrence);
        warnings.entry(key).or_default().push(conflict.against.to_string());
    }
    let mut items: Vec<Item> = Vec::new();
    // One post on several accounts at one instant is one line.
    let together = |one: &Planned, other: &Planned| {
        let of = |planned: &Planned| posts.get(&planned.post).map(|post| week.words(post, &planned.account));
        one.at == other.at && one.post == other.post && one.parts == other.parts && of(one) == of(other)
    };
    let mut planned: Vec<&Planned> = plan.planned.iter().collect();
    planned.sort_by(|one, other| (one.at, &one.post, &one.account).cmp(&(other.at, &other.post, &other.account)));
    for group in planned.chunk_by(|one, other| together(one, other)) {
        let Some(first) = group.first() else { continue };
        let of_group = group.iter().filter_map(|one| warnings.get(&(&one.account, &one.post, &one.occurrence)));
        let mut said: Vec<String> = of_group.flatten().cloned().collect();
        said.dedup();
        if plan_notes::is_late(first, plan) {
            said.push(format!("late: it was due {}", week.local(first.nominal).format("%a %-d %b %H:%M")));
        } else if first.at == first.nominal && week.local(first.at).naive_local() != first.local {
            said.push(format!("{} does not exist that day: the clocks go forward", first.local.format("%H:%M")));
        }
        items.push(Item {
            at: first.at,
            time: week.clock(first.at),
            account: week.names(group.iter().map(|one| &one.account)),
            words: posts.get(&first.post).map(|post| week.words(post, &first.account)).unwrap_or_default(),
            tag: tag(first),
            mark: Mark::Goes,
            warning: (!said.is_empty()).then(|| said.join("; ")),
        });
    }
    let paused = plan.paused.iter().map(|one| (one, "paused"));
    let aside = paused.chain(plan.repeated.iter().map(|one| (one, "held")));
    items.extend(aside.map(|(Silenced { planned, fate }, tag)| Item {
        at: planned.at,
        time: week.clock(planned.at),
        account: planned.account.to_string(),
        words: posts.get(&planned.post).map(|post| week.words(post, &planned.account)).unwrap_or_default(),
        tag: tag.to_owned(),
        mark: Mark::Open,
        warning: Some(plan_notes::silenced_words(fate)),
    }));
    items.extend(week.posts.iter().filter_map(|post| open(week, post, unready(post)?)));
    items.extend(week.held.iter().filter_map(|post| open(week, post, "held")));
    items.extend(gaps(week, &plan.idle));
    items.sort_by(|one, other| (one.at, &one.account).cmp(&(other.at, &other.account)));
    let mut by_date: BTreeMap<NaiveDate, Vec<Item>> = BTreeMap::new();
    for item in items {
        by_date.entry(week.local(item.at).date_naive()).or_default().push(item);
    }
    let last = week.local(week.until - Duration::seconds(1)).date_naive();
    let dates = week.local(week.from).date_naive().iter_days().take_while(|date| *date <= last);
    let day =
        |date| Day { date, items: by_date.remove(&date).unwrap_or_default(), note: clock_change(week.zone, date) };
    dates.map(day).collect()
}

impl Week<'_> {
    fn local(&self, at: DateTime<Utc>) -> DateTime<Tz> {
        at.with_timezone(&self.zone)
    }

    /// Who says it: names, or all; nobody named means all.
    fn names<'n>(&self, names: impl Iterator<Item = &'n AccountName>) -> String {
        let mut names: Vec<&str> = names.map(AccountName::as_str).collect();
        names.sort_unstable();
        let all = names.is_empty() || (names.len() == self.accounts.len() && names.len() > 1);
        if all { "all".to_owned() } else { names.join(", ") }
    }

    /// What an account says of a post.
    fn words(&self, post: &Post, account: &AccountName) -> String {
        let speaks = self.accounts.iter().find(|known| known.name == *account).and_then(|known| known.speaks.as_ref());
        shown(post.words_for(account, speaks).0.first())
    }

    fn clock(&self, at: DateTime<Utc>) -> String {
        let whole = at.timestamp() % 60 == 0;
        self.local(at).format(if whole { "%H:%M" } else { "%H:%M:%S" }).to_string()
    }
}

fn shown(text: Option<&String>) -> String {
    ink::cut(&plain(text.map(String::as_str).unwrap_or_default()), ALL_WORDS)
}

fn tag(planned: &Planned) -> String {
    let kind = planned.kind.as_str();
    if planned.parts == 1 { kind.to_owned() } else { format!("{kind} ×{}", planned.parts) }
}

fn unready(post: &Post) -> Option<&'static str> {
    match post.readiness {
        Readiness::Ready => None,
        Readiness::Review => Some("approval?"),
        Readiness::Draft => Some("draft"),
    }
}

/// The one time a post says itself: its `at`, or the slot it is pinned to.
pub(super) fn own_time(post: &Post, zone: Tz) -> Option<DateTime<Utc>> {
    match (&post.when, post.order.slot) {
        (When::At(moment), _) => Some(moment.resolve(zone).instant),
        (When::NextSlot, Some(slot)) => Some(crate::core::schedule::resolve(slot, zone).instant),
        (When::NextSlot | When::Every(_) | When::Evergreen, _) => None,
    }
}

/// A post with a time in the window that would not go out as it is.
fn open(week: &Week<'_>, post: &Post, tag: &str) -> Option<Item> {
    let at = own_time(post, week.zone)?;
    (week.from <= at && at < week.until).then(|| Item {
        at,
        time: week.clock(at),
        account: week.names(post.accounts.iter()),
        words: shown(post.parts.first()),
        tag: tag.to_owned(),
        mark: Mark::Open,
        warning: None,
    })
}

/// Slots that nothing takes; many of one account on one day are one line.
fn gaps(week: &Week<'_>, idle: &[IdleSlot]) -> Vec<Item> {
    let mut groups: BTreeMap<(NaiveDate, &AccountName, String), Vec<&IdleSlot>> = BTreeMap::new();
    for slot in idle {
        let why = match &slot.why {
            Idle::NothingWaits => "free".to_owned(),
            Idle::Twice { post } => format!("free: {post} or its topic was said last"),
            Idle::KeptFor { post } => format!("kept for {post}, which is not ready"),
            Idle::Skipped { against } => format!("left out: {against}"),
        };
        groups.entry((week.local(slot.at).date_naive(), &slot.account, why)).or_default().push(slot);
    }
    let mut items = Vec::new();
    for ((_, account, why), slots) in groups {
        let item = |slot: &IdleSlot, words: String| Item {
            at: slot.at,
            time: week.clock(slot.at),
            account: account.to_string(),
            words,
            tag: String::new(),
            mark: Mark::Free,
            warning: None,
        };
        if let ([first, .., last], true) = (slots.as_slice(), slots.len() > SINGLE_GAPS) {
            items.push(item(first, format!("{why}: {} slots until {}", slots.len(), week.clock(last.at))));
        } else {
            items.extend(slots.iter().map(|slot| item(slot, why.clone())));
        }
    }
    items
}

/// What the clocks do on that day.
fn clock_change(zone: Tz, date: NaiveDate) -> Option<String> {
    let offset = |date: NaiveDate| {
        let instant = crate::core::schedule::resolve(date.and_hms_opt(0, 0, 0)?, zone).instant;
        Some(i64::from(instant.with_timezone(&zone).offset().fix().local_minus_utc()))
    };
    let change = offset(date.succ_opt()?)? - offset(date)?;
    let length = |seconds: i64| {
        if seconds % 3_600 == 0 { format!("{} h", seconds / 3_600) } else { format!("{} min", seconds / 60) }
    };
    match change {
        0 => None,
        1.. => Some(format!("clocks go forward {}", length(change))),
        ..0 => Some(format!("clocks go back {}", length(-change))),
    }
}

/// What the window comes to, in one line.
fn summary(week: &Week<'_>, plan: &Plan, days: &[Day]) -> String {
    let items = || days.iter().flat_map(|day| &day.items);
    let many = |count: usize, one: &str, several: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        more => Some(format!("{more} {several}")),
    };
    let free = plan.idle.iter().filter(|slot| slot.why.is_gap()).count();
    let looks = items().filter(|item| item.warning.is_some()).count();
    let open = items().filter(|item| item.mark == Mark::Open).count();
    let counted = [
        many(plan.planned.len(), "goes out", "go out"),
        many(free, "free slot", "free slots"),
        many(open, "does not, as it stands", "do not, as they stand"),
        many(looks, "to look at (!)", "to look at (!)"),
    ];
    let words: Vec<String> = counted.into_iter().flatten().collect();
    let words = if plan.planned.is_empty() {
        std::iter::once("Nothing goes out".to_owned()).chain(words).collect::<Vec<_>>().join(" · ")
    } else {
        words.join(" · ")
    };
    let ids = "The posts' ids: watchpost plan --list";
    format!("{}\n{}\n", ink::cut(&words, week.width), week.ink.faint(&ink::cut(ids, week.width)))
}

/// Lines that go on under themselves.
pub(super) fn hanging(text: &str, width: usize) -> String {
    let lines = ink::wrap(text, width.saturating_sub(4), usize::MAX);
    lines.iter().enumerate().map(|(at, line)| format!("{}{line}\n", if at == 0 { "  " } else { "    " })).collect()
}

/// The name of a week.
fn title(days: &[Day]) -> String {
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return String::new() };
    let begin = if first.date == last.date {
        String::new()
    } else if first.date.month() == last.date.month() {
        format!("{}–", first.date.day())
    } else {
        format!("{} – ", first.date.format("%-d %B"))
    };
    format!("Week {} · {begin}{}", first.date.iso_week().week(), last.date.format("%-d %B %Y"))
}
