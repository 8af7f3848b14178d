//! What staff write on disk becomes checked values; every mistake at once, with file and line.
//!
//! Owns the formats of `config/*.toml` and `posts/**/*.md` (DESIGN §4). [`load`] reads them all and never stops at the
//! first mistake; a [`Campaign`] exists only when its settings, facts, links and commands hold no error, and its posts
//! are those without one. Reading needs no token, database or network. Nothing here knows what was sent.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use secrecy::SecretString;

use crate::core::approval::ApprovalRule;
use crate::core::budget::ReplyLimits;
use crate::core::command::CommandBook;
use crate::core::fact::FactBook;
use crate::core::ids::{AccountName, Lang, PostId};
use crate::core::learning::Example;
use crate::core::plan::AccountCalendar;
use crate::core::post::Post;
use crate::core::rules::Rules;
use crate::core::schedule::Slot;

use self::finding::{Finding, Level, Report, any_error};
use self::front_matter::Frame;
use self::tree::Node;

mod accounts;
mod across;
mod address;
mod by_lang;
mod commands;
mod config;
pub mod editing;
mod examples;
mod facts;
pub mod facts_edit;
pub mod finding;
mod fits;
mod front_matter;
mod hashtags;
mod links;
pub mod markdown;
mod media;
mod poll;
mod post_file;
mod posts;
mod repeats;
mod replies;
mod rules;
mod sameness;
pub mod saving;
pub mod secrets;
mod source;
pub mod spreadsheet;
mod toml_tree;
mod tree;
pub mod watch;
mod words;
mod yaml_tree;

#[cfg(test)]
mod tests;

/// A campaign folder, read and checked.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// The folder.
    pub root: PathBuf,
    /// `[campaign] name`.
    pub name: String,
    /// The zone every local time means.
    pub zone: Tz,
    /// `[campaign] approval`.
    pub approval: ApprovalRule,
    /// The first is the default.
    pub languages: Vec<Lang>,
    /// Put at the end of replies.
    pub hashtags: Vec<String>,
    /// The accounts it speaks through, in file order.
    pub accounts: Vec<Account>,
    /// `[replies]`.
    pub replies: Replies,
    /// `[store] url`, a relative SQLite path made relative to the campaign folder. It may hold a password.
    pub store_url: SecretString,
    /// Facts, sources, links.
    pub facts: FactBook,
    /// Commands and the bot's own sentences.
    pub commands: CommandBook,
    /// Mentions with what is right for each; lines with errors are left out and reported.
    pub examples: Arc<[Example]>,
    /// In file order; posts with errors are left out and reported.
    pub posts: Vec<Arc<Post>>,
    /// Posts that are left out, each with its first mistake.
    pub unreadable: HashMap<PostId, String>,
}

/// One `[[accounts]]`.
#[derive(Clone, Debug)]
pub struct Account {
    /// What staff call it.
    pub name: AccountName,
    /// Origin of its server, `https://host[:port]`; plain http only for loopback.
    pub server: String,
    /// `streaming = "wss://…"`, when staff set it.
    pub streaming: Option<String>,
    /// Where its token stands.
    pub token: TokenSource,
    /// Its weekly times.
    pub slots: Vec<Slot>,
    /// The language whose variants it says; `None`: the campaign's first.
    pub speaks: Option<Lang>,
    /// When it stays silent: the campaign's rules, with its own in their place.
    pub rules: Rules,
}

/// Where a token is found; never the token itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// The content of a file, trimmed.
    File(PathBuf),
    /// An environment variable.
    Env(String),
    /// A systemd credential.
    Credential(String),
    /// Stored by `watchpost account login`.
    Stored,
}

/// `[replies]`.
#[derive(Clone, Debug)]
pub struct Replies {
    /// Whether mentions are answered at all.
    pub enabled: bool,
    /// With `{fact}`, `{source}`, `{as_of}`, `{link}`; `{hashtags}` may be absent.
    pub template: String,
    /// Older mentions get a decision, not an answer.
    pub max_age: Duration,
    /// `[replies.limits]`.
    pub limits: ReplyLimits,
}

/// What [`load`] found.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// There whenever settings, facts, links and commands hold no error. Posts with errors are left out of it.
    pub campaign: Option<Campaign>,
    /// Everything to say, settings first, then by file and line.
    pub findings: Vec<Finding>,
    /// The file of each post, relative to the campaign folder, and the line its text begins on; empty where posts were
    /// read quickly.
    pub places: HashMap<PostId, (PathBuf, usize)>,
}

/// Why nothing could be read at all.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The folder is not there, or is a file.
    #[error("there is no folder {0}: name the campaign's folder with --campaign DIR")]
    NoFolder(PathBuf),
    /// The folder holds no `config/watchpost.toml`.
    #[error("{0} holds no config/watchpost.toml: name the campaign's folder with --campaign DIR")]
    NoSettings(PathBuf),
    /// The system does not let us read the settings.
    #[error("{file} cannot be read")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Reads a campaign folder: settings, facts, links, commands, posts; offline, every mistake at once.
///
/// `now` decides what is stale, past or expired. Beside the files it reads where tokens are said to be, to warn when
/// one is missing.
///
/// # Errors
/// [`LoadError`], when there is no campaign there to read. Mistakes in files are findings.
pub fn load(root: &Path, now: DateTime<Utc>) -> Result<Loaded, LoadError> {
    load_with(root, now, None, Depth::Whole)
}

/// A mistake for each file that answers are made of and that is not there, where there were facts, commands, or examples
/// when the folder was last read.
#[must_use]
pub fn vanished(root: &Path, had_facts: bool, had_commands: bool, had_examples: bool) -> Vec<Finding> {
    let lost = |file: &str| !root.join(file).exists();
    let gone = [
        (facts::FILE, "the file is gone", had_facts && lost(facts::FILE)),
        (commands::FILE, "the file is gone", had_commands && lost(commands::FILE)),
        (examples::FOLDER, "its examples are gone", had_examples && !examples::are_there(root)),
    ];
    let finding = |file: &str, what: &str| Finding {
        file: PathBuf::from(file),
        line: None,
        level: Level::Error,
        message: format!("{what}; mentions are answered as it said last"),
        hint: Some("put it back, or stop and start watchpost if it should be gone".to_owned()),
    };
    gone.iter().filter(|(_, _, gone)| *gone).map(|(file, what, _)| finding(file, what)).collect()
}

/// The same without what only the whole campaign shows, which is warnings: what most commands and the daemon want,
/// who read ten thousands of posts and tell nobody of near copies.
///
/// # Errors
/// As [`load`].
pub fn load_quickly(root: &Path, now: DateTime<Utc>) -> Result<Loaded, LoadError> {
    load_with(root, now, None, Depth::EachFile)
}

/// The same, as if `file` (relative to the folder) held `text`: what a change would make of the campaign, before it is
/// saved.
///
/// # Errors
/// As [`load`].
pub fn load_as_if(root: &Path, now: DateTime<Utc>, file: &str, text: &str) -> Result<Loaded, LoadError> {
    load_with(root, now, Some((file, text)), Depth::Whole)
}

/// The same, as long as the settings alone are in order: what steers and shows a running program needs neither facts nor
/// links nor commands. Those that cannot be read are empty; their mistakes are findings as always.
///
/// # Errors
/// As [`load`].
pub fn load_settings(root: &Path, now: DateTime<Utc>) -> Result<Loaded, LoadError> {
    load_with(root, now, None, Depth::Settings)
}

/// What can be read of a campaign whose settings, facts, links or commands have mistakes: enough to say stop, and never
/// to speak. Times are of UTC where its zone cannot be read; accounts that cannot be read are not there. `None` when it
/// cannot be known which database is its own.
///
/// # Errors
/// As [`load`].
pub fn load_to_stop(root: &Path, now: DateTime<Utc>) -> Result<Option<Campaign>, LoadError> {
    Ok(load_with(root, now, None, Depth::ToStop)?.campaign)
}

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    /// Each file by itself; the campaign is there when its settings are.
    Settings,
    /// Each file by itself.
    EachFile,
    /// Posts beside each other too.
    Whole,
    /// Each file by itself, and what has mistakes is taken as far as it can be read.
    ToStop,
}

fn load_with(
    root: &Path,
    now: DateTime<Utc>,
    instead: Option<(&str, &str)>,
    depth: Depth,
) -> Result<Loaded, LoadError> {
    open(root)?;
    let mut findings = Vec::new();
    let mut settings = with_tree(root, config::FILE, instead, &mut findings, |node, report| {
        node.map_or_else(config::Settings::default, |node| config::read(node, root, now, report))
    });
    let settled = !any_error(&findings);
    if depth == Depth::ToStop {
        settings.zone = settings.zone.or(Some(Tz::UTC));
        match config::store_in_spite(root, now, &findings) {
            Some(url) => settings.store_url = url,
            None => settings.zone = None,
        }
    }
    let languages = settings.languages.as_slice();
    let links = with_tree(root, links::FILE, instead, &mut findings, |node, report| {
        // A file with a syntax error names links we do not know: then none is judged.
        (node.is_some() || !report.has_errors())
            .then(|| node.map(|node| links::read(node, languages, report)).unwrap_or_default())
    });
    let today = settings.zone.map_or_else(|| now.date_naive(), |zone| now.with_timezone(&zone).date_naive());
    let facts = with_tree(root, facts::FILE, instead, &mut findings, |node, report| {
        if node.is_none() && !report.has_errors() {
            report.warn(None, "there is no such file: mentions cannot be answered", "");
        }
        (node.is_some() || !report.has_errors())
            .then(|| node.map(|node| facts::read(node, &settings, links.as_ref(), today, report)).unwrap_or_default())
    });
    let topics = facts.as_ref().map(FactBook::topics);
    let commands = with_tree(root, commands::FILE, instead, &mut findings, |node, report| {
        commands::read(node, languages, topics.as_deref(), report)
    });
    let sound = if depth == Depth::Settings { settled } else { !any_error(&findings) };
    let examples = examples::read(root, languages, facts.as_ref(), &mut findings);

    let frame = Frame {
        root: root.to_path_buf(),
        now,
        zone: settings.zone,
        approval: settings.approval,
        languages: settings.languages.clone(),
        hashtags: settings.hashtags.clone(),
        accounts: (!settings.accounts.is_empty())
            .then(|| settings.accounts.iter().map(|(account, _)| account.name.to_string()).collect()),
        topics: topics.map(|topics| topics.iter().map(ToString::to_string).collect()),
        facts: facts.as_ref().map(|book| book.facts.iter().map(|fact| fact.id.to_string()).collect()),
    };
    let (posts, unreadable) = posts::read(&frame, &mut findings);
    if sound && depth == Depth::Whole {
        // Half-read accounts would be told that they lack what could not be read.
        across::check(&settings, &posts, now, &mut findings);
    }

    let told = if depth == Depth::Whole { posts.as_slice() } else { &[] };
    let places = told.iter().map(|read| (read.post.id.clone(), (read.file.clone(), read.line))).collect();
    let campaign = settings.zone.filter(|_| sound || depth == Depth::ToStop).map(|zone| Campaign {
        root: root.to_path_buf(),
        name: settings.name,
        zone,
        approval: settings.approval,
        languages: settings.languages,
        hashtags: settings.hashtags,
        accounts: settings.accounts.into_iter().map(|(account, _)| account).collect(),
        replies: settings.replies,
        store_url: settings.store_url,
        facts: facts.unwrap_or_default(),
        commands,
        examples: examples.into(),
        posts: posts.into_iter().map(|read| read.post).collect(),
        unreadable,
    });
    Ok(Loaded { campaign, findings: across::in_reading_order(findings), places })
}

/// Reads the posts again, against a campaign that is already loaded. What concerns single posts is found anew; what
/// only the whole campaign shows is [`load`]'s.
#[must_use]
pub fn load_posts(campaign: &Campaign, now: DateTime<Utc>) -> (Vec<Arc<Post>>, Vec<Finding>) {
    let frame = frame_of(campaign, now);
    let mut findings = Vec::new();
    let (posts, _) = posts::read(&frame, &mut findings);
    (posts.into_iter().map(|read| read.post).collect(), across::in_reading_order(findings))
}

/// What posts of a loaded campaign are checked against.
fn frame_of(campaign: &Campaign, now: DateTime<Utc>) -> Frame {
    Frame {
        root: campaign.root.clone(),
        now,
        zone: Some(campaign.zone),
        approval: campaign.approval,
        languages: campaign.languages.clone(),
        hashtags: campaign.hashtags.clone(),
        accounts: Some(campaign.accounts.iter().map(|account| account.name.to_string()).collect()),
        topics: Some(campaign.facts.topics().iter().map(ToString::to_string).collect()),
        facts: Some(campaign.facts.facts.iter().map(|fact| fact.id.to_string()).collect()),
    }
}

/// The accounts as the plan wants them.
#[must_use]
pub fn plan_accounts(campaign: &Campaign) -> Vec<AccountCalendar> {
    calendars(&campaign.accounts, &campaign.languages)
}

/// Accounts with their place among those of their server.
fn calendars<'a>(accounts: impl IntoIterator<Item = &'a Account>, languages: &[Lang]) -> Vec<AccountCalendar> {
    let mut on_server: HashMap<&str, u32> = HashMap::new();
    let calendar = |account: &'a Account| {
        let ahead = on_server.entry(account.server.as_str()).or_default();
        let calendar = AccountCalendar {
            name: account.name.clone(),
            server: account.server.clone(),
            speaks: account.speaks.clone().or_else(|| languages.first().cloned()),
            slots: account.slots.clone(),
            ahead: *ahead,
            rules: account.rules.clone(),
        };
        *ahead += 1;
        calendar
    };
    accounts.into_iter().map(calendar).collect()
}

/// Refuses folders that are no campaign.
fn open(root: &Path) -> Result<(), LoadError> {
    if !root.is_dir() {
        return Err(LoadError::NoFolder(root.to_path_buf()));
    }
    let file = root.join(config::FILE);
    match std::fs::File::open(&file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(LoadError::NoSettings(root.to_path_buf())),
        Err(source) => Err(LoadError::Unreadable { file, source }),
    }
}

/// Reads one TOML file and hands its tree on: `None` when there is no such file or it could not be parsed, which is
/// then an error in the report.
fn with_tree<T>(
    root: &Path,
    file: &str,
    instead: Option<(&str, &str)>,
    findings: &mut Vec<Finding>,
    read: impl FnOnce(Option<&Node>, &mut Report) -> T,
) -> T {
    let mut report = Report::new(file);
    let text = match instead {
        Some((other, text)) if other == file => Some(text.to_owned()),
        Some(_) | None => source::read_if_there(root, file, &mut report),
    };
    let node = text.and_then(|text| toml_tree::parse(&text, &mut report));
    let value = read(node.as_ref(), &mut report);
    findings.extend(report.into_findings());
    value
}
