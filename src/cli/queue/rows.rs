//! One line of the queue: a row of the ledger, or a post that has none yet: planned further ahead, held before it was
//! planned, waiting for approval, a draft.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use crate::campaign::{self, Campaign};
use crate::cli::status::rfc3339;
use crate::core::approval::Standing;
use crate::core::delivery::State;
use crate::core::ids::{AccountName, Occurrence, PostId};
use crate::core::plan::{History, Plan, Planned, Window, plan};
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

/// What comes and has no row yet.
pub(super) struct Coming {
    pub(super) rows: Vec<Row>,
    /// Ready posts without a time, and why.
    pub(super) waiting: Plan,
}

/// Everything in the posts that has no row in the ledger (`known`), up to `until`.
pub(super) fn coming(
    campaign: &Campaign,
    staged: &Staged,
    history: &History,
    known: &HashSet<Key>,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Coming {
    let calendars = campaign::plan_accounts(campaign);
    let window = Window { at_from: now, every_from: now, slots_from: now, until };
    let by_id: HashMap<&PostId, &Post> = staged.posts.iter().map(|post| (&post.id, post.as_ref())).collect();
    let new =
        |place: &&Planned| !known.contains(&(place.account.clone(), place.post.clone(), place.occurrence.clone()));
    let placed = |post: &Post, planned: &Planned| {
        let speaks = calendars.iter().find(|calendar| calendar.name == planned.account);
        let (words, _) = post.words_for(&planned.account, speaks.and_then(|calendar| calendar.speaks.as_ref()));
        placed(post, planned, words.first().cloned().unwrap_or_default(), campaign.zone)
    };
    let ready = plan(&staged.plannable(), &calendars, campaign.zone, history, window);
    let mut rows = Vec::new();
    for planned in ready.planned.iter().filter(new) {
        let Some(post) = by_id.get(&planned.post) else { continue };
        rows.push(Row { state: State::Planned.as_str().to_owned(), ..placed(post, planned) });
    }
    // Posts that are kept back, with the time they would have, or without one.
    let mut kept = |posts: Vec<Post>, word: &str, why: &dyn Fn(&PostId) -> String| {
        let place = plan(&posts, &calendars, campaign.zone, history, window);
        for post in &posts {
            let mut times = place.planned.iter().filter(|planned| planned.post == post.id).peekable();
            let state = word.to_owned();
            if times.peek().is_none() && !known.iter().any(|(_, id, _)| id == &post.id) {
                rows.push(Row { state: state.clone(), reason: why(&post.id), ..timeless(post) });
            }
            for planned in times.filter(new) {
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
    Coming { rows, waiting: ready }
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
