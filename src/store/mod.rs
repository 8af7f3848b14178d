//! The ledger and what stands beside it, in one database. SQL lives here only, each text a named constant beside its
//! verb, in words that SQLite and PostgreSQL both take.
//!
//! Invariants:
//! - every write goes through [`writer`]: one transaction at a time, many verbs in one commit;
//! - a daemon's store holds an OS lock; a second daemon on the same file is refused ([`lock`]);
//! - on PostgreSQL, which several daemons may share, each account and the planning has one holder ([`leases`]);
//! - what one database accepts the other does too: texts of other people go in through [`storable`];
//! - an [`crate::core::delivery::Armed`] value leaves here only after its commit returned;
//! - `now` is a parameter of every verb: no clock is read.
//!
//! It does not know campaign files, servers or how a decision is made.

/// A query over every column of a delivery: `concat!` takes only literals, so the column list stands here once more.
macro_rules! concat_columns {
    ($($rest:tt)+) => {
        concat!(
            "SELECT id, account, kind, post_id, occurrence, part, parts, mention_uri, generation, plan_kind, state, ",
            "due_at, not_before, expires_at, late, payload, topic, facts, withheld, attempt, unclear, rekeys, fence, status_id, status_url, sent_at, reason, doubted_at, parent_missed",
            $($rest)+
        )
    };
}

pub mod accounts;
pub mod approvals;
pub mod asked;
pub mod attempts;
pub mod calendar;
mod connect;
mod conversations;
mod copying;
mod deciding;
pub mod deliveries;
pub mod doubt;
pub mod epoch;
mod errors;
pub mod intake;
pub mod leases;
pub mod left_out;
mod lock;
pub mod mentions;
pub mod notices;
pub mod order;
mod past;
pub mod pauses;
pub mod people;
mod place;
pub mod planning;
mod postgres;
pub mod queue;
pub mod said;
#[cfg(feature = "sandbox")]
pub mod schema;
mod secret;
pub mod sending;
pub mod set_back;
pub mod settling;
pub mod sought;
mod sqlite;
#[cfg(test)]
mod tests;
pub mod threads;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::{AnyPool, Row};

pub use self::errors::StoreError;
use self::leases::Holder;
pub use self::lock::Lock;
pub use self::place::Place;
use self::place::Where;
pub use self::secret::InstallSecret;
use self::writer::{Line, Writer};
use crate::clock::Dice;

/// The database, opened. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    writer: Writer,
    reads: AnyPool,
    secret: InstallSecret,
    /// The file that knows the epoch beside the database.
    side: PathBuf,
    at: Where,
    holder: Holder,
}

/// Who opens the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The one process that sends: takes the lock, moves what a dead daemon left.
    Daemon,
    /// A command beside it: short transactions only.
    Visitor,
}

impl Store {
    /// Opens the database at `place`, creating a SQLite file and its folder when absent, and brings its tables up to
    /// date. The lock, on SQLite only, is for whoever keeps the daemon alive: it must outlive every use of the store.
    ///
    /// # Errors
    /// [`StoreError`] says what a person must do: another daemon runs, the database is newer than this program, the
    /// disk is full or read-only, the install key is missing, the server does not answer.
    pub async fn open(place: &Place, role: Role, dice: &mut Dice) -> Result<(Store, Option<Lock>), StoreError> {
        let (at, lock) = match place.parse()? {
            Where::Sqlite(file) => {
                make_folder(folder_of(&file))?;
                let file = sqlite::real(&file);
                let lock = match role {
                    Role::Daemon => Some(Lock::take(&file)?),
                    Role::Visitor => None,
                };
                (Where::Sqlite(file), lock)
            }
            at @ Where::Postgres(_) => (at, None),
        };
        let mut connection = connect::one(&at).await?;
        connect::migrate(&mut connection, &at, place).await?;
        let secret = match &at {
            Where::Sqlite(file) => secret::of_install(&mut connection, folder_of(file), dice).await?,
            Where::Postgres(_) => {
                let folder = place.key_folder();
                make_folder(&folder)?;
                secret::of_shared_install(&mut connection, &folder, dice).await?
            }
        };
        let reads = connect::reads(&at).await?;
        let holder = Holder::new(&at, role, dice);
        let side = epoch::beside(&at, &place.key_folder());
        let writer = Writer::start(Line::new(connection, at.clone(), role));
        Ok((Store { inner: Arc::new(Inner { writer, reads, secret, side, at, holder }) }, lock))
    }

    /// Whether a daemon works on the database at `place` at `now`. On a server one that died a minute ago may still
    /// seem to.
    ///
    /// # Errors
    /// When `place` is not one this program can open.
    pub async fn daemon_runs(place: &Place, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let at = place.parse()?;
        match &at {
            Where::Sqlite(file) => Ok(Lock::is_taken(&sqlite::real(file))),
            Where::Postgres(_) => {
                let mut connection = connect::one(&at).await?;
                Ok(postgres::has_tables(&mut connection).await? && leases::any(&mut connection, now).await?)
            }
        }
    }

    /// Whether the database at `place` exists.
    ///
    /// # Errors
    /// When `place` is not one this program can open.
    pub async fn exists(place: &Place) -> Result<bool, StoreError> {
        let at = place.parse()?;
        match &at {
            Where::Sqlite(file) => Ok(file.exists()),
            Where::Postgres(_) => postgres::has_tables(&mut connect::one(&at).await?).await,
        }
    }

    /// Copies the whole database, as of now, to a new SQLite file, with the install key beside it: for a rehearsal.
    ///
    /// # Errors
    /// When the copy cannot be written.
    pub async fn copy_to(&self, file: &Path) -> Result<(), StoreError> {
        const COPY: &str = "VACUUM INTO $1";
        match &self.inner.at {
            Where::Sqlite(_) => {
                let query = sqlx::query(COPY).bind(file.display().to_string());
                let copied = query.execute(&self.inner.reads).await;
                copied.map_err(|source| StoreError::Copy { path: file.to_path_buf(), source: Box::new(source) })?;
            }
            Where::Postgres(_) => copying::copy(&self.inner.reads, file).await?,
        }
        self.inner.secret.write_beside(folder_of(file))
    }

    /// The secret that keys idempotency keys and person hashes.
    #[must_use]
    pub fn secret(&self) -> &InstallSecret {
        &self.inner.secret
    }

    /// Name and value of each setting the ledger law rests on, read back from the live connections: the one that writes
    /// and one of those that read; on SQLite also the real path and whether a daemon holds its lock.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn settings(&self) -> Result<Vec<(String, String)>, StoreError> {
        let at = self.inner.at.clone();
        let writes = self.inner.writer.write(move |connection| {
            let at = at.clone();
            Box::pin(async move { connect::settings(connection, &at).await })
        });
        let mut settings: Vec<(String, String)> =
            writes.await?.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let mut reader = self.inner.reads.acquire().await?;
        for (name, value) in connect::settings(&mut reader, &self.inner.at).await? {
            settings.push((format!("{name} of readers"), value));
        }
        if let Where::Sqlite(file) = &self.inner.at {
            settings.push(("path".to_owned(), file.display().to_string()));
            let held = if Lock::is_taken(file) { "held by a daemon" } else { "free" };
            settings.push(("lock".to_owned(), held.to_owned()));
        }
        Ok(settings)
    }

    /// A number that changes when a command beside the daemon wrote to the database; on a server also when another
    /// daemon says so ([`Store::tell_change`]).
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn data_version(&self) -> Result<i64, StoreError> {
        const VERSION: &str = "SELECT value FROM facts_of_install WHERE name = 'changes'";
        match &self.inner.at {
            Where::Sqlite(_) => self.inner.writer.data_version().await,
            Where::Postgres(_) => match sqlx::query(VERSION).fetch_optional(&self.inner.reads).await? {
                Some(row) => {
                    let value: String = row.try_get("value")?;
                    value.parse().map_err(|_shape| StoreError::Garbled { what: "a change number" })
                }
                None => Ok(0),
            },
        }
    }

    /// Makes [`Store::data_version`] change for every daemon on a shared database.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn tell_change(&self) -> Result<(), StoreError> {
        match &self.inner.at {
            Where::Sqlite(_) => Ok(()),
            Where::Postgres(_) => self.change(writer::CHANGED, Vec::new()).await,
        }
    }

    /// Waits for the writes under way, gives back what this daemon holds, and closes every connection.
    pub async fn close(&self) {
        if let Err(error) = self.release().await {
            // Then the leases run out by themselves, within a minute.
            tracing::warn!(%error, "the leases of this daemon could not be given back");
        }
        self.cut().await;
    }

    /// Closes every connection and gives nothing back, as a death would: the leases run out by themselves.
    pub async fn cut(&self) {
        self.inner.writer.close().await;
        self.inner.reads.close().await;
    }
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn make_folder(folder: &Path) -> Result<(), StoreError> {
    std::fs::create_dir_all(folder).map_err(|source| StoreError::Folder { path: folder.to_path_buf(), source })
}

/// A time as the database keeps it. Values this program wrote are always in range.
fn millis(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or(DateTime::UNIX_EPOCH)
}

/// A text as both databases take it: PostgreSQL knows no U+0000.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
