//! Scenes of ends: what is given up, what stands behind it, and what waits.

use chrono::Duration;
use watchpost::core::delivery::State;
use watchpost::core::post::{Late, Post};
use watchpost::sandbox::{Endpoint, Fault, Profile, Trouble};
use watchpost::store::deliveries::Wish;

use crate::scenes::{Scene, nine, post};

fn thread(late: Late) -> Post {
    Post {
        late,
        parts: vec!["One of two.".to_owned(), "Two of two.".to_owned()],
        ..post("", nine() + Duration::minutes(1))
    }
}

async fn notices(scene: &Scene) -> Vec<String> {
    scene.daemon.ctx.store.notices().await.unwrap().into_iter().map(|notice| notice.text).collect()
}

fn creates(scene: &Scene) -> usize {
    scene.sandbox.requests().iter().filter(|seen| seen.endpoint == Endpoint::Create).count()
}

#[tokio::test]
async fn a_status_that_appears_after_its_row_was_given_up_is_seen_and_told() {
    let text = "Too late.";
    let due = nine() + Duration::minutes(1);
    let short = Post {
        expires: Some(watchpost::core::post::Moment::Instant((due + Duration::minutes(2)).fixed_offset())),
        ..post(text, due)
    };
    let scene = Scene::begin(Profile::gotosocial(), vec![short]).await;
    scene.pass(60);
    scene.sandbox.fault(Fault::on(Endpoint::Create, Trouble::answer(500, "")));
    scene.work().await;
    scene.settle().await;
    assert_eq!(scene.states().await, [State::Expired]);
    // The server was slow to commit.
    scene.sandbox.mention("eyes", text).unwrap();
    scene.pass(1_800);
    scene.work().await;
    assert_eq!(scene.states().await, [State::Verified]);
    assert!(notices(&scene).await.iter().any(|text| text.contains("given up")), "{:?}", notices(&scene).await);
    for _ in 0..3 {
        scene.pass(1_800);
        scene.work().await;
    }
    assert_eq!(creates(&scene), 1);
    scene.end().await;
}

#[tokio::test]
async fn the_parts_behind_one_that_was_skipped_end_with_it() {
    let scene = Scene::begin(Profile::mastodon(), vec![thread(Late::Skip)]).await;
    scene.pass(1_800);
    scene.work().await;
    assert_eq!(scene.states().await, [State::Expired, State::Expired]);
    scene.end().await;
}

#[tokio::test]
async fn the_parts_behind_one_that_expired_end_with_it_and_a_person_is_told() {
    let scene = Scene::begin(Profile::mastodon(), vec![thread(Late::Send)]).await;
    scene.pass(7 * 3_600);
    scene.work().await;
    assert_eq!(scene.states().await, [State::Expired, State::Expired]);
    let told = notices(&scene).await;
    assert!(told.iter().any(|text| text.contains("was not sent, because its time had passed")), "{told:?}");
    scene.end().await;
}

#[tokio::test]
async fn the_parts_behind_a_refused_one_are_held_and_follow_when_it_is_released() {
    let scene = Scene::begin(Profile::mastodon(), vec![thread(Late::Send)]).await;
    scene.pass(60);
    let refusal = r#"{"error":"Validation failed: Text character limit of 500 exceeded"}"#;
    scene.sandbox.fault(Fault::on(Endpoint::Create, Trouble::answer(422, refusal)));
    scene.work().await;
    assert_eq!(scene.states().await, [State::Refused, State::Held]);
    let store = &scene.daemon.ctx.store;
    let first = store.deliveries_in(&[State::Refused], 10).await.unwrap().remove(0).id;
    store.steer_delivery(first, Wish::Release, "go", scene.machine.clock.now()).await.unwrap();
    assert_eq!(scene.states().await, [State::Planned, State::Planned]);
    scene.settle().await;
    assert_eq!(scene.states().await, [State::Verified, State::Verified]);
    scene.end().await;
}

#[tokio::test]
async fn a_wait_that_is_over_already_grows_instead_of_a_request_each_second() {
    let scene = Scene::begin(Profile::mastodon(), vec![post("Patience.", nine() + Duration::minutes(1))]).await;
    scene.pass(60);
    for _ in 0..4 {
        scene.sandbox.fault(Fault::on(Endpoint::Create, Trouble::TooMany { reset_in: Some(0) }));
    }
    for _ in 0..20 {
        scene.work().await;
        scene.pass(1);
    }
    assert!(creates(&scene) <= 4, "{} requests in 20 s", creates(&scene));
    for _ in 0..30 {
        scene.work().await;
        scene.pass(1);
    }
    assert_eq!(scene.sandbox.own("eyes").len(), 1);
    scene.end().await;
}

#[tokio::test]
async fn after_a_wait_the_earlier_post_goes_first() {
    let later = Post { id: "later".into(), ..post("Second.", nine() + Duration::minutes(2)) };
    let scene = Scene::begin(Profile::mastodon(), vec![post("First.", nine() + Duration::minutes(1)), later]).await;
    scene.pass(60);
    scene.sandbox.fault(Fault::on(Endpoint::Create, Trouble::TooMany { reset_in: Some(180) }));
    scene.work().await;
    let waits = scene.daemon.ctx.store.accounts().await.unwrap().into_values().next().unwrap().wait_until;
    assert_eq!(waits, Some(nine() + Duration::minutes(4)), "`status` says so");
    scene.pass(120);
    scene.work().await;
    assert_eq!(creates(&scene), 1, "nothing goes while the server asks to wait");
    scene.pass(61);
    scene.work().await;
    let said: Vec<String> = scene.sandbox.own("eyes").into_iter().map(|status| status.text).collect();
    assert_eq!(said, ["First.", "Second."]);
    scene.end().await;
}

#[tokio::test]
async fn attempts_that_were_throttled_do_not_count_against_a_young_parent() {
    let scene = Scene::begin(Profile::mastodon(), Vec::new()).await;
    scene.pass(5);
    let asked = scene.sandbox.mention("luz", "@eyes what about ring?").unwrap();
    for _ in 0..4 {
        scene.sandbox.fault(Fault::on(Endpoint::Create, Trouble::TooMany { reset_in: Some(5) }));
    }
    scene.sandbox.fault(Fault::on(Endpoint::Create, Trouble::answer(404, r#"{"error":"Record not found"}"#)));
    scene.daemon.listen().await.unwrap();
    for _ in 0..90 {
        scene.pass(1);
        scene.work().await;
    }
    assert_eq!(scene.states().await, [State::Verified]);
    assert_eq!(scene.sandbox.replies_to(&asked).len(), 1);
    scene.end().await;
}
