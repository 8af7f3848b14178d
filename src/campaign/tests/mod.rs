//! Whole campaign folders: each kind of finding once, with its file and line.

use std::fs;

use super::*;

mod config_findings;
mod example_findings;
mod post_findings;
mod values;

/// A Monday, 12:00 in New York.
pub(super) fn now() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-09-14T12:00:00-04:00").unwrap().to_utc()
}

const SETTINGS: &str = r##"[campaign]
name = "Test"
timezone = "America/New_York"
languages = ["en", "es"]
hashtags = ["#EyesOnAmazon"]

[[accounts]]
name = "eyes"
server = "http://127.0.0.1:3000"
token = { file = "secrets/eyes" }
slots = ["Mon-Fri 09:00", { cron = "0 30 17 * * Tue,Thu" }]

[[accounts]]
name = "vigila"
server = "http://127.0.0.1:3001"
token = { file = "secrets/vigila" }
slots = ["Sat 11:00"]
"##;

const LINKS: &str = r#"[[links]]
id = "pledge"
url = "https://pledge.org/"
label = { en = "Sign", es = "Firma" }
"#;

const FACTS: &str = r#"company = ["amazon"]

[[sources]]
id = "release"
title = { en = "release", es = "comunicado" }
date = "2022-07-18"

[[facts]]
id = "ring-2000"
topic = "ring"
keywords = ["doorbell"]
weak = ["ring"]
text = { en = "2,000 partnerships.", es = "2.000 acuerdos." }
source = "release"
as_of = 2022-07-18
link = "pledge"
"#;

const COMMANDS: &str = r#"[topic_names]
ring = { en = "Ring", es = "Ring" }
"#;

/// A campaign folder without any finding, in which files are then replaced.
pub(super) fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let all = [
        ("config/watchpost.toml", SETTINGS),
        ("config/links.toml", LINKS),
        ("config/facts.toml", FACTS),
        ("config/commands.toml", COMMANDS),
        ("secrets/eyes", "token-1"),
        ("secrets/vigila", "token-2"),
        ("posts/media/ring.png", "GIF89a"),
        ("posts/media/sound.xyz", "x"),
        ("posts/media/empty.png", ""),
        ("posts/one.md", "Hello"),
    ];
    for (path, text) in all.iter().chain(files) {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

/// The findings of the good campaign with these files in it.
pub(super) fn findings(files: &[(&str, &str)]) -> Vec<String> {
    let root = folder(files);
    let loaded = load(root.path(), now()).unwrap();
    let is_needed = |file: &Path| file.starts_with("config") && !file.starts_with(examples::FOLDER);
    assert_eq!(
        loaded.campaign.is_none(),
        loaded.findings.iter().any(|found| found.level == finding::Level::Error && is_needed(&found.file)),
        "a campaign exists exactly when its settings hold no error: {:?}",
        loaded.findings
    );
    loaded.findings.iter().map(ToString::to_string).collect()
}

/// `file` is the good one with `line` (1 for the first) replaced; exactly one finding is there and begins with
/// `expected`, at that line or the one it names itself.
pub(super) fn check_line(file: &str, good: &str, line: usize, replaced: &str, expected: &str) {
    let text: Vec<&str> =
        good.lines().enumerate().map(|(at, old)| if at + 1 == line { replaced } else { old }).collect();
    let found = findings(&[(file, &text.join("\n"))]);
    assert_eq!(found.len(), 1, "{replaced}: {found:#?}");
    let expected = if expected.starts_with(file) { expected.to_owned() } else { format!("{file}:{line}: {expected}") };
    assert!(found[0].starts_with(&expected), "{replaced}\n expected {expected}\n found    {}", found[0]);
}

#[test]
fn a_good_campaign_has_no_findings() {
    assert_eq!(findings(&[]), Vec::<String>::new());
}

#[test]
fn the_shipped_campaign_has_no_errors() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let loaded = load(root, now()).unwrap();
    let errors: Vec<String> =
        loaded.findings.iter().filter(|found| found.level == finding::Level::Error).map(ToString::to_string).collect();
    assert_eq!(errors, Vec::<String>::new());
    let campaign = loaded.campaign.unwrap();
    assert!(!campaign.posts.is_empty() && !campaign.facts.facts.is_empty());
    let mut report = Report::new("config/commands.toml");
    commands::shipped(&mut report);
    assert_eq!(report.into_findings(), []);
}

#[test]
fn a_folder_that_is_no_campaign_could_not_be_read() {
    let root = tempfile::tempdir().unwrap();
    assert!(matches!(load(&root.path().join("none"), now()), Err(LoadError::NoFolder(_))));
    assert!(matches!(load(root.path(), now()), Err(LoadError::NoSettings(_))));
}

#[test]
fn a_syntax_error_in_one_file_does_not_hide_the_mistakes_of_others() {
    let found = findings(&[
        ("config/facts.toml", "company = [\"amazon\"\n\n[[sources]]\n"),
        ("config/links.toml", "[[links]]\nid = \"pledge\"\nulr = \"https://pledge.org/\"\nlabel = \"Sign\"\n"),
        ("posts/one.md", "---\nat: tomorrow\ntopic: anything\n---\nHello"),
        ("posts/two.md", "---\ncw: \"open\n---\nHello"),
    ]);
    assert_eq!(found.len(), 5, "{found:#?}");
    assert!(found[0].starts_with("config/facts.toml:3: error: this is not TOML"), "{found:#?}");
    assert!(found[1].starts_with("config/links.toml:1: error: [[links]] has no `url`"), "{found:#?}");
    assert!(found[2].starts_with("config/links.toml:3: error: `ulr` is not a key of [[links]] — did you mean `url`?"));
    assert!(found[3].starts_with("posts/one.md:2: error: `tomorrow` is not a date and time"), "{found:#?}");
    assert!(found[4].starts_with("posts/two.md:2: error: the lines between the two --- are not YAML"), "{found:#?}");
}

#[test]
fn files_that_are_not_text_are_found_and_marks_of_windows_are_not() {
    let root = folder(&[
        ("config/links.toml", &format!("\u{feff}{}", LINKS.replace('\n', "\r\n"))),
        ("posts/one.md", "\u{feff}---\r\nlang: es\r\n---\r\nHola\r\n---\r\nMás\r\n"),
    ]);
    fs::write(root.path().join("posts/two.md"), b"one\ntwo \xff").unwrap();
    let loaded = load(root.path(), now()).unwrap();
    let found: Vec<String> = loaded.findings.iter().map(ToString::to_string).collect();
    assert_eq!(found, ["posts/two.md:2: error: the file is not UTF-8 text — save it again with the encoding UTF-8"]);
    let posts = loaded.campaign.unwrap().posts;
    assert_eq!(posts.len(), 1);
    assert_eq!(posts[0].parts, ["Hola", "Más"]);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 512, ..Default::default() })]

    #[test]
    fn no_text_whatever_stops_the_reading_or_moves_a_finding_out_of_its_file(
        text in "(---\n|at: |\\{|\\[|\"|id: |media:\n|  - |\n|\r\n|#[a-z]{4}|https://a.test|[ -~]|\\PC){0,40}"
    ) {
        let lines = text.lines().count() + 1;
        for name in ["x.md", "x.toml"] {
            let mut report = Report::new(name);
            if name == "x.toml" {
                toml_tree::parse(&text, &mut report);
            } else if let Some(pieces) = post_file::split(&text, &front_matter::KEYS, &mut report) {
                if let Some((front, first)) = &pieces.front {
                    yaml_tree::parse(front, *first, &mut report);
                }
                proptest::prop_assert!(pieces.parts.iter().all(|(_, line)| (1..=lines).contains(line)));
            }
            for found in report.into_findings() {
                proptest::prop_assert!(found.line.is_none_or(|line| (1..=lines).contains(&line)), "{found}");
            }
        }
    }
}
