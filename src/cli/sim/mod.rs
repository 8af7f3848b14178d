//! `watchpost sim`: whole campaigns of simulated weeks with faults, audited against the server's own list.
//!
//! Each seed throws a script (posts, mentions, lost and late answers, outages, throttles, lag, streams that die, deaths
//! of the daemons, wrong clocks), plays it on a server in memory over real HTTP with the jobs the daemon runs, and audits
//! the end. One daemon works on a SQLite file; with `--store postgres://…` several may share a database.
//!
//! What it leaves out: pictures and polls, staff who edit, hold and release, and the loops that wake the jobs.

mod audit;
pub mod daemon;
mod ears;
mod host;
mod script;
mod world;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use secrecy::SecretString;

use super::output;
use crate::app;
use crate::campaign;
use crate::clock::{Clock, Dice};
use crate::sandbox::Profile;
use crate::store::Place;

pub use audit::Report;
pub use world::{Base, Stage, play_all};

/// Seeds at once: most of a seed is waiting for a server that hangs.
pub const SIDE_BY_SIDE: usize = 8;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  watchpost sim                              ten weeks with faults\n  watchpost sim --seeds 200 --days 14        more, longer\n  watchpost sim --seed 42 --profile snac     one again, on another server\n  watchpost sim --daemons 2 --store postgres://me@localhost/test\n                                             two daemons share a database"
)]
pub struct Args {
    /// How many campaigns; without it ten, or with --seed that one.
    #[arg(long, value_name = "N")]
    pub seeds: Option<u64>,
    /// How many days each lasts.
    #[arg(long, value_name = "D", default_value_t = 7)]
    pub days: u32,
    /// The first seed.
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// How the server behaves: mastodon, gotosocial, pleroma, mitra, takahe, snac, hollo, friendica …
    #[arg(long, value_name = "P", default_value = "mastodon")]
    pub profile: String,
    /// How many daemons share the database: 1 to 4; more than one need --store.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub daemons: usize,
    /// A PostgreSQL server, on which each campaign gets a schema that is removed at its end; else a SQLite file each. A
    /// password belongs in ~/.pgpass.
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,
    /// Only the reports, as one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// Plays the seeds; exit code 1 when a law was broken.
///
/// # Errors
/// When the campaign cannot be read, the profile is unknown, or the simulation cannot run.
pub async fn run(root: &Path, args: &Args, clock: Clock) -> anyhow::Result<u8> {
    let loaded = campaign::load(root, clock.now())?;
    let campaign = loaded.campaign.context("the campaign has mistakes; `watchpost check` lists them")?;
    let profile = Profile::named(&args.profile).with_context(|| {
        let known: Vec<&str> = Profile::ALL.iter().map(|(name, _)| *name).collect();
        format!("--profile {} is unknown; take one of {}", args.profile, known.join(", "))
    })?;
    ensure!((1..=4).contains(&args.daemons), "--daemons takes 1 to 4");
    ensure!(
        args.daemons == 1 || args.store.is_some(),
        "--daemons {} need a database they can share: add --store postgres://…",
        args.daemons
    );
    let mut stage = Stage::new(Arc::new(app::mind(&campaign, None)), profile, args.days)?;
    let run: String = hex::encode(Dice::from_system().bytes()).chars().take(12).collect();
    let folder = std::env::temp_dir().join(format!("watchpost-sim-{run}"));
    if let Some(url) = &args.store {
        let server = Place::new(&SecretString::from(url.as_str()), &folder);
        stage = stage.shared(args.daemons, server, format!("watchpost_sim_{run}"));
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let (first, count) = match args.seed {
        Some(seed) => (seed, args.seeds.unwrap_or(1)),
        None => (1, args.seeds.unwrap_or(10)),
    };
    let tell = |report: &Report| if args.json { Ok(()) } else { output::text(&line(report, args)) };
    let played = play_all(&stage, first..first.saturating_add(count), &folder, SIDE_BY_SIDE, tell).await;
    // What cannot be removed is the system's to clean: it lies in its folder for temporary files.
    drop(std::fs::remove_dir_all(&folder));
    let reports = played?;
    let broken = reports.iter().filter(|report| !report.broken.is_empty()).count();
    if args.json {
        output::json(&reports)?;
    } else {
        let sum = |of: fn(&Report) -> usize| reports.iter().map(of).sum::<usize>();
        output::text(&format!(
            "\n{} campaigns of {} days on {}: {} statuses, {} mentions, {} deaths, {} twins told or taken back; {broken} broke a law.\n",
            reports.len(),
            args.days,
            args.profile,
            sum(|report| report.statuses),
            sum(|report| report.mentions),
            sum(|report| report.deaths),
            sum(|report| report.twins),
        ))?;
    }
    Ok(u8::from(broken > 0))
}

/// A seed in a line; a broken one in more, with how to play it again.
fn line(report: &Report, args: &Args) -> String {
    let states: Vec<String> = report.rows.iter().map(|(state, count)| format!("{count} {state}")).collect();
    let mut line = format!(
        "seed {}: {}; {} mentions, {} replies, {} deaths, {} clock steps, {} twins\n",
        report.seed,
        states.join(", "),
        report.mentions,
        report.replies,
        report.deaths,
        report.clock_steps,
        report.twins
    );
    for broken in &report.broken {
        line.push_str(&format!("  BROKEN {broken}\n"));
    }
    if !report.broken.is_empty() {
        line.push_str(&format!("  again: {}\n", again(report.seed, args)));
    }
    line
}

/// How to play a seed again.
fn again(seed: u64, args: &Args) -> String {
    let mut words = format!("watchpost sim --seed {seed} --days {} --profile {}", args.days, args.profile);
    if args.store.is_some() {
        // Its address may say more than a log should keep.
        words.push_str(&format!(" --daemons {} --store …", args.daemons));
    }
    words
}
