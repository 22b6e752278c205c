//! Many edits and creates, with a result for each.
//!
//! [`TasksApi::bulk`](super::TasksApi::bulk) starts one. It runs a few items at a time (8 by default; the quota is the limit,
//! not the connection), goes on after an item failed, and reports every item. With [`Bulk::state_file`] a later run goes on
//! where this one stopped; with [`Bulk::stop_when`] it stops without losing what is under way.

mod builder;
mod report;
mod run;
mod state;

pub use builder::Bulk;
pub use report::{BulkItem, BulkOutcome, BulkProgress, BulkReport};
