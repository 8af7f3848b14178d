//! One mention's way into the ledger: what happened before, the verdict, consent, the reply's row and the mention's own,
//! all in the transaction of whoever calls.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{AnyConnection, Row};

use super::errors::StoreError;
use super::mentions::{Decide, Recorded, Sending};
use super::people::{opt_in, opt_out};
use super::sending::{payload_json, reply_key};
use super::{Store, conversations, doubt, past, secret::text_hash, storable};
use crate::core::decision::{Consent, SpentLimit, Verdict};
use crate::core::delivery::{Armed, State};
use crate::core::ids::{AccountName, DeliveryId, FactId};
use crate::core::mention::Mention;
use crate::core::post::Visibility;

/// A mention, and where and when it is decided.
pub(super) struct Intake<'a> {
    pub(super) store: &'a Store,
    pub(super) account: &'a AccountName,
    pub(super) mention: &'a Mention,
    /// What it is known by: a keyed hash of its URI, made in [`super::mentions`].
    pub(super) uri: String,
    pub(super) now: DateTime<Utc>,
    pub(super) boot: Duration,
}

impl Intake<'_> {
    /// Decides about a mention that has its row, and plans the reply, if there is one.
    pub(super) async fn answer(
        &self,
        connection: &mut AnyConnection,
        decide: &Decide,
        sending: Sending,
    ) -> Result<(Verdict, Option<DeliveryId>), StoreError> {
        let people = self.store.secret().people(&self.mention.asker);
        let person = people.first().cloned().unwrap_or_default();
        let thread = conversations::of(connection, self).await?.key;
        let before = past::before(connection, self, decide, &people, &thread).await?;
        let verdict = (decide.verdict)(self.mention, &before.past);
        if verdict.reply.is_none() {
            return Ok((verdict, None));
        }
        let written = self.mention.created_at;
        let doubt = before.doubt.filter(|doubt| doubt.covers_mention(written, self.now));
        let reply = self.insert_reply(connection, &verdict, &person, &thread, sending, doubt).await?;
        Ok((verdict, Some(reply.id)))
    }

    pub(super) async fn record(
        &self,
        connection: &mut AnyConnection,
        decide: &Decide,
        sending: Sending,
    ) -> Result<Recorded, StoreError> {
        let people = self.store.secret().people(&self.mention.asker);
        let person = people.first().cloned().unwrap_or_default();
        let conversations::Conversation { key: thread, worth_a_look } = conversations::of(connection, self).await?;
        let before = past::before(connection, self, decide, &people, &thread).await?;
        let verdict = (decide.verdict)(self.mention, &before.past);
        if before.known {
            if verdict.consent == Some(Consent::Withdrawn) && !before.past.opted_out {
                self.obey_an_edit(connection, &people).await?;
            }
            return Ok(Recorded::Known);
        }
        let written = self.mention.created_at;
        let doubt = before.doubt.filter(|doubt| verdict.reply.is_some() && doubt.covers_mention(written, self.now));
        // What a restored database may have answered already is looked for by its row.
        let unplaced = worth_a_look && verdict.reply.is_some() && verdict.consent.is_none();
        if (verdict.look_first || unplaced) && doubt.is_none() {
            return Ok(Recorded::LookFirst);
        }
        // While the server asked us to wait, or a person must act first, a reply waits in the ledger like a post. Whoever
        // lost the account sends nothing; its new holder finds the reply there too.
        let ours = self.store.inner.holder.holds(connection, self.account.as_str(), self.now).await?;
        let sending = if ours && !before.must_wait { sending } else { Sending::InTurn };
        match verdict.consent {
            Some(Consent::Withdrawn) => opt_out(connection, &people, self.now).await?,
            Some(Consent::Given) => {
                opt_in(connection, &self.store.secret().people_by_own_names(&self.mention.asker)).await?;
            }
            None => {}
        }
        let armed = match &verdict.reply {
            Some(_) => Some(self.insert_reply(connection, &verdict, &person, &thread, sending, doubt).await?),
            None => None,
        };
        let delivery = armed.as_ref().map(|armed| armed.id);
        self.insert_mention(connection, &verdict, &person, &thread, delivery).await?;
        if let Some(limit) = verdict.spent {
            self.tell_spent(connection, limit).await?;
        }
        let armed = armed.filter(|_| sending == Sending::AtOnce && doubt.is_none()).map(Box::new);
        Ok(Recorded::Decided { verdict: Box::new(verdict), armed })
    }

    /// A mention is decided once. When its author changed it into a stop afterwards, that is obeyed all the same, once: what
    /// they say later counts more.
    async fn obey_an_edit(&self, connection: &mut AnyConnection, people: &[String]) -> Result<(), StoreError> {
        const CHANGED: &str = "UPDATE mentions SET command = 'stop', seen_at = $4 WHERE account = $1 \
            AND (uri = $2 OR (status_id = $5 AND status_id <> '')) AND seen_at < $3 AND command <> 'stop'";
        let Some(edited) = self.mention.edited_at else { return Ok(()) };
        let query = sqlx::query(CHANGED).bind(self.account.as_str().to_owned()).bind(self.uri.clone());
        let query = query.bind(edited.timestamp_millis()).bind(self.now.max(edited).timestamp_millis());
        let query = query.bind(storable(self.mention.status.as_str()));
        if query.execute(&mut *connection).await?.rows_affected() > 0 {
            opt_out(connection, people, self.now).await?;
        }
        Ok(())
    }

    /// One notice for the account and the limit, whatever comes while it is spent; the keep job takes it away a day later.
    async fn tell_spent(&self, connection: &mut AnyConnection, limit: SpentLimit) -> Result<(), StoreError> {
        const TELL: &str = "INSERT INTO notices (key, account, text, next_step, raised_at) \
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT (key) DO NOTHING";
        let account = self.account.as_str();
        let text = format!(
            "{account} has answered as many mentions as {} allows: more came, and were decided without an answer",
            limit.as_str()
        );
        let step = format!(
            "`watchpost mentions list --silent --account {account}` shows them; raise {} in [replies.limits] if more should be answered",
            limit.as_str()
        );
        let query = sqlx::query(TELL).bind(spent_key(account, limit)).bind(account.to_owned()).bind(text).bind(step);
        query.bind(self.now.timestamp_millis()).execute(connection).await?;
        Ok(())
    }

    async fn insert_reply(
        &self,
        connection: &mut AnyConnection,
        verdict: &Verdict,
        person: &str,
        thread: &str,
        sending: Sending,
        doubt: Option<doubt::Open>,
    ) -> Result<Armed, StoreError> {
        const INSERT: &str = "INSERT INTO deliveries (account, kind, mention_uri, state, due_at, not_before, \
            expires_at, payload, text_hash, topic, facts, person, thread, fence, attempt, armed_at, baseline, \
            created_at, updated_at, doubted_at, look_at, reason, wording, withheld, also) VALUES ($1, 'reply', $2, $3, $4, \
            $4, $5, $6, $7, $8, $9, $10, $11, 1, $12, $13, (SELECT newest_own FROM accounts WHERE name = $1), $4, $4, \
            $14, $15, $16, $17, $18, $19) RETURNING id";
        let Some(reply) = &verdict.reply else { return Err(StoreError::Garbled { what: "a verdict without a reply" }) };
        let kept = verdict.kept.as_ref().unwrap_or(reply);
        let now = self.now.timestamp_millis();
        let at_once = sending == Sending::AtOnce;
        // A database that was restored does not know whether it answered a mention of before: looked for first.
        let (state, armed_at) = match (doubt, at_once) {
            (Some(doubt), _) => (State::Unknown, Some(doubt.since.timestamp_millis())),
            (None, true) => (State::Armed, Some(now)),
            (None, false) => (State::Planned, None),
        };
        let listed = |ids: &[FactId]| ids.iter().map(FactId::as_str).collect::<Vec<_>>().join(" ");
        let query = sqlx::query(INSERT)
            .bind(self.account.as_str().to_owned())
            .bind(self.uri.clone())
            .bind(state.as_str())
            .bind(now)
            .bind(verdict.answer_until.timestamp_millis())
            .bind(payload_json(kept)?)
            .bind(text_hash(&kept.text))
            .bind(verdict.topic.as_ref().map(|topic| topic.as_str().to_owned()).unwrap_or_default())
            .bind(listed(&verdict.facts))
            .bind(person.to_owned())
            .bind(thread.to_owned())
            .bind(i64::from(state == State::Armed))
            .bind(armed_at)
            .bind(doubt.map(|doubt| doubt.at.timestamp_millis()))
            .bind(doubt.map(|_| doubt::first_look(self.now).timestamp_millis()))
            .bind(doubt.map_or("", |_| doubt::LOOKED_FOR))
            .bind(i64::try_from(verdict.wording).unwrap_or_default())
            .bind(i64::from(verdict.kept.is_some()))
            .bind(listed(&verdict.also));
        let row = query.fetch_one(connection).await?;
        Ok(Armed {
            id: DeliveryId(row.try_get("id")?),
            account: self.account.clone(),
            fence: 1,
            attempt: 1,
            may_exist: false,
            key: reply_key(self.store.secret(), self.account.as_str(), &self.uri, "1"),
            payload: reply.clone(),
            media: Vec::new(),
            armed_at_boot: self.boot,
        })
    }

    async fn insert_mention(
        &self,
        connection: &mut AnyConnection,
        verdict: &Verdict,
        person: &str,
        thread: &str,
        delivery: Option<DeliveryId>,
    ) -> Result<(), StoreError> {
        const INSERT: &str = "INSERT INTO mentions (account, uri, status_id, person, thread, visibility, text, lang, \
            written_at, seen_at, decision, command, topic, fact, reason, delivery) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
        let mention = self.mention;
        // Texts of directs, and of what may be one, are never stored (DESIGN §6).
        let stored = match mention.visibility {
            Some(Visibility::Public | Visibility::Unlisted) => Some(storable(&mention.text.own)),
            Some(Visibility::Private | Visibility::Direct) | None => None,
        };
        sqlx::query(INSERT)
            .bind(self.account.as_str().to_owned())
            .bind(self.uri.clone())
            .bind(storable(mention.status.as_str()))
            .bind(person.to_owned())
            .bind(thread.to_owned())
            .bind(mention.visibility.map_or("unknown", Visibility::as_str))
            .bind(stored)
            .bind(mention.lang.as_ref().map(|lang| storable(lang.as_str())).unwrap_or_default())
            .bind(mention.created_at.timestamp_millis())
            .bind(self.now.timestamp_millis())
            .bind(verdict.word())
            .bind(verdict.command.map_or("", crate::core::command::Command::as_str))
            .bind(verdict.topic.as_ref().map(|topic| topic.as_str().to_owned()).unwrap_or_default())
            .bind(verdict.facts.first().map(|fact| fact.as_str().to_owned()).unwrap_or_default())
            .bind(verdict.reason.clone())
            .bind(delivery.map(|id| id.0))
            .execute(connection)
            .await?;
        Ok(())
    }
}

fn spent_key(account: &str, limit: SpentLimit) -> String {
    format!("spent:{}:{account}", limit.as_str())
}

pub(super) fn ids(listed: &str) -> Vec<FactId> {
    listed.split_whitespace().map(FactId::from).collect()
}
