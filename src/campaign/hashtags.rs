//! Hashtags: what one is, and whether a screen reader can tell its words (`#EyesOnAmazon`, not `#eyesonamazon`).

/// Why this is no hashtag, in words; `None` when it is one.
pub(crate) fn fault(tag: &str) -> Option<String> {
    let Some(word) = tag.strip_prefix('#') else {
        return Some(format!("the hashtag `{tag}` does not begin with #"));
    };
    let letters = word.chars().all(is_tag_letter);
    if word.is_empty() || !letters || word.chars().all(char::is_numeric) {
        return Some(format!("`{tag}` is not a hashtag: letters, digits and _ only, and not digits alone"));
    }
    None
}

/// What to write instead of a hashtag whose words cannot be told apart. A campaign's own spelling is the best advice.
///
/// Nobody can know from letters alone whether `#stopring` is one word or two, so each lower-case tag of four letters
/// or more, and each long one in capitals only, is worth a look.
pub(crate) fn hard_to_read(tag: &str, campaign: &[String]) -> Option<String> {
    let word = tag.trim_start_matches('#');
    let count = word.chars().filter(|c| c.is_alphabetic()).count();
    let lower_start = word.chars().next().is_some_and(char::is_lowercase);
    let capitals_only = !word.chars().any(char::is_lowercase) && word.chars().any(char::is_uppercase);
    let has_capital = word.chars().any(char::is_uppercase);
    if !((lower_start && !has_capital && count >= 4) || (capitals_only && count >= 9)) {
        return None;
    }
    let folded = tag.to_lowercase();
    Some(campaign.iter().find(|known| known.to_lowercase() == folded).map_or_else(
        || "begin each word with a capital letter: #EyesOnAmazon".to_owned(),
        |known| format!("write {known}"),
    ))
}

/// The hashtags of a line, as written, without those inside links.
pub(crate) fn in_line(line: &str) -> Vec<&str> {
    let mut tags = Vec::new();
    for word in line.split(char::is_whitespace) {
        if word.contains("://") {
            continue;
        }
        let mut before: Option<char> = None;
        for (at, letter) in word.char_indices() {
            if letter == '#' && !before.is_some_and(|c| is_tag_letter(c) || c == '&' || c == '/') {
                let rest = word.get(at + 1..).unwrap_or_default();
                let end = rest.find(|c| !is_tag_letter(c)).unwrap_or(rest.len());
                if let Some(tag) = word.get(at..at + 1 + end)
                    && fault(tag).is_none()
                {
                    tags.push(tag);
                }
            }
            before = Some(letter);
        }
    }
    tags
}

fn is_tag_letter(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashtags_are_found_in_text_but_not_in_links() {
        for (line, expected) in [
            ("See #EyesOnAmazon, #Ring!", vec!["#EyesOnAmazon", "#Ring"]),
            ("https://a.example/#part and a#b &#39; #1 #año", vec!["#año"]),
            ("(#ring)", vec!["#ring"]),
        ] {
            assert_eq!(in_line(line), expected, "{line}");
        }
    }

    #[test]
    fn words_without_capitals_are_worth_a_look() {
        let campaign = vec!["#EyesOnAmazon".to_owned()];
        for (tag, hint) in [
            ("#eyesonamazon", Some("write #EyesOnAmazon")),
            ("#EYESONAMAZON", Some("write #EyesOnAmazon")),
            ("#blacklivesmatter", Some("begin each word with a capital letter: #EyesOnAmazon")),
            ("#EyesOnAmazon", None),
            ("#ICE", None),
            ("#aws", None),
            ("#iPhone", None),
        ] {
            assert_eq!(hard_to_read(tag, &campaign).as_deref(), hint, "{tag}");
        }
    }

    #[test]
    fn a_hashtag_begins_with_its_sign() {
        for (tag, good) in
            [("#A1", true), ("EyesOnAmazon", false), ("#", false), ("#two words", false), ("#2024", false)]
        {
            assert_eq!(fault(tag).is_none(), good, "{tag}");
        }
    }
}
