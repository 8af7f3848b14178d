//! Crowds, giants and strange signs: every mention is decided, within budgets, and nothing falls over.

use std::time::Duration;

use watchpost::sandbox::{Draft, Endpoint, Fault, Moment, Trouble};

use crate::harness::{Scene, eventually, tell};

const HOUR: Duration = Duration::from_secs(60 * 60);
const QUESTION: &str = "@eyes what is Rekognition?";

#[test]
fn a_flood_from_many_people_is_decided_to_the_last_and_told_once() {
    const MENTIONS: usize = 10_000;
    const PEOPLE: usize = 5_000;
    tell(Scene::new(), async |story| {
        for number in 0..MENTIONS {
            story.says(&format!("asker{}", number % PEOPLE), QUESTION);
        }
        let mut decided = 0;
        while decided < MENTIONS {
            let before = decided;
            eventually("more is decided", async || {
                decided = story.store.heard(100_000).await.unwrap().len();
                decided > before
            })
            .await;
        }
        story.settle().await;
        assert_eq!(decided, MENTIONS);
        assert_eq!(story.said("eyes").len(), 60, "per_account_per_hour");
        let notices = story.store.notices().await.unwrap();
        let spent: Vec<&str> = notices
            .iter()
            .filter(|notice| notice.key.starts_with("spent:"))
            .map(|notice| notice.text.as_str())
            .collect();
        assert_eq!(spent.len(), 1, "{spent:?}");
        assert!(spent[0].contains("per_account_per_hour"), "{spent:?}");
    });
}

#[test]
fn giants_towers_and_turned_signs_are_decided_and_hide_nothing() {
    tell(Scene::new(), async |story| {
        let odd = [
            format!("@eyes {}", "Rekognition ".repeat(90_000)),
            format!("@eyes R{}ekognition?", "\u{301}".repeat(50_000)),
            "@eyes \u{202e}noitingokeR\u{202c} \u{2066}\u{2067}\u{2069}?".to_owned(),
            "@eyes <b><i><p><a href=\"x\">Rekognition</b></i></blockquote>?".to_owned(),
            format!("@eyes {}", "\u{200b}".repeat(10_000)),
            "@eyes \u{0}\u{1}\u{fffd}\u{feff} 👩🏽‍🚀👨‍👩‍👧‍👦".to_owned(),
            format!("@eyes {}", "#Rekognition".repeat(5_000)),
            format!("@eyes {}", "((((((((((".repeat(5_000)),
        ];
        let mut asked = Vec::new();
        for (number, text) in odd.iter().enumerate() {
            asked.push(story.writes(&format!("odd{number}"), Draft::new(text.clone()).warning("w".repeat(100))));
        }
        let plain = story.says("ada", QUESTION);
        for mention in asked.iter().chain([&plain]) {
            story.flow_until("it is decided", async || story.decisions(mention).await == 1).await;
        }
        story.answer_to(&plain).await;
        story.settle().await;
    });
}

#[test]
fn a_week_offline_is_caught_up_within_budgets_and_by_age() {
    tell(Scene::new(), async |story| {
        story.stop().await.unwrap();
        let mut old = Vec::new();
        for number in 0..100 {
            old.push(story.says(&format!("old{number}"), QUESTION));
        }
        story.clock.advance(5 * 24 * HOUR);
        let mut new = Vec::new();
        for number in 0..100 {
            new.push(story.says(&format!("new{number}"), QUESTION));
        }
        story.clock.advance(HOUR);
        // Some looks take longer than others; that must not put anybody behind those who came later.
        story.fault(Fault::on(Endpoint::Status, Trouble::Hang { when: Moment::Before, ms: Some(300) }).times(5));
        story.start().await;
        eventually("all are decided", async || story.store.heard(1_000).await.unwrap().len() == 200).await;
        story.settle().await;
        let heard = story.store.heard(1_000).await.unwrap();
        let too_old = heard.iter().filter(|heard| heard.reason.contains("max_age")).count();
        let spent = heard.iter().filter(|heard| heard.reason.contains("per_account_per_hour")).count();
        assert_eq!((too_old, spent), (100, 40));
        assert_eq!(story.said("eyes").len(), 60);
        assert!(old.iter().all(|mention| story.server().replies_to(mention).is_empty()));
        assert!(new.iter().take(50).all(|mention| !story.server().replies_to(mention).is_empty()), "oldest first");
        // Who waits for a turn was looked at when it was decided; little was looked at in vain.
        let looks = story.requests(Endpoint::Status).len();
        assert!((60..=68).contains(&looks), "{looks} looks for 60 answers");
    });
}
