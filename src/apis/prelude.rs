//! What generated operations are written with.
#![allow(unused_imports, reason = "not every contract needs every part")]

pub(crate) use bytes::Bytes;
pub(crate) use http::{Method, StatusCode};

pub(crate) use crate::configuration::Configuration;
pub(crate) use crate::engine::{Access, ByStatus, Call, ListStyle, Operation, Pending, RetryClass, read_json};
pub(crate) use crate::error::Error;
pub(crate) use crate::options::{CallOptions, RequestOptions};
pub(crate) use crate::response::Response;
