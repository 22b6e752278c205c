//! A rotation that failed: its step, its reason and the keys it leaves behind.

use std::error::Error as StdError;
use std::fmt;

use super::progress::{OrphanedKey, RotationStep};
use crate::engine::TOO_MANY_KEYS;
use crate::error::Error;
use crate::models::{ApiKeyId, CreatedApiKey};
use crate::redact::one_line;
use crate::response::Response;

/// An error of the caller's code, or of a call.
pub(super) type Fault = Box<dyn StdError + Send + Sync>;

/// A rotation that failed.
///
/// `Display` is one line: the step, what happened, and every key that is left behind. Nothing in it is secret.
pub struct RotationError(Box<Inner>);

struct Inner {
    old_key: ApiKeyId,
    step: RotationStep,
    message: String,
    hint: Option<&'static str>,
    limit_reached: bool,
    left: Vec<OrphanedKey>,
    undo_failure: Option<Fault>,
    created: Option<Response<CreatedApiKey>>,
    source: Option<Fault>,
}

impl RotationError {
    pub(super) fn new(old_key: &ApiKeyId, step: RotationStep, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            old_key: old_key.clone(),
            step,
            message: message.into(),
            hint: None,
            limit_reached: false,
            left: Vec::new(),
            undo_failure: None,
            created: None,
            source: None,
        }))
    }

    /// A step that failed because of `fault`.
    pub(super) fn because(old_key: &ApiKeyId, step: RotationStep, fault: Fault) -> Self {
        let mut error = Self::new(old_key, step, one_line(&fault.to_string()));
        error.0.source = Some(fault);
        error
    }

    pub(super) fn limit_reached(mut self) -> Self {
        self.0.limit_reached = true;
        // The call's own error may have said it already.
        if !self.0.message.contains(TOO_MANY_KEYS) {
            self.0.hint = Some(TOO_MANY_KEYS);
        }
        self
    }

    pub(super) fn with_hint(mut self, hint: &'static str) -> Self {
        self.0.hint = Some(hint);
        self
    }

    pub(super) fn leaving(mut self, left: impl IntoIterator<Item = OrphanedKey>) -> Self {
        self.0.left.extend(left);
        self
    }

    pub(super) fn undo_failed(mut self, fault: impl Into<Fault>) -> Self {
        self.0.undo_failure = Some(fault.into());
        self
    }

    pub(super) fn with_created(mut self, created: Response<CreatedApiKey>) -> Self {
        self.0.created = Some(created);
        self
    }

    /// The step that failed. The old key works unless it is [`RotationStep::Revoke`]; then the new one does.
    #[must_use]
    pub fn step(&self) -> RotationStep {
        self.0.step
    }

    /// What went wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it, where this crate knows.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.hint
    }

    /// The workspace has as many keys as it may have; nothing was created.
    ///
    /// *What to do:* revoke a key that nothing uses. A rotation needs room for one more key than there are.
    #[must_use]
    pub fn is_limit_reached(&self) -> bool {
        self.0.limit_reached
    }

    /// The keys that somebody has to look after; empty when everything is as it was before.
    #[must_use]
    pub fn orphaned_keys(&self) -> &[OrphanedKey] {
        &self.0.left
    }

    /// Why undoing failed, when it did.
    #[must_use]
    pub fn undo_failure(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.undo_failure.as_ref().map(|fault| &**fault as _)
    }

    /// The service's response to creating the key, when the failure is that it could not be used: the secret may be in a
    /// field of another name, which [`Response::raw`] shows.
    #[must_use]
    pub fn created(&self) -> Option<&Response<CreatedApiKey>> {
        self.0.created.as_ref()
    }

    /// The error of the call that failed, when it was a call.
    #[must_use]
    pub fn call(&self) -> Option<&Error> {
        self.0.source.as_ref().and_then(|fault| fault.downcast_ref())
    }
}

impl fmt::Display for RotationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        write!(f, "rotating {}: {} failed: {}", inner.old_key, inner.step, inner.message)?;
        if let Some(hint) = inner.hint {
            write!(f, "; {hint}")?;
        }
        for left in &inner.left {
            write!(f, "; {left}")?;
        }
        if let Some(fault) = &inner.undo_failure {
            write!(f, " [undoing failed: {}]", one_line(&fault.to_string()))?;
        }
        Ok(())
    }
}

impl fmt::Debug for RotationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.debug_struct("RotationError")
            .field("old_key", &inner.old_key)
            .field("step", &inner.step)
            .field("message", &inner.message)
            .field("limit_reached", &inner.limit_reached)
            .field("left", &inner.left)
            .field("undo_failure", &inner.undo_failure)
            .field("created", &inner.created)
            .field("source", &inner.source)
            .finish()
    }
}

impl StdError for RotationError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|fault| &**fault as _)
    }
}
