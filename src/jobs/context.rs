//! What every job works with: the store, the clock, what staff wrote, and the accounts' links to their servers.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, Semaphore};

use crate::clock::{Clock, Dice};
use crate::core::decision::{Mind, Venue};
use crate::core::delivery::Payload;
use crate::core::ids::AccountName;
use crate::core::plan::AccountCalendar;
use crate::core::post::Post;
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
    pub posts: Vec<Post>,
    /// The accounts' weekly times.
    pub calendars: Vec<AccountCalendar>,
    /// The campaign's zone.
    pub zone: Tz,
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
    /// Wakes the plan job.
    pub plan_wanted: Notify,
    /// Wakes the publish job.
    pub send_wanted: Notify,
    /// Wakes the settle job.
    pub look_wanted: Notify,
    desk: RwLock<Arc<Desk>>,
}

/// One account and its server. Linked once `whoami` and capabilities are known.
pub struct Linked {
    /// The account.
    pub name: AccountName,
    /// Its server's address.
    pub server: String,
    /// Places for replies in flight.
    pub places: Arc<Semaphore>,
    open: OpenLink,
    link: RwLock<Option<Arc<LinkState>>>,
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
        Self { name, server, places, open, link: RwLock::new(None) }
    }

    /// Opens the link to its server anew.
    ///
    /// # Errors
    /// A sentence for staff: the token is missing or unreadable, the address is wrong.
    pub fn open(&self) -> Result<Fedi, String> {
        (self.open)()
    }

    /// The link, when there is one.
    #[must_use]
    pub fn link(&self) -> Option<Arc<LinkState>> {
        self.link.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets or drops the link.
    pub fn set_link(&self, link: Option<Arc<LinkState>>) {
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
            plan_wanted: Notify::new(),
            send_wanted: Notify::new(),
            look_wanted: Notify::new(),
            desk: RwLock::new(Arc::new(desk)),
        }
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

    /// Profile URLs of the accounts that are linked.
    #[must_use]
    pub fn ours(&self) -> Arc<HashSet<String>> {
        Arc::new(self.accounts.values().filter_map(|account| Some(account.link()?.me.url.clone())).collect())
    }

    /// What an account's server keeps of a reply.
    #[must_use]
    pub fn venue(&self, link: &LinkState) -> Venue {
        Venue {
            rules: link.capabilities.rules,
            keeps_cw: link.capabilities.keeps_cw,
            keeps_unlisted: link.capabilities.keeps_unlisted,
            allowance: CREATES_PER_WINDOW,
            ours: self.ours(),
        }
    }

    /// The campaign's local date.
    #[must_use]
    pub fn today(&self, now: DateTime<Utc>) -> NaiveDate {
        now.with_timezone(&self.desk().zone).date_naive()
    }

    /// A whole number below `end`, by the dice.
    pub fn roll(&self, end: u64) -> u64 {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner).below(end)
    }
}
