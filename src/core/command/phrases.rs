//! A set of phrases that can be found at either end of a run of folded words, longest first.
//!
//! It knows nothing of what the phrases mean.

use crate::core::fact::ByLang;
use crate::core::fast_map::FastMap;
use crate::core::text::Words;

/// Phrases as folded words, found by their first or last word.
#[derive(Clone, Debug, Default)]
pub struct PhraseList {
    by_first: FastMap<String, Vec<Vec<String>>>,
    by_last: FastMap<String, Vec<Vec<String>>>,
}

impl PhraseList {
    /// All phrases of all languages in one list.
    #[must_use]
    pub fn new(written: &ByLang<Vec<String>>) -> Self {
        let mut list = Self::default();
        for text in written.values().flatten() {
            let words = full_words(text);
            let (Some(first), Some(last)) = (words.first().cloned(), words.last().cloned()) else {
                continue;
            };
            list.by_first.entry(first).or_default().push(words.clone());
            list.by_last.entry(last).or_default().push(words);
        }
        for phrases in list.by_first.values_mut().chain(list.by_last.values_mut()) {
            phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.len()));
        }
        list
    }

    /// Every word of every phrase, folded.
    pub(crate) fn vocabulary(&self) -> impl Iterator<Item = &str> {
        self.by_first.values().flatten().flatten().map(String::as_str)
    }

    /// How many words the longest phrase takes at the beginning.
    #[must_use]
    pub fn at_start(&self, words: &[&str]) -> Option<usize> {
        let phrases = self.by_first.get(*words.first()?)?;
        phrases.iter().find(|phrase| starts_with(words, phrase)).map(Vec::len)
    }

    /// How many words the longest phrase takes at the end.
    #[must_use]
    pub fn at_end(&self, words: &[&str]) -> Option<usize> {
        let phrases = self.by_last.get(*words.last()?)?;
        let fits = |phrase: &&Vec<String>| {
            words
                .len()
                .checked_sub(phrase.len())
                .and_then(|from| words.get(from..))
                .is_some_and(|tail| starts_with(tail, phrase))
        };
        phrases.iter().find(fits).map(Vec::len)
    }
}

fn starts_with(words: &[&str], phrase: &[String]) -> bool {
    phrase.len() <= words.len() && phrase.iter().zip(words).all(|(wanted, word)| wanted == word)
}

/// The folded words of a phrase; unlike [`crate::core::text::phrase`] a possessive s stays (`that's enough`).
pub(crate) fn full_words(written: &str) -> Vec<String> {
    let words = Words::read(written);
    words.list().iter().map(|word| words.text(word).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ids::Lang;

    #[test]
    fn the_longest_phrase_is_taken_at_either_end() {
        let list = PhraseList::new(&ByLang::from([(Lang::from("en"), vec!["please".into(), "pretty please".into()])]));
        assert_eq!(list.at_start(&["pretty", "please", "stop"]), Some(2));
        assert_eq!(list.at_end(&["stop", "pretty", "please"]), Some(2));
        assert_eq!(list.at_end(&["stop", "please"]), Some(1));
        assert_eq!(list.at_start(&["stop", "please"]), None);
        assert_eq!(list.at_start(&[]), None);
    }
}
