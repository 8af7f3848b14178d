//! Names and ids as types of their own, so that one cannot be passed for another.
//!
//! What servers hand out (status, account, notification ids) is opaque: it is never parsed, compared for order or
//! shortened here. Occurrence strings are ours and made in one place, [`Occurrence`].
//!
//! Their texts are shared: a copy costs no memory, however many places of the queue name the same post.

use std::fmt;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps the text as it is; whoever reads input checks it first.
            pub fn new(text: impl Into<String>) -> Self {
                Self(Arc::from(text.into()))
            }

            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(Arc::from(text))
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id! {
    /// What staff call one of the campaign's accounts (`[[accounts]] name`).
    AccountName
}
text_id! {
    /// A post's id: `id:` of its front matter, or its path under `posts/` without `.md`; `queue-N` for `queue add`.
    PostId
}
text_id! {
    /// A fact's id in `config/facts.toml`.
    FactId
}
text_id! {
    /// A topic, such as `ring` or `hart`.
    TopicId
}
text_id! {
    /// A source's id in `config/facts.toml`.
    SourceId
}
text_id! {
    /// A link's id in `config/links.toml`.
    LinkId
}
text_id! {
    /// A language code as campaign files write it (`en`, `es`); compared by its part before the first `-`.
    Lang
}
text_id! {
    /// A status id as its server gave it: opaque.
    StatusId
}
text_id! {
    /// A remote account's id as our server gave it: opaque.
    RemoteId
}
text_id! {
    /// The fediverse-wide URI of a status; identity of a mention.
    StatusUri
}
text_id! {
    /// An uploaded attachment's id: opaque.
    MediaId
}

impl Lang {
    /// The language without region or script: `es-MX` and `es_MX` give `es`, in lower case.
    #[must_use]
    pub fn primary(&self) -> Lang {
        let first = self.0.split(['-', '_']).next().unwrap_or_default();
        Lang::new(first.to_ascii_lowercase())
    }
}

/// The row number of a delivery in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeliveryId(pub i64);

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One time a post goes out on one account: `once`, or the nominal local time of a repeated post.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Occurrence(Arc<str>);

impl Occurrence {
    /// The only occurrence of an `at` or slot post.
    #[must_use]
    pub fn once() -> Self {
        static ONCE: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from("once"));
        Self(Arc::clone(&ONCE))
    }

    /// The occurrence of an `every` or evergreen post at this nominal local time.
    #[must_use]
    pub fn local(time: chrono::NaiveDateTime) -> Self {
        Self(Arc::from(time.format("%Y-%m-%dT%H:%M:%S").to_string()))
    }

    /// The same post once more, because a person said so: the `n`th time, from 2.
    #[must_use]
    pub fn again(n: u32) -> Self {
        Self(Arc::from(format!("again-{n}")))
    }

    /// Reads back what the ledger holds.
    #[must_use]
    pub fn from_ledger(text: String) -> Self {
        Self(Arc::from(text))
    }

    /// As the ledger stores it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Which time it is that a person wanted the post said again, if that is what it is.
    #[must_use]
    pub fn times(&self) -> Option<u32> {
        self.0.strip_prefix("again-")?.parse().ok()
    }
}

impl fmt::Display for Occurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
