//! How models are read: at full speed first, value by value if that fails.
//!
//! Most responses have the shape that the contract expects, and reading them in one pass is fastest. When a value does
//! not fit, its JSON text is needed to keep it, and a stream does not give text back. So a model is read from the text
//! once more, this time each value from its own text, and what does not fit is kept.

use std::cell::Cell;

use serde::de::DeserializeOwned;

use super::mend::{may_have_halves, mended};

/// What surrounds the model that is being read on this thread.
#[derive(Clone, Copy)]
struct Mode {
    /// The first value that does not fit ends the reading; the caller has the text and will read it again.
    optimistic: bool,
    /// The client reads a response to a request for this very object.
    whole: bool,
    /// How many objects are being read value by value, each inside the one before.
    depth: u8,
}

/// The depth at which `serde_json` stops as well.
const DEEPEST: u8 = 128;

thread_local! {
    static MODE: Cell<Mode> = const { Cell::new(Mode { optimistic: false, whole: false, depth: 0 }) };
}

/// Restores the mode, also when a reader panics.
struct Restore(Mode);

impl Drop for Restore {
    fn drop(&mut self) {
        MODE.set(self.0);
    }
}

fn with<T>(change: impl FnOnce(&mut Mode), read: impl FnOnce() -> T) -> T {
    let before = MODE.get();
    let _restore = Restore(before);
    let mut mode = before;
    change(&mut mode);
    MODE.set(mode);
    read()
}

/// Whether the first value that does not fit ends the reading.
#[inline]
pub(crate) fn is_optimistic() -> bool {
    MODE.get().optimistic
}

/// Whether the client reads a response to a request for this very object.
#[inline]
pub(crate) fn is_whole_response() -> bool {
    MODE.get().whole
}

/// Reads at full speed; an error means that the text has to be read value by value.
pub(crate) fn optimistically<T>(read: impl FnOnce() -> T) -> T {
    with(|mode| mode.optimistic = true, read)
}

/// Reads value by value; `None` when that goes too deep.
pub(crate) fn carefully<T>(read: impl FnOnce() -> T) -> Option<T> {
    (MODE.get().depth < DEEPEST).then(|| with(|mode| (mode.optimistic, mode.depth) = (false, mode.depth + 1), read))
}

/// Reads JSON as the client reads a response.
///
/// The result is that of [`serde_json::from_str`], a third faster for models: JSON that fits is read in one pass.
/// A byte order mark before the JSON is skipped, and half of a surrogate pair in the name of a field is read as U+FFFD.
///
/// ```
/// use onehorizon::models::{TaskList, from_json};
/// let list: TaskList = from_json(r#"{"tasks": [{"taskId": "tsk_1"}, 7]}"#)?;
/// assert_eq!(list.tasks[0].task_id, "tsk_1");
/// assert_eq!(list.unreadable()[0].path(), "tasks[1]");
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Errors
/// When the text is not JSON, or lacks what the type cannot do without.
pub fn from_json<T: DeserializeOwned>(json: &str) -> Result<T, serde_json::Error> {
    let json = json.strip_prefix('\u{feff}').unwrap_or(json);
    read(json).or_else(|error| read_mended(json, error))
}

/// Reads what could not be read with halves of pairs in names replaced, if there are any.
fn read_mended<T: DeserializeOwned>(json: &str, error: serde_json::Error) -> Result<T, serde_json::Error> {
    let mended = may_have_halves(json).then(|| mended(json.as_bytes())).flatten();
    mended.and_then(|json| read(&json).ok()).ok_or(error)
}

fn read<T: DeserializeOwned>(json: &str) -> Result<T, serde_json::Error> {
    optimistically(|| serde_json::from_str(json)).or_else(|_| serde_json::from_str(json))
}

/// Reads a response whose body is the object itself: models in it are marked as read whole (see `is_whole`).
#[cfg(feature = "client")]
pub(crate) fn from_response<T: DeserializeOwned>(json: &str) -> Result<T, serde_json::Error> {
    let json = json.strip_prefix('\u{feff}').unwrap_or(json);
    // What had to be mended is not whole: it would be written back otherwise than it came.
    with(|mode| mode.whole = true, || read(json)).or_else(|error| read_mended(json, error))
}
