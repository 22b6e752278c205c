//! The retry budget that all calls of a client share.

use std::sync::{Mutex, MutexGuard, PoisonError};

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

    fn tokens(&self) -> MutexGuard<'_, u32> {
        // A number is valid whatever happened to the thread that held it.
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
