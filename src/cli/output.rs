//! Writing to stdout. A reader that stopped reading (`watchpost queue list | head`) has seen enough: not an error.

use std::io::{self, Write};

use anyhow::Context;
use serde::Serialize;

/// Prints text as it is.
///
/// # Errors
/// When stdout cannot be written, other than by a reader that left.
pub fn text(text: &str) -> anyhow::Result<()> {
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
    text(&document)
}
