//! The rules of a quota: windows, and how the service counts in them.

use std::time::Duration;

/// Longer ones are mistakes, and adding them to a time could overflow.
pub(crate) const LONGEST_WINDOW: Duration = Duration::from_secs(366 * 24 * 60 * 60);

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
    pub(super) fn empty() -> Self {
        Self { windows: Vec::new(), shape: QuotaShape::Any }
    }

    pub(super) fn add(&mut self, requests: u32, length: Duration) {
        self.windows.push(Window { requests, length });
    }

    pub(super) fn set_shape(&mut self, shape: QuotaShape) {
        self.shape = shape;
    }

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
