//! `watchpost bench`: the budgets of DESIGN §10, measured. One line each: budget, measured, ratio, ok or over.
//!
//! Invariants: what is measured is this very program, run as staff run it (`watchpost run`), in a process of its own,
//! against the sandbox over HTTP; the sandbox lives in this process, so that its memory and its descriptors do not
//! count. Time is real. Nothing is compared with other programs here.

mod answering;
mod ledger;
mod posting;
mod program;
mod pure;
mod stage;
mod standing;

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use super::output;
use super::table::table;
use crate::clock::{Clock, Dice};

/// The groups, in the order they are measured.
const GROUPS: [&str; 8] = ["binary", "matching", "plan", "claim", "latency", "storm", "burst", "standing"];

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  watchpost bench --only binary,matching\n  watchpost bench --only storm --json\n\nUse a release build. All of it takes about ten minutes and some gigabytes of disk; it needs Linux, because memory and\nprocessor time are read from /proc."
)]
pub struct Args {
    /// Only these groups: binary, matching, plan, claim, latency, storm, burst, standing.
    #[arg(long, value_name = "GROUPS", value_delimiter = ',', value_parser = clap::builder::PossibleValuesParser::new(GROUPS))]
    pub only: Vec<String>,
    /// A hundredth of the load, to see whether it runs; the figures then say little.
    #[arg(long)]
    pub small: bool,
    /// Where databases and campaigns are written; a disk, if figures are to mean anything.
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// One JSON document instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
struct Row {
    /// What was measured.
    what: String,
    /// What it may be at most, or must be at least.
    budget: f64,
    /// Whether the budget is a ceiling or a floor.
    side: Side,
    /// What it is.
    measured: f64,
    /// ms, MB, 1/s …
    unit: &'static str,
    /// Whatever else helps to read it.
    note: String,
}

/// Which side of its budget a figure must be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Side {
    AtMost,
    AtLeast,
}

impl Row {
    fn at_most(what: &str, budget: f64, measured: f64, unit: &'static str) -> Row {
        Row { what: what.to_owned(), budget, side: Side::AtMost, measured, unit, note: String::new() }
    }

    fn at_least(what: &str, budget: f64, measured: f64, unit: &'static str) -> Row {
        Row { side: Side::AtLeast, ..Row::at_most(what, budget, measured, unit) }
    }

    fn note(self, note: String) -> Row {
        Row { note, ..self }
    }

    fn is_kept(&self) -> bool {
        match self.side {
            Side::AtMost => self.measured <= self.budget,
            Side::AtLeast => self.measured >= self.budget,
        }
    }

    fn cells(&self) -> Vec<String> {
        let sign = match self.side {
            Side::AtMost => "≤",
            Side::AtLeast => "≥",
        };
        vec![
            self.what.clone(),
            format!("{sign} {} {}", short(self.budget), self.unit),
            format!("{} {}", short(self.measured), self.unit),
            if self.budget > 0.0 { format!("{:.2}", self.measured / self.budget) } else { String::new() },
            if self.is_kept() { "ok" } else { "OVER" }.to_owned(),
            self.note.clone(),
        ]
    }
}

fn short(number: f64) -> String {
    if number >= 100.0 {
        format!("{number:.0}")
    } else if number >= 1.0 {
        format!("{number:.2}")
    } else {
        format!("{number:.3}")
    }
}

/// What every group works with.
struct Bench {
    clock: Clock,
    folder: PathBuf,
    /// Loads are divided by this.
    divide: u32,
}

impl Bench {
    /// A load, in full or as small as asked for.
    fn load(&self, full: u32) -> u32 {
        (full / self.divide).max(1)
    }

    /// A folder of its own for one measurement.
    fn room(&self, name: &str) -> anyhow::Result<PathBuf> {
        let room = self.folder.join(name);
        std::fs::create_dir_all(&room).with_context(|| format!("cannot make {}", room.display()))?;
        Ok(room)
    }
}

/// Measures and prints; exit code 1 when something is over its budget.
///
/// # Errors
/// When the folder cannot be written, or the program cannot be run.
pub async fn run(args: &Args, clock: Clock) -> anyhow::Result<u8> {
    let above = args.folder.clone().unwrap_or_else(std::env::temp_dir);
    let folder = above.join(format!("watchpost-bench-{}", hex::encode(Dice::from_system().bytes())));
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let bench = Bench { clock, folder: folder.clone(), divide: if args.small { 100 } else { 1 } };
    let measured = all(&bench, args).await;
    // What cannot be removed is the system's to clean: it lies in its folder for temporary files.
    drop(std::fs::remove_dir_all(&folder));
    let rows = measured?;
    let over = rows.iter().filter(|row| !row.is_kept()).count();
    if args.json {
        output::json(&rows)?;
    } else {
        let headings = ["What", "Budget", "Measured", "Ratio", "", ""];
        output::text(&table(&headings, rows.iter().map(Row::cells).collect()))?;
        output::text(&format!("\n{} of {} within budget.\n", rows.len() - over, rows.len()))?;
    }
    Ok(u8::from(over > 0))
}

async fn all(bench: &Bench, args: &Args) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for group in GROUPS {
        if !args.only.is_empty() && !args.only.iter().any(|only| only == group) {
            continue;
        }
        let found = measure(bench, group).await.with_context(|| format!("measuring {group}"))?;
        if !args.json {
            for row in &found {
                tracing::info!("{}", row.cells().join("  "));
            }
        }
        rows.extend(found);
    }
    Ok(rows)
}

async fn measure(bench: &Bench, group: &str) -> anyhow::Result<Vec<Row>> {
    match group {
        "binary" => pure::binary(),
        "matching" => Ok(pure::matching(bench)),
        "plan" => {
            let mut rows = pure::plan(bench);
            rows.extend(program::plan(bench, Path::new("plan")).await?);
            Ok(rows)
        }
        "claim" => ledger::claim(bench).await,
        "latency" => answering::latency(bench).await,
        "storm" => answering::storm(bench).await,
        "burst" => posting::burst(bench).await,
        _ => standing::all(bench).await,
    }
}

/// The value below which this share of the sorted values lies.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index below the length")]
    #[expect(clippy::cast_precision_loss, reason = "counts of samples")]
    let at = ((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1);
    sorted.get(at).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(
            (percentile(&values, 0.5), percentile(&values, 0.99), percentile(&values, 1.0)),
            (50.0, 99.0, 100.0)
        );
        assert_eq!(percentile(&[], 0.5), 0.0);
        assert_eq!(percentile(&[7.0], 0.5), 7.0);
    }

    #[test]
    fn a_figure_is_on_the_right_side_of_its_budget() {
        assert!(Row::at_most("x", 2.0, 2.0, "ms").is_kept() && !Row::at_most("x", 2.0, 2.1, "ms").is_kept());
        assert!(Row::at_least("x", 2.0, 2.0, "1/s").is_kept() && !Row::at_least("x", 2.0, 1.9, "1/s").is_kept());
    }
}
