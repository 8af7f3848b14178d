//! Mastodon-compatible servers in our verbs: [`Fedi::publish`], [`Fedi::mentions_page`], [`Fedi::open_stream`],
//! [`Fedi::own_statuses`], [`Fedi::status`], [`Fedi::upload`], [`Fedi::capabilities`], [`Fedi::whoami`].
//!
//! Invariants: a status is created only with a fresh [`crate::core::delivery::Armed`]; a POST is written once and
//! never repeated here; a token goes to its own host and to an allowed streaming host only; everything a server sends
//! is data that may be of any shape. No other module knows a path, a header or a field name. This layer keeps no state
//! between calls, reads no clock and knows neither store nor campaign.
//!
//! | file | owns |
//! |---|---|
//! | `address` | which addresses a token may go to |
//! | `http` | the pool, time-outs, what a failed request proves |
//! | `headers` | waits, the server's clock, the next page |
//! | `errors` | errors as advice |
//! | `words` | a server's words made safe to show |
//! | `json` | fields that may not be there |
//! | `capabilities` | what a server can do |
//! | `publish`, `classify` | one POST, and what it did |
//! | `upload` | attachments |
//! | `profile` | being known as a bot; what the server keeps from us |
//! | `statuses` | looking at statuses: our own, one, a thread |
//! | `mentions` | a notification as a mention |
//! | `names` | whom a status addresses |
//! | `notifications`, `stream` | mentions by page and by push |
//! | `html`, `html_lines` | visible words |

mod address;
pub mod capabilities;
mod classify;
pub mod errors;
pub mod headers;
pub mod html;
mod html_lines;
mod html_walk;
mod http;
mod json;
mod mentions;
mod names;
mod notifications;
mod paging;
mod profile;
mod publish;
mod set_aside;
mod statuses;
mod stream;
#[cfg(test)]
mod tests;
mod upload;
mod words;

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use reqwest::Url;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::core::ids::{AccountName, RemoteId};
use crate::core::mention::MentionText;

pub use capabilities::{Capabilities, KeyClass, PollRules};
pub use classify::{LOST_THREAD, OTHER_PARENT, OTHER_WORDS, SHOWN_TO_OTHERS};
pub use errors::{Advice, FediError, StreamError, UploadError};
pub use http::Http;
pub use notifications::{MentionsPage, PageFrom, PageItem, SeenAgain};
pub use profile::Policy;
pub use set_aside::{SetAside, SetAsidePage};
pub use statuses::{Reach, StatusView, Thread, Until};
pub use stream::{MentionStream, Streamed};

/// One account's way to its server.
#[derive(Clone)]
pub struct Link {
    /// What staff call the account.
    pub account: AccountName,
    /// `https://host`, or `http://` for loopback.
    pub server: String,
    /// A streaming address staff set themselves; it may be on another domain.
    pub streaming: Option<String>,
    /// The access token.
    pub token: SecretString,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("account", &self.account).field("server", &self.server).finish_non_exhaustive()
    }
}

/// One account on its server. Cheap to clone.
#[derive(Clone)]
pub struct Fedi {
    http: Http,
    link: Arc<Link>,
    base: Url,
    authorization: HeaderValue,
}

impl fmt::Debug for Fedi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fedi").field("link", &self.link).finish_non_exhaustive()
    }
}

/// Who we are on our server. Known by id and URL: `acct` and `status.mentions` differ between servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// Our account's id there.
    pub id: RemoteId,
    /// Our profile's URL.
    pub url: String,
    /// `name`, on some servers `name@host`.
    pub acct: String,
    /// The server shows us as a bot.
    pub bot: bool,
}

impl Me {
    /// Whether an account in a server's answer is ours.
    fn is(&self, account: &serde_json::Value) -> bool {
        json::id(account, "id").is_some_and(|id| id == self.id.as_str())
            || json::text(account, "url").is_some_and(|url| url == self.url)
    }
}

impl Fedi {
    /// Joins an account to the pool, checking its addresses.
    ///
    /// # Errors
    /// [`FediError::Address`] when `server` is not `https://host` (or `http://` to loopback), `streaming` is not `wss://`
    /// (or `ws://` loopback), or the token holds what no header can carry.
    pub fn new(http: &Http, link: Link) -> Result<Fedi, FediError> {
        let base = address::server(&link.server)?;
        if let Some(configured) = &link.streaming {
            address::configured_streaming(&base, configured)?;
        }
        let token = link.token.expose_secret();
        let unusable = || FediError::Address {
            address: format!("the token of {}", link.account),
            problem: "is empty or holds characters no token has; paste it again, one line, nothing before or after it",
        };
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(unusable());
        }
        let mut authorization = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_unprintable| unusable())?;
        authorization.set_sensitive(true);
        Ok(Fedi { http: http.clone(), link: Arc::new(link), base, authorization })
    }

    /// Whether the server is this machine: the sandbox, a demo, a test.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        address::is_loopback(&self.base)
    }

    /// What staff call this account.
    #[must_use]
    pub fn account(&self) -> &AccountName {
        &self.link.account
    }

    /// Asks the server who we are; also the test whether our token works.
    ///
    /// # Errors
    /// [`FediError::Denied`] for any answer that says the token does not work: 401 and 403, but also 400 (Takahē) and
    /// 422 (snac); otherwise whatever kept us from asking.
    pub async fn whoami(&self) -> Result<Me, FediError> {
        let answer = match self.get(self.at("/api/v1/accounts/verify_credentials")).await {
            Err(FediError::Refused { server, status: status @ (400 | 422), words }) => {
                return Err(FediError::Denied { server, status, words });
            }
            other => other?,
        };
        let unreadable = || self.unreadable("no account with an id");
        let account = json::parse(&answer.body).ok_or_else(unreadable)?;
        let id = json::id(&account, "id").ok_or_else(unreadable)?;
        let acct = json::text(&account, "acct").or_else(|| json::text(&account, "username")).ok_or_else(unreadable)?;
        let url = json::text(&account, "url")
            .or_else(|| json::text(&account, "uri"))
            .unwrap_or_else(|| format!("{}@{}", self.base, acct.split('@').next().unwrap_or_default()));
        Ok(Me { id: RemoteId::new(id), url, acct, bot: json::is_true(&account, "bot") })
    }

    /// The server's clock, from any answer of it; `None` when it sends no `Date`.
    ///
    /// # Errors
    /// When there is no answer at all.
    pub async fn server_time(&self) -> Result<Option<DateTime<Utc>>, FediError> {
        let answer = http::get(&self.http, self.at("/.well-known/nodeinfo"), None).await;
        Ok(headers::date(&answer.map_err(|failure| failure.into_error(&self.base))?.headers))
    }

    /// The server's address with this path.
    fn at(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(path);
        url
    }

    /// The server's address with these path segments; ids are opaque and percent-encoded.
    fn at_segments(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(segments);
        }
        url
    }

    /// GETs with our token; anything but a 2xx is an error.
    async fn get(&self, url: Url) -> Result<http::Answer, FediError> {
        let answer = http::get(&self.http, url, Some(&self.authorization))
            .await
            .map_err(|failure| failure.into_error(&self.base))?;
        self.accept(answer)
    }

    /// Turns an answer that is not a 2xx into an error.
    fn accept(&self, answer: http::Answer) -> Result<http::Answer, FediError> {
        let status = answer.status;
        let server = http::host(&self.base);
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        if status == 429 || (status == 503 && headers::asks_to_wait(&answer.headers)) {
            return Err(FediError::Throttled { server, wait: headers::wait(&answer.headers) });
        }
        let words = words::ServerWords::read(&answer.body, &self.link.token).into_text();
        Err(match status {
            401 | 403 => FediError::Denied { server, status, words },
            404 | 410 => FediError::Missing { server, status },
            408 => FediError::Trouble { server, status, words },
            400..500 => FediError::Refused { server, status, words },
            _ => FediError::Trouble { server, status, words },
        })
    }

    fn unreadable(&self, problem: &'static str) -> FediError {
        FediError::Unreadable { server: http::host(&self.base), problem }
    }
}

/// What a person's own words are when they type `text` into a client: names of accounts and links set apart, as a server
/// would mark them up.
#[must_use]
pub fn text_as_typed(text: &str) -> MentionText {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\n', "<br>");
    html::read(&format!("<p>{escaped}</p>")).text
}
