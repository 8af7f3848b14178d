//! Home and public timelines.
//!
//! Home is put together when it is read, from the lists of those one follows, so that publishing costs nothing per
//! follower. Direct statuses are in it only for their author and for named people who follow the author.

use axum::extract::State as Context;
use axum::response::Response;

use super::page_of_statuses;
use crate::core::post::Visibility;
use crate::sandbox::Sandbox;
use crate::sandbox::gate::{Me, Viewer};
use crate::sandbox::ids::StatusKey;
use crate::sandbox::params::Params;
use crate::sandbox::refused::Refused;

pub(crate) async fn home(Context(sandbox): Context<Sandbox>, Me(me): Me, params: Params) -> Result<Response, Refused> {
    sandbox.look(|state| {
        let row = state.accounts.get(&me).ok_or(Refused::NotFound)?;
        let authors = row.follows.iter().copied().chain([me]);
        let lists = authors.filter_map(|author| state.accounts.get(&author)).map(|author| author.statuses.as_slice());
        let mut all: Vec<StatusKey> = lists.flatten().copied().collect();
        all.sort_unstable();
        Ok(page_of_statuses(state, &all, Some(me), &params, "/api/v1/timelines/home", |_| true))
    })
}

pub(crate) async fn public(Context(sandbox): Context<Sandbox>, Viewer(viewer): Viewer, params: Params) -> Response {
    sandbox.look(|state| {
        page_of_statuses(state, &state.order, viewer, &params, "/api/v1/timelines/public", |row| {
            let is_answer = row.in_reply_to.is_some();
            row.visibility == Visibility::Public && row.reblog_of.is_none() && !is_answer
        })
    })
}
