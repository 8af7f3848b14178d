//! One request to create a status, from its arrival to its answer: key, parent, waiting, late and pretended success.
//!
//! Invariant: unless it is held midway on purpose, looking a key up and publishing are one step under the lock, so that
//! requests overlap only when a test says so.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Sandbox;
use super::answer::Said;
use super::create::{Draft, Via};
use super::faults::Trouble;
use super::ids::{AccountKey, time};
use super::key_store::{Held, Look};
use super::profile::{Commit, EmojiReplies, KeptFrom, Profile};
use super::refused::Refused;
use super::state::{Made, State};

/// Who wants what, and what goes wrong with it.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) author: AccountKey,
    pub(crate) draft: Draft,
    /// When the status stands.
    pub(crate) commit: Commit,
    /// Seconds for which a new status is unknown as a parent.
    pub(crate) parent_lag: u32,
    /// The key is forgotten after success.
    pub(crate) key_lost: bool,
    /// Held after its key was looked up: for so many milliseconds, or until released.
    pub(crate) midway: Option<Option<u64>>,
}

/// How far a request has come.
#[derive(Debug)]
enum Step {
    Done(Said),
    Waits,
    Midway,
    /// Accepted, to be published then.
    Late(DateTime<Utc>),
}

/// What a proxy says when the server behind it is too slow.
const GATEWAY: &str =
    "<html><head><title>504 Gateway Time-out</title></head><body><h1>504 Gateway Time-out</h1></body></html>";

impl Attempt {
    /// What the profile does, and what troubles make of it.
    pub(crate) fn new(profile: &Profile, author: AccountKey, draft: Draft, troubles: &[Trouble]) -> Self {
        let mut attempt = Self {
            author,
            draft,
            commit: profile.commit,
            parent_lag: profile.parent_lag,
            key_lost: false,
            midway: None,
        };
        for trouble in troubles {
            if let Trouble::Pretend = trouble {
                attempt.commit = Commit::Never;
            } else if let Trouble::Late { seconds } = trouble {
                attempt.commit = Commit::Late { seconds: *seconds };
            } else if let Trouble::YoungParent { seconds } = trouble {
                attempt.parent_lag = attempt.parent_lag.max(*seconds);
            } else if let Trouble::KeyLost = trouble {
                attempt.key_lost = true;
            } else if let Trouble::Unthreaded = trouble {
                attempt.draft.in_reply_to = None;
            } else if let Trouble::Midway { ms } = trouble {
                attempt.midway = Some(*ms);
            }
        }
        attempt
    }

    fn key(&self) -> Option<&str> {
        self.draft.key.as_deref()
    }
}

impl Sandbox {
    /// Makes a status, or says why not.
    pub(crate) async fn attempt(&self, attempt: &Attempt) -> Result<Said, Refused> {
        let now = self.now();
        let mut step = self.change(|state| state.begin(attempt, now))?;
        loop {
            match step {
                Step::Done(said) => return Ok(said),
                Step::Waits => {
                    self.until_free(attempt).await?;
                    step = self.change(|state| state.begin(attempt, now))?;
                }
                Step::Midway => {
                    let at_most = attempt.midway.flatten().map(std::time::Duration::from_millis);
                    if self.hang(at_most, || ()).await {
                        return Err(Refused::NotFound);
                    }
                    step = self.change(|state| {
                        let scope = state.scope(attempt.author, attempt.key());
                        state.set_under_way(scope, false);
                        state.finish(attempt, now)
                    })?;
                }
                Step::Late(due) => {
                    self.wake_at(due);
                    return Ok(Said {
                        status: 504,
                        content_type: "text/html; charset=utf-8",
                        body: GATEWAY.to_owned(),
                    });
                }
            }
        }
    }

    /// Waits until no other request with this key is under way.
    async fn until_free(&self, attempt: &Attempt) -> Result<(), Refused> {
        let mut changed = self.0.changed.subscribe();
        loop {
            changed.mark_unchanged();
            let free = self.look(|state| {
                let scope = state.scope(attempt.author, attempt.key());
                !scope.is_some_and(|scope| state.is_under_way(&scope))
            });
            if free {
                return Ok(());
            }
            tokio::select! {
                () = self.0.stop.cancelled() => return Err(Refused::NotFound),
                _ = changed.changed() => {}
            }
        }
    }
}

/// An emoji and nothing else once names and blanks are gone; `:name:` is one of the server's own.
fn is_emoji(text: &str) -> bool {
    let words: String = text.split_whitespace().filter(|word| !word.starts_with('@')).collect();
    let own = words.strip_prefix(':').and_then(|rest| rest.strip_suffix(':'));
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let pictured = |c: char| matches!(u32::from(c), 0x203c..=0x3299 | 0x1f000..=0x1faff | 0xfe0f | 0x200d);
    own.is_some_and(is_name) || (!words.is_empty() && words.chars().all(pictured))
}

impl State {
    fn begin(&mut self, attempt: &Attempt, now: DateTime<Utc>) -> Result<Step, Refused> {
        if self.keeps_from(KeptFrom::Success) || self.profile.idempotency.keys().is_none() {
            self.check_parent(attempt, now)?;
        }
        let scope = self.scope(attempt.author, attempt.key());
        let mut look = self.look_up(attempt.author, attempt.key(), now)?;
        if let (Look::UnderWay, Some(scope)) = (&look, &scope) {
            self.hasten(scope, now);
            look = self.look_up(attempt.author, attempt.key(), now)?;
        }
        match look {
            Look::Repeat(held) => self.repeat(held, attempt.author).map(Step::Done),
            Look::UnderWay => Ok(Step::Waits),
            Look::New => {
                if self.keeps_from(KeptFrom::Arrival) || self.claim().is_some() {
                    self.keep(attempt.author, attempt.key(), Held::Arrived, now);
                }
                if attempt.midway.is_none() {
                    return self.finish(attempt, now);
                }
                self.set_under_way(scope, true);
                Ok(Step::Midway)
            }
        }
    }

    fn repeat(&self, held: Held, author: AccountKey) -> Result<Said, Refused> {
        match held {
            Held::Made(made) => Ok(Said::json(200, &self.entity_of(made, author)?)),
            Held::Said(said) => Ok(said),
            Held::Arrived => {
                let status = self.claim().unwrap_or(400);
                Err(Refused::Plain { status, words: "This request was received before" })
            }
        }
    }

    fn finish(&mut self, attempt: &Attempt, now: DateTime<Utc>) -> Result<Step, Refused> {
        let author = attempt.author;
        if let Commit::Late { seconds } = attempt.commit {
            let due = now + chrono::Duration::seconds(i64::from(seconds));
            self.check_parent(attempt, now)?;
            self.accept(author, attempt.draft.clone(), due, now)?;
            return Ok(Step::Late(due));
        }
        let result = self.made(attempt, now);
        if self.keeps_from(KeptFrom::AnyAnswer) {
            let said = match &result {
                Ok(entity) => Said::json(200, entity),
                Err(refused) => refused.said(&self.profile),
            };
            self.keep(author, attempt.key(), Held::Said(said), now);
        }
        if attempt.key_lost {
            self.forget(author, attempt.key());
        }
        result.map(|entity| Step::Done(Said::json(200, &entity)))
    }

    fn made(&mut self, attempt: &Attempt, now: DateTime<Utc>) -> Result<Value, Refused> {
        self.check_parent(attempt, now)?;
        if attempt.commit == Commit::Never {
            self.fit(attempt.author, &attempt.draft, now, Via::Api)?;
            return Ok(self.pretended(attempt.author, &attempt.draft, now));
        }
        if let Some(parent) = self.reacts(attempt.author, &attempt.draft)? {
            return Ok(parent);
        }
        let made = self.create(attempt.author, attempt.draft.clone(), now, Via::Api)?;
        self.entity_of(made, attempt.author)
    }

    /// Where a reply of an emoji alone is a reaction: reacts, and answers with the parent.
    fn reacts(&mut self, author: AccountKey, draft: &Draft) -> Result<Option<Value>, Refused> {
        if self.profile.emoji_replies != EmojiReplies::Reactions || !is_emoji(&draft.text) {
            return Ok(None);
        }
        let Some(parent) = self.parent_of(author, draft, Via::Api)? else { return Ok(None) };
        if let Some(row) = self.statuses.get_mut(&parent) {
            row.favourites.insert(author);
        }
        self.entity_of(Made::Status(parent), author).map(Some)
    }

    fn check_parent(&self, attempt: &Attempt, now: DateTime<Utc>) -> Result<(), Refused> {
        let parent = self.parent_of(attempt.author, &attempt.draft, Via::Api)?;
        let lag = chrono::Duration::seconds(i64::from(attempt.parent_lag));
        let young = |row: &super::state::StatusRow| row.created_at + lag > now;
        match parent.and_then(|key| self.statuses.get(&key)) {
            Some(row) if attempt.parent_lag > 0 && young(row) => Err(Refused::ParentNotFound),
            Some(_) | None => Ok(()),
        }
    }

    fn entity_of(&self, made: Made, author: AccountKey) -> Result<Value, Refused> {
        match made {
            Made::Status(key) => Ok(self.status_json(self.standing(key).ok_or(Refused::NotFound)?, Some(author))),
            Made::Scheduled(id) => {
                let row = self.scheduled.iter().find(|row| row.id == id).ok_or(Refused::NotFound)?;
                Ok(self.scheduled_json(row))
            }
        }
    }

    /// What anti-spam answers: a status that is nowhere.
    fn pretended(&mut self, author: AccountKey, draft: &Draft, now: DateTime<Utc>) -> Value {
        let number = self.ids.next(now);
        let id = self.id(number);
        let account = self.accounts.get(&author).map(|row| self.account_json(row));
        json!({
            "id": id, "uri": format!("{}/statuses/{id}", self.base), "url": null, "created_at": time(now), "account": account,
            "content": self.html_of(&draft.text), "visibility": draft.visibility.map_or("public", |word| word.as_str()),
            "in_reply_to_id": draft.in_reply_to, "in_reply_to_account_id": null, "sensitive": false, "reblog": null,
            "spoiler_text": draft.warning, "language": draft.language, "replies_count": 0, "reblogs_count": 0,
            "favourites_count": 0, "edited_at": null, "media_attachments": [], "mentions": [], "tags": [], "emojis": [],
            "card": null, "poll": null,
        })
    }
}
