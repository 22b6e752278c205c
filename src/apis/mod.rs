//! The curated face of the generated clients.

mod request;
mod tasks;

pub use request::Request;

pub use crate::generated::apis::*;
