//! What the document says and the generator cannot express: a pointer and a sentence each.

use std::collections::BTreeSet;
use std::fmt;

use crate::curation::Accept;
use crate::pointer::Pointer;

/// One construct that could not be expressed, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pointer: String,
    what: String,
    /// The table of the curation, and what in it is stale.
    entry: Option<(Vec<String>, String)>,
    /// The table of the curation whose `name` mends it, and the name that an intake proposes.
    remedy: Option<Box<(Vec<String>, String)>>,
}

impl Finding {
    pub(crate) fn new(at: &Pointer, what: impl Into<String>) -> Self {
        Self { pointer: at.to_string(), what: what.into(), entry: None, remedy: None }
    }

    /// Where in the document.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// The table of the curation and the name in it that is stale.
    pub(crate) fn entry(&self) -> Option<(&[String], &str)> {
        self.entry.as_ref().map(|(path, name)| (path.as_slice(), name.as_str()))
    }

    /// This finding, which a `name` in that table of the curation mends.
    pub(crate) fn mended_by(self, table: &[&str], name: String) -> Self {
        Self { remedy: Some(Box::new((table.iter().map(|&step| step.to_owned()).collect(), name))), ..self }
    }

    /// The table of the curation whose `name` mends it, and the name to propose.
    pub(crate) fn remedy(&self) -> Option<(&[String], &str)> {
        self.remedy.as_deref().map(|(path, name)| (path.as_slice(), name.as_str()))
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
    stale: Vec<Finding>,
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

    /// The curation says what the document does not bear out: an error in every mode, and never accepted.
    pub(crate) fn stale(&mut self, at: &Pointer, what: impl AsRef<str>) {
        self.stale_entry(at, what, None);
    }

    /// The same, with the table of the curation and the name in it that is to go.
    pub(crate) fn stale_entry(&mut self, at: &Pointer, what: impl AsRef<str>, entry: Option<(Vec<String>, String)>) {
        let finding = Finding { entry, ..Finding::new(at, format!("curation: {}", what.as_ref())) };
        if self.seen.insert(finding.clone()) {
            self.stale.push(finding);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Sorts the findings by what becomes of them. An entry of `accepted` that accepts nothing is stale.
    pub(crate) fn sorted(mut self, accepted: &[Accept]) -> Sorted {
        let mut used = vec![false; accepted.len()];
        let (taken, open): (Vec<Finding>, Vec<Finding>) =
            std::mem::take(&mut self.list).into_iter().partition(|finding| {
                let mut hit = false;
                for (entry, used) in accepted.iter().zip(&mut used) {
                    if accepts(entry, finding) {
                        hit = true;
                        *used = true;
                    }
                }
                hit
            });
        for (entry, _) in accepted.iter().zip(&used).filter(|(_, used)| !**used) {
            self.stale(
                &Pointer::root(),
                format!("accept: there is no finding `{}: {}` to accept; remove the entry", entry.pointer, entry.what),
            );
        }
        Sorted { open, accepted: taken, stale: self.stale }
    }
}

/// The findings of a run, by what becomes of them.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    /// Errors in strict mode.
    pub(crate) open: Vec<Finding>,
    /// Known and accepted by the curation.
    pub(crate) accepted: Vec<Finding>,
    /// Entries of the curation that name nothing.
    pub(crate) stale: Vec<Finding>,
}

/// Does the entry name this finding? In its pointer, `*` stands for any one step.
fn accepts(entry: &Accept, finding: &Finding) -> bool {
    let steps = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
    let (wanted, found) = (steps(&entry.pointer), steps(&finding.pointer));
    wanted.len() == found.len()
        && wanted.iter().zip(&found).all(|(wanted, found)| wanted == "*" || wanted == found)
        && finding.what.starts_with(&entry.what)
}
