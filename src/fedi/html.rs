//! The HTML of statuses and profiles, read by a real parser: which words are the person's own, whom they name, what they quote.
//!
//! Servers write names, hashtags and links in many ways (Mastodon's `h-card`, Pleroma's bare anchors, Friendica's `@` before
//! the anchor, Misskey's and snac's plain text); all end here. Input of any size and shape takes bounded time: see
//! [`super::html_walk`]. It does not know which of the names is ours.

use super::html_lines::Lines;
use super::html_walk::{Hidden, Kind, Piece, head, walk};

pub use super::html_lines::HtmlText;

/// Takes a status apart. Names of accounts and links are gone from the words; hashtags stand as `#Tag`.
#[must_use]
pub fn read(html: &str) -> HtmlText {
    let mut lines = Lines::default();
    if !html.contains('<') {
        // Some servers hand out plain text: there a line end is a line end. References are still decoded by the parser.
        for line in head(html).lines() {
            walk(line, Hidden::Dropped, &mut |piece| lines.take(piece));
            lines.end_line();
        }
        return lines.finish();
    }
    walk(html, Hidden::Dropped, &mut |piece| lines.take(piece));
    lines.finish()
}

/// Everything a person sees, as plain text: names as written, links as addresses, paragraphs and breaks as line ends.
#[must_use]
pub fn plain(html: &str) -> String {
    let mut out = String::new();
    walk(html, Hidden::Kept, &mut |piece| match piece {
        Piece::Text(text) => out.extend(text.chars().map(|letter| if letter.is_whitespace() { ' ' } else { letter })),
        Piece::LineEnd | Piece::QuoteOpens | Piece::QuoteEnds => out.push('\n'),
        Piece::Anchor(anchor) => {
            let shortened = anchor.kind == Kind::Link && anchor.text.trim_end().ends_with('…');
            out.push_str(if shortened { &anchor.href } else { &anchor.text });
        }
    });
    let lines: Vec<String> = out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    lines.iter().filter(|line| !line.is_empty()).map(String::as_str).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::html_walk::READ_AT_MOST;
    use super::*;

    fn check(html: &str, own: &str, names: &[&str]) -> HtmlText {
        let found = read(html);
        assert_eq!(found.text.own, own, "{html}");
        assert_eq!(found.mentions_in_text, names, "{html}");
        found
    }

    #[test]
    fn every_server_style_of_names_is_understood() {
        let mastodon = r#"<p><span class="h-card" translate="no"><a href="https://social.test/@bot" class="u-url mention">@<span>bot</span></a></span> what about Ring?</p>"#;
        assert_eq!(check(mastodon, "what about Ring?", &["bot@social.test"]).leading_names, ["bot@social.test"]);
        check(
            r#"<a class="u-url mention" data-user="9x" href="https://ple.test/users/bot" rel="ugc">@<span>bot</span></a> hi"#,
            "hi",
            &["bot@ple.test"],
        );
        check(
            r#"<p><a href="https://mk.test/@bot" class="u-url mention">@bot@mk.test</a><span> hi<br>there</span></p>"#,
            "hi\nthere",
            &["bot@mk.test"],
        );
        check(
            r#"@<a href="https://friendica.test/profile/bot" class="u-url mention" title="B"><span>bot</span></a> hi"#,
            "hi",
            &["bot@friendica.test"],
        );
        check(r#"@<a class="zrl" href="https://hub.test/@bot">Eyes on Amazon</a> stop"#, "stop", &["bot@hub.test"]);
        check(r#"<p><a href="https://md.test/@bot">bot</a> stop</p>"#, "stop", &["bot@md.test"]);
        check(r#"<p>see <a href="https://md.test/@bot">what they say</a></p>"#, "see what they say", &[]);
        check(r#"<p>@bot hi and @other@far.test.</p>"#, "hi and .", &["bot", "other@far.test"]);
        check(
            r#"<a href="https://snac.test/bot" class="mention u-url">@bot@snac.test</a> hi"#,
            "hi",
            &["bot@snac.test"],
        );
        check(
            "@bot plain text &amp; more\nsecond line, mail me a@b.test",
            "plain text & more\nsecond line, mail me a@b.test",
            &["bot"],
        );
    }

    #[test]
    fn names_are_leading_only_before_any_other_word() {
        let found = check("<p>@a @b@x.test - @c, hello @d</p>", "- , hello", &["a", "b@x.test", "c", "d"]);
        assert_eq!(found.leading_names, ["a", "b@x.test", "c"]);
        assert!(read("<p>hello @a</p>").leading_names.is_empty());
        assert!(read("<p>#tag @a</p>").leading_names.is_empty());
    }

    #[test]
    fn links_are_dropped_and_linked_words_stay() {
        let long = r#"<p>see <a href="https://www.example.org/a/b"><span class="invisible">https://www.</span><span class="ellipsis">example.org/a</span><span class="invisible">/b</span></a>?</p>"#;
        check(long, "see ?", &[]);
        check("<p>ring https://ring.test/palantir?x=1, ok www.ring.test/x ring.test/y</p>", "ring , ok", &[]);
        check(r#"<p>the <a href="https://x.test">doorbell report</a></p>"#, "the doorbell report", &[]);
        assert_eq!(plain(long), "see https://www.example.org/a/b?");
        assert_eq!(plain(r#"<p>me <a href="https://x.test/full">x.test/fu…</a></p>"#), "me https://x.test/full");
    }

    #[test]
    fn hashtags_stand_as_written() {
        let found = check(
            r#"<p>so <a href="https://s.test/tags/Ring" class="mention hashtag" rel="tag">#<span>Ring</span></a> and #plain, <a href="https://p.test/tag/x" rel="tag">#x</a> #<a href="https://f.test/search?tag=Fr" class="mention hashtag"><span>Fr</span></a></p>"#,
            "so #Ring and #plain, #x #Fr",
            &[],
        );
        assert_eq!(found.hashtags, ["Ring", "plain", "x", "Fr"]);
    }

    #[test]
    fn quotes_are_context() {
        let found = read(
            r#"<p>@bot is that so?</p><blockquote><p>Palantir, says @who</p></blockquote><p>&gt; old line<br>&gt;&gt; older<br>thanks</p>"#,
        );
        assert_eq!(found.text.own, "is that so?\nthanks");
        assert_eq!(found.text.quoted, "Palantir, says\nold line\nolder");
        assert_eq!(found.mentions_in_text, ["bot"]);
        check(
            r#"<p class="quote-inline">RE: <a href="https://x.test/1">https://x.test/1</a></p><p>stop</p>"#,
            "stop",
            &[],
        );
        check(r#"<p>stop<br><br><span>RE: </span><a href="https://x.test/1">https://x.test/1</a></p>"#, "stop", &[]);
    }

    #[test]
    fn hostile_html_takes_bounded_work() {
        let mut deep = "<div>".repeat(200_000);
        deep.push_str("stop");
        assert_eq!(read(&deep).text.own, "");
        let mut many = String::new();
        for index in 0..5_000 {
            many.push_str(&format!("<b x={index}>"));
        }
        many.push_str(&"<p>x".repeat(10_000));
        assert!(read(&many).text.own.len() < READ_AT_MOST);
        assert!(read(&"a ".repeat(600_000)).text.own.len() <= READ_AT_MOST);
        for broken in [
            "<",
            "<a",
            "<p><a href=",
            "</p></p>",
            "<blockquote>x",
            "<a class=mention>@",
            "<a class=mention href='::'>@ x y</a>",
            "&#x0;&bad;",
            "@",
            "@@",
            "#",
            "@a@",
            "<table><tr>x<td>y",
        ] {
            assert!(read(broken).text.own.len() + plain(broken).len() < 100);
        }
    }

    #[test]
    fn plain_text_keeps_paragraphs_names_and_decodes_references() {
        assert_eq!(
            plain("<p>a &lt;b&gt; <a href='x' class='u-url mention'>@<span>c</span></a></p><p>#nobot<br>d</p>"),
            "a <b> @c\n#nobot\nd"
        );
        assert_eq!(plain(""), "");
    }

    proptest! {
        #[test]
        fn no_input_panics(html in "(<p>|</p>|<a href='https://x.test/@b' class='mention'>|</a>|@b|@|#t|#|>|<br>|<blockquote>|</blockquote>|RE: |https://x|\\PC| ){0,40}") {
            prop_assert!(read(&html).leading_names.len() <= read(&html).mentions_in_text.len());
            prop_assert!(!plain(&html).contains('\n') || html.contains('<'));
        }
    }
}
