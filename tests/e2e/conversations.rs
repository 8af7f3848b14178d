//! A conversation is one over all accounts and servers of the campaign: its limits do not begin anew on each.

use std::time::Duration;

use watchpost::core::ids::StatusId;
use watchpost::sandbox::{Draft, Endpoint};

use crate::harness::{Scene, Story, tell};

const MINUTE: Duration = Duration::from_secs(60);
const LIMITS: &str = "[replies.limits]\nper_person_every = \"unlimited\"\nper_person_per_day = 20";

/// One status, as both servers have it: where eyes is, and where vigila is.
struct Both([StatusId; 2]);

const OURS: [&str; 2] = ["eyes", "vigila"];

/// Somebody of a third server asks both accounts. Vigila's server hears of it first.
async fn asks_both(story: &Story, number: usize, who: &str, words: &str, below: Option<&Both>) -> Both {
    let (uri, url) = (format!("https://m.test/objects/{number}"), format!("https://m.test/@{who}/{number}"));
    let write = |at: usize| {
        let mut draft = Draft::new(format!("@{} {words}", OURS[at])).copy_of(&uri, &url);
        if let Some(Both(parents)) = below {
            draft = draft.in_reply_to(&parents[at]);
        }
        story.servers[at].hand.write(&format!("{who}@m.test"), draft).unwrap()
    };
    let there = write(1);
    decided(story, 1, &there).await;
    let here = write(0);
    decided(story, 0, &here).await;
    Both([here, there])
}

async fn decided(story: &Story, at: usize, mention: &StatusId) {
    story
        .flow_until("the mention is decided", async || {
            let heard = story.store.heard(1_000).await.unwrap();
            heard.iter().any(|heard| heard.account.as_str() == OURS[at] && heard.status == mention.as_str())
        })
        .await;
    story.settle().await;
}

/// Our answer to a mention with its copy on the other server, if there is one.
fn answer(story: &Story, asked: &Both) -> Option<Both> {
    let mut found = None;
    for (at, name) in OURS.into_iter().enumerate() {
        let said = story.servers[at].hand.replies_to(&asked.0[at]);
        let Some(said) = said.first() else { continue };
        assert!(found.is_none(), "one of ours answers, not both");
        let other = 1 - at;
        let base = format!("http://{}", story.servers[at].address);
        let (uri, url) = (format!("{base}/users/{name}/statuses/{}", said.id), format!("{base}/@{name}/{}", said.id));
        let author = format!("{name}@{}", story.servers[at].address);
        let copy = Draft::new(&said.text).copy_of(uri, url).in_reply_to(&asked.0[other]);
        let copy = story.servers[other].hand.write(&author, copy).unwrap();
        let mut both = [StatusId::new(&said.id), StatusId::new(&said.id)];
        both[other] = copy;
        found = Some(Both(both));
    }
    found
}

const QUESTIONS: [&str; 8] = [
    "what is Rekognition?",
    "what about Palantir?",
    "what is Project Nimbus?",
    "does Ring share video with police?",
    "what is Rekognition?",
    "what about Palantir?",
    "what is Project Nimbus?",
    "does Ring share video with police?",
];

#[test]
fn one_person_is_answered_twice_in_one_conversation_whichever_account_is_asked() {
    tell(Scene::new().with_vigila_elsewhere().settings(LIMITS), async |story| {
        let mut last: Option<Both> = None;
        let mut answers = 0;
        for (number, words) in QUESTIONS.into_iter().enumerate() {
            let asked = asks_both(story, number, "ada", words, last.as_ref()).await;
            let told = answer(story, &asked);
            answers += usize::from(told.is_some());
            last = told.or(Some(asked));
        }
        assert_eq!(answers, 2);
    });
}

#[test]
fn people_by_turns_get_as_many_answers_in_one_conversation_as_one_account_would_give() {
    tell(Scene::new().with_vigila_elsewhere().settings(LIMITS), async |story| {
        let mut last: Option<Both> = None;
        let mut answers = 0;
        for (number, words) in QUESTIONS.into_iter().enumerate() {
            let asked = asks_both(story, number, &format!("person{number}"), words, last.as_ref()).await;
            let told = answer(story, &asked);
            answers += usize::from(told.is_some());
            last = told.or(Some(asked));
        }
        assert_eq!(answers, 5);
    });
}

/// The first status is our own post, which the other server has as a copy.
#[test]
fn below_our_own_post_a_conversation_is_one_on_every_server() {
    let limits = format!("{LIMITS}\nper_thread = 1");
    let post = "---\naccounts: [eyes]\nat: 2026-11-27 08:05\n---\nRekognition, again.\n\n---\n\nAnd more of it.\n";
    tell(Scene::new().with_vigila_elsewhere().settings(&limits).post("ring", post), async |story| {
        story.until("2026-11-27 08:05").await;
        story.flow_until_sent("ring").await;
        let said = story.said("eyes");
        let base = format!("http://{}", story.servers[0].address);
        let here = Draft::new("@eyes what is Rekognition?").in_reply_to(&said[1].id);
        let here = story.servers[0].hand.write("ada@m.test", here).unwrap();
        decided(story, 0, &here).await;
        assert_eq!(story.servers[0].hand.replies_to(&here).len(), 1);
        assert_eq!(story.requests(Endpoint::Context).len(), 0, "what we said needs no look");

        let mut parent: Option<StatusId> = None;
        for part in &said {
            let copy = Draft::new(&part.text)
                .copy_of(format!("{base}/users/eyes/statuses/{}", part.id), format!("{base}/@eyes/{}", part.id));
            let copy = match &parent {
                Some(parent) => copy.in_reply_to(parent),
                None => copy,
            };
            parent = Some(story.servers[1].hand.write(&format!("eyes@{}", story.servers[0].address), copy).unwrap());
        }
        let there = Draft::new("@vigila what is Rekognition?").in_reply_to(parent.unwrap());
        let there = story.servers[1].hand.write("bob@m.test", there).unwrap();
        decided(story, 1, &there).await;
        assert_eq!(story.servers[1].hand.replies_to(&there), []);
        let heard = story.store.heard(10).await.unwrap();
        assert!(heard.iter().any(|heard| heard.reason == "limit spent: per_thread"), "{heard:?}");
        story.advance(2 * MINUTE).await;
    });
}

/// A status that does not name us stands between; we never hear of it.
#[test]
fn a_strangers_bot_in_between_does_not_make_a_conversation_anew() {
    tell(Scene::new().settings(LIMITS), async |story| {
        let mut below: Option<StatusId> = None;
        let mut answers = 0;
        for (number, words) in QUESTIONS.into_iter().enumerate() {
            let mut question = Draft::new(format!("@eyes {words}"));
            if let Some(between) = &below {
                question = question.in_reply_to(between);
            }
            let asked = story.writes(&format!("person{number}"), question);
            decided(story, 0, &asked).await;
            let told = story.servers[0].hand.replies_to(&asked);
            answers += told.len();
            let last = told.first().map_or(asked, |told| StatusId::new(&told.id));
            below = Some(story.writes("chatty", Draft::new("So true!").in_reply_to(&last)));
        }
        assert_eq!(answers, 5);
    });
}

#[test]
fn only_an_answer_below_a_strangers_status_costs_a_look_at_its_conversation() {
    tell(Scene::new().with_vigila().settings(LIMITS), async |story| {
        let asked = story.says("ada", "@eyes what is Rekognition?");
        story.answer_to(&asked).await;
        let strange = story.says("zoe", "nothing for anybody");
        let thanks = story.writes("bob", Draft::new("@eyes thanks").in_reply_to(&strange));
        decided(story, 0, &thanks).await;
        assert_eq!(story.requests(Endpoint::Context).len(), 0);
        let asked = story.writes("cleo", Draft::new("Tell me, @eyes, what is Rekognition?").in_reply_to(&strange));
        story.answer_to(&asked).await;
        assert_eq!(story.requests(Endpoint::Context).len(), 1);
    });
}
