//! The install secret: 32 random bytes in `install.key` (0600) beside the database (on a server: in the campaign's
//! `data/`), and its fingerprint inside the database, so that a database and a key that do not belong together are
//! noticed before anything is sent.

use std::io::{ErrorKind, Write};
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox};
use sha2::{Digest, Sha256};
use sqlx::AnyConnection;
use sqlx::Row;

use super::errors::StoreError;
use crate::clock::Dice;
use crate::core::mention::{Asker, names_of_profile};

const READ: &str = "SELECT value FROM facts_of_install WHERE name = 'install_key_fingerprint'";
const WRITE: &str = "INSERT INTO facts_of_install (name, value) VALUES ('install_key_fingerprint', $1) \
    ON CONFLICT (name) DO NOTHING";

/// Keys everything that must be the same over restarts and unguessable from outside.
#[derive(Debug)]
pub struct InstallSecret(SecretBox<[u8; 32]>);

impl InstallSecret {
    /// A keyed hash of `parts`, in 32 hexadecimal digits. The purpose keeps hashes for different uses apart; lengths
    /// are hashed too, so that no two lists of parts run together.
    #[must_use]
    pub fn keyed(&self, purpose: &str, parts: &[&str]) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()) else {
            // HMAC takes keys of any length (RFC 2104), so this arm is never reached.
            return String::new();
        };
        for part in std::iter::once(&purpose).chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        let mut digits = hex::encode(mac.finalize().into_bytes());
        digits.truncate(32);
        digits
    }

    /// The hash under which a person stands in the database, by one of their names ([`Asker::names`]).
    #[must_use]
    pub fn person(&self, name: &str) -> String {
        self.keyed("person", &[name])
    }

    /// All hashes under which a person may stand in the database; the first is the one for new rows. Databases from
    /// before there were names know people by their profile's URL as it was shown.
    #[must_use]
    pub fn people(&self, asker: &Asker) -> Vec<String> {
        asker.names().iter().chain([&asker.url]).map(|name| self.person(name)).collect()
    }

    /// The hashes of those names that nobody else can give themselves ([`Asker::own_names`]).
    #[must_use]
    pub fn people_by_own_names(&self, asker: &Asker) -> Vec<String> {
        asker.own_names().iter().map(|name| self.person(name)).collect()
    }

    /// The same for whoever is known by a profile's address alone.
    #[must_use]
    pub fn people_at(&self, profile_url: &str) -> Vec<String> {
        let shown = profile_url.trim().to_owned();
        names_of_profile(profile_url).iter().chain([&shown]).map(|name| self.person(name)).collect()
    }

    pub(super) fn write_beside(&self, folder: &Path) -> Result<(), StoreError> {
        write_key(&folder.join(KEY_FILE), self.0.expose_secret())
    }

    fn fingerprint(&self) -> String {
        self.keyed("fingerprint", &[])
    }
}

const KEY_FILE: &str = "install.key";

/// Reads the key beside the database, or makes one for a new database.
pub(super) async fn of_install(
    connection: &mut AnyConnection,
    folder: &Path,
    dice: &mut Dice,
) -> Result<InstallSecret, StoreError> {
    let path = folder.join(KEY_FILE);
    match find(connection, &path, dice).await? {
        Some(secret) => Ok(secret),
        None => Err(StoreError::InstallKey { path }),
    }
}

/// The same on a database that several machines share: each has the same key in its own folder.
pub(super) async fn of_shared_install(
    connection: &mut AnyConnection,
    folder: &Path,
    dice: &mut Dice,
) -> Result<InstallSecret, StoreError> {
    let path = folder.join(KEY_FILE);
    match find(connection, &path, dice).await? {
        Some(secret) => Ok(secret),
        None => Err(StoreError::InstallKeyOfAnother { path }),
    }
}

/// `None`: the key is gone, unreadable or not the one this database was made with.
async fn find(
    connection: &mut AnyConnection,
    path: &Path,
    dice: &mut Dice,
) -> Result<Option<InstallSecret>, StoreError> {
    let mut print = known(connection).await?;
    let bytes = match (std::fs::read_to_string(path), &print) {
        (Ok(text), _) => match decode(&text) {
            Some(bytes) => bytes,
            None => return Ok(None),
        },
        (Err(error), None) if error.kind() == ErrorKind::NotFound => {
            let bytes = dice.bytes();
            write_key(path, &bytes)?;
            bytes
        }
        (Err(error), Some(_)) if error.kind() == ErrorKind::NotFound => return Ok(None),
        (Err(source), _) => return Err(StoreError::InstallKeyFile { path: path.to_path_buf(), source }),
    };
    let secret = InstallSecret(SecretBox::new(Box::new(bytes)));
    if print.is_none() {
        // Of two machines that start at once on a new database, the first to come here makes the key for both.
        sqlx::query(WRITE).bind(secret.fingerprint()).execute(&mut *connection).await?;
        print = known(connection).await?;
    }
    Ok((print == Some(secret.fingerprint())).then_some(secret))
}

async fn known(connection: &mut AnyConnection) -> Result<Option<String>, StoreError> {
    match sqlx::query(READ).fetch_optional(connection).await? {
        Some(row) => Ok(Some(row.try_get(0)?)),
        None => Ok(None),
    }
}

fn decode(text: &str) -> Option<[u8; 32]> {
    hex::decode(text.trim()).ok()?.try_into().ok()
}

fn write_key(path: &Path, bytes: &[u8; 32]) -> Result<(), StoreError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| {
        writeln!(file, "{}", hex::encode(bytes))?;
        // The key must outlive a power cut that the database survives.
        file.sync_all()
    });
    written.map_err(|source| StoreError::InstallKeyFile { path: path.to_path_buf(), source })
}

/// The hash of a text as "already said" compares it: white space folded, case kept.
#[must_use]
pub(crate) fn text_hash(text: &str) -> String {
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut digits = hex::encode(Sha256::digest(folded.as_bytes()));
    digits.truncate(32);
    digits
}
