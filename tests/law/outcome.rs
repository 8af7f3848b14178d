//! What one POST may meet: the rows of the grid.

use watchpost::core::delivery::State;
use watchpost::sandbox::{Endpoint, Fault, Moment, Trouble};

/// What the first attempt meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Sent,
    ConnectionRefused,
    Throttled,
    Unavailable,
    Refused,
    TokenDoubted,
    ErrorBefore,
    ErrorAfter,
    ErrorTwice,
    CutBefore,
    CutAfter,
    HangBefore,
    HangAfter,
    HalfBody,
    NoId,
    GarbageBefore,
    GarbageAfter,
    Pretended,
    /// The attempt hangs, the client leaves, the server makes it between two looks.
    LateBetweenLooks,
    /// The server makes it long after the last look.
    LateAfterAll,
    /// The server makes it just before the second attempt.
    LateBeforeTheSecond,
    /// As before, and the second attempt is made without a word.
    LateAfterAllErrorAfter,
    /// Made, and the list shows it only after 90 s.
    LagsBelowTheLastLook,
    /// Made, and the list shows it only after seven minutes.
    LagsPastTheLastLook,
    /// Made, the key forgotten, no answer.
    KeyLost,
    /// The list cannot be read at first.
    BlindLooks,
}

/// How long a client waits for a request that hangs and will be made late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// It loses its connection at once.
    None,
    /// It waits, and dies waiting.
    Endless,
}

/// When a hanging request goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Release {
    /// When the test is over.
    Never,
    /// So many milliseconds after the attempt.
    After(i64),
}

impl Outcome {
    pub(crate) const ALL: [Outcome; 26] = [
        Outcome::Sent,
        Outcome::ConnectionRefused,
        Outcome::Throttled,
        Outcome::Unavailable,
        Outcome::Refused,
        Outcome::TokenDoubted,
        Outcome::ErrorBefore,
        Outcome::ErrorAfter,
        Outcome::ErrorTwice,
        Outcome::CutBefore,
        Outcome::CutAfter,
        Outcome::HangBefore,
        Outcome::HangAfter,
        Outcome::HalfBody,
        Outcome::NoId,
        Outcome::GarbageBefore,
        Outcome::GarbageAfter,
        Outcome::Pretended,
        Outcome::LateBetweenLooks,
        Outcome::LateAfterAll,
        Outcome::LateBeforeTheSecond,
        Outcome::LateAfterAllErrorAfter,
        Outcome::LagsBelowTheLastLook,
        Outcome::LagsPastTheLastLook,
        Outcome::KeyLost,
        Outcome::BlindLooks,
    ];

    /// The faults that make it, for the next requests. A client that waits for one that hangs is told to go, or finds
    /// out by its time-out.
    pub(crate) fn faults(self, waits: Patience) -> Vec<Fault> {
        let create = |what| Fault::on(Endpoint::Create, what);
        let hang = |when| Trouble::Hang { when, ms: None };
        let left_hanging = || match waits {
            Patience::Endless => vec![create(hang(Moment::Before))],
            Patience::None => vec![create(Trouble::Abandoned), create(hang(Moment::Before))],
        };
        let error_after = || Trouble::accepted_but(500);
        let lag = |seconds, what: Trouble| {
            vec![create(what), Fault::on(Endpoint::OwnStatuses, Trouble::Lag { seconds }).always()]
        };
        match self {
            Outcome::Sent | Outcome::ConnectionRefused => vec![],
            Outcome::Throttled => vec![create(Trouble::TooMany { reset_in: Some(90) })],
            Outcome::Unavailable => {
                let what = Trouble::Answer {
                    when: Moment::Before,
                    status: 503,
                    body: String::new(),
                    content_type: None,
                    headers: vec![("retry-after".to_owned(), "40".to_owned())],
                };
                vec![create(what)]
            }
            Outcome::Refused => {
                vec![create(Trouble::answer(422, r#"{"error":"Validation failed: Text character limit exceeded"}"#))]
            }
            Outcome::TokenDoubted => vec![create(Trouble::answer(403, r#"{"error":"This action is not allowed"}"#))],
            Outcome::ErrorBefore => vec![create(Trouble::answer(500, "<html>oops</html>"))],
            Outcome::ErrorAfter => vec![create(error_after())],
            Outcome::ErrorTwice => vec![create(Trouble::answer(502, "")), create(error_after())],
            Outcome::CutBefore => vec![create(Trouble::Cut { when: Moment::Before })],
            Outcome::CutAfter => vec![create(Trouble::Cut { when: Moment::After })],
            Outcome::HangBefore => vec![create(hang(Moment::Before))],
            Outcome::LateBetweenLooks | Outcome::LateAfterAll | Outcome::LateBeforeTheSecond => left_hanging(),
            // The second request takes the second fault: the first one ends the search with its own answer.
            Outcome::LateAfterAllErrorAfter => {
                left_hanging().into_iter().chain([create(error_after()).times(2)]).collect()
            }
            Outcome::HangAfter => vec![create(hang(Moment::After))],
            Outcome::HalfBody => vec![create(Trouble::HalfBody)],
            Outcome::NoId => vec![create(Trouble::WithoutId)],
            Outcome::GarbageBefore => vec![create(Trouble::answer(200, "oops"))],
            Outcome::GarbageAfter => vec![create(Trouble::accepted_and(200, "<html>oops"))],
            Outcome::Pretended => vec![create(Trouble::Pretend)],
            Outcome::LagsBelowTheLastLook => lag(90, error_after()),
            Outcome::LagsPastTheLastLook => lag(420, error_after()),
            Outcome::KeyLost => vec![create(Trouble::KeyLost), create(error_after())],
            Outcome::BlindLooks => vec![
                create(error_after()),
                Fault::on(Endpoint::OwnStatuses, Trouble::answer(500, "")),
                Fault::on(Endpoint::OwnStatuses, Trouble::Cut { when: Moment::Before }).times(2),
            ],
        }
    }

    /// Whether it differs from the others in what the server did, not only in what it said.
    pub(crate) fn is_one_of_its_kind(self) -> bool {
        matches!(
            self,
            Outcome::Sent
                | Outcome::ErrorBefore
                | Outcome::ErrorTwice
                | Outcome::Pretended
                | Outcome::LateBetweenLooks
                | Outcome::LateAfterAll
                | Outcome::LateBeforeTheSecond
                | Outcome::LateAfterAllErrorAfter
                | Outcome::LagsBelowTheLastLook
                | Outcome::LagsPastTheLastLook
                | Outcome::KeyLost
                | Outcome::BlindLooks
        )
    }

    /// One of each: made, refused, not sent, asked to wait, unclear and made, unclear and not made, late.
    pub(crate) fn is_plain(self) -> bool {
        matches!(
            self,
            Outcome::Sent
                | Outcome::Refused
                | Outcome::ConnectionRefused
                | Outcome::Throttled
                | Outcome::ErrorBefore
                | Outcome::ErrorAfter
                | Outcome::LateAfterAll
        )
    }

    /// Whether the first attempt finds no server at all.
    pub(crate) fn nobody_there(self) -> bool {
        self == Outcome::ConnectionRefused
    }

    /// Whether the request hangs, and until when.
    pub(crate) fn hangs(self) -> Option<Release> {
        match self {
            Outcome::HangBefore | Outcome::HangAfter => Some(Release::Never),
            Outcome::LateBetweenLooks => Some(Release::After(20_000)),
            Outcome::LateAfterAll | Outcome::LateAfterAllErrorAfter => Some(Release::After(900_000)),
            // The last look at a server without keys is at 300 s; the next attempt follows at once.
            Outcome::LateBeforeTheSecond => Some(Release::After(300_001)),
            _ => None,
        }
    }

    /// Whether a client finds out by its time-out.
    pub(crate) fn times_out(self) -> bool {
        self.hangs() == Some(Release::Never)
    }

    /// Whether the server may have made it after our last look at a server without keys: then two statuses may stand,
    /// and only a deletion or a notice makes that right.
    pub(crate) fn may_be_late(self) -> bool {
        matches!(
            self,
            Outcome::LateAfterAll
                | Outcome::LateBeforeTheSecond
                | Outcome::LateAfterAllErrorAfter
                | Outcome::LagsPastTheLastLook
        )
    }

    /// How a row may end that is still wanted.
    pub(crate) fn ends(self) -> &'static [State] {
        match self {
            Outcome::Refused | Outcome::TokenDoubted => &[State::Refused, State::Verified],
            Outcome::Pretended => &[State::Held, State::Verified],
            _ => &[State::Verified],
        }
    }
}
