//! The signed scheme: HMAC-SHA256 by the Standard Webhooks specification.

use std::fmt;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ctutils::{Choice, CtEq};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::secret::Secret;
use crate::setting::{self, Fault, Form};
use crate::webhook::error::VerifierError;

/// Base64 that takes secrets and signatures with and without padding, and writes it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What stands in front of a signature made with a shared secret.
const VERSION: &[u8] = b"v1";

/// Characters of a SHA-256 digest in base64, padding included.
const SIGNATURE_CHARS: usize = 44;

/// Signs webhooks by the Standard Webhooks specification, for relays and tests.
///
/// The signature is HMAC-SHA256 over `id.timestamp.body`. One Horizon itself sends a key instead, so far.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// # fn main() -> Result<(), onehorizon::webhook::VerifierError> {
/// let signer = onehorizon::webhook::Signer::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
/// let at = UNIX_EPOCH + Duration::from_secs(1_614_265_330);
/// let signature = signer.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, br#"{"test": 2432232314}"#);
/// assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Signer {
    // Keyed once: each signature starts from a copy. Overwritten when dropped.
    keyed: Hmac<Sha256>,
}

impl Signer {
    /// A signer with a secret in base64, with or without `whsec_` in front.
    ///
    /// # Errors
    /// When the secret cannot be used or is not base64.
    pub fn new(secret: impl Into<Secret>) -> Result<Self, VerifierError> {
        Self::labelled("secret", &secret.into())
    }

    pub(super) fn labelled(label: &str, secret: &Secret) -> Result<Self, VerifierError> {
        let invalid = || VerifierError::InvalidSecret { label: label.to_owned() };
        let text = secret.expose();
        setting::check(Form::Text, text).map_err(|fault| VerifierError::unusable("signing secret", label, &fault))?;
        let text = text.strip_prefix("whsec_").unwrap_or(text);
        let key = Zeroizing::new(BASE64.decode(text).map_err(|_| invalid())?);
        if key.is_empty() {
            return Err(VerifierError::unusable("signing secret", label, &Fault::Empty));
        }
        let keyed = Hmac::new_from_slice(&key).map_err(|_| invalid())?;
        Ok(Self { keyed })
    }

    /// The value of the signature header for a body sent as `id` at a time, which is cut to whole seconds.
    #[must_use]
    pub fn sign(&self, id: &str, at: SystemTime, body: &[u8]) -> String {
        let mac = self.mac(id.as_bytes(), unix_seconds(at).to_string().as_bytes(), body);
        let mut signature = String::with_capacity(VERSION.len() + 1 + SIGNATURE_CHARS);
        signature.push_str("v1,");
        BASE64.encode_string(mac, &mut signature);
        signature
    }

    /// The three headers of a signed delivery, by their usual names.
    #[must_use]
    pub fn headers(&self, id: &str, at: SystemTime, body: &[u8]) -> [(&'static str, String); 3] {
        [
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", unix_seconds(at).to_string()),
            ("webhook-signature", self.sign(id, at, body)),
        ]
    }

    /// Whether one of the signatures in a header fits. All are compared, so that the time taken reveals nothing.
    pub(super) fn matches(&self, signed: &Signed<'_>) -> Choice {
        let mac = self.mac(signed.id, signed.timestamp, signed.body);
        signatures(signed.signatures)
            .fold(Choice::FALSE, |seen, candidate| seen.or(candidate.as_slice().ct_eq(mac.as_slice())))
    }

    fn mac(&self, id: &[u8], timestamp: &[u8], body: &[u8]) -> [u8; 32] {
        let mut mac = self.keyed.clone();
        for part in [id, b".", timestamp, b".", body] {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(redacted)")
    }
}

/// What a signature covers, and the signatures offered for it.
#[derive(Clone, Copy)]
pub(super) struct Signed<'a> {
    pub(super) id: &'a [u8],
    pub(super) timestamp: &'a [u8],
    /// The lines of the signature header.
    pub(super) signatures: &'a [&'a [u8]],
    pub(super) body: &'a [u8],
}

/// The signatures that this crate can check; those of other versions are passed over.
///
/// The header is a list of `v1,SIGNATURE` with blanks in between. Intermediaries treat it as HTTP treats lists: they join
/// lines with commas and cut at them. So blanks, commas and line ends all separate, and the word after a `v1` is a
/// signature; no signature has any of the three in it.
fn signatures<'a>(lines: &'a [&'a [u8]]) -> impl Iterator<Item = [u8; 32]> + 'a {
    let words = lines.iter().flat_map(|line| line.split(|byte| matches!(byte, b' ' | b'\t' | b',')));
    let mut after_version = false;
    words.filter(|word| !word.is_empty()).filter_map(move |word| {
        let is_signature = std::mem::replace(&mut after_version, word == VERSION);
        if is_signature && word != VERSION { decode(word) } else { None }
    })
}

fn decode(text: &[u8]) -> Option<[u8; 32]> {
    if text.len() > SIGNATURE_CHARS {
        return None;
    }
    // Larger than needed, since the decoder asks for space by the length of the text.
    let mut decoded = [0; SIGNATURE_CHARS];
    let length = BASE64.decode_slice(text, &mut decoded).ok()?;
    decoded.get(..length)?.try_into().ok()
}

/// The time that a timestamp header names: decimal digits only, seconds since 1970.
pub(super) fn parse_timestamp(header: &[u8]) -> Option<SystemTime> {
    let seconds = header.iter().try_fold(0_u64, |seconds, byte| {
        let digit = byte.is_ascii_digit().then(|| byte - b'0')?;
        seconds.checked_mul(10)?.checked_add(digit.into())
    })?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

fn unix_seconds(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
