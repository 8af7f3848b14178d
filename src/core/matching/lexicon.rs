//! The words of the keyword lists, and how a typed word finds its way to them: as it stands, by inflection, joined with its
//! neighbour (`facerecognition`), with letters repeated, or one slip away.
//!
//! Words are compared by their stem. A stem here is only what light endings of English and Spanish leave; it is never shown.

use super::nearness::{Nearness, squeezed};
use crate::core::fast_map::{FastMap, FastSet};
use crate::core::text::phrase;

/// How a typed word became a known one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Likeness {
    /// Written as staff wrote it.
    Exact,
    /// Inflected, joined, stretched or misspelt.
    Alike,
    /// No keyword has it.
    Unknown,
}

/// What stands in a text for a word that no keyword has.
pub(super) const STRANGER: &str = "-";

/// Every word of every keyword, weak word and company word.
#[derive(Clone, Debug, Default)]
pub(super) struct Lexicon {
    /// Folded words as staff wrote them → their stems.
    exact: FastMap<String, String>,
    /// Stems, so that inflections of a known word are known.
    stems: FastSet<String>,
    /// Stems of everyday words, which have no inflection but the plural (`stop ringing` is not `stop Ring`).
    everyday: FastSet<String>,
    /// Phrases written as one word → their stems, joined by blanks.
    joined: FastMap<String, String>,
    near: Nearness,
}

/// Joined phrases shorter than this are not looked for: `isice` is no word, `aw s` neither.
const JOINED: usize = 8;

impl Lexicon {
    /// Takes in a keyword and answers its stems, joined by blanks. `forgiving` words are also found one slip away.
    pub(super) fn take(&mut self, written: &str, forgiving: bool) -> String {
        let folded = phrase(written);
        let mut stems: Vec<String> = Vec::new();
        for word in folded.split(' ').filter(|word| !word.is_empty()) {
            let stemmed = stem(word);
            self.exact.insert(word.to_owned(), stemmed.clone());
            self.stems.insert(stemmed.clone());
            if forgiving {
                self.near.learn(word, &stemmed);
            }
            stems.push(stemmed);
        }
        let stems_joined = stems.join(" ");
        let joined = folded.replace(' ', "");
        if stems.len() > 1 && joined.len() >= JOINED {
            self.joined.entry(joined).or_insert_with(|| stems_joined.clone());
        }
        stems_joined
    }

    /// Single weak words are known only as staff wrote them, and in the plural.
    pub(super) fn keep_as_written(&mut self, weak: &[String]) {
        let words = weak.iter().map(|written| phrase(written)).filter(|word| !word.contains(' '));
        self.everyday.extend(words.map(|word| stem(&word)));
    }

    /// Every word as staff wrote it, folded.
    pub(super) fn vocabulary(&self) -> impl Iterator<Item = &str> {
        self.exact.keys().map(String::as_str)
    }

    /// Whether staff wrote exactly this folded word somewhere.
    pub(super) fn has(&self, word: &str) -> bool {
        self.exact.contains_key(word)
    }

    /// The stems a folded word stands for; several when it is a joined phrase. `real` says that the campaign's own texts
    /// have the word, so it is no misspelling of another.
    pub(super) fn read<'a>(&'a self, word: &str, real: impl Fn(&str) -> bool) -> (&'a str, Likeness) {
        if let Some(stems) = self.exact.get(word) {
            return (stems, Likeness::Exact);
        }
        if let Some(stems) = self.alike(word) {
            return (stems, Likeness::Alike);
        }
        let stretched = squeezed(word)
            .into_iter()
            .find_map(|form| self.exact.get(&form).map(String::as_str).or_else(|| self.alike(&form)));
        let guessed = stretched.or_else(|| self.near.nearest(word).filter(|_| !real(word)));
        guessed.map_or((STRANGER, Likeness::Unknown), |stems| (stems, Likeness::Alike))
    }

    fn is_plural(&self, word: &str) -> bool {
        let roots = ["s", "es"].iter().filter_map(|ending| word.strip_suffix(ending));
        roots.into_iter().any(|root| self.exact.contains_key(root))
    }

    fn alike(&self, word: &str) -> Option<&str> {
        let inflected = || {
            let known = match stem_parts(word) {
                (root, "") => self.stems.get(root),
                _ => self.stems.get(&stem(word)),
            };
            known.map(String::as_str).filter(|stem| !self.everyday.contains(*stem) || self.is_plural(word))
        };
        let joined = |word: &str| if word.len() < JOINED { None } else { self.joined.get(word).map(String::as_str) };
        joined(word).or_else(inflected).or_else(|| joined(word.strip_suffix('s')?))
    }
}

/// What is left of a folded word without its light endings: plural, English -ed and -ing, Spanish gender. Short words
/// stay as they are, because there an ending is half the word.
pub(super) fn stem(word: &str) -> String {
    let (root, ending) = stem_parts(word);
    let mut stem = String::with_capacity(root.len() + ending.len());
    stem.push_str(root);
    stem.push_str(ending);
    stem
}

/// The stem as a part of the word and what stands for the rest.
fn stem_parts(word: &str) -> (&str, &'static str) {
    if word.len() < 4 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return (word, "");
    }
    if let Some(root) = word.strip_suffix("ies").filter(|root| root.len() >= 3) {
        return (root, "y");
    }
    let singular = word.strip_suffix('s').filter(|root| !root.ends_with(['s', 'u'])).unwrap_or(word);
    if word.len() < 5 {
        // `cops` and `cop` meet, but nothing more is taken from so short a word.
        return (singular, "");
    }
    let bare = ["ing", "ed"].iter().find_map(|ending| singular.strip_suffix(ending).filter(|root| root.len() >= 4));
    let Some(root) = bare else {
        let ungendered = singular.strip_suffix(['e', 'o', 'a']).filter(|root| root.len() >= 4);
        return (ungendered.unwrap_or(singular), "");
    };
    let mut backwards = root.bytes().rev();
    let twice = backwards.next().filter(|last| b"bdgmnprt".contains(last)) == backwards.next();
    (root.get(..root.len() - usize::from(twice)).unwrap_or(root), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inflections_share_a_stem_and_neighbours_in_spelling_do_not() {
        let same = [
            ("department", "departments"),
            ("share", "sharing"),
            ("share", "shared"),
            ("shares", "share"),
            ("pledge", "pledged"),
            ("policial", "policiales"),
            ("lector", "lectores"),
            ("camara", "camaras"),
            ("performativo", "performativas"),
            ("redada", "redadas"),
            ("match", "matches"),
            ("cop", "cops"),
            ("agency", "agencies"),
            ("banning", "ban"),
            ("face", "faces"),
        ];
        for (one, other) in same {
            assert_eq!(stem(one), stem(other), "{one} {other}");
        }
        let different =
            [("ring", "spring"), ("police", "policy"), ("spring", "spr"), ("string", "str"), ("nimbus", "nimb")];
        for (one, other) in different {
            assert_ne!(stem(one), stem(other), "{one} {other}");
        }
    }

    #[test]
    fn words_are_found_exactly_inflected_joined_stretched_or_misspelt() {
        let mut lexicon = Lexicon::default();
        let phrase = lexicon.take("face recognition", true);
        let palantir = lexicon.take("Palantir", true);
        let read = |word: &str| lexicon.read(word, |_| false);
        assert_eq!(read("palantir"), (palantir.as_str(), Likeness::Exact));
        assert_eq!(read("palentir"), (palantir.as_str(), Likeness::Alike));
        assert_eq!(read("palantiiiir"), (palantir.as_str(), Likeness::Alike));
        assert_eq!(read("facerecognition"), (phrase.as_str(), Likeness::Alike));
        assert_eq!(read("weather"), (STRANGER, Likeness::Unknown));
        assert_eq!(lexicon.read("palentir", |_| true), (STRANGER, Likeness::Unknown));
    }
}
