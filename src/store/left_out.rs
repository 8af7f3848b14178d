//! Accounts that were taken out of the campaign and left rows behind: nobody sends those any more. What was planned ends
//! when its time has passed, as it would have; what waited for a slot and was never attempted is planned anew should the
//! account come back.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use sqlx::Row;

use super::Store;
use super::errors::StoreError;
use crate::core::delivery::State;
use crate::core::ids::AccountName;
use crate::core::post::DEFAULT_EXPIRY;

/// What an account that is not in the campaign any more left behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOver {
    /// Planned, or waiting for a person.
    pub open: i64,
    /// It may stand on the server, where nobody can look without a token.
    pub unclear: i64,
}

impl Store {
    /// Ends what the accounts that are not `present` had planned and whose time has passed; what is left of them.
    ///
    /// # Errors
    /// When the database cannot be written; then nothing changed.
    pub async fn left_out(
        &self,
        present: BTreeSet<AccountName>,
        now: DateTime<Utc>,
    ) -> Result<BTreeMap<AccountName, LeftOver>, StoreError> {
        const OPEN: &str = "SELECT account, state, COUNT(*) AS n FROM deliveries \
            WHERE state IN ('planned', 'claimed', 'armed', 'unknown', 'refused', 'held') GROUP BY account, state";
        const FORGET: &str = "DELETE FROM deliveries WHERE account = $1 AND state = 'planned' AND plan_kind = 'slot' \
            AND attempt = 0 AND doubted_at IS NULL AND expires_at IS NULL AND due_at + $3 <= $2";
        const EXPIRE: &str = "UPDATE deliveries SET state = 'expired', fence = fence + 1, updated_at = $2, \
            reason = 'its time had passed, and its account was not in the campaign any more' \
            WHERE account = $1 AND state = 'planned' AND COALESCE(expires_at, due_at + $3) <= $2";
        let now_ms = now.timestamp_millis();
        self.inner
            .writer
            .decide(move |connection| {
                let present = present.clone();
                Box::pin(async move {
                    let mut left: BTreeMap<AccountName, LeftOver> = BTreeMap::new();
                    for row in sqlx::query(OPEN).fetch_all(&mut *connection).await? {
                        let account = AccountName::new(row.try_get::<String, _>("account")?);
                        if present.contains(&account) {
                            continue;
                        }
                        let (state, count): (String, i64) = (row.try_get("state")?, row.try_get("n")?);
                        let over = left.entry(account).or_default();
                        match State::parse(&state) {
                            Some(State::Unknown | State::Armed) => over.unclear += count,
                            Some(_) => over.open += count,
                            None => return Err(StoreError::Garbled { what: "a delivery's state" }),
                        }
                    }
                    for (account, over) in &mut left {
                        for text in [FORGET, EXPIRE] {
                            let query = sqlx::query(text).bind(account.as_str().to_owned()).bind(now_ms);
                            let query = query.bind(DEFAULT_EXPIRY.num_milliseconds());
                            let ended = query.execute(&mut *connection).await?.rows_affected();
                            over.open -= i64::try_from(ended).unwrap_or_default();
                        }
                    }
                    left.retain(|_, over| *over != LeftOver::default());
                    Ok(left)
                })
            })
            .await
    }
}
