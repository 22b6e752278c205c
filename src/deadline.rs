//! One deadline over everything that a call does, and how much time went where.

use std::pin::Pin;
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::metadata::TimeSpent;
pub(crate) use crate::time_limit::{OutOfTime, within};

/// What a stretch of time was spent on.
#[derive(Clone, Copy)]
pub(crate) enum Spent {
    Request,
    Backoff,
    Quota,
}

/// The time of one call.
pub(crate) struct Stopwatch<'a> {
    clock: &'a dyn Clock,
    started: Instant,
    /// When the last stretch ended, which is when the next one begins: one look at the clock serves both.
    mark: Instant,
    deadline: Option<Duration>,
    pub(crate) time: TimeSpent,
}

impl<'a> Stopwatch<'a> {
    pub(crate) fn start(clock: &'a dyn Clock, deadline: Option<Duration>) -> Self {
        let started = clock.now();
        Self { clock, started, mark: started, deadline, time: TimeSpent::default() }
    }

    /// What is left until the deadline; `None` when there is no deadline.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_sub(self.clock.now().saturating_duration_since(self.started)))
    }

    /// Whether a wait of this length ends before the deadline.
    pub(crate) fn allows(&self, wait: Duration) -> bool {
        self.remaining().is_none_or(|remaining| wait < remaining)
    }

    /// Runs the work, for `limit` at the most.
    pub(crate) async fn limited<T>(
        &mut self,
        spent: Spent,
        limit: Duration,
        work: impl Future<Output = T>,
    ) -> Result<T, OutOfTime> {
        let result = within(self.clock, limit, work).await;
        self.account(spent);
        result
    }

    /// Does the work, however long it takes.
    ///
    /// The work is pinned by the caller: taken by value, an async function would hold it twice.
    pub(crate) async fn unlimited<T>(&mut self, spent: Spent, work: Pin<&mut impl Future<Output = T>>) -> T {
        let value = work.await;
        self.account(spent);
        value
    }

    /// Waits.
    pub(crate) async fn wait(&mut self, spent: Spent, wait: Duration) {
        self.clock.sleep(wait).await;
        self.account(spent);
    }

    fn account(&mut self, spent: Spent) {
        let now = self.clock.now();
        let passed = now.saturating_duration_since(self.mark);
        self.mark = now;
        match spent {
            Spent::Request => self.time.requests += passed,
            Spent::Backoff => self.time.backoff += passed,
            Spent::Quota => self.time.quota += passed,
        }
    }
}
