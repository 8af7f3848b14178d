//! Which of the campaign's languages a mention is in, learned from what the campaign itself has written.
//!
//! A word speaks for a language when the campaign's texts have it in that language only (`timbre` → es, `doorbell` → en,
//! `Ring` → neither). No word list lives here.

use whatlang::{Detector, Lang as Detected};

use crate::core::command::CommandBook;
use crate::core::fact::FactBook;
use crate::core::fast_map::{FastMap, FastSet};
use crate::core::ids::Lang;
use crate::core::text::{Words, phrase};

/// Texts shorter than this many characters are judged by single words, not by their letters (DESIGN §6).
const ENOUGH_TO_DETECT: usize = 40;

/// More than this many characters tell the detector nothing new, and each costs it time.
const ENOUGH_TO_BE_SURE: usize = 80;

/// A letter that only one of the languages has speaks for as many words.
const LETTER: usize = 2;

/// Beyond ASCII, and no typographer's sign, which every language may have.
fn tells_a_language(letter: char) -> bool {
    (letter.is_alphabetic() && !letter.is_ascii()) || ('\u{a1}'..='\u{bf}').contains(&letter)
}

/// The campaign's languages and the words that speak for each.
#[derive(Clone, Debug)]
pub(super) struct Speech {
    languages: Vec<Lang>,
    /// A folded word without plural s → the only language (as index) it was seen in, or `None` when it was seen in several.
    words: FastMap<String, Option<usize>>,
    /// Words that everybody uses, as far as no text has them, with their language as above.
    ordinary: FastMap<String, Option<usize>>,
    /// Words the texts write like names: `Amazon Web Services` is the same in every language.
    names: FastSet<String>,
    /// Words the texts also write otherwise.
    common: FastSet<String>,
    /// Letters and signs beyond ASCII (`ñ`, `¿`) → the only language they were seen in, or `None`.
    letters: FastMap<char, Option<usize>>,
    /// The languages that the detector can tell, with their index.
    detected: Vec<(Detected, usize)>,
    detector: Detector,
}

/// How many words spoke for each language, by index.
pub(super) type Votes = Vec<usize>;

impl Speech {
    /// Learns from texts, labels, phrases and names; then from keywords, whose language their known words tell.
    pub(super) fn learn(facts: &FactBook, commands: &CommandBook, languages: &[Lang]) -> Self {
        let languages: Vec<Lang> = languages.iter().map(Lang::primary).collect();
        let detected: Vec<(Detected, usize)> =
            languages.iter().enumerate().filter_map(|(index, lang)| Some((detected(lang)?, index))).collect();
        let mut speech = Self {
            detector: Detector::with_allowlist(detected.iter().map(|(lang, _)| *lang).collect()),
            detected,
            languages,
            words: FastMap::default(),
            ordinary: FastMap::default(),
            names: FastSet::default(),
            common: FastSet::default(),
            letters: FastMap::default(),
        };
        for fact in &facts.facts {
            speech.hear_all(fact.text.iter().chain(&fact.short));
            speech.hear_all(fact.variants.iter().flat_map(|(lang, texts)| texts.iter().map(move |text| (lang, text))));
        }
        speech.hear_all(facts.sources.values().flat_map(|source| &source.title));
        speech.hear_all(facts.links.values().flat_map(|link| &link.label));
        speech.hear_all(commands.texts.values().chain(commands.topic_names.values()).flatten());
        let lists = commands.phrases.values().chain(commands.patterns.values());
        for by_lang in lists.chain([&commands.courtesy, &commands.asking, &commands.negation]) {
            speech.hear_all(by_lang.iter().flat_map(|(lang, texts)| texts.iter().map(move |text| (lang, text))));
        }
        for name in std::mem::take(&mut speech.names) {
            if !speech.common.contains(&name) {
                speech.words.insert(singular(&name).to_owned(), None);
            }
        }
        speech.common = FastSet::default();
        speech.hear_keywords(facts);
        speech.hear_ordinary(commands);
        speech
    }

    fn hear_all<'a>(&mut self, texts: impl IntoIterator<Item = (&'a Lang, &'a String)>) {
        for (lang, text) in texts {
            let Some(index) = self.index(lang) else {
                continue;
            };
            for letter in text.chars().filter(|letter| tells_a_language(*letter)) {
                let known = self.letters.entry(letter).or_insert(Some(index));
                if *known != Some(index) {
                    *known = None;
                }
            }
            let words = Words::read(text);
            for word in words.list() {
                let text = words.text(word);
                let name = word.named && word.capital;
                if name {
                    self.names.insert(text.to_owned());
                } else {
                    self.common.insert(text.to_owned());
                }
                self.hear(text.to_owned(), index);
            }
        }
    }

    fn hear(&mut self, word: String, index: usize) {
        let known = self.words.entry(singular(&word).to_owned()).or_insert(Some(index));
        if *known != Some(index) {
            *known = None;
        }
    }

    /// A phrase with a Spanish word in it is Spanish, and so are its words that no text has (`cumbre de aws`), unless they
    /// also stand with other strangers in a phrase that nothing is known of (`amazon web services`).
    fn hear_keywords(&mut self, facts: &FactBook) {
        let mut learned: Vec<(String, usize)> = Vec::new();
        let mut unclear: FastSet<String> = FastSet::default();
        let keywords = facts.facts.iter().flat_map(|fact| fact.keywords.iter().chain(&fact.weak).chain(&fact.topical));
        for written in keywords {
            let words = word_set(written);
            let winner = self.winner(&self.votes(words.iter().map(String::as_str)));
            let strangers = words.into_iter().filter(|word| !self.knows(word));
            match winner {
                Some(index) => {
                    learned.extend(strangers.map(|word| (word, index)));
                    // So that the same phrase written as one hashtag has a language too.
                    learned.push((phrase(written).replace(' ', ""), index));
                }
                None => {
                    let strangers: Vec<String> = strangers.collect();
                    if strangers.len() > 1 {
                        unclear.extend(strangers);
                    }
                }
            }
        }
        for (word, index) in learned {
            if !unclear.contains(&word) {
                self.hear(word, index);
            }
        }
    }

    fn hear_ordinary(&mut self, commands: &CommandBook) {
        for (lang, texts) in &commands.ordinary {
            let Some(index) = self.index(lang) else { continue };
            for word in texts.iter().flat_map(|text| word_set(text)) {
                let word = singular(&word).to_owned();
                let known = self.words.get(&word).copied().unwrap_or(Some(index));
                let known = self.ordinary.entry(word).or_insert(known);
                if *known != Some(index) {
                    *known = None;
                }
            }
        }
    }

    /// The language that alone has this word.
    pub(super) fn language_of(&self, word: &str) -> Option<usize> {
        let word = singular(word);
        self.words.get(word).or_else(|| self.ordinary.get(word)).copied().flatten()
    }

    /// Whether there is a list of everybody's words; without one no word can be called odd.
    pub(super) fn has_ordinary(&self) -> bool {
        !self.ordinary.is_empty()
    }

    /// Whether it stands in the list of everybody's words, or is too short to say much.
    pub(super) fn is_everyday(&self, word: &str) -> bool {
        word.chars().count() <= 3 || self.ordinary.contains_key(singular(word))
    }

    /// Whether it is known, or everybody's.
    pub(super) fn is_ordinary(&self, word: &str) -> bool {
        self.knows(word) || self.ordinary.contains_key(singular(word))
    }

    /// Every word of the campaign's texts, and everybody's.
    pub(super) fn vocabulary(&self) -> impl Iterator<Item = &str> {
        self.words.keys().chain(self.ordinary.keys()).map(String::as_str)
    }

    /// The words of a text that speak for each language.
    pub(super) fn votes<'a>(&self, words: impl Iterator<Item = &'a str>) -> Votes {
        let mut votes = vec![0; self.languages.len()];
        for word in words {
            if let Some(index) = self.language_of(word)
                && let Some(count) = votes.get_mut(index)
            {
                *count += 1;
            }
        }
        votes
    }

    /// One vote for this language, if it is ours.
    pub(super) fn vote_for(&self, lang: Option<&Lang>) -> Votes {
        let index = lang.and_then(|lang| self.index(lang));
        (0..self.languages.len()).map(|of| usize::from(Some(of) == index)).collect()
    }

    /// Whether the campaign's own texts have this folded word.
    pub(super) fn knows(&self, word: &str) -> bool {
        self.words.contains_key(singular(word))
    }

    /// The language with more votes than any other.
    pub(super) fn winner(&self, votes: &Votes) -> Option<usize> {
        let most = votes.iter().copied().max().filter(|most| *most > 0)?;
        let mut winners = votes.iter().enumerate().filter(|(_, count)| **count == most);
        let (index, _) = winners.next()?;
        winners.next().is_none().then_some(index)
    }

    /// DESIGN §6: the matched keywords' language, then the status's if it is ours and the words do not plainly say
    /// another, then detection from 40 characters and single words below, then the default. Where the words around say another language than the keywords, and say it
    /// clearly, they win (`quiero saber del face recognition`). Where single words leave no doubt, the detector is not
    /// asked: it costs more than everything else here.
    pub(super) fn decide(&self, keywords: &Votes, status: Option<&Lang>, own: &str, words: &Words) -> Lang {
        let mut votes = self.votes(words.list().iter().map(|word| words.text(word)));
        let told =
            own.chars().filter(|letter| tells_a_language(*letter)).find_map(|letter| *self.letters.get(&letter)?);
        if let Some(count) = told.and_then(|index| votes.get_mut(index)) {
            *count += LETTER;
        }
        let claimed = status.and_then(|lang| self.index(lang));
        let (total, most) = (votes.iter().sum::<usize>(), votes.iter().copied().max().unwrap_or_default());
        let said = self.winner(&votes);
        let clear = said.filter(|_| most >= 3 && most * 4 >= total * 3);
        let index = self
            .winner(keywords)
            .map(|found| {
                // A name in a keyword (`Black Lives Matter`) speaks for less than the words around it and a claim that agree.
                let agreed = said.filter(|other| *other != found && claimed == Some(*other));
                self.clearly_other(found, &votes).or(agreed).unwrap_or(found)
            })
            // Clients claim the account's language for every post: words that leave no doubt outweigh it.
            .or(clear)
            .or_else(|| said.filter(|said| most >= 2 && most == total && claimed != Some(*said)))
            .or(claimed)
            .or_else(|| {
                if own.chars().take(ENOUGH_TO_DETECT).count() < ENOUGH_TO_DETECT {
                    said
                } else {
                    self.detect(own).or(said)
                }
            });
        let index = index.unwrap_or_default();
        self.languages.get(index).cloned().unwrap_or_else(|| Lang::from("en"))
    }

    /// Another language than this one, for which more words speak.
    fn clearly_other(&self, found: usize, votes: &Votes) -> Option<usize> {
        let own = votes.get(found).copied().unwrap_or_default();
        self.winner(votes).filter(|other| votes.get(*other).is_some_and(|count| *count > own))
    }

    fn detect(&self, own: &str) -> Option<usize> {
        if self.languages.len() < 2 {
            return None;
        }
        let end = own.char_indices().nth(ENOUGH_TO_BE_SURE).map_or(own.len(), |(at, _)| at);
        let own = own.get(..end).unwrap_or(own);
        let found = self.detector.detect_lang(own)?;
        self.detected.iter().find(|(lang, _)| *lang == found).map(|(_, index)| *index)
    }

    /// The campaign language this is, region aside.
    pub(super) fn index(&self, lang: &Lang) -> Option<usize> {
        let primary = lang.primary();
        self.languages.iter().position(|known| *known == primary)
    }
}

/// `services` and `servicios` must not meet, `doorbell` and `doorbells` should.
pub(super) fn singular(word: &str) -> &str {
    word.strip_suffix('s').filter(|root| root.len() >= 4).unwrap_or(word)
}

fn word_set(text: &str) -> FastSet<String> {
    let words = Words::read(text);
    words.list().iter().map(|word| words.text(word).to_owned()).collect()
}

/// The detector's name for an ISO 639-1 code; `None` for languages it cannot tell.
fn detected(lang: &Lang) -> Option<Detected> {
    let code = match lang.as_str() {
        "af" => "afr",
        "ar" => "ara",
        "az" => "aze",
        "be" => "bel",
        "bg" => "bul",
        "bn" => "ben",
        "ca" => "cat",
        "cs" => "ces",
        "da" => "dan",
        "de" => "deu",
        "el" => "ell",
        "en" => "eng",
        "eo" => "epo",
        "es" => "spa",
        "et" => "est",
        "fa" => "pes",
        "fi" => "fin",
        "fr" => "fra",
        "he" => "heb",
        "hi" => "hin",
        "hr" => "hrv",
        "hu" => "hun",
        "id" => "ind",
        "it" => "ita",
        "ja" => "jpn",
        "ka" => "kat",
        "ko" => "kor",
        "la" => "lat",
        "lt" => "lit",
        "lv" => "lav",
        "mk" => "mkd",
        "nb" | "no" => "nob",
        "nl" => "nld",
        "pa" => "pan",
        "pl" => "pol",
        "pt" => "por",
        "ro" => "ron",
        "ru" => "rus",
        "sk" => "slk",
        "sl" => "slv",
        "sr" => "srp",
        "sv" => "swe",
        "ta" => "tam",
        "th" => "tha",
        "tl" => "tgl",
        "tr" => "tur",
        "uk" => "ukr",
        "ur" => "urd",
        "vi" => "vie",
        "yi" => "yid",
        "zh" => "cmn",
        "zu" => "zul",
        three_letters => three_letters,
    };
    Detected::from_code(code)
}
