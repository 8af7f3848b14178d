//! What a server's notification policy keeps from us: asked at linking, at each new stream and every hour, because staff
//! change it in a browser; and the mentions it set aside, read where no page of notifications shows them (DESIGN §6,
//! "none missed").
//!
//! Invariants: nothing is accepted or dismissed, only read. What is found goes the way of every mention, and is decided
//! once. Who wrote in vain is a notice, which goes by itself.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

use super::context::{Ctx, LinkState, Linked};
use crate::core::ids::RemoteId;
use crate::core::mention::Mention;
use crate::fedi::{Advice, FediError, Policy, SetAside};
use crate::store::StoreError;

/// The policy is asked again after this.
const POLICY_EVERY: chrono::Duration = chrono::Duration::hours(1);

/// At a new stream it is not asked more often than this.
const POLICY_AT_MOST_EVERY: chrono::Duration = chrono::Duration::minutes(1);

/// Between two looks where nothing was found that the pages of notifications did not show. Where something was, every
/// walk looks.
const LOOK_EVERY: chrono::Duration = chrono::Duration::minutes(5);

/// Pages of people that are read at one look: 400 people. Paging is counted by servers.
const PAGES_AT_MOST: usize = 5;

/// People of whom everything is read at one look; the others at the next.
const PEOPLE_AT_MOST: usize = 20;

/// What is known of a server's policy and of those it set aside, as long as the link.
#[derive(Debug, Default)]
pub struct Aside(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    asked: Option<DateTime<Utc>>,
    filters: bool,
    pending: u64,
    looked: Option<DateTime<Utc>>,
    /// The pages of notifications show what was filtered.
    shown_by_pages: bool,
    /// They do not: something was found that they had not shown.
    hidden_by_pages: bool,
    /// Whose entries were read, the state of each then, and whether it showed what they wrote.
    read: HashMap<RemoteId, (String, Shown)>,
}

/// Whether the words of what was set aside could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    All,
    NotAll,
}

impl Aside {
    fn with<T>(&self, with: impl FnOnce(&mut Known) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A page of notifications held something that was filtered.
    pub(super) fn shown_by_pages(&self) {
        self.with(|known| known.shown_by_pages = true);
    }

    /// A new stream is open: the policy is asked for again.
    pub(super) fn ask_again(&self, now: DateTime<Utc>) {
        self.with(|known| known.asked = known.asked.filter(|asked| (now - *asked).abs() < POLICY_AT_MOST_EVERY));
    }

    fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.with(|known| {
            let pause = if known.hidden_by_pages { chrono::Duration::zero() } else { LOOK_EVERY };
            let rested = known.looked.is_none_or(|looked| (now - looked).abs() >= pause);
            known.filters && !known.shown_by_pages && rested
        })
    }
}

/// Asks for the policy when that is due, and tells staff of what is dropped (SERVERS.md §1).
///
/// # Errors
/// When the database cannot be written.
pub(super) async fn ask_policy(ctx: &Ctx, account: &Linked, link: &LinkState) -> Result<(), StoreError> {
    let now = ctx.clock.now();
    if link.aside.with(|known| known.asked.is_some_and(|asked| (now - asked).abs() < POLICY_EVERY)) {
        return Ok(());
    }
    // Not knowing is no news, and no reason to ask each time.
    let policy = link.fedi.notification_policy().await;
    link.aside.with(|known| known.asked = Some(now));
    let Ok(Policy { dropped, filtered, pending }) = policy else { return Ok(()) };
    link.aside.with(|known| {
        known.filters = !filtered.is_empty();
        known.pending = pending;
    });
    let key = format!("policy:{}", account.name);
    if dropped.is_empty() {
        return ctx.store.settle_notice(&key).await;
    }
    let groups = dropped.join(", ");
    let words = format!("{} drops notifications ({groups}): those people ask in vain", account.name);
    let step = "in the account's notification settings on the server, choose filter or accept instead of drop";
    ctx.store.raise(&key, account.name.as_str(), &words, step, now).await
}

/// Mentions that were set aside and have no decision yet, nor stand in `found`, oldest first; nothing where it is not
/// time to look.
///
/// # Errors
/// When the database fails. A server that does not show them is no error of the walk.
pub(super) async fn look(
    ctx: &Ctx,
    account: &Linked,
    link: &LinkState,
    found: &[Arc<Mention>],
) -> Result<Vec<Mention>, StoreError> {
    let now = ctx.clock.now();
    if !link.aside.is_due(now) {
        return Ok(Vec::new());
    }
    link.aside.with(|known| known.looked = Some(now));
    let people = match people(link, now).await {
        Ok(people) => Some(people),
        Err(error) => {
            tracing::debug!(account.name = %account.name, error = %error, "notification requests cannot be read");
            if !is_final(&error) {
                return Ok(Vec::new());
            }
            None
        }
    };
    let readable = people.is_some();
    let people = people.unwrap_or_default();
    link.aside.with(|known| known.read.retain(|from, _| people.iter().any(|person| person.from == *from)));
    let in_pages: HashSet<&str> = found.iter().map(|mention| mention.uri.as_str()).collect();
    let mut new = Vec::new();
    let mut asked = 0;
    for person in people {
        if link.aside.with(|known| known.read.get(&person.from).is_some_and(|(state, _)| *state == person.state)) {
            continue;
        }
        let mut shown = Shown::All;
        let mut theirs = news(ctx, account, &in_pages, person.last.iter().cloned().collect()).await?;
        // The last one has its decision: so have those before it, which were read with it.
        let read = person.last.is_some() && (theirs.is_empty() || person.count == 1);
        if !read {
            if asked == PEOPLE_AT_MOST {
                // They keep their place for the next look.
                continue;
            }
            asked += 1;
            match link.fedi.mentions_of(&link.me, &person.from, now).await {
                Ok(all) if all.is_empty() => shown = Shown::NotAll,
                Ok(all) => theirs.extend(news(ctx, account, &in_pages, all).await?),
                Err(error) => {
                    tracing::debug!(account.name = %account.name, error = %error, "what was set aside cannot be read");
                    if !is_final(&error) {
                        break;
                    }
                    shown = Shown::NotAll;
                }
            }
        }
        link.aside.with(|known| known.read.insert(person.from, (person.state, shown)));
        new.extend(theirs);
    }
    if !new.is_empty() {
        link.aside.with(|known| known.hidden_by_pages = true);
    }
    tell(ctx, account, link, readable).await?;
    for mention in &mut new {
        mention.created_at = link.apart.by_our_clock(mention.created_at);
    }
    new.sort_by(|one, other| (one.created_at, one.uri.as_str()).cmp(&(other.created_at, other.uri.as_str())));
    new.dedup_by(|one, other| one.uri == other.uri);
    Ok(new)
}

/// The server will say the same to the same question.
fn is_final(error: &FediError) -> bool {
    matches!(error.advice(), Advice::GiveUp | Advice::AskPerson)
}

async fn people(link: &LinkState, now: DateTime<Utc>) -> Result<Vec<SetAside>, FediError> {
    let mut people: Vec<SetAside> = Vec::new();
    let mut cursor: Option<String> = None;
    for _ in 0..PAGES_AT_MOST {
        let page = link.fedi.set_aside(&link.me, cursor.as_deref(), now).await?;
        let before = people.len();
        people.extend(page.people);
        cursor = page.next;
        if cursor.is_none() || people.len() == before {
            break;
        }
    }
    Ok(people)
}

/// Those of these mentions that have no decision and stand on no page of this walk.
async fn news(
    ctx: &Ctx,
    account: &Linked,
    in_pages: &HashSet<&str>,
    mentions: Vec<Mention>,
) -> Result<Vec<Mention>, StoreError> {
    let uris: Vec<&str> = mentions.iter().map(|mention| mention.uri.as_str()).collect();
    let known = match uris.is_empty() {
        true => Vec::new(),
        false => ctx.store.known_mentions(&account.name, &uris).await?,
    };
    let new =
        mentions.into_iter().zip(known).filter(|(mention, known)| !known && !in_pages.contains(mention.uri.as_str()));
    Ok(new.map(|(mention, _)| mention).collect())
}

/// One notice for all whose words nobody can read; it goes with the first look that finds none.
async fn tell(ctx: &Ctx, account: &Linked, link: &LinkState, readable: bool) -> Result<(), StoreError> {
    let key = format!("set-aside:{}", account.name);
    let in_vain = |known: &mut Known| known.read.values().filter(|(_, shown)| *shown == Shown::NotAll).count();
    let (in_vain, pending) = link.aside.with(|known| (in_vain(known), known.pending));
    let what = match (readable, in_vain, pending) {
        (true, 0, _) | (false, _, 0) => return ctx.store.settle_notice(&key).await,
        (true, 1, _) => "what somebody wrote".to_owned(),
        (true, people, _) => format!("what {people} people wrote"),
        (false, _, 1) => "a notification".to_owned(),
        (false, _, pending) => format!("{pending} notifications"),
    };
    let words = format!("{} set {what} to {} aside, and does not show us the words", account.server, account.name);
    let step = "read it in a browser, under Notifications, Filtered notifications; to have such people answered, choose \
                accept instead of filter in the account's notification settings";
    ctx.store.raise(&key, account.name.as_str(), &words, step, ctx.clock.now()).await
}
