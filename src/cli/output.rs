//! Writing to stdout: for people, for programs. A reader that stopped reading (`watchpost queue list | head`) has seen enough: not an error.

use std::io::{self, Write};

use anyhow::Context;
use serde::Serialize;

/// Prints text for people, without signs that move the cursor or turn a line round: much of it was written by strangers.
///
/// # Errors
/// When stdout cannot be written, other than by a reader that left.
pub fn text(text: &str) -> anyhow::Result<()> {
    let shown: String = text.chars().filter(|letter| *letter == '\n' || !steers(*letter)).collect();
    as_it_is(&shown)
}

/// Whether a sign steers a terminal instead of showing something: control characters, and those that change the
/// direction of what follows.
#[must_use]
pub fn steers(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
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

/// Prints one JSON document.
///
/// # Errors
/// When stdout cannot be written, other than by a reader that left.
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut document = serde_json::to_string_pretty(value).context("cannot make the JSON document")?;
    document.push('\n');
    as_it_is(&document)
}
