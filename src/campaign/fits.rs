//! Whether each fact fits into a reply of the usual 500 characters, in each language of the campaign.

use std::collections::BTreeMap;

use super::Replies;
use super::finding::Report;
use crate::core::compose::{ReplyParts, Warning, check_template, reply};
use crate::core::count::TextRules;
use crate::core::fact::FactBook;
use crate::core::ids::{FactId, Lang};

/// As long as a user name on Mastodon can be; the host does not count there.
const ASKER: &str = "thirty_characters_of_user_name@social.example";

/// Warns of facts that would be silent on most servers. `lines` says where each fact begins.
pub(crate) fn check(
    book: &FactBook,
    lines: &BTreeMap<FactId, usize>,
    replies: &Replies,
    languages: &[Lang],
    hashtags: &[String],
    report: &mut Report,
) {
    let Some(default_lang) = languages.first() else {
        return;
    };
    if check_template(&replies.template).is_err() {
        return;
    }
    for fact in &book.facts {
        for lang in languages {
            let parts = ReplyParts {
                template: &replies.template,
                fact,
                book,
                lang,
                default_lang,
                wording: 0,
                asker: ASKER,
                hashtags,
                warning: Warning::none(),
                rules: &TextRules::mastodon(),
            };
            if let Err(why) = reply(&parts) {
                report.warn(
                    lines.get(&fact.id).copied(),
                    format!(
                        "the fact `{}` does not fit into a reply in `{lang}`: {} characters with its source and link, of {}",
                        fact.id, why.needed, why.limit
                    ),
                    format!("shorten it, or add short = {{ {lang} = \"…\" }}"),
                );
            }
        }
    }
}
