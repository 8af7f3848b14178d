//! A SQLite file on a full disk, and one that may only be read: what a verb then says, and that nothing is lost. Played
//! with the writer's own switches, because file permissions mean nothing to root. The rest of the contract stands in
//! `tests/store`, which sees no switches.

use chrono::{DateTime, Utc};
use tempfile::TempDir;

use super::{Place, Role, Store, StoreError};
use crate::clock::Dice;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

async fn open(folder: &TempDir) -> Store {
    let place = Place::file(&folder.path().join("w.db"));
    Store::open(&place, Role::Visitor, &mut Dice::seeded(7)).await.unwrap().0
}

async fn on_the_writer(store: &Store, pragma: &'static str) {
    let done = store.inner.writer.write(move |connection| {
        Box::pin(async move {
            sqlx::query(pragma).fetch_optional(connection).await?;
            Ok(())
        })
    });
    done.await.unwrap();
}

/// Longer than a page, so that it needs new ones.
async fn raise_long(store: &Store, key: &str) -> Result<(), StoreError> {
    store.raise(key, "", &"long ".repeat(20_000), "mend it", now()).await
}

fn check(error: &StoreError, cause: &str) {
    assert!(matches!(error, StoreError::NotWritable { .. }), "{error:?}");
    let words = error.to_string();
    assert!(words.contains(cause), "{words}");
    assert!(words.contains("free space or mend permissions; nothing is sent meanwhile"), "{words}");
}

#[tokio::test]
async fn a_full_disk_is_named_and_what_was_written_before_and_after_stands() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    raise_long(&store, "before").await.unwrap();
    on_the_writer(&store, "PRAGMA max_page_count = 1").await;
    // Side by side: none of a group that fails is half there.
    let (one, two) = tokio::join!(raise_long(&store, "one"), raise_long(&store, "two"));
    check(&one.unwrap_err(), "full");
    check(&two.unwrap_err(), "full");
    // Somebody makes room.
    on_the_writer(&store, "PRAGMA max_page_count = 1073741823").await;
    raise_long(&store, "after").await.unwrap();
    let keys: Vec<String> = store.notices().await.unwrap().into_iter().map(|notice| notice.key).collect();
    assert_eq!(keys, ["before", "after"]);
}

#[tokio::test]
async fn a_database_that_became_read_only_is_named_and_nothing_is_lost() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder).await;
    raise_long(&store, "before").await.unwrap();
    on_the_writer(&store, "PRAGMA query_only = ON").await;
    check(&raise_long(&store, "during").await.unwrap_err(), "readonly");
    assert_eq!(store.notices().await.unwrap().len(), 1);
    store.close().await;
    let again = open(&folder).await;
    raise_long(&again, "after").await.unwrap();
    assert_eq!(again.notices().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("w.db"), "this is a letter to my aunt, ".repeat(100)).unwrap();
    let place = Place::file(&folder.path().join("w.db"));
    let error = Store::open(&place, Role::Daemon, &mut Dice::seeded(7)).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("restore a backup"), "{error}");
}

#[tokio::test]
async fn a_migration_that_met_a_full_disk_is_begun_anew() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("w.db");
    let place = Place::file(&path);
    let at = super::Where::Sqlite(path.clone());
    let mut connection = super::connect::one(&at).await.unwrap();
    sqlx::query("PRAGMA max_page_count = 20").fetch_optional(&mut connection).await.unwrap();
    check(&super::connect::migrate(&mut connection, &at, &place).await.unwrap_err(), "full");
    sqlx::Connection::close(connection).await.unwrap();
    let store = open(&folder).await;
    raise_long(&store, "after").await.unwrap();
}
