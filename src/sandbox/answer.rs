//! Builds answers: JSON with a status code, pages with a `Link` header.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{Response as HttpResponse, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// An answer before it is sent, so that it can be kept and given again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
}

/// What JSON is sent as.
pub(crate) const JSON: &str = "application/json; charset=utf-8";

impl Said {
    /// JSON with this status code.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self { status, content_type: JSON, body: body.to_string() }
    }
}

impl IntoResponse for Said {
    fn into_response(self) -> Response {
        text(self.status, self.content_type, self.body)
    }
}

/// JSON with this status code.
pub(crate) fn json(status: u16, body: &Value) -> Response {
    Said::json(status, body).into_response()
}

/// Any text with this status code.
pub(crate) fn text(status: u16, content_type: &str, body: impl Into<Body>) -> Response {
    let mut response = HttpResponse::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    set(&mut response, "content-type", content_type);
    response
}

/// An HTML page.
pub(crate) fn html(body: impl Into<Body>) -> Response {
    text(200, "text/html; charset=utf-8", body)
}

/// Sets a header; one that cannot be sent is left out.
pub(crate) fn set(response: &mut Response, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
        response.headers_mut().insert(name, value);
    }
}

/// Whether the answer is JSON.
pub(crate) fn is_json(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/json"))
}
