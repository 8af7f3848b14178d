//! Finds addresses, names and hashtags in a status's text, as the server would link them.
//!
//! Own reading of Mastodon's rules: the sandbox stands for the server, so it shares no code with the counting and
//! composing of the bot it tests. Not known here: which names exist.

/// A stretch of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Words.
    Plain(&'a str),
    /// An address that is linked: known scheme, known top-level domain.
    Url(&'a str),
    /// `@user` or `@user@host`.
    Mention { raw: &'a str, user: &'a str, host: Option<&'a str> },
    /// `#word`, without its sign.
    Hashtag(&'a str),
}

const SCHEMES: [&str; 9] =
    ["https://", "http://", "dat://", "dweb://", "ipfs://", "ipns://", "ssb://", "gopher://", "gemini://"];

/// Top-level domains of more than two letters that campaigns and people use; two letters always are a country. A
/// server knows all of them; a missing one here means the address counts at full length.
const TOP_LEVEL: [&str; 72] = [
    "academy",
    "aero",
    "africa",
    "agency",
    "app",
    "art",
    "asia",
    "bank",
    "best",
    "biz",
    "blog",
    "cafe",
    "camp",
    "care",
    "cat",
    "center",
    "chat",
    "church",
    "city",
    "cloud",
    "club",
    "com",
    "community",
    "company",
    "coop",
    "design",
    "dev",
    "digital",
    "earth",
    "edu",
    "education",
    "email",
    "eus",
    "events",
    "foundation",
    "fun",
    "fund",
    "games",
    "gov",
    "green",
    "group",
    "health",
    "help",
    "info",
    "ink",
    "int",
    "jobs",
    "land",
    "legal",
    "lgbt",
    "life",
    "live",
    "media",
    "mil",
    "mobi",
    "museum",
    "name",
    "net",
    "network",
    "news",
    "ngo",
    "online",
    "org",
    "page",
    "press",
    "pro",
    "report",
    "site",
    "social",
    "space",
    "website",
    "world",
];

/// Cuts the text into pieces; joined again they give the text.
pub(crate) fn scan(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut plain_from = 0;
    let mut at = 0;
    let mut before: Option<char> = None;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if let Some((piece, length)) = find(rest, before) {
            if plain_from < at {
                pieces.push(Piece::Plain(text.get(plain_from..at).unwrap_or_default()));
            }
            pieces.push(piece);
            before = rest.get(..length).and_then(|taken| taken.chars().next_back());
            at += length;
            plain_from = at;
            continue;
        }
        let step = rest.chars().next();
        before = step;
        at += step.map_or(1, char::len_utf8);
    }
    if let Some(rest) = text.get(plain_from..).filter(|rest| !rest.is_empty()) {
        pieces.push(Piece::Plain(rest));
    }
    pieces
}

fn find(rest: &str, before: Option<char>) -> Option<(Piece<'_>, usize)> {
    match rest.chars().next()? {
        '@' => mention(rest, before),
        '#' => hashtag(rest, before),
        first if first.is_ascii_alphabetic() => url(rest, before),
        _ => None,
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The longest start of `text` made of `body`, not ending in a character that only joins.
fn run(text: &str, body: impl Fn(char) -> bool, end: impl Fn(char) -> bool) -> &str {
    let stop = text.find(|c| !body(c)).unwrap_or(text.len());
    text.get(..stop).unwrap_or_default().trim_end_matches(|c| !end(c))
}

fn mention(rest: &str, before: Option<char>) -> Option<(Piece<'_>, usize)> {
    if before.is_some_and(|c| is_word(c) || c == '=' || c == '/') {
        return None;
    }
    let after_sign = rest.get(1..)?;
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let user = run(after_sign, |c| letter(c) || c == '.' || c == '-', letter);
    if !user.starts_with(letter) {
        return None;
    }
    let short = 1 + user.len();
    let host = rest.get(short..).and_then(|tail| tail.strip_prefix('@')).and_then(|tail| {
        // A port is no part of a fediverse name; sandboxes on loopback have nothing else to tell them apart.
        let host = run(tail, |c| is_word(c) || c == '.' || c == '-' || c == ':', is_word);
        (!host.is_empty()).then_some(host)
    });
    let length = short + host.map_or(0, |host| host.len() + 1);
    Some((Piece::Mention { raw: rest.get(..length)?, user, host }, length))
}

fn hashtag(rest: &str, before: Option<char>) -> Option<(Piece<'_>, usize)> {
    if before.is_some_and(|c| is_word(c) || c == '/' || c == ')') {
        return None;
    }
    let word = run(rest.get(1..)?, |c| is_word(c) || c == '·', is_word);
    let named = word.chars().any(|c| is_word(c) && !c.is_numeric());
    named.then_some((Piece::Hashtag(word), 1 + word.len()))
}

fn url(rest: &str, before: Option<char>) -> Option<(Piece<'_>, usize)> {
    if before.is_some_and(|c| is_word(c) || matches!(c, '@' | '#' | '$' | '-' | '.' | '/')) {
        return None;
    }
    let lower = rest.get(..9.min(rest.len())).map_or_else(|| first_chars(rest, 9), str::to_owned).to_ascii_lowercase();
    let scheme = SCHEMES.iter().find(|scheme| lower.starts_with(**scheme))?;
    let body = rest.get(scheme.len()..)?;
    let host = body.split(|c: char| matches!(c, '/' | '?' | '#' | ':') || c.is_whitespace()).next()?;
    let host = run(host, |c| is_word(c) || c == '.' || c == '-', is_word);
    let (_, top) = host.rsplit_once('.')?;
    if !known_top_level(top) {
        return None;
    }
    let stop = body.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"')).unwrap_or(body.len());
    let mut end = body.get(..stop)?;
    loop {
        let unbalanced = end.ends_with(')') && end.matches(')').count() > end.matches('(').count();
        let trimmed = end.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '…']);
        let trimmed = if unbalanced { trimmed.strip_suffix(')').unwrap_or(trimmed) } else { trimmed };
        if trimmed.len() == end.len() {
            break;
        }
        end = trimmed;
    }
    let length = scheme.len() + end.len().max(host.len());
    Some((Piece::Url(rest.get(..length)?), length))
}

fn first_chars(text: &str, count: usize) -> String {
    text.chars().take(count).collect()
}

fn known_top_level(label: &str) -> bool {
    let label = label.to_ascii_lowercase();
    (label.len() == 2 && label.chars().all(|c| c.is_ascii_alphabetic())) || TOP_LEVEL.binary_search(&&*label).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[Piece<'_>]) {
        assert_eq!(scan(text), expected, "{text}");
    }

    #[test]
    fn names_addresses_and_hashtags_are_found() {
        let name = |raw, user, host| Piece::Mention { raw, user, host };
        check("hi @eyes!", &[Piece::Plain("hi "), name("@eyes", "eyes", None), Piece::Plain("!")]);
        check("@a@b.example.", &[name("@a@b.example", "a", Some("b.example")), Piece::Plain(".")]);
        check("mail@host.com", &[Piece::Plain("mail@host.com")]);
        check("é@a", &[Piece::Plain("é@a")]);
        check("(https://a.org/x).", &[Piece::Plain("("), Piece::Url("https://a.org/x"), Piece::Plain(").")]);
        check("https://a.org/(x)", &[Piece::Url("https://a.org/(x)")]);
        check("https://a.invalid/x", &[Piece::Plain("https://a.invalid/x")]);
        check("a.org", &[Piece::Plain("a.org")]);
        check("#Eyes #1 a#b", &[Piece::Hashtag("Eyes"), Piece::Plain(" #1 a#b")]);
        check("https://a.org/@eyes", &[Piece::Url("https://a.org/@eyes")]);
    }

    #[test]
    fn the_table_of_domains_is_sorted() {
        assert!(TOP_LEVEL.is_sorted());
    }
}
