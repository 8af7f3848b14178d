//! Each mistake under `posts/`, with its line.

use super::*;

/// A post whose front matter holds `keys` has exactly one finding, at `line`.
fn check(keys: &str, line: usize, expected: &str) {
    let found = findings(&[("posts/one.md", &format!("---\n{keys}\n---\nHello"))]);
    assert_eq!(found.len(), 1, "{keys}: {found:#?}");
    let expected = format!("posts/one.md:{line}: {expected}");
    assert!(found[0].starts_with(&expected), "{keys}\n expected {expected}\n found    {}", found[0]);
}

#[test]
fn mistakes_in_the_keys_of_a_post() {
    for (keys, line, expected) in [
        ("lang: es\nacounts: [eyes]", 3, "error: `acounts` is not a key of a post — did you mean `accounts`?"),
        ("cw: a\ncw: b", 3, "error: `cw` stands twice, first on line 2"),
        ("cw:", 2, "error: `cw` has no value"),
        ("- a", 2, "error: a post must be a table of keys, not a list"),
        ("at: 2026-11-27", 2, "error: `2026-11-27` names a day without a time"),
        ("at: 2026-02-30 09:00", 2, "error: `2026-02-30` does not exist"),
        ("at: [1]", 2, "error: `at` must be a text, not a list"),
        ("at: 2026-11-27 09:00\nevery: Tue 12:00", 3, "error: `at` and `every` are two meanings of time"),
        ("every: Tue 12:00\nevergreen: true", 3, "error: `every` and `evergreen` are two meanings of time"),
        ("every: Teu 12:00", 2, "error: `Teu` is not a day"),
        (
            "every: Tue 12:00\nfrom: 2027-02-01 00:00\nuntil: 2027-02-03 00:00\nskip: [2027-02-02]",
            2,
            "warning: no time of \"Tue 12:00\" is left before its `until`",
        ),
        (
            "every: Tue 12:00\nfrom: 2027-02-03 00:00\nuntil: 2027-02-05 00:00",
            2,
            "warning: no time of \"Tue 12:00\" is left before its `until`",
        ),
        ("evergreen: perhaps", 2, "error: `evergreen` must be true or false"),
        ("at: 2026-11-27 09:00\nexpires: 2026-11-27 09:00", 3, "error: the post expires before its time comes"),
        (
            "at: 2027-03-14 02:30",
            2,
            "warning: 2027-03-14 02:30 does not exist in America/New_York: the clocks go forward — it is taken for 2027-03-14 03:00",
        ),
        ("at: 2026-11-01 01:30", 2, "warning: 2026-11-01 01:30 comes twice in America/New_York"),
        ("at: 2026-09-14 11:30", 2, "warning: the post's time has passed"),
        ("at: 2026-09-13 09:00", 2, "warning: the post has expired"),
        ("expires: 2026-09-14 11:59", 2, "warning: the post has expired"),
        ("accounts: [eyse]", 2, "error: there is no account `eyse` — did you mean `eyes`?"),
        ("accounts: []", 2, "error: `accounts` names nobody"),
        ("accounts: [eyes, eyes]", 2, "warning: `eyes` stands twice under `accounts`"),
        ("topic: rign", 2, "error: no fact has the topic `rign` — did you mean `ring`?"),
        ("facts: [ring-2001]", 2, "error: there is no fact `ring-2001` — did you mean `ring-2000`?"),
        ("lang: english", 2, "error: `english` is not a language code"),
        ("lang: fr", 2, "warning: `fr` is not a language of this campaign — its languages: en, es"),
        ("visibility: pubic", 2, "error: `visibility` cannot be `pubic` — did you mean `public`?"),
        ("visibility: direct", 2, "warning: a direct post is seen only by those it names"),
        ("status: done", 2, "error: `status` cannot be `done`"),
        ("author: \" \"", 2, "error: `author` is empty"),
        ("late: never", 2, "error: `late` cannot be `never`"),
        ("id: two words", 2, "error: the id `two words` is more than one word"),
        ("id: queue-7", 1, "error: the id `queue-7` is kept for `watchpost queue add`"),
        ("poll: { options: [Yes] }", 2, "error: a poll needs at least two options"),
        ("poll: { options: [Yes, Yes, No] }", 2, "error: the poll option `Yes` stands twice"),
        ("poll: { options: [Yes, No], lasts: 1 day }", 2, "error: `1 day` "),
        ("poll: { options: [Yes, No], lasts: 1m }", 2, "warning: many servers take polls from five minutes"),
        ("poll:\n  options: [Yes, No]\n  last: 1d", 4, "error: `last` is not a key of a poll — did you mean `lasts`?"),
    ] {
        check(keys, line, expected);
    }
}

#[test]
fn mistakes_in_media() {
    let item = "{ file: media/ring.png, alt: A map }";
    for (keys, line, expected) in [
        ("media: media/ring.png".to_owned(), 2, "error: `media` must be a list, not a text"),
        ("media:\n  - media/ring.png".to_owned(), 3, "error: `media/ring.png` has no alt text"),
        ("media:\n  - file: media/ring.png".to_owned(), 3, "error: `media/ring.png` has no alt text"),
        (
            "media:\n  - file: media/ring.png\n    alt: \" \"".to_owned(),
            4,
            "error: `alt` is empty — describe what it shows",
        ),
        ("media:\n  - alt: A map".to_owned(), 3, "error: an attachment names no `file`"),
        ("media:\n  - { file: media/none.png, alt: x }".to_owned(), 3, "error: there is no file `media/none.png`"),
        ("media:\n  - { file: media/empty.png, alt: x }".to_owned(), 3, "error: `media/empty.png` is empty"),
        (
            "media:\n  - { file: media/sound.xyz, alt: x }".to_owned(),
            3,
            "error: servers do not take files like `media/sound.xyz`",
        ),
        (
            "media:\n  - { file: media/ring.png, atl: x, alt: y }".to_owned(),
            3,
            "error: `atl` is not a key of an attachment — did you mean `alt`?",
        ),
        (format!("media: [{item}, {item}, {item}, {item}, {item}]"), 2, "error: 5 attachments are more than the 4"),
        (format!("media: [{item}]\npoll: {{ options: [Yes, No] }}"), 3, "error: a post cannot have media and a poll"),
        (
            format!("media:\n  - file: media/ring.png\n    alt: {}", "long ".repeat(400)),
            4,
            "warning: the alt text has more than 1500",
        ),
    ] {
        check(&keys, line, expected);
    }
}

#[test]
fn a_large_picture_is_told() {
    let root = folder(&[("posts/one.md", "---\nmedia: [{ file: media/ring.png, alt: A map }]\n---\nHello")]);
    let picture = fs::File::options().write(true).open(root.path().join("posts/media/ring.png")).unwrap();
    picture.set_len(17 * 1024 * 1024).unwrap();
    let loaded = load(root.path(), now()).unwrap();
    assert_eq!(loaded.findings.len(), 1);
    let found = loaded.findings[0].to_string();
    assert!(found.starts_with("posts/one.md:2: warning: `media/ring.png` has 17 MB"), "{found}");
}

#[test]
fn mistakes_in_the_text() {
    let long = "word ".repeat(101);
    for (text, expected) in [
        ("", ":1: error: the post has no text"),
        ("---\nlang: es\n---\n\n", ":4: error: the post has no text"),
        ("One\n---\n\n---\nThree", ":3: error: part 2 of the thread is empty"),
        ("---\nlang: es\nHola", ":1: error: the front matter that begins here never ends"),
        ("lang: es\n---\nHola", ":1: error: these lines look like keys, but no --- stands above them"),
        (&long, ":1: warning: the text has 505 characters; many servers take 500 at most"),
        (&format!("One\n---\n{long}"), ":3: warning: part 2 has 505 characters"),
        (&format!("---\ncw: policing\n---\n{}", "word ".repeat(99)), ":4: warning: the text has 503 characters"),
        ("\u{200b}\u{feff}\n", ":1: error: nobody would see this text: all of its characters are invisible"),
        (
            "One\n----\nTwo",
            ":2: warning: `----` would be sent as text — a new part begins with a line of exactly three",
        ),
        ("One\n  ---\nTwo", ":2: warning: `---` would be sent as text"),
        ("One\nSign: https://pledge.example/x", ":2: warning: https://pledge.example/x is a placeholder"),
        (
            "One\n\nTwo #eyesonamazon",
            ":3: warning: screen readers cannot tell the words of #eyesonamazon — write #EyesOnAmazon",
        ),
    ] {
        let found = findings(&[("posts/one.md", text)]);
        assert_eq!(found.len(), 1, "{text}: {found:#?}");
        assert!(
            found[0].starts_with(&format!("posts/one.md{expected}")),
            "{text}\n expected {expected}\n found {found:#?}"
        );
    }
}

#[test]
fn a_placeholder_is_told_where_it_stands_first() {
    let link = "Sign: https://pledge.example/x";
    let found = findings(&[("posts/three.md", link), ("posts/two.md", link), ("posts/zwei.md", link)]);
    let placeholders: Vec<&String> = found.iter().filter(|found| found.contains("placeholder")).collect();
    assert_eq!(placeholders.len(), 1, "{found:#?}");
    assert!(
        placeholders[0].starts_with(
            "posts/three.md:1: warning: https://pledge.example/x is a placeholder; it stands in 2 more places"
        ),
        "{found:#?}"
    );
}

#[test]
fn a_file_that_only_calls_itself_a_picture_is_told() {
    let files = [
        ("posts/media/words.png", "These are words."),
        ("posts/one.md", "---\nmedia: [{ file: media/words.png, alt: A map }]\n---\nHello"),
    ];
    let found = findings(&files);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("posts/one.md:2: warning: `media/words.png` is named like a picture and holds none"));
}

#[test]
fn a_long_link_counts_as_servers_count_it() {
    let text = format!("{}https://pledge.org/{}", "word ".repeat(90), "x".repeat(300));
    assert_eq!(findings(&[("posts/one.md", &text)]), Vec::<String>::new());
}

#[test]
fn all_mistakes_of_a_post_are_told_at_once_and_it_is_left_out() {
    let files = [("posts/two.md", "---\nat: tomorrow\naccounts: [nobody]\ntopic: rign\ncolour: red\n---\n")];
    let found = findings(&files);
    assert_eq!(found.len(), 5, "{found:#?}");
    let root = folder(&files);
    let campaign = load(root.path(), now()).unwrap().campaign.unwrap();
    assert_eq!(campaign.posts.len(), 1);
}

#[test]
fn one_id_for_two_posts_is_told() {
    let found = findings(&[("posts/two.md", "---\nid: one\n---\nTwo")]);
    assert_eq!(
        found,
        [
            "posts/two.md:1: error: the id `one` is also that of posts/one.md — give one of the two another id or file name"
        ]
    );
}

#[test]
fn a_copy_with_the_id_of_another_post_never_speaks_in_its_place() {
    let check = |files: &[(&str, &str)], wrong: &[&str], left: &[&str]| {
        let root = folder(files);
        let loaded = load(root.path(), now()).unwrap();
        let errors = loaded.findings.iter().filter(|finding| finding.message.contains("is also that of"));
        assert_eq!(errors.map(|finding| finding.file.display().to_string()).collect::<Vec<_>>(), wrong);
        let mut words: Vec<String> =
            loaded.campaign.unwrap().posts.iter().map(|post| post.parts[0].trim().to_owned()).collect();
        words.retain(|words| left.contains(&words.as_str()) || words.starts_with("Copy"));
        assert_eq!(words, left);
    };
    // The name decides, not which comes first.
    check(
        &[
            ("posts/ring.md", "The post"),
            ("posts/aaa.md", "---\nid: ring\n---\nCopy"),
            ("posts/zzz.md", "---\nid: ring\n---\nCopy"),
        ],
        &["posts/aaa.md", "posts/zzz.md"],
        &["The post"],
    );
    // Nobody can tell which of the two is meant: neither goes out.
    check(
        &[("posts/a.md", "---\nid: map\n---\nCopy one"), ("posts/b.md", "---\nid: map\n---\nCopy two")],
        &["posts/a.md", "posts/b.md"],
        &[],
    );
}

#[test]
fn files_that_look_like_posts_but_are_not_read_are_told() {
    for name in ["posts/two.md.txt", "posts/two.txt", "posts/TWO.MD", "posts/two.markdown"] {
        let found = findings(&[(name, "Two")]);
        assert_eq!(
            found,
            [format!("{name}: warning: this file is not read: a post's name ends in .md — rename it if it is a post")]
        );
    }
}

#[test]
fn one_text_on_one_server_from_two_accounts_is_told_once() {
    let settings = SETTINGS.replace(":3001", ":3000");
    let found = findings(&[("config/watchpost.toml", &settings), ("posts/two.md", "Two")]);
    assert_eq!(
        found,
        ["posts/one.md:1: warning: eyes and vigila say the same on http://127.0.0.1:3000, and 1 more post does — \
          servers ban accounts that repeat each other: write one post for each, with `accounts:`, or give it `variants:`"]
    );
    let found = findings(&[
        ("config/watchpost.toml", &settings),
        ("posts/one.md", "---\naccounts: [eyes]\n---\nHello"),
        ("posts/two.md", "---\naccounts: [vigila]\n---\nhello\n"),
    ]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with(
        "posts/two.md:4: warning: another account says the same on http://127.0.0.1:3000, in posts/one.md"
    ));
}

#[test]
fn one_text_from_one_account_in_two_files_is_told() {
    let found = findings(&[("posts/two.md", "Hello\n")]);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("posts/two.md:1: warning: eyes says the same in posts/one.md"), "{found:#?}");
}

#[test]
fn posts_that_wait_for_slots_nobody_has_are_told() {
    let settings = SETTINGS.replace("slots = [\"Sat 11:00\"]\n", "");
    let files = [("config/watchpost.toml", settings.as_str()), ("posts/two.md", "---\nevergreen: true\n---\nTwo")];
    let found = findings(&files);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("config/watchpost.toml:13: warning: vigila has no slots, and 2 posts wait for one"));
    let found = findings(&[files[0], ("posts/one.md", "---\nat: 2026-12-01 09:00\n---\nHello")]);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_campaign_without_posts_is_told() {
    let root = folder(&[]);
    fs::remove_dir_all(root.path().join("posts")).unwrap();
    let loaded = load(root.path(), now()).unwrap();
    assert_eq!(loaded.findings.len(), 1);
    assert_eq!(
        loaded.findings[0].to_string(),
        "posts: warning: there is no folder `posts`: nothing will be posted — make it and put a file NAME.md into it"
    );
}

#[test]
fn mistakes_in_the_keys_that_repeat_and_order_a_post() {
    for (keys, line, expected) in [
        ("every: Tue 12:00\nfrom: 2026-02-30 09:00", 3, "error: `2026-02-30` does not exist"),
        (
            "every: Tue 12:00\nfrom: 2026-12-01 00:00\nuntil: 2026-12-01 00:00",
            4,
            "error: the post ends before it begins",
        ),
        ("every: Tue 12:00\nuntil: 2026-09-01 12:00", 3, "warning: the post has ended"),
        (
            "at: 2026-11-27 09:00\nuntil: 2026-12-01 00:00",
            3,
            "error: `until` means nothing here — it is for posts with `every`",
        ),
        (
            "until: 2026-12-01 00:00",
            2,
            "error: `until` means nothing here — it is for posts with `every` or `evergreen`; to choose",
        ),
        ("every: Tue 12:00\nfrom: 2027-03-14 02:30", 3, "warning: 2027-03-14 02:30 does not exist in America/New_York"),
        ("every: Tue 12:00\ntimes: 0", 3, "error: `times` cannot be `0` — write a whole number from 1"),
        ("every: Tue 12:00\ntimes: twice", 3, "error: `times` cannot be `twice`"),
        (
            "every: Tue 12:00\nskip: [2026-12-24 12:00]",
            3,
            "error: `every` does not come round at 2026-12-24 12:00 — the next time is 2026-12-29 12:00",
        ),
        (
            "every: Tue 12:00\nskip:\n  - 2026-12-22\n  - 2026-12-23",
            5,
            "error: `every` does not come round at 2026-12-23",
        ),
        ("every: Tue 12:00\nskip: [2026-12-22T12:00:00Z]", 3, "error: `2026-12-22T12:00:00Z` has an offset"),
        (
            "every: Tue 12:00\ncooldown: 21d",
            3,
            "error: `cooldown` means nothing here — a post with `every` has no rest",
        ),
        ("evergreen: true\ncooldown: 36h", 3, "error: `cooldown` is counted in days, not `36h`"),
        ("evergreen: true\ncooldown: 3 weeks", 3, "error: `3 weeks` "),
        ("evergreen: true\nskip: [2026-12-22]", 3, "error: `skip` means nothing here"),
        ("priority: high", 2, "error: `priority` cannot be `high` — write a whole number"),
        ("at: 2026-11-27 09:00\npriority: 3", 3, "error: `priority` means nothing here"),
        ("slot: 2026-12-01", 2, "error: `2026-12-01` names a day without a time"),
        ("slot: 2026-09-12 11:00", 2, "warning: the post has expired"),
        (
            "slot: 2026-12-01 10:00",
            2,
            "warning: no account of this post has a slot at Tuesday 2026-12-01 10:00 — pin it to a time that stands",
        ),
        ("slot: 2026-12-01 09:00\nevery: Tue 12:00", 2, "error: `slot` does not go with another meaning of time"),
        (
            "slot: 2026-12-01 09:00\nexpires: 2026-12-01 08:00",
            3,
            "error: the post expires before its time comes — set `expires` after `slot`",
        ),
        ("variants: two", 2, "error: `variants` must be a list, not a text"),
        ("variants:\n  - { text: Hola }", 3, "error: a variant names no accounts and no language"),
        ("variants:\n  - { lang: es }", 3, "error: a variant has no words"),
        ("variants:\n  - { lang: es, text: Hola, texts: [Hola] }", 3, "error: a variant has `text` and `texts`"),
        ("variants:\n  - { lang: es, texts: [Hola, Adios] }", 3, "error: the post has 1 parts, this variant has 2"),
        ("variants:\n  - { accounts: [eyse], text: Hola }", 3, "error: there is no account `eyse`"),
        ("variants:\n  - { lang: spanish, text: Hola }", 3, "error: `spanish` is not a language code"),
        ("variants:\n  - { lang: es, text: \" \" }", 3, "error: `text` is empty"),
        ("variants:\n  - { lang: es, txt: Hola, text: Hola }", 3, "error: `txt` is not a key of a variant"),
        (
            "accounts: [eyes]\nvariants:\n  - { accounts: [vigila], text: Hola }",
            4,
            "error: a variant is for vigila, and the post is not",
        ),
    ] {
        check(keys, line, expected);
    }
}

#[test]
fn what_repeats_orders_and_varies_a_post_is_read() {
    let root = folder(&[
        (
            "posts/every.md",
            "---\nevery: Tue 12:00\nfrom: 2026-10-01 00:00\nuntil: 2027-01-01 00:00\nskip: [2026-12-22, 2026-12-29 12:00]\ntimes: 9\n---\nA",
        ),
        ("posts/green.md", "---\nevergreen: true\ncooldown: 2w\ntimes: 3\npriority: -1\n---\nB"),
        (
            "posts/pinned.md",
            "---\nslot: 2026-12-05 11:00\npriority: 7\nvariants:\n  - { lang: es, texts: [C2] }\n---\nC",
        ),
    ]);
    let loaded = load(root.path(), now()).unwrap();
    assert_eq!(loaded.findings, []);
    let campaign = loaded.campaign.unwrap();
    let post = |id: &str| campaign.posts.iter().find(|post| post.id.as_str() == id).unwrap();
    let local = |text: &str| chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
    let repeat = &post("every").repeat;
    assert_eq!(repeat.skip, [local("2026-12-22 12:00"), local("2026-12-29 12:00")]);
    assert_eq!(repeat.from, Some(crate::core::post::Moment::Local(local("2026-10-01 00:00"))));
    assert_eq!((repeat.times, repeat.until.is_some()), (Some(9), true));
    assert_eq!((post("green").repeat.cooldown_days, post("green").repeat.times), (Some(14), Some(3)));
    assert_eq!((post("green").order.priority, post("pinned").order.priority), (-1, 7));
    assert_eq!(post("pinned").order.slot, Some(local("2026-12-05 11:00")));
    let words =
        |account: &str, speaks: &str| post("pinned").words_for(&account.into(), Some(&speaks.into())).0.to_vec();
    assert_eq!((words("eyes", "en"), words("vigila", "es")), (vec!["C".to_owned()], vec!["C2".to_owned()]));
}

#[test]
fn an_exact_time_that_stands_against_a_rule_is_told_once_at_its_line() {
    let settings = SETTINGS.replace("[campaign]\n", "[campaign]\nquiet = \"22:00-07:00\"\nmin_spacing = \"30m\"\n");
    let found = findings(&[
        ("config/watchpost.toml", &settings),
        ("posts/a.md", "---\nat: 2026-11-27 23:00\naccounts: [eyes]\n---\nAt night"),
        ("posts/b.md", "---\nlang: en\nat: 2026-11-27 12:00\naccounts: [eyes]\n---\nAt noon"),
        ("posts/c.md", "---\nat: 2026-11-27 12:10\naccounts: [eyes]\n---\nAfter noon"),
        ("posts/d.md", "---\nevery: daily 06:00\naccounts: [eyes]\nuntil: 2026-09-17 00:00\n---\nEarly"),
    ]);
    let hint = "a post with a time of its own goes out all the same: move it if it should not";
    assert_eq!(
        found,
        [
            format!("posts/a.md:2: warning: eyes says this at 2026-11-27 23:00, in quiet hours — {hint}"),
            format!("posts/c.md:2: warning: eyes says this at 2026-11-27 12:10, only 10 min from b — {hint}"),
            format!(
                "posts/d.md:2: warning: eyes says this at 2026-09-15 06:00, in quiet hours, and 1 more time — {hint}"
            ),
        ]
    );
}

#[test]
fn near_copies_that_meet_on_a_server_are_told() {
    let text = "Amazon sells cameras to towns, and police ask for the pictures without a court. Ask your council what it signed.";
    let near = text.replace("towns", "cities");
    let found = findings(&[("posts/a.md", text), ("posts/b.md", &near)]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].starts_with("posts/b.md:1: warning: it says nearly the same as posts/a.md (81 % alike)"),
        "{found:#?}"
    );
    // On servers of their own nobody hears both; with words of its own neither does the second account.
    let found = findings(&[
        ("posts/a.md", &format!("---\naccounts: [eyes]\n---\n{text}")),
        ("posts/b.md", &format!("---\naccounts: [vigila]\n---\n{near}")),
    ]);
    assert_eq!(found, Vec::<String>::new());
    let settings = SETTINGS.replace(":3001", ":3000").replace("name = \"vigila\"", "name = \"vigila\"\nlang = \"es\"");
    let found = findings(&[
        ("config/watchpost.toml", &settings),
        ("posts/one.md", "---\nvariants: [{ lang: es, text: Hola }]\n---\nHello"),
    ]);
    assert_eq!(found, Vec::<String>::new());
}
