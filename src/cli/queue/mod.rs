//! `watchpost queue`: what is queued, and what staff may do with it. Every wish is one short transaction beside a
//! running daemon, which sees it within a second.

mod approve;
mod draft;
mod edit;
mod list;
mod places;
mod preview;
mod rows;
mod show;
mod steer;

use std::path::Path;

use anyhow::anyhow;
use chrono::{DateTime, Utc};

use super::queue_add::{self, AddArgs};
use super::queue_export::{self, ExportArgs};
use super::queue_import::{self, ImportArgs};
use super::workplace;
use crate::campaign::Campaign;
use crate::core::approval::Verdict;
use crate::jobs::staging::Staged;
use crate::store::deliveries::Wish;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  watchpost queue list\n  watchpost queue list --state review\n  watchpost queue show 010-ring-partnerships\n  watchpost queue add \"We are at the library until six.\" --now\n  watchpost queue approve 010-ring-partnerships --by Ada\n  watchpost queue move 010-ring-partnerships --first\n  watchpost queue hold 010-ring-partnerships --reason \"waiting for the lawyer\""
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// The actions.
#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// What went out lately and what comes.
    List(list::ListArgs),
    /// One post, or one delivery by its number: what each account's followers will see, and what became of it.
    Show {
        /// A post's id or a delivery's number.
        #[arg(value_parser = post_id)]
        id: String,
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Adds a post.
    Add(AddArgs),
    /// Takes in the posts of a spreadsheet, saved as CSV; shows first what would come.
    Import(ImportArgs),
    /// Writes the queue as a spreadsheet (CSV), a calendar (ICS) or post files (Markdown).
    Export(ExportArgs),
    /// Opens a post in your editor ($VISUAL or $EDITOR); a text with mistakes changes nothing and is kept.
    Edit(edit::EditArgs),
    /// Agrees to a post that waits for approval, exactly as it is now.
    Approve(approve::ApproveArgs),
    /// Wants a post changed before it goes out; the note says what.
    Reject(approve::RejectArgs),
    /// Puts a post that waits for a slot somewhere else in the queue.
    Move(places::MoveArgs),
    /// Gives a post that waits for a slot a priority: higher ones go first; 0 is the usual.
    Priority(places::PriorityArgs),
    /// Keeps one slot for a post.
    Pin(places::PinArgs),
    /// Gives a kept slot back: the post takes the next free one.
    Unpin {
        /// A post's id.
        #[arg(value_parser = post_id)]
        id: String,
    },
    /// Keeps a post or delivery back until it is released.
    Hold(steer::Steer),
    /// Lets a held or refused post or delivery go.
    Release(steer::Steer),
    /// Drops a post or delivery that has not left.
    Cancel(steer::Steer),
    /// Sends a post once more, now, as it stands; the only way to say something twice.
    Again {
        /// A post's id.
        #[arg(value_parser = post_id)]
        id: String,
    },
}

/// Runs the action.
///
/// # Errors
/// When the campaign has mistakes in its settings, the database cannot be used, or the id is unknown.
pub async fn run(root: &Path, args: &Args, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let stops = matches!(
        args.action,
        Action::Hold(_) | Action::Release(_) | Action::Cancel(_) | Action::Reject(_) | Action::List(_)
    );
    let (campaign, _) = match stops {
        true => workplace::campaign_to_stop(root, now).await?,
        false => (workplace::campaign(root, now)?.0, false),
    };
    workplace::tell_left_out(&campaign);
    match &args.action {
        Action::List(args) => list::run(&campaign, args, now).await,
        Action::Show { id, json } => show::run(&campaign, id, *json, now).await,
        Action::Add(args) => queue_add::run(&campaign, args, now).await,
        Action::Import(args) => queue_import::run(&campaign, args, now).await,
        Action::Export(args) => queue_export::run(&campaign, args, now).await,
        Action::Edit(args) => edit::run(&campaign, args, now).await,
        Action::Approve(args) => approve::run(&campaign, &args.id, Verdict::Approved, &args.by, &args.note, now).await,
        Action::Reject(args) => approve::run(&campaign, &args.id, Verdict::Rejected, &args.by, &args.note, now).await,
        Action::Move(args) => places::move_to(&campaign, args, now).await,
        Action::Priority(args) => places::priority(&campaign, args, now).await,
        Action::Pin(args) => places::pin(&campaign, args, now).await,
        Action::Unpin { id } => places::unpin(&campaign, id, now).await,
        Action::Hold(args) => steer::wish(&campaign, args, Wish::Hold, now).await,
        Action::Release(args) => steer::wish(&campaign, args, Wish::Release, now).await,
        Action::Cancel(args) => steer::wish(&campaign, args, Wish::Cancel, now).await,
        Action::Again { id } => steer::again(&campaign, id, now).await,
    }
}

/// A post's id, or its file as a shell completes it: `posts/week/01-ring.md` is `week/01-ring`.
fn post_id(written: &str) -> Result<String, std::convert::Infallible> {
    let path = written.strip_suffix(".md").map(|path| path.strip_prefix("./").unwrap_or(path));
    let inside = path.and_then(|path| path.strip_prefix("posts/").or_else(|| Some(path.split_once("/posts/")?.1)));
    Ok(inside.unwrap_or(written).to_owned())
}

/// There is no such post; the nearest id is named.
fn unknown(campaign: &Campaign, id: &str, staged: &Staged) -> anyhow::Error {
    if let Some(mistake) = campaign.unreadable.get(id) {
        return anyhow!("{mistake}; {id} is left out until that is mended");
    }
    if let Some(copy) = staged.copied.iter().find(|copy| copy.file.as_str() == id) {
        let queued = &copy.queued;
        return anyhow!("the file of {id} says the same as {queued} of the queue and stays out: the post is {queued}");
    }
    let names = staged.posts.iter().map(|post| post.id.as_str());
    let lower = id.to_lowercase();
    let likeness = |name: &str| strsim::jaro_winkler(&name.to_lowercase(), &lower);
    let best = names.max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let hint = best.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
    anyhow!("there is no post {id:?}{hint} `watchpost queue list` shows them all")
}
