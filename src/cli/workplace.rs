//! What most commands begin with: the campaign, read or refused with every mistake, and its database.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::bail;
use chrono::{DateTime, Utc};

use crate::campaign::finding::{Finding, Level};
use crate::campaign::{self, Campaign, Loaded};
use crate::clock::Dice;
use crate::core::ids::{AccountName, PostId};
use crate::core::plan::repeated::SaidTexts;
use crate::core::plan::{AccountCalendar, History, Plan, Window};
use crate::core::plural::many;
use crate::core::post::Post;
use crate::jobs;
use crate::jobs::staging::{self, Prints, Staged};
use crate::store::said::print_of;
use crate::store::{Place, Role, Store};

/// Reads the campaign; when it cannot be used, says everything that is wrong with it.
pub(super) fn campaign(root: &Path, now: DateTime<Utc>) -> anyhow::Result<(Campaign, Vec<Finding>)> {
    usable(root, campaign::load_quickly(root, now)?)
}

/// Reads the campaign for a command that needs its settings only: a slip in what mentions are answered with must not keep
/// staff from pausing.
pub(super) fn settings(root: &Path, now: DateTime<Utc>) -> anyhow::Result<Campaign> {
    let (campaign, findings) = usable(root, campaign::load_settings(root, now)?)?;
    let answers = |finding: &&Finding| finding.level == Level::Error && finding.file.starts_with("config");
    if let Some(first) = findings.iter().find(answers) {
        tracing::warn!(
            "{first}; a program that runs answers with what it read before, `watchpost check` names every mistake"
        );
    }
    Ok(campaign)
}

fn usable(root: &Path, loaded: Loaded) -> anyhow::Result<(Campaign, Vec<Finding>)> {
    match loaded.campaign {
        Some(campaign) => Ok((campaign, loaded.findings)),
        None => {
            let errors = loaded.findings.iter().filter(|finding| finding.level == Level::Error);
            let lines: Vec<String> = errors.map(|finding| format!("  {finding}")).collect();
            bail!("the campaign in {} has mistakes:\n{}", root.display(), lines.join("\n"))
        }
    }
}

/// The same for what must work at any time, because it stops something or shows what goes on: a campaign with mistakes is
/// taken as far as it can be read, and what is wrong is told on stderr. The second says whether that was so.
pub(super) async fn campaign_to_stop(root: &Path, now: DateTime<Utc>) -> anyhow::Result<(Campaign, bool)> {
    let refused = match campaign(root, now) {
        Ok((campaign, _)) => return Ok((campaign, false)),
        Err(refused) => refused,
    };
    if let Ok(campaign) = settings(root, now) {
        return Ok((campaign, true));
    }
    let Some(campaign) = campaign::load_to_stop(root, now)? else { return Err(refused) };
    // Whoever makes a database by saying stop to it stops nobody.
    if !Store::exists(&place(&campaign)).await? {
        return Err(refused);
    }
    tracing::warn!("{refused}\na daemon that runs goes on with what it read before; this works all the same");
    Ok((campaign, true))
}

/// Says on stderr that posts are left out of what is shown.
pub(super) fn tell_left_out(campaign: &Campaign) {
    let count = campaign.unreadable.len();
    if count > 0 {
        let (files, have) = (many(count, "post file"), if count == 1 { "has" } else { "have" });
        tracing::warn!(
            "{files} {have} mistakes and stay out of the queue until they are mended: `watchpost check` names them"
        );
    }
}

/// Where the campaign's database is.
pub(super) fn place(campaign: &Campaign) -> Place {
    Place::new(&campaign.store_url, &campaign.root)
}

/// Opens the campaign's database beside a daemon that may be running; makes it when it is not there.
pub(super) async fn store(campaign: &Campaign) -> anyhow::Result<Store> {
    let (store, _) = Store::open(&place(campaign), Role::Visitor, &mut Dice::from_system()).await?;
    Ok(store)
}

/// The posts of the campaign with what staff decided about them.
pub(super) async fn staged(campaign: &Campaign, store: Option<&Store>) -> anyhow::Result<Staged> {
    let (files, rule, zone) = (&campaign.posts, campaign.approval, campaign.zone);
    match store {
        Some(store) => Ok(staging::stage(store, files, rule, zone, &Prints::default()).await?),
        None => Ok(staging::stage_files(files, rule, zone)),
    }
}

/// What the daemon knows when it plans at `now`, and which times it plans, up to `until`: what is late is among them.
pub(super) async fn outlook(
    store: Option<&Store>,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> anyhow::Result<(History, Window)> {
    match store {
        Some(store) => Ok((store.history(now).await?, jobs::plan::window(store, now, until).await?)),
        None => {
            let at_from = DateTime::<Utc>::MIN_UTC;
            Ok((History::default(), Window { at_from, every_from: now, slots_from: now, until }))
        }
    }
}

/// What accounts said lately, as the daemon asks when it makes a row.
pub(super) async fn said(store: Option<&Store>, now: DateTime<Utc>) -> anyhow::Result<SaidTexts> {
    match store {
        Some(store) => Ok(store.said_texts(now).await?),
        None => Ok(SaidTexts::default()),
    }
}

/// Puts what the ledger will hold for having been said aside.
pub(super) fn foresee(
    plan: &mut Plan,
    posts: &[Arc<Post>],
    accounts: &[AccountCalendar],
    said: &SaidTexts,
    now: DateTime<Utc>,
) {
    let posts: HashMap<&PostId, &Post> = posts.iter().rev().map(|post| (&post.id, post.as_ref())).collect();
    let accounts: HashMap<&AccountName, &AccountCalendar> =
        accounts.iter().map(|account| (&account.name, account)).collect();
    // A post that comes round often has its print once.
    let prints: RefCell<HashMap<(PostId, Option<usize>), String>> = RefCell::new(HashMap::new());
    let print = |account: &AccountName, post: &PostId| {
        let (post, account) = (posts.get(post)?, accounts.get(account)?);
        let speaks = account.speaks.as_ref();
        let text = || post.words_for(&account.name, speaks).0.first();
        let key = (post.id.clone(), post.variant_for(&account.name, speaks));
        let mut prints = prints.borrow_mut();
        if let Some(known) = prints.get(&key) {
            return Some(known.clone());
        }
        let print = print_of(text()?);
        prints.insert(key, print.clone());
        Some(print)
    };
    plan.foresee(said.clone(), print, now, jobs::plan::HORIZON);
}

/// The campaign's database, but only if there is one: looking makes nothing.
pub(super) async fn store_if_any(campaign: &Campaign) -> anyhow::Result<Option<Store>> {
    if Store::exists(&place(campaign)).await? { Ok(Some(store(campaign).await?)) } else { Ok(None) }
}
