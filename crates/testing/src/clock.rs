//! A clock that tests move by hand.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

use onehorizon::{BoxFuture, Clock, SystemClock};

use crate::service::time::START;

/// A thousand years: time stops there, since an `Instant` has an end too.
const END: Duration = Duration::from_secs(1000 * 365 * 86_400);

/// A [`Clock`] that stands still until the test moves it.
///
/// It starts at 2026-06-01T09:00:00Z, as the fake does, and its random number is 0.5. Clones share the time.
///
/// ```
/// use std::time::Duration;
/// use onehorizon::{Configuration, TasksApi};
/// use onehorizon_testing::{ManualClock, Reply, ScriptedTransport};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let clock = ManualClock::new().skip_sleeps_below(Duration::from_secs(30));
/// let transport = ScriptedTransport::new([Reply::status(503), Reply::json(200, r#"{"tasks":[]}"#)]);
/// let config = Configuration::builder().api_key("test").transport(transport.clone()).clock(clock.clone()).build()?;
///
/// TasksApi::new(&config).list_tasks().await?; // the wait before the second attempt takes no real time
/// assert_eq!(transport.count(), 2);
/// assert!(clock.elapsed() > Duration::ZERO);
/// # Ok(())
/// # }
/// ```
///
/// With `#[tokio::test(start_paused = true)]` no manual clock is needed: the client's default clock follows tokio's.
#[derive(Clone)]
pub struct ManualClock {
    start: Instant,
    time_of_day: SystemTime,
    random: f64,
    skip_below: Duration,
    /// When the clock was made, if it follows tokio's.
    tokio: Option<tokio::time::Instant>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    elapsed: Duration,
    sleepers: Vec<Sleeper>,
    next_id: u64,
}

struct Sleeper {
    id: u64,
    /// When it wakes, since the start.
    ends: Duration,
    waker: Waker,
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl ManualClock {
    /// A clock that shows 2026-06-01T09:00:00Z.
    #[allow(clippy::disallowed_methods, reason = "an `Instant` can only be made from the machine's clock")]
    #[must_use]
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            time_of_day: SystemTime::UNIX_EPOCH + Duration::from_secs(START),
            random: 0.5,
            skip_below: Duration::ZERO,
            tokio: None,
            state: Arc::default(),
        }
    }

    /// A clock that follows tokio's: with `#[tokio::test(start_paused = true)]` tokio moves it whenever all tasks wait.
    /// Only the time of day and the random number are fixed.
    #[must_use]
    pub fn on_tokio() -> Self {
        let now = tokio::time::Instant::now();
        Self { start: now.into_std(), tokio: Some(now), ..Self::new() }
    }

    /// Starts at another time of day.
    #[must_use]
    pub fn starting_at(mut self, time_of_day: SystemTime) -> Self {
        self.time_of_day = time_of_day;
        self
    }

    /// What [`Clock::random`] returns: 0 for the shortest jitter, just below 1 for the longest.
    #[must_use]
    pub fn with_random(mut self, random: f64) -> Self {
        self.random = random;
        self
    }

    /// Sleeps shorter than `limit` end at once and move the time by their length; longer ones (time limits of attempts,
    /// 30 s by default) wait for [`advance`](Self::advance). Default: no sleep is skipped.
    #[must_use]
    pub fn skip_sleeps_below(mut self, limit: Duration) -> Self {
        self.skip_below = limit;
        self
    }

    /// Moves the time and wakes every sleep that has ended by then.
    pub fn advance(&self, duration: Duration) {
        let mut state = self.lock();
        state.elapsed = state.elapsed.saturating_add(duration).min(END);
        let now = state.elapsed;
        for sleeper in state.sleepers.extract_if(.., |sleeper| sleeper.ends <= now) {
            sleeper.waker.wake();
        }
    }

    /// Moves the time to the end of the next sleep and returns how far that was; `None` when nothing sleeps.
    #[allow(clippy::must_use_candidate, reason = "it moves the time")]
    pub fn advance_to_next(&self) -> Option<Duration> {
        let (next, now) = {
            let state = self.lock();
            (state.sleepers.iter().map(|sleeper| sleeper.ends).min()?, state.elapsed)
        };
        let distance = next.saturating_sub(now);
        self.advance(distance);
        Some(distance)
    }

    /// How far the time has moved since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        let moved = self.tokio.map(|start| start.elapsed()).unwrap_or_default();
        self.lock().elapsed + moved
    }

    /// How many sleeps wait for the time to move.
    #[must_use]
    pub fn sleeping(&self) -> usize {
        self.lock().sleepers.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        self.start + self.elapsed()
    }

    fn time_of_day(&self) -> SystemTime {
        self.time_of_day + self.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        if self.tokio.is_some() {
            return SystemClock.sleep(duration);
        }
        if duration < self.skip_below {
            self.advance(duration);
            return Box::pin(std::future::ready(()));
        }
        let mut state = self.lock();
        state.next_id += 1;
        Box::pin(Sleep {
            id: state.next_id,
            ends: state.elapsed.saturating_add(duration).min(END),
            state: Arc::clone(&self.state),
        })
    }

    fn random(&self) -> f64 {
        self.random
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("ManualClock")
            .field("elapsed", &state.elapsed)
            .field("sleeping", &state.sleepers.len())
            .finish_non_exhaustive()
    }
}

struct Sleep {
    id: u64,
    ends: Duration,
    state: Arc<Mutex<State>>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.ends <= state.elapsed {
            return Poll::Ready(());
        }
        match state.sleepers.iter_mut().find(|sleeper| sleeper.id == self.id) {
            Some(sleeper) => sleeper.waker.clone_from(context.waker()),
            None => state.sleepers.push(Sleeper { id: self.id, ends: self.ends, waker: context.waker().clone() }),
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.sleepers.retain(|sleeper| sleeper.id != self.id);
    }
}
