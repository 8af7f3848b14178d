//! The client against small servers on loopback, over real HTTP and real sockets: each test says what its server does.
//!
//! What a whole Mastodon-compatible server does is the sandbox's business; here are the single answers, broken
//! connections and odd bodies a client must survive.

#![cfg(feature = "sandbox")]

mod failures;
mod reading;
mod streaming;
mod writing;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, Response};
use secrecy::SecretString;
use serde_json::Value;

use crate::core::delivery::{Armed, Payload};
use crate::core::ids::{AccountName, DeliveryId, RemoteId};
use crate::core::post::Visibility;
use crate::fedi::{Fedi, Http, Link, Me};

pub(super) const TOKEN: &str = "the-very-secret-token";

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(super) struct Saw {
    pub(super) line: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Saw {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What the server answers: status, headers, body.
pub(super) type Says = (u16, Vec<(&'static str, String)>, String);

pub(super) fn says(status: u16, body: impl ToString) -> Says {
    (status, Vec::new(), body.to_string())
}

/// A server that answers each request line (`GET /path?query`) as `answer` says and remembers what it saw.
pub(super) struct Server {
    pub(super) url: String,
    saw: Arc<Mutex<Vec<Saw>>>,
}

impl Server {
    pub(super) async fn start(answer: impl Fn(&Saw) -> Says + Clone + Send + Sync + 'static) -> Server {
        let saw: Arc<Mutex<Vec<Saw>>> = Arc::default();
        let remembered = Arc::clone(&saw);
        let router = Router::new().fallback(move |request: Request<Body>| {
            let (answer, saw) = (answer.clone(), Arc::clone(&remembered));
            async move {
                let (head, body) = request.into_parts();
                let body = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
                let seen = Saw { line: format!("{} {}", head.method, head.uri), headers: head.headers, body };
                let (status, headers, body) = answer(&seen);
                saw.lock().unwrap().push(seen);
                let mut response = Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                response.body(Body::from(body)).unwrap()
            }
        });
        Server { url: listen(router).await, saw }
    }

    pub(super) fn saw(&self) -> Vec<Saw> {
        self.saw.lock().unwrap().clone()
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.saw().into_iter().map(|saw| saw.line).collect()
    }
}

pub(super) async fn listen(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

pub(super) fn link(server: &str) -> Link {
    Link {
        account: AccountName::new("eyes"),
        server: server.to_owned(),
        streaming: None,
        token: SecretString::from(TOKEN),
    }
}

pub(super) fn fedi(server: &str) -> Fedi {
    Fedi::new(&Http::new().unwrap(), link(server)).unwrap()
}

pub(super) fn hasty(server: &str) -> Fedi {
    Fedi::new(&Http::with_time_outs(Duration::from_millis(200), Duration::from_millis(300)).unwrap(), link(server))
        .unwrap()
}

pub(super) fn me() -> Me {
    Me { id: RemoteId::new("1"), url: "https://social.example/@eyes".to_owned(), acct: "eyes".to_owned(), bot: true }
}

pub(super) fn armed(text: &str) -> Armed {
    Armed {
        id: DeliveryId(1),
        account: AccountName::new("eyes"),
        fence: 1,
        attempt: 1,
        may_exist: false,
        key: "key-1".to_owned(),
        payload: Payload {
            text: text.to_owned(),
            cw: None,
            visibility: Visibility::Public,
            lang: None,
            media: Vec::new(),
            poll: None,
            in_reply_to: None,
            allowed_mention: None,
        },
        media: Vec::new(),
        armed_at_boot: Duration::from_secs(100),
    }
}

/// A moment after `armed` was armed.
pub(super) const BOOT: Duration = Duration::from_secs(101);
