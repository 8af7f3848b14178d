//! Writes a status's text as Mastodon's HTML.
//!
//! Invariant: nothing a person wrote reaches HTML unescaped. Who a name means is asked of the caller.

use super::scan::{Piece, scan};

/// Where a name leads.
pub(crate) struct Named {
    /// Profile page.
    pub(crate) url: String,
    /// Without host.
    pub(crate) username: String,
}

/// Characters of an address that are shown.
const SHOWN: usize = 30;

/// The text as `content` of a status.
pub(crate) fn content(text: &str, base: &str, resolve: impl Fn(&str, Option<&str>) -> Option<Named>) -> String {
    let mut inner = String::with_capacity(text.len() * 2);
    for piece in scan(text.trim_end()) {
        match piece {
            Piece::Plain(words) => escape_into(&mut inner, words),
            Piece::Url(url) => link(&mut inner, url),
            Piece::Hashtag(word) => {
                let tag = escape(word);
                inner.push_str(&format!(
                    "<a href=\"{base}/tags/{}\" class=\"mention hashtag\" rel=\"tag\">#<span>{tag}</span></a>",
                    tag.to_lowercase()
                ));
            }
            Piece::Mention { raw, user, host } => match resolve(user, host) {
                Some(named) => inner.push_str(&format!(
                    "<span class=\"h-card\" translate=\"no\"><a href=\"{}\" class=\"u-url mention\">@<span>{}</span></a></span>",
                    escape(&named.url),
                    escape(&named.username)
                )),
                None => escape_into(&mut inner, raw),
            },
        }
    }
    paragraphs(&inner)
}

fn paragraphs(inner: &str) -> String {
    let inner = inner.replace("\r\n", "\n");
    let mut out = String::with_capacity(inner.len() + 16);
    for paragraph in inner.split("\n\n").map(|p| p.trim_matches('\n')).filter(|p| !p.is_empty()) {
        out.push_str("<p>");
        out.push_str(&paragraph.replace('\n', "<br />"));
        out.push_str("</p>");
    }
    out
}

fn link(out: &mut String, url: &str) {
    let without_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let without_prefix = without_scheme.strip_prefix("www.").unwrap_or(without_scheme);
    let prefix = url.strip_suffix(without_prefix).unwrap_or_default();
    let cut = without_prefix.char_indices().nth(SHOWN).map_or(without_prefix.len(), |(at, _)| at);
    let (shown, rest) = without_prefix.split_at_checked(cut).unwrap_or((without_prefix, ""));
    let class = if rest.is_empty() { "" } else { "ellipsis" };
    out.push_str(&format!(
        "<a href=\"{}\" target=\"_blank\" rel=\"nofollow noopener\" translate=\"no\"><span class=\"invisible\">{}</span>\
         <span class=\"{class}\">{}</span><span class=\"invisible\">{}</span></a>",
        escape(url),
        escape(prefix),
        escape(shown),
        escape(rest)
    ));
}

/// Text made safe for HTML, between tags and inside quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape_into(&mut out, text);
    out
}

fn escape_into(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let known = |user: &str, host: Option<&str>| {
            (user == "eyes" && host.is_none()).then(|| Named { url: "http://s/@eyes".into(), username: "eyes".into() })
        };
        assert_eq!(content(text, "http://s", known), expected);
    }

    #[test]
    fn text_becomes_the_markup_clients_expect() {
        check("a\nb\n\nc", "<p>a<br />b</p><p>c</p>");
        check("1 < 2 & \"x\"", "<p>1 &lt; 2 &amp; &quot;x&quot;</p>");
        check("<script>", "<p>&lt;script&gt;</p>");
        check(
            "@eyes @nobody",
            "<p><span class=\"h-card\" translate=\"no\"><a href=\"http://s/@eyes\" class=\"u-url mention\">@<span>eyes</span></a></span> @nobody</p>",
        );
        check(
            "#Eyes",
            "<p><a href=\"http://s/tags/eyes\" class=\"mention hashtag\" rel=\"tag\">#<span>Eyes</span></a></p>",
        );
        check(
            "https://www.example.org/a-path-that-is-rather-long",
            "<p><a href=\"https://www.example.org/a-path-that-is-rather-long\" target=\"_blank\" rel=\"nofollow noopener\" translate=\"no\">\
             <span class=\"invisible\">https://www.</span><span class=\"ellipsis\">example.org/a-path-that-is-rat</span>\
             <span class=\"invisible\">her-long</span></a></p>",
        );
    }
}
