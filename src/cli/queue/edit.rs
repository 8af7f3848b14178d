//! `watchpost queue edit`: a post in your editor, as a Markdown file. What you wrote is read before it counts: with a
//! mistake in it nothing changes, and the text is kept.
//!
//! The editor works on a [`Draft`] of its own; the finished text takes the post's place in one step, if that still
//! stands as the editor found it. With `--by` the words count as that person's, so that they cannot approve them.

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};

use super::draft::Draft;
use super::unknown;
use crate::campaign::finding::Finding;
use crate::campaign::saving::{self, SaveError};
use crate::campaign::{Campaign, editing, markdown};
use crate::cli::{output, workplace};
use crate::core::approval::{ApprovalRule, Standing};
use crate::core::ids::PostId;
use crate::core::post::{Order, Post};
use crate::store::Store;

/// Which editor: what git and others take, read by the shell, so that `EDITOR="code --wait"` works.
const EDIT: &str = "${VISUAL:-${EDITOR:-nano}} \"$1\"";

/// What to edit.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  watchpost queue edit 010-ring-partnerships\n  watchpost queue edit 010-ring-partnerships --by Bo"
)]
pub struct EditArgs {
    /// A post's id.
    #[arg(value_parser = super::post_id)]
    pub id: String,
    /// Your name: what you save counts as your words. Needed where two people must agree to a post.
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
}

/// What is edited.
struct Desk<'a> {
    campaign: &'a Campaign,
    /// The post's id, as staff know it.
    id: &'a str,
    /// Who edits, where they say so.
    by: Option<&'a str>,
    /// Its file, relative to the campaign folder; for a post of the database the file it would be.
    file: PathBuf,
    /// What stood there before.
    before: String,
    /// Where the editor works.
    draft: Draft,
    now: DateTime<Utc>,
}

/// Edits one post.
///
/// # Errors
/// When there is no such post, no editor, nobody who says who they are where that counts, or the text has mistakes and
/// is kept.
pub(super) async fn run(campaign: &Campaign, args: &EditArgs, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let (id, by) = (args.id.as_str(), args.by.as_deref().map(str::trim));
    if by == Some("") {
        bail!("--by is empty: say who you are, as the others call you");
    }
    if by.is_none() && campaign.approval == ApprovalRule::TwoPerson {
        bail!("two people must agree to a post here: say who edits it with --by NAME; somebody else then approves it");
    }
    let post_id = PostId::from(id);
    if let Some(file) = editing::file_of(campaign, &post_id, now) {
        let path = campaign.root.join(&file);
        let before = fs::read_to_string(&path).with_context(|| format!("cannot read {}", file.display()))?;
        let desk = Desk { campaign, id, by, draft: Draft::new(&path, &before), file, before, now };
        let Some((post, text)) = desk.edited()? else { return Ok(0) };
        desk.put_in_place(&text)?;
        return finish(campaign, &post, by, now).await;
    }
    let store = workplace::store(campaign).await?;
    let queued = store.queued_posts().await?;
    let Some(before) = queued.into_iter().find(|post| post.id == post_id) else {
        let staged = workplace::staged(campaign, Some(&store)).await?;
        return Err(unknown(campaign, id, &staged));
    };
    let file = Path::new("posts").join(format!("{}.md", id.replace('/', "-")));
    let text = markdown::post_text(&campaign.root, &before);
    let draft = Draft::new(&campaign.root.join(&file), &text);
    let desk = Desk { campaign, id, by, draft, file, before: text, now };
    let edited = desk.edited();
    let saved = match edited {
        Ok(Some((post, _))) => desk.keep(&store, &before, post).await.map(Some),
        Ok(None) => Ok(None),
        Err(error) => Err(error),
    };
    store.close().await;
    match saved? {
        Some(post) => finish(campaign, &post, by, now).await,
        None => Ok(0),
    }
}

impl Desk<'_> {
    /// Opens the editor until the text can be used or its writer has enough; `None` when nothing was changed.
    fn edited(&self) -> anyhow::Result<Option<(Post, String)>> {
        self.begin()?;
        loop {
            self.open_editor()?;
            let text = fs::read_to_string(self.draft.path())
                .with_context(|| format!("cannot read {}; the post is as it was", self.draft.path().display()))?;
            if text == self.before {
                self.draft.clear();
                output::text("nothing was changed\n")?;
                return Ok(None);
            }
            let text = match self.by {
                Some(name) => editing::signed(&text, name),
                None => text,
            };
            let (post, findings) = editing::read_text(self.campaign, &text, &self.file, self.now);
            output::text(&findings.iter().map(|finding: &Finding| format!("{finding}\n")).collect::<String>())?;
            if let Some(post) = post {
                return Ok(Some((post, text)));
            }
            if !self.wants_it_open_again()? {
                let kept = self.draft.keep()?;
                bail!(
                    "the post is as it was; your text is kept in {} and `watchpost queue edit` goes on with it",
                    kept.display()
                );
            }
        }
    }

    fn begin(&self) -> anyhow::Result<()> {
        let begun = self.draft.begin(&self.before, &self.campaign.root.join(&self.file))?;
        let mut page = String::new();
        if begun.going_on {
            page.push_str(&format!("going on with the text that was kept in {}\n", self.draft.path().display()));
        }
        for path in begun.older {
            let (path, id) = (path.display(), self.id);
            page.push_str(&format!(
                "{path} holds a text that was begun before {id} was changed; this is {id} as it stands\n"
            ));
        }
        for path in begun.open {
            page.push_str(&format!(
                "somebody else has {} open, or had when their computer stopped: {} is theirs. Whoever saves second is told so\n",
                self.id,
                path.display()
            ));
        }
        output::text(&page)
    }

    fn open_editor(&self) -> anyhow::Result<()> {
        let ended = Command::new("sh").args(["-c", EDIT, "sh"]).arg(self.draft.path()).status();
        let ended = ended.context("cannot start a shell for the editor")?;
        match ended.code() {
            Some(0) => Ok(()),
            Some(127) => {
                self.set_aside()?;
                bail!("there is no editor: say which one, for example EDITOR=nano watchpost queue edit …")
            }
            _ => {
                self.set_aside()?;
                bail!("the editor ended with an error: the post is as it was")
            }
        }
    }

    /// Keeps what was written, if anything was.
    fn set_aside(&self) -> anyhow::Result<()> {
        if fs::read_to_string(self.draft.path()).is_ok_and(|text| text == self.before) {
            self.draft.clear();
            return Ok(());
        }
        let kept = self.draft.keep()?;
        output::text(&format!("your text is kept in {}\n", kept.display()))
    }

    fn wants_it_open_again(&self) -> anyhow::Result<bool> {
        if !std::io::stdin().is_terminal() {
            return Ok(false);
        }
        output::text("open it again? [Y/n] ")?;
        std::io::stdout().flush().context("cannot write to stdout")?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).context("cannot read the answer")?;
        Ok(!answer.trim().to_lowercase().starts_with('n'))
    }

    /// The text takes the place of the post's file, in one step.
    fn put_in_place(&self, text: &str) -> anyhow::Result<()> {
        match saving::replace(&self.campaign.root.join(&self.file), &self.before, text) {
            Ok(()) => {
                self.draft.clear();
                Ok(())
            }
            Err(SaveError::Changed) => self.somebody_was_first(),
            Err(SaveError::System(error)) => {
                let kept = self.draft.keep()?;
                Err(error).with_context(|| {
                    format!("cannot put the text into {}; it is kept in {}", self.file.display(), kept.display())
                })
            }
        }
    }

    /// The text becomes the post of the database.
    async fn keep(&self, store: &Store, before: &Post, edited: Post) -> anyhow::Result<Post> {
        // An editor shows neither the id nor a place that was given from the terminal.
        let order = Order { position: before.order.position, ..edited.order.clone() };
        let after = Post { id: before.id.clone(), order, ..edited };
        if !store.replace_queued(before, &after).await? {
            self.somebody_was_first()?;
        }
        self.draft.clear();
        Ok(after)
    }

    fn somebody_was_first(&self) -> anyhow::Result<()> {
        let kept = self.draft.keep()?;
        bail!(
            "{} was changed by somebody else meanwhile: it stands as they left it, your text is kept in {}. Take from it what \
             should stay, with `watchpost queue edit {}`",
            self.id,
            kept.display(),
            self.id
        )
    }
}

/// Says what became of the edit.
async fn finish(campaign: &Campaign, post: &Post, by: Option<&str>, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let mut page = format!("{} is saved\n", post.id);
    let store = workplace::store_if_any(campaign).await?;
    // The campaign was read before the edit.
    let mut fresh = campaign.clone();
    fresh.posts = crate::campaign::load_posts(campaign, now).0;
    let staged = workplace::staged(&fresh, store.as_ref()).await?;
    if let Some(Standing::Waits(why)) = staged.standings.get(&post.id) {
        page.push_str(&format!("it waits for approval: {}\n", why.words()));
    }
    if let (ApprovalRule::TwoPerson, Some(name)) = (campaign.approval, by) {
        page.push_str(&format!("its words count as {name}'s now: somebody else approves them\n"));
    }
    if let Some(store) = store {
        let rows = store.deliveries_of_post(&post.id).await?;
        if rows.iter().any(|row| row.sent_at.is_some()) {
            page.push_str("it has gone out already: what was said stays as it was said\n");
        }
        store.close().await;
    }
    output::text(&page)?;
    Ok(0)
}
