//! Parse, run, exit code: 0 fine, 1 something was found, 2 could not run.

use std::process::ExitCode;

use clap::Parser;
use watchpost::cli::{self, Cli};
use watchpost::telemetry::{self, Shape};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let shape = if cli.log_json { Shape::Json } else { Shape::Text };
    let level = if cli.log == "info" { cli.command.level() } else { &cli.log };
    telemetry::start(level, shape);
    match Box::pin(cli::run(cli)).await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            complain(&error);
            ExitCode::from(2)
        }
    }
}

/// The cause chain on one line, the next step last.
#[expect(clippy::print_stderr, reason = "the one place that says why the program could not run")]
fn complain(error: &anyhow::Error) {
    eprintln!("watchpost: {error:#}");
}
