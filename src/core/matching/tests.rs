//! What the matcher answers on a small campaign; the shipped one is held by `tests/mentions.rs`.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::core::fact::{AsOf, ByLang, Fact, Link, Source};
use crate::core::learning::{Example, Label};

fn list(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn fact(id: &str, topic: &str, keywords: &[&str], weak: &[&str], en: &str, es: &str) -> Fact {
    Fact {
        id: id.into(),
        topic: topic.into(),
        keywords: list(keywords),
        topical: Vec::new(),
        weak: list(weak),
        beside: Vec::new(),
        asked: Vec::new(),
        text: ByLang::from([(Lang::from("en"), en.to_owned()), (Lang::from("es"), es.to_owned())]),
        short: ByLang::new(),
        variants: ByLang::new(),
        source: "page".into(),
        as_of: AsOf::Year(2021),
        review_by: None,
        supersedes: None,
        link: "pledge".into(),
    }
}

fn books() -> (FactBook, CommandBook) {
    let mut newer = fact(
        "ring-2000",
        "ring",
        &["ring doorbell", "ring camera", "timbre ring", "police partnership"],
        &["ring", "doorbell", "timbre"],
        "Ring doorbells work for the police",
        "El timbre Ring trabaja para la policía",
    );
    newer.supersedes = Some("ring-1600".into());
    let facts = vec![
        newer,
        fact("ring-1600", "ring", &["1,600 police"], &[], "Old one about the police", "Uno viejo sobre la policía"),
        fact(
            "ring-footage",
            "ring",
            &["ring doorbell", "ring footage"],
            &["ring", "warrant"],
            "Ring shares footage",
            "Ring comparte videos",
        ),
        fact(
            "palantir",
            "palantir",
            &["palantir"],
            &["ice", "falcon"],
            "Palantir is a customer",
            "Palantir es cliente",
        ),
        fact(
            "hart",
            "hart",
            &["hart database"],
            &["hart", "border"],
            "HART is a database",
            "HART es una base de datos",
        ),
    ];
    let source = Source {
        title: ByLang::from([(Lang::from("en"), "the page".to_owned())]),
        publisher: None,
        date: AsOf::Year(2021),
        url: None,
    };
    let link = Link {
        url: ByLang::from([(Lang::from("en"), "https://pledge.example/".to_owned())]),
        label: ByLang::from([(Lang::from("es"), "Firma el compromiso".to_owned())]),
    };
    let facts = FactBook {
        facts,
        sources: BTreeMap::from([("page".into(), source)]),
        links: BTreeMap::from([("pledge".into(), link)]),
        target: list(&["amazon"]),
        elsewhere: list(&["stock", "iphone"]),
        others: Vec::new(),
        ideas: BTreeMap::new(),
        company: list(&["amazon", "police", "policía", "surveillance", "immigrants"]),
    };
    let en = |words: &[&str]| ByLang::from([(Lang::from("en"), list(words))]);
    let both = |en: &[&str], es: &[&str]| ByLang::from([(Lang::from("en"), list(en)), (Lang::from("es"), list(es))]);
    let commands = CommandBook {
        phrases: BTreeMap::from([
            (Command::Stop, both(&["stop", "leave me alone"], &["basta", "stop"])),
            (Command::More, both(&["more"], &["otra"])),
            (Command::Help, en(&["help"])),
        ]),
        courtesy: both(&["please", "hi", "thanks"], &["hola", "gracias"]),
        asking: both(&["what about", "does", "tell me about"], &["qué es"]),
        joking: both(&["lol", "my cat", "😂"], &["jaja"]),
        negation: both(&["not about", "not"], &["no es sobre"]),
        ..CommandBook::default()
    };
    (facts, commands)
}

fn read(own: &str, quoted: &str, lang: Option<&str>) -> Reading {
    let (facts, commands) = books();
    let matcher = Matcher::new(&facts, &commands, &["en".into(), "es".into()]);
    matcher.read(&MentionText { own: own.to_owned(), quoted: quoted.to_owned() }, lang.map(Lang::from).as_ref())
}

fn best(own: &str) -> Option<String> {
    read(own, "", None).matches.first().map(|found| found.fact.as_str().to_owned())
}

fn check(own: &str, fact: Option<&str>) {
    assert_eq!(best(own).as_deref(), fact, "{own:?}");
}

#[test]
fn keywords_answer_alone_in_any_way_of_writing() {
    for text in [
        "palantir",
        "PALANTIR!!",
        "what does Ｐａｌａｎｔｉｒ do",
        "pala\u{200b}ntir",
        "palentir?",
        "#Palantir",
        "palantir's deal",
        "#EyesOnPalantir",
    ] {
        check(text, Some("palantir"));
    }
    for text in ["ring doorbells", "#RingDoorbell", "#ringdoorbell", "the ring-doorbell"] {
        check(text, Some("ring-2000"));
    }
}

#[test]
fn everyday_words_need_company() {
    for text in [
        "a wedding ring",
        "ring",
        "Lord of the Rings",
        "it is spring",
        "ring the police",
        "I got a ring for my wedding, thanks amazon",
        "my hart is full",
        "ice cream at the border",
        "a falcon in the amazon rainforest",
        "#IceCream police",
        "rings police surveillance",
    ] {
        check(text, None);
    }
    for text in [
        "does ring work with the police",
        "so Ring and the police",
        "what about ring?",
        "ring police surveillance",
        "#ring #police",
    ] {
        check(text, Some("ring-2000"));
    }
    assert_eq!(read("a wedding ring", "", None).weak_only, ["ring"]);
}

#[test]
fn a_name_of_somebody_else_is_no_sign_and_an_inflection_is_another_word() {
    for text in ["Kevin Hart and the police", "my phone keeps ringing, police", "wedding rings? police"] {
        check(text, None);
    }
    check("so is HART used by the police", Some("hart"));
    check("is ring footage safe", Some("ring-footage"));
}

#[test]
fn a_weak_word_of_one_fact_only_chooses_among_the_facts_of_a_named_topic() {
    // `ring` stands in two facts, so it names the topic; `warrant` stands in one.
    check("do police need a warrant?", None);
    check("does ring need a warrant for the police?", Some("ring-footage"));
}

#[test]
fn a_question_that_is_nothing_but_the_topic_asks_for_it() {
    for text in ["ring?", "hi, what about ring please", "tell me about ring"] {
        check(text, Some("ring-2000"));
    }
    for text in ["ring", "ring ring?", "tell me about ring sizes", "ice?"] {
        check(text, None);
    }
}

#[test]
fn the_most_specific_fact_comes_first_and_a_replaced_one_never() {
    check("ring doorbell footage? ring footage!", Some("ring-footage"));
    check("what about the 1,600 police", Some("ring-2000"));
    let all = read("palantir and the ring camera", "", None).matches;
    assert_eq!(
        all.iter().map(|found| found.fact.as_str()).collect::<Vec<_>>(),
        ["ring-2000", "ring-footage", "palantir"]
    );
}

#[test]
fn what_is_negated_is_not_asked_for() {
    let reading = read("this is not about the Ring doorbell", "", None);
    assert!(reading.matches.is_empty());
    assert_eq!(reading.negated.first().map(String::as_str), Some("ring doorbell"));
    check("not about ring doorbells, tell me about palantir", Some("palantir"));
}

#[test]
fn quoted_words_give_the_topic_only_when_the_own_words_ask_and_name_none() {
    assert!(read("what about this?", "palantir again", None).from_quote);
    assert!(read("lovely", "palantir again", None).matches.is_empty());
    let own = read("is ring footage safe?", "palantir again", None);
    assert_eq!(own.matches.first().map(|found| found.fact.as_str()), Some("ring-footage"));
}

#[test]
fn stop_wins_over_everything_and_the_other_commands_give_way_to_a_question() {
    let reading = read("palantir? please stop.", "", None);
    assert_eq!((reading.command, reading.matches.len()), (Some(Command::Stop), 0));
    assert_eq!(read("more", "", None).command, Some(Command::More));
    let reading = read("more! palantir", "", None);
    assert_eq!((reading.command, reading.matches.len()), (None, 1));
    assert_eq!(read("stop the police", "", None).command, None);
}

#[test]
fn the_language_is_that_of_the_keywords_then_of_the_status_then_of_the_words() {
    let lang = |own: &str, status: Option<&str>| read(own, "", status).lang.as_str().to_owned();
    assert_eq!(lang("timbre ring", Some("en")), "es");
    assert_eq!(lang("ring doorbell", Some("es")), "en");
    assert_eq!(lang("palantir", Some("es-MX")), "es");
    assert_eq!(lang("palantir", Some("de")), "en");
    assert_eq!(lang("hola palantir", None), "es");
    assert_eq!(lang("cuéntame por favor todo lo que ustedes saben de palantir", None), "es");
    assert_eq!(lang("basta", None), "es");
    assert_eq!(lang("stop", Some("es")), "es");
}

#[test]
fn what_speaks_for_a_joke_or_something_else_weighs_against_a_topic() {
    for text in ["palantir stock", "palantir 😂", "my cat and palantir", "palantir on my iphone?"] {
        check(text, None);
    }
    for text in ["tell me about palantir lol", "palantir stock and the police", "palantir shares"] {
        check(text, Some("palantir"));
    }
    assert_eq!(read("palantir stock lol", "", None).against, ["stock", "lol"]);
}

/// Ways of writing that change nothing a reader sees, or nothing that matters.
fn disguised(text: &str, way: usize) -> String {
    let wide = |letter: char| match letter {
        '!'..='~' => char::from_u32(u32::from(letter) + 0xFEE0).unwrap_or(letter),
        _ => letter,
    };
    match way {
        0 => text.chars().flat_map(|letter| [letter, '\u{200b}']).collect(),
        1 => text.chars().map(wide).collect(),
        2 => text
            .chars()
            .flat_map(|letter| [Some(letter), letter.is_alphabetic().then_some('\u{301}')])
            .flatten()
            .collect(),
        3 => text.chars().flat_map(|letter| ['\u{2060}', letter, '\u{fe0f}']).collect(),
        _ => text.to_owned(),
    }
}

proptest! {
    #[test]
    fn no_disguise_changes_a_verdict(
        own in "(ring|palantir|stop|please|not about|police|does|stock|hart|doorbell|leave me alone|more|\\?|,|!| ){0,12}",
        way in 0_usize..4,
    ) {
        // The language is given: marks on every letter are no word of any language.
        prop_assert_eq!(read(&disguised(&own, way), "", Some("en")), read(&own, "", Some("en")));
    }

    #[test]
    fn emoji_behind_it_never_change_a_command(
        own in "(stop|leave me alone|basta|more|please|palantir| ){0,4}",
        emoji in "(🛑|🙏| |✨|👍){0,6}",
    ) {
        let command = |text: &str| read(text, "", None).command;
        prop_assert_eq!(command(&format!("{own}{emoji}")), command(&own));
    }

    #[test]
    fn reading_never_panics(own in any::<String>(), quoted in any::<String>()) {
        let reading = read(&own, &quoted, None);
        prop_assert!(reading.command.is_none() || reading.matches.is_empty());
    }

    #[test]
    fn words_in_any_order_never_panic(own in "(ring|palantir|stop|not about|police|\\?|,|#Ring|hart| |\n){0,40}") {
        let reading = read(&own, "palantir", Some("es"));
        prop_assert!(reading.command.is_none() || reading.matches.is_empty());
    }
}

/// A campaign that lists everybody's words and others' names can tell what is said about something else.
#[test]
fn odd_words_tales_and_others_are_no_question_about_us() {
    let (mut facts, mut commands) = books();
    let en = |words: &[&str]| ByLang::from([(Lang::from("en"), list(words))]);
    facts.others = list(&["google"]);
    commands.ordinary = en(&["that", "what", "about", "with", "your", "start", "this", "know", "help"]);
    commands.talk = en(&["thanks for the thread"]);
    commands.concern = en(&["creepy"]);
    let matcher = Matcher::new(&facts, &commands, &["en".into(), "es".into()]);
    let answered = |own: &str| {
        let text = MentionText { own: own.to_owned(), quoted: String::new() };
        !matcher.read(&text, None).matches.is_empty()
    };
    for text in [
        "does palantir know about this?",
        "palantir helps police surveillance",
        "that palantir gizmo is creepy",
        "does google help palantir and amazon?",
    ] {
        assert!(answered(text), "{text}");
    }
    for text in [
        "my palantir onboarding commences monday",
        "does kubectl reach palantir clusters?",
        "thanks for the thread about palantir and the police",
        "does google share video footage with police?",
    ] {
        assert!(!answered(text), "{text}");
    }
}

/// Nothing is named, and yet it is clear what is asked.
#[test]
fn ideas_together_ask_for_a_fact_where_nothing_names_it() {
    let (mut facts, mut commands) = books();
    let idea = |name: &str, words: &[&str]| (name.to_owned(), list(words));
    facts.ideas = BTreeMap::from([
        idea("asking", &["i wonder"]),
        idea("door", &["door", "porch"]),
        idea("films", &["film", "clip", "on camera"]),
        idea("officers", &["officer", "chota"]),
    ]);
    for fact in facts.facts.iter_mut().filter(|fact| fact.id.as_str() == "ring-footage") {
        fact.asked = list(&["door films officers"]);
    }
    commands.ordinary = ByLang::from([(Lang::from("en"), list(&["what", "with", "that", "have"]))]);
    let matcher = Matcher::new(&facts, &commands, &["en".into(), "es".into()]);
    let answered = |own: &str| {
        let text = MentionText { own: own.to_owned(), quoted: String::new() };
        matcher.read(&text, None).matches.first().map(|found| found.fact.as_str().to_owned())
    };
    for text in [
        "can officers have what my door films?",
        "the chota had a clip of my porch, i wonder how",
        "can that oficer have a clip of my porch?",
        "does the officer see people at my door on camera?",
    ] {
        assert_eq!(answered(text).as_deref(), Some("ring-footage"), "{text}");
    }
    for text in [
        "an officer filmed at my door",
        "does the officer have a door?",
        "not about the officer: does my door film?",
        "my porch, a clip, an officer, my cat: lol",
    ] {
        assert_eq!(answered(text), None, "{text}");
    }
}

/// The small campaign with examples: three dozen ways to ask about two topics, and as much talk.
fn taught(more: &[(Label, &str)]) -> Matcher {
    let (facts, commands) = books();
    let about = |topic: &str| Label::Question { topics: vec![topic.into()], lang: None, facts: Vec::new() };
    let mut examples = Vec::new();
    for place in ["home", "the corner", "our block", "work", "the church", "school", "the depot", "town", "the clinic"]
    {
        for start in [
            "who gets the tape from the porch near",
            "can officers watch the entrance at",
            "does the bell film kids around",
        ] {
            examples.push(Example { text: format!("{start} {place}"), label: about("ring") });
        }
        for start in [
            "who writes the lists for raids at",
            "what does the list of names do at",
            "which program plans arrests around",
        ] {
            examples.push(Example { text: format!("{start} {place}"), label: about("palantir") });
        }
        for start in [
            "lovely walk to",
            "we had soup at",
            "lost my hat near",
            "band plays at",
            "traffic is bad by",
            "rain again over",
            "my cat fled to",
            "the cake from",
            "a goal at",
        ] {
            examples.push(Example { text: format!("{start} {place}"), label: Label::Silence });
        }
        examples.push(Example { text: format!("who films the line at {place}"), label: about("ring") });
    }
    for number in ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"] {
        for (label, text) in [
            (about("ring"), "who keeps the tape of door"),
            (about("palantir"), "who plans raid"),
            (Label::Silence, "bus"),
        ] {
            examples.push(Example { text: format!("{text} {number}"), label: label.clone() });
            examples.push(Example { text: format!("{text} number {number} today"), label });
        }
    }
    examples.extend(more.iter().map(|(label, text)| Example { text: (*text).to_owned(), label: label.clone() }));
    Matcher::new(&facts, &commands, &[Lang::from("en"), Lang::from("es")]).taught(&facts, &examples.into(), None)
}

fn own(text: &str) -> MentionText {
    MentionText { own: text.to_owned(), ..MentionText::default() }
}

#[test]
fn what_no_keyword_knows_is_understood_by_examples() {
    let matcher = taught(&[]);
    let seen = matcher.read(&own("so who keeps the tape of our porch"), None);
    assert!(seen.by_example, "{seen:?}");
    assert_eq!(seen.matches.first().map(|found| found.topic.as_str()), Some("ring"));
    assert!(
        seen.matches.iter().all(|found| found.fact.as_str() != "ring-1600"),
        "replaced facts stay silent: {seen:?}"
    );
    assert_eq!(matcher.read(&own("we had soup near the bus today"), None).matches, []);
    // Keywords say what they say without examples.
    let seen = matcher.read(&own("what does palantir do"), None);
    assert!(!seen.by_example, "{seen:?}");
    assert_eq!(seen.matches.first().map(|found| found.topic.as_str()), Some("palantir"));
}

#[test]
fn an_example_counts_word_for_word() {
    let label = Label::Question { topics: vec!["palantir".into()], lang: Some(Lang::from("es")), facts: Vec::new() };
    let matcher = taught(&[
        (label, "¿Y el bus de las siete?"),
        (Label::Silence, "what does palantir do"),
        (Label::NoCommand, "Stop"),
        (Label::Command(Command::Stop), "bus seven, once more"),
    ]);
    let seen = matcher.read(&own("y el BUS de las siete?"), None);
    assert_eq!(seen.matches.first().map(|found| found.topic.as_str()), Some("palantir"));
    assert_eq!(seen.lang, Lang::from("es"));
    assert_eq!(matcher.read(&own("What does Palantir do"), None).matches, []);
    assert_eq!(matcher.read(&own("stop!"), None).command, None);
    assert_eq!(matcher.read(&own("please stop"), None).command, Some(Command::Stop));
    assert_eq!(matcher.read(&own("bus seven - once more"), None).command, Some(Command::Stop));
    // Signs make it another text: who laughs does not ask.
    let matcher = taught(&[(Label::Silence, "what does palantir do 😂")]);
    assert_ne!(matcher.read(&own("what does palantir do"), None).matches, []);
    assert_eq!(matcher.read(&own("what does Palantir do… 😂"), None).matches, []);
}

#[test]
fn the_same_examples_are_learned_once() {
    let (facts, commands) = books();
    let examples = Arc::from([Example { text: "a".to_owned(), label: Label::Silence }]);
    let other = Arc::from([Example { text: "b".to_owned(), label: Label::Silence }]);
    let first = Matcher::new(&facts, &commands, &[]).taught(&facts, &examples, None);
    let again = Matcher::new(&facts, &commands, &[]).taught(&facts, &examples, Some(&first));
    let changed = Matcher::new(&facts, &commands, &[]).taught(&facts, &other, Some(&first));
    let lesson = |matcher: &Matcher| matcher.taught.as_ref().map(Arc::as_ptr);
    assert_eq!(lesson(&again), lesson(&first));
    assert_ne!(lesson(&changed), lesson(&first));
}
