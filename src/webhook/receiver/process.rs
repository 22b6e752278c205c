//! Claim, handle, commit.

use std::error::Error;
use std::future::Future;
use std::time::{Duration, SystemTime};

use super::Receiver;
use super::reply::{Accepted, Outcome, Reply};
use crate::store::StoreError;
use crate::time_limit::{OutOfTime, within};
use crate::webhook::claims::{Claim, ClaimStore, Commit, Lease, StoreFuture, Superseded};
use crate::webhook::event::Event;
use crate::webhook::task_state::TaskState;
use crate::webhook::verifier::{Scheme, Verified};

/// What it means that the claim was superseded when the handler was done.
#[derive(Clone, Copy)]
pub(in crate::webhook) enum Late {
    /// The work is done, if later than its lease.
    Counts,
    /// The handler's transaction cannot have committed.
    Fails,
}

/// What the store knows of the state that an event shows.
enum Known {
    Nothing,
    Handled,
    Busy,
}

impl Receiver {
    pub(super) async fn process<H, F, E>(&self, event: Verified<Event>, late: Late, handler: H) -> Reply
    where
        H: FnOnce(Verified<Event>, Lease) -> F,
        F: Future<Output = Result<(), E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let store = &*self.inner.store;
        let accepted = Accepted::of(&event);
        let is_reconciled = event.scheme() == Scheme::Reconciled;
        let state = if self.inner.track_task_states { TaskState::of_event(&event) } else { None };
        let lease = match self.claim(accepted.id()).await {
            Ok(Claim::Fresh(lease)) => lease,
            Ok(Claim::Running) => return Reply::running(),
            Ok(Claim::Done) => return Reply::accepted(&accepted, Outcome::Duplicate),
            Err(error) => return Reply::store_failed(error),
        };
        let mut held = Held { store, event: Some(lease.clone()), state: None };
        let known = match &state {
            Some(state) => self.compare(state, is_reconciled, &mut held).await,
            None => Ok(Known::Nothing),
        };
        match known {
            Ok(Known::Nothing) => {}
            Ok(Known::Handled) => {
                if !is_reconciled && let Err(error) = self.ask(|now| store.commit(&lease, now)).await {
                    return Reply::store_failed(error);
                }
                self.release(held).await;
                return Reply::accepted(&accepted, Outcome::Duplicate);
            }
            Ok(Known::Busy) => {
                self.release(held).await;
                return Reply::running();
            }
            Err(error) => {
                self.release(held).await;
                return Reply::store_failed(error);
            }
        }
        if let Err(error) = self.call(handler(event, lease.clone())).await {
            // A store that cannot release leaves the event to the end of its lease.
            self.release(held).await;
            return Reply::handler_failed(error);
        }
        // The work is done: from here on a dropped future must not give the event away.
        let state_lease = held.keep();
        let committed = self.ask(|now| store.commit(&lease, now)).await;
        if let Some(state) = state.filter(|_| !is_reconciled && committed.is_ok()) {
            self.record(&state, state_lease).await;
        }
        match (committed, late) {
            (Ok(Commit::Recorded), _) => Reply::accepted(&accepted, Outcome::Handled),
            (Ok(Commit::Superseded), Late::Counts) => Reply::accepted(&accepted, Outcome::HandledLate),
            (Ok(Commit::Superseded), Late::Fails) => Reply::handler_failed(Superseded),
            // The commit may not have happened, so the event has to come again.
            (Err(error), _) => Reply::store_failed(error),
        }
    }

    /// Asks whether the state has been handled: by reconciliation, for a delivery; by a delivery, for reconciliation. Each
    /// holds its own claim while it asks for the other's, so that the two never work on a state at the same time.
    ///
    /// Of two deliveries that show one state neither is a duplicate: one change may make several events.
    async fn compare(&self, state: &TaskState, is_reconciled: bool, held: &mut Held<'_>) -> Result<Known, StoreError> {
        let other = if is_reconciled {
            state.delivered_id()
        } else {
            if let Claim::Fresh(lease) = self.claim(&state.delivered_id()).await? {
                held.state = Some(lease);
            }
            state.reconciled_id()
        };
        Ok(match self.claim(&other).await? {
            Claim::Fresh(lease) => {
                self.ask(|_| held.store.release(&lease)).await?;
                Known::Nothing
            }
            Claim::Running => Known::Busy,
            Claim::Done => Known::Handled,
        })
    }

    /// Records a state as handled by a delivery. Should the store fail, the state is handled once more after a gap.
    async fn record(&self, state: &TaskState, lease: Option<Lease>) {
        let store = &*self.inner.store;
        let lease = match lease {
            Some(lease) => lease,
            None => match self.claim(&state.delivered_id()).await {
                Ok(Claim::Fresh(lease)) => lease,
                _ => return,
            },
        };
        let _ = self.ask(|now| store.commit(&lease, now)).await;
    }

    /// Whether a delivery or a reconciled event has shown this state to the handler.
    #[cfg(feature = "client")]
    pub(crate) async fn has_handled(&self, state: &TaskState) -> Result<bool, StoreError> {
        for id in [state.delivered_id(), state.reconciled_id()] {
            match self.claim(&id).await? {
                Claim::Fresh(lease) => self.ask(|_| self.inner.store.release(&lease)).await?,
                Claim::Running => {}
                Claim::Done => return Ok(true),
            }
        }
        Ok(false)
    }

    async fn claim(&self, id: &str) -> Result<Claim, StoreError> {
        self.ask(|now| self.inner.store.claim(id, now, self.inner.lease)).await
    }

    async fn release(&self, mut held: Held<'_>) {
        for lease in [held.event.take(), held.state.take()].into_iter().flatten() {
            let _ = self.ask(|_| held.store.release(&lease)).await;
        }
    }

    /// Runs the handler, within its time limit if it has one.
    async fn call<E>(&self, work: impl Future<Output = Result<(), E>>) -> Result<(), Box<dyn Error + Send + Sync>>
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let Some(limit) = self.inner.handler_timeout else { return work.await.map_err(Into::into) };
        match within(&*self.verifier().clock(), limit, work).await {
            Ok(result) => result.map_err(Into::into),
            Err(OutOfTime) => Err(format!("the handler took longer than {} s", limit.as_secs_f64()).into()),
        }
    }

    /// Calls the store, within its time limit.
    async fn ask<'a, T>(&self, call: impl FnOnce(SystemTime) -> StoreFuture<'a, T>) -> Result<T, StoreError> {
        let (clock, limit) = (self.verifier().clock(), self.inner.store_timeout);
        match within(&*clock, limit, call(clock.time_of_day())).await {
            Ok(result) => result,
            Err(OutOfTime) => Err(StoreError::new(format!("no response within {} s", seconds(limit)))),
        }
    }
}

fn seconds(limit: Duration) -> f64 {
    limit.as_secs_f64()
}

/// Gives claims back when the handler panics or its future is dropped.
struct Held<'a> {
    store: &'a dyn ClaimStore,
    event: Option<Lease>,
    state: Option<Lease>,
}

impl Held<'_> {
    /// Keeps the claims from here on; returns the one on the state.
    fn keep(mut self) -> Option<Lease> {
        self.event = None;
        self.state.take()
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        for lease in [self.event.take(), self.state.take()].into_iter().flatten() {
            self.store.abandon(&lease);
        }
    }
}
