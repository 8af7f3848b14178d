//! Mentions as staff look at them and steer them: list, one, and the wish that a mention left to a human be answered.
//!
//! A wish is an intent: the daemon reads the mention again, for its author's name is not kept, and turns the wish into
//! a delivery in the transaction that ends it; the ledger holds one reply a mention, whoever wished how often.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::deciding::Intake;
use super::errors::StoreError;
use super::mentions::{Decide, Sending};
use super::{Store, millis};
use crate::core::decision::Verdict;
use crate::core::delivery::{Payload, State};
use crate::core::ids::{AccountName, DeliveryId, FactId};
use crate::core::mention::Mention;

/// Which mentions to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Only those of this account.
    pub account: Option<AccountName>,
    /// Only those heard since then.
    pub since: Option<DateTime<Utc>>,
    /// Only answered or only silent ones.
    pub which: Option<Which>,
}

/// Answered or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Something was said, or a command was obeyed.
    Answered,
    /// Nothing was said.
    Silent,
}

/// One mention with its decision and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// What it is known by: a keyed hash.
    pub uri: String,
    /// The account it addressed.
    pub account: AccountName,
    /// Its id on our server; empty after seven days.
    pub status: String,
    /// Who asked: a keyed hash; empty after ninety days.
    pub person: String,
    /// `public`, `unlisted`, `private`, `direct` or `unknown`.
    pub visibility: String,
    /// What it said; never for directs, for others seven days.
    pub text: Option<String>,
    /// When it was written, as its server says.
    pub written_at: DateTime<Utc>,
    /// When we decided.
    pub seen_at: DateTime<Utc>,
    /// `answer`, `command` or `silent`.
    pub decision: String,
    /// The command it gave; empty: none.
    pub command: String,
    /// What it is about; empty: nothing was found.
    pub topic: String,
    /// The fact it got; empty: none.
    pub fact: String,
    /// Why, in words.
    pub reason: String,
    /// The reply.
    pub reply: Option<Replied>,
}

/// The reply to a mention.
#[derive(Clone, Debug, PartialEq)]
pub struct Replied {
    /// Its row.
    pub delivery: DeliveryId,
    /// Where it stands.
    pub state: State,
    /// What was said, or was to be said; empty after seven days.
    pub text: String,
    /// Why it stands there, in words; often empty.
    pub reason: String,
    /// Where people read it.
    pub url: Option<String>,
}

/// A mention that staff want answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerWish {
    /// The account.
    pub account: AccountName,
    /// The mention.
    pub uri: String,
    /// Its id on our server.
    pub status: String,
    /// With which fact.
    pub fact: FactId,
    /// Since when.
    pub wished_at: DateTime<Utc>,
}

/// What became of the wish to have a mention answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wished {
    /// The daemon will answer it.
    Noted,
    /// It was answered, or is being answered.
    Answered(DeliveryId),
    /// Its author said stop.
    OptedOut,
    /// There is no such mention, or it is too old to be found again.
    Gone,
}

const COLUMNS: &str = "SELECT m.uri, m.account, m.status_id, m.person, m.visibility, m.text, m.written_at, m.seen_at, \
    m.decision, m.command, m.topic, m.fact, m.reason, d.id AS delivery, d.state, d.payload, d.status_url, d.reason AS why \
    FROM mentions AS m LEFT JOIN deliveries AS d ON d.id = m.delivery";

fn read(row: &AnyRow) -> Result<Asked, StoreError> {
    let reply = match row.try_get::<Option<i64>, _>("delivery")? {
        Some(id) => {
            let state: String = row.try_get("state")?;
            let payload: String = row.try_get("payload")?;
            Some(Replied {
                delivery: DeliveryId(id),
                state: State::parse(&state).ok_or(StoreError::Garbled { what: "a delivery's state" })?,
                text: serde_json::from_str(&payload).map(|payload: Payload| payload.text).unwrap_or_default(),
                reason: row.try_get("why")?,
                url: row.try_get("status_url")?,
            })
        }
        None => None,
    };
    Ok(Asked {
        uri: row.try_get("uri")?,
        account: AccountName::new(row.try_get::<String, _>("account")?),
        status: row.try_get("status_id")?,
        person: row.try_get("person")?,
        visibility: row.try_get("visibility")?,
        text: row.try_get("text")?,
        written_at: millis(row.try_get("written_at")?),
        seen_at: millis(row.try_get("seen_at")?),
        decision: row.try_get("decision")?,
        command: row.try_get("command")?,
        topic: row.try_get("topic")?,
        fact: row.try_get("fact")?,
        reason: row.try_get("reason")?,
        reply,
    })
}

impl Store {
    /// Mentions, newest first, at most `limit`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn asked(&self, wanted: &Wanted, limit: i64) -> Result<Vec<Asked>, StoreError> {
        const FILTER: &str = " WHERE ($1 = '' OR m.account = $1) AND m.seen_at >= $2 AND ($3 = '' \
            OR ($3 = 'silent' AND m.decision = 'silent') OR ($3 = 'answered' AND m.decision <> 'silent')) \
            ORDER BY m.seen_at DESC, m.uri LIMIT $4";
        let which = match wanted.which {
            None => "",
            Some(Which::Answered) => "answered",
            Some(Which::Silent) => "silent",
        };
        let query = sqlx::query(sqlx::AssertSqlSafe(format!("{COLUMNS}{FILTER}")))
            .bind(wanted.account.as_ref().map(ToString::to_string).unwrap_or_default())
            .bind(wanted.since.map_or(0, |since| since.timestamp_millis()))
            .bind(which)
            .bind(limit);
        query.fetch_all(&self.inner.reads).await?.iter().map(read).collect()
    }

    /// The mentions with this number: the beginning of what they are known by, or their id on the server.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn asked_as(&self, number: &str) -> Result<Vec<Asked>, StoreError> {
        const ONE: &str = " WHERE m.uri LIKE $1 OR m.status_id = $2 ORDER BY m.seen_at DESC, m.account LIMIT 20";
        let hash = number.len() >= 4 && number.chars().all(|c| c.is_ascii_hexdigit());
        let like = if hash { format!("{}%", number.to_ascii_lowercase()) } else { String::new() };
        let query = sqlx::query(sqlx::AssertSqlSafe(format!("{COLUMNS}{ONE}"))).bind(like).bind(number.to_owned());
        query.fetch_all(&self.inner.reads).await?.iter().map(read).collect()
    }

    /// Notes that a mention is to be answered with this fact; once, however often it is wished.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn wish_answer(
        &self,
        account: &AccountName,
        uri: &str,
        fact: &FactId,
        now: DateTime<Utc>,
    ) -> Result<Wished, StoreError> {
        const MENTION: &str = "SELECT delivery, status_id, person FROM mentions WHERE account = $1 AND uri = $2";
        const OPTED_OUT: &str = "SELECT 1 AS one FROM opt_outs WHERE person = $1";
        const WISH: &str = "INSERT INTO mention_wishes (account, uri, fact, wished_at) VALUES ($1, $2, $3, $4) \
            ON CONFLICT (account, uri) DO UPDATE SET fact = excluded.fact";
        let (account, uri, fact) = (account.to_string(), uri.to_owned(), fact.to_string());
        self.inner
            .writer
            .decide(move |connection| {
                let (account, uri, fact) = (account.clone(), uri.clone(), fact.clone());
                Box::pin(async move {
                    let mention = sqlx::query(MENTION).bind(account.clone()).bind(uri.clone());
                    let Some(row) = mention.fetch_optional(&mut *connection).await? else { return Ok(Wished::Gone) };
                    if let Some(id) = row.try_get::<Option<i64>, _>("delivery")? {
                        return Ok(Wished::Answered(DeliveryId(id)));
                    }
                    let (status, person): (String, String) = (row.try_get("status_id")?, row.try_get("person")?);
                    if status.is_empty() {
                        return Ok(Wished::Gone);
                    }
                    if sqlx::query(OPTED_OUT).bind(person).fetch_optional(&mut *connection).await?.is_some() {
                        return Ok(Wished::OptedOut);
                    }
                    let wish = sqlx::query(WISH).bind(account).bind(uri).bind(fact).bind(now.timestamp_millis());
                    wish.execute(connection).await?;
                    Ok(Wished::Noted)
                })
            })
            .await
    }

    /// How often each fact was said in replies.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn facts_said(&self) -> Result<BTreeMap<String, i64>, StoreError> {
        const SAID: &str = "SELECT facts, COUNT(*) AS n FROM deliveries WHERE kind = 'reply' AND facts <> '' \
            AND state <> 'cancelled' GROUP BY facts";
        let mut said = BTreeMap::new();
        for row in sqlx::query(SAID).fetch_all(&self.inner.reads).await? {
            let (facts, count): (String, i64) = (row.try_get("facts")?, row.try_get("n")?);
            for fact in facts.split_whitespace() {
                *said.entry(fact.to_owned()).or_default() += count;
            }
        }
        Ok(said)
    }

    /// What staff want answered, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn answer_wishes(&self) -> Result<Vec<AnswerWish>, StoreError> {
        const LIST: &str = "SELECT w.account, w.uri, w.fact, w.wished_at, m.status_id FROM mention_wishes AS w \
            JOIN mentions AS m ON m.account = w.account AND m.uri = w.uri ORDER BY w.wished_at, w.uri";
        let rows = sqlx::query(LIST).fetch_all(&self.inner.reads).await?;
        let wish = |row: &AnyRow| {
            Ok(AnswerWish {
                account: AccountName::new(row.try_get::<String, _>("account")?),
                uri: row.try_get("uri")?,
                status: row.try_get("status_id")?,
                fact: FactId::new(row.try_get::<String, _>("fact")?),
                wished_at: millis(row.try_get("wished_at")?),
            })
        };
        rows.iter().map(wish).collect()
    }

    /// Ends a wish without an answer.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn drop_wish(&self, wish: &AnswerWish) -> Result<(), StoreError> {
        self.change(END, vec![wish.account.as_str().into(), wish.uri.as_str().into()]).await
    }

    /// Turns a wish into a planned reply, decided by `decide`, in one transaction; `None` when the wish is gone or the
    /// mention has its reply.
    ///
    /// # Errors
    /// When the database cannot be written; then the wish stays.
    pub async fn grant_wish(
        &self,
        wish: &AnswerWish,
        mention: Arc<Mention>,
        decide: Decide,
        now: DateTime<Utc>,
    ) -> Result<Option<Box<Verdict>>, StoreError> {
        let (store, wish) = (self.clone(), wish.clone());
        self.inner
            .writer
            .decide(move |connection| {
                let (store, wish) = (store.clone(), wish.clone());
                let (mention, decide) = (mention.clone(), decide.clone());
                Box::pin(async move { grant(connection, &store, &wish, &mention, &decide, now).await })
            })
            .await
    }
}

const END: &str = "DELETE FROM mention_wishes WHERE account = $1 AND uri = $2";

async fn grant(
    connection: &mut AnyConnection,
    store: &Store,
    wish: &AnswerWish,
    mention: &Mention,
    decide: &Decide,
    now: DateTime<Utc>,
) -> Result<Option<Box<Verdict>>, StoreError> {
    const OPEN: &str = "SELECT 1 AS one FROM mention_wishes AS w JOIN mentions AS m ON m.account = w.account \
        AND m.uri = w.uri WHERE w.account = $1 AND w.uri = $2 AND m.delivery IS NULL";
    const DECIDED: &str = "UPDATE mentions SET decision = $3, topic = $4, fact = $5, reason = $6, delivery = $7 \
        WHERE account = $1 AND uri = $2";
    let (account, uri) = (wish.account.to_string(), wish.uri.clone());
    let open = sqlx::query(OPEN).bind(account.clone()).bind(uri.clone()).fetch_optional(&mut *connection).await?;
    sqlx::query(END).bind(account.clone()).bind(uri.clone()).execute(&mut *connection).await?;
    if open.is_none() {
        return Ok(None);
    }
    let intake = Intake { store, account: &wish.account, mention, uri: uri.clone(), now, boot: Duration::ZERO };
    let (verdict, delivery) = intake.answer(connection, decide, Sending::InTurn).await?;
    if let Some(delivery) = delivery {
        let topic = verdict.topic.as_ref().map(ToString::to_string).unwrap_or_default();
        let query = sqlx::query(DECIDED).bind(account).bind(uri).bind(verdict.word()).bind(topic);
        let query = query.bind(wish.fact.to_string()).bind(verdict.reason.clone()).bind(delivery.0);
        query.execute(connection).await?;
    }
    Ok(Some(Box::new(verdict)))
}
