//! What can go wrong with the database, as a person must understand it.

use std::path::PathBuf;

use sqlx::migrate::MigrateError;

/// The database did not do what was asked; nothing of the failed transaction is in it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// `[store] url` is not one we can open.
    #[error(
        "[store] url {url:?} is not supported: write sqlite://PATH, for example sqlite://data/watchpost.db, or \
         postgres://USER@HOST/DATABASE"
    )]
    Url {
        /// As written; a URL with a password never reaches here, since only its scheme is kept.
        url: String,
    },
    /// The folder of the database cannot be made.
    #[error("cannot make the folder {path:?} for the database: check its permissions")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another daemon holds the lock.
    #[error("another watchpost already runs on {path:?}: stop it first, or leave it to its work")]
    Running {
        /// The database.
        path: PathBuf,
    },
    /// The lock file cannot be opened.
    #[error("cannot use the lock file {path:?}: check its permissions")]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A newer Watchpost made this database.
    #[error("{place} was made by a newer watchpost: use that version, or restore a backup made by this one")]
    Newer {
        /// The database, without its password.
        place: String,
    },
    /// A migration did not go through; its transaction left nothing behind.
    #[error("cannot bring the tables of {place} up to date: restore a backup or report the cause")]
    Migration {
        /// The database, without its password.
        place: String,
        /// Why.
        source: Box<sqlx::migrate::MigrateError>,
    },
    /// A setting that the ledger law rests on did not take.
    #[error("the database setting {setting} is {found:?}, not {wanted:?}: {step}")]
    Setting {
        /// Its name in the database.
        setting: &'static str,
        /// What it reads back as.
        found: String,
        /// What it must be.
        wanted: &'static str,
        /// What to do.
        step: &'static str,
    },
    /// The install key is gone or another one.
    #[error("{path:?} is missing or belongs to another database: restore it from the backup it was saved with")]
    InstallKey {
        /// The key file.
        path: PathBuf,
    },
    /// On a database that several machines share: this machine's key is gone or not the one they use.
    #[error(
        "{path:?} is missing or is not the key this database was made with: copy install.key from the first machine \
         (data/install.key in its campaign folder)"
    )]
    InstallKeyOfAnother {
        /// The key file.
        path: PathBuf,
    },
    /// The install key cannot be read or written.
    #[error("cannot use the install key {path:?}: check its permissions")]
    InstallKeyFile {
        /// The key file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database was last used elsewhere: it may be a copy.
    #[error(
        "this database ({here}) was last used at {there}: if a watchpost still runs there, everything would be said \
         twice; stop that one, then say `watchpost doctor --moved-here` once and start again"
    )]
    Copied {
        /// Where it is, without a password.
        here: String,
        /// Where it was.
        there: String,
    },
    /// The file that knows the database's epoch cannot be read or written.
    #[error("cannot use {path:?}, which tells a restored database from the one used last: check its permissions")]
    SideFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A value in the database is not one this program writes.
    #[error("the database holds {what} that this watchpost cannot read")]
    Garbled {
        /// What.
        what: &'static str,
    },
    /// The writer stopped: the process is going down.
    #[error("the database is closed")]
    Closed,
    /// The disk is full or the database cannot be written.
    #[error("the database cannot be written ({cause}): free space or mend permissions; nothing is sent meanwhile")]
    NotWritable {
        /// The database's words.
        cause: String,
    },
    /// Another program keeps the database to itself.
    #[error("another program keeps the database locked ({cause}): close it; nothing is sent meanwhile")]
    Busy {
        /// The database's words.
        cause: String,
    },
    /// The file is not a database any more.
    #[error("the database is damaged ({cause}): stop watchpost and restore a backup with its install.key")]
    Damaged {
        /// The database's words.
        cause: String,
    },
    /// The PostgreSQL server does not answer or does not let us in.
    #[error("the database server cannot be used ({cause}): check that it runs and that [store] url is right")]
    OutOfReach {
        /// The driver's words; they never hold the password.
        cause: String,
    },
    /// The connection broke while a commit was on its way: nobody knows yet whether it is in the database.
    #[error(
        "the connection to the database broke while it was saving: start watchpost again; it looks at what was on its \
         way before it sends anything"
    )]
    Unsure,
    /// A rehearsal's copy could not be made.
    #[error("cannot copy the database for a rehearsal to {path:?}")]
    Copy {
        /// The new file.
        path: PathBuf,
        /// Why.
        source: Box<sqlx::Error>,
    },
    /// Anything else the driver said.
    #[error("the database did not answer as expected")]
    Database(#[source] Box<sqlx::Error>),
}

impl StoreError {
    /// Whether the same transaction may go through when it is tried again: two of them met on the same rows.
    pub(super) fn is_clash(&self) -> bool {
        // PostgreSQL: serialization_failure, deadlock_detected, lock_not_available.
        matches!(self.code().as_deref(), Some("40001" | "40P01" | "55P03"))
    }

    /// Whether the connection is gone, so that a new one may do better.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, StoreError::OutOfReach { .. })
    }

    /// Whether waiting may help: the database is out of reach or kept by another program. What was on its way then is
    /// unclear, and [`super::Store::come_back`] says so in the ledger once it can be written again.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            StoreError::OutOfReach { .. } | StoreError::Unsure | StoreError::Busy { .. } => true,
            StoreError::Url { .. }
            | StoreError::Folder { .. }
            | StoreError::Running { .. }
            | StoreError::Lock { .. }
            | StoreError::Newer { .. }
            | StoreError::Migration { .. }
            | StoreError::Setting { .. }
            | StoreError::InstallKey { .. }
            | StoreError::InstallKeyOfAnother { .. }
            | StoreError::InstallKeyFile { .. }
            | StoreError::Copied { .. }
            | StoreError::SideFile { .. }
            | StoreError::Garbled { .. }
            | StoreError::Closed
            | StoreError::NotWritable { .. }
            | StoreError::Damaged { .. }
            | StoreError::Copy { .. }
            | StoreError::Database(_) => false,
        }
    }

    fn code(&self) -> Option<String> {
        let StoreError::Database(source) = self else { return None };
        let sqlx::Error::Database(cause) = source.as_ref() else { return None };
        cause.code().map(std::borrow::Cow::into_owned)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if let sqlx::Error::Database(cause) = &error
            && let Some(known) = known(&cause.code().unwrap_or_default(), cause.message())
        {
            return known;
        }
        let gone = matches!(
            error,
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::PoolTimedOut
        );
        if gone {
            return StoreError::OutOfReach { cause: error.to_string() };
        }
        StoreError::Database(Box::new(error))
    }
}

impl From<MigrateTrouble> for StoreError {
    fn from(MigrateTrouble { place, error }: MigrateTrouble) -> Self {
        if matches!(error, MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..)) {
            return StoreError::Newer { place };
        }
        if let MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) = error {
            let cause = StoreError::from(source);
            return if let StoreError::Database(source) = cause {
                StoreError::Migration { place, source: Box::new(MigrateError::Execute(*source)) }
            } else {
                // A full disk is a full disk, also here.
                cause
            };
        }
        StoreError::Migration { place, source: Box::new(error) }
    }
}

/// What a migration said, and of which database.
pub(super) struct MigrateTrouble {
    pub(super) place: String,
    pub(super) error: MigrateError,
}

/// The states a person can mend, by code: five characters are PostgreSQL's SQLSTATE (its manual, appendix A), fewer
/// are SQLite's extended result code, whose low byte is the kind (<https://sqlite.org/rescode.html>).
fn known(code: &str, words: &str) -> Option<StoreError> {
    let cause = words.to_owned();
    if code.len() == 5 {
        return match code {
            // disk_full, read_only_sql_transaction, insufficient_privilege.
            "53100" | "25006" | "42501" => Some(StoreError::NotWritable { cause }),
            // data_corrupted, index_corrupted.
            "XX001" | "XX002" => Some(StoreError::Damaged { cause }),
            // too_many_connections, no such database, the server stops or starts, we idled in a transaction, and the
            // classes of broken connections and of refused users.
            "53300" | "3D000" | "57P01" | "57P02" | "57P03" | "57P05" | "25P03" => {
                Some(StoreError::OutOfReach { cause })
            }
            _ if code.starts_with("08") || code.starts_with("28") => Some(StoreError::OutOfReach { cause }),
            _ => None,
        };
    }
    match code.parse::<i64>().ok()? & 0xff {
        // PERM, READONLY, IOERR, FULL, CANTOPEN.
        3 | 8 | 10 | 13 | 14 => Some(StoreError::NotWritable { cause }),
        // BUSY, LOCKED.
        5 | 6 => Some(StoreError::Busy { cause }),
        // CORRUPT, NOTADB.
        11 | 26 => Some(StoreError::Damaged { cause }),
        _ => None,
    }
}
