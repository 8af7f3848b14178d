//! Every reason for saying nothing (DESIGN §6). Limits are read from what the ledger counted; nothing is counted here.

use std::collections::HashSet;

use super::{Case, Parent, SpentLimit, Verdict};
use crate::core::mention::MayReply;
use crate::core::text::fold;

const NOBOT: &str = "their profile says #nobot";
const APPROVES: &str = "its author wants to approve every reply: we do not queue for that";
const NO_REPLIES: &str = "its author does not let us reply to it";

/// Whether a mention was left unanswered for this reason by the wish of its author, which staff do not overrule.
#[must_use]
pub fn is_their_wish(reason: &str) -> bool {
    [NOBOT, APPROVES, NO_REPLIES].contains(&reason)
}

impl Case<'_> {
    pub(super) fn is_ours(&self) -> bool {
        self.venue.ours.contains(&self.mention.asker.url)
    }

    /// Silences that even a stop does not break: nobody spoke to us, or it is history.
    pub(super) fn not_for_us(&self) -> Option<String> {
        if self.is_ours() {
            return Some("it is from an account of this campaign".into());
        }
        if let Some(since) = self.past.listening_since
            && self.mention.created_at < since
        {
            return Some("it was written before we listened".into());
        }
        if self.past.parent == Parent::Gone {
            return Some("it is gone, or names us no more".into());
        }
        if let Some(other) = &self.past.answered_by {
            return Some(format!("{other} of this campaign answered this status already"));
        }
        if !self.mention.addressed {
            return Some("it does not name us".into());
        }
        if self.mention.carried_along {
            return Some("it answers somebody else and only carried our name along".into());
        }
        None
    }

    pub(super) fn not_to_be_answered(&self) -> Option<String> {
        let (mention, past) = (self.mention, self.past);
        if !self.mind.enabled {
            return Some("replies are switched off in [replies]".into());
        }
        if past.opted_out {
            return Some("they said stop".into());
        }
        if past.paused {
            return Some("paused: staff paused replies with `watchpost pause`".into());
        }
        if past.parent == Parent::AnsweredByUs {
            return Some("an account of this campaign answered it by hand".into());
        }
        match mention.replies {
            MayReply::Yes => {}
            MayReply::AfterApproval => {
                return Some(APPROVES.into());
            }
            MayReply::No => return Some(NO_REPLIES.into()),
        }
        if mention.asker.bot {
            return Some("it is from a bot".into());
        }
        if mention.asker.group {
            return Some("it is from a group, which passes on what others say".into());
        }
        if mention.asker.nobot {
            return Some(NOBOT.into());
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

    /// What no wish of staff overrules.
    pub(super) fn not_even_by_hand(&self) -> Option<&'static str> {
        if self.past.opted_out {
            return Some("they said stop");
        }
        if self.is_ours() {
            return Some("it is from an account of this campaign");
        }
        if self.mention.asker.nobot {
            return Some(NOBOT);
        }
        if self.mention.replies != MayReply::Yes {
            return Some(NO_REPLIES);
        }
        (self.now - self.mention.created_at > self.mind.max_age).then_some("it is older than [replies] max_age")
    }

    /// Why nothing is said although there is something to say: limits that are spent, or talk of two machines. Not for
    /// stop and start; the other commands skip `per_person_every` only.
    pub(super) fn held_back(&self) -> Option<Verdict> {
        if let Some(reason) = self.spent() {
            return Some(self.silent(reason));
        }
        if let Some(limit) = self.spent_of_account() {
            let kept = match limit {
                SpentLimit::PerAccountPerHour => "",
                SpentLimit::ShareOfAllowance => ", the rest is kept for posts",
            };
            let mut verdict = self.silent(format!("limit spent: {}{kept}", limit.as_str()));
            verdict.spent = Some(limit);
            return Some(verdict);
        }
        self.machine_talk().map(|reason| self.silent(reason.into()))
    }

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
        ];
        let spent = counted.iter().find(|(limit, used, _)| limit.is_some_and(|limit| *used >= limit));
        spent.map(|(_, _, name)| format!("limit spent: {name}"))
    }

    fn spent_of_account(&self) -> Option<SpentLimit> {
        let (limits, past) = (&self.mind.limits, self.past);
        if limits.per_account_per_hour.is_some_and(|limit| past.account_last_hour >= limit) {
            return Some(SpentLimit::PerAccountPerHour);
        }
        // Who gives replies all of it keeps nothing for posts: then the server's own limit is the only one.
        let share = limits.share_of_allowance.filter(|share| *share < 1.0)?;
        let replies = f64::from(self.venue.allowance) * share;
        (f64::from(past.account_last_window) >= replies).then_some(SpentLimit::ShareOfAllowance)
    }

    /// Two machines answering one another, also where limits are off and neither says it is one. Only below something
    /// we said: a new question is no loop.
    fn machine_talk(&self) -> Option<&'static str> {
        let below = self.past.below.as_ref()?;
        if repeats(&below.said, &self.mention.text.own) {
            return Some("it repeats our own words: an echo, not a question");
        }
        let own = fold(&self.mention.text.own);
        let again = self.past.answered_words.iter().filter(|said| fold(said) == own).count();
        if again >= SAME_WORDS {
            return Some("they said the very same words before in this thread: it looks like a machine");
        }
        if self.past.person_in_thread_last_minute >= FASTER_THAN_READING {
            return Some("they were answered several times within a minute in this thread: it looks like a machine");
        }
        None
    }
}

/// How often the very same words are answered in one thread: once, and once more for whoever missed the answer.
const SAME_WORDS: usize = 2;

/// Nobody reads so many sourced answers in a minute and asks on.
const FASTER_THAN_READING: u32 = 4;

/// Words in a row that are no coincidence.
const RUN: usize = 4;

/// Whether at least half of `theirs` consists of runs of words of `ours`.
fn repeats(ours: &str, theirs: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        let folded = fold(text);
        folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let (ours, theirs) = (words(ours), words(theirs));
    let known: HashSet<&[String]> = ours.windows(RUN).collect();
    let runs = theirs.windows(RUN).count();
    let repeated = theirs.windows(RUN).filter(|run| known.contains(run)).count();
    repeated >= RUN && repeated * 2 >= runs
}
