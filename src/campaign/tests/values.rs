//! What good files become.

use chrono::NaiveDate;
use secrecy::ExposeSecret;

use super::*;
use crate::core::command::Command;
use crate::core::fact::AsOf;
use crate::core::ids::{FactId, PostId, SourceId, TopicId};
use crate::core::post::{Late, Moment, Readiness, Visibility, When};

fn campaign(files: &[(&str, &str)]) -> (tempfile::TempDir, Campaign) {
    let root = folder(files);
    let loaded = load(root.path(), now()).unwrap();
    let campaign = loaded.campaign.unwrap_or_else(|| panic!("{:#?}", loaded.findings));
    (root, campaign)
}

fn post(text: &str) -> Post {
    let (_root, campaign) = campaign(&[("posts/one.md", text)]);
    Post::clone(campaign.posts.first().expect("the post has an error"))
}

#[test]
fn settings_become_values() {
    let store = "[store]\nurl = \"sqlite://here/w.db\"\n";
    let (root, campaign) = campaign(&[("config/watchpost.toml", &format!("{SETTINGS}\n{store}"))]);
    assert_eq!(campaign.name, "Test");
    assert_eq!(campaign.zone, chrono_tz::America::New_York);
    assert_eq!(campaign.languages, [Lang::new("en"), Lang::new("es")]);
    assert_eq!(campaign.hashtags, ["#EyesOnAmazon"]);
    assert_eq!(campaign.store_url.expose_secret(), &format!("sqlite://{}/here/w.db", root.path().display()));
    assert_eq!(campaign.accounts.len(), 2);
    let eyes = &campaign.accounts[0];
    assert_eq!(eyes.name, AccountName::new("eyes"));
    assert_eq!(eyes.server, "http://127.0.0.1:3000");
    assert_eq!(eyes.token, TokenSource::File(PathBuf::from("secrets/eyes")));
    assert_eq!(
        plan_accounts(&campaign)[0].slots,
        [Slot::parse("Mon-Fri 09:00").unwrap(), Slot::cron("0 30 17 * * Tue,Thu").unwrap()]
    );
    assert!(campaign.replies.enabled);
}

#[test]
fn facts_sources_and_links_become_values() {
    let (_root, campaign) = campaign(&[]);
    let book = &campaign.facts;
    assert_eq!(book.company, ["amazon"]);
    let fact = book.fact(&FactId::new("ring-2000")).unwrap();
    assert_eq!(fact.topic, TopicId::new("ring"));
    assert_eq!(fact.weak, ["ring"]);
    assert_eq!(fact.text[&Lang::new("es")], "2.000 acuerdos.");
    assert_eq!(fact.as_of, AsOf::Day(NaiveDate::from_ymd_opt(2022, 7, 18).unwrap()));
    assert_eq!(book.sources[&SourceId::new("release")].title[&Lang::new("en")], "release");
    let url = &book.links.values().next().unwrap().url;
    assert_eq!(url.values().collect::<Vec<_>>(), ["https://pledge.org/", "https://pledge.org/"]);
}

#[test]
fn a_link_may_lead_elsewhere_in_each_language() {
    let each = LINKS.replace(
        "url = \"https://pledge.org/\"",
        "url.en = \"https://pledge.org/\"\nurl.es = \"https://pledge.org/es\"",
    );
    assert_ne!(each, LINKS);
    let (_root, campaign) = campaign(&[("config/links.toml", &each)]);
    let url = &campaign.facts.links.values().next().unwrap().url;
    assert_eq!(url[&Lang::new("es")], "https://pledge.org/es");
    assert_eq!(url[&Lang::new("en")], "https://pledge.org/");
}

#[test]
fn a_title_without_languages_is_said_in_all_of_them() {
    let facts = FACTS.replace("title = { en = \"release\", es = \"comunicado\" }", "title = \"The release\"");
    let (_root, campaign) = campaign(&[("config/facts.toml", &facts)]);
    let title = &campaign.facts.sources[&SourceId::new("release")].title;
    assert_eq!(title.values().collect::<Vec<_>>(), ["The release", "The release"]);
}

#[test]
fn a_campaigns_own_commands_lie_over_the_shipped_ones() {
    let own = format!("[stop]\nes = [\"basta\"]\n[texts]\nhelp.en = \"We answer.\"\n{COMMANDS}");
    let (_root, campaign) = campaign(&[("config/commands.toml", &own)]);
    let stop = &campaign.commands.phrases[&Command::Stop];
    assert_eq!(stop[&Lang::new("es")], ["basta"]);
    assert!(stop[&Lang::new("en")].contains(&"unsubscribe".to_owned()));
    assert_eq!(campaign.commands.texts["help"][&Lang::new("en")], "We answer.");
    assert!(campaign.commands.texts["help"].contains_key(&Lang::new("es")));
    assert!(campaign.commands.patterns.contains_key(&Command::Stop));
    // The names of the shipped campaign's topics are not this one's.
    assert_eq!(campaign.commands.topic_names.keys().collect::<Vec<_>>(), [&TopicId::new("ring")]);
}

#[test]
fn a_campaign_without_commands_has_the_shipped_ones() {
    let root = folder(&[]);
    fs::remove_file(root.path().join("config/commands.toml")).unwrap();
    let campaign = load(root.path(), now()).unwrap().campaign.unwrap();
    assert_eq!(campaign.commands.phrases.len(), Command::ALL.len());
}

#[test]
fn a_file_without_front_matter_is_a_ready_slot_post() {
    let post = post("Hello\n\n  there\n");
    assert_eq!(post.id, PostId::new("one"));
    assert_eq!(post.when, When::NextSlot);
    assert_eq!(post.readiness, Readiness::Ready);
    assert_eq!(post.lang, Lang::new("en"));
    assert_eq!(post.visibility, Visibility::Public);
    assert_eq!(post.late, Late::Send);
    assert_eq!(post.parts, ["Hello\n\n  there"]);
}

#[test]
fn every_key_of_a_post_is_read() {
    let (root, campaign) = campaign(&[(
        "posts/sub/two.md",
        "---\nid: chosen\nat: 2026-11-27 09:00\naccounts: [eyes, vigila]\ntopic: ring\nfacts: [ring-2000]\nlang: es\n\
         cw: \"policía: sí\"\nvisibility: unlisted\nexpires: 2026-11-27T15:00:00-05:00\nstatus: draft\nlate: hold\n\
         media:\n  - { file: ../media/ring.png, alt: \"Un mapa\" }\n---\nUno\n---\nDos",
    )]);
    let post = campaign.posts.iter().find(|post| post.id == PostId::new("chosen")).unwrap();
    let day = NaiveDate::from_ymd_opt(2026, 11, 27).unwrap();
    assert_eq!(post.when, When::At(Moment::Local(day.and_hms_opt(9, 0, 0).unwrap())));
    assert_eq!(post.accounts, [AccountName::new("eyes"), AccountName::new("vigila")]);
    assert_eq!(post.topic, Some(TopicId::new("ring")));
    assert_eq!(post.facts, [FactId::new("ring-2000")]);
    assert_eq!(post.lang, Lang::new("es"));
    assert_eq!(post.cw.as_deref(), Some("policía: sí"));
    assert_eq!(post.visibility, Visibility::Unlisted);
    let expires = DateTime::parse_from_rfc3339("2026-11-27T15:00:00-05:00").unwrap();
    assert_eq!(post.expires, Some(Moment::Instant(expires)));
    assert_eq!(post.readiness, Readiness::Draft);
    assert_eq!(post.late, Late::Hold);
    assert_eq!(post.media[0].file, root.path().join("posts/sub/../media/ring.png"));
    assert_eq!(post.media[0].alt, "Un mapa");
    assert_eq!(post.parts, ["Uno", "Dos"]);
}

#[test]
fn polls_and_repeated_posts_are_read() {
    let read = post("---\nevery: Tue 12:00\npoll: { options: [Yes, No], lasts: 2d }\n---\nHello?");
    assert_eq!(read.when, When::Every(Slot::parse("Tue 12:00").unwrap()));
    let poll = read.poll.unwrap();
    assert_eq!(poll.options, ["Yes", "No"]);
    assert_eq!(poll.lasts_seconds, 2 * 86_400);
    assert_eq!(
        post("---\nevery: { cron: \"0 12 * * Tue\" }\n---\nHi").when,
        When::Every(Slot::cron("0 12 * * Tue").unwrap())
    );
    assert_eq!(post("---\nevergreen: true\n---\nHi").when, When::Evergreen);
    assert_eq!(post("---\nevergreen: false\n---\nHi").when, When::NextSlot);
}

#[test]
fn posts_come_in_the_order_of_their_paths_and_only_from_their_files() {
    let (_root, campaign) = campaign(&[
        ("posts/b.md", "b"),
        ("posts/a/z.md", "z"),
        ("posts/.hidden.md", "no"),
        ("posts/.git/x.md", "no"),
        ("posts/media/x.md", "no"),
        ("posts/notes.doc", "no"),
    ]);
    let ids: Vec<&str> = campaign.posts.iter().map(|post| post.id.as_str()).collect();
    assert_eq!(ids, ["a/z", "b", "one"]);
}

#[test]
fn posts_are_read_again_against_the_loaded_campaign() {
    let (root, campaign) = campaign(&[]);
    fs::write(root.path().join("posts/two.md"), "---\naccounts: [eye]\n---\nTwo").unwrap();
    fs::write(root.path().join("posts/three.md"), "---\naccounts: [eyes]\ntopic: ring\n---\nThree").unwrap();
    let (posts, found) = load_posts(&campaign, now());
    let ids: Vec<&str> = posts.iter().map(|post| post.id.as_str()).collect();
    assert_eq!(ids, ["one", "three"]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].to_string(), "posts/two.md:2: error: there is no account `eye` — did you mean `eyes`?");
}
