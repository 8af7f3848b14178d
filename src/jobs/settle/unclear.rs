//! An unclear attempt: found on the server, to be looked for again, or absent at the last look (DESIGN §5, law 7).

use super::Case;
use super::Settled;
use crate::core::delivery::State;
use crate::core::looking::{self, Keyed};
use crate::core::post::Visibility;
use crate::core::resemblance::Likeness;
use crate::fedi::{KeyClass, StatusView};
use crate::jobs::attempt;
use crate::jobs::trouble::Trouble;
use crate::store::StoreError;
use crate::store::calendar::FILE_GONE;
use crate::store::deliveries::Of;
use crate::store::sending::REFUSED_AFTER;
use crate::store::settling::{Found, Wish};

/// For how long an own list may lag, and when it is read again meanwhile.
const LIST_MAY_LAG: chrono::Duration = chrono::Duration::hours(1);
const LAGGING_LIST_AGAIN: chrono::Duration = chrono::Duration::minutes(1);

impl Case<'_> {
    pub(super) async fn unclear(&self, settled: &mut Settled) -> Result<(), StoreError> {
        let found = match self.candidates().await {
            Ok(found) => found.into_iter().next(),
            Err(Trouble::Store(error)) => return Err(error),
            Err(Trouble::Fedi(error)) => {
                self.blind(settled, &error);
                return Ok(());
            }
        };
        let store = &self.ctx.store;
        let outcome = match found {
            Some((status, likeness)) => {
                let after = match self.row.doubted_at {
                    Some(_) => "found on the server; the database had not known",
                    None => "found on the server after an unclear attempt",
                };
                let note = match likeness {
                    Likeness::Same => after.to_owned(),
                    Likeness::Near | Likeness::Other => format!("{after}, with slightly other words"),
                };
                settled.found += 1;
                let changed = super::changed::changed(&self.row.delivery.payload, &status, &self.link.capabilities);
                attempt::tell_changed(self.ctx, self.account, self.row.delivery.id, &changed, self.now).await?;
                Found::There { status: status.id.clone(), url: status.url.clone(), note }
            }
            None => match self.absent(settled) {
                Found::SendAgain { .. } if self.list_lags().await => {
                    settled.again = settled.again.saturating_sub(1);
                    self.behind(settled)
                }
                Found::SendAgain { .. } if self.parent_is_gone().await => {
                    settled.again = settled.again.saturating_sub(1);
                    let reason = "not on the server, and the mention is gone".to_owned();
                    Found::Ended { state: State::Cancelled, reason }
                }
                outcome @ (Found::There { .. } | Found::SendAgain { .. } | Found::NotYet(_) | Found::Ended { .. }) => {
                    outcome
                }
            },
        };
        let notice = format!("delivery:{}", self.row.delivery.id);
        match &outcome {
            Found::There { .. } | Found::SendAgain { .. } => store.settle_notice(&notice).await?,
            Found::Ended { state: State::Held, reason } => {
                let id = self.row.delivery.id;
                let text = format!("delivery {id} on {}: {reason}", self.account.name);
                let step = format!(
                    "`watchpost queue release {id}` looks again and sends it, `watchpost queue cancel {id}` drops it"
                );
                store.raise(&notice, self.account.name.as_str(), &text, &step, self.now).await?;
            }
            Found::Ended { .. } | Found::NotYet(_) => {}
        }
        tracing::info!(
            account.name = %self.account.name,
            delivery.id = %self.row.delivery.id,
            outcome = ?outcome,
            "unclear attempt read back"
        );
        let again = matches!(outcome, Found::SendAgain { .. });
        let moved = self.row.doubted_at.is_some() && !matches!(outcome, Found::NotYet(_));
        store.looked(self.row, outcome, self.now).await?;
        if moved {
            // A post that was sent earlier than this database planned it leaves its place to another.
            self.ctx.plan_wanted.notify_one();
        }
        if again {
            self.ctx.send_wanted.notify_one();
        }
        Ok(())
    }

    /// Whether the own list lacks our newest status, which the server has: then a row that it does not show may be there
    /// as well. Not asked where a direct would not be listed.
    async fn list_lags(&self) -> bool {
        let Some(newest) = self.newest_own else { return false };
        if self.look.shows(newest) {
            return false;
        }
        let oldest = self.look.own.iter().filter_map(|status| status.created_at).min();
        let is_listed = |status: &StatusView| {
            let direct = status.visibility == Some(Visibility::Direct) && !self.link.capabilities.lists_directs;
            // What is older than all that was read stands further back.
            !direct && (oldest.is_none() || status.created_at.is_none_or(|made| Some(made) > oldest))
        };
        // A look that fails says nothing, and then the list says nothing either.
        self.link.fedi.status(newest).await.map_or(true, |seen| seen.as_ref().is_some_and(is_listed))
    }

    /// A list that lags is no look: later again, and after an hour a person decides.
    fn behind(&self, settled: &mut Settled) -> Found {
        settled.open += 1;
        let from = self.row.doubted_at.unwrap_or(self.row.armed_at);
        if self.now - from < LIST_MAY_LAG {
            return Found::NotYet(self.now + LAGGING_LIST_AGAIN);
        }
        let reason = "the account's own list does not show what the server has: it may be there".to_owned();
        Found::Ended { state: State::Held, reason }
    }

    /// Whether this is a reply to a mention that the server no longer has: nobody waits for it, and some servers would
    /// accept it all the same, others never. A look that fails says nothing.
    async fn parent_is_gone(&self) -> bool {
        match (&self.row.delivery.of, &self.row.delivery.payload.in_reply_to) {
            (Of::Reply { .. }, Some(parent)) => matches!(self.link.fedi.status(parent).await, Ok(None)),
            (Of::Reply { .. } | Of::Post { .. }, _) => false,
        }
    }

    /// Not on the server at this look.
    fn absent(&self, settled: &mut Settled) -> Found {
        // Nobody knows of an attempt that a restored database forgot: looks are counted from when they began.
        let from = self.row.doubted_at.unwrap_or(self.row.armed_at);
        if let Some(next) = looking::next_for_unclear(self.keyed(), from, self.now) {
            settled.open += 1;
            return Found::NotYet(next);
        }
        if !self.look.covers(self.row) {
            settled.open += 1;
            let reason = "the account's own list could not be read back to its attempt: it may be there";
            return Found::Ended { state: State::Held, reason: reason.to_owned() };
        }
        let is_reply = matches!(self.row.delivery.of, Of::Reply { .. });
        let expired = self.row.delivery.expires_at.is_some_and(|expires| expires <= self.now);
        let ended = |state, reason: &str| Found::Ended { state, reason: reason.to_owned() };
        settled.open += 1;
        match self.row.wish {
            Wish::Wanted => {}
            Wish::Held => return ended(State::Held, "not on the server, and held since"),
            Wish::Cancelled => return ended(State::Cancelled, "not on the server, and cancelled since"),
            // In the words of planning: when the file comes back, the row does.
            Wish::Gone => return ended(State::Cancelled, FILE_GONE),
        }
        match (is_reply, expired, self.row.opted_out) {
            (true, _, true) => ended(State::Held, "not on the server, and they said stop since"),
            (true, true, _) => ended(State::Held, "not on the server, and too old to answer now"),
            (false, true, _) => ended(State::Expired, "not on the server at the last look, and its time has passed"),
            (_, false, _) => match self.link.capabilities.key {
                KeyClass::ReplaysAnswers { .. } => self.again(settled, self.row.unclear > 0),
                KeyClass::Shared { .. } | KeyClass::Memory { .. } | KeyClass::Refusing | KeyClass::Ignored => {
                    // A server that refused the same key after the first attempt may do so for ever.
                    let refused = self.row.delivery.reason.starts_with(REFUSED_AFTER);
                    if refused && self.row.unclear > 1 && self.row.delivery.rekeys > 0 {
                        // Also under a key of its own: it is the status that is refused, not its repetition.
                        return ended(State::Held, "not on the server, which refuses it under another key as well");
                    }
                    self.again(settled, refused && self.row.unclear > 1)
                }
            },
        }
    }

    fn again(&self, settled: &mut Settled, new_key: bool) -> Found {
        settled.open = settled.open.saturating_sub(1);
        settled.again += 1;
        Found::SendAgain { new_key }
    }

    /// Past a server's key window every server is keyless (DESIGN §5, law 6).
    fn keyed(&self) -> Keyed {
        let age = (self.now - self.row.armed_at).to_std().unwrap_or_default();
        match self.link.capabilities.key.safe_for() {
            // What goes under another key than an attempt before it is not kept from being made twice.
            Some(window) if age < window && self.row.delivery.rekeys == 0 => Keyed::Shared,
            Some(_) | None => Keyed::Keyless,
        }
    }
}
