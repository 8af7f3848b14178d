//! The hand over HTTP: everything [`super::Sandbox`] can do, as JSON under `/sandbox/…`.
//!
//! A fault is `{"on": "create", "account": "eyes", "times": 2, "chance": 0.5, "what": {"kind": "answer", "when": "after",
//! "status": 500}}`; every field but `what` may be absent, `"times": null` means until cleared. The kinds are those of
//! [`super::Trouble`] in snake case.
//!
//! For scripts, for tests in other languages, and for the page. No token is asked for: the sandbox listens on loopback.

use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State as Context};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use serde_json::{Value, json};

use super::answer::json as answer;
use super::create::Draft;
use super::entity::visibility;
use super::faults::Fault;
use super::handle::StreamEnd;
use super::params::Params;
use super::people::NewAccount;
use super::refused::Refused;
use super::seen::Ever;
use super::{Sandbox, SandboxError};

/// Addresses of the hand.
pub(crate) fn router() -> Router<Sandbox> {
    Router::new()
        .route("/sandbox/state", get(state))
        .route("/sandbox/requests", get(requests).delete(forget_requests))
        .route("/sandbox/accounts", post(add_account))
        .route("/sandbox/followers", post(add_follower))
        .route("/sandbox/statuses", post(write))
        .route("/sandbox/statuses/{id}", put(edit).delete(delete))
        .route("/sandbox/act", post(act))
        .route("/sandbox/faults", get(faults).post(add_faults).delete(clear_faults))
        .route("/sandbox/faults/release", post(release))
        .route("/sandbox/streams", post(streams))
        .route("/sandbox/restart", post(restart))
        .route("/sandbox/tokens", post(tokens))
        .route("/sandbox/clock", post(clock))
}

impl IntoResponse for SandboxError {
    fn into_response(self) -> Response {
        let status = match &self {
            SandboxError::NoAccount(_) => 404,
            SandboxError::NameTaken(_) | SandboxError::BadName(_) => 422,
            SandboxError::Listen { .. } => 500,
            SandboxError::Refused(refused) => refused.status(),
        };
        answer(status, &json!({ "error": self.to_string() }))
    }
}

async fn state(Context(sandbox): Context<Sandbox>) -> Response {
    sandbox.look(|state| {
        let mut accounts: Vec<Value> = state
            .accounts
            .values()
            .map(|row| {
                json!({
                    "id": state.id(row.key), "name": state.acct(row), "part": row.part, "bot": row.bot, "statuses": row.standing,
                    "notifications": row.notifications.len(), "streams": state.lines.get(&row.key).map_or(0, Vec::len),
                })
            })
            .collect();
        accounts.sort_by_key(|account| account.get("id").map(Value::to_string));
        let statuses: Vec<_> = state.everything().collect();
        let body = json!({
            "accounts": accounts,
            "statuses": statuses,
            "duplicates": state.duplicates(Ever::No),
            "duplicates_ever": state.duplicates(Ever::Yes),
            "hanging": state.hanging(),
            "faults_waiting": state.faults_waiting(),
            "scheduled": state.scheduled(),
        });
        answer(200, &body)
    })
}

async fn requests(Context(sandbox): Context<Sandbox>) -> Response {
    answer(200, &json!(sandbox.requests()))
}

async fn forget_requests(Context(sandbox): Context<Sandbox>) -> Response {
    sandbox.change(|state| {
        state.requests_dropped += state.requests.len();
        state.requests.clear();
    });
    done()
}

fn done() -> Response {
    answer(200, &json!({}))
}

fn needed<'a>(params: &'a Params, name: &str) -> Result<&'a str, SandboxError> {
    params.text(name).ok_or_else(|| Refused::Invalid(format!("{name} can't be blank")).into())
}

async fn add_account(sandbox: Context<Sandbox>, params: Params) -> Result<Response, SandboxError> {
    let new = NewAccount::campaign(needed(&params, "name")?);
    add(&sandbox, &params, new)
}

async fn add_follower(sandbox: Context<Sandbox>, params: Params) -> Result<Response, SandboxError> {
    let new = NewAccount::follower(needed(&params, "name")?);
    add(&sandbox, &params, new)
}

fn add(sandbox: &Sandbox, params: &Params, mut new: NewAccount) -> Result<Response, SandboxError> {
    if let Some(name) = params.text("display_name") {
        new = new.display_name(name);
    }
    if let Some(note) = params.text("note") {
        new = new.note(note);
    }
    if let Some(bot) = params.flag("bot") {
        new = new.bot(bot);
    }
    if let Some(token) = params.text("token") {
        new = new.token(token);
    }
    let made = sandbox.add_account(new)?;
    Ok(answer(200, &json!({ "id": made.id, "name": made.name, "token": made.token })))
}

fn draft(params: &Params) -> Result<Draft, SandboxError> {
    let seen_by = params.text("visibility").map(|word| {
        visibility(word).ok_or_else(|| Refused::Unprocessable(format!("'{word}' is not a valid visibility")))
    });
    Ok(Draft {
        text: needed(params, "text")?.to_owned(),
        warning: params.raw("cw").unwrap_or_default().to_owned(),
        visibility: seen_by.transpose()?,
        language: params.text("language").map(str::to_owned),
        in_reply_to: params.text("in_reply_to").map(str::to_owned),
        ..Draft::default()
    })
}

async fn write(Context(sandbox): Context<Sandbox>, params: Params) -> Result<Response, SandboxError> {
    let id = sandbox.write(needed(&params, "from")?, draft(&params)?)?;
    Ok(answer(200, &json!({ "id": id })))
}

async fn edit(
    Context(sandbox): Context<Sandbox>,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, SandboxError> {
    sandbox.edit(id, &draft(&params)?)?;
    Ok(done())
}

async fn delete(Context(sandbox): Context<Sandbox>, Path(id): Path<String>) -> Result<Response, SandboxError> {
    sandbox.delete(id)?;
    Ok(done())
}

/// `{"who": "ada", "do": "block", "whom": "eyes"}` or `{"who": "ada", "do": "favourite", "status": "1"}`
async fn act(Context(sandbox): Context<Sandbox>, params: Params) -> Result<Response, SandboxError> {
    let who = needed(&params, "who")?;
    match needed(&params, "do")? {
        "block" => sandbox.block(who, needed(&params, "whom")?)?,
        "follow" => sandbox.follow(who, needed(&params, "whom")?)?,
        "favourite" => sandbox.favourite(who, needed(&params, "status")?)?,
        "boost" => drop(sandbox.boost(who, needed(&params, "status")?)?),
        other => {
            let text = format!("`{other}` is nothing to do; use block, follow, favourite or boost.");
            return Err(Refused::Unprocessable(text).into());
        }
    }
    Ok(done())
}

async fn faults(Context(sandbox): Context<Sandbox>) -> Response {
    sandbox.look(|state| answer(200, &json!(state.faults.waiting())))
}

async fn add_faults(Context(sandbox): Context<Sandbox>, body: axum::body::Bytes) -> Result<Response, SandboxError> {
    // Told apart by the first sign, so that the mistake found is the one that was made.
    let faults: Vec<Fault> = match body.trim_ascii_start().first() {
        Some(b'[') => serde_json::from_slice(&body),
        _ => serde_json::from_slice(&body).map(|fault| vec![fault]),
    }
    .map_err(|mistake| Refused::Unprocessable(format!("This is no fault and no list of faults: {mistake}")))?;
    for fault in faults {
        sandbox.fault(fault);
    }
    Ok(done())
}

async fn clear_faults(Context(sandbox): Context<Sandbox>) -> Response {
    sandbox.clear_faults();
    done()
}

async fn release(Context(sandbox): Context<Sandbox>) -> Response {
    sandbox.release();
    done()
}

/// `{"do": "close" | "cut" | "silence", "account": "eyes"}`; all accounts when it is absent.
async fn streams(Context(sandbox): Context<Sandbox>, params: Params) -> Result<Response, SandboxError> {
    let how = match needed(&params, "do")? {
        "close" => StreamEnd::Close,
        "cut" => StreamEnd::Cut,
        "silence" => StreamEnd::Silence,
        other => {
            let text = format!("`{other}` ends no stream; use close, cut or silence.");
            return Err(Refused::Unprocessable(text).into());
        }
    };
    sandbox.end_streams(params.text("account"), how);
    Ok(done())
}

async fn restart(Context(sandbox): Context<Sandbox>) -> Response {
    sandbox.restart();
    done()
}

/// `{"account": "eyes", "revoked": 401}`, or `{"account": "eyes", "revoked": false}` to make it good again.
async fn tokens(Context(sandbox): Context<Sandbox>, params: Params) -> Result<Response, SandboxError> {
    let account = needed(&params, "account")?;
    match params.text("revoked").map(str::parse::<u16>) {
        Some(Ok(status)) => sandbox.revoke(account, status)?,
        Some(Err(_)) if params.flag("revoked") == Some(false) => sandbox.restore(account)?,
        Some(Err(_)) | None => sandbox.revoke(account, 401)?,
    }
    Ok(done())
}

/// `{"advance_ms": 60000}`: moves a hand-set clock; other clocks move by themselves.
async fn clock(Context(sandbox): Context<Sandbox>, params: Params) -> Response {
    if let Some(by) = params.text("advance_ms").and_then(|text| text.parse().ok()) {
        sandbox.0.clock.advance(Duration::from_millis(by));
        sandbox.change(|_| ());
    }
    answer(200, &json!({ "now": sandbox.now() }))
}
