//! Faults on command: what goes wrong, where, for whom, how often.
//!
//! A queue of [`Fault`]s. A request takes the faults that fit it, in order, up to and including the first that
//! decides the answer; so "slow" and "500" can be combined. Each is used up after its `times`.
//!
//! Invariant: without faults the sandbox behaves; nothing here acts by itself.

use serde::{Deserialize, Serialize};

use super::endpoint::Endpoint;
use crate::clock::Dice;

/// Whether the server has done what was asked when the trouble starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Nothing has happened yet, and nothing will unless the trouble ends by itself.
    #[default]
    Before,
    /// The request was accepted; only its answer suffers.
    After,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Trouble {
    /// This answer instead of the right one. Decides.
    Answer {
        /// Before or after acting.
        #[serde(default)]
        when: Moment,
        /// Status code.
        status: u16,
        /// The body as it is sent.
        #[serde(default)]
        body: String,
        /// `Content-Type`; JSON when absent.
        #[serde(default)]
        content_type: Option<String>,
        /// Further headers, such as `Location` or `Retry-After`.
        #[serde(default)]
        headers: Vec<(String, String)>,
    },
    /// 429. Decides.
    TooMany {
        /// Seconds until `X-RateLimit-Reset`; no rate headers at all when absent.
        #[serde(default)]
        reset_in: Option<u32>,
    },
    /// No answer for so long, then the right one. Goes on although the client leaves.
    Hang {
        /// Before or after acting.
        #[serde(default)]
        when: Moment,
        /// Milliseconds of real time; until released when absent.
        #[serde(default)]
        ms: Option<u64>,
    },
    /// Put before a [`Trouble::Hang`]: as soon as the request hangs its client loses the connection, as one that lost
    /// its patience would; the request goes on.
    Abandoned,
    /// The connection is reset without an answer. Decides.
    Cut {
        /// Before or after acting.
        #[serde(default)]
        when: Moment,
    },
    /// The answer's head and half of its body, then the connection is reset. Decides.
    HalfBody,
    /// The right answer without `id`.
    WithoutId,
    /// Words nobody has heard of where an entity has a fixed set of them (visibility, attachment type), and fields
    /// that no documentation names.
    UnknownWords,
    /// One notification of an unknown type on top of the page.
    UnknownNotification,
    /// One notification that makes no sense on top of the page.
    MalformedNotification,
    /// The `Date` header is off by so many seconds.
    Date {
        /// Positive: the server is ahead.
        seconds: i64,
    },
    /// 200 with an invented id; nothing is stored (Mastodon's anti-spam).
    Pretend,
    /// Statuses and notifications younger than this do not show yet.
    Lag {
        /// Seconds on the sandbox's clock.
        seconds: u32,
    },
    /// The request is accepted and its status made so many seconds later; a proxy answers 504 long before. Put a
    /// [`Trouble::Cut`] or [`Trouble::Hang`] after it for other ways to lose the answer.
    Late {
        /// Seconds on the sandbox's clock.
        seconds: u32,
    },
    /// The key has been looked up and nothing is made yet: held there, so that a second request with the same key
    /// overlaps with this one (place: [`Endpoint::Create`]).
    Midway {
        /// Milliseconds of real time; until released when absent.
        #[serde(default)]
        ms: Option<u64>,
    },
    /// A status younger than this is no parent yet: replies to it are answered 404.
    YoungParent {
        /// Seconds on the sandbox's clock.
        seconds: u32,
    },
    /// The status is made and its key is forgotten, as on servers too slow to keep it: a second try posts twice.
    KeyLost,
    /// A reply is made a post of its own, as servers do that lose the thread.
    Unthreaded,
    /// The event does not go down the stream (place: [`Endpoint::Push`]).
    NotPushed,
    /// The stream opens and says nothing, no pings either.
    SilentStream,
    /// The stream opens and is closed at once.
    CloseStream {
        /// WebSocket close code.
        code: u16,
    },
    /// The upload needs so many looks until it is ready.
    Processing {
        /// How often `GET /api/v1/media/:id` answers 206.
        looks: u32,
    },
    /// The upload is taken and fails in processing.
    ProcessingFails,
}

impl Trouble {
    /// This status code and body before anything happens; HTML when the body starts with `<`.
    pub fn answer(status: u16, body: impl Into<String>) -> Self {
        Self::answer_at(Moment::Before, status, body.into())
    }

    fn answer_at(when: Moment, status: u16, body: String) -> Self {
        let content_type = body.starts_with('<').then(|| "text/html; charset=utf-8".to_owned());
        Trouble::Answer { when, status, body, content_type, headers: Vec::new() }
    }

    /// This status code although the request was accepted, with the page a proxy would send.
    #[must_use]
    pub fn accepted_but(status: u16) -> Self {
        let body = format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>");
        Self::accepted_and(status, body)
    }

    /// This answer although the request was accepted.
    pub fn accepted_and(status: u16, body: impl Into<String>) -> Self {
        Self::answer_at(Moment::After, status, body.into())
    }

    /// A redirect to somewhere else.
    pub fn redirect(status: u16, location: impl Into<String>) -> Self {
        Trouble::Answer {
            when: Moment::Before,
            status,
            body: String::new(),
            content_type: None,
            headers: vec![("location".to_owned(), location.into())],
        }
    }

    /// A parent that replicas do not know yet.
    #[must_use]
    pub fn parent_missing() -> Self {
        Self::answer(404, r#"{"error":"The post you are trying to reply to does not appear to exist."}"#)
    }

    /// Whether this ends the search for further faults.
    fn decides(&self) -> bool {
        matches!(self, Trouble::Answer { .. } | Trouble::TooMany { .. } | Trouble::Cut { .. } | Trouble::HalfBody)
    }
}

/// Trouble at a place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Which requests.
    #[serde(default)]
    pub on: Endpoint,
    /// Whose requests; everybody's when absent.
    #[serde(default)]
    pub account: Option<String>,
    /// How often; until cleared when `null`.
    #[serde(default = "once")]
    pub times: Option<u32>,
    /// Share of fitting requests it strikes, 0 to 1; all when absent.
    #[serde(default)]
    pub chance: Option<f64>,
    /// What happens.
    pub what: Trouble,
}

#[expect(clippy::unnecessary_wraps, reason = "serde takes the default of a field as a function of its type")]
fn once() -> Option<u32> {
    Some(1)
}

impl Fault {
    /// Once, for anybody.
    #[must_use]
    pub fn on(place: Endpoint, what: Trouble) -> Self {
        Self { on: place, account: None, times: Some(1), chance: None, what }
    }

    /// So often.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Until cleared.
    #[must_use]
    pub fn always(self) -> Self {
        Self { times: None, ..self }
    }

    /// Only for this account.
    #[must_use]
    pub fn of(self, account: impl Into<String>) -> Self {
        Self { account: Some(account.into()), ..self }
    }

    /// Only this share of the fitting requests.
    #[must_use]
    pub fn chance(self, share: f64) -> Self {
        Self { chance: Some(share), ..self }
    }
}

/// Faults waiting for their request.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    queue: Vec<Fault>,
}

impl Faults {
    pub(crate) fn push(&mut self, fault: Fault) {
        self.queue.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.queue.clear();
    }

    pub(crate) fn waiting(&self) -> &[Fault] {
        &self.queue
    }

    /// The faults that strike this request, used up accordingly.
    pub(crate) fn take(&mut self, place: Endpoint, account: Option<&str>, dice: &mut Dice) -> Vec<Trouble> {
        let mut taken = Vec::new();
        if self.queue.is_empty() {
            return taken;
        }
        for fault in &mut self.queue {
            let here = fault.on == place || (fault.on == Endpoint::Any && place != Endpoint::Push);
            let whose = fault.account.as_deref().is_none_or(|name| Some(name.trim_start_matches('@')) == account);
            // In millionths, because dice fall on whole numbers.
            let struck = || {
                fault.chance.is_none_or(|share| {
                    let below = f64::from(u32::try_from(dice.below(1_000_000)).unwrap_or(u32::MAX));
                    below < share * 1_000_000.0
                })
            };
            if fault.times == Some(0) || !here || !whose || !{ struck }() {
                continue;
            }
            if let Some(times) = &mut fault.times {
                *times -= 1;
            }
            taken.push(fault.what.clone());
            if fault.what.decides() {
                break;
            }
        }
        self.queue.retain(|fault| fault.times != Some(0));
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(faults: &mut Faults, place: Endpoint, account: &str, expected: &[Trouble]) {
        assert_eq!(faults.take(place, Some(account), &mut Dice::seeded(1)), expected);
    }

    #[test]
    fn faults_strike_where_and_as_often_as_told() {
        let mut faults = Faults::default();
        let slow = Trouble::Hang { when: Moment::After, ms: Some(5) };
        let down = Trouble::answer(503, "");
        faults.push(Fault::on(Endpoint::Any, slow.clone()).times(2));
        faults.push(Fault::on(Endpoint::Create, down.clone()).of("eyes"));
        check(&mut faults, Endpoint::Create, "eyes", &[slow.clone(), down]);
        check(&mut faults, Endpoint::Push, "eyes", &[]);
        check(&mut faults, Endpoint::Create, "eyes", &[slow]);
        check(&mut faults, Endpoint::Create, "eyes", &[]);
        assert!(faults.waiting().is_empty());
    }

    #[test]
    fn a_fault_reads_from_a_line_of_json() {
        let fault: Fault =
            serde_json::from_str(r#"{"on":"create","what":{"kind":"answer","when":"after","status":500}}"#).unwrap();
        assert_eq!(fault.times, Some(1));
        assert!(matches!(fault.what, Trouble::Answer { when: Moment::After, status: 500, .. }));
    }
}
