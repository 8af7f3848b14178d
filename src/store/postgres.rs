//! Opening PostgreSQL the one way the ledger law allows: a commit that returned is on the server's disk, texts are
//! Unicode, and a daemon that freezes inside a transaction is thrown out of it, so that it blocks nobody for long.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, AnyPool, Connection, Row};

use super::errors::StoreError;

/// How long a reader waits for a connection.
const REACH: Duration = Duration::from_secs(10);

/// The tables, once they are there.
const TABLES: &str = "SELECT 1 AS one WHERE to_regclass('facts_of_install') IS NOT NULL";

pub(super) async fn one(url: &SecretString) -> Result<AnyConnection, StoreError> {
    let connecting = AnyConnection::connect(url.expose_secret());
    let connection = tokio::time::timeout(REACH, connecting).await;
    let mut connection = connection.map_err(|_elapsed| StoreError::OutOfReach { cause: "no answer".to_owned() })??;
    settle(&mut connection).await?;
    for (setting, found) in settings(&mut connection).await? {
        let (wanted, step) = match (setting, found.as_str()) {
            ("synchronous_commit", "off") => ("on", "let the server wait for its disk"),
            ("server_encoding", "UTF8" | "SQL_ASCII") => continue,
            ("server_encoding", _) => ("UTF8", "create the database with ENCODING 'UTF8'"),
            _ => continue,
        };
        return Err(StoreError::Setting { setting, found, wanted, step });
    }
    Ok(connection)
}

/// A few connections for readers.
pub(super) fn reads(url: &SecretString) -> Result<AnyPool, StoreError> {
    let options = AnyPoolOptions::new().max_connections(2).min_connections(0).acquire_timeout(REACH);
    // For the reason told in `sqlite.rs`: the task that looks after idle connections may spin for ever.
    let options = options.idle_timeout(None).max_lifetime(None);
    Ok(options.connect_lazy(url.expose_secret())?)
}

async fn settle(connection: &mut AnyConnection) -> Result<(), StoreError> {
    for setting in [
        "SET synchronous_commit = on",
        // Another daemon's transaction is short; one that is not ends here.
        "SET lock_timeout = '10s'",
        "SET idle_in_transaction_session_timeout = '10s'",
        // A server that is out of reach is noticed well before a lease runs out.
        "SET statement_timeout = '60s'",
    ] {
        sqlx::query(setting).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Name and value of each setting that matters.
pub(super) async fn settings(connection: &mut AnyConnection) -> Result<Vec<(&'static str, String)>, StoreError> {
    const ASKED: [(&str, &str); 5] = [
        ("synchronous_commit", "SHOW synchronous_commit"),
        ("idle_in_transaction_session_timeout", "SHOW idle_in_transaction_session_timeout"),
        ("fsync", "SHOW fsync"),
        ("server_encoding", "SHOW server_encoding"),
        ("version", "SHOW server_version"),
    ];
    let mut settings = Vec::new();
    for (setting, query) in ASKED {
        let row = sqlx::query(query).fetch_one(&mut *connection).await?;
        settings.push((setting, row.try_get::<String, _>(0)?));
    }
    Ok(settings)
}

/// Whether this database holds our tables.
pub(super) async fn has_tables(connection: &mut AnyConnection) -> Result<bool, StoreError> {
    Ok(sqlx::query(TABLES).fetch_optional(connection).await?.is_some())
}
