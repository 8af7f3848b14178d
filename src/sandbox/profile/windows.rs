//! Requests allowed in fixed windows, and what answers tell of them.

/// Requests allowed in fixed windows. A window that is absent is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// All requests, counted [`By`] token or address.
    pub api: Window,
    /// Whose requests are counted together.
    pub by: By,
    /// Requests with paging cursors, per account.
    pub paging: Option<Window>,
    /// Statuses created or edited, per account.
    pub create: Option<Window>,
    /// Uploads, per account.
    pub media: Option<Window>,
    /// Deletions and boosts taken back, per account.
    pub delete: Option<Window>,
    /// Applications registered, per address.
    pub apps: Option<Window>,
    /// How answers tell of it.
    pub told: Reset,
}

impl Limits {
    /// Mastodon's windows.
    #[must_use]
    pub const fn mastodon() -> Self {
        Self {
            api: Window { count: 300, seconds: 300 },
            by: By::Token,
            paging: Some(Window { count: 300, seconds: 900 }),
            create: Some(Window { count: 300, seconds: 10_800 }),
            media: Some(Window { count: 30, seconds: 1_800 }),
            delete: Some(Window { count: 30, seconds: 1_800 }),
            apps: Some(Window { count: 5, seconds: 600 }),
            told: Reset::Time,
        }
    }

    /// One window of 300 requests in 5 minutes and nothing else.
    #[must_use]
    pub const fn plain(by: By, told: Reset) -> Self {
        let api = Window { count: 300, seconds: 300 };
        Self { api, by, paging: None, create: None, media: None, delete: None, apps: None, told }
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

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Those of one token.
    Token,
    /// Those of one address: here, of everybody.
    Address,
}

/// What the answers tell of the windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// `X-RateLimit-*`, the reset as ISO-8601 with fractions.
    Time,
    /// `X-RateLimit-*`, the reset as seconds since 1970.
    Epoch,
    /// Nothing; 429 is plain text.
    Untold,
    /// Nothing; 429 looks like other errors.
    Silent,
    /// Nothing but `Retry-After` on 429, in seconds.
    RetryAfter,
}
