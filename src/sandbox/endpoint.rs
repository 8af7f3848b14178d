//! What a request is for: the places where faults strike, windows count and scopes are asked for.

use serde::{Deserialize, Serialize};

/// Where a request goes, by what it is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// Any of those below; as a fault's place only. Pushes are not included.
    #[default]
    Any,
    /// `POST /api/v1/statuses`
    Create,
    /// `PUT /api/v1/statuses/:id`
    Edit,
    /// `DELETE /api/v1/statuses/:id`, and boosts taken back
    Delete,
    /// `GET /api/v1/statuses/:id`
    Status,
    /// `GET /api/v1/statuses/:id/context`
    Context,
    /// `GET /api/v1/statuses/:id/source`
    Source,
    /// Favourites and boosts
    React,
    /// `GET /api/v1/accounts/:id/statuses`
    OwnStatuses,
    /// `GET /api/v1/timelines/…`
    Timeline,
    /// `GET /api/v1/accounts/verify_credentials`
    Verify,
    /// Other requests about accounts
    Accounts,
    /// `GET /api/v1/notifications`
    Notifications,
    /// `GET /api/v1/notifications/:id`
    Notification,
    /// The notification policy
    Policy,
    /// `GET /api/v1/notifications/requests`
    Requests,
    /// Uploads
    Media,
    /// `GET` and `PUT /api/v1/media/:id`
    MediaStatus,
    /// `/api/v1/streaming`
    Stream,
    /// Both instance documents
    Instance,
    /// `/.well-known/nodeinfo` and what it names
    NodeInfo,
    /// `POST /api/v1/apps`
    Apps,
    /// `/oauth/…`
    OAuth,
    /// An event going down an open stream; no request.
    Push,
    /// Everything else
    Other,
}

impl Endpoint {
    /// What a request is for.
    #[must_use]
    pub fn of(method: &str, path: &str) -> Self {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        match (method, parts.as_slice()) {
            ("POST", ["api", "v1", "statuses"]) => Endpoint::Create,
            ("PUT", ["api", "v1", "statuses", _]) => Endpoint::Edit,
            ("DELETE", ["api", "v1", "statuses", _]) => Endpoint::Delete,
            ("POST", ["api", "v1", "statuses", _, "unreblog"]) => Endpoint::Delete,
            ("GET", ["api", "v1", "statuses", _]) => Endpoint::Status,
            ("GET", ["api", "v1", "statuses", _, "context"]) => Endpoint::Context,
            ("GET", ["api", "v1", "statuses", _, "source"]) => Endpoint::Source,
            ("POST", ["api", "v1", "statuses", _, _]) => Endpoint::React,
            ("GET", ["api", "v1", "accounts", "verify_credentials"]) => Endpoint::Verify,
            ("GET", ["api", "v1", "accounts", _, "statuses"]) => Endpoint::OwnStatuses,
            (_, ["api", "v1", "accounts", ..]) => Endpoint::Accounts,
            (_, ["api", "v1", "timelines", ..]) => Endpoint::Timeline,
            ("GET", ["api", "v1", "notifications"]) => Endpoint::Notifications,
            (_, ["api", "v1" | "v2", "notifications", "policy"]) => Endpoint::Policy,
            (_, ["api", "v1", "notifications", "requests", ..]) => Endpoint::Requests,
            ("GET", ["api", "v1", "notifications", _]) => Endpoint::Notification,
            ("POST", ["api", "v1" | "v2", "media"]) => Endpoint::Media,
            (_, ["api", "v1", "media", _]) => Endpoint::MediaStatus,
            (_, ["api", "v1", "streaming", ..]) => Endpoint::Stream,
            (_, ["api", "v1" | "v2", "instance"]) => Endpoint::Instance,
            (_, [".well-known", "nodeinfo"] | ["nodeinfo", ..]) => Endpoint::NodeInfo,
            ("POST", ["api", "v1", "apps"]) => Endpoint::Apps,
            (_, ["oauth", ..]) => Endpoint::OAuth,
            _ => Endpoint::Other,
        }
    }

    /// The scope a token needs; `None` where any token, or none, will do.
    pub(crate) fn scope(self) -> Option<&'static str> {
        match self {
            Endpoint::Create | Endpoint::Edit | Endpoint::Delete | Endpoint::React => Some("write:statuses"),
            Endpoint::Media | Endpoint::MediaStatus => Some("write:media"),
            Endpoint::Verify => Some("read:accounts"),
            Endpoint::Notifications | Endpoint::Notification | Endpoint::Policy | Endpoint::Requests => {
                Some("read:notifications")
            }
            Endpoint::Any
            | Endpoint::Status
            | Endpoint::Context
            | Endpoint::Source
            | Endpoint::OwnStatuses
            | Endpoint::Timeline
            | Endpoint::Accounts
            | Endpoint::Stream
            | Endpoint::Instance
            | Endpoint::NodeInfo
            | Endpoint::Apps
            | Endpoint::OAuth
            | Endpoint::Push
            | Endpoint::Other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_known_by_method_and_path() {
        for (method, path, expected) in [
            ("POST", "/api/v1/statuses", Endpoint::Create),
            ("GET", "/api/v1/accounts/1/statuses", Endpoint::OwnStatuses),
            ("GET", "/api/v1/accounts/verify_credentials", Endpoint::Verify),
            ("GET", "/api/v2/notifications/policy", Endpoint::Policy),
            ("GET", "/api/v1/notifications/requests", Endpoint::Requests),
            ("GET", "/nodeinfo/2.0", Endpoint::NodeInfo),
        ] {
            assert_eq!(Endpoint::of(method, path), expected, "{method} {path}");
        }
    }
}
