//! Fetches the whole object for an entry of a list.

use std::ops::Deref;

use super::{FetchTask, TasksApi};
use crate::models::{TaskId, TaskSummary, WorkspaceId};

impl TaskSummary {
    /// Fetches the whole task, from the workspace that the entry names.
    ///
    /// ```
    /// # async fn example(tasks: onehorizon::TasksApi) -> Result<(), onehorizon::Error> {
    /// for entry in &tasks.list_tasks().await? {
    ///     let whole = entry.fetch(&tasks).await?;
    ///     println!("{}", whole.description.as_deref().unwrap_or_default());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// An entry itself is not the whole task, so that it cannot be written back:
    ///
    /// ```compile_fail,E0277
    /// # async fn example(tasks: onehorizon::TasksApi) -> Result<(), onehorizon::Error> {
    /// let list = tasks.list_tasks().await?;
    /// tasks.update_task("tsk_1", &list.tasks[0]).await?;
    /// # Ok(()) }
    /// ```
    pub fn fetch<C: FetchesTasks + ?Sized>(&self, tasks: &C) -> C::FetchTask {
        tasks.fetch_from(&self.task_id, self.workspace_id.as_ref())
    }
}

/// A client that [`TaskSummary::fetch`] takes: [`TasksApi`], `blocking::TasksApi`, or what derefs to one.
#[diagnostic::on_unimplemented(message = "`{Self}` is not a client of tasks", label = "expected a `&TasksApi`")]
pub trait FetchesTasks {
    /// The call that fetches a task.
    type FetchTask;

    #[doc(hidden)]
    fn fetch_from(&self, task_id: &TaskId, workspace: Option<&WorkspaceId>) -> Self::FetchTask;
}

impl FetchesTasks for TasksApi {
    type FetchTask = FetchTask;

    fn fetch_from(&self, task_id: &TaskId, workspace: Option<&WorkspaceId>) -> FetchTask {
        let call = self.fetch_task(task_id);
        match workspace {
            Some(workspace) => call.workspace(workspace),
            None => call,
        }
    }
}

#[diagnostic::do_not_recommend]
impl<D> FetchesTasks for D
where
    D: Deref + ?Sized,
    D::Target: FetchesTasks,
{
    type FetchTask = <D::Target as FetchesTasks>::FetchTask;

    fn fetch_from(&self, task_id: &TaskId, workspace: Option<&WorkspaceId>) -> Self::FetchTask {
        (**self).fetch_from(task_id, workspace)
    }
}
