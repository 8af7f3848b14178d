//! Weekly local times, how staff write them, and how they become instants.
//!
//! A [`Slot`] knows nominal local times only. [`resolve`] maps one of them to an instant of a zone: what the spring
//! gap swallows moves to the first valid minute after it, what the autumn overlap repeats fires in its first pass,
//! once. [`Slot::firings`] joins the two. Nothing here knows what stands at a time; that is `plan`.

use chrono::{DateTime, Days, Duration, NaiveDateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

mod cron_expression;
mod moment;
mod weekly;
mod zone;

pub use moment::{parse_duration, parse_moment};
pub use weekly::time_of_day as parse_time;
pub use zone::{Resolved, Shift, resolve};

/// How far a local time may lie from the instant it means, as a number: at most sixteen hours of offset, and the day
/// that is the longest stretch a zone has ever skipped (Samoa, 2011). Asking this much earlier and later than wanted
/// finds every nominal time whose instant lies in between.
const WIDEST: Duration = Duration::days(2);

/// A weekly local time, as staff write it: `Mon-Fri 09:00`, `Sat 11:00`, or a cron expression. As JSON it is what was
/// written and in which of the two grammars.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Slot {
    written: String,
    rule: Rule,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Written {
    Weekly(String),
    Cron(String),
}

impl TryFrom<Written> for Slot {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Weekly(words) => Slot::parse(&words),
            Written::Cron(words) => Slot::cron(&words),
        }
    }
}

impl From<Slot> for Written {
    fn from(slot: Slot) -> Self {
        match slot.rule {
            Rule::Weekly(_) => Written::Weekly(slot.written),
            Rule::Cron(_) => Written::Cron(slot.written),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Rule {
    Weekly(weekly::Weekly),
    Cron(Box<cron::Schedule>),
}

/// One time a slot comes round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Firing {
    /// The local time the rule names, which a gap may have swallowed.
    pub local: NaiveDateTime,
    /// The instant it means.
    pub instant: DateTime<Utc>,
    /// Whether the zone's clock change moved it.
    pub shift: Shift,
}

impl Slot {
    /// Reads `Mon-Fri 09:00` and its like: days by English name (short or long, ranges may wrap round the week,
    /// `daily`), then times as `HH:MM` or `HH:MM:SS`; several of either are joined by commas.
    ///
    /// # Errors
    /// What is wrong and what to write instead.
    pub fn parse(written: &str) -> Result<Slot, String> {
        let rule = Rule::Weekly(weekly::Weekly::parse(written)?);
        Ok(Slot { written: written.trim().to_owned(), rule })
    }

    /// Reads a cron expression of five, six (seconds first) or seven (years last) fields, weekdays by name.
    /// Day of month and weekday must both fit, unlike in crontab files.
    ///
    /// # Errors
    /// What is wrong and what to write instead; also when it never comes round.
    pub fn cron(written: &str) -> Result<Slot, String> {
        let rule = Rule::Cron(Box::new(cron_expression::parse(written)?));
        Ok(Slot { written: written.trim().to_owned(), rule })
    }

    /// As staff wrote it.
    #[must_use]
    pub fn written(&self) -> &str {
        &self.written
    }

    /// Whether it was written as a cron expression.
    #[must_use]
    pub fn is_cron(&self) -> bool {
        matches!(self.rule, Rule::Cron(_))
    }

    /// The nominal local times with `from ≤ time < until`, in order, whether a zone's clock shows them or not.
    pub fn local_times(
        &self,
        from: NaiveDateTime,
        until: NaiveDateTime,
    ) -> Box<dyn Iterator<Item = NaiveDateTime> + '_> {
        match &self.rule {
            Rule::Weekly(weekly) => Box::new(weekly.times(from, until)),
            Rule::Cron(schedule) => Box::new(cron_expression::times(schedule, from, until)),
        }
    }

    /// The times it comes round in `zone` with `from ≤ instant < until`, in order, no instant twice: of several
    /// nominal times that a gap moves to one instant the earliest stands for all.
    pub fn firings(&self, zone: Tz, from: DateTime<Utc>, until: DateTime<Utc>) -> impl Iterator<Item = Firing> + '_ {
        let first = from.naive_utc().checked_sub_signed(WIDEST).unwrap_or(NaiveDateTime::MIN);
        let last = until.naive_utc().checked_add_signed(WIDEST).unwrap_or(NaiveDateTime::MAX);
        let mut previous = None;
        self.local_times(first, last)
            .map(move |local| {
                let Resolved { instant, shift } = resolve(local, zone);
                Firing { local, instant, shift }
            })
            .filter(move |firing| previous.replace(firing.instant) != Some(firing.instant))
            .filter(move |firing| from <= firing.instant && firing.instant < until)
    }
}

/// The same time of day so many days of the calendar later, whatever the clocks do meanwhile; `None`: beyond the
/// calendar.
#[must_use]
pub fn days_later(from: DateTime<Utc>, days: u32, zone: Tz) -> Option<DateTime<Utc>> {
    let local = from.with_timezone(&zone).naive_local().checked_add_days(Days::new(u64::from(days)))?;
    // The calendar of the local times ends later than that of the instants they mean.
    (local < DateTime::<Utc>::MAX_UTC.naive_utc() - WIDEST).then(|| resolve(local, zone).instant.max(from))
}

#[cfg(test)]
mod tests;
