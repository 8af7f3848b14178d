//! The plan as JSON: an array of what goes out, whose shape other programs rely on; or, on demand, one document that
//! holds that array beside what does not go out and why.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::{plan_notes, week};
use crate::core::ids::{AccountName, Occurrence, PostId};
use crate::core::plan::late::{Fate, Late};
use crate::core::plan::pauses::Pause;
use crate::core::plan::{History, Idle, IdleSlot, Kind, Plan, Planned, Silenced, Waiting, Window};
use crate::core::post::{Post, Readiness};

/// One line of the JSON document.
#[derive(Serialize)]
struct Row<'a> {
    at: String,
    account: &'a AccountName,
    post: &'a PostId,
    parts: usize,
    kind: Kind,
    /// When it was to go out; absent where it is not late.
    #[serde(skip_serializing_if = "Option::is_none")]
    late_since: Option<String>,
    /// What stands against its time, for a person to look at; absent where nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<String>,
}

/// What goes out, and what does not.
#[derive(Serialize)]
struct Gaps<'a> {
    planned: Vec<Row<'a>>,
    /// Slots that nothing takes.
    empty_slots: Vec<EmptySlot<'a>>,
    /// Posts with a time in the window that would not go out as they are.
    not_ready: Vec<NotReady<'a>>,
    /// Posts without a time, and what waits for a person.
    waiting: Vec<Waits<'a>>,
    /// When posts are paused.
    pauses: Vec<Paused<'a>>,
    /// Posts with a time of their own that passes in a pause.
    in_pauses: Vec<Aside<'a>>,
    /// Posts that will be held because their account said the same within 60 days.
    already_said: Vec<Aside<'a>>,
    /// What has had its time and was not sent, and what becomes of it.
    late: Vec<Aside<'a>>,
}

#[derive(Serialize)]
struct Paused<'a> {
    /// Absent: every account.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a AccountName>,
    since: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    reason: &'a str,
}

#[derive(Serialize)]
struct Aside<'a> {
    at: String,
    account: &'a AccountName,
    post: &'a PostId,
    /// What becomes of it.
    why: String,
}

#[derive(Serialize)]
struct EmptySlot<'a> {
    at: String,
    account: &'a AccountName,
    why: String,
}

#[derive(Serialize)]
struct NotReady<'a> {
    at: String,
    post: &'a PostId,
    /// Empty: all.
    accounts: &'a [AccountName],
    /// `review`, `draft` or `held`.
    status: &'static str,
}

#[derive(Serialize)]
struct Waits<'a> {
    post: &'a PostId,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a AccountName>,
    why: &'a str,
}

/// Writes what goes out.
pub(super) fn write(out: &mut impl Write, calendar: &Plan, zone: Tz) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &json_rows(calendar, zone))?;
    writeln!(out)
}

fn rfc3339(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Secs, false)
}

fn json_rows(calendar: &Plan, zone: Tz) -> Vec<Row<'_>> {
    let mut against: HashMap<(&AccountName, &PostId, &Occurrence), Vec<String>> = HashMap::new();
    for conflict in &calendar.conflicts {
        let key = (&conflict.account, &conflict.post, &conflict.occurrence);
        against.entry(key).or_default().push(conflict.against.to_string());
    }
    let leaves = |late: &&Late| matches!(late.fate, Fate::Leaves(_));
    let key = |late: &'_ Late| (late.what.account.clone(), late.what.post.clone(), late.what.occurrence.clone());
    let late: HashSet<_> = calendar.late.iter().filter(leaves).map(key).collect();
    let rows = calendar.planned.iter().map(|planned| {
        let Planned { at, account, post, parts, kind, occurrence, nominal, .. } = planned;
        let against = against.get(&(account, post, occurrence)).map(|said| said.join("; "));
        let late_since =
            late.contains(&(account.clone(), post.clone(), occurrence.clone())).then(|| rfc3339(*nominal, zone));
        Row { at: rfc3339(*at, zone), account, post, parts: *parts, kind: *kind, late_since, against }
    });
    rows.collect()
}

/// Why a post would not go out; `None`: it would.
fn status(post: &Post) -> Option<&'static str> {
    match post.readiness {
        Readiness::Ready => None,
        Readiness::Review => Some("review"),
        Readiness::Draft => Some("draft"),
    }
}

/// Why a slot stays empty, in words.
pub(super) fn why_empty(why: &Idle) -> String {
    match why {
        Idle::NothingWaits => "free".to_owned(),
        Idle::Twice { post } => format!("free: {post} is left, but it or its topic was said last"),
        Idle::KeptFor { post } => format!("kept for {post}, which is not ready"),
        Idle::Skipped { against } => against.to_string(),
    }
}

/// Posts that do not go out as they are.
pub(super) struct Unready<'a> {
    /// All posts that may be planned.
    pub(super) posts: &'a [Arc<Post>],
    /// Posts that staff hold.
    pub(super) held: &'a [Post],
    /// When posts are paused.
    pub(super) history: &'a History,
}

/// Writes what goes out, and what does not.
pub(super) fn write_gaps<'a>(
    out: &mut impl Write,
    calendar: &'a Plan,
    unready: &Unready<'a>,
    window: Window,
    zone: Tz,
) -> io::Result<()> {
    let open = unready.posts.iter().map(|post| (post.as_ref(), status(post)));
    let held = unready.held.iter().map(|post| (post, Some("held")));
    let not_ready = open.chain(held).filter_map(|(post, status)| {
        let (at, status) = (week::own_time(post, zone)?, status?);
        let shown = NotReady { at: rfc3339(at, zone), post: &post.id, accounts: &post.accounts, status };
        (window.slots_from <= at && at < window.until).then_some((at, shown))
    });
    let mut not_ready: Vec<(DateTime<Utc>, NotReady<'_>)> = not_ready.collect();
    not_ready.sort_by_key(|(at, _)| *at);
    let empty_slots = calendar.idle.iter().map(|slot| {
        let IdleSlot { at, account, why, .. } = slot;
        EmptySlot { at: rfc3339(*at, zone), account, why: why_empty(why) }
    });
    let waiting = calendar.waiting.iter().map(|waiting| {
        let Waiting { post, account, why } = waiting;
        Waits { post, account: account.as_ref(), why }
    });
    let paused = |pause: &'a Pause| Paused {
        account: pause.account.as_ref(),
        since: rfc3339(pause.since, zone),
        until: pause.until.map(|until| rfc3339(until, zone)),
        reason: &pause.reason,
    };
    let in_pauses = calendar.paused.iter().map(|Silenced { planned, fate }| Aside {
        at: rfc3339(planned.at, zone),
        account: &planned.account,
        post: &planned.post,
        why: plan_notes::silenced_words(fate),
    });
    let already_said = calendar.repeated.iter().map(|Silenced { planned, fate }| Aside {
        at: rfc3339(planned.at, zone),
        account: &planned.account,
        post: &planned.post,
        why: plan_notes::silenced_words(fate),
    });
    let now = window.slots_from;
    let late = calendar.late.iter().map(|Late { what, fate }| Aside {
        at: rfc3339(what.due_at, zone),
        account: &what.account,
        post: &what.post,
        why: plan_notes::fate_words(fate, now, zone),
    });
    let gaps = Gaps {
        planned: json_rows(calendar, zone),
        empty_slots: empty_slots.collect(),
        not_ready: not_ready.into_iter().map(|(_, post)| post).collect(),
        waiting: waiting.collect(),
        pauses: plan_notes::pauses(unready.history, &window).map(paused).collect(),
        in_pauses: in_pauses.collect(),
        already_said: already_said.collect(),
        late: late.collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &gaps)?;
    writeln!(out)
}
