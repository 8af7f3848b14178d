//! Characters as Mastodon counts them.
use serde::{Deserialize, Serialize};

/// Stand-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextRules {
    /// x
    pub max_characters: usize,
    /// x
    pub url: UrlCost,
    /// x
    pub cw_counts: bool,
}
/// Stand-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UrlCost {
    /// x
    Fixed(usize),
    /// x
    FullLength,
}
