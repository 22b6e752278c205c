//! The settings of pacing: rules, store, waits, and what to do while the store fails.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::memory::MemoryQuota;
use super::rules::{QuotaRules, QuotaShape};
use super::store::QuotaStore;
use crate::limits::{BURST_REQUESTS, BURST_WINDOW, QUOTA_REQUESTS, QUOTA_WINDOW};

/// How long the store may take to respond, unless set otherwise.
const STORE_TIMEOUT: Duration = Duration::from_secs(1);

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
    pub(crate) store_timeout: Duration,
    pub(crate) fallback: Fallback,
    pub(crate) max_wait: Option<Duration>,
}

/// How a configuration goes on while its [`QuotaStore`] fails or does not respond in time.
///
/// What it sends meanwhile is reported to the store when that is back. A refusal by the service holds all calls back in
/// any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fallback {
    /// Keep to this process's share: the quota divided by the number of processes that the store last counted, or a
    /// quarter of the quota if it has never responded. The default.
    #[default]
    Share,
    /// The same, divided by this number.
    ShareOf(u32),
    /// Send without pacing.
    Unpaced,
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
        Self {
            rules: QuotaRules::empty(),
            store: None,
            store_timeout: STORE_TIMEOUT,
            fallback: Fallback::default(),
            max_wait: None,
        }
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

    /// Reserves this part of each window (0.0 to 0.9, rounded up to whole requests) for calls of
    /// [`Lane::Interactive`](super::Lane::Interactive); nothing by default.
    ///
    /// Interactive calls go before all others in any case. As long as their use stays within this share, such a call
    /// waits for no normal one.
    #[doc(alias = "lane")]
    #[must_use]
    pub fn interactive_share(mut self, share: f64) -> Self {
        self.rules.reserve(share);
        self
    }

    /// The longest time that a call waits for the quota before an attempt; by default a paced call waits as long as it
    /// takes, up to its deadline.
    ///
    /// A call that is known to wait longer fails at once as `RateLimited`, with the instant at which the wait would
    /// end; one that turns out to wait longer fails when this time is over.
    #[must_use]
    pub fn max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = Some(wait);
        self
    }

    /// Counts in this store, which other configurations or processes may share; an `Arc` of a store is one too.
    #[must_use]
    pub fn store(mut self, store: impl QuotaStore) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// How long to wait for the store's response before going on by the [`Fallback`]; 1 s by default.
    #[must_use]
    pub fn store_timeout(mut self, timeout: Duration) -> Self {
        self.store_timeout = timeout;
        self
    }

    /// How to go on while the store is away; by this process's share by default.
    #[must_use]
    pub fn fallback(mut self, fallback: Fallback) -> Self {
        self.fallback = fallback;
        self
    }

    /// How long this many normal calls take at least, if nothing of the quota is used yet and each gets its response at once.
    ///
    /// ```
    /// use std::time::Duration;
    /// use onehorizon::quota::Pacing;
    /// let pacing = Pacing::new().window(10, Duration::from_secs(60));
    /// assert_eq!(pacing.estimate(10), Duration::ZERO);
    /// assert_eq!(pacing.estimate(11).as_secs(), 60);
    /// ```
    #[must_use]
    pub fn estimate(&self, calls: u32) -> Duration {
        if self.rules.check().is_ok() { MemoryQuota::estimate(&self.rules, calls) } else { Duration::ZERO }
    }

    /// What it keeps to.
    #[must_use]
    pub fn rules(&self) -> &QuotaRules {
        &self.rules
    }
}

impl fmt::Debug for Pacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pacing")
            .field("rules", &self.rules)
            .field("fallback", &self.fallback)
            .field("max_wait", &self.max_wait)
            .finish_non_exhaustive()
    }
}
