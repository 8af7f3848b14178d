//! Logs: to stderr, so that stdout stays for what a command answers. One name per thing: `account.name`, `post.id`,
//! `delivery.id`, `status.id`. Never logged: tokens, texts of mentions, handles. What a server says stands in some lines:
//! without signs that steer a terminal.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::core::text::steers;

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
        .with_writer(|| Harmless(io::stderr()));
    // A second start in one process (tests) keeps the first: not an error.
    let started = match shape {
        Shape::Text => lines.compact().try_init(),
        Shape::Json => lines.json().try_init(),
    };
    drop(started);
}

/// Leaves out what would turn a line round or steer the terminal. Of escape sequences only colours pass, which are the
/// log's own. A line comes in one piece.
struct Harmless<W>(W);

impl<W: Write> Write for Harmless<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_all(harmless(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn harmless(line: &str) -> String {
    let is_colour = |rest: &str| {
        let rest = rest.strip_prefix('[').unwrap_or_default();
        rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m')
    };
    let kept = |(at, letter): (usize, char)| match letter {
        '\n' | '\t' => true,
        '\u{1b}' => line.get(at + 1..).is_some_and(is_colour),
        _ => !steers(letter),
    };
    line.char_indices().filter(|place| kept(*place)).map(|(_, letter)| letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_of_the_log_pass_and_nothing_else_that_steers() {
        for (line, expected) in [
            (
                "\u{1b}[2m2026\u{1b}[0m \u{1b}[33m WARN\u{1b}[0m\tñ\n",
                "\u{1b}[2m2026\u{1b}[0m \u{1b}[33m WARN\u{1b}[0m\tñ\n",
            ),
            ("\u{1b}[2J\u{1b}]0;title\u{7} \u{9b}31m \u{202e}x\u{2066}\r", "[2J]0;title 31m x"),
            ("\u{1b}", ""),
        ] {
            assert_eq!(harmless(line), expected, "{line:?}");
        }
    }

    #[test]
    fn a_line_of_the_log_cannot_be_turned_round() {
        use tracing_subscriber::fmt::MakeWriter;
        let lines = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        #[derive(Clone)]
        struct Kept(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
        impl Write for Kept {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        impl MakeWriter<'_> for Kept {
            type Writer = Harmless<Kept>;
            fn make_writer(&self) -> Self::Writer {
                Harmless(self.clone())
            }
        }
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(Kept(lines.clone())).finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(error = %"gnol \u{202e}bidi\u{2066} \u{9b}31m \u{1b}[2J ñ", "the server said \u{202e}");
        });
        let told = String::from_utf8(lines.lock().unwrap().clone()).unwrap();
        assert!(told.contains("gnol ") && told.contains('ñ'), "{told:?}");
        assert!(!told.contains(['\u{202e}', '\u{2066}', '\u{9b}', '\u{1b}']), "{told:?}");
    }
}
