//! The ledger as people see and steer it: list, show, hold, release, cancel. What senders do is in [`super::sending`].

use chrono::{DateTime, Utc};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::errors::StoreError;
use super::{Store, millis, threads};
use crate::core::delivery::{Payload, State};
use crate::core::ids::{AccountName, DeliveryId, FactId, Occurrence, PostId, StatusId, TopicId};
use crate::core::lateness::WhenLate;
use crate::core::plan::Kind;

/// One row of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Its number.
    pub id: DeliveryId,
    /// Who says it.
    pub account: AccountName,
    /// A part of a post, or a reply.
    pub of: Of,
    /// Where it stands.
    pub state: State,
    /// When it was to go out.
    pub due_at: DateTime<Utc>,
    /// When it may be tried; `None` for a part that waits for the part before it.
    pub not_before: Option<DateTime<Utc>>,
    /// From when on it is not sent any more.
    pub expires_at: Option<DateTime<Utc>>,
    /// What is said.
    pub payload: Payload,
    /// What it is about.
    pub topic: Option<TopicId>,
    /// The facts it rests on.
    pub facts: Vec<FactId>,
    /// A reply that keeps the warning of a private mention, which is not stored: it is read again before sending.
    pub withheld: bool,
    /// Attempts so far.
    pub attempt: i64,
    /// Attempts that may have succeeded.
    pub unclear: i64,
    /// New keys taken where a server replays errors.
    pub rekeys: i64,
    /// The fence of the last claim.
    pub fence: i64,
    /// 1, and one more for every time a person decided anew.
    pub generation: i64,
    /// What to do when late.
    pub late: WhenLate,
    /// The server's id, once sent.
    pub status: Option<StatusId>,
    /// Where people read it, once sent.
    pub url: Option<String>,
    /// When the server accepted it.
    pub sent_at: Option<DateTime<Utc>>,
    /// Why it is where it is, in words.
    pub reason: String,
    /// Since when it may have been sent without this database knowing ([`super::doubt`]).
    pub doubted_at: Option<DateTime<Utc>>,
    /// Attempts that met "no such status" while the server shows the status it answers.
    pub parent_missed: i64,
}

impl Delivery {
    /// Whether it may stand on its server although nobody saw it there.
    #[must_use]
    pub fn may_exist(&self) -> bool {
        self.unclear > 0 || self.status.is_some() || self.doubted_at.is_some()
    }
}

/// What a delivery is a delivery of: its identity, beside the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Of {
    /// A part of one occurrence of a post.
    Post {
        /// The post.
        post: PostId,
        /// Which occurrence.
        occurrence: Occurrence,
        /// 1 for the first.
        part: i64,
        /// How many there are.
        parts: i64,
        /// Why at its time.
        kind: Kind,
    },
    /// The answer to a mention.
    Reply {
        /// Keyed hash of the mention's URI.
        mention: String,
    },
}

/// `not_before` of a part that waits for the part before it.
pub(super) const WAITS_FOR_PART: i64 = i64::MAX;

pub(super) fn read(row: &AnyRow) -> Result<Delivery, StoreError> {
    let kind: String = row.try_get("kind")?;
    let of = if kind == "reply" {
        Of::Reply { mention: row.try_get("mention_uri")? }
    } else {
        Of::Post {
            post: PostId::new(row.try_get::<String, _>("post_id")?),
            occurrence: Occurrence::from_ledger(row.try_get("occurrence")?),
            part: row.try_get("part")?,
            parts: row.try_get("parts")?,
            kind: Kind::parse(&row.try_get::<String, _>("plan_kind")?)
                .ok_or(StoreError::Garbled { what: "a delivery's plan_kind" })?,
        }
    };
    let state: String = row.try_get("state")?;
    let payload: String = row.try_get("payload")?;
    let topic: String = row.try_get("topic")?;
    let not_before: i64 = row.try_get("not_before")?;
    Ok(Delivery {
        id: DeliveryId(row.try_get("id")?),
        account: AccountName::new(row.try_get::<String, _>("account")?),
        of,
        state: State::parse(&state).ok_or(StoreError::Garbled { what: "a delivery's state" })?,
        due_at: millis(row.try_get("due_at")?),
        not_before: (not_before != WAITS_FOR_PART).then(|| millis(not_before)),
        expires_at: row.try_get::<Option<i64>, _>("expires_at")?.map(millis),
        payload: serde_json::from_str(&payload)
            .map_err(|_shape| StoreError::Garbled { what: "a delivery's payload" })?,
        topic: (!topic.is_empty()).then(|| TopicId::new(topic)),
        facts: row.try_get::<String, _>("facts")?.split_whitespace().map(FactId::from).collect(),
        withheld: row.try_get::<i64, _>("withheld")? != 0,
        attempt: row.try_get("attempt")?,
        unclear: row.try_get("unclear")?,
        rekeys: row.try_get("rekeys")?,
        fence: row.try_get("fence")?,
        generation: row.try_get("generation")?,
        late: WhenLate::parse(&row.try_get::<String, _>("late")?)
            .ok_or(StoreError::Garbled { what: "what a delivery does when it is late" })?,
        status: row.try_get::<Option<String>, _>("status_id")?.map(StatusId::new),
        url: row.try_get("status_url")?,
        sent_at: row.try_get::<Option<i64>, _>("sent_at")?.map(millis),
        reason: row.try_get("reason")?,
        doubted_at: row.try_get::<Option<i64>, _>("doubted_at")?.map(millis),
        parent_missed: row.try_get("parent_missed")?,
    })
}

/// What a person may do with the rows of a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Keep it back.
    Hold,
    /// Let it go.
    Release,
    /// Do not send it any more.
    Cancel,
}

/// What became of a wish.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Granted {
    /// How many rows changed.
    pub changed: u64,
    /// Rows that could not, each with the reason.
    pub left: Vec<String>,
}

impl Store {
    /// Deliveries whose time lies in `from..until`, in time order, at most `limit` rows.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn deliveries_between(
        &self,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<Delivery>, StoreError> {
        const LIST: &str =
            concat_columns!(" FROM deliveries WHERE due_at >= $1 AND due_at < $2 ORDER BY due_at, id LIMIT $3");
        self.list(sqlx::query(LIST).bind(from.timestamp_millis()).bind(until.timestamp_millis()).bind(limit)).await
    }

    /// The rows of one post, over all its accounts, occurrences and parts.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn deliveries_of_post(&self, post: &PostId) -> Result<Vec<Delivery>, StoreError> {
        const LIST: &str = concat_columns!(
            " FROM deliveries WHERE kind = 'post' AND post_id = $1 ORDER BY due_at, account, occurrence, part"
        );
        self.list(sqlx::query(LIST).bind(post.as_str().to_owned())).await
    }

    /// The row with this number.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        const ONE: &str = concat_columns!(" FROM deliveries WHERE id = $1");
        Ok(self.list(sqlx::query(ONE).bind(id.0)).await?.pop())
    }

    /// All rows in these states, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn deliveries_in(&self, states: &[State], limit: i64) -> Result<Vec<Delivery>, StoreError> {
        const LIST: &str = concat_columns!(" FROM deliveries WHERE state = $1 ORDER BY due_at, id LIMIT $2");
        let mut rows = Vec::new();
        for state in states {
            rows.extend(self.list(sqlx::query(LIST).bind(state.as_str()).bind(limit)).await?);
        }
        rows.sort_by_key(|row| (row.due_at, row.id));
        Ok(rows)
    }

    /// The last delivery a server accepted.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn last_sent(&self) -> Result<Option<Delivery>, StoreError> {
        const LAST: &str = concat_columns!(
            " FROM deliveries WHERE state IN ('sent', 'verified') AND sent_at IS NOT NULL ORDER BY sent_at DESC LIMIT 1"
        );
        Ok(self.list(sqlx::query(LAST)).await?.pop())
    }

    /// The next planned delivery that waits for its time.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn next_planned(&self) -> Result<Option<Delivery>, StoreError> {
        const NEXT: &str = concat_columns!(" FROM deliveries WHERE state = 'planned' ORDER BY not_before, id LIMIT 1");
        Ok(self.list(sqlx::query(NEXT)).await?.pop())
    }

    /// How many deliveries stand in each state.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn state_counts(&self) -> Result<Vec<(State, i64)>, StoreError> {
        const COUNT: &str = "SELECT state, COUNT(*) AS n FROM deliveries GROUP BY state";
        let mut counts = Vec::new();
        for row in sqlx::query(COUNT).fetch_all(&self.inner.reads).await? {
            let word: String = row.try_get("state")?;
            let state = State::parse(&word).ok_or(StoreError::Garbled { what: "a delivery's state" })?;
            counts.push((state, row.try_get("n")?));
        }
        counts.sort_by_key(|(state, _)| State::ALL.iter().position(|other| other == state));
        Ok(counts)
    }

    async fn list<'q>(
        &self,
        query: sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments>,
    ) -> Result<Vec<Delivery>, StoreError> {
        query.fetch_all(&self.inner.reads).await?.iter().map(read).collect()
    }

    /// Holds, releases or cancels everything of one post that has not left yet, and remembers the wish for occurrences
    /// that are not planned yet. Rows that may exist on a server are left, with the reason.
    ///
    /// # Errors
    /// When the database cannot be written; then nothing changed.
    pub async fn steer_post(
        &self,
        post: &PostId,
        wish: Wish,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<Granted, StoreError> {
        let (post, reason) = (post.as_str().to_owned(), reason.to_owned());
        self.inner
            .writer
            .write(move |connection| {
                let (post, reason) = (post.clone(), reason.clone());
                Box::pin(async move {
                    let left = mark(connection, &post, wish, &reason, now).await?;
                    let mut granted = steer(connection, Rows::Post(&post), wish, &reason, now).await?;
                    granted.left.extend(left);
                    Ok(granted)
                })
            })
            .await
    }

    /// Holds, releases or cancels one row, if it has not left yet.
    ///
    /// # Errors
    /// When the database cannot be written; then nothing changed.
    pub async fn steer_delivery(
        &self,
        id: DeliveryId,
        wish: Wish,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<Granted, StoreError> {
        let reason = reason.to_owned();
        self.inner
            .writer
            .write(move |connection| {
                let reason = reason.clone();
                Box::pin(async move { steer(connection, Rows::One(id), wish, &reason, now).await })
            })
            .await
    }
}

enum Rows<'a> {
    Post(&'a str),
    One(DeliveryId),
}

/// Remembers the wish for occurrences to come; what could not be, in words.
async fn mark(
    connection: &mut AnyConnection,
    post: &str,
    wish: Wish,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Option<String>, StoreError> {
    const KNOWN: &str = "SELECT reason FROM post_marks WHERE post_id = $1 AND mark = 'cancelled'";
    const FORGET: &str = "DELETE FROM post_marks WHERE post_id = $1";
    const MARK: &str = "INSERT INTO post_marks (post_id, mark, reason, at) VALUES ($1, $2, $3, $4)";
    if let (Wish::Hold | Wish::Release, Some(row)) =
        (wish, sqlx::query(KNOWN).bind(post.to_owned()).fetch_optional(&mut *connection).await?)
    {
        // A cancel is an end, as it is for a delivery: nobody takes it back without noticing.
        let why: String = row.try_get("reason")?;
        return Ok(Some(format!(
            "{post} was cancelled ({why}) and stays so; `watchpost queue again {post}` says it once more, now"
        )));
    }
    sqlx::query(FORGET).bind(post.to_owned()).execute(&mut *connection).await?;
    let word = match wish {
        Wish::Hold => "held",
        Wish::Cancel => "cancelled",
        Wish::Release => return Ok(None),
    };
    let query = sqlx::query(MARK).bind(post.to_owned()).bind(word).bind(reason.to_owned());
    query.bind(now.timestamp_millis()).execute(connection).await?;
    Ok(None)
}

/// Whoever holds a claim loses it here: the fence grows, so its later writes find no row (DESIGN §5, law 3).
async fn steer(
    connection: &mut AnyConnection,
    rows: Rows<'_>,
    wish: Wish,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Granted, StoreError> {
    const OF_POST: &str = concat_columns!(" FROM deliveries WHERE kind = 'post' AND post_id = $1 ORDER BY id");
    const ONE: &str = concat_columns!(" FROM deliveries WHERE id = $1");
    const MOVE: &str = "UPDATE deliveries SET state = $1, reason = $2, fence = fence + 1, updated_at = $3, \
        generation = generation + $4, not_before = CASE WHEN not_before = $5 AND NOT EXISTS (SELECT 1 FROM deliveries AS earlier \
        WHERE earlier.account = deliveries.account AND earlier.post_id = deliveries.post_id \
        AND earlier.occurrence = deliveries.occurrence AND earlier.part = deliveries.part - 1 \
        AND earlier.state = 'verified') THEN not_before ELSE $6 END, \
        late = CASE WHEN $7 IN ('planned', 'unknown') THEN 'released' ELSE late END, \
        look_at = CASE WHEN $7 = 'unknown' THEN $3 WHEN $7 <> 'planned' AND watch_until > $3 THEN look_at ELSE NULL END, \
        status_id = CASE WHEN $7 = 'unknown' THEN NULL ELSE status_id END \
        WHERE id = $8 AND state = $9 AND fence = $10";
    let query = match rows {
        Rows::Post(post) => sqlx::query(OF_POST).bind(post.to_owned()),
        Rows::One(id) => sqlx::query(ONE).bind(id.0),
    };
    let found = query.fetch_all(&mut *connection).await?.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let mut granted = Granted::default();
    for row in found {
        let next = match (wish, row.state) {
            (Wish::Hold, State::Planned | State::Claimed) => State::Held,
            (Wish::Cancel, State::Planned | State::Claimed | State::Held | State::Refused) => State::Cancelled,
            // It may exist: read back first, at once; only a look that sees nothing sends it again (DESIGN §5).
            (Wish::Release, State::Held | State::Refused) if row.may_exist() => State::Unknown,
            (Wish::Release, State::Held | State::Refused) => State::Planned,
            (_, State::Armed | State::Unknown) => {
                granted.left.push(format!(
                    "delivery {} on {} is {}: it may already be on the server; it is being looked for, and is neither stopped nor sent blindly",
                    row.id,
                    row.account,
                    row.state.as_str()
                ));
                continue;
            }
            (_, State::Sent | State::Verified) => {
                granted.left.push(format!("delivery {} on {} was already sent", row.id, row.account));
                continue;
            }
            (_, State::Expired) => {
                granted.left.push(format!("delivery {} on {} expired", row.id, row.account));
                continue;
            }
            (Wish::Release, State::Cancelled) => {
                granted.left.push(format!("delivery {} on {} was cancelled", row.id, row.account));
                continue;
            }
            (Wish::Hold, State::Held | State::Refused | State::Cancelled)
            | (Wish::Release, State::Planned | State::Claimed)
            | (Wish::Cancel, State::Cancelled) => continue,
        };
        if next == State::Planned && row.expires_at.is_some_and(|expires| expires <= now) {
            granted.left.push(format!("delivery {} on {} expired while it was held", row.id, row.account));
            continue;
        }
        let new_generation = i64::from(matches!(wish, Wish::Release) && row.attempt > 0);
        let not_before = row.due_at.max(now).timestamp_millis();
        let query = sqlx::query(MOVE).bind(next.as_str()).bind(reason.to_owned()).bind(now.timestamp_millis());
        let query = query.bind(new_generation).bind(WAITS_FOR_PART).bind(not_before);
        let query = query.bind(next.as_str()).bind(row.id.0).bind(row.state.as_str()).bind(row.fence);
        let changed = query.execute(&mut *connection).await?.rows_affected();
        granted.changed += changed;
        match next {
            State::Cancelled if changed > 0 => threads::ended(connection, row.id, next, now).await?,
            State::Planned | State::Unknown if changed > 0 => threads::goes_again(connection, row.id, now).await?,
            State::Planned
            | State::Claimed
            | State::Armed
            | State::Sent
            | State::Verified
            | State::Unknown
            | State::Refused
            | State::Held
            | State::Expired
            | State::Cancelled => {}
        }
    }
    Ok(granted)
}
