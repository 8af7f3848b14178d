//! The calendar over months and zones: what `plan` said is what happened ([`months`]), times keep their meaning when
//! zone data changes ([`zones`]), late posts end as the law says ([`lateness`]), one text does not flood a server
//! ([`sameness`]).

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod lateness;
mod months;
mod rig;
mod sameness;
mod trouble;
mod zones;
