//! What the demo's invented followers say. Any campaign with an account can play it; the questions are about the
//! shipped one.

use crate::campaign::Campaign;

/// One thing a follower says.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Who; an invented name.
    pub who: &'static str,
    /// An automated account.
    pub bot: bool,
    /// What, with the account's name in it.
    pub text: String,
    /// Under what.
    pub below: Below,
}

/// Under what a follower writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Below {
    /// A status of its own.
    Nothing,
    /// Our last answer to them.
    LastAnswer,
    /// Our last post.
    LastPost,
}

/// The story, in order.
pub(super) fn lines(campaign: &Campaign) -> Vec<Line> {
    let Some(first) = campaign.accounts.first() else { return Vec::new() };
    let last = campaign.accounts.last().unwrap_or(first);
    let (a, b) = (first.name.as_str(), last.name.as_str());
    let line = |who, text, below| Line { who, bot: false, text, below };
    vec![
        line("luz", format!("@{a} is it true that the police can get my doorbell camera footage?"), Below::Nothing),
        line("marco", format!("@{b} ¿qué es eso del reconocimiento facial de Amazon?"), Below::Nothing),
        line("sam", format!("@{a} she said yes!! the ring is beautiful"), Below::Nothing),
        line("luz", format!("@{a} more"), Below::LastAnswer),
        line("noor", format!("@{a} source?"), Below::LastPost),
        Line { who: "newsbot", bot: true, text: format!("@{a} trending now: Palantir"), below: Below::Nothing },
        line("marco", format!("@{b} basta ya, no me escribas más"), Below::LastAnswer),
        line("marco", format!("@{a} Palantir"), Below::Nothing),
        line("dee", format!("@{a} what does Palantir have to do with ICE and Amazon?"), Below::Nothing),
    ]
}
