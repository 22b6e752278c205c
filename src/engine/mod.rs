//! The sole owner of retrying, waiting, time limits, time and randomness.
//!
//! A generated operation fills a [`Call`]; [`run`] sends it until it has an answer to give.

mod call;
mod decode;
mod operation;
mod retry;
mod run;

pub(crate) use crate::clock::{Clock, SystemClock};
pub use call::Pending;
pub use retry::Retry;

pub(crate) use crate::quota::{OnWait, Quota};
pub(crate) use call::{Call, ListStyle};
pub(crate) use operation::{Access, CREATE_API_KEY, Operation, RetryClass, TOO_MANY_KEYS, check_segment};
pub(crate) use retry::Budget;

/// What generated operations are written with.
pub(crate) mod prelude {
    #![allow(unused_imports, reason = "not every contract needs every part")]

    pub(crate) use http::Method;

    pub(crate) use super::{Access, Call, ListStyle, Operation, Pending, RetryClass};
    pub(crate) use crate::configuration::Configuration;
    pub(crate) use crate::error::Error;
    pub(crate) use crate::options::{CallOptions, RequestOptions};
    pub(crate) use crate::response::Response;
}
