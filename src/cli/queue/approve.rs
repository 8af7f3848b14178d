//! `watchpost queue approve` and `reject`: somebody's word on a post, kept with their name, the time and what exactly
//! they saw.

use anyhow::bail;
use chrono::{DateTime, Utc};

use super::unknown;
use crate::campaign::Campaign;
use crate::cli::status::local;
use crate::cli::{output, workplace};
use crate::core::approval::{Approval, ApprovalRule, Standing, Verdict, Why, same_person};
use crate::core::post::{Post, Readiness, When};
use crate::jobs::staging::{Prints, content_of};

/// What to agree to.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  watchpost queue approve 010-ring-partnerships --by Ada\n  watchpost queue approve 010-ring-partnerships --by Ada --note \"after the second look\""
)]
pub struct ApproveArgs {
    /// A post's id.
    #[arg(value_parser = super::post_id)]
    pub id: String,
    /// Your name.
    #[arg(long, value_name = "NAME")]
    pub by: String,
    /// A note for the others.
    #[arg(long, value_name = "WORDS", default_value = "")]
    pub note: String,
}

/// What to send back.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  watchpost queue reject 010-ring-partnerships --by Ada --note \"the number is of 2021\""
)]
pub struct RejectArgs {
    /// A post's id.
    #[arg(value_parser = super::post_id)]
    pub id: String,
    /// Your name.
    #[arg(long, value_name = "NAME")]
    pub by: String,
    /// What must be changed.
    #[arg(long, value_name = "WORDS")]
    pub note: String,
}

/// Keeps somebody's word on a post.
///
/// # Errors
/// When there is no such post, or the word would change nothing; the message says why.
pub(super) async fn run(
    campaign: &Campaign,
    id: &str,
    verdict: Verdict,
    by: &str,
    note: &str,
    now: DateTime<Utc>,
) -> anyhow::Result<u8> {
    if by.trim().is_empty() {
        bail!("--by is empty: say who you are, as the others call you");
    }
    if verdict == Verdict::Rejected && note.trim().is_empty() {
        bail!("--note is empty: say what must be changed");
    }
    let store = workplace::store(campaign).await?;
    let staged = workplace::staged(campaign, Some(&store)).await?;
    let Some(post) = staged.post(id) else { return Err(unknown(campaign, id, &staged)) };
    let stands = staged.standings.get(&post.id).unwrap_or(&Standing::NotAsked);
    let said = match refused(campaign, post, stands, verdict, by, now) {
        Some(Refused::Done(words)) => words,
        Some(Refused::Wrong(words)) => bail!("{words}"),
        None => {
            let said = Approval {
                verdict,
                by: by.trim().to_owned(),
                note: note.trim().to_owned(),
                content: content_of(post, &Prints::default()),
                at: now,
            };
            store.keep_approval(&post.id, &said).await?;
            match verdict {
                Verdict::Approved => format!("{id} approved by {}: {}", said.by, goes(post, campaign)),
                Verdict::Rejected => format!("{id} rejected by {}: it waits until it is changed", said.by),
            }
        }
    };
    store.close().await;
    output::text(&format!("{said}\n"))?;
    Ok(0)
}

enum Refused {
    /// It is so already.
    Done(String),
    /// It cannot be.
    Wrong(String),
}

fn refused(
    campaign: &Campaign,
    post: &Post,
    stands: &Standing,
    verdict: Verdict,
    by: &str,
    now: DateTime<Utc>,
) -> Option<Refused> {
    let id = &post.id;
    match (stands, verdict) {
        (Standing::NotAsked, _) if post.readiness == Readiness::Draft => {
            return Some(Refused::Wrong(format!(
                "{id} is a draft: whoever writes it sets `status: review` when it is done"
            )));
        }
        (Standing::NotAsked, Verdict::Approved) => {
            return Some(Refused::Done(format!("{id} needs no approval: {}", goes(post, campaign))));
        }
        (Standing::NotAsked, Verdict::Rejected) => {
            return Some(Refused::Wrong(format!(
                "{id} waits for nobody's approval; `watchpost queue hold {id}` keeps it back"
            )));
        }
        (Standing::Approved { by, .. }, Verdict::Approved) => {
            return Some(Refused::Done(format!("{id} was approved by {by} already: {}", goes(post, campaign))));
        }
        (Standing::Waits(Why::NoAuthor), Verdict::Approved) => {
            return Some(Refused::Wrong(format!("{id} cannot be approved: {}", Why::NoAuthor.words())));
        }
        // Whoever wanted it changed may think again; nobody else overrules them unseen.
        (Standing::Waits(Why::Rejected(last)), Verdict::Approved) if !same_person(&last.by, by) => {
            return Some(Refused::Wrong(format!(
                "{} rejected {id} on {}: {}. It waits until it is changed: edit it, and then it can be approved; or {} approves it after all",
                last.by,
                local(last.at, campaign.zone),
                last.note,
                last.by
            )));
        }
        (Standing::Approved { .. } | Standing::Waits(_), Verdict::Approved | Verdict::Rejected) => {}
    }
    if verdict == Verdict::Rejected {
        return None;
    }
    if let Some(author) = post.author.as_deref().filter(|author| same_person(author, by))
        && campaign.approval == ApprovalRule::TwoPerson
    {
        return Some(Refused::Wrong(Why::Own(author.to_owned()).words()));
    }
    if let When::At(moment) = &post.when {
        let at = moment.resolve(campaign.zone).instant;
        if at < now {
            return Some(Refused::Wrong(format!(
                "the time of {id}, {}, has passed: what is approved too late is not sent. Give it a new time first",
                local(at, campaign.zone)
            )));
        }
    }
    None
}

fn goes(post: &Post, campaign: &Campaign) -> String {
    match &post.when {
        When::At(moment) => {
            format!("it goes out {}", local(moment.resolve(campaign.zone).instant, campaign.zone))
        }
        When::Every(slot) => format!("it goes out every {}", slot.written()),
        When::NextSlot => "it takes the next free slot".to_owned(),
        When::Evergreen => "it fills free slots".to_owned(),
    }
}
