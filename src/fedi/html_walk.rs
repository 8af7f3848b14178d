//! The walk over parsed HTML, piece by piece. Input of any size and shape takes bounded time and no recursion: see
//! [`READ_AT_MOST`]. What the pieces mean is [`super::html_lines`]'s.

use scraper::node::Element;
use scraper::{Html, Node};

/// Bytes of HTML that are looked at; the longest honest statuses are far shorter.
pub(super) const READ_AT_MOST: usize = 64 * 1024;
/// Tags that are looked at.
const TAGS_AT_MOST: usize = 4_000;
/// Formatting tags with attributes that are looked at. HTML's parsing rules open every unclosed one again in each new
/// paragraph, which is quadratic; without attributes the rules themselves keep at most three of a kind.
const DRESSED_TAGS_AT_MOST: usize = 64;

/// What the walk over the tree meets.
pub(super) enum Piece<'a> {
    Text(&'a str),
    LineEnd,
    QuoteOpens,
    QuoteEnds,
    Anchor(Anchor),
}

/// A link with its visible text.
pub(super) struct Anchor {
    pub(super) href: String,
    pub(super) text: String,
    pub(super) kind: Kind,
}

/// What the markup says a link is; its text may say more.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Hashtag,
    Link,
}

/// Whether what servers hide from the eye counts: parts of long addresses, the link of a quoted post.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hidden {
    Kept,
    Dropped,
}

/// Walks without recursion, so that no depth of nesting can exhaust the stack.
pub(super) fn walk(html: &str, hidden: Hidden, tell: &mut impl FnMut(Piece<'_>)) {
    let parsed = Html::parse_fragment(head(html));
    let mut anchor: Option<Anchor> = None;
    let mut here = parsed.tree.root();
    loop {
        if enter(here.value(), hidden, &mut anchor, tell)
            && let Some(child) = here.first_child()
        {
            here = child;
            continue;
        }
        loop {
            leave(here.value(), hidden, &mut anchor, tell);
            if let Some(next) = here.next_sibling() {
                here = next;
                break;
            }
            match here.parent() {
                Some(parent) => here = parent,
                None => return,
            }
        }
    }
}

/// Tells what a node opens; `false` to pass over its children.
fn enter(node: &Node, hidden: Hidden, anchor: &mut Option<Anchor>, tell: &mut impl FnMut(Piece<'_>)) -> bool {
    match node {
        Node::Text(text) => match anchor {
            Some(open) => open.text.push_str(text),
            None => tell(Piece::Text(text)),
        },
        Node::Element(element) if is_passed_over(element, hidden) => return false,
        Node::Element(element) => match element.name() {
            "a" if anchor.is_none() => *anchor = Some(opened(element)),
            "blockquote" => tell(Piece::QuoteOpens),
            name if ends_line(name) => tell(Piece::LineEnd),
            _ => {}
        },
        Node::Document | Node::Fragment | Node::Doctype(_) | Node::Comment(_) | Node::ProcessingInstruction(_) => {}
    }
    true
}

fn leave(node: &Node, hidden: Hidden, anchor: &mut Option<Anchor>, tell: &mut impl FnMut(Piece<'_>)) {
    let Some(element) = node.as_element().filter(|element| !is_passed_over(element, hidden)) else {
        return;
    };
    match element.name() {
        "a" => {
            if let Some(closed) = anchor.take() {
                tell(Piece::Anchor(closed));
            }
        }
        "blockquote" => tell(Piece::QuoteEnds),
        "br" => {}
        name if ends_line(name) => tell(Piece::LineEnd),
        _ => {}
    }
}

fn opened(element: &Element) -> Anchor {
    let has = |class: &str| element.classes().any(|other| other.eq_ignore_ascii_case(class));
    let rel_tag = element.attr("rel").is_some_and(|rel| rel.split_whitespace().any(|word| word == "tag"));
    let kind = match () {
        () if has("hashtag") || rel_tag => Kind::Hashtag,
        () if has("mention") || has("u-url") => Kind::Name,
        () => Kind::Link,
    };
    Anchor { href: element.attr("href").unwrap_or_default().to_owned(), text: String::new(), kind }
}

fn is_passed_over(element: &Element, hidden: Hidden) -> bool {
    let unseen = matches!(
        element.name(),
        "script" | "style" | "template" | "title" | "svg" | "math" | "iframe" | "object" | "noscript"
    );
    // `quote-inline` holds the "RE: link" that servers without quotes show instead of the quoted post.
    unseen
        || (hidden == Hidden::Dropped && element.classes().any(|class| class == "invisible" || class == "quote-inline"))
}

fn ends_line(name: &str) -> bool {
    matches!(
        name,
        "br" | "p"
            | "div"
            | "li"
            | "ul"
            | "ol"
            | "pre"
            | "hr"
            | "table"
            | "tr"
            | "section"
            | "article"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
    )
}

/// The part of the input that is read.
pub(super) fn head(html: &str) -> &str {
    let by_size = html.floor_char_boundary(READ_AT_MOST);
    let mut dressed = 0;
    let mut tags = 0;
    for (at, _) in html.match_indices('<').take_while(|(at, _)| *at < by_size) {
        tags += 1;
        dressed += usize::from(html.get(at + 1..).is_some_and(is_dressed_formatting));
        if tags > TAGS_AT_MOST || dressed > DRESSED_TAGS_AT_MOST {
            return html.get(..at).unwrap_or_default();
        }
    }
    html.get(..by_size).unwrap_or_default()
}

/// HTML's formatting elements, with anything behind the name. Anchors close each other and need no limit.
fn is_dressed_formatting(tag: &str) -> bool {
    let name: String = tag.chars().take(8).take_while(char::is_ascii_alphanumeric).collect();
    let formatting = ["b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];
    formatting.contains(&name.to_ascii_lowercase().as_str())
        && tag.get(name.len()..).is_some_and(|rest| !rest.starts_with('>'))
}
