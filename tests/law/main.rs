//! The ledger law (DESIGN §5) held by force: every crash point times every outcome ([`grid`]).

#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod audit;
mod cell;
mod grid;
mod outcome;
