//! One file per command; the only place that prints. Answers go to stdout, logs and errors to stderr; with `--json`
//! stdout is exactly one JSON document. Exit codes: 0 fine, 1 something was found, 2 could not run.

#[cfg(feature = "sandbox")]
pub mod bench;
mod calendar_file;
pub mod check;
pub mod completions;
mod copies;
#[cfg(feature = "sandbox")]
pub mod demo;
#[cfg(feature = "sandbox")]
mod demo_story;
pub mod doctor;
pub mod facts;
pub mod facts_coverage;
pub mod facts_edit;
mod file_out;
mod import_page;
pub mod ledger;
pub mod mentions;
mod moments;
pub mod optouts;
pub mod output;
pub mod pause;
pub mod plan;
pub mod plan_command;
mod plan_json;
mod plan_notes;
mod privacy;
pub mod queue;
pub mod queue_add;
pub mod queue_export;
pub mod queue_import;
pub mod run;
#[cfg(feature = "sandbox")]
pub mod sandbox;
#[cfg(feature = "sandbox")]
pub mod sim;
pub mod status;
mod table;
mod week;
mod workplace;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::clock::Clock;

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "watchpost",
    version,
    about = "Posts a campaign's messages on time, once, and answers mentions with a sourced fact.",
    after_help = "Examples:\n  watchpost demo                 see it all work, with nothing set up\n  watchpost check                is everything staff wrote in order?\n  watchpost run                  the daemon; stop it with Ctrl-C",
    max_term_width = 100
)]
pub struct Cli {
    /// The campaign's folder, with config/ and posts/.
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    pub campaign: PathBuf,
    /// What to log to stderr: error, warn, info, debug.
    #[arg(long, global = true, value_name = "LEVEL", default_value = "info")]
    pub log: String,
    /// Log as JSON, one object a line.
    #[arg(long, global = true)]
    pub log_json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows everything at work: a server in memory, the campaign, invented followers. Needs nothing.
    #[cfg(feature = "sandbox")]
    Demo(demo::Args),
    /// The daemon: posts on time, listens, answers; until Ctrl-C or SIGTERM.
    Run(run::Args),
    /// Looks at everything staff wrote, offline, and says all that is wrong at once.
    Check(check::Args),
    /// What will go out when.
    Plan(plan_command::Args),
    /// The queue: look, add, approve, order, hold, release, cancel.
    Queue(queue::Args),
    /// Says nothing for a while: posts, replies or both.
    Pause(pause::PauseArgs),
    /// Ends a pause.
    Resume(pause::ResumeArgs),
    /// Is it running, what is next, what waits for a person (exit 1 if anything does).
    Status(status::Args),
    /// The ledger: every delivery, each attempt, what was read back, and why it stands where it stands.
    Ledger(ledger::Args),
    /// What watchpost knows of each account, server, limit, clock and of its database.
    Doctor(doctor::Args),
    /// The facts: list, show, add, edit, coverage, and try what a mention would be answered.
    Facts(facts::Args),
    /// Mentions: who asked what, what was said or why nothing; answers for those left to a human.
    Mentions(mentions::Args),
    /// People who said stop: list, add, remove.
    Optouts(optouts::Args),
    /// A Mastodon-compatible server in memory, for rehearsals and other people's tools.
    #[cfg(feature = "sandbox")]
    Sandbox(sandbox::Args),
    /// Plays whole campaigns with faults on a server in memory, and audits them.
    #[cfg(feature = "sandbox")]
    Sim(sim::Args),
    /// Measures what this program costs and how fast it is, against a server in memory.
    #[cfg(feature = "sandbox")]
    Bench(bench::Args),
    /// Prints completions for a shell.
    Completions(completions::Args),
}

impl Command {
    /// What it logs unless it is asked for more: commands that answer at once speak of trouble only, those that stay say
    /// what they do, and one that makes trouble on purpose keeps silent.
    #[must_use]
    pub fn level(&self) -> &'static str {
        match self {
            Command::Run(_) => "info",
            #[cfg(feature = "sandbox")]
            Command::Sandbox(_) => "info",
            #[cfg(feature = "sandbox")]
            Command::Sim(_) => "off",
            #[cfg(feature = "sandbox")]
            Command::Demo(_) => "warn",
            #[cfg(feature = "sandbox")]
            Command::Bench(_) => "info",
            Command::Check(_)
            | Command::Plan(_)
            | Command::Queue(_)
            | Command::Pause(_)
            | Command::Resume(_)
            | Command::Status(_)
            | Command::Facts(_)
            | Command::Mentions(_)
            | Command::Optouts(_)
            | Command::Ledger(_)
            | Command::Doctor(_)
            | Command::Completions(_) => "warn",
        }
    }
}

/// Runs the command and answers the exit code.
///
/// # Errors
/// When it could not run: exit code 2.
pub async fn run(cli: Cli) -> anyhow::Result<u8> {
    // Paths written into the ledger must stay true when the next command runs elsewhere.
    let root = std::path::absolute(&cli.campaign)?;
    let clock = Clock::system();
    match cli.command {
        #[cfg(feature = "sandbox")]
        Command::Demo(args) => demo::run(&root, &args).await,
        Command::Run(args) => run::run(&root, &args, clock).await,
        Command::Check(args) => check::run(&root, args.json, args.strict, clock.now()).await,
        Command::Plan(args) => plan_command::run(&root, &args, clock.now()).await,
        Command::Queue(args) => queue::run(&root, &args, clock.now()).await,
        Command::Pause(args) => pause::pause(&root, &args, clock.now()).await,
        Command::Resume(args) => pause::resume(&root, &args, clock.now()).await,
        Command::Status(args) => status::run(&root, &args, clock.now()).await,
        Command::Facts(args) => facts::run(&root, &args, clock.now()).await,
        Command::Mentions(args) => mentions::run(&root, &args, clock.now()).await,
        Command::Optouts(args) => optouts::run(&root, &args, clock.now()).await,
        Command::Ledger(args) => ledger::run(&root, &args, clock.now()).await,
        Command::Doctor(args) => doctor::run(&root, &args, &clock).await,
        #[cfg(feature = "sandbox")]
        Command::Sandbox(args) => sandbox::run(&args, clock).await,
        #[cfg(feature = "sandbox")]
        Command::Sim(args) => sim::run(&root, &args, clock).await,
        #[cfg(feature = "sandbox")]
        Command::Bench(args) => bench::run(&args, clock).await,
        Command::Completions(args) => completions::run(&args),
    }
}
