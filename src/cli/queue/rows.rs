//! One line of the queue: a row of the ledger, or a post that has none yet: planned further ahead, held before it was
//! planned, waiting for approval, a draft.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use crate::campaign::{self, Campaign};
use crate::cli::status::rfc3339;
use crate::cli::{plan_notes, workplace};
use crate::core::approval::Standing;
use crate::core::delivery::State;
use crate::core::ids::{AccountName, Occurrence, PostId};
use crate::core::plan::late::Late;
use crate::core::plan::repeated::SaidTexts;
use crate::core::plan::{History, Kind, Plan, Planned, Silenced, Window, plan};
use crate::core::post::{Post, Readiness};
use crate::jobs::staging::Staged;
use crate::store::deliveries::{Delivery, Of};

/// The word for posts that wait for approval.
pub(super) const REVIEW: &str = "review";
/// The word for posts their author has not finished.
pub(super) const DRAFT: &str = "draft";

/// One line.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    /// The ledger's number; absent while the post has no row there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delivery: Option<i64>,
    /// When it goes or went, RFC 3339; absent while it has no time.
    pub(super) at: Option<String>,
    #[serde(skip)]
    pub(super) instant: Option<DateTime<Utc>>,
    /// Absent where a post waits on all of its accounts.
    pub(super) account: Option<String>,
    pub(super) post: String,
    pub(super) part: i64,
    pub(super) parts: i64,
    pub(super) kind: String,
    pub(super) state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) topic: Option<String>,
    pub(super) text: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
}

impl Row {
    /// The order of a list: by time, those without one last.
    pub(super) fn order(&self) -> (bool, Option<DateTime<Utc>>, Option<&str>, &str, i64) {
        (self.instant.is_none(), self.instant, self.account.as_deref(), &self.post, self.part)
    }
}

/// A row of the ledger; `None` for replies.
pub(super) fn of_ledger(delivery: &Delivery, zone: Tz) -> Option<Row> {
    let Of::Post { post, part, parts, kind, .. } = &delivery.of else { return None };
    let instant = delivery.sent_at.unwrap_or(delivery.due_at);
    Some(Row {
        delivery: Some(delivery.id.0),
        at: Some(rfc3339(instant, zone)),
        instant: Some(instant),
        account: Some(delivery.account.to_string()),
        post: post.to_string(),
        part: *part,
        parts: *parts,
        kind: kind.as_str().to_owned(),
        state: delivery.state.as_str().to_owned(),
        topic: delivery.topic.as_ref().map(ToString::to_string),
        text: delivery.payload.text.clone(),
        reason: delivery.reason.clone(),
        url: delivery.url.clone(),
    })
}

/// An occurrence in the ledger or in the plan.
pub(super) type Key = (AccountName, PostId, Occurrence);

/// What comes: posts without a row, and what the plan makes of the rows that are planned.
pub(super) struct Coming {
    pub(super) rows: Vec<Row>,
    /// The plan of the posts that are ready.
    pub(super) plan: Plan,
}

/// What planning knows.
pub(super) struct Outlook<'a> {
    pub(super) history: &'a History,
    pub(super) window: Window,
    pub(super) said: &'a SaidTexts,
}

/// Everything in the posts that has no row in the ledger (`known`) in the window.
pub(super) fn coming(campaign: &Campaign, staged: &Staged, outlook: &Outlook<'_>, known: &HashSet<Key>) -> Coming {
    let calendars = campaign::plan_accounts(campaign);
    let (history, window, now) = (outlook.history, outlook.window, outlook.window.slots_from);
    let by_id: HashMap<&PostId, &Post> = staged.posts.iter().map(|post| (&post.id, post.as_ref())).collect();
    let is_new = |account: &AccountName, post: &PostId, occurrence: &Occurrence| {
        !known.contains(&(account.clone(), post.clone(), occurrence.clone()))
    };
    let new = |place: &&Planned| is_new(&place.account, &place.post, &place.occurrence);
    let placed = |post: &Post, planned: &Planned| {
        let speaks = calendars.iter().find(|calendar| calendar.name == planned.account);
        let (words, _) = post.words_for(&planned.account, speaks.and_then(|calendar| calendar.speaks.as_ref()));
        placed(post, planned, words.first().cloned().unwrap_or_default(), campaign.zone)
    };
    let posts = staged.plannable();
    let mut ready = plan(&posts, &calendars, campaign.zone, history, window);
    workplace::foresee(&mut ready, &posts, &calendars, outlook.said, now);
    let mut rows = Vec::new();
    let word = || State::Planned.as_str().to_owned();
    for planned in ready.planned.iter().filter(new) {
        let Some(post) = by_id.get(&planned.post) else { continue };
        rows.push(Row { state: word(), ..placed(post, planned) });
    }
    for Silenced { planned, fate } in ready.paused.iter().chain(&ready.repeated).filter(|aside| new(&&aside.planned)) {
        let Some(post) = by_id.get(&planned.post) else { continue };
        rows.push(Row { state: word(), reason: plan_notes::silenced_words(fate), ..placed(post, planned) });
    }
    for late in ready.late.iter().filter(|late| plan_notes::is_news(late, now)) {
        let (Late { what, fate }, Some(post)) = (late, by_id.get(&late.what.post)) else { continue };
        if is_new(&what.account, &what.post, &what.occurrence) {
            let at = what.leaving(what.due_at);
            rows.push(Row {
                state: word(),
                reason: plan_notes::fate_words(fate, now, campaign.zone),
                ..placed(post, &at)
            });
        }
    }
    // Posts that are kept back, with the time they would have, or without one.
    let with_row: HashSet<&PostId> = known.iter().map(|(_, id, _)| id).collect();
    let from_now = Window { at_from: now, every_from: now, ..window };
    let mut kept = |posts: Vec<Post>, word: &str, why: &dyn Fn(&PostId) -> String| {
        let place = plan(&posts, &calendars, campaign.zone, history, from_now);
        let mut times: HashMap<&PostId, Vec<&Planned>> = HashMap::new();
        for planned in place.planned.iter().chain(place.paused.iter().map(|paused| &paused.planned)) {
            times.entry(&planned.post).or_default().push(planned);
        }
        for post in &posts {
            let times = times.get(&post.id).map(Vec::as_slice).unwrap_or_default();
            let state = word.to_owned();
            if times.is_empty() && !with_row.contains(&post.id) {
                rows.push(Row { state: state.clone(), reason: why(&post.id), ..timeless(post) });
            }
            for planned in times.iter().copied().filter(new) {
                rows.push(Row { state: state.clone(), reason: why(&post.id), ..placed(post, planned) });
            }
        }
    };
    kept(staged.unapproved(), REVIEW, &|id| match staged.standings.get(id) {
        Some(Standing::Waits(why)) => why.words(),
        Some(Standing::NotAsked | Standing::Approved { .. }) | None => String::new(),
    });
    kept(staged.held(), State::Held.as_str(), &|id| staged.reason(id));
    for post in staged.posts.iter().filter(|post| post.readiness == Readiness::Draft) {
        rows.push(Row { state: DRAFT.to_owned(), ..timeless(post) });
    }
    rows.sort_by(|a, b| a.order().cmp(&b.order()));
    Coming { rows, plan: ready }
}

/// Says of the rows of the ledger that are planned what the plan makes of them: the daemon moves its rows when it plans,
/// and where none runs nobody has moved them yet.
pub(super) fn as_planned(rows: &mut [(Delivery, Row)], plan: &Plan, window: &Window, zone: Tz) {
    let mut times: HashMap<(&str, &str, &str), DateTime<Utc>> = HashMap::new();
    let mut words: HashMap<(&str, &str, &str), String> = HashMap::new();
    for place in &plan.planned {
        times.insert(key_of(&place.account, &place.post, &place.occurrence), place.at);
    }
    for Silenced { planned, fate } in plan.paused.iter().chain(&plan.repeated) {
        words.insert(key_of(&planned.account, &planned.post, &planned.occurrence), plan_notes::silenced_words(fate));
    }
    for Late { what, fate } in &plan.late {
        let said = plan_notes::fate_words(fate, window.slots_from, zone);
        words.insert(key_of(&what.account, &what.post, &what.occurrence), said);
    }
    for (delivery, row) in rows {
        let Of::Post { post, occurrence, part, kind, .. } = &delivery.of else { continue };
        if delivery.state != State::Planned
            || delivery.attempt > 0
            || (*part > 1 && delivery.due_at <= window.slots_from)
        {
            continue;
        }
        let key = key_of(&delivery.account, post, occurrence);
        if let Some(at) = times.get(&key) {
            (row.instant, row.at) = (Some(*at), Some(rfc3339(*at, zone)));
        } else if let Some(words) = words.get(&key) {
            row.reason.clone_from(words);
        } else if delivery.due_at > window.slots_from && *kind == Kind::Slot {
            row.reason = "no slot before the end of this list: the plan gives it the next free one".to_owned();
        }
    }
}

fn key_of<'a>(account: &'a AccountName, post: &'a PostId, occurrence: &'a Occurrence) -> (&'a str, &'a str, &'a str) {
    (account.as_str(), post.as_str(), occurrence.as_str())
}

fn placed(post: &Post, planned: &Planned, text: String, zone: Tz) -> Row {
    Row {
        at: Some(rfc3339(planned.at, zone)),
        instant: Some(planned.at),
        account: Some(planned.account.to_string()),
        kind: planned.kind.as_str().to_owned(),
        text,
        ..timeless(post)
    }
}

fn timeless(post: &Post) -> Row {
    Row {
        delivery: None,
        at: None,
        instant: None,
        account: match post.accounts.as_slice() {
            [only] => Some(only.to_string()),
            _ => None,
        },
        post: post.id.to_string(),
        part: 1,
        parts: i64::try_from(post.parts.len()).unwrap_or(i64::MAX),
        kind: String::new(),
        state: String::new(),
        topic: post.topic.as_ref().map(ToString::to_string),
        text: post.parts.first().cloned().unwrap_or_default(),
        reason: String::new(),
        url: None,
    }
}
