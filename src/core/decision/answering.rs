//! What is said to a mention that is answered: a fact, another one, a source, or a sentence of the bot itself.

use super::{Below, Case, Consent, NO_KEYWORD, ONLY_EVERYDAY, SpentLimit, Verdict};
use crate::core::command::Command;
use crate::core::compose::{self, DoesNotFit, ReplyParts, Warning, WarningPlace};
use crate::core::fact::Fact;
use crate::core::ids::{FactId, Lang, TopicId};
use crate::core::mention::MayReply;
use crate::core::post::Visibility;

/// A person may change their mind twice a day and is told so each time; a machine that says stop and start in turn is
/// obeyed in silence from then on.
const CONFIRMED_A_DAY: u32 = 2;

/// *More* and *source?* are about something told. Among so many other words, and below nothing of ours, they are talk.
const OTHER_WORDS: usize = 4;

/// A list of topics is not cut below so many.
const FEWEST_TOPICS: usize = 3;

impl Case<'_> {
    /// Whether a command that asks about something told only stands somewhere in a text about something else.
    pub(super) fn only_talk(&self) -> bool {
        self.reading.other_words > OTHER_WORDS && self.past.below.is_none()
    }

    pub(super) fn question(&self) -> Verdict {
        let fitting: Vec<&FactId> = self.reading.matches.iter().map(|found| &found.fact).collect();
        if let Some(best) = self.reading.matches.first() {
            // A fact the person has not heard is preferred within the topic that matched best.
            let same_topic =
                self.reading.matches.iter().filter(|found| found.topic == best.topic).map(|found| &found.fact);
            let words = best.words.join(", ");
            let mut verdict = self.answer(
                same_topic.chain(fitting).collect(),
                match best.company.as_slice() {
                    _ if self.reading.by_example && words.is_empty() => {
                        format!("an example about {} says so", best.topic)
                    }
                    _ if self.reading.by_example => format!("it reads like the examples about {}: {words}", best.topic),
                    [] => format!("matched {words}"),
                    company => format!("matched {words} beside {}", company.join(", ")),
                },
            );
            verdict.also = self.further_topics(&verdict);
            return verdict;
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
            return self.silent(NO_KEYWORD.into());
        }
        let words = self.reading.weak_only.join(", ");
        if self.reading.against.is_empty() {
            return self.silent(format!("{ONLY_EVERYDAY}, without company: {words}"));
        }
        let against = self.reading.against.join(", ");
        self.silent(format!("{words} matched, but {against} speaks for a joke or for something else"))
    }

    /// The best fact of each topic that was asked about, but the one that is answered.
    fn further_topics(&self, said: &Verdict) -> Vec<FactId> {
        let mut topics: Vec<&TopicId> = said.topic.iter().collect();
        let mut also = Vec::new();
        for found in &self.reading.matches {
            if !topics.contains(&&found.topic) {
                topics.push(&found.topic);
                also.push(found.fact.clone());
            }
        }
        also
    }

    fn facts_below(&self, below: &Below) -> Vec<FactId> {
        let mut facts = below.facts.clone();
        if let Some(topic) = &below.topic {
            let of_topic = self.mind.facts.facts.iter().filter(|fact| &fact.topic == topic);
            facts.extend(of_topic.map(|fact| fact.id.clone()));
        }
        facts
    }

    /// What the answer this mention is about left for *more*.
    fn left_for_more(&self) -> &[FactId] {
        let told = self.past.below.as_ref().filter(|below| below.topic.is_some());
        told.map_or(&self.past.last_also, |below| &below.also)
    }

    /// The next topic that was named in one breath with the one just told, then another fact of that.
    pub(super) fn more(&self) -> Verdict {
        let (book, heard) = (&self.mind.facts, &self.past.heard);
        let also = self.left_for_more();
        for (at, next) in also.iter().enumerate() {
            let Some(topic) = book.fact(next).map(|fact| &fact.topic) else { continue };
            let sisters = book.facts.iter().filter(|fact| &fact.topic == topic).map(|fact| &fact.id);
            let says = |id: &&FactId| book.fact(id).is_some_and(|fact| book.may_say(fact, self.today));
            let unheard: Vec<&FactId> =
                std::iter::once(next).chain(sisters).filter(says).filter(|id| !heard.contains(*id)).collect();
            if !unheard.is_empty() {
                let mut verdict = self.answer(unheard, "asked for more: the next topic they named".into());
                verdict.also = also.iter().skip(at + 1).cloned().collect();
                return verdict;
            }
        }
        let topic = self.past.below.as_ref().and_then(|below| below.topic.clone()).or(self.past.last_topic.clone());
        let Some(topic) = topic else { return self.own_sentence("more_what", "asked for more, of nothing yet") };
        let of_topic = book.facts.iter().filter(|fact| fact.topic == topic && book.may_say(fact, self.today));
        let unheard: Vec<&FactId> = of_topic.map(|fact| &fact.id).filter(|id| !heard.contains(*id)).collect();
        if unheard.is_empty() {
            return self.own_sentence("more_none", "asked for more, and has heard all of it");
        }
        self.answer(unheard, "asked for more".into())
    }

    /// Says the first fact of `wanted` that this person has not heard, else the one they heard longest ago.
    fn answer(&self, wanted: Vec<&FactId>, why: String) -> Verdict {
        if let Some(silent) = self.held_back() {
            return silent;
        }
        let book = &self.mind.facts;
        let sayable: Vec<_> =
            wanted.into_iter().filter_map(|id| book.fact(id)).filter(|fact| book.may_say(fact, self.today)).collect();
        let (mut heard, unheard): (Vec<&Fact>, Vec<&Fact>) =
            sayable.into_iter().partition(|fact| self.past.heard.contains(&fact.id));
        let how_lately = |fact: &&Fact| self.past.heard_lately.iter().position(|id| *id == fact.id);
        heard.sort_by_key(|fact| std::cmp::Reverse(how_lately(fact)));
        let mut too_long = None;
        // One that is too long for this server gives way to the next.
        for fact in unheard.into_iter().chain(heard) {
            let verdict = self.say(fact, why.clone());
            if verdict.reply.is_some() {
                return verdict;
            }
            too_long.get_or_insert(verdict);
        }
        too_long.unwrap_or_else(|| self.silent("the fact that fits is past its review_by or superseded".into()))
    }

    fn say(&self, fact: &Fact, why: String) -> Verdict {
        let book = &self.mind.facts;
        // Wordings take turns: from answer to answer of the account, and the next one for who hears it again.
        let turn = self.past.last_wording.map_or(0, |last| last.saturating_add(1));
        let wording = self.past.wordings.get(&fact.id).map_or(turn, |last| last.saturating_add(1));
        let parts = ReplyParts {
            template: &self.mind.template,
            fact,
            book,
            lang: &self.reading.lang,
            default_lang: self.default_lang(),
            wording,
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

    /// What staff chose, unless its author does not want to hear from us.
    pub(super) fn by_hand(&self, id: &FactId) -> Verdict {
        if let Some(reason) = self.not_even_by_hand() {
            return self.silent(reason.into());
        }
        let book = &self.mind.facts;
        match book.fact(id).filter(|fact| book.may_say(fact, self.today)) {
            Some(fact) => self.say(fact, format!("staff answered it with the fact {id}")),
            None => self.silent(format!("the fact {id} is not there, replaced, or past its review_by")),
        }
    }

    pub(super) fn sources(&self) -> Verdict {
        let below = self.past.below.as_ref().map(|below| below.facts.clone()).filter(|facts| !facts.is_empty());
        let ids = below.unwrap_or_else(|| self.past.last_facts.clone());
        let facts: Vec<_> = ids.iter().filter_map(|id| self.mind.facts.fact(id)).collect();
        if facts.is_empty() && self.mention.in_reply_to.is_some() && self.past.below.is_none() {
            // `@us is this true?` below somebody else's post asks about that, of which we know nothing.
            return self.silent("asked for a source below what somebody else said".into());
        }
        if facts.is_empty() {
            return self.own_sentence("sources_none", "asked for a source, and we said nothing yet");
        }
        let lang = &self.reading.lang;
        if let Some(silent) = self.held_back() {
            return silent;
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
                verdict.also = self.left_for_more().to_vec();
                verdict
            }
            Err(problem) => self.silent(format!("the source does not fit: {problem}")),
        }
    }

    pub(super) fn stop(&self) -> Verdict {
        let mut verdict = if self.past.opted_out {
            // Confirmed once; saying it again is obeyed in silence.
            self.silent("they said stop, again".into())
        } else if self.mention.asker.bot {
            // A bot that says stop is obeyed, not written to: two bots must not talk.
            self.silent("said stop; a bot is not written to".into())
        } else if self.mention.replies != MayReply::Yes {
            self.silent("said stop; their post takes no reply".into())
        } else if self.past.confirmed_today.0 >= CONFIRMED_A_DAY {
            self.silent("said stop; that was confirmed before today".into())
        } else if self.posts_need_the_rest() {
            self.unconfirmed("said stop")
        } else {
            self.own_sentence("stop_confirmed", "said stop")
        };
        verdict.consent = Some(Consent::Withdrawn);
        verdict
    }

    pub(super) fn start(&self) -> Verdict {
        if self.past.opted_out && !self.past.stop_is_their_own {
            // Whoever writes another's address into their own profile must not undo the other's stop.
            return self.silent("said start; the stop was said under a name that is not theirs alone".into());
        }
        let mut verdict = if self.mention.replies != MayReply::Yes {
            self.silent("said start; their post takes no reply".into())
        } else if self.past.confirmed_today.1 >= CONFIRMED_A_DAY {
            self.silent("said start; that was confirmed before today".into())
        } else if self.past.opted_out && !self.mention.asker.bot && self.posts_need_the_rest() {
            self.unconfirmed("said start")
        } else if self.past.opted_out && !self.mention.asker.bot {
            self.own_sentence("start_confirmed", "said start")
        } else {
            self.silent("said start, and had not said stop".into())
        };
        verdict.consent = Some(Consent::Given);
        verdict
    }

    /// Whether so much of the server's allowance is spent that even a confirmation would be at the cost of posts.
    fn posts_need_the_rest(&self) -> bool {
        let up_to = self.mind.limits.confirmed_up_to(self.venue.allowance);
        up_to.is_some_and(|up_to| self.past.account_last_window >= up_to)
    }

    fn unconfirmed(&self, why: &str) -> Verdict {
        let reason = format!("{why}; not confirmed, because the rest of the server's allowance is kept for posts");
        Verdict { spent: Some(SpentLimit::ShareOfAllowance), ..self.silent(reason) }
    }

    /// One of the campaign's own sentences. A stop or start is confirmed whatever is spent
    /// but what is kept for posts.
    pub(super) fn own_sentence(&self, key: &str, why: &str) -> Verdict {
        let is_consent = matches!(self.reading.command, Some(Command::Stop | Command::Start));
        if let (false, Some(silent)) = (is_consent, self.held_back()) {
            return silent;
        }
        let lang = &self.reading.lang;
        let by_lang = self.mind.commands.texts.get(key);
        let Some(text) = by_lang.and_then(|texts| texts.get(lang).or_else(|| texts.get(self.default_lang()))) else {
            return self.silent(format!("{why}, and config/commands.toml has no text {key:?}"));
        };
        let mut topics = self.topic_names(lang);
        loop {
            let names = text.replace("{topics}", &topics.join(", "));
            match compose::sentence(&self.mention.asker.acct, &names, lang, self.warning(), &self.venue.rules) {
                Ok(reply) => return self.spoken(reply, why.to_owned()),
                // On a server for short texts the last topics give way: some are more than none.
                Err(_) if text.contains("{topics}") && topics.len() > FEWEST_TOPICS => {
                    topics.pop();
                }
                Err(DoesNotFit { needed, limit }) => {
                    return self.silent(format!(
                        "{why}, and the text {key:?} of config/commands.toml is too long for this server: \
                         {needed} characters of {limit}"
                    ));
                }
            }
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

    pub(super) fn warning(&self) -> Warning<'_> {
        let place = if self.venue.keeps_cw { WarningPlace::Field } else { WarningPlace::FirstLine };
        Warning { words: self.mention.cw.as_deref(), place }
    }

    pub(super) fn default_lang(&self) -> &Lang {
        self.mind.languages.first().unwrap_or(&self.reading.lang)
    }

    /// Public and unlisted are answered unlisted, everything else direct; where unlisted would be widened, direct.
    pub(super) fn visibility(&self) -> Visibility {
        match self.mention.visibility {
            Some(Visibility::Public | Visibility::Unlisted) if self.venue.keeps_unlisted => Visibility::Unlisted,
            Some(Visibility::Public | Visibility::Unlisted | Visibility::Private | Visibility::Direct) | None => {
                Visibility::Direct
            }
        }
    }
}
