//! `watchpost check`: everything staff wrote, looked at offline, all mistakes at once. Where there is a database, what
//! was said lately is looked at too.
//!
//! Exit code 0: fine, or warnings only. 1: errors; with `--strict` warnings too. 2: could not run (an `Err` here).

use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{copies, privacy};
use crate::campaign::finding::{Finding, Level};
use crate::campaign::{self, Loaded};
use crate::core::plural::many;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchpost check\n  watchpost check --strict --json")]
pub struct Args {
    /// One JSON document instead of lines.
    #[arg(long)]
    pub json: bool,
    /// Exit 1 for warnings too.
    #[arg(long)]
    pub strict: bool,
}

/// Checks the campaign in `campaign_dir` and prints every finding, as text or as one JSON object. Answers the exit code.
///
/// # Errors
/// When there is no campaign to check, or the output cannot be written.
pub async fn run(campaign_dir: &Path, json: bool, strict: bool, now: DateTime<Utc>) -> anyhow::Result<u8> {
    let mut loaded = campaign::load(campaign_dir, now)?;
    loaded.findings.extend(copies::findings(&loaded, now).await);
    loaded.findings.extend(loaded.campaign.as_ref().map(privacy::findings).unwrap_or_default());
    let shown = if json { as_json(&loaded)? } else { as_text(&loaded) };
    match io::stdout().lock().write_all(shown.as_bytes()) {
        // Whoever reads has seen enough (`check | head`); the code still tells the truth.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written.context("the findings could not be printed")?,
    }
    Ok(exit_code(&loaded.findings, strict))
}

/// 0 or 1 for these findings.
fn exit_code(findings: &[Finding], strict: bool) -> u8 {
    let (errors, warnings) = count(findings);
    u8::from(errors > 0 || (strict && warnings > 0))
}

fn count(findings: &[Finding]) -> (usize, usize) {
    let errors = findings.iter().filter(|finding| finding.level == Level::Error).count();
    (errors, findings.len() - errors)
}

#[derive(Serialize)]
struct Shown<'a> {
    errors: usize,
    warnings: usize,
    findings: &'a [Finding],
}

fn as_json(loaded: &Loaded) -> anyhow::Result<String> {
    let (errors, warnings) = count(&loaded.findings);
    let shown = Shown { errors, warnings, findings: &loaded.findings };
    let mut text = serde_json::to_string_pretty(&shown).context("the findings could not be written as JSON")?;
    text.push('\n');
    Ok(text)
}

fn as_text(loaded: &Loaded) -> String {
    let mut lines: Vec<String> = loaded.findings.iter().map(ToString::to_string).collect();
    let (errors, warnings) = count(&loaded.findings);
    let mut last = if errors + warnings == 0 {
        "No mistakes".to_owned()
    } else {
        format!("{} and {}", many(errors, "error"), many(warnings, "warning"))
    };
    if let Some(campaign) = &loaded.campaign {
        let read = [
            many(campaign.accounts.len(), "account"),
            many(campaign.facts.facts.len(), "fact"),
            many(campaign.posts.len(), "post"),
        ];
        last.push_str(&format!(" in {}", read.join(", ")));
    }
    lines.push(format!("{last}."));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).unwrap()
    }

    fn campaign(post: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for folder in ["config", "posts", "secrets"] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
        }
        let settings = "[campaign]\nname = \"T\"\ntimezone = \"UTC\"\nlanguages = [\"en\"]\n\n[[accounts]]\nname = \"a\"\n\
                        server = \"http://127.0.0.1:1\"\ntoken = { file = \"secrets/a\" }\nslots = [\"Mon-Fri 09:00\"]\n";
        std::fs::write(root.path().join("config/watchpost.toml"), settings).unwrap();
        std::fs::write(root.path().join("config/facts.toml"), "").unwrap();
        let token = root.path().join("secrets/a");
        std::fs::write(&token, "tok").unwrap();
        std::fs::set_permissions(token, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        std::fs::write(root.path().join("posts/one.md"), post).unwrap();
        root
    }

    #[tokio::test]
    async fn the_exit_code_is_one_for_errors_and_with_strict_for_warnings_too() {
        for (post, code, strict_code) in [("Hello", 0, 0), ("Hello #eyesonamazon", 0, 1), ("", 1, 1)] {
            let root = campaign(post);
            assert_eq!(run(root.path(), false, false, now()).await.unwrap(), code, "{post}");
            assert_eq!(run(root.path(), true, true, now()).await.unwrap(), strict_code, "{post}");
        }
    }

    #[tokio::test]
    async fn a_folder_without_a_campaign_could_not_be_checked() {
        let root = tempfile::tempdir().unwrap();
        let error = run(root.path(), false, false, now()).await.unwrap_err();
        assert!(error.to_string().contains("--campaign DIR"), "{error}");
    }

    #[test]
    fn findings_are_shown_one_a_line_with_their_count_or_as_one_json_object() {
        let root = campaign("---\nacounts: [a]\n---\nHello");
        let loaded = campaign::load(root.path(), now()).unwrap();
        assert_eq!(
            as_text(&loaded),
            "posts/one.md:2: error: `acounts` is not a key of a post — did you mean `accounts`?\n\
             1 error and 0 warnings in 1 account, 0 facts, 0 posts.\n"
        );
        let json: serde_json::Value = serde_json::from_str(&as_json(&loaded).unwrap()).unwrap();
        assert_eq!(json["errors"], 1);
        assert_eq!(json["findings"][0]["file"], "posts/one.md");
        assert_eq!(json["findings"][0]["line"], 2);
        assert_eq!(json["findings"][0]["level"], "error");
    }
}
