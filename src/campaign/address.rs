//! Addresses staff write: servers, streams, links; and which of them are placeholders.
//!
//! Reserved hosts (`.example`, `.test`, `.invalid`, RFC 2606) are placeholders: nothing that holds one is ever
//! published to a server that is not loopback (DESIGN §4).

use reqwest::Url;

use super::words::Misread;

const SERVER_HINT: &str = "write the address of the server alone: https://social.example";

/// The origin of a server, `https://host[:port]`; plain http only for loopback.
pub(crate) fn server(written: &str) -> Result<String, Misread> {
    let url = parse(written, SERVER_HINT)?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => {
            return Err(misread(
                format!("`{written}` would send the token unprotected"),
                "write https:// (plain http:// is for a server on this computer only)",
            ));
        }
        _ => {
            return Err(misread(format!("`{written}` is not the address of a server"), SERVER_HINT));
        }
    }
    if !url.username().is_empty() || url.password().is_some() {
        // The address itself is not shown: it holds a password.
        return Err(misread("a server's address must not hold a user name or password".to_owned(), SERVER_HINT));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(misread(format!("`{written}` says more than the server"), SERVER_HINT));
    }
    no_port_0(&url, written)?;
    Ok(url.origin().ascii_serialization())
}

fn no_port_0(url: &Url, written: &str) -> Result<(), Misread> {
    match url.port() {
        Some(0) => Err(misread(
            format!("`{written}` names port 0, where no server listens"),
            "leave the port out, or write the one the server listens on",
        )),
        Some(_) | None => Ok(()),
    }
}

/// The address of a streaming host, `wss://host[:port][/path]`; plain ws only for loopback.
pub(crate) fn streaming(written: &str) -> Result<String, Misread> {
    const HINT: &str = "write wss:// and the streaming host, or leave the line out: the server says it itself";
    let url = parse(written, HINT)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(misread("a streaming address must not hold a user name or password".to_owned(), HINT));
    }
    no_port_0(&url, written)?;
    match url.scheme() {
        "wss" => Ok(written.trim().trim_end_matches('/').to_owned()),
        "ws" if is_loopback(&url) => Ok(written.trim().trim_end_matches('/').to_owned()),
        _ => Err(misread(format!("`{written}` is not the address of a stream"), HINT)),
    }
}

/// A page people can open: http or https.
pub(crate) fn link(written: &str) -> Result<(), Misread> {
    const HINT: &str = "write the whole address, beginning with https://";
    let url = parse(written, HINT)?;
    let blank = written.contains(char::is_whitespace);
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() || blank {
        return Err(misread(format!("`{written}` is not an address people can open"), HINT));
    }
    Ok(())
}

fn parse(written: &str, hint: &'static str) -> Result<Url, Misread> {
    match Url::parse(written.trim()) {
        Ok(url) if url.has_host() => Ok(url),
        // What cannot be parsed may still hold a password before its `@`.
        Ok(_) | Err(_) if written.contains('@') => Err(misread("this is not an address".to_owned(), hint)),
        Ok(_) | Err(_) => Err(misread(format!("`{written}` is not an address"), hint)),
    }
}

fn misread(message: String, hint: &'static str) -> Misread {
    Misread { message, hint }
}

/// Whether this address names this computer.
fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let bare = host.trim_matches(['[', ']']);
    bare.parse::<std::net::IpAddr>()
        .map_or_else(|_| bare == "localhost" || bare.ends_with(".localhost"), |address| address.is_loopback())
}

/// Whether a host is reserved for examples and tests.
#[must_use]
pub(crate) fn is_placeholder_host(host: &str) -> bool {
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    ["example", "test", "invalid"].iter().any(|reserved| last.eq_ignore_ascii_case(reserved))
}

/// The first link of a text whose host is a placeholder.
#[must_use]
pub(crate) fn placeholder_link(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let mut starts: Vec<usize> = lower.match_indices("https://").map(|(at, _)| at).collect();
    starts.extend(lower.match_indices("http://").map(|(at, _)| at));
    starts.sort_unstable();
    starts.into_iter().find_map(|at| {
        let rest = text.get(at..)?;
        let link = rest.split(|c: char| c.is_whitespace() || "\"<>”»)".contains(c)).next()?;
        let link = link.trim_end_matches(['.', ',', ';', ':', '!', '?', '…']);
        let host = Url::parse(link).ok()?.host_str()?.to_owned();
        is_placeholder_host(&host).then(|| link.to_owned())
    })
}

/// Whether a server's address (an origin) is a placeholder.
pub(crate) fn is_placeholder_server(origin: &str) -> bool {
    Url::parse(origin).ok().and_then(|url| url.host_str().map(is_placeholder_host)).unwrap_or_default()
}

/// Whether a PostgreSQL address names a database; `None`: it cannot be read.
pub(super) fn names_a_database(url: &str) -> Option<bool> {
    let parsed = reqwest::Url::parse(url).ok()?;
    Some(parsed.path().len() > 1 || parsed.query_pairs().any(|(key, _)| key == "dbname"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_origin_and_plain_http_is_for_this_computer() {
        for (written, origin) in [
            ("https://social.example", "https://social.example"),
            ("https://Social.Example/", "https://social.example"),
            ("https://social.example:8443", "https://social.example:8443"),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://[::1]:3000", "http://[::1]:3000"),
        ] {
            assert_eq!(server(written), Ok(origin.to_owned()));
        }
        for (written, message) in [
            ("social.example", "`social.example` is not an address"),
            ("http://social.example", "`http://social.example` would send the token unprotected"),
            ("ftp://social.example", "`ftp://social.example` is not the address of a server"),
            ("https://social.example/@eyes", "`https://social.example/@eyes` says more than the server"),
            ("https://social.example?x=1", "`https://social.example?x=1` says more than the server"),
            ("https://eyes:secret@social.example", "a server's address must not hold a user name or password"),
            ("eyes@social.example", "this is not an address"),
        ] {
            assert_eq!(server(written).unwrap_err().message, message);
        }
    }

    #[test]
    fn a_stream_is_wss_except_on_this_computer() {
        assert_eq!(streaming("wss://streaming.social.example/"), Ok("wss://streaming.social.example".to_owned()));
        assert!(streaming("ws://127.0.0.1:4000").is_ok());
        for bad in ["ws://social.example", "https://social.example", "wss://a:b@social.example", "streaming"] {
            assert!(streaming(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn reserved_hosts_are_placeholders_wherever_they_stand_in_a_text() {
        for (text, found) in [
            ("Sign: https://pledge.example/a.", Some("https://pledge.example/a")),
            ("Sign (HTTP://PLEDGE.TEST) now", Some("HTTP://PLEDGE.TEST")),
            ("https://real.org then https://x.invalid:8443/p?q", Some("https://x.invalid:8443/p?q")),
            ("https://example.org/a.test", None),
            ("write to a.example", None),
        ] {
            assert_eq!(placeholder_link(text).as_deref(), found, "{text}");
        }
    }

    #[test]
    fn a_link_is_a_whole_web_address() {
        assert_eq!(link("https://pledge.example/"), Ok(()));
        for bad in ["pledge.example", "mailto:a@b.example", "https://", "https://a b.example/"] {
            assert!(link(bad).is_err(), "{bad}");
        }
    }
}
