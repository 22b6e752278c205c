//! Facts of the contract and what the official document says of them.

use serde::Serialize;

/// What the official document says of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The same.
    Confirmed,
    /// Something else.
    Refuted,
    /// Nothing.
    Silent,
    /// It says something that the contract did not know.
    New,
}

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What it is about: `operation updateTask, method`, `field Task.topic`.
    pub subject: String,
    /// What the contract says; nothing where the fact is new.
    pub ours: String,
    /// What the official document says.
    pub theirs: String,
    /// What follows for the contract.
    pub verdict: Verdict,
    /// The mark that the contract gave it: `documented`, `observed`, `inferred`.
    pub mark: Option<String>,
    /// Where it stands in the official document, or, where that is silent, in the contract.
    pub pointer: String,
}

/// The facts of a run, each subject once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    list: Vec<Fact>,
    known: std::collections::BTreeSet<String>,
}

impl Facts {
    pub(crate) fn add(&mut self, fact: Fact) {
        if self.known.insert(fact.subject.clone()) {
            self.list.push(fact);
        }
    }

    pub(crate) fn into_list(self) -> Vec<Fact> {
        self.list
    }
}
