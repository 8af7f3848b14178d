//! One text said twice: the same words in two files or on several accounts of a server, and words that are nearly the
//! same. It warns and decides nothing.

use std::collections::{BTreeMap, HashMap};

use super::across::goes_to;
use super::finding::{Finding, Report};
use super::posts::ReadPost;
use crate::core::alike::{Alikes, Fingerprint};
use crate::core::ids::AccountName;
use crate::core::plan::AccountCalendar;
use crate::core::post::Post;

/// Where a text was said first on a server: the file, its line, the accounts.
type Said<'a> = (&'a ReadPost, Vec<&'a AccountName>);

pub(crate) fn tell_same_text(accounts: &[AccountCalendar], ready: &[&ReadPost], findings: &mut Vec<Finding>) {
    let mut said: HashMap<(&str, String), Said<'_>> = HashMap::new();
    // One warning for each server names the first post; a campaign that does it everywhere is told once.
    let mut several: BTreeMap<&str, (&ReadPost, Vec<&AccountName>, usize)> = BTreeMap::new();
    for read in ready {
        let mut here: BTreeMap<(&str, String), Vec<&AccountName>> = BTreeMap::new();
        let mut folded: HashMap<Option<usize>, String> = HashMap::new();
        for account in accounts.iter().filter(|account| goes_to(read, &account.name)) {
            let variant = read.post.variant_for(&account.name, account.speaks.as_ref());
            let text = folded.entry(variant).or_insert_with(|| fold(first_part(&read.post, account)));
            here.entry((account.server.as_str(), text.clone())).or_default().push(&account.name);
        }
        for ((server, text), names) in here {
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
            "servers ban accounts that repeat each other: write one post for each, with `accounts:`, or give it `variants:`",
        );
        findings.extend(report.into_findings());
    }
}

/// A text as readers see it: case and white space aside.
fn fold(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// The first status an account says of a post.
fn first_part<'a>(post: &'a Post, account: &AccountCalendar) -> &'a str {
    post.words_for(&account.name, account.speaks.as_ref()).0.first().map(String::as_str).unwrap_or_default()
}

/// Posts that say nearly what another says on a server both go to: the later file is told of the likest earlier one.
pub(crate) fn tell_alike(accounts: &[AccountCalendar], ready: &[&ReadPost], findings: &mut Vec<Finding>) {
    // One entry for each wording of a post, with the servers that hear it.
    let mut entries: Vec<(usize, Vec<&str>)> = Vec::new();
    let mut texts: Vec<&str> = Vec::new();
    for (place, read) in ready.iter().enumerate() {
        let mut wordings: BTreeMap<Option<usize>, (&str, Vec<&str>)> = BTreeMap::new();
        for account in accounts.iter().filter(|account| goes_to(read, &account.name)) {
            let variant = read.post.variant_for(&account.name, account.speaks.as_ref());
            let text = first_part(&read.post, account);
            let servers = &mut wordings.entry(variant).or_insert_with(|| (text, Vec::new())).1;
            if !servers.contains(&account.server.as_str()) {
                servers.push(account.server.as_str());
            }
        }
        for (text, servers) in wordings.into_values() {
            entries.push((place, servers));
            texts.push(text);
        }
    }
    let prints: Vec<Fingerprint> = texts.iter().map(|text| Fingerprint::of(text)).collect();
    let alikes = Alikes::new(&prints);
    let mut told = None;
    for (entry, ((place, servers), print)) in entries.iter().zip(&prints).enumerate() {
        let meets = |other: usize| {
            entries.get(other).is_some_and(|(their_place, theirs)| {
                their_place < place && theirs.iter().any(|server| servers.contains(server))
            })
        };
        let Some((other, likeness)) = alikes.likest(print, meets).filter(|_| told != Some(*place)) else { continue };
        let same = texts.get(entry).map(|text| fold(text)) == texts.get(other).map(|text| fold(text));
        let first = entries.get(other).and_then(|(place, _)| ready.get(*place));
        if let (false, Some(first), Some(read)) = (same, first, ready.get(*place)) {
            told = Some(*place);
            let mut report = Report::new(&read.file);
            report.warn(
                read.line,
                format!("it says nearly the same as {} ({:.0} % alike)", first.file.display(), likeness * 100.0),
                "followers and servers take near copies for spam: word it differently, or keep one of the two",
            );
            findings.extend(report.into_findings());
        }
    }
}
