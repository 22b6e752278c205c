//! Remembers which drift was reported to the hooks.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// Beyond so many things nothing more is reported: a service may make up names without end.
pub(super) const MOST: usize = 256;

/// What a configuration and its clones have reported.
#[derive(Default)]
pub(crate) struct Reported(Mutex<HashSet<String>>);

impl Reported {
    /// Whether this is the first time.
    pub(super) fn is_new(&self, key: String) -> bool {
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reported.len() < MOST && reported.insert(key)
    }
}
