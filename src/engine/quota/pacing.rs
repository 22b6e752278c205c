//! What a quota is, as a client may know it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

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

/// Longer ones are mistakes, and adding them to a time could overflow.
pub(super) const LONGEST_WINDOW: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// How a service counts, if that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum QuotaShape {
    /// Nobody knows: pace so that fixed windows, sliding windows and token buckets all accept it.
    #[default]
    Any,
    /// Token buckets, filled evenly and full at the start. Over short jobs this is up to a third faster than
    /// [`Any`](Self::Any); fixed and sliding windows would refuse some of these requests.
    TokenBucket,
}

/// So many requests in such a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    requests: u32,
    length: Duration,
}

impl Window {
    /// The number of requests.
    #[must_use]
    pub fn requests(self) -> u32 {
        self.requests
    }

    /// The stretch of time.
    #[must_use]
    pub fn length(self) -> Duration {
        self.length
    }

    /// The stretch after which a request surely no longer counts: a little longer, since two clocks never run alike.
    #[must_use]
    pub fn safe_length(self) -> Duration {
        self.length + self.length / 1000
    }
}

/// What a [`QuotaStore`] has to keep: a request takes a slot in all of the windows or in none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaRules {
    windows: Vec<Window>,
    shape: QuotaShape,
}

impl QuotaRules {
    /// The windows, in the order in which they were given.
    #[must_use]
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// How the service counts.
    #[must_use]
    pub fn shape(&self) -> QuotaShape {
        self.shape
    }

    /// What keeps these rules from being used; the error completes a sentence.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.windows.is_empty() {
            return Err("has no window: start from Pacing::documented(), or add one");
        }
        if self.windows.iter().any(|window| window.requests == 0) {
            return Err("has a window without requests: no call could ever be sent");
        }
        if self.windows.iter().any(|window| window.length.is_zero()) {
            return Err("has a window without length");
        }
        if self.windows.iter().any(|window| window.length > LONGEST_WINDOW) {
            return Err("has a window of more than a year");
        }
        Ok(())
    }
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
        Self { rules: QuotaRules { windows: Vec::new(), shape: QuotaShape::Any }, store: None, max_wait: None }
    }

    /// At most `requests` in any stretch of time of this length, besides the windows already there.
    #[must_use]
    pub fn window(mut self, requests: u32, length: Duration) -> Self {
        self.rules.windows.push(Window { requests, length });
        self
    }

    /// Says how the service counts, for those who know.
    #[must_use]
    pub fn shape(mut self, shape: QuotaShape) -> Self {
        self.rules.shape = shape;
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
