//! Headers of an answer that say when and how much: `Date`, `Retry-After`, `X-RateLimit-*`, `Link`.
//!
//! Invariants: reading a header never fails, it only finds nothing; no clock is read, so a wait is always computed from
//! the answer's own `Date`. Reset comes as ISO-8601 with fractions (Mastodon), as epoch seconds, or as seconds from now.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use reqwest::header::{DATE, HeaderMap, LINK, RETRY_AFTER};

/// How long to wait when a server says "too much" and nothing else: one of Mastodon's fixed windows.
pub const DEFAULT_WAIT: Duration = Duration::from_secs(300);
/// No wait is longer, whatever a header says: the longest window of any server (300 creates in 3 h).
pub const LONGEST_WAIT: Duration = Duration::from_secs(3 * 3600);
/// Nor shorter, so that a clock that is off does not make us hammer.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// The server's clock, as its answer says it.
pub(super) fn date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

/// How long to wait: Retry-After, else Reset − Date, else 5 min; between 1 s and 3 h.
pub(super) fn wait(headers: &HeaderMap) -> Duration {
    let date = date(headers);
    retry_after(headers, date)
        .or_else(|| until_reset(headers, date))
        .unwrap_or(DEFAULT_WAIT)
        .clamp(SHORTEST_WAIT, LONGEST_WAIT)
}

/// Whether the answer has a Retry-After at all; only then is a 503 a request to wait.
pub(super) fn asks_to_wait(headers: &HeaderMap) -> bool {
    headers.contains_key(RETRY_AFTER)
}

/// Requests of this kind left in the server's window.
pub(super) fn remaining(headers: &HeaderMap) -> Option<u64> {
    headers.get("x-ratelimit-remaining")?.to_str().ok()?.trim().parse().ok()
}

fn retry_after(headers: &HeaderMap, date: Option<DateTime<Utc>>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Some(seconds) = seconds(text) {
        return Some(seconds);
    }
    Some((http_date(text)? - date?).to_std().unwrap_or(Duration::ZERO))
}

fn until_reset(headers: &HeaderMap, date: Option<DateTime<Utc>>) -> Option<Duration> {
    let text = headers.get("x-ratelimit-reset")?.to_str().ok()?.trim();
    let reset = match seconds(text) {
        // Nobody waits thirty years: a number this large is a time.
        Some(number) if number.as_secs() >= 1_000_000_000_000 => {
            DateTime::from_timestamp_millis(i64::try_from(number.as_secs()).ok()?)?
        }
        Some(number) if number.as_secs() >= 1_000_000_000 => {
            DateTime::from_timestamp(i64::try_from(number.as_secs()).ok()?, 0)?
        }
        Some(from_now) => return Some(from_now),
        None => iso(text)?,
    };
    // A reset in the past means the window is over; the clamp in `wait` keeps a second's distance.
    Some((reset - date?).to_std().unwrap_or(Duration::ZERO))
}

fn seconds(text: &str) -> Option<Duration> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) || text.chars().any(|c| !c.is_ascii_digit() && c != '.') {
        return None;
    }
    // A number too large for a duration is still a number: as long as can be.
    Some(Duration::try_from_secs_f64(text.parse().ok()?).unwrap_or(Duration::MAX))
}

/// RFC 3339, and the variants servers write: a blank for the `T`, no zone (UTC is meant).
pub(super) fn iso(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.with_timezone(&Utc));
    }
    ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f %#z", "%Y-%m-%d %H:%M:%S%.f %Z"]
        .into_iter()
        .find_map(|format| DateTime::parse_from_str(text, format).ok())
        .map(|time| time.with_timezone(&Utc))
        .or_else(|| {
            ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.fZ", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f UTC"]
                .into_iter()
                .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
                .map(|time| time.and_utc())
        })
}

fn http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text.trim()).ok().map(|time| time.with_timezone(&Utc))
}

/// Where the next, older page is, as far as the `Link` header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NextLink {
    /// No `Link` at all: the server may still page by `max_id`.
    Silent,
    /// A `Link` without `rel=next`: this was the last page.
    Last,
    /// The address as given; whoever follows it checks the host.
    Next(String),
}

/// Reads every `Link` header.
pub(super) fn next_link(headers: &HeaderMap) -> NextLink {
    let mut found = NextLink::Silent;
    for text in headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()) {
        found = NextLink::Last;
        // An address holds no `<`, so each link begins at one; commas inside addresses then do no harm.
        for link in text.split('<').skip(1) {
            let Some((address, parameters)) = link.split_once('>') else { continue };
            let is_next =
                parameters.split(';').filter_map(|parameter| parameter.split_once('=')).any(|(name, value)| {
                    let value = value.trim().trim_end_matches(',').trim().trim_matches('"');
                    name.trim().eq_ignore_ascii_case("rel")
                        && value.split_whitespace().any(|rel| rel.eq_ignore_ascii_case("next"))
                });
            if is_next {
                return NextLink::Next(address.trim().to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    const NOW: &str = "Sun, 22 Nov 2026 10:00:00 GMT";

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    fn check(pairs: &[(&str, &str)], expected_seconds: u64) {
        assert_eq!(wait(&headers(pairs)).as_secs(), expected_seconds, "{pairs:?}");
    }

    #[test]
    fn a_wait_is_read_from_every_form_servers_use() {
        check(&[], 300);
        check(&[("date", NOW)], 300);
        check(&[("retry-after", "17")], 17);
        check(&[("retry-after", "0")], 1);
        check(&[("retry-after", "1.5")], 1);
        check(&[("retry-after", "Sun, 22 Nov 2026 10:02:00 GMT"), ("date", NOW)], 120);
        check(&[("retry-after", "Sun, 22 Nov 2026 09:00:00 GMT"), ("date", NOW)], 1);
        check(&[("retry-after", "Sun, 22 Nov 2026 10:02:00 GMT")], 300);
        check(&[("retry-after", "soon")], 300);
        check(&[("retry-after", "-5")], 300);
        check(&[("x-ratelimit-reset", "2026-11-22T10:05:30.123456Z"), ("date", NOW)], 330);
        check(&[("x-ratelimit-reset", "2026-11-22T11:05:30.123+01:00"), ("date", NOW)], 330);
        check(&[("x-ratelimit-reset", "2026-11-22 10:05:30 UTC"), ("date", NOW)], 330);
        check(&[("x-ratelimit-reset", "2026-11-22T10:05:30.123456Z")], 300);
        check(&[("x-ratelimit-reset", "1795341660"), ("date", NOW)], 60);
        check(&[("x-ratelimit-reset", "1795341660000"), ("date", NOW)], 60);
        check(&[("x-ratelimit-reset", "1795341660.75"), ("date", NOW)], 60);
        check(&[("x-ratelimit-reset", "45")], 45);
        check(&[("x-ratelimit-reset", "2020-01-01T00:00:00Z"), ("date", NOW)], 1);
        check(&[("x-ratelimit-reset", "2030-01-01T00:00:00Z"), ("date", NOW)], 3 * 3600);
        check(&[("x-ratelimit-reset", "nonsense"), ("date", NOW)], 300);
        check(&[("retry-after", "7"), ("x-ratelimit-reset", "45")], 7);
        check(&[("retry-after", "99999999999999999999999999")], 3 * 3600);
    }

    #[test]
    fn the_servers_clock_and_allowance_are_read() {
        let found = headers(&[("date", NOW), ("x-ratelimit-remaining", "299")]);
        assert_eq!(date(&found).unwrap().timestamp(), 1_795_341_600);
        assert_eq!(remaining(&found), Some(299));
        assert_eq!(date(&headers(&[("date", "yesterday")])), None);
        assert_eq!(remaining(&headers(&[("x-ratelimit-remaining", "many")])), None);
    }

    #[test]
    fn the_next_page_is_found_among_links() {
        let next = |text: &str| next_link(&headers(&[("link", text)]));
        let found = NextLink::Next("https://a.example/n?types[]=mention,x&max_id=3".to_owned());
        assert_eq!(next_link(&HeaderMap::new()), NextLink::Silent);
        assert_eq!(
            next(
                r#"<https://a.example/n?types[]=mention,x&max_id=3>; rel="next", <https://a.example/n?min_id=9>; rel="prev""#
            ),
            found
        );
        assert_eq!(
            next(r#"<https://a.example/p>; rel="prev",<https://a.example/n?types[]=mention,x&max_id=3>;rel=next"#),
            found
        );
        assert_eq!(next(r#"<https://a.example/p>; rel="prev""#), NextLink::Last);
        assert_eq!(next("<broken"), NextLink::Last);
        assert_eq!(next(""), NextLink::Last);
    }

    #[test]
    fn times_of_every_server_are_read() {
        for text in [
            "2026-11-22T10:00:00.000Z",
            "2026-11-22T10:00:00Z",
            "2026-11-22T10:00:00+00:00",
            "2026-11-22T10:00:00",
            "2026-11-22T10:00:00.123456",
            "2026-11-22 10:00:00",
            "2026-11-22 10:00:00 UTC",
            "2026-11-22T10:00:00+0000",
        ] {
            assert_eq!(iso(text).map(|time| time.timestamp()), Some(1_795_341_600), "{text}");
        }
        for text in ["", "yesterday", "0", "2026-13-01T00:00:00Z"] {
            assert_eq!(iso(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_header_makes_reading_panic(text in "[ -~]{0,40}|[0-9.]{0,40}|(<[ -~]{0,20}>[;, ]?(rel=\"?[a-z]{0,5}\"?)?){0,3}") {
            let found = headers(&[("date", NOW), ("retry-after", &text), ("x-ratelimit-reset", &text), ("link", &text), ("x-ratelimit-remaining", &text)]);
            let waited = wait(&found);
            proptest::prop_assert!((SHORTEST_WAIT..=LONGEST_WAIT).contains(&waited));
            let _read = (next_link(&found), remaining(&found), iso(&text), http_date(&text));
        }
    }
}
