//! Notifications, and events down open streams.
//!
//! Invariants: nobody is notified of themselves or of people they block; a filtered notification is never streamed;
//! one that a policy drops leaves nothing. Sending down a stream never waits: a reader that does not read costs memory
//! in a test, not a stall.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::endpoint::Endpoint;
use super::faults::Trouble;
use super::ids::{AccountKey, StatusKey};
use super::profile::{Delay, Existence, Order};
use super::state::{NotificationRow, Push, Rule, State};
use crate::core::post::Visibility;

/// How far up a thread "answers something of theirs" is looked for.
const ANCESTORS: usize = 100;

impl State {
    pub(crate) fn notify(
        &mut self,
        to: AccountKey,
        kind: &'static str,
        from: AccountKey,
        status: Option<StatusKey>,
        now: DateTime<Utc>,
    ) {
        let Some(recipient) = self.accounts.get(&to) else { return };
        let of_itself = to == from && (kind != "mention" || self.profile.self_mention != Existence::Present);
        if of_itself || recipient.blocks.contains(&from) {
            return;
        }
        let rule = self.rule_for(to, from, status);
        if rule == Rule::Drop {
            return;
        }
        let row = NotificationRow {
            key: self.next_notification(now),
            kind,
            from,
            status,
            created_at: now,
            listed_at: self.listed_at(to, now),
            filtered: rule == Rule::Filter,
        };
        if rule == Rule::Accept
            && self.has_line(to)
            && !self.is_swallowed(to)
            && let Some(payload) = self.notification_json(&row, to)
        {
            self.push(to, &["user", "user:notification"], "notification", &payload.to_string());
        }
        if let Some(recipient) = self.accounts.get_mut(&to) {
            recipient.notifications.push(row);
        }
    }

    /// When a notification that is made now can be read.
    fn listed_at(&mut self, to: AccountKey, now: DateTime<Utc>) -> DateTime<Utc> {
        let Delay { from_ms, to_ms, order } = self.profile.mention_delay;
        if to_ms == 0 {
            return now;
        }
        let ms = u64::from(from_ms) + self.dice.below(u64::from(to_ms.saturating_sub(from_ms)) + 1);
        let at = now + chrono::Duration::milliseconds(i64::try_from(ms).unwrap_or_default());
        let before = self.accounts.get(&to).and_then(|row| row.notifications.last()).map(|row| row.listed_at);
        match (order, before) {
            (Order::Kept, Some(before)) => at.max(before),
            (Order::Kept, None) | (Order::Mixed, _) => at,
        }
    }

    fn rule_for(&self, to: AccountKey, from: AccountKey, status: Option<StatusKey>) -> Rule {
        let (Some(recipient), Some(sender)) = (self.accounts.get(&to), self.accounts.get(&from)) else {
            return Rule::Drop;
        };
        if recipient.follows.contains(&from) || to == from || self.profile.policy != Existence::Present {
            return Rule::Accept;
        }
        let status = status.and_then(|key| self.standing(key));
        let private =
            status.is_some_and(|row| row.visibility == Visibility::Direct && !self.answers(row.in_reply_to, to));
        let limited = if sender.limited { recipient.policy.limited_accounts } else { Rule::Accept };
        let private = if private { recipient.policy.private_mentions } else { Rule::Accept };
        match (limited, private) {
            (Rule::Drop, _) | (_, Rule::Drop) => Rule::Drop,
            (Rule::Filter, _) | (_, Rule::Filter) => Rule::Filter,
            (Rule::Accept, Rule::Accept) => Rule::Accept,
        }
    }

    /// Whether something of `whom` is above.
    fn answers(&self, mut parent: Option<StatusKey>, whom: AccountKey) -> bool {
        for _ in 0..ANCESTORS {
            let Some(row) = parent.and_then(|key| self.standing(key)) else { return false };
            if row.author == whom {
                return true;
            }
            parent = row.in_reply_to;
        }
        false
    }

    pub(crate) fn has_line(&self, account: AccountKey) -> bool {
        self.lines.get(&account).is_some_and(|lines| !lines.is_empty())
    }

    fn is_swallowed(&mut self, account: AccountKey) -> bool {
        let Some(name) = self.accounts.get(&account).map(|row| row.username.clone()) else { return false };
        let troubles = self.faults.take(Endpoint::Push, Some(&name), &mut self.dice);
        troubles.iter().any(|trouble| matches!(trouble, Trouble::NotPushed))
    }

    /// Sends an event down every stream of the account that carries one of these topics.
    pub(crate) fn push(&mut self, account: AccountKey, topics: &[&str], event: &str, payload: &str) {
        let mut went = false;
        for line in self.lines.get(&account).into_iter().flatten() {
            for topic in topics.iter().filter(|topic| line.topics.iter().any(|has| has == **topic)) {
                let frame = json!({ "stream": [topic], "event": event, "payload": payload });
                // A stream that has just ended is taken out by its own task.
                drop(line.to.send(Push::Frame(frame.to_string())));
                went = true;
            }
        }
        if went {
            *self.pushed.entry(account).or_default() += 1;
        }
    }

    /// Tells home timelines about a status.
    pub(crate) fn push_home(&mut self, key: StatusKey, event: &str) {
        let Some(row) = self.standing(key) else { return };
        let readers = self.home_readers(row.author).into_iter().filter(|reader| self.may_see(row, Some(*reader)));
        let told: Vec<_> = readers.map(|reader| (reader, self.status_json(row, Some(reader)).to_string())).collect();
        for (reader, payload) in told {
            self.push(reader, &["user"], event, &payload);
        }
    }

    /// Tells those who had a status that it is gone.
    pub(crate) fn push_gone(&mut self, author: AccountKey, mentions: &[AccountKey], key: StatusKey) {
        let mut readers = self.home_readers(author);
        readers.extend(mentions.iter().filter(|named| self.has_line(**named)));
        readers.sort_unstable();
        readers.dedup();
        for reader in readers {
            let id = self.id(key);
            self.push(reader, &["user"], "delete", &id);
        }
    }

    /// Accounts with an open stream whose home timeline carries this author. Goes through the smaller of both sets.
    fn home_readers(&self, author: AccountKey) -> Vec<AccountKey> {
        let Some(row) = self.accounts.get(&author) else { return Vec::new() };
        let mut readers: Vec<AccountKey> = if row.followers.len() < self.lines.len() {
            row.followers.iter().copied().filter(|reader| self.has_line(*reader)).collect()
        } else {
            self.lines.keys().copied().filter(|reader| row.followers.contains(reader)).collect()
        };
        if self.has_line(author) {
            readers.push(author);
        }
        readers
    }

    /// A notification as this account reads it; nothing when its status is gone.
    pub(crate) fn notification_json(&self, row: &NotificationRow, reader: AccountKey) -> Option<Value> {
        let from = self.accounts.get(&row.from)?;
        let id = self.notification_id(row);
        let in_group = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        let mut entity = json!({
            "id": id,
            "type": row.kind,
            "created_at": super::ids::time(row.created_at),
            "group_key": format!("ungrouped-{in_group}"),
            "account": self.account_json(from),
        });
        let fields = entity.as_object_mut()?;
        if row.filtered {
            fields.insert("filtered".to_owned(), Value::Bool(true));
        }
        if let Some(status) = row.status {
            let status = self.visible(status, Some(reader))?;
            fields.insert("status".to_owned(), self.status_json(status, Some(reader)));
        }
        Some(entity)
    }
}
