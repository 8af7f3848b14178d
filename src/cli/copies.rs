//! Near copies: posts that say nearly what an account of the same server said within 60 days, or what waits in the
//! queue. A warning, never more.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

use super::queue_export::is_done;
use super::workplace;
use crate::campaign::finding::{Finding, Level};
use crate::campaign::{Campaign, Loaded, plan_accounts};
use crate::core::alike::{Alikes, Fingerprint};
use crate::core::delivery::State;
use crate::core::ids::{AccountName, PostId};
use crate::core::plan::AccountCalendar;
use crate::core::post::{Post, When};
use crate::jobs::copied::{Copied, Counts, copied};
use crate::jobs::staging::Prints;
use crate::store::Store;

/// How far back it looks.
const LOOK_BACK: Duration = Duration::days(60);

/// What followers heard or will hear: a post, in one wording, on one account.
struct Heard {
    post: PostId,
    server: String,
    /// In words for staff: who, and whether it was said or waits.
    place: String,
    text: String,
}

/// Everything that was said lately or waits in the database's queue.
async fn heard(campaign: &Campaign, store: &Store, now: DateTime<Utc>) -> anyhow::Result<Vec<Heard>> {
    let calendars = plan_accounts(campaign);
    let server_of: HashMap<&AccountName, &str> =
        calendars.iter().map(|account| (&account.name, account.server.as_str())).collect();
    let mut all = Vec::new();
    for said in store.said_since(now - LOOK_BACK).await? {
        if let Some(server) = server_of.get(&said.account) {
            let place = format!("{}, which {} said within 60 days", said.post, said.account);
            all.push(Heard { post: said.post, server: (*server).to_owned(), place, text: said.text });
        }
    }
    for post in waiting(campaign, store, now).await? {
        all.extend(wordings(&post, &calendars));
    }
    Ok(all)
}

/// The posts of the database that are still to be said.
async fn waiting(campaign: &Campaign, store: &Store, now: DateTime<Utc>) -> anyhow::Result<Vec<Post>> {
    let (marks, states) = (store.post_marks().await?, store.states_by_post().await?);
    let mut posts = store.queued_posts().await?;
    posts.retain(|post| {
        let rows = states.get(&post.id).map(Vec::as_slice).unwrap_or_default();
        let once = matches!(post.when, When::At(_) | When::NextSlot);
        let cancelled = marks.get(&post.id).is_some_and(|mark| mark.state == State::Cancelled);
        !(cancelled || (once && is_done(post, rows, campaign, now)))
    });
    Ok(posts)
}

fn in_the_queue(post: &PostId) -> String {
    format!("{post} in the queue")
}

/// What each account a post goes to will say.
fn wordings<'a>(post: &'a Post, calendars: &'a [AccountCalendar]) -> impl Iterator<Item = Heard> + 'a {
    let theirs = calendars.iter().filter(|account| post.accounts.is_empty() || post.accounts.contains(&account.name));
    theirs.filter_map(|account| {
        let text = post.words_for(&account.name, account.speaks.as_ref()).0.first()?.clone();
        let place = in_the_queue(&post.id);
        Some(Heard { post: post.id.clone(), server: account.server.clone(), place, text })
    })
}

/// The likest of what another post said on a server this one goes to, among the first so many heard: where, and how alike.
fn likest(
    post: &Post,
    calendars: &[AccountCalendar],
    heard: &[Heard],
    alikes: &Alikes<'_>,
    before: usize,
) -> Option<(String, f64)> {
    let mut best: Option<(usize, f64)> = None;
    for own in wordings(post, calendars) {
        let meets = |other: usize| {
            let heard = heard.get(other).filter(|_| other < before);
            heard.is_some_and(|other| other.post != own.post && other.server == own.server)
        };
        let found = alikes.likest(&Fingerprint::of(&own.text), meets);
        best = match (best, found) {
            (Some(before), Some(found)) if found.1 <= before.1 => Some(before),
            (before, found) => found.or(before),
        };
    }
    let (place, likeness) = best?;
    Some((heard.get(place)?.place.clone(), likeness))
}

/// The sentence about a new post, when it is a near copy: of what was said, of the queue, or of a file's post.
///
/// # Errors
/// When the database cannot be read.
pub(super) async fn sentence(
    campaign: &Campaign,
    store: &Store,
    post: &Post,
    now: DateTime<Utc>,
) -> anyhow::Result<Option<String>> {
    let calendars = plan_accounts(campaign);
    let mut all = heard(campaign, store, now).await?;
    for other in &campaign.posts {
        all.extend(wordings(other, &calendars));
    }
    let prints: Vec<Fingerprint> = all.iter().map(|heard| Fingerprint::of(&heard.text)).collect();
    let found = likest(post, &calendars, &all, &Alikes::new(&prints), all.len());
    Ok(found.map(|(place, likeness)| {
        format!(
            "it says nearly the same as {place} ({:.0} % alike): servers and followers take copies for spam",
            likeness * 100.0
        )
    }))
}

/// A row of a table that would come into the queue.
pub(super) struct Coming<'a> {
    /// What it is called in a sentence: `row 5`.
    pub(super) row: usize,
    /// The post of the queue that it replaces, if it does.
    pub(super) replaces: Option<&'a PostId>,
    /// What it says.
    pub(super) post: &'a Post,
}

/// The sentences about rows that are near copies: of what was said, of the queue, of a file's post, or of a row above.
///
/// # Errors
/// When the database cannot be read.
pub(super) async fn of_rows(
    campaign: &Campaign,
    store: Option<&Store>,
    rows: &[Coming<'_>],
    now: DateTime<Utc>,
) -> anyhow::Result<Vec<(usize, String)>> {
    let calendars = plan_accounts(campaign);
    let mut all = match store {
        Some(store) => heard(campaign, store, now).await?,
        None => Vec::new(),
    };
    for other in &campaign.posts {
        all.extend(wordings(other, &calendars));
    }
    // A row is nobody's copy but that of what stands above it.
    let mut above: Vec<Option<usize>> = vec![None; all.len()];
    for row in rows {
        for heard in wordings(row.post, &calendars) {
            all.push(Heard {
                post: PostId::new(format!("row {}", row.row)),
                place: format!("row {}", row.row),
                ..heard
            });
            above.push(Some(row.row));
        }
    }
    let prints: Vec<Fingerprint> = all.iter().map(|heard| Fingerprint::of(&heard.text)).collect();
    let alikes = Alikes::new(&prints);
    let mut told = Vec::new();
    for row in rows {
        let mut best: Option<(usize, f64)> = None;
        for own in wordings(row.post, &calendars) {
            let meets = |other: usize| {
                let earlier = above.get(other).copied().flatten().is_none_or(|other| other < row.row);
                earlier
                    && all.get(other).is_some_and(|other| {
                        other.server == own.server && other.post != row.post.id && Some(&other.post) != row.replaces
                    })
            };
            let found = alikes.likest(&Fingerprint::of(&own.text), meets);
            best = match (best, found) {
                (Some(before), Some(found)) if found.1 <= before.1 => Some(before),
                (before, found) => found.or(before),
            };
        }
        if let Some((place, likeness)) = best.and_then(|(place, likeness)| Some((&all.get(place)?.place, likeness))) {
            told.push((row.row, format!("it says nearly the same as {place} ({:.0} % alike)", likeness * 100.0)));
        }
    }
    Ok(told)
}

/// Warnings about the files' posts, against the database if it is a file that can be read: `check` needs none, and
/// no network. What stands in a database on a server is compared when a post is added to the queue.
pub(super) async fn findings(loaded: &Loaded, now: DateTime<Utc>) -> Vec<Finding> {
    let Some(campaign) = &loaded.campaign else { return Vec::new() };
    if workplace::place(campaign).is_on_a_server() {
        return Vec::new();
    }
    let Ok(Some(store)) = workplace::store_if_any(campaign).await else { return Vec::new() };
    let all = heard(campaign, &store, now).await.unwrap_or_default();
    let queued = store.queued_posts().await.unwrap_or_default();
    let waiting = waiting(campaign, &store, now).await.unwrap_or_default();
    store.close().await;
    let copied = copied(&campaign.posts, &queued, &Prints::default());
    let beside: HashMap<&PostId, &Copied> = copied.iter().map(|copy| (&copy.file, copy)).collect();
    let calendars = plan_accounts(campaign);
    let prints: Vec<Fingerprint> = all.iter().map(|heard| Fingerprint::of(&heard.text)).collect();
    let alikes = Alikes::new(&prints);
    let finding = |post: &Arc<Post>| {
        let (message, hint) = match beside.get(&post.id).and_then(|copy| exported(copy)) {
            Some(told) => told,
            None => {
                let (place, likeness) = likest(post, &calendars, &all, &alikes, all.len())?;
                let hint = "followers and servers take near copies for spam: word it differently, or keep one";
                let message = format!("it says nearly the same as {place} ({:.0} % alike)", likeness * 100.0);
                (message, hint.to_owned())
            }
        };
        let (file, line) = loaded.places.get(&post.id)?;
        let (file, line) = (Path::to_path_buf(file), Some(*line));
        Some(Finding { file, line, level: Level::Warning, message, hint: Some(hint) })
    };
    let mut findings: Vec<Finding> = campaign.posts.iter().filter_map(finding).collect();
    // Posts of the database have no file: their ids stand in its place.
    findings.extend(waiting.iter().filter(|post| !beside.contains_key(&post.id)).filter_map(|post| {
        let own = all.iter().position(|heard| heard.place == in_the_queue(&post.id))?;
        let (place, likeness) = likest(post, &calendars, &all, &alikes, own)?;
        let message = format!("it says nearly the same as {place} ({:.0} % alike)", likeness * 100.0);
        let hint = format!("word it differently (`watchpost queue edit {}`), or cancel one of the two", post.id);
        let file = Path::new(post.id.as_str()).to_path_buf();
        Some(Finding { file, line: None, level: Level::Warning, message, hint: Some(hint) })
    }));
    findings
}

/// What is to be said of a file that names a post of the database, as exports do; nothing where one counts in the
/// other's place and both say the same.
fn exported(copy: &Copied) -> Option<(String, String)> {
    let Copied { file, queued, counts } = copy;
    match counts {
        Counts::Queued => Some((
            format!("it is a copy of {queued}, which the queue holds, and stays out: one post does not go out twice"),
            format!(
                "remove the file; to keep the file instead, give it an `id` of its own and `watchpost queue cancel {queued}`"
            ),
        )),
        Counts::File { same: true } => None,
        Counts::File { same: false } => Some((
            format!("the queue holds a post {queued} too, with other words or another time: this file counts"),
            format!("remove the file if {queued} of the queue is right"),
        )),
        Counts::Both => Some((
            format!("{queued}, which the queue holds, has other words or another time: both go out"),
            format!(
                "remove the file if it is an old copy of {queued}; give it an `id` of its own if it is another post ({file} is how exports name {queued})"
            ),
        )),
    }
}
