//! Whether a status on the server is the one a delivery wanted (DESIGN §5, law 7): visible text on both sides, folded
//! the same way, and how much of the words they share. In doubt it is the same.

use std::collections::{BTreeSet, HashMap};

use unicode_normalization::UnicodeNormalization;

use crate::core::delivery::Payload;
use crate::core::ids::StatusId;

/// From this share of common words on, two texts count as one.
const NEAR: f64 = 0.9;

/// How alike two texts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// Another text.
    Other,
    /// At least nine tenths of the words are the same: found, and reported.
    Near,
    /// The same, once folded.
    Same,
}

/// Compares what was to be said with what is seen.
#[must_use]
pub fn likeness(wanted: &str, seen: &str) -> Likeness {
    let (wanted, seen) = (folded(wanted), folded(seen));
    if wanted == seen {
        return Likeness::Same;
    }
    if share(&wanted, &seen) >= NEAR { Likeness::Near } else { Likeness::Other }
}

/// What a status shows by which it is known.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// Its visible text.
    pub text: &'a str,
    /// Its content warning.
    pub cw: Option<&'a str>,
    /// The status it answers.
    pub in_reply_to: Option<&'a StatusId>,
}

/// Compares a delivery with a status: for a reply the parent decides, else the words.
#[must_use]
pub fn resemblance(wanted: &Payload, shown: Shown<'_>) -> Likeness {
    match (&wanted.in_reply_to, shown.in_reply_to) {
        (Some(parent), Some(seen)) if parent == seen => Likeness::Same,
        // The same fact told to somebody else differs in a name only: another parent is another status.
        (Some(_), Some(_)) => Likeness::Other,
        // A server may lose the thread (snac under a deleted parent): then the words decide, but what was said to
        // somebody else is not this.
        (Some(_), None) if names(&wanted.text) != names(shown.text) => Likeness::Other,
        (Some(_), None) | (None, Some(_) | None) => by_words(wanted, shown),
    }
}

/// Whom a text addresses.
fn names(text: &str) -> BTreeSet<String> {
    folded(text)
        .into_iter()
        .filter(|word| word.len() > 1 && word.starts_with('@'))
        .map(|word| word.to_lowercase())
        .collect()
}

fn by_words(wanted: &Payload, shown: Shown<'_>) -> Likeness {
    let visible = likeness(&wanted.text, shown.text);
    match &wanted.cw {
        // Where a warning becomes a title it stands above the words.
        Some(cw) if shown.cw.is_none() => visible.max(likeness(&format!("{cw}\n{}", wanted.text), shown.text)),
        Some(_) | None => visible,
    }
}

/// Whether a text holds these words in a row, white space and invisible letters aside.
#[must_use]
pub fn holds(text: &str, words: &str) -> bool {
    let (text, words) = (folded(text), folded(words));
    !words.is_empty() && text.windows(words.len()).any(|run| run == words)
}

/// The words of a text as every server leaves them: NFC, invisible characters and white space folded, `@user@host` as
/// `@user`, since servers show mentions either way.
fn folded(text: &str) -> Vec<String> {
    let plain: String = text.nfc().filter(|letter| !is_invisible(*letter)).collect();
    plain.split_whitespace().map(mention_folded).collect()
}

fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{ad}')
}

fn mention_folded(word: &str) -> String {
    match word.strip_prefix('@').and_then(|name| name.split_once('@')) {
        Some((user, _)) if !user.is_empty() => format!("@{user}"),
        Some(_) | None => word.to_owned(),
    }
}

/// Dice's coefficient over the two bags of words: 1 for the same words in any order, 0 for none in common.
fn share(a: &[String], b: &[String]) -> f64 {
    let total = a.len() + b.len();
    if total == 0 {
        return 1.0;
    }
    let mut bag: HashMap<&String, usize> = HashMap::new();
    for word in a {
        *bag.entry(word).or_default() += 1;
    }
    let mut common = 0_u32;
    for word in b {
        if let Some(left) = bag.get_mut(word).filter(|left| **left > 0) {
            *left -= 1;
            common += 1;
        }
    }
    2.0 * f64::from(common) / f64::from(u32::try_from(total).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_a_row_are_found_in_a_text() {
        for (text, words, expected) in [
            ("@luz In July 2022 Ring gave.\nSource: A", "In July  2022 Ring gave.", true),
            ("@luz In July 2022 Ring", "July Ring", false),
            ("anything", " ", false),
        ] {
            assert_eq!(holds(text, words), expected, "{words:?} in {text:?}");
        }
    }

    #[test]
    fn a_reply_that_lost_its_thread_is_known_by_its_words_and_by_whom_it_addresses() {
        let fact =
            "Ring had more than two thousand partnerships with the police, says the campaign (2021). Sign the pledge";
        let reply = |name: &str| Payload {
            text: format!("@{name} {fact}"),
            cw: None,
            visibility: crate::core::post::Visibility::Public,
            lang: None,
            media: Vec::new(),
            poll: None,
            in_reply_to: Some(StatusId::new("7")),
            allowed_mention: None,
        };
        let check = |seen: &str, expected| {
            let text = format!("{seen} {fact}");
            let shown = Shown { text: &text, cw: None, in_reply_to: None };
            assert_eq!(resemblance(&reply("ada@far.example"), shown), expected, "{seen}");
        };
        check("@ada", Likeness::Same);
        check("@Ada@far.example", Likeness::Near);
        check("@bob", Likeness::Other);
        check("", Likeness::Other);
    }

    #[test]
    fn what_servers_do_to_a_text_leaves_it_the_same() {
        let cases = [
            ("@luz@far.example In July 2022", "@luz In July 2022", Likeness::Same),
            ("two\n\nparagraphs  here", "two paragraphs here", Likeness::Same),
            ("cafe\u{301} \u{200b}now", "café now", Likeness::Same),
            ("a b c d e f g h i j", "a b c d e f g h i", Likeness::Near),
            ("a b c d", "a b c x", Likeness::Other),
            ("", "something", Likeness::Other),
        ];
        for (wanted, seen, expected) in cases {
            assert_eq!(likeness(wanted, seen), expected, "{wanted:?} against {seen:?}");
        }
    }
}
