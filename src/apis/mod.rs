//! The curated face of the generated clients.

mod bulk;
mod edit;
mod find_or_create;
pub(crate) mod prelude;
mod request;
mod rotation;
mod steps;
mod summary;

pub use bulk::{Bulk, BulkItem, BulkOutcome, BulkProgress, BulkReport};
pub use edit::{EditOutcome, EditTask, EditedTask};
pub use find_or_create::{FindOrCreate, FoundOrCreated};
pub use request::Request;
pub use rotation::{OrphanedKey, RotateApiKey, RotatedApiKey, Rotation, RotationError, RotationProgress, RotationStep};

pub use crate::generated::apis::*;
