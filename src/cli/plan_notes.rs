//! What stands beside the plan, in words: pauses, posts whose time passes in one, late posts and what becomes of them,
//! posts that are kept back. Nothing is decided here.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::status::local;
use crate::core::delivery::State;
use crate::core::ids::PostId;
use crate::core::plan::late::{Fate, Late};
use crate::core::plan::pauses::Pause;
use crate::core::plan::{History, Plan, Planned, Silenced, Waiting, Window};
use crate::core::post::Post;
use crate::jobs::staging::Staged;
use crate::store::Store;
use crate::store::deliveries::Of;

/// How many rows that wait for a person are named.
const KEPT_BACK: i64 = 1_000;

/// A post staff hold, among those that wait.
pub(super) fn held(post: &Post, reason: &str) -> Waiting {
    let why = format!("held: {reason}; `watchpost queue release {}` lets it go", post.id);
    Waiting { post: post.id.clone(), account: None, why }
}

/// Rows of the ledger that wait for a person, those aside whose post staff hold as a whole.
pub(super) async fn waiting_for_a_person(store: &Store, staged: &Staged) -> anyhow::Result<Vec<Waiting>> {
    let mut seen = HashSet::new();
    let mut waiting = Vec::new();
    for row in store.deliveries_in(&[State::Held, State::Refused], KEPT_BACK).await? {
        let Of::Post { post, .. } = &row.of else { continue };
        if staged.mark(post).is_some() || !seen.insert((row.account.clone(), post.clone(), row.reason.clone())) {
            continue;
        }
        let why = format!("{}: {}", row.state.as_str(), row.reason);
        waiting.push(Waiting { post: post.clone(), account: Some(row.account.clone()), why });
    }
    Ok(waiting)
}

/// The pauses of posts that hold in the window.
pub(super) fn pauses<'a>(history: &'a History, window: &Window) -> impl Iterator<Item = &'a Pause> {
    let (from, until) = (window.slots_from, window.until);
    history.pauses.iter().filter(move |pause| pause.since < until && pause.until.is_none_or(|end| from < end))
}

/// `Posts of eyes are paused until Wed 25 Nov 2026 00:00 EST: grief`.
pub(super) fn pause_words(pause: &Pause, zone: Tz) -> String {
    let of = pause.account.as_ref().map(|account| format!(" of {account}")).unwrap_or_default();
    let until = match pause.until {
        Some(until) => format!("until {}", local(until, zone)),
        None => "until `watchpost resume`".to_owned(),
    };
    let reason = if pause.reason.is_empty() { String::new() } else { format!(": {}", pause.reason) };
    format!("Posts{of} are paused {until}{reason}")
}

/// What becomes of a late post, as the end of a sentence.
pub(super) fn fate_words(fate: &Fate, now: DateTime<Utc>, zone: Tz) -> String {
    match fate {
        Fate::Leaves(at) if *at <= now => "late: at once".to_owned(),
        Fate::Leaves(at) => {
            let minutes = (*at - now).num_minutes();
            if minutes <= 90 {
                format!("late: in {} min", minutes.max(1))
            } else {
                format!("late: {}", local(*at, zone))
            }
        }
        Fate::Held(why) => format!("late: held: {why}"),
        Fate::Expired(why) => format!("late: does not go out: {why}"),
        Fate::TakesNextSlot(why) => format!("late: {why}; it takes the next free slot"),
        Fate::WaitsForResume(why) => format!("late: {why}; looked at again when somebody resumes"),
    }
}

/// What becomes of a post whose time passes in a pause, as the end of a sentence.
pub(super) fn silenced_words(fate: &Fate) -> String {
    match fate {
        Fate::Held(why) => format!("does not go out, will be held: {why}"),
        Fate::Expired(why) | Fate::WaitsForResume(why) | Fate::TakesNextSlot(why) => {
            format!("does not go out: {why}")
        }
        Fate::Leaves(_) => String::new(),
    }
}

/// One line per post whose time passes in a pause.
pub(super) fn silenced_line(Silenced { planned, fate }: &Silenced, zone: Tz) -> String {
    let Planned { at, account, post, .. } = planned;
    format!("{} {account} {post}: {}", local(*at, zone), silenced_words(fate))
}

/// One line per late post.
pub(super) fn late_line(Late { what, fate }: &Late, now: DateTime<Utc>, zone: Tz) -> String {
    format!("{} {} {}: {}", local(what.due_at, zone), what.account, what.post, fate_words(fate, now, zone))
}

/// Whether somebody should know of it: what passed for good long ago is in the ledger, or an old file.
pub(super) fn is_news(Late { what, fate }: &Late, now: DateTime<Utc>) -> bool {
    match fate {
        Fate::Leaves(_) | Fate::Held(_) | Fate::WaitsForResume(_) | Fate::TakesNextSlot(_) => true,
        Fate::Expired(_) => now - what.due_at < chrono::Duration::days(1),
    }
}

/// The late posts that leave, at the time at which they do.
pub(super) fn leaving(plan: &Plan) -> impl Iterator<Item = Planned> + '_ {
    plan.late.iter().filter_map(|Late { what, fate }| match fate {
        Fate::Leaves(at) => Some(what.leaving(*at)),
        Fate::Held(_) | Fate::Expired(_) | Fate::TakesNextSlot(_) | Fate::WaitsForResume(_) => None,
    })
}

/// Whether this one among what goes out is late.
pub(super) fn is_late(planned: &Planned, plan: &Plan) -> bool {
    let is_it = |late: &Late| {
        let what = &late.what;
        let leaves = matches!(late.fate, Fate::Leaves(_));
        leaves && what.post == planned.post && what.account == planned.account && what.occurrence == planned.occurrence
    };
    planned.at != planned.nominal && plan.late.iter().any(is_it)
}

/// Posts that are only named as late.
pub(super) fn old(plan: &Plan, now: DateTime<Utc>) -> Vec<&PostId> {
    let mut old: Vec<&PostId> =
        plan.late.iter().filter(|late| !is_news(late, now)).map(|late| &late.what.post).collect();
    old.dedup();
    old
}
