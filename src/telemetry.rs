//! Logs: to stderr, so that stdout stays for what a command answers. One name per thing: `account.name`, `post.id`,
//! `delivery.id`, `status.id`. Never logged: tokens, texts of mentions, handles.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging at `level` (`info`, or a filter such as `watchpost=debug`). megalodon's own lines are off, because
/// they print tokens; the database driver speaks only of trouble.
pub fn start(level: &str, shape: Shape) {
    let directives = format!("warn,watchpost={level},megalodon=off,sqlx=error");
    let filter = EnvFilter::try_new(directives).unwrap_or_else(|_| EnvFilter::new("warn,watchpost=info,megalodon=off"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NONE)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // A second start in one process (tests) keeps the first: not an error.
    let started = match shape {
        Shape::Text => lines.compact().try_init(),
        Shape::Json => lines.json().try_init(),
    };
    drop(started);
}
