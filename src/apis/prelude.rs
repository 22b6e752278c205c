//! What generated operations are written with.
#![allow(unused_imports, reason = "not every contract needs every part")]

pub(crate) use http::Method;

pub(crate) use crate::configuration::Configuration;
pub(crate) use crate::engine::{Access, Call, ListStyle, Operation, Pending, RetryClass};
pub(crate) use crate::error::Error;
pub(crate) use crate::options::{CallOptions, RequestOptions};
pub(crate) use crate::response::Response;
