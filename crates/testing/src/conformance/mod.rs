//! The contracts of the stores as suites of checks: run them against a store of yours.
//!
//! Each suite runs all its rules, through two instances of the store, and reports every [`Violation`].

pub mod claims;
mod outage;
pub mod quota;
#[cfg(feature = "oauth")]
pub mod tokens;

use std::fmt;
use std::future::Future;

/// A rule of a store's contract that it breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: expected {expected}, got {got}")]
#[non_exhaustive]
pub struct Violation {
    /// The rule.
    pub rule: &'static str,
    /// What it asks for.
    pub expected: String,
    /// What the store did.
    pub got: String,
}

/// All rules that a store breaks.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        self.0.iter()
    }

    /// Whether this rule is among them.
    #[must_use]
    pub fn breaks(&self, rule: &str) -> bool {
        self.iter().any(|violation| violation.rule == rule)
    }

    fn note(&mut self, checked: Checked) {
        self.0.extend(checked.err());
    }

    fn result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rules are broken", self.0.len())?;
        self.0.iter().try_for_each(|violation| write!(f, "\n- {violation}"))
    }
}

impl fmt::Debug for Violations {
    /// As `Display`: this is what a test that fails shows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Violations {}

type Checked = Result<(), Violation>;

fn broken(rule: &'static str, expected: impl fmt::Debug, got: impl fmt::Debug) -> Violation {
    Violation { rule, expected: format!("{expected:?}"), got: format!("{got:?}") }
}

/// Runs all of them at the same time, on threads if the runtime has several.
async fn together<T: Send + 'static>(work: Vec<impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let tasks: Vec<_> = work.into_iter().map(tokio::spawn).collect();
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        // A store that panics breaks no rule quietly: the suite panics with it.
        results.push(task.await.unwrap_or_else(|fault| std::panic::resume_unwind(fault.into_panic())));
    }
    results
}
