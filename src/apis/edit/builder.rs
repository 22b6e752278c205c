//! The builder of an edit, and its result.

use std::error::Error as StdError;
use std::fmt;
use std::ops::Deref;

use crate::apis::TasksApi;
use crate::configuration::Configuration;
use crate::models::{Task, TaskId, WorkspaceId};
use crate::options::{CallOptions, call_options};
use crate::response::Response;

/// An error of the caller's code.
pub(super) type Fault = Box<dyn StdError + Send + Sync>;
pub(super) type Change<'a> = Box<dyn FnOnce(&mut Task) -> Result<(), Fault> + Send + 'a>;

impl TasksApi {
    /// Fetches a task, lets `change` change it, and writes the whole task back: nothing that this version does not know is
    /// dropped. A task that `change` leaves as it was is not written.
    ///
    /// `change` runs once. It returns nothing, or a `Result` whose error ends the edit before anything is written; with
    /// `?` in it, [`try_edit_task`](Self::try_edit_task) needs no type of the error.
    ///
    /// To delete a task is not known to be possible: set [`TaskStatus::Cancelled`](crate::models::TaskStatus::Cancelled).
    ///
    /// Edits of one task through clones of one configuration run one after another, so `change` must not wait for another
    /// edit of the same task: one that it runs itself is `Invalid`, and one that it waits for on another thread ends only
    /// with its [`deadline`](EditTask::deadline). Fetching in it is fine. Somebody else may write between the
    /// reading and the writing; see [`EditTask::check_conflict`].
    ///
    /// An edit that has begun and is not polled, as in a stream that is not read on, keeps other edits of its task waiting: they
    /// end with `Timeout` at their deadline, or when it has not ended for 10 minutes.
    ///
    /// ```
    /// # async fn example(tasks: onehorizon::TasksApi) -> Result<(), onehorizon::Error> {
    /// use onehorizon::models::TaskStatus;
    /// let edited = tasks.edit_task("tsk_1", |task| task.status = TaskStatus::InProgress).await?;
    /// println!("{} {}", edited.task_id, edited.was_written());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of the two calls; [`Error::operation`](crate::Error::operation) names the one that failed. `Invalid` when
    /// `change` fails, with its error as the source, and when it changes the id or puts a task in the place of its own that
    /// was not read whole from the service. `Conflict` when the task turns out to have
    /// been changed by somebody else. `Decode` when the service returns another task than the one asked for.
    #[doc(alias = "modify_task")]
    #[doc(alias = "patch_task")]
    #[doc(alias = "delete_task")]
    pub fn edit_task<'a, C, R>(&self, task_id: impl Into<TaskId>, change: C) -> EditTask<'a>
    where
        C: FnOnce(&mut Task) -> R + Send + 'a,
        R: EditOutcome,
    {
        let plan = Plan {
            configuration: self.configuration.clone(),
            task_id: task_id.into(),
            workspace: None,
            options: CallOptions::default(),
            check_conflict: false,
            confirm: false,
        };
        EditTask { plan, change: Box::new(|task| change(task).into_result()) }
    }

    /// [`edit_task`](Self::edit_task) with a change that may fail, so that `?` in it works for every error.
    ///
    /// ```
    /// # async fn example(tasks: onehorizon::TasksApi, words: &str) -> Result<(), onehorizon::Error> {
    /// tasks
    ///     .try_edit_task("tsk_1", |task| {
    ///         let number: u32 = words.parse()?;
    ///         task.title = format!("Sprint {number}");
    ///         Ok(())
    ///     })
    ///     .await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`edit_task`](Self::edit_task).
    pub fn try_edit_task<'a>(
        &self,
        task_id: impl Into<TaskId>,
        change: impl FnOnce(&mut Task) -> Result<(), Box<dyn StdError + Send + Sync>> + Send + 'a,
    ) -> EditTask<'a> {
        self.edit_task(task_id, change)
    }
}

/// What the change of an edit may return: nothing, or a `Result` without a value.
#[diagnostic::on_unimplemented(
    message = "the change of an edit returns nothing or a `Result<(), E>`, not `{Self}`",
    note = "end the closure's last expression with `;`, or with `Ok(())` in `try_edit_task`",
    note = "an `async` closure is not called by an edit: await what the change needs first, then edit"
)]
pub trait EditOutcome {
    #[doc(hidden)]
    fn into_result(self) -> Result<(), Box<dyn StdError + Send + Sync>>;
}

impl EditOutcome for () {
    fn into_result(self) -> Result<(), Fault> {
        Ok(())
    }
}

impl<E: Into<Box<dyn StdError + Send + Sync>>> EditOutcome for Result<(), E> {
    fn into_result(self) -> Result<(), Fault> {
        self.map_err(Into::into)
    }
}

/// An edit being built by [`TasksApi::edit_task`]; await it.
#[must_use = "an edit does nothing until it is awaited"]
pub struct EditTask<'a> {
    pub(crate) plan: Plan,
    pub(super) change: Change<'a>,
}

/// An edit but for its change.
pub(crate) struct Plan {
    pub(super) configuration: Configuration,
    pub(super) task_id: TaskId,
    pub(super) workspace: Option<WorkspaceId>,
    pub(crate) options: CallOptions,
    pub(super) check_conflict: bool,
    pub(super) confirm: bool,
}

impl EditTask<'_> {
    pub(in crate::apis) fn task_id(&self) -> &TaskId {
        &self.plan.task_id
    }

    /// Another workspace than the configuration's.
    pub fn workspace(mut self, workspace: impl Into<WorkspaceId>) -> Self {
        self.plan.workspace = Some(workspace.into());
        self
    }

    /// Fetches the task once more before writing, and fails with `Conflict` if it changed since it was first read.
    ///
    /// One request more. What is written between this reading and the writing is still lost: that gap is one request long.
    pub fn check_conflict(mut self) -> Self {
        self.plan.check_conflict = true;
        self
    }

    /// Fetches the task after writing, and fails with `Conflict` if a changed field does not have its new value: somebody
    /// else wrote at the same time, or the service did not take the value.
    ///
    /// One request more. The error means that the write took place.
    pub fn confirm(mut self) -> Self {
        self.plan.confirm = true;
        self
    }
}

call_options!(EditTask<'_>, plan.options);

impl fmt::Debug for EditTask<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EditTask")
            .field("task_id", &self.plan.task_id)
            .field("workspace", &self.plan.workspace)
            .field("options", &self.plan.options)
            .field("check_conflict", &self.plan.check_conflict)
            .field("confirm", &self.plan.confirm)
            .finish_non_exhaustive()
    }
}

/// A task after an edit, as the service returned it last; it derefs to that response and to the task.
#[derive(Clone, Debug)]
pub struct EditedTask {
    pub(super) response: Response<Task>,
    pub(super) was_written: bool,
}

impl EditedTask {
    /// Whether the task was written; not when the change left it as it was.
    #[must_use]
    pub fn was_written(&self) -> bool {
        self.was_written
    }

    /// The task alone.
    #[must_use]
    pub fn into_inner(self) -> Task {
        self.response.into_inner()
    }
}

impl Deref for EditedTask {
    type Target = Response<Task>;

    fn deref(&self) -> &Response<Task> {
        &self.response
    }
}
