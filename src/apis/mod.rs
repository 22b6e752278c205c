//! The curated face of the generated clients.

pub(crate) mod prelude;
mod request;
mod rotation;
mod tasks;

pub use request::Request;
pub use rotation::{OrphanedKey, RotateApiKey, RotatedApiKey, Rotation, RotationError, RotationProgress, RotationStep};

pub use crate::generated::apis::*;
