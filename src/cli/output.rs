//! Writing to stdout: for people, for programs. A reader that stopped reading (`watchpost queue list | head`) has seen enough: not an error.

use std::io::{self, Write};

use anyhow::Context;
use serde::Serialize;

use crate::core::text::steers;

/// Prints text for people, without signs that move the cursor or turn a line round: much of it was written by strangers.
///
/// # Errors
/// When stdout cannot be written, other than by a reader that left.
pub fn text(text: &str) -> anyhow::Result<()> {
    let shown: String = text.chars().filter(|letter| *letter == '\n' || !steers(*letter)).collect();
    as_it_is(&shown)
}

/// Prints what a program reads, or what was painted here, as it is.
///
/// # Errors
/// When stdout cannot be written, other than by a reader that left.
pub fn as_it_is(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to stdout"),
    }
}

/// Prints one JSON document. Signs that steer a terminal are written as escapes: a program reads the same, and whoever
/// looks at it at a terminal is safe.
///
/// # Errors
/// When stdout cannot be written, other than by a reader that left.
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut document = serde_json::to_string_pretty(value).context("cannot make the JSON document")?;
    document.push('\n');
    as_it_is(&escaped(&document))
}

/// All such signs of a JSON document stand within its texts; only line ends stand between them.
fn escaped(document: &str) -> String {
    if !document.chars().any(|letter| letter != '\n' && steers(letter)) {
        return document.to_owned();
    }
    let mut safe = String::with_capacity(document.len());
    for letter in document.chars() {
        if letter != '\n' && steers(letter) {
            safe.push_str(&format!("\\u{:04x}", u32::from(letter)));
        } else {
            safe.push(letter);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_document_says_the_same_without_signs_that_steer() {
        let said = "a\u{7f}b\u{9b}31m\u{202e}c\u{2066}\u{1b}[2J\n\u{200f}ñ👩‍👩‍👧";
        let document = serde_json::to_string_pretty(&[said]).unwrap();
        let safe = escaped(&document);
        assert!(safe.chars().all(|letter| letter == '\n' || !steers(letter)), "{safe:?}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&safe).unwrap(), [said]);
        assert_eq!(escaped("[\n  \"plain\"\n]"), "[\n  \"plain\"\n]");
    }
}
