//! Watchpost posts a campaign's messages to Mastodon-compatible accounts and answers mentions with a sourced fact.

pub mod campaign;
pub mod clock;
pub mod core;
pub mod fedi;
#[cfg(feature = "sandbox")]
pub mod sandbox;
