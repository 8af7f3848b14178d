//! `watchpost completions SHELL`.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, output};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  watchpost completions bash > ~/.local/share/bash-completion/completions/watchpost")]
pub struct Args {
    /// The shell.
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Prints the completions.
///
/// # Errors
/// When stdout cannot be written.
pub fn run(args: &Args) -> anyhow::Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "watchpost", &mut script);
    output::as_it_is(&String::from_utf8_lossy(&script))?;
    Ok(0)
}
