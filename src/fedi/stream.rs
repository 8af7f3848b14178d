//! Mentions by push: one WebSocket per account, a speed-up that polling makes complete.
//!
//! Invariants: the token goes in a header, to an allowed host only; 75 s without a frame mean the stream is dead,
//! though the socket may look alive (servers ping every 30 s); one malformed event never ends it. Nothing is replayed
//! after a reconnect, so whoever opens a stream reads the pages too. Reconnecting is not done here.

use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, USER_AGENT};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, http::HeaderValue};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream};

use crate::core::mention::Mention;
use crate::fedi::capabilities::Capabilities;
use crate::fedi::errors::StreamError;
use crate::fedi::mentions::{self, Read};
use crate::fedi::words::one_line;
use crate::fedi::{Fedi, Me, address, headers, http, json};

/// Name look-up and connection.
const CONNECT: Duration = Duration::from_secs(10);
/// TLS and the WebSocket handshake.
const HANDSHAKE: Duration = Duration::from_secs(20);
/// Longer than two pings of any server.
const SILENCE: Duration = Duration::from_secs(75);
/// How long a polite good-bye may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// A thousand streams share a process: small buffers, and no event is larger than a megabyte.
const BUFFER: usize = 4 << 10;
const LARGEST_EVENT: usize = 1 << 20;

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub enum Streamed {
    /// Somebody addressed us.
    Mention(Box<Mention>),
    /// Something else: another type, another event, ourselves.
    Other,
    /// A notification that could not be read; the next page walk meets it again.
    Undecodable,
}

/// An open stream of one account.
pub struct MentionStream {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    me: Me,
    server: String,
    pub(super) silence: Duration,
    /// When the server counts as silent: begun anew with each frame, not with each call, because a caller that waits
    /// for several things drops its call again and again.
    pub(super) silent: Pin<Box<Sleep>>,
    secret: secrecy::SecretString,
}

impl std::fmt::Debug for MentionStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MentionStream").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Fedi {
    /// Opens the stream of notifications: at the address staff set, else the one the instance document names, else
    /// the server's own host.
    ///
    /// # Errors
    /// [`StreamError::advice`] says whether to connect again, poll only, or ask a person.
    pub async fn open_stream(&self, me: &Me, caps: &Capabilities) -> Result<MentionStream, StreamError> {
        let url = self.streaming_url(caps)?;
        let server = http::host(&url);
        let broken = |reason: String| StreamError::Broken { server: server.clone(), reason };
        let plain = |error: &std::io::Error| one_line(&error.to_string(), &self.link.token);

        let mut request =
            url.as_str().into_client_request().map_err(|_unusable| broken("the address cannot be used".to_owned()))?;
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.authorization.clone());
        headers.insert(USER_AGENT, HeaderValue::from_static(http::USER_AGENT));

        let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(443));
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let tcp = match timeout(CONNECT, TcpStream::connect((host, port))).await {
            Ok(Ok(tcp)) => tcp,
            Ok(Err(error)) => return Err(broken(plain(&error))),
            Err(_elapsed) => return Err(broken("no connection within 10 s".to_owned())),
        };
        tcp.set_nodelay(true).map_err(|error| broken(plain(&error)))?;
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(64 << 10)
            .max_message_size(Some(LARGEST_EVENT))
            .max_frame_size(Some(LARGEST_EVENT));
        let connector = Connector::Rustls(std::sync::Arc::clone(&self.http.tls));
        let shake = tokio_tungstenite::client_async_tls_with_config(request, tcp, Some(config), Some(connector));
        match timeout(HANDSHAKE, shake).await {
            Ok(Ok((socket, _response))) => Ok(MentionStream {
                socket,
                me: me.clone(),
                server,
                silence: SILENCE,
                silent: Box::pin(sleep(SILENCE)),
                secret: self.link.token.clone(),
            }),
            Ok(Err(error)) => Err(refusal(error, server, &self.link.token)),
            Err(_elapsed) => Err(broken("no WebSocket within 20 s".to_owned())),
        }
    }

    fn streaming_url(&self, caps: &Capabilities) -> Result<Url, StreamError> {
        let mut url = match (&self.link.streaming, &caps.streaming) {
            (Some(configured), _) => {
                address::configured_streaming(&self.base, configured).map_err(StreamError::Address)?
            }
            // Stored capabilities are checked again: the server may have been set to another address since.
            (None, Some(advertised)) => address::advertised_streaming(&self.base, advertised)
                .unwrap_or_else(|_not_allowed| address::own_streaming(&self.base)),
            (None, None) => address::own_streaming(&self.base),
        };
        url.query_pairs_mut().append_pair("stream", "user:notification");
        Ok(url)
    }
}

fn refusal(error: tungstenite::Error, server: String, secret: &secrecy::SecretString) -> StreamError {
    let tungstenite::Error::Http(response) = error else {
        return StreamError::Broken { server, reason: one_line(&error.to_string(), secret) };
    };
    let status = response.status().as_u16();
    match status {
        401 | 403 => StreamError::Denied { server, words: format!("status {status}") },
        429 => StreamError::Throttled { server, wait: headers::wait(response.headers()) },
        503 if headers::asks_to_wait(response.headers()) => {
            StreamError::Throttled { server, wait: headers::wait(response.headers()) }
        }
        500.. | 408 => StreamError::Broken { server, reason: format!("status {status}") },
        _ => StreamError::NotServed { server, status },
    }
}

impl MentionStream {
    /// The next event. Safe to drop and call again.
    ///
    /// # Errors
    /// The stream is over; open another.
    pub async fn next(&mut self) -> Result<Streamed, StreamError> {
        loop {
            let next = tokio::select! {
                biased;
                next = self.socket.next() => next,
                () = &mut self.silent => return Err(StreamError::Silent { server: self.server.clone() }),
            };
            self.silent.set(sleep(self.silence));
            let message = match next {
                None | Some(Err(tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed)) => {
                    return Err(StreamError::Closed { server: self.server.clone() });
                }
                Some(Err(error)) => {
                    let reason = one_line(&error.to_string(), &self.secret);
                    return Err(StreamError::Broken { server: self.server.clone(), reason });
                }
                Some(Ok(message)) => message,
            };
            match message {
                Message::Text(text) if text.trim().is_empty() => {}
                Message::Text(text) => match event(&self.me, text.as_str()) {
                    Event::Streamed(streamed) => return Ok(streamed),
                    Event::Refused(words) => {
                        return Err(StreamError::Denied {
                            server: self.server.clone(),
                            words: one_line(&words, &self.secret),
                        });
                    }
                },
                // Pongs are answered by the library with the next read; any frame shows that the other side lives.
                Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_) => {}
                Message::Close(_) => return Err(StreamError::Closed { server: self.server.clone() }),
            }
        }
    }

    /// Says good-bye, for at most a second.
    pub async fn close(mut self) {
        // A server that does not answer a good-bye is left all the same.
        drop(timeout(GOODBYE, self.socket.close(None)).await);
    }
}

enum Event {
    Streamed(Streamed),
    Refused(String),
}

/// Reads one frame: `{stream, event, payload}`, the payload as JSON in a string, or as an object.
fn event(me: &Me, text: &str) -> Event {
    let Some(frame) = json::parse(text.as_bytes()) else { return Event::Streamed(Streamed::Undecodable) };
    match json::text(&frame, "event").as_deref() {
        Some("notification") => {}
        Some(_) => return Event::Streamed(Streamed::Other),
        // Mastodon tells a bad token or stream name this way, after the handshake.
        None => {
            return match json::text(&frame, "error") {
                Some(words) => Event::Refused(words),
                None => Event::Streamed(Streamed::Undecodable),
            };
        }
    }
    let payload = match frame.get("payload") {
        Some(Value::String(inner)) => json::parse(inner.as_bytes()),
        Some(object @ Value::Object(_)) => Some(object.clone()),
        _ => None,
    };
    Event::Streamed(match payload.map(|payload| mentions::notification(me, &payload, None)) {
        Some(Read::Mention(mention)) => Streamed::Mention(mention),
        Some(Read::Other) => Streamed::Other,
        Some(Read::Undecodable) | None => Streamed::Undecodable,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ids::RemoteId;

    proptest::proptest! {
        #[test]
        fn no_frame_makes_reading_panic(text in ".{0,80}", payload in ".{0,80}") {
            let me = Me { id: RemoteId::new("1"), url: String::new(), acct: String::new(), bot: false };
            let _frame = event(&me, &text);
            let _payload = event(&me, &serde_json::json!({ "event": "notification", "payload": payload }).to_string());
        }
    }
}
