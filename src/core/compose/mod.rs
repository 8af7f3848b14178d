//! The words of a reply, and how they are made to fit the server.
//!
//! Invariants (DESIGN §6): a reply begins with the asker's name and names nobody else; it carries source, date and
//! link however short the server's limit; it holds nothing the asker wrote but their content warning, and where that
//! must stand in the text it can neither name nor link anybody. What staff wrote is trusted and kept as it is.

use std::fmt;

use unicode_segmentation::UnicodeSegmentation;

use crate::core::count::{TextRules, count};
use crate::core::date_words;
use crate::core::fact::{ByLang, Fact, FactBook, Source};
use crate::core::ids::{Lang, SourceId};

mod template;

pub(crate) use template::KNOWN;
#[cfg(test)]
mod tests;

pub use template::{check_template, fill};

/// The asker's content warning, which the answer keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warning<'a> {
    /// Its words, as the asker wrote them; `None` or blank: there is none.
    pub words: Option<&'a str>,
    /// Where the answer shows it.
    pub place: WarningPlace,
}

/// Where a content warning stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarningPlace {
    /// In the field servers have for it.
    Field,
    /// As the first line of the text, on servers that drop the field.
    FirstLine,
}

impl Warning<'_> {
    /// No content warning.
    #[must_use]
    pub fn none() -> Self {
        Self { words: None, place: WarningPlace::Field }
    }
}

/// Everything a reply is made of.
#[derive(Clone, Copy, Debug)]
pub struct ReplyParts<'a> {
    /// `[replies] template`, checked by [`check_template`].
    pub template: &'a str,
    /// What to say.
    pub fact: &'a Fact,
    /// Its sources and links.
    pub book: &'a FactBook,
    /// The language to say it in.
    pub lang: &'a Lang,
    /// The language of what the fact lacks in `lang`.
    pub default_lang: &'a Lang,
    /// Which wording: 0 the text, then the variants in turn; counts round.
    pub wording: usize,
    /// `acct` of the person who asked.
    pub asker: &'a str,
    /// Put at the end, while there is room.
    pub hashtags: &'a [String],
    /// Their content warning.
    pub warning: Warning<'a>,
    /// How the server counts.
    pub rules: &'a TextRules,
}

/// A reply, ready to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The text.
    pub text: String,
    /// What to put in the field for content warnings.
    pub cw: Option<String>,
    /// The language the text is in.
    pub lang: Lang,
    /// The wording used: 0 the fact's text, then its variants. 0 too where there are no wordings.
    pub wording_used: usize,
    /// What was left out to make it fit, in the order it was tried.
    pub shortened: Vec<Shortening>,
}

/// One way a reply was made shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortening {
    /// The hashtags went.
    Hashtags,
    /// The words before the link went.
    Label,
    /// The fact's `short` stands for its text.
    Short,
    /// A shorter wording stands for the one asked for.
    OtherWording,
    /// The content warning was cut.
    Warning,
    /// Not every source is named.
    Sources,
}

/// Even the shortest form is too long for the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoesNotFit {
    /// Characters of the shortest form.
    pub needed: usize,
    /// What the server allows.
    pub limit: usize,
}

impl fmt::Display for DoesNotFit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the shortest form has {} characters and the server allows {}: give the fact a shorter `short`",
            self.needed, self.limit
        )
    }
}

impl std::error::Error for DoesNotFit {}

/// Writes the reply; what is too long loses its hashtags, then the label, then takes `short` (DESIGN §6).
///
/// # Errors
/// When even that does not fit.
pub fn reply(parts: &ReplyParts<'_>) -> Result<Reply, DoesNotFit> {
    let lang = if parts.fact.text.contains_key(parts.lang) {
        parts.lang.clone()
    } else {
        in_lang(&parts.fact.text, &parts.lang.primary(), parts.default_lang)
            .map_or(parts.lang, |(lang, _)| lang)
            .clone()
    };
    let words = |texts: &ByLang<String>| in_lang(texts, &lang, parts.default_lang).map(|(_, text)| text.clone());
    let wordings = wordings(parts.fact, &lang);
    let chosen = if wordings.is_empty() { 0 } else { parts.wording % wordings.len() };
    let mut body = wordings.get(chosen).copied().unwrap_or_default();
    let mut wording_used = chosen;

    let source =
        parts.book.sources.get(&parts.fact.source).map(|source| source_words(source, &lang, parts.default_lang));
    let source = source.unwrap_or_default();
    let as_of = date_words::as_of(parts.fact.as_of, &lang);
    let link = parts.book.links.get(&parts.fact.link);
    let url = link.and_then(|link| words(&link.url)).unwrap_or_default();
    let label = link.and_then(|link| words(&link.label)).filter(|label| !label.is_empty());
    let labelled = label.map_or_else(|| url.clone(), |label| format!("{label}: {url}"));
    let hashtags = parts.hashtags.join(" ");
    let write = |fact: &str, link: &str, hashtags: &str| {
        let slots = [("fact", fact), ("source", &source), ("as_of", &as_of), ("link", link), ("hashtags", hashtags)];
        fill(parts.template, &slots)
    };

    let mut draft = Draft::new(parts.asker, parts.warning, parts.rules);
    let mut shortened = Vec::new();
    draft.write(write(body, &labelled, &hashtags));
    if !draft.fits() && draft.write(write(body, &labelled, "")) {
        shortened.push(Shortening::Hashtags);
    }
    if !draft.fits() && draft.write(write(body, &url, "")) {
        shortened.push(Shortening::Label);
    }
    if !draft.fits()
        && let Some(short) = parts.fact.short.get(&lang)
        && short.len() < body.len()
        && draft.write(write(short, &url, ""))
    {
        shortened.push(Shortening::Short);
        body = short;
    }
    if !draft.fits()
        && let Some((number, shortest)) = wordings.iter().enumerate().min_by_key(|(_, wording)| wording.len())
        && shortest.len() < body.len()
        && draft.write(write(shortest, &url, ""))
    {
        shortened.retain(|step| *step != Shortening::Short);
        shortened.push(Shortening::OtherWording);
        wording_used = number;
    }
    draft.finish(lang, wording_used, shortened)
}

/// A sentence of the bot itself, such as the answer to a command, as the reply it will be. `sentence` is trusted text.
///
/// # Errors
/// When it does not fit the server.
pub fn sentence(
    asker: &str,
    sentence: &str,
    lang: &Lang,
    warning: Warning<'_>,
    rules: &TextRules,
) -> Result<Reply, DoesNotFit> {
    let mut draft = Draft::new(asker, warning, rules);
    draft.write(sentence.trim().to_owned());
    draft.finish(lang.clone(), 0, Vec::new())
}

/// A finished text with a warning in its place again, cut where it must be; `None` when not even that fits.
#[must_use]
pub fn with_warning(text: &str, words: &str, place: WarningPlace, rules: &TextRules) -> Option<Reply> {
    // The text begins with the asker's name already.
    let mut draft = Draft::new("", Warning { words: Some(words), place }, rules);
    draft.write(text.to_owned());
    draft.finish(Lang::new(""), 0, Vec::new()).ok()
}

/// The answer to "source?": publisher, title, date and address of what the facts rest on, each source once, as many
/// as fit. `intro` goes before them while there is room; it may be empty.
///
/// # Errors
/// When not even one source fits.
#[expect(clippy::too_many_arguments, reason = "each is a different kind of thing, and a struct would only rename them")]
pub fn sources_reply(
    asker: &str,
    intro: &str,
    facts: &[&Fact],
    book: &FactBook,
    lang: &Lang,
    default_lang: &Lang,
    warning: Warning<'_>,
    rules: &TextRules,
) -> Result<Reply, DoesNotFit> {
    let mut seen: Vec<&SourceId> = Vec::new();
    for fact in facts {
        if !seen.contains(&&fact.source) {
            seen.push(&fact.source);
        }
    }
    let mut lines: Vec<String> = seen
        .iter()
        .filter_map(|id| book.sources.get(*id))
        .map(|source| {
            let words = source_words(source, lang, default_lang);
            let date = date_words::as_of(source.date, lang);
            match &source.url {
                Some(url) => format!("{words} ({date}): {url}"),
                None => format!("{words} ({date})"),
            }
        })
        .collect();
    let mut draft = Draft::new(asker, warning, rules);
    let mut shortened = Vec::new();
    let text = |lines: &[String]| [&[intro.trim().to_owned()], lines].concat().join("\n").trim().to_owned();
    draft.write(text(&lines));
    while !draft.fits() && lines.len() > 1 {
        lines.pop();
        draft.write(text(&lines));
        shortened = vec![Shortening::Sources];
    }
    if !draft.fits() && !lines.is_empty() {
        draft.write(lines.join("\n"));
    }
    draft.finish(lang.clone(), 0, shortened)
}

/// The wordings of a fact in a language: its text, then its variants.
fn wordings<'a>(fact: &'a Fact, lang: &Lang) -> Vec<&'a str> {
    let variants = fact.variants.get(lang).into_iter().flatten();
    fact.text.get(lang).into_iter().chain(variants).map(String::as_str).collect()
}

/// The text in the language (`es` for `es-MX`), else in the default language, else in any.
fn in_lang<'a, T>(texts: &'a ByLang<T>, lang: &Lang, default_lang: &Lang) -> Option<(&'a Lang, &'a T)> {
    let known = |lang: &Lang| texts.get_key_value(lang);
    known(lang).or_else(|| known(&lang.primary())).or_else(|| known(default_lang)).or_else(|| texts.iter().next())
}

/// The title, with its publisher before it unless the title names it already.
fn source_words(source: &Source, lang: &Lang, default_lang: &Lang) -> String {
    let title = in_lang(&source.title, lang, default_lang).map(|(_, title)| title.trim()).unwrap_or_default();
    match source.publisher.as_deref().map(str::trim) {
        None | Some("") => title.to_owned(),
        Some(publisher) if title.to_lowercase().contains(&publisher.to_lowercase()) => title.to_owned(),
        Some(publisher) => format!("{publisher}, {title}"),
    }
}

/// A reply on its way to fitting: name, warning and text are joined and counted in one place.
struct Draft<'a> {
    handle: String,
    warning: Option<String>,
    place: WarningPlace,
    rules: &'a TextRules,
    body: String,
}

/// A content warning is not cut below this many characters: less would not say what it warns of.
const SHORTEST_WARNING: usize = 12;

impl<'a> Draft<'a> {
    fn new(asker: &str, warning: Warning<'_>, rules: &'a TextRules) -> Self {
        let words = warning.words.map(str::trim).filter(|words| !words.is_empty());
        let warning_words = match warning.place {
            WarningPlace::Field => words.map(str::to_owned),
            WarningPlace::FirstLine => words.map(harmless).filter(|words| !words.is_empty()),
        };
        Self { handle: handle(asker), warning: warning_words, place: warning.place, rules, body: String::new() }
    }

    /// Puts in another text; whether it differs from the one before.
    fn write(&mut self, body: String) -> bool {
        let differs = self.body != body;
        self.body = body;
        differs
    }

    fn text(&self, warning: Option<&str>) -> String {
        let said = if self.handle.is_empty() { self.body.clone() } else { format!("@{} {}", self.handle, self.body) };
        match (self.place, warning) {
            (WarningPlace::FirstLine, Some(warning)) => format!("{warning}\n\n{said}"),
            (WarningPlace::FirstLine, None) | (WarningPlace::Field, _) => said,
        }
    }

    fn field<'w>(&self, warning: Option<&'w str>) -> Option<&'w str> {
        warning.filter(|_| self.place == WarningPlace::Field)
    }

    fn needed(&self, warning: Option<&str>) -> usize {
        count(&self.text(warning), self.field(warning), self.rules)
    }

    fn fits(&self) -> bool {
        self.needed(self.warning.as_deref()) <= self.rules.max_characters
    }

    /// As a last resort cuts the warning: the asker chose its length, and must not be able to silence the answer.
    fn finish(mut self, lang: Lang, wording_used: usize, mut shortened: Vec<Shortening>) -> Result<Reply, DoesNotFit> {
        let limit = self.rules.max_characters;
        let needed = self.needed(self.warning.as_deref());
        if needed > limit {
            let letters = self.warning.as_deref().map_or(0, |warning| warning.graphemes(true).count());
            // One more for the ellipsis.
            let keep = letters.saturating_sub(needed - limit + 1);
            if keep < SHORTEST_WARNING {
                return Err(DoesNotFit { needed, limit });
            }
            let cut = self.warning.as_deref().map(|warning| {
                let start: String = warning.graphemes(true).take(keep).collect();
                format!("{}…", start.trim_end())
            });
            let needed = self.needed(cut.as_deref());
            if needed > limit {
                return Err(DoesNotFit { needed, limit });
            }
            self.warning = cut;
            shortened.push(Shortening::Warning);
        }
        let text = self.text(self.warning.as_deref());
        let cw = self.field(self.warning.as_deref()).map(str::to_owned);
        Ok(Reply { text, cw, lang, wording_used, shortened })
    }
}

/// The asker's name as a mention can hold it: a server that hands out anything else cannot make us name a third.
fn handle(acct: &str) -> String {
    let mut hosts = 0;
    acct.trim_start_matches('@')
        .chars()
        .take_while(|letter| {
            hosts += usize::from(*letter == '@');
            hosts < 2 && (letter.is_alphanumeric() || "_.-@:".contains(*letter))
        })
        .collect()
}

/// A stranger's warning as plain words in one line: it names nobody, tags nothing and links nowhere.
fn harmless(words: &str) -> String {
    let plain: String = words
        .replace("://", " ")
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .filter(|letter| !"@＠#＃".contains(*letter))
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}
