//! What a server's notification policy keeps from us is read where it can be, and told where it cannot.

use std::time::Duration;

use watchpost::core::post::Visibility;
use watchpost::sandbox::{Draft, Endpoint, Existence, Heed, Policy, PolicyForm, Requests, Rule, StreamEnd};

use crate::harness::{Scene, Story, tell};

const MINUTE: Duration = Duration::from_secs(60);
const QUESTION: &str = "@eyes what is Rekognition?";

/// A Mastodon 4.3 as it was being made: what it filters stands only among the notification requests.
fn hiding() -> Scene {
    Scene::new().server(|profile| profile.include_filtered = Heed::Ignored)
}

fn writes_privately(story: &Story, who: &str, text: &str) -> watchpost::core::ids::StatusId {
    story.writes(who, Draft::new(text).visibility(Visibility::Direct))
}

fn policy(private_mentions: Rule) -> Policy {
    Policy { private_mentions, limited_accounts: Rule::Filter }
}

#[test]
fn a_mention_that_stands_only_among_the_requests_is_answered_and_no_request_is_touched() {
    tell(hiding(), async |story| {
        let asked = writes_privately(story, "stranger@far.example", QUESTION);
        story.flow_until("the mention is decided", async || story.decisions(&asked).await == 1).await;
        assert_eq!(story.answer_to(&asked).await.visibility, Visibility::Direct);
        // From then on every walk looks: the next one waits no five minutes.
        let stop = writes_privately(story, "other@far.example", "@eyes stop");
        story.advance(MINUTE).await;
        story.answer_to(&stop).await;
        let touched = |method: &str| method != "GET";
        assert!(story.requests(Endpoint::Requests).iter().all(|request| !touched(&request.method)));
        assert!(story.store.notices().await.unwrap().iter().all(|notice| !notice.text.contains("aside")));
    });
}

/// An entry shows a person's last words only; what they wrote before is read by their account.
#[test]
fn everything_a_person_wrote_behind_one_request_is_decided() {
    tell(hiding(), async |story| {
        let asked = writes_privately(story, "stranger@far.example", QUESTION);
        let stop = writes_privately(story, "stranger@far.example", "@eyes stop writing to me");
        story
            .flow_until("both are decided", async || {
                story.decisions(&asked).await == 1 && story.decisions(&stop).await == 1
            })
            .await;
        story.expect_silence(&asked, "they said stop").await;
        story.answer_to(&stop).await;
    });
}

#[test]
fn a_list_of_who_wrote_without_their_words_is_read_by_account() {
    tell(hiding().server(|profile| profile.requests = Requests::WithoutStatus), async |story| {
        let asked = writes_privately(story, "stranger@far.example", QUESTION);
        story.flow_until("the mention is decided", async || story.decisions(&asked).await == 1).await;
        story.answer_to(&asked).await;
    });
}

#[test]
fn what_nobody_can_read_is_one_notice_that_goes_with_it() {
    let blind = hiding().server(|profile| {
        profile.requests = Requests::WithoutStatus;
        profile.of_account = Heed::Ignored;
    });
    tell(blind, async |story| {
        let one = writes_privately(story, "stranger@far.example", QUESTION);
        story.flow_until_notice("what somebody wrote to eyes aside").await;
        let other = writes_privately(story, "other@far.example", QUESTION);
        story.flow_until_notice("what 2 people wrote to eyes aside").await;
        assert!(story.notice("aside").await.next_step.contains("choose accept instead of filter"));
        for asked in [one, other] {
            assert_eq!(story.decisions(&asked).await, 0);
            story.server().delete(&asked).unwrap();
        }
        story
            .flow_until("the notice goes", async || {
                story.store.notices().await.unwrap().iter().all(|notice| !notice.text.contains("aside"))
            })
            .await;
    });
}

#[test]
fn a_policy_of_yes_and_no_is_understood() {
    tell(hiding().server(|profile| profile.policy_form = PolicyForm::Flags), async |story| {
        let asked = writes_privately(story, "stranger@far.example", QUESTION);
        story.flow_until("the mention is decided", async || story.decisions(&asked).await == 1).await;
        story.answer_to(&asked).await;
    });
}

#[test]
fn a_server_that_shows_what_it_filters_is_not_asked_for_requests_again() {
    tell(Scene::new(), async |story| {
        let asked = writes_privately(story, "stranger@far.example", QUESTION);
        story.flow_until("the mention is decided", async || story.decisions(&asked).await == 1).await;
        story.answer_to(&asked).await;
        let before = story.requests(Endpoint::Requests).len();
        assert!(before <= 1, "{before}");
        for _ in 0..20 {
            story.advance(MINUTE).await;
        }
        assert_eq!(story.requests(Endpoint::Requests).len(), before);
    });
}

#[test]
fn a_policy_that_is_changed_while_we_listen_is_noticed_and_so_is_its_repair() {
    tell(Scene::new(), async |story| {
        story.server().set_policy("eyes", policy(Rule::Drop)).unwrap();
        story.advance(2 * MINUTE).await;
        story.server().end_streams(Some("eyes"), StreamEnd::Close);
        story.flow_until_notice("drops notifications (for_private_mentions)").await;
        story.server().set_policy("eyes", policy(Rule::Filter)).unwrap();
        story.advance(61 * MINUTE).await;
        story
            .flow_until("the notice goes", async || {
                story.store.notices().await.unwrap().iter().all(|notice| !notice.text.contains("drops"))
            })
            .await;
    });
}

#[test]
fn without_streaming_a_policy_is_asked_for_every_hour() {
    tell(Scene::new().server(|profile| profile.streaming = Existence::Absent), async |story| {
        let before = story.requests(Endpoint::Policy).len();
        story.server().set_policy("eyes", policy(Rule::Drop)).unwrap();
        story.advance(61 * MINUTE).await;
        story.flow_until_notice("drops notifications").await;
        assert_eq!(story.requests(Endpoint::Policy).len(), before + 1);
    });
}
