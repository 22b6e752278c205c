//! Time that runs faster, for the client and the fake alike.

use std::time::{Duration, Instant, SystemTime};

use onehorizon::transport::BoxFuture;
use onehorizon::{Clock, SystemClock};

/// The machine's clock, `speed` times as fast.
#[derive(Clone, Copy)]
pub(crate) struct FastClock {
    start: Instant,
    speed: u32,
}

impl FastClock {
    pub(crate) fn new(speed: u32) -> Self {
        Self { start: SystemClock.now(), speed: speed.max(1) }
    }
}

impl Clock for FastClock {
    fn now(&self) -> Instant {
        self.start + SystemClock.now().saturating_duration_since(self.start) * self.speed
    }

    fn time_of_day(&self) -> SystemTime {
        SystemClock.time_of_day()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        SystemClock.sleep(duration / self.speed)
    }

    fn random(&self) -> f64 {
        SystemClock.random()
    }
}
