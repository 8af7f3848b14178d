//! The cutting of a text into words, clauses and sentences, letter by letter.
//!
//! It decides what ends a word (`back-door` is two, `don't`, `I.C.E.` and `1.2` are one), a clause and a sentence, and what is
//! written like a name. It gets letters whose compatibility forms and marks are already resolved.

use super::{Span, Word, Words, push_folded};

/// Fewer letters than this stand for themselves (`y a o`, `A B C`).
const SPELT: usize = 4;

/// Quotation marks further apart belong to different quotes.
const QUOTED: usize = 400;

/// The state of cutting one text.
#[derive(Default)]
struct Cutter<'a> {
    letters: &'a [char],
    out: Words,
    clause: usize,
    sentence: usize,
    clause_used: bool,
    sentence_used: bool,
    /// Within quotation marks that are closed again: up to this letter.
    quoted_until: usize,
}

/// Cuts folded-by-letter text into words.
pub(super) fn cut(letters: &[char]) -> Words {
    let mut cutter = Cutter { letters, ..Cutter::default() };
    cutter.run();
    cutter.out
}

impl Cutter<'_> {
    fn at(&self, index: usize) -> Option<char> {
        self.letters.get(index).copied()
    }

    fn is_letter(&self, index: usize) -> bool {
        self.at(index).is_some_and(is_letter)
    }

    fn run(&mut self) {
        let mut index = 0;
        while let Some(letter) = self.at(index) {
            index = match letter {
                _ if is_letter(letter) => self.word(index, false),
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
                ',' | ';' | '(' | ')' | '[' | ']' | '{' | '}' | '—' | '–' | '|' | '•' | '¡' | '/' | '。' | '、' =>
                {
                    self.end_clause();
                    index + 1
                }
                '"' | '“' | '„' | '«' if index >= self.quoted_until => {
                    self.open_quote(index, letter);
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

    /// A mark that is never closed (`5" wide`) quotes nothing.
    fn open_quote(&mut self, index: usize, mark: char) {
        let closes = |letter: &char| match mark {
            '«' => *letter == '»',
            _ => matches!(letter, '"' | '”' | '“'),
        };
        if let Some(length) = self.letters.iter().skip(index + 1).take(QUOTED).position(closes) {
            self.quoted_until = index + 1 + length;
        }
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
        let spelt = if tag { from } else { self.spelt_end(from) };
        while let Some(letter) = self.at(index) {
            if is_letter(letter) {
                letters += usize::from(letter.is_alphabetic());
                capitals += usize::from(letter.is_uppercase());
                push_folded(letter, &mut self.out.buffer);
                index += 1;
            } else if index < spelt || (tag && letter == '_') {
                index += 1;
            } else if is_apostrophe(letter) && self.is_letter(index + 1) {
                possessive = matches!(self.at(index + 1), Some('s' | 'S')) && !self.is_letter(index + 2);
                index += 1;
            } else if let Some(skip) = self.within_number(index) {
                if skip == Keep::Point {
                    self.out.buffer.push('.');
                }
                index += 1;
            } else if !tag && self.is_acronym_dot(index, letters, dotted) {
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
            let (clause, sentence, quoted) = (self.clause, self.sentence, from < self.quoted_until);
            let word = Word { span, clause, sentence, named, capital: first, quoted, possessive, tag };
            self.out.words.push(word);
            self.clause_used = true;
            self.sentence_used = true;
        }
        index.max(from + 1)
    }

    /// `s t o p` and `s-t-o-p` are one word: single letters with the same sign between them. The index behind the last, or
    /// `from` where nothing is spelt.
    fn spelt_end(&self, from: usize) -> usize {
        let single = |at: usize| self.at(at).is_some_and(char::is_alphabetic) && !self.is_letter(at + 1);
        let Some(sign) = self.at(from + 1).filter(|sign| matches!(sign, ' ' | '.' | '-' | '_' | '*')) else {
            return from;
        };
        let (mut letters, mut last) = (usize::from(single(from)), from);
        while letters > 0 && self.at(last + 1) == Some(sign) && single(last + 2) {
            letters += 1;
            last += 2;
        }
        // The dot behind the last letter of `H.A.R.T.` ends no sentence.
        let dot = usize::from(sign == '.' && self.at(last + 1) == Some('.'));
        if letters >= SPELT { last + 1 + dot } else { from }
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
            if is_letter(letter) {
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

/// Letters and digits, but not the pictures of letters (🅰, 🆂, 🇪) that Unicode counts among them.
fn is_letter(letter: char) -> bool {
    letter.is_alphanumeric() && !matches!(u32::from(letter), 0x1F100..=0x1F1FF)
}

fn is_apostrophe(letter: char) -> bool {
    matches!(letter, '\'' | '’' | '‘' | 'ʼ' | '′' | '`')
}
