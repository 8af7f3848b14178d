//! The rules of Watchpost as pure values and functions: no async, IO, clock, environment, SQL or HTTP.
//!
//! `now` and dice come in as parameters, so everything here can be tested as a table.

pub mod alike;
pub mod allowance;
pub mod approval;
pub mod breaker;
pub mod budget;
pub mod command;
pub mod compose;
pub mod count;
pub mod coverage;
pub mod date_words;
pub mod decision;
pub mod delivery;
pub mod fact;
pub(crate) mod fast_map;
pub mod ids;
pub mod intake;
pub mod lateness;
pub mod learning;
pub mod looking;
pub mod matching;
pub mod mention;
pub mod moves;
pub mod plan;
pub mod plural;
pub mod post;
pub mod resemblance;
pub mod rules;
pub mod schedule;
pub mod text;
pub mod timekeeping;
