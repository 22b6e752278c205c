//! Which tasks are done, in a file that outlives the program.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

/// One line for each task that is done, written before the next one is begun.
pub(crate) struct State {
    path: PathBuf,
    file: File,
    done: BTreeSet<String>,
}

impl State {
    /// Opens the file, with what an earlier run has done.
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        let text = fs::read_to_string(&path)?;
        // A line without an end was cut off by a crash: that task is simply done again.
        let whole = text.rfind('\n').map_or("", |end| text.get(..end).unwrap_or_default());
        let done = whole.lines().map(str::to_owned).collect();
        Ok(Self { path, file, done })
    }

    pub(crate) fn is_done(&self, id: &str) -> bool {
        self.done.contains(id)
    }

    pub(crate) fn count(&self) -> usize {
        self.done.len()
    }

    pub(crate) fn mark(&mut self, id: &str) -> io::Result<()> {
        self.file.write_all(format!("{id}\n").as_bytes())?;
        self.done.insert(id.to_owned());
        Ok(())
    }

    /// The job is done: the next one starts from nothing.
    pub(crate) fn remove(self) -> io::Result<()> {
        fs::remove_file(self.path)
    }
}
