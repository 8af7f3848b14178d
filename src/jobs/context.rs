//! What every job works with: the store, the clock, what staff wrote, and the accounts' links to their servers.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use super::identity::Profiles;
use super::points::Points;
use super::second_look::SeenLately;
use super::set_aside::Aside;
use super::staging::Prints;
use super::timekeeping::Apart;
use super::walk::AllRead;
use crate::clock::{Clock, Dice};
use crate::core::allowance::Allowance;
use crate::core::approval::ApprovalRule;
use crate::core::breaker::{Breaker, Gate};
use crate::core::decision::{Mind, Venue};
use crate::core::delivery::Payload;
use crate::core::ids::{AccountName, PostId};
use crate::core::plan::AccountCalendar;
use crate::core::post::Post;
use crate::core::timekeeping::Timekeeper;
use crate::fedi::{Capabilities, Fedi, Me};
use crate::store::Store;

/// Replies of one account that may be in flight side by side (DESIGN §5, law 4).
pub const REPLIES_IN_FLIGHT: usize = 8;

/// Statuses an account may create in three hours on Mastodon (SERVERS.md §1); no server is known to allow fewer.
const CREATES_PER_WINDOW: u32 = 300;

/// Whether what is said is really said.
#[derive(Clone, Debug)]
pub enum Voice {
    /// Statuses are created.
    Live,
    /// Everything but the POST, on a copy of the database; what would be said goes to whoever rehearses.
    Rehearsal(UnboundedSender<Said>),
}

/// What would have been said.
#[derive(Clone, Debug)]
pub struct Said {
    /// By whom.
    pub account: AccountName,
    /// The status.
    pub payload: Payload,
}

/// What staff wrote, as the jobs need it. Replaced as a whole when files change.
#[derive(Debug)]
pub struct Desk {
    /// Posts of the files, in order.
    pub posts: Vec<Arc<Post>>,
    /// Posts whose file has mistakes, each with the first of them.
    pub unreadable: HashMap<PostId, String>,
    /// The accounts' weekly times.
    pub calendars: Vec<AccountCalendar>,
    /// The campaign's zone.
    pub zone: Tz,
    /// Who must agree to a post.
    pub approval: ApprovalRule,
    /// How mentions are understood and answered.
    pub mind: Arc<Mind>,
}

/// Everything a job needs.
#[derive(Debug)]
pub struct Ctx {
    /// The ledger and the rest.
    pub store: Store,
    /// Time.
    pub clock: Clock,
    /// Chance, for jitter.
    pub dice: Mutex<Dice>,
    /// Live or a rehearsal.
    pub voice: Voice,
    /// The accounts, by name.
    pub accounts: BTreeMap<AccountName, Arc<Linked>>,
    /// Whether this daemon plans; one of those that share a database does.
    pub plans: AtomicBool,
    /// Wakes the plan job.
    pub plan_wanted: Notify,
    /// Wakes the publish job.
    pub send_wanted: Notify,
    /// Wakes the settle job.
    pub look_wanted: Notify,
    /// Moments a test can catch; inert in production.
    pub points: Points,
    /// What pictures show, for those that were approved.
    pub prints: Prints,
    /// Which account speaks through which profile.
    pub profiles: Profiles,
    /// What has been seen of each server lately, by address.
    breakers: Mutex<HashMap<String, Breaker>>,
    /// Whether the wall clock can be believed, and when a server was last asked.
    time: Mutex<(Timekeeper, Option<DateTime<Utc>>)>,
    desk: RwLock<Arc<Desk>>,
    stop: RwLock<CancellationToken>,
}

/// What a request to a server showed of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It answered as a server does.
    Worked,
    /// It could not be reached, or broke down.
    Failed,
}

/// One account and its server. Linked once `whoami` and capabilities are known.
pub struct Linked {
    /// The account.
    pub name: AccountName,
    /// Its server's address.
    pub server: String,
    /// Places for replies in flight.
    pub places: Arc<Semaphore>,
    /// What the server still lets it create.
    allowance: Arc<Mutex<Allowance>>,
    open: OpenLink,
    /// Whether this daemon works for it: another one on the same database may.
    held: AtomicBool,
    /// Whether what it shows was compared with the ledger since it became ours ([`super::set_back`]).
    looked_over: AtomicBool,
    /// Looks at our own statuses that failed in a row.
    failed_looks: AtomicU32,
    link: RwLock<Option<Arc<LinkState>>>,
    profile: RwLock<Option<String>>,
    /// What the log has been told of this account and is not over.
    told: Mutex<HashMap<Matter, u64>>,
}

/// A matter the log hears of once, however often it is met again before it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Matter {
    /// The server cannot be linked.
    Reach,
    /// Our own statuses cannot be read.
    OwnStatuses,
    /// Notifications cannot be read.
    Notifications,
    /// Notifications that make no sense stand on the newest page; measured by how many.
    Undecodable,
    /// A streamed notification makes no sense.
    StreamedUndecodable,
}

/// Opens the link anew: reads the token where it stands now. The error is a sentence for staff.
pub type OpenLink = Box<dyn Fn() -> Result<Fedi, String> + Send + Sync>;

/// A working link.
#[derive(Debug)]
pub struct LinkState {
    /// The server in our verbs.
    pub fedi: Fedi,
    /// Who we are there.
    pub me: Me,
    /// What it can do.
    pub capabilities: Capabilities,
    /// When that was learned.
    pub since: DateTime<Utc>,
    /// What stood there a moment ago.
    pub seen_lately: SeenLately,
    /// By how much its clock is wrong.
    pub apart: Apart,
    /// What its notification policy keeps from us.
    pub aside: Aside,
    /// When pages that it does not sort were read to their end.
    pub all_read: AllRead,
    /// It was seen to show to everybody what was to be unlisted.
    pub widens: AtomicBool,
}

/// One of the statuses a server still lets an account create: whoever holds it may arm one. Given back when nothing was
/// sent.
#[derive(Debug)]
pub struct Reserved {
    allowance: Option<Arc<Mutex<Allowance>>>,
}

impl Reserved {
    /// It was sent and has its outcome at `now`; `left` is what the server said of its allowance.
    pub fn ended(mut self, left: Option<(u64, DateTime<Utc>)>, now: DateTime<Utc>) {
        if let Some(allowance) = self.allowance.take() {
            allowance.lock().unwrap_or_else(PoisonError::into_inner).ended(left, now);
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if let Some(allowance) = self.allowance.take() {
            allowance.lock().unwrap_or_else(PoisonError::into_inner).unused();
        }
    }
}

impl fmt::Debug for Linked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Linked").field("name", &self.name).field("server", &self.server).finish_non_exhaustive()
    }
}

impl Linked {
    /// An account that is not linked yet.
    #[must_use]
    pub fn new(name: AccountName, server: String, open: OpenLink) -> Self {
        let places = Arc::new(Semaphore::new(REPLIES_IN_FLIGHT));
        Self {
            name,
            server,
            places,
            allowance: Arc::default(),
            held: AtomicBool::new(true),
            looked_over: AtomicBool::new(false),
            failed_looks: AtomicU32::new(0),
            open,
            link: RwLock::new(None),
            profile: RwLock::new(None),
            told: Mutex::default(),
        }
    }

    /// Whether this is news: the matter was over, or had another measure.
    #[must_use]
    pub fn is_news(&self, matter: Matter, measure: u64) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(matter, measure) != Some(measure)
    }

    /// The matter is over; whether it was there.
    pub fn is_over(&self, matter: Matter) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).remove(&matter).is_some()
    }

    /// Takes one of the statuses the server still lets the account create.
    ///
    /// # Errors
    /// Until when there is none.
    pub fn reserve(&self, now: DateTime<Utc>) -> Result<Reserved, DateTime<Utc>> {
        self.allowance.lock().unwrap_or_else(PoisonError::into_inner).reserve(now)?;
        Ok(Reserved { allowance: Some(self.allowance.clone()) })
    }

    /// The server accepted a status.
    pub fn accepted(&self) {
        self.allowance.lock().unwrap_or_else(PoisonError::into_inner).accepted();
    }

    /// The server asked the account to wait; says until when it does.
    pub fn throttled(&self, wait: chrono::Duration, jitter: f64, now: DateTime<Utc>) -> DateTime<Utc> {
        self.allowance.lock().unwrap_or_else(PoisonError::into_inner).throttled(wait, jitter, now)
    }

    /// How long to wait after a look at our own statuses: 1, 2, 4 … 60 s while they fail.
    pub(super) fn pause_after_look(&self, failed: bool) -> chrono::Duration {
        if !failed {
            self.failed_looks.store(0, Ordering::SeqCst);
            return chrono::Duration::zero();
        }
        let before = self.failed_looks.fetch_add(1, Ordering::SeqCst);
        chrono::Duration::seconds((1_i64 << before.min(6)).min(60))
    }

    /// Opens the link to its server anew.
    ///
    /// # Errors
    /// A sentence for staff: the token is missing or unreadable, the address is wrong.
    pub fn open(&self) -> Result<Fedi, String> {
        (self.open)()
    }

    /// Whether this daemon works for the account; on SQLite always.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held.load(Ordering::SeqCst)
    }

    /// This daemon works for the account from now on, or leaves it to another: then its link is dropped.
    pub fn set_held(&self, held: bool) {
        self.held.store(held, Ordering::SeqCst);
        if !held {
            self.forget_link();
        }
    }

    /// It is linked anew before it speaks again, and what it shows is compared with the ledger.
    pub fn forget_link(&self) {
        self.set_looked_over(false);
        self.set_link(None);
    }

    /// Whether what it shows was compared with the ledger since it became ours.
    #[must_use]
    pub fn is_looked_over(&self) -> bool {
        self.looked_over.load(Ordering::SeqCst)
    }

    /// What it shows was compared with the ledger, or must be again.
    pub(super) fn set_looked_over(&self, looked_over: bool) {
        self.looked_over.store(looked_over, Ordering::SeqCst);
    }

    /// The link, when there is one; none while another daemon works for the account.
    #[must_use]
    pub fn link(&self) -> Option<Arc<LinkState>> {
        self.link.read().unwrap_or_else(PoisonError::into_inner).clone().filter(|_| self.is_held())
    }

    /// The account's profile URL, once it was ever linked: a paused account, or one whose server is down, is still ours.
    #[must_use]
    pub fn profile(&self) -> Option<String> {
        self.profile.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes the account's profile URL, as an earlier link found it.
    pub fn set_profile(&self, url: String) {
        *self.profile.write().unwrap_or_else(PoisonError::into_inner) = Some(url);
    }

    /// Sets or drops the link.
    pub fn set_link(&self, link: Option<Arc<LinkState>>) {
        if let Some(link) = &link {
            self.set_profile(link.me.url.clone());
        }
        *self.link.write().unwrap_or_else(PoisonError::into_inner) = link;
    }
}

impl Ctx {
    /// A context for these accounts.
    #[must_use]
    pub fn new(store: Store, clock: Clock, dice: Dice, voice: Voice, desk: Desk, accounts: Vec<Linked>) -> Self {
        Self {
            store,
            clock,
            dice: Mutex::new(dice),
            voice,
            accounts: accounts.into_iter().map(|account| (account.name.clone(), Arc::new(account))).collect(),
            plans: AtomicBool::new(true),
            plan_wanted: Notify::new(),
            send_wanted: Notify::new(),
            look_wanted: Notify::new(),
            points: Points::default(),
            prints: Prints::default(),
            profiles: Profiles::default(),
            breakers: Mutex::default(),
            time: Mutex::default(),
            desk: RwLock::new(Arc::new(desk)),
            stop: RwLock::default(),
        }
    }

    /// Cancelled when the program is to stop: then nothing more is armed, and what is on its way gets its outcome.
    #[must_use]
    pub fn stop(&self) -> CancellationToken {
        self.stop.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on the jobs stop by this token.
    pub fn set_stop(&self, stop: CancellationToken) {
        *self.stop.write().unwrap_or_else(PoisonError::into_inner) = stop;
    }

    /// What staff wrote, as of now.
    #[must_use]
    pub fn desk(&self) -> Arc<Desk> {
        self.desk.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Staff changed something.
    pub fn set_desk(&self, desk: Desk) {
        *self.desk.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(desk);
        self.plan_wanted.notify_one();
    }

    /// Profile URLs of every account that was ever linked.
    #[must_use]
    pub fn ours(&self) -> Arc<HashSet<String>> {
        Arc::new(self.accounts.values().filter_map(|account| account.profile()).collect())
    }

    /// What an account's server keeps of a reply.
    #[must_use]
    pub fn venue(&self, link: &LinkState) -> Venue {
        Venue {
            rules: link.capabilities.rules,
            keeps_cw: link.capabilities.keeps_cw,
            keeps_unlisted: link.capabilities.keeps_unlisted && !link.widens.load(Ordering::Relaxed),
            allowance: CREATES_PER_WINDOW,
            ours: self.ours(),
        }
    }

    /// The campaign's local date.
    #[must_use]
    pub fn today(&self, now: DateTime<Utc>) -> NaiveDate {
        now.with_timezone(&self.desk().zone).date_naive()
    }

    /// What may be done with the account's server at `now`.
    #[must_use]
    pub fn gate(&self, account: &Linked, now: DateTime<Utc>) -> Gate {
        self.breaker(account, |breaker| breaker.gate(now))
    }

    /// The account's server answered, or broke down.
    pub fn saw(&self, account: &Linked, seen: Seen, now: DateTime<Utc>) {
        self.breaker(account, |breaker| match seen {
            Seen::Worked => breaker.worked(),
            Seen::Failed => breaker.failed(now),
        });
    }

    fn breaker<T>(&self, account: &Linked, with: impl FnOnce(&mut Breaker) -> T) -> T {
        let mut breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        with(breakers.entry(account.server.clone()).or_default())
    }

    /// Works with the timekeeper.
    pub fn timekeeper<T>(&self, with: impl FnOnce(&mut Timekeeper) -> T) -> T {
        with(&mut self.time.lock().unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Whether a server may be asked for the time now; asking is noted. Not more often than each `every`.
    #[must_use]
    pub fn may_ask_the_time(&self, now: DateTime<Utc>, every: chrono::Duration) -> bool {
        let asked = &mut self.time.lock().unwrap_or_else(PoisonError::into_inner).1;
        // A clock that was stepped back may stand before the last question.
        let may = asked.is_none_or(|asked| (now - asked).abs() >= every);
        if may {
            *asked = Some(now);
        }
        may
    }

    /// Whether a reply may be armed at once, or waits its turn in the ledger (`None`).
    #[must_use]
    pub fn may_arm_at_once(&self, account: &Linked, now: DateTime<Utc>) -> Option<Reserved> {
        let believed = self.timekeeper(|keeper| keeper.is_believed());
        if !believed || self.gate(account, now) != Gate::Send {
            return None;
        }
        account.reserve(now).ok()
    }

    /// A whole number below `end`, by the dice.
    pub fn roll(&self, end: u64) -> u64 {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner).below(end)
    }
}
