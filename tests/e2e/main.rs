//! The whole program against a server: production constructors, a real database, real HTTP, a clock set by hand.
//!
//! One file per group of stories; [`harness`] is the rig. A story is a closure; when it ends the rig checks what every
//! story must leave behind: nothing armed or due, no duplicate, no status without a row, no dead task, no unused fault.

#![cfg(feature = "sandbox")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a rig that fails is a failed test, and says so; clippy sees tests only in functions marked as such"
)]

mod answering;
mod command_line;
mod conversations;
mod families;
mod floods;
mod harness;
mod identity;
mod ledger;
mod listening;
mod once;
mod posting;
mod privacy;
mod restored;
mod second_look;
mod server_traps;
mod set_aside;
mod staff;
mod staff_answers;
mod terminal;
mod trouble;
