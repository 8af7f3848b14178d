//! The campaign's knowledge: facts, their sources and links, as checked values.
//!
//! A [`FactBook`] is consistent: every id it names exists, every fact has a text in the campaign's first language.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::core::ids::{FactId, Lang, LinkId, SourceId, TopicId};

/// Everything in `config/facts.toml` and `config/links.toml`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FactBook {
    /// In file order.
    pub facts: Vec<Fact>,
    /// By id.
    pub sources: BTreeMap<SourceId, Source>,
    /// By id.
    pub links: BTreeMap<LinkId, Link>,
    /// Words that let a weak keyword of any topic answer (`company = […]`).
    pub company: Vec<String>,
    /// Names of whom the campaign is about (`target = […]`); they are company, too.
    pub target: Vec<String>,
    /// Words that show that something else is meant (`elsewhere = […]`): they weigh against every topic.
    pub elsewhere: Vec<String>,
    /// Names of others who do what the target does (`others = […]`): a question about them is not about the campaign.
    pub others: Vec<String>,
    /// Words that stand for one another, by the name of what they stand for (`[ideas]`).
    pub ideas: BTreeMap<String, Vec<String>>,
}

/// A text in one or more languages.
pub type ByLang<T> = BTreeMap<Lang, T>;

/// One claim, with where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// Its id.
    pub id: FactId,
    /// What it is about.
    pub topic: TopicId,
    /// Words and phrases that each answer alone, all languages in one list.
    pub keywords: Vec<String>,
    /// Words that belong to the topic, but not to it alone: they answer beside a word of company, else like weak ones.
    pub topical: Vec<String>,
    /// Everyday words that answer only in company.
    pub weak: Vec<String>,
    /// Words that name nothing, but speak for this topic and this fact beside a word that does.
    pub beside: Vec<String>,
    /// Which ideas together ask for it where nothing names it ([`crate::core::matching::check_asked`]).
    pub asked: Vec<String>,
    /// The sentence, by language.
    pub text: ByLang<String>,
    /// A shorter one for small servers.
    pub short: ByLang<String>,
    /// Other wordings, used in turn.
    pub variants: ByLang<Vec<String>>,
    /// Who says so.
    pub source: SourceId,
    /// How old the claim is.
    pub as_of: AsOf,
    /// The day from which it must be looked at again before it is said.
    pub review_by: Option<NaiveDate>,
    /// The fact it replaces; that one is never said.
    pub supersedes: Option<FactId>,
    /// Where to act.
    pub link: LinkId,
}

/// A document a claim comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// What a reply calls it, by language.
    pub title: ByLang<String>,
    /// Who published it, when known.
    pub publisher: Option<String>,
    /// When it appeared.
    pub date: AsOf,
    /// Where it stands, when known.
    pub url: Option<String>,
}

/// Where a reader can act.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The address, by language: a page may be there in several.
    pub url: ByLang<String>,
    /// What stands before it, by language.
    pub label: ByLang<String>,
}

/// A date as precise as it was written; shown no more precisely than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AsOf {
    /// `2021`
    Year(i32),
    /// `2022-07`
    Month(i32, u32),
    /// `2022-07-18`
    Day(NaiveDate),
}

impl FactBook {
    /// The fact with this id.
    #[must_use]
    pub fn fact(&self, id: &FactId) -> Option<&Fact> {
        self.facts.iter().find(|fact| &fact.id == id)
    }

    /// Whether another fact replaces this one; such a fact is never said.
    #[must_use]
    pub fn is_superseded(&self, id: &FactId) -> bool {
        self.facts.iter().any(|fact| fact.supersedes.as_ref() == Some(id))
    }

    /// Whether this fact may be said on `today` (the campaign's local date).
    #[must_use]
    pub fn may_say(&self, fact: &Fact, today: NaiveDate) -> bool {
        !self.is_superseded(&fact.id) && fact.review_by.is_none_or(|day| today < day)
    }

    /// The topics in the order facts first name them, each once.
    #[must_use]
    pub fn topics(&self) -> Vec<TopicId> {
        let mut topics: Vec<TopicId> = Vec::new();
        for fact in &self.facts {
            if !topics.contains(&fact.topic) {
                topics.push(fact.topic.clone());
            }
        }
        topics
    }
}
