//! What a settings file says, with the line of everything: one tree for TOML files and YAML front matter, and the
//! walker that reads it.
//!
//! The walker never stops at the first mistake: each wrong value is one finding, the rest is read on. It knows nothing
//! of what the keys mean. A mistyped key is found by [`Section::finish`], which every reader calls last.

use super::finding::{Report, did_you_mean};

/// A value and the line it begins on (1 is the first line of the file).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) value: Value,
}

/// A value as written. YAML gives only `Nothing`, `Text`, `List` and `Table`: there a key's reader decides what an
/// unquoted word means, so that `lang: no` stays Norwegian and `at: 2026-11-27 09:00` stays what staff typed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// A key without a value.
    Nothing,
    Flag(bool),
    /// As written.
    Number(String),
    Text(String),
    /// A TOML date or time, as written.
    Date(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// One `key = value` of a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) line: usize,
    pub(crate) node: Node,
}

impl Value {
    /// What it is, in words for staff.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Value::Nothing => "nothing",
            Value::Flag(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::Date(_) => "a date",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}

/// A table being read.
#[derive(Debug)]
pub(crate) struct Section<'t> {
    name: String,
    /// The line it begins on.
    pub(crate) line: usize,
    entries: &'t [Entry],
    known: Vec<&'static str>,
}

impl<'t> Section<'t> {
    /// Reads `node` as a table; `name` is what messages call it, such as ``[campaign]`` or `a post`.
    pub(crate) fn open(node: &'t Node, name: impl Into<String>, report: &mut Report) -> Option<Self> {
        let name = name.into();
        match &node.value {
            Value::Table(entries) => Some(Self { name, line: node.line, entries, known: Vec::new() }),
            Value::Nothing | Value::Flag(_) | Value::Number(_) | Value::Text(_) | Value::Date(_) | Value::List(_) => {
                report.error(node.line, format!("{name} must be a table of keys, not {}", node.value.kind()), "");
                None
            }
        }
    }

    /// All entries, for tables whose keys are names staff choose (languages, topics).
    pub(crate) fn entries(&self) -> &'t [Entry] {
        self.entries
    }

    /// The value of `key`, which is from now on known. A key without a value is a finding.
    pub(crate) fn take(&mut self, key: &'static str, report: &mut Report) -> Option<&'t Node> {
        self.known.push(key);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        if entry.node.value == Value::Nothing {
            report.error(entry.line, format!("`{key}` has no value"), "write one, or leave the line out");
            return None;
        }
        Some(&entry.node)
    }

    /// Whether `key` is written here at all.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// The line of `key`, or of the table.
    pub(crate) fn line_of(&self, key: &str) -> usize {
        self.entries.iter().find(|entry| entry.key == key).map_or(self.line, |entry| entry.line)
    }

    /// A text that is not blank.
    pub(crate) fn text(&mut self, key: &'static str, report: &mut Report) -> Option<Written> {
        let node = self.take(key, report)?;
        text(node, key, report)
    }

    /// A text that must be there.
    pub(crate) fn required(&mut self, key: &'static str, report: &mut Report) -> Option<Written> {
        if !self.has(key) {
            report.error(self.line, format!("{} has no `{key}`", self.name), format!("add a line `{key} = \"…\"`"));
        }
        self.text(key, report)
    }

    /// `true` or `false`.
    pub(crate) fn flag(&mut self, key: &'static str, report: &mut Report) -> Option<bool> {
        let node = self.take(key, report)?;
        let word = match &node.value {
            Value::Flag(flag) => return Some(*flag),
            Value::Text(word) => word.to_ascii_lowercase(),
            Value::Nothing | Value::Number(_) | Value::Date(_) | Value::List(_) | Value::Table(_) => String::new(),
        };
        match word.as_str() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            _ => {
                report.error(node.line, format!("`{key}` must be true or false, not {}", node.value.kind()), "");
                None
            }
        }
    }

    /// A list of texts; one text alone counts as a list of one.
    pub(crate) fn texts(&mut self, key: &'static str, report: &mut Report) -> Option<Vec<Written>> {
        let node = self.take(key, report)?;
        Some(texts(node, key, report))
    }

    /// Reports every key nobody took.
    pub(crate) fn finish(self, report: &mut Report) {
        for entry in self.entries {
            if !self.known.contains(&entry.key.as_str()) {
                report.error(
                    entry.line,
                    format!("`{}` is not a key of {}", entry.key, self.name),
                    did_you_mean(&entry.key, self.known.iter().copied()),
                );
            }
        }
    }
}

/// A text and its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// `node` as a text that is not blank.
pub(crate) fn text(node: &Node, key: &str, report: &mut Report) -> Option<Written> {
    let text = match &node.value {
        Value::Text(text) => text,
        Value::Nothing | Value::Flag(_) | Value::Number(_) | Value::Date(_) | Value::List(_) | Value::Table(_) => {
            let hint = match &node.value {
                Value::Number(shown) | Value::Date(shown) => {
                    format!("put it in quotes: \"{shown}\"")
                }
                Value::Nothing | Value::Flag(_) | Value::Text(_) | Value::List(_) | Value::Table(_) => String::new(),
            };
            report.error(node.line, format!("`{key}` must be a text, not {}", node.value.kind()), hint);
            return None;
        }
    };
    if text.trim().is_empty() {
        report.error(node.line, format!("`{key}` is empty"), "write something, or leave the line out");
        return None;
    }
    Some(Written { text: text.clone(), line: node.line })
}

/// `node` as a list of texts; one text alone counts as a list of one.
pub(crate) fn texts(node: &Node, key: &str, report: &mut Report) -> Vec<Written> {
    match &node.value {
        Value::List(items) => items.iter().filter_map(|item| text(item, key, report)).collect(),
        Value::Text(_) => text(node, key, report).into_iter().collect(),
        Value::Nothing | Value::Flag(_) | Value::Number(_) | Value::Date(_) | Value::Table(_) => {
            report.error(
                node.line,
                format!("`{key}` must be a list of texts, not {}", node.value.kind()),
                "write it as [\"one\", \"two\"]",
            );
            Vec::new()
        }
    }
}

/// `node` as a list of tables, such as `[[accounts]]`.
pub(crate) fn tables<'t>(node: &'t Node, name: &str, report: &mut Report) -> Vec<Section<'t>> {
    match &node.value {
        Value::List(items) => items.iter().filter_map(|item| Section::open(item, name, report)).collect(),
        Value::Nothing | Value::Flag(_) | Value::Number(_) | Value::Text(_) | Value::Date(_) | Value::Table(_) => {
            let bare = name.trim_matches(['[', ']']);
            report.error(
                node.line,
                format!("{name} must be a list of tables, not {}", node.value.kind()),
                format!("begin each with a line [[{bare}]]"),
            );
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::toml_tree;
    use super::*;

    fn check(text: &str, read: impl FnOnce(&mut Section<'_>, &mut Report)) -> Vec<String> {
        let mut report = Report::new("f.toml");
        let node = toml_tree::parse(text, &mut report).unwrap();
        let mut section = Section::open(&node, "[x]", &mut report).unwrap();
        read(&mut section, &mut report);
        section.finish(&mut report);
        report.into_findings().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_mistake_of_a_table_is_found_at_once_with_its_line() {
        let found = check("naem = \"a\"\nflag = \"perhaps\"\n\nlist = 3\nblank = \" \"\n", |section, report| {
            assert_eq!(section.required("name", report), None);
            assert_eq!(section.flag("flag", report), None);
            assert_eq!(section.texts("list", report), Some(vec![]));
            assert_eq!(section.text("blank", report), None);
        });
        assert_eq!(
            found,
            [
                "f.toml:1: error: [x] has no `name` — add a line `name = \"…\"`",
                "f.toml:1: error: `naem` is not a key of [x] — did you mean `name`?",
                "f.toml:2: error: `flag` must be true or false, not a text",
                "f.toml:4: error: `list` must be a list of texts, not a number — write it as [\"one\", \"two\"]",
                "f.toml:5: error: `blank` is empty — write something, or leave the line out",
            ]
        );
    }

    #[test]
    fn a_number_where_a_text_belongs_is_told_to_wear_quotes() {
        let found = check("date = 2021\n", |section, report| {
            assert_eq!(section.text("date", report), None);
        });
        assert_eq!(found, ["f.toml:1: error: `date` must be a text, not a number — put it in quotes: \"2021\""]);
    }
}
