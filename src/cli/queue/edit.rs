//! `watchpost queue edit`: a post in your editor, as a Markdown file. What you wrote is read before it counts: with a
//! mistake in it nothing changes, and the text is kept.
//!
//! The editor works on a draft beside the post, whose name begins with a dot, so that a running daemon never reads half
//! a text; the finished one takes the post's place in one step.

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};

use super::unknown;
use crate::campaign::finding::Finding;
use crate::campaign::{Campaign, editing, markdown};
use crate::cli::{output, workplace};
use crate::core::approval::{ApprovalRule, Standing};
use crate::core::ids::PostId;
use crate::core::post::{Order, Post};
use crate::store::Store;

/// Which editor: what git and others take, read by the shell, so that `EDITOR="code --wait"` works.
const EDIT: &str = "${VISUAL:-${EDITOR:-nano}} \"$1\"";

/// What is edited.
struct Desk<'a> {
    campaign: &'a Campaign,
    /// Its file, relative to the campaign folder; for a post of the database the file it would be.
    file: PathBuf,
    /// What stood there before.
    before: String,
    /// Where the editor works.
    draft: PathBuf,
    now: DateTime<Utc>,
}

/// Edits one post.
///
/// # Errors
/// When there is no such post, no editor, or the text has mistakes and is left as a draft.
pub(super) async fn run(campaign: &Campaign, id: &str, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let post_id = PostId::from(id);
    if let Some(file) = editing::file_of(campaign, &post_id, now) {
        let before =
            fs::read_to_string(campaign.root.join(&file)).with_context(|| format!("cannot read {}", file.display()))?;
        let desk = Desk { campaign, draft: draft_of(&campaign.root, &file), file, before, now };
        let Some((post, text)) = desk.edited()? else { return Ok(0) };
        desk.put_in_place(&text)?;
        return finish(campaign, &post, now).await;
    }
    let store = workplace::store(campaign).await?;
    let queued = store.queued_posts().await?;
    let Some(before) = queued.into_iter().find(|post| post.id == post_id) else {
        let staged = workplace::staged(campaign, Some(&store)).await?;
        return Err(unknown(campaign, id, &staged));
    };
    let file = Path::new("posts").join(format!("{}.md", id.replace('/', "-")));
    let text = markdown::post_text(&campaign.root, &before);
    let desk = Desk { campaign, draft: draft_of(&campaign.root, &file), file, before: text, now };
    let edited = desk.edited();
    let saved = match edited {
        Ok(Some((post, _))) => desk.keep(&store, &before, post).await.map(Some),
        Ok(None) => Ok(None),
        Err(error) => Err(error),
    };
    store.close().await;
    match saved? {
        Some(post) => finish(campaign, &post, now).await,
        None => Ok(0),
    }
}

fn draft_of(root: &Path, file: &Path) -> PathBuf {
    let name = file.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    root.join(file).with_file_name(format!(".{name}.editing.md"))
}

impl Desk<'_> {
    /// Opens the editor until the text can be used or its writer has enough; `None` when nothing was changed.
    fn edited(&self) -> anyhow::Result<Option<(Post, String)>> {
        if self.draft.exists() {
            output::text(&format!("going on with the text that was kept in {}\n", self.draft.display()))?;
        } else {
            self.lay_out()?;
        }
        loop {
            self.open_editor()?;
            let text = fs::read_to_string(&self.draft)
                .with_context(|| format!("cannot read {}; the post is as it was", self.draft.display()))?;
            if text == self.before {
                self.clear();
                output::text("nothing was changed\n")?;
                return Ok(None);
            }
            let (post, findings) = editing::read_text(self.campaign, &text, &self.file, self.now);
            output::text(&findings.iter().map(|finding: &Finding| format!("{finding}\n")).collect::<String>())?;
            if let Some(post) = post {
                return Ok(Some((post, text)));
            }
            if !self.wants_it_open_again()? {
                bail!(
                    "the post is as it was; your text is kept in {} and `watchpost queue edit` goes on with it",
                    self.draft.display()
                );
            }
        }
    }

    /// The draft, readable by whoever may read the post.
    fn lay_out(&self) -> anyhow::Result<()> {
        if let Some(folder) = self.draft.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        fs::write(&self.draft, &self.before).with_context(|| format!("cannot write {}", self.draft.display()))?;
        if let Ok(original) = fs::metadata(self.campaign.root.join(&self.file)) {
            fs::set_permissions(&self.draft, original.permissions())
                .with_context(|| format!("cannot set who may read {}", self.draft.display()))?;
        }
        Ok(())
    }

    fn open_editor(&self) -> anyhow::Result<()> {
        let ended = Command::new("sh").args(["-c", EDIT, "sh"]).arg(&self.draft).status();
        let ended = ended.context("cannot start a shell for the editor")?;
        match ended.code() {
            Some(0) => Ok(()),
            Some(127) => {
                self.clear_if_untouched();
                bail!("there is no editor: say which one, for example EDITOR=nano watchpost queue edit …")
            }
            _ => {
                self.clear_if_untouched();
                bail!("the editor ended with an error: the post is as it was")
            }
        }
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
        let path = self.campaign.root.join(&self.file);
        let stands = fs::read_to_string(&path).unwrap_or_default();
        if stands != self.before {
            bail!(
                "{} was changed by somebody else meanwhile: it stands as they left it, your text is in {}",
                self.file.display(),
                self.draft.display()
            );
        }
        // Written anew and through to the disk, whatever the editor did.
        let mut file =
            fs::File::create(&self.draft).with_context(|| format!("cannot write {}", self.draft.display()))?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all())?;
        fs::rename(&self.draft, &path).with_context(|| format!("cannot put the text into {}", self.file.display()))
    }

    /// The text becomes the post of the database.
    async fn keep(&self, store: &Store, before: &Post, edited: Post) -> anyhow::Result<Post> {
        // An editor shows neither the id nor a place that was given from the terminal.
        let order = Order { position: before.order.position, ..edited.order.clone() };
        let after = Post { id: before.id.clone(), order, ..edited };
        if !store.replace_queued(before, &after).await? {
            bail!(
                "{} was changed by somebody else meanwhile: it stands as they left it, your text is in {}",
                before.id,
                self.draft.display()
            );
        }
        self.clear();
        Ok(after)
    }

    fn clear_if_untouched(&self) {
        if fs::read_to_string(&self.draft).is_ok_and(|text| text == self.before) {
            self.clear();
        }
    }

    fn clear(&self) {
        // A draft that stays is found again by the next edit; it is not read as a post.
        fs::remove_file(&self.draft).ok();
    }
}

/// Says what became of the edit.
async fn finish(campaign: &Campaign, post: &Post, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let mut page = format!("{} is saved\n", post.id);
    let store = workplace::store_if_any(campaign).await?;
    // The campaign was read before the edit.
    let mut fresh = campaign.clone();
    fresh.posts = crate::campaign::load_posts(campaign, now).0;
    let staged = workplace::staged(&fresh, store.as_ref()).await?;
    if let Some(Standing::Waits(why)) = staged.standings.get(&post.id) {
        page.push_str(&format!("it waits for approval: {}\n", why.words()));
    }
    if let (ApprovalRule::TwoPerson, Some(author)) = (campaign.approval, &post.author) {
        let words = format!("its words count as {author}'s: if they are yours now, put your name behind `author:`\n");
        page.push_str(&words);
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
