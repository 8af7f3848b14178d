//! What only the whole campaign shows: slot posts that wait for slots nobody has, and one text said twice.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::finding::{Finding, Report};
use super::posts::ReadPost;
use super::{Account, config};
use crate::core::ids::AccountName;
use crate::core::post::{Readiness, When};

/// Looks at all posts on all accounts (each with its line in the settings).
pub(crate) fn check(accounts: &[(Account, usize)], posts: &[ReadPost], findings: &mut Vec<Finding>) {
    let ready: Vec<&ReadPost> = posts.iter().filter(|read| read.post.readiness == Readiness::Ready).collect();
    tell_no_slots(accounts, &ready, findings);
    tell_same_text(accounts, &ready, findings);
}

fn goes_to(read: &ReadPost, account: &AccountName) -> bool {
    read.post.accounts.is_empty() || read.post.accounts.contains(account)
}

fn tell_no_slots(accounts: &[(Account, usize)], ready: &[&ReadPost], findings: &mut Vec<Finding>) {
    let mut report = Report::new(config::FILE);
    for (account, line) in accounts.iter().filter(|(account, _)| account.slots.is_empty()) {
        let waiting = ready
            .iter()
            .filter(|read| matches!(read.post.when, When::NextSlot | When::Evergreen) && goes_to(read, &account.name))
            .count();
        if waiting > 0 {
            report.warn(
                *line,
                format!(
                    "{} has no slots, and {waiting} {} for one",
                    account.name,
                    if waiting == 1 { "post waits" } else { "posts wait" }
                ),
                "add slots = [\"Mon-Fri 09:00\"], or give the posts a time with `at:`",
            );
        }
    }
    findings.extend(report.into_findings());
}

/// Where a text was said first on a server: the file, its line, the accounts.
type Said<'a> = (&'a ReadPost, Vec<&'a AccountName>);

fn tell_same_text(accounts: &[(Account, usize)], ready: &[&ReadPost], findings: &mut Vec<Finding>) {
    let mut said: BTreeMap<(&str, String), Said<'_>> = BTreeMap::new();
    // One warning for each server names the first post; a campaign that does it everywhere is told once.
    let mut several: BTreeMap<&str, (&ReadPost, Vec<&AccountName>, usize)> = BTreeMap::new();
    for read in ready {
        let text = read.post.parts.first().map(|text| fold(text)).unwrap_or_default();
        let mut here: BTreeMap<&str, Vec<&AccountName>> = BTreeMap::new();
        for (account, _) in accounts.iter().filter(|(account, _)| goes_to(read, &account.name)) {
            here.entry(account.server.as_str()).or_default().push(&account.name);
        }
        for (server, names) in here {
            if names.len() > 1 {
                several.entry(server).or_insert_with(|| (read, names.clone(), 0)).2 += 1;
            }
            if let Some((first, before)) = said.get(&(server, text.clone())) {
                let mut report = Report::new(&read.file);
                let again = names.iter().find(|name| before.contains(name));
                let first = first.file.display();
                match again {
                    Some(name) => report.warn(
                        read.line,
                        format!("{name} says the same in {first}"),
                        "an account does not repeat a text within 60 days: change this one or remove it",
                    ),
                    None => report.warn(
                        read.line,
                        format!("another account says the same on {server}, in {first}"),
                        "servers ban accounts that repeat each other: word it differently",
                    ),
                }
                findings.extend(report.into_findings());
            } else {
                said.insert((server, text.clone()), (read, names));
            }
        }
    }
    for (server, (read, names, count)) in several {
        let mut report = Report::new(&read.file);
        let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        let others = match count {
            0 | 1 => String::new(),
            2 => ", and 1 more post does".to_owned(),
            _ => format!(", and {} more posts do", count - 1),
        };
        report.warn(
            read.line,
            format!("{} say the same on {server}{others}", names.join(" and ")),
            "servers ban accounts that repeat each other: write one post for each, with `accounts:`",
        );
        findings.extend(report.into_findings());
    }
}

/// A text as readers see it: case and white space aside.
fn fold(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Findings of several files in the order people read them: by file, then by line.
pub(crate) fn in_reading_order(mut findings: Vec<Finding>) -> Vec<Finding> {
    let rank = |file: &PathBuf| usize::from(!file.starts_with("config"));
    findings.sort_by(|a, b| (rank(&a.file), &a.file, a.line).cmp(&(rank(&b.file), &b.file, b.line)));
    findings
}
