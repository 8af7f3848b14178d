//! Watchpost posts a campaign's messages to Mastodon-compatible accounts and answers mentions with a sourced fact.

pub mod app;
pub mod campaign;
pub mod cli;
pub mod clock;
pub mod core;
pub mod fedi;
pub mod jobs;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod store;
pub mod telemetry;
