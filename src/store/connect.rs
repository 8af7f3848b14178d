//! Opening SQLite the one way the ledger law allows: WAL, synchronous=FULL, foreign keys, read back after setting.

use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::migrate::MigrateError;
use sqlx::{AnyConnection, AnyPool, Connection, Row};

use super::errors::StoreError;

/// How long a statement waits for another process's short transaction.
const BUSY: Duration = Duration::from_secs(10);

/// The file that `url` names.
pub(super) fn file_of(url: &str) -> Result<PathBuf, StoreError> {
    match url.split_once("://") {
        Some(("sqlite", path)) if !path.is_empty() => Ok(PathBuf::from(path)),
        // Only the scheme: the rest may hold a password.
        Some((scheme, _)) => Err(StoreError::Url { url: format!("{scheme}://…") }),
        None => Err(StoreError::Url { url: url.to_owned() }),
    }
}

/// The driver's own form of the address; `%` is the one character it would unescape.
fn address(file: &Path) -> String {
    let path = file.display().to_string().replace('%', "%25").replace('?', "%3F").replace('#', "%23");
    format!("sqlite://{path}?mode=rwc")
}

fn install_drivers() {
    static ONCE: Once = Once::new();
    ONCE.call_once(sqlx::any::install_default_drivers);
}

pub(super) async fn one(file: &Path) -> Result<AnyConnection, StoreError> {
    install_drivers();
    let mut connection = AnyConnection::connect(&address(file)).await?;
    settle(&mut connection).await?;
    check(&mut connection, "PRAGMA journal_mode", "journal_mode", "wal").await?;
    // 2 is FULL.
    check(&mut connection, "PRAGMA synchronous", "synchronous", "2").await?;
    Ok(connection)
}

/// A few connections for readers; WAL lets them look while the writer writes.
pub(super) fn reads(file: &Path) -> AnyPool {
    AnyPoolOptions::new()
        .max_connections(2)
        .min_connections(0)
        .acquire_timeout(BUSY)
        .after_connect(|connection, _| Box::pin(async move { settle_raw(connection).await }))
        .connect_lazy(&address(file))
        .unwrap_or_else(|_| unreachable_pool())
}

/// `connect_lazy` fails only on an address it cannot parse, and ours was opened once before.
#[expect(clippy::panic, reason = "the same address opened a moment ago; a panic stops the program visibly")]
fn unreachable_pool() -> AnyPool {
    panic!("the database address stopped parsing")
}

async fn settle(connection: &mut AnyConnection) -> Result<(), StoreError> {
    Ok(settle_raw(connection).await?)
}

async fn settle_raw(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    for pragma in [
        "PRAGMA busy_timeout = 10000",
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        "PRAGMA foreign_keys = ON",
        "PRAGMA cache_size = -4000",
    ] {
        sqlx::query(pragma).fetch_optional(&mut *connection).await?;
    }
    Ok(())
}

/// What the live connection says of itself.
pub(super) async fn settings(connection: &mut AnyConnection) -> Result<Vec<(&'static str, String)>, StoreError> {
    let mut settings = Vec::new();
    for (name, query) in [
        ("version", "SELECT sqlite_version()"),
        ("journal_mode", "PRAGMA journal_mode"),
        ("synchronous", "PRAGMA synchronous"),
    ] {
        settings.push((name, read_back(connection, query).await?));
    }
    Ok(settings)
}

async fn read_back(connection: &mut AnyConnection, query: &'static str) -> Result<String, StoreError> {
    let row = sqlx::query(query).fetch_one(connection).await?;
    Ok(row.try_get::<String, _>(0).or_else(|_| row.try_get::<i64, _>(0).map(|number| number.to_string()))?)
}

async fn check(
    connection: &mut AnyConnection,
    query: &'static str,
    setting: &'static str,
    wanted: &'static str,
) -> Result<(), StoreError> {
    let found = read_back(connection, query).await?;
    if found == wanted { Ok(()) } else { Err(StoreError::Setting { setting, found, wanted }) }
}

pub(super) async fn migrate(connection: &mut AnyConnection, file: &Path) -> Result<(), StoreError> {
    match sqlx::migrate!("src/store/migrations/sqlite").run(connection).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..)) => {
            Err(StoreError::Newer { path: file.to_path_buf() })
        }
        Err(source) => Err(StoreError::Migration { path: file.to_path_buf(), source: Box::new(source) }),
    }
}
