//! The steps of a rotation, what it reports of them, and what it leaves behind.

use std::fmt;

use crate::models::{ApiKeyId, CreatedApiKey};

/// The steps of a rotation, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RotationStep {
    /// Looking whether the old key is there.
    Check,
    /// Creating the replacement.
    Create,
    /// Finding the id and the secret in the answer.
    Read,
    /// Putting the new secret where it is used.
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

/// What a rotation has just done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RotationProgress {
    /// The replacement exists.
    Created(ApiKeyId),
    /// The installer is done.
    Installed,
    /// The new key works; this was so many tries.
    Confirmed(u32),
    /// The old key is revoked: the end.
    OldRevoked(ApiKeyId),
    /// The previous secret is back, after the new key could not be confirmed.
    Restored,
    /// The replacement is revoked, after a step failed.
    NewRevoked(ApiKeyId),
}

/// A rotation that went through: the new key works and the old one does not any more.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RotatedApiKey {
    /// The key that took over.
    pub new_key: ApiKeyId,
    /// The key that was revoked.
    pub old_key: ApiKeyId,
    /// What the service told of the new key, its secret included.
    pub created: CreatedApiKey,
    /// How many tries confirming took.
    pub confirm_attempts: u32,
    /// Somebody else had revoked the old key meanwhile.
    pub old_was_gone: bool,
}

/// A key that a failed rotation leaves over, so that somebody has to look after it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OrphanedKey {
    /// The replacement, which is active or may be.
    New(ApiKeyId),
    /// The old key, which is active or may be although the new one has taken over.
    Old(ApiKeyId),
    /// A key that appeared while the answer to creating got lost: very likely the replacement, whose secret nobody has.
    Suspected(ApiKeyId),
    /// A replacement that may exist, and nobody can tell its id: list the keys and look for the description.
    Unknown,
}

impl OrphanedKey {
    /// Its id, where one is known.
    #[must_use]
    pub fn id(&self) -> Option<&ApiKeyId> {
        match self {
            Self::New(id) | Self::Old(id) | Self::Suspected(id) => Some(id),
            Self::Unknown => None,
        }
    }
}

impl fmt::Display for OrphanedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New(id) => write!(f, "the new key {id} is left"),
            Self::Old(id) => write!(f, "the old key {id} is left"),
            Self::Suspected(id) => write!(f, "the key {id} appeared meanwhile and is probably left by this"),
            Self::Unknown => f.write_str("a key without a known id may be left: list the keys to find it"),
        }
    }
}
