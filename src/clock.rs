//! Time and randomness: the only place that asks the machine for them. It imports nothing above it and, without the
//! features `client` and `axum`, no async runtime.

use std::time::{Duration, Instant, SystemTime};

use crate::future::BoxFuture;

/// Where this crate takes time and randomness from; replace it to test without waiting.
#[doc(alias = "Sleep")]
pub trait Clock: Send + Sync + 'static {
    /// A time that never runs backwards, for measuring.
    fn now(&self) -> Instant;

    /// The time of day, for comparing with what the service says.
    fn time_of_day(&self) -> SystemTime;

    /// Waits.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// A number from 0 up to 1, evenly spread, to keep clients from acting in step.
    fn random(&self) -> f64;
}

#[cfg(any(feature = "client", feature = "axum"))]
/// The machine's clock, sleeping on tokio's timer: under `tokio::time::pause` no time is spent.
///
/// Outside a Tokio runtime, and in one that was built without a timer, it sleeps on a thread, so that a transport of another
/// runtime can be used.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[cfg(any(feature = "client", feature = "axum"))]
#[allow(clippy::disallowed_methods, reason = "the one place where time and randomness come from")]
impl Clock for SystemClock {
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn time_of_day(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        if crate::runtime::has_timer() {
            Box::pin(tokio::time::sleep(duration))
        } else {
            Box::pin(thread_sleep(duration))
        }
    }

    fn random(&self) -> f64 {
        fastrand::f64()
    }
}

/// Waits on a thread of its own.
#[cfg(any(feature = "client", feature = "axum"))]
#[allow(clippy::disallowed_methods, reason = "the one place where time comes from")]
async fn thread_sleep(duration: Duration) {
    use std::sync::{Arc, Mutex, PoisonError};
    use std::task::{Poll, Waker};

    #[derive(Default)]
    struct Sleep {
        is_over: bool,
        waker: Option<Waker>,
    }
    let sleep = Arc::new(Mutex::new(Sleep::default()));
    let of_thread = Arc::clone(&sleep);
    std::thread::spawn(move || {
        std::thread::sleep(duration);
        let mut sleep = of_thread.lock().unwrap_or_else(PoisonError::into_inner);
        sleep.is_over = true;
        if let Some(waker) = sleep.waker.take() {
            waker.wake();
        }
    });
    std::future::poll_fn(|context| {
        let mut sleep = sleep.lock().unwrap_or_else(PoisonError::into_inner);
        if sleep.is_over {
            return Poll::Ready(());
        }
        sleep.waker = Some(context.waker().clone());
        Poll::Pending
    })
    .await;
}
