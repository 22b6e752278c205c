//! A replay store that survives its process: a journal of transitions, read again when it is opened.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use onehorizon::webhook::claims::{Claim, ClaimStore, Commit, Lease, StoreError, StoreFuture};

/// For one process at a time. Each transition is one line, written before it counts; a line that a crash has cut
/// short counts for nothing.
pub struct FileStore {
    state: Mutex<State>,
}

struct State {
    journal: File,
    entries: HashMap<String, Entry>,
    tokens: u128,
}

struct Entry {
    token: u128,
    step: Step,
}

#[derive(PartialEq)]
enum Step {
    Leased { until: u64 },
    Done,
    Released,
}

impl FileStore {
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut state = State {
            journal: OpenOptions::new().create(true).append(true).open(path)?,
            entries: HashMap::new(),
            tokens: 0,
        };
        let text = std::fs::read_to_string(path)?;
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            state.apply(line);
        }
        if !text.is_empty() && !text.ends_with('\n') {
            state.journal.write_all(b"\n")?;
        }
        Ok(Self { state: Mutex::new(state) })
    }

    /// Writes a line of the application's own into the same journal.
    pub fn note(&self, word: &str, event_id: &str) -> io::Result<()> {
        self.lock().write(word, event_id, 0, 0)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn write(&mut self, word: &str, event_id: &str, token: u128, until: u64) -> io::Result<()> {
        // The id comes last and escaped, so that it may have any character.
        let line = format!("{word} {token} {until} {}\n", event_id.escape_default());
        self.journal.write_all(line.as_bytes())?;
        self.apply(line.trim_end());
        Ok(())
    }

    /// The same for a line just written and for one read again.
    fn apply(&mut self, line: &str) {
        let mut words = line.splitn(4, ' ');
        let mut next = || words.next();
        let (Some(word), Some(Ok(token)), Some(Ok(until)), Some(id)) =
            (next(), next().map(str::parse::<u128>), next().map(str::parse), next())
        else {
            return;
        };
        let step = match word {
            "claim" => Step::Leased { until },
            "commit" => Step::Done,
            "release" => Step::Released,
            _ => return,
        };
        self.tokens = self.tokens.max(token);
        self.entries.insert(id.to_owned(), Entry { token, step });
    }

    fn entry(&self, event_id: &str) -> Option<&Entry> {
        self.entries.get(&event_id.escape_default().to_string())
    }

    fn claim(&mut self, event_id: &str, now: SystemTime, lease: Duration) -> io::Result<Claim> {
        match self.entry(event_id).map(|entry| &entry.step) {
            Some(Step::Done) => return Ok(Claim::Done),
            Some(Step::Leased { until }) if seconds(now) < *until => return Ok(Claim::Running),
            _ => {}
        }
        let token = self.tokens + 1;
        self.write("claim", event_id, token, seconds(now + lease))?;
        Ok(Claim::Fresh(Lease::new(event_id, token)))
    }

    fn commit(&mut self, lease: &Lease) -> io::Result<Commit> {
        match self.entry(lease.event_id()) {
            Some(entry) if entry.token == lease.token() => match entry.step {
                Step::Done => Ok(Commit::Recorded),
                Step::Released => Ok(Commit::Superseded),
                Step::Leased { .. } => {
                    self.write("commit", lease.event_id(), lease.token(), 0)?;
                    Ok(Commit::Recorded)
                }
            },
            _ => Ok(Commit::Superseded),
        }
    }

    fn release(&mut self, lease: &Lease) -> io::Result<()> {
        match self.entry(lease.event_id()) {
            Some(Entry { token, step: Step::Leased { .. } }) if *token == lease.token() => {
                self.write("release", lease.event_id(), lease.token(), 0)
            }
            _ => Ok(()),
        }
    }
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap().as_secs()
}

impl ClaimStore for FileStore {
    fn claim<'a>(&'a self, event_id: &'a str, now: SystemTime, lease: Duration) -> StoreFuture<'a, Claim> {
        Box::pin(async move { self.lock().claim(event_id, now, lease).map_err(StoreError::new) })
    }

    fn commit<'a>(&'a self, lease: &'a Lease, _: SystemTime) -> StoreFuture<'a, Commit> {
        Box::pin(async move { self.lock().commit(lease).map_err(StoreError::new) })
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> StoreFuture<'a, ()> {
        Box::pin(async move { self.lock().release(lease).map_err(StoreError::new) })
    }

    fn abandon(&self, lease: &Lease) {
        // What cannot be written ends with the lease.
        let _ = self.lock().release(lease);
    }
}
