//! What an account's followers will see of a post, and whether its server takes it: counted by that server's own rules
//! where they are known, by Mastodon's where not.

use std::fmt::Write as _;

use serde::Serialize;

use crate::campaign::{Account, Campaign};
use crate::core::count::{TextRules, UrlCost, count};
use crate::core::post::{Post, Visibility};
use crate::fedi::Capabilities;
use crate::store::Store;

/// One account's view.
#[derive(Debug, Serialize)]
pub(super) struct View {
    account: String,
    server: String,
    /// Whether the server itself told its limits.
    limits_known: bool,
    /// The most characters a status may have there.
    limit: usize,
    /// What a link counts there, in words, where a text holds one.
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<String>,
    visibility: &'static str,
    lang: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cw: Option<String>,
    parts: Vec<Part>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pictures: Vec<Picture>,
    #[serde(skip_serializing_if = "Option::is_none")]
    poll: Option<Poll>,
    /// What the server would refuse or change, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    troubles: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Part {
    text: String,
    characters: usize,
}

#[derive(Debug, Serialize)]
struct Picture {
    file: String,
    alt: String,
}

#[derive(Debug, Serialize)]
struct Poll {
    options: Vec<String>,
    lasts_seconds: i64,
}

/// What each account of the post shows.
pub(super) async fn views(campaign: &Campaign, store: Option<&Store>, post: &Post) -> anyhow::Result<Vec<View>> {
    let known = match store {
        Some(store) => store.accounts().await?,
        None => Default::default(),
    };
    let speaks = |account: &&Account| post.accounts.is_empty() || post.accounts.contains(&account.name);
    let view = |account: &Account| {
        let told = known.get(&account.name).and_then(|row| row.capabilities.as_deref());
        view(post, account, told.and_then(|json| serde_json::from_str(json).ok()))
    };
    Ok(campaign.accounts.iter().filter(speaks).map(view).collect())
}

fn view(post: &Post, account: &Account, capabilities: Option<Capabilities>) -> View {
    let rules = capabilities.as_ref().map_or_else(TextRules::mastodon, |known| known.rules);
    let (words, lang) = post.words_for(&account.name, account.speaks.as_ref());
    let mut troubles = Vec::new();
    let mut parts = Vec::new();
    for (index, text) in words.iter().enumerate() {
        let characters = count(text, post.cw.as_deref(), &rules);
        if characters > rules.max_characters {
            let over = characters - rules.max_characters;
            troubles.push(format!("part {} is too long by {over}: the server will refuse it", index + 1));
        }
        parts.push(Part { text: text.clone(), characters });
    }
    if let Some(known) = &capabilities {
        if post.media.len() > known.max_media {
            let most = known.max_media;
            troubles.push(format!("{} pictures; the server takes {most} at most", post.media.len()));
        }
        for media in &post.media {
            let length = media.alt.chars().count();
            if let Some(most) = known.max_alt.filter(|most| length > *most) {
                troubles.push(format!("a description has {length} characters; the server takes {most} at most"));
            }
        }
        if post.visibility == Visibility::Unlisted && !known.keeps_unlisted {
            troubles.push("the server shows unlisted posts to everybody".to_owned());
        }
        if post.cw.is_some() && !known.keeps_cw {
            troubles.push("the server drops content warnings".to_owned());
        }
    }
    View {
        account: account.name.to_string(),
        server: account.server.clone(),
        limits_known: capabilities.is_some(),
        limit: rules.max_characters,
        links: words.iter().any(|text| text.contains("://")).then(|| links_word(&rules)),
        visibility: post.visibility.as_str(),
        lang: lang.to_string(),
        cw: post.cw.clone(),
        parts,
        pictures: post
            .media
            .iter()
            .map(|media| Picture { file: media.file.display().to_string(), alt: media.alt.clone() })
            .collect(),
        poll: post.poll.as_ref().map(|poll| Poll { options: poll.options.clone(), lasts_seconds: poll.lasts_seconds }),
        troubles,
    }
}

/// The view as people read it. Accounts that show the same are told together by the caller.
pub(super) fn drawn(view: &View) -> String {
    let mut page = String::new();
    let mut line = |words: &str| {
        // Writing to a String cannot fail.
        writeln!(page, "{words}").ok();
    };
    line(&format!("\n{} on {}, {}, in {}:", view.account, view.server, view.visibility, view.lang));
    if let Some(cw) = &view.cw {
        line(&format!("  warning: {cw}"));
    }
    for (index, part) in view.parts.iter().enumerate() {
        if view.parts.len() > 1 {
            line(&format!("  part {} of {}", index + 1, view.parts.len()));
        }
        for words in part.text.lines() {
            line(format!("  | {words}").trim_end());
        }
        let known = if view.limits_known { "" } else { " (Mastodon's; this server's own limit is not known yet)" };
        let links = view.links.as_ref().map(|links| format!("; {links}")).unwrap_or_default();
        line(&format!("  {} of {} characters{links}{known}", part.characters, view.limit));
    }
    for picture in &view.pictures {
        line(&format!("  picture {}\n    “{}”", picture.file, picture.alt));
    }
    if let Some(poll) = &view.poll {
        line(&format!("  poll, open {} h: {}", poll.lasts_seconds / 3600, poll.options.join(" / ")));
    }
    for trouble in &view.troubles {
        line(&format!("  ! {trouble}"));
    }
    page
}

/// How links count, for whoever writes.
fn links_word(rules: &TextRules) -> String {
    match rules.url {
        UrlCost::Fixed(cost) => format!("a link counts {cost}"),
        UrlCost::FullLength => "a link counts in full".to_owned(),
    }
}
