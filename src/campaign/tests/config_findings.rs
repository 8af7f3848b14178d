//! Each mistake under `config/`, with its line.

use super::*;

#[test]
fn mistakes_in_the_settings() {
    for (line, written, expected) in [
        (2, "name = \"\"", "error: `name` is empty"),
        (2, "nane = \"x\"\nname = \"Test\"", "error: `nane` is not a key of [campaign] — did you mean `name`?"),
        (
            3,
            "timezone = \"America/New_Yrok\"",
            "error: `America/New_Yrok` is not a time zone — did you mean `America/New_York`?",
        ),
        (3, "", "config/watchpost.toml:1: error: [campaign] has no `timezone`"),
        (4, "languages = []", "error: [campaign] names no languages"),
        (4, "languages = [\"en\", \"es\", \"Spanish\"]", "error: `Spanish` is not a language code"),
        (4, "languages = [\"en\", \"es\", \"en-GB\"]", "error: the language `en-GB` stands twice"),
        (5, "hashtags = [\"EyesOnAmazon\"]", "error: the hashtag `EyesOnAmazon` does not begin with #"),
        (5, "hashtags = [\"#eyesonamazon\"]", "warning: screen readers cannot tell the words of #eyesonamazon"),
        (8, "name = \"the eyes\"", "error: `the eyes` cannot be the name of an account"),
        (8, "name = \"vigila\"", "config/watchpost.toml:13: error: the account `vigila` stands twice, first on line 7"),
        (9, "server = \"https://social.example\"", "warning: the server of eyes is a placeholder"),
        (9, "server = \"http://social.org\"", "error: `http://social.org` would send the token unprotected"),
        (9, "server = \"https://social.org:0\"", "error: `https://social.org:0` names port 0, where no server listens"),
        (9, "server = \"https://social.org/@eyes\"", "error: `https://social.org/@eyes` says more than the server"),
        (9, "server = \"social.org\"", "error: `social.org` is not an address"),
        (9, "", "config/watchpost.toml:7: error: [[accounts]] has no `server`"),
        (10, "token = { file = \"secrets/none\" }", "warning: eyes has no token: the token file"),
        (
            10,
            "token = { env = \"WATCHPOST_TEST_UNSET\" }",
            "warning: eyes has no token: the environment variable WATCHPOST_TEST_UNSET is not set",
        ),
        (10, "token = { fiel = \"secrets/eyes\" }", "error: `fiel` is not a place for a token — did you mean `file`?"),
        (10, "token = { file = \"secrets/eyes\", env = \"X\" }", "error: eyes names two places for its token"),
        (10, "token = \"abc-secret\"", "error: a token never stands in this file"),
        (
            10,
            "streaming = \"https://x.org\"\ntoken = { file = \"secrets/eyes\" }",
            "error: `https://x.org` is not the address of a stream",
        ),
        (
            10,
            "",
            "config/watchpost.toml:7: warning: eyes names no token, and storing one with `watchpost account login` is not built yet",
        ),
        (11, "slots = [\"Mon 09:00\", \"Mon-Fry 09:00\"]", "error: `Fry` is not a day"),
        (11, "slots = [\"Mon 09:00\", { cron = \"0 9 * * 8\" }]", "error: "),
        (11, "slots = \"Mon 09:00\"", "error: `slots` must be a list, not a text"),
        (
            5,
            "quiet = \"17:00-18:00\"",
            "config/watchpost.toml:7: warning: the slot \"0 30 17 * * Tue,Thu\" of eyes always lies in quiet hours",
        ),
        (11, "slots = []", "config/watchpost.toml:7: warning: eyes has no slots, and 1 post waits for one"),
    ] {
        check_line("config/watchpost.toml", SETTINGS, line, written, expected);
    }
}

#[test]
fn mistakes_in_further_sections() {
    for (section, expected) in [
        ("[store]\nurl = \"postgres://me:hush@db\"", ":19: error: the store's address names no database"),
        ("[store]\nurl = \"postgres://me:hu/sh@db/x\"", ":19: error: the store's address cannot be read"),
        ("[store]\nurl = \"mysql://x\"", ":19: error: the store's address must begin with sqlite:// or postgres://"),
        ("[store]\nurl = \"sqlite://\"", ":19: error: the store's address names no database file"),
        ("[web]\nlisten = \"127.0.0.1:8710\"", ":19: warning: the staff page is not built yet"),
        ("[web]\nlisten = \"8710\"", ":19: error: `8710` is not an address to listen on"),
        ("[replies]\nmax_age = \"24\"", ":19: error: `24` "),
        ("[replies]\ntemplate = \"{fact}\"", ":19: error: the template lacks"),
        ("[replies]\nenabled = \"maybe\"", ":19: error: `enabled` must be true or false"),
        ("[replies.limits]\nper_thread = \"many\"", ":19: error: `per_thread` must be a whole number"),
        (
            "[replys]\nenabled = true",
            ":18: error: `replys` is not a key of config/watchpost.toml — did you mean `replies`?",
        ),
    ] {
        let found = findings(&[("config/watchpost.toml", &format!("{SETTINGS}{section}\n"))]);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].starts_with(&format!("config/watchpost.toml{expected}")), "{section}: {found:#?}");
        assert!(!found[0].contains("hush"), "{found:#?}");
    }
}

#[test]
fn two_accounts_with_one_token_on_one_server_are_one_account() {
    let settings = SETTINGS.replace("secrets/vigila", "secrets/eyes").replace(":3001", ":3000");
    let found = findings(&[("config/watchpost.toml", &settings), ("posts/one.md", "---\naccounts: [eyes]\n---\nHi")]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].starts_with("config/watchpost.toml:13: error: `vigila` and `eyes` have the same server and token")
    );
}

#[test]
fn a_campaign_without_accounts_or_campaign_is_told() {
    let found = findings(&[("config/watchpost.toml", "")]);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("config/watchpost.toml: error: there is no [campaign]"), "{found:#?}");
    assert!(found[1].starts_with("config/watchpost.toml: warning: there are no [[accounts]]"), "{found:#?}");
}

#[test]
fn mistakes_in_links() {
    for (line, written, expected) in [
        (2, "id = \"the pledge\"", "error: the id `the pledge` is more than one word"),
        (3, "url = \"https://pledge.example/\"", "warning: https://pledge.example/ is a placeholder"),
        (3, "url = \"pledge.org\"", "error: `pledge.org` is not an address"),
        (4, "label = { en = \"Sign\" }", "warning: the label of this link has no text in `es`"),
        (4, "label = { es = \"Firma\" }", "error: the label of this link has no text in `en`"),
        (
            4,
            "label = { en = \"Sign\", es = \"Firma\", fr = \"Signez\" }",
            "warning: `fr` is not a language of this campaign",
        ),
        (4, "label = { en = \"Sign\", es = \"Firma\", english = \"x\" }", "error: `english` is not a language code"),
    ] {
        let links = format!("{LINKS}[[links]]\nid = \"other\"\nurl = \"https://a.org\"\nlabel = \"A\"\n");
        // The fact names `pledge`; a link that lost its id takes that finding along.
        let facts = FACTS.replace("link = \"pledge\"", "link = \"other\"");
        let text: Vec<&str> =
            links.lines().enumerate().map(|(at, old)| if at + 1 == line { written } else { old }).collect();
        let found = findings(&[("config/links.toml", &text.join("\n")), ("config/facts.toml", &facts)]);
        assert_eq!(found.len(), 1, "{written}: {found:#?}");
        assert!(found[0].starts_with(&format!("config/links.toml:{line}: {expected}")), "{written}: {found:#?}");
    }
    let found = findings(&[("config/links.toml", &format!("{LINKS}{LINKS}"))]);
    assert_eq!(
        found,
        ["config/links.toml:6: error: the link `pledge` stands twice, first on line 2 — give each its own id"]
    );
}

#[test]
fn mistakes_in_facts() {
    for (line, written, expected) in [
        (1, "compny = [\"amazon\"]", "error: `compny` is not a key of config/facts.toml — did you mean `company`?"),
        (5, "title = { en = \"release\" }", "warning: the title of this source has no text in `es`"),
        (6, "date = \"July 2022\"", "error: `July 2022` is not a date"),
        (6, "date = \"2022-13\"", "error: there is no month 2022-13"),
        (6, "date = 2030-01-01", "error: `date` lies in the future: 2030-01-01"),
        (6, "url = \"https://a.test/x\"\ndate = \"2022\"", "warning: https://a.test/x is a placeholder"),
        (6, "", "config/facts.toml:3: error: there is no `date`"),
        (10, "", "config/facts.toml:8: error: [[facts]] has no `topic`"),
        (13, "text = { en = \"2,000.\" }", "warning: the fact `ring-2000` has no text in `es`"),
        (13, "text = { es = \"2.000.\" }", "error: the fact `ring-2000` has no text in `en`"),
        (
            13,
            "text = { en = \"2,000, says @ann@a.org.\", es = \"2.000\" }",
            "error: the fact `ring-2000` names @ann@a.org: every answer with it would write to them",
        ),
        (
            13,
            "text = { en = \"2,000 \\u202E\", es = \"2.000\" }",
            "error: the fact `ring-2000` holds U+202E, a sign that nobody sees",
        ),
        (
            13,
            "text = { en = \"2,000, see {source}\", es = \"2.000\" }",
            "error: the fact `ring-2000` holds {source}, which is filled in the template only",
        ),
        (13, "text = \"2,000\"", "error: `text` needs its language — write text = { en = \"…\" }"),
        (13, "", "config/facts.toml:8: error: the fact `ring-2000` has no `text`"),
        (14, "source = \"relaese\"", "error: there is no source `relaese` — did you mean `release`?"),
        (15, "as_of = \"2022-02-30\"", "error: there is no day 2022-02-30"),
        (15, "as_of = 2022", ""),
        (15, "as_of = 2099-01-01", "error: `as_of` lies in the future: 2099-01-01"),
        (16, "link = \"pledg\"", "error: there is no link `pledg` — did you mean `pledge`?"),
        (
            16,
            "link = \"pledge\"\nreview_by = 2026-09-14",
            "config/facts.toml:17: warning: the fact `ring-2000` is stale",
        ),
        (16, "link = \"pledge\"\nreview_by = 2026-09-15", ""),
        (
            16,
            "link = \"pledge\"\nsupersedes = \"ring-1600\"",
            "config/facts.toml:17: error: there is no fact `ring-1600`",
        ),
        (
            16,
            "link = \"pledge\"\nsupersedes = \"ring-2000\"",
            "config/facts.toml:17: error: the fact `ring-2000` replaces itself",
        ),
        (
            16,
            "link = \"pledge\"\nkeyword = [\"x\"]",
            "config/facts.toml:17: error: `keyword` is not a key of [[facts]] — did you mean `keywords`?",
        ),
    ] {
        if expected.is_empty() {
            let text: Vec<&str> =
                FACTS.lines().enumerate().map(|(at, old)| if at + 1 == line { written } else { old }).collect();
            assert_eq!(findings(&[("config/facts.toml", &text.join("\n"))]), Vec::<String>::new(), "{written}");
        } else if line == 10 {
            // Without its topic the fact is gone, and with it the topic that commands name.
            let text: Vec<&str> =
                FACTS.lines().enumerate().map(|(at, old)| if at + 1 == line { written } else { old }).collect();
            let found = findings(&[("config/facts.toml", &text.join("\n")), ("config/commands.toml", "")]);
            assert_eq!(found.len(), 1, "{found:#?}");
            assert!(found[0].starts_with(expected), "{found:#?}");
        } else {
            check_line("config/facts.toml", FACTS, line, written, expected);
        }
    }
}

#[test]
fn facts_that_nobody_can_ask_for_that_repeat_or_that_are_too_long_are_told() {
    let silent = FACTS.replace("keywords = [\"doorbell\"]\nweak = [\"ring\"]\n", "");
    let found = findings(&[("config/facts.toml", &silent)]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("config/facts.toml:8: warning: the fact `ring-2000` has no keywords"));

    let (_, again) = FACTS.split_once("[[facts]]").unwrap();
    let found = findings(&[("config/facts.toml", &format!("{FACTS}[[facts]]{again}"))]);
    assert_eq!(
        found,
        ["config/facts.toml:18: error: the fact `ring-2000` stands twice, first on line 9 — give each its own id"]
    );

    let long = FACTS.replace("2.000 acuerdos.", &"muy ".repeat(120));
    let found = findings(&[("config/facts.toml", &long)]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].starts_with("config/facts.toml:9: warning: the fact `ring-2000` does not fit into a reply in `es`"),
        "{found:#?}"
    );
}

#[test]
fn facts_that_replace_each_other_in_a_circle_are_told() {
    let (_, fact) = FACTS.split_once("[[facts]]").unwrap();
    let first = format!("{FACTS}supersedes = \"b\"\n");
    let second = format!("[[facts]]{}supersedes = \"ring-2000\"\n", fact.replace("ring-2000", "b"));
    let found = findings(&[("config/facts.toml", &format!("{first}{second}"))]);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("config/facts.toml:17: error: the fact `ring-2000` replaces itself"), "{found:#?}");
    assert!(found[1].starts_with("config/facts.toml:27: error: the fact `b` replaces itself"), "{found:#?}");
}

#[test]
fn a_campaign_without_facts_is_told_that_it_cannot_answer() {
    let root = folder(&[("config/commands.toml", "")]);
    fs::remove_file(root.path().join("config/facts.toml")).unwrap();
    let loaded = load(root.path(), now()).unwrap();
    let found: Vec<String> = loaded.findings.iter().map(ToString::to_string).collect();
    assert_eq!(found, ["config/facts.toml: warning: there is no such file: mentions cannot be answered"]);
    assert!(loaded.campaign.is_some());
}

#[test]
fn mistakes_in_commands() {
    for (text, expected) in [
        ("[stpo]\nen = [\"x\"]", ":1: error: `stpo` is not a key of config/commands.toml — did you mean `stop`?"),
        ("[stop]\nen = [\"halt\"]\n[more]\nen = [\"Halt\"]", ":4: error: “Halt” is stop on line 2 and more here"),
        ("[more.patterns]\nen = [\"x *\"]", ":1: error: [more] takes no patterns"),
        ("[stop]\nfr = [\"arrête\"]", ":2: warning: `fr` is not a language of this campaign"),
        ("[texts]\nhepl.en = \"x\"", ":2: error: the bot never says `hepl` — did you mean `help`?"),
        (
            "[topic_names]\nrign = \"Ring\"",
            ": warning: [topic_names] names `rign`, and no fact has that topic — did you mean `ring`?",
        ),
    ] {
        let text = if text.starts_with("[topic") {
            format!("{text}\nring = \"Ring\"\n")
        } else {
            format!("{text}\n{COMMANDS}")
        };
        let found = findings(&[("config/commands.toml", &text)]);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].starts_with(&format!("config/commands.toml{expected}")), "{text}: {found:#?}");
    }
    let facts = FACTS.replace("topic = \"ring\"", "topic = \"zeppelin\"");
    let found = findings(&[("config/facts.toml", &facts), ("config/commands.toml", "")]);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found[0].starts_with("config/commands.toml: warning: the topic `zeppelin` has no name in `en`"),
        "{found:#?}"
    );
}

#[test]
fn mistakes_in_the_rules_of_silence() {
    for (key, expected) in [
        ("starts = \"soon\"", "error: `soon` is not a date and time"),
        ("starts = 9", "error: `starts` must be a text, not a number"),
        ("starts = 2027-01-02\nends = 2027-01-01", "error: the campaign ends before it starts"),
        ("ends = 2026-09-13", "warning: the campaign has ended"),
        ("days_off = [\"2026-12-32\"]", "error: there is no day 2026-12-32 — write a day: \"2026-12-25\", or"),
        ("days_off = [\"2026-12-26/2026-12-24\"]", "error: `2026-12-26/2026-12-24` ends before it begins"),
        ("days_off = [\"Christmas\"]", "error: `Christmas` is not a day"),
        ("blackouts = [\"2026-12-31 18:00\"]", "error: `2026-12-31 18:00` has no end"),
        (
            "blackouts = [\"2026-12-31 18:00/2026-12-31 17:00\"]",
            "error: `2026-12-31 18:00/2026-12-31 17:00` ends before it begins",
        ),
        ("quiet = \"22:00\"", "error: `22:00` has no end — write \"22:00-07:00\""),
        ("quiet = \"22:00-25:00\"", "error: `25:00` is not a time of day"),
        ("quiet = \"09:00-09:00\"", "error: `09:00-09:00` begins and ends at one time"),
        ("daily_cap = 0", "error: `daily_cap` cannot be 0 — write a whole number from 1"),
        ("daily_cap = \"three\"", "error: `daily_cap` must be a number, not a text"),
        ("same_text_cap = 1.5", "error: `same_text_cap` cannot be 1.5"),
        ("min_spacing = 30", "error: `min_spacing` must be a text, not a number"),
        ("jitter = \"ten minutes\"", "error: `ten minutes` is not a length of time"),
        ("stagger = \"2d\"", "error: `stagger` is longer than a day"),
    ] {
        let settings = SETTINGS.replace("[campaign]\n", &format!("[campaign]\n{key}\n"));
        let line = if key.contains('\n') { 3 } else { 2 };
        let found = findings(&[("config/watchpost.toml", &settings)]);
        assert_eq!(found.len(), 1, "{key}: {found:#?}");
        assert!(found[0].starts_with(&format!("config/watchpost.toml:{line}: {expected}")), "{key}: {found:#?}");
    }
    let settings = SETTINGS.replace("name = \"vigila\"", "name = \"vigila\"\ndaily_cpa = 3\nlang = \"Spanish\"");
    let found = findings(&[("config/watchpost.toml", &settings)]);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].contains("`daily_cpa` is not a key of [[accounts]] — did you mean `daily_cap`?"), "{found:#?}");
}

#[test]
fn an_account_keeps_to_the_campaigns_rules_except_for_its_own() {
    let rules = "[campaign]\nstarts = 2026-10-01\nends = \"2027-01-31\"\ndays_off = [2026-12-25, \"2026-12-30/2027-01-01\"]\n\
        blackouts = [\"2026-11-03 06:00/2026-11-04 12:00\"]\nquiet = [\"22:00-07:00\", \"12:00-13:00\"]\ndaily_cap = 4\n\
        same_text_cap = 2\nmin_spacing = \"45m\"\njitter = \"5m\"\nstagger = \"10m\"\n";
    let settings = SETTINGS
        .replace("[campaign]\n", rules)
        .replace("name = \"vigila\"", "name = \"vigila\"\nlang = \"es\"\ndaily_cap = \"unlimited\"\njitter = \"0s\"");
    let loaded = load(folder(&[("config/watchpost.toml", &settings)]).path(), now()).unwrap();
    assert_eq!(loaded.findings, []);
    let campaign = loaded.campaign.unwrap();
    let calendars = plan_accounts(&campaign);
    let (eyes, vigila) = (&calendars[0].rules, &calendars[1].rules);
    assert_eq!((eyes.daily_cap, vigila.daily_cap), (Some(4), None));
    assert_eq!((eyes.jitter, vigila.jitter), (Duration::minutes(5), Duration::zero()));
    assert_eq!((eyes.min_spacing, vigila.stagger), (Duration::minutes(45), Duration::minutes(10)));
    assert_eq!((eyes.days_off.len(), eyes.quiet.len(), eyes.blackouts.len(), eyes.same_text_cap), (2, 2, 1, Some(2)));
    // The last day of the campaign is a day of the campaign.
    let at = |time: &str| crate::core::schedule::parse_moment(time).unwrap().resolve(campaign.zone).instant;
    assert_eq!(eyes.closed(at("2027-01-31 21:59"), campaign.zone), None);
    assert_eq!(eyes.closed(at("2027-02-01 08:00"), campaign.zone), Some(crate::core::rules::Against::Ended));
    assert_eq!(calendars[1].speaks, Some("es".into()));
}
