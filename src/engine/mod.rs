//! The sole owner of retrying, waiting, time limits, time and randomness.
//!
//! A generated operation fills a [`Call`]; [`run`] sends it until it has an answer to give.

mod call;
mod decode;
mod media;
mod operation;
mod retry;
mod run;

pub(crate) use crate::clock::{Clock, SystemClock};
pub use call::Pending;
pub use retry::Retry;

pub(crate) use crate::quota::{OnWait, Quota};
pub(crate) use call::Call;
#[allow(unused_imports, reason = "the contract at hand has JSON alone")]
pub(crate) use media::{ByStatus, read_json};
pub(crate) use operation::{Access, CREATE_API_KEY, Operation, RetryClass, TOO_MANY_KEYS, check_segment};
pub(crate) use retry::Budget;
