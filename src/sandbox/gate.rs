//! What every API request passes: who asks, the request log, windows, faults, headers.
//!
//! Invariants: a request is logged before anything else happens to it; a fault "after" runs the handler to its end
//! first; a request that hangs goes on in a task of its own when its client leaves, as it would on a real server, and
//! is cut when the sandbox stops. Own addresses (`/`, `/media`, `/sandbox/…`) pass untouched.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, FromRequestParts, Request, State as Context};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::oneshot;

use super::Sandbox;
use super::answer::set;
use super::endpoint::Endpoint;
use super::faults::{Moment, Trouble};
use super::ids::AccountKey;
use super::key_store::Held;
use super::limits::{Family, Left, Owner};
use super::mangle;
use super::profile::{KeptFrom, Reset, Scopes, UserAgent};
use super::refused::Refused;
use super::seen::RequestSeen;
use super::state::State;
use super::wire::{BODY_MAX, Cutter};

/// Who asks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Caller {
    /// No token.
    Nobody,
    /// An app without a person.
    App,
    /// An account.
    Account(AccountKey),
    /// A token that is not, or no longer, valid.
    Refused(Refused),
}

/// Faults the handler itself must act out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Troubles(pub(crate) Vec<Trouble>);

/// The account that asks; without one the request is refused.
pub(crate) struct Me(pub(crate) AccountKey);

/// The account that asks, if any; a bad token is refused.
pub(crate) struct Viewer(pub(crate) Option<AccountKey>);

impl<S: Send + Sync> FromRequestParts<S> for Me {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refused> {
        match parts.extensions.get::<Caller>() {
            Some(Caller::Account(key)) => Ok(Me(*key)),
            Some(Caller::Refused(refused)) => Err(refused.clone()),
            Some(Caller::App) => Err(Refused::Unprocessable("This method requires an authenticated user".to_owned())),
            Some(Caller::Nobody) | None => Err(Refused::Token { status: 401, message: INVALID }),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Viewer {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refused> {
        match parts.extensions.get::<Caller>() {
            Some(Caller::Account(key)) => Ok(Viewer(Some(*key))),
            Some(Caller::Refused(refused)) => Err(refused.clone()),
            Some(Caller::App | Caller::Nobody) | None => Ok(Viewer(None)),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Troubles {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Troubles>().cloned().unwrap_or_default())
    }
}

const INVALID: &str = "The access token is invalid";
const REVOKED: &str = "The access token was revoked";

/// One request's papers.
struct Entry {
    number: usize,
    endpoint: Endpoint,
    account: Option<AccountKey>,
    left: Option<Left>,
    troubles: Vec<Trouble>,
    /// It does not say what program it comes from, and the server wants to know.
    nameless: bool,
}

/// Stands before every route.
pub(crate) async fn gate(
    Context(sandbox): Context<Sandbox>,
    ConnectInfo(cutter): ConnectInfo<Cutter>,
    mut request: Request,
    next: Next,
) -> Response {
    let _on_its_way = sandbox.0.traffic.begin();
    cutter.heard();
    let path = request.uri().path();
    if path == "/" || path.starts_with("/sandbox") || path.starts_with("/media/") || path.starts_with("/@") {
        return next.run(request).await;
    }
    let entry = enter(&sandbox, &mut request);
    if entry.nameless {
        let words = "I'm a teapot: no user-agent sent with request";
        return leave(&sandbox, &entry, Refused::Plain { status: 418, words }.into_response());
    }
    if entry.left.is_some_and(|left| left.over) {
        keep_refusal(&sandbox, &entry, request.headers());
        return leave(&sandbox, &entry, Refused::TooMany.into_response());
    }
    if !entry.troubles.iter().any(|trouble| matches!(trouble, Trouble::Hang { .. } | Trouble::Midway { .. })) {
        let response = act(&sandbox, &entry, &cutter, &mut None, request, next).await;
        return leave(&sandbox, &entry, response);
    }
    // The body is read first: once it is here, the client may go and the server works on.
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_MAX).await else {
        return leave(&sandbox, &entry, Refused::Unreadable.into_response());
    };
    let request = Request::from_parts(parts, Body::from(body));
    let inner = sandbox.clone();
    sandbox.change(|state| state.at_work += 1);
    let (held, is_held) = oneshot::channel();
    let mut held = entry.troubles.contains(&Trouble::Abandoned).then_some(held);
    let connection = cutter.clone();
    let work = sandbox.0.tasks.spawn(async move {
        let response = act(&inner, &entry, &cutter, &mut held, request, next).await;
        let response = leave(&inner, &entry, response);
        inner.change(|state| state.at_work = state.at_work.saturating_sub(1));
        response
    });
    tokio::select! {
        answer = work => answer.unwrap_or_else(|_stopped| Refused::NotFound.into_response()),
        Ok(()) = is_held => {
            connection.cut();
            Refused::NotFound.into_response()
        }
    }
}

/// Where any answer is kept with its key, a 429 is too.
fn keep_refusal(sandbox: &Sandbox, entry: &Entry, headers: &HeaderMap) {
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    let (Endpoint::Create, Some(author), Some(key)) = (entry.endpoint, entry.account, key) else { return };
    let now = sandbox.now();
    sandbox.change(|state| {
        if state.keeps_from(KeptFrom::AnyAnswer) {
            let said = Refused::TooMany.said(&state.profile);
            state.keep(author, Some(key), Held::Said(said), now);
        }
    });
}

fn enter(sandbox: &Sandbox, request: &mut Request) -> Entry {
    let endpoint = Endpoint::of(request.method().as_str(), request.uri().path());
    let query = request.uri().query().unwrap_or_default();
    let token = bearer(request.headers(), query, endpoint);
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let now = sandbox.now();
    let entry = sandbox.change(|state| {
        let (caller, serial, account) = state.identify(token.as_deref(), endpoint);
        let name = account.and_then(|key| state.accounts.get(&key)).map(|row| row.username.clone());
        let number = state.log(RequestSeen {
            at: now,
            method: request.method().to_string(),
            path: without_token(request.uri().path(), query),
            endpoint,
            account: name.clone(),
            idempotency_key: header("idempotency-key"),
            user_agent: header("user-agent"),
            status: None,
        });
        let paged = ["max_id=", "min_id=", "since_id="].iter().any(|cursor| query.contains(cursor));
        let limits = state.profile.limits;
        let left = limits
            .filter(|_| endpoint != Endpoint::Stream)
            .map(|limits| state.counters.request(&limits, endpoint, paged, serial, account, now));
        let State { faults, dice, .. } = state;
        let troubles = faults.take(endpoint, name.as_deref(), dice);
        let nameless = state.profile.user_agent == UserAgent::Needed && header("user-agent").is_none();
        (caller, Entry { number, endpoint, account, left, troubles, nameless })
    });
    let (caller, entry) = entry;
    request.extensions_mut().insert(caller);
    request.extensions_mut().insert(Troubles(entry.troubles.clone()));
    entry
}

impl State {
    fn identify(&self, token: Option<&str>, endpoint: Endpoint) -> (Caller, Option<u64>, Option<AccountKey>) {
        let Some(token) = token else { return (Caller::Nobody, None, None) };
        let Some(row) = self.tokens.get(token) else {
            let refused = Refused::Token { status: self.profile.bad_token, message: INVALID };
            return (Caller::Refused(refused), None, None);
        };
        if let Some(status) = row.revoked {
            return (Caller::Refused(Refused::Token { status, message: REVOKED }), Some(row.serial), row.account);
        }
        let allowed = endpoint.scope().is_none_or(|needed| {
            let broad = needed.split(':').next().unwrap_or(needed);
            let fine = self.profile.scopes == Scopes::Fine;
            row.scopes.split_whitespace().any(|scope| scope == broad || (fine && scope == needed))
        });
        if !allowed {
            return (Caller::Refused(Refused::Scope), Some(row.serial), row.account);
        }
        let caller = row.account.map_or(Caller::App, Caller::Account);
        (caller, Some(row.serial), row.account)
    }

    fn log(&mut self, request: RequestSeen) -> usize {
        if self.requests.len() >= self.requests_kept {
            self.requests.pop_front();
            self.requests_dropped += 1;
        }
        self.requests.push_back(request);
        self.requests_dropped + self.requests.len() - 1
    }
}

/// The token of a request: header, query, or for streams the WebSocket protocol.
pub(crate) fn bearer(headers: &HeaderMap, query: &str, endpoint: Endpoint) -> Option<String> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(token) = header("authorization").and_then(|value| value.strip_prefix("Bearer ")) {
        return Some(token.trim().to_owned());
    }
    let in_query = query.split('&').find_map(|pair| pair.strip_prefix("access_token="));
    if let Some(token) = in_query {
        return Some(token.to_owned());
    }
    let protocol = header("sec-websocket-protocol").filter(|_| endpoint == Endpoint::Stream);
    protocol.map(|token| token.trim().to_owned())
}

fn without_token(path: &str, query: &str) -> String {
    let kept: Vec<&str> =
        query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("access_token=")).collect();
    if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) }
}

/// Told once the request hangs, if its client does not wait for it.
type LetGo = Option<oneshot::Sender<()>>;

/// Lets the troubles and the handler do their work.
async fn act(
    sandbox: &Sandbox,
    entry: &Entry,
    cutter: &Cutter,
    held: &mut LetGo,
    request: Request,
    next: Next,
) -> Response {
    for trouble in &entry.troubles {
        if matches!(trouble, Trouble::TooMany { .. }) {
            keep_refusal(sandbox, entry, request.headers());
        }
        if let Some(response) = trouble_at(sandbox, trouble, Moment::Before, cutter, held).await {
            return response;
        }
    }
    let mut response = next.run(request).await;
    for trouble in &entry.troubles {
        if let Some(instead) = trouble_at(sandbox, trouble, Moment::After, cutter, held).await {
            return instead;
        }
        response = mangle::answer(response, trouble, cutter).await;
    }
    response
}

/// The answer a trouble gives at this moment instead of the right one.
async fn trouble_at(
    sandbox: &Sandbox,
    trouble: &Trouble,
    now: Moment,
    cutter: &Cutter,
    held: &mut LetGo,
) -> Option<Response> {
    match trouble {
        Trouble::Answer { when, status, body, content_type, headers } if *when == now => {
            let kind = content_type.as_deref().unwrap_or("application/json; charset=utf-8");
            let mut response = super::answer::text(*status, kind, body.clone());
            for (name, value) in headers {
                set(&mut response, name, value);
            }
            Some(response)
        }
        Trouble::TooMany { reset_in } if now == Moment::Before => {
            let mut response = Refused::TooMany.into_response();
            if let Some(seconds) = reset_in {
                let wait = i64::from(*seconds);
                let reset = sandbox.now() + chrono::Duration::seconds(wait);
                set_left(&mut response, &Left { limit: 300, remaining: 0, reset, wait, over: true }, Reset::Time);
            }
            Some(response)
        }
        Trouble::Hang { when, ms } if *when == now => {
            let told = held.take();
            // A client that left by itself need not be told.
            let tell = || told.map_or((), |told| told.send(()).unwrap_or_default());
            sandbox.hang(ms.map(Duration::from_millis), tell).await.then(|| {
                cutter.cut();
                Refused::NotFound.into_response()
            })
        }
        Trouble::Cut { when } if *when == now => {
            cutter.cut();
            Some(Refused::NotFound.into_response())
        }
        Trouble::Answer { .. }
        | Trouble::TooMany { .. }
        | Trouble::Hang { .. }
        | Trouble::Abandoned
        | Trouble::Cut { .. }
        | Trouble::HalfBody
        | Trouble::WithoutId
        | Trouble::UnknownWords
        | Trouble::UnknownNotification
        | Trouble::MalformedNotification
        | Trouble::Date { .. }
        | Trouble::Pretend
        | Trouble::Lag { .. }
        | Trouble::Late { .. }
        | Trouble::Midway { .. }
        | Trouble::YoungParent { .. }
        | Trouble::KeyLost
        | Trouble::Unthreaded
        | Trouble::NotPushed
        | Trouble::SilentStream
        | Trouble::CloseStream { .. }
        | Trouble::Processing { .. }
        | Trouble::ProcessingFails => None,
    }
}

/// Writes what every answer carries, and its status code into the log.
fn leave(sandbox: &Sandbox, entry: &Entry, mut response: Response) -> Response {
    let now = sandbox.now();
    let cut = entry.troubles.iter().any(|trouble| matches!(trouble, Trouble::Cut { .. }));
    let mut told = Reset::Time;
    let left = sandbox.change(|state| {
        if let Some(refused) = response.extensions_mut().remove::<Refused>() {
            // What a fault put on it (how long to wait) stays.
            let kept = std::mem::take(response.headers_mut());
            response = refused.said(&state.profile).into_response();
            for (name, value) in kept.into_iter().filter_map(|(name, value)| Some((name?, value))) {
                response.headers_mut().entry(name).or_insert(value);
            }
        }
        let index = entry.number.checked_sub(state.requests_dropped);
        if let Some(seen) = index.and_then(|index| state.requests.get_mut(index)) {
            seen.status = (!cut).then_some(response.status().as_u16());
        }
        let creates = matches!(entry.endpoint, Endpoint::Create | Endpoint::Edit);
        told = state.profile.limits.map_or(Reset::Time, |limits| limits.told);
        match (state.profile.limits.and_then(|limits| limits.create), entry.account) {
            (Some(create), Some(account)) if creates && !entry.left.is_some_and(|left| left.over) => {
                Some(state.counters.peek(Family::Create, Owner::Account(account), create, now))
            }
            _ => entry.left,
        }
    });
    let spoken = entry.troubles.iter().any(|trouble| matches!(trouble, Trouble::TooMany { .. }));
    if let Some(left) = left.filter(|_| !spoken) {
        set_left(&mut response, &left, told);
    }
    let skew: i64 =
        entry.troubles.iter().map(|trouble| if let Trouble::Date { seconds } = trouble { *seconds } else { 0 }).sum();
    let date = now + chrono::Duration::seconds(skew);
    set(&mut response, "date", &date.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
    response
}

fn set_left(response: &mut Response, left: &Left, told: Reset) {
    if told == Reset::RetryAfter && left.over {
        set(response, "retry-after", &left.wait.to_string());
    }
    let Some(reset) = left.reset_text(told) else { return };
    set(response, "x-ratelimit-limit", &left.limit.to_string());
    set(response, "x-ratelimit-remaining", &left.remaining.to_string());
    set(response, "x-ratelimit-reset", &reset);
}
