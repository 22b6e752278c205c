//! Which failures are repeated, and after which wait.

use std::sync::Mutex;
use std::time::Duration;

use http::StatusCode;

use super::operation::RetryClass;
use crate::clock::Clock;

/// Which failures to repeat, how often and how patiently.
///
/// A call is repeated only if that cannot do a write twice: nothing was sent, the operation is a read or writes the same
/// state again, or the service refused before working. `docs/retry-safety.md` has the table for every operation.
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
            base: Duration::from_millis(200),
            cap: Duration::from_secs(8),
            max_wait: Duration::from_secs(30),
        }
    }
}

impl Retry {
    /// Every call makes a single attempt.
    #[must_use]
    pub fn never() -> Self {
        Self::default().attempts(1)
    }

    /// How many attempts a call makes at the most; default 3, 1 for no retry.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// The wait before the second attempt grows from up to `base` (default 200 ms), doubling each time, to `cap`
    /// (default 8 s); the actual wait is anywhere from zero up to it, so that clients do not act in step.
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

    /// The shortest wait after a refusal, whatever it says.
    pub(super) fn least(&self, attempts_made: u32) -> Duration {
        let doublings = attempts_made.saturating_sub(1).min(30);
        self.base.saturating_mul(1 << doublings).min(self.cap)
    }

    /// The wait before another attempt, with full jitter.
    pub(crate) fn pause(&self, attempts_made: u32, clock: &dyn Clock) -> Duration {
        let ceiling = self.least(attempts_made);
        // A clock of the user's may give no number at all, which is as good as the longest wait.
        Duration::try_from_secs_f64(ceiling.as_secs_f64() * clock.random().clamp(0.0, 1.0)).unwrap_or(ceiling)
    }
}

/// How one attempt failed, as far as repeating it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// Nothing left this machine.
    Unsent,
    /// The connection broke or the time ran out; the service may have done the work.
    Interrupted,
    /// An answer that is no success; `asks_to_wait` when it names a wait.
    Refused { status: StatusCode, asks_to_wait: bool },
    /// An answer that would be the same again.
    Final,
}

/// Whether another attempt could help and cannot do a write twice.
pub(super) fn may_repeat(failed: Failed, class: RetryClass, caller_vouches: bool) -> bool {
    let harmless = class.is_repeatable() || caller_vouches;
    match failed {
        Failed::Unsent
        | Failed::Refused { status: StatusCode::TOO_MANY_REQUESTS, .. }
        | Failed::Refused { status: StatusCode::SERVICE_UNAVAILABLE, asks_to_wait: true } => true,
        Failed::Interrupted => harmless,
        Failed::Refused { status, .. } => harmless && is_transient(status),
        Failed::Final => false,
    }
}

/// Statuses of a server that may well answer the next time.
fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 500 | 502 | 503 | 504)
}

/// Retries that all clones of a configuration may spend together: a fifth of their calls, and a few to start with.
///
/// When the service is down, this keeps a fleet of callers from multiplying its load by the number of attempts.
pub(crate) struct Budget {
    /// A call earns one token.
    tokens: Mutex<u32>,
}

const RETRY_COSTS: u32 = 5;
const BUDGET_MOST: u32 = 20 * RETRY_COSTS;

impl Default for Budget {
    fn default() -> Self {
        Self { tokens: Mutex::new(BUDGET_MOST / 2) }
    }
}

impl Budget {
    /// A call begins.
    pub(super) fn earn(&self) {
        let mut tokens = self.tokens();
        *tokens = (*tokens + 1).min(BUDGET_MOST);
    }

    /// Takes one retry, if there is one left.
    pub(super) fn spend(&self) -> bool {
        let mut tokens = self.tokens();
        let left = tokens.checked_sub(RETRY_COSTS);
        *tokens = left.unwrap_or(*tokens);
        left.is_some()
    }

    fn tokens(&self) -> std::sync::MutexGuard<'_, u32> {
        // A number is valid whatever happened to the thread that held it.
        self.tokens.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
