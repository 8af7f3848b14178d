//! What can go wrong with a server, each error answering one question: try again, give up, or ask a person.
//!
//! Invariants: nothing here holds a token or a response body; the server's words are cut to one line of 200 characters
//! with anything like a token removed ([`ServerWords`]). Reading an error answer never fails: it may be JSON with a
//! string or an object, HTML, text or nothing (SERVERS.md §3, rule 6).

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// The longest piece of a server's words we show, in characters.
const LONGEST: usize = 200;

/// A request that brought no answer we can use.
#[derive(Debug, thiserror::Error)]
pub enum FediError {
    /// An address in the configuration cannot be used.
    #[error("{address} {problem}")]
    Address {
        /// What was written.
        address: String,
        /// What to write instead.
        problem: &'static str,
    },
    /// Name look-up, connection or TLS failed: nothing was sent.
    #[error("{server} cannot be reached: {reason}")]
    Unreachable {
        /// Host of the server.
        server: String,
        /// The cause, as the network layer says it.
        reason: String,
    },
    /// No complete answer within the time-out.
    #[error("{server} did not answer in time")]
    TimedOut {
        /// Host of the server.
        server: String,
    },
    /// The connection broke before the answer was complete.
    #[error("the connection to {server} broke: {reason}")]
    Broken {
        /// Host of the server.
        server: String,
        /// The cause, as the network layer says it.
        reason: String,
    },
    /// 429, or 503 with Retry-After.
    #[error("{server} asks us to wait {} s", wait.as_secs())]
    Throttled {
        /// Host of the server.
        server: String,
        /// How long, from its headers, 5 min where they say nothing; at most 3 h.
        wait: Duration,
    },
    /// The server does not accept our token, or the account may not do this.
    #[error("{server} refuses our token or this action (status {status}): {words}")]
    Denied {
        /// Host of the server.
        server: String,
        /// HTTP status.
        status: u16,
        /// What it said.
        words: String,
    },
    /// 404 or 410.
    #[error("{server} does not have it (status {status})")]
    Missing {
        /// Host of the server.
        server: String,
        /// HTTP status.
        status: u16,
    },
    /// Another 4xx: the request will not succeed as it is.
    #[error("{server} refused (status {status}): {words}")]
    Refused {
        /// Host of the server.
        server: String,
        /// HTTP status.
        status: u16,
        /// What it said.
        words: String,
    },
    /// 5xx, 408, or a redirect we do not follow.
    #[error("{server} is in trouble (status {status}): {words}")]
    Trouble {
        /// Host of the server.
        server: String,
        /// HTTP status.
        status: u16,
        /// What it said.
        words: String,
    },
    /// A 2xx whose body is not what was asked for.
    #[error("the answer of {server} cannot be read: {problem}")]
    Unreadable {
        /// Host of the server.
        server: String,
        /// What was expected.
        problem: &'static str,
    },
}

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Try again; not before this time has passed, if it is given.
    Retry(Option<Duration>),
    /// The request as it is will not succeed; leave it.
    GiveUp,
    /// A person has to repair something: the token, the address, the account's rights.
    AskPerson,
}

impl FediError {
    /// Retry, give up, or ask a person.
    #[must_use]
    pub fn advice(&self) -> Advice {
        match self {
            FediError::Unreachable { .. }
            | FediError::TimedOut { .. }
            | FediError::Broken { .. }
            | FediError::Trouble { .. }
            | FediError::Unreadable { .. } => Advice::Retry(None),
            FediError::Throttled { wait, .. } => Advice::Retry(Some(*wait)),
            FediError::Missing { .. } | FediError::Refused { .. } => Advice::GiveUp,
            FediError::Address { .. } | FediError::Denied { .. } => Advice::AskPerson,
        }
    }
}

/// An attachment that could not be uploaded. Uploading twice only leaves an unused file on the server, so every retry is safe.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The file cannot be read.
    #[error("{} cannot be read: {source}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Larger than any server takes.
    #[error("{} has {megabytes} MB; at most {limit} MB can be uploaded", file.display())]
    TooBig {
        /// Which.
        file: PathBuf,
        /// Its size.
        megabytes: u64,
        /// Our limit.
        limit: u64,
    },
    /// The server does not want this file: wrong type, too big, or its processing failed.
    #[error("the server refuses {}: {words}", file.display())]
    Refused {
        /// Which.
        file: PathBuf,
        /// What it said.
        words: String,
    },
    /// Still being processed after 60 s.
    #[error("the server is still processing {}", file.display())]
    NotReady {
        /// Which.
        file: PathBuf,
    },
    /// The request itself failed.
    #[error(transparent)]
    Request(#[from] FediError),
}

impl UploadError {
    /// Retry, give up, or ask a person.
    #[must_use]
    pub fn advice(&self) -> Advice {
        match self {
            UploadError::File { .. } | UploadError::TooBig { .. } | UploadError::Refused { .. } => Advice::AskPerson,
            UploadError::NotReady { .. } => Advice::Retry(None),
            UploadError::Request(error) => error.advice(),
        }
    }
}

/// A stream that could not be opened or has ended. Polling goes on whatever it is.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The server has no stream at that address: poll only, look again after a day.
    #[error("{server} does not stream (status {status})")]
    NotServed {
        /// Host of the streaming address.
        server: String,
        /// HTTP status of the refusal.
        status: u16,
    },
    /// The server does not accept our token there.
    #[error("{server} does not accept our token for streaming: {words}")]
    Denied {
        /// Host of the streaming address.
        server: String,
        /// Status or the server's words.
        words: String,
    },
    /// 429, or 503 with Retry-After.
    #[error("{server} asks us to wait {} s before streaming", wait.as_secs())]
    Throttled {
        /// Host of the streaming address.
        server: String,
        /// How long.
        wait: Duration,
    },
    /// It could not be reached, or the connection broke.
    #[error("the stream of {server} broke: {reason}")]
    Broken {
        /// Host of the streaming address.
        server: String,
        /// The cause.
        reason: String,
    },
    /// No byte for 75 s: dead, though it looks alive.
    #[error("the stream of {server} has been silent for too long")]
    Silent {
        /// Host of the streaming address.
        server: String,
    },
    /// The server closed it.
    #[error("{server} closed the stream")]
    Closed {
        /// Host of the streaming address.
        server: String,
    },
    /// The streaming address in the configuration cannot be used.
    #[error(transparent)]
    Address(FediError),
}

impl StreamError {
    /// Whether to connect again (with back-off), stop trying for a day, or ask a person.
    #[must_use]
    pub fn advice(&self) -> Advice {
        match self {
            StreamError::NotServed { .. } => Advice::GiveUp,
            StreamError::Denied { .. } | StreamError::Address(_) => Advice::AskPerson,
            StreamError::Throttled { wait, .. } => Advice::Retry(Some(*wait)),
            StreamError::Broken { .. } | StreamError::Silent { .. } | StreamError::Closed { .. } => Advice::Retry(None),
        }
    }
}

/// What a server said in an error answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ServerWords {
    /// An `error` field with something to say about what was sent.
    Validation(String),
    /// An `error` field that speaks of tokens, scopes or rights, or says nothing but the status' own name.
    Other(String),
    /// HTML, plain text or nothing: perhaps not even the server's own.
    Nothing(String),
}

impl ServerWords {
    /// Reads an error body, whatever it is.
    pub(super) fn read(body: &[u8], secret: &SecretString) -> ServerWords {
        let text = String::from_utf8_lossy(body);
        let Ok(value) = serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')) else {
            let looks_like_markup = text.trim_start().starts_with('<');
            return ServerWords::Nothing(if looks_like_markup { String::new() } else { one_line(&text, secret) });
        };
        let Some(said) = json_words(&value) else { return ServerWords::Nothing(String::new()) };
        let line = one_line(&said, secret);
        if line.is_empty() {
            ServerWords::Nothing(line)
        } else if speaks_of_rights(&said) || is_bare_status(&said) {
            ServerWords::Other(line)
        } else {
            ServerWords::Validation(line)
        }
    }

    /// The words alone; may be empty.
    pub(super) fn into_text(self) -> String {
        match self {
            ServerWords::Validation(words) | ServerWords::Other(words) | ServerWords::Nothing(words) => words,
        }
    }
}

/// The human part of a JSON error: `error` as a string or an object, `error_description`, `message`, or the string itself.
fn json_words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(map) => {
            let mut said = Vec::new();
            for key in ["error", "error_description", "message", "detail", "title"] {
                match map.get(key) {
                    Some(Value::String(text)) if !said.contains(text) => said.push(text.clone()),
                    Some(inner @ Value::Object(_)) if key == "error" => {
                        said.push(json_words(inner).unwrap_or_else(|| inner.to_string()));
                    }
                    Some(inner @ Value::Array(_)) if key == "error" => said.push(inner.to_string()),
                    _ => {}
                }
            }
            (!said.is_empty()).then(|| said.join(": "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

fn speaks_of_rights(said: &str) -> bool {
    const WORDS: [&str; 16] = [
        "token", "unauthor", "not authori", "authoriz", "authoris", "authentic", "oauth", "scope", "forbidden", "login", "log in",
        "logged in", "credential", "access denied", "invalid_grant", "permission",
    ];
    let said = said.to_lowercase();
    WORDS.iter().any(|word| said.contains(word))
}

/// An `error` that only repeats the name of its status says nothing of what was wrong.
fn is_bare_status(said: &str) -> bool {
    const NAMES: [&str; 7] = [
        "bad request", "unprocessable entity", "unprocessable content", "not found", "error", "invalid request", "payload too large",
    ];
    let said = said.trim().trim_end_matches('.').to_lowercase();
    NAMES.contains(&said.as_str())
}

/// One line of at most 200 characters, without control characters and without anything like a token.
pub(super) fn one_line(text: &str, secret: &SecretString) -> String {
    let hidden = match secret.expose_secret() {
        "" => text.to_owned(),
        token => text.replace(token, "[hidden]"),
    };
    let mut line = String::new();
    let mut bearer_before = false;
    for word in hidden.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        let token_like = bearer_before || longest_token_run(word) >= 40;
        line.push_str(if token_like { "[hidden]" } else { word });
        bearer_before = word.eq_ignore_ascii_case("bearer");
        if line.chars().count() > LONGEST {
            break;
        }
    }
    if line.chars().count() > LONGEST {
        line = line.chars().take(LONGEST - 1).chain(['…']).collect();
    }
    line
}

/// Mastodon's tokens have 43 characters, GoToSocial's 48: an unbroken run of 40 is treated as one.
fn longest_token_run(word: &str) -> usize {
    word.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))).map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: ServerWords) {
        let secret = SecretString::from("s3cret-t0ken");
        assert_eq!(ServerWords::read(body.as_bytes(), &secret), expected, "{body}");
    }

    fn validation(text: &str) -> ServerWords {
        ServerWords::Validation(text.to_owned())
    }
    fn other(text: &str) -> ServerWords {
        ServerWords::Other(text.to_owned())
    }
    fn nothing(text: &str) -> ServerWords {
        ServerWords::Nothing(text.to_owned())
    }

    #[test]
    fn an_error_answer_of_any_shape_is_read() {
        check(r#"{"error":"Validation failed: Text can't be blank"}"#, validation("Validation failed: Text can't be blank"));
        check(r#"{"error":"invalid_post","error_description":"too long"}"#, validation("invalid_post: too long"));
        check(r#"{"error":{"message":"text is missing"}}"#, validation("text is missing"));
        check(r#"{"error":{"issues":[1]}}"#, validation(r#"{"issues":[1]}"#));
        check(r#""Media is still processing""#, validation("Media is still processing"));
        check(r#"{"error":"The access token is invalid"}"#, other("The access token is invalid"));
        check(r#"{"error":"This action is outside the authorized scopes"}"#, other("This action is outside the authorized scopes"));
        check(r#"{"error":"Bad Request"}"#, other("Bad Request"));
        check(r#"{"error":""}"#, nothing(""));
        check(r#"{"error":null}"#, nothing(""));
        check("[]", nothing(""));
        check("", nothing(""));
        check("Throttled\n\tnow", nothing("Throttled now"));
        check("<html><body>502</body></html>", nothing(""));
        check("{\"error\":\"cut", nothing("{\"error\":\"cut"));
    }

    #[test]
    fn nothing_like_a_token_is_shown() {
        check(r#"{"error":"bad value s3cret-t0ken here"}"#, validation("bad value [hidden] here"));
        check(r#"{"error":"header was Bearer abc"}"#, validation("header was Bearer [hidden]"));
        check(&format!(r#"{{"error":"got {}"}}"#, "aB3_".repeat(12)), validation("got [hidden]"));
    }

    #[test]
    fn words_are_cut_to_one_line_of_200_characters() {
        let line = one_line(&"ü word\n".repeat(1000), &SecretString::from(""));
        assert_eq!(line.chars().count(), 200);
        assert!(!line.contains('\n'));
    }

    #[test]
    fn bytes_that_are_no_text_are_survived() {
        assert_eq!(ServerWords::read(&[0xff, 0x00, 0xfe], &SecretString::from("x")).into_text(), "\u{fffd} \u{fffd}");
    }
}
