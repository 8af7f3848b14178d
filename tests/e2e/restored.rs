//! A database that was restored, copied, moved or lost its side file: what it does not know was sent is looked for
//! first, and two copies never speak at once.

use std::path::{Path, PathBuf};
use std::time::Duration;

use watchpost::core::delivery::State;
use watchpost::core::post::Visibility;
use watchpost::sandbox::{Draft, Profile};

use crate::harness::{Scene, Story, run, tell};

const MINUTE: Duration = Duration::from_secs(60);

/// The notice a restored database raises.
const RESTORED: &str = "restored from a backup";

/// The notice of a machine that was set back as a whole.
const SET_BACK: &str = "set back to an earlier day";

fn scene() -> Scene {
    Scene::new()
        .slots("eyes", "[\"Fri 10:00\", \"Fri 11:00\", \"Fri 12:00\", \"Sat 10:00\"]")
        .settings("[replies.limits]\nper_person_every = \"1s\"")
        .post("nine", "---\nat: 2026-11-27 09:00\n---\nRing works with the police.\n")
        .post("thread", "---\nat: 2026-11-27 09:10\n---\nOne of two.\n---\nTwo of two.\n")
        .post("often", "---\nevery: \"Fri 09:30\"\n---\nEvery Friday the same.\n")
        .post("slot-a", "The first of the queue.\n")
        .post("slot-b", "The second of the queue.\n")
        .post("slot-c", "The third of the queue.\n")
}

/// How a database comes to be older than what was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Back {
    /// A backup of it was put in its place.
    Restored,
    /// The whole machine was set back, side file and all.
    AsAWhole,
}

/// Nothing of a whole morning is said twice, and what was not said yet still goes.
fn a_morning_is_not_repeated(server: Profile, back: Back) {
    tell(scene().server(|profile| *profile = server), async |story| {
        story.clock.advance(5 * MINUTE);
        let backup = story.backup().await;
        let machine = story.snapshot().await;
        story.until("2026-11-27 09:05").await;
        let asked = story.says("luz", "@eyes what about ring?");
        story.flow_until("it is decided", async || story.decisions(&asked).await == 1).await;
        story.answer_to(&asked).await;
        story.until("2026-11-27 09:10").await;
        story.advance(MINUTE).await;
        story.flow_until_sent("thread").await;
        // The queue moved up: a post of the afternoon went out before its time in the backup.
        story.until("2026-11-27 09:30").await;
        story.folder.remove_post("slot-a");
        story.files_seen().await;
        story.until("2026-11-27 10:00").await;
        story.expect_sent("slot-b").await;
        story.advance(5 * MINUTE).await;
        let before = story.texts("eyes");
        assert_eq!(before.len(), 6, "{before:?}");
        match back {
            Back::Restored => story.restore(&backup).await,
            Back::AsAWhole => story.set_back(&machine).await,
        }
        // Written after the backup, sent before the restore: no row knows of it. And one that is still to come.
        story.folder.write_post("late", "---\nat: 2026-11-27 10:08\n---\nStill to come.\n");
        story.start().await;
        story.notice(if back == Back::Restored { RESTORED } else { SET_BACK }).await;
        story.decision(&asked).await;
        for _ in 0..16 {
            story.advance(30 * Duration::from_secs(1)).await;
        }
        let mut after = story.texts("eyes");
        assert_eq!(after.pop().as_deref(), Some("Still to come."), "{after:?}");
        assert_eq!(after, before);
        for post in ["nine", "thread", "slot-b"] {
            assert!(story.states(post).await.iter().all(|state| *state == "verified"), "{post}");
        }
        assert_eq!(story.states("often").await, ["verified", "planned"], "this Friday's and the next one's");
        assert_eq!(story.reply_rows().await.len(), 1);
        // The queue goes on where it was.
        story.files_seen().await;
        story.until("2026-11-27 11:00").await;
        story.expect_sent("slot-c").await;
    });
}

#[test]
fn a_restored_backup_repeats_nothing_on_a_mastodon() {
    a_morning_is_not_repeated(Profile::mastodon(), Back::Restored);
}

#[test]
fn a_restored_backup_repeats_nothing_where_keys_are_ignored() {
    a_morning_is_not_repeated(Profile::gotosocial(), Back::Restored);
}

#[test]
fn a_machine_set_back_as_a_whole_repeats_nothing_on_a_mastodon() {
    a_morning_is_not_repeated(Profile::mastodon(), Back::AsAWhole);
}

#[test]
fn a_machine_set_back_as_a_whole_repeats_nothing_where_keys_are_ignored() {
    a_morning_is_not_repeated(Profile::gotosocial(), Back::AsAWhole);
}

#[test]
fn a_machine_set_back_as_a_whole_repeats_nothing_where_keys_are_kept_in_memory() {
    a_morning_is_not_repeated(Profile::mitra(), Back::AsAWhole);
}

#[test]
fn a_machine_set_back_as_a_whole_repeats_nothing_where_the_own_list_lags() {
    a_morning_is_not_repeated(Profile::mastodon_lagging(), Back::AsAWhole);
}

/// Questions answered after the snapshot, one of them a moment ago, publicly and privately.
fn no_answer_is_repeated(server: Profile) {
    tell(Scene::new().server(|profile| *profile = server), async |story| {
        story.clock.advance(5 * MINUTE);
        let machine = story.snapshot().await;
        story.advance(5 * MINUTE).await;
        let asked = story.says("luz", "@eyes what about ring?");
        let privately = story.writes("ana", Draft::new("@eyes what about ring?").visibility(Visibility::Direct));
        story
            .flow_until("both are decided", async || {
                story.decisions(&asked).await + story.decisions(&privately).await == 2
            })
            .await;
        story.answer_to(&asked).await;
        story.answer_to(&privately).await;
        let stop = story.says("luz", "@eyes stop");
        story.flow_until("the stop is decided", async || story.decisions(&stop).await == 1).await;
        story.answer_to(&stop).await;
        story.set_back(&machine).await;
        story.start().await;
        story.notice(SET_BACK).await;
        for mention in [&asked, &privately, &stop] {
            story.flow_until("it is heard again", async || story.decisions(mention).await == 1).await;
        }
        for _ in 0..14 {
            story.advance(30 * Duration::from_secs(1)).await;
        }
        for mention in [&asked, &privately, &stop] {
            assert_eq!(story.server().replies_to(mention).len(), 1);
        }
        assert_eq!(story.store.opt_outs().await.unwrap().len(), 1);
    });
}

#[test]
fn a_machine_set_back_as_a_whole_answers_nobody_twice_on_a_mastodon() {
    no_answer_is_repeated(Profile::mastodon());
}

#[test]
fn a_machine_set_back_as_a_whole_answers_nobody_twice_where_keys_are_ignored() {
    no_answer_is_repeated(Profile::gotosocial());
}

#[test]
fn a_machine_set_back_as_a_whole_answers_nobody_twice_where_own_directs_are_not_listed() {
    no_answer_is_repeated(Profile::takahe());
}

/// A post at nine and one at ten; staff say something by hand while nothing runs, and the daemon is back at 9:05.
fn said_by_hand(words: &'static str, plot: impl AsyncFnOnce(&mut Story)) {
    let scene = Scene::new()
        .post("nine", "---\nat: 2026-11-27 09:00\n---\nRing works with the police.\n")
        .post("ten", "---\nat: 2026-11-27 10:00\n---\nRead the contract of 2020.\n");
    tell(scene, async |story| {
        story.until("2026-11-27 08:30").await;
        story.stop().await.unwrap();
        story.clock.advance(35 * MINUTE);
        story.says("eyes", words);
        story.start().await;
        plot(story).await;
    });
}

#[test]
fn what_staff_say_by_hand_while_nothing_runs_stops_no_campaign() {
    said_by_hand("We are back from the march, thank you all!", async |story| {
        story.expect_sent("nine").await;
        assert_eq!(story.store.notices().await.unwrap(), []);
        story.until("2026-11-27 10:00").await;
        story.expect_sent("ten").await;
    });
}

#[test]
fn what_staff_say_by_hand_in_the_words_of_a_post_is_not_said_again() {
    said_by_hand("Read the contract of 2020.", async |story| {
        story.notice("somebody posted them by hand").await;
        story.flow_until_sent("nine").await;
        story.until("2026-11-27 10:00").await;
        story.expect_state("ten", State::Held).await;
        assert_eq!(story.texts("eyes").iter().filter(|text| text.contains("contract")).count(), 1);
    });
}

#[test]
fn what_a_restored_backup_did_not_miss_goes_out_after_the_looks() {
    let post = Scene::new().post("nine", "---\nat: 2026-11-27 09:00\n---\nRing works with the police.\n");
    tell(post, async |story| {
        story.clock.advance(5 * MINUTE);
        let backup = story.backup().await;
        story.advance(5 * MINUTE).await;
        story.restore(&backup).await;
        story.clock.advance(50 * MINUTE);
        story.start().await;
        assert_eq!(story.states("nine").await, ["unknown"]);
        story.advance(6 * MINUTE).await;
        story.expect_sent("nine").await;
        assert_eq!(story.said("eyes").len(), 1);
    });
}

#[test]
fn a_stop_after_the_backup_is_obeyed_again_and_an_answered_question_is_not() {
    tell(Scene::new(), async |story| {
        story.clock.advance(5 * MINUTE);
        let backup = story.backup().await;
        story.advance(5 * MINUTE).await;
        let asked = story.says("luz", "@eyes what about ring?");
        story.answer_to(&asked).await;
        let stop = story.says("luz", "@eyes stop");
        story.answer_to(&stop).await;
        let privately = story.writes("ana", Draft::new("@eyes what about ring?").visibility(Visibility::Direct));
        // A stranger's direct is filtered, so that only walks see it.
        story.flow_until("the direct is decided", async || story.decisions(&privately).await == 1).await;
        story.answer_to(&privately).await;
        story.restore(&backup).await;
        story.start().await;
        for mention in [&asked, &stop, &privately] {
            story.decision(mention).await;
        }
        for _ in 0..14 {
            story.advance(30 * Duration::from_secs(1)).await;
        }
        for mention in [&asked, &stop, &privately] {
            assert_eq!(story.server().replies_to(mention).len(), 1);
        }
        assert_eq!(story.store.opt_outs().await.unwrap().len(), 1);
        // New mentions are answered at once.
        let new = story.says("joe", "@eyes what about ring?");
        story.answer_to(&new).await;
    });
}

#[test]
fn a_stop_is_heard_again_however_old_the_backup_is() {
    tell(Scene::new(), async |story| {
        story.clock.advance(5 * MINUTE);
        let backup = story.backup().await;
        story.advance(5 * MINUTE).await;
        let stop = story.says("luz", "@eyes stop");
        story.answer_to(&stop).await;
        story.stop().await.unwrap();
        story.clock.advance(10 * 24 * 60 * MINUTE);
        story.start().await;
        story.restore(&backup).await;
        story.start().await;
        story.notice(RESTORED).await;
        story.flow_until("the stop is heard again", async || story.decisions(&stop).await == 1).await;
        assert_eq!(story.store.opt_outs().await.unwrap().len(), 1);
        let asked = story.says("luz", "@eyes what about ring?");
        story.expect_silence(&asked, "said stop").await;
        story.advance(6 * MINUTE).await;
        assert_eq!(story.server().replies_to(&stop).len(), 1);
    });
}

#[test]
fn a_lost_side_file_is_doubtful_and_an_upgrade_is_not() {
    let post = Scene::new().post("nine", "---\nat: 2026-11-27 09:00\n---\nRing works with the police.\n");
    tell(post.clone(), async |story| {
        story.stop().await.unwrap();
        std::fs::remove_file(side(story.folder.path())).unwrap();
        story.clock.advance(61 * MINUTE);
        story.start().await;
        story.notice("watchpost.epoch is missing").await;
        story.advance(6 * MINUTE).await;
        story.expect_sent("nine").await;
        story.restart().await;
    });
    tell(post, async |story| {
        story.stop().await.unwrap();
        std::fs::remove_file(side(story.folder.path())).unwrap();
        story.forget_the_epoch().await;
        story.clock.advance(61 * MINUTE);
        story.start().await;
        story.expect_sent("nine").await;
        assert_eq!(story.store.notices().await.unwrap(), []);
        assert!(side(story.folder.path()).exists());
    });
}

#[test]
fn a_copied_folder_does_not_run_until_a_person_says_that_it_was_moved() {
    let post = Scene::new().post("nine", "---\nat: 2026-11-27 09:00\n---\nRing works with the police.\n");
    run(async {
        let mut story = post.set().await;
        story.start().await;
        story.stop().await.unwrap();
        let copy = tempfile::tempdir().unwrap();
        copy_folder(story.folder.path(), copy.path());
        let refused = story.daemon_in(copy.path()).await.map(drop).unwrap_err();
        let words = format!("{refused:#}");
        assert!(words.contains("doctor --moved-here"), "{words}");
        assert!(words.contains(&story.folder.path().display().to_string()), "{words}");
        // The original goes on.
        story.start().await;
        story.stop().await.unwrap();
        let out = watchpost(copy.path(), &["doctor", "--moved-here"]);
        assert!(out.status.success(), "{out:?}");
        let daemon = story.daemon_in(copy.path()).await.unwrap();
        daemon.end().await.unwrap();
        story.finish().await;
    });
}

#[test]
fn a_renamed_folder_is_no_copy() {
    run(async {
        let mut story = Scene::new().set().await;
        story.start().await;
        story.stop().await.unwrap();
        story.store.close().await;
        let home = tempfile::tempdir().unwrap();
        let moved = home.path().join("moved");
        std::fs::create_dir(&moved).unwrap();
        for name in ["config", "posts", "secrets", "data"] {
            std::fs::rename(story.folder.path().join(name), moved.join(name)).unwrap();
        }
        story.daemon_in(&moved).await.unwrap().end().await.unwrap();
    });
}

fn side(folder: &Path) -> PathBuf {
    folder.join("data/watchpost.epoch")
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn watchpost(folder: &Path, words: &[&str]) -> std::process::Output {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_watchpost"));
    command.arg("--campaign").arg(folder).args(words).output().unwrap()
}

/// What these stories do to a database.
impl Story {
    /// Its bytes as a backup program takes them.
    async fn backup(&self) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("copy.db");
        self.store.copy_to(&file).await.unwrap();
        std::fs::read(file).unwrap()
    }

    /// Stops the daemon and puts the backup in the place of the database.
    async fn restore(&mut self, backup: &[u8]) {
        self.stop().await.unwrap();
        self.replace_database(backup).await;
    }

    /// Database and side file as a snapshot of the machine has them.
    async fn snapshot(&self) -> (Vec<u8>, Vec<u8>) {
        let beside = || std::fs::read(side(self.folder.path())).unwrap();
        loop {
            // Between the two the daemon may write both: a snapshot has them as of one moment.
            let (before, database) = (beside(), self.backup().await);
            if before == beside() {
                return (database, before);
            }
        }
    }

    /// Stops the daemon and sets the machine back: the files are the same files.
    async fn set_back(&mut self, (database, beside): &(Vec<u8>, Vec<u8>)) {
        self.stop().await.unwrap();
        self.store.close().await;
        let file = self.folder.database();
        for old in [file.with_extension("db-wal"), file.with_extension("db-shm")] {
            if old.exists() {
                std::fs::remove_file(old).unwrap();
            }
        }
        std::fs::write(&file, database).unwrap();
        std::fs::write(side(self.folder.path()), beside).unwrap();
        self.visit_again().await;
    }

    /// As a database from before there were epochs.
    async fn forget_the_epoch(&self) {
        use sqlx::Connection as _;
        sqlx::any::install_default_drivers();
        let url = format!("sqlite://{}", self.folder.database().display());
        let mut raw = sqlx::AnyConnection::connect(&url).await.unwrap();
        let forget = "DELETE FROM facts_of_install WHERE name IN ('install_id', 'epoch', 'epoch_at', 'home')";
        sqlx::query(forget).execute(&mut raw).await.unwrap();
        raw.close().await.unwrap();
    }
}
