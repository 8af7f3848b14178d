//! Letters that pose as others: `Раlantir` with Cyrillic letters, `ST0P` with a digit.
//!
//! Only words that mix alphabets are unmasked, so a campaign in Greek or Russian is read as it stands. It knows no words:
//! whether `st0p` means `stop` is for whoever has a list of words to say.

/// Replaces Cyrillic and Greek letters by the Latin ones they look like, in words that also have Latin letters.
pub(super) fn unmask(letters: &mut [char]) {
    if !letters.iter().any(|letter| is_greek_or_cyrillic(*letter)) {
        return;
    }
    for word in letters.chunk_by_mut(|one, other| one.is_alphanumeric() == other.is_alphanumeric()) {
        let latin = word.iter().any(char::is_ascii_alphabetic);
        if latin && word.iter().any(|letter| is_greek_or_cyrillic(*letter)) {
            for letter in word.iter_mut() {
                *letter = looks_like(*letter).unwrap_or(*letter);
            }
        }
    }
}

fn is_greek_or_cyrillic(letter: char) -> bool {
    matches!(u32::from(letter), 0x0370..=0x052F)
}

/// After Unicode's table of confusable characters (UTS 39), the pairs that fonts hardly tell apart.
fn looks_like(letter: char) -> Option<char> {
    Some(match letter {
        'а' | 'α' => 'a',
        'А' | 'Α' => 'A',
        'В' | 'Β' => 'B',
        'с' | 'ϲ' => 'c',
        'С' | 'Ϲ' => 'C',
        'ԁ' => 'd',
        'е' => 'e',
        'Е' | 'Ε' => 'E',
        'һ' => 'h',
        'Н' | 'Η' => 'H',
        'і' | 'ι' => 'i',
        'І' | 'Ι' => 'I',
        'ј' | 'ϳ' => 'j',
        'Ј' => 'J',
        'к' | 'κ' => 'k',
        'К' | 'Κ' => 'K',
        'М' | 'Μ' => 'M',
        'Ν' => 'N',
        'о' | 'ο' => 'o',
        'О' | 'Ο' => 'O',
        'р' | 'ρ' => 'p',
        'Р' | 'Ρ' => 'P',
        'ԛ' => 'q',
        'ѕ' => 's',
        'Ѕ' => 'S',
        'т' | 'τ' => 't',
        'Т' | 'Τ' => 'T',
        'υ' => 'u',
        'ѵ' | 'ν' => 'v',
        'ԝ' => 'w',
        'х' | 'χ' => 'x',
        'Х' | 'Χ' => 'X',
        'у' | 'γ' => 'y',
        'У' | 'Υ' => 'Y',
        'Ζ' => 'Z',
        _ => return None,
    })
}

/// A word with the digits in it read as the letters they stand for (`st0p` → `stop`); `None` for words that are all
/// letters, and for numbers.
#[must_use]
pub fn without_digits(word: &str) -> Option<String> {
    let posing = |letter: char| {
        Some(match letter {
            '0' => 'o',
            '1' => 'i',
            '3' => 'e',
            '4' => 'a',
            '5' => 's',
            '7' => 't',
            _ => return None,
        })
    };
    if !word.contains(|letter| posing(letter).is_some()) || !word.contains(char::is_alphabetic) {
        return None;
    }
    Some(word.chars().map(|letter| posing(letter).unwrap_or(letter)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_that_mix_alphabets_are_unmasked() {
        let check = |text: &str, expected: &str| {
            let mut letters: Vec<char> = text.chars().collect();
            unmask(&mut letters);
            assert_eq!(letters.into_iter().collect::<String>(), expected, "{text:?}");
        };
        check("Раlаntir and Rіng", "Palantir and Ring");
        check("НАТО и Amazon", "НАТО и Amazon");
        check("plain", "plain");
    }

    #[test]
    fn digits_that_pose_as_letters_are_read_as_letters() {
        for (word, expected) in [("st0p", Some("stop")), ("5t0p", Some("stop")), ("p4l4nt1r", Some("palantir"))] {
            assert_eq!(without_digits(word).as_deref(), expected, "{word}");
        }
        for word in ["stop", "2020", "k9"] {
            assert_eq!(without_digits(word), None, "{word}");
        }
    }
}
