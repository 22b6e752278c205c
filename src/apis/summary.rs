//! Fetches the whole object for an entry of a list.

use super::{FetchTask, TasksApi};
use crate::models::TaskSummary;

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
    pub fn fetch(&self, tasks: &TasksApi) -> FetchTask {
        let call = tasks.fetch_task(&self.task_id);
        match &self.workspace_id {
            Some(workspace) => call.workspace(workspace),
            None => call,
        }
    }
}
