//! A clock for real sockets without waiting.

use std::time::Duration;

use onehorizon_testing::ManualClock;

/// Sleeps of this length and more are time limits of attempts (30 s by default); shorter ones are waits.
pub const TIME_LIMIT: Duration = Duration::from_secs(30);

/// Waits end at once and move the time by their length; a test ends the time limits by `advance(TIME_LIMIT)`.
pub fn step_clock() -> ManualClock {
    ManualClock::new().skip_sleeps_below(TIME_LIMIT)
}
