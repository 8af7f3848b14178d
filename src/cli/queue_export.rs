//! `watchpost queue export`: the queue for other programs. A spreadsheet and post files come back as the same queue; a
//! calendar is for looking.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use chrono::{DateTime, Duration, Utc};

use super::calendar_file::{self, Entry, calendar};
use super::file_out::{Replace, write_all};
use super::{output, plan_notes, workplace};
use crate::campaign::markdown::post_files;
use crate::campaign::{self, Campaign, spreadsheet};
use crate::core::delivery::State;
use crate::core::ids::{AccountName, PostId};
use crate::core::intake::Keeper;
use crate::core::plan::{Plan, plan};
use crate::core::plural::many;
use crate::core::post::{DEFAULT_EXPIRY, Post, Readiness, When};
use crate::core::schedule::days_later;
use crate::store::deliveries::{Delivery, Of};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  watchpost queue export --out queue.csv\n  watchpost queue export --format ics --out calendar.ics\n  watchpost queue export --format md --out saved-posts\n\nA spreadsheet (CSV) can be changed and read again with `watchpost queue import`. A calendar (ICS) may be written again and again by a timer; calendar programs subscribe to it."
)]
pub struct ExportArgs {
    /// What to write.
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    pub format: Format,
    /// Where to: a file, or a folder for md. Without it csv and ics go to the terminal.
    #[arg(long, value_name = "FILE|DIR")]
    pub out: Option<PathBuf>,
    /// Only what goes out within so many days; a calendar without it shows 60.
    #[arg(long, value_name = "N")]
    pub days: Option<u32>,
    /// Replace files that are there, whoever wrote them.
    #[arg(long)]
    pub overwrite: bool,
}

/// The forms a queue can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A spreadsheet, for other programs and back.
    Csv,
    /// A calendar to subscribe to.
    Ics,
    /// Post files, as under posts/.
    Md,
}

/// A calendar keeps what went out in the last days.
const LATELY: Duration = Duration::days(30);
const CALENDAR_DAYS: u32 = 60;
const ROWS_AT_MOST: i64 = 10_000;

/// Writes the queue.
///
/// # Errors
/// When the database cannot be read, or a file is in the way: then nothing was written.
pub async fn run(campaign: &Campaign, args: &ExportArgs, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let queue = look(campaign, args.days, now).await?;
    let out = args.out.as_ref().map(std::path::absolute).transpose().context("--out is no path")?;
    let folder = out.as_deref().and_then(Path::parent);
    let files = match args.format {
        Format::Csv => {
            let posts: Vec<&Post> = queue.posts.iter().map(|(post, _)| post).collect();
            let bytes = spreadsheet::write(&posts, &campaign.root, folder).context("cannot make the table")?;
            one_file(args, bytes)?
        }
        Format::Ics => one_file(args, queue.calendar(campaign, now).into_bytes())?,
        Format::Md => {
            let Some(out) = &args.out else { bail!("name the folder for the post files: --out saved-posts") };
            let posts: Vec<(&Post, Keeper)> = queue.posts.iter().map(|(post, keeper)| (post, *keeper)).collect();
            let files = post_files(&campaign.root, &posts);
            let files: Vec<(PathBuf, Vec<u8>)> =
                files.into_iter().map(|file| (out.join(file.path), file.text.into_bytes())).collect();
            tell_others(out, &files)?;
            files
        }
    };
    if files.is_empty() {
        return Ok(0);
    }
    let replace = if args.overwrite { Replace::Any } else { Replace::Ours };
    // A calendar of ours holds nobody's work; a spreadsheet may hold what staff wrote into it.
    let ours =
        |there: &[u8]| args.format == Format::Ics && String::from_utf8_lossy(there).contains(calendar_file::MADE_BY);
    write_all(&files, replace, ours)?;
    let (count, place) = (queue.posts.len(), args.out.clone().unwrap_or_default());
    output::text(&match args.format {
        Format::Csv => format!("{} written to {}\n", many(count, "post"), place.display()),
        Format::Ics => {
            format!("{} written to {}\n", many(queue.coming.planned.len(), "occurrence"), place.display())
        }
        Format::Md => {
            let posts = many(count, "post");
            format!(
                "{posts} written into {}; in the folder posts/ of another campaign they are the queue, here they stay out as \
                 copies while the queue says the same\n",
                place.display()
            )
        }
    })?;
    if queue.held > 0 && args.format != Format::Ics {
        let (posts, as_what) = if queue.held == 1 { ("post is", "a draft") } else { ("posts are", "drafts") };
        output::text(&format!("{} {posts} held here, and written as {as_what}\n", queue.held))?;
    }
    if count > spreadsheet::MOST_ROWS && args.format == Format::Csv {
        let most = spreadsheet::MOST_ROWS;
        output::text(&format!("`queue import` reads {most} rows at most: --days N writes a part, --format md all\n"))?;
    }
    Ok(0)
}

/// Refuses a folder with other posts in it, of an earlier export for example: they would go out with these.
fn tell_others(out: &Path, files: &[(PathBuf, Vec<u8>)]) -> anyhow::Result<()> {
    let written: HashSet<&Path> = files.iter().map(|(path, _)| path.as_path()).collect();
    let mut others = Vec::new();
    let mut folders = vec![out.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "md") && !written.contains(path.as_path()) {
                others.push(path);
            }
        }
    }
    others.sort();
    let Some(first) = others.first() else { return Ok(()) };
    bail!(
        "nothing was written: {} holds {} that are not of this queue as it stands, such as {}, and they would go out with \
         it. Empty the folder, or name another with --out",
        out.display(),
        many(others.len(), "post file"),
        first.display()
    )
}

fn one_file(args: &ExportArgs, bytes: Vec<u8>) -> anyhow::Result<Vec<(PathBuf, Vec<u8>)>> {
    match &args.out {
        Some(file) if file.is_dir() => bail!("{} is a folder: name a file in it", file.display()),
        Some(file) => Ok(vec![(file.clone(), bytes)]),
        None => {
            output::as_it_is(&String::from_utf8_lossy(&bytes))?;
            Ok(Vec::new())
        }
    }
}

/// What is still to be said, and the plan of it.
struct Queue {
    /// As written, where staff put them, each with who keeps it.
    posts: Vec<(Post, Keeper)>,
    coming: Plan,
    lately: Vec<Delivery>,
    /// How many of the posts staff hold.
    held: usize,
}

/// Looks at files and database.
async fn look(campaign: &Campaign, days: Option<u32>, now: DateTime<Utc>) -> anyhow::Result<Queue> {
    let (mut lately, mut queued) = (Vec::new(), Vec::<Arc<Post>>::new());
    let mut gone: HashSet<PostId> = HashSet::new();
    let store = workplace::store_if_any(campaign).await?;
    let staged = workplace::staged(campaign, store.as_ref()).await?;
    if let Some(store) = &store {
        queued = store.queued_posts().await?.into_iter().map(Arc::new).collect();
        lately = store.deliveries_between(now - LATELY, now, ROWS_AT_MOST).await?;
    }
    let states = match &store {
        Some(store) => store.states_by_post().await?,
        None => HashMap::new(),
    };
    for post in campaign.posts.iter().chain(&queued) {
        let rows = states.get(&post.id).filter(|_| once(post)).map(Vec::as_slice).unwrap_or_default();
        if staged.mark(&post.id) == Some(State::Cancelled) || is_done(post, rows, campaign, now) {
            gone.insert(post.id.clone());
        }
    }
    let until =
        days_later(now, days.unwrap_or(CALENDAR_DAYS), campaign.zone).context("--days is beyond the calendar")?;
    let (history, window) = workplace::outlook(store.as_ref(), now, until).await?;
    let said = workplace::said(store.as_ref(), now).await?;
    if let Some(store) = store {
        store.close().await;
    }
    // Their words are as written; their order is as staff put them.
    let kept = |keeper| move |post: &Arc<Post>| (post.id.clone(), (Post::clone(post), keeper));
    let mut written: HashMap<PostId, (Post, Keeper)> = queued.iter().map(kept(Keeper::Queue)).collect();
    written.extend(campaign.posts.iter().map(kept(Keeper::File)));
    let in_order = |post: &Arc<Post>| {
        let (own, keeper) = written.remove(&post.id)?;
        // What staff hold must not go out because it moved: elsewhere nobody knows that it is held.
        let held = staged.mark(&post.id) == Some(State::Held);
        let readiness = if held { Readiness::Draft } else { own.readiness };
        (!gone.contains(&own.id)).then(|| (Post { order: post.order.clone(), readiness, ..own }, keeper))
    };
    let mut posts: Vec<(Post, Keeper)> = staged.posts.iter().filter_map(in_order).collect();
    let accounts = campaign::plan_accounts(campaign);
    let plannable = staged.plannable();
    let mut coming = plan(&plannable, &accounts, campaign.zone, &history, window);
    workplace::foresee(&mut coming, &plannable, &accounts, &said, now);
    let late: Vec<_> = plan_notes::leaving(&coming).collect();
    coming.planned.splice(0..0, late);
    if days.is_some() {
        let named: HashSet<&PostId> = coming.planned.iter().map(|planned| &planned.post).collect();
        posts.retain(|(post, _)| named.contains(&post.id));
    }
    let held = posts.iter().filter(|(post, _)| staged.mark(&post.id) == Some(State::Held)).count();
    Ok(Queue { posts, coming, lately, held })
}

fn once(post: &Post) -> bool {
    matches!(post.when, When::At(_) | When::NextSlot)
}

/// Whether nothing more will come of a post by itself.
pub(super) fn is_done(post: &Post, rows: &[(AccountName, State)], campaign: &Campaign, now: DateTime<Utc>) -> bool {
    let ended = |(_, state): &(AccountName, State)| matches!(state, State::Sent | State::Verified | State::Expired);
    // What staff cancelled has its mark; a row is cancelled too when its post is a draft for a while.
    let counts = |(_, state): &&(AccountName, State)| *state != State::Cancelled;
    let audience = campaign.accounts.iter().map(|account| &account.name);
    let mut audience = audience.filter(|name| post.accounts.is_empty() || post.accounts.contains(name)).peekable();
    if audience.peek().is_some()
        && audience.all(|name| {
            let mut own = rows.iter().filter(|(account, _)| account == name).filter(counts).peekable();
            own.peek().is_some() && own.all(ended)
        })
    {
        return true;
    }
    let When::At(moment) = &post.when else { return false };
    let at = moment.resolve(campaign.zone).instant;
    let expires = post.expires.map_or(at + DEFAULT_EXPIRY, |expires| expires.resolve(campaign.zone).instant);
    expires <= now && rows.iter().filter(counts).all(ended)
}

impl Queue {
    /// The plan and what went out lately, as a calendar.
    fn calendar(&self, campaign: &Campaign, now: DateTime<Utc>) -> String {
        let mut entries: Vec<Entry<'_>> = Vec::new();
        for row in &self.lately {
            let Of::Post { post, occurrence, part: 1, .. } = &row.of else { continue };
            if !matches!(row.state, State::Sent | State::Verified) {
                continue;
            }
            entries.push(Entry {
                at: row.sent_at.unwrap_or(row.due_at),
                account: &row.account,
                post,
                occurrence,
                parts: vec![row.payload.text.as_str()],
                cw: row.payload.cw.as_deref(),
                topic: row.topic.as_ref(),
                kind: "sent",
                tentative: false,
                url: row.url.as_deref(),
            });
        }
        entries.extend(entries_of(&self.coming, self.posts.iter().map(|(post, _)| post)));
        calendar(&campaign.name, campaign.zone, &entries, now)
    }
}

/// What is planned, as entries of a calendar.
pub(super) fn entries_of<'a>(coming: &'a Plan, posts: impl Iterator<Item = &'a Post>) -> Vec<Entry<'a>> {
    let by_id: HashMap<&PostId, &Post> = posts.map(|post| (&post.id, post)).collect();
    let entry = |planned: &'a crate::core::plan::Planned| {
        let post = by_id.get(&planned.post).copied()?;
        Some(Entry {
            at: planned.at,
            account: &planned.account,
            post: &planned.post,
            occurrence: &planned.occurrence,
            parts: post.parts.iter().map(String::as_str).collect(),
            cw: post.cw.as_deref(),
            topic: post.topic.as_ref(),
            kind: planned.kind.as_str(),
            tentative: false,
            url: None,
        })
    };
    coming.planned.iter().filter_map(entry).collect()
}
