//! The documented scheme: one shared key in a header.

use ctutils::{Choice, CtEq};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::secret::Secret;
use crate::setting::{self, Form};
use crate::webhook::error::VerifierError;

/// A webhook key as its SHA-256 digest.
///
/// Digests have one length, so that comparing them reveals nothing about the key's, and the key itself is not kept.
pub(super) struct KeyDigest(Zeroizing<[u8; 32]>);

impl KeyDigest {
    pub(super) fn configured(label: &str, key: &Secret) -> Result<Self, VerifierError> {
        let key = key.expose();
        setting::check(Form::Text, key).map_err(|fault| VerifierError::unusable("webhook key", label, &fault))?;
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
