//! What a run did, and what it could not do.

use std::error::Error;
use std::fmt;
use std::time::SystemTime;

use super::checkpoint::Checkpoint;
use super::entry::Entry;
use crate::models::TaskId;

/// What a run did. The next checkpoint comes from [`accept_gap`](Self::accept_gap).
#[must_use = "the next checkpoint comes from `accept_gap`"]
#[derive(Debug)]
pub struct Reconciliation {
    tally: Tally,
    gap: KnownGap,
    next: Checkpoint,
}

/// What became of the tasks of a run, while it goes on.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) handled: Vec<TaskId>,
    pub(super) already_handled: usize,
    pub(super) unfinished: Vec<Unfinished>,
    pub(super) unreadable: usize,
    pub(super) is_whole: bool,
}

impl Tally {
    pub(super) fn new(unreadable: usize, is_whole: bool) -> Self {
        Self { handled: Vec::new(), already_handled: 0, unfinished: Vec::new(), unreadable, is_whole }
    }
}

impl Reconciliation {
    pub(super) fn new(tally: Tally, since: &Checkpoint, entries: &[Entry], now: SystemTime) -> Self {
        let unfinished: Vec<&TaskId> = tally.unfinished.iter().map(Unfinished::task_id).collect();
        let next = Checkpoint::after(Some(since), entries, &unfinished, now);
        let mut unrepaired = vec![Unrepaired::IntermediateStates, Unrepaired::Deletions, Unrepaired::OtherEvents];
        if tally.unreadable > 0 {
            unrepaired.push(Unrepaired::UnreadableTasks(tally.unreadable));
        }
        if !tally.is_whole {
            unrepaired.push(Unrepaired::FurtherPages);
        }
        Self { gap: KnownGap { since: since.time(), until: next.time(), unrepaired }, tally, next }
    }

    /// The tasks whose present state was handled in this run, in this order.
    #[must_use]
    pub fn handled(&self) -> &[TaskId] {
        &self.tally.handled
    }

    /// How many tasks changed since the checkpoint and were handled before this run.
    #[must_use]
    pub fn already_handled(&self) -> usize {
        self.tally.already_handled
    }

    /// The tasks that are left for the next run; the next checkpoint remembers them.
    #[must_use]
    pub fn unfinished(&self) -> &[Unfinished] {
        &self.tally.unfinished
    }

    /// From where to where events may be lost, and which.
    #[must_use]
    pub fn gap(&self) -> &KnownGap {
        &self.gap
    }

    /// Accepts that what is [unrepaired](KnownGap::unrepaired) may be lost, and returns the next checkpoint to save. Until it is
    /// saved, another run looks at the same changes again and handles none twice.
    #[must_use = "save the checkpoint for the next run"]
    pub fn accept_gap(self) -> Checkpoint {
        self.next
    }
}

impl fmt::Display for Reconciliation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { handled, already_handled: before, unfinished, .. } = &self.tally;
        let (handled, unfinished) = (handled.len(), unfinished.len());
        write!(f, "{handled} tasks reconciled, {before} handled before, {unfinished} unfinished")
    }
}

/// A task that is left for the next run.
pub struct Unfinished {
    task_id: TaskId,
    error: Option<Box<dyn Error + Send + Sync>>,
}

impl Unfinished {
    pub(super) fn failed(task_id: TaskId, error: Box<dyn Error + Send + Sync>) -> Self {
        Self { task_id, error: Some(error) }
    }

    pub(super) fn busy(task_id: TaskId) -> Self {
        Self { task_id, error: None }
    }

    /// The task.
    #[must_use]
    pub fn task_id(&self) -> &TaskId {
        &self.task_id
    }

    /// What the handler returned; `None` when a delivery or another run is working on the task.
    #[must_use]
    pub fn error(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        self.error.as_deref()
    }
}

impl fmt::Debug for Unfinished {
    /// The task, and whether the handler failed: its error may repeat what it was given.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unfinished").field("task_id", &self.task_id).field("failed", &self.error.is_some()).finish()
    }
}

/// A time in which events may be lost for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownGap {
    since: SystemTime,
    until: SystemTime,
    unrepaired: Vec<Unrepaired>,
}

impl KnownGap {
    /// The time of the last accepted checkpoint.
    #[must_use]
    pub fn since(&self) -> SystemTime {
        self.since
    }

    /// The time of the latest change that this run has seen.
    #[must_use]
    pub fn until(&self) -> SystemTime {
        self.until
    }

    /// What may be lost.
    #[must_use]
    pub fn unrepaired(&self) -> &[Unrepaired] {
        &self.unrepaired
    }
}

/// What no list of tasks can bring back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unrepaired {
    /// The states that a task had between the last handled one and the present one, and who made the changes.
    IntermediateStates,
    /// Deletions: a task that is gone is not in the list.
    Deletions,
    /// Events about anything but tasks (comments, agents' sessions, …), and events of tasks other than created and updated.
    OtherEvents,
    /// This many tasks of the list could not be read.
    UnreadableTasks(usize),
    /// The list had a sign of further pages, or of a failure beside it: tasks may be missing from it.
    FurtherPages,
}

impl fmt::Display for Unrepaired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IntermediateStates => f.write_str("states between the last handled and the present one"),
            Self::Deletions => f.write_str("deletions of tasks"),
            Self::OtherEvents => f.write_str("events about anything but created and updated tasks"),
            Self::FurtherPages => f.write_str("tasks on further pages of the list"),
            Self::UnreadableTasks(count) => write!(f, "{count} tasks of the list that could not be read"),
        }
    }
}
