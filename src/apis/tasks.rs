//! What [`TasksApi`] does beyond the contract's operations.

use super::TasksApi;
use crate::error::Error;
use crate::models::{Task, TaskId};
use crate::response::Response;

impl TasksApi {
    /// Fetches a task, lets `change` change it, and writes the whole task back: nothing that this version does not
    /// know is dropped.
    ///
    /// The service is not known to detect that somebody else wrote in between (no `ETag` is documented): the last
    /// writer wins.
    ///
    /// ```
    /// # async fn example(tasks: onehorizon::TasksApi) -> Result<(), onehorizon::Error> {
    /// use onehorizon::models::TaskStatus;
    /// let task = tasks.edit_task("tsk_1", |task| task.status = TaskStatus::InProgress.into()).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of the two calls; [`Error::operation`] tells which of them failed.
    pub async fn edit_task(
        &self,
        task_id: impl Into<TaskId>,
        change: impl FnOnce(&mut Task),
    ) -> Result<Response<Task>, Error> {
        let task_id = task_id.into();
        let mut task = self.fetch_task(&task_id).await?.into_inner();
        change(&mut task);
        self.update_task(&task_id, &task).await
    }
}
