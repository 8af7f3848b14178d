//! What a server does with `Idempotency-Key` (SERVERS.md §2 and §3).

/// What a server does with `Idempotency-Key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idempotency {
    /// Looked at and kept.
    Kept(Keys),
    /// Not looked at.
    Ignored,
}

impl Idempotency {
    /// How keys are kept, where they are.
    #[must_use]
    pub const fn keys(self) -> Option<Keys> {
        match self {
            Idempotency::Kept(keys) => Some(keys),
            Idempotency::Ignored => None,
        }
    }
}

/// How keys are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys {
    /// Seconds a key is remembered.
    pub seconds: u32,
    /// From when on.
    pub from: KeptFrom,
    /// What a repeated key does.
    pub repeat: Repeat,
    /// Whose keys they are.
    pub owner: KeyOwner,
    /// Whether a restart forgets them.
    pub memory: Memory,
    /// A second request while the first is under way.
    pub overlap: Overlap,
    /// A repeated key whose status was deleted.
    pub deleted: AfterDeletion,
}

impl Keys {
    /// Mastodon before 4.6: an hour from success, per account; the body is not compared, errors are not kept; stored
    /// after the status, so that overlapping requests both post.
    #[must_use]
    pub const fn mastodon() -> Self {
        Self {
            seconds: 3_600,
            from: KeptFrom::Success,
            repeat: Repeat::SameAnswer,
            owner: KeyOwner::Account,
            memory: Memory::Lasting,
            overlap: Overlap::BothPost,
            deleted: AfterDeletion::NotFound,
        }
    }
}

/// From when on a key is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptFrom {
    /// From success, with the status it made.
    Success,
    /// From the answer, whatever it was: errors are repeated too (Pleroma family).
    AnyAnswer,
    /// From arrival, before anything is looked at (Pixelfed).
    Arrival,
    /// From arrival, and with the status once it is made; one whose request failed is never let go again, and a repeat
    /// of it is answered with this status code (Iceshrimp.NET).
    Claim {
        /// 408 on Iceshrimp.NET.
        status: u16,
    },
}

/// What a repeated key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Gives what the first one gave.
    SameAnswer,
    /// Is answered with this status code, although the status is there.
    Fails {
        /// 400 on Pixelfed, 500 on Mastodon from 4.6.
        status: u16,
    },
}

/// Whose keys they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOwner {
    /// Every account has its own.
    Account,
    /// The server's; another account that uses one is answered with this status code.
    FirstAccount {
        /// 403 on Mitra.
        status: u16,
    },
    /// The server's: another account is given the first one's answer (old Pleroma).
    Server,
}

/// Whether a restart forgets keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// It does not.
    Lasting,
    /// It does.
    Process,
}

/// A second request with the same key while the first is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// Neither sees the other: both make a status.
    BothPost,
    /// The second is answered with this status code.
    Refused {
        /// 503 on Mastodon from 4.6.
        status: u16,
    },
    /// The second waits, and gets what the first made.
    Waits,
}

/// A repeated key whose status was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterDeletion {
    /// 404.
    NotFound,
    /// A new status.
    New,
}
