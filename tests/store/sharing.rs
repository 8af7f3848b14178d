//! Several daemons on one PostgreSQL: each account has one holder, a dead one's accounts are taken over in time, and one
//! that wakes too late changes nothing. On SQLite there is one daemon, and these stories have nobody to tell them of.

use std::collections::BTreeSet;
use std::time::Duration;

use secrecy::SecretString;
use tempfile::TempDir;
use watchpost::core::delivery::State;
use watchpost::core::ids::AccountName;
use watchpost::store::leases::{LEASE, RENEW};
use watchpost::store::mentions::{Recorded, Sending};
use watchpost::store::sending::{Ending, Lateness, Turn};
use watchpost::store::{Place, Role, Store, StoreError};

use crate::base::{Base, accounts, arm, claim, dice, ears, eyes, now, plan, post, receipt, row, run, seconds};
use crate::deciding::{always, mention, record};

/// A story about a shared database.
macro_rules! on_postgres {
    ($($story:ident),+ $(,)?) => {
        mod on_postgres {
            $(#[tokio::test]
            async fn $story() {
                let base = crate::base::Base::postgres().await;
                super::$story(&base).await;
                base.clear().await;
            })+
        }
    };
}

on_postgres!(
    a_dead_daemons_accounts_are_taken_within_a_minute,
    two_daemons_share_the_accounts_and_one_plans,
    an_account_with_something_on_its_way_is_not_given_away,
    a_daemon_that_stops_leaves_its_accounts_at_once,
    who_does_not_hold_an_account_claims_arms_and_answers_nothing,
    a_late_yes_of_a_frozen_daemon_is_left_to_read_back,
    a_lease_that_ran_out_and_nobody_took_is_still_ours,
    a_clock_behind_takes_nothing_from_a_living_daemon,
    a_row_somebody_looks_at_is_passed_over,
    two_transactions_in_each_others_way_both_go_through,
    a_daemon_that_freezes_in_a_transaction_blocks_nobody_for_long,
    a_connection_that_broke_is_made_anew,
    a_full_disk_stops_sending_and_loses_nothing,
    a_second_machine_needs_the_first_ones_key,
    daemons_that_start_at_once_on_a_new_database_miss_nothing,
);

async fn other(base: &Base) -> Store {
    base.open(Role::Daemon).await.unwrap().0
}

async fn a_dead_daemons_accounts_are_taken_within_a_minute(base: &Base) {
    assert!(LEASE + RENEW < seconds(60));
    let dead = base.daemon().await;
    plan(&dead, &[post("a", now()), post("b", now() + seconds(1))], now()).await;
    let armed = arm(&dead, now()).await;
    let heir = other(base).await;
    assert!(heir.hold(accounts(), now() + LEASE - seconds(1)).await.unwrap().accounts.is_empty());
    let held = heir.hold(accounts(), now() + LEASE).await.unwrap();
    assert_eq!((held.accounts, held.plans, held.unclear), (accounts(), true, 1));
    let unclear = row(&heir, "a").await;
    assert_eq!((unclear.id, unclear.state), (armed.id, State::Unknown));
    // Its request may still be on its way: looks are counted from now.
    let looks = heir.open_looks(&eyes(), now() + LEASE + seconds(5), 10).await.unwrap();
    assert_eq!((looks.len(), looks[0].armed_at), (1, now() + LEASE));
    assert_eq!(claim(&heir, now() + LEASE).await.unwrap().delivery.payload.text, "b");
}

async fn two_daemons_share_the_accounts_and_one_plans(base: &Base) {
    let four: BTreeSet<AccountName> = ["a", "b", "c", "d"].map(AccountName::new).into();
    let (one, two) = (other(base).await, other(base).await);
    assert_eq!(one.hold(four.clone(), now()).await.unwrap().accounts, four);
    let none = two.hold(four.clone(), now()).await.unwrap();
    assert_eq!((none.accounts.len(), none.plans), (0, false));
    let kept = one.hold(four.clone(), now() + RENEW).await.unwrap();
    assert_eq!((kept.accounts.len(), kept.plans), (2, true));
    let taken = two.hold(four.clone(), now() + RENEW).await.unwrap();
    assert_eq!((taken.accounts.len(), taken.plans), (2, false));
    assert!(kept.accounts.is_disjoint(&taken.accounts));
    assert_eq!(one.hold(four.clone(), now() + RENEW * 2).await.unwrap(), kept);
    assert_eq!(two.hold(four, now() + RENEW * 2).await.unwrap(), taken);
}

async fn an_account_with_something_on_its_way_is_not_given_away(base: &Base) {
    let (one, two) = (base.daemon().await, other(base).await);
    plan(&one, &[post("a", now())], now()).await;
    let armed = arm(&one, now()).await;
    two.hold(accounts(), now()).await.unwrap();
    // "ears" is the first by name and the part of the first daemon; "eyes" is more than its part.
    assert_eq!(one.hold(accounts(), now() + RENEW).await.unwrap().accounts, accounts());
    assert!(one.record(armed.id, armed.fence, Ending::Sent(receipt("1")), None, now() + RENEW).await.unwrap());
    assert_eq!(one.hold(accounts(), now() + RENEW).await.unwrap().accounts, BTreeSet::from([ears()]));
    assert_eq!(two.hold(accounts(), now() + RENEW).await.unwrap().accounts, BTreeSet::from([eyes()]));
}

async fn a_daemon_that_stops_leaves_its_accounts_at_once(base: &Base) {
    let (one, two) = (base.daemon().await, other(base).await);
    one.close().await;
    let held = two.hold(accounts(), now()).await.unwrap();
    assert_eq!((held.accounts, held.plans), (accounts(), true));
}

async fn who_does_not_hold_an_account_claims_arms_and_answers_nothing(base: &Base) {
    let (holder, other) = (base.daemon().await, other(base).await);
    plan(&holder, &[post("a", now())], now()).await;
    assert!(claim(&other, now()).await.is_none());
    let claimed = claim(&holder, now()).await.unwrap().delivery;
    assert!(other.arm(claimed.clone(), Vec::new(), Lateness::InTime, now(), Duration::ZERO).await.unwrap().is_none());
    // A mention it still heard is decided, and the reply left to the holder.
    let heard = record(&other, &eyes(), mention("u"), always(), Sending::AtOnce, now()).await;
    assert!(matches!(heard, Recorded::Decided { armed: None, .. }));
    let reply = holder.claim_due(&eyes(), Turn::Replies, now()).await.unwrap().unwrap();
    assert_eq!(reply.delivery.payload.text, "2,000 partnerships");
    // The holder's own lease ran out: it arms nothing either, until it renewed.
    let late = now() + LEASE;
    assert!(holder.arm(claimed.clone(), Vec::new(), Lateness::InTime, late, Duration::ZERO).await.unwrap().is_none());
    holder.hold(accounts(), late).await.unwrap();
    assert!(holder.arm(claimed, Vec::new(), Lateness::InTime, late, Duration::ZERO).await.unwrap().is_some());
    // On a shared database nobody moves what others have in hand at its start.
    assert_eq!(other.take_over(late).await.unwrap(), 0);
}

async fn a_late_yes_of_a_frozen_daemon_is_left_to_read_back(base: &Base) {
    let (frozen, heir) = (base.daemon().await, other(base).await);
    plan(&frozen, &[post("a", now())], now()).await;
    let armed = arm(&frozen, now()).await;
    let later = now() + LEASE;
    heir.hold(accounts(), later).await.unwrap();
    assert!(!frozen.record(armed.id, armed.fence, Ending::Sent(receipt("1")), None, later).await.unwrap());
    assert!(frozen.hold(accounts(), later).await.unwrap().accounts.is_empty());
    let open = heir.open_looks(&eyes(), later + seconds(5), 10).await.unwrap().remove(0);
    assert_eq!((open.delivery.state, open.unclear), (State::Unknown, 1));
    assert!(claim(&heir, later).await.is_none());
}

async fn a_lease_that_ran_out_and_nobody_took_is_still_ours(base: &Base) {
    let one = base.daemon().await;
    plan(&one, &[post("a", now())], now()).await;
    let armed = arm(&one, now()).await;
    let later = now() + LEASE * 5;
    let held = one.hold(accounts(), later).await.unwrap();
    assert_eq!((held.accounts, held.unclear), (accounts(), 0));
    assert!(one.record(armed.id, armed.fence, Ending::Sent(receipt("1")), None, later).await.unwrap());
}

async fn a_clock_behind_takes_nothing_from_a_living_daemon(base: &Base) {
    let one = base.daemon().await;
    let behind = other(base).await;
    for minutes in [1, 60] {
        let its_now = now() - chrono::Duration::minutes(minutes);
        let held = behind.hold(accounts(), its_now).await.unwrap();
        assert!(held.accounts.is_empty() && !held.plans);
    }
    assert!(claim(&behind, now()).await.is_none());
    assert!(!one.hold(accounts(), now()).await.unwrap().accounts.is_empty());
}

async fn a_row_somebody_looks_at_is_passed_over(base: &Base) {
    let store = base.daemon().await;
    plan(&store, &[post("a", now()), post("b", now() + seconds(1))], now()).await;
    let mut raw = base.raw().await;
    run(&mut raw, "BEGIN").await;
    run(&mut raw, "SELECT id FROM deliveries WHERE post_id = 'a' FOR UPDATE").await;
    assert_eq!(claim(&store, now() + seconds(1)).await.unwrap().delivery.payload.text, "b");
    assert!(claim(&store, now() + seconds(1)).await.is_none());
    run(&mut raw, "ROLLBACK").await;
    assert_eq!(claim(&store, now() + seconds(1)).await.unwrap().delivery.payload.text, "a");
}

/// Whoever loses a deadlock is tried again; nobody above hears of it.
async fn two_transactions_in_each_others_way_both_go_through(base: &Base) {
    let store = base.daemon().await;
    store.raise("one", "", "x", "y", now()).await.unwrap();
    store.raise("two", "", "x", "y", now()).await.unwrap();
    let mut raw = base.raw().await;
    run(&mut raw, "SET deadlock_timeout = '60s'").await;
    run(&mut raw, "BEGIN").await;
    run(&mut raw, "UPDATE notices SET text = 'z' WHERE key = 'two'").await;
    // One commit with both, in the other order; the group waits for "two" while we wait for "one".
    let both = {
        let store = store.store.clone();
        tokio::spawn(async move {
            tokio::join!(store.raise("one", "", "new", "y", now()), store.raise("two", "", "new", "y", now()))
        })
    };
    let mut watcher = base.raw().await;
    until_somebody_waits(&mut watcher).await;
    run(&mut raw, "UPDATE notices SET text = 'z' WHERE key = 'one'").await;
    run(&mut raw, "COMMIT").await;
    let (one, two) = both.await.unwrap();
    one.unwrap();
    two.unwrap();
    assert!(store.notices().await.unwrap().iter().all(|notice| notice.text == "new"));
}

async fn until_somebody_waits(raw: &mut sqlx::AnyConnection) {
    const WAITING: &str = "SELECT 1 AS one FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
        AND query LIKE 'INSERT INTO notices%'";
    let waiting = async { while sqlx::query(WAITING).fetch_optional(&mut *raw).await.unwrap().is_none() {} };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap();
}

/// SIGSTOP, a cut cable: the server ends the transaction by itself, with the locks it held.
async fn a_daemon_that_freezes_in_a_transaction_blocks_nobody_for_long(base: &Base) {
    let store = base.daemon().await;
    let mut frozen = base.raw().await;
    run(&mut frozen, "SET idle_in_transaction_session_timeout = '300ms'").await;
    run(&mut frozen, "BEGIN").await;
    run(&mut frozen, "UPDATE account_leases SET owner = 'frozen'").await;
    plan(&store, &[post("a", now())], now()).await;
    assert!(claim(&store, now()).await.is_some());
    let settings = store.settings().await.unwrap();
    assert!(settings.contains(&("idle_in_transaction_session_timeout".to_owned(), "10s".to_owned())), "{settings:?}");
}

/// The server restarts, or somebody ends our connections: between transactions nobody above hears of it.
async fn a_connection_that_broke_is_made_anew(base: &Base) {
    const END: &str = "SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity \
        WHERE application_name = $1 AND pid <> pg_backend_pid()";
    let name = base.url.rsplit('=').next().unwrap().to_owned();
    let url = format!("{}&application_name={name}", base.url);
    let place = Place::new(&SecretString::from(url), base.folder.path());
    let (store, _) = Store::open(&place, Role::Daemon, &mut dice()).await.unwrap();
    store.hold(accounts(), now()).await.unwrap();
    plan(&store, &[post("a", now())], now()).await;
    store.accounts().await.unwrap();
    let mut admin = base.raw().await;
    let ended = sqlx::query(END).bind(name).fetch_all(&mut admin).await.unwrap();
    assert_eq!(ended.len(), 2, "a writer and a reader");
    assert!(claim(&store, now()).await.is_some());
    assert_eq!(row(&store, "a").await.state, State::Claimed);
}

/// A trigger says what a full disk says.
async fn a_full_disk_stops_sending_and_loses_nothing(base: &Base) {
    let store = base.daemon().await;
    plan(&store, &[post("a", now()), post("b", now() + seconds(1))], now()).await;
    let armed = arm(&store, now()).await;
    let mut raw = base.raw().await;
    for code in ["53100", "25006"] {
        run(
            &mut raw,
            &format!(
                "CREATE OR REPLACE FUNCTION in_trouble() RETURNS trigger LANGUAGE plpgsql AS \
                 'BEGIN RAISE EXCEPTION ''no space left on device'' USING ERRCODE = ''{code}''; END'"
            ),
        )
        .await;
        run(&mut raw, "CREATE TRIGGER in_trouble BEFORE UPDATE ON deliveries EXECUTE FUNCTION in_trouble()").await;
        let error = store.claim_due(&eyes(), Turn::Posts, now() + seconds(1)).await.unwrap_err();
        assert!(matches!(error, StoreError::NotWritable { .. }), "{error:?}");
        assert!(error.to_string().contains("free space or mend permissions; nothing is sent meanwhile"), "{error}");
        run(&mut raw, "DROP TRIGGER in_trouble ON deliveries").await;
    }
    assert!(store.record(armed.id, armed.fence, Ending::Sent(receipt("1")), None, now()).await.unwrap());
    assert_eq!(claim(&store, now() + seconds(1)).await.unwrap().delivery.payload.text, "b");
}

async fn a_second_machine_needs_the_first_ones_key(base: &Base) {
    let first = base.daemon().await;
    let elsewhere = TempDir::new().unwrap();
    let place = base.seen_from_elsewhere(elsewhere.path());
    let error = Store::open(&place, Role::Daemon, &mut dice()).await.unwrap_err();
    assert!(error.to_string().contains("copy install.key from the first machine"), "{error}");
    let key = base.data().join("install.key");
    std::fs::copy(key, elsewhere.path().join("data/install.key")).unwrap();
    let (second, _) = Store::open(&place, Role::Daemon, &mut dice()).await.unwrap();
    assert_eq!(second.secret().person("ada"), first.secret().person("ada"));
}

async fn daemons_that_start_at_once_on_a_new_database_miss_nothing(base: &Base) {
    let one = other(base).await;
    // On the same machine, and on another one with the same key.
    let (two, elsewhere) = (other(base).await, TempDir::new().unwrap());
    std::fs::create_dir(elsewhere.path().join("data")).unwrap();
    std::fs::copy(base.data().join("install.key"), elsewhere.path().join("data/install.key")).unwrap();
    let place = base.seen_from_elsewhere(elsewhere.path());
    let (three, _) = Store::open(&place, Role::Daemon, &mut dice()).await.unwrap();
    for round in 0..10 {
        let at = now() + seconds(round);
        let (a, b, c) = tokio::join!(one.recognise(at), two.recognise(at), three.recognise(at));
        assert_eq!((a.unwrap(), b.unwrap(), c.unwrap()), (None, None, None), "start {round}");
        // Each knows it again, whoever named it.
        let again = tokio::join!(one.recognise(at), two.recognise(at), three.recognise(at));
        assert_eq!((again.0.unwrap(), again.1.unwrap(), again.2.unwrap()), (None, None, None), "again {round}");
        let mut raw = base.raw().await;
        run(&mut raw, "DELETE FROM facts_of_install WHERE name IN ('install_id', 'epoch', 'epoch_at', 'home')").await;
        run(&mut raw, "DELETE FROM daemons").await;
        for folder in [base.data(), elsewhere.path().join("data")] {
            std::fs::remove_file(folder.join("watchpost.epoch")).unwrap();
        }
    }
}
