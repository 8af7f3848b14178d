//! Mentions, each written together with its decision and, where it is answered, the armed reply: one transaction, so
//! none is ever without a decision and no limit is overrun by two decisions at once.
//!
//! The deciding itself is a pure function handed in; this file knows only what has happened.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::deciding::Intake;
use super::errors::StoreError;
use super::place::Where;
use super::{Store, millis};
use crate::core::decision::{Past, Verdict};
use crate::core::delivery::Armed;
use crate::core::ids::{AccountName, DeliveryId, StatusId};
use crate::core::mention::{Mention, same_status_address};

/// What became of a mention that was reported (by the stream, a page, or both).
#[derive(Debug)]
pub enum Recorded {
    /// It had its decision already.
    Known,
    /// It was decided now.
    Decided {
        /// What and why.
        verdict: Box<Verdict>,
        /// The reply, armed: to be sent at once by whoever asked.
        armed: Option<Box<Armed>>,
    },
    /// Nothing was written: it is too old to be answered unseen ([`Verdict::look_first`]).
    LookFirst,
}

/// Whether a reply may be armed in the deciding transaction or must wait in the ledger for its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// A place among the replies in flight is free.
    AtOnce,
    /// It waits as `planned`; the publish job takes it.
    InTurn,
}

/// A mention as people see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// The account it addressed.
    pub account: AccountName,
    /// Its id on our server; empty after the purge.
    pub status: String,
    /// What it said; `None` for directs and after the purge.
    pub text: Option<String>,
    /// When it was written.
    pub written_at: DateTime<Utc>,
    /// `answer`, `command` or `silent`.
    pub decision: String,
    /// Why, in words.
    pub reason: String,
    /// The topic it asked about, when one was found.
    pub topic: String,
    /// The fact it got.
    pub fact: String,
    /// The reply's row.
    pub delivery: Option<DeliveryId>,
}

type Verdicts = Arc<dyn Fn(&Mention, &Past) -> Verdict + Send + Sync>;

/// The pure deciding function, and how far it counts what happened before.
#[derive(Clone)]
pub struct Decide {
    pub(super) verdict: Verdicts,
    pub(super) count_to: u32,
}

impl Decide {
    /// Replies are counted up to `count_to`, because no limit is higher
    /// ([`counted_to`](crate::core::budget::ReplyLimits::counted_to)); a deciding function must not tell higher numbers
    /// apart.
    pub fn new(count_to: u32, verdict: impl Fn(&Mention, &Past) -> Verdict + Send + Sync + 'static) -> Decide {
        Decide { verdict: Arc::new(verdict), count_to }
    }
}

impl Store {
    /// Records `mention`, decided by `decide`, once: idempotent on (account, URI) and on
    /// (account, the server's id of the status): a server may show one status under several addresses, or none.
    ///
    /// # Errors
    /// When the database cannot be written; then nothing is recorded and the mention will be reported again.
    pub async fn record_mention(
        &self,
        account: &AccountName,
        mention: Arc<Mention>,
        decide: Decide,
        sending: Sending,
        now: DateTime<Utc>,
        boot: Duration,
    ) -> Result<Recorded, StoreError> {
        let store = self.clone();
        let account = account.clone();
        self.inner
            .writer
            .decide(move |connection| {
                let (store, account) = (store.clone(), account.clone());
                let (mention, decide) = (mention.clone(), decide.clone());
                Box::pin(async move {
                    let uri = identity(&store, mention.uri.as_str());
                    let intake = Intake { store: &store, account: &account, mention: &mention, uri, now, boot };
                    intake.record(connection, &decide, sending).await
                })
            })
            .await
    }

    /// Which of these mentions have their decision, in their order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn known_mentions(&self, account: &AccountName, uris: &[&str]) -> Result<Vec<bool>, StoreError> {
        const KNOWN: &str = "SELECT uri FROM mentions WHERE account = $1 AND uri IN \
            ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)";
        let identities: Vec<String> = uris.iter().map(|uri| identity(self, uri)).collect();
        let (nobody, mut known) = (String::new(), HashSet::new());
        for some in identities.chunks(20) {
            // The last one stands in the places that are left.
            let places = some.iter().chain(std::iter::repeat(some.last().unwrap_or(&nobody))).take(20);
            let query = sqlx::query(KNOWN).bind(account.as_str().to_owned());
            let query = places.fold(query, |query, uri| query.bind(uri.clone()));
            for row in query.fetch_all(&self.inner.reads).await? {
                known.insert(row.try_get::<String, _>("uri")?);
            }
        }
        Ok(identities.iter().map(|uri| known.contains(uri)).collect())
    }

    /// The newest mentions, at most `limit`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn heard(&self, limit: i64) -> Result<Vec<Heard>, StoreError> {
        const LIST: &str = "SELECT account, status_id, text, written_at, decision, reason, topic, fact, delivery \
            FROM mentions ORDER BY seen_at DESC, uri LIMIT $1";
        let rows = sqlx::query(LIST).bind(limit).fetch_all(&self.inner.reads).await?;
        rows.iter().map(heard).collect()
    }

    /// A mention whose author narrowed it after it was heard is kept like one that was never public: without its text.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn forget_text(&self, account: &AccountName, mention: &StatusId) -> Result<(), StoreError> {
        const FORGET: &str = "UPDATE mentions SET text = NULL WHERE account = $1 AND status_id = $2";
        self.change(FORGET, vec![account.as_str().into(), mention.as_str().into()]).await
    }

    /// What was purged stands in SQLite's log until it is carried over into the file: done at once, because a quiet campaign
    /// would do it months later. Somebody who reads just then keeps it for the next round.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn overwrite_purged(&self) -> Result<(), StoreError> {
        match &self.inner.at {
            Where::Sqlite(_) => {
                sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_optional(&self.inner.reads).await?;
            }
            Where::Postgres(_) => {}
        }
        Ok(())
    }

    /// Texts of mentions and of replies, the ids of the statuses they answer and their threads are kept for seven days
    /// (DESIGN §6); hash, fact and state stay. Returns how
    /// many rows were emptied.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn purge_texts(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        const MENTIONS: &str = "UPDATE mentions SET text = NULL, status_id = '', thread = '' \
            WHERE seen_at < $1 AND status_id <> ''";
        const REPLIES: &str = "UPDATE deliveries SET thread = '', payload = '{\"text\":\"\",\"visibility\":\"direct\"}' \
            WHERE kind = 'reply' AND created_at < $1 AND state IN ('sent', 'verified', 'cancelled', 'expired') \
            AND payload <> '{\"text\":\"\",\"visibility\":\"direct\"}'";
        // What waited seven days for a person is not said any more: its words may not be kept longer.
        const GIVEN_UP: &str = "UPDATE deliveries SET state = 'cancelled', fence = fence + 1, updated_at = $2, \
            reason = 'nobody released it in seven days' WHERE kind = 'reply' AND created_at < $1 \
            AND state IN ('planned', 'held', 'refused')";
        // Nobody could look for seven days: its words are needed to find it, and may not be kept.
        const UNCLEAR: &str = "UPDATE deliveries SET state = 'cancelled', fence = fence + 1, updated_at = $2, \
            look_at = NULL, reason = 'for seven days nobody could see whether it was sent' WHERE kind = 'reply' \
            AND created_at < $1 AND state = 'unknown'";
        // What a server answered may hold what was said, and to whom.
        const ATTEMPTS: &str = "UPDATE attempts SET detail = '' WHERE ended_at < $1 AND detail <> '' \
            AND delivery IN (SELECT id FROM deliveries WHERE kind = 'reply' AND created_at < $1)";
        const REASONS: &str = "UPDATE deliveries SET reason = '' WHERE kind = 'reply' AND created_at < $1 \
            AND reason LIKE '%: %' AND state IN ('sent', 'verified', 'cancelled', 'expired')";
        const NOTICES: &str = "DELETE FROM notices WHERE raised_at < $1 AND key IN \
            (SELECT 'delivery:' || CAST(id AS TEXT) FROM deliveries WHERE kind = 'reply' AND created_at < $1)";
        let before = (now - chrono::Duration::days(7)).timestamp_millis();
        let now = now.timestamp_millis();
        self.inner
            .writer
            .write(move |connection| {
                Box::pin(async move {
                    for text in [GIVEN_UP, UNCLEAR] {
                        sqlx::query(text).bind(before).bind(now).execute(&mut *connection).await?;
                    }
                    for text in [ATTEMPTS, REASONS, NOTICES] {
                        sqlx::query(text).bind(before).execute(&mut *connection).await?;
                    }
                    let mentions = sqlx::query(MENTIONS).bind(before).execute(&mut *connection).await?;
                    let replies = sqlx::query(REPLIES).bind(before).execute(connection).await?;
                    Ok(mentions.rows_affected() + replies.rows_affected())
                })
            })
            .await
    }
}

impl Store {
    /// Hashes of people are kept for ninety days; a stop stays as long as the wish. Returns how many rows lost theirs.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn purge_people(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        const MENTIONS: &str = "UPDATE mentions SET person = '' WHERE seen_at < $1 AND person <> ''";
        const REPLIES: &str =
            "UPDATE deliveries SET person = '' WHERE kind = 'reply' AND created_at < $1 AND person <> ''";
        let before = (now - chrono::Duration::days(90)).timestamp_millis();
        self.inner
            .writer
            .write(move |connection| {
                Box::pin(async move {
                    let mentions = sqlx::query(MENTIONS).bind(before).execute(&mut *connection).await?;
                    let replies = sqlx::query(REPLIES).bind(before).execute(connection).await?;
                    Ok(mentions.rows_affected() + replies.rows_affected())
                })
            })
            .await
    }

    /// A limit that was spent a day ago is no news.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn settle_spent(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        const SETTLE: &str = "DELETE FROM notices WHERE key LIKE 'spent:%' AND raised_at < $1";
        self.change(SETTLE, vec![(now - chrono::Duration::days(1)).into()]).await
    }
}

/// What a mention is known by: a keyed hash of its URI, because on most servers the URI holds its author's name, and
/// names are not kept (DESIGN §6). Two servers may show one status under two forms of it.
pub(super) fn identity(store: &Store, uri: &str) -> String {
    store.secret().keyed("mention", &[&same_status_address(uri)])
}

fn heard(row: &AnyRow) -> Result<Heard, StoreError> {
    Ok(Heard {
        account: AccountName::new(row.try_get::<String, _>("account")?),
        status: row.try_get("status_id")?,
        text: row.try_get("text")?,
        written_at: millis(row.try_get("written_at")?),
        decision: row.try_get("decision")?,
        reason: row.try_get("reason")?,
        topic: row.try_get("topic")?,
        fact: row.try_get("fact")?,
        delivery: row.try_get::<Option<i64>, _>("delivery")?.map(DeliveryId),
    })
}
