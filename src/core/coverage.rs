//! What people ask for and we have no answer to: questions with shared words, grouped, so that staff see what to write
//! a fact about. No word list: what nearly everybody writes groups nobody.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use crate::core::text::fold;

/// Questions that share words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// One of them, the newest.
    pub example: String,
    /// How many there are.
    pub count: usize,
    /// When the newest was asked.
    pub last: DateTime<Utc>,
    /// Words that more than half of them share.
    pub shared: Vec<String>,
}

/// Letters a word needs to say what a question is about.
const LETTERS: usize = 4;

/// A word in more than this share of many questions says nothing.
const COMMON: f64 = 0.4;
/// … once there are so many questions.
const MANY: usize = 10;

/// Groups questions, largest group first.
#[must_use]
pub fn group(questions: &[(String, DateTime<Utc>)]) -> Vec<Group> {
    let mut all: Vec<(BTreeSet<String>, &str, DateTime<Utc>)> =
        questions.iter().map(|(text, at)| (words(text), text.as_str(), *at)).collect();
    all.sort_by_key(|(_, _, at)| std::cmp::Reverse(*at));
    drop_common(&mut all);
    let mut groups: Vec<(Group, Vec<BTreeSet<String>>)> = Vec::new();
    for (words, text, at) in all {
        let fits = |members: &[BTreeSet<String>]| members.iter().any(|member| alike(member, &words));
        match groups.iter_mut().find(|(_, members)| fits(members)) {
            Some((group, members)) => {
                group.count += 1;
                members.push(words);
            }
            None => {
                let group = Group { example: text.trim().to_owned(), count: 1, last: at, shared: Vec::new() };
                groups.push((group, vec![words]));
            }
        }
    }
    let mut groups: Vec<Group> =
        groups.into_iter().map(|(group, members)| Group { shared: shared(&members), ..group }).collect();
    groups.sort_by_key(|group| (std::cmp::Reverse(group.count), std::cmp::Reverse(group.last)));
    groups
}

fn words(text: &str) -> BTreeSet<String> {
    let folded = fold(text);
    let words = folded.split(|c: char| !c.is_alphanumeric());
    words.filter(|word| word.chars().count() >= LETTERS).map(str::to_owned).collect()
}

#[expect(clippy::cast_precision_loss, reason = "numbers of questions are small")]
fn drop_common(all: &mut [(BTreeSet<String>, &str, DateTime<Utc>)]) {
    if all.len() < MANY {
        return;
    }
    let mut counts: HashMap<String, usize> = HashMap::new();
    for word in all.iter().flat_map(|(words, _, _)| words) {
        *counts.entry(word.clone()).or_default() += 1;
    }
    let most = all.len() as f64 * COMMON;
    for (words, _, _) in all {
        words.retain(|word| counts.get(word).is_none_or(|count| (*count as f64) <= most));
    }
}

/// Half of the shorter one's words stand in the other; questions without such words are alike.
fn alike(one: &BTreeSet<String>, other: &BTreeSet<String>) -> bool {
    let common = one.intersection(other).count();
    let shorter = one.len().min(other.len());
    if shorter == 0 { one.is_empty() && other.is_empty() } else { common * 2 >= shorter }
}

fn shared(members: &[BTreeSet<String>]) -> Vec<String> {
    let mut counts: HashMap<&String, usize> = HashMap::new();
    for word in members.iter().flatten() {
        *counts.entry(word).or_default() += 1;
    }
    let mut shared: Vec<String> =
        counts.into_iter().filter(|(_, count)| count * 2 > members.len()).map(|(word, _)| word.clone()).collect();
    shared.sort();
    shared
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(texts: &[&str]) -> Vec<(String, DateTime<Utc>)> {
        let start: DateTime<Utc> = "2026-11-27T09:00:00Z".parse().unwrap();
        texts.iter().zip(0..).map(|(text, n)| ((*text).to_owned(), start + chrono::Duration::minutes(n))).collect()
    }

    #[test]
    fn questions_that_share_words_stand_together_largest_first() {
        let groups = group(&asked(&[
            "what about Alexa?",
            "does the warehouse have cameras?",
            "Cameras in the WAREHOUSE, is it true?",
            "¿hay cámaras en el almacén?",
            "warehouse cameras!!",
        ]));
        let shown: Vec<(usize, &str)> = groups.iter().map(|group| (group.count, group.example.as_str())).collect();
        assert_eq!(shown[0], (3, "warehouse cameras!!"));
        assert_eq!(groups[0].shared, ["cameras", "warehouse"]);
        assert_eq!(shown.len(), 3);
        assert!(group(&[]).is_empty());
    }

    #[test]
    fn words_that_everybody_writes_group_nobody() {
        let texts: Vec<String> = (0..12).map(|n| format!("please tell about thing{n}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        assert_eq!(group(&asked(&texts)).len(), 12);
    }
}
