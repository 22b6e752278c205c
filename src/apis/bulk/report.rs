//! The results of a bulk run, item by item.

use std::fmt;

use crate::error::Error;
use crate::models::TaskId;

/// What became of one item.
#[derive(Debug)]
#[non_exhaustive]
pub enum BulkOutcome {
    /// The task was edited and written.
    Edited(TaskId),
    /// The edit left the task as it was, so it was not written.
    Unchanged(TaskId),
    /// The task was created.
    Created(TaskId),
    /// The task was there already.
    Found(TaskId),
    /// An earlier run had done it; the state file says so.
    DoneBefore(TaskId),
    /// It failed.
    Failed(Error),
    /// It was begun, by this run or an earlier one, and may or may not be done.
    Unfinished,
    /// It was not begun, since the run was stopped.
    NotBegun,
}

impl BulkOutcome {
    /// The task, if it is done.
    #[must_use]
    pub fn task_id(&self) -> Option<&TaskId> {
        match self {
            Self::Edited(id) | Self::Unchanged(id) | Self::Created(id) | Self::Found(id) | Self::DoneBefore(id) => {
                Some(id)
            }
            Self::Failed(_) | Self::Unfinished | Self::NotBegun => None,
        }
    }

    /// Whether it is done, by this run or an earlier one.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.task_id().is_some()
    }

    /// The error, if it failed.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        match self {
            Self::Failed(error) => Some(error),
            _ => None,
        }
    }
}

/// One item and what became of it. `Display` is one line.
#[derive(Debug)]
#[non_exhaustive]
pub struct BulkItem {
    /// The id of an edited task, or the key of a created one.
    pub key: String,
    /// What became of it.
    pub outcome: BulkOutcome,
}

impl fmt::Display for BulkItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match &self.outcome {
            BulkOutcome::Edited(_) => write!(f, "{key}: edited"),
            BulkOutcome::Unchanged(_) => write!(f, "{key}: unchanged"),
            BulkOutcome::Created(id) => write!(f, "{key}: created as {id}"),
            BulkOutcome::Found(id) => write!(f, "{key}: found as {id}"),
            BulkOutcome::DoneBefore(id) => write!(f, "{key}: done before ({id})"),
            BulkOutcome::Failed(error) => write!(f, "{key}: {error}"),
            BulkOutcome::Unfinished => write!(f, "{key}: begun, perhaps done"),
            BulkOutcome::NotBegun => write!(f, "{key}: not begun"),
        }
    }
}

/// How far a bulk run is.
#[derive(Debug)]
#[non_exhaustive]
pub struct BulkProgress<'a> {
    pub(super) total: usize,
    pub(super) done: usize,
    pub(super) failed: usize,
    pub(super) last: Option<(&'a str, &'a BulkOutcome)>,
}

impl BulkProgress<'_> {
    /// How many items there are.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total
    }

    /// How many items are done, those of earlier runs included.
    #[must_use]
    pub fn done(&self) -> usize {
        self.done
    }

    /// How many items failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.failed
    }

    /// How many items are done or failed.
    #[must_use]
    pub fn finished(&self) -> usize {
        self.done + self.failed
    }

    /// The key of the item that ended last, and what became of it; `None` before the first.
    #[must_use]
    pub fn last(&self) -> Option<(&str, &BulkOutcome)> {
        self.last
    }
}

/// What became of a bulk run: every item, in the order they were given.
#[derive(Debug)]
#[must_use = "items may have failed"]
#[non_exhaustive]
pub struct BulkReport {
    /// Every item, in the order they were given.
    pub items: Vec<BulkItem>,
    pub(super) was_stopped: bool,
    pub(super) state_failure: Option<std::io::Error>,
}

impl BulkReport {
    /// The items, in the order they were given.
    pub fn iter(&self) -> std::slice::Iter<'_, BulkItem> {
        self.items.iter()
    }

    /// The items that are done, by this run or an earlier one.
    #[doc(alias = "succeeded")]
    pub fn done(&self) -> impl Iterator<Item = &BulkItem> {
        self.items.iter().filter(|item| item.outcome.is_done())
    }

    /// The items that failed.
    pub fn failed(&self) -> impl Iterator<Item = &BulkItem> {
        self.items.iter().filter(|item| item.outcome.error().is_some())
    }

    /// The items that were begun and may or may not be done.
    pub fn unfinished(&self) -> impl Iterator<Item = &BulkItem> {
        self.items.iter().filter(|item| matches!(item.outcome, BulkOutcome::Unfinished))
    }

    /// The items that were not begun.
    pub fn not_begun(&self) -> impl Iterator<Item = &BulkItem> {
        self.items.iter().filter(|item| matches!(item.outcome, BulkOutcome::NotBegun))
    }

    /// Whether every item is done.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.items.iter().all(|item| item.outcome.is_done())
    }

    /// Whether the run ended early: [`Bulk::stop_when`](super::Bulk::stop_when), a credential that the service refuses, or a
    /// state file that cannot be written.
    #[must_use]
    pub fn was_stopped(&self) -> bool {
        self.was_stopped
    }

    /// Why the state file could not be written, if so: the run stopped there, and the file lacks what was done since.
    #[must_use]
    pub fn state_failure(&self) -> Option<&std::io::Error> {
        self.state_failure.as_ref()
    }
}

impl<'a> IntoIterator for &'a BulkReport {
    type Item = &'a BulkItem;
    type IntoIter = std::slice::Iter<'a, BulkItem>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

impl IntoIterator for BulkReport {
    type Item = BulkItem;
    type IntoIter = std::vec::IntoIter<BulkItem>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}
