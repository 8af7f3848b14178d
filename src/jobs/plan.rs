//! Posts become planned deliveries: the same function `watchpost plan` uses, written into the ledger.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use sha2::{Digest, Sha256};

use super::context::{Ctx, Desk};
use super::staging::{self, Staged};
use crate::core::delivery::State;
use crate::core::ids::{AccountName, Occurrence, PostId};
use crate::core::plan::agenda::{Agenda, Wanted, rows};
use crate::core::plan::{AccountCalendar, Kind, Planned, Window};
use crate::core::plural::many;
use crate::core::post::{DEFAULT_EXPIRY, Moment, Post, Readiness, When};
use crate::core::schedule::resolve;
use crate::store::calendar::{NOT_APPROVED, Placed, Rename, Written};
use crate::store::planning::Files;
use crate::store::{Store, StoreError};

/// Begins the key of a notice about a post nobody approved in time.
const UNAPPROVED: &str = "unapproved:";

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
    let staged = staging::stage(&ctx.store, &desk.posts, desk.approval, desk.zone, &ctx.prints).await?;
    let window = window(&ctx.store, now, now + HORIZON).await?;
    expire_unapproved(ctx, &desk, &staged, window, now).await?;
    let history = ctx.store.history(now).await?;
    let mut agenda = Agenda::of_plan(staged.plannable(), desk.calendars.clone(), desk.zone, &history, window);
    drop(history);
    let posts = &staged.posts;
    let by_id: HashMap<&PostId, &Post> = posts.iter().map(|post| (&post.id, post.as_ref())).collect();
    let by_name: HashMap<&AccountName, &AccountCalendar> =
        desk.calendars.iter().map(|calendar| (&calendar.name, calendar)).collect();
    let ready = |placed: &Placed| by_id.get(&placed.post).filter(|post| post.readiness == Readiness::Ready).copied();
    // Overdue, half sent or waiting for a person: their place stands, their words follow the file.
    for placed in ctx.store.open_occurrences(now).await? {
        if let Some(post) = ready(&placed) {
            let calendar = by_name.get(&placed.account).copied();
            agenda.add(post, &standing(placed, post, calendar, desk.zone));
        }
    }
    // New zone data, or another zone, can put a time that was to come into the past: then it is late, not lost.
    for placed in ctx.store.coming_repeats(now).await? {
        let at = resolve(placed.local, desk.zone).instant;
        if let Some(post) = ready(&placed).filter(|_| at < window.every_from) {
            agenda
                .add(post, &Planned { at, nominal: at, expires_at: at + DEFAULT_EXPIRY, ..as_it_stands(placed, post) });
        }
    }
    // A cancelled post, and one that is a draft again, is gone as far as planning goes; a held one keeps its rows.
    let present = posts
        .iter()
        .filter(|post| staged.mark(&post.id) != Some(State::Cancelled) && post.readiness != Readiness::Draft)
        .map(|post| post.id.clone())
        .collect();
    let drafts = posts.iter().filter(|post| post.readiness == Readiness::Draft).map(|post| post.id.clone()).collect();
    let files = Files { present, unreadable: desk.unreadable.clone(), drafts };
    let written = ctx.store.write_plan(agenda, files, now, now).await?;
    if written.already_said > 0 {
        let (count, held) = (written.already_said, if written.already_said == 1 { "is held" } else { "are held" });
        let words = format!("{} {held}: their account showed the same text within 60 days", many(count, "post"));
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

/// Posts whose time came and nobody had approved them get a row that says so, and a notice: they are never sent late.
async fn expire_unapproved(
    ctx: &Ctx,
    desk: &Desk,
    staged: &Staged,
    window: Window,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let unapproved = staged.unapproved();
    let past = Window { until: now + Duration::milliseconds(1), slots_from: now, ..window };
    // Slots wait for what is approved; only a time of its own passes.
    let timed: Vec<Post> =
        unapproved.iter().filter(|post| matches!(post.when, When::At(_) | When::Every(_))).cloned().collect();
    let history = ctx.store.history(now).await?;
    let due = Agenda::of_plan(timed, desk.calendars.clone(), desk.zone, &history, past);
    let missed: Vec<Wanted> = (0..due.len()).filter_map(|number| due.row(number)).collect();
    let due: HashSet<PostId> = missed.iter().map(|row| row.post.clone()).collect();
    let expired = ctx.store.expire_unapproved(missed, staging::ids(&unapproved), now).await?;
    for id in &expired {
        let words = format!("{id} was not sent: {NOT_APPROVED}");
        let step = format!("give it a new time and `watchpost queue approve {id} --by NAME`, or leave it as it is");
        ctx.store.raise(&format!("{UNAPPROVED}{id}"), "", &words, &step, now).await?;
    }
    // A new time, an approval, a draft again or no file at all: somebody dealt with it.
    for notice in ctx.store.notices().await? {
        let Some(id) = notice.key.strip_prefix(UNAPPROVED) else { continue };
        if !due.contains(id) && !expired.contains(id) {
            ctx.store.settle_notice(&notice.key).await?;
        }
    }
    Ok(())
}

/// What the daemon plans at `now`, before `until`: what is late is among it.
///
/// # Errors
/// When the database cannot be read.
pub async fn window(store: &Store, now: DateTime<Utc>, until: DateTime<Utc>) -> Result<Window, StoreError> {
    let accounts = store.accounts().await?;
    let through = accounts.values().filter_map(|account| account.planned_through).min();
    Ok(Window {
        // An `at` post seen for the first time after its time gets a row that says so.
        at_from: DateTime::<Utc>::MIN_UTC,
        every_from: through.unwrap_or(now).min(now),
        slots_from: now,
        until,
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
        nominal: now,
        account: account.name.clone(),
        post: post.id.clone(),
        occurrence: Occurrence::again(n),
        parts: post.parts.len(),
        kind: Kind::At,
        expires_at: now + DEFAULT_EXPIRY,
    };
    accounts.iter().filter(speaks).flat_map(|account| rows(post, &place(account), Some(account), zone)).collect()
}

fn as_it_stands(placed: Placed, post: &Post) -> Planned {
    Planned {
        at: placed.due_at,
        local: placed.local,
        nominal: placed.due_at,
        account: placed.account,
        post: placed.post,
        occurrence: placed.occurrence,
        parts: post.parts.len(),
        kind: placed.kind,
        expires_at: placed.expires_at.unwrap_or(DateTime::<Utc>::MAX_UTC),
    }
}

/// An occurrence that stands: its place stays as it was, unless staff wrote another time into the post, or new zone data
/// gave its local time another meaning.
fn standing(placed: Placed, post: &Post, calendar: Option<&AccountCalendar>, zone: Tz) -> Planned {
    let same_zone = placed.zone == zone.name();
    let stands = as_it_stands(placed, post);
    let (local, at, kind) = match (&post.when, stands.kind) {
        (When::At(moment), _) if stands.occurrence == Occurrence::once() => {
            let at = moment.resolve(zone).instant;
            let local = match moment {
                Moment::Local(local) => *local,
                Moment::Instant(_) => at.with_timezone(&zone).naive_local(),
            };
            (local, at, Kind::At)
        }
        (When::Every(_), Kind::Every) if same_zone => (stands.local, resolve(stands.local, zone).instant, stands.kind),
        (When::NextSlot, Kind::Slot) | (When::Evergreen, Kind::Evergreen) if same_zone => {
            (stands.local, calendar.map_or(stands.at, |calendar| calendar.used_at(stands.local, zone)), stands.kind)
        }
        (When::At(_) | When::Every(_) | When::NextSlot | When::Evergreen, _) => return stands,
    };
    if at == stands.at {
        return stands;
    }
    let own = post.expires.map(|expires| expires.resolve(zone).instant);
    let usual = at + DEFAULT_EXPIRY;
    let expires_at = match kind {
        Kind::At | Kind::Slot => own.unwrap_or(usual),
        Kind::Every | Kind::Evergreen => own.map_or(usual, |own| own.min(usual)),
    };
    Planned { at, local, nominal: at, kind, expires_at, ..stands }
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
