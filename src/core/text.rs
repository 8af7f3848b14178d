//! Folding text so that what people type and what staff wrote can be compared, and cutting it into words and clauses.
//!
//! Folding is NFKD, lower case, without marks and without invisible characters; it is idempotent. Words are runs of
//! letters and digits, so `spring` never holds the word `ring`. Nothing here knows a language, a keyword or markup.

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
        let letters: Vec<char> = if text.is_ascii() {
            text.chars().collect()
        } else {
            text.nfkc().filter(|letter| !is_invisible(*letter) && !is_combining_mark(*letter)).collect()
        };
        let mut cutter = Cutter { letters: &letters, ..Cutter::default() };
        cutter.run();
        cutter.out
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

/// The state of cutting one text.
#[derive(Default)]
struct Cutter<'a> {
    letters: &'a [char],
    out: Words,
    clause: usize,
    sentence: usize,
    clause_used: bool,
    sentence_used: bool,
}

impl Cutter<'_> {
    fn at(&self, index: usize) -> Option<char> {
        self.letters.get(index).copied()
    }

    fn is_letter(&self, index: usize) -> bool {
        self.at(index).is_some_and(char::is_alphanumeric)
    }

    fn run(&mut self) {
        let mut index = 0;
        while let Some(letter) = self.at(index) {
            index = match letter {
                _ if letter.is_alphanumeric() => self.word(index, false),
                '#' if self.is_letter(index + 1) => self.word(index + 1, true),
                ':' => self.shortcode_end(index).unwrap_or_else(|| {
                    self.end_clause();
                    index + 1
                }),
                '.' | '!' | '\n' => self.end_sentence(index),
                '?' => {
                    // Behind `!` it belongs to the sentence that the `!` has ended.
                    self.mark_question(self.out.words.last().map_or(0, |word| word.sentence));
                    self.end_sentence(index)
                }
                '¿' => {
                    let next = self.end_sentence(index);
                    self.mark_question(self.sentence);
                    next
                }
                ',' | ';' | '(' | ')' | '[' | ']' | '{' | '}' | '—' | '–' | '|' | '•' | '¡' | '。' | '、' => {
                    self.end_clause();
                    index + 1
                }
                '-' if self.blank_around(index) => {
                    self.end_clause();
                    index + 1
                }
                _ => index + 1,
            };
        }
        self.forgive_shouting();
    }

    fn blank_around(&self, index: usize) -> bool {
        let blank = |letter: Option<char>| letter.is_none_or(char::is_whitespace);
        blank(index.checked_sub(1).and_then(|before| self.at(before))) && blank(self.at(index + 1))
    }

    /// `:blobcat:` as servers write custom emoji; the index behind it.
    fn shortcode_end(&self, index: usize) -> Option<usize> {
        if index.checked_sub(1).is_some_and(|before| self.is_letter(before)) {
            return None;
        }
        let name = self.letters.iter().skip(index + 1).take(64);
        let length = name.take_while(|letter| letter.is_ascii_alphanumeric() || **letter == '_').count();
        (length >= 2 && self.at(index + 1 + length) == Some(':')).then_some(index + length + 2)
    }

    fn end_clause(&mut self) {
        if std::mem::take(&mut self.clause_used) {
            self.clause += 1;
        }
    }

    fn end_sentence(&mut self, index: usize) -> usize {
        self.end_clause();
        if std::mem::take(&mut self.sentence_used) {
            self.sentence += 1;
        }
        index + 1
    }

    fn mark_question(&mut self, sentence: usize) {
        self.out.questions.resize(self.out.questions.len().max(sentence + 1), false);
        if let Some(question) = self.out.questions.get_mut(sentence) {
            *question = true;
        }
    }

    /// Takes the word that starts here; the index behind it.
    fn word(&mut self, from: usize, tag: bool) -> usize {
        let start = self.out.buffer.len();
        let (mut letters, mut capitals, mut possessive, mut dotted) = (0_usize, 0_usize, false, false);
        let mut index = from;
        while let Some(letter) = self.at(index) {
            if letter.is_alphanumeric() {
                letters += usize::from(letter.is_alphabetic());
                capitals += usize::from(letter.is_uppercase());
                push_folded(letter, &mut self.out.buffer);
                index += 1;
            } else if tag && letter == '_' {
                index += 1;
            } else if is_apostrophe(letter) && self.is_letter(index + 1) {
                possessive = matches!(self.at(index + 1), Some('s' | 'S')) && !self.is_letter(index + 2);
                index += 1;
            } else if let Some(skip) = self.within_number(index) {
                if skip == Keep::Point {
                    self.out.buffer.push('.');
                }
                index += 1;
            } else if !tag && letters <= capitals.max(1) && self.is_acronym_dot(index, letters, dotted) {
                dotted = true;
                index += 1;
            } else {
                break;
            }
        }
        let first = self.at(from).is_some_and(char::is_uppercase);
        let acronym = letters >= 2 && (capitals == letters || (possessive && capitals + 1 == letters));
        let named = tag || acronym || (dotted && letters >= 2) || (first && self.sentence_used);
        let span = Span { start, end: self.out.buffer.len() };
        let tag = tag.then(|| self.cut_tag(from, index));
        if span.end > span.start {
            let word = Word { span, clause: self.clause, sentence: self.sentence, named, possessive, tag };
            self.out.words.push(word);
            self.clause_used = true;
            self.sentence_used = true;
        }
        index.max(from + 1)
    }

    /// `2,000` and `2.000` are one number, and so is `1.2`.
    fn within_number(&self, index: usize) -> Option<Keep> {
        let digit = |at: usize| self.at(at).is_some_and(|letter| letter.is_ascii_digit());
        let inside = matches!(self.at(index), Some('.' | ',')) && digit(index.checked_sub(1)?) && digit(index + 1);
        let thousands = digit(index + 2) && digit(index + 3) && !digit(index + 4);
        inside.then_some(if thousands { Keep::Nothing } else { Keep::Point })
    }

    /// The dots of `I.C.E.` belong to the word.
    fn is_acronym_dot(&self, index: usize, letters: usize, dotted: bool) -> bool {
        let single = !self.is_letter(index + 2);
        self.at(index) == Some('.')
            && (letters == 1 || dotted)
            && self.at(index + 1).is_some_and(char::is_alphabetic)
            && single
    }

    fn cut_tag(&mut self, from: usize, to: usize) -> (usize, usize) {
        let first = self.out.parts.len();
        let mut start = self.out.buffer.len();
        for index in from..to {
            let Some(letter) = self.at(index) else { break };
            if index > from && self.starts_part(index) {
                start = self.end_part(start);
            }
            if letter.is_alphanumeric() {
                push_folded(letter, &mut self.out.buffer);
            }
        }
        self.end_part(start);
        (first, self.out.parts.len() - first)
    }

    fn end_part(&mut self, start: usize) -> usize {
        let end = self.out.buffer.len();
        if end > start {
            self.out.parts.push(Span { start, end });
        }
        end
    }

    fn starts_part(&self, index: usize) -> bool {
        let before = index.checked_sub(1).and_then(|at| self.at(at)).unwrap_or('_');
        let here = self.at(index).unwrap_or('_');
        let next_is_small = self.at(index + 1).is_some_and(char::is_lowercase);
        before == '_'
            || (before.is_lowercase() && here.is_uppercase())
            || (before.is_uppercase() && here.is_uppercase() && next_is_small)
            || (before.is_numeric() != here.is_numeric())
    }

    /// Capital letters say nothing in a text that is all capitals, or has one on every word.
    fn forgive_shouting(&mut self) {
        let plain = self.out.words.iter().filter(|word| word.tag.is_none()).count();
        let named = self.out.words.iter().filter(|word| word.tag.is_none() && word.named).count();
        if plain >= 2 && named * 10 >= plain * 6 {
            for word in self.out.words.iter_mut().filter(|word| word.tag.is_none()) {
                word.named = false;
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Point,
    Nothing,
}

fn is_apostrophe(letter: char) -> bool {
    matches!(letter, '\'' | '’' | '‘' | 'ʼ' | '′' | '`')
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
