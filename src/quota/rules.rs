//! The rules of a quota: its windows, how the service counts in them, and what is reserved for interactive calls.

use std::sync::Arc;
use std::time::Duration;

use crate::metadata::RateLimit;

/// Longer ones are mistakes, and adding them to a time could overflow.
pub(crate) const LONGEST_WINDOW: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// The largest part that may be reserved.
const MOST_RESERVED: f64 = 0.9;

/// How a service counts, if that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum QuotaShape {
    /// Unknown: pace so that fixed windows, sliding windows and token buckets all accept it.
    #[default]
    Any,
    /// Token buckets, filled evenly and full at the start. Over short jobs this is up to a third faster than
    /// [`Any`](Self::Any); fixed and sliding windows would refuse some of these requests.
    TokenBucket,
}

/// Which calls go first when the quota is short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Lane {
    /// A person waits for it: it goes before all normal calls, and may use the slots that
    /// [`Pacing::interactive_share`](super::Pacing::interactive_share) reserves.
    Interactive,
    /// Everything else.
    #[default]
    Normal,
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

    /// The stretch after which a request surely no longer counts: 0.1 % longer, since two clocks never run alike.
    #[must_use]
    pub fn safe_length(self) -> Duration {
        self.length + self.length / 1000
    }
}

/// What a [`QuotaStore`](super::QuotaStore) has to keep: a request takes a slot in all of the windows or in none.
///
/// Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaRules {
    windows: Arc<[Window]>,
    shape: QuotaShape,
    /// Thousandths of each window.
    reserved: u32,
}

impl QuotaRules {
    pub(super) fn empty() -> Self {
        Self { windows: Arc::new([]), shape: QuotaShape::Any, reserved: 0 }
    }

    pub(super) fn add(&mut self, requests: u32, length: Duration) {
        self.windows = self.windows.iter().copied().chain([Window { requests, length }]).collect();
    }

    pub(super) fn set_shape(&mut self, shape: QuotaShape) {
        self.shape = shape;
    }

    /// A share that makes no sense becomes one that [`check`](Self::check) refuses.
    pub(super) fn reserve(&mut self, share: f64) {
        self.reserved = match share {
            // In this range the cast is exact enough, and never out of bounds.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            share if (0.0..=MOST_RESERVED).contains(&share) => (share * 1000.0).ceil() as u32,
            _ => u32::MAX,
        };
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

    /// How many slots of a window only [`Lane::Interactive`] may use: its calls may fill the window, those of
    /// [`Lane::Normal`] may use all but these.
    #[must_use]
    pub fn reserved(&self, window: Window) -> u32 {
        let reserved = u64::from(window.requests) * u64::from(self.reserved.min(1000));
        u32::try_from(reserved.div_ceil(1000)).unwrap_or(u32::MAX).min(window.requests.saturating_sub(1))
    }

    /// A part of the same quota, for one of so many processes: at least one request in each window.
    pub(super) fn share(&self, processes: u32) -> Self {
        let part = |window: &Window| Window { requests: (window.requests / processes.max(1)).max(1), ..*window };
        Self { windows: self.windows.iter().map(part).collect(), ..self.clone() }
    }

    /// The longest time for which a slot counts.
    pub(super) fn longest(&self) -> Duration {
        self.windows.iter().map(|window| window.safe_length()).max().unwrap_or_default()
    }

    /// The window of which the service reported how many requests remain, and how many: the one with this limit, else
    /// the longest, since that is the one worth reporting.
    pub(super) fn reported(&self, reported: &RateLimit) -> Option<(usize, u32)> {
        let remaining = u32::try_from(reported.remaining?).unwrap_or(u32::MAX);
        let windows = || self.windows.iter().enumerate();
        let (index, _) = windows()
            .find(|(_, window)| reported.limit == Some(u64::from(window.requests)))
            .or_else(|| windows().max_by_key(|(_, window)| window.length))?;
        Some((index, remaining))
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
        if self.reserved > 1000 {
            return Err("has an interactive share that is not between 0.0 and 0.9");
        }
        Ok(())
    }
}
