//! Folding text so that what people type and what staff wrote can be compared, and cutting it into words and clauses.
//!
//! Folding is NFKD, lower case, without marks and without invisible characters; it is idempotent. Words are runs of
//! letters and digits, so `spring` never holds the word `ring`. Nothing here knows a language, a keyword or markup.

mod cutter;
mod disguise;

pub use disguise::without_digits;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The text as it is compared: `Ｒｉｎｇ`, `rı̇ng` with marks and `r\u{200b}ing` all become `ring`.
#[must_use]
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.chars() {
        push_folded(letter, &mut folded);
    }
    folded
}

fn push_folded(letter: char, out: &mut String) {
    if letter.is_ascii() {
        out.push(letter.to_ascii_lowercase());
        return;
    }
    // Lower case can bring new marks and new compatibility forms (İ, ϴ), hence the second decomposition.
    let lowered = std::iter::once(letter).nfkd().flat_map(char::to_lowercase);
    out.extend(lowered.nfkd().filter(|part| !is_combining_mark(*part) && !is_invisible(*part)));
}

/// Characters that take no room on a screen (Unicode's default ignorable code points and interlinear marks).
#[must_use]
pub fn is_invisible(letter: char) -> bool {
    matches!(u32::from(letter),
        0x00AD | 0x034F | 0x061C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F
        | 0x202A..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB
        | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF)
}

/// Whether a sign turns the direction of what follows it, so that people read other words than are written.
#[must_use]
pub fn turns_words(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a sign steers a terminal instead of showing something: control characters, and those that change the
/// direction of what follows. Strangers write them into what staff read.
#[must_use]
pub fn steers(letter: char) -> bool {
    letter.is_control() || turns_words(letter) || matches!(letter, '\u{200e}' | '\u{200f}')
}

/// Where a word stands in [`Words`]' buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: usize,
    end: usize,
}

/// One word of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    span: Span,
    /// Counted from 0; a comma, a bracket or a dash ends a clause.
    pub clause: usize,
    /// Counted from 0; a full stop, a question mark or a line break ends a sentence, and its last clause.
    pub sentence: usize,
    /// Written like a name: `Ring` within a sentence, `ICE` in a text that does not shout, `#ring`.
    pub named: bool,
    /// Its first letter is a capital, wherever it stands.
    pub capital: bool,
    /// It stands between quotation marks.
    pub quoted: bool,
    /// Ends in an apostrophe and s; that s is part of the folded word.
    possessive: bool,
    /// For a hashtag: its parts, as first index and count in [`Words::parts`].
    tag: Option<(usize, usize)>,
}

impl Word {
    /// Whether it stood with a `#`.
    #[must_use]
    pub fn is_tag(&self) -> bool {
        self.tag.is_some()
    }
}

/// A text as folded words in order.
#[derive(Clone, Debug, Default)]
pub struct Words {
    buffer: String,
    words: Vec<Word>,
    parts: Vec<Span>,
    /// By sentence: whether a question mark stands in it.
    questions: Vec<bool>,
}

impl Words {
    /// Cuts a text into words. Custom emoji (`:name:`) and emoji are dropped without ending a clause.
    #[must_use]
    pub fn read(text: &str) -> Words {
        let mut letters: Vec<char> = Vec::with_capacity(text.len());
        for letter in text.chars() {
            if letter.is_ascii() {
                letters.push(letter);
            } else {
                let parts = std::iter::once(letter).nfkd();
                letters.extend(parts.filter(|part| !is_combining_mark(*part) && !is_invisible(*part)));
            }
        }
        disguise::unmask(&mut letters);
        cutter::cut(&letters)
    }

    /// Writes words as they were meant: `meant` says what stands for a folded word, if another does. Hashtags and names
    /// stay.
    pub fn respell<'m>(&mut self, meant: impl Fn(&str) -> Option<&'m str>) {
        for word in self.words.iter_mut().filter(|word| !word.named) {
            let written = self.buffer.get(word.span.start..word.span.end).unwrap_or_default();
            if let Some(other) = meant(written) {
                let start = self.buffer.len();
                self.buffer.push_str(other);
                word.span = Span { start, end: self.buffer.len() };
                word.possessive = false;
            }
        }
    }

    /// The words in order.
    #[must_use]
    pub fn list(&self) -> &[Word] {
        &self.words
    }

    /// A word as it is compared.
    #[must_use]
    pub fn text(&self, word: &Word) -> &str {
        self.slice(word.span)
    }

    /// A word without its possessive ending: `amazon` for `Amazon's`.
    #[must_use]
    pub fn base(&self, word: &Word) -> &str {
        let text = self.text(word);
        if word.possessive { text.strip_suffix('s').unwrap_or(text) } else { text }
    }

    /// The parts of a hashtag in camel case (`#RingDoorbell` → `ring`, `doorbell`); one part for others, none for a word.
    pub fn parts<'a>(&'a self, word: &Word) -> impl Iterator<Item = &'a str> {
        let (first, count) = word.tag.unwrap_or_default();
        self.parts.iter().skip(first).take(count).map(|span| self.slice(*span))
    }

    /// Whether a question mark stands in this sentence.
    #[must_use]
    pub fn has_question_mark(&self, sentence: usize) -> bool {
        self.questions.get(sentence).copied().unwrap_or_default()
    }

    fn slice(&self, span: Span) -> &str {
        self.buffer.get(span.start..span.end).unwrap_or_default()
    }
}

/// The folded words of a phrase that staff wrote, joined by single blanks.
#[must_use]
pub fn phrase(written: &str) -> String {
    let words = Words::read(written);
    let mut joined = String::with_capacity(written.len());
    for word in words.list() {
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(words.base(word));
    }
    joined
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, clauses: &[&str]) {
        let words = Words::read(text);
        let mut found: Vec<String> = Vec::new();
        let mut last = usize::MAX;
        for word in words.list() {
            if word.clause == last {
                let clause = found.last_mut().unwrap();
                clause.push(' ');
                clause.push_str(words.text(word));
            } else {
                found.push(words.text(word).to_owned());
            }
            last = word.clause;
        }
        assert_eq!(found, clauses, "{text:?}");
    }

    #[test]
    fn words_are_folded_and_cut_into_clauses() {
        check("Hello, WORLD! ¿Qué tal?", &["hello", "world", "que tal"]);
        check("Ｒｉｎｇ and r\u{200b}i\u{2060}ng", &["ring and ring"]);
        check("𝐏𝐚𝐥𝐚𝐧𝐭𝐢𝐫 ⓡⓘⓝⓖ", &["palantir ring"]);
        check("p\u{301}ali\u{308}cía", &["palicia"]);
        check("don't Amazon’s", &["dont amazons"]);
        check("2,000 or 2.000, 1.2 or 1,2 billion", &["2000 or 2000", "1.2 or 1.2 billion"]);
        check("I.C.E. and U.S. too", &["ice", "and us", "too"]);
        check("stop 🛑🛑 it :blobcat_stop: now", &["stop it now"]);
        check("back-door - front", &["back door", "front"]);
        check("#EyesOnAmazon #stop_it", &["eyesonamazon stopit"]);
        check("s t o p, S-T-O-P s.t.o.p y a o", &["stop", "stop stop y a o"]);
        check("f a c e recognition. H.A.R.T. project", &["face recognition", "hart project"]);
        check("Раlаntir", &["palantir"]);
    }

    #[test]
    fn hashtags_in_camel_case_have_parts() {
        let parts = |text: &str| {
            let words = Words::read(text);
            let word = words.list().first().copied().unwrap();
            words.parts(&word).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(parts("#RingDoorbell"), ["ring", "doorbell"]);
        assert_eq!(parts("#AWSSummit2022"), ["aws", "summit", "2022"]);
        assert_eq!(parts("#abolishICE"), ["abolish", "ice"]);
        assert_eq!(parts("#police_state"), ["police", "state"]);
        assert_eq!(parts("word"), Vec::<String>::new());
    }

    #[test]
    fn names_are_known_by_their_capitals_unless_the_text_shouts() {
        let named = |text: &str| {
            let words = Words::read(text);
            words.list().iter().filter(|word| word.named).map(|word| words.text(word).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(named("what does Ring do"), ["ring"]);
        assert_eq!(named("Ring the bell please"), Vec::<String>::new());
        assert_eq!(named("is ICE there"), ["ice"]);
        assert_eq!(named("MY HART IS FULL"), Vec::<String>::new());
        assert_eq!(named("so #ring it is"), ["ring"]);
    }

    #[test]
    fn question_marks_belong_to_their_sentence() {
        let words = Words::read("Hi. Is it so? No! Really!? ¿Sí? Fin");
        let marks: Vec<bool> = words.list().iter().map(|word| words.has_question_mark(word.sentence)).collect();
        assert_eq!(marks.first(), Some(&false));
        assert_eq!(marks.get(1), Some(&true));
        assert_eq!(marks.get(4), Some(&false));
        assert_eq!(marks.get(6), Some(&true));
        assert_eq!(marks.last(), Some(&false));
        let plain = Words::read("what! really!?");
        assert!(plain.list().last().is_some_and(|word| plain.has_question_mark(word.sentence)));
    }

    proptest! {
        #[test]
        fn folding_is_idempotent(text in any::<String>()) {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }

        #[test]
        fn cutting_never_panics_and_words_are_never_empty(text in any::<String>()) {
            let words = Words::read(&text);
            for word in words.list() {
                prop_assert!(!words.text(word).is_empty());
            }
        }
    }
}
