//! What people read is true: the commands in README.md exist, its example of a post can be sent, every command shows
//! examples, the shipped campaign has no mistakes, and every documented setting is understood.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, also in its helpers")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use chrono::{DateTime, Utc};
use clap::{CommandFactory, Parser};
use tempfile::TempDir;
use watchpost::campaign::finding::{Finding, Level};
use watchpost::campaign::{self, Loaded};
use watchpost::cli::Cli;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A day on which no shipped date has passed.
fn now() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn watchpost(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_watchpost")).args(words).output().unwrap()
}

fn errors(loaded: &Loaded) -> Vec<&Finding> {
    loaded.findings.iter().filter(|finding| finding.level == Level::Error).collect()
}

/// The blocks of README.md in this language, with the line each begins on.
fn blocks(language: &str) -> Vec<(usize, Vec<String>)> {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let mut blocks = Vec::new();
    let mut open: Option<(usize, Vec<String>)> = None;
    for (index, line) in readme.lines().enumerate() {
        match &mut open {
            None if line == format!("```{language}") => open = Some((index + 2, Vec::new())),
            None => {}
            Some(_) if line == "```" => blocks.extend(open.take()),
            Some((_, lines)) => lines.push(line.to_owned()),
        }
    }
    blocks
}

/// Words as a shell cuts them, without a comment: quotes hold words together, nothing else is special here.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    for c in line.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '#' if !quoted && word.is_none() => break,
            ' ' if !quoted => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[test]
fn every_command_in_the_readme_exists_and_takes_its_arguments() {
    let mut seen = 0;
    for (first, lines) in blocks("sh") {
        for (offset, line) in lines.iter().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let place = format!("README.md:{}: {line}", first + offset);
            let words = words(line);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let arguments = match words.as_slice() {
                ["watchpost", rest @ ..] | ["cargo", "run", "--", rest @ ..] => rest,
                [script] if script.starts_with("scripts/") => {
                    assert!(root().join(script).is_file(), "{place}: there is no such script");
                    continue;
                }
                _ => panic!("{place}: this test does not know how to check it"),
            };
            seen += 1;
            if let Err(error) = Cli::try_parse_from(["watchpost"].iter().chain(arguments)) {
                panic!("{place}: the program does not take it\n{error}");
            }
            let help = watchpost(&[arguments.first().copied().unwrap_or_default(), "--help"]);
            assert!(help.status.success(), "{place}: its --help does not work");
        }
    }
    assert!(seen >= 10, "README.md shows only {seen} commands: were the blocks found?");
}

#[test]
fn the_week_in_the_readme_names_every_verb_of_the_queue() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let queue = Cli::command().find_subcommand("queue").unwrap().clone();
    let verbs = queue.get_subcommands().map(|verb| verb.get_name().to_owned()).filter(|verb| verb != "help");
    let untold: Vec<String> = verbs.filter(|verb| !readme.contains(&format!("watchpost queue {verb}"))).collect();
    assert!(untold.is_empty(), "README.md says nothing of watchpost queue {untold:?}");
    let others = ["pause", "resume", "ledger", "doctor", "status", "check", "plan"];
    let untold: Vec<&str> = others.into_iter().filter(|verb| !readme.contains(&format!("watchpost {verb}"))).collect();
    assert!(untold.is_empty(), "README.md says nothing of watchpost {untold:?}");
}

#[test]
fn every_file_the_readme_links_to_exists() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for target in readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        let there = target.starts_with("https://") || root().join(target).exists();
        assert!(there, "README.md links to {target}, which does not exist");
    }
}

#[test]
fn the_posts_in_the_readme_can_be_sent() {
    let posts = blocks("markdown");
    assert!(posts.len() >= 3, "README.md shows {} posts", posts.len());
    for (place, (line, post)) in posts.iter().enumerate() {
        let folder = TempDir::new().unwrap();
        copy(&root().join("config"), &folder.path().join("config"));
        fs::create_dir(folder.path().join("posts")).unwrap();
        fs::write(folder.path().join("posts/shown.md"), post.join("\n")).unwrap();
        let loaded = campaign::load(folder.path(), now()).unwrap();
        assert!(errors(&loaded).is_empty(), "README.md:{line}: {:#?}", errors(&loaded));
        let parts = loaded.campaign.unwrap().posts.first().map(|post| post.parts.len());
        assert_eq!(parts, Some(if place == 0 { 2 } else { 1 }), "README.md:{line}: the first has a second part");
    }
}

#[test]
fn the_table_in_the_readme_can_be_imported() {
    let tables = blocks("csv");
    let [(line, table)] = tables.as_slice() else { panic!("README.md shows one table, not {}", tables.len()) };
    let folder = TempDir::new().unwrap();
    copy(&root().join("config"), &folder.path().join("config"));
    fs::create_dir(folder.path().join("posts")).unwrap();
    let file = folder.path().join("table.csv");
    fs::write(&file, table.join("\n")).unwrap();
    let (campaign, file) = (folder.path().to_str().unwrap(), file.to_str().unwrap());
    let look = watchpost(&["--campaign", campaign, "queue", "import", file, "--dry-run"]);
    let shown = String::from_utf8_lossy(&look.stdout).into_owned();
    assert!(look.status.success() && shown.contains("2 rows: 2 new"), "README.md:{line}: {shown}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap().path();
        let copied = to.join(entry.file_name().unwrap());
        if entry.is_dir() {
            copy(&entry, &copied);
        } else {
            fs::copy(&entry, copied).unwrap();
        }
    }
}

#[test]
fn every_command_shows_an_example() {
    for command in Cli::command().get_subcommands().filter(|command| command.get_name() != "help") {
        let help = watchpost(&[command.get_name(), "--help"]);
        let shown = String::from_utf8(help.stdout).unwrap();
        assert!(
            help.status.success() && shown.contains("Example"),
            "watchpost {} --help shows no example",
            command.get_name()
        );
    }
}

#[test]
fn every_example_in_the_help_is_taken_by_the_program() {
    let mut all = vec![Cli::command()];
    all.extend(Cli::command().get_subcommands().cloned());
    all.extend(
        Cli::command().get_subcommands().flat_map(|command| command.get_subcommands().cloned().collect::<Vec<_>>()),
    );
    let mut seen = 0;
    for command in all {
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        for line in after.lines().filter_map(|line| line.strip_prefix("  watchpost ")) {
            // What follows after two spaces is said to people.
            let example = line.split("  ").next().unwrap_or_default();
            let example = example.split(" > ").next().unwrap_or_default();
            seen += 1;
            if let Err(error) = Cli::try_parse_from(["watchpost".to_owned()].into_iter().chain(words(example))) {
                panic!("watchpost {} --help: `watchpost {example}` is not taken\n{error}", command.get_name());
            }
        }
    }
    assert!(seen >= 15, "only {seen} examples were found");
}

#[test]
fn the_shipped_campaign_has_no_mistakes() {
    let loaded = campaign::load(root(), now()).unwrap();
    assert!(errors(&loaded).is_empty(), "{:#?}", errors(&loaded));
    let campaign = loaded.campaign.unwrap();
    assert!(campaign.posts.len() > 40 && campaign.facts.facts.len() > 30, "was all of it read?");
}

/// Every key of the settings, in every form it can be written.
const SETTINGS: &str = r##"
[campaign]
name = "Every key"
timezone = "America/New_York"
languages = ["en", "es"]
hashtags = ["#EveryKey"]
starts = 2026-09-01
ends = "2027-06-30 18:00"
days_off = ["2026-12-25", "2026-12-30/2027-01-01"]
blackouts = ["2026-11-03 06:00/2026-11-04 12:00"]
quiet = "22:00-07:00"
daily_cap = 4
min_spacing = "45m"
jitter = "5m"
stagger = "10m"
same_text_cap = 2

[[accounts]]
name = "file"
server = "https://social.test"
streaming = "wss://streaming.social.test"
token = { file = "secrets/file.token" }
slots = ["Mon-Fri 09:00", "Sat 11:00", { cron = "0 30 17 * * Tue,Thu" }]

[[accounts]]
name = "environment"
server = "http://127.0.0.1:8800"
token = { env = "EYES_TOKEN" }
slots = []
lang = "es"
daily_cap = "unlimited"
min_spacing = "1h"
jitter = "10m"
stagger = "0s"

[[accounts]]
name = "systemd"
server = "https://other.test"
token = { credential = "eyes-token" }

[[accounts]]
name = "stored"
server = "https://third.test"

[replies]
enabled = true
template = "{fact} ({source}, {as_of}) {link} {hashtags}"
max_age = "24h"

[replies.limits]
per_person_every = "10m"
per_person_per_day = "unlimited"
per_thread_per_person = 2
per_thread = 5
per_account_per_hour = 60
share_of_allowance = 0.33

[store]
url = "sqlite://data/watchpost.db"

[web]
listen = "127.0.0.1:8710"
"##;

/// Every key of a post that goes with the others; `every` and `evergreen` stand in posts of their own.
const POSTS: [&str; 5] = [
    "---\nid: every-key\nat: 2026-12-10 09:00\naccounts: [file]\nlang: en\ncw: policing\nvisibility: unlisted\n\
     expires: 2026-12-10 15:00\nstatus: ready\nlate: hold\nmedia:\n  - { file: dot.png, alt: \"A dot.\" }\n---\nOne\n---\nTwo\n",
    "---\nevery: \"Tue 12:00\"\nfrom: 2026-12-01 00:00\nuntil: 2027-03-01 00:00\nskip: [2026-12-22 12:00, 2026-12-29]\n\
     times: 8\nstatus: draft\n---\nEvery Tuesday\n",
    "---\nevergreen: true\ncooldown: 6w\ntimes: 5\npoll: { options: [\"Yes\", \"No\"], lasts: 1d }\n---\nAgain and again\n",
    "---\nslot: 2026-12-04 09:00\npriority: 10\nvariants:\n  - { accounts: [systemd], text: \"Other words\" }\n  \
     - { lang: es, texts: [\"Otras palabras\"] }\n---\nPinned\n",
    "No front matter at all\n",
];

#[test]
fn every_documented_setting_and_every_key_of_a_post_is_understood() {
    let folder = TempDir::new().unwrap();
    for name in ["config", "posts"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    fs::write(folder.path().join("config/watchpost.toml"), SETTINGS).unwrap();
    fs::copy(root().join("posts/media/aws-profits.png"), folder.path().join("posts/dot.png")).unwrap();
    for (number, post) in POSTS.iter().enumerate() {
        fs::write(folder.path().join(format!("posts/{number}.md")), post).unwrap();
    }
    let loaded = campaign::load(folder.path(), now()).unwrap();
    assert!(errors(&loaded).is_empty(), "{:#?}", errors(&loaded));
    let campaign = loaded.campaign.unwrap();
    assert_eq!((campaign.accounts.len(), campaign.posts.len()), (4, 5));
}

#[test]
fn the_service_names_the_commands_and_settings_that_exist() {
    let unit = fs::read_to_string(root().join("docs/watchpost.service")).unwrap();
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/")).unwrap();
    assert!(Cli::try_parse_from(words(start)).is_ok(), "docs/watchpost.service starts {start:?}");
    assert!(unit.contains("LoadCredential=eyes-token:"), "the credential has the name the comment above it uses");
}
