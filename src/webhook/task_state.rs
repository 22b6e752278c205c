//! Which state of a task an event or an entry of a list shows.

use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::event::{Event, Payload};
use crate::models::runtime::RawObject;
use crate::models::{EventType, Timestamp};

/// What makes a state where a task has no time of its last update. Not the description, which lists may shorten, and
/// nothing that this version does not know, which lists may leave out.
const FIELDS: [&str; 13] = [
    "completedAt",
    "contributors",
    "kind",
    "parentInitiativeId",
    "priority",
    "scope",
    "status",
    "taxonomyLabelIds",
    "teamIds",
    "title",
    "topic",
    "userId",
    "visibility",
];

/// A state of a task: the time of its last update, else a hash of its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TaskState(String);

impl TaskState {
    /// The state that an event of a created or updated task shows. Events of other types are about something else than a
    /// state, even where they carry a task.
    pub(crate) fn of_event(event: &Event) -> Option<Self> {
        if !matches!(event.event_type(), EventType::TaskCreated | EventType::TaskUpdated) {
            return None;
        }
        let Payload::Task(task) = event.payload() else { return None };
        Self::of(task.task_id.as_str(), &serde_json::to_string(task).ok()?)
    }

    /// The state of a task as JSON; `None` without an id.
    pub(crate) fn of(task_id: &str, json: &str) -> Option<Self> {
        let task = RawObject::parse(json).ok()?;
        let updated = task.get("updatedAt").and_then(content);
        let instant = updated.as_ref().and_then(|value| Timestamp::from(value.as_str()?).to_system_time());
        let mut state = String::new();
        match (instant, updated) {
            (Some(instant), _) => return Self::at(task_id, instant),
            (None, Some(odd)) => canonical(&odd, &mut state),
            (None, None) => {
                for name in FIELDS {
                    if let Some(value) = task.get(name).and_then(content) {
                        state.push_str(name);
                        canonical(&value, &mut state);
                    }
                }
            }
        }
        Self::hashed(task_id, &state)
    }

    /// The state of a task that was last updated at this time.
    pub(crate) fn at(task_id: &str, updated: std::time::SystemTime) -> Option<Self> {
        let since = updated
            .duration_since(std::time::UNIX_EPOCH)
            .map_or_else(|before| format!("-{}", before.duration().as_nanos()), |after| after.as_nanos().to_string());
        Self::hashed(task_id, &since)
    }

    fn hashed(task_id: &str, state: &str) -> Option<Self> {
        if task_id.is_empty() {
            return None;
        }
        let mut hash = Sha256::new();
        hash.update(task_id.len().to_le_bytes());
        hash.update(task_id);
        hash.update(state);
        Some(Self(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// The hash in 64 digits.
    #[cfg(feature = "client")]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// What is claimed and committed in the store when a delivery has shown the state to the handler.
    pub(crate) fn delivered_id(&self) -> String {
        format!("state:{}", self.0)
    }

    /// The id of the reconciled event that shows the state.
    pub(crate) fn reconciled_id(&self) -> String {
        format!("reconciled:{}", self.0)
    }
}

/// A field's content, unless it is empty. A number that no `f64` holds counts by its digits.
fn content(raw: &RawValue) -> Option<Value> {
    let value = serde_json::from_str(raw.get()).unwrap_or_else(|_| Value::from(raw.get()));
    Some(value).filter(|value| !is_empty(value))
}

/// Null and empty values say the same as an absent field.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Writes JSON in one form whatever the order of its fields.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().filter(|(_, value)| !is_empty(value)).collect();
            fields.sort_by_key(|(name, _)| *name);
            out.push('{');
            for (name, value) in fields {
                out.push_str(&Value::from(name.as_str()).to_string());
                canonical(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}
