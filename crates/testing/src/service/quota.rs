//! The quota that all credentials of a workspace share.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use onehorizon::limits::{BURST_WINDOW, QUOTA_WINDOW};

/// How the fake counts requests. The service documents the numbers (200 per 15 minutes, 40 per
/// minute), not the model, so a client should get along with each of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum QuotaModel {
    /// A window opens with its first request and starts over when it ends.
    #[default]
    FixedWindow,
    /// No span of the window's length ever holds more requests than the limit.
    SlidingWindow,
    /// Room comes back evenly, one request at a time.
    TokenBucket,
}

/// The two limits that every request has to pass.
#[derive(Debug)]
pub(crate) struct Quota {
    quarter: Gate,
    minute: Gate,
}

impl Quota {
    pub(crate) fn new(model: QuotaModel, per_quarter: u32, per_minute: u32) -> Self {
        Self {
            quarter: Gate::new(model, per_quarter, QUOTA_WINDOW),
            minute: Gate::new(model, per_minute, BURST_WINDOW),
        }
    }

    /// Counts one request, or returns how long until the next one is let in. A refusal costs nothing.
    pub(crate) fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        let wait = self.quarter.wait(now).max(self.minute.wait(now));
        if wait > Duration::ZERO {
            return Err(wait);
        }
        self.quarter.take(now);
        self.minute.take(now);
        Ok(())
    }

    /// How many requests are let in at once when none was sent for a while.
    pub(crate) fn limit(&self) -> u32 {
        self.quarter.limit.min(self.minute.limit)
    }

    /// Forgets what was spent.
    pub(crate) fn reset(&mut self) {
        let again = |gate: &Gate| Gate::new(gate.model, gate.limit, gate.window);
        (self.quarter, self.minute) = (again(&self.quarter), again(&self.minute));
    }

    /// Uses up what is left of the 15 minutes.
    pub(crate) fn spend(&mut self, now: Instant) {
        self.quarter.spend(now);
    }

    /// Uses up what is left of the minute.
    pub(crate) fn spend_minute(&mut self, now: Instant) {
        self.minute.spend(now);
    }

    /// How many requests would be let in at once.
    pub(crate) fn left(&mut self, now: Instant) -> u32 {
        self.quarter.left(now).min(self.minute.left(now))
    }
}

#[derive(Debug)]
struct Gate {
    model: QuotaModel,
    limit: u32,
    window: Duration,
    used: Used,
}

#[derive(Debug)]
enum Used {
    Fixed {
        since: Option<Instant>,
        count: u32,
    },
    Sliding(VecDeque<Instant>),
    /// The instant at which the bucket is full again.
    Bucket {
        full_at: Option<Instant>,
    },
}

impl Gate {
    fn new(model: QuotaModel, limit: u32, window: Duration) -> Self {
        let used = match model {
            QuotaModel::FixedWindow => Used::Fixed { since: None, count: 0 },
            QuotaModel::SlidingWindow => Used::Sliding(VecDeque::new()),
            QuotaModel::TokenBucket => Used::Bucket { full_at: None },
        };
        Self { model, limit: limit.max(1), window, used }
    }

    /// The time one request needs to come back to the bucket.
    fn share(&self) -> Duration {
        self.window / self.limit
    }

    /// Forgets what has left the window.
    fn settle(&mut self, now: Instant) {
        let window = self.window;
        let past = |since: Instant| now.saturating_duration_since(since) >= window;
        match &mut self.used {
            Used::Fixed { since, count } => {
                if since.is_some_and(past) {
                    *since = None;
                    *count = 0;
                }
            }
            Used::Sliding(taken) => {
                while taken.front().copied().is_some_and(past) {
                    taken.pop_front();
                }
            }
            Used::Bucket { full_at } => {
                if full_at.is_some_and(|at| at <= now) {
                    *full_at = None;
                }
            }
        }
    }

    fn wait(&mut self, now: Instant) -> Duration {
        self.settle(now);
        let window = self.window;
        let left_of = |since: Instant| window.saturating_sub(now.saturating_duration_since(since));
        match &self.used {
            Used::Fixed { since, count } if *count >= self.limit => since.map_or(Duration::ZERO, left_of),
            Used::Sliding(taken) => {
                let over = taken.len().checked_sub(self.limit as usize);
                over.and_then(|index| taken.get(index)).map_or(Duration::ZERO, |since| left_of(*since))
            }
            Used::Bucket { full_at: Some(at) } => {
                (at.saturating_duration_since(now) + self.share()).saturating_sub(window)
            }
            Used::Fixed { .. } | Used::Bucket { .. } => Duration::ZERO,
        }
    }

    fn take(&mut self, now: Instant) {
        self.settle(now);
        let share = self.share();
        match &mut self.used {
            Used::Fixed { since, count } => {
                since.get_or_insert(now);
                *count += 1;
            }
            Used::Sliding(taken) => taken.push_back(now),
            Used::Bucket { full_at } => *full_at = Some(full_at.unwrap_or(now) + share),
        }
    }

    fn spend(&mut self, now: Instant) {
        for _ in 0..self.left(now) {
            self.take(now);
        }
    }

    fn left(&mut self, now: Instant) -> u32 {
        self.settle(now);
        match &self.used {
            Used::Fixed { count, .. } => self.limit.saturating_sub(*count),
            Used::Sliding(taken) => {
                let taken = u32::try_from(taken.len()).unwrap_or(u32::MAX);
                self.limit.saturating_sub(taken)
            }
            Used::Bucket { full_at: None } => self.limit,
            Used::Bucket { full_at: Some(at) } => {
                let room = self.window.saturating_sub(at.saturating_duration_since(now));
                let share = self.share().as_nanos().max(1);
                u32::try_from(room.as_nanos() / share).unwrap_or(self.limit)
            }
        }
    }
}
