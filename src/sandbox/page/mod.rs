//! The page at `/`: every thread, and a form to write as an invented person.
//!
//! For newcomers: what a bot says, and what comes back when they speak to it. A small script fetches the threads again
//! whenever something changed; without script, reloading does the same.
//!
//! Invariants: whatever anybody wrote is escaped, and the page may load nothing but its own style, script and `/media`.

mod threads;

use std::time::Duration;

use axum::Router;
use axum::extract::State as Context;
use axum::response::Response;
use axum::routing::{get, post};

use super::answer::{html, json as answer, set, text};
use super::create::Draft;
use super::entity::visibility;
use super::html::escape;
use super::params::Params;
use super::refused::Refused;
use super::state::{Part, State};
use super::{Sandbox, SandboxError};

const PAGE: &str = include_str!("timeline.html");
const STYLE: &str = include_str!("timeline.css");
const SCRIPT: &str = include_str!("timeline.js");
const AVATAR: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 8 8\"><rect width=\"8\" height=\"8\" \
                      fill=\"#3d5a4c\"/><circle cx=\"4\" cy=\"4\" r=\"2\" fill=\"#f4efe2\"/></svg>";
/// What the page may load; scripts of strangers have no way in even if an escape were forgotten.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// How long a reader waits for a change before asking again; below common time-outs.
const PATIENCE: Duration = Duration::from_secs(25);

pub(crate) fn router() -> Router<Sandbox> {
    Router::new()
        .route("/", get(page))
        .route("/@{name}", get(home))
        .route("/@{name}/{id}", get(one))
        .route("/tags/{tag}", get(home))
        .route("/sandbox/threads", get(changes))
        .route("/sandbox/say", post(say))
        .route("/sandbox/timeline.css", get(async || text(200, "text/css; charset=utf-8", STYLE)))
        .route("/sandbox/timeline.js", get(async || text(200, "text/javascript; charset=utf-8", SCRIPT)))
        .route("/sandbox/avatar.svg", get(async || text(200, "image/svg+xml", AVATAR)))
}

async fn page(Context(sandbox): Context<Sandbox>, params: Params) -> Response {
    let version = *sandbox.0.changed.borrow();
    let now = sandbox.now();
    let (threads, bots, choices) = sandbox
        .look(|state| (threads::all(state, now), campaign_names(state), threads::choices(state, params.text("reply"))));
    let names: Vec<String> = bots.iter().map(|name| format!("<strong>@{}</strong>", escape(name))).collect();
    let who = match names.as_slice() {
        [] => "No account yet: start a bot, or make one over <code>/sandbox/accounts</code>.".to_owned(),
        names => format!("Bots here: {}.", names.join(", ")),
    };
    let said = params.text("said").map(|said| format!("<p class=\"wrong\">{}</p>", escape(said))).unwrap_or_default();
    let hint = bots.first().map(|name| format!("@{}", escape(name))).unwrap_or_default();
    // The threads come last: nothing people wrote is searched for further marks.
    let body = PAGE
        .replace("{who}", &who)
        .replace("{version}", &version.to_string())
        .replace("{hint}", &hint)
        .replace("{said}", &said)
        .replace("{choices}", &choices);
    let (head, tail) = body.split_once("{threads}").unwrap_or((&body, ""));
    let mut response = html(format!("{head}{threads}{tail}"));
    set(&mut response, "content-security-policy", POLICY);
    response
}

fn campaign_names(state: &State) -> Vec<String> {
    let mut names: Vec<String> =
        state.accounts.values().filter(|row| row.part == Part::Campaign).map(|row| state.acct(row)).collect();
    names.sort_unstable();
    names
}

/// The threads as HTML, as soon as something changed since `after`.
async fn changes(Context(sandbox): Context<Sandbox>, params: Params) -> Response {
    let after: u64 = params.text("after").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut changed = sandbox.0.changed.subscribe();
    let wait = tokio::time::timeout(PATIENCE, changed.wait_for(|version| *version > after));
    tokio::select! {
        () = sandbox.0.stop.cancelled() => {}
        _ = wait => {}
    }
    let version = *sandbox.0.changed.borrow();
    let now = sandbox.now();
    let (threads, choices) = sandbox.look(|state| (threads::all(state, now), threads::choices(state, None)));
    let body = serde_json::json!({ "version": version, "threads": threads, "choices": choices });
    answer(200, &body)
}

/// What the form sends.
async fn say(Context(sandbox): Context<Sandbox>, params: Params) -> Response {
    match spoken(&sandbox, &params) {
        Ok(id) => see_other(&format!("/#s-{id}")),
        Err(wrong) => {
            let said = match wrong {
                SandboxError::Refused(refused) => refused.to_string(),
                SandboxError::Listen { .. }
                | SandboxError::NameTaken(_)
                | SandboxError::BadName(_)
                | SandboxError::NoAccount(_) => wrong.to_string(),
            };
            see_other(&format!("/?said={}", super::paging::encode(&said)))
        }
    }
}

fn spoken(sandbox: &Sandbox, params: &Params) -> Result<String, SandboxError> {
    let seen_by = params.text("visibility").and_then(visibility);
    let name = params.text("from").unwrap_or_default().trim().to_owned();
    if sandbox.look(|state| state.named(&name).is_some_and(|row| row.part == Part::Campaign)) {
        let text = format!("{name} is a bot's account; choose the name of an invented person.");
        return Err(Refused::Unprocessable(text).into());
    }
    let draft = Draft {
        text: params.raw("text").unwrap_or_default().to_owned(),
        warning: params.raw("cw").unwrap_or_default().to_owned(),
        visibility: seen_by,
        in_reply_to: params.text("reply").map(str::to_owned),
        language: params.text("language").map(str::to_owned),
        ..Draft::default()
    };
    Ok(sandbox.write(&name, draft)?.to_string())
}

fn see_other(location: &str) -> Response {
    let mut response = text(303, "text/plain; charset=utf-8", "");
    set(&mut response, "location", location);
    response
}

async fn home() -> Response {
    see_other("/")
}

async fn one(axum::extract::Path((_, id)): axum::extract::Path<(String, String)>) -> Response {
    let id: String = id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    see_other(&format!("/#s-{id}"))
}
