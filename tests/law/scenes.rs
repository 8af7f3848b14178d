//! Single scenes that dice or the grid once came upon, played by hand.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use watchpost::cli::sim::daemon::{Daemon, Machine, Voices};
use watchpost::clock::{Clock, Dice};
use watchpost::core::delivery::State;
use watchpost::core::ids::{AccountName, Lang, PostId};
use watchpost::core::plan::AccountCalendar;
use watchpost::core::post::{Moment, Post, When};
use watchpost::core::schedule::Slot;
use watchpost::fedi::Http;
use watchpost::jobs::points::{Passage, Point};
use watchpost::sandbox::{
    Endpoint, Fault, Moment as FaultMoment, NewAccount, Options, Profile, Running, Sandbox, Trouble,
};

use watchpost::store::{Place, Role, Store};

use crate::cell::memory;

/// A server, a machine, and a daemon that is linked and has listened once.
pub(crate) struct Scene {
    pub(crate) running: Running,
    pub(crate) sandbox: Sandbox,
    pub(crate) theirs: Clock,
    pub(crate) machine: Machine,
    pub(crate) daemon: Daemon,
    _folder: tempfile::TempDir,
}

pub(crate) fn nine() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-11-23T09:00:00Z").unwrap().to_utc()
}

impl Scene {
    pub(crate) async fn begin(profile: Profile, posts: Vec<Post>) -> Scene {
        Scene::begin_after(profile, posts, &[]).await
    }

    /// The same where the account said something before.
    async fn begin_after(profile: Profile, posts: Vec<Post>, said: &[&str]) -> Scene {
        let folder = tempfile::tempdir_in(memory()).unwrap();
        let theirs = Clock::by_hand(nine());
        let mut options = Options::new(theirs.clone()).account(NewAccount::campaign("eyes").token("eyes-token"));
        options.profile = profile;
        let running = Sandbox::start(options).await.unwrap();
        for text in said {
            running.handle().mention("eyes", text).unwrap();
        }
        let campaign =
            watchpost::campaign::load(Path::new(env!("CARGO_MANIFEST_DIR")), nine()).unwrap().campaign.unwrap();
        let eyes = AccountName::new("eyes");
        let voice = Voices { name: eyes.clone(), server: running.base_url(), token: SecretString::from("eyes-token") };
        let machine = Machine {
            place: Place::file(&folder.path().join("watchpost.db")),
            clock: Clock::by_hand(nine()),
            http: Http::new().unwrap(),
            accounts: vec![voice],
            posts,
            calendars: vec![AccountCalendar::new(eyes, Vec::new())],
            mind: Arc::new(watchpost::app::mind(&campaign, None)),
            seed: 7,
        };
        let daemon = machine.start(None).await.unwrap();
        let sandbox = running.handle();
        let scene = Scene { running, sandbox, theirs, machine, daemon, _folder: folder };
        scene.daemon.link().await.unwrap();
        scene.daemon.plan().await.unwrap();
        scene.daemon.listen().await.unwrap();
        scene
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.theirs.advance(Duration::from_secs(seconds));
        self.machine.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) async fn work(&self) {
        self.daemon.send_and_look().await.unwrap();
    }

    /// Sends and looks through the whole time in which an unclear attempt becomes clear.
    pub(crate) async fn settle(&self) {
        for seconds in [5, 25, 90, 181, 1, 5, 5] {
            self.pass(seconds);
            self.work().await;
        }
    }

    pub(crate) async fn states(&self) -> Vec<State> {
        let rows = self.daemon.ctx.store.deliveries_in(&State::ALL, 100).await.unwrap();
        rows.iter().map(|row| row.state).collect()
    }

    pub(crate) async fn end(self) {
        self.daemon.crash().await.unwrap();
        self.running.stop().await;
    }
}

pub(crate) fn post(text: &str, at: DateTime<Utc>) -> Post {
    Post::new(
        PostId::new("the-post"),
        When::At(Moment::Instant(at.fixed_offset())),
        Lang::new("en"),
        vec![text.to_owned()],
    )
}

#[tokio::test]
async fn an_older_status_with_the_same_words_is_not_taken_for_an_unclear_attempt() {
    let text = "Every Tuesday we meet at the library.";
    let scene = Scene::begin(Profile::mastodon(), vec![post(text, nine() + chrono::Duration::days(1))]).await;
    // Staff said it by hand, or it is the twin of a week ago: nobody's row knows it.
    scene.sandbox.mention("eyes", text).unwrap();
    scene.sandbox.mention("eyes", "And something else.").unwrap();
    scene.pass(86_400);
    scene.sandbox.fault(Fault::on(Endpoint::Create, Trouble::answer(500, "")));
    scene.work().await;
    scene.settle().await;
    assert_eq!(scene.states().await, [State::Verified]);
    let said = scene.sandbox.own("eyes").iter().filter(|seen| seen.text == text).count();
    assert_eq!(said, 2, "the one by hand, and ours");
    scene.end().await;
}

#[tokio::test]
async fn the_reply_to_one_mention_is_not_taken_for_the_reply_to_another_with_the_same_words() {
    let scene = Scene::begin(Profile::mastodon(), Vec::new()).await;
    scene.pass(5);
    let first = scene.sandbox.mention("luz", "@eyes help").unwrap();
    let second = scene.sandbox.mention("luz", "@eyes help").unwrap();
    scene.sandbox.fault(Fault::on(Endpoint::Create, Trouble::answer(500, "")));
    scene.sandbox.fault(Fault::on(Endpoint::Create, Trouble::accepted_but(500)));
    scene.daemon.listen().await.unwrap();
    scene.settle().await;
    scene.settle().await;
    assert_eq!(scene.states().await, [State::Verified, State::Verified]);
    let answers = [&first, &second].map(|mention| scene.sandbox.replies_to(mention).len());
    assert_eq!(answers, [1, 1], "each mention has its own answer");
    scene.end().await;
}

#[tokio::test]
async fn a_clock_that_jumped_while_nothing_was_due_sends_nothing_early() {
    let scene = Scene::begin(Profile::mastodon(), vec![post("At noon.", nine() + chrono::Duration::hours(3))]).await;
    scene.work().await;
    scene.pass(60);
    scene.machine.clock.step_to(nine() + chrono::Duration::hours(4));
    for _ in 0..5 {
        scene.work().await;
        scene.pass(60);
    }
    assert_eq!(scene.sandbox.own("eyes").len(), 0, "it is ten past nine");
    scene.machine.clock.step_to(scene.theirs.now());
    scene.pass(3 * 3600);
    scene.work().await;
    assert_eq!(scene.sandbox.own("eyes").len(), 1);
    scene.end().await;
}

/// An attempt whose status exists, and `others` by other hands before anybody looks.
async fn buried(others: usize) -> Scene {
    let text = "Said once.";
    let scene = Scene::begin(Profile::gotosocial(), vec![post(text, nine() + chrono::Duration::minutes(1))]).await;
    scene.pass(60);
    scene.sandbox.fault(Fault::on(Endpoint::Create, Trouble::accepted_but(500)));
    scene.work().await;
    for n in 0..others {
        scene.sandbox.mention("eyes", &format!("By hand, number {n}.")).unwrap();
    }
    scene.settle().await;
    let said = scene.sandbox.own("eyes").iter().filter(|seen| seen.text == text).count();
    assert_eq!(said, 1, "below {others} others");
    scene
}

#[tokio::test]
async fn a_status_below_hundreds_of_others_is_found_and_not_sent_again() {
    let scene = buried(260).await;
    assert_eq!(scene.states().await, [State::Verified]);
    scene.end().await;
}

#[tokio::test]
async fn a_status_that_may_stand_below_what_was_read_is_held_and_not_sent_again() {
    let scene = buried(2_100).await;
    assert_eq!(scene.states().await, [State::Held]);
    scene.end().await;
}

#[tokio::test]
async fn a_walk_that_is_asked_to_stop_decides_no_more_and_the_next_one_begins_there_again() {
    let scene = Scene::begin(Profile::mastodon(), Vec::new()).await;
    scene.pass(5);
    let asked: Vec<_> =
        (0..150).map(|n| scene.sandbox.mention(&format!("asker{n}"), "@eyes what about ring?").unwrap()).collect();
    let ctx = scene.daemon.ctx.clone();
    let heard = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let (count, stop) = (heard.clone(), ctx.stop());
    ctx.points.install(Arc::new(move |point| {
        if point == Point::Heard && count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 4 {
            stop.cancel();
        }
        Passage::Open
    }));
    scene.daemon.listen().await.unwrap();
    let decided = ctx.store.heard(1_000).await.unwrap().len();
    assert_eq!(decided, 4, "what was heard after the word to stop is left");
    let on_the_server = || asked.iter().map(|mention| scene.sandbox.replies_to(mention).len()).sum::<usize>();
    assert_eq!(on_the_server(), 4, "what was armed got its outcome");
    ctx.set_stop(tokio_util::sync::CancellationToken::new());
    scene.pass(15);
    scene.daemon.listen().await.unwrap();
    scene.work().await;
    assert_eq!(ctx.store.heard(1_000).await.unwrap().len(), 150, "nobody was forgotten");
    drop(ctx);
    scene.end().await;
}

/// Two posts of a campaign that counts its days: the first is not made, the second is, and both answers are lost.
async fn days_in_a_row(profile: Profile) {
    let day = |n: u32| {
        let text = format!(
            "Day {n} of our campaign against the cameras on every door in this town: ask your council who watches \
             whom, and what for, and how long."
        );
        Post { id: PostId::new(format!("day-{n}")), ..post(&text, nine() + chrono::Duration::minutes(1)) }
    };
    let scene = Scene::begin(profile, vec![day(6), day(7), day(8)]).await;
    scene.pass(60);
    scene.sandbox.fault(Fault::on(Endpoint::Create, Trouble::answer(500, "")));
    scene.sandbox.fault(Fault::on(Endpoint::Create, Trouble::accepted_but(500)));
    scene.work().await;
    scene.settle().await;
    scene.settle().await;
    let mut said: Vec<String> =
        scene.sandbox.own("eyes").iter().map(|seen| seen.text.chars().take(5).collect()).collect();
    said.sort();
    assert_eq!(said, ["Day 6", "Day 7", "Day 8"], "each once");
    assert_eq!(scene.states().await, [State::Verified; 3]);
    scene.end().await;
}

#[tokio::test]
async fn posts_that_count_their_days_do_not_take_each_others_statuses() {
    days_in_a_row(Profile::gotosocial()).await;
    days_in_a_row(Profile::mastodon()).await;
    days_in_a_row(Profile::friendica()).await;
}

/// The answer to a reply's POST is another status of ours: a cache or a proxy gave it.
async fn answered_with_another(when: FaultMoment) {
    let scene =
        Scene::begin(Profile::gotosocial(), vec![post("A good post.", nine() + chrono::Duration::minutes(1))]).await;
    scene.pass(60);
    scene.work().await;
    scene.pass(10);
    scene.work().await;
    let good = scene.sandbox.own("eyes").remove(0);
    let body = format!(
        r#"{{"id":"{}","content":"<p>{}</p>","visibility":"public","in_reply_to_id":null}}"#,
        good.id, good.text
    );
    let answer = Trouble::Answer { when, status: 200, body, content_type: None, headers: Vec::new() };
    scene.sandbox.fault(Fault::on(Endpoint::Create, answer));
    let asked = scene.sandbox.mention("luz", "@eyes what about ring?").unwrap();
    scene.daemon.listen().await.unwrap();
    scene.settle().await;
    scene.settle().await;
    assert_eq!(scene.states().await, [State::Verified, State::Verified], "{when:?}");
    assert!(scene.sandbox.own("eyes").iter().any(|seen| seen.id == good.id), "{when:?}: the good post stands");
    assert_eq!(scene.sandbox.replies_to(&asked).len(), 1, "{when:?}");
    scene.end().await;
}

#[tokio::test]
async fn a_yes_with_another_status_takes_nothing_back_and_is_not_believed() {
    answered_with_another(FaultMoment::Before).await;
    answered_with_another(FaultMoment::After).await;
}

#[tokio::test]
async fn what_stood_there_before_the_attempt_is_not_what_it_made() {
    let text = "Every Monday we meet at the library.";
    for profile in [Profile::mastodon(), Profile::gotosocial()] {
        let weekly = Post { when: When::Every(Slot::parse("Mon 09:01").unwrap()), ..post(text, nine()) };
        // By another program, a moment before ours came: the newest when the attempt begins.
        let scene = Scene::begin_after(profile, vec![weekly], &[text]).await;
        scene.pass(60);
        scene.sandbox.fault(Fault::on(Endpoint::Create, Trouble::answer(500, "")));
        scene.work().await;
        scene.settle().await;
        let said = scene.sandbox.own("eyes").iter().filter(|seen| seen.text == text).count();
        assert_eq!(said, 2, "the other program's, and ours");
        scene.end().await;
    }
}

/// The own list stands still, or is empty, for longer than the last look waits; a look by id shows that it lags.
async fn the_own_list_lies(before: usize) {
    let scene = Scene::begin(
        Profile::gotosocial(),
        vec![
            post("Said before.", nine() + chrono::Duration::minutes(1)),
            Post { id: PostId::new("unclear"), ..post("Said once.", nine() + chrono::Duration::minutes(3)) },
        ],
    )
    .await;
    scene.pass(60);
    scene.work().await;
    let shown: Vec<String> = scene
        .sandbox
        .own("eyes")
        .iter()
        .take(before)
        .map(|seen| {
            format!(
                r#"{{"id":"{}","content":"<p>{}</p>","created_at":"2026-11-23T08:00:00.000Z"}}"#,
                "an-old-one", seen.text
            )
        })
        .collect();
    scene.pass(10);
    scene.work().await;
    scene
        .sandbox
        .fault(Fault::on(Endpoint::OwnStatuses, Trouble::answer(200, format!("[{}]", shown.join(",")))).always());
    scene.pass(110);
    scene.sandbox.fault(Fault::on(Endpoint::Create, Trouble::accepted_but(500)));
    scene.work().await;
    scene.settle().await;
    scene.settle().await;
    assert_eq!(scene.sandbox.own("eyes").len(), 2, "a list that lags is no look");
    scene.sandbox.clear_faults();
    scene.settle().await;
    assert_eq!((scene.states().await, scene.sandbox.own("eyes").len()), (vec![State::Verified; 2], 2));
    scene.end().await;
}

#[tokio::test]
async fn an_own_list_that_is_empty_or_stands_still_is_no_look() {
    the_own_list_lies(0).await;
    the_own_list_lies(1).await;
}

/// The process stands still at a point, as under SIGSTOP or with the lid closed; meanwhile its row is taken over, as
/// another daemon does. Then it goes on where it stood.
async fn frozen_at(profile: Profile, point: Point) {
    let scene = Scene::begin(profile, vec![post("Said once.", nine() + chrono::Duration::minutes(1))]).await;
    let (theirs, machine) = (scene.theirs.clone(), scene.machine.clone());
    let frozen = Arc::new(AtomicBool::new(false));
    let once = frozen.clone();
    scene.daemon.ctx.points.install(Arc::new(move |met| {
        if met == point && !once.swap(true, Ordering::SeqCst) {
            for clock in [&theirs, &machine.clock] {
                clock.advance(Duration::from_secs(120));
            }
            let (place, now) = (machine.place.clone(), machine.clock.now());
            let heir = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async move {
                    let (store, _) = Store::open(&place, Role::Visitor, &mut Dice::seeded(1)).await.unwrap();
                    store.take_over(now).await.unwrap();
                    store.close().await;
                });
            });
            heir.join().unwrap();
        }
        Passage::Open
    }));
    scene.pass(60);
    scene.work().await;
    assert!(frozen.load(Ordering::SeqCst), "it came to {point:?}");
    let attempts = || scene.sandbox.requests().iter().filter(|seen| seen.endpoint == Endpoint::Create).count();
    // A claim that was taken back is made anew at once.
    let expected = usize::from(point != Point::Armed);
    assert_eq!(attempts(), expected, "{point:?}: with a record that is not fresh nothing is sent");
    scene.settle().await;
    scene.settle().await;
    assert_eq!((scene.states().await, scene.sandbox.own("eyes").len()), (vec![State::Verified], 1), "{point:?}");
    assert_eq!(attempts(), 1, "{point:?}");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_thaws_after_its_row_was_taken_over_says_nothing_twice() {
    for point in [Point::Claimed, Point::Armed, Point::Answered, Point::Recorded] {
        frozen_at(Profile::gotosocial(), point).await;
        frozen_at(Profile::mastodon(), point).await;
    }
}
