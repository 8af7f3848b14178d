//! Dates in a reply's language, no more precise than they were written.
//!
//! Month names come from the locale data of `chrono`; here stands only how a language puts the parts together.
//! A language not listed gets the ISO form, which everybody can read and nobody misreads.

use chrono::{Locale, NaiveDate};

use crate::core::fact::AsOf;
use crate::core::ids::Lang;

/// How a language writes a month and a day, in `strftime` letters.
struct Pattern {
    locale: Locale,
    month: &'static str,
    day: &'static str,
}

fn pattern(lang: &Lang) -> Option<Pattern> {
    let plain = |locale| Pattern { locale, month: "%B %Y", day: "%-d %B %Y" };
    let dotted = |locale| Pattern { locale, month: "%B %Y", day: "%-d. %B %Y" };
    let with_de = |locale| Pattern { locale, month: "%B de %Y", day: "%-d de %B de %Y" };
    match lang.primary().as_str() {
        "en" => Some(plain(Locale::en_US)),
        "es" => Some(with_de(Locale::es_ES)),
        "pt" => Some(with_de(Locale::pt_PT)),
        "gl" => Some(with_de(Locale::gl_ES)),
        "fr" => Some(plain(Locale::fr_FR)),
        "it" => Some(plain(Locale::it_IT)),
        "nl" => Some(plain(Locale::nl_NL)),
        "sv" => Some(plain(Locale::sv_SE)),
        "tr" => Some(plain(Locale::tr_TR)),
        "id" => Some(plain(Locale::id_ID)),
        "ht" => Some(plain(Locale::ht_HT)),
        "de" => Some(dotted(Locale::de_DE)),
        "da" => Some(dotted(Locale::da_DK)),
        "nb" | "no" => Some(dotted(Locale::nb_NO)),
        _ => None,
    }
}

/// `2021`, `July 2022`, `18 de julio de 2022`: as precise as the date was written, in the language.
#[must_use]
pub fn as_of(date: AsOf, lang: &Lang) -> String {
    match date {
        AsOf::Year(year) => year.to_string(),
        AsOf::Month(year, month) => match (NaiveDate::from_ymd_opt(year, month, 1), pattern(lang)) {
            (Some(first), Some(pattern)) => first.format_localized(pattern.month, pattern.locale).to_string(),
            (Some(_) | None, _) => format!("{year}-{month:02}"),
        },
        AsOf::Day(day) => match pattern(lang) {
            Some(pattern) => day.format_localized(pattern.day, pattern.locale).to_string(),
            None => day.format("%Y-%m-%d").to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(date: AsOf, lang: &str, expected: &str) {
        assert_eq!(as_of(date, &Lang::from(lang)), expected, "{date:?} in {lang}");
    }

    #[test]
    fn a_date_is_as_precise_as_it_was_written_in_every_language() {
        let day = AsOf::Day(NaiveDate::from_ymd_opt(2022, 7, 18).unwrap());
        check(AsOf::Year(2021), "en", "2021");
        check(AsOf::Year(2021), "xx", "2021");
        check(AsOf::Month(2022, 7), "en", "July 2022");
        check(day, "en", "18 July 2022");
        check(AsOf::Month(2022, 7), "es", "julio de 2022");
        check(day, "es", "18 de julio de 2022");
        check(day, "es-MX", "18 de julio de 2022");
        check(day, "pt_BR", "18 de julho de 2022");
        check(day, "fr", "18 juillet 2022");
        check(day, "de", "18. Juli 2022");
        check(AsOf::Month(2022, 3), "de", "März 2022");
    }

    #[test]
    fn a_language_without_a_pattern_gets_the_iso_form() {
        check(AsOf::Month(2022, 7), "ja", "2022-07");
        check(AsOf::Day(NaiveDate::from_ymd_opt(2022, 7, 8).unwrap()), "tlh", "2022-07-08");
    }

    #[test]
    fn every_month_of_the_campaigns_languages_has_a_name() {
        for lang in ["en", "es", "pt", "gl", "fr", "it", "nl", "sv", "tr", "id", "ht", "de", "da", "nb"] {
            for month in 1..=12 {
                let words = as_of(AsOf::Month(2022, month), &Lang::from(lang));
                assert!(words.starts_with(char::is_alphabetic), "{lang} {month}: {words}");
            }
        }
    }
}
