//! Posts with every field and hard texts, written and read back; and bytes that are no table at all.

use chrono::{NaiveDate, NaiveDateTime};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::campaign::markdown::post_files;
use crate::campaign::{Campaign, load_posts, post_file};
use crate::core::ids::{AccountName, FactId, Lang, PostId, TopicId};
use crate::core::intake::Keeper;
use crate::core::post::{Late, Media, Moment, Order, Poll, Readiness, Repeat, Variant, Visibility};
use crate::core::schedule::Slot;

/// Pieces that make texts hard: for spreadsheets, for YAML, for the lines between parts, for screens.
const PIECES: [&str; 44] = [
    "=1+1",
    "+",
    "-",
    "@eyes",
    "'",
    "''",
    "'=",
    "\"",
    "\"\"",
    ",",
    ";",
    "|",
    "\t",
    "\n",
    "\n\n",
    " ",
    "---x",
    " ---",
    "----",
    "--",
    "# ",
    ": ",
    "{",
    "[",
    "&a",
    "*a",
    "!x",
    "%",
    "\\",
    "\\n",
    "\\u0041",
    "sep=;",
    "👩‍👩‍👧‍👦",
    "\u{202e}",
    "\u{200d}",
    "ñ",
    "\u{85}",
    "\u{2028}",
    "\u{a0}",
    "\u{feff}",
    "＝",
    "~",
    "null",
    "a",
];

/// Whether anybody would see something of this text.
fn is_seen(text: &str) -> bool {
    text.chars().any(|letter| !letter.is_whitespace() && !crate::core::text::is_invisible(letter))
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(select(&PIECES[..]), 1..12)
        .prop_map(|pieces| pieces.concat())
        .prop_filter("a text says something", |text| is_seen(text))
}

/// The texts of a thread, as reading leaves them.
fn parts() -> impl Strategy<Value = Vec<String>> {
    let part = text()
        .prop_map(|text| post_file::parts(&text))
        .prop_filter("a part that is not blank", |parts| parts.iter().all(|part| is_seen(part)));
    proptest::collection::vec(part, 1..4).prop_map(|parts| parts.concat())
}

fn local() -> impl Strategy<Value = NaiveDateTime> {
    (0..3_000_u32, 0..86_400_u32, any::<bool>()).prop_map(|(days, seconds, whole)| {
        let seconds = if whole { seconds / 60 * 60 } else { seconds };
        let day = NaiveDate::from_ymd_opt(2027, 1, 1).unwrap() + chrono::Duration::days(days.into());
        day.and_hms_opt(0, 0, 0).unwrap() + chrono::Duration::seconds(seconds.into())
    })
}

fn moment() -> impl Strategy<Value = Moment> {
    (local(), proptest::option::of(-14 * 4..14 * 4_i32)).prop_map(|(local, quarters)| match quarters {
        None => Moment::Local(local),
        Some(quarters) => {
            let offset = chrono::FixedOffset::east_opt(quarters * 900).unwrap();
            Moment::Instant(local.and_local_timezone(offset).unwrap())
        }
    })
}

fn when() -> impl Strategy<Value = When> {
    let weekly =
        select(&["Tue 12:00", "Mon-Fri 09:00,17:30", "daily 08:00:30"][..]).prop_map(|it| Slot::parse(it).unwrap());
    let cron = select(&["0 30 17 * * Tue,Thu", "0 9 1 * *"][..]).prop_map(|it| Slot::cron(it).unwrap());
    prop_oneof![
        moment().prop_map(When::At),
        weekly.prop_map(When::Every),
        cron.prop_map(When::Every),
        Just(When::Evergreen),
        Just(When::NextSlot),
    ]
}

fn extra() -> impl Strategy<Value = (Vec<String>, Option<Poll>)> {
    let poll = (proptest::collection::hash_set(text(), 2..5), 300..4_000_000_i64);
    prop_oneof![
        Just((Vec::new(), None)),
        proptest::collection::vec(text(), 1..5).prop_map(|alts| (alts, None)),
        poll.prop_map(|(options, lasts_seconds)| {
            (Vec::new(), Some(Poll { options: options.into_iter().collect(), lasts_seconds }))
        }),
    ]
}

fn post() -> impl Strategy<Value = Post> {
    let place = (when(), proptest::option::of(1..1_000_000_i64), subsequence(vec!["eyes", "vigila"], 0..=2));
    let about = (any::<bool>(), any::<bool>(), select(&["en", "es", "es-MX"][..]), proptest::option::of(text()));
    let words = (
        select(&[Visibility::Public, Visibility::Unlisted, Visibility::Private, Visibility::Direct][..]),
        select(&[Readiness::Ready, Readiness::Review, Readiness::Draft][..]),
        select(&[Late::Send, Late::Hold, Late::Skip][..]),
    );
    (place, about, words, extra(), parts()).prop_map(|(place, about, words, (alts, poll), parts)| {
        let (when, lasts, accounts) = place;
        let (topic, facts, lang, cw) = about;
        let expires = match (&when, lasts) {
            (When::At(Moment::Local(at)), Some(lasts)) => {
                Some(Moment::Local(*at + chrono::Duration::hours(24) + chrono::Duration::seconds(lasts)))
            }
            (When::At(Moment::Instant(at)), Some(lasts)) => {
                Some(Moment::Instant(*at + chrono::Duration::seconds(lasts)))
            }
            (When::Every(_) | When::Evergreen | When::NextSlot | When::At(_), _) => None,
        };
        let (repeat, order, expires) = bounds(&when, lasts.unwrap_or_default(), expires);
        let speakers: Vec<AccountName> = accounts.iter().take(1).map(|name| AccountName::from(*name)).collect();
        let mut variants = Vec::new();
        if facts {
            let parts = parts.iter().map(|part| format!("other {}", part.trim())).collect();
            variants.push(Variant { lang: speakers.is_empty().then(|| Lang::from("es")), accounts: speakers, parts });
        }
        let file = |alt: String| Media::new(PathBuf::from("posts/media/ring.png"), alt);
        Post {
            accounts: accounts.into_iter().map(AccountName::from).collect(),
            author: topic.then(|| "Ana-María, =of the team".to_owned()),
            topic: topic.then(|| TopicId::from("ring")),
            facts: if facts { vec![FactId::from("ring-2000")] } else { Vec::new() },
            cw,
            visibility: words.0,
            expires,
            readiness: words.1,
            late: words.2,
            repeat,
            order,
            variants,
            media: alts.into_iter().map(file).collect(),
            poll,
            ..Post::new(PostId::new(""), when, Lang::from(lang), parts)
        }
    })
}

/// What a post with this meaning of time may say beside it.
fn bounds(when: &When, seed: i64, expires: Option<Moment>) -> (Repeat, Order, Option<Moment>) {
    let day = |plus: i64| NaiveDate::from_ymd_opt(2027, 3, 1).unwrap() + chrono::Duration::days(plus);
    let at = |plus: i64| day(plus).and_hms_opt(9, 0, 0).unwrap();
    let some = |bit: i64| seed >> bit & 1 == 1;
    let bounded = |skip: Vec<NaiveDateTime>, cooldown_days: Option<u32>| Repeat {
        from: some(1).then(|| Moment::Local(at(0))),
        until: some(2).then(|| Moment::Instant(at(seed % 300 + 1).and_utc().fixed_offset())),
        times: some(3).then_some(7),
        skip,
        cooldown_days,
    };
    let order = Order { priority: if some(4) { -10 } else { 0 }, ..Order::default() };
    match when {
        When::At(_) => (Repeat::default(), Order::default(), expires),
        When::Every(slot) => {
            let from = at(0);
            let times = slot.local_times(from, from + chrono::Duration::days(40));
            (bounded(times.take(if some(5) { 2 } else { 0 }).collect(), None), Order::default(), expires)
        }
        When::Evergreen => (bounded(Vec::new(), some(6).then_some(42)), order, expires),
        When::NextSlot => (Repeat::default(), Order { slot: some(7).then(|| at(9)), ..order }, expires),
    }
}

/// Posts with ids of every kind, in an order that paths would not have.
fn posts(ids: &'static [&'static str]) -> impl Strategy<Value = Vec<Post>> {
    (proptest::collection::vec(post(), ids.len()), Just(ids).prop_map(<[&str]>::to_vec).prop_shuffle()).prop_map(
        |(posts, ids)| posts.into_iter().zip(ids).map(|(post, id)| Post { id: PostId::from(id), ..post }).collect(),
    )
}

const IDS: &[&str] = &["010-ring", "es/010-ring", "ñandú", "-x", "a:b", "=1+1", "x.y", "Ring,Neighbors", "#1"];

fn campaign() -> (tempfile::TempDir, Campaign) {
    let root = campaigns::folder(&[]);
    let campaign = load(root.path(), campaigns::now()).unwrap().campaign.unwrap();
    (root, campaign)
}

/// Pictures stand where the campaign is.
fn placed(posts: Vec<Post>, root: &Path) -> Vec<Post> {
    let mut posts = posts;
    for media in posts.iter_mut().flat_map(|post| &mut post.media) {
        media.file = root.join(&media.file);
    }
    posts
}

/// How tables begin.
const HEADS: [&[u8]; 6] = [
    b"",
    b"text,when\n",
    b"text;date;time\n",
    b"\xff\xfet\0e\0x\0t\0\n\0",
    b"\xef\xbb\xbftext\tat\n",
    b"sep=|\ntext|at\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_queue_written_as_a_table_is_read_back_as_it_was(posts in posts(IDS)) {
        let (root, campaign) = campaign();
        let posts = placed(posts, root.path());
        let bytes = write(&posts.iter().collect::<Vec<_>>(), root.path(), Some(&root.path().join("posts"))).unwrap();
        let file = root.path().join("posts/table.csv");
        fs::write(&file, bytes).unwrap();
        let sheet = read(&campaign, &file, None, campaigns::now()).unwrap();
        let wrong: Vec<String> = sheet.findings.iter().filter(|it| it.level == Level::Error).map(ToString::to_string).collect();
        prop_assert_eq!(wrong, Vec::<String>::new());
        let back: Vec<Post> = sheet.rows.into_iter().filter_map(|row| row.post).collect();
        prop_assert_eq!(back, posts);
    }

    #[test]
    fn a_queue_written_as_post_files_is_read_back_as_it_was(posts in posts(IDS), added in posts(&["queue-1", "b", "queue-10"])) {
        let (root, campaign) = campaign();
        let (posts, added) = (placed(posts, root.path()), placed(added, root.path()));
        let kept = |keeper| move |post| (post, keeper);
        let all: Vec<(&Post, Keeper)> =
            posts.iter().map(kept(Keeper::File)).chain(added.iter().map(kept(Keeper::Queue))).collect();
        let files = post_files(root.path(), &all);
        fs::remove_file(root.path().join("posts/one.md")).unwrap();
        for file in files {
            let path = root.path().join("posts").join(file.path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file.text).unwrap();
        }
        let (back, findings) = load_posts(&campaign, campaigns::now());
        let wrong: Vec<String> = findings.iter().filter(|it| it.level == Level::Error).map(ToString::to_string).collect();
        prop_assert_eq!(wrong, Vec::<String>::new());
        let comparable = |post: &Post| {
            let mut post = post.clone();
            post.id = PostId::new(post.id.as_str().trim_start_matches("from-"));
            for media in &mut post.media {
                media.file = fs::canonicalize(&media.file).unwrap();
            }
            post
        };
        let expected: Vec<Post> = posts.iter().chain(&added).map(comparable).collect();
        prop_assert_eq!(back.iter().map(|post| comparable(post)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn any_bytes_are_rows_or_messages_and_never_a_panic(
        head in select(&HEADS[..]),
        bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..600),
            proptest::collection::vec(select(&b"a,;\t\n\r\"'=-/.:0123456789 \xe9\xc3\xb1"[..]), 0..600),
        ],
    ) {
        let read = read_with(&[head, &bytes].concat(), None);
        if let Ok(sheet) = read.result {
            for row in &sheet.rows {
                let said = sheet.findings.iter().any(|it| it.row == row.row && it.level == Level::Error);
                prop_assert!(row.post.is_some() != said || sheet.untold > 0 , "row {} has neither post nor error, or both", row.row);
                if let Some(post) = &row.post {
                    prop_assert!(post.parts.iter().all(|part| !part.trim().is_empty()));
                }
            }
        }
    }
}
