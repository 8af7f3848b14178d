//! `watchpost plan`: its arguments and what it knows; [`super::plan`] draws it.

use std::path::Path;

use anyhow::Context;
use chrono::{DateTime, Utc};

use super::{moments, plan, plan_notes, workplace};
use crate::core::plan::repeated::SaidTexts;
use crate::core::plan::{History, Window};
use crate::core::post::Post;
use crate::core::schedule::days_later;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  watchpost plan\n  watchpost plan --days 30\n  watchpost plan --from \"2027-01-01 00:00\" --json\n  watchpost plan --days 30 --json --gaps\n  watchpost plan --list\n  watchpost plan --days 90 --ics > calendar.ics"
)]
pub struct Args {
    /// How many days of the calendar to show.
    #[arg(long, default_value_t = 7, value_name = "N", allow_negative_numbers = true, value_parser = days)]
    pub days: u32,
    /// Play the calendar as if now were this time: "2026-12-01 09:00" in the campaign's zone, a day alone, or RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// One line for each occurrence, with the posts' ids, instead of the week calendar.
    #[arg(long, conflicts_with_all = ["json", "ics"])]
    pub list: bool,
    /// One JSON document instead of a page.
    #[arg(long, conflicts_with = "ics")]
    pub json: bool,
    /// With --json: one document with what goes out, slots that stay empty, what is not ready, and what waits.
    #[arg(long, requires = "json")]
    pub gaps: bool,
    /// A file for calendar programs; `watchpost queue export --format ics` keeps one up to date.
    #[arg(long)]
    pub ics: bool,
}

fn days(written: &str) -> Result<u32, String> {
    match written.parse::<u32>() {
        Ok(days) if days > 0 => Ok(days),
        _ => Err("write a whole number of days, 1 or more; `--from TIME` begins at another time".to_owned()),
    }
}

/// Shows the plan. What the database knows was sent is not planned again; `--from` a time in the past plays the
/// calendar as if nothing had been sent yet.
///
/// # Errors
/// When the campaign has mistakes in its settings, or `--from` is no time.
pub async fn run(root: &Path, args: &Args, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let (mut campaign, _) = workplace::campaign(root, now)?;
    workplace::tell_left_out(&campaign);
    let from = match &args.from {
        Some(written) => moments::instant("from", written, campaign.zone)?,
        None => now,
    };
    let until = days_later(from, args.days, campaign.zone)
        .with_context(|| format!("{} days from {from} is beyond the calendar; ask for fewer days", args.days))?;
    let store = workplace::store_if_any(&campaign).await?;
    let staged = workplace::staged(&campaign, store.as_ref()).await?;
    // Another time than now: what is late now is of another day.
    let as_if = Window { at_from: from, every_from: from, slots_from: from, until };
    let (mut history, window) = match args.from {
        None => workplace::outlook(store.as_ref(), now, until).await?,
        Some(_) if from >= now => (workplace::outlook(store.as_ref(), now, until).await?.0, as_if),
        Some(_) => (History::default(), as_if),
    };
    if args.from.is_some() {
        history.overdue.clear();
    }
    let mut kept_back = Vec::new();
    let mut said = SaidTexts::default();
    if let Some(store) = store {
        if from >= now {
            said = workplace::said(Some(&store), now).await?;
        }
        if args.from.is_none() {
            kept_back = plan_notes::waiting_for_a_person(&store, &staged).await?;
        }
        store.close().await;
    }
    let held = staged.held();
    let of_staff = held.iter().map(|post: &Post| plan_notes::held(post, &staged.reason(&post.id)));
    let kept_back = of_staff.chain(kept_back).collect();
    let known = plan::Known { history, window, held, kept_back, said, days: args.days };
    campaign.posts = staged.plannable();
    let form = match args {
        Args { json: true, gaps: true, .. } => plan::Form::Gaps,
        Args { json: true, .. } => plan::Form::Json,
        Args { ics: true, .. } => plan::Form::Ics,
        Args { list: true, .. } => plan::Form::List,
        Args { .. } => plan::Form::Week,
    };
    plan::run(&campaign, &known, form, now)?;
    // The program ends here: taking a hundred thousand posts apart again would only make somebody wait.
    std::mem::forget((campaign, staged, known));
    Ok(0)
}
