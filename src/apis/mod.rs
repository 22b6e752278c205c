//! The calls of the clients, each a builder: set what is optional, then await it.
//!
//! Arguments of a client's method are what a call cannot do without. Methods of the builder set the rest: parameters of
//! the operation, and the options of every call, such as `timeout`, `deadline`, `attempts`, `max_wait` and `header`.
//! Every builder is `Send`, and does nothing until it is awaited.
//!
//! A list comes whole: the service documents no pages. A list that is given a cursor in the contract gets `pages()` and `items()`.
//!
//! ```
//! use std::time::Duration;
//! # async fn example(tasks: onehorizon::TasksApi) -> Result<(), onehorizon::Error> {
//! let task = tasks.fetch_task("tsk_1").workspace("w_2").timeout(Duration::from_secs(5)).attempts(1).await?;
//! # Ok(()) }
//! ```

mod body;
mod bulk;
mod edit;
mod filter;
mod find_or_create;
pub(crate) mod prelude;
mod request;
mod rotation;
mod steps;
mod summary;
pub(crate) mod whole_list;

pub use body::BodyOf;
pub use bulk::{Bulk, BulkItem, BulkOutcome, BulkProgress, BulkReport};
pub use edit::{EditOutcome, EditTask, EditedTask};
pub use filter::{FilteredTasks, TaskStream};
pub use find_or_create::{FindOrCreate, FoundOrCreated};
pub use request::Request;
pub use rotation::{OrphanedKey, RotateApiKey, RotatedApiKey, Rotation, RotationError, RotationProgress, RotationStep};
pub use summary::FetchesTasks;

pub use crate::generated::apis::*;
