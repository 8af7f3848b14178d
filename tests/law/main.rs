//! The ledger law (DESIGN §5) held by force: every crash point times every outcome ([`grid`]), whole
//! campaigns thrown by dice ([`simulation`]), and the real program killed at random instants ([`kill_loop`]),
//! and single scenes these came upon ([`scenes`]).

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::print_stdout,
    reason = "a test fails by panicking, names what it looks at, and says how much it tried"
)]

mod audit;
mod cell;
mod grid;
mod kill_loop;
mod outcome;
mod scenes;
mod simulation;
