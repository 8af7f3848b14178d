//! The ledger and what stands beside it, in one database. SQL lives here only, each text a named constant beside its
//! verb, in words that SQLite and PostgreSQL both take.
//!
//! Invariants:
//! - every write goes through [`writer`]: one transaction at a time, many verbs in one commit;
//! - a daemon's store holds an OS lock; a second daemon on the same file is refused ([`lock`]);
//! - an [`crate::core::delivery::Armed`] value leaves here only after its commit returned;
//! - `now` is a parameter of every verb: no clock is read.
//!
//! It does not know campaign files, servers or how a decision is made.

/// A query over every column of a delivery: `concat!` takes only literals, so the column list stands here once more.
macro_rules! concat_columns {
    ($rest:literal) => {
        concat!(
            "SELECT id, account, kind, post_id, occurrence, part, parts, mention_uri, generation, plan_kind, state, ",
            "due_at, not_before, expires_at, late, payload, topic, attempt, unclear, rekeys, fence, status_id, status_url, sent_at, reason",
            $rest
        )
    };
}

pub mod accounts;
pub mod attempts;
pub mod calendar;
mod connect;
pub mod deliveries;
mod errors;
mod lock;
pub mod mentions;
pub mod notices;
pub mod people;
pub mod queue;
mod secret;
pub mod sending;
pub mod settling;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::AnyPool;

pub use self::errors::StoreError;
pub use self::lock::Lock;
pub use self::secret::InstallSecret;
use self::writer::Writer;
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
    file: PathBuf,
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
    /// Opens the database at `url` (`sqlite://PATH`), creating it and its folder when absent, and brings its tables up
    /// to date.
    ///
    /// # Errors
    /// [`StoreError`] says what a person must do: another daemon runs, the database is newer than this program, the
    /// disk is full or read-only, the install key is missing.
    pub async fn open(url: &str, role: Role, dice: &mut Dice) -> Result<(Store, Option<Lock>), StoreError> {
        let file = connect::file_of(url)?;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(|source| StoreError::Folder { path: folder.to_path_buf(), source })?;
        let lock = match role {
            Role::Daemon => Some(Lock::take(&file)?),
            Role::Visitor => None,
        };
        let mut connection = connect::one(&file).await?;
        connect::migrate(&mut connection, &file).await?;
        let secret = secret::of_install(&mut connection, folder, dice).await?;
        let reads = connect::reads(&file);
        let store = Store { inner: Arc::new(Inner { writer: Writer::start(connection), reads, secret, file }) };
        Ok((store, lock))
    }

    /// Whether a daemon holds the lock of the database at `url` right now.
    ///
    /// # Errors
    /// When `url` is not one this program can open.
    pub fn daemon_runs(url: &str) -> Result<bool, StoreError> {
        Ok(Lock::is_taken(&connect::file_of(url)?))
    }

    /// Whether the database at `url` exists.
    ///
    /// # Errors
    /// When `url` is not one this program can open.
    pub fn exists(url: &str) -> Result<bool, StoreError> {
        Ok(connect::file_of(url)?.exists())
    }

    /// Copies the whole database, as of now, to a new file, with the install key beside it: for a rehearsal.
    ///
    /// # Errors
    /// When the copy cannot be written.
    pub async fn copy_to(&self, file: &Path) -> Result<(), StoreError> {
        const COPY: &str = "VACUUM INTO $1";
        sqlx::query(COPY).bind(file.display().to_string()).execute(&self.inner.reads).await?;
        let folder = file.parent().unwrap_or(Path::new("."));
        self.inner.secret.write_beside(folder)
    }

    /// The secret that keys idempotency keys and person hashes.
    #[must_use]
    pub fn secret(&self) -> &InstallSecret {
        &self.inner.secret
    }

    /// The database's file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.inner.file
    }

    /// The settings the ledger law rests on, read back from the live connection that writes.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn settings(&self) -> Result<Vec<(&'static str, String)>, StoreError> {
        self.inner.writer.write(|connection| Box::pin(connect::settings(connection))).await
    }

    /// A number that changes whenever another process wrote to the database.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn data_version(&self) -> Result<i64, StoreError> {
        self.inner.writer.data_version().await
    }

    /// Waits for the writes under way and closes every connection.
    pub async fn close(&self) {
        self.inner.writer.close().await;
        self.inner.reads.close().await;
    }
}

/// A time as the database keeps it. Values this program wrote are always in range.
fn millis(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or(DateTime::UNIX_EPOCH)
}
