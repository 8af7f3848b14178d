//! Our own client against every profile: it must recognise the server, post, find what it posted, read every mention
//! exactly once, and be told apart what a server changed.

use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::time::Duration;

use secrecy::SecretString;
use watchpost::core::delivery::{Armed, Outcome, Payload};
use watchpost::core::ids::{AccountName, DeliveryId, Lang, MediaId, StatusId};
use watchpost::core::mention::Mention;
use watchpost::core::post::{Media, Visibility};
use watchpost::fedi::{Capabilities, Fedi, Http, KeyClass, Link, Me, PageFrom};
use watchpost::sandbox::profile::{Commit, StreamUrl};
use watchpost::sandbox::{Draft, Existence, Profile};

use crate::rig::{PNG, Rig};

/// For mentions without a time.
const HEARD: DateTime<Utc> = DateTime::<Utc>::UNIX_EPOCH;

struct Client {
    fedi: Fedi,
    me: Me,
    caps: Capabilities,
}

impl Client {
    async fn of(rig: &Rig) -> Client {
        let link = Link {
            account: AccountName::new("eyes"),
            server: rig.running.base_url(),
            streaming: None,
            token: SecretString::from(rig.eyes.token.clone()),
        };
        let fedi = Fedi::new(&Http::new().unwrap(), link).unwrap();
        let (me, caps) = (fedi.whoami().await.unwrap(), fedi.capabilities().await.unwrap());
        Client { fedi, me, caps }
    }

    async fn publish(&self, payload: Payload, media: Vec<MediaId>) -> Outcome {
        let armed = Armed {
            id: DeliveryId(1),
            account: AccountName::new("eyes"),
            fence: 1,
            attempt: 1,
            may_exist: false,
            key: format!("key of {}", payload.text),
            payload,
            media,
            armed_at_boot: Duration::from_secs(5),
        };
        self.fedi.publish(&self.caps, &armed, armed.armed_at_boot).await
    }

    /// Every mention, newest first, paged back to the end, by how often it was met.
    async fn walk(&self) -> HashMap<StatusId, usize> {
        let (mut from, mut met, mut pages) = (Some(PageFrom::Newest), HashMap::new(), 0);
        while let Some(cursor) = from {
            let page = self.fedi.mentions_page(&self.me, cursor, HEARD).await.unwrap();
            assert_eq!(page.undecodable, 0);
            for mention in page.items.into_iter().filter_map(|item| item.mention) {
                *met.entry(mention.status).or_default() += 1;
            }
            from = page.next;
            pages += 1;
            assert!(pages < 20, "a walk must end");
        }
        met
    }
}

fn payload(text: &str) -> Payload {
    Payload {
        text: text.to_owned(),
        cw: None,
        visibility: Visibility::Public,
        lang: Some(Lang::new("en")),
        media: Vec::new(),
        poll: None,
        in_reply_to: None,
        allowed_mention: None,
    }
}

/// Every profile on which a status that is accepted stands at once and can be found.
fn reliable() -> impl Iterator<Item = (&'static str, Profile)> {
    let all = Profile::ALL.into_iter().map(|(name, make)| (name, make()));
    all.filter(|(_, profile)| profile.commit == Commit::AtOnce && profile.own_list_lag == 0 && profile.parent_lag == 0)
}

#[tokio::test]
async fn every_server_is_recognised() {
    for (name, make) in Profile::ALL {
        let profile = make();
        let rig = Rig::start(profile.clone()).await;
        let Client { fedi, me, caps } = Client::of(&rig).await;
        assert_eq!((me.id.as_str(), me.bot), (rig.eyes.id.as_str(), false), "{name}");
        assert_eq!(
            (caps.software.as_str(), caps.version.as_str()),
            (profile.software.to_lowercase().as_str(), profile.version),
            "{name}"
        );
        let key = match name {
            "gotosocial" | "takahe" | "snac" | "friendica" | "sharkey" | "firefish" => KeyClass::Ignored,
            "iceshrimp" => KeyClass::ReplaysAnswers { window: 86_400 },
            "pleroma" | "pleroma-old" => KeyClass::ReplaysAnswers { window: 21_600 },
            "mitra" => KeyClass::Memory { window: 3_600 },
            "pixelfed" => KeyClass::Refusing,
            _ => KeyClass::Shared { window: 3_600 },
        };
        assert_eq!(caps.key, key, "{name}");
        assert_eq!(caps.rules.max_characters, profile.max_characters, "{name}");
        assert_eq!(caps.lists_directs, profile.own_directs == Existence::Present, "{name}");
        assert_eq!((caps.keeps_unlisted, caps.keeps_cw), (name != "mitra", name != "mitra"), "{name}");
        let told = profile.streaming != Existence::Absent && profile.stream_url != StreamUrl::Empty;
        assert_eq!(caps.streaming.is_some(), told, "{name}");
        assert!(caps.streaming.is_none_or(|url| url.starts_with("ws://127.0.0.1:")), "{name}");
        assert!(caps.streaming_refused.is_none(), "{name}");
        assert_eq!(fedi.become_bot().await.unwrap().bot, name != "takahe", "{name}");
        let policy = fedi.notification_policy().await.unwrap();
        assert_eq!(policy.filtered.is_empty(), profile.policy == Existence::Absent, "{name}");
        rig.hand.revoke("eyes", profile.bad_token).unwrap();
        assert!(matches!(fedi.whoami().await, Err(watchpost::fedi::FediError::Denied { .. })), "{name}");
        rig.stop().await;
    }
}

#[tokio::test]
async fn a_stream_opens_where_it_is_served_and_says_so_where_it_is_not() {
    for (name, profile) in reliable() {
        let rig = Rig::start(profile.clone()).await;
        let client = Client::of(&rig).await;
        let stream = client.fedi.open_stream(&client.me, &client.caps).await;
        assert_eq!(stream.is_ok(), profile.streaming == Existence::Present, "{name}: {stream:?}");
        if let Ok(mut stream) = stream {
            rig.hand.mention("ann", "@eyes hello").unwrap();
            let event = stream.next().await;
            assert!(matches!(event, Ok(watchpost::fedi::Streamed::Mention(_))), "{name}: {event:?}");
            rig.hand.end_streams(None, watchpost::sandbox::StreamEnd::Close);
            assert!(stream.next().await.is_err(), "{name}");
        }
        rig.stop().await;
    }
}

#[tokio::test]
async fn every_mention_is_met_exactly_once() {
    const MENTIONS: usize = 205;
    for (name, make) in Profile::ALL {
        let rig = Rig::start(make()).await;
        let client = Client::of(&rig).await;
        for number in 0..MENTIONS {
            rig.pass(1);
            let seen_by = if number % 10 == 0 { Visibility::Direct } else { Visibility::Public };
            rig.hand.write("ann", Draft::new(format!("@eyes question {number}")).visibility(seen_by)).unwrap();
            if number % 20 == 0 {
                rig.hand.follow("bob", "eyes").unwrap_or_else(|_| drop(rig.hand.follower("bob").unwrap()));
            }
        }
        // Some servers notify an account of its own words; no mention for us.
        rig.hand.write("eyes", Draft::new("@eyes note to self")).unwrap();
        rig.pass(15_000);
        let met = client.walk().await;
        assert_eq!(met.len(), MENTIONS, "{name}: every mention");
        assert!(met.values().all(|times| *times == 1), "{name}: none twice");
        rig.stop().await;
    }
}

#[tokio::test]
async fn mentions_that_appear_late_and_out_of_order_are_met_by_some_walk() {
    for name in ["snac", "takahe"] {
        let rig = Rig::named(name).await;
        let client = Client::of(&rig).await;
        let mut ever = HashMap::new();
        for second in 0..30 {
            if second < 15 {
                rig.hand.mention("ann", &format!("@eyes question {second}")).unwrap();
            }
            rig.pass(1_000);
            ever.extend(client.walk().await);
        }
        assert_eq!(ever.len(), 15, "{name}");
        rig.stop().await;
    }
}

#[tokio::test]
async fn what_was_posted_is_found_again() {
    for (name, profile) in reliable() {
        let rig = Rig::start(profile.clone()).await;
        let client = Client::of(&rig).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("map.png");
        std::fs::write(&file, hex::decode(PNG).unwrap()).unwrap();
        let picture = client.fedi.upload(&Media::new(file, "A map".to_owned())).await.unwrap();

        let text = "Ring shared footage with police. #EyesOnAmazon";
        let quiet = Payload { cw: Some("policing".to_owned()), visibility: Visibility::Unlisted, ..payload(text) };
        let outcome = client.publish(quiet, vec![picture]).await;
        let Outcome::Sent(receipt) = outcome else { panic!("{name}: {outcome:?}") };
        let changed = match name {
            "mitra" => vec!["visibility is public, not unlisted", "the content warning is gone"],
            "friendica" => vec!["the content warning is gone"],
            _ => Vec::new(),
        };
        assert_eq!(receipt.changed, changed, "{name}");
        assert_eq!(rig.hand.own("eyes").len(), 1, "{name}");

        let own = client.fedi.own_statuses(&client.me, None, 40).await.unwrap();
        assert_eq!(own.iter().map(|view| &view.id).collect::<Vec<_>>(), [&receipt.status], "{name}");
        assert!(own[0].text.contains(text) && own[0].media == 1, "{name}: {:?}", own[0]);
        let view = client.fedi.status(&receipt.status).await.unwrap().unwrap();
        assert_eq!(view.author.as_ref(), Some(&client.me.id), "{name}");
        let source = client.fedi.source(&receipt.status).await.unwrap();
        assert_eq!(source.as_deref(), (profile.source == Existence::Present).then_some(text), "{name}");
        client.fedi.delete(&receipt.status).await.unwrap();
        assert_eq!(client.fedi.status(&receipt.status).await.unwrap(), None, "{name}");
        rig.stop().await;
    }
}

#[tokio::test]
async fn a_reply_reaches_its_asker_and_is_found_in_the_thread() {
    for (name, profile) in reliable() {
        let rig = Rig::start(profile.clone()).await;
        let client = Client::of(&rig).await;
        let seen_by = match profile.directs {
            Existence::Present => Visibility::Direct,
            Existence::Absent | Existence::Claimed | Existence::Broken => Visibility::Unlisted,
        };
        let asked = rig.hand.write("ann", Draft::new("@eyes what is Ring?").visibility(seen_by)).unwrap();
        rig.pass(15_000);
        let page = client.fedi.mentions_page(&client.me, PageFrom::Newest, HEARD).await.unwrap();
        let mentions: Vec<Mention> =
            page.items.into_iter().filter_map(|item| item.mention).map(|found| *found).collect();
        let [mention] = mentions.as_slice() else { panic!("{name}: {mentions:?}") };
        assert_eq!((&mention.status, mention.text.own.trim()), (&asked, "what is Ring?"), "{name}");
        assert_eq!((mention.visibility, mention.others_named), (Some(seen_by), 0), "{name}");

        let text = format!("@{} A doorbell camera.", mention.asker.acct);
        let reply = Payload {
            visibility: seen_by,
            in_reply_to: Some(asked.clone()),
            allowed_mention: Some(mention.asker.id.clone()),
            ..payload(&text)
        };
        let outcome = client.publish(reply, Vec::new()).await;
        let Outcome::Sent(receipt) = outcome else { panic!("{name}: {outcome:?}") };
        assert_eq!(receipt.changed, Vec::<String>::new(), "{name}");
        let stands = rig.hand.replies_to(&asked);
        assert_eq!((stands.len(), stands[0].mentions.len()), (1, 1), "{name}: the asker is named");
        let thread = client.fedi.thread(&asked).await.unwrap().unwrap();
        assert_eq!(thread.descendants.iter().map(|view| &view.id).collect::<Vec<_>>(), [&receipt.status], "{name}");
        let listed = !client.fedi.own_statuses(&client.me, None, 40).await.unwrap().is_empty();
        assert_eq!(listed, client.caps.lists_directs, "{name}");
        rig.stop().await;
    }
}

#[tokio::test]
async fn a_reply_to_a_deleted_mention_is_never_taken_for_a_sent_one_unseen() {
    for (name, _) in reliable() {
        let rig = Rig::named(name).await;
        let client = Client::of(&rig).await;
        let asked = rig.hand.mention("ann", "@eyes what is Ring?").unwrap();
        rig.hand.delete(&asked).unwrap();
        let reply = Payload { in_reply_to: Some(asked.clone()), ..payload("@ann A doorbell camera.") };
        let outcome = client.publish(reply, Vec::new()).await;
        match (name, &outcome) {
            ("takahe", Outcome::Sent(receipt)) => assert_eq!(receipt.changed, Vec::<String>::new(), "{name}"),
            ("snac", Outcome::Sent(receipt)) => assert_eq!(receipt.changed, ["it is not a reply: the thread is lost"]),
            ("mitra" | "iceshrimp" | "sharkey", Outcome::Refused { .. })
            | ("firefish", Outcome::Doubtful { .. } | Outcome::Refused { .. })
            | ("hollo", Outcome::Unknown { .. }) => {}
            (_, Outcome::ParentMissing) => {}
            _ => panic!("{name}: {outcome:?}"),
        }
        assert_eq!(client.fedi.status(&asked).await.unwrap(), None, "{name}");
        rig.stop().await;
    }
}

#[tokio::test]
async fn a_repeated_attempt_says_what_the_server_made_of_it() {
    for (name, profile) in reliable() {
        let rig = Rig::start(profile.clone()).await;
        let client = Client::of(&rig).await;
        let parent = rig.hand.mention("ann", "@eyes hello").unwrap();
        let once = || Payload { in_reply_to: Some(parent.clone()), ..payload("@ann Once") };
        assert!(matches!(client.publish(once(), Vec::new()).await, Outcome::Sent(_)), "{name}");
        let again = client.publish(once(), Vec::new()).await;
        let standing = match client.caps.key {
            KeyClass::Ignored => 2,
            KeyClass::Shared { .. }
            | KeyClass::Memory { .. }
            | KeyClass::ReplaysAnswers { .. }
            | KeyClass::Refusing => 1,
        };
        assert_eq!(rig.standing("@ann Once"), standing, "{name}");
        match name {
            "mastodon-4.6" => assert!(matches!(again, Outcome::Unknown { .. }), "{name}: {again:?}"),
            "pixelfed" => assert!(matches!(again, Outcome::Refused { .. }), "{name}: {again:?}"),
            _ => assert!(matches!(again, Outcome::Sent(_)), "{name}: {again:?}"),
        }
        rig.stop().await;
    }
}

#[tokio::test]
async fn no_weakness_is_reported_as_more_than_it_was() {
    let check = async |name: &str, text: &str| {
        let rig = Rig::named(name).await;
        let client = Client::of(&rig).await;
        let outcome = client.publish(payload(text), Vec::new()).await;
        let before = client.fedi.own_statuses(&client.me, None, 40).await.unwrap().len();
        rig.pass(60_000);
        let after = client.fedi.own_statuses(&client.me, None, 40).await.unwrap().len();
        rig.stop().await;
        (outcome, before, after)
    };
    assert!(matches!(check("mastodon-late", "Late").await, (Outcome::Unknown { .. }, 0, 1)));
    assert!(matches!(check("mastodon-lagging", "Behind").await, (Outcome::Sent(_), 0, 1)));
    assert!(matches!(check("mastodon-pretending", "Nowhere").await, (Outcome::Sent(_), 0, 0)));
    let rig = Rig::named("mastodon-young-parents").await;
    let client = Client::of(&rig).await;
    let parent = rig.hand.mention("ann", "@eyes hello").unwrap();
    let reply = || Payload { in_reply_to: Some(parent.clone()), ..payload("@ann hello") };
    assert_eq!(client.publish(reply(), Vec::new()).await, Outcome::ParentMissing);
    assert!(client.fedi.status(&parent).await.unwrap().is_some());
    rig.pass(3_000);
    assert!(matches!(client.publish(reply(), Vec::new()).await, Outcome::Sent(_)));
    rig.stop().await;
}
