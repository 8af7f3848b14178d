//! What the ledger will hold back because its account said the same lately (DESIGN §5, law 1), foreseen before it is due:
//! against what was said, and against what the same plan says before it.
//!
//! The rule is the store's, asked there when a row is made and when it is claimed; [`SaidTexts::holds`] is the same
//! question to what was read beforehand. Nothing here changes what is sent.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Duration, Utc};

use super::late::Fate;
use super::{Plan, Planned, Silenced};
use crate::core::ids::{AccountName, Occurrence, PostId};

/// For how long the same text of a `once` post counts as already said (DESIGN §5, law 1).
pub const SAID_FOR: Duration = Duration::days(60);

/// Why such a post is held.
pub const ALREADY_SAID: &str = "already said: this account showed the same text within 60 days";

/// What accounts said lately, by a print of the words.
#[derive(Clone, Debug, Default)]
pub struct SaidTexts {
    said: HashMap<(AccountName, String), Vec<Told>>,
    /// What a person released: it is said again.
    released: HashSet<(AccountName, PostId)>,
}

#[derive(Clone, Debug)]
struct Told {
    post: Option<PostId>,
    is_once: bool,
    at: DateTime<Utc>,
}

impl SaidTexts {
    /// Notes that an account said it: as an occurrence of a post, or before it was ours.
    pub fn note(
        &mut self,
        account: &AccountName,
        print: String,
        of: Option<(&PostId, &Occurrence)>,
        at: DateTime<Utc>,
    ) {
        let is_once = of.is_some_and(|(_, occurrence)| *occurrence == Occurrence::once());
        let told = Told { post: of.map(|(post, _)| post.clone()), is_once, at };
        self.said.entry((account.clone(), print)).or_default().push(told);
    }

    /// Notes that a person wants this post said whatever was said before.
    pub fn release(&mut self, account: AccountName, post: PostId) {
        self.released.insert((account, post));
    }

    /// Whether the once-post is held, asked at this instant.
    fn holds(&self, planned: &Planned, print: &str, asked: DateTime<Utc>) -> bool {
        let (account, post) = (&planned.account, &planned.post);
        let Some(said) = self.said.get(&(account.clone(), print.to_owned())) else { return false };
        let counts = |told: &Told| {
            let is_itself = told.is_once && told.post.as_ref() == Some(post);
            !is_itself && asked - SAID_FOR < told.at && told.at <= asked
        };
        said.iter().any(counts) && !self.released.contains(&(account.clone(), post.clone()))
    }
}

impl Plan {
    /// Puts what will be held for having been said aside, into [`Plan::repeated`] or among what is late. `print` is the
    /// print of a post's words on its account. A row is made `ahead` of its time and asked about then, from `now` on,
    /// and again when it is due.
    pub fn foresee(
        &mut self,
        mut said: SaidTexts,
        print: impl Fn(&AccountName, &PostId) -> Option<String>,
        now: DateTime<Utc>,
        ahead: Duration,
    ) {
        for late in &mut self.late {
            let Fate::Leaves(at) = late.fate else { continue };
            let what = &late.what;
            let Some(print) = print(&what.account, &what.post) else { continue };
            let planned = what.leaving(at);
            if planned.occurrence == Occurrence::once() && said.holds(&planned, &print, now) {
                late.fate = Fate::Held(ALREADY_SAID.to_owned());
            } else {
                said.note(&planned.account, print, Some((&planned.post, &planned.occurrence)), at);
            }
        }
        let planned = std::mem::take(&mut self.planned);
        self.planned.reserve(planned.len());
        for planned in planned {
            let Some(print) = print(&planned.account, &planned.post) else {
                self.planned.push(planned);
                continue;
            };
            let made = now.max(planned.at - ahead);
            let is_once = planned.occurrence == Occurrence::once();
            // Twins of one plan have their rows before either is said: that one is asked about when it is due.
            let asked = [made, planned.at];
            if is_once && asked.into_iter().any(|asked| said.holds(&planned, &print, asked)) {
                self.repeated.push(Silenced { planned, fate: Fate::Held(ALREADY_SAID.to_owned()) });
            } else {
                said.note(&planned.account, print, Some((&planned.post, &planned.occurrence)), planned.at);
                self.planned.push(planned);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::plan::Kind;

    fn day(number: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::days(20_000 + number)
    }

    fn planned(post: &str, on: i64, kind: Kind) -> Planned {
        let (at, local) = (day(on), day(on).naive_utc());
        let occurrence = match kind {
            Kind::At | Kind::Slot => Occurrence::once(),
            Kind::Every | Kind::Evergreen => Occurrence::local(local),
        };
        let (account, post) = (AccountName::from("eyes"), PostId::from(post));
        Planned { at, local, nominal: at, account, post, occurrence, parts: 1, kind, expires_at: at }
    }

    /// Which of these posts are held on day 0, when their texts are their ids without digits.
    #[track_caller]
    fn check(posts: &[(&str, i64, Kind)], expected: &[&str]) {
        let mut said = SaidTexts::default();
        let eyes = AccountName::from("eyes");
        said.note(&eyes, "ring".to_owned(), Some((&PostId::from("ring0"), &Occurrence::once())), day(-10));
        said.note(&eyes, "own".to_owned(), None, day(-10));
        said.release(eyes, PostId::from("ring9"));
        let mut plan =
            Plan { planned: posts.iter().map(|(id, on, kind)| planned(id, *on, *kind)).collect(), ..Plan::default() };
        let print = |_: &AccountName, post: &PostId| {
            Some(post.as_str().trim_end_matches(|sign: char| sign.is_ascii_digit()).to_owned())
        };
        plan.foresee(said, print, day(0), Duration::days(8));
        let held: Vec<&str> = plan.repeated.iter().map(|held| held.planned.post.as_str()).collect();
        assert_eq!(held, expected);
        assert_eq!(plan.planned.len() + held.len(), posts.len());
    }

    #[test]
    fn what_was_said_within_sixty_days_is_held_and_nothing_else() {
        use Kind::{At, Evergreen, Every, Slot};
        check(&[("ring1", 1, At), ("own1", 2, Slot), ("other1", 3, At)], &["ring1", "own1"]);
        check(&[("ring0", 1, At), ("ring9", 2, At), ("ring1", 2, Every), ("ring1", 3, Evergreen)], &[]);
        // The row is made eight days before, and held then.
        check(&[("ring1", 57, At)], &["ring1"]);
        check(&[("ring2", 58, At)], &[]);
        // Of twins in one plan the first is said.
        check(&[("new1", 1, At), ("new2", 50, At), ("new3", 80, Slot)], &["new2"]);
        check(&[("new1", 1, At), ("new2", 70, At)], &[]);
    }
}
