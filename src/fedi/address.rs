//! Which address a token may go to: the server's own host, and the streaming host its instance document names.
//!
//! Invariants: plain `http`/`ws` only to loopback; a streaming address is the server's own host, a host below it, or
//! what staff set as `streaming` on the account (DESIGN §8). It knows nothing of requests.

use reqwest::Url;

use crate::fedi::errors::FediError;

/// The path every Mastodon-compatible server streams under.
const STREAMING_PATH: &str = "/api/v1/streaming";

/// Reads the `server` of an account: `https://host[:port]`, or `http://` for loopback. Nothing else may stand in it.
pub(super) fn server(text: &str) -> Result<Url, FediError> {
    let problem = |problem: &'static str| FediError::Address { address: text.trim().to_owned(), problem };
    let url = Url::parse(text.trim())
        .map_err(|_unreadable| problem("is not an address; write it like \"https://social.example\""))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(FediError::Address {
            address: "server".to_owned(),
            problem: "holds a name or password before the @; write only \"https://host\"",
        });
    }
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err(problem("is not encrypted; write https:// (http:// is only for this machine itself)")),
        _ => return Err(problem("must start with https://")),
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(problem("names no host; write it like \"https://social.example\""));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(problem("has something after the host; write only \"https://host\""));
    }
    Ok(url)
}

/// Whether `url` points at this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>() {
        return address.is_loopback();
    }
    let host = host.trim_end_matches('.');
    host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost")
}

/// Whether both name the same host; port and scheme aside.
pub(super) fn same_host(one: &Url, other: &Url) -> bool {
    match (one.host_str(), other.host_str()) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        _ => false,
    }
}

/// Whether both name the same scheme, host and port: where a GET may be redirected with its token.
pub(super) fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && same_host(one, other)
        && one.port_or_known_default() == other.port_or_known_default()
}

/// The streaming address on the server's own host.
pub(super) fn own_streaming(server: &Url) -> Url {
    with_streaming_path(with_scheme(server, if server.scheme() == "http" { "ws" } else { "wss" }))
}

/// The streaming address an instance document names, if a token may go there; otherwise why not.
///
/// An address on the server's own host and port takes the server's own scheme: GoToSocial on a plain loopback host
/// advertises `wss://` (SERVERS.md §3, rule 8).
pub(super) fn advertised_streaming(server: &Url, advertised: &str) -> Result<Url, &'static str> {
    let url = stream_url(advertised).ok_or("it is not an address")?;
    if same_host(server, &url) && server.port() == url.port() {
        return Ok(own_streaming(server));
    }
    if is_loopback(server) {
        return if is_loopback(&url) { Ok(url) } else { Err("it is on another machine") };
    }
    if url.scheme() != "wss" {
        return Err("it is not encrypted");
    }
    let (Some(own), Some(other)) = (server.host_str(), url.host_str()) else { return Err("it names no host") };
    let below = other.to_ascii_lowercase().ends_with(&format!(".{}", own.to_ascii_lowercase()));
    if below || same_host(server, &url) { Ok(url) } else { Err("it is not below the server's own host") }
}

/// The address staff set as `streaming` on the account: any host over `wss`, `ws` only where both are loopback.
pub(super) fn configured_streaming(server: &Url, configured: &str) -> Result<Url, FediError> {
    let problem = |problem: &'static str| FediError::Address { address: configured.to_owned(), problem };
    let url = stream_url(configured)
        .ok_or_else(|| problem("is not a streaming address; write it like \"wss://streaming.social.example\""))?;
    if url.scheme() == "wss" || (is_loopback(server) && is_loopback(&url)) {
        Ok(url)
    } else {
        Err(problem("is not encrypted; write wss:// (ws:// is only for this machine itself)"))
    }
}

fn stream_url(text: &str) -> Option<Url> {
    let url = Url::parse(text.trim()).ok()?;
    if url.host_str().is_none_or(str::is_empty) || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    let scheme = match url.scheme() {
        "wss" | "https" => "wss",
        "ws" | "http" => "ws",
        _ => return None,
    };
    Some(with_streaming_path(with_scheme(&url, scheme)))
}

/// `Url::set_scheme` refuses to go from `https` to `wss` in no case we use, but says so with a result.
fn with_scheme(url: &Url, scheme: &str) -> Url {
    let mut changed = url.clone();
    if changed.set_scheme(scheme).is_err() {
        return url.clone();
    }
    changed
}

fn with_streaming_path(mut url: Url) -> Url {
    let base = url.path().trim_end_matches('/').trim_end_matches(STREAMING_PATH).to_owned();
    url.set_path(&format!("{base}{STREAMING_PATH}"));
    url.set_query(None);
    url.set_fragment(None);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(server_text: &str, advertised: &str, expected: Option<&str>) {
        let server = server(server_text).unwrap();
        let found = advertised_streaming(&server, advertised);
        assert_eq!(found.as_ref().map(Url::as_str).ok(), expected, "{server_text} naming {advertised}: {found:?}");
    }

    #[test]
    fn a_token_goes_only_to_the_own_host_or_one_below_it() {
        let own = Some("wss://social.example/api/v1/streaming");
        check("https://social.example", "wss://social.example", own);
        check("https://social.example/", "wss://social.example/", own);
        check("https://social.example", "wss://SOCIAL.example/api/v1/streaming", own);
        check("https://social.example", "https://social.example", own);
        check("https://social.example", "ws://social.example", own);
        check("https://social.example", "wss://a.social.example", Some("wss://a.social.example/api/v1/streaming"));
        check(
            "https://social.example",
            "wss://social.example:4000",
            Some("wss://social.example:4000/api/v1/streaming"),
        );
        check("https://social.example", "ws://a.social.example", None);
        check("https://social.example", "wss://evilsocial.example", None);
        check("https://social.example", "wss://other.example", None);
        check("https://social.example", "wss://name@social.example", None);
        check("https://social.example", "wss://127.0.0.1", None);
        check("https://social.example", "not an address", None);
        check("https://social.example", "", None);
    }

    #[test]
    fn loopback_streams_without_encryption() {
        check("http://127.0.0.1:3000", "ws://127.0.0.1:4000", Some("ws://127.0.0.1:4000/api/v1/streaming"));
        check("http://localhost:3000", "wss://localhost:3000", Some("ws://localhost:3000/api/v1/streaming"));
        check("http://127.0.0.1:3000", "wss://social.example", None);
    }

    #[test]
    fn only_encrypted_bare_hosts_are_servers() {
        for good in [
            "https://social.example",
            " https://social.example/ ",
            "http://127.0.0.1:8080",
            "http://[::1]:80",
            "http://localhost:3000",
            "https://social.example:8443",
        ] {
            assert!(server(good).is_ok(), "{good}");
        }
        for bad in [
            "http://social.example",
            "social.example",
            "ftp://social.example",
            "https://",
            "https://a@social.example",
            "https://social.example/path",
            "https://social.example/?q",
            "",
            "http://127.0.0.1.social.example",
        ] {
            assert!(server(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn staff_may_name_any_encrypted_streaming_host() {
        let server = server("https://social.example").unwrap();
        assert!(configured_streaming(&server, "wss://elsewhere.example").is_ok());
        assert!(configured_streaming(&server, "ws://elsewhere.example").is_err());
        assert!(configured_streaming(&server, "ws://127.0.0.1:4000").is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_advertised_address_leads_a_token_astray(text in "(wss?|https?)?(://)?[a-z.@:/#?\\\\-]{0,30}(social\\.example)?[a-z.@:/0-9]{0,12}") {
            let server = server("https://social.example").unwrap();
            if let Ok(url) = advertised_streaming(&server, &text) {
                let host = url.host_str().unwrap();
                proptest::prop_assert!(url.scheme() == "wss" && (host == "social.example" || host.ends_with(".social.example")), "{}", url);
            }
        }
    }
}
