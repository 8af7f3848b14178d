//! The ledger against the server's own list, when everything is quiet.

use chrono::{DateTime, Utc};
use watchpost::cli::sim::daemon::Daemon;
use watchpost::core::delivery::State;
use watchpost::sandbox::{Endpoint, Ever, Part, Sandbox, StatusSeen};
use watchpost::store::deliveries::{Delivery, Of};

use crate::cell::{Cell, Kind};
use crate::outcome::Outcome;

/// How a cell ended that broke no law.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Every status stands exactly once.
    pub(crate) once: bool,
    /// A twin was taken back.
    pub(crate) taken_back: bool,
    /// A twin stands, and a notice says so.
    pub(crate) noticed: bool,
}

/// Looks at one cell. The words say which law is broken.
pub(crate) async fn cell(cell: Cell, daemon: &Daemon, sandbox: &Sandbox, due: DateTime<Utc>) -> Result<Found, String> {
    let rows = daemon.ctx.store.deliveries_in(&State::ALL, 100).await.map_err(|error| error.to_string())?;
    let notices = daemon.ctx.store.notices().await.map_err(|error| error.to_string())?;
    let mentions = daemon.ctx.store.heard(100).await.map_err(|error| error.to_string())?;
    let own: Vec<StatusSeen> =
        sandbox.look(|state| state.everything().filter(|seen| seen.part == Part::Campaign).collect());
    let law = Law { cell, rows: &rows, own: &own };
    let mut found = Found { once: true, ..Found::default() };
    let expected = match cell.kind {
        Kind::Thread(_) => 3,
        Kind::Post | Kind::ShortLived | Kind::Reply | Kind::DirectReply | Kind::ReplyInTurn => 1,
    };
    require(rows.len() == expected, || format!("{} rows, not {expected}", rows.len()))?;
    require(mentions.len() == usize::from(cell.is_asked()), || format!("{} mentions decided", mentions.len()))?;
    for row in &rows {
        law.ended_well(row)?;
        let mine: Vec<&StatusSeen> = own.iter().filter(|seen| is_of(row, seen)).collect();
        let standing = mine.iter().filter(|seen| seen.deleted_at.is_none()).count();
        let wanted = usize::from(row.state == State::Verified);
        let twin = notices.iter().any(|notice| notice.key == format!("twin:{}", row.id));
        found.once &= mine.len() == wanted;
        found.taken_back |= mine.len() > standing;
        found.noticed |= twin;
        require(standing == wanted || (standing == 2 && twin), || {
            format!("row {} is {} and {standing} statuses stand (notice: {twin})", row.id, row.state.as_str())
        })?;
        require(mine.len() <= wanted || law.twins_may_be(), || {
            format!("row {} was said {} times", row.id, mine.len())
        })?;
        if let (Some(status), State::Verified) = (&row.status, row.state) {
            let right = mine.iter().any(|seen| seen.id == status.as_str() && seen.deleted_at.is_none());
            require(right, || format!("row {} names a status that is not its own", row.id))?;
        }
        let needs_a_person = matches!(row.state, State::Held | State::Refused) && !law.held_behind(row);
        let told = notices.iter().any(|notice| notice.key == format!("delivery:{}", row.id));
        require(!needs_a_person || told, || format!("row {} waits for a person, and no notice says so", row.id))?;
    }
    for seen in &own {
        require(rows.iter().any(|row| is_of(row, seen)), || format!("a status without a row: {:?}", seen.text))?;
        require(seen.created_at >= due, || "it was said too early".to_owned())?;
    }
    if cell.kind == Kind::ShortLived {
        let expiry = due + chrono::Duration::minutes(20);
        let late = sandbox.requests().iter().any(|seen| seen.endpoint == Endpoint::Create && seen.at >= expiry);
        require(!late, || "an attempt was made after expiry".to_owned())?;
    }
    require(law.twins_may_be() || sandbox.look(|state| state.duplicates(Ever::Yes)) == 0, || "a duplicate".to_owned())?;
    Ok(found)
}

struct Law<'a> {
    cell: Cell,
    rows: &'a [Delivery],
    own: &'a [StatusSeen],
}

impl Law<'_> {
    /// No row is left unclear; each that was not said says why.
    fn ended_well(&self, row: &Delivery) -> Result<(), String> {
        let words = || {
            format!("row {} ended {} ({:?}), {} own statuses", row.id, row.state.as_str(), row.reason, self.own.len())
        };
        let short_lived = self.cell.kind == Kind::ShortLived && self.cell.back_after >= 20;
        let throttled_past = self.cell.kind == Kind::ShortLived && row.state == State::Expired;
        let fits = match row.state {
            State::Planned => self.waits_behind_a_person(row),
            State::Expired => (short_lived || throttled_past) && !row.reason.is_empty(),
            State::Verified | State::Refused | State::Held => {
                self.cell.outcome.ends().contains(&row.state) || self.held_behind(row)
            }
            State::Claimed | State::Armed | State::Sent | State::Unknown | State::Cancelled => false,
        };
        require(fits, words)
    }

    /// A part waits for the part before it, which waits for a person.
    fn waits_behind_a_person(&self, row: &Delivery) -> bool {
        let part_of = |row: &Delivery| if let Of::Post { part, .. } = row.of { part } else { 1 };
        row.not_before.is_none()
            && self
                .rows
                .iter()
                .any(|other| part_of(other) < part_of(row) && matches!(other.state, State::Held | State::Refused))
    }

    /// Parts behind a refused one are held with it, and say so.
    fn held_behind(&self, row: &Delivery) -> bool {
        let part_of = |row: &Delivery| if let Of::Post { part, .. } = row.of { part } else { 1 };
        let refused = |other: &Delivery| part_of(other) < part_of(row) && other.state == State::Refused;
        row.state == State::Held && !row.reason.is_empty() && self.rows.iter().any(refused)
    }

    fn twins_may_be(&self) -> bool {
        self.cell.outcome.may_be_late() && (!self.cell.server.has_keys() || self.cell.outcome == Outcome::KeyLost)
    }
}

fn is_of(row: &Delivery, seen: &StatusSeen) -> bool {
    seen.text == row.payload.text
}

fn require(holds: bool, words: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(words()) }
}
