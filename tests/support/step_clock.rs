//! A clock for real sockets without waiting: waits end at once and time moves on by their length, time limits end when
//! the test says so.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

use onehorizon::Clock;
use onehorizon::transport::BoxFuture;

/// Sleeps of this length and more are time limits of attempts (30 s by default); shorter ones are waits.
const TIME_LIMIT: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub struct StepClock {
    start: Instant,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    passed: Duration,
    /// How often time limits have ended.
    expired: u64,
    sleepers: Vec<Waker>,
}

impl StepClock {
    pub fn new() -> Self {
        Self { start: Instant::now(), state: Arc::default() }
    }

    /// Ends all time limits that have begun.
    pub fn expire(&self) {
        let mut state = self.state.lock().unwrap();
        state.expired += 1;
        state.passed += TIME_LIMIT;
        state.sleepers.drain(..).for_each(Waker::wake);
    }

    pub fn passed(&self) -> Duration {
        self.state.lock().unwrap().passed
    }
}

impl Clock for StepClock {
    fn now(&self) -> Instant {
        self.start + self.passed()
    }

    fn time_of_day(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_780_304_400) + self.passed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let state = Arc::clone(&self.state);
        let began = state.lock().unwrap().expired;
        let mut waited = false;
        Box::pin(poll_fn(move |context| {
            let mut state = state.lock().unwrap();
            if duration < TIME_LIMIT {
                if !std::mem::replace(&mut waited, true) {
                    state.passed += duration;
                }
                return Poll::Ready(());
            }
            if state.expired > began {
                return Poll::Ready(());
            }
            state.sleepers.push(context.waker().clone());
            Poll::Pending
        }))
    }

    fn random(&self) -> f64 {
        0.5
    }
}
