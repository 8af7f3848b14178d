//! What is said and what is not, by example: one question about Ring, and what must change the answer.

use std::collections::BTreeMap;

use super::*;
use crate::core::fact::{AsOf, ByLang, Fact, Link, Source};
use crate::core::ids::{RemoteId, StatusId, StatusUri};
use crate::core::mention::{Asker, MayReply, MentionText};

fn now() -> DateTime<Utc> {
    "2026-11-27T13:00:00Z".parse().unwrap()
}

fn words(texts: &[&str]) -> ByLang<Vec<String>> {
    ByLang::from([(Lang::from("en"), texts.iter().map(|text| (*text).to_owned()).collect())])
}

fn en(text: &str) -> ByLang<String> {
    ByLang::from([(Lang::from("en"), text.to_owned())])
}

fn fact(id: &str, text: &str) -> Fact {
    Fact {
        id: id.into(),
        topic: "ring".into(),
        keywords: vec!["doorbell camera".to_owned()],
        topical: Vec::new(),
        weak: Vec::new(),
        beside: Vec::new(),
        asked: Vec::new(),
        text: en(text),
        short: ByLang::new(),
        variants: ByLang::new(),
        source: "page".into(),
        as_of: AsOf::Year(2021),
        review_by: None,
        supersedes: None,
        link: "pledge".into(),
    }
}

fn mind() -> Mind {
    let mut first = fact("ring-1", "Doorbell camera footage went to the police without a warrant.");
    first.variants = words(&["Second wording about footage.", "Third wording about footage."]);
    let facts = FactBook {
        facts: vec![first],
        sources: BTreeMap::from([(
            "page".into(),
            Source { title: en("pledge page"), publisher: Some("Us".to_owned()), date: AsOf::Year(2021), url: None },
        )]),
        links: BTreeMap::from([("pledge".into(), Link { url: en("https://p.example/"), label: en("Sign") })]),
        company: Vec::new(),
        target: Vec::new(),
        elsewhere: Vec::new(),
        others: Vec::new(),
        ideas: BTreeMap::new(),
    };
    let commands = CommandBook {
        phrases: BTreeMap::from([(Command::Stop, words(&["stop"])), (Command::Start, words(&["start"]))]),
        texts: BTreeMap::from([
            ("stop_confirmed".to_owned(), en("We are silent.")),
            ("start_confirmed".to_owned(), en("We answer again.")),
        ]),
        ..CommandBook::default()
    };
    let languages = vec![Lang::from("en")];
    Mind {
        matcher: Matcher::new(&facts, &commands, &languages),
        facts,
        commands,
        enabled: true,
        template: "{fact} ({source}, {as_of}) {link}".to_owned(),
        hashtags: Vec::new(),
        languages,
        max_age: Duration::hours(24),
        limits: ReplyLimits::default(),
    }
}

fn venue() -> Venue {
    Venue {
        rules: TextRules::mastodon(),
        keeps_cw: true,
        keeps_unlisted: true,
        allowance: 300,
        ours: Arc::new(HashSet::from(["https://s.example/@eyes".to_owned()])),
    }
}

fn says(text: &str) -> Mention {
    Mention {
        status: StatusId::new("7"),
        uri: StatusUri::new("u7"),
        created_at: now(),
        edited_at: None,
        asker: Asker {
            id: RemoteId::new("9"),
            url: "https://far.example/@ada".to_owned(),
            uri: None,
            acct: "ada@far.example".to_owned(),
            bot: false,
            nobot: false,
            limited: false,
            group: false,
        },
        text: MentionText { own: text.to_owned(), quoted: String::new() },
        lang: None,
        visibility: Some(Visibility::Public),
        cw: None,
        in_reply_to: None,
        in_reply_to_author: None,
        others_named: 0,
        carried_along: false,
        addressed: true,
        replies: MayReply::Yes,
        above: None,
    }
}

fn question() -> Mention {
    says("what is it about the doorbell camera?")
}

fn decided(mention: &Mention, past: &Past) -> Verdict {
    decide(&mind(), &venue(), mention, past, now(), now().date_naive())
}

fn check_silence(mention: &Mention, past: &Past, because: &str) {
    let verdict = decided(mention, past);
    assert!(verdict.reply.is_none(), "answered: {:?}", verdict.reply);
    assert!(verdict.reason.contains(because), "{because:?} is not in {:?}", verdict.reason);
}

#[test]
fn every_reason_for_silence_is_said() {
    let past = Past::default();
    assert!(decided(&question(), &past).reply.is_some());
    let changed = |change: fn(&mut Mention)| {
        let mut mention = question();
        change(&mut mention);
        mention
    };
    for (mention, because) in [
        (changed(|mention| mention.asker.url = "https://s.example/@eyes".to_owned()), "account of this campaign"),
        (changed(|mention| mention.asker.bot = true), "bot"),
        (changed(|mention| mention.asker.nobot = true), "#nobot"),
        (changed(|mention| mention.asker.limited = true), "limited"),
        (changed(|mention| mention.asker.group = true), "group"),
        (changed(|mention| mention.addressed = false), "does not name us"),
        (changed(|mention| mention.others_named = 5), "crowd"),
        (changed(|mention| mention.carried_along = true), "carried our name"),
        (changed(|mention| mention.created_at -= Duration::hours(25)), "max_age"),
        (changed(|mention| mention.replies = MayReply::No), "does not let us reply"),
        (changed(|mention| mention.replies = MayReply::AfterApproval), "approve every reply"),
        (says("nice weather"), "no keyword"),
    ] {
        check_silence(&mention, &past, because);
    }
    for (past, because) in [
        (Past { opted_out: true, ..Past::default() }, "said stop"),
        (Past { answered_by: Some("vigila".into()), ..Past::default() }, "vigila"),
        (Past { listening_since: Some(now() + Duration::seconds(1)), ..Past::default() }, "before we listened"),
        (Past { parent: Parent::Gone, ..Past::default() }, "gone"),
        (Past { parent: Parent::AnsweredByUs, ..Past::default() }, "by hand"),
        (Past { last_answer: Some(now() - Duration::minutes(9)), ..Past::default() }, "per_person_every"),
        (Past { person_today: 3, ..Past::default() }, "per_person_per_day"),
        (Past { person_in_thread: 2, ..Past::default() }, "per_thread_per_person"),
        (Past { in_thread: 5, ..Past::default() }, "per_thread"),
        (Past { account_last_hour: 60, ..Past::default() }, "per_account_per_hour"),
        (Past { account_last_window: 99, ..Past::default() }, "share_of_allowance"),
    ] {
        check_silence(&question(), &past, because);
    }
}

#[test]
fn only_limits_of_the_account_are_told_to_staff() {
    let spent = |past: Past| decided(&question(), &past).spent;
    assert_eq!(spent(Past { person_today: 3, ..Past::default() }), None);
    assert_eq!(spent(Past { account_last_hour: 60, ..Past::default() }), Some(SpentLimit::PerAccountPerHour));
    assert_eq!(spent(Past { account_last_window: 99, ..Past::default() }), Some(SpentLimit::ShareOfAllowance));
}

#[test]
fn replies_that_may_use_all_of_the_allowance_are_held_back_by_the_server_alone() {
    let past = Past { account_last_window: 5_000, ..Past::default() };
    for (share, answered) in [(Some(1.0), true), (None, true), (Some(0.99), false)] {
        let mut mind = mind();
        mind.limits.share_of_allowance = share;
        let verdict = decide(&mind, &venue(), &question(), &past, now(), now().date_naive());
        assert_eq!(verdict.reply.is_some(), answered, "{share:?}: {}", verdict.reason);
    }
}

#[test]
fn a_stop_is_obeyed_whatever_else_is_true() {
    let mut to_be_left_alone = says("stop");
    to_be_left_alone.replies = MayReply::No;
    for (mention, past, confirmed) in [
        (says("stop"), Past::default(), true),
        (says("stop"), Past { account_last_hour: 60, person_today: 9, ..Past::default() }, true),
        (says("stop"), Past { opted_out: true, ..Past::default() }, false),
        (says("stop"), Past { parent: Parent::Gone, ..Past::default() }, false),
        (to_be_left_alone, Past::default(), false),
    ] {
        let verdict = decided(&mention, &past);
        assert_eq!(verdict.consent, Some(Consent::Withdrawn), "{past:?}");
        assert_eq!(verdict.reply.is_some(), confirmed, "{past:?}");
    }
}

#[test]
fn a_crowd_that_says_stop_leaves_room_for_posts() {
    let check = |words: &str, mut past: Past, share: Option<f64>, window: u32, confirmed: bool| {
        let mut mind = mind();
        mind.limits.share_of_allowance = share;
        past.account_last_window = window;
        let verdict = decide(&mind, &venue(), &says(words), &past, now(), now().date_naive());
        assert!(verdict.consent.is_some(), "{words} {window}");
        assert_eq!(verdict.reply.is_some(), confirmed, "{words} {window}: {}", verdict.reason);
        assert_eq!(verdict.spent.is_none(), confirmed, "staff are told");
        assert!(confirmed || mind.limits.counted_to(300) >= window.min(200), "counted as far as it matters");
    };
    let stopped = || Past { opted_out: true, stop_is_their_own: true, ..Past::default() };
    check("stop", Past::default(), Some(0.33), 199, true);
    check("stop", Past::default(), Some(0.33), 200, false);
    check("start", stopped(), Some(0.33), 199, true);
    check("start", stopped(), Some(0.33), 200, false);
    check("stop", Past::default(), None, 299, true);
}

#[test]
fn two_machines_do_not_talk_even_without_limits() {
    let said = "@ada Doorbell camera footage went to the police without a warrant. (Us, pledge page, 2021) Sign: https://p.example/";
    let below = || Some(Below { said: said.to_owned(), ..Below::default() });
    let mut mind = mind();
    mind.limits = ReplyLimits {
        per_person_every: None,
        per_person_per_day: None,
        per_thread_per_person: None,
        per_thread: None,
        per_account_per_hour: None,
        share_of_allowance: None,
    };
    let answered = |text: &str, past: Past| {
        let verdict = decide(&mind, &venue(), &says(text), &past, now(), now().date_naive());
        verdict.reply.map(|_| ()).ok_or(verdict.reason)
    };
    let question = "what is it about the doorbell camera?";
    assert_eq!(answered(question, Past { below: below(), ..Past::default() }), Ok(()));
    // An echo.
    let echo = "You said: Doorbell camera footage went to the police without a warrant. (Us, pledge page, 2021)";
    assert!(answered(echo, Past { below: below(), ..Past::default() }).unwrap_err().contains("echo"));
    // A person may take up some of our words.
    let person = "the police without a warrant? from my own doorbell camera? who decided that, and when did it begin?";
    assert_eq!(answered(person, Past { below: below(), ..Past::default() }), Ok(()));
    // The same words again, once they were answered twice.
    let twice = vec![question.to_owned(), question.to_uppercase()];
    let past = Past { below: below(), answered_words: twice.clone(), ..Past::default() };
    assert!(answered(question, past).unwrap_err().contains("very same words"));
    assert_eq!(answered(question, Past { answered_words: twice, ..Past::default() }), Ok(()), "a thread of its own");
    // Other words each time, faster than anybody reads.
    let past = Past { below: below(), person_in_thread: 4, person_in_thread_last_minute: 4, ..Past::default() };
    assert!(answered(question, past).unwrap_err().contains("machine"));
    let slow = Past { below: below(), person_in_thread: 40, person_in_thread_last_minute: 3, ..Past::default() };
    assert_eq!(answered(question, slow), Ok(()), "unlimited means it");
}

#[test]
fn wordings_take_turns_and_nobody_hears_the_same_twice_in_a_row() {
    let text = |past: Past| decided(&question(), &past).reply.unwrap().text;
    let first = text(Past::default());
    let second = text(Past { last_wording: Some(0), ..Past::default() });
    let third = text(Past { last_wording: Some(1), ..Past::default() });
    assert!(first != second && second != third && first != third, "{first} {second} {third}");
    assert_eq!(text(Past { last_wording: Some(2), ..Past::default() }), first);
    for turn in 0..4 {
        let id = FactId::from("ring-1");
        let heard = Past {
            heard: HashSet::from([id.clone()]),
            wordings: HashMap::from([(id, 0)]),
            last_wording: Some(turn),
            ..Past::default()
        };
        assert_eq!(text(heard), second, "whoever heard the first hears the second");
    }
}

#[test]
fn a_mention_over_a_minute_old_is_looked_at_again_before_it_is_answered() {
    let aged = |seconds| {
        let mut mention = question();
        mention.created_at = now() - Duration::seconds(seconds);
        mention
    };
    assert!(!decided(&aged(60), &Past::default()).look_first);
    assert!(decided(&aged(61), &Past::default()).look_first);
    for parent in [Parent::Stands, Parent::Unseen, Parent::Gone] {
        assert!(!decided(&aged(61), &Past { parent, ..Past::default() }).look_first);
    }
    let mut quiet = aged(61);
    quiet.asker.bot = true;
    assert!(!decided(&quiet, &Past::default()).look_first, "silence costs no request");
}

#[test]
fn the_warning_of_a_private_mention_is_said_and_not_stored() {
    let warned = |visibility| Mention { visibility, cw: Some("my secret".to_owned()), ..question() };
    for visibility in [Some(Visibility::Private), Some(Visibility::Direct), None] {
        for keeps_cw in [true, false] {
            let venue = Venue { keeps_cw, ..venue() };
            let mention = warned(visibility);
            let verdict = decide(&mind(), &venue, &mention, &Past::default(), now(), now().date_naive());
            let (said, kept) = (verdict.reply.unwrap(), verdict.kept.unwrap());
            let shown = |payload: &Payload| format!("{:?} {}", payload.cw, payload.text);
            assert!(shown(&said).contains("my secret"), "{}", shown(&said));
            assert!(!shown(&kept).contains("secret"), "{}", shown(&kept));
            assert!(kept.text.starts_with("@ada@far.example "), "{}", kept.text);
        }
    }
    for visibility in [Some(Visibility::Public), Some(Visibility::Unlisted)] {
        assert!(decided(&warned(visibility), &Past::default()).kept.is_none());
    }
}

#[test]
fn a_fact_due_for_review_or_replaced_is_not_said() {
    let mut mind = mind();
    mind.facts.facts[0].review_by = Some(now().date_naive());
    let verdict = decide(&mind, &venue(), &question(), &Past::default(), now(), now().date_naive());
    assert!(verdict.reply.is_none() && verdict.reason.contains("review_by"), "{}", verdict.reason);
    let day_before = now().date_naive().pred_opt().unwrap();
    assert!(decide(&mind, &venue(), &question(), &Past::default(), now(), day_before).reply.is_some());
}

/// Three facts: two of one topic, one of another.
fn two_topics() -> Mind {
    let mut mind = mind();
    let of = |id: &str, topic: &str, keyword: &str| Fact {
        topic: topic.into(),
        keywords: vec![keyword.to_owned()],
        ..fact(id, &format!("What {id} says."))
    };
    mind.facts.facts = vec![
        of("ring-1", "ring", "doorbell camera"),
        of("ring-2", "ring", "porch"),
        of("nimbus-1", "israel", "nimbus"),
        of("hart-1", "migrants", "hart"),
    ];
    mind.commands.phrases.insert(Command::More, words(&["more"]));
    mind.commands.texts.insert("more_none".to_owned(), en("That is all."));
    mind.matcher = Matcher::new(&mind.facts, &mind.commands, &mind.languages);
    mind
}

#[test]
fn more_gives_the_next_topic_that_was_named_then_another_fact_within_the_last() {
    let mind = two_topics();
    let verdict = |text: &str, past: &Past| decide(&mind, &venue(), &says(text), past, now(), now().date_naive());
    let id = |id: &str| FactId::from(id);
    let first = verdict("nimbus, hart, and a doorbell camera?", &Past::default());
    assert_eq!(first.facts, [id("ring-1")], "the most specific first");
    assert_eq!(first.also.len(), 2, "{:?}", first.also);
    let mut past = Past::default();
    let mut told = first;
    let mut heard = Vec::new();
    for _ in 0..3 {
        heard.extend(told.facts.clone());
        past.heard.extend(told.facts.clone());
        past.last_topic = told.topic.clone();
        past.last_facts = told.facts.clone();
        past.last_also = told.also.clone();
        told = verdict("more", &past);
    }
    assert_eq!(told.reply.unwrap().text, "@ada@far.example That is all.");
    assert_eq!(heard[0], id("ring-1"));
    assert_eq!(HashSet::from([heard[1].clone(), heard[2].clone()]), HashSet::from([id("nimbus-1"), id("hart-1")]));
    // Below our own answer its own list counts, not that of the latest one.
    let below = Below { topic: Some("israel".into()), also: vec![id("ring-2")], ..Below::default() };
    let past = Past { below: Some(below), last_also: vec![id("hart-1")], ..Past::default() };
    assert_eq!(verdict("more", &past).facts, [id("ring-2")]);
    // What was heard meanwhile is passed over.
    let past = Past {
        heard: HashSet::from([id("hart-1")]),
        last_topic: Some("israel".into()),
        last_also: vec![id("hart-1"), id("ring-1")],
        ..Past::default()
    };
    assert_eq!(verdict("more", &past).facts, [id("ring-1")]);
}

#[test]
fn who_has_heard_everything_hears_again_what_they_heard_longest_ago() {
    let mut mind = mind();
    let mut more = fact("ring-2", "The doorbell camera company works with police.");
    more.variants.clear();
    mind.facts.facts.push(more);
    mind.matcher = Matcher::new(&mind.facts, &mind.commands, &mind.languages);
    let [one, other] = ["ring-1", "ring-2"].map(FactId::from);
    for lately in [[one.clone(), other.clone()], [other, one]] {
        let past = Past { heard: lately.iter().cloned().collect(), heard_lately: lately.to_vec(), ..Past::default() };
        let verdict = decide(&mind, &venue(), &question(), &past, now(), now().date_naive());
        assert_eq!(verdict.facts, [lately[1].clone()], "{lately:?}");
    }
}
