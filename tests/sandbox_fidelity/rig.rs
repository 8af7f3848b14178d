//! A sandbox with one account, and the clients that ask it.

use chrono::{DateTime, Utc};
use megalodon::entities::Status;
use megalodon::megalodon::PostStatusOutput;
use megalodon::{Megalodon, SNS};
use serde_json::Value;
use std::time::Duration;
use watchpost::clock::Clock;
use watchpost::sandbox::{Credentials, NewAccount, Options, Running, Sandbox};

/// How long a state may take on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A sandbox with the account `eyes`, at nine in the morning by a clock that stands still.
pub(crate) struct Rig {
    pub(crate) running: Running,
    pub(crate) hand: Sandbox,
    pub(crate) eyes: Credentials,
    pub(crate) clock: Clock,
    pub(crate) http: reqwest::Client,
}

impl Rig {
    pub(crate) async fn start() -> Self {
        let nine = DateTime::parse_from_rfc3339("2026-11-27T09:00:00Z").unwrap().with_timezone(&Utc);
        let clock = Clock::by_hand(nine);
        let running = Sandbox::start(Options::new(clock.clone())).await.unwrap();
        let hand = running.handle();
        let eyes = hand.add_account(NewAccount::campaign("eyes").display_name("Eyes")).unwrap();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { running, hand, eyes, clock, http }
    }

    /// megalodon, signed in as this account.
    pub(crate) fn client(&self, who: &Credentials) -> Box<dyn Megalodon + Send + Sync> {
        megalodon::generator(SNS::Mastodon, self.running.base_url(), Some(who.token.clone()), Some("test".into()))
            .unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running.base_url())
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        self.http.get(self.url(path)).bearer_auth(&self.eyes.token).send().await.unwrap()
    }

    pub(crate) async fn create(&self, key: Option<&str>, body: Value) -> reqwest::Result<reqwest::Response> {
        let mut request = self.http.post(self.url("/api/v1/statuses")).bearer_auth(&self.eyes.token).json(&body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        request.send().await
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await;
    }
}

pub(crate) fn status(output: PostStatusOutput) -> Status {
    match output {
        PostStatusOutput::Status(status) => status,
        PostStatusOutput::ScheduledStatus(_) => panic!("a status was expected, not a scheduled one"),
    }
}

pub(crate) async fn json_of(response: reqwest::Response) -> (u16, Value) {
    (response.status().as_u16(), response.json().await.unwrap())
}

pub(crate) fn header<'a>(response: &'a reqwest::Response, name: &str) -> &'a str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}
