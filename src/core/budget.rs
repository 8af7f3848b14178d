//! How much the bot may say, and to whom (DESIGN §4 `[replies.limits]`).

use chrono::Duration;

/// The limits of `[replies.limits]`; `None` is "unlimited", and means it.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplyLimits {
    /// Least time between two answers to one person.
    pub per_person_every: Option<Duration>,
    /// Answers to one person in 24 h.
    pub per_person_per_day: Option<u32>,
    /// Answers to one person in one thread.
    pub per_thread_per_person: Option<u32>,
    /// Answers in one thread.
    pub per_thread: Option<u32>,
    /// Answers of one account in an hour.
    pub per_account_per_hour: Option<u32>,
    /// The part of the server's posting allowance replies may use, 0 to 1, so that posts always pass; 1 keeps nothing
    /// for posts and is the same as no limit.
    pub share_of_allowance: Option<f64>,
}

impl Default for ReplyLimits {
    fn default() -> Self {
        Self {
            per_person_every: Some(Duration::minutes(10)),
            per_person_per_day: Some(3),
            per_thread_per_person: Some(2),
            per_thread: Some(5),
            per_account_per_hour: Some(60),
            share_of_allowance: Some(0.33),
        }
    }
}

impl ReplyLimits {
    /// Up to how many replies in the server's window a stop or start is still confirmed: half of what answers leave of the
    /// allowance, so that a crowd that says stop does not silence the campaign. `None` where nothing is kept for posts.
    #[must_use]
    pub fn confirmed_up_to(&self, allowance: u32) -> Option<u32> {
        let share = self.share_of_allowance.filter(|share| *share < 1.0)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count, 0 to 1")]
        let count = (f64::from(allowance) * (1.0 + share) / 2.0).ceil() as u32;
        Some(count)
    }

    /// No limit needs a higher count of replies in a thread, or of an account, on a server with this posting
    /// allowance; 0 when there is none.
    #[must_use]
    pub fn counted_to(&self, allowance: u32) -> u32 {
        let confirmed = self.confirmed_up_to(allowance);
        [self.per_thread, self.per_account_per_hour, confirmed].into_iter().flatten().max().unwrap_or(0)
    }
}
