//! The curated face of the generated clients.

mod api_keys;
mod request;
mod tasks;

pub use api_keys::{LeftKey, RotateApiKey, RotatedApiKey, Rotation, RotationError, RotationProgress, RotationStep};
pub use request::Request;

pub use crate::generated::apis::*;
