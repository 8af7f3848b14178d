//! The real binary at a terminal, as staff use it.

use std::process::{Command, Output, Stdio};

use crate::harness::Story;

/// The real binary on the story's campaign.
pub(crate) fn command(story: &Story, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchpost"));
    command.arg("--campaign").arg(story.folder.path()).args(arguments).stdin(Stdio::null());
    command
}

/// Runs it; no output may hold a token.
pub(crate) fn watchpost(story: &Story, arguments: &[&str]) -> Output {
    let output = command(story, arguments).output().unwrap();
    for stream in [&output.stdout, &output.stderr] {
        assert!(!String::from_utf8_lossy(stream).contains("canary-token"), "a token was printed by {arguments:?}");
    }
    output
}

/// What it printed.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The one JSON document it printed.
pub(crate) fn json(story: &Story, arguments: &[&str]) -> serde_json::Value {
    let output = watchpost(story, arguments);
    let text = stdout(&output);
    serde_json::from_str(&text).unwrap_or_else(|error| {
        panic!("{arguments:?} printed no JSON ({error}): {text}{}", String::from_utf8_lossy(&output.stderr))
    })
}

/// Runs it and checks the exit code and that its output, or its error, holds these words.
pub(crate) fn said(story: &Story, arguments: &[&str], code: i32, words: &str) {
    let output = watchpost(story, arguments);
    let all = format!("{}{}", stdout(&output), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {all}");
    assert!(all.contains(words), "{arguments:?} does not say {words:?}: {all}");
}
