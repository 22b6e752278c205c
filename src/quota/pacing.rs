//! Pacing: what a configuration is asked to keep to, and where it counts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::rules::{QuotaRules, QuotaShape};
use super::store::QuotaStore;
use crate::limits::{BURST_REQUESTS, BURST_WINDOW, QUOTA_REQUESTS, QUOTA_WINDOW};

/// Spends a quota as fast as it allows without ever being refused; off unless the configuration asks for it.
///
/// Requests are counted before they are sent, in every window at once. How the service counts is not documented, so the
/// count is one that windows of every kind accept: fixed ones however they are aligned, sliding ones and token buckets.
///
/// It knows of the requests that go through one configuration and its clones, or through a [`QuotaStore`] that several
/// share. Other programs that use the same workspace are noticed when the service refuses; then all wait.
///
/// ```
/// use std::time::Duration;
/// use onehorizon::Configuration;
/// use onehorizon::quota::Pacing;
/// # fn main() -> Result<(), onehorizon::Error> {
/// let configuration = Configuration::builder().api_key("the-key").pacing(Pacing::documented()).build()?;
/// // Half of the quota, leaving the rest to another program:
/// let half = Pacing::new().window(100, Duration::from_secs(15 * 60)).window(20, Duration::from_secs(60));
/// # let _ = (configuration, half); Ok(()) }
/// ```
#[derive(Clone)]
pub struct Pacing {
    pub(crate) rules: QuotaRules,
    pub(crate) store: Option<Arc<dyn QuotaStore>>,
    pub(crate) max_wait: Option<Duration>,
}

impl Default for Pacing {
    fn default() -> Self {
        Self::documented()
    }
}

impl Pacing {
    /// The documented quota of a workspace: 200 requests in 15 minutes, 40 of them in a minute at the most.
    #[must_use]
    pub fn documented() -> Self {
        Self::new().window(QUOTA_REQUESTS, QUOTA_WINDOW).window(BURST_REQUESTS, BURST_WINDOW)
    }

    /// No window yet; add one or more.
    #[must_use]
    pub fn new() -> Self {
        Self { rules: QuotaRules::empty(), store: None, max_wait: None }
    }

    /// At most `requests` in any stretch of time of this length, besides the windows already there.
    #[must_use]
    pub fn window(mut self, requests: u32, length: Duration) -> Self {
        self.rules.add(requests, length);
        self
    }

    /// Says how the service counts, for those who know.
    #[must_use]
    pub fn shape(mut self, shape: QuotaShape) -> Self {
        self.rules.set_shape(shape);
        self
    }

    /// The longest wait of a call for the quota; by default a paced call waits as long as it takes, up to its deadline.
    ///
    /// A call that would wait longer fails at once as `RateLimited`, with the instant at which the wait would end.
    #[must_use]
    pub fn max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = Some(wait);
        self
    }

    /// Counts in this store, which other configurations or processes may share.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn QuotaStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// What it keeps to.
    #[must_use]
    pub fn rules(&self) -> &QuotaRules {
        &self.rules
    }
}

impl fmt::Debug for Pacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pacing").field("rules", &self.rules).field("max_wait", &self.max_wait).finish_non_exhaustive()
    }
}
