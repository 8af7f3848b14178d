//! Read-back: what did an unclear attempt do, is a status the server said yes to really there, did a resend make a twin
//! (DESIGN §5, laws 7 and 8). Looks at our own statuses; sends nothing: what must go again returns to `planned`.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::context::{Ctx, LinkState, Linked, Matter, Voice};
use super::points::Point;
use super::trouble::Trouble;
use super::turns::{self, Work};
use crate::core::delivery::State;
use crate::core::ids::{AccountName, Occurrence, StatusId};
use crate::core::looking::{self, Keyed};
use crate::core::post::Visibility;
use crate::core::resemblance::{Likeness, Shown, likeness, resemblance};
use crate::fedi::{Advice, FediError, KeyClass, Reach, StatusView, Until};
use crate::store::StoreError;
use crate::store::calendar::FILE_GONE;
use crate::store::deliveries::Of;
use crate::store::notices::Told;
use crate::store::sending::REFUSED_AFTER;
use crate::store::settling::{Found, Open, Wish};

/// Rows one turn settles: a page of the own list.
const AT_ONCE: i64 = 40;

/// Own statuses read back at most: an account that says more than this between an attempt and its look is not one this
/// program speaks for alone, and a person decides.
const LOOK_BACK: usize = 2_000;

/// The longest a server that asks us to wait keeps us from looking.
const LONGEST_WAIT: std::time::Duration = std::time::Duration::from_secs(300);

/// More than our clock and a server's may be apart while we send.
const CLOCKS_APART: chrono::Duration = chrono::Duration::minutes(10);

/// For how long an own list may lag, and when it is read again meanwhile.
const LIST_MAY_LAG: chrono::Duration = chrono::Duration::hours(1);
const LAGGING_LIST_AGAIN: chrono::Duration = chrono::Duration::minutes(1);

/// What one tick did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Rows seen on their server.
    pub found: u64,
    /// Rows that go again.
    pub again: u64,
    /// Rows that wait for another look, or for a person.
    pub open: u64,
    /// Accounts whose own list could not be read.
    pub blind: u64,
    /// For how long a server asked us not to look.
    pub wait: std::time::Duration,
}

/// Looks for everything that is due at this moment.
///
/// # Errors
/// When the database cannot be read or written.
pub async fn tick(ctx: &Arc<Ctx>) -> Result<Settled, StoreError> {
    let mut total = Settled::default();
    for account in work(ctx).await?.accounts {
        let settled = turn(ctx, &account).await?;
        total.found += settled.found;
        total.again += settled.again;
        total.open += settled.open;
        total.blind += settled.blind;
        total.wait = total.wait.max(settled.wait);
    }
    Ok(total)
}

/// Keeps looking until `stop`.
///
/// # Errors
/// When the database cannot be read or written.
pub async fn run(ctx: Arc<Ctx>, stop: CancellationToken) -> Result<(), StoreError> {
    let shared = ctx.clone();
    let stopping = stop.clone();
    turns::run(ctx, stop, &shared.look_wanted, work, move |ctx, account| {
        let stopping = stopping.clone();
        async move {
            let settled = turn(&ctx, &account).await?;
            let pause = account.pause_after_look(settled.blind > 0);
            if settled.blind > 0 {
                // The rows stay due: the next look comes when the server allows it, and ever later while it fails.
                let wait = chrono::Duration::from_std(settled.wait).unwrap_or_default().max(pause);
                let until = ctx.clock.now() + wait;
                loop {
                    tokio::select! {
                        () = stopping.cancelled() => break,
                        () = ctx.clock.slice(Some(until).filter(|until| *until > ctx.clock.now())) => {}
                    }
                    if ctx.clock.now() >= until {
                        break;
                    }
                }
            }
            Ok(())
        }
    })
    .await
}

async fn work(ctx: &Ctx) -> Result<Work, StoreError> {
    let now = ctx.clock.now();
    let next = ctx.store.next_look().await?;
    if next.is_none_or(|next| next > now) {
        return Ok(Work { accounts: Vec::new(), next });
    }
    let due = ctx.store.look_accounts(now).await?;
    let linked = |name: &AccountName| ctx.accounts.get(name).filter(|account| account.link().is_some()).cloned();
    Ok(Work { accounts: due.iter().filter_map(linked).collect(), next: None })
}

async fn turn(ctx: &Ctx, account: &Linked) -> Result<Settled, StoreError> {
    let mut settled = Settled::default();
    let Some(link) = account.link() else { return Ok(settled) };
    let now = ctx.clock.now();
    let open = ctx.store.open_looks(&account.name, now, AT_ONCE).await?;
    if open.is_empty() {
        return Ok(settled);
    }
    // Read before the list: what is said meanwhile is no sign that the list lags.
    let newest_own = match open.iter().any(|row| row.delivery.state == State::Unknown) {
        true => ctx.store.accounts().await?.remove(&account.name).and_then(|row| row.newest_own),
        false => None,
    };
    let look = match Look::take(&link, &open).await {
        Ok(look) => {
            account.is_over(Matter::OwnStatuses);
            look
        }
        Err(error) => {
            // A look that fails is no look: the rows stay due.
            if account.is_news(Matter::OwnStatuses, 0) {
                tracing::warn!(account.name = %account.name, %error, "cannot read our own statuses; looking again");
            }
            settled.blind = 1;
            settled.wait = wait_of(&error);
            return Ok(settled);
        }
    };
    for row in &open {
        if ctx.stop().is_cancelled() {
            break;
        }
        ctx.points.pass(Point::Looked).await;
        let case = Case { ctx, account, link: &link, look: &look, newest_own: newest_own.as_ref(), row, now };
        match row.delivery.state {
            State::Unknown => case.unclear(&mut settled).await?,
            State::Sent => case.accepted(&mut settled).await?,
            State::Verified => case.twin(&mut settled).await?,
            State::Refused | State::Held | State::Expired | State::Cancelled => case.given_up(&mut settled).await?,
            State::Planned | State::Claimed | State::Armed => {}
        }
        ctx.points.pass(Point::Settled).await;
    }
    Ok(settled)
}

/// How long the server asked us to wait, at most [`LONGEST_WAIT`]: looks must not be put off for hours.
fn wait_of(error: &FediError) -> std::time::Duration {
    match error.advice() {
        Advice::Retry(wait) => wait.unwrap_or_default().min(LONGEST_WAIT),
        Advice::GiveUp | Advice::AskPerson => std::time::Duration::ZERO,
    }
}

/// What the server showed of our own statuses, newest first, and whether that is all since the oldest attempt.
struct Look {
    own: Vec<StatusView>,
    reach: Reach,
}

impl Look {
    async fn take(link: &LinkState, open: &[Open]) -> Result<Look, FediError> {
        if let [Open { delivery, .. }] = open
            && delivery.state == State::Sent
        {
            // One status is asked for by its id.
            return Ok(Look { own: Vec::new(), reach: Reach::CutShort });
        }
        // The oldest attempt's baseline ends the walk; rows that only want to be seen need one page.
        let unclear = open.iter().filter(|row| row.delivery.state != State::Sent).min_by_key(|row| row.first_attempt);
        let until = match unclear {
            Some(row) => {
                let before = open.iter().filter(|row| row.delivery.state != State::Sent).map(oldest_possible).min();
                Until { status: row.baseline.as_ref(), before, at_most: LOOK_BACK }
            }
            None => Until { status: None, before: None, at_most: usize::try_from(AT_ONCE).unwrap_or(40) },
        };
        let (own, reach) = link.fedi.own_statuses_until(&link.me, until).await?;
        Ok(Look { own, reach })
    }

    /// Whether a status of this row would have been seen: what was not read may be there.
    fn covers(&self, row: &Open) -> bool {
        let met = row.baseline.as_ref().is_some_and(|baseline| self.shows(baseline));
        let oldest = self.own.iter().filter_map(|status| status.created_at).min();
        self.reach == Reach::All || met || oldest.is_some_and(|oldest| oldest < oldest_possible(row))
    }

    fn shows(&self, status: &StatusId) -> bool {
        self.own.iter().any(|own| &own.id == status)
    }
}

/// Before this no status of the row was made: no row is attempted before it is due, and who left it behind may not have
/// said when it was.
fn oldest_possible(row: &Open) -> DateTime<Utc> {
    row.first_attempt.min(row.delivery.due_at) - CLOCKS_APART
}

/// What a status is known by.
pub(super) fn shown(status: &StatusView) -> Shown<'_> {
    Shown { text: &status.text, cw: status.cw.as_deref(), in_reply_to: status.in_reply_to.as_ref() }
}

struct Case<'a> {
    ctx: &'a Ctx,
    account: &'a Linked,
    link: &'a LinkState,
    look: &'a Look,
    /// The account's newest status before the look.
    newest_own: Option<&'a StatusId>,
    row: &'a Open,
    now: DateTime<Utc>,
}

impl Case<'_> {
    async fn unclear(&self, settled: &mut Settled) -> Result<(), StoreError> {
        let found = match self.candidates().await {
            Ok(found) => found.into_iter().next(),
            Err(Trouble::Store(error)) => return Err(error),
            Err(Trouble::Fedi(error)) => {
                self.blind(settled, &error);
                return Ok(());
            }
        };
        let store = &self.ctx.store;
        let outcome = match found {
            Some((status, likeness)) => {
                let after = match self.row.doubted_at {
                    Some(_) => "found on the server; the database had not known",
                    None => "found on the server after an unclear attempt",
                };
                let note = match likeness {
                    Likeness::Same => after.to_owned(),
                    Likeness::Near | Likeness::Other => format!("{after}, with slightly other words"),
                };
                settled.found += 1;
                Found::There { status: status.id.clone(), url: status.url.clone(), note }
            }
            None => match self.absent(settled) {
                Found::SendAgain { .. } if self.list_lags().await => {
                    settled.again = settled.again.saturating_sub(1);
                    self.behind(settled)
                }
                Found::SendAgain { .. } if self.parent_is_gone().await => {
                    settled.again = settled.again.saturating_sub(1);
                    let reason = "not on the server, and the mention is gone".to_owned();
                    Found::Ended { state: State::Cancelled, reason }
                }
                outcome @ (Found::There { .. } | Found::SendAgain { .. } | Found::NotYet(_) | Found::Ended { .. }) => {
                    outcome
                }
            },
        };
        let notice = format!("delivery:{}", self.row.delivery.id);
        match &outcome {
            Found::There { .. } | Found::SendAgain { .. } => store.settle_notice(&notice).await?,
            Found::Ended { state: State::Held, reason } => {
                let id = self.row.delivery.id;
                let text = format!("delivery {id} on {}: {reason}", self.account.name);
                let step = format!(
                    "`watchpost queue release {id}` looks again and sends it, `watchpost queue cancel {id}` drops it"
                );
                store.raise(&notice, self.account.name.as_str(), &text, &step, self.now).await?;
            }
            Found::Ended { .. } | Found::NotYet(_) => {}
        }
        tracing::info!(
            account.name = %self.account.name,
            delivery.id = %self.row.delivery.id,
            outcome = ?outcome,
            "unclear attempt read back"
        );
        let again = matches!(outcome, Found::SendAgain { .. });
        let moved = self.row.doubted_at.is_some() && !matches!(outcome, Found::NotYet(_));
        store.looked(self.row, outcome, self.now).await?;
        if moved {
            // A post that was sent earlier than this database planned it leaves its place to another.
            self.ctx.plan_wanted.notify_one();
        }
        if again {
            self.ctx.send_wanted.notify_one();
        }
        Ok(())
    }

    /// Whether the own list lacks our newest status, which the server has: then a row that it does not show may be there
    /// as well. Not asked where a direct would not be listed.
    async fn list_lags(&self) -> bool {
        let Some(newest) = self.newest_own else { return false };
        if self.look.shows(newest) {
            return false;
        }
        let oldest = self.look.own.iter().filter_map(|status| status.created_at).min();
        let is_listed = |status: &StatusView| {
            let direct = status.visibility == Some(Visibility::Direct) && !self.link.capabilities.lists_directs;
            // What is older than all that was read stands further back.
            !direct && (oldest.is_none() || status.created_at.is_none_or(|made| Some(made) > oldest))
        };
        // A look that fails says nothing, and then the list says nothing either.
        self.link.fedi.status(newest).await.map_or(true, |seen| seen.as_ref().is_some_and(is_listed))
    }

    /// A list that lags is no look: later again, and after an hour a person decides.
    fn behind(&self, settled: &mut Settled) -> Found {
        settled.open += 1;
        let from = self.row.doubted_at.unwrap_or(self.row.armed_at);
        if self.now - from < LIST_MAY_LAG {
            return Found::NotYet(self.now + LAGGING_LIST_AGAIN);
        }
        let reason = "the account's own list does not show what the server has: it may be there".to_owned();
        Found::Ended { state: State::Held, reason }
    }

    /// Whether this is a reply to a mention that the server no longer has: nobody waits for it, and some servers would
    /// accept it all the same, others never. A look that fails says nothing.
    async fn parent_is_gone(&self) -> bool {
        match (&self.row.delivery.of, &self.row.delivery.payload.in_reply_to) {
            (Of::Reply { .. }, Some(parent)) => matches!(self.link.fedi.status(parent).await, Ok(None)),
            (Of::Reply { .. } | Of::Post { .. }, _) => false,
        }
    }

    /// Not on the server at this look.
    fn absent(&self, settled: &mut Settled) -> Found {
        // Nobody knows of an attempt that a restored database forgot: looks are counted from when they began.
        let from = self.row.doubted_at.unwrap_or(self.row.armed_at);
        if let Some(next) = looking::next_for_unclear(self.keyed(), from, self.now) {
            settled.open += 1;
            return Found::NotYet(next);
        }
        if !self.look.covers(self.row) {
            settled.open += 1;
            let reason = "the account's own list could not be read back to its attempt: it may be there";
            return Found::Ended { state: State::Held, reason: reason.to_owned() };
        }
        let is_reply = matches!(self.row.delivery.of, Of::Reply { .. });
        let expired = self.row.delivery.expires_at.is_some_and(|expires| expires <= self.now);
        let ended = |state, reason: &str| Found::Ended { state, reason: reason.to_owned() };
        settled.open += 1;
        match self.row.wish {
            Wish::Wanted => {}
            Wish::Held => return ended(State::Held, "not on the server, and held since"),
            Wish::Cancelled => return ended(State::Cancelled, "not on the server, and cancelled since"),
            // In the words of planning: when the file comes back, the row does.
            Wish::Gone => return ended(State::Cancelled, FILE_GONE),
        }
        match (is_reply, expired, self.row.opted_out) {
            (true, _, true) => ended(State::Held, "not on the server, and they said stop since"),
            (true, true, _) => ended(State::Held, "not on the server, and too old to answer now"),
            (false, true, _) => ended(State::Expired, "not on the server at the last look, and its time has passed"),
            (_, false, _) => match self.link.capabilities.key {
                KeyClass::ReplaysAnswers { .. } => self.again(settled, self.row.unclear > 0),
                KeyClass::Shared { .. } | KeyClass::Memory { .. } | KeyClass::Refusing | KeyClass::Ignored => {
                    // A server that refused the same key after the first attempt may do so for ever.
                    let refused = self.row.delivery.reason.starts_with(REFUSED_AFTER);
                    if refused && self.row.unclear > 1 && self.row.delivery.rekeys > 0 {
                        // Also under a key of its own: it is the status that is refused, not its repetition.
                        return ended(State::Held, "not on the server, which refuses it under another key as well");
                    }
                    self.again(settled, refused && self.row.unclear > 1)
                }
            },
        }
    }

    /// A look that fails is no look: the row stays due, and the turn waits before it looks again.
    fn blind(&self, settled: &mut Settled, error: &FediError) {
        tracing::warn!(account.name = %self.account.name, %error, "a look failed; looking again");
        settled.blind += 1;
        settled.wait = settled.wait.max(wait_of(error));
    }

    fn again(&self, settled: &mut Settled, new_key: bool) -> Found {
        settled.open = settled.open.saturating_sub(1);
        settled.again += 1;
        Found::SendAgain { new_key }
    }

    /// Past a server's key window every server is keyless (DESIGN §5, law 6).
    fn keyed(&self) -> Keyed {
        let age = (self.now - self.row.armed_at).to_std().unwrap_or_default();
        match self.link.capabilities.key.safe_for() {
            // What goes under another key than an attempt before it is not kept from being made twice.
            Some(window) if age < window && self.row.delivery.rekeys == 0 => Keyed::Shared,
            Some(_) | None => Keyed::Keyless,
        }
    }

    /// Everything of ours that may be this row's and is no other row's, best first: for a reply the parent decides, else
    /// the words; how visibility, warning and pictures agree only ranks, because servers change them.
    async fn candidates(&self) -> Result<Vec<(StatusView, Likeness)>, Trouble> {
        let payload = &self.row.delivery.payload;
        let mut found: Vec<(StatusView, Likeness)> = Vec::new();
        let elsewhere = self.directs_elsewhere().await?;
        for status in self.since_the_baseline().chain(&elsewhere) {
            let shown =
                Shown { text: &status.text, cw: status.cw.as_deref(), in_reply_to: status.in_reply_to.as_ref() };
            let likeness = match resemblance(payload, shown) {
                // The text as written decides where the server keeps it.
                Likeness::Near => self.as_written(status).await?,
                clear @ (Likeness::Same | Likeness::Other) => clear,
            };
            if likeness != Likeness::Other && !found.iter().any(|(known, _)| known.id == status.id) {
                found.push((status.clone(), likeness));
            }
        }
        let ids: Vec<StatusId> = found.iter().map(|(status, _)| status.id.clone()).collect();
        let owned = self.ctx.store.owned(&self.account.name, &ids).await?;
        found.retain(|(status, _)| !owned.contains(&status.id));
        if found.iter().any(|(_, likeness)| *likeness == Likeness::Near) {
            // A campaign that counts its days says nearly the same every day: another row's very words are not ours.
            let rivals = self.ctx.store.rivals(&self.account.name, self.row.delivery.id).await?;
            let is_theirs =
                |status: &StatusView| rivals.iter().any(|rival| resemblance(rival, shown(status)) == Likeness::Same);
            found.retain(|(status, likeness)| *likeness == Likeness::Same || !is_theirs(status));
        }
        // Of several that are equally alike the oldest: later occurrences of the same words come later too.
        found.reverse();
        found.sort_by_key(|(status, likeness)| {
            let agreeing = u8::from(status.visibility == Some(payload.visibility))
                + u8::from(status.cw == payload.cw)
                + u8::from(status.media == payload.media.len());
            std::cmp::Reverse((*likeness, agreeing))
        });
        Ok(found)
    }

    /// Own statuses that may be younger than this row's first attempt. What is older is another's, however alike: the
    /// same words of last week, or a twin that was left standing. The server's own times are compared where the
    /// baseline is seen; else ours, which agree with them within minutes or nothing is sent (DESIGN §7).
    fn since_the_baseline(&self) -> impl Iterator<Item = &StatusView> {
        self.look.own.iter().filter(|status| self.is_young_enough(status))
    }

    fn is_young_enough(&self, status: &StatusView) -> bool {
        let baseline = self.row.baseline.as_ref();
        if baseline == Some(&status.id) {
            // It was there before the attempt.
            return false;
        }
        let seen = baseline.and_then(|id| self.look.own.iter().find(|status| &status.id == id));
        let oldest = seen.and_then(|status| status.created_at).unwrap_or_else(|| oldest_possible(self.row));
        let window = self.occurrence_window();
        status
            .created_at
            .is_none_or(|made| made >= oldest && window.is_none_or(|(from, to)| from <= made && made <= to))
    }

    /// When a row that a restored database forgot can have been sent, if it has a time of its own: the same words stood
    /// there at the post's other times too.
    fn occurrence_window(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let row = &self.row.delivery;
        match (&row.of, row.doubted_at, row.expires_at) {
            (Of::Post { occurrence, .. }, Some(_), Some(expires)) if *occurrence != Occurrence::once() => {
                Some((row.due_at - CLOCKS_APART, expires + CLOCKS_APART))
            }
            (Of::Post { .. } | Of::Reply { .. }, _, _) => None,
        }
    }

    /// Directs do not stand in the own list of every server; there they are looked for under their parent, and at home,
    /// because a parent may be gone and a direct post has none (SERVERS.md §3, rule 3).
    async fn directs_elsewhere(&self) -> Result<Vec<StatusView>, FediError> {
        let payload = &self.row.delivery.payload;
        if payload.visibility != Visibility::Direct {
            return Ok(Vec::new());
        }
        let mut found = match payload.in_reply_to.as_ref() {
            Some(parent) => self.link.fedi.thread(parent).await?.unwrap_or_default().descendants,
            None => Vec::new(),
        };
        found.retain(|status| status.author.as_ref() == Some(&self.link.me.id));
        if found.is_empty() && !self.link.capabilities.lists_directs {
            found = self.link.fedi.own_at_home(&self.link.me).await?;
            found.retain(|status| self.is_young_enough(status));
        }
        Ok(found)
    }

    async fn as_written(&self, status: &StatusView) -> Result<Likeness, FediError> {
        match self.link.fedi.source(&status.id).await? {
            Some(source) if likeness(&self.row.delivery.payload.text, &source) == Likeness::Same => Ok(Likeness::Same),
            Some(_) | None => Ok(Likeness::Near),
        }
    }

    /// Given up after an unclear attempt; for an hour after it the server may still make it.
    async fn given_up(&self, settled: &mut Settled) -> Result<(), StoreError> {
        let next = looking::next_for_twin(self.row.armed_at, self.now);
        let appeared = match self.candidates().await {
            Ok(found) => found.into_iter().next().map(|(status, _)| status),
            Err(Trouble::Store(error)) => return Err(error),
            Err(Trouble::Fedi(error)) => {
                self.blind(settled, &error);
                return Ok(());
            }
        };
        settled.open += 1;
        let appeared = appeared.map(|status| {
            let delivery = &self.row.delivery;
            let at = status.url.as_deref().map(|url| format!(": {url}")).unwrap_or_default();
            let text = format!(
                "delivery {} on {} was given up ({}), and the server made it all the same{at}",
                delivery.id, self.account.name, delivery.reason
            );
            tracing::warn!(account.name = %self.account.name, delivery.id = %delivery.id, "a status that was given up appeared");
            let told = Told { text, next_step: "delete it there if it should not stand".to_owned() };
            (status.id, status.url, told)
        });
        self.ctx.store.given_up(self.row, next, appeared, self.now).await?;
        Ok(())
    }

    /// The server said yes: is it there?
    async fn accepted(&self, settled: &mut Settled) -> Result<(), StoreError> {
        let Some(status) = &self.row.delivery.status else { return Ok(()) };
        // A rehearsal's statuses stand nowhere, and are taken for seen.
        let rehearsed = matches!(self.ctx.voice, Voice::Rehearsal(_));
        let seen = rehearsed
            || self.look.shows(status)
            || match self.link.fedi.status(status).await {
                Ok(seen) => seen.is_some(),
                Err(error) => {
                    self.blind(settled, &error);
                    return Ok(());
                }
            };
        if seen {
            settled.found += 1;
            self.ctx.store.verified(self.row, self.now).await?;
            if self.row.next_part_waits {
                self.ctx.send_wanted.notify_one();
            }
            return Ok(());
        }
        settled.open += 1;
        let sent_at = self.row.delivery.sent_at.unwrap_or(self.row.armed_at);
        let next = looking::next_for_sent(sent_at, self.now);
        let (id, account) = (self.row.delivery.id, &self.account.name);
        let told = Told {
            text: format!("delivery {id} on {account}: the server said yes but does not show it"),
            next_step: format!(
                "look at the account's profile; `watchpost queue release {id}` looks again and sends it if it is not there"
            ),
        };
        self.ctx.store.not_seen(self.row, next, told, self.now).await?;
        Ok(())
    }

    /// After a resend: of two statuses for one row the newer is taken back, only if its id came from our own POST and
    /// nobody reacted to it; otherwise a person decides.
    async fn twin(&self, settled: &mut Settled) -> Result<(), StoreError> {
        let sent_at = self.row.delivery.sent_at.unwrap_or(self.row.armed_at);
        let next = looking::next_for_twin(sent_at, self.now);
        let Some(own) = &self.row.delivery.status else { return Ok(()) };
        let twin = match self.candidates().await {
            Ok(candidates) => candidates.into_iter().next().map(|(status, _)| status),
            Err(Trouble::Store(error)) => return Err(error),
            Err(Trouble::Fedi(error)) => {
                self.blind(settled, &error);
                return Ok(());
            }
        };
        let Some(twin) = twin else {
            settled.open += 1;
            self.ctx.store.watched(self.row, next, None, self.now).await?;
            return Ok(());
        };
        // The list is newest first, by the server's own order.
        let place = |id: &StatusId| self.look.own.iter().position(|status| &status.id == id);
        if place(own).is_none() {
            match self.link.fedi.status(own).await {
                // Taken back before; the program stopped before that was written down.
                Ok(None) => {
                    self.ctx.store.watched(self.row, next, Some((twin.id, twin.url)), self.now).await?;
                    return Ok(());
                }
                // The list lags behind: which one is the newer is seen at a later look.
                Ok(Some(_)) if next.is_some() && place(&twin.id).is_some() => {
                    settled.open += 1;
                    self.ctx.store.watched(self.row, next, None, self.now).await?;
                    return Ok(());
                }
                Ok(Some(_)) => {}
                Err(error) => {
                    self.blind(settled, &error);
                    return Ok(());
                }
            }
        }
        let ours_is_newer = place(own) < place(&twin.id);
        // What does not say what this row says was never made by it, whatever the answer to its POST was.
        let payload = &self.row.delivery.payload;
        let own_words =
            |status: &&StatusView| &status.id == own && resemblance(payload, shown(status)) != Likeness::Other;
        let reactions = self.look.own.iter().find(own_words).map_or(1, |status| status.reactions);
        let live = matches!(self.ctx.voice, Voice::Live);
        if live && ours_is_newer && self.row.from_post && reactions == 0 && self.link.fedi.delete(own).await.is_ok() {
            self.ctx.points.pass(Point::TakenBack).await;
            tracing::warn!(account.name = %self.account.name, delivery.id = %self.row.delivery.id, "a late twin appeared; the newer was taken back");
            self.ctx.store.watched(self.row, next, Some((twin.id, twin.url)), self.now).await?;
            return Ok(());
        }
        let text = format!("delivery {} stands twice on {}", self.row.delivery.id, self.account.name);
        let step = "look at the account's profile and delete one of the two there";
        self.ctx
            .store
            .raise(&format!("twin:{}", self.row.delivery.id), self.account.name.as_str(), &text, step, self.now)
            .await?;
        self.ctx.store.watched(self.row, None, None, self.now).await?;
        Ok(())
    }
}
