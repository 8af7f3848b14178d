//! Writes accounts, statuses, attachments and the rest as the JSON entities of Mastodon's API.
//!
//! Invariant: every field Mastodon always sends is there, so that a strict client (megalodon) can read all of it.

use serde_json::{Value, json};

use super::ids::{AccountKey, MediaKey, StatusKey, time};
use super::profile::DeadParent;
use super::state::{AccountRow, MediaRow, PollRow, Progress, ScheduledRow, State, StatusRow};
use crate::core::post::Visibility;

impl State {
    pub(crate) fn account_json(&self, row: &AccountRow) -> Value {
        let url = self.profile_url(row);
        let uri = self.account_uri(row);
        let picture = format!("{}/sandbox/avatar.svg", self.base);
        let last = row.statuses.iter().rev().find_map(|key| self.standing(*key));
        json!({
            "id": self.id(row.key),
            "username": row.username,
            "acct": self.acct(row),
            "display_name": row.display_name,
            "locked": false,
            "bot": row.bot,
            "discoverable": true,
            "indexable": false,
            "group": false,
            "noindex": false,
            "created_at": row.created_at.format("%Y-%m-%dT00:00:00.000Z").to_string(),
            "note": super::html::content(&row.note, &self.base, |user, host| self.link_of(user, host)),
            "url": url,
            "uri": uri,
            "avatar": picture,
            "avatar_static": picture,
            "avatar_description": "",
            "header": picture,
            "header_static": picture,
            "header_description": "",
            "followers_count": row.followers.len(),
            "following_count": row.follows.len(),
            "statuses_count": row.standing,
            "last_status_at": last.map(|status| status.created_at.format("%Y-%m-%d").to_string()),
            "hide_collections": false,
            "limited": row.limited.then_some(true),
            "emojis": [],
            "roles": [],
            "fields": [],
        })
    }

    /// What `verify_credentials` adds.
    pub(crate) fn credential_json(&self, row: &AccountRow) -> Value {
        let mut entity = self.account_json(row);
        if let Some(fields) = entity.as_object_mut() {
            fields.insert(
                "source".to_owned(),
                json!({
                    "privacy": "public",
                    "sensitive": false,
                    "language": null,
                    "note": row.note,
                    "fields": [],
                    "follow_requests_count": 0,
                    "hide_collections": null,
                    "discoverable": true,
                    "indexable": false,
                    "attribution_domains": [],
                    "quote_policy": "public",
                }),
            );
            let role = json!({ "id": "-99", "name": "", "permissions": "65536", "color": "", "highlighted": false });
            fields.insert("role".to_owned(), role);
        }
        entity
    }

    fn account_uri(&self, row: &AccountRow) -> String {
        match &row.host {
            None => format!("{}/users/{}", self.base, row.username),
            Some(host) => format!("https://{host}/users/{}", row.username),
        }
    }

    /// The fediverse-wide URI of a status.
    pub(crate) fn status_uri(&self, row: &StatusRow) -> String {
        if let Some((uri, _)) = &row.elsewhere {
            return uri.clone();
        }
        let author = self.accounts.get(&row.author).map(|author| self.account_uri(author)).unwrap_or_default();
        format!("{author}/statuses/{}", self.id(row.key))
    }

    /// The page of a status.
    pub(crate) fn status_url(&self, row: &StatusRow) -> String {
        if let Some((_, url)) = &row.elsewhere {
            return url.clone();
        }
        let author = self.accounts.get(&row.author).map(|author| self.profile_url(author)).unwrap_or_default();
        format!("{author}/{}", self.id(row.key))
    }

    /// What a reply says it answers: a status that stands, or on some servers a dead one.
    fn parent_told(&self, key: StatusKey) -> Option<&StatusRow> {
        match self.profile.dead_parent {
            DeadParent::Kept => self.statuses.get(&key),
            DeadParent::Refused { .. } | DeadParent::Forgotten => self.standing(key),
        }
    }

    pub(crate) fn status_json(&self, row: &StatusRow, viewer: Option<AccountKey>) -> Value {
        let author = self.accounts.get(&row.author).map(|author| self.account_json(author));
        let parent = row.in_reply_to.and_then(|parent| self.parent_told(parent));
        let boosted = row.reblog_of.and_then(|key| self.standing(key));
        let named = if self.profile.status_mentions.open().is_ok() { row.mentions.as_slice() } else { &[] };
        let mentions: Vec<Value> = named
            .iter()
            .filter_map(|key| self.accounts.get(key))
            .map(|named| {
                json!({ "id": self.id(named.key), "username": named.username, "url": self.profile_url(named), "acct": self.acct(named) })
            })
            .collect();
        let tags: Vec<Value> =
            row.tags.iter().map(|tag| json!({ "name": tag, "url": format!("{}/tags/{tag}", self.base) })).collect();
        let media: Vec<Value> =
            row.media.iter().filter_map(|key| self.media.get(key)).map(|media| self.media_json(media)).collect();
        let mut entity = json!({
            "id": self.id(row.key),
            "created_at": time(row.created_at),
            "edited_at": row.edited_at.map(time),
            "in_reply_to_id": parent.map(|parent| self.id(parent.key)),
            "in_reply_to_account_id": parent.map(|parent| self.id(parent.author)),
            "sensitive": row.sensitive,
            "spoiler_text": row.warning,
            "visibility": row.visibility.as_str(),
            "language": row.language,
            "uri": self.status_uri(row),
            "url": self.status_url(row),
            "replies_count": row.replies.iter().filter(|key| self.standing(**key).is_some()).count(),
            "reblogs_count": row.boosts.len(),
            "favourites_count": row.favourites.len(),
            "quotes_count": 0,
            "content": row.html,
            "reblog": boosted.map(|boosted| self.status_json(boosted, viewer)),
            "quote": null,
            "quote_approval": { "automatic": ["public"], "manual": [], "current_user": "automatic" },
            "account": author,
            "media_attachments": media,
            "mentions": mentions,
            "tags": tags,
            "emojis": [],
            "card": null,
            "poll": row.poll.as_ref().map(|poll| poll_json(self.id(row.key), poll)),
        });
        if let (Some(policy), Some(fields)) = (&row.reply_policy, entity.as_object_mut()) {
            let (always, asked) = (&policy.automatic, &policy.manual);
            let can_reply = json!({ "automatic_approval": always, "manual_approval": asked, "always": always, "with_approval": asked });
            fields.insert("interaction_policy".to_owned(), json!({ "can_reply": can_reply }));
        }
        if let (Some(viewer), Some(fields)) = (viewer, entity.as_object_mut()) {
            fields.insert("favourited".to_owned(), Value::Bool(row.favourites.contains(&viewer)));
            fields.insert("reblogged".to_owned(), Value::Bool(row.boosts.contains_key(&viewer)));
            for (name, value) in [("muted", false), ("bookmarked", false)] {
                fields.insert(name.to_owned(), Value::Bool(value));
            }
            fields.insert("filtered".to_owned(), json!([]));
            if viewer == row.author {
                fields.insert("pinned".to_owned(), Value::Bool(false));
                fields.insert("application".to_owned(), json!({ "name": "Sandbox", "website": null }));
            }
        }
        entity
    }

    pub(crate) fn media_json(&self, row: &MediaRow) -> Value {
        let kind = match row.mime.split('/').next() {
            Some("image") => "image",
            Some("video") => "video",
            Some("audio") => "audio",
            _ => "unknown",
        };
        let url = (row.progress == Progress::Ready).then(|| self.media_url(row.key));
        let size = png_size(&row.bytes).map(|(width, height)| {
            let aspect = f64::from(width) / f64::from(height.max(1));
            json!({ "width": width, "height": height, "size": format!("{width}x{height}"), "aspect": aspect })
        });
        let mut meta = json!({ "focus": { "x": row.focus.0, "y": row.focus.1 } });
        if let (Some(size), Some(fields)) = (size, meta.as_object_mut()) {
            fields.insert("original".to_owned(), size.clone());
            fields.insert("small".to_owned(), size);
        }
        json!({
            "id": self.id(row.key),
            "type": kind,
            "url": url,
            "preview_url": url,
            "remote_url": null,
            "preview_remote_url": null,
            "text_url": null,
            "meta": meta,
            "description": row.description,
            "blurhash": "UBL_:rOpGG-oBUNG,qRj2so|=eE1w^n4S5NH",
        })
    }

    /// Where the bytes of an upload are served.
    pub(crate) fn media_url(&self, key: MediaKey) -> String {
        format!("{}/media/{}", self.base, self.id(key))
    }

    pub(crate) fn scheduled_json(&self, row: &ScheduledRow) -> Value {
        let media: Vec<Value> =
            row.media.iter().filter_map(|key| self.media.get(key)).map(|media| self.media_json(media)).collect();
        json!({
            "id": self.id(row.id),
            "scheduled_at": time(row.at),
            "params": {
                "text": row.text,
                "in_reply_to_id": row.in_reply_to.map(|key| self.id(key)),
                "media_ids": row.media.iter().map(|key| self.id(*key)).collect::<Vec<_>>(),
                "sensitive": !row.warning.is_empty(),
                "spoiler_text": row.warning,
                "visibility": row.visibility.as_str(),
                "scheduled_at": null,
                "poll": null,
                "idempotency": null,
                "with_rate_limit": false,
                "application_id": 1,
            },
            "media_attachments": media,
        })
    }

    pub(crate) fn relationship_json(&self, me: &AccountRow, other: &AccountRow) -> Value {
        json!({
            "id": self.id(other.key),
            "following": me.follows.contains(&other.key),
            "showing_reblogs": me.follows.contains(&other.key),
            "notifying": false,
            "languages": null,
            "followed_by": me.followers.contains(&other.key),
            "blocking": me.blocks.contains(&other.key),
            "blocked_by": other.blocks.contains(&me.key),
            "muting": false,
            "muting_notifications": false,
            "muting_expires_at": null,
            "requested": false,
            "requested_by": false,
            "domain_blocking": false,
            "endorsed": false,
            "note": "",
        })
    }
}

fn poll_json(id: String, poll: &PollRow) -> Value {
    let options: Vec<Value> = poll.options.iter().map(|title| json!({ "title": title, "votes_count": 0 })).collect();
    json!({
        "id": id,
        "expires_at": time(poll.expires_at),
        "expired": false,
        "multiple": poll.multiple,
        "votes_count": 0,
        "voters_count": 0,
        "voted": true,
        "own_votes": [],
        "options": options,
        "emojis": [],
    })
}

/// Width and height of a PNG, from its first chunk.
fn png_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let number = |from: usize| bytes.get(from..from + 4)?.try_into().ok().map(u32::from_be_bytes);
    bytes.starts_with(b"\x89PNG\r\n\x1a\n").then_some(())?;
    Some((number(16)?, number(20)?))
}

/// Reads a visibility as the API writes it.
pub(crate) fn visibility(word: &str) -> Option<Visibility> {
    [Visibility::Public, Visibility::Unlisted, Visibility::Private, Visibility::Direct]
        .into_iter()
        .find(|visibility| visibility.as_str() == word)
}
