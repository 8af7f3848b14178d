//! What looks found: unknown rows are settled, sent ones verified, twins watched, threads go on.

use chrono::{DateTime, Utc};
use watchpost::core::delivery::State;
use watchpost::core::ids::{PostId, StatusId};
use watchpost::store::notices::Told;
use watchpost::store::sending::Ending;
use watchpost::store::settling::{Found, Open};
use watchpost::store::{Store, StoreError};

use crate::base::{Base, arm, claim, eyes, now, plan, post, renew, row, seconds, send};

on_both!(
    a_sent_row_is_verified_and_lets_the_next_part_go,
    what_a_look_shows_is_verified_together,
    a_row_the_server_does_not_show_is_held_at_last,
    an_unknown_row_that_is_found_is_verified,
    an_unknown_row_that_is_absent_goes_again_with_the_same_key,
    a_new_key_is_taken_only_where_asked,
    an_unknown_row_can_end,
    a_look_that_comes_too_late_changes_nothing,
    a_resent_row_is_watched_for_a_twin,
    statuses_of_other_rows_are_owned,
);

fn told() -> Told {
    Told { text: "the server said yes\0".to_owned(), next_step: "look there".to_owned() }
}

async fn only_look(store: &Store, after: i64) -> Open {
    let mut open = store.open_looks(&eyes(), now() + seconds(after), 10).await.unwrap();
    assert_eq!(open.len(), 1);
    open.remove(0)
}

/// When the next look is due, over all accounts.
async fn next_look(store: &Store) -> Option<DateTime<Utc>> {
    store.next_looks().await.unwrap().first().map(|(_, next)| *next)
}

async fn unknown(store: &Store, id: &str) -> Open {
    plan(store, &[post(id, now())], now()).await;
    let armed = arm(store, now()).await;
    let ending = Ending::Unknown { reason: "time-out".to_owned() };
    assert!(store.record(armed.id, armed.fence, ending, None, now()).await.unwrap());
    only_look(store, 5).await
}

async fn a_sent_row_is_verified_and_lets_the_next_part_go(base: &Base) {
    let store = base.daemon().await;
    let mut parts = [post("a", now()), post("a", now())];
    for (part, row) in (1_i64..).zip(&mut parts) {
        (row.part, row.parts) = (part, 2);
    }
    plan(&store, &parts, now()).await;
    send(&store, "101", now()).await;
    assert!(claim(&store, now() + seconds(5)).await.is_none());
    let open = only_look(&store, 0).await;
    assert!(open.next_part_waits && open.from_post && !open.opted_out);
    assert_eq!(store.verified(&[&open], now() + seconds(1)).await.unwrap(), 1);
    assert_eq!(store.verified(&[&open], now() + seconds(1)).await.unwrap(), 0);
    let second = claim(&store, now() + seconds(1)).await.unwrap().delivery;
    assert_eq!(second.payload.in_reply_to, Some(StatusId::new("101")));
    assert_eq!(second.expires_at, Some(now() + seconds(1) + chrono::Duration::hours(24)));
}

/// More than one statement takes: all of a look in one commit, each row by its own fence.
async fn what_a_look_shows_is_verified_together(base: &Base) {
    let store = base.daemon().await;
    let ids: Vec<String> = (0..19).map(|n| format!("p{n:02}")).collect();
    plan(&store, &ids.iter().map(|id| post(id, now())).collect::<Vec<_>>(), now()).await;
    for id in &ids {
        send(&store, &format!("s-{id}"), now()).await;
    }
    let mut open = store.open_looks(&eyes(), now() + seconds(60), 40).await.unwrap();
    assert_eq!(open.len(), 19);
    // Its row moved on meanwhile.
    open[18].delivery.fence += 1;
    assert_eq!(store.verified(&open.iter().collect::<Vec<_>>(), now()).await.unwrap(), 18);
    assert_eq!((row(&store, "p17").await.state, row(&store, "p18").await.state), (State::Verified, State::Sent));
    assert_eq!(store.verified(&[], now()).await.unwrap(), 0);
}

async fn a_row_the_server_does_not_show_is_held_at_last(base: &Base) {
    let store = base.daemon().await;
    plan(&store, &[post("a", now())], now()).await;
    send(&store, "101", now()).await;
    let open = only_look(&store, 5).await;
    assert!(store.not_seen(&open, Some(now() + seconds(60)), told(), now() + seconds(5)).await.unwrap());
    assert_eq!(next_look(&store).await, Some(now() + seconds(60)));
    assert!(store.not_seen(&open, None, told(), now() + seconds(600)).await.unwrap());
    assert_eq!((row(&store, "a").await.state, next_look(&store).await), (State::Held, None));
    // A person is told in the same commit.
    assert_eq!(store.notices().await.unwrap()[0].key, format!("delivery:{}", open.delivery.id));
}

async fn an_unknown_row_that_is_found_is_verified(base: &Base) {
    let store = base.daemon().await;
    let open = unknown(&store, "a").await;
    assert_eq!((open.armed_at, open.unclear, open.from_post), (now(), 1, false));
    let there = Found::There { status: StatusId::new("7"), url: None, note: "found".to_owned() };
    assert!(store.looked(&open, there, now() + seconds(5)).await.unwrap());
    let found = row(&store, "a").await;
    assert_eq!((found.state, found.status), (State::Verified, Some(StatusId::new("7"))));
}

async fn an_unknown_row_that_is_absent_goes_again_with_the_same_key(base: &Base) {
    let store = base.daemon().await;
    plan(&store, &[post("a", now())], now()).await;
    let armed = arm(&store, now()).await;
    let ending = Ending::Unknown { reason: "time-out".to_owned() };
    assert!(store.record(armed.id, armed.fence, ending, None, now()).await.unwrap());
    let open = only_look(&store, 5).await;
    assert!(store.looked(&open, Found::NotYet(now() + seconds(30)), now() + seconds(5)).await.unwrap());
    assert_eq!(next_look(&store).await, Some(now() + seconds(30)));
    assert!(claim(&store, now() + seconds(120)).await.is_none());
    assert!(store.looked(&open, Found::SendAgain { new_key: false }, now() + seconds(120)).await.unwrap());
    renew(&store, now() + seconds(120)).await;
    let again = arm(&store, now() + seconds(120)).await;
    assert_eq!((&again.key, again.may_exist, again.attempt), (&armed.key, true, 2));
}

async fn a_new_key_is_taken_only_where_asked(base: &Base) {
    let store = base.daemon().await;
    plan(&store, &[post("a", now())], now()).await;
    let armed = arm(&store, now()).await;
    let ending = Ending::Unknown { reason: "500".to_owned() };
    assert!(store.record(armed.id, armed.fence, ending, None, now()).await.unwrap());
    let open = only_look(&store, 5).await;
    assert!(store.looked(&open, Found::SendAgain { new_key: true }, now() + seconds(300)).await.unwrap());
    renew(&store, now() + seconds(300)).await;
    assert_ne!(arm(&store, now() + seconds(300)).await.key, armed.key);
}

async fn an_unknown_row_can_end(base: &Base) {
    let store = base.daemon().await;
    let open = unknown(&store, "a").await;
    let ended = Found::Ended { state: State::Expired, reason: "its time has passed".to_owned() };
    assert!(store.looked(&open, ended, now() + seconds(120)).await.unwrap());
    assert_eq!(row(&store, "a").await.state, State::Expired);
    // The server may still make it: for an hour it is looked for.
    assert_eq!(next_look(&store).await, Some(now() + seconds(300)));
}

async fn a_look_that_comes_too_late_changes_nothing(base: &Base) {
    let store = base.daemon().await;
    let open = unknown(&store, "a").await;
    assert!(store.looked(&open, Found::SendAgain { new_key: false }, now() + seconds(120)).await.unwrap());
    let there = Found::There { status: StatusId::new("7"), url: None, note: String::new() };
    assert!(!store.looked(&open, there, now() + seconds(121)).await.unwrap());
    assert_eq!(row(&store, "a").await.state, State::Planned);
}

async fn a_resent_row_is_watched_for_a_twin(base: &Base) {
    let store = base.daemon().await;
    let open = unknown(&store, "a").await;
    assert!(store.looked(&open, Found::SendAgain { new_key: false }, now() + seconds(120)).await.unwrap());
    renew(&store, now() + seconds(120)).await;
    send(&store, "9", now() + seconds(120)).await;
    let open = only_look(&store, 125).await;
    assert_eq!(open.watch_until, Some(now() + seconds(120) + chrono::Duration::hours(1)));
    assert_eq!(store.verified(&[&open], now() + seconds(125)).await.unwrap(), 1);
    let open = only_look(&store, 125).await;
    let next = now() + seconds(150);
    assert!(store.watched(&open, Some(next), Some((StatusId::new("8"), None)), now() + seconds(125)).await.unwrap());
    assert_eq!(row(&store, "a").await.status, Some(StatusId::new("8")));
    let open = only_look(&store, 150).await;
    assert!(store.watched(&open, None, None, next).await.unwrap());
    assert_eq!((row(&store, "a").await.status, next_look(&store).await), (Some(StatusId::new("8")), None));
}

async fn statuses_of_other_rows_are_owned(base: &Base) {
    let store = base.daemon().await;
    plan(&store, &[post("a", now())], now()).await;
    send(&store, "101", now()).await;
    let asked = [StatusId::new("101"), StatusId::new("102")];
    let owned = store.owned(&eyes(), &asked).await.unwrap();
    assert_eq!(owned.into_iter().collect::<Vec<_>>(), [StatusId::new("101")]);
    let none: Result<_, StoreError> = store.deliveries_of_post(&PostId::new("b")).await;
    assert!(none.unwrap().is_empty());
}
