//! `watchpost run`: the daemon, until SIGTERM or SIGINT. `--rehearse` does everything but speak.

use std::path::Path;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::{output, privacy, workplace};
use crate::app::{App, Setup};
use crate::campaign::finding::Level;
use crate::clock::{Clock, Dice};
use crate::jobs::{Said, Voice};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  watchpost run\n  watchpost run --rehearse       everything but the posting, on a copy of the database\n  watchpost --campaign /srv/eyes run"
)]
pub struct Args {
    /// Do everything except post, and show what would have been said. The real database is not touched.
    #[arg(long)]
    pub rehearse: bool,
}

/// Runs the daemon.
///
/// # Errors
/// When the campaign has mistakes in its settings, the database cannot be used, or another daemon runs on it.
pub async fn run(root: &Path, args: &Args, clock: Clock) -> anyhow::Result<u8> {
    let (campaign, findings) = workplace::campaign(root, clock.now())?;
    let open = privacy::findings(&campaign);
    for finding in findings.iter().filter(|finding| finding.level == Level::Warning).chain(&open) {
        tracing::warn!("{finding}");
    }
    let name = campaign.name.clone();
    let stop = stop_signal()?;
    if args.rehearse {
        output::text("Rehearsal: nothing is posted. What would be said appears here; stop with Ctrl-C.\n")?;
        let (listener, said) = mpsc::unbounded_channel();
        let setup = Setup { clock, dice: Dice::from_system(), voice: Voice::Rehearsal(listener) };
        let app = App::start(campaign, &findings, setup).await?;
        let shown = tokio::spawn(show(said));
        app.run_until(stop).await?;
        shown.abort();
        return Ok(0);
    }
    let setup = Setup { clock, dice: Dice::from_system(), voice: Voice::Live };
    let app = App::start(campaign, &findings, setup).await?;
    tracing::info!(campaign = %name, "watchpost runs; stop it with Ctrl-C");
    app.run_until(stop).await?;
    Ok(0)
}

/// Prints what would have been said, as it comes.
async fn show(mut said: mpsc::UnboundedReceiver<Said>) -> anyhow::Result<()> {
    while let Some(Said { account, payload }) = said.recv().await {
        let what = if payload.in_reply_to.is_some() { "would answer" } else { "would post" };
        let warning = payload.cw.map(|cw| format!(" [warning: {cw}]")).unwrap_or_default();
        let pictures = payload.media.len();
        let with = if pictures > 0 { format!(" with {pictures} attachments") } else { String::new() };
        let visibility = payload.visibility.as_str();
        output::text(&format!("\n{account} {what} ({visibility}){warning}{with}:\n{}\n", payload.text))?;
    }
    Ok(())
}

/// Ready when the process is asked to stop, by either signal.
///
/// # Errors
/// When the signals cannot be caught.
pub fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
