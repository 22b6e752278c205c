//! Replacing an API key while there is always a working one: create, install, confirm, revoke.
//!
//! [`ApiKeysApi::rotate_api_key`](super::ApiKeysApi::rotate_api_key) starts a rotation.

mod builder;
mod error;
mod listing;
mod progress;
mod refusal;
mod run;

pub use builder::{RotateApiKey, Rotation};
pub use error::RotationError;
pub use progress::{OrphanedKey, RotatedApiKey, RotationProgress, RotationStep};
