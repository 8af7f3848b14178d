//! New rows of a plan: a row is made once, as what it is when it is first seen: planned, held because its text was said
//! already, expired, or in doubt.
//!
//! Invariants: a row that exists is never changed here; a slot that a sender has just used is not given again.

use chrono::{DateTime, Duration, Utc};
use sqlx::AnyConnection;

use super::words::{Kept, Words};
use crate::core::delivery::State;
use crate::core::ids::{AccountName, FactId, Occurrence, PostId};
use crate::core::plan::Kind;
use crate::core::plan::agenda::Wanted;
use crate::core::plan::repeated::{ALREADY_SAID, SAID_FOR};
use crate::store::calendar::{Written, local_word};
use crate::store::deliveries::WAITS_FOR_PART;
use crate::store::doubt;
use crate::store::errors::StoreError;
use crate::store::secret::text_hash;

/// Whether the account showed this text within 60 days: as another post, as the same one when that was repeated or
/// evergreen, or before it was first linked. Asked when a
/// row is made, so that people see it early, and again when it is claimed: between the two, a twin may have gone out,
/// an edit may have changed the words, or the account's own statuses may have been read for the first time.
pub(in crate::store) async fn is_said(
    connection: &mut AnyConnection,
    account: &AccountName,
    post: &PostId,
    text: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    hash_is_said(connection, account, post, &text_hash(text), now).await
}

async fn hash_is_said(
    connection: &mut AnyConnection,
    account: &AccountName,
    post: &PostId,
    hash: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const SAID: &str = "SELECT 1 AS one FROM deliveries WHERE account = $1 AND text_hash = $2 AND kind = 'post' \
        AND part = 1 AND NOT (post_id = $4 AND occurrence = 'once') AND state IN ('sent', 'verified', 'armed', 'unknown') AND due_at > $3 \
        UNION ALL SELECT 1 AS one FROM said WHERE account = $1 AND text_hash = $2 AND said_at > $3 LIMIT 1";
    let since = (now - SAID_FOR).timestamp_millis();
    let said = sqlx::query(SAID).bind(account.as_str().to_owned()).bind(hash.to_owned()).bind(since);
    Ok(said.bind(post.as_str().to_owned()).fetch_optional(connection).await?.is_some())
}

/// Makes the row, unless it exists or its slot was used meanwhile.
pub(super) async fn insert(
    connection: &mut AnyConnection,
    row: &Wanted,
    words: &Kept,
    doubt: Option<doubt::Open>,
    now: DateTime<Utc>,
    written: &mut Written,
) -> Result<(), StoreError> {
    // The plan was made before the slot was used: the next one knows.
    if is_used(connection, row, 0, now).await? {
        return Ok(());
    }
    let mut state = State::Planned;
    let mut reason = "";
    let doubt = doubt.filter(|doubt| doubt.covers_post(row.due_at, row.kind == Kind::Slot, now));
    if doubt.is_some() {
        if row.part == 1 {
            state = State::Unknown;
            reason = doubt::LOOKED_FOR;
        }
    } else if row.part == 1 && slot_is_used(connection, row, now).await? {
        // The next plan knows, and gives it another.
        return Ok(());
    } else if row.part == 1
        && row.occurrence == Occurrence::once()
        && hash_is_said(connection, &row.account, &row.post, &words.text_hash, now).await?
    {
        state = State::Held;
        reason = ALREADY_SAID;
        written.already_said += 1;
    }
    if row.expires_at.is_some_and(|expires| expires <= now) && row.part == 1 && state == State::Planned {
        state = State::Expired;
        reason = "its time had passed when it was first seen";
    }
    if row.part > 1 && first_part_expired(connection, row).await? {
        state = State::Expired;
        reason = "its first part had expired";
    }
    written.added += insert_kept(connection, row, words, (state, reason), doubt, now).await?;
    Ok(())
}

/// Whether another post has just taken this slot: it is due about now, and a sender may have been faster than the plan.
pub(super) async fn is_used(
    connection: &mut AnyConnection,
    row: &Wanted,
    own: i64,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const USED: &str = "SELECT 1 AS one FROM deliveries WHERE account = $1 AND kind = 'post' AND part = 1 \
        AND plan_kind IN ('slot', 'evergreen') AND local_time = $2 AND zone = $3 AND due_at >= $4 AND due_at <= $5 \
        AND id <> $6 AND post_id <> $7 AND state IN ('claimed', 'armed', 'sent', 'verified', 'unknown') LIMIT 1";
    let near = Duration::minutes(1);
    let takes_a_slot = matches!(row.kind, Kind::Slot | Kind::Evergreen);
    if !takes_a_slot || (row.due_at - now).abs() > near {
        return Ok(false);
    }
    let (from, until) = ((row.due_at - near).timestamp_millis(), (row.due_at + near).timestamp_millis());
    let query = sqlx::query(USED).bind(row.account.as_str().to_owned()).bind(local_word(row.local));
    let query = query.bind(row.zone.clone()).bind(from).bind(until).bind(own).bind(row.post.as_str().to_owned());
    Ok(query.fetch_optional(connection).await?.is_some())
}

/// A row in this state, unless it exists. Returns how many were made.
pub(in crate::store) async fn insert_as(
    connection: &mut AnyConnection,
    row: &Wanted,
    state: State,
    reason: &'static str,
    doubt: Option<doubt::Open>,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    insert_kept(connection, row, Words::default().of(row)?, (state, reason), doubt, now).await
}

async fn insert_kept(
    connection: &mut AnyConnection,
    row: &Wanted,
    words: &Kept,
    (state, reason): (State, &'static str),
    doubt: Option<doubt::Open>,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    const INSERT: &str = "INSERT INTO deliveries (account, kind, post_id, occurrence, part, parts, plan_kind, state, \
        due_at, not_before, expires_at, local_time, zone, late, payload, payload_hash, text_hash, topic, facts, reason, \
        created_at, updated_at, doubted_at, armed_at, look_at, baseline) VALUES ($1, 'post', $2, $3, $4, $5, $6, $7, \
        $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $20, $21, $22, $23, \
        (SELECT newest_own FROM accounts WHERE name = $1 AND $21 IS NOT NULL)) \
        ON CONFLICT (account, post_id, occurrence, part, mention_uri) DO NOTHING";
    let not_before = if row.part == 1 { row.due_at.timestamp_millis() } else { WAITS_FOR_PART };
    let query = sqlx::query(INSERT)
        .bind(row.account.as_str().to_owned())
        .bind(row.post.as_str().to_owned())
        .bind(row.occurrence.as_str().to_owned())
        .bind(row.part)
        .bind(row.parts)
        .bind(row.kind.as_str())
        .bind(state.as_str())
        .bind(row.due_at.timestamp_millis())
        .bind(not_before)
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
        .bind(now.timestamp_millis())
        .bind(doubt.map(|doubt| doubt.at.timestamp_millis()))
        .bind(doubt.map(|doubt| doubt.since.timestamp_millis()))
        .bind((state == State::Unknown).then(|| doubt::first_look(now).timestamp_millis()));
    Ok(query.execute(connection).await?.rows_affected())
}

/// Whether another post took the row's slot since the plan was made: a plan that is made in the second in which a slot
/// is used does not know it.
async fn slot_is_used(connection: &mut AnyConnection, row: &Wanted, now: DateTime<Utc>) -> Result<bool, StoreError> {
    const USED: &str = "SELECT 1 AS one FROM deliveries WHERE kind = 'post' AND due_at = $1 AND account = $2 \
        AND local_time = $3 AND part = 1 AND plan_kind IN ('slot', 'evergreen') AND post_id <> $4 \
        AND state NOT IN ('planned', 'cancelled', 'expired') LIMIT 1";
    if !matches!(row.kind, Kind::Slot | Kind::Evergreen) || row.due_at > now + Duration::minutes(1) {
        return Ok(false);
    }
    let query = sqlx::query(USED).bind(row.due_at.timestamp_millis()).bind(row.account.as_str().to_owned());
    let query = query.bind(local_word(row.local)).bind(row.post.as_str().to_owned());
    Ok(query.fetch_optional(connection).await?.is_some())
}

async fn first_part_expired(connection: &mut AnyConnection, row: &Wanted) -> Result<bool, StoreError> {
    const FIRST: &str = "SELECT 1 AS one FROM deliveries WHERE account = $1 AND post_id = $2 AND occurrence = $3 \
        AND part = 1 AND mention_uri = '' AND state = 'expired'";
    let query = sqlx::query(FIRST).bind(row.account.as_str().to_owned()).bind(row.post.as_str().to_owned());
    Ok(query.bind(row.occurrence.as_str().to_owned()).fetch_optional(connection).await?.is_some())
}
