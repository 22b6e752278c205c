//! The curated face of the generated clients.

mod request;
mod rotation;
mod summary;
mod tasks;

pub use request::Request;
pub use rotation::{OrphanedKey, RotateApiKey, RotatedApiKey, Rotation, RotationError, RotationProgress, RotationStep};

pub use crate::generated::apis::*;
