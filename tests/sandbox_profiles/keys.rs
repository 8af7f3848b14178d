//! What a repeated `Idempotency-Key` does: at once, from another account, overlapping, after a restart, after a
//! deletion, after an error, after its time.

use serde_json::json;
use watchpost::sandbox::{Endpoint, Fault, Trouble};

use crate::rig::{Answer, Rig, SOON, send};

/// What the second request with a key does.
#[derive(Debug, PartialEq)]
enum Again {
    New,
    Same,
    Fails(u16),
}
use Again::{Fails, New, Same};

struct Expected {
    again: Again,
    other_account: Again,
    restarted: Again,
    deleted: Again,
    /// After a first request that was refused: whether a good one with the same key gets through.
    after_refusal: Again,
    /// Statuses made by three overlapping requests and a fourth after them.
    four: usize,
    /// Hours after which the key is new again.
    hours: u64,
}

impl Expected {
    fn ignored() -> Self {
        let (again, restarted, deleted) = (New, New, New);
        Self { again, other_account: New, restarted, deleted, after_refusal: New, four: 4, hours: 0 }
    }

    fn mastodon() -> Self {
        let again = Same;
        Self { again, other_account: New, restarted: Same, deleted: Fails(404), after_refusal: New, four: 3, hours: 1 }
    }
}

fn compare(first: &str, second: &Answer) -> Again {
    match second.status {
        200 if second.id() == first => Same,
        200 => New,
        status => Fails(status),
    }
}

async fn check(name: &str, expected: Expected) {
    let rig = Rig::named(name).await;
    let body = rig.fitting("Once").await;
    let first = rig.post_with("k", body.clone()).await.id();
    let again = rig.post_with("k", rig.fitting("Once").await).await;
    assert_eq!(compare(&first, &again), expected.again, "{name}: again");
    let others = json!({ "status": "Once", "in_reply_to_id": first });
    let other = send(rig.posting(&rig.other, Some("k"), &others)).await;
    assert_eq!(compare(&first, &other), expected.other_account, "{name}: another account");
    rig.hand.restart();
    let restarted = rig.post_with("k", rig.fitting("Once").await).await;
    assert_eq!(compare(&first, &restarted), expected.restarted, "{name}: after a restart");
    // What the key stands for from now on.
    let kept = if restarted.status == 200 { restarted.id() } else { first };

    let gone = rig.post_with("deleted", rig.fitting("Gone").await).await.id();
    rig.delete(&gone).await;
    let deleted = rig.post_with("deleted", rig.fitting("Gone").await).await;
    assert_eq!(compare(&gone, &deleted), expected.deleted, "{name}: after a deletion");

    let bad = json!({ "status": "Bad", "media_ids": ["7"] });
    assert!(rig.post_with("refused", bad).await.status >= 400);
    let good = rig.post_with("refused", rig.fitting("Good").await).await;
    assert_eq!(compare("", &good), expected.after_refusal, "{name}: after a refusal");

    assert_eq!(overlapping(&rig, if expected.four == 1 { 1 } else { 3 }).await, expected.four, "{name}: four at once");

    if expected.hours > 0 {
        rig.pass(expected.hours * 3_600_000 - 1_000 - 60_000);
        let before = rig.post_with("k", rig.fitting("Once").await).await;
        assert_ne!(compare(&kept, &before), New, "{name}: before its time is over");
        rig.pass(62_000);
        let late = rig.post_with("k", rig.fitting("Once").await).await;
        assert_eq!(compare(&kept, &late), New, "{name}: after its time");
    }
    rig.stop().await;
}

/// Three requests with one key that overlap, and a fourth once they are done: how many statuses stand? `held` of the
/// three are worked on at the same time.
async fn overlapping(rig: &Rig, held: usize) -> usize {
    let bodies = [rig.fitting("Four").await, rig.fitting("Four").await, rig.fitting("Four").await];
    let arrived = rig.hand.requests().len();
    rig.hand.fault(Fault::on(Endpoint::Create, Trouble::Midway { ms: None }).times(3));
    let tasks: Vec<_> =
        bodies.iter().map(|body| tokio::spawn(send(rig.posting(&rig.eyes, Some("four"), body)))).collect();
    rig.hand
        .wait_until(|state| state.requests().skip(arrived).count() == 3 && state.hanging() == held, SOON)
        .await
        .unwrap();
    rig.hand.release();
    for task in tasks {
        task.await.unwrap();
    }
    rig.hand.clear_faults();
    rig.post_with("four", rig.fitting("Four").await).await;
    rig.standing("Four")
}

#[tokio::test]
async fn mastodon_keeps_a_key_for_an_hour_and_overlapping_requests_both_post() {
    check("mastodon", Expected::mastodon()).await;
}

#[tokio::test]
async fn mastodon_46_fails_on_a_repeated_key_although_the_status_is_there() {
    let expected = Expected { again: Fails(500), restarted: Fails(500), four: 1, ..Expected::mastodon() };
    check("mastodon-4.6", expected).await;
}

#[tokio::test]
async fn servers_without_keys_post_every_time() {
    for name in ["gotosocial", "takahe", "snac", "friendica", "sharkey", "firefish"] {
        check(name, Expected::ignored()).await;
    }
}

#[tokio::test]
async fn pleroma_repeats_errors_too() {
    let expected = Expected { after_refusal: Fails(422), hours: 6, ..Expected::mastodon() };
    check("pleroma", Expected { deleted: Same, ..expected }).await;
    let old =
        Expected { after_refusal: Fails(422), other_account: Same, deleted: Same, hours: 6, ..Expected::mastodon() };
    check("pleroma-old", old).await;
}

#[tokio::test]
async fn mitra_keeps_keys_in_memory_and_for_their_first_account() {
    let expected = Expected { other_account: Fails(403), restarted: New, four: 1, ..Expected::mastodon() };
    check("mitra", expected).await;
}

#[tokio::test]
async fn hollo_looks_before_it_inserts() {
    check("hollo", Expected { deleted: New, ..Expected::mastodon() }).await;
}

#[tokio::test]
async fn pixelfed_refuses_a_key_it_has_seen_even_of_a_refused_status() {
    let fails = || Fails(400);
    let expected = Expected {
        again: fails(),
        restarted: fails(),
        deleted: fails(),
        after_refusal: fails(),
        four: 1,
        ..Expected::mastodon()
    };
    check("pixelfed", expected).await;
}

#[tokio::test]
async fn iceshrimp_keeps_a_key_a_day_and_never_lets_go_of_one_that_failed() {
    let expected = Expected { after_refusal: Fails(408), four: 1, hours: 24, ..Expected::mastodon() };
    check("iceshrimp", expected).await;
}

#[tokio::test]
async fn pleroma_keeps_a_429_with_the_key_and_the_others_do_not() {
    for (name, kept) in [("pleroma", true), ("mastodon", false), ("gotosocial", false), ("iceshrimp", false)] {
        let rig = Rig::named(name).await;
        let mut over = rig.post_with("k", json!({ "status": "Over" })).await;
        for number in 0..301 {
            over = rig.post_with(&format!("{number}"), json!({ "status": format!("Filling {number}") })).await;
        }
        assert_eq!(over.status, 429, "{name}");
        let refused = rig.post_with("late", json!({ "status": "Late" })).await;
        assert_eq!(refused.status, 429, "{name}");
        rig.pass(3 * 3_600_000);
        let again = rig.post_with("late", json!({ "status": "Late" })).await;
        assert_eq!(again.status, if kept { 429 } else { 200 }, "{name}: {again:?}");
        rig.stop().await;
    }
}
