//! The builder of a bulk run.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::report::BulkProgress;
use crate::apis::{EditOutcome, EditTask, FindOrCreate, TasksApi};
use crate::future::BoxFuture;
use crate::models::{NewTask, Task, TaskId};

pub(super) type Report<'a> = Box<dyn FnMut(&BulkProgress<'_>) + Send + 'a>;

impl TasksApi {
    /// Runs many edits and creates, a few at a time, with a result for each.
    ///
    /// Set [pacing](crate::ConfigurationBuilder::pacing) in the configuration to stay within the quota;
    /// [`Bulk::requests`] and [`Pacing::estimate`](crate::quota::Pacing::estimate) say beforehand how long it takes.
    ///
    /// ```
    /// # async fn example(tasks: onehorizon::TasksApi) -> Result<(), onehorizon::Error> {
    /// use onehorizon::models::TaskStatus;
    /// let report = tasks
    ///     .bulk()
    ///     .edit_each(["tsk_1", "tsk_2"], |task| task.status = TaskStatus::Completed)
    ///     .on_progress(|progress| println!("{} of {}", progress.finished(), progress.total()))
    ///     .await?;
    /// for item in report.failed() {
    ///     eprintln!("{item}");
    /// }
    /// # Ok(()) }
    /// ```
    pub fn bulk<'a>(&self) -> Bulk<'a> {
        Bulk {
            tasks: self.clone(),
            items: Vec::new(),
            concurrency: 8,
            state_file: None,
            report: None,
            stop: None,
            grace: Duration::from_secs(10),
        }
    }
}

/// Many edits and creates, being put together by [`TasksApi::bulk`]; await it.
///
/// # Errors
/// Awaiting it is an error only if nothing was begun: `Invalid` when two items have the same key, `Config` when the state
/// file cannot be used. What becomes of an item is in the [`BulkReport`](super::BulkReport).
#[must_use = "a bulk run does nothing until it is awaited"]
pub struct Bulk<'a> {
    pub(super) tasks: TasksApi,
    pub(super) items: Vec<Item<'a>>,
    pub(super) concurrency: usize,
    pub(super) state_file: Option<PathBuf>,
    pub(super) report: Option<Report<'a>>,
    pub(super) stop: Option<BoxFuture<'a, ()>>,
    pub(super) grace: Duration,
}

/// One piece of work and the name it has in reports and state files.
pub(super) struct Item<'a> {
    pub(super) key: String,
    pub(super) work: Work<'a>,
}

pub(super) enum Work<'a> {
    Edit(Box<EditTask<'a>>),
    Create(Box<NewTask>),
    FindOrCreate(Box<FindOrCreate>),
}

impl Work<'_> {
    /// Whether it may be run again when nobody knows whether it was done.
    pub(super) fn can_be_repeated(&self) -> bool {
        !matches!(self, Self::Create(_))
    }

    fn requests(&self) -> u32 {
        match self {
            Self::Edit(_) | Self::FindOrCreate(_) => 2,
            Self::Create(_) => 1,
        }
    }
}

impl<'a> Bulk<'a> {
    /// Edits a task as [`TasksApi::edit_task`] does. Its key is the task's id.
    pub fn edit<C, R>(self, task_id: impl Into<TaskId>, change: C) -> Self
    where
        C: FnOnce(&mut Task) -> R + Send + 'a,
        R: EditOutcome,
    {
        let edit = self.tasks.edit_task(task_id, change);
        self.edit_task(edit)
    }

    /// Edits each of these tasks in the same way.
    pub fn edit_each<I, C, R>(mut self, task_ids: I, change: C) -> Self
    where
        I: IntoIterator,
        I::Item: Into<TaskId>,
        C: Fn(&mut Task) -> R + Clone + Send + 'a,
        R: EditOutcome,
    {
        for task_id in task_ids {
            self = self.edit(task_id, change.clone());
        }
        self
    }

    /// Runs an edit that has options of its own, made by [`TasksApi::edit_task`].
    pub fn edit_task(self, edit: EditTask<'a>) -> Self {
        let key = edit.task_id().to_string();
        self.with(key, Work::Edit(Box::new(edit)))
    }

    /// Creates a task. `key` names it in the report and in the state file.
    ///
    /// A create whose response was lost is not run again by a later run, which reports it as
    /// [`Unfinished`](super::BulkOutcome::Unfinished); [`find_or_create`](Self::find_or_create) can be.
    #[doc(alias = "create_each")]
    pub fn create(self, key: impl Into<String>, task: NewTask) -> Self {
        self.with(key.into(), Work::Create(Box::new(task)))
    }

    /// Creates a task once, as [`TasksApi::find_or_create`] does. Each costs a listing.
    pub fn find_or_create(self, key: impl Into<String>, task: NewTask) -> Self {
        let work = self.tasks.find_or_create(key, task);
        let key = work.key().to_owned();
        self.with(key, Work::FindOrCreate(Box::new(work)))
    }

    fn with(mut self, key: String, work: Work<'a>) -> Self {
        self.items.push(Item { key, work });
        self
    }

    /// How many items run at the same time; default 8, at least 1.
    pub fn concurrency(mut self, items: usize) -> Self {
        self.concurrency = items.max(1);
        self
    }

    /// Writes down what is done, so that a later run with the same items goes on from there. The file is removed when
    /// everything is done.
    ///
    /// An edit that was stopped in the middle is run again: let it set values rather than add to them. One process at a time
    /// may use a file.
    pub fn state_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.state_file = Some(path.into());
        self
    }

    /// Calls `report` after each item, and once before the first, for instance to move a progress bar.
    pub fn on_progress(mut self, report: impl FnMut(&BulkProgress<'_>) + Send + 'a) -> Self {
        self.report = Some(Box::new(report));
        self
    }

    /// Stops when this future is done: nothing more is begun, and what is under way has
    /// [`stop_grace`](Self::stop_grace) to end.
    ///
    /// ```
    /// # async fn example(tasks: onehorizon::TasksApi) -> Result<(), onehorizon::Error> {
    /// let report = tasks.bulk().stop_when(tokio::signal::ctrl_c()).await?;
    /// # Ok(()) }
    /// ```
    pub fn stop_when<F>(mut self, stop: F) -> Self
    where
        F: Future + Send + 'a,
    {
        self.stop = Some(Box::pin(async move {
            stop.await;
        }));
        self
    }

    /// How long items that are under way have to end after a stop; default 10 s. Then they are dropped and reported as
    /// [`Unfinished`](super::BulkOutcome::Unfinished).
    pub fn stop_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many requests it takes if nothing has to be repeated and everything changes: two for an edit, one for a create.
    ///
    /// ```
    /// # fn example(tasks: onehorizon::TasksApi) {
    /// use onehorizon::quota::Pacing;
    /// let bulk = tasks.bulk().edit_each(["tsk_1", "tsk_2"], |task| task.topic = Some("Growth".to_owned()));
    /// println!("about {:?}", Pacing::documented().estimate(bulk.requests()));
    /// # }
    /// ```
    #[must_use]
    pub fn requests(&self) -> u32 {
        self.items.iter().map(|item| item.work.requests()).fold(0, u32::saturating_add)
    }
}

impl fmt::Debug for Bulk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulk")
            .field("items", &self.items.len())
            .field("concurrency", &self.concurrency)
            .field("state_file", &self.state_file)
            .finish_non_exhaustive()
    }
}
