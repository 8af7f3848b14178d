//! `watchpost sandbox`: the Mastodon-compatible server alone, until Ctrl-C.

use std::net::SocketAddr;

use anyhow::Context;

use super::output;
use super::run::stop_signal;
use crate::clock::Clock;
use crate::sandbox::{NewAccount, Options, Profile, Sandbox};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  watchpost sandbox\n  watchpost sandbox --port 8800 --accounts 3\n  watchpost sandbox --profile snac\n\nThe page at its address shows the timeline. POST /sandbox/faults makes it misbehave: here the next new status is made, and nobody hears of it; then two answers are 503:\n  curl -d '{\"on\":\"create\",\"what\":{\"kind\":\"cut\",\"when\":\"after\"}}' http://127.0.0.1:8800/sandbox/faults\n  curl -d '{\"times\":2,\"what\":{\"kind\":\"answer\",\"status\":503}}' http://127.0.0.1:8800/sandbox/faults\nGET /sandbox/faults lists what still waits, DELETE clears it."
)]
pub struct Args {
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, value_name = "P", default_value_t = 0)]
    pub port: u16,
    /// How many campaign accounts it has, named bot1, bot2, ….
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub accounts: u16,
    /// Which server it behaves like, with its odd ways; mastodon-… is Mastodon with one weakness.
    #[arg(long, value_name = "NAME", default_value = "mastodon", value_parser = names())]
    pub profile: String,
}

fn names() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(Profile::ALL.map(|(name, _)| name))
}

/// Runs the server and prints its address and the accounts' tokens, which are good on this server only.
///
/// # Errors
/// When the port is taken.
pub async fn run(args: &Args, clock: Clock) -> anyhow::Result<u8> {
    let mut options = Options::new(clock.clone());
    options.profile = Profile::named(&args.profile)
        .with_context(|| format!("There is no profile `{}`; `watchpost sandbox --help` lists them.", args.profile))?;
    options.listen = SocketAddr::from(([127, 0, 0, 1], args.port));
    options.seed = u64::try_from(clock.now().timestamp_micros()).unwrap_or_default();
    let stop = stop_signal()?;
    let running = Sandbox::start(options).await?;
    let mut page = format!(
        "A Mastodon-compatible server listens on {}\nIt behaves like: {}\n\n",
        running.base_url(),
        args.profile
    );
    for number in 1..=args.accounts {
        let account = running.handle().add_account(NewAccount::campaign(format!("bot{number}")))?;
        page.push_str(&format!("  {:<8} token {}\n", account.name, account.token));
    }
    page.push_str(&format!(
        "\nIts timeline: {}/   Everything it holds, as JSON: {}/sandbox/state\nIt forgets everything when it stops; stop it with Ctrl-C.\n",
        running.base_url(),
        running.base_url()
    ));
    output::text(&page)?;
    stop.await;
    running.stop().await;
    Ok(0)
}
