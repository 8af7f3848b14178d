//! What can go wrong with the database, as a person must understand it.

use std::path::PathBuf;

/// The database did not do what was asked; nothing of the failed transaction is in it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// `[store] url` is not one we can open.
    #[error("[store] url {url:?} is not supported: write sqlite://PATH, for example sqlite://data/watchpost.db")]
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
    #[error("{path:?} was made by a newer watchpost: use that version, or restore a backup made by this one")]
    Newer {
        /// The database.
        path: PathBuf,
    },
    /// A migration did not go through.
    #[error("cannot bring the tables of {path:?} up to date: restore a backup or report the cause")]
    Migration {
        /// The database.
        path: PathBuf,
        /// Why.
        source: Box<sqlx::migrate::MigrateError>,
    },
    /// A setting that the ledger law rests on did not take.
    #[error("the database setting {setting} is {found:?}, not {wanted:?}: use a local disk")]
    Setting {
        /// The pragma.
        setting: &'static str,
        /// What it reads back as.
        found: String,
        /// What it must be.
        wanted: &'static str,
    },
    /// The install key is gone or another one.
    #[error("{path:?} is missing or belongs to another database: restore it from the backup it was saved with")]
    InstallKey {
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
        /// The driver's words.
        cause: String,
    },
    /// Anything else the driver said.
    #[error("the database did not answer as expected")]
    Database(#[source] Box<sqlx::Error>),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if let sqlx::Error::Database(cause) = &error {
            let words = cause.message();
            if words.contains("disk is full") || words.contains("readonly") || words.contains("disk I/O") {
                return StoreError::NotWritable { cause: words.to_owned() };
            }
        }
        StoreError::Database(Box::new(error))
    }
}
