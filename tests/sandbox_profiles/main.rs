//! Every server family the sandbox can be, asked over HTTP what SERVERS.md §3 asked the real ones; and our own client,
//! which must cope with each of them.
//!
//! | file | asks |
//! |---|---|
//! | `answers`, `families` | the rows of SERVERS.md §3, one table of expected answers per family |
//! | `keys` | what a repeated, overlapping, lost or forgotten `Idempotency-Key` does |
//! | `weaknesses` | late commits, lagging lists, pretended success, young parents |
//! | `client` | `watchpost::fedi::Fedi` against each profile |
//!
//! Nothing sleeps: the clock is set by hand, and tests wait for states.

#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, also in its helpers")]
#![expect(clippy::indexing_slicing, reason = "a field that is not there fails the test")]

mod answers;
mod client;
mod families;
mod keys;
mod rig;
mod weaknesses;
