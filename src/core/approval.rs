//! Whether somebody agreed to a post: the rule of the campaign, the words people gave, and what follows from both.
//!
//! Invariants: a word counts for exactly the content it was given on, so an edit asks again; under
//! [`ApprovalRule::TwoPerson`] nobody agrees to their own. What a post's content is, as one text, is the caller's.

use chrono::{DateTime, Utc};

use crate::core::post::{Post, Readiness};

/// `[campaign] approval`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ApprovalRule {
    /// Only a post with `status: review` waits for somebody; anybody may agree.
    #[default]
    None,
    /// Every post waits for somebody who is not its author.
    TwoPerson,
}

/// What somebody said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may go out.
    Approved,
    /// It must be changed first.
    Rejected,
}

impl Verdict {
    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Approved => "approved",
            Verdict::Rejected => "rejected",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Verdict::Approved, Verdict::Rejected].into_iter().find(|verdict| verdict.as_str() == word)
    }
}

/// A word that was given on a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// What was said.
    pub verdict: Verdict,
    /// By whom, in the name they gave.
    pub by: String,
    /// With what note; may be empty.
    pub note: String,
    /// The content it was said of.
    pub content: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Where a post stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody needs to agree.
    NotAsked,
    /// Somebody agreed to it as it is.
    Approved {
        /// Who.
        by: String,
        /// When.
        at: DateTime<Utc>,
    },
    /// It waits for somebody.
    Waits(Why),
}

/// Why a post waits for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nobody has looked at it yet.
    Unseen,
    /// It was changed after this was said.
    Edited(Approval),
    /// Somebody wants it changed.
    Rejected(Approval),
    /// Two people are needed, and it does not say who wrote it.
    NoAuthor,
    /// Two people are needed, and its author agreed to it.
    Own(String),
    /// Somebody agreed to it after its time.
    TooLate(Approval),
}

impl Why {
    /// In words, as they stand behind "waits for approval".
    #[must_use]
    pub fn words(&self) -> String {
        let noted = |approval: &Approval| match approval.note.as_str() {
            "" => String::new(),
            note => format!(": {note}"),
        };
        match self {
            Why::Unseen => "nobody has looked at it yet".to_owned(),
            Why::Edited(last) => format!("edited since {} {} it{}", last.by, last.verdict.as_str(), noted(last)),
            Why::Rejected(last) => format!("{} rejected it{}", last.by, noted(last)),
            Why::NoAuthor => "it does not say who wrote it: add `author: NAME` above its text".to_owned(),
            Why::Own(author) => format!("{author} wrote it: somebody else must approve it"),
            Why::TooLate(last) => format!("{} approved it after its time: give it a new time", last.by),
        }
    }
}

/// Whether two names mean the same person: letters and signs count, their case and the space around them do not.
#[must_use]
pub fn same_person(one: &str, other: &str) -> bool {
    let folded = |name: &str| name.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ");
    folded(one) == folded(other)
}

/// Where `post` stands under `rule` after the `last` word that was given on it. `content` is what it is now; `due` is
/// when it goes out, where that is one known instant.
#[must_use]
pub fn standing(
    post: &Post,
    rule: ApprovalRule,
    last: Option<&Approval>,
    content: &str,
    due: Option<DateTime<Utc>>,
) -> Standing {
    let asked = match (post.readiness, rule) {
        (Readiness::Draft, _) | (Readiness::Ready, ApprovalRule::None) => false,
        (Readiness::Review, _) | (Readiness::Ready, ApprovalRule::TwoPerson) => true,
    };
    if !asked {
        return Standing::NotAsked;
    }
    if rule == ApprovalRule::TwoPerson && post.author.as_deref().is_none_or(|author| author.trim().is_empty()) {
        return Standing::Waits(Why::NoAuthor);
    }
    let Some(last) = last else { return Standing::Waits(Why::Unseen) };
    if last.content != content {
        return Standing::Waits(Why::Edited(last.clone()));
    }
    if last.verdict == Verdict::Rejected {
        return Standing::Waits(Why::Rejected(last.clone()));
    }
    if let Some(author) = post.author.as_deref().filter(|author| same_person(author, &last.by))
        && rule == ApprovalRule::TwoPerson
    {
        return Standing::Waits(Why::Own(author.to_owned()));
    }
    if due.is_some_and(|due| due < last.at) {
        return Standing::Waits(Why::TooLate(last.clone()));
    }
    Standing::Approved { by: last.by.clone(), at: last.at }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ids::{Lang, PostId};
    use crate::core::post::When;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + minute * 60, 0).unwrap()
    }

    fn check(rule: ApprovalRule, readiness: Readiness, last: Option<(Verdict, &str, &str)>) -> String {
        let mut post = Post::new(PostId::from("p"), When::NextSlot, Lang::from("en"), vec!["Words".to_owned()]);
        post.readiness = readiness;
        post.author = Some("Ada Lovelace".to_owned());
        let last = last.map(|(verdict, by, content)| Approval {
            verdict,
            by: by.to_owned(),
            note: String::new(),
            content: content.to_owned(),
            at: at(5),
        });
        match standing(&post, rule, last.as_ref(), "now", None) {
            Standing::NotAsked => "not asked".to_owned(),
            Standing::Approved { by, .. } => format!("approved by {by}"),
            Standing::Waits(why) => why.words(),
        }
    }

    #[test]
    fn a_word_counts_for_what_it_was_given_on_and_nobody_agrees_to_their_own() {
        use ApprovalRule::{None as Free, TwoPerson};
        use Readiness::{Draft, Ready, Review};
        use Verdict::{Approved, Rejected};
        for (rule, readiness, last, expected) in [
            (Free, Ready, None, "not asked"),
            (Free, Draft, None, "not asked"),
            (TwoPerson, Draft, Some((Approved, "Bo", "now")), "not asked"),
            (Free, Review, None, "nobody has looked at it yet"),
            (Free, Review, Some((Approved, "Ada Lovelace", "now")), "approved by Ada Lovelace"),
            (TwoPerson, Ready, None, "nobody has looked at it yet"),
            (TwoPerson, Ready, Some((Approved, "Bo", "now")), "approved by Bo"),
            (TwoPerson, Review, Some((Approved, "Bo", "now")), "approved by Bo"),
            (TwoPerson, Ready, Some((Approved, "Bo", "before")), "edited since Bo approved it"),
            (TwoPerson, Ready, Some((Rejected, "Bo", "now")), "Bo rejected it"),
            (TwoPerson, Ready, Some((Rejected, "Bo", "before")), "edited since Bo rejected it"),
            (
                TwoPerson,
                Ready,
                Some((Approved, " ada  LOVELACE ", "now")),
                "Ada Lovelace wrote it: somebody else must approve it",
            ),
        ] {
            assert_eq!(check(rule, readiness, last), expected, "{rule:?} {readiness:?} {last:?}");
        }
    }

    #[test]
    fn two_people_are_needed_so_it_must_say_who_wrote_it() {
        let post = Post::new(PostId::from("p"), When::NextSlot, Lang::from("en"), vec!["Words".to_owned()]);
        assert_eq!(standing(&post, ApprovalRule::TwoPerson, None, "", None), Standing::Waits(Why::NoAuthor));
    }

    #[test]
    fn who_agrees_after_its_time_comes_too_late() {
        let mut post = Post::new(PostId::from("p"), When::NextSlot, Lang::from("en"), vec!["Words".to_owned()]);
        post.readiness = Readiness::Review;
        let word = Approval {
            verdict: Verdict::Approved,
            by: "Bo".to_owned(),
            note: String::new(),
            content: "now".to_owned(),
            at: at(5),
        };
        for (due, late) in [(Some(at(4)), true), (Some(at(5)), false), (Some(at(6)), false), (None, false)] {
            let stands = standing(&post, ApprovalRule::None, Some(&word), "now", due);
            assert_eq!(matches!(stands, Standing::Waits(Why::TooLate(_))), late, "{due:?}");
        }
    }
}
