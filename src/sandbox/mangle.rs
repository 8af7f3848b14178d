//! Spoils answers that were right: ids gone, unknown words, strange notifications, half a body.
//!
//! Invariant: only JSON answers of success are touched; errors pass as they are.

use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::CONTENT_LENGTH;
use axum::response::Response;
use futures_util::stream;
use serde_json::{Value, json};

use super::answer::is_json;
use super::faults::Trouble;
use super::wire::{BODY_MAX, Cutter};

/// The answer after this trouble.
pub(crate) async fn answer(response: Response, trouble: &Trouble, cutter: &Cutter) -> Response {
    match trouble {
        Trouble::HalfBody => half(response, cutter.clone()).await,
        Trouble::WithoutId => {
            rewrite(response, |body| {
                if let Some(fields) = body.as_object_mut() {
                    fields.remove("id");
                }
            })
            .await
        }
        Trouble::UnknownWords => rewrite(response, unknown_words).await,
        Trouble::UnknownNotification => {
            rewrite(response, |body| {
                on_top(body, |like| {
                    let mut odd = like.cloned().unwrap_or_else(|| json!({ "created_at": "2026-01-01T00:00:00.000Z" }));
                    if let Some(fields) = odd.as_object_mut() {
                        fields.insert("id".to_owned(), json!("9007199254740993"));
                        fields.insert("type".to_owned(), json!("annual_bouquet"));
                        fields.insert("bouquet".to_owned(), json!({ "flowers": [1, 2, 3] }));
                        fields.remove("status");
                    }
                    odd
                });
            })
            .await
        }
        Trouble::MalformedNotification => {
            rewrite(response, |body| {
                on_top(
                    body,
                    |_| json!({ "id": 7, "type": "mention", "created_at": "yesterday", "account": [], "status": "?" }),
                );
            })
            .await
        }
        Trouble::Answer { .. }
        | Trouble::TooMany { .. }
        | Trouble::Hang { .. }
        | Trouble::Cut { .. }
        | Trouble::Date { .. }
        | Trouble::Pretend
        | Trouble::Lag { .. }
        | Trouble::Late { .. }
        | Trouble::Midway { .. }
        | Trouble::Abandoned
        | Trouble::YoungParent { .. }
        | Trouble::KeyLost
        | Trouble::Unthreaded
        | Trouble::NotPushed
        | Trouble::SilentStream
        | Trouble::CloseStream { .. }
        | Trouble::Processing { .. }
        | Trouble::ProcessingFails => response,
    }
}

async fn rewrite(response: Response, change: impl FnOnce(&mut Value)) -> Response {
    if !response.status().is_success() || !is_json(&response) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, BODY_MAX).await.unwrap_or_default();
    let body = match serde_json::from_slice::<Value>(&bytes) {
        Ok(mut value) => {
            change(&mut value);
            Body::from(value.to_string())
        }
        Err(_not_json) => Body::from(bytes),
    };
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, body)
}

fn on_top(body: &mut Value, make: impl FnOnce(Option<&Value>) -> Value) {
    if let Some(items) = body.as_array_mut() {
        let odd = make(items.first());
        items.insert(0, odd);
    }
}

/// Puts unheard-of words where fixed sets are, all the way down.
fn unknown_words(body: &mut Value) {
    match body {
        Value::Array(items) => items.iter_mut().for_each(unknown_words),
        Value::Object(fields) => {
            fields.values_mut().for_each(unknown_words);
            if fields.contains_key("visibility") {
                fields.insert("visibility".to_owned(), json!("neighbours"));
                fields.insert("reception".to_owned(), json!({ "warm": true }));
            }
            if fields.contains_key("preview_url") {
                fields.insert("type".to_owned(), json!("hologram"));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Announces the whole body, sends half of it and resets the connection.
async fn half(response: Response, cutter: Cutter) -> Response {
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, BODY_MAX).await.unwrap_or_default();
    parts.headers.insert(CONTENT_LENGTH, bytes.len().into());
    let first = bytes.slice(..bytes.len() / 2);
    let pieces = stream::unfold(Some(first), move |piece| {
        let cutter = cutter.clone();
        async move {
            match piece {
                Some(piece) if !piece.is_empty() => Some((Ok::<Bytes, std::io::Error>(piece), None)),
                _ => {
                    // What was written must leave first; the error then ends the connection.
                    tokio::task::yield_now().await;
                    cutter.cut();
                    Some((Err(std::io::ErrorKind::ConnectionReset.into()), None))
                }
            }
        }
    });
    Response::from_parts(parts, Body::from_stream(pieces))
}
