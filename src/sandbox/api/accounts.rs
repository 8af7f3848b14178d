//! `/api/v1/accounts`: who am I, who is that, what did they write, how do we stand.

use axum::extract::{Path, State as Context};
use axum::response::Response;
use serde_json::Value;

use crate::core::post::Visibility;
use crate::sandbox::Sandbox;
use crate::sandbox::answer::{json as answer, set};
use crate::sandbox::faults::Trouble;
use crate::sandbox::gate::{Me, Troubles, Viewer};
use crate::sandbox::ids::{AccountKey, StatusKey, time};
use crate::sandbox::paging::{Cursor, Ends, More, link};
use crate::sandbox::params::{BodyKind, Params};
use crate::sandbox::profile::{BotFlag, Existence};
use crate::sandbox::refused::Refused;
use crate::sandbox::state::{AccountRow, State, StatusRow};

pub(crate) async fn verify(Context(sandbox): Context<Sandbox>, Me(me): Me) -> Result<Response, Refused> {
    sandbox.look(|state| {
        let row = state.accounts.get(&me).ok_or(Refused::NotFound)?;
        Ok(answer(200, &state.credential_json(row)))
    })
}

pub(crate) async fn update(
    Context(sandbox): Context<Sandbox>,
    Me(me): Me,
    params: Params,
) -> Result<Response, Refused> {
    sandbox.change(|state| {
        let settable = match state.profile.bot_flag {
            BotFlag::Set => true,
            BotFlag::Ignored => false,
            BotFlag::JsonOnly => params.body == BodyKind::Json,
            BotFlag::FormOnly => params.body != BodyKind::Json,
        };
        let row = state.accounts.get_mut(&me).ok_or(Refused::NotFound)?;
        if let Some(bot) = params.flag("bot").filter(|_| settable) {
            row.bot = bot;
        }
        if let Some(name) = params.raw("display_name") {
            row.display_name = name.to_owned();
        }
        if let Some(note) = params.raw("note") {
            row.note = note.to_owned();
        }
        let row = state.accounts.get(&me).ok_or(Refused::NotFound)?;
        Ok(answer(200, &state.credential_json(row)))
    })
}

fn find<'a>(state: &'a State, id: &str) -> Result<&'a AccountRow, Refused> {
    state.key(id).and_then(|key| state.accounts.get(&key)).ok_or(Refused::NotFound)
}

pub(crate) async fn show(
    Context(sandbox): Context<Sandbox>,
    Viewer(_): Viewer,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    sandbox.look(|state| Ok(answer(200, &state.account_json(find(state, &id)?))))
}

pub(crate) async fn lookup(
    Context(sandbox): Context<Sandbox>,
    Viewer(_): Viewer,
    params: Params,
) -> Result<Response, Refused> {
    sandbox.look(|state| {
        let row = params.text("acct").and_then(|acct| state.named(acct)).ok_or(Refused::NotFound)?;
        Ok(answer(200, &state.account_json(row)))
    })
}

pub(crate) async fn relationships(
    Context(sandbox): Context<Sandbox>,
    Me(me): Me,
    params: Params,
) -> Result<Response, Refused> {
    let mut ids = params.list("id").unwrap_or_default();
    ids.extend(params.text("id").map(str::to_owned));
    sandbox.look(|state| {
        let me = state.accounts.get(&me).ok_or(Refused::NotFound)?;
        let known = ids.iter().filter_map(|id| find(state, id).ok());
        let list: Vec<Value> = known.map(|other| state.relationship_json(me, other)).collect();
        Ok(answer(200, &Value::Array(list)))
    })
}

pub(crate) async fn relate(
    Context(sandbox): Context<Sandbox>,
    Me(me): Me,
    Path((id, verb)): Path<(String, String)>,
) -> Result<Response, Refused> {
    let now = sandbox.now();
    sandbox.change(|state| {
        let other = find(state, &id)?.key;
        match verb.as_str() {
            "follow" => {
                state.follow(me, other);
                state.notify(other, "follow", me, None, now);
            }
            "unfollow" => state.unfollow(me, other),
            "block" => state.block(me, other),
            "unblock" => {
                if let Some(row) = state.accounts.get_mut(&me) {
                    row.blocks.remove(&other);
                }
            }
            _ => return Err(Refused::NoRoute),
        }
        let me = state.accounts.get(&me).ok_or(Refused::NotFound)?;
        Ok(answer(200, &state.relationship_json(me, find(state, &id)?)))
    })
}

pub(crate) async fn statuses(
    Context(sandbox): Context<Sandbox>,
    Viewer(viewer): Viewer,
    Troubles(troubles): Troubles,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, Refused> {
    let now = sandbox.now();
    let newest = troubles.iter().filter_map(|trouble| {
        if let Trouble::Lag { seconds } = trouble {
            Some(now - chrono::Duration::seconds(i64::from(*seconds)))
        } else {
            None
        }
    });
    let lag = sandbox.look(|state| state.profile.own_list_lag);
    let behind = (lag > 0).then(|| now - chrono::Duration::seconds(i64::from(lag)));
    let newest = newest.chain(behind).min();
    let flag = |name: &str| params.flag(name).unwrap_or(false);
    let (no_replies, no_boosts, only_media) = (flag("exclude_replies"), flag("exclude_reblogs"), flag("only_media"));
    let tag = params.text("tagged").map(str::to_lowercase);
    sandbox.look(|state| {
        let owner = find(state, &id)?;
        let passes = |row: &StatusRow| {
            let parent = row.in_reply_to.and_then(|parent| state.statuses.get(&parent));
            let to_others = parent.is_some_and(|parent| parent.author != row.author);
            let listed = row.visibility != Visibility::Direct || state.profile.own_directs == Existence::Present;
            listed
                && newest.is_none_or(|newest| row.created_at <= newest)
                && !(no_replies && to_others)
                && !(no_boosts && row.reblog_of.is_some())
                && !(only_media && row.media.is_empty())
                && tag.as_ref().is_none_or(|tag| row.tags.contains(tag))
        };
        // Nothing is ever pinned here.
        let all = if flag("pinned") { &[] } else { owner.statuses.as_slice() };
        let path = format!("/api/v1/accounts/{}/statuses", state.id(owner.key));
        Ok(page_of_statuses(state, all, viewer, &params, &path, passes))
    })
}

/// One page of statuses with its `Link` header.
pub(crate) fn page_of_statuses(
    state: &State,
    all: &[StatusKey],
    viewer: Option<AccountKey>,
    params: &Params,
    path: &str,
    passes: impl Fn(&StatusRow) -> bool,
) -> Response {
    let (least, most) = (state.profile.statuses_page, state.profile.statuses_page_max);
    let cursor = Cursor::of(params, least, most, |id| state.key(id));
    let shown = |key: &StatusKey| state.visible(*key, viewer).filter(|row| passes(row));
    let page = cursor.page(all, |key| key.0, |key| shown(key).is_some());
    let entities = page.iter().filter_map(|key| shown(key)).map(|row| state.status_json(row, viewer)).collect();
    let mut response = answer(200, &Value::Array(entities));
    if let (Some(newest), Some(oldest)) = (page.first(), page.last()) {
        let kept = params.keep(&["limit", "exclude_replies", "exclude_reblogs", "only_media", "tagged", "local"]);
        let more = if page.len() == cursor.limit { More::Perhaps } else { More::No };
        let oldest_at = state.statuses.get(oldest).map(|row| time(row.created_at)).unwrap_or_default();
        let ends = Ends { newest: state.id(**newest), oldest: state.id(**oldest), oldest_at };
        if let Some(link) = link(state.profile.status_links, &format!("{}{path}", state.base), &kept, &ends, more) {
            set(&mut response, "link", &link);
        }
    }
    response
}
