//! Up to where everything is handled or accepted as lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::entry::Entry;
use crate::models::TaskId;

/// How long a list may lag behind: tasks that changed this long before a checkpoint are compared once more.
const LAG: Duration = Duration::from_secs(5 * 60);

/// Up to where every state of a task is handled, or accepted as lost. Save it, as text or with serde, and give it to the
/// next [run](super::Reconciler::run).
///
/// It has the time of the latest change in the list, by the service's clock, and of tasks that changed within five minutes
/// before, or have no readable time of their last change, a hash of their state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    until: SystemTime,
    /// The states that the time does not cover, as hashes, by task id.
    states: BTreeMap<String, String>,
    /// Tasks to look at again.
    unfinished: BTreeSet<String>,
}

impl Checkpoint {
    /// A checkpoint at a time: what changed before counts as handled. For a program that knows since when it was down; else
    /// begin with [`baseline`](super::Reconciler::baseline).
    #[must_use]
    pub fn at(time: SystemTime) -> Self {
        Self { until: time, states: BTreeMap::new(), unfinished: BTreeSet::new() }
    }

    /// The time that it covers.
    #[must_use]
    pub fn time(&self) -> SystemTime {
        self.until
    }

    /// The checkpoint of a list.
    ///
    /// A change dated after `now` does not move it: one task with a date of next year must not hide all changes until then.
    pub(super) fn after(since: Option<&Self>, entries: &[Entry], unfinished: &[&TaskId], now: SystemTime) -> Self {
        let latest = entries.iter().filter_map(Entry::updated).filter(|updated| *updated <= now).max();
        let until = latest.into_iter().chain(since.map(|since| since.until)).max().unwrap_or(UNIX_EPOCH);
        let next = Self::at(until);
        let uncovered = entries.iter().filter(|entry| !next.covers_time(entry));
        let states = uncovered
            .filter_map(|entry| Some((entry.task_id().as_str().to_owned(), entry.state()?.as_str().to_owned())))
            .collect();
        let unfinished = unfinished.iter().map(|id| id.as_str().to_owned()).collect();
        Self { until, states, unfinished }
    }

    /// Whether the state of the task is known to be handled.
    pub(super) fn covers(&self, entry: &Entry) -> bool {
        let id = entry.task_id().as_str();
        let is_known =
            || entry.state().is_some_and(|state| self.states.get(id).is_some_and(|known| known == state.as_str()));
        !self.unfinished.contains(id) && (self.covers_time(entry) || is_known())
    }

    /// Whether this is before the time.
    pub(super) fn is_before(&self, time: SystemTime) -> bool {
        self.until < time
    }

    fn covers_time(&self, entry: &Entry) -> bool {
        entry.updated().is_some_and(|updated| updated.checked_add(LAG).is_some_and(|end| end < self.until))
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whole milliseconds, rounded down: what is compared once more is found in the store.
        let until = self.until.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let until = u64::try_from(until).unwrap_or(u64::MAX);
        let states: Map<String, Value> =
            self.states.iter().map(|(id, state)| (id.clone(), Value::from(state.as_str()))).collect();
        let unfinished: Vec<&str> = self.unfinished.iter().map(String::as_str).collect();
        let json = serde_json::json!({"version": 1, "untilMs": until, "states": states, "unfinished": unfinished});
        write!(f, "{json}")
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let json: Value = serde_json::from_str(text.trim()).map_err(|_| CheckpointError("it is not JSON"))?;
        if json.get("version").and_then(Value::as_u64) != Some(1) {
            return Err(CheckpointError("it has another version than 1"));
        }
        let until = json.get("untilMs").and_then(Value::as_u64).map(Duration::from_millis);
        let until = until.and_then(|until| UNIX_EPOCH.checked_add(until)).ok_or(CheckpointError("it has no time"))?;
        let states = json.get("states").and_then(Value::as_object).ok_or(CheckpointError("it has no states"))?;
        let states =
            states.iter().map(|(id, state)| Some((id.clone(), state.as_str()?.to_owned()))).collect::<Option<_>>();
        let unfinished = json
            .get("unfinished")
            .and_then(Value::as_array)
            .map(|ids| ids.iter().map(|id| Some(id.as_str()?.to_owned())));
        Ok(Self {
            until,
            states: states.ok_or(CheckpointError("it has a state that is not a string"))?,
            unfinished: unfinished
                .and_then(Iterator::collect)
                .ok_or(CheckpointError("it has no list of unfinished tasks"))?,
        })
    }
}

impl Serialize for Checkpoint {
    /// Writes the text of [`Display`](fmt::Display), as a string.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Checkpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A string is not a checkpoint. To begin anew, take a [`baseline`](super::Reconciler::baseline).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the checkpoint cannot be read: {0}")]
pub struct CheckpointError(&'static str);
