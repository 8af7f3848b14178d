//! What happens in stories: files are written, time passes, people speak; and what is looked at.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeZone, Utc};
use chrono_tz::America::New_York;
use watchpost::core::breaker::Gate;
use watchpost::core::delivery::State;
use watchpost::core::ids::{AccountName, PostId, StatusId};
use watchpost::jobs::Linked;
use watchpost::sandbox::{Draft, Endpoint, Fault, RequestSeen, Sandbox, StatusSeen};
use watchpost::store::deliveries::{Delivery, Of};
use watchpost::store::mentions::Heard;
use watchpost::store::notices::Notice;
use watchpost::store::sending::Turn;

use super::{SOON, Story, eventually, found, scene};

const MANY: i64 = 100_000;

impl Story {
    /// The first server.
    pub(crate) fn server(&self) -> &Sandbox {
        &self.servers[0].hand
    }

    /// The server an account is on.
    pub(crate) fn server_of(&self, account: &str) -> &Sandbox {
        let at = self.servers.iter().find(|server| server.accounts.iter().any(|name| name == account));
        &at.expect("an account of the campaign").hand
    }

    /// Closes the port of a server.
    pub(crate) async fn close_server(&mut self, index: usize) {
        self.servers[index].running.take().expect("an open server").stop().await;
    }

    /// Opens a server again at the same address, with the same accounts and tokens; what it knew is gone.
    pub(crate) async fn open_server(&mut self, index: usize) {
        let server = &mut self.servers[index];
        let running = scene::open(&server.accounts, &self.scene.profiles[index], &self.clock, server.address).await;
        server.hand = running.handle();
        server.running = Some(running);
    }

    /// Puts a fault in the first server's queue.
    pub(crate) fn fault(&self, fault: Fault) {
        self.server().fault(fault);
    }

    /// Waits until everything due has an outcome; then what did not happen will not happen by itself. Accounts that
    /// are not linked, paused, were asked to wait, or whose server is left alone for a while, have nothing due.
    pub(crate) async fn settle(&self) {
        let ctx = self.ctx();
        eventually("nothing is due or under way", async || {
            let now = self.clock.now();
            let known = self.store.accounts().await.unwrap();
            let works = |name: &AccountName| {
                let waits = known.get(name).and_then(|row| row.wait_until).is_some_and(|until| until > now);
                let able =
                    |account: &Linked| account.link().is_some() && !matches!(ctx.gate(account, now), Gate::Wait(_));
                !waits && ctx.accounts.get(name).is_some_and(|account| able(account))
            };
            let open = self.in_states(&[State::Planned, State::Claimed, State::Armed]).await;
            let pauses = self.store.pauses(now).await.unwrap();
            let paused = |row: &Delivery| {
                let turn = if matches!(row.of, Of::Reply { .. }) { Turn::Replies } else { Turn::Posts };
                pauses.iter().any(|pause| pause.turn == turn && pause.is_of(&row.account))
            };
            let due =
                |row: &Delivery| row.not_before.is_some_and(|at| at <= now) && works(&row.account) && !paused(row);
            let looks = self.store.next_looks().await.unwrap();
            open.iter().all(|row| row.state == State::Planned && !due(row))
                && !looks.iter().any(|(account, next)| *next <= now && works(account))
        })
        .await;
    }

    /// Lets time pass once nothing is under way, and waits until what became due has an outcome.
    pub(crate) async fn advance(&self, by: Duration) {
        self.settle().await;
        self.clock.advance(by);
        self.settle().await;
    }

    /// Lets time flow, a second at a time, until a condition holds; for jobs that rest on the clock between two steps.
    pub(crate) async fn flow_until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        eventually(what, async || {
            if holds().await {
                return true;
            }
            self.advance(Duration::from_secs(1)).await;
            false
        })
        .await;
    }

    /// Lets time flow until there is a notice with these words.
    pub(crate) async fn flow_until_notice(&self, words: &str) {
        self.flow_until(&format!("a notice with the words {words:?}"), async || {
            self.store.notices().await.unwrap().iter().any(|notice| notice.text.contains(words))
        })
        .await;
    }

    /// Lets time flow until all rows of a post are on the server.
    pub(crate) async fn flow_until_sent(&self, post: &str) {
        self.flow_until(&format!("{post} is sent"), async || {
            let rows = self.rows(post).await;
            !rows.is_empty() && rows.iter().all(|row| is_out(row.state))
        })
        .await;
    }

    /// Lets time pass until this time in New York.
    pub(crate) async fn until(&self, local: &str) {
        let by = new_york(local) - self.clock.now();
        self.advance(by.to_std().expect("a time to come")).await;
    }

    /// Writes a post file and waits until the daemon has seen it.
    pub(crate) async fn write_post(&self, name: &str, text: &str) {
        self.folder.write_post(name, text);
        self.files_seen().await;
    }

    /// Waits until the daemon has read the files as they are now: a post of ours, far in the future, follows them.
    pub(crate) async fn files_seen(&self) {
        let count = self.rows("zz-witness").await.len();
        let text = format!("A witness, {} by hand.", self.clock.boot().as_nanos() + rand_word());
        self.folder.write_post(
            "zz-witness",
            &format!("---\nat: 2026-12-04 23:00\naccounts: [{}]\n---\n{text}\n", self.scene.accounts[0].0),
        );
        eventually("the daemon has read the files", async || {
            let rows = self.rows("zz-witness").await;
            rows.len() >= count.max(1) && rows.iter().any(|row| row.payload.text.trim() == text)
        })
        .await;
    }

    /// Somebody mentions our account, publicly.
    pub(crate) fn says(&self, who: &str, text: &str) -> StatusId {
        self.server().mention(who, text).unwrap()
    }

    /// Somebody writes something special.
    pub(crate) fn writes(&self, who: &str, draft: Draft) -> StatusId {
        self.server().write(who, draft).unwrap()
    }

    /// The decision about a mention, once it is there; of any account.
    pub(crate) async fn decision(&self, mention: &StatusId) -> Heard {
        self.decision_by(None, mention).await
    }

    /// The decision of one account about a mention, once it is there.
    pub(crate) async fn decision_by(&self, account: Option<&str>, mention: &StatusId) -> Heard {
        found("a decision", async || {
            let all = self.store.heard(MANY).await.unwrap();
            all.into_iter().find(|heard| {
                heard.status == mention.as_str() && account.is_none_or(|name| heard.account.as_str() == name)
            })
        })
        .await
    }

    /// How many decisions there are about a mention.
    pub(crate) async fn decisions(&self, mention: &StatusId) -> usize {
        self.store.heard(MANY).await.unwrap().iter().filter(|heard| heard.status == mention.as_str()).count()
    }

    /// The one answer to a mention, once it is there and the ledger knows.
    pub(crate) async fn answer_to(&self, mention: &StatusId) -> StatusSeen {
        let decided = self.decision(mention).await;
        assert_ne!(decided.decision, "silent", "silent, because {}", decided.reason);
        let server =
            self.servers.iter().find(|server| server.hand.look(|state| state.status(mention.as_str()).is_some()));
        let hand = &server.expect("a server that knows the mention").hand;
        // A clock that runs by leaps may have left its first attempt too old to be made: then it goes again in seconds.
        self.flow_until("an answer", async || {
            let answered = |state: &watchpost::sandbox::State| !state.replies_to(mention.as_str()).is_empty();
            hand.wait_until(answered, Duration::from_secs(2)).await.is_ok()
        })
        .await;
        self.settle().await;
        let mut answers = hand.replies_to(mention);
        assert_eq!(answers.len(), 1, "one answer: {answers:?}");
        answers.remove(0)
    }

    /// Waits until a mention that several of our accounts heard has an answer, and nothing is under way.
    pub(crate) async fn answer_to_some(&self, mention: &StatusId) {
        let answered = self.server().wait_until(|state| !state.replies_to(mention.as_str()).is_empty(), SOON).await;
        answered.expect("an answer");
        self.settle().await;
    }

    /// Waits for the decision and checks that it is silence, with these words in its reason.
    pub(crate) async fn expect_silence(&self, mention: &StatusId, because: &str) {
        let decided = self.decision(mention).await;
        self.check_silence(&decided, mention, because);
    }

    pub(crate) fn check_silence(&self, decided: &Heard, mention: &StatusId, because: &str) {
        assert_eq!(decided.decision, "silent", "not silent: {}", decided.reason);
        assert!(decided.reason.contains(because), "the reason is: {}", decided.reason);
        assert_eq!(decided.delivery, None);
        for server in &self.servers {
            assert_eq!(server.hand.replies_to(mention), []);
        }
    }

    /// The rows of a post.
    pub(crate) async fn rows(&self, post: &str) -> Vec<Delivery> {
        self.store.deliveries_of_post(&PostId::new(post)).await.unwrap()
    }

    /// The states of a post's rows, by account and part, as words.
    pub(crate) async fn states(&self, post: &str) -> Vec<&'static str> {
        self.rows(post).await.iter().map(|row| row.state.as_str()).collect()
    }

    /// Waits until all rows of a post are in one state, and returns them.
    pub(crate) async fn expect_state(&self, post: &str, state: State) -> Vec<Delivery> {
        let what = format!("{post} is {}", state.as_str());
        found(&what, async || {
            let rows = self.rows(post).await;
            (!rows.is_empty() && rows.iter().all(|row| row.state == state)).then_some(rows)
        })
        .await
    }

    /// Waits until all rows of a post are on the server, and returns them.
    pub(crate) async fn expect_sent(&self, post: &str) -> Vec<Delivery> {
        found(&format!("{post} is sent"), async || {
            let rows = self.rows(post).await;
            (!rows.is_empty() && rows.iter().all(|row| is_out(row.state))).then_some(rows)
        })
        .await
    }

    /// All rows in these states.
    pub(crate) async fn in_states(&self, states: &[State]) -> Vec<Delivery> {
        self.store.deliveries_in(states, MANY).await.unwrap()
    }

    /// All rows that answer mentions.
    pub(crate) async fn reply_rows(&self) -> Vec<Delivery> {
        let all = self.in_states(&State::ALL).await;
        all.into_iter().filter(|row| matches!(row.of, Of::Reply { .. })).collect()
    }

    /// What an account has said, oldest first.
    pub(crate) fn said(&self, account: &str) -> Vec<StatusSeen> {
        self.server_of(account).own(account)
    }

    /// The texts an account has said, oldest first.
    pub(crate) fn texts(&self, account: &str) -> Vec<String> {
        self.said(account).into_iter().map(|status| status.text).collect()
    }

    /// A notice that holds these words, once it is there.
    pub(crate) async fn notice(&self, words: &str) -> Notice {
        let what = format!("a notice with the words {words:?}");
        found(&what, async || {
            self.store.notices().await.unwrap().into_iter().find(|notice| notice.text.contains(words))
        })
        .await
    }

    /// Waits until no notice holds these words.
    pub(crate) async fn notice_gone(&self, words: &str) {
        let what = format!("no notice with the words {words:?}");
        eventually(&what, async || {
            self.store.notices().await.unwrap().iter().all(|notice| !notice.text.contains(words))
        })
        .await;
    }

    /// The requests of one kind that the first server received.
    pub(crate) fn requests(&self, endpoint: Endpoint) -> Vec<RequestSeen> {
        self.server().requests().into_iter().filter(|request| request.endpoint == endpoint).collect()
    }

    /// Waits until an account's stream is open.
    pub(crate) async fn streaming(&self, account: &str) {
        let open = self.server_of(account).wait_until(|state| state.streams(account) > 0, SOON).await;
        open.expect("an open stream");
    }
}

/// Whether the server accepted it.
pub(crate) fn is_out(state: State) -> bool {
    matches!(state, State::Sent | State::Verified)
}

/// This time in New York.
pub(crate) fn new_york(local: &str) -> DateTime<Utc> {
    let local = NaiveDateTime::parse_from_str(local, "%Y-%m-%d %H:%M")
        .or_else(|_| NaiveDateTime::parse_from_str(local, "%Y-%m-%d %H:%M:%S"))
        .expect("a local time");
    New_York.from_local_datetime(&local).earliest().expect("a valid time").with_timezone(&Utc)
}

/// A number that no other witness of this process has.
fn rand_word() -> u128 {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);
    u128::from(NEXT.fetch_add(1, std::sync::atomic::Ordering::SeqCst))
}
