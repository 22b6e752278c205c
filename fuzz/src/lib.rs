//! The bodies of the fuzz targets. They are in a library so that [`linear`] can run each of them on inputs of growing size.

mod client;
mod gauge;
pub mod linear;
mod models;
#[path = "../../tests/support/moment.rs"]
mod moment;
mod webhook;

pub use client::{error_body, rate_limit_message, response_body, retry_after};
pub use models::{generator, model, timestamp};
pub use webhook::{event, signature, webhook_request};
