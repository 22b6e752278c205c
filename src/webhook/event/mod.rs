//! The event of a delivery.

mod drift;
mod envelope;
mod payload;
mod resource;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _};
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::value::RawValue;

use self::envelope::Envelope;
pub use self::payload::{Payload, Undecoded};
use super::error::WebhookError;
use super::headers::{Headers, NoHeaders, once};
use crate::drift::Found;
use crate::models::runtime::{RawObject, mended};
use crate::models::{
    EventActor, EventId, EventResource, EventType, Json, TaskId, Timestamp, WebhookEvent, WorkspaceId,
};

const ID_HEADER: &str = "x-one-event-id";
const TYPE_HEADER: &str = "x-one-event-type";
const RETRY_NUMBER_HEADER: &str = "x-one-retry-num";
const RETRY_REASON_HEADER: &str = "x-one-retry-reason";

/// One event: a `CloudEvents` 1.0 object about something that happened in a workspace.
///
/// The text is kept as it came ([`as_json`](Self::as_json)), so that an event can be stored or passed on without losing
/// a field or a digit that this version does not understand. What is understood is typed; a [`payload`](Self::payload) of
/// an unexpected shape stays text and does not make the event fail. Of a field given twice the last counts, as with
/// `JSON.parse`.
///
/// Deliveries may be repeated and come in no promised order. [`id`](Self::id) is the same in each repetition.
///
/// ```
/// use onehorizon::webhook::{Event, Payload};
/// # fn main() -> Result<(), onehorizon::webhook::WebhookError> {
/// let event = Event::from_json(
///     r#"{"specversion": "1.0", "id": "evt_1", "type": "task.created", "source": "onehorizon/workspaces/w_1",
///         "time": "2026-05-05T12:00:00Z", "datacontenttype": "application/json", "workspaceid": "w_1",
///         "data": {"resource": {"type": "task", "id": "tsk_1"}, "task": {"taskId": "tsk_1", "title": "Fix it"}}}"#,
/// )?;
/// assert_eq!(event.task_id().unwrap(), "tsk_1");
/// let Payload::Task(task) = event.payload() else { panic!("a task event has a task") };
/// assert_eq!(task.title.to_string(), "Fix it");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Event {
    text: Box<str>,
    data: Range<usize>,
    id: EventId,
    body_id: Option<EventId>,
    kind: EventType,
    body_kind: Option<EventType>,
    source: Box<str>,
    time: Timestamp,
    subject: Option<Box<str>>,
    workspace_id: WorkspaceId,
    resource: EventResource,
    resource_error: Option<Arc<serde_json::Error>>,
    actor: Option<EventActor>,
    payload: Payload,
    task_ids: Vec<TaskId>,
    retry: Option<Retry>,
}

/// What the headers say of a repeated delivery. Headers are never signed: a sender who can repeat a delivery can change them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retry {
    /// The value of `X-One-Retry-Num`. Where counting begins is not documented.
    pub number: Option<u32>,
    /// The value of `X-One-Retry-Reason`. Its values are not documented.
    pub reason: Option<String>,
}

#[allow(clippy::needless_pass_by_value, reason = "headers are references or closures")]
impl Event {
    /// Reads an event from its JSON text alone.
    ///
    /// # Errors
    /// [`Empty`](WebhookError::Empty), [`Json`](WebhookError::Json), [`NotAnObject`](WebhookError::NotAnObject),
    /// [`MissingAttribute`](WebhookError::MissingAttribute) or
    /// [`UnsupportedAttribute`](WebhookError::UnsupportedAttribute). The attributes `specversion` (which must be
    /// `1.0`), `id`, `type`, `source`, `time`, `datacontenttype` (`application/json`), `workspaceid`, `data` and
    /// `data.resource` are needed.
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<Self, WebhookError> {
        mending(json.as_ref(), |json| Self::read(envelope::text(json)?, &NoHeaders))
    }

    /// Reads an event from a delivery: `X-One-Event-Id` and `X-One-Event-Type` come before what the body says, as in
    /// the official receivers, and the retry headers are kept.
    ///
    /// This checks nothing about the sender, and believes headers that no signature covers:
    /// [`Verifier::event`](super::Verifier::event) does the one and not the other.
    ///
    /// # Errors
    /// Those of [`from_json`](Self::from_json).
    pub fn from_delivery<'h>(headers: impl Headers<'h>, body: &[u8]) -> Result<Self, WebhookError> {
        Self::from_unsigned(&headers, body)
    }

    pub(super) fn from_unsigned<'h>(headers: &impl Headers<'h>, body: &[u8]) -> Result<Self, WebhookError> {
        mending(body, |body| Self::from_whole(headers, body))
    }

    fn from_whole<'h>(headers: &impl Headers<'h>, body: &[u8]) -> Result<Self, WebhookError> {
        let text = envelope::text(body)?;
        let envelope = Envelope::parse(text)?;
        let id = header(headers, ID_HEADER).filter(|id| *id != envelope.id);
        let kind = header(headers, TYPE_HEADER).filter(|kind| *kind != envelope.kind);
        if id.is_none() && kind.is_none() {
            return Self::read(text, headers);
        }
        // The text says what the event is, too, so that a reader of a stored event finds what was claimed.
        let mut event = Self::read(&envelope.with(text, id, kind), headers)?;
        event.body_id = id.map(|_| EventId::from(&*envelope.id));
        event.body_kind = kind.map(|_| EventType::other(&envelope.kind));
        Ok(event)
    }

    /// Reads an event from a signed delivery: the body alone says what it is, and headers must not contradict it.
    pub(super) fn from_signed<'h>(headers: &impl Headers<'h>, body: &[u8]) -> Result<Self, WebhookError> {
        // The signature has been checked over the bytes that came.
        let event = mending(body, |body| Self::read(envelope::text(body)?, headers))?;
        for (name, signed) in [(ID_HEADER, event.id.as_str()), (TYPE_HEADER, event.kind.as_str())] {
            let signed = signed.trim().as_bytes();
            let agrees =
                |line: &[u8]| line.trim_ascii().is_empty() || line.trim_ascii() == signed || once(line) == signed;
            if !headers.get_all(name).into_iter().all(agrees) && event.is_comparable(name) {
                return Err(WebhookError::Contradiction { header: name });
            }
        }
        Ok(event)
    }

    /// Whether a header can contradict an attribute: what is broken in the body may be whole in the header, or broken otherwise.
    fn is_comparable(&self, header: &str) -> bool {
        Envelope::parse(&self.text).is_ok_and(|envelope| match header {
            ID_HEADER => !envelope.has_broken_id(),
            _ => !envelope.has_broken_type(),
        })
    }

    fn read<'h>(text: &str, headers: &impl Headers<'h>) -> Result<Self, WebhookError> {
        let envelope = Envelope::parse(text)?;
        let data = RawObject::parse(envelope.data.get()).map_err(|_| missing("data"))?;
        let resource = data.get("resource").filter(|raw| raw.get().starts_with('{')).ok_or(missing("data.resource"))?;
        let (resource, resource_error) = resource::read(resource.get()).ok_or(missing("data.resource"))?;
        Ok(Self {
            data: range_in(text, envelope.data.get()),
            id: EventId::from(&*envelope.id),
            body_id: None,
            kind: EventType::other(&envelope.kind),
            body_kind: None,
            source: envelope.source.as_ref().into(),
            time: Timestamp::from(&*envelope.time),
            subject: envelope.subject.as_deref().map(Into::into),
            workspace_id: WorkspaceId::from(&*envelope.workspace_id),
            actor: data.get("actor").and_then(|raw| serde_json::from_str(raw.get()).ok()),
            payload: payload::read(&data, envelope.data.get(), resource.resource_type.as_str(), &envelope.kind),
            task_ids: resource::task_ids(&resource),
            retry: retry(header(headers, RETRY_NUMBER_HEADER), header(headers, RETRY_REASON_HEADER)),
            text: text.into(),
            resource,
            resource_error: resource_error.map(Arc::new),
        })
    }

    /// The event as the generated model, for code that wants every field in one struct.
    ///
    /// # Errors
    /// When a field has another shape than the contract says.
    pub fn to_model(&self) -> Result<WebhookEvent, serde_json::Error> {
        serde_json::from_str(&self.text)
    }

    /// The id, the same in each repeated delivery: the key for processing an event once.
    ///
    /// Where a byte in it is not UTF-8 or half of a surrogate pair is, the id is its JSON text, as in `evt_\ud83d`: ids that
    /// differ stay different. All other attributes show U+FFFD there.
    #[must_use]
    pub fn id(&self) -> &EventId {
        &self.id
    }

    /// The id in the body, where the header says another.
    #[must_use]
    pub fn id_mismatch(&self) -> Option<&EventId> {
        self.body_id.as_ref()
    }

    /// What happened, as `family.action`.
    #[must_use]
    pub fn event_type(&self) -> &EventType {
        &self.kind
    }

    /// The type in the body, where the header says another.
    #[must_use]
    pub fn type_mismatch(&self) -> Option<&EventType> {
        self.body_kind.as_ref()
    }

    /// The type up to its first dot, for instance `task`.
    #[must_use]
    pub fn family(&self) -> &str {
        let kind = self.kind.as_str();
        kind.split_once('.').map_or(kind, |(family, _)| family)
    }

    /// Where it happened: `onehorizon/workspaces/` and the workspace's id, as far as seen.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// When it happened. Not when it was delivered.
    #[must_use]
    pub fn time(&self) -> &Timestamp {
        &self.time
    }

    /// The id of what the event is about, if given.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// The workspace.
    #[must_use]
    pub fn workspace_id(&self) -> &WorkspaceId {
        &self.workspace_id
    }

    /// What the event is about: its type, and the ids that apply.
    #[must_use]
    pub fn resource(&self) -> &EventResource {
        &self.resource
    }

    /// Why a part of the resource is missing from [`resource`](Self::resource): it had another shape than expected.
    #[must_use]
    pub fn resource_error(&self) -> Option<&serde_json::Error> {
        self.resource_error.as_deref()
    }

    /// Who caused it, if given in a shape that is understood.
    #[must_use]
    pub fn actor(&self) -> Option<&EventActor> {
        self.actor.as_ref()
    }

    /// What it carries: the task of a task event, the comment of a comment event, and so on.
    #[doc(alias = "task")]
    #[doc(alias = "comment")]
    #[doc(alias = "document")]
    #[must_use]
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// What it carries, taken out.
    #[must_use]
    pub fn into_payload(self) -> Payload {
        self.payload
    }

    /// The task that the event belongs to: `resource.taskId`, else the id of a task resource, else the first of
    /// `resource.taskIds`.
    #[must_use]
    pub fn task_id(&self) -> Option<&TaskId> {
        self.task_ids.first()
    }

    /// All tasks that the event names, each once, [`task_id`](Self::task_id) first.
    #[must_use]
    pub fn task_ids(&self) -> &[TaskId] {
        &self.task_ids
    }

    /// What the headers say of a repeated delivery; `None` when they say nothing.
    #[must_use]
    pub fn retry(&self) -> Option<&Retry> {
        self.retry.as_ref()
    }

    /// Whether it was not delivered but made from a list of tasks (`onehorizon::reconcile`): it shows a task as it is, and not
    /// what was changed or by whom. The mark is part of the text, so that a stored event keeps it; whether to trust it is up
    /// to what verified the event, see [`Verified::scheme`](super::Verified::scheme).
    #[must_use]
    pub fn is_reconciled(&self) -> bool {
        self.attribute("reconciled").is_some_and(|mark| mark.get() == "true")
    }

    /// What in it this version of the crate does not know.
    pub(in crate::webhook) fn drift(&self) -> Found {
        drift::of(self)
    }

    /// The delivered text. Where a header gave another id or type, the text has that one, so that an event read back from
    /// it is the same. A byte in a string that is not UTF-8 is an escape in it. Everything else is unchanged.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.text
    }

    /// The text of `data`, unchanged.
    #[must_use]
    pub fn data(&self) -> &str {
        self.text.get(self.data.clone()).unwrap_or("null")
    }

    /// A field of `data`, read as a type of yours; `None` when there is none.
    ///
    /// An object that is wrapped once more (`data.task.task`), as early versions of the service did, is unwrapped.
    ///
    /// # Errors
    /// When the field has another shape.
    #[must_use]
    pub fn data_field<T: DeserializeOwned>(&self, name: &str) -> Option<Result<T, serde_json::Error>> {
        let data = RawObject::parse(self.data()).ok()?;
        data.get(name).map(|raw| serde_json::from_str(payload::unwrapped(name, raw).get()))
    }

    /// An attribute of the event, of `CloudEvents` or an extension such as `traceparent`, as its JSON; `None` when
    /// there is none.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<Json> {
        let attributes = RawObject::parse(&self.text).ok()?;
        attributes.get(name).and_then(|raw| serde_json::from_str(raw.get()).ok())
    }

    /// The names of all attributes, each once, in the order received.
    #[must_use]
    pub fn attribute_names(&self) -> Vec<String> {
        RawObject::parse(&self.text)
            .map(|attributes| attributes.names().map(str::to_owned).collect())
            .unwrap_or_default()
    }
}

impl fmt::Debug for Event {
    /// The ids and the type; what the event carries stays private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("id", &self.id.as_str())
            .field("type", &self.kind.as_str())
            .field("workspace_id", &self.workspace_id.as_str())
            .field("task_ids", &self.task_ids)
            .field("payload", &self.payload)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

impl AsRef<Self> for Event {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl PartialEq for Event {
    /// Whether both were delivered with the same text, id and type.
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.id == other.id && self.kind == other.kind
    }
}

impl Serialize for Event {
    /// Writes [`as_json`](Event::as_json), field for field.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text: &RawValue = serde_json::from_str(&self.text).map_err(S::Error::custom)?;
        text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(deserializer)?;
        Self::from_json(json.get()).map_err(D::Error::custom)
    }
}

impl std::str::FromStr for Event {
    type Err = WebhookError;

    fn from_str(json: &str) -> Result<Self, WebhookError> {
        Self::from_json(json)
    }
}

/// Reads a body, and where it cannot be read, what is left of it when broken strings are mended.
fn mending<T>(body: &[u8], read: impl Fn(&[u8]) -> Result<T, WebhookError>) -> Result<T, WebhookError> {
    read(body).or_else(|error| mended(body).and_then(|text| read(text.as_bytes()).ok()).ok_or(error))
}

const fn missing(attribute: &'static str) -> WebhookError {
    WebhookError::MissingAttribute { attribute }
}

/// A header's text; a header that is empty or not text counts as absent. An intermediary that joins two equal lines changes
/// nothing.
fn header<'h>(headers: &impl Headers<'h>, name: &str) -> Option<&'h str> {
    let text = std::str::from_utf8(once(headers.get(name)?)).ok()?;
    (!text.is_empty()).then_some(text)
}

fn retry(number: Option<&str>, reason: Option<&str>) -> Option<Retry> {
    if number.is_none() && reason.is_none() {
        return None;
    }
    Some(Retry { number: number.and_then(|text| text.parse().ok()), reason: reason.map(str::to_owned) })
}

/// The range of a part that was borrowed from a string.
fn range_in(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    start..start.saturating_add(part.len())
}
