//! Opening: settings that are really set, tables alike on both, one key, a refusal that says what to do; and nothing
//! lost when the disk is full or the database read-only.

use std::collections::BTreeMap;

use secrecy::SecretString;
use sqlx::{AnyConnection, Connection, Row};
use watchpost::core::post::{Post, When};
use watchpost::store::{Place, Role, Store, StoreError};

use crate::base::{Base, Which, accounts, claim, dice, now, plan, post, row, run, seconds, send};

on_both!(
    opening_again_finds_everything,
    opening_many_at_once_makes_one_database,
    a_database_from_a_newer_version_is_refused,
    an_interrupted_migration_is_begun_anew,
    a_key_of_another_database_is_refused,
    settings_are_read_back_from_live_connections,
    whether_a_daemon_runs_is_known,
    looking_makes_nothing,
    a_database_that_may_only_be_read_is_refused,
    a_copy_for_a_rehearsal_holds_everything,
);

async fn opening_again_finds_everything(base: &Base) {
    let first = base.daemon().await;
    plan(&first, &[post("a", now())], now()).await;
    let secret = first.secret().person("ada");
    let armed = send(&first, "1", now()).await;
    first.close().await;
    assert!(matches!(first.raise("late", "", "x", "y", now()).await, Err(StoreError::Closed)));
    drop(first);
    let second = base.daemon().await;
    assert_eq!(second.secret().person("ada"), secret);
    assert_eq!(row(&second, "a").await.id, armed.id);
}

async fn opening_many_at_once_makes_one_database(base: &Base) {
    let mut openings = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let place = base.place.clone();
        openings.spawn(async move { Store::open(&place, Role::Visitor, &mut dice()).await.unwrap().0 });
    }
    while let Some(store) = openings.join_next().await {
        store.unwrap().queue_add(&queued(), now()).await.unwrap();
    }
    assert_eq!(base.visitor().await.queued_posts().await.unwrap().len(), 6);
}

fn queued() -> Post {
    Post::new("".into(), When::NextSlot, "en".into(), vec!["one".to_owned()])
}

async fn a_database_from_a_newer_version_is_refused(base: &Base) {
    base.visitor().await.close().await;
    let mut raw = base.raw().await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
        VALUES (9999, 'of tomorrow', TRUE, ''";
    let cast = if base.kind == Which::Postgres { "::bytea, 0)" } else { ", 0)" };
    run(&mut raw, &format!("{newer}{cast}")).await;
    let error = base.open(Role::Daemon).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { .. }), "{error:?}");
    assert!(error.to_string().contains("use that version, or restore a backup"), "{error}");
}

/// The power fails between two statements of a migration: its transaction is gone, and so is what it made.
async fn an_interrupted_migration_is_begun_anew(base: &Base) {
    let mut raw = if base.kind == Which::Sqlite {
        std::fs::create_dir_all(base.data()).unwrap();
        std::fs::File::create(base.data().join("watchpost.db")).unwrap();
        base.raw().await
    } else {
        base.raw().await
    };
    run(&mut raw, "BEGIN").await;
    run(&mut raw, "CREATE TABLE deliveries (id BIGINT)").await;
    raw.close_hard().await.unwrap();
    // A server that lost a connection notices it by itself; it may take an instant.
    let store = base.daemon().await;
    plan(&store, &[post("a", now())], now()).await;
    assert!(claim(&store, now()).await.is_some());
}

async fn a_key_of_another_database_is_refused(base: &Base) {
    base.visitor().await.close().await;
    let key = base.data().join("install.key");
    let kept = std::fs::read_to_string(&key).unwrap();
    for wrong in ["00".repeat(32), "not a key".to_owned(), String::new()] {
        std::fs::write(&key, &wrong).unwrap();
        refused(base).await;
    }
    std::fs::remove_file(&key).unwrap();
    refused(base).await;
    // A refusal makes no key of its own.
    assert!(!key.exists());
    std::fs::write(&key, kept).unwrap();
    base.daemon().await;
}

async fn refused(base: &Base) {
    let error = base.open(Role::Daemon).await.unwrap_err();
    let what_to_do = match base.kind {
        Which::Sqlite => "restore it from the backup it was saved with",
        Which::Postgres => "copy install.key from the first machine",
    };
    assert!(error.to_string().contains(what_to_do), "{error}");
}

async fn settings_are_read_back_from_live_connections(base: &Base) {
    let store = base.daemon().await;
    let settings: BTreeMap<String, String> = store.settings().await.unwrap().into_iter().collect();
    let is = |name: &str, value: &str| assert_eq!(settings[name], value, "{name} of {settings:?}");
    match base.kind {
        Which::Sqlite => {
            for of in ["", " of readers"] {
                is(&format!("journal_mode{of}"), "wal");
                is(&format!("synchronous{of}"), "2");
            }
            is("lock", "held by a daemon");
            let real = base.data().canonicalize().unwrap().join("watchpost.db");
            is("path", &real.display().to_string());
        }
        Which::Postgres => {
            is("synchronous_commit", "on");
            is("server_encoding", "UTF8");
        }
    }
}

async fn whether_a_daemon_runs_is_known(base: &Base) {
    let runs = || async { Store::daemon_runs(&base.place, now()).await.unwrap() };
    assert!(!runs().await);
    let visitor = base.visitor().await;
    assert!(!runs().await);
    let daemon = base.daemon().await;
    assert!(runs().await);
    daemon.close().await;
    drop(daemon);
    assert!(!runs().await);
    visitor.close().await;
}

async fn looking_makes_nothing(base: &Base) {
    assert!(!Store::exists(&base.place).await.unwrap());
    assert!(!Store::exists(&base.place).await.unwrap());
    assert!(!base.data().exists());
    base.visitor().await.close().await;
    assert!(Store::exists(&base.place).await.unwrap());
}

/// A database that may only be read: a file whose header asks for a newer writer (SQLite then opens it for reading, also
/// for root), a server that begins every transaction read-only.
async fn a_database_that_may_only_be_read_is_refused(base: &Base) {
    let first = base.daemon().await;
    plan(&first, &[post("a", now())], now()).await;
    first.close().await;
    drop(first);
    let place = match base.kind {
        Which::Sqlite => {
            let file = base.data().join("watchpost.db");
            let mut bytes = std::fs::read(&file).unwrap();
            bytes[18] = 3;
            std::fs::write(&file, bytes).unwrap();
            base.place.clone()
        }
        Which::Postgres => {
            let url = format!("{}&options[default_transaction_read_only]=on", base.url);
            Place::new(&SecretString::from(url), base.folder.path())
        }
    };
    let error = match Store::open(&place, Role::Daemon, &mut dice()).await {
        Err(error) => error,
        // Nothing had to be written yet; the first thing a daemon does is.
        Ok((store, _lock)) => store.take_over(now()).await.unwrap_err(),
    };
    assert!(matches!(error, StoreError::NotWritable { .. }), "{error:?}");
    assert!(error.to_string().contains("nothing is sent meanwhile"), "{error}");
}

async fn a_copy_for_a_rehearsal_holds_everything(base: &Base) {
    let store = base.daemon().await;
    plan(&store, &[post("a", now()), post("b", now() + seconds(60))], now()).await;
    let armed = send(&store, "1", now()).await;
    store.raise("key", "", "ñ 👩🏽‍🚀 \"quotes\"", "mend it", now()).await.unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("copy.db");
    store.copy_to(&file).await.unwrap();
    let (copy, _lock) = Store::open(&Place::file(&file), Role::Daemon, &mut dice()).await.unwrap();
    assert_eq!(copy.secret().person("ada"), store.secret().person("ada"));
    assert_eq!(copy.newest_deliveries(10).await.unwrap(), store.newest_deliveries(10).await.unwrap());
    assert_eq!(copy.notices().await.unwrap(), store.notices().await.unwrap());
    assert_eq!(copy.accounts().await.unwrap(), store.accounts().await.unwrap());
    // What is done to the copy stays there, and new rows do not meet old numbers.
    assert_eq!(copy.hold(accounts(), now()).await.unwrap().accounts, accounts());
    plan(&copy, &[post("c", now())], now()).await;
    assert_ne!(row(&copy, "c").await.id, armed.id);
    assert!(store.deliveries_of_post(&"c".into()).await.unwrap().is_empty());
    assert!(matches!(store.copy_to(&file).await, Err(StoreError::Copy { .. })));
}

/// Tables and columns by name, as the database itself says.
async fn tables(base: &Base) -> BTreeMap<String, Vec<String>> {
    const SQLITE: &str = "SELECT m.name AS t, c.name AS c FROM sqlite_schema AS m, pragma_table_info(m.name) AS c \
        WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, c.cid";
    const POSTGRES: &str = "SELECT CAST(table_name AS TEXT) AS t, CAST(column_name AS TEXT) AS c \
        FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position";
    base.visitor().await.close().await;
    let mut raw: AnyConnection = base.raw().await;
    let rows =
        sqlx::query(if base.kind == Which::Sqlite { SQLITE } else { POSTGRES }).fetch_all(&mut raw).await.unwrap();
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows {
        tables.entry(row.get("t")).or_default().push(row.get("c"));
    }
    tables.remove("_sqlx_migrations").unwrap();
    tables
}

#[tokio::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let (sqlite, postgres) = (Base::sqlite(), Base::postgres().await);
    let (here, there) = (tables(&sqlite).await, tables(&postgres).await);
    postgres.clear().await;
    assert!(here.len() > 10, "{here:?}");
    assert_eq!(here, there);
}

#[tokio::test]
async fn no_word_of_an_error_holds_the_password() {
    let folder = tempfile::TempDir::new().unwrap();
    for url in [
        "postgres://me:hush-hush@127.0.0.1:1/eyes",
        "postgres://me:hush-hush@host.invalid/eyes",
        "postgres://me:hush-hush@127.0.0.1:99999/eyes",
        "postgres://me:hush-hush@127.0.0.1:1/eyes?port=hush-hush",
        "mysql://me:hush-hush@127.0.0.1/eyes",
    ] {
        let place = Place::new(&SecretString::from(url), folder.path());
        let error = Store::open(&place, Role::Daemon, &mut dice()).await.unwrap_err();
        let mut words = format!("{place:?} {place} {error:?} {error}");
        let mut cause: &dyn std::error::Error = &error;
        while let Some(deeper) = cause.source() {
            words.push_str(&deeper.to_string());
            cause = deeper;
        }
        assert!(!words.contains("hush"), "{words}");
    }
}

#[tokio::test]
async fn two_names_of_one_file_share_its_lock() {
    let base = Base::sqlite();
    let daemon = base.daemon().await;
    let link = base.folder.path().join("link.db");
    std::os::unix::fs::symlink(base.data().join("watchpost.db"), &link).unwrap();
    for file in [link, base.data().join("../data/watchpost.db")] {
        let error = Store::open(&Place::file(&file), Role::Daemon, &mut dice()).await.unwrap_err();
        assert!(matches!(error, StoreError::Running { .. }), "{error:?}");
        assert!(error.to_string().contains("stop it first"), "{error}");
    }
    drop(daemon);
}
