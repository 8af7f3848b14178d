//! `watchpost demo`: the production app, the shipped campaign, a sandbox in the same process, invented followers, and
//! a clock that is wound from one post to the next. What is shown is read off the sandbox and the ledger, not staged:
//! only what followers say is written here ([`super::demo_story`]).

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, Utc};
use include_dir::{Dir, include_dir};
use serde::Serialize;

use super::demo_story::{self, Line};
use super::output;
use super::run::stop_signal;
use crate::app::{App, Setup};
use crate::campaign::{self, Campaign, TokenSource};
use crate::clock::{Clock, Dice};
use crate::core::ids::StatusId;
use crate::jobs::Voice;
use crate::sandbox::{NewAccount, Options, Part, Running, Sandbox, StatusSeen};
use crate::store::Store;

/// The shipped campaign, for a binary that stands alone. Its examples are left out: they would be a twentieth of the binary.
const CONFIG: [(&str, &str); 5] = [
    ("watchpost.toml", include_str!("../../config/watchpost.toml")),
    ("facts.toml", include_str!("../../config/facts.toml")),
    ("links.toml", include_str!("../../config/links.toml")),
    ("commands.toml", include_str!("../../config/commands.toml")),
    ("columns.toml", include_str!("../../config/columns.toml")),
];
static POSTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/posts");

/// How long one step of the story may take, in real time.
const STEP: Duration = Duration::from_secs(10);

/// Posts that `--once` waits for.
const POSTS_SHOWN: usize = 8;

/// While the demo goes on by itself, the clock is wound to the next post this often, in real time.
const WIND_EVERY: Duration = Duration::from_secs(20);

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  watchpost demo                 then open the address it prints, and ask something\n  watchpost demo --once          a minute at the most, with a summary\n  watchpost demo --once --json"
)]
pub struct Args {
    /// End by itself, with a summary.
    #[arg(long)]
    pub once: bool,
    /// Only the summary, as one JSON document; implies --once.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Serialize)]
struct Summary {
    posts_sent: usize,
    replies_sent: usize,
    mentions: usize,
    silent: usize,
    opted_out: usize,
    duplicates: usize,
    days_shown: i64,
}

/// Runs the demo.
///
/// # Errors
/// When there is no free port, or the temporary folder cannot be used.
pub async fn run(root: &Path, args: &Args) -> anyhow::Result<u8> {
    let workshop = Workshop::make()?;
    let outcome = show(root, args, &workshop.0).await;
    drop(workshop);
    outcome
}

async fn show(root: &Path, args: &Args, folder: &Path) -> anyhow::Result<u8> {
    let quiet = args.json;
    let clock = Clock::winding();
    let began = clock.now();
    let stop = stop_signal()?;
    let root = if root.join("config/watchpost.toml").exists() { root.to_path_buf() } else { unpack(folder)? };
    let loaded = campaign::load(&root, began)?;
    let mut campaign = loaded
        .campaign
        .with_context(|| format!("the campaign in {} has mistakes; `watchpost check` lists them", root.display()))?;
    let sandbox = Sandbox::start(Options::new(clock.clone())).await?;
    settle_in(&mut campaign, &sandbox, folder)?;
    say(quiet, &greeting(&campaign, &sandbox))?;
    let setup = Setup { clock: clock.clone(), dice: Dice::from_system(), voice: Voice::Live };
    let app = App::start(campaign.clone(), &loaded.findings, setup).await?;
    let stage = Stage {
        clock,
        sandbox: sandbox.handle(),
        store: app.ctx().store.clone(),
        campaign,
        shown: std::sync::Mutex::default(),
        met: std::sync::Mutex::default(),
        quiet,
    };
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(app.run_until(async {
        // A closed channel means the story is over too.
        drop(ended.await);
    }));
    let story = async {
        stage.story().await?;
        if args.once || args.json {
            return Ok(());
        }
        say(
            quiet,
            &format!(
                "\nThe demo goes on: a new post every {} seconds. Open {}/ , write a mention and see the answer. Ctrl-C ends it.\n\n",
                WIND_EVERY.as_secs(),
                sandbox.base_url()
            ),
        )?;
        stage.go_on().await
    };
    let outcome: anyhow::Result<()> = tokio::select! {
        outcome = story => outcome,
        () = stop => Ok(()),
    };
    let summary = stage.summary(began).await;
    // Dropping the sender is the sign to end.
    drop(end);
    running.await.context("the app stopped unexpectedly")??;
    sandbox.stop().await;
    outcome?;
    let summary = summary?;
    if args.json {
        output::json(&summary)?;
    } else {
        output::text(&format!(
            "\nIn {} campaign days: {} posts and {} replies sent, {} mentions decided, {} of them with silence, {} said stop, {} duplicates.\n",
            summary.days_shown,
            summary.posts_sent,
            summary.replies_sent,
            summary.mentions,
            summary.silent,
            summary.opted_out,
            summary.duplicates
        ))?;
    }
    Ok(u8::from(summary.duplicates > 0))
}

/// A folder of its own, gone when the demo is.
struct Workshop(PathBuf);

impl Workshop {
    fn make() -> anyhow::Result<Self> {
        let name = format!("watchpost-demo-{}", hex::encode(Dice::from_system().bytes()));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // What cannot be removed is the system's to clean: it lies in its folder for temporary files.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn unpack(folder: &Path) -> anyhow::Result<PathBuf> {
    let root = folder.join("campaign");
    write_config(&root)?;
    let place = root.join("posts");
    std::fs::create_dir_all(&place)?;
    POSTS.extract(&place).with_context(|| format!("cannot write {}", place.display()))?;
    Ok(root)
}

/// Writes the shipped `config/` into a campaign's folder.
pub(super) fn write_config(root: &Path) -> anyhow::Result<()> {
    let place = root.join("config");
    std::fs::create_dir_all(&place)?;
    for (name, text) in CONFIG {
        let file = place.join(name);
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// Moves the campaign's accounts to the sandbox and its database into the demo's folder.
fn settle_in(campaign: &mut Campaign, sandbox: &Running, folder: &Path) -> anyhow::Result<()> {
    for account in &mut campaign.accounts {
        let new = NewAccount::campaign(account.name.as_str()).display_name(campaign.name.clone());
        let credentials = sandbox.handle().add_account(new)?;
        let token = folder.join(format!("{}.token", account.name));
        std::fs::write(&token, credentials.token).with_context(|| format!("cannot write {}", token.display()))?;
        account.server = sandbox.base_url();
        account.streaming = None;
        account.token = TokenSource::File(token);
    }
    campaign.store_url = format!("sqlite://{}", folder.join("demo.db").display()).into();
    Ok(())
}

fn greeting(campaign: &Campaign, sandbox: &Running) -> String {
    let names: Vec<String> = campaign.accounts.iter().map(|account| format!("@{}", account.name)).collect();
    format!(
        "{}: {} posts, {} facts, speaking through {}.\nThe server is a sandbox in this process: {}/\nThe clock is wound from post to post; nothing leaves this machine.\n\n",
        campaign.name,
        campaign.posts.len(),
        campaign.facts.facts.len(),
        names.join(" and "),
        sandbox.base_url()
    )
}

fn say(quiet: bool, text: &str) -> anyhow::Result<()> {
    if quiet { Ok(()) } else { output::text(text) }
}

/// Where the story plays.
struct Stage {
    clock: Clock,
    sandbox: Sandbox,
    store: Store,
    campaign: Campaign,
    /// Statuses already told.
    shown: std::sync::Mutex<std::collections::HashSet<String>>,
    /// Followers who have an account.
    met: std::sync::Mutex<std::collections::HashSet<&'static str>>,
    quiet: bool,
}

impl Stage {
    async fn story(&self) -> anyhow::Result<()> {
        self.everybody_listens().await?;
        let mut lines = demo_story::lines(&self.campaign).into_iter();
        for _ in 0..POSTS_SHOWN {
            if !self.wind_to_next_post().await? {
                break;
            }
            if let Some(line) = lines.next() {
                self.follower(&line).await?;
            }
        }
        for line in lines {
            self.clock.advance(Duration::from_secs(20 * 60));
            self.follower(&line).await?;
        }
        Ok(())
    }

    async fn everybody_listens(&self) -> anyhow::Result<()> {
        for account in &self.campaign.accounts {
            let name = account.name.as_str();
            let open = self.sandbox.wait_until(|state| state.streams(name) > 0, STEP).await;
            open.with_context(|| format!("{name} did not open its stream"))?;
        }
        Ok(())
    }

    /// Winds the clock to the next due delivery and waits until the server has it. `false`: nothing is planned.
    async fn wind_to_next_post(&self) -> anyhow::Result<bool> {
        let Some(due) = self.store.next_due().await? else { return Ok(false) };
        let before = self.sandbox.look(|state| state.count());
        self.clock.advance((due - self.clock.now()).to_std().unwrap_or_default() + Duration::from_millis(1));
        let sent = self.sandbox.wait_until(|state| state.count() > before, STEP).await;
        sent.context("a due post did not reach the server")?;
        // The parts of a thread follow each other at once.
        while self.store.next_due().await?.is_some_and(|next| next <= self.clock.now()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.tell_news()?;
        self.breathe().await;
        Ok(true)
    }

    async fn follower(&self, line: &Line) -> anyhow::Result<()> {
        let newcomer = self.met.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(line.who);
        if newcomer {
            self.sandbox.add_account(NewAccount::follower(line.who).bot(line.bot))?;
        }
        let to = match line.below {
            demo_story::Below::Nothing => None,
            demo_story::Below::LastAnswer => self.last_answer_to(line.who),
            demo_story::Below::LastPost => self.last_post(),
        };
        let status = match &to {
            Some(parent) => self.sandbox.reply(line.who, parent.as_str(), &line.text)?,
            None => self.sandbox.mention(line.who, &line.text)?,
        };
        let heard = tokio::time::timeout(STEP, self.decision(status.as_str())).await;
        let heard = heard.context("a mention was not decided in time")??;
        if heard.delivery.is_some() {
            let answered = self.sandbox.wait_until(|state| !state.replies_to(status.as_str()).is_empty(), STEP).await;
            answered.context("an answer did not reach the server")?;
        }
        self.tell_news()?;
        if heard.delivery.is_none() {
            self.tell(&format!("                (silence: {})\n", heard.reason))?;
        }
        self.breathe().await;
        Ok(())
    }

    async fn decision(&self, status: &str) -> anyhow::Result<crate::store::mentions::Heard> {
        loop {
            let heard = self.store.heard(50).await?;
            if let Some(found) = heard.into_iter().find(|heard| heard.status == status) {
                return Ok(found);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn last_answer_to(&self, who: &str) -> Option<String> {
        let all = self.sandbox.statuses();
        let answer = all
            .iter()
            .rev()
            .find(|status| status.part == Part::Campaign && status.mentions.iter().any(|acct| acct == who));
        answer.map(|status| status.id.clone())
    }

    fn last_post(&self) -> Option<String> {
        let all = self.sandbox.statuses();
        let post = all.iter().rev().find(|status| status.part == Part::Campaign && status.in_reply_to.is_none());
        post.map(|status| status.id.clone())
    }

    /// After the story: the clock goes on being wound, and whatever happens is told, until Ctrl-C.
    async fn go_on(&self) -> anyhow::Result<()> {
        let mut wind = tokio::time::interval(WIND_EVERY);
        wind.tick().await;
        loop {
            let count = self.sandbox.look(|state| state.count());
            tokio::select! {
                _ = wind.tick() => {
                    self.wind_to_next_post().await?;
                }
                changed = self.sandbox.wait_until(|state| state.count() > count, WIND_EVERY) => {
                    if changed.is_ok() {
                        self.tell_news()?;
                    }
                }
            }
        }
    }

    /// Tells every status that was not told yet.
    fn tell_news(&self) -> anyhow::Result<()> {
        let news: Vec<StatusSeen> = {
            let mut shown = self.shown.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            self.sandbox.statuses().into_iter().filter(|status| shown.insert(status.id.clone())).collect()
        };
        for status in news {
            self.tell(&self.told(&status))?;
        }
        Ok(())
    }

    fn told(&self, status: &StatusSeen) -> String {
        let at: DateTime<Utc> = status.created_at;
        let when = at.with_timezone(&self.campaign.zone).format("%a %-d %b %H:%M");
        let verb = match (status.part, &status.in_reply_to) {
            (Part::Campaign, None) => "posts",
            (Part::Campaign, Some(_)) if status.mentions.is_empty() => "goes on",
            (Part::Campaign, Some(_)) => "answers",
            (Part::Follower, _) => "writes",
        };
        let warning = if status.cw.is_empty() { String::new() } else { format!(" [warning: {}]", status.cw) };
        let pictures = status.media.iter().filter_map(|media| media.description.as_ref());
        let pictures: String = pictures.map(|alt| format!("\n                [picture: {alt}]")).collect();
        let text = status.text.replace('\n', "\n                ");
        format!("{when:<17}@{} {verb}{warning}:\n                {text}{pictures}\n", status.account)
    }

    fn tell(&self, text: &str) -> anyhow::Result<()> {
        say(self.quiet, text)
    }

    /// So that a person can read along.
    async fn breathe(&self) {
        if !self.quiet {
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
    }

    /// Statuses of ours that no row of the ledger owns: said twice, or said by nobody.
    async fn without_a_row(&self) -> anyhow::Result<usize> {
        let mut strangers = 0;
        for account in &self.campaign.accounts {
            let ids: Vec<StatusId> =
                self.sandbox.own(account.name.as_str()).into_iter().map(|status| StatusId::new(status.id)).collect();
            strangers += ids.len().saturating_sub(self.store.owned(&account.name, &ids).await?.len());
        }
        Ok(strangers)
    }

    async fn summary(&self, began: DateTime<Utc>) -> anyhow::Result<Summary> {
        let all = self.sandbox.statuses();
        let by_followers: std::collections::HashSet<&str> =
            all.iter().filter(|status| status.part == Part::Follower).map(|status| status.id.as_str()).collect();
        let ours = all.iter().filter(|status| status.part == Part::Campaign);
        let (replies, posts): (Vec<_>, Vec<_>) =
            ours.partition(|status| status.in_reply_to.as_deref().is_some_and(|parent| by_followers.contains(parent)));
        let heard = self.store.heard(10_000).await?;
        Ok(Summary {
            posts_sent: posts.len(),
            replies_sent: replies.len(),
            mentions: heard.len(),
            silent: heard.iter().filter(|mention| mention.decision == "silent").count(),
            opted_out: self.store.opt_outs().await?.len(),
            duplicates: self.without_a_row().await?,
            days_shown: (self.clock.now() - began).num_days(),
        })
    }
}
