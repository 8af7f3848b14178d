//! One text on several accounts of one server goes out staggered, in words of its own where there are any.

use chrono::Duration;

use crate::rig::{Rig, Scene, at, run};

#[test]
fn accounts_of_one_server_speak_one_after_another_and_each_in_its_words() {
    run(async {
        let mut rig = Rig::new(Scene {
            zone: "UTC",
            rules: "stagger = \"15m\"\nsame_text_cap = 2",
            accounts: &[
                ("one", 0, "slots = [\"daily 09:00\"]"),
                ("two", 0, "slots = [\"daily 09:00\"]\nlang = \"es\""),
                ("three", 0, "slots = [\"daily 09:00\"]"),
                ("four", 0, "slots = [\"daily 09:00\"]"),
                ("far", 1, "slots = [\"daily 09:00\"]"),
            ],
            posts: vec![(
                "post".to_owned(),
                "---\nvariants:\n  - { lang: es, text: \"Hola.\" }\n---\nHello.\n".to_owned(),
            )],
            begins: "2026-12-01T08:00:00Z",
        })
        .await;
        rig.live_until(at("2026-12-03T00:00:00Z")).await;
        assert_eq!(
            rig.said_since(at("2026-12-01T00:00:00Z")),
            [
                "2026-12-01T09:00:00.000Z far Hello.",
                "2026-12-01T09:00:00.000Z one Hello.",
                "2026-12-01T09:15:00.000Z two Hola.",
                "2026-12-01T09:30:00.000Z three Hello.",
                // Two accounts of the server had said it; the fourth waits for another day.
                "2026-12-02T09:45:00.000Z four Hello.",
            ]
        );
        let two = rig.server(0).own("two");
        assert_eq!(two[0].language.as_deref(), Some("es"));
        rig.finish().await;
    });
}

#[test]
fn an_edited_variant_reaches_only_its_account() {
    run(async {
        let file = |words: &str| {
            format!("---\nat: 2026-12-01 10:00\nvariants:\n  - {{ accounts: [two], text: \"{words}\" }}\n---\nHello.\n")
        };
        let mut rig = Rig::new(Scene {
            zone: "UTC",
            rules: "",
            accounts: &[("one", 0, ""), ("two", 0, "")],
            posts: vec![("post".to_owned(), file("First words."))],
            begins: "2026-12-01T08:00:00Z",
        })
        .await;
        rig.write("posts/post.md", &file("Better words.")).await;
        let end = rig.now() + Duration::hours(3);
        rig.live_until(end).await;
        assert_eq!((rig.texts("one"), rig.texts("two")), (vec!["Hello.".to_owned()], vec!["Better words.".to_owned()]));
        rig.finish().await;
    });
}
