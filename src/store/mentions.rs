//! Mentions, each written together with its decision and, where it is answered, the armed reply: one transaction, so
//! none is ever without a decision and no limit is overrun by two decisions at once.
//!
//! The deciding itself is a pure function handed in; this file knows only what has happened.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::errors::StoreError;
use super::sending::{payload_json, reply_key};
use super::{Store, doubt, millis, past, secret::text_hash, storable};
use crate::core::decision::{Consent, Past, SpentLimit, Verdict};
use crate::core::delivery::{Armed, State};
use crate::core::ids::{AccountName, DeliveryId, FactId, StatusId};
use crate::core::mention::Mention;
use crate::core::post::Visibility;

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
    verdict: Verdicts,
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
    /// Records `mention`, decided by `decide`, once: idempotent on (account, URI).
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

    /// Whether this mention has its decision.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn knows_mention(&self, account: &AccountName, uri: &str) -> Result<bool, StoreError> {
        let query = sqlx::query(KNOWN).bind(account.as_str().to_owned()).bind(identity(self, uri));
        Ok(query.fetch_optional(&self.inner.reads).await?.is_some())
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
        let before = (now - chrono::Duration::days(7)).timestamp_millis();
        let now = now.timestamp_millis();
        self.inner
            .writer
            .write(move |connection| {
                Box::pin(async move {
                    sqlx::query(GIVEN_UP).bind(before).bind(now).execute(&mut *connection).await?;
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
/// names are not kept (DESIGN §6).
fn identity(store: &Store, uri: &str) -> String {
    store.secret().keyed("mention", &[uri])
}

const KNOWN: &str = "SELECT 1 AS one FROM mentions WHERE account = $1 AND uri = $2";

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

pub(super) struct Intake<'a> {
    pub(super) store: &'a Store,
    pub(super) account: &'a AccountName,
    pub(super) mention: &'a Mention,
    /// What it is known by: [`identity`].
    pub(super) uri: String,
    pub(super) now: DateTime<Utc>,
    pub(super) boot: Duration,
}

impl Intake<'_> {
    /// Decides about a mention that has its row, and plans the reply, if there is one.
    pub(super) async fn answer(
        &self,
        connection: &mut AnyConnection,
        decide: &Decide,
        sending: Sending,
    ) -> Result<(Verdict, Option<DeliveryId>), StoreError> {
        let people = self.store.secret().people(&self.mention.asker);
        let person = people.first().cloned().unwrap_or_default();
        let thread = self.thread(connection).await?;
        let before = past::before(connection, self, decide, &people, &thread).await?;
        let verdict = (decide.verdict)(self.mention, &before.past);
        if verdict.reply.is_none() {
            return Ok((verdict, None));
        }
        let written = self.mention.created_at;
        let doubt = doubt::last(connection).await?.filter(|doubt| doubt.covers_mention(written, self.now));
        let reply = self.insert_reply(connection, &verdict, &person, &thread, sending, doubt).await?;
        Ok((verdict, Some(reply.id)))
    }

    async fn record(
        &self,
        connection: &mut AnyConnection,
        decide: &Decide,
        sending: Sending,
    ) -> Result<Recorded, StoreError> {
        let people = self.store.secret().people(&self.mention.asker);
        let person = people.first().cloned().unwrap_or_default();
        let thread = self.thread(connection).await?;
        let before = past::before(connection, self, decide, &people, &thread).await?;
        if before.known {
            return Ok(Recorded::Known);
        }
        let verdict = (decide.verdict)(self.mention, &before.past);
        let written = self.mention.created_at;
        let doubt = match &verdict.reply {
            Some(_) => doubt::last(connection).await?.filter(|doubt| doubt.covers_mention(written, self.now)),
            None => None,
        };
        // What a restored database may have answered already is looked for by its row.
        if verdict.look_first && doubt.is_none() {
            return Ok(Recorded::LookFirst);
        }
        // While the server asked us to wait, or a person must act first, a reply waits in the ledger like a post. Whoever
        // lost the account sends nothing; its new holder finds the reply there too.
        let ours = self.store.inner.holder.holds(connection, self.account.as_str(), self.now).await?;
        let sending = if ours && !before.must_wait { sending } else { Sending::InTurn };
        match verdict.consent {
            Some(Consent::Withdrawn) => opt_out(connection, &people, self.now).await?,
            Some(Consent::Given) => {
                opt_in(connection, &people).await?;
            }
            None => {}
        }
        let armed = match &verdict.reply {
            Some(_) => Some(self.insert_reply(connection, &verdict, &person, &thread, sending, doubt).await?),
            None => None,
        };
        let delivery = armed.as_ref().map(|armed| armed.id);
        self.insert_mention(connection, &verdict, &person, &thread, delivery).await?;
        if let Some(limit) = verdict.spent {
            self.tell_spent(connection, limit).await?;
        }
        let armed = armed.filter(|_| sending == Sending::AtOnce && doubt.is_none()).map(Box::new);
        Ok(Recorded::Decided { verdict: Box::new(verdict), armed })
    }

    /// One notice for the account and the limit, whatever comes while it is spent; the keep job takes it away a day later.
    async fn tell_spent(&self, connection: &mut AnyConnection, limit: SpentLimit) -> Result<(), StoreError> {
        const TELL: &str = "INSERT INTO notices (key, account, text, next_step, raised_at) \
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT (key) DO NOTHING";
        let account = self.account.as_str();
        let text = format!(
            "{account} has answered as many mentions as {} allows: more came, and were decided without an answer",
            limit.as_str()
        );
        let step = format!(
            "`watchpost mentions list --silent --account {account}` shows them; raise {} in [replies.limits] if more should be answered",
            limit.as_str()
        );
        let query = sqlx::query(TELL).bind(spent_key(account, limit)).bind(account.to_owned()).bind(text).bind(step);
        query.bind(self.now.timestamp_millis()).execute(connection).await?;
        Ok(())
    }

    /// The thread a mention belongs to: that of the status it answers, when we know that status; else that status
    /// itself; else the mention. Servers give no thread id.
    async fn thread(&self, connection: &mut AnyConnection) -> Result<String, StoreError> {
        // Any account of the campaign on the same server: ids are the server's.
        const OURS: &str = "SELECT thread FROM deliveries WHERE status_id = $2 AND thread <> '' AND account IN \
            (SELECT name FROM accounts WHERE server = (SELECT server FROM accounts WHERE name = $1))";
        const HEARD: &str = "SELECT thread FROM mentions WHERE account = $1 AND status_id = $2";
        let Some(parent) = &self.mention.in_reply_to else { return Ok(storable(self.mention.status.as_str())) };
        for query in [OURS, HEARD] {
            let query = sqlx::query(query).bind(self.account.as_str().to_owned()).bind(storable(parent.as_str()));
            if let Some(row) = query.fetch_optional(&mut *connection).await? {
                return Ok(row.try_get("thread")?);
            }
        }
        Ok(storable(parent.as_str()))
    }

    async fn insert_reply(
        &self,
        connection: &mut AnyConnection,
        verdict: &Verdict,
        person: &str,
        thread: &str,
        sending: Sending,
        doubt: Option<doubt::Open>,
    ) -> Result<Armed, StoreError> {
        const INSERT: &str = "INSERT INTO deliveries (account, kind, mention_uri, state, due_at, not_before, \
            expires_at, payload, text_hash, topic, facts, person, thread, fence, attempt, armed_at, baseline, \
            created_at, updated_at, doubted_at, look_at, reason, wording, withheld, also) VALUES ($1, 'reply', $2, $3, $4, \
            $4, $5, $6, $7, $8, $9, $10, $11, 1, $12, $13, (SELECT newest_own FROM accounts WHERE name = $1), $4, $4, \
            $14, $15, $16, $17, $18, $19) RETURNING id";
        let Some(reply) = &verdict.reply else { return Err(StoreError::Garbled { what: "a verdict without a reply" }) };
        let kept = verdict.kept.as_ref().unwrap_or(reply);
        let now = self.now.timestamp_millis();
        let at_once = sending == Sending::AtOnce;
        // A database that was restored does not know whether it answered a mention of before: looked for first.
        let (state, armed_at) = match (doubt, at_once) {
            (Some(doubt), _) => (State::Unknown, Some(doubt.since.timestamp_millis())),
            (None, true) => (State::Armed, Some(now)),
            (None, false) => (State::Planned, None),
        };
        let listed = |ids: &[FactId]| ids.iter().map(FactId::as_str).collect::<Vec<_>>().join(" ");
        let query = sqlx::query(INSERT)
            .bind(self.account.as_str().to_owned())
            .bind(self.uri.clone())
            .bind(state.as_str())
            .bind(now)
            .bind(verdict.answer_until.timestamp_millis())
            .bind(payload_json(kept)?)
            .bind(text_hash(&kept.text))
            .bind(verdict.topic.as_ref().map(|topic| topic.as_str().to_owned()).unwrap_or_default())
            .bind(listed(&verdict.facts))
            .bind(person.to_owned())
            .bind(thread.to_owned())
            .bind(i64::from(state == State::Armed))
            .bind(armed_at)
            .bind(doubt.map(|doubt| doubt.at.timestamp_millis()))
            .bind(doubt.map(|_| doubt::first_look(self.now).timestamp_millis()))
            .bind(doubt.map_or("", |_| doubt::LOOKED_FOR))
            .bind(i64::try_from(verdict.wording).unwrap_or_default())
            .bind(i64::from(verdict.kept.is_some()))
            .bind(listed(&verdict.also));
        let row = query.fetch_one(connection).await?;
        Ok(Armed {
            id: DeliveryId(row.try_get("id")?),
            account: self.account.clone(),
            fence: 1,
            attempt: 1,
            may_exist: false,
            key: reply_key(self.store.secret(), self.account.as_str(), &self.uri, "1"),
            payload: reply.clone(),
            media: Vec::new(),
            armed_at_boot: self.boot,
        })
    }

    async fn insert_mention(
        &self,
        connection: &mut AnyConnection,
        verdict: &Verdict,
        person: &str,
        thread: &str,
        delivery: Option<DeliveryId>,
    ) -> Result<(), StoreError> {
        const INSERT: &str = "INSERT INTO mentions (account, uri, status_id, person, thread, visibility, text, lang, \
            written_at, seen_at, decision, command, topic, fact, reason, delivery) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
        let mention = self.mention;
        // Texts of directs, and of what may be one, are never stored (DESIGN §6).
        let stored = match mention.visibility {
            Some(Visibility::Public | Visibility::Unlisted) => Some(storable(&mention.text.own)),
            Some(Visibility::Private | Visibility::Direct) | None => None,
        };
        sqlx::query(INSERT)
            .bind(self.account.as_str().to_owned())
            .bind(self.uri.clone())
            .bind(storable(mention.status.as_str()))
            .bind(person.to_owned())
            .bind(thread.to_owned())
            .bind(mention.visibility.map_or("unknown", Visibility::as_str))
            .bind(stored)
            .bind(mention.lang.as_ref().map(|lang| storable(lang.as_str())).unwrap_or_default())
            .bind(mention.created_at.timestamp_millis())
            .bind(self.now.timestamp_millis())
            .bind(verdict.word())
            .bind(verdict.command.map_or("", crate::core::command::Command::as_str))
            .bind(verdict.topic.as_ref().map(|topic| topic.as_str().to_owned()).unwrap_or_default())
            .bind(verdict.facts.first().map(|fact| fact.as_str().to_owned()).unwrap_or_default())
            .bind(verdict.reason.clone())
            .bind(delivery.map(|id| id.0))
            .execute(connection)
            .await?;
        Ok(())
    }
}

fn spent_key(account: &str, limit: SpentLimit) -> String {
    format!("spent:{}:{account}", limit.as_str())
}

/// Whether a person who goes by these hashes said stop.
pub(super) async fn has_opted_out(connection: &mut AnyConnection, people: &[String]) -> Result<bool, StoreError> {
    const ONE: &str = "SELECT 1 AS one FROM opt_outs WHERE person = $1";
    for person in people {
        if sqlx::query(ONE).bind(person.clone()).fetch_optional(&mut *connection).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Notes the stop of a person under every hash they go by, and cancels what is not armed.
pub(super) async fn opt_out(
    connection: &mut AnyConnection,
    people: &[String],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const OUT: &str =
        "INSERT INTO opt_outs (person, since, alias_of) VALUES ($1, $2, $3) ON CONFLICT (person) DO NOTHING";
    const CANCEL: &str = "UPDATE deliveries SET state = 'cancelled', fence = fence + 1, updated_at = $2, \
        reason = 'they said stop' WHERE person = $1 AND kind = 'reply' AND state IN ('planned', 'claimed', 'held', 'refused')";
    let now = now.timestamp_millis();
    let first = first_known(connection, people).await?;
    for person in people {
        let alias_of = if *person == first { String::new() } else { first.clone() };
        sqlx::query(OUT).bind(person.clone()).bind(now).bind(alias_of).execute(&mut *connection).await?;
        sqlx::query(CANCEL).bind(person.clone()).bind(now).execute(&mut *connection).await?;
    }
    Ok(())
}

/// The hash under which a stop of this person stands in the list of all; the first of theirs when there is none yet.
async fn first_known(connection: &mut AnyConnection, people: &[String]) -> Result<String, StoreError> {
    const FIRST: &str = "SELECT alias_of FROM opt_outs WHERE person = $1";
    for person in people {
        if let Some(row) = sqlx::query(FIRST).bind(person.clone()).fetch_optional(&mut *connection).await? {
            let alias_of: String = row.try_get("alias_of")?;
            return Ok(if alias_of.is_empty() { person.clone() } else { alias_of });
        }
    }
    Ok(people.first().cloned().unwrap_or_default())
}

/// Takes the stop of a person back, under every hash; whether there was one.
pub(super) async fn opt_in(connection: &mut AnyConnection, people: &[String]) -> Result<bool, StoreError> {
    const IN: &str = "DELETE FROM opt_outs WHERE person = $1 OR person = $2 OR alias_of = $2";
    let mut was = false;
    for person in people {
        let first = first_known(connection, std::slice::from_ref(person)).await?;
        was |= sqlx::query(IN).bind(person.clone()).bind(first).execute(&mut *connection).await?.rows_affected() > 0;
    }
    Ok(was)
}

pub(super) fn ids(listed: &str) -> Vec<FactId> {
    listed.split_whitespace().map(FactId::from).collect()
}
