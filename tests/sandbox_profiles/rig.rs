//! A sandbox of one profile with two accounts, and plain HTTP to it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use watchpost::clock::Clock;
use watchpost::sandbox::{Credentials, NewAccount, Options, Profile, Running, Sandbox};

/// How long a state may take on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// The smallest PNG: one transparent pixel.
pub(crate) const PNG: &str = "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082";

pub(crate) struct Rig {
    pub(crate) running: Running,
    pub(crate) hand: Sandbox,
    pub(crate) clock: Clock,
    pub(crate) eyes: Credentials,
    pub(crate) other: Credentials,
    http: reqwest::Client,
}

/// An answer, whatever it is.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// Its body as JSON; null when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// The id in it.
    pub(crate) fn id(&self) -> String {
        let id = self.json()["id"].clone();
        id.as_str().map(str::to_owned).unwrap_or_else(|| panic!("no id in {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

impl Rig {
    pub(crate) async fn start(profile: Profile) -> Rig {
        let nine = DateTime::parse_from_rfc3339("2026-11-23T09:00:00Z").unwrap().with_timezone(&Utc);
        let clock = Clock::by_hand(nine);
        let running = Sandbox::start(Options { profile, ..Options::new(clock.clone()) }).await.unwrap();
        let hand = running.handle();
        let eyes = hand.add_account(NewAccount::campaign("eyes").token("eyes-token").bot(false)).unwrap();
        let other = hand.add_account(NewAccount::campaign("other").token("other-token")).unwrap();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let http = http.user_agent("sandbox_profiles").build().unwrap();
        Rig { running, hand, clock, eyes, other, http }
    }

    pub(crate) async fn named(name: &str) -> Rig {
        Rig::start(Profile::named(name).unwrap()).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running.base_url())
    }

    /// A request as this account, not yet sent.
    pub(crate) fn request(&self, who: &Credentials, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, self.url(path)).bearer_auth(&who.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        send(self.request(&self.eyes, Method::GET, path)).await
    }

    /// The list at this address.
    pub(crate) async fn list(&self, path: &str) -> Vec<Value> {
        let answer = self.get(path).await;
        answer.json().as_array().unwrap_or_else(|| panic!("no list at {path}: {answer:?}")).clone()
    }

    pub(crate) fn posting(&self, who: &Credentials, key: Option<&str>, body: &Value) -> reqwest::RequestBuilder {
        let request = self.request(who, Method::POST, "/api/v1/statuses").json(body);
        match key {
            Some(key) => request.header("Idempotency-Key", key),
            None => request,
        }
    }

    pub(crate) async fn post(&self, body: Value) -> Answer {
        send(self.posting(&self.eyes, None, &body)).await
    }

    pub(crate) async fn post_with(&self, key: &str, body: Value) -> Answer {
        send(self.posting(&self.eyes, Some(key), &body)).await
    }

    pub(crate) async fn delete(&self, id: &str) {
        let answer = send(self.request(&self.eyes, Method::DELETE, &format!("/api/v1/statuses/{id}"))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Uploads a picture and gives its id.
    pub(crate) async fn upload(&self) -> String {
        let part = Part::bytes(hex::decode(PNG).unwrap()).file_name("map.png").mime_str("image/png").unwrap();
        let form = Form::new().part("file", part).text("description", "A map");
        send(self.request(&self.eyes, Method::POST, "/api/v2/media").multipart(form)).await.id()
    }

    /// A status this server takes: with a picture where words alone are refused.
    pub(crate) async fn fitting(&self, text: &str) -> Value {
        let picture_needed = self.post(json!({ "status": "May words stand alone?" })).await.status != 200;
        if picture_needed {
            json!({ "status": text, "media_ids": [self.upload().await] })
        } else {
            json!({ "status": text })
        }
    }

    pub(crate) async fn own_list(&self) -> Vec<Value> {
        self.list(&format!("/api/v1/accounts/{}/statuses?limit=40", self.eyes.id)).await
    }

    /// How many statuses of ours with these words stand.
    pub(crate) fn standing(&self, text: &str) -> usize {
        self.hand.own("eyes").iter().filter(|status| status.text == text).count()
    }

    pub(crate) fn pass(&self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await;
    }
}

pub(crate) async fn send(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, text: response.text().await.unwrap() }
}
