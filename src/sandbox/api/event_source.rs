//! `/api/v1/streaming/user`: the same events as over WebSocket, as server-sent events, for clients that read those.
//!
//! One stream carries one topic, named by its path. Pings are comments (`:thump`), as Mastodon writes them.

use axum::body::{Body, Bytes};
use axum::extract::State as Context;
use axum::response::Response;
use futures_util::stream;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Interval;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::sandbox::Sandbox;
use crate::sandbox::answer::{set, text};
use crate::sandbox::gate::Me;
use crate::sandbox::ids::AccountKey;
use crate::sandbox::refused::Refused;
use crate::sandbox::state::Push;

pub(crate) async fn user(Context(sandbox): Context<Sandbox>, me: Me) -> Result<Response, Refused> {
    open(&sandbox, me.0, "user")
}

pub(crate) async fn notifications(Context(sandbox): Context<Sandbox>, me: Me) -> Result<Response, Refused> {
    open(&sandbox, me.0, "user:notification")
}

/// An open stream; dropping it takes its line out of the list.
struct Events {
    sandbox: Sandbox,
    account: AccountKey,
    id: u64,
    pushes: mpsc::UnboundedReceiver<Push>,
    pings: Interval,
    stop: CancellationToken,
    _counted: TaskTrackerToken,
}

impl Drop for Events {
    fn drop(&mut self) {
        self.sandbox.close_line(self.account, self.id);
    }
}

fn open(sandbox: &Sandbox, account: AccountKey, topic: &str) -> Result<Response, Refused> {
    sandbox.look(|state| state.profile.streaming.open())?;
    let (to, pushes) = mpsc::unbounded_channel();
    let id = sandbox.open_line(account, vec![topic.to_owned()], to);
    let events = Events {
        sandbox: sandbox.clone(),
        account,
        id,
        pushes,
        pings: tokio::time::interval(sandbox.0.ping_every),
        stop: sandbox.0.stop.clone(),
        _counted: sandbox.0.tasks.token(),
    };
    let body = Body::from_stream(stream::unfold(events, |mut events| async move {
        let next = events.next().await?;
        Some((Ok::<Bytes, std::io::Error>(Bytes::from(next)), events))
    }));
    let mut response = text(200, "text/event-stream", body);
    set(&mut response, "cache-control", "private, no-store");
    Ok(response)
}

impl Events {
    /// What is written next; nothing at the end.
    async fn next(&mut self) -> Option<String> {
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return None,
                push = self.pushes.recv() => match push? {
                    Push::Frame(frame) => if let Some(event) = event(&frame) { return Some(event) },
                    Push::Close(_) | Push::Cut => return None,
                    // Open, and dead.
                    Push::Silence => { self.stop.cancelled().await; return None }
                },
                _ = self.pings.tick() => return Some(":thump\n".to_owned()),
            }
        }
    }
}

/// A WebSocket frame as an event.
fn event(frame: &str) -> Option<String> {
    let frame: Value = serde_json::from_str(frame).ok()?;
    let word = |name: &str| frame.get(name).and_then(Value::as_str);
    Some(format!("event: {}\ndata: {}\n\n", word("event")?, word("payload")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_becomes_an_event() {
        let frame = r#"{"stream":["user"],"event":"delete","payload":"7"}"#;
        assert_eq!(event(frame).as_deref(), Some("event: delete\ndata: 7\n\n"));
        assert_eq!(event("?"), None);
    }
}
