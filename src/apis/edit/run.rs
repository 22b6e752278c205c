//! Runs an edit.

use std::time::{Duration, Instant};

use super::builder::{Change, EditTask, EditedTask, Plan};
use super::compare::Fields;
use crate::apis::TasksApi;
use crate::error::{Error, ErrorKind, Sent};
use crate::models::Task;
use crate::options::CallOptions;
use crate::response::Response;
use crate::transport::BoxFuture;

const EDIT: &str = "editTask";

impl<'a> IntoFuture for EditTask<'a> {
    type Output = Result<EditedTask, Error>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.plan.run(self.change))
    }
}

/// The calls of an edit, within one deadline.
struct Calls {
    tasks: TasksApi,
    started: Instant,
    deadline: Option<Duration>,
}

impl Plan {
    async fn run(self, change: Change<'_>) -> Result<EditedTask, Error> {
        let settings = self.configuration.settings();
        let deadline = self.options.deadline.or(settings.deadline);
        let calls = Calls { tasks: TasksApi::new(&self.configuration), started: settings.clock.now(), deadline };
        let workspace = self.workspace.as_ref().unwrap_or_else(|| self.configuration.workspace());
        let name = format!("{workspace}/{}", self.task_id);
        let _alone = match calls.remaining(&self) {
            None => settings.edits.lock(name).await,
            Some(remaining) => crate::deadline::within(&*settings.clock, remaining, settings.edits.lock(name))
                .await
                .map_err(|_| failed(ErrorKind::Timeout, "the deadline passed while another edit of the task ran"))?,
        };
        self.edit(&calls, change).await
    }

    async fn edit(self, calls: &Calls, change: Change<'_>) -> Result<EditedTask, Error> {
        let read = self.fetch(calls).await?;
        let mut task = (*read).clone();
        change(&mut task).map_err(|fault| {
            failed(ErrorKind::Invalid, format!("the change of {} failed, nothing was written: {fault}", self.task_id))
                .with(|error| error.source = Some(fault))
        })?;
        if task.task_id != self.task_id {
            return Err(failed(
                ErrorKind::Invalid,
                format!("the change gave {} another id, nothing was written", self.task_id),
            ));
        }
        let (base, wanted) = (fields(&read)?, fields(&task)?);
        if wanted.equal(&base) {
            return Ok(EditedTask { response: read, was_written: false });
        }
        if self.check_conflict {
            let now = self.fetch(calls).await?;
            if !fields(&now)?.equal(&base) {
                return Err(self.conflict("it changed after it was read, nothing was written"));
            }
        }
        let written = self.write(calls, &task, &base, &wanted).await?;
        if !self.confirm {
            return Ok(EditedTask { response: written, was_written: true });
        }
        let now = self.fetch(calls).await?;
        if wanted.arrived_in(&fields(&now)?, &base) {
            return Ok(EditedTask { response: now, was_written: true });
        }
        Err(self
            .conflict("it was written and reads differently: somebody else wrote, or the service changed a value")
            .with(|error| error.sent = Sent::Yes))
    }

    /// The task, which must be the one that was asked for.
    async fn fetch(&self, calls: &Calls) -> Result<Response<Task>, Error> {
        let mut call = calls.tasks.fetch_task(&self.task_id);
        call.call.options = self.options(calls);
        if let Some(workspace) = &self.workspace {
            call = call.workspace(workspace.clone());
        }
        let task = call.await?;
        if task.task_id == self.task_id {
            return Ok(task);
        }
        // Writing it back would put one task's content under another one's id.
        Err(failed(
            ErrorKind::Decode,
            format!("fetching {} returned the task {:?}, nothing was written", self.task_id, task.task_id.as_str()),
        )
        .with(|error| error.sent = Sent::Yes))
    }

    /// Writes the task. Before the write is repeated, for whatever reason, the task is fetched: it is sent again only if it
    /// is still as it was, since somebody may have written it meanwhile, or the first write may have arrived.
    async fn write(&self, calls: &Calls, task: &Task, base: &Fields, wanted: &Fields) -> Result<Response<Task>, Error> {
        let settings = self.configuration.settings();
        let attempts = self.options.attempts.unwrap_or(settings.retry.attempts);
        let mut attempt = 1;
        loop {
            let mut call = calls.tasks.update_task(&self.task_id, task);
            call.call.options = CallOptions { attempts: Some(1), ..self.options(calls) };
            if let Some(workspace) = &self.workspace {
                call = call.workspace(workspace.clone());
            }
            let error = match call.await {
                Ok(written) => return Ok(written),
                Err(error) => error,
            };
            let may_have_arrived = may_have_arrived(&error);
            if error.is_deadline() || !(may_have_arrived || attempt < attempts && is_worth_repeating(&error)) {
                return Err(error);
            }
            // The quota's wait is that of the next call.
            if !error.is_rate_limited() {
                let pause =
                    settings.retry.pause(attempt, &*settings.clock).max(error.retry_after().unwrap_or_default());
                if pause > settings.retry.max_wait || calls.remaining(self).is_some_and(|remaining| remaining <= pause)
                {
                    return Err(error);
                }
                settings.clock.sleep(pause).await;
            }
            // Its own failure says less than that of the write.
            let Ok(now) = self.fetch(calls).await else { return Err(error) };
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
                    inner.sent = error.was_sent();
                    inner.source = Some(error.into());
                }));
            }
            if attempt >= attempts {
                return Err(error);
            }
            attempt += 1;
        }
    }

    fn options(&self, calls: &Calls) -> CallOptions {
        CallOptions { deadline: calls.remaining(self).or(self.options.deadline), ..self.options.clone() }
    }

    fn conflict(&self, what: &str) -> Error {
        failed(ErrorKind::Conflict, format!("{}: {what}", self.task_id))
            .with(|error| error.hint = Some("read the task again and decide; edit_task starts from what is there now"))
    }
}

impl Calls {
    /// What is left until the deadline of the whole edit.
    fn remaining(&self, plan: &Plan) -> Option<Duration> {
        let spent = || plan.configuration.settings().clock.now().saturating_duration_since(self.started);
        self.deadline.map(|deadline| deadline.saturating_sub(spent()))
    }
}

/// Whether the service may have done the write that failed, although nobody said so.
fn may_have_arrived(error: &Error) -> bool {
    match error.status() {
        // A refusal by the service or by somebody before it; what was not understood may have been done.
        Some(status) => error.kind() == ErrorKind::Decode || !(400..500).contains(&status) || status == 408,
        None => error.was_sent() != Sent::No,
    }
}

/// Whether a write that certainly did not arrive may succeed the next time.
fn is_worth_repeating(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::RateLimited)
}

fn fields(task: &Task) -> Result<Fields, Error> {
    Fields::of(task).map_err(|fault| failed(ErrorKind::Invalid, format!("the task cannot be written as JSON: {fault}")))
}

fn failed(kind: ErrorKind, message: impl Into<String>) -> Error {
    Error::new(kind, message).with(|error| error.operation = Some(EDIT))
}
