//! Mentions with their decisions: once each, within limits however many come at once, and never against a stop.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use watchpost::core::command::Command;
use watchpost::core::decision::{Consent, Past, SpentLimit, Verdict};
use watchpost::core::delivery::{Armed, State};
use watchpost::core::ids::{AccountName, FactId, Lang, RemoteId, StatusId, StatusUri, TopicId};
use watchpost::core::mention::{Asker, MayReply, Mention, MentionText};
use watchpost::core::post::Visibility;
use watchpost::store::Store;
use watchpost::store::mentions::{Decide, Recorded, Sending};
use watchpost::store::sending::{Ending, Turn};

use crate::base::{Base, accounts, ears, eyes, now, receipt, says, seconds};

on_both!(
    a_mention_is_decided_once,
    a_reply_that_must_wait_is_sent_in_its_turn,
    what_was_said_before_is_known_to_the_decision,
    a_limit_holds_against_many_at_once,
    one_status_is_answered_by_one_account,
    one_status_under_another_address_is_the_same_mention,
    one_status_that_two_servers_show_under_two_addresses_is_answered_once,
    stop_cancels_what_is_not_armed_and_start_undoes_it,
    a_start_is_believed_of_nobody_who_shares_one_name_with_the_one_who_stopped,
    texts_of_directs_are_never_stored_and_others_go_after_a_week,
    what_was_purged_is_in_no_file_of_the_database,
    an_endless_uri_is_one_mention_too,
    a_thread_is_one_over_accounts_of_a_server,
    what_must_be_looked_at_first_is_not_written_yet,
    what_is_withheld_stays_out_of_the_row_also_when_it_is_armed_again,
    a_spent_limit_is_one_notice_for_a_day,
    hashes_of_people_go_after_ninety_days_and_stops_stay,
);

pub(crate) fn mention(uri: &str) -> Mention {
    Mention {
        status: StatusId::new(format!("s-{}-{}", uri.len(), uri.chars().take(60).collect::<String>())),
        uri: StatusUri::new(uri),
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
        text: MentionText { own: "what about ring?".to_owned(), quoted: String::new() },
        lang: Some(Lang::new("en")),
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

fn silent(reason: &str) -> Verdict {
    Verdict {
        command: None,
        topic: None,
        facts: Vec::new(),
        also: Vec::new(),
        lang: Lang::new("en"),
        reply: None,
        kept: None,
        wording: 0,
        spent: None,
        look_first: false,
        answer_until: now() + seconds(3600),
        consent: None,
        reason: reason.to_owned(),
    }
}

fn answer(text: &str) -> Verdict {
    Verdict {
        topic: Some(TopicId::new("ring")),
        facts: vec![FactId::new("ring-2000")],
        reply: Some(says(text)),
        ..silent("ring")
    }
}

/// Higher than any count in these tests.
const COUNTED: u32 = 1_000;

pub(crate) fn always() -> Decide {
    Decide::new(COUNTED, |_, _| answer("2,000 partnerships"))
}

pub(crate) async fn record(
    store: &Store,
    account: &AccountName,
    mention: Mention,
    decide: Decide,
    sending: Sending,
    at: DateTime<Utc>,
) -> Recorded {
    store.record_mention(account, Arc::new(mention), decide, sending, at, Duration::ZERO).await.unwrap()
}

async fn hear(store: &Store, uri: &str, decide: Decide) -> Recorded {
    record(store, &eyes(), mention(uri), decide, Sending::AtOnce, now()).await
}

fn armed(recorded: Recorded) -> Armed {
    match recorded {
        Recorded::Decided { armed: Some(armed), .. } => *armed,
        other @ (Recorded::Known | Recorded::LookFirst | Recorded::Decided { .. }) => panic!("not armed: {other:?}"),
    }
}

/// Decides by what happened before, and says what it was.
async fn past(store: &Store, account: &AccountName, mention: Mention, at: DateTime<Utc>) -> Past {
    let (tell, told) = std::sync::mpsc::channel();
    let decide = Decide::new(COUNTED, move |_, past| {
        tell.send(past.clone()).unwrap();
        silent("asked only")
    });
    record(store, account, mention, decide, Sending::AtOnce, at).await;
    told.try_iter().last().unwrap()
}

async fn a_mention_is_decided_once(base: &Base) {
    let store = base.daemon().await;
    let first = armed(hear(&store, "u", always()).await);
    assert_eq!((first.attempt, first.payload.text.as_str()), (1, "2,000 partnerships"));
    assert!(matches!(hear(&store, "u", always()).await, Recorded::Known));
    assert_eq!(store.known_mentions(&eyes(), &["u"]).await.unwrap(), [true]);
    assert_eq!(store.known_mentions(&ears(), &["u"]).await.unwrap(), [false]);
    // More than one statement asks for: each answer stands at its own place.
    let mut page: Vec<String> = (0..45).map(|n| format!("other-{n}")).collect();
    page[0] = "u".to_owned();
    page[44] = "u".to_owned();
    let page: Vec<&str> = page.iter().map(String::as_str).collect();
    let known = store.known_mentions(&eyes(), &page).await.unwrap();
    assert_eq!((known.len(), known[0], known[44]), (45, true, true));
    assert!(known[1..44].iter().all(|known| !known));
    assert!(store.known_mentions(&eyes(), &[]).await.unwrap().is_empty());
    let heard = store.heard(10).await.unwrap();
    assert_eq!(heard.len(), 1);
    assert_eq!(
        (heard[0].decision.as_str(), heard[0].topic.as_str(), heard[0].fact.as_str()),
        ("answer", "ring", "ring-2000")
    );
    assert_eq!(heard[0].delivery, Some(first.id));
    let row = store.delivery(first.id).await.unwrap().unwrap();
    assert_eq!((row.state, row.fence), (State::Armed, first.fence));
    assert!(store.record(first.id, first.fence, Ending::Sent(receipt("5")), None, now()).await.unwrap());
}

async fn a_reply_that_must_wait_is_sent_in_its_turn(base: &Base) {
    let store = base.daemon().await;
    let recorded = record(&store, &eyes(), mention("u"), always(), Sending::InTurn, now()).await;
    assert!(matches!(recorded, Recorded::Decided { armed: None, .. }));
    assert!(store.claim_due(&eyes(), Turn::Posts, now()).await.unwrap().is_none());
    let claimed = store.claim_due(&eyes(), Turn::Replies, now()).await.unwrap().unwrap();
    assert_eq!(claimed.delivery.payload.text, "2,000 partnerships");
    // The limit of answering late stands in the row.
    assert_eq!(claimed.delivery.expires_at, Some(now() + seconds(3600)));
}

async fn what_was_said_before_is_known_to_the_decision(base: &Base) {
    let store = base.daemon().await;
    store.listen_since(&eyes(), now() - seconds(60)).await.unwrap();
    let first = armed(hear(&store, "u", always()).await);
    assert!(store.record(first.id, first.fence, Ending::Sent(receipt("500")), None, now()).await.unwrap());
    let below = Mention { in_reply_to: Some(StatusId::new("500")), ..mention("uu") };
    let past = past(&store, &eyes(), below, now() + seconds(30)).await;
    assert_eq!((past.person_today, past.person_in_thread, past.in_thread), (1, 1, 1));
    assert_eq!((past.account_last_hour, past.account_last_window), (1, 1));
    assert_eq!((past.last_answer, past.opted_out), (Some(now()), false));
    assert!(past.heard.contains(&FactId::new("ring-2000")));
    assert_eq!((past.last_topic.clone(), past.last_facts.len()), (Some(TopicId::new("ring")), 1));
    assert_eq!(past.below.unwrap().topic, Some(TopicId::new("ring")));
    assert_eq!(past.listening_since, Some(now() - seconds(60)));
    let tomorrow = now() + chrono::Duration::hours(25);
    let later = self::past(&store, &eyes(), mention("uuu"), tomorrow).await;
    assert_eq!((later.person_today, later.account_last_hour), (0, 0));
}

/// Three a day for one person, asked on two accounts by two daemons (on SQLite: two connections) at the same moment.
async fn a_limit_holds_against_many_at_once(base: &Base) {
    let store = base.daemon().await;
    let other = base.second().await;
    let limited: Decide =
        Decide::new(COUNTED, |_, past| if past.person_today < 3 { answer("a fact") } else { silent("limits spent") });
    let mut under_way = tokio::task::JoinSet::new();
    for n in 0..24 {
        let (line, account) = if n % 2 == 0 { (store.store.clone(), eyes()) } else { (other.clone(), ears()) };
        let decide = limited.clone();
        under_way.spawn(async move {
            record(&line, &account, mention(&format!("https://far.example/{n}")), decide, Sending::AtOnce, now()).await
        });
    }
    let mut answered = 0;
    while let Some(recorded) = under_way.join_next().await {
        let Recorded::Decided { verdict, .. } = recorded.unwrap() else { panic!("known?") };
        answered += usize::from(verdict.reply.is_some());
    }
    assert_eq!((answered, store.heard(100).await.unwrap().len()), (3, 24));
}

async fn one_status_is_answered_by_one_account(base: &Base) {
    let store = base.daemon().await;
    let other = base.second().await;
    let first = Decide::new(COUNTED, |_, past| match &past.answered_by {
        Some(_) => silent("already answered"),
        None => answer("a fact"),
    });
    let ask = |line: Store, account, decide| async move {
        let recorded = record(&line, &account, mention("u"), decide, Sending::AtOnce, now()).await;
        matches!(recorded, Recorded::Decided { verdict, .. } if verdict.reply.is_some())
    };
    let (a, b) =
        tokio::join!(ask(store.store.clone(), eyes(), first.clone()), ask(other.clone(), ears(), first.clone()));
    assert!(a ^ b);
}

async fn stop_cancels_what_is_not_armed_and_start_undoes_it(base: &Base) {
    let store = base.daemon().await;
    let waits = record(&store, &eyes(), mention("u"), always(), Sending::InTurn, now()).await;
    assert!(matches!(waits, Recorded::Decided { .. }));
    let on_its_way = armed(hear(&store, "uu", always()).await);
    let consent = |consent| -> Decide {
        Decide::new(COUNTED, move |_, _| Verdict {
            command: Some(if consent == Consent::Withdrawn { Command::Stop } else { Command::Start }),
            consent: Some(consent),
            ..answer("understood")
        })
    };
    let confirmed = armed(hear(&store, "uuu", consent(Consent::Withdrawn)).await);
    let states = |store: Store| async move {
        let mut all = store.newest_deliveries(10).await.unwrap();
        all.sort_by_key(|row| row.id);
        all.iter().map(|row| row.state).collect::<Vec<_>>()
    };
    assert_eq!(states(store.store.clone()).await, [State::Cancelled, State::Armed, State::Armed]);
    assert_eq!(store.opt_outs().await.unwrap().len(), 1);
    for address in ["https://far.example/@ada", "HTTP://Far.Example/@ADA/", "https://far.example/users/ada"] {
        assert!(store.has_opted_out(&store.secret().people_at(address)).await.unwrap(), "{address}");
    }
    assert!(!store.has_opted_out(&store.secret().people_at("https://far.example/@adam")).await.unwrap());
    assert!(past(&store, &ears(), mention("uuuu"), now()).await.opted_out);
    for reply in [on_its_way, confirmed] {
        let unknown = Ending::Unknown { reason: "time-out".to_owned() };
        assert!(store.record(reply.id, reply.fence, unknown, None, now()).await.unwrap());
    }
    let open = store.open_looks(&eyes(), now() + seconds(5), 10).await.unwrap();
    let unwanted: Vec<bool> = open.iter().map(|open| open.opted_out).collect();
    assert_eq!(unwanted, [true, false], "the answer is unwanted now, the confirmation of the stop is not");
    hear(&store, "uuuuu", consent(Consent::Given)).await;
    assert!(store.opt_outs().await.unwrap().is_empty());
}

async fn a_start_is_believed_of_nobody_who_shares_one_name_with_the_one_who_stopped(base: &Base) {
    let store = base.daemon().await;
    let by = |uri: &str, acct: &str, page: &str, address: Option<&str>| {
        let asker = Asker {
            acct: acct.to_owned(),
            url: page.to_owned(),
            uri: address.map(str::to_owned),
            ..mention("u").asker
        };
        Mention { asker, ..mention(uri) }
    };
    let stop = || {
        Decide::new(COUNTED, |_, _| Verdict {
            command: Some(Command::Stop),
            consent: Some(Consent::Withdrawn),
            ..silent("said stop")
        })
    };
    let (page, address) = ("https://m.test/@victim", "https://m.test/users/victim");
    let victim = by("1", "victim@m.test", page, Some(address));
    record(&store, &eyes(), victim, stop(), Sending::AtOnce, now()).await;
    // Her handle stands under another domain than her server.
    let (far_page, far_address) = ("https://social.n.test/@split", "https://social.n.test/users/split");
    let split = by("22", "split@n.test", far_page, Some(far_address));
    record(&store, &eyes(), split, stop(), Sending::AtOnce, now()).await;
    // Staff wrote only her handle's page down.
    store.opt_out_by_hand(&store.secret().people_at("https://n.test/@byhand"), now()).await.unwrap();
    for (number, (acct, page, address, stopped, own)) in [
        ("evil@e.test", page, Some("https://e.test/users/evil"), true, false),
        ("evil@e.test", "https://e.test/@evil", Some(address), true, false),
        ("victim@m.test", "https://e.test/@evil", Some("https://e.test/users/evil"), true, false),
        ("evil@e.test", "https://e.test/@evil", Some("https://e.test/users/evil"), false, false),
        ("victim@m.test", page, Some(address), true, true),
        ("Victim@m.test", "https://m.test/users/victim", Some(address), true, true),
        ("victim@m.test", page, None, true, true),
        ("split@n.test", far_page, Some(far_address), true, true),
        ("byhand@n.test", "https://n.test/@byhand", Some("https://n.test/users/byhand"), true, true),
    ]
    .into_iter()
    .enumerate()
    {
        let asks = by(&"u".repeat(10 + number), acct, page, address);
        let past = past(&store, &ears(), asks, now()).await;
        assert_eq!((past.opted_out, past.stop_is_their_own), (stopped, own), "{acct} {page} {address:?}");
    }
}

async fn texts_of_directs_are_never_stored_and_others_go_after_a_week(base: &Base) {
    let store = base.daemon().await;
    for (uri, visibility) in [
        ("u", Some(Visibility::Public)),
        ("uu", Some(Visibility::Direct)),
        ("uuu", Some(Visibility::Private)),
        ("uuuu", None),
    ] {
        let mut said = Mention { visibility, ..mention(uri) };
        said.text.own = "\0what?".to_owned();
        record(&store, &eyes(), said, always(), Sending::AtOnce, now()).await;
    }
    let texts = |store: Store| async move {
        store.heard(10).await.unwrap().into_iter().filter_map(|heard| heard.text).collect::<Vec<_>>()
    };
    assert_eq!(texts(store.store.clone()).await, ["\u{fffd}what?"]);
    let reply = store.newest_deliveries(1).await.unwrap().remove(0);
    assert!(store.record(reply.id, reply.fence, Ending::Sent(receipt("1")), None, now()).await.unwrap());
    assert_eq!(store.purge_texts(now() + chrono::Duration::days(7)).await.unwrap(), 0);
    // Four mentions, and the one reply that is done with.
    assert_eq!(store.purge_texts(now() + chrono::Duration::days(8)).await.unwrap(), 5);
    assert!(texts(store.store.clone()).await.is_empty());
    assert_eq!(store.delivery(reply.id).await.unwrap().unwrap().payload.text, "");
}

/// Other people's servers make URIs; none may stop the daemon.
async fn an_endless_uri_is_one_mention_too(base: &Base) {
    let store = base.daemon().await;
    let noise: String = (0..9_000_u32).map(|n| char::from_u32(0x4e00 + (n * 7919) % 20_000).unwrap()).collect();
    for uri in [format!("https://far.example/{noise}"), "https://far.example/\0".to_owned()] {
        armed(hear(&store, &uri, always()).await);
        assert!(matches!(hear(&store, &uri, always()).await, Recorded::Known));
        assert_eq!(store.known_mentions(&eyes(), &[&uri]).await.unwrap(), [true]);
    }
}

async fn a_thread_is_one_over_accounts_of_a_server(base: &Base) {
    let store = base.daemon().await;
    assert_eq!(store.accounts().await.unwrap().len(), accounts().len());
    let first = armed(hear(&store, "u", always()).await);
    assert!(store.record(first.id, first.fence, Ending::Sent(receipt("500")), None, now()).await.unwrap());
    let below = Mention { in_reply_to: Some(StatusId::new("500")), ..mention("uu") };
    let past = past(&store, &ears(), below, now()).await;
    assert_eq!((past.in_thread, past.account_last_hour), (1, 0));
    assert_eq!(past.below.unwrap().facts, [FactId::new("ring-2000")]);
}

async fn what_must_be_looked_at_first_is_not_written_yet(base: &Base) {
    let store = base.daemon().await;
    let look =
        Decide::new(COUNTED, |_, _| Verdict { look_first: true, consent: Some(Consent::Withdrawn), ..answer("x") });
    assert!(matches!(hear(&store, "u", look).await, Recorded::LookFirst));
    assert_eq!(store.known_mentions(&eyes(), &["u"]).await.unwrap(), [false]);
    assert!(store.newest_deliveries(1).await.unwrap().is_empty() && store.opt_outs().await.unwrap().is_empty());
    armed(hear(&store, "u", always()).await);
}

async fn what_is_withheld_stays_out_of_the_row_also_when_it_is_armed_again(base: &Base) {
    let store = base.daemon().await;
    let warned = Decide::new(COUNTED, |_, _| {
        let reply = watchpost::core::delivery::Payload { cw: Some("secret".to_owned()), ..says("@ada hi") };
        Verdict { reply: Some(reply), kept: Some(says("@ada hi")), ..answer("") }
    });
    let said = armed(hear(&store, "u", warned).await);
    assert_eq!(said.payload.cw.as_deref(), Some("secret"), "it is said");
    let stored = |store: Store, id| async move { store.delivery(id).await.unwrap().unwrap() };
    let row = stored(store.store.clone(), said.id).await;
    assert!(row.withheld && row.payload.cw.is_none());
    let later = Ending::Again { at: now(), reason: "no connection".to_owned() };
    assert!(store.record(said.id, said.fence, later, None, now()).await.unwrap());
    let mut claimed = store.claim_due(&eyes(), Turn::Replies, now()).await.unwrap().unwrap().delivery;
    claimed.payload.cw = Some("secret".to_owned());
    let again =
        store.arm(claimed, Vec::new(), watchpost::store::sending::Lateness::InTime, now(), Duration::ZERO).await;
    let again = again.unwrap().unwrap();
    assert_eq!((again.payload.cw.as_deref(), again.key), (Some("secret"), said.key));
    assert_eq!(stored(store.store.clone(), said.id).await.payload.cw, None);
}

async fn a_spent_limit_is_one_notice_for_a_day(base: &Base) {
    let store = base.daemon().await;
    for (number, limit) in [SpentLimit::PerAccountPerHour, SpentLimit::PerAccountPerHour, SpentLimit::ShareOfAllowance]
        .into_iter()
        .enumerate()
    {
        let spent = Decide::new(COUNTED, move |_, _| Verdict { spent: Some(limit), ..silent("limit spent") });
        hear(&store, &"u".repeat(number + 1), spent).await;
    }
    let keys = |store: Store| async move {
        store.notices().await.unwrap().into_iter().map(|notice| notice.key).collect::<Vec<_>>()
    };
    let both = ["spent:per_account_per_hour:eyes", "spent:share_of_allowance:eyes"];
    assert_eq!(keys(store.store.clone()).await, both);
    store.settle_spent(now() + chrono::Duration::hours(23)).await.unwrap();
    assert_eq!(keys(store.store.clone()).await, both);
    store.settle_spent(now() + chrono::Duration::hours(25)).await.unwrap();
    assert!(keys(store.store.clone()).await.is_empty());
}

async fn hashes_of_people_go_after_ninety_days_and_stops_stay(base: &Base) {
    let store = base.daemon().await;
    armed(hear(&store, "u", always()).await);
    let stop = Decide::new(COUNTED, |_, _| Verdict {
        command: Some(Command::Stop),
        consent: Some(Consent::Withdrawn),
        ..silent("said stop")
    });
    hear(&store, "uu", stop).await;
    assert_eq!(store.purge_people(now() + chrono::Duration::days(90)).await.unwrap(), 0);
    assert_eq!(store.purge_people(now() + chrono::Duration::days(91)).await.unwrap(), 3);
    assert_eq!(store.purge_people(now() + chrono::Duration::days(91)).await.unwrap(), 0);
    let later = past(&store, &ears(), mention("uuu"), now() + chrono::Duration::days(91)).await;
    assert!(later.opted_out && later.heard.is_empty());
}

async fn one_status_under_another_address_is_the_same_mention(base: &Base) {
    let daemon = base.daemon().await;
    let at = |uri: &str| Mention { status: StatusId::new("7"), ..mention(uri) };
    let first =
        record(&daemon, &eyes(), at("https://p.test/users/ada/statuses/7"), always(), Sending::AtOnce, now()).await;
    assert!(matches!(first, Recorded::Decided { .. }));
    for uri in
        ["http://p.test/users/ada/statuses/7", "https://p.test/users/ada/statuses/7?x=1", "7", "https://p.test/notes/7"]
    {
        let again = record(&daemon, &eyes(), at(uri), always(), Sending::AtOnce, now()).await;
        assert!(matches!(again, Recorded::Known), "{uri}");
    }
    // Another server numbers its statuses itself.
    let other = Mention {
        text: MentionText { own: "and hart?".to_owned(), quoted: String::new() },
        ..at("https://p.test/other")
    };
    let other = record(&daemon, &ears(), other, always(), Sending::AtOnce, now()).await;
    assert!(matches!(other, Recorded::Decided { .. }));
}

async fn one_status_that_two_servers_show_under_two_addresses_is_answered_once(base: &Base) {
    let unless_answered = || {
        Decide::new(COUNTED, |_, past: &Past| match &past.answered_by {
            Some(_) => silent("another account answered it"),
            None => answer("2,000 partnerships"),
        })
    };
    let daemon = base.daemon().await;
    let here = mention("https://p.test/users/ada/statuses/7");
    armed(record(&daemon, &eyes(), here, unless_answered(), Sending::AtOnce, now()).await);
    for (uri, words, minutes, answered) in [
        ("http://p.test/@ada/7/", "what about ring?", 0, false),
        ("there-1", "What about  ring?", 0, false),
        ("there-2", "what about ring?", 5, true),
        ("there-3", "what about hart?", 0, true),
    ] {
        let there = Mention {
            created_at: now() + seconds(60 * minutes),
            text: MentionText { own: words.to_owned(), quoted: String::new() },
            ..mention(uri)
        };
        let recorded = record(&daemon, &ears(), there, unless_answered(), Sending::AtOnce, now()).await;
        let Recorded::Decided { verdict, .. } = recorded else { panic!("{uri}: {recorded:?}") };
        assert_eq!(verdict.reply.is_some(), answered, "{uri}");
    }
}

async fn what_was_purged_is_in_no_file_of_the_database(base: &Base) {
    let store = base.daemon().await;
    let mut said = mention("u");
    said.text.own = "a canary sang here".to_owned();
    record(&store, &eyes(), said, Decide::new(COUNTED, |_, _| silent("nothing")), Sending::AtOnce, now()).await;
    assert_eq!(store.purge_texts(now() + chrono::Duration::days(8)).await.unwrap(), 1);
    store.overwrite_purged().await.unwrap();
    for file in std::fs::read_dir(base.data()).into_iter().flatten().flatten() {
        let bytes = std::fs::read(file.path()).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&bytes).contains("canary"), "{:?}", file.path());
    }
}
