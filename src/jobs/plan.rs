//! Posts become planned deliveries: the same function `watchpost plan` uses, written into the ledger.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use sha2::{Digest, Sha256};

use super::context::Ctx;
use crate::core::delivery::{Payload, State};
use crate::core::ids::{Occurrence, PostId};
use crate::core::plan::{AccountCalendar, Kind, Planned, Window, plan};
use crate::core::post::{DEFAULT_EXPIRY, Late, Moment, Post, Readiness, When};
use crate::store::StoreError;
use crate::store::calendar::{Placed, Rename, Wanted, Written};

/// How far ahead rows are written. Later posts stand in the files; a week and a day keeps `queue list` useful and the
/// ledger small.
pub const HORIZON: Duration = Duration::days(8);

/// Plans everything up to [`HORIZON`] from `now`.
///
/// # Errors
/// When the database cannot be read or written; then nothing changed.
pub async fn tick(ctx: &Ctx, now: DateTime<Utc>) -> Result<Written, StoreError> {
    let desk = ctx.desk();
    let from_files = desk.posts.iter().map(|post| (post.id.clone(), content_hash(post))).collect::<BTreeMap<_, _>>();
    for Rename { from, to, taken } in ctx.store.note_posts(from_files).await? {
        tracing::info!(post.id = %to, post.was = %from, taken, "post renamed");
        if taken {
            let words =
                format!("posts/{from}.md was renamed to {to}.md, the name of an older post: it counts as that post");
            let step = "if it is another post and should go out, give it a name that no post has had";
            ctx.store.raise(&format!("renamed:{to}"), "", &words, step, now).await?;
        }
    }
    let mut posts = desk.posts.clone();
    posts.extend(ctx.store.queued_posts().await?);
    let marks = ctx.store.post_marks().await?;
    let plannable: Vec<Post> = posts.iter().filter(|post| !marks.contains_key(&post.id)).cloned().collect();
    let history = ctx.store.history(now).await?;
    let window = window(ctx, now).await?;
    let planned = plan(&plannable, &desk.calendars, desk.zone, &history, window);
    let by_id: BTreeMap<&PostId, &Post> = posts.iter().map(|post| (&post.id, post)).collect();
    let mut wanted = Vec::new();
    for place in &planned.planned {
        if let Some(post) = by_id.get(&place.post) {
            wanted.extend(rows(post, place, desk.zone));
        }
    }
    // Overdue, half sent or waiting for a person: their place stands, their words follow the file.
    for placed in ctx.store.open_occurrences(now).await? {
        if let Some(post) = by_id.get(&placed.post).filter(|post| post.readiness == Readiness::Ready) {
            wanted.extend(rows(post, &standing(placed, post, desk.zone), desk.zone));
        }
    }
    // A cancelled post, and one that is a draft again, is gone as far as planning goes; a held one keeps its rows.
    let present = posts
        .iter()
        .filter(|post| marks.get(&post.id) != Some(&State::Cancelled) && post.readiness == Readiness::Ready)
        .map(|post| post.id.clone())
        .collect();
    let written = ctx.store.write_plan(wanted, present, now, now).await?;
    if written.already_said > 0 {
        let words =
            format!("{} posts are held: their account showed the same text within 60 days", written.already_said);
        let step = "`watchpost queue list --state held` shows them; release those that should be said again";
        ctx.store.raise("already-said", "", &words, step, now).await?;
    }
    if written != Written::default() {
        tracing::info!(
            added = written.added,
            changed = written.changed,
            withdrawn = written.withdrawn,
            already_said = written.already_said,
            "plan written"
        );
        ctx.send_wanted.notify_one();
    }
    Ok(written)
}

async fn window(ctx: &Ctx, now: DateTime<Utc>) -> Result<Window, StoreError> {
    let accounts = ctx.store.accounts().await?;
    let through = accounts.values().filter_map(|account| account.planned_through).min();
    Ok(Window {
        // An `at` post seen for the first time after its time gets a row that says so.
        at_from: DateTime::<Utc>::MIN_UTC,
        every_from: through.unwrap_or(now).min(now),
        slots_from: now,
        until: now + HORIZON,
    })
}

/// What a person wants said once more: the post as it stands, on each of its accounts, at `now`. `n` is 2 for the second
/// time.
#[must_use]
pub fn once_more(post: &Post, accounts: &[AccountCalendar], zone: Tz, n: u32, now: DateTime<Utc>) -> Vec<Wanted> {
    let speaks = |account: &&AccountCalendar| post.accounts.is_empty() || post.accounts.contains(&account.name);
    let place = |account: &AccountCalendar| Planned {
        at: now,
        local: now.with_timezone(&zone).naive_local(),
        account: account.name.clone(),
        post: post.id.clone(),
        occurrence: Occurrence::again(n),
        parts: post.parts.len(),
        kind: Kind::At,
        expires_at: now + DEFAULT_EXPIRY,
    };
    accounts.iter().filter(speaks).flat_map(|account| rows(post, &place(account), zone)).collect()
}

/// An appearance that stands: its place stays as it was, unless staff wrote another time into the post.
fn standing(placed: Placed, post: &Post, zone: Tz) -> Planned {
    let stands = Planned {
        at: placed.due_at,
        local: placed.local,
        account: placed.account,
        post: placed.post,
        occurrence: placed.occurrence,
        parts: post.parts.len(),
        kind: placed.kind,
        expires_at: placed.expires_at.unwrap_or(DateTime::<Utc>::MAX_UTC),
    };
    let When::At(moment) = post.when else { return stands };
    let at = moment.resolve(zone).instant;
    if stands.occurrence != Occurrence::once() || at == stands.at {
        return stands;
    }
    let local = match moment {
        Moment::Local(local) => local,
        Moment::Instant(_) => at.with_timezone(&zone).naive_local(),
    };
    let expires_at = post.expires.map_or(at + DEFAULT_EXPIRY, |expires| expires.resolve(zone).instant);
    Planned { at, local, kind: Kind::At, expires_at, ..stands }
}

/// The statuses of one appearance, in order.
fn rows(post: &Post, place: &Planned, zone: Tz) -> Vec<Wanted> {
    // A slot post that missed its slot takes the next one, unless it says when it expires.
    let waits_for_slots = place.kind == Kind::Slot && post.expires.is_none();
    let expires_at = (!waits_for_slots && place.expires_at < DateTime::<Utc>::MAX_UTC).then_some(place.expires_at);
    let count = i64::try_from(post.parts.len()).unwrap_or(i64::MAX);
    let row = |(index, text): (usize, &String)| Wanted {
        account: place.account.clone(),
        post: post.id.clone(),
        occurrence: place.occurrence.clone(),
        part: i64::try_from(index + 1).unwrap_or(i64::MAX),
        parts: count,
        kind: place.kind,
        due_at: place.at,
        local: place.local,
        zone: zone.name().to_owned(),
        expires_at,
        late: match post.late {
            Late::Send => "send",
            Late::Hold => "hold",
            Late::Skip => "skip",
        },
        payload: payload(post, index, text),
        topic: post.topic.clone(),
        facts: post.facts.clone(),
    };
    post.parts.iter().enumerate().map(row).collect()
}

fn payload(post: &Post, index: usize, text: &str) -> Payload {
    let first = index == 0;
    Payload {
        text: text.to_owned(),
        cw: post.cw.clone(),
        visibility: post.visibility,
        lang: Some(post.lang.clone()),
        media: if first { post.media.clone() } else { Vec::new() },
        poll: if first { post.poll.clone() } else { None },
        in_reply_to: None,
        allowed_mention: None,
    }
}

/// What makes two files the same post under another name: the words and the warning.
fn content_hash(post: &Post) -> String {
    let mut hash = Sha256::new();
    for part in post.cw.iter().chain(&post.parts) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(hash.finalize())
}
