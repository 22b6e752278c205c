//! The curated face of the generated clients.

mod edit;
pub(crate) mod prelude;
mod request;
mod rotation;
mod summary;

pub use edit::{EditOutcome, EditTask, EditedTask};
pub use request::Request;
pub use rotation::{OrphanedKey, RotateApiKey, RotatedApiKey, Rotation, RotationError, RotationProgress, RotationStep};

pub use crate::generated::apis::*;
