//! A list of hooks, called one after the other; a hook that panics is contained and counted.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::contained::contained;

/// The hooks of a configuration or a receiver. Clones share the count of panics.
pub(crate) struct Watchers<T: ?Sized> {
    all: Vec<Arc<T>>,
    panics: Arc<AtomicU64>,
}

impl<T: ?Sized> Watchers<T> {
    pub(crate) fn add(&mut self, hooks: Arc<T>) {
        self.all.push(hooks);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// How many hooks have panicked so far.
    pub(crate) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// Calls all of them; a panic of one does not reach the others.
    pub(crate) fn each(&self, step: impl Fn(&T)) {
        for hooks in &self.all {
            if contained(|| step(hooks)).is_none() {
                self.panics.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl<T: ?Sized> Default for Watchers<T> {
    fn default() -> Self {
        Self { all: Vec::new(), panics: Arc::default() }
    }
}

impl<T: ?Sized> Clone for Watchers<T> {
    fn clone(&self) -> Self {
        Self { all: self.all.clone(), panics: Arc::clone(&self.panics) }
    }
}

impl<T: ?Sized> fmt::Debug for Watchers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} hooks", self.all.len())
    }
}
