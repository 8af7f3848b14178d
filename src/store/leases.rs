//! Which daemon works for which account, on a database that several daemons share (DESIGN §5, law 5). A lease is renewed
//! several times before it runs out; one that ran out is taken by another daemon, which first moves what the dead one
//! left: `claimed` → `planned`, `armed` → `unknown`, never "again". Each living daemon takes its part of the accounts
//! and gives back what is more, so that a machine that joins relieves the others.
//!
//! Invariants:
//! - a row is claimed or armed only while its account's lease is held, and the lease cannot change hands between that
//!   look and the commit: it is locked for as long;
//! - a daemon that wakes too late changes nothing: taking over raises the fence of every row it moves;
//! - machines whose clocks differ still have one holder: who holds is a row, and only *when* it may be taken rests on
//!   a clock.
//!
//! On SQLite the lock file proves that there is one daemon; it holds everything.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use sqlx::{AnyConnection, Row};

use super::errors::StoreError;
use super::place::Where;
use super::{Role, Store};
use crate::clock::Dice;
use crate::core::ids::AccountName;

/// How long a lease lasts after it was renewed.
pub const LEASE: Duration = Duration::seconds(45);

/// Between two renewals. A dead daemon's accounts are taken within both times together: less than a minute.
pub const RENEW: Duration = Duration::seconds(10);

/// The planning of the whole campaign is held like an account; no account has an empty name.
const PLANNING: &str = "";

/// What a daemon holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// The accounts it listens, answers and sends for.
    pub accounts: BTreeSet<AccountName>,
    /// Whether it plans.
    pub plans: bool,
    /// Rows a dead daemon was sending when it stopped; they are being looked for.
    pub unclear: u64,
}

/// Who asks.
#[derive(Clone, Debug)]
pub(super) enum Holder {
    /// The only daemon, or a command beside it.
    Alone,
    /// One of several daemons: a name nobody else has, new with every start.
    Among(Arc<str>),
    /// A command beside several daemons: it holds nothing.
    Guest,
}

impl Holder {
    pub(super) fn new(at: &Where, role: Role, dice: &mut Dice) -> Holder {
        match (at, role) {
            (Where::Sqlite(_), _) => Holder::Alone,
            (Where::Postgres(_), Role::Daemon) => Holder::Among(hex::encode(dice.bytes()).into()),
            (Where::Postgres(_), Role::Visitor) => Holder::Guest,
        }
    }

    /// Whether this daemon holds the account at `now`; if so nobody takes it before the transaction ends.
    pub(super) async fn holds(
        &self,
        connection: &mut AnyConnection,
        account: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        const MINE: &str = "SELECT 1 AS one FROM account_leases WHERE account = $1 AND owner = $2 AND until > $3 \
            FOR SHARE";
        let owner = match self {
            Holder::Alone => return Ok(true),
            Holder::Guest => return Ok(false),
            Holder::Among(owner) => owner,
        };
        let query = sqlx::query(MINE).bind(account.to_owned()).bind(owner.to_string()).bind(now.timestamp_millis());
        Ok(query.fetch_optional(connection).await?.is_some())
    }

    /// Whether others may claim at the same moment.
    pub(super) fn is_among_others(&self) -> bool {
        match self {
            Holder::Alone => false,
            Holder::Among(_) | Holder::Guest => true,
        }
    }
}

impl Store {
    /// Renews what this daemon holds of `accounts` and of the planning, takes what nobody holds up to its part, and gives
    /// back what is more than that and has nothing on its way. Called each [`RENEW`]; what is not in the answer must be
    /// left alone from now on.
    ///
    /// # Errors
    /// When the database cannot be written: then the leases run out by themselves.
    pub async fn hold(&self, accounts: BTreeSet<AccountName>, now: DateTime<Utc>) -> Result<Held, StoreError> {
        let owner = match &self.inner.holder {
            Holder::Alone => return Ok(Held { accounts, plans: true, unclear: 0 }),
            Holder::Guest => return Ok(Held::default()),
            Holder::Among(owner) => owner.clone(),
        };
        self.inner
            .writer
            .write(move |connection| {
                let (accounts, owner) = (accounts.clone(), owner.clone());
                Box::pin(async move {
                    let part = accounts.len().div_ceil(daemons(connection, &owner, now).await?.max(1));
                    let mut held = Held::default();
                    let mut free = Vec::new();
                    held.plans = renew(connection, PLANNING, &owner, now).await?
                        || take(connection, PLANNING, &owner, now).await?;
                    // In the order of names, as every daemon does, so that two of them do not wait for each other.
                    for account in accounts {
                        if !renew(connection, account.as_str(), &owner, now).await? {
                            free.push(account);
                        } else if held.accounts.len() < part || !give_back(connection, account.as_str(), &owner).await?
                        {
                            held.accounts.insert(account);
                        }
                    }
                    for account in free {
                        if held.accounts.len() < part && take(connection, account.as_str(), &owner, now).await? {
                            held.unclear += left_behind(connection, account.as_str(), now).await?;
                            held.accounts.insert(account);
                        }
                    }
                    Ok(held)
                })
            })
            .await
    }

    /// After the database was out of reach, with no job of this daemon at work any more: what they had in hand. Nobody
    /// recorded what became of it: `claimed` → `planned`, `armed` → `unknown`. Returns how many became unknown.
    ///
    /// # Errors
    /// When the database still cannot be written.
    pub async fn come_back(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        const MINE: &str = "SELECT account FROM account_leases WHERE owner = $1 ORDER BY account FOR UPDATE";
        let owner = match &self.inner.holder {
            Holder::Alone => return self.take_over(now).await,
            Holder::Guest => return Ok(0),
            Holder::Among(owner) => owner.clone(),
        };
        self.inner
            .writer
            .write(move |connection| {
                let owner = owner.clone();
                Box::pin(async move {
                    let mut unclear = 0;
                    // What another daemon took meanwhile it has moved already.
                    for row in sqlx::query(MINE).bind(owner.to_string()).fetch_all(&mut *connection).await? {
                        let account: String = row.try_get("account")?;
                        unclear += left_behind(connection, &account, now).await?;
                    }
                    Ok(unclear)
                })
            })
            .await
    }

    /// Gives back everything this daemon holds, so that another takes it at once.
    ///
    /// # Errors
    /// When the database cannot be written: then the leases run out by themselves.
    pub async fn release(&self) -> Result<(), StoreError> {
        const RELEASE: &str = "DELETE FROM account_leases WHERE owner = $1";
        const LEAVE: &str = "DELETE FROM daemons WHERE owner = $1";
        if let Holder::Among(owner) = &self.inner.holder {
            for text in [RELEASE, LEAVE] {
                self.change(text, vec![owner.to_string().into()]).await?;
            }
        }
        Ok(())
    }
}

/// Notes that this daemon lives, from its start on; whether others do.
pub(super) async fn join(
    connection: &mut AnyConnection,
    holder: &Holder,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    match holder {
        Holder::Alone | Holder::Guest => Ok(false),
        Holder::Among(owner) => Ok(daemons(connection, owner, now).await? > 1),
    }
}

/// How many daemons live, this one among them.
async fn daemons(connection: &mut AnyConnection, owner: &str, now: DateTime<Utc>) -> Result<usize, StoreError> {
    const LIVE: &str = "INSERT INTO daemons (owner, until) VALUES ($1, $2) \
        ON CONFLICT (owner) DO UPDATE SET until = excluded.until";
    const FORGET: &str = "DELETE FROM daemons WHERE until <= $1";
    const COUNT: &str = "SELECT COUNT(*) AS n FROM daemons";
    let until = (now + LEASE).timestamp_millis();
    sqlx::query(LIVE).bind(owner.to_owned()).bind(until).execute(&mut *connection).await?;
    sqlx::query(FORGET).bind(now.timestamp_millis()).execute(&mut *connection).await?;
    let row = sqlx::query(COUNT).fetch_one(connection).await?;
    Ok(usize::try_from(row.try_get::<i64, _>("n")?).unwrap_or(1))
}

/// Also after it ran out, as long as nobody took it: then nobody moved its rows either.
async fn renew(
    connection: &mut AnyConnection,
    account: &str,
    owner: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const AGAIN: &str = "UPDATE account_leases SET until = $3 WHERE account = $1 AND owner = $2";
    let until = (now + LEASE).timestamp_millis();
    let query = sqlx::query(AGAIN).bind(account.to_owned()).bind(owner.to_owned()).bind(until);
    Ok(query.execute(connection).await?.rows_affected() == 1)
}

async fn take(
    connection: &mut AnyConnection,
    account: &str,
    owner: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const TAKE: &str = "INSERT INTO account_leases (account, owner, until) VALUES ($1, $2, $3) \
        ON CONFLICT (account) DO UPDATE SET owner = excluded.owner, until = excluded.until \
        WHERE account_leases.until <= $4";
    let until = (now + LEASE).timestamp_millis();
    let query = sqlx::query(TAKE).bind(account.to_owned()).bind(owner.to_owned()).bind(until);
    Ok(query.bind(now.timestamp_millis()).execute(connection).await?.rows_affected() == 1)
}

/// Not while something is on its way: whoever takes an account takes that for unclear. A claim or an armed reply that
/// comes after this finds that the account is no longer held.
async fn give_back(connection: &mut AnyConnection, account: &str, owner: &str) -> Result<bool, StoreError> {
    const GIVE: &str = "DELETE FROM account_leases WHERE account = $1 AND owner = $2 AND NOT EXISTS \
        (SELECT 1 FROM deliveries WHERE deliveries.account = $1 AND state IN ('claimed', 'armed'))";
    let query = sqlx::query(GIVE).bind(account.to_owned()).bind(owner.to_owned());
    Ok(query.execute(connection).await?.rows_affected() == 1)
}

/// What the last holder had in hand. It may be alive and late: every row it held gets a new fence, so its late writes
/// find nothing. Looks are counted from now, not from its clock: its request may still be on its way.
async fn left_behind(connection: &mut AnyConnection, account: &str, now: DateTime<Utc>) -> Result<u64, StoreError> {
    const UNCLAIM: &str = "UPDATE deliveries SET state = 'planned', fence = fence + 1, updated_at = $2 \
        WHERE account = $1 AND state = 'claimed'";
    const UNCLEAR: &str = "UPDATE deliveries SET state = 'unknown', fence = fence + 1, updated_at = $2, \
        unclear = unclear + 1, looks = 0, armed_at = $2, look_at = $2 + 5000, \
        reason = 'the watchpost that was sending it stopped answering' WHERE account = $1 AND state = 'armed'";
    let now = now.timestamp_millis();
    sqlx::query(UNCLAIM).bind(account.to_owned()).bind(now).execute(&mut *connection).await?;
    Ok(sqlx::query(UNCLEAR).bind(account.to_owned()).bind(now).execute(connection).await?.rows_affected())
}

/// Whether any daemon holds anything at `now`.
pub(super) async fn any(connection: &mut AnyConnection, now: DateTime<Utc>) -> Result<bool, StoreError> {
    const ANY: &str = "SELECT COUNT(*) AS n FROM account_leases WHERE until > $1";
    let row = sqlx::query(ANY).bind(now.timestamp_millis()).fetch_one(connection).await?;
    Ok(row.try_get::<i64, _>("n")? > 0)
}
