//! `/api/v1/notifications` and the policy that filters them.

use axum::extract::{Path, State as Context};
use axum::response::Response;
use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::sandbox::answer::{json as answer, set};
use crate::sandbox::faults::Trouble;
use crate::sandbox::gate::{Me, Troubles};
use crate::sandbox::ids::NotificationKey;
use crate::sandbox::paging::{Cursor, More, link};
use crate::sandbox::params::Params;
use crate::sandbox::refused::Refused;
use crate::sandbox::state::{NotificationRow, Rule};

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
    let filtered_too = params.flag("include_filtered").unwrap_or(false);
    sandbox.look(|state| {
        let owner = state.accounts.get(&me).ok_or(Refused::NotFound)?;
        let from = params.text("account_id");
        let cursor = Cursor::of(&params, state.profile.notifications_page, state.profile.notifications_page_max);
        let passes = |row: &NotificationRow| {
            only.as_ref().is_none_or(|only| only.iter().any(|kind| kind == row.kind))
                && !without.iter().any(|kind| kind == row.kind)
                && (filtered_too || !row.filtered)
                && from.is_none_or(|from| row.from.to_string() == from)
                && newest.is_none_or(|newest| row.created_at <= newest)
                && row.status.is_none_or(|key| state.visible(key, Some(me)).is_some())
        };
        let page = cursor.page(&owner.notifications, |row| row.key.0, passes);
        let entities: Vec<Value> = page.iter().filter_map(|row| state.notification_json(row, me)).collect();
        let mut response = answer(200, &Value::Array(entities));
        if let (Some(first), Some(last)) = (page.first(), page.last()) {
            let kept = params.keep(&["limit", "types", "exclude_types", "include_filtered", "account_id"]);
            let url = format!("{}/api/v1/notifications", state.base);
            set(&mut response, "link", &link(&url, &kept, first.key.0, last.key.0, More::Perhaps));
        }
        Ok(response)
    })
}

pub(crate) async fn show(
    Context(sandbox): Context<Sandbox>,
    Me(me): Me,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    sandbox.look(|state| {
        let key = NotificationKey::parse(&id).ok_or(Refused::NotFound)?;
        let owner = state.accounts.get(&me).ok_or(Refused::NotFound)?;
        let at = owner.notifications.binary_search_by_key(&key, |row| row.key);
        let row = at.ok().and_then(|at| owner.notifications.get(at));
        let entity = row.and_then(|row| state.notification_json(row, me)).ok_or(Refused::NotFound)?;
        Ok(answer(200, &entity))
    })
}

pub(crate) async fn policy(Context(sandbox): Context<Sandbox>, Me(me): Me) -> Result<Response, Refused> {
    sandbox.look(|state| {
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
        let owner = state.accounts.get_mut(&me).ok_or(Refused::NotFound)?;
        owner.policy.private_mentions = rule("for_private_mentions").unwrap_or(owner.policy.private_mentions);
        owner.policy.limited_accounts = rule("for_limited_accounts").unwrap_or(owner.policy.limited_accounts);
        Ok::<(), Refused>(())
    })?;
    policy(Context(sandbox), Me(me)).await
}
