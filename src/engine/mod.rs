//! One call from builder to response: attempts, retries, waits and time limits.
//!
//! A generated operation fills a [`Call`]; `run` sends it until there is a response or an error to return. Nothing else
//! in the crate retries, and the HTTP stack below neither retries nor follows redirects.

mod attempt;
mod budget;
mod call;
mod client;
mod decode;
mod media;
mod observer;
mod operation;
mod pending;
mod query;
mod retry;
mod route;
mod run;

pub use pending::Pending;
pub use retry::Retry;

pub(crate) use budget::Budget;
pub(crate) use call::Call;
pub(crate) use client::Settings;
#[allow(unused_imports, reason = "not every contract needs them")]
pub(crate) use decode::{ByStatus, read_json};
pub(crate) use operation::{Access, CREATE_API_KEY, Operation, RetryClass, TOO_MANY_KEYS};
pub(crate) use route::check_segment;
