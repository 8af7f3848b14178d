//! Where the database is: a SQLite file or a PostgreSQL server. A PostgreSQL address may hold a password, so neither
//! `Debug` nor any error shows more of it than host and database.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::errors::StoreError;

/// The database of a campaign.
#[derive(Clone)]
pub struct Place {
    url: SecretString,
    folder: PathBuf,
}

/// What the address names.
#[derive(Clone, Debug)]
pub(super) enum Where {
    /// A file on a disk of this machine.
    Sqlite(PathBuf),
    /// A server, which several daemons may share.
    Postgres(SecretString),
}

impl Place {
    /// `url` is `sqlite://PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with the parameters of libpq. A
    /// password may also stand in `~/.pgpass` (or `PGPASSFILE`). `campaign` is the campaign's folder: this machine's
    /// install key stands in its `data/` when the database is a server; a SQLite file has it beside itself.
    #[must_use]
    pub fn new(url: &SecretString, campaign: &Path) -> Self {
        Self { url: url.clone(), folder: campaign.to_path_buf() }
    }

    /// A SQLite file.
    #[must_use]
    pub fn file(path: &Path) -> Self {
        let folder = path.parent().unwrap_or(Path::new("."));
        Self { url: SecretString::from(format!("sqlite://{}", path.display())), folder: folder.to_path_buf() }
    }

    /// Whether it is on a server, so that reading it needs a network.
    #[must_use]
    pub fn is_on_a_server(&self) -> bool {
        matches!(self.parse(), Ok(Where::Postgres(_)))
    }

    /// The files on this machine that nobody else is to read: the database, if it is one, and the install key.
    #[must_use]
    pub fn private_files(&self) -> Vec<PathBuf> {
        match self.parse() {
            Ok(Where::Sqlite(file)) => {
                let beside = |ending: &str| {
                    let mut name = file.as_os_str().to_owned();
                    name.push(ending);
                    PathBuf::from(name)
                };
                vec![file.clone(), beside("-wal"), beside("-shm"), file.with_file_name("install.key")]
            }
            Ok(Where::Postgres(_)) => vec![self.key_folder().join("install.key")],
            Err(_) => Vec::new(),
        }
    }

    /// The folder that holds this machine's install key for a database on a server.
    pub(super) fn key_folder(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// A schema of a PostgreSQL server, with this machine's key in `folder`.
    #[cfg(feature = "sandbox")]
    pub(super) fn inside(&self, schema: &str, folder: &Path) -> Result<Place, StoreError> {
        let Where::Postgres(url) = self.parse()? else { return Err(StoreError::Url { url: self.to_string() }) };
        let url = url.expose_secret();
        let sign = if url.contains('?') { '&' } else { '?' };
        Ok(Place::new(&SecretString::from(format!("{url}{sign}options[search_path]={schema}")), folder))
    }

    pub(super) fn parse(&self) -> Result<Where, StoreError> {
        let url = self.url.expose_secret();
        match url.split_once("://") {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Where::Sqlite(PathBuf::from(path))),
            Some(("postgres" | "postgresql", rest)) if !rest.is_empty() => Ok(Where::Postgres(self.url.clone())),
            // Only the scheme: the rest may hold a password.
            Some((scheme, _)) => Err(StoreError::Url { url: format!("{scheme}://…") }),
            None => Err(StoreError::Url { url: "…".to_owned() }),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("url", &self.to_string()).field("folder", &self.folder).finish()
    }
}

/// What a person may read: never user, password or parameters.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.expose_secret();
        match url.split_once("://") {
            Some(("sqlite", path)) => f.write_str(path),
            Some((scheme @ ("postgres" | "postgresql"), rest)) => {
                let plain = rest.split(['?', '#']).next().unwrap_or_default();
                // A password with an unescaped `@` in it ends at the last one.
                let host = plain.rsplit('@').next().unwrap_or_default();
                write!(f, "{scheme}://{host}")
            }
            _ => f.write_str("…"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, shown: &str) {
        let place = Place::new(&SecretString::from(url), Path::new("/srv/eyes"));
        assert_eq!(place.to_string(), shown);
        let all = format!("{place:?} {:?} {:?}", place.parse(), place.parse().err().map(|error| error.to_string()));
        assert!(!all.contains("hush"), "{all}");
    }

    #[test]
    fn a_place_never_shows_its_password() {
        check("sqlite:///srv/eyes/data/watchpost.db", "/srv/eyes/data/watchpost.db");
        check("postgres://me:hush@db.example:5433/eyes?sslmode=require", "postgres://db.example:5433/eyes");
        check("postgresql://me:hu@hush@db/eyes", "postgresql://db/eyes");
        check("postgres:///eyes?password=hush&host=/run/postgresql", "postgres:///eyes");
        check("mysql://me:hush@db/eyes", "…");
        check("me:hush", "…");
    }
}
