//! A store that lives in the process.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::{Claim, ClaimStore, Commit, Lease, StoreError, StoreFuture};

/// Events remembered unless configured otherwise.
const CAPACITY: usize = 16_384;

/// How long a processed event is remembered unless configured otherwise.
const RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// Keeps claims and processed events in the process's memory, up to a bound.
///
/// Fit for one process whose handler may run again after a restart. When the bound is reached, the events
/// committed first are forgotten first; claimed ones never are while their lease lasts.
pub struct MemoryClaims {
    state: Mutex<State>,
    capacity: usize,
    retention: Duration,
}

#[derive(Default)]
struct State {
    entries: HashMap<Arc<str>, Entry>,
    // In the order of their commits, so that the oldest can be forgotten without a search.
    done: VecDeque<(SystemTime, Arc<str>)>,
    tokens: u128,
}

struct Entry {
    token: u128,
    // `None` when done.
    leased_until: Option<SystemTime>,
}

impl MemoryClaims {
    /// A store for 16,384 events, each remembered for a day.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(CAPACITY, RETENTION)
    }

    /// A store for `capacity` events (at least one), each remembered for `retention` after its commit.
    ///
    /// Choose both so that an event is remembered for the ten minutes in which the service may deliver it again.
    #[must_use]
    pub fn with_limits(capacity: usize, retention: Duration) -> Self {
        Self { state: Mutex::default(), capacity: capacity.max(1), retention }
    }

    /// How many events are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn claim_now(&self, event_id: &str, now: SystemTime, lease: Duration) -> Result<Claim, StoreError> {
        let mut state = self.lock();
        state.forget_old(now, self.retention);
        match state.entries.get(event_id) {
            Some(Entry { leased_until: None, .. }) => return Ok(Claim::Done),
            Some(Entry { leased_until: Some(end), .. }) if now < *end => return Ok(Claim::Running),
            Some(_) => {}
            None => state.make_space(now, self.capacity)?,
        }
        state.tokens += 1;
        let token = state.tokens;
        let leased_until = now.checked_add(lease).ok_or_else(|| StoreError::new("the lease ends beyond all time"))?;
        state.entries.insert(event_id.into(), Entry { token, leased_until: Some(leased_until) });
        Ok(Claim::Fresh(Lease::new(event_id, token)))
    }

    fn commit_now(&self, lease: &Lease, now: SystemTime) -> Commit {
        let mut state = self.lock();
        match state.entries.get_mut(lease.event_id()) {
            Some(entry) if entry.token == lease.token() => {
                if entry.leased_until.take().is_some() {
                    state.done.push_back((now, lease.event_id().into()));
                }
                Commit::Recorded
            }
            _ => Commit::Superseded,
        }
    }

    fn release_now(&self, lease: &Lease) {
        let mut state = self.lock();
        let is_held = |entry: &Entry| entry.token == lease.token() && entry.leased_until.is_some();
        if state.entries.get(lease.event_id()).is_some_and(is_held) {
            state.entries.remove(lease.event_id());
        }
    }

    /// Every change is complete before anything can panic, so a poisoned lock hides nothing broken.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn forget_old(&mut self, now: SystemTime, retention: Duration) {
        while let Some((committed, _)) = self.done.front()
            && now.duration_since(*committed).is_ok_and(|age| age > retention)
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) -> bool {
        let oldest = self.done.pop_front();
        oldest.is_some_and(|(_, event_id)| self.entries.remove(&event_id).is_some())
    }

    fn make_space(&mut self, now: SystemTime, capacity: usize) -> Result<(), StoreError> {
        if self.entries.len() < capacity || self.forget_oldest() {
            return Ok(());
        }
        self.entries.retain(|_, entry| entry.leased_until.is_some_and(|end| now < end));
        if self.entries.len() < capacity {
            return Ok(());
        }
        Err(StoreError::new(format!("{capacity} events are being processed, and no more fit into memory")))
    }
}

impl ClaimStore for MemoryClaims {
    fn claim<'a>(&'a self, event_id: &'a str, now: SystemTime, lease: Duration) -> StoreFuture<'a, Claim> {
        Box::pin(std::future::ready(self.claim_now(event_id, now, lease)))
    }

    fn commit<'a>(&'a self, lease: &'a Lease, now: SystemTime) -> StoreFuture<'a, Commit> {
        Box::pin(std::future::ready(Ok(self.commit_now(lease, now))))
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> StoreFuture<'a, ()> {
        self.release_now(lease);
        Box::pin(std::future::ready(Ok(())))
    }

    fn abandon(&self, lease: &Lease) {
        self.release_now(lease);
    }
}

impl Default for MemoryClaims {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryClaims")
            .field("events", &self.len())
            .field("capacity", &self.capacity)
            .field("retention", &self.retention)
            .finish_non_exhaustive()
    }
}
