//! Stand-in until the real reader lands.
use crate::core::mention::MentionText;
/// Stand-in.
pub struct HtmlText {
    /// x
    pub text: MentionText,
    /// x
    pub mentions_in_text: Vec<String>,
    /// x
    pub leading_names: Vec<String>,
}
/// Stand-in.
pub fn read(html: &str) -> HtmlText {
    let own = plain(html);
    let mut leading = Vec::new();
    let mut in_run = true;
    let mut all = Vec::new();
    for word in own.split_whitespace() {
        match word.strip_prefix('@') {
            Some(name) => {
                all.push(name.to_owned());
                if in_run {
                    leading.push(name.to_owned());
                }
            }
            None => in_run = false,
        }
    }
    let own = own.split_whitespace().filter(|w| !w.starts_with('@')).collect::<Vec<_>>().join(" ");
    HtmlText { text: MentionText { own, quoted: String::new() }, mentions_in_text: all, leading_names: leading }
}
/// Stand-in.
pub fn plain(html: &str) -> String {
    let html = html.replace("<br>", "\n").replace("<br/>", "\n");
    scraper::Html::parse_fragment(&html).root_element().text().collect()
}
