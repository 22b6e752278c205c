//! Ready-made errors and events for unit tests of code that gets them.

use std::time::Duration;

use onehorizon::transport::Failure;
use onehorizon::webhook::{Event, Verified, Verifier, WebhookError};
use onehorizon::{Configuration, Error, ErrorKind, TasksApi};

use crate::scripted::{Reply, ScriptedTransport};
use crate::webhook::registered::NewEvent;

/// An error of this kind, as a call of `fetch_task` returns it: made by a real client that got a reply of that kind, so that
/// its message, status and hint are those that a program sees.
///
/// A kind that this crate does not know yet gives a 500, whose kind is [`ErrorKind::Api`].
///
/// ```
/// use onehorizon::ErrorKind;
/// let error = onehorizon_testing::sample_error(ErrorKind::RateLimited);
/// assert!(error.is_rate_limited());
/// assert_eq!(error.retry_after(), Some(std::time::Duration::from_secs(43)));
/// ```
#[must_use]
pub fn sample_error(kind: ErrorKind) -> Error {
    let reply = match kind {
        ErrorKind::Config => {
            let without_credential = Configuration::builder().transport(ScriptedTransport::new([])).build();
            return without_credential.err().unwrap_or_else(|| error_of(Reply::status(500)));
        }
        ErrorKind::Invalid => Reply::status(422),
        ErrorKind::Connect => Reply::fail(Failure::Connect),
        ErrorKind::Tls => Reply::fail(Failure::Tls),
        ErrorKind::Timeout => Reply::never(),
        ErrorKind::Interrupted => Reply::fail(Failure::Interrupted),
        ErrorKind::RateLimited => Reply::rate_limited(43),
        ErrorKind::Unauthorized => Reply::status(401),
        ErrorKind::Forbidden => Reply::status(403),
        ErrorKind::NotFound => Reply::status(404),
        ErrorKind::Conflict => Reply::status(409),
        ErrorKind::Decode => Reply::json(200, "[1, 2"),
        ErrorKind::TooLarge => Reply::fail(Failure::TooLarge),
        _ => Reply::status(500),
    };
    error_of(reply)
}

/// The error of a `fetch_task` that gets this reply, once and without a retry. A reply that is a success gives the error
/// of a body that is not a task.
///
/// ```
/// use onehorizon_testing::{Reply, error_of};
/// let error = error_of(Reply::html(502).header("retry-after", 7));
/// assert_eq!(error.status(), Some(502));
/// ```
#[must_use]
pub fn error_of(reply: Reply) -> Error {
    // On a thread of its own, so that it works inside and outside of a runtime.
    let made = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().ok()?;
        let transport = ScriptedTransport::new([reply]);
        let builder = Configuration::builder().api_key("sample-not-a-secret").transport(transport);
        let tasks = TasksApi::new(&builder.build().ok()?);
        let call = tasks.fetch_task("tsk_1").attempts(1).timeout(Duration::from_millis(20)).max_wait(Duration::ZERO);
        runtime.block_on(async move { call.await }).err()
    });
    let made = made.join().ok().flatten();
    made.unwrap_or_else(|| error_of(Reply::json(200, "[]")))
}

/// The key of [`NewEvent::verified`]'s deliveries.
const KEY: &str = "sample-webhook-key-not-a-secret";

impl NewEvent {
    /// The event as a handler gets it: delivered with a key to a [`Verifier`] that has the same key.
    ///
    /// ```
    /// use onehorizon_testing::NewEvent;
    /// let event = NewEvent::task_created("tsk_1").verified().unwrap();
    /// assert_eq!(event.get().task_id().unwrap(), "tsk_1");
    /// ```
    ///
    /// # Errors
    /// When an attribute was set to what no event can have.
    pub fn verified(self) -> Result<Verified<Event>, WebhookError> {
        let event = self.build()?;
        let verifier = Verifier::key(KEY).map_err(|_| WebhookError::UnsupportedMediaType)?;
        let headers = [("content-type", "application/cloudevents+json; charset=utf-8"), ("x-one-webhook-key", KEY)];
        verifier.event(&headers, event.as_json().as_bytes())
    }

    /// `task.created` for a small task of this id.
    pub fn task_created(task_id: &str) -> Self {
        Self::about_task("task.created", task_id)
    }

    /// `task.updated` for a small task of this id.
    pub fn task_updated(task_id: &str) -> Self {
        Self::about_task("task.updated", task_id)
    }

    /// `comment.created` for a comment on a task.
    pub fn comment_created(task_id: &str, comment_id: &str) -> Self {
        let comment = serde_json::json!({ "commentId": comment_id, "taskId": task_id, "content": "A sample comment." });
        Self::new("comment.created", &format!("evt_{comment_id}"))
            .resource("comment", comment_id)
            .related("taskId", task_id)
            .actor("user", "u_mira")
            .field("comment", &comment)
    }

    /// `agent.session_queued` for a session.
    pub fn session_queued(session_id: &str) -> Self {
        Self::new("agent.session_queued", &format!("evt_{session_id}"))
            .resource("agentSession", session_id)
            .actor("user", "u_mira")
    }

    /// An event of any type: one of those above where it is known, else one about a resource of its family.
    pub fn sample(event_type: &str) -> Self {
        match event_type {
            "task.created" | "task.updated" => Self::about_task(event_type, "tsk_1001"),
            "comment.created" => Self::comment_created("tsk_1001", "comment_1001"),
            "agent.session_queued" => Self::session_queued("session_1001"),
            _ => {
                let family = event_type.split('.').next().unwrap_or_default();
                Self::new(event_type, "evt_sample").resource(family, &format!("{family}_1001"))
            }
        }
    }

    fn about_task(event_type: &str, task_id: &str) -> Self {
        let task = serde_json::json!({
            "taskId": task_id, "workspaceId": crate::service::seed::WORKSPACE_ID, "title": "A sample task",
            "status": "planned", "visibility": "team",
        });
        Self::new(event_type, &format!("evt_{task_id}"))
            .resource("task", task_id)
            .related("taskId", task_id)
            .actor("user", "u_mira")
            .field("task", &task)
    }
}
