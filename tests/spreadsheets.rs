//! The real binary and spreadsheets: import with a look first, mistakes by cell, export and back again, and files that
//! are in the way.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, also in its helpers")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const SETTINGS: &str = "[campaign]\nname = \"Eyes\"\ntimezone = \"America/New_York\"\nlanguages = [\"en\", \"es\"]\n\n\
    [[accounts]]\nname = \"eyes\"\nserver = \"http://127.0.0.1:1\"\ntoken = { file = \"secrets/t\" }\nslots = [\"Mon-Fri 09:00\"]\n\n\
    [[accounts]]\nname = \"vigila\"\nserver = \"http://127.0.0.1:2\"\ntoken = { file = \"secrets/t\" }\nslots = [\"Sat 11:00\"]\n";

/// A campaign folder with these posts.
fn campaign(posts: &[(&str, &str)]) -> TempDir {
    let root = TempDir::new().unwrap();
    for folder in ["config", "posts/media", "secrets"] {
        fs::create_dir_all(root.path().join(folder)).unwrap();
    }
    fs::write(root.path().join("config/watchpost.toml"), SETTINGS).unwrap();
    fs::write(root.path().join("secrets/t"), "canary").unwrap();
    let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("posts/media/aws-profits.png");
    fs::copy(picture, root.path().join("posts/media/map.png")).unwrap();
    for (name, text) in posts {
        fs::write(root.path().join("posts").join(name), text).unwrap();
    }
    root
}

fn watchpost(root: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_watchpost"))
        .arg("--campaign")
        .arg(root)
        .args(words)
        .current_dir(root)
        .output()
        .unwrap()
}

/// What it printed, after it ended with this code.
#[track_caller]
fn said(root: &Path, words: &[&str], code: i32) -> String {
    let output = watchpost(root, words);
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{words:?}: {text}{errors}");
    if text.is_empty() { errors } else { text }
}

#[track_caller]
fn json(root: &Path, words: &[&str], code: i32) -> Value {
    serde_json::from_str(&said(root, words, code)).unwrap()
}

fn numbers(document: &Value) -> [i64; 4] {
    ["new", "changed", "there", "bad"].map(|key| document[key].as_i64().unwrap())
}

const TABLE: &str = "Texto;Fecha;Hora;Cuenta;Archivo;Texto alternativo;id\r\n\
    Primero;27/11/2090;9:00;eyes;;;\r\n\
    \"Dos; con\n\"\"comillas\"\"\";03/12/2090;18:30;vigila;posts/media/map.png;Un mapa;mapa\r\n\
    Sin hora;;;;;;\r\n";

#[test]
fn a_table_is_looked_at_then_imported_then_known() {
    let root = campaign(&[]);
    fs::write(root.path().join("plan.csv"), TABLE).unwrap();
    let look = said(root.path(), &["queue", "import", "plan.csv", "--dry-run"], 0);
    for words in [
        "Mon 27 Nov 2090 09:00",
        "Sun 3 Dec 2090 18:30",
        "Primero",
        "3 rows: 3 new",
        "Without --dry-run 3 posts would come",
    ] {
        assert!(look.contains(words), "{words}: {look}");
    }
    assert!(!root.path().join("data").exists(), "looking makes nothing");
    assert_eq!(numbers(&json(root.path(), &["queue", "import", "plan.csv", "--json"], 0)), [3, 0, 0, 0]);
    assert_eq!(numbers(&json(root.path(), &["queue", "import", "plan.csv", "--json"], 0)), [0, 0, 3, 0]);
    let shown = said(root.path(), &["queue", "show", "mapa"], 0);
    for words in ["Dos; con", "\"comillas\"", "Un mapa", "map.png"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    // Another time for one, other words for the other: both are changes, because they are known by their ids.
    let export = said(root.path(), &["queue", "export"], 0);
    let edited = export.replace("con\n", "con\nmás ").replace("2090-11-27 09:00", "2090-11-28 09:00");
    fs::write(root.path().join("edited.csv"), edited).unwrap();
    assert_eq!(numbers(&json(root.path(), &["queue", "import", "edited.csv", "--json"], 0)), [0, 2, 1, 0]);
    let plan = json(root.path(), &["plan", "--from", "2090-11-01 00:00", "--days", "60", "--json"], 0);
    let times: Vec<&str> = plan
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["kind"] == "at")
        .map(|row| row["at"].as_str().unwrap())
        .collect();
    assert_eq!(times, ["2090-11-28T09:00:00-05:00", "2090-12-03T18:30:00-05:00"]);
}

#[test]
fn nothing_comes_in_while_a_row_is_wrong_unless_bad_rows_are_left_out() {
    let root = campaign(&[("file.md", "From a file")]);
    let table = "text,when,account,id\nFine,2090-01-01 09:00,eyes,\nWrong,2090-02-30 09:00,eyse,\nPast,2020-01-01 09:00,,\nOther words,,,file\n";
    fs::write(root.path().join("plan.csv"), table).unwrap();
    let page = said(root.path(), &["queue", "import", "plan.csv"], 1);
    for words in [
        "plan.csv:3: B3 (when): there is no day 2090-02-30",
        "plan.csv:3: C3 (account): there is no account `eyse` — did you mean `eyes`?",
        "plan.csv:4: row 4: its time has passed",
        "plan.csv:5: row 5: the post `file` stands in a file under posts/",
        "4 rows: 1 new, 0 changed, 0 there already, 3 with mistakes.",
        "Nothing was imported: correct the rows above, or say --skip-bad to leave them out.",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!root.path().join("data").exists());
    let skipped = json(root.path(), &["queue", "import", "plan.csv", "--skip-bad", "--json"], 1);
    assert_eq!((numbers(&skipped), &skipped["imported"]), ([1, 0, 0, 3], &Value::Bool(true)));
    assert_eq!(skipped["findings"][0]["cell"], "B3");
    assert_eq!(skipped["rows"][0]["at"], "2090-01-01T09:00:00-05:00");
    // A table whose columns cannot be trusted is never taken in part.
    fs::write(root.path().join("plan.csv"), "text,wehn\nFine,2090-01-01 09:00\n").unwrap();
    let page = said(root.path(), &["queue", "import", "plan.csv", "--skip-bad"], 1);
    assert!(page.contains("did you mean `when`?") && page.contains("correct the names of the columns"), "{page}");
}

#[test]
fn what_is_no_table_is_said_and_nothing_is_lost() {
    let root = campaign(&[]);
    for (name, bytes, expected) in [
        ("book.xlsx", b"PK\x03\x04....".as_slice(), "save it as CSV"),
        ("zeros.csv", b"text\n\0\0\0\0", "is not text"),
        ("empty.csv", b"", "is empty"),
        ("names.csv", b"a,b\n1,2\n", "has no column for the text"),
    ] {
        fs::write(root.path().join(name), bytes).unwrap();
        let error = said(root.path(), &["queue", "import", name], 2);
        assert!(error.contains(expected) && error.contains(name), "{error}");
    }
    let error = said(root.path(), &["queue", "import", "none.csv"], 2);
    assert!(error.contains("none.csv cannot be read"), "{error}");
}

const POSTS: [(&str, &str); 5] = [
    (
        "010-at.md",
        "---\nat: 2090-11-27 09:00\naccounts: [eyes]\nmedia:\n  - { file: media/map.png, alt: \"=A map\" }\n---\n@eyes says\n---\n- two\n",
    ),
    ("020-slot.md", "Next slot\n"),
    ("030-every.md", "---\nevery: { cron: \"0 30 17 * * Tue\" }\nlang: es\n---\nCada martes\n"),
    ("040-evergreen.md", "---\nevergreen: true\npoll: { options: [\"Yes; no\", \"| \"], lasts: 2d }\n---\nAgain\n"),
    ("050-draft.md", "---\nstatus: draft\ncw: \"a: b\"\n---\nLater\n"),
];

fn calendar_of(root: &Path) -> Value {
    json(root, &["plan", "--from", "2090-11-20 00:00", "--days", "30", "--json"], 0)
}

#[test]
fn an_exported_queue_comes_back_as_the_same_queue() {
    let (root, other, third) = (campaign(&POSTS), campaign(&[]), campaign(&[]));
    said(root.path(), &["queue", "add", "From the terminal", "--account", "vigila"], 0);
    said(root.path(), &["queue", "add", "Moved before it", "--account", "vigila"], 0);
    said(root.path(), &["queue", "move", "queue-2", "--before", "queue-1"], 0);
    said(root.path(), &["queue", "move", "queue-1", "--before", "020-slot"], 0);
    let expected = calendar_of(root.path());
    assert!(expected.as_array().unwrap().len() > 10, "{expected}");
    let table = other.path().join("queue.csv");
    said(root.path(), &["queue", "export", "--out", table.to_str().unwrap()], 0);
    assert_eq!(numbers(&json(other.path(), &["queue", "import", "queue.csv", "--json"], 0)), [7, 0, 0, 0]);
    assert_eq!(numbers(&json(other.path(), &["queue", "import", "queue.csv", "--json"], 0)), [0, 0, 7, 0]);
    let files = third.path().join("posts");
    said(root.path(), &["queue", "export", "--format", "md", "--out", files.to_str().unwrap()], 0);
    // Ids of the terminal belong to one database only.
    let named = |plan: Value| plan.to_string().replace("from-queue-", "queue-");
    for (name, campaign) in [("table", &other), ("files", &third)] {
        assert_eq!(named(calendar_of(campaign.path())), expected.to_string(), "{name}");
        let check = said(campaign.path(), &["check"], 0);
        assert!(check.contains("0 errors") || check.contains("No mistakes"), "{check}");
    }
    // The table read into the campaign it came from changes nothing, and the file posts stay the files'.
    assert_eq!(numbers(&json(root.path(), &["queue", "import", table.to_str().unwrap(), "--json"], 0)), [0, 0, 7, 0]);
}

#[test]
fn what_staff_hold_does_not_go_out_because_it_moved() {
    let (root, other) = (campaign(&POSTS), campaign(&[]));
    said(root.path(), &["queue", "add", "From the terminal", "--account", "vigila"], 0);
    for id in ["020-slot", "queue-1"] {
        said(root.path(), &["queue", "hold", id, "--reason", "the lawyer"], 0);
    }
    let table = other.path().join("queue.csv");
    let told = said(root.path(), &["queue", "export", "--out", table.to_str().unwrap()], 0);
    assert!(told.contains("2 posts are held here, and written as drafts"), "{told}");
    assert_eq!(numbers(&json(other.path(), &["queue", "import", "queue.csv", "--json"], 0)), [6, 0, 0, 0]);
    let plan = calendar_of(other.path()).to_string();
    assert!(!plan.contains("020-slot") && !plan.contains("queue-1"), "{plan}");
    // Read into the campaign it came from, it changes nothing.
    assert_eq!(numbers(&json(root.path(), &["queue", "import", table.to_str().unwrap(), "--json"], 0)), [0, 0, 6, 0]);
}

#[test]
fn rows_that_say_nearly_the_same_are_warned_about() {
    const TEXT: &str = "In July 2022 MediaJustice counted more than two thousand police partnerships with Ring";
    let root = campaign(&[("file.md", &format!("---\naccounts: [eyes]\n---\n{TEXT}, and nobody had asked.\n"))]);
    said(
        root.path(),
        &["queue", "add", "Whoever looks at what your doorbell sees is not you alone, ask them", "--account", "vigila"],
        0,
    );
    let table = format!(
        "text,when,account\n{TEXT} and nobody had asked us.,2090-01-01 09:00,eyes\n\
        Something else entirely stands here today,2090-01-02 09:00,eyes\n\
        Something else entirely stands here today,2090-01-03 09:00,eyes\n\
        Whoever looks at what your doorbell sees is not you alone: ask them.,2090-01-04 09:00,eyes\n\
        Whoever looks at what your doorbell sees is not you alone: ask them!,2090-01-04 09:00,vigila\n"
    );
    fs::write(root.path().join("plan.csv"), table).unwrap();
    let page = said(root.path(), &["queue", "import", "plan.csv"], 0);
    for words in [
        "plan.csv:2: row 2: warning: it says nearly the same as file in the queue",
        "plan.csv:4: row 4: warning: it says nearly the same as row 3 (100 % alike)",
        "plan.csv:6: row 6: warning: it says nearly the same as queue-1 in the queue (100 % alike)",
        "Imported: 5 posts.",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert_eq!(page.matches("nearly the same").count(), 3, "{page}");
}

#[test]
fn the_gaps_of_the_plan_are_one_document() {
    let root = campaign(&[
        ("a.md", "---\nat: 2090-11-27 09:00\naccounts: [eyes]\n---\nExact\n"),
        ("b.md", "---\nat: 2090-11-28 09:00\nstatus: draft\n---\nNot done\n"),
        ("c.md", "---\nslot: 2090-12-02 11:00\naccounts: [vigila]\nstatus: draft\n---\nPinned\n"),
        ("d.md", "Draft\n---\n"),
    ]);
    let window = ["plan", "--from", "2090-11-27 00:00", "--days", "7", "--json"];
    let plain = json(root.path(), &window, 0);
    let gaps = json(root.path(), &[&window[..], &["--gaps"]].concat(), 0);
    assert_eq!(gaps["planned"], plain);
    assert_eq!(gaps["planned"][0]["post"], "a");
    let empty: Vec<String> = gaps["empty_slots"]
        .as_array()
        .unwrap()
        .iter()
        .map(|slot| format!("{} {}", slot["account"], slot["why"]))
        .collect();
    assert!(empty.iter().any(|slot| slot.contains("vigila") && slot.contains("kept for c")), "{empty:?}");
    assert!(empty.iter().any(|slot| slot.contains("eyes") && slot.contains("free")), "{empty:?}");
    let open: Vec<String> = gaps["not_ready"]
        .as_array()
        .unwrap()
        .iter()
        .map(|post| format!("{} {}", post["post"], post["status"]))
        .collect();
    assert_eq!(open, ["\"b\" \"draft\"", "\"c\" \"draft\""]);
    // A file with mistakes is named wherever somebody looks.
    let output = watchpost(root.path(), &["plan"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("1 post file has mistakes"), "{output:?}");
    let error = said(root.path(), &["queue", "show", "d"], 2);
    assert!(error.contains("posts/d.md:") && error.contains("d is left out until that is mended"), "{error}");
}

#[test]
fn an_export_replaces_nobodys_file_unasked_and_a_calendar_its_own() {
    let root = campaign(&POSTS);
    fs::write(root.path().join("mine.csv"), "my own table").unwrap();
    let error = said(root.path(), &["queue", "export", "--out", "mine.csv"], 2);
    assert!(error.contains("mine.csv") && error.contains("--overwrite"), "{error}");
    assert_eq!(fs::read_to_string(root.path().join("mine.csv")).unwrap(), "my own table");
    said(root.path(), &["queue", "export", "--out", "mine.csv", "--overwrite"], 0);
    let error = said(root.path(), &["queue", "export", "--format", "ics", "--out", "mine.csv"], 2);
    assert!(error.contains("--overwrite"), "{error}");
    for _ in 0..2 {
        said(root.path(), &["queue", "export", "--format", "ics", "--out", "web/calendar.ics"], 0);
    }
    let file = fs::read_to_string(root.path().join("web/calendar.ics")).unwrap();
    assert!(file.starts_with("BEGIN:VCALENDAR\r\n") && file.contains("SUMMARY:vigila: "), "{file}");
    said(root.path(), &["queue", "export", "--format", "md"], 2);
    fs::create_dir(root.path().join("saved")).unwrap();
    fs::write(root.path().join("saved/020-slot.md"), "somebody's").unwrap();
    let error = said(root.path(), &["queue", "export", "--format", "md", "--out", "saved"], 2);
    assert!(error.contains("020-slot.md"), "{error}");
    assert_eq!(fs::read_dir(root.path().join("saved")).unwrap().count(), 1, "then none is written");
    // A post of an earlier export that is gone from the queue would go out again.
    fs::remove_file(root.path().join("saved/020-slot.md")).unwrap();
    said(root.path(), &["queue", "export", "--format", "md", "--out", "saved"], 0);
    fs::write(root.path().join("saved/000050-cancelled.md"), "Not any more.").unwrap();
    let error = said(root.path(), &["queue", "export", "--format", "md", "--out", "saved", "--overwrite"], 2);
    assert!(error.contains("1 post file") && error.contains("000050-cancelled.md"), "{error}");
}
