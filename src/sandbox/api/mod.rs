//! The endpoints, one file per kind of thing, in Mastodon's shapes.
//!
//! A handler reads parameters, does one thing to the state under its lock, and writes an entity. Faults, windows and
//! the request log are not its business, except for the few faults that only it can act out.

mod accounts;
mod event_source;
mod instance;
mod media;
mod notification_requests;
mod notifications;
mod oauth;
mod statuses;
mod streaming;
mod timelines;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::Uri;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, patch, post};

use super::gate::gate;
use super::refused::Refused;
use super::wire::BODY_MAX;
use super::{Sandbox, control, page};

pub(crate) use accounts::page_of_statuses;

/// Every address the sandbox serves.
pub(crate) fn router(sandbox: Sandbox) -> Router {
    let routes = Router::new()
        .route("/api/v1/statuses", post(statuses::create))
        .route("/api/v1/statuses/{id}", get(statuses::show).put(statuses::edit).delete(statuses::delete))
        .route("/api/v1/statuses/{id}/context", get(statuses::context))
        .route("/api/v1/statuses/{id}/source", get(statuses::source))
        .route("/api/v1/statuses/{id}/{verb}", post(statuses::react))
        .route("/api/v1/scheduled_statuses", get(statuses::scheduled))
        .route("/api/v1/accounts/verify_credentials", get(accounts::verify))
        .route("/api/v1/accounts/update_credentials", patch(accounts::update))
        .route("/api/v1/accounts/relationships", get(accounts::relationships))
        .route("/api/v1/accounts/lookup", get(accounts::lookup))
        .route("/api/v1/accounts/{id}", get(accounts::show))
        .route("/api/v1/accounts/{id}/statuses", get(accounts::statuses))
        .route("/api/v1/accounts/{id}/{verb}", post(accounts::relate))
        .route("/api/v1/timelines/home", get(timelines::home))
        .route("/api/v1/timelines/public", get(timelines::public))
        .route("/api/v1/notifications", get(notifications::list))
        .route("/api/v1/notifications/{id}", get(notifications::show))
        .route("/api/v1/notifications/requests", get(notification_requests::list))
        .route("/api/v1/notifications/policy", get(notifications::flags))
        .route("/api/v2/notifications/policy", get(notifications::policy).patch(notifications::set_policy))
        .route("/api/v1/media", post(media::upload))
        .route("/api/v2/media", post(media::upload))
        .route("/api/v1/media/{id}", get(media::show).put(media::update))
        .route("/media/{id}", get(media::bytes))
        .route("/api/v1/streaming", get(streaming::open))
        .route("/api/v1/streaming/health", get(streaming::health))
        .route("/api/v1/streaming/user", get(event_source::user))
        .route("/api/v1/streaming/user/notification", get(event_source::notifications))
        .route("/api/v1/instance", get(instance::v1))
        .route("/api/v2/instance", get(instance::v2))
        .route("/.well-known/nodeinfo", get(instance::nodeinfo_links))
        .route("/nodeinfo/2.0", get(instance::nodeinfo))
        .route("/api/v1/apps", post(oauth::register))
        .route("/api/v1/apps/verify_credentials", get(oauth::verify_app))
        .route("/oauth/authorize", get(oauth::ask).post(oauth::agree))
        .route("/oauth/token", post(oauth::token))
        .route("/oauth/revoke", post(oauth::revoke))
        .merge(control::router())
        .merge(page::router())
        .fallback(async || Refused::NoRoute)
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(from_fn_with_state(sandbox.clone(), gate))
        .with_state(sandbox);
    // Around all of it, because an address must be mended before it is looked up.
    Router::new().fallback_service(routes).layer(from_fn(without_last_slash))
}

/// `/api/v1/instance/` is `/api/v1/instance`, as Rails has it and Mastodon.py writes it.
async fn without_last_slash(mut request: Request, next: Next) -> Response {
    let uri = request.uri();
    if let Some(path) = uri.path().strip_suffix('/').filter(|path| !path.is_empty()) {
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        // What was an address stays one.
        if let Ok(mended) = Uri::try_from(format!("{path}{query}")) {
            *request.uri_mut() = mended;
        }
    }
    next.run(request).await
}
