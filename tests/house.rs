//! The house of DESIGN §3, held by reading the sources as text: who may see whom, and what stands in one place only.
//!
//! A broken rule is said as `file:line: what stands there`, all of them at once. Comments and the inside of string
//! literals are cut away first, so that prose cannot break a rule. What the compiler and clippy hold is not repeated.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, also in its helpers")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Each layer and what it may see besides itself. `main` is held apart.
const MAY_SEE: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("clock", &[]),
    ("telemetry", &["core"]),
    ("campaign", &["core"]),
    ("fedi", &["core"]),
    // Of the clock the store and the sandbox know the dice and the hand they are given.
    ("store", &["core", "clock"]),
    ("sandbox", &["core", "clock"]),
    ("jobs", &["core", "clock", "fedi", "store"]),
    ("web", &["core", "clock", "store"]),
    ("app", &["core", "clock", "telemetry", "campaign", "fedi", "store", "sandbox", "jobs", "web"]),
    ("cli", &["core", "clock", "telemetry", "campaign", "fedi", "store", "sandbox", "jobs", "web", "app"]),
];

/// The crates `core` is made of; all of them pure.
const CORE_CRATES: &[&str] = &[
    "aho_corasick",
    "chrono",
    "chrono_tz",
    "cron",
    "serde",
    "thiserror",
    "unicode_normalization",
    "unicode_segmentation",
    "whatlang",
];

// ---------------------------------------------------------------------------------------------------------- reading

struct Source {
    /// From the repository's root, with `/`.
    path: String,
    /// Lines without comments and without what stands inside string literals.
    code: Vec<String>,
    /// String literals with the line they begin on, from 1.
    strings: Vec<(usize, String)>,
    raw: String,
    /// The line, from 1, at which the tests of the file begin.
    tests_from: Option<usize>,
}

impl Source {
    fn layer(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        Some(inside.split('/').next()?.trim_end_matches(".rs"))
    }

    fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path == *place || (place.ends_with('/') && self.path.starts_with(place)))
    }

    /// Whether a line, from 1, belongs to tests: a file of them, or the module at the end of a file.
    fn is_test(&self, line: usize) -> bool {
        self.tests_from.is_some_and(|start| line >= start)
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            files_below(&entry, found);
        } else if entry.extension().is_some_and(|ending| ending == "rs") {
            found.push(entry);
        }
    }
}

/// Read once for all rules.
static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(sources);

fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches"].map(|name| root().join(name)).iter().filter(|folder| folder.is_dir()) {
        files_below(folder, &mut files);
    }
    let read = |file: &PathBuf| {
        let raw = fs::read_to_string(file).unwrap();
        let path = file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        let (code, strings) = taken_apart(&raw);
        let tests_from = tests_from(&path, &code);
        Source { path, code, strings, raw, tests_from }
    };
    files.iter().map(read).collect()
}

fn tests_from(path: &str, code: &[String]) -> Option<usize> {
    if path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs") {
        return Some(1);
    }
    let begins = |pair: &[String]| matches!(pair, [cfg, module] if cfg == "#[cfg(test)]" && module.starts_with("mod ") && module.ends_with('{'));
    code.windows(2).position(begins).map(|before| before + 1)
}

/// Lines of code, and string literals with their lines. It knows comments, strings, raw strings, characters and
/// lifetimes; nothing else of Rust matters here.
fn taken_apart(text: &str) -> (Vec<String>, Vec<(usize, String)>) {
    let mut code = String::new();
    let mut strings = Vec::new();
    let mut line = 1;
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let before = code.chars().next_back().unwrap_or(' ');
        if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| rest.split_at(end).1);
        } else if rest.starts_with("/*") {
            let (comment, after) = rest.split_once("*/").unwrap_or((rest, ""));
            code.extend(comment.chars().filter(|c| *c == '\n'));
            line += comment.matches('\n').count();
            rest = after;
        } else if let Some(opening) = raw_opening(rest).filter(|_| !is_word(before) || before == 'b') {
            let (_, body) = rest.split_at(opening.len());
            let closing: String = opening.chars().skip(1).collect::<String>().chars().rev().collect();
            let (inside, after) = body.split_once(closing.as_str()).unwrap();
            put_string(&mut code, &mut strings, &mut line, inside);
            rest = after;
        } else if let Some(body) = rest.strip_prefix('"') {
            let mut escaped = false;
            let end = body.find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            let (inside, after) = body.split_at(end.unwrap());
            put_string(&mut code, &mut strings, &mut line, inside);
            rest = after.strip_prefix('"').unwrap();
        } else if let Some(after) = character(rest) {
            code.push_str("' '");
            rest = after;
        } else {
            line += usize::from(next == '\n');
            code.push(next);
            rest = rest.strip_prefix(next).unwrap();
        }
    }
    (code.lines().map(str::to_owned).collect(), strings)
}

fn put_string(code: &mut String, strings: &mut Vec<(usize, String)>, line: &mut usize, inside: &str) {
    code.push('"');
    code.extend(inside.chars().filter(|c| *c == '\n'));
    code.push('"');
    strings.push((*line, inside.to_owned()));
    *line += inside.matches('\n').count();
}

/// `r"`, `r#"`, `r##"` … at the beginning.
fn raw_opening(text: &str) -> Option<&str> {
    let hashes = text.strip_prefix('r')?;
    let marks = hashes.len() - hashes.trim_start_matches('#').len();
    hashes.trim_start_matches('#').starts_with('"').then(|| text.split_at(marks + 2).0)
}

/// What follows a character literal at the beginning; a lifetime is none.
fn character(text: &str) -> Option<&str> {
    let body = text.strip_prefix('\'')?;
    let first = body.chars().next()?;
    let after = body.strip_prefix(first)?;
    if first == '\\' {
        return after.get(1..)?.split_once('\'').map(|(_, after)| after);
    }
    after.strip_prefix('\'')
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether `code` holds `words` as words of their own.
fn says(code: &str, words: &str) -> bool {
    code.match_indices(words).any(|(at, _)| {
        let (before, after) = (code.split_at(at).0, code.split_at(at + words.len()).1);
        let whole = |edge: Option<char>, neighbour: Option<char>| {
            !(edge.is_some_and(is_word) && neighbour.is_some_and(is_word))
        };
        whole(words.chars().next(), before.chars().next_back())
            && whole(words.chars().next_back(), after.chars().next())
    })
}

/// First names of the paths below `crate::`, groups in braces included, with their lines.
fn seen_in_crate(source: &Source, prefix: &str) -> Vec<(usize, String)> {
    let text = source.code.join("\n");
    let mut seen = Vec::new();
    for (at, _) in text.match_indices(prefix) {
        let (before, after) = (text.split_at(at).0, text.split_at(at + prefix.len()).1);
        if before.chars().next_back().is_some_and(is_word) {
            continue;
        }
        let line = 1 + before.matches('\n').count();
        match after.strip_prefix('{') {
            None => seen.push((line, after.chars().take_while(|c| is_word(*c)).collect())),
            Some(group) => {
                let (mut depth, mut name, mut wanted) = (0, String::new(), true);
                for c in group.chars() {
                    match c {
                        '}' if depth == 0 => break,
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        ',' if depth == 0 => {
                            seen.push((line, std::mem::take(&mut name)));
                            wanted = true;
                        }
                        _ if depth == 0 && wanted && is_word(c) => name.push(c),
                        _ if depth == 0 && !name.is_empty() => wanted = false,
                        _ => {}
                    }
                }
                seen.push((line, name));
            }
        }
    }
    seen.retain(|(_, name)| !name.is_empty());
    seen
}

// --------------------------------------------------------------------------------------------------------- checking

/// Fails with everything that `breaches` finds in any source.
fn check(rule: &str, breaches: impl Fn(&Source) -> Vec<(usize, String)>) {
    let mut all = Vec::new();
    for source in SOURCES.iter() {
        all.extend(breaches(source).into_iter().map(|(line, what)| format!("{}:{line}: {what}", source.path)));
    }
    assert!(all.is_empty(), "rule: {rule}\n{}", all.join("\n"));
}

/// Fails where one of `words` stands in code under `src/` outside `places` and outside tests.
fn only_in(rule: &str, places: &[&str], words: &[&str]) {
    check(rule, |source| {
        if !source.path.starts_with("src/") || source.is_in(places) {
            return Vec::new();
        }
        let lines = source.code.iter().enumerate().map(|(index, code)| (index + 1, code));
        let hits = lines.filter(|(line, code)| !source.is_test(*line) && words.iter().any(|word| says(code, word)));
        hits.map(|(line, code)| (line, code.trim().to_owned())).collect()
    });
}

fn manifest() -> toml::Table {
    fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap()
}

/// Names in a table of the manifest, as code writes them.
fn crates_in(table: &str) -> Vec<String> {
    manifest().get(table).and_then(toml::Value::as_table).unwrap().keys().map(|name| name.replace('-', "_")).collect()
}

fn modules_of_the_crate() -> Vec<String> {
    let lib = SOURCES.iter().find(|source| source.path == "src/lib.rs").unwrap();
    let name = |line: &String| Some(line.trim().strip_prefix("pub mod ")?.strip_suffix(';')?.to_owned());
    lib.code.iter().filter_map(name).collect()
}

// ------------------------------------------------------------------------------------------------------------ rules

#[test]
fn every_layer_sees_only_what_lies_below_it() {
    for module in modules_of_the_crate() {
        let known = MAY_SEE.iter().any(|(layer, _)| *layer == module);
        assert!(
            known,
            "src/lib.rs: the module {module} has no place in the house: say in tests/house.rs what it may see"
        );
    }
    check(
        "main → cli → app → {jobs, web, campaign, fedi, store, sandbox} → core; adapters never see each other",
        |source| {
            let Some(layer) = source.layer() else { return Vec::new() };
            let (prefix, may_see) = match layer {
                "main" => ("watchpost::", &["cli", "telemetry"][..]),
                "lib" => return Vec::new(),
                _ => ("crate::", MAY_SEE.iter().find(|(name, _)| *name == layer).unwrap().1),
            };
            let seen = seen_in_crate(source, prefix);
            let wrong = seen.into_iter().filter(|(_, name)| name != layer && !may_see.contains(&name.as_str()));
            wrong.map(|(line, name)| (line, format!("{layer} must not see {name}"))).collect()
        },
    );
}

#[test]
fn a_path_that_leaves_its_layer_begins_with_crate() {
    let modules = modules_of_the_crate();
    check("`super::` stays within a layer, so that the rule of the layers can be read off the text", |source| {
        let Some(layer) = source.layer() else { return Vec::new() };
        let own = root().join("src").join(layer);
        let leaves = |name: &String| {
            modules.contains(name) && !own.join(format!("{name}.rs")).exists() && !own.join(name).exists()
        };
        let wrong =
            seen_in_crate(source, "super::").into_iter().filter(|(line, name)| leaves(name) && !source.is_test(*line));
        wrong.map(|(line, name)| (line, format!("super::{name}"))).collect()
    });
}

#[test]
fn core_is_made_of_pure_crates_only() {
    let foreign: Vec<String> =
        crates_in("dependencies").into_iter().filter(|name| !CORE_CRATES.contains(&name.as_str())).collect();
    let impure = ["std::fs", "std::io", "std::net", "std::env", "std::process", "std::thread", "async fn", ".await"];
    check("core knows no async, IO, clock, environment, SQL or HTTP", |source| {
        if source.layer() != Some("core") {
            return Vec::new();
        }
        let lines = source.code.iter().enumerate().filter(|(index, _)| !source.is_test(index + 1));
        let wrong = lines.filter(|(_, code)| {
            foreign.iter().any(|name| says(code, &format!("{name}::"))) || impure.iter().any(|words| says(code, words))
        });
        wrong.map(|(index, code)| (index + 1, code.trim().to_owned())).collect()
    });
}

#[test]
fn nobody_but_the_command_line_prints() {
    let words = ["println!", "print!", "eprintln!", "eprint!", "stdout", "stderr", "dbg!"];
    // main says why it could not run; telemetry owns the log, which is stderr.
    only_in("only cli prints", &["src/cli/", "src/main.rs", "src/telemetry.rs"], &words);
}

#[test]
fn only_the_clock_reads_time_and_throws_dice() {
    let words = ["Utc::now", "Local::now", "SystemTime::now", ".elapsed(", "rand", "thread_rng"];
    only_in("time and chance are parameters; src/clock.rs reads them", &["src/clock.rs"], &words);
    check("std's Instant is read in src/clock.rs only; tokio's, written out, is for waiting", |source| {
        let code = source.code.iter().enumerate();
        let wrong = code.filter(|(_, code)| {
            says(code, "Instant::now") && !code.contains("tokio::time::Instant::now") && source.path != "src/clock.rs"
        });
        wrong.map(|(index, code)| (index + 1, code.trim().to_owned())).collect()
    });
}

#[test]
fn the_environment_is_read_in_two_files_only() {
    let words = ["env::var", "env::var_os", "env::vars", "env::args", "env::current_dir", "env::home_dir"];
    only_in(
        "the environment is read in campaign/secrets.rs and main.rs",
        &["src/campaign/secrets.rs", "src/main.rs"],
        &words,
    );
}

#[test]
fn sql_is_written_in_the_store_only() {
    only_in("only the store knows sqlx", &["src/store/"], &["sqlx"]);
    let verbs =
        ["SELECT ", "INSERT ", "UPDATE ", "DELETE FROM ", "CREATE ", "ALTER ", "DROP ", "PRAGMA ", "VACUUM", "BEGIN "];
    check("SQL lives in src/store only", |source| {
        if !source.path.starts_with("src/") || source.is_in(&["src/store/"]) {
            return Vec::new();
        }
        let wrong =
            source.strings.iter().filter(|(_, text)| verbs.iter().any(|verb| text.trim_start().starts_with(verb)));
        wrong.cloned().collect()
    });
}

#[test]
fn only_the_store_makes_an_armed_record() {
    check("`Armed` is made in src/store only, after its commit", |source| {
        let lines = source.code.iter().enumerate().map(|(index, code)| (index + 1, code));
        let made = lines.filter(|(line, code)| {
            let shown = ["struct Armed", "impl Armed", "-> Armed {"].iter().any(|other| code.contains(other));
            says(code, "Armed {") && !shown && !source.is_test(*line) && !source.is_in(&["src/store/"])
        });
        made.map(|(line, code)| (line, code.trim().to_owned())).collect()
    });
    check("an armed record can be neither copied nor read from anywhere", |source| {
        let struct_at = source.code.iter().position(|code| code.starts_with("pub struct Armed {"));
        let derive = struct_at.and_then(|at| source.code.get(at - 1).map(|code| (at, code.clone())));
        derive.into_iter().filter(|(_, code)| code != "#[derive(Debug)]").collect()
    });
}

#[test]
fn only_one_place_publishes() {
    only_in("statuses are created by jobs/attempt.rs only", &["src/jobs/attempt.rs"], &[".publish("]);
    // The campaign reads addresses with reqwest's Url and asks nobody.
    only_in("only fedi asks servers", &["src/fedi/", "src/campaign/address.rs"], &["reqwest"]);
    check("only fedi and the sandbox know a server's paths", |source| {
        if !source.path.starts_with("src/") || source.is_in(&["src/fedi/", "src/sandbox/"]) {
            return Vec::new();
        }
        source.strings.iter().filter(|(_, text)| text.contains("/api/v")).cloned().collect()
    });
}

#[test]
fn secrets_are_opened_only_where_they_are_used() {
    // A PostgreSQL address may hold a password.
    let places = ["src/fedi/", "src/store/secret.rs", "src/store/place.rs", "src/store/postgres.rs"];
    let rule = "tokens are opened in fedi, the install key and the database's address in store";
    only_in(rule, &places, &["expose_secret"]);
}

#[test]
fn every_file_says_what_it_owns() {
    check("every file opens with //! and says what it owns", |source| {
        let opens = source.raw.starts_with("//! ");
        if opens { Vec::new() } else { vec![(1, source.raw.lines().next().unwrap_or_default().to_owned())] }
    });
}

#[test]
fn nothing_is_left_for_later_and_no_lint_is_silenced_for_good() {
    let words = ["todo!", "unimplemented!", "#[ignore", "[allow(", ", allow("];
    check("no todo!, unimplemented! or ignored test; #[expect(…, reason)] instead of #[allow]", |source| {
        let lines = source.code.iter().enumerate();
        let wrong = lines.filter(|(_, code)| words.iter().any(|word| code.contains(word)));
        wrong.map(|(index, code)| (index + 1, code.trim().to_owned())).collect()
    });
}

#[test]
fn modules_are_nouns_of_the_domain_in_folders_with_mod_rs() {
    let empty = ["util", "utils", "helper", "helpers", "common", "manager", "misc"];
    check(
        "no file or folder is named util, helpers, common, manager or misc; folder/mod.rs, not folder.rs",
        |source| {
            let mut wrong = Vec::new();
            if source.path.trim_end_matches(".rs").split('/').any(|name| empty.contains(&name)) {
                wrong.push((1, "this name says nothing".to_owned()));
            }
            if root().join(source.path.trim_end_matches(".rs")).is_dir() {
                wrong.push((1, "move it into its folder as mod.rs (main.rs for tests)".to_owned()));
            }
            wrong
        },
    );
}

#[test]
fn test_names_are_sentences() {
    check("a test's name is a sentence: three words at least", |source| {
        let names = source.code.windows(2).enumerate().filter_map(|(index, pair)| {
            let [attribute, function] = pair else { return None };
            let is_test = ["#[test]", "#[tokio::test"].iter().any(|test| attribute.trim().starts_with(test));
            let name = function.trim().trim_start_matches("async ").strip_prefix("fn ")?.split('(').next()?;
            (is_test && name.matches('_').count() < 2).then(|| (index + 2, name.to_owned()))
        });
        names.collect()
    });
}

#[test]
fn the_map_in_lib_rs_names_every_module_and_only_files_that_exist() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let map: Vec<(usize, &str)> =
        lib.lines().enumerate().filter_map(|(n, l)| Some((n + 1, l.strip_prefix("//!")?))).collect();
    for module in modules_of_the_crate() {
        let named = map.iter().any(|(_, line)| line.contains(&format!("[`{module}`]")));
        assert!(named, "src/lib.rs: the map does not name the module [`{module}`]");
    }
    let core = SOURCES.iter().find(|source| source.path == "src/core/mod.rs").unwrap();
    for module in core.code.iter().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')) {
        let named = map.iter().any(|(_, line)| line.contains(&format!("[`core::{module}`]")));
        assert!(named, "src/lib.rs: the map does not name [`core::{module}`]");
    }
    for (number, line) in map {
        for name in line.split('`').skip(1).step_by(2) {
            let is_path = (name.ends_with(".rs") || name.ends_with('/')) && !name.contains([' ', ':']);
            let exists = [root().join("src").join(name), root().join(name)].iter().any(|path| path.exists());
            assert!(!is_path || exists, "src/lib.rs:{number}: the map names {name}, which does not exist");
        }
    }
}

#[test]
fn every_dependency_of_tests_is_used() {
    let mut unused: BTreeSet<String> = crates_in("dev-dependencies").into_iter().collect();
    for source in SOURCES.iter() {
        unused.retain(|name| !source.code.iter().any(|code| says(code, &format!("{name}::"))));
    }
    assert!(unused.is_empty(), "Cargo.toml: [dev-dependencies] nobody uses: {unused:?}");
}
