//! The daemon's work, one file a job. Each job is a function of the context and `now` that a test can drive by hand;
//! [`crate::app`] wakes them.
//!
//! - [`lease`]: which accounts are ours, where several daemons share a database;
//! - [`link`]: learn who we are on a server and what it can do, before anything else;
//! - [`identity`]: nobody speaks through another account's profile;
//! - [`set_back`]: before an account sends: does it show what the ledger does not know?
//! - [`staging`]: posts with what staff decided about them; [`copied`]: of a post and its exported file one counts;
//! - [`plan`]: posts → planned deliveries;
//! - [`publish`]: due deliveries → claimed → armed;
//! - `attempt`: armed → the one POST → its outcome in the ledger;
//! - [`settle`]: read-back: unclear → sent or again, sent → verified, twins;
//! - [`listen`]: an account's stream, with walks beside it → mentions;
//! - [`walk`]: notifications, read back to what was seen → mentions, oldest first;
//! - `set_aside`: what a server's policy keeps from those pages → mentions, or a notice;
//! - [`answer`]: mention → decision, with its reply armed in the same transaction;
//! - [`by_hand`]: what staff want answered → replies;
//! - [`keep`]: purge what must not be kept.
//!
//! Jobs see the store and `fedi`; they do not see campaign files, the terminal or the sandbox.

pub mod answer;
mod attempt;
pub mod by_hand;
pub mod context;
pub mod copied;
pub mod identity;
pub mod keep;
pub mod lease;
pub mod link;
pub mod listen;
pub mod plan;
pub mod points;
pub mod publish;
mod second_look;
mod set_aside;
pub mod set_back;
pub mod settle;
pub mod staging;
pub mod timekeeping;
mod trouble;
mod turns;
pub mod walk;

pub use context::{Ctx, Desk, Linked, Said, Voice};
pub use trouble::Trouble;
