//! Events that the fake emits, and events to test receivers with.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;

use onehorizon::webhook::{Event, WebhookError};

use crate::fake::FakeOneHorizon;
use crate::record::Record;
use crate::service::Core;
use crate::service::routes::Call;
use crate::service::seed;
use crate::service::state::Principal;
use crate::service::time;
use crate::webhook::report::{WebhookAttempt, WebhookReport};
use crate::webhook::sender::WebhookSender;

/// An event in the making, to test receivers with.
///
/// ```
/// use onehorizon_testing::NewEvent;
/// let event = NewEvent::new("comment.created", "evt_1")
///     .resource("comment", "comment_1")
///     .related("taskId", "tsk_1")
///     .field("comment", &serde_json::json!({"commentId": "comment_1", "taskId": "tsk_1", "content": "Done."}))
///     .build()
///     .unwrap();
/// assert_eq!(event.task_id().unwrap(), "tsk_1");
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct NewEvent {
    envelope: Record,
    data: Record,
    resource: Record,
}

impl NewEvent {
    /// An event of this type (`family.action`) and id, in the fake's workspace, at 2026-06-01T09:00:00Z.
    pub fn new(event_type: &str, event_id: &str) -> Self {
        let envelope = Record::new()
            .with("specversion", "1.0")
            .with("id", event_id)
            .with("type", event_type)
            .with("source", &format!("onehorizon/workspaces/{}", seed::WORKSPACE_ID))
            .with("time", "2026-06-01T09:00:00Z")
            .with("datacontenttype", "application/json")
            .with("workspaceid", seed::WORKSPACE_ID);
        let family = event_type.split('.').next().unwrap_or_default();
        Self { envelope, data: Record::new(), resource: Record::new().with("type", family) }
    }

    /// What it is about: sets `data.resource` and the subject.
    pub fn resource(mut self, resource_type: &str, id: &str) -> Self {
        self.envelope.set("subject", id);
        self.resource = self.resource.with("type", resource_type).with("id", id);
        self.related("workspaceId", seed::WORKSPACE_ID)
    }

    /// Another field of `data.resource`, such as `taskId` or `taskIds`.
    pub fn related(mut self, name: &str, value: &(impl Serialize + ?Sized)) -> Self {
        self.resource.set(name, value);
        self
    }

    /// Who caused it.
    pub fn actor(self, actor_type: &str, id: &str) -> Self {
        self.field("actor", &Record::new().with("type", actor_type).with("id", id))
    }

    /// A field of `data`, such as `task`.
    pub fn field(mut self, name: &str, value: &(impl Serialize + ?Sized)) -> Self {
        self.data.set(name, value);
        self
    }

    /// An attribute of the event itself, such as `time`.
    pub fn attribute(mut self, name: &str, value: &(impl Serialize + ?Sized)) -> Self {
        self.envelope.set(name, value);
        self
    }

    /// The event.
    ///
    /// # Errors
    /// When an attribute was set to what no event can have.
    pub fn build(self) -> Result<Event, WebhookError> {
        let data = self.data.with("resource", &self.resource);
        Event::from_json(self.envelope.with("data", &data).to_json())
    }
}

/// The events that the fake has emitted, and who gets them.
pub(crate) struct Webhooks {
    /// The last ones, each with its number from 1.
    pub(crate) emitted: VecDeque<(u64, Event)>,
    count: u64,
    keep: usize,
    receivers: Vec<Weak<Subscription>>,
}

impl Webhooks {
    pub(crate) fn new(keep: usize) -> Self {
        Self { emitted: VecDeque::new(), count: 0, keep, receivers: Vec::new() }
    }

    /// Delivers an event to all receivers and remembers it.
    pub(crate) fn send(&mut self, event: Event) {
        self.receivers.retain(|receiver| receiver.upgrade().map(|receiver| receiver.deliver(event.clone())).is_some());
        self.count += 1;
        self.emitted.push_back((self.count, event));
        while self.emitted.len() > self.keep {
            self.emitted.pop_front();
        }
    }

    /// Delivers an event that was emitted before once more; `None` when it is not remembered.
    pub(crate) fn resend(&mut self, id: &str) -> Option<()> {
        let (_, event) = self.emitted.iter().find(|(_, event)| event.id().as_str() == id)?;
        let event = event.clone();
        self.receivers.retain(|receiver| receiver.upgrade().map(|receiver| receiver.deliver(event.clone())).is_some());
        Some(())
    }

    /// The id of the next event.
    pub(crate) fn next_id(&self) -> String {
        format!("evt_fake_{:06}", self.count + 1)
    }

    /// Emits the event of a change, if the operation makes one.
    pub(crate) fn emit(&mut self, call: &Call<'_>, response: &Response<Bytes>) {
        let event_type = match call.operation.id.as_str() {
            "createTask" => "task.created",
            // Not seen anywhere: named after the pattern of those that were.
            "updateTask" => "task.updated",
            _ => return,
        };
        let Ok(task) = serde_json::from_slice::<Record>(response.body()) else { return };
        let task_id = task.text("taskId").unwrap_or_default();
        let actor = match call.who {
            Principal::Key { .. } => "api_key",
            Principal::User { .. } => "user",
        };
        let event = NewEvent::new(event_type, &self.next_id())
            .attribute("time", &time::text(call.now))
            .resource("task", &task_id)
            .related("taskId", &task_id)
            .actor(actor, call.who.id())
            .field("task", &task)
            .build();
        let Ok(event) = event else { return };
        self.send(event);
    }
}

/// Where events go, and what runs to bring them there; all of it ends with it.
#[derive(Debug)]
struct Subscription {
    sender: WebhookSender,
    runtime: Handle,
    tasks: Mutex<JoinSet<()>>,
    board: Arc<Board>,
}

/// What became of the deliveries.
#[derive(Debug, Default)]
struct Board {
    running: watch::Sender<usize>,
    reports: Mutex<VecDeque<WebhookReport>>,
    log: Mutex<VecDeque<DeliveryLine>>,
}

/// More than this is not remembered of what a receiver got.
const MAX_REPORTS: usize = 10_000;
const MAX_LOG: usize = 200;

/// One attempt, for the status page.
#[derive(Clone, Debug)]
pub(crate) struct DeliveryLine {
    pub(crate) event_id: String,
    pub(crate) event_type: String,
    pub(crate) number: u32,
    pub(crate) outcome: String,
    pub(crate) is_taken: bool,
    pub(crate) headers: Vec<&'static str>,
    /// The wait until the next attempt.
    pub(crate) next: Option<Duration>,
}

fn push_bounded<T>(queue: &Mutex<VecDeque<T>>, item: T, limit: usize) {
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    queue.push_back(item);
    if queue.len() > limit {
        queue.pop_front();
    }
}

impl Subscription {
    fn deliver(&self, event: Event) {
        let (sender, board) = (self.sender.clone(), Arc::clone(&self.board));
        board.running.send_modify(|running| *running += 1);
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        let delivery = async move {
            let seen = |number: u32, attempt: &WebhookAttempt, next: Option<Duration>| {
                let mut headers =
                    vec!["content-type", "x-one-event-id", "x-one-event-type", "x-one-webhook-key (hidden)"];
                if number > 0 {
                    headers.extend(["x-one-retry-num", "x-one-retry-reason"]);
                }
                let line = DeliveryLine {
                    event_id: event.id().to_string(),
                    event_type: event.event_type().as_str().to_owned(),
                    number: number + 1,
                    outcome: attempt.outcome(),
                    is_taken: attempt.is_taken(),
                    headers,
                    next,
                };
                push_bounded(&board.log, line, MAX_LOG);
            };
            let report = sender.deliver_with(&event, seen).await;
            push_bounded(&board.reports, report, MAX_REPORTS);
            board.running.send_modify(|running| *running -= 1);
        };
        tasks.spawn_on(delivery, &self.runtime);
    }
}

/// A webhook that the fake delivers to; dropping it ends the deliveries.
#[derive(Debug)]
pub struct RegisteredWebhook {
    subscription: Arc<Subscription>,
}

impl RegisteredWebhook {
    /// Waits until every event so far is delivered or given up, and returns what became of them, in the order
    /// in which they ended.
    pub async fn settled(&self) -> Vec<WebhookReport> {
        let board = &self.subscription.board;
        // The sender of the count lives as long as this, so that waiting for it cannot fail.
        let _ = board.running.subscribe().wait_for(|running| *running == 0).await;
        board.reports.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// The last attempts, oldest first.
    pub(crate) fn log(&self) -> Vec<DeliveryLine> {
        self.subscription.board.log.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// Delivers the events of all changes from now on.
pub(crate) fn register(core: &Core, sender: WebhookSender) -> io::Result<RegisteredWebhook> {
    let runtime = Handle::try_current().map_err(io::Error::other)?;
    let subscription = Arc::new(Subscription { sender, runtime, tasks: Mutex::default(), board: Arc::default() });
    core.lock().webhooks.receivers.push(Arc::downgrade(&subscription));
    Ok(RegisteredWebhook { subscription })
}

impl FakeOneHorizon {
    /// Delivers the events of all changes from now on: `task.created` and `task.updated` (a name that the fake decides,
    /// since it is documented nowhere). Deliveries run beside the fake until what is returned is dropped.
    ///
    /// # Errors
    /// Outside of a tokio runtime.
    pub fn register_webhook(&self, sender: WebhookSender) -> io::Result<RegisteredWebhook> {
        register(&self.core, sender)
    }

    /// The events of all changes so far, delivered or not, in their order.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.core.lock().webhooks.emitted.iter().map(|(_, event)| event.clone()).collect()
    }
}
