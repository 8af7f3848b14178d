//! Texts in several languages: `text = { en = "…", es = "…" }` or `text.en = "…"`.

use super::finding::{Report, did_you_mean};
use super::tree::{Entry, Node, Section, Value, text, texts};
use super::words;
use crate::core::fact::ByLang;
use crate::core::ids::Lang;

/// One text for each language.
pub(crate) fn sentences(node: &Node, key: &str, languages: &[Lang], report: &mut Report) -> ByLang<String> {
    each(node, key, languages, report, |entry, report| {
        text(&entry.node, &format!("{key}.{}", entry.key), report).map(|written| written.text)
    })
}

/// One list of texts for each language.
pub(crate) fn lists(node: &Node, key: &str, languages: &[Lang], report: &mut Report) -> ByLang<Vec<String>> {
    each(node, key, languages, report, |entry, report| {
        let list = texts(&entry.node, &format!("{key}.{}", entry.key), report);
        Some(list.into_iter().map(|written| written.text).collect())
    })
}

/// A text, or one for each language; a text alone is said in every language.
pub(crate) fn sentence_or_each(node: &Node, key: &str, languages: &[Lang], report: &mut Report) -> ByLang<String> {
    if matches!(node.value, Value::Table(_)) {
        return sentences(node, key, languages, report);
    }
    let Some(written) = text(node, key, report) else {
        return ByLang::new();
    };
    languages.iter().map(|lang| (lang.clone(), written.text.clone())).collect()
}

/// Reads one entry as a language; `languages` empty: not judged.
pub(crate) fn language_of(entry: &Entry, languages: &[Lang], report: &mut Report) -> Option<Lang> {
    let lang = match words::language(&entry.key) {
        Ok(lang) => lang,
        Err(why) => {
            let hint = did_you_mean(&entry.key, languages.iter().map(Lang::as_str));
            report.error(entry.line, why.message, if hint.is_empty() { why.hint.to_owned() } else { hint });
            return None;
        }
    };
    if !languages.is_empty() && !languages.iter().any(|known| known.primary() == lang.primary()) {
        report.warn(
            entry.line,
            format!("`{lang}` is not a language of this campaign: nobody will see this text"),
            "add it to languages in config/watchpost.toml, or remove it here",
        );
    }
    Some(lang)
}

fn each<T>(
    node: &Node,
    key: &str,
    languages: &[Lang],
    report: &mut Report,
    read: impl Fn(&Entry, &mut Report) -> Option<T>,
) -> ByLang<T> {
    let mut by_lang = ByLang::new();
    if matches!(node.value, Value::Text(_)) {
        let first = languages.first().map_or("en", Lang::as_str);
        report.error(node.line, format!("`{key}` needs its language"), format!("write {key} = {{ {first} = \"…\" }}"));
        return by_lang;
    }
    let Some(section) = Section::open(node, format!("`{key}`"), report) else {
        return by_lang;
    };
    for entry in section.entries() {
        if let Some(lang) = language_of(entry, languages, report)
            && let Some(value) = read(entry, report)
        {
            by_lang.insert(lang, value);
        }
    }
    by_lang
}

/// The campaign's languages in which `by_lang` says nothing.
pub(crate) fn missing<T>(by_lang: &ByLang<T>, languages: &[Lang]) -> Vec<String> {
    languages
        .iter()
        .filter(|lang| !by_lang.keys().any(|known| known.primary() == lang.primary()))
        .map(ToString::to_string)
        .collect()
}

/// Tells which languages `node`, read as `by_lang`, lacks: the first is an error, because everything falls back to it;
/// others are warnings. A value that is no table has had its finding already.
pub(crate) fn tell_missing<T>(by_lang: &ByLang<T>, what: &str, node: &Node, languages: &[Lang], report: &mut Report) {
    if !matches!(node.value, Value::Table(_)) {
        return;
    }
    for lang in missing(by_lang, languages) {
        let first = languages.first().is_some_and(|first| first.as_str() == lang);
        let message = format!("{what} has no text in `{lang}`");
        if first {
            report.error(node.line, message, "the campaign's first language is what everything falls back to");
        } else {
            report.warn(node.line, message, "people who write in it get the first language instead");
        }
    }
}
