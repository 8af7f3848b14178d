//! What every story must leave behind, and what is shown when it does not.

use std::collections::HashSet;

use watchpost::core::delivery::State;
use watchpost::sandbox::StatusSeen;
use watchpost::store::deliveries::Delivery;

use super::{Server, Story};

/// What a story may leave behind, because it is about just that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leftover {
    /// Rows that are due and cannot go: a server is down, an account paused.
    DueWork,
    /// A fault that goes on until cleared.
    StandingFaults,
    /// Statuses that repeat another: the story's own hand wrote them.
    Duplicates,
}

impl Story {
    /// Says that this story may leave that behind.
    pub(crate) fn may_leave(&mut self, leftover: Leftover) {
        self.leftovers.push(leftover);
    }

    fn leaves(&self, leftover: Leftover) -> bool {
        self.leftovers.contains(&leftover)
    }

    /// Ends the story: stops the daemon, checks what it left.
    pub(crate) async fn finish(&mut self) {
        if let Some(daemon) = &self.daemon {
            assert!(!daemon.is_dead(), "the daemon has ended: {:?}", self.stop().await);
            if !self.leaves(Leftover::DueWork) {
                self.settle().await;
            }
            self.stop().await.expect("the daemon ended with an error");
        }
        let rows = self.in_states(&State::ALL).await;
        let open = rows.iter().filter(|row| matches!(row.state, State::Claimed | State::Armed));
        assert_eq!(open.count(), 0, "rows are left claimed or armed");
        let now = self.clock.now();
        let due = |row: &&Delivery| row.state == State::Planned && row.not_before.is_some_and(|at| at <= now);
        if !self.leaves(Leftover::DueWork) {
            assert_eq!(rows.iter().filter(due).collect::<Vec<_>>(), Vec::<&Delivery>::new(), "due work is left");
        }
        for server in &self.servers {
            if !self.leaves(Leftover::Duplicates) {
                assert_eq!(twice(server), Vec::<String>::new(), "something was said twice");
            }
            if !self.leaves(Leftover::StandingFaults) {
                assert_eq!(server.hand.look(|state| state.faults_waiting()), 0, "faults were set and never happened");
            }
            server.hand.release();
            self.every_status_has_its_row(&server.accounts, &server.hand.statuses(), &rows);
        }
        self.store.close().await;
        for server in &mut self.servers {
            if let Some(running) = server.running.take() {
                running.stop().await;
            }
        }
    }

    /// Each status the daemon made (its requests carry a key) belongs to one row: by its id, or, where the attempt was
    /// unclear, by its words.
    fn every_status_has_its_row(&self, accounts: &[String], statuses: &[StatusSeen], rows: &[Delivery]) {
        let mut owned: HashSet<i64> = HashSet::new();
        let ours = |status: &&StatusSeen| status.idempotency_key.is_some() && accounts.contains(&status.account);
        for status in statuses.iter().filter(ours) {
            let here = |row: &&Delivery| row.account.as_str() == status.account && !owned.contains(&row.id.0);
            let by_id =
                rows.iter().filter(here).find(|row| row.status.as_ref().is_some_and(|id| id.as_str() == status.id));
            let by_words = rows.iter().filter(here).find(|row| {
                let unclear = row.state == State::Unknown || row.reason.starts_with("already said");
                unclear && row.status.is_none() && row.payload.text.trim() == status.text.trim()
            });
            let row = by_id.or(by_words).unwrap_or_else(|| panic!("no row for the status {status:?}"));
            owned.insert(row.id.0);
        }
    }

    /// Shows where a failed story stands.
    pub(crate) async fn confess(&self) {
        eprintln!("--- the story failed at {}", self.clock.now());
        if let Ok(rows) = self.store.deliveries_in(&State::ALL, 1_000).await {
            for row in rows {
                let due = row.not_before.map_or_else(|| "waits".to_owned(), |at| at.to_string());
                eprintln!(
                    "{} {} {:?} {} {} | {} | {:?}",
                    row.id,
                    row.account,
                    row.of,
                    row.state.as_str(),
                    due,
                    row.reason,
                    row.payload.text
                );
            }
        }
        if let Ok(heard) = self.store.heard(100).await {
            for mention in heard {
                eprintln!("heard by {}: {} because {}", mention.account, mention.decision, mention.reason);
            }
        }
        for notice in self.store.notices().await.unwrap_or_default() {
            eprintln!("notice: {} -> {}", notice.text, notice.next_step);
        }
        for server in &self.servers {
            for status in server.hand.statuses() {
                eprintln!("{} said {:?} (re {:?})", status.account, status.text, status.in_reply_to);
            }
            for request in server.hand.requests().iter().rev().take(12).rev() {
                eprintln!("{} {} {:?}", request.method, request.path, request.status);
            }
        }
    }
}

/// What our accounts ever said twice there, deleted statuses included: same text, same parent.
fn twice(server: &Server) -> Vec<String> {
    let mut seen = HashSet::new();
    let all: Vec<StatusSeen> = server.hand.look(|state| state.everything().collect());
    let ours = all.into_iter().filter(|status| server.accounts.contains(&status.account));
    let by_daemon = ours.filter(|status| status.idempotency_key.is_some());
    by_daemon
        .filter(|status| !seen.insert((status.account.clone(), status.text.clone(), status.in_reply_to.clone())))
        .map(|status| status.text)
        .collect()
}
