//! What a server can do, read from its instance document and its nodeinfo; stored once a day.
//!
//! Order: `/api/v2/instance`, else `/api/v1/instance`, else defaults (500 characters, 4 attachments). Every field is
//! optional. What documents do not say (does it honour a key, does it keep `unlisted`) is known by the software's name
//! and comes from SERVERS.md §2 and §3. A server nobody has heard of is taken to ignore keys: read-back then does the work.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::core::count::{MentionCost, TextRules, UrlCost};
use crate::fedi::errors::FediError;
use crate::fedi::{Fedi, address, http, json};

/// Mastodon's own limit, and the guess where a server says nothing.
const DEFAULT_CHARACTERS: usize = 500;
/// What a URL counts on Mastodon, however long it is.
const DEFAULT_URL: usize = 23;
/// Attachments on one status, where a server says nothing.
const DEFAULT_MEDIA: usize = 4;

/// What one server can do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Capabilities {
    /// The software's nodeinfo name in lower case (`mastodon`, `gotosocial`); empty when it cannot be told.
    pub software: String,
    /// Its version, as it says it.
    pub version: String,
    /// How long a text may be, and how it counts.
    pub rules: TextRules,
    /// Attachments on one status.
    pub max_media: usize,
    /// Characters of an attachment's description.
    pub max_alt: Option<usize>,
    /// The types of files it takes; empty when it does not say.
    pub media_types: Vec<String>,
    /// Bytes of a picture.
    pub max_image_bytes: Option<u64>,
    /// Its limits for polls.
    pub polls: PollRules,
    /// The streaming address its instance document names, once it passed the rule of DESIGN §8; `None`: its own host is tried.
    pub streaming: Option<String>,
    /// A streaming address it names that a token may not go to, with the reason; staff may set `streaming` on the account.
    pub streaming_refused: Option<String>,
    /// `unlisted` stays unlisted. Where not, a quiet-public reply is sent as direct.
    pub keeps_unlisted: bool,
    /// A content warning stays. Where not, it goes into the text as first line.
    pub keeps_cw: bool,
    /// Direct statuses stand in the account's own list. Where not, they are looked for in the parent's context.
    pub lists_directs: bool,
    /// It takes `allowed_mentions` (Mastodon from 4.2, its pull request 18350).
    pub knows_allowed_mentions: bool,
    /// A reply of an emoji and nothing else becomes a reaction there, not a status (the children of Misskey).
    #[serde(default)]
    pub reacts_to_emoji: bool,
    /// What it does with an Idempotency-Key.
    pub key: KeyClass,
}

/// Limits for polls; each `None` when the server does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollRules {
    /// Answers.
    pub max_options: Option<u64>,
    /// Characters of one answer.
    pub max_option_characters: Option<u64>,
    /// Shortest time open, in seconds.
    pub min_seconds: Option<u64>,
    /// Longest time open, in seconds.
    pub max_seconds: Option<u64>,
}

/// What a server does with an Idempotency-Key it has seen (SERVERS.md §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyClass {
    /// Kept for all its processes: the same key answers with the same status for this many seconds after success.
    Shared {
        /// Seconds.
        window: u64,
    },
    /// Kept in memory only: lost when it restarts.
    Memory {
        /// Seconds.
        window: u64,
    },
    /// Kept with *any* answer, errors too: after a refusal the same key repeats the refusal (Pleroma family), or is
    /// answered 408 (Iceshrimp.NET).
    ReplaysAnswers {
        /// Seconds.
        window: u64,
    },
    /// A seen key is answered 400 (Pixelfed); the key is stored before validation.
    Refusing,
    /// Ignored, or not known to be honoured: every POST makes a status.
    Ignored,
}

impl KeyClass {
    /// How long after an attempt a resend with the same key cannot make a second status; `None`: never sure.
    #[must_use]
    pub fn safe_for(self) -> Option<Duration> {
        match self {
            KeyClass::Shared { window } => Some(Duration::from_secs(window)),
            KeyClass::Memory { .. } | KeyClass::ReplaysAnswers { .. } | KeyClass::Refusing | KeyClass::Ignored => None,
        }
    }
}

impl Capabilities {
    /// What is assumed of a server whose instance document cannot be read.
    #[must_use]
    pub fn defaults() -> Capabilities {
        Capabilities {
            software: String::new(),
            version: String::new(),
            rules: TextRules::careful(DEFAULT_CHARACTERS),
            max_media: DEFAULT_MEDIA,
            max_alt: None,
            media_types: Vec::new(),
            max_image_bytes: None,
            polls: PollRules::default(),
            streaming: None,
            streaming_refused: None,
            keeps_unlisted: true,
            keeps_cw: true,
            lists_directs: true,
            knows_allowed_mentions: false,
            reacts_to_emoji: false,
            key: KeyClass::Ignored,
        }
    }
}

impl Fedi {
    /// Asks the server what it can do: v2, then v1, then defaults; nodeinfo for the software.
    ///
    /// # Errors
    /// Only when the server cannot be reached or asks us to wait: stored capabilities are better than defaults then.
    /// A server that answers, whatever it answers, gives capabilities.
    pub async fn capabilities(&self) -> Result<Capabilities, FediError> {
        let mut instance = None;
        for path in ["/api/v2/instance", "/api/v1/instance"] {
            match self.get(self.at(path)).await {
                Ok(answer) => instance = json::parse(&answer.body).filter(Value::is_object),
                Err(
                    error @ (FediError::Unreachable { .. }
                    | FediError::TimedOut { .. }
                    | FediError::Broken { .. }
                    | FediError::Throttled { .. }),
                ) => return Err(error),
                Err(
                    FediError::Address { .. }
                    | FediError::Denied { .. }
                    | FediError::Missing { .. }
                    | FediError::Refused { .. }
                    | FediError::Trouble { .. }
                    | FediError::TooLong { .. }
                    | FediError::Unreadable { .. },
                ) => {}
            }
            if instance.is_some() {
                break;
            }
        }
        let nodeinfo = self.nodeinfo().await;
        let mut found = read(&instance.clone().unwrap_or(Value::Null), nodeinfo.as_ref());
        if let Some(advertised) = instance.as_ref().and_then(advertised_streaming) {
            match address::advertised_streaming(&self.base, &advertised) {
                Ok(url) => found.streaming = Some(url.into()),
                Err(why) => found.streaming_refused = Some(format!("{advertised}: {why}")),
            }
        }
        Ok(found)
    }

    /// The nodeinfo document, if the server has one on its own host. No token goes with it; any trouble is "none".
    async fn nodeinfo(&self) -> Option<Value> {
        let index = http::get(&self.http, self.at("/.well-known/nodeinfo"), None).await.ok()?;
        let index = json::parse(&index.body)?;
        // The last one named is the newest schema; `software` reads alike in all of them.
        let href = json::list(&index, "links")
            .iter()
            .filter(|link| {
                json::text(link, "rel").is_some_and(|rel| rel.contains("nodeinfo.diaspora.software/ns/schema/"))
            })
            .filter_map(|link| json::text(link, "href"))
            .next_back()?;
        let named = self.base.join(&href).ok().filter(|url| address::same_host(&self.base, url))?;
        let mut url = self.at(named.path());
        url.set_query(named.query());
        let answer = http::get(&self.http, url, None).await.ok().filter(|answer| answer.status == 200)?;
        json::parse(&answer.body)
    }
}

/// `configuration.urls.streaming` (v2) or `urls.streaming_api` (v1); Friendica's empty one is none.
fn advertised_streaming(instance: &Value) -> Option<String> {
    let v2 = instance.pointer("/configuration/urls").and_then(|urls| json::text(urls, "streaming"));
    v2.or_else(|| instance.get("urls").and_then(|urls| json::text(urls, "streaming_api")))
}

/// Reads both documents; either may be anything.
fn read(instance: &Value, nodeinfo: Option<&Value>) -> Capabilities {
    let (software, version) = software(instance, nodeinfo);
    let family = Family::of(&software);
    let nothing = Value::Null;
    let part = |name: &str| instance.pointer(&format!("/configuration/{name}")).unwrap_or(&nothing);
    let (statuses, media, polls) = (part("statuses"), part("media_attachments"), part("polls"));
    let size = |value: Option<u64>| value.and_then(|number| usize::try_from(number).ok()).filter(|number| *number > 0);
    let max_characters = size(json::count(statuses, "max_characters"))
        .or_else(|| size(json::count(instance, "max_toot_chars")))
        .unwrap_or(DEFAULT_CHARACTERS);
    let rules = if family == Family::Mastodon {
        let url = UrlCost::Fixed(size(json::count(statuses, "characters_reserved_per_url")).unwrap_or(DEFAULT_URL));
        TextRules { max_characters, url, cw_counts: true, mentions: MentionCost::LocalPart }
    } else {
        // Off Mastodon the document says 23 and the full length is charged (SERVERS.md §3, rule 7).
        TextRules::careful(max_characters)
    };
    Capabilities {
        rules,
        max_media: size(json::count(statuses, "max_media_attachments"))
            .or_else(|| size(json::count(instance, "max_media_attachments")))
            .unwrap_or(DEFAULT_MEDIA),
        max_alt: size(json::count(media, "description_limit")),
        media_types: json::list(media, "supported_mime_types")
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        max_image_bytes: json::count(media, "image_size_limit").filter(|bytes| *bytes > 0),
        polls: PollRules {
            max_options: json::count(polls, "max_options"),
            max_option_characters: json::count(polls, "max_characters_per_option"),
            min_seconds: json::count(polls, "min_expiration"),
            max_seconds: json::count(polls, "max_expiration"),
        },
        keeps_unlisted: family != Family::Mitra,
        keeps_cw: family != Family::Mitra,
        lists_directs: !matches!(family, Family::Takahe | Family::Snac),
        knows_allowed_mentions: family == Family::Mastodon && at_least(&version, 4, 2),
        reacts_to_emoji: family == Family::Misskey,
        key: family.key(),
        software,
        version,
        ..Capabilities::defaults()
    }
}

/// Nodeinfo's words, else the "compatible" note many put into the instance's version, else the source's address.
fn software(instance: &Value, nodeinfo: Option<&Value>) -> (String, String) {
    if let Some(software) = nodeinfo.and_then(|info| info.get("software"))
        && let Some(name) = json::text(software, "name")
    {
        return (name.trim().to_lowercase(), json::text(software, "version").unwrap_or_default());
    }
    let version = json::text(instance, "version").unwrap_or_default();
    // "2.7.2 (compatible; Pleroma 2.6.0)", "4.2.1 (compatible; Iceshrimp.NET/2025.1)",
    // "3.0.0 (compatible; Sharkey 2025.4.2; like Akkoma)"
    if let Some((_, inner)) = version.split_once("(compatible;") {
        let named = inner.trim_end_matches(')').split(';').next().unwrap_or_default().trim();
        let (name, version) = named.split_once([' ', '/']).unwrap_or((named, ""));
        return (name.to_lowercase(), version.trim().to_owned());
    }
    let source = json::text(instance, "source_url").unwrap_or_default().to_lowercase();
    for name in ["gotosocial", "glitch-soc", "mastodon", "takahe", "hollo", "mitra", "snac"] {
        if source.contains(name) {
            return (name.to_owned(), version);
        }
    }
    (String::new(), version)
}

/// Whether `version` ("4.2.0-beta1+glitch", "v4.10") is at least `major.minor`.
fn at_least(version: &str, major: u64, minor: u64) -> bool {
    let mut numbers = version.trim_start_matches('v').split(['.', '-', '+', ' ']).map(str::parse::<u64>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(found_major)), Some(Ok(found_minor))) => (found_major, found_minor) >= (major, minor),
        _ => false,
    }
}

/// Servers that behave alike in what their documents do not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Mastodon,
    Pleroma,
    Pixelfed,
    Hollo,
    Mitra,
    Iceshrimp,
    Misskey,
    Takahe,
    Snac,
    Unknown,
}

impl Family {
    fn of(software: &str) -> Family {
        match software {
            "mastodon" | "glitch-soc" | "hometown" | "kmyblue" | "fedibird" | "ecko" => Family::Mastodon,
            "pleroma" | "akkoma" => Family::Pleroma,
            "pixelfed" => Family::Pixelfed,
            "hollo" => Family::Hollo,
            "mitra" => Family::Mitra,
            "iceshrimp.net" => Family::Iceshrimp,
            "sharkey" | "firefish" | "calckey" | "catodon" | "iceshrimp" | "misskey" => Family::Misskey,
            "takahe" => Family::Takahe,
            "snac" | "snac2" => Family::Snac,
            _ => Family::Unknown,
        }
    }

    fn key(self) -> KeyClass {
        match self {
            Family::Mastodon | Family::Hollo => KeyClass::Shared { window: 3_600 },
            // Claimed on arrival and not let go when the request fails.
            Family::Iceshrimp => KeyClass::ReplaysAnswers { window: 24 * 3_600 },
            Family::Mitra => KeyClass::Memory { window: 3_600 },
            Family::Pleroma => KeyClass::ReplaysAnswers { window: 6 * 3_600 },
            Family::Pixelfed => KeyClass::Refusing,
            Family::Misskey | Family::Takahe | Family::Snac | Family::Unknown => KeyClass::Ignored,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn named(name: &str, version: &str) -> Capabilities {
        read(&Value::Null, Some(&json!({ "software": { "name": name, "version": version } })))
    }

    #[test]
    fn a_mastodon_instance_document_is_read() {
        let v2 = json!({
            "version": "4.4.1",
            "source_url": "https://github.com/mastodon/mastodon",
            "configuration": {
                "urls": { "streaming": "wss://streaming.social.example" },
                "statuses": { "max_characters": 1000, "max_media_attachments": 6, "characters_reserved_per_url": 30 },
                "media_attachments": { "description_limit": 1500, "supported_mime_types": ["image/png"], "image_size_limit": 16_777_216 },
                "polls": { "max_options": 4, "max_characters_per_option": 50, "min_expiration": 300, "max_expiration": 2_629_746 }
            }
        });
        let found = read(&v2, None);
        assert_eq!((found.software.as_str(), found.version.as_str()), ("mastodon", "4.4.1"));
        assert_eq!((found.rules.max_characters, found.rules.url), (1000, UrlCost::Fixed(30)));
        assert_eq!((found.max_media, found.max_alt, found.polls.max_options), (6, Some(1500), Some(4)));
        assert!(found.knows_allowed_mentions);
        assert_eq!(found.key, KeyClass::Shared { window: 3_600 });
        assert_eq!(advertised_streaming(&v2).as_deref(), Some("wss://streaming.social.example"));
    }

    #[test]
    fn older_and_odd_instance_documents_are_read() {
        let pleroma = json!({ "version": "2.7.2 (compatible; Pleroma 2.6.0)", "max_toot_chars": "5000", "urls": { "streaming_api": "wss://a.example" } });
        let found = read(&pleroma, None);
        assert_eq!((found.software.as_str(), found.version.as_str()), ("pleroma", "2.6.0"));
        assert_eq!((found.rules.max_characters, found.rules.url), (5000, UrlCost::FullLength));
        assert_eq!(found.key, KeyClass::ReplaysAnswers { window: 21_600 });
        assert_eq!(advertised_streaming(&pleroma).as_deref(), Some("wss://a.example"));
        for odd in [
            Value::Null,
            json!([]),
            json!("x"),
            json!({ "configuration": 7 }),
            json!({ "configuration": { "statuses": { "max_characters": 0 } } }),
        ] {
            assert_eq!(read(&odd, None), Capabilities::defaults(), "{odd}");
            assert_eq!(advertised_streaming(&odd), None);
        }
        assert_eq!(advertised_streaming(&json!({ "urls": { "streaming_api": "" } })), None);
    }

    #[test]
    fn the_version_says_which_software_it_really_is() {
        let check = |version: &str, expected: (&str, &str)| {
            let found = read(&json!({ "version": version }), None);
            assert_eq!((found.software.as_str(), found.version.as_str()), expected, "{version}");
        };
        check("4.2.1 (compatible; Hollo 0.6.0)", ("hollo", "0.6.0"));
        check("4.2.1 (compatible; Iceshrimp.NET/2025.1-beta5+e1d25)", ("iceshrimp.net", "2025.1-beta5+e1d25"));
        check("3.0.0 (compatible; Sharkey 2025.4.2; like Akkoma)", ("sharkey", "2025.4.2"));
        check("2.7.2 (compatible; Pleroma 2.6.0-12-g1 develop)", ("pleroma", "2.6.0-12-g1 develop"));
        check("1.0 (compatible;)", ("", ""));
    }

    #[test]
    fn what_documents_do_not_say_is_known_by_name() {
        assert_eq!(named("gotosocial", "0.20.0").key, KeyClass::Ignored);
        assert_eq!(named("Mitra", "5.9").key, KeyClass::Memory { window: 3_600 });
        assert!(!named("mitra", "5.9").keeps_unlisted && !named("mitra", "5.9").keeps_cw);
        assert!(named("mastodon", "4.3.0").keeps_unlisted);
        assert!(!named("takahe", "0.11").lists_directs);
        assert_eq!(named("pixelfed", "0.12").key, KeyClass::Refusing);
        assert_eq!(named("Iceshrimp.NET", "2025.1").key, KeyClass::ReplaysAnswers { window: 86_400 });
        assert!(named("sharkey", "2025.4.2").reacts_to_emoji && !named("mastodon", "4.5.0").reacts_to_emoji);
        assert_eq!(named("nobody-knows", "1").key, KeyClass::Ignored);
        assert!(named("mastodon", "4.2.0+glitch").knows_allowed_mentions);
        assert!(!named("mastodon", "4.1.25").knows_allowed_mentions);
        assert!(!named("gotosocial", "4.2.0").knows_allowed_mentions);
    }

    #[test]
    fn capabilities_survive_being_stored() {
        let found = named("mastodon", "4.3.0");
        let stored = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<Capabilities>(&stored).unwrap(), found);
    }
}
