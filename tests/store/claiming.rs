//! claim → arm → record: in order, once, and only by whoever holds the row.

use std::collections::HashSet;
use std::time::Duration;

use watchpost::core::delivery::State;
use watchpost::core::ids::{AccountName, MediaId, PostId};
use watchpost::store::deliveries::Wish;
use watchpost::store::sending::{Ending, Lateness, Turn};

use crate::base::{Base, arm, claim, ears, eyes, now, plan, post, receipt, renew, row, seconds, send};

on_both!(
    what_is_due_is_claimed_in_time_order,
    nothing_is_claimed_early_or_after_its_end,
    an_armed_row_is_frozen_and_keyed_alike_for_ever,
    a_sent_row_has_its_status_and_the_next_baseline,
    a_row_not_sent_waits_and_says_why,
    an_end_is_recorded_once,
    parts_behind_an_expired_first_part_expire_with_it,
    what_a_dead_daemon_left_is_never_sent_again_blindly,
    late_writes_of_a_daemon_that_lost_its_rows_change_nothing,
    claims_side_by_side_never_give_one_row_twice,
    late_posts_are_counted,
);

async fn what_is_due_is_claimed_in_time_order(base: &Base) {
    let store = base.daemon().await;
    plan(&store, &[post("c", now()), post("a", now() - seconds(2)), post("b", now() - seconds(1))], now()).await;
    assert_eq!(store.next_due().await.unwrap(), Some(now() - seconds(2)));
    assert_eq!(store.due_accounts(now()).await.unwrap(), [eyes()]);
    assert_eq!(store.next_planned().await.unwrap().unwrap().payload.text, "a");
    for expected in ["a", "b", "c"] {
        let claimed = claim(&store, now()).await.unwrap();
        assert_eq!(claimed.delivery.payload.text, expected);
        assert_eq!(claimed.delivery.state, State::Claimed);
    }
    assert!(claim(&store, now()).await.is_none());
    assert_eq!(store.next_due().await.unwrap(), None);
    assert_eq!(store.state_counts().await.unwrap(), [(State::Claimed, 3)]);
}

async fn nothing_is_claimed_early_or_after_its_end(base: &Base) {
    let store = base.daemon().await;
    plan(&store, &[post("a", now())], now() - seconds(1)).await;
    assert!(claim(&store, now() - seconds(1)).await.is_none());
    assert!(store.claim_due(&eyes(), Turn::Replies, now()).await.unwrap().is_none());
    assert!(store.claim_due(&ears(), Turn::Posts, now()).await.unwrap().is_none());
    renew(&store, now() + chrono::Duration::hours(6)).await;
    assert!(claim(&store, now() + chrono::Duration::hours(6)).await.is_none());
    assert_eq!(row(&store, "a").await.state, State::Expired);
}

async fn an_armed_row_is_frozen_and_keyed_alike_for_ever(base: &Base) {
    let store = base.daemon().await;
    plan(&store, &[post("a", now())], now()).await;
    let claimed = claim(&store, now()).await.unwrap().delivery;
    let media = vec![MediaId::new("m1"), MediaId::new("m2")];
    let first =
        store.arm(claimed.clone(), media, Lateness::InTime, now(), Duration::from_secs(5)).await.unwrap().unwrap();
    assert_eq!((first.attempt, first.may_exist, first.armed_at_boot), (1, false, Duration::from_secs(5)));
    // Once: the row is no longer claimed.
    assert!(store.arm(claimed, Vec::new(), Lateness::InTime, now(), Duration::ZERO).await.unwrap().is_none());
    let again = Ending::Again { at: now() + seconds(5), reason: "no route".to_owned() };
    assert!(store.record(first.id, first.fence, again, None, now()).await.unwrap());
    let second = arm(&store, now() + seconds(5)).await;
    assert_eq!((second.attempt, &second.key), (2, &first.key));
    assert!(second.fence > first.fence);
}

async fn a_sent_row_has_its_status_and_the_next_baseline(base: &Base) {
    let store = base.daemon().await;
    plan(&store, &[post("a", now()), post("b", now() + seconds(1))], now()).await;
    let sent = send(&store, "101", now()).await;
    let read = store.delivery(sent.id).await.unwrap().unwrap();
    assert_eq!((read.state, read.sent_at), (State::Sent, Some(now())));
    assert_eq!(read.url.as_deref(), Some("https://social.example/@eyes/101"));
    assert_eq!(store.last_sent().await.unwrap().unwrap().id, sent.id);
    arm(&store, now() + seconds(1)).await;
    let unknown = Ending::Unknown { reason: "time-out".to_owned() };
    let armed = row(&store, "b").await;
    assert!(store.record(armed.id, armed.fence, unknown, None, now() + seconds(2)).await.unwrap());
    let open = store.open_looks(&eyes(), now() + seconds(60), 10).await.unwrap();
    let unclear = open.iter().find(|open| open.delivery.state == State::Unknown).unwrap();
    assert_eq!(unclear.baseline.as_ref().unwrap().as_str(), "101");
}

async fn a_row_not_sent_waits_and_says_why(base: &Base) {
    let store = base.daemon().await;
    plan(&store, &[post("a", now())], now()).await;
    let armed = arm(&store, now()).await;
    let ending = Ending::Again { at: now() + seconds(9), reason: "no\0route".to_owned() };
    assert!(store.record(armed.id, armed.fence, ending, None, now()).await.unwrap());
    let waits = row(&store, "a").await;
    assert_eq!((waits.state, waits.not_before), (State::Planned, Some(now() + seconds(9))));
    assert_eq!(waits.reason, "no\u{fffd}route");
    let attempts = store.attempts(armed.id).await.unwrap();
    assert_eq!((attempts.len(), attempts[0].number, attempts[0].armed_at), (1, 1, Some(now())));
    assert_eq!(store.newest_deliveries(5).await.unwrap().len(), 1);
}

async fn an_end_is_recorded_once(base: &Base) {
    let store = base.daemon().await;
    plan(&store, &[post("a", now())], now()).await;
    let armed = arm(&store, now()).await;
    let refused = || Ending::Settled { state: State::Refused, reason: "too long".to_owned() };
    assert!(!store.record(armed.id, armed.fence + 1, refused(), None, now()).await.unwrap());
    assert!(store.record(armed.id, armed.fence, refused(), None, now()).await.unwrap());
    assert!(!store.record(armed.id, armed.fence, Ending::Sent(receipt("1")), None, now()).await.unwrap());
    assert_eq!(store.deliveries_in(&[State::Refused, State::Held], 10).await.unwrap().len(), 1);
    // A release is a new generation, with a key of its own.
    let granted = store.steer_post(&PostId::new("a"), Wish::Release, "", now()).await.unwrap();
    assert_eq!(granted.changed, 1);
    let again = arm(&store, now()).await;
    assert_ne!(again.key, armed.key);
}

async fn parts_behind_an_expired_first_part_expire_with_it(base: &Base) {
    let store = base.daemon().await;
    let mut parts = [post("a", now()), post("a", now())];
    for (part, row) in (1_i64..).zip(&mut parts) {
        (row.part, row.parts) = (part, 2);
    }
    plan(&store, &parts, now()).await;
    renew(&store, now() + chrono::Duration::hours(7)).await;
    assert!(claim(&store, now() + chrono::Duration::hours(7)).await.is_none());
    for part in store.deliveries_of_post(&PostId::new("a")).await.unwrap() {
        assert_eq!(part.state, State::Expired);
    }
}

async fn what_a_dead_daemon_left_is_never_sent_again_blindly(base: &Base) {
    let mut old = base.daemon().await;
    plan(&old, &[post("a", now()), post("b", now() + seconds(1))], now()).await;
    let armed = arm(&old, now()).await;
    let claimed = claim(&old, now() + seconds(1)).await.unwrap();
    let (new, later) = base.taken_over(&mut old).await;
    assert_eq!(new.held.unclear, 1);
    let (a, b) = (row(&new, "a").await, row(&new, "b").await);
    assert_eq!((a.state, a.id, a.unclear), (State::Unknown, armed.id, 1));
    assert_eq!((b.state, b.id), (State::Planned, claimed.delivery.id));
    assert_eq!(claim(&new, later).await.unwrap().delivery.id, b.id);
    let looks = new.next_looks().await.unwrap();
    assert_eq!(looks.len(), 1);
    assert!(looks[0].0 == eyes() && looks[0].1 <= later + seconds(5));
    // Its next attempt knows that an earlier one may have succeeded.
    assert!(new.open_looks(&eyes(), later + seconds(5), 10).await.unwrap()[0].unclear == 1);
}

async fn late_writes_of_a_daemon_that_lost_its_rows_change_nothing(base: &Base) {
    let mut old = base.daemon().await;
    plan(&old, &[post("a", now()), post("b", now() + seconds(1)), post("c", now() + seconds(2))], now()).await;
    let armed = arm(&old, now()).await;
    let claimed = claim(&old, now() + seconds(1)).await.unwrap().delivery;
    let (new, later) = base.taken_over(&mut old).await;
    assert!(!old.record(armed.id, armed.fence, Ending::Sent(receipt("1")), None, later).await.unwrap());
    assert!(old.arm(claimed, Vec::new(), Lateness::InTime, later, Duration::ZERO).await.unwrap().is_none());
    assert_eq!(row(&new, "a").await.state, State::Unknown);
    let taken = claim(&new, later).await.unwrap();
    assert_eq!(taken.delivery.payload.text, "b");
    let ending = Ending::Settled { state: State::Held, reason: "stale".to_owned() };
    assert!(!old.record(taken.delivery.id, taken.delivery.fence - 1, ending, None, later).await.unwrap());
    assert_eq!(row(&new, "b").await.state, State::Claimed);
}

async fn claims_side_by_side_never_give_one_row_twice(base: &Base) {
    let store = base.daemon().await;
    let names: Vec<String> = (0..40).map(|n| format!("p{n}")).collect();
    let rows: Vec<_> = names.iter().map(|name| post(name, now())).collect();
    plan(&store, &rows, now()).await;
    let other = base.second().await;
    let mut claims = tokio::task::JoinSet::new();
    for n in 0..50 {
        let line = if n % 2 == 0 { store.store.clone() } else { other.clone() };
        claims.spawn(async move { claim(&line, now()).await.map(|claimed| claimed.delivery.id) });
    }
    let mut seen = HashSet::new();
    let mut none = 0;
    while let Some(claimed) = claims.join_next().await {
        match claimed.unwrap() {
            Some(id) => assert!(seen.insert(id), "{id} was given twice"),
            None => none += 1,
        }
    }
    // On PostgreSQL the second store holds no account and gets none.
    while let Some(claimed) = claim(&store, now()).await {
        assert!(seen.insert(claimed.delivery.id));
    }
    assert_eq!(seen.len(), 40);
    assert!(none >= 10);
}

async fn late_posts_are_counted(base: &Base) {
    let store = base.daemon().await;
    plan(&store, &[post("a", now()), post("b", now())], now()).await;
    let claimed = claim(&store, now()).await.unwrap();
    assert_eq!((claimed.late_sent, claimed.last_late), (0, None));
    let late = store.arm(claimed.delivery, Vec::new(), Lateness::Late, now(), Duration::ZERO).await.unwrap().unwrap();
    assert!(store.record(late.id, late.fence, Ending::Sent(receipt("1")), None, now()).await.unwrap());
    let claimed = claim(&store, now() + seconds(1)).await.unwrap();
    assert_eq!((claimed.late_sent, claimed.last_late), (1, Some(now())));
    assert_eq!(claimed.delivery.account, AccountName::new("eyes"));
}
