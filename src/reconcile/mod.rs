//! Missed deliveries, repaired.
//!
//! The service gives a delivery up after four attempts in about six minutes, so an outage of the receiver that is longer
//! loses events. [`Reconciler::run`] lists the tasks, in one request, and compares them with what was last handled: the
//! receiver's store remembers each state (the time of a task's last update, or a hash of its content) that a handler has
//! seen. What differs goes through the same handler as an [`Event`] that is marked as reconciled
//! ([`Event::is_reconciled`], [`Scheme::Reconciled`](crate::webhook::Scheme)), with the same claim and commit.
//!
//! ```no_run
//! use onehorizon::reconcile::{Checkpoint, Reconciler};
//! use onehorizon::webhook::{EventRouter, Receiver, Verifier};
//! use onehorizon::{Configuration, TasksApi};
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let tasks = TasksApi::new(&Configuration::from_env()?);
//! let router = EventRouter::builder()
//!     .on_task(async |event, task| {
//!         println!("{} {} (reconciled: {})", task.task_id, task.title, event.is_reconciled());
//!         Ok::<_, std::io::Error>(())
//!     })
//!     .fallback(async |_| Ok::<_, std::io::Error>(()));
//! let receiver = Receiver::builder(Verifier::from_env()?).track_task_states(true).build();
//! let reconciler = Reconciler::new(&tasks, &receiver);
//!
//! let checkpoint: Checkpoint = match std::fs::read_to_string("checkpoint") {
//!     Ok(text) => text.parse()?,
//!     Err(_) => reconciler.baseline().await?, // the first start: whatever is there counts as handled
//! };
//! let run = reconciler.run(&checkpoint, router.handler()).await?;
//! println!("{run}");
//! for loss in run.gap().unrepaired() {
//!     println!("not repaired: {loss}");
//! }
//! std::fs::write("checkpoint", run.accept_gap().to_string())?;
//! # Ok(())
//! # }
//! ```
//!
//! # What it guarantees
//! - Each task whose state differs from what was handled is handled once in its present state: as `task.created` where the
//!   task is newer than the checkpoint and its creation was not handled, else as `task.updated`.
//! - A late delivery of a state that was reconciled is a duplicate; one of a state that came before it is handled, since
//!   nobody has seen it. Compare [`Event::time`], as with any deliveries: they come in no promised order.
//! - A task whose handler fails, or that another process is working on, is left for the next run
//!   ([`Reconciliation::unfinished`]), and the next checkpoint remembers it.
//! - Several processes may run it at the same time with one store.
//!
//! # What it cannot repair
//! A gap is known to have losses of the kinds in [`Unrepaired`]: states between two that were seen, deletions, and events
//! about anything but tasks. So the next [`Checkpoint`] comes only from [`Reconciliation::accept_gap`].
//!
//! # What it needs
//! - [`track_task_states`](crate::webhook::ReceiverBuilder::track_task_states) on all receivers that share the store.
//! - A store that remembers for longer than the time between two checkpoints; a day, with those of this project.
//!   Run it at each start of the receiver and every few hours.
//! - `updatedAt` in lists and in events, or in neither. Without it a state is a hash of the fields that lists have in full, so
//!   that a change of the description alone is not noticed. Two changes within one tick of `updatedAt` are one state.
//! - A handler that does not take a reconciled task as whole: lists may shorten descriptions. Fetch the task to have all.

mod checkpoint;
mod entry;
mod report;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

pub use self::checkpoint::{Checkpoint, CheckpointError};
use self::entry::Entry;
use self::report::Tally;
pub use self::report::{KnownGap, Reconciliation, Unfinished, Unrepaired};
use crate::apis::whole_list::is_whole_list;
use crate::apis::{ListTasks, TasksApi};
use crate::error::Error;
use crate::store::StoreError;
use crate::webhook::claims::Lease;
use crate::webhook::{Event, Outcome, Receiver, Verified};

/// Changes the listing.
type Listing = Arc<dyn Fn(ListTasks) -> ListTasks + Send + Sync>;

/// Finds tasks whose last state no delivery has shown, and hands them to the handler; see the [module](self).
///
/// Cloning is cheap.
#[derive(Clone)]
pub struct Reconciler {
    tasks: TasksApi,
    receiver: Receiver,
    listing: Listing,
}

impl Reconciler {
    /// Reconciles what this client can list with what this receiver has handled.
    #[must_use]
    pub fn new(tasks: &TasksApi, receiver: &Receiver) -> Self {
        Self { tasks: tasks.clone(), receiver: receiver.clone(), listing: Arc::new(|list| list) }
    }

    /// Changes the listing, which asks for all tasks of the configuration's workspace: another workspace, a filter, a
    /// deadline. Tasks that it leaves out are not reconciled.
    #[must_use]
    pub fn listing(mut self, change: impl Fn(ListTasks) -> ListTasks + Send + Sync + 'static) -> Self {
        self.listing = Arc::new(change);
        self
    }

    /// A checkpoint from which everything that is there now counts as handled, for the first start. One request.
    ///
    /// # Errors
    /// [`ReconcileError::List`].
    pub async fn baseline(&self) -> Result<Checkpoint, ReconcileError> {
        let (entries, ..) = self.list().await?;
        Ok(Checkpoint::after(None, &entries, &[], self.receiver.time_of_day()))
    }

    /// Lists the tasks, in one request, and calls the handler for each whose present state was not handled since the
    /// checkpoint: one after another, the one that changed first comes first.
    ///
    /// The handler is one for [`Receiver::receive`], such as a router's. The receiver's lease, time limits and
    /// [hooks](crate::webhook::DeliveryHooks) are used; no reply is made.
    ///
    /// # Errors
    /// [`ReconcileError`]. What a handler returns does not end the run, see [`Reconciliation::unfinished`].
    pub async fn run<H, F, E>(&self, since: &Checkpoint, mut handler: H) -> Result<Reconciliation, ReconcileError>
    where
        H: FnMut(Verified<Event>) -> F,
        F: Future<Output = Result<(), E>>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.reconcile(since, false, move |event, _| handler(event)).await
    }

    /// As [`run`](Self::run), for a handler that commits the claim itself, as with [`Receiver::receive_claimed`].
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_claimed<H, F, E>(&self, since: &Checkpoint, handler: H) -> Result<Reconciliation, ReconcileError>
    where
        H: FnMut(Verified<Event>, Lease) -> F,
        F: Future<Output = Result<(), E>>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.reconcile(since, true, handler).await
    }

    async fn reconcile<H, F, E>(
        &self,
        since: &Checkpoint,
        claimed: bool,
        mut handler: H,
    ) -> Result<Reconciliation, ReconcileError>
    where
        H: FnMut(Verified<Event>, Lease) -> F,
        F: Future<Output = Result<(), E>>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        if !self.receiver.tracks_task_states() {
            return Err(ReconcileError::NotTracked);
        }
        let (entries, unreadable, is_whole) = self.list().await?;
        let mut run = Tally::new(unreadable, is_whole);
        for entry in entries.iter().filter(|entry| !since.covers(entry)) {
            let Some(event) = self.event(entry, since).await? else {
                run.unreadable += 1;
                continue;
            };
            let task_id = entry.task_id().clone();
            let reply = self.receiver.process_reconciled(event, claimed, &mut handler).await;
            match reply.into_outcome() {
                Outcome::Handled | Outcome::HandledLate => run.handled.push(task_id),
                Outcome::Duplicate => run.already_handled += 1,
                Outcome::HandlerFailed(error) => run.unfinished.push(Unfinished::failed(task_id, error)),
                Outcome::StoreFailed(error) => return Err(ReconcileError::Store(error)),
                _ => run.unfinished.push(Unfinished::busy(task_id)),
            }
        }
        Ok(Reconciliation::new(run, since, &entries, self.receiver.time_of_day()))
    }

    /// The tasks, the one that changed first comes first, how many could not be read, and whether these are all.
    async fn list(&self) -> Result<(Vec<Entry>, usize, bool), ReconcileError> {
        let list = (self.listing)(self.tasks.list_tasks().all(true)).await.map_err(ReconcileError::List)?;
        let unreadable = list.unreadable().iter().filter(|found| is_item(found.path())).count();
        let is_whole = is_whole_list(&list, "tasks");
        let workspace = self.tasks.configuration.workspace();
        let mut entries: Vec<Entry> = list.into_inner().into_iter().map(|task| Entry::new(task, workspace)).collect();
        entries.sort_by_key(Entry::updated);
        Ok((entries, unreadable, is_whole))
    }

    async fn event(&self, entry: &Entry, since: &Checkpoint) -> Result<Option<Event>, ReconcileError> {
        let is_new = match entry.created().filter(|(at, _)| since.is_before(*at)) {
            Some((_, state)) => !self.receiver.has_handled(&state).await.map_err(ReconcileError::Store)?,
            None => false,
        };
        Ok(entry.event(is_new, self.receiver.time_of_day()))
    }
}

/// Whether the path is that of a whole task in the list, such as `tasks[3]`.
fn is_item(path: &str) -> bool {
    path.ends_with(']') && path.matches('[').count() == 1
}

impl fmt::Debug for Reconciler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconciler").field("receiver", &self.receiver).finish_non_exhaustive()
    }
}

/// A run that could not go to its end. What was handled by then stays handled: run again with the same checkpoint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReconcileError {
    /// The tasks could not be listed.
    #[error("the tasks could not be listed: {0}")]
    List(#[source] Error),
    /// The receiver's store failed.
    #[error("{0}")]
    Store(StoreError),
    /// The receiver does not remember which states were handled, so that everything would be handled again.
    #[error("the receiver does not remember states of tasks: build it with `track_task_states(true)`")]
    NotTracked,
}
