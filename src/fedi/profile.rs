//! What linking an account looks at besides the token: whether the server shows us as a bot, and what its notification
//! policy keeps from us. The policy is asked again while an account listens, because staff change it in a browser.
//!
//! Invariants: the bot flag is set and then read back, because servers ignore it or take it in one form only
//! (SERVERS.md §3, rule 10); nothing else of the profile is touched.

use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::Value;

use crate::fedi::errors::FediError;
use crate::fedi::{Fedi, Me, http, json};

const PROFILE: &str = "/api/v1/accounts/update_credentials";

/// What the server's notification policy does with people a campaign wants to hear from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Groups whose mentions the server throws away, in its own words (`for_not_following`): nobody can ever answer them.
    pub dropped: Vec<String>,
    /// Groups whose mentions it sets aside: not streamed, but read by [`Fedi::mentions_page`], or where a server keeps
    /// them out of that too, by [`Fedi::set_aside`].
    pub filtered: Vec<String>,
    /// Notifications that it has set aside, as it counts them.
    pub pending: u64,
}

impl Fedi {
    /// Asks the server to show us as a bot and says whether it now does.
    ///
    /// # Errors
    /// When the profile cannot be read back; a server that refuses the change is an answer: `bot` stays `false`.
    pub async fn become_bot(&self) -> Result<Me, FediError> {
        let me = self.whoami().await?;
        if me.bot {
            return Ok(me);
        }
        // Mitra takes it as JSON only, snac as a form only.
        let json = self.profile().header(CONTENT_TYPE, "application/json").body(r#"{"bot":true}"#);
        let form = self.profile().header(CONTENT_TYPE, "application/x-www-form-urlencoded").body("bot=true");
        for request in [json, form] {
            http::send(request).await.map_err(|failure| failure.into_error(&self.base))?;
            let me = self.whoami().await?;
            if me.bot {
                return Ok(me);
            }
        }
        self.whoami().await
    }

    fn profile(&self) -> RequestBuilder {
        self.http.client().patch(self.at(PROFILE)).header(AUTHORIZATION, self.authorization.clone())
    }

    /// What the notification policy keeps from us; empty where the server has none. Its first form (Mastodon 4.3 as it was
    /// being made) says yes or no for each group (`filter_private_mentions: true`), and is asked for where there is no
    /// other.
    ///
    /// # Errors
    /// Whatever kept us from looking.
    pub async fn notification_policy(&self) -> Result<Policy, FediError> {
        let mut policy = Value::Null;
        for path in ["/api/v2/notifications/policy", "/api/v1/notifications/policy"] {
            match self.get(self.at(path)).await {
                Ok(answer) => policy = json::parse(&answer.body).unwrap_or(Value::Null),
                Err(FediError::Missing { .. } | FediError::Refused { .. }) => {}
                Err(error) => return Err(error),
            }
            if policy.is_object() {
                break;
            }
        }
        let groups = |what: &str| {
            let all = policy.as_object().into_iter().flatten();
            all.filter(|(_, does)| does.as_str() == Some(what)).map(|(group, _)| group.clone()).collect::<Vec<_>>()
        };
        let flags = policy.as_object().into_iter().flatten();
        let flagged = flags.filter(|(group, does)| group.starts_with("filter_") && does.as_bool() == Some(true));
        let filtered = groups("filter").into_iter().chain(flagged.map(|(group, _)| group.clone())).collect();
        let pending = policy.get("summary").and_then(|summary| json::count(summary, "pending_notifications_count"));
        Ok(Policy { dropped: groups("drop"), filtered, pending: pending.unwrap_or_default() })
    }
}
