//! Day under day, for terminals of the usual width.

use super::ink::{cut, fill, width};
use super::{Day, Item, Mark, Week, title};

/// `Sun 22 today` and a space on each side.
const LABEL: usize = 13;
/// Longer lists of accounts are cut.
const ACCOUNTS: usize = 14;
/// Days with more lines stand apart.
const LONG: usize = 3;
/// The longest tag, `evergreen ×12`.
const TAGS: usize = 13;

/// One week.
pub(super) fn draw(week: &Week<'_>, days: &[Day], columns: &Columns) -> String {
    let head = title(days);
    let rule = "─".repeat(week.width.saturating_sub(width(&head) + 1));
    let mut page = format!("{} {}\n", week.ink.strong(&head), week.ink.faint(&rule));
    let mut before = 0;
    for days in days.chunk_by(|one, other| is_quiet(week, one) && is_quiet(week, other)) {
        match days {
            [day] if !is_quiet(week, day) => {
                // Long days stand apart, so that nobody slips into the next.
                if before > LONG || (before > 0 && day.items.len() > LONG) {
                    page.push('\n');
                }
                before = day.items.len();
                page.push_str(&lines(week, day, columns));
            }
            [] => {}
            quiet => {
                let name = |day: &Day| day.date.format("%a %-d").to_string();
                let names: Vec<String> = [quiet.first(), quiet.last()].into_iter().flatten().map(name).collect();
                let label =
                    if quiet.len() == 1 { names.first().cloned().unwrap_or_default() } else { names.join(" – ") };
                page.push_str(&format!(" {}\n", week.ink.faint(&format!("{} nothing", fill(&label, LABEL - 1)))));
                before = 0;
            }
        }
    }
    page
}

/// A day without a line; today is always shown.
fn is_quiet(week: &Week<'_>, day: &Day) -> bool {
    day.items.is_empty() && day.note.is_none() && day.date != week.today
}

/// How wide the columns of a page are.
pub(super) struct Columns {
    time: usize,
    account: usize,
    tag: usize,
}

impl Columns {
    /// The same for all weeks of a page.
    pub(super) fn of(days: &[Day]) -> Self {
        let items = || days.iter().flat_map(|day| &day.items);
        let widest = |text: fn(&Item) -> &str| items().map(|item| width(text(item))).max().unwrap_or(0);
        Self {
            time: widest(|item| &item.time).clamp(5, 8),
            account: widest(|item| &item.account).clamp(3, ACCOUNTS),
            tag: widest(|item| &item.tag).min(TAGS),
        }
    }
}

fn lines(week: &Week<'_>, day: &Day, columns: &Columns) -> String {
    let ink = week.ink;
    let mut page = String::new();
    let name = day.date.format("%a %-d").to_string();
    let (shown, text) = if day.date == week.today {
        let text = format!("{name} today");
        (ink.today(&text), text)
    } else {
        (ink.strong(&name), name)
    };
    let mut label = format!(" {shown}{}", " ".repeat(LABEL.saturating_sub(width(&text))));
    let empty = " ".repeat(LABEL + 1);
    for note in day.note.iter().map(|note| ink.faint(note)) {
        page.push_str(&format!("{}{note}\n", std::mem::replace(&mut label, empty.clone())));
    }
    if day.items.is_empty() && day.note.is_none() {
        page.push_str(&format!("{label}{}\n", ink.faint("nothing")));
    }
    for item in &day.items {
        let room = week.width.saturating_sub(LABEL + 1 + columns.time + 2 + columns.account + 2 + 2 + columns.tag);
        let time = fill(&item.time, columns.time);
        let account = fill(&cut(&item.account, columns.account), columns.account);
        let words = fill(&cut(&item.words, room), room);
        let tag = cut(&item.tag, columns.tag);
        let line = match item.mark {
            Mark::Goes => format!("{time}  {}  {words}  {}", ink.account(&account), ink.faint(&tag)),
            Mark::Open => format!("{}  {}", ink.faint(&format!("{time}  {account}  {words}")), ink.warning(&tag)),
            Mark::Free => ink.faint(&format!("{time}  {account}  · {}", cut(&item.words, room.saturating_sub(2)))),
        };
        page.push_str(&format!("{}{}\n", std::mem::replace(&mut label, empty.clone()), line.trim_end()));
        if let Some(warning) = &item.warning {
            let most = week.width.saturating_sub(LABEL + 3 + columns.time + 2);
            let before = " ".repeat(columns.time);
            page.push_str(&format!("{empty}{before}  {}\n", ink.warning(&format!("! {}", cut(warning, most)))));
        }
    }
    page
}
