//! One walk through an account's notifications: the truth behind a stream that may lie (DESIGN §6).
//!
//! A walk reads notifications newest first and pages back until it meets the last completed walk, the age limit or a
//! page that repeats, and one page past that; then decides oldest first; then commits its mark. What it finds goes
//! through [`answer`], which is idempotent. A page is judged by all that stands on it: one that brings something new ends
//! no walk, and where a server does not sort its pages, a walk goes to the end of them now and then.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use futures_util::stream::{self, FuturesUnordered};

use super::answer::{self, Answered, Met};
use super::context::{Ctx, LinkState, Linked, Matter};
use super::trouble::Trouble;
use super::{set_aside, timekeeping};
use crate::core::command::Command;
use crate::core::mention::Mention;
use crate::core::timekeeping as timekeeper;
use crate::fedi::PageFrom;
use crate::store::StoreError;
use crate::store::doubt::Unheard;

/// Mentions older than this are not looked for: none of them could still be answered. After a restore the walk goes back
/// as far as the backup is old.
const LOOK_BACK: chrono::Duration = chrono::Duration::days(7);

/// Mentions of a walk that are met side by side. As few as replies may be in flight: where a limit is nearly spent, what
/// was looked at ahead was asked of the server in vain.
const AHEAD: usize = 8;

/// Pages of one walk, so that a server that never ends cannot hold it for ever: 80 × 500 mentions.
const PAGES_AT_MOST: usize = 500;

/// Empty pages in a row that are passed: a server that filters what it has cut shows some.
const EMPTY_PAGES: usize = 5;

/// Mentions in a row, one page or several, that must be too old: one alone may carry a wrong date.
const OLD_IN_A_ROW: usize = 5;

/// A page whose notifications stand so much newer below older ones is not sorted. Servers that are merely slow to list
/// some stay below (SERVERS.md §3: snac, 4 to 12 s).
const OUT_OF_ORDER: chrono::Duration = chrono::Duration::seconds(60);

/// Where pages are not sorted, how often all of them are read, and how many at most.
const ALL_EVERY: chrono::Duration = chrono::Duration::minutes(5);
const ALL_AT_MOST: usize = 100;

/// Bytes of texts a walk holds in full, and the letters it keeps of each further one.
const TEXTS_HELD: usize = 8 << 20;
const BEGINNING: usize = 300;

/// What a walk found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// Pages read.
    pub pages: usize,
    /// Mentions that were new.
    pub new: usize,
    /// Mentions that were answered.
    pub replied: usize,
}

/// Reads notifications until nothing is unseen, decides oldest first, commits the mark.
///
/// # Errors
/// When the server or the database fails: the mark stays, and the next walk begins at the same place.
pub async fn tick(ctx: &Ctx, account: &Linked, link: &LinkState) -> Result<Walked, Trouble> {
    set_aside::ask_policy(ctx, account, link).await?;
    let known = ctx.store.accounts().await?.remove(&account.name).unwrap_or_default();
    let mark: HashSet<&String> = known.walk_mark.iter().collect();
    // A restored database has not heard what was said since its backup; a stop among it must be heard again.
    let unheard = ctx.store.unheard(ctx.clock.now()).await?;
    let mut walked = Walked::default();
    let mut new_mark: Vec<String> = Vec::new();
    let mut seen: HashSet<String> = HashSet::new();
    let mut found: Vec<Arc<Mention>> = Vec::new();
    let mut since = known.listening_since;
    let mut from = PageFrom::Newest;
    let mut past_the_mark = false;
    let mut empty_pages = 0;
    let mut cut_short = None;
    let stop = ctx.stop();
    let mut undecodable = 0;
    let mut held = 0;
    let mut sorted = Sorted::default();
    let mut old_in_a_row = 0_usize;
    loop {
        let page = tokio::select! {
            biased;
            // Nothing of it is decided yet, and the mark stays: the next start reads it again.
            () = stop.cancelled() => return Ok(walked),
            page = link.fedi.mentions_page(&link.me, from, ctx.clock.now()) => page,
        };
        let page = match page {
            Ok(page) => page,
            // What earlier pages brought is decided all the same; the mark stays where it was.
            Err(error) if walked.pages > 0 => {
                cut_short = Some(error);
                break;
            }
            Err(error) => return Err(error.into()),
        };
        walked.pages += 1;
        undecodable += page.undecodable;
        if page.filtered {
            link.aside.shown_by_pages();
        }
        if let Some(time) = page.server_time {
            timekeeping::overhear(ctx, time).await?;
            link.apart.hear(ctx.clock.now(), time);
        }
        if walked.pages == 1 && !timekeeping::is_or_becomes_believed(ctx).await? {
            // How old anything is cannot be told. The mark stays, and all of it is read again.
            return Ok(walked);
        }
        if since.is_none() {
            // Once per account ever, before the first stream opens: by the server's clock, where that is none of its own.
            let now = ctx.clock.now();
            let start = page.server_time.filter(|theirs| timekeeper::agree(now, *theirs)).unwrap_or(now);
            ctx.store.listen_since(&account.name, start).await?;
            since = Some(start);
        }
        for item in &page.items {
            sorted.meet(item.notified_at);
        }
        let fresh = page.items.iter().filter(|item| seen.insert(item.notification_id.clone())).count();
        empty_pages = if page.items.is_empty() { empty_pages + 1 } else { 0 };
        if walked.pages == 1 {
            new_mark = page.items.iter().map(|item| item.notification_id.clone()).collect();
        }
        let met = page.items.iter().any(|item| mark.contains(&item.notification_id));
        let week_ago = ctx.clock.now() - LOOK_BACK;
        let oldest_wanted = unheard.map_or(week_ago, |unheard| unheard.from.min(week_ago));
        // Statuses carry their own time, and one that travelled late is old on a new page: only old mentions in a row, to
        // the end of a page, end the walk.
        let mut brings_news = false;
        let mentions: Vec<Box<Mention>> = page.items.into_iter().filter_map(|item| item.mention).collect();
        let uris: Vec<&str> = mentions.iter().map(|mention| mention.uri.as_str()).collect();
        let known = ctx.store.known_mentions(&account.name, &uris).await?;
        for (mut mention, known) in mentions.into_iter().zip(known) {
            mention.created_at = link.apart.by_our_clock(mention.created_at);
            let old = mention.created_at < oldest_wanted.max(since.unwrap_or(oldest_wanted));
            old_in_a_row = if old { old_in_a_row + 1 } else { 0 };
            brings_news |= !known && !old;
            // What was changed is looked at once more: it may say stop now.
            if !known || mention.edited_at.is_some() {
                found.push(Arc::from(bounded(mention, &mut held)));
            }
        }
        let too_old = old_in_a_row >= OLD_IN_A_ROW;
        let repeats = fresh == 0 && (empty_pages == 0 || empty_pages > EMPTY_PAGES);
        let covered = too_old || (past_the_mark && !brings_news);
        let read_all = sorted.is_disproved && walked.pages < ALL_AT_MOST && link.all_read.is_due(ctx.clock.now());
        let done = repeats || (covered && !read_all) || walked.pages >= PAGES_AT_MOST;
        match page.next {
            Some(next) if !done => from = next,
            Some(_) | None => break,
        }
        past_the_mark |= met;
    }
    if sorted.is_disproved && cut_short.is_none() {
        link.all_read.note(ctx.clock.now());
    }
    tell_undecodable(account, undecodable);
    found.reverse();
    if cut_short.is_none() {
        let aside = set_aside::look(ctx, account, link, &found).await?;
        if !aside.is_empty() {
            found.extend(aside.into_iter().map(|mention| Arc::from(bounded(Box::new(mention), &mut held))));
            found.sort_by_key(|mention| mention.created_at);
        }
    }
    let (stops, others) = stops_first(ctx, found, unheard);
    decide_in_order(ctx, account, link, stops, &mut walked).await?;
    decide_in_order(ctx, account, link, others, &mut walked).await?;
    if let Some(error) = cut_short {
        return Err(error.into());
    }
    if stop.is_cancelled() {
        // Some may have been left: without the mark the next start meets them again.
        return Ok(walked);
    }
    ctx.store.walked(&account.name, &new_mark, ctx.clock.now()).await?;
    Ok(walked)
}

/// Whether the pages of a walk are sorted newest first, by the times of the notifications themselves.
#[derive(Default)]
struct Sorted {
    oldest: Option<DateTime<Utc>>,
    is_disproved: bool,
}

impl Sorted {
    fn meet(&mut self, notified_at: Option<DateTime<Utc>>) {
        let Some(at) = notified_at else { return };
        self.is_disproved |= self.oldest.is_some_and(|oldest| at > oldest + OUT_OF_ORDER);
        self.oldest = Some(self.oldest.map_or(at, |oldest| oldest.min(at)));
    }
}

/// When all pages of a server that does not sort them were read.
#[derive(Debug, Default)]
pub struct AllRead(Mutex<Option<DateTime<Utc>>>);

impl AllRead {
    fn is_due(&self, now: DateTime<Utc>) -> bool {
        let read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        read.is_none_or(|read| (now - read).abs() >= ALL_EVERY)
    }

    /// Noted once in each time: a walk in between does not put the next one off.
    fn note(&self, now: DateTime<Utc>) {
        if self.is_due(now) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        }
    }
}

/// Who asked and then said stop, both within what one walk read, wants no answer: the commands of people whose last one
/// is a stop go before everything else, each in the order it was written. What a restored database may have answered
/// already keeps its place: it is looked for by its row.
fn stops_first(
    ctx: &Ctx,
    found: Vec<Arc<Mention>>,
    unheard: Option<Unheard>,
) -> (Vec<Arc<Mention>>, Vec<Arc<Mention>>) {
    let mind = ctx.desk().mind.clone();
    let mut written: HashMap<String, usize> = HashMap::new();
    for mention in &found {
        *written.entry(name_of(mention)).or_default() += 1;
    }
    let mut last: HashMap<String, Command> = HashMap::new();
    let mut commands = HashSet::new();
    for (at, mention) in found.iter().enumerate() {
        let name = name_of(mention);
        let answered_perhaps = unheard.is_some_and(|unheard| mention.created_at <= unheard.until);
        if answered_perhaps || written.get(&name).is_none_or(|count| *count < 2) {
            continue;
        }
        if let Some(command @ (Command::Stop | Command::Start)) = mind.read(mention).command {
            commands.insert(at);
            last.insert(name, command);
        }
    }
    let ends_in_stop = |mention: &Mention| last.get(&name_of(mention)) == Some(&Command::Stop);
    let mut at = 0;
    found.into_iter().partition(|mention| {
        at += 1;
        commands.contains(&(at - 1)) && ends_in_stop(mention)
    })
}

fn name_of(mention: &Mention) -> String {
    mention.asker.names().into_iter().next().unwrap_or_default()
}

/// Decides about what a walk found, oldest first. What must be looked at again is looked at side by side and decided in
/// the order it was written, so that a limit that does not reach for all is spent on those who waited longest.
async fn decide_in_order(
    ctx: &Ctx,
    account: &Linked,
    link: &LinkState,
    found: Vec<Arc<Mention>>,
    walked: &mut Walked,
) -> Result<(), StoreError> {
    // Also cancelled by a database that fails: nothing more is begun, and what is being sent gets its outcome.
    let halt = ctx.stop().child_token();
    let fresh = found.into_iter().take_while(|_| !halt.is_cancelled()).inspect(|_| walked.new += 1);
    let mut met = stream::iter(fresh.map(|mention| answer::meet(ctx, account, link, mention))).buffered(AHEAD);
    // At most one at a time, which keeps the order; beside the others, which hold places it may wait for.
    let mut deciding = FuturesUnordered::new();
    let mut sending = FuturesUnordered::new();
    let (mut replied, mut all_met, mut failed) = (0, false, None);
    while !(all_met && deciding.is_empty() && sending.is_empty()) {
        let answered = tokio::select! {
            Some(sent) = sending.next(), if !sending.is_empty() => sent,
            Some(decided) = deciding.next(), if !deciding.is_empty() => match decided {
                Ok(decided) => {
                    sending.push(answer::send(ctx, account, link, decided));
                    continue;
                }
                Err(error) => Err(error),
            },
            next = met.next(), if !all_met && deciding.is_empty() && sending.len() < AHEAD => match next {
                None => {
                    all_met = true;
                    continue;
                }
                Some(Ok(Met::Looked(mention, parent))) => {
                    if failed.is_none() {
                        deciding.push(answer::record(ctx, account, link, mention, parent));
                    }
                    continue;
                }
                Some(Ok(Met::Ended(answered))) => Ok(answered),
                Some(Err(error)) => Err(error),
            },
        };
        match answered {
            Ok(answered) => replied += usize::from(answered == Answered::Replied),
            Err(error) => {
                halt.cancel();
                failed.get_or_insert(error);
            }
        }
    }
    drop(met);
    walked.replied += replied;
    failed.map_or(Ok(()), Err)
}

/// The same ones stand on the newest page from walk to walk: told once.
fn tell_undecodable(account: &Linked, count: usize) {
    if count == 0 {
        account.is_over(Matter::Undecodable);
    } else if account.is_news(Matter::Undecodable, count as u64) {
        tracing::warn!(account.name = %account.name, count, "notifications nobody can read were skipped");
    }
}

/// A walk holds what it found until it can decide oldest first. Beyond what honest people write in a week, each mention
/// keeps only its beginning, so that no flood of long ones fills the memory.
fn bounded(mut mention: Box<Mention>, held: &mut usize) -> Box<Mention> {
    let text = &mut mention.text;
    if *held > TEXTS_HELD {
        for part in [&mut text.own, &mut text.quoted] {
            let end = part.char_indices().nth(BEGINNING).map_or(part.len(), |(at, _)| at);
            part.truncate(end);
            part.shrink_to_fit();
        }
    }
    *held += text.own.capacity() + text.quoted.capacity();
    mention
}
