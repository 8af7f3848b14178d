//! The page at `/`: every thread, and a form to write as an invented person.
//!
//! For newcomers: what a bot says, and what comes back when they speak to it. Works without script by reloading.
//! Invariant: whatever anybody wrote is escaped; pictures come from `/media` only.

use std::time::Duration;

use axum::Router;
use axum::extract::State as Context;
use axum::response::Response;
use axum::routing::get;

use super::Sandbox;
use super::answer::html;

pub(crate) fn router() -> Router<Sandbox> {
    Router::new().route("/", get(page))
}

async fn page(Context(_sandbox): Context<Sandbox>) -> Response {
    let _ = Duration::ZERO;
    html("<!doctype html><title>Sandbox</title>")
}
