//! Mentions: how long an answer takes, how many a second, how many requests, how much memory.
//!
//! An answer's time is counted on the server: from the moment a mention stands to the moment its answer is accepted.

use std::time::Duration;

use super::stage::Stage;
use super::{Bench, Row, percentile};
use crate::sandbox::{Endpoint, State};

const QUESTION: &str = "@bot1 what is Rekognition, and who uses it?";

/// 40 mentions a second, each from somebody else.
pub(super) async fn latency(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let stage = Stage::set(&bench.room("latency")?, &bench.clock, 1).await?;
    let mut daemon = stage.listening().await?;
    let count = bench.load(1_200).max(40);
    let warm = 40;
    let mut ticks = tokio::time::interval(Duration::from_millis(25));
    for number in 0..count + warm {
        ticks.tick().await;
        stage.hand.mention(&format!("person{number}"), QUESTION)?;
    }
    let wanted = usize::try_from(count + warm)?;
    stage.until(&mut daemon, "every mention is answered", |state| state.own_count("bot1") >= wanted).await?;
    let mut times = stage.hand.look(waits);
    times.drain(..usize::try_from(warm)?.min(times.len()));
    times.sort_by(f64::total_cmp);
    drop(daemon);
    stage.strike().await?;
    let note = format!("{} answers, longest {:.1} ms", times.len(), percentile(&times, 1.0));
    Ok(vec![
        Row::at_most("mention to reply, 40/s, p50", 1.0, percentile(&times, 0.5), "ms").note(note),
        Row::at_most("mention to reply, 40/s, p99", 3.0, percentile(&times, 0.99), "ms"),
    ])
}

/// Milliseconds from each mention to its answer, in the order of the answers.
fn waits(state: &State) -> Vec<f64> {
    let own = state.own("bot1");
    let waits = own.iter().filter_map(|answer| {
        let asked = state.status(answer.in_reply_to.as_deref()?)?;
        let took = (answer.created_at - asked.created_at).num_microseconds()?;
        #[expect(clippy::cast_precision_loss, reason = "microseconds of some seconds")]
        Some(took as f64 / 1_000.0)
    });
    waits.collect()
}

/// All at once.
pub(super) async fn storm(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let stage = Stage::set(&bench.room("storm")?, &bench.clock, 1).await?;
    let mut daemon = stage.listening().await?;
    let count = bench.load(20_000);
    let before = stage.hand.look(requests);
    let hand = stage.hand.clone();
    let written = tokio::task::spawn_blocking(move || {
        (0..count).try_for_each(|number| hand.mention(&format!("person{number}"), QUESTION).map(drop))
    });
    written.await??;
    let wanted = usize::try_from(count)?;
    stage.until(&mut daemon, "every mention is answered", |state| state.own_count("bot1") >= wanted).await?;
    let memory = daemon.memory()?;
    let (first, last, asked) = stage.hand.look(|state| {
        let own = state.own("bot1");
        let mentions = own.iter().filter_map(|answer| state.status(answer.in_reply_to.as_deref()?));
        let first = mentions.map(|mention| mention.created_at).min();
        (first, own.iter().map(|answer| answer.created_at).max(), requests(state) - before)
    });
    drop(daemon);
    stage.strike().await?;
    let took = first.zip(last).map_or(0.0, |(first, last)| (last - first).as_seconds_f64());
    let count = f64::from(count);
    #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
    let each = asked as f64 / count;
    Ok(vec![
        Row::at_least("mention storm, replies a second", 4_000.0, count / took, "1/s")
            .note(format!("{count} answers in {took:.2} s")),
        Row::at_most("memory, peak in the storm", 60.0, memory.peak, "MB")
            .note(format!("{:.0} MB after it", memory.now)),
        Row::at_most("requests a reply", 1.1, each, ""),
    ])
}

/// Requests so far, the opening of streams and what goes down them apart.
fn requests(state: &State) -> usize {
    state.requests().filter(|seen| !matches!(seen.endpoint, Endpoint::Stream | Endpoint::Push)).count()
}
