//! How the server behaves, as data: one [`Profile`] per server family of SERVERS.md §2 and §3.
//!
//! Invariant: handlers read fields, they never ask which software this is. A new family is a new value here; a new
//! habit is a new field that every value must fill.

use serde::Serialize;

/// The habits of one server family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// `software.name` in nodeinfo.
    pub software: &'static str,
    /// Version in nodeinfo and in both instance documents.
    pub version: &'static str,
    /// `api_versions.mastodon`; absent on servers that do not speak of it.
    pub api_version: Option<u32>,
    /// Whether `/api/v2/instance` exists.
    pub instance_v2: Existence,
    /// Characters a status may have, counted by [`Profile::length_rule`].
    pub max_characters: usize,
    /// How characters are counted.
    pub length_rule: LengthRule,
    /// Attachments a status may have.
    pub max_media: usize,
    /// Characters of an attachment's description.
    pub description_limit: usize,
    /// What a repeated `Idempotency-Key` does.
    pub idempotency: Idempotency,
    /// Whether statuses are streamed over WebSocket.
    pub streaming: Existence,
    /// Whether requests are counted and what the answers tell about it.
    pub limits: Option<Limits>,
    /// Status code for an unknown token.
    pub bad_token: u16,
    /// How an account of this server is written in `acct`.
    pub local_acct: LocalAcct,
    /// Whether an account's own direct statuses are in `/accounts/:id/statuses`.
    pub own_directs: Existence,
    /// Page size of notifications without `limit`.
    pub notifications_page: usize,
    /// Largest page of notifications.
    pub notifications_page_max: usize,
    /// Page size of statuses without `limit`.
    pub statuses_page: usize,
    /// Largest page of statuses.
    pub statuses_page_max: usize,
}

impl Profile {
    /// Mastodon 4.5, as SERVERS.md §1 describes it.
    #[must_use]
    pub const fn mastodon() -> Self {
        Self {
            software: "mastodon",
            version: "4.5.0",
            api_version: Some(7),
            instance_v2: Existence::Present,
            max_characters: 500,
            length_rule: LengthRule::Mastodon { per_url: 23 },
            max_media: 4,
            description_limit: 1500,
            idempotency: Idempotency::Kept { seconds: 3_600 },
            streaming: Existence::Present,
            limits: Some(Limits::mastodon()),
            bad_token: 401,
            local_acct: LocalAcct::Short,
            own_directs: Existence::Present,
            notifications_page: 40,
            notifications_page_max: 80,
            statuses_page: 20,
            statuses_page_max: 40,
        }
    }
}

/// Whether a server has something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Existence {
    /// It is there.
    Present,
    /// It is not.
    Absent,
}

/// How a server counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthRule {
    /// Grapheme clusters of warning and text; a URL counts `per_url`, `@user@domain` counts as `@user`.
    Mastodon {
        /// `characters_reserved_per_url`.
        per_url: usize,
    },
    /// Grapheme clusters of warning and text as they are written.
    AsWritten,
}

/// What a server does with `Idempotency-Key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idempotency {
    /// Kept per account from success; the body is not compared, errors are not kept.
    Kept {
        /// Seconds a key is remembered.
        seconds: u32,
    },
    /// Not looked at.
    Ignored,
}

/// How a local account is written in `acct`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalAcct {
    /// `alice`
    Short,
    /// `alice@host`
    WithHost,
}

/// Requests allowed in fixed windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// All requests of one token.
    pub api: Window,
    /// Requests with paging cursors, per account.
    pub paging: Window,
    /// Statuses created or edited, per account.
    pub create: Window,
    /// Uploads, per account.
    pub media: Window,
    /// Deletions and boosts taken back, per account.
    pub delete: Window,
    /// Applications registered, per address.
    pub apps: Window,
}

impl Limits {
    /// Mastodon's windows.
    #[must_use]
    pub const fn mastodon() -> Self {
        Self {
            api: Window { count: 300, seconds: 300 },
            paging: Window { count: 300, seconds: 900 },
            create: Window { count: 300, seconds: 10_800 },
            media: Window { count: 30, seconds: 1_800 },
            delete: Window { count: 30, seconds: 1_800 },
            apps: Window { count: 5, seconds: 600 },
        }
    }
}

/// So many in so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Requests in one window.
    pub count: u32,
    /// Length of the window; windows start at multiples of it since 1970.
    pub seconds: u32,
}
