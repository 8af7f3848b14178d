//! Many posts due in one second, over a hundred accounts.

use chrono::{Duration, SubsecRound};

use super::stage::Stage;
use super::{Bench, Row};

const ACCOUNTS: u32 = 100;

/// 10,000 posts due in the same second.
pub(super) async fn burst(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let stage = Stage::set(&bench.room("burst")?, &bench.clock, ACCOUNTS).await?;
    // Time for a hundred accounts to be linked, and for the plan to be written.
    let due = (bench.clock.now() + Duration::seconds(20)).trunc_subsecs(0);
    for number in 0..bench.load(100) {
        let at = due.to_rfc3339();
        stage.post(&format!("post{number}"), &format!("---\nat: {at}\n---\nPost number {number} of the burst.\n"))?;
    }
    let mut daemon = stage.listening().await?;
    let wanted = usize::try_from(bench.load(100) * ACCOUNTS)?;
    let ready = (due - bench.clock.now()).num_milliseconds();
    stage.until(&mut daemon, "every post is out", |state| state.count() >= wanted).await?;
    let times = stage.hand.look(|state| state.statuses().iter().map(|status| status.created_at).collect::<Vec<_>>());
    let memory = daemon.memory()?;
    drop(daemon);
    stage.strike().await?;
    let early = times.iter().filter(|at| **at < due).count();
    let took = times.iter().max().map_or(0.0, |last| (*last - due).as_seconds_f64());
    #[expect(clippy::cast_precision_loss, reason = "a count of posts")]
    let (count, early) = (times.len() as f64, early as f64);
    let note = format!("{count} posts in {took:.2} s; peak {:.0} MB; ready {ready} ms before", memory.peak);
    Ok(vec![
        Row::at_least("posts due in one second, 100 accounts", 2_000.0, count / took, "1/s").note(note),
        Row::at_most("of these, posts that left early", 0.0, early, ""),
    ])
}
