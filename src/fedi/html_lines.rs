//! The words of a status line by line: names, links and quotes are sorted out here, after the markup is gone.
//!
//! Names written with and without markup take the same way: an anchor becomes `@name@host` in its line, and the line is then
//! searched. So their order is that of the text.

use super::html_walk::{Anchor, Kind, Piece};
use crate::core::mention::{MentionText, names_of_profile};

/// A status taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HtmlText {
    /// The words: own and quoted.
    pub text: MentionText,
    /// Names of accounts in the order they stand there, without the leading `@`: `bot@host` where it is known, else `bot`.
    /// Names inside quotes are not among them.
    pub mentions_in_text: Vec<String>,
    /// The run of names before any other word; the beginning of `mentions_in_text`.
    pub leading_names: Vec<String>,
    /// Hashtags without `#`, as written, in order.
    pub hashtags: Vec<String>,
}

/// The lines read so far.
#[derive(Default)]
pub(super) struct Lines {
    done: Vec<(String, Quoted)>,
    line: String,
    quoting: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quoted {
    Yes,
    No,
}

impl Lines {
    /// Takes the next piece of the walk.
    pub(super) fn take(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Text(text) => {
                self.line.extend(text.chars().map(|letter| if letter.is_whitespace() { ' ' } else { letter }))
            }
            Piece::LineEnd => self.end_line(),
            Piece::QuoteOpens => {
                self.end_line();
                self.quoting += 1;
            }
            Piece::QuoteEnds => {
                self.end_line();
                self.quoting = self.quoting.saturating_sub(1);
            }
            Piece::Anchor(anchor) => self.anchor(&anchor),
        }
    }

    /// Ends the line that is being read.
    pub(super) fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if !line.trim().is_empty() {
            self.done.push((line, if self.quoting > 0 { Quoted::Yes } else { Quoted::No }));
        }
    }

    fn anchor(&mut self, anchor: &Anchor) {
        let text = anchor.text.trim();
        // Friendica and Hubzilla write the sign before the anchor.
        let sign_before = |sign: char| anchor.kind != Kind::Link && self.line.ends_with(sign);
        if text.starts_with('#') || (anchor.kind == Kind::Hashtag && !text.is_empty()) {
            if sign_before('#') {
                self.line.pop();
            }
            self.line.push('#');
            self.line.push_str(text.trim_start_matches('#'));
            return;
        }
        let is_name = text.strip_prefix('@').is_some_and(|rest| scan_name(rest).is_some());
        if is_name || anchor.kind == Kind::Name {
            if sign_before('@') {
                self.line.pop();
            }
            if let Some(name) = name_of(text, &anchor.href) {
                self.line.push_str(" @");
                self.line.push_str(&name);
                self.line.push(' ');
            }
            return;
        }
        if let Some(name) = self.linked_profile(anchor, text) {
            if self.line.ends_with('@') {
                self.line.pop();
            }
            self.line.push_str(" @");
            self.line.push_str(&name);
            self.line.push(' ');
            return;
        }
        let is_address = !text.contains(char::is_whitespace) && text.contains(['.', '/']);
        self.line.push(' ');
        if is_address {
            // Stands for the link until the line is searched, so that "RE: link" is known from a lone "RE:".
            self.line.push_str("https://link");
        } else {
            self.line.push_str(text);
        }
        if is_address || !text.is_empty() {
            self.line.push(LINK_END);
        }
    }

    /// Whom a link names that says nowhere that it does: it leads to a profile, and has `@` before it (Hubzilla) or that
    /// profile's name as its words (Markdown).
    fn linked_profile(&self, anchor: &Anchor, text: &str) -> Option<String> {
        let handle =
            names_of_profile(&anchor.href).into_iter().find(|name| name.contains('@') && !name.contains('/'))?;
        let name = handle.split('@').next().unwrap_or_default();
        (self.line.ends_with('@') || text.to_lowercase() == name).then_some(handle)
    }

    /// Searches the lines and puts everything in its place.
    pub(super) fn finish(mut self) -> HtmlText {
        self.end_line();
        let mut read = HtmlText::default();
        let mut said = false;
        for (line, quoted) in self.done {
            let mut found = Searched { said, ..Searched::default() };
            found.search(&line);
            let words = found.words.split_whitespace().collect::<Vec<_>>().join(" ");
            let stripped = words.trim_start_matches(['>', ' ']);
            if quoted == Quoted::Yes || words.starts_with('>') {
                push_line(&mut read.text.quoted, stripped);
                continue;
            }
            if found.had_link && matches!(words.as_str(), "RE:" | "Re:" | "re:" | "QT:") {
                continue;
            }
            said = found.said;
            read.leading_names.append(&mut found.leading);
            read.mentions_in_text.append(&mut found.names);
            read.hashtags.append(&mut found.hashtags);
            push_line(&mut read.text.own, &words);
        }
        read
    }
}

/// Ends a link's text, so that a following `?` is not taken for part of the address. Never shown.
const LINK_END: char = '\u{E000}';

fn push_line(text: &mut String, line: &str) {
    if line.is_empty() {
        return;
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(line);
}

/// One line without names and links.
#[derive(Default)]
struct Searched {
    words: String,
    names: Vec<String>,
    leading: Vec<String>,
    hashtags: Vec<String>,
    had_link: bool,
    /// Another word than a name stood before.
    said: bool,
}

impl Searched {
    fn search(&mut self, line: &str) {
        let mut rest = line;
        let mut before = ' ';
        while let Some(letter) = rest.chars().next() {
            let tail = rest.get(letter.len_utf8()..).unwrap_or_default();
            let at_word = !before.is_alphanumeric() && !matches!(before, '_' | '/' | '=' | '@');
            let taken = match letter {
                '@' if at_word => scan_name(tail).map(|name| {
                    self.names.push(name.to_owned());
                    if !self.said {
                        self.leading.push(name.to_owned());
                    }
                    1 + name.len()
                }),
                '#' if at_word => {
                    let length: usize = tail
                        .chars()
                        .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
                        .map(char::len_utf8)
                        .sum();
                    if let Some(tag) = tail.get(..length).filter(|tag| !tag.is_empty()) {
                        self.hashtags.push(tag.to_owned());
                    }
                    None
                }
                _ if at_word && letter.is_ascii_alphanumeric() => address_length(rest).inspect(|_| {
                    self.had_link = true;
                    self.said = true;
                }),
                _ => None,
            };
            match taken {
                Some(length) => {
                    self.words.push(' ');
                    rest = rest.get(length..).unwrap_or_default();
                    before = 'x';
                }
                None => {
                    if letter != LINK_END {
                        self.words.push(letter);
                        self.said |= letter.is_alphanumeric();
                    }
                    rest = tail;
                    before = letter;
                }
            }
        }
    }
}

/// The account name at the beginning of a text: `bot`, `bot@host`, `bot@host:port`.
fn scan_name(text: &str) -> Option<&str> {
    let user = run(text, |letter| letter.is_alphanumeric() || matches!(letter, '_' | '.' | '-'))?;
    let host = text.get(user.len()..).and_then(|rest| rest.strip_prefix('@')).and_then(|rest| {
        run(rest, |letter| letter.is_alphanumeric() || matches!(letter, '.' | '-' | ':')).map(str::len)
    });
    text.get(..user.len() + host.map_or(0, |length| length + 1))
}

/// The longest run of such letters that begins and ends with a letter, a digit or `_`.
fn run(text: &str, fits: impl Fn(char) -> bool) -> Option<&str> {
    let end = text.find(|letter: char| !fits(letter)).unwrap_or(text.len());
    let run = text.get(..end)?.trim_end_matches(['.', '-', ':']);
    run.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_').then_some(run)
}

/// The length of the address at the beginning of a text: with a scheme, with `www.`, or a host with a path.
fn address_length(text: &str) -> Option<usize> {
    let end = text
        .find(|letter: char| letter.is_whitespace() || matches!(letter, '<' | '>' | '"') || letter == LINK_END)
        .unwrap_or(text.len());
    let word = text.get(..end)?.trim_end_matches(['.', ',', '!', '?', ')', ':', ';', '…']);
    let scheme = word
        .split_once("://")
        .is_some_and(|(scheme, rest)| !rest.is_empty() && scheme.chars().all(|letter| letter.is_ascii_alphanumeric()));
    let with_path = word.split_once('/').is_some_and(|(host, _)| {
        let last = host.rsplit_once('.').map_or("", |(_, last)| last);
        last.len() >= 2 && last.chars().all(|letter| letter.is_ascii_alphabetic())
    });
    (scheme || word.starts_with("www.") || with_path).then_some(word.len())
}

/// The name an anchor stands for: its text where that has a host, else with the host of its address.
fn name_of(text: &str, href: &str) -> Option<String> {
    let (host, path) = href.split_once("://").map_or(("", ""), |(_, rest)| rest.split_once('/').unwrap_or((rest, "")));
    let from_text =
        scan_name(text.trim_start_matches('@')).filter(|name| name.len() == text.trim_start_matches('@').len());
    let last =
        path.rsplit('/').find(|part| !part.is_empty()).map(|part| part.trim_start_matches('@')).and_then(scan_name);
    let name = from_text.or(last)?;
    let host = run(host, |letter| letter.is_alphanumeric() || matches!(letter, '.' | '-' | ':')).unwrap_or_default();
    Some(if name.contains('@') || host.is_empty() { name.to_owned() } else { format!("{name}@{host}") })
}
