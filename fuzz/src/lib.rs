//! What the fuzz targets do with their input. The bodies live here so that [`linear`] can run each of them on
//! inputs of growing size.

mod client;
mod gauge;
pub mod linear;
mod models;
mod webhook;

pub use client::{answer, error_body, rate_limit_message, retry_after};
pub use models::{generator, model, timestamp};
pub use webhook::{event, signature, webhook_request};
