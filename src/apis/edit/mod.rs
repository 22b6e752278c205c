//! Editing a task: fetch it, change it, write the whole task back; where the contract updates by PATCH, what changed.
//!
//! [`TasksApi::edit_task`](super::TasksApi::edit_task) starts an edit. Guarantees:
//!
//! - Fields that this version does not know are written back as they came. A task that the change leaves as it was is
//!   not written.
//! - Edits of one task through clones of one configuration run one after another.
//! - What was fetched is written only under its own id.
//! - A write whose response was lost is not simply sent again: the task is fetched, and sent again only if it is as it was
//!   before.
//!
//! The service documents no `ETag`, so between processes the last writer wins; [`EditTask::check_conflict`] and
//! [`EditTask::confirm`] narrow the gap and do not close it.

mod builder;
mod compare;
mod run;

pub use builder::{EditOutcome, EditTask, EditedTask};
