//! Recordings of traffic: written without secrets, replayed without a network, compared for drift.

mod interaction;
mod recorder;
mod replay;
mod secrets;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::interaction::Interaction;
pub use self::recorder::{Recorder, RecordingTransport};
pub use self::replay::ReplayTransport;

/// The version of recordings that this crate reads and writes.
const VERSION: u64 = 1;

/// Why a recording cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CassetteError(String);

/// A recording: JSON lines, a head and then one interaction in each.
///
/// ```
/// use onehorizon::{Configuration, TasksApi};
/// use onehorizon_testing::{Cassette, FakeOneHorizon, Recorder, ReplayTransport};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Record, here from a fake; `ReqwestTransport` records the real service.
/// let fake = FakeOneHorizon::builder().in_process();
/// let recorder = Recorder::in_memory();
/// let config = Configuration::builder().api_key(fake.api_key()).transport(recorder.wrap(fake.transport())).build()?;
/// TasksApi::new(&config).fetch_task("tsk_1001").await?;
/// let text = recorder.cassette().to_text();
///
/// // Replay, without any network.
/// let replay = ReplayTransport::strict(Cassette::from_text(&text)?);
/// let config = Configuration::builder().api_key("any").transport(replay.clone()).build()?;
/// assert_eq!(TasksApi::new(&config).fetch_task("tsk_1001").await?.title, "Self-serve onboarding");
/// assert_eq!(replay.remaining(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cassette {
    interactions: Vec<Interaction>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    onehorizon_recording: u64,
}

impl Cassette {
    /// Reads a recording.
    ///
    /// # Errors
    /// It is of another version, or a line is damaged; the message names the line.
    pub fn from_text(text: &str) -> Result<Self, CassetteError> {
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let (_, head) = lines.next().ok_or_else(|| CassetteError("the recording is empty".to_owned()))?;
        let head: Head = serde_json::from_str(head).map_err(|_| {
            CassetteError("the first line is not the head of a recording, `{\"onehorizon_recording\":1}`".to_owned())
        })?;
        if head.onehorizon_recording != VERSION {
            let found = head.onehorizon_recording;
            return Err(CassetteError(format!(
                "the recording has version {found}, and this program reads version {VERSION}: record it again"
            )));
        }
        let mut interactions = Vec::new();
        for (index, line) in lines {
            let interaction: Interaction = serde_json::from_str(line).map_err(|error| {
                CassetteError(format!("line {} of the recording is damaged ({error}): record it again", index + 1))
            })?;
            if StatusCode::from_u16(interaction.status).is_err() {
                return Err(CassetteError(format!("line {} has {} for a status", index + 1, interaction.status)));
            }
            interactions.push(interaction);
        }
        Ok(Self { interactions })
    }

    /// Reads a recording from a file.
    ///
    /// # Errors
    /// The file cannot be read, or see [`from_text`](Self::from_text).
    pub fn load(path: impl AsRef<Path>) -> Result<Self, CassetteError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| CassetteError(format!("could not read {}: {error}", path.display())))?;
        Self::from_text(&text).map_err(|error| CassetteError(format!("{}: {error}", path.display())))
    }

    /// The recording as the text of a file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let lines = self.interactions.iter().filter_map(|one| serde_json::to_string(one).ok());
        std::iter::once(head()).chain(lines).map(|line| line + "\n").collect()
    }

    /// The interactions in their order.
    #[must_use]
    pub fn interactions(&self) -> &[Interaction] {
        &self.interactions
    }

    /// Where responses of `newer` have another shape than those of this recording: for each operation and status, the JSON
    /// paths that appeared, went away or changed their type, a line each. Values do not count.
    #[must_use]
    pub fn drift(&self, newer: &Self) -> Vec<String> {
        let (old, new) = (self.shapes(), newer.shapes());
        let mut found = Vec::new();
        for (place, paths) in &old {
            let Some(others) = new.get(place) else { continue };
            for (path, types) in paths {
                match others.get(path) {
                    None => found.push(format!("{place}: {path} went away")),
                    Some(other) if other != types => {
                        found.push(format!("{place}: {path} was {} and is {}", words(types), words(other)));
                    }
                    Some(_) => {}
                }
            }
            let added = others.iter().filter(|(path, _)| !paths.contains_key(*path));
            found.extend(added.map(|(path, types)| format!("{place}: {path} is new, {}", words(types))));
        }
        found
    }

    fn shapes(&self) -> BTreeMap<String, BTreeMap<String, BTreeSet<&'static str>>> {
        let mut shapes: BTreeMap<String, BTreeMap<_, BTreeSet<_>>> = BTreeMap::new();
        for one in &self.interactions {
            let name =
                if one.operation.is_empty() { format!("{} {}", one.method, one.path) } else { one.operation.clone() };
            let paths = shapes.entry(format!("{name} {}", one.status)).or_default();
            match one.response.value() {
                Some(value) => shape("$", &value, paths),
                None => {
                    paths.entry("$".to_owned()).or_default().insert(if one.response.is_none() {
                        "nothing"
                    } else {
                        "text"
                    });
                }
            }
        }
        shapes
    }
}

fn head() -> String {
    serde_json::to_string(&Head { onehorizon_recording: VERSION }).unwrap_or_default()
}

fn words(types: &BTreeSet<&'static str>) -> String {
    types.iter().copied().collect::<Vec<_>>().join(" or ")
}

fn shape(path: &str, value: &Value, paths: &mut BTreeMap<String, BTreeSet<&'static str>>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    paths.entry(path.to_owned()).or_default().insert(kind);
    match value {
        Value::Array(items) => items.iter().for_each(|item| shape(&format!("{path}[]"), item, paths)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| shape(&format!("{path}.{name}"), value, paths)),
        _ => {}
    }
}
