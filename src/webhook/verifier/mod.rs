//! Checks that a delivery comes from who it says.

mod builder;
mod key;
mod signature;
mod verified;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ctutils::Choice;

pub use self::builder::VerifierBuilder;
use self::key::KeyDigest;
pub use self::signature::Signer;
use self::signature::{Signed, parse_timestamp};
use self::verified::Proof;
pub use self::verified::{Scheme, Verified};
use crate::webhook::error::{AuthFailure, WebhookError};
use crate::webhook::event::Event;
use crate::webhook::media_type;

type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Checks webhook deliveries: who sent them and, where they are signed, that nothing was changed.
///
/// One Horizon sends a shared key in `X-One-Webhook-Key` with every request, the probe of the *Verify* button
/// included ([`key`](Self::key)). The key proves the sender only; nothing in it depends on the body. Relays that
/// sign by the Standard Webhooks specification are checked too ([`signed`](Self::signed)).
///
/// Checks run in this order: size, authenticity, freshness, media type, content. Every configured secret is
/// compared, in constant time, whether or not one before it matched. Bodies are bytes and are not copied.
///
/// Cloning is cheap. Headers are looked up through a closure that takes a lower-case name, so that any
/// framework's headers will do; it should ignore case, as HTTP does.
///
/// ```
/// use onehorizon::webhook::Verifier;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::key("the key from Settings > Apps")?;
///
/// let headers = [("X-One-Webhook-Key", "the key from Settings > Apps")];
/// let find = |name: &str| headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_bytes());
/// let body = verifier.verify(find, b"{}")?;
/// assert_eq!(body.label(), Some("key"));
/// assert!(!body.is_body_signed());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Verifier {
    inner: Arc<Inner>,
}

/// What a verifier is made of; the builder fills it.
struct Inner {
    keys: Vec<Candidate<KeyDigest>>,
    signers: Vec<Candidate<Signer>>,
    accept_all: bool,
    tolerance: Duration,
    names: HeaderNames,
    max_body_bytes: usize,
    clock: Clock,
}

/// One configured secret.
struct Candidate<T> {
    label: Arc<str>,
    not_after: Option<SystemTime>,
    secret: T,
}

/// The names of the headers that carry a proof, in lower case.
struct HeaderNames {
    key: String,
    id: String,
    timestamp: String,
    signature: String,
}

impl Verifier {
    fn from_inner(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// Checks size, authenticity and freshness of a body.
    ///
    /// # Errors
    /// [`TooLarge`](WebhookError::TooLarge), [`Unauthorized`](WebhookError::Unauthorized),
    /// [`TooOld`](WebhookError::TooOld) or [`TooNew`](WebhookError::TooNew).
    pub fn verify<'h, 'b>(
        &self,
        headers: impl Fn(&str) -> Option<&'h [u8]>,
        body: &'b [u8],
    ) -> Result<Verified<&'b [u8]>, WebhookError> {
        let proof = self.prove(&headers, body)?;
        Ok(Verified::new(body, proof))
    }

    /// Checks a body as [`verify`](Self::verify) does, then its media type, and reads the event in it.
    ///
    /// # Errors
    /// Those of [`verify`](Self::verify), [`UnsupportedMediaType`](WebhookError::UnsupportedMediaType), and what
    /// [`Event::from_delivery`] finds wrong with the body.
    pub fn event<'h>(
        &self,
        headers: impl Fn(&str) -> Option<&'h [u8]>,
        body: &[u8],
    ) -> Result<Verified<Event>, WebhookError> {
        let proof = self.prove(&headers, body)?;
        if !headers("content-type").is_some_and(media_type::is_cloud_event) {
            return Err(WebhookError::UnsupportedMediaType);
        }
        let event = Event::from_delivery(&headers, body)?;
        Ok(Verified::new(event, proof))
    }

    /// The largest body taken, in bytes.
    #[must_use]
    pub fn max_body_bytes(&self) -> usize {
        self.inner.max_body_bytes
    }

    /// What the headers alone can show to be wrong, so that no stranger's body needs to be read.
    ///
    /// A signature cannot be checked before the body is there.
    pub(in crate::webhook) fn check_head<'h>(
        &self,
        headers: &impl Fn(&str) -> Option<&'h [u8]>,
    ) -> Result<(), WebhookError> {
        let inner = &*self.inner;
        if inner.accept_all || self.uses_signature(headers) {
            return Ok(());
        }
        self.prove_key(headers).map(drop).map_err(WebhookError::from)
    }

    pub(in crate::webhook) fn prove<'h>(
        &self,
        headers: &impl Fn(&str) -> Option<&'h [u8]>,
        body: &[u8],
    ) -> Result<Proof, WebhookError> {
        let inner = &*self.inner;
        if body.len() > inner.max_body_bytes {
            return Err(WebhookError::TooLarge { limit: inner.max_body_bytes });
        }
        if inner.accept_all {
            return Ok(Proof { scheme: Scheme::Unchecked, label: None });
        }
        if self.uses_signature(headers) {
            return self.prove_signature(headers, body);
        }
        Ok(self.prove_key(headers)?)
    }

    pub(in crate::webhook) fn now(&self) -> SystemTime {
        (self.inner.clock)()
    }

    /// A signature that is there must fit: a key beside it does not excuse a wrong one.
    fn uses_signature<'h>(&self, headers: &impl Fn(&str) -> Option<&'h [u8]>) -> bool {
        let inner = &*self.inner;
        !inner.signers.is_empty() && (inner.keys.is_empty() || headers(&inner.names.signature).is_some())
    }

    fn prove_key<'h>(&self, headers: &impl Fn(&str) -> Option<&'h [u8]>) -> Result<Proof, AuthFailure> {
        let inner = &*self.inner;
        let presented = KeyDigest::presented(required(headers, &inner.names.key)?);
        let matches = |key: &KeyDigest| key.matches(&presented);
        let label = matching(&inner.keys, self.now(), matches, AuthFailure::WrongKey)?;
        Ok(Proof { scheme: Scheme::Key, label: Some(label) })
    }

    fn prove_signature<'h>(
        &self,
        headers: &impl Fn(&str) -> Option<&'h [u8]>,
        body: &[u8],
    ) -> Result<Proof, WebhookError> {
        let inner = &*self.inner;
        let names = &inner.names;
        let signed = Signed {
            signatures: required(headers, &names.signature)?,
            id: required(headers, &names.id)?,
            timestamp: required(headers, &names.timestamp)?,
            body,
        };
        let signed_at = parse_timestamp(signed.timestamp)
            .ok_or_else(|| AuthFailure::InvalidTimestamp { header: names.timestamp.clone() })?;
        let now = self.now();
        let matches = |signer: &Signer| signer.matches(&signed);
        let label = matching(&inner.signers, now, matches, AuthFailure::WrongSignature)?;
        self.check_freshness(now, signed_at)?;
        Ok(Proof { scheme: Scheme::Signature, label: Some(label) })
    }

    fn check_freshness(&self, now: SystemTime, signed_at: SystemTime) -> Result<(), WebhookError> {
        let tolerance = self.inner.tolerance;
        match now.duration_since(signed_at) {
            Ok(age) if age > tolerance => Err(WebhookError::TooOld { age, tolerance }),
            Err(ahead) if ahead.duration() > tolerance => {
                Err(WebhookError::TooNew { ahead: ahead.duration(), tolerance })
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.inner;
        f.debug_struct("Verifier")
            .field("keys", &inner.keys.iter().map(|key| &key.label).collect::<Vec<_>>())
            .field("signed", &inner.signers.iter().map(|signer| &signer.label).collect::<Vec<_>>())
            .field("accept_all", &inner.accept_all)
            .field("tolerance", &inner.tolerance)
            .field("max_body_bytes", &inner.max_body_bytes)
            .finish_non_exhaustive()
    }
}

/// The label of the first secret that matches and has not expired. All are compared in any case.
fn matching<T>(
    candidates: &[Candidate<T>],
    now: SystemTime,
    matches: impl Fn(&T) -> Choice,
    wrong: AuthFailure,
) -> Result<Arc<str>, AuthFailure> {
    let mut found: Result<&Arc<str>, AuthFailure> = Err(wrong);
    for candidate in candidates {
        let hit = matches(&candidate.secret).to_bool();
        let expired = candidate.not_after.is_some_and(|end| now > end);
        match (hit, expired, &found) {
            (true, false, Err(_)) => found = Ok(&candidate.label),
            (true, true, Err(_)) => found = Err(AuthFailure::Expired { label: candidate.label.to_string() }),
            _ => {}
        }
    }
    found.cloned()
}

fn required<'h>(headers: &impl Fn(&str) -> Option<&'h [u8]>, name: &str) -> Result<&'h [u8], AuthFailure> {
    headers(name)
        .filter(|value| !value.trim_ascii().is_empty())
        .ok_or_else(|| AuthFailure::Missing { header: name.to_owned() })
}
