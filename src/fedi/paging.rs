//! From page to page of any list, newest first, by the server's own cursor.
//!
//! A cursor leads to our own host and to the same path only, whatever a server's link says: the token goes nowhere
//! else. Where a walk ends is not known here.

use reqwest::Url;

use crate::fedi::headers::NextLink;
use crate::fedi::{Fedi, address};

/// The address of the newest page of the list at `path`, of at most `limit` items.
pub(super) fn first(fedi: &Fedi, path: &str, limit: usize) -> Url {
    with(fedi.at(path), "limit", &limit.to_string())
}

/// The cursor to the next, older page of the list at `path`.
pub(super) fn older(fedi: &Fedi, path: &str, link: &NextLink, last: Option<String>) -> Option<String> {
    match link {
        NextLink::Next(link) if own_page(fedi, path, link).is_some() => Some(link.clone()),
        // A link to elsewhere is not followed; the id of the last item serves most servers as well.
        NextLink::Next(_) | NextLink::Silent => last,
        NextLink::Last => None,
    }
}

/// The address a cursor of [`older`] leads to: always the server's own, whatever the cursor says.
pub(super) fn page(fedi: &Fedi, path: &str, cursor: &str, limit: usize) -> Url {
    let url = own_page(fedi, path, cursor).unwrap_or_else(|| with(fedi.at(path), "max_id", cursor));
    with(without(url, "limit"), "limit", &limit.to_string())
}

/// A link repeats the limit of the page it came with; the next page has its own.
fn without(mut url: Url, name: &str) -> Url {
    let kept: Vec<(String, String)> = url.query_pairs().filter(|(key, _)| key != name).map(owned).collect();
    url.query_pairs_mut().clear().extend_pairs(kept);
    url
}

fn owned((key, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)) -> (String, String) {
    (key.into_owned(), value.into_owned())
}

/// A link's query on our own scheme, host and port, if the link is to this path of our host. A server behind a proxy
/// may write `http://` or another port into its links.
fn own_page(fedi: &Fedi, path: &str, link: &str) -> Option<Url> {
    if !link.contains("://") && !link.starts_with('/') {
        return None;
    }
    let named = fedi.base.join(link).ok()?;
    if !address::same_host(&fedi.base, &named) {
        return None;
    }
    let mut url = fedi.at(path);
    if named.path().trim_end_matches('/') != url.path().trim_end_matches('/') || named.query().is_none() {
        return None;
    }
    url.set_query(named.query());
    Some(url)
}

/// Adds a parameter that does not stand there yet.
pub(super) fn with(mut url: Url, name: &str, value: &str) -> Url {
    if !url.query_pairs().any(|(known, _)| known == name) {
        url.query_pairs_mut().append_pair(name, value);
    }
    url
}
