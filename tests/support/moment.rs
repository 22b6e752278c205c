//! A clock whose time of day a function returns; time limits never end on it.

use std::time::{Duration, Instant, SystemTime};

use onehorizon::{BoxFuture, Clock};

/// A clock by a function.
#[derive(Debug)]
pub struct Moment<F>(
    /// The source of the time of day.
    pub F,
);

impl<F: Fn() -> SystemTime + Send + Sync + 'static> Clock for Moment<F> {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn time_of_day(&self) -> SystemTime {
        self.0()
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn random(&self) -> f64 {
        0.5
    }
}
