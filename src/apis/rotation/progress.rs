//! The steps of a rotation, its progress, its result, and the keys that a failure leaves.

use std::fmt;

use crate::models::{ApiKeyId, CreatedApiKey};

/// The steps of a rotation, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RotationStep {
    /// Checking that the old key exists.
    Check,
    /// Creating the replacement.
    Create,
    /// Reading the id and the secret from the response.
    Read,
    /// Installing the new secret where it is used.
    Install,
    /// Calling with the new key.
    Confirm,
    /// Revoking the old key.
    Revoke,
}

impl RotationStep {
    /// The step in one word: `check`, `create`, `read`, `install`, `confirm`, `revoke`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Create => "create",
            Self::Read => "read",
            Self::Install => "install",
            Self::Confirm => "confirm",
            Self::Revoke => "revoke",
        }
    }
}

impl fmt::Display for RotationStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A step that a rotation has just completed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RotationProgress {
    /// The replacement exists.
    Created(ApiKeyId),
    /// The installer is done.
    Installed,
    /// The new key works; the number of tries that confirming took.
    Confirmed(u32),
    /// The old key is revoked: the end.
    OldRevoked(ApiKeyId),
    /// The previous secret is back, after the new key could not be confirmed.
    Restored,
    /// The replacement is revoked, after a step failed.
    NewRevoked(ApiKeyId),
}

/// A completed rotation: the new key works, and the old one no longer does.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RotatedApiKey {
    /// The key that took over.
    pub new_key: ApiKeyId,
    /// The key that was revoked.
    pub old_key: ApiKeyId,
    /// The new key as the service returned it, with its secret.
    pub created: CreatedApiKey,
    /// How many tries confirming took.
    pub confirm_attempts: u32,
    /// Whether somebody else had revoked the old key in the meantime.
    pub old_was_gone: bool,
}

/// A key that a failed rotation leaves behind: somebody has to look after it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OrphanedKey {
    /// The replacement, which is or may be active.
    New(ApiKeyId),
    /// The old key, which is or may be active although the new one has taken over.
    Old(ApiKeyId),
    /// A key that appeared while the response to creating was lost: probably the replacement, whose secret is lost.
    Suspected(ApiKeyId),
    /// A replacement that may exist and whose id is not known: list the keys and look for the description.
    Unknown {
        /// The description that the rotation asked for.
        description: String,
    },
}

impl OrphanedKey {
    /// Its id, if known.
    #[must_use]
    pub fn id(&self) -> Option<&ApiKeyId> {
        match self {
            Self::New(id) | Self::Old(id) | Self::Suspected(id) => Some(id),
            Self::Unknown { .. } => None,
        }
    }
}

impl fmt::Display for OrphanedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New(id) => write!(f, "the new key {id} may be active"),
            Self::Old(id) => write!(f, "the old key {id} may be active"),
            Self::Suspected(id) => write!(f, "the key {id} appeared in the meantime and is probably the replacement"),
            Self::Unknown { description } => {
                write!(f, "a key with the description {description:?} may be active: list the keys to find it")
            }
        }
    }
}
