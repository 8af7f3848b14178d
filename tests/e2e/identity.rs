//! Who speaks through which profile: mixed-up tokens, one token for two accounts, an account with a new name.

use std::time::Duration;

use crate::harness::{Leftover, Scene, Story, tell, token_of};

const MINUTE: Duration = Duration::from_secs(60);

fn scene() -> Scene {
    Scene::new().with_vigila().post("nine", "---\nat: 2026-11-27 09:00\n---\nRing works with the police.\n")
}

impl Story {
    /// Staff put a token into an account's file while nothing runs.
    fn give_token(&self, account: &str, of: &str) {
        self.folder.write_token(account, &token_of(of));
    }

    /// Staff change the settings while nothing runs.
    fn change_settings(&self, from: &str, to: &str) {
        let file = self.folder.path().join("config/watchpost.toml");
        let settings = std::fs::read_to_string(&file).unwrap();
        assert!(settings.contains(from), "{settings}");
        std::fs::write(file, settings.replace(from, to)).unwrap();
    }
}

#[test]
fn the_token_of_another_account_pauses_the_account_and_the_right_one_mends_it() {
    tell(scene(), async |story| {
        story.stop().await.unwrap();
        story.give_token("eyes", "vigila");
        story.start_without_waiting().await.unwrap();
        story.notice("the token of eyes belongs to").await;
        story.until("2026-11-27 09:00").await;
        story.flow_until("vigila speaks", async || story.said("vigila").len() == 1).await;
        assert_eq!(story.said("eyes").len(), 0);
        story.give_token("eyes", "eyes");
        story.flow_until_sent("nine").await;
        assert_eq!((story.said("eyes").len(), story.said("vigila").len()), (1, 1));
        story.notice_gone("the token of eyes").await;
    });
}

#[test]
fn two_accounts_with_one_token_do_not_say_everything_twice() {
    crate::harness::run(async {
        let mut story = scene().set().await;
        story.give_token("vigila", "eyes");
        story.start_without_waiting().await.unwrap();
        story.notice("are the same account").await;
        story.until("2026-11-27 09:00").await;
        story.advance(MINUTE).await;
        story.flow_until("one of them speaks", async || story.said("eyes").len() == 1).await;
        story.advance(5 * MINUTE).await;
        assert_eq!(story.said("eyes").len(), 1);
        // Whichever of the two came first speaks, so the rows may bear either name.
        story.stop().await.unwrap();
    });
}

#[test]
fn an_account_with_a_new_name_is_told_which_name_to_write() {
    tell(scene(), async |story| {
        story.until("2026-11-27 09:00").await;
        story.expect_sent("nine").await;
        story.stop().await.unwrap();
        story.change_settings("name = \"eyes\"", "name = \"watch\"");
        story.start_without_waiting().await.unwrap();
        let notice = story.notice("spoke as eyes so far").await;
        assert!(notice.next_step.contains("name = \"eyes\""), "{notice:?}");
        story.advance(5 * MINUTE).await;
        assert_eq!(story.said("eyes").len(), 1, "nothing is said again under the new name");
        story.stop().await.unwrap();
        story.change_settings("name = \"watch\"", "name = \"eyes\"");
        story.start().await;
        // The row made under the other name waits for its end.
        story.may_leave(Leftover::DueWork);
    });
}

#[test]
fn an_account_that_was_taken_out_is_told_of_and_what_it_left_is_never_sent() {
    tell(scene(), async |story| {
        story.until("2026-11-27 08:30").await;
        story.stop().await.unwrap();
        let file = story.folder.path().join("config/watchpost.toml");
        let settings = std::fs::read_to_string(&file).unwrap();
        let from = settings.find("[[accounts]]\nname = \"vigila\"").unwrap();
        let (kept, rest) = settings.split_at(from);
        let until = rest.find("[store]").unwrap();
        std::fs::write(&file, format!("{kept}{}", rest.split_at(until).1)).unwrap();
        story.clock.advance(35 * MINUTE);
        story.start_without_waiting().await.unwrap();
        let notice = story.notice("vigila is not in [[accounts]] any more").await;
        assert!(notice.next_step.contains("name = \"vigila\""), "{notice:?}");
        story.flow_until("the other one speaks", async || story.said("eyes").len() == 1).await;
        story.until("2026-11-27 16:10").await;
        story.notice_gone("vigila is not in").await;
        let mut states = story.states("nine").await;
        states.sort_unstable();
        assert_eq!(states, ["expired", "verified"]);
        assert_eq!(story.said("vigila").len(), 0);
    });
}
