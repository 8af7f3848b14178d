//! Words written by ear or with a finger too fast: `komo`, `reconosimiento`, `polcie`, `plege`.
//!
//! A word that nobody listed anywhere is read as the listed word that sounds the same to a Spanish ear, or that is one slip
//! away. What is a word of its own stays: the longer the lists of ordinary words, the safer this is, and without one
//! nothing is changed. Which words there are is not known here.

use super::lexicon::stem;
use super::nearness::{Nearness, squeezed};
use crate::core::fast_map::{FastMap, FastSet};

/// Words shorter than this are taken as they stand.
const SHORTEST: usize = 3;

/// From so many letters on a slip is mended; shorter ones than [`super::nearness::LONG`] only where letters changed places
/// or one is missing or too much, because too many of them are one letter apart (`prison`, `poison`).
const SLIPS: usize = 6;

/// The listed words, by what they are and how they sound.
#[derive(Clone, Debug, Default)]
pub(super) struct Spelling {
    known: FastSet<String>,
    stems: FastSet<String>,
    /// The hash of a sound → the first word listed that sounds like it.
    sounds: FastMap<u64, String>,
    near: Nearness,
}

impl Spelling {
    /// `telling` words are what a misspelt one is looked for among, first; `ordinary` ones are words, too.
    pub(super) fn new(mut telling: Vec<String>, mut ordinary: Vec<String>) -> Self {
        let mut spelling = Self { near: Nearness::from_letters(SLIPS), ..Self::default() };
        for list in [&mut telling, &mut ordinary] {
            list.sort_unstable();
            list.dedup();
        }
        for word in &telling {
            spelling.near.learn(word, word);
        }
        for word in telling.into_iter().chain(ordinary) {
            if let Some(sound) = sound(&word) {
                spelling.sounds.entry(sound).or_insert_with(|| word.clone());
            }
            spelling.stems.insert(stem(&word));
            spelling.known.insert(word);
        }
        spelling
    }

    /// The word that was meant, where another is written.
    pub(super) fn meant(&self, word: &str) -> Option<&str> {
        if word.len() < SHORTEST || self.known.contains(word) || self.stems.contains(&stem(word)) {
            return None;
        }
        // Whoever draws a word out is understood elsewhere.
        if !squeezed(word).is_empty() {
            return None;
        }
        let alike = sound(word).and_then(|sound| self.sounds.get(&sound)).map(String::as_str);
        let alike = alike.filter(|known| known.len().abs_diff(word.len()) <= 1);
        alike.or_else(|| self.near.nearest(word).filter(|known| known.len() > SLIPS || !is_changed(word, known)))
    }
}

/// Whether a letter stands in place of another.
fn is_changed(typed: &str, known: &str) -> bool {
    let sorted = |word: &str| {
        let mut letters: Vec<char> = word.chars().collect();
        letters.sort_unstable();
        letters
    };
    typed.len() == known.len() && sorted(typed) != sorted(known)
}

/// A hash of how a word sounds in Spanish, where `v` is `b`, `z` is `s`, `ll` is `y` and `h` is nothing; `None` for words
/// with other signs than the letters of ASCII, whose sound is not known.
fn sound(word: &str) -> Option<u64> {
    let letters = word.as_bytes();
    if letters.len() < SHORTEST || !letters.iter().all(u8::is_ascii_lowercase) {
        return None;
    }
    let at = |index: usize| letters.get(index).copied().unwrap_or_default();
    let is_soft = |letter: u8| matches!(letter, b'e' | b'i');
    let (mut hash, mut last, mut index) = (0xcbf2_9ce4_8422_2325_u64, 0, 0);
    while index < letters.len() {
        let (sound, length) = match (at(index), at(index + 1)) {
            (b'c', b'h') => (b'C', 2),
            (b'p', b'h') => (b'f', 2),
            (b'l', b'l') => (b'y', 2),
            (b'q', b'u') if is_soft(at(index + 2)) => (b'k', 2),
            (b'g', b'u') if is_soft(at(index + 2)) => (b'g', 2),
            (b'g', next) if is_soft(next) => (b'j', 1),
            (b'c', next) if is_soft(next) => (b's', 1),
            (b'c' | b'q', _) => (b'k', 1),
            (b'n', b'b' | b'p' | b'v') => (b'm', 1),
            (b'z' | b'x', _) => (b's', 1),
            (b'v', _) => (b'b', 1),
            (b'h', _) => (0, 1),
            (letter, _) => (letter, 1),
        };
        if sound != 0 && sound != last {
            hash = (hash ^ u64::from(sound)).wrapping_mul(0x0100_0000_01b3);
            last = sound;
        }
        index += length;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_sound_alike_are_alike() {
        let pairs = [
            ("reconosimiento", "reconocimiento"),
            ("fasial", "facial"),
            ("komo", "como"),
            ("kieren", "quieren"),
            ("carsel", "carcel"),
            ("yamadas", "llamadas"),
            ("timvre", "timbre"),
            ("aga", "haga"),
            ("isrrael", "israel"),
            ("enbiar", "enviar"),
        ];
        for (typed, meant) in pairs {
            assert_eq!(sound(typed), sound(meant), "{typed}");
        }
        for (one, other) in [("caro", "claro"), ("chico", "cico"), ("perro", "pelo")] {
            assert_ne!(sound(one), sound(other), "{one}");
        }
    }

    #[test]
    fn a_word_of_its_own_stays_and_another_is_read_as_the_one_that_was_meant() {
        let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let spelling = Spelling::new(list(&["police", "pledge", "prison", "carcel"]), list(&["policy", "carne"]));
        let cases = [
            ("polcie", Some("police")),
            ("plege", Some("pledge")),
            ("karsel", Some("carcel")),
            ("policy", None),
            ("poison", None),
            ("carnes", None),
            ("ok", None),
        ];
        for (typed, meant) in cases {
            assert_eq!(spelling.meant(typed), meant, "{typed}");
        }
    }
}
