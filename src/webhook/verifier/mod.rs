//! Checks who sent a delivery.

mod builder;
mod key;
mod signature;
mod verified;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use ctutils::Choice;

pub use self::builder::VerifierBuilder;
use self::key::KeyDigest;
pub use self::signature::Signer;
use self::signature::{Signed, parse_timestamp};
use self::verified::Proof;
pub use self::verified::{Scheme, Verified};
use crate::clock::Clock;
use crate::media_type;
use crate::webhook::error::{AuthFailure, WebhookError};
use crate::webhook::event::Event;
use crate::webhook::headers::{Headers, once};

/// Checks webhook deliveries: who sent them and, where they are signed, that nothing was changed.
///
/// One Horizon sends a shared key in `X-One-Webhook-Key` with every request, the probe of the *Verify* button
/// included ([`key`](Self::key)). The key proves the sender only; nothing in it depends on the body. Relays that
/// sign by the Standard Webhooks specification are checked too ([`signed`](Self::signed)).
///
/// Checks run in this order: size, authenticity, freshness, media type, content. Every configured secret is
/// compared, in constant time, whether or not one before it matched. Bodies are bytes and are not copied.
///
/// With a signature everything believed of an event is signed: its id and type are those of the body, and a request
/// whose `X-One-Event-Id` or `X-One-Event-Type` says otherwise is refused. The retry headers are never signed.
///
/// Clones share their secrets, and [`replace`](Self::replace) changes them in all clones at once. Headers are taken in
/// any framework's form, see [`Headers`].
///
/// ```
/// use onehorizon::webhook::Verifier;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::key("the key from Settings > Apps")?;
///
/// let headers = [("X-One-Webhook-Key", "the key from Settings > Apps")];
/// let body = verifier.verify(&headers, b"{}")?;
/// assert_eq!(body.label(), Some("key"));
/// assert!(!body.is_body_signed());
/// # Ok(())
/// # }
/// ```
#[doc(alias = "webhook_secret")]
#[derive(Clone)]
pub struct Verifier {
    inner: Arc<RwLock<Arc<Inner>>>,
}

/// What a verifier is made of; the builder fills it.
struct Inner {
    keys: Vec<Candidate<KeyDigest>>,
    signers: Vec<Candidate<Signer>>,
    accept_all: bool,
    tolerance: Duration,
    names: HeaderNames,
    max_body_bytes: usize,
    body_timeout: Duration,
    clock: Arc<dyn Clock>,
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

#[allow(clippy::needless_pass_by_value, reason = "headers are references or closures")]
impl Verifier {
    fn from_inner(inner: Inner) -> Self {
        Self { inner: Arc::new(RwLock::new(Arc::new(inner))) }
    }

    /// Takes over everything that `other` was built with, in all clones of this verifier: for a key that is changed
    /// while the program runs. Requests being checked at this moment are checked with what was there before.
    ///
    /// ```
    /// # fn main() -> Result<(), onehorizon::webhook::VerifierError> {
    /// use onehorizon::webhook::Verifier;
    /// let verifier = Verifier::key("the old key")?;
    /// // Later, for instance when the mounted secret has changed:
    /// verifier.replace(Verifier::builder().key("new", "the new key").key("old", "the old key").build()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn replace(&self, other: Self) {
        let new = other.inner();
        *self.inner.write().unwrap_or_else(PoisonError::into_inner) = new;
    }

    /// Checks size, authenticity and freshness of a body.
    ///
    /// # Errors
    /// [`TooLarge`](WebhookError::TooLarge), [`Unauthorized`](WebhookError::Unauthorized),
    /// [`TooOld`](WebhookError::TooOld), [`TooNew`](WebhookError::TooNew), and
    /// [`UnsupportedEncoding`](WebhookError::UnsupportedEncoding) for a signed body that arrives encoded.
    #[doc(alias = "verify_signature")]
    #[doc(alias = "construct_event")]
    pub fn verify<'h, 'b>(
        &self,
        headers: impl Headers<'h>,
        body: &'b [u8],
    ) -> Result<Verified<&'b [u8]>, WebhookError> {
        let proof = self.inner().prove(&headers, body)?;
        Ok(Verified::new(body, proof))
    }

    /// Checks a body as [`verify`](Self::verify) does, then its encoding and media type, and reads the event in it.
    ///
    /// Of a signed delivery, id and type are those of the signed body. Of one with a key they are those of
    /// `X-One-Event-Id` and `X-One-Event-Type` where those are there, as in the official receivers.
    ///
    /// # Errors
    /// Those of [`verify`](Self::verify), [`UnsupportedMediaType`](WebhookError::UnsupportedMediaType),
    /// [`UnsupportedEncoding`](WebhookError::UnsupportedEncoding),
    /// [`Contradiction`](WebhookError::Contradiction), and what [`Event::from_json`] finds wrong with the body.
    pub fn event<'h>(&self, headers: impl Headers<'h>, body: &[u8]) -> Result<Verified<Event>, WebhookError> {
        self.checked_event(&headers, body)
    }

    pub(in crate::webhook) fn checked_event<'h>(
        &self,
        headers: &impl Headers<'h>,
        body: &[u8],
    ) -> Result<Verified<Event>, WebhookError> {
        let proof = self.inner().prove(headers, body)?;
        check_encoding(headers, body)?;
        let media_types = headers.get_all("content-type");
        if !media_types.iter().flat_map(|line| line.split(|byte| *byte == b',')).any(media_type::is_cloud_event) {
            return Err(WebhookError::UnsupportedMediaType);
        }
        let event = match proof.scheme {
            Scheme::Signature => Event::from_signed(headers, body)?,
            _ => Event::from_unsigned(headers, body)?,
        };
        Ok(Verified::new(event, proof))
    }

    /// The largest body taken, in bytes.
    #[must_use]
    pub fn max_body_bytes(&self) -> usize {
        self.inner().max_body_bytes
    }

    /// How long a request's body may take to arrive.
    #[must_use]
    pub fn body_timeout(&self) -> Duration {
        self.inner().body_timeout
    }

    /// What the headers alone can show to be wrong, so that no stranger's body needs to be read.
    ///
    /// A signature cannot be checked before the body is there.
    pub(in crate::webhook) fn check_head<'h>(&self, headers: &impl Headers<'h>) -> Result<(), WebhookError> {
        let inner = self.inner();
        if inner.accept_all || inner.uses_signature(headers) {
            return Ok(());
        }
        inner.prove_key(headers).map(drop).map_err(WebhookError::from)
    }

    /// Checks a request that carries no event.
    pub(in crate::webhook) fn check_empty<'h>(&self, headers: &impl Headers<'h>) -> Result<(), WebhookError> {
        self.inner().prove(headers, b"").map(drop)
    }

    pub(in crate::webhook) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.inner().clock)
    }

    fn inner(&self) -> Arc<Inner> {
        Arc::clone(&self.inner.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// So many values of the key header are compared.
const MOST_KEY_VALUES: usize = 8;

impl Inner {
    fn prove<'h>(&self, headers: &impl Headers<'h>, body: &[u8]) -> Result<Proof, WebhookError> {
        if body.len() > self.max_body_bytes {
            return Err(WebhookError::TooLarge { limit: self.max_body_bytes });
        }
        if self.accept_all {
            return Ok(Proof { scheme: Scheme::Unchecked, label: None });
        }
        if self.uses_signature(headers) {
            return self.prove_signature(headers, body);
        }
        Ok(self.prove_key(headers)?)
    }

    /// A signature that is there must fit: a key beside it does not excuse a wrong one.
    fn uses_signature<'h>(&self, headers: &impl Headers<'h>) -> bool {
        !self.signers.is_empty() && (self.keys.is_empty() || headers.get(&self.names.signature).is_some())
    }

    fn prove_key<'h>(&self, headers: &impl Headers<'h>) -> Result<Proof, AuthFailure> {
        let first = required(headers, &self.names.key)?;
        let proved = |value: &[u8]| {
            let presented = KeyDigest::presented(value);
            matching(&self.keys, self.clock.time_of_day(), |key| key.matches(&presented), AuthFailure::WrongKey)
        };
        let label = proved(first).or_else(|failure| {
            // An intermediary may have added a line of its own, or joined them.
            let lines = headers.get_all(&self.names.key);
            let values = lines.iter().flat_map(|line| line.split(|byte| *byte == b','));
            values.take(MOST_KEY_VALUES).find_map(|value| proved(value).ok()).ok_or(failure)
        })?;
        Ok(Proof { scheme: Scheme::Key, label: Some(label) })
    }

    fn prove_signature<'h>(&self, headers: &impl Headers<'h>, body: &[u8]) -> Result<Proof, WebhookError> {
        let names = &self.names;
        // An intermediary that compressed the body has broken its signature, too: say what is wrong.
        check_encoding(headers, body)?;
        required(headers, &names.signature)?;
        let signatures = headers.get_all(&names.signature);
        let signed = Signed {
            signatures: &signatures,
            id: required(headers, &names.id)?,
            timestamp: required(headers, &names.timestamp)?,
            body,
        };
        // Lines that an intermediary joined with themselves; an id may also have commas of its own.
        let joined = Signed { id: once(signed.id), timestamp: once(signed.timestamp), ..signed };
        let signed_at = parse_timestamp(joined.timestamp)
            .ok_or_else(|| AuthFailure::InvalidTimestamp { header: names.timestamp.clone() })?;
        let now = self.clock.time_of_day();
        let is_joined = joined.id != signed.id || joined.timestamp != signed.timestamp;
        let matches = |signer: &Signer| {
            let as_it_came = signer.matches(&signed);
            if is_joined { as_it_came | signer.matches(&joined) } else { as_it_came }
        };
        let label = matching(&self.signers, now, matches, AuthFailure::WrongSignature)?;
        self.check_freshness(now, signed_at)?;
        Ok(Proof { scheme: Scheme::Signature, label: Some(label) })
    }

    fn check_freshness(&self, now: SystemTime, signed_at: SystemTime) -> Result<(), WebhookError> {
        let tolerance = self.tolerance;
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
        let inner = self.inner();
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

fn required<'h>(headers: &impl Headers<'h>, name: &str) -> Result<&'h [u8], AuthFailure> {
    // An intermediary may have added an empty line.
    let value = headers.get_all(name).into_iter().find(|value| !value.trim_ascii().is_empty());
    value.ok_or_else(|| AuthFailure::Missing { header: name.to_owned() })
}

/// Bodies are taken as they are: nothing is inflated, so that a small body stays small. A relay that inflated a body, or that
/// names a character set, leaves a header that means nothing: what begins as a JSON object is not compressed.
fn check_encoding<'h>(headers: &impl Headers<'h>, body: &[u8]) -> Result<(), WebhookError> {
    let lines = headers.get_all("content-encoding");
    let mut encodings = lines.iter().flat_map(|line| line.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    let is_encoded = encodings.any(|encoding| !encoding.is_empty() && !encoding.eq_ignore_ascii_case(b"identity"));
    let is_json = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start().starts_with(b"{");
    if is_encoded && !is_json { Err(WebhookError::UnsupportedEncoding) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn every_key_is_compared_whichever_matches() {
        let candidates: Vec<Candidate<usize>> =
            (0..4).map(|secret| Candidate { label: "key".into(), not_after: None, secret }).collect();
        for right in 0..5 {
            let compared = Cell::new(0);
            let matches = |secret: &usize| {
                compared.set(compared.get() + 1);
                if *secret == right { Choice::TRUE } else { Choice::FALSE }
            };
            let found = matching(&candidates, SystemTime::UNIX_EPOCH, matches, AuthFailure::WrongKey);
            assert_eq!((found.is_ok(), compared.get()), (right < 4, 4), "the time does not show which key it was");
        }
    }
}
