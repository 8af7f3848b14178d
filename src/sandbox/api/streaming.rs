//! `/api/v1/streaming`: events over WebSocket.
//!
//! Nothing is replayed after a reconnect. The server pings; a silenced stream stays open and does nothing at all, which
//! is what a dead connection behind a balancer looks like.

use std::ops::ControlFlow;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State as Context};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::sandbox::Sandbox;
use crate::sandbox::answer::{json as answer, text};
use crate::sandbox::faults::Trouble;
use crate::sandbox::gate::{Caller, Troubles};
use crate::sandbox::ids::AccountKey;
use crate::sandbox::params::Params;
use crate::sandbox::profile::StreamClose;
use crate::sandbox::refused::Refused;
use crate::sandbox::state::{Line, Push};
use crate::sandbox::wire::Cutter;

pub(crate) async fn health(Context(sandbox): Context<Sandbox>) -> Result<Response, Refused> {
    sandbox.look(|state| state.profile.streaming.open())?;
    Ok(text(200, "text/plain", "OK"))
}

pub(crate) async fn open(
    Context(sandbox): Context<Sandbox>,
    ConnectInfo(cutter): ConnectInfo<Cutter>,
    caller: axum::Extension<Caller>,
    Troubles(troubles): Troubles,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
    params: Params,
) -> Result<Response, Refused> {
    sandbox.look(|state| state.profile.streaming.open())?;
    let account = match caller.0 {
        Caller::Account(account) => account,
        Caller::Refused(_) | Caller::App => return Ok(unauthorized("Invalid access token")),
        Caller::Nobody => return Ok(unauthorized("Missing access token")),
    };
    let Ok(upgrade) = upgrade else { return Err(Refused::NoRoute) };
    let topics: Vec<String> = params.text("stream").map(str::to_owned).into_iter().collect();
    // A token sent as protocol must be echoed, or browsers refuse the connection.
    let protocol = headers.get("sec-websocket-protocol").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let upgrade = match protocol {
        Some(protocol) => upgrade.protocols([protocol]),
        None => upgrade,
    };
    let guard = sandbox.0.tasks.token();
    Ok(upgrade.on_upgrade(move |socket| async move {
        serve(&sandbox, socket, account, topics, &troubles, &cutter).await;
        drop(guard);
    }))
}

fn unauthorized(message: &str) -> Response {
    answer(401, &json!({ "error": message }))
}

async fn serve(
    sandbox: &Sandbox,
    mut socket: WebSocket,
    account: AccountKey,
    topics: Vec<String>,
    troubles: &[Trouble],
    cutter: &Cutter,
) {
    for trouble in troubles {
        if let Trouble::CloseStream { code } = trouble {
            return close(socket, *code).await;
        }
        if *trouble == Trouble::SilentStream {
            return silent(sandbox, socket, cutter).await;
        }
    }
    let (to, mut pushes) = mpsc::unbounded_channel();
    let id = sandbox.open_line(account, topics, to);
    let mut pings = tokio::time::interval(sandbox.0.ping_every);
    pings.tick().await;
    let end = loop {
        tokio::select! {
            () = sandbox.0.stop.cancelled() => break Some(Push::Close(1001)),
            push = pushes.recv() => match push {
                Some(Push::Frame(frame)) => if socket.send(Message::text(frame)).await.is_err() { break None },
                other => break other,
            },
            message = socket.recv() => match message {
                Some(Ok(message)) => if heard(sandbox, account, id, &message).is_break() { break None },
                Some(Err(_)) | None => break None,
            },
            _ = pings.tick() => if socket.send(Message::Ping(Vec::new().into())).await.is_err() { break None },
        }
    };
    sandbox.close_line(account, id);
    match end {
        Some(Push::Close(code)) => match sandbox.look(|state| state.profile.stream_close) {
            StreamClose::Frame => close(socket, code).await,
            StreamClose::Silent => drop(socket),
        },
        Some(Push::Cut) => {
            cutter.cut();
            // The write fails, and that resets the connection.
            drop(socket.send(Message::Ping(Vec::new().into())).await);
        }
        Some(Push::Silence) => silent(sandbox, socket, cutter).await,
        Some(Push::Frame(_)) | None => {}
    }
}

impl Sandbox {
    /// From now on the account's events go down this line; gives its number.
    pub(crate) fn open_line(&self, account: AccountKey, topics: Vec<String>, to: mpsc::UnboundedSender<Push>) -> u64 {
        self.change(|state| {
            state.last_line += 1;
            let id = state.last_line;
            *state.lines_opened.entry(account).or_default() += 1;
            state.lines.entry(account).or_default().push(Line { id, topics, to });
            id
        })
    }

    /// Takes a line out of the list.
    pub(crate) fn close_line(&self, account: AccountKey, id: u64) {
        self.change(|state| {
            if let Some(lines) = state.lines.get_mut(&account) {
                lines.retain(|line| line.id != id);
                if lines.is_empty() {
                    state.lines.remove(&account);
                }
            }
        });
    }
}

/// What a client may say: subscribe to a topic, or no longer.
fn heard(sandbox: &Sandbox, account: AccountKey, id: u64, message: &Message) -> ControlFlow<()> {
    let text = match message {
        Message::Text(text) => text,
        Message::Close(_) => return ControlFlow::Break(()),
        Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => return ControlFlow::Continue(()),
    };
    let Ok(command) = serde_json::from_str::<Value>(text) else { return ControlFlow::Continue(()) };
    let word = |name: &str| command.get(name).and_then(Value::as_str);
    if let (Some(kind), Some(topic)) = (word("type"), word("stream")) {
        sandbox.change(|state| {
            let line = state.lines.get_mut(&account).and_then(|lines| lines.iter_mut().find(|line| line.id == id));
            if let Some(line) = line {
                line.topics.retain(|has| has != topic);
                if kind == "subscribe" {
                    line.topics.push(topic.to_owned());
                }
            }
        });
    }
    ControlFlow::Continue(())
}

async fn close(mut socket: WebSocket, code: u16) {
    let frame = CloseFrame { code, reason: "".into() };
    // The client may be gone already.
    drop(socket.send(Message::Close(Some(frame))).await);
}

/// Open, and dead: nothing is read, written or answered until the sandbox stops.
async fn silent(sandbox: &Sandbox, socket: WebSocket, cutter: &Cutter) {
    sandbox.0.stop.cancelled().await;
    cutter.cut();
    drop(socket);
}
