//! Proof that the one who brings the code is the one who asked for it (RFC 7636), and other unguessable strings.

use std::error::Error as StdError;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::error::{OauthError, OauthErrorKind};
use crate::secret::Secret;

/// Fills a buffer with bytes that nobody can guess.
pub(super) type Entropy = Arc<dyn Fn(&mut [u8]) -> Result<(), Box<dyn StdError + Send + Sync>> + Send + Sync>;

/// Bytes behind a verifier, as in the official example: 86 characters of the 43 to 128 that the RFC allows.
const VERIFIER_BYTES: usize = 64;
/// Bytes behind a state.
const STATE_BYTES: usize = 32;

/// The operating system's generator.
pub(super) fn system() -> Entropy {
    Arc::new(|buffer| getrandom::fill(buffer).map_err(Into::into))
}

pub(super) fn verifier(entropy: &Entropy) -> Result<Secret, OauthError> {
    unguessable::<VERIFIER_BYTES>(entropy)
}

pub(super) fn state(entropy: &Entropy) -> Result<Secret, OauthError> {
    unguessable::<STATE_BYTES>(entropy)
}

/// The challenge that S256 makes of a verifier.
pub(super) fn challenge(verifier: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose().as_bytes()))
}

/// Whether a string may be a verifier: 43 to 128 characters of the RFC's alphabet.
pub(super) fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
}

fn unguessable<const N: usize>(entropy: &Entropy) -> Result<Secret, OauthError> {
    let mut bytes = Zeroizing::new([0_u8; N]);
    entropy(&mut *bytes).map_err(|fault| {
        OauthError::new(OauthErrorKind::Config, "could not obtain random numbers from the system").with_source(fault)
    })?;
    Ok(Secret::from(URL_SAFE_NO_PAD.encode(*bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_the_one_of_the_rfc() {
        // RFC 7636, appendix B.
        let verifier = Secret::from("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn verifiers_keep_to_the_alphabet_and_length_of_the_rfc() {
        let verifier = verifier(&system()).unwrap_or_else(|error| unreachable!("{error}"));
        assert_eq!(verifier.expose().len(), 86);
        assert!(is_verifier(verifier.expose()));
        assert!(!is_verifier(&"a".repeat(42)) && !is_verifier(&"a".repeat(129)) && !is_verifier(&"a+".repeat(30)));
    }
}
