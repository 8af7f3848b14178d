//! What the program costs while little happens: memory, processor time, the time to its first stream.

use std::time::Duration;

use chrono::Utc;

use super::stage::{Daemon, Stage};
use super::{Bench, Row, percentile};
use crate::clock::Dice;
use crate::core::delivery::State;
use crate::store::{Place, Role, Store};

/// Until caches are filled and connections have come and gone.
const SETTLE: Duration = Duration::from_secs(6);
/// How long idleness is watched.
const WATCH: Duration = Duration::from_secs(30);
/// Starts of which the median counts.
const STARTS: usize = 5;

/// All of it.
pub(super) async fn all(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let mut rows = idle(bench).await?;
    rows.extend(streams(bench).await?);
    rows.push(start(bench, 0, 50.0).await?);
    rows.push(start(bench, bench.load(100_000), 500.0).await?);
    rows.push(million(bench).await?);
    Ok(rows)
}

async fn idle(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let stage = Stage::set(&bench.room("idle")?, &bench.clock, 1).await?;
    let daemon = stage.listening().await?;
    tokio::time::sleep(SETTLE).await;
    let before = daemon.processor()?;
    tokio::time::sleep(WATCH).await;
    let used = daemon.processor()?.saturating_sub(before);
    let memory = daemon.memory()?;
    drop(daemon);
    stage.strike().await?;
    Ok(vec![
        Row::at_most("memory, one account idle", 15.0, memory.now, "MB").note(format!("peak {:.1} MB", memory.peak)),
        Row::at_most("processor, one account idle", 0.1, used.as_secs_f64() / WATCH.as_secs_f64() * 100.0, "%"),
    ])
}

async fn streams(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let accounts = bench.load(1_000);
    let stage = Stage::set(&bench.room("streams")?, &bench.clock, accounts).await?;
    let began = bench.clock.boot();
    let daemon = stage.listening().await?;
    let took = bench.clock.boot().saturating_sub(began);
    tokio::time::sleep(SETTLE).await;
    let memory = daemon.memory()?;
    drop(daemon);
    stage.strike().await?;
    let note = format!("peak {:.0} MB; all open after {:.1} s", memory.peak, took.as_secs_f64());
    Ok(vec![Row::at_most(&format!("memory, {accounts} accounts streaming"), 150.0, memory.now, "MB").note(note)])
}

/// From the start of the process to its first open stream.
async fn start(bench: &Bench, queued: u32, budget: f64) -> anyhow::Result<Row> {
    let stage = Stage::set(&bench.room("start")?, &bench.clock, if queued == 0 { 1 } else { 100 }).await?;
    if queued > 0 {
        queue(&stage, bench, queued).await?;
    }
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let streams = |state: &crate::sandbox::State| state.streams("bot1") > 0;
        stage.hand.wait_until(|state| !streams(state), super::stage::LONG).await?;
        let began = bench.clock.boot();
        let mut daemon = stage.daemon()?;
        let first = stage.accounts.clone();
        let any = move |state: &crate::sandbox::State| first.iter().any(|name| state.streams(name) > 0);
        stage.until(&mut daemon, "the first stream is open", any).await?;
        times.push(bench.clock.boot().saturating_sub(began).as_secs_f64() * 1_000.0);
        daemon.end()?;
        let all = stage.accounts.clone();
        let none = move |state: &crate::sandbox::State| all.iter().all(|name| state.streams(name) == 0);
        stage.hand.wait_until(none, super::stage::LONG).await?;
    }
    stage.strike().await?;
    times.sort_by(f64::total_cmp);
    let what = format!("start to first stream, {queued} queued");
    let note = format!("median of {STARTS}; longest {:.0} ms", percentile(&times, 1.0));
    Ok(Row::at_most(&what, budget, percentile(&times, 0.5), "ms").note(note))
}

async fn million(bench: &Bench) -> anyhow::Result<Row> {
    let count = bench.load(1_000_000);
    let stage = Stage::set(&bench.room("million")?, &bench.clock, 100).await?;
    let (planned, took) = queue(&stage, bench, count).await?;
    // The first start plans them all; what stays is seen at the second.
    let daemon = stage.listening().await?;
    tokio::time::sleep(SETTLE).await;
    let memory = daemon.memory()?;
    drop(daemon);
    stage.strike().await?;
    let note = format!(
        "peak {:.0} MB; the first start, which plans them, {took:.0} s and {planned:.0} MB at most",
        memory.peak
    );
    Ok(Row::at_most(&format!("memory, {count} queued deliveries"), 100.0, memory.now, "MB").note(note))
}

/// Writes posts for as many deliveries, a week ahead, and lets the program plan them; how much memory and how many
/// seconds that took it.
async fn queue(stage: &Stage, bench: &Bench, deliveries: u32) -> anyhow::Result<(f64, f64)> {
    let accounts = u32::try_from(stage.accounts.len())?;
    let first = bench.clock.now() + chrono::Duration::days(6);
    for number in 0..deliveries.div_ceil(accounts) {
        let at = (first + chrono::Duration::seconds(i64::from(number))).with_timezone(&Utc).to_rfc3339();
        let text = format!(
            "---\nat: {at}\n---\nPost number {number}: in July 2022 MediaJustice counted more than 2,000 \
            police partnerships with Ring, and nobody had asked the people who live there. #EyesOnAmazon\n"
        );
        stage.post(&format!("post{number}"), &text)?;
    }
    let began = bench.clock.boot();
    let mut daemon = stage.daemon()?;
    let planned = wait_for_rows(stage, &daemon, i64::from(deliveries)).await?;
    let took = bench.clock.boot().saturating_sub(began).as_secs_f64();
    daemon.end()?;
    Ok((planned, took))
}

/// Waits until the ledger holds so many planned rows; the most memory the program held until then.
async fn wait_for_rows(stage: &Stage, daemon: &Daemon, rows: i64) -> anyhow::Result<f64> {
    let place = Place::file(&stage.root.join("data/watchpost.db"));
    tokio::time::timeout(super::stage::LONG, async {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            if !Store::exists(&place).await? {
                continue;
            }
            let (store, _) = Store::open(&place, Role::Visitor, &mut Dice::from_system()).await?;
            let counts = store.state_counts().await?;
            store.close().await;
            if counts.iter().any(|(state, count)| *state == State::Planned && *count >= rows) {
                return Ok(daemon.memory()?.peak);
            }
        }
    })
    .await?
}
