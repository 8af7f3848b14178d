//! Characters as Mastodon counts them.
use serde::{Deserialize, Serialize};

/// Stand-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextRules {
    /// x
    pub max_characters: usize,
    /// x
    pub url: UrlCost,
    /// x
    pub cw_counts: bool,
    /// x
    pub mentions: MentionCost,
}
/// Stand-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UrlCost {
    /// x
    Fixed(usize),
    /// x
    FullLength,
}
/// Stand-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MentionCost {
    /// x
    LocalPart,
    /// x
    Full,
}
impl TextRules {
    /// x
    #[must_use]
    pub fn careful(max_characters: usize) -> Self {
        Self { max_characters, url: UrlCost::FullLength, cw_counts: true, mentions: MentionCost::Full }
    }
}
