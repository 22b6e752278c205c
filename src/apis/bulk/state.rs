//! The state file of a bulk run: which items are done.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::models::TaskId;

/// The first line, which marks such a file.
const HEADER: &str = r#"{"onehorizon-bulk":1}"#;

/// One line of JSON for each item that is done, and for each create that is begun.
pub(super) struct State {
    path: PathBuf,
    file: File,
    done: BTreeMap<String, TaskId>,
    begun: BTreeSet<String>,
}

impl State {
    /// Opens the file, with what an earlier run wrote; the error is one line for the user.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let named = |fault: &dyn std::fmt::Display| format!("the state file {} {fault}", path.display());
        let unusable = |fault: io::Error| named(&format!("cannot be used: {fault}"));
        let mut file =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path).map_err(unusable)?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(unusable)?;
        // A line without an end was cut off by a crash.
        let whole = text.get(..text.rfind('\n').map_or(0, |end| end + 1)).unwrap_or_default();
        let mut lines = whole.lines();
        let (mut done, mut begun) = (BTreeMap::new(), BTreeSet::new());
        if lines.next().is_some_and(|first| first != HEADER) || whole.is_empty() && !HEADER.starts_with(&text) {
            return Err(named(&"is not one of a bulk run: name another one"));
        }
        for line in lines {
            let read: Value = serde_json::from_str(line).map_err(|_| named(&"has a line that cannot be read"))?;
            let text = |name: &str| read.get(name).and_then(Value::as_str).map(str::to_owned);
            match (text("done"), text("begun"), text("notDone")) {
                (Some(key), ..) => {
                    done.insert(key, TaskId::from(text("task").unwrap_or_default()));
                }
                (_, Some(key), _) => {
                    begun.insert(key);
                }
                (.., Some(key)) => {
                    begun.remove(&key);
                }
                (None, None, None) => return Err(named(&"has a line that cannot be read")),
            }
        }
        let end = u64::try_from(whole.len()).unwrap_or(u64::MAX);
        file.set_len(end).and_then(|()| file.seek(SeekFrom::Start(end))).map_err(unusable)?;
        let mut state = Self { path: path.to_owned(), file, done, begun };
        if whole.is_empty() {
            state.line(HEADER).map_err(unusable)?;
        }
        Ok(state)
    }

    /// The task of an item that is done.
    pub(super) fn done(&self, key: &str) -> Option<&TaskId> {
        self.done.get(key)
    }

    /// Whether an item was begun and never finished.
    pub(super) fn is_unfinished(&self, key: &str) -> bool {
        self.begun.contains(key)
    }

    pub(super) fn mark_begun(&mut self, key: &str) -> io::Result<()> {
        self.begun.insert(key.to_owned());
        self.line(&json!({ "begun": key }).to_string())
    }

    /// A create that was begun has certainly not been done.
    pub(super) fn mark_not_done(&mut self, key: &str) -> io::Result<()> {
        if !self.begun.remove(key) {
            return Ok(());
        }
        self.line(&json!({ "notDone": key }).to_string())
    }

    pub(super) fn mark_done(&mut self, key: &str, task: &TaskId) -> io::Result<()> {
        self.line(&json!({ "done": key, "task": task.as_str() }).to_string())
    }

    /// Everything is done: the next run starts from nothing.
    pub(super) fn remove(self) -> io::Result<()> {
        fs::remove_file(self.path)
    }

    fn line(&mut self, text: &str) -> io::Result<()> {
        self.file.write_all(format!("{text}\n").as_bytes())
    }
}
