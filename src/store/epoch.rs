//! Whether the database is the one that was used here last. Its install id and its epoch, a number that only grows,
//! stand in the database and in a file beside it (`watchpost.epoch`; for a database on a server in the campaign's
//! `data/`), and the database knows where it was used. Each daemon start and each minute of a run moves the epoch on in
//! both, the database first.
//!
//! - A database that is older than its side file, was put in the place of another file, or has lost its side file, may
//!   have been restored from a backup: what it believes to be unsent may have been sent ([`super::doubt`]).
//! - A database that was last used elsewhere may be a copy whose original still runs. Two daemons on two copies say
//!   everything twice, and no look at the server helps against that: the daemon refuses to start until a person says
//!   that nothing runs there any more ([`Store::move_here`]).
//! - A database from before there were epochs has neither: it is taken as it is.
//!
//! What it cannot see: a machine that was set back as a whole, side file and all. The accounts show that
//! ([`super::set_back`]).
//!
//! A database at another path is refused also when nothing stands at the old one any more. That a path is not seen is no
//! proof that nothing runs there: a disk may be unmounted for a while, another container may see it, and a daemon goes
//! on writing to a file whose name is gone. A folder that was renamed keeps its files, and is known by them.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{AnyConnection, AnyPool, Row};

use super::doubt::{Doubt, Why};
use super::errors::StoreError;
use super::place::Where;
use super::{Store, doubt, leases, millis, set_back};

/// Between two steps of the epoch while a daemon runs: what was sent in the last of them before a backup was taken
/// can be overlooked, so it is short.
pub const STEP: Duration = Duration::minutes(1);

/// Where a database is used: compared, never interpreted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Home {
    /// The machine, where it has a name of its own (`/etc/machine-id`); empty for a database on a server.
    machine: String,
    /// The file; for a database on a server, which server and which database there.
    path: String,
    /// Which file that is on its disk; 0 where nobody can tell.
    device: u64,
    inode: u64,
}

impl Home {
    fn is_the_same_file(&self, other: &Home) -> bool {
        self.inode != 0 && (self.device, self.inode) == (other.device, other.inode)
    }

    /// Whether what was used at `self` is now somewhere else. A renamed folder keeps its files.
    fn is_elsewhere(&self, here: &Home) -> bool {
        let known = !self.machine.is_empty() && !here.machine.is_empty();
        let machine = known && self.machine != here.machine;
        let path = self.path != here.path && !self.is_the_same_file(here);
        // Two machines without names may use the same path: then only the file tells them apart.
        let nameless = self.machine.is_empty() && here.machine.is_empty() && self.is_replaced(here);
        machine || path || nameless
    }

    fn is_replaced(&self, here: &Home) -> bool {
        self.inode != 0 && here.inode != 0 && self.inode != here.inode
    }
}

/// What stands in the file beside the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Side {
    install: String,
    epoch: i64,
    at: DateTime<Utc>,
}

/// What the database says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    install: String,
    epoch: i64,
    at: DateTime<Utc>,
    /// `None`: a person said that it was moved here.
    home: Option<Home>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Same,
    Doubtful(Why),
    Copied,
}

/// The rule. `others`: other daemons live on this database now, so it is not a forgotten one.
fn judge(side: Option<&Side>, known: Option<&Known>, here: &Home, others: bool) -> Verdict {
    let Some(known) = known else {
        return if side.is_some() { Verdict::Doubtful(Why::Older) } else { Verdict::Same };
    };
    let Some(home) = &known.home else { return Verdict::Doubtful(Why::Moved) };
    if home.is_elsewhere(here) {
        return Verdict::Copied;
    }
    match side {
        None if others => Verdict::Same,
        None => Verdict::Doubtful(Why::Forgotten),
        Some(side) if side.install != known.install => Verdict::Copied,
        Some(side) if side.epoch > known.epoch => Verdict::Doubtful(Why::Older),
        Some(_) if home.is_replaced(here) => Verdict::Doubtful(Why::Replaced),
        Some(_) => Verdict::Same,
    }
}

const MACHINE: &str = "/etc/machine-id";

const INSTALL: &str = "install_id";
const EPOCH: &str = "epoch";
const EPOCH_AT: &str = "epoch_at";
const HOME: &str = "home";

const STEP_ON: &str = "INSERT INTO facts_of_install (name, value) VALUES ('epoch', '1') ON CONFLICT (name) DO UPDATE \
    SET value = CAST(CAST(facts_of_install.value AS BIGINT) + 1 AS TEXT) RETURNING value";

impl Store {
    /// At the start of a daemon: is this the database that was used here last? Moves the epoch on. When it may be older
    /// than what was sent, marks what may have been sent and says so; that is for people to know too.
    ///
    /// # Errors
    /// [`StoreError::Copied`] when it was last used elsewhere; otherwise when database or side file cannot be used.
    pub async fn recognise(&self, now: DateTime<Utc>) -> Result<Option<Doubt>, StoreError> {
        let here = home(&self.inner.at, &self.inner.reads).await?;
        let side = read_side(&self.inner.side)?;
        let made = self.secret().keyed("install id", &[&now.timestamp_millis().to_string(), &here.path]);
        let (holder, place) = (self.inner.holder.clone(), here.path.clone());
        let (doubt, side) = self
            .inner
            .writer
            .decide(move |connection| {
                let (here, side, made, place) = (here.clone(), side.clone(), made.clone(), place.clone());
                let holder = holder.clone();
                Box::pin(async move {
                    let install = first(connection, &made).await?;
                    let known = known(connection).await?;
                    let others = leases::join(connection, &holder, now).await?;
                    let why = match judge(side.as_ref(), known.as_ref(), &here, others) {
                        Verdict::Same => None,
                        Verdict::Doubtful(why) => Some(why),
                        Verdict::Copied => {
                            let there = known.and_then(|known| known.home).map(|home| home.path).unwrap_or_default();
                            return Err(StoreError::Copied { here: place, there });
                        }
                    };
                    let at = match &known {
                        Some(known) => known.at,
                        None => newest_write(connection).await?.unwrap_or(now - Duration::days(1)),
                    };
                    let doubt = match why {
                        Some(why) => {
                            let newer = side.as_ref().map(|side| side.at);
                            doubt::left_behind(connection, now).await?;
                            Some(doubt::begin(connection, why, at, newer, now).await?)
                        }
                        None => None,
                    };
                    if !others {
                        set_back::note_last_word(connection, at).await?;
                    }
                    let json = serde_json::to_string(&here);
                    set(connection, HOME, &json.map_err(|_shape| StoreError::Garbled { what: "its home" })?).await?;
                    let epoch = step(connection, now).await?;
                    Ok((doubt, Side { install, epoch, at: now }))
                })
            })
            .await?;
        write_side(&self.inner.side, &side)?;
        Ok(doubt)
    }

    /// Moves the epoch on while a daemon runs.
    ///
    /// # Errors
    /// When database or side file cannot be written.
    pub async fn step_epoch(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let side = self.inner.writer.write(move |connection| {
            Box::pin(async move {
                let epoch = step(connection, now).await?;
                let install = get(connection, INSTALL).await?.unwrap_or_default();
                Ok(Side { install, epoch, at: now })
            })
        });
        write_side(&self.inner.side, &side.await?)
    }

    /// A person says that the database was moved here and that nothing runs where it was. The next start takes it, and
    /// looks on the servers before it sends what may have been sent.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn move_here(&self) -> Result<(), StoreError> {
        self.inner.writer.write(|connection| Box::pin(async move { set(connection, HOME, "").await })).await
    }
}

/// The install id. Of several daemons that start at once on a new database the first to come here names it, and the
/// others wait until it is done: then they see a database that lives, not one that lost its side file.
async fn first(connection: &mut AnyConnection, made: &str) -> Result<String, StoreError> {
    const FIRST: &str = "INSERT INTO facts_of_install (name, value) VALUES ('install_id', $1) \
        ON CONFLICT (name) DO NOTHING";
    sqlx::query(FIRST).bind(made.to_owned()).execute(&mut *connection).await?;
    Ok(get(connection, INSTALL).await?.unwrap_or_default())
}

/// When a row of a database from before there were epochs was last written.
async fn newest_write(connection: &mut AnyConnection) -> Result<Option<DateTime<Utc>>, StoreError> {
    const NEWEST: &str = "SELECT MAX(updated_at) AS newest FROM deliveries";
    let row = sqlx::query(NEWEST).fetch_one(connection).await?;
    Ok(row.try_get::<Option<i64>, _>("newest")?.map(millis))
}

async fn step(connection: &mut AnyConnection, now: DateTime<Utc>) -> Result<i64, StoreError> {
    set(connection, EPOCH_AT, &now.timestamp_millis().to_string()).await?;
    let value: String = sqlx::query(STEP_ON).fetch_one(connection).await?.try_get("value")?;
    value.parse().map_err(|_shape| StoreError::Garbled { what: "its epoch" })
}

async fn known(connection: &mut AnyConnection) -> Result<Option<Known>, StoreError> {
    let (Some(install), Some(epoch)) = (get(connection, INSTALL).await?, get(connection, EPOCH).await?) else {
        return Ok(None);
    };
    let garbled = || StoreError::Garbled { what: "its epoch" };
    let at = get(connection, EPOCH_AT).await?.and_then(|at| at.parse().ok()).map(millis).ok_or_else(garbled)?;
    let home = get(connection, HOME).await?.and_then(|json| serde_json::from_str(&json).ok());
    Ok(Some(Known { install, epoch: epoch.parse().map_err(|_shape| garbled())?, at, home }))
}

/// A single value of the database.
pub(super) async fn get(connection: &mut AnyConnection, name: &str) -> Result<Option<String>, StoreError> {
    const GET: &str = "SELECT value FROM facts_of_install WHERE name = $1";
    match sqlx::query(GET).bind(name.to_owned()).fetch_optional(connection).await? {
        Some(row) => Ok(Some(row.try_get("value")?)),
        None => Ok(None),
    }
}

/// Sets a single value of the database.
pub(super) async fn set(connection: &mut AnyConnection, name: &str, value: &str) -> Result<(), StoreError> {
    const SET: &str = "INSERT INTO facts_of_install (name, value) VALUES ($1, $2) \
        ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    sqlx::query(SET).bind(name.to_owned()).bind(value.to_owned()).execute(connection).await?;
    Ok(())
}

async fn home(at: &Where, reads: &AnyPool) -> Result<Home, StoreError> {
    // A copy of a whole server has its identifier too, and is on another machine: nobody can tell from here.
    const WHICH: &str = "SELECT CAST(system_identifier AS TEXT) || '/' || current_database() || '/' \
        || COALESCE(current_schema(), '') AS place FROM pg_control_system()";
    match at {
        Where::Sqlite(file) => {
            let machine = std::fs::read_to_string(MACHINE).map(|id| id.trim().to_owned()).unwrap_or_default();
            let (device, inode) = on_disk(file);
            Ok(Home { machine, path: file.display().to_string(), device, inode })
        }
        Where::Postgres(_) => match sqlx::query(WHICH).fetch_one(reads).await {
            Ok(row) => Ok(Home { path: row.try_get("place")?, ..Home::default() }),
            // A server may keep this to itself; then its name has to do, and that is in `[store] url`.
            Err(error) => {
                let error = StoreError::from(error);
                if error.is_lost() { Err(error) } else { Ok(Home::default()) }
            }
        },
    }
}

#[cfg(unix)]
fn on_disk(file: &Path) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(file).map(|meta| (meta.dev(), meta.ino())).unwrap_or_default()
}

#[cfg(not(unix))]
fn on_disk(_file: &Path) -> (u64, u64) {
    (0, 0)
}

/// Where the side file of a database stands.
pub(super) fn beside(at: &Where, key_folder: &Path) -> PathBuf {
    match at {
        Where::Sqlite(file) => file.with_extension("epoch"),
        Where::Postgres(_) => key_folder.join("watchpost.epoch"),
    }
}

/// `None` when there is none, or none that can be read as one: both are no proof.
fn read_side(path: &Path) -> Result<Option<Side>, StoreError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(serde_json::from_str(&text).ok()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StoreError::SideFile { path: path.to_path_buf(), source }),
    }
}

/// In one step, so that a power cut leaves the old or the new one.
fn write_side(path: &Path, side: &Side) -> Result<(), StoreError> {
    let text = serde_json::to_string(side).map_err(|_shape| StoreError::Garbled { what: "its epoch" })?;
    let beside = path.with_extension("epoch.new");
    let written = std::fs::File::create(&beside).and_then(|mut file| {
        writeln!(file, "{text}")?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    });
    written.map_err(|source| StoreError::SideFile { path: path.to_path_buf(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_home(inode: u64) -> Home {
        Home { machine: "m1".to_owned(), path: "/srv/eyes/data/watchpost.db".to_owned(), device: 1, inode }
    }

    fn known(epoch: i64, home: Home) -> Option<Known> {
        Some(Known { install: "i".to_owned(), epoch, at: DateTime::UNIX_EPOCH, home: Some(home) })
    }

    fn side(install: &str, epoch: i64) -> Option<Side> {
        Some(Side { install: install.to_owned(), epoch, at: DateTime::UNIX_EPOCH })
    }

    fn check(side: Option<Side>, known: Option<Known>, here: Home, verdict: Verdict) {
        assert_eq!(judge(side.as_ref(), known.as_ref(), &here, false), verdict, "{side:?} {known:?} {here:?}");
    }

    #[test]
    fn a_database_is_known_by_its_epoch_its_file_and_its_place() {
        let here = || at_home(7);
        check(None, None, here(), Verdict::Same);
        check(side("i", 3), known(3, here()), here(), Verdict::Same);
        // The side file was not written before a crash.
        check(side("i", 3), known(4, here()), here(), Verdict::Same);
        check(side("i", 4), known(3, here()), here(), Verdict::Doubtful(Why::Older));
        check(side("i", 4), None, here(), Verdict::Doubtful(Why::Older));
        check(None, known(3, here()), here(), Verdict::Doubtful(Why::Forgotten));
        check(side("i", 3), known(3, here()), at_home(8), Verdict::Doubtful(Why::Replaced));
        check(side("j", 3), known(3, here()), here(), Verdict::Copied);
        let moved = Known { home: None, ..known(3, here()).unwrap() };
        check(None, Some(moved), at_home(8), Verdict::Doubtful(Why::Moved));
    }

    #[test]
    fn a_renamed_folder_is_no_copy_and_a_copied_one_is() {
        let renamed = Home { path: "/srv/new/data/watchpost.db".to_owned(), ..at_home(7) };
        let copied = Home { inode: 9, ..renamed.clone() };
        let elsewhere = Home { machine: "m2".to_owned(), ..at_home(7) };
        check(side("i", 3), known(3, at_home(7)), renamed, Verdict::Same);
        check(side("i", 3), known(3, at_home(7)), copied, Verdict::Copied);
        check(side("i", 3), known(3, at_home(7)), elsewhere, Verdict::Copied);
        // A reboot may number the disks anew.
        check(side("i", 3), known(3, at_home(7)), Home { device: 2, ..at_home(7) }, Verdict::Same);
        let nameless = |inode| Home { machine: String::new(), ..at_home(inode) };
        check(side("i", 3), known(3, nameless(7)), nameless(7), Verdict::Same);
        check(side("i", 3), known(3, nameless(7)), nameless(8), Verdict::Copied);
    }

    #[test]
    fn another_machine_joins_a_server_that_daemons_work_on() {
        let server = Home { path: "7/eyes/public".to_owned(), ..Home::default() };
        let known = known(3, server.clone());
        assert_eq!(judge(None, known.as_ref(), &server, true), Verdict::Same);
        assert_eq!(judge(None, known.as_ref(), &server, false), Verdict::Doubtful(Why::Forgotten));
        let dumped = Home { path: "7/eyes_copy/public".to_owned(), ..Home::default() };
        assert_eq!(judge(side("i", 3).as_ref(), known.as_ref(), &dumped, true), Verdict::Copied);
    }
}
