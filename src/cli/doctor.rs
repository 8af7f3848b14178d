//! `watchpost doctor`: what is known of each account, its server and limits, the clock and the database. It asks the
//! servers anew where a token is there, and sends nothing. `--moved-here` says that a database was moved, not copied.

use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{output, privacy, workplace};
use crate::app;
use crate::campaign::{Account, Campaign};
use crate::clock::Clock;
use crate::fedi::capabilities::KeyClass;
use crate::fedi::{Capabilities, Http, Me};
use crate::store::Store;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  watchpost doctor\n  watchpost doctor --json\n  watchpost doctor --moved-here    the database was moved to this place, and nothing runs where it was"
)]
pub struct Args {
    /// One JSON document instead of text.
    #[arg(long)]
    pub json: bool,
    /// The database was moved to this place and nothing runs any more where it was: the next start takes it, and looks
    /// on the servers for what may have been sent before it sends anything.
    #[arg(long, conflicts_with = "json")]
    pub moved_here: bool,
}

#[derive(Serialize)]
struct Report {
    campaign: String,
    database: String,
    daemon_runs: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    database_settings: Option<Vec<(String, String)>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    accounts: Vec<AccountReport>,
}

#[derive(Serialize)]
struct AccountReport {
    name: String,
    server: String,
    works: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    known_as: Option<Me>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capabilities: Option<Capabilities>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_differs_by_seconds: Option<i64>,
    slots: Vec<String>,
}

/// Examines everything. Exit 1 if something does not work.
///
/// # Errors
/// When the campaign has mistakes in its settings.
pub async fn run(root: &Path, args: &Args, clock: &Clock) -> anyhow::Result<u8> {
    let (campaign, _) = workplace::campaign(root, clock.now())?;
    if args.moved_here {
        return moved_here(&campaign, clock).await;
    }
    let http = Http::new()?;
    let mut accounts = Vec::new();
    for account in &campaign.accounts {
        accounts.push(examine(&campaign, account, &http, clock).await);
    }
    let settings = match workplace::store_if_any(&campaign).await? {
        Some(store) => {
            let settings = store.settings().await?;
            store.close().await;
            Some(settings)
        }
        None => None,
    };
    let report = Report {
        campaign: campaign.name.clone(),
        database: app::store_words(&campaign),
        daemon_runs: Store::daemon_runs(&workplace::place(&campaign), clock.now()).await?,
        database_settings: settings,
        warnings: privacy::findings(&campaign).iter().map(ToString::to_string).collect(),
        accounts,
    };
    if args.json {
        output::json(&report)?
    } else {
        output::text(&page(&report))?
    }
    Ok(u8::from(report.accounts.iter().any(|account| !account.works)))
}

async fn moved_here(campaign: &Campaign, clock: &Clock) -> anyhow::Result<u8> {
    if Store::daemon_runs(&workplace::place(campaign), clock.now()).await? {
        anyhow::bail!("a watchpost runs on this database already: it was not moved");
    }
    let Some(store) = workplace::store_if_any(campaign).await? else {
        anyhow::bail!("there is no database at {}", app::store_words(campaign));
    };
    store.move_here().await?;
    store.close().await;
    output::text("Noted. The next `watchpost run` takes this database, and looks before it sends.\n")?;
    Ok(0)
}

async fn examine(campaign: &Campaign, account: &Account, http: &Http, clock: &Clock) -> AccountReport {
    let mut report = AccountReport {
        name: account.name.to_string(),
        server: account.server.clone(),
        works: false,
        problem: None,
        known_as: None,
        capabilities: None,
        clock_differs_by_seconds: None,
        slots: account.slots.iter().map(|slot| slot.written().to_owned()).collect(),
    };
    let fedi = match app::open_link(account, &campaign.root, http) {
        Ok(fedi) => fedi,
        Err(words) => {
            report.problem = Some(words);
            return report;
        }
    };
    match fedi.whoami().await {
        Ok(me) => {
            report.works = true;
            report.known_as = Some(me);
        }
        Err(error) => {
            report.problem = Some(error.to_string());
            return report;
        }
    }
    match fedi.capabilities().await {
        Ok(capabilities) => report.capabilities = Some(capabilities),
        Err(error) => report.problem = Some(error.to_string()),
    }
    if let Ok(Some(theirs)) = fedi.server_time().await {
        let ours: DateTime<Utc> = clock.now();
        report.clock_differs_by_seconds = Some((ours - theirs).num_seconds());
    }
    report
}

fn page(report: &Report) -> String {
    let running = if report.daemon_runs { "a daemon runs on it" } else { "no daemon runs on it" };
    let mut page = format!("{}\n  database     {} ({running})\n", report.campaign, report.database);
    for (name, value) in report.database_settings.iter().flatten() {
        page.push_str(&format!("  {name:<12} {value}\n"));
    }
    for warning in &report.warnings {
        page.push_str(&format!("  {warning}\n"));
    }
    for account in &report.accounts {
        page.push_str(&format!("\n{} on {}\n", account.name, account.server));
        if let Some(problem) = &account.problem {
            page.push_str(&format!("  problem      {problem}\n"));
        }
        if let Some(me) = &account.known_as {
            let bot = if me.bot { "marked as a bot" } else { "NOT marked as a bot: set it in the profile" };
            page.push_str(&format!("  profile      {} ({bot})\n", me.url));
        }
        if let Some(caps) = &account.capabilities {
            page.push_str(&format!("  server       {} {}\n", caps.software, caps.version));
            page.push_str(&format!(
                "  limits       {} characters, {} attachments\n",
                caps.rules.max_characters, caps.max_media
            ));
            page.push_str(&format!("  repeated key {}\n", key_words(caps.key)));
            page.push_str(&format!(
                "  keeps        unlisted: {}, content warnings: {}\n",
                yes(caps.keeps_unlisted),
                yes(caps.keeps_cw)
            ));
        }
        if let Some(seconds) = account.clock_differs_by_seconds {
            page.push_str(&format!("  clock        differs from the server's by {seconds} s\n"));
        }
        let slots = if account.slots.is_empty() { "none".to_owned() } else { account.slots.join("; ") };
        page.push_str(&format!("  slots        {slots}\n"));
    }
    page
}

/// What the server does when the same attempt comes twice, in words.
pub(super) fn key_words(key: KeyClass) -> String {
    let hours = |window: u64| match window {
        window if window.is_multiple_of(3600) => format!("{} h", window / 3600),
        window => format!("{} min", window / 60),
    };
    match key {
        KeyClass::Shared { window } => {
            format!("known for {}: a repeated attempt makes no second status", hours(window))
        }
        KeyClass::Memory { window } => format!("known for {}, until the server restarts", hours(window)),
        KeyClass::ReplaysAnswers { window } => format!("known for {}, and errors are repeated with it", hours(window)),
        KeyClass::Refusing => "refused: what became of an unclear attempt is read back".to_owned(),
        KeyClass::Ignored => "not known: what became of an unclear attempt is read back".to_owned(),
    }
}

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}
