//! What staff write on disk becomes checked values; every mistake at once, with file and line.

use std::path::PathBuf;

use chrono::Duration;
use chrono_tz::Tz;

use crate::core::budget::ReplyLimits;
use crate::core::command::CommandBook;
use crate::core::fact::FactBook;
use crate::core::ids::{AccountName, Lang};
use crate::core::post::Post;
use crate::core::schedule::Slot;

pub mod finding;
mod toml_tree;
mod tree;
mod words;
mod yaml_tree;

/// A campaign folder, read and checked.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// The folder.
    pub root: PathBuf,
    /// `[campaign] name`.
    pub name: String,
    /// The zone every local time means.
    pub zone: Tz,
    /// The first is the default.
    pub languages: Vec<Lang>,
    /// Put at the end of replies.
    pub hashtags: Vec<String>,
    /// The accounts it speaks through, in file order.
    pub accounts: Vec<Account>,
    /// `[replies]`.
    pub replies: Replies,
    /// `[store] url`, a relative SQLite path made relative to the campaign folder.
    pub store_url: String,
    /// Facts, sources, links.
    pub facts: FactBook,
    /// Commands and the bot's own sentences.
    pub commands: CommandBook,
    /// In file order; posts with errors are left out and reported.
    pub posts: Vec<Post>,
}

/// One `[[accounts]]`.
#[derive(Clone, Debug)]
pub struct Account {
    /// What staff call it.
    pub name: AccountName,
    /// Origin of its server, `https://host[:port]`; plain http only for loopback.
    pub server: String,
    /// `streaming = "wss://…"`, when staff set it.
    pub streaming: Option<String>,
    /// Where its token stands.
    pub token: TokenSource,
    /// Its weekly times.
    pub slots: Vec<Slot>,
}

/// Where a token is found; never the token itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// The content of a file, trimmed.
    File(PathBuf),
    /// An environment variable.
    Env(String),
    /// A systemd credential.
    Credential(String),
    /// Stored by `watchpost account login`.
    Stored,
}

/// `[replies]`.
#[derive(Clone, Debug)]
pub struct Replies {
    /// Whether mentions are answered at all.
    pub enabled: bool,
    /// With `{fact}`, `{source}`, `{as_of}`, `{link}`; `{hashtags}` may be absent.
    pub template: String,
    /// Older mentions get a decision, not an answer.
    pub max_age: Duration,
    /// `[replies.limits]`.
    pub limits: ReplyLimits,
}
