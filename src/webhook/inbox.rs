//! What durable inboxes have in common. The inboxes themselves are in the crates `onehorizon-postgres` and
//! `onehorizon-sqlite`: a delivery is acknowledged when its event is stored, and worked on later, in a transaction.
//!
//! Code that names these types works with both.

use std::fmt;
use std::ops::Range;
use std::time::{Duration, SystemTime};

use super::Event;

/// An event to work on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Job {
    /// The event, as it was stored.
    pub event: Event,
    /// Which attempt this is, from 1 on.
    pub attempt: u32,
    /// When the event was stored, by the clock of the store.
    pub received_at: SystemTime,
    /// The label of the key that its delivery carried.
    pub label: Option<String>,
}

impl Job {
    /// A first attempt without a label; for tests of handlers, and for inboxes of other kinds.
    #[must_use]
    pub fn new(event: Event, received_at: SystemTime) -> Self {
        Self { event, attempt: 1, received_at, label: None }
    }
}

/// What is in an inbox.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct InboxStats {
    /// Events to be worked on now.
    pub due: u64,
    /// Events being worked on, or waiting for another attempt.
    pub waiting: u64,
    /// Events that failed too often.
    pub dead: u64,
    /// The age of the oldest event that is neither done nor dead.
    pub oldest: Duration,
}

/// An event that failed too often.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct DeadEvent {
    /// Its id.
    pub event_id: String,
    /// Its JSON; [`Event::from_json`] reads it.
    pub body: String,
    /// How often it was tried.
    pub attempts: u32,
    /// The error of the last attempt.
    pub error: String,
}

impl fmt::Debug for DeadEvent {
    /// Without the body, and without the error, which may repeat what the handler was given.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadEvent")
            .field("event_id", &self.event_id)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AttemptEnd {
    /// The event is done.
    Done,
    /// It failed and will be repeated.
    Retried,
    /// It failed, and the event is dead now.
    Dead,
    /// Another worker had taken the event over; the work was rolled back.
    Superseded,
}

/// What workers did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Worked {
    /// Events that are done.
    pub done: u64,
    /// Attempts that failed and will be repeated.
    pub retried: u64,
    /// Events that are dead now.
    pub dead: u64,
    /// Attempts that another worker had taken over; their work was rolled back.
    pub superseded: u64,
}

impl Worked {
    /// Counts one more attempt.
    pub fn count(&mut self, end: AttemptEnd) {
        match end {
            AttemptEnd::Done => self.done += 1,
            AttemptEnd::Retried => self.retried += 1,
            AttemptEnd::Dead => self.dead += 1,
            AttemptEnd::Superseded => self.superseded += 1,
        }
    }
}

/// In which order the events of one resource are worked on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Order {
    /// In any, also at the same time. The default.
    #[default]
    Any,
    /// One after the other, in the order in which they came.
    PerResource,
    /// Only the latest; those before it that are still waiting are dropped.
    LatestWins,
}

/// The settings of an inbox, which has a method for each.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InboxSettings {
    /// How many events a process works on at the same time; 4 unless set.
    pub concurrency: usize,
    /// How long a worker may be silent before another takes its event over; a minute unless set.
    pub lease: Duration,
    /// The wait after a first failure, doubled with each further one up to the end; 1 s to 10 min unless set.
    pub backoff: Range<Duration>,
    /// After how many attempts an event is dead; 12 unless set.
    pub dead_after: u32,
    /// How often to look for events that another process put in; every second unless set.
    pub poll: Duration,
    /// In which order the events of one resource are worked on; any unless set.
    pub order: Order,
}

impl Default for InboxSettings {
    fn default() -> Self {
        Self {
            concurrency: 4,
            lease: Duration::from_secs(60),
            backoff: Duration::from_secs(1)..Duration::from_secs(10 * 60),
            dead_after: 12,
            poll: Duration::from_secs(1),
            order: Order::Any,
        }
    }
}

impl InboxSettings {
    /// How long to wait after this failed attempt, counted from 1.
    #[must_use]
    pub fn delay_after(&self, attempt: u32) -> Duration {
        let factor = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        self.backoff.start.saturating_mul(factor).min(self.backoff.end)
    }
}
