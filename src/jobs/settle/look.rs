//! One look at an account's own statuses, for all rows of a turn, and how far back it saw.

use chrono::{DateTime, Utc};

use crate::core::delivery::State;
use crate::core::ids::StatusId;
use crate::core::resemblance::Shown;
use crate::fedi::{FediError, Reach, StatusView, Until};
use crate::jobs::context::LinkState;
use crate::store::settling::Open;

/// Own statuses read back at most: an account that says more than this between an attempt and its look is not one this
/// program speaks for alone, and a person decides.
const LOOK_BACK: usize = 2_000;

/// A page of the own list.
const PAGE: usize = 40;

/// So many statuses are asked for one by one.
const A_FEW: usize = 2;

/// More than our clock and a server's may be apart while we send.
pub(super) const CLOCKS_APART: chrono::Duration = chrono::Duration::minutes(10);

/// What the server showed of our own statuses, newest first, and whether that is all since the oldest attempt.
pub(super) struct Look {
    pub(super) own: Vec<StatusView>,
    reach: Reach,
}

impl Look {
    pub(super) async fn take(link: &LinkState, open: &[Open]) -> Result<Look, FediError> {
        if let [Open { delivery, .. }] = open
            && delivery.state == State::Sent
        {
            // One status is asked for by its id.
            return Ok(Look { own: Vec::new(), reach: Reach::CutShort });
        }
        // The oldest attempt's baseline ends the walk; rows that only want to be seen need one page.
        let unclear = open.iter().filter(|row| row.delivery.state != State::Sent).min_by_key(|row| row.first_attempt);
        let until = match unclear {
            Some(row) => {
                let before = open.iter().filter(|row| row.delivery.state != State::Sent).map(oldest_possible).min();
                Until { status: row.baseline.as_ref(), before, at_most: LOOK_BACK }
            }
            None => Until { status: None, before: None, at_most: PAGE },
        };
        let (own, reach) = link.fedi.own_statuses_until(&link.me, until).await?;
        let mut look = Look { own, reach };
        if unclear.is_none() {
            look.reach_behind(link, open).await;
        }
        Ok(look)
    }

    /// After a crowd was answered, what only wants to be seen stands behind the newest page: one more page shows most of it.
    async fn reach_behind(&mut self, link: &LinkState, open: &[Open]) {
        let missing = || open.iter().filter(|row| !self.shows_own(row));
        // Ids are opaque; what was answered last was made last, or nearly so.
        let last = missing().max_by_key(|row| row.delivery.sent_at).and_then(|row| row.delivery.status.as_ref());
        let (Some(newest), true) = (last, missing().count() > A_FEW) else { return };
        // What this page does not show is asked for by its id.
        if let Ok(behind) = link.fedi.own_statuses_behind(&link.me, newest, PAGE).await {
            self.own.extend(behind);
        }
    }

    /// Whether a status of this row would have been seen: what was not read may be there.
    pub(super) fn covers(&self, row: &Open) -> bool {
        let met = row.baseline.as_ref().is_some_and(|baseline| self.shows(baseline));
        let oldest = self.own.iter().filter_map(|status| status.created_at).min();
        self.reach == Reach::All || met || oldest.is_some_and(|oldest| oldest < oldest_possible(row))
    }

    /// Whether the status that the server gave this row was seen.
    pub(super) fn shows_own(&self, row: &Open) -> bool {
        row.delivery.status.as_ref().is_some_and(|status| self.shows(status))
    }

    pub(super) fn shows(&self, status: &StatusId) -> bool {
        self.own.iter().any(|own| &own.id == status)
    }
}

/// Before this no status of the row was made: no row is attempted before it is due, and who left it behind may not have
/// said when it was.
pub(super) fn oldest_possible(row: &Open) -> DateTime<Utc> {
    row.first_attempt.min(row.delivery.due_at) - CLOCKS_APART
}

/// What a status is known by.
pub(in crate::jobs) fn shown(status: &StatusView) -> Shown<'_> {
    Shown { text: &status.text, cw: status.cw.as_deref(), in_reply_to: status.in_reply_to.as_ref() }
}
