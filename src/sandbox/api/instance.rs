//! What the server says about itself: both instance documents and nodeinfo.

use axum::extract::State as Context;
use axum::response::Response;
use serde_json::{Value, json};

use super::media::{IMAGE_BYTES, TYPES, VIDEO_BYTES};
use crate::sandbox::Sandbox;
use crate::sandbox::answer::json as answer;
use crate::sandbox::fit::{POLL_OPTION_CHARS, POLL_OPTIONS, POLL_SECONDS};
use crate::sandbox::profile::{LengthTold, StreamUrl};
use crate::sandbox::refused::Refused;
use crate::sandbox::state::State;

const TITLE: &str = "Watchpost sandbox";
const ABOUT: &str = "A Mastodon-compatible server in memory. Nothing here leaves this machine.";

/// Where streams are opened; `ws`, because the sandbox is on loopback, or what the server says instead.
fn streaming(state: &State) -> Option<String> {
    let address = |scheme: &str| state.base.replacen("http", scheme, 1);
    match state.profile.stream_url {
        StreamUrl::Empty => Some(String::new()),
        StreamUrl::Right => state.profile.streaming.is_told().then(|| address("ws")),
        StreamUrl::Encrypted => state.profile.streaming.is_told().then(|| address("wss")),
    }
}

fn configuration(state: &State) -> Value {
    let profile = &state.profile;
    let mut statuses = json!({ "max_media_attachments": profile.max_media });
    if let Some(fields) = statuses.as_object_mut() {
        if profile.length_told == LengthTold::Configuration {
            fields.insert("max_characters".to_owned(), json!(profile.max_characters));
        }
        if let Some(per_url) = profile.per_url_told {
            fields.insert("characters_reserved_per_url".to_owned(), json!(per_url));
        }
    }
    json!({
        "accounts": { "max_featured_tags": 10, "max_pinned_statuses": 5 },
        "statuses": statuses,
        "media_attachments": {
            "supported_mime_types": TYPES,
            "description_limit": profile.description_limit,
            "image_size_limit": IMAGE_BYTES,
            "image_matrix_limit": 33_177_600,
            "video_size_limit": VIDEO_BYTES,
            "video_frame_rate_limit": 120,
            "video_matrix_limit": 8_294_400,
        },
        "polls": {
            "max_options": POLL_OPTIONS,
            "max_characters_per_option": POLL_OPTION_CHARS,
            "min_expiration": POLL_SECONDS.0,
            "max_expiration": POLL_SECONDS.1,
        },
        "translation": { "enabled": false },
        "limited_federation": false,
    })
}

/// The person to ask: the first account there is.
fn contact(state: &State) -> Option<Value> {
    state.accounts.values().min_by_key(|row| row.key).map(|row| state.account_json(row))
}

pub(crate) async fn v1(Context(sandbox): Context<Sandbox>) -> Response {
    sandbox.look(|state| {
        let mut body = json!({
                "uri": state.domain,
                "title": TITLE,
                "short_description": ABOUT,
                "description": ABOUT,
                "email": "staff@sandbox.invalid",
                "version": state.profile.instance_version,
                "urls": { "streaming_api": streaming(state).unwrap_or_default() },
                "stats": {
                    "user_count": state.accounts.len(),
                    "status_count": state.count(),
                    "domain_count": 0,
                },
                "thumbnail": null,
                "languages": ["en"],
                "registrations": false,
                "approval_required": false,
                "invites_enabled": false,
                "configuration": configuration(state),
                "contact_account": contact(state),
                "rules": [{ "id": "1", "text": "Be kind.", "hint": "" }],
        });
        if let (LengthTold::TootChars, Some(fields)) = (state.profile.length_told, body.as_object_mut()) {
            fields.insert("max_toot_chars".to_owned(), json!(state.profile.max_characters));
        }
        answer(200, &body)
    })
}

pub(crate) async fn v2(Context(sandbox): Context<Sandbox>) -> Result<Response, Refused> {
    sandbox.look(|state| {
        state.profile.instance_v2.open()?;
        let mut configuration = configuration(state);
        if let Some(fields) = configuration.as_object_mut() {
            let urls = json!({ "streaming": streaming(state), "status": null, "about": format!("{}/", state.base) });
            fields.insert("urls".to_owned(), urls);
            fields.insert("vapid".to_owned(), json!({ "public_key": "" }));
        }
        let mut body = json!({
            "domain": state.domain,
            "title": TITLE,
            "version": state.profile.instance_version,
            "source_url": state.profile.source_url,
            "description": ABOUT,
            "usage": { "users": { "active_month": state.accounts.len() } },
            "thumbnail": { "url": format!("{}/sandbox/avatar.svg", state.base), "blurhash": null, "versions": {} },
            "icon": [],
            "languages": ["en"],
            "configuration": configuration,
            "registrations": { "enabled": false, "approval_required": false, "message": null, "url": null },
            "contact": { "email": "staff@sandbox.invalid", "account": contact(state) },
            "rules": [{ "id": "1", "text": "Be kind.", "hint": "", "translations": {} }],
        });
        if let (Some(version), Some(fields)) = (state.profile.api_version, body.as_object_mut()) {
            fields.insert("api_versions".to_owned(), json!({ "mastodon": version }));
        }
        Ok(answer(200, &body))
    })
}

pub(crate) async fn nodeinfo_links(Context(sandbox): Context<Sandbox>) -> Response {
    let base = sandbox.look(|state| state.base.clone());
    let rel = "http://nodeinfo.diaspora.software/ns/schema/2.0";
    answer(200, &json!({ "links": [{ "rel": rel, "href": format!("{base}/nodeinfo/2.0") }] }))
}

pub(crate) async fn nodeinfo(Context(sandbox): Context<Sandbox>) -> Response {
    sandbox.look(|state| {
        answer(
            200,
            &json!({
                "version": "2.0",
                "software": { "name": state.profile.software, "version": state.profile.version },
                "protocols": ["activitypub"],
                "services": { "outbound": [], "inbound": [] },
                "usage": { "users": { "total": state.accounts.len() }, "localPosts": state.count() },
                "openRegistrations": false,
                "metadata": { "nodeName": TITLE },
            }),
        )
    })
}
