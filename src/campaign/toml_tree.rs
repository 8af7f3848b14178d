//! TOML text becomes a tree with lines. A syntax error is one finding; then there is no tree.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::finding::Report;
use super::tree::{Entry, Node, Value};

/// Reads a whole file. `None` after a syntax error, which is then in `report`.
pub(crate) fn parse(text: &str, report: &mut Report) -> Option<Node> {
    let lines = Lines::of(text);
    match DeTable::parse(text) {
        Ok(table) => Some(Node { line: 1, value: Value::Table(entries(table.into_inner(), &lines)) }),
        Err(error) => {
            let line = error.span().map(|span| lines.at(span.start));
            report.error(
                line,
                format!("this is not TOML: {}", error.message().trim().replace('\n', ", ")),
                "look for a missing quote, bracket or comma on this line or just above it",
            );
            None
        }
    }
}

fn entries(table: DeTable<'_>, lines: &Lines) -> Vec<Entry> {
    let mut entries: Vec<(usize, Entry)> = table
        .into_iter()
        .map(|(key, value)| {
            let start = key.span().start;
            let line = lines.at(start);
            let mut node = node(value, lines);
            if matches!(node.value, Value::Table(_)) {
                // A table's own span is its header's or, with dotted keys, unset; its key is where staff look.
                node.line = line;
            }
            (start, Entry { key: key.into_inner().into_owned(), line, node })
        })
        .collect();
    // The parser sorts by name; staff read from the top.
    entries.sort_by_key(|(start, _)| *start);
    entries.into_iter().map(|(_, entry)| entry).collect()
}

fn node(value: Spanned<DeValue<'_>>, lines: &Lines) -> Node {
    let line = lines.at(value.span().start);
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => Value::Number(number.to_string()),
        DeValue::Float(number) => Value::Number(number.to_string()),
        DeValue::Boolean(flag) => Value::Flag(flag),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(items) => Value::List(items.into_iter().map(|item| node(item, lines)).collect()),
        DeValue::Table(table) => Value::Table(entries(table, lines)),
    };
    Node { line, value }
}

/// Where each line begins.
#[derive(Debug)]
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect())
    }

    /// The line of a byte, 1 for the first.
    fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|newline| *newline < offset) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> (Option<Node>, Vec<String>) {
        let mut report = Report::new("f.toml");
        let node = parse(text, &mut report);
        (node, report.into_findings().iter().map(ToString::to_string).collect())
    }

    fn lines(node: &Node, path: &str, into: &mut Vec<String>) {
        match &node.value {
            Value::Table(entries) => {
                for entry in entries {
                    let path = format!("{path}{}", entry.key);
                    into.push(format!("{path}@{}", entry.line));
                    lines(&entry.node, &format!("{path}."), into);
                }
            }
            Value::List(items) => {
                for item in items {
                    into.push(format!("{path}-@{}", item.line));
                    lines(item, path, into);
                }
            }
            Value::Nothing | Value::Flag(_) | Value::Number(_) | Value::Text(_) | Value::Date(_) => {}
        }
    }

    #[test]
    fn every_key_and_item_has_the_line_it_stands_on() {
        let text = "# c\n[a]\nz = 1\ntitle.en = \"x\"\ntitle.es = \"y\"\n\n[[b]]\nid = 1\n[[b]]\nid = 2\nlist = [\n  \"one\",\n  { cron = \"x\" },\n]\n";
        let (node, found) = check(text);
        assert_eq!(found, Vec::<String>::new());
        let mut shown = Vec::new();
        lines(&node.unwrap(), "", &mut shown);
        assert_eq!(
            shown,
            [
                "a@2",
                "a.z@3",
                "a.title@4",
                "a.title.en@4",
                "a.title.es@5",
                "b@7",
                "b.-@7",
                "b.id@8",
                "b.-@9",
                "b.id@10",
                "b.list@11",
                "b.list.-@12",
                "b.list.-@13",
                "b.list.cron@13"
            ]
        );
    }

    #[test]
    fn a_syntax_error_is_one_finding_with_its_line() {
        for (text, line) in [("a = 1\nb = \"open\nc = 2\n", 2), ("a = 1\na = 2\n", 2), ("[x\n", 1), ("a 1\n", 1)] {
            let (node, found) = check(text);
            assert_eq!(node, None, "{text}");
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with(&format!("f.toml:{line}: error: this is not TOML: ")), "{found:?}");
        }
    }

    #[test]
    fn windows_line_ends_do_not_move_the_lines() {
        let (node, _) = check("a = 1\r\n\r\nb = 2\r\n");
        let mut shown = Vec::new();
        lines(&node.unwrap(), "", &mut shown);
        assert_eq!(shown, ["a@1", "b@3"]);
    }
}
