//! Whether two texts say nearly the same: the share of word pairs they have in common (Jaccard), for warning staff. It
//! decides nothing.
//!
//! The measure: links, @mentions and #tags left out, words folded, every two neighbouring words a pair; the pairs both
//! texts have, divided by the pairs either has. From [`ALIKE_FROM`] on two texts are alike: of thirty words three may
//! have changed, and a sentence more or less of eight words; not more.
//!
//! [`Alikes`] finds the likest of many texts without comparing each with each: texts that reach the threshold must
//! share one of their rarest pairs, so only those are looked up. Each search looks at no more than [`LOOKED_AT`] texts.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::core::text::fold;

/// From this share on two texts are alike.
pub const ALIKE_FROM: f64 = 0.6;

/// How many texts one search looks at.
const LOOKED_AT: usize = 400;

/// A text as it is compared: its word pairs as numbers, in order, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint(Vec<u64>);

impl Fingerprint {
    /// Takes a text's fingerprint. A text of one word is that word; one without words is like nothing.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let is_word = |word: &&str| !["http://", "https://", "@", "#"].iter().any(|start| word.starts_with(start));
        let words: Vec<String> = text
            .split_whitespace()
            .filter(is_word)
            .flat_map(|word| {
                fold(word).split(|letter: char| !letter.is_alphanumeric()).map(str::to_owned).collect::<Vec<_>>()
            })
            .filter(|word| !word.is_empty())
            .collect();
        let pairs = if words.len() == 1 { words.windows(1) } else { words.windows(2) };
        let mut numbers: Vec<u64> = pairs.map(number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        Self(numbers)
    }

    /// How alike two texts are, from 0 to 1.
    #[must_use]
    pub fn likeness(&self, other: &Fingerprint) -> f64 {
        let common = self.0.iter().filter(|pair| other.0.binary_search(pair).is_ok()).count();
        share(common, self.0.len() + other.0.len() - common)
    }
}

/// The same within one run of the program, which is all that is asked of it.
fn number(words: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    words.hash(&mut hasher);
    hasher.finish()
}

fn share(part: usize, whole: usize) -> f64 {
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    if whole == 0 { 0.0 } else { count(part) / count(whole) }
}

/// Many texts, known by their place in the list they were made from.
#[derive(Clone, Debug)]
pub struct Alikes<'a> {
    prints: &'a [Fingerprint],
    /// In how many texts a pair stands.
    common: HashMap<u64, u32>,
    /// The texts that have a pair among their rarest, in order.
    rarest: HashMap<u64, Vec<usize>>,
}

impl<'a> Alikes<'a> {
    /// Prepares the search among these texts.
    #[must_use]
    pub fn new(prints: &'a [Fingerprint]) -> Self {
        let mut all = Self { prints, common: HashMap::new(), rarest: HashMap::new() };
        for pair in prints.iter().flat_map(|print| &print.0) {
            *all.common.entry(*pair).or_default() += 1;
        }
        for (place, print) in prints.iter().enumerate() {
            for pair in all.telling(print) {
                all.rarest.entry(pair).or_default().push(place);
            }
        }
        all
    }

    /// The likest of the texts `among` allows that reaches the threshold, and how alike it is; of equals the first.
    #[must_use]
    pub fn likest(&self, print: &Fingerprint, among: impl Fn(usize) -> bool) -> Option<(usize, f64)> {
        let mut best: Option<(usize, f64)> = None;
        let mut looked: Vec<usize> = Vec::new();
        let length = print.0.len();
        for place in self.telling(print).iter().filter_map(|pair| self.rarest.get(pair)).flatten() {
            if looked.len() >= LOOKED_AT || best.is_some_and(|(_, likeness)| likeness >= 1.0) {
                break;
            }
            let Some(other) = self.prints.get(*place) else { continue };
            // Lengths alone can rule it out.
            let (shorter, longer) = (length.min(other.0.len()), length.max(other.0.len()));
            if share(shorter, longer) < ALIKE_FROM || !among(*place) || looked.contains(place) {
                continue;
            }
            looked.push(*place);
            let likeness = print.likeness(other);
            if likeness >= ALIKE_FROM && best.is_none_or(|(_, before)| before < likeness) {
                best = Some((*place, likeness));
            }
        }
        best
    }

    /// The pairs of which a text shares at least one with every text that is alike: its rarest, all but the share that
    /// must be common.
    fn telling(&self, print: &Fingerprint) -> Vec<u64> {
        let mut pairs = print.0.clone();
        pairs.sort_unstable_by_key(|pair| (self.common.get(pair).copied().unwrap_or_default(), *pair));
        let must_share = pairs.len() * 6 / 10;
        pairs.truncate((pairs.len() + 1).saturating_sub(must_share));
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "In July 2022 MediaJustice counted more than 2,000 police partnerships with Ring, the doorbell \
        company that Amazon bought in 2018. Ask your council what it signed, and who may see the pictures. \
        https://pledge.example #EyesOnAmazon";

    #[track_caller]
    fn check(a: &str, b: &str, alike: bool) {
        let likeness = Fingerprint::of(a).likeness(&Fingerprint::of(b));
        assert_eq!(likeness >= ALIKE_FROM, alike, "{likeness:.2}: {a:?} and {b:?}");
    }

    #[test]
    fn a_few_changed_words_leave_a_text_alike_and_other_sentences_do_not() {
        check(TEXT, TEXT, true);
        check(TEXT, &TEXT.replace("https://pledge.example #EyesOnAmazon", "https://other.example #Ring"), true);
        check(TEXT, &TEXT.replace("2,000", "2.161").replace("signed", "paid for"), true);
        check(TEXT, &TEXT.to_uppercase(), true);
        check(TEXT, &format!("{TEXT} Tell us!"), true);
        check(
            TEXT,
            "Ring, the doorbell company that Amazon bought, works with the police. Who may see the pictures?",
            false,
        );
        check("Sign the pledge today.", "Sign the pledge tomorrow.", false);
        check("Hello", "hello!", true);
        check("Hello", "Two", false);
        check("#OnlyTags https://only.links", "#OnlyTags https://only.links", false);
    }

    proptest! {
        #[test]
        fn the_search_finds_what_comparing_each_with_each_finds(
            texts in prop::collection::vec(prop::collection::vec(0_u8..6, 1..12), 1..20),
            asked in prop::collection::vec(0_u8..6, 1..12),
        ) {
            let text = |words: &Vec<u8>| words.iter().map(|word| format!("w{word}")).collect::<Vec<_>>().join(" ");
            let prints: Vec<Fingerprint> = texts.iter().map(|words| Fingerprint::of(&text(words))).collect();
            let asked = Fingerprint::of(&text(&asked));
            let best = prints.iter().map(|print| asked.likeness(print)).filter(|likeness| *likeness >= ALIKE_FROM);
            let best = best.max_by(f64::total_cmp);
            let found = Alikes::new(&prints).likest(&asked, |_| true).map(|(_, likeness)| likeness);
            prop_assert_eq!(found, best);
        }
    }

    #[test]
    fn many_texts_of_one_mould_are_not_compared_each_with_each() {
        let prints: Vec<Fingerprint> = (0..20_000)
            .map(|number| {
                Fingerprint::of(&format!(
                    "Post {number} tells fact {} about cameras in town {}",
                    number % 77,
                    number % 991
                ))
            })
            .collect();
        let alikes = Alikes::new(&prints);
        let found = (0..prints.len()).filter(|place| alikes.likest(&prints[*place], |other| other < *place).is_some());
        assert!(found.count() < prints.len());
    }
}
