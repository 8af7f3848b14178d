//! The one way to a server: one pool of connections per process, time-outs on everything, no redirect followed with a
//! POST, and every way a request can end told apart.
//!
//! Invariants: a POST is written once. The client's own repeats are off ([`reqwest::retry::never`]); the one that
//! cannot be switched off repeats only a request of which no byte was handed to a connection (a pooled connection
//! found closed), which `tests::failures::a_post_on_a_dying_connection_is_written_once` holds. Connect 10 s, whole request 60 s
//! (DESIGN §5). At most 8 MB of an answer are read. The environment's proxies are not used: a token goes to its own
//! host only. It knows no paths and no JSON.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue, LOCATION};
use reqwest::{Client, RequestBuilder, Response, Url};

use crate::fedi::address;
use crate::fedi::errors::FediError;

/// Name look-up, connection and TLS together.
const CONNECT: Duration = Duration::from_secs(10);
/// From the first look-up to the last byte of the answer.
const WHOLE: Duration = Duration::from_secs(60);
/// An idle connection is dropped before the shortest keep-alive servers are known to use (Apache: 5 s), so that few
/// requests meet a connection that dies under them.
const IDLE: Duration = Duration::from_secs(4);
/// The most of an answer we read.
const LARGEST_ANSWER: usize = 8 << 20;
const TOO_LONG: &str = "the answer is longer than 8 MB";
/// How often a GET may be sent elsewhere on the same host.
const REDIRECTS: usize = 3;

/// What every request carries: GoToSocial answers 418 without one (SERVERS.md §3).
pub(super) const USER_AGENT: &str = concat!("Watchpost/", env!("CARGO_PKG_VERSION"), " (+bot)");

/// The process' connections; cheap to clone, one per process.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client,
    pub(super) tls: Arc<rustls::ClientConfig>,
}

impl Http {
    /// Makes the pool.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn new() -> Result<Http, FediError> {
        Http::with_time_outs(CONNECT, WHOLE)
    }

    /// The same with other time-outs: tests of hanging servers do not wait a minute.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn with_time_outs(connect: Duration, whole: Duration) -> Result<Http, FediError> {
        Http::build(connect, whole, usize::MAX)
    }

    /// The same with a connection for each request, so that a server in a test sees when a client that died has nothing
    /// more on its way.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn without_pool(whole: Duration) -> Result<Http, FediError> {
        Http::build(CONNECT, whole, 0)
    }

    fn build(connect: Duration, whole: Duration, idle: usize) -> Result<Http, FediError> {
        let unusable =
            |_problem| FediError::Address { address: "TLS".to_owned(), problem: "cannot be set up on this machine" };
        let client = Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(connect)
            .timeout(whole)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(idle)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .tcp_nodelay(true)
            .build()
            .map_err(unusable)?;
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_problem| FediError::Address {
                address: "TLS".to_owned(),
                problem: "cannot be set up on this machine",
            })?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Http { client, tls: Arc::new(tls) })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }
}

/// A complete answer, whatever its status.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Why there is no complete answer. Reasons hold no address and no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Name look-up, connection or TLS failed (or the request could not even be built): provably nothing was sent.
    Unsent { reason: String },
    /// The time ran out after the connection stood.
    TimedOut,
    /// The connection broke, or its bytes were no HTTP.
    Broken { reason: String },
    /// The head of an answer came, its body not, or more of it than we read.
    CutShort { status: u16, reason: String },
}

impl Failure {
    fn of(error: reqwest::Error) -> Failure {
        // Before anything else: a time-out *while connecting* is provably unsent too.
        if error.is_connect() || error.is_builder() {
            Failure::Unsent { reason: reason(error) }
        } else if error.is_timeout() {
            Failure::TimedOut
        } else {
            Failure::Broken { reason: reason(error) }
        }
    }

    /// As an error about `server`.
    pub(super) fn into_error(self, server: &Url) -> FediError {
        let server = host(server);
        match self {
            Failure::Unsent { reason } => FediError::Unreachable { server, reason },
            Failure::TimedOut => FediError::TimedOut { server },
            Failure::CutShort { reason, .. } if reason == TOO_LONG => FediError::TooLong { server },
            Failure::Broken { reason } | Failure::CutShort { reason, .. } => FediError::Broken { server, reason },
        }
    }
}

/// The innermost cause says the most ("Connection refused"); the outer ones say "error sending request".
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text: String = cause.to_string().chars().filter(|c| !c.is_control()).take(160).collect();
    if error.is_connect() && error.is_timeout() { "no connection in time".to_owned() } else { text }
}

/// The host of an address, for people.
pub(super) fn host(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => String::new(),
    }
}

/// Sends a request once and reads its whole answer.
pub(super) async fn send(request: RequestBuilder) -> Result<Answer, Failure> {
    let response = request.send().await.map_err(Failure::of)?;
    read(response).await
}

async fn read(mut response: Response) -> Result<Answer, Failure> {
    let status = response.status().as_u16();
    let headers = std::mem::take(response.headers_mut());
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len().saturating_add(chunk.len()) > LARGEST_ANSWER => {
                return Err(Failure::CutShort { status, reason: TOO_LONG.to_owned() });
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(Answer { status, headers, body }),
            Err(error) => return Err(Failure::CutShort { status, reason: reason(error) }),
        }
    }
}

/// GETs `url`: repeated at once when the connection broke (pooled connections may be reset, SERVERS.md §3 rule 9),
/// redirected within the same scheme, host and port only.
pub(super) async fn get(http: &Http, url: Url, authorization: Option<&HeaderValue>) -> Result<Answer, Failure> {
    let mut url = url;
    let mut repeated = false;
    let mut redirects = 0;
    loop {
        let mut request = http.client().get(url.clone());
        if let Some(value) = authorization {
            request = request.header(reqwest::header::AUTHORIZATION, value.clone());
        }
        let answer = match send(request).await {
            // What is too long does not grow shorter.
            Err(Failure::CutShort { status, reason }) if reason == TOO_LONG => {
                return Err(Failure::CutShort { status, reason });
            }
            Err(Failure::Broken { .. } | Failure::CutShort { .. }) if !repeated => {
                repeated = true;
                continue;
            }
            other => other?,
        };
        match redirect(&url, &answer) {
            Some(target) if redirects < REDIRECTS => {
                redirects += 1;
                url = target;
            }
            _ => return Ok(answer),
        }
    }
}

fn redirect(from: &Url, answer: &Answer) -> Option<Url> {
    if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let target = from.join(answer.headers.get(LOCATION)?.to_str().ok()?).ok()?;
    address::same_origin(from, &target).then_some(target)
}
