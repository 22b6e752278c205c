//! The documented scheme: one shared key in a header.

use ctutils::{Choice, CtEq};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::secret::Secret;
use crate::webhook::error::VerifierError;

/// A webhook key as its SHA-256 digest.
///
/// Digests have one length, so that comparing them tells nothing about the key's, and the key itself is not kept.
pub(super) struct KeyDigest(Zeroizing<[u8; 32]>);

impl KeyDigest {
    /// Checks a configured key; white space around it is not part of it, as in the official receivers.
    pub(super) fn configured(label: &str, key: &Secret) -> Result<Self, VerifierError> {
        let key = key.expose().trim();
        if key.is_empty() {
            return Err(VerifierError::EmptyKey { label: label.to_owned() });
        }
        if key.chars().any(char::is_control) {
            return Err(VerifierError::InvalidKey { label: label.to_owned() });
        }
        Ok(Self::of(key.as_bytes()))
    }

    /// The digest of a key that a request presents.
    pub(super) fn presented(value: &[u8]) -> Self {
        Self::of(value.trim_ascii())
    }

    pub(super) fn matches(&self, other: &Self) -> Choice {
        self.0.as_slice().ct_eq(other.0.as_slice())
    }

    fn of(key: &[u8]) -> Self {
        Self(Zeroizing::new(Sha256::digest(key).into()))
    }
}
