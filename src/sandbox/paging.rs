//! Cursors over lists in growing order, and the `Link` header that carries them on.
//!
//! Mastodon's rules: `min_id` gives the page right after the cursor, `since_id` the newest page above a floor, `max_id`
//! what is below; a page is always newest first.

use super::params::Params;
use super::profile::Links;

/// What of a list is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) max: Option<u64>,
    pub(crate) since: Option<u64>,
    pub(crate) min: Option<u64>,
    pub(crate) limit: usize,
}

impl Cursor {
    /// Reads the parameters; a cursor that is no id is no cursor, a limit of zero is one.
    pub(crate) fn of(params: &Params, default: usize, max: usize, read: impl Fn(&str) -> Option<u64>) -> Self {
        let id = |name: &str| params.text(name).and_then(&read);
        let limit = params.text("limit").and_then(|text| text.parse().ok()).unwrap_or(default).clamp(1, max);
        Self { max: id("max_id"), since: id("since_id"), min: id("min_id"), limit }
    }

    /// One page of `all`, newest first: of the items that pass.
    pub(crate) fn page<'a, T>(&self, all: &'a [T], id: impl Fn(&T) -> u64, passes: impl Fn(&T) -> bool) -> Vec<&'a T> {
        let floor = self.min.or(self.since);
        let from = floor.map_or(0, |floor| all.partition_point(|item| id(item) <= floor));
        let to = self.max.map_or(all.len(), |max| all.partition_point(|item| id(item) < max));
        let within = all.get(from..to.max(from)).unwrap_or_default().iter().filter(|item| passes(item));
        if self.min.is_some() {
            let mut page: Vec<&T> = within.take(self.limit).collect();
            page.reverse();
            page
        } else {
            within.rev().take(self.limit).collect()
        }
    }
}

/// Both ends of a page, as its server writes cursors.
#[derive(Clone, Debug)]
pub(crate) struct Ends {
    /// Id of the newest item.
    pub(crate) newest: String,
    /// Id of the oldest item.
    pub(crate) oldest: String,
    /// Time of the oldest item.
    pub(crate) oldest_at: String,
}

/// The `Link` header for a page, where there is one.
pub(crate) fn link(links: Links, url: &str, kept: &[(String, String)], ends: &Ends, more: More) -> Option<String> {
    let kept: String = kept.iter().map(|(name, value)| format!("{}={}&", encode(name), encode(value))).collect();
    let to = |rel: &str, cursor: &str, value: &str| format!("<{url}?{kept}{cursor}={}>; rel=\"{rel}\"", encode(value));
    let next = match links {
        Links::Both | Links::Next => to("next", "max_id", &ends.oldest),
        Links::OlderThan => to("next", "older_than", &ends.oldest_at),
        Links::Absent => return None,
    };
    let prev = (links == Links::Both).then(|| to("prev", "min_id", &ends.newest));
    let next = (more == More::Perhaps).then_some(next);
    let parts: Vec<String> = next.into_iter().chain(prev).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Whether a further page may exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum More {
    Perhaps,
    No,
}

/// Percent-encodes a parameter's value.
pub(crate) fn encode(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cursor: Cursor, expected: &[u64]) {
        let all = [1_u64, 2, 3, 4, 5, 6];
        let page: Vec<u64> = cursor.page(&all, |id| *id, |id| *id != 4).into_iter().copied().collect();
        assert_eq!(page, expected, "{cursor:?}");
    }

    #[test]
    fn cursors_mean_what_mastodon_means() {
        let two = Cursor { limit: 2, ..Cursor::default() };
        check(two, &[6, 5]);
        check(Cursor { max: Some(5), ..two }, &[3, 2]);
        check(Cursor { since: Some(1), ..two }, &[6, 5]);
        check(Cursor { min: Some(1), ..two }, &[3, 2]);
        check(Cursor { min: Some(2), max: Some(6), ..two }, &[5, 3]);
        check(Cursor { min: Some(6), ..two }, &[]);
        check(Cursor { min: Some(6), max: Some(2), ..two }, &[]);
    }
}
