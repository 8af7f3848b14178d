//! Staff at work beside a running daemon: they approve, pause, order and look.

use chrono::{Duration, SubsecRound};
use watchpost::clock::Clock;
use watchpost::core::approval::{Approval, ApprovalRule, Verdict};
use watchpost::core::delivery::State;
use watchpost::core::ids::PostId;
use watchpost::jobs::staging::{Prints, content_of};
use watchpost::sandbox::{Endpoint, Fault, Moment, Trouble};
use watchpost::store::calendar::NOT_APPROVED;
use watchpost::store::order::Move;
use watchpost::store::sending::Turn;

use crate::harness::{SOON, Scene, Story, eventually, new_york, run, tell};
use crate::terminal::{json, said, stdout, watchpost};

const TWO: &str = "approval = \"two-person\"\n";

fn by_ada(at: &str, words: &str) -> String {
    format!("---\nat: {at}\nauthor: Ada\n---\n{words}\n")
}

fn minutes(n: u64) -> std::time::Duration {
    std::time::Duration::from_secs(n * 60)
}

/// Somebody's word, at the story's own time: the commands read the system's clock.
async fn approve(story: &Story, id: &str, by: &str) {
    let loaded = watchpost::campaign::load(story.folder.path(), story.clock.now()).unwrap();
    let campaign = loaded.campaign.unwrap();
    let post = campaign.posts.iter().find(|post| post.id.as_str() == id).unwrap();
    let content = content_of(post, &Prints::default());
    let (by, note) = (by.to_owned(), String::new());
    let said = Approval { verdict: Verdict::Approved, by, note, content, at: story.clock.now() };
    story.store.keep_approval(&PostId::from(id), &said).await.unwrap();
}

#[test]
fn with_two_people_nothing_goes_out_that_only_one_has_seen() {
    let scene = Scene::new().campaign(TWO).post("seen", &by_ada("2026-11-27 09:00", "Two have seen this."));
    tell(scene.post("unseen", &by_ada("2026-11-27 09:00", "One has seen this.")), async |story| {
        approve(story, "seen", "Bo").await;
        approve(story, "unseen", "ada").await;
        story.expect_state("seen", State::Planned).await;
        story.until("2026-11-27 09:00").await;
        story.expect_sent("seen").await;
        story.advance(minutes(11)).await;
        let rows = story.expect_state("unseen", State::Expired).await;
        assert_eq!(rows[0].reason, NOT_APPROVED);
        story.notice("unseen was not sent").await;
        // Who agrees now comes too late, also within the minutes a late post would have.
        approve(story, "unseen", "Bo").await;
        story.settle().await;
        assert_eq!(story.texts("eyes"), ["Two have seen this."]);
        // With a new time and a new word it goes.
        story.folder.write_post("unseen", &by_ada("2026-11-27 15:00", "One has seen this."));
        approve(story, "unseen", "Bo").await;
        story.expect_state("unseen", State::Planned).await;
        story.notice_gone("unseen was not sent").await;
        story.until("2026-11-27 15:00").await;
        story.expect_sent("unseen").await;
    });
}

#[test]
fn an_edit_after_the_approval_asks_again() {
    let scene = Scene::new().post("ring", "---\nat: 2026-11-27 09:00\nstatus: review\n---\nApproved words.\n");
    tell(scene, async |story| {
        assert_eq!(story.rows("ring").await.len(), 0, "it waits");
        approve(story, "ring", "Bo").await;
        story.expect_state("ring", State::Planned).await;
        story.write_post("ring", "---\nat: 2026-11-27 09:00\nstatus: review\n---\nOther words.\n").await;
        eventually("it waits again", async || story.rows("ring").await.is_empty()).await;
        story.until("2026-11-27 09:00").await;
        story.advance(minutes(11)).await;
        story.expect_state("ring", State::Expired).await;
        assert_eq!(story.texts("eyes"), Vec::<String>::new());
    });
}

#[test]
fn a_picture_that_was_changed_after_its_approval_is_never_shown() {
    let text = "---\nat: 2026-11-27 09:00\nstatus: review\nmedia: [{ file: map.png, alt: A map }]\n---\nWith a map.\n";
    // The daemon has no way to see the change: neither its events nor its looks are of that folder.
    let scene = Scene::new().post("again", &text.replace("map.png", "../away/b.png").replace("With", "Once more with"));
    let scene = scene.post("map", &text.replace("map.png", "../away/a.png"));
    run(async {
        let mut story = scene.set().await;
        story.folder.picture("../away/a.png");
        story.folder.picture("../away/b.png");
        approve(&story, "map", "Bo").await;
        approve(&story, "again", "Bo").await;
        story.start().await;
        story.expect_state("map", State::Planned).await;
        story.expect_state("again", State::Planned).await;
        // As a copy does that keeps dates: the same size, the same time.
        for name in ["a.png", "b.png"] {
            let file = story.folder.path().join("away").join(name);
            let changed = std::fs::metadata(&file).unwrap().modified().unwrap();
            let mut bytes = std::fs::read(&file).unwrap();
            bytes[30] ^= 1;
            std::fs::write(&file, bytes).unwrap();
            let file = std::fs::File::options().write(true).open(&file).unwrap();
            file.set_modified(changed).unwrap();
        }
        approve(&story, "again", "Bo").await;
        story.until("2026-11-27 09:00").await;
        story.notice("map was not sent").await;
        story.expect_state("map", State::Expired).await;
        story.flow_until("the one that was approved again", async || !story.texts("eyes").is_empty()).await;
        story.expect_sent("again").await;
        assert_eq!(story.texts("eyes"), ["Once more with a map."]);
        story.finish().await;
    });
}

#[test]
fn staff_approve_and_reject_from_the_terminal() {
    run(async {
        let mut story = Scene::new().real_time().campaign(TWO).set().await;
        story.start().await;
        let soon = (Clock::system().now() + Duration::hours(1)).to_rfc3339();
        said(&story, &["queue", "add", "No name.", "--at", &soon], 2, "say who wrote it with --by NAME");
        said(&story, &["queue", "add", "At once.", "--now", "--by", "Ada"], 2, "nobody time to approve it");
        said(&story, &["queue", "add", "Words.", "--at", &soon, "--by", "Ada"], 0, "it waits for approval");
        let list = json(&story, &["queue", "list", "--state", "review", "--json"]);
        assert_eq!(list[0]["post"], "queue-1", "{list}");
        assert_eq!(list[0]["state"], "review", "{list}");
        let status = json(&story, &["status", "--json"]);
        assert_eq!(status["review"][0]["post"], "queue-1", "{status}");
        assert_eq!(status["review"][0]["author"], "Ada", "{status}");
        said(&story, &["queue", "approve", "queue-1", "--by", " ADA "], 2, "somebody else must approve it");
        said(&story, &["queue", "again", "queue-1"], 2, "waits for approval");
        said(&story, &["queue", "reject", "queue-1", "--by", "Bo", "--note", "too short"], 0, "rejected by Bo");
        said(&story, &["queue", "list", "--state", "review"], 0, "Bo rejected it: too short");
        said(&story, &["queue", "approve", "queue-1", "--by", "Cy"], 2, "Bo rejected queue-1 on");
        said(&story, &["queue", "approve", "queue-1", "--by", "Bo"], 0, "approved by Bo: it goes out");
        story.expect_state("queue-1", State::Planned).await;
        said(&story, &["queue", "approve", "queue-1", "--by", "Cy"], 0, "approved by Bo already");
        said(&story, &["queue", "approve", "queue-9", "--by", "Cy"], 2, "there is no post \"queue-9\"");
        let shown = json(&story, &["queue", "show", "queue-1", "--json"]);
        let words: Vec<&str> =
            shown["approvals"].as_array().unwrap().iter().map(|said| said["verdict"].as_str().unwrap()).collect();
        assert_eq!(words, ["rejected", "approved"], "{shown}");
        said(
            &story,
            &["queue", "reject", "queue-1", "--by", "Cy", "--note", "on second thoughts"],
            0,
            "rejected by Cy",
        );
        eventually("it waits again", async || story.rows("queue-1").await.is_empty()).await;
        story.finish().await;
    });
}

#[test]
fn the_rule_of_two_people_is_read_and_a_wrong_word_is_named() {
    tell(Scene::new(), async |story| {
        let file = story.folder.path().join("config/watchpost.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let with = |line: &str| text.replace("[[accounts]]", &format!("{line}[[accounts]]"));
        std::fs::write(&file, with(TWO)).unwrap();
        let read = || watchpost::campaign::load(story.folder.path(), story.clock.now()).unwrap();
        assert_eq!(read().campaign.unwrap().approval, ApprovalRule::TwoPerson);
        story.folder.write_post("nobody", "Words.\n");
        said(story, &["check"], 0, "posts/nobody.md:1: warning: it does not say who wrote it");
        story.folder.remove_post("nobody");
        std::fs::write(&file, with("approval = \"three\"\n")).unwrap();
        said(story, &["check"], 1, "`approval` cannot be `three`");
        std::fs::write(&file, &text).unwrap();
    });
}

#[test]
fn a_pause_acts_at_once_and_what_passes_meanwhile_is_missed() {
    let scene = Scene::new().slots("eyes", "[\"Mon-Sun 09:00\", \"Mon-Sun 10:00\", \"Mon-Sun 11:00\"]");
    let scene = scene.post("at", "---\nat: 2026-11-27 09:30\n---\nAt its own time.\n").post("a", "First.\n");
    tell(scene.post("b", "Second.\n").post("z", "---\nevery: \"Fri 09:15\"\n---\nEvery Friday.\n"), async |story| {
        story.until("2026-11-27 09:00").await;
        story.expect_sent("a").await;
        story.store.pause(None, Turn::Posts, None, "mourning", story.clock.now()).await.unwrap();
        story.until("2026-11-27 10:30").await;
        let held = story.expect_state("at", State::Held).await;
        assert_eq!(held[0].reason, "its time passed while posts were paused: mourning");
        eventually("no slot is promised while nobody says how long it lasts", async || {
            let rows = story.rows("b").await;
            rows.iter().all(|row| row.reason == "missed its slot while posts were paused: mourning")
        })
        .await;
        let missed: Vec<_> = story.rows("z").await.into_iter().filter(|row| row.state == State::Expired).collect();
        assert_eq!(missed.len(), 1, "{missed:?}");
        assert_eq!(missed[0].reason, "missed while posts were paused: mourning");
        story.restart().await;
        assert_eq!(story.texts("eyes"), ["First."], "a pause survives a restart");
        story.notice("passed while posts were paused").await;
        story.store.resume(None, Turn::Posts, story.clock.now()).await.unwrap();
        story.advance(minutes(10)).await;
        story.settle().await;
        assert_eq!(story.texts("eyes"), ["First."], "nothing is caught up on");
        eventually("the slot at 11 is taken instead of that at 10", async || {
            let rows = story.rows("b").await;
            rows.first().is_some_and(|row| row.due_at == new_york("2026-11-27 11:00"))
        })
        .await;
        story.until("2026-11-27 11:00").await;
        story.expect_sent("b").await;
        assert_eq!(story.texts("eyes"), ["First.", "Second."]);
    });
}

#[test]
fn a_pause_from_the_terminal_holds_within_a_second_and_ends_by_itself() {
    run(async {
        let mut story = Scene::new().real_time().set().await;
        story.start().await;
        said(&story, &["pause", "--posts", "--until", "2001-01-01 09:00"], 2, "has passed");
        said(&story, &["pause", "--account", "nobody"], 2, "is not one of eyes");
        said(&story, &["resume"], 0, "nothing was paused");
        said(&story, &["pause", "--posts", "--reason", "a test"], 0, "posts of every account are paused since");
        let lunch = (Clock::system().now() + Duration::seconds(1)).to_rfc3339();
        said(
            &story,
            &["pause", "--posts", "--until", &lunch, "--reason", "lunch"],
            0,
            "It was paused for longer already",
        );
        said(&story, &["queue", "add", "Not now.", "--now"], 0, "posts are paused");
        story.expect_state("queue-1", State::Held).await;
        said(&story, &["status"], 1, "a test");
        let status = json(&story, &["status", "--json"]);
        assert_eq!(status["pauses"][0]["what"], "posts", "{status}");
        chrono::DateTime::parse_from_rfc3339(status["pauses"][0]["since"].as_str().unwrap()).unwrap();
        said(&story, &["resume", "--account", "eyes"], 1, "stays paused with all the others");
        said(&story, &["resume"], 0, "1 pause ended");
        let until = (Clock::system().now() + Duration::seconds(3)).trunc_subsecs(0);
        let written = until.to_rfc3339();
        said(&story, &["pause", "--account", "eyes", "--until", &written], 0, "posts and replies of eyes are paused");
        said(&story, &["queue", "release", "queue-1"], 0, "1 delivery released");
        assert_eq!(story.states("queue-1").await, ["planned"]);
        story.expect_sent("queue-1").await;
        assert!(Clock::system().now() >= until, "it did not leave before the pause had ended");
        story.finish().await;
    });
}

#[test]
fn a_slip_in_the_settings_takes_no_brake_away() {
    run(async {
        let later = (Clock::system().now() + Duration::days(1)).to_rfc3339();
        let ring = format!("---\nat: {later}\n---\nA ring.\n");
        let mut story = Scene::new().real_time().post("ring", &ring).set().await;
        story.start().await;
        story.expect_state("ring", State::Planned).await;
        let read = |file: &str| std::fs::read_to_string(story.folder.path().join(file)).unwrap();
        for file in ["config/facts.toml", "config/links.toml", "config/commands.toml", "config/watchpost.toml"] {
            let whole = read(file);
            std::fs::write(story.folder.path().join(file), format!("{whole}\nthis is no line =\n")).unwrap();
            said(&story, &["pause", "--reason", file], 0, file);
            said(&story, &["status"], 1, file);
            said(&story, &["queue", "hold", "ring"], 0, "1 delivery held");
            story.expect_state("ring", State::Held).await;
            said(&story, &["queue", "release", "ring"], 0, "1 delivery released");
            story.expect_state("ring", State::Planned).await;
            said(&story, &["optouts", "add", "bo@example.org"], 0, "bo");
            said(&story, &["resume"], 0, "1 pause ended");
            // What makes something new asks for settings that can be read.
            said(&story, &["queue", "add", "Words."], 2, "has mistakes");
            std::fs::write(story.folder.path().join(file), whole).unwrap();
        }
        // To another database nobody says stop.
        let file = "config/watchpost.toml";
        let elsewhere = read(file).replace("sqlite://data/watchpost.db", "sqlite:/data/elsewhere.db");
        std::fs::write(story.folder.path().join(file), elsewhere).unwrap();
        said(&story, &["pause"], 2, "the store's address");
        story.finish().await;
    });
}

#[test]
fn while_replies_are_paused_mentions_get_none_and_a_stop_is_obeyed() {
    tell(Scene::new(), async |story| {
        story.store.pause(None, Turn::Replies, None, "", story.clock.now()).await.unwrap();
        let question = story.says("ada", "@eyes is my Ring doorbell watching me?");
        story.expect_silence(&question, "paused").await;
        let stop = story.says("bo", "@eyes stop");
        assert_eq!(story.decision(&stop).await.reason, "said stop");
        story.settle().await;
        assert_eq!(story.texts("eyes"), Vec::<String>::new(), "not even the confirmation leaves in a pause");
        let again = story.says("bo", "@eyes is my Ring doorbell watching me?");
        story.expect_silence(&again, "they said stop").await;
        story.store.resume(None, Turn::Replies, story.clock.now()).await.unwrap();
        story.answer_to(&stop).await;
        let later = story.says("cy", "@eyes is my Ring doorbell watching me?");
        story.answer_to(&later).await;
        assert_eq!(story.decisions(&question).await, 1);
    });
}

#[test]
fn a_pause_while_its_picture_is_on_the_way_stops_the_post() {
    let post = "---\nat: 2026-11-27 09:00\nmedia:\n  - { file: dot.png, alt: A dot. }\n---\nLook.\n";
    tell(Scene::new(), async |story| {
        story.folder.picture("dot.png");
        story.write_post("ring", post).await;
        story.expect_state("ring", State::Planned).await;
        story.fault(Fault::on(Endpoint::Media, Trouble::Hang { when: Moment::Before, ms: None }));
        story.clock.advance(minutes(60));
        story.server().wait_until(|state| state.hanging() == 1, SOON).await.unwrap();
        // It was due before the pause: it is not missed, it waits.
        story.clock.advance(std::time::Duration::from_secs(1));
        story.store.pause(None, Turn::Posts, None, "", story.clock.now()).await.unwrap();
        story.server().release();
        story.expect_state("ring", State::Planned).await;
        assert_eq!(story.requests(Endpoint::Create).len(), 0);
        story.store.resume(None, Turn::Posts, story.clock.now()).await.unwrap();
        story.expect_sent("ring").await;
    });
}

#[test]
fn the_queue_goes_in_the_order_staff_give_it() {
    run(async {
        let scene = Scene::new().real_time().slots("eyes", "[\"Mon-Sun 09:00\", \"Mon-Sun 17:00\"]");
        let scene = scene.post("a", "A.\n").post("b", "B.\n").post("c", "C.\n").post("d", "D.\n");
        let mut story = scene.post("x", "---\nat: 2031-01-01 09:00\n---\nX.\n").set().await;
        story.start().await;
        let order = || {
            let plan = json(&story, &["plan", "--json", "--days", "4"]);
            let posts: Vec<String> =
                plan.as_array().unwrap().iter().map(|row| row["post"].as_str().unwrap().to_owned()).collect();
            posts.concat()
        };
        assert_eq!(order(), "abcd");
        said(&story, &["queue", "move", "d", "--first"], 0, "d stands first now");
        assert_eq!(order(), "dabc");
        said(&story, &["queue", "move", "a", "--after", "c"], 0, "goes out");
        assert_eq!(order(), "dbca");
        said(&story, &["queue", "move", "a", "--before", "d"], 0, "before d");
        assert_eq!(order(), "adbc");
        said(&story, &["queue", "move", "x", "--first"], 2, "has a time of its own");
        said(&story, &["queue", "move", "a", "--before", "a"], 2, "cannot stand beside itself");
        said(&story, &["queue", "move", "aa", "--first"], 2, "did you mean a?");
        said(&story, &["queue", "move", "a"], 2, "--before");
        // The daemon places them so too.
        eventually("the ledger has the same order", async || {
            let mut rows = story.in_states(&[State::Planned]).await;
            rows.sort_by_key(|row| row.due_at);
            rows.iter().map(|row| row.payload.text.clone()).collect::<String>() == "A.D.B.C."
        })
        .await;
        story.finish().await;
    });
}

#[test]
fn what_has_gone_out_has_no_place_in_the_queue() {
    run(async {
        let scene = Scene::new().real_time().slots("eyes", "[\"Mon-Sun 09:00\"]");
        let mut story = scene.post("a", "A.\n").post("b", "B.\n").set().await;
        story.start().await;
        said(&story, &["queue", "add", "Said.", "--now"], 0, "goes out");
        said(&story, &["queue", "priority", "a", "4"], 0, "has priority 4");
        story.expect_sent("queue-1").await;
        said(&story, &["queue", "cancel", "a"], 0, "cancelled");
        said(&story, &["queue", "priority", "a", "2"], 2, "a was cancelled");
        said(&story, &["queue", "move", "b", "--before", "a"], 2, "a was cancelled");
        // What is gone lends nobody its priority.
        said(&story, &["queue", "move", "b", "--first"], 0, "b stands first now\n");
        story.finish().await;
    });
}

#[test]
fn each_post_goes_out_in_the_slot_staff_gave_it() {
    let scene = Scene::new().slots("eyes", "[\"Mon-Sun 09:00\", \"Mon-Sun 17:00\"]");
    let scene = scene.post("a", "A.\n").post("b", "B.\n").post("c", "C.\n").post("d", "D.\n").post("e", "E.\n");
    tell(scene, async |story| {
        let slot = |text: &str| Some(text.parse().unwrap());
        story.store.pin_post(&PostId::from("a"), slot("2026-11-28T17:00:00")).await.unwrap();
        story.store.move_post(&PostId::from("c"), &Move::First, None).await.unwrap();
        story.store.set_priority(&PostId::from("e"), 3).await.unwrap();
        story.store.pin_post(&PostId::from("d"), slot("2026-11-27T17:00:00")).await.unwrap();
        story.store.pin_post(&PostId::from("d"), None).await.unwrap();
        eventually("the rows stand where staff put them", async || {
            let mut rows = story.in_states(&[State::Planned]).await;
            rows.sort_by_key(|row| row.due_at);
            rows.iter().map(|row| row.payload.text.clone()).collect::<String>() == "E.C.B.A.D."
        })
        .await;
        let planned = story.in_states(&[State::Planned]).await;
        let due = |text: &str| planned.iter().find(|row| row.payload.text == text).unwrap().due_at;
        assert_eq!(due("A."), new_york("2026-11-28 17:00"));
        let times = ["27 09:00", "27 17:00", "28 09:00", "28 17:00", "29 09:00"];
        for (time, post) in times.iter().zip(["e", "c", "b", "a", "d"]) {
            story.until(&format!("2026-11-{time}")).await;
            story.expect_sent(post).await;
        }
        assert_eq!(story.texts("eyes"), ["E.", "C.", "B.", "A.", "D."]);
        for text in ["A.", "B.", "C.", "D.", "E."] {
            let said = story.said("eyes").into_iter().find(|status| status.text == text).unwrap();
            let late = said.created_at - due(text);
            assert!(Duration::zero() <= late && late < Duration::seconds(60), "{text} {late}");
        }
    });
}

#[test]
fn a_mistake_in_a_planned_posts_file_is_said_and_mended() {
    tell(Scene::new().post("ring", "---\nat: 2026-11-27 15:00\n---\nWhole.\n"), async |story| {
        story.expect_state("ring", State::Planned).await;
        story.write_post("ring", "---\nat: 2026-11-31 15:00\n---\nWhole.\n").await;
        let rows = story.expect_state("ring", State::Cancelled).await;
        let reason = &rows[0].reason;
        assert!(reason.starts_with("its post cannot be read: posts/ring.md:2: error: "), "{reason}");
        story.notice("posts/ring.md:2").await;
        story.write_post("ring", "---\nat: 2026-11-27 15:00\n---\nMended.\n").await;
        story.expect_state("ring", State::Planned).await;
        story.until("2026-11-27 15:00").await;
        story.expect_sent("ring").await;
        assert_eq!(story.texts("eyes"), ["Mended."]);
    });
}

#[test]
fn a_post_held_before_it_has_a_row_is_seen_everywhere() {
    run(async {
        let scene = Scene::new().real_time().slots("eyes", "[\"Mon-Sun 09:00\"]");
        let mut story =
            scene.post("far", "---\nat: 2031-01-01 09:00\n---\nFar away.\n").post("near", "Near.\n").set().await;
        for id in ["far", "near"] {
            said(&story, &["queue", "hold", id, "--reason", "the lawyer"], 0, "held; it waits until");
        }
        said(&story, &["queue", "list"], 0, "held: the lawyer");
        let held = json(&story, &["queue", "list", "--state", "held", "--json"]);
        assert_eq!(held.as_array().unwrap().len(), 2, "{held}");
        said(&story, &["queue", "show", "far"], 0, "held: the lawyer");
        story.start().await;
        said(&story, &["queue", "show", "near"], 0, "held: the lawyer");
        said(&story, &["queue", "release", "near"], 0, "released");
        story.expect_state("near", State::Planned).await;
        assert!(!stdout(&watchpost(&story, &["queue", "show", "near"])).contains("lawyer"));
        story.finish().await;
    });
}

#[test]
fn an_export_copied_into_its_own_campaign_says_nothing_twice() {
    run(async {
        let mut story = Scene::new().real_time().set().await;
        story.start().await;
        let soon = (Clock::system().now() + Duration::hours(1)).to_rfc3339();
        said(&story, &["queue", "add", "Look at what your doorbell sees.", "--at", &soon], 0, "queue-1 added");
        story.expect_state("queue-1", State::Planned).await;
        let out = story.folder.path().join("posts/saved");
        said(&story, &["queue", "export", "--format", "md", "--out", out.to_str().unwrap()], 0, "stay out as copies");
        story.settle().await;
        let planned = || {
            let plan = json(&story, &["plan", "--days", "2", "--json"]);
            plan.as_array().unwrap().iter().map(|row| row["post"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(planned(), ["queue-1"]);
        assert_eq!(story.rows("from-queue-1").await.len(), 0);
        said(&story, &["check"], 0, "it is a copy of queue-1, which the queue holds, and stays out");
        said(&story, &["queue", "show", "from-queue-1"], 2, "the post is queue-1");
        // What was cancelled does not come back as its copy.
        said(&story, &["queue", "cancel", "queue-1"], 0, "cancelled");
        assert_eq!(planned(), Vec::<String>::new());
        edit(&story, "from-queue-1", r#"echo "Ask." >> "$1""#, 0, "is saved");
        said(&story, &["check"], 0, "queue-1, which the queue holds, has other words or another time: both go out");
        assert_eq!(planned(), ["from-queue-1"]);
        story.finish().await;
    });
}

/// Edits a post with an editor that runs these words of a shell on the file.
fn edit(story: &Story, id: &str, editor: &str, code: i32, words: &str) {
    use std::os::unix::fs::PermissionsExt;
    let script = story.folder.path().join("editor.sh");
    std::fs::write(&script, format!("#!/bin/sh\n{editor}\n")).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut command = crate::terminal::command(story, &["queue", "edit", id]);
    let output = command.env_remove("VISUAL").env("EDITOR", &script).output().unwrap();
    let all = format!("{}{}", stdout(&output), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{editor}: {all}");
    assert!(all.contains(words), "{editor} does not say {words:?}: {all}");
}

#[test]
fn a_post_is_edited_in_an_editor_and_no_text_is_ever_lost() {
    run(async {
        let mut story = Scene::new().real_time().post("ring", "---\ntopic: ring\n---\nOld words.\n").set().await;
        let file = story.folder.path().join("posts/ring.md");
        let drafts = || {
            let files =
                std::fs::read_dir(story.folder.path().join("posts")).unwrap().map(|entry| entry.unwrap().path());
            let mut hidden: Vec<_> =
                files.filter(|file| file.file_name().unwrap().to_str().unwrap().starts_with('.')).collect();
            hidden.sort();
            hidden
        };
        let draft = || drafts().pop().unwrap();
        let text = || std::fs::read_to_string(&file).unwrap();
        edit(&story, "ring", "true", 0, "nothing was changed");
        edit(&story, "ring", "exit 3", 2, "the editor ended with an error");
        edit(&story, "nobody", "true", 2, "there is no post \"nobody\"");
        assert!(drafts().is_empty());
        edit(&story, "ring", r#"sed -i s/topic/tpoic/ "$1"; echo "More." >> "$1""#, 2, "is not a key of a post");
        assert_eq!(text(), "---\ntopic: ring\n---\nOld words.\n", "a mistake changes nothing");
        assert!(std::fs::read_to_string(draft()).unwrap().ends_with("More.\n"), "the text is kept");
        edit(&story, "ring", r#"sed -i s/tpoic/topic/ "$1""#, 0, "ring is saved");
        assert_eq!(text(), "---\ntopic: ring\n---\nOld words.\nMore.\n");
        assert!(drafts().is_empty());
        // Somebody else saves the same post meanwhile.
        let other = format!(r#"echo "Mine." >> "$1"; echo "Theirs." >> {}"#, file.display());
        edit(&story, "ring", &other, 2, "was changed by somebody else meanwhile");
        assert!(text().ends_with("Theirs.\n"));
        assert!(std::fs::read_to_string(draft()).unwrap().ends_with("Mine.\n"));
        // What was begun before that is not put over it.
        edit(&story, "ring", r#"echo "After both." >> "$1""#, 0, "holds a text that was begun before ring was changed");
        assert!(text().ends_with("Theirs.\nAfter both.\n"), "{}", text());
        assert!(std::fs::read_to_string(draft()).unwrap().ends_with("Mine.\n"));
        std::fs::remove_file(draft()).unwrap();
        // A post of the database.
        said(&story, &["queue", "add", "From the terminal.", "--by", "Ada", "--status", "review"], 0, "queue-1 added");
        edit(&story, "queue-1", r#"sed -i "s/From the/Edited in the/" "$1""#, 0, "it waits for approval");
        let post = story.store.queued_posts().await.unwrap().remove(0);
        assert_eq!((post.parts, post.author.as_deref()), (vec!["Edited in the terminal.".to_owned()], Some("Ada")));
        story.finish().await;
    });
}

/// The verbs at the real binary, with an editor that runs these words of a shell on the file.
fn editor(story: &Story, name: &str, words: &str) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let script = story.folder.path().join(name);
    std::fs::write(&script, format!("#!/bin/sh\n{words}\n")).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    script
}

#[test]
fn of_two_people_in_one_post_nobody_is_handed_half_a_sentence_or_written_over() {
    run(async {
        let mut story = Scene::new().real_time().post("ring", "Old words.\n").set().await;
        said(&story, &["queue", "add", "Of the database."], 0, "queue-1 added");
        for id in ["ring", "queue-1"] {
            // Ada has saved half a sentence and still writes; Bo opens the post, writes and is done first.
            let bo = editor(&story, "bo.sh", r#"grep -q HALF "$1" && exit 9; echo "Bo was here." >> "$1""#);
            let there = story.folder.path().display();
            let binary = env!("CARGO_BIN_EXE_watchpost");
            let ada = format!(
                "echo HALF >> \"$1\"\nEDITOR={} {binary} --campaign {there} queue edit {id} > {there}/bo.txt 2>&1 || exit 7\necho A SENTENCE >> \"$1\"",
                bo.display()
            );
            edit(&story, id, &ada, 2, "was changed by somebody else meanwhile: it stands as they left it");
            let told = std::fs::read_to_string(story.folder.path().join("bo.txt")).unwrap();
            assert!(told.contains(&format!("somebody else has {id} open")) && told.contains("is saved"), "{told}");
            let shown = stdout(&watchpost(&story, &["queue", "show", id]));
            assert!(shown.contains("Bo was here.") && !shown.contains("HALF"), "{shown}");
        }
        story.finish().await;
    });
}

#[test]
fn who_edits_a_post_cannot_approve_that_edit() {
    run(async {
        let post = by_ada("2031-01-01 09:00", "Ada's words.");
        let mut story = Scene::new().real_time().campaign(TWO).post("ring", &post).set().await;
        said(&story, &["queue", "add", "Ada's words.", "--at", "2031-01-02 09:00", "--by", "Ada"], 0, "queue-1 added");
        let bo = editor(&story, "bo.sh", r#"sed -i "s/Ada's words/Bo's words/" "$1""#);
        for id in ["ring", "queue-1"] {
            let edit = |arguments: &[&str]| {
                let mut command = crate::terminal::command(&story, &[&["queue", "edit", id], arguments].concat());
                let output = command.env_remove("VISUAL").env("EDITOR", &bo).output().unwrap();
                format!("{}{}", stdout(&output), String::from_utf8_lossy(&output.stderr))
            };
            assert!(edit(&[]).contains("say who edits it with --by NAME"));
            let told = edit(&["--by", "Bo"]);
            assert!(told.contains("its words count as Bo's now"), "{told}");
            said(&story, &["queue", "approve", id, "--by", "bo"], 2, "Bo wrote it: somebody else must approve it");
            said(&story, &["queue", "approve", id, "--by", "Ada"], 0, "approved by Ada");
        }
        story.finish().await;
    });
}

#[test]
fn a_post_may_be_named_by_its_file_and_a_wish_about_one_time_says_what_it_does() {
    run(async {
        let mut story = Scene::new().real_time().post("ring", "---\nat: 2031-01-01 09:00\n---\nWords.\n").set().await;
        for name in ["posts/ring.md", "./posts/ring.md", "campaign/posts/ring.md"] {
            said(&story, &["queue", "show", name], 0, "Words.");
        }
        said(&story, &["queue", "show", "RING"], 2, "did you mean ring?");
        said(&story, &["queue", "hold", "posts/ring.md"], 0, "held; it waits until `watchpost queue release ring`");
        said(&story, &["queue", "cancel", "ring"], 0, "cancelled; it does not go out");
        said(&story, &["queue", "again", "ring"], 0, "1 status goes out when `watchpost run` runs\n");
        said(&story, &["queue", "cancel", "ring"], 0, "1 delivery cancelled");
        said(&story, &["queue", "add", "x", "--now", "--status", "draft"], 2, "cannot be both");
        said(&story, &["pause", "--reason", "storm"], 0, "posts and replies of every account are paused");
        said(&story, &["resume"], 0, "1 pause ended");
        story.finish().await;
    });
}

#[test]
fn plan_and_list_foresee_what_is_held_for_having_been_said() {
    run(async {
        let mut story = Scene::new().real_time().set().await;
        story.start().await;
        said(&story, &["queue", "add", "Look at what your doorbell sees.", "--now"], 0, "queue-1 added");
        story.expect_sent("queue-1").await;
        story.stop().await.unwrap();
        let at = |hours: i64| (Clock::system().now() + Duration::hours(hours)).to_rfc3339();
        let post = |at: &str, words: &str| format!("---\nat: {at}\naccounts: [eyes]\n---\n{words}\n");
        story.folder.write_post("again", &post(&at(1), "Look at  what your doorbell sees."));
        story.folder.write_post("new", &post(&at(2), "Something else."));
        story.folder.write_post("twin", &post(&at(3), "Something else."));
        let out = json(&story, &["plan", "--days", "2", "--json", "--gaps"]);
        let posts = |list: &serde_json::Value| -> Vec<String> {
            list.as_array().unwrap().iter().map(|row| row["post"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(posts(&out["planned"]), ["new"], "{out}");
        assert_eq!(posts(&out["already_said"]), ["again", "twin"], "{out}");
        said(&story, &["plan", "--days", "2", "--list"], 0, "again: does not go out, will be held: already said");
        said(&story, &["queue", "list"], 0, "will be held: already said");
        story.start().await;
        story.expect_state("again", State::Held).await;
        // The twin has its row before the other is said; it is held when it is due.
        story.expect_state("twin", State::Planned).await;
        let out = json(&story, &["plan", "--days", "2", "--json", "--gaps"]);
        assert_eq!(posts(&out["already_said"]), ["twin"], "{out}");
        said(&story, &["queue", "release", "again"], 0, "1 delivery released");
        let out = json(&story, &["plan", "--days", "2", "--json", "--gaps"]);
        assert_eq!(posts(&out["planned"]), ["again", "new"], "{out}");
        story.finish().await;
    });
}

#[test]
fn what_could_not_leave_in_the_evening_does_not_leave_at_night() {
    let scene = Scene::new()
        .campaign("quiet = [\"22:00-07:00\"]\n")
        .slots("eyes", "[\"Mon-Sun 21:55\"]")
        .post("evening", "---\naccounts: [eyes]\n---\nEvening words.\n")
        .post("green", "---\nevergreen: true\naccounts: [eyes]\n---\nGreen words.\n");
    tell(scene, async |story| {
        story.fault(Fault::on(Endpoint::Create, Trouble::TooMany { reset_in: Some(900) }));
        story.until("2026-11-27 21:55").await;
        eventually("it was tried", async || story.requests(Endpoint::Create).len() == 1).await;
        story.until("2026-11-27 22:10").await;
        story.advance(minutes(1)).await;
        eventually("it takes the next slot", async || {
            let row = story.rows("evening").await.remove(0);
            row.due_at == new_york("2026-11-28 21:55") && row.state == State::Planned
        })
        .await;
        assert_eq!(story.texts("eyes"), Vec::<String>::new());
        story.until("2026-11-28 21:55").await;
        story.expect_sent("evening").await;
        // An evergreen post lets its slot go.
        story.fault(Fault::on(Endpoint::Create, Trouble::TooMany { reset_in: Some(900) }));
        story.until("2026-11-29 21:55").await;
        eventually("it was tried", async || story.requests(Endpoint::Create).len() == 3).await;
        story.until("2026-11-29 22:10").await;
        let rows = story.expect_state("green", State::Expired).await;
        assert!(rows[0].reason.contains("quiet"), "{}", rows[0].reason);
        assert_eq!(story.texts("eyes"), ["Evening words."]);
    });
}
