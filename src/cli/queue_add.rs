//! `watchpost queue add`: a post from the terminal. Everything that is wrong is said at once, and then nothing is added.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};

use super::{copies, output, workplace};
use crate::campaign::Campaign;
use crate::core::approval::ApprovalRule;
use crate::core::count::{TextRules, count};
use crate::core::ids::{AccountName, Lang, PostId};
use crate::core::post::{Media, Moment, Post, Readiness, When};
use crate::core::schedule::{Resolved, Shift, parse_moment};
use crate::core::text::turns_words;
use crate::store::pauses::Pause;
use crate::store::sending::Turn;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  watchpost queue add \"We are at the library until six.\" --now\n  watchpost queue add --file thread.txt --at \"2026-12-10 09:00\" --account eyes\n  echo \"From a script\" | watchpost queue add -\n  watchpost queue add \"Look.\" --media map.png --alt \"Map of the city's cameras\"\n\nA line of --- starts the next part of a thread."
)]
pub struct AddArgs {
    /// The text; `-` reads it from stdin.
    pub text: Option<String>,
    /// Read the text from this file.
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    pub file: Option<PathBuf>,
    /// When: "2026-12-01 09:00" in the campaign's zone, or RFC 3339. Without it: the next free slot.
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// At once.
    #[arg(long, conflicts_with = "at")]
    pub now: bool,
    /// Which account; may be given again. Without it: all.
    #[arg(long = "account", value_name = "NAME")]
    pub accounts: Vec<String>,
    /// A content warning.
    #[arg(long, value_name = "WORDS")]
    pub cw: Option<String>,
    /// A picture; each needs its --alt, in the same order.
    #[arg(long = "media", value_name = "FILE")]
    pub media: Vec<PathBuf>,
    /// What the picture shows, for those who cannot see it.
    #[arg(long = "alt", value_name = "TEXT")]
    pub alt: Vec<String>,
    /// Who wrote it.
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Whether it may go out: ready, review (somebody must approve it) or draft.
    #[arg(long, value_name = "STATUS", default_value = "ready", value_parser = ["ready", "review", "draft"])]
    pub status: String,
    /// The text's language. Without it: the campaign's first.
    #[arg(long, value_name = "L")]
    pub lang: Option<String>,
}

/// Adds the post.
///
/// # Errors
/// When something about it is wrong (all of it is said), or the database cannot be used: then nothing was added.
pub async fn run(campaign: &Campaign, args: &AddArgs, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let text = text_of(args)?;
    let mut wrong: Vec<String> = Vec::new();
    let when = at_of(args, campaign, now, &mut wrong).map_or(When::NextSlot, When::At);
    let accounts = accounts_of(args, campaign, &mut wrong);
    let lang = lang_of(args, campaign, &mut wrong);
    let media = media_of(args, &mut wrong);
    let parts = parts_of(&text, &mut wrong);
    let cw = args.cw.clone().filter(|cw| !cw.trim().is_empty());
    // The database gives the id.
    let (author, readiness) = (args.by.clone().filter(|by| !by.trim().is_empty()), readiness_of(args));
    tell_approval(args, campaign, author.as_deref(), readiness, &mut wrong);
    let queued = Post { accounts, cw, media, author, readiness, ..Post::new(PostId::new(""), when, lang, parts) };
    if !wrong.is_empty() {
        bail!("nothing was added:\n  {}", wrong.join("\n  "));
    }
    let store = workplace::store(campaign).await?;
    let copy = copies::sentence(campaign, &store, &queued, now).await;
    let added = store.queue_add(&queued, now).await;
    let pauses = store.pauses(now).await;
    store.close().await;
    let id = added?;
    let mut page = format!("{id} added: {}\n", when_words(&queued, campaign));
    match readiness {
        Readiness::Ready if campaign.approval == ApprovalRule::None => {}
        Readiness::Ready | Readiness::Review => {
            page.push_str(&format!("it waits for approval: `watchpost queue approve {id} --by NAME`\n"));
        }
        Readiness::Draft => page.push_str("it is a draft: it stays where it is until it is ready\n"),
    }
    let paused = |pause: &&Pause| {
        pause.turn == Turn::Posts && (queued.accounts.is_empty() || queued.accounts.iter().any(|own| pause.is_of(own)))
    };
    if pauses?.iter().find(paused).is_some() {
        page.push_str("posts are paused: what comes due meanwhile is missed or held (`watchpost status` says more)\n");
    }
    for (index, part) in queued.parts.iter().enumerate() {
        let length = count(part, queued.cw.as_deref(), &TextRules::mastodon());
        if length > TextRules::mastodon().max_characters {
            page.push_str(&format!(
                "part {} has {length} characters; a server that allows 500 will refuse it\n",
                index + 1
            ));
        }
    }
    // A warning that could not be worked out takes nothing from what was added.
    if let Ok(Some(words)) = copy {
        page.push_str(&words);
        page.push('\n');
    }
    output::text(&page)?;
    Ok(0)
}

fn readiness_of(args: &AddArgs) -> Readiness {
    match args.status.as_str() {
        "draft" => Readiness::Draft,
        "review" => Readiness::Review,
        _ => Readiness::Ready,
    }
}

/// What must be approved needs its author's name and time for somebody to look.
fn tell_approval(
    args: &AddArgs,
    campaign: &Campaign,
    author: Option<&str>,
    readiness: Readiness,
    wrong: &mut Vec<String>,
) {
    let two = campaign.approval == ApprovalRule::TwoPerson && readiness != Readiness::Draft;
    if two && author.is_none() {
        wrong.push("somebody else must approve it: say who wrote it with --by NAME".to_owned());
    }
    if args.now && readiness == Readiness::Draft {
        wrong
            .push("--now and --status draft cannot be both: a draft goes out at no time; leave out one of them".into());
    } else if args.now && (two || readiness == Readiness::Review) {
        wrong
            .push("--now leaves nobody time to approve it: give a time with --at, or leave it to the next slot".into());
    }
}

fn when_words(queued: &Post, campaign: &Campaign) -> String {
    match &queued.when {
        When::At(moment) => {
            let Resolved { instant, shift } = moment.resolve(campaign.zone);
            let clock_change = match (shift, moment) {
                (Shift::Gap, Moment::Local(local)) => {
                    format!(" ({} does not exist: the clocks go forward)", local.format("%Y-%m-%d %H:%M"))
                }
                (Shift::Overlap, Moment::Local(local)) => {
                    format!(" ({} comes twice: the first is meant)", local.format("%Y-%m-%d %H:%M"))
                }
                (Shift::None, _) | (Shift::Gap | Shift::Overlap, Moment::Instant(_)) => String::new(),
            };
            format!("goes out {}{clock_change}", super::status::local(instant, campaign.zone))
        }
        When::NextSlot | When::Every(_) | When::Evergreen => {
            "takes the next free slot (`watchpost queue list` shows it)".to_owned()
        }
    }
}

fn text_of(args: &AddArgs) -> anyhow::Result<String> {
    match (&args.file, args.text.as_deref()) {
        (Some(file), _) => std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display())),
        (None, Some("-")) => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("cannot read the text from stdin")?;
            Ok(text)
        }
        (None, Some(text)) => Ok(text.to_owned()),
        (None, None) => bail!("no text: give it as an argument, with --file FILE, or - to read stdin"),
    }
}

fn at_of(args: &AddArgs, campaign: &Campaign, now: DateTime<Utc>, wrong: &mut Vec<String>) -> Option<Moment> {
    if args.now {
        return Some(Moment::Instant(now.fixed_offset()));
    }
    let written = args.at.as_deref()?;
    match parse_moment(written) {
        Ok(moment) if moment.resolve(campaign.zone).instant < now => {
            wrong.push(format!("--at {written} has passed: write a later time, or --now"));
            None
        }
        Ok(moment) => Some(moment),
        Err(words) => {
            wrong.push(format!("--at: {words}"));
            None
        }
    }
}

fn accounts_of(args: &AddArgs, campaign: &Campaign, wrong: &mut Vec<String>) -> Vec<AccountName> {
    let known: Vec<&str> = campaign.accounts.iter().map(|account| account.name.as_str()).collect();
    for name in args.accounts.iter().filter(|name| !known.contains(&name.as_str())) {
        wrong.push(format!("--account {name} is not one of {}", known.join(", ")));
    }
    args.accounts.iter().map(AccountName::new).collect()
}

fn lang_of(args: &AddArgs, campaign: &Campaign, wrong: &mut Vec<String>) -> Lang {
    let first = campaign.languages.first().cloned().unwrap_or_else(|| Lang::new("en"));
    let Some(written) = &args.lang else { return first };
    let lang = Lang::new(written.clone());
    if !campaign.languages.contains(&lang) {
        let known: Vec<&str> = campaign.languages.iter().map(Lang::as_str).collect();
        wrong.push(format!("--lang {written} is not one of the campaign's languages: {}", known.join(", ")));
    }
    lang
}

fn media_of(args: &AddArgs, wrong: &mut Vec<String>) -> Vec<Media> {
    if args.media.len() != args.alt.len() {
        wrong.push(format!(
            "{} --media and {} --alt: every picture needs its words, in the same order",
            args.media.len(),
            args.alt.len()
        ));
    }
    let mut media = Vec::new();
    for (file, alt) in args.media.iter().zip(&args.alt) {
        if alt.trim().is_empty() {
            wrong.push(format!("--alt for {} is empty: say what the picture shows", file.display()));
        }
        match std::fs::canonicalize(file) {
            Ok(file) if file.is_file() => media.push(Media::new(file, alt.clone())),
            Ok(_) | Err(_) => wrong.push(format!("--media {} is not a file that can be read", Path::display(file))),
        }
    }
    media
}

fn parts_of(text: &str, wrong: &mut Vec<String>) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let parts: Vec<String> =
        lines.split(|line| line.trim_end() == "---").map(|part| part.join("\n").trim().to_owned()).collect();
    if parts.iter().any(String::is_empty) {
        let words = if parts.len() == 1 { "the text is empty" } else { "a part of the thread is empty" };
        wrong.push(words.to_owned());
    }
    let steers = |letter: &char| letter.is_control() && !['\n', '\r', '\t'].contains(letter);
    if let Some(letter) = text.chars().find(|letter| steers(letter) || turns_words(*letter)) {
        wrong.push(format!(
            "the text holds U+{:04X}, a control character that nobody sees: delete it",
            u32::from(letter)
        ));
    }
    parts
}
