//! The ledger law (DESIGN §5) held by force: every crash point times every outcome ([`grid`]), whole
//! campaigns thrown by dice ([`simulation`]), and the real program killed at random instants ([`kill_loop`]),
//! and single scenes these came upon ([`scenes`]).

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    clippy::print_stdout,
    reason = "a test fails by panicking, names what it looks at, and says how much it tried"
)]

mod audit;
mod cell;
mod ends;
mod grid;
mod kill_loop;
mod outcome;
mod scenes;
mod simulation;

/// The throw-away server these tests may make schemas on.
fn postgres() -> String {
    #[expect(clippy::disallowed_methods, reason = "where it is, is told from outside, as for the store's tests")]
    std::env::var("WATCHPOST_TEST_POSTGRES").unwrap_or_else(|_| {
        panic!("two daemons need PostgreSQL: run `scripts/postgres run -- cargo nextest run --test law`")
    })
}
