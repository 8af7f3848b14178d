//! Reads what a request carries: query, form, multipart and JSON become one list of names and values.
//!
//! JSON is flattened the way Rails reads forms: `{"media_ids": ["1"], "poll": {"multiple": true}}` becomes
//! `media_ids[]=1` and `poll[multiple]=true`; `null` is as good as absent.

use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, Query, Request};
use axum::http::header::CONTENT_TYPE;
use axum::{Form, RequestExt};
use serde_json::Value;

use super::refused::Refused;

/// Names and values of one request, and its files.
#[derive(Debug, Default)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    /// What the body was.
    pub(crate) body: BodyKind,
    /// Whether a field was JSON's `null`.
    pub(crate) has_null: bool,
    pub(crate) files: Vec<Upload>,
}

/// What a request's body was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BodyKind {
    /// Nothing, or nothing that is read.
    #[default]
    Nothing,
    Json,
    Form,
    Multipart,
}

/// A file in a multipart body.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) field: String,
    pub(crate) mime: Option<String>,
    pub(crate) bytes: Bytes,
}

impl Params {
    /// The value of a name; absent when empty as well as when missing.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.raw(name).filter(|value| !value.is_empty())
    }

    /// The value of a name, also when it is empty.
    pub(crate) fn raw(&self, name: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All values of `name[]`, or of `name[0]`, `name[1]`, …; nothing when none is there.
    pub(crate) fn list(&self, name: &str) -> Option<Vec<String>> {
        let inside = |key: &str| {
            let index = key.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?;
            index.chars().all(|c| c.is_ascii_digit()).then_some(())
        };
        let mut values = self.pairs.iter().filter(|(key, _)| inside(key).is_some()).peekable();
        values.peek()?;
        Some(values.map(|(_, value)| value.clone()).filter(|value| !value.is_empty()).collect())
    }

    /// A yes or no, in any of the ways clients write it.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.text(name).map(|value| !matches!(value, "false" | "0" | "f" | "off"))
    }

    /// Without lists and what is inside of others.
    pub(crate) fn plain_fields(mut self) -> Self {
        self.pairs.retain(|(name, _)| !name.contains('['));
        self
    }

    /// The pairs with these names, as they came.
    pub(crate) fn keep(&self, names: &[&str]) -> Vec<(String, String)> {
        let wanted = |key: &str| names.contains(&key) || names.iter().any(|name| key.strip_suffix("[]") == Some(name));
        self.pairs.iter().filter(|(key, _)| wanted(key)).cloned().collect()
    }

    fn flatten(&mut self, name: &str, value: Value) {
        match value {
            Value::Null => self.has_null = true,
            Value::String(text) => self.pairs.push((name.to_owned(), text)),
            Value::Bool(_) | Value::Number(_) => self.pairs.push((name.to_owned(), value.to_string())),
            Value::Array(items) => {
                if items.is_empty() {
                    self.pairs.push((format!("{name}[]"), String::new()));
                }
                for item in items {
                    self.flatten(&format!("{name}[]"), item);
                }
            }
            Value::Object(fields) => {
                for (field, value) in fields {
                    let inner = if name.is_empty() { field } else { format!("{name}[{field}]") };
                    self.flatten(&inner, value);
                }
            }
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for Params {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let mut params = Params::default();
        if let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(request.uri()) {
            params.pairs = pairs;
        }
        let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if kind.starts_with("multipart/form-data") {
            let form = Multipart::from_request(request, state).await.map_err(|_unreadable| Refused::Unreadable)?;
            params.body = BodyKind::Multipart;
            params.multipart(form).await?;
        } else if kind.starts_with("application/x-www-form-urlencoded") && request.method() != "GET" {
            let Form(pairs) =
                request.extract::<Form<Vec<(String, String)>>, _>().await.map_err(|_unreadable| Refused::Unreadable)?;
            params.body = if pairs.is_empty() { BodyKind::Nothing } else { BodyKind::Form };
            params.pairs.extend(pairs);
        } else if kind.starts_with("application/json") {
            let body = Bytes::from_request(request, state).await.map_err(|_unreadable| Refused::Unreadable)?;
            if !body.is_empty() {
                let value: Value = serde_json::from_slice(&body).map_err(|_unreadable| Refused::Unreadable)?;
                params.body = BodyKind::Json;
                params.flatten("", value);
            }
        }
        Ok(params)
    }
}

impl Params {
    async fn multipart(&mut self, mut form: Multipart) -> Result<(), Refused> {
        while let Some(field) = form.next_field().await.map_err(|_unreadable| Refused::Unreadable)? {
            let name = field.name().unwrap_or_default().to_owned();
            let mime = field.content_type().map(str::to_owned);
            let is_file = field.file_name().is_some();
            let bytes = field.bytes().await.map_err(|_unreadable| Refused::Unreadable)?;
            if is_file {
                self.files.push(Upload { field: name, mime, bytes });
            } else {
                self.pairs.push((name, String::from_utf8_lossy(&bytes).into_owned()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_reads_like_a_form() {
        let mut params = Params::default();
        let body = serde_json::json!({
            "status": "hi", "sensitive": true, "media_ids": ["1", "2"], "poll": { "options": ["a"] },
            "allowed_mentions": [], "spoiler_text": null,
        });
        params.flatten("", body);
        assert_eq!(params.text("status"), Some("hi"));
        assert_eq!(params.flag("sensitive"), Some(true));
        assert_eq!(params.list("media_ids"), Some(vec!["1".to_owned(), "2".to_owned()]));
        assert_eq!(params.list("poll[options]"), Some(vec!["a".to_owned()]));
        assert_eq!(params.list("allowed_mentions"), Some(vec![]));
        assert_eq!(params.list("absent"), None);
        assert_eq!(params.raw("spoiler_text"), None);
    }
}
