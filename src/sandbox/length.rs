//! Counts a status as the server would.
//!
//! Written apart from the bot's own counting on purpose: where the two differ, a test must fail.

use unicode_segmentation::UnicodeSegmentation;

use super::profile::LengthRule;
use super::scan::{Piece, scan};

/// Characters of warning and text under the rule.
pub(crate) fn counted(text: &str, warning: &str, rule: LengthRule) -> usize {
    match rule {
        LengthRule::AsWritten => clusters(warning) + clusters(text),
        LengthRule::TextAsWritten => clusters(text),
        LengthRule::Mastodon { per_url } => {
            // Shortened first and counted as one text, because a cluster may span what is shortened.
            let mut short = String::with_capacity(text.len());
            for piece in scan(text) {
                match piece {
                    Piece::Plain(words) => short.push_str(words),
                    Piece::Url(_) => short.extend(std::iter::repeat_n('x', per_url)),
                    Piece::Mention { user, .. } => {
                        short.push('@');
                        short.push_str(user);
                    }
                    Piece::Hashtag(word) => {
                        short.push('#');
                        short.push_str(word);
                    }
                }
            }
            clusters(warning) + clusters(&short)
        }
    }
}

fn clusters(text: &str) -> usize {
    text.graphemes(true).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, warning: &str, expected: usize) {
        assert_eq!(counted(text, warning, LengthRule::Mastodon { per_url: 23 }), expected, "{text}");
    }

    #[test]
    fn addresses_names_and_clusters_count_as_the_server_counts_them() {
        check("hello", "", 5);
        check("hello", "cw", 7);
        check("https://example.org/a/very/long/path/that/goes/on", "", 23);
        check("see https://example.org.", "", 4 + 23 + 1);
        check("https://example.invalid/abc", "", 27);
        check("@eyes@social.example hi", "", 8);
        check("👩‍👩‍👧‍👦", "", 1);
        check("e\u{301}", "", 1);
        check("http://127.0.0.1:80/x", "", 21);
    }
}
