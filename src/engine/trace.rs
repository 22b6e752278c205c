//! One span for each call; nothing in it is secret. Without the feature `tracing` all of this is nothing.

use super::quota::WaitReason;

/// Why a call waits.
#[derive(Clone, Copy)]
pub(super) enum Waits {
    /// Before another attempt.
    Backoff,
    Quota(WaitReason),
}

impl Waits {
    fn as_str(self) -> &'static str {
        match self {
            Self::Backoff => "backoff",
            Self::Quota(reason) => reason.as_str(),
        }
    }
}

#[cfg(feature = "tracing")]
mod on {
    use std::error::Error;
    use std::time::Duration;

    use tracing::{Instrument, Span, field};

    use super::Waits;
    use crate::engine::operation::Operation;

    /// Runs a call in its span.
    pub(in crate::engine) async fn call<T>(operation: &Operation, work: impl Future<Output = T>) -> T {
        let span = tracing::info_span!(
            target: "onehorizon",
            "call",
            operation = operation.id,
            attempt = field::Empty,
            status = field::Empty,
            wait = field::Empty,
            error = field::Empty,
        );
        work.instrument(span).await
    }

    pub(in crate::engine) fn attempt(number: u32) {
        Span::current().record("attempt", number);
    }

    pub(in crate::engine) fn status(status: u16) {
        Span::current().record("status", status);
    }

    pub(in crate::engine) fn waits(reason: Waits, wait: Duration) {
        let seconds = wait.as_secs_f64();
        Span::current().record("wait", reason.as_str());
        tracing::debug!(target: "onehorizon", reason = reason.as_str(), seconds, "waits");
    }

    /// The kind alone: a message may quote the user's data.
    pub(in crate::engine) fn failed(error: &crate::error::Error) {
        Span::current().record("error", field::debug(error.kind()));
    }

    pub(in crate::engine) fn store_failed(_: &(dyn Error + Send + Sync)) {
        tracing::warn!(target: "onehorizon", "the quota store failed; the call goes out unpaced");
    }
}

#[cfg(not(feature = "tracing"))]
mod off {
    use std::error::Error;
    use std::time::Duration;

    use super::Waits;
    use crate::engine::operation::Operation;

    pub(in crate::engine) async fn call<T>(_: &Operation, work: impl Future<Output = T>) -> T {
        work.await
    }

    pub(in crate::engine) fn attempt(_: u32) {}

    pub(in crate::engine) fn status(_: u16) {}

    pub(in crate::engine) fn waits(reason: Waits, _: Duration) {
        let _ = reason.as_str();
    }

    pub(in crate::engine) fn failed(_: &crate::error::Error) {}

    pub(in crate::engine) fn store_failed(_: &(dyn Error + Send + Sync)) {}
}

#[cfg(not(feature = "tracing"))]
pub(super) use off::*;
#[cfg(feature = "tracing")]
pub(super) use on::*;
