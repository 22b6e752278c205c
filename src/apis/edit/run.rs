//! Runs an edit: fetch, change, write, and confirm where asked to.

use super::builder::{Change, EditTask, EditedTask, Plan};
use super::compare::Fields;
use crate::apis::TasksApi;
use crate::apis::steps::{Steps, is_worth_repeating, may_have_arrived};
use crate::error::{Error, ErrorKind};
use crate::future::BoxFuture;
use crate::keyed_locks::Held;
use crate::metadata::Sent;
use crate::models::Task;
use crate::response::Response;

const EDIT: &str = "editTask";

impl<'a> IntoFuture for EditTask<'a> {
    type Output = Result<EditedTask, Error>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(crate::trace::several(EDIT, self.plan.run(self.change)))
    }
}

impl Plan {
    /// Runs the edit while no other edit of the task runs.
    async fn run(self, change: Change<'_>) -> Result<EditedTask, Error> {
        let steps = Steps::begin(&self.configuration, self.options.clone());
        let workspace = self.workspace.as_ref().unwrap_or_else(|| self.configuration.workspace());
        let name = format!("{workspace}/{}", self.task_id);
        let nested = || {
            let message = format!("an edit of {} runs within the change of another edit of it", self.task_id);
            failed(ErrorKind::Invalid, message).with(|error| {
                error.hint = Some("change the task that the outer edit is given, or edit it before or after");
            })
        };
        let alone = steps
            .alone(name, "another edit of the task", nested)
            .await
            .map_err(|error| error.with(|error| error.metadata.operation = Some(EDIT)))?;
        self.edit(&steps, &alone, change).await
    }

    async fn edit(&self, steps: &Steps, alone: &Held, change: Change<'_>) -> Result<EditedTask, Error> {
        let read = self.fetch(steps).await?;
        if !read.is_whole() {
            let message = format!("{} came with broken characters in it, nothing was written", self.task_id);
            return Err(failed(ErrorKind::Decode, message).with(|error| {
                error.hint = Some(
                    "find what changes the encoding between here and the service, or replace the task by \
                                   update_task(…).replace_whole()",
                );
            }));
        }
        let mut task = (*read).clone();
        alone.run(|| change(&mut task)).map_err(|fault| {
            failed(ErrorKind::Invalid, format!("the change of {} failed, nothing was written: {fault}", self.task_id))
                .with(|error| error.source = Some(fault.into()))
        })?;
        if task.task_id != self.task_id {
            return Err(failed(
                ErrorKind::Invalid,
                format!("the change gave {} another id, nothing was written", self.task_id),
            ));
        }
        if !task.is_whole() {
            let message = format!(
                "the change of {} put another task in its place that was not read whole from the service, nothing was written",
                self.task_id
            );
            return Err(failed(ErrorKind::Invalid, message).with(|error| {
                error.hint =
                    Some("set the fields of the task that the change is given, or replace it by update_task(…).replace_whole()");
            }));
        }
        let (base, wanted) = (fields(&read)?, fields(&task)?);
        if wanted.equal(&base) {
            return Ok(EditedTask { response: read, was_written: false });
        }
        if self.check_conflict {
            let now = self.fetch(steps).await?;
            if !fields(&now)?.equal(&base) {
                return Err(self.conflict("it changed after it was read, nothing was written"));
            }
        }
        let written = self.write(steps, &task, &base, &wanted).await?;
        if !self.confirm {
            return Ok(EditedTask { response: written, was_written: true });
        }
        let now = self.fetch(steps).await?;
        if wanted.arrived_in(&fields(&now)?, &base) {
            return Ok(EditedTask { response: now, was_written: true });
        }
        Err(self
            .conflict("it was written and reads differently: somebody else wrote, or the service changed a value")
            .with(|error| error.metadata.sent = Sent::Yes))
    }

    /// The task, which must be the one that was asked for.
    async fn fetch(&self, steps: &Steps) -> Result<Response<Task>, Error> {
        let mut call = TasksApi::new(&self.configuration).fetch_task(&self.task_id);
        call.call.options = steps.options();
        if let Some(workspace) = &self.workspace {
            call = call.workspace(workspace.clone());
        }
        let task = call.await?;
        if task.task_id == self.task_id {
            return Ok(task);
        }
        // Writing it back would put one task's content under another one's id.
        let message =
            format!("fetching {} returned the task {:?}, nothing was written", self.task_id, task.task_id.as_str());
        Err(failed(ErrorKind::Decode, message).with(|error| error.metadata.sent = Sent::Yes))
    }

    /// Writes the task. Before the write is repeated, for whatever reason, the task is fetched: it is sent again only if it
    /// is still as it was, since somebody may have written it meanwhile, or the first write may have arrived.
    async fn write(&self, steps: &Steps, task: &Task, base: &Fields, wanted: &Fields) -> Result<Response<Task>, Error> {
        let mut attempt = 1;
        loop {
            let mut call = TasksApi::new(&self.configuration).update_task_with(&self.task_id, task);
            call.call.changes(&wanted.changes_since(base));
            call.call.options = steps.options_once();
            if let Some(workspace) = &self.workspace {
                call = call.workspace(workspace.clone());
            }
            let error = match call.await {
                Ok(written) => return Ok(written),
                Err(error) => error,
            };
            let (may_have_arrived, is_last) = (may_have_arrived(&error), attempt >= steps.attempts());
            if error.is_deadline() || !may_have_arrived && (is_last || !is_worth_repeating(&error)) {
                return Err(error);
            }
            let error = steps.pause(attempt, error).await?;
            // Its own failure says less than that of the write.
            let Ok(now) = self.fetch(steps).await else { return Err(error) };
            let found = fields(&now)?;
            if may_have_arrived && wanted.arrived_in(&found, base) {
                return Ok(now);
            }
            if !found.equal(base) {
                let what = if may_have_arrived {
                    "a write of this edit may have arrived, and the task is neither as before nor as written"
                } else {
                    "it changed after it was read, nothing was written"
                };
                return Err(self.conflict(what).with(|inner| {
                    inner.metadata.sent = error.was_sent();
                    inner.source = Some(std::sync::Arc::new(error));
                }));
            }
            if is_last {
                return Err(error);
            }
            attempt += 1;
        }
    }

    fn conflict(&self, what: &str) -> Error {
        failed(ErrorKind::Conflict, format!("{}: {what}", self.task_id))
            .with(|error| error.hint = Some("read the task again and decide; edit_task starts from what is there now"))
    }
}

fn fields(task: &Task) -> Result<Fields, Error> {
    Fields::of(task).map_err(|fault| failed(ErrorKind::Invalid, format!("the task cannot be written as JSON: {fault}")))
}

fn failed(kind: ErrorKind, message: impl Into<String>) -> Error {
    Error::new(kind, message).with(|error| error.metadata.operation = Some(EDIT))
}
