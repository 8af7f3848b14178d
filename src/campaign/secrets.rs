//! Where tokens come from: a file, the environment, a systemd credential. This file and `main` alone read the
//! environment.
//!
//! A token leaves here only as a [`SecretString`]; no error holds any part of one.

use std::io;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::TokenSource;

/// Why there is no token. Each says what to do; none holds a token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file is not there.
    #[error("the token file {0} does not exist: put the account's access token there, nothing else")]
    NoFile(PathBuf),
    /// The file is there but cannot be read.
    #[error("the token file {file} cannot be read ({source}): it must belong to the user Watchpost runs as")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The environment variable is not set.
    #[error("the environment variable {0} is not set: it should hold the account's access token")]
    NoVariable(String),
    /// Not started by systemd with credentials.
    #[error("the credential {0} is not here: systemd hands it over when the unit says LoadCredential={0}:PATH")]
    NoCredential(String),
    /// Nothing is stored for this account.
    #[error("no token is named: add a line token = {{ file = \"secrets/NAME.token\" }}")]
    NotStored,
    /// There is nothing but white space.
    #[error("{0} is empty: it should hold the account's access token")]
    Empty(String),
    /// More than one word, or characters no token has.
    #[error("{0} does not look like an access token: it should hold one word of letters and digits, nothing else")]
    Malformed(String),
}

/// Reads a token, trimmed. A relative file is relative to the campaign folder.
///
/// # Errors
/// [`TokenError`], when there is none or it cannot be one.
pub fn token(source: &TokenSource, root: &Path) -> Result<SecretString, TokenError> {
    token_with(source, root, &environment)
}

#[expect(clippy::disallowed_methods, reason = "tokens may come from the environment; this is where it is read")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn token_with(
    source: &TokenSource,
    root: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<SecretString, TokenError> {
    match source {
        TokenSource::File(file) => {
            let file = root.join(file);
            let text = read(&file)?.ok_or_else(|| TokenError::NoFile(file.clone()))?;
            word(text, || format!("the token file {}", file.display()))
        }
        TokenSource::Env(name) => {
            let text = environment(name).ok_or_else(|| TokenError::NoVariable(name.clone()))?;
            word(text, || format!("the environment variable {name}"))
        }
        TokenSource::Credential(name) => {
            let missing = || TokenError::NoCredential(name.clone());
            let folder = environment("CREDENTIALS_DIRECTORY").ok_or_else(missing)?;
            let text = read(&Path::new(&folder).join(name))?.ok_or_else(missing)?;
            word(text, || format!("the credential {name}"))
        }
        TokenSource::Stored => Err(TokenError::NotStored),
    }
}

fn read(file: &Path) -> Result<Option<String>, TokenError> {
    // A device or a pipe would never end.
    if file.metadata().is_ok_and(|about| !about.is_file()) {
        let source = io::Error::other("it is not a regular file");
        return Err(TokenError::Unreadable { file: file.to_path_buf(), source });
    }
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TokenError::Unreadable { file: file.to_path_buf(), source }),
    }
}

fn word(text: String, place: impl Fn() -> String) -> Result<SecretString, TokenError> {
    let trimmed = text.trim().trim_start_matches('\u{feff}');
    if trimmed.is_empty() {
        return Err(TokenError::Empty(place()));
    }
    // RFC 6750: a bearer token is visible ASCII without spaces; anything else would break the header.
    if !trimmed.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(TokenError::Malformed(place()));
    }
    Ok(SecretString::from(trimmed.to_owned()))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn check(source: TokenSource, root: &Path) -> Result<String, String> {
        let folder = root.join("credentials").display().to_string();
        let environment = move |name: &str| match name {
            "EYES" => Some(" tok-1\n".to_owned()),
            "BLANK" => Some(" ".to_owned()),
            "CREDENTIALS_DIRECTORY" => Some(folder.clone()),
            _ => None,
        };
        token_with(&source, root, &environment)
            .map(|secret| secret.expose_secret().to_owned())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_token_is_read_trimmed_from_each_of_its_places() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("credentials")).unwrap();
        std::fs::write(root.path().join("eyes.token"), "\u{feff}tok-2\r\n").unwrap();
        std::fs::write(root.path().join("credentials/eyes"), "tok-3").unwrap();
        for (source, expected) in [
            (TokenSource::Env("EYES".into()), "tok-1"),
            (TokenSource::File("eyes.token".into()), "tok-2"),
            (TokenSource::Credential("eyes".into()), "tok-3"),
        ] {
            assert_eq!(check(source, root.path()).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn a_missing_or_broken_token_is_told_without_showing_it() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("two"), "hush hush").unwrap();
        std::fs::write(root.path().join("empty"), "\n").unwrap();
        std::fs::write(root.path().join("binary"), b"hush\xff").unwrap();
        for (source, part) in [
            (TokenSource::File("none".into()), "does not exist"),
            (TokenSource::File("two".into()), "does not look like an access token"),
            (TokenSource::File("empty".into()), "is empty"),
            (TokenSource::File("binary".into()), "cannot be read"),
            (TokenSource::File(".".into()), "cannot be read"),
            (TokenSource::Env("NOPE".into()), "NOPE is not set"),
            (TokenSource::Env("BLANK".into()), "BLANK is empty"),
            (TokenSource::Credential("nope".into()), "LoadCredential=nope"),
            (TokenSource::Stored, "no token is named"),
        ] {
            let error = check(source, root.path()).unwrap_err();
            assert!(error.contains(part), "{error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
