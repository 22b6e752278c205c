//! Why a delivery is refused, and why a verifier cannot be built.

use std::time::Duration;

use crate::setting::Fault;

/// Whole seconds, rounded up: what is beyond a limit is never shown as the limit.
fn seconds_up(time: &Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Why a delivery is refused.
///
/// Nothing in here repeats a secret or the payload, so it may be logged. The sender gets less than this,
/// see [`Reply`](super::Reply).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The body is larger than the receiver takes: status 413.
    #[error("the webhook body is larger than {limit} bytes")]
    TooLarge {
        /// The largest body taken, in bytes.
        limit: usize,
    },
    /// The sender did not prove who it is: status 401.
    #[error("the webhook is not authentic: {0}")]
    Unauthorized(#[source] AuthFailure),
    /// The signature is right, but it was made too long ago: status 401. It may be a replay.
    #[error("the webhook was signed {} s ago, more than the {} s allowed; compare the two clocks", seconds_up(.age), .tolerance.as_secs())]
    TooOld {
        /// How long ago it was signed.
        age: Duration,
        /// How long ago is allowed.
        tolerance: Duration,
    },
    /// The signature is right, but it is dated ahead of this machine's clock: status 401.
    #[error("the webhook is dated {} s ahead, more than the {} s allowed; compare the two clocks", seconds_up(.ahead), .tolerance.as_secs())]
    TooNew {
        /// How far ahead it is dated.
        ahead: Duration,
        /// How far ahead is allowed.
        tolerance: Duration,
    },
    /// The method is none of GET, HEAD and POST: status 405.
    #[error("the webhook endpoint takes GET, HEAD and POST only")]
    MethodNotAllowed,
    /// The content type is not `application/cloudevents+json`: status 415.
    #[error("the webhook content type is not application/cloudevents+json")]
    UnsupportedMediaType,
    /// The body is encoded, for instance with gzip: status 415. Bodies are taken as they are.
    #[error("the webhook body is encoded; send it without a content encoding")]
    UnsupportedEncoding,
    /// A header that is not signed says otherwise than the signed body: status 400. Somebody may have changed it to have
    /// an event taken for another.
    #[error("the header `{header}` contradicts the signed body")]
    Contradiction {
        /// The header, in lower case.
        header: &'static str,
    },
    /// The body did not arrive within its time limit: status 408.
    #[error("the webhook body did not arrive within {} s", .limit.as_secs_f64())]
    BodyTimeout {
        /// The time limit.
        limit: Duration,
    },
    /// The body could not be read to its end: status 400.
    #[error("the webhook body could not be read")]
    Unreadable,
    /// The body is empty: status 400.
    #[error("the webhook body is empty")]
    Empty,
    /// The body is not JSON: status 400.
    #[error("the webhook body is not JSON (line {line}, column {column})")]
    Json {
        /// The line of the first mistake, from 1.
        line: usize,
        /// Its column, from 1.
        column: usize,
    },
    /// The body is JSON, but no object: status 400.
    #[error("the webhook body is not a JSON object")]
    NotAnObject,
    /// A required attribute is missing, empty or of the wrong type: status 400.
    #[error("the webhook event has no usable `{attribute}`")]
    MissingAttribute {
        /// The attribute's name, for instance `workspaceid` or `data.resource`.
        attribute: &'static str,
    },
    /// An attribute has a value that this crate cannot read: status 400.
    #[error("the webhook event's `{attribute}` is not {expected}")]
    UnsupportedAttribute {
        /// The attribute's name, for instance `specversion`.
        attribute: &'static str,
        /// What is supported.
        expected: &'static str,
    },
}

impl WebhookError {
    /// The HTTP status of the reply.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::TooLarge { .. } => 413,
            Self::Unauthorized(_) | Self::TooOld { .. } | Self::TooNew { .. } => 401,
            Self::MethodNotAllowed => 405,
            Self::UnsupportedMediaType | Self::UnsupportedEncoding => 415,
            Self::BodyTimeout { .. } => 408,
            _ => 400,
        }
    }

    /// A short name of the failure for programs and metrics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::Unauthorized(_) => "unauthorized",
            Self::TooOld { .. } | Self::TooNew { .. } => "stale",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::UnsupportedEncoding => "unsupported_encoding",
            Self::Contradiction { .. } => "contradiction",
            Self::BodyTimeout { .. } => "body_timeout",
            Self::Unreadable => "unreadable",
            Self::Empty => "empty",
            Self::Json { .. } => "invalid_json",
            Self::NotAnObject => "not_an_object",
            Self::MissingAttribute { .. } => "missing_attribute",
            Self::UnsupportedAttribute { .. } => "unsupported_attribute",
        }
    }

    /// The attribute of the event that is at fault, if one is.
    #[must_use]
    pub const fn attribute(&self) -> Option<&'static str> {
        match self {
            Self::MissingAttribute { attribute } | Self::UnsupportedAttribute { attribute, .. } => Some(attribute),
            _ => None,
        }
    }
}

/// What is wrong with the proof that a delivery carries.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthFailure {
    /// The request has none of the headers that prove its sender.
    #[error("the header `{header}` is missing")]
    Missing {
        /// The header that was looked for.
        header: String,
    },
    /// The key is none of those configured.
    #[error("the key is none of those configured; compare it with the webhook key in the workspace's settings")]
    WrongKey,
    /// No signature fits the body and any secret configured.
    #[error("no signature fits the body and a configured secret; compare the secrets, and verify the body as it came")]
    WrongSignature,
    /// The signature's timestamp is not a number of seconds.
    #[error("the header `{header}` is not a number of seconds")]
    InvalidTimestamp {
        /// The header that carries the timestamp.
        header: String,
    },
    /// The secret is right, but its `not_after` has passed: the sender still uses the old one.
    #[error("the secret labelled `{label}` has expired; the sender still uses it")]
    Expired {
        /// The label that the secret was given.
        label: String,
    },
}

impl From<AuthFailure> for WebhookError {
    fn from(failure: AuthFailure) -> Self {
        Self::Unauthorized(failure)
    }
}

/// Why a [`Verifier`](super::Verifier) or a [`Signer`](super::Signer) cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifierError {
    /// A key or signing secret cannot be what it was meant to be: it is empty, has a line end, quotes or invisible
    /// characters around it, or is a placeholder.
    #[error("the {what} labelled `{label}` {fault}")]
    Unusable {
        /// What it is: `webhook key` or `signing secret`.
        what: &'static str,
        /// The label that it was given.
        label: String,
        /// What is wrong with it. Nothing of the secret is repeated.
        fault: String,
    },
    /// The environment variable is not set, or is not Unicode text.
    #[error("the environment variable {name} is not set, or is not Unicode text")]
    MissingVariable {
        /// The variable's name.
        name: &'static str,
    },
    /// The signing secret is not base64, with or without `whsec_` in front.
    #[error("the signing secret labelled `{label}` is not base64 (with or without `whsec_` in front)")]
    InvalidSecret {
        /// The label that the secret was given.
        label: String,
    },
    /// Neither a key nor a signing secret was given.
    #[error("a verifier needs a key or a signing secret; see Verifier::insecure_accept_all to do without")]
    NoSecret,
    /// Two secrets have one label.
    #[error("two webhook secrets are labelled `{label}`")]
    DuplicateLabel {
        /// The label given twice.
        label: String,
    },
    /// A header name has a character that header names cannot have.
    #[error("`{name}` is not a header name")]
    InvalidHeaderName {
        /// The name given.
        name: String,
    },
}

impl VerifierError {
    pub(super) fn unusable(what: &'static str, label: &str, fault: &Fault) -> Self {
        Self::Unusable { what, label: label.to_owned(), fault: fault.to_string() }
    }
}
