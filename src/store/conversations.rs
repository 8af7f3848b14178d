//! Which conversation a mention belongs to, over all accounts and servers of the campaign: limits per thread count what
//! all of them said in it. Servers give no thread id.
//!
//! A conversation is known by a keyed hash of the address of its first status, which is the same everywhere; of a first
//! status of ours by that of its page, because the ledger has no other. What we answered, or heard, has its
//! conversation in its row, and costs no request. Only below a status that nobody here knows, as a bot's that answered us
//! and named us not, is there nothing to go by: before an answer there, whoever decides is asked to look at what stands
//! above.

use sqlx::{AnyConnection, Row};

use super::deciding::Intake;
use super::errors::StoreError;
use super::mentions::identity;
use super::storable;
use crate::core::ids::StatusUri;
use crate::core::mention::same_status_address;

/// What a conversation is called whose first status is not known: no hash begins so.
const GUESSED: &str = "below ";

/// Where a mention belongs.
#[derive(Debug)]
pub(super) struct Conversation {
    /// What its rows are counted by.
    pub(super) key: String,
    /// It is only known by what it answers, and nobody looked at what stands above.
    pub(super) worth_a_look: bool,
}

impl Conversation {
    fn known(key: String) -> Conversation {
        Conversation { key, worth_a_look: false }
    }
}

/// The conversation of a mention: that of what it answers, where we said or heard that; that of the same mention on
/// another server; that of anything above it; else its own.
pub(super) async fn of(connection: &mut AnyConnection, intake: &Intake<'_>) -> Result<Conversation, StoreError> {
    let mention = intake.mention;
    let first = |uri: &str| intake.store.secret().keyed("conversation", &[&same_status_address(uri)]);
    let Some(parent) = &mention.in_reply_to else { return Ok(Conversation::known(first(mention.uri.as_str()))) };
    let parent = storable(parent.as_str());
    if let Some(found) = said(connection, intake, &parent).await? {
        return Ok(Conversation::known(match found {
            Said::Post { page } => first(&page),
            Said::Within { conversation } => conversation,
        }));
    }
    let mut guessed = format!("{GUESSED}{parent}");
    for found in heard(connection, intake, &parent).await? {
        if !found.starts_with(GUESSED) {
            return Ok(Conversation::known(found));
        }
        guessed = found;
    }
    let above: &[StatusUri] = mention.above.as_deref().unwrap_or_default();
    // The nearest first: what is further up may be of another server, and purged.
    for uri in above.iter().rev() {
        if let Some(found) = of_heard(connection, &identity(intake.store, uri.as_str())).await? {
            return Ok(Conversation::known(found));
        }
    }
    Ok(match above.first() {
        Some(uri) => Conversation::known(first(uri.as_str())),
        None => Conversation { key: guessed, worth_a_look: mention.above.is_none() },
    })
}

/// What of ours a mention answers.
enum Said {
    /// A post, or a later part of one: its first part's page.
    Post { page: String },
    /// A reply, or a post whose page the server did not say.
    Within { conversation: String },
}

/// What of ours has this id, said by any account of the campaign on the same server: ids are the server's.
async fn said(connection: &mut AnyConnection, intake: &Intake<'_>, status: &str) -> Result<Option<Said>, StoreError> {
    const OURS: &str = "SELECT kind, thread, COALESCE((SELECT first.status_url FROM deliveries AS first \
            WHERE first.account = said.account AND first.post_id = said.post_id AND first.kind = 'post' \
            AND first.occurrence = said.occurrence AND first.part = 1), '') AS page FROM deliveries AS said \
        WHERE status_id = $2 AND account IN \
            (SELECT name FROM accounts WHERE server = (SELECT server FROM accounts WHERE name = $1))";
    let query = sqlx::query(OURS).bind(intake.account.as_str().to_owned()).bind(status.to_owned());
    for row in query.fetch_all(connection).await? {
        let page: String = row.try_get("page")?;
        let conversation: String = row.try_get("thread")?;
        if row.try_get::<String, _>("kind")? == "post" && !page.is_empty() {
            return Ok(Some(Said::Post { page }));
        }
        // Emptied by the purge.
        if !conversation.is_empty() {
            return Ok(Some(Said::Within { conversation }));
        }
    }
    Ok(None)
}

/// The conversations of what was heard under this id on the same server, and of this very mention elsewhere.
async fn heard(connection: &mut AnyConnection, intake: &Intake<'_>, status: &str) -> Result<Vec<String>, StoreError> {
    const HEARD: &str = "SELECT thread FROM mentions WHERE status_id = $2 AND thread <> '' AND account IN \
            (SELECT name FROM accounts WHERE server = (SELECT server FROM accounts WHERE name = $1))";
    let query = sqlx::query(HEARD).bind(intake.account.as_str().to_owned()).bind(status.to_owned());
    let mut found = Vec::new();
    for row in query.fetch_all(&mut *connection).await? {
        found.push(row.try_get("thread")?);
    }
    found.extend(of_heard(connection, &intake.uri).await?);
    Ok(found)
}

/// The conversation of what was heard anywhere, by its identity, where its first status was known.
async fn of_heard(connection: &mut AnyConnection, identity: &str) -> Result<Option<String>, StoreError> {
    const ANYWHERE: &str = "SELECT thread FROM mentions WHERE uri = $1 AND thread <> ''";
    for row in sqlx::query(ANYWHERE).bind(identity.to_owned()).fetch_all(connection).await? {
        let thread: String = row.try_get("thread")?;
        if !thread.starts_with(GUESSED) {
            return Ok(Some(thread));
        }
    }
    Ok(None)
}
