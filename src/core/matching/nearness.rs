//! Words that are one slip of the finger away from a known word.
//!
//! Known words are indexed by all their forms with one letter left out, so a look-up costs as many probes as the word has
//! letters, however many words are known. Short words are never corrected: too many of them are one letter apart.

use crate::core::fast_map::FastMap;

/// Words shorter than this are never corrected.
pub(crate) const LONG: usize = 7;

/// An index of long words. Forms are kept as hashes only: a chance collision is caught by comparing the words.
#[derive(Clone, Debug)]
pub(crate) struct Nearness {
    /// The hash of a known word, or of one with a letter left out → the known words it comes from.
    forms: FastMap<u64, Vec<usize>>,
    known: Vec<(String, String)>,
    /// One bit for each such hash, shortened: nearly every look-up ends here, without a walk through the large map.
    maybe: Vec<u64>,
    /// Words with fewer letters are not learned.
    least: usize,
}

impl Default for Nearness {
    fn default() -> Self {
        Self::from_letters(LONG)
    }
}

/// So many hashes share one word of bits at most, so that a bit is seldom set by chance.
const SHARED: usize = 8;

impl Nearness {
    /// An index of words with at least so many letters.
    pub(crate) fn from_letters(least: usize) -> Self {
        Self { forms: FastMap::default(), known: Vec::new(), maybe: Vec::new(), least }
    }

    /// Remembers a word and what to answer for it; short words are ignored.
    pub(crate) fn learn(&mut self, word: &str, answer: &str) {
        if word.chars().count() < self.least || word.chars().any(char::is_numeric) {
            return;
        }
        let index = self.known.len();
        self.known.push((word.to_owned(), answer.to_owned()));
        for form in forms(word) {
            let words = self.forms.entry(form).or_default();
            if words.last() != Some(&index) {
                words.push(index);
            }
        }
        if self.forms.len() > self.maybe.len() * SHARED {
            let room = (self.maybe.len() * 4).max(64);
            self.maybe = vec![0; room];
            let all: Vec<u64> = self.forms.keys().copied().collect();
            all.into_iter().for_each(|form| self.mark(form));
        } else {
            forms(word).for_each(|form| self.mark(form));
        }
    }

    fn mark(&mut self, form: u64) {
        let (at, bit) = self.place(form);
        if let Some(bits) = self.maybe.get_mut(at) {
            *bits |= bit;
        }
    }

    /// The bit for a hash; the number of words of bits is a power of two.
    fn place(&self, form: u64) -> (usize, u64) {
        let form = form ^ (form >> 32);
        let at = (form >> 6) as usize & self.maybe.len().saturating_sub(1);
        (at, 1 << (form & 63))
    }

    fn may_have(&self, form: u64) -> bool {
        let (at, bit) = self.place(form);
        self.maybe.get(at).is_some_and(|bits| bits & bit != 0)
    }

    /// The answer of the known word that is one letter added, left out, changed or swapped away, with the same first letter.
    pub(crate) fn nearest(&self, word: &str) -> Option<&str> {
        if word.len() + 1 < self.least || word.len() > 80 {
            return None;
        }
        let fits = |index: &usize| self.known.get(*index).filter(|(known, _)| one_slip(word, known));
        let mut forms = forms(word).filter(|form| self.may_have(*form));
        let found = forms.find_map(|form| self.forms.get(&form)?.iter().find_map(fits));
        found.map(|(_, answer)| answer.as_str())
    }
}

/// An odd number, so that it can be divided by among 64-bit numbers.
const BASE: u64 = 0x0100_0000_01b3;

/// What multiplies [`BASE`] to 1: each of Newton's steps doubles the number of right bits.
const INVERSE: u64 = {
    let mut inverse = BASE;
    let mut step = 0;
    while step < 6 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(BASE.wrapping_mul(inverse)));
        step += 1;
    }
    inverse
};

/// The hashes of a word, and of it with each letter but the first left out in turn. The hash is a polynomial of the bytes:
/// so each form costs a few multiplications, not another walk over the word.
fn forms(word: &str) -> impl Iterator<Item = u64> {
    let append = |hash: u64, byte: u8| hash.wrapping_mul(BASE).wrapping_add(u64::from(byte) + 1);
    let whole = word.bytes().fold(0, append);
    let mut power = word.bytes().fold(1_u64, |power, _| power.wrapping_mul(BASE));
    let mut before = 0_u64;
    let shorter = word.chars().enumerate().filter_map(move |(at, letter)| {
        let mut bytes = [0; 4];
        let mut through = before;
        for byte in letter.encode_utf8(&mut bytes).bytes() {
            through = append(through, byte);
            power = power.wrapping_mul(INVERSE);
        }
        let after = whole.wrapping_sub(through.wrapping_mul(power));
        let form = before.wrapping_mul(power).wrapping_add(after);
        before = through;
        (at > 0).then_some(form)
    });
    std::iter::once(whole).chain(shorter)
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
    let thrice = |three: &[u8]| matches!(three, [one, other, last] if one == other && other == last);
    let stretched = if word.is_ascii() {
        word.as_bytes().windows(3).any(thrice)
    } else {
        let letters: Vec<char> = word.chars().collect();
        letters.chunk_by(|one, other| one == other).any(|run| run.len() >= 3)
    };
    if stretched { vec![with_runs_of(word, 2), with_runs_of(word, 1)] } else { Vec::new() }
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
    fn a_form_is_the_hash_of_the_shorter_word() {
        let whole = |word: &str| forms(word).next();
        let found: Vec<u64> = forms("palaña").collect();
        assert_eq!(found.len(), 6);
        for (at, shorter) in ["paaña", "plaña", "palña", "palaa", "palañ"].iter().enumerate() {
            let expected = whole(shorter);
            assert!(found.iter().any(|form| Some(*form) == expected), "{at} {shorter}");
        }
    }

    #[test]
    fn repeated_letters_are_squeezed() {
        assert_eq!(squeezed("stoooop"), ["stoop", "stop"]);
        assert_eq!(squeezed("book"), Vec::<String>::new());
        assert_eq!(squeezed("booook"), ["book", "bok"]);
    }
}
