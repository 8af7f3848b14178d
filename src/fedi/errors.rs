//! What can go wrong with a server, each error answering one question: try again, give up, or ask a person.
//!
//! Invariants: nothing here holds a token or a response body; a server's words have passed `words` before. Whoever
//! handles an error matches it or asks its `advice`; no message need be read to decide.

use std::path::PathBuf;
use std::time::Duration;

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
    /// The answer is longer than anything honest, and was not read: ask for less at once.
    #[error("the answer of {server} is longer than 8 MB")]
    TooLong {
        /// Host of the server.
        server: String,
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
            | FediError::TooLong { .. }
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
    /// Not the bytes that were approved.
    #[error("{} was changed after it was approved", file.display())]
    Changed {
        /// Which.
        file: PathBuf,
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
            UploadError::File { .. }
            | UploadError::Changed { .. }
            | UploadError::TooBig { .. }
            | UploadError::Refused { .. } => Advice::AskPerson,
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
