//! Reading fields out of servers' JSON without ever failing: a field that is absent, null or of another type is not there.
//!
//! Invariants: text from here holds no NUL (PostgreSQL stores none); ids may be numbers or strings and come out as text.
//! Lists are cut into items before any item is read, so one malformed item spoils only itself.

use serde_json::Value;
use serde_json::value::RawValue;

/// A whole answer as one value.
pub(super) fn parse(body: &[u8]) -> Option<Value> {
    value(decode(body).trim_start_matches('\u{feff}'))
}

/// A text as one value. Servers written in JavaScript escape half an emoji where a text was cut within one: no JSON
/// parser of ours takes it, and what else it says must not be lost.
pub(super) fn value(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().or_else(|| serde_json::from_str(&without_halves(text)?).ok())
}

/// The text with escaped halves of a pair replaced by the sign for what cannot be read; `None` when there are none.
fn without_halves(text: &str) -> Option<String> {
    let unit = |from: usize| {
        let digits = text.get(from..from + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let (mut mended, mut at, mut found) = (String::with_capacity(text.len()), 0, false);
    while let Some(letter) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let length = match (letter, unit(at)) {
            ('\\', Some(0xD800..=0xDBFF)) if matches!(unit(at + 6), Some(0xDC00..=0xDFFF)) => 12,
            ('\\', Some(0xD800..=0xDFFF)) => {
                found = true;
                mended.push_str("\\ufffd");
                at += 6;
                continue;
            }
            // Another escape: its second sign is no beginning of one.
            ('\\', _) => 1 + text.get(at + 1..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8),
            (letter, _) => letter.len_utf8(),
        };
        mended.push_str(text.get(at..at + length).unwrap_or_default());
        at += length;
    }
    found.then_some(mended)
}

/// The items of a list, still unread; `None` when the answer is no list.
pub(super) fn items(body: &[u8]) -> Option<Vec<Box<RawValue>>> {
    serde_json::from_str(decode(body).trim_start_matches('\u{feff}')).ok()
}

/// One item of a list.
pub(super) fn item(raw: &RawValue) -> Option<Value> {
    value(raw.get())
}

fn decode(body: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(body)
}

/// A text that is there and not blank.
pub(super) fn text(value: &Value, key: &str) -> Option<String> {
    let text = value.get(key)?.as_str()?;
    if text.trim().is_empty() { None } else { Some(without_nul(text)) }
}

/// A text that is there, blank or not.
pub(super) fn any_text(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(without_nul)
}

fn without_nul(text: &str) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text.to_owned() }
}

/// An id, as text; never blank.
pub(super) fn id(value: &Value, key: &str) -> Option<String> {
    match value.get(key)? {
        Value::String(_) => text(value, key),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whether a field is `true`; anything else is no.
pub(super) fn is_true(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or(false)
}

/// A count, as a number or as digits in a string.
pub(super) fn count(value: &Value, key: &str) -> Option<u64> {
    match value.get(key)? {
        Value::Number(number) => number.as_u64(),
        Value::String(digits) => digits.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A list inside a value; empty when it is not there.
pub(super) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn half_an_emoji_hides_nothing_else() {
        let cut = r#"{"a":"ring \ud83d video \\ud83d","b":"\ud83d\ude00","c":"\ude00\n"}"#;
        let read = value(cut).unwrap();
        assert_eq!(read, json!({ "a": "ring \u{fffd} video \\ud83d", "b": "😀", "c": "\u{fffd}\n" }));
        assert_eq!(value("{\"a\":\"\\ud8"), None);
    }

    #[test]
    fn fields_of_another_type_are_not_there() {
        let odd = json!({ "n": 12_345_678_901_234_567_890_u64, "s": "x\u{0}y", "b": "  ", "t": true, "z": null, "d": "7", "o": {} });
        assert_eq!(id(&odd, "n").as_deref(), Some("12345678901234567890"));
        assert_eq!(text(&odd, "s").as_deref(), Some("xy"));
        for key in ["b", "t", "z", "o", "absent"] {
            assert_eq!(text(&odd, key), None, "{key}");
            assert_eq!(id(&odd, key), None, "{key}");
        }
        assert_eq!(any_text(&odd, "b").as_deref(), Some("  "));
        assert_eq!(count(&odd, "d"), Some(7));
        assert!(is_true(&odd, "t") && !is_true(&odd, "s"));
        assert!(list(&odd, "o").is_empty());
    }

    #[test]
    fn one_malformed_item_spoils_only_itself() {
        let deep = format!("{}{}", "[".repeat(300), "]".repeat(300));
        let body = format!(r#"[{{"id":"1"}}, {deep}, {{"id":"\ud800"}}, 1e999, {{"id":"2"}}]"#);
        let ids: Vec<_> =
            items(body.as_bytes()).unwrap().iter().map(|raw| item(raw).and_then(|value| id(&value, "id"))).collect();
        assert_eq!(ids, [Some("1".to_owned()), None, Some("\u{fffd}".to_owned()), None, Some("2".to_owned())]);
    }

    #[test]
    fn an_answer_that_is_no_list_has_no_items() {
        for body in ["", "{}", "null", "<html>", "[{]"] {
            assert!(items(body.as_bytes()).is_none(), "{body}");
        }
        assert!(items(b"\xef\xbb\xbf[]").unwrap().is_empty());
        assert_eq!(items(b"[\"\xff\"]").unwrap().len(), 1);
    }
}
