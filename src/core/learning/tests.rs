//! What is concluded from a small set of examples, made out of parts.

use super::*;

fn example(label: Label, text: &str) -> Example {
    Example { text: text.to_owned(), label }
}

fn about(topic: &str, lang: &str) -> Label {
    Label::Question { topics: vec![TopicId::from(topic)], lang: Some(Lang::new(lang)), facts: Vec::new() }
}

/// Two topics, two languages, silence and stops: what staff would collect, made out of parts.
fn taught() -> Learned {
    let mut examples = Vec::new();
    for place in
        ["jail", "prison", "lockup", "the county", "upstate", "rikers", "attica", "the tombs", "juvie", "the block"]
    {
        for open in ["who listens to calls from", "do they record phone calls in", "are calls tapped in"] {
            examples.push(example(about("prisons", "en"), &format!("{open} {place}?")));
        }
        for open in ["who hears doorbell clips on", "do cops see the porch camera near", "is my porch filmed by"] {
            examples.push(example(about("ring", "en"), &format!("{open} {place}?")));
        }
        for open in ["quién escucha las llamadas de", "graban las llamadas en", "es cierto que oyen a la gente en"] {
            examples.push(example(about("prisons", "es"), &format!("¿{open} {place}?")));
        }
        for open in ["my cousin was born near", "nice weather today around", "best tacos are next to", "lovely walk by"]
        {
            examples.push(example(Label::Silence, &format!("{open} {place}")));
        }
        for open in [
            "we had pizza at",
            "traffic is bad past",
            "lost my keys close to",
            "band plays tonight in",
            "happy birthday from",
            "great game over at",
        ] {
            examples.push(example(Label::Silence, &format!("{open} {place}")));
        }
        for open in ["stop sending me things about", "no more messages from", "leave me out of"] {
            examples.push(example(Label::Command(Command::Stop), &format!("{open} {place}")));
        }
        examples.push(example(about("ring", "en"), &format!("can officers get my porch clips in {place}?")));
    }
    Learned::from(&examples)
}

fn read(text: &str) -> Impression {
    taught().read(&Words::read(text))
}

#[test]
fn a_question_in_other_words_looks_like_the_examples_of_its_topic() {
    let seen = read("are phone calls out of a lockup recorded?");
    assert!(seen.question > 1.0, "{seen:?}");
    let (topic, ahead) = seen.topic.unwrap();
    assert_eq!(topic, TopicId::from("prisons"));
    assert!(ahead > 0.5, "{ahead}");
    assert_eq!(seen.lang, Some(Lang::new("en")));
    assert!(seen.words.contains(&"calls".to_owned()), "{:?}", seen.words);
    let spanish = read("¿graban llamadas?");
    assert_eq!((spanish.topic.unwrap().0, spanish.lang), (TopicId::from("prisons"), Some(Lang::new("es"))));
    assert_eq!(read("do cops get porch clips?").topic.unwrap().0, TopicId::from("ring"));
}

#[test]
fn talk_looks_like_talk_and_a_stop_like_a_stop() {
    assert!(read("lovely tacos on a walk today").question < -1.0);
    let (command, surely) = read("please stop sending me messages").command.unwrap();
    assert_eq!(command, Command::Stop);
    assert!(surely > 1.0, "{surely}");
    let (_, hardly) = read("are phone calls recorded?").command.unwrap();
    assert!(hardly < 0.0, "{hardly}");
}

#[test]
fn a_handful_of_examples_teaches_nothing_but_itself() {
    let few: Vec<Example> = (0..50).map(|at| example(Label::Silence, &format!("text {at}"))).collect();
    let learned = Learned::from(&few);
    let seen = learned.read(&Words::read("text 7 or so"));
    assert_eq!((seen.question, seen.topic, seen.command), (0.0, None, None));
    assert_eq!(learned.known("Text 7!"), Some(&Label::Silence));
    assert_eq!(learned.known("text 70"), None);
    assert_eq!(Learned::from(&[]).known(""), None);
}

#[test]
fn texts_without_words_and_endless_ones_look_like_nothing_much() {
    let learned = taught();
    for text in ["", "🙂🙂", "\u{202e}"] {
        assert!(learned.read(&Words::read(text)).question.abs() < 2.0, "{text:?}");
    }
    let endless = "calls ".repeat(200_000);
    let short = learned.read(&Words::read("calls calls"));
    assert_eq!(learned.read(&Words::read(&endless)).topic.map(|topic| topic.0), short.topic.map(|topic| topic.0));
}
