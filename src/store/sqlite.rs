//! Opening SQLite the one way the ledger law allows: WAL, synchronous=FULL, foreign keys, a version without the
//! WAL-reset bug; each read back after setting, from the writer and from the live pool.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, AnyPool, Connection, Row};

use super::errors::StoreError;

/// How long a statement waits for another process's short transaction.
const BUSY: Duration = Duration::from_secs(10);

/// Before 3.51.3 two connections could reset the WAL at once and lose a commit (<https://sqlite.org/wal.html>).
const OLDEST: [u32; 3] = [3, 51, 3];

const LOCAL_DISK: &str = "keep the database on a local disk";

/// The file behind links, so that two names of one database share one lock. Its folder exists.
pub(super) fn real(file: &Path) -> PathBuf {
    if let Ok(real) = file.canonicalize() {
        return real;
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (folder.canonicalize(), file.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => file.to_path_buf(),
    }
}

/// The driver's own form of the address; `%` is the one character it would unescape.
fn address(file: &Path) -> String {
    let path = file.display().to_string().replace('%', "%25").replace('?', "%3F").replace('#', "%23");
    format!("sqlite://{path}?mode=rwc")
}

/// How often, and after what pause, a new file is tried that another program is just making: turning to WAL does not
/// wait for a lock.
const TRIES: u32 = 20;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

pub(super) async fn one(file: &Path) -> Result<AnyConnection, StoreError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match connected(file).await {
            Err(StoreError::Busy { .. }) if tries < TRIES => tokio::time::sleep(PAUSE).await,
            done => return done,
        }
    }
}

async fn connected(file: &Path) -> Result<AnyConnection, StoreError> {
    make(file)?;
    let mut connection = AnyConnection::connect(&address(file)).await?;
    settle(&mut connection).await?;
    read_back(&mut connection).await?;
    Ok(connection)
}

/// A new database is its owner's alone from its first byte on; SQLite gives WAL and shared memory the same rights.
fn make(file: &Path) -> Result<(), StoreError> {
    if file.exists() {
        return Ok(());
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(file) {
        Ok(_made) => Ok(()),
        Err(source) => Err(StoreError::Folder { path: file.to_path_buf(), source }),
    }
}

/// A few connections for readers; WAL lets them look while the writer writes.
pub(super) async fn reads(file: &Path) -> Result<AnyPool, StoreError> {
    let pool = AnyPoolOptions::new()
        .max_connections(2)
        .min_connections(0)
        .acquire_timeout(BUSY)
        // With neither, the pool starts no task that looks after idle connections. In sqlx 0.9.0 that task counts them while
        // others take them, may read one less than none, and then spins for ever (`sqlx-core/src/pool/inner.rs`,
        // `spawn_maintenance_tasks`). A connection that broke is noticed when it is taken.
        .idle_timeout(None)
        .max_lifetime(None)
        .after_connect(|connection, _| Box::pin(async move { settle(connection).await }))
        .connect_lazy(&address(file))?;
    read_back(&mut *pool.acquire().await?).await?;
    Ok(pool)
}

async fn settle(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    for pragma in [
        "PRAGMA busy_timeout = 10000",
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        "PRAGMA foreign_keys = ON",
        "PRAGMA cache_size = -4000",
        // What is purged is overwritten, not only unlinked (DESIGN §6).
        "PRAGMA secure_delete = ON",
    ] {
        sqlx::query(pragma).fetch_optional(&mut *connection).await?;
    }
    Ok(())
}

/// What the ledger law rests on, as this connection really has it.
async fn read_back(connection: &mut AnyConnection) -> Result<(), StoreError> {
    for (setting, found) in settings(connection).await? {
        let (wanted, step) = match setting {
            "journal_mode" => ("wal", LOCAL_DISK),
            // 2 is FULL.
            "synchronous" => ("2", LOCAL_DISK),
            _ if is_at_least(&found, OLDEST) => continue,
            _ => ("3.51.3 or newer", "use a watchpost built with its own SQLite"),
        };
        if found != wanted {
            return Err(StoreError::Setting { setting, found, wanted, step });
        }
    }
    Ok(())
}

/// Name and value of each setting that matters.
pub(super) async fn settings(connection: &mut AnyConnection) -> Result<Vec<(&'static str, String)>, StoreError> {
    const ASKED: [(&str, &str); 3] = [
        ("journal_mode", "PRAGMA journal_mode"),
        ("synchronous", "PRAGMA synchronous"),
        ("version", "SELECT sqlite_version()"),
    ];
    let mut settings = Vec::new();
    for (setting, query) in ASKED {
        let row = sqlx::query(query).fetch_one(&mut *connection).await?;
        let found =
            row.try_get::<String, _>(0).or_else(|_| row.try_get::<i64, _>(0).map(|number| number.to_string()))?;
        settings.push((setting, found));
    }
    Ok(settings)
}

fn is_at_least(version: &str, oldest: [u32; 3]) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    let found = [0; 3].map(|absent: u32| numbers.next().unwrap_or(absent));
    found >= oldest
}

/// A number that changes when another connection wrote.
pub(super) async fn data_version(connection: &mut AnyConnection) -> Result<i64, StoreError> {
    let row = sqlx::query("PRAGMA data_version").fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        for (version, enough) in
            [("3.51.3", true), ("3.51.2", false), ("3.100.0", true), ("3.9.9", false), ("4", true), ("", false)]
        {
            assert_eq!(is_at_least(version, OLDEST), enough, "{version}");
        }
    }
}
