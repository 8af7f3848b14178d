//! The end of a simulated campaign: the ledger against the server's own list. Every sentence in [`Report::broken`] is a
//! broken law of DESIGN §5 or §6.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;

use super::script::Script;
use crate::core::delivery::State;
use crate::core::ids::{AccountName, PostId};
use crate::core::post::{Post, When};
use crate::sandbox::{Endpoint, Part, RequestSeen, Sandbox, StatusSeen};
use crate::store::Store;
use crate::store::deliveries::{Delivery, Of};

/// How far the clocks of a machine and a server may be apart before sending is held (DESIGN §7).
const AGREE: Duration = Duration::minutes(5);

/// A status may be made this much later than its attempt, by a server that hangs: as long as the script lets it.
const SERVER_TAKES: Duration = Duration::minutes(25);

/// More than anything simulated.
const ALL_ROWS: i64 = 1_000_000;

/// What one seed did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Rows by state.
    pub rows: BTreeMap<&'static str, usize>,
    /// Statuses of ours that stand.
    pub statuses: usize,
    /// Mentions decided.
    pub mentions: usize,
    /// Replies that stand.
    pub replies: usize,
    /// Deaths of daemons.
    pub deaths: usize,
    /// Steps of the machines' clocks.
    pub clock_steps: usize,
    /// Rows said twice, with the newer taken back or a notice.
    pub twins: usize,
    /// Laws that were broken.
    pub broken: Vec<String>,
}

/// Audits one campaign at `now`, when nothing is left to do.
///
/// # Errors
/// When the database cannot be read.
pub(super) async fn look(
    store: &Store,
    sandbox: &Sandbox,
    script: &Script,
    now: DateTime<Utc>,
) -> anyhow::Result<Report> {
    let rows = store.deliveries_in(&State::ALL, ALL_ROWS).await?;
    let notices: HashSet<String> = store.notices().await?.into_iter().map(|notice| notice.key).collect();
    let heard = store.heard(ALL_ROWS).await?;
    let all: Vec<StatusSeen> = sandbox.look(|state| state.everything().collect());
    let attempts: Vec<RequestSeen> =
        sandbox.look(|state| state.requests().filter(|seen| seen.endpoint == Endpoint::Create).cloned().collect());
    let mut report = Report { mentions: heard.len(), ..Report::default() };
    let parts = rows.iter().filter_map(|row| match &row.of {
        Of::Post { post, occurrence, part, .. } => {
            Some(((&row.account, post.as_str(), occurrence.as_str(), *part), row.state))
        }
        Of::Reply { .. } => None,
    });
    let audit = Audit { rows: &rows, parts: parts.collect(), notices: &notices, all: &all, attempts: &attempts, now };
    for row in &rows {
        *report.rows.entry(row.state.as_str()).or_default() += 1;
        audit.row(row, &mut report);
    }
    audit.posts(script, &mut report);
    audit.statuses(&mut report);
    audit.mentions(&heard, &mut report);
    Ok(report)
}

struct Audit<'a> {
    rows: &'a [Delivery],
    /// Parts of posts by account, post, occurrence and number.
    parts: HashMap<(&'a AccountName, &'a str, &'a str, i64), State>,
    notices: &'a HashSet<String>,
    all: &'a [StatusSeen],
    /// Every request to create a status.
    attempts: &'a [RequestSeen],
    now: DateTime<Utc>,
}

impl Audit<'_> {
    fn ours(&self) -> impl Iterator<Item = &StatusSeen> {
        self.all.iter().filter(|seen| seen.part == Part::Campaign)
    }

    /// Each row ended, or says why it waits; what it says of the server is true.
    fn row(&self, row: &Delivery, report: &mut Report) {
        let mut broken = |words: &str| {
            let state = row.state.as_str();
            report.broken.push(format!("row {} ({:?}, {state}, {:?}): {words}", row.id, row.of, row.reason));
        };
        let status = row.status.as_ref().and_then(|id| self.all.iter().find(|seen| seen.id == id.as_str()));
        match row.state {
            State::Claimed | State::Armed | State::Unknown | State::Sent => broken("it was left unclear"),
            State::Planned => match row.not_before {
                Some(at) if at <= self.now => broken("due, and not sent"),
                Some(_) => {}
                None if self.waits_with_reason(row) => {}
                None => broken("it waits for a part that is not to come"),
            },
            State::Verified => match status {
                None => broken("the server does not have its status"),
                Some(seen) => {
                    if seen.deleted_at.is_some() {
                        broken("its status was deleted");
                    }
                    if !is_of(row, seen) {
                        broken("its status says something else, or elsewhere");
                    }
                    // A reply is due when it is decided, by a clock that may be wrong; no reply is early.
                    if matches!(row.of, Of::Post { .. }) && seen.created_at < row.due_at - AGREE {
                        broken("it was said too early");
                    }
                    let first = matches!(row.of, Of::Reply { .. } | Of::Post { part: 1, .. });
                    let expires = row.expires_at.filter(|_| first);
                    if expires.is_some_and(|expires| seen.created_at > expires + AGREE + SERVER_TAKES) {
                        broken("it was said after it expired");
                    }
                    let tried = |after: DateTime<Utc>| {
                        let same = |attempt: &&RequestSeen| attempt.idempotency_key == seen.idempotency_key;
                        self.attempts.iter().filter(same).any(|attempt| attempt.at > after)
                    };
                    if expires.is_some_and(|expires| tried(expires + AGREE)) {
                        broken("it was tried after it expired");
                    }
                }
            },
            State::Refused | State::Held | State::Expired | State::Cancelled => {
                if row.reason.is_empty() {
                    broken("it says no reason");
                }
            }
        }
    }

    /// The part before it waits as well, or for a person.
    fn waits_with_reason(&self, row: &Delivery) -> bool {
        let Of::Post { post, occurrence, part, .. } = &row.of else { return false };
        let before = self.parts.get(&(&row.account, post.as_str(), occurrence.as_str(), part - 1));
        matches!(before, Some(State::Planned | State::Held | State::Refused))
    }

    /// Every post whose time came has its rows, one for each account and part, and no others.
    fn posts(&self, script: &Script, report: &mut Report) {
        let accounts: HashSet<&AccountName> = self.rows.iter().map(|row| &row.account).collect();
        for account in accounts {
            for post in &script.posts {
                let rows = self.rows_of(account, &post.id);
                let wanted = match &post.when {
                    When::At(moment) => {
                        let due = moment.resolve(chrono_tz::UTC).instant <= self.now;
                        if due { post.parts.len()..=post.parts.len() } else { 0..=post.parts.len() }
                    }
                    // The window and the horizon may cut the first and the last.
                    When::Every(_) => script.days()..=script.days() + 20,
                    When::NextSlot | When::Evergreen => 0..=post.parts.len(),
                };
                if !wanted.contains(&rows) {
                    let id = post.id.as_str();
                    report.broken.push(format!("post {id} has {rows} rows on {account}, not {wanted:?}"));
                }
            }
            let unplaced = |post: &&Post| matches!(post.when, When::NextSlot) && self.rows_of(account, &post.id) == 0;
            let left = script.posts.iter().filter(unplaced).count();
            // Two slots a day for two posts a day: those that missed theirs took the next.
            if left > script.days() {
                report.broken.push(format!("{left} posts never had a slot on {account}"));
            }
        }
    }

    fn rows_of(&self, account: &AccountName, post: &PostId) -> usize {
        self.parts.keys().filter(|(on, of, _, _)| *on == account && *of == post.as_str()).count()
    }

    /// No status without a row, none twice but with a notice or taken back.
    fn statuses(&self, report: &mut Report) {
        let mut of_row: HashMap<&str, usize> = HashMap::new();
        for id in self.rows.iter().filter_map(|row| row.status.as_ref()) {
            *of_row.entry(id.as_str()).or_default() += 1;
        }
        for (id, count) in of_row.iter().filter(|(_, count)| **count > 1) {
            report.broken.push(format!("status {id} belongs to {count} rows"));
        }
        for seen in self.ours() {
            let owned = of_row.contains_key(seen.id.as_str());
            if seen.deleted_at.is_none() {
                report.statuses += 1;
                report.replies += usize::from(!seen.mentions.is_empty());
            }
            if owned {
                continue;
            }
            // Nobody's: only as the twin of a row that knows of it.
            report.twins += 1;
            let mut rows = self.rows.iter().filter(|row| is_of(row, seen));
            let right = rows.any(|row| match seen.deleted_at {
                Some(_) => row.state == State::Verified,
                None => self.notices.contains(&format!("twin:{}", row.id)) || came_late(row),
            });
            if !right {
                report.broken.push(self.nobodys(seen));
            }
        }
    }

    /// A status no row owns, beside those that say the same and the rows that wanted it.
    fn nobodys(&self, seen: &StatusSeen) -> String {
        let key =
            |seen: &StatusSeen| seen.idempotency_key.as_deref().map(|key| key.chars().take(6).collect::<String>());
        let mut words = format!("a status without a row: {} of {} (key {:?}), ", seen.id, seen.created_at, key(seen));
        let same = self.all.iter().filter(|other| other.id != seen.id && other.text == seen.text);
        for other in same {
            words.push_str(&format!("beside {} of {} (key {:?}), ", other.id, other.created_at, key(other)));
        }
        for row in self.rows.iter().filter(|row| is_of(row, seen)) {
            words.push_str(&format!(
                "row {} is {} after {} attempts, {} unclear, due {} ({}); ",
                row.id,
                row.state.as_str(),
                row.attempt,
                row.unclear,
                row.due_at,
                row.reason
            ));
        }
        words.push_str(&format!("{:?}", seen.text));
        words
    }

    /// None missed, each decided once and answered at most once.
    fn mentions(&self, heard: &[crate::store::mentions::Heard], report: &mut Report) {
        let campaign: HashSet<&str> = self.ours().map(|seen| seen.account.as_str()).collect();
        let mut decided: HashMap<(&str, &str), usize> = HashMap::new();
        for mention in heard {
            *decided.entry((mention.account.as_str(), mention.status.as_str())).or_default() += 1;
        }
        for asked in self.all.iter().filter(|seen| seen.part == Part::Follower) {
            let named = asked.mentions.iter().filter(|acct| campaign.contains(acct.as_str()));
            for acct in named {
                let name = acct.split('@').next().unwrap_or_default();
                match decided.get(&(name, asked.id.as_str())) {
                    Some(1) => {}
                    Some(count) => report.broken.push(format!("mention {} was decided {count} times", asked.id)),
                    None => report.broken.push(format!("mention {} of {acct} was missed: {:?}", asked.id, asked.text)),
                }
            }
            let answers: Vec<&StatusSeen> = self
                .ours()
                .filter(|seen| seen.deleted_at.is_none() && seen.in_reply_to.as_deref() == Some(asked.id.as_str()))
                .collect();
            let known = answers.iter().any(|answer| {
                let told = |row: &Delivery| self.notices.contains(&format!("twin:{}", row.id)) || came_late(row);
                self.rows.iter().any(|row| is_of(row, answer) && told(row))
            });
            if answers.len() > 1 && !known {
                report.broken.push(format!("mention {} was answered {} times", asked.id, answers.len()));
            }
        }
    }
}

/// A row that ended after an unclear attempt and its last look: what the server makes after that is nobody's doing.
fn came_late(row: &Delivery) -> bool {
    row.unclear > 0 && matches!(row.state, State::Held | State::Expired | State::Cancelled)
}

/// Whether a status is what a row wanted: text and parent.
fn is_of(row: &Delivery, seen: &StatusSeen) -> bool {
    let parent = row.payload.in_reply_to.as_ref().map(|id| id.as_str());
    // Texts of replies are purged after seven days; their parent stays in none of our hands then.
    let purged = row.payload.text.is_empty();
    let at_home = seen.account.split('@').next() == Some(row.account.as_str());
    at_home && (purged || (seen.text == row.payload.text && seen.in_reply_to.as_deref() == parent))
}
