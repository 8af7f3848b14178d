//! What we do about a mention, with the reason in words (DESIGN §6): answer, obey a command, or stay silent because ….
//!
//! [`decide`] is pure: what happened before comes in as [`Past`], read in the transaction that stores the verdict, so
//! that two decisions at once cannot both spend the last of a limit. Composing the words is in [`crate::core::compose`]
//! and happens here too, since an answer that cannot be said within the server's limit is a silence with a reason.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Duration, NaiveDate, Utc};

use crate::core::budget::ReplyLimits;
use crate::core::command::{Command, CommandBook};
use crate::core::compose::{self, Reply, ReplyParts, Warning, WarningPlace};
use crate::core::count::TextRules;
use crate::core::delivery::Payload;
use crate::core::fact::FactBook;
use crate::core::ids::{AccountName, FactId, Lang, TopicId};
use crate::core::matching::{Matcher, Reading};
use crate::core::mention::Mention;
use crate::core::post::Visibility;

/// What has happened before, as the ledger knows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// They said stop.
    pub opted_out: bool,
    /// When this person last got a reply.
    pub last_answer: Option<DateTime<Utc>>,
    /// Replies to this person in 24 h.
    pub person_today: u32,
    /// Replies to this person in this thread.
    pub person_in_thread: u32,
    /// Replies in this thread.
    pub in_thread: u32,
    /// Replies of this account in the last hour.
    pub account_last_hour: u32,
    /// Replies of this account in the server's posting window (3 h on Mastodon).
    pub account_last_window: u32,
    /// Facts this person has heard.
    pub heard: HashSet<FactId>,
    /// The topic this person last got a fact about, and those facts.
    pub last_topic: Option<TopicId>,
    /// The facts of that reply.
    pub last_facts: Vec<FactId>,
    /// Another account of the campaign that answered this very status.
    pub answered_by: Option<AccountName>,
    /// Our own status that this mention stands below.
    pub below: Option<Below>,
    /// Older mentions get the decision "before we listened".
    pub listening_since: Option<DateTime<Utc>>,
}

/// Our own status above a mention.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Below {
    /// Its topic.
    pub topic: Option<TopicId>,
    /// The facts it rests on.
    pub facts: Vec<FactId>,
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
    /// The language of the reply.
    pub lang: Lang,
    /// What is said; `None` is silence.
    pub reply: Option<Payload>,
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
    let reading = mind.matcher.read(&mention.text, mention.lang.as_ref());
    let case = Case { mind, venue, mention, past, reading: &reading, now, today };
    case.decide()
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
            Some(Command::More) => self.more(),
            Some(Command::Sources) => self.sources(),
            Some(Command::Topics) => self.own_sentence("topics", "asked for topics"),
            Some(Command::Help) => self.own_sentence("help", "asked for help"),
            Some(Command::Stop | Command::Start) | None => self.question(),
        }
    }

    fn is_ours(&self) -> bool {
        self.venue.ours.contains(&self.mention.asker.url)
    }

    /// Silences that even a stop does not break: nobody spoke to us, or it is history.
    fn not_for_us(&self) -> Option<String> {
        if self.is_ours() {
            return Some("it is from an account of this campaign".into());
        }
        if let Some(since) = self.past.listening_since
            && self.mention.created_at < since
        {
            return Some("it was written before we listened".into());
        }
        if let Some(other) = &self.past.answered_by {
            return Some(format!("{other} of this campaign answered this status already"));
        }
        if self.mention.carried_along {
            return Some("it answers somebody else and only carried our name along".into());
        }
        None
    }

    fn not_to_be_answered(&self) -> Option<String> {
        let (mention, past) = (self.mention, self.past);
        if !self.mind.enabled {
            return Some("replies are switched off in [replies]".into());
        }
        if past.opted_out {
            return Some("they said stop".into());
        }
        if mention.asker.bot {
            return Some("it is from a bot".into());
        }
        if mention.asker.nobot {
            return Some("their profile says #nobot".into());
        }
        if mention.asker.limited {
            return Some("their account is limited by the server".into());
        }
        if mention.others_named >= 5 {
            return Some(format!("it names {} others: a crowd, not a question to us", mention.others_named));
        }
        if self.now - mention.created_at > self.mind.max_age {
            return Some("it is older than [replies] max_age".into());
        }
        None
    }

    /// Limits that are spent, for everything but stop and start; commands skip `per_person_every` only.
    fn spent(&self) -> Option<String> {
        let (limits, past) = (&self.mind.limits, self.past);
        if self.reading.command.is_none()
            && let (Some(every), Some(last)) = (limits.per_person_every, past.last_answer)
            && self.now - last < every
        {
            return Some("limit spent: per_person_every".into());
        }
        let counted = [
            (limits.per_person_per_day, past.person_today, "per_person_per_day"),
            (limits.per_thread_per_person, past.person_in_thread, "per_thread_per_person"),
            (limits.per_thread, past.in_thread, "per_thread"),
            (limits.per_account_per_hour, past.account_last_hour, "per_account_per_hour"),
        ];
        for (limit, used, name) in counted {
            if limit.is_some_and(|limit| used >= limit) {
                return Some(format!("limit spent: {name}"));
            }
        }
        let share = limits.share_of_allowance?;
        let replies = f64::from(self.venue.allowance) * share;
        (f64::from(past.account_last_window) >= replies)
            .then(|| "limit spent: share_of_allowance, the rest is kept for posts".into())
    }

    fn question(&self) -> Verdict {
        let fitting: Vec<&FactId> = self.reading.matches.iter().map(|found| &found.fact).collect();
        if let Some(best) = self.reading.matches.first() {
            // A fact the person has not heard is preferred within the topic that matched best.
            let same_topic =
                self.reading.matches.iter().filter(|found| found.topic == best.topic).map(|found| &found.fact);
            let words = best.words.join(", ");
            return self.answer(same_topic.chain(fitting).collect(), format!("matched {words}"));
        }
        // Question marks of every script a keyboard of ours writes; "thanks" below a post is no question.
        let asks = self.mention.text.own.contains(['?', '¿', '？', '؟']);
        if let (true, Some(below)) = (asks, &self.past.below) {
            let facts: Vec<FactId> = self.facts_below(below);
            if !facts.is_empty() {
                return self.answer(facts.iter().collect(), "asked below our own post".into());
            }
        }
        if !self.reading.negated.is_empty() {
            return self.silent(format!("it says it is not about {}", self.reading.negated.join(", ")));
        }
        if self.reading.weak_only.is_empty() {
            return self.silent("no keyword matched".into());
        }
        self.silent(format!("only everyday words matched, without company: {}", self.reading.weak_only.join(", ")))
    }

    fn facts_below(&self, below: &Below) -> Vec<FactId> {
        let mut facts = below.facts.clone();
        if let Some(topic) = &below.topic {
            let of_topic = self.mind.facts.facts.iter().filter(|fact| &fact.topic == topic);
            facts.extend(of_topic.map(|fact| fact.id.clone()));
        }
        facts
    }

    fn more(&self) -> Verdict {
        let topic = self.past.below.as_ref().and_then(|below| below.topic.clone()).or(self.past.last_topic.clone());
        let Some(topic) = topic else { return self.own_sentence("more_what", "asked for more, of nothing yet") };
        let (book, heard) = (&self.mind.facts, &self.past.heard);
        let of_topic = book.facts.iter().filter(|fact| fact.topic == topic && book.may_say(fact, self.today));
        let unheard: Vec<&FactId> = of_topic.map(|fact| &fact.id).filter(|id| !heard.contains(*id)).collect();
        if unheard.is_empty() {
            return self.own_sentence("more_none", "asked for more, and has heard all of it");
        }
        self.answer(unheard, "asked for more".into())
    }

    /// Says the first fact of `wanted` that this person has not heard, else the first again.
    fn answer(&self, wanted: Vec<&FactId>, why: String) -> Verdict {
        if let Some(reason) = self.spent() {
            return self.silent(reason);
        }
        let book = &self.mind.facts;
        let sayable: Vec<_> =
            wanted.into_iter().filter_map(|id| book.fact(id)).filter(|fact| book.may_say(fact, self.today)).collect();
        let unheard = sayable.iter().find(|fact| !self.past.heard.contains(&fact.id));
        let Some(fact) = unheard.or(sayable.first()) else {
            return self.silent("the fact that fits is past its review_by or superseded".into());
        };
        let times_heard = usize::from(self.past.heard.contains(&fact.id));
        let parts = ReplyParts {
            template: &self.mind.template,
            fact,
            book,
            lang: &self.reading.lang,
            default_lang: self.default_lang(),
            wording: times_heard,
            asker: &self.mention.asker.acct,
            hashtags: &self.mind.hashtags,
            warning: self.warning(),
            rules: &self.venue.rules,
        };
        match compose::reply(&parts) {
            Ok(reply) => {
                let mut verdict = self.spoken(reply, why);
                verdict.topic = Some(fact.topic.clone());
                verdict.facts = vec![fact.id.clone()];
                verdict
            }
            Err(problem) => self.silent(format!("fact {} does not fit: {problem}", fact.id)),
        }
    }

    fn sources(&self) -> Verdict {
        let below = self.past.below.as_ref().map(|below| below.facts.clone()).filter(|facts| !facts.is_empty());
        let ids = below.unwrap_or_else(|| self.past.last_facts.clone());
        let facts: Vec<_> = ids.iter().filter_map(|id| self.mind.facts.fact(id)).collect();
        if facts.is_empty() {
            return self.own_sentence("sources_none", "asked for a source, and we said nothing yet");
        }
        let lang = &self.reading.lang;
        if let Some(reason) = self.spent() {
            return self.silent(reason);
        }
        let reply = compose::sources_reply(
            &self.mention.asker.acct,
            "",
            &facts,
            &self.mind.facts,
            lang,
            self.default_lang(),
            self.warning(),
            &self.venue.rules,
        );
        match reply {
            Ok(reply) => {
                let mut verdict = self.spoken(reply, "asked for the source".into());
                verdict.topic = facts.first().map(|fact| fact.topic.clone());
                verdict.facts = ids;
                verdict
            }
            Err(problem) => self.silent(format!("the source does not fit: {problem}")),
        }
    }

    fn stop(&self) -> Verdict {
        let mut verdict = if self.past.opted_out {
            // Confirmed once; saying it again is obeyed in silence.
            self.silent("they said stop, again".into())
        } else if self.mention.asker.bot {
            // A bot that says stop is obeyed, not written to: two bots must not talk.
            self.silent("said stop; a bot is not written to".into())
        } else {
            self.own_sentence("stop_confirmed", "said stop")
        };
        verdict.consent = Some(Consent::Withdrawn);
        verdict
    }

    fn start(&self) -> Verdict {
        let mut verdict = if self.past.opted_out && !self.mention.asker.bot {
            self.own_sentence("start_confirmed", "said start")
        } else {
            self.silent("said start, and had not said stop".into())
        };
        verdict.consent = Some(Consent::Given);
        verdict
    }

    /// One of the campaign's own sentences. A stop or start is confirmed whatever is spent.
    fn own_sentence(&self, key: &str, why: &str) -> Verdict {
        let is_consent = matches!(self.reading.command, Some(Command::Stop | Command::Start));
        if let (false, Some(reason)) = (is_consent, self.spent()) {
            return self.silent(reason);
        }
        let lang = &self.reading.lang;
        let by_lang = self.mind.commands.texts.get(key);
        let Some(text) = by_lang.and_then(|texts| texts.get(lang).or_else(|| texts.get(self.default_lang()))) else {
            return self.silent(format!("{why}, and config/commands.toml has no text {key:?}"));
        };
        let text = text.replace("{topics}", &self.topic_names(lang).join(", "));
        match compose::sentence(&self.mention.asker.acct, &text, lang, self.warning(), &self.venue.rules) {
            Ok(reply) => self.spoken(reply, why.to_owned()),
            Err(problem) => self.silent(format!("{why}, and the text {key:?} does not fit: {problem}")),
        }
    }

    fn topic_names(&self, lang: &Lang) -> Vec<String> {
        let names = &self.mind.commands.topic_names;
        let name = |topic: &TopicId| {
            let by_lang = names.get(topic);
            let name = by_lang.and_then(|by_lang| by_lang.get(lang).or_else(|| by_lang.get(self.default_lang())));
            name.cloned().unwrap_or_else(|| topic.to_string())
        };
        self.mind.facts.topics().iter().map(name).collect()
    }

    fn warning(&self) -> Warning<'_> {
        let place = if self.venue.keeps_cw { WarningPlace::Field } else { WarningPlace::FirstLine };
        Warning { words: self.mention.cw.as_deref(), place }
    }

    fn default_lang(&self) -> &Lang {
        self.mind.languages.first().unwrap_or(&self.reading.lang)
    }

    /// Public and unlisted are answered unlisted, everything else direct; where unlisted would be widened, direct.
    fn visibility(&self) -> Visibility {
        match self.mention.visibility {
            Some(Visibility::Public | Visibility::Unlisted) if self.venue.keeps_unlisted => Visibility::Unlisted,
            Some(Visibility::Public | Visibility::Unlisted | Visibility::Private | Visibility::Direct) | None => {
                Visibility::Direct
            }
        }
    }

    fn spoken(&self, reply: Reply, reason: String) -> Verdict {
        let mut verdict = self.silent(reason);
        verdict.lang = reply.lang.clone();
        verdict.reply = Some(Payload {
            text: reply.text,
            cw: reply.cw,
            visibility: self.visibility(),
            lang: Some(reply.lang),
            media: Vec::new(),
            poll: None,
            in_reply_to: Some(self.mention.status.clone()),
            allowed_mention: Some(self.mention.asker.id.clone()),
        });
        verdict
    }

    fn silent(&self, reason: String) -> Verdict {
        Verdict {
            command: self.reading.command,
            topic: self.reading.matches.first().map(|found| found.topic.clone()),
            facts: Vec::new(),
            lang: self.reading.lang.clone(),
            reply: None,
            answer_until: self.mention.created_at.max(self.now - self.mind.max_age) + self.mind.max_age,
            consent: None,
            reason,
        }
    }
}
