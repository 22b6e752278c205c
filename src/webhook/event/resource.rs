//! The resource of an event: type, id, workspace.

use std::collections::{BTreeMap, HashSet};

use serde::de::Error as _;
use serde_json::value::RawValue;

use crate::models::runtime::RawObject;
use crate::models::{EventResource, TaskId, from_json};

/// Reads the resource; where a field has an unexpected shape it is left out, and the reason is given beside it.
pub(super) fn read(text: &str) -> Option<(EventResource, Option<serde_json::Error>)> {
    match from_json::<EventResource>(text) {
        Ok(resource) => {
            let odd = resource.unreadable();
            let error =
                odd.first().map(|odd| serde_json::Error::custom(format_args!("{}: {}", odd.path(), odd.error())));
            Some((resource, error))
        }
        Err(error) => Some((read_loosely(text)?, Some(error))),
    }
}

/// Keeps the fields that the model can read, each by itself.
fn read_loosely(text: &str) -> Option<EventResource> {
    let no_type: &RawValue = serde_json::from_str("\"\"").ok()?;
    let fields = RawObject::parse(text).ok()?;
    let mut kept: BTreeMap<&str, &RawValue> = BTreeMap::from([("type", no_type)]);
    for (name, value) in fields.iter() {
        if name != "type" && kept.contains_key(name) {
            continue;
        }
        let alone = BTreeMap::from([("type", no_type), (name, value)]);
        if decode(&alone).is_some() {
            kept.insert(name, value);
        }
    }
    decode(&kept)
}

fn decode(fields: &BTreeMap<&str, &RawValue>) -> Option<EventResource> {
    serde_json::from_str(&serde_json::to_string(fields).ok()?).ok()
}

/// The tasks that a resource names, each once: `taskId`, the id of a task, `taskIds`.
pub(super) fn task_ids(resource: &EventResource) -> Vec<TaskId> {
    let own = resource.id.as_deref().filter(|_| resource.resource_type.as_str() == "task").map(TaskId::from);
    let all = resource.task_id.clone().into_iter().chain(own).chain(resource.task_ids.iter().cloned());
    let mut seen = HashSet::new();
    all.filter(|id| !id.as_str().is_empty() && seen.insert(id.clone())).collect()
}
