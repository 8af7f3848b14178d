//! A connection, a pool and the tables, on whichever database the address names.

use std::sync::Once;

use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::{AnyConnection, AnyPool};

use super::errors::{MigrateTrouble, StoreError};
use super::place::{Place, Where};
use super::{postgres, sqlite};

static SQLITE: Migrator = sqlx::migrate!("src/store/migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("src/store/migrations/postgres");

fn install_drivers() {
    static ONCE: Once = Once::new();
    ONCE.call_once(sqlx::any::install_default_drivers);
}

/// A connection that may write, its settings read back.
pub(super) async fn one(at: &Where) -> Result<AnyConnection, StoreError> {
    install_drivers();
    match at {
        Where::Sqlite(file) => sqlite::one(file).await,
        Where::Postgres(url) => postgres::one(url).await,
    }
}

/// A few connections for readers.
pub(super) async fn reads(at: &Where) -> Result<AnyPool, StoreError> {
    match at {
        Where::Sqlite(file) => sqlite::reads(file).await,
        Where::Postgres(url) => postgres::reads(url),
    }
}

/// Name and value of each setting the ledger law rests on, as this connection has it.
pub(super) async fn settings(
    connection: &mut AnyConnection,
    at: &Where,
) -> Result<Vec<(&'static str, String)>, StoreError> {
    match at {
        Where::Sqlite(_) => sqlite::settings(connection).await,
        Where::Postgres(_) => postgres::settings(connection).await,
    }
}

/// How often, and after what pause, the tables of a file are looked at again that another program may be making.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// Brings the tables up to date. Each migration is one transaction, so an interrupted one leaves nothing and the next
/// start begins it anew; two starts at once take turns.
pub(super) async fn migrate(connection: &mut AnyConnection, at: &Where, place: &Place) -> Result<(), StoreError> {
    let migrations = match at {
        Where::Sqlite(_) => &SQLITE,
        Where::Postgres(_) => &POSTGRES,
    };
    let mut tries = 0;
    loop {
        tries += 1;
        match migrations.run_direct(None, connection, false).await {
            Ok(()) => return Ok(()),
            // SQLite has no lock for this: of two that begin at once the second finds half of it done, and the rest when
            // it looks again.
            Err(_) if tries < TRIES && matches!(at, Where::Sqlite(_)) => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(StoreError::from(MigrateTrouble { place: place.to_string(), error })),
        }
    }
}
