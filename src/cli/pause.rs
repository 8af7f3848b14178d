//! `watchpost pause` and `watchpost resume`: say nothing for a while: posts, replies or both, of one account or of all.
//! One short transaction; a running daemon asks before every send.

use std::path::Path;

use anyhow::bail;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::status::{local, rfc3339};
use super::table::many;
use super::{moments, output, workplace};
use crate::campaign::Campaign;
use crate::core::ids::AccountName;
use crate::store::pauses::Pause;
use crate::store::sending::Turn;

/// The arguments of `pause`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  watchpost pause --reason \"a disaster in the news\"\n  watchpost pause --account eyes --replies\n  watchpost pause --posts --until \"2026-12-01 09:00\"\n\nSlots that pass meanwhile are missed; their posts take the next ones. Posts with a time of their own that pass are held.\nMentions that come while replies are paused get none; who says stop is obeyed all the same."
)]
pub struct PauseArgs {
    /// Only this account.
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// It ends by itself then: "2026-12-01 09:00" in the campaign's zone, or RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Why, for whoever looks later.
    #[arg(long, value_name = "WORDS", default_value = "")]
    pub reason: String,
    /// Only posts. Without --posts and --replies: both.
    #[arg(long)]
    pub posts: bool,
    /// Only replies.
    #[arg(long)]
    pub replies: bool,
}

/// The arguments of `resume`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchpost resume\n  watchpost resume --account eyes --replies")]
pub struct ResumeArgs {
    /// Only this account. Without it: every pause ends.
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Only posts. Without --posts and --replies: both.
    #[arg(long)]
    pub posts: bool,
    /// Only replies.
    #[arg(long)]
    pub replies: bool,
}

/// A pause as it is shown.
#[derive(Clone, Debug, Serialize)]
pub(super) struct PauseShown {
    /// Absent: every account.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    what: &'static str,
    since: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    #[serde(skip)]
    pub(super) words: String,
}

/// Pauses.
///
/// # Errors
/// When there is no such account, `--until` is no time to come, or the database cannot be written.
pub async fn pause(root: &Path, args: &PauseArgs, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let (campaign, _) = workplace::campaign_to_stop(root, now).await?;
    let account = known_account(&campaign, args.account.as_deref())?;
    let until = match &args.until {
        None => None,
        Some(written) => {
            let until = moments::instant("until", written, campaign.zone)?;
            if until <= now {
                bail!(
                    "--until {written} has passed: write a later time, or leave it out to pause until `watchpost resume`"
                );
            }
            Some(until)
        }
    };
    let store = workplace::store(&campaign).await?;
    for turn in turns(args.posts, args.replies) {
        store.pause(account.as_ref(), turn, until, args.reason.trim(), now).await?;
    }
    let pauses = store.pauses(now).await?;
    store.close().await;
    let wanted = turns(args.posts, args.replies);
    let outlasts = |pause: &Pause| pause.until.is_none_or(|end| until.is_some_and(|until| end > until));
    let is_longer = |pause: &Pause| pause.account == account && wanted.contains(&pause.turn) && outlasts(pause);
    let mut page = lines(&pauses, campaign.zone);
    if until.is_some() && pauses.iter().any(is_longer) {
        page.push_str(
            "It was paused for longer already, and stays so: `watchpost resume` first if it should end earlier.\n",
        );
    }
    output::text(&page)?;
    Ok(0)
}

/// Ends pauses. Exit 1 when another pause still holds for what was to go on.
///
/// # Errors
/// When there is no such account, or the database cannot be written.
pub async fn resume(root: &Path, args: &ResumeArgs, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let (campaign, _) = workplace::campaign_to_stop(root, now).await?;
    let account = known_account(&campaign, args.account.as_deref())?;
    let store = workplace::store(&campaign).await?;
    let wanted = turns(args.posts, args.replies);
    // Counted as they are shown: posts and replies paused in one go are one pause.
    let shown_before = shown(&store.pauses(now).await?, campaign.zone).len();
    let mut ended = 0;
    for turn in &wanted {
        ended += store.resume(account.as_ref(), *turn, now).await?;
    }
    let pauses = store.pauses(now).await?;
    store.close().await;
    let fewer = shown_before.saturating_sub(shown(&pauses, campaign.zone).len());
    let ended = if ended == 0 { 0 } else { i64::try_from(fewer.max(1)).unwrap_or(i64::MAX) };
    let mut page = match ended {
        0 => "nothing was paused\n".to_owned(),
        n => format!("{} ended: it goes on within a second; what was missed is not sent late\n", many(n, "pause")),
    };
    let holds = |pause: &&Pause| wanted.contains(&pause.turn) && account.as_ref().is_some_and(|own| pause.is_of(own));
    let still = pauses.iter().find(holds);
    if let (Some(_), Some(account)) = (still, &account) {
        page = format!("{account} stays paused with all the others: `watchpost resume` ends that\n");
    }
    page.push_str(&lines(&pauses, campaign.zone));
    output::text(&page)?;
    Ok(u8::from(still.is_some()))
}

fn known_account(campaign: &Campaign, name: Option<&str>) -> anyhow::Result<Option<AccountName>> {
    let Some(name) = name else { return Ok(None) };
    match campaign.accounts.iter().find(|account| account.name.as_str() == name) {
        Some(account) => Ok(Some(account.name.clone())),
        None => {
            if campaign.accounts.is_empty() {
                bail!(
                    "config/watchpost.toml names no account that can be read: leave out --account to mean all of them"
                );
            }
            let known: Vec<&str> = campaign.accounts.iter().map(|account| account.name.as_str()).collect();
            bail!("--account {name} is not one of {}", known.join(", "))
        }
    }
}

/// Neither is named: both are meant.
fn turns(posts: bool, replies: bool) -> Vec<Turn> {
    let both = posts == replies;
    let named = [(posts, Turn::Posts), (replies, Turn::Replies)];
    named.into_iter().filter(|(wanted, _)| both || *wanted).map(|(_, turn)| turn).collect()
}

/// The pauses as they are shown, posts and replies of one pause on one line.
pub(super) fn shown(pauses: &[Pause], zone: Tz) -> Vec<PauseShown> {
    let mut all: Vec<(&Pause, bool)> = Vec::new();
    for pause in pauses {
        let twin = all.iter_mut().find(|(other, both)| {
            let alike = other.account == pause.account && other.until == pause.until && other.reason == pause.reason;
            !*both && other.turn != pause.turn && alike
        });
        match twin {
            Some((_, both)) => *both = true,
            None => all.push((pause, false)),
        }
    }
    all.into_iter().map(|(pause, both)| one(pause, both, zone)).collect()
}

fn one(pause: &Pause, both: bool, zone: Tz) -> PauseShown {
    let what = match (both, pause.turn) {
        (true, _) => "posts and replies",
        (false, Turn::Posts) => "posts",
        (false, Turn::Replies) => "replies",
    };
    let of = pause.account.as_ref().map_or_else(|| "of every account".to_owned(), |name| format!("of {name}"));
    let until = match pause.until {
        Some(until) => format!("until {}", local(until, zone)),
        None => "until `watchpost resume`".to_owned(),
    };
    let reason = if pause.reason.is_empty() { String::new() } else { format!(": {}", pause.reason) };
    PauseShown {
        account: pause.account.as_ref().map(ToString::to_string),
        what,
        since: rfc3339(pause.since, zone),
        until: pause.until.map(|until| rfc3339(until, zone)),
        reason: pause.reason.clone(),
        words: format!("{what} {of} are paused since {}, {until}{reason}", local(pause.since, zone)),
    }
}

fn lines(pauses: &[Pause], zone: Tz) -> String {
    shown(pauses, zone).into_iter().map(|pause| format!("{}\n", pause.words)).collect()
}
