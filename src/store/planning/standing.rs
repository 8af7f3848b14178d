//! Rows that stand and that a plan may still change: never attempted, or waiting for a person. They follow their post's
//! words and time, come back with it, and go with it.
//!
//! Invariant: what may be on the server is looked for before it is planned again.

use chrono::{DateTime, Utc};
use sqlx::{AnyConnection, Row};

use super::PAGE;
use super::words::Kept;
use crate::core::delivery::State;
use crate::core::ids::{AccountName, DeliveryId, FactId, Occurrence, PostId};
use crate::core::lateness::is_held_for_its_time;
use crate::core::plan::agenda::{RowKey, Wanted};
use crate::core::plan::repeated::ALREADY_SAID;
use crate::store::calendar::{NOT_APPROVED, NOT_THERE, Written, local_word};
use crate::store::deliveries::WAITS_FOR_PART;
use crate::store::errors::StoreError;
use crate::store::notices::settle_delivery;
use crate::store::pauses::MISSED_SLOT;
use crate::store::threads;

/// A row as it stands.
pub(super) struct Standing {
    pub(super) id: i64,
    pub(super) state: State,
    pub(super) due_at: i64,
    expires_at: Option<i64>,
    payload_hash: String,
    parts: i64,
    attempt: i64,
    reason: String,
    /// An attempt was unclear, or the server said yes and does not show it.
    may_exist: bool,
}

/// Rows after this id that planning may still change: never attempted, or waiting for a person; at most a page.
pub(super) async fn standing(
    connection: &mut AnyConnection,
    after: i64,
) -> Result<Vec<(RowKey, Standing)>, StoreError> {
    const LIST: &str = "SELECT id, account, post_id, occurrence, part, parts, state, due_at, expires_at, payload_hash, \
        attempt, reason, CASE WHEN unclear > 0 OR status_id IS NOT NULL OR doubted_at IS NOT NULL THEN 1 ELSE 0 END \
        AS may_exist \
        FROM deliveries WHERE id > $3 AND kind = 'post' AND (state IN ('planned', 'held', 'refused') \
        OR (state = 'cancelled' AND reason LIKE $1) OR (state = 'expired' AND reason = $2)) ORDER BY id LIMIT $4";
    let mut rows = Vec::new();
    let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
    for row in
        sqlx::query(LIST).bind(NOT_THERE).bind(NOT_APPROVED).bind(after).bind(limit).fetch_all(connection).await?
    {
        let part: i64 = row.try_get("part")?;
        let key = (
            AccountName::new(row.try_get::<String, _>("account")?),
            PostId::new(row.try_get::<String, _>("post_id")?),
            Occurrence::from_ledger(row.try_get("occurrence")?),
            part,
        );
        let word: String = row.try_get("state")?;
        let state = State::parse(&word).ok_or(StoreError::Garbled { what: "a delivery's state" })?;
        let found = Standing {
            id: row.try_get("id")?,
            state,
            due_at: row.try_get("due_at")?,
            expires_at: row.try_get("expires_at")?,
            payload_hash: row.try_get("payload_hash")?,
            parts: row.try_get("parts")?,
            attempt: row.try_get("attempt")?,
            reason: row.try_get("reason")?,
            may_exist: row.try_get::<i64, _>("may_exist")? != 0,
        };
        rows.push((key, found));
    }
    Ok(rows)
}

/// Lets a row that stands follow what is wanted.
pub(super) async fn update(
    connection: &mut AnyConnection,
    row: &Wanted,
    words: &Kept,
    found: &Standing,
    now: DateTime<Utc>,
    written: &mut Written,
) -> Result<(), StoreError> {
    const UPDATE: &str = "UPDATE deliveries SET state = $1, parts = $2, plan_kind = $3, due_at = $4, \
        not_before = CASE WHEN part > 1 OR due_at = $4 THEN not_before ELSE $5 END, \
        expires_at = CASE WHEN part > 1 AND not_before <> $20 THEN expires_at ELSE $6 END, local_time = $7, zone = $8, late = $9, payload = $10, payload_hash = $11, text_hash = $12, \
        topic = $13, facts = $14, reason = $15, generation = generation + $16, updated_at = $17, \
        look_at = CASE WHEN $1 = 'unknown' THEN $17 WHEN $1 = 'planned' THEN NULL ELSE look_at END, \
        status_id = CASE WHEN $1 = 'unknown' THEN NULL ELSE status_id END \
        WHERE id = $18 AND state = $19";
    let due_at = row.due_at.timestamp_millis();
    let edited = words.hash != found.payload_hash;
    let same = !edited
        && found.due_at == due_at
        && found.expires_at == row.expires_at.map(|at| at.timestamp_millis())
        && found.parts == row.parts;
    let (state, reason, new_generation) = match found.state {
        State::Expired if row.expires_at.is_some_and(|expires| expires <= now) => return Ok(()),
        State::Held if same => return Ok(()),
        // It was held because its time had passed; now it has another.
        State::Held if found.due_at != due_at && row.due_at > now && is_held_for_its_time(&found.reason) => {
            (State::Planned, "it has a new time", 0)
        }
        // New words were not said already; the claim asks once more.
        State::Held if edited && found.reason == ALREADY_SAID => (State::Planned, "edited: no longer said already", 0),
        // Staff hold it, or an outage does: an edit changes the words, not the hold.
        State::Held if found.reason == threads::BEHIND_REFUSED => (State::Held, threads::BEHIND_REFUSED, 0),
        // Only its times moved: why it is held stays said.
        State::Held if !edited => (State::Held, found.reason.as_str(), 0),
        State::Held => (State::Held, "held; edited since", 0),
        State::Refused if !edited => return Ok(()),
        State::Refused if found.may_exist => (State::Unknown, "edited after it was refused; looked for first", 1),
        State::Refused => (State::Planned, "edited after it was refused", 1),
        State::Planned if same => return Ok(()),
        // What may be on the server is looked for first (DESIGN §5: a row that may exist is read back).
        State::Cancelled if found.may_exist => (State::Unknown, "its post came back; it may be on the server", 0),
        State::Cancelled => (State::Planned, "its post came back", i64::from(found.attempt > 0)),
        // Its new slot does not make the missed one unsaid.
        State::Planned if found.reason.starts_with(MISSED_SLOT) => (State::Planned, found.reason.as_str(), 0),
        State::Planned
        | State::Claimed
        | State::Armed
        | State::Sent
        | State::Verified
        | State::Unknown
        | State::Expired => (State::Planned, "", 0),
    };
    let query = sqlx::query(UPDATE)
        .bind(state.as_str())
        .bind(row.parts)
        .bind(row.kind.as_str())
        .bind(due_at)
        .bind(due_at)
        .bind(row.expires_at.map(|at| at.timestamp_millis()))
        .bind(local_word(row.local))
        .bind(row.zone.clone())
        .bind(row.late.as_str())
        .bind(words.json.clone())
        .bind(words.hash.clone())
        .bind(words.text_hash.clone())
        .bind(row.topic.as_ref().map(|topic| topic.as_str().to_owned()).unwrap_or_default())
        .bind(row.facts.iter().map(FactId::as_str).collect::<Vec<_>>().join(" "))
        .bind(reason)
        .bind(new_generation)
        .bind(now.timestamp_millis())
        .bind(found.id)
        .bind(found.state.as_str())
        .bind(WAITS_FOR_PART);
    written.changed += query.execute(&mut *connection).await?.rows_affected();
    if found.state == State::Cancelled && row.part > 1 {
        threads::follows_at_once(connection, DeliveryId(found.id), now).await?;
    }
    if state != found.state {
        settle_delivery(connection, found.id).await?;
    }
    Ok(())
}

/// A row planning no longer wants; `gone` says why, where its post is not there. Overdue rows of posts that still exist stay: they are due, not forgotten.
pub(super) async fn withdraw(
    connection: &mut AnyConnection,
    found: &Standing,
    gone: Option<String>,
    now: DateTime<Utc>,
    written: &mut Written,
) -> Result<(), StoreError> {
    const CANCEL: &str = "UPDATE deliveries SET state = 'cancelled', reason = $1, fence = fence + 1, updated_at = $2 \
        WHERE id = $3 AND state = $4";
    // Never attempted, and its time is still to come: its post moved elsewhere or is a draft again.
    const DELETE: &str = "DELETE FROM deliveries WHERE id = $1 AND state = 'planned' AND attempt = 0";
    let changed = match (found.state, gone) {
        (State::Planned | State::Held | State::Refused, Some(why)) => {
            let query = sqlx::query(CANCEL).bind(why).bind(now.timestamp_millis());
            let cancelled = query.bind(found.id).bind(found.state.as_str()).execute(&mut *connection).await?;
            settle_delivery(connection, found.id).await?;
            cancelled.rows_affected()
        }
        (State::Planned, None) if found.due_at > now.timestamp_millis() && found.attempt == 0 => {
            sqlx::query(DELETE).bind(found.id).execute(connection).await?.rows_affected()
        }
        _ => 0,
    };
    written.withdrawn += changed;
    Ok(())
}
