//! What the server answers when it does not do what was asked: Mastodon's words, in the shape the profile gives errors.

use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::answer::{self, Said};
use super::profile::{ErrorShape, Profile, Reset};

/// A request the server turned down; nothing was changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refused {
    /// Unknown, hidden or deleted.
    #[error("Record not found")]
    NotFound,
    /// The status to reply to is unknown, hidden or deleted.
    #[error("The post you are trying to reply to does not appear to exist.")]
    ParentNotFound,
    /// A field did not pass; the text is what follows `Validation failed: `.
    #[error("Validation failed: {0}")]
    Invalid(String),
    /// Turned down with a sentence of its own.
    #[error("{0}")]
    Unprocessable(String),
    /// `allowed_mentions[]` leaves out somebody whom the text names.
    #[error("Post would be sent to unexpected accounts")]
    UnexpectedMentions(Vec<Value>),
    /// The body could not be read.
    #[error("Error occurred while parsing request parameters")]
    Unreadable,
    /// No valid token.
    #[error("{message}")]
    Token {
        /// Usually 401.
        status: u16,
        /// The sentence in `error`.
        message: &'static str,
    },
    /// The token may not do this.
    #[error("This action is outside the authorized scopes")]
    Scope,
    /// Too many requests in the window.
    #[error("Too many requests")]
    TooMany,
    /// Nobody serves this address.
    #[error("Not Found")]
    NoRoute,
    /// This status code with a sentence; what other servers than Mastodon answer.
    #[error("{words}")]
    Plain {
        /// 400 and above.
        status: u16,
        /// The sentence.
        words: &'static str,
    },
    /// An answer of the OAuth endpoints.
    #[error("{error}")]
    OAuth {
        /// 400 or 401.
        status: u16,
        /// `invalid_grant` or its like.
        error: &'static str,
        /// For people.
        description: &'static str,
    },
}

impl Refused {
    /// The status code on Mastodon.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Refused::NotFound | Refused::ParentNotFound | Refused::NoRoute => 404,
            Refused::Invalid(_) | Refused::Unprocessable(_) | Refused::UnexpectedMentions(_) => 422,
            Refused::Unreadable => 400,
            Refused::Token { status, .. } | Refused::OAuth { status, .. } | Refused::Plain { status, .. } => *status,
            Refused::Scope => 403,
            Refused::TooMany => 429,
        }
    }

    /// The body on Mastodon.
    #[must_use]
    pub fn body(&self) -> Value {
        match self {
            Refused::UnexpectedMentions(accounts) => {
                json!({ "error": self.to_string(), "unexpected_accounts": accounts })
            }
            Refused::OAuth { error, description, .. } => json!({ "error": error, "error_description": description }),
            Refused::NotFound
            | Refused::ParentNotFound
            | Refused::Invalid(_)
            | Refused::Unprocessable(_)
            | Refused::Unreadable
            | Refused::Token { .. }
            | Refused::Scope
            | Refused::TooMany
            | Refused::NoRoute
            | Refused::Plain { .. } => json!({ "error": self.to_string() }),
        }
    }
}

impl Refused {
    /// The answer as a server of this profile gives it.
    pub(crate) fn said(&self, profile: &Profile) -> Said {
        let status = match self {
            Refused::Invalid(_) | Refused::Unprocessable(_) | Refused::UnexpectedMentions(_) => profile.invalid,
            Refused::NotFound
            | Refused::ParentNotFound
            | Refused::Unreadable
            | Refused::Token { .. }
            | Refused::Scope
            | Refused::TooMany
            | Refused::NoRoute
            | Refused::Plain { .. }
            | Refused::OAuth { .. } => self.status(),
        };
        let words = self.to_string();
        let plain = |body: String| Said { status, content_type: "text/plain; charset=utf-8", body };
        let page = |body: String| Said { status, content_type: "text/html; charset=utf-8", body };
        let html = || {
            page(format!(
                "<!doctype html><html><head><title>{status}</title></head><body><h1>{words}</h1></body></html>"
            ))
        };
        let untold = profile.limits.is_some_and(|limits| limits.told == Reset::Untold);
        match profile.errors {
            _ if matches!(self, Refused::OAuth { .. }) => Said::json(status, &self.body()),
            _ if *self == Refused::TooMany && untold => plain("Throttled".to_owned()),
            ErrorShape::Sentence => Said::json(status, &self.body()),
            ErrorShape::Object => Said::json(status, &json!({ "error": { "message": words, "issues": [] } })),
            ErrorShape::TextOrHtml if status == 404 || status >= 500 => html(),
            ErrorShape::TextOrHtml => plain(words),
            ErrorShape::HtmlOrNothing if status == 404 => html(),
            ErrorShape::HtmlOrNothing => page(String::new()),
        }
    }
}

impl IntoResponse for Refused {
    /// As Mastodon says it; the gate, which knows the profile, says it again in the profile's way.
    fn into_response(self) -> Response {
        let mut response = answer::json(self.status(), &self.body());
        response.extensions_mut().insert(self);
        response
    }
}
