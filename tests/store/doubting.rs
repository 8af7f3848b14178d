//! A database that is older than its side file, or was last used elsewhere.

use watchpost::core::delivery::State;
use watchpost::core::ids::PostId;
use watchpost::store::deliveries::Wish;
use watchpost::store::doubt::Why;
use watchpost::store::{Store, StoreError};

use crate::base::{Base, claim, now, plan, post, row, run, seconds, send};

on_both!(
    a_database_is_recognised_until_it_is_set_back,
    what_is_overdue_in_a_database_set_back_is_unknown_and_what_is_to_come_is_not,
    a_held_row_of_a_database_set_back_is_looked_for_when_it_is_released,
    a_post_moved_into_the_past_after_a_doubt_is_looked_for,
    a_database_that_was_used_elsewhere_is_refused_until_a_person_says_it_was_moved,
);

async fn set_back(base: &Base) {
    run(&mut base.raw().await, "UPDATE facts_of_install SET value = '1' WHERE name = 'epoch'").await;
}

async fn start(base: &Base, at: chrono::DateTime<chrono::Utc>) -> crate::base::Daemon {
    base.daemon_at(at).await
}

async fn a_database_is_recognised_until_it_is_set_back(base: &Base) {
    let daemon = start(base, now()).await;
    assert_eq!(daemon.recognise(now()).await.unwrap(), None, "a new one");
    assert_eq!(daemon.recognise(now()).await.unwrap(), None, "the same one");
    daemon.step_epoch(now() + seconds(60)).await.unwrap();
    assert_eq!(daemon.recognise(now() + seconds(61)).await.unwrap(), None);
    set_back(base).await;
    let doubt = daemon.recognise(now() + seconds(120)).await.unwrap().unwrap();
    assert_eq!((doubt.why, doubt.since), (Why::Older, now() + seconds(61)));
    assert_eq!(daemon.recognise(now() + seconds(121)).await.unwrap(), None, "said once");
}

async fn what_is_overdue_in_a_database_set_back_is_unknown_and_what_is_to_come_is_not(base: &Base) {
    let daemon = start(base, now()).await;
    daemon.recognise(now()).await.unwrap();
    let sent = post("sent", now());
    plan(&daemon, std::slice::from_ref(&sent), now()).await;
    send(&daemon, "1", now()).await;
    let rows = [sent, post("overdue", now() + seconds(30)), post("to-come", now() + seconds(600))];
    plan(&daemon, &rows, now()).await;
    daemon.step_epoch(now()).await.unwrap();
    set_back(base).await;
    let at = now() + seconds(60);
    crate::base::renew(&daemon, at).await;
    assert_eq!(daemon.recognise(at).await.unwrap().unwrap().rows, 1);
    // A post whose row the backup does not have.
    plan(&daemon, &[rows.as_slice(), &[post("forgotten", now() + seconds(40))]].concat(), at).await;
    for (name, state) in
        [("sent", State::Sent), ("overdue", State::Unknown), ("forgotten", State::Unknown), ("to-come", State::Planned)]
    {
        assert_eq!(row(&daemon, name).await.state, state, "{name}");
    }
    assert!(claim(&daemon, at).await.is_none(), "nothing of that is claimed");
    let later = at + seconds(600);
    crate::base::renew(&daemon, later).await;
    let claimed = claim(&daemon, later).await.unwrap();
    assert_eq!(claimed.delivery.payload.text, "to-come", "on time, without a look");
}

async fn a_held_row_of_a_database_set_back_is_looked_for_when_it_is_released(base: &Base) {
    let daemon = start(base, now()).await;
    daemon.recognise(now()).await.unwrap();
    plan(&daemon, &[post("kept", now() + seconds(600))], now()).await;
    let kept = PostId::new("kept");
    daemon.steer_post(&kept, Wish::Hold, "wait", now()).await.unwrap();
    daemon.step_epoch(now()).await.unwrap();
    set_back(base).await;
    daemon.recognise(now() + seconds(60)).await.unwrap().unwrap();
    assert_eq!(row(&daemon, "kept").await.state, State::Held);
    daemon.steer_post(&kept, Wish::Release, "go", now() + seconds(61)).await.unwrap();
    assert_eq!(row(&daemon, "kept").await.state, State::Unknown);
}

async fn a_post_moved_into_the_past_after_a_doubt_is_looked_for(base: &Base) {
    let daemon = start(base, now()).await;
    daemon.recognise(now()).await.unwrap();
    plan(&daemon, &[post("moved", now() + seconds(6_000))], now()).await;
    daemon.step_epoch(now()).await.unwrap();
    set_back(base).await;
    let at = now() + seconds(60);
    crate::base::renew(&daemon, at).await;
    daemon.recognise(at).await.unwrap().unwrap();
    plan(&daemon, &[post("moved", now() + seconds(30))], at).await;
    assert!(claim(&daemon, at).await.is_none());
    assert_eq!(row(&daemon, "moved").await.state, State::Unknown);
}

async fn a_database_that_was_used_elsewhere_is_refused_until_a_person_says_it_was_moved(base: &Base) {
    let daemon = start(base, now()).await;
    daemon.recognise(now()).await.unwrap();
    let elsewhere = r#"{"machine":"another","path":"/srv/there","device":1,"inode":1}"#;
    let text = format!("UPDATE facts_of_install SET value = '{elsewhere}' WHERE name = 'home'");
    run(&mut base.raw().await, &text).await;
    let refused = daemon.recognise(now()).await;
    assert!(matches!(&refused, Err(StoreError::Copied { there, .. }) if there == "/srv/there"), "{refused:?}");
    assert!(matches!(daemon.recognise(now()).await, Err(StoreError::Copied { .. })), "still");
    let beside: Store = base.visitor().await;
    beside.move_here().await.unwrap();
    assert_eq!(daemon.recognise(now()).await.unwrap().unwrap().why, Why::Moved);
    assert_eq!(daemon.recognise(now()).await.unwrap(), None);
}
