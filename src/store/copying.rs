//! A PostgreSQL database copied into a new SQLite file, for a rehearsal: everything as of one moment, table by table.
//! Both have the same tables and columns (`tests/store` holds that), and every value is a whole number or a text.

use std::path::Path;

use futures_util::TryStreamExt;
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, Connection, Row};

use super::connect;
use super::errors::StoreError;
use super::place::{Place, Where};

/// Our tables, as SQLite's own catalogue names them.
const TABLES: &str = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' \
    AND name <> '_sqlx_migrations' ORDER BY name";
const COLUMNS: &str = "SELECT name FROM pragma_table_info($1) ORDER BY cid";

/// Copies what `reads` shows into `file`, which must not exist.
pub(super) async fn copy(reads: &AnyPool, file: &Path) -> Result<(), StoreError> {
    // Made here, so that nothing else is ever overwritten.
    let made = std::fs::File::create_new(file);
    made.map_err(|error| StoreError::Copy { path: file.to_path_buf(), source: Box::new(error.into()) })?;
    let at = Where::Sqlite(file.to_path_buf());
    let mut to = connect::one(&at).await?;
    connect::migrate(&mut to, &at, &Place::file(file)).await?;
    let mut from = reads.acquire().await?;
    sqlx::query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").execute(&mut *from).await?;
    let copied = tables(&mut from, &mut to).await;
    sqlx::query("ROLLBACK").execute(&mut *from).await?;
    copied?;
    Ok(to.close().await?)
}

async fn tables(from: &mut AnyConnection, to: &mut AnyConnection) -> Result<(), StoreError> {
    sqlx::query("BEGIN").execute(&mut *to).await?;
    for table in names(to, sqlx::query(TABLES)).await? {
        let columns = names(to, sqlx::query(COLUMNS).bind(table.clone())).await?;
        let places: Vec<String> = (1..=columns.len()).map(|place| format!("${place}")).collect();
        let (listed, places) = (columns.join(", "), places.join(", "));
        // The names are those of our own migrations.
        let read = AssertSqlSafe(format!("SELECT {listed} FROM {table}"));
        let write = format!("INSERT INTO {table} ({listed}) VALUES ({places})");
        let mut rows = sqlx::query(read).fetch(&mut *from);
        while let Some(row) = rows.try_next().await? {
            let mut query = sqlx::query(AssertSqlSafe(write.clone()));
            for column in 0..columns.len() {
                query = match row.try_get::<Option<i64>, _>(column) {
                    Ok(number) => query.bind(number),
                    Err(_is_a_text) => query.bind(row.try_get::<Option<String>, _>(column)?),
                };
            }
            query.execute(&mut *to).await?;
        }
    }
    sqlx::query("COMMIT").execute(&mut *to).await?;
    Ok(())
}

async fn names(
    connection: &mut AnyConnection,
    query: sqlx::query::Query<'_, sqlx::Any, sqlx::any::AnyArguments>,
) -> Result<Vec<String>, StoreError> {
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
