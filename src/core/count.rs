//! Characters as servers count them (SERVERS.md §1 "Length"): grapheme clusters, with URLs and mentions at their price.
//!
//! This is advice that keeps texts from being refused; the server's answer is the truth. One approximation: Mastodon
//! keeps the list of all top-level domains, we take any last label of two letters or more, or in `xn--` form, for one.

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

/// What a URL costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UrlCost {
    /// The same for every URL, however long (`characters_reserved_per_url`).
    Fixed(usize),
    /// What it is long.
    FullLength,
}

/// What `@user@domain` costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MentionCost {
    /// As much as `@user`.
    LocalPart,
    /// What it is long.
    Full,
}

/// How one server counts, and up to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextRules {
    /// The most a status may have.
    pub max_characters: usize,
    /// What a URL in the text costs; in the content warning it costs its length.
    pub url: UrlCost,
    /// Whether the content warning counts too.
    pub cw_counts: bool,
    /// What a mention in the text costs; in the content warning it costs its length.
    pub mentions: MentionCost,
}

impl TextRules {
    /// Mastodon's defaults: 500 characters, a URL 23, a mention without its domain.
    #[must_use]
    pub fn mastodon() -> Self {
        Self { max_characters: 500, url: UrlCost::Fixed(23), cw_counts: true, mentions: MentionCost::LocalPart }
    }

    /// For any other server: everything counts in full, which no server exceeds.
    #[must_use]
    pub fn careful(max_characters: usize) -> Self {
        Self { max_characters, url: UrlCost::FullLength, cw_counts: true, mentions: MentionCost::Full }
    }
}

/// How many characters a status with this text and content warning has.
#[must_use]
pub fn count(text: &str, cw: Option<&str>, rules: &TextRules) -> usize {
    let mut countable = String::with_capacity(text.len());
    if rules.cw_counts {
        countable.push_str(cw.unwrap_or_default());
    }
    push_countable(text, rules, &mut countable);
    countable.graphemes(true).count()
}

/// Copies the text with stand-ins of the right length for URLs and mentions.
fn push_countable(text: &str, rules: &TextRules, countable: &mut String) {
    let mut rest = text;
    let mut previous: Option<char> = None;
    while let Some(letter) = rest.chars().next() {
        let (length, stand_in) = if let Some(length) = url_length(rest, previous) {
            (length, Some(Piece::Url))
        } else if let Some((local, length)) = mention_length(rest, previous) {
            (length, Some(Piece::Mention { local }))
        } else {
            (letter.len_utf8(), None)
        };
        let (piece, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        match (stand_in, rules.url, rules.mentions) {
            (Some(Piece::Url), UrlCost::Fixed(cost), _) => countable.extend(std::iter::repeat_n('x', cost)),
            (Some(Piece::Mention { local }), _, MentionCost::LocalPart) => {
                countable.push_str(piece.get(..local).unwrap_or(piece));
            }
            (Some(Piece::Url), UrlCost::FullLength, _)
            | (Some(Piece::Mention { .. }), _, MentionCost::Full)
            | (None, _, _) => countable.push_str(piece),
        }
        previous = piece.chars().next_back();
        rest = after;
    }
}

enum Piece {
    Url,
    /// `local`: bytes of `@user` without the domain.
    Mention {
        local: usize,
    },
}

/// The schemes Mastodon links.
const SCHEMES: [&str; 9] =
    ["https://", "http://", "dat://", "dweb://", "ipfs://", "ipns://", "ssb://", "gopher://", "gemini://"];

/// The bytes of the URL `rest` begins with, if it begins with one.
fn url_length(rest: &str, previous: Option<char>) -> Option<usize> {
    if previous.is_some_and(|letter| letter.is_ascii_alphanumeric() || "@＠$#＃".contains(letter)) {
        return None;
    }
    let scheme = SCHEMES
        .iter()
        .find(|scheme| rest.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))?
        .len();
    let after = rest.get(scheme..)?;
    let run = prefix(after, |letter| letter.is_alphanumeric() || "-._".contains(letter));
    let host = after.get(..run)?.trim_end_matches(['.', '-', '_']);
    let (name, top) = host.rsplit_once('.')?;
    let plausible = top.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("xn--"))
        || (top.chars().count() >= 2 && top.chars().all(char::is_alphabetic));
    if !plausible || name.is_empty() || name.starts_with(['.', '-']) {
        return None;
    }
    let mut length = scheme + host.len();
    if let Some(port) = rest.get(length..).and_then(|tail| tail.strip_prefix(':')) {
        match prefix(port, |letter| letter.is_ascii_digit()) {
            0 => {}
            digits => length += 1 + digits,
        }
    }
    let tail = rest.get(length..).unwrap_or_default();
    Some(length + tail_length(tail))
}

/// The bytes of path and query: up to white space, an angle bracket or a bracket that nothing opened, without the
/// punctuation that closes a sentence.
fn tail_length(tail: &str) -> usize {
    if !tail.starts_with(['/', '?']) {
        return 0;
    }
    let mut open = 0_usize;
    let run = prefix(tail, |letter| match letter {
        '(' => {
            open += 1;
            true
        }
        ')' => open.checked_sub(1).map(|left| open = left).is_some(),
        _ => !letter.is_whitespace() && letter != '<' && letter != '>',
    });
    let mut kept = tail.get(..run).unwrap_or_default();
    while let Some(last) = kept.chars().next_back() {
        let ends = if kept.contains('?') {
            last.is_alphanumeric() || "_&=#/-)".contains(last)
        } else {
            !"!*'\"「」;:=,.$%[]~&|@?(".contains(last)
        };
        // A closing bracket belongs to the address only with its opening one.
        let balanced = last != ')' || kept.matches('(').count() >= kept.matches(')').count();
        if ends && balanced && kept.matches('(').count() <= kept.matches(')').count() {
            break;
        }
        kept = kept.get(..kept.len() - last.len_utf8()).unwrap_or_default();
    }
    kept.len()
}

/// The bytes of `@user` and of `@user@domain`, if `rest` begins with a mention.
fn mention_length(rest: &str, previous: Option<char>) -> Option<(usize, usize)> {
    if previous.is_some_and(|letter| letter == '=' || letter == '/' || is_word(letter)) {
        return None;
    }
    let name = rest.strip_prefix('@')?;
    let run = prefix(name, |letter| letter.is_ascii_alphanumeric() || "_.-".contains(letter));
    let user = name.get(..run)?.trim_end_matches(['.', '-']);
    if user.is_empty() || user.starts_with(['.', '-']) {
        return None;
    }
    let local = 1 + user.len();
    let domain = rest.get(local..).and_then(|tail| tail.strip_prefix('@')).map_or("", |tail| {
        let run = prefix(tail, |letter| is_word(letter) || letter == '.' || letter == '-');
        tail.get(..run).unwrap_or_default().trim_end_matches(['.', '-'])
    });
    if domain.is_empty() || domain.starts_with(['.', '-']) {
        return Some((local, local));
    }
    Some((local, local + 1 + domain.len()))
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// The bytes of the leading run of letters that `belongs` accepts.
fn prefix(text: &str, mut belongs: impl FnMut(char) -> bool) -> usize {
    text.find(|letter| !belongs(letter)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, mastodon: usize, careful: usize) {
        assert_eq!(count(text, None, &TextRules::mastodon()), mastodon, "Mastodon: {text}");
        assert_eq!(count(text, None, &TextRules::careful(500)), careful, "in full: {text}");
    }

    #[test]
    fn letters_are_counted_as_people_see_them() {
        check("", 0, 0);
        check("Hello, world", 12, 12);
        check("policía", 7, 7);
        check("policı\u{301}a", 7, 7);
        check("👩‍👩‍👧‍👦🏳️‍🌈", 2, 2);
        check("a\r\nb\n", 4, 4);
    }

    #[test]
    fn a_url_costs_the_same_however_long() {
        check("https://example.com", 23, 19);
        check("https://example.com/a/very/long/path/that/goes/on?and=on#anchor", 23, 63);
        check("See https://example.com/path.", 28, 29);
        check("(https://example.com/a_(b))", 25, 27);
        check("(https://example.com/a)", 25, 23);
        check("HTTPS://EXAMPLE.COM/ http://b.org", 47, 33);
        check("https://example.com:8080/x", 23, 26);
        check("https://xn--80ak6aa92e.xn--p1ai", 23, 31);
        check("https://münchen.de/straße", 23, 25);
        check("gemini://station.example/~x", 23, 27);
        check("https://example.com/?q=a&b=", 23, 27);
        check("https://example.com/wait!", 24, 25);
        check("<https://example.com>", 25, 21);
        check("https://social.example/@ana", 23, 27);
    }

    #[test]
    fn what_is_no_url_costs_its_length() {
        check("example.com", 11, 11);
        check("https://localhost/x", 19, 19);
        check("https://127.0.0.1/x", 19, 19);
        check("xhttps://example.com", 20, 20);
        check("https:// example.com", 20, 20);
        check("mailto:ana@example.com", 22, 22);
    }

    #[test]
    fn a_mention_costs_its_name_without_the_domain() {
        check("@ana@social.example hi", 7, 22);
        check("@ana hi", 7, 7);
        check("(@ana@social.example)", 6, 21);
        check("@ana@social.example.", 5, 20);
        check("@ana.b-c@social.example", 8, 23);
        check("ana@social.example", 18, 18);
        check("x=@ana@social.example", 21, 21);
        check("/@ana@social.example", 20, 20);
        check("@@ana@social.example", 5, 20);
        check("@ @ana", 6, 6);
    }

    #[test]
    fn the_warning_counts_in_full_where_it_counts() {
        let rules = TextRules::mastodon();
        assert_eq!(count("text", Some("policing"), &rules), 12);
        assert_eq!(count("text", Some("https://example.com/a/long/path"), &rules), 35);
        assert_eq!(count("text", Some("policing"), &TextRules { cw_counts: false, ..rules }), 4);
    }
}
