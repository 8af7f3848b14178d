//! The columns a spreadsheet of posts may have. What they are called is [`super::words`]'s.

/// One kind of column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Column {
    Id,
    Status,
    At,
    Date,
    Time,
    Zone,
    Every,
    Evergreen,
    From,
    Until,
    Times,
    Skip,
    Cooldown,
    Slot,
    Priority,
    Expires,
    Late,
    Accounts,
    Lang,
    Text,
    Cw,
    Visibility,
    Topic,
    Facts,
    Media,
    Alt,
    Poll,
    PollLasts,
    Author,
    Variant,
    VariantAccounts,
    VariantLang,
}

impl Column {
    /// In the order an exported file has them.
    pub(crate) const ALL: [Column; 32] = [
        Column::Id,
        Column::Status,
        Column::At,
        Column::Date,
        Column::Time,
        Column::Zone,
        Column::Every,
        Column::Evergreen,
        Column::From,
        Column::Until,
        Column::Times,
        Column::Skip,
        Column::Cooldown,
        Column::Slot,
        Column::Priority,
        Column::Expires,
        Column::Late,
        Column::Accounts,
        Column::Lang,
        Column::Text,
        Column::Cw,
        Column::Visibility,
        Column::Topic,
        Column::Facts,
        Column::Media,
        Column::Alt,
        Column::Poll,
        Column::PollLasts,
        Column::Author,
        Column::Variant,
        Column::VariantAccounts,
        Column::VariantLang,
    ];

    /// Its key in `config/columns.toml`; for most also the key in a post file.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Column::Id => "id",
            Column::Status => "status",
            Column::At => "at",
            Column::Date => "date",
            Column::Time => "time",
            Column::Zone => "zone",
            Column::Every => "every",
            Column::Evergreen => "evergreen",
            Column::From => "from",
            Column::Until => "until",
            Column::Times => "times",
            Column::Skip => "skip",
            Column::Cooldown => "cooldown",
            Column::Slot => "slot",
            Column::Priority => "priority",
            Column::Expires => "expires",
            Column::Late => "late",
            Column::Accounts => "accounts",
            Column::Lang => "lang",
            Column::Text => "text",
            Column::Cw => "cw",
            Column::Visibility => "visibility",
            Column::Topic => "topic",
            Column::Facts => "facts",
            Column::Media => "media",
            Column::Alt => "alt",
            Column::Poll => "poll",
            Column::PollLasts => "poll_lasts",
            Column::Author => "author",
            Column::Variant => "variant",
            Column::VariantAccounts => "variant_accounts",
            Column::VariantLang => "variant_lang",
        }
    }

    /// Whether its cells are texts that followers read or that may begin and end with spaces: never trimmed.
    pub(super) fn is_prose(self) -> bool {
        matches!(
            self,
            Column::Text | Column::Cw | Column::Alt | Column::Poll | Column::Variant | Column::Author | Column::Media
        )
    }

    /// Whether its cells are dates.
    pub(super) fn is_date(self) -> bool {
        matches!(
            self,
            Column::At | Column::Date | Column::From | Column::Until | Column::Skip | Column::Slot | Column::Expires
        )
    }

    /// Whether a file may have several of them, told apart by numbers.
    pub(super) fn may_be_several(self) -> bool {
        matches!(
            self,
            Column::Text
                | Column::Media
                | Column::Alt
                | Column::Poll
                | Column::Variant
                | Column::VariantAccounts
                | Column::VariantLang
        )
    }
}

/// The letters a spreadsheet program shows above a column; `place` 0 is `A`.
pub(crate) fn letters(place: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = place + 1;
    while rest > 0 {
        let digit = u8::try_from((rest - 1) % 26).unwrap_or_default();
        letters.push(char::from(b'A' + digit));
        rest = (rest - 1) / 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_the_letters_spreadsheets_show() {
        for (place, expected) in [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ"), (702, "AAA")] {
            assert_eq!(letters(place), expected);
        }
    }
}
