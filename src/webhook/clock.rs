//! The default clock of webhook code.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::clock::Clock;
use crate::future::BoxFuture;

/// The machine's clock, which waits only where Tokio runs with a timer: elsewhere time limits never end, but nothing panics.
pub(super) fn system() -> Arc<dyn Clock> {
    Arc::new(System)
}

struct System;

#[allow(clippy::disallowed_methods, reason = "the default of an injected clock")]
impl Clock for System {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn time_of_day(&self) -> SystemTime {
        SystemTime::now()
    }

    #[cfg(any(feature = "client", feature = "axum"))]
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        if !crate::runtime::has_timer() {
            return Box::pin(std::future::pending());
        }
        Box::pin(tokio::time::sleep(duration))
    }

    #[cfg(not(any(feature = "client", feature = "axum")))]
    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn random(&self) -> f64 {
        0.5
    }
}
