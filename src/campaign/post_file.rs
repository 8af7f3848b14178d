//! One file under `posts/`, taken apart: front matter and the texts of its parts, each with its first line.
//!
//! Texts stay exactly as written; only blank lines at the ends of a part go, because servers drop them and staff set
//! them around `---` to see better. What the keys mean is [`super::front_matter`]'s.

use super::finding::Report;

/// A post's file in its pieces.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pieces {
    /// The YAML between the first two `---`, and the line it begins on. `None` without front matter.
    pub(crate) front: Option<(String, usize)>,
    /// The texts, one per status, with the line each begins on. Blank ones are kept, for their finding.
    pub(crate) parts: Vec<(String, usize)>,
}

/// Takes a file apart. `None` when its front matter never ends; that is then in `report`. `keys` are those a post
/// may have.
pub(crate) fn split(text: &str, keys: &[&str], report: &mut Report) -> Option<Pieces> {
    let lines: Vec<&str> = text.lines().collect();
    let mut front = None;
    let mut body = 0;
    if lines.first().is_some_and(is_rule) {
        let Some(end) = lines.iter().skip(1).position(is_rule) else {
            report.error(1, "the front matter that begins here never ends", "put a line of --- after the last key");
            return None;
        };
        front = Some((lines.iter().skip(1).take(end).copied().collect::<Vec<_>>().join("\n"), 2));
        body = end + 2;
    } else if let Some(line) = forgotten_front(&lines, keys) {
        report.error(
            line,
            "these lines look like keys, but no --- stands above them: they would be sent as text",
            "put a line of exactly three dashes, ---, at the very top and below the last key",
        );
    }
    let parts = below(&lines, body);
    Some(Pieces { front, parts })
}

/// The texts of one cell, as those below the keys of a file.
pub(crate) fn parts(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    below(&lines, 0).into_iter().map(|(part, _)| part).collect()
}

/// The parts in `lines` from place `body` on.
fn below(lines: &[&str], body: usize) -> Vec<(String, usize)> {
    let mut parts = Vec::new();
    let mut part: Vec<(usize, &str)> = Vec::new();
    for (at, line) in lines.iter().enumerate().skip(body) {
        if is_rule(line) {
            parts.push(close(&mut part, at));
        } else {
            part.push((at + 1, line));
        }
    }
    parts.push(close(&mut part, lines.len().max(1)));
    parts
}

fn is_rule(line: &&str) -> bool {
    line.trim_end() == "---"
}

/// The text of a part without blank lines at its ends, and the line it begins on (`at` when there is none).
fn close(part: &mut Vec<(usize, &str)>, at: usize) -> (String, usize) {
    let lines = std::mem::take(part);
    let blank = |(_, line): &&(usize, &str)| line.trim().is_empty();
    let begin = lines.iter().take_while(blank).count();
    let end = lines.len() - lines.iter().rev().take_while(blank).count();
    let kept: Vec<&(usize, &str)> = lines.iter().take(end).skip(begin).collect();
    let line = kept.first().map_or(at, |(line, _)| *line);
    (kept.iter().map(|(_, line)| *line).collect::<Vec<_>>().join("\n"), line)
}

/// The first line of keys that would be sent as text: lines that all look like keys of a post, down to a `---`, or
/// between two lines that were meant to be one: dashes of another number or kind, a fence.
fn forgotten_front(lines: &[&str], keys: &[&str]) -> Option<usize> {
    let filled = |line: &&str| !line.trim().is_empty();
    let first = lines.iter().position(filled)?;
    let opened = lines.get(first).is_some_and(|line| is_fence(line));
    let begin = if opened { first + 1 } else { first };
    let end = lines.iter().skip(begin).position(|line| is_rule(line) || is_fence(line))? + begin;
    let head: Vec<(usize, &&str)> =
        lines.iter().enumerate().take(end).skip(begin).filter(|(_, line)| filled(line)).collect();
    let looks = |line: &str| {
        line.split_once(':').is_some_and(|(key, _)| keys.contains(&key.trim()))
            || line.starts_with([' ', '\t', '#'])
            || line.trim_start().starts_with("- ")
    };
    let (first, line) = head.first()?;
    let begins = line.split_once(':').is_some_and(|(key, _)| keys.contains(&key.trim()));
    (begins && head.iter().all(|(_, line)| looks(line))).then_some(first + 1)
}

/// A line that people or their programs write where `---` belongs: other dashes, another number of them, a fence.
fn is_fence(line: &str) -> bool {
    let signs = line.trim();
    if signs.starts_with("```") || signs.starts_with("~~~") {
        return true;
    }
    let all = |signs_of: &[char]| signs.chars().all(|letter| signs_of.contains(&letter));
    let count = signs.chars().count();
    (count > 1 && all(&['-', '–', '—', '−', ' ']))
        || (count == 1 && all(&['–', '—', '−']))
        || (count > 2 && (all(&['+']) || all(&['=']) || all(&['_']) || all(&['*'])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> (Option<Pieces>, Vec<String>) {
        let mut report = Report::new("p.md");
        let pieces = split(text, &["at", "accounts"], &mut report);
        (pieces, report.into_findings().iter().map(ToString::to_string).collect())
    }

    fn parts(text: &str) -> Vec<(String, usize)> {
        let (pieces, found) = check(text);
        assert_eq!(found, Vec::<String>::new(), "{text:?}");
        pieces.unwrap().parts
    }

    #[test]
    fn text_stays_as_written_and_a_rule_begins_the_next_part() {
        for (text, expected) in [
            ("Hello", vec![("Hello", 1)]),
            ("One\n\n  two  \n\n\n", vec![("One\n\n  two  ", 1)]),
            ("One\n---\nTwo\n", vec![("One", 1), ("Two", 3)]),
            ("One\r\n---\r\n\r\nTwo\r\nmore\r\n", vec![("One", 1), ("Two\nmore", 4)]),
            ("---\nat: x\n---\n\nHello\n--- \nTwo", vec![("Hello", 5), ("Two", 7)]),
            ("One\n----\n- - -\n --- \n", vec![("One\n----\n- - -\n --- ", 1)]),
            ("One\n---\n", vec![("One", 1), ("", 2)]),
            ("", vec![("", 1)]),
            ("---\n---\n", vec![("", 2)]),
        ] {
            let expected: Vec<(String, usize)> = expected.into_iter().map(|(text, at)| (text.to_owned(), at)).collect();
            assert_eq!(parts(text), expected, "{text:?}");
        }
    }

    #[test]
    fn front_matter_stands_between_the_first_two_rules() {
        let (pieces, _) = check("---\nat: x\n\naccounts: [a]\n---\nText");
        assert_eq!(pieces.unwrap().front, Some(("at: x\n\naccounts: [a]".to_owned(), 2)));
        let (pieces, _) = check("Text\n---\nat: x\n");
        assert_eq!(pieces.unwrap().front, None);
    }

    #[test]
    fn front_matter_without_its_rules_is_found_before_it_is_sent() {
        let (pieces, found) = check("---\nat: x\nText");
        assert_eq!(pieces, None);
        assert_eq!(
            found,
            ["p.md:1: error: the front matter that begins here never ends — put a line of --- after the last key"]
        );
        let (_, found) = check("\nat: x\naccounts:\n  - eyes\n---\nText");
        assert!(found[0].starts_with("p.md:2: error: these lines look like keys"), "{found:?}");
        for text in [
            "--\nat: x\n---\nText",
            "—\nat: x\naccounts: [a]\n—\nText",
            "```\nat: x\n```\nText",
            "```yaml\nat: x\n```\nText",
            " ---\nat: x\n---\nText",
            "----\nat: x\n----\nText",
            "at: x\n--\nText",
        ] {
            let (_, found) = check(text);
            assert!(found.iter().any(|it| it.contains("error: these lines look like keys")), "{text:?}: {found:?}");
        }
        for text in ["--\nHello\n---\nText", "* * *\nHello: you\n* * *", "Note: at noon\n---\nText"] {
            assert_eq!(check(text).1, Vec::<String>::new(), "{text:?}");
        }
        let (_, found) = check("at: last it happened\nand more\n---\nText");
        assert_eq!(found, Vec::<String>::new());
    }
}
