//! Commands of the program with 100,000 queued posts: what staff wait for.

use std::path::Path;
use std::process::Stdio;

use anyhow::ensure;
use chrono::Duration;

use super::stage::{Stage, program};
use super::{Bench, Row, percentile};

/// Runs of which the median counts.
const RUNS: usize = 3;

/// `plan --days 30` and `queue list` over 100,000 posts in files.
pub(super) async fn plan(bench: &Bench, room: &Path) -> anyhow::Result<Vec<Row>> {
    let stage = Stage::set(&bench.room(&room.to_string_lossy())?, &bench.clock, 1).await?;
    let count = bench.load(100_000);
    let from = bench.clock.now();
    for number in 0..count {
        let at = (from + Duration::seconds(i64::from(number) * 60 * 86_400 / i64::from(count))).to_rfc3339();
        let folder = stage.root.join(format!("posts/{:03}", number % 100));
        if number < 100 {
            std::fs::create_dir_all(&folder)?;
        }
        let text =
            format!("---\nat: {at}\n---\nPost number {number}: more than 2,000 police partnerships with Ring.\n");
        std::fs::write(folder.join(format!("{number:06}.md")), text)?;
    }
    let mut rows = Vec::new();
    for (arguments, budget) in [(["plan", "--days", "30"].as_slice(), 1_000.0), (&["queue", "list"], 1_000.0)] {
        let mut times = Vec::new();
        for _ in 0..RUNS {
            let began = bench.clock.boot();
            let mut command = program(&stage.root)?;
            let done = command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
            times.push(bench.clock.boot().saturating_sub(began).as_secs_f64() * 1_000.0);
            ensure!(done.code() != Some(2), "{arguments:?} could not run");
        }
        times.sort_by(f64::total_cmp);
        let what = format!("{} with {count} posts in files", arguments.join(" "));
        rows.push(Row::at_most(&what, budget, percentile(&times, 0.5), "ms").note(format!("median of {RUNS}")));
    }
    stage.strike().await?;
    Ok(rows)
}
