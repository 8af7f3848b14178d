//! Connections that break, hang or lie, and what each proves about a POST.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::core::delivery::Outcome;
use crate::fedi::{Capabilities, FediError};

/// Reads one request off a raw connection; `None` when the other side has closed.
async fn request(socket: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| {
                    line.to_lowercase()
                        .strip_prefix("content-length:")
                        .map(|digits| digits.trim().parse::<usize>().unwrap())
                })
                .next()
                .unwrap_or(0);
            if body.len() >= length {
                return Some(head.lines().next().unwrap_or_default().to_owned());
            }
        }
        let mut chunk = [0; 4096];
        match socket.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
        }
    }
}

/// How many connections and requests reached a raw server.
#[derive(Clone, Default)]
struct Reached {
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl Reached {
    fn check(&self, connections: usize, requests: usize) {
        let reached = (self.connections.load(Ordering::SeqCst), self.requests.load(Ordering::SeqCst));
        assert_eq!(reached, (connections, requests), "connections and requests");
    }
}

/// A server on raw sockets: for each request, the number of requests so far goes in, the bytes to write come out;
/// `None` closes the connection without a word.
async fn raw(answer: impl Fn(usize) -> Option<Vec<u8>> + Clone + Send + 'static) -> (String, Reached) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let reached = Reached::default();
    let counted = reached.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let (answer, counted) = (answer.clone(), counted.clone());
            counted.connections.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                while request(&mut socket).await.is_some() {
                    let Some(bytes) = answer(counted.requests.fetch_add(1, Ordering::SeqCst)) else { return };
                    let whole = bytes.starts_with(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n");
                    if socket.write_all(&bytes).await.is_err() || !whole {
                        return;
                    }
                }
            });
        }
    });
    (url, reached)
}

fn fine() -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{\"id\":\"5\"}".to_vec()
}

async fn publish(fedi: &Fedi) -> Outcome {
    fedi.publish(&Capabilities::defaults(), &armed("Ring"), BOOT).await
}

#[tokio::test]
async fn a_post_on_a_dying_connection_is_written_once() {
    // The first request is answered and the connection kept; the second, on the same connection, is read and dropped.
    let (url, reached) = raw(|nth| (nth == 0).then(fine)).await;
    let fedi = fedi(&url);
    assert!(matches!(publish(&fedi).await, Outcome::Sent(_)));
    let outcome = publish(&fedi).await;
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    reached.check(1, 2);
}

#[tokio::test]
async fn a_post_on_a_fresh_connection_is_written_once() {
    let (url, reached) = raw(|_| None).await;
    let outcome = publish(&fedi(&url)).await;
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    reached.check(1, 1);
}

#[tokio::test]
async fn an_answer_cut_short_is_unknown() {
    let answers: [&'static [u8]; 5] = [
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"id\":\"5\"}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"id\"\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 422 Unprocessable\r\ncontent-length: 100\r\n\r\n{\"error\":\"no\"}",
        b"SSH-2.0-OpenSSH_9.6\r\n",
    ];
    for bytes in answers {
        let (url, reached) = raw(move |_| Some(bytes.to_vec())).await;
        let outcome = publish(&fedi(&url)).await;
        assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?} for {}", String::from_utf8_lossy(bytes));
        reached.check(1, 1);
    }
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_the_end() {
    let server = Server::start(|_| says(200, format!("{{\"id\":\"5\",\"x\":\"{}\"}}", "x".repeat(9 << 20)))).await;
    let outcome = publish(&fedi(&server.url)).await;
    let Outcome::Unknown { reason } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("longer than 8 MB"), "{reason}");
}

#[tokio::test]
async fn nobody_listening_is_provably_not_sent() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let outcome = publish(&fedi(&format!("http://{closed}"))).await;
    let Outcome::NotSent { reason } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("refused"), "{reason}");
    // TLS that fails is provable too: here the other side speaks no TLS.
    let server = Server::start(|_| says(200, r#"{"id":"5"}"#)).await;
    let outcome = publish(&fedi(&server.url.replace("http://", "https://"))).await;
    assert!(matches!(outcome, Outcome::NotSent { .. }), "{outcome:?}");
    assert_eq!(server.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn a_server_that_hangs_after_reading_is_unknown_and_one_that_hangs_in_tls_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((socket, _)) = listener.accept().await {
            held.push(socket);
        }
    });
    let outcome = publish(&hasty(&format!("http://{address}"))).await;
    assert_eq!(outcome, Outcome::Unknown { reason: "the server did not answer in time".to_owned() });
    let outcome = publish(&hasty(&format!("https://{address}"))).await;
    assert_eq!(outcome, Outcome::NotSent { reason: "no connection in time".to_owned() });
}

#[tokio::test]
async fn a_get_is_repeated_once_at_once() {
    let (url, reached) = raw(|nth| (nth == 1).then(fine)).await;
    let found = fedi(&url).status(&crate::core::ids::StatusId::new("5")).await.unwrap().unwrap();
    assert_eq!(found.id.as_str(), "5");
    reached.check(2, 2);
    let (url, reached) = raw(|_| None).await;
    let error = fedi(&url).whoami().await.unwrap_err();
    assert!(matches!(error, FediError::Broken { .. }), "{error:?}");
    reached.check(2, 2);
}

#[tokio::test]
async fn a_get_is_redirected_on_its_own_host_only() {
    let away = Server::start(|_| says(200, json!({ "id": "9", "acct": "thief" }))).await;
    let target = away.url.replace("127.0.0.1", "localhost");
    let server = Server::start(move |saw| match saw.line.as_str() {
        "GET /api/v1/accounts/verify_credentials" => (302, vec![("location", "/moved".to_owned())], String::new()),
        "GET /moved" => says(200, json!({ "id": "1", "acct": "eyes" })),
        "GET /api/v1/statuses/5" => (302, vec![("location", format!("{target}/api/v1/statuses/5"))], String::new()),
        _ => (301, vec![("location", "/loop".to_owned())], String::new()),
    })
    .await;
    let fedi = fedi(&server.url);
    assert_eq!(fedi.whoami().await.unwrap().id, RemoteId::new("1"));
    let error = fedi.status(&crate::core::ids::StatusId::new("5")).await.unwrap_err();
    assert!(matches!(error, FediError::Trouble { status: 302, .. }), "{error:?}");
    assert_eq!(away.lines(), Vec::<String>::new());
    assert!(fedi.status(&crate::core::ids::StatusId::new("6")).await.is_err());
    assert_eq!(server.lines().iter().filter(|line| line.contains("loop")).count(), 3);
}

#[tokio::test]
async fn no_debug_output_holds_the_token() {
    let fedi = fedi("https://social.example");
    for shown in [format!("{fedi:?}"), format!("{:?}", link("https://social.example"))] {
        assert!(!shown.contains(TOKEN), "{shown}");
    }
    for bad in ["", "two words", "line\nbreak", "ünïcode"] {
        let link = Link { token: SecretString::from(bad), ..link("https://social.example") };
        let error = Fedi::new(&Http::new().unwrap(), link).unwrap_err().to_string();
        assert!(bad.is_empty() || !error.contains(bad), "{error}");
    }
    let named = Link { server: format!("https://{TOKEN}@social.example"), ..link("") };
    assert!(!Fedi::new(&Http::new().unwrap(), named).unwrap_err().to_string().contains(TOKEN));
}
