//! Widths of letters, cutting and filling of lines, and colours that are left out where nobody sees them.

use anstyle::{AnsiColor, Color, Style};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::core::text::steers;

/// Whether colours are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Ink {
    /// A terminal that wants them.
    Colours,
    /// A file, a pipe, NO_COLOR.
    Plain,
}

/// Told apart also by people who see red and green alike.
const ACCOUNTS: [AnsiColor; 4] = [AnsiColor::Cyan, AnsiColor::Magenta, AnsiColor::Blue, AnsiColor::Green];

impl Ink {
    fn paint(self, text: &str, style: Style) -> String {
        match self {
            Ink::Colours if !text.is_empty() => format!("{style}{text}{style:#}"),
            Ink::Colours | Ink::Plain => text.to_owned(),
        }
    }

    pub(super) fn strong(self, text: &str) -> String {
        self.paint(text, Style::new().bold())
    }

    pub(super) fn faint(self, text: &str) -> String {
        self.paint(text, Style::new().dimmed())
    }

    pub(super) fn today(self, text: &str) -> String {
        self.paint(text, Style::new().bold().fg_color(Some(Color::Ansi(AnsiColor::Yellow))))
    }

    pub(in crate::cli) fn warning(self, text: &str) -> String {
        self.paint(text, Style::new().fg_color(Some(Color::Ansi(AnsiColor::Yellow))))
    }

    /// The same colour for the same name, whoever else is there.
    pub(super) fn account(self, text: &str) -> String {
        let sum: usize = text.trim().bytes().map(usize::from).sum();
        let colour = ACCOUNTS.get(sum % ACCOUNTS.len()).copied().unwrap_or(AnsiColor::Cyan);
        self.paint(text, Style::new().fg_color(Some(Color::Ansi(colour))))
    }
}

/// One line without signs that move the cursor or turn the line round.
pub(super) fn plain(text: &str) -> String {
    let shown: String = text.chars().filter(|letter| letter.is_whitespace() || !steers(*letter)).collect();
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Columns of the terminal it takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// As much as fits, cut between words where one ends near, with an ellipsis.
pub(in crate::cli) fn cut(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut short = String::new();
    let mut taken = 0;
    for letter in text.graphemes(true) {
        let next = width(letter);
        if taken + next + 1 > most {
            break;
        }
        short.push_str(letter);
        taken += next;
    }
    if let Some((words, rest)) = short.rsplit_once(' ')
        && width(rest) * 4 < most
        && !text.strip_prefix(short.as_str()).is_some_and(|after| after.starts_with(' '))
    {
        short = words.to_owned();
    }
    if most == 0 { String::new() } else { short.trim_end().to_owned() + "…" }
}

/// Filled with spaces up to a width.
pub(super) fn fill(text: &str, to: usize) -> String {
    let mut line = text.to_owned();
    line.extend(std::iter::repeat_n(' ', to.saturating_sub(width(text))));
    line
}

/// Words in lines of a width; the last of at most `lines` is cut.
pub(super) fn wrap(text: &str, most: usize, lines: usize) -> Vec<String> {
    let mut wrapped: Vec<String> = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if wrapped.len() + 1 == lines || width(rest) <= most {
            wrapped.push(cut(rest, most));
            break;
        }
        let mut line = 0;
        let mut space = None;
        let mut taken = 0;
        for (at, letter) in rest.grapheme_indices(true) {
            if letter == " " {
                space = Some(at);
            }
            taken += width(letter);
            if taken > most {
                break;
            }
            line = at + letter.len();
        }
        let end = if rest.as_bytes().get(line) == Some(&b' ') { line } else { space.unwrap_or(line).min(line) };
        let end = if end == 0 { line.max(rest.graphemes(true).next().map_or(1, str::len)) } else { end };
        let (head, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
        wrapped.push(head.trim_end().to_owned());
        rest = tail.trim_start();
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_between_words_and_by_what_the_terminal_shows() {
        for (text, most, expected) in [
            ("short", 10, "short"),
            ("one two three", 9, "one two…"),
            ("onetwothreefour", 9, "onetwoth…"),
            ("老虎老虎老虎", 7, "老虎老…"),
            ("👩‍👩‍👧‍👦 family", 4, "👩‍👩‍👧‍👦…"),
            ("x", 0, ""),
        ] {
            let short = cut(text, most);
            assert_eq!(short, expected);
            assert!(width(&short) <= most);
        }
    }

    #[test]
    fn words_are_wrapped_and_the_last_line_is_cut() {
        assert_eq!(wrap("one two three four five", 9, 2), ["one two", "three…"]);
        assert_eq!(wrap("onetwothreefour five", 6, 3), ["onetwo", "threef", "our…"]);
        assert_eq!(wrap("one", 9, 2), ["one"]);
        assert_eq!(wrap("", 9, 2), Vec::<String>::new());
        assert_eq!(wrap("老虎", 1, 2).len(), 2, "a letter wider than the line ends it all the same");
    }

    #[test]
    fn a_text_cannot_move_the_cursor_or_turn_the_line_round() {
        assert_eq!(plain("a\u{1b}[31m\u{202e}b\n\tc\u{7f}"), "a[31mb c");
        assert_eq!(Ink::Plain.strong("x"), "x");
        assert_eq!(Ink::Colours.strong("x"), "\u{1b}[1mx\u{1b}[0m");
    }
}
