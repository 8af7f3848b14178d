//! The stream: what comes in, how it ends, where the token goes.

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::json;
use tokio::time::timeout;

use super::*;
use crate::fedi::{Advice, Capabilities, MentionStream, StreamError, Streamed};

/// A server that greets with these frames and then does what `then` says.
async fn streaming(frames: Vec<Message>, then: Then) -> (String, Arc<Mutex<Vec<(String, HeaderMap)>>>) {
    let saw: Arc<Mutex<Vec<(String, HeaderMap)>>> = Arc::default();
    let remembered = Arc::clone(&saw);
    let router = Router::new().route(
        "/api/v1/streaming",
        get(move |upgrade: WebSocketUpgrade, uri: axum::http::Uri, headers: HeaderMap| async move {
            remembered.lock().unwrap().push((uri.to_string(), headers));
            upgrade.on_upgrade(move |socket| play(socket, frames, then)).into_response()
        }),
    );
    (listen(router).await, saw)
}

#[derive(Clone, Copy)]
enum Then {
    Close,
    Drop,
    Wait,
}

async fn play(mut socket: WebSocket, frames: Vec<Message>, then: Then) {
    for frame in frames {
        socket.send(frame).await.unwrap();
    }
    match then {
        Then::Close => drop(socket.send(Message::Close(None)).await),
        Then::Drop => {}
        Then::Wait => while let Some(Ok(_)) = socket.recv().await {},
    }
}

async fn open(url: &str) -> Result<MentionStream, StreamError> {
    fedi(url).open_stream(&me(), &Capabilities::defaults()).await
}

fn event(payload: &Value) -> Message {
    Message::text(json!({ "stream": ["user:notification"], "event": "notification", "payload": payload }).to_string())
}

fn mention() -> Value {
    json!({ "id": "1", "type": "mention", "status": { "id": "5", "created_at": "2026-11-22T10:00:00Z", "content": "@eyes hi", "account": { "id": "2", "acct": "ann" } } })
}

#[tokio::test]
async fn mentions_come_in_between_everything_else() {
    let frames = vec![
        event(&Value::String(mention().to_string())),
        event(&mention()),
        Message::Ping(Vec::new().into()),
        Message::text(""),
        Message::Binary(vec![1, 2].into()),
        event(&json!(r#"{"id":"2","type":"favourite"}"#)),
        Message::text(r#"{"event":"filters_changed"}"#),
        event(&json!("{\"cut")),
        event(&json!(null)),
        Message::text("not json"),
        Message::text("{}"),
        event(&mention()),
    ];
    let (url, saw) = streaming(frames, Then::Close).await;
    let mut stream = open(&url).await.unwrap();
    let mut got = String::new();
    let end = loop {
        match stream.next().await {
            Ok(Streamed::Mention(mention)) => {
                assert_eq!(mention.status.as_str(), "5");
                got.push('m');
            }
            Ok(Streamed::Other) => got.push('o'),
            Ok(Streamed::Undecodable) => got.push('u'),
            Err(error) => break error,
        }
    };
    assert_eq!(got, "mmoouuuum");
    assert!(matches!(end, StreamError::Closed { .. }), "{end:?}");
    assert_eq!(end.advice(), Advice::Retry(None));
    let saw = saw.lock().unwrap();
    assert_eq!(saw[0].0, "/api/v1/streaming?stream=user%3Anotification");
    assert_eq!(saw[0].1["authorization"], format!("Bearer {TOKEN}"));
    assert!(saw[0].1["user-agent"].to_str().unwrap().starts_with("Watchpost/"));
}

#[tokio::test]
async fn a_silent_stream_is_dead() {
    let (url, _) = streaming(vec![event(&mention())], Then::Wait).await;
    let mut stream = open(&url).await.unwrap();
    stream.silence = Duration::from_millis(50);
    assert!(matches!(stream.next().await, Ok(Streamed::Mention(_))));
    let end = stream.next().await.unwrap_err();
    assert!(matches!(end, StreamError::Silent { .. }), "{end:?}");
    stream.close().await;
}

#[tokio::test]
async fn a_silent_stream_is_dead_also_for_a_caller_that_waits_for_other_things_too() {
    let (url, _) = streaming(vec![event(&mention())], Then::Wait).await;
    let mut stream = open(&url).await.unwrap();
    stream.silence = Duration::from_millis(200);
    assert!(matches!(stream.next().await, Ok(Streamed::Mention(_))));
    let waits = async {
        loop {
            // Something else happens meanwhile, and the call is dropped.
            if let Ok(ended) = timeout(Duration::from_millis(20), stream.next()).await {
                return ended.unwrap_err();
            }
        }
    };
    let end = timeout(Duration::from_secs(20), waits).await.expect("silence is noticed");
    assert!(matches!(end, StreamError::Silent { .. }), "{end:?}");
}

#[tokio::test]
async fn a_stream_cut_off_ends_with_an_error() {
    let (url, _) = streaming(Vec::new(), Then::Drop).await;
    let end = open(&url).await.unwrap().next().await.unwrap_err();
    assert_eq!(end.advice(), Advice::Retry(None), "{end:?}");
}

#[tokio::test]
async fn a_refusal_after_the_handshake_needs_a_person() {
    let refusal =
        Message::text(json!({ "error": format!("Access token {TOKEN} is invalid"), "status": 401 }).to_string());
    let (url, _) = streaming(vec![refusal], Then::Wait).await;
    let end = open(&url).await.unwrap().next().await.unwrap_err();
    assert!(matches!(end, StreamError::Denied { .. }), "{end:?}");
    assert!(!format!("{end} {end:?}").contains(TOKEN));
}

#[tokio::test]
async fn a_server_without_a_stream_is_polled_only() {
    let check = async |status: u16, expected: Advice| {
        let server = Server::start(move |_| (status, vec![("retry-after", "9".to_owned())], String::new())).await;
        let error = open(&server.url).await.unwrap_err();
        assert_eq!(error.advice(), expected, "{status}: {error:?}");
    };
    for status in [200, 301, 400, 404, 405, 410, 418, 426] {
        check(status, Advice::GiveUp).await;
    }
    check(401, Advice::AskPerson).await;
    check(403, Advice::AskPerson).await;
    check(429, Advice::Retry(Some(Duration::from_secs(9)))).await;
    check(502, Advice::Retry(None)).await;
    let error = open("http://127.0.0.1:9").await.unwrap_err();
    assert_eq!(error.advice(), Advice::Retry(None), "{error:?}");
}

#[tokio::test]
async fn the_address_is_the_accounts_then_the_documents_then_the_servers_own() {
    let (url, saw) = streaming(Vec::new(), Then::Close).await;
    let own = Server::start(|_| says(404, "")).await;
    let websocket = url.replace("http://", "ws://");
    let named = Capabilities { streaming: Some(websocket.clone()), ..Capabilities::defaults() };
    assert!(fedi(&own.url).open_stream(&me(), &named).await.is_ok());
    let configured = Link { streaming: Some(websocket), ..link(&own.url) };
    let fedi_with = Fedi::new(&Http::new().unwrap(), configured).unwrap();
    assert!(fedi_with.open_stream(&me(), &Capabilities::defaults()).await.is_ok());
    assert_eq!(saw.lock().unwrap().len(), 2);
    // Stored capabilities that name a forbidden host lead to the server's own.
    let forbidden = Capabilities { streaming: Some("wss://elsewhere.example".to_owned()), ..Capabilities::defaults() };
    assert!(matches!(fedi(&own.url).open_stream(&me(), &forbidden).await, Err(StreamError::NotServed { .. })));
    assert_eq!(own.lines().len(), 1);
}
