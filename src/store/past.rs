//! What happened before a mention, as deciding needs it: one row for whatever can be asked at once, because a storm asks
//! again and again, and no question whose answer takes longer the more was said.

use sqlx::{AnyConnection, Row};

use super::deciding::{Intake, ids};
use super::doubt::{self, Open};
use super::errors::StoreError;
use super::mentions::Decide;
use super::people::{NAMES, OWN_NAMES, in_the_list};
use super::{millis, storable};
use crate::core::decision::{Below, Past};
use crate::core::delivery::Payload;
use crate::core::ids::{AccountName, FactId, TopicId};
use crate::core::text::fold;

/// How many of a person's earlier mentions in a thread are compared with a new one.
const ANSWERED_WORDS: usize = 5;

/// What happened before a mention.
pub(super) struct Before {
    /// It has its decision already.
    pub(super) known: bool,
    /// The server asked the account to wait, or a person must act or ended its answers for now.
    pub(super) must_wait: bool,
    /// The last doubt about this database.
    pub(super) doubt: Option<Open>,
    /// What the decision rests on.
    pub(super) past: Past,
}

pub(super) async fn before(
    connection: &mut AnyConnection,
    intake: &Intake<'_>,
    decide: &Decide,
    people: &[String],
    thread: &str,
) -> Result<Before, StoreError> {
    // One row, because each question has its price. What is counted ends at the highest limit.
    const FACTS: &str = "SELECT \
        (SELECT COUNT(*) FROM mentions WHERE account = $1 AND uri = $2) \
            + (SELECT COUNT(*) FROM mentions WHERE account = $1 AND status_id = $18 AND status_id <> '') AS known, \
        (SELECT COUNT(*) FROM pauses WHERE account IN ('', $1) AND kind = 'reply' AND since <= $4 \
            AND (until IS NULL OR until > $4)) AS pauses, \
        (SELECT COUNT(*) FROM accounts WHERE name = $1 AND (wait_until > $4 OR paused_reason IS NOT NULL)) AS waits, \
        (SELECT listening_since FROM accounts WHERE name = $1) AS listening_since, \
        (SELECT account FROM mentions WHERE uri = $2 AND decision <> 'silent' LIMIT 1) AS answered_by, \
        (SELECT wording FROM deliveries WHERE kind = 'reply' AND account = $1 \
            ORDER BY created_at DESC, id DESC LIMIT 1) AS last_wording, \
        (SELECT COUNT(*) FROM (SELECT 1 AS one FROM deliveries WHERE kind = 'reply' AND thread = $3 \
            AND state <> 'cancelled' LIMIT $7) AS counted) AS in_thread, \
        (SELECT COUNT(*) FROM (SELECT 1 AS one FROM deliveries WHERE kind = 'reply' AND account = $1 \
            AND created_at > $5 AND state <> 'cancelled' LIMIT $7) AS counted) AS last_hour, \
        (SELECT COUNT(*) FROM (SELECT 1 AS one FROM deliveries WHERE kind = 'reply' AND account = $1 \
            AND created_at > $6 AND state <> 'cancelled' LIMIT $7) AS counted) AS last_window, \
        (SELECT value FROM facts_of_install WHERE name = 'doubted_at') AS doubted_at, \
        (SELECT value FROM facts_of_install WHERE name = 'doubted_since') AS doubted_since, \
        (SELECT COUNT(*) FROM opt_outs WHERE person IN ($8, $9, $10, $11, $12, $13)) AS stops, \
        (SELECT COUNT(*) FROM opt_outs WHERE person IN ($14, $15, $16, $17)) AS own_stops, \
        (SELECT COUNT(*) FROM (SELECT 1 AS one FROM deliveries WHERE kind = 'reply' AND person = $8 LIMIT 1) AS met) \
            AS met";
    let now = intake.now;
    let mut query = sqlx::query(FACTS)
        .bind(intake.account.as_str().to_owned())
        .bind(intake.uri.clone())
        .bind(thread.to_owned())
        .bind(now.timestamp_millis())
        .bind((now - chrono::Duration::hours(1)).timestamp_millis())
        .bind((now - chrono::Duration::hours(3)).timestamp_millis())
        .bind(i64::from(decide.count_to));
    let own = intake.store.secret().people_by_own_names(&intake.mention.asker);
    for name in in_the_list(people, NAMES).chain(in_the_list(&own, OWN_NAMES)) {
        query = query.bind(name);
    }
    query = query.bind(storable(intake.mention.status.as_str()));
    let row = query.fetch_one(&mut *connection).await?;
    let number =
        |name: &str| -> Result<u32, StoreError> { Ok(u32::try_from(row.try_get::<i64, _>(name)?).unwrap_or(u32::MAX)) };
    let known = number("known")? > 0;
    let paused = number("pauses")? > 0;
    let must_wait = paused || number("waits")? > 0;
    let mut past = Past {
        opted_out: number("stops")? > 0,
        stop_is_their_own: is_their_own(intake, number("own_stops")?, &own),
        paused,
        in_thread: number("in_thread")?,
        account_last_hour: number("last_hour")?,
        account_last_window: number("last_window")?,
        last_wording: row.try_get::<Option<i64>, _>("last_wording")?.and_then(|wording| usize::try_from(wording).ok()),
        answered_by: row.try_get::<Option<String>, _>("answered_by")?.map(AccountName::new),
        listening_since: row.try_get::<Option<i64>, _>("listening_since")?.map(millis),
        ..Past::default()
    };
    // Most people of a crowd were never answered before.
    if number("met")? > 0 {
        let person = people.first().map(String::as_str).unwrap_or_default();
        heard(connection, intake, person, thread, &mut past).await?;
        if past.answered_by.is_none() {
            past.answered_by = twin(connection, intake, person).await?;
        }
    }
    below(connection, intake, &mut past).await?;
    let doubt = doubt::read(row.try_get("doubted_at")?, row.try_get("doubted_since")?)?;
    Ok(Before { known, must_wait, doubt, past })
}

/// Whether a stop is surely that of whoever asks now. Of somebody whose handle and address are of two servers one may be
/// another's: then it must stand under all their names.
fn is_their_own(intake: &Intake<'_>, stops: u32, own: &[String]) -> bool {
    let all = u32::try_from(own.len().min(OWN_NAMES)).unwrap_or(u32::MAX);
    stops > 0 && (intake.mention.asker.is_of_one_server() || stops >= all)
}

/// How far apart two servers may date one status.
const DATED_APART: chrono::Duration = chrono::Duration::seconds(60);

/// The account that answered the same words of the same person, written in the same minute: one status, which two servers
/// show under addresses that cannot be compared.
async fn twin(
    connection: &mut AnyConnection,
    intake: &Intake<'_>,
    person: &str,
) -> Result<Option<AccountName>, StoreError> {
    const ELSEWHERE: &str = "SELECT mentions.account AS account, mentions.text AS text FROM deliveries \
        JOIN mentions ON mentions.account = deliveries.account AND mentions.uri = deliveries.mention_uri \
        WHERE deliveries.kind = 'reply' AND deliveries.person = $1 AND deliveries.created_at > $2 \
        AND deliveries.account <> $3 AND mentions.written_at > $4 AND mentions.written_at < $5 \
        AND mentions.text IS NOT NULL AND mentions.decision <> 'silent' LIMIT 20";
    let written = intake.mention.created_at;
    let query = sqlx::query(ELSEWHERE)
        .bind(person.to_owned())
        .bind((intake.now - chrono::Duration::days(2)).timestamp_millis())
        .bind(intake.account.as_str().to_owned())
        .bind((written - DATED_APART).timestamp_millis())
        .bind((written + DATED_APART).timestamp_millis());
    // Servers show line breaks each their own way.
    let folded = |text: &str| fold(text).split_whitespace().collect::<Vec<_>>().join(" ");
    let words = folded(&intake.mention.text.own);
    for row in query.fetch_all(connection).await? {
        if folded(&row.try_get::<String, _>("text")?) == words {
            return Ok(Some(AccountName::new(row.try_get::<String, _>("account")?)));
        }
    }
    Ok(None)
}

/// What this person was answered before.
async fn heard(
    connection: &mut AnyConnection,
    intake: &Intake<'_>,
    person: &str,
    thread: &str,
    past: &mut Past,
) -> Result<(), StoreError> {
    // A confirmed stop or start is no answer: after "we will answer you again" the next question is answered.
    const PERSON: &str = "SELECT created_at, thread, topic, facts, also, wording, mention_uri, \
        COALESCE((SELECT command FROM mentions WHERE mentions.account = deliveries.account \
        AND mentions.uri = deliveries.mention_uri), '') AS command FROM deliveries WHERE kind = 'reply' \
        AND person = $1 AND state <> 'cancelled' ORDER BY created_at DESC, id DESC LIMIT 200";
    const WORDS: &str = "SELECT text FROM mentions WHERE account = $1 AND uri = $2 AND text IS NOT NULL";
    let minute_ago = (intake.now - chrono::Duration::minutes(1)).timestamp_millis();
    let day_ago = (intake.now - chrono::Duration::hours(24)).timestamp_millis();
    let mut answered = Vec::new();
    for row in sqlx::query(PERSON).bind(person.to_owned()).fetch_all(&mut *connection).await? {
        let created: i64 = row.try_get("created_at")?;
        let confirmed = u32::from(created > day_ago);
        match row.try_get::<String, _>("command")?.as_str() {
            "stop" => {
                past.confirmed_today.0 += confirmed;
                continue;
            }
            "start" => {
                past.confirmed_today.1 += confirmed;
                continue;
            }
            _ => {}
        }
        past.last_answer = past.last_answer.max(Some(millis(created)));
        past.person_today += u32::from(created > day_ago);
        if row.try_get::<String, _>("thread")? == thread {
            past.person_in_thread += 1;
            past.person_in_thread_last_minute += u32::from(created > minute_ago);
            if intake.mention.in_reply_to.is_some() && answered.len() < ANSWERED_WORDS {
                answered.push(row.try_get::<String, _>("mention_uri")?);
            }
        }
        let topic: String = row.try_get("topic")?;
        let facts: String = row.try_get("facts")?;
        if past.last_topic.is_none() && !topic.is_empty() {
            past.last_topic = Some(TopicId::new(topic));
            past.last_facts = ids(&facts);
            past.last_also = ids(&row.try_get::<String, _>("also")?);
        }
        let wording = usize::try_from(row.try_get::<i64, _>("wording")?).unwrap_or_default();
        for fact in facts.split_whitespace().map(FactId::from) {
            // Newest first: the first one met is the last one heard.
            past.wordings.entry(fact.clone()).or_insert(wording);
            if !past.heard.contains(&fact) {
                past.heard_lately.push(fact.clone());
            }
            past.heard.insert(fact);
        }
    }
    for uri in answered {
        let query = sqlx::query(WORDS).bind(intake.account.as_str().to_owned()).bind(uri);
        if let Some(row) = query.fetch_optional(&mut *connection).await? {
            past.answered_words.push(row.try_get("text")?);
        }
    }
    Ok(())
}

/// Our own status that the mention stands below.
async fn below(connection: &mut AnyConnection, intake: &Intake<'_>, past: &mut Past) -> Result<(), StoreError> {
    const BELOW: &str = "SELECT topic, facts, also, payload FROM deliveries WHERE status_id = $2 AND account IN \
        (SELECT name FROM accounts WHERE server = (SELECT server FROM accounts WHERE name = $1))";
    let Some(parent) = &intake.mention.in_reply_to else { return Ok(()) };
    let query = sqlx::query(BELOW).bind(intake.account.as_str().to_owned()).bind(storable(parent.as_str()));
    if let Some(row) = query.fetch_optional(connection).await? {
        let (topic, facts): (String, String) = (row.try_get("topic")?, row.try_get("facts")?);
        let payload: String = row.try_get("payload")?;
        past.below = Some(Below {
            topic: (!topic.is_empty()).then(|| TopicId::new(topic)),
            facts: ids(&facts),
            also: ids(&row.try_get::<String, _>("also")?),
            said: serde_json::from_str(&payload).map(|payload: Payload| payload.text).unwrap_or_default(),
        });
    }
    Ok(())
}
