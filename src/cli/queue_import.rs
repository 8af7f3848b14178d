//! `watchpost queue import`: a spreadsheet's rows become posts of the queue. Everything that is wrong is said at once,
//! by row and cell; nothing comes in unless every row is right, or `--skip-bad` leaves the others out.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;

use super::import_page::{Ending, document, page};
use super::status::local;
use super::{copies, output, workplace};
use crate::campaign::finding::Level;
use crate::campaign::spreadsheet::{self, CellFinding, DateOrder, Sheet};
use crate::campaign::{self, Campaign};
use crate::core::ids::PostId;
use crate::core::intake::{Intake, Keeper, Register};
use crate::core::plan::{History, Window, plan};
use crate::core::post::{Post, Readiness, When};
use crate::store::intake::{TakenIn, Trial};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  watchpost queue import november.csv --dry-run\n  watchpost queue import november.csv\n  watchpost queue import november.csv --skip-bad --dates day-first\n\nThe first row names the columns: text, and any of date, time, account, status, media, alt … (also in Spanish). Reading the same table again adds nothing twice."
)]
pub struct ImportArgs {
    /// The table, saved as CSV (or as Unicode text).
    #[arg(value_name = "FILE.csv")]
    pub file: PathBuf,
    /// Only show what would come.
    #[arg(long)]
    pub dry_run: bool,
    /// Leave rows with mistakes out and take the others.
    #[arg(long)]
    pub skip_bad: bool,
    /// What stands first in dates such as 03/04/2027, where no other row shows it.
    #[arg(long, value_name = "ORDER")]
    pub dates: Option<Order>,
    /// One JSON document instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// What stands first in a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Order {
    /// 27/11/2026.
    DayFirst,
    /// 11/27/2026.
    MonthFirst,
}

/// How far ahead free slots are looked for.
const AHEAD: Duration = Duration::days(60);

/// Takes the table in. Exit code 1: some rows have mistakes.
///
/// # Errors
/// When the file is no table of posts or the database cannot be used: then nothing was imported.
pub async fn run(campaign: &Campaign, args: &ImportArgs, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let order = args.dates.map(|order| match order {
        Order::DayFirst => DateOrder::DayFirst,
        Order::MonthFirst => DateOrder::MonthFirst,
    });
    let mut sheet = spreadsheet::read(campaign, &args.file, order, now)?;
    let posts: Vec<Post> = sheet.rows.iter().filter_map(|row| row.post.clone()).collect();
    let known = look(campaign, posts, now).await?;
    let mut lines = lines_of(campaign, args, &mut sheet, known.taken, now);
    tell_copies(campaign, args, &mut sheet, &lines, now).await?;
    let bad = lines.iter().filter(|line| line.action == Action::Bad).count();
    let wanted = !args.dry_run && sheet.usable && (bad == 0 || args.skip_bad);
    let mut written = false;
    let good: Vec<Post> = lines.iter().filter(|line| line.comes()).filter_map(|line| line.post.clone()).collect();
    let caught_up = lines.iter().filter(|line| line.caught_up);
    let caught_up: Vec<Post> = caught_up.filter_map(|line| line.post.clone()).collect();
    if wanted && !caught_up.is_empty() {
        let store = workplace::store(campaign).await?;
        let noted = store.take_in(caught_up, campaign.posts.clone(), Trial::ForGood, now).await;
        store.close().await;
        noted?;
    }
    if wanted && !good.is_empty() {
        let store = workplace::store(campaign).await?;
        let taken = store.take_in(good, campaign.posts.clone(), Trial::ForGood, now).await;
        store.close().await;
        written = true;
        for (line, taken) in lines.iter_mut().filter(|line| line.comes()).zip(taken?) {
            match taken {
                TakenIn::Added(id) | TakenIn::Changed(id) => line.id = id,
                // Another import was quicker.
                TakenIn::Known(id, _) | TakenIn::EditedHere(id) | TakenIn::CaughtUp(id) => {
                    (line.id, line.action) = (id, Action::There);
                }
                TakenIn::Owned(id, _) | TakenIn::Gone(id) | TakenIn::EditedTwice(id) => {
                    (line.id, line.action) = (id, Action::Bad);
                    line.note = "it has changed meanwhile: import the table again".to_owned();
                }
            }
        }
    }
    times(campaign, &mut lines, known.plannable, &known.history, now);
    let ending = Ending { written, wanted, bad, usable: sheet.usable, dry_run: args.dry_run };
    if args.json {
        output::json(&document(campaign, &sheet, &lines, &ending))?;
    } else {
        output::text(&page(&sheet, &lines, &ending))?;
    }
    Ok(u8::from(lines.iter().any(|line| line.action == Action::Bad) || !sheet.usable))
}

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Action {
    New,
    Changed,
    /// It is in the queue already.
    There,
    /// It has mistakes.
    Bad,
}

pub(super) struct Line {
    pub(super) row: usize,
    pub(super) line: usize,
    pub(super) id: PostId,
    pub(super) action: Action,
    /// It has come to say what `queue edit` made of its post; that is noted down.
    caught_up: bool,
    pub(super) post: Option<Post>,
    pub(super) words: String,
    pub(super) note: String,
    pub(super) when: String,
    pub(super) at: Option<DateTime<Utc>>,
}

impl Line {
    fn comes(&self) -> bool {
        matches!(self.action, Action::New | Action::Changed)
    }
}

/// What the database knows.
struct Known {
    taken: Vec<TakenIn>,
    plannable: Vec<Arc<Post>>,
    history: History,
}

async fn look(campaign: &Campaign, posts: Vec<Post>, now: DateTime<Utc>) -> anyhow::Result<Known> {
    if let Some(store) = workplace::store_if_any(campaign).await? {
        let taken = store.take_in(posts, campaign.posts.clone(), Trial::LookOnly, now).await?;
        let (staged, history) = (workplace::staged(campaign, Some(&store)).await?, store.history(now).await?);
        store.close().await;
        return Ok(Known { taken, plannable: staged.plannable(), history });
    }
    let mut register = Register::new(&campaign.posts, &[], &[]);
    let mut taken = Vec::new();
    for (at, post) in posts.iter().enumerate() {
        taken.push(match register.take(post, at) {
            Intake::New => TakenIn::Added(post.id.clone()),
            Intake::Changed(id) => TakenIn::Changed(id),
            Intake::Known(id, keeper) => TakenIn::Known(id, keeper),
            Intake::Owned(id, keeper) => TakenIn::Owned(id, keeper),
            Intake::EditedHere(id) => TakenIn::EditedHere(id),
            Intake::CaughtUp(id) => TakenIn::CaughtUp(id),
            Intake::EditedTwice(id) => TakenIn::EditedTwice(id),
        });
    }
    let plannable = workplace::staged(campaign, None).await?.plannable();
    Ok(Known { taken, plannable, history: History::default() })
}

/// Each row with what becomes of it; what is wrong beside its cells joins the findings.
fn lines_of(
    campaign: &Campaign,
    args: &ImportArgs,
    sheet: &mut Sheet,
    taken: Vec<TakenIn>,
    now: DateTime<Utc>,
) -> Vec<Line> {
    let good: Vec<usize> = sheet.rows.iter().filter(|row| row.post.is_some()).map(|row| row.row).collect();
    let row_at = |place: usize| good.get(place).copied().unwrap_or_default();
    let mut taken = taken.into_iter();
    let mut more = Vec::new();
    let mut lines = Vec::new();
    for row in &sheet.rows {
        let mut line = Line {
            row: row.row,
            line: row.line,
            id: PostId::new(""),
            action: Action::Bad,
            caught_up: false,
            post: row.post.clone(),
            words: row.words.clone(),
            note: String::new(),
            when: String::new(),
            at: None,
        };
        let mut wrong = None;
        if let Some(taken) = row.post.as_ref().and_then(|_| taken.next()) {
            (line.id, line.action) = match taken {
                TakenIn::Added(id) => (id, Action::New),
                TakenIn::Changed(id) => (id, Action::Changed),
                TakenIn::Known(id, keeper) => {
                    line.note = match keeper {
                        Keeper::Row(place) => format!("the same as row {}", row_at(place)),
                        Keeper::File => format!("posts/{id}.md says it"),
                        Keeper::Queue if row.post.as_ref().is_some_and(|post| post.id == id) => String::new(),
                        Keeper::Queue => format!("it is {id}"),
                    };
                    (id, Action::There)
                }
                TakenIn::EditedHere(id) => {
                    line.note = "edited here since (`queue edit`)".to_owned();
                    (id, Action::There)
                }
                TakenIn::CaughtUp(id) => {
                    line.caught_up = true;
                    (id, Action::There)
                }
                TakenIn::EditedTwice(id) => {
                    wrong = Some((
                        format!("`{id}` was edited in the queue (`queue edit`) since this row was read last"),
                        "write into the row what `watchpost queue show` shows now, or bring the row's words in with `watchpost queue edit`",
                    ));
                    (id, Action::Bad)
                }
                TakenIn::Owned(id, keeper) => {
                    wrong = Some(match keeper {
                        Keeper::Row(place) => {
                            (format!("the id `{id}` is also that of row {}", row_at(place)), "give each row its own id")
                        }
                        Keeper::File | Keeper::Queue => (
                            format!("the post `{id}` stands in a file under posts/, and says something else there"),
                            "edit the file, or give the row another id",
                        ),
                    });
                    (id, Action::Bad)
                }
                TakenIn::Gone(id) => {
                    let words = format!("`{id}` has gone out already and cannot be changed");
                    wrong = Some((words, "leave the row as it was, or give it another id to say something new"));
                    (id, Action::Bad)
                }
            };
        }
        if let Some(post) = row.post.as_ref().filter(|_| line.comes()) {
            line.at = match &post.when {
                When::At(moment) => Some(moment.resolve(campaign.zone).instant),
                When::Every(_) | When::Evergreen | When::NextSlot => None,
            };
            if line.at.is_some_and(|at| at < now) && post.readiness != Readiness::Draft {
                wrong = Some(("its time has passed".to_owned(), "write a later time, or take the row out"));
                line.action = Action::Bad;
            }
        }
        more.extend(wrong.map(|(message, hint)| CellFinding {
            file: args.file.clone(),
            row: row.row,
            line: row.line,
            cell: None,
            column: None,
            level: Level::Error,
            message,
            hint: Some(hint.to_owned()),
        }));
        lines.push(line);
    }
    // Nobody needs to be warned of rows that stay as they are.
    let stays: BTreeSet<usize> =
        lines.iter().filter(|line| line.action == Action::There).map(|line| line.row).collect();
    let passed: BTreeSet<usize> = more.iter().map(|finding| finding.row).collect();
    let silent = |finding: &CellFinding| stays.contains(&finding.row) || passed.contains(&finding.row);
    sheet.findings.retain(|finding| finding.level == Level::Error || !silent(finding));
    sheet.findings.extend(more);
    sheet.findings.sort_by_key(|finding| finding.row);
    lines
}

/// Warns of rows that say nearly what somebody says already, as `check` and `queue add` do.
async fn tell_copies(
    campaign: &Campaign,
    args: &ImportArgs,
    sheet: &mut Sheet,
    lines: &[Line],
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let coming = lines.iter().filter(|line| line.comes()).filter_map(|line| {
        let replaces = (line.action == Action::Changed).then_some(&line.id);
        Some(copies::Coming { row: line.row, replaces, post: line.post.as_ref()? })
    });
    let coming: Vec<copies::Coming<'_>> = coming.collect();
    let store = workplace::store_if_any(campaign).await?;
    let told = copies::of_rows(campaign, store.as_ref(), &coming, now).await;
    if let Some(store) = store {
        store.close().await;
    }
    let places: HashMap<usize, usize> = lines.iter().map(|line| (line.row, line.line)).collect();
    let warning = |(row, message): (usize, String)| CellFinding {
        file: args.file.clone(),
        row,
        line: places.get(&row).copied().unwrap_or_default(),
        cell: None,
        column: None,
        level: Level::Warning,
        message,
        hint: Some("followers and servers take near copies for spam: word it differently, or keep one".to_owned()),
    };
    sheet.findings.extend(told?.into_iter().map(warning));
    sheet.findings.sort_by_key(|finding| finding.row);
    Ok(())
}

/// Says when each post goes out: its own time, or the slot the plan would give it.
fn times(campaign: &Campaign, lines: &mut [Line], plannable: Vec<Arc<Post>>, history: &History, now: DateTime<Utc>) {
    let mut posts = plannable;
    let changed: BTreeSet<PostId> = lines.iter().filter(|line| line.comes()).map(|line| line.id.clone()).collect();
    posts.retain(|post| !changed.contains(&post.id));
    let key = |line: &Line| PostId::new(format!("row {}", line.row));
    let coming = lines.iter().filter(|line| line.comes());
    posts.extend(coming.filter_map(|line| Some(Arc::new(Post { id: key(line), ..line.post.clone()? }))));
    let window = Window { at_from: now, every_from: now, slots_from: now, until: now + AHEAD };
    let calendar = plan(&posts, &campaign::plan_accounts(campaign), campaign.zone, history, window);
    let mut first: HashMap<PostId, DateTime<Utc>> = HashMap::new();
    for planned in calendar.planned {
        first.entry(planned.post).or_insert(planned.at);
    }
    for line in lines.iter_mut() {
        let Some(post) = &line.post else { continue };
        let place = first.get(&key(line)).copied();
        line.at = line.at.or(place);
        let time = line.at.map(|at| local(at, campaign.zone));
        line.when = match (post.readiness, &post.when, time) {
            (_, When::At(moment), None) => local(moment.resolve(campaign.zone).instant, campaign.zone),
            (Readiness::Ready, When::At(_) | When::NextSlot, Some(time)) => time,
            (Readiness::Draft | Readiness::Review, When::At(_), Some(time)) => time,
            (_, When::Every(slot), _) => format!("every {}", slot.written()),
            (_, When::Evergreen, _) => "evergreen".to_owned(),
            (_, When::NextSlot, _) => "a free slot".to_owned(),
        };
        if line.note.is_empty() {
            line.note = match post.readiness {
                Readiness::Ready => String::new(),
                Readiness::Review => "waits for approval".to_owned(),
                Readiness::Draft => "a draft".to_owned(),
            };
        }
    }
}
