//! `/api/v1/notifications` and the policy that filters them.

use axum::extract::{Path, State as Context};
use axum::response::Response;
use chrono::DateTime;
use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::sandbox::answer::{json as answer, set};
use crate::sandbox::faults::Trouble;
use crate::sandbox::gate::{Me, Troubles};
use crate::sandbox::ids::{NotificationKey, time};
use crate::sandbox::paging::{Cursor, Ends, More, link};
use crate::sandbox::params::Params;
use crate::sandbox::profile::{Heed, Links, MinId, PolicyForm, Sorting};
use crate::sandbox::refused::Refused;
use crate::sandbox::state::{NotificationRow, Rule, State};

pub(crate) async fn list(
    Context(sandbox): Context<Sandbox>,
    Me(me): Me,
    Troubles(troubles): Troubles,
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
    let newest = newest.min();
    let (only, without) = (params.list("types"), params.list("exclude_types").unwrap_or_default());
    sandbox.look(|state| {
        let owner = state.accounts.get(&me).ok_or(Refused::NotFound)?;
        let filtered_too =
            params.flag("include_filtered").unwrap_or(false) && state.profile.include_filtered == Heed::Heeded;
        let from = params.text("account_id").filter(|_| state.profile.of_account == Heed::Heeded);
        let cursor = cursor(state, &params);
        let older_than = params.text("older_than").filter(|_| state.profile.links == Links::OlderThan);
        let older_than = older_than.and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        let (only, without) = match state.profile.types {
            Heed::Heeded => (only.as_deref(), without.as_slice()),
            Heed::Ignored => (None, [].as_slice()),
        };
        let passes = |row: &NotificationRow| {
            only.is_none_or(|only| only.iter().any(|kind| kind == row.kind))
                && !without.iter().any(|kind| kind == row.kind)
                && (filtered_too || from.is_some() || !row.filtered)
                && from.is_none_or(|from| state.id(row.from) == from)
                && newest.is_none_or(|newest| row.created_at <= newest)
                && row.listed_at <= now
                && older_than.is_none_or(|older| row.created_at < older)
                && row.status.is_none_or(|key| state.visible(key, Some(me)).is_some())
        };
        let page = match state.profile.sorting {
            Sorting::NewestFirst => cursor.page(&owner.notifications, |row| row.key.0, passes),
            Sorting::OldestFirst => from_where_it_stands(&cursor, owner.notifications.iter().filter(|row| passes(row))),
            Sorting::Shuffled => {
                let mut shuffled: Vec<&NotificationRow> =
                    owner.notifications.iter().filter(|row| passes(row)).collect();
                // Odd multipliers scatter; the same at each look.
                shuffled.sort_by_key(|row| row.key.0.wrapping_mul(0x9E37_79B9_7F4A_7C15));
                from_where_it_stands(&cursor, shuffled.into_iter())
            }
        };
        let entities: Vec<Value> = page.iter().filter_map(|row| state.notification_json(row, me)).collect();
        let mut response = answer(200, &Value::Array(entities));
        if let (Some(first), Some(last)) = (page.first(), page.last()) {
            let kept = params.keep(&["limit", "types", "exclude_types", "include_filtered", "account_id"]);
            let url = format!("{}/api/v1/notifications", state.base);
            let text = |row: &NotificationRow| cursor_text(&state.notification_id(row));
            let ends = Ends { newest: text(first), oldest: text(last), oldest_at: time(last.created_at) };
            if let Some(link) = link(state.profile.links, &url, &kept, &ends, More::Perhaps) {
                set(&mut response, "link", &link);
            }
        }
        Ok(response)
    })
}

/// One page of a list in the server's own order, after the item that the cursor names.
fn from_where_it_stands<'a>(
    cursor: &Cursor,
    all: impl Iterator<Item = &'a NotificationRow>,
) -> Vec<&'a NotificationRow> {
    let mut before = cursor.max.is_some();
    let behind = all.skip_while(|row| {
        let skipped = before;
        before = before && Some(row.key.0) != cursor.max;
        skipped
    });
    behind.take(cursor.limit).collect()
}

/// An id as it is written into a cursor, also where entities write it as a number.
fn cursor_text(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

/// The cursors this server heeds.
fn cursor(state: &State, params: &Params) -> Cursor {
    let profile = &state.profile;
    let read = |id: &str| state.notification_key(id);
    let asked = Cursor::of(params, profile.notifications_page, profile.notifications_page_max, read);
    let heeded = |heed: Heed, cursor: Option<u64>| cursor.filter(|_| heed == Heed::Heeded);
    let (min, floor) = match profile.min_id {
        MinId::PageAfter => (asked.min, None),
        MinId::NewestPage => (None, asked.min),
        MinId::Ignored => (None, None),
    };
    Cursor {
        max: heeded(profile.max_id, asked.max),
        since: heeded(profile.since_id, asked.since).or(floor),
        min,
        limit: asked.limit,
    }
}

pub(crate) async fn show(
    Context(sandbox): Context<Sandbox>,
    Me(me): Me,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let now = sandbox.now();
    sandbox.look(|state| {
        state.profile.notification_by_id.open()?;
        let key = state.notification_key(&id).map(NotificationKey).ok_or(Refused::NotFound)?;
        let owner = state.accounts.get(&me).ok_or(Refused::NotFound)?;
        let at = owner.notifications.binary_search_by_key(&key, |row| row.key);
        let row = at.ok().and_then(|at| owner.notifications.get(at)).filter(|row| row.listed_at <= now);
        let entity = row.and_then(|row| state.notification_json(row, me)).ok_or(Refused::NotFound)?;
        Ok(answer(200, &entity))
    })
}

pub(crate) async fn policy(Context(sandbox): Context<Sandbox>, Me(me): Me) -> Result<Response, Refused> {
    sandbox.look(|state| {
        state.profile.policy.open()?;
        if state.profile.policy_form != PolicyForm::Groups {
            return Err(Refused::NoRoute);
        }
        let owner = state.accounts.get(&me).ok_or(Refused::NotFound)?;
        let waiting = owner.notifications.iter().filter(|row| row.filtered).count();
        Ok(answer(
            200,
            &json!({
                "for_not_following": "accept",
                "for_not_followers": "accept",
                "for_new_accounts": "accept",
                "for_private_mentions": owner.policy.private_mentions,
                "for_limited_accounts": owner.policy.limited_accounts,
                "summary": { "pending_requests_count": waiting.min(1), "pending_notifications_count": waiting },
            }),
        ))
    })
}

/// The policy as Mastodon 4.3 had it first: yes or no, and what is not accepted is filtered.
pub(crate) async fn flags(Context(sandbox): Context<Sandbox>, Me(me): Me) -> Result<Response, Refused> {
    sandbox.look(|state| {
        state.profile.policy.open()?;
        let owner = state.accounts.get(&me).ok_or(Refused::NotFound)?;
        let waiting = owner.notifications.iter().filter(|row| row.filtered).count();
        Ok(answer(
            200,
            &json!({
                "filter_not_following": false,
                "filter_not_followers": false,
                "filter_new_accounts": false,
                "filter_private_mentions": owner.policy.private_mentions != Rule::Accept,
                "summary": { "pending_requests_count": waiting.min(1), "pending_notifications_count": waiting },
            }),
        ))
    })
}

pub(crate) async fn set_policy(
    Context(sandbox): Context<Sandbox>,
    Me(me): Me,
    params: Params,
) -> Result<Response, Refused> {
    let rule = |name: &str| match params.text(name) {
        Some("accept") => Some(Rule::Accept),
        Some("filter") => Some(Rule::Filter),
        Some("drop") => Some(Rule::Drop),
        _ => None,
    };
    sandbox.change(|state| {
        state.profile.policy.open()?;
        let owner = state.accounts.get_mut(&me).ok_or(Refused::NotFound)?;
        owner.policy.private_mentions = rule("for_private_mentions").unwrap_or(owner.policy.private_mentions);
        owner.policy.limited_accounts = rule("for_limited_accounts").unwrap_or(owner.policy.limited_accounts);
        Ok::<(), Refused>(())
    })?;
    policy(Context(sandbox), Me(me)).await
}
