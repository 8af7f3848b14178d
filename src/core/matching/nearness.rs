//! Words that are one slip of the finger away from a known word.
//!
//! Known words are indexed by all their forms with one letter left out, so a look-up costs as many probes as the word has
//! letters, however many words are known. Short words are never corrected: too many of them are one letter apart.

use std::collections::HashMap;

/// Words shorter than this are never corrected.
pub(crate) const LONG: usize = 7;

/// An index of long words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Nearness {
    /// A known word, or one with a letter left out → the known words it comes from.
    forms: HashMap<String, Vec<usize>>,
    known: Vec<(String, String)>,
}

impl Nearness {
    /// Remembers a word and what to answer for it; short words are ignored.
    pub(crate) fn learn(&mut self, word: &str, answer: &str) {
        if word.chars().count() < LONG || word.chars().any(|letter| letter.is_numeric()) {
            return;
        }
        let index = self.known.len();
        self.known.push((word.to_owned(), answer.to_owned()));
        self.forms.entry(word.to_owned()).or_default().push(index);
        for form in shorter_by_one(word) {
            self.forms.entry(form).or_default().push(index);
        }
    }

    /// The answer of the known word that is one letter added, left out, changed or swapped away, with the same first letter.
    pub(crate) fn nearest(&self, word: &str) -> Option<&str> {
        let length = word.chars().count();
        if length + 1 < LONG || length > 40 {
            return None;
        }
        self.among(word, word).or_else(|| shorter_by_one(word).find_map(|form| self.among(word, &form)))
    }

    fn among(&self, word: &str, form: &str) -> Option<&str> {
        let candidates = self.forms.get(form)?;
        let fits = |index: &usize| self.known.get(*index).filter(|(known, _)| one_slip(word, known));
        candidates.iter().find_map(fits).map(|(_, answer)| answer.as_str())
    }
}

fn shorter_by_one(word: &str) -> impl Iterator<Item = String> {
    word.char_indices()
        .map(|(at, _)| word.char_indices().filter(|(other, _)| *other != at).map(|(_, letter)| letter).collect())
}

/// One letter added, left out or changed, or two neighbours swapped; the first letter is right.
fn one_slip(typed: &str, known: &str) -> bool {
    let (typed, known): (Vec<char>, Vec<char>) = (typed.chars().collect(), known.chars().collect());
    if typed.first() != known.first() {
        return false;
    }
    let same_start = typed.iter().zip(&known).take_while(|(one, other)| one == other).count();
    let rest = |word: &[char], skip: usize| word.get(same_start + skip..).unwrap_or_default().to_vec();
    let swapped = || {
        let (mut one, other) = (rest(&typed, 0), rest(&known, 0));
        one.len() >= 2 && {
            one.swap(0, 1);
            one == other
        }
    };
    rest(&typed, 1) == rest(&known, 1)
        || rest(&typed, 1) == rest(&known, 0)
        || rest(&typed, 0) == rest(&known, 1)
        || swapped()
}

/// A word with letters repeated three times or more (`stoooop`) with two of them, and with one; nothing for other words.
pub(crate) fn squeezed(word: &str) -> Vec<String> {
    let mut longest = 0;
    let mut run = 0;
    let mut last = None;
    for letter in word.chars() {
        run = if last == Some(letter) { run + 1 } else { 1 };
        longest = longest.max(run);
        last = Some(letter);
    }
    if longest < 3 { Vec::new() } else { vec![with_runs_of(word, 2), with_runs_of(word, 1)] }
}

/// Shortens runs of three letters or more to `keep`; shorter runs stay.
fn with_runs_of(word: &str, keep: usize) -> String {
    let letters: Vec<char> = word.chars().collect();
    let runs = letters.chunk_by(|one, other| one == other);
    runs.flat_map(|run| run.iter().take(if run.len() >= 3 { keep } else { run.len() })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_forgive_one_slip_and_short_words_none() {
        let mut near = Nearness::default();
        for word in ["palantir", "rekognition", "police"] {
            near.learn(word, word);
        }
        let cases = [
            ("palentir", Some("palantir")),
            ("palantr", Some("palantir")),
            ("palanttir", Some("palantir")),
            ("plaantir", Some("palantir")),
            ("palantirs", Some("palantir")),
            ("rekogniton", Some("rekognition")),
            ("recogniton", None),
            ("balantir", None),
            ("polise", None),
            ("palntr", None),
        ];
        for (typed, expected) in cases {
            assert_eq!(near.nearest(typed), expected, "{typed}");
        }
    }

    #[test]
    fn repeated_letters_are_squeezed() {
        assert_eq!(squeezed("stoooop"), ["stoop", "stop"]);
        assert_eq!(squeezed("book"), Vec::<String>::new());
        assert_eq!(squeezed("booook"), ["book", "bok"]);
    }
}
