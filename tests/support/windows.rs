//! How a service may count requests: four ways to understand "200 requests in 15 minutes, 40 in a minute".
#![allow(dead_code, reason = "not every program needs every part")]

use std::collections::VecDeque;
use std::time::Duration;

/// 200 requests in 15 minutes, 40 in a minute.
const WINDOWS: [(u32, Duration); 2] = [(200, Duration::from_secs(900)), (40, Duration::from_secs(60))];

/// How the service counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// A window opens with the first request after the last one ended.
    Fixed,
    /// Windows begin by the clock, and the job begins in the middle of both of them.
    Clock,
    /// A request counts for the window's length.
    Sliding,
    /// Room comes back evenly.
    TokenBucket,
}

impl Model {
    pub const ALL: [Self; 4] = [Self::Fixed, Self::Sliding, Self::TokenBucket, Self::Clock];

    pub fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Clock => "fixed, clock",
            Self::Sliding => "sliding",
            Self::TokenBucket => "token bucket",
        }
    }
}

/// What the service has counted; times are since its start. Refused requests are not counted.
#[derive(Clone, Debug)]
pub struct Counters([Counter; 2]);

#[derive(Clone, Debug)]
struct Counter {
    requests: u32,
    length: Duration,
    used: Used,
}

#[derive(Clone, Debug)]
enum Used {
    Fixed {
        since: Duration,
        count: u32,
    },
    Clock {
        window: u128,
        count: u32,
    },
    Sliding(VecDeque<Duration>),
    /// When the bucket is full again.
    Bucket(Duration),
}

impl Counters {
    pub fn new(model: Model) -> Self {
        Self(WINDOWS.map(|(requests, length)| Counter {
            requests,
            length,
            used: match model {
                Model::Fixed => Used::Fixed { since: Duration::ZERO, count: 0 },
                Model::Clock => Used::Clock { window: 0, count: 0 },
                Model::Sliding => Used::Sliding(VecDeque::new()),
                Model::TokenBucket => Used::Bucket(Duration::ZERO),
            },
        }))
    }

    /// Counts a request that arrives now, or returns how long until one would be admitted.
    pub fn admit(&mut self, now: Duration) -> Result<(), Duration> {
        let wait = self.0.iter().map(|counter| counter.wait(now)).max().unwrap_or_default();
        if !wait.is_zero() {
            return Err(wait);
        }
        self.0.iter_mut().for_each(|counter| counter.take(now));
        Ok(())
    }
}

impl Counter {
    fn wait(&self, now: Duration) -> Duration {
        match &self.used {
            Used::Fixed { since, count } if *count >= self.requests => (*since + self.length).saturating_sub(now),
            Used::Fixed { .. } => Duration::ZERO,
            Used::Clock { window, count } => {
                let (present, end) = clock(self.length, now);
                if present == *window && *count >= self.requests { end.saturating_sub(now) } else { Duration::ZERO }
            }
            Used::Sliding(taken) => {
                let limiting = taken.len().checked_sub(self.requests as usize).and_then(|index| taken.get(index));
                limiting.map_or(Duration::ZERO, |taken| (*taken + self.length).saturating_sub(now))
            }
            Used::Bucket(full_at) => {
                (full_at.saturating_sub(now) + self.length / self.requests).saturating_sub(self.length)
            }
        }
    }

    fn take(&mut self, now: Duration) {
        let Self { requests, length, used } = self;
        match used {
            Used::Fixed { since, count } => {
                if *count == 0 || now >= *since + *length {
                    (*since, *count) = (now, 0);
                }
                *count += 1;
            }
            Used::Clock { window, count } => {
                let (present, _) = clock(*length, now);
                *count = if present == *window { *count + 1 } else { 1 };
                *window = present;
            }
            Used::Sliding(taken) => {
                taken.push_back(now);
                if taken.len() > *requests as usize {
                    taken.pop_front();
                }
            }
            Used::Bucket(full_at) => *full_at = (*full_at).max(now) + *length / *requests,
        }
    }
}

/// The number of the window by the clock, and when it ends; the job begins in the middle of the first.
fn clock(length: Duration, now: Duration) -> (u128, Duration) {
    let window = (now + length / 2).as_nanos() / length.as_nanos();
    (window, (length * u32::try_from(window + 1).unwrap()).saturating_sub(length / 2))
}
