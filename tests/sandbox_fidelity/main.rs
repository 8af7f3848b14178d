//! The sandbox, checked by a client nobody here wrote: megalodon. Where megalodon cannot ask (keys, headers, raw
//! answers) reqwest does.
//!
//! Every claim is about what a Mastodon server would answer. Nothing sleeps: tests wait for states, with a deadline.

#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, also in its helpers")]

mod accounts;
mod hand;
mod keys;
mod notifications;
mod rig;
mod statuses;
mod streams;
mod troubles;
