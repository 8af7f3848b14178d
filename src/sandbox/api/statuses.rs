//! `/api/v1/statuses`: create, read, edit, delete, favour, boost.

use axum::extract::{Path, State as Context};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::sandbox::answer::json as answer;
use crate::sandbox::attempt::Attempt;
use crate::sandbox::create::{Draft, PollDraft, Via};
use crate::sandbox::entity::visibility;
use crate::sandbox::gate::{Me, Troubles, Viewer};
use crate::sandbox::ids::{AccountKey, StatusKey};
use crate::sandbox::params::{BodyKind, Params};
use crate::sandbox::profile::{BadBody, Bodies, Forms, Nulls};
use crate::sandbox::refused::Refused;
use crate::sandbox::state::{State, StatusRow};

/// How much of a thread is shown: Mastodon's limits for signed-in readers.
const CONTEXT_MAX: usize = 4_096;

pub(crate) async fn create(
    Context(sandbox): Context<Sandbox>,
    Me(me): Me,
    Troubles(troubles): Troubles,
    headers: HeaderMap,
    params: Result<Params, Refused>,
) -> Result<Response, Refused> {
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let attempt = sandbox.look(|state| {
        let draft = Draft { key, ..draft_under(&state.profile.bodies, params)? };
        Ok::<_, Refused>(Attempt::new(&state.profile, me, draft, &troubles))
    })?;
    Ok(sandbox.attempt(&attempt).await?.into_response())
}

/// What a server that reads bodies this way takes from this one.
fn draft_under(bodies: &Bodies, params: Result<Params, Refused>) -> Result<Draft, Refused> {
    let bad = |rule: BadBody, refused: Refused| match rule {
        BadBody::Blank => Ok(Draft::default()),
        BadBody::Refused { status: 400 } => Err(refused),
        BadBody::Refused { status } => Err(Refused::Plain { status, words: "Internal Server Error" }),
    };
    let params = match params {
        Ok(params) => params,
        Err(refused) => return bad(bodies.malformed, refused),
    };
    if params.has_null && bodies.null == Nulls::Refused {
        return Err(Refused::Plain { status: 400, words: "Expected string, received null" });
    }
    match (params.body, bodies.form) {
        (BodyKind::Nothing, _) if bodies.empty != BadBody::Blank => bad(bodies.empty, Refused::Unreadable),
        (BodyKind::Form | BodyKind::Multipart, Forms::PlainFields) => draft_of(&params.plain_fields()),
        (BodyKind::Form | BodyKind::Multipart, Forms::Lost) => Ok(Draft::default()),
        (BodyKind::Nothing | BodyKind::Json | BodyKind::Form | BodyKind::Multipart, _) => draft_of(&params),
    }
}

fn draft_of(params: &Params) -> Result<Draft, Refused> {
    let word = params.text("visibility");
    let seen_by = word.map(|word| {
        visibility(word).ok_or_else(|| Refused::Unprocessable(format!("'{word}' is not a valid visibility")))
    });
    let poll = params.list("poll[options]").map(|options| PollDraft {
        options,
        expires_in: params.text("poll[expires_in]").and_then(|text| text.parse().ok()).unwrap_or(0),
        multiple: params.flag("poll[multiple]").unwrap_or(false),
    });
    let scheduled_at = params.text("scheduled_at").and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    Ok(Draft {
        text: params.raw("status").unwrap_or_default().to_owned(),
        warning: params.raw("spoiler_text").unwrap_or_default().to_owned(),
        visibility: seen_by.transpose()?,
        language: params.text("language").map(str::to_owned),
        sensitive: params.flag("sensitive"),
        in_reply_to: params.text("in_reply_to_id").map(str::to_owned),
        media: params.list("media_ids").unwrap_or_default(),
        poll,
        scheduled_at: scheduled_at.map(|at| at.with_timezone(&Utc)),
        allowed_mentions: params.list("allowed_mentions"),
        key: None,
        reply_policy: None,
        elsewhere: None,
    })
}

/// The status of this id, if the viewer may see it.
fn find<'a>(state: &'a State, id: &str, viewer: Option<AccountKey>) -> Result<&'a StatusRow, Refused> {
    state.key(id).and_then(|key| state.visible(key, viewer)).ok_or(Refused::NotFound)
}

pub(crate) async fn show(
    Context(sandbox): Context<Sandbox>,
    Viewer(viewer): Viewer,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    sandbox.look(|state| Ok(answer(200, &state.status_json(find(state, &id, viewer)?, viewer))))
}

pub(crate) async fn source(
    Context(sandbox): Context<Sandbox>,
    Me(me): Me,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    sandbox.look(|state| {
        state.profile.source.open()?;
        let row = find(state, &id, Some(me))?;
        if row.author != me {
            return Err(Refused::NotFound);
        }
        Ok(answer(200, &json!({ "id": state.id(row.key), "text": row.text, "spoiler_text": row.warning })))
    })
}

pub(crate) async fn context(
    Context(sandbox): Context<Sandbox>,
    Viewer(viewer): Viewer,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    sandbox.look(|state| {
        let row = find(state, &id, viewer)?;
        let mut ancestors = Vec::new();
        let mut above = row.in_reply_to;
        while let Some(parent) = above.and_then(|key| state.visible(key, viewer)) {
            ancestors.push(state.status_json(parent, viewer));
            above = parent.in_reply_to;
            if ancestors.len() >= CONTEXT_MAX {
                break;
            }
        }
        ancestors.reverse();
        let mut descendants = Vec::new();
        // Depth first, oldest answer first, as Mastodon sorts a thread.
        let mut below: Vec<StatusKey> = row.replies.iter().rev().copied().collect();
        while let Some(key) = below.pop() {
            if let Some(reply) = state.visible(key, viewer) {
                descendants.push(state.status_json(reply, viewer));
                below.extend(reply.replies.iter().rev());
            }
            if descendants.len() >= CONTEXT_MAX {
                break;
            }
        }
        Ok(answer(200, &json!({ "ancestors": ancestors, "descendants": descendants })))
    })
}

pub(crate) async fn edit(
    Context(sandbox): Context<Sandbox>,
    Me(me): Me,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, Refused> {
    let draft = draft_of(&params)?;
    let now = sandbox.now();
    sandbox.change(|state| {
        let key = find(state, &id, Some(me))?.key;
        state.edit(me, key, &draft, now, Via::Api)?;
        Ok(answer(200, &state.status_json(find(state, &id, Some(me))?, Some(me))))
    })
}

pub(crate) async fn delete(
    Context(sandbox): Context<Sandbox>,
    Me(me): Me,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let now = sandbox.now();
    sandbox.change(|state| {
        let row = find(state, &id, Some(me))?;
        let mut entity = state.status_json(row, Some(me));
        if let Some(fields) = entity.as_object_mut() {
            fields.insert("text".to_owned(), Value::String(row.text.clone()));
        }
        let key = row.key;
        state.delete(me, key, now)?;
        Ok(answer(200, &entity))
    })
}

pub(crate) async fn react(
    Context(sandbox): Context<Sandbox>,
    Me(me): Me,
    Path((id, verb)): Path<(String, String)>,
) -> Result<Response, Refused> {
    let now = sandbox.now();
    sandbox.change(|state| {
        let key = state.key::<StatusKey>(&id).ok_or(Refused::NotFound)?;
        let shown = match verb.as_str() {
            "favourite" => state.favourite(me, key, now).map(|()| key)?,
            "unfavourite" => state.unfavourite(me, key).map(|()| key)?,
            "reblog" => state.boost(me, key, now)?,
            "unreblog" => state.unboost(me, key, now).map(|()| key)?,
            _ => return Err(Refused::NoRoute),
        };
        let row = state.standing(shown).ok_or(Refused::NotFound)?;
        Ok(answer(200, &state.status_json(row, Some(me))))
    })
}

pub(crate) async fn scheduled(Context(sandbox): Context<Sandbox>, Me(me): Me) -> Response {
    let waiting: Vec<Value> = sandbox.look(|state| {
        let own = state.scheduled.iter().filter(|row| row.owner == me);
        own.map(|row| state.scheduled_json(row)).collect()
    });
    answer(200, &Value::Array(waiting))
}
