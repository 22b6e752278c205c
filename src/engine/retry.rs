//! Which failures are repeated, and after which wait.

use std::time::Duration;

use http::StatusCode;

use super::operation::RetryClass;
use crate::clock::Clock;
use crate::error::is_transient;

/// Which failures to repeat, how often and how patiently.
///
/// A call is repeated only if that cannot do a write twice: nothing was sent, the operation is a read or writes the same
/// state again, the caller vouches for it with an idempotency key, or the service itself refused it for the quota.
/// `docs/retry-safety.md` has the table for every operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    pub(crate) attempts: u32,
    base: Duration,
    cap: Duration,
    pub(crate) max_wait: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 3,
            base: Duration::from_secs(1),
            cap: Duration::from_secs(8),
            max_wait: Duration::from_secs(30),
        }
    }
}

impl Retry {
    /// Every call makes a single attempt.
    #[doc(alias = "none")]
    #[doc(alias = "disabled")]
    #[must_use]
    pub fn never() -> Self {
        Self::default().attempts(1)
    }

    /// How many attempts a call makes at most; default 3, 1 for no retry.
    #[doc(alias = "max_retries")]
    #[doc(alias = "max_attempts")]
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// The wait before the second attempt is `base` (default 1 s), doubling each time up to `cap` (default 8 s). The actual
    /// wait is anywhere from half of that up to it, so that clients do not act in step; a longer one that the service asks
    /// for takes its place.
    #[must_use]
    pub fn backoff(mut self, base: Duration, cap: Duration) -> Self {
        self.base = base;
        self.cap = cap;
        self
    }

    /// The longest wait to sit out when the service asks for one; default 30 s. A longer one is returned as an error at
    /// once, with the moment it ends. Under pacing the waits for the quota have a limit of their own,
    /// [`Pacing::max_wait`](crate::quota::Pacing::max_wait).
    #[must_use]
    pub fn max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = wait;
        self
    }

    /// The wait before another attempt: the backoff, or what the service asks for if that is longer.
    ///
    /// So nothing that is malformed, zero or past makes an attempt come early, whatever the status was.
    pub(crate) fn wait(&self, reported: Option<Duration>, attempts_made: u32, clock: &dyn Clock) -> Duration {
        let doublings = attempts_made.saturating_sub(1).min(30);
        let longest = self.base.saturating_mul(1 << doublings).min(self.cap);
        // A clock of the user's may give no number at all, which is as good as the longest wait.
        let share = 0.5 + 0.5 * clock.random().clamp(0.0, 1.0);
        let backoff = Duration::try_from_secs_f64(longest.as_secs_f64() * share).unwrap_or(longest);
        reported.unwrap_or_default().max(backoff)
    }
}

/// How one attempt failed, as far as repeating it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// Nothing left this machine.
    Unsent,
    /// The connection broke or the time ran out; the service may have done the work.
    Interrupted,
    /// A response that is not a success; `by_service` when it is in the service's documented form, which no
    /// intermediary writes.
    Refused { status: StatusCode, by_service: bool },
    /// The next attempt would fail in the same way.
    Final,
}

/// Whether another attempt could help and cannot do a write twice.
///
/// Any status may have been written by an intermediary after the service took the request and did the work. Only a 429
/// in the service's own form shows that the service refused before working.
pub(super) fn should_retry(failed: Failed, class: RetryClass, caller_vouches: bool) -> bool {
    let harmless = class.is_repeatable() || caller_vouches;
    match failed {
        Failed::Unsent => true,
        Failed::Interrupted => harmless,
        Failed::Refused { status: StatusCode::TOO_MANY_REQUESTS, by_service } => harmless || by_service,
        Failed::Refused { status, .. } => harmless && is_transient(status),
        Failed::Final => false,
    }
}
