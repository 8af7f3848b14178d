//! Templates: text with `{slots}`. Filled in one pass, so that a brace inside a value stays a brace; what an empty slot leaves behind (a
//! double space, a blank line) is taken away.

/// The slots a reply's template must have.
const REQUIRED: [&str; 4] = ["fact", "source", "as_of", "link"];
/// The slots it may have.
pub(crate) const KNOWN: [&str; 5] = ["fact", "source", "as_of", "link", "hashtags"];

enum Piece<'a> {
    Text(&'a str),
    Slot(&'a str),
}

/// Takes a line apart. A brace that opens no slot name is text.
fn pieces(line: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = line;
    while let Some((before, opened)) = rest.split_once('{') {
        match opened.split_once('}') {
            Some((name, after)) if is_name(name) => {
                pieces.push(Piece::Text(before));
                pieces.push(Piece::Slot(name));
                rest = after;
            }
            Some(_) | None => {
                let (text, after) = rest.split_at_checked(before.len() + 1).unwrap_or((rest, ""));
                pieces.push(Piece::Text(text));
                rest = after;
            }
        }
    }
    pieces.push(Piece::Text(rest));
    pieces
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// Fills the slots of a template. A slot without a value stays as it is written; an empty one takes its space along.
#[must_use]
pub fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let value = |name: &str| values.iter().find(|(slot, _)| *slot == name).map(|(_, value)| *value);
    let mut lines: Vec<String> = Vec::new();
    for line in template.lines() {
        let pieces = pieces(line);
        let mut filled = String::new();
        let (mut emptied, mut after_gap) = (false, false);
        for piece in &pieces {
            match piece {
                Piece::Text(text) => {
                    // An empty slot stood here: one of the spaces on its two sides is too many.
                    let doubled = after_gap && (filled.is_empty() || filled.ends_with(' '));
                    filled.push_str(if doubled { text.trim_start_matches(' ') } else { text });
                    after_gap &= text.is_empty();
                }
                Piece::Slot(name) => match value(name) {
                    Some("") => (emptied, after_gap) = (true, true),
                    Some(value) => {
                        filled.push_str(value);
                        after_gap = false;
                    }
                    None => {
                        filled.push('{');
                        filled.push_str(name);
                        filled.push('}');
                        after_gap = false;
                    }
                },
            }
        }
        let filled = if emptied { filled.trim_end().to_owned() } else { filled };
        if !(emptied && filled.is_empty()) {
            lines.push(filled);
        }
    }
    lines.join("\n").trim().to_owned()
}

/// Whether a reply's template can be used: it has the slots every reply must show, no unknown one, and names nobody.
///
/// # Errors
/// What is wrong and what to write instead.
pub fn check_template(template: &str) -> Result<(), String> {
    let all = "{fact}, {source}, {as_of}, {link} and {hashtags}";
    let mut found: Vec<&str> = Vec::new();
    for line in template.lines() {
        for piece in pieces(line) {
            match piece {
                Piece::Text(text) if text.contains(['{', '}']) => {
                    return Err(format!("the template has a brace that belongs to no slot; its slots are {all}"));
                }
                Piece::Text(text) if text.contains('@') => {
                    return Err(
                        "the template has an `@`, but a reply names only the person who asked; leave it out".to_owned()
                    );
                }
                Piece::Text(_) => {}
                Piece::Slot(name) if !KNOWN.contains(&name) => {
                    return Err(format!("the template has an unknown slot `{{{name}}}`; its slots are {all}"));
                }
                Piece::Slot(name) if found.contains(&name) => {
                    return Err(format!("the template has `{{{name}}}` twice; write it once"));
                }
                Piece::Slot(name) => found.push(name),
            }
        }
    }
    let missing: Vec<String> =
        REQUIRED.iter().filter(|slot| !found.contains(*slot)).map(|slot| format!("`{{{slot}}}`")).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "the template lacks {}; every reply shows {}, such as \"{{fact}} ({{source}}, {{as_of}}) {{link}} {{hashtags}}\"",
        missing.join(" and "),
        "fact, source, date and link",
    ))
}
