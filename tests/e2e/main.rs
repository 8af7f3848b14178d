//! The whole program against a server: production constructors, a real database, real HTTP, a clock set by hand.
//!
//! One file per group of stories; [`harness`] is the rig. A story is a closure; when it ends the rig checks what every
//! story must leave behind: nothing armed or due, no duplicate, no status without a row, no dead task, no unused fault.

#![cfg(feature = "sandbox")]

mod answering;
mod command_line;
mod harness;
mod listening;
mod once;
mod posting;
mod trouble;
