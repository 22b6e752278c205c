//! What the document says and the generator cannot express: a pointer and a sentence each.

use std::collections::BTreeSet;
use std::fmt;

use crate::pointer::Pointer;

/// One construct that could not be expressed, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pointer: String,
    what: String,
}

impl Finding {
    pub(crate) fn new(at: &Pointer, what: impl Into<String>) -> Self {
        Self { pointer: at.to_string(), what: what.into() }
    }

    /// Where in the document.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// What could not be expressed.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pointer, self.what)
    }
}

/// The findings of a run, without repetition, in the order of their discovery.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    seen: BTreeSet<Finding>,
    list: Vec<Finding>,
}

impl Findings {
    pub(crate) fn add(&mut self, finding: Finding) {
        if self.seen.insert(finding.clone()) {
            self.list.push(finding);
        }
    }

    pub(crate) fn say(&mut self, at: &Pointer, what: impl Into<String>) {
        self.add(Finding::new(at, what));
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn into_list(self) -> Vec<Finding> {
        self.list
    }
}
