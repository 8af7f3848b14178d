//! What a store must do, told once and held by both databases: every story runs on SQLite and on PostgreSQL.
//!
//! PostgreSQL is named by `WATCHPOST_TEST_POSTGRES=postgres://…`; `scripts/postgres run -- cargo nextest run` starts a
//! throw-away one. Without it the PostgreSQL half fails: a suite that skips in silence lets the two drift apart.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

/// Runs each story on both databases, each time on a new and empty one.
macro_rules! on_both {
    ($($story:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $story() {
                super::$story(&crate::base::Base::sqlite()).await;
            })+
        }
        mod on_postgres {
            $(#[tokio::test]
            async fn $story() {
                let base = crate::base::Base::postgres().await;
                super::$story(&base).await;
                base.clear().await;
            })+
        }
    };
}

mod base;
mod claiming;
#[cfg(feature = "sandbox")]
mod daemons;
mod deciding;
mod doubting;
mod following;
mod keeping;
mod looking;
mod opening;

mod planning;
mod sharing;
mod steering;
