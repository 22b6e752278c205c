//! A bulk run that blocks.

use std::path::PathBuf;
use std::time::Duration;

use super::{TasksApi, Unsent};
use crate::apis::{Bulk, BulkProgress, EditOutcome, EditTask};
use crate::models::{NewTask, Task, TaskId};

impl TasksApi {
    /// Runs many edits and creates as [`apis::TasksApi::bulk`](crate::apis::TasksApi::bulk) does.
    ///
    /// ```no_run
    /// # fn example(tasks: onehorizon::blocking::TasksApi) -> Result<(), onehorizon::Error> {
    /// use onehorizon::models::TaskStatus;
    /// let report = tasks.bulk().edit_each(["tsk_1", "tsk_2"], |task| task.status = TaskStatus::Completed).send()?;
    /// for item in report.failed() {
    ///     eprintln!("{item}");
    /// }
    /// # Ok(()) }
    /// ```
    pub fn bulk<'a>(&self) -> Unsent<Bulk<'a>> {
        Unsent::new(&self.configuration, self.asynchronous().bulk())
    }
}

impl<'a> Unsent<Bulk<'a>> {
    /// As [`Bulk::edit`].
    pub fn edit<C, R>(self, task_id: impl Into<TaskId>, change: C) -> Self
    where
        C: FnOnce(&mut Task) -> R + Send + 'a,
        R: EditOutcome,
    {
        self.with_call(|call| call.edit(task_id, change))
    }

    /// As [`Bulk::edit_each`].
    pub fn edit_each<I, C, R>(self, task_ids: I, change: C) -> Self
    where
        I: IntoIterator,
        I::Item: Into<TaskId>,
        C: Fn(&mut Task) -> R + Clone + Send + 'a,
        R: EditOutcome,
    {
        self.with_call(|call| call.edit_each(task_ids, change))
    }

    /// As [`Bulk::edit_task`].
    pub fn edit_task(self, edit: Unsent<EditTask<'a>>) -> Self {
        self.with_call(|call| call.edit_task(edit.call))
    }

    /// As [`Bulk::create`].
    pub fn create(self, key: impl Into<String>, task: NewTask) -> Self {
        self.with_call(|call| call.create(key, task))
    }

    /// As [`Bulk::find_or_create`].
    pub fn find_or_create(self, key: impl Into<String>, task: NewTask) -> Self {
        self.with_call(|call| call.find_or_create(key, task))
    }

    /// As [`Bulk::concurrency`].
    pub fn concurrency(self, items: usize) -> Self {
        self.with_call(|call| call.concurrency(items))
    }

    /// As [`Bulk::state_file`].
    pub fn state_file(self, path: impl Into<PathBuf>) -> Self {
        self.with_call(|call| call.state_file(path))
    }

    /// As [`Bulk::on_progress`].
    pub fn on_progress(self, report: impl FnMut(&BulkProgress<'_>) + Send + 'a) -> Self {
        self.with_call(|call| call.on_progress(report))
    }

    /// As [`Bulk::stop_when`].
    pub fn stop_when<F>(self, stop: F) -> Self
    where
        F: Future + Send + 'a,
    {
        self.with_call(|call| call.stop_when(stop))
    }

    /// As [`Bulk::stop_grace`].
    pub fn stop_grace(self, grace: Duration) -> Self {
        self.with_call(|call| call.stop_grace(grace))
    }

    /// As [`Bulk::len`].
    #[must_use]
    pub fn len(&self) -> usize {
        self.call.len()
    }

    /// As [`Bulk::is_empty`].
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.call.is_empty()
    }

    /// As [`Bulk::requests`].
    #[must_use]
    pub fn requests(&self) -> u32 {
        self.call.requests()
    }
}
