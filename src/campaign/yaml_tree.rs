//! YAML front matter becomes a tree with lines. A syntax error is one finding; then there is no tree.
//!
//! Unquoted words stay words: a number, a date or `no` arrives as the characters staff typed, and the key's reader
//! decides what they mean. Merge keys are not expanded.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, MergeKeyPolicy, Options, Spanned};

use super::finding::Report;
use super::tree::{Entry, Node, Value};

/// Reads front matter whose first line is line `first` of its file. `None` after a syntax error, which is then in
/// `report`. Front matter without any key is an empty table.
pub(crate) fn parse(text: &str, first: usize, report: &mut Report) -> Option<Node> {
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        strict_booleans: true,
        with_snippet: false,
    };
    let options: Options = options;
    let raw: Spanned<Raw> = match serde_saphyr::from_str_with_options(text, options) {
        Ok(raw) => raw,
        Err(error) => {
            let line = error.location().map(|at| at.line()).filter(|line| *line > 0).map(|line| whole(line, first));
            report.error(
                line.unwrap_or(first),
                format!("the lines between the two --- are not YAML: {}", plain(&error)),
                "write one `key: value` on a line, and put texts that hold `: ` or `#` in \"quotes\"",
            );
            return None;
        }
    };
    let reader = Reader { text, first };
    let mut node = reader.node(raw, report);
    if node.value == Value::Nothing {
        node.value = Value::Table(Vec::new());
    }
    Some(node)
}

fn whole(line: u64, first: usize) -> usize {
    usize::try_from(line).unwrap_or(1).saturating_sub(1).saturating_add(first)
}

/// The parser's message on one line, without its own idea of the place.
fn plain(error: &serde_saphyr::Error) -> String {
    let shown = error.to_string();
    let first = shown.lines().next().unwrap_or_default();
    first.split(" at line ").next().unwrap_or(first).trim().trim_start_matches("error: ").to_owned()
}

struct Reader<'t> {
    text: &'t str,
    first: usize,
}

impl Reader<'_> {
    fn node(&self, raw: Spanned<Raw>, report: &mut Report) -> Node {
        let line = whole(raw.referenced.line(), self.first);
        let value = match raw.value {
            Raw::Nothing => Value::Nothing,
            Raw::Text(text) => Value::Text(text),
            Raw::Plain(read) => Value::Text(self.typed(&raw.defined).unwrap_or(read)),
            Raw::List(items) => Value::List(items.into_iter().map(|item| self.node(item, report)).collect()),
            Raw::Table(pairs) => Value::Table(self.entries(pairs, report)),
        };
        Node { line, value }
    }

    fn entries(&self, pairs: Vec<(Spanned<Raw>, Spanned<Raw>)>, report: &mut Report) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            let Node { line, value: key } = self.node(key, report);
            let Value::Text(key) = key else {
                report.error(line, format!("a key must be a word, not {}", key.kind()), "");
                continue;
            };
            if let Some(before) = entries.iter().find(|entry| entry.key == key) {
                report.error(
                    line,
                    format!("`{key}` stands twice, first on line {}", before.line),
                    "keep one of the two",
                );
                continue;
            }
            let node = self.node(value, report);
            entries.push(Entry { key, line, node });
        }
        entries
    }

    /// The characters staff typed for a plain scalar.
    fn typed(&self, at: &serde_saphyr::Location) -> Option<String> {
        let start = usize::try_from(at.span().byte_offset()?).ok()?;
        let end = start.checked_add(usize::try_from(at.span().byte_len()?).ok()?)?;
        let typed = self.text.get(start..end)?.trim();
        (!typed.is_empty()).then(|| typed.to_owned())
    }
}

/// What the parser saw, before lines are the file's.
enum Raw {
    Nothing,
    Text(String),
    /// A number or truth value, as the parser reads it.
    Plain(String),
    List(Vec<Spanned<Raw>>),
    Table(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Nothing)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Plain(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Plain(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Plain(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Plain(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Raw, A::Error> {
        let mut table = Vec::new();
        while let Some(pair) = pairs.next_entry()? {
            table.push(pair);
        }
        Ok(Raw::Table(table))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> (Option<Node>, Vec<String>) {
        let mut report = Report::new("p.md");
        let node = parse(text, 2, &mut report);
        (node, report.into_findings().iter().map(ToString::to_string).collect())
    }

    fn shown(node: &Node) -> String {
        match &node.value {
            Value::Table(entries) => {
                let inner: Vec<String> =
                    entries.iter().map(|e| format!("{}@{}={}", e.key, e.line, shown(&e.node))).collect();
                format!("{{{}}}", inner.join(" "))
            }
            Value::List(items) => {
                let inner: Vec<String> = items.iter().map(|i| format!("{}@{}", shown(i), i.line)).collect();
                format!("[{}]", inner.join(" "))
            }
            Value::Text(text) => format!("<{text}>"),
            Value::Nothing | Value::Flag(_) | Value::Number(_) | Value::Date(_) => node.value.kind().to_owned(),
        }
    }

    #[test]
    fn unquoted_words_stay_as_staff_typed_them() {
        for (text, expected) in [
            ("at: 2026-11-27 09:00", "{at@2=<2026-11-27 09:00>}"),
            ("at: 2026-11-27T09:00:00-05:00", "{at@2=<2026-11-27T09:00:00-05:00>}"),
            ("at: 2026-11-27 # comment", "{at@2=<2026-11-27>}"),
            ("lang: no", "{lang@2=<no>}"),
            ("evergreen: true", "{evergreen@2=<true>}"),
            ("cw: 007", "{cw@2=<007>}"),
            ("cw: 1.50", "{cw@2=<1.50>}"),
            ("cw: 1_000", "{cw@2=<1_000>}"),
            ("every: Tue 12:00", "{every@2=<Tue 12:00>}"),
            (
                "poll: { options: [1.10, Yes, 12:30], lasts: 1d }",
                "{poll@2={options@2=[<1.10>@2 <Yes>@2 <12:30>@2] lasts@2=<1d>}}",
            ),
            ("cw:", "{cw@2=nothing}"),
            ("cw: \"5\"", "{cw@2=<5>}"),
            ("", "{}"),
            ("# only a comment", "{}"),
        ] {
            let (node, found) = check(text);
            assert_eq!(found, Vec::<String>::new(), "{text}");
            assert_eq!(shown(&node.unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn lines_are_those_of_the_file() {
        let (node, found) =
            check("id: x\n\nmedia:\n  - file: a.png\n    alt: \"A\n      map\"\n  - { file: b.png, alt: ñ 12 }\n");
        assert_eq!(found, Vec::<String>::new());
        assert_eq!(
            shown(&node.unwrap()),
            "{id@2=<x> media@4=[{file@5=<a.png> alt@6=<A map>}@5 {file@8=<b.png> alt@8=<ñ 12>}@8]}"
        );
    }

    #[test]
    fn syntax_errors_and_keys_that_stand_twice_are_found() {
        let (_, found) = check("cw: a\nlang: en\ncw: b\n");
        assert_eq!(found, ["p.md:4: error: `cw` stands twice, first on line 2 — keep one of the two"]);
        for (text, line) in [("at: [1\ncw: x\n", 3), ("id: x\ncw: \"open\n", 4), ("cw: a: b\n", 2), ("- a\ncw: b\n", 3)]
        {
            let (node, found) = check(text);
            assert_eq!(node, None, "{text}");
            assert_eq!(found.len(), 1, "{found:?}");
            let expected = format!("p.md:{line}: error: the lines between the two --- are not YAML: ");
            assert!(found[0].starts_with(&expected), "{found:?}");
        }
    }
}
