//! Somebody addressed one of our accounts: what deciding may know of it, already read from the server's JSON and HTML.
//!
//! `fedi` makes these values; nothing here knows a server's field names or markup.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::core::ids::{Lang, RemoteId, StatusId, StatusUri};
use crate::core::post::Visibility;

/// One mention as its server showed it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mention {
    /// Its id on our server; what a reply threads under.
    pub status: StatusId,
    /// Its fediverse-wide identity; servers without one get `status` here.
    pub uri: StatusUri,
    /// When it was written, as the server says.
    pub created_at: DateTime<Utc>,
    /// Who wrote it.
    pub asker: Asker,
    /// What it says.
    pub text: MentionText,
    /// The language its author's client claimed.
    pub lang: Option<Lang>,
    /// Who may see it; `None` when the server said a word we do not know.
    pub visibility: Option<Visibility>,
    /// Its content warning; never empty.
    pub cw: Option<String>,
    /// The status it answers.
    pub in_reply_to: Option<StatusId>,
    /// The author of that status.
    pub in_reply_to_author: Option<RemoteId>,
    /// Accounts it names besides ours, by `mentions` or in the visible text, whichever is more.
    pub others_named: usize,
    /// Our name stands only in the leading run of names of a reply to somebody else (DESIGN §6 "carried along").
    pub carried_along: bool,
    /// Whether its author lets us reply.
    #[serde(default)]
    pub replies: MayReply,
}

/// Whether a status may be replied to by us, where its server has interaction policies (GoToSocial).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MayReply {
    /// It may; so it is wherever a server says nothing.
    #[default]
    Yes,
    /// Only after its author approved the reply.
    AfterApproval,
    /// It may not.
    No,
}

/// The author of a mention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asker {
    /// Id on our server.
    pub id: RemoteId,
    /// Profile URL: the person's identity across accounts of the campaign.
    pub url: String,
    /// `name` or `name@host` as the server shows it: what a reply must contain to reach them.
    pub acct: String,
    /// The server marks it as a bot.
    pub bot: bool,
    /// Its profile asks bots to leave it alone (`#nobot`, `#nobots`).
    pub nobot: bool,
    /// The server limited (silenced, suspended) it.
    pub limited: bool,
}

/// The visible words of a status, taken apart by a real HTML parser.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MentionText {
    /// The person's own words: no names of accounts, no links, no quoted text. Hashtags stand as `#Tag`.
    /// Paragraphs and line breaks are `\n`.
    pub own: String,
    /// What they quoted (block quotes, lines that open with `>`), as context only.
    pub quoted: String,
}
