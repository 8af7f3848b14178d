//! The words of a row as the ledger keeps them, worked out once for accounts that say the same.

use std::collections::HashMap;

use crate::core::delivery::Payload;
use crate::core::plan::agenda::Wanted;
use crate::store::errors::StoreError;
use crate::store::secret::text_hash;
use crate::store::sending::payload_json;

/// Words as the ledger keeps them.
pub(super) struct Kept {
    payload: Payload,
    /// What is said, as the database has it.
    pub(super) json: String,
    /// Its print.
    pub(super) hash: String,
    /// The print of the text alone, white space aside.
    pub(super) text_hash: String,
}

/// The words of each part that came last: accounts that say the same stand beside each other, and share the work.
#[derive(Default)]
pub(super) struct Words(HashMap<i64, Kept>);

impl Words {
    pub(super) fn of(&mut self, row: &Wanted) -> Result<&Kept, StoreError> {
        let fits = self.0.get(&row.part).is_some_and(|kept| kept.payload == row.payload);
        if !fits {
            let json = payload_json(&row.payload)?;
            let (hash, text_hash) = (text_hash(&json), text_hash(&row.payload.text));
            self.0.insert(row.part, Kept { payload: row.payload.clone(), json, hash, text_hash });
        }
        self.0.get(&row.part).ok_or(StoreError::Garbled { what: "a delivery's payload" })
    }
}
