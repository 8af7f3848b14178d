//! What the server answers when it does not do what was asked, in Mastodon's words.

use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::answer;

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
    /// The status code of the answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Refused::NotFound | Refused::ParentNotFound | Refused::NoRoute => 404,
            Refused::Invalid(_) | Refused::Unprocessable(_) | Refused::UnexpectedMentions(_) => 422,
            Refused::Unreadable => 400,
            Refused::Token { status, .. } | Refused::OAuth { status, .. } => *status,
            Refused::Scope => 403,
            Refused::TooMany => 429,
        }
    }

    /// The body of the answer.
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
            | Refused::NoRoute => json!({ "error": self.to_string() }),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        answer::json(self.status(), &self.body())
    }
}
