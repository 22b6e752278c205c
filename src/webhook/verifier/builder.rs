//! The builder of a verifier.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::key::KeyDigest;
use super::signature::Signer;
use super::{Candidate, HeaderNames, Inner, Verifier};
use crate::clock::Clock;
use crate::limits;
use crate::secret::Secret;
use crate::webhook::clock;
use crate::webhook::error::VerifierError;

/// How far a signature's time may be from this machine's, either way, unless configured otherwise.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// How long a body may take unless configured otherwise: the service itself gives up after 3 s.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Builds a [`Verifier`] with several secrets, other header names, another tolerance or clock.
///
/// To rotate a key, configure the new one beside the old one, change it at the webhook's settings, and remove the
/// old one when no delivery carries its label any more, or give it an end beforehand:
///
/// ```
/// use std::time::{Duration, SystemTime};
/// # fn main() -> Result<(), onehorizon::webhook::VerifierError> {
/// let tomorrow = SystemTime::now() + Duration::from_secs(24 * 60 * 60);
/// let verifier = onehorizon::webhook::Verifier::builder()
///     .key("2026-05", "the new key")
///     .key_until("2025-11", "the old key", tomorrow)
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until it is built"]
pub struct VerifierBuilder {
    keys: Vec<Candidate<Secret>>,
    secrets: Vec<Candidate<Secret>>,
    tolerance: Duration,
    key_header: String,
    signature_prefix: String,
    max_body_bytes: usize,
    body_timeout: Duration,
    clock: Arc<dyn Clock>,
}

impl Verifier {
    /// A verifier for the key shown at the webhook's settings, by custom in `ONE_WEBHOOK_KEY`. Its label is `key`.
    ///
    /// # Errors
    /// When the key cannot be used: it is empty, or has a line end, white space or quotes around it.
    pub fn key(key: impl Into<Secret>) -> Result<Self, VerifierError> {
        Self::builder().key("key", key).build()
    }

    /// A verifier for deliveries signed with a secret in base64, with or without `whsec_` in front. Its label is
    /// `signature`.
    ///
    /// # Errors
    /// When the secret cannot be used or is not base64.
    pub fn signed(secret: impl Into<Secret>) -> Result<Self, VerifierError> {
        Self::builder().signed("signature", secret).build()
    }

    /// A verifier for the key in the environment variable `ONE_WEBHOOK_KEY`, and for the one in
    /// `ONE_WEBHOOK_KEY_PREVIOUS` where it is set: put the old key there while it is being rotated. Their labels are
    /// `key` and `previous`. A variable that is set to nothing counts as not set.
    ///
    /// # Errors
    /// When `ONE_WEBHOOK_KEY` is not set, or a key cannot be used.
    pub fn from_env() -> Result<Self, VerifierError> {
        let name = "ONE_WEBHOOK_KEY";
        let key = variable(name)?.ok_or(VerifierError::MissingVariable { name })?;
        let builder = Self::builder().key("key", key);
        match variable("ONE_WEBHOOK_KEY_PREVIOUS")? {
            Some(previous) => builder.key("previous", previous).build(),
            None => builder.build(),
        }
    }

    /// Several secrets, other header names, another tolerance or clock.
    pub fn builder() -> VerifierBuilder {
        VerifierBuilder::new()
    }

    /// A verifier that checks nothing about the sender.
    ///
    /// Anyone who finds the address can then feed the receiver any event. For local experiments only.
    #[must_use]
    pub fn insecure_accept_all() -> Self {
        VerifierBuilder::new().accept_all()
    }
}

impl VerifierBuilder {
    fn new() -> Self {
        Self {
            keys: Vec::new(),
            secrets: Vec::new(),
            tolerance: TOLERANCE,
            key_header: "x-one-webhook-key".to_owned(),
            signature_prefix: "webhook".to_owned(),
            max_body_bytes: limits::WEBHOOK_BODY_BYTES,
            body_timeout: BODY_TIMEOUT,
            clock: clock::system(),
        }
    }

    /// Takes a key, without an end.
    pub fn key(mut self, label: &str, key: impl Into<Secret>) -> Self {
        self.keys.push(Candidate { label: label.into(), not_after: None, secret: key.into() });
        self
    }

    /// Takes a key until `not_after`; from then on a delivery that carries it is refused as expired.
    pub fn key_until(mut self, label: &str, key: impl Into<Secret>, not_after: SystemTime) -> Self {
        self.keys.push(Candidate { label: label.into(), not_after: Some(not_after), secret: key.into() });
        self
    }

    /// Takes deliveries signed with a secret in base64, with or without `whsec_` in front.
    ///
    /// With keys configured too, a delivery that carries a signature is checked by the signature alone.
    pub fn signed(mut self, label: &str, secret: impl Into<Secret>) -> Self {
        self.secrets.push(Candidate { label: label.into(), not_after: None, secret: secret.into() });
        self
    }

    /// As [`signed`](Self::signed), until `not_after`.
    pub fn signed_until(mut self, label: &str, secret: impl Into<Secret>, not_after: SystemTime) -> Self {
        self.secrets.push(Candidate { label: label.into(), not_after: Some(not_after), secret: secret.into() });
        self
    }

    /// How far a signature's time may be from this machine's, either way; 5 minutes unless set. The key scheme
    /// has no time to check.
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// The header that carries the key; `x-one-webhook-key` unless set.
    pub fn key_header(mut self, name: &str) -> Self {
        name.clone_into(&mut self.key_header);
        self
    }

    /// What the names of the three signature headers (`…-id`, `…-timestamp`, `…-signature`) begin with; `webhook`
    /// unless set.
    pub fn signature_header_prefix(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.signature_prefix);
        self
    }

    /// The largest body taken, in bytes; 256 KiB unless set.
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body_bytes = bytes;
        self
    }

    /// How long a request's body may take to arrive; 5 seconds unless set. Counted where the crate reads the body itself,
    /// as the axum route and extractor do.
    pub fn body_timeout(mut self, limit: Duration) -> Self {
        self.body_timeout = limit;
        self
    }

    /// The clock that expiry, freshness and time limits go by; the machine's unless set.
    ///
    /// The default clock can wait on a Tokio runtime only, with the feature `client` or `axum`: on another runtime time
    /// limits need a clock that knows it.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The verifier.
    ///
    /// # Errors
    /// When there is no secret, a secret cannot be used, two have one label, or a header name is not valid.
    pub fn build(self) -> Result<Verifier, VerifierError> {
        if self.keys.is_empty() && self.secrets.is_empty() {
            return Err(VerifierError::NoSecret);
        }
        let labels: Vec<&Arc<str>> = self.keys.iter().chain(&self.secrets).map(|candidate| &candidate.label).collect();
        if let Some(twice) =
            labels.iter().enumerate().find_map(|(at, label)| labels.iter().take(at).find(|l| l == &label))
        {
            return Err(VerifierError::DuplicateLabel { label: twice.to_string() });
        }
        let names = self.header_names()?;
        Ok(Verifier::from_inner(Inner {
            keys: candidates(self.keys, KeyDigest::configured)?,
            signers: candidates(self.secrets, Signer::labelled)?,
            accept_all: false,
            tolerance: self.tolerance,
            names,
            max_body_bytes: self.max_body_bytes,
            body_timeout: self.body_timeout,
            clock: self.clock,
        }))
    }

    /// A verifier without secrets, for [`Verifier::insecure_accept_all`].
    fn accept_all(self) -> Verifier {
        Verifier::from_inner(Inner {
            keys: Vec::new(),
            signers: Vec::new(),
            accept_all: true,
            tolerance: self.tolerance,
            names: HeaderNames {
                key: String::new(),
                id: String::new(),
                timestamp: String::new(),
                signature: String::new(),
            },
            max_body_bytes: self.max_body_bytes,
            body_timeout: self.body_timeout,
            clock: self.clock,
        })
    }

    fn header_names(&self) -> Result<HeaderNames, VerifierError> {
        Ok(HeaderNames {
            key: header_name(&self.key_header)?,
            id: header_name(&format!("{}-id", self.signature_prefix))?,
            timestamp: header_name(&format!("{}-timestamp", self.signature_prefix))?,
            signature: header_name(&format!("{}-signature", self.signature_prefix))?,
        })
    }
}

impl fmt::Debug for VerifierBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifierBuilder")
            .field("keys", &self.keys.iter().map(|key| &key.label).collect::<Vec<_>>())
            .field("signed", &self.secrets.iter().map(|secret| &secret.label).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

fn candidates<T>(
    secrets: Vec<Candidate<Secret>>,
    parse: impl Fn(&str, &Secret) -> Result<T, VerifierError>,
) -> Result<Vec<Candidate<T>>, VerifierError> {
    secrets
        .into_iter()
        .map(|Candidate { label, not_after, secret }| {
            let secret = parse(&label, &secret)?;
            Ok(Candidate { label, not_after, secret })
        })
        .collect()
}

fn header_name(name: &str) -> Result<String, VerifierError> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || name.starts_with('-') || !name.bytes().all(is_token) {
        return Err(VerifierError::InvalidHeaderName { name: name.to_owned() });
    }
    Ok(name.to_ascii_lowercase())
}

/// A variable of the environment; one that is set to nothing counts as not set.
fn variable(name: &'static str) -> Result<Option<String>, VerifierError> {
    match std::env::var(name) {
        Ok(value) if value.is_empty() => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(VerifierError::MissingVariable { name }),
    }
}
