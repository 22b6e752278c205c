//! Operations of several calls: one deadline over all of them, and pauses between repeats.

use std::time::{Duration, Instant};

use crate::configuration::Configuration;
use crate::error::{Error, ErrorKind};
use crate::keyed_locks::{Held, LONGEST_HOLD, NotHeld};
use crate::metadata::Sent;
use crate::options::CallOptions;

/// The calls of one piece of work.
pub(super) struct Steps {
    configuration: Configuration,
    options: CallOptions,
    started: Instant,
}

impl Steps {
    /// Begins the work; its options are those of each call, but the deadline is that of the whole.
    pub(super) fn begin(configuration: &Configuration, options: CallOptions) -> Self {
        Self { configuration: configuration.clone(), options, started: configuration.settings().clock.now() }
    }

    /// The options of the next call.
    pub(super) fn options(&self) -> CallOptions {
        CallOptions { deadline: self.remaining(), ..self.options.clone() }
    }

    /// The options of the next call, which the engine must not repeat by itself.
    pub(super) fn options_once(&self) -> CallOptions {
        CallOptions { attempts: Some(1), ..self.options() }
    }

    /// How many attempts a call may take.
    pub(super) fn attempts(&self) -> u32 {
        self.options.attempts.unwrap_or(self.configuration.settings().retry.attempts)
    }

    /// What is left until the deadline of the work.
    pub(super) fn remaining(&self) -> Option<Duration> {
        let settings = self.configuration.settings();
        let deadline = self.options.deadline.or(settings.deadline)?;
        Some(deadline.saturating_sub(settings.clock.now().saturating_duration_since(self.started)))
    }

    /// Waits until no other work of this name runs, within the deadline. `others` names that work in an error, and `nested` is the
    /// error of work that runs within a callback of its like.
    pub(super) async fn alone(
        &self,
        name: String,
        others: &str,
        nested: impl FnOnce() -> Error,
    ) -> Result<Held, Error> {
        let clock = &*self.configuration.settings().clock;
        let turn = self.configuration.edits().lock(name, clock);
        let turn = match self.remaining() {
            None => Ok(turn.await),
            Some(remaining) => crate::deadline::within(clock, remaining, turn).await,
        };
        match turn {
            Ok(Ok(held)) => Ok(held),
            Ok(Err(NotHeld::Nested)) => Err(nested()),
            Ok(Err(NotHeld::Stuck)) => {
                let message = format!("{others} has not ended for {} s; nothing was sent", LONGEST_HOLD.as_secs());
                Err(Error::new(ErrorKind::Timeout, message).with(|error| {
                    error.hint = Some(
                        "its future is kept and not polled, as in a stream or a select! that waits for this one: spawn it, or await it first",
                    );
                }))
            }
            Err(_) => Err(Error::new(ErrorKind::Timeout, format!("the deadline passed while {others} ran"))
                .with(|error| error.deadline = true)),
        }
    }

    /// Pauses before a call is repeated after `error`; returns the error when the wait is longer than this work may take.
    pub(super) async fn pause(&self, attempt: u32, error: Error) -> Result<Error, Error> {
        // The wait for the quota is that of the next call.
        if error.is_rate_limited() {
            return Ok(error);
        }
        let settings = self.configuration.settings();
        let pause = settings.retry.wait(error.retry_after(), attempt, &*settings.clock);
        let most = self.options.max_wait.unwrap_or(settings.retry.max_wait);
        if pause > most || self.remaining().is_some_and(|remaining| remaining <= pause) {
            return Err(error);
        }
        settings.clock.sleep(pause).await;
        Ok(error)
    }
}

/// Whether the service may have done a write that failed, although nobody said so.
pub(super) fn may_have_arrived(error: &Error) -> bool {
    match error.status() {
        // A refusal by the service or by somebody before it; what was not understood may have been done.
        Some(status) => error.kind() == ErrorKind::Decode || !(400..500).contains(&status) || status == 408,
        None => error.was_sent() != Sent::No,
    }
}

/// Whether a write that certainly did not arrive may succeed the next time.
pub(super) fn is_worth_repeating(error: &Error) -> bool {
    let kind = matches!(error.kind(), ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::RateLimited);
    kind && !error.is_deadline()
}
