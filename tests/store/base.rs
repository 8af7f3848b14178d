//! An empty database of either kind, daemons and commands on it, and the small values stories are told with.

use std::collections::{BTreeSet, HashSet};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use sqlx::{AnyConnection, Connection};
use tempfile::TempDir;
use watchpost::clock::Dice;
use watchpost::core::delivery::{Armed, Payload, Receipt};
use watchpost::core::ids::{AccountName, Occurrence, PostId, StatusId};
use watchpost::core::plan::Kind;
use watchpost::core::plan::agenda::Agenda;
use watchpost::core::post::Visibility;
use watchpost::store::calendar::Wanted;
use watchpost::store::deliveries::Delivery;
use watchpost::store::leases::{Held, LEASE};
use watchpost::store::sending::{Claimed, Ending, Lateness, Turn};
use watchpost::store::{Lock, Place, Role, Store, StoreError};

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Sqlite,
    Postgres,
}

/// An empty database and the machine's folder.
pub(crate) struct Base {
    pub(crate) kind: Which,
    pub(crate) place: Place,
    pub(crate) folder: TempDir,
    pub(crate) url: String,
    schema: Option<(String, String)>,
}

/// A daemon's store. It is alone on SQLite and holds every account on PostgreSQL, unless another one does.
pub(crate) struct Daemon {
    pub(crate) store: Store,
    pub(crate) held: Held,
    lock: Option<Lock>,
}

impl Deref for Daemon {
    type Target = Store;
    fn deref(&self) -> &Store {
        &self.store
    }
}

impl Daemon {
    /// The process stops where it stands; whatever it still writes comes too late.
    pub(crate) fn freeze(&mut self) {
        drop(self.lock.take());
    }
}

static COUNT: AtomicU64 = AtomicU64::new(1);

impl Base {
    pub(crate) fn sqlite() -> Base {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("data/watchpost.db");
        let url = format!("sqlite://{}", file.display());
        Base { kind: Which::Sqlite, place: Place::file(&file), folder, url, schema: None }
    }

    pub(crate) async fn postgres() -> Base {
        #[expect(clippy::disallowed_methods, reason = "the one setting of this suite")]
        let server = std::env::var("WATCHPOST_TEST_POSTGRES").unwrap_or_else(|_| {
            panic!(
                "this half of the suite needs PostgreSQL: run `scripts/postgres run -- cargo nextest run`, or set \
                 WATCHPOST_TEST_POSTGRES=postgres://… to a server on which it may create schemas"
            )
        });
        sqlx::any::install_default_drivers();
        let schema = format!("story_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let mut admin = AnyConnection::connect(&server).await.unwrap();
        run(&mut admin, &format!("DROP SCHEMA IF EXISTS {schema} CASCADE")).await;
        run(&mut admin, &format!("CREATE SCHEMA {schema}")).await;
        admin.close().await.unwrap();
        let sign = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{sign}options[search_path]={schema}");
        let folder = TempDir::new().unwrap();
        let place = Place::new(&SecretString::from(url.clone()), folder.path());
        Base { kind: Which::Postgres, place, folder, url, schema: Some((server, schema)) }
    }

    /// An empty database that belongs to a role of its own, which can be locked out while other stories go on.
    pub(crate) async fn postgres_of_a_role() -> (Base, Guest) {
        let base = Base::postgres().await;
        let (server, schema) = base.schema.clone().unwrap();
        let role = format!("role_of_{schema}");
        let mut admin = AnyConnection::connect(&server).await.unwrap();
        run(&mut admin, &format!("CREATE ROLE {role} LOGIN")).await;
        run(&mut admin, &format!("ALTER SCHEMA {schema} OWNER TO {role}")).await;
        let (scheme, rest) = base.url.split_once("://").unwrap();
        let url = format!("{scheme}://{role}@{}", rest.split_once('@').unwrap().1);
        let place = Place::new(&SecretString::from(url.clone()), base.folder.path());
        let guest = Guest { server, role };
        (Base { url, place, ..base }, guest)
    }

    /// Leaves a server that is not thrown away as it was.
    pub(crate) async fn clear(&self) {
        if let Some((server, schema)) = &self.schema {
            let mut admin = AnyConnection::connect(server).await.unwrap();
            run(&mut admin, &format!("DROP SCHEMA {schema} CASCADE")).await;
        }
    }

    /// Where this machine keeps its files.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The same database seen from another machine: its own folder, without a key.
    pub(crate) fn seen_from_elsewhere(&self, folder: &Path) -> Place {
        Place::new(&SecretString::from(self.url.clone()), folder)
    }

    pub(crate) async fn open(&self, role: Role) -> Result<(Store, Option<Lock>), StoreError> {
        Store::open(&self.place, role, &mut dice()).await
    }

    pub(crate) async fn visitor(&self) -> Store {
        self.open(Role::Visitor).await.unwrap().0
    }

    pub(crate) async fn daemon(&self) -> Daemon {
        self.daemon_at(now()).await
    }

    pub(crate) async fn daemon_at(&self, now: DateTime<Utc>) -> Daemon {
        let (store, lock) = self.open(Role::Daemon).await.unwrap();
        for account in accounts() {
            store.know_account(&account, "https://social.example").await.unwrap();
        }
        let unclear = store.take_over(now).await.unwrap();
        let mut held = store.hold(accounts(), now).await.unwrap();
        held.unclear += unclear;
        Daemon { store, held, lock }
    }

    /// A second store that may claim beside the daemon's: on SQLite a command's, on PostgreSQL another daemon's.
    pub(crate) async fn second(&self) -> Store {
        let role = if self.kind == Which::Sqlite { Role::Visitor } else { Role::Daemon };
        self.open(role).await.unwrap().0
    }

    /// `old` stops where it stands and another daemon takes its place; says when.
    pub(crate) async fn taken_over(&self, old: &mut Daemon) -> (Daemon, DateTime<Utc>) {
        old.freeze();
        let later = now() + LEASE;
        (self.daemon_at(later).await, later)
    }

    /// A connection past the store.
    pub(crate) async fn raw(&self) -> AnyConnection {
        sqlx::any::install_default_drivers();
        AnyConnection::connect(&self.url).await.unwrap()
    }
}

/// What a backup program does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backup {
    Take,
    PutBack,
}

/// A role that a story locks out of its database, as a server that goes down would.
pub(crate) struct Guest {
    server: String,
    role: String,
}

impl Guest {
    async fn admin(&self, text: &str) {
        run(&mut AnyConnection::connect(&self.server).await.unwrap(), text).await;
    }

    /// Ends every connection, whatever it does.
    pub(crate) async fn thrown_out(&self) {
        let role = &self.role;
        self.admin(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'")).await;
    }

    /// The server is down, as far as this role can tell.
    pub(crate) async fn locked_out(&self) {
        self.admin(&format!("ALTER ROLE {} NOLOGIN", self.role)).await;
        self.thrown_out().await;
    }

    /// The server's own backup program notes what stands in the database, or puts it back; also while it is down.
    pub(crate) async fn backup(&self, way: Backup) {
        let schema = self.role.strip_prefix("role_of_").unwrap();
        let mut admin = AnyConnection::connect(&self.server).await.unwrap();
        run(&mut admin, &format!("SET search_path = {schema}")).await;
        for table in ["attempts", "deliveries", "accounts", "mentions", "notices", "facts_of_install"] {
            match way {
                Backup::Take => run(&mut admin, &format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}")).await,
                Backup::PutBack => run(&mut admin, &format!("DELETE FROM {table}")).await,
            }
        }
        if way == Backup::PutBack {
            for table in ["facts_of_install", "notices", "mentions", "accounts", "deliveries", "attempts"] {
                run(&mut admin, &format!("INSERT INTO {table} SELECT * FROM kept_{table}")).await;
            }
        }
    }

    /// It is up again.
    pub(crate) async fn let_in(&self) {
        self.admin(&format!("ALTER ROLE {} LOGIN", self.role)).await;
    }
}

pub(crate) async fn run(connection: &mut AnyConnection, text: &str) {
    sqlx::query(sqlx::AssertSqlSafe(text.to_owned())).execute(connection).await.unwrap();
}

/// Chance that differs from daemon to daemon, as in life.
pub(crate) fn dice() -> Dice {
    Dice::seeded(u64::from(std::process::id()) * 1_000 + COUNT.fetch_add(1, Ordering::SeqCst))
}

pub(crate) fn now() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-11-23T09:00:00Z").unwrap().with_timezone(&Utc)
}

pub(crate) fn seconds(n: i64) -> chrono::Duration {
    chrono::Duration::seconds(n)
}

pub(crate) fn eyes() -> AccountName {
    AccountName::new("eyes")
}

pub(crate) fn ears() -> AccountName {
    AccountName::new("ears")
}

pub(crate) fn accounts() -> BTreeSet<AccountName> {
    BTreeSet::from([eyes(), ears()])
}

pub(crate) fn says(text: &str) -> Payload {
    Payload {
        text: text.to_owned(),
        cw: None,
        visibility: Visibility::Public,
        lang: None,
        media: Vec::new(),
        poll: None,
        in_reply_to: None,
        allowed_mention: None,
    }
}

/// A post of one part on `eyes`, whose text is its name.
pub(crate) fn post(id: &str, at: DateTime<Utc>) -> Wanted {
    Wanted {
        account: eyes(),
        post: PostId::new(id),
        occurrence: Occurrence::once(),
        part: 1,
        parts: 1,
        kind: Kind::At,
        due_at: at,
        local: at.naive_utc(),
        zone: "UTC".to_owned(),
        expires_at: Some(at + chrono::Duration::hours(6)),
        late: watchpost::core::lateness::WhenLate::Send,
        payload: says(id),
        topic: None,
        facts: Vec::new(),
    }
}

/// Writes a plan of these rows, and of no others.
pub(crate) async fn plan(store: &Store, rows: &[Wanted], now: DateTime<Utc>) -> watchpost::store::calendar::Written {
    let present: HashSet<PostId> = rows.iter().map(|row| row.post.clone()).collect();
    store.write_plan(Agenda::of_rows(rows.to_vec()), present, now, now).await.unwrap()
}

/// The only row of this post.
pub(crate) async fn row(store: &Store, post: &str) -> Delivery {
    let mut rows = store.deliveries_of_post(&PostId::new(post)).await.unwrap();
    assert_eq!(rows.len(), 1, "rows of {post}");
    rows.remove(0)
}

pub(crate) async fn claim(store: &Store, now: DateTime<Utc>) -> Option<Claimed> {
    store.claim_due(&eyes(), Turn::Posts, now).await.unwrap()
}

/// Time has passed, and the daemon renewed what it holds, as it does each few seconds.
pub(crate) async fn renew(store: &Store, now: DateTime<Utc>) {
    assert_eq!(store.hold(accounts(), now).await.unwrap().accounts, accounts());
}

/// Claims and arms what is due on `eyes`.
pub(crate) async fn arm(store: &Store, now: DateTime<Utc>) -> Armed {
    let claimed = claim(store, now).await.unwrap();
    let armed = store.arm(claimed.delivery, Vec::new(), Lateness::InTime, now, Duration::ZERO).await.unwrap();
    armed.unwrap()
}

pub(crate) fn receipt(status: &str) -> Receipt {
    Receipt {
        author: None,
        author_url: None,
        other_words: None,
        status: StatusId::new(status),
        url: Some(format!("https://social.example/@eyes/{status}")),
        changed: Vec::new(),
        creates_left: None,
        server_time: None,
    }
}

/// Sends what is due on `eyes` and records the server's yes.
pub(crate) async fn send(store: &Store, status: &str, now: DateTime<Utc>) -> Armed {
    let armed = arm(store, now).await;
    assert!(store.record(armed.id, armed.fence, Ending::Sent(receipt(status)), None, now).await.unwrap());
    armed
}
