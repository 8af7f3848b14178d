//! Replies as followers read them.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::*;
use crate::core::fact::{AsOf, Link};
use crate::core::ids::{FactId, LinkId, TopicId};

const TEMPLATE: &str = "{fact} ({source}, {as_of}) {link} {hashtags}";

fn by_lang(texts: &[(&str, &str)]) -> ByLang<String> {
    texts.iter().map(|(lang, text)| (Lang::from(*lang), (*text).to_owned())).collect()
}

fn fact() -> Fact {
    Fact {
        id: FactId::from("ring-partnerships"),
        topic: TopicId::from("ring"),
        keywords: Vec::new(),
        topical: Vec::new(),
        weak: Vec::new(),
        beside: Vec::new(),
        asked: Vec::new(),
        text: by_lang(&[("en", "More than 2,000 police departments."), ("es", "Más de 2.000 departamentos.")]),
        short: by_lang(&[("en", "2,000 departments.")]),
        variants: BTreeMap::from([(Lang::from("en"), vec!["A second wording.".to_owned(), "Third.".to_owned()])]),
        source: SourceId::from("release"),
        as_of: AsOf::Day(NaiveDate::from_ymd_opt(2022, 7, 18).unwrap()),
        review_by: None,
        supersedes: None,
        link: LinkId::from("pledge"),
    }
}

fn book() -> FactBook {
    let source = |publisher: Option<&str>, title: &[(&str, &str)], date, url: Option<&str>| Source {
        title: by_lang(title),
        publisher: publisher.map(str::to_owned),
        date,
        url: url.map(str::to_owned),
    };
    let release = source(
        Some("MediaJustice"),
        &[("en", "press release"), ("es", "comunicado de MediaJustice")],
        AsOf::Month(2022, 7),
        Some("https://media.example/release"),
    );
    let page = source(None, &[("en", "pledge page")], AsOf::Year(2021), None);
    FactBook {
        facts: vec![fact()],
        sources: BTreeMap::from([(SourceId::from("release"), release), (SourceId::from("page"), page)]),
        links: BTreeMap::from([(
            LinkId::from("pledge"),
            Link {
                url: by_lang(&[("en", "https://pledge.example/"), ("es", "https://pledge.example/es")]),
                label: by_lang(&[("en", "Sign the pledge"), ("es", "Firma el compromiso")]),
            },
        )]),
        company: Vec::new(),
        target: Vec::new(),
        elsewhere: Vec::new(),
        others: Vec::new(),
        ideas: BTreeMap::new(),
    }
}

/// One question: who asks, in which language, and what the server and the fact make of it.
struct Case {
    lang: &'static str,
    wording: usize,
    asker: &'static str,
    template: &'static str,
    warning: Warning<'static>,
    rules: TextRules,
    fact: Fact,
}

fn case() -> Case {
    Case {
        lang: "en",
        wording: 0,
        asker: "ana@social.example",
        template: TEMPLATE,
        warning: Warning::none(),
        rules: TextRules::careful(5_000),
        fact: fact(),
    }
}

fn limit(max_characters: usize) -> Case {
    Case { rules: TextRules::careful(max_characters), ..case() }
}

fn warned(words: &'static str, place: WarningPlace) -> Case {
    Case { warning: Warning { words: Some(words), place }, ..case() }
}

fn answer(case: &Case) -> Result<Reply, DoesNotFit> {
    let hashtags = ["#EyesOnAmazon".to_owned(), "#PrimeTime".to_owned()];
    let reply = reply(&ReplyParts {
        template: case.template,
        fact: &case.fact,
        book: &book(),
        lang: &Lang::from(case.lang),
        default_lang: &Lang::from("en"),
        wording: case.wording,
        asker: case.asker,
        hashtags: &hashtags,
        warning: case.warning,
        rules: &case.rules,
    })?;
    assert!(count(&reply.text, reply.cw.as_deref(), &case.rules) <= case.rules.max_characters, "{}", reply.text);
    Ok(reply)
}

#[track_caller]
fn check(case: &Case, text: &str, shortened: &[Shortening]) {
    let reply = answer(case).unwrap();
    assert_eq!(reply.text, text);
    assert_eq!(reply.shortened, shortened, "{text}");
}

#[test]
fn a_reply_names_the_asker_and_carries_fact_source_date_and_link() {
    check(
        &case(),
        "@ana@social.example More than 2,000 police departments. (MediaJustice, press release, 18 July 2022) Sign the pledge: https://pledge.example/ #EyesOnAmazon #PrimeTime",
        &[],
    );
}

#[test]
fn the_language_of_the_reply_decides_every_word_of_it() {
    let spanish = "@ana@social.example Más de 2.000 departamentos. (comunicado de MediaJustice, 18 de julio de 2022) Firma el compromiso: https://pledge.example/es #EyesOnAmazon #PrimeTime";
    check(&Case { lang: "es", ..case() }, spanish, &[]);
    check(&Case { lang: "es-MX", ..case() }, spanish, &[]);
    let french = answer(&Case { lang: "fr", ..case() }).unwrap();
    assert_eq!(french, answer(&case()).unwrap());
    assert_eq!(french.lang, Lang::from("en"));
}

#[test]
fn wordings_are_used_in_turn_and_count_round() {
    for (wording, used, start) in
        [(0, 0, "More"), (1, 1, "A second"), (2, 2, "Third"), (3, 0, "More"), (7, 1, "A second")]
    {
        let reply = answer(&Case { wording, ..case() }).unwrap();
        assert_eq!(reply.wording_used, used);
        assert!(reply.text.starts_with(&format!("@ana@social.example {start}")), "{}", reply.text);
    }
    // Spanish has one wording only.
    assert_eq!(answer(&Case { lang: "es", wording: 5, ..case() }).unwrap().wording_used, 0);
}

#[test]
fn what_is_too_long_loses_hashtags_then_label_then_takes_the_short_text() {
    let long = "@ana@social.example More than 2,000 police departments. (MediaJustice, press release, 18 July 2022) ";
    let short =
        "@ana@social.example 2,000 departments. (MediaJustice, press release, 18 July 2022) https://pledge.example/";
    check(&limit(163), &format!("{long}Sign the pledge: https://pledge.example/"), &[Shortening::Hashtags]);
    check(&limit(139), &format!("{long}https://pledge.example/"), &[Shortening::Hashtags, Shortening::Label]);
    check(&limit(120), short, &[Shortening::Hashtags, Shortening::Label, Shortening::Short]);
    let needed = short.chars().count();
    check(&limit(needed), short, &[Shortening::Hashtags, Shortening::Label, Shortening::Short]);
    let third = "@ana@social.example Third. (MediaJustice, press release, 18 July 2022) https://pledge.example/";
    check(&limit(needed - 1), third, &[Shortening::Hashtags, Shortening::Label, Shortening::OtherWording]);
    assert_eq!(answer(&limit(needed - 1)).unwrap().wording_used, 2);
    let shortest = third.chars().count();
    assert_eq!(answer(&limit(shortest - 1)), Err(DoesNotFit { needed: shortest, limit: shortest - 1 }));
}

#[test]
fn source_date_and_link_are_never_dropped() {
    for max_characters in 0..220 {
        if let Ok(reply) = answer(&limit(max_characters)) {
            for must in
                ["MediaJustice, press release", "18 July 2022", "https://pledge.example/", "@ana@social.example "]
            {
                assert!(reply.text.contains(must), "{max_characters}: {}", reply.text);
            }
        }
    }
}

#[test]
fn the_content_warning_is_kept_in_its_field_or_as_the_first_line() {
    let reply = answer(&warned("policing, @everyone", WarningPlace::Field)).unwrap();
    assert_eq!(reply.cw.as_deref(), Some("policing, @everyone"));
    assert!(reply.text.starts_with("@ana@social.example More"));
    let reply = answer(&warned("policing", WarningPlace::FirstLine)).unwrap();
    assert_eq!(reply.cw, None);
    assert!(reply.text.starts_with("policing\n\n@ana@social.example More"), "{}", reply.text);
    assert_eq!(answer(&warned("  ", WarningPlace::Field)).unwrap().cw, None);
}

#[test]
fn a_strangers_warning_in_the_text_names_nobody_tags_nothing_and_links_nowhere() {
    let reply =
        answer(&warned("Hey @eve@evil.example\n\nsee https://evil.example #buy ＠x", WarningPlace::FirstLine)).unwrap();
    assert!(reply.text.starts_with("Hey eveevil.example see https evil.example buy x\n\n@ana"), "{}", reply.text);
    assert_eq!(answer(&warned("@#", WarningPlace::FirstLine)).unwrap().text, answer(&case()).unwrap().text);
}

#[test]
fn a_very_long_warning_is_cut_rather_than_the_answer_lost() {
    let words: &'static str = "a warning that goes on and on and on and on and on and on and on and on and on and on";
    for place in [WarningPlace::Field, WarningPlace::FirstLine] {
        let reply = answer(&Case { rules: TextRules::careful(140), ..warned(words, place) }).unwrap();
        assert!(reply.shortened.contains(&Shortening::Warning));
        let kept = reply.cw.unwrap_or(reply.text);
        assert!(kept.starts_with("a warning that") && kept.contains('…'), "{kept}");
    }
    let tight = Case { rules: TextRules::careful(96), ..warned(words, WarningPlace::Field) };
    assert!(answer(&tight).is_err());
}

#[test]
fn an_asker_cannot_make_us_name_a_third() {
    for (asker, start) in [
        ("ana", "@ana More"),
        ("@ana", "@ana More"),
        ("ana@127.0.0.1:8080", "@ana@127.0.0.1:8080 More"),
        ("ana @eve", "@ana More"),
        ("ana@host@eve", "@ana@host More"),
        ("ana\n@eve", "@ana More"),
    ] {
        let reply = answer(&Case { asker, ..case() }).unwrap();
        assert!(reply.text.starts_with(start), "{}", reply.text);
    }
}

#[test]
fn braces_in_a_fact_stay_braces_and_empty_slots_leave_no_trace() {
    let braces = Fact { text: by_lang(&[("en", "Use {link} and {fact}  twice.")]), ..fact() };
    let reply = answer(&Case { fact: braces, template: "{fact} {link}", ..case() }).unwrap();
    assert_eq!(
        reply.text,
        "@ana@social.example Use {link} and {fact}  twice. Sign the pledge: https://pledge.example/"
    );
    for (template, filled) in [
        ("{a} {none} {b}", "A B"),
        ("{none} {b}", "B"),
        ("{a} {none}", "A"),
        ("{a}\n{none}\n{b}", "A\nB"),
        ("{a}\n\n{b}{none}", "A\n\nB"),
        ("{a} {none} {none} {b}", "A B"),
        ("{a} ({none}) {b}", "A () B"),
        ("{a}  x {other} {A} {", "A  x {other} {A} {"),
        ("", ""),
    ] {
        assert_eq!(fill(template, &[("a", "A"), ("b", "B"), ("none", "")]), filled, "{template}");
    }
}

#[test]
fn a_template_shows_fact_source_date_and_link_or_is_refused() {
    assert_eq!(check_template(TEMPLATE), Ok(()));
    assert_eq!(check_template("{fact}\n{source}, {as_of}\n{link}"), Ok(()));
    for (template, about) in [
        ("", "{fact}"),
        ("{fact} ({source}, {as_of}) {hashtags}", "{link}"),
        ("{fact} ({source}) {link}", "{as_of}"),
        ("{fact} ({source}, {as_of}) {link} {tags}", "{tags}"),
        ("{fact} ({source}, {as_of}) {link} {fact}", "twice"),
        ("{fact} ({source}, {as_of}) {link} {hashtags", "brace"),
        ("{fact} ({source}, {as_of}) {link} }", "brace"),
        ("{Fact} ({source}, {as_of}) {link}", "brace"),
        ("{fact} ({source}, {as_of}) {link} via @eyes", "@"),
    ] {
        let problem = check_template(template).expect_err(template);
        assert!(problem.contains(about), "{template}: {problem}");
        assert!(!problem.contains('\n'), "{problem}");
    }
}

#[test]
fn a_sentence_of_the_bot_goes_to_the_asker_alone() {
    let (lang, rules) = (Lang::from("en"), TextRules::mastodon());
    let reply = sentence("ana", " You will not hear from us again. ", &lang, Warning::none(), &rules).unwrap();
    assert_eq!(reply.text, "@ana You will not hear from us again.");
    let long = "x".repeat(500);
    assert_eq!(sentence("ana", &long, &lang, Warning::none(), &rules), Err(DoesNotFit { needed: 505, limit: 500 }));
}

#[test]
fn sources_are_named_once_with_date_and_address_as_many_as_fit() {
    let from_page = Fact { source: SourceId::from("page"), ..fact() };
    let (one, two) = (fact(), fact());
    let facts = [&one, &from_page, &two];
    let ask = |lang: &str, max_characters: usize| {
        sources_reply(
            "ana",
            "Our sources:",
            &facts,
            &book(),
            &Lang::from(lang),
            &Lang::from("en"),
            Warning::none(),
            &TextRules::careful(max_characters),
        )
    };
    let all = ask("en", 500).unwrap();
    assert_eq!(
        all.text,
        "@ana Our sources:\nMediaJustice, press release (July 2022): https://media.example/release\npledge page (2021)"
    );
    assert_eq!(all.shortened, []);
    let spanish = ask("es", 500).unwrap();
    assert!(spanish.text.contains("comunicado de MediaJustice (julio de 2022): https://"), "{}", spanish.text);
    let first = ask("en", 100).unwrap();
    assert_eq!(first.text, "@ana Our sources:\nMediaJustice, press release (July 2022): https://media.example/release");
    assert_eq!(first.shortened, [Shortening::Sources]);
    let bare = ask("en", 80).unwrap();
    assert_eq!(bare.text, "@ana MediaJustice, press release (July 2022): https://media.example/release");
    assert!(ask("en", 60).is_err());
}
