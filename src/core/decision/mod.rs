//! What we do about a mention, with the reason in words (DESIGN §6): answer, obey a command, or stay silent because ….
//!
//! [`decide`] is pure: what happened before comes in as [`Past`], read in the transaction that stores the verdict, so
//! that two decisions at once cannot both spend the last of a limit. Composing the words is in [`crate::core::compose`]
//! and happens here too, since an answer that cannot be said within the server's limit is a silence with a reason.

mod answering;
mod silence;
#[cfg(test)]
mod tests;

pub use silence::is_their_wish;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Duration, NaiveDate, Utc};

use crate::core::budget::ReplyLimits;
use crate::core::command::{Command, CommandBook};
use crate::core::compose::{Reply, WarningPlace};
use crate::core::count::TextRules;
use crate::core::delivery::Payload;
use crate::core::fact::FactBook;
use crate::core::ids::{AccountName, FactId, Lang, TopicId};
use crate::core::matching::{Matcher, Reading};
use crate::core::mention::Mention;
use crate::core::post::Visibility;
use crate::core::resemblance::holds;

/// What has happened before, as the ledger knows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// They said stop.
    pub opted_out: bool,
    /// That stop stands under names that nobody else can give themselves; only then may it be taken back.
    pub stop_is_their_own: bool,
    /// How often a stop of this person was confirmed in 24 h, and a start.
    pub confirmed_today: (u32, u32),
    /// Staff paused the replies of this account.
    pub paused: bool,
    /// When this person last got a reply.
    pub last_answer: Option<DateTime<Utc>>,
    /// Replies to this person in 24 h.
    pub person_today: u32,
    /// Replies to this person in this thread.
    pub person_in_thread: u32,
    /// Replies in this thread; this and the next two are counted no further than the highest limit.
    pub in_thread: u32,
    /// Replies of this account in the last hour.
    pub account_last_hour: u32,
    /// Replies of this account in the server's posting window (3 h on Mastodon).
    pub account_last_window: u32,
    /// The wording of this account's last reply: 0 the fact's text, then its variants.
    pub last_wording: Option<usize>,
    /// Replies to this person in this thread within the last minute.
    pub person_in_thread_last_minute: u32,
    /// What this person said in this thread and was answered for, as far as it is stored (never directs).
    pub answered_words: Vec<String>,
    /// Facts this person has heard.
    pub heard: HashSet<FactId>,
    /// The wording in which this person last heard a fact: 0 its text, then its variants.
    pub wordings: HashMap<FactId, usize>,
    /// The same facts, the one heard last first.
    pub heard_lately: Vec<FactId>,
    /// The topic this person last got a fact about, and those facts.
    pub last_topic: Option<TopicId>,
    /// The facts of that reply.
    pub last_facts: Vec<FactId>,
    /// What that reply left for *more*: see [`Verdict::also`].
    pub last_also: Vec<FactId>,
    /// Another account of the campaign that answered this very status.
    pub answered_by: Option<AccountName>,
    /// Our own status that this mention stands below.
    pub below: Option<Below>,
    /// Older mentions get the decision "before we listened".
    pub listening_since: Option<DateTime<Utc>>,
    /// What a second look at the mention found.
    pub parent: Parent,
}

/// What a second look at a mention found. A mention over a minute old is looked at again before it is answered: people
/// delete and narrow what they wrote, and staff answer by hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parent {
    /// Nobody looked.
    #[default]
    NotLooked,
    /// The look failed; whoever sends looks again.
    Unseen,
    /// It stands; what the look found is in the mention.
    Stands,
    /// It is gone, or names us no more.
    Gone,
    /// An account of the campaign answered it by hand.
    AnsweredByUs,
}

/// Why a question found no fact: the beginnings of two reasons.
pub const NO_KEYWORD: &str = "no keyword matched";
/// Its words need company.
pub const ONLY_EVERYDAY: &str = "only everyday words matched";

/// From this age on a mention is looked at again before it is answered.
pub const LOOK_AGAIN_AFTER: Duration = Duration::seconds(60);

/// A limit of a whole account: when it is spent, staff are told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpentLimit {
    /// `per_account_per_hour`
    PerAccountPerHour,
    /// `share_of_allowance`
    ShareOfAllowance,
}

impl SpentLimit {
    /// The key in `[replies.limits]`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            SpentLimit::PerAccountPerHour => "per_account_per_hour",
            SpentLimit::ShareOfAllowance => "share_of_allowance",
        }
    }
}

/// Our own status above a mention.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Below {
    /// Its topic.
    pub topic: Option<TopicId>,
    /// The facts it rests on.
    pub facts: Vec<FactId>,
    /// What it left for *more*: see [`Verdict::also`].
    pub also: Vec<FactId>,
    /// What it says, as far as it is kept.
    pub said: String,
}

/// What a stop or start changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Never write to them again.
    Withdrawn,
    /// They may be written to again.
    Given,
}

/// The decision about one mention.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The command that was given.
    pub command: Option<Command>,
    /// What it is about.
    pub topic: Option<TopicId>,
    /// The facts the reply rests on; the first is the one said.
    pub facts: Vec<FactId>,
    /// The best fact of each further topic that was asked about and not answered yet, best first: *more* gives the first.
    pub also: Vec<FactId>,
    /// The language of the reply.
    pub lang: Lang,
    /// What is said; `None` is silence.
    pub reply: Option<Payload>,
    /// What the ledger keeps instead, when not all of the reply may be stored: the content warning of a private
    /// mention is its author's words. Whoever sends it later reads the mention again.
    pub kept: Option<Payload>,
    /// The wording of the fact that is said.
    pub wording: usize,
    /// The account's own limit that kept us silent.
    pub spent: Option<SpentLimit>,
    /// The mention is too old to be answered unseen: nothing is recorded; look at it again, then decide.
    pub look_first: bool,
    /// The reply is not sent any more from this instant on.
    pub answer_until: DateTime<Utc>,
    /// A change of consent to be stored.
    pub consent: Option<Consent>,
    /// Why, in words.
    pub reason: String,
}

impl Verdict {
    /// The word the ledger and `facts try` use: `answer`, `command` or `silent`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match (self.command, &self.reply) {
            (Some(_), Some(_)) => "command",
            (None, Some(_)) => "answer",
            (Some(Command::Stop | Command::Start), None) => "command",
            (_, None) => "silent",
        }
    }
}

/// What stays the same from mention to mention: the campaign's knowledge and rules, and one account's server.
#[derive(Debug)]
pub struct Mind {
    /// Understands text.
    pub matcher: Matcher,
    /// What can be said.
    pub facts: FactBook,
    /// The bot's own sentences.
    pub commands: CommandBook,
    /// Whether mentions are answered at all; stop and start are obeyed all the same.
    pub enabled: bool,
    /// `[replies] template`.
    pub template: String,
    /// `[campaign] hashtags`.
    pub hashtags: Vec<String>,
    /// The first is the default.
    pub languages: Vec<Lang>,
    /// `[replies] max_age`.
    pub max_age: Duration,
    /// `[replies.limits]`.
    pub limits: ReplyLimits,
}

impl Mind {
    /// Whether a status holds one of the campaign's facts, in any wording, or one of its own sentences.
    #[must_use]
    pub fn is_made_of_our_words(&self, status: &str) -> bool {
        let facts = self
            .facts
            .facts
            .iter()
            .flat_map(|fact| fact.text.values().chain(fact.short.values()).chain(fact.variants.values().flatten()));
        let sentences = self.commands.texts.values().flat_map(|by_lang| by_lang.values());
        facts.chain(sentences).any(|words| holds(status, words))
    }
}

/// What the account's server keeps of a reply.
#[derive(Clone, Debug, PartialEq)]
pub struct Venue {
    /// How it counts.
    pub rules: TextRules,
    /// It keeps content warnings; else the warning becomes the first line.
    pub keeps_cw: bool,
    /// It keeps `unlisted`; else replies are direct.
    pub keeps_unlisted: bool,
    /// Creates it allows in its window (300 in 3 h on Mastodon).
    pub allowance: u32,
    /// Profile URLs of every account of the campaign.
    pub ours: Arc<HashSet<String>>,
}

impl Mind {
    /// Understands a mention. Its content warning is context, like a quote: it may name the topic of a question that
    /// names none. Where nothing else was written, the warning is what was said.
    #[must_use]
    pub fn read(&self, mention: &Mention) -> Reading {
        let Some(warning) = &mention.cw else { return self.matcher.read(&mention.text, mention.lang.as_ref()) };
        let mut text = mention.text.clone();
        let part = if text.own.contains(char::is_alphanumeric) { &mut text.quoted } else { &mut text.own };
        part.push('\n');
        part.push_str(warning);
        self.matcher.read(&text, mention.lang.as_ref())
    }
}

/// Decides about one mention at `now` (`today` is the campaign's local date).
#[must_use]
pub fn decide(
    mind: &Mind,
    venue: &Venue,
    mention: &Mention,
    past: &Past,
    now: DateTime<Utc>,
    today: NaiveDate,
) -> Verdict {
    let reading = mind.read(mention);
    let case = Case { mind, venue, mention, past, reading: &reading, now, today };
    let mut verdict = case.decide();
    verdict.look_first =
        verdict.reply.is_some() && past.parent == Parent::NotLooked && now - mention.created_at > LOOK_AGAIN_AFTER;
    verdict
}

/// Decides about a mention that staff want answered with `fact`: limits are theirs to know, consent is not.
#[must_use]
pub fn decide_by_hand(
    mind: &Mind,
    venue: &Venue,
    mention: &Mention,
    past: &Past,
    fact: &FactId,
    now: DateTime<Utc>,
    today: NaiveDate,
) -> Verdict {
    let reading = mind.read(mention);
    let case = Case { mind, venue, mention, past, reading: &reading, now, today };
    Verdict { command: None, ..case.by_hand(fact) }
}

struct Case<'a> {
    mind: &'a Mind,
    venue: &'a Venue,
    mention: &'a Mention,
    past: &'a Past,
    reading: &'a Reading,
    now: DateTime<Utc>,
    today: NaiveDate,
}

impl Case<'_> {
    fn decide(&self) -> Verdict {
        if let Some(reason) = self.not_for_us() {
            let mut verdict = self.silent(reason);
            // A stop is never missed, even where it is not ours to answer; from our own accounts it is no wish.
            if self.reading.command == Some(Command::Stop) && !self.is_ours() {
                verdict.consent = Some(Consent::Withdrawn);
            }
            return verdict;
        }
        match self.reading.command {
            // Always obeyed and confirmed once, whatever is spent (DESIGN §6).
            Some(Command::Stop) => return self.stop(),
            Some(Command::Start) => return self.start(),
            Some(Command::More | Command::Sources | Command::Topics | Command::Help) | None => {}
        }
        if let Some(reason) = self.not_to_be_answered() {
            return self.silent(reason);
        }
        match self.reading.command {
            Some(Command::More | Command::Sources) if self.only_talk() => {
                self.silent("words of a command among many others, and below nothing of ours".into())
            }
            Some(Command::More) => self.more(),
            Some(Command::Sources) => self.sources(),
            Some(Command::Topics) => self.own_sentence("topics", "asked for topics"),
            Some(Command::Help) => self.own_sentence("help", "asked for help"),
            Some(Command::Stop | Command::Start) | None => self.question(),
        }
    }

    fn spoken(&self, reply: Reply, reason: String) -> Verdict {
        let mut verdict = self.silent(reason);
        verdict.lang = reply.lang.clone();
        verdict.wording = reply.wording_used;
        verdict.kept = self.kept(&reply);
        verdict.reply = Some(self.payload(reply));
        verdict
    }

    fn payload(&self, reply: Reply) -> Payload {
        Payload {
            text: reply.text,
            cw: reply.cw,
            visibility: self.visibility(),
            lang: Some(reply.lang),
            media: Vec::new(),
            poll: None,
            in_reply_to: Some(self.mention.status.clone()),
            allowed_mention: Some(self.mention.asker.id.clone()),
        }
    }

    /// The reply without what its asker wrote in private, when there is such a thing in it.
    fn kept(&self, reply: &Reply) -> Option<Payload> {
        let public = matches!(self.mention.visibility, Some(Visibility::Public | Visibility::Unlisted));
        let warned = self.mention.cw.as_deref().is_some_and(|words| !words.trim().is_empty());
        if public || !warned {
            return None;
        }
        let mut kept = reply.clone();
        kept.cw = None;
        if self.warning().place == WarningPlace::FirstLine
            && let Some((_, said)) = reply.text.split_once("\n\n")
        {
            kept.text = said.to_owned();
        }
        Some(self.payload(kept))
    }

    fn silent(&self, reason: String) -> Verdict {
        Verdict {
            command: self.reading.command,
            topic: self.reading.matches.first().map(|found| found.topic.clone()),
            facts: Vec::new(),
            also: Vec::new(),
            lang: self.reading.lang.clone(),
            reply: None,
            kept: None,
            wording: 0,
            spent: None,
            look_first: false,
            answer_until: self.mention.created_at.max(self.now - self.mind.max_age) + self.mind.max_age,
            consent: None,
            reason,
        }
    }
}
