//! What of a text is counted: its words, their beginnings, pairs of neighbours, and pieces of four letters.
//!
//! Beginnings stand for inflections, pieces for typos and compounds. Everything is a number made of the letters, so that no
//! text of an example is kept.

use std::hash::Hasher;

use crate::core::fast_map::{FastSet, Quick};
use crate::core::text::{Words, fold};

/// Letters that stand for a word, whatever its ending.
const STEM: usize = 5;

/// Bytes of a piece of a word.
const PIECE: usize = 4;

/// Words of a text that are looked at: more is no question, and a megabyte must not cost more than a page.
const WORDS: usize = 120;

/// What kind of thing a number was made of, so that the word `stop` and the piece `stop` are two.
#[derive(Clone, Copy)]
enum Kind {
    Word = 1,
    Stem = 2,
    Pair = 3,
    Piece = 4,
    Whole = 5,
}

/// Signs from here on are pictures; those before are marks and dashes.
const FIRST_SIGN: char = '\u{2190}';

/// What stands at the two ends of a text.
const EDGE: &str = "\u{2}";

/// The sign of a question, as a word of its own.
const ASKED: &str = "?";

/// What of a text is counted, each once.
pub(super) fn features(words: &Words) -> Vec<u64> {
    let said = said(words);
    let mut features: Vec<u64> = Vec::with_capacity(said.len() * 6 + 1);
    let mut seen: FastSet<u64> = FastSet::default();
    let mut push = |feature: u64| {
        if seen.insert(feature) {
            features.push(feature);
        }
    };
    let mut before = EDGE;
    let mut framed = String::new();
    for word in &said {
        push(of(Kind::Word, word, ""));
        let stem = stem(word);
        if stem.len() < word.len() {
            push(of(Kind::Stem, stem, ""));
        }
        push(of(Kind::Pair, before, stem));
        before = stem;
        framed.clear();
        framed.push('<');
        framed.push_str(word);
        framed.push('>');
        for piece in framed.as_bytes().windows(PIECE) {
            push(of_bytes(Kind::Piece, piece, &[]));
        }
    }
    push(of(Kind::Pair, before, EDGE));
    features
}

/// The number of a whole text: its letters, digits and emoji in order, and whether it asks. Texts without any have none.
pub(super) fn whole(text: &str) -> Option<u64> {
    let mut kept = String::with_capacity(text.len());
    for letter in fold(text).chars() {
        if letter.is_alphanumeric() || letter >= FIRST_SIGN {
            kept.push(letter);
        } else if !kept.ends_with(' ') && !kept.is_empty() {
            kept.push(' ');
        }
    }
    let kept = kept.trim_end();
    let asks = if text.contains('?') { ASKED } else { "" };
    (!kept.is_empty()).then(|| of(Kind::Whole, kept, asks))
}

/// The number of a whole word, for telling which words spoke.
pub(super) fn of_word(word: &str) -> u64 {
    of(Kind::Word, word, "")
}

/// The words of a text and of its hashtags, with a sign behind each sentence that asks.
pub(super) fn said(words: &Words) -> Vec<&str> {
    let mut said: Vec<&str> = Vec::new();
    let mut sentence = None;
    for word in words.list().iter().take(WORDS) {
        if let Some(last) = sentence.filter(|last| *last != word.sentence)
            && words.has_question_mark(last)
        {
            said.push(ASKED);
        }
        sentence = Some(word.sentence);
        let before = said.len();
        said.extend(words.parts(word).filter(|part| *part != words.text(word)));
        if said.len() == before {
            said.push(words.text(word));
        }
    }
    if sentence.is_some_and(|last| words.has_question_mark(last)) {
        said.push(ASKED);
    }
    said
}

fn stem(word: &str) -> &str {
    word.char_indices().nth(STEM).and_then(|(end, _)| word.get(..end)).unwrap_or(word)
}

fn of(kind: Kind, one: &str, other: &str) -> u64 {
    of_bytes(kind, one.as_bytes(), other.as_bytes())
}

fn of_bytes(kind: Kind, one: &[u8], other: &[u8]) -> u64 {
    let mut hasher = Quick::default();
    hasher.write(&[kind as u8]);
    hasher.write(one);
    // No folded text holds this byte: `ab c` and `a bc` are two pairs.
    hasher.write(&[0]);
    hasher.write(other);
    hasher.finish()
}
