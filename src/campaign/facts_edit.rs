//! Adding a fact to `config/facts.toml` and changing one, in the text staff wrote: comments, order and everything that
//! is not asked for stay as they are. Pure: text in, text out; whether the result is a good campaign is
//! [`super::load_as_if`]'s to say.

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, TableLike, Value, value};

/// Where the facts stand, relative to the campaign folder.
pub const FILE: &str = super::facts::FILE;

/// What is to be written of a fact. What is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Its topic.
    pub topic: Option<String>,
    /// Keywords to be there.
    pub keywords: Vec<String>,
    /// Weak keywords to be there.
    pub weak: Vec<String>,
    /// Keywords, weak or not, to be there no more.
    pub dropped: Vec<String>,
    /// Texts by language.
    pub text: Vec<(String, String)>,
    /// Short texts by language.
    pub short: Vec<(String, String)>,
    /// Further wordings by language.
    pub variants: Vec<(String, String)>,
    /// The id of its source.
    pub source: Option<String>,
    /// How old the claim is: `2021`, `2022-07` or `2022-07-18`.
    pub as_of: Option<String>,
    /// From when on it is not said before somebody looked at it again; empty: never.
    pub review_by: Option<String>,
    /// The fact it replaces; empty: none.
    pub supersedes: Option<String>,
    /// The id of its link.
    pub link: Option<String>,
}

/// Why the text cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// It is no TOML.
    #[error("config/facts.toml cannot be read as TOML: mend it first, `watchpost check` says where")]
    NoToml,
    /// `facts` is something else than a list of `[[facts]]`.
    #[error("the facts in config/facts.toml are not written as [[facts]]: change the file by hand")]
    OtherShape,
    /// A fact with this id is there.
    #[error("there is a fact {0:?} already; `watchpost facts edit {0}` changes it")]
    There(String),
    /// No fact has this id.
    #[error("there is no fact {0:?} in config/facts.toml; `watchpost facts list` shows them all")]
    NotThere(String),
    /// A keyword to be dropped is not there.
    #[error("the fact has no keyword {0:?}")]
    NoKeyword(String),
}

/// Adds a fact at the end.
///
/// # Errors
/// [`EditError`].
pub fn add(text: &str, id: &str, change: &Change) -> Result<String, EditError> {
    let mut document: DocumentMut = text.parse().map_err(|_toml| EditError::NoToml)?;
    let facts = document.entry("facts").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    let facts = facts.as_array_of_tables_mut().ok_or(EditError::OtherShape)?;
    if facts.iter().any(|fact| is_called(fact, id)) {
        return Err(EditError::There(id.to_owned()));
    }
    let mut fact = Table::new();
    fact.decor_mut().set_prefix("\n");
    fact.insert("id", value(id));
    // The order of the shipped file, which is the order people read in.
    set(&mut fact, "topic", change.topic.as_deref());
    apply(&mut fact, change)?;
    facts.push(fact);
    Ok(document.to_string())
}

/// Changes a fact where it stands.
///
/// # Errors
/// [`EditError`].
pub fn edit(text: &str, id: &str, change: &Change) -> Result<String, EditError> {
    let mut document: DocumentMut = text.parse().map_err(|_toml| EditError::NoToml)?;
    let missing = || EditError::NotThere(id.to_owned());
    let facts = document.get_mut("facts").ok_or_else(missing)?.as_array_of_tables_mut().ok_or(EditError::OtherShape)?;
    let fact = facts.iter_mut().find(|fact| is_called(fact, id)).ok_or_else(missing)?;
    apply(fact, change)?;
    Ok(document.to_string())
}

fn is_called(fact: &Table, id: &str) -> bool {
    fact.get("id").and_then(Item::as_str) == Some(id)
}

fn apply(fact: &mut Table, change: &Change) -> Result<(), EditError> {
    set(fact, "topic", change.topic.as_deref());
    for word in &change.dropped {
        let dropped = ["keywords", "weak"].into_iter().any(|key| drop_word(fact, key, word));
        if !dropped {
            return Err(EditError::NoKeyword(word.clone()));
        }
    }
    add_words(fact, "keywords", &change.keywords);
    add_words(fact, "weak", &change.weak);
    for (key, texts) in [("text", &change.text), ("short", &change.short)] {
        for (lang, text) in texts {
            if let Some(table) = by_lang(fact, key) {
                put(table, lang, text);
            }
        }
    }
    for (lang, text) in &change.variants {
        if let Some(table) = by_lang(fact, "variants") {
            let list = table.entry(lang).or_insert_with(|| value(Array::new()));
            if let Some(list) = list.as_array_mut() {
                push(list, text);
            }
        }
    }
    set(fact, "source", change.source.as_deref());
    set(fact, "as_of", change.as_of.as_deref());
    set(fact, "review_by", change.review_by.as_deref());
    set(fact, "supersedes", change.supersedes.as_deref());
    set(fact, "link", change.link.as_deref());
    Ok(())
}

/// Sets a key; an empty value takes it away.
fn set(fact: &mut Table, key: &str, wanted: Option<&str>) {
    match wanted {
        None => {}
        Some("") => {
            fact.remove(key);
        }
        Some(wanted) => put(fact, key, wanted),
    }
}

/// Puts a text behind a key; what stands around the old one (a comment at its end) stays.
fn put(table: &mut dyn TableLike, key: &str, wanted: &str) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            let around = old.decor().clone();
            *old = Value::from(wanted);
            *old.decor_mut() = around;
        }
        None => {
            table.insert(key, value(wanted));
        }
    }
}

/// `text.en = …` of a fact: made with dots, as the shipped file writes it, where it is not there.
fn by_lang<'a>(fact: &'a mut Table, key: &str) -> Option<&'a mut dyn TableLike> {
    let item = fact.entry(key).or_insert_with(|| {
        let mut table = Table::new();
        table.set_dotted(true);
        Item::Table(table)
    });
    item.as_table_like_mut()
}

fn add_words(fact: &mut Table, key: &str, words: &[String]) {
    if words.is_empty() {
        return;
    }
    let list = fact.entry(key).or_insert_with(|| value(Array::new()));
    let Some(list) = list.as_array_mut() else { return };
    for word in words {
        if !list.iter().any(|known| known.as_str() == Some(word)) {
            push(list, word);
        }
    }
}

/// Adds to a list in the way it is written: in a list of many lines on a line of its own.
fn push(list: &mut Array, text: &str) {
    let many_lines = list.iter().any(|known| prefix(known).contains('\n'));
    let first = list.is_empty();
    let mut added = Value::from(text);
    added.decor_mut().set_prefix(match (many_lines, first) {
        (true, _) => "\n  ",
        (false, true) => "",
        (false, false) => " ",
    });
    list.push_formatted(added);
}

fn prefix(known: &Value) -> String {
    known.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default().to_owned()
}

/// Takes a word out of a list; a comment above it goes to the next word.
fn drop_word(fact: &mut Table, key: &str, word: &str) -> bool {
    let Some(list) = fact.get_mut(key).and_then(Item::as_array_mut) else { return false };
    let Some(at) = list.iter().position(|known| known.as_str() == Some(word)) else { return false };
    let above = list.get(at).map(prefix).unwrap_or_default();
    list.remove(at);
    if let Some(next) = list.get_mut(at)
        && (above.contains('#') || at == 0)
    {
        next.decor_mut().set_prefix(above);
    }
    if list.is_empty() && key == "weak" {
        fact.remove(key);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE_TEXT: &str = r##"# What we know.
company = ["amazon"]   # any of these

[[sources]]
id = "page"
title.en = "page"
date = "2021"

# ---- Ring ----
[[facts]]
id = "ring"
topic = "ring"          # one of the first column
keywords = [
  # English
  "ring", "doorbell",
  # Spanish
  "timbre",
]
weak = ["bell"]
text.en = "Ring." # checked by two
text.es = "Ring (es)."
source = "page"
as_of = "2021"
link = "pledge"

# The end.
"##;

    fn changed(change: Change) -> String {
        edit(FILE_TEXT, "ring", &change).unwrap()
    }

    #[test]
    fn an_edit_touches_nothing_but_what_was_asked_for() {
        assert_eq!(changed(Change::default()), FILE_TEXT);
        let new_text = Change { text: vec![("en".to_owned(), "Ring works.".to_owned())], ..Change::default() };
        assert_eq!(changed(new_text), FILE_TEXT.replace("\"Ring.\" # checked", "\"Ring works.\" # checked"));
        let date = Change { review_by: Some("2027-01-01".to_owned()), ..Change::default() };
        let with_date = changed(date);
        assert_eq!(
            with_date,
            FILE_TEXT.replace("link = \"pledge\"\n", "link = \"pledge\"\nreview_by = \"2027-01-01\"\n")
        );
        let none = Change { review_by: Some(String::new()), ..Change::default() };
        assert_eq!(edit(&with_date, "ring", &none).unwrap(), FILE_TEXT);
    }

    #[test]
    fn keywords_are_added_and_dropped_in_the_way_they_are_written() {
        let more = Change {
            keywords: vec!["ring camera".to_owned(), "ring".to_owned()],
            weak: vec!["chime".to_owned()],
            ..Change::default()
        };
        let text = changed(more);
        assert!(text.contains("  \"timbre\",\n  \"ring camera\",\n]"), "{text}");
        assert!(text.contains("weak = [\"bell\", \"chime\"]"), "{text}");
        let fewer = Change { dropped: vec!["ring".to_owned(), "timbre".to_owned()], ..Change::default() };
        let text = changed(fewer);
        assert!(text.contains("  # English\n  \"doorbell\""), "{text}");
        assert!(!text.contains("\"timbre\"") && !text.contains("\"ring\","), "{text}");
        let unknown = Change { dropped: vec!["nothing".to_owned()], ..Change::default() };
        assert_eq!(edit(FILE_TEXT, "ring", &unknown), Err(EditError::NoKeyword("nothing".to_owned())));
    }

    #[test]
    fn a_new_fact_stands_at_the_end_and_reads_like_the_others() {
        let change = Change {
            topic: Some("ring".to_owned()),
            keywords: vec!["ring footage".to_owned()],
            text: vec![("en".to_owned(), "Two \"quoted\" words.".to_owned()), ("es".to_owned(), "Dos.".to_owned())],
            variants: vec![("en".to_owned(), "Another.".to_owned())],
            source: Some("page".to_owned()),
            as_of: Some("2022-07".to_owned()),
            link: Some("pledge".to_owned()),
            ..Change::default()
        };
        let text = add(FILE_TEXT, "ring-footage", &change).unwrap();
        assert!(text.starts_with(FILE_TEXT.split("# The end.").next().unwrap().trim_end()), "{text}");
        for line in [
            "[[facts]]\nid = \"ring-footage\"\ntopic = \"ring\"\nkeywords = [\"ring footage\"]\n",
            "text.es = \"Dos.\"\n",
            "variants.en = [\"Another.\"]\n",
            "as_of = \"2022-07\"\n",
        ] {
            assert!(text.contains(line), "{line:?} is not in {text}");
        }
        assert!(text.contains("# The end."));
        assert_eq!(add(&text, "ring-footage", &change), Err(EditError::There("ring-footage".to_owned())));
        assert!(add("", "ring-footage", &change).unwrap().contains("[[facts]]"));
    }

    #[test]
    fn what_cannot_be_changed_is_said() {
        let nothing = Change::default();
        assert_eq!(edit(FILE_TEXT, "rings", &nothing), Err(EditError::NotThere("rings".to_owned())));
        assert_eq!(edit("facts = 7", "ring", &nothing), Err(EditError::OtherShape));
        assert_eq!(add("facts = [", "ring", &nothing), Err(EditError::NoToml));
        let shipped = include_str!("../../config/facts.toml");
        assert_eq!(edit(shipped, "ring-partnerships", &nothing).unwrap(), shipped);
    }
}
