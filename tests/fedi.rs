//! The client of `src/fedi` against the sandbox: a whole Mastodon-compatible server, with trouble on command.
//!
//! What each outcome must mean is checked on the server: "unknown" may be there, "not sent", "refused" and "throttled"
//! must not be, "sent" must be.

#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use watchpost::clock::Clock;
use watchpost::core::delivery::{Armed, Outcome, Payload};
use watchpost::core::ids::{AccountName, DeliveryId, Lang, RemoteId, StatusId};
use watchpost::core::mention::Mention;
use watchpost::core::post::{Media, Poll, Visibility};
use watchpost::fedi::{Capabilities, Fedi, FediError, Http, KeyClass, Link, Me, PageFrom, StreamError, Streamed};
use watchpost::sandbox::{
    Draft, Endpoint, Fault, Moment, NewAccount, Options, Running, Sandbox, SandboxError, StreamEnd, Trouble,
};

/// For mentions without a time.
const HEARD: DateTime<Utc> = DateTime::<Utc>::UNIX_EPOCH;

/// A sandbox, our account on it, and our way to it.
struct Rig {
    running: Running,
    hand: Sandbox,
    fedi: Fedi,
    me: Me,
    caps: Capabilities,
}

impl Rig {
    async fn start() -> Rig {
        let nine = DateTime::parse_from_rfc3339("2026-11-23T09:00:00Z").unwrap().with_timezone(&Utc);
        let options = Options::new(Clock::by_hand(nine)).account(NewAccount::campaign("eyes").token("eyes-token"));
        let running = Sandbox::start(options).await.unwrap();
        let link = Link {
            account: AccountName::new("eyes"),
            server: running.base_url(),
            streaming: None,
            token: SecretString::from("eyes-token"),
        };
        let fedi = Fedi::new(&Http::new().unwrap(), link).unwrap();
        let (me, caps) = (fedi.whoami().await.unwrap(), fedi.capabilities().await.unwrap());
        Rig { hand: running.handle(), running, fedi, me, caps }
    }

    async fn publish(&self, armed: &Armed) -> Outcome {
        self.fedi.publish(&self.caps, armed, armed.armed_at_boot).await
    }

    /// How many statuses of ours stand on the server with this text.
    fn standing(&self, text: &str) -> usize {
        self.hand.own("eyes").iter().filter(|status| status.text == text).count()
    }

    async fn mentions(&self) -> Vec<Mention> {
        let page = self.fedi.mentions_page(&self.me, PageFrom::Newest, HEARD).await.unwrap();
        page.items.into_iter().filter_map(|item| item.mention).map(|mention| *mention).collect()
    }
}

fn armed(text: &str) -> Armed {
    Armed {
        id: DeliveryId(1),
        account: AccountName::new("eyes"),
        fence: 1,
        attempt: 1,
        may_exist: false,
        key: format!("key of {text}"),
        payload: Payload {
            text: text.to_owned(),
            cw: None,
            visibility: Visibility::Public,
            lang: Some(Lang::new("en")),
            media: Vec::new(),
            poll: None,
            in_reply_to: None,
            allowed_mention: None,
        },
        media: Vec::new(),
        armed_at_boot: Duration::from_secs(5),
    }
}

fn reply(text: &str, parent: &StatusId, allowed: Option<&str>) -> Armed {
    let mut reply = armed(text);
    reply.payload.visibility = Visibility::Unlisted;
    reply.payload.in_reply_to = Some(parent.clone());
    reply.payload.allowed_mention = allowed.map(RemoteId::new);
    reply
}

#[tokio::test]
async fn a_server_is_recognised() {
    let rig = Rig::start().await;
    assert_eq!((rig.caps.software.as_str(), rig.caps.version.as_str()), ("mastodon", "4.5.0"));
    assert_eq!((rig.caps.rules.max_characters, rig.caps.max_media), (500, 4));
    assert_eq!(rig.caps.key, KeyClass::Shared { window: 3_600 });
    assert!(rig.caps.knows_allowed_mentions && rig.caps.streaming_refused.is_none());
    assert!(rig.me.bot, "{:?}", rig.me);
    assert!(rig.fedi.become_bot().await.unwrap().bot);
    rig.running.stop().await;
}

#[tokio::test]
async fn a_full_status_arrives_as_it_was_asked_for() {
    let rig = Rig::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("map.png");
    // The smallest PNG: one transparent pixel.
    let png = hex::decode("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082").unwrap();
    std::fs::write(&file, png).unwrap();
    rig.hand.fault(Fault::on(Endpoint::Media, Trouble::Processing { looks: 1 }));
    let media = rig.fedi.upload(&Media::new(file, "A map".to_owned())).await.unwrap();

    let mut full = armed("Ring shared footage with police. #EyesOnAmazon");
    full.payload.cw = Some("policing".to_owned());
    full.payload.visibility = Visibility::Unlisted;
    full.media = vec![media];
    let outcome = rig.publish(&full).await;
    let Outcome::Sent(receipt) = outcome else { panic!("{outcome:?}") };
    assert_eq!(receipt.changed, Vec::<String>::new());
    assert!(receipt.creates_left.is_some_and(|creates| creates.left < 300), "{receipt:?}");
    assert_eq!(receipt.server_time.unwrap().to_rfc3339(), "2026-11-23T09:00:00+00:00");
    let own = rig.hand.own("eyes");
    assert_eq!((own.len(), own[0].cw.as_str(), own[0].visibility), (1, "policing", Visibility::Unlisted));

    let seen = rig.fedi.own_statuses(&rig.me, None, 40).await.unwrap();
    assert_eq!((seen.len(), &seen[0].id, seen[0].media), (1, &receipt.status, 1));
    assert_eq!(seen[0].text.trim(), "Ring shared footage with police. #EyesOnAmazon");
    assert_eq!(seen[0].cw.as_deref(), Some("policing"));
    let source = rig.fedi.source(&receipt.status).await.unwrap();
    assert_eq!(source.as_deref(), Some("Ring shared footage with police. #EyesOnAmazon"));
    assert_eq!(rig.fedi.status(&receipt.status).await.unwrap().unwrap().author, Some(rig.me.id.clone()));

    let mut poll = armed("Do you own a doorbell camera?");
    poll.payload.poll = Some(Poll { options: vec!["Yes".to_owned(), "No".to_owned()], lasts_seconds: 86_400 });
    assert!(matches!(rig.publish(&poll).await, Outcome::Sent(_)));

    rig.fedi.delete(&receipt.status).await.unwrap();
    assert_eq!(rig.fedi.status(&receipt.status).await.unwrap(), None);
    rig.running.stop().await;
}

#[tokio::test]
async fn a_mention_is_read_alike_by_page_and_by_stream_and_answered() {
    let rig = Rig::start().await;
    let mut stream = rig.fedi.open_stream(&rig.me, &rig.caps).await.unwrap();
    let asked = rig
        .hand
        .write("ann", Draft::new("@eyes what is Ring?").visibility(Visibility::Unlisted).language("en"))
        .unwrap();
    let Streamed::Mention(streamed) = stream.next().await.unwrap() else { panic!("no mention") };
    let paged = rig.mentions().await;
    assert_eq!(paged, [*streamed]);
    let mention = &paged[0];
    assert_eq!((&mention.status, mention.text.own.trim()), (&asked, "what is Ring?"));
    assert_eq!((mention.others_named, mention.carried_along), (0, false));
    assert_eq!(rig.fedi.mention(&rig.me, &asked).await.unwrap().as_ref(), Some(mention));

    let text = format!("@{} A doorbell camera.", mention.asker.acct);
    let outcome = rig.publish(&reply(&text, &asked, Some(mention.asker.id.as_str()))).await;
    assert!(matches!(&outcome, Outcome::Sent(receipt) if receipt.changed.is_empty()), "{outcome:?}");
    assert_eq!(rig.hand.replies_to(&asked).len(), 1);
    let thread = rig.fedi.thread(&asked).await.unwrap().unwrap();
    assert_eq!(thread.descendants.len(), 1);

    // The guard: a reply that would reach anybody else is refused by the server.
    rig.hand.follower("bob").unwrap();
    let outcome = rig.publish(&reply("@ann and @bob too", &asked, Some(mention.asker.id.as_str()))).await;
    assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
    stream.close().await;
    rig.running.stop().await;
}

#[tokio::test]
async fn every_page_is_reached_and_none_twice() {
    let rig = Rig::start().await;
    for number in 0..205 {
        rig.hand.mention("ann", &format!("@eyes question {number}")).unwrap();
    }
    rig.hand.fault(Fault::on(Endpoint::Notifications, Trouble::UnknownNotification));
    rig.hand.fault(Fault::on(Endpoint::Notifications, Trouble::MalformedNotification));
    let (mut from, mut uris, mut undecodable, mut pages) = (Some(PageFrom::Newest), Vec::new(), 0, 0);
    while let Some(cursor) = from {
        let page = rig.fedi.mentions_page(&rig.me, cursor, HEARD).await.unwrap();
        uris.extend(page.items.iter().filter_map(|item| item.mention.as_ref()).map(|mention| mention.uri.clone()));
        undecodable += page.undecodable;
        pages += 1;
        from = page.next;
        assert!(pages < 10, "a walk must end");
    }
    assert_eq!((uris.len(), undecodable), (205, 1));
    uris.sort();
    uris.dedup();
    assert_eq!(uris.len(), 205);
    rig.running.stop().await;
}

#[tokio::test]
async fn no_outcome_claims_what_the_server_does_not_hold() {
    #[derive(Debug, PartialEq)]
    enum Said {
        NotThere,
        MayBeThere,
    }
    let rig = Rig::start().await;
    let check = async |trouble: Trouble, expected: Said, standing: usize| {
        let text = format!("{trouble:?}").chars().filter(char::is_ascii_alphanumeric).take(60).collect::<String>();
        rig.hand.fault(Fault::on(Endpoint::Create, trouble.clone()));
        let outcome = rig.publish(&armed(&text)).await;
        let said = match &outcome {
            Outcome::NotSent { .. }
            | Outcome::Throttled { .. }
            | Outcome::Refused { .. }
            | Outcome::Doubtful { .. }
            | Outcome::ParentMissing => Said::NotThere,
            Outcome::Unknown { .. } => Said::MayBeThere,
            Outcome::Sent(receipt) => panic!("{trouble:?}: {receipt:?}"),
        };
        assert_eq!((said, rig.standing(&text)), (expected, standing), "{trouble:?}: {outcome:?}");
        rig.hand.clear_faults();
    };
    check(Trouble::TooMany { reset_in: Some(90) }, Said::NotThere, 0).await;
    check(Trouble::answer(422, r#"{"error":"Validation failed: Text is odd"}"#), Said::NotThere, 0).await;
    check(Trouble::answer(403, r#"{"error":"Forbidden"}"#), Said::NotThere, 0).await;
    check(Trouble::answer(500, "<h1>oops</h1>"), Said::MayBeThere, 0).await;
    check(Trouble::answer(409, ""), Said::MayBeThere, 0).await;
    check(Trouble::redirect(307, "/api/v1/statuses"), Said::MayBeThere, 0).await;
    check(Trouble::accepted_but(500), Said::MayBeThere, 1).await;
    check(Trouble::accepted_but(502), Said::MayBeThere, 1).await;
    check(Trouble::accepted_but(504), Said::MayBeThere, 1).await;
    check(Trouble::Cut { when: Moment::Before }, Said::MayBeThere, 0).await;
    check(Trouble::Cut { when: Moment::After }, Said::MayBeThere, 1).await;
    check(Trouble::HalfBody, Said::MayBeThere, 1).await;
    check(Trouble::WithoutId, Said::MayBeThere, 1).await;
    assert_eq!(rig.hand.duplicates(), 0);
    rig.running.stop().await;
}

#[tokio::test]
async fn the_same_key_after_an_unclear_attempt_makes_no_second_status() {
    let rig = Rig::start().await;
    rig.hand.fault(Fault::on(Endpoint::Create, Trouble::Cut { when: Moment::After }));
    assert!(matches!(rig.publish(&armed("Once")).await, Outcome::Unknown { .. }));
    assert!(matches!(rig.publish(&armed("Once")).await, Outcome::Sent(_)));
    assert_eq!((rig.standing("Once"), rig.hand.duplicates()), (1, 0));
    rig.running.stop().await;
}

#[tokio::test]
async fn a_reply_to_a_deleted_mention_finds_no_parent() {
    let rig = Rig::start().await;
    let asked = rig.hand.mention("ann", "@eyes what is Ring?").unwrap();
    rig.hand.delete(&asked).unwrap();
    assert_eq!(rig.publish(&reply("@ann A doorbell.", &asked, None)).await, Outcome::ParentMissing);
    assert_eq!(rig.fedi.status(&asked).await.unwrap(), None);
    rig.running.stop().await;
}

#[tokio::test]
async fn a_lost_token_is_told_from_a_refused_row() -> Result<(), SandboxError> {
    let rig = Rig::start().await;
    rig.hand.revoke("eyes", 401)?;
    assert!(matches!(rig.publish(&armed("Ring")).await, Outcome::Doubtful { .. }));
    assert!(matches!(rig.fedi.whoami().await, Err(FediError::Denied { .. })));
    let refused = rig.fedi.open_stream(&rig.me, &rig.caps).await.unwrap_err();
    assert!(matches!(refused, StreamError::Denied { .. }), "{refused:?}");
    rig.hand.restore("eyes")?;
    assert!(matches!(rig.publish(&armed("Ring")).await, Outcome::Sent(_)));
    rig.running.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_stream_that_ends_says_how() {
    let rig = Rig::start().await;
    for how in [StreamEnd::Close, StreamEnd::Cut] {
        let mut stream = rig.fedi.open_stream(&rig.me, &rig.caps).await.unwrap();
        rig.hand.mention("ann", "@eyes hello").unwrap();
        assert!(matches!(stream.next().await, Ok(Streamed::Mention(_))));
        rig.hand.end_streams(Some("eyes"), how);
        let end = stream.next().await.unwrap_err();
        assert!(matches!(end, StreamError::Closed { .. } | StreamError::Broken { .. }), "{how:?}: {end:?}");
    }
    rig.running.stop().await;
}

#[tokio::test]
async fn a_name_inherited_in_a_thread_is_told_from_one_added() {
    let rig = Rig::start().await;
    let ours = rig.publish(&armed("Ring shares footage.")).await;
    let Outcome::Sent(ours) = ours else { panic!("{ours:?}") };
    let bob = rig.hand.reply("bob", &ours.status, "@eyes I disagree").unwrap();
    rig.hand.reply("ann", &bob, "@bob @eyes so do I").unwrap();
    let elsewhere = rig.hand.mention("bob", "Ring is great").unwrap();
    rig.hand.reply("ann", &elsewhere, "@bob @eyes is that true?").unwrap();
    let mentions = rig.mentions().await;
    let find = |text: &str| mentions.iter().find(|mention| mention.text.own.contains(text)).unwrap();
    assert!(!find("I disagree").carried_along);
    for (text, inherited) in [("so do I", true), ("is that true?", false)] {
        assert!(find(text).carried_along, "{text}");
        assert_eq!(rig.fedi.inherited_our_name(&rig.me, find(text)).await.unwrap(), inherited, "{text}");
    }
    rig.running.stop().await;
}
