//! `/api/v1/notifications/requests`: people whose notifications the policy filters, one entry each.
//!
//! Invariant: reading changes nothing; accepting and dismissing are a person's business, and nothing here does either.

use std::collections::BTreeMap;

use axum::extract::State as Context;
use axum::response::Response;
use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::sandbox::answer::{json as answer, set};
use crate::sandbox::gate::Me;
use crate::sandbox::ids::{AccountKey, time};
use crate::sandbox::paging::{Cursor, Ends, More, link};
use crate::sandbox::params::Params;
use crate::sandbox::profile::Requests;
use crate::sandbox::refused::Refused;
use crate::sandbox::state::NotificationRow;

/// Page size without `limit`, and the largest.
const PAGE: usize = 40;
const PAGE_AT_MOST: usize = 80;

/// The filtered mentions of one person, oldest first; known by the first of them.
struct Request<'a> {
    from: AccountKey,
    rows: Vec<&'a NotificationRow>,
}

impl Request<'_> {
    fn id(&self) -> u64 {
        self.rows.first().map_or(0, |row| row.key.0)
    }
}

pub(crate) async fn list(Context(sandbox): Context<Sandbox>, Me(me): Me, params: Params) -> Result<Response, Refused> {
    let now = sandbox.now();
    sandbox.look(|state| {
        state.profile.policy.open()?;
        if state.profile.requests == Requests::Absent {
            return Err(Refused::NoRoute);
        }
        let owner = state.accounts.get(&me).ok_or(Refused::NotFound)?;
        let mut by_person: BTreeMap<AccountKey, Vec<&NotificationRow>> = BTreeMap::new();
        let listed = owner.notifications.iter().filter(|row| row.filtered && row.listed_at <= now);
        for row in listed.filter(|row| row.status.is_none_or(|key| state.visible(key, Some(me)).is_some())) {
            by_person.entry(row.from).or_default().push(row);
        }
        let mut requests: Vec<Request<'_>> = by_person.into_iter().map(|(from, rows)| Request { from, rows }).collect();
        requests.sort_by_key(Request::id);
        let cursor = Cursor::of(&params, PAGE, PAGE_AT_MOST, |id| id.parse().ok());
        let page = cursor.page(&requests, Request::id, |_| true);
        let entities: Vec<Value> = page
            .iter()
            .filter_map(|request| {
                let from = state.accounts.get(&request.from)?;
                let (first, last) = (request.rows.first()?, request.rows.last()?);
                let status = last.status.and_then(|key| state.visible(key, Some(me)));
                let status = status.filter(|_| state.profile.requests == Requests::WithStatus);
                Some(json!({
                    "id": request.id().to_string(),
                    "created_at": time(first.created_at),
                    "updated_at": time(last.created_at),
                    "notifications_count": request.rows.len().to_string(),
                    "account": state.account_json(from),
                    "last_status": status.map(|status| state.status_json(status, Some(me))),
                }))
            })
            .collect();
        let mut response = answer(200, &Value::Array(entities));
        if let (Some(first), Some(last)) = (page.first(), page.last()) {
            let url = format!("{}/api/v1/notifications/requests", state.base);
            let oldest_at = last.rows.first().map(|row| time(row.created_at)).unwrap_or_default();
            let ends = Ends { newest: first.id().to_string(), oldest: last.id().to_string(), oldest_at };
            if let Some(link) = link(state.profile.links, &url, &params.keep(&["limit"]), &ends, More::Perhaps) {
                set(&mut response, "link", &link);
            }
        }
        Ok(response)
    })
}
