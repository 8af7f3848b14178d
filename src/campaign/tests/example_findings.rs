//! Each mistake in `config/examples/`, with its line; what is right is read all the same.

use super::*;
use crate::core::command::Command;
use crate::core::learning::{Example, Label};

const FILE: &str = "config/examples/asked.txt";

#[test]
fn each_kind_of_label_is_read() {
    let text = "# what people asked\n\nring en fact=ring-2000 | who sees my porch?\nring | doorbell\\nand cops\n\
        - | my bell is out of battery\n!stop | not one more\n! | a bus stop\nring en fact=ring-2000 | who sees my porch?\n";
    let root =
        folder(&[(FILE, text), ("config/examples/notes.md", "not | read"), ("config/examples/.hidden.txt", "x")]);
    let loaded = load(root.path(), now()).unwrap();
    assert_eq!(loaded.findings, []);
    let question = |lang: Option<&str>, facts: &[&str]| Label::Question {
        topics: vec!["ring".into()],
        lang: lang.map(Into::into),
        facts: facts.iter().map(|fact| (*fact).into()).collect(),
    };
    let example = |text: &str, label| Example { text: text.to_owned(), label };
    assert_eq!(
        *loaded.campaign.unwrap().examples,
        [
            example("who sees my porch?", question(Some("en"), &["ring-2000"])),
            example("doorbell\nand cops", question(None, &[])),
            example("my bell is out of battery", Label::Silence),
            example("not one more", Label::Command(Command::Stop)),
            example("a bus stop", Label::NoCommand),
        ]
    );
}

#[test]
fn each_mistake_has_its_line_and_the_rest_is_read() {
    for (written, expected) in [
        ("ring en who sees my porch", "error: there is no `|` between what is right and the text"),
        ("ring en | ", "error: there are no words behind the `|`"),
        ("ring en | 🙂", "error: there are no words behind the `|`"),
        (
            "rign | who sees my porch",
            "error: no fact has the topic “rign”; lines that name it are left out — did you mean `ring`?",
        ),
        ("rign | one\nrign | two", "error: no fact has the topic “rign”"),
        ("ring fr | qui voit ma porte", "error: “fr” is no language of this campaign"),
        ("ring Spanish | who", "error: `Spanish` is not a language code"),
        (
            "ring fact=ring-200 | who",
            "error: there is no fact “ring-200”; lines that name it are left out — did you mean `ring-2000`?",
        ),
        ("!stpo | no more", "error: there is no command “stpo” — did you mean `stop`?"),
        (" | who sees my porch", "error: what is right for the text is not told"),
        ("- | a known text", "error: the same text stands in line 1 with another label, which counts"),
    ] {
        let text = format!("ring | a known text\n{written}\n- | good night");
        let found = findings(&[(FILE, &text)]);
        assert_eq!(found.len(), 1, "{written}: {found:#?}");
        assert!(found[0].starts_with(&format!("{FILE}:2: {expected}")), "{written}\n found {}", found[0]);
        let campaign = load(folder(&[(FILE, &text)]).path(), now()).unwrap().campaign.unwrap();
        assert_eq!(campaign.examples.len(), 2, "{written}");
    }
}
